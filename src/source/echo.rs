//! A file of our own that is watched like the articles, to know how far the events were heard.
//!
//! inotify reports in order. So once the event of our own look at this file is heard, everything that
//! happened before that look is heard too.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest wait for an event that we caused. It takes far less than a millisecond, unless the
/// machine is busy; where it does not come, we do without.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits in vain, one after another, after which no one waits any more: the system reports no such
/// events.
const VAIN_MAX: u32 = 3;

/// A look at the file, whose event is on its way.
#[derive(Debug)]
pub struct Call(u64);

/// The file, with the number of our looks at it.
#[derive(Debug)]
pub(super) struct Echo {
    path: PathBuf,
    patience: Duration,
    looks: Mutex<Looks>,
    heard: Condvar,
}

#[derive(Debug, Default)]
struct Looks {
    made: u64,
    heard: u64,
    /// Waits in vain since the last event that came in time.
    vain: u32,
}

impl Echo {
    /// The file at `path`, which nobody else opens and whose directory is not watched: each look is
    /// one event.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, patience: PATIENCE, looks: Mutex::default(), heard: Condvar::new() }
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes the event of one look.
    pub(super) fn hear(&self) {
        let mut looks = self.lock();
        looks.heard = looks.made.min(looks.heard + 1);
        self.heard.notify_all();
    }

    /// Notes that events were lost: those of looks may be among them.
    pub(super) fn hear_all(&self) {
        let mut looks = self.lock();
        looks.heard = looks.made;
        self.heard.notify_all();
    }

    /// Looks at the file. `None` where no event comes of it.
    pub(super) fn call(&self) -> Option<Call> {
        let mut looks = self.lock();
        if looks.made > looks.heard {
            // Nobody waited for the last one. The kernel makes one event of two that follow each
            // other.
            let last = Call(looks.made);
            drop(looks);
            self.wait(last);
            looks = self.lock();
        }
        if looks.vain >= VAIN_MAX {
            return None;
        }
        looks.made += 1;
        let call = Call(looks.made);
        drop(looks);
        if File::open(&self.path).is_err() {
            self.hear();
            return None;
        }
        Some(call)
    }

    /// Waits until all is heard that happened before `call`. Returns whether it was.
    pub(super) fn wait(&self, Call(wanted): Call) -> bool {
        let is_late = |looks: &mut Looks| looks.heard < wanted;
        let waited = self.heard.wait_timeout_while(self.lock(), self.patience, is_late);
        let (mut looks, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        // The kernel makes one event of two that follow each other, so a look that is given up may
        // never have one of its own.
        looks.heard = looks.heard.max(wanted);
        looks.vain = if waited.timed_out() { looks.vain + 1 } else { 0 };
        looks.vain == 0
    }

    /// A panic elsewhere leaves nothing half-done here: every change under the lock is whole.
    fn lock(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    impl Echo {
        fn is_waiting(&self) -> bool {
            let looks = self.lock();
            looks.made > looks.heard
        }
    }

    #[test]
    fn a_wait_ends_with_the_event_of_its_own_look() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("echo");
        std::fs::write(&path, "").unwrap();
        let echo = Arc::new(Echo::new(path));
        // An event of nobody's look is not counted for a later one.
        echo.hear();
        for hear in [Echo::hear, Echo::hear_all] {
            let waiting = thread::spawn({
                let echo = Arc::clone(&echo);
                move || echo.call().is_some_and(|call| echo.wait(call))
            });
            while !echo.is_waiting() {
                thread::yield_now();
            }
            assert!(!waiting.is_finished());
            hear(&echo);
            assert!(waiting.join().unwrap());
        }
    }

    #[test]
    fn where_no_events_come_nobody_waits_for_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("echo");
        std::fs::write(&path, "").unwrap();
        let echo = Echo { patience: Duration::from_millis(1), ..Echo::new(path) };
        for _ in 0..=VAIN_MAX {
            assert!(!echo.call().is_some_and(|call| echo.wait(call)));
        }
        assert_eq!(echo.lock().made, u64::from(VAIN_MAX));
    }

    #[test]
    fn without_the_file_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let echo = Echo::new(dir.path().join("echo"));
        assert!(echo.call().is_none());
        assert!(!echo.is_waiting());
    }

    #[test]
    fn a_call_comes_after_the_event_of_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("echo");
        std::fs::write(&path, "").unwrap();
        let echo = Echo { patience: Duration::from_millis(1), ..Echo::new(path) };
        let in_vain = |calls: u64| {
            let looks = echo.lock();
            assert_eq!(looks.made, calls);
            looks.vain
        };
        assert!(echo.call().is_some());
        assert_eq!(in_vain(1), 0);
        assert!(echo.call().is_some());
        assert_eq!(in_vain(2), 1, "it waited for the first");
        echo.hear();
        assert!(echo.call().is_some());
        assert_eq!(in_vain(3), 1, "the second was heard");
    }
}
