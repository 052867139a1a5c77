//! Content digests: the identity of bytes.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A BLAKE3 digest of some bytes, 256 bits. Equal digests mean equal bytes.
///
/// ```
/// use dropfeed::base::Digest;
///
/// let digest = Digest::of(b"text");
/// assert_eq!(digest, Digest::from_bytes(*digest.as_bytes()));
/// assert_ne!(digest, Digest::of(b"another text"));
/// assert_eq!(digest.short().len(), 32);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Computes the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Computes the digest of all that the [`Hash`] of a value takes account of.
    pub fn of_value(value: &impl Hash) -> Self {
        let mut hasher = ValueHasher(blake3::Hasher::new());
        value.hash(&mut hasher);
        Self(*hasher.0.finalize().as_bytes())
    }

    /// The digest as it is stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Restores a digest that was stored as [`Digest::as_bytes`].
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first 64 bits, for deriving small numbers.
    pub fn prefix(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(first)
    }

    /// The first 128 bits, as a number: in hexadecimal it reads as [`Digest::short`].
    pub fn wide_prefix(&self) -> u128 {
        let mut first = [0; 16];
        first.copy_from_slice(&self.0[..16]);
        u128::from_be_bytes(first)
    }

    /// The first 128 bits in hexadecimal, as an ETag has them.
    pub fn short(&self) -> String {
        hexadecimal(&self.0[..16])
    }
}

/// Takes the bytes that a [`Hash`] writes.
struct ValueHasher(blake3::Hasher);

impl Hasher for ValueHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        Digest(*self.0.finalize().as_bytes()).prefix()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}
