//! The only reader of articles: the truth is the file system, and this module reads it.
//!
//! `watch` says where to look, `inbox` when, `scan` what is there, `read` what it says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, RelPath, Timestamp};

/// What tells a file from its earlier self without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Device number.
    pub dev: u64,
    /// Inode number; reused at once after a deletion, so it proves nothing alone.
    pub ino: u64,
    /// Birth time in nanoseconds since 1970; 0 where the file system has none.
    pub btime_ns: i64,
    /// Size in bytes.
    pub len_bytes: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// A file as it was read, whole: its fingerprint was the same before and after.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// Their digest.
    pub digest: Digest,
    /// The fingerprint they were read under.
    pub fingerprint: Fingerprint,
}

impl SourceFile {
    /// The file's modification time.
    pub fn modified(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.fingerprint.mtime_ns)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
