//! The published state as a value: what stands at every route.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::{RelPath, Route, Scope, Timestamp, UrlPath};
use crate::config;
use crate::library::{Article, Library, Lookup};

use super::Document;

/// Everything that readers can see, at one moment. Never changes once published.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one with every publish.
    pub generation: u64,
    /// What the site says of itself.
    pub site: Arc<config::Site>,
    /// What subscribers are promised.
    pub feeds: Arc<config::Feeds>,
    /// Every public article.
    pub library: Library,
    /// The documents that are resident: the site's feeds.
    pub hot: HashMap<Route, Arc<Document>>,
    /// The next moment at which the library changes by itself.
    pub next_due: Option<Timestamp>,
}

/// What stands at a route.
#[derive(Debug)]
pub enum Found {
    /// A finished document.
    Ready(Arc<Document>),
    /// A document to be made now: the same route and version always give the same bytes.
    Render(Route, crate::base::Digest),
    /// It stands elsewhere, for ever.
    Redirect(Route),
    /// A file beneath the article directory, served as it is.
    Asset(RelPath),
    /// It was here and was taken away.
    Gone,
    /// Nothing ever was here.
    Missing,
}

impl Snapshot {
    /// What stands at `route`.
    pub fn find(&self, route: &Route) -> Found {
        if let Some(document) = self.hot.get(route) {
            return Found::Ready(Arc::clone(document));
        }
        match route {
            Route::Resource(path) => match self.library.find(path) {
                Lookup::Here(article) => Found::Render(route.clone(), article.digest),
                Lookup::Moved(article) => Found::Redirect(Route::Resource(article.url.clone())),
                Lookup::Asset(path) => Found::Asset(path),
                Lookup::Gone => Found::Gone,
                Lookup::Missing => self.misplaced(path),
            },
            Route::Feed(scope, _) | Route::Index(scope) => self.channel(scope, route),
            Route::Home => self.channel(&Scope::Site, route),
            _ => Found::Missing,
        }
    }

    fn channel(&self, scope: &Scope, route: &Route) -> Found {
        match self.library.channel(scope) {
            Some(channel) => Found::Render(route.clone(), channel.version),
            None => Found::Missing,
        }
    }

    /// A directory's page asked for without its slash.
    fn misplaced(&self, path: &UrlPath) -> Found {
        let scope = Scope::Directory(path.clone());
        match self.library.channel(&scope) {
            Some(_) => Found::Redirect(Route::Index(scope)),
            None => Found::Missing,
        }
    }

    /// The article at `route`, where there is one.
    pub fn article(&self, route: &Route) -> Option<Arc<Article>> {
        let Route::Resource(path) = route else { return None };
        match self.library.find(path) {
            Lookup::Here(article) => Some(article),
            _ => None,
        }
    }
}
