//! An old feed as plain values: its entries, and what one article gets from them.

use serde::{Deserialize, Serialize};

use crate::base::time::Written;
use crate::base::{Format, Timestamp};

/// One entry of an old feed, in one format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OldEntry {
    /// The format of its document.
    pub format: Format,
    /// Its id to the byte; its link where it has none, as readers do.
    pub id: String,
    /// Whether RSS said that the id is the URL of its page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_permalink: bool,
    /// The URL of its page; empty where it names none.
    pub link: String,
    /// Its title, with the character references that are still in it.
    pub title: String,
    /// The time at which it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// The time of its last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// Whether it is in the document that subscribers poll, and not in one of its older pages.
    pub is_listed: bool,
}

/// An old feed: the entries of all of its documents, and what to do with the articles that it does
/// not list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OldFeed {
    /// Its entries; those of one document in the order of the document.
    pub entries: Vec<OldEntry>,
    /// The feed's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_id: Option<String>,
    /// The page that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// The path of the site's URL at the import, without slashes at its ends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base: String,
    /// The rule by which the old site made the ids of articles that the feed does not list any
    /// more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_template: Option<String>,
}

impl OldFeed {
    /// The newest date among the entries that subscribers have seen: what is older, and not among
    /// them, was published long ago.
    pub fn newest(&self) -> Option<Timestamp> {
        let listed = self.entries.iter().filter(|entry| entry.is_listed);
        listed.filter_map(|entry| entry.published).max()
    }
}

/// An RSS `guid`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guid {
    /// To the byte.
    pub value: String,
    /// `isPermaLink`, where the value is the URL of the page.
    pub is_permalink: bool,
}

/// The part of an entry of an old feed that an article keeps after an import, beside its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Imported {
    /// Its `guid` in RSS, where the old feed was RSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss: Option<Guid>,
    /// Its id in Atom, where the old feed was Atom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atom: Option<String>,
    /// Its id in JSON, where the old feed was JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// The date that its subscribers know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// The date of its front matter at the import: with another, its author's date counts again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// The id that it had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<String>,
    /// Whether the site's feed may show it. An old article that the old feed did not list would be
    /// new to readers.
    pub is_listed: bool,
}

impl Imported {
    /// The ids by format.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let rss = self.rss.as_ref().map(|guid| guid.value.as_str());
        rss.into_iter().chain(self.atom.as_deref()).chain(self.json.as_deref())
    }

    /// Whether the id is one of these, or the former one.
    pub fn has_id(&self, id: &str) -> bool {
        self.ids().any(|own| own == id) || self.former.as_deref() == Some(id)
    }

    /// The date that it gives to an article whose front matter has the date `written`.
    pub fn date_for(&self, written: Option<Written>) -> Option<Timestamp> {
        if self.written == written { self.published } else { None }
    }

    /// The formats in which the article has an id of its own.
    pub fn formats(&self) -> Vec<Format> {
        let mut formats = Vec::new();
        for (format, is_there) in [
            (Format::Rss, self.rss.is_some()),
            (Format::Atom, self.atom.is_some()),
            (Format::Json, self.json.is_some()),
        ] {
            if is_there {
                formats.push(format);
            }
        }
        formats
    }

    /// Takes over what `entry` says, unless an entry of its format came before.
    pub fn take(&mut self, entry: &OldEntry) {
        let id = entry.id.clone();
        match entry.format {
            Format::Rss if self.rss.is_none() => {
                self.rss = Some(Guid { value: id, is_permalink: entry.is_permalink });
            }
            Format::Atom if self.atom.is_none() => self.atom = Some(id),
            Format::Json if self.json.is_none() => self.json = Some(id),
            _ => return,
        }
        self.published = self.published.or(entry.published);
        self.is_listed |= entry.is_listed;
    }

    /// The one id of the article where formats need none of their own: RSS's, else JSON's, else
    /// Atom's.
    pub fn main_id(&self) -> Option<&str> {
        let rss = self.rss.as_ref().map(|guid| guid.value.as_str());
        rss.or(self.json.as_deref()).or(self.atom.as_deref())
    }
}
