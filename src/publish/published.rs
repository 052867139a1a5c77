//! The published snapshot. Written by the engine, read by all other threads without a lock.
//!
//! Each publish also rings a bell, for the one thread that follows the snapshots instead of asking
//! for them: the projection.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{Snapshot, Status, Versions};

/// The current snapshot, the status, and the last versions of the feeds. There is no snapshot
/// before the first publish.
#[derive(Default)]
pub struct Published {
    current: ArcSwapOption<Snapshot>,
    status: ArcSwap<Status>,
    versions: Arc<Versions>,
    /// Held while the status is changed.
    changing: Mutex<()>,
    bell: Mutex<Bell>,
    rung: Condvar,
}

/// The count of publishes, on which the projection waits.
#[derive(Debug, Default)]
struct Bell {
    /// The number of publishes.
    times: u64,
    is_closed: bool,
}

impl Published {
    /// The current snapshot.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full()
    }

    /// The current state of the service.
    pub fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// Changes the status, and passes the values before and after to `report`.
    ///
    /// The engine and the projection call this from threads of their own. Both closures run under
    /// one lock, so that the log and the service manager have the changes in their order.
    pub fn change_status(
        &self,
        change: impl FnOnce(&mut Status),
        report: impl FnOnce(&Status, &Status),
    ) {
        // The status is replaced whole, so a panic elsewhere leaves nothing half done.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.status.load_full();
        let mut new = Status::clone(&old);
        change(&mut new);
        let new = Arc::new(new);
        self.status.store(Arc::clone(&new));
        report(&old, &new);
    }

    /// Replaces the snapshot. Only the engine does.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        // First the snapshot, then the bell, so that a waiting thread finds this snapshot or
        // a newer one.
        self.current.store(Some(Arc::clone(&snapshot)));
        self.lock().times += 1;
        self.rung.notify_all();
        // After the swap, so that no reader waits for it; before the next publish, so that each
        // version is known when a reader of it can first ask for what changed since.
        for (route, document) in &snapshot.hot {
            self.versions.note(route, document);
        }
    }

    /// The last versions of the feeds.
    pub fn versions(&self) -> &Arc<Versions> {
        &self.versions
    }

    /// Waits until more than `seen` publishes were made, or until `patience` is over. Returns their
    /// number, for the next call, with the current snapshot; `None` once [`Published::close`] was
    /// called.
    pub fn wait(&self, seen: u64, patience: Option<Duration>) -> Option<(u64, Arc<Snapshot>)> {
        let quiet = |bell: &mut Bell| bell.times <= seen && !bell.is_closed;
        let bell = self.lock();
        let bell = match patience {
            Some(patience) if seen > 0 => {
                let waited = self.rung.wait_timeout_while(bell, patience, quiet);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            _ => self.rung.wait_while(bell, quiet).unwrap_or_else(PoisonError::into_inner),
        };
        if bell.is_closed {
            return None;
        }
        let times = bell.times;
        drop(bell);
        Some((times, self.load()?))
    }

    /// Ends every [`Published::wait`]. What is published stays.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.rung.notify_all();
    }

    /// Whether [`Published::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Every change under this lock is whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").field("current", &self.current).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::config::Config;
    use crate::library::Library;

    fn snapshot(generation: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            generation,
            config: Arc::new(Config::of("", std::path::Path::new("/")).unwrap()),
            library: Library::default(),
            hot: Default::default(),
            bodies: Default::default(),
            next_due: None,
        })
    }

    #[test]
    fn no_change_of_the_status_is_lost() {
        let published = Published::default();
        let add = |status: &mut Status| status.contents.entries += 1;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        published.change_status(add, |old, new| {
                            assert_eq!(old.contents.entries + 1, new.contents.entries);
                        });
                    }
                });
            }
        });
        assert_eq!(published.status().contents.entries, 400);
    }

    #[test]
    fn the_bell_reports_each_publish_until_it_is_closed() {
        let published = Published::default();
        published.publish(snapshot(1));
        published.publish(snapshot(2));
        let (times, current) = published.wait(0, None).unwrap();
        assert_eq!((times, current.generation), (2, 2));
        // Nothing new, but the patience is over.
        let (times, _) = published.wait(2, Some(Duration::ZERO)).unwrap();
        assert_eq!(times, 2);
        let start = Instant::now();
        let (times, _) = published.wait(2, Some(Duration::from_millis(20))).unwrap();
        assert_eq!(times, 2);
        assert!(start.elapsed() >= Duration::from_millis(20));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| published.wait(2, None).map(|(times, _)| times));
            published.publish(snapshot(3));
            assert_eq!(waiter.join().unwrap(), Some(3));
            let waiter = scope.spawn(|| published.wait(3, None).is_none());
            published.close();
            assert!(waiter.join().unwrap());
        });
        assert_eq!(published.load().unwrap().generation, 3);
    }
}
