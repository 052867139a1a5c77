//! Exact copies of articles, which wait: one of them may be where its original goes.

use std::sync::Arc;

use crate::article::Head;
use crate::base::{RelPath, Timestamp};

use super::super::state::{Notice, PutOff, Scan};
use super::super::{FileRow, Record, Standing};
use super::Step;

impl Step<'_> {
    /// Whether the file is an exact copy of a public article, put there less than the grace ago.
    /// Its original may be about to go: rsync and cloud clients rename by a copy and a deletion.
    pub(super) fn waits_as_copy(&mut self, path: &RelPath, head: &Head, row: &FileRow) -> bool {
        let known = self.state.ledger.take_copy(path);
        let is_new = known.is_none();
        // On a first scan the original is not known yet.
        if self.scan == Scan::First || self.names_an_article(head) {
            return false;
        }
        if let Some((lost, until)) = self.put_off_twin(row) {
            // Of two equal files, one is that article. Which one, shows when both can be taken.
            self.wait_as_copy(path, &lost.path, self.now, until, is_new);
            return true;
        }
        let Some(original) = self.original_of(path, row) else { return false };
        let since = match &known {
            Some((path, since)) if *path == original.path => *since,
            _ => self.both_since(&original.path, row),
        };
        // A clock that was stepped back begins the grace again: it neither ends it early nor adds
        // the step to it.
        let since = since.min(self.now);
        let end = since.saturating_add(self.policy.grace).unwrap_or(Timestamp::MAX);
        if end <= self.now {
            return false;
        }
        self.wait_as_copy(path, &original.path, since, end, is_new);
        true
    }

    /// Whether the explicit id of a file is that of an article, which needs no other proof. One that
    /// no article has proves nothing: it may have been written into the header of an article that
    /// was public already, and therefore has another.
    fn names_an_article(&self, head: &Head) -> bool {
        match &head.id {
            Some(id) => self.state.ledger.owner_of(id).is_some(),
            None => false,
        }
    }

    fn wait_as_copy(
        &mut self,
        path: &RelPath,
        original: &RelPath,
        since: Timestamp,
        until: Timestamp,
        is_new: bool,
    ) {
        self.state.ledger.wake_at(until, path);
        self.state.ledger.put_copy(path, original, since);
        if is_new {
            let (path, original) = (path.clone(), original.clone());
            self.notices.push(Notice::Copy { path, original, until });
        }
    }

    /// An article with these bytes whose file may be another, which is there and cannot be taken
    /// yet; and until when it is put off for that.
    fn put_off_twin(&self, row: &FileRow) -> Option<(Arc<Record>, Timestamp)> {
        for record in self.state.ledger.live_with(row.digest?) {
            if let Some(PutOff { until, .. }) = self.state.put_off.get(&record.seq)
                && *until > self.now
                && matches!(record.standing, Standing::Missing(_))
            {
                return Some((record, *until));
            }
        }
        None
    }

    /// The public article of which this file is an exact copy.
    fn original_of(&self, path: &RelPath, row: &FileRow) -> Option<Arc<Record>> {
        let is_original = |twin: &Arc<Record>| {
            Some(twin.digest) == row.digest && twin.standing == Standing::Public
        };
        self.state.ledger.twins(path, row).into_iter().find(is_original)
    }

    /// The time since which both a copy and its original are there: when the later of them came.
    fn both_since(&self, original: &RelPath, copy: &FileRow) -> Timestamp {
        // A rename, too, moves the change time: so a file came to its path then, at the latest.
        let copied = self.file_time(copy.fingerprint.ctime_ns);
        match self.state.ledger.file(original) {
            Some(file) => copied.max(self.file_time(file.fingerprint.ctime_ns)),
            None => self.now,
        }
    }
}
