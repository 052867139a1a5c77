//! Elements that are dropped with their content, followed token by token from start tag to end.

use crate::article::feed_html::elements::{Role, find, is_void};

use super::tokens::Token;

/// The element that is being left out, if any.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// Its name, and how many of that name are open.
    open: Option<(String, usize)>,
}

impl Dropped {
    /// Drops the element `name`, which just began, up to its end.
    pub(crate) fn begin(&mut self, name: &str) {
        if !is_void(name) {
            self.open = Some((name.to_owned(), 1));
        }
    }

    /// Whether an element is being left out.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether this token is part of the element. A block inside of `svg` or `math` ends it, as in
    /// HTML, 13.2.6.5: its author forgot the end tag. A block inside of `p` ends it because `p`
    /// needs none (HTML, 13.2.6.4.7).
    pub(crate) fn covers(&mut self, token: &Token) -> bool {
        let Some((name, depth)) = &mut self.open else { return false };
        match token {
            Token::Start(other, _) if matches!(name.as_str(), "svg" | "math" | "p") => {
                let is_block = find(other).is_some_and(|e| e.role == Role::Block);
                let breaks_out = is_block || other == "img" && name != "p";
                if other == name && !breaks_out {
                    *depth += 1;
                }
                if breaks_out {
                    self.open = None;
                }
                return !breaks_out;
            }
            Token::Start(other, _) if other == name => *depth += 1,
            Token::End(other) if other == name => {
                *depth -= 1;
                if *depth == 0 {
                    self.open = None;
                }
            }
            _ => {}
        }
        true
    }
}

/// Whether an element with these attributes is invisible.
pub(crate) fn is_hidden(attributes: &[(String, String)]) -> bool {
    attributes.iter().any(|(name, value)| {
        name == "hidden" && value != "until-found" || name == "style" && hides(value)
    })
}

/// The tokens without hidden elements. The parts of a document itself stay: scripts show them.
pub(crate) fn without_hidden(mut tokens: Vec<Token>) -> Vec<Token> {
    let mut dropped = Dropped::default();
    tokens.retain(|token| {
        if dropped.covers(token) {
            return false;
        }
        match token {
            Token::Start(name, attributes) if is_hidden(attributes) && !is_of_document(name) => {
                dropped.begin(name);
                false
            }
            _ => true,
        }
    });
    tokens
}

fn is_of_document(name: &str) -> bool {
    matches!(name, "html" | "head" | "body" | "main" | "article")
}

fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).take(200).collect();
    style.to_ascii_lowercase().contains("display:none")
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn hidden_elements_leave_with_what_is_in_them() {
        for (html, expected) in [
            ("a<b hidden>x</b>c", "ac"),
            ("a<div hidden>x<div>y</div>z</div>c", "ac"),
            ("a<b hidden=until-found>x</b>c", "axc"),
            ("a<p style='color: red; DISPLAY : none'>x</p>c", "ac"),
            ("a<p hidden>x<p>c", "ac"),
            ("a<img hidden>c", "ac"),
            ("<body hidden>a", "a"),
            ("a<b hidden>x", "a"),
        ] {
            let texts = without_hidden(tokens(html)).into_iter().filter_map(|token| match token {
                Token::Text(text) => Some(text),
                _ => None,
            });
            assert_eq!(texts.collect::<String>(), expected, "{html}");
        }
    }
}
