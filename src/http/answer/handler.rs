//! From a request to its answer.
//!
//! One handler for each worker. What it holds of its own is a table of the resident documents by
//! path (`hot`), so that the usual request costs one look-up; everything else is asked of the
//! snapshot.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, DATE, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Uri};

use super::super::Edge;
use super::super::exchange::{Observers, RequestContext, is_conditional};
use super::super::hub::Door;
use super::super::plain::{Plain, Ready};
use super::super::politeness::Politeness;
use super::cache::Warm;
use super::content::Content;
use super::date::Dates;
use super::hot::HotPaths;
use super::problem::Problem;
use super::request::{self, Ask};
use super::service::{self, Readiness, health, is_feed, is_foreign, is_health, options, robots};
use super::service::{while_articles_are_missing, while_starting};
use super::subscribe::{self, Asked, Place, is_for_subscribers, only_post};
use super::target::{self, Target, configured, redirect};
use super::{asset, document};
use crate::base::special::NOT_FOUND;
use crate::base::url_table::path_key;
use crate::base::{Route, Scope, Timestamp};
use crate::config::{Config, RedirectStatus, Redirected, Site};
use crate::ops::clock::Clock;
use crate::publish::{Extent, Found, Published, Redirect, Snapshot};

/// The longest time for which a request waits while the articles are being loaded: some seconds
/// where there are a hundred thousand of them.
const LOADING_MAX: Duration = Duration::from_secs(10);

/// An answer, or why there is none.
type Answered = Result<Response<Content>, Problem>;

/// The answers of one worker, and its table of resident documents.
pub(in crate::http) struct Handler {
    pub(in crate::http) published: Arc<Published>,
    find: fn(&Snapshot, &Route) -> Found,
    clock: Arc<dyn Clock>,
    warm: Arc<Warm>,
    observers: Observers,
    politeness: Option<Arc<Politeness>>,
    hub: Option<Arc<Door>>,
    /// The site before the first snapshot.
    site: Option<Site>,
    dates: Dates,
    hot: RefCell<HotPaths>,
}

/// The reason why there is nothing at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// An article was there.
    Gone,
    /// Nothing ever was.
    Missing,
}

impl Handler {
    /// A handler of what `edge` publishes; `warm` is shared by all workers.
    pub(in crate::http) fn new(edge: &Edge, warm: Arc<Warm>) -> Self {
        Self {
            published: Arc::clone(&edge.published),
            find: edge.find,
            clock: Arc::clone(&edge.clock),
            warm,
            observers: Observers::new(&edge.observers, Arc::clone(&edge.clock)),
            politeness: edge.politeness.clone(),
            hub: edge.hub.clone(),
            site: edge.site.clone(),
            dates: Dates::default(),
            hot: RefCell::default(),
        }
    }

    /// The observers of every exchange.
    pub(in crate::http) fn observers(&self) -> &Observers {
        &self.observers
    }

    /// The answer to `head`, whose body was read or is left. Puts the route into `context`.
    pub(in crate::http) async fn answer(
        &self,
        head: &Parts,
        context: &mut RequestContext,
    ) -> Response<Content> {
        let snapshot = self.snapshot(head.uri.path()).await;
        let now = self.clock.now();
        if let (Some(door), Some(form)) = (&self.hub, context.form.take()) {
            let asked = Asked { head, form: *form, client: context.reader };
            let place = Place { door, snapshot: snapshot.as_deref(), find: self.find };
            let mut response = Box::pin(subscribe::answer(place, asked)).await;
            self.add_date(&mut response, now);
            return response;
        }
        let site = snapshot.as_deref().map(|snapshot| &snapshot.config.site);
        let is_for_subscribers = is_for_subscribers(self.hub.as_deref(), site, head.uri.path());
        let answered = match request::check(head) {
            Err(problem) if problem.status() == StatusCode::METHOD_NOT_ALLOWED => {
                Err(if is_for_subscribers { only_post() } else { problem })
            }
            Err(problem) => Err(problem),
            Ok(_) if is_foreign(snapshot.as_deref(), head) => Err(Problem::misdirected()),
            Ok(Ask::Options) => {
                let mut response = options(snapshot.as_deref(), &head.uri);
                if is_for_subscribers {
                    response.headers_mut().insert(ALLOW, subscribe::ALLOWED);
                }
                Ok(response)
            }
            Ok(Ask::Get) => match &snapshot {
                Some(snapshot) => self.get(snapshot, head, context, now).await,
                None => while_starting(head.uri.path(), &self.published.status()),
            },
        };
        let config = snapshot.as_deref().map(|snapshot| &*snapshot.config);
        let mut response = match answered {
            Ok(response) => match self.too_often(head, context, &response, now) {
                Some(refusal) => refusal,
                None => response,
            },
            Err(problem) => match self.own_page(snapshot.as_deref(), &problem, now).await {
                Some(page) => page,
                None => problem.response(config),
            },
        };
        if let (Some(route), Some(config)) = (&context.route, config) {
            document::add_hub_links(&mut response, config, route);
        }
        // HEAD is answered like GET up to here, so that its header fields are the same.
        if head.method == Method::HEAD {
            *response.body_mut() = Content::Empty;
        }
        self.add_date(&mut response, now);
        response
    }

    /// The snapshot that answers a request for `path`. During a start the last feeds, and the
    /// health, are there at once; whatever else is asked for waits for the articles.
    async fn snapshot(&self, path: &str) -> Option<Arc<Snapshot>> {
        let snapshot = self.published.load()?;
        if !snapshot.is_loading()
            || is_health(path)
            || self.hot.borrow_mut().find(&snapshot, path).is_some()
        {
            return Some(snapshot);
        }
        let loaded = poll_fn(|context| self.published.poll_loaded(context));
        // In a box, so that it does not weigh on every idle connection. Whatever is there by then
        // answers.
        let _ = Box::pin(tokio::time::timeout(LOADING_MAX, loaded)).await;
        self.published.load()
    }

    fn add_date(&self, response: &mut Response<Content>, now: Timestamp) {
        if let Some(date) = self.dates.value(now) {
            response.headers_mut().insert(DATE, date);
        }
    }

    /// The answer to a plain request that is ready, if there is one. Its head is put into `head`.
    pub(in crate::http) fn ready(
        &self,
        plain: &Plain<'_>,
        head: &mut Vec<u8>,
    ) -> Option<Arc<Ready>> {
        // Those are counted.
        if self.politeness.is_some() && !plain.is_head && !plain.is_conditional() {
            return None;
        }
        let snapshot = self.published.load()?;
        let hot = self.hot.borrow_mut().find(&snapshot, plain.path())?;
        let now = self.clock.now();
        let ready = hot.ready(&snapshot, plain, now)?;
        let date = self.dates.value(now)?;
        head.extend_from_slice(&ready.head);
        if plain.closes {
            head.extend_from_slice(b"connection: close\r\n");
        }
        head.extend_from_slice(b"date: ");
        head.extend_from_slice(date.as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        Some(ready)
    }

    /// The largest form that this request may send, if it is one for the hub.
    pub(in crate::http) fn form_bytes_max(&self, head: &Parts) -> Option<usize> {
        let door = self.hub.as_deref()?;
        if head.method != Method::POST {
            return None;
        }
        let snapshot = self.published.load()?;
        subscribe::form_bytes_max(door, &snapshot.config.site, head)
    }

    /// 429 in place of a whole feed, if its reader got it too often without asking whether it has
    /// changed.
    fn too_often(
        &self,
        head: &Parts,
        context: &RequestContext,
        response: &Response<Content>,
        now: Timestamp,
    ) -> Option<Response<Content>> {
        let politeness = self.politeness.as_deref()?;
        let Some(route @ Route::Feed(_, format)) = &context.route else { return None };
        let is_fetched = head.method == Method::GET && response.status() == StatusCode::OK;
        // A person who reloads the page about a feed has a browser that knows what it does.
        let is_navigation = document::is_navigation(&head.headers, format.media_type());
        if !is_fetched || is_conditional(&head.headers) || is_navigation {
            return None;
        }
        let user_agent = head.headers.get(USER_AGENT).map_or(&[][..], HeaderValue::as_bytes);
        match politeness.count(context.reader, user_agent, route, now) {
            Ok(()) => None,
            Err(wait_s) => Some(service::too_many_requests(wait_s)),
        }
    }

    /// The author's page for what is not there, if `problem` is that.
    async fn own_page(
        &self,
        snapshot: Option<&Snapshot>,
        problem: &Problem,
        now: Timestamp,
    ) -> Option<Response<Content>> {
        if problem.status() != StatusCode::NOT_FOUND {
            return None;
        }
        let page = snapshot?.library.root_file(NOT_FOUND)?;
        Box::pin(asset::not_found(self.warm.render(), &page, now)).await
    }

    /// The answer to a request that was refused before it came here.
    pub(in crate::http) fn problem(&self, problem: &Problem) -> Response<Content> {
        let snapshot = self.published.load();
        let config = snapshot.as_deref().map(|snapshot| &*snapshot.config);
        let mut response = problem.response(config);
        self.add_date(&mut response, self.clock.now());
        response
    }

    /// The redirect of a request without TLS to the https address of the site. Its host is that of
    /// `site.url`, whatever the request says.
    pub(in crate::http) fn to_https(&self, head: &Parts) -> Problem {
        // Subscribers POST. Of the permanent redirects, clients make GET of it at 301, and not at
        // 308 (RFC 9110, 15.4.2 and 15.4.9).
        let (checked, status) = if head.method == Method::POST {
            (request::check_fields(head), RedirectStatus::PermanentRedirect)
        } else {
            (request::check(head).map(|_| ()), RedirectStatus::MovedPermanently)
        };
        if let Err(problem) = checked {
            return problem;
        }
        match (self.published.load(), &self.site) {
            (Some(snapshot), _) => target::at_site(&snapshot.config.site, &head.uri, status),
            (None, Some(site)) => target::at_site(site, &head.uri, status),
            (None, None) => Problem::unavailable("The site is starting.", 1),
        }
    }

    async fn get(
        &self,
        snapshot: &Arc<Snapshot>,
        head: &Parts,
        context: &mut RequestContext,
        now: Timestamp,
    ) -> Answered {
        let hot = self.hot.borrow_mut().find(snapshot, head.uri.path());
        if let Some(hot) = hot {
            let route = context.route.insert(hot.route.clone());
            let (document, headers) = (&hot.document, &head.headers);
            return document::respond(&self.warm, snapshot, route, document, headers, now).await;
        }
        match snapshot.extent {
            Extent::Whole => {}
            Extent::Loading => return while_starting(head.uri.path(), &self.published.status()),
            Extent::Feeds => {
                return while_articles_are_missing(head.uri.path(), &self.published.status());
            }
        }
        // Everything else is rarer, and its futures are large: in a box, they do not weigh on every
        // idle connection.
        Box::pin(self.get_other(snapshot, head, context, now)).await
    }

    async fn get_other(
        &self,
        snapshot: &Arc<Snapshot>,
        head: &Parts,
        context: &mut RequestContext,
        now: Timestamp,
    ) -> Answered {
        let site = &snapshot.config.site;
        let path = head.uri.path();
        // Before the site's own path: see `health`.
        if let Some(health) = health(path, Readiness::Ready, &self.published.status()) {
            context.route = Some(Route::Healthy);
            return Ok(health);
        }
        let relative = match Target::of(site, path) {
            Target::Within(relative) => relative,
            Target::AlmostHome => {
                return Err(redirect(site, &Redirect::permanent(Route::Home), &head.uri));
            }
            Target::Outside => return Err(self.outside(snapshot, &head.uri)),
        };
        if is_for_subscribers(self.hub.as_deref(), Some(site), path) {
            return Err(only_post());
        }
        let route = match by_query(&snapshot.config, relative, &head.uri) {
            Some(Named::Feed(route)) => Some(route),
            Some(Named::Redirect(problem)) => return Err(problem),
            None => snapshot.config.route(relative),
        };
        let Some(route) = route else {
            return Err(self.absent(snapshot, None, Absence::Missing, relative, &head.uri));
        };
        let route = &*context.route.insert(route);
        match route {
            Route::Healthy | Route::Ready => {
                health(relative, Readiness::Ready, &self.published.status())
                    .ok_or_else(Problem::not_found)
            }
            Route::Home => {
                let mut response = self.found(snapshot, route, relative, head, now).await?;
                document::add_feed_link(&mut response, &snapshot.config);
                Ok(response)
            }
            route => self.found(snapshot, route, relative, head, now).await,
        }
    }

    async fn found(
        &self,
        snapshot: &Arc<Snapshot>,
        route: &Route,
        relative: &str,
        head: &Parts,
        now: Timestamp,
    ) -> Answered {
        let document = match (self.find)(snapshot, route) {
            Found::Ready(document) => document,
            Found::Render(rendered, version) => {
                let made = self.warm.document(snapshot, rendered, version).await;
                made.map_err(asset::unavailable)?
            }
            Found::Asset(path) => {
                return asset::respond(self.warm.render(), &path, head, now).await;
            }
            Found::Redirect(to) => return Err(redirect(&snapshot.config.site, &to, &head.uri)),
            // The author has none.
            Found::Missing if *route == Route::Robots => Arc::new(robots(&snapshot.config.site)),
            Found::Gone => {
                let absence = Absence::Gone;
                return Err(self.absent(snapshot, Some(route), absence, relative, &head.uri));
            }
            Found::Missing => {
                let absence = Absence::Missing;
                return Err(self.absent(snapshot, Some(route), absence, relative, &head.uri));
            }
        };
        document::respond(&self.warm, snapshot, route, &document, &head.headers, now).await
    }

    /// The answer for a path where nothing is: a redirect to what has the path with a slash more or
    /// less or without `index.html`, else that of a `[[redirect]]`.
    fn absent(
        &self,
        snapshot: &Snapshot,
        route: Option<&Route>,
        absence: Absence,
        relative: &str,
        uri: &Uri,
    ) -> Problem {
        let site = &snapshot.config.site;
        let absence = match self.with_other_slash(snapshot, route, relative) {
            Ok(to) => return redirect(site, &to, uri),
            Err(Absence::Gone) => Absence::Gone,
            Err(Absence::Missing) => absence,
        };
        if let Some(to) = self.of_index_file(snapshot, relative) {
            return redirect(site, &to, uri);
        }
        let is_feed = route.is_some_and(is_feed);
        match redirected(&snapshot.config, absence, relative, uri) {
            // Readers unsubscribe from a feed that answers 410, and a `*` may cover one.
            Some(Redirected::Gone) if is_feed => return Problem::not_found(),
            Some(answer) => return configured(answer),
            None => {}
        }
        match absence {
            // Readers unsubscribe from a feed that answers 410: a feed is never more than missing.
            Absence::Gone if !is_feed => Problem::gone(),
            // Browsers ask for it on every visit.
            _ if route == Some(&Route::Favicon) => {
                Problem::not_found().cached("public, max-age=3600")
            }
            _ => Problem::not_found(),
        }
    }

    /// The redirect for a path that names nothing as it is, but does with a slash less
    /// (`/news/my-post/`) or more (`/tags/rust`).
    fn with_other_slash(
        &self,
        snapshot: &Snapshot,
        route: Option<&Route>,
        relative: &str,
    ) -> Result<Redirect, Absence> {
        let other = match route {
            Some(Route::Index(Scope::Directory(path))) => Some(Route::Resource(path.clone())),
            _ => Route::parse(&format!("{relative}/")),
        };
        let Some(other) = other else { return Err(Absence::Missing) };
        match (self.find)(snapshot, &other) {
            Found::Ready(_) | Found::Render(..) => Ok(Redirect::permanent(other)),
            Found::Redirect(to) => Ok(to),
            // The page of a directory may be a file.
            Found::Asset(_) if matches!(other, Route::Index(_)) => Ok(Redirect::permanent(other)),
            Found::Gone => Err(Absence::Gone),
            Found::Asset(_) | Found::Missing => Err(Absence::Missing),
        }
    }

    /// The redirect for `/my-post/index.html`, as other generators write the pages of directories.
    fn of_index_file(&self, snapshot: &Snapshot, relative: &str) -> Option<Redirect> {
        let (directory, file) = relative.rsplit_once('/')?;
        if !matches!(file, "index.html" | "index.htm") {
            return None;
        }
        let relative = format!("{directory}/");
        let to = self.leads_to(snapshot, &relative);
        to.or_else(|| {
            let route = snapshot.config.route(&relative)?;
            self.with_other_slash(snapshot, Some(&route), &relative).ok()
        })
    }

    /// A path outside of `site.url`. Before the site got its path, it may have been at the root of
    /// the host: what is known beneath `site.url` redirects there, and so does a `[[redirect]]`.
    fn outside(&self, snapshot: &Snapshot, uri: &Uri) -> Problem {
        let (config, path) = (&snapshot.config, uri.path());
        if let Some(to) = self.leads_to(snapshot, path) {
            return redirect(&config.site, &to, uri);
        }
        let route = config.route(path);
        let absence = match &route {
            Some(route) if matches!((self.find)(snapshot, route), Found::Gone) => Absence::Gone,
            _ => Absence::Missing,
        };
        match redirected(config, absence, path, uri) {
            Some(Redirected::Gone) if route.as_ref().is_some_and(is_feed) => Problem::not_found(),
            Some(answer) if !target::is_beside(&config.site, &answer) => configured(answer),
            _ => Problem::not_found(),
        }
    }

    /// A redirect to what is at `relative`, or where that redirects to.
    fn leads_to(&self, snapshot: &Snapshot, relative: &str) -> Option<Redirect> {
        let route = snapshot.config.route(relative)?;
        match (self.find)(snapshot, &route) {
            Found::Ready(_) | Found::Render(..) | Found::Asset(_) => {
                Some(Redirect::permanent(route))
            }
            Found::Redirect(to) => Some(to),
            Found::Gone | Found::Missing => None,
        }
    }
}

/// What the configuration names by a path and a query.
enum Named {
    /// A feed: `/?feed=rss2`.
    Feed(Route),
    /// The answer of a redirect: `/?p=123`.
    Redirect(Problem),
}

/// What the configuration names by this path and query. It comes first: whatever else is at the
/// path ignores the query.
fn by_query(config: &Config, relative: &str, uri: &Uri) -> Option<Named> {
    let query = uri.query()?;
    let key = path_key(relative)?;
    if let Some(format) = config.feeds.paths.with_query(&key, query) {
        return Some(Named::Feed(Route::Feed(Scope::Site, *format)));
    }
    let answer = config.redirects.with_query(&config.site, &key, query)?;
    Some(Named::Redirect(configured(answer)))
}

/// The answer of a `[[redirect]]` to a path where nothing is.
fn redirected(config: &Config, absence: Absence, path: &str, uri: &Uri) -> Option<Redirected> {
    let Config { site, redirects, .. } = config;
    if let (Some(key), Some(query)) = (path_key(path), uri.query())
        && let Some(answer) = redirects.with_query(site, &key, query)
    {
        return Some(answer);
    }
    match absence {
        Absence::Missing => redirects.find(site, path, uri.query()),
        Absence::Gone => redirects.for_removed(site, path, uri.query()),
    }
}
