//! A sorted set of small values, cheap to copy and close to the size of what it holds.
//!
//! The values are in chunks of at most [`CHUNK`], each about as large as its values. A copy shares
//! all of them, and a change makes one of them again: a step changes a few, and a library has
//! hundreds of thousands, most of which a tree of nodes would make twice as large. A chunk that no
//! copy shares is changed in place: while a library is loaded, each value is added by itself.

use std::ops::RangeInclusive;
use std::sync::Arc;

/// The values of a chunk, at most.
const CHUNK: usize = 256;

/// The room for further values that a chunk gets at a time, unless it is smaller itself: of small
/// sets, there are many.
const ROOM: usize = 16;

/// A chunk of fewer values is joined with a neighbour.
const CHUNK_MIN: usize = CHUNK / 4;

/// A sorted set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sorted<K> {
    /// None is empty.
    chunks: Arc<Vec<Arc<Vec<K>>>>,
    len: usize,
}

impl<K> Default for Sorted<K> {
    fn default() -> Self {
        Self { chunks: Arc::default(), len: 0 }
    }
}

impl<K: Copy + Ord> Sorted<K> {
    /// The number of values.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value at a place, counted from 0.
    pub(super) fn get(&self, mut place: usize) -> Option<K> {
        for chunk in self.chunks.iter() {
            match chunk.get(place) {
                Some(value) => return Some(*value),
                None => place -= chunk.len(),
            }
        }
        None
    }

    /// The greatest value.
    pub(super) fn last(&self) -> Option<K> {
        self.chunks.last()?.last().copied()
    }

    /// The chunk that has or would have `value`.
    fn chunk_of(&self, value: &K) -> usize {
        // The last one first: values often ascend.
        if let Some(last) = self.chunks.last()
            && last[0] <= *value
        {
            return self.chunks.len() - 1;
        }
        self.chunks.partition_point(|chunk| chunk[0] <= *value).saturating_sub(1)
    }

    /// Whether the value is in it.
    pub(super) fn contains(&self, value: &K) -> bool {
        match self.chunks.get(self.chunk_of(value)) {
            Some(chunk) => chunk.binary_search(value).is_ok(),
            None => false,
        }
    }

    /// Adds a value; false where it is in it already.
    pub(super) fn insert(&mut self, value: K) -> bool {
        let at = self.chunk_of(&value);
        let Some(chunk) = self.chunks.get(at) else {
            Arc::make_mut(&mut self.chunks).push(Arc::new(vec![value]));
            self.len = 1;
            return true;
        };
        let Err(place) = chunk.binary_search(&value) else { return false };
        let is_full = chunk.len() == CHUNK;
        let chunks = Arc::make_mut(&mut self.chunks);
        self.len += 1;
        if is_full && place == CHUNK {
            // Values that only grow, as numbers of articles do, leave full chunks behind.
            chunks.insert(at + 1, Arc::new(vec![value]));
            return true;
        }
        let (mut at, mut place) = (at, place);
        if is_full {
            let (first, second) = chunks[at].split_at(CHUNK / 2);
            let (first, second) = (Arc::new(first.to_vec()), Arc::new(second.to_vec()));
            chunks[at] = first;
            chunks.insert(at + 1, second);
            if place > CHUNK / 2 {
                (at, place) = (at + 1, place - CHUNK / 2);
            }
        }
        match Arc::get_mut(&mut chunks[at]) {
            Some(own) => {
                if own.len() == own.capacity() {
                    own.reserve_exact(own.len().clamp(1, ROOM));
                }
                own.insert(place, value);
            }
            None => {
                let (before, after) = chunks[at].split_at(place);
                chunks[at] = joined(before, &[value], after);
            }
        }
        true
    }

    /// Adds many values at once, which is faster than one by one.
    pub(super) fn extend(&mut self, values: Vec<K>) {
        if !values.is_empty() {
            *self = self.iter().chain(values).collect();
        }
    }

    /// Takes a value out; false where it is not in it.
    pub(super) fn remove(&mut self, value: &K) -> bool {
        let at = self.chunk_of(value);
        let Some(chunk) = self.chunks.get(at) else { return false };
        let Ok(place) = chunk.binary_search(value) else { return false };
        let rest = joined(&chunk[..place], &[], &chunk[place + 1..]);
        let chunks = Arc::make_mut(&mut self.chunks);
        self.len -= 1;
        if rest.is_empty() {
            chunks.remove(at);
            return true;
        }
        chunks[at] = rest;
        // With the chunk before it, or the one behind it.
        for first in [at.saturating_sub(1), at] {
            if let [one, other, ..] = &chunks[first..]
                && chunks[at].len() < CHUNK_MIN
                && one.len() + other.len() <= CHUNK
            {
                chunks[first] = joined(one, &[], other);
                chunks.remove(first + 1);
                break;
            }
        }
        true
    }

    /// Puts a value in the place of `old`, if that is in it. In order, they must be neighbours.
    pub(super) fn replace(&mut self, old: &K, new: K) {
        let at = self.chunk_of(old);
        let Some(chunk) = self.chunks.get(at) else { return };
        let Ok(place) = chunk.binary_search(old) else { return };
        let chunks = Arc::make_mut(&mut self.chunks);
        Arc::make_mut(&mut chunks[at])[place] = new;
    }

    /// Every value, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = K> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter().copied())
    }

    /// The values from the first to the last of a range, both included.
    pub(super) fn range(
        &self,
        range: RangeInclusive<K>,
    ) -> impl DoubleEndedIterator<Item = K> + '_ {
        let (first, last) = range.into_inner();
        let from = self.chunk_of(&first);
        let to = self.chunks.partition_point(|chunk| chunk[0] <= last).max(from);
        self.chunks[from.min(to)..to].iter().flat_map(move |chunk| {
            let start = chunk.partition_point(|value| *value < first);
            let end = chunk.partition_point(|value| *value <= last);
            chunk[start..end.max(start)].iter().copied()
        })
    }
}

impl<K: Copy + Ord> FromIterator<K> for Sorted<K> {
    /// Sorts once, which is faster than to add one by one.
    fn from_iter<I: IntoIterator<Item = K>>(values: I) -> Self {
        let mut values: Vec<K> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        let chunks = values.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec())).collect();
        Self { chunks: Arc::new(chunks), len: values.len() }
    }
}

/// The values of three slices, in one allocation.
fn joined<K: Copy>(before: &[K], middle: &[K], after: &[K]) -> Arc<Vec<K>> {
    Arc::new([before, middle, after].concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ascending_values_fill_their_chunks() {
        let mut set = Sorted::default();
        for n in 0..1000_u32 {
            assert!(set.insert(n));
        }
        assert_eq!(set.chunks.len(), 4);
        assert_eq!(set, (0..1000).collect());
    }

    #[test]
    fn chunks_that_empty_are_joined() {
        let mut set: Sorted<u32> = (0..10_000).collect();
        for n in (0..10_000).filter(|n| n % 10 != 0) {
            assert!(set.remove(&n));
        }
        assert!(set.chunks.len() <= 16, "{}", set.chunks.len());
        assert_eq!(set.len(), 1000);
    }

    #[test]
    fn a_value_is_replaced_where_it_is_alone() {
        let mut set: Sorted<u32> = (0..1000).map(|n| 10 * n).collect();
        let before = set.clone();
        for n in 0..1000 {
            set.replace(&(10 * n), 10 * n + 1);
            set.replace(&(10 * n + 5), 0);
        }
        assert_eq!(set, (0..1000).map(|n| 10 * n + 1).collect());
        assert_eq!(before, (0..1000).map(|n| 10 * n).collect());
    }

    proptest! {
        #[test]
        fn it_is_a_set(
            start in proptest::collection::vec(0_u16..2000, 0..1500),
            changes in proptest::collection::vec((0_u16..2000, any::<bool>()), 0..1500),
            (one, other) in (0_u16..2000, 0_u16..2000),
        ) {
            let (early, late) = start.split_at(start.len() / 2);
            let mut set: Sorted<u16> = early.iter().copied().collect();
            set.extend(late.to_vec());
            let mut model: BTreeSet<u16> = start.into_iter().collect();
            for (value, adds) in changes {
                let copy = set.clone();
                if adds {
                    prop_assert_eq!(set.insert(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(&value), model.remove(&value));
                }
                prop_assert_eq!(copy.contains(&value), copy.iter().any(|known| known == value));
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
            prop_assert_eq!(set.last(), model.last().copied());
            for place in [0, usize::from(one), model.len().saturating_sub(1), model.len()] {
                prop_assert_eq!(set.get(place), model.iter().nth(place).copied());
            }
            let (first, last) = (one.min(other), one.max(other));
            prop_assert!(set.range(first..=last).eq(model.range(first..=last).copied()));
            prop_assert!(set.range(first..=last).rev().eq(model.range(first..=last).rev().copied()));
            if first < last {
                prop_assert_eq!(set.range(last..=first).count(), 0);
            }
            prop_assert!(set.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
        }
    }
}
