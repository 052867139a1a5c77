//! The page that a person gets at the address of a feed: what it is, how to subscribe, and the
//! newest articles.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::base::{Format, Scope};
use crate::config::Config;
use crate::library::Channel;

use super::frame::Frame;
use super::list::{Item, Row, rows};
use super::{Link, feed_url, render, scope_url};

/// Readers in a browser, each with the page on which it subscribes; the feed's URL is put at the
/// end. From their own documentation for subscribe buttons.
const READERS: [(&str, &str); 4] = [
    ("Feedly", "https://feedly.com/i/subscription/feed/"),
    ("Inoreader", "https://www.inoreader.com/?add_feed="),
    ("NewsBlur", "https://www.newsblur.com/?url="),
    ("The Old Reader", "https://theoldreader.com/feeds/subscribe?url="),
];

/// The content of the page of a feed.
#[derive(Debug, Clone, Copy)]
pub struct FeedPage<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The scope whose feed it is.
    pub scope: &'a Scope,
    /// The format that was asked for.
    pub format: Format,
    /// The scope's title and count.
    pub channel: &'a Channel,
    /// Its newest articles, newest first.
    pub items: &'a [Item<'a>],
}

#[derive(Template)]
#[template(path = "feed.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    url: String,
    title: &'a str,
    address: String,
    readers: Vec<Link>,
    rows: Vec<Row<'a>>,
}

/// The page of a feed. Search engines leave it out, since the scope's own page shows the same
/// articles.
pub fn feed(page: &FeedPage<'_>) -> String {
    let FeedPage { config, scope, format, channel, items } = *page;
    let site = &config.site;
    let title = match (scope, &channel.title) {
        (Scope::Site, _) => &site.title,
        (_, Some(title)) if !title.is_empty() => title,
        _ => &channel.name,
    };
    let address = feed_url(site, scope, format);
    let mut readers = Vec::new();
    for (name, subscribe) in READERS {
        let url = format!("{subscribe}{}", utf8_percent_encode(&address, NON_ALPHANUMERIC));
        readers.push(Link { url, name: name.to_owned() });
    }
    render(&View {
        frame: Frame {
            hidden: true,
            ..Frame::without_url(config, &format!("Feed of {title}"), &address)
        },
        url: scope_url(site, scope),
        title,
        address,
        readers,
        rows: rows(site, items),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::base::UrlPath;

    #[test]
    fn a_person_learns_what_a_feed_is_and_how_to_subscribe() {
        let article = sample::article("a", sample::head("A <b>"));
        let page = feed(&FeedPage {
            config: &sample::config(""),
            scope: &Scope::Tag(UrlPath::new("c-plus").unwrap()),
            format: Format::Rss,
            channel: &sample::channel("C<+>", 12),
            items: &[Item { article: &article, summary: None }],
        });
        for part in [
            "<title>Feed of C&#60;+&#62; – Field Notes</title>",
            "<meta name=\"robots\" content=\"noindex\">",
            "href=\"https://example.org/tags/c-plus/\">C&#60;+&#62;</a>",
            "<code translate=\"no\">https://example.org/tags/c-plus/rss.xml</code>",
            "https://feedly.com/i/subscription/feed/https%3A%2F%2Fexample%2Eorg%2Ftags%2Fc%2Dplus%2Frss%2Exml",
            "A &#60;b&#62;</a>",
        ] {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
        assert!(!page.contains("rel=\"alternate\""), "aggregators poll what is advertised");
    }
}
