//! References between documents as RFC 3986 defines them: schemes, percent-encoding, and the `.`
//! and `..` of paths.

use std::borrow::Cow;
use std::fmt::Write;

use super::RelPath;

/// Whether `text` begins with a scheme and its colon (RFC 3986, 3.1).
///
/// ```
/// use dropfeed::base::reference::has_scheme;
///
/// assert!(has_scheme("mailto:ada@example.org"));
/// assert!(!has_scheme("news/10:30.md"));
/// ```
pub fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    is_scheme(scheme)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Percent-encodes every character of a URL, or of a query and fragment alone, that RFC 3986 (2)
/// does not allow. Existing escapes stay.
///
/// The WHATWG's serialisation leaves some of these characters as they are (`|`, `[`, `^`, a lone
/// `%`, a second `#`), and validators and strict parsers refuse them.
///
/// ```
/// use dropfeed::base::reference::encode;
///
/// let url = "https://example.org/a|b?c=[1]#d#e";
/// assert_eq!(encode(url), "https://example.org/a%7Cb?c=%5B1%5D#d%23e");
/// ```
pub fn encode(url: &str) -> Cow<'_, str> {
    let bytes = url.as_bytes();
    let authority_end = authority_end(url);
    let fragment = url.find('#').unwrap_or(url.len());
    let mut encoded = String::with_capacity(url.len() + 16);
    for (at, byte) in bytes.iter().enumerate() {
        let is_legal = match byte {
            b'%' => is_escape(&bytes[at..]),
            // Only the address of an IPv6 host has brackets.
            b'[' | b']' => at < authority_end,
            b'#' => at == fragment,
            byte => is_allowed(*byte),
        };
        if is_legal {
            encoded.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    // Legal bytes are ASCII and were copied, so a text of the same length is the same text.
    if encoded.len() == url.len() { Cow::Borrowed(url) } else { Cow::Owned(encoded) }
}

/// The end of the authority (RFC 3986, 3.2) of an absolute URL; 0 if it has none.
fn authority_end(url: &str) -> usize {
    let Some((scheme, rest)) = url.split_once("://") else { return 0 };
    // In `?u=http://x` the `://` belongs to a query, and no authority follows it.
    if !is_scheme(scheme) {
        return 0;
    }
    let start = url.len() - rest.len();
    start + rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// Whether the byte is unreserved (RFC 3986, 2.3), or reserved and allowed anywhere after the
/// scheme.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=".contains(&byte)
}

/// The path beneath the article directory that `path` (decoded) leads to from `directory`, without
/// `.`, `..` and doubled slashes. A path that leaves the article directory ends at its root.
///
/// ```
/// use dropfeed::base::{RelPath, reference::walk};
///
/// let news = RelPath::new("news").unwrap();
/// assert_eq!(walk(&news, "../img/./cat.png"), "img/cat.png");
/// assert_eq!(walk(&news, "../../../etc"), "etc");
/// ```
pub fn walk(directory: &RelPath, path: &str) -> String {
    let mut segments: Vec<&str> = directory.segments().collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn schemes() {
        for text in ["a:b", "http:", "web+x.y-1:z"] {
            assert!(has_scheme(text), "{text}");
        }
        for text in ["", "a", ":a", "1a:b", "a b:c", "./a:b", "?a:b"] {
            assert!(!has_scheme(text), "{text}");
        }
    }

    #[test]
    fn what_rfc_3986_has_no_place_for_is_encoded() {
        for (url, expected) in [
            ("http://[::1]:80/[a]", "http://[::1]:80/%5Ba%5D"),
            ("http://[::1]?[a]", "http://[::1]?%5Ba%5D"),
            ("https://e.org/100%?%zz%20", "https://e.org/100%25?%25zz%20"),
            ("?u=http://x[1]", "?u=http://x%5B1%5D"),
            ("#a#b ü", "#a%23b%20%C3%BC"),
            ("mailto:a@b.c?subject=Hi there", "mailto:a@b.c?subject=Hi%20there"),
        ] {
            assert_eq!(encode(url), expected);
        }
    }

    proptest! {
        #[test]
        fn encoding_twice_changes_nothing(url in "(https://a/)?[#%\\[]?\\PC{0,20}") {
            let once = encode(&url).into_owned();
            prop_assert_eq!(encode(&once), once.as_str());
            prop_assert!(once.is_ascii());
        }

        #[test]
        fn no_path_leaves_the_root(path in "(\\.|/|a|\\.\\.){0,12}") {
            let walked = walk(&RelPath::root(), &path);
            prop_assert!(RelPath::new(&walked).is_some());
        }
    }
}
