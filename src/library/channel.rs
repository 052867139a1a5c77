//! The articles of one scope: those in its feed, on its page, and in its archive, with a version of
//! them all.

use crate::base::{Digest, Scope, Timestamp};

use super::archive::Archive;
use super::articles::number as number_of;
use super::sorted::Sorted;
use super::{Article, Seq};

/// The articles of a scope. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Members {
    /// In the feed, by publication number: the newest are the last.
    feed: Sorted<u32>,
    /// On the page, by date.
    list: Sorted<Dated>,
    /// The sum of the members' digests: order does not matter, and a member can be taken out again.
    sum: u128,
    /// The pages of the feed's archive.
    archive: Archive,
}

impl Members {
    /// No members, with the pages that were closed before.
    pub(super) fn empty(archive: Archive) -> Self {
        Self { archive, ..Self::default() }
    }

    /// Adds an article, which must not be a member. `fingerprint` is the article's: it is made once
    /// for all of its channels.
    pub(super) fn insert(&mut self, scope: &Scope, article: &Article, fingerprint: u128) {
        let audience = audience(article);
        if audience.feeds && !is_outside(scope, article) {
            self.feed.insert(number_of(article.seq));
            self.archive.add(article.seq, fingerprint);
        }
        if audience.lists {
            self.list.insert(Dated::of(article.published, article.seq));
        }
        self.sum = self.sum.wrapping_add(fingerprint);
    }

    /// Takes out exactly what `insert` added.
    pub(super) fn remove(&mut self, article: &Article, fingerprint: u128) {
        if self.feed.remove(&number_of(article.seq)) {
            self.archive.subtract(article.seq, fingerprint);
        }
        self.list.remove(&Dated::of(article.published, article.seq));
        self.sum = self.sum.wrapping_sub(fingerprint);
    }

    /// The `limit` numbers that became public last, the newest first, and all that are on no page
    /// of the archive.
    pub(super) fn newest(&self, limit: usize) -> Vec<Seq> {
        let end = self.archive.end();
        let mut newest = Vec::new();
        for seq in self.feed.iter().rev().map(Seq::from) {
            // An entry on no page of the archive is nowhere but here, so the limit gives way.
            if newest.len() >= limit && seq <= end {
                break;
            }
            newest.push(seq);
        }
        newest
    }

    /// Closes the pages of the archive that are full. Returns the number of the first page that it
    /// closed.
    pub(super) fn close_pages(
        &mut self,
        size: usize,
        now: Timestamp,
        fingerprint: &mut dyn FnMut(Seq) -> Option<u128>,
    ) -> Option<u64> {
        let first = self.archive.len() + 1;
        loop {
            let open = self.feed.range(number_of(self.archive.end() + 1)..=u32::MAX);
            let page: Vec<Seq> = open.take(size).map(Seq::from).collect();
            let Some(end) = page.last() else { break };
            if page.len() < size {
                break;
            }
            let mut sum: u128 = 0;
            for seq in &page {
                sum = sum.wrapping_add(fingerprint(*seq).unwrap_or_default());
            }
            self.archive.close(*end, now, sum);
        }
        if self.archive.len() >= first { Some(first) } else { None }
    }

    /// The numbers on a page of the archive, from 1; none where it is not closed.
    pub(super) fn on_page(&self, number: u64) -> Vec<Seq> {
        let Some((first, last)) = self.archive.range(number) else { return Vec::new() };
        self.feed.range(number_of(first)..=number_of(last)).map(Seq::from).collect()
    }

    /// The pages of the archive.
    pub(super) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Whether the feed and the page have anything to show.
    pub(super) fn presence(&self) -> Presence {
        Presence { lists: !self.list.is_empty(), feeds: !self.feed.is_empty() }
    }

    /// The number of articles in the feed.
    pub(super) fn feed_len(&self) -> usize {
        self.feed.len()
    }

    /// The numbers by date, newest first.
    pub(super) fn by_date(&self) -> impl Iterator<Item = (Timestamp, Seq)> + '_ {
        self.list.iter().rev().map(Dated::parts)
    }

    /// The numbers of what was published in `from..to`, newest first.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Seq> + '_ {
        let range = Dated::first(from)..=Dated::before(to);
        self.list.range(range).rev().map(|dated| dated.parts().1)
    }

    /// The number of articles on the page.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Whether no public article is in the scope.
    pub(super) fn is_empty(&self) -> bool {
        self.feed.is_empty() && self.list.is_empty()
    }

    /// A number that changes with every member.
    pub(super) fn sum(&self) -> u128 {
        self.sum
    }
}

/// The number of an article behind its date, in as few bytes as possible: there is one for each
/// article in each of its scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Dated {
    /// The date in microseconds since 1970, in two halves: together, an `i64` would leave a gap.
    high: i32,
    low: u32,
    number: u32,
}

impl Dated {
    fn of(published: Timestamp, seq: Seq) -> Self {
        Self::at(published.as_microsecond(), number_of(seq))
    }

    /// The least at a date.
    fn first(date: Timestamp) -> Self {
        Self::at(date.as_microsecond(), 0)
    }

    /// The greatest before a date.
    fn before(date: Timestamp) -> Self {
        Self::at(date.as_microsecond() - 1, u32::MAX)
    }

    fn at(micros: i64, number: u32) -> Self {
        Self { high: (micros >> 32) as i32, low: micros as u32, number }
    }

    fn parts(self) -> (Timestamp, Seq) {
        let micros = i64::from(self.high) << 32 | i64::from(self.low);
        let date = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        (date, self.number.into())
    }
}

/// Whether a channel has anything to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presence {
    /// On its page.
    lists: bool,
    /// In its feed.
    feeds: bool,
}

/// Facts of all channels together, kept up to date with each of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Totals {
    /// Authors who have articles.
    pub(super) authors: usize,
    /// The sum of the numbers of the scopes that have something in their feed, and of all sections.
    /// A sum does not depend on an order, and a part can be taken out again.
    pub(super) listing: u128,
}

impl Totals {
    /// Takes over what a change of a channel called `name` made of it.
    pub(super) fn update(&mut self, scope: &Scope, name: &str, old: Presence, new: Presence) {
        if matches!(scope, Scope::Author(_)) {
            self.authors = self.authors + usize::from(new.lists) - usize::from(old.lists);
        }
        if old.feeds == new.feeds {
            return;
        }
        let number = number(&format!("{scope} {name}"));
        if new.feeds {
            self.listing = self.listing.wrapping_add(number);
        } else {
            self.listing = self.listing.wrapping_sub(number);
        }
    }
}

/// The kinds of document that show a public article. Its own page is there for everybody who has
/// the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// Feeds.
    pub feeds: bool,
    /// The pages that list articles, the months of the archive and the sitemap.
    pub lists: bool,
    /// Search engines, as far as its page allows.
    pub search: bool,
}

/// The audience of a public article: the one place that reads `unlisted`, `feed: false` and
/// `feed_only`.
pub fn audience(article: &Article) -> Audience {
    let head = &article.head;
    Audience {
        feeds: !head.unlisted && !head.no_feed,
        lists: !head.unlisted && !head.feed_only,
        search: !head.unlisted,
    }
}

/// Whether the feed of the scope must not show an article: subscribers of the old site know the
/// site's feed, and would take what it did not list for new.
fn is_outside(scope: &Scope, article: &Article) -> bool {
    match &article.imported {
        Some(imported) => *scope == Scope::Site && !imported.is_listed,
        None => false,
    }
}

/// The facts of an article that feeds and pages show, as a number.
pub(super) fn fingerprint(article: &Article) -> u128 {
    // Every field is named, so that a new one is not forgotten here. The digest covers the head.
    let Article { seq, id, path, url, head: _, published, updated, digest, imported } = article;
    let mut text = format!("{seq} {id} {path} {url} {published} {updated} {digest}");
    if let Some(imported) = imported {
        text.push_str(&format!(" {imported:?}"));
    }
    number(&text)
}

/// A number that texts do not share: sums of such numbers distinguish one set of texts from
/// another.
pub(super) fn number(text: &str) -> u128 {
    let mut first = [0; 16];
    first.copy_from_slice(&Digest::of(text.as_bytes()).as_bytes()[..16]);
    u128::from_be_bytes(first)
}
