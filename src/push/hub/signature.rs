//! The signature of a delivery (section 7.1, `X-Hub-Signature`).

use std::fmt::Write as _;

use ring::hmac;

use super::model::Secret;

/// A recognized algorithm (7.1.1). SHA-1 is not among them: it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// `sha256`
    #[default]
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }
}

/// The value of `X-Hub-Signature` for `body`: `method=signature`, in lower-case hexadecimal digits.
pub fn sign(algorithm: Algorithm, secret: &Secret, body: &[u8]) -> String {
    let method = match algorithm {
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha384 => hmac::HMAC_SHA384,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    let key = hmac::Key::new(method, secret.reveal().as_bytes());
    let mut text = format!("{}=", algorithm.name());
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

    /// RFC 4231, test case 2.
    #[test]
    fn known_answers() {
        let secret = Secret::new("Jefe");
        let body = b"what do ya want for nothing?";
        for (algorithm, digits) in [
            (Algorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                Algorithm::Sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::Sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let expected = format!("{}={digits}", algorithm.name());
            assert_eq!(sign(algorithm, &secret, body), expected);
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
