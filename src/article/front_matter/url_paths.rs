//! The paths that front matter names: `path`, `aliases`. Decoded, without slashes at their ends.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::base::UrlPath;

/// The longest path or URL, in bytes.
pub(crate) const ADDRESS_MAX_BYTES: usize = 2_000;

/// What a text in the place of a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A path of the site.
    Path(String),
    /// A pattern of another generator, or its way to say "as usual": nothing that can be used.
    Pattern,
    /// The root of the site, where no article can stand.
    Root,
    /// Not a path.
    Bad,
}

/// What `path`, `url` or `permalink` says: a path of the site, as it is or within an absolute URL.
pub(crate) fn path(text: &str) -> Address {
    let text = text.trim();
    if is_pattern(text) {
        return Address::Pattern;
    }
    match decoded(text) {
        Some(path) if path.is_empty() => Address::Root,
        Some(path) => Address::Path(path),
        None => Address::Bad,
    }
}

/// What an alias says. Obsidian's aliases are other names, not paths: one without a slash or an extension is none.
pub(crate) fn alias(text: &str) -> Option<String> {
    let text = text.trim();
    let is_path = text.contains('/') || text.ends_with(".html") || text.ends_with(".htm") || text.ends_with(".php");
    match path(text) {
        Address::Path(path) if is_path => Some(path),
        _ => None,
    }
}

/// Jekyll's and Hugo's `:year`, Eleventy's and Pelican's braces, and the names of Jekyll's built-in patterns.
fn is_pattern(text: &str) -> bool {
    let placeholder = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase());
    let named = matches!(text, "date" | "pretty" | "ordinal" | "weekdate" | "none" | "false" | "true");
    named || text.contains(['{', '}']) || text.split("/:").skip(1).any(placeholder) || text.starts_with(':')
}

/// The decoded path, empty for the root; none where it is no path. An absolute URL is its path, a query and a fragment
/// are left out, and so is the `index.html` of a directory.
fn decoded(text: &str) -> Option<String> {
    let from_url;
    let path = if text.contains("://") || text.starts_with("//") {
        let absolute = if text.starts_with("//") { format!("https:{text}") } else { text.to_owned() };
        from_url = Url::parse(&absolute).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        from_url.path()
    } else {
        text.split(['?', '#']).next().unwrap_or_default()
    };
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = path.trim_matches('/');
    let path = ["index.html", "index.htm"]
        .iter()
        .find_map(|index| path.strip_suffix(index))
        .map_or(path, |rest| if rest.is_empty() || rest.ends_with('/') { rest.trim_end_matches('/') } else { path });
    if path.is_empty() {
        return Some(String::new());
    }
    let legal = path.len() <= ADDRESS_MAX_BYTES && path.chars().all(crate::base::text::is_safe);
    UrlPath::new(path).filter(|_| legal).map(|path| path.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let path_of = |text: &str| Address::Path(text.to_owned());
        for (text, expected) in [
            ("/2014/12/12/1.0-Timeline.html", path_of("2014/12/12/1.0-Timeline.html")),
            ("2014/12/12/x/", path_of("2014/12/12/x")),
            ("https://example.org/a/b%20c/?x#y", path_of("a/b c")),
            ("//example.org/a", path_of("a")),
            ("/gr%C3%BC%C3%9Fe", path_of("grüße")),
            ("/a/index.html", path_of("a")),
            ("/a/myindex.html", path_of("a/myindex.html")),
            ("/a:b", path_of("a:b")),
            ("/", Address::Root),
            ("/index.html", Address::Root),
            ("https://example.org", Address::Root),
            ("/:year/:title/", Address::Pattern),
            (":slug", Address::Pattern),
            ("/{{ page.date }}/x/", Address::Pattern),
            ("pretty", Address::Pattern),
            ("false", Address::Pattern),
            ("/a//b", Address::Bad),
            ("/../a", Address::Bad),
            ("/a/%2e%2e/b", Address::Bad),
            ("/a%00", Address::Bad),
            ("/%ff", Address::Bad),
            ("mailto://x", Address::Bad),
        ] {
            assert_eq!(path(text), expected, "{text}");
        }
    }

    #[test]
    fn aliases() {
        for (text, expected) in [
            ("/old/post/", Some("old/post")),
            ("old.html", Some("old.html")),
            ("inside/x.html", Some("inside/x.html")),
            ("https://example.org/old", Some("old")),
            ("Another Name", None),
            ("old", None),
            ("/", None),
            ("../old/", None),
        ] {
            assert_eq!(alias(text).as_deref(), expected, "{text}");
        }
    }
}
