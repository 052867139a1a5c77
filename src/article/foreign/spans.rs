//! Bracketed spans of Pandoc, djot and markdown-it: `[text]{.class}`. Their text stays.

use std::collections::HashSet;

use super::attribute_list::{self, Keys};
use super::code::code_span;
use super::reach::within;

/// A longer text in brackets is none of a span.
const TEXT_MAX_BYTES: usize = 300;

/// Brackets within brackets. Each is read again for those around it.
const NESTING_MAX: usize = 8;

/// Reads the span at the beginning of `text`, which is behind `before`: the length of what is
/// between its brackets, and that of its list of attributes.
pub(super) fn read(
    text: &str,
    before: Option<char>,
    labels: &HashSet<&str>,
) -> Option<(usize, usize)> {
    // Pictures, references and notes have brackets, too.
    if matches!(before, Some('!' | ']' | '^')) {
        return None;
    }
    let near = within(text.strip_prefix('[')?, TEXT_MAX_BYTES);
    // Most brackets are of links, which costs no more than this.
    if !near.contains("]{") {
        return None;
    }
    let end = closing_bracket(near)?;
    let inner = &near[..end];
    if inner.starts_with('^') || labels.contains(inner) {
        return None;
    }
    // Behind a letter, `[n]{x=2}` is the argument of a command of TeX.
    let keys = match before {
        Some(c) if c.is_alphanumeric() => Keys::Known,
        _ => Keys::Any,
    };
    Some((end, attribute_list::len_behind_text(&text[end + "[]".len()..], keys)?))
}

/// The place of the bracket that closes the text (CommonMark, 6.3), in the same paragraph.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\\' => at += 1,
            '`' => {
                at += code_span(&text[at..])?;
                continue;
            }
            '\n' if text[at + 1..].trim_start_matches([' ', '\t', '>']).starts_with('\n') => {
                return None;
            }
            '[' if depth == NESTING_MAX => return None,
            '[' => depth += 1,
            ']' if depth == 0 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    None
}
