//! Code, in which nothing is a tag: code blocks and spans of Markdown, and elements of HTML.

use super::first_line;
use super::reach::within;

/// Bytes of a code span.
const SPAN_MAX_BYTES: usize = 16 * 1024;

/// Elements of HTML whose content is code: their start and end tags.
const ELEMENTS: [(&str, &str); 4] =
    [("<pre", "</pre"), ("<code", "</code"), ("<script", "</script"), ("<style", "</style")];

/// Follows Markdown line by line, as far as it tells what is code.
#[derive(Default)]
pub(super) struct Code {
    /// Set where indentation belongs to a list, and not to code.
    in_list: bool,
    after_text: bool,
    /// Ends of elements that were looked for in vain.
    endless: Vec<&'static str>,
}

impl Code {
    /// The length of the code at the beginning of `rest`; `None` where there is none.
    pub(super) fn markdown(&mut self, rest: &str, is_line_start: bool) -> Option<usize> {
        let block = if is_line_start { self.block(rest) } else { None };
        block.or_else(|| code_span(rest)).or_else(|| self.element(rest))
    }

    /// The length of the code block that begins on this line.
    fn block(&mut self, rest: &str) -> Option<usize> {
        let line = first_line(rest);
        let bare = line.trim_start_matches([' ', '\t', '>']);
        let unmarked = unmarked(bare);
        let fence = &unmarked[..unmarked.len() - unmarked.trim_start_matches(['`', '~']).len()];
        // Backticks behind the fence make a code span of it (CommonMark, 4.5).
        let is_fence = unmarked.starts_with("```") && !unmarked[fence.len()..].contains('`')
            || unmarked.starts_with("~~~");
        if is_fence {
            self.in_list |= unmarked.len() < bare.len();
            return Some(fenced_len(rest, fence));
        }
        let is_blank = line.trim().is_empty();
        let is_indented = line.starts_with("    ") || line.starts_with('\t');
        let is_code = is_indented && !self.after_text && !self.in_list && !is_blank;
        if !is_blank && !is_indented {
            let starts_list = bare
                .starts_with(|c: char| matches!(c, '-' | '*' | '+') || c.is_ascii_digit())
                || bare.starts_with(": ")
                || bare.starts_with(":\t");
            // What an admonition of MkDocs encloses is indented, too.
            let starts_block =
                ["!!! ", "??? ", "???+ ", "=== \""].iter().any(|s| bare.starts_with(s));
            // A list goes on without a blank line, or indented behind one.
            let goes_on = self.in_list && (self.after_text || line.starts_with(' '));
            self.in_list = starts_list || starts_block || goes_on;
        }
        // After indented code, the next indented line is code too.
        self.after_text = !is_blank && !is_code;
        if is_code { Some(line.len()) } else { None }
    }

    /// The length of the element of code, or the comment, that begins here and is closed.
    fn element(&mut self, rest: &str) -> Option<usize> {
        let (start, end) = element_at(rest)?;
        if self.endless.contains(&end) {
            return None;
        }
        let len = end_of(&rest[start.len()..], end);
        if len.is_none() {
            self.endless.push(end);
        }
        Some(start.len() + len?)
    }
}

/// The length of the element of code, or the comment, that begins here in HTML, where one that is
/// not closed goes on to the end.
pub(super) fn html(rest: &str) -> Option<usize> {
    let (start, end) = element_at(rest)?;
    Some(end_of(&rest[start.len()..], end).map_or(rest.len(), |len| start.len() + len))
}

/// Whether what begins here is an element that no page shows: a comment, a script or a style.
pub(super) fn is_unshown(rest: &str) -> bool {
    element_at(rest).is_some_and(|(start, _)| !matches!(start, "<pre" | "<code"))
}

/// The length of the text up to the end of the element that begins with `start`, which is open.
pub(super) fn len_to_end(start: &str, text: &str) -> Option<usize> {
    let (_, end) = element_at(start)?;
    end_of(text, end)
}

/// The beginning and the end of the element of code, or the comment, that begins here.
fn element_at(rest: &str) -> Option<(&'static str, &'static str)> {
    if rest.starts_with("<!--") {
        return Some(("<!--", "-->"));
    }
    let is_end_of_name = |c: char| c == '>' || c.is_ascii_whitespace();
    ELEMENTS.into_iter().find(|(start, _)| {
        starts_with(rest, start) && rest[start.len()..].starts_with(is_end_of_name)
    })
}

/// The end of the first `end`, however it is written. Looking for one way of writing it after
/// another could go through the whole text for each element.
fn end_of(text: &str, end: &str) -> Option<usize> {
    for (at, _) in text.match_indices(&end[..2]) {
        if starts_with(&text[at..], end) {
            return Some(at + end.len());
        }
    }
    None
}

fn starts_with(text: &str, tag: &str) -> bool {
    text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
}

/// The line without the marker of a list before it: a fence may follow it at once.
fn unmarked(bare: &str) -> &str {
    let digits = bare.trim_start_matches(|c: char| c.is_ascii_digit());
    let marker = if digits.len() < bare.len() { ['.', ')', ')'] } else { ['-', '*', '+'] };
    match digits.strip_prefix(marker) {
        Some(rest) if rest.starts_with(' ') => rest.trim_start(),
        _ => bare,
    }
}

/// The length of a fenced block (CommonMark, 4.5), its fences included.
fn fenced_len(text: &str, fence: &str) -> usize {
    let mut len = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        len += line.len();
        let bare = line.trim_start_matches([' ', '\t', '>']).trim_end();
        if number > 0
            && bare.starts_with(fence)
            && bare.bytes().all(|byte| byte == fence.as_bytes()[0])
        {
            break;
        }
    }
    len
}

/// The length of the code span that begins here (CommonMark, 6.1), or of the backticks that begin
/// none.
pub(super) fn code_span(text: &str) -> Option<usize> {
    let run = text.bytes().take_while(|byte| *byte == b'`').count();
    if run == 0 {
        return None;
    }
    let mut at = run;
    let near = within(text, SPAN_MAX_BYTES);
    while let Some(found) = near.get(at..)?.find('`') {
        if near[at..at + found].contains("\n\n") {
            break;
        }
        at += found;
        let other = near[at..].bytes().take_while(|byte| *byte == b'`').count();
        at += other;
        if other == run {
            return Some(at);
        }
    }
    Some(run)
}
