//! The page of a section, a tag, an author or a view: its articles and its own feeds.

use askama::Template;

use crate::base::Scope;
use crate::config::Config;
use crate::library::Channel;

use super::frame::Frame;
use super::list::{Beside, Intro, Item, Paging, Row, rows};
use super::{Link, Subscribe, advertised, format, render, scope_url, scroll, tab_title, web};

/// The content of the page of a scope.
#[derive(Debug, Clone, Copy)]
pub struct IndexPage<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The scope.
    pub scope: &'a Scope,
    /// The scope's title, description and count.
    pub channel: &'a Channel,
    /// The text at its head, on its first page.
    pub intro: Option<Intro<'a>>,
    /// Of an author: their own site.
    pub website: Option<&'a str>,
    /// The articles of the page, newest first.
    pub items: &'a [Item<'a>],
    /// The page.
    pub paging: Paging,
}

#[derive(Template)]
#[template(path = "index.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    kind: &'static str,
    url: String,
    title: &'a str,
    counted: String,
    place: Option<String>,
    /// Empty without one.
    intro: String,
    website: Option<Link>,
    subscribe: Subscribe,
    rows: Vec<Row<'a>>,
    beside: Beside,
}

/// A page of a scope. It advertises the scope's feed, not the site's. Search engines leave out the
/// later ones, since articles move from one to the next.
pub fn index(page: &IndexPage<'_>) -> String {
    let IndexPage { config, scope, channel, items, paging, .. } = *page;
    let site = &config.site;
    let title = match channel.title.as_deref() {
        Some("") | None => &channel.name,
        Some(title) => title,
    };
    let own_url = paging.url(site, scope);
    let description = channel.description.as_deref().filter(|text| !text.is_empty());
    render(&View {
        frame: Frame {
            description: description.filter(|_| paging.is_first()),
            hidden: !paging.is_first(),
            feed: Some(advertised(config, scope, &tab_title(title, site))),
            ..Frame::of(config, &paging.title(title), &own_url)
        },
        kind: kind(scope),
        url: scope_url(site, scope),
        title,
        counted: format::counted(channel.count),
        place: paging.place(),
        intro: page.intro.map_or_else(String::new, |intro| scroll::reachable(intro.html)),
        website: page
            .website
            .and_then(web)
            .map(|url| Link { url: url.to_owned(), name: format::readable(url).to_owned() }),
        subscribe: Subscribe::to(config, scope),
        rows: rows(site, items),
        beside: paging.beside(site, scope),
    })
}

/// The word above the title.
fn kind(scope: &Scope) -> &'static str {
    match scope {
        Scope::Site => "All articles",
        Scope::Directory(_) => "Section",
        Scope::Tag(_) => "Tag",
        Scope::Author(_) => "Author",
        Scope::View(_) => "Collection",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::base::UrlPath;

    fn page(scope: &Scope, channel: &Channel, items: &[Item<'_>]) -> String {
        paged(scope, channel, items, Paging { page: 1, pages: 1 })
    }

    fn paged(scope: &Scope, channel: &Channel, items: &[Item<'_>], paging: Paging) -> String {
        let (config, intro) = (&sample::config(""), None);
        index(&IndexPage { config, scope, channel, intro, website: None, items, paging })
    }

    #[test]
    fn a_tag_with_articles() {
        let scope = Scope::Tag(UrlPath::new("c-plus").unwrap());
        let article = sample::article("a", sample::head("A <b>"));
        let page = page(
            &scope,
            &sample::channel("C<+>", 12),
            &[Item { article: &article, summary: None }],
        );
        for part in [
            "<p class=\"kind\" lang=\"en\">Tag</p>",
            "<h1 class=\"p-name\" dir=\"auto\"><a class=\"u-url\" href=\"https://example.org/tags/c-plus/\">C&#60;+&#62;</a>",
            "12 articles",
            "title=\"C&#60;+&#62; – Field Notes\" href=\"https://example.org/tags/c-plus/atom.xml\">",
            "<code translate=\"no\">https://example.org/tags/c-plus/atom.xml</code>",
            "href=\"https://example.org/tags/c-plus/rss.xml\">RSS</a>,",
            "href=\"https://example.org/tags/c-plus/feed.json\">JSON Feed</a>.",
            "A &#60;b&#62;</a>",
        ] {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
        assert_eq!(page.matches("rel=\"alternate\"").count(), 1);
    }

    #[test]
    fn a_section_says_what_it_is_and_may_be_empty() {
        let channel = Channel {
            title: Some("The <News>".into()),
            description: Some("All & sundry.".into()),
            ..sample::channel("news", 0)
        };
        let page = page(&Scope::Directory(UrlPath::new("news").unwrap()), &channel, &[]);
        for part in [
            "The &#60;News&#62;</a>",
            "dir=\"auto\">All &#38; sundry.</p>",
            "No articles at the moment.",
        ] {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
        assert!(!page.contains("class=\"list\""));
    }
}
