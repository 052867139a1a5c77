//! The projection: brings `feeds/` up to date on a thread of its own, so that a slow disk never
//! delays a publish.
//!
//! Level-triggered: each pass compares the files that the current snapshot wants with what is known
//! to be there, and writes the difference; after a pass that succeeded, only what changed since is
//! compared. Its unit is a route. A document that the snapshot holds is written as it is; every
//! other is rendered like a request for it, unless this version of it was projected before. Once a
//! minute, it looks for files that another program removed or changed.

mod versions;

use std::collections::BTreeSet;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use rayon::ThreadPoolBuilder;
use tracing::warn;

use crate::base::{Digest, Format, Route, Scope};
use crate::feed::gate;
use crate::library::{Changes, Commit, Library};
use crate::ops::clock::Timer;
use crate::publish::{Found, Published, Render as _, Snapshot, Unrendered};
use crate::store::feeds::project::{File, ProjectError};
use crate::store::{Projector, Store as _, StoreError, Target};

use super::renderer::Renderer;
use super::shared_store::SharedStore;
use versions::{Versions, value_name};

/// The wait before a failed pass is repeated.
const RETRY: Duration = Duration::from_secs(5);

/// Files that others removed or changed are looked for so often: as often as the article directory is
/// scanned, which finds what no event reported.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// The number of files that are written together: a batch costs one commit and one sync of each
/// directory.
const BATCH: usize = 24;

/// Batches, or passes of few files, after which the log of the database is folded into it: some
/// hundred of its pages. A step that commits meanwhile waits for some milliseconds; where the log
/// grows until SQLite folds it, for a second.
const FOLD_EVERY: u32 = 16;

/// A pass begins when nothing was published for so long: where there are few cores, it would keep
/// them from the readers of what was published just now, and what is published meanwhile needs no
/// pass of its own.
const REST: Duration = Duration::from_millis(20);

/// After so many publishes, a pass begins all the same.
const RESTS_MAX: usize = 25;

/// The reason why a file in `feeds/` is not up to date.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprojected {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} cannot be written: {1}")]
    Unrendered(Route, Unrendered),
    #[error("{0} cannot be read back: {1}")]
    Unreadable(Route, String),
}

/// The feeds that a pass of the projection looked at, as they are in `feeds/` now.
#[derive(Debug)]
pub struct Projected {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The digests of their bytes. A feed whose file could not be written is left out.
    pub feeds: Vec<(Route, Digest)>,
    /// Whether these are all feeds that there are.
    pub is_whole: bool,
}

/// Called after each pass, whether it succeeded or not. It must not block.
pub type OnProjected = Box<dyn Fn(&Projected) + Send + Sync>;

/// Keeps `feeds/` equal to the published snapshot.
pub(super) struct Projection {
    store: SharedStore,
    projector: Projector<Box<dyn Target>>,
    renderer: Arc<Renderer>,
    /// Set where a hot document does not come back whole: a step reads back only what is new.
    distrust: Arc<AtomicBool>,
    /// The library that `feeds/` was brought in line with, if the last pass succeeded: only what
    /// differs from it is looked at, so that a pass costs what changed.
    library: Option<Library>,
    /// Documents that could not be rendered whole, since a file was being changed or cannot be
    /// used.
    postponed: BTreeSet<Route>,
    /// Whether the last pass wrote stopgaps.
    has_stopgaps: bool,
    /// The version of each warm document that is in `feeds/`.
    versions: Versions,
    /// Whether the files were compared with what was written, once after the start.
    is_repaired: bool,
    /// Passes that succeeded.
    passes: u32,
    /// Called after each pass.
    listeners: Vec<OnProjected>,
}

/// The feeds that a pass looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// All that there are.
    Whole,
    /// Some of them.
    Partial,
}

/// A document that is due.
struct Due {
    route: Route,
    name: String,
    bytes: Bytes,
    digest: Digest,
    /// Its version, if it was rendered.
    version: Option<Digest>,
}

impl Projection {
    /// Makes a projection that has checked nothing yet. `values`: what the store remembers.
    pub(super) fn new(
        store: SharedStore,
        projector: Projector<Box<dyn Target>>,
        renderer: Arc<Renderer>,
        values: &[(String, String)],
    ) -> Self {
        Self {
            store,
            projector,
            renderer,
            distrust: Arc::default(),
            library: None,
            postponed: BTreeSet::new(),
            has_stopgaps: false,
            versions: Versions::of(values),
            is_repaired: false,
            passes: 0,
            listeners: Vec::new(),
        }
    }

    /// What is set where a hot document does not come back whole.
    pub(super) fn distrust(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.distrust)
    }

    /// Has `listener` called after each pass.
    pub(super) fn listen(&mut self, listener: OnProjected) {
        self.listeners.push(listener);
    }

    /// Follows the snapshots until `published` is closed, and passes the outcome of each pass to
    /// `report`, with the generation of its snapshot.
    pub(super) fn follow(
        mut self,
        published: &Published,
        timer: &dyn Timer,
        report: impl Fn(u64, &Result<(), Unprojected>),
    ) {
        // In the threads that are shared, a step would wait behind a page of an archive. Where there
        // can be no pool, those are used.
        let pool = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
        let _pool = pool.build().ok();
        let (mut seen, mut patience, mut last) = (0, CHECK_EVERY, None);
        let mut checked = timer.now();
        while let Some((times, _)) = published.wait(seen, Some(patience)) {
            let Some((times, snapshot)) = at_rest(published, times) else { break };
            seen = times;
            last = Some(snapshot.generation);
            let now = timer.now();
            if now.saturating_duration_since(checked) >= CHECK_EVERY {
                checked = now;
                self.check(&snapshot);
            }
            let done = self.bring_up_to_date(&snapshot, &|| published.is_closed());
            report(snapshot.generation, &done);
            // Nothing reports when the file of a stopgap can be used again.
            patience = if done.is_err() || self.has_stopgaps { RETRY } else { CHECK_EVERY };
        }
        // What was published just before the end: one batch of files, which has the site's feeds.
        if let Some(snapshot) =
            published.load().filter(|last_one| last != Some(last_one.generation))
        {
            let done = self.bring_up_to_date(&snapshot, &|| true);
            report(snapshot.generation, &done);
        }
    }

    /// Makes one pass: writes what differs, and removes what is not wanted any more. A file that
    /// fails does not keep the others from being written; the first failure is returned.
    ///
    /// # Errors
    /// The reason of the first failure, as [`Unprojected`].
    pub(super) fn bring_up_to_date(
        &mut self,
        snapshot: &Arc<Snapshot>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<(), Unprojected> {
        if snapshot.is_restored() {
            // Its documents were read from `feeds/`.
            return Ok(());
        }
        if !self.is_repaired
            && let Err(why) = self.repair(snapshot)
        {
            self.notify(snapshot, iter::empty(), Pass::Partial);
            return Err(why);
        }
        // Until this pass has succeeded, the next one has to look at all that this one does.
        let before = self.library.take();
        let changes = match &before {
            Some(before) => snapshot.library.changes_since(before),
            None => Changes::Everything,
        };
        self.has_stopgaps = false;
        let (first_failure, is_whole) = match changes {
            Changes::Everything => {
                // After a first scan, the log is as large as the state, and such a pass takes its
                // time: a burst that comes meanwhile would fold it, within its own commit.
                self.store.checkpoint()?;
                let done = self.write(snapshot, routes(snapshot), is_stopping);
                let is_whole = done.is_ok() && !is_stopping();
                let pass = if is_whole { Pass::Whole } else { Pass::Partial };
                self.notify(snapshot, routes(snapshot), pass);
                (done, true)
            }
            Changes::Of(changes) => {
                let routes = self.routes_of(snapshot, changes);
                let done = self.write(snapshot, routes.iter().cloned(), is_stopping);
                if done.is_err() {
                    // What was postponed before is among them, and may not have been reached.
                    self.postponed.extend(routes.iter().cloned());
                }
                self.notify(snapshot, routes.into_iter(), Pass::Partial);
                (done, false)
            }
        };
        if is_stopping() || first_failure.is_err() {
            self.library = before;
            return first_failure;
        }
        // Files are not wanted any more only where everything changed: otherwise, scopes and pages
        // are only ever added.
        if is_whole {
            self.sweep(snapshot)?;
        }
        // After each pass, it would cost the next drop a sync: the first commit after it has to sync
        // the beginning of the log, too.
        self.passes += 1;
        if is_whole || self.passes.is_multiple_of(FOLD_EVERY) {
            self.store.checkpoint()?;
        }
        self.library = Some(snapshot.library.clone());
        Ok(())
    }

    /// Calls the listeners with the feeds among the routes.
    fn notify(&self, snapshot: &Arc<Snapshot>, routes: impl Iterator<Item = Route>, pass: Pass) {
        if self.listeners.is_empty() {
            return;
        }
        let mut feeds = Vec::new();
        let mut is_complete = true;
        for route in routes.filter(|route| matches!(route, Route::Feed(..))) {
            match self.projector.digest(&file_name(&route)) {
                Some(digest) => feeds.push((route, digest)),
                None => is_complete = false,
            }
        }
        let is_whole = pass == Pass::Whole && is_complete;
        let projected = Projected { snapshot: Arc::clone(snapshot), feeds, is_whole };
        for listener in &self.listeners {
            listener(&projected);
        }
    }

    /// The routes of what changed, with what was postponed. Resident documents and the list of all
    /// feeds are always among them: it costs nothing to compare them, and an article that can be
    /// read again changes them alone.
    fn routes_of(&mut self, snapshot: &Snapshot, changes: Vec<(Scope, Vec<u64>)>) -> Vec<Route> {
        let mut routes = Vec::from_iter(std::mem::take(&mut self.postponed));
        routes.extend(snapshot.hot.keys().cloned());
        for (scope, pages) in changes {
            routes.extend(feeds_of(&scope));
            for page in pages {
                routes.extend(page_of(&scope, page));
            }
        }
        routes.push(Route::Opml);
        // Many are there twice.
        routes.sort_unstable();
        routes.dedup();
        routes
    }

    /// Writes those of the routes whose files are not up to date.
    fn write(
        &mut self,
        snapshot: &Snapshot,
        mut routes: impl Iterator<Item = Route>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<(), Unprojected> {
        let mut first_failure = Ok(());
        for batches in 1_u32.. {
            let mut batch = Vec::new();
            for route in routes.by_ref() {
                match self.document(snapshot, &route) {
                    Ok(due) => batch.extend(due),
                    Err(why) => first_failure = first_failure.and(Err(why)),
                }
                if batch.len() == BATCH {
                    break;
                }
            }
            if batch.is_empty() {
                break;
            }
            if let Err(why) = self.put(batch) {
                first_failure = first_failure.and(Err(why));
            }
            if batches.is_multiple_of(FOLD_EVERY)
                && let Err(why) = self.store.checkpoint()
            {
                first_failure = first_failure.and(Err(why.into()));
            }
            if is_stopping() {
                break;
            }
        }
        first_failure
    }

    /// Compares the files in `feeds/` with what was written there. What is missing or was changed
    /// by others is written again.
    fn repair(&mut self, snapshot: &Snapshot) -> Result<(), Unprojected> {
        self.projector.repair()?;
        self.keep_certain(snapshot);
        self.is_repaired = true;
        Ok(())
    }

    /// Looks for files that others removed or changed since they were written. The next pass writes
    /// them again.
    pub(super) fn check(&mut self, snapshot: &Snapshot) {
        // Until then, the repair is still to come, and reads all of them.
        if !self.is_repaired {
            return;
        }
        let files = self.projector.check();
        if files == 0 {
            return;
        }
        warn!(
            event = "warning",
            files,
            "files in feeds/ that another program removed or changed: {files}; they are written again"
        );
        self.keep_certain(snapshot);
        // Otherwise, the next pass would look only at what was published since.
        self.library = None;
    }

    /// Forgets the versions of files whose bytes are not known for certain, so that they are written
    /// again.
    fn keep_certain(&mut self, snapshot: &Snapshot) {
        let is_certain = |route: &Route| self.projector.digest(&file_name(route)).is_some();
        self.versions.keep(routes(snapshot).filter(is_certain));
    }

    /// The document of `route`, unless the file in `feeds/` is this version of it.
    fn document(&mut self, snapshot: &Snapshot, route: &Route) -> Result<Option<Due>, Unprojected> {
        let (document, version) = match snapshot.find(route) {
            Found::Ready(document) => (document, None),
            Found::Render(_, version) if self.versions.is(route, version) => return Ok(None),
            Found::Render(_, version) => match self.renderer.render(snapshot, route) {
                // Rendered again in the next pass, and written if it differs.
                Ok(document) if document.is_stopgap => {
                    self.postponed.insert(route.clone());
                    self.has_stopgaps = true;
                    (Arc::new(document), None)
                }
                Ok(document) => (Arc::new(document), Some(version)),
                // The next snapshot, which is on its way, will have it.
                Err(Unrendered::Changed) => {
                    self.postponed.insert(route.clone());
                    return Ok(None);
                }
                Err(why) => return Err(Unprojected::Unrendered(route.clone(), why)),
            },
            _ => return Ok(None),
        };
        let (name, digest) = (file_name(route), document.digest);
        // What was rendered goes on even if its bytes are the same, so that its version is
        // remembered.
        if version.is_none() && self.projector.plan([(name.as_str(), digest)]).is_empty() {
            return Ok(None);
        }
        // What is rendered here was read back whole.
        let is_resident = version.is_none() && !document.is_stopgap;
        if is_resident && let Err(why) = gate::reads_back(&document.identity) {
            self.distrust.store(true, Ordering::Relaxed);
            return Err(Unprojected::Unreadable(route.clone(), why));
        }
        let bytes = document.identity.clone();
        Ok(Some(Due { route: route.clone(), name, bytes, digest, version }))
    }

    fn put(&mut self, batch: Vec<Due>) -> Result<(), Unprojected> {
        let mut files = Vec::new();
        for Due { name, digest, bytes, .. } in &batch {
            files.push(File { name, digest: *digest, bytes });
        }
        let written = self.projector.put(&mut self.store, &files)?;
        if let Some(failed) = written.failed.into_iter().next() {
            return Err(failed.into());
        }
        let mut values = Vec::new();
        for Due { route, version, .. } in batch {
            let Some(version) = version else { continue };
            // The list of feeds changes its version with every step, and is quickly rendered.
            if route != Route::Opml {
                values.push((value_name(&route), version.to_string()));
            }
            self.versions.set(&route, version);
        }
        if !values.is_empty() {
            self.store.commit(&Commit { values, ..Commit::default() })?;
        }
        Ok(())
    }

    /// Removes the files of routes that do not exist any more.
    fn sweep(&mut self, snapshot: &Snapshot) -> Result<(), Unprojected> {
        let wanted: BTreeSet<String> = routes(snapshot).map(|route| file_name(&route)).collect();
        let swept = self.projector.sweep(&mut self.store, |name| wanted.contains(name))?;
        for name in &swept.left {
            warn!(
                event = "warning",
                name, "feeds/{name} was changed by another program; it is left there"
            );
        }
        if swept.removed > 0 {
            self.versions.keep(routes(snapshot));
        }
        match swept.failed.into_iter().next() {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }
}

/// Waits until nothing is published any more for [`REST`]. Returns as [`Published::wait`] does.
fn at_rest(published: &Published, times: u64) -> Option<(u64, Arc<Snapshot>)> {
    let mut seen = times;
    for _ in 1..RESTS_MAX {
        let (times, snapshot) = published.wait(seen, Some(REST))?;
        if times == seen {
            return Some((times, snapshot));
        }
        seen = times;
    }
    published.wait(seen, Some(REST))
}

/// Every route that has a file in `feeds/`: the site's feeds, those of the other scopes, the list
/// of all feeds, and the archives. They are not listed in memory, since there may be several times
/// as many as articles.
fn routes(snapshot: &Snapshot) -> impl Iterator<Item = Route> + '_ {
    let library = &snapshot.library;
    // Scopes are in order, and the site is the first.
    let feeds = library.scopes().flat_map(feeds_of);
    let archives = library.scopes().flat_map(|scope| {
        let pages = library.channel(scope).map_or(0, |channel| channel.pages);
        (1..=pages).flat_map(move |page| page_of(scope, page))
    });
    feeds.chain([Route::Opml]).chain(archives)
}

fn feeds_of(scope: &Scope) -> [Route; 3] {
    Format::ALL.map(|format| Route::Feed(scope.clone(), format))
}

fn page_of(scope: &Scope, page: u64) -> [Route; 3] {
    Format::ALL.map(|format| Route::Archive(scope.clone(), page, format))
}

/// The name of the file of a route beneath `feeds/`: its URL beneath the site, decoded.
pub(super) fn file_name(route: &Route) -> String {
    let path = route.to_string();
    percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;

    use super::*;
    use crate::config::Config;
    use crate::publish::Extent;

    fn snapshot() -> Arc<Snapshot> {
        let config = Arc::new(Config::of("", Path::new("/")).unwrap());
        Arc::new(Snapshot::restored(Extent::Loading, config, Default::default()))
    }

    #[test]
    fn what_is_published_one_soon_after_the_other_needs_one_pass() {
        let published = Published::default();
        published.publish(snapshot());
        let (times, _) = published.wait(0, None).unwrap();
        published.publish(snapshot());
        published.publish(snapshot());
        assert_eq!(at_rest(&published, times).map(|(times, _)| times), Some(3));
        published.close();
        assert!(at_rest(&published, 3).is_none());
    }

    #[test]
    fn where_there_is_no_rest_a_pass_begins_all_the_same() {
        let published = Published::default();
        published.publish(snapshot());
        let (times, is_over) = (published.wait(0, None).unwrap().0, AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    published.publish(snapshot());
                }
            });
            assert!(at_rest(&published, times).is_some());
            is_over.store(true, Ordering::Relaxed);
        });
    }
}
