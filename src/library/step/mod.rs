//! One step: what was seen of some files, applied to the ledger and the library.
//!
//! The order matters and is fixed: observe, wake what is due, follow renames, miss what is gone,
//! weigh what is there, delete what has been gone for long enough, show. Files of known articles
//! are weighed before new ones, so that a new article takes no URL from a known one.

mod admit;
mod copies;
mod dates;
mod delete;
mod finish;
mod forget;
mod import;
mod load;
mod rename;

pub use forget::Forget;
pub use load::Loading;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::article::{Reading, WordSketch};
use crate::base::Fingerprint;
use crate::base::path::FileKind;
use crate::base::{Diagnostic, Digest, RelPath, Scope, Timestamp, UrlPath, special};

use rename::{Fresh, Lost};

pub use import::{Fate, IMPORT, UNDO, Undo};

use super::adopt::Adoption;
use super::articles::Pair;
use super::guard::Hold;
use super::state::{
    Deletions, Found, Given, Notice, Observation, Outcome, Policy, Reweigh, Scan, State,
};
use super::{FileRow, ICON, Kept, LastFile, Record, Seq, Standing, Words};

impl State {
    /// A counter that grows while a step of this state, or of one made from it, gets on: a long
    /// step can be told from one that is stuck.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }

    /// Applies what was seen, and returns the next state with what it did.
    #[must_use]
    pub fn step(
        &self,
        given: Given<'_>,
        policy: &Policy,
        now: Timestamp,
        scan: Scan,
        reweigh: Reweigh,
        deletions: Deletions,
    ) -> (State, Outcome) {
        let mut step = Step::new(self.clone(), policy, now, scan);
        step.given = Some(given.words);
        step.run(given.observations, reweigh, deletions)
    }
}

/// A step under way: the state that it changes, and what it has to report.
pub(super) struct Step<'a> {
    /// A copy: the caller throws it away where the rows cannot be made durable.
    pub(super) state: State,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    pub(super) scan: Scan,
    pub(super) notices: Vec<Notice>,
    pub(super) touched: BTreeSet<Scope>,
    /// Paths to weigh.
    pub(super) pending: BTreeSet<RelPath>,
    /// Paths whose file is gone.
    pub(super) gone: BTreeMap<RelPath, LastFile>,
    /// Paths whose file is there, but cannot be taken yet.
    pub(super) unready: BTreeSet<RelPath>,
    /// Those of articles whose file may be one at another path that cannot be taken yet.
    pub(super) unready_elsewhere: BTreeSet<RelPath>,
    /// Paths that the configuration leaves out.
    pub(super) excluded: BTreeSet<RelPath>,
    /// Scopes that are forgotten.
    pub(super) forgotten: Vec<Scope>,
    /// The hold before the step.
    pub(super) hold_before: Option<Hold>,
    /// The files whose rows changed.
    pub(super) files: BTreeSet<RelPath>,
    /// The articles whose records changed.
    pub(super) records: BTreeSet<Seq>,
    /// The words of new articles, and of those that changed by more than a few.
    pub(super) words: Words,
    /// The words of other articles that were given to the step.
    given: Option<&'a Words>,
    /// Articles whose words were not given.
    pub(super) wanted: BTreeSet<Seq>,
    /// Public articles to show again, since the policy may be another.
    pub(super) shown_again: Vec<Seq>,
    /// The URLs that articles got.
    pub(super) urls: Vec<(UrlPath, Seq)>,
    /// Articles whose aliases are to become their URLs.
    pub(super) aliased: Vec<Seq>,
    /// The articles that were renamed, with the path before.
    pub(super) renamed: BTreeMap<Seq, RelPath>,
    /// The scopes of the tags that were met, by their names.
    pub(super) tags: HashMap<String, Scope>,
    /// The scopes of the authors that were met, by their names.
    pub(super) authors: HashMap<String, Scope>,
    /// The names of articles, while many are shown: to sort that once takes less time.
    pub(super) named: Option<Vec<Pair>>,
    /// The old entries of new files, from an imported feed.
    pub(super) adoptions: BTreeMap<RelPath, Adoption>,
}

impl<'a> Step<'a> {
    pub(super) fn new(state: State, policy: &'a Policy, now: Timestamp, scan: Scan) -> Self {
        Self {
            excluded: BTreeSet::new(),
            forgotten: Vec::new(),
            hold_before: state.hold,
            state,
            policy,
            now,
            scan,
            notices: Vec::new(),
            touched: BTreeSet::new(),
            pending: BTreeSet::new(),
            gone: BTreeMap::new(),
            unready: BTreeSet::new(),
            unready_elsewhere: BTreeSet::new(),
            files: BTreeSet::new(),
            records: BTreeSet::new(),
            words: Words::new(),
            given: None,
            wanted: BTreeSet::new(),
            shown_again: Vec::new(),
            urls: Vec::new(),
            aliased: Vec::new(),
            renamed: BTreeMap::new(),
            tags: HashMap::new(),
            authors: HashMap::new(),
            named: None,
            adoptions: BTreeMap::new(),
        }
    }

    /// The whole step.
    pub(super) fn run(
        mut self,
        observations: &[Observation],
        reweigh: Reweigh,
        deletions: Deletions,
    ) -> (State, Outcome) {
        self.state.library.zone = self.policy.zone.clone();
        self.state.ledger.reserve(&self.policy.reserved);
        self.state.library.views = Arc::clone(&self.policy.views);
        if self.state.library.base != self.policy.base {
            // Every feed may have other bytes now, so every one gets another date.
            self.state.library.base = self.policy.base;
            self.touched.extend(self.state.library.channels.keys().cloned());
        }
        self.observe(observations);
        self.pending.extend(self.state.ledger.take_due(self.now));
        // Renames come before losses: what was found under another path is not missing.
        self.follow_renames();
        // After the renames: where the clock was stepped, what went a moment ago looks old.
        self.state.ledger.forget_departed(self.now);
        self.miss();
        // After the losses: only what is missing can be put off.
        self.put_off();
        if reweigh == Reweigh::Everything {
            self.pending = self.state.ledger.paths_from(&RelPath::root()).collect();
        }
        self.weigh_all();
        self.stop_awaiting(observations);
        // Deletions come after weighing: an article whose file came back is not missing any more.
        self.delete_due(deletions);
        if reweigh == Reweigh::Everything {
            self.show_everything();
        }
        self.finish(reweigh)
    }

    /// Has every article shown again, since the policy may be another.
    fn show_everything(&mut self) {
        // An article without an author has the policy's, so its scopes may change without its
        // record.
        self.shown_again = self.state.library.public.iter().collect();
        // A view may have another title now.
        for view in self.policy.views.iter() {
            self.touched.insert(view.scope.clone());
        }
    }

    /// Whether the file at `path` was there at the first scan of the tree, and is taken for the
    /// first time.
    pub(super) fn is_on_first_scan(&self, path: &RelPath) -> bool {
        self.scan == Scan::First || self.state.awaited.contains(path)
    }

    /// What was taken is awaited no longer.
    fn stop_awaiting(&mut self, observations: &[Observation]) {
        if self.state.awaited.is_empty() {
            return;
        }
        let awaited = Arc::make_mut(&mut self.state.awaited);
        for Observation { path, found } in observations {
            if !matches!(found, Found::Unready | Found::UnreadyElsewhere) {
                awaited.remove(path);
            }
        }
    }

    fn observe(&mut self, observations: &[Observation]) {
        for Observation { path, found } in observations {
            self.get_on();
            match found {
                Found::Gone => self.lose(path),
                Found::Excluded => {
                    self.excluded.insert(path.clone());
                    self.lose(path);
                }
                Found::Unready => {
                    self.unready.insert(path.clone());
                }
                Found::UnreadyElsewhere => {
                    self.unready_elsewhere.insert(path.clone());
                }
                Found::Same { fingerprint, racy } => {
                    if let Some(row) = self.state.ledger.file(path) {
                        self.pending.insert(path.clone());
                        let row = FileRow { fingerprint: *fingerprint, racy: *racy, ..row };
                        self.put_file(path, row);
                    }
                }
                Found::Asset(fingerprint) => {
                    self.serve(path);
                    self.put_unread(path, fingerprint, Kept::Empty);
                }
                Found::Linked { fingerprint, target } => {
                    // For renames, the path is gone: the article may have moved to the target.
                    self.lose(path);
                    self.link(path, Some(target));
                    let message = format!("is a link to {target}, which is the article");
                    self.report(path, &[Diagnostic::note("linked", message)]);
                    self.put_unread(path, fingerprint, Kept::Linked(target.clone()));
                }
                Found::Refused { fingerprint, diagnostic } => {
                    self.pending.insert(path.clone());
                    self.link(path, None);
                    if self.state.library.remove_file(path) {
                        self.touch_all_who_show(path);
                    }
                    let kept = self.refuse(path, std::slice::from_ref(diagnostic));
                    self.put_unread(path, fingerprint, kept);
                    if special::excluded_by(path.as_str()).is_some() {
                        self.disown(path);
                    }
                }
                Found::Read { fingerprint, racy, digest, reading } => {
                    self.link(path, None);
                    let kept = self.take(path, reading, *digest);
                    let (fingerprint, racy, digest) = (*fingerprint, *racy, Some(*digest));
                    self.put_file(path, FileRow { fingerprint, racy, digest, kept });
                }
            }
        }
    }

    /// Counts a file or an article, so that a long step is not taken for a stuck one.
    pub(super) fn get_on(&self) {
        self.state.progress.fetch_add(1, Ordering::Relaxed);
    }

    fn observe_section(&mut self, path: &RelPath, kept: &Kept, digest: Option<Digest>) {
        // A section file that cannot be read says nothing new: what it kept back stays so.
        if matches!(kept, Kept::Refused(_)) && self.state.keeps_back(path) {
            return;
        }
        let head = if let Kept::Article(head, _) = kept { Some(head) } else { None };
        let scope = self.state.library.set_section(path, head, digest);
        self.touched.extend(scope);
        if self.state.set_withheld(path, head) {
            let directory = path.parent().unwrap_or_else(RelPath::root);
            self.pending.extend(self.state.files_beneath(&directory));
        }
    }

    /// Takes up a file that is served as it is.
    fn serve(&mut self, path: &RelPath) {
        if self.state.library.add_file(path) {
            self.touch_all_who_show(path);
        }
        self.disown(path);
    }

    /// Misses the article of a file that is none: an earlier version took it for one.
    fn disown(&mut self, path: &RelPath) {
        if self.state.ledger.is_live(path) {
            // Nothing is left of the article's own file by which a rename could be recognised.
            let unknown = LastFile::of(&Fingerprint::default(), None);
            self.gone.insert(path.clone(), unknown);
        }
    }

    /// Takes up what was read of an article or a section.
    fn take(&mut self, path: &RelPath, reading: &Reading, digest: Digest) -> Kept {
        let kept = self.keep(path, reading);
        if matches!(FileKind::of(path), FileKind::Section(_)) {
            self.observe_section(path, &kept, Some(digest));
        } else {
            self.pending.insert(path.clone());
        }
        kept
    }

    /// Remembers a file whose bytes were not read.
    fn put_unread(&mut self, path: &RelPath, fingerprint: &Fingerprint, kept: Kept) {
        let row = FileRow { fingerprint: *fingerprint, racy: false, digest: None, kept };
        self.put_file(path, row);
    }

    pub(super) fn put_file(&mut self, path: &RelPath, row: FileRow) {
        self.files.insert(path.clone());
        self.state.ledger.put_file(path, row);
    }

    fn keep(&mut self, path: &RelPath, reading: &Reading) -> Kept {
        match reading {
            Reading::Article { head, sketch, diagnostics } => {
                self.report(path, diagnostics);
                Kept::Article(Arc::clone(head), Arc::clone(sketch))
            }
            Reading::Empty => Kept::Empty,
            Reading::Refused(diagnostics) => self.refuse(path, diagnostics),
        }
    }

    fn refuse(&mut self, path: &RelPath, diagnostics: &[Diagnostic]) -> Kept {
        self.report(path, diagnostics);
        Kept::Refused(diagnostics.into())
    }

    fn report(&mut self, path: &RelPath, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.notices.push(Notice::Diagnostic(path.clone(), diagnostic.clone()));
        }
    }

    fn lose(&mut self, path: &RelPath) {
        let Some(row) = self.state.ledger.forget_file(path) else { return };
        self.files.insert(path.clone());
        self.link(path, None);
        match FileKind::of(path) {
            FileKind::Other => {
                self.state.library.remove_file(path);
                self.touch_all_who_show(path);
            }
            FileKind::Section(_) => {
                self.observe_section(path, &Kept::Empty, None);
            }
            FileKind::Article(_) if matches!(row.kept, Kept::Linked(_)) => {}
            FileKind::Article(_) => {
                let digest = match row.kept {
                    Kept::Recorded | Kept::Article(..) => row.digest,
                    // All empty files have the same content, which therefore identifies none.
                    _ => None,
                };
                self.gone.insert(path.clone(), LastFile::of(&row.fingerprint, digest));
            }
        }
    }

    /// Takes note of a link to a text, which bodies may refer to.
    fn link(&mut self, path: &RelPath, target: Option<&RelPath>) {
        if self.state.library.set_link(path, target) {
            self.touched.insert(Scope::Site);
        }
    }

    /// An asset that comes or goes may be linked from any page; the site's picture is in every
    /// feed.
    fn touch_all_who_show(&mut self, asset: &RelPath) {
        self.touched.insert(Scope::Site);
        if special::beneath_static(asset.as_str()).unwrap_or(asset.as_str()) == ICON {
            self.touched.extend(self.state.library.scopes().cloned());
        }
    }

    fn follow_renames(&mut self) {
        let ledger = &self.state.ledger;
        let mut lost = Vec::new();
        for (path, last_file) in &self.gone {
            if let Some(record) = ledger.live(path) {
                lost.push(Lost::of(&record, Some(*last_file)));
            }
        }
        for record in ledger.lost() {
            lost.push(Lost::of(&record, record.last_file));
        }
        // Where a file is at the path, but not ready, no other file is the article.
        lost.retain(|lost| !self.unready.contains(&lost.path));
        for lost in &mut lost {
            let put_off = self.state.put_off.get(&lost.seq);
            // A file was at its path a moment ago, but could not be taken yet.
            let was_at_home = put_off.is_some_and(|put| put.is_at_home && put.until > self.now);
            lost.may_wait = was_at_home || self.unready_elsewhere.contains(&lost.path);
        }
        if !lost.is_empty() {
            // What was held back as a copy may be where one of them went.
            self.pending.extend(ledger.copies().cloned());
            let drafts = self.drafts_among(&lost);
            self.pending.extend(drafts);
        }
        let mut fresh = Vec::new();
        for path in &self.pending {
            fresh.extend(self.fresh(path));
        }
        if fresh.is_empty() {
            return;
        }
        for (seq, path) in rename::renames(lost, fresh) {
            self.rename(seq, &path);
        }
    }

    /// The drafts with the bytes of a lost article: one may have been seen at its new path before
    /// its old one was missed.
    fn drafts_among(&self, lost: &[Lost]) -> Vec<RelPath> {
        let ledger = &self.state.ledger;
        let digests: HashSet<Digest> = lost.iter().map(|lost| lost.digest).collect();
        let mut drafts = Vec::new();
        for path in ledger.kept_back() {
            let digest = ledger.file(path).and_then(|row| row.digest);
            if digest.is_some_and(|digest| digests.contains(&digest)) {
                drafts.push(path.clone());
            }
        }
        drafts
    }

    /// The file at `path`, if it may be some lost article's new home. A name that no article has is
    /// none, such as that of a copy that a synchroniser sets aside, or of a section file: an author
    /// who renames an article to it takes it away.
    fn fresh(&self, path: &RelPath) -> Option<Fresh> {
        let ledger = &self.state.ledger;
        let row = ledger.file(path)?;
        let may_be_one = matches!(FileKind::of(path), FileKind::Article(_))
            && special::excluded_by(path.as_str()).is_none();
        if !may_be_one || ledger.is_live(path) || matches!(row.kept, Kept::Linked(_)) {
            return None;
        }
        let named = self.named_by_id(&row);
        Some(Fresh { path: path.clone(), fingerprint: row.fingerprint, digest: row.digest, named })
    }

    /// The article that the explicit id in this file names, if that has no file.
    fn named_by_id(&self, row: &FileRow) -> Option<Seq> {
        let Kept::Article(head, _) = &row.kept else { return None };
        let ledger = &self.state.ledger;
        let owner = ledger.record(ledger.owner_of(head.id.as_ref()?)?)?;
        if ledger.has_file(&owner) { None } else { Some(owner.seq) }
    }

    pub(super) fn rename(&mut self, seq: Seq, path: &RelPath) {
        let Some(from) = self.state.ledger.record(seq).map(|record| record.path.clone()) else {
            return;
        };
        self.state.ledger.move_to(seq, path);
        // The path of a deleted article may be another one's, whose file is gone as well.
        if !self.state.ledger.is_live(&from) {
            self.gone.remove(&from);
        }
        self.renamed.insert(seq, from);
        self.records.insert(seq);
    }

    /// The words of an article at its last `updated`. Where they were not given, the step has to be
    /// done again with them, so that what is decided without them does not matter.
    pub(super) fn words_of(&mut self, seq: Seq) -> Option<Arc<WordSketch>> {
        let given = self.given.and_then(|given| given.get(&seq));
        let found = self.words.get(&seq).or(given).cloned();
        if found.is_none() {
            self.wanted.insert(seq);
        }
        found
    }

    pub(super) fn put_record(&mut self, record: Record) {
        let seq = record.seq;
        self.records.insert(seq);
        self.state.ledger.put_record(&record);
    }

    pub(super) fn set_standing(&mut self, seq: Seq, standing: Standing) {
        if self.state.ledger.set_standing(seq, standing, self.now) {
            self.records.insert(seq);
        }
    }
}
