//! URL paths of front matter, under `path` and `aliases`: decoded, without a slash at their beginning.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::base::reference::walk;
use crate::base::text::is_safe;
use crate::base::{RelPath, UrlPath};

/// Bytes that a path or URL may have.
pub(crate) const ADDRESS_MAX_BYTES: usize = 2_000;

/// The meaning of a text in the place of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A path of the site; that of a directory ends with a slash.
    Path(String),
    /// A pattern of another generator, or its way to say "as usual", which cannot be used.
    Pattern,
    /// The root of the site, which is the home page's.
    Root,
    /// A whole URL. Nothing here knows the site's own, so it may be another's.
    Elsewhere,
    /// Anything else.
    Invalid,
}

/// Reads `path`, `url` or `permalink`: a path of the site.
pub(crate) fn path(text: &str) -> Address {
    let text = text.trim();
    if is_pattern(text) {
        return Address::Pattern;
    }
    if text.starts_with("//") || web_path(text).is_some() {
        return Address::Elsewhere;
    }
    match of_site(text) {
        Address::Path(path) if is_of_directory(text) => Address::Path(format!("{path}/")),
        other => other,
    }
}

/// Whether a path ends with a slash, or with the `index.html` of a directory.
fn is_of_directory(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    path.ends_with('/') || without_index(path) != path
}

fn of_site(text: &str) -> Address {
    match decoded(text) {
        Some(path) if path.is_empty() => Address::Root,
        Some(path) => Address::Path(path),
        None => Address::Invalid,
    }
}

/// Reads an alias of an article whose page is in `directory`: the paths that it may mean, decoded.
///
/// Obsidian's aliases are other names, not paths, so a text without a slash or an extension gives
/// none. A path without a slash at its beginning is relative to the article's directory, as in
/// Hugo, or to the root, as in Zola; the file does not say which. The path of a whole URL keeps its
/// slash: it begins at the root of the host, and `site.url` may have a path.
pub(crate) fn aliases(text: &str, directory: &RelPath) -> Vec<String> {
    let text = text.trim();
    let is_file = [".html", ".htm", ".php"].iter().any(|extension| text.ends_with(extension));
    if (!text.contains('/') && !is_file) || is_pattern(text) {
        return Vec::new();
    }
    let from_root = match of_site(text) {
        Address::Path(path) => Some(path),
        _ => None,
    };
    if text.starts_with("//") || text.contains("://") {
        return from_root.map(|path| format!("/{path}")).into_iter().collect();
    }
    let mut paths = Vec::new();
    if !text.starts_with('/') && !directory.is_root() {
        paths.extend(beneath(directory, text));
    }
    paths.extend(from_root);
    paths
}

/// The path that `text` names from `directory`.
fn beneath(directory: &RelPath, text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8().ok()?;
    checked(&walk(directory, &path)).filter(|path| !path.is_empty())
}

/// Whether a text is Jekyll's and Hugo's `:year`, has Eleventy's and Pelican's braces, or is the
/// name of a built-in pattern of Jekyll's.
fn is_pattern(text: &str) -> bool {
    if matches!(text, "date" | "pretty" | "ordinal" | "weekdate" | "none" | "false" | "true") {
        return true;
    }
    let has_placeholder =
        text.split("/:").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    text.starts_with(':') || text.contains(['{', '}']) || has_placeholder
}

/// The decoded path, empty for the root; `None` where the text is not a path. Of an absolute URL
/// only the path counts. A query, a fragment and the `index.html` of a directory are left out.
fn decoded(text: &str) -> Option<String> {
    let path = if text.starts_with("//") {
        web_path(&format!("https:{text}"))?
    } else if text.contains("://") {
        web_path(text)?
    } else {
        text.split(['?', '#']).next().unwrap_or_default().to_owned()
    };
    checked(&percent_decode_str(&path).decode_utf8().ok()?)
}

/// A decoded path without the `index.html` of a directory, empty for the root; `None` where it is
/// not a path.
fn checked(path: &str) -> Option<String> {
    let path = without_index(path.trim_matches('/'));
    if path.is_empty() {
        return Some(String::new());
    }
    if path.len() > ADDRESS_MAX_BYTES || !path.chars().all(is_safe) {
        return None;
    }
    Some(UrlPath::new(path)?.as_str().to_owned())
}

fn web_path(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    if matches!(url.scheme(), "http" | "https") { Some(url.path().to_owned()) } else { None }
}

fn without_index(path: &str) -> &str {
    for index in ["index.html", "index.htm"] {
        if let Some(directory) = path.strip_suffix(index)
            && (directory.is_empty() || directory.ends_with('/'))
        {
            return directory.trim_end_matches('/');
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let path_of = |text: &str| Address::Path(text.to_owned());
        for (text, expected) in [
            ("/2014/12/12/1.0-Timeline.html", path_of("2014/12/12/1.0-Timeline.html")),
            ("2014/12/12/x/", path_of("2014/12/12/x/")),
            ("2014/12/12/x?a/", path_of("2014/12/12/x")),
            ("/a/b%20c/?x#y", path_of("a/b c/")),
            ("https://example.org/a/b%20c/?x#y", Address::Elsewhere),
            ("//example.org/a", Address::Elsewhere),
            ("/gr%C3%BC%C3%9Fe", path_of("grüße")),
            ("/a/index.html", path_of("a/")),
            ("/a/myindex.html", path_of("a/myindex.html")),
            ("/a:b", path_of("a:b")),
            ("/", Address::Root),
            ("/index.html", Address::Root),
            ("https://example.org", Address::Elsewhere),
            ("/:year/:title/", Address::Pattern),
            (":slug", Address::Pattern),
            ("/{{ page.date }}/x/", Address::Pattern),
            ("pretty", Address::Pattern),
            ("false", Address::Pattern),
            ("/a//b", Address::Invalid),
            ("/../a", Address::Invalid),
            ("/a/%2e%2e/b", Address::Invalid),
            ("/a%00", Address::Invalid),
            ("/%ff", Address::Invalid),
            ("mailto://x", Address::Invalid),
        ] {
            assert_eq!(path(text), expected, "{text}");
        }
    }

    #[test]
    fn the_paths_of_aliases() {
        for (directory, text, expected) in [
            ("", "/old/post/", vec!["old/post"]),
            ("", "old.html", vec!["old.html"]),
            ("", "inside/x.html", vec!["inside/x.html"]),
            ("", "https://example.org/old", vec!["/old"]),
            ("", "//example.org/a%20b/?c", vec!["/a b"]),
            ("", "Another Name", vec![]),
            ("", "old", vec![]),
            ("", "/", vec![]),
            ("", "../old/", vec![]),
            ("", "/a//b", vec![]),
            ("posts", "/old", vec!["old"]),
            ("posts", "old.html", vec!["posts/old.html", "old.html"]),
            ("posts", "2010/a b/", vec!["posts/2010/a b", "2010/a b"]),
            ("posts/x", "../old/", vec!["posts/old"]),
            ("posts", "./100%25.html", vec!["posts/100%.html"]),
            ("posts", "old/index.html", vec!["posts/old", "old"]),
            ("posts", "https://example.org/old", vec!["/old"]),
            ("posts", "a/:slug/", vec![]),
        ] {
            let directory = RelPath::new(directory).unwrap_or_else(RelPath::root);
            assert_eq!(aliases(text, &directory), expected, "{text}");
        }
    }
}
