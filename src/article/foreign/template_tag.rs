//! What the template tags of other generators mean, as far as a feed can say it.

use crate::article::feed_html::elements::language_name;
use crate::article::feed_html::{push_attribute, push_text};
use crate::article::symbol::{by_name, by_path};

/// What the tags stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// Markdown: code is fenced, indented, or between backticks.
    Markdown,
    /// HTML: code is in `pre`, `code`, `script`, `style` and comments.
    Html,
}

/// A tag's meaning.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// Nothing was meant to happen here: this text stands.
    Text(String),
    /// The tag of this name is lost; what it encloses stays.
    Removed(String),
    /// The tag of this name has a counterpart.
    Converted(String, Counterpart),
}

/// The counterpart of a tag.
#[derive(Debug)]
pub(crate) enum Counterpart {
    /// This text replaces it.
    Inline(String),
    /// A link that is its own text.
    Link(String),
    /// A picture.
    Figure { src: String, alt: String, title: String, caption: String, link: String },
    /// What follows up to this end, as code in this language.
    Code { language: String, end: End },
    /// What follows up to this end stands as it is.
    Verbatim(End),
    /// What follows up to this end leaves.
    Nothing(End),
    /// What follows up to this end is a quotation.
    Quote(End),
}

/// The tag that ends a block: `{% endraw %}` or `{{< /highlight >}}`.
#[derive(Debug)]
pub(crate) struct End {
    names: [String; 2],
}

/// Where a tag stands.
pub(crate) struct Context<'a> {
    pub(crate) host: Host,
    /// Is it all there is on its line?
    pub(crate) is_alone: bool,
    /// The white space before it on its line.
    pub(crate) indent: &'a str,
}

/// The tag at the beginning of `near`, which stands in `text` at `at`: its length, and what it means. `None` where
/// there is none.
pub(crate) fn read(near: &str, text: &str, at: usize) -> Option<(usize, Meaning)> {
    let body = |open: &str, close: &str| {
        let inner = near.strip_prefix(open)?;
        let end = inner.find(close)?;
        Some((inner[..end].trim_matches('-').trim(), open.len() + end + close.len()))
    };
    if near.starts_with("{{</*") || near.starts_with("{{%/*") {
        let (inner, len) = body("{{", "*/")?;
        let close = if inner.starts_with('<') { ">}}" } else { "%}}" };
        let len = len + close.len();
        return near.get(..len)?.ends_with(close).then(|| {
            let sign = &inner[..1];
            (len, Meaning::Text(format!("{{{{{sign} {} {close}", inner[1..].trim_start_matches("/*").trim())))
        });
    }
    for (open, close) in [("{{<", ">}}"), ("{{%", "%}}")] {
        if near.starts_with(open) {
            return body(open, close).map(|(inner, len)| (len, shortcode(inner)));
        }
    }
    if near.starts_with("{{") {
        return body("{{", "}}").and_then(|(inner, len)| Some((len, expression(inner, &near[2..])?)));
    }
    if near.starts_with("{%") {
        return body("{%", "%}").map(|(inner, len)| (len, block(inner)));
    }
    if near.starts_with("{# ") {
        return body("{#", "#}")
            .filter(|(inner, _)| !inner.contains('}'))
            .map(|(_, len)| (len, Meaning::Removed("#".to_owned())));
    }
    kramdown(near, text, at).map(|len| (len, Meaning::Removed("{:}".to_owned())))
}

/// `{: .class}`, `{:toc}`, `{::options /}`: on a line of its own, or right after what it belongs to.
fn kramdown(near: &str, text: &str, at: usize) -> Option<usize> {
    let inner = near.strip_prefix("{:")?;
    let end = inner.find(['}', '\n']).filter(|end| inner[*end..].starts_with('}'))?;
    let before = text[..at].chars().next_back();
    let is_attached = before.is_none_or(|c| matches!(c, '\n' | ')' | '*' | '_' | '`' | ']' | '>' | ' '));
    let is_list = inner.starts_with([' ', '.', '#', ':', '/']) || matches!(&inner[..end], "toc" | "footnotes");
    (is_attached && is_list).then_some(end + 3)
}

/// Hugo's `name args`, `/name`.
fn shortcode(inner: &str) -> Meaning {
    let (name, args) = split_name(inner);
    let arguments = arguments(args);
    match name {
        "highlight" => {
            let language = arguments.first().map(|(_, value)| value.clone()).unwrap_or_default();
            Meaning::Converted(
                name.to_owned(),
                Counterpart::Code { language, end: End::of("/highlight", "end-highlight") },
            )
        }
        "ref" | "relref" => {
            let target = value(&arguments, "path").or_else(|| positional(&arguments, 0)).unwrap_or_default();
            Meaning::Converted(name.to_owned(), Counterpart::Inline(page(&target)))
        }
        _ => media(name, &arguments),
    }
}

/// Liquid's, Nunjucks's and Tera's `{% name args %}`.
fn block(inner: &str) -> Meaning {
    let (name, args) = split_name(inner);
    let converted = |counterpart| Meaning::Converted(name.to_owned(), counterpart);
    let bare = args.trim().trim_matches(['"', '\'']);
    match name {
        "highlight" => {
            let language = args.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']).to_owned();
            converted(Counterpart::Code { language, end: End::of("endhighlight", "end_highlight") })
        }
        "raw" | "verbatim" => converted(Counterpart::Verbatim(End::of("endraw", "endverbatim"))),
        "comment" => converted(Counterpart::Nothing(End::of("endcomment", "end_comment"))),
        "quote" | "blockquote" if args.trim_start().starts_with('(') => {
            converted(Counterpart::Quote(End::of("end", "endquote")))
        }
        "post_url" => converted(Counterpart::Inline(by_name(bare.rsplit('/').next().unwrap_or(bare), ""))),
        "link" => converted(Counterpart::Inline(by_path(bare))),
        "include" | "include_relative" => {
            let (file, args) = split_name(args.trim());
            let stem = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or_default();
            match media(stem, &arguments(args)) {
                Meaning::Removed(_) => Meaning::Removed(name.to_owned()),
                known => known,
            }
        }
        _ => media(name, &arguments(args)),
    }
}

/// `{{ expression }}`: Liquid's variables and filters, Tera's functions. `None` where it may as well be the author's own
/// text: `{{x}}` is TeX.
fn expression(inner: &str, after_braces: &str) -> Option<Meaning> {
    let is_spaced = after_braces.starts_with([' ', '-', '"', '\'']);
    if !(is_spaced || inner.contains(['.', '|', '('])) || inner.is_empty() || inner.contains('\n') && !is_spaced {
        return None;
    }
    let compact: String = inner.chars().filter(|c| !c.is_whitespace()).take(40).collect();
    if matches!(
        compact.as_str(),
        "site.baseurl" | "site.url" | "site.github.url" | "base_url" | "config.base_url" | "SITEURL"
    ) {
        return Some(Meaning::Converted(compact, Counterpart::Inline(String::new())));
    }
    if let Some(quote) = inner.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (literal, filters) = inner[1..].split_once(quote)?;
        let is_url = filters.contains("_url") || filters.contains("url");
        let slash = if is_url && !literal.starts_with('/') && !literal.contains(':') { "/" } else { "" };
        let name = filters.trim().trim_start_matches('|').trim().split([':', ' ', '|']).next().unwrap_or_default();
        let name = if name.is_empty() { "{{ }}" } else { name };
        return Some(Meaning::Converted(name.to_owned(), Counterpart::Inline(format!("{slash}{literal}"))));
    }
    let (name, args) = split_name(inner);
    if args.trim_start().starts_with('(') {
        return Some(media(name, &arguments(args)));
    }
    Some(Meaning::Removed(if name.len() <= 40 { name.to_owned() } else { "{{ }}".to_owned() }))
}

/// Tags that show something which stands elsewhere, under the names that most generators share.
fn media(name: &str, arguments: &Arguments) -> Meaning {
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| value(arguments, name))
            .or_else(|| positional(arguments, 0))
            .filter(|v| !v.is_empty())
    };
    let second = positional(arguments, 1);
    let is_id = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'));
    let id = first(&["id", "video_id", "key", "user"]).filter(is_id);
    let link = match (name, id) {
        ("youtube" | "youtube_embed" | "youtubeplayer", Some(id)) => {
            Some(format!("https://www.youtube.com/watch?v={id}"))
        }
        ("vimeo", Some(id)) => Some(format!("https://vimeo.com/{id}")),
        ("instagram", Some(id)) => Some(format!("https://www.instagram.com/p/{id}/")),
        ("tweet" | "twitter" | "x", Some(user)) => match value(arguments, "id").or(second).filter(is_id) {
            Some(id) => {
                let user = value(arguments, "user").unwrap_or(if user == id { "i/web".to_owned() } else { user });
                Some(format!("https://twitter.com/{user}/status/{id}"))
            }
            None => Some(format!("https://twitter.com/i/web/status/{user}")),
        },
        ("gist", Some(user)) => Some(match second.filter(is_id) {
            Some(id) => format!("https://gist.github.com/{user}/{id}"),
            None => format!("https://gist.github.com/{user}"),
        }),
        _ => None,
    };
    let source = first(&["src", "url", "path", "image_path", "image", "file"])
        .filter(|source| !source.contains(['<', '>', '\n']));
    let text = |names: &[&str]| names.iter().find_map(|name| value(arguments, name)).unwrap_or_default();
    let counterpart = match (link, name, source) {
        (Some(url), ..) => Counterpart::Link(url),
        (None, "figure" | "image" | "img" | "picture", Some(src)) => Counterpart::Figure {
            src,
            alt: text(&["alt"]),
            title: text(&["title"]),
            caption: text(&["caption", "attr"]),
            link: text(&["link"]),
        },
        (None, "gist" | "youtube" | "vimeo" | "audio" | "video", Some(url)) if url.starts_with("http") => {
            Counterpart::Link(url)
        }
        _ => return Meaning::Removed(if name.len() <= 40 { name.to_owned() } else { "{% %}".to_owned() }),
    };
    Meaning::Converted(name.to_owned(), counterpart)
}

/// A page as Hugo's `ref` names it.
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
    let name = [".md", ".markdown", ".html"].iter().find_map(|extension| path.strip_suffix(extension)).unwrap_or(path);
    by_name(name, fragment)
}

impl Counterpart {
    /// The end of what this encloses, by its first name.
    pub(crate) fn end(&self) -> Option<&End> {
        match self {
            Counterpart::Code { end, .. }
            | Counterpart::Verbatim(end)
            | Counterpart::Nothing(end)
            | Counterpart::Quote(end) => Some(end),
            Counterpart::Inline(_) | Counterpart::Link(_) | Counterpart::Figure { .. } => None,
        }
    }

    /// What stands for the tag and for what follows it, and how many bytes of that are taken.
    pub(crate) fn write(&self, after: &str, context: &Context<'_>) -> (String, usize) {
        match self {
            Counterpart::Inline(text) => (text.clone(), 0),
            Counterpart::Link(url) => (link(url, context), 0),
            Counterpart::Figure { .. } => (self.figure(context), 0),
            Counterpart::Code { language, end } => enclosed(after, end, |code| fenced(code, language, context)),
            Counterpart::Verbatim(end) => enclosed(after, end, str::to_owned),
            Counterpart::Nothing(end) => enclosed(after, end, |_| String::new()),
            Counterpart::Quote(end) => enclosed(after, end, |quoted| quotation(quoted, context)),
        }
    }

    fn figure(&self, context: &Context<'_>) -> String {
        let Counterpart::Figure { src, alt, title, caption, link } = self else { return String::new() };
        if context.host == Host::Markdown && caption.is_empty() && title.is_empty() && link.is_empty() {
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
        let text: Vec<&str> = [title.as_str(), caption].into_iter().filter(|text| !text.is_empty()).collect();
        if !text.is_empty() {
            html.push_str("<figcaption>");
            push_text(&mut html, &text.join(": ").replace('\n', " "));
            html.push_str("</figcaption>");
        }
        html.push_str("</figure>");
        if context.host == Host::Markdown && context.is_alone {
            // A block of HTML ends with a blank line.
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

/// The end of a block that begins before `after`, and what `write` makes of what is enclosed. A block without an end
/// encloses nothing.
fn enclosed(after: &str, end: &End, write: impl Fn(&str) -> String) -> (String, usize) {
    match end.find(after) {
        Some((content_len, len)) => (write(&after[..content_len]), len),
        None => (String::new(), 0),
    }
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
    let lines: Vec<String> = quoted.trim().lines().map(|line| format!("> {line}")).collect();
    format!("\n{}\n", lines.join("\n"))
}

impl End {
    /// Its first name.
    pub(crate) fn name(&self) -> &str {
        &self.names[0]
    }

    fn of(first: &str, second: &str) -> Self {
        Self { names: [first.to_owned(), second.to_owned()] }
    }

    /// How much comes before the end, and how much with it. Bounded: a text of beginnings alone must not cost the
    /// square of its length, so an end is looked for in the next 256 KiB.
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        let text = within(text, 256 * 1024);
        let mut from = 0;
        while let Some(found) = self.names.iter().filter_map(|name| text[from..].find(name.as_str())).min() {
            let at = from + found;
            let name =
                self.names.iter().filter(|name| text[at..].starts_with(name.as_str())).max_by_key(|name| name.len())?;
            let before = text[..at].trim_end_matches(['-', ' ']);
            let after = &text[at + name.len()..];
            let close = ["%}}", ">}}", "%}"].into_iter().find_map(|close| {
                let rest = after.trim_start_matches([' ', '-']);
                rest.starts_with(close).then(|| after.len() - rest.len() + close.len())
            });
            let open = ["{{<", "{{%", "{%"].into_iter().find(|open| before.ends_with(open));
            if let (Some(close), Some(open)) = (close, open) {
                return Some((before.len() - open.len(), at + name.len() + close));
            }
            from = at + name.len();
        }
        None
    }
}

/// Arguments in order, each with its key where it has one.
type Arguments = Vec<(Option<String>, String)>;

fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    text.split_at(end)
}

fn value(arguments: &Arguments, key: &str) -> Option<String> {
    arguments.iter().find(|(k, _)| k.as_deref() == Some(key)).map(|(_, value)| value.clone())
}

fn positional(arguments: &Arguments, at: usize) -> Option<String> {
    arguments.iter().filter(|(key, _)| key.is_none()).nth(at).map(|(_, value)| value.clone())
}

/// `"a b" key="c" key=d`, with or without commas and parentheses.
fn arguments(text: &str) -> Arguments {
    let mut list = Vec::new();
    let mut rest = text.trim().trim_start_matches('(').trim_end_matches(')');
    let is_gap = |c: char| c.is_whitespace() || c == ',';
    while !rest.trim_start_matches(is_gap).is_empty() {
        rest = rest.trim_start_matches(is_gap);
        let key_end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
        let (key, after) = rest.split_at(key_end);
        let assigned = after.trim_start().strip_prefix('=').filter(|_| !key.is_empty()).map(str::trim_start);
        let (value, after) = one_value(assigned.unwrap_or(rest));
        list.push((assigned.map(|_| key.to_owned()), value));
        rest = after;
    }
    list
}

fn one_value(text: &str) -> (String, &str) {
    let quoted = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    if let Some((value, after)) = quoted.and_then(|quote| text[1..].split_once(quote)) {
        return (value.to_owned(), after);
    }
    let end = text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len());
    // A separator alone is no value, but it is passed, so that reading ends.
    (text[..end].to_owned(), &text[end..])
}

/// The beginning of `text`, at most `len_max` bytes.
pub(crate) fn within(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let of = |key: Option<&str>, value: &str| (key.map(str::to_owned), value.to_owned());
        assert_eq!(
            arguments(" src=\"a b.png\" alt='x' 7 (y=1, z) "),
            [of(Some("src"), "a b.png"), of(Some("alt"), "x"), of(None, "7"), of(None, "(y=1"), of(None, "z")]
        );
        assert_eq!(arguments("(id=\"a\", b=2)"), [of(Some("id"), "a"), of(Some("b"), "2")]);
        assert_eq!(arguments("=a \"b"), [of(None, "=a"), of(None, "\"b")]);
    }
}
