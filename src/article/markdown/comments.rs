//! Obsidian's comments in Markdown: `%%hidden%%` within a paragraph, and whole lines between two
//! lines of `%%`. Their author relies on their being private, so they are removed before anything
//! else reads the text.
//!
//! Code keeps its percent signs, and so does a `%%` that no other one closes. Lines keep their
//! numbers where a whole block leaves.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;
use pulldown_cmark::{Event, Tag, TagEnd};

use crate::article::findings::Findings;
use crate::base::Diagnostic;
use crate::base::place::line_breaks;

use super::nesting::flatten;
use super::parser::parser;

const SIGN: &str = "%%";

/// Readings of a text, again because a block took half of some code with it.
const READINGS_MAX: usize = 8;

/// Whether there may be a comment.
pub(crate) fn may_stand_in(text: &str) -> bool {
    memmem::find_iter(text.as_bytes(), SIGN).nth(1).is_some()
}

/// The text without its comments, each of which is named. What is nested too deep to be read in
/// time must have been flattened, and must be again.
pub(crate) fn strip<'t>(text: &'t str, findings: &mut Findings) -> Cow<'t, str> {
    if !may_stand_in(text) {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    let mut layout = Layout::of(&text);
    let mut at = 0;
    for _ in 0..READINGS_MAX {
        let (rest, next) = without_blocks(&text, at, &layout, findings);
        let Some(rest) = rest else { break };
        layout = Layout::of(&rest);
        text = Cow::Owned(rest);
        let Some(next) = next else { break };
        at = next;
    }
    match without_pairs(&text, &layout, findings) {
        Some(rest) => Cow::Owned(rest),
        None => text,
    }
}

/// The places of a text where comments can be, and where not.
#[derive(Default)]
struct Layout {
    /// Code and tags, in order.
    code: Vec<Range<usize>>,
    /// Runs of text in one paragraph, heading, cell or piece of HTML, in order.
    runs: Vec<Range<usize>>,
}

impl Layout {
    fn of(text: &str) -> Self {
        let mut layout = Self::default();
        let mut run: Option<Range<usize>> = None;
        let mut in_code = false;
        for (event, range) in parser(text).into_offset_iter() {
            let is_code_block = match &event {
                Event::Start(Tag::CodeBlock(_)) => true,
                Event::Start(Tag::HtmlBlock) => is_html_code(&text[range.clone()]),
                _ => false,
            };
            if is_code_block {
                in_code = true;
                layout.code.push(range.clone());
            }
            if matches!(event, Event::Code(_) | Event::InlineHtml(_)) {
                layout.code.push(range.clone());
            }
            if is_inline(&event) && !in_code {
                run = Some(run.map_or(range.clone(), |run| run.start..run.end.max(range.end)));
            } else {
                layout.runs.extend(run.take());
            }
            in_code &= !matches!(event, Event::End(TagEnd::CodeBlock | TagEnd::HtmlBlock));
        }
        layout.runs.extend(run);
        layout
    }

    fn is_code(&self, at: usize) -> bool {
        let before = self.code.partition_point(|code| code.start <= at);
        before > 0 && at < self.code[before - 1].end
    }
}

fn is_inline(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => is_inline_end(&tag.to_end()),
        Event::End(tag) => is_inline_end(tag),
        Event::Rule => false,
        _ => true,
    }
}

fn is_inline_end(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}

/// HTML that holds code, or a comment of its own.
fn is_html_code(html: &str) -> bool {
    let html = html.trim_start();
    ["<pre", "<script", "<style", "<textarea", "<!--"]
        .iter()
        .any(|start| html.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start)))
}

/// Takes blocks out, from the line at `from` on; `None` where there is none. Where one ended in the
/// middle of code, what follows means something else, and begins at the place that comes second.
fn without_blocks(
    text: &str,
    from: usize,
    layout: &Layout,
    findings: &mut Findings,
) -> (Option<String>, Option<usize>) {
    let mut out = String::new();
    let mut kept = 0;
    let mut number = 1 + line_breaks(&text[..from]);
    let mut closers = Closers { text, no_line: false, no_end: false };
    let mut at = from;
    while at < text.len() {
        let line = first_line(&text[at..]);
        let next = at + line.len();
        let sign = at + line.len() - bare(line).len();
        let end = if layout.is_code(sign) { None } else { closers.end_of(sign, next) };
        let Some(end) = end else {
            at = next;
            number += 1;
            continue;
        };
        findings.add(found(), Some(number));
        out.push_str(&text[kept..at]);
        let prefix = text[at..sign].trim_end();
        let lines = line_breaks(&text[at..end]);
        (0..lines).for_each(|_| out.extend([prefix, "\n"]));
        number += lines;
        (kept, at) = (end, end);
        if layout.is_code(end) && end < text.len() {
            let place = out.len();
            out.push_str(&text[end..]);
            return (Some(out), Some(place));
        }
    }
    if kept == 0 {
        return (None, None);
    }
    out.push_str(&text[kept..]);
    (Some(out), None)
}

/// Looks for the ends of blocks; what was looked for in vain is not looked for again.
struct Closers<'t> {
    text: &'t str,
    /// No line of nothing but `%%` follows.
    no_line: bool,
    /// No line that ends with a `%%` of its own follows.
    no_end: bool,
}

impl Closers<'_> {
    /// The end of the block whose line holds `sign` and is followed by `next`: behind the line that
    /// closes it.
    fn end_of(&mut self, sign: usize, next: usize) -> Option<usize> {
        let opening = self.text[sign..next].strip_prefix(SIGN)?;
        if opening.trim().is_empty() && !self.no_line {
            let end = self.line_where(next, |line| bare(line).trim_end() == SIGN);
            self.no_line = end.is_none();
            if end.is_some() {
                return end;
            }
        }
        // One that is closed in the same paragraph is a pair.
        if self.no_end
            || opening.starts_with('%')
            || self.text[sign + 2..self.paragraph_end(next)].contains(SIGN)
        {
            return None;
        }
        let end = self.line_where(next, |line| {
            line.trim_end().ends_with(SIGN) && line.matches(SIGN).count() % 2 == 1
        });
        self.no_end = end.is_none();
        end
    }

    fn line_where(&self, from: usize, closes: impl Fn(&str) -> bool) -> Option<usize> {
        let mut at = from;
        for line in self.text[from..].split_inclusive('\n') {
            at += line.len();
            if closes(line) {
                return Some(at);
            }
        }
        None
    }

    fn paragraph_end(&self, from: usize) -> usize {
        let mut at = from;
        for line in self.text[from..].split_inclusive('\n') {
            if bare(line).trim().is_empty() {
                break;
            }
            at += line.len();
        }
        at
    }
}

/// Takes pairs out; `None` where there are none.
fn without_pairs(text: &str, layout: &Layout, findings: &mut Findings) -> Option<String> {
    let mut out = String::new();
    let (mut kept, mut line) = (0, 1);
    for pair in layout.runs.iter().flat_map(|run| pairs(text, run.clone(), layout)) {
        let pair = with_its_line(text, pair);
        if pair.start < kept {
            continue;
        }
        line += line_breaks(&text[kept..pair.start]);
        findings.add(found(), Some(line));
        line += line_breaks(&text[pair.clone()]);
        out.push_str(&text[kept..pair.start]);
        kept = pair.end;
    }
    if kept == 0 {
        return None;
    }
    out.push_str(&text[kept..]);
    Some(out)
}

/// The pairs of a run, with their signs.
fn pairs(text: &str, run: Range<usize>, layout: &Layout) -> Vec<Range<usize>> {
    let mut pairs = Vec::new();
    let mut at = run.start;
    while let Some(open) = next_sign(text, at..run.end, layout) {
        let signs = text[open..run.end].bytes().take_while(|byte| *byte == b'%').count();
        // Four and more are a line of percent signs.
        if signs > 3 {
            at = open + signs;
            continue;
        }
        let Some(close) = next_sign(text, open + 2..run.end, layout) else { break };
        pairs.push(open..close + 2);
        at = close + 2;
    }
    pairs
}

/// The first `%%` in a range that is neither code nor escaped.
fn next_sign(text: &str, range: Range<usize>, layout: &Layout) -> Option<usize> {
    for (at, _) in text.get(range.clone())?.match_indices(SIGN) {
        let at = range.start + at;
        if !layout.is_code(at) && !is_escaped(text, at) {
            return Some(at);
        }
    }
    None
}

/// Whether a backslash before `at` escapes it, and is not escaped itself.
fn is_escaped(text: &str, at: usize) -> bool {
    let before = &text[..at];
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

/// The pair, with its lines where nothing else is on them: an empty line would split a paragraph.
fn with_its_line(text: &str, pair: Range<usize>) -> Range<usize> {
    let start = text[..pair.start].rfind('\n').map_or(0, |at| at + 1);
    let after = first_line(&text[pair.end..]);
    let is_alone = bare(&text[start..pair.start]).is_empty() && after.trim().is_empty();
    if is_alone { start..pair.end + after.len() } else { pair }
}

fn found() -> Diagnostic {
    Diagnostic::note("comment", "a comment between `%%` was removed")
}

/// The line without what makes it part of a quote or a list.
fn bare(line: &str) -> &str {
    line.trim_start_matches([' ', '\t', '>'])
}

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

/// The text without comments, nested no deeper than `depth_max`.
pub(crate) fn shown<'t>(text: &'t str, depth_max: usize, findings: &mut Findings) -> Cow<'t, str> {
    let flat = flatten(text, depth_max);
    let stripped = match strip(&flat, findings) {
        Cow::Borrowed(_) => None,
        // The text before and after a comment may be nested in one another now.
        Cow::Owned(stripped) => Some(flatten(&stripped, depth_max).into_owned()),
    };
    stripped.map_or(flat, Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> (String, Vec<String>) {
        let mut findings = Findings::default();
        let out = strip(text, &mut findings).into_owned();
        let lines = findings
            .into_diagnostics()
            .into_iter()
            .filter_map(|reported| reported.place)
            .map(|place| place.line.to_string());
        (out, lines.collect())
    }

    #[test]
    fn comments_leave() {
        for (text, expected, lines) in [
            ("a %%hid%% b", "a  b", "1"),
            ("%%hid%%", "", "1"),
            ("%%a%%%%b%% c", " c", "1"),
            ("a %%50%%% b", "a % b", "1"),
            ("a %%hid\nhid%% b", "a  b", "1"),
            ("a\n%%hid%%\nb", "a\nb", "2"),
            ("a\n\n%%hid%%\n\nb", "a\n\n\nb", "3"),
            ("# A %%hid%%\n\nb %%hid%%", "# A \n\nb ", "1 3"),
            ("- a %%hid%%\n- %%hid\n  hid%% b", "- a \n-  b", "1 2"),
            ("| a |\n|-|\n| %%hid%% b |", "| a |\n|-|\n|  b |", "3"),
            ("> a %%hid\n> hid%% b", "> a  b", "1"),
            ("[^1]: a %%hid%%\n\n    %%hid%% b", "[^1]: a \n\n     b", "1 3"),
            ("<div>\n%%hid%% a\n</div>", "<div>\n a\n</div>", "2"),
            ("a *b %%hid* hid%% c", "a *b  c", "1"),
            ("%% hid `code` [l](m) %% a", " a", "1"),
            ("- ```\n  a\n\n  b\n  ```\n\n%%hid%% c", "- ```\n  a\n\n  b\n  ```\n\n c", "7"),
        ] {
            let (out, seen) = stripped(text);
            assert_eq!((out.as_str(), seen.join(" ").as_str()), (expected, lines), "{text:?}");
        }
    }

    #[test]
    fn blocks_leave_and_lines_keep_their_numbers() {
        for (text, expected, lines) in [
            ("a\n\n%%\nhid\n\nhid\n%%\n\nb %%hid%%", "a\n\n\n\n\n\n\n\nb ", "3 9"),
            ("%%\nhid\n%%", "\n\n", "1"),
            ("%%\n```\nhid\n```\n%%\n`a %%b%%`", "\n\n\n\n\n`a %%b%%`", "1"),
            // The author sees it end here, whatever the fence inside would say.
            ("%%\n```\nhid\n%%\n\n%%hid%% a", "\n\n\n\n\n a", "1 6"),
            ("%%\n```\nhid\n%%\na\n\n%%\nhid\n\nhid\n%%\nb", "\n\n\n\na\n\n\n\n\n\n\nb", "1 7"),
            ("> a\n> %%\n> hid\n>\n> hid\n> %%\n> b", "> a\n>\n>\n>\n>\n>\n> b", "2"),
            ("- a\n\n  %%\n  hid\n\n  hid\n  %%\n", "- a\n\n\n\n\n\n\n", "3"),
            ("%% hid\n\nhid %%\n\na", "\n\n\n\na", "1"),
            ("%%\nhid\n\nhid %%\na", "\n\n\n\na", "1"),
            ("%%\nhid\n\n50%% hid\n\n%%\na", "\n\n\n\n\n\na", "1"),
        ] {
            let (out, seen) = stripped(text);
            assert_eq!(out.trim_end(), expected.trim_end(), "{text:?}");
            assert_eq!(seen.join(" "), lines, "{text:?}");
        }
    }

    #[test]
    fn other_signs_stay() {
        for text in [
            "100%% sure",
            "%%",
            "a %% b\n\nc %% d",
            "%% a\n\n%% b\n",
            "%% a\n\nb",
            "`%%a%%` and ``%% ` %%``",
            "a %% and `%%`",
            "```\n%%\na\n%%\nb %%c%%\n```\n",
            "text\n\n    %%a%%\n    %%\n    b\n    %%\n",
            "\\%%a%% b",
            "a \\%% b \\%% c",
            "%%%%%%%%",
            "<a title='%%x%%'>b</a> c",
            "<pre>%%a%%</pre>",
            "| a %% | b %% |\n|-|-|\n",
        ] {
            assert_eq!(stripped(text), (text.to_owned(), Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn many_signs_cost_little() {
        for piece in ["%%\n", "%% a\n\n", "%%a%%", "%%\n```\n", "a %%", "%%%% ", "%%\n\n    a\n"] {
            let text = piece.repeat(20_000);
            assert!(stripped(&text).0.len() <= text.len(), "{piece:?}");
        }
    }
}
