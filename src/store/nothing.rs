//! A store that remembers nothing and a target that takes nothing: for a rehearsal before the first
//! start, which must leave no trace.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use crate::base::Digest;
use crate::library::{Commit, Remembered, Seq, Words};

use super::{Projected, Stamp, Store, StoreError, Target};

/// A store without rows, and a target without files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a rehearsal writes nothing")
}

impl Store for Nothing {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        Ok(Remembered::default())
    }

    fn words(&mut self, _: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        Ok(Words::new())
    }

    fn commit(&mut self, _: &Commit) -> Result<(), StoreError> {
        Err(StoreError::Io { path: PathBuf::new(), source: refused() })
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        Ok(Vec::new())
    }

    fn set_projected(&mut self, _: &[Projected]) -> Result<(), StoreError> {
        Err(StoreError::Io { path: PathBuf::new(), source: refused() })
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Target for Nothing {
    fn put(&mut self, _: &str, _: &[u8]) -> io::Result<Stamp> {
        Err(refused())
    }

    fn remove(&mut self, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn digest(&self, _: &str) -> io::Result<Option<Digest>> {
        Ok(None)
    }

    fn stamp(&self, _: &str) -> io::Result<Option<Stamp>> {
        Ok(None)
    }

    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn clean(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }
}
