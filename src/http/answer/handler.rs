//! From a request to its answer.
//!
//! One handler for each worker. What it holds of its own is a table of the resident documents by
//! path, so that the usual request costs one look-up; everything else is asked of the snapshot.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use http::header::{DATE, LINK};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Uri};

use super::super::Edge;
use super::cache::Warm;
use super::content::Content;
use super::problem::Problem;
use super::request::{self, Ask};
use super::service::{Readiness, health, is_feed, options, robots};
use super::target::{self, Target, redirect};
use super::{asset, document};
use crate::base::special::NOT_FOUND;
use crate::base::time::rfc822;
use crate::base::{Route, Scope, Timestamp};
use crate::config::Config;
use crate::feed::links;
use crate::ops::clock::Clock;
use crate::publish::{Document, Found, Published, Redirect, Snapshot, Status};

/// An answer, or why there is none.
type Answered = Result<Response<Content>, Problem>;

/// See the module.
pub(in crate::http) struct Handler {
    published: Arc<Published>,
    find: fn(&Snapshot, &Route) -> Found,
    clock: Arc<dyn Clock>,
    warm: Arc<Warm>,
    hot: RefCell<Hot>,
}

/// The resident documents of one generation, by the path of their URL.
#[derive(Default)]
struct Hot {
    generation: Option<u64>,
    paths: HashMap<String, (Route, Arc<Document>)>,
}

impl Handler {
    /// A handler of what `edge` publishes; `warm` is shared by all workers.
    pub(in crate::http) fn new(edge: &Edge, warm: Arc<Warm>) -> Self {
        Self {
            published: Arc::clone(&edge.published),
            find: edge.find,
            clock: Arc::clone(&edge.clock),
            warm,
            hot: RefCell::default(),
        }
    }

    /// The answer to `head`, whose body was read or is left.
    pub(in crate::http) async fn answer(&self, head: &Parts) -> Response<Content> {
        let now = self.clock.now();
        let snapshot = self.published.load();
        let answered = match request::check(head) {
            Err(problem) => Err(problem),
            Ok(Ask::Options) => Ok(options(snapshot.as_deref(), head.uri.path())),
            Ok(Ask::Get) => match &snapshot {
                Some(snapshot) => self.get(snapshot, head, now).await,
                None => before_the_first_snapshot(head.uri.path(), &self.published.status()),
            },
        };
        let site = snapshot.as_deref().map(|snapshot| &snapshot.config.site);
        let mut response = match answered {
            Ok(response) => response,
            Err(problem) => match self.own_page(snapshot.as_deref(), &problem, now).await {
                Some(page) => page,
                None => problem.response(site),
            },
        };
        // HEAD is answered like GET up to here, so that its header fields are the same.
        if head.method == Method::HEAD {
            *response.body_mut() = Content::Empty;
        }
        add_date(&mut response, now);
        response
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
        let site = snapshot.as_deref().map(|snapshot| &snapshot.config.site);
        let mut response = problem.response(site);
        add_date(&mut response, self.clock.now());
        response
    }

    async fn get(&self, snapshot: &Arc<Snapshot>, head: &Parts, now: Timestamp) -> Answered {
        if let Some((route, document)) = self.hot(snapshot, head.uri.path()) {
            let headers = &head.headers;
            if request::is_navigation(headers)
                && let Some(page) = Box::pin(self.warm.feed_page(snapshot, &route)).await
            {
                return Ok(Box::pin(document::feed_page(&self.warm, &page, headers)).await);
            }
            return document::respond(&self.warm, snapshot, &route, &document, headers, now).await;
        }
        if snapshot.is_restored() {
            return while_articles_are_missing(head.uri.path(), &self.published.status());
        }
        // Everything else is rarer, and its futures are large: in a box, they do not weigh on every
        // idle connection.
        Box::pin(self.get_other(snapshot, head, now)).await
    }

    fn hot(&self, snapshot: &Snapshot, path: &str) -> Option<(Route, Arc<Document>)> {
        let mut hot = self.hot.borrow_mut();
        // Once for each generation and worker: the paths of a request are not parsed for a feed.
        if hot.generation != Some(snapshot.generation) {
            hot.generation = Some(snapshot.generation);
            hot.paths.clear();
            for (route, document) in &snapshot.hot {
                let path = target::path(&snapshot.config.site, route);
                hot.paths.insert(path, (route.clone(), Arc::clone(document)));
            }
        }
        hot.paths.get(path).cloned()
    }

    async fn get_other(&self, snapshot: &Arc<Snapshot>, head: &Parts, now: Timestamp) -> Answered {
        let site = &snapshot.config.site;
        let path = head.uri.path();
        // Before the site's own path: see `health`.
        if let Some(health) = health(path, Readiness::Ready, &self.published.status()) {
            return Ok(health);
        }
        let relative = match Target::of(site, path) {
            Target::Within(relative) => relative,
            Target::AlmostHome => {
                return Err(redirect(site, &Redirect::permanent(Route::Home), &head.uri));
            }
            Target::Outside => return Err(Problem::not_found()),
        };
        let Some(route) = Route::parse(relative) else {
            return Err(self.without_slash(snapshot, relative, &head.uri));
        };
        match route {
            Route::Healthy | Route::Ready => {
                health(relative, Readiness::Ready, &self.published.status())
                    .ok_or_else(Problem::not_found)
            }
            Route::Home => {
                let mut response = self.found(snapshot, Route::Home, relative, head, now).await?;
                add_feed_link(&mut response, &snapshot.config);
                Ok(response)
            }
            route => self.found(snapshot, route, relative, head, now).await,
        }
    }

    async fn found(
        &self,
        snapshot: &Arc<Snapshot>,
        route: Route,
        relative: &str,
        head: &Parts,
        now: Timestamp,
    ) -> Answered {
        let document = match (self.find)(snapshot, &route) {
            Found::Ready(document) => document,
            Found::Render(rendered, version) => {
                let made = self.warm.document(snapshot, rendered, version).await;
                made.map_err(asset::unavailable)?
            }
            Found::Asset(path) => {
                return asset::respond(self.warm.render(), &path, head, now).await;
            }
            Found::Redirect(to) => return Err(redirect(&snapshot.config.site, &to, &head.uri)),
            // Readers unsubscribe from a feed that answers 410: a feed is never more than missing.
            Found::Gone if is_feed(&route) => return Err(Problem::not_found()),
            Found::Gone => return Err(Problem::gone()),
            // The author has none.
            Found::Missing if route == Route::Robots => Arc::new(robots(&snapshot.config.site)),
            // Browsers ask for it on every visit.
            Found::Missing if route == Route::Favicon => {
                return Err(Problem::not_found().cached("public, max-age=3600"));
            }
            Found::Missing => return Err(self.missing(snapshot, &route, relative, &head.uri)),
        };
        if request::is_navigation(&head.headers)
            && let Some(page) = self.warm.feed_page(snapshot, &route).await
        {
            return Ok(document::feed_page(&self.warm, &page, &head.headers).await);
        }
        document::respond(&self.warm, snapshot, &route, &document, &head.headers, now).await
    }

    /// The answer for a path that names nothing as it is, but may with a slash less
    /// (`/news/my-post/`) or more.
    fn missing(&self, snapshot: &Snapshot, route: &Route, relative: &str, uri: &Uri) -> Problem {
        let Route::Index(Scope::Directory(path)) = route else {
            return self.without_slash(snapshot, relative, uri);
        };
        let site = &snapshot.config.site;
        let resource = Route::Resource(path.clone());
        match (self.find)(snapshot, &resource) {
            Found::Ready(_) | Found::Render(..) => {
                redirect(site, &Redirect::permanent(resource), uri)
            }
            Found::Redirect(to) => redirect(site, &to, uri),
            Found::Gone => Problem::gone(),
            Found::Asset(_) | Found::Missing => Problem::not_found(),
        }
    }

    /// The answer for a path that may lack its last slash: `/tags/rust`.
    fn without_slash(&self, snapshot: &Snapshot, relative: &str, uri: &Uri) -> Problem {
        let Some(route) = Route::parse(&format!("{relative}/")) else {
            return Problem::not_found();
        };
        match (self.find)(snapshot, &route) {
            Found::Ready(_) | Found::Render(..) | Found::Asset(_) => {
                redirect(&snapshot.config.site, &Redirect::permanent(route), uri)
            }
            _ => Problem::not_found(),
        }
    }
}

/// Adds the link to the site's feed (RFC 8288) to the home page's head, for clients that read no
/// more of it.
fn add_feed_link(response: &mut Response<Content>, config: &Config) {
    let format = config.feeds.advertise;
    let url = links::absolute(&config.site, &Route::Feed(Scope::Site, format));
    let link = format!("<{url}>; rel=\"alternate\"; type=\"{}\"", format.media_type());
    // A percent-encoded URL holds nothing that a header may not.
    if let Ok(link) = HeaderValue::try_from(link) {
        response.headers_mut().append(LINK, link);
    }
}

/// The answer while no site is known: 503 to everything but the question whether the process lives.
fn before_the_first_snapshot(path: &str, status: &Status) -> Answered {
    match health(path, Readiness::Starting, status) {
        Some(health) => Ok(health),
        None => Err(Problem::unavailable("This site is starting. Please try again shortly.", 2)),
    }
}

/// The answer to everything but feeds while only those are there: 503, since the pages come back.
fn while_articles_are_missing(path: &str, status: &Status) -> Answered {
    match health(path, Readiness::Ready, status) {
        Some(health) => Ok(health),
        None => {
            Err(Problem::unavailable("This page is not available. Please try again later.", 60))
        }
    }
}

/// Adds `Date` (RFC 9110, 6.6.1). hyper would, from a cache of each thread that a clock set back
/// leaves ahead of now for as long as it was set back.
fn add_date(response: &mut Response<Content>, now: Timestamp) {
    if let Ok(date) = HeaderValue::try_from(rfc822(now)) {
        response.headers_mut().insert(DATE, date);
    }
}
