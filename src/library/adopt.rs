//! What is left of a lost ledger in the feeds on disk, and which article gets it.
//!
//! An entry's URL follows its article's path, so the URL that a file would get leads to the entry
//! that it was. Its id and dates are taken over when the file becomes public; what is in no feed is
//! derived, as on any first start.

use std::sync::Arc;

use imbl::HashMap;

use crate::article::Head;
use crate::base::{RelPath, Timestamp, UrlPath};

use super::address;
use super::guard::Shrink;
use super::ledger::Ledger;
use super::matching::Index;
use super::old_feed::{Imported, OldFeed};

/// One entry of a feed on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The URL of its page.
    pub url: UrlPath,
    /// Its id.
    pub id: String,
    /// Whether the id is the article's to the byte. Atom replaces an id that is not an IRI (RFC
    /// 4287, section 4.2.6).
    pub is_verbatim: bool,
    /// The time at which it was published.
    pub published: Timestamp,
    /// The time of its last change.
    pub updated: Timestamp,
    /// Whether the feed of the site had it.
    pub in_site_feed: bool,
    /// Its place in its feed, which begins with the newest.
    pub place: usize,
    /// The ids that an import had given it.
    pub imported: Option<Arc<Imported>>,
}

/// The place of a new file in the order of publication, which comes before its date: the entries of
/// an old feed stay together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It came before all that the feed held.
    Before,
    /// The feed held it.
    Held,
    /// It is newer than all that the feed held.
    After,
}

/// Entries by the key of their URL. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Adopted {
    entries: HashMap<UrlPath, Recovered>,
    /// The newest date in the feed of the site.
    newest: Option<Timestamp>,
}

impl Adopted {
    /// Of several entries with one URL or one id, the first counts.
    pub(super) fn of(recovered: Vec<Recovered>) -> Self {
        let mut adopted = Self::default();
        let mut ids = std::collections::HashSet::new();
        for entry in recovered {
            let key = entry.url.key();
            if adopted.entries.contains_key(&key) || !ids.insert(entry.id.clone()) {
                continue;
            }
            if entry.in_site_feed {
                adopted.newest = adopted.newest.max(Some(entry.published));
            }
            adopted.entries.insert(key, entry);
        }
        adopted
    }

    /// The entry that a new file was, by the URL that it would get.
    pub(super) fn find(&self, ledger: &Ledger, path: &RelPath, head: &Head) -> Option<&Recovered> {
        if self.entries.is_empty() {
            return None;
        }
        let asked = address::address(path, head).ok()?;
        let url = ledger.claim(ledger.next_seq(), &asked).ok()?;
        self.entries.get(&url.key())
    }

    /// The number of entries there were, and of those that are articles now.
    pub(super) fn shrink(&self, ledger: &Ledger) -> Shrink {
        let mut after = 0;
        for entry in self.entries.values() {
            let owner = ledger.owner_of_url(&entry.url);
            if owner.is_some_and(|record| record.standing.is_live()) {
                after += 1;
            }
        }
        Shrink { before: self.entries.len(), after }
    }

    /// The rank of a file: what the feed of the site did not hold came before what it held, unless
    /// it is newer than all of that.
    pub(super) fn rank(&self, entry: Option<&Recovered>, date: Timestamp) -> Rank {
        match (entry, self.newest) {
            (Some(entry), _) if entry.in_site_feed => Rank::Held,
            (None, Some(newest)) if date > newest => Rank::After,
            _ => Rank::Before,
        }
    }
}

/// The old feed that was imported, for files that are yet to come. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Imports(Option<Arc<ImportedFeed>>);

/// An old feed, and what is derived from it once.
#[derive(Debug)]
struct ImportedFeed {
    feed: OldFeed,
    index: Index,
    /// Whether it has an entry that its subscribers have seen.
    is_listed: bool,
    /// The newest date among those.
    newest: Option<Timestamp>,
}

/// The parts of an entry of an old feed that a new file gets.
#[derive(Debug, Clone)]
pub(super) struct Adoption {
    /// Its id.
    pub(super) id: Option<String>,
    /// Its other ids, and its date.
    pub(super) imported: Arc<Imported>,
    /// The time of its last change.
    pub(super) updated: Option<Timestamp>,
    /// Its place in the old feed, which begins with the newest.
    pub(super) place: usize,
}

impl Imports {
    pub(super) fn of(feed: OldFeed) -> Self {
        if feed == OldFeed::default() {
            return Self(None);
        }
        let index = Index::of(&feed, &feed.base);
        let is_listed = feed.entries.iter().any(|entry| entry.is_listed);
        let newest = feed.newest();
        Self(Some(Arc::new(ImportedFeed { feed, index, is_listed, newest })))
    }

    /// Restores what [`Imports::print`] printed; nothing where it is none.
    pub(super) fn parse(text: &str) -> Self {
        serde_json::from_str(text).map_or_else(|_| Self::default(), Self::of)
    }

    /// As text, for the store. Empty where nothing was imported.
    pub(super) fn print(&self) -> String {
        let text = self.feed().and_then(|feed| serde_json::to_string(feed).ok());
        text.unwrap_or_default()
    }

    pub(super) fn feed(&self) -> Option<&OldFeed> {
        self.0.as_deref().map(|imports| &imports.feed)
    }

    pub(super) fn index(&self) -> Option<(&OldFeed, &Index)> {
        self.0.as_deref().map(|imports| (&imports.feed, &imports.index))
    }

    /// Whether an article with this date is older than the old feed's newest entry: its readers had
    /// their chance to see it.
    pub(super) fn precedes(&self, date: Timestamp) -> bool {
        let Some(imports) = self.0.as_deref() else { return false };
        imports.is_listed && imports.newest.is_none_or(|newest| date <= newest)
    }
}

impl Recovered {
    /// The id of its article, which may have one of its own in the header.
    pub(super) fn id_for(&self, head: &Head) -> Option<String> {
        if head.id.is_some() && !self.is_verbatim { None } else { Some(self.id.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str, id: &str, day: u8, in_site_feed: bool) -> Recovered {
        let place = 0;
        let at: Timestamp = format!("2026-11-{day:02}T00:00:00Z").parse().unwrap();
        let url = UrlPath::new(url).unwrap();
        let id = id.to_owned();
        let (is_verbatim, imported) = (true, None);
        Recovered {
            url,
            id,
            is_verbatim,
            published: at,
            updated: at,
            in_site_feed,
            place,
            imported,
        }
    }

    #[test]
    fn an_id_is_given_once() {
        let adopted = Adopted::of(vec![
            entry("b", "1", 2, true),
            entry("a", "1", 1, false),
            entry("B.html", "2", 1, false),
        ]);
        assert_eq!(adopted.entries.len(), 1);
        assert_eq!(adopted.entries[&UrlPath::new("b").unwrap()].id, "1");
    }

    #[test]
    fn what_the_feed_held_comes_after_what_it_did_not_hold() {
        let adopted = Adopted::of(vec![entry("a", "1", 20, true), entry("b", "2", 25, false)]);
        let at = |day: u8| entry("x", "x", day, false).published;
        let [held, elsewhere] =
            ["a", "b"].map(|url| adopted.entries.get(&UrlPath::new(url).unwrap()));
        let ranks = [
            adopted.rank(elsewhere, at(25)),
            adopted.rank(None, at(19)),
            adopted.rank(held, at(20)),
            adopted.rank(None, at(21)),
        ];
        assert_eq!(ranks, [Rank::Before, Rank::Before, Rank::Held, Rank::After]);
        let nothing = Adopted::default().rank(None, at(21));
        assert_eq!(nothing, Rank::Before, "nothing was recovered");
    }

    #[test]
    fn an_id_that_atom_replaced_gives_way_to_the_header() {
        let head = |id: Option<&str>| Head { id: id.map(str::to_owned), ..Head::default() };
        let verbatim = entry("a", "urn:x", 1, true);
        let replaced = Recovered { is_verbatim: false, ..verbatim.clone() };
        assert_eq!(verbatim.id_for(&head(Some("mine"))).as_deref(), Some("urn:x"));
        assert_eq!(replaced.id_for(&head(Some("mine"))), None);
        assert_eq!(replaced.id_for(&head(None)).as_deref(), Some("urn:x"));
    }
}
