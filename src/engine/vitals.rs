//! Whether the engine and its store live, for the watchdog.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Command, Engine, SharedStore};
use crate::source::Inbox;

/// A view of the engine and its store. Without one, the store shows no life inside of a call, and
/// nobody asks.
pub struct Vitals {
    inbox: Arc<Inbox<Command>>,
    /// Grows in long steps.
    steps: Arc<AtomicU64>,
    /// The engine's own handle.
    store: SharedStore,
}

impl Engine {
    /// A view of the engine's life. From now on, long calls of the store show it, too.
    pub fn vitals(&self) -> Vitals {
        self.store.show_life();
        let steps = self.current.state.progress();
        Vitals { inbox: Arc::clone(&self.parts.inbox), steps, store: self.store.clone() }
    }
}

impl Vitals {
    /// Asks both for a sign. The engine gives it where it waits for work, without any work; in long
    /// work it gives signs by itself. The store reads one row: if that hangs, so does this call.
    pub fn ask(&self) {
        self.inbox.ask();
        self.store.ask();
    }

    /// The signs of the engine.
    pub fn engine_beats(&self) -> u64 {
        self.inbox.pulse().beats().wrapping_add(self.steps.load(Ordering::Relaxed))
    }

    /// The signs of the store.
    pub fn store_beats(&self) -> u64 {
        self.store.beats()
    }

    /// Whether the engine is in a call of the store.
    pub fn engine_is_in_store(&self) -> bool {
        self.store.is_busy()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::library::{Commit, Remembered, Seq, Words};
    use crate::source::Policy;
    use crate::store::{Projected, Store, StoreError};

    /// A store that hangs in each commit until it may go on.
    struct Hanging {
        begun: Sender<()>,
        go_on: Receiver<()>,
    }

    impl Store for Hanging {
        fn load(&mut self) -> Result<Remembered, StoreError> {
            Ok(Remembered::default())
        }

        fn words(&mut self, _: &BTreeSet<Seq>) -> Result<Words, StoreError> {
            Ok(Words::new())
        }

        fn commit(&mut self, _: &Commit) -> Result<(), StoreError> {
            self.begun.send(()).unwrap();
            self.go_on.recv().unwrap();
            Ok(())
        }

        fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
            Ok(Vec::new())
        }

        fn set_projected(&mut self, _: &[Projected]) -> Result<(), StoreError> {
            Ok(())
        }

        fn checkpoint(&mut self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !condition() {
            assert!(Instant::now() < deadline, "never: {what}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_sleeping_engine_answers_and_one_in_a_hanging_store_does_not() {
        let policy = Policy { settle: Duration::ZERO, settle_max: Duration::ZERO };
        let inbox = Arc::new(Inbox::new(policy));
        let (begun, commits) = channel();
        let (release, go_on) = channel();
        let store = SharedStore::new(Box::new(Hanging { begun, go_on }));
        let steps = Arc::default();
        let vitals = Vitals { inbox: Arc::clone(&inbox), steps, store: store.clone() };
        let mut other = store.for_another();
        // An engine as far as life is concerned: it waits for work, and commits.
        let engine = thread::spawn({
            let (inbox, mut store) = (Arc::clone(&inbox), store);
            move || {
                let mut batches = 0;
                while !inbox.wait(None).stop {
                    batches += 1;
                    store.commit(&Commit::default()).unwrap();
                }
                batches
            }
        });
        for _ in 0..3 {
            let (engine, store) = (vitals.engine_beats(), vitals.store_beats());
            vitals.ask();
            assert!(vitals.store_beats() > store && !vitals.engine_is_in_store());
            until("the engine answers", || vitals.engine_beats() > engine);
        }
        inbox.rescan_later(Duration::ZERO);
        commits.recv().unwrap();
        let before = (vitals.engine_beats(), vitals.store_beats());
        vitals.ask();
        assert!(vitals.engine_is_in_store());
        assert_eq!((vitals.engine_beats(), vitals.store_beats()), before);
        release.send(()).unwrap();
        until("the store answers", || vitals.store_beats() > before.1);
        until("the engine answers", || vitals.engine_beats() > before.0);
        until("its call is over", || !vitals.engine_is_in_store());

        // The call of another owner: the engine sleeps, and only the store is silent.
        let thread = thread::spawn(move || other.commit(&Commit::default()).unwrap());
        commits.recv().unwrap();
        let before = (vitals.engine_beats(), vitals.store_beats());
        vitals.ask();
        until("the engine answers", || vitals.engine_beats() > before.0);
        assert_eq!((vitals.store_beats(), vitals.engine_is_in_store()), (before.1, false));
        release.send(()).unwrap();
        thread.join().unwrap();
        inbox.close();
        // Questions are no work.
        assert_eq!(engine.join().unwrap(), 1);
    }
}
