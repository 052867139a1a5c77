//! Articles whose file is gone: those that wait for the grace, those that went a moment ago, and
//! those that the shrink guard counts.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::base::{Digest, Fingerprint, RelPath, Timestamp};

use super::super::{LastFile, Record, Seq, Standing};
use super::Ledger;

/// The time after which an article without a file cannot be found under another path any more,
/// where the grace is shorter: longer than any two events of one rename are apart.
pub(super) const DEPARTED: SignedDuration = SignedDuration::from_secs(10);

/// The time at which the articles went that a state remembers as gone. A rename that began before a
/// restart may end after it.
pub(super) const BEFORE_START: Timestamp = Timestamp::MIN;

impl Ledger {
    /// Remembers what the file of an article was, which is gone.
    pub(in crate::library) fn set_last_file(&mut self, seq: Seq, last_file: LastFile) {
        if let Some(record) = self.record(seq) {
            let last_file = Some(last_file);
            self.put_record(&Record { last_file, ..(*record).clone() });
        }
    }

    /// The articles whose file is gone: each may be found under another path.
    pub(in crate::library) fn lost(&self) -> Vec<Arc<Record>> {
        let mut lost = Vec::new();
        for (_, seq) in self.missing.iter().chain(&self.departed) {
            let Some(record) = self.record(*seq) else { continue };
            // A departed article may have been found since, or its path may have a file again.
            if record.standing != Standing::Forgotten && !self.has_file(&record) {
                lost.push(record);
            }
        }
        lost
    }

    /// Whether an article that went a moment ago has its very file again, at the path that it had,
    /// whatever was written into it meanwhile.
    pub(in crate::library) fn is_back(&self, gone: &Record) -> bool {
        let (Some(last), Some((file, _))) = (gone.last_file, self.fingerprint(&gone.path)) else {
            return false;
        };
        last.is_file(&file) && self.departed.iter().any(|(_, seq)| *seq == gone.seq)
    }

    /// The deleted article with these bytes: the one with the file name of `path`, else the oldest.
    /// None where the file of another article has these bytes: then the file at `path` is a copy of
    /// that one.
    pub(in crate::library) fn deleted_with(
        &self,
        digest: Digest,
        path: &RelPath,
    ) -> Option<Arc<Record>> {
        let (mut oldest, mut namesake) = (None, None);
        for record in self.with_digest(digest) {
            if !matches!(record.standing, Standing::Deleted(_)) {
                // The bytes of an article that was withdrawn, or whose file cannot be parsed since,
                // are no longer in its file.
                let in_file = self.file(&record.path).is_some_and(|row| row.digest == Some(digest));
                if record.path != *path && self.has_file(&record) && in_file {
                    return None;
                }
                continue;
            }
            if record.path.name() == path.name() && namesake.is_none() {
                namesake = Some(Arc::clone(&record));
            }
            oldest = oldest.or(Some(record));
        }
        namesake.or(oldest)
    }

    /// The missing articles, each with the time since when; the longest missing first.
    pub(in crate::library) fn missing_since(&self) -> impl Iterator<Item = (Timestamp, Seq)> {
        self.missing.iter().copied()
    }

    /// The files among `seen` that an article had at another path, each with that path.
    pub(in crate::library) fn moved(
        &self,
        seen: &[(&RelPath, &Fingerprint)],
    ) -> Vec<(RelPath, RelPath)> {
        let mut missing = HashMap::new();
        for (_, seq) in &self.missing {
            if let Some(record) = self.record(*seq)
                && let Some(file) = record.last_file
                // A birth time of 0 means that the file system keeps none, and the number alone
                // proves nothing.
                && file.btime_ns != 0
            {
                missing.insert((file.dev, file.ino, file.btime_ns), record.path.clone());
            }
        }
        let mut moved = Vec::new();
        for (path, file) in seen {
            for record in self.with_inode(path, file) {
                moved.push(((*path).clone(), record.path.clone()));
            }
            if let Some(old) = missing.get(&(file.dev, file.ino, file.btime_ns))
                && old != *path
            {
                moved.push(((*path).clone(), old.clone()));
            }
        }
        moved
    }

    /// The articles that have been missing since `at` or before.
    pub(in crate::library) fn missing_until(&self, at: Timestamp) -> Vec<Seq> {
        numbers(self.missing.range(..=(at, Seq::MAX)))
    }

    /// The articles that are missing since a moment after `now`: the clock was stepped back.
    pub(in crate::library) fn missing_after(&self, now: Timestamp) -> Vec<Seq> {
        let after = (Bound::Excluded((now, Seq::MAX)), Bound::Unbounded);
        numbers(self.missing.range(after))
    }

    /// The articles whose file is gone, and that are public all the same.
    pub(in crate::library) fn missing(&self) -> Vec<Seq> {
        numbers(self.missing.iter())
    }

    /// The number of articles whose file is gone, and that are public all the same.
    pub(in crate::library) fn missing_len(&self) -> usize {
        self.missing.len()
    }

    /// The articles that vanished and were taken away not longer than `window` before or after
    /// `from`.
    pub(in crate::library) fn vanished(&self, from: Timestamp, window: SignedDuration) -> Vec<Seq> {
        let first = from.checked_sub(window).unwrap_or(Timestamp::MIN);
        // The clock may have been ahead a little, so what lies in the future counts too.
        let last = from.checked_add(window).unwrap_or(Timestamp::MAX);
        numbers(self.vanished.range((first, 0)..=(last, Seq::MAX)))
    }

    /// The articles that vanished and were taken away, whenever that was.
    pub(in crate::library) fn vanished_ever(&self) -> Vec<Seq> {
        numbers(self.vanished.iter())
    }

    /// Forgets what went longer than [`DEPARTED`] before or after `now`: the clock may have been
    /// stepped. While articles are missing, nothing is forgotten: they may all be on their way, such
    /// as with a directory that is not mounted.
    pub(in crate::library) fn forget_departed(&mut self, now: Timestamp) {
        if !self.missing.is_empty() {
            return;
        }
        // The loop goes over a copy, which is cheap, because it removes from the set.
        for (since, seq) in self.departed.clone() {
            if now.duration_since(since).abs() <= DEPARTED {
                continue;
            }
            self.departed.remove(&(since, seq));
            if since == BEFORE_START {
                // Its other half may still be on its way, since this is the first step.
                self.departed.insert((now, seq));
            }
        }
    }
}

fn numbers<'a>(dated: impl Iterator<Item = &'a (Timestamp, Seq)>) -> Vec<Seq> {
    let mut numbers = Vec::new();
    for (_, seq) in dated {
        numbers.push(*seq);
    }
    numbers
}
