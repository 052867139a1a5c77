//! Plain requests: what the fast path answers from bytes that were made before, without hyper.
//!
//! [`Plain::parse`] knows a GET or HEAD of a path in HTTP/1.1, without a body and a query, whose
//! fields are all among those of a usual reader. Everything else is `None`, and hyper's: the fast
//! path never refuses a request, and never answers one differently. [`Ready`] is what it sends.

use std::mem::MaybeUninit;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use httparse::{Header, ParserConfig, Status};

use super::authority::is_host;
use crate::base::Route;
use crate::publish::Coding;

/// The most fields that a plain request has. Browsers send about fifteen.
pub(super) const FIELDS_MAX: usize = 24;

/// The place for the fields of a request.
pub(super) type Fields<'a> = [MaybeUninit<Header<'a>>; FIELDS_MAX];

/// Fields that change nothing here. `Cache-Control` and `Pragma` of a request speak to caches.
const IGNORED: [&str; 12] = [
    "user-agent",
    "accept",
    "accept-language",
    "accept-charset",
    "cache-control",
    "pragma",
    "referer",
    "from",
    "dnt",
    "sec-gpc",
    "upgrade-insecure-requests",
    "via",
];

/// A plain request.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a> {
    /// Whether it is HEAD, and not GET.
    pub(super) is_head: bool,
    /// The target, a path without a query.
    path: &'a str,
    fields: &'a [Header<'a>],
    /// `Accept-Encoding`
    pub(super) accept_encoding: Option<&'a [u8]>,
    /// `If-None-Match`
    pub(super) if_none_match: Option<&'a [u8]>,
    /// `If-Modified-Since`
    pub(super) if_modified_since: Option<&'a [u8]>,
    /// Whether the client closes the connection after the answer.
    pub(super) closes: bool,
}

impl<'a> Plain<'a> {
    /// Reads `bytes` as exactly one plain request. `None` if it is not one, or not all of it is
    /// there, or more than it.
    pub(super) fn parse(bytes: &'a [u8], fields: &'a mut Fields<'a>) -> Option<Self> {
        let is_head = bytes.starts_with(b"HEAD /");
        if !is_head && !bytes.starts_with(b"GET /") || !bytes.ends_with(b"\r\n\r\n") {
            return None;
        }
        let mut request = httparse::Request::new(&mut []);
        // The same parser with the same settings as hyper's, so that both see the same request.
        let parser = ParserConfig::default();
        match parser.parse_request_with_uninit_headers(&mut request, bytes, fields) {
            Ok(Status::Complete(len)) if len == bytes.len() && request.version == Some(1) => {}
            _ => return None,
        }
        let mut plain = Self {
            is_head,
            path: request.path?,
            fields: &[],
            accept_encoding: None,
            if_none_match: None,
            if_modified_since: None,
            closes: false,
        };
        let (mut host, mut connection) = (None, None);
        let headers: &'a [Header<'a>] = request.headers;
        for field in headers {
            let slot = match field.name.len() {
                4 if is(field, "host") => &mut host,
                10 if is(field, "connection") => &mut connection,
                13 if is(field, "if-none-match") => &mut plain.if_none_match,
                15 if is(field, "accept-encoding") => &mut plain.accept_encoding,
                17 if is(field, "if-modified-since") => &mut plain.if_modified_since,
                _ if IGNORED.iter().any(|name| is(field, name)) => continue,
                _ => return None,
            };
            // Two lines of a field are a matter for those who know what they mean together.
            if slot.replace(field.value).is_some() {
                return None;
            }
        }
        plain.closes = match connection {
            None => false,
            Some(value) if value.eq_ignore_ascii_case(b"keep-alive") => false,
            Some(value) if value.eq_ignore_ascii_case(b"close") => true,
            Some(_) => return None,
        };
        if !is_host(host?) {
            return None;
        }
        plain.fields = headers;
        Some(plain)
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &HeaderName) -> Option<&'a [u8]> {
        let found = self.fields.iter().find(|field| is(field, name.as_str()));
        found.map(|field| field.value)
    }

    /// Whether it has a validator of RFC 9110, 13.1.2 or 13.1.3.
    pub(super) fn is_conditional(&self) -> bool {
        self.if_none_match.is_some() || self.if_modified_since.is_some()
    }

    /// Its target.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Its method.
    pub fn method(&self) -> Method {
        if self.is_head { Method::HEAD } else { Method::GET }
    }

    /// The same request as hyper would have read it.
    pub(super) fn parts(&self) -> Option<Parts> {
        let mut request = http::Request::builder().method(self.method()).uri(self.path);
        for field in self.fields {
            request = request.header(field.name, field.value);
        }
        let (parts, ()) = request.body(()).ok()?.into_parts();
        Some(parts)
    }
}

fn is(field: &Header<'_>, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

/// An answer that was made before: everything but its `Date`.
#[derive(Debug)]
pub(super) struct Ready {
    /// The status line and the header fields, each with its line break.
    pub(super) head: Vec<u8>,
    /// The body of an answer to GET.
    pub(super) body: Bytes,
    pub(super) status: StatusCode,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) coding: Coding,
    pub(super) route: Route,
}

impl Ready {
    /// Writes down an answer to GET of `route`, as hyper would.
    pub(super) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        route: Route,
        coding: Coding,
    ) -> Arc<Self> {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\n",
            status.as_str(),
            status.canonical_reason().unwrap_or_default()
        )
        .into_bytes();
        for (name, value) in headers {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        let content_type = headers.get(CONTENT_TYPE).cloned();
        Arc::new(Self { head, body, status, content_type, coding, route })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parses(text: &[u8]) -> bool {
        let mut fields = [MaybeUninit::uninit(); FIELDS_MAX];
        Plain::parse(text, &mut fields).is_some()
    }

    #[test]
    fn what_is_plain() {
        let many = "Accept: a\r\n".repeat(FIELDS_MAX);
        for (text, is_plain) in [
            ("GET /a HTTP/1.1|Host: h||", true),
            ("HEAD /a HTTP/1.1|host: h:80||", true),
            ("GET /a HTTP/1.1|Host: h|User-Agent: x|Accept: */*|Accept-Language: de||", true),
            ("GET /a HTTP/1.1|Host: h|If-None-Match: \"a\"|If-Modified-Since: x||", true),
            ("GET /a HTTP/1.1|Host: h|Connection: Keep-Alive||", true),
            ("GET /a HTTP/1.1|Host: h|Connection: close||", true),
            ("GET /a HTTP/1.1|Host: h|Connection: close, x||", false),
            ("GET /a HTTP/1.1|Host: h|Connection: close|Connection: keep-alive||", false),
            ("GET /a HTTP/1.1|Host: h|Accept-Encoding: br|Accept-Encoding: gzip||", false),
            ("GET /a HTTP/1.1|Host: h|If-None-Match: \"a\"|If-None-Match: \"b\"||", false),
            ("GET /a HTTP/1.1||", false),
            ("GET /a HTTP/1.1|Host: h|Host: h||", false),
            ("GET /a HTTP/1.1|Host: a b||", false),
            ("GET /a HTTP/1.0|Host: h||", false),
            ("GET http://h/a HTTP/1.1|Host: h||", false),
            ("OPTIONS /a HTTP/1.1|Host: h||", false),
            ("get /a HTTP/1.1|Host: h||", false),
            ("GET /a HTTP/1.1|Host: h|Content-Length: 0||", false),
            ("GET /a HTTP/1.1|Host: h|Transfer-Encoding: chunked||", false),
            ("GET /a HTTP/1.1|Host: h|Expect: 100-continue||", false),
            ("GET /a HTTP/1.1|Host: h|Upgrade: h2c||", false),
            ("GET /a HTTP/1.1|Host: h|Range: bytes=0-1||", false),
            ("GET /a HTTP/1.1|Host: h|If-Match: \"a\"||", false),
            ("GET /a HTTP/1.1|Host: h|A-IM: feed||", false),
            ("GET /a HTTP/1.1|Host: h|Sec-Fetch-Dest: document||", false),
            ("GET /a HTTP/1.1|Host: h|X-Forwarded-For: 192.0.2.1||", false),
            ("GET /a HTTP/1.1|Host: h|Forwarded: for=192.0.2.1||", false),
            ("GET /a HTTP/1.1|Host : h||", false),
            ("GET /a HTTP/1.1|Host: h| folded||", false),
            ("GET /a HTTP/1.1|Host: h|", false),
            ("GET /a HTTP/1.1|Host: h||x", false),
            ("GET /a HTTP/1.1|Host: h||GET /a HTTP/1.1|Host: h||", false),
            (&format!("GET /a HTTP/1.1|Host: h|{many}|"), false),
        ] {
            assert_eq!(parses(text.replace('|', "\r\n").as_bytes()), is_plain, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            parses(&bytes);
            parses(&[&b"GET /"[..], &bytes, b"\r\n\r\n"].concat());
            parses(&[b"GET / HTTP/1.1\r\nHost: h\r\nAccept: ", &bytes[..], b"\r\n\r\n"].concat());
        }
    }
}
