//! (bytes, head) -> `Body`.

use std::borrow::Cow;

use crate::base::html::unescape;
use crate::base::path::Markup;
use crate::base::text::{line, mapped};
use crate::base::{Diagnostic, RelPath, Severity, catch_panic};

use super::feed_html::references::Resolver;
use super::feed_html::{Part, finished, is_mark, parts, repair_source};
use super::findings::Findings;
use super::location::markup_of;
use super::model::{Body, Head, TitleFrom};
use super::rendering::{Limits, Rendering, prefix_of};
use super::title::{is_same, without_permalink};
use super::{decode, front_matter, html, markdown, plain_text, summary, symbol};

/// Renders the article at `path`, whose head was read from the same bytes.
///
/// # Errors
///
/// At least one error: the bytes are not text, the HTML is larger than its limit (`too-large`), or
/// the renderer failed (`render`).
pub fn body(
    path: &RelPath,
    bytes: &[u8],
    head: &Head,
    limits: &Limits,
) -> Result<(Body, Vec<Diagnostic>), Vec<Diagnostic>> {
    let decoded = match decode::decode(bytes) {
        Ok(text) => text,
        Err(refused) => return Err(vec![refused]),
    };
    let split = front_matter::split(&decoded, markup_of(path));
    let rendering =
        Rendering { head, limits, resolver: Resolver::new(path), prefix: prefix_of(path) };
    let mut findings = Findings::from_line(split.line);
    // A panic in a parser costs this article, not the others. Nothing that it may have left half
    // done is used.
    let text = with_separator(&split);
    let rendered = catch_panic(|| render(path, &text, &rendering, &mut findings));
    match rendered.and_then(|rendered| rendered) {
        Ok(html) => {
            findings.place_dropped(split.text);
            Ok((finish(&html, head), findings.into_diagnostics()))
        }
        Err(error) => {
            let mut all = findings.into_diagnostics();
            all.retain(|finding| finding.severity != Severity::Error);
            all.insert(0, error);
            Err(all)
        }
    }
}

fn render(
    path: &RelPath,
    text: &str,
    rendering: &Rendering<'_>,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    let text = repair_source(text);
    match markup_of(path) {
        Markup::Markdown => markdown::render(&text, rendering, findings),
        Markup::Html => html::render(&text, rendering, findings),
        Markup::Text => plain_text::render(&text, rendering),
    }
}

/// The text with `<!--more-->` in place of the sign that its author chose for the end of the
/// summary (Jekyll's `excerpt_separator`). The sign that is an empty line means the first
/// paragraph, which it is anyway.
fn with_separator<'t>(split: &front_matter::Split<'t>) -> Cow<'t, str> {
    let may_have_sign = split
        .front_matter
        .is_some_and(|(_, source)| source.contains("separator") || source.contains("Separator"));
    if !may_have_sign {
        return Cow::Borrowed(split.text);
    }
    let Ok(table) = front_matter::tree::read(split) else { return Cow::Borrowed(split.text) };
    match table.text(&["excerptseparator"]).map(str::trim) {
        Some(sign) if sign.len() >= 3 && split.text.contains(sign) => {
            Cow::Owned(split.text.replacen(sign, "<!--more-->", 1))
        }
        _ => Cow::Borrowed(split.text),
    }
}

/// Derives the summary, and gives the marks their final form. A summary that the author wrote stays
/// whole.
fn finish(html: &str, head: &Head) -> Body {
    let html = finished(html.to_owned());
    let html = match head.title_from {
        TitleFrom::FrontMatter => without_repeated_title(&html, &head.title),
        _ => &html,
    };
    let mut summary = line(head.summary.as_deref().unwrap_or_default());
    if summary.is_empty() {
        summary = summary::summary(html);
    }
    Body { html: mapped(html.trim(), without_marks), summary }
}

/// The final form of a character of a body; `None` for a mark.
fn without_marks(c: char) -> Option<char> {
    if is_mark(c) { None } else { Some(symbol::finished(c)) }
}

/// The HTML without a heading at its beginning that says the title once more: readers show the
/// title above the text. A text of nothing but this heading keeps it.
fn without_repeated_title<'h>(html: &'h str, title: &str) -> &'h str {
    let start = html.trim_start_matches(|c: char| c.is_whitespace() || is_mark(c));
    let [b'<', b'h', level @ b'1'..=b'3', ..] = start.as_bytes() else { return html };
    let end_tag = format!("</h{}>", char::from(*level));
    let Some((heading, rest)) = start.split_once(&end_tag) else { return html };
    let mut text = String::new();
    let mut is_in_note = false;
    for part in parts(heading) {
        match part {
            Part::Start("sup", attributes) => is_in_note = attributes.contains("fnref-"),
            Part::End("sup") => is_in_note = false,
            Part::Text(piece) if !is_in_note => text.push_str(&unescape(piece)),
            _ => {}
        }
    }
    let is_repeated = is_same(without_permalink(&text), title) && !title.is_empty();
    if is_repeated && !rest.trim().is_empty() { rest } else { html }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{LIMITS, head, rendered};
    use super::*;

    #[test]
    fn each_markup_has_its_renderer() {
        for (name, text, expected) in [
            ("a.md", "*x*", "<p><em>x</em></p>"),
            ("a.html", "<i>*x*</i>", "<i>*x*</i>"),
            ("a.txt", "<i>*x*</i>", "<p>&lt;i&gt;*x*&lt;/i&gt;</p>"),
        ] {
            assert_eq!(rendered(name, text, TitleFrom::FileName).html, expected, "{name}");
        }
    }

    #[test]
    fn summaries_are_the_heads_the_marks_or_the_first_paragraphs() {
        let text = "One *two*.\n\n<!-- more -->\n\nThree.\n";
        let seen = rendered("a.md", text, TitleFrom::FileName);
        assert_eq!(
            (seen.html.as_str(), seen.summary.as_str()),
            ("<p>One <em>two</em>.</p>\n\n<p>Three.</p>", "One two.")
        );
        let raw = rendered("a.md", &format!("{text}<b>x</b>"), TitleFrom::FileName);
        assert_eq!(
            (raw.html.as_str(), raw.summary.as_str()),
            ("<p>One <em>two</em>.</p>\n\n<p>Three.\n<b>x</b></p>", "One two.")
        );
        let mut given = head(TitleFrom::FrontMatter);
        given.summary = Some("  Given\nhere ".to_owned());
        let path = RelPath::new("a.md").unwrap();
        assert_eq!(body(&path, text.as_bytes(), &given, &LIMITS).unwrap().0.summary, "Given here");
        assert_eq!(rendered("a.md", "![a cat](cat.png)", TitleFrom::FileName).summary, "");
        assert_eq!(
            rendered("a.html", "<p>a<p>b<!--more--><p>c", TitleFrom::FileName).summary,
            "a b"
        );
    }

    #[test]
    fn an_author_may_choose_the_end_of_the_summary() {
        let path = RelPath::new("a.md").unwrap();
        for (front_matter, sign) in [
            ("excerpt_separator: <!-- cut -->", "<!-- cut -->"),
            ("excerptSeparator: '***cut***'", "***cut***"),
            ("title: a", "<!-- TEASER_END -->"),
            ("title: a", "<!-- PELICAN_END_SUMMARY -->"),
            ("title: a", "<!-- truncate -->"),
            ("title: a", "<!-- excerpt -->"),
            ("title: a", "<!--more-->"),
            ("title: a", "{/* truncate */}"),
            ("title: a", "{/* more */}"),
        ] {
            let text = format!("---\n{front_matter}\n---\nOne.\n\nTwo.\n\n{sign}\n\nThree.\n");
            let head = head(TitleFrom::FileName);
            let (body, _) = body(&path, text.as_bytes(), &head, &LIMITS).unwrap();
            assert_eq!(body.summary, "One. Two.", "{sign}");
            assert!(!body.html.contains("cut"), "{}", body.html);
        }
    }

    #[test]
    fn a_comment_that_is_never_closed_is_named() {
        for (name, text, line) in [
            ("a.md", "a\n\n<!-- b\n\nc", Some(3)),
            ("a.md", "<!-- b\n-->\n\na\n\n<!-- b\n\nc", Some(6)),
            ("a.md", "`<!--` a\n\n<div>\n<!-- b\n\nc\n\n</div>", Some(4)),
            ("a.md", "---\ntitle: a\n---\nb\n\n<!-- c", Some(6)),
            ("a.html", "<p>a</p>\n<!-- b <p>c</p>", Some(2)),
            ("a.html", "<html><body>a<main>b<!-- c</main>", Some(1)),
            ("a.md", "a <!-- b\n\nc", None),
            ("a.md", "```\n<!-- b\n```\n\n<b>c</b>", None),
            ("a.md", "a\n\n<!--\n", None),
            ("a.html", "a<!-- b --!>c", None),
            ("a.html", "<html><main>a</main><!-- b", None),
            ("a.html", "a{% comment %}<!--{% endcomment %}b", None),
        ] {
            let path = RelPath::new(name).unwrap();
            let (_, findings) =
                body(&path, text.as_bytes(), &head(TitleFrom::FileName), &LIMITS).unwrap();
            let mut warnings = findings.iter().filter(|one| one.severity == Severity::Warning);
            let expected = line.map(|line| {
                format!("{line}:1: `<!--` is never closed: the rest of the text is hidden")
            });
            assert_eq!(warnings.next().map(ToString::to_string), expected, "{text:?}");
        }
    }

    #[test]
    fn a_heading_that_repeats_the_title_leaves() {
        let path = |name: &str| RelPath::new(name).unwrap();
        for (name, title, text, expected) in [
            ("a.md", "Same", "# Same\n\nFirst.", "<p>First.</p>"),
            ("a.md", "Same &amp", "## Same &amp;amp\n\nFirst.", "<p>First.</p>"),
            ("a.md", "Same", "Same.\n===\n\nFirst.", "<p>First.</p>"),
            ("a.md", "Same", "# *same*\n\nFirst.", "<p>First.</p>"),
            ("a.html", "Same", "<h1>Same<a href=#s>¶</a></h1><p>First.</p>", "<p>First.</p>"),
            ("a.md", "Same", "# Same", "<h1 id=\"same\">Same</h1>"),
            ("a.md", "Same", "# Other\n\nFirst.", "<h1 id=\"other\">Other</h1>\n<p>First.</p>"),
            ("a.md", "Same", "First.\n\n# Same", "<p>First.</p>\n<h1 id=\"same\">Same</h1>"),
            ("a.md", "", "# !\n\nFirst.", "<h1 id=\"section\">!</h1>\n<p>First.</p>"),
        ] {
            let head = Head { title: title.to_owned(), ..head(TitleFrom::FrontMatter) };
            let (body, _) = body(&path(name), text.as_bytes(), &head, &LIMITS).unwrap();
            assert_eq!(body.html, expected, "{text}");
        }
    }

    #[test]
    fn a_replacement_character_of_the_author_stays() {
        for (name, text, html, summary) in [
            (
                "a.md",
                "H\u{fffd}r `\u{fffd}`",
                "<p>H\u{fffd}r <code>\u{fffd}</code></p>",
                "H\u{fffd}r \u{fffd}",
            ),
            ("a.html", "<p>H\u{fffd}r&#0;", "<p>H\u{fffd}r</p>", "H\u{fffd}r"),
            ("a.txt", "H\u{fffd}r.", "<p>H\u{fffd}r.</p>", "H\u{fffd}r."),
            ("a.md", "a&#0;b\u{fdef} <b>\u{fffd}</b>", "<p>ab <b>\u{fffd}</b></p>", "ab \u{fffd}"),
        ] {
            let seen = rendered(name, text, TitleFrom::FileName);
            assert_eq!((seen.html.as_str(), seen.summary.as_str()), (html, summary), "{text}");
        }
    }

    #[test]
    fn comments_are_in_no_part_of_a_body() {
        let path = RelPath::new("a.md").unwrap();
        let text = "---\nlang: en\n---\n%%hid%% a %%hid%%\n\n%%\nhid\n\n<b>hid</b>\n%%\n\n`%%b%%` {{< x >}} 100%% sure\n";
        let (body, reported) =
            body(&path, text.as_bytes(), &head(TitleFrom::FileName), &LIMITS).unwrap();
        assert_eq!(
            (body.html.as_str(), body.summary.as_str()),
            ("<p>a</p>\n<p><code>%%b%%</code>  100%% sure</p>", "a")
        );
        let reported: Vec<String> =
            reported.iter().map(|reported| format!("{}: {reported}", reported.code)).collect();
        assert_eq!(
            reported,
            [
                "comment: 4:1: a comment between `%%` was removed",
                "comment: 6:1: a comment between `%%` was removed",
                "template-tag: 12:9: the template tag `x` was removed",
            ]
        );
    }

    #[test]
    fn too_large_is_an_error() {
        let limits = Limits { depth: 100, max_bytes: 1000, math: false };
        for (name, text) in [
            ("a.md", "*a* ".repeat(400)),
            ("a.md", "<b>a</b> ".repeat(400)),
            ("a.html", "<b>a</b>".repeat(400)),
            ("a.txt", "& ".repeat(400)),
        ] {
            let path = RelPath::new(name).unwrap();
            let errors =
                body(&path, text.as_bytes(), &head(TitleFrom::FileName), &limits).unwrap_err();
            assert_eq!(errors[0].code, "too-large", "{name}");
        }
    }

    #[test]
    fn what_had_to_go_is_named() {
        let path = RelPath::new("a.md").unwrap();
        let text = "a <svg></svg> <svg></svg> [b](javascript:x)\n\n{% include x %}\n";
        let (_, findings) =
            body(&path, text.as_bytes(), &head(TitleFrom::FileName), &LIMITS).unwrap();
        let seen: Vec<String> =
            findings.iter().map(|finding| format!("{}: {finding}", finding.code)).collect();
        assert_eq!(
            seen,
            [
                "dropped: 1:3: `<svg>` cannot be in a feed, and was left out (2 times)",
                "template-tag: 3:1: the template tag `include` was removed",
                "dropped: `javascript:x` is not a URL that a feed can have, and was left out",
            ]
        );
    }
}
