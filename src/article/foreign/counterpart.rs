//! The meaning of a template tag, and how Markdown or HTML writes it.

use crate::article::feed_html::elements::language_name;
use crate::article::feed_html::{push_attribute, push_text, push_url};

use super::block_end::End;

/// The markup around a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// Markdown: code is fenced, indented, or between backticks.
    Markdown,
    /// HTML: code is in `pre`, `code`, `script`, `style` and comments.
    Html,
}

/// The meaning of a tag.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// An escaped tag, which shows this text.
    Text(String),
    /// A comment between these signs.
    Comment(&'static str),
    /// Attributes of what is before it, which a feed does not keep but for an id.
    Attributes(String),
    /// The tag of this name is lost; what it encloses stays.
    Removed(String),
    /// The tag of this name has a counterpart.
    Converted(String, Counterpart),
}

/// The counterpart of a tag in Markdown or HTML.
#[derive(Debug)]
pub(crate) enum Counterpart {
    /// This text replaces it.
    Inline(String),
    /// The address of an article: itself in the address of a link, a link in running text, where
    /// `shown` is its text.
    Address { reference: String, shown: String },
    /// A link with this text, or one that is its own text.
    Link { url: String, text: String },
    /// A picture.
    Figure { src: String, alt: String, title: String, caption: String, link: String },
    /// The text up to this end becomes code in this language.
    Code { language: String, end: End },
    /// The text up to this end stays as it is.
    Verbatim(End),
    /// The text up to this end is removed.
    Nothing(End),
    /// The text up to this end becomes a quotation.
    Quote { source: Source, end: End },
}

/// The source of a quotation. Each part is empty where it is not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) author: String,
    pub(crate) title: String,
    pub(crate) url: String,
}

/// The surroundings of a tag.
pub(crate) struct Context<'a> {
    pub(crate) host: Host,
    /// Set where the tag is alone on its line.
    pub(crate) is_alone: bool,
    /// Set where the tag is within the address of a link, or the value of an attribute.
    pub(crate) is_in_address: bool,
    /// The white space before it on its line.
    pub(crate) indent: &'a str,
}

impl Counterpart {
    /// The end of what the tag encloses, if it encloses something.
    pub(crate) fn end(&self) -> Option<&End> {
        match self {
            Counterpart::Code { end, .. }
            | Counterpart::Verbatim(end)
            | Counterpart::Nothing(end)
            | Counterpart::Quote { end, .. } => Some(end),
            Counterpart::Inline(_)
            | Counterpart::Address { .. }
            | Counterpart::Link { .. }
            | Counterpart::Figure { .. } => None,
        }
    }

    /// Writes the replacement of a tag that encloses nothing.
    pub(crate) fn write(&self, context: &Context<'_>) -> String {
        match self {
            Counterpart::Inline(text) => text.clone(),
            Counterpart::Address { reference, .. } if context.is_in_address => reference.clone(),
            Counterpart::Address { reference, shown } => link(reference, shown, context),
            Counterpart::Link { url, text } => link(url, text, context),
            Counterpart::Figure { .. } => self.figure(context),
            _ => String::new(),
        }
    }

    /// Writes the replacement of a tag and of the `content` that it encloses.
    pub(crate) fn enclose(&self, content: &str, context: &Context<'_>) -> String {
        match self {
            Counterpart::Code { language, .. } => fenced(content, language, context),
            Counterpart::Verbatim(_) => content.to_owned(),
            Counterpart::Quote { source, .. } => quotation(content, source, context),
            _ => String::new(),
        }
    }

    fn figure(&self, context: &Context<'_>) -> String {
        let Counterpart::Figure { src, alt, title, caption, link } = self else {
            return String::new();
        };
        let is_plain = caption.is_empty() && title.is_empty() && link.is_empty();
        if context.host == Host::Markdown && is_plain {
            return format!("![{}](<{src}>)", alt.replace(['[', ']'], ""));
        }
        let mut html = String::from("<figure>");
        if !link.is_empty() {
            html.push_str("<a");
            push_attribute(&mut html, "href", link);
            html.push('>');
        }
        html.push_str("<img");
        push_attribute(&mut html, "src", src);
        push_attribute(&mut html, "alt", alt);
        html.push_str(if link.is_empty() { ">" } else { "></a>" });
        let text = match (title.as_str(), caption.as_str()) {
            ("", text) | (text, "") => text.to_owned(),
            (title, caption) => format!("{title}: {caption}"),
        };
        if !text.is_empty() {
            html.push_str("<figcaption>");
            push_text(&mut html, &text.replace('\n', " "));
            html.push_str("</figcaption>");
        }
        html.push_str("</figure>");
        html
    }
}

/// A link; without a text of its own it shows its address.
fn link(url: &str, text: &str, context: &Context<'_>) -> String {
    if context.host == Host::Markdown {
        let url = url.replace([' ', '<', '>'], "");
        return match text {
            "" => format!("<{url}>"),
            text => format!("[{}](<{url}>)", text.replace(['[', ']', '\n'], " ")),
        };
    }
    let mut html = String::from("<a");
    push_url(&mut html, "href", url);
    html.push('>');
    push_text(&mut html, if text.is_empty() { url } else { text });
    html + "</a>"
}

/// Text in which no character is Markdown's.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn fenced(code: &str, language: &str, context: &Context<'_>) -> String {
    let code = code.trim_start_matches('\r').strip_prefix('\n').unwrap_or(code);
    let language = language_name(language).unwrap_or_default();
    if context.host == Host::Html {
        let mut html = String::from("<pre><code");
        if !language.is_empty() {
            push_attribute(&mut html, "class", &format!("language-{language}"));
        }
        html.push('>');
        push_text(&mut html, code);
        // A blank line would end a block of HTML in Markdown (CommonMark, 4.6).
        return html.replace("\n\n", "\n&#10;") + "</code></pre>";
    }
    // A fence is longer than any run of backticks in the code (CommonMark, 4.5).
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let indent = context.indent;
    // The last line is that of the end tag, with what makes it part of a quote.
    let code = if indent.contains('>') {
        code.trim_end_matches([' ', '\t', '>'])
    } else {
        code.trim_end_matches([' ', '\t'])
    };
    let line_end = if code.ends_with('\n') || code.is_empty() { "" } else { "\n" };
    let line_start = if context.is_alone { "" } else { "\n" };
    format!("{line_start}{fence}{language}\n{code}{line_end}{indent}{fence}{line_start}")
}

fn quotation(quoted: &str, source: &Source, context: &Context<'_>) -> String {
    let attribution = attribution(source, context);
    if context.host == Host::Html {
        return match attribution.as_str() {
            "" => format!("<blockquote>{quoted}</blockquote>"),
            text => format!("<blockquote>{quoted}<p>{text}</p></blockquote>"),
        };
    }
    let mut markdown = String::from("\n");
    for line in quoted.trim().lines() {
        markdown.push_str("> ");
        markdown.push_str(line);
        markdown.push('\n');
    }
    if !attribution.is_empty() {
        markdown.push_str(&format!(">\n> {attribution}\n"));
    } else if quoted.trim().is_empty() {
        markdown.push('\n');
    }
    markdown
}

/// `— Author, Title`, with the title as a link where there is a URL; empty where nothing is given.
fn attribution(source: &Source, context: &Context<'_>) -> String {
    let Source { author, title, url } = source;
    let mut parts = Vec::new();
    for (text, url) in [(author, ""), (title, url.as_str())] {
        let mut written = String::new();
        if !url.is_empty() {
            written = link(url, text, context);
        } else if context.host == Host::Markdown {
            written = escaped(text);
        } else {
            push_text(&mut written, text);
        }
        if !written.is_empty() {
            parts.push(written);
        }
    }
    if parts.is_empty() { String::new() } else { format!("— {}", parts.join(", ")) }
}
