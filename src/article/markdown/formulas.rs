//! Formulas of TeX in Markdown: `$x$`, `$$x$$`, `\(x\)`, `\[x\]` and code blocks of the language
//! `math`.
//!
//! Three steps, around everything else that is done to a text. [`veiled`] takes the TeX away, since
//! it looks like tags and signs of other kinds (`x^{{a}}`, `a == b`). The writer writes a mark in
//! place of each formula, which passes the sanitiser as text. [`placed`] writes MathML in place of
//! the marks. A formula that cannot be converted stays as its source, as code.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::article::feed_html::mathml::Formula;
use crate::article::feed_html::{FORMULA_END, FORMULA_START, Part, elements, parts, push_text};
use crate::article::findings::Findings;
use crate::article::rendering::{Rendering, depth, too_large};
use crate::base::place::line_breaks;
use crate::base::{Diagnostic, text};

use super::parser::parser_with_math;
use super::tex::Converter;

/// Formulas whose lines are looked for, if they cannot be converted.
const REPORTED_MAX: usize = 64;

/// Characters of a formula in a finding.
const SHOWN_CHARS: usize = 60;

/// Signs that may hide text in some generator: a formula with one of them is not taken away, so
/// that what is hidden stays hidden.
const HIDING: [&str; 8] = ["{%", "{#", "{/*", "{::", "{{/", "{{<", "{{%", "{{-"];

/// A formula in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) tex: String,
    pub(crate) is_block: bool,
}

impl Source {
    /// The formula of this TeX, without comments of HTML, which show nothing.
    pub(crate) fn new(tex: &str, is_block: bool) -> Self {
        let mut shown = String::with_capacity(tex.len());
        let mut rest = tex;
        while let Some((before, comment)) = rest.split_once("<!--") {
            shown.push_str(before);
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        }
        shown.push_str(rest);
        let tex = if is_block { shown.trim().to_owned() } else { shown };
        Self { tex, is_block }
    }

    /// The formula as its author wrote it.
    fn with_signs(&self) -> String {
        let sign = if self.is_block { "$$" } else { "$" };
        format!("{sign}{}{sign}", self.tex)
    }
}

/// A text without the TeX of its formulas.
pub(crate) struct Veiled<'t> {
    pub(crate) text: Cow<'t, str>,
    /// The text that was taken away.
    pieces: Vec<Piece<'t>>,
}

/// A line of TeX.
struct Piece<'t> {
    tex: &'t str,
    /// Whether it goes on where the line before it ended.
    goes_on: bool,
}

impl<'t> Veiled<'t> {
    /// A text from which nothing is taken away.
    pub(crate) fn nothing(text: &'t str) -> Self {
        Self { text: Cow::Borrowed(text), pieces: Vec::new() }
    }

    /// The text, which may have changed since, with the TeX in its places.
    pub(crate) fn revealed<'r>(&self, text: &'r str) -> Cow<'r, str> {
        if self.pieces.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        each_mark(text, |before, number| {
            out.push_str(before);
            let Some(piece) = number.and_then(|number| self.pieces.get(number)) else { return };
            if piece.goes_on {
                // A line that begins with `-` or `+` would be an item of a list.
                out.truncate(out.trim_end_matches([' ', '\t', '>', '\n']).len());
                out.push(' ');
            }
            out.push_str(piece.tex);
        });
        Cow::Owned(out)
    }
}

/// Takes the TeX of formulas away, and writes `\(x\)` as `$x$` and `\[x\]` as `$$x$$`. Lines stay
/// lines.
pub(crate) fn veiled(text: &str) -> Veiled<'_> {
    if !["$", "\\(", "\\["].iter().any(|sign| text.contains(sign)) {
        return Veiled::nothing(text);
    }
    let mut veil = Veiled { text: Cow::Borrowed(text), pieces: Vec::new() };
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    for span in spans(text) {
        out.push_str(&text[kept..span.whole.start]);
        out.push_str(span.sign);
        let tex = &text[span.tex];
        if HIDING.iter().any(|sign| tex.contains(sign))
            || tex.contains("%%")
            || tex.contains("<!--")
        {
            out.push_str(tex);
        } else {
            push_veiled(&mut out, tex, &mut veil.pieces);
        }
        out.push_str(span.sign);
        kept = span.whole.end;
    }
    out.push_str(&text[kept..]);
    veil.text = Cow::Owned(out);
    veil
}

/// Writes marks in place of TeX, line by line, behind the signs of the quote that the lines are in.
fn push_veiled<'t>(out: &mut String, tex: &'t str, pieces: &mut Vec<Piece<'t>>) {
    // A comment of TeX ends with its line.
    let has_comment = tex.contains('%');
    for (number, line) in tex.split('\n').enumerate() {
        let mut content = line;
        if number > 0 {
            out.push('\n');
            content = line.trim_start_matches([' ', '\t', '>']);
            out.push_str(&line[..line.len() - content.len()]);
        }
        if !content.is_empty() {
            push_mark(out, pieces.len());
            pieces.push(Piece { tex: content, goes_on: number > 0 && !has_comment });
        }
    }
}

/// A formula in a text: all of it, its TeX, and the sign to write around it.
struct Span {
    whole: Range<usize>,
    tex: Range<usize>,
    sign: &'static str,
}

/// The formulas of a text, in order.
fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut code = Vec::new();
    let mut open: Option<Bracket> = None;
    for (event, range) in parser_with_math(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code.push(range),
            Event::InlineMath(_) => spans.extend(between(text, range, "$")),
            Event::DisplayMath(_) => spans.extend(between(text, range, "$$")),
            Event::Text(_) => match (bracket(text, range), open.take()) {
                (Some(begin), _) if begin.opens => open = Some(begin),
                (Some(end), Some(begin)) if end.sign == begin.sign => {
                    spans.extend(bracketed(text, &begin, &end));
                }
                (_, begin) => open = begin,
            },
            Event::SoftBreak
            | Event::HardBreak
            | Event::Start(_)
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough) => {}
            _ => open = None,
        }
    }
    spans.extend(blocks(text, &code));
    // Of two that overlap, the longer one is a block.
    spans.sort_by_key(|span| (span.whole.start, Reverse(span.whole.end)));
    let mut end = 0;
    spans.retain(|span| {
        let is_apart = span.whole.start >= end;
        end = end.max(span.whole.end);
        is_apart
    });
    spans
}

/// Formulas of several lines, from one that begins with `$$` to one that ends with it. The parser
/// does not see those with a line that would begin a list.
fn blocks(text: &str, code: &[Range<usize>]) -> Vec<Span> {
    let mut blocks = Vec::new();
    let mut code = code.iter().peekable();
    let mut begin = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t', '>']);
        let start = offset + line.len() - content.len();
        offset += line.len();
        let content = content.trim_end();
        while code.next_if(|code| code.end <= start).is_some() {}
        let is_code = code.peek().is_some_and(|code| code.start <= start);
        match begin {
            _ if is_code || content.is_empty() => begin = None,
            None => {
                let opens = content.strip_prefix("$$").is_some_and(|rest| !rest.contains("$$"));
                begin = opens.then_some(start);
            }
            Some(first) => {
                let Some(at) = content.find("$$") else { continue };
                if at + "$$".len() == content.len() {
                    let (whole, tex) = (first..start + content.len(), first + 2..start + at);
                    blocks.push(Span { whole, tex, sign: "$$" });
                }
                begin = None;
            }
        }
    }
    blocks
}

fn between(text: &str, whole: Range<usize>, sign: &'static str) -> Option<Span> {
    let inner = text[whole.clone()].strip_prefix(sign)?.strip_suffix(sign)?;
    let start = whole.start + sign.len();
    Some(Span { tex: start..start + inner.len(), whole, sign })
}

/// `\(`, `\)`, `\[` or `\]`, or one of them behind another backslash, as authors write it for
/// parsers that remove the first.
struct Bracket {
    range: Range<usize>,
    opens: bool,
    sign: &'static str,
}

/// The bracket that begins a run of text: its backslash ends the run before.
fn bracket(text: &str, run: Range<usize>) -> Option<Bracket> {
    if !text[..run.start].ends_with('\\') {
        return None;
    }
    let start = run.start - 1;
    let rest = &text[run];
    let escaped = rest.strip_prefix('\\').unwrap_or(rest);
    let (opens, sign) = match escaped.chars().next()? {
        '(' => (true, "$"),
        ')' => (false, "$"),
        '[' => (true, "$$"),
        ']' => (false, "$$"),
        _ => return None,
    };
    // A backslash, perhaps another one, and the bracket.
    let end = start + 2 + rest.len() - escaped.len();
    Some(Bracket { range: start..end, opens, sign })
}

fn bracketed(text: &str, begin: &Bracket, end: &Bracket) -> Option<Span> {
    let tex = text.get(begin.range.end..end.range.start)?;
    let trimmed = tex.trim();
    if trimmed.is_empty() || trimmed.contains('$') {
        return None;
    }
    let start = begin.range.end + tex.len() - tex.trim_start().len();
    let whole = begin.range.start..end.range.end;
    Some(Span { whole, tex: start..start + trimmed.len(), sign: begin.sign })
}

/// Writes the mark of the formula, or of the piece, of this number.
pub(crate) fn push_mark(out: &mut String, number: usize) {
    out.push(FORMULA_START);
    out.push_str(&number.to_string());
    out.push(FORMULA_END);
}

/// Calls `write` with the text before each mark and its number, then with the text behind the last.
fn each_mark(text: &str, mut write: impl FnMut(&str, Option<usize>)) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(FORMULA_START) {
        let Some((number, after)) = after.split_once(FORMULA_END) else { break };
        write(before, number.parse().ok());
        rest = after;
    }
    write(rest, None);
}

/// The HTML with MathML in place of the marks. `source` is the text of the article, for the places
/// of findings.
///
/// # Errors
///
/// `too-large` if the result exceeds its limit.
pub(crate) fn placed(
    html: String,
    formulas: &[Source],
    source: &str,
    rendering: &Rendering<'_>,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    if formulas.is_empty() {
        return Ok(html);
    }
    let depth_max = depth(rendering.limits);
    let mut converter = Converter::new();
    let mut reported = 0;
    let mut out = String::with_capacity(html.len() * 2);
    let mut open = 0_usize;
    let mut rest = html.as_str();
    for part in parts(&html) {
        let len = part_len(&part);
        let (written, after) = rest.split_at(len);
        rest = after;
        match part {
            Part::Text(text) if text.contains(FORMULA_START) => {
                each_mark(text, |before, number| {
                    out.push_str(before);
                    let Some(formula) = number.and_then(|number| formulas.get(number)) else {
                        return;
                    };
                    match convert(&mut converter, formula, depth_max.saturating_sub(open)) {
                        Ok(formula) => out.push_str(&formula.html),
                        Err(why) => {
                            push_source(&mut out, formula, open < depth_max);
                            if reported < REPORTED_MAX {
                                reported += 1;
                                report(formula, &why, source, findings);
                            }
                        }
                    }
                });
            }
            Part::Text(_) => out.push_str(written),
            Part::Start(name, _) => {
                open += usize::from(!elements::is_void(name));
                out.push_str(written);
            }
            Part::End(_) => {
                open = open.saturating_sub(1);
                out.push_str(written);
            }
        }
        if out.len() > rendering.limits.max_bytes {
            return Err(too_large(rendering.limits));
        }
    }
    Ok(out)
}

/// Bytes of a part in its HTML.
fn part_len(part: &Part<'_>) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Start(name, values) => name.len() + values.len() + "<>".len(),
        Part::End(name) => name.len() + "</>".len(),
    }
}

fn convert(
    converter: &mut Converter,
    formula: &Source,
    depth_left: usize,
) -> Result<Formula, String> {
    let converted = converter.convert(&formula.tex, formula.is_block)?;
    if converted.depth > depth_left {
        return Err("it is nested too deeply".to_owned());
    }
    Ok(converted)
}

/// Writes a formula as its author wrote it, as code if there is room for an element.
fn push_source(out: &mut String, formula: &Source, has_room: bool) {
    if has_room {
        out.push_str("<code>");
    }
    push_text(out, &formula.with_signs());
    if has_room {
        out.push_str("</code>");
    }
}

fn report(formula: &Source, why: &str, source: &str, findings: &mut Findings) {
    let shown = text::line(&text::excerpt(&formula.with_signs(), SHOWN_CHARS));
    let message = format!("the formula `{shown}` is shown as its source: {why}");
    let line =
        place_of(&formula.tex, source).map(|at| line_breaks(&source[..at]).saturating_add(1));
    findings.add(Diagnostic::warning("math", message), line);
}

/// The place of a formula in the source of the article, where its lines may be in a quote.
fn place_of(tex: &str, source: &str) -> Option<usize> {
    let mut words = tex.split_whitespace();
    let first = words.next()?;
    let mut found = None;
    for (at, _) in source.match_indices(first) {
        let mut rest = &source[at + first.len()..];
        let is_here = words.clone().all(|word| {
            rest = rest.trim_start_matches([' ', '\t', '\n', '>']);
            match rest.strip_prefix(word) {
                Some(after) => {
                    rest = after;
                    true
                }
                None => false,
            }
        });
        // The same text may be elsewhere without the sign of a formula.
        if is_here && source[..at].ends_with('$') {
            return Some(at);
        }
        if is_here && found.is_none() {
            found = Some(at);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::article::feed_html::invariants;
    use crate::article::model::{Body, Head, TitleFrom};
    use crate::article::testing::{LIMITS, head};
    use crate::article::{Limits, body};
    use crate::base::{Diagnostic, RelPath};

    fn with(text: &str, limits: &Limits, math: Option<bool>) -> (Body, Vec<Diagnostic>) {
        let path = RelPath::new("a.md").unwrap();
        let head = Head { math, ..head(TitleFrom::FileName) };
        let (body, findings) = body(&path, text.as_bytes(), &head, limits).unwrap();
        assert_eq!(invariants::check(&body.html), Ok(()), "{text}");
        (body, findings)
    }

    /// The HTML of a text in which formulas are read, each shown as its source between `⟦` and `⟧`.
    fn html(text: &str) -> String {
        let (body, _) = with(text, &LIMITS, Some(true));
        let mut out = String::new();
        let mut rest = body.html.as_str();
        while let Some((before, after)) = rest.split_once("<math") {
            let (tag, after) = after.split_once('>').unwrap();
            let (_, after) = after.split_once("</math>").unwrap();
            let block = if tag.contains("display=\"block\"") { "$" } else { "" };
            let (_, tex) = tag.split_once("alttext=\"").unwrap();
            out.push_str(&format!("{before}⟦{block}{}⟧", tex.trim_end_matches('"')));
            rest = after;
        }
        out + rest
    }

    #[test]
    fn where_a_formula_begins_and_ends() {
        for (text, expected) in [
            ("a $x$, $y$-z", "<p>a ⟦x⟧, ⟦y⟧-z</p>"),
            ("the $n$th", "<p>the ⟦n⟧th</p>"),
            ("$$x$$", "<p>⟦$x⟧</p>"),
            ("$$\nx\n+ y\n$$", "<p>⟦$x + y⟧</p>"),
            ("$$\nx\n- y\n1. z\n$$\n- a", "<p>⟦$x - y 1. z⟧</p>\n<ul>"),
            ("> $$ x\n> + y $$", "⟦$x + y⟧"),
            ("```\n$$\n```\na\n```\n$$\n```", "<p>a</p>"),
            ("> $$\n> x\n> $$", "<blockquote>\n<p>⟦$x⟧</p>\n</blockquote>"),
            ("- a\n\n  $$\n  x\n  $$", "<ul>\n<li><p>a</p>\n<p>⟦$x⟧</p>\n</li>\n</ul>"),
            ("a $$x$$ b", "<p>a ⟦$x⟧ b</p>"),
            (r"a \(x\) \[ y \] b", "<p>a ⟦x⟧ ⟦$y⟧ b</p>"),
            (r"a \\(x_1\\) b", "<p>a ⟦x_1⟧ b</p>"),
            (r"a \(b \[c", "<p>a (b [c</p>"),
            (r"a \(`b`\) c", "<p>a (<code>b</code>) c</p>"),
            (r"\(*a*\)", "<p>⟦*a*⟧</p>"),
            ("```math\nx < y\n```", "<p>⟦$x &lt; y⟧</p>"),
            ("a[^1]\n\n[^1]: $x$", "⟦x⟧"),
            ("# $x$ b", "<h1 id=\"x-b\">⟦x⟧ b</h1>"),
            ("| a |\n|---|\n| $x$ |", "<td>⟦x⟧</td>"),
            ("[a $x$](https://e.org/)", "<a href=\"https://e.org/\">a ⟦x⟧</a>"),
            ("![a $x$](https://e.org/b.png)", "alt=\"a x\""),
            ("**$x$**", "<strong>⟦x⟧</strong>"),
            ("<b>a $x$</b>", "<b>a ⟦x⟧</b>"),
            ("<div>\n\n$$x$$\n\n</div>", "<div>\n<p>⟦$x⟧</p>\n</div>"),
            ("<table><tr><td>\n\n$x$\n\n</td></tr></table>", "<p>⟦x⟧</p>"),
        ] {
            let html = html(text);
            assert!(html.contains(expected), "{text}\n{html}");
        }
    }

    #[test]
    fn what_is_no_formula_stays() {
        for text in [
            "costs $5 and $6",
            "US$5 to US$10",
            "$20,000 and USD$30,000",
            "$ x $",
            r"\$x\$ and \$y\$",
            "`$x$`",
            "a$",
            "```sh\necho $HOME $USER\n```",
            "    $x$ $y$",
            "<pre>$x$</pre>",
            "<!-- $x$ --> a",
            "[a](https://e.org/$x$)",
        ] {
            let seen = html(text);
            assert!(!seen.contains('⟦'), "{text}\n{seen}");
            assert_eq!(seen, with(text, &LIMITS, None).0.html, "{text}");
        }
    }

    #[test]
    fn tex_is_no_tag_and_no_sign_of_another_kind() {
        for (text, expected) in [
            ("$x^{{a}}$", "⟦x^{{a}}⟧"),
            ("$a == b$ ==c== $d == e$", "⟦a == b⟧ <mark>c</mark> ⟦d == e⟧"),
            ("$[[a]]$ $x_{:a}$", "⟦[[a]]⟧ ⟦x_{:a}⟧"),
            ("$$\na ^bc\n$$", "⟦$a ^bc⟧"),
            ("$a*b$ *c* $d*e$ $f_g$ $h_i$", "⟦a*b⟧ <em>c</em> ⟦d*e⟧ ⟦f_g⟧ ⟦h_i⟧"),
            (r"$\{a\}$", r"⟦\{a\}⟧"),
            (r"$$a \\ b$$", r"⟦$a \\ b⟧"),
            ("$a<b$ and $c>d$", "⟦a&lt;b⟧ and ⟦c&gt;d⟧"),
        ] {
            let html = html(text);
            assert!(html.contains(expected), "{text}\n{html}");
        }
        for text in [
            "$a {% comment %}hid{% endcomment %} b$",
            "$a %%hid%% b$",
            "$a <!-- hid --> b$ <b>c</b>",
        ] {
            let html = html(text);
            assert!(!html.contains("hid"), "{text}\n{html}");
        }
    }

    #[test]
    fn the_article_overrides_the_site() {
        let math = Limits { math: true, ..LIMITS };
        for (limits, article, is_math) in [
            (&LIMITS, None, false),
            (&LIMITS, Some(true), true),
            (&math, None, true),
            (&math, Some(false), false),
        ] {
            let (body, _) = with("$x$\n\n```math\ny\n```", limits, article);
            assert_eq!(body.html.matches("<math").count(), if is_math { 2 } else { 0 });
        }
        let path = RelPath::new("a.html").unwrap();
        let (html, _) =
            body(&path, b"<p>$x$ <math><mi>y</mi></math>", &head(TitleFrom::FileName), &math)
                .unwrap();
        assert_eq!(html.html, "<p>$x$ </p>");
    }

    #[test]
    fn a_formula_that_cannot_be_converted_is_code_and_a_warning_with_its_line() {
        let text = "a\n\n{{ gone }}\n\n$x$ and $\\frac{a}$\n\n$$\n\\unknown\n$$\n";
        let (body, findings) = with(text, &LIMITS, Some(true));
        assert!(body.html.contains("<code>$\\frac{a}$</code>"), "{}", body.html);
        assert!(body.html.contains("<code>$$\\unknown$$</code>"), "{}", body.html);
        let seen: Vec<String> = findings
            .iter()
            .filter(|finding| finding.code == "math")
            .map(ToString::to_string)
            .collect();
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(
            seen[0].starts_with("5:1: the formula `$\\frac{a}$` is shown as its source: "),
            "{seen:?}"
        );
        assert!(
            seen[1].starts_with("8:1: the formula `$$\\unknown$$` is shown as its source: "),
            "{seen:?}"
        );
    }

    #[test]
    fn formulas_are_no_deeper_than_a_body_may_be() {
        let shallow = Limits { depth: 4, ..LIMITS };
        let (body, findings) = with("> $x$\n> $\\sqrt{\\sqrt x}$", &shallow, Some(true));
        assert_eq!(body.html.matches("<math").count(), 1);
        assert!(body.html.contains("<code>"));
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn no_mark_of_an_author_is_read() {
        for text in [
            "\u{fdda}0\u{fddb} $x$",
            "&#xfdda;0&#xfddb; $x$",
            "a <!--\u{fdda}0\u{fddb}--> $x$ <b>a</b>",
            "a <!--&#xfdda;0&#xfddb;--> $x$ <b>a</b>",
        ] {
            assert_eq!(html(text).matches('⟦').count(), 1, "{text}");
        }
    }
}
