//! A directory for what is thrown away: the state and the feeds of a preview.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A new directory that only its owner can enter. It is removed, with all that is in it, when this
/// value is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the directory beneath `parent`, usually that of temporary files.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn beneath(parent: &Path) -> io::Result<Self> {
        let path = parent.join(format!("dropfeed-{}", Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, which clears its temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nothing_is_left_of_it() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::beneath(parent.path()).unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(path.join("a"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
        assert!(Scratch::beneath(&parent.path().join("missing")).is_err());
    }
}
