//! The state of the service as a value, published beside the snapshot: what an operator asks about.
//!
//! The engine and the projection change it; `/-/ready`, `STATUS=`, `dropfeed status` and the log
//! read it. The log's `degraded` and `recovered` lines are the difference between two values. Its
//! maps are persistent: a copy is cheap, and a step changes only the entries of files that changed.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use imbl::{OrdMap, OrdSet};

use super::latency::Latency;
use crate::base::{Diagnostic, RelPath, Timestamp};

/// A part of the service that can fail while the site is still served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The steps that publish changes.
    Engine,
    /// The files in `feeds/`.
    Projection,
    /// inotify; polling takes its place.
    Watching,
    /// Pings to hubs, and the webhook and the command of `[notify]`.
    Push,
    /// The files of the certificate; the previous one stays in use.
    Certificate,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 5] =
        [Part::Engine, Part::Projection, Part::Watching, Part::Push, Part::Certificate];

    /// The name of the part in `dropfeed status --json`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Engine => "engine",
            Part::Projection => "projection",
            Part::Watching => "watching",
            Part::Push => "push",
            Part::Certificate => "certificate",
        }
    }

    /// The effect while the part is degraded.
    pub fn effect(self) -> &'static str {
        match self {
            Part::Engine => "changes are not published",
            Part::Projection => "files in feeds/ are not updated",
            Part::Watching => "changes are noticed later",
            Part::Push => "not everyone learns of changes at once",
            Part::Certificate => "the previous certificate stays in use",
        }
    }
}

/// Something that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// One line, without a final stop.
    pub reason: String,
    /// The time since which it is so. Another reason for the same part does not change it.
    pub since: Timestamp,
}

/// The shrink guard holds the last good feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Entries that are published.
    pub before: usize,
    /// Entries that would be left.
    pub after: usize,
    /// The reason, and what to do; one line, without a final stop.
    pub reason: String,
    /// The time of its beginning.
    pub since: Timestamp,
}

/// A file that cannot be read; what is known of it stays published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The error.
    pub diagnostic: Diagnostic,
    /// The time at which it was found.
    pub since: Timestamp,
}

/// The way in which changes are noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// inotify reports them.
    Inotify {
        /// Directories that are watched.
        directories: usize,
        /// `fs.inotify.max_user_watches`, which all programs of one user share.
        directories_max: Option<u64>,
    },
    /// Everything is compared at an interval.
    Polling {
        /// The reason why inotify is not used.
        reason: PollReason,
        /// The interval.
        every: Duration,
    },
}

/// The reason why changes are noticed by polling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollReason {
    /// `articles.poll` is set.
    Configured,
    /// The file system, by name, gives no events.
    FileSystem(&'static str),
    /// inotify fails: what it said, and how to change that.
    Failed(String),
}

impl Default for Watching {
    fn default() -> Self {
        Self::Inotify { directories: 0, directories_max: None }
    }
}

impl Watching {
    /// Whether changes are noticed by polling alone.
    pub fn is_polling(&self) -> bool {
        matches!(self, Watching::Polling { .. })
    }

    /// One clause for people; none with inotify.
    pub fn polled_because(&self) -> Option<String> {
        let Watching::Polling { reason, every } = self else { return None };
        let every = every.as_secs();
        Some(match reason {
            PollReason::Configured => {
                format!("articles.poll is set; polling every {every} s")
            }
            PollReason::FileSystem(kind) => {
                format!("{kind} reports no changes; polling every {every} s")
            }
            PollReason::Failed(why) => format!("{why}; polling every {every} s"),
        })
    }
}

/// The last publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastPublish {
    /// The time of the publish.
    pub at: Timestamp,
    /// The generation of its snapshot.
    pub generation: u64,
    /// The duration of the step that made it; `None` where a start published what was remembered.
    pub took: Option<Duration>,
}

/// The full scans since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scans {
    /// The number of scans.
    pub count: u64,
    /// The end of the last one.
    pub last: Timestamp,
}

/// The progress of a long scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanning {
    /// Files that were read.
    pub done: usize,
    /// Files to read.
    pub total: usize,
}

/// The files in `feeds/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastProjection {
    /// The generation of the snapshot that they show.
    pub generation: u64,
    /// The time at which they were brought up to date.
    pub at: Timestamp,
}

/// A receiver of the news of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// A hub.
    Hub,
    /// The webhook.
    Webhook,
    /// The command.
    Command,
}

impl Receiver {
    /// All of them.
    pub const ALL: [Receiver; 3] = [Receiver::Hub, Receiver::Webhook, Receiver::Command];

    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Receiver::Hub => "hub",
            Receiver::Webhook => "webhook",
            Receiver::Command => "command",
        }
    }
}

/// The end of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushEnd {
    /// The receiver accepted it.
    Accepted,
    /// The receiver refused it, or did not answer.
    Failed,
}

/// The numbers of pushes by receiver and outcome; each try counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    accepted: [u64; 3],
    failed: [u64; 3],
}

impl Pushed {
    /// Counts a push.
    pub fn count(&mut self, receiver: Receiver, end: PushEnd) {
        let counts = match end {
            PushEnd::Accepted => &mut self.accepted,
            PushEnd::Failed => &mut self.failed,
        };
        counts[receiver as usize] += 1;
    }

    /// The number of pushes that a receiver accepted, and of those that failed.
    pub fn counts(&self, receiver: Receiver) -> (u64, u64) {
        (self.accepted[receiver as usize], self.failed[receiver as usize])
    }
}

/// The articles and files that the last step found.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Public articles.
    pub entries: usize,
    /// Drafts.
    pub drafts: usize,
    /// Articles that wait for their date.
    pub scheduled: OrdSet<(Timestamp, RelPath)>,
    /// Files that cannot be used, each with its gravest finding.
    pub refused: OrdMap<RelPath, Diagnostic>,
    /// Articles that ask for an id or a URL that is another's.
    pub contested: OrdMap<RelPath, Diagnostic>,
}

impl Contents {
    /// The number of files that are not published, or not as they are.
    pub fn refused_count(&self) -> usize {
        self.refused.len() + self.contested.len()
    }

    /// Those files, each with what is wrong.
    pub fn all_refused(&self) -> impl Iterator<Item = (&RelPath, &Diagnostic)> {
        self.refused.iter().chain(self.contested.iter())
    }
}

/// The state of the service at one moment. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// The articles and files that the last step found.
    pub contents: Contents,
    /// The last publish; none before the first.
    pub published: Option<LastPublish>,
    /// The time that the steps took which published something.
    pub latency: Latency,
    /// The full scans; none before the end of the first.
    pub scans: Option<Scans>,
    /// The progress of a long scan; `None` where none is under way.
    pub scanning: Option<Scanning>,
    /// The way in which changes are noticed.
    pub watching: Watching,
    /// The deletions that the shrink guard holds.
    pub held: Option<Held>,
    /// The parts that do not work.
    pub degraded: BTreeMap<Part, Degraded>,
    /// Files that cannot be read.
    pub unreadable: OrdMap<RelPath, Unreadable>,
    /// The files in `feeds/`; none before they were compared for the first time.
    pub projection: Option<LastProjection>,
    /// The pushes since the start; `None` where nothing is pushed.
    pub pushed: Option<Pushed>,
}

impl Status {
    /// Notes what is wrong with a part, or that it works again (`None`).
    pub fn set_degraded(&mut self, part: Part, reason: Option<&str>, now: Timestamp) {
        let Some(reason) = reason else {
            self.degraded.remove(&part);
            return;
        };
        let since = self.degraded.get(&part).map_or(now, |degraded| degraded.since);
        self.degraded.insert(part, Degraded { reason: one_line(reason), since });
    }

    /// Notes what the shrink guard holds: from how many entries to how many, and why; `None` if it
    /// holds nothing.
    pub fn set_held(&mut self, held: Option<(usize, usize, &str)>, now: Timestamp) {
        let since = self.held.as_ref().map_or(now, |held| held.since);
        self.held = None;
        if let Some((before, after, reason)) = held {
            self.held = Some(Held { before, after, reason: one_line(reason), since });
        }
    }

    /// Notes how changes are noticed.
    pub fn set_watching(&mut self, watching: Watching, now: Timestamp) {
        let failure = match &watching {
            Watching::Polling { reason: PollReason::Failed(_), .. } => watching.polled_because(),
            _ => None,
        };
        self.watching = watching;
        self.set_degraded(Part::Watching, failure.as_deref(), now);
    }

    /// Notes the end of a full scan, after which only `still` is unreadable: files, and directories
    /// with all that is beneath them.
    pub fn set_scanned(&mut self, still: &[RelPath], now: Timestamp) {
        let count = self.scans.map_or(0, |scans| scans.count) + 1;
        self.scans = Some(Scans { count, last: now });
        if self.unreadable.is_empty() {
            return;
        }
        let still: HashSet<&RelPath> = still.iter().collect();
        let mut unreadable = OrdMap::new();
        for (path, known) in &self.unreadable {
            // Nothing shows that a file in a closed directory is another now.
            if is_at_or_beneath(path, &still) {
                unreadable.insert(path.clone(), known.clone());
            }
        }
        self.unreadable = unreadable;
    }

    /// Notes a file that cannot be read.
    pub fn add_unreadable(&mut self, path: RelPath, diagnostic: Diagnostic, now: Timestamp) {
        let since = self.unreadable.get(&path).map_or(now, |known| known.since);
        self.unreadable.insert(path, Unreadable { diagnostic, since });
    }

    /// Whether anything keeps the service from working as it should.
    pub fn is_degraded(&self) -> bool {
        self.lines().next().is_some()
    }

    /// The lines about what does not work, as in the body of `/-/ready`: each `degraded: ` and the
    /// reason.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let mut lines = Vec::new();
        if let Some(Held { before, after, reason, .. }) = &self.held {
            lines.push(format!("degraded: held: {before} -> {after}: {reason}"));
        }
        for Degraded { reason, .. } in self.degraded.values() {
            lines.push(format!("degraded: {reason}"));
        }
        if let Some((path, Unreadable { diagnostic, .. })) = self.unreadable.get_min() {
            let first = one_line(&format!("{path}: {}", diagnostic.message));
            lines.push(match self.unreadable.len() {
                1 => format!("degraded: {first}"),
                count => format!("degraded: {count} files cannot be read: {first}, ..."),
            });
        }
        lines.into_iter()
    }

    /// One line for the service manager: what is degraded first, or what is served.
    pub fn summary(&self) -> String {
        if let Some(line) = self.lines().next() {
            return line;
        }
        if let Some(Scanning { done, total }) = self.scanning {
            return format!("scanning: {done} of {total} files read");
        }
        let Contents { entries, scheduled, .. } = &self.contents;
        let mut summary = match (self.published, entries) {
            (None, _) => "scanning the articles for the first time".to_owned(),
            (Some(_), 1) => "serving 1 article".to_owned(),
            (Some(_), entries) => format!("serving {entries} articles"),
        };
        match self.contents.refused_count() {
            0 => {}
            1 => summary.push_str("; 1 file refused"),
            count => summary.push_str(&format!("; {count} files refused")),
        }
        if !scheduled.is_empty() {
            summary.push_str(&format!("; {} scheduled", scheduled.len()));
        }
        summary
    }
}

/// Returns whether one of `places` is the path, or a directory above it.
fn is_at_or_beneath(path: &RelPath, places: &HashSet<&RelPath>) -> bool {
    let mut here = Some(path.clone());
    while let Some(place) = here {
        if places.contains(&place) {
            return true;
        }
        here = place.parent();
    }
    false
}

/// A line break in a file's name must not begin a line of its own.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    #[test]
    fn a_part_is_degraded_until_it_works_again() {
        let mut status = Status::default();
        let mut check = |part, reason: Option<&str>, lines: &[&str]| {
            status.set_degraded(part, reason, at(1));
            assert_eq!(status.lines().collect::<Vec<_>>(), lines);
        };
        check(Part::Projection, Some("full\ndisk"), &["degraded: full disk"]);
        check(Part::Engine, Some("gone"), &["degraded: gone", "degraded: full disk"]);
        check(Part::Projection, None, &["degraded: gone"]);
        check(Part::Engine, None, &[]);
    }

    #[test]
    fn since_is_when_it_began() {
        let mut status = Status::default();
        status.set_degraded(Part::Engine, Some("gone"), at(1));
        status.set_degraded(Part::Engine, Some("full"), at(5));
        assert_eq!(status.degraded[&Part::Engine].since, at(1));
        status.set_degraded(Part::Engine, None, at(6));
        status.set_degraded(Part::Engine, Some("full"), at(7));
        assert_eq!(status.degraded[&Part::Engine].since, at(7));
        status.set_held(Some((412, 3, "mounted?")), at(1));
        status.set_held(Some((412, 2, "mounted?")), at(2));
        let held = status.held.clone().unwrap();
        assert_eq!((held.after, held.since), (2, at(1)));
        status.add_unreadable(path("a.md"), Diagnostic::error("unreadable", "x"), at(1));
        status.add_unreadable(path("a.md"), Diagnostic::error("unreadable", "y"), at(9));
        assert_eq!(status.unreadable[&path("a.md")].since, at(1));
    }

    #[test]
    fn every_trouble_has_a_line_and_the_first_is_the_summary() {
        let mut status = Status::default();
        assert_eq!(status.summary(), "scanning the articles for the first time");
        status.scanning = Some(Scanning { done: 5000, total: 70000 });
        assert_eq!(status.summary(), "scanning: 5000 of 70000 files read");
        status.scanning = None;
        status.published = Some(LastPublish { at: at(0), generation: 1, took: None });
        status.contents.entries = 1;
        assert_eq!(status.summary(), "serving 1 article");
        status.contents.entries = 412;
        let error = Diagnostic::error("unreadable", "cannot be read: denied");
        status.contents.refused.insert(path("r.md"), error.clone());
        status.contents.scheduled.insert((at(9), path("s.md")));
        assert_eq!(status.summary(), "serving 412 articles; 1 file refused; 1 scheduled");
        assert!(!status.is_degraded());
        status.add_unreadable(path("b.md"), error.clone(), at(1));
        assert_eq!(status.summary(), "degraded: b.md: cannot be read: denied");
        status.add_unreadable(path("a.md"), error, at(1));
        let failed = PollReason::Failed("no watches".to_owned());
        let every = Duration::from_secs(5);
        status.set_watching(Watching::Polling { reason: failed, every }, at(2));
        status.set_held(Some((412, 3, "is its disk mounted?")), at(1));
        let expected = [
            "degraded: held: 412 -> 3: is its disk mounted?",
            "degraded: no watches; polling every 5 s",
            "degraded: 2 files cannot be read: a.md: cannot be read: denied, ...",
        ];
        assert_eq!(status.lines().collect::<Vec<_>>(), expected);
        assert_eq!(status.summary(), expected[0]);
        let reason = PollReason::FileSystem("nfs");
        status.set_watching(Watching::Polling { reason, every }, at(3));
        assert_eq!(status.lines().count(), 2, "polling that is meant is no trouble");
    }

    #[test]
    fn a_full_scan_ends_the_trouble_of_files_that_it_could_read() {
        let mut status = Status::default();
        for name in ["a.md", "b.md", "d", "d/c.md", "d/e/f.md", "dd.md"] {
            status.add_unreadable(path(name), Diagnostic::error("unreadable", "x"), at(1));
        }
        for (still, left) in [
            (&["b.md", "d", "d/c.md"][..], &["b.md", "d", "d/c.md", "d/e/f.md"][..]),
            (&["d"], &["d", "d/c.md", "d/e/f.md"]),
            (&["d/c.md", "d/e"], &["d/c.md", "d/e/f.md"]),
            (&["d/c.md"], &["d/c.md"]),
            (&[], &[]),
        ] {
            let still: Vec<RelPath> = still.iter().map(|name| path(name)).collect();
            status.set_scanned(&still, at(2));
            let unreadable: Vec<&str> = status.unreadable.keys().map(RelPath::as_str).collect();
            assert_eq!(unreadable, left);
        }
        assert_eq!(status.scans, Some(Scans { count: 5, last: at(2) }));
    }
}
