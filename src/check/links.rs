//! Where a body points: its symbolic references, what is known to stand there, and where its source says so.

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::article::symbol;
use crate::base::{Place, Route, UrlPath};
use crate::publish::Snapshot;
use crate::publish::snapshot::Found;

/// What authors and editors leave as it is in a path.
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

/// What an article wants of what it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// To lead there.
    Link,
    /// To show it: a picture, a recording.
    Show,
}

/// The references of a body, each once: what for, and to what (the text between the two marks).
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

/// The attribute whose value is under way at the end of `html`.
fn attribute(html: &str) -> &str {
    let name = html.rfind("=\"").map_or("", |end| &html[..end]);
    name.rsplit(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default()
}

/// Does anything stand where a reference points?
pub(super) fn leads_somewhere(snapshot: &Snapshot, target: &str) -> bool {
    target.is_empty() || snapshot.library.locate(target).is_some() || is_route(snapshot, target)
}

/// Is it a path of the site that is no article's: a feed, the page of a tag or a month?
fn is_route(snapshot: &Snapshot, target: &str) -> bool {
    let Some(path) = UrlPath::new(target).filter(|_| !target.starts_with('?')) else { return false };
    let slash = if target.ends_with('/') { "/" } else { "" };
    match Route::parse(&format!("/{path}{slash}")) {
        None => false,
        Some(Route::Healthy | Route::Ready | Route::Robots) => true,
        Some(route) => !matches!(snapshot.find(&route), Found::Missing | Found::Gone),
    }
}

/// Where `source` names `target`; `None` where it does so in a way that is not recognised.
pub(super) fn place(source: &str, target: &str) -> Option<Place> {
    let at = match target.strip_prefix('?') {
        Some(name) => by_name(source, name),
        None => by_path(source, target.trim_matches('/')),
    };
    at.map(|at| Place::at(source, at))
}

/// A wiki link, else the name anywhere.
fn by_name(source: &str, name: &str) -> Option<usize> {
    source.find(&format!("[[{name}")).map(|at| at + 2).or_else(|| source.find(name)).filter(|_| !name.is_empty())
}

fn by_path(source: &str, path: &str) -> Option<usize> {
    let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    let encoded = utf8_percent_encode(name, PATH).to_string();
    let first =
        |form: &str| source.match_indices(form).filter_map(|(at, _)| written(source, at, form.len(), path)).min();
    [name, encoded.as_str()].into_iter().filter_map(first).min().map(|(_, at)| at)
}

/// Where the reference begins of which `len` bytes at `at` are the last segment, if it may mean `path`; and before it,
/// whether that is doubtful: in `[x](x)` the first `x` is only what people see.
fn written(source: &str, at: usize, len: usize, path: &str) -> Option<(bool, usize)> {
    let bound = |c: char| c.is_whitespace() || "()<>[]\"'=,|{}`".contains(c);
    let start = source[..at].rfind(bound).map_or(0, |end| end + source[end..].chars().next().map_or(0, char::len_utf8));
    let before = source[..start].trim_end_matches([' ', '\t']);
    let opens = if before.len() == start {
        before.ends_with(|c: char| "(<[\"'=,|}".contains(c))
    } else {
        // `[name]: x.md`, `image: x.png`, and the second picture of a `srcset`.
        before.ends_with([':', ',', '('])
    };
    let after = &source[at + len..];
    let closes = after.chars().next().is_none_or(|c| bound(c) || "#?/".contains(c));
    let reference = percent_decode_str(&source[start..at + len]).decode_utf8().ok()?;
    (opens && closes && may_mean(&reference, path)).then_some((before.ends_with('['), start))
}

/// Could `reference`, as it is written, mean `path` from some directory?
fn may_mean(reference: &str, path: &str) -> bool {
    let mut rest = Cow::Borrowed(reference);
    while let Some(shorter) =
        ["./", "../", "/", "@/", "\\"].iter().find_map(|prefix| rest.strip_prefix(prefix).map(str::to_owned))
    {
        rest = Cow::Owned(shorter);
    }
    path.strip_suffix(rest.as_ref()).is_some_and(|before| before.is_empty() || before.ends_with('/'))
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
