//! The directory that was last scanned whole, remembered across restarts.
//!
//! A start over another directory is guarded until its first full scan: a disk that is not mounted
//! leaves another directory at its path. If most articles are not in it, nothing of it is
//! published, not even what is new: it is not known whose files these are. Everywhere else, only
//! deletions are held: see `library/guard.rs`.

use crate::library::guard::Shrink;
use crate::source::{Look, Tree};

use super::value;

/// The root of the last full scan.
#[derive(Debug, Default)]
pub(super) struct ScannedRoot {
    /// The identity of the root as text; `None` before the very first scan.
    last: Option<String>,
    /// Whether a full scan succeeded since the start.
    is_proven: bool,
}

impl ScannedRoot {
    pub(super) fn remembered(last: Option<String>) -> Self {
        Self { last, is_proven: false }
    }

    /// Whether the tree has another root than the one that was scanned before the start.
    pub(super) fn is_guarded(&self, tree: &Tree) -> bool {
        match &self.last {
            Some(last) => !self.is_proven && *last != identity(tree),
            None => false,
        }
    }

    /// Refuses a step over a guarded root after which most of the entries would have no file.
    pub(super) fn guard(&self, tree: &Tree, shrink: Shrink) -> Result<(), Shrink> {
        if self.is_guarded(tree) && shrink.is_suspicious() { Err(shrink) } else { Ok(()) }
    }

    /// The value to remember with the rows of a look, where the root is another now.
    pub(super) fn news(&self, tree: &Tree, look: &Look) -> Option<(String, String)> {
        let identity = identity(tree);
        if *look == Look::Everything && self.last.as_ref() != Some(&identity) {
            return Some((value::ROOT.to_owned(), identity));
        }
        None
    }

    /// Takes note that everything beneath the root was looked at, and that the rows are durable.
    pub(super) fn scanned(&mut self, tree: &Tree) {
        self.last = Some(identity(tree));
        self.is_proven = true;
    }
}

/// Device, inode and birth time, as text.
fn identity(tree: &Tree) -> String {
    // The mount is left out, because its number changes with each restart of the machine.
    let root = tree.identity();
    format!("{}:{}:{}", root.dev, root.ino, root.btime_ns)
}
