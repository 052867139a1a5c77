//! The articles of one scope: which stand in its feed, which on its page, and the version of both.

use imbl::OrdSet;

use crate::base::{Digest, Scope, Timestamp};

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
}

impl Members {
    /// Adds what `insert` did not add before.
    pub(super) fn insert(&mut self, scope: &Scope, article: &Article) {
        let audience = audience(article);
        if audience.feeds && !is_outside(scope, article) {
            self.feed.insert(article.seq);
        }
        if audience.lists {
            self.list.insert((article.published, article.seq));
        }
        self.sum = self.sum.wrapping_add(fingerprint(article));
    }

    /// Takes out exactly what `insert` added.
    pub(super) fn remove(&mut self, article: &Article) {
        self.feed.remove(&article.seq);
        self.list.remove(&(article.published, article.seq));
        self.sum = self.sum.wrapping_sub(fingerprint(article));
    }

    /// The `limit` numbers that became public last, the newest first.
    pub(super) fn newest(&self, limit: usize) -> impl Iterator<Item = Seq> + '_ {
        self.feed.iter().rev().take(limit).copied()
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

    /// A number that changes with every member.
    pub(super) fn sum(&self) -> u128 {
        self.sum
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
