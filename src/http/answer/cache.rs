//! The cache of warm documents, limited in bytes, which makes each document once.
//!
//! Keyed by (route, version of the inputs), so nothing is ever invalidated: a version that no
//! request asks for becomes the least recently used and is removed. Rendering and compressing run
//! on a pool of threads that may block, half as many as there are cores. Requests for the same
//! document wait for one rendering, which goes on if the client that started it disconnects.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::ThreadPool;

use super::super::metrics::Metrics;
use super::single_flight::{SingleFlight, lock, pool};
use crate::base::{Digest, Route};
use crate::publish::{Coding, Document, Render, Snapshot, Unrendered, Versions};

/// The key of a warm document.
type Key = (Route, Digest);

/// The memory that a document takes beside its content, in bytes: keys, header values, the entry.
const ENTRY_BYTES: usize = 1024;

/// The time for which a stopgap is kept: each making of it asks whether its file can be used again.
const STOPGAP_AGE: Duration = Duration::from_secs(5);

/// The cache, and the renderings in progress.
pub(in crate::http) struct Warm {
    render: Arc<dyn Render>,
    versions: Arc<Versions>,
    documents: Mutex<Documents>,
    metrics: Arc<Metrics>,
    renderings: SingleFlight<Key, Result<Arc<Document>, Unrendered>>,
    codings: SingleFlight<(Digest, Coding), ()>,
    /// The threads that render and compress.
    pool: ThreadPool,
}

impl Warm {
    /// A cache of at most `bytes_max` bytes, with its own threads.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub(in crate::http) fn new(
        render: Arc<dyn Render>,
        versions: Arc<Versions>,
        metrics: Arc<Metrics>,
        bytes_max: usize,
        threads: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            render,
            versions,
            documents: Mutex::new(Documents::new(bytes_max)),
            metrics,
            renderings: SingleFlight::default(),
            codings: SingleFlight::default(),
            pool: pool(threads).map_err(io::Error::other)?,
        })
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
        let made =
            self.renderings.join(key, &self.pool, move || warm.make(&snapshot, wanted)).await;
        // There is no result if the rendering panicked: this request fails, and the server goes on.
        made.unwrap_or(Err(Unrendered::Unreadable))
    }

    fn make(&self, snapshot: &Snapshot, key: Key) -> Result<Arc<Document>, Unrendered> {
        // Another request may have made it between the look into the cache and this flight.
        if let Some(document) = lock(&self.documents).get(&key) {
            return Ok(document);
        }
        let document = Arc::new(self.render.render(snapshot, &key.0)?);
        if !document.is_stopgap {
            self.versions.note(&key.0, &document);
        }
        self.put(key, &document);
        Ok(document)
    }

    fn put(&self, key: Key, document: &Arc<Document>) {
        let mut documents = lock(&self.documents);
        documents.put(key, Arc::clone(document));
        self.metrics.set_cache_bytes(documents.bytes);
    }

    /// Makes the bytes of `document` in `coding`; afterwards [`Document::made`] has them.
    pub(super) async fn code(&self, document: &Arc<Document>, coding: Coding) {
        let key = (document.digest, coding);
        // The key is the content, not the document. If two documents have the same bytes, the
        // flight may have coded the other one, so this one checks and tries again.
        while document.made(coding).is_none() {
            let wanted = Arc::clone(document);
            let made = self.codings.join(key, &self.pool, move || code(&wanted, coding)).await;
            if made.is_none() {
                return;
            }
        }
    }

    /// The page that a person gets at the address of the feed at `route`; `None` for any other
    /// route.
    pub(super) async fn feed_page(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        route: &Route,
    ) -> Option<Arc<Document>> {
        let Route::Feed(scope, format) = route.clone() else { return None };
        let (version, limit) = (snapshot.page_version(), snapshot.config.feeds.limit);
        let key = Digest::of(format!("feed page {version} {limit}").as_bytes());
        let (render, snapshot) = (Arc::clone(&self.render), Arc::clone(snapshot));
        let make = move || render.feed_page(&snapshot, &scope, format).ok();
        self.once(route.clone(), key, make).await
    }

    /// The result of `make` for `route` and `key`, made once for all who ask; `None` where it gives
    /// nothing.
    pub(super) async fn once(
        self: &Arc<Self>,
        route: Route,
        key: Digest,
        make: impl FnOnce() -> Option<Document> + Send + 'static,
    ) -> Option<Arc<Document>> {
        let key = (route, key);
        if let Some(document) = lock(&self.documents).get(&key) {
            return Some(document);
        }
        let (warm, wanted) = (Arc::clone(self), key.clone());
        let make = move || {
            let document = Arc::new(make().ok_or(Unrendered::Unreadable)?);
            warm.put(wanted, &document);
            Ok(document)
        };
        self.renderings.join(key, &self.pool, make).await?.ok()
    }

    /// The last versions of the feeds.
    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The reader of assets.
    pub(super) fn render(&self) -> &Arc<dyn Render> {
        &self.render
    }
}

/// Codes a document, which remembers its coded bytes.
fn code(document: &Document, coding: Coding) {
    let _ = document.coded(coding);
}

/// The documents in the cache. The least recently used is removed first.
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
    /// The time at which a stopgap is made again; `None` for any other document.
    until: Option<Instant>,
}

impl Documents {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, tick: 0, entries: HashMap::new(), by_age: BTreeMap::new() }
    }

    fn get(&mut self, key: &Key) -> Option<Arc<Document>> {
        self.tick += 1;
        let entry = self.entries.get_mut(key)?;
        if entry.until.is_some_and(|until| until <= Instant::now()) {
            self.remove(key);
            return None;
        }
        // A use makes it the youngest.
        if let Some(key) = self.by_age.remove(&entry.used) {
            self.by_age.insert(self.tick, key);
        }
        entry.used = self.tick;
        Some(Arc::clone(&entry.document))
    }

    /// Adds a document, unless it would fill half of the cache alone.
    fn put(&mut self, key: Key, document: Arc<Document>) {
        let cost = cost(&document);
        // It would remove most other documents, and the next one of its size would remove it.
        if cost > self.bytes_max / 2 {
            return;
        }
        self.remove(&key);
        self.tick += 1;
        self.bytes += cost;
        self.by_age.insert(self.tick, key.clone());
        let until = document.is_stopgap.then(|| Instant::now() + STOPGAP_AGE);
        self.entries.insert(key, Entry { document, cost, used: self.tick, until });
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

/// The memory that a document takes, in bytes, with the usual size of both codings of a text. They
/// are made later but counted from the beginning, so that the cost of an entry never changes.
fn cost(document: &Document) -> usize {
    document.identity.len() + document.identity.len() / 2 + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::UrlPath;
    use crate::publish::Kind;

    fn key(n: usize) -> Key {
        (Route::Resource(UrlPath::new(&format!("a/{n}")).unwrap()), Digest::of(&n.to_be_bytes()))
    }

    fn document(len: usize) -> Arc<Document> {
        Arc::new(Document::new(
            Kind::Page,
            "text/html; charset=utf-8",
            Bytes::from(vec![b'x'; len]),
            None,
        ))
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
        assert!(cache.get(&key(4)).is_none(), "larger than the cache");
        cache.put(key(5), document(each));
        assert!(cache.get(&key(5)).is_none(), "larger than half of the cache");
        cache.put(key(3), document(1));
        assert_eq!(cache.entries.len(), cache.by_age.len());
        assert_eq!(cache.bytes, 2 * each + cost(&document(1)));
    }

    #[test]
    fn codings_are_counted_before_they_are_made() {
        for len in [0, 2000, 1 << 20] {
            assert_eq!(cost(&document(len)), len + len / 2 + ENTRY_BYTES, "{len}");
        }
    }
}
