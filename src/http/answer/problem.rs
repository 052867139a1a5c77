//! Every answer that is not a document: refusals, absences, redirects. Each has a small page, for
//! the person who may be looking.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, LOCATION, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};

use super::content::Content;
use crate::config::{self, Config};
use crate::page;

/// The methods that are allowed everywhere.
pub(super) const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// An answer that is not a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    text: &'static str,
    cache: &'static str,
    /// In a box, as the type is the `Err` of everything here.
    field: Option<Box<(HeaderName, HeaderValue)>>,
    closes: bool,
}

impl Problem {
    /// An answer of `status`, with one sentence for a person. Not to be cached.
    pub(in crate::http) fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, cache: "no-cache", field: None, closes: false }
    }

    /// 400. The connection is closed, since what comes next on it may not be a request.
    pub(super) fn bad_request(text: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text).closing()
    }

    /// 404
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Page not found.")
    }

    /// 405
    pub(super) fn not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This server is read-only.").with(ALLOW, ALLOWED)
    }

    /// 410; cached for a minute only, since a removed article may return.
    pub(super) fn gone() -> Self {
        Self::new(StatusCode::GONE, "This page has been removed.").cached("public, max-age=60")
    }

    /// 412
    pub(super) fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "The page is not in the state that the request requires.",
        )
    }

    /// 301
    pub(super) fn moved(location: HeaderValue) -> Self {
        Self::new(StatusCode::MOVED_PERMANENTLY, "This page has moved.")
            .with(LOCATION, location)
            .cached("public, max-age=900")
    }

    /// 302, not to be cached.
    pub(super) fn found(location: HeaderValue) -> Self {
        Self::new(StatusCode::FOUND, "This page is temporarily at another address.")
            .with(LOCATION, location)
    }

    /// The redirect of a configuration. A permanent one is cached for as long as a feed.
    pub(super) fn redirect(status: config::RedirectStatus, location: HeaderValue) -> Self {
        if status.is_permanent() {
            Self { status: code(status), ..Self::moved(location) }
        } else {
            Self { status: code(status), ..Self::found(location) }
        }
    }

    /// 421
    pub(super) fn misdirected() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "A preview of drafts is for this machine: ask for it at localhost or a loopback address.",
        )
    }

    /// 503, to be asked again after `seconds`.
    pub(super) fn unavailable(text: &'static str, seconds: u16) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
            .with(RETRY_AFTER, HeaderValue::from(seconds))
            .cached("no-store")
    }

    /// Closes the connection after the answer.
    #[must_use]
    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Adds a header field; there can be one.
    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.field = Some(Box::new((name, value)));
        self
    }

    /// Sets `Cache-Control`.
    #[must_use]
    pub(super) fn cached(mut self, cache: &'static str) -> Self {
        self.cache = cache;
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer, with a page in the look of the site if one is published.
    pub(super) fn response(&self, config: Option<&Config>) -> Response<Content> {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let page = Bytes::from(page::error(config, self.status.as_u16(), title, self.text));
        let length = HeaderValue::from(page.len());
        let mut response = Response::new(Content::Whole(page));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, length);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache));
        page_fields(headers, config);
        if let Some((name, value)) = self.field.as_deref() {
            headers.insert(name, value.clone());
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn code(status: config::RedirectStatus) -> StatusCode {
    match status {
        config::RedirectStatus::MovedPermanently => StatusCode::MOVED_PERMANENTLY,
        config::RedirectStatus::Found => StatusCode::FOUND,
        config::RedirectStatus::TemporaryRedirect => StatusCode::TEMPORARY_REDIRECT,
        config::RedirectStatus::PermanentRedirect => StatusCode::PERMANENT_REDIRECT,
    }
}

/// Adds the header fields of every page.
pub(super) fn page_fields(headers: &mut http::HeaderMap, config: Option<&Config>) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::policy(config)));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
}
