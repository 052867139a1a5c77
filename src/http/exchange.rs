//! What is observed of a request: one [`Exchange`] for each answer, when its body is done.
//!
//! An [`Observer`] of [`Edge::observers`](super::Edge) is given every exchange, on the thread of
//! the worker that answered: it must be quick, and never block. Without observers nothing is noted:
//! no clock is read, nothing is copied or allocated.
//!
//! Bytes are counted when hyper takes them, as Apache counts its `%b`: what a client that went away
//! did not receive of the last piece is included. What is not reported: a request whose client went
//! away before its answer began, and a head that timed out (see the counters).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, REFERER,
    USER_AGENT,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::plain::{Plain, Ready};
use crate::base::{Format, Route, Scope, Timestamp};
use crate::ops::clock::Clock;
use crate::publish::Coding;

/// A request, and the answer to it as far as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The reader's address; `None` where a connection has none.
    pub reader: Option<IpAddr>,
    /// The request.
    pub request: Request<'a>,
    /// The time at which its head was read.
    pub begun: Timestamp,
    /// The time from then until the last byte of the body was taken, or the answer was broken off.
    pub took: Duration,
    /// The status of the answer.
    pub status: StatusCode,
    /// The media type of the answer. 304 and a redirect without a page have none.
    pub content_type: Option<&'a HeaderValue>,
    /// The content coding of the body.
    pub coding: Coding,
    /// The bytes of the body that were sent, coded; 0 for HEAD and 304.
    pub body_bytes: u64,
    /// Whether the body was sent to its end.
    pub is_whole: bool,
    /// The route that the target names, whatever the status; `None` if it names none or was not
    /// looked up.
    pub route: Option<&'a Route>,
}

/// The request of an exchange.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// A request whose head was read.
    Read(&'a Parts),
    /// A request that the fast path read.
    Plain(&'a Plain<'a>),
    /// The bytes as they came, of what is not HTTP or has too many or too long header fields. May
    /// be cut, or empty if they came together with the request before.
    Refused(&'a [u8]),
}

impl<'a> Exchange<'a> {
    /// The value of a header field of the request; of several lines, the first.
    pub fn field(&self, name: &HeaderName) -> Option<&'a [u8]> {
        match self.request {
            Request::Read(head) => Some(head.headers.get(name)?.as_bytes()),
            Request::Plain(plain) => plain.field(name),
            Request::Refused(_) => None,
        }
    }

    /// The method; `None` of what is not HTTP.
    pub fn method(&self) -> Option<Method> {
        match self.request {
            Request::Read(head) => Some(head.method.clone()),
            Request::Plain(plain) => Some(plain.method()),
            Request::Refused(_) => None,
        }
    }

    /// `User-Agent`
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.field(&USER_AGENT)
    }

    /// `Referer`
    pub fn referer(&self) -> Option<&'a [u8]> {
        self.field(&REFERER)
    }

    /// Whether the request has a validator, so that 304 can answer it.
    pub fn is_conditional(&self) -> bool {
        match self.request {
            Request::Read(head) => is_conditional(&head.headers),
            Request::Plain(plain) => plain.is_conditional(),
            Request::Refused(_) => false,
        }
    }

    /// Whether the answer is a page for people, and no error.
    pub fn is_page(&self) -> bool {
        let is_html =
            self.content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
        self.status == StatusCode::OK && is_html
    }

    /// The feed that was polled: answered as such with 200, 226 or 304. A browser that got the page
    /// about a feed has polled none.
    pub fn feed(&self) -> Option<(&'a Scope, Format)> {
        let Some(Route::Feed(scope, format)) = self.route else { return None };
        match self.status {
            StatusCode::OK if self.is_page() => None,
            StatusCode::OK | StatusCode::IM_USED | StatusCode::NOT_MODIFIED => {
                Some((scope, *format))
            }
            _ => None,
        }
    }
}

/// Whether these header fields have a validator of RFC 9110, 13.1.2 or 13.1.3.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE)
}

/// Something that is given every exchange.
pub trait Observer: Send + Sync {
    /// Notes an exchange. Called by all workers at once. Must not block or panic.
    fn finished(&self, exchange: &Exchange<'_>);
}

/// The observers, and the clock that dates exchanges. Cheap to copy.
#[derive(Clone)]
pub(super) struct Observers {
    list: Arc<[Arc<dyn Observer>]>,
    clock: Arc<dyn Clock>,
}

impl Observers {
    pub(super) fn new(list: &[Arc<dyn Observer>], clock: Arc<dyn Clock>) -> Self {
        Self { list: Arc::from(list), clock }
    }

    /// The present moment, if anything observes.
    pub(super) fn begin(&self) -> Option<Begun> {
        if self.list.is_empty() {
            return None;
        }
        Some(Begun { at: self.clock.now(), instant: Instant::now() })
    }

    fn report(&self, exchange: &Exchange<'_>) {
        for observer in &*self.list {
            observer.finished(exchange);
        }
    }

    /// Reports a request that hyper refused with `status`, without a body. `bytes`: what came.
    pub(super) fn refused(&self, reader: Option<IpAddr>, bytes: &[u8], status: StatusCode) {
        let Some(begun) = self.begin() else { return };
        self.report(&Exchange {
            reader,
            request: Request::Refused(bytes),
            begun: begun.at,
            took: Duration::ZERO,
            status,
            content_type: None,
            coding: Coding::Identity,
            body_bytes: 0,
            is_whole: true,
            route: None,
        });
    }

    /// Reports a plain request that was answered at once.
    pub(super) fn answered(
        &self,
        reader: Option<IpAddr>,
        plain: &Plain<'_>,
        ready: &Ready,
        begun: Option<Begun>,
    ) {
        let Some(begun) = begun else { return };
        self.report(&Exchange {
            reader,
            request: Request::Plain(plain),
            begun: begun.at,
            took: begun.instant.elapsed(),
            status: ready.status,
            content_type: ready.content_type.as_ref(),
            coding: ready.coding,
            body_bytes: if plain.is_head { 0 } else { ready.body.len() as u64 },
            is_whole: true,
            route: Some(&ready.route),
        });
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observers({})", self.list.len())
    }
}

/// The moment at which an exchange began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    at: Timestamp,
    instant: Instant,
}

/// What the answer to a request needs and finds out besides its head.
#[derive(Debug, Default)]
pub(super) struct RequestContext {
    /// The reader's address; `None` where a connection has none.
    pub(super) reader: Option<IpAddr>,
    /// The route that the target names, set by the answer.
    pub(super) route: Option<Route>,
    /// The body, where it is wanted. In a box, since it is rare.
    pub(super) form: Option<Box<Form>>,
}

/// The body of a request that sends a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Whole(Bytes),
    /// It is longer than the answer may want.
    TooLong,
    /// It did not come to its end in time.
    Unfinished,
}

/// An exchange whose body is being sent. It is reported when this is dropped.
#[derive(Debug)]
pub(super) struct Record {
    observers: Observers,
    context: RequestContext,
    head: Parts,
    begun: Begun,
    status: StatusCode,
    content_type: Option<HeaderValue>,
    coding: Coding,
    body_bytes: u64,
    is_whole: bool,
}

impl Record {
    /// A record of the answer with this status and these header fields. In a box, so that it does
    /// not weigh on connections where nothing observes.
    pub(super) fn new(
        observers: &Observers,
        begun: Begun,
        context: RequestContext,
        head: Parts,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Box<Self> {
        Box::new(Self {
            observers: observers.clone(),
            context,
            head,
            begun,
            status,
            content_type: headers.get(CONTENT_TYPE).cloned(),
            coding: coding(headers),
            body_bytes: 0,
            is_whole: false,
        })
    }

    /// A record of the answer to a plain request that is not sent at once.
    pub(super) fn of_plain(
        observers: &Observers,
        begun: Begun,
        context: RequestContext,
        head: Parts,
        ready: &Ready,
    ) -> Box<Self> {
        Box::new(Self {
            observers: observers.clone(),
            context,
            head,
            begun,
            status: ready.status,
            content_type: ready.content_type.clone(),
            coding: ready.coding,
            body_bytes: 0,
            is_whole: false,
        })
    }

    /// Notes bytes of the body that were taken.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.body_bytes += bytes as u64;
    }

    /// Notes that the body came to its end.
    pub(super) fn ended(&mut self) {
        self.is_whole = true;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.observers.report(&Exchange {
            reader: self.context.reader,
            request: Request::Read(&self.head),
            begun: self.begun.at,
            took: self.begun.instant.elapsed(),
            status: self.status,
            content_type: self.content_type.as_ref(),
            coding: self.coding,
            body_bytes: self.body_bytes,
            is_whole: self.is_whole,
            route: self.context.route.as_ref(),
        });
    }
}

/// The coding of an answer with these header fields.
fn coding(headers: &HeaderMap) -> Coding {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Coding::Identity };
    let named = Coding::ALL.into_iter().find(|coding| value.as_bytes() == coding.name().as_bytes());
    named.unwrap_or(Coding::Identity)
}
