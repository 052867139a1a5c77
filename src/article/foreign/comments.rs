//! Comments of templates, which nothing but their end closes: `{# … #}` of Nunjucks, Jinja, Tera
//! and Twig, `{{/* … */}}` of Go, `{{!-- … --}}` of Handlebars, and `{/* … */}` of MDX. They may span
//! lines and hold tags.

use crate::article::signs::Signs;

use super::TAG_MAX_BYTES;
use super::counterpart::Host;
use super::reach::within;

/// One of these begins every comment but `{# … #}`.
static BEGINNINGS: Signs = Signs::new(&["{/*", "{ /*", "{- /*", "{!--"]);

/// A comment at the beginning of a text.
pub(super) struct Comment {
    /// Its length, its signs included.
    pub(super) len: usize,
    /// Its signs, for a diagnostic.
    pub(super) signs: &'static str,
    /// Docusaurus's `{/* truncate */}`.
    pub(super) ends_summary: bool,
}

/// Finds comments. The next place of each closing sign is kept, so that openings without an end do
/// not cost the square of the text.
#[derive(Default)]
pub(super) struct Comments {
    closings: Vec<(&'static str, Option<usize>)>,
}

impl Comments {
    /// The comment that begins at `at`.
    pub(super) fn read(&mut self, text: &str, at: usize, host: Host) -> Option<Comment> {
        let rest = &text[at..];
        let (open_len, close, signs) = if rest.starts_with("{#") && !is_id(&rest[2..]) {
            (2, "#}", "{# #}")
        } else if rest.starts_with("{{/*") && !is_escaped_call(&rest[4..]) {
            (4, "*/}}", "{{/* */}}")
        } else if rest.starts_with("{{- /*") {
            (6, "*/ -}}", "{{- /* */ -}}")
        } else if rest.starts_with("{{!--") {
            (5, "--}}", "{{!-- --}}")
        } else if rest.starts_with("{/*") && host == Host::Markdown {
            (3, "*/}", "{/* */}")
        } else if rest.starts_with("{ /*") && host == Host::Markdown {
            (4, "*/ }", "{ /* */ }")
        } else {
            return None;
        };
        let mut end = self.next(text, at + open_len, close).map(|found| found + close.len());
        if end.is_none() && signs == "{{- /* */ -}}" {
            end = self.next(text, at + open_len, "*/}}").map(|found| found + "*/}}".len());
        }
        let end = end?;
        let inner = text[at + open_len..end - close.len()].trim();
        let ends_summary = matches!(inner, "truncate" | "more");
        Some(Comment { len: end - at, signs, ends_summary })
    }

    /// The first place of `sign` from `from` on, which never goes back.
    fn next(&mut self, text: &str, from: usize, sign: &'static str) -> Option<usize> {
        let find = || text[from..].find(sign).map(|at| from + at);
        for (known, place) in &mut self.closings {
            if *known == sign {
                if place.is_some_and(|place| place < from) {
                    *place = find();
                }
                return *place;
            }
        }
        let place = find();
        self.closings.push((sign, place));
        place
    }
}

/// Whether a comment may begin in a text.
pub(super) fn may_begin_in(text: &str) -> bool {
    let begins_block = |(at, _): (usize, &str)| !is_id(&text[at + 2..]);
    BEGINNINGS.are_in(text) || text.match_indices("{#").any(begins_block)
}

/// Whether what follows `{#` is the id of a heading: `{#name .class}`. A comment ends in `#}`, or
/// goes on over a brace or a line.
fn is_id(inner: &str) -> bool {
    let Some(end) = inner.find(['}', '{', '%', '\n']) else { return true };
    let is_closed = inner[end..].starts_with('}');
    let is_spaced = inner.starts_with([' ', '-', '\t']);
    is_closed && !is_spaced && !inner[..end].ends_with('#')
}

/// Whether what follows `{{/*` is a call, which Zola shows: `{{/* youtube(id="x") */}}`.
fn is_escaped_call(inner: &str) -> bool {
    let Some((inner, _)) = within(inner, TAG_MAX_BYTES).split_once("*/}}") else { return false };
    let inner = inner.trim();
    let name = inner.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    name.len() < inner.len() && name.starts_with('(') && name.ends_with(')')
}
