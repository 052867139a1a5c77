//! Bounds the nesting of Markdown before it is parsed: a parser looks at each open container on
//! every line, so that 50 KB of `>` would cost the square of that.

use std::borrow::Cow;
use std::ops::Range;

/// Columns of indentation in which one more list can be opened.
const COLUMNS_PER_LEVEL: usize = 4;

/// Columns that a tab may take (CommonMark, 2.2).
const TAB_COLUMNS: usize = 4;

/// Flattens the text to at most `depth_max` quotes and lists opened on one line, and to as many
/// levels of indentation. What is deeper moves up to the deepest level that is left.
pub(crate) fn flatten(text: &str, depth_max: usize) -> Cow<'_, str> {
    if !text.lines().any(|line| excess(line, depth_max).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut flat = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match excess(line, depth_max) {
            Some(excess) => {
                flat.push_str(&line[..excess.start]);
                flat.push_str(&line[excess.end..]);
            }
            None => flat.push_str(line),
        }
    }
    Cow::Owned(flat)
}

/// The bytes at a line's beginning that open containers beyond the limit.
fn excess(line: &str, depth_max: usize) -> Option<Range<usize>> {
    let columns_max = depth_max * COLUMNS_PER_LEVEL;
    let (mut at, mut markers, mut columns) = (0, 0, 0);
    // The place from which nothing more may be opened.
    let mut limit = None;
    loop {
        let rest = &line[at..];
        let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        for byte in rest.bytes().take(gap) {
            columns += if byte == b'\t' { TAB_COLUMNS } else { 1 };
        }
        if columns > columns_max && limit.is_none() {
            limit = Some(at + gap.saturating_sub(columns - columns_max));
        }
        at += gap;
        let marker = marker_len(&line.as_bytes()[at..]);
        if marker == 0 {
            let from = limit?;
            return if from < at { Some(from..at) } else { None };
        }
        markers += 1;
        if markers > depth_max && limit.is_none() {
            limit = Some(at);
        }
        at += marker;
    }
}

/// The length of a container's marker: `>`, a bullet, or a number (CommonMark, 5.1 and 5.2).
fn marker_len(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'>') => 1,
        Some(b'-' | b'+' | b'*') if is_gap(bytes.get(1)) => 1,
        Some(b'0'..=b'9') => number_len(bytes),
        _ => 0,
    }
}

/// The length of a number of at most nine digits with its `.` or `)`; 0 where there is none.
fn number_len(bytes: &[u8]) -> usize {
    let mut digits = 0;
    while digits < 10 && bytes.get(digits).is_some_and(u8::is_ascii_digit) {
        digits += 1;
    }
    let is_number = digits < 10
        && matches!(bytes.get(digits), Some(b'.' | b')'))
        && is_gap(bytes.get(digits + 1));
    if is_number { digits + 1 } else { 0 }
}

fn is_gap(byte: Option<&u8>) -> bool {
    matches!(byte, None | Some(b' ' | b'\t' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_deep_changes() {
        for (text, expected) in [
            ("> > a\n- 1. b\n", "> > a\n- 1. b\n"),
            ("> > > > a\nb", "> > > a\nb"),
            (">>>>> a", ">>>a"),
            ("- - - - - a", "- - - a"),
            ("1. 2) > - a", "1. 2) > a"),
            ("              a", "            a"),
            ("*** a\n**b**", "*** a\n**b**"),
            ("1234567890. a", "1234567890. a"),
        ] {
            assert_eq!(flatten(text, 3), expected, "{text:?}");
        }
        assert!(matches!(flatten("> a\n\n- b", 3), Cow::Borrowed(_)));
    }
}
