//! One HTTP/1.1 call to another server, bounded in everything: addresses, ports, time, and bytes of
//! the answer.
//!
//! A name is resolved once. All of its addresses are checked, and the connection goes to one that
//! was checked, so that a second answer of a name server cannot lead elsewhere. Redirects are not
//! followed. No connection outlives its call, and dropping a call ends it. Errors name the host,
//! never the path or the query, which may hold a secret.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as conn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::rustls::ClientConfig;
use url::{Host, Url};

use super::address::{self, Block};
use super::http1;
use super::tls::{self, Roots, RootsError};

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// The largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The name in `User-Agent`, unless a call has its own.
const AGENT: &str = concat!("dropfeed/", env!("CARGO_PKG_VERSION"));

/// The addresses that may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Global unicast addresses; for URLs that strangers chose.
    Global,
    /// These, and the loopback interface; for tests.
    GlobalOrLoopback,
    /// All; for URLs that the operator chose.
    Any,
}

/// The ports that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// These alone.
    Only(Vec<u16>),
    /// All; for URLs that the operator chose.
    Any,
}

/// The limits of calls.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The addresses that may be called.
    pub addresses: Addresses,
    /// The ports that may be called.
    pub ports: Ports,
    /// The bytes of an answer's body that are read.
    pub answer_bytes_max: usize,
    /// The time of a whole call, with the look-up of its name.
    pub time_limit: Duration,
    /// The certificate authorities that are trusted.
    pub roots: Roots,
}

impl Policy {
    /// The limits for URLs that strangers chose: global addresses, 4 KiB of an answer, 5 s.
    pub fn of_strangers(ports: Vec<u16>, roots: Roots) -> Self {
        Self {
            addresses: Addresses::Global,
            ports: Ports::Only(ports),
            answer_bytes_max: 4096,
            time_limit: Duration::from_secs(5),
            roots,
        }
    }

    /// The limits for URLs that the operator chose: any address and port, 4 KiB of an answer, 5 s.
    pub fn of_operator(roots: Roots) -> Self {
        Self {
            addresses: Addresses::Any,
            ports: Ports::Any,
            answer_bytes_max: 4096,
            time_limit: Duration::from_secs(5),
            roots,
        }
    }
}

/// A request. `Host` and `Content-Length` are set by the client; `User-Agent`, too, if it is
/// missing.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The address: http or https, without credentials and fragment.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which is shared and never copied.
    pub body: Bytes,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status. A redirect is one like any other.
    pub status: StatusCode,
    /// The body: its first [`Policy::answer_bytes_max`] bytes. The rest is not read.
    pub body: Bytes,
}

/// The reason why there is no answer. One sentence, with the host, but without path and query.
#[derive(Debug, Error)]
pub enum CallError {
    /// A URL that is never called.
    #[error("the URL {0}")]
    Url(&'static str),
    /// A port that may not be called.
    #[error("port {port} of {host} may not be called")]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// An address that may not be called.
    #[error("{host} has the address {address}, which is {} ({})", block.name, block.source)]
    Address {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
        /// The block that it is in.
        block: &'static Block,
    },
    /// The name is not known, or has no address.
    #[error("cannot resolve {host}: {why}")]
    Resolve {
        /// The host.
        host: String,
        /// The error of the system.
        why: String,
    },
    /// No connection, or none that can be trusted.
    #[error("cannot connect to {host}: {why}")]
    Connect {
        /// The host.
        host: String,
        /// The error of the system, or of TLS.
        why: String,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("{host} does not answer: {why}")]
    Broken {
        /// The host.
        host: String,
        /// A description of the failure.
        why: String,
    },
    /// The time limit was reached.
    #[error("{host} did not answer within {} s", limit.as_secs_f32())]
    Timeout {
        /// The host.
        host: String,
        /// The limit.
        limit: Duration,
    },
}

impl CallError {
    /// Whether nothing was sent because the URL, its port or its address may not be called.
    pub fn is_refusal(&self) -> bool {
        matches!(self, CallError::Url(_) | CallError::Port { .. } | CallError::Address { .. })
    }
}

/// Makes calls. A copy is cheap.
#[derive(Debug, Clone)]
pub struct Client {
    policy: Arc<Policy>,
    tls: Arc<ClientConfig>,
}

impl Client {
    /// Makes a client. With [`Roots::System`] this reads files.
    ///
    /// # Errors
    /// There are no roots.
    pub fn new(policy: Policy) -> Result<Self, RootsError> {
        let tls = tls::config(policy.roots)?;
        Ok(Self { policy: Arc::new(policy), tls })
    }

    /// Makes one call. Needs a Tokio runtime with I/O and time.
    ///
    /// # Errors
    /// There is no answer, or there must not be one.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let host = check(&call.url, &self.policy.ports)?;
        let limit = self.policy.time_limit;
        let deadline = Instant::now() + limit;
        match timeout_at(deadline, self.call_until(&host, call, deadline)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Timeout { host, limit }),
        }
    }

    async fn call_until(
        &self,
        host: &str,
        call: Call,
        deadline: Instant,
    ) -> Result<Answer, CallError> {
        let addresses = resolve(host, &call.url).await?;
        for address in &addresses {
            check_address(host, address.ip(), self.policy.addresses)?;
        }
        let stream = connect(host, &addresses, deadline).await?;
        if call.url.scheme() == "http" {
            return self.exchange(host, stream, call).await;
        }
        let secured = tls::secure(Arc::clone(&self.tls), &call.url, stream).await;
        let secured = secured.map_err(|error| CallError::Connect {
            host: host.to_owned(),
            why: error.to_string(),
        })?;
        self.exchange(host, secured, call).await
    }

    /// Sends the request, and reads the answer. The connection lives in this future.
    async fn exchange<S>(&self, host: &str, stream: S, call: Call) -> Result<Answer, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let broken = |error: hyper::Error| CallError::Broken {
            host: host.to_owned(),
            why: with_cause(&error),
        };
        let mut builder = conn::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let request = request(call).map_err(|_| CallError::Url("cannot be sent"))?;
        let bytes_max = self.policy.answer_bytes_max;
        let exchange = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = read(body, bytes_max).await?;
            Ok(Answer { status: head.status, body })
        };
        drive(connection, exchange).await.map_err(broken)
    }
}

/// Waits for `exchange` while `connection` moves its bytes.
async fn drive<T>(
    connection: impl Future<Output = hyper::Result<()>>,
    exchange: impl Future<Output = hyper::Result<T>>,
) -> hyper::Result<T> {
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // What was received before the end is still to be taken; an error is passed on to
        // `exchange`.
        _ = connection => exchange.await,
    }
}

/// The first `bytes_max` bytes of a body.
async fn read(mut body: Incoming, bytes_max: usize) -> hyper::Result<Bytes> {
    let mut bytes = BytesMut::new();
    while bytes.len() < bytes_max {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame?.into_data() {
            let room = bytes_max - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(bytes.freeze())
}

fn request(call: Call) -> http::Result<Request<Full<Bytes>>> {
    let host = HeaderValue::try_from(http1::host(&call.url))?;
    let mut request = Request::builder()
        .method(call.method)
        .uri(http1::target(&call.url))
        .body(Full::new(call.body))?;
    let headers = request.headers_mut();
    *headers = call.headers;
    headers.insert(HOST, host);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    Ok(request)
}

/// Checks everything about a URL that needs no name server. Returns its host.
fn check(url: &Url, ports: &Ports) -> Result<String, CallError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(CallError::Url("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CallError::Url("has credentials"));
    }
    if url.fragment().is_some() {
        return Err(CallError::Url("has a fragment"));
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(CallError::Url("has no host"));
    };
    match ports {
        Ports::Only(ports) if !ports.contains(&port) => {
            Err(CallError::Port { host: host.to_owned(), port })
        }
        _ => Ok(host.to_owned()),
    }
}

/// Resolves the host of a URL, once. Names are looked up on Tokio's blocking pool.
async fn resolve(host: &str, url: &Url) -> Result<Vec<SocketAddr>, CallError> {
    // `check` lets in schemes with a default port alone.
    let port = url.port_or_known_default().unwrap_or(80);
    let unresolved = |why: &str| CallError::Resolve { host: host.to_owned(), why: why.to_owned() };
    let name = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(vec![SocketAddr::from((address, port))]),
        Some(Host::Ipv6(address)) => return Ok(vec![SocketAddr::from((address, port))]),
        Some(Host::Domain(name)) => name,
        None => return Err(CallError::Url("has no host")),
    };
    let found = lookup_host((name, port)).await;
    let addresses: Vec<SocketAddr> =
        found.map_err(|error| unresolved(&error.to_string()))?.collect();
    if addresses.is_empty() {
        return Err(unresolved("it has no address"));
    }
    Ok(addresses)
}

fn check_address(host: &str, address: IpAddr, allowed: Addresses) -> Result<(), CallError> {
    let is_allowed = match allowed {
        Addresses::Global => false,
        Addresses::GlobalOrLoopback => address::is_loopback(address),
        Addresses::Any => true,
    };
    match address::refusal(address) {
        Some(block) if !is_allowed => {
            Err(CallError::Address { host: host.to_owned(), address, block })
        }
        _ => Ok(()),
    }
}

/// Connects to the first address that answers. Each gets its share of the time that is left.
async fn connect(
    host: &str,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, CallError> {
    let addresses = &addresses[..addresses.len().min(ADDRESSES_MAX)];
    let mut why = "no answer".to_owned();
    for (index, address) in addresses.iter().enumerate() {
        let rest = deadline.saturating_duration_since(Instant::now());
        let left = u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout(rest / left, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => {}
        }
    }
    Err(CallError::Connect { host: host.to_owned(), why })
}

/// The error with what is behind it, since hyper's own text leaves that out.
fn with_cause(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::runtime::Builder;

    use super::*;

    /// A server on loopback that gives each connection this answer, and keeps it open until its
    /// client leaves.
    struct Server {
        port: u16,
        heads: Arc<Mutex<Vec<String>>>,
        connections: Arc<AtomicUsize>,
    }

    impl Server {
        async fn start(answer: Vec<u8>) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (heads, connections) = (Arc::default(), Arc::default());
            let server =
                Self { port, heads: Arc::clone(&heads), connections: Arc::clone(&connections) };
            tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    connections.fetch_add(1, Ordering::SeqCst);
                    let (answer, heads) = (answer.clone(), Arc::clone(&heads));
                    tokio::spawn(async move {
                        let mut bytes = Vec::new();
                        while !bytes.ends_with(b"\r\n\r\nbody") {
                            let Ok(byte) = stream.read_u8().await else { return };
                            bytes.push(byte);
                        }
                        heads.lock().unwrap().push(String::from_utf8(bytes).unwrap());
                        // Fails where the client has read enough.
                        let _ = stream.write_all(&answer).await;
                        let _ = stream.read_u8().await;
                    });
                }
            });
            server
        }

        fn url(&self, host: &str, rest: &str) -> Url {
            Url::parse(&format!("http://{host}:{}{rest}", self.port)).unwrap()
        }

        fn connections(&self) -> usize {
            self.connections.load(Ordering::SeqCst)
        }
    }

    fn policy(addresses: Addresses, ports: Ports) -> Policy {
        // So long that a test fails by it only where nothing else ends a call.
        let time_limit = Duration::from_secs(60);
        Policy { addresses, ports, time_limit, ..Policy::of_operator(Roots::Webpki) }
    }

    async fn call(policy: Policy, url: Url) -> Result<Answer, CallError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/x"));
        let body = Bytes::from_static(b"body");
        Client::new(policy).unwrap().call(Call { method: Method::POST, url, headers, body }).await
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    #[test]
    fn a_call_is_sent_and_answered() {
        run(async {
            let answer = b"HTTP/1.1 202 Accepted\r\nX: y\r\nContent-Length: 3\r\n\r\nyes".to_vec();
            let server = Server::start(answer).await;
            let url = server.url("localhost", "/a%20b?c=d");
            let answer = call(policy(Addresses::Any, Ports::Any), url).await.unwrap();
            assert_eq!((answer.status.as_u16(), &answer.body[..]), (202, &b"yes"[..]));
            let head = server.heads.lock().unwrap().remove(0).to_lowercase();
            for line in [
                "post /a%20b?c=d http/1.1".to_owned(),
                format!("host: localhost:{}", server.port),
                "content-type: text/x".to_owned(),
                format!("{CONTENT_LENGTH}: 4"),
                format!("user-agent: {AGENT}"),
            ] {
                assert!(head.lines().any(|had| had == line), "{line}: {head}");
            }
        });
    }

    /// Nothing connects: neither for a literal address in any spelling, nor for a name.
    #[test]
    fn addresses_that_are_not_global_are_never_called() {
        run(async {
            let server = Server::start(Vec::new()).await;
            let ports = Ports::Only(vec![server.port]);
            for host in [
                "127.0.0.1",
                "127.1",
                "2130706433",
                "0x7f.0.0.1",
                "0177.0.0.1",
                "0.0.0.0",
                "localhost",
                "[::1]",
                "[::ffff:127.0.0.1]",
                "[::127.0.0.1]",
                "[64:ff9b::127.0.0.1]",
                "[2002:7f00:1::]",
                "10.0.0.1",
                "169.254.169.254",
                "[fd00:ec2::254]",
            ] {
                let error = call(policy(Addresses::Global, ports.clone()), server.url(host, "/"));
                let error = error.await.unwrap_err();
                assert!(matches!(error, CallError::Address { .. }), "{host}: {error}");
                assert!(error.is_refusal());
            }
            // Loopback for tests is no other private address, and no disguise of one.
            let policy = policy(Addresses::GlobalOrLoopback, ports);
            for host in ["10.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]"] {
                let error = call(policy.clone(), server.url(host, "/")).await.unwrap_err();
                assert!(matches!(error, CallError::Address { .. }), "{host}: {error}");
            }
            assert_eq!(server.connections(), 0);
        });
    }

    #[test]
    fn urls_and_ports_that_are_not_called() {
        run(async {
            let server = Server::start(Vec::new()).await;
            let any = policy(Addresses::Any, Ports::Any);
            for (url, expected) in [
                ("ftp://127.0.0.1/", "the URL is neither http nor https"),
                ("http://u@127.0.0.1/", "the URL has credentials"),
                ("http://:p@127.0.0.1/", "the URL has credentials"),
                ("http://127.0.0.1/#x", "the URL has a fragment"),
            ] {
                let error = call(any.clone(), Url::parse(url).unwrap()).await.unwrap_err();
                assert_eq!((error.to_string().as_str(), error.is_refusal()), (expected, true));
            }
            let strangers = Policy {
                addresses: Addresses::GlobalOrLoopback,
                ..Policy::of_strangers(vec![80, 443], Roots::Webpki)
            };
            let error = call(strangers, server.url("127.0.0.1", "/")).await.unwrap_err();
            assert!(matches!(error, CallError::Port { port, .. } if port == server.port));
            assert_eq!(server.connections(), 0);
        });
    }

    #[test]
    fn a_redirect_is_an_answer() {
        run(async {
            let target = Server::start(Vec::new()).await;
            let to = target.url("127.0.0.1", "/");
            let answer = format!("HTTP/1.1 307 X\r\n{LOCATION}: {to}\r\nContent-Length: 0\r\n\r\n");
            let server = Server::start(answer.into()).await;
            let answer =
                call(policy(Addresses::Any, Ports::Any), server.url("127.0.0.1", "/")).await;
            assert_eq!(answer.unwrap().status, StatusCode::TEMPORARY_REDIRECT);
            assert_eq!(target.connections(), 0);
        });
    }

    /// The server would send for ever, and never closes: only the limit ends the call.
    #[test]
    fn no_more_of_an_answer_is_read_than_its_limit() {
        run(async {
            let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
            answer.extend(vec![b'x'; 1 << 20]);
            let server = Server::start(answer).await;
            let answer = call(policy(Addresses::Any, Ports::Any), server.url("127.0.0.1", "/"));
            assert_eq!(answer.await.unwrap().body, vec![b'x'; 4096]);
            let mut head = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
            head.extend(vec![b'x'; 1 << 20]);
            let server = Server::start(head).await;
            let answer = call(policy(Addresses::Any, Ports::Any), server.url("127.0.0.1", "/"));
            assert!(matches!(answer.await, Err(CallError::Broken { .. })));
        });
    }

    /// A server that says nothing, and one that stops in its answer.
    #[test]
    fn a_call_ends_at_its_time_limit() {
        run(async {
            for answer in [
                "",
                "HTTP/1.1 200 OK\r\nContent-Le",
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
            ] {
                let server = Server::start(answer.into()).await;
                let time_limit = Duration::from_millis(200);
                let policy = Policy { time_limit, ..policy(Addresses::Any, Ports::Any) };
                let secret = server.url("127.0.0.1", "/path?token=secret");
                let error = call(policy, secret).await.unwrap_err();
                assert!(matches!(error, CallError::Timeout { .. }), "{answer}: {error}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        });
    }

    #[test]
    fn what_is_no_tls_or_not_there_is_an_error() {
        run(async {
            let server = Server::start(b"no TLS".to_vec()).await;
            let url = Url::parse(&format!("https://127.0.0.1:{}/", server.port)).unwrap();
            let policy =
                Policy { time_limit: Duration::from_secs(2), ..policy(Addresses::Any, Ports::Any) };
            assert!(call(policy.clone(), url).await.is_err());
            // Port 1 is not used.
            let url = Url::parse("http://127.0.0.1:1/").unwrap();
            assert!(matches!(call(policy.clone(), url).await, Err(CallError::Connect { .. })));
            let url = Url::parse("http://name.invalid/").unwrap();
            let error = call(policy, url).await.unwrap_err();
            assert!(
                matches!(error, CallError::Resolve { .. } | CallError::Timeout { .. }),
                "{error}"
            );
        });
    }
}
