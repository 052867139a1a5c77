//! What becomes of articles whose file is gone: they are missing, then deleted, unless the shrink
//! guard holds that.

use super::super::guard::Hold;
use super::super::state::{Deletions, Notice};
use super::super::{Seq, Standing};
use super::Step;
use crate::base::{RelPath, Timestamp};

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

    /// Begins the grace of a missing article again: there is a file at its path, which cannot be
    /// read yet.
    pub(super) fn put_off(&mut self, path: &RelPath) {
        if let Some(record) = self.state.ledger.live(path)
            && matches!(record.standing, Standing::Missing(_))
        {
            self.set_standing(record.seq, Standing::Missing(self.now));
        }
    }

    pub(super) fn delete_due(&mut self, deletions: Deletions) {
        // A grace that begins after now began before the clock was stepped back. It begins again:
        // the step neither ends it early, nor keeps an article for as long as the step.
        for seq in self.state.ledger.missing_after(self.now) {
            self.set_standing(seq, Standing::Missing(self.now));
        }
        match deletions {
            Deletions::Accepted => self.accept(),
            Deletions::Guarded => {
                // What has been missing since then or before has used up its grace.
                let begun = self.now.checked_sub(self.policy.grace).unwrap_or(Timestamp::MIN);
                let due = self.state.ledger.missing_until(begun);
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
