//! Directories that dropfeed writes to: whether it may, and the words for one in which it may not.
//!
//! Makes and writes nothing.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

/// Checks that this user may make files in the directory `dir`, or make it if it is missing.
///
/// # Errors
/// The reason why not.
pub fn check(dir: &Path) -> io::Result<()> {
    for at in dir.ancestors() {
        let found = match fs::metadata(at) {
            Ok(found) => found,
            // It would be made, with what is missing above it.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if !found.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        let access = Access::WRITE_OK | Access::EXEC_OK;
        return Ok(accessat(CWD, at, access, AtFlags::EACCESS)?);
    }
    Ok(())
}

/// Whether `dir`, or what there is of the way to it, belongs to another user than this one and root:
/// to that of a service.
pub fn is_of_another_user(dir: &Path) -> bool {
    let mut seen = dir.ancestors().filter_map(|at| fs::metadata(at).ok());
    let Some(owner) = seen.next().map(|found| found.uid()) else { return false };
    owner != 0 && owner != rustix::process::geteuid().as_raw()
}

/// The sentence for a state directory that cannot be written to, as `StoreError` has it.
pub fn of_state(dir: &Path, error: &io::Error) -> String {
    let dir = dir.display();
    format!(
        "cannot write to the state directory {dir}: {error}; correct its permissions, or set state.dir"
    )
}

/// The sentence for a directory of feeds that cannot be written to.
pub fn of_feeds(dir: &Path, error: &io::Error) -> String {
    format!("cannot write to feeds.dir, {}: {error}", dir.display())
}
