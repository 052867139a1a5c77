//! The store, shared by the engine, the projection and the control socket.
//!
//! The lock is held for one call, which concerns the state directory alone: a slow disk beneath
//! `feeds/` never makes a step wait. A backup or a check does, for as long as it reads.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::library::{Commit, Record, Remembered};
use crate::store::{Checked, Projected, Store, StoreError};

/// A handle to one store.
#[derive(Clone)]
pub struct SharedStore(Arc<Mutex<Box<dyn Store>>>);

impl SharedStore {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// A call of a store is all or nothing, so a panic leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Box<dyn Store>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SharedStore {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        self.lock().load()
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.lock().commit(commit)
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        self.lock().projected()
    }

    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError> {
        self.lock().set_projected(changes)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.lock().checkpoint()
    }

    fn backup(&mut self, to: &Path) -> Result<(), StoreError> {
        self.lock().backup(to)
    }

    fn check(&mut self) -> Result<Checked, StoreError> {
        self.lock().check()
    }

    fn records(&mut self) -> Result<Vec<Arc<Record>>, StoreError> {
        self.lock().records()
    }
}
