//! Single flight: if many calls want the same value at once, it is made once and all get it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::watch;

/// The values that are being made, each once for all who wait for it.
pub(super) struct SingleFlight<K, V> {
    under_way: Arc<UnderWay<K, V>>,
}

/// The result of each key; `None` until it is made.
type UnderWay<K, V> = Mutex<HashMap<K, watch::Receiver<Option<V>>>>;

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self { under_way: Arc::default() }
    }
}

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The result of `make`, or of the running call for the same key; `None` if that panicked.
    ///
    /// The work runs on a thread of `pool`, and goes on if this future is dropped.
    pub(super) async fn join(
        &self,
        key: K,
        pool: &ThreadPool,
        make: impl FnOnce() -> V + Send + 'static,
    ) -> Option<V> {
        let mut result = self.start(key, pool, make);
        let made = result.wait_for(Option::is_some).await.ok()?;
        made.clone()
    }

    /// Starts `make`, unless a call for the key is running, and returns the receiver of the result.
    fn start(
        &self,
        key: K,
        pool: &ThreadPool,
        make: impl FnOnce() -> V + Send + 'static,
    ) -> watch::Receiver<Option<V>> {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(&key) {
            return flight.clone();
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        // Dropped at the end of the work, even by a panic: the channel is then closed, and no
        // request waits for ever.
        let place = Place { key, under_way: Arc::clone(&self.under_way) };
        pool.spawn(move || {
            let made = make();
            // First the place, then the result: a caller in between starts new work, and none finds
            // a flight that has ended.
            drop(place);
            sender.send_replace(Some(made));
        });
        receiver
    }
}

/// A pool of `threads` threads, at least one.
///
/// They are few and permanent, unlike the blocking threads of the runtime: the allocator keeps for
/// each thread the memory that its largest rendering needed.
///
/// # Errors
///
/// A thread cannot be started.
pub(super) fn pool(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads.max(1));
    let pool = pool.thread_name(|n| format!("render-{n}"));
    // The panic hook reports a panic, and the waiting calls see their channel close.
    pool.panic_handler(|_| {}).build()
}

/// The place of a key among the running calls; dropping it frees the place.
struct Place<K: Eq + Hash, V> {
    key: K,
    under_way: Arc<UnderWay<K, V>>,
}

impl<K: Eq + Hash, V> Drop for Place<K, V> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

/// Locks a mutex, and ignores poisoning: no code panics under these locks, and even then the values
/// would be consistent.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn many_wait_for_one_maker() {
        let flight = SingleFlight::<u8, usize>::default();
        let pool = pool(1).unwrap();
        let made = Arc::new(AtomicUsize::new(0));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        block_on(async {
            let count = Arc::clone(&made);
            let first = flight.start(1, &pool, move || {
                gate.recv().unwrap();
                count.fetch_add(1, Ordering::SeqCst) + 1
            });
            let others: Vec<_> =
                (0..9).map(|_| flight.start(1, &pool, || unreachable!())).collect();
            drop(first);
            open.send(()).unwrap();
            for mut other in others {
                assert_eq!(other.wait_for(Option::is_some).await.unwrap().unwrap(), 1);
            }
            assert_eq!(flight.join(1, &pool, || 2).await, Some(2), "the place is free again");
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert!(lock(&flight.under_way).is_empty());
    }

    #[test]
    fn a_panic_strands_nobody() {
        let flight = SingleFlight::<u8, usize>::default();
        let pool = pool(1).unwrap();
        block_on(async {
            assert_eq!(
                flight.join(1, &pool, || std::panic::resume_unwind(Box::new(()))).await,
                None
            );
            assert_eq!(flight.join(1, &pool, || 5).await, Some(5));
        });
    }
}
