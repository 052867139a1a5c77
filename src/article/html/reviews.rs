//! Comments of reviewers in documents of Google Docs: each is below the text, and has a mark in it.
//! Both are links to one another, by the ids `cmnt1` and `cmnt_ref1`.

use std::collections::HashSet;

use crate::article::sanitize::attributes::value_of;
use crate::article::sanitize::dropped::Dropped;
use crate::article::sanitize::tokens::Token;

/// Tokens between the beginning of a comment's box and the link in it.
const BOX_TOKENS: usize = 4;

/// The tokens without such comments and their marks.
pub(super) fn without_reviews(tokens: Vec<Token>) -> Vec<Token> {
    let begins = begins(&tokens);
    if begins.is_empty() {
        return tokens;
    }
    let mut dropped = Dropped::default();
    let mut kept = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.into_iter().enumerate() {
        if dropped.covers(&token) {
            continue;
        }
        match &token {
            Token::Start(name, _) if begins.contains(&at) => dropped.begin(name),
            _ => kept.push(token),
        }
    }
    kept
}

/// The places of the start tags of comments and of their marks.
fn begins(tokens: &[Token]) -> HashSet<usize> {
    let mut begins = HashSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Start(name, given) = token else { continue };
        let (Some(id), Some(href)) = (value_of(given, "id"), value_of(given, "href")) else {
            continue;
        };
        if name != "a" || !id.starts_with("cmnt") || !href.starts_with("#cmnt") {
            continue;
        }
        // Without a box around it, only the link itself is known to be of a comment.
        let around = if id.starts_with("cmnt_ref") { "sup" } else { "div" };
        let near = at.saturating_sub(BOX_TOKENS)..at;
        let start = near.rev().find(|at| is_start(&tokens[*at], around));
        begins.insert(start.unwrap_or(at));
    }
    begins
}

fn is_start(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Start(name, _) if name == wanted)
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    #[test]
    fn comments_and_their_marks_leave() {
        for (html, expected) in [
            (
                "<p>a<sup><a href='#cmnt1' id='cmnt_ref1'>[a]</a></sup>b</p><div class=c><p><a href='#cmnt_ref1' id='cmnt1'>[a]</a>x</p><p>y</p></div>c",
                "abc",
            ),
            ("a<a href='#cmnt2' id='cmnt_ref2'>[b]</a>b", "ab"),
            ("<div>a <p>b <a href='#ftnt_ref1' id='ftnt1'>[1]</a>c</p></div>", "a b [1]c"),
            ("<div><a href='#x' id='cmnt1'>a</a></div>", "a"),
        ] {
            let texts = without_reviews(tokens(html)).into_iter().filter_map(|token| match token {
                Token::Text(text) => Some(text),
                _ => None,
            });
            assert_eq!(texts.collect::<String>(), expected, "{html}");
        }
    }
}
