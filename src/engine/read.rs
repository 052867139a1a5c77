//! From what a look found to what the library is told: files are read, and their heads, in parallel.
//!
//! Bytes are read, understood and let go file by file, so that a scan's memory does not grow with the tree.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rayon::prelude::*;
use tracing::info;

use crate::article::{self, Reading, location};
use crate::base::{Diagnostic, RelPath, Timestamp, UrlPath};
use crate::library::{Found, Observation, State};
use crate::source::{
    self, Fingerprint, Index, Reader, RootLost, Seen, SourceChange, SourceFile, Tree, Unread,
};

/// When a file that was being written while it was read is looked at again.
const BUSY_AGAIN: Duration = Duration::from_millis(500);

/// Files between two reports of a long scan: a few seconds on a slow disk.
const PROGRESS_EVERY: usize = 5_000;

/// The code of what a directory's name keeps from being an article.
pub(super) const LEFT_OUT: &str = "left-out";

/// What a look came to.
#[derive(Default)]
pub struct Observed {
    /// What the library is told, by path.
    pub observations: Vec<Observation>,
    /// Files to look at again, and when.
    pub again: Vec<(RelPath, Duration)>,
    /// What could not be looked at: what is known of it stays.
    pub unreadable: Vec<(RelPath, Diagnostic)>,
}

/// The files of the state, as `source` compares with them.
pub struct Known<'a>(pub &'a State);

impl Index for Known<'_> {
    fn get(&self, path: &RelPath) -> Option<(Fingerprint, bool)> {
        self.0.file(path).map(|row| (row.fingerprint, row.racy))
    }

    fn beneath(&self, directory: &RelPath, visit: &mut dyn FnMut(&RelPath)) {
        self.0.files_beneath(directory).for_each(visit);
    }
}

/// Reads what changed. `progress` is called now and then in a long scan, with the number of files that were read and that
/// of all.
///
/// # Errors
/// The article directory is lost.
pub fn read_changes(
    tree: &Tree,
    state: &State,
    changes: Vec<SourceChange>,
    now: Timestamp,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Observed, RootLost> {
    if changes.is_empty() {
        return Ok(Observed::default());
    }
    let reader = tree.reader()?;
    let progress = Progress { total: changes.len(), done: AtomicUsize::new(0), report: progress };
    let one = |change: SourceChange| {
        let path = change.path.clone();
        let look = match tree.go_on() {
            Ok(()) => read_one(tree, &reader, state, change, now),
            Err(_) => Look::Again,
        };
        progress.count();
        (path, look)
    };
    let mut seen: Vec<(RelPath, Look)> = changes.into_par_iter().map(one).collect();
    tree.go_on()?;
    seen.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut observed = Observed::default();
    for (path, look) in seen {
        match look {
            Look::Found(found) => observed.observations.push(Observation { path, found: *found }),
            Look::Again => observed.again.push((path, BUSY_AGAIN)),
            Look::Unreadable(diagnostic) => observed.unreadable.push((path, diagnostic)),
        }
    }
    Ok(observed)
}

/// Completes what a look found: before a file gets a new id, every known article with its inode or its content is
/// looked at on disk, now. Events arrive in any order, so the event that says where such an article went may still be
/// on its way.
///
/// Only what is gone is added. A path that exists is itself, and whatever changed there has an event of its own.
///
/// # Errors
/// The article directory is lost.
pub fn complete(
    tree: &Tree,
    state: &State,
    observations: &mut Vec<Observation>,
    now: Timestamp,
) -> Result<(), RootLost> {
    let mut rivals = state.rivals(observations, now);
    for Observation { path, .. } in observations.iter() {
        rivals.remove(path);
    }
    if rivals.is_empty() {
        return Ok(());
    }
    let look = source::Look::At(rivals.iter().cloned().collect());
    for SourceChange { path, seen } in tree.look(&look, &Known(state))? {
        if seen == Seen::Gone && rivals.contains(&path) {
            let found = gone(tree, &path);
            observations.push(Observation { path, found });
        }
    }
    observations.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(())
}

/// How far a long scan is. Files are read in parallel, so they are counted where they are done.
struct Progress<'a> {
    total: usize,
    done: AtomicUsize,
    report: &'a (dyn Fn(usize, usize) + Sync),
}

impl Progress<'_> {
    fn count(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(PROGRESS_EVERY) && done < self.total {
            let total = self.total;
            info!(event = "scanning", done, total, "scanning: {done} of {total} files read");
            (self.report)(done, total);
        }
    }
}

/// What became of a file that was there: it is gone, or a pattern of `articles.ignore` leaves it out now.
fn gone(tree: &Tree, path: &RelPath) -> Found {
    if tree.ignores(path) { Found::Excluded } else { Found::Gone }
}

enum Look {
    Found(Box<Found>),
    Again,
    Unreadable(Diagnostic),
}

fn read_one(
    tree: &Tree,
    reader: &Reader,
    state: &State,
    change: SourceChange,
    now: Timestamp,
) -> Look {
    // Generators keep templates and data in directories that begin with `_`: those are no articles. They are remembered
    // all the same, so that they are not new at every look.
    if let (Some(name), Seen::Text(fingerprint) | Seen::Asset(fingerprint)) =
        (location::excluded_by(&change.path), &change.seen)
    {
        let diagnostic = Diagnostic::note(LEFT_OUT, format!("{name} holds no articles"));
        return Look::Found(Box::new(Found::Refused { fingerprint: *fingerprint, diagnostic }));
    }
    let found = match change.seen {
        Seen::Gone => gone(tree, &change.path),
        Seen::Asset(fingerprint) => asset(&change.path, fingerprint),
        Seen::Refused(fingerprint, diagnostic) => Found::Refused { fingerprint, diagnostic },
        Seen::Unreadable(diagnostic) => return Look::Unreadable(diagnostic),
        Seen::Text(fingerprint) => match reader.read(&change.path, now) {
            Ok(file) => read(state, &change.path, file),
            Err(Unread::Gone) => Found::Gone,
            Err(Unread::Busy | Unread::Root(_)) => return Look::Again,
            Err(Unread::Denied(why)) => {
                return Look::Unreadable(Diagnostic::error(
                    "unreadable",
                    format!("cannot be read: {why}"),
                ));
            }
            Err(other) => Found::Refused {
                fingerprint,
                diagnostic: Diagnostic::error("not-read", other.to_string()),
            },
        },
    };
    Look::Found(Box::new(found))
}

/// A file that is served as it is, unless its URL would be one of ours.
fn asset(path: &RelPath, fingerprint: Fingerprint) -> Found {
    let diagnostic = match UrlPath::new(path.as_str()) {
        None => Diagnostic::error("no-url", "its name gives no URL"),
        // The icon is the one such file that dropfeed serves by this name itself.
        Some(url) if url.is_reserved() && path.as_str() != "favicon.ico" => {
            Diagnostic::error("reserved-url", format!("URL /{path} is reserved"))
        }
        Some(_) => return Found::Asset(fingerprint),
    };
    Found::Refused { fingerprint, diagnostic }
}

fn read(state: &State, path: &RelPath, file: SourceFile) -> Found {
    let SourceFile { bytes, digest, fingerprint, racy } = file;
    if state.file(path).and_then(|row| row.digest) == Some(digest) {
        return Found::Same { fingerprint, racy };
    }
    let reading =
        catch_unwind(AssertUnwindSafe(|| article::head(path, &bytes))).unwrap_or_else(|_| {
            Reading::Refused(vec![Diagnostic::error(
                "panic",
                "dropfeed failed on this file; please report it",
            )])
        });
    Found::Read { fingerprint, racy, digest, reading }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn the_progress_of_a_long_scan_is_reported_now_and_then_and_not_at_its_end() {
        for (total, expected) in [
            (PROGRESS_EVERY, &[][..]),
            (PROGRESS_EVERY + 1, &[(PROGRESS_EVERY, PROGRESS_EVERY + 1)]),
            (2 * PROGRESS_EVERY, &[(PROGRESS_EVERY, 2 * PROGRESS_EVERY)]),
        ] {
            let reports = Mutex::new(Vec::new());
            let report = |done, total| reports.lock().unwrap().push((done, total));
            let progress = Progress { total, done: AtomicUsize::new(0), report: &report };
            for _ in 0..total {
                progress.count();
            }
            assert_eq!(*reports.lock().unwrap(), expected);
        }
    }
}
