//! Files that are served unchanged: an open file, and the name of its version.
//!
//! Only the bytes that are sent are read. A small file's version is named by the digest of its
//! bytes, which is computed once and remembered by the file's fingerprint. A large file is not read
//! for its name: the name is derived from its fingerprint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::base::{Digest, Timestamp, time};
use crate::publish::render::{Asset, Unrendered};
use crate::source::{AssetFile, Fingerprint, PictureSize};

/// The largest file that is named by the digest of its bytes, so that replicas agree. Reading it
/// takes a few milliseconds.
const DIGESTED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Entries in each half of [`ByFingerprint`], of about 100 bytes each.
const HALF_MAX: usize = 2048;

/// The digests of small files.
pub(super) type Digests = ByFingerprint<Digest>;

/// The sizes of pictures; `None` for a file that has none.
pub(super) type Sizes = ByFingerprint<Option<PictureSize>>;

/// Facts about files, by fingerprint; bounded.
#[derive(Debug)]
pub(super) struct ByFingerprint<T>(Mutex<Halves<T>>);

/// Two generations of entries. When `recent` is full it becomes `earlier`, and the entries of the
/// old `earlier` that were not used meanwhile are forgotten: nearly the least recently used,
/// without keeping an order.
#[derive(Debug)]
struct Halves<T> {
    recent: HashMap<Fingerprint, T>,
    earlier: HashMap<Fingerprint, T>,
}

impl<T> Default for ByFingerprint<T> {
    fn default() -> Self {
        Self(Mutex::new(Halves { recent: HashMap::new(), earlier: HashMap::new() }))
    }
}

impl<T: Copy> ByFingerprint<T> {
    fn get(&self, fingerprint: &Fingerprint) -> Option<T> {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = halves.recent.get(fingerprint) {
            return Some(*known);
        }
        let known = *halves.earlier.get(fingerprint)?;
        halves.put(*fingerprint, known);
        Some(known)
    }

    fn put(&self, fingerprint: Fingerprint, known: T) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.put(fingerprint, known);
    }
}

impl<T> Halves<T> {
    fn put(&mut self, fingerprint: Fingerprint, known: T) {
        if self.recent.len() >= HALF_MAX {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(fingerprint, known);
    }
}

impl Sizes {
    /// The size of the picture in `file`, which was opened at `now`.
    pub(super) fn of(&self, file: &AssetFile, now: Timestamp) -> Option<PictureSize> {
        let fingerprint = file.fingerprint();
        if let Some(size) = self.get(&fingerprint) {
            return size;
        }
        let size = file.picture_size();
        if !file.is_racy(now) {
            self.put(fingerprint, size);
        }
        size
    }
}

/// An open file, and the time at which it was opened.
pub(super) struct Opened {
    file: AssetFile,
    opened: Timestamp,
    digests: Arc<Digests>,
}

impl Opened {
    /// Wraps `file`, which was opened at `now`.
    pub(super) fn new(file: AssetFile, now: Timestamp, digests: Arc<Digests>) -> Self {
        Self { file, opened: now, digests }
    }
}

impl Asset for Opened {
    fn len_bytes(&self) -> u64 {
        self.file.len_bytes()
    }

    fn modified(&self) -> Timestamp {
        time::from_system(self.file.modified())
    }

    fn version(&self) -> Result<Option<Digest>, Unrendered> {
        let fingerprint = self.file.fingerprint();
        // The file may be written again within the same tick of the file system's clock, which
        // would not change its fingerprint.
        let is_racy = self.file.is_racy(self.opened);
        if self.len_bytes() > DIGESTED_BYTES_MAX {
            return Ok(if is_racy { None } else { Some(name(&fingerprint)) });
        }
        if let Some(digest) = self.digests.get(&fingerprint) {
            return Ok(Some(digest));
        }
        let digest = self.file.digest().map_err(|_| Unrendered::Changed)?;
        // A file that was written while it was read has no single digest.
        if self.file.fingerprint_now().map_err(|_| Unrendered::Unreadable)? != fingerprint {
            return Err(Unrendered::Changed);
        }
        if !is_racy {
            self.digests.put(fingerprint, digest);
        }
        Ok(Some(digest))
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, Unrendered> {
        let mut buffer = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self.file.read_at(offset + filled as u64, &mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(_) => return Err(Unrendered::Unreadable),
            }
        }
        buffer.truncate(filled);
        Ok(Bytes::from(buffer))
    }
}

/// The name of a version of a large file. Every write moves the change time, which no program can
/// set. The device is left out, because its number may change at a reboot.
fn name(fingerprint: &Fingerprint) -> Digest {
    let Fingerprint { dev: _, ino, btime_ns, len_bytes, mtime_ns, ctime_ns } = *fingerprint;
    let mut text = Vec::with_capacity(5 * 8);
    for number in [ino, len_bytes] {
        text.extend_from_slice(&number.to_be_bytes());
    }
    for stamp in [btime_ns, mtime_ns, ctime_ns] {
        text.extend_from_slice(&stamp.to_be_bytes());
    }
    Digest::of(&text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fingerprint(ino: u64) -> Fingerprint {
        Fingerprint { ino, ctime_ns: 1, ..Fingerprint::default() }
    }

    #[test]
    fn digests_are_bounded_and_those_in_use_stay() {
        let digests = Digests::default();
        let used = Digest::of(b"used");
        digests.put(fingerprint(0), used);
        for ino in 1..=10 * HALF_MAX as u64 {
            digests.put(fingerprint(ino), Digest::of(&ino.to_be_bytes()));
            assert_eq!(digests.get(&fingerprint(0)), Some(used), "after {ino}");
        }
        assert_eq!(digests.get(&fingerprint(1)), None, "it was not asked for");
        let halves = digests.0.lock().unwrap();
        assert!(halves.recent.len() <= HALF_MAX && halves.earlier.len() <= HALF_MAX);
    }

    #[test]
    fn a_name_differs_with_everything_but_the_device() {
        let first = fingerprint(7);
        let mut names = HashSet::from([name(&first)]);
        for other in [
            Fingerprint { ino: 8, ..first },
            Fingerprint { btime_ns: 8, ..first },
            Fingerprint { len_bytes: 8, ..first },
            Fingerprint { mtime_ns: 8, ..first },
            Fingerprint { ctime_ns: 8, ..first },
        ] {
            assert!(names.insert(name(&other)), "{other:?}");
        }
        assert!(!names.insert(name(&Fingerprint { dev: 8, ..first })));
    }
}
