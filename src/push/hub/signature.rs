//! The signature of a delivery (section 7.1, `X-Hub-Signature`).

use std::fmt::Write as _;

use ring::hmac;

use super::model::Secret;
use crate::config::Signature;

/// The value of `X-Hub-Signature` for `body`: `method=signature`, in lower-case hexadecimal digits.
pub fn sign(signature: Signature, secret: &Secret, body: &[u8]) -> String {
    let (name, method) = match signature {
        Signature::Sha1 => ("sha1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Signature::Sha256 => ("sha256", hmac::HMAC_SHA256),
        Signature::Sha384 => ("sha384", hmac::HMAC_SHA384),
        Signature::Sha512 => ("sha512", hmac::HMAC_SHA512),
    };
    let key = hmac::Key::new(method, secret.reveal().as_bytes());
    let mut text = format!("{name}=");
    for byte in hmac::sign(&key, body).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a subscriber repeated the challenge. Takes the same time wherever they differ.
pub fn is_same(challenge: &str, answer: &[u8]) -> bool {
    // The comparison of these digests is in constant time.
    blake3::hash(challenge.as_bytes()) == blake3::hash(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 and RFC 4231, test case 2 of both.
    #[test]
    fn known_answers() {
        let secret = Secret::new("Jefe");
        let body = b"what do ya want for nothing?";
        for (name, digits) in [
            ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                "sha384",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                "sha512",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let (_, signature) =
                Signature::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
            assert_eq!(sign(signature, &secret, body), format!("{name}={digits}"));
        }
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn a_challenge_is_repeated_to_the_last_byte() {
        assert!(is_same("abc", b"abc"));
        for other in [&b""[..], b"ab", b"abc\n", b"abd", b"abcabc"] {
            assert!(!is_same("abc", other));
        }
    }
}
