//! The answer to a request: a function of (request, snapshot, now).
//!
//! One handler for each worker. What it holds of its own is a table of the resident documents by path, so that the
//! usual request costs one look-up; everything else is asked of the snapshot.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use super::asset;
use super::cache::Warm;
use super::conditional::{Validators, Verdict, evaluate};
use super::content::Content;
use super::encoding;
use super::problem::{ALLOWED, Problem, page_fields};
use super::request::{self, Ask};
use crate::base::{Digest, RelPath, Route, Scope, Timestamp};
use crate::config::{Config, Site};
use crate::feed::links;
use crate::ops::clock::{Clock as _, SystemClock};
use crate::publish::{Cache, Coding, Document, Found, Kind, Published, Snapshot};

/// What a browser's script needs to ask before it may poll a feed as readers do.
const PREFLIGHT_HEADERS: HeaderValue =
    HeaderValue::from_static("If-None-Match, If-Modified-Since, Cache-Control, A-IM");

/// What answers.
pub(in crate::http) struct Handler {
    published: Arc<Published>,
    find: fn(&Snapshot, &Route) -> Found,
    warm: Arc<Warm>,
    hot: RefCell<Hot>,
}

/// The resident documents of one generation, by the path of their URL.
#[derive(Default)]
struct Hot {
    generation: Option<u64>,
    paths: HashMap<String, Arc<Document>>,
}

impl Handler {
    pub(in crate::http) fn new(
        published: Arc<Published>,
        find: fn(&Snapshot, &Route) -> Found,
        warm: Arc<Warm>,
    ) -> Self {
        Self { published, find, warm, hot: RefCell::default() }
    }

    /// The answer to `head`. Its body has been read, or is left.
    pub(in crate::http) async fn answer(&self, head: &Parts) -> Response<Content> {
        let snapshot = self.published.load();
        let answered = match request::check(head) {
            Err(problem) => Err(problem),
            Ok(Ask::Options) => Ok(options(snapshot.as_deref(), head)),
            Ok(Ask::Get) => match &snapshot {
                Some(snapshot) => self.get(snapshot, head).await,
                None => before_the_first(head.uri.path()),
            },
        };
        let site = snapshot.as_deref().map(|snapshot| &snapshot.config.site);
        let mut response = answered.unwrap_or_else(|problem| problem.response(site));
        if head.method == Method::HEAD {
            *response.body_mut() = Content::Empty;
        }
        response
    }

    /// The answer to a request that was refused before it came here.
    pub(in crate::http) fn problem(&self, problem: &Problem) -> Response<Content> {
        let snapshot = self.published.load();
        problem.response(snapshot.as_deref().map(|snapshot| &snapshot.config.site))
    }

    async fn get(&self, snapshot: &Arc<Snapshot>, head: &Parts) -> Result<Response<Content>, Problem> {
        if let Some(document) = self.hot(snapshot, head.uri.path()) {
            return self.document(snapshot, &document, head).await;
        }
        // Everything else is rarer, and its futures are large: they are not to weigh on every idle connection.
        Box::pin(self.get_other(snapshot, head)).await
    }

    fn hot(&self, snapshot: &Snapshot, path: &str) -> Option<Arc<Document>> {
        let mut hot = self.hot.borrow_mut();
        if hot.generation != Some(snapshot.generation) {
            let base = base(&snapshot.config.site);
            let by_path =
                |(route, document): (&Route, &Arc<Document>)| (format!("{base}{route}"), Arc::clone(document));
            *hot = Hot { generation: Some(snapshot.generation), paths: snapshot.hot.iter().map(by_path).collect() };
        }
        hot.paths.get(path).cloned()
    }

    async fn get_other(&self, snapshot: &Arc<Snapshot>, head: &Parts) -> Result<Response<Content>, Problem> {
        let path = head.uri.path();
        if let Some(service) = service(path, true) {
            return Ok(service);
        }
        let relative = relative(&snapshot.config.site, path)
            .map_err(|outside| outside.problem(&snapshot.config.site, &head.uri))?;
        let Some(route) = Route::parse(relative) else { return Err(self.misspelt(snapshot, relative, &head.uri)) };
        match route {
            Route::Healthy | Route::Ready => service(relative, true).ok_or_else(Problem::not_found),
            Route::Robots => self.document(snapshot, &Arc::new(robots(&snapshot.config.site)), head).await,
            Route::Home => {
                let found = self.found(snapshot, Route::Home, relative, head).await;
                found.map(|response| with_feed_link(response, &snapshot.config))
            }
            route => self.found(snapshot, route, relative, head).await,
        }
    }

    async fn found(
        &self,
        snapshot: &Arc<Snapshot>,
        route: Route,
        relative: &str,
        head: &Parts,
    ) -> Result<Response<Content>, Problem> {
        match (self.find)(snapshot, &route) {
            Found::Ready(document) => self.document(snapshot, &document, head).await,
            Found::Render(route, version) => self.render(snapshot, route, version, head).await,
            Found::Redirect(route) => Err(moved(&snapshot.config.site, &route, &head.uri)),
            Found::Asset(path) => self.asset(&path, head).await,
            // A feed that is gone for good would be dropped by its readers: a feed is never more than missing.
            Found::Gone if !is_feed(&route) => Err(Problem::gone()),
            Found::Gone => Err(Problem::not_found()),
            // Browsers ask for it on every visit.
            Found::Missing if route == Route::Favicon => Err(Problem::not_found().cached("public, max-age=3600")),
            Found::Missing => Err(self.missing(snapshot, &route, relative, &head.uri)),
        }
    }

    async fn render(
        &self,
        snapshot: &Arc<Snapshot>,
        route: Route,
        version: Digest,
        head: &Parts,
    ) -> Result<Response<Content>, Problem> {
        let document = self.warm.document(snapshot, route, version).await.map_err(asset::unavailable)?;
        self.document(snapshot, &document, head).await
    }

    async fn asset(&self, path: &RelPath, head: &Parts) -> Result<Response<Content>, Problem> {
        asset::respond(self.warm.render(), path, head, now().as_second()).await
    }

    /// A path with a slash too many: `/news/my-post/`.
    fn missing(&self, snapshot: &Snapshot, route: &Route, relative: &str, uri: &Uri) -> Problem {
        let Route::Index(Scope::Directory(path)) = route else { return self.misspelt(snapshot, relative, uri) };
        let resource = Route::Resource(path.clone());
        match (self.find)(snapshot, &resource) {
            Found::Ready(_) | Found::Render(..) => moved(&snapshot.config.site, &resource, uri),
            Found::Redirect(route) => moved(&snapshot.config.site, &route, uri),
            Found::Gone => Problem::gone(),
            Found::Asset(_) | Found::Missing => Problem::not_found(),
        }
    }

    /// A path that lacks its slash: `/tags/rust`.
    fn misspelt(&self, snapshot: &Snapshot, relative: &str, uri: &Uri) -> Problem {
        let there = |route: &Route| matches!((self.find)(snapshot, route), Found::Ready(_) | Found::Render(..));
        match Route::parse(&format!("{relative}/")).filter(there) {
            Some(route) => moved(&snapshot.config.site, &route, uri),
            None => Problem::not_found(),
        }
    }

    /// 200, 304 or 412 for a document.
    async fn document(
        &self,
        snapshot: &Snapshot,
        document: &Arc<Document>,
        head: &Parts,
    ) -> Result<Response<Content>, Problem> {
        let now = now();
        let coding = encoding::choose(&head.headers);
        let modified = document.last_modified.map(|at| at.as_second()).filter(|at| *at <= now.as_second());
        let modified_value = document.last_modified_value().filter(|_| modified.is_some());
        match evaluate(&head.headers, &Validators { etags: document.etags(), modified, modified_value }) {
            Verdict::Failed => return Err(Problem::precondition_failed()),
            Verdict::Proceed => {}
            Verdict::NotModified(known) => {
                // The tag says which of the answers that a cache holds is still good (RFC 9111, 4.3.4): the one of
                // this coding if the client has it, else the one it has.
                let etag = known_tag(document, coding, known, &head.headers);
                let mut response = Response::new(Content::Empty);
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.headers_mut() = fields(snapshot, document, etag, modified_value, now);
                return Ok(response);
            }
        }
        if document.made(coding).is_none() {
            Box::pin(self.warm.code(document, coding)).await;
        }
        // Where the maker failed, identity is as good.
        let coded = document.made(coding).unwrap_or_else(|| document.coded(Coding::Identity));
        let mut headers = fields(snapshot, document, document.etag(coded.coding), modified_value, now);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(document.content_type));
        headers.insert(CONTENT_LENGTH, coded.length.clone());
        if coded.coding != Coding::Identity {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coded.coding.name()));
        }
        if document.kind == Kind::Page {
            page_fields(&mut headers);
        }
        let mut response = Response::new(Content::Whole(coded.bytes.clone()));
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// The home page's head already says where the feed is, for whoever asks for no more (RFC 8288).
fn with_feed_link(mut response: Response<Content>, config: &Config) -> Response<Content> {
    let format = config.feeds.advertise;
    let url = links::absolute(&config.site, &Route::Feed(Scope::Site, format));
    let link = format!("<{url}>; rel=\"alternate\"; type=\"{}\"", format.media_type());
    // A URL holds nothing that a header may not.
    response.headers_mut().extend(HeaderValue::try_from(link).ok().map(|link| (LINK, link)));
    response
}

/// What 200 and 304 have in common.
fn fields(
    snapshot: &Snapshot,
    document: &Document,
    etag: &HeaderValue,
    modified: Option<&HeaderValue>,
    now: Timestamp,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(ETAG, etag.clone());
    if let Some(modified) = modified {
        headers.insert(LAST_MODIFIED, modified.clone());
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, cache_control(document.kind, snapshot, now));
    if document.kind.is_open_to_scripts() {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
    }
    headers
}

const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// `Cache-Control` of a document. Nothing is kept while its author tries it out on their own machine.
fn cache_control(kind: Kind, snapshot: &Snapshot, now: Timestamp) -> HeaderValue {
    let age_s = match kind.cache(now, snapshot.next_due) {
        Cache::Revalidate => return NO_CACHE,
        Cache::Seconds(_) if is_loopback(&snapshot.config.site) => 0,
        Cache::Seconds(age_s) => age_s,
    };
    let text = format!("public, max-age={age_s}, stale-if-error=86400");
    HeaderValue::try_from(text).unwrap_or(NO_CACHE)
}

fn is_loopback(site: &Site) -> bool {
    match site.url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn known_tag<'a>(document: &'a Document, coding: Coding, known: Option<usize>, headers: &HeaderMap) -> &'a HeaderValue {
    let chosen = document.etag(document.made(coding).map_or(coding, |coded| coded.coding));
    let Some(first) = known.and_then(|place| document.etags().get(place)) else { return chosen };
    let of_chosen = Validators { etags: std::slice::from_ref(chosen), modified: None, modified_value: None };
    match evaluate(headers, &of_chosen) {
        Verdict::NotModified(_) => chosen,
        _ => first,
    }
}

/// `site.url`'s path without its last slash: what stands before every route.
fn base(site: &Site) -> &str {
    let path = site.url.path();
    path.strip_suffix('/').unwrap_or(path)
}

/// Where a path leads that does not lie beneath `site.url`.
enum Outside {
    /// To the site's home, which it almost names.
    Home,
    /// Nowhere.
    Nowhere,
}

impl Outside {
    fn problem(self, site: &Site, uri: &Uri) -> Problem {
        match self {
            Outside::Home => moved(site, &Route::Home, uri),
            Outside::Nowhere => Problem::not_found(),
        }
    }
}

/// The path beneath `site.url`, with its first slash.
fn relative<'a>(site: &Site, path: &'a str) -> Result<&'a str, Outside> {
    let base = base(site);
    match path.strip_prefix(base) {
        Some(rest) if rest.starts_with('/') => Ok(rest),
        Some("") => Err(Outside::Home),
        _ if path == "/" => Err(Outside::Home),
        _ => Err(Outside::Nowhere),
    }
}

/// 301 to `route` on this host, with the query of the request. A path, not a URL: behind whatever proxy, it leads to
/// where the request came.
fn moved(site: &Site, route: &Route, uri: &Uri) -> Problem {
    let base = base(site);
    let location = match uri.query() {
        Some(query) => format!("{base}{route}?{query}"),
        None => format!("{base}{route}"),
    };
    match HeaderValue::try_from(location) {
        Ok(location) => Problem::moved(location),
        Err(_) => Problem::bad_request("The address has characters that no address has."),
    }
}

fn is_feed(route: &Route) -> bool {
    matches!(route, Route::Feed(..) | Route::Archive(..) | Route::Opml)
}

/// `/-/healthy` and `/-/ready`, which answer at the root wherever the site stands: who asks them knows no site.
fn service(path: &str, ready: bool) -> Option<Response<Content>> {
    let text = match path {
        "/-/healthy" => "healthy\n",
        "/-/ready" if ready => "ready\n",
        _ => return None,
    };
    let mut response = Response::new(Content::Whole(Bytes::from_static(text.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(response)
}

/// No site is known yet, so every path is unavailable, save whether we live.
fn before_the_first(path: &str) -> Result<Response<Content>, Problem> {
    service(path, false).ok_or_else(|| Problem::unavailable("The articles are being read for the first time.", 2))
}

/// OPTIONS (RFC 9110, 9.3.7). On a feed it answers a browser's question whether a script may poll it.
fn options(snapshot: Option<&Snapshot>, head: &Parts) -> Response<Content> {
    let mut response = Response::new(Content::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, ALLOWED);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let route = snapshot.and_then(|snapshot| Route::parse(relative(&snapshot.config.site, head.uri.path()).ok()?));
    if route.is_some_and(|route| is_feed(&route)) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, PREFLIGHT_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

fn robots(site: &Site) -> Document {
    let text = format!("User-agent: *\nAllow: /\n\nSitemap: {}sitemap.xml\n", site.url);
    Document::new(Kind::Crawling, "text/plain; charset=utf-8", Bytes::from(text), None)
}

fn now() -> Timestamp {
    SystemClock.now()
}
