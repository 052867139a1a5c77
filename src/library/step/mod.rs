//! One step: what was seen of some files, applied to the ledger and the library.
//!
//! The order matters and is fixed: observe, wake what is due, follow renames, miss what is gone, weigh what is there, delete what has
//! been gone for long enough, show. Files with a known article go before new ones, so that the first keeps what it has.

mod admit;
mod dates;
mod finish;
mod import;
mod rename;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::article::Reading;
use crate::base::Fingerprint;
use crate::base::path::FileKind;
use crate::base::{Diagnostic, RelPath, Scope, Timestamp, UrlPath};

use rename::{Fresh, Lost};

pub use import::{Fate, IMPORT, UNDO, Undo};

use super::adopt::{Adoption, Imports};
use super::state::{Found, Notice, Observation, Outcome, Policy, Reweigh, Scan, State};
use super::{ChannelState, FileRow, ICON, Kept, Record, Remembered, Seq, Standing};

impl State {
    /// Restores a state from what was remembered. Files that are not public as they are will be weighed by the first step.
    pub fn load(remembered: &Remembered, policy: &Policy) -> Self {
        let mut state = State::default();
        state.library.base = policy.base;
        state.library.zone = policy.zone.clone();
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
        for row in &remembered.channels {
            let place = ChannelState { row: row.clone(), members: Default::default() };
            state.library.channels.insert(row.scope.clone(), place);
        }
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
    ) -> (State, Outcome) {
        Step::new(self.clone(), policy, now, scan).run(observations, reweigh)
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
    pub(super) gone: BTreeMap<RelPath, Option<Fingerprint>>,
    pub(super) files: BTreeSet<RelPath>,
    pub(super) records: BTreeSet<Seq>,
    pub(super) urls: Vec<(UrlPath, Seq)>,
    pub(super) renamed: BTreeMap<Seq, RelPath>,
    /// What the new files get from an old feed.
    pub(super) adoptions: BTreeMap<RelPath, Adoption>,
}

impl<'a> Step<'a> {
    pub(super) fn new(state: State, policy: &'a Policy, now: Timestamp, scan: Scan) -> Self {
        Self {
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
            renamed: BTreeMap::new(),
            adoptions: BTreeMap::new(),
        }
    }

    /// The whole step.
    pub(super) fn run(
        mut self,
        observations: &[Observation],
        reweigh: Reweigh,
    ) -> (State, Outcome) {
        self.state.library.zone = self.policy.zone.clone();
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
        self.delete_due();
        if reweigh == Reweigh::Everything {
            // An article without an author has the policy's, so its scopes may change without its record.
            let public: Vec<Seq> =
                self.state.library.articles().map(|article| article.seq).collect();
            for seq in public {
                self.show(seq);
            }
        }
        self.finish()
    }

    fn observe(&mut self, observations: &[Observation]) {
        for Observation { path, found } in observations {
            match found {
                Found::Gone => self.lose(path),
                Found::Same { fingerprint, racy } => {
                    if let Some(row) = self.state.ledger.file(path).cloned() {
                        self.pending.insert(path.clone());
                        self.put_file(
                            path,
                            FileRow { fingerprint: *fingerprint, racy: *racy, ..row },
                        );
                    }
                }
                Found::Asset(fingerprint) => {
                    if self.state.library.assets.insert(path) {
                        self.touch_all_who_show(path);
                    }
                    let kept = Kept::Empty;
                    self.put_file(
                        path,
                        FileRow { fingerprint: *fingerprint, racy: false, digest: None, kept },
                    );
                }
                Found::Refused { fingerprint, diagnostic } => {
                    self.pending.insert(path.clone());
                    if self.state.library.assets.remove(path) {
                        self.touch_all_who_show(path);
                    }
                    let kept = self.refuse(path, std::slice::from_ref(diagnostic));
                    self.put_file(
                        path,
                        FileRow { fingerprint: *fingerprint, racy: false, digest: None, kept },
                    );
                }
                Found::Read { fingerprint, racy, digest, reading } => {
                    let kept = self.keep(path, reading);
                    if matches!(FileKind::of(path), FileKind::Section(_)) {
                        let head =
                            if let Kept::Article(head, _) = &kept { Some(head) } else { None };
                        let scope = self.state.library.set_section(path, head);
                        self.touched.extend(scope);
                    } else {
                        self.pending.insert(path.clone());
                    }
                    let digest = Some(*digest);
                    self.put_file(
                        path,
                        FileRow { fingerprint: *fingerprint, racy: *racy, digest, kept },
                    );
                }
            }
        }
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
        match FileKind::of(path) {
            FileKind::Other => {
                self.state.library.assets.remove(path);
                self.touch_all_who_show(path);
            }
            FileKind::Section(_) => {
                let scope = self.state.library.set_section(path, None);
                self.touched.extend(scope);
            }
            FileKind::Article(_) => {
                self.gone.insert(path.clone(), Some(row.fingerprint));
            }
        }
    }

    /// An asset that comes or goes may be linked from any page; the site's picture is in every feed.
    fn touch_all_who_show(&mut self, asset: &RelPath) {
        self.touched.insert(Scope::Site);
        if asset.as_str() == ICON {
            self.touched.extend(self.state.library.scopes().cloned());
        }
    }

    fn follow_renames(&mut self) {
        let ledger = &self.state.ledger;
        let lost_now = self.gone.iter().filter_map(|(path, fingerprint)| {
            let record = ledger.live(path)?;
            Some(Lost {
                seq: record.seq,
                path: path.clone(),
                fingerprint: *fingerprint,
                digest: record.digest,
            })
        });
        let lost_before = ledger.lost().map(|(record, fingerprint)| Lost {
            seq: record.seq,
            path: record.path.clone(),
            fingerprint,
            digest: record.digest,
        });
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
        if ledger.live(path).is_some() {
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
        for (path, fingerprint) in std::mem::take(&mut self.gone) {
            let Some(record) = self.state.ledger.live(&path).cloned() else { continue };
            match record.standing {
                Standing::Public => {
                    self.set_standing(record.seq, Standing::Missing(self.now));
                    if let Some(fingerprint) = fingerprint {
                        self.state.ledger.trace(record.seq, fingerprint);
                    }
                    self.notices.push(Notice::Missing(path));
                }
                Standing::Withdrawn => self.set_standing(record.seq, Standing::Deleted),
                Standing::Missing(_) | Standing::Deleted => {}
            }
        }
    }

    fn delete_due(&mut self) {
        // A grace that begins after now began before the clock was stepped back. It begins again: the step neither ends
        // it early, nor keeps an article for as long as the step.
        for seq in self.state.ledger.missing_after(self.now) {
            self.set_standing(seq, Standing::Missing(self.now));
        }
        let begun = self.now.checked_sub(self.policy.grace).unwrap_or(Timestamp::MIN);
        for seq in self.state.ledger.missing_until(begun) {
            if let Some(record) = self.state.ledger.record(seq) {
                self.notices.push(Notice::Deleted(record.path.clone()));
            }
            self.set_standing(seq, Standing::Deleted);
        }
        self.state.ledger.forget_departed(self.now);
    }
}
