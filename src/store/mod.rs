//! The only writer to disk: the state database, the lock that guards it, and the files in `feeds/`.
//!
//! Owns what must not be lost (`state.db`: ids, dates, URLs) and what is a copy of something else
//! (`feeds/`). Never decides anything: the ledger says what is remembered, the engine what is
//! projected. One thread uses it.
//!
//! Invariants:
//! - [`Store::commit`] is all or nothing, and durable when it returns `Ok`. A commit that returned
//!   an error has not happened: neither the next call nor the next start of a process that lived on
//!   will see it. Only a process that died between may find it whole, and then nobody has seen its
//!   ids.
//! - What was committed is read back as it was, or not at all: a damaged database is an error,
//!   never another ledger.
//! - A file in `feeds/` is complete, and is deleted only where its bytes are known to
//!   be dropfeed's own.

pub mod backup;
pub mod database;
pub mod export;
pub mod feeds;
pub mod lock;
pub mod model;
mod nothing;
mod scratch;
pub mod side;
pub mod socket;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::base::{Digest, Timestamp};
use crate::library::{Commit, Part, Record, Remembered, Seq, Words};
use crate::ops::pulse::Pulse;

pub use database::{Database, Upgraded, has_state, set_aside};
pub use feeds::{Directory, Projector, Stamp, Target};
pub use lock::Lock;
pub use nothing::Nothing;
pub use scratch::Scratch;
pub use socket::ControlSocket;

/// The size of the state in its directory, in bytes: the database and its log. `None` if it cannot
/// be found out.
pub fn state_bytes(dir: &Path) -> Option<u64> {
    let database = fs::metadata(dir.join("state.db")).ok()?.len();
    // The log is there only while it is needed.
    let log = fs::metadata(dir.join("state.db-wal")).map_or(0, |metadata| metadata.len());
    Some(database + log)
}

/// An empty file by which the watcher of articles knows how far events were heard. Its directory
/// holds nothing else, and no other program watches it.
pub fn echo_of(state_dir: &Path) -> PathBuf {
    state_dir.join("watch").join("echo")
}

/// Makes the file of [`echo_of`].
///
/// # Errors
/// It cannot be made: the watcher does without.
pub fn make_echo(state_dir: &Path) -> io::Result<()> {
    let echo = echo_of(state_dir);
    if echo.is_file() {
        return Ok(());
    }
    let dir = state_dir.join("watch");
    fs::create_dir_all(&dir)?;
    for made in [File::open(&dir)?, File::create(echo)?] {
        lock::give_to_owner(&made, state_dir);
    }
    Ok(())
}

/// A record of what dropfeed may have put under one name in `feeds/`: the digests of its bytes,
/// oldest first. A new digest is remembered before its bytes are written, and the older ones until
/// they are known to be gone.
pub type Projected = (String, Vec<Digest>);

/// The memory that lasts. Two implementations: [`Database`], and [`model::ModelStore`] for
/// simulation.
pub trait Store: Send {
    /// Everything that is remembered.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where anything is not as it was committed.
    fn load(&mut self) -> Result<Remembered, StoreError>;

    /// Everything that is remembered besides records and files.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn outline(&mut self) -> Result<Remembered, StoreError> {
        Ok(Remembered { files: Vec::new(), records: Vec::new(), ..self.load()? })
    }

    /// Gives every record to `take`, by ascending number, then every file, in parts.
    ///
    /// # Errors
    /// As [`Store::load`]. Some parts may have been given by then.
    fn each(&mut self, take: &mut (dyn FnMut(Part) + Send)) -> Result<(), StoreError> {
        let Remembered { files, records, .. } = self.load()?;
        take(Part::Records(records));
        take(Part::Files(files));
        Ok(())
    }

    /// The words of these articles, as far as they are known.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn words(&mut self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError>;

    /// Remembers the changes of one step: all of them, durably, or none. Where a key occurs twice
    /// in one commit the later row counts; a URL stays with the first article that it was ever
    /// given to. A record without words keeps those that it has. Instants are kept to the microsecond.
    ///
    /// # Errors
    /// On any error nothing has changed. The same or another commit may be tried at once.
    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError>;

    /// The files that dropfeed may have put into `feeds/`, by name.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn projected(&mut self) -> Result<Vec<Projected>, StoreError>;

    /// Replaces what is known of some names in `feeds/`, durably; a name without digests is
    /// forgotten.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError>;

    /// Carries out what can wait until nothing else is to be done, so that commits stay short:
    /// folds the log into the database. Never needed for durability.
    ///
    /// # Errors
    /// The commits before are safe whatever it says.
    fn checkpoint(&mut self) -> Result<(), StoreError>;

    /// Shows life through `pulse` whenever a long operation gets on.
    fn show_life(&mut self, pulse: Arc<Pulse>) {
        drop(pulse);
    }

    /// Performs the least that shows whether reading works: something is read, and nothing is
    /// changed.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Writes a consistent copy to `to`, which must not exist; it appears there whole or not at
    /// all.
    ///
    /// # Errors
    /// Those of reading the store and of writing the copy. Only a store in a file can be copied.
    fn backup(&mut self, to: &Path) -> Result<(), StoreError> {
        Err(StoreError::io(to, io::ErrorKind::Unsupported.into()))
    }

    /// Reads everything, and compares it with what was committed, without changing anything.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first thing that is wrong.
    fn check(&mut self) -> Result<Checked, StoreError> {
        let Remembered { files, records, urls, .. } = self.load()?;
        Ok(Checked { articles: records.len(), urls: urls.len(), files: files.len() })
    }

    /// Every article that ever was public, by number.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn records(&mut self) -> Result<Vec<Arc<Record>>, StoreError> {
        Ok(self.load()?.records)
    }
}

/// The size of a state that a check found to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Articles that ever were public.
    pub articles: usize,
    /// URLs that they have and had.
    pub urls: usize,
    /// Files beneath the article directory.
    pub files: usize,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { articles, urls, files } = self;
        write!(f, "the state is whole: {articles} articles, {urls} URLs, {files} files")
    }
}

/// The reason why something could not be remembered or recalled.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process holds the state. Exit status 75.
    #[error("the state in {} is in use by another process{}", path.display(), process(*pid))]
    InUse {
        /// The state directory.
        path: PathBuf,
        /// The process that holds it, where that is known.
        pid: Option<u32>,
    },
    /// The state directory cannot be made or written to.
    #[error("cannot write to the state directory {}: {source}; correct its permissions, or set state.dir", path.display())]
    Unwritable {
        /// The state directory, or what in it could not be made.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// What is there is not what was committed. It is never repaired silently, and nothing is
    /// written to it.
    #[error("{} is damaged: {why}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// A description of the damage.
        why: String,
    },
    /// The database is whole, but older than what was last committed, or another one. Which of them
    /// is meant, only an operator knows.
    #[error("{} cannot be used: {why}", path.display())]
    Outdated {
        /// The file.
        path: PathBuf,
        /// A description of the damage.
        why: String,
    },
    /// The database was written by a later version, which alone understands it.
    #[error(
        "{} has version {found}, and this dropfeed knows versions up to {known}: use a newer dropfeed, or put the copy \
         from before the upgrade in its place (state.v{known}.db, or a backup)",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// No space is left. Passes by itself once there is some.
    #[error("no space left for {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed. The next use tries again from the beginning.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system, or of SQLite.
        source: io::Error,
    },
}

impl StoreError {
    /// The error for what the system said about `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) { Self::Full { path } } else { Self::Io { path, source } }
    }
}

/// Whether the error means that no space (or no inode, or no quota) is left.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The instant as the store keeps it: to the microsecond, towards the past.
fn stored(instant: Timestamp) -> i64 {
    let micros = instant.as_nanosecond().div_euclid(1_000);
    // Holds for every instant: the years -9999 to 9999 are 6.3e17 microseconds.
    i64::try_from(micros).unwrap_or(i64::MAX)
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// A directory for one test: in memory where the system has such a place, since there a sync costs
/// nothing.
#[cfg(test)]
fn test_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown};

    use super::*;

    #[test]
    fn the_echo_is_made_once_and_belongs_to_the_owner_of_the_state() {
        let dir = tempfile::tempdir().unwrap();
        if rustix::process::geteuid().is_root() {
            chown(dir.path(), Some(65534), Some(65534)).unwrap();
        }
        let owner = dir.path().metadata().unwrap().uid();
        for _ in 0..2 {
            make_echo(dir.path()).unwrap();
            let echo = echo_of(dir.path());
            assert_eq!(echo.metadata().unwrap().uid(), owner);
            assert_eq!(echo.parent().unwrap().metadata().unwrap().uid(), owner);
        }
    }
}
