//! Components of MDX around Markdown: `<Note>` and `</Note>`, each alone on its line. Their text is
//! Markdown, and CommonMark would take it for HTML up to the next blank line (4.6).
//!
//! The two lines become blank, so that lines keep their numbers, and what is between them loses the
//! indentation that it has for them: it would be code. Code stays as it is.

use std::borrow::Cow;

use crate::article::feed_html::elements::{Fate, fate};

use super::admonitions::follow_fence;

/// Components inside one another.
const DEPTH_MAX: usize = 50;

/// Columns of an indented code block (CommonMark, 4.4).
const CODE_COLUMNS: usize = 4;

/// The text without the lines of components that are closed.
pub(crate) fn without_components(text: &str) -> Cow<'_, str> {
    let is_end = |at: usize| text.as_bytes().get(at + 2).is_some_and(u8::is_ascii_uppercase);
    if !text.match_indices("</").any(|(at, _)| is_end(at)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let marks = marks(&lines);
    if !marks.contains(&Mark::Begin) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut open: Vec<Open> = Vec::new();
    for (line, mark) in lines.iter().zip(marks) {
        let mut taken = open.last().map_or(0, |inner| inner.taken);
        if let Some(inner) = open.last_mut()
            && !inner.is_begun
            && mark != Mark::End
            && !line.trim().is_empty()
        {
            taken += indent_of(line).saturating_sub(inner.indent);
            *inner = Open { taken, is_begun: true, ..*inner };
        }
        match mark {
            Mark::None => out.push_str(&line[taken.min(indent_of(line))..]),
            Mark::Begin => open.push(Open { indent: indent_of(line), taken, is_begun: false }),
            Mark::End => drop(open.pop()),
        }
        if mark != Mark::None && line.ends_with('\n') {
            out.push('\n');
        }
    }
    Cow::Owned(out)
}

/// A component whose end is still to come.
#[derive(Clone, Copy)]
struct Open {
    /// The indentation of its first line.
    indent: usize,
    /// The indentation that the lines in it lose.
    taken: usize,
    /// Set once a line in it was seen.
    is_begun: bool,
}

/// The role of a line in a component that is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Begin,
    End,
}

fn marks(lines: &[&str]) -> Vec<Mark> {
    let mut marks = vec![Mark::None; lines.len()];
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut fence = None;
    for (number, line) in lines.iter().enumerate() {
        if follow_fence(&mut fence, line) || open.is_empty() && indent_of(line) >= CODE_COLUMNS {
            continue;
        }
        let Some(tag) = tag_on(line) else { continue };
        match tag.strip_prefix('/') {
            None if open.len() < DEPTH_MAX => open.push((number, tag)),
            None => {}
            Some(name) => {
                // One that is not closed stays as typed.
                let Some(at) = open.iter().rposition(|(_, begun)| *begun == name) else { continue };
                marks[open[at].0] = Mark::Begin;
                marks[number] = Mark::End;
                open.truncate(at);
            }
        }
    }
    marks
}

/// The name in the tag of a component that is alone on this line, with the slash before it in an
/// end tag. `<Foo />` encloses nothing.
fn tag_on(line: &str) -> Option<&str> {
    let inner = line.trim().strip_prefix('<')?.strip_suffix('>')?;
    if inner.contains(['<', '>']) || inner.ends_with('/') {
        return None;
    }
    let tag = inner.split_whitespace().next()?;
    let name = tag.strip_prefix('/').unwrap_or(tag);
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let is_html = !matches!(fate(&name.to_ascii_lowercase()), Fate::Unwrap(_));
    if is_name && !is_html { Some(tag) } else { None }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_components_leave() {
        for (text, expected) in [
            ("a\n<Note type=\"x\">\n*b*\n</Note>\nc\n", "a\n\n*b*\n\nc\n"),
            (
                "<Tabs>\n  <TabItem value=\"a\">\n\n    - b\n      - c\n\n  </TabItem>\n</Tabs>",
                "\n\n\n- b\n  - c\n\n\n",
            ),
            ("<A1b>\n    ```\n      c\n    ```\n</A1b>\n", "\n```\n  c\n```\n\n"),
            ("1. a\n\n   <Note>\n     b\n   </Note>\n2. c", "1. a\n\n\n   b\n\n2. c"),
            ("<Un>\n<My.Note>\nb\n</My.Note>\n", "<Un>\n\nb\n\n"),
        ] {
            assert_eq!(without_components(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_lines_stay() {
        for text in [
            "```\n<Note>\na\n</Note>\n```\n",
            "a\n\n    <Note>\n    b\n    </Note>\n",
            "<Table>\n<TR><TD>a\n</Table>\n",
            "<DIV>\na\n</DIV>\n",
            "<Note>\na\n",
            "</Note>\n",
            "<Note>a</Note>\n",
            "<details>\na\n</details> </Note>\n",
        ] {
            assert_eq!(without_components(text), text);
        }
    }

    #[test]
    fn many_cost_little() {
        for piece in ["<Ab>\n", "</Ab>\n", "<Ab>\n</Ab>\n", "  <Ab>\n", "</A"] {
            let text = piece.repeat(20_000) + "</Ab>";
            assert!(without_components(&text).len() <= text.len());
        }
    }
}
