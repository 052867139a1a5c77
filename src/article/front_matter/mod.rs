//! The front matter of an article: YAML, TOML, JSON, `Key: value` lines, or none.
//!
//! This file splits it off the text, `tree` reads it whatever its syntax, and `keys` types its
//! values. Front matter and text are pieces of the file, in order.

pub(crate) mod bare;
pub(crate) mod cascade;
mod entry;
pub(crate) mod keys;
mod known;
mod people;
mod tags;
pub(crate) mod tree;
mod url_paths;
mod wiki_links;

use crate::base::path::Markup;
use crate::base::place::line_breaks;
use crate::base::{Diagnostic, Place, text};

/// The longest front matter that is read, in bytes.
pub(crate) const FRONT_MATTER_MAX_BYTES: usize = 64 * 1024;

/// A decoded file, split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// The front matter's text without its fences, and its syntax.
    pub front_matter: Option<(Syntax, &'a str)>,
    /// The line of the file on which the front matter's text begins, from 1; 1 where there is none.
    pub front_matter_line: u32,
    /// The line of the file on which `text` begins, from 1.
    pub line: u32,
    /// The text behind the front matter.
    pub text: &'a str,
}

/// The syntax of front matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Between `---` lines; the last may be `...`, the first `---yaml`.
    Yaml,
    /// Between `+++` lines, or from `---toml` to `---`.
    Toml,
    /// A `{` to its `}`, from `---json` to `---`, or without braces up to `;;;`.
    Json,
    /// `Key: value` lines up to a blank one, as Pelican and MultiMarkdown have them.
    Lines,
    /// A fence with known keys behind it that is never closed: an editor saved in the middle of it.
    /// Refused, because a draft must not be published as text.
    Unclosed,
    /// From `---js` or another language of programs to `---`. Refused, because front matter that
    /// cannot be read cannot be obeyed.
    Program,
}

/// Bytes of a key in front matter of `Key: value` lines.
const KEY_MAX_BYTES: usize = 40;

/// Splits a decoded file of this markup into front matter and text. Blank lines before the front
/// matter are accepted. Front matter without a fence is looked for in Markdown only: in plain text
/// such lines are the text. A fence that is never closed is a rule, unless a known key follows it;
/// so is a `---` whose block holds no line of the shape `key: value`.
pub fn split(text: &str, markup: Markup) -> Split<'_> {
    let whole = Split { front_matter: None, front_matter_line: 1, line: 1, text };
    let (blank, start) = leading_blank_lines(text);
    let rest = &text[start..];
    let found = match (rest.as_bytes().first(), markup) {
        (Some(b'-'), _) => yaml(rest).or_else(|| fenced_by_name(rest)).or_else(|| unclosed(rest)),
        (Some(b'+'), _) => fenced(rest, "+++", &["+++"], Syntax::Toml).or_else(|| unclosed(rest)),
        (Some(b'{'), _) => json(rest),
        (Some(b'"' | b';'), Markup::Markdown) => json_of_hexo(rest),
        (Some(b'<'), Markup::Markdown | Markup::Html) => bare::comment(rest),
        (_, Markup::Markdown) => bare::header(rest),
        _ => None,
    };
    let Some((syntax, inner, after)) = found else { return whole };
    let front_matter_offset = text.len() - rest.len() + offset_in(rest, inner);
    Split {
        front_matter: Some((syntax, inner)),
        front_matter_line: 1 + blank + line_breaks(&text[start..front_matter_offset]),
        line: 1 + blank + line_breaks(&rest[..rest.len() - after.len()]),
        text: after,
    }
}

/// The finding that front matter cannot be used, with the line of it at `place` (of the file)
/// shown.
pub(crate) fn fault(split: &Split<'_>, place: Place, message: &str) -> Diagnostic {
    let front_matter = split.front_matter.map_or("", |(_, front_matter)| front_matter);
    let n = place.line.saturating_sub(split.front_matter_line) as usize;
    let shown = text::line(front_matter.lines().nth(n).unwrap_or_default());
    let shown = text::excerpt(&shown, 100);
    let message = if shown.is_empty() {
        message.to_owned()
    } else {
        format!("{message}; the line is `{shown}`")
    };
    Diagnostic::error("front-matter", message).at(place.line, place.column)
}

/// The syntax, the front matter without its fences, and the text behind it.
type Pieces<'a> = Option<(Syntax, &'a str, &'a str)>;

/// The number of blank lines at the beginning of `text`, and the beginning of the first other line.
fn leading_blank_lines(text: &str) -> (u32, usize) {
    let (mut count, mut start) = (0, 0);
    for line in text.split_inclusive('\n') {
        if !line.trim_matches('\u{feff}').trim().is_empty() {
            break;
        }
        start += line.len();
        count += u32::from(line.ends_with('\n'));
    }
    // A byte order mark may be left behind blank lines where files were concatenated.
    if text[start..].starts_with('\u{feff}') {
        start += '\u{feff}'.len_utf8();
    }
    (count, start)
}

fn fenced<'a>(rest: &'a str, open: &str, close: &[&str], syntax: Syntax) -> Pieces<'a> {
    let (first, inner) = rest.split_once('\n')?;
    if first.trim_end() != open {
        return None;
    }
    let mut end = 0;
    for line in inner.split_inclusive('\n') {
        if close.contains(&line.trim_end()) {
            return Some((syntax, &inner[..end], &inner[end + line.len()..]));
        }
        end += line.len();
    }
    None
}

/// Front matter between `---` lines. What is not like YAML is text between two rules.
fn yaml(rest: &str) -> Pieces<'_> {
    let found = fenced(rest, "---", &["---", "..."], Syntax::Yaml)?;
    if is_like_yaml(found.1) { Some(found) } else { None }
}

/// Eleventy's `---json` to `---`: the first fence names the language. One that is not read here,
/// such as `---js`, makes front matter that is refused.
fn fenced_by_name(rest: &str) -> Pieces<'_> {
    let open = rest.lines().next()?;
    let syntax = match language_of(open)?.to_ascii_lowercase().as_str() {
        "json" => Syntax::Json,
        "toml" => Syntax::Toml,
        "yaml" | "yml" => Syntax::Yaml,
        _ => Syntax::Program,
    };
    fenced(rest, open.trim_end(), &["---"], syntax)
}

/// The word behind the `---` of a first fence. With a space between them only a word of small
/// letters is a language: `--- Afterwards` is text.
fn language_of(open: &str) -> Option<&str> {
    let behind = open.strip_prefix("---")?;
    let word = behind.trim();
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-'));
    let is_apart = behind.starts_with([' ', '\t']);
    if !is_word || is_apart && word.contains(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    Some(word)
}

/// A fence that is never closed, with a known key on the line behind it, or with two behind blank
/// lines and comments. All of the file is front matter then, so that nothing of it is published.
fn unclosed(rest: &str) -> Pieces<'_> {
    let (open, inner) = rest.split_once('\n')?;
    let is_fence = matches!(open.trim_end(), "---" | "+++") || language_of(open).is_some();
    if !is_fence {
        return None;
    }
    let mut lines = inner.lines();
    let first = lines.next()?;
    let is_header = if is_known_setting(first) {
        true
    } else if first.trim().is_empty() || first.starts_with('#') || first.trim() == "{" {
        let mut said = lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        said.next().is_some_and(is_known_setting) && said.next().is_some_and(is_known_setting)
    } else {
        false
    };
    if is_header { Some((Syntax::Unclosed, inner, "")) } else { None }
}

/// Whether a line sets a key that is known, in YAML, TOML, JSON or JavaScript.
fn is_known_setting(line: &str) -> bool {
    let mut line = line.trim_start_matches(['{', ' ', '\t']);
    for word in ["const ", "let ", "var ", "export "] {
        line = line.strip_prefix(word).unwrap_or(line);
    }
    let Some(end) = line.find([':', '=']) else { return false };
    let (key, behind) = (line[..end].trim_end(), &line[end + 1..]);
    let is_set = behind.is_empty() || behind.starts_with([' ', '\t']) || key.ends_with('"');
    is_set && known::is_known(key.trim_matches(['"', '\'']))
}

/// Whether the text between `---` lines may be front matter: blank, comments, or a key somewhere. A
/// `=` counts too, so that TOML between the fences of YAML is reported.
fn is_like_yaml(inner: &str) -> bool {
    let mut is_empty = true;
    for line in inner.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if is_like_key(line) {
            return true;
        }
        is_empty = false;
    }
    is_empty
}

/// Whether a line begins with one word and a colon or ` = `, as prose between two rules seldom
/// does: `This is important: read it` has no key.
fn is_like_key(line: &str) -> bool {
    if line.starts_with(['"', '\'', '{', '?']) {
        return line.contains(':');
    }
    let Some(end) = key_colon(line).or_else(|| line.find(" = ")) else { return false };
    let key = line[..end].trim_end();
    key.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !key.contains(char::is_whitespace)
}

/// The first colon that ends a key in YAML: white space or nothing follows it.
fn key_colon(line: &str) -> Option<usize> {
    for (at, _) in line.match_indices(':') {
        if matches!(line.as_bytes().get(at + 1), None | Some(b' ' | b'\t')) {
            return Some(at);
        }
    }
    None
}

/// A JSON object that begins at the first byte. `{{< figure >}}` and `{% include %}` are none: a
/// key must follow the brace. One that is never closed is all the rest, so that the parser can say
/// so.
fn json(rest: &str) -> Pieces<'_> {
    let inside = rest[1..].trim_start();
    let empty = inside.starts_with('}');
    if !empty && !begins_with_key(inside) {
        return None;
    }
    let end = closing_brace(rest).unwrap_or(rest.len());
    let (front_matter, after) = rest.split_at(end);
    let line = after.split_inclusive('\n').next().unwrap_or_default();
    // `{}` before a word is no front matter: nothing is said in it, so nothing is lost.
    if empty && !line.trim().is_empty() {
        return None;
    }
    let after = if line.trim().is_empty() { &after[line.len()..] } else { after };
    Some((Syntax::Json, front_matter, after))
}

/// Hexo's JSON without braces, up to a line of semicolons.
fn json_of_hexo(rest: &str) -> Pieces<'_> {
    let inside = match rest.strip_prefix(";;;") {
        Some(behind) => behind.trim_start_matches(';').strip_prefix('\n')?,
        None => rest,
    };
    if !begins_with_key(inside.trim_start()) {
        return None;
    }
    let mut end = 0;
    for line in inside.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare.len() >= 3 && bare.bytes().all(|byte| byte == b';') {
            return Some((Syntax::Json, &inside[..end], &inside[end + line.len()..]));
        }
        end += line.len();
    }
    None
}

fn begins_with_key(inside: &str) -> bool {
    let Some(quoted) = inside.strip_prefix('"') else { return false };
    let Some(end) = string_end(quoted) else { return false };
    quoted[end..].trim_start().starts_with(':')
}

/// The end of the string that has just been opened, behind its closing quote.
fn string_end(quoted: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The end of the object at the beginning of `rest`, behind its brace. Braces in strings do not
/// count.
fn closing_brace(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = rest.as_bytes().get(at) {
        at += 1;
        match byte {
            b'"' => at += string_end(&rest[at..])?,
            b'{' => depth += 1,
            b'}' if depth <= 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The offset of `part`, a piece of `whole`, in it.
pub(crate) fn offset_in(whole: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, front_matter: Option<(Syntax, &str, u32)>, rest: &str, line: u32) {
        let split = split(text, Markup::Markdown);
        assert_eq!(
            split.front_matter.map(|(syntax, inner)| (syntax, inner, split.front_matter_line)),
            front_matter,
            "{text:?}"
        );
        assert_eq!((split.text, split.line), (rest, line), "{text:?}");
    }

    #[test]
    fn headers() {
        use Syntax::{Json, Program, Toml, Unclosed, Yaml};
        for (text, front_matter, rest, line) in [
            ("---\ntitle: a\n---\nText", (Yaml, "title: a\n", 2), "Text", 4),
            ("--- \ntitle: a\n...\nText", (Yaml, "title: a\n", 2), "Text", 4),
            ("---\n{a: b}\n---\n", (Yaml, "{a: b}\n", 2), "", 4),
            ("---\n---\nText", (Yaml, "", 2), "Text", 3),
            ("---\n# nothing yet\n---", (Yaml, "# nothing yet\n", 2), "", 3),
            ("\n \n---\na: b\n---\n\nText", (Yaml, "a: b\n", 4), "\nText", 6),
            ("---\ntitle = \"a\"\n---\nText", (Yaml, "title = \"a\"\n", 2), "Text", 4),
            ("+++\na = 1\n+++\nText", (Toml, "a = 1\n", 2), "Text", 4),
            (
                "{\"a\": \"}\\\"\", \"b\": {}}\nText",
                (Json, "{\"a\": \"}\\\"\", \"b\": {}}", 1),
                "Text",
                2,
            ),
            ("{\n  \"a\": 1\n}\n\nText", (Json, "{\n  \"a\": 1\n}", 1), "\nText", 4),
            ("\n{}\nText", (Json, "{}", 2), "Text", 3),
            ("---json\n{\"a\": 1}\n---\nText", (Json, "{\"a\": 1}\n", 2), "Text", 4),
            ("---toml\na = 1\n---\nText", (Toml, "a = 1\n", 2), "Text", 4),
            ("---yaml\na: 1\n---\nText", (Yaml, "a: 1\n", 2), "Text", 4),
            ("{\"a\": 1", (Json, "{\"a\": 1", 1), "", 1),
            ("--- yaml\na: 1\n---\nText", (Yaml, "a: 1\n", 2), "Text", 4),
            ("---js\nconst a = 1;\n---\nText", (Program, "const a = 1;\n", 2), "Text", 4),
            ("--- js\n{a: 1}\n---\nText", (Program, "{a: 1}\n", 2), "Text", 4),
            ("---Lua\na = 1\n---\nText", (Program, "a = 1\n", 2), "Text", 4),
            ("---\ntitle: a\n\nText\n", (Unclosed, "title: a\n\nText\n", 2), "", 5),
            (
                "---\n# x\n\ntitle: a\ndraft: true\n",
                (Unclosed, "# x\n\ntitle: a\ndraft: true\n", 2),
                "",
                6,
            ),
            ("---\ntitle: a\n+++\nText", (Unclosed, "title: a\n+++\nText", 2), "", 4),
            ("---\nlayout: post\n----\nText", (Unclosed, "layout: post\n----\nText", 2), "", 4),
            ("+++\ndraft = true\n", (Unclosed, "draft = true\n", 2), "", 3),
            (
                "---json\n{\n\"title\": \"a\",\n\"draft\": true\n",
                (Unclosed, "{\n\"title\": \"a\",\n\"draft\": true\n", 2),
                "",
                5,
            ),
            ("---js\nconst title = 1;\n", (Unclosed, "const title = 1;\n", 2), "", 3),
        ] {
            check(text, Some(front_matter), rest, line);
        }
    }

    #[test]
    fn no_headers() {
        for text in [
            "",
            "\n\n",
            "Text",
            "---\nText\n\nMore",
            "---\nTwo rules around a line\n---\nText",
            "---\n---x\nText",
            "---\nThis is important: read it.\n---\nText",
            "---\n- a: b\n---\nText",
            "----\na: b\n----\n",
            " ---\na: b\n---\n",
            "+++\na = 1\n",
            "---json\n{\"a\": 1}\n",
            "--- Afterwards\nText\n---\n",
            "---\n\ntitle: of a song\n\nText",
            "---\nNote: this\n\nText",
            "---js\nText\n",
            "{{< figure >}}\n",
            "{% include x %}",
            "{foo} bar",
            "{} bar",
            "{\"quoted\"} bar",
        ] {
            check(text, None, text, 1);
        }
    }

    #[test]
    fn a_fault_shows_its_line() {
        let split = split("\n---\na: 1\nb: [\n---\n", Markup::Markdown);
        let fault = fault(&split, Place { line: 4, column: 5 }, "it is never closed");
        assert_eq!(fault.to_string(), "4:5: it is never closed; the line is `b: [`");
    }

    proptest! {
        #[test]
        fn the_parts_are_pieces_of_the_whole(text in "(---|\\+\\+\\+|\\.\\.\\.|[{}\":, a=#]|\n|title: x|\u{feff}|ü){0,24}") {
            let split = split(&text, Markup::Markdown);
            prop_assert!(text.ends_with(split.text));
            let before = &text[..text.len() - split.text.len()];
            prop_assert_eq!(before.matches('\n').count() + 1, split.line as usize);
            if let Some((_, front_matter)) = split.front_matter {
                let at = offset_in(&text, front_matter);
                prop_assert_eq!(text[..at].matches('\n').count() + 1, split.front_matter_line as usize);
                prop_assert!(at + front_matter.len() <= before.len());
            }
        }
    }
}
