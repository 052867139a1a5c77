//! Markdown: CommonMark with tables, strikethrough, task lists, footnotes, ids of headings, alerts
//! and wiki links.

mod addresses;
mod admonitions;
mod callouts;
mod comments;
mod components;
mod definitions;
mod directives;
mod flanks;
mod footnotes;
mod formulas;
mod marks;
mod nesting;
mod outline;
mod parser;
mod tables;
mod tex;
mod writer;

use pulldown_cmark::Event;

use crate::article::findings::Findings;
use crate::article::foreign;
use crate::article::foreign::counterpart::Host;
use crate::article::model::TitleFrom;
use crate::article::rendering::{Rendering, depth, too_large};
use crate::article::sanitize::tokens::tokens;
use crate::article::sanitize::{report_unclosed, sanitize};
use crate::article::word_sketch::WordSketch;
use crate::base::Diagnostic;

use addresses::linked;
use admonitions::as_callouts;
use callouts::{callouts, with_titles_apart};
use comments::shown;
use components::without_components;
use definitions::defined;
use directives::without_directives;
use flanks::flanked;
use formulas::{Source, Veiled, placed, veiled};
use marks::marked;
pub(crate) use outline::outline;
use parser::{parser, parser_with_math};
use tables::with_bars;
use writer::{Settings, Stop, write};

/// The words of the text, without those that nobody is shown.
pub(crate) fn sketch(text: &str) -> WordSketch {
    if !comments::may_stand_in(text) {
        return WordSketch::of(text);
    }
    WordSketch::of(&shown(text, 100, &mut Findings::default()))
}

/// The HTML of an article's text, with marks for references and the summary's end.
pub(crate) fn render(
    text: &str,
    rendering: &Rendering<'_>,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    let veiled = if rendering.has_math() { veiled(text) } else { Veiled::nothing(text) };
    let converted = converted(&veiled.text, depth(rendering.limits), findings);
    let converted = linked(&converted);
    let converted = flanked(&converted);
    let converted = defined(&converted);
    let converted = veiled.revealed(&converted);
    let mut formulas = Vec::new();
    let events = rendered_events(&converted, rendering);
    let written = write(events, settings(rendering, false), &mut formulas, findings);
    let html = match written {
        Ok(html) => html,
        Err(Stop::TooLarge) => return Err(too_large(rendering.limits)),
        Err(Stop::Raw) => {
            formulas.clear();
            sanitized(&converted, text, rendering, &mut formulas, findings)?
        }
    };
    placed(html, &formulas, text, rendering, findings)
}

/// The text with what the parser does not know in the form that it knows, and without what nobody is
/// shown. Both readings begin here, so that an outline has what is rendered.
fn converted(text: &str, depth_max: usize, findings: &mut Findings) -> String {
    let text = foreign::convert(text, Host::Markdown, findings);
    let text = without_directives(&text, findings);
    let text = without_components(&text);
    let text = with_bars(&text);
    let text = as_callouts(&text, findings);
    let text = shown(&text, depth_max, findings);
    let text = with_titles_apart(&text);
    marked(&text).into_owned()
}

/// The events of a text that is rendered.
fn rendered_events<'t>(
    text: &'t str,
    rendering: &Rendering<'_>,
) -> impl Iterator<Item = Event<'t>> {
    let parser = if rendering.has_math() { parser_with_math(text) } else { parser(text) };
    callouts(text, parser, true)
}

/// The HTML of text that holds raw HTML, as its author wrote it in `source`.
fn sanitized(
    text: &str,
    source: &str,
    rendering: &Rendering<'_>,
    formulas: &mut Vec<Source>,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    // What is written here is read once more, so what the first reading found is not lost.
    let (events, settings) = (rendered_events(text, rendering), settings(rendering, true));
    let raw = write(events, settings, formulas, &mut Findings::default());
    let raw = raw.map_err(|_| too_large(rendering.limits))?;
    report_unclosed(&raw, source, findings);
    sanitize(tokens(&raw), &rendering.resolver, rendering.limits, findings)
}

fn settings<'a>(rendering: &'a Rendering<'_>, raw: bool) -> Settings<'a> {
    Settings {
        resolver: &rendering.resolver,
        depth_max: depth(rendering.limits),
        max_bytes: rendering.limits.max_bytes,
        prefix: &rendering.prefix,
        math: rendering.has_math(),
        without_title: rendering.head.title_from == TitleFrom::Heading,
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::feed_html::references::Resolver;
    use crate::article::model::Head;
    use crate::article::testing::{LIMITS, head, rendered};
    use crate::base::RelPath;

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(rendered("a.md", text, TitleFrom::FileName).html, *expected, "{text}");
        }
    }

    #[test]
    fn blocks() {
        check(&[
            ("a\nb  \nc", "<p>a\nb<br>\nc</p>"),
            ("- [ ] a\n- [x] b", "<ul>\n<li>☐ a</li>\n<li>☑ b</li>\n</ul>"),
            ("3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>"),
            (
                "| a | b | c |\n|:-|:-:|-:|\n| 1 | 2 | 3 |",
                "<table>\n<thead>\n<tr>\n<th align=\"left\">a</th>\n<th align=\"center\">b</th>\n<th align=\"right\">c</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"left\">1</td>\n<td align=\"center\">2</td>\n<td align=\"right\">3</td>\n</tr>\n</tbody>\n</table>",
            ),
            (
                "```rust,ignore\na < b\n```",
                "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>",
            ),
            ("``` {.python}\nx\n```", "<pre><code class=\"language-python\">x\n</code></pre>"),
            ("    x", "<pre><code>x</code></pre>"),
            (
                "> [!NOTE]\n> a",
                "<blockquote>\n<p><strong>Note</strong></p>\n<p>a</p>\n</blockquote>",
            ),
            ("> > a", "<blockquote>\n<blockquote>\n<p>a</p>\n</blockquote>\n</blockquote>"),
            (
                "## A b!\n## A b\n# C {#own}",
                "<h2 id=\"a-b\">A b!</h2>\n<h2 id=\"a-b-1\">A b</h2>\n<h1 id=\"own\">C</h1>",
            ),
            ("~~a~~ --- \"b\" 'c' ...", "<p><del>a</del> --- \"b\" 'c' ...</p>"),
            ("a &#0;&#1;&#150;&#x85;b\u{7}", "<p>a –…b</p>"),
            ("***\na", "<hr>\n<p>a</p>"),
            (
                "a\nb | c\n-|-\n",
                "<p>a</p>\n<table>\n<thead>\n<tr>\n<th>b</th>\n<th>c</th>\n</tr>\n</thead>\n</table>",
            ),
            ("a\n:b: c\n\n    :d", "<p>a\n:b: c</p>\n<pre><code>:d</code></pre>"),
            (
                "A *b*\n: c\n: d\n\n    e\n\nf",
                "<dl>\n<dt>A <em>b</em></dt>\n<dd><p>c</p>\n</dd>\n<dd><p>d</p>\n<p>e</p>\n</dd>\n</dl>\n<p>f</p>",
            ),
            ("<Note>\n*a* <b>b</b>\n</Note>\n", "<p><em>a</em> <b>b</b></p>"),
            (
                "# 他**（甲）**说\n\n*a* 说**“好”**了 <b>c</b>",
                "<h1 id=\"他甲说\">他<strong>（甲）</strong>说</h1>\n<p><em>a</em> 说<strong>“好”</strong>了 <b>c</b></p>",
            ),
        ]);
    }

    #[test]
    fn links_and_pictures() {
        check(&[
            (
                "[a](b.md \"t\") <https://e.org/ü> <a@e.org>",
                "<p><a href=\"^news//b.md^\" title=\"t\">a</a> <a href=\"https://e.org/%C3%BC\">https://e.org/ü</a> <a href=\"mailto:a@e.org\">a@e.org</a></p>",
            ),
            ("![a *b*](../c%20d.png)", "<p><img src=\"^c d.png^\" alt=\"a b\"></p>"),
            (
                "[![a](b.png)](c)",
                "<p><a href=\"^news//c^\"><img src=\"^news/a/.//b.png^\" alt=\"a\"></a></p>",
            ),
            ("[a](javascript:x) ![b](data:x)", "<p>a b</p>"),
            (
                "[[Other Note]] [[A#B c|d]] [[#E]] [[x/y]]",
                "<p><a href=\"^news//?Other Note^\">Other Note</a> <a href=\"^news//?A^#b-c\">d</a> <a href=\"^^#e\">#E</a> <a href=\"^news//?x/y^\">x/y</a></p>",
            ),
            (
                "![[cat.png]] ![[Note]]",
                "<p><img src=\"^news//?cat.png^\" alt=\"\"> <a href=\"^news//?Note^\">Note</a></p>",
            ),
            ("[[1]](https://e.org/)", "<p><a href=\"https://e.org/\">[1]</a></p>"),
            ("![a](v.mp4)", "<p><video src=\"^news/a/.//v.mp4^\" controls=\"\">a</video></p>"),
            ("![a](v.mkv)", "<p><video src=\"^news/a/.//v.mkv^\" controls=\"\">a</video></p>"),
            ("![a](v.weba)", "<p><audio src=\"^news/a/.//v.weba^\" controls=\"\">a</audio></p>"),
            (
                "[a]({% post_url 2020-01-01-x %}) [b](@/p/x.md)",
                "<p><a href=\"^news//?2020-01-01-x^\">a</a> <a href=\"^p/x.md^\">b</a></p>",
            ),
            ("[a]()", "<p><a href=\"^^\">a</a></p>"),
            ("[a <https://e.org> b](c)", "<p><a href=\"^news//c^\">a https://e.org b</a></p>"),
        ]);
    }

    #[test]
    fn footnotes_stand_at_the_end() {
        let html = rendered(
            "a.md",
            "[^n]: Note [^m].\n\n[^m]: M\n\n[^unused]: U\n\na[^n] b[^n]\n",
            TitleFrom::FileName,
        )
        .html;
        let prefix = html.split("fnref-").nth(1).unwrap()[..6].to_owned();
        let expected = [
            "<p>a<sup id=\"fnref-P-1\"><a href=\"^^#fn-P-1\">1</a></sup> b<sup id=\"fnref-P-1-2\"><a href=\"^^#fn-P-1\">1</a></sup></p>",
            "<hr>",
            "<ol>",
            "<li id=\"fn-P-1\">",
            "<p>Note <sup id=\"fnref-P-2\"><a href=\"^^#fn-P-2\">2</a></sup>. <a href=\"^^#fnref-P-1\">↩\u{fe0e}</a> <a href=\"^^#fnref-P-1-2\">↩\u{fe0e}</a></p>",
            "</li>",
            "<li id=\"fn-P-2\">",
            "<p>M <a href=\"^^#fnref-P-2\">↩\u{fe0e}</a></p>",
            "</li>",
            "</ol>",
        ];
        assert_eq!(html.replace(&prefix, "P"), expected.join("\n"));
    }

    #[test]
    fn raw_html_is_sanitised_with_the_text_around_it() {
        check(&[
            ("a <kbd onclick=x>b</kbd> <script>c</script>", "<p>a <kbd>b</kbd> </p>"),
            (
                "<details>\n<summary>a</summary>\n\n*b*\n\n</details>",
                "<details>\n<summary>a</summary>\n<p><em>b</em></p>\n</details>",
            ),
            ("<img src=b.png>\n[c](d.md)", "<img src=\"^news/a/.//b.png^\">\n[c](d.md)"),
            ("x <b>y", "<p>x <b>y</b></p>"),
            (
                "x [[A]] <a href='&#xFDD0;y&#1;'>z</a>",
                "<p>x <a href=\"^news//?A^\">A</a> <a href=\"^y^\">z</a></p>",
            ),
        ]);
    }

    #[test]
    fn the_title_leaves() {
        for (text, expected) in [
            ("## A\n\nb\n\n# C", "<p>b</p>\n<h1 id=\"c\">C</h1>"),
            ("a\n\n## B\n\n# C *d*\n\n# E", "<p>a</p>\n<h2 id=\"b\">B</h2>\n<h1 id=\"e\">E</h1>"),
            ("<!-- x -->\nA\n===\nb", "<p>b</p>"),
            ("# A\n\n<b>b</b>", "<p><b>b</b></p>"),
        ] {
            assert_eq!(rendered("a.md", text, TitleFrom::Heading).html.trim(), expected, "{text}");
        }
        assert_eq!(rendered("a.md", "# A", TitleFrom::FrontMatter).html, "<h1 id=\"a\">A</h1>");
    }

    #[test]
    fn outlines() {
        let long = format!("a\n\n{}\n\n# Late\n", "word ".repeat(2000));
        let far_comment = format!("%%\n{}\n%%\na", "# hid\n\n".repeat(2000));
        for (text, title, opening, has_words) in [
            ("# A *b* `c`\n\nd [e](f) g\nh\n\ni", Some("A b c"), "d e g h", true),
            ("## A", Some("A"), "", true),
            ("# 说**“好”**了\n\n他**（甲）**说", Some("说“好”了"), "他（甲）说", true),
            ("# The <Button> here\n\na <button> b", Some("The  here"), "a  b", true),
            ("a\n\n## B", None, "a", true),
            ("a\n\n# B", Some("B"), "a", true),
            (long.as_str(), Some("Late"), "a", true),
            ("<!-- # x -->\n\n", None, "", false),
            ("![](x.png)", None, "", true),
            ("- - -\n\n***", None, "", false),
            ("<div>\n\n</div>", None, "", false),
            ("<p>a</p>", None, "", true),
            ("a<span hidden>x *y*</span>b", None, "ab", true),
            ("<div hidden>\n\nx\n\n</div>\n\na", None, "a", true),
            ("<div\n  style='display: none'>x</div>\n\na", None, "a", true),
            ("<div hidden>\n\nx ![](y.png)\n\n</div>", None, "", false),
            ("a <b>hid</b><p>bl<br>c", None, "a hid bl c", true),
            ("# A<br>b<i hidden>x</i>", Some("A b"), "", true),
            ("a <script>x</script> b", None, "a  b", true),
            ("```\nx\n```", None, "", true),
            ("- a\n- b", None, "a", true),
            ("A\n: b", None, "A", true),
            ("<Note>\n*a*\n</Note>\n", None, "a", true),
            ("# ![](x)\n\n# B", Some("B"), "", true),
            ("%%hid%%\n\n# A %%hid%%\n\n%%\nhid\n%%\n\nb %%hid%% c", Some("A"), "b  c", true),
            ("%%\n# hid\n\nhid\n%%\n", None, "", false),
            (far_comment.as_str(), None, "a", true),
        ] {
            let seen = outline(text);
            assert_eq!(
                (
                    seen.title.as_ref().map(|(t, _)| t.as_str()),
                    seen.opening.as_str(),
                    seen.has_words
                ),
                (title, opening, has_words),
                "{text}"
            );
        }
    }

    /// Calls `read` with the rendering of an article with formulas.
    fn with_rendering<T>(read: impl FnOnce(&Rendering<'_>) -> T) -> T {
        let path = RelPath::new("news/a.md").unwrap();
        let head = Head { math: Some(true), ..head(TitleFrom::FileName) };
        read(&Rendering {
            head: &head,
            limits: &LIMITS,
            resolver: Resolver::new(&path),
            prefix: "p".to_owned(),
        })
    }

    /// The text as it would be if it held raw HTML.
    fn through_the_sanitiser(text: &str) -> String {
        with_rendering(|rendering| {
            let (mut formulas, mut findings) = (Vec::new(), Findings::default());
            let html = sanitized(text, text, rendering, &mut formulas, &mut findings).unwrap();
            placed(html, &formulas, text, rendering, &mut findings).unwrap()
        })
    }

    fn without_the_sanitiser(text: &str) -> Option<String> {
        with_rendering(|rendering| {
            let (mut formulas, mut findings) = (Vec::new(), Findings::default());
            let events = rendered_events(text, rendering);
            let html = write(events, settings(rendering, false), &mut formulas, &mut findings);
            placed(html.ok()?, &formulas, text, rendering, &mut findings).ok()
        })
    }

    #[test]
    fn a_picture_that_cannot_be_shown_gives_a_heading_the_same_id_either_way() {
        let text = "a\n![b](re:x)\n===\n";
        assert_eq!(through_the_sanitiser(text), without_the_sanitiser(text).unwrap());
    }

    proptest::proptest! {
        #[test]
        fn skipping_the_sanitiser_changes_nothing(pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..30)) {
            let text = pieces.concat();
            if let Some(direct) = without_the_sanitiser(&text) {
                proptest::prop_assert_eq!(through_the_sanitiser(&text), direct);
            }
        }
    }

    const PIECES: [&str; 54] = [
        "\n: ",
        "**（",
        "$",
        "$$",
        "$x$",
        "$$\\frac{a}$$",
        "\n```math\nx<y\n```\n",
        "a",
        " ",
        "\n",
        "\n\n",
        "*",
        "**",
        "_",
        "~~",
        "`",
        "[",
        "](",
        ")",
        "](b.md)",
        "![",
        "[[",
        "]]",
        "|",
        "\n|-|-:|\n",
        "\n> ",
        "\n- ",
        "\n1. ",
        "\n    ",
        "\n```x\n",
        "# ",
        "\n===\n",
        "[^1]",
        "\n\n[^1]: ",
        "&nbsp;",
        "&#150;",
        "&amp;",
        "<https://e.org/?a=b&c>",
        "<!-- more -->",
        "\\",
        "\"",
        "<",
        ">",
        "[x]: /y 'z'\n",
        "[x]",
        "- [ ] b\n",
        "\n> [!TIP]\n> ",
        "\n> [!x]- ",
        "é",
        "javascript:x",
        "data:y",
        "](Re:x)",
        "#f",
        "  \n",
    ];
}
