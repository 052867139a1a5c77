//! References of a body: their targets, and their places in the source.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::article::symbol::{self, Target};
use crate::base::{Place, Route, UrlPath};
use crate::library::Lookup;
use crate::publish::Snapshot;
use crate::publish::snapshot::Found;

/// Characters to escape in a path; the others are left as they are by authors and editors.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The purpose of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// Leads to an article or page.
    Link,
    /// Shows an image, sound or video.
    Show,
}

/// Returns the references of a body, each once: the purpose, and the target (the text between the
/// two marks).
pub(super) fn references(html: &str) -> BTreeSet<(Use, String)> {
    let mut found = BTreeSet::new();
    let mut rest = html;
    while let Some(symbol) = symbol::find(rest) {
        // The attribute may begin before an earlier reference: a `srcset` has several.
        let before = html.len() - rest.len() + symbol.before.len();
        let kind = match attribute(&html[..before]) {
            "src" | "srcset" | "poster" => Use::Show,
            _ => Use::Link,
        };
        found.insert((kind, symbol.target.into_owned()));
        rest = symbol.after;
    }
    found
}

/// Returns the name of the attribute whose value contains the end of `html`.
fn attribute(html: &str) -> &str {
    let name = html.rfind("=\"").map_or("", |end| &html[..end]);
    name.rsplit(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default()
}

/// True if a reference leads to an article, an asset or a page.
pub(super) fn leads_somewhere(snapshot: &Snapshot, target: &str) -> bool {
    match snapshot.library.locate(target) {
        // By its name, a file that is not there has a URL all the same.
        Some(Route::Resource(url)) => snapshot.library.find(&url) != Lookup::Missing,
        Some(_) => true,
        None => target.is_empty() || is_route(snapshot, target),
    }
}

/// True for paths of the site that are not articles: feeds, pages of tags and months.
fn is_route(snapshot: &Snapshot, target: &str) -> bool {
    let Some(target) = symbol::path_of(target) else { return false };
    let Some(path) = UrlPath::new(&target) else { return false };
    let slash = if target.ends_with('/') { "/" } else { "" };
    match Route::parse(&format!("/{path}{slash}")) {
        None => false,
        Some(Route::Healthy | Route::Ready | Route::Robots) => true,
        Some(route) => !matches!(snapshot.find(&route), Found::Missing | Found::Gone),
    }
}

/// Finds the place where `source` names `target`; `None` if it does so in an unknown way.
pub(super) fn place(source: &str, target: &str) -> Option<Place> {
    let at = match Target::of(target) {
        Target::Name { name, .. } => by_name(source, name)?,
        _ => by_path(source, symbol::path_of(target)?.trim_matches('/'))?,
    };
    Some(Place::at(source, at))
}

/// Finds a wiki link, else the name anywhere.
fn by_name(source: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    match source.find(&format!("[[{name}")) {
        Some(at) => Some(at + 2),
        None => source.find(name),
    }
}

fn by_path(source: &str, path: &str) -> Option<usize> {
    let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name.is_empty() {
        return None;
    }
    let encoded = utf8_percent_encode(name, PATH).to_string();
    let mut best = None;
    for form in [name, &encoded] {
        for (at, _) in source.match_indices(form) {
            let Some(found) = written(source, at, form.len(), path) else { continue };
            // Certain places are better than uncertain ones; of equal ones the first is taken.
            if best.is_none_or(|best| found < best) {
                best = Some(found);
            }
        }
    }
    best.map(|(_, at)| at)
}

/// Finds the start of the reference whose last segment is the `len` bytes at `at`, if it may mean
/// `path`. Also returns whether the place is uncertain: in `[x](x)` the first `x` is only the text
/// of the link.
fn written(source: &str, at: usize, len: usize, path: &str) -> Option<(bool, usize)> {
    let mut start = at;
    for c in source[..at].chars().rev() {
        if is_delimiter(c) {
            break;
        }
        start -= c.len_utf8();
    }
    let before = source[..start].trim_end_matches([' ', '\t']);
    let opens = if before.len() == start {
        before.ends_with(|c: char| "(<[\"'=,|}".contains(c))
    } else {
        // `[name]: x.md`, `image: x.png`, and the second picture of a `srcset`.
        before.ends_with([':', ',', '('])
    };
    let after = &source[at + len..];
    let closes = after.chars().next().is_none_or(|c| is_delimiter(c) || "#?/".contains(c));
    let reference = percent_decode_str(&source[start..at + len]).decode_utf8().ok()?;
    if !opens || !closes || !may_mean(&reference, path) {
        return None;
    }
    Some((before.ends_with('['), start))
}

/// True for characters that end a reference in Markdown, HTML and front matter.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || "()<>[]\"'=,|{}`".contains(c)
}

/// True if `reference`, as it is written, can mean `path` from some directory.
fn may_mean(reference: &str, path: &str) -> bool {
    let mut rest = reference;
    while let Some(shorter) = without_prefix(rest) {
        rest = shorter;
    }
    match path.strip_suffix(rest) {
        Some(before) => before.is_empty() || before.ends_with('/'),
        None => false,
    }
}

/// Removes one step of a relative path, or the sign of a root.
fn without_prefix(reference: &str) -> Option<&str> {
    for prefix in ["./", "../", "/", "@/", "\\"] {
        if let Some(rest) = reference.strip_prefix(prefix) {
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_by_what_they_are_for() {
        let html = "<p><a class=\"x\" href=\"^a.md^#b\">x</a> <img alt=\"=&quot;\" src=\"^a &amp; b.png^\" srcset=\"^c.png^ \
                    1x, https://e/d.png 2x, ^e.png^ 3x\"><video poster=\"^f.jpg^\"></video><q cite=\"^/g/^\"></q><a \
                    href=\"^^#h\">h</a><a href=\"^a.md^\">x</a>";
        let shown: Vec<String> = references(&html.replace('^', "\u{1}"))
            .into_iter()
            .map(|(kind, target)| format!("{}{target}", if kind == Use::Show { "!" } else { "" }))
            .collect();
        assert_eq!(shown, ["", "/g/", "a.md", "!a & b.png", "!c.png", "!e.png", "!f.jpg"]);
        assert!(references("\u{1}a").is_empty());
    }

    #[test]
    fn the_place_is_where_the_source_names_it() {
        for (source, target, expected) in [
            ("x\n[a](b.md)", "news/b.md", Some((2, 5))),
            ("ü [a](../img/b.png \"t\")", "img/b.png", Some((1, 7))),
            ("b.md and [b.md](b.md#x)", "b.md", Some((1, 17))),
            ("[x](other/b.md) [y](b.md)", "news/b.md", Some((1, 21))),
            ("[x](ab.md) [y](b.md)", "b.md", Some((1, 16))),
            ("[x](b.md.bak) [y](b.md)", "b.md", Some((1, 19))),
            ("[x](my%20file.md)", "my file.md", Some((1, 5))),
            ("[x](<my file.md>)", "my file.md", Some((1, 6))),
            ("[x](m%C3%BCll.md)", "müll.md", Some((1, 5))),
            ("<img src='a/b.png' srcset=\"b1.png 1x, b2.png 2x\">", "a/b2.png", Some((1, 39))),
            ("<img src=b.png>", "b.png", Some((1, 10))),
            ("[x]: b.md", "b.md", Some((1, 6))),
            ("[b.md](b.md)", "b.md", Some((1, 8))),
            ("images: [b.png, c.png]", "b.png", Some((1, 10))),
            ("---\nimage: img/b.png\n---", "img/b.png", Some((2, 8))),
            ("see [the](/about/)", "/about/", Some((1, 11))),
            ("[[Other Note|x]]", "?Other Note", Some((1, 3))),
            ("[[Other Note|x]]", "news//?Other Note", Some((1, 3))),
            ("[x](../img/b.png)", "news//img/b.png", Some((1, 5))),
            ("[x](b.md)", "news//b.md", Some((1, 5))),
            ("{% post_url 2026-01-01-a %}", "?2026-01-01-a", Some((1, 13))),
            ("{filename}b.md ({filename}b.md)", "b.md", Some((1, 11))),
            ("a word", "a", None),
            ("", "?", None),
            ("x", "/", None),
        ] {
            let found = place(source, target).map(|place| (place.line, place.column));
            assert_eq!(found, expected, "{source:?} {target:?}");
        }
    }
}
