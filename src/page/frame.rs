//! The frame around the text of every page: its head, the menu, the footer.

use crate::base::Scope;
use crate::config::{Config, LinkTarget, Piece};
use crate::feed::links;

use super::FeedLink;

/// The frame of a page.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// The language of the page's main text, a BCP 47 tag.
    pub(super) language: &'a str,
    /// The browser's title of the page.
    pub(super) title: String,
    /// The title of the page where the site is named beside it.
    pub(super) name: String,
    /// One plain sentence or two.
    pub(super) description: Option<&'a str>,
    /// The preferred URL of the page. Only a page with one is described to sites that link it.
    pub(super) canonical: Option<String>,
    /// The page's picture: an absolute URL.
    pub(super) image: Option<&'a str>,
    /// The page's type by the Open Graph protocol.
    pub(super) kind: Kind,
    /// Whether search engines should leave it out.
    pub(super) hidden: bool,
    /// The one advertised feed.
    pub(super) feed: Option<FeedLink>,
    /// The parts that the site has on every page; `None` before there is one.
    pub(super) site: Option<Around<'a>>,
}

/// A type of the Open Graph protocol.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A page about other pages.
    #[default]
    Website,
    /// An article.
    Article,
}

impl Kind {
    /// The value of `og:type`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Website => "website",
            Kind::Article => "article",
        }
    }
}

/// The parts that a site has on every page.
#[derive(Debug)]
pub(super) struct Around<'a> {
    /// The URL of the home page, which another program may serve.
    pub(super) home: String,
    /// Whether the home page is here, with its archive and how to subscribe.
    pub(super) is_here: bool,
    /// The title of the site.
    pub(super) title: &'a str,
    /// The language of the title, the menu and the footer.
    pub(super) language: &'a str,
    /// Whether the title is at the top: not where it is the page's heading.
    pub(super) is_named: bool,
    /// The menu.
    pub(super) menu: Vec<MenuLink<'a>>,
    /// The lines of the footer.
    pub(super) footer: Vec<Vec<FooterPiece<'a>>>,
    /// The path of the author's stylesheet.
    pub(super) stylesheet: Option<String>,
}

/// A link of the menu.
#[derive(Debug)]
pub(super) struct MenuLink<'a> {
    pub(super) title: &'a str,
    pub(super) url: String,
    pub(super) rel: &'a str,
    /// `aria-current`: `page` for the page itself, `true` for one beneath it; else empty.
    pub(super) current: &'static str,
}

/// A part of a line of the footer.
#[derive(Debug)]
pub(super) struct FooterPiece<'a> {
    pub(super) text: &'a str,
    pub(super) url: Option<String>,
}

impl<'a> Frame<'a> {
    /// The frame of a page at `own_url`, called `name`. Without a feed and a description.
    pub(super) fn of(config: &'a Config, name: &str, own_url: &str) -> Self {
        let site = &config.site;
        let own = Self::without_url(config, name, own_url);
        Self { canonical: Some(own_url.to_owned()), language: &site.language, ..own }
    }

    /// The frame of a page that has no URL of its own, such as an error.
    pub(super) fn without_url(config: &'a Config, name: &str, shown_at: &str) -> Self {
        let site = &config.site;
        let title = match name {
            _ if name == site.title => name.to_owned(),
            _ => super::tab_title(name, site),
        };
        Self {
            title,
            name: name.to_owned(),
            language: &site.language,
            site: Some(Around::of(config, shown_at)),
            ..Self::default()
        }
    }
}

impl<'a> Around<'a> {
    fn of(config: &'a Config, own_url: &str) -> Self {
        let (site, pages) = (&config.site, &config.pages);
        let home = links::home(site, &Scope::Site);
        let mut menu = Vec::with_capacity(pages.menu.len());
        for link in &pages.menu {
            let url = address(&link.target, &home);
            let current = current(&url, own_url, &home);
            menu.push(MenuLink { title: &link.title, rel: &link.rel, current, url });
        }
        let mut footer = Vec::with_capacity(pages.footer.len());
        for line in &pages.footer {
            footer.push(line.iter().map(|piece| footer_piece(piece, &home)).collect());
        }
        // Relative to the host that was asked: the policy lets in nothing from another, and
        // `site.url` may not be the address at which an author looks at the site.
        let stylesheet = pages.stylesheet.as_ref().map(|stylesheet| {
            let directory = site.url.path().trim_end_matches('/');
            format!("{directory}{}", stylesheet.route())
        });
        Self {
            home,
            is_here: site.elsewhere.is_none(),
            title: &site.title,
            language: &site.language,
            is_named: true,
            menu,
            footer,
            stylesheet,
        }
    }
}

fn footer_piece<'a>(piece: &'a Piece, home: &str) -> FooterPiece<'a> {
    match piece {
        Piece::Text(text) => FooterPiece { text, url: None },
        Piece::Link(link) => {
            FooterPiece { text: &link.title, url: Some(address(&link.target, home)) }
        }
    }
}

/// The URL of a target; `home` ends with a slash, and a path begins with one.
fn address(target: &LinkTarget, home: &str) -> String {
    match target {
        LinkTarget::Local(path) => format!("{}{path}", home.trim_end_matches('/')),
        LinkTarget::Absolute(url) => url.clone(),
    }
}

/// Whether a link of the menu leads to the page at `own_url`, or to one above it.
fn current(link: &str, own_url: &str, home: &str) -> &'static str {
    let (link, own) = (link.trim_end_matches('/'), own_url.trim_end_matches('/'));
    if link == own {
        return "page";
    }
    let is_above = own.strip_prefix(link).is_some_and(|rest| rest.starts_with('/'));
    // Everything is beneath the home page.
    if is_above && link.len() > home.trim_end_matches('/').len() { "true" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_says_where_one_is() {
        let home = "https://example.org/blog/";
        for (path, own, expected) in [
            ("/about", "about", "page"),
            ("/about/", "about", "page"),
            ("/news", "news/", "page"),
            ("/news/", "news/a", "true"),
            ("/new", "news/a", ""),
            ("/", "", "page"),
            ("/", "news/a", ""),
            ("/#subscribe", "", ""),
        ] {
            let link = address(&LinkTarget::Local(path.to_owned()), home);
            assert_eq!(current(&link, &format!("{home}{own}"), home), expected, "{path} {own}");
        }
        assert_eq!(current("https://example.com/", "https://example.org/", home), "");
    }
}
