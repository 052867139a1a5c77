//! Front matter without a first fence: the `Key: value` lines of Pelican and MultiMarkdown, Hexo's
//! front matter that only a last `---` closes, and Nikola's comment.
//!
//! Lines of an article must not vanish because they look like front matter, so at least one known
//! key among them is `title` or `date`. What is not front matter, and yet says that the article is
//! a draft, is reported by [`withheld`].

use super::known::{is_known, withholds};
use super::tree::{fold, key_value, tight_key_value};
use super::{Pieces, Syntax, key_colon};

/// Known keys that `Key: value` lines need: one may be the beginning of a recipe or a letter.
const KNOWN_MIN: usize = 2;

/// The front matter without a first fence with which a Markdown text begins.
pub(super) fn header(rest: &str) -> Pieces<'_> {
    closed(rest).or_else(|| lines(rest))
}

/// `Key: value` lines from the first line to the first blank one, none of any other shape among
/// them.
fn lines(rest: &str) -> Pieces<'_> {
    let mut known = Known::default();
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        match tight_key_value(line) {
            _ if end > 0 && line.starts_with([' ', '\t']) => {}
            Some((key, _)) => known.count(key),
            None => return None,
        }
        end += line.len();
    }
    if !known.has_title_or_date || known.keys < KNOWN_MIN {
        return None;
    }
    Some((Syntax::Lines, &rest[..end], &rest[end..]))
}

/// Front matter that a line of `---` or `...` closes, and no fence opens (Hexo, Python-Markdown).
fn closed(rest: &str) -> Pieces<'_> {
    let (first_key, _) = key_value(rest.lines().next()?)?;
    let is_of_hexo = first_key.starts_with(|c: char| c.is_ascii_lowercase());
    let mut known = Known::default();
    let (mut end, mut is_behind_blank, mut has_other_lines) = (0, false, false);
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return known.closed_by(is_of_hexo, has_other_lines, rest, end, line.len());
        }
        match key_in(line) {
            // A blank line may be the end of a heading's paragraph: only a known key goes on.
            Some(key) if is_behind_blank && !is_known(key) => return None,
            Some(key) => {
                known.count(key);
                has_other_lines |= key_value(line).is_none();
                is_behind_blank = false;
            }
            None if line.trim().is_empty() && is_of_hexo => is_behind_blank = true,
            None if is_behind_blank || line.trim().is_empty() => return None,
            None if line.starts_with([' ', '\t']) => {}
            None if line.starts_with(['-', '#', ']', '}']) => has_other_lines = true,
            None => return None,
        }
        end += line.len();
    }
    None
}

/// Known keys of lines that may be front matter.
#[derive(Default)]
struct Known {
    keys: usize,
    has_title_or_date: bool,
}

impl Known {
    fn count(&mut self, key: &str) {
        self.keys += usize::from(is_known(key));
        self.has_title_or_date |= matches!(fold(key).as_str(), "title" | "date");
    }

    /// The pieces of front matter that ends at `end`, with a fence of `fence_len` bytes. One line
    /// and `---` is also a heading of Markdown, so a single key has to be Hexo's.
    fn closed_by(
        self,
        is_of_hexo: bool,
        has_other_lines: bool,
        rest: &str,
        end: usize,
        fence_len: usize,
    ) -> Pieces<'_> {
        if !self.has_title_or_date || self.keys < KNOWN_MIN && !is_of_hexo {
            return None;
        }
        let syntax = if is_of_hexo || has_other_lines { Syntax::Yaml } else { Syntax::Lines };
        Some((syntax, &rest[..end], &rest[end + fence_len..]))
    }
}

/// Nikola's front matter: a comment of `.. key: value` lines.
pub(super) fn comment(rest: &str) -> Pieces<'_> {
    let inside = rest.strip_prefix("<!--")?;
    let (inner, after) = inside.split_once("-->")?;
    let mut known = Known::default();
    for line in inner.lines().filter(|line| !line.trim().is_empty()) {
        let (key, _) = key_value(line.trim_start().strip_prefix(".. ")?)?;
        known.count(key);
    }
    if known.has_title_or_date { Some((Syntax::Lines, inner, after)) } else { None }
}

/// The number, from 1, of a line at the beginning of a text without front matter that says that the
/// article is not to be published: `Status: draft`.
pub(crate) fn withheld(text: &str) -> Option<u32> {
    let mut has_begun = false;
    for (n, line) in (1_u32..).zip(text.lines()) {
        // Marks of lists and emphasis around the key and the value are nothing but dress.
        let bare: String = line.chars().filter(|c| !matches!(c, '*' | '`')).collect();
        let bare = bare.trim().trim_start_matches(['-', '>', ' ']);
        if bare.is_empty() && !has_begun {
            continue;
        }
        let (key, value) = tight_key_value(bare)?;
        let value = value.split(" #").next().unwrap_or_default();
        if withholds(&fold(key), value) {
            return Some(n);
        }
        has_begun = true;
    }
    None
}

/// The key of a line of YAML or of `Key: value` lines.
fn key_in(line: &str) -> Option<&str> {
    if let Some((key, _)) = key_value(line) {
        return Some(key);
    }
    let key = line[..key_colon(line.trim_end())?].trim_matches(['"', '\'', ' ']);
    let is_key = key.starts_with(char::is_alphabetic) && !key.contains(char::is_whitespace);
    if is_key && !line.starts_with([' ', '\t']) { Some(key) } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;
    use crate::base::path::Markup;

    /// The syntax, the front matter and the text of a Markdown file.
    #[track_caller]
    fn check(text: &str, syntax: Syntax, front_matter: &str, rest: &str) {
        let split = split(text, Markup::Markdown);
        assert_eq!(
            (split.front_matter, split.text),
            (Some((syntax, front_matter)), rest),
            "{text:?}"
        );
    }

    #[test]
    fn headers() {
        use Syntax::{Lines, Yaml};
        for (text, syntax, front_matter, rest) in [
            (
                "Title:A\nDate:2026-11-22\nStatus:draft\n\nText",
                Lines,
                "Title:A\nDate:2026-11-22\nStatus:draft\n",
                "\nText",
            ),
            (
                "Title: A: b\nDate: 2026-11-22\n\nText",
                Lines,
                "Title: A: b\nDate: 2026-11-22\n",
                "\nText",
            ),
            (
                "date: 2026-11-22\nAuthors: A\n   B\n\nx",
                Lines,
                "date: 2026-11-22\nAuthors: A\n   B\n",
                "\nx",
            ),
            ("Number: 1\nTitle: a\nDate: b\n\nx", Lines, "Number: 1\nTitle: a\nDate: b\n", "\nx"),
            ("Title: a\nStatus: draft", Lines, "Title: a\nStatus: draft", ""),
            ("title: a\ntags: [x]\n---\nText", Yaml, "title: a\ntags: [x]\n", "Text"),
            ("title: a\n---\nText", Yaml, "title: a\n", "Text"),
            (
                "title: a\n\ntags:\n- x\n# y\n---\nText",
                Yaml,
                "title: a\n\ntags:\n- x\n# y\n",
                "Text",
            ),
            ("title: a\ndate: b\n...\nText", Yaml, "title: a\ndate: b\n", "Text"),
            ("Title: A: b\nDate: c\n...\nText", Lines, "Title: A: b\nDate: c\n", "Text"),
            ("Title: A\nDate: c\n---\nText", Lines, "Title: A\nDate: c\n", "Text"),
            (
                "\n<!--\n.. title: a\n.. date: b\n-->\nText",
                Lines,
                "\n.. title: a\n.. date: b\n",
                "\nText",
            ),
        ] {
            check(text, syntax, front_matter, rest);
        }
    }

    #[test]
    fn text() {
        for text in [
            "Note: this\n\nText",
            "Title: only",
            "Title: Pie\nServes: 6\nOven: 180 C\n\nText",
            "Author: a\nTags: b\n\nText",
            "Title: a\nDate: b\nand prose\n\nText",
            "title:a\nhttps://example.org/\ndate:b\n\nText",
            "note:a\nsee:b\n\nText",
            "http://example.org/\n",
            "Date with: Ada\nTitle: x\n\n",
            "Title: a heading\n---\nText",
            "title: a\n\n- an item\n---\nText",
            "title: a\n\nText\n\n---\nText",
            "<!-- title: a -->\nText",
            "<!--\nText\n-->\nText",
        ] {
            assert_eq!(split(text, Markup::Markdown).front_matter, None, "{text:?}");
        }
        for text in ["Title: a\nDate: b\n\nText", "title: a\ndate: b\n---\nText"] {
            assert_eq!(split(text, Markup::Text).front_matter, None, "{text:?}");
            assert_eq!(split(text, Markup::Html).front_matter, None, "{text:?}");
        }
    }

    #[test]
    fn lines_that_withhold() {
        for (text, line) in [
            ("Status: draft\n\nText", Some(1)),
            ("\nAuthor: Ada\n**Status:** Draft\n\nText", Some(3)),
            ("- draft: true\n\nText", Some(1)),
            ("published: false # not yet\n\nText", Some(1)),
            ("Private: yes", Some(1)),
            ("Status:draft\n\nText", Some(1)),
            ("Title: a\nStatus:draft\n---\nText", Some(2)),
            ("https://example.org/\nStatus: draft", None),
            ("Status: done\n\nStatus: draft", None),
            ("Status: draft of a letter\n\nText", None),
            ("Text\nStatus: draft", None),
            ("", None),
        ] {
            assert_eq!(withheld(text), line, "{text:?}");
        }
    }
}
