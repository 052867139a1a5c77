//! A closed page of the archive of a feed, as a feed (RFC 5005, section 4).
//!
//! What a page says depends on its articles, and not on what became public later.

use std::sync::Arc;

use crate::article::Body;
use crate::base::Scope;
use crate::config::{Feeds, Site};
use crate::library::{ArchivePage, Article, Channel, Seq};

use super::Feed;
use super::compose::{bound, entries, frame};
use super::links::Locate;
use super::paging::{Paging, page_urls};

/// A page of the archive of `scope` as a feed. No article is left out: those that are too large
/// carry their summary.
#[expect(clippy::too_many_arguments, reason = "`compose` with a page")]
pub fn archive(
    site: &Site,
    feeds: &Feeds,
    scope: &Scope,
    channel: &Channel,
    page: &ArchivePage,
    articles: &[Arc<Article>],
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
    places: &dyn Locate,
) -> Feed {
    let mut numbered = entries(site, feeds, articles, bodies, places);
    bound(&mut numbered, feeds.max_bytes, 0);
    // The date of a page without articles must not move with its channel.
    let feed = frame(site, feeds, scope, channel, numbered, page.closed, places);
    Feed {
        self_urls: page_urls(site, scope, page.number),
        // A closed page does not change.
        hubs: Vec::new(),
        cloud: None,
        paging: Paging::of_page(site, scope, page.number),
        ..feed
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{article, at, channel, feeds, site};
    use super::*;
    use crate::base::{Digest, UrlPath};

    fn page(number: u64) -> ArchivePage {
        ArchivePage { number, closed: at("2026-11-01T00:00:00Z"), version: Digest::of(b"") }
    }

    fn body(html: String) -> Option<Arc<Body>> {
        Some(Arc::new(Body { html, summary: "short".to_owned() }))
    }

    #[test]
    fn a_page_names_its_neighbours_and_the_subscription_document() {
        let tag = Scope::Tag(UrlPath::new("rust").unwrap());
        let mut of_tag = channel("Rust");
        of_tag.pages = 9;
        let made =
            archive(&site(), &feeds(), &tag, &of_tag, &page(2), &[], &|_| None, &|_: &str| None);
        let url = |page: &str, file: &str| {
            format!("https://example.org/blog/tags/rust/archive/{page}/{file}")
        };
        let urls = |page: &str| ["rss.xml", "atom.xml", "feed.json"].map(|file| url(page, file));
        assert_eq!(made.self_urls, urls("2"));
        assert_eq!(made.paging.previous, Some(urls("1")));
        let archived = made.paging.archived.unwrap();
        assert_eq!(archived.next, urls("3"));
        assert_eq!(archived.current[1], "https://example.org/blog/tags/rust/atom.xml");
        assert_eq!(made.updated, at("2026-11-01T00:00:00Z"));
        assert_eq!(made.home_url, "https://example.org/blog/tags/rust/");
        // It is the same feed, in more than one document.
        let whole =
            super::super::compose(&site(), &feeds(), &tag, &of_tag, &[], &|_| None, &|_: &str| {
                None
            });
        assert_eq!((made.id, made.title), (whole.id, whole.title));
        assert_eq!(whole.paging, Paging { previous: Some(urls("9")), archived: None });
        let first =
            archive(&site(), &feeds(), &tag, &of_tag, &page(1), &[], &|_| None, &|_: &str| None);
        assert_eq!(first.paging.previous, None);
    }

    #[test]
    fn nothing_is_left_out_however_large_it_is() {
        let articles: Vec<Arc<Article>> =
            (1..=40).map(|seq| Arc::new(article(seq, &format!("{seq}.md")))).collect();
        let size = |seq: Seq| if seq == 7 { 400 << 10 } else { 50 << 10 };
        let bodies = |seq| body("x".repeat(size(seq)));
        let made = archive(
            &site(),
            &feeds(),
            &Scope::Site,
            &channel(""),
            &page(1),
            &articles,
            &bodies,
            &|_: &str| None,
        );
        assert_eq!(made.entries.len(), 40);
        for entry in &made.entries {
            assert_eq!(entry.html.is_empty(), entry.title == "7", "{}", entry.title);
        }
    }
}
