//! Warm documents, and each of them made once: a cache bounded in bytes over a single flight per
//! key.
//!
//! Keyed by (route, version of the inputs), so nothing is ever invalidated: what is not asked for
//! any more becomes the oldest and leaves. Rendering and compressing run on threads that may block,
//! as many at once as there are cores. Requests for the same thing wait for the one that makes it,
//! and a client that goes away in between stops nothing.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use crate::base::{Digest, Route};
use crate::publish::{Coding, Document, Render, Snapshot, Unrendered};

/// The key of a warm document.
type Key = (Route, Digest);

/// Bytes of a document beside its content: keys, header values, the entry itself.
const ENTRY_BYTES: usize = 1024;

/// The cache, and the work under way to fill it.
pub(in crate::http) struct Warm {
    render: Arc<dyn Render>,
    documents: Mutex<Documents>,
    renderings: Flights<Key, Result<Arc<Document>, Unrendered>>,
    codings: Flights<(Digest, Coding), ()>,
    /// Renderings and compressions at once: they are bound by the cores.
    at_once: Arc<Semaphore>,
}

impl Warm {
    /// Keeps at most `bytes_max` of documents, and makes at most `at_once` things at the same time.
    pub(in crate::http) fn new(render: Arc<dyn Render>, bytes_max: usize, at_once: usize) -> Self {
        Self {
            render,
            documents: Mutex::new(Documents::new(bytes_max)),
            renderings: Flights::default(),
            codings: Flights::default(),
            at_once: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }

    /// The document of `route` at `version`: the cached one, or the one that is made now.
    pub(super) async fn document(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        route: Route,
        version: Digest,
    ) -> Result<Arc<Document>, Unrendered> {
        let key = (route, version);
        if let Some(document) = lock(&self.documents).get(&key) {
            return Ok(document);
        }
        let (warm, snapshot, wanted) = (Arc::clone(self), Arc::clone(snapshot), key.clone());
        let make = move || warm.make(&snapshot, wanted);
        self.renderings.join(key, &self.at_once, make).await.unwrap_or(Err(Unrendered::Unreadable))
    }

    fn make(&self, snapshot: &Snapshot, key: Key) -> Result<Arc<Document>, Unrendered> {
        // Since the cache was asked, another request may have made it.
        if let Some(document) = lock(&self.documents).get(&key) {
            return Ok(document);
        }
        let document = Arc::new(self.render.render(snapshot, &key.0)?);
        lock(&self.documents).put(key, Arc::clone(&document));
        Ok(document)
    }

    /// Makes the bytes of `document` in `coding`; afterwards [`Document::made`] has them.
    pub(super) async fn code(&self, document: &Arc<Document>, coding: Coding) {
        let wanted = Arc::clone(document);
        let make = move || {
            wanted.coded(coding);
        };
        // The key is the content, not the document: where two documents share their bytes, the
        // second asks again.
        while document.made(coding).is_none() {
            if self.codings.join((document.digest, coding), &self.at_once, make.clone()).await.is_none() {
                return;
            }
        }
    }

    /// The reader of assets.
    pub(super) fn render(&self) -> &Arc<dyn Render> {
        &self.render
    }
}

/// The least recently used leaves first.
struct Documents {
    bytes_max: usize,
    bytes: usize,
    /// Grows with every use.
    tick: u64,
    entries: HashMap<Key, Entry>,
    /// Invariant: `by_age` holds exactly the ticks of `entries`.
    by_age: BTreeMap<u64, Key>,
}

struct Entry {
    document: Arc<Document>,
    cost: usize,
    used: u64,
}

impl Documents {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, tick: 0, entries: HashMap::new(), by_age: BTreeMap::new() }
    }

    fn get(&mut self, key: &Key) -> Option<Arc<Document>> {
        self.tick += 1;
        let entry = self.entries.get_mut(key)?;
        if let Some(key) = self.by_age.remove(&entry.used) {
            self.by_age.insert(self.tick, key);
        }
        entry.used = self.tick;
        Some(Arc::clone(&entry.document))
    }

    /// A document that alone would fill the cache is not kept.
    fn put(&mut self, key: Key, document: Arc<Document>) {
        let cost = cost(&document);
        if cost > self.bytes_max / 2 {
            return;
        }
        self.remove(&key);
        self.tick += 1;
        self.bytes += cost;
        self.by_age.insert(self.tick, key.clone());
        self.entries.insert(key, Entry { document, cost, used: self.tick });
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.remove(&oldest);
        }
        debug_assert_eq!(self.by_age.len(), self.entries.len());
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.cost;
            self.by_age.remove(&entry.used);
        }
    }
}

/// The bytes, and what both codings of text usually add. They are made later, and are counted from
/// the beginning, so that the cost of an entry never changes.
fn cost(document: &Document) -> usize {
    document.identity.len() + document.identity.len() / 2 + ENTRY_BYTES
}

/// Work under way: one maker for each key, for whose result all others wait.
struct Flights<K, V> {
    under_way: Arc<UnderWay<K, V>>,
}

/// `None` until there is a result.
type UnderWay<K, V> = Mutex<HashMap<K, watch::Receiver<Option<V>>>>;

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { under_way: Arc::default() }
    }
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The result of `make`, or of the call under way for the same key. `None` where that panicked,
    /// or its runtime is going down.
    async fn join(&self, key: K, at_once: &Arc<Semaphore>, make: impl FnOnce() -> V + Send + 'static) -> Option<V> {
        let mut result = self.start(key, at_once, make);
        result.wait_for(Option::is_some).await.ok().and_then(|made| made.clone())
    }

    fn start(
        &self,
        key: K,
        at_once: &Arc<Semaphore>,
        make: impl FnOnce() -> V + Send + 'static,
    ) -> watch::Receiver<Option<V>> {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(&key) {
            return flight.clone();
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        // A runtime that is going down drops what is spawned on it at once, and with it the place,
        // which locks.
        drop(under_way);
        // Dropped when the work ends in whatever way: a panic closes the channel, and no request
        // waits for ever.
        let place = Place { key, under_way: Arc::clone(&self.under_way) };
        let at_once = Arc::clone(at_once);
        tokio::spawn(async move {
            let Ok(permit) = at_once.acquire_owned().await else { return };
            let work = move || {
                let (_permit, made) = (permit, make());
                drop(place);
                sender.send_replace(Some(made));
            };
            // The panic hook has reported a panic; the waiters see the channel close.
            let _ = tokio::task::spawn_blocking(work).await;
        });
        receiver
    }
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;

    use super::*;
    use crate::base::UrlPath;
    use crate::publish::Kind;

    fn key(n: usize) -> Key {
        (Route::Resource(UrlPath::new(&format!("a/{n}")).unwrap()), Digest::of(&n.to_be_bytes()))
    }

    fn document(len: usize) -> Arc<Document> {
        Arc::new(Document::new(Kind::Page, "text/html; charset=utf-8", Bytes::from(vec![b'x'; len]), None))
    }

    #[test]
    fn the_least_recently_used_leaves() {
        let each = cost(&document(1000));
        let mut cache = Documents::new(each * 3);
        for n in 0..3 {
            cache.put(key(n), document(1000));
        }
        assert!(cache.get(&key(0)).is_some());
        cache.put(key(3), document(1000));
        let kept: Vec<bool> = (0..4).map(|n| cache.get(&key(n)).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
        assert!(cache.bytes <= cache.bytes_max);
        cache.put(key(4), document(each * 3));
        assert!(cache.get(&key(4)).is_none(), "larger than half of the cache");
        cache.put(key(3), document(1));
        assert_eq!(cache.entries.len(), cache.by_age.len());
        assert_eq!(cache.bytes, 2 * each + cost(&document(1)));
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn many_wait_for_one_maker() {
        let flights = Flights::<u8, usize>::default();
        let at_once = Arc::new(Semaphore::new(1));
        let made = Arc::new(AtomicUsize::new(0));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        block_on(async {
            let count = Arc::clone(&made);
            let first = flights.start(1, &at_once, move || {
                gate.recv().unwrap();
                count.fetch_add(1, Ordering::SeqCst) + 1
            });
            let others: Vec<_> = (0..9).map(|_| flights.start(1, &at_once, || unreachable!())).collect();
            drop(first);
            open.send(()).unwrap();
            for mut other in others {
                assert_eq!(other.wait_for(Option::is_some).await.unwrap().unwrap(), 1);
            }
            assert_eq!(flights.join(1, &at_once, || 2).await, Some(2), "the place is free again");
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert!(lock(&flights.under_way).is_empty());
    }

    #[test]
    fn a_panic_strands_nobody() {
        let flights = Flights::<u8, usize>::default();
        let at_once = Arc::new(Semaphore::new(1));
        block_on(async {
            assert_eq!(flights.join(1, &at_once, || std::panic::resume_unwind(Box::new(()))).await, None);
            assert_eq!(flights.join(1, &at_once, || 5).await, Some(5));
        });
    }
}
