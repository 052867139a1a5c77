//! The projection: brings `feeds/` up to date on a thread of its own, so that a slow disk never
//! delays a publish.
//!
//! Level-triggered: each pass compares the files that the current snapshot wants with what is known
//! to be there, and writes the difference. Its unit is a route. A document that the snapshot holds
//! is written as it is; every other is rendered like a request for it, unless this version of it
//! was projected before.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::warn;

use crate::base::{Digest, Format, Route, Scope};
use crate::library::Commit;
use crate::publish::{Found, Published, Render as _, Snapshot, Unrendered};
use crate::store::project::{File, ProjectError};
use crate::store::{Projector, Store as _, StoreError, Target};

use super::renderer::Renderer;
use super::shared_store::SharedStore;
use super::value;

/// How soon a failed pass is repeated.
const RETRY: Duration = Duration::from_secs(5);

/// Files that are written together: a batch costs one commit and one sync of each directory.
const BATCH: usize = 24;

/// The reason why a file in `feeds/` is not up to date.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprojected {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} cannot be written: {1}")]
    Unrendered(Route, Unrendered),
}

/// Keeps `feeds/` equal to the published snapshot.
pub(super) struct Projection {
    store: SharedStore,
    projector: Projector<Box<dyn Target>>,
    renderer: Arc<Renderer>,
    /// The version of each warm document that is in `feeds/`.
    versions: HashMap<Route, Digest>,
    /// The same as the store remembers it, by the name of its value.
    remembered: HashMap<String, String>,
    is_repaired: bool,
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
    /// A projection that takes nothing for certain. `values`: what the store remembers.
    pub(super) fn new(
        store: SharedStore,
        projector: Projector<Box<dyn Target>>,
        renderer: Arc<Renderer>,
        values: &[(String, String)],
    ) -> Self {
        let mut remembered = HashMap::new();
        for (name, version) in values {
            if name.starts_with(value::PROJECTED) {
                remembered.insert(name.clone(), version.clone());
            }
        }
        let versions = HashMap::new();
        Self { store, projector, renderer, versions, remembered, is_repaired: false }
    }

    /// Follows the snapshots until `published` is closed, and passes the outcome of each pass to
    /// `report`, with the generation of its snapshot.
    pub(super) fn follow(
        mut self,
        published: &Published,
        report: impl Fn(u64, &Result<(), Unprojected>),
    ) {
        let (mut seen, mut patience) = (0, None);
        while let Some((times, snapshot)) = published.wait(seen, patience) {
            seen = times;
            let done = self.bring_up_to_date(&snapshot, &|| published.is_closed());
            report(snapshot.generation, &done);
            patience = done.is_err().then_some(RETRY);
        }
    }

    /// Makes one pass: writes what differs, and removes what is not wanted any more. A file that
    /// fails does not keep the others from being written; the first failure is returned.
    ///
    /// # Errors
    /// See [`Unprojected`].
    pub(super) fn bring_up_to_date(
        &mut self,
        snapshot: &Snapshot,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<(), Unprojected> {
        if !self.is_repaired {
            self.repair(snapshot)?;
        }
        let routes = routes(snapshot);
        let mut first_failure = Ok(());
        let mut rest = routes.iter();
        loop {
            let mut batch = Vec::new();
            for (route, name) in rest.by_ref() {
                match self.document(snapshot, route, name) {
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
            if is_stopping() {
                return first_failure;
            }
        }
        first_failure?;
        self.sweep(&routes)
    }

    /// Compares the files in `feeds/` with what was written there. What is missing or was changed
    /// by others is written again.
    fn repair(&mut self, snapshot: &Snapshot) -> Result<(), Unprojected> {
        let drifted: BTreeSet<String> = self.projector.repair()?.into_iter().collect();
        self.versions.clear();
        for (route, name) in routes(snapshot) {
            if let Found::Render(_, version) = snapshot.find(&route)
                && !drifted.contains(&name)
                && self.remembered.get(&value_name(&route)) == Some(&version.to_string())
            {
                self.versions.insert(route, version);
            }
        }
        self.is_repaired = true;
        Ok(())
    }

    /// The document of `route`, unless the file in `feeds/` is this version of it.
    fn document(
        &self,
        snapshot: &Snapshot,
        route: &Route,
        name: &str,
    ) -> Result<Option<Due>, Unprojected> {
        let (document, version) = match snapshot.find(route) {
            Found::Ready(document) => (document, None),
            Found::Render(_, version) if self.versions.get(route) == Some(&version) => {
                return Ok(None);
            }
            Found::Render(_, version) => match self.renderer.render(snapshot, route) {
                Ok(document) => (Arc::new(document), Some(version)),
                // The next snapshot, which is on its way, will have it.
                Err(Unrendered::Changed) => return Ok(None),
                Err(why) => return Err(Unprojected::Unrendered(route.clone(), why)),
            },
            _ => return Ok(None),
        };
        let (name, digest) = (name.to_owned(), document.digest);
        if version.is_none() && self.projector.plan([(name.as_str(), digest)]).is_empty() {
            return Ok(None);
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
            self.versions.insert(route, version);
        }
        if !values.is_empty() {
            self.store.commit(&Commit { values, ..Commit::default() })?;
        }
        Ok(())
    }

    /// Removes the files of routes that do not exist any more.
    fn sweep(&mut self, routes: &[(Route, String)]) -> Result<(), Unprojected> {
        let wanted: BTreeSet<&str> = routes.iter().map(|(_, name)| name.as_str()).collect();
        let swept = self.projector.sweep(&mut self.store, |name| wanted.contains(name))?;
        for name in &swept.left {
            warn!(
                event = "warning",
                name, "feeds/{name} was changed by another program; it is left there"
            );
        }
        if swept.removed > 0 {
            let exist: BTreeSet<&Route> = routes.iter().map(|(route, _)| route).collect();
            self.versions.retain(|route, _| exist.contains(route));
        }
        self.store.checkpoint()?;
        swept.failed.into_iter().next().map_or(Ok(()), |why| Err(why.into()))
    }
}

/// The name of the value that remembers the version of a projected document.
fn value_name(route: &Route) -> String {
    format!("{}{route}", value::PROJECTED)
}

/// Every route that has a file in `feeds/`, with the file's name; the site's own feeds first.
fn routes(snapshot: &Snapshot) -> Vec<(Route, String)> {
    let mut scopes: Vec<&Scope> = snapshot.library.scopes().collect();
    scopes.sort_by_key(|scope| **scope != Scope::Site);
    let mut routes = Vec::with_capacity(scopes.len() * Format::ALL.len() + 1);
    for scope in scopes {
        for format in Format::ALL {
            routes.push((Route::Feed(scope.clone(), format), file_name(scope, format)));
        }
    }
    routes.push((Route::Opml, "feeds.opml".to_owned()));
    routes
}

/// The name of a feed's file beneath `feeds/`, as its URL beneath the site.
fn file_name(scope: &Scope, format: Format) -> String {
    let file = format.file_name();
    match scope {
        Scope::Site => file.to_owned(),
        Scope::Directory(path) => format!("{}/{file}", path.as_str()),
        Scope::Tag(slug) => format!("tags/{}/{file}", slug.as_str()),
        Scope::Author(slug) => format!("authors/{}/{file}", slug.as_str()),
        Scope::View(slug) => format!("views/{}/{file}", slug.as_str()),
    }
}
