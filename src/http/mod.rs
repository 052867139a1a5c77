//! The HTTP edge: a function of (request, snapshot), and the sockets around it.
//!
//! `net` owns threads, sockets and time-outs, and does not know the answers; `answer` makes the
//! answer to a request, and does not know sockets; this module connects them. `limits` bounds what
//! a client may send, `metrics` counts, `exchange` is what observers see of each request. `admin`
//! is a listener for operators, `readers` counts the readers of feeds, `hub` is the way to the own
//! hub.
//!
//! Never changes what it serves, never derives a file name from a request (every path goes through
//! `Route::parse`), and never trusts a Host field: every URL comes from `site.url`. Everything that
//! a client sends is limited, in size here and in time by `config::Server`.

mod access_log;
pub mod admin;
pub(crate) mod answer;
mod exchange;
pub mod hub;
mod limits;
pub(crate) mod metrics;
pub mod net;
mod politeness;
pub mod readers;

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
use exchange::{Observers, RequestContext};
use hub::Door;

pub use access_log::AccessLogger;
pub use exchange::{Exchange, Observer, Request};
pub use metrics::Metrics;
pub use net::{Role, Running, Tls};
pub use politeness::Politeness;

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
    /// What is given every exchange; usually nothing.
    pub observers: Vec<Arc<dyn Observer>>,
    /// The limit on unconditional requests; `None` if there is none.
    pub politeness: Option<Arc<Politeness>>,
    /// The way to the own hub; `None` if there is none.
    pub hub: Option<Arc<Door>>,
    /// The look-up of a route: [`Snapshot::find`], or a test's own table.
    pub find: fn(&Snapshot, &Route) -> Found,
}

impl Edge {
    /// An edge without TLS and observers, and with new counters, that looks up routes in the
    /// snapshot.
    pub fn new(
        published: Arc<Published>,
        render: Arc<dyn Render>,
        server: config::Server,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            published,
            render,
            server,
            tls: None,
            clock,
            metrics: Arc::default(),
            observers: Vec::new(),
            politeness: None,
            hub: None,
            find: Snapshot::find,
        }
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
        Arc::clone(&edge.metrics),
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
        context: &mut RequestContext,
    ) -> impl Future<Output = Response<Content>> {
        self.answer(head, context)
    }

    fn form_bytes_max(&self, head: &Parts) -> Option<usize> {
        self.form_bytes_max(head)
    }

    fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Content> {
        self.problem(&Problem::new(status, reason))
    }

    fn redirect(&self, head: &Parts) -> Response<Content> {
        self.problem(&self.to_https(head))
    }

    fn observers(&self) -> &Observers {
        self.observers()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;
    use http::header::RETRY_AFTER;

    use super::*;
    use crate::base::{Format, Scope};
    use crate::config::Config;
    use crate::engine::renderer::Renderer;
    use crate::ops::clock::ManualClock;
    use crate::publish::{Document, Kind};

    /// A handler of the site's Atom feed, with a limit on unconditional requests.
    fn handler(per_hour: u32, clock: &Arc<ManualClock>) -> Handler {
        let config = Config::of("", std::path::Path::new("/srv")).unwrap();
        let server = config.server.clone();
        let text = Bytes::from_static(b"<feed/>");
        let document = Document::new(Kind::Feed, "application/atom+xml", text, None);
        let feeds = [(Route::Feed(Scope::Site, Format::Atom), Arc::new(document))];
        let published = Arc::new(Published::default());
        let snapshot = Snapshot::restored(Arc::new(config), feeds.into_iter().collect());
        published.publish(Arc::new(snapshot));
        let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
        let render = Arc::new(Renderer::new(Arc::clone(&clock)));
        let mut edge = Edge::new(published, render, server, clock);
        edge.politeness = Politeness::new(per_hour).map(Arc::new);
        let versions = Arc::clone(edge.published.versions());
        let render = Arc::clone(&edge.render);
        let warm = Warm::new(render, versions, Arc::clone(&edge.metrics), 1024, 1).unwrap();
        Handler::new(&edge, Arc::new(warm))
    }

    #[test]
    fn a_reader_that_never_asks_for_changes_is_slowed_down() {
        let clock = Arc::new(ManualClock::at("2026-11-29T08:00:00Z".parse().unwrap()));
        let (limited, free) = (handler(2, &clock), handler(0, &clock));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (conditional, head) = (("If-None-Match", "\"x\""), "HEAD");
        let nothing = ("X", "y");
        for (method, target, field, status) in [
            ("GET", "/atom.xml", nothing, 200),
            ("GET", "/atom.xml", conditional, 200),
            (head, "/atom.xml", nothing, 200),
            ("GET", "/none", nothing, 503),
            ("GET", "/atom.xml?cache=buster", nothing, 200),
            ("GET", "/atom.xml", nothing, 429),
            ("GET", "/atom.xml", ("User-Agent", "Other"), 200),
            ("GET", "/atom.xml", conditional, 200),
            (head, "/atom.xml", nothing, 200),
        ] {
            let request = http::Request::builder().method(method).uri(target);
            let request = request.header("Host", "h").header(field.0, field.1);
            let (head, ()) = request.body(()).unwrap().into_parts();
            let without_limit = if status == 429 { 200 } else { status };
            for (handler, expected) in [(&limited, status), (&free, without_limit)] {
                let reader = Some("192.0.2.1".parse().unwrap());
                let mut context = RequestContext { reader, ..RequestContext::default() };
                let response = runtime.block_on(handler.answer(&head, &mut context));
                assert_eq!(response.status().as_u16(), expected, "{method} {target} {field:?}");
                let wait_s = response.headers().get(RETRY_AFTER).map(|value| value.as_bytes());
                if response.status() == StatusCode::TOO_MANY_REQUESTS {
                    assert_eq!(wait_s, Some(&b"3600"[..]));
                    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
                }
            }
        }
    }

    #[test]
    fn an_idle_connection_is_small() {
        // hyper's read buffer has 8 KiB more; a connection may take 11 KiB.
        let bytes = net::future_bytes::<Handler>();
        assert!(bytes <= 1280, "{bytes}");
    }
}
