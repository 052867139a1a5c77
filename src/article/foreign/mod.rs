//! Template tags of other generators (Jekyll, Hugo, Zola, Eleventy, Pelican, kramdown): the common
//! ones are converted, the rest is removed, and code keeps them. Each kind is reported with its
//! first place. Wiki links become Markdown links on the way.
//!
//! This file finds tags; [`template_tag`] knows what they mean. Nothing is evaluated. What an
//! author's generator hides is found before anything else, however long it is, and also where its
//! tags are in comments of HTML: most generators read their tags before there is any HTML.

mod arguments;
mod attribute_list;
mod block_end;
mod brackets;
mod code;
mod comments;
pub(crate) mod counterpart;
mod jsx;
mod lines;
mod pictures;
mod reach;
mod shortcode;
mod spans;
mod template_tag;
mod wiki_link;

pub(crate) use counterpart::escaped;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::article::findings::Findings;
use crate::article::signs::Signs;
use crate::article::symbol::LOST;
use crate::base::Diagnostic;
use crate::base::place::line_breaks;

use block_end::{End, Found};
use code::Code;
use comments::Comments;
use counterpart::{Context, Counterpart, Host, Meaning};
use lines::Lines;
use reach::within;

/// Bytes of a tag, so that a text of nothing but openings costs no more than its length.
const TAG_MAX_BYTES: usize = 2048;

/// Bytes of its line that a tag looks at: a line may be as long as the text.
const LINE_MAX_BYTES: usize = 200;

/// Tags in comments of HTML whose end is looked for although other beginnings took all ends: each
/// search may read the rest of the text.
const MENTIONS_MAX: usize = 64;

/// One of these begins every tag.
static OPENINGS: Signs = Signs::new(&[
    "<Button",
    "<Link",
    "{{",
    "{%",
    "{:",
    "{#",
    "{/*",
    "{.",
    "{ ",
    "){",
    "[[",
    "[toc]",
    "[TOC]",
    "[Toc]",
    "${toc}",
    "${TOC}",
    "={",
    "]{",
    "[caption",
    "[wp_caption",
    "[gallery",
    "[playlist",
    "[embed",
    "[audio",
    "[video",
]);

/// One of these begins an element in which a tag may hide what is behind the element.
static UNSHOWN: Signs = Signs::new(&["<!--", "<script", "<style", "<SCRIPT", "<STYLE"]);

/// Whether a generator may hide something in a text up to a place that is behind it.
pub(crate) fn may_hide_beyond(text: &str) -> bool {
    let has_tag = text.contains("{%") || text.contains("{{");
    comments::may_begin_in(text) || has_tag && UNSHOWN.are_in(text)
}

/// Converts or removes the template tags of a text.
pub(crate) fn convert<'t>(text: &'t str, host: Host, findings: &mut Findings) -> Cow<'t, str> {
    if !OPENINGS.are_in(text) {
        return Cow::Borrowed(text);
    }
    let mut converter = Converter {
        text,
        host,
        at: 0,
        line: 1,
        line_start: 0,
        out: Lines::with_capacity(text.len()),
        code: Code::default(),
        comments: Comments::default(),
        endless: Vec::new(),
        mentions: 0,
        raw_end: 0,
        labels: None,
        span_ends: Vec::new(),
    };
    while converter.at < text.len() {
        converter.step(findings);
    }
    Cow::Owned(converter.out.finish())
}

struct Converter<'t> {
    text: &'t str,
    host: Host,
    at: usize,
    /// The line of `at`, from 1.
    line: u32,
    /// The place where it begins.
    line_start: usize,
    out: Lines,
    code: Code,
    comments: Comments,
    /// Blocks whose end was looked for in vain, by the name of their tag; it is not looked for
    /// again.
    endless: Vec<&'static str>,
    /// Tags in comments of HTML that only mention what hides.
    mentions: usize,
    /// The end of a text in which tags are text, because `{% raw %}` is in a comment of HTML.
    raw_end: usize,
    /// The labels of link reference definitions, once they are needed.
    labels: Option<HashSet<&'t str>>,
    /// The places of the brackets that end the spans around this place, and the lengths of the
    /// brackets with the attributes behind them.
    span_ends: Vec<(usize, usize)>,
}

impl<'t> Converter<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn step(&mut self, findings: &mut Findings) {
        let rest = self.rest();
        let is_line_start = self.at == 0 || self.text.as_bytes()[self.at - 1] == b'\n';
        let code = match self.host {
            Host::Markdown => self.code.markdown(rest, is_line_start),
            Host::Html => code::html(rest),
        };
        if let Some(len) = code {
            if rest.starts_with('<') && code::is_unshown(rest) {
                self.unshown(len, findings);
            } else {
                self.copy(len);
            }
            return;
        }
        if rest.starts_with('{') && !self.is_raw() && (self.comment(findings) || self.tag(findings))
        {
            return;
        }
        if rest.starts_with('<')
            && let Some((len, tag)) = jsx::read(rest, self.host == Host::Markdown)
        {
            self.out.push(&tag);
            self.skip(len);
            return;
        }
        if rest.starts_with('[') && self.shortcode(findings) {
            return;
        }
        if self.host == Host::Markdown {
            if self.wiki_link() || self.span_begin() || self.span_end() {
                return;
            }
            if rest.starts_with('\n') {
                self.skip(1);
                self.out.end_line();
                return;
            }
        }
        self.copy(plain_len(rest));
    }

    /// Copies the element of this length that begins here and that no page shows, without what its
    /// tags hide. That may end far behind the element: its end is then the next one.
    fn unshown(&mut self, len: usize, findings: &mut Findings) {
        let start = self.rest();
        let mut end = self.at + len;
        while let Some(found) = self.text[self.at..end].find('{') {
            self.copy(found);
            if !self.hidden(findings) {
                self.copy(1);
            }
            if self.at > end {
                let Some(len) = code::len_to_end(start, self.rest()) else { return };
                end = self.at + len;
            }
        }
        self.copy(end - self.at);
    }

    /// Removes what the tag that begins here, in an element that no page shows, hides. Returns false
    /// where it hides nothing: one without an end of its own is only mentioned.
    fn hidden(&mut self, findings: &mut Findings) -> bool {
        let rest = self.rest();
        // kramdown reads comments of HTML first.
        if self.is_raw() || rest.starts_with("{:") {
            return false;
        }
        // So does MDX, and HTML has none of its comments.
        if let Some(comment) = self.comments.read(self.text, self.at, Host::Html) {
            self.report_comment(comment.signs, findings);
            self.skip(comment.len);
            return true;
        }
        let near = within(rest, TAG_MAX_BYTES);
        match template_tag::read(near, self.text, self.at) {
            Some((len, Meaning::Comment(signs))) => {
                self.report_comment(signs, findings);
                self.skip(len);
                true
            }
            Some((len, Meaning::Converted(name, Counterpart::Nothing(end)))) => {
                let Some(taken) = self.len_hidden(&end, &rest[len..]) else { return false };
                self.report_comment(&name, findings);
                self.skip(len + taken);
                true
            }
            Some((len, Meaning::Converted(_, Counterpart::Verbatim(end)))) => {
                self.begin_raw(&end, self.at + len);
                false
            }
            _ => false,
        }
    }

    /// Begins a text at `start` in which tags are text, if this end comes.
    fn begin_raw(&mut self, end: &End, start: usize) {
        if self.endless.contains(&end.tag()) {
            return;
        }
        match end.find(&self.text[start..]) {
            Found::At(len, _) => self.raw_end = start + len,
            Found::Blocked | Found::Never => self.endless.push(end.tag()),
        }
    }

    /// The length of what a tag hides that is in an element that no page shows, with its end.
    fn len_hidden(&mut self, end: &End, after: &str) -> Option<usize> {
        if self.endless.contains(&end.tag()) {
            return None;
        }
        match end.find_own(after) {
            Ok(Found::At(_, taken)) => Some(taken),
            // What is hidden stays so, where there are too many to be sure.
            Err(Found::At(_, taken)) if self.mentions >= MENTIONS_MAX => Some(taken),
            Err(Found::Never) => {
                self.endless.push(end.tag());
                None
            }
            _ => {
                self.mentions += 1;
                None
            }
        }
    }

    /// Whether a tag that begins here is text. Lists of attributes are no tags of templates.
    fn is_raw(&self) -> bool {
        self.at < self.raw_end && !self.rest().starts_with("{:")
    }

    fn copy(&mut self, len: usize) {
        self.out.push(&self.text[self.at..self.at + len]);
        self.skip(len);
    }

    fn skip(&mut self, len: usize) {
        let skipped = &self.text[self.at..self.at + len];
        self.line = self.line.saturating_add(line_breaks(skipped));
        if let Some(line_end) = skipped.rfind('\n') {
            self.line_start = self.at + line_end + 1;
        }
        self.at += len;
    }

    fn report(&self, finding: Diagnostic, findings: &mut Findings) {
        let column = || {
            let before = self.text[self.line_start..self.at].chars().count();
            u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
        };
        findings.count(finding, self.line, column);
    }

    fn report_comment(&self, signs: &str, findings: &mut Findings) {
        let message = format!("a comment between `{signs}` was removed");
        self.report(Diagnostic::note("comment", message), findings);
    }

    /// Removes the comment that begins here. Returns false where none does.
    fn comment(&mut self, findings: &mut Findings) -> bool {
        let Some(comment) = self.comments.read(self.text, self.at, self.host) else {
            return false;
        };
        self.report_comment(comment.signs, findings);
        if comment.ends_summary {
            self.out.push("<!--more-->");
        } else {
            self.out.lose();
        }
        self.skip(comment.len);
        true
    }

    /// Reports a tag that begins here and has no end.
    fn report_unclosed(&self, near: &str, findings: &mut Findings) {
        for (open, close) in [("{{<", ">}}"), ("{{%", "%}}"), ("{%", "%}")] {
            if near.starts_with(open) && !near.contains(close) {
                let message =
                    format!("a template tag `{open}` is never closed, and stays as typed");
                self.report(Diagnostic::warning("template-tag", message), findings);
                return;
            }
        }
    }

    /// Converts the tag that begins here. Returns false where none does.
    fn tag(&mut self, findings: &mut Findings) -> bool {
        let near = within(self.rest(), TAG_MAX_BYTES);
        let Some((len, meaning)) = template_tag::read(near, self.text, self.at) else {
            self.report_unclosed(near, findings);
            return false;
        };
        match meaning {
            Meaning::Text(text) => self.out.push(&text),
            Meaning::Comment(signs) => {
                self.report_comment(signs, findings);
                self.out.lose();
            }
            Meaning::Attributes(list) => {
                if self.host == Host::Html {
                    return false;
                }
                self.out.attributes(&list, first_line(&near[len..]).trim().is_empty());
            }
            Meaning::Removed(name) => {
                let message = format!("the template tag `{name}` was removed");
                self.report(Diagnostic::warning("template-tag", message), findings);
                if self.out.is_in_address() {
                    self.out.push(LOST.encode_utf8(&mut [0; 4]));
                } else {
                    self.out.lose();
                }
            }
            Meaning::Converted(name, counterpart) => {
                self.converted(&name, &counterpart, len, findings);
                return true;
            }
        }
        self.skip(len);
        true
    }

    /// Writes the counterpart of the tag of this length, and of what it encloses.
    fn converted(
        &mut self,
        name: &str,
        counterpart: &Counterpart,
        len: usize,
        findings: &mut Findings,
    ) {
        let context = self.context(len);
        let after = &self.rest()[len..];
        let hides = matches!(counterpart, Counterpart::Nothing(_));
        let found = match counterpart.end() {
            None => {
                let message = format!("the template tag `{name}` was converted");
                self.report(Diagnostic::note("template-tag", message), findings);
                self.out.push_counterpart(&counterpart.write(&context));
                self.skip(len);
                return;
            }
            Some(end) if self.endless.contains(&end.tag()) => Found::Never,
            Some(end) => end.find(after),
        };
        if let (Found::Never, Some(end)) = (found, counterpart.end()) {
            self.endless.push(end.tag());
        }
        let taken = match found {
            Found::At(content_len, taken) => {
                if hides {
                    self.report_comment(name, findings);
                    self.out.lose();
                } else {
                    let message = format!("the template tag `{name}` was converted");
                    self.report(Diagnostic::note("template-tag", message), findings);
                    self.out
                        .push_counterpart(&counterpart.enclose(&after[..content_len], &context));
                }
                taken
            }
            Found::Never if hides => {
                // Its author hides something, and is not done with it.
                let message = format!("`{name}` is never closed: the rest of the text is hidden");
                self.report(Diagnostic::warning("comment", message), findings);
                after.len()
            }
            Found::Never | Found::Blocked => {
                let message = format!("the template tag `{name}` was removed");
                self.report(Diagnostic::warning("template-tag", message), findings);
                self.out.lose();
                0
            }
        };
        self.skip(len + taken);
    }

    /// The surroundings of the tag of this length.
    fn context(&self, len: usize) -> Context<'t> {
        let after = within(&self.rest()[len..], LINE_MAX_BYTES);
        let before = self.before();
        let is_first = before.trim_matches([' ', '\t', '>']).is_empty();
        Context {
            host: if self.out.is_html() { Host::Html } else { self.host },
            is_alone: is_first && first_line(after).trim().is_empty(),
            is_in_address: self.out.is_in_address(),
            indent: if is_first { before } else { "" },
        }
    }

    /// The text before this place on its line, as far as it matters.
    fn before(&self) -> &'t str {
        let near = self.text.ceil_char_boundary(self.at.saturating_sub(LINE_MAX_BYTES));
        &self.text[near.max(self.line_start)..self.at]
    }
}

/// The length of the text up to the next place where a tag, a link, code or a line can begin.
fn plain_len(rest: &str) -> usize {
    // The beginning of a line is such a place: step over a line break alone.
    if rest.starts_with('\n') {
        return 1;
    }
    // What is escaped begins nothing: step over it together with its backslash.
    let mut chars = rest.chars();
    let first = chars.next().map_or(1, char::len_utf8);
    if rest.starts_with('\\') && chars.next().is_some_and(|c| c.is_ascii_punctuation()) {
        return 2;
    }
    let next = rest[first..].find(['{', '`', '\n', '<', '[', ']', '!', '\\', '$']);
    next.map_or(rest.len(), |at| first + at)
}

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str, host: Host) -> (String, Vec<String>) {
        let mut findings = Findings::default();
        let out = convert(text, host, &mut findings).replace('\u{fdd0}', "^");
        (out, findings.into_diagnostics().iter().map(ToString::to_string).collect())
    }

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(converted(text, Host::Markdown).0, *expected, "{text:?}");
        }
    }

    #[test]
    fn code_keeps_its_tags() {
        for text in [
            "`{{ x }}` and ``{% a ` %}``",
            "```\n{{ x }}\n```\n",
            "~~~ liquid\n{% x %}\n~~~\n",
            "- a\n\n  ```\n  {{ x }}\n  ```\n",
            "text\n\n    {{ x }}\n    {% y %}\n",
            "> ```\n> {{ x }}\n> ```\n",
            "a `b\nc {{ x }}` d",
            "$x^{{a}}$ and {x}",
        ] {
            assert_eq!(converted(text, Host::Markdown), (text.to_owned(), Vec::new()), "{text:?}");
        }
        assert_eq!(
            converted("<pre>{{ x }}</Pre>{{ y }}<!-- {{ z }} -->", Host::Html).0,
            "<pre>{{ x }}</Pre><!-- {{ z }} -->"
        );
    }

    #[test]
    fn jekyll() {
        check(&[
            (
                "{% highlight rust linenos %}\nfn x() {}\n{% endhighlight %}\n",
                "```rust\nfn x() {}\n```\n",
            ),
            ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
            ("[a]({% post_url 2020-01-01-name %})", "[a](^%3F2020%2D01%2D01%2Dname^)"),
            ("[a]({{ site.baseurl }}{% link _posts/x.md %})", "[a](^%5Fposts%2Fx.md^)"),
            ("![a]({{ site.url }}{{ site.baseurl }}/img/a.png)", "![a](/img/a.png)"),
            ("![a]({{ \"/a.png\" | relative_url }})", "![a](/a.png)"),
            ("![a]({{ 'a.png' | absolute_url }})", "![a](/a.png)"),
            ("a{% include x.html %}b", "ab"),
            ("a{% comment %}b{% endcomment %}c", "ac"),
            ("{% if x %}a{% endif %}", "a"),
            ("* toc\n{:toc}\n", "\n"),
            ("a\n{: .note #x}\n", "a\n\n"),
            ("[a](b){: .btn}", "[a](b)"),
        ]);
    }

    #[test]
    fn hugo() {
        check(&[
            (
                "{{< highlight go \"linenos=table\" >}}\na ``` b\n{{< /highlight >}}",
                "````go\na ``` b\n````",
            ),
            ("[a]({{< ref \"x.md#part\" >}})", "[a](^%3Fx^#part)"),
            ("[a]({{< relref \"../b/x.md\" >}})", "[a](../b/x.md)"),
            ("[a]({{< relref \"b/x.md#c\" >}})", "[a](^%3Fb%2Fx^#c)"),
            ("[a]({{< ref \"b/\" >}})", "[a](^%3Fb^)"),
            ("[a]({{< ref \"/posts/x.md\" >}})", "[a](^posts%2Fx.md^)"),
            ("{{< youtube abc >}}", "<https://www.youtube.com/watch?v=abc>"),
            ("{{< vimeo 123 >}}", "<https://vimeo.com/123>"),
            ("{{< gist spf13 7896402 >}}", "<https://gist.github.com/spf13/7896402>"),
            ("{{< figure src=\"a.png\" alt=\"A\" >}}", "![A](<a.png>)"),
            ("{{% notice tip %}}\n*x*\n{{% /notice %}}", "\n*x*\n"),
            ("{{</* figure */>}}", "{{< figure >}}"),
            ("{{< x title=\"a >}} b\" >}}c", "c"),
            ("{{% x `a %}} b` \"\\\" %}}\" %}}c", "c"),
            ("{{< x title=\"a >}}b \" >}}", ""),
            ("{{< x 5\" >}}b {{< y z=\"q\" >}}c", "b c"),
            ("{{< x \"5 >}}b {{< y >}}c", "b c"),
            ("{{< x 5\" >}}b\n\"c\" {{< y >}}d", "b\n\"c\" d"),
        ]);
        let (figure, _) =
            converted("{{< figure src=\"a.png\" caption=\"C & D\" >}}\n", Host::Markdown);
        assert_eq!(
            figure,
            "<figure><img src=\"a.png\" alt=\"\"><figcaption>C &amp; D</figcaption></figure>\n\n"
        );
    }

    #[test]
    fn zola_and_eleventy() {
        check(&[
            ("{{ youtube(id=\"abc\", autoplay=true) }}", "<https://www.youtube.com/watch?v=abc>"),
            ("{% quote(author=\"X\") %}\na\nb\n{% end %}\n", "\n> a\n> b\n>\n> — X\n\n"),
            ("{% quote() %}\na\n{% end %}\n", "\n> a\n\n"),
            ("{% blockquote A B, C* %}\na\n{% endblockquote %}\n", "\n> a\n>\n> — A B\\, C\\*\n\n"),
            (
                "{% blockquote A https://e.org/?a=b The title %}\na\n{% endblockquote %}\n",
                "\n> a\n>\n> — A, [The title](<https://e.org/?a=b>)\n\n",
            ),
            (
                "{% blockquote https://e.org/ %}\na\n{% endblockquote %}\n",
                "\n> a\n>\n> — <https://e.org/>\n\n",
            ),
            ("{% pullquote left %}\na\n{% endpullquote %}\n", "\n> a\n\n"),
            ("[a]({{ '/x/' | url }})", "[a](/x/)"),
            ("{# a comment #}b", "b"),
            ("{{ unknown(x=1) }}b", "b"),
            ("{{ \"now\" | date: \"%Y\" }}b {{ \"2026\" | date }}", "b 2026"),
        ]);
    }

    #[test]
    fn each_tag_is_named_with_its_line() {
        let (_, findings) = converted("a\n\n{% include x %}\n{{< youtube x >}}\n", Host::Markdown);
        assert_eq!(
            findings,
            [
                "3:1: the template tag `include` was removed",
                "4:1: the template tag `youtube` was converted"
            ]
        );
    }

    #[test]
    fn bracketed_spans_are_their_text() {
        check(&[
            ("a [b *c*]{.x} d", "a b *c* d"),
            ("[b]{#id .x key=v} [c]{k=\"v w\"} [d]{:.y}", "b c d"),
            ("[a [b]{.x} c]{.y}", "a b c"),
            ("[a [b](c) `]`]{.x}", "a [b](c) `]`"),
            ("[a\nb]{.x}", "a\nb"),
            ("[a \\] b]{.x}", "a \\] b"),
            ("- [a]{.x} {{ y }}", "- a "),
            ("un[derlined]{.x}", "underlined"),
            ("a[]{#b}c", "ac"),
            ("> [a]{.underline}", "> a"),
            ("[**a**]{.x} [![b](c)]{.x}", "**a** ![b](c)"),
            ("a [# b]{.x}", "a # b"),
        ]);
        // Without its brackets, a block would begin here.
        check(&[
            ("[~~~]{.x}", "[~~~]"),
            ("[# a]{.x}", "[# a]"),
            ("[1. a]{.x}", "[1. a]"),
            ("> [- a]{.x}", "> [- a]"),
            ("> [!note]{.x} A title", "> [!note] A title"),
            ("- [ ]{.x} a task", "- [ ] a task"),
            ("[---]{.x}", "[---]"),
        ]);
        for text in [
            "`[a]{.x}`",
            "```\n[a]{.x}\n```\n",
            "    [a]{.x}\n",
            "<code>[a]{.x}</code>",
            "[a] {.x}",
            "[a]{x}",
            "[a]{}",
            "[a]{x, y}",
            "\\sqrt[3]{x=2}",
            "[a\n\nb]{.x}",
            "[a]{.x",
        ] {
            let first = text.lines().next().unwrap();
            let (converted, _) = converted(text, Host::Markdown);
            assert!(converted.starts_with(first), "{text:?} {converted:?}");
        }
        check(&[
            ("[^1]{.x}", "[^1]"),
            ("[a][b]{.x}", "[a][b]"),
            ("![a](b){.x}", "![a](b)"),
            ("\\[a]{.x}", "\\[a]"),
            ("[b]: /y\n\n[b]{.x}", "[b]: /y\n\n[b]"),
        ]);
        assert_eq!(converted("[a]{.x}", Host::Html).0, "[a]{.x}");
    }

    #[test]
    fn hidden_text_leaves() {
        check(&[
            ("a {{% comment %}}hid{{% /comment %}} b", "a  b"),
            ("a {{< comment >}}hid{{< / comment >}} b", "a  b"),
            ("a {{< comment />}} b", "a  b"),
            ("a {%- comment -%}hid{%- endcomment -%} b", "a  b"),
            ("{% comment %}x{% comment %}y{% endcomment %}hid{% endcomment %}b", "b"),
            ("{% comment %}\n```\nhid\n{% endcomment %}\nb", "\nb"),
            ("a {% # hid %} b", "a  b"),
            ("a {# hid #} b {#hid#}", "a  b "),
            ("a\n\n{#\n{{ hid }} {% x %}\n\nhid\n#}\n\nb", "a\n\n\n\nb"),
            ("a {#- hid -#} b", "a  b"),
            ("# A {#id}\n\n{# hid #}", "# A {#id}\n\n"),
            ("# A {#id .x}\n\nb #}", "# A {#id .x}\n\nb #}"),
            ("a {::comment}hid{:/comment} b {::comment}hid{:/} c", "a  b  c"),
            ("{::nomarkdown}<b>{{ x }}</b>{:/nomarkdown}", "<b>{{ x }}</b>"),
            ("{::options toc=\"x\" /}\na", "\na"),
            ("a {{/* hid */}} b {{- /* hid */ -}} c", "a  b  c"),
            ("a {{!-- hid\n\n{{ hid }} --}} b", "a  b"),
            ("a {/* hid\n\n<b> {{ hid }} */} b", "a  b"),
            ("a\n\n{/* truncate */}\n\nb", "a\n\n<!--more-->\n\nb"),
            ("{{/* youtube(id=\"x\") */}}", "{{ youtube(id=\"x\") }}"),
            ("a {% comment %} hid\n\nhid", "a "),
            ("a {% COMMENT %}hid{% ENDCOMMENT %} b", "a  b"),
            ("a {%- doc -%}hid{%- enddoc -%} b", "a  b"),
            ("a {% doc b.pdf %} c", "a  c"),
            ("a {% if false %}hid{% if x %}hid{% endif %}{% endif %} b", "a  b"),
            ("a {%- if false -%}hid{% else %}b{% endif %}", "a b"),
            ("a {% if falsehood %}b{% endif %}", "a b"),
            ("a {% unless true %}hid{% endunless %} b", "a  b"),
            ("a { /* hid */ } b", "a  b"),
            ("a {::comment}\nhid", "a "),
            ("| a |\n|-|\n| {# hid #}b |", "| a |\n|-|\n| b |"),
            ("- a {# hid\n  hid #} b", "- a  b"),
            ("a\n: b\n\n    {# hid #}c", "a\n: b\n\n    c"),
            ("<div>\n{# hid #}\n</div>", "<div>\n</div>"),
            ("[a](b){# hid #}", "[a](b)"),
        ]);
        for code in [
            "`{# a #}` `{/* a */}` `{% comment %}`",
            "```\n{% comment %}a{% endcomment %}\n{::comment}\n```\n",
            "a\n\n    {# a #}\n",
            "<pre>{{< comment >}}a{{< /comment >}}</pre>",
            "{# a",
            "{/* a",
        ] {
            check(&[(code, code)]);
        }
    }

    #[test]
    fn text_hidden_by_tags_in_comments_of_html_leaves() {
        for (text, expected) in [
            (
                "a\n\n<!-- {% comment %} -->\n\nhid\n\n<!-- {% endcomment %} -->\n\nb",
                "a\n\n<!--  -->\n\nb",
            ),
            ("a <!-- {%- COMMENT -%} -->hid<!-- {%- ENDCOMMENT -%} --> b", "a <!--  --> b"),
            ("a <!--{% comment %}-->hid{% endcomment %}<!-- c --> b", "a <!--<!-- c --> b"),
            (
                "<!-- {% comment %} --> hid <!-- {% comment %} --> hid <!-- {% endcomment %}{% endcomment %} --> b",
                "<!--  --> b",
            ),
            ("<!-- {% if false %} -->hid<!-- {% endif %} --> b", "<!--  --> b"),
            (
                "<!-- {% if false %} -->hid<!-- {% else %} -->b<!-- {% endif %} --> c",
                "<!--  -->b<!-- {% endif %} --> c",
            ),
            ("<!-- {% unless true %} -->hid<!-- {% endunless %} --> b", "<!--  --> b"),
            ("<!-- {% doc %} -->hid<!-- {% enddoc %} --> b", "<!--  --> b"),
            ("<!-- {% # --> hid <!-- %} --> b", "<!--  --> b"),
            ("<!-- {# -->hid<!-- #} --> b", "<!--  --> b"),
            ("<!-- {#- -->\n\nhid <!-- x -->\n<!-- -#} --> b", "<!--  --> b"),
            ("<!-- {{% comment %}} -->hid<!-- {{% /comment %}} --> b", "<!--  --> b"),
            ("<!-- {{< comment >}} -->hid<!-- {{< / comment >}} --> b", "<!--  --> b"),
            ("<!-- {{/* -->hid<!-- */}} --> b", "<!--  --> b"),
            ("<!-- {{- /* -->hid<!-- */ -}} --> b", "<!--  --> b"),
            ("<!-- {{!-- -->hid {{ x }}<!-- --}} --> b", "<!--  --> b"),
            (
                "<!-- c {# x #} d {% comment %} -->hid<!-- {% endcomment %} e --> b",
                "<!-- c  d  e --> b",
            ),
            (
                "<!-- use {% comment %} -->a{% comment %}hid{% endcomment %}b",
                "<!-- use {% comment %} -->ab",
            ),
            (
                "<script>{% comment %}</script>hid<script>{% endcomment %}</script>b",
                "<script></script>b",
            ),
            ("<STYLE>/* {# */</STYLE>hid<style>/* #} */</style>b", "<STYLE>/*  */</style>b"),
            (
                "<!-- {% raw %} -->{{ a }}{# b #}<!-- {% endraw %} -->{{ c }}",
                "<!-- {% raw %} -->{{ a }}{# b #}<!-- {% endraw %} -->",
            ),
            (
                "<!-- {% raw %}{% comment %}{% endraw %} -->a<!-- {% endcomment %} -->",
                "<!-- {% raw %}{% comment %}{% endraw %} -->a<!-- {% endcomment %} -->",
            ),
        ] {
            for host in [Host::Markdown, Host::Html] {
                assert_eq!(converted(text, host).0, expected, "{text:?}");
            }
        }
        for mentioned in [
            "<!-- use {% comment %} here -->\n\na",
            "<!-- {% endcomment %} {# {{/* {{% comment %}} {% if false %} -->\n\na",
            "<!-- {#id} -->a #}",
            "<!-- {{</* comment */>}} -->a{{</* /comment */>}}",
            "<!-- {::comment} -->a<!-- {:/comment} -->",
            "<!-- {/* -->a<!-- */} -->",
            "<!-- {% if x %} {{ y }} {% include z %} -->a",
            "<!-- {% raw %} -->a",
        ] {
            let expected = mentioned.replace("{{</* /comment */>}}", "{{< /comment >}}");
            assert_eq!(converted(mentioned, Host::Markdown), (expected, Vec::new()), "{mentioned}");
        }
        for code in [
            "`<!-- {% comment %} -->` a `<!-- {% endcomment %} -->`",
            "```\n<!-- {# -->\n```\na\n```\n<!-- #} -->\n```\n",
            "<pre><!-- {# --></pre>a<pre><!-- #} --></pre>",
        ] {
            check(&[(code, code)]);
        }
    }

    #[test]
    fn code_tags_keep_what_is_in_them() {
        for (tag, end, language) in [
            ("{{< highlight sh >}}", "{{< / highlight >}}", "sh"),
            ("{{% highlight sh %}}", "{{%/highlight%}}", "sh"),
            ("{% codeblock lang:sh %}", "{% endcodeblock %}", "sh"),
            ("{% codeblock A title lang:sh https://e.org/ %}", "{% endcodeblock %}", "sh"),
            ("{% codeblock %}", "{% endcodeblock %}", ""),
            ("{{< code >}}", "{{< /code >}}", ""),
            ("{{< code lang=\"sh\" file=\"a\" >}}", "{{</code>}}", "sh"),
            ("{% prism sh %}", "{% endprism %}", "sh"),
            ("{%- highlight 'sh' -%}", "{%- endhighlight -%}", "sh"),
        ] {
            let text = format!("{tag}\n# {{{{ a }}}} *x* [[b]]\n{end}\n\n*c*\n");
            let expected = format!("```{language}\n# {{{{ a }}}} *x* [[b]]\n```\n\n*c*\n");
            check(&[(&text, &expected)]);
        }
        check(&[
            ("> {% highlight sh %}\n> a\n> {% endhighlight %}\n", "> ```sh\n> a\n> ```\n"),
            ("{{< code file=\"a\" >}}\n\nb\n{{< code >}}\nc\n{{< /code >}}", "\n\nb\n```\nc\n```"),
            (
                "<div>\n{{< highlight sh >}}\na\n\n<b>\n{{< /highlight >}}\n</div>",
                "<div>\n<pre><code class=\"language-sh\">a\n&#10;&lt;b&gt;\n</code></pre>\n</div>",
            ),
        ]);
    }

    #[test]
    fn pictures_and_their_neighbours() {
        check(&[
            ("{% img center /x.png %}", "![](</x.png>)"),
            ("{% img left big /x.png 300 200 \"A title\" \"the alt\" %}", "![the alt](</x.png>)"),
            ("{% img /x.png 300 A title %}", "![A title](</x.png>)"),
            ("{% img /x.png '\"a title\" \"an alt\"' %}", "![an alt](</x.png>)"),
            ("{% picture x.png --alt An alt --link /y %}", "![An alt](<x.png>)"),
            ("![a]({% asset_path x.png %})", "![a](x.png)"),
            ("{% asset_img x.png An alt %}", "![An alt](<x.png>)"),
            ("{% image \"x.png\", \"the alt\", \"100vw\" %}", "![the alt](<x.png>)"),
            (
                "{{< figure src=\"a.png\" caption=\"c\" >}} {% image \"li/b.png\" %}\n*d*",
                "<figure><img src=\"a.png\" alt=\"\"><figcaption>c</figcaption></figure> <figure><img src=\"li/b.png\" alt=\"\"></figure>\n\n*d*",
            ),
            ("| {% img /a.png %} | {% img /b.png %} |", "| ![](</a.png>) | ![](</b.png>) |"),
        ]);
    }

    #[test]
    fn addresses_of_articles_are_links_in_running_text() {
        check(&[
            ("Go to {{< ref \"b.md\" >}} now.", "Go to [/b](<^%3Fb^>) now."),
            ("{% post_url 2020-01-01-b %}", "[/b](<^%3F2020%2D01%2D01%2Db^>)"),
            (
                "<a href=\"{% post_url 2020-01-01-b %}\">x</a>",
                "<a href=\"^%3F2020%2D01%2D01%2Db^\">x</a>",
            ),
            ("[x]: {{< ref \"b\" >}}", "[x]: ^%3Fb^"),
            ("[x]({{< ref \"b\" >}}), [y](<{{< ref \"c\" >}}>)", "[x](^%3Fb^), [y](<^%3Fc^>)"),
            ("{% post_link b A text %}", "[A text](<^%3Fb^>)"),
        ]);
    }

    #[test]
    fn a_tag_that_is_lost_takes_its_address_with_it() {
        let lost = |text: &str| converted(text, Host::Markdown).0.replace('\u{fdd9}', "!");
        for (text, expected) in [
            ("[a]({{ x }}/b) c", "[a](!/b) c"),
            ("![a]({{ x.y }}/b.png)", "![a](!/b.png)"),
            ("<a href=\"{{ x }}/b\">", "<a href=\"!/b\">"),
            ("<a href={{ x }}>", "<a href=!>"),
            ("<img src='/a/{{ x }}.png'>", "<img src='/a/!.png'>"),
            ("[a]: {{ x }}/b", "[a]: !/b"),
            ("[a]( {{ x }}/b) c", "[a]( !/b) c"),
            ("[a](<{{ x }}/b c>) d", "[a](<!/b c>) d"),
            ("[a](<b {{ x }}>) d", "[a](<b !>) d"),
            ("[a](x(y){{ z }})", "[a](x(y)!)"),
            ("<https://{{ x }}/b> c", "<https://!/b> c"),
            ("[a](<b>) {{ x }} c", "[a](<b>)  c"),
            ("[a](b(c)) {{ x }} c", "[a](b(c))  c"),
            ("a < b {{ x }}", "a < b "),
            ("[a](b) {{ x }} c", "[a](b)  c"),
            ("a = {{ x }}", "a = "),
        ] {
            assert_eq!(lost(text), expected, "{text}");
        }
    }

    #[test]
    fn a_line_of_tags_leaves_no_blank_line_where_one_would_end_something() {
        check(&[
            (
                "<div>\n    <div>\n      {{< x >}}\n    </div>\n</div>\n",
                "<div>\n    <div>\n    </div>\n</div>\n",
            ),
            ("| a |\n|---|\n{{< x >}} {{< y >}}\n| 1 |\n", "| a |\n|---|\n| 1 |\n"),
            ("- a\n{% if x %}\n- b\n", "- a\n- b\n"),
            ("a\n{{< x >}}\nb", "a\n\nb"),
        ]);
    }

    #[test]
    fn a_heading_of_nothing_but_tags_leaves() {
        check(&[
            ("{{ page.title }}\n====\n\na", "\n\n\na"),
            ("{{ page.title }}\n===", "\n"),
            ("# {{ page.title }}\n\na", "\n\na"),
            ("a\n\n## {{ x }}", "a\n\n"),
            ("{{ x }} a\n===\n", " a\n===\n"),
            ("# a {{ x }}\n\n{{ x }}\n---\n", "# a \n\n\n---\n"),
            ("{{ x }}\n\n===\n", "\n\n===\n"),
        ]);
    }

    #[test]
    fn an_authors_figure_is_one_block_with_its_lines() {
        let figure = "<figure>\n\t<img src=\"a.png\">\n</figure>\n\n";
        let text = format!("{figure}{{{{ x }}}}\n\n{figure}");
        check(&[(&text, &format!("{figure}\n\n{figure}"))]);
    }

    #[test]
    fn braces_without_blanks_are_tags_but_in_math() {
        check(&[
            ("A {{x}} B {{title}} C {{ y }}{{{z}}} D", "A  B  C  D"),
            ("{{a.b}} {{a|b}} {{- a -}}", "  "),
            ("{{ '{{ x }}' }} {{ \"{{\" }} x }}", "{{ x }} {{ x }}"),
        ]);
        for text in ["$x^{{a}}$", "\\frac{{a}}{{b}}", "$ {{a}} + 1 $", "x_{{a}}", "{{}}"] {
            check(&[(text, text)]);
        }
    }

    #[test]
    fn lists_of_attributes_leave() {
        check(&[
            ("[a](b){:target=\"_blank\"} [c](d){: target=\"_blank\" .x}.", "[a](b) [c](d)."),
            ("[a](b){ .md-button } ![c](d){ width=\"300\" }", "[a](b) ![c\\|300](d)"),
            ("* a\n* b\n{:start=\"3\"}\n\nc", "* a\n* b\n\nc"),
            ("a\n{:.note}\n{: #x style='a b'}\n", "a\n\n\n"),
            ("## A\n{: #first}\n", "## A {#first}\n\n"),
            ("A\n===\n{: #first .x}\n", "A {#first}\n===\n\n"),
            ("## A {: #second}\n", "## A {#second}\n"),
            ("* TOC\n{:toc}\n\na", "\n\na"),
            ("1. x\n{: .y toc}\n", "1. x\n"),
            ("[TOC]\n\n[[toc]]\n\na [TOC]\n", "\n\n\n\na [TOC]\n"),
            ("[Toc]\n\n${toc}\n\n${TOC}\n\na ${toc}\n", "\n\n\n\n\n\na ${toc}\n"),
        ]);
        for text in ["{: not, a list}", "f(x){y=1}", "{a: 1}", "{ a }", "P(X){.5}", "d:{x}"] {
            check(&[(text, text)]);
        }
    }

    #[test]
    fn openings_without_ends_stay_and_cost_little() {
        for piece in [
            "{{",
            "{% ",
            "{{<",
            "{:",
            "{#",
            "`{{",
            "``` {{ x }}",
            "{{ \"",
            "{% raw %}",
            "{% highlight x %}",
            "{% comment %}",
            "{# ",
            "{/*",
            "{{/*",
            "{::comment}",
            "{: #x}\n",
            "){.",
            "<pre>",
            "* a\n{:toc}\n",
            "<!-- {% comment %} -->",
            "<!-- {# {% raw %} -->",
            "<!-- {{!-- -->",
        ] {
            let text = piece.repeat(20_000);
            assert!(converted(&text, Host::Markdown).0.len() <= 3 * text.len());
            assert!(converted(&text, Host::Html).0.len() <= 3 * text.len());
        }
        let mentioned = "<!-- {% comment %} -->".repeat(20_000) + "{% endcomment %}a";
        assert!(converted(&mentioned, Host::Markdown).0.ends_with("a"));
    }
}
