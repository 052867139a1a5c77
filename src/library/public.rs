//! Which articles are public, and the scopes that carry each of them.
//!
//! A scope is the number of its channel here: articles are many, and many have tags of their own.

use crate::base::shelf::Shelf;

use super::articles::number;
use super::sorted::Sorted;
use super::{Seq, packed};

/// The public articles. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Public {
    /// The number of each article.
    numbers: Sorted<u32>,
    /// The numbers of the scopes of each article, by its number.
    scopes: Shelf,
}

impl Public {
    /// The number of articles.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether the article is public.
    pub(super) fn contains(&self, seq: Seq) -> bool {
        self.numbers.contains(&number(seq))
    }

    /// The scopes of an article; none where it is not public.
    pub(super) fn scopes(&self, seq: Seq) -> impl Iterator<Item = u32> + '_ {
        packed::read_numbers(self.scopes.get(&key(seq)).unwrap_or_default())
    }

    /// The articles, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = Seq> + '_ {
        self.numbers.iter().map(Seq::from)
    }

    /// The greatest number.
    pub(super) fn last(&self) -> Option<Seq> {
        self.numbers.last().map(Seq::from)
    }

    /// The articles before `seq`, the nearest first.
    pub(super) fn before(&self, seq: Seq) -> impl Iterator<Item = Seq> + '_ {
        self.numbers.range(0..=number(seq.saturating_sub(1))).rev().map(Seq::from)
    }

    /// The articles after `seq`, the nearest first.
    pub(super) fn after(&self, seq: Seq) -> impl Iterator<Item = Seq> + '_ {
        self.numbers.range(number(seq.saturating_add(1))..=u32::MAX).map(Seq::from)
    }

    /// Adds an article, which must not be public.
    pub(super) fn insert(&mut self, seq: Seq, scopes: &[u32]) {
        self.numbers.insert(number(seq));
        self.scopes.put(&key(seq), &packed::numbers(scopes));
    }

    /// Takes an article out; false where it is not public.
    pub(super) fn remove(&mut self, seq: Seq) -> bool {
        self.scopes.remove(&key(seq));
        self.numbers.remove(&number(seq))
    }
}

/// The number of an article as a key: by ascending number.
fn key(seq: Seq) -> [u8; 4] {
    number(seq).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_has_its_scopes_as_long_as_it_is_public() {
        let mut public = Public::default();
        let scopes = |public: &Public, seq| public.scopes(seq).collect::<Vec<u32>>();
        public.insert(1, &[0, 300]);
        public.insert(2, &[0, 2]);
        public.insert(9, &[]);
        let before = public.clone();
        assert_eq!((scopes(&public, 1), scopes(&public, 9)), (vec![0, 300], vec![]));
        assert!(public.remove(1) && !public.remove(1) && !public.contains(1));
        assert_eq!((public.len(), scopes(&public, 1), scopes(&public, 2)), (2, vec![], vec![0, 2]));
        assert!(public.contains(9) && before.contains(1));
        assert_eq!(scopes(&before, 1), [0, 300]);
        assert_eq!(before.before(9).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(before.after(1).collect::<Vec<_>>(), [2, 9]);
        assert_eq!((before.after(u64::MAX).count(), before.before(u64::MAX).count()), (0, 3));
    }
}
