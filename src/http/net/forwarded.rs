//! The reader's address, as proxies report it: `X-Forwarded-For`, and `Forwarded` (RFC 7239).
//!
//! Each proxy appends the address of its peer, so what is on the left may be invented by the
//! client. The reader is the rightmost address that is not a trusted proxy's. Only for requests of
//! trusted peers.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The reader of a request that a trusted proxy passed on; `None` if the proxy reports none, or
/// something that is not an address. `X-Forwarded-For` wins: proxies that set it often pass on a
/// `Forwarded` that the client sent.
pub fn reader(headers: &HeaderMap, proxies: &TrustedProxies) -> Option<IpAddr> {
    let mut hops = Hops { proxies, reader: None };
    if headers.contains_key(X_FORWARDED_FOR) {
        for line in headers.get_all(X_FORWARDED_FOR) {
            for hop in line.as_bytes().split(|byte| *byte == b',') {
                hops.pass(address(hop.trim_ascii()));
            }
        }
        return hops.reader;
    }
    for line in headers.get_all(FORWARDED) {
        for element in Elements(line.as_bytes()) {
            hops.pass(element.and_then(forwarded_for));
        }
    }
    hops.reader
}

/// The way of a request from left to right, as far as it was read.
struct Hops<'a> {
    proxies: &'a TrustedProxies,
    /// The rightmost address that is not a trusted proxy's; while there are only proxies, the first
    /// of them, which asks for itself.
    reader: Option<IpAddr>,
}

impl Hops<'_> {
    /// Goes to the next hop. One without an address says that what is on its left is not known.
    fn pass(&mut self, hop: Option<IpAddr>) {
        match hop {
            None => self.reader = None,
            Some(address) if self.reader.is_none() || !self.proxies.has(address) => {
                self.reader = Some(address);
            }
            Some(_) => {}
        }
    }
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(bare) => bare.parse().ok().filter(IpAddr::is_ipv6),
        None => text.parse().ok(),
    };
    let address = match bare {
        Some(address) => address,
        None => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

/// The elements of a `Forwarded` field: what is between the commas outside of quotes. A quote that
/// is not closed makes the last element `None`.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.is_empty() {
            return None;
        }
        match end_of(self.0, b',') {
            Some(end) => {
                let element = &self.0[..end];
                self.0 = self.0.get(end + 1..).unwrap_or_default();
                Some(Some(element))
            }
            None => {
                self.0 = &[];
                Some(None)
            }
        }
    }
}

/// The place of the first `separator` outside of quotes, or the end of the text; `None` if a quote
/// is not closed.
fn end_of(text: &[u8], separator: u8) -> Option<usize> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (n, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            byte if *byte == separator && !is_quoted => return Some(n),
            _ => {}
        }
    }
    if is_quoted { None } else { Some(text.len()) }
}

/// The address of the parameter `for` of an element (RFC 7239, 4 and 6); `None` if there is none,
/// or two, or `unknown` or a name such as `_proxy`.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = element;
    loop {
        let end = end_of(rest, b';')?;
        let pair = rest[..end].trim_ascii();
        let name_end = pair.iter().position(|byte| *byte == b'=');
        if let Some(name_end) = name_end
            && pair[..name_end].eq_ignore_ascii_case(b"for")
        {
            if found.is_some() {
                return None;
            }
            let value = &pair[name_end + 1..];
            // An address needs no escapes, so a value with one is none.
            let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            found = Some(address(value.unwrap_or(&pair[name_end + 1..]))?);
        }
        if end == rest.len() {
            return found;
        }
        rest = &rest[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:f::/48".parse().unwrap()],
            unix: false,
        }
    }

    /// Reads lines of fields: `x: ` is `X-Forwarded-For`, `f: ` is `Forwarded`.
    fn read(text: &str) -> String {
        let mut headers = HeaderMap::new();
        for line in text.split('\n') {
            let (name, value) = line.split_once(": ").unwrap();
            let name = if name == "x" { X_FORWARDED_FOR } else { FORWARDED };
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        reader(&headers, &proxies()).map_or("-".to_owned(), |address| address.to_string())
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy() {
        for (text, expected) in [
            ("x: 192.0.2.1", "192.0.2.1"),
            ("x: 192.0.2.1, 10.0.0.1, 10.0.0.2", "192.0.2.1"),
            // What the client sent is on the left.
            ("x: 198.51.100.9, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
            ("x: 10.0.0.9, 192.0.2.1", "192.0.2.1"),
            ("x: 198.51.100.9\nx: 192.0.2.1\nx: 10.0.0.1", "192.0.2.1"),
            ("x: 10.0.0.1, 10.0.0.2", "10.0.0.1"),
            ("x: 192.0.2.1:4711", "192.0.2.1"),
            ("x: ::ffff:192.0.2.1", "192.0.2.1"),
            ("x: 2001:DB8::1", "2001:db8::1"),
            ("x: [2001:db8::1]", "2001:db8::1"),
            ("x: [2001:db8::1]:80, 2001:db8:f::2", "2001:db8::1"),
            ("x: 192.0.2.1 ,\t10.0.0.1", "192.0.2.1"),
            // Left of what is no address, nothing is known.
            ("x: 192.0.2.1, unknown", "-"),
            ("x: 192.0.2.1, unknown, 10.0.0.1", "10.0.0.1"),
            ("x: unknown, 192.0.2.1", "192.0.2.1"),
            ("x: 192.0.2.1,", "-"),
            ("x: , 192.0.2.1", "192.0.2.1"),
            ("x: 192.0.2.1, 192.0.2.999", "-"),
            ("x: 192.0.2.1, [192.0.2.2]", "-"),
            ("x: 192.0.2.1, 2001:db8::1%eth0", "-"),
            ("x: \"192.0.2.1\"", "-"),
            ("f: for=192.0.2.1", "192.0.2.1"),
            ("f: for=192.0.2.1;proto=https;by=203.0.113.43, for=10.0.0.1", "192.0.2.1"),
            ("f: For=\"[2001:db8::1]:4711\"; proto=http", "2001:db8::1"),
            ("f: proto=https; FOR=\"192.0.2.1:80\"", "192.0.2.1"),
            ("f: for=198.51.100.9\nf: for=192.0.2.1", "192.0.2.1"),
            ("f: for=192.0.2.1, for=unknown", "-"),
            ("f: for=192.0.2.1, for=_hidden, for=10.0.0.1", "10.0.0.1"),
            ("f: for=192.0.2.1, proto=https", "-"),
            ("f: for=192.0.2.1;for=192.0.2.2", "-"),
            ("f: for=192.0.2.1;secret=\"a,for=198.51.100.9\"", "192.0.2.1"),
            ("f: for=192.0.2.1;secret=\"a\\\",for=198.51.100.9\"", "192.0.2.1"),
            ("f: for=192.0.2.1, for=\"198.51.100.9", "-"),
            ("f: for=\"192.0.2.1\\\"", "-"),
            // `X-Forwarded-For` wins, also if it says nothing.
            ("f: for=198.51.100.9\nx: 192.0.2.1", "192.0.2.1"),
            ("f: for=198.51.100.9\nx: unknown", "-"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(reader(&HeaderMap::new(), &proxies()), None);
    }

    proptest! {
        /// A client cannot change what its proxy says of it, whatever it sends before.
        #[test]
        fn nothing_on_the_left_matters(before in "[ -~]{0,40}", quoted in any::<bool>()) {
            prop_assert_eq!(read(&format!("x: {before}\nx: 192.0.2.1, 10.0.0.1")), "192.0.2.1");
            // A proxy that appends to the line of a client has to see that its quotes are closed.
            let before = if quoted { before } else { before.replace(['"', '\\'], "") };
            prop_assert_eq!(read(&format!("f: {before}\nf: for=192.0.2.1")), "192.0.2.1");
        }
    }
}
