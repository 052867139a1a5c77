//! The published snapshot. Written by the engine, read by all other threads without a lock.
//!
//! Each publish also rings a bell, for the one thread that follows the snapshots instead of asking
//! for them: the projection.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
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
    /// The tasks of requests that wait for the articles.
    waiting: Vec<Waker>,
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
        let waiting = {
            let mut bell = self.lock();
            bell.times += 1;
            std::mem::take(&mut bell.waiting)
        };
        self.rung.notify_all();
        waiting.into_iter().for_each(Waker::wake);
        // After the swap, so that no reader waits for it; before the next publish, so that each
        // version is known when a reader of it can first ask for what changed since.
        for (route, document) in &snapshot.hot {
            self.versions.note(route, document);
        }
    }

    /// Ready unless the articles are being loaded. Otherwise, the next publish wakes the task.
    pub fn poll_loaded(&self, context: &Context<'_>) -> Poll<()> {
        // Under the lock, which a publish takes once the snapshot is replaced: either this sees the
        // new snapshot, or that publish sees the waker.
        let mut bell = self.lock();
        if !self.load().is_some_and(|snapshot| snapshot.is_loading()) {
            return Poll::Ready(());
        }
        bell.waiting.push(context.waker().clone());
        Poll::Pending
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
            // Before the first publish there is no snapshot to return, so patience does not end the
            // wait.
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Instant;

    use super::*;
    use crate::config::Config;
    use crate::library::Library;
    use crate::publish::Extent;

    fn snapshot(generation: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            generation,
            extent: Extent::Whole,
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

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_request_that_waits_for_the_articles_is_woken_by_each_publish() {
        let (published, task) = (Published::default(), Arc::<Task>::default());
        let waker = Waker::from(Arc::clone(&task));
        let is_loaded = || published.poll_loaded(&Context::from_waker(&waker)).is_ready();
        assert!(is_loaded(), "nothing is published, and nothing is loaded");
        let config = Arc::clone(&snapshot(1).config);
        let loading = Snapshot::restored(Extent::Loading, config, Default::default());
        let loading = Arc::new(loading);
        published.publish(Arc::clone(&loading));
        assert!(!is_loaded());
        published.publish(loading);
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        assert!(!is_loaded());
        published.publish(snapshot(2));
        assert_eq!(task.0.load(Ordering::Relaxed), 2);
        assert!(is_loaded());
        published.publish(snapshot(3));
        assert_eq!(task.0.load(Ordering::Relaxed), 2);
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
