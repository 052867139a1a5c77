//! Symbolic references: the URLs of a body that only the library knows.
//!
//! A body does not depend on the site's address and on the names of its neighbours, so a relative
//! reference is kept as a target between two U+0001: `\u{1}news//other.md\u{1}#part`. The target is
//! one of
//!
//! - `news//img/a.png`: the article or file at `img/a.png`, as it is written in the directory
//!   `news`. Where nothing is there, the library looks for it in other directories;
//! - `news/post/.//a.png`: the same for a picture in the article `news/post.md`, for which there
//!   may be a directory `news/post`;
//! - `news//?Other Note`: the article of that name, in any directory, as it is called in `news` (a
//!   wiki link, `post_url`, a `relref` without directory);
//! - `/about/`: a path of the site, decoded;
//! - nothing: the article itself.
//!
//! In the root, the directory and `//` are left out. A query or fragment follows the second U+0001
//! as plain text, percent-encoded. The target is
//! escaped like an attribute's value. A path is decoded and otherwise as its author wrote it:
//! `x.md`, `x.html`, `x` and `x/` can all mean one article, and the library tries them. A body has
//! no other U+0001, because it is removed from every text.
//!
//! While a body is rendered, U+FDD0 is used instead of U+0001: a URL parser strips control
//! characters, and would take the target for a scheme.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::base::html::unescape;

/// The character at both ends of the target of a symbolic reference in a body.
pub const MARK: char = '\u{1}';

/// The same while the body is being rendered. A noncharacter, which is removed from every source
/// before.
pub(crate) const DRAFT_MARK: char = '\u{fdd0}';

/// The mark of an address from which a template tag was removed. Without the tag it would be
/// another address, so it is dropped. A noncharacter, which is removed from every source before.
pub(crate) const LOST: char = '\u{fdd9}';

/// Percent-encoding that makes a target one word in every markup. Dots stay, so that the extension
/// can be recognised.
const ONE_WORD: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.');

/// The meaning of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// The article itself.
    Own,
    /// A path of the site, without the slash at its beginning.
    Site(&'a str),
    /// The path of an article or file.
    Path {
        /// The directory in which it is written; see [`directories`].
        directory: &'a str,
        /// The path from there, without `.` and `..`.
        path: &'a str,
    },
    /// The name of an article or asset.
    Name {
        /// The directory in which it is written.
        directory: &'a str,
        /// The name, which may have directories before it.
        name: &'a str,
    },
}

impl<'a> Target<'a> {
    /// Reads the text between two marks, unescaped.
    pub fn of(text: &'a str) -> Self {
        if text.is_empty() {
            return Target::Own;
        }
        if let Some(path) = text.strip_prefix('/') {
            return Target::Site(path);
        }
        if let Some(name) = text.strip_prefix('?') {
            return Target::Name { directory: "", name };
        }
        // No directory has `//`, so the first one ends it.
        let (directory, rest) = text.split_once("//").unwrap_or(("", text));
        match rest.strip_prefix('?') {
            Some(name) => Target::Name { directory, name },
            None => Target::Path { directory, path: rest },
        }
    }
}

/// The target `path` as it is written beside `own_folder`, which may hold it too.
pub(crate) fn seen_from_folder(own_folder: &str, path: &str) -> String {
    format!("{own_folder}/.//{path}")
}

/// The directory in which a reference is written, and the article's own one beside it.
pub fn directories(directory: &str) -> (&str, Option<&str>) {
    match directory.strip_suffix("/.") {
        Some(own_folder) => {
            (own_folder.rsplit_once('/').map_or("", |(above, _)| above), Some(own_folder))
        }
        None => (directory, None),
    }
}

/// The path beneath the article directory that a target names where it is written: for messages,
/// and for what is not there. `None` for names and the article itself.
pub fn path_of(text: &str) -> Option<String> {
    match Target::of(text) {
        Target::Own | Target::Name { .. } => None,
        Target::Site(_) => Some(text.to_owned()),
        Target::Path { directory, path } => Some(match directories(directory).0 {
            "" => path.to_owned(),
            directory => format!("{directory}/{path}"),
        }),
    }
}

/// The target `rest` (a path, or `?` and a name) as it is written in `directory`.
pub(crate) fn seen_from(directory: &str, rest: &str) -> String {
    if directory.is_empty() { rest.to_owned() } else { format!("{directory}//{rest}") }
}

/// A symbolic reference found in the HTML of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The HTML before it.
    pub before: &'a str,
    /// The target, unescaped.
    pub target: Cow<'a, str>,
    /// The HTML after it; a query or fragment comes first.
    pub after: &'a str,
}

/// Finds the first symbolic reference of `html`. A mark without a second one is ignored.
pub fn find(html: &str) -> Option<Symbol<'_>> {
    let (before, rest) = html.split_once(MARK)?;
    let (target, after) = rest.split_once(MARK)?;
    Some(Symbol { before, target: unescape(target), after })
}

/// Splits the value of an attribute into target and suffix; `None` if it is not symbolic, or has no
/// second mark.
pub(crate) fn split(value: &str) -> Option<(&str, &str)> {
    value.strip_prefix(MARK)?.split_once(MARK)
}

/// The reference to `target` in a body that is being rendered. `suffix` is its query and fragment,
/// percent-encoded.
pub(crate) fn draft(target: &str, suffix: &str) -> String {
    format!("{DRAFT_MARK}{target}{DRAFT_MARK}{suffix}")
}

/// The final form of a character of a draft.
pub(crate) fn finished(c: char) -> char {
    if c == DRAFT_MARK { MARK } else { c }
}

/// The reference to an article or file by its name, for putting into a source that is yet to be
/// parsed.
pub(crate) fn by_name(name: &str, fragment: &str) -> String {
    let hash = if fragment.is_empty() { "" } else { "#" };
    in_source(&format!("?{name}"), &format!("{hash}{fragment}"))
}

/// The reference to a path beneath the article directory, for putting into a source that is yet to
/// be parsed.
pub(crate) fn by_path(path: &str) -> String {
    let (path, suffix) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    in_source(path.trim_start_matches('/'), suffix)
}

fn in_source(target: &str, suffix: &str) -> String {
    draft(&utf8_percent_encode(target, ONE_WORD).to_string(), suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_found_in_order() {
        let first = find("<a href=\"\u{1}a &amp; b.md\u{1}#x\">\u{1}c").unwrap();
        assert_eq!(
            (first.before, &*first.target, first.after),
            ("<a href=\"", "a & b.md", "#x\">\u{1}c")
        );
        assert_eq!(find(first.after), None);
        assert_eq!(split("\u{1}a\u{1}?b"), Some(("a", "?b")));
        assert_eq!(split("\u{1}a"), None);
        assert_eq!(split("a\u{1}\u{1}"), None);
    }

    #[test]
    fn targets_are_read() {
        for (text, expected) in [
            ("", Target::Own),
            ("/", Target::Site("")),
            ("/a/", Target::Site("a/")),
            ("a/b.md", Target::Path { directory: "", path: "a/b.md" }),
            ("n/m//a/b.md", Target::Path { directory: "n/m", path: "a/b.md" }),
            ("n//", Target::Path { directory: "n", path: "" }),
            ("?A//B", Target::Name { directory: "", name: "A//B" }),
            ("n//?A//B", Target::Name { directory: "n", name: "A//B" }),
        ] {
            assert_eq!(Target::of(text), expected, "{text:?}");
        }
        assert_eq!(path_of("n/m//a/b.md").as_deref(), Some("n/m/a/b.md"));
        assert_eq!(path_of("/a").as_deref(), Some("/a"));
        assert_eq!(path_of("n/m/.//a.png").as_deref(), Some("n/a.png"));
        assert_eq!(path_of("m/.//a.png").as_deref(), Some("a.png"));
        assert_eq!(directories("n/m/."), ("n", Some("n/m")));
        assert_eq!(directories("n/m"), ("n/m", None));
        assert_eq!(path_of("n//?A"), None);
        assert_eq!(seen_from("n", "?A"), "n//?A");
        assert_eq!(seen_from("", "a.md"), "a.md");
    }

    #[test]
    fn a_symbol_in_a_source_is_one_word() {
        assert_eq!(
            by_name("Other (Note)", "part").replace(DRAFT_MARK, "^"),
            "^%3FOther%20%28Note%29^#part"
        );
        assert_eq!(by_name("a.png", "").replace(DRAFT_MARK, "^"), "^%3Fa.png^");
        assert_eq!(by_path("/a b/c.md?q#d").replace(DRAFT_MARK, "^"), "^a%20b%2Fc.md^?q#d");
    }
}
