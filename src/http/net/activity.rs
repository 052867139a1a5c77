//! The activity of one connection: its state, since when, and its deadline.
//!
//! Shared by the socket, which reports bytes, the service, which reports requests, and the
//! connection's task, which asks for the deadline. All three run on one thread, so the fields are
//! cells. No timer is set here: a request on a kept connection costs two readings of the clock.
//!
//! In HTTP/2, whose requests overlap, a socket that takes bytes is no progress of an answer: that
//! depends on the client's flow control. There the body of an answer reports it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::super::limits::HEAD_BYTES_MAX;
use super::peer::Peer;
use super::per_address::Place;
use super::role::Role;
use crate::config;

/// The capacity that the copy of a head may keep while its connection waits.
const HEAD_BYTES_KEPT: usize = 512;

/// Time that an accepted connection has to send its first request before a stop closes it.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// A connection must have waited this long before it can be closed in favour of a new one.
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// Time without a request after which a connection gives its buffers up.
const QUIET_AFTER: Duration = Duration::from_millis(250);

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    accepted: Instant,
    peer: Cell<Peer>,
    role: Role,
    /// Set if the peer is a proxy that reports the readers of its requests.
    is_trusted: Cell<bool>,
    requests: Cell<u64>,
    /// Number of requests whose answer hyper does not have completely: 0 or 1 in HTTP/1, which
    /// answers in order.
    answering: Cell<u32>,
    /// Those of them that wait for the server and not for the client.
    working: Cell<u32>,
    /// The moment of the last progress of an answer; `None` in HTTP/1, where the socket shows it.
    progressed: Cell<Option<Instant>>,
    /// The moment at which the request began whose answer the client does not have completely;
    /// `None` in HTTP/2, which has a timer for each.
    answer_since: Cell<Option<Instant>>,
    /// The moment at which the first bytes came after the last request was taken.
    first_byte: Cell<Option<Instant>>,
    /// The moment at which the last answer was done.
    idle_since: Cell<Instant>,
    /// The moment since which the socket takes no more bytes.
    blocked: Cell<Option<Instant>>,
    evicted: Cell<bool>,
    /// Set while hyper has the connection, whose buffers are large.
    has_buffers: Cell<bool>,
    /// Set if bytes of a request may be unread: closing at once would reset the connection, and the
    /// client would lose the answer.
    unread: Cell<bool>,
    /// The bytes that came since the last request was taken, for [`Activity::saw_no_length`].
    head: RefCell<Vec<u8>>,
    waker: RefCell<Option<Waker>>,
}

impl Activity {
    pub(super) fn new(peer: Peer, role: Role, is_trusted: bool) -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            accepted: now,
            peer: Cell::new(peer),
            role,
            is_trusted: Cell::new(is_trusted),
            requests: Cell::new(0),
            answering: Cell::new(0),
            working: Cell::new(0),
            progressed: Cell::new(None),
            answer_since: Cell::new(None),
            first_byte: Cell::new(None),
            idle_since: Cell::new(now),
            blocked: Cell::new(None),
            evicted: Cell::new(false),
            has_buffers: Cell::new(false),
            unread: Cell::new(false),
            head: RefCell::default(),
            waker: RefCell::default(),
        })
    }

    /// The other end of the connection.
    pub(super) fn peer(&self) -> Peer {
        self.peer.get()
    }

    /// Replaces the other end of the connection by the one that its proxy reports.
    pub(super) fn set_peer(&self, peer: Peer, is_trusted: bool) {
        self.peer.set(peer);
        self.is_trusted.set(is_trusted);
    }

    /// Whether the peer is a proxy that reports the readers of its requests.
    pub(super) fn is_trusted(&self) -> bool {
        self.is_trusted.get()
    }

    /// The use of the listener that accepted the connection.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Notes that the connection goes on in HTTP/2.
    pub(super) fn speak_http2(&self) {
        self.progressed.set(Some(Instant::now()));
    }

    /// Whether the connection speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.progressed.get().is_some()
    }

    /// Passes the bytes that came since the last request was taken; see
    /// [`Activity::saw_no_length`].
    pub(super) fn with_head(&self, see: impl FnOnce(&[u8])) {
        see(&self.head.borrow());
    }

    /// Notes that the first bytes came: of a request, or of a TLS handshake, whose time is that of
    /// the first request too.
    pub(super) fn began(&self) {
        if self.first_byte.get().is_none() {
            self.first_byte.set(Some(Instant::now()));
        }
    }

    /// Notes bytes of HTTP/1 that arrived.
    pub(super) fn received(&self, bytes: &[u8]) {
        self.began();
        let mut head = self.head.borrow_mut();
        // Bytes beyond a head are a body or a pipelined request, and are not needed.
        let room = (HEAD_BYTES_MAX * 2).saturating_sub(head.len());
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Notes that the socket took bytes.
    pub(super) fn wrote(&self) {
        self.blocked.set(None);
    }

    /// Notes that the socket took no bytes.
    pub(super) fn could_not_write(&self) {
        // The time-out counts from the first refusal: hyper tries again whenever it is polled.
        if self.blocked.get().is_none() {
            self.blocked.set(Some(Instant::now()));
        }
    }

    /// Notes that nothing of an answer waits here to be written.
    pub(super) fn flushed(&self) {
        if self.answering.get() == 0 {
            self.answer_since.set(None);
        }
    }

    /// Notes that a request was taken. It is answered when the returned value is dropped.
    pub(super) fn begin(self: &Rc<Self>) -> Busy {
        self.requests.set(self.requests.get() + 1);
        self.answering.set(self.answering.get() + 1);
        self.working.set(self.working.get() + 1);
        let first_byte = self.first_byte.take();
        // An answer before it that is not written completely has begun earlier.
        if !self.is_http2() && self.answer_since.get().is_none() {
            let since = self.idle_since.get();
            self.answer_since.set(Some(first_byte.map_or(since, |first| first.max(since))));
        }
        let mut head = self.head.borrow_mut();
        head.clear();
        // Thousands of idle connections must not each keep the memory of their largest head.
        if head.capacity() > HEAD_BYTES_KEPT {
            *head = Vec::new();
        }
        Busy { activity: Rc::clone(self), is_working: Cell::new(true), place: None }
    }

    /// Notes that a request was read and answered at once, and its answer was taken whole.
    pub(super) fn answered(&self) {
        self.requests.set(self.requests.get() + 1);
        self.idle_since.set(Instant::now());
    }

    /// Whether the head of the request just taken certainly has no Content-Length. hyper removes
    /// that field if there is a Transfer-Encoding, so its request cannot show that both were sent.
    /// The answer is false if the copy does not begin with this request (pipelining, or a body
    /// before it).
    pub(super) fn saw_no_length(&self, method: &str) -> bool {
        let head = self.head.borrow();
        // Empty lines before a request are allowed (RFC 9112, 2.2).
        let head = head.trim_ascii_start();
        let Some(rest) = head.strip_prefix(method.as_bytes()) else { return false };
        if !rest.starts_with(b" ") {
            return false;
        }
        for line in rest.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            if line.is_empty() {
                return true;
            }
            if name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
                return false;
            }
        }
        false
    }

    /// The moment at which the client has taken too long; in HTTP/2, `None` while the server is
    /// working.
    pub(super) fn deadline(&self, limits: &config::Server) -> Option<Instant> {
        let stalled = self.stalled_since().map(|since| since + limits.write_timeout);
        if stalled.is_some() || self.answering.get() > 0 {
            let whole = self.answer_since.get().map(|since| since + limits.response_timeout);
            return match (stalled, whole) {
                (Some(stalled), Some(whole)) => Some(stalled.min(whole)),
                (stalled, whole) => stalled.or(whole),
            };
        }
        Some(match self.first_byte.get() {
            // A pipelined head may arrive before the last answer is done, and its time begins then.
            Some(first) => first.max(self.idle_since.get()) + limits.header_timeout,
            None if self.requests.get() == 0 => self.accepted + limits.header_timeout,
            None => self.idle_since.get() + limits.idle_timeout,
        })
    }

    /// Notes that the connection has buffers.
    pub(super) fn hold_buffers(&self) {
        self.has_buffers.set(true);
    }

    /// Notes that the connection has no buffers any more, and gives up the one that is here.
    pub(super) fn release_buffers(&self) {
        self.has_buffers.set(false);
        *self.head.borrow_mut() = Vec::new();
    }

    /// The moment at which the connection can give its buffers up, if no request comes before.
    pub(super) fn quiet_at(&self) -> Option<Instant> {
        let is_idle = self.requests.get() > 0
            && self.answering.get() == 0
            && self.answer_since.get().is_none()
            && self.first_byte.get().is_none()
            && self.blocked.get().is_none();
        if self.has_buffers.get() && is_idle {
            Some(self.idle_since.get() + QUIET_AFTER)
        } else {
            None
        }
    }

    /// The moment since which the client keeps the server from sending.
    fn stalled_since(&self) -> Option<Instant> {
        if let Some(blocked) = self.blocked.get() {
            return Some(blocked);
        }
        let waits_for_client = self.answering.get() > 0 && self.working.get() == 0;
        self.progressed.get().filter(|_| waits_for_client)
    }

    /// The moment until which a stop leaves this connection open, because its first request may
    /// still arrive; `None` after the first request.
    pub(super) fn grace(&self) -> Option<Instant> {
        if self.requests.get() == 0 { Some(self.accepted + FIRST_REQUEST) } else { None }
    }

    /// The moment since which the connection waits for a request; `None` if it does not, or not
    /// long enough to be closed.
    pub(super) fn waiting_since(&self, now: Instant) -> Option<Instant> {
        let since = self.idle_since.get();
        let is_waiting = self.answering.get() == 0 && self.blocked.get().is_none();
        if is_waiting && now >= since + EVICT_AFTER { Some(since) } else { None }
    }

    /// Asks the connection to close in favour of another.
    pub(super) fn evict(&self) {
        self.evicted.set(true);
        self.wake();
    }

    /// Whether the connection was asked to close, and has not got a request since.
    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.get() && self.answering.get() == 0
    }

    /// Notes that bytes of a request are left unread.
    pub(super) fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// Whether bytes of a request are left unread.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.get()
    }

    /// Remembers the connection's task.
    pub(super) fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Wakes the connection's task.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// The mark of a connection that is answering a request, as long as this lives.
#[derive(Debug)]
pub(super) struct Busy {
    activity: Rc<Activity>,
    /// Set while the answer waits for the server.
    is_working: Cell<bool>,
    /// The place of a request that is counted by itself. In a box, since few have one.
    place: Option<Box<Place>>,
}

impl Busy {
    /// Keeps the place of the request until it is answered.
    pub(super) fn keep(&mut self, place: Place) {
        self.place = Some(Box::new(place));
    }

    /// Whether the answer goes out by HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.activity.is_http2()
    }

    /// Notes that the answer waits for the server.
    pub(super) fn work(&self) {
        if !self.is_working.replace(true) {
            self.activity.working.set(self.activity.working.get() + 1);
        }
    }

    /// Notes that a part of the answer was handed to hyper, and waits for the client.
    pub(super) fn hand_over(&self) {
        let worked = self.is_working.replace(false);
        if worked {
            self.activity.working.set(self.activity.working.get().saturating_sub(1));
        }
        if self.is_http2() {
            self.activity.progressed.set(Some(Instant::now()));
            if worked {
                // The answer is a task of its own. The connection's would not hear that the client
                // has a deadline now, if nothing can be written.
                self.activity.wake();
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let activity = &self.activity;
        if self.is_working.get() {
            activity.working.set(activity.working.get().saturating_sub(1));
        }
        activity.answering.set(activity.answering.get().saturating_sub(1));
        activity.idle_since.set(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity() -> Rc<Activity> {
        Activity::new(Peer::of([192, 0, 2, 1].into()), Role::Plain, false)
    }

    #[test]
    fn each_phase_has_its_limit() {
        let limits = config::Server::defaults();
        let activity = activity();
        let start = activity.accepted;
        assert_eq!(
            activity.deadline(&limits),
            Some(start + limits.header_timeout),
            "the first head"
        );
        activity.received(b"GET /");
        let first_byte = activity.first_byte.get().unwrap();
        assert_eq!(activity.deadline(&limits), Some(first_byte + limits.header_timeout));
        let busy = activity.begin();
        let whole = Some(first_byte + limits.response_timeout);
        assert_eq!(activity.deadline(&limits), whole, "the server is at work");
        activity.could_not_write();
        let blocked = activity.blocked.get().unwrap();
        activity.could_not_write();
        assert_eq!(
            activity.deadline(&limits),
            Some(blocked + limits.write_timeout),
            "from the first refusal"
        );
        let short = config::Server { response_timeout: Duration::ZERO, ..limits.clone() };
        assert_eq!(
            activity.deadline(&short),
            Some(first_byte),
            "from the first byte of the request"
        );
        drop(busy);
        assert_eq!(activity.deadline(&short), Some(first_byte), "until it is written");
        activity.wrote();
        activity.flushed();
        assert_eq!(
            activity.deadline(&limits),
            Some(activity.idle_since.get() + limits.idle_timeout)
        );
        assert_eq!(activity.waiting_since(activity.idle_since.get()), None, "only just");
        let later = activity.idle_since.get() + EVICT_AFTER;
        assert_eq!(activity.waiting_since(later), Some(activity.idle_since.get()));
    }

    #[test]
    fn buffers_are_given_up_while_nothing_is_under_way() {
        let activity = activity();
        activity.hold_buffers();
        assert_eq!(activity.quiet_at(), None, "the first request is still to come");
        activity.received(b"GET / HTTP/1.1\r\n\r\n");
        let busy = activity.begin();
        assert_eq!(activity.quiet_at(), None, "it is answered");
        drop(busy);
        assert_eq!(activity.quiet_at(), None, "the answer is not written");
        activity.flushed();
        let quiet_at = activity.idle_since.get() + QUIET_AFTER;
        assert_eq!(activity.quiet_at(), Some(quiet_at));
        activity.received(b"GET /");
        assert_eq!(activity.quiet_at(), None, "a request has begun");
        drop(activity.begin());
        activity.flushed();
        activity.release_buffers();
        assert_eq!(activity.quiet_at(), None, "there are none");
        assert_eq!(activity.head.borrow().capacity(), 0);
    }

    #[test]
    fn in_http2_an_answer_waits_for_the_client_or_for_the_server() {
        let limits = config::Server::defaults();
        let activity = activity();
        activity.began();
        activity.speak_http2();
        let (first, second) = (activity.begin(), activity.begin());
        assert_eq!(activity.deadline(&limits), None, "the server is at work");
        first.hand_over();
        assert_eq!(activity.deadline(&limits), None, "on one of them");
        second.hand_over();
        let progressed = activity.progressed.get().unwrap();
        assert_eq!(activity.deadline(&limits), Some(progressed + limits.write_timeout));
        second.work();
        assert_eq!(activity.deadline(&limits), None, "the server reads a file");
        drop(second);
        let progressed = activity.progressed.get().unwrap();
        assert_eq!(activity.deadline(&limits), Some(progressed + limits.write_timeout));
        drop(first);
        let idle = Some(activity.idle_since.get() + limits.idle_timeout);
        assert_eq!(activity.deadline(&limits), idle);
        assert_eq!((activity.working.get(), activity.answering.get()), (0, 0));
    }

    #[test]
    fn a_length_is_seen() {
        for (text, none) in [
            ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("\r\nGET / HTTP/1.1\nTransfer-Encoding: chunked\n\ncontent-length: 5\n", true),
            ("GET / HTTP/1.1\r\nCONTENT-length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length : 5\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nTransfer-Enc", false),
            ("GETX / HTTP/1.1\r\n\r\n", false),
            ("5\r\nhello\r\nGET / HTTP/1.1\r\n\r\n", false),
            ("", false),
        ] {
            let activity = activity();
            activity.received(text.as_bytes());
            assert_eq!(activity.saw_no_length("GET"), none, "{text:?}");
        }
    }
}
