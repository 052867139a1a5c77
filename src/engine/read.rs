//! Reads what a look found: files and their heads, in parallel, as observations for the library.
//!
//! Bytes are read, parsed and dropped file by file, or a few at a time, so that a scan's memory does
//! not grow with the tree.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rayon::prelude::*;
use tracing::info;

use crate::article::{self, Limits, Reading};
use crate::base::{Diagnostic, RelPath, Timestamp, UrlPath, catch_panic, special};
use crate::library::{Found, Observation, State};
use crate::source::{
    self, Call, Fingerprint, Index, Reader, RootLost, Seen, SourceChange, SourceFile, Tree, Unread,
};

/// The wait before a file that was being written while it was read is looked at again.
pub(super) const BUSY_AGAIN: Duration = Duration::from_millis(500);

/// The number of files between two reports of a long scan: a few seconds on a slow disk.
const PROGRESS_EVERY: usize = 5_000;

/// Fewer files than this are read one after the other.
const PARALLEL_MIN: usize = 4;

/// Fewer files than this are not worth a delay of their events.
const BULK_MIN: usize = 1_000;

/// The number of bytes that show whether the first line is a fence of front matter.
const FENCE_BYTES: usize = 64;

/// Files at the site's root of which dropfeed has its own, unless the author does.
const OWN_ROOT_FILES: [&str; 2] = ["favicon.ico", "robots.txt"];

/// The code of the diagnostic of a file that is not an article because of a directory's name.
pub(crate) const LEFT_OUT: &str = "left-out";

/// The result of reading what a look found.
#[derive(Default)]
pub struct Observed {
    /// The observations for the library, by path.
    pub observations: Vec<Observation>,
    /// Files to look at again, and the wait before that.
    pub again: Vec<(RelPath, Duration)>,
    /// Files that cannot be read: what is known of them stays.
    pub unreadable: Vec<(RelPath, Diagnostic)>,
    /// Made once all files were read, for [`Tree::hear`].
    pub call: Option<Call>,
}

/// The files of the state, as `source` compares with them.
pub struct Known<'a>(pub &'a State);

impl Index for Known<'_> {
    fn get(&self, path: &RelPath) -> Option<(Fingerprint, bool)> {
        self.0.fingerprint(path)
    }

    fn len(&self) -> usize {
        self.0.files_len()
    }

    fn beneath(&self, directory: &RelPath, visit: &mut dyn FnMut(&RelPath)) {
        for path in self.0.files_beneath(directory) {
            visit(&path);
        }
    }
}

/// Reads what changed. `progress` is called now and then in a long scan, with the number of files
/// that were read and that of all.
///
/// # Errors
/// The article directory is lost.
pub fn read_changes(
    tree: &Tree,
    state: &State,
    changes: Vec<SourceChange>,
    limits: &Limits,
    now: Timestamp,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Observed, RootLost> {
    if changes.is_empty() {
        return Ok(Observed::default());
    }
    let reader = tree.reader()?;
    // Until it is dropped, at the end of this function, the events of our own reading are taken
    // together.
    let _many = if changes.len() >= BULK_MIN { Some(tree.read_many()) } else { None };
    let progress = Progress { total: changes.len(), done: AtomicUsize::new(0), report: progress };
    let fetch_one = |change: SourceChange| {
        let path = change.path.clone();
        let fetched = match tree.go_on() {
            Ok(()) => fetch(tree, &reader, change, now),
            Err(_) => Fetched::Look(Look::Again),
        };
        progress.count();
        (path, fetched)
    };
    let understand_one = |(path, fetched): (RelPath, Fetched)| {
        let look = match fetched {
            Fetched::Look(look) => look,
            Fetched::File(file) => Look::Found(Box::new(read(state, &path, file, limits))),
        };
        (path, look)
    };
    let (mut seen, call): (Vec<(RelPath, Look)>, _);
    if changes.len() < PARALLEL_MIN {
        let fetched: Vec<_> = changes.into_iter().map(fetch_one).collect();
        // The echo comes while they are understood.
        let is_read = fetched.iter().any(|(_, fetched)| matches!(fetched, Fetched::File(_)));
        call = if is_read { tree.call() } else { None };
        seen = fetched.into_iter().map(understand_one).collect();
    } else {
        seen = changes.into_par_iter().map(|change| understand_one(fetch_one(change))).collect();
        call = tree.call();
    }
    tree.go_on()?;
    // Sorted, so that the result does not depend on which thread was faster.
    seen.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut observed = Observed { call, ..Observed::default() };
    for (path, look) in seen {
        match look {
            Look::Found(found) => observed.observations.push(Observation { path, found: *found }),
            Look::Again => observed.again.push((path, BUSY_AGAIN)),
            Look::Unreadable(diagnostic) => observed.unreadable.push((path, diagnostic)),
        }
    }
    if !observed.unreadable.is_empty() {
        // It may be the article directory that was closed meanwhile, and not the file.
        tree.check()?;
    }
    Ok(observed)
}

/// Makes drafts articles like others, for a preview.
pub(super) fn show_drafts(observations: &mut [Observation]) {
    for Observation { found, .. } in observations {
        if let Found::Read { reading: Reading::Article { head, .. }, .. } = found
            && head.draft
        {
            Arc::make_mut(head).draft = false;
        }
    }
}

/// Completes what a look found: before a file gets a new id, every known article with its inode or
/// its content is looked at on disk, now. Events arrive in any order, so the event that says where
/// such an article went may still be on its way.
///
/// Only what is gone, or left a link behind, is added. A path that exists is itself, and whatever
/// changed there has an event of its own. Returns the files of missing articles that are there
/// again: they are to be looked at, and until then no other file is taken for them.
///
/// # Errors
/// The article directory is lost.
pub fn complete(
    tree: &Tree,
    state: &State,
    observations: &mut Vec<Observation>,
    now: Timestamp,
) -> Result<Vec<RelPath>, RootLost> {
    let mut back = Vec::new();
    let mut rivals = state.rivals(observations, now);
    for Observation { path, .. } in observations.iter() {
        rivals.remove(path);
    }
    if rivals.is_empty() {
        return Ok(back);
    }
    let look = source::Look::At(rivals.iter().cloned().collect());
    for SourceChange { path, seen } in tree.look(&look, &Known(state))? {
        let found = match seen {
            Seen::Gone => gone(tree, &path),
            Seen::Linked(fingerprint, target) => Found::Linked { fingerprint, target },
            Seen::Text(_) if state.is_missing(&path) => {
                back.push(path.clone());
                Found::Unready
            }
            _ => continue,
        };
        if rivals.contains(&path) {
            observations.push(Observation { path, found });
        }
    }
    observations.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(back)
}

/// The progress of a long scan. Files are read in parallel, so they are counted where they are
/// done.
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

/// The observation of a file that was there: it is gone, or a pattern of `articles.ignore` leaves
/// it out now.
fn gone(tree: &Tree, path: &RelPath) -> Found {
    if tree.ignores(path) { Found::Excluded } else { Found::Gone }
}

/// The material to understand one file from.
enum Fetched {
    /// Nothing: it is known without its bytes.
    Look(Look),
    /// An article, or what may be one.
    File(SourceFile),
}

/// The result of a look at one file.
enum Look {
    /// An observation for the library.
    Found(Box<Found>),
    /// Nothing certain: the file is being written, or the scan was stopped.
    Again,
    /// A file that cannot be read at present.
    Unreadable(Diagnostic),
}

/// Reads the bytes of a file that may be an article.
fn fetch(tree: &Tree, reader: &Reader, change: SourceChange, now: Timestamp) -> Fetched {
    if let Some(left_out) = left_out(&change) {
        return Fetched::Look(Look::Found(Box::new(left_out)));
    }
    let found = match change.seen {
        Seen::Gone => gone(tree, &change.path),
        Seen::Asset(fingerprint) => match template(reader, &change.path, fingerprint) {
            Some(refused) => refused,
            None => asset(&change.path, fingerprint),
        },
        Seen::Refused(fingerprint, diagnostic) => Found::Refused { fingerprint, diagnostic },
        Seen::Linked(fingerprint, target) => Found::Linked { fingerprint, target },
        Seen::Unreadable(diagnostic) => return Fetched::Look(Look::Unreadable(diagnostic)),
        Seen::Text(fingerprint) => match reader.read(&change.path, now) {
            Ok(file) => return Fetched::File(file),
            Err(Unread::Gone) => Found::Gone,
            Err(Unread::Busy | Unread::Root(_)) => return Fetched::Look(Look::Again),
            Err(Unread::Denied(why)) => {
                let unreadable = Diagnostic::error("unreadable", format!("cannot be read: {why}"));
                return Fetched::Look(Look::Unreadable(unreadable));
            }
            Err(other) => Found::Refused {
                fingerprint,
                diagnostic: Diagnostic::error("not-read", other.to_string()),
            },
        },
    };
    Fetched::Look(Look::Found(Box::new(found)))
}

/// A file that its name, or that of a directory, keeps from being an article.
fn left_out(change: &SourceChange) -> Option<Found> {
    let path = change.path.as_str();
    let fingerprint = match &change.seen {
        // Generators keep templates and data in directories that begin with `_`.
        Seen::Text(fingerprint) => *fingerprint,
        // Pictures in such a directory may be shown by an article; conflict copies may not.
        Seen::Asset(fingerprint) if special::is_of_conflict(path) => *fingerprint,
        _ => return None,
    };
    let name = special::excluded_by(path)?;
    // It is remembered all the same, so that it is not new at every look.
    let diagnostic = Diagnostic::note(LEFT_OUT, format!("{name} holds no articles"));
    Some(Found::Refused { fingerprint, diagnostic })
}

/// A file that is served as it is, unless its URL would be one of dropfeed's own.
fn asset(path: &RelPath, fingerprint: Fingerprint) -> Found {
    let url = special::beneath_static(path.as_str()).unwrap_or(path.as_str());
    let diagnostic = match UrlPath::new(url) {
        None => Diagnostic::error("no-url", "its name gives no URL"),
        Some(path) if path.is_reserved() && !OWN_ROOT_FILES.contains(&url) => {
            Diagnostic::error("reserved-url", format!("URL /{path} is reserved"))
        }
        Some(_) => return Found::Asset(fingerprint),
    };
    Found::Refused { fingerprint, diagnostic }
}

/// A `robots.txt` or `404.html` that begins with front matter: Jekyll fills in such a file, and as
/// it is, it is of no use.
fn template(reader: &Reader, path: &RelPath, fingerprint: Fingerprint) -> Option<Found> {
    if !path.parent()?.is_root() || !special::is_verbatim(path.as_str()) {
        return None;
    }
    let beginning = reader.beginning(path, FENCE_BYTES).ok()?;
    let first_line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first_line.trim_ascii_end() != b"---" {
        return None;
    }
    let message = "begins with front matter, so it is a template of another generator; not served";
    Some(Found::Refused { fingerprint, diagnostic: Diagnostic::warning("template", message) })
}

fn read(state: &State, path: &RelPath, file: SourceFile, limits: &Limits) -> Found {
    let SourceFile { bytes, digest, fingerprint, racy } = file;
    // Saving without a change, or a restored backup, parses nothing.
    if let Some(row) = state.file(path)
        && row.digest == Some(digest)
    {
        return Found::Same { fingerprint, racy };
    }
    // A parser that panics on one file must not end the engine.
    let reading = match catch_panic(|| understand(path, &bytes, limits)) {
        Ok(reading) => reading,
        Err(panicked) => Reading::Refused(vec![panicked]),
    };
    Found::Read { fingerprint, racy, digest, reading }
}

/// Reads the head, with the private files that the article shows once it is public. A draft shows
/// none.
fn understand(path: &RelPath, bytes: &[u8], limits: &Limits) -> Reading {
    let mut reading = article::head(path, bytes);
    if let Reading::Article { head, .. } = &mut reading
        && !head.draft
    {
        let files = article::private_files(path, bytes, head, limits);
        if !files.is_empty() {
            Arc::make_mut(head).private_files = files;
        }
    }
    reading
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
