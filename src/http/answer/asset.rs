//! Files served as they are: RFC 9110, 14 over an [`Asset`].
//!
//! Opening a file and naming its version block, so they run on a thread that may.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tokio::task::spawn_blocking;

use super::conditional::{Dating, Seconds, Validators, Verdict, evaluate, range_applies};
use super::content::{Content, Stream};
use super::problem::Problem;
use super::range::{Ranged, ranged};
use crate::base::media;
use crate::base::special::NOT_FOUND_MAX_BYTES;
use crate::base::time::rfc822;
use crate::base::{Digest, RelPath, Timestamp};
use crate::publish::{Asset, Render, Unrendered};

/// An hour: a picture is rarely replaced under its name, and then its ETag differs.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The page that is missing may come.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// A picture that is looked at by itself is a document: it gets neither scripts nor our origin.
const PICTURE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// A document of the author's own: its scripts run, but not with our origin, which other programs
/// behind the same host may share.
const HTML_POLICY: HeaderValue =
    HeaderValue::from_static("sandbox allow-downloads allow-forms allow-popups allow-scripts");

/// An opened file with its validators.
struct Opened {
    asset: Arc<dyn Asset>,
    /// Absent while it is not certain which version of the file this is.
    etag: Option<HeaderValue>,
    modified: Option<Seconds>,
    modified_value: Option<HeaderValue>,
}

/// An answer for a file, before any header is written.
enum Reply {
    /// 412
    PreconditionFailed,
    /// 304
    NotModified,
    /// 200, 206 or 416
    Send(Ranged),
}

/// The answer to a GET or HEAD of the file at `path`, at `now`.
pub(super) async fn respond(
    render: &Arc<dyn Render>,
    path: &RelPath,
    head: &Parts,
    now: Timestamp,
) -> Result<Response<Content>, Problem> {
    let now = now.as_second();
    let opened = open(Arc::clone(render), path.clone(), now).await.map_err(unavailable)?;
    let len_bytes = opened.asset.len_bytes();
    match decide(head, &opened, now) {
        Reply::PreconditionFailed => Err(Problem::precondition_failed()),
        Reply::NotModified => Ok(not_modified(&opened)),
        Reply::Send(Ranged::Whole) => Ok(whole(&opened, path, 0, len_bytes)),
        Reply::Send(range @ Ranged::Unsatisfiable) => Err(unsatisfiable(range, len_bytes)),
        Reply::Send(range @ Ranged::Part { first, last }) => {
            let mut response = whole(&opened, path, first, last - first + 1);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            if let Some(value) = range.content_range(len_bytes) {
                response.headers_mut().insert(CONTENT_RANGE, value);
            }
            Ok(response)
        }
    }
}

/// The author's page for what is not there, as the answer 404 to `head`; `None` where it cannot be
/// read now or is too large. Its validators are left out: the answer to another path is not this
/// page.
pub(super) async fn not_found(
    render: &Arc<dyn Render>,
    page: &RelPath,
    now: Timestamp,
) -> Option<Response<Content>> {
    let opened = open(Arc::clone(render), page.clone(), now.as_second()).await.ok()?;
    if opened.asset.len_bytes() > NOT_FOUND_MAX_BYTES {
        return None;
    }
    let mut response = whole(&opened, page, 0, opened.asset.len_bytes());
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        headers.remove(name);
    }
    headers.insert(CACHE_CONTROL, NO_CACHE);
    Some(response)
}

/// Conditions come first, then the range (RFC 9110, 13.2.2), which is defined for GET alone (14.2).
fn decide(head: &Parts, opened: &Opened, now: Seconds) -> Reply {
    let current = Validators {
        etags: opened.etag.as_slice(),
        modified: opened.modified,
        modified_value: opened.modified_value.as_ref(),
        dating: Dating::Any,
    };
    match evaluate(&head.headers, &current) {
        Verdict::Failed => Reply::PreconditionFailed,
        Verdict::NotModified(_) => Reply::NotModified,
        Verdict::Proceed => {
            let is_get = head.method == Method::GET;
            if is_get && range_applies(&head.headers, &current, now) {
                Reply::Send(ranged(&head.headers, opened.asset.len_bytes()))
            } else {
                Reply::Send(Ranged::Whole)
            }
        }
    }
}

/// The answer for an asset or document that cannot be had at the moment.
pub(super) fn unavailable(why: Unrendered) -> Problem {
    match why {
        Unrendered::Changed => {
            Problem::unavailable("This page is being updated. Please try again.", 1)
        }
        Unrendered::Unreadable => {
            Problem::unavailable("This page cannot be read at the moment.", 30)
        }
    }
}

async fn open(render: Arc<dyn Render>, path: RelPath, now: Seconds) -> Result<Opened, Unrendered> {
    let opening = spawn_blocking(move || {
        let asset = render.asset(&path)?;
        let version = asset.version()?;
        Ok(opened(asset, version, now))
    });
    // A panic of the reader, or a runtime that is going down.
    opening.await.unwrap_or(Err(Unrendered::Unreadable))
}

fn opened(asset: Arc<dyn Asset>, version: Option<Digest>, now: Seconds) -> Opened {
    let modified = asset.modified();
    // A date that lies ahead of now (a file from another machine) proves nothing.
    let known = modified.as_second() <= now;
    Opened {
        asset,
        etag: version.map(|version| text(format!("\"{}\"", version.short()))),
        modified: known.then(|| modified.as_second()),
        modified_value: known.then(|| text(rfc822(modified))),
    }
}

/// A header value of visible ASCII.
#[expect(
    clippy::expect_used,
    reason = "digests and dates are visible ASCII, which is always legal"
)]
fn text(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("visible ASCII")
}

fn whole(opened: &Opened, path: &RelPath, offset: u64, len_bytes: u64) -> Response<Content> {
    let stream = Stream::new(Arc::clone(&opened.asset), offset, len_bytes);
    let mut response = Response::new(Content::Stream(Box::new(stream)));
    let headers = response.headers_mut();
    let media_type = media::type_of(path);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(len_bytes));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(policy) = policy(media_type) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    validators(headers, opened);
    response
}

/// The policy for what a browser would show as a document, and run.
fn policy(media_type: &str) -> Option<HeaderValue> {
    match media_type {
        media::HTML | "application/xhtml+xml" => Some(HTML_POLICY),
        // XML can carry elements of XHTML, scripts among them.
        _ if media_type.ends_with("xml") => Some(PICTURE_POLICY),
        _ => None,
    }
}

fn not_modified(opened: &Opened) -> Response<Content> {
    let mut response = Response::new(Content::Empty);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    validators(response.headers_mut(), opened);
    response
}

fn validators(headers: &mut HeaderMap, opened: &Opened) {
    if let Some(etag) = &opened.etag {
        headers.insert(ETAG, etag.clone());
    }
    if let Some(modified) = &opened.modified_value {
        headers.insert(LAST_MODIFIED, modified.clone());
    }
    headers.insert(CACHE_CONTROL, CACHE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn unsatisfiable(range: Ranged, len_bytes: u64) -> Problem {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "The requested range is beyond the end of the file.",
    );
    match range.content_range(len_bytes) {
        Some(value) => problem.with(CONTENT_RANGE, value),
        None => problem,
    }
}
