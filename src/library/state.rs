//! The ledger and the library together, and the one function that changes them: a step.
//!
//! A step takes what was seen of some files and the time, and gives the rows that have to become
//! durable, the scopes that changed, and notices for the log. It never fails; what cannot be
//! published is reported. It works on a copy: a caller that cannot make the rows durable throws the
//! copy away.
//!
//! Invariants: an id, a number and a URL are given once; `updated` never decreases; a file that is
//! refused, empty or unreadable never takes the last good version of its article away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use imbl::{OrdMap, OrdSet};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::article::word_sketch::MinorEdit;
use crate::article::{Head, Reading};
use crate::base::path::FileKind;
use crate::base::{Diagnostic, Digest, Fingerprint, RelPath, Scope, Timestamp, UrlPath};

use super::adopt::{Adopted, Imports, Recovered};
use super::guard::{self, Hold, Shrink};
use super::ledger::Ledger;
use super::{Article, Commit, FileRow, Kept, Library, Seq, Standing, Views, Words};

/// The part of the configuration that decides identities and dates.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The id of the site, from which ids of articles are derived.
    pub site_id: String,
    /// The zone of dates without an offset.
    pub zone: TimeZone,
    /// The time for which a file must be gone before its article is deleted.
    pub grace: SignedDuration,
    /// The edits that do not move `updated`.
    pub minor_edit: MinorEdit,
    /// The author of articles that name none.
    pub author: String,
    /// The digest of everything in the configuration that feeds and pages show, without the views.
    pub base: Digest,
    /// URLs that the configuration gives to feeds, besides those that are always reserved.
    pub reserved: Arc<BTreeSet<UrlPath>>,
    /// The path of `site.url`: the beginning of the paths of whole URLs.
    pub site_path: Arc<str>,
    /// The views of the configuration.
    pub views: Arc<Views>,
    /// The number of articles on a page of an archive, at least 1: [`super::page_size`], fixed when
    /// the ledger is made.
    pub page_size: usize,
}

/// A look at one file.
#[derive(Debug, Clone)]
pub struct Observation {
    /// Its path.
    pub path: RelPath,
    /// The result.
    pub found: Found,
}

/// The input of a step: what was seen, and the words of articles as they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The observations of some files.
    pub observations: &'a [Observation],
    /// The words of articles; [`Outcome::wanted`] says which are missing.
    pub words: &'a Words,
}

/// The state in which a look found a file.
#[derive(Debug, Clone)]
pub enum Found {
    /// No file.
    Gone,
    /// A file that the configuration leaves out. That is a decision, as opposed to [`Found::Gone`]:
    /// no grace applies.
    Excluded,
    /// A file that cannot be read yet, such as one that is still being written. What is known of it
    /// stays.
    Unready,
    /// No file that is taken; but one at another path may be it, and cannot be read yet.
    UnreadyElsewhere,
    /// The same bytes as before, under another fingerprint.
    Same {
        /// The fingerprint now.
        fingerprint: Fingerprint,
        /// Whether the bytes may have changed since: see [`FileRow::racy`].
        racy: bool,
    },
    /// New or other bytes.
    Read {
        /// The fingerprint they were read under.
        fingerprint: Fingerprint,
        /// Whether the bytes may have changed since: see [`FileRow::racy`].
        racy: bool,
        /// Their digest.
        digest: Digest,
        /// The article that they make.
        reading: Reading,
    },
    /// Something that is not read at all.
    Refused {
        /// The fingerprint now.
        fingerprint: Fingerprint,
        /// The reason.
        diagnostic: Diagnostic,
    },
    /// A file that is served as it is.
    Asset(Fingerprint),
    /// A link to a text that is read under its own path.
    Linked {
        /// The fingerprint of the link.
        fingerprint: Fingerprint,
        /// The path of the text.
        target: RelPath,
    },
}

/// A fact that is worth a line of log.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A new article is public.
    Published(Arc<Article>),
    /// A public article changed.
    Changed(Arc<Article>),
    /// A public article's file has another path.
    Renamed(RelPath, Arc<Article>),
    /// A public article's author withdrew it.
    Withdrawn(RelPath),
    /// A file is gone; its article follows when the grace is over.
    Missing(RelPath),
    /// An article was taken away.
    Deleted(RelPath),
    /// An article waits for its date.
    Held(RelPath, Timestamp),
    /// A file is an exact copy of a public article: it waits for the grace, since the original may
    /// be about to go.
    Copy {
        /// The copy.
        path: RelPath,
        /// The file of the public article.
        original: RelPath,
        /// The time at which it becomes an article of its own.
        until: Timestamp,
    },
    /// A file cannot be used, or not as it is.
    Diagnostic(RelPath, Diagnostic),
}

/// The result of a step.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The rows that changed.
    pub commit: Commit,
    /// The scopes whose feeds or pages changed.
    pub touched: BTreeSet<Scope>,
    /// Notices for the log, in order.
    pub notices: Vec<Notice>,
    /// Articles whose words decide something and were not given: the step has to be done again, with
    /// them.
    pub wanted: BTreeSet<Seq>,
}

/// Whether the tree has been looked at before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// The tree is older than the ledger: files without a date are as old as they say.
    First,
    /// The ledger knows the tree: files without a date are new.
    Later,
}

/// The name of the value that remembers [`State::awaited`], as a JSON array.
pub const AWAITED: &str = "awaited";

/// The files that a step weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reweigh {
    /// Those that changed, or are due.
    Changed,
    /// All: the policy is another.
    Everything,
}

/// The treatment of deletions that look like a fault: see [`super::guard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletions {
    /// They are held.
    Guarded,
    /// An operator accepts them: what is missing is deleted at once.
    Accepted,
}

/// The reason why a missing article stays, however short the grace is.
#[derive(Debug, Clone, Copy)]
pub(super) struct PutOff {
    /// It stays until then.
    pub(super) until: Timestamp,
    /// Whether a file is at its own path, which is it then, and not another one.
    pub(super) is_at_home: bool,
}

/// The ledger and the library. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(super) ledger: Ledger,
    pub(super) library: Library,
    /// The entries that were recovered from the feeds on disk; empty unless the ledger was lost.
    pub(super) adopted: Adopted,
    /// The section files that keep articles back, with the beginnings of their paths.
    withheld: OrdMap<RelPath, Arc<Head>>,
    /// Set while deletions are held.
    pub(super) hold: Option<Hold>,
    /// The old feed that was imported.
    pub(super) imports: Imports,
    /// Files that the first scan found but could not take yet.
    pub(super) awaited: Arc<BTreeSet<RelPath>>,
    /// Missing articles whose file is there, perhaps at another path, but cannot be taken yet.
    pub(super) put_off: OrdMap<Seq, PutOff>,
    /// Counts the files and articles that steps have taken up. Copies share it.
    pub(super) progress: Arc<AtomicU64>,
}

impl State {
    /// Takes up what a file that was remembered means to others.
    pub(super) fn remember_file(&mut self, path: &RelPath, row: &FileRow) {
        match (FileKind::of(path), &row.kept) {
            // What is refused (a pipe, a file in `_layouts`) is a row too, but no asset.
            (FileKind::Other, Kept::Empty) => {
                self.library.add_file(path);
            }
            (FileKind::Section(_), Kept::Article(head, _)) => {
                self.library.set_section(path, Some(head), row.digest);
                self.set_withheld(path, Some(head));
            }
            (_, Kept::Linked(target)) => {
                self.library.set_link(path, Some(target));
            }
            (_, Kept::Article(..)) => {
                // Not public as it is, so the first step weighs it again.
                self.ledger.wake_at(Timestamp::MIN, path);
            }
            _ => {}
        }
    }

    /// Remembers when the article at `path` expires.
    pub(super) fn remember_expiry(&mut self, path: &RelPath, policy: &Policy) {
        if self.ledger.file(path).is_some()
            && let Some(record) = self.ledger.live(path)
            && let Some(expires) = record.head.expires
        {
            let expires = expires.resolve(&policy.zone);
            self.ledger.wake_at(expires, path);
            if record.standing == Standing::Withdrawn {
                self.ledger.expire(expires, path);
            }
        }
    }

    /// Remembers what a section file keeps back. Returns whether that may have changed something.
    pub(super) fn set_withheld(&mut self, section: &RelPath, head: Option<&Arc<Head>>) -> bool {
        let old = match head {
            Some(head) if !head.withheld_below.is_empty() => {
                self.withheld.insert(section.clone(), Arc::clone(head))
            }
            _ => self.withheld.remove(section),
        };
        old.is_some() || self.withheld.contains_key(section)
    }

    /// Whether this section file keeps articles back.
    pub(super) fn keeps_back(&self, section: &RelPath) -> bool {
        self.withheld.contains_key(section)
    }

    /// The row of a file as it is stored. For a section file that kept articles back and can no
    /// longer be read, it is the last good one, to be read again after a restart: what was kept
    /// back stays so until the file is repaired.
    pub(super) fn durable_row(&self, path: &RelPath) -> Option<FileRow> {
        let row = self.ledger.file(path)?;
        if let (Kept::Refused(_), Some(head)) = (&row.kept, self.withheld.get(path)) {
            let kept = Kept::Article(Arc::clone(head), Arc::default());
            return Some(FileRow {
                fingerprint: Fingerprint::default(),
                racy: true,
                digest: None,
                kept,
            });
        }
        Some(row)
    }

    /// The section file that keeps the article at `path` back.
    pub fn withheld_by(&self, path: &RelPath) -> Option<&RelPath> {
        if self.withheld.is_empty() {
            return None;
        }
        let name = path.as_str().to_lowercase();
        for (section, head) in &self.withheld {
            let directory = section.parent().unwrap_or_else(RelPath::root);
            let is_meant = head.withheld_below.iter().any(|start| name.starts_with(start.as_str()));
            if is_meant && path.is_beneath(&directory) {
                return Some(section);
            }
        }
        None
    }

    /// Takes over what was recovered from the feeds on disk, for the files that the first scan
    /// finds.
    pub fn adopt(&mut self, recovered: Vec<Recovered>) {
        self.adopted = Adopted::of(recovered);
    }

    /// Remembers files that the first scan found but could not take yet, because they were open for
    /// writing or could not be read. They are as old as the tree, so what holds on the first scan
    /// holds for them when they are taken.
    pub fn await_files(&mut self, paths: BTreeSet<RelPath>) {
        self.awaited = Arc::new(paths);
    }

    /// The files that are awaited.
    pub fn awaited(&self) -> &BTreeSet<RelPath> {
        &self.awaited
    }

    /// The number of entries that were recovered, and the number of those that are articles again.
    pub fn recovery(&self) -> Shrink {
        self.adopted.shrink(&self.ledger)
    }

    /// The library as it is now.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The time at which something changes by itself: an article appears, expires, or its grace is
    /// over.
    pub fn next_due(&self, policy: &Policy) -> Option<Timestamp> {
        let timer = self.ledger.next_timer();
        match (timer, self.next_deletion(policy)) {
            (Some(timer), Some(deletion)) => Some(timer.min(deletion)),
            (timer, deletion) => timer.or(deletion),
        }
    }

    /// The time at which the first grace is over; `None` while deletions are held.
    fn next_deletion(&self, policy: &Policy) -> Option<Timestamp> {
        if self.hold.is_some() {
            return None;
        }
        let mut first: Option<Timestamp> = None;
        for (since, seq) in self.ledger.missing_since() {
            // A grace that ends beyond the last possible time never ends.
            let Ok(end) = since.saturating_add(policy.grace) else { break };
            let until = self.put_off.get(&seq).map(|put_off| put_off.until);
            let end = end.max(until.unwrap_or(end));
            first = Some(first.map_or(end, |first| first.min(end)));
            if until.is_none() {
                // The longest missing come first, so all others end later, or are put off.
                break;
            }
        }
        first
    }

    /// The paths of the articles with these bytes that were not taken away.
    pub fn paths_with(&self, digest: Digest) -> Vec<RelPath> {
        let mut paths = Vec::new();
        for record in self.ledger.live_with(digest) {
            paths.push(record.path.clone());
        }
        paths
    }

    /// The files among `seen` that an article had at another path, each with that path: it may
    /// have moved.
    pub fn moved(&self, seen: &[(&RelPath, &Fingerprint)]) -> Vec<(RelPath, RelPath)> {
        self.ledger.moved(seen)
    }

    /// Whether a deletion takes effect at `now`. Everything has to be looked at before: the event
    /// that says where the article went may still be on its way.
    pub fn deletes(&self, policy: &Policy, now: Timestamp) -> bool {
        match self.next_deletion(policy) {
            Some(end) => end <= now,
            None => false,
        }
    }

    /// The deletions that are held, if any are.
    pub fn held(&self) -> Option<Shrink> {
        let hold = self.hold?;
        Some(self.shrink(hold.since))
    }

    /// The number of public articles, against what would be left without the files that vanished.
    pub fn shrink(&self, now: Timestamp) -> Shrink {
        let missing = self.ledger.missing_len();
        let vanished = self.ledger.vanished(now, guard::WINDOW).len();
        let before = match self.hold {
            // A hold measures against what was there when it began, so that new articles do not
            // end it.
            Some(hold) => hold.before,
            // Missing articles are public all the same, and counted in the library.
            None => self.library.len() + vanished,
        };
        Shrink { before, after: before.saturating_sub(missing + vanished) }
    }

    /// Whether the file at `path` is that of a public article, and was gone at the last look.
    pub fn is_missing(&self, path: &RelPath) -> bool {
        match self.ledger.live(path) {
            Some(record) => matches!(record.standing, Standing::Missing(_)),
            None => false,
        }
    }

    /// Whether an article that was not taken away has the path.
    pub fn has_article(&self, path: &RelPath) -> bool {
        self.ledger.live(path).is_some()
    }

    /// Whether the file at `path` is that of a withdrawn article. Such an article goes with its
    /// file, without a grace, so everything has to be looked at before: it may have moved.
    pub fn is_withdrawn(&self, path: &RelPath) -> bool {
        match self.ledger.live(path) {
            Some(record) => record.standing == Standing::Withdrawn,
            None => false,
        }
    }

    /// The time at which the next article appears by itself.
    pub fn next_publication(&self) -> Option<Timestamp> {
        self.ledger.next_timer()
    }

    /// Makes the next step give every feed another date: what is remembered was made under another
    /// policy.
    pub fn forget_policy(&mut self) {
        // No policy has the digest of nothing, so the next step finds that this one differs.
        self.library.base = Digest::of(b"");
    }

    /// Makes the next look read every file that was refused unread: the limits have changed.
    pub fn forget_refusals(&mut self) {
        let mut refused = Vec::new();
        for (path, kept) in self.ledger.kept() {
            if matches!(kept, Kept::Refused(_))
                && let Some(row) = self.ledger.file(path)
                && row.digest.is_none()
            {
                refused.push((path.clone(), FileRow { racy: true, ..row }));
            }
        }
        for (path, row) in refused {
            self.ledger.put_file(&path, row);
        }
    }

    /// The files that wait for their date, by it. A cheap copy.
    pub fn scheduled(&self) -> OrdSet<(Timestamp, RelPath)> {
        self.ledger.scheduled().clone()
    }

    /// The number of files that are drafts.
    pub fn drafts(&self) -> usize {
        self.ledger.drafts()
    }

    /// The files whose articles ask for what is another's, as one value. A cheap copy.
    pub fn contests(&self) -> OrdMap<RelPath, Diagnostic> {
        self.ledger.contests().clone()
    }

    /// Files whose articles ask for what is another's.
    pub fn contested(&self) -> impl Iterator<Item = (&RelPath, &Diagnostic)> {
        self.ledger.contested()
    }
}
