//! A channel as a feed, neutral of format, and its three writers.
//!
//! `compose` makes a [`Feed`] (with entries that `composed` has from the one before), and `archive`
//! one of a closed page; `rss`, `atom` and `json` make bytes of it, `gate` reads them back before
//! they are published, `lint` names what validators will say of it all the same. `links` is the one place where a route becomes a URL. Everything here is
//! a pure function.

mod archive;
pub mod atom;
mod compose;
mod composed;
pub mod delta;
pub mod gate;
pub mod json;
pub mod links;
pub mod lint;
mod mailbox;
pub mod opml;
mod paging;
pub mod passed;
pub mod rss;
#[cfg(test)]
mod sample;
mod shared_entry;
mod splice;
mod unlinked;
mod xml;

use std::borrow::Cow;
use std::slice;
use std::sync::Arc;

use url::Url;

use crate::article::{Body, Person};
use crate::base::{Format, Scope, Timestamp, UrlPath, text};
use crate::config::{Feeds, Site};
use crate::library::Article;
use crate::library::old_feed::{Guid, Imported};

use links::Locate;

pub use archive::archive;
pub use compose::{Basis, compose, compose_of, feed_id};
pub use composed::Composed;
pub use lint::lint;
pub use paging::Paging;
pub use shared_entry::SharedEntry;

/// The generator that feeds name. Without a version: an upgrade alone must not change any byte.
const GENERATOR: &str = "dropfeed";

/// Minutes that a reader may keep a feed: RSS `ttl`. HTTP's `max-age` says the same.
pub const TTL_MINUTES: u32 = 15;

/// The longest name in graphemes that is made of an entry's text.
const NAME_GRAPHEMES: usize = 80;

/// One feed, ready to be written in any format. Every URL in it is absolute and percent-encoded;
/// every text is safe.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Feed {
    /// The scope whose articles it carries.
    pub scope: Scope,
    /// `site.id`, where the host of the site's URL does not say it: a lost state is recovered with
    /// it.
    pub site_id: Option<String>,
    /// The id that it has from an imported feed.
    pub imported_id: Option<Arc<str>>,
    /// The feed's own id, the same for ever: that of an imported feed, else an IRI derived from
    /// `site.id`.
    pub id: String,
    /// Its title. Never empty.
    pub title: String,
    /// Its description. Never empty.
    pub description: String,
    /// BCP 47.
    pub language: String,
    /// The page that shows the same articles.
    pub home_url: String,
    /// The URL of each format of this feed: RSS, Atom, JSON.
    pub self_urls: [String; 3],
    /// The hubs that tell its subscribers of changes (WebSub); none for a page of an archive.
    pub hubs: Vec<String>,
    /// The place where subscribers of rssCloud register, if any; RSS alone has a place for it.
    pub cloud: Option<Url>,
    /// Its place among the documents of the same feed.
    pub paging: Paging,
    /// The newest `updated` of its entries; never the clock.
    pub updated: Timestamp,
    /// The author of every entry that names none.
    pub author: Person,
    /// The site's picture, absolute: GIF, JPEG or PNG.
    pub icon: Option<String>,
    /// Minutes that a reader may keep it: RSS `ttl`.
    pub ttl_minutes: u32,
    /// Whether the content carries whole articles.
    pub full: bool,
    /// Newest `published` first.
    pub entries: Vec<SharedEntry>,
}

impl Feed {
    /// The URL of this feed in `format`.
    pub fn self_url(&self, format: Format) -> &str {
        &self.self_urls[format as usize]
    }

    /// The feed's bytes in `format`.
    pub fn write(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Rss => rss::write(self),
            Format::Atom => atom::write(self),
            Format::Json => json::write(self),
        }
    }

    /// The authors of `entry`: its own, or the feed's where it names none.
    fn authors_of<'a>(&'a self, entry: &'a Entry) -> &'a [Person] {
        if entry.authors.is_empty() { slice::from_ref(&self.author) } else { &entry.authors }
    }
}

/// An article as the item of a JSON Feed, by itself.
pub fn json_item(
    site: &Site,
    feeds: &Feeds,
    article: &Article,
    body: &Body,
    places: &dyn Locate,
) -> Vec<u8> {
    json::write_item(&compose::lone_entry(site, feeds, article, body, places))
}

/// One article in a feed.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Entry {
    /// As it was adopted or derived; to the byte in RSS and JSON, unless an old feed had others
    /// there.
    pub id: String,
    /// The ids of an old feed.
    pub imported: Option<Arc<Imported>>,
    /// The URL of its article within dropfeed, where its page is elsewhere.
    pub local: Option<UrlPath>,
    /// Atom's id: that of an old feed, else the id where it is an IRI, else the `urn:uuid` derived
    /// from it.
    pub atom_id: String,
    /// The permalink.
    pub url: String,
    /// May be empty: RSS and JSON then have none, Atom gets the summary's beginning.
    pub title: String,
    /// Plain text; may be empty where the article has no text.
    pub summary: String,
    /// Sanitised HTML, every reference absolute; empty for a feed of summaries.
    pub html: String,
    /// The moment at which it became public; whole seconds, since that is what RSS can say.
    pub published: Timestamp,
    /// The moment at which more than a few words last changed; never before `published`. With the
    /// microseconds of its id.
    pub updated: Timestamp,
    /// Empty where the feed's author wrote it.
    pub authors: Vec<Person>,
    /// As written.
    pub tags: Vec<String>,
    /// The target of a link post.
    pub external_url: Option<String>,
    /// BCP 47, where it differs from the feed's.
    pub language: Option<String>,
    /// The article's picture, absolute.
    pub image: Option<String>,
}

impl Entry {
    /// The id in RSS and JSON.
    pub fn id_in(&self, format: Format) -> &str {
        let imported = self.imported.as_deref();
        match format {
            Format::Rss => self.guid().map_or(&self.id, |guid| &guid.value),
            Format::Json => imported.and_then(|old| old.json.as_ref()).unwrap_or(&self.id),
            Format::Atom => &self.atom_id,
        }
    }

    /// Whether the `guid` is the permalink: where the old feed said so, and the page still has that
    /// URL.
    pub fn is_permalink(&self) -> bool {
        self.guid().is_some_and(|guid| guid.is_permalink && guid.value == self.url)
    }

    fn guid(&self) -> Option<&Guid> {
        self.imported.as_ref().and_then(|imported| imported.rss.as_ref())
    }

    /// A name, never empty: its title, the beginning of its summary, or the end of its URL.
    pub fn name(&self) -> Cow<'_, str> {
        if let Some(title) = xml::some(&self.title) {
            return title;
        }
        if let Some(summary) = xml::some(&self.summary) {
            return Cow::Owned(text::excerpt(&text::line(&summary), NAME_GRAPHEMES).into_owned());
        }
        let last = self.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let decoded = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
        Cow::Owned(xml::some(&decoded).unwrap_or(Cow::Borrowed("…")).into_owned())
    }
}
