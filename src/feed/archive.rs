//! A closed page of the archive of a feed, as a feed (RFC 5005, section 4).
//!
//! What a page says depends on its articles, and not on what became public later.

use std::sync::Arc;

use crate::article::Body;
use crate::library::{ArchivePage, Article, Seq};

use super::Feed;
use super::compose::{Basis, bound, entries, frame};
use super::paging::{Paging, page_urls};

/// A page of the archive of a scope as a feed. No article is left out: those that are too large
/// carry their summary.
pub fn archive(
    basis: Basis<'_>,
    page: &ArchivePage,
    articles: &[Arc<Article>],
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
) -> Feed {
    let Basis { site, feeds, scope, .. } = basis;
    let mut numbered = entries(basis, articles, bodies);
    bound(&mut numbered, feeds.max_bytes, 0);
    // The date of a page without articles must not move with its channel.
    let feed = frame(basis, numbered, page.closed);
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
    use crate::base::{Digest, Scope, UrlPath};
    use crate::feed::compose;
    use crate::feed::links::Locate;

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
        let (site, feeds) = (site(), feeds());
        let places: &dyn Locate = &|_: &str| None;
        let basis = Basis { site: &site, feeds: &feeds, scope: &tag, channel: &of_tag, places };
        let made = archive(basis, &page(2), &[], &|_| None);
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
        let whole = compose(basis, &[], &|_| None);
        assert_eq!((made.id, made.title), (whole.id, whole.title));
        assert_eq!(whole.paging, Paging { previous: Some(urls("9")), archived: None });
        let first = archive(basis, &page(1), &[], &|_| None);
        assert_eq!(first.paging.previous, None);
    }

    #[test]
    fn nothing_is_left_out_however_large_it_is() {
        let articles: Vec<Arc<Article>> =
            (1..=40).map(|seq| Arc::new(article(seq, &format!("{seq}.md")))).collect();
        let size = |seq: Seq| if seq == 7 { 400 << 10 } else { 50 << 10 };
        let bodies = |seq| body("x".repeat(size(seq)));
        let basis = Basis {
            site: &site(),
            feeds: &feeds(),
            scope: &Scope::Site,
            channel: &channel(""),
            places: &|_: &str| None,
        };
        let made = archive(basis, &page(1), &articles, &bodies);
        assert_eq!(made.entries.len(), 40);
        for entry in &made.entries {
            assert_eq!(entry.html.is_empty(), entry.title == "7", "{}", entry.title);
        }
    }
}
