//! Summaries: finished HTML -> a plain text of a few sentences.

use crate::base::html::unescape;
use crate::base::text::{excerpt, line};

use super::feed_html::elements::{Role, find};
use super::feed_html::mathml::MATH;
use super::feed_html::{MORE, Part, Parts, attributes, parts};

/// The length of a summary in graphemes, about.
const LIMIT: usize = 280;

/// The length in characters below which a paragraph may be a greeting.
const GREETING_CHARS: usize = 60;

/// The summary of a body: the text before the mark of the summary's end, else the first paragraph,
/// else the first text; cut.
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
    for (_, block) in Blocks::of(html) {
        text.push(' ');
        text.push_str(&block);
        if text.len() > 8 * LIMIT {
            text.truncate(text.floor_char_boundary(8 * LIMIT));
            break;
        }
    }
    text
}

/// The text of the first paragraph that has one, with the next paragraph if it is only a greeting;
/// else of the first block that is neither a heading nor code; else of any block.
fn first_paragraph(html: &str) -> String {
    let (mut plain, mut any) = (None, None);
    let mut greeting: Option<String> = None;
    for (kind, text) in Blocks::of(html) {
        match (kind, greeting) {
            ("p", Some(greeting)) => return format!("{greeting} {text}"),
            (_, Some(greeting)) => return greeting,
            _ => greeting = None,
        }
        match kind {
            "p" if is_greeting(&text) => greeting = Some(text),
            "p" => return text,
            "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                any.get_or_insert(text);
            }
            _ => {
                plain.get_or_insert(text);
            }
        }
    }
    greeting.or(plain).or(any).unwrap_or_default()
}

/// Whether a paragraph is only a greeting, such as `Hi everyone,`.
fn is_greeting(text: &str) -> bool {
    text.chars().count() < GREETING_CHARS && text.ends_with([',', '!', ':', '，', '！', '：'])
}

/// Runs of text, each with the name of the innermost block that holds it. Marks of footnotes,
/// pronunciations and the alternatives of media are left out.
struct Blocks<'h> {
    parts: Parts<'h>,
    /// The open blocks. The first is the body itself.
    open: Vec<&'static str>,
    /// The open element whose text is left out, and how many of its name are open.
    silent: Option<(&'h str, usize)>,
}

impl Iterator for Blocks<'_> {
    type Item = (&'static str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = String::new();
        while let Some(part) = self.parts.next() {
            if self.silent.is_none()
                && let Part::Start(MATH, values) = part
            {
                text.push_str(&tex(values));
            }
            if self.is_silent(part) {
                continue;
            }
            let kind = self.kind();
            match part {
                Part::Text(part) => text.push_str(&unescape(part).replace(MORE, "")),
                Part::Start("br", _) => text.push(' '),
                Part::Start(name, _) => {
                    let Some(block) = block_named(name) else { continue };
                    self.open.push(block);
                }
                Part::End(name) => {
                    if block_named(name).is_none() {
                        continue;
                    }
                    if self.open.len() > 1 {
                        self.open.pop();
                    }
                }
            }
            // A block begins or ends here, and with it the text before it ends.
            let is_boundary = !matches!(part, Part::Text(_) | Part::Start("br", _));
            if is_boundary && !text.trim().is_empty() {
                return Some((kind, line(&text)));
            }
        }
        let rest = line(&text);
        if rest.is_empty() { None } else { Some((self.kind(), rest)) }
    }
}

impl<'h> Blocks<'h> {
    fn of(html: &'h str) -> Self {
        Self { parts: parts(html), open: vec!["div"], silent: None }
    }

    fn kind(&self) -> &'static str {
        self.open.last().copied().unwrap_or("div")
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
