//! The request that a webhook gets for an article, and its signature.
//!
//! The body is the article's item as JSON Feed has it. The signature is that of GitHub's webhooks,
//! which many programs verify: `X-Hub-Signature-256: sha256=HEX`, an HMAC (RFC 2104) of the body.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

const EVENT: HeaderName = HeaderName::from_static("dropfeed-event");
const DELIVERY: HeaderName = HeaderName::from_static("dropfeed-delivery");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// The headers of the request. `seq`: the publication number of the article, the same at each try,
/// so that a receiver can drop a repetition.
pub fn headers(body: &[u8], seq: u64, secret: Option<&[u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(EVENT, HeaderValue::from_static("published"));
    headers.insert(DELIVERY, HeaderValue::from(seq));
    if let Some(secret) = secret
        && let Ok(signature) = HeaderValue::try_from(signature(body, secret))
    {
        headers.insert(SIGNATURE, signature);
    }
    headers
}

/// The signature of a body: `sha256=`, and 64 hexadecimal digits.
fn signature(body: &[u8], secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut text = "sha256=".to_owned();
    for byte in hmac::sign(&key, body).as_ref() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, 4.3 (test case 2), and GitHub's documentation of its webhooks.
    #[test]
    fn signatures_are_those_of_the_standard() {
        for (secret, body, expected) in [
            (
                "Jefe",
                "what do ya want for nothing?",
                "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "It's a Secret to Everybody",
                "Hello, World!",
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
        ] {
            assert_eq!(signature(body.as_bytes(), secret.as_bytes()), expected);
        }
    }

    #[test]
    fn a_request_says_what_it_is() {
        let headers = super::headers(b"{}", 7, None);
        assert_eq!(headers[EVENT], "published");
        assert_eq!(headers[DELIVERY], "7");
        assert!(!headers.contains_key(SIGNATURE));
        assert!(super::headers(b"{}", 7, Some(b"x")).contains_key(SIGNATURE));
    }
}
