//! What becomes of articles whose file is gone: they are missing, then deleted, unless the shrink
//! guard holds that.

use jiff::SignedDuration;

use super::super::guard::Hold;
use super::super::state::{Deletions, Notice, PutOff};
use super::super::{Seq, Standing};
use super::Step;
use crate::base::Timestamp;

/// The time for which a missing article stays whose file is there, but cannot be taken yet. Such a
/// file is looked at again within this time, and the article put off again.
const PUT_OFF: SignedDuration = SignedDuration::from_secs(10);

impl Step<'_> {
    /// Marks the articles whose file is gone and was not found elsewhere.
    pub(super) fn miss(&mut self) {
        for (path, last_file) in std::mem::take(&mut self.gone) {
            let Some(record) = self.state.ledger.live(&path) else { continue };
            match record.standing {
                Standing::Public if self.excluded.contains(&path) => {
                    self.notices.push(Notice::Deleted(path));
                    self.set_standing(record.seq, Standing::Deleted(None));
                }
                Standing::Public => {
                    self.set_standing(record.seq, Standing::Missing(self.now));
                    self.state.ledger.set_last_file(record.seq, last_file);
                    self.notices.push(Notice::Missing(path));
                }
                Standing::Withdrawn => {
                    self.set_standing(record.seq, Standing::Deleted(None));
                    self.state.ledger.set_last_file(record.seq, last_file);
                }
                Standing::Missing(_) | Standing::Deleted(_) | Standing::Forgotten => {}
            }
        }
    }

    /// Begins the grace of missing articles again whose file is there, but cannot be taken yet.
    pub(super) fn put_off(&mut self) {
        let until = self.now.saturating_add(PUT_OFF).unwrap_or(Timestamp::MAX);
        let at_home = std::mem::take(&mut self.unready);
        let elsewhere = std::mem::take(&mut self.unready_elsewhere);
        for path in at_home.union(&elsewhere) {
            if let Some(record) = self.state.ledger.live(path)
                && matches!(record.standing, Standing::Missing(_))
            {
                let seq = record.seq;
                self.set_standing(seq, Standing::Missing(self.now));
                let is_at_home = at_home.contains(path);
                self.state.put_off.insert(seq, PutOff { until, is_at_home });
            }
        }
    }

    /// Forgets which articles were put off, where that is over.
    fn forget_put_off(&mut self) {
        let latest = self.now.saturating_add(PUT_OFF).unwrap_or(Timestamp::MAX);
        for (seq, put_off) in self.state.put_off.clone() {
            if put_off.until <= self.now {
                self.state.put_off.remove(&seq);
            } else if put_off.until > latest {
                // The clock was stepped back.
                self.state.put_off.insert(seq, PutOff { until: latest, ..put_off });
            }
        }
    }

    pub(super) fn delete_due(&mut self, deletions: Deletions) {
        // A grace that begins after now began before the clock was stepped back. It begins again:
        // the step neither ends it early, nor keeps an article for as long as the step.
        for seq in self.state.ledger.missing_after(self.now) {
            self.set_standing(seq, Standing::Missing(self.now));
        }
        self.forget_put_off();
        match deletions {
            Deletions::Accepted => self.accept(),
            Deletions::Guarded => {
                // What has been missing since then or before has used up its grace.
                let begun = self.now.checked_sub(self.policy.grace).unwrap_or(Timestamp::MIN);
                let mut due = self.state.ledger.missing_until(begun);
                due.retain(|seq| !self.state.put_off.contains_key(seq));
                if self.may_delete(&due) {
                    self.delete(due, Some(self.now));
                }
            }
        }
    }

    /// Takes everything away that is missing, and measures later deletions against what is left.
    fn accept(&mut self) {
        for seq in self.state.ledger.vanished_ever() {
            self.set_standing(seq, Standing::Deleted(None));
        }
        self.delete(self.state.ledger.missing(), None);
        self.state.hold = None;
    }

    /// Asks the shrink guard whether what is due may be deleted; begins or ends a hold.
    fn may_delete(&mut self, due: &[Seq]) -> bool {
        let Some(hold) = self.state.hold else {
            // A hold begins when a deletion is due, so that files which come and go within the
            // grace begin none.
            let shrink = self.state.shrink(self.now);
            if due.is_empty() || !shrink.is_suspicious() {
                return true;
            }
            self.state.hold = Some(Hold { before: shrink.before, since: self.now });
            return false;
        };
        if !self.state.shrink(hold.since).is_suspicious() {
            self.state.hold = None;
            // The grace of what is still missing begins again: its files may be on their way, too.
            for seq in self.state.ledger.missing() {
                self.set_standing(seq, Standing::Missing(self.now));
            }
        }
        false
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
