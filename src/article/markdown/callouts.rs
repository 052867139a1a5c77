//! Obsidian's callouts: `> [!tip] My title`, `> [!warning]- Folded`, `> [!todo]`. A quote that
//! begins so gets its title, else its kind, as a first paragraph of its own in bold.
//!
//! GitHub's five without a title are the parser's; everything else passes through as it came.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::iter::Peekable;
use std::ops::Range;

use pulldown_cmark::{CowStr, Event, OffsetIter, Parser, Tag, TagEnd};

use crate::article::feed_html::{ASIDE_END, ASIDE_START};

use super::parser::parser;

/// A longer word is no kind, in bytes.
const KIND_MAX_BYTES: usize = 40;

/// The text in which a blank line follows the first line of a callout that a parser would read as a
/// heading, because of a rule below it: `> [!tip] My title`, `> ---`.
pub(crate) fn with_titles_apart(text: &str) -> Cow<'_, str> {
    if !text.contains("> [!") && !text.contains(">[!") {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut kept = 0;
    let mut in_quote = false;
    for (event, range) in parser(text).into_offset_iter() {
        let is_quote = matches!(event, Event::Start(Tag::BlockQuote(None)));
        let begins = std::mem::replace(&mut in_quote, is_quote);
        let is_heading = begins && matches!(event, Event::Start(Tag::Heading { .. }));
        if !is_heading || read(&text[range.start..]).is_none() {
            continue;
        }
        let Some(len) = text[range.start..].find('\n') else { continue };
        let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        out.push_str(&text[kept..range.start + len]);
        out.push('\n');
        // The signs of the quotes, and room where those of a list are.
        for c in text[line_start..range.start].chars() {
            out.push(if matches!(c, '>' | '\t') { c } else { ' ' });
        }
        kept = range.start + len;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// The events of `parser`, which reads `text`, with callouts. `labelled`: a callout without a title
/// shows its kind.
pub(crate) fn callouts<'t>(text: &'t str, parser: Parser<'t>, labelled: bool) -> Callouts<'t> {
    Callouts {
        text,
        labelled,
        events: parser.into_offset_iter().peekable(),
        ready: VecDeque::new(),
        in_quote: false,
        title: None,
    }
}

/// See [`callouts`].
pub(crate) struct Callouts<'t> {
    text: &'t str,
    labelled: bool,
    events: Peekable<OffsetIter<'t>>,
    /// Events that go out before the next one is read.
    ready: VecDeque<Event<'t>>,
    /// Did a quote begin with the last event?
    in_quote: bool,
    title: Option<Title<'t>>,
}

/// A title that is being read.
struct Title<'t> {
    callout: Callout<'t>,
    /// Elements of text that are open in it.
    depth: usize,
}

/// The marker at the beginning of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Callout<'t> {
    kind: &'t str,
    /// Its length, with the white space behind it.
    len: usize,
    is_titled: bool,
}

impl<'t> Iterator for Callouts<'t> {
    type Item = Event<'t>;

    fn next(&mut self) -> Option<Event<'t>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let (event, range) = self.events.next()?;
            let event = self.without_single_tildes(event, &range);
            let event = self.without_prices(event, &range);
            if self.title.is_some() {
                self.follow(event, range);
                continue;
            }
            let begins = std::mem::replace(
                &mut self.in_quote,
                matches!(event, Event::Start(Tag::BlockQuote(None))),
            );
            if begins && event == Event::Start(Tag::Paragraph) && self.begin() {
                continue;
            }
            return Some(event);
        }
    }
}

impl<'t> Callouts<'t> {
    /// One tilde means "about" or "to": text is struck out between two. (The parser reads both,
    /// as GitHub does.)
    fn without_single_tildes(&self, event: Event<'t>, range: &Range<usize>) -> Event<'t> {
        let is_strike =
            matches!(event, Event::Start(Tag::Strikethrough) | Event::End(TagEnd::Strikethrough));
        if is_strike && !self.text[range.start..].starts_with("~~") {
            return Event::Text(CowStr::Borrowed("~"));
        }
        event
    }

    /// A formula in a line does not end before a digit, as Pandoc has it: `$5 to US$10` is two
    /// prices.
    fn without_prices(&self, event: Event<'t>, range: &Range<usize>) -> Event<'t> {
        match event {
            Event::InlineMath(tex)
                if self.text[range.end..].starts_with(|c: char| c.is_ascii_digit()) =>
            {
                Event::Text(CowStr::from(format!("${tex}$")))
            }
            event => event,
        }
    }

    /// Begins the title of the callout whose paragraph was just opened; false where it is no
    /// callout.
    fn begin(&mut self) -> bool {
        // A link whose label is a definition's is none, and neither is an escaped bracket.
        let Some((Event::Text(first), range)) = self.events.peek() else { return false };
        let is_plain = first.starts_with('[') && self.text[range.start..].starts_with('[');
        let is_escaped = self.text[..range.start].ends_with('\\');
        let start = range.start;
        let Some(mut callout) = read(&self.text[start..]).filter(|_| is_plain && !is_escaped)
        else {
            return false;
        };
        callout.len += start;
        self.title = Some(Title { callout, depth: 0 });
        if callout.is_titled || self.labelled {
            self.ready.push_back(Event::Start(Tag::Paragraph));
            self.mark(ASIDE_START);
            self.ready.push_back(Event::Start(Tag::Strong));
        }
        true
    }

    /// Follows a title to the end of its line or paragraph.
    fn follow(&mut self, event: Event<'t>, range: Range<usize>) {
        let Some(title) = &mut self.title else { return };
        match event {
            Event::Text(text) => {
                let cut = title.callout.len.saturating_sub(range.start);
                let rest = text.get(cut.min(text.len())..).unwrap_or_default().to_owned();
                if !rest.is_empty() {
                    self.ready.push_back(Event::Text(CowStr::from(rest)));
                }
            }
            Event::SoftBreak | Event::HardBreak if title.depth == 0 => {
                self.finish();
                self.ready.push_back(Event::Start(Tag::Paragraph));
            }
            Event::End(TagEnd::Paragraph) => self.finish(),
            event => {
                match event {
                    Event::Start(_) => title.depth += 1,
                    Event::End(_) => title.depth = title.depth.saturating_sub(1),
                    _ => {}
                }
                self.ready.push_back(event);
            }
        }
    }

    fn finish(&mut self) {
        let Some(Title { callout, .. }) = self.title.take() else { return };
        if !callout.is_titled && !self.labelled {
            return;
        }
        if !callout.is_titled {
            self.ready.push_back(Event::Text(CowStr::from(label(callout.kind))));
        }
        self.ready.push_back(Event::End(TagEnd::Strong));
        self.mark(ASIDE_END);
        self.ready.push_back(Event::End(TagEnd::Paragraph));
    }

    /// Marks where a label begins or ends, for the summary.
    fn mark(&mut self, mark: char) {
        if self.labelled {
            let comment = format!("<!--{mark}-->");
            self.ready.push_back(Event::InlineHtml(CowStr::from(comment)));
        }
    }
}

/// `[!kind]`, `[!kind|more]`, with `-` or `+` behind it.
fn read(text: &str) -> Option<Callout<'_>> {
    let line = text.lines().next().unwrap_or_default();
    let inner = line.strip_prefix("[!")?;
    let end = inner.find(']')?;
    let kind = inner[..end].split('|').next().unwrap_or_default().trim();
    let is_word =
        |kind: &str| kind.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    if kind.len() > KIND_MAX_BYTES || !kind.starts_with(char::is_alphanumeric) || !is_word(kind) {
        return None;
    }
    let after = &inner[end + 1..];
    let title = after.strip_prefix(['-', '+']).unwrap_or(after);
    // `[!a](b)` and `[!a][b]` are links, wherever they lead.
    if title.starts_with(['(', '[', ':']) {
        return None;
    }
    let title = title.trim_start();
    Some(Callout { kind, len: line.len() - title.len(), is_titled: !title.is_empty() })
}

/// `help-wanted` is "Help wanted".
fn label(kind: &str) -> String {
    let kind = kind.replace(['-', '_'], " ").to_lowercase();
    let mut chars = kind.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The events of a text. With `labelled`, a callout without a title shows its kind.
pub(crate) fn events(text: &str, labelled: bool) -> impl Iterator<Item = Event<'_>> {
    callouts(text, parser(text), labelled)
}

#[cfg(test)]
mod tests {
    use crate::article::markdown;
    use crate::article::model::TitleFrom;
    use crate::article::testing::rendered;

    #[test]
    fn one_tilde_is_text() {
        for (text, expected) in [
            ("`a`~`z`, `0`~`9`", "<code>a</code>~<code>z</code>, <code>0</code>~<code>9</code>"),
            ("~a~ ~~b~~ ~c *d*~", "~a~ <del>b</del> ~c <em>d</em>~"),
        ] {
            let html = rendered("a.md", text, TitleFrom::FileName).html;
            assert_eq!(html, format!("<p>{expected}</p>"));
        }
    }

    #[test]
    fn a_callout_is_a_quote_with_its_title_in_bold() {
        for (text, title, rest) in [
            ("> [!note] My title", "My title", ""),
            ("> [!NOTE] My *title*\n> a\n> b", "My <em>title</em>", "<p>a\nb</p>\n"),
            ("> [!warning]- Folded\n> a\n>\n> b", "Folded", "<p>a</p>\n<p>b</p>\n"),
            ("> [!tip]+ Open `x`  \n> a", "Open <code>x</code>", "<p>a</p>\n"),
            ("> [!info]\n> a", "Info", "<p>a</p>\n"),
            ("> [!note]-\n> a", "Note", "<p>a</p>\n"),
            ("> [!help-wanted|wide]\n> a", "Help wanted", "<p>a</p>\n"),
            ("> [!über]\n> - a", "Über", "<ul>\n<li>a</li>\n</ul>\n"),
            ("> [!bug]", "Bug", ""),
            ("> [!quote] &amp; [l](https://e.org/)", "&amp; <a href=\"https://e.org/\">l</a>", ""),
            ("> [!note] A [!tip] b", "A [!tip] b", ""),
            ("> [!info]-  Wide  \n> a", "Wide", "<p>a</p>\n"),
        ] {
            let expected =
                format!("<blockquote>\n<p><strong>{title}</strong></p>\n{rest}</blockquote>");
            assert_eq!(rendered("a.md", text, TitleFrom::FileName).html, expected, "{text:?}");
        }
        let nested = "<blockquote>\n<p>a</p>\n<blockquote>\n<p><strong>Todo</strong></p>\n<p>b</p>\n</blockquote>\n</blockquote>";
        assert_eq!(rendered("a.md", "> a\n> > [!todo]\n> > b", TitleFrom::FileName).html, nested);
        let raw = "<blockquote>\n<p><strong>A <kbd>b</kbd></strong></p>\n<p>c</p>\n</blockquote>";
        assert_eq!(
            rendered("a.md", "> [!info] A <kbd>b</kbd>\n> c", TitleFrom::FileName).html,
            raw
        );
    }

    #[test]
    fn a_rule_below_the_title_is_one() {
        for (text, expected) in [
            ("> [!info] A\n> ---\n> b", "<p><strong>A</strong></p>\n<hr>\n<p>b</p>"),
            ("> [!info]\n> ===\n> b", "<p><strong>Info</strong></p>\n<p>===\nb</p>"),
            ("> [!info] A\n> b\n> ---", "<p><strong>A</strong></p>\n<h2 id=\"b\">b</h2>"),
            (">[!info] A\n>---\n>b", "<p><strong>A</strong></p>\n<hr>\n<p>b</p>"),
            ("> a\n> ---\n> b", "<h2 id=\"a\">a</h2>\n<p>b</p>"),
            ("> ## [!info] A\n> b", "<h2 id=\"info-a\">[!info] A</h2>\n<p>b</p>"),
        ] {
            let expected = format!("<blockquote>\n{expected}\n</blockquote>");
            assert_eq!(rendered("a.md", text, TitleFrom::FileName).html, expected, "{text:?}");
        }
        let nested = "- > [!info] A\n  > ---\n  > b";
        assert_eq!(super::with_titles_apart(nested), "- > [!info] A\n  > \n  > ---\n  > b");
        let code = "```\n> [!info] A\n> ---\n```";
        assert_eq!(super::with_titles_apart(code), code);
    }

    #[test]
    fn github_keeps_its_own() {
        for kind in ["Note", "Tip", "Important", "Warning", "Caution"] {
            let expected =
                format!("<blockquote>\n<p><strong>{kind}</strong></p>\n<p>a</p>\n</blockquote>");
            let text = format!("> [!{}]\n> a", kind.to_uppercase());
            assert_eq!(rendered("a.md", &text, TitleFrom::FileName).html, expected);
        }
    }

    #[test]
    fn other_brackets_stay() {
        for (text, expected) in [
            ("> \\[!info] a", "<p>[!info] a</p>"),
            ("> a [!info] b", "<p>a [!info] b</p>"),
            ("> a\n>\n> [!info] b", "<p>a</p>\n<p>[!info] b</p>"),
            ("> [!] a", "<p>[!] a</p>"),
            ("> [!a.b] c", "<p>[!a.b] c</p>"),
            ("> [!a](https://e.org/)", "<p><a href=\"https://e.org/\">!a</a></p>"),
            ("> [!a]\n\n[!a]: https://e.org/", "<p><a href=\"https://e.org/\">!a</a></p>"),
            ("> [!a\n> b]", "<p>[!a\nb]</p>"),
        ] {
            let expected = format!("<blockquote>\n{expected}\n</blockquote>");
            assert_eq!(rendered("a.md", text, TitleFrom::FileName).html, expected, "{text:?}");
        }
        assert_eq!(rendered("a.md", "[!info] a", TitleFrom::FileName).html, "<p>[!info] a</p>");
    }

    #[test]
    fn a_title_counts_as_text_and_a_kind_does_not() {
        for (text, opening) in [
            ("> [!info] Title\n> a", "Title"),
            ("> [!info]\n> a", "a"),
            ("> [!note]\n> a", "a"),
            ("> [!info]", ""),
        ] {
            assert_eq!(markdown::outline(text).opening, opening, "{text:?}");
        }
    }

    #[test]
    fn a_summary_is_the_text_and_not_the_label() {
        for (text, summary) in [
            ("> [!WARNING]\n> a.\n\nb", "a."),
            ("> [!NOTE]\n\nb", "b"),
            ("> [!info]\n> a.\n\nb", "a."),
            ("> [!info] Title\n> a <kbd>b</kbd>", "a b"),
            ("> [!tip]- Title\n\nb", "b"),
            ("> [!bug] Title", "Title"),
            ("!!! warning\n\n    a.\n\nb", "a."),
            ("??? note \"Title\"\n\n    a.\n\nb", "a."),
            (":::tip\na.\n:::\n\nb", "a."),
            (":::note[Update]\na.\n:::\n\nb", "a."),
            ("/// note | Title\na.\n///\n\nb", "a."),
            ("> [!NOTE]\n> a.\n\nb\n\n<!-- more -->\n\nc", "a. b"),
            ("> [!NOTE]\n> a. <!-- more -->\n\n<kbd>b</kbd>", "a."),
        ] {
            assert_eq!(rendered("a.md", text, TitleFrom::FileName).summary, summary, "{text:?}");
        }
    }
}
