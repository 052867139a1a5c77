//! The HTTP edge: a function of (request, snapshot), and the sockets around it.
//!
//! `net` owns threads, sockets and time-outs, and does not know the answers; `answer` makes the
//! answer to a request, and does not know sockets; this module connects them. `plain` is what the
//! fast path knows of a request (`net/fast` and `answer/fast`). `limits` bounds what a client may
//! send, `metrics` counts, `exchange` is what observers see of each request. `admin`
//! is a listener for operators, `readers` counts the readers of feeds, `hub` is the way to the own
//! hub. `host` keeps what is for this machine only from pages of other sites.
//!
//! Never changes what it serves, never derives a file name from a request (every path goes through
//! `Route::parse`), and never trusts a Host field: every URL comes from `site.url`. Everything that
//! a client sends is limited, in size here and in time by `config::Server`.

mod access_log;
pub mod admin;
pub(crate) mod answer;
mod authority;
pub mod direct;
mod exchange;
mod host;
pub mod hub;
mod limits;
pub(crate) mod metrics;
pub mod net;
mod plain;
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
use plain::{Plain, Ready};

pub use access_log::AccessLogger;
pub use exchange::{Exchange, Observer, Request};
pub use metrics::Metrics;
pub use net::{Role, Running, Tls};
pub use politeness::Politeness;

/// The memory that warm documents may take together, in bytes: some 250 pages with their codings.
/// To make one takes a few milliseconds, so that more would serve few readers.
const CACHE_BYTES_MAX: usize = 4 * 1024 * 1024;

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
    /// The observers of every exchange; usually none.
    pub observers: Vec<Arc<dyn Observer>>,
    /// The limit on unconditional requests; `None` if there is none.
    pub politeness: Option<Arc<Politeness>>,
    /// The way to the own hub; `None` if there is none.
    pub hub: Option<Arc<Door>>,
    /// The site to which requests without TLS are redirected before the first snapshot; `None` if
    /// there is none.
    pub site: Option<config::Site>,
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
            site: None,
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
    // Half of the cores, so that many cold pages leave the others to those who ask for feeds. And
    // the allocator keeps for each thread what its largest rendering needed.
    let warm = Arc::new(Warm::new(
        Arc::clone(&edge.render),
        Arc::clone(edge.published.versions()),
        Arc::clone(&edge.metrics),
        CACHE_BYTES_MAX,
        cores.div_ceil(2),
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

    fn ready(&self, plain: &Plain<'_>, head: &mut Vec<u8>) -> Option<Arc<Ready>> {
        self.ready(plain, head)
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
    use std::mem::MaybeUninit;

    use http::StatusCode;
    use http::header::RETRY_AFTER;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::base::{Format, Scope};
    use crate::config::Config;
    use crate::engine::renderer::Renderer;
    use crate::ops::clock::ManualClock;
    use crate::publish::{Document, Extent, Kind};

    /// A handler of the site's Atom feed, with a limit on unconditional requests.
    fn handler(per_hour: u32, clock: &Arc<ManualClock>) -> Handler {
        let document = Document::new(Kind::Feed, "application/atom+xml", "<feed/>".into(), None);
        handler_of("", document, per_hour, clock)
    }

    fn handler_of(
        config: &str,
        document: Document,
        per_hour: u32,
        clock: &Arc<ManualClock>,
    ) -> Handler {
        let config = Config::of(config, std::path::Path::new("/srv")).unwrap();
        let (server, site) = (config.server.clone(), config.site.clone());
        let feeds = [(Route::Feed(Scope::Site, Format::Atom), Arc::new(document))];
        let published = Arc::new(Published::default());
        let feeds = feeds.into_iter().collect();
        let snapshot = Snapshot::restored(Extent::Feeds, Arc::new(config), feeds);
        published.publish(Arc::new(snapshot));
        new_handler(published, server, per_hour, site, clock)
    }

    fn new_handler(
        published: Arc<Published>,
        server: config::Server,
        per_hour: u32,
        site: config::Site,
        clock: &Arc<ManualClock>,
    ) -> Handler {
        let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
        let render = Arc::new(Renderer::new(Arc::clone(&clock)));
        let mut edge = Edge::new(published, render, server, clock);
        edge.politeness = Politeness::new(per_hour).map(Arc::new);
        edge.site = Some(site);
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
    fn the_redirect_to_https_waits_for_nothing() {
        let clock = Arc::new(ManualClock::at("2026-11-29T08:00:00Z".parse().unwrap()));
        let url = "site.url = \"https://example.org/blog/\"";
        let config = Config::of(url, std::path::Path::new("/srv")).unwrap();
        let handler = new_handler(Arc::default(), config.server, 0, config.site, &clock);
        for (target, host, status, location) in [
            ("/blog/a?b", "evil.example", 301, Some("https://example.org/blog/a?b")),
            ("//evil.example/", "h", 301, Some("https://example.org//evil.example/")),
            ("/", "a b", 400, None),
        ] {
            let request = http::Request::builder().uri(target).header("Host", host);
            let (head, ()) = request.body(()).unwrap().into_parts();
            let response = super::net::Service::redirect(&handler, &head);
            let led = response.headers().get("location").map(|led| led.to_str().unwrap());
            assert_eq!((response.status().as_u16(), led), (status, location), "{target}");
        }
    }

    #[test]
    fn a_start_serves_the_last_feeds_at_once_and_the_rest_when_the_articles_are_loaded() {
        let clock = Arc::new(ManualClock::at("2026-11-29T08:00:00Z".parse().unwrap()));
        let document = Document::new(Kind::Feed, "application/atom+xml", "<feed/>".into(), None);
        let handler = handler_of("", document, 0, &clock);
        let whole = handler.published.load().unwrap();
        let (config, feeds) = (Arc::clone(&whole.config), whole.hot.clone());
        let loading = Arc::new(Snapshot::restored(Extent::Loading, config, feeds));
        handler.published.publish(Arc::clone(&loading));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let status = async |target: &str| {
            let request = http::Request::builder().uri(target).header("Host", "h");
            let (head, ()) = request.body(()).unwrap().into_parts();
            handler.answer(&head, &mut RequestContext::default()).await.status().as_u16()
        };
        runtime.block_on(async {
            for (target, expected) in [("/atom.xml", 200), ("/-/healthy", 200), ("/-/ready", 503)] {
                assert_eq!(status(target).await, expected, "{target}");
            }
            let publish = async {
                tokio::task::yield_now().await;
                let config = Arc::clone(&loading.config);
                let whole = Snapshot {
                    extent: Extent::Whole,
                    generation: 1,
                    ..Snapshot::restored(Extent::Whole, config, Default::default())
                };
                handler.published.publish(Arc::new(whole));
            };
            assert_eq!(tokio::join!(status("/a"), publish).0, 404);
            assert_eq!(status("/-/ready").await, 200);
        });
    }

    /// Every request of a few values for each field that matters.
    fn requests(tag: &str) -> Vec<String> {
        let mut requests = Vec::new();
        for method in ["GET", "HEAD"] {
            for coding in ["", "gzip", "br", "gzip, br;q=0", "*", "identity", "zstd"] {
                for matched in
                    ["", "\"@\"", "W/\"@\"", "\"@-br\"", "\"x\"", "*", "\"x\", \"@\"", "@"]
                {
                    for since in ["", "Fri, 20 Nov 2026 09:30:00 GMT", "yesterday"] {
                        for other in ["", "Accept: text/html", "A-IM: feed", "Connection: close"] {
                            let mut text = format!("{method} /atom.xml HTTP/1.1\r\nHost: h\r\n");
                            let named = [
                                ("Accept-Encoding", coding),
                                ("If-None-Match", matched),
                                ("If-Modified-Since", since),
                            ];
                            for (name, value) in named {
                                if !value.is_empty() {
                                    text.push_str(&format!("{name}: {value}\r\n"));
                                }
                            }
                            if !other.is_empty() {
                                text.push_str(&format!("{other}\r\n"));
                            }
                            requests.push(text.replace('@', tag) + "\r\n");
                        }
                    }
                }
            }
        }
        requests
    }

    /// The answer that a handler makes for hyper: its lines, sorted, and its body.
    fn long_way(handler: &Handler, text: &str) -> (Vec<String>, Vec<u8>) {
        let mut lines = text.lines();
        let mut first = lines.next().unwrap().split(' ');
        let request = http::Request::builder().method(first.next().unwrap());
        let mut request = request.uri(first.next().unwrap());
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(handler.answer(&head, &mut RequestContext::default()));
        let (parts, content) = response.into_parts();
        let body = runtime.block_on(content.collect()).unwrap().to_bytes().to_vec();
        let mut lines = vec![format!("HTTP/1.1 {}", parts.status)];
        for (name, value) in &parts.headers {
            lines.push(format!("{name}: {}", value.to_str().unwrap()));
        }
        lines.sort();
        (lines, body)
    }

    /// The answer of the fast path; `None` where it has none.
    fn fast_path(handler: &Handler, text: &str) -> Option<(Vec<String>, Vec<u8>)> {
        let mut fields = [MaybeUninit::uninit(); plain::FIELDS_MAX];
        let plain = Plain::parse(text.as_bytes(), &mut fields)?;
        let mut head = Vec::new();
        let ready = handler.ready(&plain, &mut head)?;
        let head = String::from_utf8(head).unwrap();
        let (head, end) = head.split_at(head.len() - 4);
        assert_eq!(end, "\r\n\r\n");
        let mut lines = Vec::new();
        for line in head.split("\r\n") {
            // hyper adds it.
            if line != "connection: close" {
                lines.push(line.to_owned());
            }
        }
        lines.sort();
        let body = if plain.is_head { Vec::new() } else { ready.body.to_vec() };
        Some((lines, body))
    }

    #[test]
    fn the_fast_path_answers_like_the_long_way_or_not_at_all() {
        let clock = Arc::new(ManualClock::at("2026-11-29T08:00:00Z".parse().unwrap()));
        for config in ["site.url = \"https://a.example/\"", "site.url = \"http://localhost/\""] {
            let modified = "2026-11-20T09:30:00Z".parse().unwrap();
            let text = "<entry>the same words again</entry>".repeat(100);
            let kind = "application/atom+xml";
            let document = Document::new(Kind::Feed, kind, text.into(), Some(modified));
            let tag = document.digest.short();
            let handler = handler_of(config, document, 0, &clock);
            let (mut fast, mut others) = (0, 0);
            for request in requests(&tag) {
                let long = long_way(&handler, &request);
                match fast_path(&handler, &request) {
                    Some(answer) => {
                        assert_eq!(answer, long, "{request}");
                        fast += 1;
                    }
                    None => others += 1,
                }
            }
            // All with no or one tag, or with no other date than ours, but none with A-IM.
            let (matching, without) = (4 * 3, 2);
            assert_eq!(fast, 2 * 7 * 3 * (matching + without), "{others} others");
        }
    }

    #[test]
    fn the_fast_path_follows_the_clock() {
        let clock = Arc::new(ManualClock::at("2026-11-29T08:00:00Z".parse().unwrap()));
        let modified = "2026-11-29T07:59:59Z".parse().unwrap();
        let document = Document::new(Kind::Feed, "a/b", "<feed/>".into(), Some(modified));
        let handler = handler_of("site.url = \"https://a.example/\"", document, 0, &clock);
        let request = "GET /atom.xml HTTP/1.1\r\nHost: h\r\n\r\n";
        for (now, is_fast) in [
            ("2026-11-29T08:00:00Z", true),
            // The date of the feed lies ahead, and must not be sent.
            ("2026-11-29T07:59:58Z", false),
            ("2026-11-29T08:00:01Z", true),
        ] {
            clock.set(now.parse().unwrap());
            let answer = fast_path(&handler, request);
            assert_eq!(answer.is_some(), is_fast, "{now}");
            if let Some(answer) = answer {
                assert_eq!(answer, long_way(&handler, request), "{now}");
            }
        }
    }

    #[test]
    fn an_idle_connection_is_small() {
        let bytes = net::future_bytes::<Handler>();
        assert!(bytes <= 720, "{bytes}");
    }
}
