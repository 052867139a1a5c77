//! The hot documents: the feeds of the site and of the views in their three formats, composed in
//! the step, resident, remembered with their dates.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::article::Body;
use crate::base::time::whole_second;
use crate::base::{Digest, Format, Route, Scope, Timestamp};
use crate::config::Config;
use crate::feed::passed::Passed;
use crate::feed::{self, Basis, Composed, Feed};
use crate::library::{Article, DocumentRow, Library, Outcome, Seq};
use crate::publish::{Document, Kind};

/// The scopes whose feeds are hot: composed in every step, before it is published.
pub fn scopes(config: &Config) -> Vec<Scope> {
    let mut scopes = vec![Scope::Site];
    for view in &config.views {
        scopes.push(Scope::View(view.name.clone()));
    }
    scopes
}

/// The hot documents by route, with what is remembered of them. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Hot {
    rows: HashMap<Route, DocumentRow>,
    documents: HashMap<Route, Arc<Document>>,
    /// The entries that the next document of each scope need not read back. Empty after a start.
    passed: HashMap<Scope, Arc<Passed>>,
    /// The entries that the next document of each scope need not compose again. Empty after a
    /// start.
    composed: HashMap<Scope, Arc<Composed>>,
}

impl Hot {
    /// Takes up what is remembered of earlier documents.
    pub fn remembered(rows: &[(String, DocumentRow)]) -> Self {
        let mut by_route = HashMap::new();
        for (path, row) in rows {
            if let Some(route) = Route::parse(path) {
                by_route.insert(route, row.clone());
            }
        }
        Self { rows: by_route, ..Self::default() }
    }

    /// The hot scopes whose feeds are composed after a step: those that it touched, those with an
    /// article that it rendered, and those without documents. A view that it did not touch costs
    /// nothing.
    pub fn due(&self, config: &Config, library: &Library, outcome: &Outcome) -> Vec<Scope> {
        let mut rendered = HashSet::new();
        for (seq, body) in &outcome.commit.bodies {
            if body.is_some() {
                rendered.insert(*seq);
            }
        }
        let mut due = Vec::new();
        for scope in scopes(config) {
            if outcome.touched.contains(&scope) || !self.has(&scope) {
                due.push(scope);
                continue;
            }
            // None of its entries has to be looked up where nothing was rendered.
            let is_rendered = |entry: &Arc<Article>| rendered.contains(&entry.seq);
            if !rendered.is_empty()
                && library.entries(&scope, config.feeds.limit).iter().any(is_rendered)
            {
                due.push(scope);
            }
        }
        due
    }

    /// Whether the feeds of `scope` are there.
    fn has(&self, scope: &Scope) -> bool {
        let mut formats = Format::ALL.into_iter();
        formats.all(|format| self.documents.contains_key(&Route::Feed(scope.clone(), format)))
    }

    /// Forgets the documents of scopes that are not hot any more. Their rows stay, so that a view
    /// that is configured again does not get an older date.
    pub fn retain(&mut self, scopes: &[Scope]) {
        self.documents
            .retain(|route, _| matches!(route, Route::Feed(of, _) if scopes.contains(of)));
        self.passed.retain(|scope, _| scopes.contains(scope));
        self.composed.retain(|scope, _| scopes.contains(scope));
    }

    /// The documents, for a snapshot.
    pub fn documents(&self) -> &HashMap<Route, Arc<Document>> {
        &self.documents
    }

    /// The feed of a scope, with entries of the one before where they would be the same; `None` where
    /// there is no such scope.
    pub fn compose(
        &self,
        library: &Library,
        config: &Config,
        scope: &Scope,
        bodies: &(dyn Fn(Seq) -> Option<Arc<Body>> + Sync),
    ) -> Option<(Feed, Composed)> {
        let channel = library.channel(scope)?;
        let articles = library.entries(scope, config.feeds.limit);
        let before = self.composed.get(scope).cloned().unwrap_or_default();
        let Config { site, feeds, .. } = config;
        let (entries, composed) = before.again(site, feeds, &articles, bodies, library);
        let basis = Basis { site, feeds, scope, channel: &channel, places: library };
        Some((feed::compose_of(basis, entries), composed))
    }

    /// Remembers the entries of the last document of a scope.
    pub fn set_composed(&mut self, scope: &Scope, composed: Composed) {
        self.composed.insert(scope.clone(), Arc::new(composed));
    }

    /// The entries that the next document of a scope need not read back.
    pub fn passed(&self, scope: &Scope) -> Arc<Passed> {
        self.passed.get(scope).cloned().unwrap_or_default()
    }

    /// Remembers what passed in the last document of a scope.
    pub fn set_passed(&mut self, scope: &Scope, passed: Passed) {
        self.passed.insert(scope.clone(), Arc::new(passed));
    }

    /// Makes the next documents be read back whole.
    pub fn forget_passed(&mut self) {
        self.passed.clear();
    }

    /// Puts `bytes` at `route`. The same bytes keep their document and their date; others get a
    /// date that is at least a second later. Returns the row where it changed.
    pub fn put(
        &mut self,
        route: Route,
        format: Format,
        bytes: Bytes,
        now: Timestamp,
    ) -> Option<(String, DocumentRow)> {
        let digest = Digest::of(&bytes);
        let old = self.rows.get(&route);
        let (is_same, last_modified) = match old {
            Some(old) if old.digest == digest => (true, old.last_modified),
            Some(old) => (false, later(now, old.last_modified)),
            None => (false, whole_second(now)),
        };
        // After a start, the row is remembered, but the document is not there yet.
        if is_same && self.documents.contains_key(&route) {
            return None;
        }
        let row = DocumentRow { digest, last_modified };
        let content_type = content_type(format);
        let document =
            Document::with_digest(Kind::Feed, content_type, bytes, digest, Some(last_modified));
        self.documents.insert(route.clone(), Arc::new(document));
        self.rows.insert(route.clone(), row.clone());
        if is_same { None } else { Some((route.to_string(), row)) }
    }
}

/// Now in whole seconds, or the second after `old`, whichever is later: HTTP dates have whole
/// seconds, and two versions must not have one date.
fn later(now: Timestamp, old: Timestamp) -> Timestamp {
    let now = whole_second(now);
    match Timestamp::from_second(old.as_second().saturating_add(1)) {
        Ok(next) => next.max(now),
        Err(_) => now,
    }
}

/// The media type of a feed's document, with its charset where it has one (JSON has none: RFC 8259,
/// 8.1).
pub fn content_type(format: Format) -> &'static str {
    match format {
        Format::Rss => "application/rss+xml; charset=utf-8",
        Format::Atom => "application/atom+xml; charset=utf-8",
        Format::Json => "application/feed+json",
    }
}

/// The feed of a scope, composed from the library; `None` where there is no such scope.
pub fn compose(
    library: &Library,
    config: &Config,
    scope: &Scope,
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
) -> Option<Feed> {
    let channel = library.channel(scope)?;
    let articles = library.entries(scope, config.feeds.limit);
    let Config { site, feeds, .. } = config;
    let basis = Basis { site, feeds, scope, channel: &channel, places: library };
    Some(feed::compose(basis, &articles, bodies))
}

/// A closed page of the archive of a scope, composed from the library; `None` where there is no
/// such page.
pub fn compose_page(
    library: &Library,
    config: &Config,
    scope: &Scope,
    page: u64,
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
) -> Option<Feed> {
    let channel = library.channel(scope)?;
    let archived = library.archive_page(scope, page)?;
    let articles = library.archived(scope, page);
    let locate = |reference: &str| library.locate(reference);
    let Config { site, feeds, .. } = config;
    let basis = Basis { site, feeds, scope, channel: &channel, places: &locate };
    Some(feed::archive(basis, &archived, &articles, bodies))
}
