//! Every file as it was last read.
//!
//! What all files have is kept as few bytes; what some of them say (a draft, a refusal) is beside
//! it.

use imbl::OrdMap;

use crate::base::shelf::{Filling, Shelf};
use crate::base::{Fingerprint, RelPath};

use super::super::articles::{Pair, hash, pairs_of};
use super::super::packed;
use super::super::sorted::Sorted;
use super::super::{FileRow, Kept};

/// The form of what a file says, as it is in its bytes.
mod form {
    pub(super) const RECORDED: u8 = 0;
    pub(super) const EMPTY: u8 = 1;
    /// Something that is in a map of its own.
    pub(super) const OTHER: u8 = 2;
}

/// The files. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// By path.
    rows: Shelf,
    /// What files say that are neither recorded nor empty.
    kept: OrdMap<RelPath, Kept>,
    /// The beginning of the digest of every inode number, with that of the path.
    by_inode: Sorted<Pair>,
}

impl Files {
    /// The file at `path`.
    pub(super) fn get(&self, path: &RelPath) -> Option<FileRow> {
        Some(self.row(path, self.rows.get(path.as_str().as_bytes())?))
    }

    /// The fingerprint of the file at `path`, and whether it is racy.
    pub(super) fn fingerprint(&self, path: &RelPath) -> Option<(Fingerprint, bool)> {
        let (fingerprint, racy, ..) = packed::read_file(self.rows.get(path.as_str().as_bytes())?);
        Some((fingerprint, racy))
    }

    /// Whether there is a file at `path`.
    pub(super) fn contains(&self, path: &RelPath) -> bool {
        self.rows.get(path.as_str().as_bytes()).is_some()
    }

    /// What the file at `path` says, unless it is recorded or empty.
    pub(super) fn kept_at(&self, path: &RelPath) -> Option<&Kept> {
        self.kept.get(path)
    }

    /// What files say that are neither recorded nor empty, by path.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&RelPath, &Kept)> {
        self.kept.iter()
    }

    /// Every file, by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RelPath, FileRow)> {
        self.rows.iter().filter_map(|(key, bytes)| {
            let path = path_of(key)?;
            let row = self.row(&path, bytes);
            Some((path, row))
        })
    }

    /// The number of files.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The paths from `start` on.
    pub(super) fn paths_from(&self, start: &RelPath) -> impl Iterator<Item = RelPath> + use<'_> {
        self.rows.from(start.as_str().as_bytes()).filter_map(|(key, _)| path_of(key))
    }

    /// Puts a file in place of what was known at its path.
    pub(super) fn put(&mut self, path: &RelPath, row: FileRow) {
        let FileRow { fingerprint, racy, digest, kept } = row;
        let old = self.fingerprint(path).map(|(old, _)| old.ino);
        if let Some(old) = old
            && old != fingerprint.ino
        {
            self.by_inode.remove(&inode(old, path));
        }
        if old != Some(fingerprint.ino) {
            self.by_inode.insert(inode(fingerprint.ino, path));
        }
        let form = form_of(&kept);
        if form == form::OTHER {
            self.kept.insert(path.clone(), kept);
        } else if !self.kept.is_empty() {
            self.kept.remove(path);
        }
        let bytes = packed::file(&fingerprint, racy, digest, form);
        self.rows.put(path.as_str().as_bytes(), &bytes);
    }

    /// Takes a file out.
    pub(super) fn remove(&mut self, path: &RelPath) -> Option<FileRow> {
        let row = self.get(path)?;
        self.rows.remove(path.as_str().as_bytes());
        self.kept.remove(path);
        self.by_inode.remove(&inode(row.fingerprint.ino, path));
        Some(row)
    }

    /// The beginnings of the digests of the paths that may have this inode number.
    pub(super) fn with_inode(&self, ino: u64) -> impl Iterator<Item = u32> + use<'_> {
        self.by_inode.range(pairs_of(hash(&ino.to_be_bytes()))).map(|(_, path)| path)
    }

    /// Whether every file is found by its inode number, and nothing else is.
    pub(super) fn agrees(&self) -> bool {
        for (path, row) in self.iter() {
            if !self.by_inode.contains(&inode(row.fingerprint.ino, &path)) {
                return false;
            }
        }
        self.by_inode.len() == self.rows.len() && self.kept.keys().all(|path| self.contains(path))
    }

    fn row(&self, path: &RelPath, bytes: &[u8]) -> FileRow {
        let (fingerprint, racy, digest, form) = packed::read_file(bytes);
        let kept = match form {
            form::RECORDED => Kept::Recorded,
            form::EMPTY => Kept::Empty,
            _ => self.kept.get(path).cloned().unwrap_or(Kept::Empty),
        };
        FileRow { fingerprint, racy, digest, kept }
    }
}

/// Files that are remembered, as they come.
#[derive(Debug, Default)]
pub(super) struct Restored {
    rows: Filling,
    kept: OrdMap<RelPath, Kept>,
    inodes: Vec<Pair>,
}

impl Restored {
    /// Takes up a file; each path comes once.
    pub(super) fn take(&mut self, path: &RelPath, row: &FileRow) {
        let FileRow { fingerprint, racy, digest, kept } = row;
        let form = form_of(kept);
        if form == form::OTHER {
            self.kept.insert(path.clone(), kept.clone());
        }
        self.inodes.push(inode(fingerprint.ino, path));
        let bytes = packed::file(fingerprint, *racy, *digest, form);
        self.rows.push(path.as_str().as_bytes(), &bytes);
    }

    /// All of them.
    pub(super) fn end(self) -> Files {
        let by_inode = self.inodes.into_iter().collect();
        Files { rows: self.rows.finish(), kept: self.kept, by_inode }
    }
}

fn form_of(kept: &Kept) -> u8 {
    match kept {
        Kept::Recorded => form::RECORDED,
        Kept::Empty => form::EMPTY,
        Kept::Article(..) | Kept::Refused(_) | Kept::Linked(_) => form::OTHER,
    }
}

fn inode(ino: u64, path: &RelPath) -> Pair {
    (hash(&ino.to_be_bytes()), hash(path.as_str().as_bytes()))
}

fn path_of(key: &[u8]) -> Option<RelPath> {
    RelPath::new(std::str::from_utf8(key).ok()?)
}
