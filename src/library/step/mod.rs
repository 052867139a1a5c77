//! One step: what was seen of some files, applied to the ledger and the library.
//!
//! The order matters and is fixed: observe, wake what is due, follow renames, miss what is gone, weigh what is there, delete what has
//! been gone for long enough, show. Files with a known article go before new ones, so that the first keeps what it has.

mod admit;
mod dates;
mod finish;
mod forget;
mod import;
mod rename;

pub use forget::Forget;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::article::Reading;
use crate::base::Fingerprint;
use crate::base::path::FileKind;
use crate::base::{Diagnostic, RelPath, Scope, Timestamp, UrlPath, special};

use rename::{Fresh, Lost};

pub use import::{Fate, IMPORT, UNDO, Undo};

use super::adopt::{Adoption, Imports};
use super::archive::{self, Archive};
use super::channel::Members;
use super::guard::{self, Hold};
use super::ledger::Trace;
use super::state::{Deletions, Found, Notice, Observation, Outcome, Policy, Reweigh, Scan, State};
use super::{ChannelState, FileRow, ICON, Kept, Record, Remembered, Seq, Standing};

impl State {
    /// Restores a state from what was remembered. Files that are not public as they are will be weighed by the first step.
    pub fn load(remembered: &Remembered, policy: &Policy) -> Self {
        let mut state = State::default();
        state.library.base = policy.base;
        state.library.zone = policy.zone.clone();
        state.ledger.reserve(&policy.reserved);
        state.library.views = Arc::clone(&policy.views);
        for record in &remembered.records {
            state.ledger.restore(record);
        }
        for (path, row) in &remembered.files {
            state.remember_file(path, row, policy);
        }
        for (url, seq) in &remembered.urls {
            state.ledger.own_url(url, *seq);
        }
        (state.library.urls, state.library.by_path) = state.ledger.shared();
        let values: HashMap<&str, &str> = remembered
            .values
            .iter()
            .filter(|(name, _)| archive::is_value(name))
            .map(|(name, value)| (&**name, &**value))
            .collect();
        for row in &remembered.channels {
            let archive = Archive::remembered(&row.scope, |name| values.get(name).copied());
            let place = ChannelState { row: row.clone(), members: Members::empty(archive) };
            state.library.channels.insert(row.scope.clone(), place);
        }
        let hold = remembered.values.iter().find(|(name, _)| name == guard::HOLD);
        state.hold = hold.and_then(|(_, text)| text.parse().ok());
        for (name, value) in &remembered.values {
            if name == IMPORT {
                state.take_imports(Imports::parse(value));
            }
        }
        let mut step = Step::new(state, policy, Timestamp::MIN, Scan::Later);
        for record in &remembered.records {
            step.show(record.seq);
        }
        step.state
    }

    /// Applies what was seen, and returns the next state with what it did.
    #[must_use]
    pub fn step(
        &self,
        observations: &[Observation],
        policy: &Policy,
        now: Timestamp,
        scan: Scan,
        reweigh: Reweigh,
        deletions: Deletions,
    ) -> (State, Outcome) {
        Step::new(self.clone(), policy, now, scan).run(observations, reweigh, deletions)
    }
}

/// A step under way.
pub(super) struct Step<'a> {
    pub(super) state: State,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    pub(super) scan: Scan,
    pub(super) notices: Vec<Notice>,
    pub(super) touched: BTreeSet<Scope>,
    /// Paths to weigh.
    pub(super) pending: BTreeSet<RelPath>,
    /// Paths whose file is gone.
    pub(super) gone: BTreeMap<RelPath, Trace>,
    /// Paths that the configuration leaves out.
    pub(super) excluded: BTreeSet<RelPath>,
    /// Scopes that are forgotten.
    pub(super) forgotten: Vec<Scope>,
    /// The hold before the step.
    pub(super) hold_before: Option<Hold>,
    pub(super) files: BTreeSet<RelPath>,
    pub(super) records: BTreeSet<Seq>,
    pub(super) urls: Vec<(UrlPath, Seq)>,
    /// Articles whose aliases are to become their URLs.
    pub(super) aliased: Vec<Seq>,
    pub(super) renamed: BTreeMap<Seq, RelPath>,
    /// What the new files get from an old feed.
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
            files: BTreeSet::new(),
            records: BTreeSet::new(),
            urls: Vec::new(),
            aliased: Vec::new(),
            renamed: BTreeMap::new(),
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
        self.follow_renames();
        self.miss();
        if reweigh == Reweigh::Everything {
            self.pending = self.state.ledger.files().map(|(path, _)| path.clone()).collect();
        }
        self.weigh_all();
        self.delete_due(deletions);
        if reweigh == Reweigh::Everything {
            // An article without an author has the policy's, so its scopes may change without its record.
            let public: Vec<Seq> =
                self.state.library.articles().map(|article| article.seq).collect();
            for seq in public {
                self.show(seq);
            }
            // A view may have another title now.
            self.touched.extend(self.policy.views.iter().map(|view| view.scope.clone()));
        }
        self.finish(reweigh)
    }

    fn observe(&mut self, observations: &[Observation]) {
        for Observation { path, found } in observations {
            match found {
                Found::Gone => self.lose(path),
                Found::Excluded => {
                    self.excluded.insert(path.clone());
                    self.lose(path);
                }
                Found::Same { fingerprint, racy } => {
                    if let Some(row) = self.state.ledger.file(path).cloned() {
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
                    // To identity, nothing is there: the article may have moved to the target.
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
                }
                Found::Read { fingerprint, racy, digest, reading } => {
                    self.link(path, None);
                    let kept = self.take(path, reading);
                    let (fingerprint, racy, digest) = (*fingerprint, *racy, Some(*digest));
                    self.put_file(path, FileRow { fingerprint, racy, digest, kept });
                }
            }
        }
    }

    fn observe_section(&mut self, path: &RelPath, kept: &Kept) {
        let head = if let Kept::Article(head, _) = kept { Some(head) } else { None };
        let scope = self.state.library.set_section(path, head);
        self.touched.extend(scope);
        // A section file that cannot be read says nothing new: what it kept back stays so.
        let is_read = !matches!(kept, Kept::Refused(_));
        if is_read && self.state.set_withheld(path, head) {
            let directory = path.parent().unwrap_or_else(RelPath::root);
            let beneath: Vec<RelPath> = self.state.files_beneath(&directory).cloned().collect();
            self.pending.extend(beneath);
        }
    }

    /// Takes up a file that is served as it is.
    fn serve(&mut self, path: &RelPath) {
        if self.state.library.add_file(path) {
            self.touch_all_who_show(path);
        }
        // An earlier version read it as an article.
        if self.state.ledger.live(path).is_some() {
            // Of the article's own file nothing is left to know it by.
            let trace = Trace { fingerprint: Fingerprint::default(), digest: None };
            self.gone.insert(path.clone(), trace);
        }
    }

    /// Takes up what was read of an article or a section.
    fn take(&mut self, path: &RelPath, reading: &Reading) -> Kept {
        let kept = self.keep(path, reading);
        if matches!(FileKind::of(path), FileKind::Section(_)) {
            self.observe_section(path, &kept);
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
        self.notices.extend(
            diagnostics
                .iter()
                .map(|diagnostic| Notice::Diagnostic(path.clone(), diagnostic.clone())),
        );
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
                self.observe_section(path, &Kept::Empty);
            }
            FileKind::Article(_) if matches!(row.kept, Kept::Linked(_)) => {}
            FileKind::Article(_) => {
                // An empty file is not known again by its content.
                let is_article = matches!(row.kept, Kept::Recorded | Kept::Article(..));
                let digest = row.digest.filter(|_| is_article);
                let trace = Trace { fingerprint: row.fingerprint, digest };
                self.gone.insert(path.clone(), trace);
            }
        }
    }

    /// Takes note of a link to a text, which bodies may refer to.
    fn link(&mut self, path: &RelPath, target: Option<&RelPath>) {
        if self.state.library.set_link(path, target) {
            self.touched.insert(Scope::Site);
        }
    }

    /// An asset that comes or goes may be linked from any page; the site's picture is in every feed.
    fn touch_all_who_show(&mut self, asset: &RelPath) {
        self.touched.insert(Scope::Site);
        if special::beneath_static(asset.as_str()).unwrap_or(asset.as_str()) == ICON {
            self.touched.extend(self.state.library.scopes().cloned());
        }
    }

    fn follow_renames(&mut self) {
        let ledger = &self.state.ledger;
        let lost_now = self.gone.iter().filter_map(|(path, trace)| {
            let record = ledger.live(path)?;
            Some(Lost::of(record, Some(*trace)))
        });
        let lost_before = ledger.lost().map(|(record, trace)| Lost::of(record, trace));
        let lost: Vec<Lost> = lost_now.chain(lost_before).collect();
        if !lost.is_empty() {
            // What was held back as a copy may be where one of them went.
            self.pending.extend(ledger.copies().cloned());
        }
        let fresh: Vec<Fresh> = self.pending.iter().filter_map(|path| self.fresh(path)).collect();
        if fresh.is_empty() {
            return;
        }
        for (seq, path) in rename::renames(lost, fresh) {
            self.rename(seq, &path);
        }
    }

    /// The file at `path`, if it may be some lost article's new home.
    fn fresh(&self, path: &RelPath) -> Option<Fresh> {
        let ledger = &self.state.ledger;
        let row = ledger.file(path)?;
        if ledger.live(path).is_some() || matches!(row.kept, Kept::Linked(_)) {
            return None;
        }
        let id = if let Kept::Article(head, _) = &row.kept { head.id.as_ref() } else { None };
        let owner = id.and_then(|id| ledger.owner_of(id)).and_then(|seq| ledger.record(seq));
        let named = owner.filter(|owner| !ledger.has_file(owner)).map(|owner| owner.seq);
        Some(Fresh { path: path.clone(), fingerprint: row.fingerprint, digest: row.digest, named })
    }

    pub(super) fn rename(&mut self, seq: Seq, path: &RelPath) {
        let Some(from) = self.state.ledger.record(seq).map(|record| record.path.clone()) else {
            return;
        };
        self.state.ledger.move_to(seq, path);
        self.gone.remove(&from);
        self.renamed.insert(seq, from);
        self.records.insert(seq);
    }

    pub(super) fn put_record(&mut self, record: Record) {
        let seq = record.seq;
        self.records.insert(seq);
        self.state.ledger.put_record(Arc::new(record));
    }

    pub(super) fn set_standing(&mut self, seq: Seq, standing: Standing) {
        if self.state.ledger.set_standing(seq, standing, self.now) {
            self.records.insert(seq);
        }
    }

    /// Marks the articles whose file is gone and was not found elsewhere.
    fn miss(&mut self) {
        for (path, trace) in std::mem::take(&mut self.gone) {
            let Some(record) = self.state.ledger.live(&path).cloned() else { continue };
            match record.standing {
                Standing::Public if self.excluded.contains(&path) => {
                    self.notices.push(Notice::Deleted(path));
                    self.set_standing(record.seq, Standing::Deleted(None));
                }
                Standing::Public => {
                    self.set_standing(record.seq, Standing::Missing(self.now));
                    self.state.ledger.trace(record.seq, trace);
                    self.notices.push(Notice::Missing(path));
                }
                Standing::Withdrawn => {
                    self.set_standing(record.seq, Standing::Deleted(None));
                    self.state.ledger.trace(record.seq, trace);
                }
                Standing::Missing(_) | Standing::Deleted(_) | Standing::Forgotten => {}
            }
        }
    }

    fn delete_due(&mut self, deletions: Deletions) {
        // A grace that begins after now began before the clock was stepped back. It begins again: the step neither ends
        // it early, nor keeps an article for as long as the step.
        for seq in self.state.ledger.missing_after(self.now) {
            self.set_standing(seq, Standing::Missing(self.now));
        }
        match deletions {
            Deletions::Accepted => self.accept(),
            Deletions::Guarded => {
                let begun = self.now.checked_sub(self.policy.grace).unwrap_or(Timestamp::MIN);
                let due = self.state.ledger.missing_until(begun);
                if self.may_delete(&due) {
                    self.delete(due, Some(self.now));
                }
            }
        }
        self.state.ledger.forget_departed(self.now);
    }

    /// Takes everything away that is missing, and measures later deletions against what is left.
    fn accept(&mut self) {
        for seq in self.state.ledger.vanished_ever() {
            self.set_standing(seq, Standing::Deleted(None));
        }
        let missing: Vec<Seq> = self.state.ledger.missing().collect();
        self.delete(missing, None);
        self.state.hold = None;
    }

    /// Asks the shrink guard. A hold begins when a deletion is due, so that files which come and go within the grace
    /// begin none. Where one ends, the grace of what is still missing begins again: its files may be on their way, too.
    fn may_delete(&mut self, due: &[Seq]) -> bool {
        let from = self.state.hold.map_or(self.now, |hold| hold.since);
        let shrink = self.state.shrink(from);
        match self.state.hold {
            None if due.is_empty() || !shrink.is_suspicious() => true,
            None => {
                self.state.hold = Some(Hold { before: shrink.before, since: self.now });
                false
            }
            Some(_) => {
                if !shrink.is_suspicious() {
                    self.state.hold = None;
                    let missing: Vec<Seq> = self.state.ledger.missing().collect();
                    for seq in missing {
                        self.set_standing(seq, Standing::Missing(self.now));
                    }
                }
                false
            }
        }
    }

    fn delete(&mut self, seqs: Vec<Seq>, at: Option<Timestamp>) {
        for seq in seqs {
            if let Some(record) = self.state.ledger.record(seq) {
                self.notices.push(Notice::Deleted(record.path.clone()));
            }
            self.set_standing(seq, Standing::Deleted(at));
        }
    }
}
