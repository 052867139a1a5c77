//! Lazy pictures: `<img data-src="a.png"><noscript><img src="a.png"></noscript>`. Both are one
//! picture, which browsers show once. The one in `<noscript>` has the right address, whatever
//! attribute the script reads.

use std::collections::HashSet;

use crate::article::sanitize::attributes::{Given, value_of};
use crate::article::sanitize::dropped::is_hidden;
use crate::article::sanitize::tokens::Token;

/// Tokens of a `<picture>`, and of the text around a twin.
const NEAR_TOKENS: usize = 24;

/// The places of the start tags of pictures, and of their sources, whose twin is in a `<noscript>`
/// beside them.
pub(super) fn twins(tokens: &[Token]) -> HashSet<usize> {
    let mut twins = HashSet::new();
    for (at, token) in tokens.iter().enumerate() {
        if !is_start(token, "noscript") {
            continue;
        }
        let Some((shown, end)) = only_picture(tokens, at) else { continue };
        for beside in [before(tokens, at), after(tokens, end)].into_iter().flatten() {
            let Token::Start(_, lazy) = &tokens[beside] else { continue };
            if is_twin(lazy, shown) && twins.insert(beside) {
                twins.extend(sources_before(tokens, beside));
                break;
            }
        }
    }
    twins
}

/// The attributes of the picture that is all of the `<noscript>` at `start`, and the place of its
/// end tag.
fn only_picture(tokens: &[Token], start: usize) -> Option<(&Given, usize)> {
    let mut shown: Option<&Given> = None;
    for (at, token) in tokens.iter().enumerate().skip(start + 1).take(NEAR_TOKENS) {
        match token {
            Token::End(name) if name == "noscript" => return Some((shown?, at)),
            Token::Start(name, given) if name == "img" => {
                // One of no size counts visitors.
                if is_pixel(given) || shown.replace(given).is_some() {
                    return None;
                }
            }
            token if is_part_of_picture(token) => {}
            _ => return None,
        }
    }
    None
}

/// The picture directly before a place.
fn before(tokens: &[Token], place: usize) -> Option<usize> {
    let near = place.saturating_sub(NEAR_TOKENS)..place;
    first_picture(tokens, near.rev())
}

/// The picture directly behind a place.
fn after(tokens: &[Token], place: usize) -> Option<usize> {
    first_picture(tokens, place + 1..tokens.len().min(place + NEAR_TOKENS))
}

fn first_picture(tokens: &[Token], places: impl Iterator<Item = usize>) -> Option<usize> {
    for at in places {
        if is_start(&tokens[at], "img") {
            return Some(at);
        }
        if !is_part_of_picture(&tokens[at]) {
            return None;
        }
    }
    None
}

/// The start of the `<picture>` that holds the picture at `place`, and its sources.
fn sources_before(tokens: &[Token], place: usize) -> Vec<usize> {
    let mut sources = Vec::new();
    for at in (place.saturating_sub(NEAR_TOKENS)..place).rev() {
        if is_start(&tokens[at], "source") {
            sources.push(at);
        } else if is_start(&tokens[at], "picture") {
            sources.push(at);
            return sources;
        } else if !is_part_of_picture(&tokens[at]) {
            break;
        }
    }
    Vec::new()
}

/// Whether nothing but a picture is made of this: blanks, and the tags of `<picture>`.
fn is_part_of_picture(token: &Token) -> bool {
    match token {
        Token::Text(text) => text.trim().is_empty(),
        Token::Start(name, _) => matches!(name.as_str(), "picture" | "source"),
        Token::End(name) => matches!(name.as_str(), "picture" | "source" | "img"),
        _ => false,
    }
}

/// Whether a picture waits for a script, or is the same as the one that is shown without it.
fn is_twin(lazy: &Given, shown: &Given) -> bool {
    let is_lazy = lazy.iter().any(|(name, value)| {
        let names_source = name.starts_with("data-") && name.contains("src")
            || matches!(name.as_str(), "data-original" | "data-lazy");
        names_source && !value.trim().is_empty()
    });
    let source = value_of(lazy, "src").unwrap_or_default().trim();
    let is_same = Some(source) == value_of(shown, "src").map(str::trim);
    is_lazy || is_same || source.is_empty() || source.starts_with("data:")
}

fn is_pixel(given: &Given) -> bool {
    let is_tiny = |side| matches!(value_of(given, side).map(str::trim), Some("0" | "1"));
    is_hidden(given) || is_tiny("width") || is_tiny("height")
}

fn is_start(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Start(name, _) if name == wanted)
}

#[cfg(test)]
mod tests {
    use crate::article::model::TitleFrom;
    use crate::article::testing::rendered;

    fn sources(html: &str) -> Vec<String> {
        let html = rendered("a.html", html, TitleFrom::FrontMatter).html;
        let mut sources = Vec::new();
        for piece in html.split(" src=\"").skip(1) {
            let file = piece.split('"').next().unwrap().trim_matches('^');
            sources.push(file.rsplit('/').next().unwrap().to_owned());
        }
        sources
    }

    #[test]
    fn a_lazy_picture_is_shown_once() {
        for (html, expected) in [
            ("<img class=lazy data-src=a.png><noscript><img src=a.png></noscript>", &["a.png"][..]),
            (
                "<img src=wait.gif data-src=a.png>\n<noscript> <img src=a.png> </noscript>",
                &["a.png"],
            ),
            (
                "<img src=wait.gif data-lazy-src=b.png><noscript><img src=a.png></noscript>",
                &["a.png"],
            ),
            ("<img src='data:,'><noscript><img src=a.png></noscript>", &["a.png"]),
            ("<img class=lazy><noscript><img src=a.png></noscript>", &["a.png"]),
            ("<img src=a.png loading=lazy><noscript><img src=a.png></noscript>", &["a.png"]),
            ("<noscript><img src=a.png></noscript><img src=wait.gif data-src=a.png>", &["a.png"]),
            (
                "<picture><source data-srcset=a.webp><img data-src=a.png></picture><noscript><picture><source srcset=a.webp><img src=a.png></picture></noscript>",
                &["a.png"],
            ),
            (
                "<img data-src=a.png><noscript><img src=a.png></noscript><img data-src=b.png><noscript><img src=b.png></noscript>",
                &["a.png", "b.png"],
            ),
            // Two pictures.
            ("<img src=a.png><noscript><img src=b.png></noscript>", &["a.png", "b.png"]),
            ("<img data-src=a.png> x <noscript><img src=b.png></noscript>", &["a.png", "b.png"]),
            ("<img data-src=a.png><noscript>x <img src=b.png></noscript>", &["a.png", "b.png"]),
            ("<img data-src=a.png><noscript>x</noscript>", &["a.png"]),
            ("<noscript><img src=a.png></noscript>", &["a.png"]),
            (
                "<img data-src=a.png><noscript><img width=1 src=b.png></noscript>",
                &["a.png", "b.png"],
            ),
            ("<img data-src=a.png><noscript><img src=b.png>", &["a.png", "b.png"]),
        ] {
            assert_eq!(sources(html), expected, "{html}");
        }
    }
}
