//! Finished HTML -> the plain text that stands for it.

use crate::base::html::unescape;
use crate::base::text::{excerpt, line};

use super::feed_html::elements::{Role, find};
use super::feed_html::{MORE, Part, parts};

/// About how many graphemes a summary has at most.
const LIMIT: usize = 280;

/// What stands before the mark of the summary's end, else the first paragraph, else the first text; cut.
pub(crate) fn summary(html: &str) -> String {
    let before = html.find(MORE).map(|at| whole(&html[..at])).filter(|text| !text.is_empty());
    let text = before.unwrap_or_else(|| first_paragraph(html));
    cut(&text)
}

/// Plain text as a summary: on one line, cut.
pub(crate) fn cut(text: &str) -> String {
    excerpt(&line(text), LIMIT).into_owned()
}

/// All of the text.
fn whole(html: &str) -> String {
    blocks(html).fold(String::new(), |mut text, (_, block)| {
        text.push(' ');
        text.push_str(&block);
        text.truncate(text.floor_char_boundary(8 * LIMIT));
        text
    })
}

/// The text of the first paragraph that has one; else of the first block that is no heading and no code; else any.
fn first_paragraph(html: &str) -> String {
    let mut fallback: Option<(bool, String)> = None;
    for (kind, text) in blocks(html) {
        match kind {
            "p" => return text,
            "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => drop(fallback.get_or_insert((false, text))),
            _ if !matches!(fallback, Some((true, _))) => fallback = Some((true, text)),
            _ => {}
        }
    }
    fallback.map(|(_, text)| text).unwrap_or_default()
}

/// Runs of text, each with the block that holds it: the name of the innermost one, but `p` wherever a paragraph is
/// open. Marks of footnotes, pronunciations and what stands in for media are left out.
fn blocks(html: &str) -> impl Iterator<Item = (&'static str, String)> {
    let mut parts = parts(html);
    let mut open: Vec<&'static str> = vec!["div"];
    let mut silent: Option<(&str, usize)> = None;
    std::iter::from_fn(move || {
        let mut text = String::new();
        let mut is_done = false;
        while !is_done {
            let Some(part) = parts.next() else { break };
            if is_silent(&mut silent, part) {
                continue;
            }
            let kind = open.last().copied().unwrap_or("div");
            match part {
                Part::Text(part) => text.push_str(&unescape(part).replace(MORE, "")),
                Part::Start("br", _) => text.push(' '),
                Part::Start(name, _) | Part::End(name) => {
                    let Some(block) = find(name).filter(|e| matches!(e.role, Role::Block | Role::Table)) else {
                        continue;
                    };
                    is_done = !text.trim().is_empty();
                    match part {
                        Part::Start(..) => open.push(block.name),
                        _ if open.len() > 1 => drop(open.pop()),
                        _ => {}
                    }
                }
            }
            if is_done {
                return Some((kind, line(&text)));
            }
        }
        let rest = line(&text);
        (!rest.is_empty()).then(|| (open.last().copied().unwrap_or("div"), rest))
    })
}

/// Is this part inside of something that is not read aloud with the text?
fn is_silent<'a>(silent: &mut Option<(&'a str, usize)>, part: Part<'a>) -> bool {
    match (silent.as_mut(), part) {
        (None, Part::Start(name, attributes)) => {
            let is_mark = name == "sup" && attributes.starts_with(" id=\"fnref-");
            if is_mark || matches!(name, "rt" | "rp" | "audio" | "video") {
                *silent = Some((name, 1));
            }
        }
        (None, _) => return false,
        (Some((name, depth)), Part::Start(started, _)) if *name == started => *depth += 1,
        (Some((name, depth)), Part::End(ended)) if *name == ended => {
            *depth -= 1;
            if *depth == 0 {
                *silent = None;
            }
            return true;
        }
        (Some(_), _) => {}
    }
    silent.is_some()
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
            ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "a"),
            ("<pre>x</pre><div>a &lt; b<br>c</div>", "a < b c"),
            ("<pre>x</pre>", "x"),
            ("a<b>b</b>", "ab"),
            ("<p>a<sup id=\"fnref-x-1\"><a href=\"\">1</a></sup>b <ruby>漢<rp>(</rp><rt>kan</rt></ruby></p>", "ab 漢"),
            ("", ""),
        ] {
            assert_eq!(summary(html), expected, "{html}");
        }
        let long = summary(&format!("<p>{}</p>", "word ".repeat(1000)));
        assert!(long.ends_with('…') && long.chars().count() <= 281);
    }
}
