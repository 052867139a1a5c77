//! The ledger and the library together, and the one function that changes them: a step.
//!
//! A step takes what was seen of some files and the time, and gives the rows that have to become durable, the scopes
//! that changed, and what is worth telling. It never fails; what cannot be published is told. It works on a copy: a
//! caller that cannot make the rows durable throws the copy away.
//!
//! Invariants: an id, a number and a URL are given once; `updated` never decreases; a file that is refused, empty or
//! unreadable never takes the last good version of its article away.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::article::{Head, Reading};
use crate::base::path::FileKind;
use crate::base::{Diagnostic, Digest, RelPath, Scope, Timestamp};
use crate::source::Fingerprint;

use super::identity::Ledger;
use super::step::Step;
use super::{
    Article, Commit, FileRow, Kept, Library, Place, Record, Remembered, Section, Standing, address,
    channel,
};

/// What of the configuration decides identities and dates.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What derived ids are derived from.
    pub site_id: String,
    /// For dates without an offset.
    pub zone: TimeZone,
    /// How long a file must be gone before its article is.
    pub grace: SignedDuration,
    /// Who wrote what names no author.
    pub author: String,
    /// The digest of everything in the configuration that feeds and pages show.
    pub base: Digest,
}

/// What was seen of one file.
#[derive(Debug, Clone)]
pub struct Observation {
    /// Where.
    pub path: RelPath,
    /// What.
    pub found: Found,
}

/// What there was.
#[derive(Debug, Clone)]
pub enum Found {
    /// Nothing.
    Gone,
    /// The same bytes as before, under another fingerprint.
    Same {
        /// The fingerprint now.
        fingerprint: Fingerprint,
        /// See [`FileRow::racy`].
        racy: bool,
    },
    /// New or other bytes.
    Read {
        /// The fingerprint they were read under.
        fingerprint: Fingerprint,
        /// See [`FileRow::racy`].
        racy: bool,
        /// Their digest.
        digest: Digest,
        /// What they say.
        reading: Reading,
    },
    /// Something that is not read at all.
    Refused {
        /// The fingerprint now.
        fingerprint: Fingerprint,
        /// Why.
        diagnostic: Diagnostic,
    },
    /// A file that is served as it is.
    Asset(Fingerprint),
}

/// Something worth a line of log.
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
    /// A file is an exact copy of a public article: it waits for the grace, since the original may be about to go.
    Copy {
        /// The copy.
        path: RelPath,
        /// The file of the public article.
        original: RelPath,
        /// When it becomes an article of its own.
        until: Timestamp,
    },
    /// A file cannot be used, or not as it is.
    Told(RelPath, Diagnostic),
}

/// What a step did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The rows that changed.
    pub commit: Commit,
    /// The scopes whose feeds or pages changed.
    pub touched: BTreeSet<Scope>,
    /// What is worth telling, in order.
    pub notices: Vec<Notice>,
}

/// The ledger and the library. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(super) ledger: Ledger,
    pub(super) library: Library,
}

impl State {
    /// What is remembered, as a value again. Files that are not public as they are will be weighed by the first step.
    pub fn load(remembered: &Remembered, policy: &Policy) -> Self {
        let mut state = State::default();
        state.library.base = policy.base;
        for record in &remembered.records {
            state.remember(record);
        }
        for (path, row) in &remembered.files {
            state.remember_file(path, row, policy);
        }
        for (url, seq) in &remembered.urls {
            state.ledger.urls.insert(url.key(), *seq);
        }
        state.library.urls = state.ledger.urls.clone();
        state.library.by_path = state.ledger.by_path.clone();
        for row in &remembered.channels {
            let place = Place { row: row.clone(), members: Default::default() };
            state.library.channels.insert(row.scope.clone(), place);
        }
        let mut step = Step::new(state, policy, Timestamp::MIN, false);
        for record in &remembered.records {
            step.show(record.seq);
        }
        step.state
    }

    fn remember(&mut self, record: &Arc<Record>) {
        self.ledger.give_id(&record.id, record.seq);
        // Ascending numbers: the last article at a path is its owner.
        self.ledger.by_path.insert(record.path.clone(), record.seq);
        if let Standing::Missing(since) = record.standing {
            self.ledger.missing.insert((since, record.seq));
        }
        self.ledger.put_record(Arc::clone(record));
    }

    fn remember_file(&mut self, path: &RelPath, row: &FileRow, policy: &Policy) {
        match (FileKind::of(path), &row.kept) {
            // What is refused (a pipe, what stands in `_layouts`) is a row too, but no asset.
            (FileKind::Other, Kept::Empty) => {
                self.library.assets.insert(path);
            }
            (FileKind::Section(_), Kept::Article(head, _)) => {
                self.library.set_section(path, Some(head));
            }
            (_, Kept::Article(..)) => {
                self.ledger.timers.insert((Timestamp::MIN, path.clone()));
            }
            _ => {}
        }
        let expires = self.ledger.live(path).and_then(|record| record.head.expires);
        if let Some(expires) = expires {
            self.ledger.timers.insert((expires.resolve(&policy.zone), path.clone()));
        }
        self.ledger.put_file(path, row.clone());
    }

    /// Applies what was seen. `first_scan`: the tree is older than the ledger, so that files without a date have their
    /// own; `everything`: the policy is another, so that every file is weighed again.
    #[must_use]
    pub fn step(
        &self,
        observations: &[Observation],
        policy: &Policy,
        now: Timestamp,
        first_scan: bool,
        everything: bool,
    ) -> (State, Outcome) {
        Step::new(self.clone(), policy, now, first_scan).run(observations, everything)
    }

    /// The library as it stands.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// When something changes by itself: an article appears, expires, or its grace is over.
    pub fn next_due(&self, policy: &Policy) -> Option<Timestamp> {
        let timer = self.ledger.timers.get_min().map(|(at, _)| *at);
        let missing =
            self.ledger.missing.get_min().map(|(since, _)| since.saturating_add(policy.grace));
        // Adding a duration to a timestamp saturates at the end of time; it cannot fail for a plain duration.
        [timer, missing.and_then(Result::ok)].into_iter().flatten().min()
    }

    /// Does a deletion take effect at `now`? Then everything has to be looked at before: where the article went may be
    /// what no event told yet.
    pub fn deletes(&self, policy: &Policy, now: Timestamp) -> bool {
        let first =
            self.ledger.missing.get_min().map(|(since, _)| since.saturating_add(policy.grace));
        first.is_some_and(|end| end.is_ok_and(|end| end <= now))
    }

    /// When the next article appears by itself.
    pub fn next_publication(&self) -> Option<Timestamp> {
        self.ledger.timers.get_min().map(|(at, _)| *at)
    }

    /// What is known of the file at `path`.
    pub fn file(&self, path: &RelPath) -> Option<&FileRow> {
        self.ledger.files.get(path)
    }

    /// Every file with what is known of it, by path.
    pub fn files(&self) -> impl Iterator<Item = (&RelPath, &FileRow)> {
        self.ledger.files.iter()
    }

    /// The files beneath `directory`, at any depth.
    pub fn files_beneath(&self, directory: &RelPath) -> impl Iterator<Item = &RelPath> {
        // U+0001 sorts before every character that a name can begin with, so this is where its files begin.
        let start = directory.join("\u{1}").unwrap_or_else(RelPath::root);
        let directory = directory.clone();
        let paths = self.ledger.files.range(start..).map(|(path, _)| path);
        paths.take_while(move |path| path.is_beneath(&directory))
    }

    /// The files that have to be looked at before these observations may give a new id to a file: every known article
    /// with its inode or its content, at whichever path. Events arrive in any order, so what the ledger believes to be
    /// there may have moved.
    pub fn rivals(&self, observations: &[Observation], now: Timestamp) -> BTreeSet<RelPath> {
        let mut rivals = BTreeSet::new();
        for Observation { path, found } in observations {
            if let Found::Read { fingerprint, digest, .. } = found
                && self.ledger.live(path).is_none()
            {
                let row = FileRow {
                    fingerprint: *fingerprint,
                    racy: false,
                    digest: Some(*digest),
                    kept: Kept::Recorded,
                };
                rivals
                    .extend(self.ledger.twins(path, &row).iter().map(|record| record.path.clone()));
            }
        }
        let due = self.ledger.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, path)| path);
        for path in due.chain(self.ledger.copies.keys()) {
            if let Some(row) = self.ledger.files.get(path)
                && self.ledger.live(path).is_none()
            {
                rivals
                    .extend(self.ledger.twins(path, row).iter().map(|record| record.path.clone()));
                // It was seen a while ago.
                rivals.insert(path.clone());
            }
        }
        rivals
    }

    /// Has the next step date every feed anew: another policy than the present one made what is remembered.
    pub fn forget_policy(&mut self) {
        self.library.base = Digest::of(b"");
    }

    /// Has every file that was refused without being read looked at again: the limits are others.
    pub fn forget_refusals(&mut self) {
        let unread = |row: &FileRow| row.digest.is_none() && matches!(row.kept, Kept::Refused(_));
        let refused: Vec<RelPath> = self
            .ledger
            .files
            .iter()
            .filter(|(_, row)| unread(row))
            .map(|(path, _)| path.clone())
            .collect();
        for path in refused {
            if let Some(row) = self.ledger.files.get_mut(&path) {
                row.racy = true;
            }
        }
    }

    /// Files whose articles ask for what is another's.
    pub fn contested(&self) -> impl Iterator<Item = (&RelPath, &Diagnostic)> {
        self.ledger.contested.iter()
    }
}

impl Library {
    /// The scope of the directory that a `_index.md` speaks for, where the library's own title does not come first.
    pub(super) fn set_section(
        &mut self,
        path: &RelPath,
        head: Option<&Arc<Head>>,
    ) -> Option<Scope> {
        // `_index.fr.md` is for a list in another language, and there is none.
        if path.stem() != "_index" {
            return None;
        }
        let probe = path.parent()?.join("x.md")?;
        let (scope, _) = address::directories(&probe).pop()?;
        let number = |section: Section| channel::number(&format!("{scope} {section:?}"));
        let section = head
            .map(|head| Section { title: head.title.clone(), description: head.summary.clone() });
        if let Some(section) = section.clone() {
            self.shown = self.shown.wrapping_add(number(section));
        }
        let old = match section {
            Some(section) => self.sections.insert(scope.clone(), section),
            None => self.sections.remove(&scope),
        };
        if let Some(old) = old {
            self.shown = self.shown.wrapping_sub(number(old));
        }
        Some(scope)
    }
}
