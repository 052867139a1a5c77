//! Many files that are read at once. Each makes an event of its own, and to wake the listener for
//! each takes a fifth of the time. So the listener rests meanwhile, and then takes what has come
//! together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The time for which the listener rests: the kernel keeps 16,384 events
/// (`fs.inotify.max_queued_events`), which are more files than can be read meanwhile.
const REST: Duration = Duration::from_millis(2);

/// The longest that it takes to hear what came meanwhile.
const AWAKE: Duration = Duration::from_micros(200);

/// The number of reads of many files that are under way.
#[derive(Debug, Default)]
pub(super) struct Bulk(AtomicUsize);

/// A read of many files. It ends when this is dropped.
#[derive(Debug)]
pub struct BulkRead(Arc<Bulk>);

impl Bulk {
    pub(super) fn begin(self: &Arc<Self>) -> BulkRead {
        self.0.fetch_add(1, Ordering::Relaxed);
        BulkRead(Arc::clone(self))
    }

    fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for BulkRead {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The rests of a listener.
#[derive(Debug)]
pub(super) struct Rests {
    bulk: Arc<Bulk>,
    /// The end of the last rest.
    last: Instant,
}

impl Rests {
    pub(super) fn new(bulk: &Arc<Bulk>) -> Self {
        Self { bulk: Arc::clone(bulk), last: Instant::now() }
    }

    /// Rests, at an event of our own reading, where many more of them are to come.
    pub(super) fn rest(&mut self) {
        if self.bulk.is_under_way() && self.last.elapsed() > AWAKE {
            thread::sleep(REST);
            self.last = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_rests_while_many_files_are_read() {
        let bulk = Arc::default();
        let mut rests = Rests::new(&bulk);
        let mut rests_now = || {
            while rests.last.elapsed() <= AWAKE {
                thread::yield_now();
            }
            let before = rests.last;
            rests.rest();
            rests.last > before
        };
        assert!(!rests_now());
        let (one, other) = (bulk.begin(), bulk.begin());
        assert!(rests_now());
        drop(one);
        assert!(rests_now());
        drop(other);
        assert!(!rests_now());
    }
}
