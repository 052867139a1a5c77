//! Where links and pictures lead: every reference of an article becomes absolute, or symbolic (see [`crate::article::model::Body`]).
//!
//! A relative path is passed on as it is written, decoded and taken from the article's directory: `x.md`, `x.html`,
//! `x` and `x/` are all kept, and whoever resolves the reference tries what can be meant. What lies above the article
//! directory is clamped to it. Nothing here looks whether anything stands there.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::base::RelPath;

use super::{MARK, clean};

/// Schemes that a reader may be sent to. None of them runs code.
pub(crate) const SCHEMES: [&str; 22] = [
    "http", "https", "mailto", "tel", "sms", "xmpp", "magnet", "ftp", "ftps", "irc", "ircs", "gemini", "gopher", "geo",
    "matrix", "news", "nntp", "webcal", "feed", "sip", "sips", "urn",
];

/// Resolves the references of one article.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    directory: RelPath,
    base: Option<Url>,
}

impl Resolver {
    /// For the article at `path`.
    pub(crate) fn new(path: &RelPath) -> Self {
        Self { directory: path.parent().unwrap_or_else(RelPath::root), base: None }
    }

    /// The same, for a document whose `<base>` says this; only an absolute http(s) base counts.
    #[must_use]
    pub(crate) fn with_base(mut self, href: &str) -> Self {
        self.base = Url::parse(href.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        self
    }

    /// The reference as it stands in a body, with [`MARK`] for U+0001; `None` where it may not stand in a feed.
    pub(crate) fn resolve(&self, raw: &str) -> Option<String> {
        let raw: String = raw.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r' | '\0')).collect();
        let raw = raw.trim_matches(|c: char| c <= ' ');
        if let Some(symbol) = raw.strip_prefix(MARK) {
            return Some(symbol_of(symbol, &self.directory));
        }
        if let Some(path) = generator_path(raw) {
            return Some(match path.strip_prefix('/') {
                Some(rooted) => relative(&RelPath::root(), rooted),
                None => relative(&self.directory, path),
            });
        }
        if raw.starts_with("//") {
            return absolute(&format!("https:{raw}"));
        }
        if has_scheme(raw) {
            return absolute(raw);
        }
        match &self.base {
            Some(base) if !raw.starts_with('#') => base.join(raw).ok().map(|url| polish(url.as_str())),
            _ => Some(relative(&self.directory, raw)),
        }
    }

    /// A `srcset` (HTML, 4.8.4.2.1) with its URLs resolved; candidates that may not stand in a feed leave.
    pub(crate) fn srcset(&self, raw: &str) -> Option<String> {
        let mut candidates = Vec::new();
        let mut rest = raw.trim_start_matches(is_srcset_gap);
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
            let (url, after) = rest.split_at(end);
            let (url, descriptor, after) = match url.trim_end_matches(',') {
                bare if bare.len() < url.len() => (bare, "", after),
                bare => {
                    let end = after.find(',').unwrap_or(after.len());
                    (bare, after[..end].trim(), &after[end..])
                }
            };
            if let (Some(url), true) = (self.resolve(url), is_descriptor(descriptor)) {
                candidates.push(if descriptor.is_empty() { url } else { format!("{url} {descriptor}") });
            }
            rest = after.trim_start_matches(is_srcset_gap);
        }
        (!candidates.is_empty()).then(|| candidates.join(", "))
    }
}

/// What shows a file of this name.
pub(crate) fn media_of(url: &str) -> Option<&'static str> {
    let path = url.trim_matches(MARK).split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "mp3" | "m4a" | "ogg" | "oga" | "opus" | "flac" | "wav" => "audio",
        "mp4" | "m4v" | "webm" | "ogv" | "mov" => "video",
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" | "bmp" | "ico" | "heic" | "jxl" | "tiff" => "img",
        _ => return None,
    })
}

/// A symbolic reference to what stands somewhere by that name, as it is put into a source: percent-encoded, so that
/// it is one word there.
pub(crate) fn by_name(name: &str, fragment: &str) -> String {
    marked(&format!("?{name}"), fragment)
}

/// A symbolic reference to what stands at a path beneath the article directory, as it is put into a source.
pub(crate) fn by_path(path: &str) -> String {
    let (path, suffix) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    format!("{}{suffix}", marked(path.trim_start_matches('/'), ""))
}

fn marked(target: &str, fragment: &str) -> String {
    // Dots stay, so that an extension is one.
    const ENCODED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'.');
    let target = percent_encoding::utf8_percent_encode(target, ENCODED);
    let hash = if fragment.is_empty() { "" } else { "#" };
    format!("{MARK}{target}{MARK}{hash}{fragment}")
}

fn symbol_of(symbol: &str, directory: &RelPath) -> String {
    let (target, suffix) = symbol.split_once(MARK).unwrap_or((symbol, ""));
    let target = decoded(target);
    match target.strip_prefix('?') {
        // A file that is embedded stands beside the article, else anywhere by that name.
        Some(name) if media_of(name).is_some() => {
            format!("{MARK}?{}{MARK}{}", walk(directory, name), encode_suffix(suffix))
        }
        Some(name) => format!("{MARK}?{name}{MARK}{}", encode_suffix(suffix)),
        None => format!("{MARK}{}{MARK}{}", walk(&RelPath::root(), &target), encode_suffix(suffix)),
    }
}

/// Pelican's `{filename}x.md`, `{static}/a.png`, `|filename|x.md`, and Zola's `@/x.md`: paths beneath the content
/// directory, which is the article directory.
fn generator_path(raw: &str) -> Option<&str> {
    if raw.starts_with("@/") {
        return Some(&raw[1..]);
    }
    [
        "{filename}",
        "{static}",
        "{attach}",
        "|filename|",
        "|static|",
        "|attach|",
        "%7Bfilename%7D",
        "%7Bstatic%7D",
        "%7Battach%7D",
    ]
    .into_iter()
    .find_map(|prefix| raw.strip_prefix(prefix))
}

/// RFC 3986, 3.1.
fn has_scheme(raw: &str) -> bool {
    let Some((scheme, _)) = raw.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn absolute(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    // `feed:` also stands before a whole URL, which some readers then open.
    let wrapped = url.as_str().strip_prefix("feed:").filter(|inner| !inner.starts_with("//"));
    let is_sane = wrapped.is_none_or(|inner| inner.starts_with("http://") || inner.starts_with("https://"));
    (is_sane && SCHEMES.contains(&url.scheme())).then(|| polish(url.as_str()))
}

fn relative(directory: &RelPath, raw: &str) -> String {
    let (path, suffix) = raw.split_at(raw.find(['?', '#']).unwrap_or(raw.len()));
    let suffix = encode_suffix(suffix);
    let path = decoded(path).replace('\\', "/");
    if path.is_empty() {
        return format!("{MARK}{MARK}{suffix}");
    }
    let target = match path.strip_prefix('/') {
        Some(rooted) => format!("/{}", walk(&RelPath::root(), rooted)),
        None => walk(directory, &path),
    };
    // The root of the article directory is the site's home, which is a path of the site.
    let target = if target.is_empty() { "/" } else { &target };
    format!("{MARK}{target}{MARK}{suffix}")
}

/// Where `path` leads from `directory`: no `.`, no `..`, no doubled slashes; a slash at the end stays.
fn walk(directory: &RelPath, path: &str) -> String {
    let mut segments: Vec<&str> = directory.segments().collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let mut target = segments.join("/");
    let is_directory = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    if is_directory && !target.is_empty() {
        target.push('/');
    }
    target
}

/// Percent-decoded, where that gives text; without characters that may not stand in a feed.
fn decoded(path: &str) -> String {
    let text = percent_decode_str(path).decode_utf8().unwrap_or(path.into());
    clean(&text).replace(['\n', '\t'], " ")
}

/// A query and fragment: RFC 3986, 3.4 and 3.5.
fn encode_suffix(suffix: &str) -> String {
    let mut out = String::with_capacity(suffix.len());
    let mut hashes = 0;
    encode(&mut out, suffix, |c| {
        hashes += usize::from(c == '#');
        matches!(c, '/' | '?' | ':' | '@') || is_unreserved_or_sub(c) || (c == '#' && hashes == 1)
    });
    out
}

/// The `url` crate follows the WHATWG, which leaves some characters bare that RFC 3986 wants encoded.
fn polish(url: &str) -> String {
    let authority_end = url.find("://").map_or(0, |at| url[at + 3..].find('/').map_or(url.len(), |end| at + 3 + end));
    let (head, tail) = url.split_at(authority_end);
    let mut out = String::with_capacity(url.len());
    out.push_str(head);
    let mut hashes = 0;
    encode(&mut out, tail, |c| {
        hashes += usize::from(c == '#');
        matches!(c, '/' | '?' | ':' | '@') || is_unreserved_or_sub(c) || (c == '#' && hashes == 1)
    });
    out
}

fn is_unreserved_or_sub(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c)
}

/// Writes `text`, percent-encoding what `is_legal` refuses; an escape that is there stays.
fn encode(out: &mut String, text: &str, mut is_legal: impl FnMut(char) -> bool) {
    for (at, c) in text.char_indices() {
        let is_escape =
            c == '%' && text.as_bytes()[at + 1..].iter().take(2).filter(|b| b.is_ascii_hexdigit()).count() == 2;
        if is_escape || is_legal(c) {
            out.push(c);
        } else if super::legal(c).is_some() {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(percent_encoding::percent_encode_byte(byte));
            }
        }
    }
}

fn is_srcset_gap(c: char) -> bool {
    c == ',' || c.is_ascii_whitespace()
}

fn is_descriptor(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'x' | 'w' | 'h' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver() -> Resolver {
        Resolver::new(&RelPath::new("news/2026/a.md").unwrap())
    }

    fn check(cases: &[(&str, Option<&str>)]) {
        for (raw, expected) in cases {
            let seen = resolver().resolve(raw).map(|text| text.replace(MARK, "^"));
            assert_eq!(seen.as_deref(), *expected, "{raw:?}");
        }
    }

    #[test]
    fn relative_references_are_symbolic() {
        check(&[
            ("b.md", Some("^news/2026/b.md^")),
            ("../img/a.png", Some("^news/img/a.png^")),
            ("../../../../a.png", Some("^a.png^")),
            ("./b/../c.md#part two", Some("^news/2026/c.md^#part%20two")),
            ("b/", Some("^news/2026/b/^")),
            ("..", Some("^news/^")),
            ("../..", Some("^/^")),
            ("/", Some("^/^")),
            ("/about/", Some("^/about/^")),
            ("/a%20b?q=1&r=ü#x", Some("^/a b^?q=1&r=%C3%BC#x")),
            ("/..//a", Some("^/a^")),
            ("my%20file%2Fx.md", Some("^news/2026/my file/x.md^")),
            ("%2e%2e/%2e%2e/%2e%2e/etc", Some("^etc^")),
            ("a\\b.png", Some("^news/2026/a/b.png^")),
            ("#x", Some("^^#x")),
            ("?q", Some("^^?q")),
            ("", Some("^^")),
            ("%FF.md", Some("^news/2026/%FF.md^")),
            ("a%01b%00.md", Some("^news/2026/ab.md^")),
            (" \n b.md ", Some("^news/2026/b.md^")),
            ("@/posts/x.md#y", Some("^posts/x.md^#y")),
            ("{filename}b.md", Some("^news/2026/b.md^")),
            ("{static}/img/a.png", Some("^img/a.png^")),
            ("|filename|/b.md", Some("^b.md^")),
        ]);
    }

    #[test]
    fn absolute_references_are_encoded_and_of_known_schemes() {
        check(&[
            ("https://example.org/ä ö?x=a b|c#d[e]", Some("https://example.org/%C3%A4%20%C3%B6?x=a%20b%7Cc#d%5Be%5D")),
            ("HTTP://EXAMPLE.org", Some("http://example.org/")),
            ("//cdn.example.org/a.js", Some("https://cdn.example.org/a.js")),
            ("https://bücher.example/", Some("https://xn--bcher-kva.example/")),
            ("http://[::1]:80/[a]", Some("http://[::1]/%5Ba%5D")),
            ("mailto:ada@example.org?subject=Hi there", Some("mailto:ada@example.org?subject=Hi%20there")),
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
        let seen = |raw: String| resolver().resolve(&raw).unwrap().replace(MARK, "^");
        assert_eq!(seen(by_name("Other (Note)", "Part One")), "^?Other (Note)^#Part%20One");
        assert_eq!(seen(by_path("/a b/../c.md")), "^c.md^");
        assert_eq!(seen(format!("{MARK}?x")), "^?x^");
    }

    #[test]
    fn a_base_moves_relative_references_alone() {
        let based = resolver().with_base("https://old.example/blog/");
        assert_eq!(based.resolve("a.png").unwrap(), "https://old.example/blog/a.png");
        assert_eq!(based.resolve("#x").unwrap(), format!("{MARK}{MARK}#x"));
    }

    #[test]
    fn srcsets() {
        let seen = |raw: &str| resolver().srcset(raw).map(|text| text.replace(MARK, "^"));
        assert_eq!(
            seen("a.png, /b.png 2x,https://e.org/c.png 100w").unwrap(),
            "^news/2026/a.png^, ^/b.png^ 2x, https://e.org/c.png 100w"
        );
        assert_eq!(seen("data:x 1x"), None);
        assert_eq!(seen(" , "), None);
    }
}
