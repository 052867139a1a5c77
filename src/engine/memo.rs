//! What was rendered for pages and may be wanted again: the text at the head of a list, and the
//! summaries of articles that are in no resident feed.
//!
//! Values are found by the content that they were made of, so they are never wrong; the oldest give
//! way. Without this, every change anywhere in the library would render all of a list again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::base::{Digest, RelPath};

/// At most `len_max` values, by the file and the digest of its bytes.
pub(super) struct Memo<V> {
    len_max: usize,
    kept: Mutex<Kept<V>>,
}

struct Kept<V> {
    values: HashMap<Digest, V>,
    /// The keys of `values`, oldest first.
    order: VecDeque<Digest>,
}

impl<V: Clone> Memo<V> {
    /// An empty one.
    pub(super) fn new(len_max: usize) -> Self {
        let kept = Kept { values: HashMap::new(), order: VecDeque::new() };
        Self { len_max, kept: Mutex::new(kept) }
    }

    /// The value for a file with these bytes.
    pub(super) fn get(&self, path: &RelPath, bytes: Digest) -> Option<V> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values.get(&key(path, bytes)).cloned()
    }

    /// Keeps a value.
    pub(super) fn put(&self, path: &RelPath, bytes: Digest, value: V) {
        let key = key(path, bytes);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.values.insert(key, value).is_none() {
            kept.order.push_back(key);
        }
        if kept.order.len() > self.len_max
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.values.remove(&oldest);
        }
    }
}

fn key(path: &RelPath, bytes: Digest) -> Digest {
    Digest::of(format!("{bytes} {path}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let memo = Memo::new(2);
        let path = |name: &str| RelPath::new(name).unwrap();
        let bytes = Digest::of(b"");
        for (name, value) in [("a", 1), ("b", 2), ("b", 3), ("c", 4)] {
            memo.put(&path(name), bytes, value);
        }
        let found = ["a", "b", "c"].map(|name| memo.get(&path(name), bytes));
        assert_eq!(found, [None, Some(3), Some(4)]);
        assert_eq!(memo.get(&path("b"), Digest::of(b"other")), None);
    }
}
