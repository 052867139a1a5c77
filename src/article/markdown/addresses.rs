//! Bare addresses as links: `https://e.org/x`, `www.e.org` and `ada@e.org` in running text, as
//! GitHub's Markdown (6.9) has them.
//!
//! The source is rewritten, because the parser would read emphasis into an address
//! (`https://e.org/_a_`). Code, links, pictures and HTML keep theirs as it is.

use std::borrow::Cow;
use std::ops::Range;

use linkify::LinkFinder;
use pulldown_cmark::{Event, Tag, TagEnd};

use crate::article::addresses::{self, Address};
use crate::article::foreign;
use crate::article::signs::Signs;

use super::parser::parser;

/// Elements of HTML in which an address is no link, or one already.
const CLOSED_ELEMENTS: [&str; 8] =
    ["a", "code", "pre", "kbd", "samp", "script", "style", "textarea"];

/// One of these is in every address.
static SIGNS: Signs = Signs::new(&["://", "www.", "@"]);

/// Bytes that an address may have.
const ADDRESS_MAX_BYTES: usize = 2048;

/// The text with each bare address between angle brackets, which make it a link.
pub(crate) fn linked(text: &str) -> Cow<'_, str> {
    if !SIGNS.are_in(text) {
        return Cow::Borrowed(text);
    }
    let mut finder = LinkFinder::new();
    finder.url_must_have_scheme(false);
    let mut out = String::new();
    let mut kept = 0;
    for run in runs(text) {
        for Address { range, is_mail } in addresses::find(&finder, &text[run.clone()]) {
            let start = run.start + range.start;
            let address = trimmed(&text[start..run.start + range.end]);
            let before = text[..start].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '<' | '/' | '@' | '\\')) {
                continue;
            }
            let Some(link) = written(address, is_mail) else { continue };
            out.push_str(&text[kept..start]);
            out.push_str(&link);
            kept = start + address.len();
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// The link to an address; `None` where it is one of another kind.
fn written(address: &str, is_mail: bool) -> Option<String> {
    let is_bounded = address.len() <= ADDRESS_MAX_BYTES && !address.contains(['<', '>', '`', '|']);
    if !is_bounded {
        return None;
    }
    let start = address.get(..8).unwrap_or(address).to_ascii_lowercase();
    if is_mail || start.starts_with("https://") || start.starts_with("http://") {
        return Some(format!("<{address}>"));
    }
    if !start.starts_with("www.") || address.len() < "www.a.b".len() {
        return None;
    }
    let shown = foreign::escaped(address);
    Some(format!("[{shown}](<http://{address}>)"))
}

/// The address without what belongs to the sentence (GFM, 6.9).
fn trimmed(address: &str) -> &str {
    address.trim_end_matches(['?', '!', '.', ',', ':', '*', '_', '~', '\'', '"', ';'])
}

/// Runs of text outside of code, links, pictures and HTML, in order, as the source has them. A run
/// goes on over emphasis, so that an address may hold an underscore.
fn runs(text: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    // The number of open elements in which nothing becomes a link.
    let (mut closed, mut in_html) = (0_usize, 0_usize);
    let mut goes_on = false;
    for (event, range) in parser(text).into_offset_iter() {
        match &event {
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => closed += 1,
            Event::End(TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock) => {
                closed = closed.saturating_sub(1);
            }
            Event::InlineHtml(html) => match element_of(html) {
                Some(('/', name)) if CLOSED_ELEMENTS.contains(&&*name) => {
                    in_html = in_html.saturating_sub(1);
                }
                Some((_, name)) if CLOSED_ELEMENTS.contains(&&*name) => in_html += 1,
                _ => {}
            },
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableCell) => in_html = 0,
            _ => {}
        }
        match event {
            Event::Text(_) if closed == 0 && in_html == 0 => match runs.last_mut() {
                Some(run) if goes_on => run.end = run.end.max(range.end),
                _ => runs.push(range),
            },
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough)
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough) => continue,
            _ => {
                goes_on = false;
                continue;
            }
        }
        goes_on = closed == 0 && in_html == 0;
    }
    runs
}

/// The name of a tag of HTML, with `/` before it in an end tag.
fn element_of(html: &str) -> Option<(char, String)> {
    let rest = html.strip_prefix('<')?;
    let (sign, rest) = rest.strip_prefix('/').map_or((' ', rest), |rest| ('/', rest));
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some((sign, rest[..end].to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_addresses_are_between_brackets() {
        for (text, expected) in [
            ("See https://e.org/x here.", "See <https://e.org/x> here."),
            (
                "https://e.org/a_(b)_c and https://e.org/x_y.",
                "<https://e.org/a_(b)_c> and <https://e.org/x_y>.",
            ),
            ("(https://e.org/a), HTTP://e.org!", "(<https://e.org/a>), <HTTP://e.org>!"),
            ("**https://e.org/a** _http://e.org/_", "**<https://e.org/a>** _<http://e.org/>_"),
            ("https://e.org/_a_/*b*", "<https://e.org/_a_/*b>*"),
            ("www.e.org/a_b, x", "[www\\.e\\.org\\/a\\_b](<http://www.e.org/a_b>), x"),
            ("write to ada@e.org.", "write to <ada@e.org>."),
            (
                "| https://e.org/a|b |\n|-|-|\n|https://e.org/c| d |",
                "| <https://e.org/a>|b |\n|-|-|\n|<https://e.org/c>| d |",
            ),
            (
                "# https://e.org/\n\n- https://e.org/?a=1&b=2",
                "# <https://e.org/>\n\n- <https://e.org/?a=1&b=2>",
            ),
            ("<b>https://e.org/</b> https://e.org/", "<b><https://e.org/></b> <https://e.org/>"),
            ("> https://e.org/#a\n> b", "> <https://e.org/#a>\n> b"),
            (
                "详见 https://e.org/a。www.e.org、",
                "详见 <https://e.org/a>。[www\\.e\\.org](<http://www.e.org>)、",
            ),
        ] {
            assert_eq!(linked(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_addresses_stay() {
        for text in [
            "<https://e.org/> [https://e.org/](b) [a](https://e.org/) ![https://e.org/](b)",
            "`https://e.org/` and\n\n    https://e.org/\n\n```\nhttps://e.org/\n```\n",
            "[a]: https://e.org/\n\n[a]",
            "<a href=\"https://e.org/\">https://e.org/</a> <code>https://e.org/</code>",
            "<div>\nhttps://e.org/\n</div>",
            "e.org and a.b, file.md, https:// www. @a a@b ftp://e.org",
            "\\https://e.org",
        ] {
            assert_eq!(linked(text), text);
        }
    }
}
