//! Plain text: paragraphs, headings, lists, quotes, preformatted blocks and verse, recognised by
//! shape.
//!
//! Lines of prose that an editor wrapped are joined again; lines that the author broke (poems,
//! addresses, letters) stay. Quotes and dashes stay as typed.

mod blocks;

use linkify::LinkFinder;

use crate::article::addresses::{self, Address};
use crate::article::feed_html::has_word;
use crate::article::feed_html::references::Resolver;
use crate::article::feed_html::{finished, push_text, push_url, repair_source};
use crate::article::model::{Outline, TitleFrom};
use crate::article::rendering::Rendering;
use crate::article::rendering::too_large;
use crate::article::symbol::DRAFT_MARK;
use crate::base::Diagnostic;

use blocks::{Block, blocks, title};

/// The length of an opening, in characters.
const OPENING_CHARS: usize = 400;

/// Reads the title and the opening of a text, without rendering it.
pub(crate) fn outline(text: &str) -> Outline {
    let text = repair_source(text);
    let (title, rest) = match title(&text) {
        Some((title, rest)) => (Some((finished(title.to_owned()), TitleFrom::FirstLine)), rest),
        None => (None, text.as_str()),
    };
    let opening = finished(opening(rest));
    let has_words = has_word(&text);
    Outline { title, opening, has_words, meta: Vec::new() }
}

/// The text of the first block that has one, cut.
fn opening(text: &str) -> String {
    let start = text.trim_start();
    // The beginning of the text is enough, up to the end of a paragraph.
    let near = &start[..start.floor_char_boundary(8 * OPENING_CHARS)];
    let (near, _) = near.rsplit_once("\n\n").unwrap_or((near, ""));
    for block in blocks(near) {
        if let Some(text) = text_of(block) {
            return text.chars().take(OPENING_CHARS).collect();
        }
    }
    String::new()
}

/// The text of a block, or of its first item; `None` for headings and rules.
fn text_of(block: Block) -> Option<String> {
    match block {
        Block::Paragraph(text) | Block::Quote(text) => Some(text),
        Block::Verse(lines) | Block::Pre(lines) => Some(lines.join(" ")),
        Block::List { items, .. } => items.into_iter().next(),
        Block::Heading(_) | Block::Rule => None,
    }
}

/// The HTML of an article's text, with marks for references.
///
/// # Errors
///
/// `too-large` if it exceeds `max_bytes`.
pub(crate) fn render(text: &str, rendering: &Rendering<'_>) -> Result<String, Diagnostic> {
    // A first line that became the title is not repeated in the body.
    let text = match title(text) {
        Some((_, rest)) if rendering.head.title_from == TitleFrom::FirstLine => rest,
        _ => text,
    };
    let mut writer =
        Writer { out: String::new(), resolver: &rendering.resolver, finder: LinkFinder::new() };
    for block in blocks(text) {
        writer.block(&block, 0);
        if writer.out.len() > rendering.limits.max_bytes {
            return Err(too_large(rendering.limits));
        }
    }
    Ok(writer.out)
}

struct Writer<'a> {
    out: String,
    resolver: &'a Resolver,
    finder: LinkFinder,
}

impl Writer<'_> {
    fn block(&mut self, block: &Block, depth: usize) {
        match block {
            Block::Paragraph(text) => self.element("p", text),
            Block::Heading(text) => self.element("h2", text),
            Block::Verse(lines) => {
                self.out.push_str("<p>");
                for (at, line) in lines.iter().enumerate() {
                    if at > 0 {
                        self.out.push_str("<br>\n");
                    }
                    self.line(line);
                }
                self.out.push_str("</p>\n");
            }
            Block::List { start, items } => self.list(*start, items),
            Block::Pre(lines) => {
                self.out.push_str("<pre>");
                push_text(&mut self.out, &lines.join("\n"));
                self.out.push_str("</pre>\n");
            }
            Block::Quote(text) => self.quote(text, depth),
            Block::Rule => self.out.push_str("<hr>\n"),
        }
    }

    fn element(&mut self, name: &str, text: &str) {
        self.out.push_str(&format!("<{name}>"));
        self.inline(text);
        self.out.push_str(&format!("</{name}>\n"));
    }

    fn list(&mut self, start: Option<u32>, items: &[String]) {
        match start {
            None => self.out.push_str("<ul>\n"),
            Some(1) => self.out.push_str("<ol>\n"),
            Some(number) => self.out.push_str(&format!("<ol start=\"{number}\">\n")),
        }
        for item in items {
            self.element("li", item);
        }
        self.out.push_str(if start.is_none() { "</ul>\n" } else { "</ol>\n" });
    }

    /// Writes a quotation, whose text has blocks of its own. Letters quote letters, so the depth is
    /// limited to one that people still read.
    fn quote(&mut self, text: &str, depth: usize) {
        const DEPTH_MAX: usize = 8;
        if depth >= DEPTH_MAX {
            return self.element("p", text);
        }
        self.out.push_str("<blockquote>\n");
        for block in blocks(text) {
            self.block(&block, depth + 1);
        }
        self.out.push_str("</blockquote>\n");
    }

    /// Writes a line of verse, with its indentation, which is the author's.
    fn line(&mut self, line: &str) {
        let text = line.trim_start();
        let mut indent = 0_usize;
        for c in line[..line.len() - text.len()].chars() {
            indent += if c == '\t' { 4 } else { 1 };
        }
        push_text(&mut self.out, &"\u{a0}".repeat(indent.min(40)));
        self.inline(text);
    }

    /// Writes text, with its URLs and mail addresses as links.
    fn inline(&mut self, text: &str) {
        let mut written = 0;
        for Address { range, is_mail } in addresses::find(&self.finder, text) {
            let address = &text[range.clone()];
            let url = if is_mail { format!("mailto:{address}") } else { address.to_owned() };
            let Some(url) = self.resolver.resolve(&url) else { continue };
            // A word such as `www.example` may resolve to a path of the site, which is not meant.
            if url.starts_with(DRAFT_MARK) {
                continue;
            }
            push_text(&mut self.out, &text[written..range.start]);
            self.out.push_str("<a");
            push_url(&mut self.out, "href", &url);
            self.out.push('>');
            push_text(&mut self.out, address);
            self.out.push_str("</a>");
            written = range.end;
        }
        push_text(&mut self.out, &text[written..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::testing::rendered;

    const WRAPPED: &str = "It was the best of times, it was the worst of times, it was the age\nof wisdom, it was the age of foolishness, it was the epoch of belief,\nit was the epoch of incredulity, it was the season of Light.";
    const JOINED: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light.";

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(rendered("a.txt", text, TitleFrom::FileName).html, *expected, "{text}");
        }
    }

    #[test]
    fn prose_is_joined_and_verse_is_not() {
        check(&[
            (WRAPPED, &format!("<p>{JOINED}</p>")),
            (
                "Roses are red,\nViolets are blue,\n  sugar",
                "<p>Roses are red,<br>\nViolets are blue,<br>\n&nbsp;&nbsp;sugar</p>",
            ),
            (
                &format!("Dear Ada,\n\n{WRAPPED}\n\nYours,\nBob"),
                &format!("<p>Dear Ada,</p>\n<p>{JOINED}</p>\n<p>Yours,<br>\nBob</p>"),
            ),
            (&format!("{JOINED}\n{JOINED}"), &format!("<p>{JOINED}</p>\n<p>{JOINED}</p>")),
        ]);
    }

    #[test]
    fn headings_stand_between_long_paragraphs() {
        check(&[
            (
                &format!("{JOINED}\n\nThe Winter of Despair\n\n{WRAPPED}"),
                &format!("<p>{JOINED}</p>\n<h2>The Winter of Despair</h2>\n<p>{JOINED}</p>"),
            ),
            (
                &format!("{JOINED}\nThe Winter of Despair\n{JOINED}"),
                &format!("<p>{JOINED}</p>\n<h2>The Winter of Despair</h2>\n<p>{JOINED}</p>"),
            ),
            (
                &format!("{JOINED}\n\nand so it was\n\n{WRAPPED}"),
                &format!("<p>{JOINED}</p>\n<p>and so it was</p>\n<p>{JOINED}</p>"),
            ),
            ("One\n\nTwo\n\nThree", "<p>One</p>\n<p>Two</p>\n<p>Three</p>"),
            ("Part One\n--------\n\nx", "<h2>Part One</h2>\n<p>x</p>"),
        ]);
    }

    #[test]
    fn lists_quotes_code_and_rules() {
        check(&[
            (
                "Buy:\n- milk\n  and eggs\n- bread",
                "<p>Buy:</p>\n<ul>\n<li>milk and eggs</li>\n<li>bread</li>\n</ul>",
            ),
            ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
            (
                "- fruit\n  - apples\n    - red\n      and sweet\n- milk",
                "<ul>\n<li>fruit</li>\n<li>apples</li>\n<li>red and sweet</li>\n<li>milk</li>\n</ul>",
            ),
            ("1. a\n\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
            (
                "> a\n> > b\n\nc",
                "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>\n<p>c</p>",
            ),
            (
                "a\n\n    fn x() {\n      1\n    }\n\nb",
                "<p>a</p>\n<pre>    fn x() {\n      1\n    }</pre>\n<p>b</p>",
            ),
            ("a | b | c\n1 | 2 | 3", "<pre>a | b | c\n1 | 2 | 3</pre>"),
            ("a\n\n* * *\n\nb", "<p>a</p>\n<hr>\n<p>b</p>"),
            ("  a\n\n  b", "<p>a</p>\n<p>b</p>"),
            ("1984 was a book", "<p>1984 was a book</p>"),
        ]);
    }

    #[test]
    fn addresses_become_links() {
        check(&[
            (
                "See https://e.org/a_(b), or write to ada@e.org.",
                "<p>See <a href=\"https://e.org/a_(b)\">https://e.org/a_(b)</a>, or write to <a href=\"mailto:ada@e.org\">ada@e.org</a>.</p>",
            ),
            ("javascript:x <b> \"q\" -- 'r'\u{c}", "<p>javascript:x &lt;b&gt; \"q\" -- 'r'</p>"),
        ]);
    }

    #[test]
    fn first_lines() {
        let long = "word ".repeat(30);
        for (text, title) in [
            ("My Trip\n\nWe went.", Some("My Trip")),
            ("My trip to Rome\n=====\nWe went.", Some("My trip to Rome")),
            (&format!("My trip to Rome\n{long}\n{long}"), Some("My trip to Rome")),
            (&format!("My trip to Rome\n{WRAPPED}"), Some("My trip to Rome")),
            (WRAPPED, None),
            (JOINED, None),
            ("Hello", None),
            ("Roses are red,\nViolets are blue", None),
            ("Roses are red\nViolets are blue\n\nx", None),
            ("Dear Ada\n\nx", None),
            ("We went.\n\nAnd came.", None),
            ("- a\n\nb", None),
            ("https://e.org\n\nb", None),
            ("\n\nMy Trip\n\nx", Some("My Trip")),
            ("Who are you?\n\nx", Some("Who are you?")),
        ] {
            assert_eq!(outline(text).title.as_ref().map(|(t, _)| t.as_str()), title, "{text}");
        }
        assert_eq!(
            rendered("a.txt", "My Trip\n===\n\nWe went.", TitleFrom::FirstLine).html,
            "<p>We went.</p>"
        );
        assert_eq!(outline("My Trip\n\nWe\nwent.").opening, "We went.");
        assert!(!outline(" \n-- \n").has_words);
    }
}
