//! The exclusive lock on the state directory: one process for each state.
//!
//! Owns `<state>/lock`. The lock is the kernel's (flock), not the file's existence, so a killed
//! process leaves none behind; the file holds the process id only for people and for the message.
//! The file is never removed: if it were removed and created again, two processes could each lock
//! their own.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Gid, OFlags, Uid, accessat};
use rustix::io::Errno;

use super::StoreError;
use crate::ops::writable;

/// A state directory that no other process uses while this value lives.
#[derive(Debug)]
pub struct Lock {
    dir: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock on `dir` without waiting; makes the directory (mode 0700) if it is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`], with the holder's process id if it can be read;
    /// [`StoreError::Unwritable`] if the directory cannot be made or written to.
    pub fn acquire(dir: &Path) -> Result<Self, StoreError> {
        writable::check(dir).map_err(|source| unwritable(dir, source))?;
        create(dir).map_err(|source| unwritable(dir, source))?;
        check_files(dir)?;
        let mut file = open(&dir.join("lock")).map_err(|source| unwritable(dir, source))?;
        give_to_owner(&file, dir);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: dir.to_owned(), pid: holder(&file) });
            }
            Err(TryLockError::Error(source)) => return Err(unwritable(dir, source)),
        }
        // The id is only for people: a full disk must not keep the last feeds from being served.
        let _written = write_id(&mut file);
        Ok(Self { dir: dir.to_owned(), file })
    }

    /// The state directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the file would not be enough: a process that another thread is just starting has
        // a copy of the descriptor until it runs its program. Where this fails, the end of the
        // process unlocks it.
        let _ = self.file.unlock();
    }
}

fn unwritable(dir: &Path, source: io::Error) -> StoreError {
    StoreError::Unwritable { path: dir.to_owned(), source }
}

/// Fails if this user may not write the files in the directory. SQLite would only say that the
/// database is read-only, and a later try does not help.
fn check_files(dir: &Path) -> Result<(), StoreError> {
    for name in ["lock", "state.db", "state.db-wal", "state.db-shm", "state.mark"] {
        check_access(&dir.join(name), Access::READ_OK | Access::WRITE_OK)?;
    }
    Ok(())
}

fn check_access(path: &Path, access: Access) -> Result<(), StoreError> {
    match accessat(CWD, path, access, AtFlags::EACCESS) {
        Err(error @ (Errno::ACCESS | Errno::ROFS)) => Err(unwritable(path, error.into())),
        // What is not there is made, and other errors are those of the call that needs it.
        _ => Ok(()),
    }
}

fn write_id(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// Makes the directory, for its owner only. Directories above it get the usual mode, since they may
/// hold other things too.
fn create(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        // Another process made it after the check above.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        other => other,
    }
}

fn open(path: &Path) -> io::Result<File> {
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(no_follow)
        .open(path)
}

/// Gives a file that root makes for a service to the owner of its state directory, who has to be
/// able to open it. Nothing changes for any other user.
pub(super) fn give_to_owner(file: &File, dir: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    if let Ok(owner) = std::fs::metadata(dir)
        && !file.metadata().is_ok_and(|file| file.uid() == owner.uid())
    {
        let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
        // Where root may not do that, the service will say what it cannot open.
        let _ = rustix::fs::fchown(file, Some(uid), Some(gid));
    }
}

/// The process id in the file; `None` if the holder has not written it yet.
fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::source::testing::powerless;

    #[test]
    fn the_second_is_refused_by_the_firsts_number_and_may_follow_it() {
        let temp = crate::store::test_directory();
        let dir = temp.path().join("a/state");
        let first = Lock::acquire(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        let error = Lock::acquire(&dir).unwrap_err();
        assert!(
            matches!(error, StoreError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
            "{error}"
        );
        assert!(error.to_string().contains(&std::process::id().to_string()));
        drop(first);
        assert_eq!(Lock::acquire(&dir).unwrap().dir(), dir);
    }

    #[test]
    fn what_may_not_be_written_is_named_with_the_remedy() {
        let temp = crate::store::test_directory();
        let dir = temp.path().join("state");
        drop(Lock::acquire(&dir).unwrap());
        std::fs::write(dir.join("state.db"), "").unwrap();
        let set_mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (path, mode, usual) in [
            (dir.clone(), 0o500, 0o700),
            (dir.join("state.db"), 0o400, 0o600),
            (dir.join("lock"), 0o400, 0o600),
        ] {
            set_mode(&path, mode);
            let refused = powerless(|| Lock::acquire(&dir).map(drop)).unwrap_err();
            set_mode(&path, usual);
            assert!(matches!(refused, StoreError::Unwritable { .. }), "{refused:?}");
            let expected = format!(
                "cannot write to the state directory {}: Permission denied (os error 13); correct its \
                 permissions, or set state.dir",
                path.display()
            );
            assert_eq!(refused.to_string(), expected);
        }
        powerless(|| Lock::acquire(&dir).map(drop)).unwrap();
    }

    #[test]
    fn what_cannot_be_a_directory_is_told_in_one_sentence() {
        let temp = crate::store::test_directory();
        let file = temp.path().join("state");
        std::fs::write(&file, "").unwrap();
        for dir in [file.clone(), file.join("below")] {
            let error = Lock::acquire(&dir).unwrap_err();
            assert!(matches!(error, StoreError::Unwritable { .. }), "{error:?}");
            assert!(error.to_string().contains(dir.to_str().unwrap()), "{error}");
        }
    }
}
