//! An ordered map of short byte strings, cheap to copy and close to the size of what it holds.
//!
//! Entries are in boxes of some kilobytes, one behind the other: the length of the key, the key, the
//! length of the value, the value. An entry has no allocation of its own, which for a hundred
//! thousand small ones is most of what a map costs. A copy shares all boxes, and a change makes one
//! of them again. A look-up compares at most one box.

use std::cmp::Ordering;
use std::sync::Arc;

/// The size of a box, in bytes, unless a single entry is larger. With the two counters before it,
/// it is a page of memory.
const BOX_BYTES: usize = 4096 - 2 * size_of::<usize>();

/// A smaller box is joined with the next one.
const BOX_BYTES_MIN: usize = BOX_BYTES / 4;

/// The map.
///
/// ```
/// use dropfeed::base::shelf::Shelf;
///
/// let mut shelf = Shelf::default();
/// shelf.put(b"b.md", b"2");
/// shelf.put(b"a.md", b"1");
/// assert_eq!(shelf.get(b"b.md"), Some(&b"2"[..]));
/// assert_eq!(shelf.iter().next(), Some((&b"a.md"[..], &b"1"[..])));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// None is empty.
    boxes: Arc<Vec<Arc<[u8]>>>,
    len: usize,
    /// The place of the last entry in the last box: keys often come in order, and then no entry has
    /// to be compared but this one.
    last_at: usize,
}

impl Shelf {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The box that has or would have the key.
    fn box_of(&self, key: &[u8]) -> usize {
        // Keys often come in order.
        if let Some(last) = self.boxes.last()
            && first_key(last) <= key
        {
            return self.boxes.len() - 1;
        }
        self.boxes.partition_point(|entries| first_key(entries) <= key).saturating_sub(1)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let entries = self.boxes.get(self.box_of(key))?;
        for entry in Entries(entries) {
            match entry.key.cmp(key) {
                Ordering::Less => {}
                Ordering::Equal => return Some(entry.value),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// Puts a value in place of the one with its key; false where there was none.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> bool {
        let at = self.box_of(key);
        let Some(entries) = self.boxes.get(at) else {
            Arc::make_mut(&mut self.boxes).push(with_entry(&[], key, value, &[]).into());
            (self.len, self.last_at) = (1, 0);
            return false;
        };
        let is_in_last = at + 1 == self.boxes.len();
        let is_behind_all = is_in_last && first_key(&entries[self.last_at..]) < key;
        let (start, end) =
            if is_behind_all { (entries.len(), entries.len()) } else { place_of(entries, key) };
        let entry = with_entry(&[], key, value, &[]);
        if end - start == entry.len()
            && let Some(own) = Arc::get_mut(&mut Arc::make_mut(&mut self.boxes)[at])
        {
            // Nothing else has to move, and no copy shares the box.
            own[start..end].copy_from_slice(&entry);
            return true;
        }
        let entries = &self.boxes[at];
        let made = with_entry(&entries[..start], key, value, &entries[end..]);
        let (is_last, is_known) = (end == entries.len(), end > start);
        let boxes = Arc::make_mut(&mut self.boxes);
        self.len += usize::from(!is_known);
        // Keys that only grow, as numbers of articles do, leave full boxes behind.
        let half = match made.len() {
            ..=BOX_BYTES => made.len(),
            _ if is_last && start > 0 => start,
            _ => middle(&made),
        };
        let (first, second) = made.split_at(half);
        boxes[at] = first.into();
        if !second.is_empty() {
            boxes.insert(at + 1, second.into());
        }
        if is_behind_all {
            self.last_at = if second.is_empty() { start } else { 0 };
        } else if is_in_last {
            self.last_at = last_entry_at(&boxes[boxes.len() - 1]);
        }
        is_known
    }

    /// Takes an entry out; false where there is none.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let at = self.box_of(key);
        let Some(entries) = self.boxes.get(at) else { return false };
        let (start, end) = place_of(entries, key);
        if start == end {
            return false;
        }
        let mut rest = entries[..start].to_vec();
        rest.extend_from_slice(&entries[end..]);
        let boxes = Arc::make_mut(&mut self.boxes);
        self.len -= 1;
        if rest.is_empty() {
            boxes.remove(at);
        } else {
            boxes[at] = rest.into();
            join_small(boxes, at);
        }
        self.last_at = boxes.last().map_or(0, |last| last_entry_at(last));
        true
    }

    /// The entries from `key` on, in order.
    pub fn from(&self, key: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> + use<'_> {
        let at = self.box_of(key);
        let mut skip = 0;
        if let Some(entries) = self.boxes.get(at) {
            (skip, _) = place_of(entries, key);
        }
        let boxes = self.boxes.get(at..).unwrap_or_default();
        boxes.iter().enumerate().flat_map(move |(n, entries)| {
            let entries = if n == 0 { &entries[skip..] } else { entries };
            Entries(entries).map(|entry| (entry.key, entry.value))
        })
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.from(&[])
    }

    /// The largest key.
    pub fn last_key(&self) -> Option<&[u8]> {
        Some(first_key(&self.boxes.last()?[self.last_at..]))
    }
}

/// Joins a small box with the one before it, or the one behind it.
fn join_small(boxes: &mut Vec<Arc<[u8]>>, at: usize) {
    for first in [at.saturating_sub(1), at] {
        if let [one, other, ..] = &boxes[first..]
            && boxes[at].len() < BOX_BYTES_MIN
            && one.len() + other.len() <= BOX_BYTES
        {
            boxes[first] = [&**one, &**other].concat().into();
            boxes.remove(first + 1);
            return;
        }
    }
}

/// A map that is being filled by ascending keys: each box is made once.
#[derive(Debug, Default)]
pub struct Filling {
    boxes: Vec<Arc<[u8]>>,
    /// The entries of the last box.
    open: Vec<u8>,
    last_key: Vec<u8>,
    len: usize,
    /// Entries whose keys did not ascend.
    late: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Filling {
    /// Adds an entry.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        if self.len > 0 && *key <= *self.last_key {
            self.late.push((key.to_vec(), value.to_vec()));
            return;
        }
        let start = self.open.len();
        add_part(&mut self.open, key);
        add_part(&mut self.open, value);
        if self.open.len() > BOX_BYTES && start > 0 {
            let next = self.open.split_off(start);
            self.boxes.push(std::mem::replace(&mut self.open, next).into());
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.len += 1;
    }

    /// The map with all entries; of several with one key, the last.
    pub fn finish(mut self) -> Shelf {
        if !self.open.is_empty() {
            self.boxes.push(self.open.into());
        }
        let last_at = self.boxes.last().map_or(0, |last| last_entry_at(last));
        let mut shelf = Shelf { boxes: Arc::new(self.boxes), len: self.len, last_at };
        for (key, value) in self.late {
            shelf.put(&key, &value);
        }
        shelf
    }
}

/// An entry, with its size in its box.
struct Entry<'a> {
    key: &'a [u8],
    value: &'a [u8],
    bytes: usize,
}

/// The entries of a box.
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (key, rest) = part(self.0)?;
        let (value, rest) = part(rest)?;
        let bytes = self.0.len() - rest.len();
        self.0 = rest;
        Some(Entry { key, value, bytes })
    }
}

/// The byte string at the beginning of `bytes`, and what follows.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut len, mut shift, mut at) = (0, 0, 0);
    loop {
        let byte = *bytes.get(at)?;
        len |= usize::from(byte & 0x7f) << shift;
        (shift, at) = (shift + 7, at + 1);
        if byte < 0x80 {
            return bytes[at..].split_at_checked(len);
        }
    }
}

fn add_part(bytes: &mut Vec<u8>, part: &[u8]) {
    let mut len = part.len();
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend_from_slice(part);
}

fn first_key(entries: &[u8]) -> &[u8] {
    part(entries).map_or(&[], |(key, _)| key)
}

/// The place of the last entry of a box.
fn last_entry_at(entries: &[u8]) -> usize {
    Entries(entries).last().map_or(0, |last| entries.len() - last.bytes)
}

/// The place of the entry with this key in a box; the place it would have, at both ends, if there
/// is none.
fn place_of(entries: &[u8], key: &[u8]) -> (usize, usize) {
    let mut start = 0;
    for entry in Entries(entries) {
        match entry.key.cmp(key) {
            Ordering::Less => start += entry.bytes,
            Ordering::Equal => return (start, start + entry.bytes),
            Ordering::Greater => break,
        }
    }
    (start, start)
}

/// The end of the first entry that reaches the middle of a box.
fn middle(entries: &[u8]) -> usize {
    let mut end = 0;
    for entry in Entries(entries) {
        // At least one entry is left behind the middle, unless there is one alone.
        if end > 0 && end + entry.bytes > entries.len() / 2 {
            break;
        }
        end += entry.bytes;
    }
    end
}

fn with_entry(before: &[u8], key: &[u8], value: &[u8], after: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(before.len() + key.len() + value.len() + 6 + after.len());
    made.extend_from_slice(before);
    add_part(&mut made, key);
    add_part(&mut made, value);
    made.extend_from_slice(after);
    made
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ascending_keys_fill_their_boxes() {
        let mut shelf = Shelf::default();
        for n in 0..10_000_u32 {
            assert!(!shelf.put(&n.to_be_bytes(), &[7; 200]));
        }
        let bytes: usize = shelf.boxes.iter().map(|entries| entries.len()).sum();
        assert!(bytes * 100 / (shelf.boxes.len() * BOX_BYTES) >= 95);
        assert_eq!(shelf.last_key(), Some(&9_999_u32.to_be_bytes()[..]));
        for n in 0..10_000_u32 {
            assert!(shelf.remove(&n.to_be_bytes()));
        }
        assert_eq!((shelf.len(), shelf.boxes.len()), (0, 0));
    }

    proptest! {
        #[test]
        fn it_is_filled_as_by_one_put_after_another(
            entries in proptest::collection::vec((0_u16..300, 0_usize..900), 0..400),
            is_sorted in any::<bool>(),
        ) {
            let mut entries = entries;
            if is_sorted {
                entries.sort_unstable();
            }
            let (mut shelf, mut filling) = (Shelf::default(), Filling::default());
            for (key, len) in entries {
                let value = vec![key as u8; if len > 890 { 5000 } else { len }];
                shelf.put(&key.to_be_bytes(), &value);
                filling.push(&key.to_be_bytes(), &value);
            }
            let filled = filling.finish();
            prop_assert!(filled.iter().eq(shelf.iter()));
            prop_assert_eq!(filled.len(), shelf.len());
            prop_assert_eq!(filled.last_key(), shelf.last_key());
        }

        #[test]
        fn it_is_a_map(
            changes in proptest::collection::vec((0_u16..300, proptest::option::of(0_usize..900)), 0..900),
            from in 0_u16..300,
        ) {
            let key = |n: u16| format!("{n}").into_bytes();
            let (mut shelf, mut model) = (Shelf::default(), BTreeMap::new());
            for (n, change) in changes {
                match change {
                    // Now and then one is larger than a box.
                    Some(len) => {
                        let value = vec![n as u8; if len > 890 { 5000 } else { len }];
                        let was_known = model.insert(key(n), value.clone()).is_some();
                        prop_assert_eq!(shelf.put(&key(n), &value), was_known);
                    }
                    None => prop_assert_eq!(shelf.remove(&key(n)), model.remove(&key(n)).is_some()),
                }
                prop_assert_eq!(shelf.get(&key(n)), model.get(&key(n)).map(Vec::as_slice));
                prop_assert_eq!(shelf.last_key(), model.keys().next_back().map(Vec::as_slice));
            }
            prop_assert_eq!(shelf.len(), model.len());
            let pairs = |range: &mut dyn Iterator<Item = (&[u8], &[u8])>| -> BTreeMap<_, _> {
                range.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
            };
            prop_assert_eq!(pairs(&mut shelf.iter()), model.clone());
            let rest = model.split_off(&key(from));
            prop_assert_eq!(pairs(&mut shelf.from(&key(from))), rest.clone());
            model.extend(rest);
            prop_assert_eq!(shelf.last_key(), model.keys().next_back().map(Vec::as_slice));
        }
    }
}
