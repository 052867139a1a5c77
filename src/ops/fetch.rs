//! A GET over HTTP/1.1, with or without TLS and a proxy, for `dropfeed import`: one document at a
//! time, bounded in time, bytes and redirects.
//!
//! Certificates are checked against the roots of webpki-roots, so that a host without a certificate
//! store can import, too. Nothing is cached, and no cookie is kept.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HOST, LOCATION, USER_AGENT};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as conn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::outgoing::{Roots, http1, tls};

/// The most redirects.
const REDIRECTS_MAX: usize = 10;

/// Time to connect, to the proxy or to the host, with TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Time for a whole document.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest answer of a proxy to CONNECT, in bytes.
const CONNECT_ANSWER_BYTES_MAX: usize = 8192;

/// The media types that a host is asked for.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5";

/// The reason why there is no document. One sentence.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Not an address of the web.
    #[error("{0:?} is not an http or https address")]
    Address(String),
    /// No connection, or none that could be trusted.
    #[error("cannot connect to {host}: {why}")]
    Connect {
        /// The host, or the proxy.
        host: String,
        /// The error of the system, or of TLS.
        why: String,
    },
    /// The connection failed later.
    #[error("{url} cannot be read: {why}")]
    Broken {
        /// The address.
        url: Url,
        /// A description of the failure.
        why: String,
    },
    /// Another status than 200.
    #[error("{url} answers {status}")]
    Status {
        /// The address.
        url: Url,
        /// The status.
        status: StatusCode,
    },
    /// Redirects in a circle, or too many.
    #[error("{0} redirects without end")]
    Redirects(Url),
    /// More bytes than are read.
    #[error("{0} is too large")]
    TooLarge(Url),
    /// A proxy that is not understood.
    #[error("the proxy {0:?} is not of the form http://HOST:PORT")]
    Proxy(String),
}

/// The proxies to use.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For http.
    pub http: Option<String>,
    /// For https.
    pub https: Option<String>,
    /// Hosts that are asked directly: names, which stand for what is beneath them too, or `*`.
    pub except: Vec<String>,
}

impl Proxies {
    /// The proxy for an address.
    fn of(&self, url: &Url) -> Option<&str> {
        let host = url.host_str().unwrap_or_default();
        for name in &self.except {
            let name = name.trim().trim_start_matches('.');
            let is_beneath = host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
            if name == "*" || (!name.is_empty() && (host == name || is_beneath)) {
                return None;
            }
        }
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        proxy.as_deref().filter(|proxy| !proxy.is_empty())
    }
}

/// A document.
#[derive(Debug)]
pub struct Fetched {
    /// Its address, after redirects.
    pub url: Url,
    /// Its bytes, decompressed.
    pub bytes: Vec<u8>,
}

/// Gets one document of at most `bytes_max` bytes, following redirects.
///
/// # Errors
/// One sentence.
pub async fn fetch(
    address: &str,
    proxies: &Proxies,
    bytes_max: u64,
) -> Result<Fetched, FetchError> {
    let mut url = web(address)?;
    let mut seen = HashSet::new();
    while seen.insert(url.clone()) && seen.len() <= REDIRECTS_MAX + 1 {
        let Ok(got) = timeout(DOCUMENT_TIMEOUT, one(&url, proxies, bytes_max)).await else {
            let why = format!("no answer within {} s", DOCUMENT_TIMEOUT.as_secs());
            return Err(FetchError::Broken { url, why });
        };
        let (status, location, bytes) = got?;
        if status == StatusCode::OK {
            return Ok(Fetched { url, bytes });
        }
        match location.filter(|_| status.is_redirection()) {
            Some(location) => url = location,
            None => return Err(FetchError::Status { url, status }),
        }
    }
    Err(FetchError::Redirects(url))
}

fn web(address: &str) -> Result<Url, FetchError> {
    let url = Url::parse(address).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| FetchError::Address(address.to_owned()))
}

/// One request: the status, where it redirects to, and the body.
async fn one(
    url: &Url,
    proxies: &Proxies,
    bytes_max: u64,
) -> Result<(StatusCode, Option<Url>, Vec<u8>), FetchError> {
    let response = ask(url, proxies).await?;
    let status = response.status();
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|location| url.join(location).ok());
    if let Some(location) = &location
        && status.is_redirection()
    {
        return Ok((status, Some(web(location.as_str())?), Vec::new()));
    }
    if status != StatusCode::OK {
        return Ok((status, None, Vec::new()));
    }
    let is_gzip =
        response.headers().get(CONTENT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    let limit = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let body = match Limited::new(response.into_body(), limit).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(FetchError::TooLarge(url.clone()));
        }
        Err(error) => return Err(FetchError::Broken { url: url.clone(), why: error.to_string() }),
    };
    let body = if is_gzip { inflated(url, &body, bytes_max)? } else { body };
    Ok((status, None, body))
}

/// The bytes of a gzip stream.
fn inflated(url: &Url, stream: &[u8], bytes_max: u64) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    match GzDecoder::new(stream).take(bytes_max + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > bytes_max => Err(FetchError::TooLarge(url.clone())),
        Ok(_) => Ok(bytes),
        Err(error) => Err(FetchError::Broken { url: url.clone(), why: error.to_string() }),
    }
}

/// Connects, and sends the request.
async fn ask(url: &Url, proxies: &Proxies) -> Result<Response<Incoming>, FetchError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    // `web` lets in schemes with a default port alone.
    let port = url.port_or_known_default().unwrap_or(80);
    let proxy = proxies.of(url);
    let (to, through) = match proxy {
        Some(text) => (proxy_address(text)?, format!("proxy {text}")),
        None => (format!("{host}:{port}"), host.clone()),
    };
    let unconnected = |why: String| FetchError::Connect { host: through.clone(), why };
    let mut stream = in_time(TcpStream::connect(&to)).await.map_err(unconnected)?;
    if url.scheme() == "http" {
        let target = if proxy.is_some() { url.to_string() } else { http1::target(url) };
        return send(stream, url, target).await;
    }
    if proxy.is_some() {
        in_time(tunnel(&mut stream, &host, port)).await.map_err(unconnected)?;
    }
    let config = tls::config(Roots::Webpki).map_err(|error| unconnected(error.to_string()))?;
    let secured = in_time(tls::secure(config, url, stream)).await.map_err(unconnected)?;
    send(secured, url, http1::target(url)).await
}

/// One step of connecting, which has [`CONNECT_TIMEOUT`]. The error is the reason.
async fn in_time<T, E: Display>(step: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(CONNECT_TIMEOUT, step).await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

fn proxy_address(text: &str) -> Result<String, FetchError> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).ok();
    // A password would have to be kept secret and encoded; curl does that.
    let url = url.filter(|url| url.scheme() == "http" && url.username().is_empty());
    let host = url.as_ref().and_then(Url::host_str);
    match (host, &url) {
        (Some(host), Some(url)) => Ok(format!("{host}:{}", url.port().unwrap_or(80))),
        _ => Err(FetchError::Proxy(text.to_owned())),
    }
}

/// Asks a proxy for a connection to the host (RFC 9110, 9.3.6).
async fn tunnel(stream: &mut TcpStream, host: &str, port: u16) -> Result<(), String> {
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the head belongs to TLS.
        let byte = stream.read_u8().await.map_err(|error| error.to_string())?;
        answer.push(byte);
        if answer.len() > CONNECT_ANSWER_BYTES_MAX {
            return Err("its answer has no end".to_owned());
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let line = line.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(format!("it answers {line:?}")),
    }
}

async fn send<S>(stream: S, url: &Url, target: String) -> Result<Response<Incoming>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |why: String| FetchError::Broken { url: url.clone(), why };
    let handshake = conn::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(error.to_string()))?;
    // Ends with the response, or with the runtime.
    tokio::spawn(connection);
    let request = Request::get(target)
        .header(HOST, http1::host(url))
        .header(USER_AGENT, concat!("dropfeed-import/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, ACCEPTED)
        .header(ACCEPT_ENCODING, "gzip")
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(error.to_string()))?;
    sender.send_request(request).await.map_err(|error| broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_and_exceptions() {
        let proxies = Proxies {
            http: Some("http://p:3128".to_owned()),
            https: Some("q:8080".to_owned()),
            except: [".internal.example", "localhost", ""].map(str::to_owned).to_vec(),
        };
        for (url, proxy) in [
            ("http://e.org/", Some("http://p:3128")),
            ("https://e.org/", Some("q:8080")),
            ("https://internal.example/", None),
            ("https://a.internal.example/", None),
            ("https://notinternal.example/", Some("q:8080")),
            ("http://localhost:8080/", None),
        ] {
            assert_eq!(proxies.of(&Url::parse(url).unwrap()), proxy, "{url}");
        }
        let none = Proxies { except: vec!["*".to_owned()], ..proxies };
        assert_eq!(none.of(&Url::parse("http://e.org/").unwrap()), None);
    }

    #[test]
    fn addresses_of_proxies() {
        for (text, expected) in [
            ("http://p.example:3128", Some("p.example:3128")),
            ("p.example:3128", Some("p.example:3128")),
            ("http://p.example/", Some("p.example:80")),
            ("https://p.example", None),
            ("http://u:w@p.example", None),
            ("socks5://p.example", None),
        ] {
            assert_eq!(proxy_address(text).ok().as_deref(), expected, "{text}");
        }
    }
}
