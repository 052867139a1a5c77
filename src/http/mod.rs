//! The HTTP edge: a function of (request, snapshot), and the sockets around it.
//!
//! `net` owns threads, sockets and time-outs, and does not know the answers; `answer` makes the
//! answer to a request, and does not know sockets; this module connects them. `limits` bounds what
//! a client may send, `metrics` counts.
//!
//! Never changes what it serves, never derives a file name from a request (every path goes through
//! `Route::parse`), and never trusts a Host field: every URL comes from `site.url`. Everything that
//! a client sends is limited, in size here and in time by `config::Server`.

pub(crate) mod answer;
mod limits;
mod metrics;
pub mod net;

use std::io;
use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};

use crate::base::Route;
use crate::config;
use crate::ops::clock::Clock;
use crate::ops::sockets::ListenSocket;
use crate::publish::{Found, Published, Render, Snapshot};

use answer::{Content, Handler, Problem, Warm};

pub use metrics::Metrics;
pub use net::{Role, Running, Tls};

/// The memory that warm documents may take together, in bytes.
const CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything that the server needs: the snapshot, the renderer, limits, a clock, counters.
#[derive(Clone)]
pub struct Edge {
    /// The current snapshot.
    pub published: Arc<Published>,
    /// The renderer of warm documents.
    pub render: Arc<dyn Render>,
    /// The limits. Its `listen` is not used here: the daemon binds the listeners.
    pub server: config::Server,
    /// TLS, if there are listeners for it.
    pub tls: Option<Tls>,
    /// The clock, for `Date`, `max-age` and dates in the future.
    pub clock: Arc<dyn Clock>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The look-up of a route: [`Snapshot::find`], or a test's own table.
    pub find: fn(&Snapshot, &Route) -> Found,
}

impl Edge {
    /// An edge without TLS and with new counters that looks up routes in the snapshot.
    pub fn new(
        published: Arc<Published>,
        render: Arc<dyn Render>,
        server: config::Server,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (metrics, find) = (Arc::default(), Snapshot::find);
        Self { published, render, server, tls: None, clock, metrics, find }
    }
}

/// Serves `edge` on `listeners`, which are bound and listening, until it is stopped. One worker
/// thread for each core.
///
/// # Errors
///
/// A listener cannot be duplicated or registered, or a thread or runtime cannot be started. Nothing
/// is left running then.
pub fn start(listeners: Vec<(ListenSocket, Role)>, edge: Edge) -> io::Result<Running> {
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
    net::serve(&listeners, &edge.server, edge.tls, &edge.metrics, handlers)
}

impl net::Service for Handler {
    type Body = Content;

    fn answer(
        &self,
        head: &Parts,
        _client: net::Client,
    ) -> impl Future<Output = Response<Content>> {
        self.answer(head)
    }

    fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Content> {
        self.problem(&Problem::new(status, reason))
    }

    fn redirect(&self, head: &Parts) -> Response<Content> {
        self.problem(&self.to_https(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        // hyper's read buffer has 8 KiB more; a connection may take 11 KiB.
        let bytes = net::future_bytes::<Handler>();
        assert!(bytes <= 1280, "{bytes}");
    }
}
