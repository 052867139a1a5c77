//! One representation-independent answer: bytes with validators, and their content codings on first demand.

use bytes::Bytes;

use crate::base::{Digest, Timestamp};

/// A finished answer. Its bytes never change; a coding is a pure function of them, made on first demand by one
/// requester while others wait.
#[derive(Debug)]
pub struct Document {
    /// The media type, with its charset where it has one.
    pub content_type: &'static str,
    /// The digest of the identity bytes.
    pub digest: Digest,
    /// When these bytes were first published: whole seconds, growing from version to version. None where nobody
    /// remembers it (pages), so that no date can vouch for bytes that it does not know.
    pub last_modified: Option<Timestamp>,
    /// The bytes without any coding.
    pub identity: Bytes,
}

impl Document {
    /// A document of `identity`, first published at `last_modified`.
    pub fn new(content_type: &'static str, identity: Bytes, last_modified: Option<Timestamp>) -> Self {
        Self { content_type, digest: Digest::of(&identity), last_modified, identity }
    }
}
