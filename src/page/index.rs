//! The page of a section, a tag, an author or a view: its articles and its own feeds.

use askama::Template;

use crate::base::Scope;
use crate::config;
use crate::library::Channel;

use super::list::{Item, Row, rows};
use super::{Frame, Subscribe, advertised, format, render, scope_url, tab_title};

/// The content of the page of a scope.
#[derive(Debug, Clone, Copy)]
pub struct IndexPage<'a> {
    /// The site.
    pub site: &'a config::Site,
    /// The feed settings: the advertised format.
    pub feeds: &'a config::Feeds,
    /// The scope.
    pub scope: &'a Scope,
    /// The scope's title, description and count.
    pub channel: &'a Channel,
    /// Its newest articles, newest first.
    pub items: &'a [Item<'a>],
}

#[derive(Template)]
#[template(path = "index.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    kind: &'static str,
    url: String,
    title: &'a str,
    counted: String,
    subscribe: Subscribe,
    rows: Vec<Row<'a>>,
}

/// The page of a scope. It advertises the scope's feed, not the site's.
pub fn index(page: &IndexPage<'_>) -> String {
    let IndexPage { site, feeds, scope, channel, items } = *page;
    let title = match channel.title.as_deref() {
        Some("") | None => &channel.name,
        Some(title) => title,
    };
    let tab = tab_title(title, site);
    let url = scope_url(site, scope);
    render(&View {
        frame: Frame {
            description: channel.description.as_deref().filter(|text| !text.is_empty()),
            canonical: Some(url.clone()),
            feed: Some(advertised(site, feeds, scope, &tab)),
            ..Frame::of(site, tab)
        },
        kind: kind(scope),
        url,
        title,
        counted: format::counted(items.len(), channel.count),
        subscribe: Subscribe::to(site, scope, feeds.advertise),
        rows: rows(site, items),
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
        index(&IndexPage { site: &sample::site(), feeds: &sample::feeds(), scope, channel, items })
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
            "The newest 1 of 12 articles.",
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
