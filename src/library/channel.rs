//! The articles of one scope: which stand in its feed, which on its page, which in its archive, and the version of them.

use imbl::OrdSet;

use crate::base::{Digest, Scope, Timestamp};

use super::archive::Archive;
use super::{Article, Seq};

/// The articles of a scope. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Members {
    /// In the feed, by publication number: the newest are the last.
    feed: OrdSet<Seq>,
    /// On the page, by date.
    list: OrdSet<(Timestamp, Seq)>,
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

    /// Adds what `insert` did not add before. `fingerprint` is the article's, which all of its channels share.
    pub(super) fn insert(&mut self, scope: &Scope, article: &Article, fingerprint: u128) {
        let audience = audience(article);
        if audience.feeds && !is_outside(scope, article) {
            self.feed.insert(article.seq);
            self.archive.add(article.seq, fingerprint);
        }
        if audience.lists {
            self.list.insert((article.published, article.seq));
        }
        self.sum = self.sum.wrapping_add(fingerprint);
    }

    /// Takes out exactly what `insert` added.
    pub(super) fn remove(&mut self, article: &Article, fingerprint: u128) {
        if self.feed.remove(&article.seq).is_some() {
            self.archive.subtract(article.seq, fingerprint);
        }
        self.list.remove(&(article.published, article.seq));
        self.sum = self.sum.wrapping_sub(fingerprint);
    }

    /// The `limit` numbers that became public last, the newest first, and all that are on no page of the archive.
    pub(super) fn newest(&self, limit: usize) -> impl Iterator<Item = Seq> + '_ {
        let end = self.archive.end();
        let newest = self.feed.iter().rev().copied().enumerate();
        newest.take_while(move |(n, seq)| *n < limit || *seq > end).map(|(_, seq)| seq)
    }

    /// Closes the pages of the archive that are full. `digest` gives the fingerprint of a member. Returns the number of
    /// the first page that it closed.
    pub(super) fn close_pages(
        &mut self,
        size: usize,
        now: Timestamp,
        digest: impl Fn(Seq) -> u128,
    ) -> Option<u64> {
        let first = self.archive.len() + 1;
        loop {
            let open = self.feed.range(self.archive.end() + 1..);
            let page: Vec<Seq> = open.take(size).copied().collect();
            let Some(end) = page.last().copied().filter(|_| page.len() == size) else { break };
            let sum = page.into_iter().fold(0, |sum: u128, seq| sum.wrapping_add(digest(seq)));
            self.archive.close(end, now, sum);
        }
        (self.archive.len() >= first).then_some(first)
    }

    /// The numbers on a page of the archive, from 1; none where it is not closed.
    pub(super) fn on_page(&self, number: u64) -> impl Iterator<Item = Seq> + '_ {
        let (first, last) = self.archive.range(number).unwrap_or((1, 0));
        self.feed.range(first..).take_while(move |seq| **seq <= last).copied()
    }

    /// The pages of the archive.
    pub(super) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Whether there are any.
    pub(super) fn presence(&self) -> Presence {
        Presence { lists: !self.list.is_empty(), feeds: !self.feed.is_empty() }
    }

    /// How many are in the feed.
    pub(super) fn feed_len(&self) -> usize {
        self.feed.len()
    }

    /// The numbers by date, newest first.
    pub(super) fn by_date(&self) -> impl Iterator<Item = (Timestamp, Seq)> + '_ {
        self.list.iter().rev().copied()
    }

    /// The numbers of what was published in `from..to`, newest first.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Seq> + '_ {
        self.list.range((from, 0)..(to, 0)).rev().map(|(_, seq)| *seq)
    }

    /// How many stand on its page.
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
    /// The sum of the numbers of the scopes that have something in their feed, and of all sections: in no order.
    pub(super) listing: u128,
}

impl Totals {
    /// Takes over what a change of a channel called `name` made of it.
    pub(super) fn update(&mut self, scope: &Scope, name: &str, old: Presence, new: Presence) {
        if matches!(scope, Scope::Author(_)) {
            self.authors = self.authors + usize::from(new.lists) - usize::from(old.lists);
        }
        let number = || number(&format!("{scope} {name}"));
        match (old.feeds, new.feeds) {
            (false, true) => self.listing = self.listing.wrapping_add(number()),
            (true, false) => self.listing = self.listing.wrapping_sub(number()),
            _ => {}
        }
    }
}

/// The places that show a public article. Its own page is there for everybody who has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// Feeds.
    pub feeds: bool,
    /// The pages that list articles, the months of the archive and the sitemap.
    pub lists: bool,
    /// Search engines, as far as its page allows.
    pub search: bool,
}

/// The audience of a public article: the one place that reads `unlisted`, `feed: false` and `feed_only`.
pub fn audience(article: &Article) -> Audience {
    let head = &article.head;
    Audience {
        feeds: !head.unlisted && !head.no_feed,
        lists: !head.unlisted && !head.feed_only,
        search: !head.unlisted,
    }
}

/// Whether the feed of the scope must not show an article: subscribers of the old site know the site's feed, and would
/// take what it did not list for new.
fn is_outside(scope: &Scope, article: &Article) -> bool {
    *scope == Scope::Site && article.imported.as_ref().is_some_and(|imported| !imported.is_listed)
}

/// The facts of an article that feeds and pages show, as a number.
pub(super) fn fingerprint(article: &Article) -> u128 {
    let Article { seq, id, path, url, head: _, published, updated, digest, imported } = article;
    let mut text = format!("{seq} {id} {path} {url} {published} {updated} {digest}");
    if let Some(imported) = imported {
        text.push_str(&format!(" {imported:?}"));
    }
    number(&text)
}

/// A number that texts do not share: sums of such numbers tell one set of texts from another.
pub(super) fn number(text: &str) -> u128 {
    let mut first = [0; 16];
    first.copy_from_slice(&Digest::of(text.as_bytes()).as_bytes()[..16]);
    u128::from_be_bytes(first)
}
