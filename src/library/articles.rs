//! Every article that ever was public: by its number, its path and its URL. The ledger changes it;
//! the library looks things up in a copy, which shares everything with it.
//!
//! What is in memory of an article are its bytes (see [`packed`]) and a few small numbers. Paths
//! and URLs are looked up by a hash, and the record's text decides, since two texts may have one
//! hash.

use std::hash::{DefaultHasher, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use imbl::HashMap;

use crate::base::shelf::Shelf;
use crate::base::{Digest, RelPath, UrlPath};

use super::packed::{self, Glance};
use super::sorted::Sorted;
use super::{Record, Seq};

/// A hash, or the beginning of a digest, and the number of an article. Numbers begin with 1 and have no large
/// gaps, so that 32 bits are enough for more articles than fit into memory.
pub(super) type Pair = (u32, u32);

/// Every article that ever was public. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Articles {
    /// The records, by number.
    records: Shelf,
    /// The last article of every path.
    by_path: Sorted<Pair>,
    /// The owners of URLs that are theirs at present.
    by_url: Sorted<Pair>,
    /// The owners of all other URLs, by their keys; for ever.
    former: HashMap<UrlPath, Seq>,
}

impl Articles {
    /// The articles of these records, without their paths and URLs.
    pub(super) fn of(records: Shelf) -> Self {
        Self { records, ..Self::default() }
    }

    /// Makes articles the last of their paths, of which none has one.
    pub(super) fn take_paths(&mut self, paths: Vec<Pair>) {
        self.by_path.extend(paths);
    }

    /// The article with this number.
    pub(super) fn record(&self, seq: Seq) -> Option<Arc<Record>> {
        let bytes = self.records.get(&key_of(seq))?;
        Some(Arc::new(packed::read_record(seq, bytes)))
    }

    /// The part of an article that can be seen without making its record.
    pub(super) fn glance(&self, seq: Seq) -> Option<Glance<'_>> {
        self.records.get(&key_of(seq)).map(packed::glance)
    }

    /// Every article, by its number.
    pub(super) fn records(&self) -> impl Iterator<Item = Arc<Record>> {
        let records = self.records.iter();
        records.map(|(key, bytes)| Arc::new(packed::read_record(seq_of(key), bytes)))
    }

    /// The number of articles.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The largest number that was given.
    pub(super) fn last(&self) -> Option<Seq> {
        self.records.last_key().map(seq_of)
    }

    /// Remembers an article, in place of what was remembered of it.
    pub(super) fn put(&mut self, record: &Record) {
        let seq = record.seq;
        let key = record.url.key();
        let old = self.glance(seq).and_then(|old| UrlPath::new(old.url)).map(|url| url.key());
        if let Some(old) = old
            && old != key
            && self.by_url.remove(&pair(old.as_str(), seq))
        {
            self.former.insert(old, seq);
        }
        self.records.put(&key_of(seq), &packed::record(record));
        // An article gets its URL before its record has it, and it may get an old one back. Until
        // now, the URL was kept as one that it does not have at present.
        if self.former.get(&key) == Some(&seq) {
            self.former.remove(&key);
            self.by_url.insert(pair(key.as_str(), seq));
        }
    }

    /// The last article of a path.
    pub(super) fn at_path(&self, path: &RelPath) -> Option<Seq> {
        for (_, number) in self.by_path.range(pairs(path.as_str())) {
            let seq = Seq::from(number);
            if self.glance(seq).is_some_and(|record| record.path == path.as_str()) {
                return Some(seq);
            }
        }
        None
    }

    /// The last articles of the paths that have this hash.
    pub(super) fn at_paths(&self, hash: u32) -> impl Iterator<Item = Arc<Record>> {
        let pairs = self.by_path.range(pairs_of(hash));
        pairs.filter_map(|(_, number)| self.record(number.into()))
    }

    /// Makes an article the last of its path; its record is put after that, if it is new.
    pub(super) fn take_path(&mut self, path: &RelPath, seq: Seq) {
        self.leave_path(path);
        self.by_path.insert(pair(path.as_str(), seq));
    }

    /// Leaves a path without an article.
    pub(super) fn leave_path(&mut self, path: &RelPath) {
        if let Some(seq) = self.at_path(path) {
            self.by_path.remove(&pair(path.as_str(), seq));
        }
    }

    /// The owner of a URL, by its key.
    pub(super) fn owner_of_key(&self, key: &UrlPath) -> Option<Seq> {
        if let Some(seq) = self.former.get(key) {
            return Some(*seq);
        }
        for (_, number) in self.by_url.range(pairs(key.as_str())) {
            let seq = Seq::from(number);
            let Some(record) = self.glance(seq) else { continue };
            let is_same = record.url == key.as_str()
                || UrlPath::new(record.url).is_some_and(|url| url.key() == *key);
            if is_same {
                return Some(seq);
            }
        }
        None
    }

    /// Makes a URL an article's for ever, by its key, which must not have an owner.
    pub(super) fn own_key(&mut self, key: UrlPath, seq: Seq) {
        let present = self.glance(seq).and_then(|record| UrlPath::new(record.url));
        if present.is_some_and(|url| url.key() == key) {
            self.by_url.insert(pair(key.as_str(), seq));
        } else {
            self.former.insert(key, seq);
        }
    }

    /// Every URL that ever was public, by its key, with its owner.
    pub(super) fn urls(&self) -> impl Iterator<Item = (UrlPath, Seq)> {
        let former = self.former.iter().map(|(key, seq)| (key.clone(), *seq));
        let present = self.by_url.iter().filter_map(|(_, number)| {
            let seq = Seq::from(number);
            let url = UrlPath::new(self.glance(seq)?.url)?;
            Some((url.key(), seq))
        });
        former.chain(present)
    }

    /// Every path that has an article, with the last of them.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, Seq)> {
        self.by_path.iter().filter_map(|(_, number)| {
            let seq = Seq::from(number);
            Some((self.glance(seq)?.path, seq))
        })
    }
}

/// The number of an article as it is in a [`Pair`].
pub(super) fn number(seq: Seq) -> u32 {
    u32::try_from(seq).unwrap_or(u32::MAX)
}

/// The pair of a text and an article.
pub(super) fn pair(text: &str, seq: Seq) -> Pair {
    (hash(text.as_bytes()), number(seq))
}

/// The pairs of a text, with any article.
pub(super) fn pairs(text: &str) -> RangeInclusive<Pair> {
    pairs_of(hash(text.as_bytes()))
}

/// The pairs that begin with this.
pub(super) fn pairs_of(hash: u32) -> RangeInclusive<Pair> {
    (hash, 0)..=(hash, u32::MAX)
}

/// A hash of some bytes. What is found by it is compared with what was looked for, so that it need
/// not be a digest, which takes several times as long.
pub(super) fn hash(bytes: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    (hasher.finish() >> 32) as u32
}

/// The beginning of a digest.
pub(super) fn beginning(digest: Digest) -> u32 {
    (digest.prefix() >> 32) as u32
}

/// The key of an article among the records.
pub(super) fn key_of(seq: Seq) -> [u8; 4] {
    number(seq).to_be_bytes()
}

fn seq_of(key: &[u8]) -> Seq {
    key.iter().fold(0, |seq, byte| seq << 8 | Seq::from(*byte))
}
