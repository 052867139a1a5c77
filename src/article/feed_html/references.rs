//! Links and pictures: every reference of an article becomes absolute, or symbolic
//! (see [`crate::article::symbol`]).
//!
//! A relative path is decoded and resolved against the article's directory, and otherwise kept as
//! it is written: `x.md`, `x.html`, `x` and `x/` all stay, and the library tries the meanings of
//! each. A path that leaves the article directory ends at its root. This module does not check
//! whether the target exists.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::article::symbol::{self, DRAFT_MARK, LOST};
use crate::base::RelPath;
use crate::base::media::{Element, Media};
use crate::base::reference::{encode, has_scheme, walk};
use crate::base::route::slug;

use super::{heading_ids, repair};

/// Schemes that a link in a feed may have. None of them runs code.
pub(crate) const SCHEMES: [&str; 22] = [
    "http", "https", "mailto", "tel", "sms", "xmpp", "magnet", "ftp", "ftps", "irc", "ircs",
    "gemini", "gopher", "geo", "matrix", "news", "nntp", "webcal", "feed", "sip", "sips", "urn",
];

/// Prefixes with which Pelican marks a path beneath the content directory, as written and as
/// editors encode them.
const PELICAN_PREFIXES: [&str; 9] = [
    "{filename}",
    "{static}",
    "{attach}",
    "|filename|",
    "|static|",
    "|attach|",
    "%7Bfilename%7D",
    "%7Bstatic%7D",
    "%7Battach%7D",
];

/// Resolves the references of one article.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    directory: RelPath,
    /// The directory beside the article that has its name, where some generators keep its files.
    own_folder: Option<RelPath>,
    base: Option<Url>,
}

impl Resolver {
    /// Creates the resolver of the article at `path`.
    pub(crate) fn new(path: &RelPath) -> Self {
        let directory = path.parent().unwrap_or_else(RelPath::root);
        let own_folder = directory.join(path.stem()).filter(|_| path.stem() != "index");
        Self { directory, own_folder, base: None }
    }

    /// Resolves against the `href` of a document's `<base>` from now on, if it is an absolute
    /// http(s) URL.
    #[must_use]
    pub(crate) fn with_base(mut self, href: &str) -> Self {
        self.base = match Url::parse(href.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
            _ => None,
        };
        self
    }

    /// The reference as a body has it while it is rendered; `None` if it may not be in a feed.
    pub(crate) fn resolve(&self, raw: &str) -> Option<String> {
        // A URL parser removes these characters wherever they are (WHATWG URL, 4.4), so
        // `java\nscript:` is a scheme.
        let raw: String = raw.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r' | '\0')).collect();
        let raw = raw.trim_matches(|c: char| c <= ' ');
        if raw.contains(LOST) {
            return None;
        }
        if let Some(symbol) = raw.strip_prefix(DRAFT_MARK) {
            return Some(self.symbol_in_source(symbol));
        }
        if let Some(path) = generator_path(raw) {
            return Some(match path.strip_prefix('/') {
                Some(rooted) => self.relative(&RelPath::root(), rooted),
                None => self.relative(&self.directory, path),
            });
        }
        if raw.starts_with(['{', '|']) || raw.starts_with("%7B") {
            return page_of_pelican(raw);
        }
        if let Some(path) = raw.strip_prefix("pathname:///") {
            // Docusaurus's sign for a file that its router does not know.
            return Some(self.relative(&RelPath::root(), &format!("/{path}")));
        }
        if raw.starts_with("//") {
            return absolute(&format!("https:{raw}"));
        }
        if has_scheme(raw) {
            return absolute(raw);
        }
        match &self.base {
            // A fragment alone points into the article, and not into the page at the base.
            Some(base) if !raw.starts_with('#') => {
                let url = base.join(raw).ok()?;
                Some(encode(url.as_str()).into_owned())
            }
            _ => Some(self.relative(&self.directory, raw)),
        }
    }

    /// A path that is written in `directory`.
    fn relative(&self, directory: &RelPath, raw: &str) -> String {
        let (path, suffix) = raw.split_at(raw.find(['?', '#']).unwrap_or(raw.len()));
        let suffix = encoded_suffix(suffix);
        let path = decoded(path).replace('\\', "/");
        if path.is_empty() {
            return symbol::draft("", &suffix);
        }
        if let Some(rooted) = path.strip_prefix('/') {
            return symbol::draft(&format!("/{}", walk_to(&RelPath::root(), rooted)), &suffix);
        }
        // Steps up lead to another directory, in which the rest is written.
        let (mut from, mut rest) = (directory.clone(), path.as_str());
        while let Some((step @ ("." | ".." | ""), after)) = rest.split_once('/') {
            if step == ".." {
                from = from.parent().unwrap_or_else(RelPath::root);
            }
            rest = after;
        }
        if walk(&RelPath::root(), rest).is_empty() || steps_up(rest) {
            let target = walk_to(&from, rest);
            // The root of the article directory is the site's home, which is a path of the site.
            return symbol::draft(if target.is_empty() { "/" } else { &target }, &suffix);
        }
        let rest = walk_to(&RelPath::root(), rest);
        let own_folder = self.own_folder.as_ref();
        let target = match own_folder.filter(|_| from == self.directory) {
            Some(own_folder) if is_media(&rest) => {
                symbol::seen_from_folder(own_folder.as_str(), &rest)
            }
            _ => symbol::seen_from(from.as_str(), &rest),
        };
        symbol::draft(&target, &suffix)
    }

    /// A `srcset` (HTML, 4.8.4.2.1) with its URLs resolved, without the candidates that may not be
    /// in a feed; `None` if none is left.
    pub(crate) fn srcset(&self, raw: &str) -> Option<String> {
        let mut candidates = Vec::new();
        let mut rest = raw.trim_start_matches(is_srcset_gap);
        while !rest.is_empty() {
            let (url, descriptor, after) = first_candidate(rest);
            if let Some(url) = self.resolve(url)
                && is_descriptor(descriptor)
            {
                candidates.push(if descriptor.is_empty() {
                    url
                } else {
                    format!("{url} {descriptor}")
                });
            }
            rest = after.trim_start_matches(is_srcset_gap);
        }
        if candidates.is_empty() { None } else { Some(candidates.join(", ")) }
    }

    /// A symbol that `by_name` or `by_path` put into the source; `symbol` begins after its first
    /// mark.
    fn symbol_in_source(&self, symbol: &str) -> String {
        let (target, suffix) = symbol.split_once(DRAFT_MARK).unwrap_or((symbol, ""));
        let (target, suffix) = (decoded(target), encoded_suffix(suffix));
        if target.starts_with('?') {
            symbol::draft(&symbol::seen_from(self.directory.as_str(), &target), &suffix)
        } else {
            symbol::draft(&walk_to(&RelPath::root(), &target), &suffix)
        }
    }
}

/// The element that shows a file of this name.
pub(crate) fn media_of(url: &str) -> Option<Element> {
    let path = url.trim_matches(DRAFT_MARK).split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit_once('.')?;
    Media::of_extension(extension)?.element
}

/// Whether a path is that of a picture, a recording or another file beside articles.
fn is_media(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.and_then(Media::of_extension).is_some()
}

/// The path in Pelican's `{filename}x.md`, `{static}/a.png`, `|filename|x.md`, Zola's `@/x.md`,
/// Astro's `~/x.md` and Docusaurus's `@site/x.md`: paths beneath the content directory, which is
/// the article directory here.
fn generator_path(raw: &str) -> Option<&str> {
    for sign in ["@", "~", "@site"] {
        if let Some(path) = raw.strip_prefix(sign).filter(|path| path.starts_with('/')) {
            return Some(path);
        }
    }
    PELICAN_PREFIXES.iter().find_map(|prefix| raw.strip_prefix(prefix))
}

/// The page of Pelican's `{tag}rust`, `{category}News` and `{index}`. What the other words in
/// braces mean is not known.
fn page_of_pelican(raw: &str) -> Option<String> {
    let decoded = decoded(raw);
    let (word, name) = match decoded.strip_prefix('|') {
        Some(rest) => rest.split_once('|')?,
        None => decoded.strip_prefix('{')?.split_once('}')?,
    };
    match word {
        "index" => Some(symbol::draft("/", "")),
        // Signs are written out in the address of a tag, by a table that is not known here.
        "tag" | "category" if name.chars().all(|c| c.is_alphanumeric() || c == ' ' || c == '-') => {
            Some(symbol::draft(&format!("/tags/{}/", slug(name)), ""))
        }
        _ => None,
    }
}

/// The URL, normalised; `None` if it is not valid, or its scheme is not allowed.
fn absolute(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    // `feed:https://example.org/rss` is also used. What follows `feed:` must not be another scheme,
    // such as `javascript:`, which some readers would open.
    if let Some(inner) = url.as_str().strip_prefix("feed:")
        && !["//", "http://", "https://"].iter().any(|start| inner.starts_with(start))
    {
        return None;
    }
    if !SCHEMES.contains(&url.scheme()) {
        return None;
    }
    Some(encode(url.as_str()).into_owned())
}

/// Whether a path leads out of the directory in which it is written, behind its first steps.
fn steps_up(path: &str) -> bool {
    let mut depth = 0_usize;
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// The path that `path` leads to from `directory`. A slash at the end stays, and so do `.` and `..`
/// as one.
fn walk_to(directory: &RelPath, path: &str) -> String {
    let mut target = walk(directory, path);
    let names_directory = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    if names_directory && !target.is_empty() {
        target.push('/');
    }
    target
}

/// The path, percent-decoded if the result is UTF-8, without characters that may not be in a feed.
fn decoded(path: &str) -> String {
    let text = percent_decode_str(path).decode_utf8().unwrap_or(path.into());
    repair(&text).replace(['\n', '\t'], " ")
}

/// A query and fragment (RFC 3986, 3.4 and 3.5), without characters that may not be in a feed. A
/// fragment with a space is the text of a heading, as Obsidian writes it (`#A%20heading`): no id has
/// one.
fn encoded_suffix(suffix: &str) -> String {
    if let Some((query, fragment)) = suffix.split_once('#')
        && let fragment = decoded(fragment)
        && fragment.contains(' ')
    {
        let heading = fragment.rsplit('#').next().unwrap_or_default();
        return format!("{}#{}", encode(&repair(query)), encode(&heading_ids::slug(heading)));
    }
    encode(&repair(suffix)).into_owned()
}

/// The URL and the descriptor of the first candidate of a `srcset`, and the rest of the list.
fn first_candidate(rest: &str) -> (&str, &str, &str) {
    let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
    let (url, after) = rest.split_at(end);
    let bare = url.trim_end_matches(',');
    // A comma at the end of the URL ends the candidate. Within a URL it is part of it.
    if bare.len() < url.len() {
        return (bare, "", after);
    }
    let end = after.find(',').unwrap_or(after.len());
    (url, after[..end].trim(), &after[end..])
}

fn is_srcset_gap(c: char) -> bool {
    c == ',' || c.is_ascii_whitespace()
}

fn is_descriptor(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'x' | 'w' | 'h' | ' '))
}

#[cfg(test)]
mod tests {
    use super::super::super::symbol::{by_name, by_path};
    use super::*;

    fn resolver() -> Resolver {
        Resolver::new(&RelPath::new("news/2026/a.md").unwrap())
    }

    fn check(cases: &[(&str, Option<&str>)]) {
        for (raw, expected) in cases {
            let seen = resolver().resolve(raw).map(|text| text.replace(DRAFT_MARK, "^"));
            assert_eq!(seen.as_deref(), *expected, "{raw:?}");
        }
    }

    #[test]
    fn relative_references_are_symbolic() {
        check(&[
            ("b.md", Some("^news/2026//b.md^")),
            ("../img/a.png", Some("^news//img/a.png^")),
            ("../../../../a.png", Some("^a.png^")),
            ("./b/../c.md#part two", Some("^news/2026//c.md^#part-two")),
            ("c.md#Heading%20Two", Some("^news/2026//c.md^#heading-two")),
            ("c.md?x#A%20b#C%20d", Some("^news/2026//c.md^?x#c-d")),
            ("#Local%20Head", Some("^^#local-head")),
            ("c.md#Part", Some("^news/2026//c.md^#Part")),
            ("../../img/a.png", Some("^img/a.png^")),
            ("../2026/./b.md", Some("^news//2026/b.md^")),
            (".././../b.md", Some("^b.md^")),
            ("b/../../c.md", Some("^news/c.md^")),
            ("./", Some("^news/2026/^")),
            ("b/..", Some("^news/2026/^")),
            ("b/", Some("^news/2026//b/^")),
            ("..", Some("^news/^")),
            ("../..", Some("^/^")),
            ("/", Some("^/^")),
            ("/about/", Some("^/about/^")),
            ("/a%20b?q=1&r=ü#x", Some("^/a b^?q=1&r=%C3%BC#x")),
            ("/..//a", Some("^/a^")),
            ("my%20file%2Fx.md", Some("^news/2026//my file/x.md^")),
            ("%2e%2e/%2e%2e/%2e%2e/etc", Some("^etc^")),
            ("a\\b.png", Some("^news/2026/a/.//a/b.png^")),
            ("1.png", Some("^news/2026/a/.//1.png^")),
            ("./1.png?x", Some("^news/2026/a/.//1.png^?x")),
            ("@site/static/x.md", Some("^static/x.md^")),
            ("~/x.md", Some("^x.md^")),
            ("@sitemap.md", Some("^news/2026//@sitemap.md^")),
            ("~x.md", Some("^news/2026//~x.md^")),
            ("pathname:///y", Some("^/y^")),
            ("{index}", Some("^/^")),
            ("{tag}Big Cats", Some("^/tags/big-cats/^")),
            ("%7Bcategory%7DNews", Some("^/tags/news/^")),
            ("|tag|c", Some("^/tags/c/^")),
            ("{tag}c++", None),
            ("{author}Ada", None),
            ("{photo}a.png", None),
            ("#x", Some("^^#x")),
            ("?q", Some("^^?q")),
            ("", Some("^^")),
            ("%FF.md", Some("^news/2026//%FF.md^")),
            ("a%01b%00.md", Some("^news/2026//ab.md^")),
            (" \n b.md ", Some("^news/2026//b.md^")),
            ("@/posts/x.md#y", Some("^posts/x.md^#y")),
            ("{filename}b.md", Some("^news/2026//b.md^")),
            ("{static}/img/a.png", Some("^img/a.png^")),
            ("|filename|/b.md", Some("^b.md^")),
        ]);
    }

    #[test]
    fn absolute_references_are_encoded_and_of_known_schemes() {
        check(&[
            (
                "https://example.org/ä ö?x=a b|c#d[e]",
                Some("https://example.org/%C3%A4%20%C3%B6?x=a%20b%7Cc#d%5Be%5D"),
            ),
            ("HTTP://EXAMPLE.org", Some("http://example.org/")),
            ("//cdn.example.org/a.js", Some("https://cdn.example.org/a.js")),
            ("https://bücher.example/", Some("https://xn--bcher-kva.example/")),
            ("http://[::1]:80/[a]", Some("http://[::1]/%5Ba%5D")),
            (
                "mailto:ada@example.org?subject=Hi there",
                Some("mailto:ada@example.org?subject=Hi%20there"),
            ),
            ("tel:+4930123", Some("tel:+4930123")),
            ("https://example.org/100%", Some("https://example.org/100%25")),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("\u{1}javascript:alert(1)", None),
            ("data:image/png;base64,AA", None),
            ("vbscript:x", None),
            ("feed://example.org/rss.xml", Some("feed://example.org/rss.xml")),
            ("feed:https://example.org/", Some("feed:https://example.org/")),
            ("feed:javascript:alert(1)", None),
            ("FEED:\tdata:text/html,x", None),
            ("file:///etc/passwd", None),
            ("http://", None),
        ]);
    }

    #[test]
    fn symbols_put_into_a_source_are_read_back() {
        let seen = |raw: String| resolver().resolve(&raw).unwrap().replace(DRAFT_MARK, "^");
        assert_eq!(
            seen(by_name("Other (Note)", "Part One")),
            "^news/2026//?Other (Note)^#part-one"
        );
        assert_eq!(seen(by_path("/a b/../c.md")), "^c.md^");
        assert_eq!(seen(format!("{DRAFT_MARK}?x")), "^news/2026//?x^");
    }

    #[test]
    fn a_base_moves_relative_references_alone() {
        let based = resolver().with_base("https://old.example/blog/");
        assert_eq!(based.resolve("a.png").unwrap(), "https://old.example/blog/a.png");
        assert_eq!(based.resolve("#x").unwrap(), symbol::draft("", "#x"));
    }

    #[test]
    fn srcsets() {
        let seen = |raw: &str| resolver().srcset(raw).map(|text| text.replace(DRAFT_MARK, "^"));
        assert_eq!(
            seen("a.png, /b.png 2x,https://e.org/c.png 100w").unwrap(),
            "^news/2026/a/.//a.png^, ^/b.png^ 2x, https://e.org/c.png 100w"
        );
        assert_eq!(seen("data:x 1x"), None);
        assert_eq!(seen(" , "), None);
    }
}
