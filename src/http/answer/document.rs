//! The answer for a document, with its header fields.

use std::sync::Arc;

use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::cache::Warm;
use super::content::Content;
use super::decide::{Reply, decide};
use super::problem::{Problem, page_fields};
use super::{delta, encoding};
use crate::base::{Route, Scope, Timestamp};
use crate::config::Config;
use crate::feed::links;
use crate::publish::{Cache, Coded, Coding, Document, Kind, Snapshot};

const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// A year, as long as caches keep anything.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The values for the usual ages in seconds: of a site on a loopback address, of a feed, and of a
/// page of an archive.
const USUAL_AGES: [(u32, HeaderValue); 3] = [
    (0, HeaderValue::from_static("public, max-age=0, stale-if-error=86400")),
    (900, HeaderValue::from_static("public, max-age=900, stale-if-error=86400")),
    (86_400, HeaderValue::from_static("public, max-age=86400, stale-if-error=86400")),
];

/// 200, 226, 304 or 412 for a GET or HEAD of `document` at `route` with these header fields, at
/// `now`.
pub(super) async fn respond(
    warm: &Arc<Warm>,
    snapshot: &Arc<Snapshot>,
    route: &Route,
    document: &Arc<Document>,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Response<Content>, Problem> {
    // In boxes, since a navigation to a feed is rare and these futures are large.
    if snapshot.config.shows_browser_page()
        && is_navigation(headers, document.content_type)
        && let Some(page) = Box::pin(warm.feed_page(snapshot, route)).await
    {
        return Ok(Box::pin(feed_page(warm, &snapshot.config, &page, headers)).await);
    }
    match decide(headers, document, now) {
        Reply::PreconditionFailed => Err(Problem::precondition_failed()),
        Reply::NotModified { etag, modified } => {
            Ok(not_modified(snapshot, document, etag, modified, now))
        }
        Reply::Whole { coding, modified } => {
            // In a box, since it is rare and its future is large.
            let delta = match delta::is_wanted(headers) {
                true => Box::pin(delta::of(warm, route, document, headers)).await,
                false => None,
            };
            let content = delta.as_ref().unwrap_or(document);
            let coded = coded(warm, content, coding).await;
            let mut response = whole(snapshot, document, coded, modified, now);
            if delta.is_some() {
                *response.status_mut() = StatusCode::IM_USED;
                delta::mark(response.headers_mut());
            }
            Ok(response)
        }
    }
}

/// 304 with `etag`.
pub(super) fn not_modified(
    snapshot: &Snapshot,
    document: &Document,
    etag: &HeaderValue,
    modified: Option<&HeaderValue>,
    now: Timestamp,
) -> Response<Content> {
    let mut response = Response::new(Content::Empty);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = fields(snapshot, document, etag, modified, now);
    response
}

/// 200 with the bytes of `document`, or of a delta to it. A delta has the tag of the version that
/// the client has once it is applied (RFC 3229, 10.5.1).
pub(super) fn whole(
    snapshot: &Snapshot,
    document: &Document,
    coded: &Coded,
    modified: Option<&HeaderValue>,
    now: Timestamp,
) -> Response<Content> {
    let etag = document.etag(coded.coding);
    let mut response = Response::new(Content::Whole(coded.bytes.clone()));
    let mut headers = fields(snapshot, document, etag, modified, now);
    add_content_fields(&mut headers, &snapshot.config, document, coded);
    *response.headers_mut() = headers;
    response
}

/// Adds the link to the site's feed (RFC 8288) to the home page's head, for clients that read no
/// more of it.
pub(super) fn add_feed_link(response: &mut Response<Content>, config: &Config) {
    let format = config.feeds.advertise;
    let url = links::absolute(&config.site, &Route::Feed(Scope::Site, format));
    let link = format!("<{url}>; rel=\"alternate\"; type=\"{}\"", format.media_type());
    // A percent-encoded URL holds nothing that a header may not.
    if let Ok(link) = HeaderValue::try_from(link) {
        response.headers_mut().append(LINK, link);
    }
}

/// Adds the links to a feed's hubs and to itself, by which subscribers find where to subscribe to
/// what (WebSub, 4). They are on every feed that is sent.
pub(super) fn add_hub_links(response: &mut Response<Content>, config: &Config, route: &Route) {
    let is_sent_feed = matches!(route, Route::Feed(..)) && response.status().is_success();
    if !is_sent_feed || !config.site.names_hubs() {
        return;
    }
    let own_url = links::absolute(&config.site, route);
    let mut targets = vec![(own_url, "self")];
    targets.extend(config.site.hub_urls().into_iter().map(|url| (url, "hub")));
    for (url, relation) in targets {
        // A percent-encoded URL holds nothing that a header may not.
        if let Ok(link) = HeaderValue::try_from(format!("<{url}>; rel=\"{relation}\"")) {
            response.headers_mut().append(LINK, link);
        }
    }
}

/// 200 with the page that a person gets at the address of a feed. No cache keeps it, so that none
/// gives it to a reader.
async fn feed_page(
    warm: &Warm,
    config: &Config,
    page: &Arc<Document>,
    headers: &HeaderMap,
) -> Response<Content> {
    let coded = coded(warm, page, encoding::choose(headers)).await;
    let mut fields = HeaderMap::new();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding, Sec-Fetch-Dest"));
    add_content_fields(&mut fields, config, page, coded);
    let mut response = Response::new(Content::Whole(coded.bytes.clone()));
    *response.headers_mut() = fields;
    response
}

/// Whether a browser navigates here to show the answer to a person (Fetch Metadata,
/// `Sec-Fetch-Dest: document`), and takes HTML no less than the feed, which has this content type.
/// `Accept` alone says nothing: some feed readers send a browser's.
pub(super) fn is_navigation(headers: &HeaderMap, content_type: &str) -> bool {
    if headers.get("sec-fetch-dest").is_none_or(|destination| destination != "document") {
        return false;
    }
    let own = content_type.split(';').next().unwrap_or(content_type);
    let html = encoding::quality(headers, &ACCEPT, "text/html").unwrap_or(0);
    // A browser that does not know feeds names no type of theirs.
    html > 0 && html >= encoding::quality(headers, &ACCEPT, own).unwrap_or(0)
}

/// The bytes of a document in `coding`, or what is as good.
async fn coded<'d>(warm: &Warm, document: &'d Arc<Document>, coding: Coding) -> &'d Coded {
    if document.made(coding).is_none() {
        // In a box, since most documents are coded already and this future is large.
        Box::pin(warm.code(document, coding)).await;
    }
    match document.made(coding) {
        Some(coded) => coded,
        // Compressing failed, and the plain bytes are a good answer too.
        None => document.coded(Coding::Identity),
    }
}

/// Adds the header fields that describe the content of a 200 or 226.
fn add_content_fields(
    headers: &mut HeaderMap,
    config: &Config,
    document: &Document,
    coded: &Coded,
) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(document.content_type));
    headers.insert(CONTENT_LENGTH, coded.length.clone());
    if coded.coding != Coding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coded.coding.name()));
    }
    // The security policy matters only for pages, which a browser runs. A 304 leaves the one of the
    // stored answer in force.
    if document.kind == Kind::Page {
        page_fields(headers, Some(config));
    }
}

/// The header fields that 200 and 304 have in common (RFC 9110, 15.4.5).
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
    headers.insert(CACHE_CONTROL, cache_control(document, snapshot, now));
    if document.kind.is_open_to_scripts() && !snapshot.config.is_preview() {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    headers
}

/// The `Cache-Control` of a document. For a site on a loopback address nothing is
/// cached, so that an author who tries it out sees every change.
fn cache_control(document: &Document, snapshot: &Snapshot, now: Timestamp) -> HeaderValue {
    let age_s = match document.cache(now, snapshot.next_due) {
        Cache::Revalidate => return NO_CACHE,
        Cache::Immutable => return IMMUTABLE,
        Cache::Seconds(_) if snapshot.config.site.is_loopback() => 0,
        Cache::Seconds(age_s) => age_s,
    };
    // Written for each request, a value would cost more than all other fields together.
    for (usual_s, value) in USUAL_AGES {
        if usual_s == age_s {
            return value;
        }
    }
    let text = format!("public, max-age={age_s}, stale-if-error=86400");
    HeaderValue::try_from(text).unwrap_or(NO_CACHE)
}
