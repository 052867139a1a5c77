//! The HTTP edge: a function of (request, snapshot), and the sockets around it.
//!
//! `net` owns threads, sockets and time-outs, and knows nothing of what it serves; `answer` is the
//! answer to a request, and knows nothing of sockets; they meet here. `limits` bounds what a client
//! may send, `metrics` counts.
//!
//! It never changes what it serves, never names a file (a path of a request goes through
//! `Route::parse` and nowhere else) and never believes a Host: every URL comes from `site.url`. All
//! that a client sends is bounded, in size here and in time by `config::Server`.

pub(crate) mod answer;
mod limits;
mod metrics;
mod net;

use std::io;
use std::sync::Arc;

use crate::base::Route;
use crate::config;
use crate::ops::clock::Clock;
use crate::publish::{Found, Published, Render, Snapshot};

use answer::{Content, Handler, Problem, Warm};

pub use metrics::Metrics;
pub use net::Running;

/// Bytes that warm documents may take together.
const CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The source of what is served, and the limits within which it is.
#[derive(Clone)]
pub struct Edge {
    /// The current snapshot.
    pub published: Arc<Published>,
    /// Makes what is not resident.
    pub render: Arc<dyn Render>,
    /// The limits; `listen` is the daemon's to bind.
    pub server: config::Server,
    /// The time of day: `Date`, `max-age`, and whether a date of modification lies ahead.
    pub clock: Arc<dyn Clock>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Finds what a route names: [`Snapshot::find`]. A test may put a table of its own before a
    /// library.
    pub find: fn(&Snapshot, &Route) -> Found,
}

impl Edge {
    /// An edge over what is published.
    pub fn new(
        published: Arc<Published>,
        render: Arc<dyn Render>,
        server: config::Server,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { published, render, server, clock, metrics: Arc::default(), find: Snapshot::find }
    }
}

/// Serves `edge` on `listeners`, which are bound and listening, until it is stopped. One worker
/// thread for each core.
///
/// # Errors
///
/// When a listener cannot be duplicated or registered, or a thread or runtime cannot be made;
/// nothing is left running.
pub fn start(listeners: Vec<std::net::TcpListener>, edge: Edge) -> io::Result<Running> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let warm = Arc::new(Warm::new(
        Arc::clone(&edge.render),
        Arc::clone(edge.published.versions()),
        CACHE_BYTES_MAX,
        cores,
    )?);
    let mut handlers = Vec::with_capacity(cores);
    for _ in 0..cores {
        handlers.push(Handler::new(&edge, Arc::clone(&warm)));
    }
    net::serve(&listeners, &edge.server, &edge.metrics, handlers)
}

impl net::Service for Handler {
    type Body = Content;

    fn answer(&self, head: &http::request::Parts) -> impl Future<Output = http::Response<Content>> {
        self.answer(head)
    }

    fn bad_request(&self, reason: &'static str) -> http::Response<Content> {
        self.problem(&Problem::bad_request(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        // Beside it stands hyper's read buffer of 8 KiB; 11 KiB are the budget of the whole.
        let bytes = net::future_bytes::<Handler>();
        assert!(bytes <= 1280, "{bytes}");
    }
}
