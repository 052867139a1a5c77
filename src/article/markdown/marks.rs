//! Obsidian's signs in running text: `==highlight==` becomes `<mark>`, and `^block-id` at the end
//! of a block leaves. Code, links' addresses and HTML keep them.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::article::signs::Signs;

use super::parser::parser;

/// One of these is before or in every highlight and id, unless the text begins with an id.
static SIGNS: Signs = Signs::new(&["==", " ^", "\n^", "\t^"]);

/// Bytes of the id of a block.
const ID_MAX_BYTES: usize = 60;

/// A piece of the source, and what takes its place.
type Edit = (Range<usize>, &'static str);

/// The text with highlights as HTML, and without ids of blocks.
pub(crate) fn marked(text: &str) -> Cow<'_, str> {
    if !SIGNS.are_in(text) && !text.starts_with('^') {
        return Cow::Borrowed(text);
    }
    let edits = edits(text);
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    for (range, replacement) in edits {
        out.push_str(&text[kept..range.start]);
        out.push_str(replacement);
        kept = range.end;
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

fn edits(text: &str) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    // The sign that may begin a highlight in this block.
    let mut open: Option<Range<usize>> = None;
    let mut last_text: Option<Range<usize>> = None;
    let mut closed = 0_usize;
    for (event, range) in parser(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Image { .. }) => closed += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::Image) => closed = closed.saturating_sub(1),
            Event::InlineHtml(html) if html.starts_with("<code") => closed += 1,
            Event::InlineHtml(html) if html.starts_with("</code") => {
                closed = closed.saturating_sub(1);
            }
            Event::Text(_) if closed == 0 => {
                for sign in signs(&text[range.clone()], range.start) {
                    let (opens, closes) = flanks(text, &sign);
                    match open.take() {
                        Some(begin) if closes => {
                            edits.push((begin, "<mark>"));
                            edits.push((sign, "</mark>"));
                        }
                        _ if opens => open = Some(sign),
                        begin => open = begin,
                    }
                }
                last_text = Some(range);
                continue;
            }
            Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::DefinitionListTitle
                | TagEnd::DefinitionListDefinition,
            ) => {
                closed = 0;
                if let Some(id) = last_text.take().and_then(|range| block_id(text, range)) {
                    edits.push((id, ""));
                }
                open = None;
            }
            Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::Item | Tag::TableCell) => {
                open = None;
            }
            _ => {}
        }
        last_text = None;
    }
    edits.sort_by_key(|(range, _)| range.start);
    edits
}

/// The places of `==` in a run of text, without longer runs.
fn signs(run: &str, start: usize) -> Vec<Range<usize>> {
    let mut signs = Vec::new();
    let bytes = run.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes[at..].iter().take_while(|byte| **byte == b'=').count();
        if len == 2 {
            signs.push(start + at..start + at + 2);
        }
        at += len.max(1);
    }
    signs
}

/// Whether a sign can begin a highlight, and whether it can end one.
fn flanks(text: &str, sign: &Range<usize>) -> (bool, bool) {
    let before = text[..sign.start].chars().next_back();
    let after = text[sign.end..].chars().next();
    let is_escaped = before == Some('\\');
    let is_space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '=');
    let opens = !is_escaped && !is_space(after) && !is_word(before);
    let closes = !is_escaped && !is_space(before) && !is_word(after);
    (opens, closes)
}

/// The id at the end of the text of a block, with the white space before it.
fn block_id(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let run = text[range.clone()].trim_end();
    let (before, id) = run.rsplit_once('^')?;
    let is_id = (2..=ID_MAX_BYTES).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && id.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_apart = match before.chars().next_back() {
        Some(c) => c.is_whitespace(),
        // At the beginning of a line.
        None => text[..range.start].chars().next_back().is_none_or(char::is_whitespace),
    };
    if !is_id || !is_apart {
        return None;
    }
    Some(range.start + before.trim_end().len()..range.start + run.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highlights_are_marks() {
        for (text, expected) in [
            ("a ==b *c*== d", "a <mark>b *c*</mark> d"),
            ("==a== (==b==), ==c d==.", "<mark>a</mark> (<mark>b</mark>), <mark>c d</mark>."),
            ("# A ==b==\n\n| ==c== |\n|-|", "# A <mark>b</mark>\n\n| <mark>c</mark> |\n|-|"),
            ("==a\nb==", "<mark>a\nb</mark>"),
            ("[==a==](b)", "[<mark>a</mark>](b)"),
        ] {
            assert_eq!(marked(text), expected);
        }
        for text in [
            "a == b == c",
            "a==b==c",
            "`==a==` and\n\n    ==b==\n\n```\n==c==\n```\n",
            "==a\n\nb==",
            "\\==a==",
            "===a===",
            "a\n==\nb",
            "<i title=\"==a==\">",
            "[a](==b==)",
            "a <code>==b==</code>",
        ] {
            assert_eq!(marked(text), text);
        }
    }

    #[test]
    fn ids_of_blocks_leave() {
        for (text, expected) in [
            ("a ^b-1\n\nc", "a\n\nc"),
            ("- a ^bc\n- d", "- a\n- d"),
            ("> a\n\n^bc\n\nd", "> a\n\n\n\nd"),
            ("# A ^bc\n", "# A\n"),
            ("==a== ^bc", "<mark>a</mark>"),
        ] {
            assert_eq!(marked(text), expected, "{text}");
        }
        for text in ["a ^b", "x ^2", "a^bc", "a ^bc d", "`a ^bc`", "a[^bc]\n\n[^bc]: d", "^ ab"] {
            assert_eq!(marked(text), text);
        }
    }
}
