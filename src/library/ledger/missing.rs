//! Articles whose file is gone: those that wait for the grace, those that went a moment ago, and those that the shrink
//! guard counts.

use std::ops::Bound;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::base::{Digest, RelPath, Timestamp};

use super::super::{Record, Seq, Standing};
use super::{Ledger, Trace};

/// How long a file must be gone before its article cannot be found under another path any more, where the grace is
/// shorter: longer than any two events of one rename are apart.
pub(super) const DEPARTED: SignedDuration = SignedDuration::from_secs(10);

impl Ledger {
    /// Remembers what the file of a missing article was.
    pub(in crate::library) fn trace(&mut self, seq: Seq, trace: Trace) {
        self.traces.insert(seq, trace);
    }

    /// The articles whose file is gone, with what it was where that is known: each may be found under another path.
    pub(in crate::library) fn lost(&self) -> impl Iterator<Item = (&Arc<Record>, Option<Trace>)> {
        let gone = self.missing.iter().chain(&self.departed);
        let records = gone.filter_map(|(_, seq)| self.records.get(seq));
        records
            .filter(|record| record.standing != Standing::Forgotten && !self.has_file(record))
            .map(|record| (record, self.traces.get(&record.seq).copied()))
    }

    /// A deleted article with these bytes: the one with the file name of `path` first, else the oldest.
    pub(in crate::library) fn deleted_with(
        &self,
        digest: Digest,
        path: &RelPath,
    ) -> Option<&Arc<Record>> {
        let prefix = digest.prefix();
        let mut found: Option<&Arc<Record>> = None;
        for (_, seq) in self.by_digest.range((prefix, 0)..=(prefix, Seq::MAX)) {
            let Some(record) = self.records.get(seq) else { continue };
            if record.digest != digest || !matches!(record.standing, Standing::Deleted(_)) {
                continue;
            }
            if record.path.name() == path.name() {
                return Some(record);
            }
            found = found.or(Some(record));
        }
        found
    }

    /// Since when the article that has been missing longest has been so.
    pub(in crate::library) fn missing_longest(&self) -> Option<Timestamp> {
        self.missing.get_min().map(|(since, _)| *since)
    }

    /// The articles that have been missing since `at` or before.
    pub(in crate::library) fn missing_until(&self, at: Timestamp) -> Vec<Seq> {
        self.missing.range(..=(at, Seq::MAX)).map(|(_, seq)| *seq).collect()
    }

    /// The articles that are missing since a moment after `now`: the clock was stepped back.
    pub(in crate::library) fn missing_after(&self, now: Timestamp) -> Vec<Seq> {
        let after = (Bound::Excluded((now, Seq::MAX)), Bound::Unbounded);
        self.missing.range(after).map(|(_, seq)| *seq).collect()
    }

    /// The articles whose file is gone, and that are public all the same.
    pub(in crate::library) fn missing(&self) -> impl Iterator<Item = Seq> {
        self.missing.iter().map(|(_, seq)| *seq)
    }

    /// The number of articles whose file is gone, and that are public all the same.
    pub(in crate::library) fn missing_len(&self) -> usize {
        self.missing.len()
    }

    /// The articles that vanished and were taken away not longer than `window` before or after `from`. A moment beyond
    /// that is of a clock that was ahead.
    pub(in crate::library) fn vanished(&self, from: Timestamp, window: SignedDuration) -> Vec<Seq> {
        let first = from.checked_sub(window).unwrap_or(Timestamp::MIN);
        let last = from.checked_add(window).unwrap_or(Timestamp::MAX);
        self.vanished.range((first, 0)..=(last, Seq::MAX)).map(|(_, seq)| *seq).collect()
    }

    /// The articles that vanished and were taken away, whenever that was.
    pub(in crate::library) fn vanished_ever(&self) -> Vec<Seq> {
        self.vanished.iter().map(|(_, seq)| *seq).collect()
    }

    /// Forgets what went longer than [`DEPARTED`] before or after `now`: the clock may have been stepped.
    pub(in crate::library) fn forget_departed(&mut self, now: Timestamp) {
        for (since, seq) in self.departed.clone() {
            if now.duration_since(since).abs() <= DEPARTED {
                continue;
            }
            self.departed.remove(&(since, seq));
            let record = self.records.get(&seq);
            if record.is_some_and(|record| !record.standing.is_live()) {
                self.traces.remove(&seq);
            }
        }
    }
}
