//! The status for people, as `dropfeed status` prints it, and for programs, as JSON.
//!
//! Both are functions of the status, the configuration and the time. Lists are cut at a limit; the
//! numbers are whole.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Contents, Part, PollReason, Scanning, Snapshot, Status, Watching};
use crate::base::time::in_words;
use crate::base::{Diagnostic, RelPath, Timestamp};
use crate::config::Config;

/// Entries of a list in the text.
const SHOWN_MAX: usize = 10;

/// Entries of a list in the JSON.
const LISTED_MAX: usize = 100;

/// The process that reports.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The version of dropfeed.
    pub version: &'a str,
    /// The id of the process.
    pub process: u32,
    /// The time of its start.
    pub started: Timestamp,
    /// The configuration that it uses.
    pub config: &'a Config,
    /// The file of the configuration; none for the defaults.
    pub config_file: Option<&'a Path>,
    /// The time.
    pub now: Timestamp,
}

/// The process, as long as it runs.
#[derive(Debug, Clone)]
pub struct Process {
    /// The version of dropfeed.
    pub version: &'static str,
    /// The id of the process.
    pub id: u32,
    /// The time of its start.
    pub started: Timestamp,
    /// The configuration at the start; a reload does not change it.
    pub config: Arc<Config>,
    /// The file of the configuration.
    pub config_file: Option<PathBuf>,
}

impl Process {
    /// The report of the process at `now`, while `snapshot` is published.
    pub fn about<'a>(&'a self, snapshot: Option<&'a Snapshot>, now: Timestamp) -> About<'a> {
        About {
            version: self.version,
            process: self.id,
            started: self.started,
            // A reload may have changed the configuration since the start.
            config: snapshot.map_or(&self.config, |snapshot| &snapshot.config),
            config_file: self.config_file.as_deref(),
            now,
        }
    }
}

/// Whether there is something that an operator or an author should do.
pub fn needs_attention(status: &Status) -> bool {
    status.is_degraded() || status.contents.refused_count() > 0
}

/// One word for the whole.
fn state(status: &Status) -> &'static str {
    if status.held.is_some() {
        "held"
    } else if status.is_degraded() {
        "degraded"
    } else if status.published.is_none() {
        "starting"
    } else {
        "serving"
    }
}

/// The status as text, without a final line break.
pub fn text(status: &Status, about: &About<'_>) -> String {
    let mut out = String::new();
    for (name, value) in rows(status, about) {
        line(&mut out, &format!("{name:<10} {value}"));
    }
    for (text, since) in troubles(status) {
        let since = format!("since {}, for {}", second(since), wait(about.now, since));
        line(&mut out, &format!("\n{text}\n  {since}"));
    }
    let Contents { scheduled, .. } = &status.contents;
    let refused = status.contents.all_refused().map(|(path, found)| finding(path, found));
    list(&mut out, "refused files", status.contents.refused_count(), refused);
    let unreadable = status.unreadable.iter().map(|(path, file)| finding(path, &file.diagnostic));
    list(&mut out, "unreadable files", status.unreadable.len(), unreadable);
    let dated = scheduled
        .iter()
        .map(|(at, path)| format!("{path}: {}, in {}", second(*at), wait(*at, about.now)));
    let zone = about.config.site.timezone.iana_name().unwrap_or("UTC");
    let heading = format!("scheduled articles (site.timezone is {zone})");
    list(&mut out, &heading, scheduled.len(), dated);
    out.trim_end().to_owned()
}

/// The lines that are always there: a name, or nothing where the line goes on, and a value.
pub fn rows(status: &Status, about: &About<'_>) -> Vec<(&'static str, String)> {
    let About { config, now, .. } = about;
    let Contents { entries, drafts, scheduled, .. } = &status.contents;
    let refused = status.contents.refused_count();
    let drafts = counted(*drafts, "draft");
    let articles =
        format!("{entries} public, {drafts}, {} scheduled, {refused} refused", scheduled.len());
    let published = match status.published {
        None => "nothing yet; the first scan is under way".to_owned(),
        Some(last) => {
            let took = match last.took {
                Some(took) => format!(", in {} ms", took.as_millis()),
                None => ", as it was before the start".to_owned(),
            };
            let at = ago(last.at, *now);
            format!("{at}: generation {}{took}", last.generation)
        }
    };
    let scanned = match (status.scanning, status.scans) {
        (Some(Scanning { done, total }), _) => format!("now: {done} of {total} files read"),
        (None, None) => "not yet".to_owned(),
        (None, Some(scans)) => {
            let count = usize::try_from(scans.count).unwrap_or(usize::MAX);
            format!("{}; {} since the start", ago(scans.last, *now), counted(count, "full scan"))
        }
    };
    let file = match about.config_file {
        Some(file) => file.display().to_string(),
        None => "the defaults; there is no file".to_owned(),
    };
    let up = wait(*now, about.started);
    vec![
        ("state", state(status).to_owned()),
        ("site", format!("{} ({})", config.site.url, config.site.title)),
        ("articles", articles),
        ("", format!("in {}", config.articles.dir.display())),
        ("published", published),
        ("scanned", scanned),
        ("watching", watching(&status.watching)),
        ("feeds", feeds(status, about)),
        ("config", file),
        ("process", format!("{}, version {}, for {up}", about.process, about.version)),
    ]
}

fn watching(watching: &Watching) -> String {
    match watching {
        Watching::Inotify { directories, directories_max: Some(max) } => {
            format!("inotify: {directories} of at most {max} directories")
        }
        Watching::Inotify { directories: 1, directories_max: None } => {
            "inotify: 1 directory".to_owned()
        }
        Watching::Inotify { directories, directories_max: None } => {
            format!("inotify: {directories} directories")
        }
        Watching::Polling { .. } => watching.polled_because().unwrap_or_default(),
    }
}

/// The state of the files in `feeds/`.
fn feeds(status: &Status, about: &About<'_>) -> String {
    let dir = about.config.feeds.dir.display();
    match (status.projection, status.published) {
        _ if status.degraded.contains_key(&Part::Projection) => format!("not up to date in {dir}"),
        (Some(written), Some(last)) if written.generation == last.generation => {
            format!("up to date in {dir}")
        }
        (Some(written), _) => {
            format!("being written in {dir}; they show generation {}", written.generation)
        }
        (None, _) => format!("being compared in {dir}"),
    }
}

/// Everything that does not work, with since when. Each begins with `degraded: `.
pub fn troubles(status: &Status) -> Vec<(String, Timestamp)> {
    // In the order of the lines.
    let mut since = Vec::new();
    since.extend(status.held.iter().map(|held| held.since));
    since.extend(status.degraded.values().map(|degraded| degraded.since));
    since.extend(status.unreadable.values().map(|file| file.since).min());
    status.lines().zip(since).collect()
}

/// A list under a heading, unless it is empty.
fn list(out: &mut String, heading: &str, count: usize, items: impl Iterator<Item = String>) {
    if count == 0 {
        return;
    }
    line(out, &format!("\n{heading}: {count}"));
    for item in items.take(SHOWN_MAX) {
        line(out, &format!("  {item}"));
    }
    if count > SHOWN_MAX {
        line(out, &format!("  and {} more; --json lists {LISTED_MAX}", count - SHOWN_MAX));
    }
}

/// `a.md:3:1: message [code]`
fn finding(path: &RelPath, found: &Diagnostic) -> String {
    // A diagnostic without a place prints its message alone.
    let gap = if found.place.is_some() { "" } else { " " };
    format!("{path}:{gap}{found} [{}]", found.code)
}

/// Adds a line. Writing to a string cannot fail. Names of files are data: what they hold must not
/// change the terminal.
fn line(out: &mut String, text: &str) {
    for part in text.split('\n') {
        let _ = writeln!(out, "{}", part.replace(char::is_control, " "));
    }
}

/// `2026-11-29 05:12:03 UTC`
pub fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1 draft`, `2 drafts`
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// A moment in the past.
fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{}, {} ago", second(at), wait(now, at))
}

/// The time from `earlier` to `later`, in words.
pub fn wait(later: Timestamp, earlier: Timestamp) -> String {
    in_words(later.duration_since(earlier).as_secs())
}

/// The status as one JSON object. Moments are RFC 3339 in UTC, durations have their unit in the
/// name.
pub fn json(status: &Status, about: &About<'_>) -> Value {
    let About { config, now, .. } = about;
    let contents = &status.contents;
    let published = status.published.map(|last| {
        let took_ms = last.took.map(|took| took.as_secs_f64() * 1000.0);
        json!({ "at": last.at, "generation": last.generation, "took_ms": took_ms })
    });
    let projection =
        status.projection.map(|last| json!({ "at": last.at, "generation": last.generation }));
    let held = status.held.as_ref().map(|held| {
        json!({ "before": held.before, "after": held.after, "reason": held.reason, "since": held.since })
    });
    json!({
        "state": state(status),
        "needs_attention": needs_attention(status),
        "version": about.version,
        "process": about.process,
        "started": about.started,
        "now": now,
        "config": about.config_file,
        "site": { "url": config.site.url.as_str(), "title": config.site.title },
        "directories": {
            "articles": config.articles.dir,
            "feeds": config.feeds.dir,
            "state": config.state.dir,
        },
        "articles": {
            "public": contents.entries,
            "drafts": contents.drafts,
            "scheduled": contents.scheduled.len(),
            "refused": contents.refused_count(),
            "unreadable": status.unreadable.len(),
        },
        "published": published,
        "scans": status.scans.map(|scans| json!({ "count": scans.count, "last": scans.last })),
        "scanning": status.scanning.map(|Scanning { done, total }| {
            json!({ "done": done, "total": total })
        }),
        "watching": watching_json(&status.watching),
        "projection": projection,
        "held": held,
        "degraded": degraded_json(status),
        "refused": refused_json(contents),
        "unreadable": unreadable_json(status),
        "scheduled": scheduled_json(contents),
    })
}

fn watching_json(watching: &Watching) -> Value {
    match watching {
        Watching::Inotify { directories, directories_max } => json!({
            "mode": "inotify",
            "directories": directories,
            "directories_max": directories_max,
        }),
        Watching::Polling { reason, every } => json!({
            "mode": "polling",
            "every_s": every.as_secs(),
            "is_fallback": matches!(reason, PollReason::Failed(_)),
            "reason": watching.polled_because(),
        }),
    }
}

fn degraded_json(status: &Status) -> Vec<Value> {
    let mut list = Vec::new();
    for (part, degraded) in &status.degraded {
        let (reason, since) = (&degraded.reason, degraded.since);
        list.push(json!({ "part": part.name(), "reason": reason, "since": since }));
    }
    list
}

fn refused_json(contents: &Contents) -> Vec<Value> {
    let mut list = Vec::new();
    for (path, found) in contents.all_refused().take(LISTED_MAX) {
        list.push(json!({
            "path": path.as_str(),
            "line": found.place.map(|place| place.line),
            "column": found.place.map(|place| place.column),
            "code": found.code,
            "message": found.message,
        }));
    }
    list
}

fn unreadable_json(status: &Status) -> Vec<Value> {
    let mut list = Vec::new();
    for (path, file) in status.unreadable.iter().take(LISTED_MAX) {
        let message = &file.diagnostic.message;
        list.push(json!({ "path": path.as_str(), "message": message, "since": file.since }));
    }
    list
}

fn scheduled_json(contents: &Contents) -> Vec<Value> {
    let mut list = Vec::new();
    for (at, path) in contents.scheduled.iter().take(LISTED_MAX) {
        list.push(json!({ "path": path.as_str(), "date": at }));
    }
    list
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::publish::{LastProjection, LastPublish};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-29T{text}Z").parse().unwrap()
    }

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    fn config() -> Config {
        Config::of("site.url = \"https://e.org/\"\nsite.title = \"T\"", Path::new("/srv")).unwrap()
    }

    fn about(config: &Config) -> About<'_> {
        About {
            version: "1.2.3",
            process: 42,
            started: at("01:00:00"),
            config,
            config_file: Some(Path::new("/etc/dropfeed/config.toml")),
            now: at("05:00:00"),
        }
    }

    fn serving() -> Status {
        let mut status = Status::default();
        status.contents.entries = 412;
        let took = Some(Duration::from_millis(12));
        status.published = Some(LastPublish { at: at("04:56:00"), generation: 87, took });
        status.projection = Some(LastProjection { at: at("04:56:01"), generation: 87 });
        status.set_scanned(&[], at("04:59:30"));
        status.watching = Watching::Inotify { directories: 3, directories_max: Some(65536) };
        status
    }

    fn check(status: &Status, expected: &str) {
        let config = config();
        assert_eq!(text(status, &about(&config)), expected.trim_start());
    }

    #[test]
    fn a_service_that_works() {
        check(
            &serving(),
            "
state      serving
site       https://e.org/ (T)
articles   412 public, 0 drafts, 0 scheduled, 0 refused
           in /srv/articles
published  2026-11-29 04:56:00 UTC, 4 min ago: generation 87, in 12 ms
scanned    2026-11-29 04:59:30 UTC, 30 s ago; 1 full scan since the start
watching   inotify: 3 of at most 65536 directories
feeds      up to date in /srv/feeds
config     /etc/dropfeed/config.toml
process    42, version 1.2.3, for 4 h 0 min",
        );
        assert!(!needs_attention(&serving()));
    }

    #[test]
    fn a_first_start() {
        let expected = "
state      starting
site       https://e.org/ (T)
articles   0 public, 0 drafts, 0 scheduled, 0 refused
           in /srv/articles
published  nothing yet; the first scan is under way
scanned    not yet
watching   inotify: 0 directories
feeds      being compared in /srv/feeds
config     /etc/dropfeed/config.toml
process    42, version 1.2.3, for 4 h 0 min";
        check(&Status::default(), expected);
    }

    /// The text after the lines that are always there.
    fn details(status: &Status) -> String {
        let config = config();
        let text = text(status, &about(&config));
        text.split_once("\n\n").map_or(String::new(), |(_, details)| details.to_owned())
    }

    #[test]
    fn every_trouble_is_listed_with_since_when() {
        let mut status = serving();
        status.set_held(Some((412, 3, "is its disk mounted?")), at("04:00:00"));
        status.set_degraded(Part::Projection, Some("no space left"), at("04:30:00"));
        let denied = Diagnostic::error("unreadable", "cannot be read: denied");
        status.add_unreadable(path("u.md"), denied, at("04:59:00"));
        let expected = "
degraded: held: 412 -> 3: is its disk mounted?
  since 2026-11-29 04:00:00 UTC, for 1 h 0 min

degraded: no space left
  since 2026-11-29 04:30:00 UTC, for 30 min

degraded: u.md: cannot be read: denied
  since 2026-11-29 04:59:00 UTC, for 1 min

unreadable files: 1
  u.md: cannot be read: denied [unreadable]";
        assert_eq!(details(&status), expected.trim_start());
        assert!(needs_attention(&status));
    }

    #[test]
    fn lists_are_cut_and_their_numbers_are_not() {
        let mut status = serving();
        for n in 10..30 {
            let found = Diagnostic::error("front-matter", "unclosed bracket").at(2, 8);
            status.contents.refused.insert(path(&format!("{n}.md")), found);
        }
        let taken = Diagnostic::error("url-taken", "URL /x is already used by x.md");
        status.contents.contested.insert(path("y.md"), taken);
        status.contents.scheduled.insert((at("15:02:03"), path("s.md")));
        let details = details(&status);
        assert!(details.starts_with(
            "refused files: 21\n  10.md:2:8: unclosed bracket [front-matter]\n  11.md:2:8:"
        ));
        assert!(
            details.ends_with(
                "\n  and 11 more; --json lists 100\n\nscheduled articles (site.timezone is UTC): 1\n  \
                 s.md: 2026-11-29 15:02:03 UTC, in 10 h 2 min"
            ),
            "{details}"
        );
        assert!(needs_attention(&status));
        let config = config();
        let json = json(&status, &about(&config));
        assert_eq!(json["articles"]["refused"], 21);
        assert_eq!(json["refused"].as_array().unwrap().len(), 21);
        assert_eq!(json["refused"][0]["line"], 2);
        assert_eq!(json["refused"][20]["line"], Value::Null);
        assert_eq!(json["scheduled"][0]["date"], "2026-11-29T15:02:03Z");
    }

    #[test]
    fn the_json_names_every_part() {
        let mut status = serving();
        status.set_degraded(Part::Engine, Some("gone"), at("04:00:00"));
        let (reason, every) = (PollReason::Failed("no watches".to_owned()), Duration::from_secs(5));
        status.set_watching(Watching::Polling { reason, every }, at("04:10:00"));
        status.set_held(Some((9, 0, "why")), at("04:00:00"));
        let config = config();
        let json = json(&status, &about(&config));
        assert_eq!(json["state"], "held");
        assert_eq!(json["published"]["took_ms"], 12.0);
        assert_eq!(json["held"]["after"], 0);
        assert_eq!(json["degraded"][0]["part"], "engine");
        assert_eq!(json["degraded"][1]["part"], "watching");
        assert_eq!(json["watching"]["mode"], "polling");
        assert_eq!(json["directories"]["articles"], "/srv/articles");
        assert_eq!(details(&status).matches("since ").count(), 3);
    }
}
