//! The place of a document among the documents of a feed: the subscription document and the pages
//! of its archive (RFC 5005, section 4).
//!
//! The subscription document is followed by the newest page, and each page by the one before it, so
//! that a reader can walk from the newest article to the first. A page names the next one before
//! that is there: a link that came later would change the page.

use crate::base::{Format, Route, Scope};
use crate::config::Site;

use super::links;

/// The place of a document among the documents of its feed. Each URL in each format: RSS, Atom,
/// JSON.
#[derive(Debug, Clone, Default, PartialEq, Hash)]
pub struct Paging {
    /// The page with what became public before (`prev-archive`; in JSON, `next_url`). `None` where
    /// there is none.
    pub previous: Option<[String; 3]>,
    /// Set for a page of the archive.
    pub archived: Option<Archived>,
}

/// The links that only a page of the archive has.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Archived {
    /// The subscription document (`current`).
    pub current: [String; 3],
    /// The next page (`next-archive`); where that is not closed yet, its URL leads to the
    /// subscription document.
    pub next: [String; 3],
}

impl Paging {
    /// That of the subscription document of a feed whose archive has so many pages.
    pub(super) fn of_subscription(site: &Site, scope: &Scope, pages: u64) -> Self {
        Self { previous: previous(site, scope, pages + 1), archived: None }
    }

    /// That of a page.
    pub(super) fn of_page(site: &Site, scope: &Scope, number: u64) -> Self {
        let current =
            Format::ALL.map(|format| links::absolute(site, &Route::Feed(scope.clone(), format)));
        let next = page_urls(site, scope, number.saturating_add(1));
        Self { previous: previous(site, scope, number), archived: Some(Archived { current, next }) }
    }
}

fn previous(site: &Site, scope: &Scope, number: u64) -> Option<[String; 3]> {
    if number > 1 { Some(page_urls(site, scope, number - 1)) } else { None }
}

/// The URLs of a page of the archive.
pub(super) fn page_urls(site: &Site, scope: &Scope, number: u64) -> [String; 3] {
    Format::ALL.map(|format| links::absolute(site, &Route::Archive(scope.clone(), number, format)))
}
