//! The archive of a channel (RFC 5005, section 4): pages of its feed that are closed once they are
//! full.
//!
//! A page is a range of publication numbers: from the number after the page before it to its own
//! end. The end is fixed when the page closes, and is remembered for ever, so that no page ever
//! shifts: a deletion leaves a hole, and an article that joins a channel late (an old article with
//! a new tag) is on the page of its number.
//!
//! A page closes as soon as it is full: when [`page_size`] of the channel's articles are on no page
//! yet. So a feed that holds the newest `page_size` articles holds everything that is on no page.
//! The size is fixed when the ledger is made.

use crate::base::{Scope, Timestamp};

use super::Seq;
use super::articles::number as number_of;
use super::sorted::Sorted;

/// Pages whose ends are remembered in one value. Closing a page writes only the last value of its
/// channel.
const PAGES_PER_VALUE: usize = 64;

/// The names of the values that remember pages begin with this.
const VALUE: &str = "archive:";

/// The number of articles on a page of the archives of a new ledger, from `feeds.limit` at that
/// moment.
pub fn page_size(limit: usize) -> usize {
    // Half of the limit, so that a page fills soon and the feed rarely holds more than its limit.
    let half = limit / 2;
    // A feed holds ten entries whatever their size, so a smaller page would gain nothing.
    let at_least = limit.min(10);
    half.max(at_least).clamp(1, 100)
}

/// The closed pages of a channel. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Archive {
    /// By ascending end, which is never another page's.
    pages: Sorted<Page>,
}

/// A closed page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Page {
    /// Its last publication number.
    end: u32,
    /// The time at which it closed, in seconds since 1970.
    closed: i64,
    /// The sum of the digests of the articles on it.
    pub(super) sum: u128,
}

impl Page {
    /// The least page that ends with `end` or later.
    fn ending(end: Seq) -> Self {
        Self { end: number_of(end), closed: i64::MIN, sum: 0 }
    }

    /// The time at which it closed.
    pub(super) fn closed(&self) -> Timestamp {
        // Written as a time, so that it is one.
        Timestamp::from_second(self.closed).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Archive {
    /// The number of closed pages.
    pub(super) fn len(&self) -> u64 {
        self.pages.len() as u64
    }

    /// The last publication number that is on a page; 0 without pages.
    pub(super) fn end(&self) -> Seq {
        self.pages.last().map_or(0, |page| page.end.into())
    }

    /// A page, from 1.
    pub(super) fn page(&self, number: u64) -> Option<Page> {
        self.pages.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// The first and the last publication number of a page, from 1.
    pub(super) fn range(&self, number: u64) -> Option<(Seq, Seq)> {
        let page = self.page(number)?;
        let before = self.page(number - 1).map_or(0, |page| page.end);
        Some((Seq::from(before) + 1, page.end.into()))
    }

    /// The pages, from 1, that are not the same in `old`.
    pub(super) fn changed_since(&self, old: &Archive) -> Vec<u64> {
        let mut changed = Vec::new();
        let mut before = old.pages.iter();
        for (number, page) in (1..).zip(self.pages.iter()) {
            if before.next() != Some(page) {
                changed.push(number);
            }
        }
        changed
    }

    /// Counts an article with this digest in, if its number is on a closed page.
    pub(super) fn add(&mut self, seq: Seq, digest: u128) {
        if let Some(page) = self.page_of(seq) {
            let sum = page.sum.wrapping_add(digest);
            self.pages.replace(&page, Page { sum, ..page });
        }
    }

    /// Takes out what `add` added.
    pub(super) fn subtract(&mut self, seq: Seq, digest: u128) {
        if let Some(page) = self.page_of(seq) {
            let sum = page.sum.wrapping_sub(digest);
            self.pages.replace(&page, Page { sum, ..page });
        }
    }

    /// The page of a number; none behind the last page.
    fn page_of(&self, seq: Seq) -> Option<Page> {
        self.pages.range(Page::ending(seq)..=Page::ending(Seq::MAX)).next()
    }

    /// Closes a page that ends with `end`, which must be behind the end of the last page.
    pub(super) fn close(&mut self, end: Seq, closed: Timestamp, sum: u128) {
        debug_assert!(end > self.end(), "a page ends before the one before it");
        self.pages.insert(Page { end: number_of(end), closed: closed.as_second(), sum });
    }

    /// The values that remember the pages from `number` on. After a full value comes an empty one,
    /// so that what an earlier channel of the same scope left there ends with it; without pages, it
    /// is the only one.
    pub(super) fn values(&self, scope: &Scope, number: u64) -> Vec<(String, String)> {
        let first = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let mut values = Vec::new();
        for n in first / PAGES_PER_VALUE..self.pages.len().div_ceil(PAGES_PER_VALUE) {
            let mut text = String::new();
            for page in self.pages.iter().skip(n * PAGES_PER_VALUE).take(PAGES_PER_VALUE) {
                let space = if text.is_empty() { "" } else { " " };
                text += &format!("{space}{}@{}", page.end, page.closed);
            }
            values.push((value_name(scope, n), text));
        }
        // A reader goes on after a full value, so it has to find where the archive ends.
        if self.pages.len().is_multiple_of(PAGES_PER_VALUE) {
            values.push((value_name(scope, self.pages.len() / PAGES_PER_VALUE), String::new()));
        }
        values
    }

    /// The pages that values remember, without articles. `value` looks one up by its name.
    pub(super) fn remembered<'a>(scope: &Scope, value: impl Fn(&str) -> Option<&'a str>) -> Self {
        let mut archive = Self::default();
        let mut n = 0;
        while let Some(text) = value(&value_name(scope, n)) {
            for page in text.split(' ') {
                let Some((end, closed)) = read_page(page) else { return archive };
                if end > archive.end() {
                    archive.close(end, closed, 0);
                }
            }
            // Only a full value is followed by another one of this archive.
            if !archive.pages.len().is_multiple_of(PAGES_PER_VALUE) {
                return archive;
            }
            n += 1;
        }
        archive
    }
}

/// Whether a value of this name remembers pages.
pub(super) fn is_value(name: &str) -> bool {
    name.starts_with(VALUE)
}

fn value_name(scope: &Scope, n: usize) -> String {
    format!("{VALUE}{scope} {n}")
}

fn read_page(text: &str) -> Option<(Seq, Timestamp)> {
    let (end, closed) = text.split_once('@')?;
    Some((end.parse().ok()?, Timestamp::from_second(closed.parse().ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_page_follows_the_limit_and_stays_within_it() {
        for (limit, size) in [(1, 1), (5, 5), (10, 10), (12, 10), (30, 15), (200, 100), (9999, 100)]
        {
            assert_eq!(page_size(limit), size, "{limit}");
        }
    }

    #[test]
    fn pages_are_remembered_in_values() {
        let mut archive = Archive::default();
        let at = |n: u64| Timestamp::from_second(1_800_000_000 + n as i64).unwrap();
        for n in 1..=150 {
            archive.close(3 * n, at(n), 0);
        }
        let all = archive.values(&Scope::Site, 1);
        let names: Vec<&str> = all.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["archive:/ 0", "archive:/ 1", "archive:/ 2"]);
        assert_eq!(archive.values(&Scope::Site, 150), all[2..]);
        assert_eq!(archive.values(&Scope::Site, 128), all[1..]);
        let look_up =
            |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
        assert_eq!(Archive::remembered(&Scope::Site, look_up), archive);
        let other = Scope::Tag(crate::base::UrlPath::new("t").unwrap());
        assert_eq!(Archive::remembered(&other, look_up).len(), 0);
        assert_eq!(archive.range(1), Some((1, 3)));
        assert_eq!(archive.range(150), Some((448, 450)));
        assert_eq!((archive.range(0), archive.range(151)), (None, None));
    }

    #[test]
    fn what_an_earlier_channel_left_is_not_read() {
        let of = |pages: u64| {
            let mut archive = Archive::default();
            for n in 1..=pages {
                archive.close(n, Timestamp::UNIX_EPOCH, 0);
            }
            archive
        };
        let earlier = of(200).values(&Scope::Site, 1);
        for pages in [0, 1, 63, 64, 65, 128, 150] {
            let mut values: std::collections::HashMap<String, String> =
                earlier.iter().cloned().collect();
            // The channel starts again, and closes its pages one by one.
            values.extend(of(0).values(&Scope::Site, 1));
            for n in 1..=pages {
                values.extend(of(n).values(&Scope::Site, n));
            }
            let read =
                Archive::remembered(&Scope::Site, |name| values.get(name).map(String::as_str));
            assert_eq!(read, of(pages), "{pages}");
        }
    }

    #[test]
    fn a_page_counts_the_articles_in_its_range() {
        let mut archive = Archive::default();
        archive.close(10, Timestamp::UNIX_EPOCH, 100);
        archive.close(20, Timestamp::UNIX_EPOCH, 200);
        let before = archive.clone();
        archive.add(10, 1);
        archive.add(11, 2);
        archive.add(21, 4);
        let sums: Vec<u128> = archive.pages.iter().map(|page| page.sum).collect();
        assert_eq!(sums, [101, 202]);
        archive.subtract(10, 1);
        assert_eq!(archive.changed_since(&before), [2]);
        archive.close(30, Timestamp::UNIX_EPOCH, 0);
        assert_eq!(archive.changed_since(&before), [2, 3]);
    }
}
