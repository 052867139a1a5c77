//! Template tags of other generators: their meaning, as far as a feed can show it.

use crate::article::symbol::{by_name, by_path};

use super::arguments::{Arguments, arguments, first_of, positional, split_name, value};
use super::block_end::{CODE_ENDS, End};
use super::counterpart::{Counterpart, Meaning, Source};
use super::reach::{delimited, delimited_behind_quotes, delimited_outside_quotes, within};
use super::{attribute_list, pictures};

/// Bytes before `{{` that are looked at for a command of TeX.
const COMMAND_MAX_BYTES: usize = 40;

/// Bytes of a tag's name that a diagnostic shows.
const SHOWN_NAME_MAX_BYTES: usize = 40;

/// Reads the tag at the beginning of `near`, which is at `at` in `text`: its length and its
/// meaning. `None` where there is no tag.
pub(crate) fn read(near: &str, text: &str, at: usize) -> Option<(usize, Meaning)> {
    if let Some(shown) = escaped(near) {
        return Some(shown);
    }
    for (open, close) in [("{{<", ">}}"), ("{{%", "%}}")] {
        if near.starts_with(open) {
            let (inner, len) = delimited_outside_quotes(near, open, close)
                .or_else(|| delimited(near, open, close))?;
            return Some((len, shortcode(inner)));
        }
    }
    if near.starts_with("{{") {
        let braces = if near.starts_with("{{{") { ("{{{", "}}}") } else { ("{{", "}}") };
        let (inner, len) = delimited_behind_quotes(near, braces.0, braces.1)
            .or_else(|| delimited(near, braces.0, braces.1))?;
        let is_spaced = near[braces.0.len()..].starts_with([' ', '-', '"', '\'', '\n']);
        if !is_spaced && (inner.contains('\n') || is_math(&text[..at], &text[at + len..])) {
            return None;
        }
        return Some((len, expression(inner)?));
    }
    if near.starts_with("{%") {
        let (inner, len) = delimited(near, "{%", "%}")?;
        return Some((len, block(inner)));
    }
    attribute_list::read(near, text, at)
}

/// Hugo's `{{</* figure */>}}`, which shows `{{< figure >}}`, and Zola's `{{/* figure() */}}` and
/// `{%/* quote() */%}`. Without parentheses Zola's form is a comment of Go.
fn escaped(near: &str) -> Option<(usize, Meaning)> {
    for (open, close, shown_open, shown_close) in [
        ("{{</*", "*/>}}", "{{<", ">}}"),
        ("{{%/*", "*/%}}", "{{%", "%}}"),
        ("{{/*", "*/}}", "{{", "}}"),
        ("{%/*", "*/%}", "{%", "%}"),
    ] {
        let Some((inner, len)) = delimited(near, open, close) else { continue };
        let is_call = inner.ends_with(')') && split_name(inner).1.starts_with('(');
        if open != "{{/*" || is_call {
            return Some((len, Meaning::Text(format!("{shown_open} {inner} {shown_close}"))));
        }
    }
    None
}

/// Whether double braces between these texts are TeX's: `x^{{a}}`, `\\frac{{a}}{{b}}`, `$ {{a}} $`.
fn is_math(before: &str, after: &str) -> bool {
    let near = before.len().saturating_sub(COMMAND_MAX_BYTES);
    let near = &before[before.ceil_char_boundary(near)..];
    let argued = without_arguments(near);
    let word = argued.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if argued.ends_with(['^', '_', '{', '\\']) || word.len() < argued.len() && word.ends_with('\\')
    {
        return true;
    }
    let line = near.rsplit('\n').next().unwrap_or_default();
    let rest = within(after, COMMAND_MAX_BYTES).lines().next().unwrap_or_default();
    after.starts_with(['^', '_']) || line.matches('$').count() % 2 == 1 && rest.contains('$')
}

/// The text without the groups in braces at its end, which are a command's other arguments.
fn without_arguments(text: &str) -> &str {
    let mut rest = text;
    while rest.ends_with('}') {
        let mut depth = 0;
        let open = rest.bytes().rposition(|byte| {
            match byte {
                b'}' => depth += 1,
                b'{' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let Some(open) = open else { break };
        rest = &rest[..open];
    }
    rest
}

/// Hugo's `name args` and `/name`.
fn shortcode(inner: &str) -> Meaning {
    let is_closed = inner.ends_with('/');
    let (name, args) = split_name(inner.trim_end_matches('/').trim_end());
    let arguments = arguments(args);
    let counterpart = match name {
        "comment" if !is_closed => Counterpart::Nothing(End::COMMENT),
        // Their pages are encrypted: what is between them is for those who have the password.
        "hugo-encrypt" if !is_closed => Counterpart::Nothing(End::HUGO_ENCRYPT),
        "hugo-encryptor" if !is_closed => Counterpart::Nothing(End::HUGO_ENCRYPTOR),
        "ref" | "relref" => {
            let target = value(&arguments, "path").or_else(|| positional(&arguments, 0));
            let target = target.unwrap_or_default();
            Counterpart::Address { reference: page(&target), shown: shown_path(&target) }
        }
        _ if is_closed => return media(name, &arguments),
        _ => match code(name, &arguments) {
            Some(code) => code,
            None => return media(name, &arguments),
        },
    };
    Meaning::Converted(name.to_owned(), counterpart)
}

/// Whether the arguments are one of these words alone.
fn is_word(args: &str, words: &[&str]) -> bool {
    words.contains(&args.trim())
}

/// Liquid's, Nunjucks's and Tera's `{% name args %}`.
fn block(inner: &str) -> Meaning {
    if inner.starts_with('#') {
        return Meaning::Comment("{% # %}");
    }
    let (name, args) = split_name(inner);
    let bare = args.trim().trim_matches(['"', '\'']);
    let arguments = arguments(args);
    let counterpart = match name {
        "raw" | "verbatim" => Counterpart::Verbatim(End::RAW),
        _ if name.eq_ignore_ascii_case("comment") => Counterpart::Nothing(End::COMMENT),
        "if" if is_word(args, &["false", "False", "nil", "none", "None"]) => {
            Counterpart::Nothing(End::IF)
        }
        "unless" if is_word(args, &["true"]) => Counterpart::Nothing(End::UNLESS),
        "doc" if args.trim().is_empty() => Counterpart::Nothing(End::DOC),
        "quote" | "blockquote" => {
            Counterpart::Quote { source: quoted(args, &arguments), end: End::QUOTE }
        }
        // What it is given is a class.
        "pullquote" => Counterpart::Quote { source: Source::default(), end: End::QUOTE },
        "post_url" | "post_path" => Counterpart::Address {
            reference: by_name(file_name(bare), ""),
            shown: shown_path(bare),
        },
        "asset_path" => Counterpart::Address { reference: bare.to_owned(), shown: bare.to_owned() },
        "post_link" | "asset_link" if !arguments.is_empty() => hexo_link(name, &arguments),
        "link" if arguments.len() > 1 => {
            let (text, url) = (positional(&arguments, 0), positional(&arguments, 1));
            Counterpart::Link { url: url.unwrap_or_default(), text: text.unwrap_or_default() }
        }
        "link" => Counterpart::Address { reference: by_path(bare), shown: shown_path(bare) },
        "include" | "include_relative" => return include(name, args),
        _ => match code(name, &arguments) {
            Some(code) => code,
            None => return media(name, &arguments),
        },
    };
    Meaning::Converted(name.to_owned(), counterpart)
}

/// The source of a quotation: by its keys, or as Hexo has it, `Author, Title https://… Title`.
fn quoted(args: &str, arguments: &Arguments) -> Source {
    let named = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| value(arguments, key));
        found.unwrap_or_default()
    };
    let source = Source {
        author: named(&["author", "by"]),
        title: named(&["title", "source", "cite"]),
        url: named(&["url", "link", "href"]),
    };
    if source != Source::default() || args.trim_start().starts_with('(') {
        return source;
    }
    let words: Vec<&str> = args.split_whitespace().collect();
    let is_url = |word: &&str| word.starts_with("http://") || word.starts_with("https://");
    let Some(at) = words.iter().position(is_url) else {
        return Source { author: words.join(" "), ..Source::default() };
    };
    Source {
        author: words[..at].join(" "),
        title: words[at + 1..].join(" "),
        url: words[at].to_owned(),
    }
}

/// A tag whose inside is code, whatever generator it is of.
fn code(name: &str, arguments: &Arguments) -> Option<Counterpart> {
    let end = CODE_ENDS.iter().find(|end| end.tag() == name)?;
    let given = value(arguments, "lang").or_else(|| value(arguments, "language"));
    let mut language = given.unwrap_or_default();
    for (key, value) in arguments {
        // Hexo writes `lang:sh`; a title comes first in its `codeblock`.
        if let Some(given) = value.strip_prefix("lang:") {
            language = given.to_owned();
        } else if language.is_empty() && key.is_none() && !matches!(name, "codeblock" | "code") {
            language = value.clone();
        }
    }
    if name == "mermaid" {
        language = name.to_owned();
    }
    Some(Counterpart::Code { language, end: *end })
}

/// Hexo's `post_link name text` and `asset_link file text`.
fn hexo_link(name: &str, arguments: &Arguments) -> Counterpart {
    let target = positional(arguments, 0).unwrap_or_default();
    let mut text = String::new();
    for (_, word) in arguments.iter().skip(1) {
        // The last argument may say whether the text is escaped.
        if !matches!(word.as_str(), "true" | "false") {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(word);
        }
    }
    let url = if name == "post_link" { by_name(file_name(&target), "") } else { target.clone() };
    let text = if text.is_empty() { file_name(&target).to_owned() } else { text };
    Counterpart::Link { url, text }
}

/// The path that the address of a page is shown as where it is text: `_posts/2020-01-02-b.md` is
/// `/b`. The link behind it is exact.
fn shown_path(target: &str) -> String {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    let name = file_name(path.trim_end_matches('/'));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_dated = stem.len() > 11
        && stem.bytes().zip(b"dddd-dd-dd-").all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            _ => byte == b'-',
        });
    let slug = if is_dated { &stem[11..] } else { stem };
    format!("/{slug}")
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

/// `{{ expression }}`: Liquid's variables and filters, Tera's functions. `None` where nothing is in
/// the braces.
fn expression(inner: &str) -> Option<Meaning> {
    if inner.is_empty() {
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
    // The moment at which a site is built is none of an article.
    if first == "date" && matches!(literal, "now" | "today") {
        return removed(name, "{{ }}");
    }
    Meaning::Converted(name.to_owned(), Counterpart::Inline(format!("{slash}{literal}")))
}

/// Tags that embed media, under the names that most generators share.
fn media(name: &str, arguments: &Arguments) -> Meaning {
    if let Some(url) = hosted(name, arguments) {
        return Meaning::Converted(name.to_owned(), Counterpart::Link { url, text: String::new() });
    }
    if let Some(picture) = pictures::read(name, arguments) {
        return Meaning::Converted(name.to_owned(), picture);
    }
    match first_of(arguments, &["src", "url", "path", "file"]) {
        Some(url)
            if matches!(name, "gist" | "youtube" | "vimeo" | "audio" | "video")
                && url.starts_with("http") =>
        {
            Meaning::Converted(name.to_owned(), Counterpart::Link { url, text: String::new() })
        }
        _ => match named_link(arguments) {
            Some(link) => Meaning::Converted(name.to_owned(), link),
            None => removed(name, "{% %}"),
        },
    }
}

/// The link that a tag of any name makes of an address and a text, each under its key.
fn named_link(arguments: &Arguments) -> Option<Counterpart> {
    let of_key = |keys: &[&str]| keys.iter().find_map(|key| value(arguments, key));
    let url = of_key(&["href", "url", "link"])?;
    let text = of_key(&["text", "title", "label", "content", "name"])?;
    let is_address = ["https://", "http://", "/", "./", "../"].iter().any(|s| url.starts_with(s));
    let is_shown = !text.trim().is_empty() && !text.contains(['<', '{']);
    if is_address && is_shown && !url.contains('{') {
        Some(Counterpart::Link { url, text })
    } else {
        None
    }
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
