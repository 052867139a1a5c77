//! A document of an old feed as it was read, or the reason why it was not.

use std::fmt;

use crate::base::Format;
use crate::library::old_feed::OldEntry;

/// The most entries that an old feed may have, over all of its documents.
pub(super) const ENTRIES_MAX: usize = 100_000;

/// A document of an old feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// RSS, Atom or JSON: what its subscribers' readers take it for.
    pub format: Format,
    /// The format with its version, for people.
    pub name: &'static str,
    /// The feed's own id (Atom).
    pub feed_id: Option<String>,
    /// The page that the feed belongs to.
    pub home: Option<String>,
    /// The URL of the document with the entries before these: RFC 5005 `prev-archive` or `next`,
    /// JSON `next_url`.
    pub next: Option<String>,
    /// Whether WordPress made it, whose older pages have numbers.
    pub is_wordpress: bool,
    /// Its entries, in its order.
    pub entries: Vec<OldEntry>,
    /// One sentence about each entry that is not used as it is.
    pub notes: Vec<String>,
}

/// The reason why a document is not an old feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Something else than a feed.
    NoFeed(String),
    /// A feed that is damaged, or ends in the middle.
    Damaged(String),
    /// Bytes that are not text in the encoding that they claim.
    Encoding(String),
    /// More than 100,000 entries.
    TooLong,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NoFeed(why) => write!(f, "not a feed: {why}"),
            Unreadable::Damaged(why) => write!(f, "damaged or cut short: {why}"),
            Unreadable::Encoding(why) => write!(f, "{why}; convert it to UTF-8 with iconv"),
            Unreadable::TooLong => write!(f, "more than {ENTRIES_MAX} entries"),
        }
    }
}
