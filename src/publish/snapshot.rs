//! The published state as a value: the answer to every route.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{ToSpan, civil};

use crate::article::Body;
use crate::base::url_table::path_key;
use crate::base::{Digest, Format, RelPath, Route, Scope, Timestamp, UrlPath};
use crate::config::{Config, HomeStyle};
use crate::library::{Article, Channel, Library, Lookup, Seq};

use super::Document;

/// Articles on one page of a list, with their summaries. One that is made from the text has at most
/// some 280 characters, so that a page is far below 100 KB.
pub const LISTED_MAX: usize = 30;

/// Articles on one page of a list of titles.
const TITLES_MAX: usize = 300;

/// The generation of a snapshot that no step made.
const RESTORED: u64 = 0;

/// The part of the site that a snapshot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// The feeds that an earlier process left behind: the articles are being loaded.
    Loading,
    /// The feeds that an earlier process left behind: it is not certain that the articles are there.
    Feeds,
}

/// Everything that readers can see, at one moment. Never changes once published.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one with every publish.
    pub generation: u64,
    /// The part of the site that this is.
    pub extent: Extent,
    /// The site's title and address, the limits of its feeds, and everything else it is shown with.
    pub config: Arc<Config>,
    /// Every public article.
    pub library: Library,
    /// The documents that are resident: the feeds of the site and of the views.
    pub hot: HashMap<Route, Arc<Document>>,
    /// The bodies of the articles in a hot feed; the last good one where the present file is
    /// refused.
    pub bodies: imbl::HashMap<Seq, Arc<Body>>,
    /// The next moment at which the library changes by itself.
    pub next_due: Option<Timestamp>,
}

/// The answer to a route.
#[derive(Debug)]
pub enum Found {
    /// A finished document.
    Ready(Arc<Document>),
    /// A document to be made now: the same route and version always give the same bytes.
    Render(Route, Digest),
    /// It is at another route.
    Redirect(Redirect),
    /// A file beneath the article directory, served as it is.
    Asset(RelPath),
    /// It was here and has been removed.
    Gone,
    /// There never was anything here.
    Missing,
}

/// A route that leads to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The route to ask instead.
    pub to: Route,
    /// Whether it may be asked for ever (301), or for now (302).
    pub permanent: bool,
}

impl Redirect {
    /// A redirect for ever: a URL that was public is never given to another article.
    pub fn permanent(to: Route) -> Self {
        Self { to, permanent: true }
    }
}

/// The number of pages of `size` that list `count` articles; none if there are none.
pub fn pages(count: usize, size: usize) -> u32 {
    u32::try_from(count.div_ceil(size)).unwrap_or(u32::MAX)
}

fn asset(path: Option<RelPath>) -> Found {
    match path {
        Some(path) => Found::Asset(path),
        None => Found::Missing,
    }
}

impl Snapshot {
    /// The feeds that an earlier process left behind, and nothing else, for the reason that `extent`
    /// says.
    pub fn restored(
        extent: Extent,
        config: Arc<Config>,
        feeds: HashMap<Route, Arc<Document>>,
    ) -> Self {
        Self {
            generation: RESTORED,
            extent,
            config,
            library: Library::default(),
            hot: feeds,
            bodies: Default::default(),
            next_due: None,
        }
    }

    /// Whether this is [`Snapshot::restored`].
    pub fn is_restored(&self) -> bool {
        self.extent != Extent::Whole
    }

    /// Whether the articles are still being loaded.
    pub fn is_loading(&self) -> bool {
        self.extent == Extent::Loading
    }

    /// The answer to `route`.
    pub fn find(&self, route: &Route) -> Found {
        if let Some(document) = self.hot.get(route) {
            return Found::Ready(Arc::clone(document));
        }
        let is_page = matches!(
            route,
            Route::Home
                | Route::Index(_)
                | Route::List(..)
                | Route::Month(..)
                | Route::Sitemap
                | Route::Stylesheet(_)
                | Route::Resource(_)
        );
        if is_page && self.config.site.elsewhere.is_some() {
            // Files are served all the same: the picture of the site is one.
            return match route {
                Route::Resource(path) => match self.library.find(path) {
                    Lookup::Asset(path) => Found::Asset(path),
                    _ => Found::Missing,
                },
                _ => Found::Missing,
            };
        }
        match route {
            Route::Resource(path) => match self.lookup(path) {
                Lookup::Here(_) => self.page(route),
                Lookup::Moved(article) => {
                    Found::Redirect(Redirect::permanent(Route::Resource(article.url.clone())))
                }
                Lookup::Asset(path) => Found::Asset(path),
                Lookup::Gone => Found::Gone,
                Lookup::Missing => self.misplaced(path),
            },
            // A feed shows its channel alone, so that a change elsewhere does not make it again.
            Route::Feed(scope, format) => match self.channel(scope, route) {
                Some(channel) => Found::Render(route.clone(), channel.version),
                None => self.respelled(scope, |scope| Route::Feed(scope, *format)),
            },
            Route::Archive(scope, page, format) => self.archive(scope, *page, *format),
            Route::Index(scope) => match (self.channel(scope, route), scope) {
                (Some(_), _) => self.page(route),
                (None, Scope::Directory(path)) => self.slashed(path),
                (None, _) => self.respelled(scope, Route::Index),
            },
            Route::Month(year, month, page) => match self.month(*year, *month) {
                Some((from, to))
                    if *page <= pages(self.library.between(from, to).len(), LISTED_MAX) =>
                {
                    self.page(route)
                }
                _ => Found::Missing,
            },
            Route::List(scope, page) => match self.channel(scope, &Route::Index(scope.clone())) {
                Some(channel) if *page <= pages(channel.count, self.page_size(scope)) => {
                    self.page(route)
                }
                Some(_) => Found::Missing,
                None => self.respelled(scope, |scope| Route::List(scope, *page)),
            },
            Route::Stylesheet(digest) => self.stylesheet(*digest),
            Route::Opml => Found::Render(Route::Opml, self.library.subscribable_version()),
            Route::Home | Route::Sitemap => self.page(route),
            Route::Favicon => asset(self.library.favicon()),
            Route::Robots => asset(self.library.root_file("robots.txt")),
            _ => Found::Missing,
        }
    }

    /// A page of the archive of a scope. The one that is not closed yet, to which the last closed
    /// one links, is where its articles are: in the scope's feed.
    fn archive(&self, scope: &Scope, number: u64, format: Format) -> Found {
        let Some(channel) = self.library.channel(scope) else { return Found::Missing };
        if let Some(page) = self.library.archive_page(scope, number) {
            let route = Route::Archive(scope.clone(), number, format);
            return Found::Render(route, page.version);
        }
        if channel.pages > 0 && number == channel.pages + 1 {
            let to = Route::Feed(scope.clone(), format);
            return Found::Redirect(Redirect { to, permanent: false });
        }
        Found::Missing
    }

    /// A document that shows something of the whole library.
    fn page(&self, route: &Route) -> Found {
        Found::Render(route.clone(), self.page_version())
    }

    /// A digest that changes whenever anything does that any page shows.
    pub fn page_version(&self) -> Digest {
        let (library, pages) = (self.library.version(), self.config.pages.digest);
        Digest::of(format!("{library} {pages}").as_bytes())
    }

    /// Articles on one page of the list of a scope.
    pub fn page_size(&self, scope: &Scope) -> usize {
        match (scope, self.config.pages.home) {
            (Scope::Site, HomeStyle::List) => TITLES_MAX,
            _ => LISTED_MAX,
        }
    }

    /// The author's stylesheet. A page that is a moment older names an earlier one.
    fn stylesheet(&self, digest: u128) -> Found {
        let Some(stylesheet) = &self.config.pages.stylesheet else { return Found::Missing };
        let route = stylesheet.route();
        if route == Route::Stylesheet(digest) {
            return Found::Render(route, stylesheet.digest);
        }
        Found::Redirect(Redirect { to: route, permanent: false })
    }

    /// Looks up an article or an asset. An article that only its date and slug suggest gives way to
    /// a redirect of the configuration.
    fn lookup(&self, path: &UrlPath) -> Lookup {
        match self.library.find(path) {
            Lookup::Moved(_)
                if !self.library.was_public(path)
                    && self.config.redirects.names_exactly(path.as_str()) =>
            {
                Lookup::Missing
            }
            found => found,
        }
    }

    /// The channel of a scope whose page or feed is at `route`. One that has no articles any more
    /// stays, but gives way to a redirect of the configuration: its directory was renamed.
    fn channel(&self, scope: &Scope, route: &Route) -> Option<Channel> {
        let channel = self.library.channel(scope)?;
        let is_empty = channel.count == 0 && self.library.entries(scope, 1).is_empty();
        if is_empty && *scope != Scope::Site {
            let key = path_key(&route.to_string())?;
            if self.config.redirects.names(&key) {
                return None;
            }
        }
        Some(channel)
    }

    /// A directory's page asked for without its slash.
    fn misplaced(&self, path: &UrlPath) -> Found {
        let scope = Scope::Directory(path.key());
        let route = Route::Index(scope.clone());
        match self.channel(&scope, &route) {
            Some(_) => Found::Redirect(Redirect::permanent(route)),
            None => Found::Missing,
        }
    }

    /// The page or feed of a scope in another spelling: `/tags/Rust/`, `/News/atom.xml`, and a tag
    /// as it is written: `/tags/C++/`.
    fn respelled(&self, scope: &Scope, route: impl Fn(Scope) -> Route) -> Found {
        let usual = match scope {
            Scope::Site => return Found::Missing,
            Scope::Directory(path) => Scope::Directory(path.key()),
            Scope::Tag(slug) => match self.library.tag(slug.as_str()) {
                Some(tag) => tag,
                None => Scope::Tag(slug.key()),
            },
            Scope::Author(slug) => Scope::Author(slug.key()),
            Scope::View(name) => Scope::View(name.key()),
        };
        let to = route(usual.clone());
        if usual == *scope || self.channel(&usual, &to).is_none() {
            return Found::Missing;
        }
        Found::Redirect(Redirect::permanent(to))
    }

    /// A directory of `static/` with a page of its own, an article asked for with a slash, or a
    /// directory in another spelling.
    fn slashed(&self, path: &UrlPath) -> Found {
        if let Some(page) = self.library.root_file(&format!("{}/index.html", path.as_str())) {
            return Found::Asset(page);
        }
        match self.lookup(path) {
            Lookup::Here(article) | Lookup::Moved(article) => {
                Found::Redirect(Redirect::permanent(Route::Resource(article.url.clone())))
            }
            Lookup::Gone => Found::Gone,
            Lookup::Asset(_) => Found::Missing,
            // `/News/` for `/news/`.
            Lookup::Missing if path.key() != *path => self.misplaced(path),
            Lookup::Missing => Found::Missing,
        }
    }

    /// The first moment of a month in the site's zone, and the first after it; `None` where there
    /// is no such month.
    pub fn month(&self, year: i16, month: i8) -> Option<(Timestamp, Timestamp)> {
        let first = civil::Date::new(year, month, 1).ok()?;
        let next = first.checked_add(1.month()).ok()?;
        let zone = &self.config.site.timezone;
        let from = first.to_zoned(zone.clone()).ok()?;
        let to = next.to_zoned(zone.clone()).ok()?;
        Some((from.timestamp(), to.timestamp()))
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
