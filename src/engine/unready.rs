//! Files that a step does not take yet: those that may still be being written, and those that
//! cannot be read.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use crate::base::{RelPath, Timestamp};
use crate::library::{Found, Observation};
use crate::source::unfinished::Held;
use crate::source::{Call, Look, Seen, Signs, SourceChange, Tree, Writers};

use super::Engine;
use super::read::Known;

impl Engine {
    /// The files among `changes` whose articles are missing, or will be: each with the path of its
    /// article, which may be another.
    pub(super) fn returning(&self, changes: &[SourceChange]) -> Vec<(RelPath, RelPath)> {
        let state = &self.current.state;
        let (mut returning, mut texts) = (Vec::new(), Vec::new());
        for SourceChange { path, seen } in changes {
            if *seen != Seen::Gone && state.is_missing(path) {
                returning.push((path.clone(), path.clone()));
            } else if let Seen::Text(fingerprint) = seen {
                texts.push((path, fingerprint));
            }
        }
        returning.extend(state.moved(&texts));
        returning
    }

    /// The files of `waiting` with the bytes of an article, each with the path of that: it may have
    /// gone there by a copy. Each is read for that, so only where something is about to be deleted.
    pub(super) fn copied(
        &self,
        tree: &Tree,
        waiting: &[RelPath],
        observations: &[Observation],
        now: Timestamp,
    ) -> Vec<(RelPath, RelPath)> {
        let state = &self.current.state;
        let mut copied = Vec::new();
        if !state.deletes(&self.policy, now) && !self.loses_at_once(observations) {
            return copied;
        }
        for path in waiting {
            // A path that has an article is that one, whatever is copied there.
            if state.has_article(path) {
                continue;
            }
            let Ok(file) = tree.read(path, now) else { continue };
            for of_article in state.paths_with(file.digest) {
                if of_article != *path {
                    copied.push((path.clone(), of_article));
                }
            }
        }
        copied
    }

    /// Takes out the files that were opened for writing before they were read, or while: half of one
    /// may have been read. Another hint comes when they are closed. Returns those that were read.
    /// `call`: made once they were.
    ///
    /// What is not there is not being written, whatever its events say: the watch of a directory that
    /// moved reports under the old name for a moment, and never says that such a file was closed.
    pub(super) fn put_back_reopened(
        &self,
        tree: &Tree,
        observations: &mut Vec<Observation>,
        call: Option<Call>,
    ) -> Vec<RelPath> {
        let is_read = |seen: &Observation| matches!(seen.found, Found::Read { .. });
        if observations.iter().any(is_read) {
            // The event that made the file ripe may have been late, and the file may be another
            // since.
            tree.hear(call);
        }
        let absent = self.absent(tree, observations);
        let (inbox, mut put_back) = (&self.parts.inbox, Vec::new());
        observations.retain(|seen| {
            if is_read(seen) && inbox.is_rewritten(&seen.path) {
                put_back.push(seen.path.clone());
                return false;
            }
            absent.contains(&seen.path) || !inbox.is_writing(&seen.path)
        });
        put_back
    }

    /// The files among `observations` that are being written by their events, but were gone, and are
    /// not back.
    fn absent(&self, tree: &Tree, observations: &[Observation]) -> HashSet<RelPath> {
        let mut gone = Vec::new();
        for Observation { path, found } in observations {
            if matches!(found, Found::Gone) && self.parts.inbox.is_writing(path) {
                gone.push(path.clone());
            }
        }
        let mut absent = HashSet::new();
        if gone.is_empty() {
            return absent;
        }
        let changes = tree.look(&Look::At(gone), &Known(&self.current.state)).unwrap_or_default();
        for SourceChange { path, seen } in changes {
            if seen == Seen::Gone {
                absent.insert(path);
            }
        }
        absent
    }

    /// Takes out the files that were quiet when the step began, by their events, and were modified
    /// since: on a busy machine, the file is read before the event of its writer is heard. They are
    /// looked at again.
    pub(super) fn put_back_rewritten(
        &self,
        observations: &mut Vec<Observation>,
        signs: &Signs,
        now: Timestamp,
    ) -> Vec<RelPath> {
        let settle = self.parts.config.articles.settle;
        let quiet_since = now.saturating_sub(settle).unwrap_or(Timestamp::MIN).as_nanosecond();
        let mut rewritten = Vec::new();
        observations.retain(|Observation { path, found }| {
            let Found::Read { fingerprint, .. } = found else { return true };
            if signs.settled.contains(path) && i128::from(fingerprint.mtime_ns) > quiet_since {
                rewritten.push(path.clone());
                return false;
            }
            true
        });
        if !rewritten.is_empty() {
            self.parts.inbox.later(rewritten.iter().cloned(), settle);
        }
        rewritten
    }

    /// Takes out the files that may still be being written; they are looked at again.
    pub(super) fn hold_back(
        &mut self,
        tree: &Tree,
        changes: &mut Vec<SourceChange>,
        signs: &Signs,
        now: Timestamp,
    ) -> Vec<Held> {
        // An event says that a file is whole. Where none did, as in a scan, or when a file is looked
        // at again that was open before, it has to be asked which files are open for writing.
        let asks = changes.iter().any(|change| {
            matches!(change.seen, Seen::Text(_)) && !signs.finished.contains(&change.path)
        });
        let writers = if asks { Writers::beneath(tree.path()) } else { Writers::default() };
        let finished = |path: &RelPath| signs.finished.contains(path);
        let held = self.watch.unfinished.hold_back(
            changes,
            finished,
            &writers,
            now,
            self.parts.inbox.now(),
        );
        for Held { path, again, .. } in &held {
            self.parts.inbox.later([path.clone()], *again);
        }
        held
    }

    /// Whether the very first scan has to wait. Numbers follow dates on it, and decide what the
    /// feed holds: a tree that was put there a moment ago is taken whole, once all of it is quiet.
    /// A file that is being written is not waited for.
    pub(super) fn waits_for_the_first(&mut self, held: &[Held]) -> bool {
        if !self.first_scan {
            return false;
        }
        let now = self.parts.inbox.now();
        if let Some(first_at) = self.watch.first_at {
            // Once all of it is quiet, nothing is left to wait for: `build` would not look again.
            return now < first_at && held.iter().any(|held| !held.is_open);
        }
        let mut wait = Duration::ZERO;
        for held in held {
            if !held.is_open {
                wait = wait.max(held.again);
            }
        }
        self.watch.first_at = Some(now + wait);
        // A scan that has nothing to wait for must not be repeated at once, should it fail.
        if !wait.is_zero() {
            self.parts.inbox.rescan_later(wait);
        }
        !wait.is_zero()
    }
}

/// Takes out the files whose events say that they are not whole yet, and names those that may be
/// articles. A file that is gone is not one of them.
pub(super) fn take_unsettled(changes: &mut Vec<SourceChange>, signs: &Signs) -> Vec<RelPath> {
    let mut unsettled = Vec::new();
    changes.retain(|SourceChange { path, seen }| {
        if *seen == Seen::Gone || !signs.unsettled.contains(path) {
            return true;
        }
        if matches!(seen, Seen::Text(_)) {
            unsettled.push(path.clone());
        }
        false
    });
    unsettled
}

/// Adds the articles of those of `returning` that were not taken: they are still being written, or
/// cannot be read. An article whose file is there is not deleted, even if it was gone for as long
/// as the grace.
pub(super) fn put_off(returning: Vec<(RelPath, RelPath)>, observations: &mut Vec<Observation>) {
    if returning.is_empty() {
        return;
    }
    let mut taken = HashSet::new();
    for Observation { path, .. } in &*observations {
        taken.insert(path.clone());
    }
    for (path, of_article) in returning {
        if taken.contains(&path) {
            continue;
        }
        let is_own = path == of_article;
        let found = if is_own { Found::Unready } else { Found::UnreadyElsewhere };
        observations.push(Observation { path: of_article, found });
    }
}

/// The files of these that may be articles.
pub(super) fn texts(changes: &[SourceChange]) -> BTreeSet<RelPath> {
    let mut texts = BTreeSet::new();
    for SourceChange { path, seen } in changes {
        if matches!(seen, Seen::Text(_)) {
            texts.insert(path.clone());
        }
    }
    texts
}
