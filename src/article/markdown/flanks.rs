//! Bold text of Chinese, Japanese and Korean: `他说**“好”**了`. These put no spaces between words, so
//! signs beside a quotation mark, a parenthesis or a full stop are no emphasis for CommonMark (6.2),
//! and would stay as typed.
//!
//! A noncharacter between such signs and the mark beside them makes them emphasis. The writer
//! leaves it out.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::article::signs::Signs;

use super::parser::parser;

/// The noncharacter. It is no mark, no letter and no space.
pub(crate) const JOINT: char = '\u{fdde}';

/// A longer run of signs is none of emphasis.
const RUN_MAX_BYTES: usize = 3;

/// One of these is in everything that is rewritten.
static SIGNS: Signs = Signs::new(&["**", "~~"]);

/// The text with signs around Chinese, Japanese and Korean that a parser reads as its author does.
pub(crate) fn flanked(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !SIGNS.are_in(text) {
        return Cow::Borrowed(text);
    }
    let joints = joints(text);
    // What is read already is left alone.
    let Some(closed) = closed_if_unread(text, &joints) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + JOINT.len_utf8() * joints.len());
    let mut closed = closed.into_iter().peekable();
    let mut kept = 0;
    for joint in joints {
        while closed.next_if(|range| range.end <= joint).is_some() {}
        if closed.peek().is_none_or(|range| joint <= range.start) {
            out.push_str(&text[kept..joint]);
            out.push(JOINT);
            kept = joint;
        }
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// The text as its author wrote it.
pub(crate) fn without_joints(text: &str) -> Cow<'_, str> {
    if text.contains(JOINT) { Cow::Owned(text.replace(JOINT, "")) } else { Cow::Borrowed(text) }
}

/// The places between signs and a mark whose neighbour on their other side is a letter, where either
/// is Chinese, Japanese or Korean.
fn joints(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut joints = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let sign = bytes[at];
        if !matches!(sign, b'*' | b'~') {
            at += 1;
            continue;
        }
        let len = bytes[at..].iter().take_while(|byte| **byte == sign).count();
        let end = at + len;
        if (2..=RUN_MAX_BYTES).contains(&len)
            && let Some(before) = text[..at].chars().next_back()
            && let Some(after) = text[end..].chars().next()
            && before != '\\'
            && (is_cjk(before) || is_cjk(after))
        {
            match (side(before), side(after)) {
                (Side::Letter, Side::Mark) => joints.push(end),
                (Side::Mark, Side::Letter) => joints.push(at),
                _ => {}
            }
        }
        at = end;
    }
    joints
}

/// The neighbours of signs.
enum Side {
    Letter,
    Mark,
    Space,
}

fn side(c: char) -> Side {
    if c.is_whitespace() {
        Side::Space
    } else if c.is_alphanumeric() {
        Side::Letter
    } else {
        Side::Mark
    }
}

/// Whether a character is of a script without spaces between its words, or a mark of one.
fn is_cjk(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{11ff}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{a960}'..='\u{a97f}'
            | '\u{ac00}'..='\u{d7ff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe4f}'
            | '\u{ff00}'..='\u{ffef}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// The ranges in which no sign is emphasis, in order; `None` where the text has none left that is
/// not read.
fn closed_if_unread(text: &str, joints: &[usize]) -> Option<Vec<Range<usize>>> {
    if joints.is_empty() {
        return None;
    }
    let mut closed: Vec<Range<usize>> = Vec::new();
    let mut is_unread = false;
    // The end of what was seen last: behind it, in a link, is the address.
    let mut seen = 0;
    for (event, range) in parser(text).into_offset_iter() {
        match event {
            Event::Code(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::Image { .. }) => {
                closed.push(range.clone());
            }
            Event::End(TagEnd::Link) if seen < range.end => closed.push(seen..range.end),
            Event::Text(_) => {
                let is_closed = closed.last().is_some_and(|last| range.start < last.end);
                is_unread |= !is_closed && has_signs(text, &range);
            }
            _ => {}
        }
        if !matches!(event, Event::Start(_)) {
            seen = range.end;
        }
    }
    if is_unread { Some(closed) } else { None }
}

/// Whether a run of text has signs in it, or is one of two.
fn has_signs(text: &str, range: &Range<usize>) -> bool {
    let near = range.start.saturating_sub(1)..(range.end + 1).min(text.len());
    text.as_bytes()[near].windows(2).any(|pair| matches!(pair, b"**" | b"~~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_beside_marks_are_joined() {
        for (text, expected) in [
            ("他说**“好”**了。", "他说**|“好”|**了。"),
            ("是**編譯（compile）**。這", "是**編譯（compile）**。這"),
            ("**提示：**看这里，**不是**（那里）", "**提示：|**看这里，|**不是**|（那里）"),
            ("これは**「重要」**です", "これは**|「重要」|**です"),
            ("이것은 **\"중요\"**입니다", "이것은 **\"중요\"|**입니다"),
            ("将**`a`**改为~~（b）~~c", "将**|`a`|**改为~~|（b）|~~c"),
            ("见**[a](b**（c)**。**", "见**|[a](b**（c)**。**"),
            ("- 他**（甲）**说 `他**（乙）**说`", "- 他**|（甲）|**说 `他**（乙）**说`"),
        ] {
            assert_eq!(flanked(text).replace(JOINT, "|"), expected, "{text}");
        }
    }

    #[test]
    fn other_signs_stay() {
        for text in [
            "a**(b)**c",
            "他**好**了",
            "他 **“好”** 了",
            "5*（甲）*2 与 王**老师，****",
            "`他**（甲）**说`",
            "```\n他**（甲）**说\n```\n",
            "<p>他**（甲）**说</p>\n",
            "他\\**（甲）\\**说",
        ] {
            assert_eq!(flanked(text), text);
        }
    }
}
