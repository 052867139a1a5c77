//! The last versions of each feed, by the digests of their entries, so that a reader of an older
//! version can be sent only what it does not have yet (RFC 3229).
//!
//! Kept in memory alone. After a restart, a reader that names a version from before gets the whole
//! feed once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::Route;
use crate::feed::delta;

use super::Document;

/// The number of versions of one feed that are remembered.
const VERSIONS_MAX: usize = 16;

/// The number of feeds whose versions are remembered; beyond that, those that changed longest ago
/// are forgotten. With 30 entries in each feed, all of it takes 1 MiB.
const FEEDS_MAX: usize = 256;

/// The last versions of each feed, shared by the engine and HTTP.
#[derive(Debug, Default)]
pub struct Versions {
    feeds: Mutex<HashMap<Route, History>>,
}

/// The versions of one feed, the newest last.
#[derive(Debug, Default)]
struct History {
    /// The place in the order of changes of all feeds.
    changed: u64,
    versions: VecDeque<Version>,
}

/// One version of a feed.
#[derive(Debug)]
struct Version {
    /// The ETag without its quotes and without the suffix of a coding.
    tag: String,
    entries: Arc<[u64]>,
}

impl Versions {
    /// Remembers the current version of the feed at `route`. Anything but a feed is ignored.
    pub fn note(&self, route: &Route, document: &Document) {
        let Route::Feed(_, format) = route else { return };
        let tag = document.digest.short();
        if self.is_newest(route, &tag) {
            return;
        }
        // Without the lock, since this reads the whole feed.
        let Some(slices) = delta::slices(*format, &document.identity) else { return };
        let entries: Arc<[u64]> = slices.iter().map(|slice| slice.digest).collect();
        let mut feeds = self.lock();
        let mut changes = 0;
        for history in feeds.values() {
            changes = changes.max(history.changed);
        }
        if !feeds.contains_key(route) && feeds.len() >= FEEDS_MAX {
            forget_oldest(&mut feeds);
        }
        let history = feeds.entry(route.clone()).or_default();
        history.changed = changes + 1;
        // A feed may return to an earlier version: each is listed once.
        history.versions.retain(|version| version.tag != tag);
        if history.versions.len() >= VERSIONS_MAX {
            history.versions.pop_front();
        }
        history.versions.push_back(Version { tag, entries });
    }

    /// The digests of the entries of an earlier version of the feed at `route`; `None` where it is
    /// not remembered.
    pub fn entries(&self, route: &Route, tag: &str) -> Option<Arc<[u64]>> {
        for version in &self.lock().get(route)?.versions {
            if version.tag == tag {
                return Some(Arc::clone(&version.entries));
            }
        }
        None
    }

    fn is_newest(&self, route: &Route, tag: &str) -> bool {
        match self.lock().get(route) {
            Some(history) => history.versions.back().is_some_and(|newest| newest.tag == tag),
            None => false,
        }
    }

    /// A panic under this lock leaves at worst a version out, so that the next one may go on.
    fn lock(&self) -> MutexGuard<'_, HashMap<Route, History>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_oldest(feeds: &mut HashMap<Route, History>) {
    let oldest = feeds.iter().min_by_key(|(_, history)| history.changed);
    if let Some((route, _)) = oldest {
        let route = route.clone();
        feeds.remove(&route);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use crate::base::{Format, Scope, UrlPath};

    fn feed(items: &[u32]) -> Document {
        let items: Vec<String> = items.iter().map(|n| format!("{{\"id\":\"{n}\"}}")).collect();
        let bytes = format!("{{\"items\":[{}]}}", items.join(","));
        Document::new(Kind::Feed, "application/feed+json", bytes.into(), None)
    }

    fn tag(n: usize) -> Route {
        Route::Feed(Scope::Tag(UrlPath::new(&format!("t{n}")).unwrap()), Format::Json)
    }

    #[test]
    fn the_last_versions_are_remembered() {
        let versions = Versions::default();
        let route = Route::Feed(Scope::Site, Format::Json);
        let documents: Vec<Document> = (0..20).map(|n| feed(&[n])).collect();
        for document in &documents {
            versions.note(&route, document);
            // Noting it again changes nothing.
            versions.note(&route, document);
        }
        let known = |n: usize| versions.entries(&route, &documents[n].digest.short()).is_some();
        let remembered: Vec<usize> = (0..20).filter(|n| known(*n)).collect();
        assert_eq!(remembered, (4..20).collect::<Vec<_>>());
        // One that returns is the newest again, and pushes nothing out.
        versions.note(&route, &documents[4]);
        versions.note(&route, &feed(&[99]));
        assert_eq!((known(4), known(5), known(6)), (true, false, true));
        // Of another feed, nothing is known.
        assert_eq!(versions.entries(&tag(1), &documents[19].digest.short()), None);
    }

    #[test]
    fn the_feeds_that_changed_last_are_remembered() {
        let versions = Versions::default();
        let document = feed(&[1]);
        for n in 0..FEEDS_MAX {
            versions.note(&tag(n), &document);
        }
        versions.note(&tag(0), &feed(&[2]));
        versions.note(&tag(FEEDS_MAX), &document);
        let known = |n| versions.entries(&tag(n), &document.digest.short()).is_some();
        assert_eq!((known(0), known(1), known(2), known(FEEDS_MAX)), (true, false, true, true));
    }

    #[test]
    fn pages_have_no_versions() {
        let versions = Versions::default();
        versions.note(&Route::Home, &feed(&[1]));
        assert_eq!(versions.entries(&Route::Home, &feed(&[1]).digest.short()), None);
    }
}
