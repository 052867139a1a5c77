//! The activity of one connection: its state, since when, and its deadline.
//!
//! Shared by the socket, which reports bytes, the service, which reports requests, and the
//! connection's task, which asks for the deadline. All three run on one thread, so the fields are
//! cells. No timer is set here: a request on a kept connection costs two readings of the clock.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::super::limits::HEAD_BYTES_MAX;
use crate::config;

/// The capacity that the copy of a head may keep while its connection waits.
const HEAD_BYTES_KEPT: usize = 512;

/// Time that an accepted connection has to send its first request before a stop closes it.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// A connection must have waited this long before it can be closed in favour of a new one.
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// The address of the socket's peer.
    peer: Option<IpAddr>,
    accepted: Instant,
    requests: Cell<u64>,
    /// Number of requests whose answer hyper does not have completely: 0 or 1, because HTTP/1
    /// answers in order.
    answering: Cell<u32>,
    /// The moment at which the first bytes came after the last request was taken.
    first_byte: Cell<Option<Instant>>,
    /// The moment at which the last answer was done.
    idle_since: Cell<Instant>,
    /// The moment since which the socket takes no more bytes.
    blocked: Cell<Option<Instant>>,
    evicted: Cell<bool>,
    /// Set if bytes of a request may be unread: closing at once would reset the connection, and the
    /// client would lose the answer.
    unread: Cell<bool>,
    /// The bytes that came since the last request was taken, for [`Activity::saw_no_length`].
    head: RefCell<Vec<u8>>,
    waker: RefCell<Option<Waker>>,
}

impl Activity {
    /// The activity of a new connection from `peer`.
    pub(super) fn new(peer: Option<IpAddr>) -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            peer,
            accepted: now,
            requests: Cell::new(0),
            answering: Cell::new(0),
            first_byte: Cell::new(None),
            idle_since: Cell::new(now),
            blocked: Cell::new(None),
            evicted: Cell::new(false),
            unread: Cell::new(false),
            head: RefCell::default(),
            waker: RefCell::default(),
        })
    }

    /// The address of the reader who sends the requests, for logs and statistics.
    pub(super) fn reader(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Passes the bytes that came since the last request was taken; see [`Activity::saw_no_length`].
    pub(super) fn with_head(&self, see: impl FnOnce(&[u8])) {
        see(&self.head.borrow());
    }

    /// Notes bytes that arrived.
    pub(super) fn received(&self, bytes: &[u8]) {
        if self.first_byte.get().is_none() {
            self.first_byte.set(Some(Instant::now()));
        }
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

    /// Notes that a request was taken. It is answered when the returned value is dropped.
    pub(super) fn begin(self: &Rc<Self>) -> Busy {
        self.requests.set(self.requests.get() + 1);
        self.answering.set(self.answering.get() + 1);
        self.first_byte.set(None);
        let mut head = self.head.borrow_mut();
        head.clear();
        // Thousands of idle connections must not each keep the memory of their largest head.
        if head.capacity() > HEAD_BYTES_KEPT {
            *head = Vec::new();
        }
        Busy(Rc::clone(self))
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

    /// The moment at which the client has taken too long; `None` while the server is working.
    pub(super) fn deadline(&self, limits: &config::Server) -> Option<Instant> {
        if let Some(blocked) = self.blocked.get() {
            return Some(blocked + limits.write_timeout);
        }
        if self.answering.get() > 0 {
            return None;
        }
        Some(match self.first_byte.get() {
            // A pipelined head may arrive before the last answer is done, and its time begins then.
            Some(first) => first.max(self.idle_since.get()) + limits.header_timeout,
            None if self.requests.get() == 0 => self.accepted + limits.header_timeout,
            None => self.idle_since.get() + limits.idle_timeout,
        })
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
pub(super) struct Busy(Rc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.answering.set(self.0.answering.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> config::Server {
        config::Server {
            listen: Vec::new(),
            max_connections: 1,
            connections_per_address: 1,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(20),
        }
    }

    #[test]
    fn each_phase_has_its_limit() {
        let limits = limits();
        let activity = Activity::new(None);
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
        assert_eq!(activity.deadline(&limits), None, "the server is at work");
        activity.could_not_write();
        let blocked = activity.blocked.get().unwrap();
        activity.could_not_write();
        assert_eq!(
            activity.deadline(&limits),
            Some(blocked + limits.write_timeout),
            "from the first refusal"
        );
        activity.wrote();
        drop(busy);
        assert_eq!(
            activity.deadline(&limits),
            Some(activity.idle_since.get() + limits.idle_timeout)
        );
        assert_eq!(activity.waiting_since(activity.idle_since.get()), None, "only just");
        let later = activity.idle_since.get() + EVICT_AFTER;
        assert_eq!(activity.waiting_since(later), Some(activity.idle_since.get()));
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
            let activity = Activity::new(None);
            activity.received(text.as_bytes());
            assert_eq!(activity.saw_no_length("GET"), none, "{text:?}");
        }
    }
}
