//! The article and the limits of one rendering.

use crate::base::{Diagnostic, Digest, RelPath};

use super::feed_html::references::Resolver;
use super::model::Head;

/// The deepest nesting in a feed, whatever the limits say: readers' own parsers give up soon after.
const DEPTH_MAX: usize = 100;

/// Limits on one rendering, and what the site adds to Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nested elements; at most 100, whatever is asked for.
    pub depth: usize,
    /// Bytes of HTML.
    pub max_bytes: usize,
    /// Whether Markdown has formulas, unless its front matter says otherwise.
    pub math: bool,
}

/// The article and the limits of one rendering.
pub(crate) struct Rendering<'a> {
    pub(crate) head: &'a Head,
    pub(crate) limits: &'a Limits,
    pub(crate) resolver: Resolver,
    /// A prefix that makes ids unique among the articles of a page.
    pub(crate) prefix: String,
}

impl Rendering<'_> {
    /// Whether the article's Markdown has formulas.
    pub(crate) fn has_math(&self) -> bool {
        self.head.math.unwrap_or(self.limits.math)
    }
}

/// The deepest nesting of a rendering.
pub(crate) fn depth(limits: &Limits) -> usize {
    limits.depth.clamp(1, DEPTH_MAX)
}

/// The finding for a body that outgrows its limit.
pub(crate) fn too_large(limits: &Limits) -> Diagnostic {
    Diagnostic::error(
        "too-large",
        format!("the rendered article is larger than {} bytes", limits.max_bytes),
    )
}

/// A short prefix of ids, different for each article: two entries on one page share no id of a
/// footnote.
pub(crate) fn prefix_of(path: &RelPath) -> String {
    Digest::of(path.without_extension().as_bytes()).short()[..6].to_owned()
}
