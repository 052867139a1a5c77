//! Counters of the HTTP edge: atomics that many threads write. Relaxed, since no other memory
//! depends on them.

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;

/// The counters, from 0 at the start.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: AtomicU64,
    answers: [AtomicU64; 5],
    accepted: AtomicU64,
    closed: AtomicU64,
    rejected: AtomicU64,
    timed_out: AtomicU64,
    shed: AtomicU64,
    accept_errors: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests whose head was read.
    pub requests: u64,
    /// Answers by the first digit of their status, from 1xx to 5xx.
    pub answers: [u64; 5],
    /// Connections open now.
    pub open: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed at once because their address had too many, and requests refused because
    /// the reader behind a proxy had.
    pub rejected: u64,
    /// Connections closed because a head, the next request or the progress of an answer took too
    /// long.
    pub timed_out: u64,
    /// Waiting connections closed early because all places were taken.
    pub shed: u64,
    /// Errors of accept that made it pause: no file descriptors, no memory.
    pub accept_errors: u64,
}

impl Metrics {
    /// The counters now. Each is exact, but they may be of slightly different moments.
    pub fn counts(&self) -> Counts {
        let accepted = read(&self.accepted);
        Counts {
            requests: read(&self.requests),
            answers: std::array::from_fn(|class| read(&self.answers[class])),
            open: accepted.saturating_sub(read(&self.closed)),
            accepted,
            rejected: read(&self.rejected),
            timed_out: read(&self.timed_out),
            shed: read(&self.shed),
            accept_errors: read(&self.accept_errors),
        }
    }

    /// Counts a request and its answer.
    pub(super) fn answered(&self, status: StatusCode) {
        add(&self.requests);
        let class = usize::from(status.as_u16() / 100);
        // `http` allows statuses up to 999, which have no counter.
        if let Some(counter) = self.answers.get(class.wrapping_sub(1)) {
            add(counter);
        }
    }

    pub(super) fn accepted(&self) {
        add(&self.accepted);
    }

    pub(super) fn closed(&self) {
        add(&self.closed);
    }

    pub(super) fn rejected(&self) {
        add(&self.rejected);
    }

    pub(super) fn timed_out(&self) {
        add(&self.timed_out);
    }

    pub(super) fn shed(&self) {
        add(&self.shed);
    }

    pub(super) fn accept_error(&self) {
        add(&self.accept_errors);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
