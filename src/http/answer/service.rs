//! The answers that show nothing of the library: health, `robots.txt`, and OPTIONS.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, Uri};

use super::super::host;
use super::content::Content;
use super::problem::{ALLOWED, Problem};
use super::target::Target;
use crate::base::Route;
use crate::base::url_table::path_key;
use crate::config::{Config, Site};
use crate::publish::{Document, Kind, Snapshot, Status};

/// The header fields that a script has to ask for before it may poll a feed as readers do.
const PREFLIGHT_HEADERS: HeaderValue =
    HeaderValue::from_static("If-None-Match, If-Modified-Since, Cache-Control, A-IM");

/// Whether a snapshot is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Nothing is published yet.
    Starting,
    /// The site is served.
    Ready,
}

/// `/-/healthy` and `/-/ready`, which answer at the root whatever the path of `site.url`: a monitor
/// that asks them knows no site. Their body lists what is degraded.
pub(super) fn health(
    path: &str,
    readiness: Readiness,
    status: &Status,
) -> Option<Response<Content>> {
    let first = match path {
        "/-/healthy" => "healthy\n",
        "/-/ready" if readiness == Readiness::Ready => "ready\n",
        _ => return None,
    };
    let mut text = first.to_owned();
    for line in status.lines() {
        text.push_str(&line);
        text.push('\n');
    }
    Some(plain(text))
}

/// Whether `path` is one of [`health`].
pub(super) fn is_health(path: &str) -> bool {
    matches!(path, "/-/healthy" | "/-/ready")
}

/// 429 (RFC 6585, 4) for a reader that may ask again after `wait_s` seconds. The text is for the
/// person who looks why.
pub(super) fn too_many_requests(wait_s: u16) -> Response<Content> {
    let text = format!(
        "Too many requests: this feed was fetched too often without asking whether it has changed.\n\
         Send the ETag of the last answer in If-None-Match, or wait {wait_s} s.\n"
    );
    let mut response = plain(text);
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_s));
    response
}

/// 200 with a short text that no cache keeps.
pub(super) fn plain(text: String) -> Response<Content> {
    let length = text.len();
    let mut response = Response::new(Content::Whole(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether a request for a preview of drafts may come from a page of another site, whose name was
/// made to lead to this machine.
pub(super) fn is_foreign(snapshot: Option<&Snapshot>, head: &Parts) -> bool {
    snapshot.is_some_and(|snapshot| snapshot.config.is_preview()) && !host::is_local(head)
}

/// OPTIONS (RFC 9110, 9.3.7) of `uri`. For a feed it answers the preflight of a browser that asks
/// whether a script may poll it.
pub(super) fn options(snapshot: Option<&Snapshot>, uri: &Uri) -> Response<Content> {
    let mut response = Response::new(Content::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, ALLOWED);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if snapshot.is_some_and(|snapshot| is_open_to_scripts(&snapshot.config, uri)) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, PREFLIGHT_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

/// Whether scripts of other sites may read what `uri` names: a feed, but not one with drafts.
fn is_open_to_scripts(config: &Config, uri: &Uri) -> bool {
    !config.is_preview() && names_feed(config, uri)
}

fn names_feed(config: &Config, uri: &Uri) -> bool {
    let Target::Within(relative) = Target::of(&config.site, uri.path()) else { return false };
    if let (Some(key), Some(query)) = (path_key(relative), uri.query())
        && config.feeds.paths.with_query(&key, query).is_some()
    {
        return true;
    }
    config.route(relative).is_some_and(|route| is_feed(&route))
}

/// Whether readers poll this route.
pub(super) fn is_feed(route: &Route) -> bool {
    matches!(route, Route::Feed(..) | Route::Archive(..) | Route::Opml)
}

/// `robots.txt` (RFC 9309): everything may be crawled, and the sitemap lists it.
pub(super) fn robots(site: &Site) -> Document {
    let mut text = "User-agent: *\nAllow: /\n".to_owned();
    if site.elsewhere.is_none() {
        text.push_str(&format!("\nSitemap: {}sitemap.xml\n", site.url));
    }
    Document::new(Kind::Crawling, "text/plain; charset=utf-8", Bytes::from(text), None)
}

/// The answer while no page is known: 503 to everything but the question whether the process lives.
pub(super) fn while_starting(path: &str, status: &Status) -> Result<Response<Content>, Problem> {
    match health(path, Readiness::Starting, status) {
        Some(health) => Ok(health),
        None => Err(Problem::unavailable("This site is starting. Please try again shortly.", 2)),
    }
}

/// The answer to everything but feeds while only those are there: 503, since the pages come back.
pub(super) fn while_articles_are_missing(
    path: &str,
    status: &Status,
) -> Result<Response<Content>, Problem> {
    match health(path, Readiness::Ready, status) {
        Some(health) => Ok(health),
        None => {
            Err(Problem::unavailable("This page is not available. Please try again later.", 60))
        }
    }
}
