//! (bytes, head) -> `Body`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::base::path::{FileKind, Markup};
use crate::base::{Diagnostic, Digest, RelPath, Severity};

use super::canonical::{MARK, MORE, clean};
use super::findings::Findings;
use super::references::Resolver;
use super::{Body, Head, decode, front_matter, html, markdown, summary, text};

/// Limits on one rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements inside one another. Never more than 100, whatever is asked for.
    pub depth: usize,
    /// Bytes of HTML.
    pub max_bytes: usize,
}

/// What one rendering knows of its article.
pub(super) struct Rendering<'a> {
    pub(super) head: &'a Head,
    pub(super) limits: &'a Limits,
    pub(super) resolver: Resolver,
    /// What makes ids unique among the articles of a page.
    pub(super) prefix: String,
}

/// Renders the article at `path`, whose head was read from the same bytes.
///
/// # Errors
///
/// At least one error: the bytes are no text, the HTML is larger than its limit (`too-large`), or the renderer failed
/// (`render`).
pub fn body(
    path: &RelPath,
    bytes: &[u8],
    head: &Head,
    limits: &Limits,
) -> Result<(Body, Vec<Diagnostic>), Vec<Diagnostic>> {
    let decoded = decode::decode(bytes).map_err(|finding| vec![finding])?;
    let split = front_matter::split(&decoded);
    let rendering = Rendering { head, limits, resolver: Resolver::new(path), prefix: prefix_of(path) };
    let mut findings = Findings::from_line(split.line);
    // A panic in a parser costs this article, not the others. Nothing that it may have left half done is used.
    let attempt = catch_unwind(AssertUnwindSafe(|| render(path, split.text, &rendering, &mut findings)));
    let failed = || Diagnostic::error("render", "the renderer failed on this text");
    match attempt.unwrap_or_else(|_| Err(failed())) {
        Ok(html) => Ok((finish(html, head), findings.into_diagnostics())),
        Err(error) => {
            let mut all = findings.into_diagnostics();
            all.retain(|finding| finding.severity != Severity::Error);
            all.insert(0, error);
            Err(all)
        }
    }
}

fn render(
    path: &RelPath,
    text: &str,
    rendering: &Rendering<'_>,
    findings: &mut Findings,
) -> Result<String, Diagnostic> {
    let text = clean(text);
    match FileKind::of(path) {
        FileKind::Article(Markup::Html) | FileKind::Section(Markup::Html) => html::render(&text, rendering, findings),
        FileKind::Article(Markup::Text) | FileKind::Section(Markup::Text) => text::render(&text, rendering),
        _ => markdown::render(&text, rendering, findings),
    }
}

/// Takes the summary, and gives the marks their final form.
fn finish(html: String, head: &Head) -> Body {
    let given = head.summary.as_deref().map(summary::cut).filter(|summary| !summary.is_empty());
    let summary = given.unwrap_or_else(|| summary::summary(&html));
    let html = html.trim().chars().filter(|c| *c != MORE).map(|c| if c == MARK { '\u{1}' } else { c }).collect();
    Body { html, summary }
}

/// Short, and another for each article: two entries on one page share no id of a footnote.
fn prefix_of(path: &RelPath) -> String {
    Digest::of(path.without_extension().as_bytes()).short()[..6].to_owned()
}
