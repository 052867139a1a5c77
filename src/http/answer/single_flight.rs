//! Single flight: of many that want the same thing at once, one makes it and all get the result.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::watch;

/// Work under way: one maker for each key, for whose result all others wait.
pub(super) struct SingleFlight<K, V> {
    under_way: Arc<UnderWay<K, V>>,
}

/// `None` until there is a result.
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
    /// The result of `make`, or of the call under way for the same key. `None` where that panicked.
    ///
    /// The work runs on a thread of `pool`, and goes on when the caller goes away.
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

    /// Starts `make`, unless there is a call under way for the key; either way, its result will be
    /// received.
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
        // Dropped when the work ends in whatever way: a panic closes the channel, and no request
        // waits for ever.
        let place = Place { key, under_way: Arc::clone(&self.under_way) };
        pool.spawn(move || {
            let made = make();
            // First the place, then the result: a caller that comes in between starts again, and
            // none waits for work that is over.
            drop(place);
            sender.send_replace(Some(made));
        });
        receiver
    }
}

/// A pool of `threads` for what is made.
///
/// Few threads that stay, and not those of the runtime, which come and go: the allocator gives each
/// thread memory of its own, which keeps what its largest rendering needed.
///
/// # Errors
///
/// When a thread cannot be made.
pub(super) fn pool(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads.max(1));
    let pool = pool.thread_name(|n| format!("render-{n}"));
    // The panic hook has reported it, and the waiters see their channel close.
    pool.panic_handler(|_| {}).build()
}

/// A key's place among the flights under way; dropping it frees the place.
struct Place<K: Eq + Hash, V> {
    key: K,
    under_way: Arc<UnderWay<K, V>>,
}

impl<K: Eq + Hash, V> Drop for Place<K, V> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

/// No code panics while it holds one of these locks, and even then what they guard would be whole.
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
