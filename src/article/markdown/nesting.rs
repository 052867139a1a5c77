//! Bounds the nesting of Markdown before it is parsed: a parser looks at each open container on every line, so that
//! 50 KB of `>` would cost the square of that.

use std::borrow::Cow;

/// Columns of indentation in which one more list can be opened.
const COLUMNS_PER_LEVEL: usize = 4;

/// The text with at most `depth_max` quotes and lists opened on one line and as many levels of indentation; what is
/// deeper stands at the deepest level that is left.
pub(crate) fn flatten(text: &str, depth_max: usize) -> Cow<'_, str> {
    if !text.lines().any(|line| excess(line, depth_max).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut flat = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match excess(line, depth_max) {
            Some((from, to)) => {
                flat.push_str(&line[..from]);
                flat.push_str(&line[to..]);
            }
            None => flat.push_str(line),
        }
    }
    Cow::Owned(flat)
}

/// The bytes at a line's beginning that open containers beyond the limit.
fn excess(line: &str, depth_max: usize) -> Option<(usize, usize)> {
    let bytes = line.as_bytes();
    let (mut at, mut markers, mut columns, mut limit) = (0, 0, 0, None);
    loop {
        let gap = bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let width: usize = bytes[at..at + gap].iter().map(|byte| if *byte == b'\t' { 4 } else { 1 }).sum();
        columns += width;
        if columns > depth_max * COLUMNS_PER_LEVEL && limit.is_none() {
            limit = Some(at + gap.saturating_sub(columns - depth_max * COLUMNS_PER_LEVEL));
        }
        at += gap;
        let marker = marker_len(&bytes[at..]);
        if marker == 0 {
            return limit.map(|from| (from, at)).filter(|(from, to)| from < to);
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
    let ends = |at: usize| matches!(bytes.get(at), None | Some(b' ' | b'\t' | b'\n'));
    match bytes.first() {
        Some(b'>') => 1,
        Some(b'-' | b'+' | b'*') if ends(1) => 1,
        Some(b'0'..=b'9') => {
            let digits = bytes.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
            let is_number = matches!(bytes.get(digits), Some(b'.' | b')')) && digits < 10 && ends(digits + 1);
            if is_number { digits + 1 } else { 0 }
        }
        _ => 0,
    }
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
