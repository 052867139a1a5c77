//! The part of a document that is the article.

use std::ops::Range;

use crate::article::feed_html::has_word;
use crate::article::sanitize::tokens::Token;

use super::{attribute, end_of, first_start, is_heading, is_silent, is_start};

/// The range of a document's tokens that is the article.
pub(super) fn region(tokens: &[Token]) -> Range<usize> {
    let main = first_start(tokens, "main");
    let container = match (only_article(tokens), main) {
        (Some(article), Some(main)) if has_text_beside(tokens, main, article) => Some(main),
        (Some(article), _) => Some(article),
        // Several articles are a list of them.
        (None, main) => main,
    };
    if let Some(start) = container {
        let mut end = end_of(tokens, start);
        // One that is not closed goes on to the end.
        if matches!(tokens[end - 1], Token::End(_)) {
            end -= 1;
        }
        return start + 1..end.max(start + 1);
    }
    body_start(tokens)..tokens.len()
}

/// The start of the only `<article>` of a document, without those in it, and without comments.
fn only_article(tokens: &[Token]) -> Option<usize> {
    let mut only = None;
    let mut at = 0;
    while at < tokens.len() {
        if !is_start(&tokens[at], "article") {
            at += 1;
            continue;
        }
        if !is_comment(&tokens[at]) && only.replace(at).is_some() {
            return None;
        }
        at = end_of(tokens, at);
    }
    only
}

/// Whether an `<article>` is a reader's comment on the article (HTML, 4.3.2).
fn is_comment(article: &Token) -> bool {
    let class = attribute(article, "class").unwrap_or_default();
    class.split_whitespace().any(|class| matches!(class, "comment" | "comment-body"))
        || attribute(article, "itemprop") == Some("comment")
        || attribute(article, "itemtype").is_some_and(|kind| kind.ends_with("/Comment"))
}

/// Whether `<main>` has the text, and the `<article>` in it is something else on the page: there is
/// text before it, or a heading that it has not.
fn has_text_beside(tokens: &[Token], main: usize, article: usize) -> bool {
    let main_end = end_of(tokens, main);
    if article < main || article >= main_end {
        return false;
    }
    let article_end = end_of(tokens, article);
    let has_heading = tokens[article..article_end].iter().any(is_heading_start);
    let (mut in_heading, mut at) = (false, main + 1);
    while at < main_end {
        match &tokens[at] {
            _ if at == article => {
                at = article_end;
                continue;
            }
            Token::Start(name, _) if is_heading(name) => {
                in_heading = at < article || name == "h1";
            }
            Token::End(name) if is_heading(name) => in_heading = false,
            Token::Start(name, _) if is_beside_text(name) => {
                at = end_of(tokens, at);
                continue;
            }
            Token::Text(text) if has_word(text) => {
                let is_own = if in_heading { !has_heading } else { at < article };
                if is_own {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

fn is_heading_start(token: &Token) -> bool {
    matches!(token, Token::Start(name, _) if is_heading(name))
}

/// Whether this element of a page is around its text, and none of it.
fn is_beside_text(name: &str) -> bool {
    is_silent(name) || matches!(name, "header" | "footer" | "aside" | "form")
}

/// The beginning of the body. A tag of it that comes late is merged into the body that the text
/// before it began (HTML, 13.2.6.4.7).
fn body_start(tokens: &[Token]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Text(text) if !text.trim_ascii().is_empty() => return at,
            Token::Start(name, _) => match name.as_str() {
                "body" => return at + 1,
                "html" | "head" | "base" | "basefont" | "bgsound" | "link" | "meta" => {}
                "title" | "style" | "script" | "template" | "noscript" | "noframes" => {
                    let end = end_of(tokens, at);
                    // Without its end tag, it would be all that follows.
                    if end < tokens.len() {
                        at = end;
                        continue;
                    }
                }
                _ => return at,
            },
            Token::Text(_) | Token::End(_) | Token::Comment(_) | Token::Doctype => {}
        }
        at += 1;
    }
    at
}
