//! Summaries: finished HTML -> a plain text of a few sentences.

use crate::base::html::unescape;
use crate::base::text::{excerpt, line};

use super::feed_html::elements::{Role, find};
use super::feed_html::mathml::MATH;
use super::feed_html::{ASIDE_END, ASIDE_START, MORE, Part, Parts, attributes, has_word, parts};

/// The length of a summary in graphemes, about.
const LIMIT: usize = 280;

/// The length in characters below which a paragraph may be a greeting.
const GREETING_CHARS: usize = 60;

/// The summary of a body: the text before the mark of the summary's end, else the first paragraph in
/// reading order, else the first text; cut.
pub(crate) fn summary(html: &str) -> String {
    if let Some((before, _)) = html.split_once(MORE) {
        let text = whole(before);
        if !text.is_empty() {
            return cut(&text);
        }
    }
    cut(&first_paragraph(html))
}

/// Makes a summary of plain text: one line, cut.
pub(crate) fn cut(text: &str) -> String {
    excerpt(&line(text), LIMIT).into_owned()
}

/// The whole text, as far as a summary can need it.
fn whole(html: &str) -> String {
    let mut text = String::new();
    for (place, block) in Blocks::of(html) {
        if place == Place::Aside {
            continue;
        }
        text.push(' ');
        text.push_str(&block);
        if text.len() > 8 * LIMIT {
            text.truncate(text.floor_char_boundary(8 * LIMIT));
            break;
        }
    }
    text
}

/// The text of the first paragraph, with the next paragraph if it is only a greeting; else the first
/// text in the next best place.
fn first_paragraph(html: &str) -> String {
    let mut best: Option<(Place, String)> = None;
    let mut greeting: Option<String> = None;
    for (place, text) in Blocks::of(html) {
        match (place, greeting) {
            (Place::Paragraph, Some(greeting)) => return format!("{greeting} {text}"),
            (_, Some(greeting)) => return greeting,
            _ => greeting = None,
        }
        if place == Place::Paragraph {
            if !is_greeting(&text) {
                return text;
            }
            greeting = Some(text);
        } else if best.as_ref().is_none_or(|(best, _)| place < *best) {
            best = Some((place, text));
        }
    }
    greeting.or(best.map(|(_, text)| text)).unwrap_or_default()
}

/// Whether a paragraph is only a greeting, such as `Hi everyone,`.
fn is_greeting(text: &str) -> bool {
    text.chars().count() < GREETING_CHARS && text.ends_with([',', '!', ':', '，', '！', '：'])
}

/// The place of a text, the best for a summary first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A paragraph, or text between other blocks.
    Paragraph,
    /// Another block of text: a list, a quote without paragraphs.
    Other,
    /// A paragraph in a table.
    TableParagraph,
    /// Another text in a table.
    Table,
    /// A heading, code, a caption, navigation, or something without a word.
    Extra,
    /// A text that its author did not write, or that browsers do not show.
    Aside,
}

/// Runs of text, each with its place. Marks of footnotes, pronunciations and the alternatives of
/// media are left out.
struct Blocks<'h> {
    parts: Parts<'h>,
    /// The open blocks. The first is the body itself.
    open: Vec<&'static str>,
    /// The open element whose text is left out, and how many of its name are open.
    silent: Option<(&'h str, usize)>,
    /// Whether the text is between the marks of an aside.
    in_aside: bool,
    run: Run,
}

/// The run of text that is being read.
#[derive(Default)]
struct Run {
    text: String,
    /// Its text between the marks of an aside.
    aside: String,
    /// Line breaks since the last text.
    breaks: usize,
}

impl Iterator for Blocks<'_> {
    type Item = (Place, String);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(part) = self.parts.next() {
            if self.silent.is_none()
                && let Part::Start(MATH, values) = part
            {
                self.run.text.push_str(&tex(values));
            }
            if self.is_silent(part) {
                continue;
            }
            let place = self.place();
            let is_boundary = match part {
                Part::Text(text) => {
                    self.text(&unescape(text));
                    false
                }
                Part::Start("br", _) => {
                    self.run.text.push(' ');
                    self.run.breaks += 1;
                    // Two of them separate paragraphs where the author uses no blocks for it.
                    self.run.breaks > 1 && is_container(self.innermost())
                }
                Part::Start(name, _) => self.begin(name),
                Part::End(name) => self.end(name),
            };
            if is_boundary && let Some(run) = self.take_run(place) {
                return Some(run);
            }
        }
        self.take_run(self.place())
    }
}

impl<'h> Blocks<'h> {
    fn of(html: &'h str) -> Self {
        Self {
            parts: parts(html),
            open: vec!["div"],
            silent: None,
            in_aside: false,
            run: Run::default(),
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                ASIDE_START => self.in_aside = true,
                ASIDE_END => self.in_aside = false,
                MORE => {}
                c if self.in_aside => self.run.aside.push(c),
                c => self.run.text.push(c),
            }
        }
        if !text.trim().is_empty() {
            self.run.breaks = 0;
        }
    }

    /// Opens an element. Returns whether it is a block, which ends the text before it.
    fn begin(&mut self, name: &str) -> bool {
        let Some(block) = block_named(name) else { return false };
        self.open.push(block);
        true
    }

    /// Closes an element. Returns whether it is a block, which ends the text in it.
    fn end(&mut self, name: &str) -> bool {
        if block_named(name).is_none() {
            return false;
        }
        if self.open.len() > 1 {
            self.open.pop();
        }
        true
    }

    /// Ends the run of text, which is in this place. `None` where it is empty.
    fn take_run(&mut self, place: Place) -> Option<(Place, String)> {
        let run = std::mem::take(&mut self.run);
        let text = line(&run.text);
        if !text.is_empty() {
            return Some((if has_word(&text) { place } else { place.max(Place::Extra) }, text));
        }
        let aside = line(&run.aside);
        if aside.is_empty() { None } else { Some((Place::Aside, aside)) }
    }

    fn innermost(&self) -> &'static str {
        self.open.last().copied().unwrap_or("div")
    }

    /// The place of text here.
    fn place(&self) -> Place {
        if self.open.iter().any(|name| is_extra(name)) {
            return Place::Extra;
        }
        let innermost = self.innermost();
        let is_paragraph = innermost == "p" || is_container(innermost);
        match (self.open.contains(&"table"), is_paragraph) {
            (false, true) => Place::Paragraph,
            (false, false) => Place::Other,
            (true, true) => Place::TableParagraph,
            (true, false) => Place::Table,
        }
    }

    /// Whether this part is in an element that would not be read aloud with the text.
    fn is_silent(&mut self, part: Part<'h>) -> bool {
        let Some((name, depth)) = &mut self.silent else {
            let Part::Start(name, attributes) = part else { return false };
            let is_note = name == "sup" && attributes.starts_with(" id=\"fnref-");
            if !is_note && !matches!(name, "rt" | "rp" | "audio" | "video" | MATH) {
                return false;
            }
            self.silent = Some((name, 1));
            return true;
        };
        match part {
            Part::Start(started, _) if *name == started => *depth += 1,
            Part::End(ended) if *name == ended => {
                *depth -= 1;
                if *depth == 0 {
                    self.silent = None;
                }
            }
            _ => {}
        }
        true
    }
}

/// Whether text directly in this block is a paragraph by itself.
fn is_container(name: &str) -> bool {
    matches!(name, "div" | "section" | "article" | "main")
}

/// Whether what is in this block is beside the text.
fn is_extra(name: &str) -> bool {
    matches!(
        name,
        "nav" | "figure" | "figcaption" | "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
    )
}

/// The source of a formula, from the attributes of its element.
fn tex(values: &str) -> String {
    let (mut tex, mut sign) = (String::new(), "$");
    for (name, value) in attributes(values) {
        match name {
            "alttext" => tex = unescape(value).into_owned(),
            "display" => sign = "$$",
            _ => {}
        }
    }
    format!("{sign}{tex}{sign}")
}

/// The name of a block or a part of a table; `None` for inline elements.
fn block_named(name: &str) -> Option<&'static str> {
    let element = find(name)?;
    if matches!(element.role, Role::Block | Role::Table) { Some(element.name) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries() {
        for (html, expected) in [
            ("<h2>a</h2>\n<p>b <em>c</em>\nd</p>\n<p>e</p>", "b c d"),
            ("<p><img src=\"x\" alt=\"a cat\"></p>\n<p>b</p>", "b"),
            ("<p><img src=\"x\" alt=\"a cat\"></p>", ""),
            ("<p>a</p>\n<p>b</p>\n\u{fdd1}\n<p>c</p>", "a b"),
            ("\u{fdd1}<p>c</p>", "c"),
            ("<p>Hi all,</p><p>b</p><p>c</p>", "Hi all, b"),
            ("<p>Hello!</p>\n<p>b</p>", "Hello! b"),
            ("<p>In short:</p><ul><li>a</li></ul>", "In short:"),
            ("<p>Hi,</p>", "Hi,"),
            ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "a"),
            ("<pre>x</pre><div>a &lt; b<br>c</div>", "a < b c"),
            ("<pre>x</pre>", "x"),
            ("a<b>b</b>", "ab"),
            ("<div>a</div><div>b</div><blockquote><p>c</p></blockquote>", "a"),
            ("<section>a<p>b</p></section>", "a"),
            ("a<br><br>b<br>", "a"),
            ("<br><br>a<br>b <br> <br>c", "a b"),
            ("<p>a<br><br>b</p>", "a b"),
            ("a<table><tbody><tr><td><p>b</p></td></tr></tbody></table>", "a"),
            ("<table><tbody><tr><td>a</td><td><p>b</p></td></tr></tbody></table>", "b"),
            ("<table><tbody><tr><td>a</td></tr></tbody></table><ul><li>b</li></ul>", "b"),
            ("<ul><li>a</li></ul><p>b</p>", "b"),
            ("<blockquote>a</blockquote><p>b</p>", "b"),
            ("<blockquote><p>a</p></blockquote><p>b</p>", "a"),
            ("<div>|</div><p>a</p>", "a"),
            ("<div>Hi all,</div><p>b</p>", "Hi all, b"),
            ("<figure><p>a</p><figcaption><p>b</p></figcaption></figure>c", "c"),
            ("<nav><p>a</p><ul><li>b</li></ul></nav><p>c</p>", "c"),
            ("<nav><p>a</p></nav>", "a"),
            ("<h2>a</h2><figure><p>b</p></figure>", "a"),
            ("<p>\u{fddc}a\u{fddd}</p><h2>b</h2>", "b"),
            ("<p>\u{fddc}a\u{fddd}</p>", "a"),
            ("<p>a\u{fddc}b\u{fddd} c</p>", "a c"),
            ("\u{fddc}<p>a</p>\u{fddd}<p>b</p>\u{fdd1}<p>c</p>", "b"),
            (
                "<p>a<sup id=\"fnref-x-1\"><a href=\"\">1</a></sup>b <ruby>漢<rp>(</rp><rt>kan</rt></ruby></p>",
                "ab 漢",
            ),
            (
                "<p>If <math alttext=\"a &lt; b\"><mi>a</mi><mo>&lt;</mo><mi>b</mi></math>, then <math display=\"block\" alttext=\"c\"><mi>c</mi></math></p>",
                "If $a < b$, then $$c$$",
            ),
            ("", ""),
        ] {
            assert_eq!(summary(html), expected, "{html}");
        }
        let long = summary(&format!("<p>{}</p>", "word ".repeat(1000)));
        assert!(long.ends_with('…') && long.chars().count() <= 281);
    }
}
