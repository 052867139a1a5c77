//! One step: what was seen of some files, applied to the ledger and the library.
//!
//! The order matters and is fixed: observe, wake what is due, follow renames, miss what is gone, weigh what is there, delete what has
//! been gone for long enough, show. Files with a known article go before new ones, so that the first keeps what it has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::article::Reading;
use crate::base::path::FileKind;
use crate::base::{Diagnostic, RelPath, Scope, Timestamp, UrlPath};
use crate::source::Fingerprint;

use super::rename::{self, Fresh, Lost};
use super::state::{Found, Notice, Observation, Outcome, Policy, State};
use super::{FileRow, ICON, Kept, Record, Seq, Standing};

/// How long a file must be gone before its article cannot be found under another path any more, where the grace is
/// shorter: longer than any two events of one rename are apart.
const DEPARTED: SignedDuration = SignedDuration::from_secs(10);

/// A step under way.
pub(super) struct Step<'a> {
    pub(super) state: State,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    pub(super) first_scan: bool,
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
}

impl<'a> Step<'a> {
    pub(super) fn new(state: State, policy: &'a Policy, now: Timestamp, first_scan: bool) -> Self {
        Self {
            state,
            policy,
            now,
            first_scan,
            notices: Vec::new(),
            touched: BTreeSet::new(),
            pending: BTreeSet::new(),
            gone: BTreeMap::new(),
            files: BTreeSet::new(),
            records: BTreeSet::new(),
            urls: Vec::new(),
            renamed: BTreeMap::new(),
        }
    }

    /// The whole step.
    pub(super) fn run(
        mut self,
        observations: &[Observation],
        everything: bool,
    ) -> (State, Outcome) {
        if self.state.library.base != self.policy.base {
            // Every feed may have other bytes now, so every one gets another date.
            self.state.library.base = self.policy.base;
            self.touched.extend(self.state.library.channels.keys().cloned());
        }
        self.observe(observations);
        self.wake_due();
        self.follow_renames();
        self.miss();
        if everything {
            self.pending = self.state.ledger.files.keys().cloned().collect();
        }
        self.weigh_all();
        self.delete_due();
        self.finish()
    }

    fn observe(&mut self, observations: &[Observation]) {
        for Observation { path, found } in observations {
            match found {
                Found::Gone => self.lose(path),
                Found::Same { fingerprint, racy } => {
                    if let Some(row) = self.state.ledger.files.get(path).cloned() {
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
                self.tell(path, diagnostics);
                Kept::Article(Arc::clone(head), Arc::clone(sketch))
            }
            Reading::Empty => Kept::Empty,
            Reading::Refused(diagnostics) => self.refuse(path, diagnostics),
        }
    }

    fn refuse(&mut self, path: &RelPath, diagnostics: &[Diagnostic]) -> Kept {
        self.tell(path, diagnostics);
        Kept::Refused(diagnostics.into())
    }

    fn tell(&mut self, path: &RelPath, diagnostics: &[Diagnostic]) {
        self.notices.extend(
            diagnostics.iter().map(|diagnostic| Notice::Told(path.clone(), diagnostic.clone())),
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

    /// An asset that comes or goes may be linked from any page; the site's picture stands in every feed.
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
        let lost_before = ledger.missing.iter().chain(&ledger.departed).filter_map(|(_, seq)| {
            let record = ledger.records.get(seq)?;
            let fingerprint = ledger.traces.get(seq).copied();
            let lost =
                Lost { seq: *seq, path: record.path.clone(), fingerprint, digest: record.digest };
            (!ledger.has_file(record)).then_some(lost)
        });
        let lost: Vec<Lost> = lost_now.chain(lost_before).collect();
        if !lost.is_empty() {
            // What was held back as a copy may be where one of them went.
            self.pending.extend(ledger.copies.keys().cloned());
        }
        let fresh: Vec<Fresh> = self.pending.iter().filter_map(|path| self.fresh(path)).collect();
        if fresh.is_empty() {
            return;
        }
        for (seq, path) in rename::renames(lost, fresh) {
            self.rename(seq, path);
        }
    }

    /// The file at `path`, if it may be some lost article's new home.
    fn fresh(&self, path: &RelPath) -> Option<Fresh> {
        let ledger = &self.state.ledger;
        let row = ledger.files.get(path)?;
        if ledger.live(path).is_some() {
            return None;
        }
        let id = if let Kept::Article(head, _) = &row.kept { head.id.as_ref() } else { None };
        let owner = id.and_then(|id| ledger.owner_of(id)).and_then(|seq| ledger.records.get(&seq));
        let named = owner.filter(|owner| !ledger.has_file(owner)).map(|owner| owner.seq);
        Some(Fresh { path: path.clone(), fingerprint: row.fingerprint, digest: row.digest, named })
    }

    pub(super) fn rename(&mut self, seq: Seq, path: RelPath) {
        let Some(record) = self.state.ledger.records.get(&seq).cloned() else { return };
        let ledger = &mut self.state.ledger;
        if ledger.by_path.get(&record.path) == Some(&seq) {
            ledger.by_path.remove(&record.path);
        }
        ledger.by_path.insert(path.clone(), seq);
        ledger.copies.remove(&path);
        self.gone.remove(&record.path);
        self.renamed.insert(seq, record.path.clone());
        self.put_record(Record { path, ..(*record).clone() });
    }

    pub(super) fn put_record(&mut self, record: Record) {
        let seq = record.seq;
        self.records.insert(seq);
        self.state.ledger.put_record(Arc::new(record));
    }

    pub(super) fn set_standing(&mut self, seq: Seq, standing: Standing) {
        let Some(record) = self.state.ledger.records.get(&seq).cloned() else { return };
        if record.standing == standing {
            return;
        }
        if let Standing::Missing(since) = record.standing {
            self.state.ledger.missing.remove(&(since, seq));
            if standing == Standing::Deleted && self.now.duration_since(since) < DEPARTED {
                self.state.ledger.departed.insert((since, seq));
            } else if !matches!(standing, Standing::Missing(_)) {
                self.state.ledger.traces.remove(&seq);
            }
        }
        if let Standing::Missing(since) = standing {
            self.state.ledger.missing.insert((since, seq));
        }
        self.put_record(Record { standing, ..(*record).clone() });
    }

    /// Marks the articles whose file is gone and was not found elsewhere.
    fn miss(&mut self) {
        for (path, fingerprint) in std::mem::take(&mut self.gone) {
            let Some(record) = self.state.ledger.live(&path).cloned() else { continue };
            match record.standing {
                Standing::Public => {
                    self.set_standing(record.seq, Standing::Missing(self.now));
                    if let Some(fingerprint) = fingerprint {
                        self.state.ledger.traces.insert(record.seq, fingerprint);
                    }
                    self.notices.push(Notice::Missing(path));
                }
                Standing::Withdrawn => self.set_standing(record.seq, Standing::Deleted),
                Standing::Missing(_) | Standing::Deleted => {}
            }
        }
    }

    fn delete_due(&mut self) {
        self.begin_graces_again();
        let mut due = Vec::new();
        for (since, seq) in &self.state.ledger.missing {
            if since.saturating_add(self.policy.grace).is_ok_and(|end| end <= self.now) {
                due.push(*seq);
            }
        }
        for seq in due {
            if let Some(record) = self.state.ledger.records.get(&seq) {
                self.notices.push(Notice::Deleted(record.path.clone()));
            }
            self.set_standing(seq, Standing::Deleted);
        }
        self.forget_departed();
    }

    /// Counts the grace from now where the clock was stepped back before its beginning: the step neither ends a grace
    /// early, nor keeps an article for as long as the step.
    fn begin_graces_again(&mut self) {
        let ahead = (Bound::Excluded((self.now, Seq::MAX)), Bound::Unbounded);
        let early: Vec<Seq> = self.state.ledger.missing.range(ahead).map(|(_, seq)| *seq).collect();
        for seq in early {
            self.set_standing(seq, Standing::Missing(self.now));
        }
    }

    /// Forgets what went longer than [`DEPARTED`] ago, by whichever way the clock went.
    fn forget_departed(&mut self) {
        let ledger = &mut self.state.ledger;
        for (since, seq) in ledger.departed.clone() {
            if self.now.duration_since(since).abs() > DEPARTED {
                ledger.departed.remove(&(since, seq));
                if ledger
                    .records
                    .get(&seq)
                    .is_some_and(|record| record.standing == Standing::Deleted)
                {
                    ledger.traces.remove(&seq);
                }
            }
        }
    }
}
