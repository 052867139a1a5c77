//! The header of an article: YAML, TOML, JSON, or none.

/// A decoded file, parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// The header's text without its fences, and its syntax.
    pub header: Option<(Syntax, &'a str)>,
    /// The line of the file on which `text` begins, from 1.
    pub line: u32,
    /// What follows the header.
    pub text: &'a str,
}

/// The syntax of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Between `---` lines.
    Yaml,
    /// Between `+++` lines.
    Toml,
    /// A `{` to its `}`.
    Json,
}

/// Parts a decoded file into its header and its text. A fence that is never closed opens no header.
pub fn split(text: &str) -> Split<'_> {
    Split { header: None, line: 1, text }
}
