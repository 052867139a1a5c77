//! Copies of the database: made beside it while it is in use, then put where an operator wants
//! them.
//!
//! The daemon makes a copy in its own directory, since it may write nowhere else; the command that
//! asked for it moves the bytes. Every copy is consistent, for its owner alone, and appears under
//! its name whole or not at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Lock, Store, StoreError};
use crate::base::Timestamp;

/// The beginning of the names of copies.
const PREFIX: &str = "control-backup-";

/// A copy in the state directory. It is deleted when this value is dropped.
#[derive(Debug)]
pub struct Copy {
    path: PathBuf,
    name: String,
}

impl Copy {
    /// Copies `store`, whose directory is `dir`.
    ///
    /// # Errors
    /// Those of [`Store::backup`].
    pub fn make(store: &mut dyn Store, dir: &Path) -> Result<Self, StoreError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}.db", MADE.fetch_add(1, Ordering::Relaxed));
        let copy = Self { path: dir.join(&name), name };
        // A failed copy leaves its beginning, which is deleted with `copy`.
        store.backup(&copy.path)?;
        Ok(copy)
    }

    /// Its name in the state directory.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for path in [&self.path, &self.path.with_extension("tmp")] {
            // If this fails, the next start deletes it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Deletes the copies that a daemon left which died.
pub fn remove_left_over(lock: &Lock) {
    let Ok(entries) = std::fs::read_dir(lock.dir()) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            // It costs space, and nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Opens the copy `name` that the daemon made in `dir`.
///
/// # Errors
/// It is not there, or `name` is not the name of a copy.
pub fn open(dir: &Path, name: &str) -> io::Result<File> {
    if !name.starts_with(PREFIX) || name.contains('/') {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    File::open(dir.join(name))
}

/// The file of a backup: `asked`, or one named after the time in it if it is a directory.
pub fn file_name(asked: &Path, now: Timestamp) -> PathBuf {
    if asked.is_dir() {
        asked.join(format!("dropfeed-{}.db", now.strftime("%Y%m%dT%H%M%SZ")))
    } else {
        asked.to_owned()
    }
}

/// Writes `copy` to `to`, which must not exist. Returns its size in bytes.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn put(copy: &mut File, to: &Path) -> io::Result<u64> {
    let mut name = to.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temp = to.with_file_name(name);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&temp)?;
    let written = io::copy(copy, &mut file).and_then(|bytes| {
        file.sync_all()?;
        // A link, unlike a rename, never replaces a file.
        std::fs::hard_link(&temp, to)?;
        Ok(bytes)
    });
    let _ = std::fs::remove_file(&temp);
    let bytes = written?;
    sync_directory_of(to)?;
    Ok(bytes)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::library::Commit;
    use crate::store::Database;

    fn names(dir: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            names.push(entry.unwrap().file_name().into_string().unwrap());
        }
        names.sort();
        names
    }

    #[test]
    fn a_copy_goes_where_it_is_wanted_and_leaves_nothing_behind() {
        let temp = crate::store::test_directory();
        let (state, kept) = (temp.path().join("state"), temp.path().join("kept"));
        std::fs::create_dir(&kept).unwrap();
        let mut store = Database::open(Lock::acquire(&state).unwrap()).unwrap();
        let values = vec![("a".to_owned(), "b".to_owned())];
        store.commit(&Commit { values, ..Commit::default() }).unwrap();
        let before = names(&state);
        let now = "2026-11-29T05:00:00Z".parse().unwrap();
        let to = file_name(&kept, now);
        assert_eq!(to, kept.join("dropfeed-20261129T050000Z.db"));
        let copy = Copy::make(&mut store, &state).unwrap();
        let bytes = put(&mut open(&state, copy.name()).unwrap(), &to).unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().len(), bytes);
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        let error = put(&mut open(&state, copy.name()).unwrap(), &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        drop(copy);
        assert_eq!((names(&state), names(&kept).len()), (before, 1));
        // It is the state, in a directory of its own.
        let fresh = temp.path().join("fresh");
        std::fs::create_dir(&fresh).unwrap();
        std::fs::rename(&to, fresh.join("state.db")).unwrap();
        let mut restored = Database::open(Lock::acquire(&fresh).unwrap()).unwrap();
        assert_eq!(restored.load().unwrap().values, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn only_copies_are_opened_and_left_over_ones_are_deleted() {
        let temp = crate::store::test_directory();
        let lock = Lock::acquire(temp.path()).unwrap();
        for name in ["control-backup-7.db", "control-backup-8.tmp", "state.db"] {
            std::fs::write(temp.path().join(name), "x").unwrap();
        }
        assert!(open(temp.path(), "control-backup-7.db").is_ok());
        for name in ["state.db", "control-backup-/../state.db", ""] {
            assert!(open(temp.path(), name).is_err(), "{name}");
        }
        remove_left_over(&lock);
        assert_eq!(names(temp.path()), ["lock", "state.db"]);
    }
}
