//! Tables without bars around them, at once behind text: goldmark, markdown-it and GitHub end the
//! paragraph there, and the parser does so only before a bar. So the head of such a table gets one.

use std::borrow::Cow;

use super::admonitions::follow_fence;

/// The text in which the head of each table behind a paragraph begins with a bar.
pub(crate) fn with_bars(text: &str) -> Cow<'_, str> {
    if !text.contains("-|")
        && !text.contains("- |")
        && !text.contains(":|")
        && !text.contains(": |")
    {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::new();
    let mut fence = None;
    let mut has_changed = false;
    for (number, line) in lines.iter().enumerate() {
        let is_code = follow_fence(&mut fence, line);
        let before = if number > 0 { lines[number - 1] } else { "" };
        let after = lines.get(number + 1).copied().unwrap_or_default();
        if !is_code && begins_table(before, line, after) {
            let indent = line.len() - bare(line).len();
            out.push_str(&line[..indent]);
            out.push_str("| ");
            out.push_str(&line[indent..]);
            has_changed = true;
        } else {
            out.push_str(line);
        }
    }
    if has_changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// Whether a line behind text is the head of a table (GFM, 4.10), and has no bar at its beginning.
fn begins_table(before: &str, line: &str, after: &str) -> bool {
    let (head, bars) = (bare(line).trim_end(), bare(after).trim_end());
    let is_text = !before.trim().is_empty() && !bare(before).is_empty();
    let is_delimiter = bars.contains('|')
        && bars.contains('-')
        && bars.chars().all(|c| matches!(c, '-' | '|' | ':' | ' ' | '\t'));
    let is_head = head.contains('|') && !head.starts_with(['|', '#', '-', '*', '+', '<']);
    is_text && is_delimiter && is_head && cells(head) == cells(bars)
}

/// The line without its indentation and the signs of quotes.
fn bare(line: &str) -> &str {
    line.trim_start_matches([' ', '\t', '>'])
}

/// The number of cells of a row.
fn cells(row: &str) -> usize {
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').filter(|row| !row.ends_with('\\')).unwrap_or(row);
    1 + row.replace("\\|", "").matches('|').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_behind_text_get_a_bar() {
        for (text, expected) in [
            ("a\nb | c\n--|--\nd | e\n", "a\n| b | c\n--|--\nd | e\n"),
            ("> a\n> b | c |\n> :-: | - |\n", "> a\n> | b | c |\n> :-: | - |\n"),
            ("- a\n  b \\| c | d\n  --|--", "- a\n  | b \\| c | d\n  --|--"),
        ] {
            assert_eq!(with_bars(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_lines_stay() {
        for text in [
            "a | b\n--|--\nc | d\n",
            "a\n\nb | c\n--|--\n",
            "a\n| b | c |\n|--|--|\n",
            "a\nb | c\n--|--|--\n",
            "a\nb | c\nd | e -|\n",
            "```\na\nb | c\n--|--\n```\n",
            "a\n- b | c\n--|--\n",
        ] {
            assert_eq!(with_bars(text), text);
        }
    }
}
