//! What waits: files to be weighed at a moment, articles with a date, and copies of public
//! articles.

use imbl::OrdSet;

use crate::base::{RelPath, Timestamp};

use super::Ledger;

impl Ledger {
    /// Schedules the file to be weighed again at `at`; false where that is known.
    pub(in crate::library) fn wake_at(&mut self, at: Timestamp, path: &RelPath) -> bool {
        self.timers.insert((at, path.clone())).is_none()
    }

    /// The next moment at which a file is to be weighed.
    pub(in crate::library) fn next_timer(&self) -> Option<Timestamp> {
        let (at, _) = self.timers.get_min()?;
        Some(*at)
    }

    /// The files that are to be weighed at `now` or before.
    pub(in crate::library) fn due(&self, now: Timestamp) -> impl Iterator<Item = &RelPath> {
        self.timers.iter().take_while(move |(at, _)| *at <= now).map(|(_, path)| path)
    }

    /// Takes out the files that are to be weighed at `now`: those that are due, and those whose
    /// wait or expiry is another since the clock was stepped back.
    pub(in crate::library) fn take_due(&mut self, now: Timestamp) -> Vec<RelPath> {
        let mut due = Vec::new();
        // What expired, or was seen, after now did so before the clock was stepped back.
        while let Some((at, path)) = self.expired.get_max().cloned()
            && at > now
        {
            self.expired.remove(&(at, path.clone()));
            due.push(path);
        }
        for (path, (_, since)) in &self.copies {
            if *since > now {
                due.push(path.clone());
            }
        }
        while let Some((at, path)) = self.timers.get_min().cloned()
            && at <= now
        {
            self.timers.remove(&(at, path.clone()));
            due.push(path);
        }
        due
    }

    /// Remembers that the file expired.
    pub(in crate::library) fn expire(&mut self, at: Timestamp, path: &RelPath) {
        self.expired.insert((at, path.clone()));
    }

    /// Remembers that the author of the file keeps it back: until a date, or as a draft.
    pub(in crate::library) fn put_wait(&mut self, path: &RelPath, until: Option<Timestamp>) {
        self.take_wait(path);
        self.waits.insert(path.clone(), until);
        if let Some(until) = until {
            self.scheduled.insert((until, path.clone()));
        }
    }

    /// Forgets that the author of the file keeps it back.
    pub(in crate::library) fn take_wait(&mut self, path: &RelPath) {
        if let Some(Some(until)) = self.waits.remove(path) {
            self.scheduled.remove(&(until, path.clone()));
        }
    }

    /// The files that wait for their date, by it.
    pub(in crate::library) fn scheduled(&self) -> &OrdSet<(Timestamp, RelPath)> {
        &self.scheduled
    }

    /// The files that their authors keep back.
    pub(in crate::library) fn kept_back(&self) -> impl Iterator<Item = &RelPath> {
        self.waits.keys()
    }

    /// The number of files that are drafts.
    pub(in crate::library) fn drafts(&self) -> usize {
        self.waits.len() - self.scheduled.len()
    }

    /// Remembers a copy of `original` that waits for the grace, since `since`.
    pub(in crate::library) fn put_copy(
        &mut self,
        path: &RelPath,
        original: &RelPath,
        since: Timestamp,
    ) {
        self.copies.insert(path.clone(), (original.clone(), since));
    }

    /// Forgets a copy, and returns its original and since when it waits.
    pub(in crate::library) fn take_copy(&mut self, path: &RelPath) -> Option<(RelPath, Timestamp)> {
        self.copies.remove(path)
    }

    /// The copies that wait for the grace.
    pub(in crate::library) fn copies(&self) -> impl Iterator<Item = &RelPath> {
        self.copies.keys()
    }
}
