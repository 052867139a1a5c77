//! The host that a request names (RFC 3986, 3.2.2). It is checked, and not used.

use std::net::Ipv6Addr;

/// Whether a text is `uri-host [ ":" port ]` (RFC 3986, 3.2.2). It must not be empty (RFC 9110,
/// 4.2.1).
pub(super) fn is_host(text: &[u8]) -> bool {
    let (host, port) = match text.strip_prefix(b"[") {
        Some(literal) => {
            let Some(end) = literal.iter().position(|byte| *byte == b']') else { return false };
            (Host::Literal(&literal[..end]), &literal[end + 1..])
        }
        None => {
            let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            (Host::Name(&text[..end]), &text[end..])
        }
    };
    let is_port = match port {
        [] => true,
        // A colon without digits is a port too (RFC 3986, 3.2.3).
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_port && host.is_legal()
}

/// A host without its port.
enum Host<'a> {
    /// The text between brackets: an IPv6 address.
    Literal(&'a [u8]),
    /// A name, or an IPv4 address.
    Name(&'a [u8]),
}

impl Host<'_> {
    fn is_legal(&self) -> bool {
        match self {
            Host::Literal(text) => match std::str::from_utf8(text) {
                Ok(text) => text.parse::<Ipv6Addr>().is_ok(),
                Err(_) => false,
            },
            Host::Name(text) => {
                !text.is_empty() && text.len() <= 255 && text.iter().all(|byte| in_name(*byte))
            }
        }
    }
}

/// Whether a byte may be in a `reg-name` (RFC 3986, 3.2.2), which may be percent-encoded.
fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, legal) in [
            ("example.org", true),
            ("example.org:8080", true),
            ("example.org:", true),
            ("under_score.example", true),
            ("127.0.0.1:80", true),
            ("[::1]", true),
            ("[::1]:8080", true),
            ("", false),
            (":80", false),
            ("a b", false),
            ("a/b", false),
            ("a@b", false),
            ("a:b", false),
            ("a:1:2", false),
            ("a:65535", true),
            ("a:999999", false),
            ("[::1", false),
            ("[::1]x", false),
            ("[nonsense]", false),
            ("exämple.org", false),
        ] {
            assert_eq!(is_host(text.as_bytes()), legal, "{text}");
        }
    }
}
