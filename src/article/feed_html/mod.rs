//! Feed HTML, the one form in which HTML is written here: the HTML standard's own serialisation
//! (13.3), so that the writers and the sanitiser give the same bytes.
//!
//! Only characters that a feed can contain are written. The functions that scan HTML are for this
//! form only, never for an author's HTML.

pub(crate) mod elements;
pub(crate) mod heading_ids;
pub mod invariants;
pub(crate) mod mathml;
pub(crate) mod references;

use crate::article::symbol::DRAFT_MARK;
use crate::base::text::{blocks, is_invisible, is_plain, is_safe, mapped};

/// The mark of the summary's end, until the summary is derived.
pub(crate) const MORE: char = '\u{fdd1}';

/// The marks around text that no summary begins with, until the summary is derived: the label of a
/// callout, the address of a frame, what is shown only where no scripts run. Noncharacters, as
/// [`FORMULA_START`] is.
pub(crate) const ASIDE_START: char = '\u{fddc}';
/// See [`ASIDE_START`].
pub(crate) const ASIDE_END: char = '\u{fddd}';

/// The marks around the number of a formula, until it is written as MathML. Noncharacters, which
/// are removed from every source before.
pub(crate) const FORMULA_START: char = '\u{fdda}';
/// See [`FORMULA_START`].
pub(crate) const FORMULA_END: char = '\u{fddb}';

/// The substitute for a U+FFFD of the author while the article is rendered. A U+FFFD that a parser
/// writes, as for `&#0;`, is removed.
pub(crate) const KEPT: char = '\u{fdef}';

/// The characters of Windows-1252 in place of Latin-1's C1 controls: `&#150;` has always meant a
/// dash (HTML, 13.2.5.80).
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The character as a feed can contain it; `None` if no feed can. U+FFFD is removed, since parsers
/// write it in place of characters that they cannot read ([`repair_source`] keeps the author's),
/// and so is U+FEFF, which parsers drop at the beginning of a text.
///
/// [`text::clean`](crate::base::text::clean) removes and never replaces; this function also repairs
/// mistakes of an author's program.
pub(crate) fn repair_char(c: char) -> Option<char> {
    match c {
        '\u{80}'..='\u{9f}' => {
            let meant = WINDOWS_1252[c as usize - 0x80];
            if meant == '\0' { None } else { Some(meant) }
        }
        // Vertical tab and form feed separate words, and XML allows neither.
        '\u{b}' | '\u{c}' => Some(' '),
        '\r' | '\u{feff}' | '\u{fffd}' => None,
        KEPT => Some(KEPT),
        c => is_safe(c).then_some(c),
    }
}

/// The text with every character repaired or removed.
pub(crate) fn repair(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    mapped(text, repair_char)
}

/// Repairs the source of an article. Its U+FFFD become [`KEPT`] until [`finished`].
pub(crate) fn repair_source(text: &str) -> String {
    mapped(text, repair_source_char)
}

fn repair_source_char(c: char) -> Option<char> {
    match c {
        '\u{fffd}' => Some(KEPT),
        // An author's noncharacter must not become a U+FFFD.
        KEPT => None,
        c => repair_char(c),
    }
}

/// The text with the author's U+FFFD in their places again.
pub(crate) fn finished(text: String) -> String {
    if text.contains(KEPT) { text.replace(KEPT, "\u{fffd}") } else { text }
}

/// Whether a character is a mark that no body keeps.
pub(crate) fn is_mark(c: char) -> bool {
    matches!(c, MORE | ASIDE_START | ASIDE_END)
}

/// Whether a text has something to read: a letter, a digit, or a visible sign beyond ASCII, such as
/// an emoji.
pub(crate) fn has_word(text: &str) -> bool {
    text.chars().any(is_readable)
}

fn is_readable(c: char) -> bool {
    let is_sign = !c.is_ascii() && repair_char(c).is_some();
    !is_invisible(c) && (c.is_alphanumeric() || is_sign)
}

/// Writes text content.
pub(crate) fn push_text(out: &mut String, text: &str) {
    push_escaped(out, text, escape_in_text, repair_char);
}

/// Writes an attribute with a value of plain text.
pub(crate) fn push_attribute(out: &mut String, name: &str, value: &str) {
    push_value(out, name, value, repair_char);
}

/// Writes an attribute whose value is a resolved URL, which may contain [`DRAFT_MARK`].
pub(crate) fn push_url(out: &mut String, name: &str, value: &str) {
    push_value(out, name, value, repair_url_char);
}

fn repair_url_char(c: char) -> Option<char> {
    if c == DRAFT_MARK { Some(c) } else { repair_char(c) }
}

fn push_value(out: &mut String, name: &str, value: &str, keep: impl Fn(char) -> Option<char>) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    push_escaped(out, value, escape_in_value, keep);
    out.push('"');
}

fn push_escaped(
    out: &mut String,
    text: &str,
    escape: impl Fn(char) -> Option<&'static str>,
    keep: impl Fn(char) -> Option<char>,
) {
    for block in blocks(text) {
        if is_inert(block) {
            out.push_str(block);
            continue;
        }
        for c in block.chars().filter_map(&keep) {
            match escape(c) {
                Some(reference) => out.push_str(reference),
                None => out.push(c),
            }
        }
    }
}

/// Whether every character of a block is written as it is, in text and in values. Without an early
/// end, which would prevent vectorising.
fn is_inert(block: &str) -> bool {
    let mut inert = true;
    for byte in block.bytes() {
        inert &= matches!(byte, b' '..=b'~' | b'\t' | b'\n')
            & !matches!(byte, b'&' | b'<' | b'>' | b'"');
    }
    inert
}

/// The reference for a character of text content (HTML, 13.3), if it needs one.
fn escape_in_text(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\u{a0}' => Some("&nbsp;"),
        _ => None,
    }
}

/// The reference for a character of an attribute's value, if it needs one.
fn escape_in_value(c: char) -> Option<&'static str> {
    if c == '"' { Some("&quot;") } else { escape_in_text(c) }
}

/// A part of HTML in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A start tag: its name, and its attributes, with the space before them.
    Start(&'a str, &'a str),
    /// An end tag's name.
    End(&'a str),
    /// Text, escaped.
    Text(&'a str),
}

/// Splits HTML in this form into its parts, in order.
pub(crate) fn parts(html: &str) -> Parts<'_> {
    Parts { rest: html }
}

/// The iterator of [`parts`].
pub(crate) struct Parts<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (part, after) = next_part(self.rest);
        self.rest = after;
        Some(part)
    }
}

/// Splits off the first part. A tag ends at the first `>`, because `<` and `>` are escaped
/// everywhere else.
fn next_part(html: &str) -> (Part<'_>, &str) {
    let Some(tag) = html.strip_prefix('<') else {
        let end = html.find('<').unwrap_or(html.len());
        return (Part::Text(&html[..end]), &html[end..]);
    };
    let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
    let part = match tag.strip_prefix('/') {
        Some(name) => Part::End(name),
        None => {
            let end = tag.find(' ').unwrap_or(tag.len());
            Part::Start(&tag[..end], &tag[end..])
        }
    };
    (part, after)
}

/// The attributes of a start tag in this form: names and escaped values.
pub(crate) fn attributes(text: &str) -> Attributes<'_> {
    Attributes { rest: text }
}

/// The iterator of [`attributes`].
pub(crate) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, after) = self.rest.trim_start().split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        self.rest = after;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::html::unescape;

    fn text(of: &str) -> String {
        let mut out = String::new();
        push_text(&mut out, of);
        out
    }

    #[test]
    fn text_is_escaped_as_the_standard_does() {
        assert_eq!(text("a<b>&\"c\"\u{a0}d"), "a&lt;b&gt;&amp;\"c\"&nbsp;d");
        assert_eq!(text("a\u{1}b\u{0}\u{fffd}\u{fdd0}c\rd"), "abcd");
        assert_eq!(text("\u{96}\u{92}\u{81}"), "–’");
    }

    #[test]
    fn what_was_written_is_read() {
        let mut html = String::from("<a");
        push_url(&mut html, "href", "\u{fdd0}a>b.md\u{fdd0}#\"x\"");
        push_attribute(&mut html, "title", "1 < 2\u{1}");
        html.push_str(">x</a><br>y");
        let seen: Vec<Part<'_>> = parts(&html).collect();
        assert_eq!(
            seen[1..],
            [Part::Text("x"), Part::End("a"), Part::Start("br", ""), Part::Text("y")]
        );
        let Part::Start("a", values) = seen[0] else { panic!("{:?}", seen[0]) };
        let values: Vec<(&str, String)> =
            attributes(values).map(|(name, value)| (name, unescape(value).into_owned())).collect();
        assert_eq!(
            values,
            [("href", "\u{fdd0}a>b.md\u{fdd0}#\"x\"".to_owned()), ("title", "1 < 2".to_owned())]
        );
    }
}
