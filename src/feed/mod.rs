//! A channel as a feed, neutral of format, and its three writers.

use crate::article::Person;
use crate::base::{Format, Scope, Timestamp};

/// One feed, ready to be written in any format. Every URL in it is absolute and percent-encoded; every text is safe.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Whose feed it is.
    pub scope: Scope,
    /// The feed's own id: an IRI, the same for ever, derived from `site.id`.
    pub id: String,
    /// Its title. Never empty.
    pub title: String,
    /// Its description. Never empty.
    pub description: String,
    /// BCP 47.
    pub language: String,
    /// The page that shows the same articles.
    pub home_url: String,
    /// Where each format of this feed stands: RSS, Atom, JSON.
    pub self_urls: [String; 3],
    /// The newest `updated` of its entries; never the clock.
    pub updated: Timestamp,
    /// Who wrote what says nothing of its authors.
    pub author: Person,
    /// Minutes that a reader may keep it: RSS `ttl`.
    pub ttl_minutes: u32,
    /// Does the content carry whole articles?
    pub full: bool,
    /// Newest `published` first.
    pub entries: Vec<Entry>,
}

impl Feed {
    /// Where this feed stands in `format`.
    pub fn self_url(&self, format: Format) -> &str {
        &self.self_urls[format as usize]
    }
}

/// One article in a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As it was adopted or derived; to the byte in RSS and JSON.
    pub id: String,
    /// The id where it is an IRI, else the `urn:uuid` that stands for it: Atom's id.
    pub atom_id: String,
    /// The permalink.
    pub url: String,
    /// May be empty: RSS and JSON then have none, Atom gets the summary's beginning.
    pub title: String,
    /// Plain text; may be empty where the article has no text.
    pub summary: String,
    /// Sanitised HTML, every reference absolute; empty for a feed of summaries.
    pub html: String,
    /// When it became public.
    pub published: Timestamp,
    /// When it last changed in more than a few words; never before `published`. With the microseconds of its id.
    pub updated: Timestamp,
    /// Empty where the feed's author wrote it.
    pub authors: Vec<Person>,
    /// As written.
    pub tags: Vec<String>,
    /// What a link post points at.
    pub external_url: Option<String>,
    /// BCP 47, where it differs from the feed's.
    pub language: Option<String>,
    /// The article's picture, absolute.
    pub image: Option<String>,
}
