//! What a text shows before it is rendered: cheap, for every file.

use super::TitleFrom;

/// The beginnings of a text, as `markdown::outline`, `html::outline` and `text::outline` see them. Plain text, not yet
/// cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The heading (or, in plain text, the first line) that reads as the title.
    pub title: Option<(String, TitleFrom)>,
    /// The text of the first paragraph, at most about 400 characters; empty where there is none.
    pub opening: String,
    /// Is there a word, or a picture, anywhere?
    pub has_words: bool,
    /// What an HTML document says of itself, under the names of front matter (`date`, `author`, `description`, `lang`),
    /// in document order.
    pub meta: Vec<(String, String)>,
}
