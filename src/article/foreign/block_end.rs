//! The ends of tags that enclose something: `{% endraw %}`, `{{< /highlight >}}`, `{:/comment}`.

use super::TAG_MAX_BYTES;
use super::arguments::split_name;
use super::reach::{delimited, within};

/// The way in which a beginning inside of a block counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nesting {
    /// It has an end of its own.
    Nests,
    /// It means that the block before it has no end.
    Forbids,
    /// It is text.
    Ignored,
}

/// The tag that ends a block, under any of its names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    /// The name of the beginning, which identifies the end.
    tag: &'static str,
    /// Names of the end; Hugo's and kramdown's begin with a slash.
    names: &'static [&'static str],
    nesting: Nesting,
}

/// The place of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The length of the text before it, and with it.
    At(usize, usize),
    /// Another beginning comes first, so this one encloses nothing.
    Blocked,
    /// It does not come any more.
    Never,
}

/// The ends of tags whose inside is code.
pub(crate) const CODE_ENDS: [End; 7] = [
    End::of_code("highlight", &["/highlight", "endhighlight", "end_highlight", "end-highlight"]),
    End::of_code("codeblock", &["/codeblock", "endcodeblock"]),
    End::of_code("code", &["/code", "endcode"]),
    End::of_code("code-block", &["/code-block", "endcode-block"]),
    End::of_code("prism", &["/prism", "endprism"]),
    End::of_code("pygments", &["/pygments", "endpygments"]),
    End::of_code("mermaid", &["/mermaid", "endmermaid"]),
];

impl End {
    pub(crate) const COMMENT: Self = Self {
        tag: "comment",
        names: &["/comment", "endcomment", "end_comment", "ENDCOMMENT"],
        nesting: Nesting::Nests,
    };

    /// Of text that a module of Hugo encrypts.
    pub(crate) const HUGO_ENCRYPT: Self =
        Self { tag: "hugo-encrypt", names: &["/hugo-encrypt"], nesting: Nesting::Nests };

    /// Of text that another one encrypts.
    pub(crate) const HUGO_ENCRYPTOR: Self =
        Self { tag: "hugo-encryptor", names: &["/hugo-encryptor"], nesting: Nesting::Nests };

    /// Of a condition that is never true.
    pub(crate) const IF: Self = Self { tag: "if", names: &["endif"], nesting: Nesting::Nests };

    /// Of Liquid's contrary condition.
    pub(crate) const UNLESS: Self =
        Self { tag: "unless", names: &["endunless"], nesting: Nesting::Nests };

    /// Of Liquid's documentation of a template.
    pub(crate) const DOC: Self = Self { tag: "doc", names: &["enddoc"], nesting: Nesting::Ignored };

    pub(crate) const RAW: Self =
        Self { tag: "raw", names: &["endraw", "endverbatim"], nesting: Nesting::Ignored };

    pub(crate) const QUOTE: Self = Self {
        tag: "quote",
        names: &["end", "endquote", "endblockquote", "endpullquote"],
        nesting: Nesting::Forbids,
    };

    /// kramdown's `{:/comment}`.
    pub(crate) const KRAMDOWN_COMMENT: Self =
        Self { tag: "::comment", names: &["{:/comment}", "{:/}"], nesting: Nesting::Ignored };

    /// kramdown's `{:/nomarkdown}`.
    pub(crate) const KRAMDOWN_RAW: Self =
        Self { tag: "::nomarkdown", names: &["{:/nomarkdown}", "{:/}"], nesting: Nesting::Ignored };

    const fn of_code(tag: &'static str, names: &'static [&'static str]) -> Self {
        Self { tag, names, nesting: Nesting::Forbids }
    }

    /// The name of the tag that begins the block.
    pub(crate) fn tag(&self) -> &'static str {
        self.tag
    }

    /// Finds the end in the text behind a beginning. Of more beginnings than ends, the last end is
    /// the safest: what is hidden stays so.
    pub(crate) fn find(&self, text: &str) -> Found {
        match self.find_own(text) {
            Ok(own) => own,
            Err(last) => last,
        }
    }

    /// Finds the end in the text behind a beginning. `Err` with the last end, if any, where all ends
    /// are those of other beginnings.
    pub(crate) fn find_own(&self, text: &str) -> Result<Found, Found> {
        let mut depth = 1;
        let mut last = Found::Never;
        for (at, _) in text.match_indices('{') {
            let Some(tag) = Tag::read(&text[at..]) else { continue };
            let is_other_branch = matches!(self.tag, "if" | "unless")
                && matches!(tag.name, "else" | "elsif" | "elif" | "elseif");
            if depth == 1 && is_other_branch {
                return Ok(Found::At(at, at + tag.len));
            }
            if self.names.contains(&tag.name) || tag.is_slashed && self.ends_slashed(tag.name) {
                depth -= 1;
                last = Found::At(at, at + tag.len);
                if depth == 0 {
                    return Ok(last);
                }
            } else if tag.name == self.tag && !tag.is_slashed && !tag.is_closed {
                match self.nesting {
                    Nesting::Nests => depth += 1,
                    Nesting::Forbids => return Ok(Found::Blocked),
                    Nesting::Ignored => {}
                }
            }
        }
        Err(last)
    }

    fn ends_slashed(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.strip_prefix('/') == Some(name))
    }
}

/// A tag, as far as it may begin or end a block.
struct Tag<'t> {
    name: &'t str,
    /// Hugo's `{{< /name >}}`, with or without blanks around the slash.
    is_slashed: bool,
    /// Hugo's `{{< name />}}`.
    is_closed: bool,
    len: usize,
}

impl<'t> Tag<'t> {
    fn read(text: &'t str) -> Option<Self> {
        if text.starts_with("{:/") {
            let len = within(text, TAG_MAX_BYTES).find('}')? + 1;
            return Some(Self { name: &text[..len], is_slashed: false, is_closed: false, len });
        }
        let near = within(text, TAG_MAX_BYTES);
        for (open, close) in [("{{<", ">}}"), ("{{%", "%}}"), ("{%", "%}")] {
            let Some((inner, len)) = delimited(near, open, close) else { continue };
            let (bare, is_slashed) = match inner.strip_prefix('/') {
                Some(bare) => (bare.trim_start(), true),
                None => (inner, false),
            };
            let name = split_name(bare).0;
            let is_closed = inner.ends_with('/');
            return Some(Self { name, is_slashed, is_closed, len });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found() {
        let highlight = CODE_ENDS[0];
        for (end, text, expected) in [
            (End::COMMENT, "a{% endcomment %}b", Found::At(1, 17)),
            (End::COMMENT, "a{%- endcomment -%}b", Found::At(1, 19)),
            (End::COMMENT, "a{{< / comment >}}", Found::At(1, 18)),
            (End::COMMENT, "a{{%/comment%}}", Found::At(1, 15)),
            (End::COMMENT, "{% comment %}{% endcomment %}a{% endcomment %}", Found::At(30, 46)),
            (End::COMMENT, "{% comment %}a{% endcomment %}b", Found::At(14, 30)),
            (End::COMMENT, "{{< comment />}}{{< /comment >}}", Found::At(16, 32)),
            (End::COMMENT, "a{% endcomments %}", Found::Never),
            (End::COMMENT, "a{% else %}b{% endcomment %}", Found::At(12, 28)),
            (End::IF, "a{% endif %}", Found::At(1, 12)),
            (End::IF, "a{% else %}b{% endif %}", Found::At(1, 11)),
            (End::IF, "{% if x %}a{% else %}b{% endif %}c{% endif %}", Found::At(34, 45)),
            (End::UNLESS, "{% if x %}{% endif %}a{% endunless %}", Found::At(22, 37)),
            (End::KRAMDOWN_COMMENT, "a{:/comment}", Found::At(1, 12)),
            (End::KRAMDOWN_COMMENT, "a{:/}", Found::At(1, 5)),
            (highlight, "a{% endhighlight %}", Found::At(1, 19)),
            (highlight, "a{{< / highlight >}}", Found::At(1, 20)),
            (highlight, "{{< highlight x >}}a{{< /highlight >}}", Found::Blocked),
            (End::RAW, "{% raw %}a{% endraw %}", Found::At(10, 22)),
        ] {
            assert_eq!(end.find(text), expected, "{text:?}");
        }
        for (text, expected) in [
            ("a{% endcomment %}", Ok(Found::At(1, 17))),
            ("{% comment %}a{% endcomment %}b", Err(Found::At(14, 30))),
            ("a", Err(Found::Never)),
        ] {
            assert_eq!(End::COMMENT.find_own(text), expected, "{text:?}");
        }
    }
}
