//! Bringing `feeds/` up to date, in the background: one scope at a time, only what changed.
//!
//! Level-triggered: a scope is stale until its files are written and durable. The site's documents are at hand; the
//! others are rendered like any request for them, and skipped where their version was projected before.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use tracing::warn;

use crate::base::{Digest, Format, Route, Scope};
use crate::library::{Commit, Library};
use crate::publish::{Snapshot, Unrendered};
use crate::store::StoreError;
use crate::store::project::{File, ProjectError};

use super::{Engine, hot, value};

/// Why a scope is still stale.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprojected {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the feeds of {0} cannot be made: {1}")]
    Unrendered(Scope, Unrendered),
}

/// The versions that were projected, by scope.
pub(super) fn remembered(values: &[(String, String)]) -> HashMap<Scope, String> {
    let row = |(name, version): &(String, String)| {
        let scope = match Route::parse(name.strip_prefix(value::PROJECTED)?)? {
            Route::Home => Scope::Site,
            Route::Index(scope) => scope,
            _ => return None,
        };
        Some((scope, version.clone()))
    };
    values.iter().filter_map(row).collect()
}

impl Engine {
    /// Compares `feeds/` with what was written there, and marks every scope that may have to be written again.
    pub(super) fn begin_projection(&mut self) {
        let drifted: BTreeSet<String> = match self.parts.projector.repair() {
            Ok(drifted) => drifted.into_iter().collect(),
            Err(why) => return self.trouble.projection(Some(why.to_string())),
        };
        let scopes: Vec<Scope> = self.current.state.library().scopes().cloned().collect();
        for scope in scopes {
            if Format::ALL.iter().any(|format| drifted.contains(&name(&scope, *format))) {
                self.projected.remove(&scope);
            }
            self.stale.insert(scope);
        }
    }

    /// Brings the files of one stale scope up to date.
    pub(super) fn project_next(&mut self) -> Result<(), Unprojected> {
        let (Some(scope), Some(snapshot)) =
            (self.stale.first().cloned(), self.parts.published.load())
        else {
            return Ok(());
        };
        let version = snapshot.library.channel(&scope).map(|channel| channel.version.to_string());
        let is_hot = hot::is_hot(&scope);
        let is_there =
            !is_hot && version.is_some() && self.projected.get(&scope) == version.as_ref();
        if let (false, Some(version)) = (is_there, version) {
            let documents = self.documents(&snapshot, &scope)?;
            self.put(&scope, &documents)?;
            if !is_hot {
                let values = vec![(format!("{}{scope}", value::PROJECTED), version.clone())];
                self.parts.store.commit(&Commit { values, ..Commit::default() })?;
                self.projected.insert(scope.clone(), version);
            }
        }
        self.stale.remove(&scope);
        self.unswept = true;
        Ok(())
    }

    fn documents(&self, snapshot: &Snapshot, scope: &Scope) -> Result<[Bytes; 3], Unprojected> {
        let hot = Format::ALL.map(|format| {
            let document = snapshot.hot.get(&Route::Feed(scope.clone(), format));
            document.map(|document| document.identity.clone())
        });
        if let [Some(rss), Some(atom), Some(json)] = hot {
            return Ok([rss, atom, json]);
        }
        self.parts
            .renderer
            .feeds(snapshot, scope)
            .map_err(|why| Unprojected::Unrendered(scope.clone(), why))
    }

    fn put(&mut self, scope: &Scope, documents: &[Bytes; 3]) -> Result<(), ProjectError> {
        let names = Format::ALL.map(|format| name(scope, format));
        let file = |(name, bytes): (&'_ String, &'_ Bytes)| {
            (name.clone(), Digest::of(bytes), bytes.clone())
        };
        let files: Vec<(String, Digest, Bytes)> = names.iter().zip(documents).map(file).collect();
        let files: Vec<File<'_>> = files
            .iter()
            .map(|(name, digest, bytes)| File { name, digest: *digest, bytes })
            .collect();
        let written = self.parts.projector.put(&mut *self.parts.store, &files)?;
        written.failed.into_iter().next().map_or(Ok(()), Err)
    }

    /// Takes away the files of scopes that are no more.
    pub(super) fn finish_projection(&mut self) -> Result<(), Unprojected> {
        if !self.unswept {
            return Ok(());
        }
        let wanted = names(self.current.state.library());
        let swept =
            self.parts.projector.sweep(&mut *self.parts.store, |name| wanted.contains(name))?;
        for name in &swept.left {
            warn!(
                event = "warning",
                name, "feeds/{name} is not dropfeed's any more, and is left alone"
            );
        }
        self.parts.store.checkpoint()?;
        self.unswept = false;
        match swept.failed.into_iter().next() {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }
}

/// The name of a feed's file beneath `feeds/`, as its URL beneath the site.
fn name(scope: &Scope, format: Format) -> String {
    let file = format.file_name();
    match scope {
        Scope::Site => file.to_owned(),
        Scope::Directory(path) => format!("{}/{file}", path.as_str()),
        Scope::Tag(slug) => format!("tags/{}/{file}", slug.as_str()),
        Scope::Author(slug) => format!("authors/{}/{file}", slug.as_str()),
        Scope::View(slug) => format!("views/{}/{file}", slug.as_str()),
    }
}

fn names(library: &Library) -> BTreeSet<String> {
    library.scopes().flat_map(|scope| Format::ALL.map(|format| name(scope, format))).collect()
}
