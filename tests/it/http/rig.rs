//! A server over a snapshot made by hand, and a client that sees every byte.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dropfeed::testing::base::{Digest, Format, RelPath, Route, Scope, Timestamp};
use dropfeed::testing::config::{Config, Content, Feeds, Server, Site};
use dropfeed::testing::engine::{Clock, ManualClock};
use dropfeed::testing::http::{Edge, ListenSocket, Metrics, Observer, Role, Running, start};
use dropfeed::testing::publish::{
    Asset, Document, Extent, Found, Kind, Published, Redirect, Render, Snapshot, Unrendered,
};
use tokio_rustls::rustls::{self, ClientConnection};

use super::authority::Authority;

/// Nothing here takes this long unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// When the feeds were last modified.
pub(super) const MODIFIED: &str = "Fri, 20 Nov 2020 09:30:00 GMT";

/// The time of day at the start.
pub(super) const NOW: &str = "2026-11-20T09:30:00Z";

pub(super) fn feed_text(name: &str) -> String {
    format!("<feed name=\"{name}\">{}</feed>", "<entry>the same words again</entry>".repeat(200))
}

pub(super) fn site(url: &str) -> Site {
    Site {
        id: "example.org".into(),
        title: "Example".into(),
        url: url.parse().unwrap(),
        description: "An example".into(),
        language: "en".into(),
        author: "Ada".into(),
        timezone: jiff::tz::TimeZone::UTC,
        feed_paths: Default::default(),
        hubs: Vec::new(),
        own_hub: false,
        rsscloud: false,
        elsewhere: None,
    }
}

pub(super) fn snapshot(generation: u64, url: &str) -> Snapshot {
    let modified: Timestamp = "2020-11-20T09:30:00Z".parse().unwrap();
    let defaults = Config::of("", std::path::Path::new("/nowhere")).unwrap();
    let feeds = Feeds {
        dir: PathBuf::from("feeds"),
        limit: 30,
        max_bytes: 1 << 20,
        content: Content::Full,
        advertise: Format::Atom,
        paths: Default::default(),
    };
    let mut hot = HashMap::new();
    let mut put = |path: &str, content_type: &'static str, text: String, modified| {
        let kind = if content_type.starts_with("text/html") { Kind::Page } else { Kind::Feed };
        let document = Document::new(kind, content_type, Bytes::from(text), modified);
        hot.insert(Route::parse(path).unwrap(), Arc::new(document));
    };
    put("/rss.xml", "application/rss+xml; charset=utf-8", feed_text("rss"), Some(modified));
    put("/atom.xml", "application/atom+xml; charset=utf-8", feed_text("atom"), Some(modified));
    put("/feed.json", "application/feed+json", "{}".into(), Some(modified));
    put(
        "/tags/future/rss.xml",
        "application/rss+xml; charset=utf-8",
        feed_text("f"),
        Some(Timestamp::MAX),
    );
    put("/", "text/html; charset=utf-8", format!("<!doctype html><p>{generation}"), None);
    Snapshot {
        extent: Extent::Whole,
        generation,
        config: Arc::new(Config { site: site(url), feeds, ..defaults }),
        library: Default::default(),
        hot,
        bodies: Default::default(),
        next_due: None,
    }
}

/// What stands at a route besides the snapshot's documents.
fn find(snapshot: &Snapshot, route: &Route) -> Found {
    let to = |path: &str| Route::parse(path).unwrap();
    match route.to_string().as_str() {
        "/warm" | "/changed" | "/broken" | "/panics" | "/news/" | "/tags/rust/" | "/slow"
        | "/news/rss.xml" => Found::Render(route.clone(), Digest::of(route.to_string().as_bytes())),
        "/old" | "/WARM" | "/warm.html" => Found::Redirect(Redirect::permanent(to("/warm"))),
        "/for-now" => Found::Redirect(Redirect { to: to("/warm"), permanent: false }),
        "/news" => Found::Redirect(Redirect::permanent(to("/news/"))),
        "/gone" | "/gone/rss.xml" => Found::Gone,
        "/favicon.ico" if snapshot.generation == 1 => {
            Found::Asset(RelPath::new("icon.png").unwrap())
        }
        path if path.starts_with("/media/") => Found::Asset(RelPath::new(&path[1..]).unwrap()),
        "/img/cat.png" | "/img/a.svg" | "/big.mp4" | "/icon.png" | "/empty.gif"
        | "/shrinks.pdf" => Found::Asset(RelPath::new(&route.to_string()[1..]).unwrap()),
        _ => snapshot.find(route),
    }
}

/// A file whose byte at `n` is `n % 251`.
#[derive(Clone, Copy)]
struct Pattern {
    len_bytes: u64,
    really: u64,
}

pub(super) fn pattern(offset: u64, len: usize) -> Vec<u8> {
    (offset..offset + len as u64).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

pub(super) const CAT_BYTES: u64 = 1000;
pub(super) const BIG_BYTES: u64 = 32 * 1024 * 1024;

impl Asset for Pattern {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn modified(&self) -> Timestamp {
        "2020-11-20T09:30:00.5Z".parse().unwrap()
    }

    fn version(&self) -> Result<Option<Digest>, Unrendered> {
        // Of a file that is being written, the version is not known.
        let is_known = self.len_bytes == self.really;
        Ok(is_known.then(|| Digest::of(&self.len_bytes.to_be_bytes())))
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, Unrendered> {
        let len = len.min(usize::try_from(self.really.saturating_sub(offset)).unwrap());
        Ok(Bytes::from(pattern(offset, len)))
    }
}

/// Counts what is rendered; `/slow` waits for [`Renderer::open`].
#[derive(Default)]
pub(super) struct Renderer {
    pub(super) rendered: AtomicUsize,
    gate: Mutex<bool>,
    opened: Condvar,
}

impl Renderer {
    pub(super) fn open(&self) {
        *self.gate.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Render for Renderer {
    fn render(&self, _: &Snapshot, route: &Route) -> Result<Document, Unrendered> {
        self.rendered.fetch_add(1, Ordering::SeqCst);
        let (kind, content_type) = match route {
            Route::Feed(..) => (Kind::Feed, "application/rss+xml; charset=utf-8"),
            Route::Opml => (Kind::Feed, "text/x-opml; charset=utf-8"),
            Route::Sitemap => (Kind::Crawling, "application/xml; charset=utf-8"),
            _ => (Kind::Page, "text/html; charset=utf-8"),
        };
        match route.to_string().as_str() {
            "/changed" => return Err(Unrendered::Changed),
            "/broken" => return Err(Unrendered::Unreadable),
            "/panics" => std::panic::resume_unwind(Box::new(())),
            "/slow" => {
                let open = self.gate.lock().unwrap();
                drop(self.opened.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap());
            }
            _ => {}
        }
        Ok(Document::new(
            kind,
            content_type,
            Bytes::from(format!("<!doctype html><p>{route}")),
            None,
        ))
    }

    fn feed_page(
        &self,
        _snapshot: &Snapshot,
        _scope: &Scope,
        _format: Format,
    ) -> Result<Document, Unrendered> {
        let html = "<!doctype html><title>A feed</title>";
        Ok(Document::new(Kind::Page, "text/html; charset=utf-8", html.into(), None))
    }

    fn asset(&self, path: &RelPath) -> Result<Arc<dyn Asset>, Unrendered> {
        let (len_bytes, really) = match path.as_str() {
            "big.mp4" => (BIG_BYTES, BIG_BYTES),
            "empty.gif" => (0, 0),
            "shrinks.pdf" => (CAT_BYTES, CAT_BYTES / 2),
            _ => (CAT_BYTES, CAT_BYTES),
        };
        Ok(Arc::new(Pattern { len_bytes, really }))
    }
}

/// A running server.
pub(super) struct Rig {
    pub(super) running: Running,
    pub(super) published: Arc<Published>,
    pub(super) renderer: Arc<Renderer>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) address: SocketAddr,
    tls: Option<Authority>,
}

pub(super) fn limits() -> Server {
    let defaults = Config::of("", std::path::Path::new("/nowhere")).unwrap();
    Server {
        max_connections: 64,
        connections_per_address: 1,
        header_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        write_timeout: PATIENCE,
        response_timeout: PATIENCE,
        stop_timeout: PATIENCE,
        // The tests have to pass without it, too.
        fast_path: std::env::var("DROPFEED_SERVER__FAST_PATH").as_deref() != Ok("false"),
        ..defaults.server
    }
}

/// A server that has published nothing yet.
pub(super) fn unpublished(server: Server) -> Rig {
    unpublished_observed(server, Vec::new())
}

/// A server of `https://example.org/` whose exchanges are observed.
pub(super) fn observed(server: Server, observers: Vec<Arc<dyn Observer>>) -> Rig {
    let rig = unpublished_observed(server, observers);
    rig.published.publish(Arc::new(snapshot(1, "https://example.org/")));
    rig
}

fn unpublished_observed(server: Server, observers: Vec<Arc<dyn Observer>>) -> Rig {
    let (published, renderer) = (Arc::new(Published::default()), Arc::new(Renderer::default()));
    let render: Arc<dyn Render> = Arc::clone(&renderer) as _;
    let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
    let time_of_day: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let edge = Edge::new(Arc::clone(&published), render, server, time_of_day);
    let edge = Edge { find, observers, ..edge };
    let metrics = Arc::clone(&edge.metrics);
    let listener: ListenSocket = TcpListener::bind("127.0.0.1:0").unwrap().into();
    let tls = TLS.get().then(Authority::new);
    let (role, settings) = match &tls {
        Some(authority) => (Role::Tls, Some(authority.server(Duration::ZERO))),
        None => (Role::Plain, None),
    };
    let running = start(vec![(listener, role)], Edge { tls: settings, ..edge }).unwrap();
    let address = running.addresses()[0];
    Rig { running, published, renderer, metrics, clock, address, tls }
}

thread_local! {
    /// Whether the servers of this thread, and their clients, speak TLS.
    static TLS: Cell<bool> = const { Cell::new(false) };
}

/// Runs tests with servers that speak TLS.
pub(super) fn over_tls(tests: &[fn()]) {
    TLS.set(true);
    for test in tests {
        test();
    }
    TLS.set(false);
}

/// A server of `https://example.org/`.
pub(super) fn rig() -> Rig {
    limited(limits())
}

/// The same within other limits.
pub(super) fn limited(server: Server) -> Rig {
    let rig = unpublished(server);
    rig.published.publish(Arc::new(snapshot(1, "https://example.org/")));
    rig
}

impl Rig {
    /// What its clients need for TLS.
    pub(super) fn authority(&self) -> &Authority {
        self.tls.as_ref().expect("it speaks TLS")
    }

    pub(super) fn connect(&self) -> Client {
        let client = Client::connect(self.address);
        match &self.tls {
            Some(authority) => client.with_tls(authority, &[b"http/1.1"]),
            None => client,
        }
    }

    /// One request on a connection of its own; see [`request`].
    pub(super) fn ask(&self, short: &str) -> Answer {
        let mut client = self.connect();
        client.send(&request(short));
        client.answer(short.starts_with("HEAD"))
    }

    /// Checks a table of short requests and what is expected of their answers; see
    /// [`Answer::check`].
    pub(super) fn check(&self, table: &[(&str, &str)]) {
        for (short, expected) in table {
            self.ask(short).check(short, expected);
        }
    }
}

/// `GET /path` and lines of fields, as a whole request of HTTP/1.1 with a host.
pub(super) fn request(short: &str) -> String {
    let (line, fields) = short.split_once('\n').unwrap_or((short, ""));
    let fields: String = fields.lines().map(|field| format!("{}\r\n", field.trim())).collect();
    format!("{line} HTTP/1.1\r\nHost: example.org\r\n{fields}\r\n")
}

/// A connection with or without TLS.
pub(super) struct Wire {
    pub(super) tcp: TcpStream,
    tls: Option<ClientConnection>,
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.tls {
            Some(tls) => match rustls::Stream::new(tls, &mut self.tcp).read(bytes) {
                // The end without an alert, as plain sockets have it.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
            None => self.tcp.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.tcp).write(bytes),
            None => self.tcp.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.tcp).flush(),
            None => Ok(()),
        }
    }
}

impl Wire {
    pub(super) fn set_read_timeout(&self, limit: Option<Duration>) -> std::io::Result<()> {
        self.tcp.set_read_timeout(limit)
    }

    pub(super) fn shutdown(&mut self, side: Shutdown) -> std::io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.flush()?;
        }
        self.tcp.shutdown(side)
    }
}

/// One connection.
pub(super) struct Client {
    pub(super) stream: Wire,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: Wire { tcp: stream, tls: None }, buffer: Vec::new() }
    }

    /// Speaks TLS from now on, after a handshake that offers these protocols.
    pub(super) fn with_tls(mut self, authority: &Authority, protocols: &[&[u8]]) -> Self {
        let config = authority.client(protocols);
        let name = "localhost".try_into().unwrap();
        let mut tls = ClientConnection::new(config, name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut self.stream.tcp).unwrap();
        }
        self.stream.tls = Some(tls);
        self
    }

    pub(super) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn close_writing(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer, by its Content-Length; one to HEAD has no body.
    pub(super) fn answer(&mut self, head: bool) -> Answer {
        let mut answer = self.head();
        let empty = head || answer.status == 204 || answer.status == 304;
        let len = if empty {
            0
        } else {
            answer.field("content-length").map_or(0, |text| text.parse().unwrap())
        };
        while self.buffer.len() < len {
            assert!(self.fill(), "the answer breaks off");
        }
        answer.body = self.buffer.drain(..len).collect();
        answer
    }

    /// The head of the next answer.
    pub(super) fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            assert!(self.fill(), "no whole head: {:?}", String::from_utf8_lossy(&self.buffer));
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        Answer::parse(std::str::from_utf8(&head).unwrap())
    }

    /// False at the end.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(read) => {
                self.buffer.extend_from_slice(&bytes[..read]);
                read > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Everything up to the end of the connection.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Takes `len` bytes of a body and counts them.
    pub(super) fn rest_of(&mut self, len: usize) -> usize {
        while self.buffer.len() < len && self.fill() {}
        self.buffer.len()
    }

    /// Nothing comes for a while, and the connection stays.
    pub(super) fn rests(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let read = self.stream.read(&mut [0]);
        assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// Nothing more comes, and the connection ends.
    pub(super) fn ends(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    fn parse(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let field = |line: &str| {
            let (name, value) =
                line.split_once(": ").unwrap_or_else(|| (line.trim_end_matches(':'), ""));
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Self { status, fields: lines.map(field).collect(), body: Vec::new() }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Every field but those of the moment.
    pub(super) fn lasting(&self) -> Vec<(String, String)> {
        self.fields.iter().filter(|(name, _)| name != "date").cloned().collect()
    }

    /// The status, and then fields by line: `etag: "x"` as it must be, `etag: ?` whatever it is,
    /// `etag: -` absent.
    pub(super) fn check(&self, short: &str, expected: &str) {
        let mut lines = expected.split('|').map(str::trim);
        assert_eq!(self.status.to_string(), lines.next().unwrap(), "{short}: {self:?}");
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            match (value, self.field(name)) {
                ("-", None) | ("?", Some(_)) => {}
                (_, found) => assert_eq!(found, Some(value), "{short}: {name} of {self:?}"),
            }
        }
    }
}

/// Waits until `condition` holds.
pub(super) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
