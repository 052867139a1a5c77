//! The shape of every URL that dropfeed answers. No other module knows it.
//!
//! `Route::parse` and `Display` are inverses: `parse(print(r)) == r` for every route that can be
//! made. Routes are relative to `site.url`, which may have a path of its own; the site puts it in
//! front.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::digest::Digest;

/// Characters to escape in a path segment: all but RFC 3986 `unreserved`, and the sub-delimiters
/// that no client alters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b',');

/// First segments that no article and no directory may claim.
const RESERVED_FIRST: [&str; 5] = ["tags", "authors", "views", "archive", "-"];

/// Whole paths that no article may claim.
const RESERVED_FILES: [&str; 4] = ["feeds.opml", "robots.txt", "favicon.ico", "sitemap.xml"];

/// The three formats of a feed.
///
/// ```
/// use dropfeed::base::Format;
///
/// assert_eq!(Format::Atom.file_name(), "atom.xml");
/// assert_eq!(Format::Json.media_type(), "application/feed+json");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RSS 2.0
    Rss,
    /// Atom 1.0, RFC 4287
    Atom,
    /// JSON Feed 1.1
    Json,
}

impl Format {
    /// All of them, in the order in which they are named everywhere.
    pub const ALL: [Format; 3] = [Format::Rss, Format::Atom, Format::Json];

    /// The name in labels, in tables, and in the JSON of this type.
    pub fn name(self) -> &'static str {
        match self {
            Format::Rss => "rss",
            Format::Atom => "atom",
            Format::Json => "json",
        }
    }

    /// The last segment of the feed's URL and the name of its file.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Rss => "rss.xml",
            Format::Atom => "atom.xml",
            Format::Json => "feed.json",
        }
    }

    /// The media type without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Rss => "application/rss+xml",
            Format::Atom => "application/atom+xml",
            Format::Json => "application/feed+json",
        }
    }

    fn of_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.file_name() == name)
    }
}

/// A set of articles that has a feed in each format and a page.
///
/// ```
/// use dropfeed::base::{Scope, UrlPath};
///
/// let tag = Scope::Tag(UrlPath::new("rust").unwrap());
/// assert_eq!(tag.to_string(), "/tags/rust/");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Every article.
    Site,
    /// The articles beneath a directory, at any depth. Never the empty path: that is the site.
    Directory(UrlPath),
    /// The articles with a tag, by its slug.
    Tag(UrlPath),
    /// The articles of an author, by their slug.
    Author(UrlPath),
    /// A configured `[[view]]`, by its name.
    View(UrlPath),
}

/// A decoded URL path without slashes at its ends: one or more segments, none empty, `.` or `..`,
/// no control characters. Its text is what people see; `Display` percent-encodes it.
///
/// ```
/// use dropfeed::base::UrlPath;
///
/// let path = UrlPath::new("news/Grüße").unwrap();
/// assert_eq!(path.to_string(), "news/Gr%C3%BC%C3%9Fe");
/// assert_eq!(path.key().as_str(), "news/grüße");
/// assert!(UrlPath::new("tags/rust").unwrap().is_reserved());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UrlPath(Arc<str>);

impl UrlPath {
    /// Parses a decoded path; slashes at its ends are ignored. `None` if `text` is not a path.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim_matches('/');
        if !text.split('/').all(is_legal_segment) {
            return None;
        }
        Some(Self(Arc::from(text)))
    }

    /// Makes a path of slugs from names of directories and files, or from a tag; `None` if there
    /// are none.
    pub fn of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let slugs: Vec<String> = names.map(slug).collect();
        if slugs.is_empty() {
            return None;
        }
        Some(Self(Arc::from(slugs.join("/"))))
    }

    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The decoded segments.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the form by which paths are compared: paths that differ only in case or punctuation
    /// are equal. A final `.html` is removed, so that `/news/my-post.html` finds `/news/my-post`.
    #[must_use]
    pub fn key(&self) -> UrlPath {
        let text = match self.0.split_at_checked(self.0.len().saturating_sub(".html".len())) {
            // A segment that is nothing but `.html` is a name.
            Some((rest, ending))
                if ending.eq_ignore_ascii_case(".html")
                    && !rest.is_empty()
                    && !rest.ends_with('/') =>
            {
                rest
            }
            _ => &self.0,
        };
        let slugs: Vec<String> = text.split('/').map(slug).collect();
        Self(Arc::from(slugs.join("/")))
    }

    /// True for a path that is its own [key](Self::key), with `.html` at its end or without: it is
    /// spelled as the URL of an article is, and not misspelled.
    pub fn is_spelled_out(&self) -> bool {
        self.0.strip_suffix(".html").unwrap_or(&self.0) == self.key().as_str()
    }

    /// Replaces the last segment; `None` if `segment` is not one.
    #[must_use]
    pub fn with_last(&self, segment: &str) -> Option<UrlPath> {
        match self.0.rfind('/') {
            Some(slash) => Self::new(&format!("{}/{segment}", &self.0[..slash])),
            None => Self::new(segment),
        }
    }

    /// Appends a number that makes the path unique: `my-post-2`.
    #[must_use]
    pub fn numbered(&self, n: u32) -> UrlPath {
        Self(Arc::from(format!("{}-{n}", self.0)))
    }

    /// True for a path that no article can have: it begins with a reserved segment, or is the name
    /// of a feed.
    pub fn is_reserved(&self) -> bool {
        let mut segments = self.segments();
        let first = segments.next().unwrap_or_default();
        let last = segments.next_back();
        RESERVED_FIRST.contains(&first)
            || (last.is_none() && RESERVED_FILES.contains(&first))
            || Format::of_file_name(last.unwrap_or(first)).is_some()
    }
}

impl TryFrom<String> for UrlPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or_else(|| format!("{text:?} is not a URL path"))
    }
}

impl From<UrlPath> for String {
    fn from(path: UrlPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

/// Percent-encoded, without slashes at its ends.
impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, segment) in self.segments().enumerate() {
            let slash = if n == 0 { "" } else { "/" };
            write!(f, "{slash}{}", utf8_percent_encode(segment, SEGMENT))?;
        }
        Ok(())
    }
}

/// A URL of the site, parsed.
///
/// ```
/// use dropfeed::base::{Format, Route, Scope};
///
/// let route = Route::parse("/atom.xml").unwrap();
/// assert_eq!(route, Route::Feed(Scope::Site, Format::Atom));
/// assert_eq!(route.to_string(), "/atom.xml");
/// assert_eq!(Route::parse("/a//b"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// `/`
    Home,
    /// `/rss.xml`, `/news/atom.xml`, `/tags/rust/feed.json`
    Feed(Scope, Format),
    /// The page of a scope other than the site: `/news/`, `/tags/rust/`
    Index(Scope),
    /// `/archive/2026-11/`, `/archive/2026-11/2/`: the articles of a month, page by page, from 1
    Month(i16, i8, u32),
    /// A later page of the list of a scope, from 2: `/archive/page/2/` of the site,
    /// `/tags/rust/page/2/`; of a directory `/archive/news/page/2/`, since it may have a directory
    /// `page/2` of its own
    List(Scope, u32),
    /// A page of a feed's archive (RFC 5005), from 1: `/archive/1/atom.xml`,
    /// `/tags/rust/archive/1/atom.xml`; of a directory `/archive/news/1/atom.xml`, since it may
    /// have a directory `archive/1` of its own
    Archive(Scope, u64, Format),
    /// The author's stylesheet, by the first 128 bits of its digest: `/-/style.DIGEST.css`
    Stylesheet(u128),
    /// An article or an asset: `/news/my-post`, `/img/cat.png`. Never a reserved path.
    Resource(UrlPath),
    /// `/feeds.opml`
    Opml,
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/robots.txt`
    Robots,
    /// `/favicon.ico`
    Favicon,
    /// `/sitemap.xml`
    Sitemap,
}

impl Route {
    /// Parses the path of a request target (RFC 9112, section 3.2): percent-encoded, starting with
    /// `/`, without a query. `None` if no route has such a path.
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            return Some(Route::Home);
        }
        let (path, slash) = match path.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (path, false),
        };
        let mut segments = Vec::new();
        for segment in path.split('/') {
            let segment = percent_decode_str(segment).decode_utf8().ok()?;
            if !is_legal_segment(&segment) {
                return None;
            }
            segments.push(segment.into_owned());
        }
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if slash { index(&segments) } else { file(&segments) }
    }
}

/// A path that ends in a slash: the page of a scope or of a month.
fn index(segments: &[&str]) -> Option<Route> {
    match segments {
        ["archive", directory @ .., "page", page] => list(directory, page),
        ["tags" | "authors" | "views", _, "page", page] => list(&segments[..2], page),
        ["archive", month] => month_page(month, 1),
        // The first page has no number.
        ["archive", month, page] if *page != "1" => month_page(month, page.parse().ok()?),
        _ => scope(segments).map(Route::Index),
    }
    .filter(|route| is_canonical(route, segments))
}

/// A later page of a list; of the site, if the directory is empty.
fn list(directory: &[&str], page: &str) -> Option<Route> {
    let scope = match directory {
        [] => Scope::Site,
        _ => scope(directory)?,
    };
    Some(Route::List(scope, page.parse().ok()?))
}

fn month_page(month: &str, page: u32) -> Option<Route> {
    let (year, month) = month.split_once('-')?;
    Some(Route::Month(year.parse().ok()?, month.parse().ok()?, page))
}

/// Only one spelling of a number is a route: `2026-11`, not `+2026-11` or `2026-1`.
fn is_canonical(route: &Route, segments: &[&str]) -> bool {
    match route {
        Route::Month(_, _, 0) | Route::List(_, 0 | 1) => false,
        Route::Month(..) => route.to_string() == format!("/{}/", segments.join("/")),
        // The spelling of the number, and that of the scope: `/archive/tags/rust/page/2/` is none.
        Route::List(scope, page) => {
            let [.., written] = segments else { return false };
            let is_named = matches!(segments, ["tags" | "authors" | "views", ..]);
            let is_beneath = matches!(scope, Scope::Site | Scope::Directory(_));
            *written == page.to_string() && is_named != is_beneath
        }
        _ => true,
    }
}

/// A path that does not end in a slash.
fn file(segments: &[&str]) -> Option<Route> {
    match segments {
        ["feeds.opml"] => return Some(Route::Opml),
        ["robots.txt"] => return Some(Route::Robots),
        ["favicon.ico"] => return Some(Route::Favicon),
        ["sitemap.xml"] => return Some(Route::Sitemap),
        ["-", "healthy"] => return Some(Route::Healthy),
        ["-", "ready"] => return Some(Route::Ready),
        ["-", name] => return stylesheet(name),
        _ => {}
    }
    let (last, directory) = segments.split_last()?;
    if let Some(format) = Format::of_file_name(last) {
        return feed(directory, format);
    }
    let path = UrlPath::new(&segments.join("/"))?;
    if path.is_reserved() { None } else { Some(Route::Resource(path)) }
}

/// `style.`, 32 hexadecimal digits in lower case, `.css`
fn stylesheet(name: &str) -> Option<Route> {
    let digits = name.strip_prefix("style.")?.strip_suffix(".css")?;
    // The same digits in capitals would be another URL of one stylesheet.
    if digits.len() != 32 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(Route::Stylesheet)
}

/// A feed in a directory of URLs, or a page of its archive.
fn feed(directory: &[&str], format: Format) -> Option<Route> {
    let (scope, page) = match directory {
        [] => (Scope::Site, None),
        ["archive", page] => (Scope::Site, Some(page)),
        ["archive", directory @ .., page] => match scope(directory)? {
            Scope::Directory(path) => (Scope::Directory(path), Some(page)),
            _ => return None,
        },
        ["tags" | "authors" | "views", _, "archive", page] => (scope(&directory[..2])?, Some(page)),
        _ => (scope(directory)?, None),
    };
    let Some(page) = page else { return Some(Route::Feed(scope, format)) };
    // Pages count from 1, and have one spelling: not `01` or `+1`.
    let number: u64 = page.parse().ok().filter(|number| *number > 0)?;
    if number.to_string() != *page {
        return None;
    }
    Some(Route::Archive(scope, number, format))
}

/// The scope of a directory of URLs. Tags, authors and views have names of one segment.
fn scope(segments: &[&str]) -> Option<Scope> {
    let (first, rest) = segments.split_first()?;
    let named = match *first {
        "tags" => Scope::Tag,
        "authors" => Scope::Author,
        "views" => Scope::View,
        "archive" | "-" => return None,
        _ => return Some(Scope::Directory(UrlPath::new(&segments.join("/"))?)),
    };
    match rest {
        [name] => Some(named(UrlPath::new(name)?)),
        _ => None,
    }
}

/// The path of the scope's directory, with a slash at its end.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Site => f.write_str("/"),
            Scope::Directory(path) => write!(f, "/{path}/"),
            Scope::Tag(slug) => write!(f, "/tags/{slug}/"),
            Scope::Author(slug) => write!(f, "/authors/{slug}/"),
            Scope::View(name) => write!(f, "/views/{name}/"),
        }
    }
}

/// The percent-encoded path, starting with `/`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Home => f.write_str("/"),
            Route::Feed(scope, format) => write!(f, "{scope}{}", format.file_name()),
            Route::Index(scope) => write!(f, "{scope}"),
            Route::Month(year, month, 1) => write!(f, "/archive/{year:04}-{month:02}/"),
            Route::Month(year, month, page) => {
                write!(f, "/archive/{year:04}-{month:02}/{page}/")
            }
            Route::Archive(scope, page, format) => {
                let file = format.file_name();
                match scope {
                    Scope::Site | Scope::Directory(_) => write!(f, "/archive{scope}{page}/{file}"),
                    _ => write!(f, "{scope}archive/{page}/{file}"),
                }
            }
            Route::List(scope, page) => match scope {
                Scope::Site | Scope::Directory(_) => write!(f, "/archive{scope}page/{page}/"),
                _ => write!(f, "{scope}page/{page}/"),
            },
            Route::Stylesheet(digest) => write!(f, "/-/style.{digest:032x}.css"),
            Route::Resource(path) => write!(f, "/{path}"),
            Route::Opml => f.write_str("/feeds.opml"),
            Route::Healthy => f.write_str("/-/healthy"),
            Route::Ready => f.write_str("/-/ready"),
            Route::Robots => f.write_str("/robots.txt"),
            Route::Favicon => f.write_str("/favicon.ico"),
            Route::Sitemap => f.write_str("/sitemap.xml"),
        }
    }
}

/// True for a decoded segment of a path: not empty, `.` or `..`, without control characters.
pub(super) fn is_legal_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.contains(|c: char| c.is_control() || c == '/')
}

/// Makes one URL segment from a name: NFC, lower case, letters and digits of any script kept, runs
/// of others one `-`. A name with none of them is `n-` and six hexadecimal digits of its digest.
///
/// ```
/// use dropfeed::base::route::slug;
///
/// assert_eq!(slug("Hello, World!"), "hello-world");
/// ```
pub fn slug(name: &str) -> String {
    // A library makes several for each article, most of them of ASCII, which NFC does not change.
    let mut slug = if name.is_ascii() {
        segment(name.chars().map(|c| c.to_ascii_lowercase()))
    } else {
        segment(name.nfc().flat_map(char::to_lowercase).nfc())
    };
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() {
        slug = format!("n-{:06x}", Digest::of(name.as_bytes()).prefix() >> 40);
    }
    slug
}

/// The characters with one `-` for each run of others.
fn segment(chars: impl Iterator<Item = char>) -> String {
    let mut segment = String::with_capacity(chars.size_hint().0);
    for c in chars {
        // A mark belongs to the letter before it: without its marks a word of many scripts is
        // another word.
        let is_mark =
            !c.is_ascii() && is_combining_mark(c) && !segment.is_empty() && !segment.ends_with('-');
        if c.is_alphanumeric() || is_mark {
            segment.push(c);
        } else if !segment.ends_with('-') && !segment.is_empty() {
            segment.push('-');
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slugs() {
        for (name, expected) in [
            ("My Post", "my-post"),
            ("  --Hello,   World!-- ", "hello-world"),
            ("Grüße", "grüße"),
            ("Gru\u{308}ße", "grüße"),
            ("日本語 の 記事", "日本語-の-記事"),
            ("हिन्दी", "हिन्दी"),
            ("1.0-Timeline", "1-0-timeline"),
            ("İstanbul", "i̇stanbul"),
        ] {
            assert_eq!(slug(name), expected, "{name:?}");
        }
        let empty = slug("...");
        assert!(empty.len() == 8 && empty.starts_with("n-"), "{empty}");
        assert_ne!(empty, slug("!!!"));
    }

    #[test]
    fn the_table() {
        let dir = |text| Scope::Directory(UrlPath::new(text).unwrap());
        let tag = |text| Scope::Tag(UrlPath::new(text).unwrap());
        let view = |text| Scope::View(UrlPath::new(text).unwrap());
        for (path, route) in [
            ("/", Route::Home),
            ("/rss.xml", Route::Feed(Scope::Site, Format::Rss)),
            ("/a/b/atom.xml", Route::Feed(dir("a/b"), Format::Atom)),
            (
                "/tags/rust/feed.json",
                Route::Feed(Scope::Tag(UrlPath::new("rust").unwrap()), Format::Json),
            ),
            ("/news/", Route::Index(dir("news"))),
            ("/archive/2026-11/", Route::Month(2026, 11, 1)),
            ("/archive/2026-11/12/", Route::Month(2026, 11, 12)),
            ("/archive/7/atom.xml", Route::Archive(Scope::Site, 7, Format::Atom)),
            ("/archive/a/7/rss.xml", Route::Archive(dir("a"), 7, Format::Rss)),
            ("/archive/a/1/2/feed.json", Route::Archive(dir("a/1"), 2, Format::Json)),
            ("/archive/page/2/", Route::List(Scope::Site, 2)),
            ("/tags/rust/page/2/", Route::List(tag("rust"), 2)),
            ("/views/x/page/12/", Route::List(view("x"), 12)),
            ("/archive/news/page/2/", Route::List(dir("news"), 2)),
            ("/archive/page/page/2/", Route::List(dir("page"), 2)),
            ("/archive/2026-11/page/2/", Route::List(dir("2026-11"), 2)),
            ("/archive/page/2/page/3/", Route::List(dir("page/2"), 3)),
            // A directory's own directory.
            ("/news/page/2/", Route::Index(dir("news/page/2"))),
            ("/page/2/", Route::Index(dir("page/2"))),
            ("/-/style.000000000000000000000000000000ff.css", Route::Stylesheet(255)),
            ("/a/archive/7/atom.xml", Route::Feed(dir("a/archive/7"), Format::Atom)),
            ("/tags/rust/archive/7/atom.xml", Route::Archive(tag("rust"), 7, Format::Atom)),
            ("/tags/archive/archive/1/rss.xml", Route::Archive(tag("archive"), 1, Format::Rss)),
            ("/views/x/archive/12/atom.xml", Route::Archive(view("x"), 12, Format::Atom)),
            ("/gr%C3%BC%C3%9Fe", Route::Resource(UrlPath::new("grüße").unwrap())),
            ("/img/a%20b.png", Route::Resource(UrlPath::new("img/a b.png").unwrap())),
            ("/-/healthy", Route::Healthy),
        ] {
            assert_eq!(Route::parse(path), Some(route.clone()), "{path}");
            assert_eq!(route.to_string(), path);
        }
        for none in [
            "",
            "a",
            "//",
            "/a//b",
            "/../a",
            "/%2e%2e/a",
            "/a%2fb",
            "/a%00",
            "/%ff",
            "/tags/a/b/",
            "/tags/x",
            "/archive/2026-1/",
            "/archive/2026-11/1/",
            "/archive/2026-11/0/",
            "/archive/2026-11/02/",
            "/archive/2026-11/+2/",
            "/archive/2026-11/2/2/",
            "/archive/2026-11/2",
            "/archive/page/1/",
            "/archive/page/0/",
            "/archive/page/02/",
            "/archive/page/+2/",
            "/archive/page/2",
            "/archive/page/",
            "/archive/page/99999999999/",
            "/archive/tags/rust/page/2/",
            "/archive/archive/page/2/",
            "/tags/rust/page/1/",
            "/tags/rust/page/2/page/2/",
            "/-/style.css",
            "/-/style.ff.css",
            "/-/style.000000000000000000000000000000FF.css",
            "/archive/+1/rss.xml",
            "/archive/0/rss.xml",
            "/archive/01/rss.xml",
            "/archive/99999999999999999999/rss.xml",
            "/archive/tags/rust/1/rss.xml",
            "/archive/archive/1/rss.xml",
            "/archive/a/0/rss.xml",
            "/tags/rust/archive/0/rss.xml",
            "/tags/rust/archive/rss.xml",
            "/tags/rust/other/1/rss.xml",
            "/views/x/archive/1/2/rss.xml",
            "/-/other",
            "/archive/x",
        ] {
            assert_eq!(Route::parse(none), None, "{none}");
        }
    }

    #[test]
    fn keys_join_what_a_reader_could_mistype() {
        let key = |text: &str| UrlPath::new(text).unwrap().key().as_str().to_owned();
        assert_eq!(key("News/My-Post.html"), "news/my-post");
        assert_eq!(key("NEWS/MY-POST.HTML"), "news/my-post");
        assert_eq!(key("2014/12/12/1.0-Timeline"), "2014/12/12/1-0-timeline");
        assert_eq!(key(".html"), "html");
    }

    proptest! {
        #[test]
        fn print_then_parse(path in "/(\\PC{0,3}|tags/x|views|archive|archive/1|page|page/2/|a|rss.xml|[0-9]{1,4}-?[0-9]{0,2}|archive/2026-11/[0-9]{1,2}/|/|%[0-9a-f]{2}){0,8}") {
            if let Some(route) = Route::parse(&path) {
                prop_assert_eq!(Route::parse(&route.to_string()), Some(route));
            }
        }

        #[test]
        fn a_slug_of_ascii_is_made_like_any_other(name in "[ -~]{1,20}") {
            let other = segment(name.nfc().flat_map(char::to_lowercase).nfc());
            let other = other.trim_end_matches('-');
            prop_assert!(other.is_empty() || slug(&name) == other, "{name}");
        }

        #[test]
        fn a_slug_is_its_own_slug(name in "\\PC{0,20}") {
            let once = slug(&name);
            prop_assert_eq!(slug(&once), once.clone());
            prop_assert!(is_legal_segment(&once));
        }
    }
}
