//! Which articles are public, and the scopes that carry each of them.
//!
//! Most articles share their scopes with others, so that a list of scopes is kept once, and an
//! article has its number.

use std::sync::Arc;

use imbl::OrdMap;

use crate::base::Scope;

use super::Seq;
use super::articles::{number, pairs_of};
use super::sorted::Sorted;

/// The public articles. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Public {
    /// The number of each article, with that of its scopes.
    numbers: Sorted<(u32, u32)>,
    /// The lists of scopes, by number, each with how many articles have it.
    lists: OrdMap<u32, (Arc<[Scope]>, usize)>,
    /// The number of every list.
    by_list: OrdMap<Arc<[Scope]>, u32>,
}

impl Public {
    /// The number of articles.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether the article is public.
    pub(super) fn contains(&self, seq: Seq) -> bool {
        self.list_of(seq).is_some()
    }

    /// The scopes of an article; none where it is not public.
    pub(super) fn scopes(&self, seq: Seq) -> &[Scope] {
        let list = self.list_of(seq).and_then(|list| self.lists.get(&list));
        list.map_or(&[], |(scopes, _)| scopes)
    }

    /// The articles, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = Seq> + '_ {
        self.numbers.iter().map(|(seq, _)| seq.into())
    }

    /// The articles before `seq`, the nearest first.
    pub(super) fn before(&self, seq: Seq) -> impl Iterator<Item = Seq> + '_ {
        let last = number(seq.saturating_sub(1));
        self.numbers.range((0, 0)..=(last, u32::MAX)).rev().map(|(seq, _)| seq.into())
    }

    /// The articles after `seq`, the nearest first.
    pub(super) fn after(&self, seq: Seq) -> impl Iterator<Item = Seq> + '_ {
        let first = number(seq.saturating_add(1));
        self.numbers.range((first, 0)..=(u32::MAX, u32::MAX)).map(|(seq, _)| seq.into())
    }

    /// Adds an article, which must not be public.
    pub(super) fn insert(&mut self, seq: Seq, scopes: &[Scope]) {
        let list = match self.by_list.get(scopes) {
            Some(list) => *list,
            None => self.add_list(scopes.into()),
        };
        if let Some((_, count)) = self.lists.get_mut(&list) {
            *count += 1;
        }
        self.numbers.insert((number(seq), list));
    }

    /// Takes an article out, and returns its scopes.
    pub(super) fn remove(&mut self, seq: Seq) -> Option<Arc<[Scope]>> {
        let list = self.list_of(seq)?;
        self.numbers.remove(&(number(seq), list));
        let (scopes, count) = self.lists.get_mut(&list)?;
        *count -= 1;
        let (scopes, is_unused) = (Arc::clone(scopes), *count == 0);
        if is_unused {
            self.lists.remove(&list);
            self.by_list.remove(&scopes);
        }
        Some(scopes)
    }

    fn add_list(&mut self, scopes: Arc<[Scope]>) -> u32 {
        let list = self.lists.get_max().map_or(0, |(last, _)| last + 1);
        self.lists.insert(list, (Arc::clone(&scopes), 0));
        self.by_list.insert(scopes, list);
        list
    }

    fn list_of(&self, seq: Seq) -> Option<u32> {
        let (_, list) = self.numbers.range(pairs_of(number(seq))).next()?;
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UrlPath;

    #[test]
    fn a_list_is_kept_once_and_as_long_as_an_article_has_it() {
        let tag = |name: &str| Scope::Tag(UrlPath::new(name).unwrap());
        let mut public = Public::default();
        public.insert(1, &[Scope::Site, tag("a")]);
        public.insert(2, &[Scope::Site, tag("b")]);
        public.insert(9, &[Scope::Site, tag("a")]);
        let before = public.clone();
        assert_eq!((public.lists.len(), public.len()), (2, 3));
        assert_eq!(public.remove(1).as_deref(), Some(&[Scope::Site, tag("a")][..]));
        assert_eq!((public.lists.len(), public.contains(1)), (2, false));
        public.remove(9);
        assert_eq!((public.lists.len(), public.by_list.len()), (1, 1));
        assert_eq!(public.remove(9), None);
        public.insert(9, &[]);
        assert_eq!((public.scopes(9), public.scopes(2)), (&[][..], &[Scope::Site, tag("b")][..]));
        assert_eq!(before.scopes(9), [Scope::Site, tag("a")]);
        assert_eq!(before.before(9).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(before.after(1).collect::<Vec<_>>(), [2, 9]);
        assert_eq!((before.after(u64::MAX).count(), before.before(u64::MAX).count()), (0, 3));
    }
}
