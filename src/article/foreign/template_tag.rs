//! Template tags of other generators: their meaning, as far as a feed can show it.

use crate::article::feed_html::elements::language_name;
use crate::article::feed_html::{push_attribute, push_text};
use crate::article::symbol::{by_name, by_path};

use super::arguments::{Arguments, arguments, first_of, positional, split_name, value};

/// Bytes of the text after a tag in which the end of its block is looked for. Bounded, so that a
/// text of beginnings alone does not cost the square of its length.
const BLOCK_MAX_BYTES: usize = 256 * 1024;

/// Bytes of a tag's name that a diagnostic shows.
const SHOWN_NAME_MAX_BYTES: usize = 40;

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
    /// A link that is its own text.
    Link(String),
    /// A picture.
    Figure { src: String, alt: String, title: String, caption: String, link: String },
    /// The text up to this end becomes code in this language.
    Code { language: String, end: End },
    /// The text up to this end stays as it is.
    Verbatim(End),
    /// The text up to this end is removed.
    Nothing(End),
    /// The text up to this end becomes a quotation.
    Quote(End),
}

/// The tag that ends a block: `{% endraw %}` or `{{< /highlight >}}`, under one of two names.
#[derive(Debug)]
pub(crate) struct End {
    names: [&'static str; 2],
}

/// The surroundings of a tag.
pub(crate) struct Context<'a> {
    pub(crate) host: Host,
    /// Set where the tag is alone on its line.
    pub(crate) is_alone: bool,
    /// The white space before it on its line.
    pub(crate) indent: &'a str,
}

/// Reads the tag at the beginning of `near`, which is at `at` in `text`: its length and its
/// meaning. `None` where there is no tag.
pub(crate) fn read(near: &str, text: &str, at: usize) -> Option<(usize, Meaning)> {
    if near.starts_with("{{</*") || near.starts_with("{{%/*") {
        return escaped(near);
    }
    for (open, close) in [("{{<", ">}}"), ("{{%", "%}}")] {
        if near.starts_with(open) {
            let (inner, len) = delimited(near, open, close)?;
            return Some((len, shortcode(inner)));
        }
    }
    if let Some(after_braces) = near.strip_prefix("{{") {
        let (inner, len) = delimited(near, "{{", "}}")?;
        return Some((len, expression(inner, after_braces)?));
    }
    if near.starts_with("{%") {
        let (inner, len) = delimited(near, "{%", "%}")?;
        return Some((len, block(inner)));
    }
    if near.starts_with("{# ") {
        let (inner, len) = delimited(near, "{#", "#}")?;
        // A brace inside: this `#}` belongs to something else.
        return if inner.contains('}') {
            None
        } else {
            Some((len, Meaning::Removed("#".to_owned())))
        };
    }
    let len = kramdown(near, text, at)?;
    Some((len, Meaning::Removed("{:}".to_owned())))
}

/// The inside of the delimiters, without white space and the `-` that trims it, and the length of
/// the whole.
fn delimited<'t>(near: &'t str, open: &str, close: &str) -> Option<(&'t str, usize)> {
    let inner = near.strip_prefix(open)?;
    let end = inner.find(close)?;
    Some((inner[..end].trim_matches('-').trim(), open.len() + end + close.len()))
}

/// Hugo's `{{</* figure */>}}`, which shows `{{< figure >}}`.
fn escaped(near: &str) -> Option<(usize, Meaning)> {
    let (inner, len) = delimited(near, "{{", "*/")?;
    let (sign, rest) = inner.split_at_checked(1)?;
    let close = if sign == "<" { ">}}" } else { "%}}" };
    if !near[len..].starts_with(close) {
        return None;
    }
    let shown = rest.trim_start_matches("/*").trim();
    Some((len + close.len(), Meaning::Text(format!("{{{{{sign} {shown} {close}"))))
}

/// The length of kramdown's `{: .class}`, `{:toc}` or `{::options /}`, on a line of its own or
/// right after what it belongs to.
fn kramdown(near: &str, text: &str, at: usize) -> Option<usize> {
    let (inner, _) = near.strip_prefix("{:")?.split_once('}')?;
    if inner.contains('\n') {
        return None;
    }
    let is_attached = match text[..at].chars().next_back() {
        None => true,
        Some(c) => matches!(c, '\n' | ')' | '*' | '_' | '`' | ']' | '>' | ' '),
    };
    let after = &near["{:".len()..];
    let is_list =
        after.starts_with([' ', '.', '#', ':', '/']) || matches!(inner, "toc" | "footnotes");
    if is_attached && is_list { Some(inner.len() + "{:}".len()) } else { None }
}

/// Hugo's `name args` and `/name`.
fn shortcode(inner: &str) -> Meaning {
    let (name, args) = split_name(inner);
    let arguments = arguments(args);
    let counterpart = match name {
        "highlight" => {
            let language = arguments.first().map_or(String::new(), |(_, value)| value.clone());
            Counterpart::Code { language, end: End { names: ["/highlight", "end-highlight"] } }
        }
        "ref" | "relref" => {
            let target = value(&arguments, "path").or_else(|| positional(&arguments, 0));
            Counterpart::Inline(page(&target.unwrap_or_default()))
        }
        _ => return media(name, &arguments),
    };
    Meaning::Converted(name.to_owned(), counterpart)
}

/// Liquid's, Nunjucks's and Tera's `{% name args %}`.
fn block(inner: &str) -> Meaning {
    let (name, args) = split_name(inner);
    let bare = args.trim().trim_matches(['"', '\'']);
    let counterpart = match name {
        "highlight" => {
            let language = args.split_whitespace().next().unwrap_or_default();
            let language = language.trim_matches(['"', '\'']).to_owned();
            Counterpart::Code { language, end: End { names: ["endhighlight", "end_highlight"] } }
        }
        "raw" | "verbatim" => Counterpart::Verbatim(End { names: ["endraw", "endverbatim"] }),
        "comment" => Counterpart::Nothing(End { names: ["endcomment", "end_comment"] }),
        "quote" | "blockquote" if args.trim_start().starts_with('(') => {
            Counterpart::Quote(End { names: ["end", "endquote"] })
        }
        "post_url" => Counterpart::Inline(by_name(file_name(bare), "")),
        "link" => Counterpart::Inline(by_path(bare)),
        "include" | "include_relative" => return include(name, args),
        _ => return media(name, &arguments(args)),
    };
    Meaning::Converted(name.to_owned(), counterpart)
}

/// `{% include youtube.html id="x" %}`: the file's name says what it shows, if anything does.
fn include(name: &str, args: &str) -> Meaning {
    let (file, args) = split_name(args.trim());
    let stem = file_name(file).split('.').next().unwrap_or_default();
    match media(stem, &arguments(args)) {
        Meaning::Removed(_) => Meaning::Removed(name.to_owned()),
        known => known,
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `{{ expression }}`: Liquid's variables and filters, Tera's functions. `None` where it may as
/// well be the author's own text: `{{x}}` is TeX.
fn expression(inner: &str, after_braces: &str) -> Option<Meaning> {
    let is_spaced = after_braces.starts_with([' ', '-', '"', '\'']);
    let has_operator = inner.contains(['.', '|', '(']);
    if inner.is_empty() || !is_spaced && (!has_operator || inner.contains('\n')) {
        return None;
    }
    let compact: String = inner.chars().filter(|c| !c.is_whitespace()).take(40).collect();
    if is_site_url(&compact) {
        // What follows is a path of the site, which is resolved without it.
        return Some(Meaning::Converted(compact, Counterpart::Inline(String::new())));
    }
    for quote in ['"', '\''] {
        if let Some(rest) = inner.strip_prefix(quote) {
            let (literal, filters) = rest.split_once(quote)?;
            return Some(filtered(literal, filters));
        }
    }
    let (name, args) = split_name(inner);
    if args.trim_start().starts_with('(') {
        return Some(media(name, &arguments(args)));
    }
    Some(removed(name, "{{ }}"))
}

fn is_site_url(expression: &str) -> bool {
    matches!(
        expression,
        "site.baseurl"
            | "site.url"
            | "site.github.url"
            | "base_url"
            | "config.base_url"
            | "SITEURL"
    )
}

/// A literal behind filters: `"/a.png" | relative_url` is a path of the site.
fn filtered(literal: &str, filters: &str) -> Meaning {
    let is_path = !literal.starts_with('/') && !literal.contains(':');
    let slash = if filters.contains("url") && is_path { "/" } else { "" };
    let first = filters.trim().trim_start_matches('|').trim();
    let first = first.split([':', ' ', '|']).next().unwrap_or_default();
    let name = if first.is_empty() { "{{ }}" } else { first };
    Meaning::Converted(name.to_owned(), Counterpart::Inline(format!("{slash}{literal}")))
}

/// Tags that embed media, under the names that most generators share.
fn media(name: &str, arguments: &Arguments) -> Meaning {
    if let Some(url) = hosted(name, arguments) {
        return Meaning::Converted(name.to_owned(), Counterpart::Link(url));
    }
    let source = first_of(arguments, &["src", "url", "path", "image_path", "image", "file"]);
    let Some(src) = source.filter(|source| !source.contains(['<', '>', '\n'])) else {
        return removed(name, "{% %}");
    };
    let text = |key: &str| value(arguments, key).unwrap_or_default();
    let counterpart = match name {
        "figure" | "image" | "img" | "picture" => Counterpart::Figure {
            src,
            alt: text("alt"),
            title: text("title"),
            caption: value(arguments, "caption").unwrap_or_else(|| text("attr")),
            link: text("link"),
        },
        "gist" | "youtube" | "vimeo" | "audio" | "video" if src.starts_with("http") => {
            Counterpart::Link(src)
        }
        _ => return removed(name, "{% %}"),
    };
    Meaning::Converted(name.to_owned(), counterpart)
}

/// The page of a video, a post or a piece of code that a tag names by its id.
fn hosted(name: &str, arguments: &Arguments) -> Option<String> {
    let id = first_of(arguments, &["id", "video_id", "key", "user"])?;
    if !is_id(&id) {
        return None;
    }
    let second = positional(arguments, 1);
    match name {
        "youtube" | "youtube_embed" | "youtubeplayer" => {
            Some(format!("https://www.youtube.com/watch?v={id}"))
        }
        "vimeo" => Some(format!("https://vimeo.com/{id}")),
        "instagram" => Some(format!("https://www.instagram.com/p/{id}/")),
        "tweet" | "twitter" | "x" => {
            let post = value(arguments, "id").or(second).filter(|post| is_id(post));
            let user = value(arguments, "user");
            Some(match (post, user) {
                // The one argument is the post's. Twitter finds its author.
                (None, _) => format!("https://twitter.com/i/web/status/{id}"),
                (Some(post), Some(user)) => format!("https://twitter.com/{user}/status/{post}"),
                (Some(post), None) if post == id => {
                    format!("https://twitter.com/i/web/status/{post}")
                }
                (Some(post), None) => format!("https://twitter.com/{id}/status/{post}"),
            })
        }
        "gist" => Some(match second.filter(|gist| is_id(gist)) {
            Some(gist) => format!("https://gist.github.com/{id}/{gist}"),
            None => format!("https://gist.github.com/{id}"),
        }),
        _ => None,
    }
}

fn is_id(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
}

/// A removed tag, under its name if that is short enough to be one.
fn removed(name: &str, or: &str) -> Meaning {
    let shown = if name.len() <= SHOWN_NAME_MAX_BYTES { name } else { or };
    Meaning::Removed(shown.to_owned())
}

/// The reference that Hugo's `ref` means.
fn page(target: &str) -> String {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return format!("#{fragment}");
    }
    if path.starts_with("./") || path.starts_with("../") {
        return target.to_owned();
    }
    if path.starts_with('/') {
        return by_path(target);
    }
    let path = path.trim_end_matches('/');
    for extension in [".md", ".markdown", ".html"] {
        if let Some(name) = path.strip_suffix(extension) {
            return by_name(name, fragment);
        }
    }
    by_name(path, fragment)
}

impl Counterpart {
    /// The end of what the tag encloses, if it encloses something.
    pub(crate) fn end(&self) -> Option<&End> {
        match self {
            Counterpart::Code { end, .. }
            | Counterpart::Verbatim(end)
            | Counterpart::Nothing(end)
            | Counterpart::Quote(end) => Some(end),
            Counterpart::Inline(_) | Counterpart::Link(_) | Counterpart::Figure { .. } => None,
        }
    }

    /// Writes the replacement of the tag and of what it encloses in the text after it. Returns it
    /// with the number of bytes of that text that it replaces: 0 where the block has no end.
    pub(crate) fn write(&self, after: &str, context: &Context<'_>) -> (String, usize) {
        let (content, len) = match self.end().and_then(|end| end.find(after)) {
            Some((content_len, len)) => (&after[..content_len], len),
            None => ("", 0),
        };
        let text = match self {
            Counterpart::Inline(text) => text.clone(),
            Counterpart::Link(url) => link(url, context),
            Counterpart::Figure { .. } => self.figure(context),
            // A block without an end encloses nothing.
            _ if len == 0 => String::new(),
            Counterpart::Code { language, .. } => fenced(content, language, context),
            Counterpart::Verbatim(_) => content.to_owned(),
            Counterpart::Nothing(_) => String::new(),
            Counterpart::Quote(_) => quotation(content, context),
        };
        (text, len)
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
        if context.host == Host::Markdown && context.is_alone {
            // A block of HTML ends with a blank line (CommonMark, 4.6).
            html.push('\n');
        }
        html
    }
}

fn link(url: &str, context: &Context<'_>) -> String {
    if context.host == Host::Markdown {
        return format!("<{}>", url.replace([' ', '<', '>'], ""));
    }
    let mut html = String::from("<a");
    push_attribute(&mut html, "href", url);
    html.push('>');
    push_text(&mut html, url);
    html + "</a>"
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
        return html + "</code></pre>";
    }
    // A fence is longer than any run of backticks in the code (CommonMark, 4.5).
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let indent = context.indent;
    let code = code.trim_end_matches([' ', '\t']);
    let line_end = if code.ends_with('\n') || code.is_empty() { "" } else { "\n" };
    let line_start = if context.is_alone { "" } else { "\n" };
    format!("{line_start}{fence}{language}\n{code}{line_end}{indent}{fence}{line_start}")
}

fn quotation(quoted: &str, context: &Context<'_>) -> String {
    if context.host == Host::Html {
        return format!("<blockquote>{quoted}</blockquote>");
    }
    let mut markdown = String::from("\n");
    for line in quoted.trim().lines() {
        markdown.push_str("> ");
        markdown.push_str(line);
        markdown.push('\n');
    }
    if quoted.trim().is_empty() {
        markdown.push('\n');
    }
    markdown
}

impl End {
    /// The first of its names, which identifies it.
    pub(crate) fn name(&self) -> &'static str {
        self.names[0]
    }

    /// Finds the end in the text behind a beginning: the length of the text before it, and with it.
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        let text = within(text, BLOCK_MAX_BYTES);
        let mut from = 0;
        while let Some((at, name)) = self.next_name(text, from) {
            let before = text[..at].trim_end_matches(['-', ' ']);
            let behind = at + name.len();
            let open = ["{{<", "{{%", "{%"].into_iter().find(|open| before.ends_with(open));
            if let Some(open) = open
                && let Some(close_len) = close_len(&text[behind..])
            {
                return Some((before.len() - open.len(), behind + close_len));
            }
            from = behind;
        }
        None
    }

    /// The first place from `from` on where one of the names is, and the longer one if both are.
    fn next_name(&self, text: &str, from: usize) -> Option<(usize, &'static str)> {
        let mut found: Option<(usize, &'static str)> = None;
        for name in self.names {
            let Some(at) = text[from..].find(name) else { continue };
            let is_better = match found {
                None => true,
                Some((other, known)) => {
                    from + at < other || from + at == other && name.len() > known.len()
                }
            };
            if is_better {
                found = Some((from + at, name));
            }
        }
        found
    }
}

/// The length of what closes a tag, white space and a trimming `-` included.
fn close_len(text: &str) -> Option<usize> {
    let rest = text.trim_start_matches([' ', '-']);
    for close in ["%}}", ">}}", "%}"] {
        if rest.starts_with(close) {
            return Some(text.len() - rest.len() + close.len());
        }
    }
    None
}

/// The beginning of `text`, at most `len_max` bytes.
pub(crate) fn within(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}
