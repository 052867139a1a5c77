//! The store, shared by the engine, the projection and the control socket.
//!
//! The lock is held for one call, which uses only the state directory: a slow disk beneath `feeds/`
//! never makes a step wait. A backup or a check does, for as long as it reads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::library::{Commit, Part, Record, Remembered, Seq, Words};
use crate::ops::pulse::Pulse;
use crate::store::{Checked, Projected, Store, StoreError};

/// A handle to one store.
#[derive(Clone)]
pub struct SharedStore {
    store: Arc<Mutex<Box<dyn Store>>>,
    /// Beats at the end of each call, and while a long one gets on.
    pulse: Arc<Pulse>,
    /// Whether the owner of this handle is in a call. Copies of a handle have one owner.
    is_busy: Arc<AtomicBool>,
}

impl SharedStore {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        let (pulse, is_busy) = (Arc::default(), Arc::default());
        Self { store: Arc::new(Mutex::new(store)), pulse, is_busy }
    }

    /// A handle for another owner.
    pub(super) fn for_another(&self) -> Self {
        Self { is_busy: Arc::default(), ..self.clone() }
    }

    /// The words of these articles, as far as they are known.
    ///
    /// # Errors
    /// Those of reading the store.
    pub(super) fn words_of(&self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        if seqs.is_empty() {
            return Ok(Words::new());
        }
        self.call(|store| store.words(seqs))
    }

    /// The number of beats of the store. They begin with [`SharedStore::show_life`].
    pub(super) fn beats(&self) -> u64 {
        self.pulse.beats()
    }

    /// Whether the owner of this handle is in a call, or waits for the call of another one.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    /// Makes long calls show life while they get on.
    pub(super) fn show_life(&self) {
        let pulse = Arc::clone(&self.pulse);
        self.call(|store| store.show_life(pulse));
    }

    /// Has the store show life. If a call is under way, its end or its progress will.
    pub(super) fn ask(&self) {
        let mut store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        // A store that answers with an error is not stuck. Its next commit reports it.
        let _ = store.probe();
        self.pulse.beat();
    }

    fn call<T>(&self, call: impl FnOnce(&mut dyn Store) -> T) -> T {
        self.is_busy.store(true, Ordering::Relaxed);
        let done = call(&mut **self.lock());
        self.pulse.beat();
        self.is_busy.store(false, Ordering::Relaxed);
        done
    }

    /// Locks the store, and ignores poisoning: each call is all or nothing, so a panic leaves
    /// nothing half done.
    fn lock(&self) -> MutexGuard<'_, Box<dyn Store>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SharedStore {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        self.call(|store| store.load())
    }

    fn outline(&mut self) -> Result<Remembered, StoreError> {
        self.call(|store| store.outline())
    }

    fn each(&mut self, take: &mut (dyn FnMut(Part) + Send)) -> Result<(), StoreError> {
        self.call(|store| store.each(take))
    }

    fn words(&mut self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        self.call(|store| store.words(seqs))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.call(|store| store.commit(commit))
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        self.call(|store| store.projected())
    }

    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError> {
        self.call(|store| store.set_projected(changes))
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.call(|store| store.checkpoint())
    }

    fn backup(&mut self, to: &Path) -> Result<(), StoreError> {
        self.call(|store| store.backup(to))
    }

    fn check(&mut self) -> Result<Checked, StoreError> {
        self.call(|store| store.check())
    }

    fn records(&mut self) -> Result<Vec<Arc<Record>>, StoreError> {
        self.call(|store| store.records())
    }
}
