//! What passed the gate before, and is not read back again.
//!
//! A document is a head and then its entries, each written from nothing but itself and the feed's
//! author. So an entry that came back once from a document with the same head comes back from every
//! later one, and only the head and the entries that are new have to be read.

use std::collections::HashSet;

use crate::base::{Digest, Timestamp};

use super::{Entry, Feed, xml};

/// The digests of a head and of the entries, in order, that came back from a document with it. With
/// none, every entry is read back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    head: Option<Digest>,
    entries: Vec<Digest>,
}

impl Passed {
    /// All of `feed`, if it passes.
    pub(super) fn of(feed: &Feed) -> Self {
        Self {
            head: Some(head(feed)),
            entries: feed.entries.iter().map(Digest::of_value).collect(),
        }
    }

    /// The feed with the entries alone that did not pass; `None` where none did, or with another
    /// head. `all` is [`Passed::of`] this feed.
    pub(super) fn rest(&self, feed: &Feed, all: &Self) -> Option<Feed> {
        if self.head != all.head {
            return None;
        }
        let passed: HashSet<&Digest> = self.entries.iter().collect();
        let mut new = Vec::new();
        for (entry, digest) in feed.entries.iter().zip(&all.entries) {
            if !passed.contains(digest) {
                new.push(entry.clone());
            }
        }
        (new.len() < feed.entries.len()).then(|| with(feed, new))
    }
}

/// The digest of all that is written before the entries, but for the date: that is read back in any
/// case.
fn head(feed: &Feed) -> Digest {
    let head = Feed { updated: Timestamp::UNIX_EPOCH, ..with(feed, Vec::new()) };
    // The namespace of pictures is declared where there is any.
    Digest::of_value(&(head, xml::has_media(&feed.entries)))
}

/// The feed with other entries, without a copy of those that it has.
fn with(feed: &Feed, entries: Vec<Entry>) -> Feed {
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
            |feed: &Feed| passed.rest(feed, &Passed::of(feed)).map(|rest| rest.entries.len());
        assert_eq!(rest(&feed), Some(0));
        assert_eq!(Passed::default().rest(&feed, &passed), None);

        let mut later = feed.clone();
        later.updated = Timestamp::UNIX_EPOCH;
        later.entries.remove(0);
        later.entries.push(Entry { id: "tag:new".to_owned(), ..feed.entries[0].clone() });
        assert_eq!(rest(&later), Some(1), "the date is no part of the head");
        later.entries.drain(..later.entries.len() - 1);
        assert_eq!(rest(&later), None, "none of them passed");
    }

    #[test]
    fn another_head_or_entry_has_to_be_read_back() {
        let feed = sample::feed();
        let passed = Passed::of(&feed);
        let rest = |feed: &Feed| passed.rest(feed, &Passed::of(feed));
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
