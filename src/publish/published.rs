//! The published snapshot. Written by the engine, read by all other threads without a lock.
//!
//! Each publish also rings a bell, for the one thread that follows the snapshots instead of asking
//! for them: the projection.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::Snapshot;

/// A part of the service that can fail while the site is still served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The steps that publish changes.
    Engine,
    /// The files in `feeds/`.
    Projection,
}

/// What does not work at present: one line for each part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    degraded: BTreeMap<Part, String>,
}

impl Status {
    /// Replaces what is wrong with a part; `None` if it works.
    pub fn set(&mut self, part: Part, trouble: Option<String>) {
        match trouble {
            // A line break in a file's name must not begin a line of its own.
            Some(text) => self.degraded.insert(part, text.replace(char::is_control, " ")),
            None => self.degraded.remove(&part),
        };
    }

    /// The lines to report, each `degraded: ` and the reason.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.degraded.values().map(|text| format!("degraded: {text}"))
    }
}

/// The current snapshot; none before the first publish.
#[derive(Debug, Default)]
pub struct Published {
    current: ArcSwapOption<Snapshot>,
    status: ArcSwap<Status>,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Bell {
    /// The number of publishes.
    times: u64,
    is_closed: bool,
}

impl Published {
    /// The snapshot of this moment.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full()
    }

    /// What is degraded at this moment.
    pub fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// Replaces what is wrong with a part; `None` if it works.
    pub fn set_degraded(&self, part: Part, trouble: Option<String>) {
        // The engine and the projection write from threads of their own.
        self.status.rcu(|old| {
            let mut status = Status::clone(old);
            status.set(part, trouble.clone());
            status
        });
    }

    /// Replaces the snapshot. Only the engine does.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        // First the snapshot, then the bell, so that who hears it finds this snapshot or a newer one.
        self.current.store(Some(snapshot));
        self.lock().times += 1;
        self.rung.notify_all();
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
    fn a_part_is_degraded_until_it_works_again() {
        let published = Published::default();
        let check = |part, trouble: Option<&str>, lines: &[&str]| {
            published.set_degraded(part, trouble.map(str::to_owned));
            assert_eq!(published.status().lines().collect::<Vec<_>>(), lines);
        };
        check(Part::Projection, Some("full\ndisk"), &["degraded: full disk"]);
        check(Part::Engine, Some("held"), &["degraded: held", "degraded: full disk"]);
        check(Part::Projection, None, &["degraded: held"]);
        check(Part::Engine, None, &[]);
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
