//! The status page: first whether all is well and what needs somebody, then the figures, then what
//! is to come.
//!
//! Every list is cut at [`SHOWN_MAX`]; `status.json` has more.

use askama::Template;

use super::super::metrics::Counts;
use crate::base::{Diagnostic, RelPath};
use crate::publish::report::{About, counted, rows, second, troubles, wait};
use crate::publish::{Contents, Part, Status};
use crate::readers::report::Line;

/// Its stylesheet, which it links to.
pub(super) const STYLE: &str = include_str!("../../../templates/admin.css");

/// Entries of a list.
const SHOWN_MAX: usize = 20;

/// The readers on the page.
pub(super) struct Readers {
    /// The chart; `None` if there is nothing to draw.
    pub(super) chart: Option<String>,
    /// The most read feeds.
    pub(super) rows: Vec<Line>,
}

/// The documents that are served, and the number of their readers.
pub(super) struct Served {
    /// The counters of the public listener.
    pub(super) counts: Counts,
    /// Its `max_connections`.
    pub(super) connections_max: usize,
    /// The requests for feeds.
    pub(super) polls: u64,
    /// Those of them that were answered with 304.
    pub(super) unchanged: u64,
    /// The size of the cache of pages and feeds.
    pub(super) cache_bytes: u64,
}

#[derive(Template)]
#[template(path = "admin.html", whitespace = "minimize")]
struct View<'a> {
    heading: String,
    level: &'static str,
    title: &'a str,
    summary: String,
    refresh: Option<u32>,
    troubles: Vec<Trouble>,
    unusable: Vec<List>,
    rows: Vec<Row>,
    scheduled: Vec<List>,
    readers: Option<Readers>,
}

/// Something that does not work.
struct Trouble {
    text: String,
    since: String,
    command: Option<&'static str>,
}

/// A figure.
struct Row {
    name: &'static str,
    lines: Vec<String>,
}

/// Files, and what is with each.
struct List {
    heading: String,
    items: Vec<Item>,
    more: Option<String>,
}

struct Item {
    name: String,
    text: String,
}

/// Writes the page. `refresh`: seconds after which the browser loads it again.
pub(super) fn status(
    status: &Status,
    about: &About<'_>,
    served: &Served,
    readers: Option<Readers>,
    refresh: Option<u32>,
) -> String {
    let (level, heading) = headline(status);
    let entries = counted(status.contents.entries, "article");
    let view = View {
        heading,
        level,
        title: &about.config.site.title,
        summary: format!("{entries} at {}", about.config.site.url),
        refresh,
        troubles: list_troubles(status, about),
        unusable: unusable(status),
        rows: figures(status, about, served),
        scheduled: scheduled(status, about),
        readers,
    };
    // Rendering fails only if the writer or a filter does, and neither can.
    view.render().unwrap_or_default()
}

/// The gravest of what is wrong, and its colour.
fn headline(status: &Status) -> (&'static str, String) {
    let is_degraded = |part| status.degraded.contains_key(&part);
    let (level, text) = if status.held.is_some() {
        ("bad", "Deletions are held")
    } else if is_degraded(Part::Engine) {
        ("bad", "Changes are not published")
    } else if is_degraded(Part::Projection) {
        ("bad", "Files in feeds/ are not updated")
    } else if is_degraded(Part::Certificate) {
        ("bad", "The new certificate cannot be used")
    } else if !status.unreadable.is_empty() {
        let files = counted(status.unreadable.len(), "file");
        return ("bad", format!("{files} cannot be read"));
    } else if status.published.is_none() {
        ("warn", "Nothing is published yet")
    } else if is_degraded(Part::Watching) {
        ("warn", "Changes are noticed later")
    } else if status.contents.refused_count() > 0 {
        let files = counted(status.contents.refused_count(), "file");
        return ("warn", format!("{files} refused"));
    } else {
        ("good", "Everything is published")
    };
    (level, text.to_owned())
}

fn list_troubles(status: &Status, about: &About<'_>) -> Vec<Trouble> {
    let mut list = Vec::new();
    for (text, since) in troubles(status) {
        let text = text.strip_prefix("degraded: ").unwrap_or(&text).to_owned();
        let command = if text.starts_with("held: ") { Some("dropfeed accept") } else { None };
        let since = format!("since {}, for {}", second(since), wait(about.now, since));
        list.push(Trouble { text, since, command });
    }
    list
}

/// The lines of `dropfeed status`, without those that the head of the page says, and those of the
/// public listener before the last two, which concern the process.
fn figures(status: &Status, about: &About<'_>, served: &Served) -> Vec<Row> {
    let mut figures: Vec<Row> = Vec::new();
    for (name, value) in rows(status, about) {
        match figures.last_mut() {
            _ if name == "state" || name == "site" => {}
            Some(last) if name.is_empty() => last.lines.push(value),
            _ => figures.push(Row { name, lines: vec![value] }),
        }
    }
    let Counts { requests, answers, open, accepted, rejected, timed_out, shed, .. } = served.counts;
    let connections = vec![
        format!("{open} open of at most {}", served.connections_max),
        format!(
            "{accepted} since the start: {rejected} rejected, {timed_out} timed out, {shed} closed for others"
        ),
    ];
    let [_, found, redirected, refused, failed] = answers;
    let requests = vec![
        format!("{requests} since the start"),
        format!("{found} with 2xx, {redirected} with 3xx, {refused} with 4xx, {failed} with 5xx"),
        polls(served),
    ];
    let cache = vec![format!("{} KiB", served.cache_bytes.div_ceil(1024))];
    let before = figures.iter().position(|row| row.name == "config").unwrap_or(figures.len());
    figures.insert(before, Row { name: "cache", lines: cache });
    figures.insert(before, Row { name: "requests", lines: requests });
    figures.insert(before, Row { name: "connections", lines: connections });
    figures
}

/// The number of requests for feeds, and of those to which they had not changed.
fn polls(served: &Served) -> String {
    let Served { polls, unchanged, .. } = served;
    match polls {
        0 => "no feed was polled yet".to_owned(),
        polls => {
            let percent = unchanged * 100 / polls;
            format!("{polls} for feeds, {percent} % of them 304 (not modified)")
        }
    }
}

fn unusable(status: &Status) -> Vec<List> {
    let contents = &status.contents;
    let refused = contents.all_refused().map(|(path, found)| finding(path, found));
    let unreadable = status.unreadable.iter().map(|(path, file)| {
        let since = second(file.since);
        let Item { name, text } = finding(path, &file.diagnostic);
        Item { name, text: format!("{text}, since {since}") }
    });
    let lists = [
        list("Refused files", contents.refused_count(), refused),
        list("Unreadable files", status.unreadable.len(), unreadable),
    ];
    lists.into_iter().flatten().collect()
}

fn scheduled(status: &Status, about: &About<'_>) -> Vec<List> {
    let Contents { scheduled, .. } = &status.contents;
    let zone = &about.config.site.timezone;
    let dated = scheduled.iter().map(|(at, path)| {
        let local = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        let text = format!("{local}, in {}", wait(*at, about.now));
        Item { name: path.to_string(), text }
    });
    list("Scheduled articles", scheduled.len(), dated).into_iter().collect()
}

/// A list with its number; none if it is empty.
fn list(heading: &str, count: usize, items: impl Iterator<Item = Item>) -> Option<List> {
    if count == 0 {
        return None;
    }
    let more = match count.saturating_sub(SHOWN_MAX) {
        0 => None,
        more => Some(format!("and {more} more")),
    };
    let heading = format!("{heading}: {count}");
    Some(List { heading, items: items.take(SHOWN_MAX).collect(), more })
}

/// `a.md:3:1`, and what is wrong there.
fn finding(path: &RelPath, found: &Diagnostic) -> Item {
    let name = match found.place {
        Some(place) => format!("{path}:{}:{}", place.line, place.column),
        None => path.to_string(),
    };
    Item { name, text: format!("{} [{}]", found.message, found.code) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::base::Timestamp;
    use crate::config::Config;
    use crate::publish::LastPublish;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-29T{text}Z").parse().unwrap()
    }

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    fn serving() -> Status {
        let mut status = Status::default();
        status.contents.entries = 412;
        let took = Some(Duration::from_millis(12));
        status.published = Some(LastPublish { at: at("04:56:00"), generation: 87, took });
        status
    }

    fn page(of: &Status, readers: Option<Readers>, refresh: Option<u32>) -> String {
        let text = "site.url = \"https://e.org/\"\nsite.title = \"A <T>\"\n\
                    site.timezone = \"Europe/Berlin\"";
        let config = Config::of(text, Path::new("/srv")).unwrap();
        let about = About {
            version: "1.2.3",
            process: 42,
            started: at("01:00:00"),
            config: &config,
            config_file: None,
            now: at("05:00:00"),
        };
        let counts = Counts { open: 3, answers: [0, 5, 7, 1, 0], ..Counts::default() };
        let served =
            Served { counts, connections_max: 4096, polls: 12, unchanged: 7, cache_bytes: 2049 };
        status(of, &about, &served, readers, refresh)
    }

    fn check(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
    }

    #[test]
    fn the_heading_says_the_gravest() {
        let check = |status: &Status, level: &str, heading: &str| {
            let wanted = format!("<h1 class=\"{level}\">{heading}</h1>");
            check(&page(status, None, None), &[&wanted]);
        };
        let mut status = serving();
        check(&status, "good", "Everything is published");
        check(&Status::default(), "warn", "Nothing is published yet");
        let error = Diagnostic::error("unreadable", "cannot be read: denied");
        status.contents.refused.insert(path("r.md"), error.clone());
        check(&status, "warn", "1 file refused");
        status.set_degraded(Part::Watching, Some("no watches"), at("04:00:00"));
        check(&status, "warn", "Changes are noticed later");
        status.add_unreadable(path("u.md"), error, at("04:00:00"));
        check(&status, "bad", "1 file cannot be read");
        status.set_degraded(Part::Projection, Some("full"), at("04:00:00"));
        check(&status, "bad", "Files in feeds/ are not updated");
        status.set_degraded(Part::Engine, Some("full"), at("04:00:00"));
        check(&status, "bad", "Changes are not published");
        status.set_held(Some((9, 1, "is its disk mounted?")), at("04:00:00"));
        check(&status, "bad", "Deletions are held");
    }

    #[test]
    fn a_service_that_works_has_figures_and_no_lists() {
        let page = page(&serving(), None, None);
        check(
            &page,
            &[
                "<title>Everything is published – A &#60;T&#62;</title>",
                "<p class=\"soft\">412 articles at https://e.org/</p>",
                "<dt>articles</dt><dd>412 public, 0 drafts, 0 scheduled, 0 refused<br>in /srv/articles</dd>",
                "4 min ago: generation 87, in 12 ms",
                "3 open of at most 4096",
                "5 with 2xx, 7 with 3xx, 1 with 4xx, 0 with 5xx",
                "12 for feeds, 58 % of them 304 (not modified)",
                "<dt>cache</dt><dd>3 KiB</dd>",
                "42, version 1.2.3, for 4 h 0 min",
            ],
        );
        for absent in ["<ul", "<h2", "http-equiv", "<script", "style="] {
            assert!(!page.contains(absent), "{absent} in\n{page}");
        }
    }

    #[test]
    fn what_needs_somebody_is_listed() {
        let mut status = serving();
        status.set_held(Some((412, 3, "is its disk mounted?")), at("04:00:00"));
        for n in 10..35 {
            let found = Diagnostic::error("front-matter", "unclosed <bracket>").at(2, 8);
            status.contents.refused.insert(path(&format!("{n}.md")), found);
        }
        status.contents.scheduled.insert((at("15:02:03"), path("s.md")));
        let denied = Diagnostic::error("unreadable", "cannot be read: denied");
        status.add_unreadable(path("u.md"), denied, at("04:59:00"));
        let page = page(&status, None, None);
        check(
            &page,
            &[
                "<p>held: 412 -&#62; 3: is its disk mounted?</p>",
                "<code>dropfeed accept</code>",
                "since 2026-11-29 04:00:00 UTC, for 1 h 0 min",
                "<h2>Refused files: 25</h2>",
                "<li><code>10.md:2:8</code> unclosed &#60;bracket&#62; [front-matter]</li>",
                "<li class=\"soft\">and 5 more</li>",
                "<code>u.md</code> cannot be read: denied [unreadable], since 2026-11-29 04:59:00 UTC",
                "<code>s.md</code> 2026-11-29 16:02:03 CET, in 10 h 2 min",
            ],
        );
        assert!(!page.contains("34.md"));
    }

    #[test]
    fn readers_and_refresh_are_shown_if_they_are_there() {
        let line = Line {
            feed: "/tags/a&b/".to_owned(),
            today: "3".to_owned(),
            yesterday: "-".to_owned(),
            average: "2.5".to_owned(),
        };
        let readers = Readers { chart: Some("<svg></svg>".to_owned()), rows: vec![line] };
        check(
            &page(&serving(), Some(readers), Some(5)),
            &[
                "<meta http-equiv=\"refresh\" content=\"5\">",
                "<svg></svg>",
                "<tr><td>/tags/a&#38;b/</td><td>3</td><td>-</td><td>2.5</td></tr>",
            ],
        );
        let none = Readers { chart: None, rows: Vec::new() };
        check(&page(&serving(), Some(none), None), &["<p>No reader was counted yet.</p>"]);
    }

    #[test]
    fn the_stylesheet_loads_nothing() {
        assert!(STYLE.len() <= 4096, "{} bytes", STYLE.len());
        assert!(!STYLE.contains('<') && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
