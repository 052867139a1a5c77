//! Footnotes within a line, as Pandoc, Obsidian and markdown-it have them: `^[a note]`. Each becomes
//! a reference, and a definition behind its block, which the parser knows. Code keeps them, and so
//! do links, exponents and regular expressions: `^[a](b)`, `10^[3]`, `^[a-z]+`.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::article::foreign::closing_bracket;

use super::parser::parser;

/// A longer text in brackets is no note, in bytes.
const NOTE_MAX_BYTES: usize = 2000;

/// Beginnings of notes without an end, each of which is looked for: behind so many, no note is read.
const ENDLESS_MAX: usize = 100;

/// A note in the source.
struct Note {
    range: Range<usize>,
    /// The end of the block that holds it.
    block_end: usize,
}

/// The text with the notes of its lines as footnotes.
pub(crate) fn footnoted(text: &str) -> Cow<'_, str> {
    if !text.contains("^[") {
        return Cow::Borrowed(text);
    }
    let notes = notes(text);
    if notes.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut definitions = String::new();
    let mut kept = 0;
    for (number, note) in notes.iter().enumerate() {
        out.push_str(&text[kept..note.range.start]);
        out.push_str(&format!("[^inline-note-{number}]"));
        kept = note.range.end;
        let inner = &text[note.range.start + "^[".len()..note.range.end - "]".len()];
        definitions.push_str(&format!("\n\n[^inline-note-{number}]: {}", on_one_line(inner)));
        // The definitions of a block stand together behind it.
        let is_last = notes.get(number + 1).is_none_or(|next| next.block_end != note.block_end);
        if is_last {
            out.push_str(&text[kept..note.block_end]);
            out.push_str(&std::mem::take(&mut definitions));
            out.push_str("\n\n");
            kept = note.block_end;
        }
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

fn notes(text: &str) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    let mut events = parser(text).into_offset_iter();
    let (mut depth, mut closed, mut endless) = (0_usize, 0_usize, 0);
    // The end of the last note, and the number of notes whose block has ended.
    let (mut past, mut settled) = (0, 0);
    while let Some((event, range)) = events.next() {
        match &event {
            Event::Start(Tag::CodeBlock(_) | Tag::Image { .. }) => closed += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::Image) => closed = closed.saturating_sub(1),
            _ => {}
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    for note in &mut notes[settled..] {
                        note.block_end = range.end.max(note.range.end);
                    }
                    settled = notes.len();
                }
            }
            Event::Text(_) if closed == 0 => {
                for (found, _) in text[range.clone()].match_indices('^') {
                    let at = range.start + found;
                    if at < past || endless > ENDLESS_MAX || !text[at..].starts_with("^[") {
                        continue;
                    }
                    let Some(len) = len_of_inner(text, at) else {
                        endless += 1;
                        continue;
                    };
                    let end = at + "^[".len() + len + "]".len();
                    let inner = &text[at + "^[".len()..end - "]".len()];
                    let is_label = events.reference_definitions().get(inner).is_some();
                    if !is_label && is_note(&text[..at], inner, &text[end..]) {
                        notes.push(Note { range: at..end, block_end: end });
                        past = end;
                    }
                }
            }
            _ => {}
        }
    }
    notes
}

/// The length of the text in the brackets behind the sign at this place.
fn len_of_inner(text: &str, at: usize) -> Option<usize> {
    let inner = &text[at + "^[".len()..];
    closing_bracket(&inner[..inner.floor_char_boundary(NOTE_MAX_BYTES)])
}

/// Whether what is in brackets reads as a note.
fn is_note(before: &str, inner: &str, after: &str) -> bool {
    let is_escaped = before.ends_with('\\');
    let is_other = after.starts_with(['(', '[', '+', '{']) || inner.starts_with('^');
    let is_number = inner.bytes().all(|byte| byte.is_ascii_digit());
    // One word is a note directly behind text: elsewhere it may be a regular expression.
    let is_behind_text = before.ends_with(|c: char| {
        c.is_alphanumeric()
            || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '*' | '_')
            || matches!(c, '”' | '’' | '»' | '…')
    });
    let has_words = inner.trim().contains(char::is_whitespace);
    !is_escaped && !is_other && !is_number && (has_words || is_behind_text)
}

/// The text of a note without line ends, and without the signs of the quote around it.
fn on_one_line(inner: &str) -> String {
    let mut line = String::new();
    for (number, piece) in inner.trim().split('\n').enumerate() {
        if number > 0 {
            line.push(' ');
        }
        line.push_str(if number > 0 { piece.trim_start_matches([' ', '\t', '>']) } else { piece });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::markdown;
    use crate::article::model::TitleFrom;
    use crate::article::testing::rendered;

    #[test]
    fn notes_become_footnotes() {
        for (text, expected) in [
            ("a^[b *c*] d", "a[^inline-note-0] d\n\n[^inline-note-0]: b *c*\n\n"),
            ("a.^[b]", "a.[^inline-note-0]\n\n[^inline-note-0]: b\n\n"),
            ("a ^[b c]", "a [^inline-note-0]\n\n[^inline-note-0]: b c\n\n"),
            ("a^[b [c](d) `]`]", "a[^inline-note-0]\n\n[^inline-note-0]: b [c](d) `]`\n\n"),
            (
                "a^[b]^[c]\n\nd",
                "a[^inline-note-0][^inline-note-1]\n\n\n[^inline-note-0]: b\n\n[^inline-note-1]: c\n\n\nd",
            ),
            ("> a^[b\n> c] d", "> a[^inline-note-0] d\n\n[^inline-note-0]: b c\n\n"),
            ("- a^[b]\n- c\n\nd", "- a[^inline-note-0]\n- c\n\n\n[^inline-note-0]: b\n\n\nd"),
        ] {
            assert_eq!(squeezed(&footnoted(text)), squeezed(expected), "{text:?}");
        }
    }

    /// The text with one blank line in place of several.
    fn squeezed(text: &str) -> String {
        let mut text = text.to_owned();
        while text.contains("\n\n\n") {
            text = text.replace("\n\n\n", "\n\n");
        }
        text.trim_end().to_owned()
    }

    #[test]
    fn other_brackets_stay() {
        for text in [
            "`a^[b]`",
            "```\na^[b c]\n```",
            "    a^[b c]",
            "a^[b](c)",
            "a^[b][c]\n\n[c]: d",
            "a^[b]\n\n[b]: c",
            "10^[3]",
            "match ^[a-z]+ or /^[0-9a-f]$/ or \"^[ab]\"",
            "a\\^[b c]",
            "a^[b c",
            "a^[b\n\nc]",
            "![a^[b c]](d)",
            "a[^b]\n\n[^b]: c",
        ] {
            assert_eq!(footnoted(text), text);
        }
    }

    #[test]
    fn a_note_is_written_as_other_footnotes_are() {
        let inline = rendered("a.md", "# A\n\nb^[c *d*] e[^1]\n\n[^1]: f", TitleFrom::Heading);
        let other =
            rendered("a.md", "# A\n\nb[^x] e[^1]\n\n[^x]: c *d*\n\n[^1]: f", TitleFrom::Heading);
        assert_eq!(inline.html, other.html);
        assert_eq!(inline.summary, other.summary);
        assert_eq!(markdown::outline("# A^[b c]\n\nd^[e f]").title.unwrap().0, "A");
        assert_eq!(markdown::outline("d^[e f] g").opening, "d g");
    }
}
