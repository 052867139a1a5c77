//! Code, and the ways to name its language: behind a fence, on the first line, at the beginning of
//! a span.

use pulldown_cmark::CodeBlockKind;

use crate::article::feed_html::elements::language_name;
use crate::article::feed_html::push_attribute;

use super::Writer;

impl Writer<'_, '_> {
    pub(crate) fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        let mut class = String::new();
        if let CodeBlockKind::Fenced(info) = kind {
            let word = info
                .trim_start_matches(['{', '.', ' '])
                .split([' ', '\t', ',', '{', '}', ':', '/'])
                .next();
            if let Some(language) = word.and_then(language_name) {
                push_attribute(&mut class, "class", &format!("language-{language}"));
            }
        }
        self.in_indented_code = matches!(kind, CodeBlockKind::Indented);
        self.open("pre", "");
        self.open("code", &class);
    }

    /// The beginning of indented code, whose first line may name its language.
    pub(crate) fn indented_code(&mut self, text: &str) {
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let Some((name, "")) = language_sign(line.trim_end()) else { return self.text(text) };
        let mut class = String::new();
        push_attribute(&mut class, "class", &format!("language-{name}"));
        if self.out.ends_with("<code>") {
            self.out.insert_str(self.out.len() - 1, &class);
        }
        self.text(rest);
    }
}

/// The language and the rest of `:::python x = 1` and `#!python x = 1` (Pelican, MkDocs).
fn language_sign(code: &str) -> Option<(&str, &str)> {
    let rest = code.strip_prefix(":::").or_else(|| code.strip_prefix("#!"))?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((language_name(name)?, rest))
}

/// The code of a span, without the language that it may begin with.
pub(crate) fn inline_code(code: &str) -> &str {
    match language_sign(code) {
        Some((_, rest)) if !rest.trim().is_empty() => rest,
        _ => code,
    }
}
