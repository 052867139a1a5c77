//! Template tags of other generators (Jekyll, Hugo, Zola, Eleventy, Pelican, kramdown): the common
//! ones are converted, the rest is removed, and code keeps them. Each is reported with its line.
//! Wiki links become Markdown links on the way.
//!
//! This file finds tags; [`template_tag`] knows what they mean. Nothing is evaluated.

mod arguments;
pub(crate) mod template_tag;
mod wiki_link;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::article::findings::Findings;
use crate::base::Diagnostic;
use crate::base::place::line_breaks;

use template_tag::{Context, Counterpart, Host, Meaning, within};

/// Bytes of a tag, so that a text of nothing but openings costs no more than its length.
const TAG_MAX_BYTES: usize = 2048;

/// Bytes of a code span.
const SPAN_MAX_BYTES: usize = 16 * 1024;

/// Bytes of its line that a tag looks at: a line may be as long as the text.
const LINE_MAX_BYTES: usize = 200;

/// Elements of HTML whose content is code: their start and end tags.
const CODE_ELEMENTS: [(&str, &str); 4] =
    [("<pre", "</pre"), ("<code", "</code"), ("<script", "</script"), ("<style", "</style")];

/// Converts or removes the template tags of a text.
pub(crate) fn convert<'t>(text: &'t str, host: Host, findings: &mut Findings) -> Cow<'t, str> {
    let has_opening = ["{{", "{%", "{:", "{#", "[["].iter().any(|opening| text.contains(opening));
    if !has_opening {
        return Cow::Borrowed(text);
    }
    let mut converter = Converter {
        text,
        host,
        at: 0,
        line: 1,
        out: String::with_capacity(text.len()),
        in_list: false,
        after_blank: true,
        endless: Vec::new(),
        labels: None,
    };
    while converter.at < text.len() {
        converter.step(findings);
    }
    Cow::Owned(converter.out)
}

struct Converter<'t> {
    text: &'t str,
    host: Host,
    at: usize,
    /// The line of `at`, from 1.
    line: u32,
    out: String,
    /// Set where indentation belongs to a list, and not to code.
    in_list: bool,
    after_blank: bool,
    /// Blocks whose end was looked for in vain, by its name; it is not looked for again.
    endless: Vec<&'static str>,
    /// The labels of link reference definitions, once they are needed.
    labels: Option<HashSet<&'t str>>,
}

impl<'t> Converter<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn step(&mut self, findings: &mut Findings) {
        let rest = self.rest();
        let is_line_start = self.at == 0 || self.text.as_bytes()[self.at - 1] == b'\n';
        let code = match self.host {
            Host::Markdown if is_line_start => self.code_block(),
            Host::Markdown => code_span(rest),
            Host::Html => html_code(rest),
        };
        if let Some(len) = code {
            self.copy(len);
            return;
        }
        if rest.starts_with('{') && self.tag(findings) {
            return;
        }
        if self.host == Host::Markdown && self.wiki_link() {
            return;
        }
        self.copy(plain_len(rest));
    }

    fn copy(&mut self, len: usize) {
        let piece = &self.text[self.at..self.at + len];
        self.out.push_str(piece);
        self.skip(len);
    }

    fn skip(&mut self, len: usize) {
        self.line = self.line.saturating_add(line_breaks(&self.text[self.at..self.at + len]));
        self.at += len;
    }

    /// The length of the code block that begins on this line, or of the code span at its beginning.
    fn code_block(&mut self) -> Option<usize> {
        let rest = self.rest();
        let line = first_line(rest);
        let bare = line.trim_start_matches([' ', '\t', '>']);
        let fence = &bare[..bare.len() - bare.trim_start_matches(['`', '~']).len()];
        // Backticks behind the fence make a code span of it (CommonMark, 4.5).
        let is_fence = bare.starts_with("```") && !bare[fence.len()..].contains('`')
            || bare.starts_with("~~~");
        if is_fence {
            return Some(fenced_len(rest, fence));
        }
        let is_blank = line.trim().is_empty();
        let is_indented = line.starts_with("    ") || line.starts_with('\t');
        let is_code = is_indented && self.after_blank && !self.in_list && !is_blank;
        if !is_blank && !is_indented {
            let starts_list =
                bare.starts_with(|c: char| matches!(c, '-' | '*' | '+') || c.is_ascii_digit());
            // A list goes on without a blank line, or indented behind one.
            let goes_on = self.in_list && (!self.after_blank || line.starts_with(' '));
            self.in_list = starts_list || goes_on;
        }
        // After indented code, the next indented line is code too.
        self.after_blank = is_blank || is_code;
        if is_code { Some(line.len()) } else { code_span(rest) }
    }

    /// Converts the tag that begins here. Returns false where none does.
    fn tag(&mut self, findings: &mut Findings) -> bool {
        let near = within(self.rest(), TAG_MAX_BYTES);
        let Some((len, meaning)) = template_tag::read(near, self.text, self.at) else {
            return false;
        };
        let (text, taken) = match meaning {
            Meaning::Text(text) => (text, 0),
            Meaning::Removed(name) => {
                let message = format!("the template tag `{name}` was removed");
                findings.add(Diagnostic::warning("template-tag", message), Some(self.line));
                (String::new(), 0)
            }
            Meaning::Converted(name, counterpart) => {
                let message = format!("the template tag `{name}` was converted");
                findings.add(Diagnostic::note("template-tag", message), Some(self.line));
                self.written(&counterpart, len)
            }
        };
        self.out.push_str(&text);
        self.skip(len + taken);
        true
    }

    /// Converts the wiki link that begins here. Returns false where none does.
    fn wiki_link(&mut self) -> bool {
        let rest = self.rest();
        if !rest.starts_with("[[") && !rest.starts_with("![[") {
            return false;
        }
        let labels = self.labels.get_or_insert_with(|| wiki_link::labels(self.text));
        let Some((len, link)) = wiki_link::read(rest, labels) else { return false };
        self.out.push_str(&link);
        self.skip(len);
        true
    }

    /// Writes the counterpart of the tag of this length. Returns it with the number of bytes behind
    /// the tag that it replaces.
    fn written(&mut self, counterpart: &Counterpart, len: usize) -> (String, usize) {
        let context =
            Context { host: self.host, is_alone: self.is_alone(len), indent: self.indent() };
        let after = &self.rest()[len..];
        let Some(end) = counterpart.end() else { return counterpart.write(after, &context) };
        if self.endless.contains(&end.name()) {
            return (String::new(), 0);
        }
        let (text, taken) = counterpart.write(after, &context);
        if taken == 0 {
            self.endless.push(end.name());
        }
        (text, taken)
    }

    /// Whether the tag of this length is alone on its line.
    fn is_alone(&self, len: usize) -> bool {
        let after = within(&self.rest()[len..], LINE_MAX_BYTES);
        self.before().trim().is_empty() && first_line(after).trim().is_empty()
    }

    fn indent(&self) -> &'t str {
        let before = self.before();
        if before.trim().is_empty() { before } else { "" }
    }

    /// The text before this place on its line, as far as it matters.
    fn before(&self) -> &'t str {
        let near = &self.text
            [self.text.ceil_char_boundary(self.at.saturating_sub(LINE_MAX_BYTES))..self.at];
        near.rsplit('\n').next().unwrap_or_default()
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
    let next = rest[first..].find(['{', '`', '\n', '<', '[', '!', '\\']);
    next.map_or(rest.len(), |at| first + at)
}

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

/// The length of a fenced block (CommonMark, 4.5), its fences included.
fn fenced_len(text: &str, fence: &str) -> usize {
    let mut len = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        len += line.len();
        let bare = line.trim_start_matches([' ', '\t', '>']).trim_end();
        if number > 0
            && bare.starts_with(fence)
            && bare.bytes().all(|byte| byte == fence.as_bytes()[0])
        {
            break;
        }
    }
    len
}

/// The length of the code span that begins here (CommonMark, 6.1), or of the backticks that begin
/// none.
fn code_span(text: &str) -> Option<usize> {
    let run = text.bytes().take_while(|byte| *byte == b'`').count();
    if run == 0 {
        return None;
    }
    let mut at = run;
    let near = within(text, SPAN_MAX_BYTES);
    while let Some(found) = near.get(at..)?.find('`') {
        if near[at..at + found].contains("\n\n") {
            break;
        }
        at += found;
        let other = near[at..].bytes().take_while(|byte| *byte == b'`').count();
        at += other;
        if other == run {
            return Some(at);
        }
    }
    Some(run)
}

/// The length of the element of code, or the comment, that begins here.
fn html_code(text: &str) -> Option<usize> {
    if text.starts_with("<!--") {
        return Some(text.find("-->").map_or(text.len(), |end| end + 3));
    }
    for (start, end) in CODE_ELEMENTS {
        if starts_with(text, start)
            && text[start.len()..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace())
        {
            return Some(end_tag(text, end));
        }
    }
    None
}

/// The beginning of the first end tag, however it is written. Looking for one way of writing it
/// after another could go through the whole text for each element.
fn end_tag(text: &str, end: &str) -> usize {
    for (at, _) in text.match_indices("</") {
        if starts_with(&text[at..], end) {
            return at + end.len();
        }
    }
    text.len()
}

fn starts_with(text: &str, tag: &str) -> bool {
    text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
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
            ("* toc\n{:toc}\n", "* toc\n\n"),
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
            ("{% quote(author=\"X\") %}\na\nb\n{% end %}\n", "\n> a\n> b\n\n"),
            ("[a]({{ '/x/' | url }})", "[a](/x/)"),
            ("{# a comment #}b", "b"),
            ("{{ unknown(x=1) }}b", "b"),
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
        ] {
            let text = piece.repeat(20_000);
            assert!(converted(&text, Host::Markdown).0.len() <= 3 * text.len());
            assert!(converted(&text, Host::Html).0.len() <= 3 * text.len());
        }
    }
}
