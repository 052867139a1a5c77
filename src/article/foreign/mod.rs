//! Template tags of other generators (Jekyll, Hugo, Zola, Eleventy, Pelican, kramdown) in a text: the common ones are
//! converted, the rest removed; code keeps them. Each is named in a diagnostic with its line. Wiki links become
//! Markdown's own on the way.
//!
//! This file finds tags; [`template_tag`] knows what they mean. Nothing is evaluated.

pub(crate) mod template_tag;
mod wiki_link;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::article::findings::Findings;
use crate::base::Diagnostic;
use crate::base::place::line_breaks;

use template_tag::{Counterpart, Host, Meaning, within};

/// Tags and their content are not looked for farther than this, in bytes, so that a text of nothing but openings costs
/// no more than its length.
const TAG_MAX_BYTES: usize = 2048;

/// A code span's end is not looked for farther than this, in bytes.
const SPAN_MAX_BYTES: usize = 16 * 1024;

/// How far a tag looks around on its line, in bytes: a line may be as long as the text.
const LINE_MAX_BYTES: usize = 200;

/// The text without template tags.
pub(crate) fn convert<'t>(text: &'t str, host: Host, findings: &mut Findings) -> Cow<'t, str> {
    if !["{{", "{%", "{:", "{#", "[["].iter().any(|opening| text.contains(opening)) {
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
    /// Does indentation belong to a list here, and not to code?
    in_list: bool,
    after_blank: bool,
    /// Blocks whose end was looked for in vain; it is not looked for again.
    endless: Vec<String>,
    /// The labels of link reference definitions, once they were asked for.
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
        if rest.starts_with('{') && self.tag(findings) || self.host == Host::Markdown && self.wiki_link() {
            return;
        }
        // On to the next place where anything can begin.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let is_stop = |byte: u8| matches!(byte, b'{' | b'`' | b'\n' | b'<' | b'[' | b'!' | b'\\');
        let plain = rest.as_bytes()[first..].iter().position(|byte| is_stop(*byte)).map_or(rest.len(), |at| at + first);
        // A line's beginning is a place of its own: step over a line break alone; over what is escaped, together.
        let escaped = rest.strip_prefix('\\').and_then(|rest| rest.chars().next()).filter(char::is_ascii_punctuation);
        self.copy(match (rest.starts_with('\n'), escaped) {
            (true, _) => 1,
            (false, Some(_)) => 2,
            (false, None) => plain,
        });
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

    /// The length of the code block that begins on this line, or of a code span at its beginning.
    fn code_block(&mut self) -> Option<usize> {
        let rest = self.rest();
        let line = first_line(rest);
        let bare = line.trim_start_matches([' ', '\t', '>']);
        let fence: usize = bare.bytes().take_while(|byte| matches!(byte, b'`' | b'~')).count();
        if fence >= 3 && (bare.starts_with("```") && !bare[fence..].contains('`') || bare.starts_with("~~~")) {
            return Some(fenced_len(rest, &bare[..fence]));
        }
        let is_blank = line.trim().is_empty();
        let is_indented = line.starts_with("    ") || line.starts_with('\t');
        let is_code = is_indented && self.after_blank && !self.in_list && !is_blank;
        if !is_blank && !is_indented {
            let starts_list = bare.starts_with(['-', '*', '+']) || bare.starts_with(|c: char| c.is_ascii_digit());
            self.in_list = starts_list || self.in_list && (!self.after_blank || line.starts_with(' '));
        }
        // After indented code, the next indented line is code too.
        self.after_blank = is_blank || is_code;
        if is_code { Some(line.len()) } else { code_span(rest) }
    }

    /// Converts the tag that begins here; false where none does.
    fn tag(&mut self, findings: &mut Findings) -> bool {
        let Some((len, meaning)) = template_tag::read(within(self.rest(), TAG_MAX_BYTES), self.text, self.at) else {
            return false;
        };
        let context = template_tag::Context { host: self.host, is_alone: self.is_alone(len), indent: self.indent() };
        let after = &self.rest()[len..];
        let (replacement, taken, what) = match meaning {
            Meaning::Text(text) => (text, 0, None),
            Meaning::Removed(name) => (
                String::new(),
                0,
                Some(Diagnostic::warning("template-tag", format!("the template tag `{name}` was removed"))),
            ),
            Meaning::Converted(name, counterpart) => {
                let (text, taken) = self.written(&counterpart, after, &context);
                (
                    text,
                    taken,
                    Some(Diagnostic::note("template-tag", format!("the template tag `{name}` was converted"))),
                )
            }
        };
        if let Some(finding) = what {
            findings.add(finding, Some(self.line));
        }
        self.out.push_str(&replacement);
        self.skip(len + taken);
        true
    }

    /// Converts the wiki link that begins here; false where none does.
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

    fn written(
        &mut self,
        counterpart: &Counterpart,
        after: &str,
        context: &template_tag::Context<'_>,
    ) -> (String, usize) {
        let end = counterpart.end().map(template_tag::End::name);
        if end.is_some_and(|end| self.endless.iter().any(|known| known == end)) {
            return (String::new(), 0);
        }
        let (text, taken) = counterpart.write(after, context);
        if let (Some(end), 0) = (end, taken) {
            self.endless.push(end.to_owned());
        }
        (text, taken)
    }

    /// Is the tag of this length all there is on its line?
    fn is_alone(&self, len: usize) -> bool {
        let after = within(&self.rest()[len..], LINE_MAX_BYTES);
        self.before().trim().is_empty() && first_line(after).trim().is_empty()
    }

    fn indent(&self) -> &'t str {
        let before = self.before();
        if before.trim().is_empty() { before } else { "" }
    }

    /// What stands before this place on its line, as far as it matters.
    fn before(&self) -> &'t str {
        let near = &self.text[self.text.ceil_char_boundary(self.at.saturating_sub(LINE_MAX_BYTES))..self.at];
        near.rsplit('\n').next().unwrap_or_default()
    }
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
        if number > 0 && bare.starts_with(fence) && bare.bytes().all(|byte| byte == fence.as_bytes()[0]) {
            break;
        }
    }
    len
}

/// The length of the code span that begins here (CommonMark, 6.1), or of the backticks that begin none.
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
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    if !text.starts_with('<') {
        return None;
    }
    if starts("<!--") {
        return Some(text.find("-->").map_or(text.len(), |end| end + 3));
    }
    let (_, end) = [("<pre", "</pre"), ("<code", "</code"), ("<script", "</script"), ("<style", "</style")]
        .into_iter()
        .find(|(start, _)| {
            starts(start) && text[start.len()..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace())
        })?;
    // The first end tag, however it is written: looking for one way of writing it after another could go through the
    // whole text for each element.
    let is_end = |at: &usize| text.get(*at..*at + end.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(end));
    let found = text.match_indices("</").map(|(at, _)| at).find(is_end);
    Some(found.map_or(text.len(), |at| at + end.len()))
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
            ("{% highlight rust linenos %}\nfn x() {}\n{% endhighlight %}\n", "```rust\nfn x() {}\n```\n"),
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
            ("{{< highlight go \"linenos=table\" >}}\na ``` b\n{{< /highlight >}}", "````go\na ``` b\n````"),
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
        let (figure, _) = converted("{{< figure src=\"a.png\" caption=\"C & D\" >}}\n", Host::Markdown);
        assert_eq!(figure, "<figure><img src=\"a.png\" alt=\"\"><figcaption>C &amp; D</figcaption></figure>\n\n");
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
            ["3:1: the template tag `include` was removed", "4:1: the template tag `youtube` was converted"]
        );
    }

    #[test]
    fn openings_without_ends_stay_and_cost_little() {
        for piece in ["{{", "{% ", "{{<", "{:", "{#", "`{{", "``` {{ x }}", "{{ \"", "{% raw %}", "{% highlight x %}"] {
            let text = piece.repeat(20_000);
            assert!(converted(&text, Host::Markdown).0.len() <= 3 * text.len());
            assert!(converted(&text, Host::Html).0.len() <= 3 * text.len());
        }
    }
}
