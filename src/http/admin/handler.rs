//! The answers of the admin listener: one arm for each path. GET and HEAD only.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Content;
use super::super::answer::request::check_host;
use super::super::exchange::{Observers, RequestContext};
use super::super::metrics::{self, Metrics, Requests, Scrape};
use super::super::net::Service;
use super::super::readers::Counter;
use super::super::{host, hub};
use super::page::{self, Readers, Served};
use crate::base::time::rfc822;
use crate::ops::clock::Clock;
use crate::ops::line_log::Lines;
use crate::publish::Published;
use crate::publish::report::{self, Process};
use crate::readers::report::Question;
use crate::store::state_bytes;

/// The policy of every answer: the page's own stylesheet, and nothing else.
const CSP: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const CSS: &str = "text/css; charset=utf-8";

/// The largest interval of `?refresh=`, in seconds.
const REFRESH_MAX_S: u32 = 3600;

/// The days of the chart, and of `readers.json`.
const DAYS: usize = 90;

/// Feeds on the page.
const FEEDS_MAX: usize = 10;

/// Everything that is shown.
pub struct Sources {
    /// The snapshot and the status.
    pub published: Arc<Published>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The process.
    pub process: Process,
    /// The counters of the public listener.
    pub metrics: Arc<Metrics>,
    /// The requests to the public listener, which it gives to this observer.
    pub requests: Arc<Requests>,
    /// The access log, if there is one.
    pub access_log: Option<Lines>,
    /// The readers, where they are counted.
    pub readers: Option<Arc<Counter>>,
    /// The counts of the own hub, if there is one.
    pub hub: Option<Arc<hub::Counters>>,
}

/// The answers of the one worker.
pub(super) struct Handler {
    sources: Sources,
    /// None: who asks for the status is not of interest.
    observers: Observers,
}

/// An answer: its status, media type and text.
type Answer = (StatusCode, &'static str, String);

impl Handler {
    pub(super) fn new(sources: Sources) -> Self {
        let observers = Observers::new(&[], Arc::clone(&sources.clock));
        Self { sources, observers }
    }

    fn respond(&self, head: &Parts) -> Response<Content> {
        let (status, media_type, text) = self.find(head);
        let length = HeaderValue::from(text.len());
        let content = match head.method {
            Method::HEAD => Content::Empty,
            _ => Content::Whole(Bytes::from(text)),
        };
        let mut response = Response::new(content);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CONTENT_LENGTH, length);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        // A date is always a valid value.
        if let Ok(date) = HeaderValue::try_from(rfc822(self.sources.clock.now())) {
            headers.insert(DATE, date);
        }
        response
    }

    fn find(&self, head: &Parts) -> Answer {
        // A wrong Host is a bad request before it is one for another machine (RFC 9112, 3.2).
        if let Err(problem) = check_host(head) {
            return (problem.status(), TEXT, "The request has no valid Host.\n".to_owned());
        }
        if !host::is_local(head) {
            let text = "The status is for this machine: ask for it at localhost or a loopback \
                        address.\n";
            return (StatusCode::MISDIRECTED_REQUEST, TEXT, text.to_owned());
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let text = "Nothing can be changed here: GET and HEAD only.\n";
            return (StatusCode::METHOD_NOT_ALLOWED, TEXT, text.to_owned());
        }
        match head.uri.path() {
            "/" => (StatusCode::OK, HTML, self.page(head.uri.query())),
            "/style.css" => (StatusCode::OK, CSS, page::STYLE.to_owned()),
            "/status.json" => (StatusCode::OK, JSON, line(&self.status())),
            "/metrics" => (StatusCode::OK, metrics::CONTENT_TYPE, self.metrics()),
            "/readers.json" => (StatusCode::OK, JSON, line(&self.readers())),
            _ => (StatusCode::NOT_FOUND, TEXT, "Nothing is here.\n".to_owned()),
        }
    }

    fn page(&self, query: Option<&str>) -> String {
        let Sources { published, clock, process, readers, .. } = &self.sources;
        let (status, snapshot) = (published.status(), published.load());
        let about = process.about(snapshot.as_deref(), clock.now());
        let served = self.served();
        let readers = readers.as_deref().map(|counter| {
            let (chart, rows) = counter.overview(DAYS, FEEDS_MAX);
            Readers { chart, rows }
        });
        page::status(&status, &about, &served, readers, refresh(query))
    }

    fn served(&self) -> Served {
        let Sources { process, metrics, requests, .. } = &self.sources;
        let (polls, unchanged) = requests.polls();
        Served {
            counts: metrics.counts(),
            connections_max: process.config.server.max_connections,
            polls,
            unchanged,
            cache_bytes: metrics.cache_bytes(),
        }
    }

    fn status(&self) -> Value {
        let Sources { published, clock, process, .. } = &self.sources;
        let (status, snapshot) = (published.status(), published.load());
        report::json(&status, &process.about(snapshot.as_deref(), clock.now()))
    }

    fn metrics(&self) -> String {
        let Sources { published, process, metrics, requests, access_log, hub, .. } = &self.sources;
        let (status, snapshot) = (published.status(), published.load());
        metrics::text(&Scrape {
            metrics,
            requests,
            status: &status,
            snapshot: snapshot.as_deref(),
            state_bytes: state_bytes(&process.config.state.dir),
            access_log_dropped: access_log.as_ref().map(Lines::dropped),
            hub: hub.as_deref(),
            started: process.started,
        })
    }

    fn readers(&self) -> Value {
        match &self.sources.readers {
            Some(counter) => counter.json(&Question { days: Some(DAYS), feed: None }),
            None => json!({ "error": "readers are not counted; see readers.enabled" }),
        }
    }
}

impl Service for Handler {
    type Body = Content;

    async fn answer(&self, head: &Parts, _context: &mut RequestContext) -> Response<Content> {
        self.respond(head)
    }

    fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Content> {
        let text = format!("{reason}\n");
        let length = HeaderValue::from(text.len());
        let mut response = Response::new(Content::Whole(Bytes::from(text)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
        headers.insert(CONTENT_LENGTH, length);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Never asked for: no listener of this one redirects.
    fn redirect(&self, _: &Parts) -> Response<Content> {
        self.refuse(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    fn observers(&self) -> &Observers {
        &self.observers
    }
}

/// The seconds of `refresh=5` in a query; none if it is not there, or not a number in range.
fn refresh(query: Option<&str>) -> Option<u32> {
    let pairs = query?.split('&');
    for pair in pairs {
        if let Some(seconds) = pair.strip_prefix("refresh=") {
            let seconds = seconds.parse().ok()?;
            return (1..=REFRESH_MAX_S).contains(&seconds).then_some(seconds);
        }
    }
    None
}

/// A value as text with a line break, for people who use curl.
fn line(value: &Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_loaded_again_only_if_that_is_asked_for() {
        for (query, seconds) in [
            (None, None),
            (Some(""), None),
            (Some("refresh=5"), Some(5)),
            (Some("a=b&refresh=60"), Some(60)),
            (Some("refresh=0"), None),
            (Some("refresh=3601"), None),
            (Some("refresh=-1"), None),
            (Some("refresh=5;url=http://evil.example"), None),
            (Some("refresh"), None),
        ] {
            assert_eq!(refresh(query), seconds, "{query:?}");
        }
    }
}
