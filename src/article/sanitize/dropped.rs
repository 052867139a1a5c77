//! Elements that are dropped with their content, followed token by token from start tag to end.

use std::collections::HashMap;

use crate::article::feed_html::elements::{Role, find, is_void};

use super::tokens::Token;

/// Elements whose start leaves `svg` and `math` (HTML, 13.2.6.5), besides blocks.
const BREAKOUTS: [&str; 26] = [
    "b", "big", "body", "br", "center", "code", "em", "embed", "head", "i", "img", "nobr", "ruby",
    "s", "small", "span", "strong", "strike", "sub", "sup", "tt", "u", "var", "meta", "hr",
    "listing",
];

/// Parts of `svg` and `math` whose content is HTML (HTML, 13.2.6.5).
const INTEGRATION_POINTS: [&str; 8] =
    ["foreignobject", "desc", "annotation-xml", "mi", "mo", "mn", "ms", "mtext"];

/// Classes of what Word writes for the comments of reviewers: their marks in the text, and the
/// comments.
const OF_COMMENTS: [&str; 4] =
    ["MsoCommentReference", "MsoCommentText", "msocomanchor", "msocomtxt"];

/// The element that is being dropped, if any.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    name: String,
    /// Number of open elements of that name, this one included.
    depth: usize,
    /// Number of open HTML elements inside of it, by name.
    inside: HashMap<String, usize>,
    end: End,
}

/// The way in which a dropped element ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With its end tag.
    Tag,
    /// With the next block, because the text has no end tag for it.
    Block,
}

impl Dropped {
    /// Drops the element `name`, which just began, up to its end.
    pub(crate) fn begin(&mut self, name: &str) {
        self.begin_one(name, End::Tag);
    }

    /// Drops the element `name`, whose end tag never comes: the rest of its block.
    pub(crate) fn begin_endless(&mut self, name: &str) {
        self.begin_one(name, End::Block);
    }

    fn begin_one(&mut self, name: &str, end: End) {
        // A void element has no content.
        if !is_void(name) {
            self.open = Some(Open { name: name.to_owned(), depth: 1, inside: HashMap::new(), end });
        }
    }

    /// Whether an element is being dropped.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether this token is part of the dropped element. If the author forgot its end tag, the
    /// next block ends it, and so does the end of the block around it.
    pub(crate) fn covers(&mut self, token: &Token) -> bool {
        let Some(open) = &mut self.open else { return false };
        let is_covered = open.covers(token);
        if !is_covered || open.depth == 0 {
            self.open = None;
        }
        is_covered
    }
}

impl Open {
    fn covers(&mut self, token: &Token) -> bool {
        match token {
            Token::Start(name, _) => {
                if self.is_ended_by(name) {
                    return false;
                }
                if *name == self.name {
                    self.depth += 1;
                } else if !is_void(name) && is_followed(name) {
                    *self.inside.entry(name.clone()).or_default() += 1;
                }
            }
            Token::End(name) if *name == self.name => self.depth -= 1,
            Token::End(name) if is_followed(name) => match self.inside.get_mut(name) {
                Some(count) if *count > 0 => *count -= 1,
                _ => return !self.is_forgotten(),
            },
            _ => {}
        }
        true
    }

    /// Whether the start of an element ends this one: a block or formatting inside of `svg` or
    /// `math` (HTML, 13.2.6.5), a block inside of `p` (HTML, 13.2.6.4.7).
    fn is_ended_by(&self, name: &str) -> bool {
        let is_block = role_of(name) == Some(Role::Block);
        match self.name.as_str() {
            "svg" | "math" => {
                let breaks_out = is_block || BREAKOUTS.contains(&name);
                breaks_out && (!self.is_in_html() || self.end == End::Block)
            }
            "p" => is_block,
            _ => is_block && self.end == End::Block,
        }
    }

    /// Whether a part of `svg` or `math` is open whose content is HTML.
    fn is_in_html(&self) -> bool {
        INTEGRATION_POINTS.iter().any(|part| self.inside.get(*part) > Some(&0))
    }

    /// Whether the end of a block that began before this element ends it.
    fn is_forgotten(&self) -> bool {
        self.end == End::Block || matches!(self.name.as_str(), "svg" | "math")
    }
}

/// Whether the element's start and end are counted inside of a dropped one.
pub(crate) fn is_followed(name: &str) -> bool {
    INTEGRATION_POINTS.contains(&name) || matches!(role_of(name), Some(Role::Block | Role::Table))
}

/// The role of an element that a feed may have.
fn role_of(name: &str) -> Option<Role> {
    Some(find(name)?.role)
}

/// Whether an element with these attributes is invisible.
pub(crate) fn is_hidden(attributes: &[(String, String)]) -> bool {
    for (name, value) in attributes {
        let hides = match name.as_str() {
            // Browsers show it when a search on the page finds it (HTML, 6.1).
            "hidden" => value != "until-found",
            "style" => hides(value),
            "class" => value.split_whitespace().any(|class| OF_COMMENTS.contains(&class)),
            _ => false,
        };
        if hides {
            return true;
        }
    }
    false
}

/// The tokens without hidden elements. The main parts of a document stay: some pages hide them
/// until a script has run.
pub(crate) fn without_hidden(mut tokens: Vec<Token>) -> Vec<Token> {
    let mut dropped = Dropped::default();
    tokens.retain(|token| is_visible(token, &mut dropped));
    tokens
}

/// Whether a token is outside of all hidden elements. `dropped` follows them.
fn is_visible(token: &Token, dropped: &mut Dropped) -> bool {
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
}

fn is_of_document(name: &str) -> bool {
    matches!(name, "html" | "head" | "body" | "main" | "article")
}

/// Whether a `style` attribute hides its element.
fn hides(style: &str) -> bool {
    // An author's own style is short; a program's long one is not searched further.
    let style: String = style.chars().filter(|c| !c.is_whitespace()).take(200).collect();
    let style = style.to_ascii_lowercase();
    style.contains("display:none") || style.split(';').any(is_hiding)
}

/// Whether a declaration of CSS hides its element, in browsers or in mail programs (`mso-hide`), or
/// says that it is a reviewer's comment (Word).
/// Other properties end with the same words: `backface-visibility: hidden` hides nothing.
fn is_hiding(declaration: &str) -> bool {
    let Some((property, value)) = declaration.split_once(':') else { return false };
    let value = value.split(['!', '/']).next().unwrap_or_default();
    matches!(
        (property, value),
        ("visibility", "hidden" | "collapse")
            | ("mso-hide", "all")
            | ("mso-element", "comment" | "comment-list")
    )
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
            ("a<p style='visibility:hidden'>x</p>c", "ac"),
            ("a<p style='Visibility: Collapse !important'>x</p>c", "ac"),
            ("a<p style='font-size:1px;mso-hide:all;'>x</p>c", "ac"),
            ("a<p style='display:none!important'>x</p>c", "ac"),
            ("a<p style='backface-visibility: hidden; visibility: visible'>x</p>c", "axc"),
            ("a<p style='display: block; mso-hide: none'>x</p>c", "axc"),
            ("a<span class='x MsoCommentReference'>[A1]</span>c", "ac"),
            ("a<div style='mso-element:comment-list'><div>x</div></div>c", "ac"),
            ("a<p class=MsoNormal style='mso-element:footnote'>x</p>c", "axc"),
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
