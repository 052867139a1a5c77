//! An author's HTML as tokens of the standard's tokenizer: tags, text with its references resolved,
//! comments.
//!
//! No tree is built: its cost would grow with the square of the nesting.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token as Raw, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// A token of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A start tag: its name in lower case, and its attributes, each name once.
    Start(String, Vec<(String, String)>),
    /// An end tag.
    End(String),
    /// Text, decoded. A run may come in several pieces.
    Text(String),
    /// A comment's text.
    Comment(String),
    /// `<!DOCTYPE ...>`
    Doctype,
}

/// The number of attributes of a tag that are read.
const ATTRIBUTES_MAX: usize = 200;

/// The tokens of `html`.
pub(crate) fn tokens(html: &str) -> Vec<Token> {
    let html = thinned(html);
    tokens_of_part(&closed(&html))
}

/// The tokens of a part of a text. An element that is open at its end may be closed after it.
pub(crate) fn tokens_of_part(html: &str) -> Vec<Token> {
    let html = &thinned(html);
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    for chunk in chunks(html) {
        input.push_back(StrTendril::from_slice(chunk));
        // A sink that never asks for a script to run is never interrupted.
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    tokenizer.sink.tokens.into_inner()
}

/// Splits a text into pieces of about 1 MiB. A tendril holds less than 4 GiB, and pieces keep the
/// tokenizer's own buffers small.
fn chunks(text: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(1 << 20));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// Removes the attributes of a tag beyond [`ATTRIBUTES_MAX`], because the tokenizer compares each
/// with all before it.
fn thinned(html: &str) -> Cow<'_, str> {
    let mut thin = String::new();
    let mut kept = 0;
    let mut from = 0;
    while let Some(open) = html[from..].find('<') {
        let start = from + open + 1;
        from = start;
        if !html[start..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let tag = scan_tag(html.as_bytes(), start);
        if let Some(cut) = tag.cut {
            thin.push_str(&html[kept..cut]);
            kept = tag.end;
        }
        from = tag.end;
    }
    if kept == 0 {
        return Cow::Borrowed(html);
    }
    thin.push_str(&html[kept..]);
    Cow::Owned(thin)
}

/// A start tag in a text.
struct ScannedTag {
    /// The place of the first attribute that is too many.
    cut: Option<usize>,
    /// The place of its `>`, or the end of the text.
    end: usize,
}

/// Follows a tag from its name to its `>` (HTML, 13.2.5.32 to 13.2.5.39).
fn scan_tag(bytes: &[u8], start: usize) -> ScannedTag {
    let mut at = find_byte(bytes, start, |byte| is_gap(byte) || byte == b'>');
    let (mut count, mut cut) = (0, None);
    loop {
        at = find_byte(bytes, at, |byte| !is_gap(byte));
        if at >= bytes.len() || bytes[at] == b'>' {
            return ScannedTag { cut, end: at };
        }
        count += 1;
        if count > ATTRIBUTES_MAX && cut.is_none() {
            cut = Some(at);
        }
        at = end_of_attribute(bytes, at);
    }
}

/// The end of the attribute that begins at `at`: of its name, or of its value.
fn end_of_attribute(bytes: &[u8], at: usize) -> usize {
    // A name may begin with `=`.
    let name_end = find_byte(bytes, at + 1, |byte| is_gap(byte) || matches!(byte, b'=' | b'>'));
    let equals = find_byte(bytes, name_end, |byte| !byte.is_ascii_whitespace());
    if bytes.get(equals) != Some(&b'=') {
        return name_end;
    }
    let value = find_byte(bytes, equals + 1, |byte| !byte.is_ascii_whitespace());
    match bytes.get(value) {
        Some(quote @ (b'"' | b'\'')) => {
            let end = find_byte(bytes, value + 1, |byte| byte == *quote);
            (end + 1).min(bytes.len())
        }
        _ => find_byte(bytes, value, |byte| byte.is_ascii_whitespace() || byte == b'>'),
    }
}

/// The place of the first byte from `from` on for which `is` holds; the end if there is none.
fn find_byte(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while at < bytes.len() && !is(bytes[at]) {
        at += 1;
    }
    at
}

/// Whether a byte separates attributes.
fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'/'
}

/// Elements whose content is not HTML: without an end tag they go on to the end of the text.
const RAW: [&str; 8] =
    ["script", "style", "textarea", "title", "iframe", "xmp", "noembed", "noframes"];

/// End tags of blocks, which also end such an element inside of them if its own end tag is missing.
const BLOCK_ENDS: [&str; 14] = [
    "</p>",
    "</div>",
    "</li>",
    "</td>",
    "</th>",
    "</blockquote>",
    "</section>",
    "</article>",
    "</main>",
    "</body>",
    "</html>",
    "</dd>",
    "</summary>",
    "</figure>",
];

/// Adds an end tag for each element of [`RAW`] that has none, at the end of its block: the text
/// after the block is the author's, and not a part of a script.
fn closed(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    let mut from = 0;
    // Elements without an end tag in the rest of the text: searching again for each of many would
    // cost the square of their number.
    let mut endless: Vec<&str> = Vec::new();
    while let Some(open) = html[from..].find('<') {
        let start = from + open + 1;
        if html[start..].starts_with("!--") {
            from = html[start..].find("-->").map_or(html.len(), |end| start + end);
            continue;
        }
        let Some(name) = raw_element(&html[start..]) else {
            from = if html[start..].starts_with(|c: char| c.is_ascii_alphabetic()) {
                scan_tag(html.as_bytes(), start).end
            } else {
                start
            };
            continue;
        };
        let inside = (scan_tag(html.as_bytes(), start).end + 1).min(html.len());
        if !endless.contains(&name) {
            if let Some(end) = end_tag(&html[inside..], name) {
                from = inside + end;
                continue;
            }
            endless.push(name);
        }
        let end = inside + end_of_block(&html[inside..]);
        out.push_str(&html[kept..end]);
        out.push_str(&format!("</{name}>"));
        (kept, from) = (end, end);
    }
    if kept == 0 && out.is_empty() {
        return Cow::Borrowed(html);
    }
    out.push_str(&html[kept..]);
    Cow::Owned(out)
}

/// The place of the comment that is never closed, and so goes on to the end of the text.
pub(crate) fn unclosed_comment(html: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(open) = html[from..].find('<') {
        let at = from + open;
        let rest = &html[at + 1..];
        let len = if let Some(comment) = rest.strip_prefix("!--") {
            match comment_len(comment) {
                Some(len) => "!--".len() + len,
                None => return Some(at),
            }
        } else if let Some(name) = raw_element(rest) {
            let inside = (scan_tag(rest.as_bytes(), 0).end + 1).min(rest.len());
            // One without an end tag ends somewhere in what follows.
            inside + end_tag(&rest[inside..], name).unwrap_or_default()
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            scan_tag(rest.as_bytes(), 0).end
        } else {
            0
        };
        from = at + 1 + len;
    }
    None
}

/// The length of a comment behind its `<!--`, with its end (HTML, 13.2.5.43 to 13.2.5.52).
fn comment_len(text: &str) -> Option<usize> {
    for abrupt in [">", "->"] {
        if text.starts_with(abrupt) {
            return Some(abrupt.len());
        }
    }
    for (at, _) in text.match_indices('>') {
        if text[..at].ends_with("--") || text[..at].ends_with("--!") {
            return Some(at + 1);
        }
    }
    None
}

/// The element of [`RAW`] whose start tag `text` is the rest of, behind its `<`.
fn raw_element(text: &str) -> Option<&'static str> {
    for name in RAW {
        if starts_with(text, name)
            && !text[name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Some(name);
        }
    }
    None
}

/// The place of the end tag of that name.
fn end_tag(html: &str, name: &str) -> Option<usize> {
    for (at, _) in html.match_indices("</") {
        if starts_with(&html[at + 2..], name) {
            return Some(at);
        }
    }
    None
}

/// The end of an element whose end tag is missing: a blank line, or the end of a block around it.
fn end_of_block(html: &str) -> usize {
    let (html, _) = html.split_once("\n\n").unwrap_or((html, ""));
    for (at, _) in html.match_indices("</") {
        if BLOCK_ENDS.iter().any(|end| starts_with(&html[at..], end)) {
            return at;
        }
    }
    html.len()
}

/// Whether a text starts with `start`, in any case.
fn starts_with(text: &str, start: &str) -> bool {
    match text.get(..start.len()) {
        Some(found) => found.eq_ignore_ascii_case(start),
        None => false,
    }
}

/// Collects the tokens. In a cell, because the tokenizer shares its sink.
#[derive(Default)]
struct Sink {
    tokens: RefCell<Vec<Token>>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Raw, _line: u64) -> TokenSinkResult<()> {
        let mut tokens = self.tokens.borrow_mut();
        match token {
            Raw::TagToken(tag) if tag.kind == TagKind::EndTag => {
                tokens.push(Token::End(tag.name.to_string()))
            }
            Raw::TagToken(tag) => {
                let mut attributes = Vec::with_capacity(tag.attrs.len());
                for attribute in &tag.attrs {
                    attributes
                        .push((attribute.name.local.to_string(), attribute.value.to_string()));
                }
                tokens.push(Token::Start(tag.name.to_string(), attributes));
                return content_of(&tag.name);
            }
            Raw::CharacterTokens(text) => match tokens.last_mut() {
                Some(Token::Text(before)) => before.push_str(&text),
                _ => tokens.push(Token::Text(text.to_string())),
            },
            Raw::CommentToken(text) => tokens.push(Token::Comment(text.to_string())),
            Raw::DoctypeToken(_) => tokens.push(Token::Doctype),
            Raw::NullCharacterToken | Raw::EOFToken | Raw::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// The state in which the content of an element is read (HTML, 13.2.6.4), without scripting.
fn content_of(name: &str) -> TokenSinkResult<()> {
    match name {
        "textarea" | "title" => TokenSinkResult::RawData(RawKind::Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

/// Comments behind which a page shows no summary any more: of most generators, Docusaurus,
/// Eleventy, Nikola and a plugin of Pelican.
const SUMMARY_ENDS: [&str; 6] =
    ["more", "excerpt", "truncate", "teaser_end", "pelican_end_summary", "end excerpt"];

/// Whether this is the comment that ends a summary: `<!-- more -->`, or Hugo's and WordPress's
/// `<!--more-->`.
pub(crate) fn is_more(comment: &str) -> bool {
    let comment = comment.trim();
    comment.starts_with("more ") || SUMMARY_ENDS.iter().any(|end| comment.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_attributes_are_cut() {
        let many = |count: usize| (0..count).map(|n| format!(" a{n}='>'")).collect::<String>();
        let text = format!("x<p{}>y</p><a b = c/d e>", many(10_000));
        let seen = tokens(&text);
        let Token::Start(_, attributes) = &seen[1] else { panic!() };
        assert_eq!((attributes.len(), &seen[2]), (ATTRIBUTES_MAX, &Token::Text("y".to_owned())));
        assert!(matches!(thinned(&format!("<p{}>", many(100))), Cow::Borrowed(_)));
        assert!(tokens(&format!("<p{}", many(1000))).is_empty());
    }

    #[test]
    fn forgotten_ends_are_those_of_the_block() {
        for (html, expected) in [
            ("<p>a <script>b</p><p>c", "<p>a <script>b</script></p><p>c"),
            ("a <Style x='>'>b\n\nc", "a <Style x='>'>b</style>\n\nc"),
            ("<iframe src=x>a", "<iframe src=x>a</iframe>"),
            (
                "<textarea>a</div><textarea>b</li>",
                "<textarea>a</textarea></div><textarea>b</textarea></li>",
            ),
            ("<script>a</p></SCRIPT >b", "<script>a</p></SCRIPT >b"),
            ("<!-- <script> -->a <titles>", "<!-- <script> -->a <titles>"),
            ("<p title='<script>'>a", "<p title='<script>'>a"),
        ] {
            assert_eq!(closed(html), expected);
        }
        let many = "<script>\n\n".repeat(50_000);
        assert_eq!(closed(&many).matches("</script>").count(), 50_000);
    }

    #[test]
    fn unclosed_comments_are_found() {
        for (html, place) in [
            ("a<!-- b", Some(1)),
            ("<!-- a --><!-- b -- > c", Some(10)),
            ("<p title='<!--'>a<!--", Some(17)),
            ("<!-- a --><!-- b ---><!----><!--!>-->", None),
            ("<!--><!---><!-- a --!>b", None),
            ("<script><!-- a</script><title><!--</title>b", None),
            ("a < b <!- c", None),
        ] {
            assert_eq!(unclosed_comment(html), place, "{html}");
            let last = tokens_of_part(html).pop();
            let is_last = matches!(last, Some(Token::Comment(_)));
            assert!(place.is_none() || is_last, "{html}");
        }
        for piece in ["<!-- a -->", "<!-- a --", "<script>", "<title>a</title>", "<a b"] {
            unclosed_comment(&piece.repeat(20_000));
        }
    }

    #[test]
    fn tokens_are_those_of_the_standard() {
        let seen = tokens(
            "<!DOCTYPE html><P Class=a class=b>x&amp;y&#0;z<br/><!-- more --><script><p></script></p>",
        );
        let start = |name: &str| Token::Start(name.to_owned(), Vec::new());
        let expected = [
            Token::Doctype,
            Token::Start("p".to_owned(), vec![("class".to_owned(), "a".to_owned())]),
            Token::Text("x&y\u{fffd}z".to_owned()),
            start("br"),
            Token::Comment(" more ".to_owned()),
            start("script"),
            Token::Text("<p>".to_owned()),
            Token::End("script".to_owned()),
            Token::End("p".to_owned()),
        ];
        assert_eq!(seen, expected);
        assert!(is_more(" more ") && is_more("more") && !is_more("moreover"));
        assert!(is_more("TEASER_END") && is_more(" truncate ") && is_more("More"));
        assert!(!is_more("more_or_less") && !is_more("truncated"));
    }
}
