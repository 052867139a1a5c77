//! Markdown: CommonMark with tables, strikethrough, task lists, footnotes, ids of headings, alerts and wiki links.

use std::borrow::Cow;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::base::Diagnostic;
use crate::base::text::is_invisible;

use super::body::Rendering;
use super::callouts::callouts;
use super::canonical::{clean, legal};
use super::elements::{Fate, Role, fate, find};
use super::findings::Findings;
use super::nesting::flatten;
use super::sanitize::{depth, sanitize, too_large};
use super::sketch::WordSketch;
use super::skipped::{Skipped, is_hidden};
use super::tokens::{Token, tokens};
use super::writer::{Settings, Stop, without_comments, write};
use super::{Outline, TitleFrom, comments, templates};

/// How much of a text is enough for a title and an opening, in bytes.
const GLANCE_BYTES: usize = 4096;

/// How many characters an opening has at most.
const OPENING_CHARS: usize = 400;

/// What the text shows before it is rendered: the first heading if it is the first block, else the first heading of
/// level 1. Reads the whole text only where its beginning does not tell.
pub fn outline(text: &str) -> Outline {
    let text = legal_text(text);
    // The end of a comment may stand anywhere.
    let glance = if comments::may_stand_in(&text) { &text } else { glance(&text) };
    let mut seen = survey(glance);
    let is_partial = glance.len() < text.len();
    if is_partial && (!seen.has_words || seen.title.is_none() && may_have_title(&text)) {
        seen = survey(&text);
    }
    Outline {
        title: seen.title.map(|title| (title, TitleFrom::Heading)),
        opening: seen.opening,
        has_words: seen.has_words,
        meta: Vec::new(),
    }
}

/// The words of the text, without those that nobody is shown.
pub(super) fn sketch(text: &str) -> WordSketch {
    if !comments::may_stand_in(text) {
        return WordSketch::of(text);
    }
    WordSketch::of(&shown(text, 100, &mut Findings::default()))
}

/// The text without comments, nested no deeper than `depth_max`.
fn shown<'t>(text: &'t str, depth_max: usize, findings: &mut Findings) -> Cow<'t, str> {
    let flat = flatten(text, depth_max);
    let stripped = match comments::strip(&flat, findings) {
        Cow::Borrowed(_) => None,
        // What stood before and after a comment may be one nest now.
        Cow::Owned(stripped) => Some(flatten(&stripped, depth_max).into_owned()),
    };
    stripped.map_or(flat, Cow::Owned)
}

/// The HTML of an article's text, with marks for references and the summary's end.
pub(super) fn render(text: &str, rendering: &Rendering<'_>, findings: &mut Findings) -> Result<String, Diagnostic> {
    let text = templates::convert(text, templates::Host::Markdown, findings);
    let text = shown(&text, depth(rendering.limits), findings);
    let written = write(events(&text, true), settings(rendering, false), findings);
    match written {
        Ok(html) => Ok(html),
        Err(Stop::TooLarge) => Err(too_large(rendering.limits)),
        Err(Stop::Raw) => sanitized(&text, rendering, findings),
    }
}

/// The HTML of text that holds raw HTML.
fn sanitized(text: &str, rendering: &Rendering<'_>, findings: &mut Findings) -> Result<String, Diagnostic> {
    // What is written here is read once more, so what the first reading found is not lost.
    let raw = write(events(text, true), settings(rendering, true), &mut Findings::default());
    let raw = raw.map_err(|_| too_large(rendering.limits))?;
    sanitize(tokens(&raw), &rendering.resolver, rendering.limits, findings)
}

fn settings<'a>(rendering: &'a Rendering<'_>, raw: bool) -> Settings<'a> {
    Settings {
        resolver: &rendering.resolver,
        depth_max: depth(rendering.limits),
        max_bytes: rendering.limits.max_bytes,
        prefix: &rendering.prefix,
        without_title: rendering.head.title_from == TitleFrom::Heading,
        raw,
    }
}

/// What the text says. `labelled`: a callout without a title shows its kind.
fn events(text: &str, labelled: bool) -> impl Iterator<Item = Event<'_>> {
    callouts(text, parser(text), labelled)
}

/// Markdown as it is read here.
pub(super) fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(
        text,
        Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_GFM,
    )
}

fn legal_text(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| legal(c) == Some(c)) { Cow::Borrowed(text) } else { Cow::Owned(clean(text)) }
}

/// The beginning of a text, up to a blank line.
fn glance(text: &str) -> &str {
    let from = text.floor_char_boundary(GLANCE_BYTES);
    text[from..].find("\n\n").map_or(text, |at| &text[..from + at + 1])
}

/// May a heading of level 1 stand anywhere? Asked of lines, because parsing costs more.
fn may_have_title(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        line.starts_with("# ") || line.starts_with("#\t") || !line.is_empty() && line.bytes().all(|byte| byte == b'=')
    })
}

#[derive(Default)]
struct Survey {
    title: Option<String>,
    opening: String,
    has_words: bool,
}

fn survey(text: &str) -> Survey {
    let text = templates::convert(text, templates::Host::Markdown, &mut Findings::default());
    let text = shown(&text, 100, &mut Findings::default());
    let wants_title = may_have_title(&text);
    let mut surveyor = Surveyor::default();
    for event in events(&text, false) {
        surveyor.event(&event);
        let seen = &surveyor.seen;
        let title_is_known = seen.title.is_some() || surveyor.seen_block && !surveyor.in_heading && !wants_title;
        if title_is_known && seen.has_words && surveyor.opening_is_done {
            break;
        }
    }
    surveyor.seen.opening = surveyor.seen.opening.trim().to_owned();
    surveyor.seen
}

/// Follows events for a title, an opening and a first word.
#[derive(Default)]
struct Surveyor {
    seen: Survey,
    depth: usize,
    seen_block: bool,
    in_heading: bool,
    /// The heading that is being read is the title.
    in_title: bool,
    heading: String,
    in_code: bool,
    images: usize,
    opening_is_done: bool,
    /// The block of HTML that is being read.
    html: String,
    skipped: Skipped,
}

impl Surveyor {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text(text),
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            // A block of HTML comes line by line, and a tag may take several.
            Event::Html(html) => self.html.push_str(html),
            Event::InlineHtml(html) => self.html(html),
            Event::Rule => self.seen_block = true,
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.in_heading = true;
                self.in_title =
                    self.seen.title.is_none() && self.depth == 0 && (!self.seen_block || *level == HeadingLevel::H1);
                self.heading.clear();
            }
            Tag::CodeBlock(_) => self.in_code = true,
            Tag::Image { .. } => {
                self.images += 1;
                self.seen.has_words |= !self.skipped.is_open();
            }
            _ => {}
        }
        if !matches!(tag, Tag::HtmlBlock) {
            self.seen_block = true;
        }
        self.depth += 1;
    }

    fn end(&mut self, tag: &TagEnd) {
        self.depth = self.depth.saturating_sub(1);
        match tag {
            TagEnd::Heading(_) => {
                self.in_heading = false;
                if std::mem::take(&mut self.in_title) && has_word(&self.heading) {
                    self.seen.title = Some(self.heading.trim().to_owned());
                }
            }
            TagEnd::CodeBlock => self.in_code = false,
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                self.html(&html);
            }
            TagEnd::Image => self.images -= 1,
            TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell => {
                self.opening_is_done |= !self.seen.opening.trim().is_empty();
            }
            _ => {}
        }
    }

    /// Follows raw HTML: what it hides, and where it parts words.
    fn html(&mut self, html: &str) {
        if without_comments(html).is_some() {
            return;
        }
        self.seen_block = true;
        for token in tokens(html) {
            if self.skipped.covers(&token) {
                continue;
            }
            match &token {
                Token::Start(name, attributes) => {
                    if is_hidden(attributes) || matches!(fate(name), Fate::Drop(_)) {
                        self.skipped.begin(name);
                    } else {
                        // A picture counts as a word; so does what only a browser would show.
                        self.seen.has_words |=
                            matches!(name.as_str(), "img" | "video" | "audio" | "iframe" | "picture");
                        self.gap(name);
                    }
                }
                Token::End(name) => self.gap(name),
                Token::Text(text) => self.seen.has_words |= has_word(text),
                Token::Comment(_) | Token::Doctype => {}
            }
        }
    }

    /// Parts the words before a tag of this name from those behind it, where a page would.
    fn gap(&mut self, name: &str) {
        if name == "br" || find(name).is_some_and(|element| matches!(element.role, Role::Block | Role::Table)) {
            self.text(" ");
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped.is_open() {
            return;
        }
        self.seen.has_words |= has_word(text);
        if self.in_heading {
            if self.images == 0 || self.heading.trim().is_empty() {
                self.heading.push_str(text);
            }
        } else if !self.in_code && self.images == 0 && !self.opening_is_done {
            self.seen.opening.push_str(text);
            if let Some((end, _)) = self.seen.opening.char_indices().nth(OPENING_CHARS) {
                self.seen.opening.truncate(end);
                self.opening_is_done = true;
            }
        }
    }
}

/// Is there anything to read?
pub(super) fn has_word(text: &str) -> bool {
    text.chars().any(|c| !is_invisible(c) && (c.is_alphanumeric() || !c.is_ascii() && legal(c).is_some()))
}

#[cfg(test)]
mod tests {
    use super::super::body::tests::{LIMITS, head, rendered};
    use super::super::references::Resolver;
    use super::*;
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
            ("```rust,ignore\na < b\n```", "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>"),
            ("``` {.python}\nx\n```", "<pre><code class=\"language-python\">x\n</code></pre>"),
            ("    x", "<pre><code>x</code></pre>"),
            ("> [!NOTE]\n> a", "<blockquote>\n<p><strong>Note</strong></p>\n<p>a</p>\n</blockquote>"),
            ("> > a", "<blockquote>\n<blockquote>\n<p>a</p>\n</blockquote>\n</blockquote>"),
            (
                "## A b!\n## A b\n# C {#own}",
                "<h2 id=\"a-b\">A b!</h2>\n<h2 id=\"a-b-1\">A b</h2>\n<h1 id=\"own\">C</h1>",
            ),
            ("~~a~~ --- \"b\" 'c' ...", "<p><del>a</del> --- \"b\" 'c' ...</p>"),
            ("a &#0;&#1;&#150;&#x85;b\u{7}", "<p>a –…b</p>"),
            ("***\na", "<hr>\n<p>a</p>"),
        ]);
    }

    #[test]
    fn links_and_pictures() {
        check(&[
            (
                "[a](b.md \"t\") <https://e.org/ü> <a@e.org>",
                "<p><a href=\"^news/b.md^\" title=\"t\">a</a> <a href=\"https://e.org/%C3%BC\">https://e.org/ü</a> <a href=\"mailto:a@e.org\">a@e.org</a></p>",
            ),
            ("![a *b*](../c%20d.png)", "<p><img src=\"^c d.png^\" alt=\"a b\"></p>"),
            ("[![a](b.png)](c)", "<p><a href=\"^news/c^\"><img src=\"^news/b.png^\" alt=\"a\"></a></p>"),
            ("[a](javascript:x) ![b](data:x)", "<p><a>a</a> b</p>"),
            (
                "[[Other Note]] [[A#B c|d]] [[#E]] [[x/y]]",
                "<p><a href=\"^?Other Note^\">Other Note</a> <a href=\"^?A^#b-c\">d</a> <a href=\"^^#e\">#E</a> <a href=\"^x/y^\">x/y</a></p>",
            ),
            ("![[cat.png]] ![[Note]]", "<p><img src=\"^?news/cat.png^\" alt=\"\"> <a href=\"^?Note^\">Note</a></p>"),
            ("[[1]](https://e.org/)", "<p><a href=\"https://e.org/\">[1]</a></p>"),
            ("![a](v.mp4)", "<p><video src=\"^news/v.mp4^\" controls=\"\">a</video></p>"),
            ("![a](v.mkv)", "<p><video src=\"^news/v.mkv^\" controls=\"\">a</video></p>"),
            ("![a](v.weba)", "<p><audio src=\"^news/v.weba^\" controls=\"\">a</audio></p>"),
            (
                "[a]({% post_url 2020-01-01-x %}) [b](@/p/x.md)",
                "<p><a href=\"^?2020-01-01-x^\">a</a> <a href=\"^p/x.md^\">b</a></p>",
            ),
            ("[a]()", "<p><a href=\"^^\">a</a></p>"),
            ("[a <https://e.org> b](c)", "<p><a href=\"^news/c^\">a https://e.org b</a></p>"),
        ]);
    }

    #[test]
    fn footnotes_stand_at_the_end() {
        let html =
            rendered("a.md", "[^n]: Note [^m].\n\n[^m]: M\n\n[^unused]: U\n\na[^n] b[^n]\n", TitleFrom::FileName).html;
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
            ("<img src=b.png>\n[c](d.md)", "<img src=\"^news/b.png^\">\n[c](d.md)"),
            ("x <b>y", "<p>x <b>y</b></p>"),
            ("x [[A]] <a href='&#xFDD0;y&#1;'>z</a>", "<p>x <a href=\"^?A^\">A</a> <a href=\"^y^\">z</a></p>"),
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
            ("# ![](x)\n\n# B", Some("B"), "", true),
            ("%%hid%%\n\n# A %%hid%%\n\n%%\nhid\n%%\n\nb %%hid%% c", Some("A"), "b  c", true),
            ("%%\n# hid\n\nhid\n%%\n", None, "", false),
            (far_comment.as_str(), None, "a", true),
        ] {
            let seen = outline(text);
            assert_eq!(
                (seen.title.as_ref().map(|(t, _)| t.as_str()), seen.opening.as_str(), seen.has_words),
                (title, opening, has_words),
                "{text}"
            );
        }
    }

    /// The text as it would be if it held raw HTML.
    fn through_the_sanitiser(text: &str) -> String {
        let path = RelPath::new("news/a.md").unwrap();
        let head = head(TitleFrom::FileName);
        let rendering =
            Rendering { head: &head, limits: &LIMITS, resolver: Resolver::new(&path), prefix: "p".to_owned() };
        sanitized(text, &rendering, &mut Findings::default()).unwrap()
    }

    fn without_the_sanitiser(text: &str) -> Option<String> {
        let path = RelPath::new("news/a.md").unwrap();
        let head = head(TitleFrom::FileName);
        let rendering =
            Rendering { head: &head, limits: &LIMITS, resolver: Resolver::new(&path), prefix: "p".to_owned() };
        write(events(text, true), settings(&rendering, false), &mut Findings::default()).ok()
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

    const PIECES: [&str; 47] = [
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
