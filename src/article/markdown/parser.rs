//! Markdown as it is read here.

use pulldown_cmark::{Options, Parser};

const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_DEFINITION_LIST)
    .union(Options::ENABLE_HEADING_ATTRIBUTES)
    .union(Options::ENABLE_GFM);

/// Markdown as it is read here, in which `$` is a sign as any other.
pub(crate) fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, OPTIONS)
}

/// The same with formulas: `$x$` and `$$x$$`.
pub(crate) fn parser_with_math(text: &str) -> Parser<'_> {
    Parser::new_ext(text, OPTIONS | Options::ENABLE_MATH)
}
