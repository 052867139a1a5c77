//! What passed the gate before, and is neither written nor read back again.
//!
//! A document is a head and then its entries, each written from nothing but itself and the feed's
//! author. So an entry that came back once from a document with the same head comes back from every
//! later one, and only the head and the entries that are new have to be read.

use std::collections::HashMap;

use crate::base::{Digest, Timestamp};

use super::splice::{Piece, Written};
use super::{Feed, SharedEntry, xml};

/// The digests of a head and of the entries, in order, that came back from a document with it. With
/// none, every entry is written and read back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    head: Option<Digest>,
    entries: Vec<Digest>,
    /// The documents with these entries.
    pub(super) written: Option<Written>,
}

/// The part of a feed that did not pass yet.
pub(super) struct Rest {
    /// The feed with those entries, and with one more where its head would not be the same without.
    pub(super) feed: Feed,
    /// All entries of the whole feed, in order.
    pub(super) pieces: Vec<Piece>,
}

impl Passed {
    /// All of `feed`, if it passes.
    pub(super) fn of(feed: &Feed) -> Self {
        Self {
            head: Some(head(feed)),
            entries: feed.entries.iter().map(SharedEntry::digest).collect(),
            written: None,
        }
    }

    /// The entries of `feed` that did not pass; `None` where none did, or with another head. `all` is
    /// [`Passed::of`] this feed.
    pub(super) fn rest(&self, feed: &Feed, all: &Self) -> Option<Rest> {
        if self.head != all.head {
            return None;
        }
        let mut places = HashMap::new();
        for (place, digest) in self.entries.iter().enumerate() {
            places.insert(digest, place);
        }
        let (mut new, mut pieces) = (Vec::new(), Vec::with_capacity(feed.entries.len()));
        for (entry, digest) in feed.entries.iter().zip(&all.entries) {
            match places.get(digest) {
                Some(place) => pieces.push(Piece::Old(*place)),
                None => {
                    pieces.push(Piece::New(new.len()));
                    new.push(entry.clone());
                }
            }
        }
        if new.len() == feed.entries.len() {
            return None;
        }
        // Its head is to be that of the whole feed, which declares the namespaces that are used.
        for is_used in [has_picture, has_content] {
            if !new.iter().any(is_used) {
                new.extend(feed.entries.iter().find(|entry| is_used(entry)).cloned());
            }
        }
        // Where the head ends is seen by the first entry, so there has to be one.
        if new.is_empty() {
            new.extend(feed.entries.first().cloned());
        }
        Some(Rest { feed: with(feed, new), pieces })
    }
}

/// Whether Media RSS is used for an entry.
fn has_picture(entry: &SharedEntry) -> bool {
    entry.image.is_some()
}

/// Whether the RSS item of an entry has the content module.
fn has_content(entry: &SharedEntry) -> bool {
    xml::some(&entry.html).is_some()
}

/// The digest of all that is written before the entries, but for the date: that is read back in any
/// case.
fn head(feed: &Feed) -> Digest {
    let head = Feed { updated: Timestamp::UNIX_EPOCH, ..with(feed, Vec::new()) };
    // Namespaces are declared where they are used.
    let has_content = feed.entries.iter().any(has_content);
    Digest::of_value(&(head, xml::has_media(&feed.entries), has_content))
}

/// The feed with other entries, without a copy of those that it has.
fn with(feed: &Feed, entries: Vec<SharedEntry>) -> Feed {
    let Feed {
        scope,
        site_id,
        imported_id,
        id,
        title,
        description,
        language,
        home_url,
        self_urls,
        hubs,
        cloud,
        paging,
        updated,
        author,
        icon,
        ttl_minutes,
        full,
        entries: _,
    } = feed;
    Feed {
        scope: scope.clone(),
        site_id: site_id.clone(),
        imported_id: imported_id.clone(),
        id: id.clone(),
        title: title.clone(),
        description: description.clone(),
        language: language.clone(),
        home_url: home_url.clone(),
        self_urls: self_urls.clone(),
        hubs: hubs.clone(),
        cloud: cloud.clone(),
        paging: paging.clone(),
        updated: *updated,
        author: author.clone(),
        icon: icon.clone(),
        ttl_minutes: *ttl_minutes,
        full: *full,
        entries,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn what_passed_is_not_in_the_rest() {
        let feed = sample::feed();
        let passed = Passed::of(&feed);
        let rest =
            |feed: &Feed| passed.rest(feed, &Passed::of(feed)).map(|rest| rest.feed.entries.len());
        assert_eq!(rest(&feed), Some(1), "of nothing new, the first");
        assert!(Passed::default().rest(&feed, &passed).is_none());

        let mut later = feed.clone();
        later.updated = Timestamp::UNIX_EPOCH;
        later.entries.remove(0);
        let mut new = feed.entries[0].clone();
        new.id = "tag:new".to_owned();
        later.entries.push(new);
        assert_eq!(rest(&later), Some(1), "the date is no part of the head");
        later.entries.drain(..later.entries.len() - 1);
        assert_eq!(rest(&later), None, "none of them passed");
    }

    #[test]
    fn another_head_or_entry_has_to_be_read_back() {
        let feed = sample::feed();
        let passed = Passed::of(&feed);
        let rest = |feed: &Feed| passed.rest(feed, &Passed::of(feed)).map(|rest| rest.feed);
        let renamed = Feed { title: "Other".to_owned(), ..feed.clone() };
        assert_eq!(rest(&renamed), None);
        let mut bare = feed.clone();
        for entry in &mut bare.entries {
            entry.image = None;
        }
        assert_eq!(rest(&bare), None, "the namespace of pictures is gone");
        let mut edited = feed.clone();
        edited.entries[0].tags.push("another".to_owned());
        assert_eq!(rest(&edited).unwrap().entries, edited.entries[..1]);
    }
}
