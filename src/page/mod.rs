//! The pages that a browser reads: pure functions from values to HTML.
//!
//! Owns the look (one inline stylesheet, and a link to the author's), the templates, and the
//! Content-Security-Policy that fits them. Never does I/O, never reads an article, never decides
//! what is shown: the caller picks the articles and bounds their number.
//!
//! Invariants: no JavaScript and no request to anything but what an article itself shows; every
//! text is escaped, and only [`ArticlePage::html`] and [`Intro::html`], which are sanitised before
//! they come here, are not; at most one feed is advertised on a page, because aggregators poll each
//! advertised one; the pages' own words are English and marked so, and a date is written out only
//! where the site is English too, since `2026-11-24` reads well in every language.

mod article;
mod error;
mod feed;
mod format;
mod frame;
mod home;
mod index;
mod list;
mod month;
#[cfg(test)]
mod sample;
mod scroll;
mod sitemap;
mod structured;

use askama::Template;

pub use article::{ArticlePage, Byline, article};
pub use error::error;
pub use feed::{FeedPage, feed};
pub use home::{HomePage, MonthCount, Section, home};
pub use index::{IndexPage, index};
pub use list::{Intro, Item, Paging};
pub use month::{MonthPage, month};
pub use sitemap::sitemap;

use crate::base::{Format, Route, Scope};
use crate::config::{self, Config};
use crate::feed::links::absolute as url;

/// The media type of every page.
pub const MEDIA_TYPE: &str = "text/html; charset=utf-8";

/// The media type of the author's stylesheet.
pub const STYLESHEET_MEDIA_TYPE: &str = "text/css; charset=utf-8";

/// The media type of the sitemap.
pub const SITEMAP_MEDIA_TYPE: &str = "application/xml; charset=utf-8";

/// The value of the Content-Security-Policy header of every page. It lets in the one stylesheet, by
/// its digest, and what articles show; nothing else. A test keeps the digest equal to the
/// stylesheet's.
pub const CSP: &str = "default-src 'none'; \
     style-src 'sha256-iESSkkFrSBwcUgMkUHTuTGutz+yykx0smwdZJI5JWmg='; \
     img-src http: https: data:; media-src http: https:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The same for a site with a stylesheet of its author: it and its fonts come from the site itself.
const STYLED_CSP: &str = "default-src 'none'; \
     style-src 'self' 'sha256-iESSkkFrSBwcUgMkUHTuTGutz+yykx0smwdZJI5JWmg='; \
     font-src 'self' data:; img-src http: https: data:; media-src http: https:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The Content-Security-Policy of the pages of a site, or before there is one.
pub fn policy(config: Option<&Config>) -> &'static str {
    match config {
        Some(config) if config.pages.stylesheet.is_some() => STYLED_CSP,
        _ => CSP,
    }
}

/// The stylesheet in every page. Inline, so that a page is one request and no URL has
/// to be kept for it.
const STYLE: &str = include_str!("../../templates/style.css");

/// A name, and the scope to whose page it links, if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<'a> {
    /// The text that is shown.
    pub name: &'a str,
    /// The scope, if it has a page.
    pub scope: Option<Scope>,
}

/// One feed of a scope in one format.
#[derive(Debug)]
struct FeedLink {
    url: String,
    title: String,
    media_type: &'static str,
}

/// The section on how to subscribe.
#[derive(Debug)]
struct Subscribe {
    /// The address to copy: the advertised format's.
    address: String,
    /// All three, named by their format.
    formats: Vec<FeedLink>,
}

/// A link with its text.
#[derive(Debug)]
struct Link {
    url: String,
    name: String,
}

impl Subscribe {
    fn to(config: &Config, scope: &Scope) -> Self {
        let site = &config.site;
        let mut formats = Vec::new();
        for format in Format::ALL {
            formats.push(FeedLink {
                url: feed_url(site, scope, format),
                title: format::format_name(format).to_owned(),
                media_type: format.media_type(),
            });
        }
        Self { address: feed_url(site, scope, config.feeds.advertise), formats }
    }
}

/// The feed of `scope` that its pages advertise, under `title`.
fn advertised(config: &Config, scope: &Scope, title: &str) -> FeedLink {
    let format = config.feeds.advertise;
    FeedLink {
        url: feed_url(&config.site, scope, format),
        title: title.to_owned(),
        media_type: format.media_type(),
    }
}

fn feed_url(site: &config::Site, scope: &Scope, format: Format) -> String {
    url(site, &Route::Feed(scope.clone(), format))
}

/// The page of a scope.
fn scope_url(site: &config::Site, scope: &Scope) -> String {
    match scope {
        Scope::Site => url(site, &Route::Home),
        _ => url(site, &Route::Index(scope.clone())),
    }
}

/// The URL, if its scheme is http or https: an article must not be able to put a `javascript:` link
/// into a page.
fn web(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    if is_web { Some(url) } else { None }
}

/// The title of a part of the site, as browsers show it in a list of tabs.
fn tab_title(part: &str, site: &config::Site) -> String {
    format!("{part} – {}", site.title)
}

fn render(template: &impl Template) -> String {
    // Rendering fails only if the writer or a filter does. A String never fails, and no template
    // uses a filter that can.
    template.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::sample;
    use super::*;
    use crate::base::UrlPath;

    /// RFC 4648, section 4.
    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |chunk: &[u8]| {
            let bits = (0..3).fold(0_usize, |bits, n| {
                bits << 8 | usize::from(chunk.get(n).copied().unwrap_or(0))
            });
            let digit = |n: usize| {
                if n > chunk.len() { '=' } else { char::from(ALPHABET[bits >> (18 - 6 * n) & 63]) }
            };
            (0..4).map(digit).collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }

    #[test]
    fn the_policy_names_the_stylesheet() {
        assert_eq!(
            base64(b"foobar") + &base64(b"foob") + &base64(b"fooba"),
            "Zm9vYmFyZm9vYg==Zm9vYmE="
        );
        let source = format!("'sha256-{}'", base64(&Sha256::digest(STYLE)));
        for policy in [CSP, STYLED_CSP] {
            assert!(
                policy.contains(&source),
                "templates/style.css changed: CSP must name {source}"
            );
        }
    }

    #[test]
    fn the_stylesheet_is_small_and_cannot_end_early() {
        assert!(STYLE.len() <= 6144, "{} bytes", STYLE.len());
        assert!(!STYLE.contains('<') && !STYLE.contains("url(") && !STYLE.contains('\r'));
    }

    #[test]
    fn every_page_carries_exactly_the_stylesheet_of_the_policy() {
        let page = error(None, 404, "Not Found", "Page not found.");
        let (_, rest) = page.split_once("<style>").unwrap();
        assert_eq!(rest.split_once("</style>").unwrap().0, STYLE);
    }

    #[test]
    fn urls_stand_below_the_site() {
        let mut site = sample::site();
        let tag = Scope::Tag(UrlPath::new("grüße").unwrap());
        assert_eq!(scope_url(&site, &tag), "https://example.org/tags/gr%C3%BC%C3%9Fe/");
        site.url = "https://example.org/blog/".parse().unwrap();
        assert_eq!(scope_url(&site, &Scope::Site), "https://example.org/blog/");
        assert_eq!(
            feed_url(&site, &tag, Format::Json),
            "https://example.org/blog/tags/gr%C3%BC%C3%9Fe/feed.json"
        );
    }

    #[test]
    fn only_the_web_is_linked() {
        for (url, linked) in [
            ("https://example.org/", true),
            ("HTTP://EXAMPLE.ORG", true),
            ("javascript://example.org/%0aalert(1)", false),
            ("javascript:alert(1)//://", false),
            ("mailto:a@example.org", false),
            ("/relative", false),
        ] {
            assert_eq!(web(url).is_some(), linked, "{url}");
        }
    }
}
