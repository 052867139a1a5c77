//! The results of the front end: an article's metadata (`Head`) and its published text (`Body`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::Diagnostic;
use crate::base::time::Written;

use super::word_sketch::WordSketch;

/// A person: a name, and addresses that may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Person {
    /// The name; never empty.
    pub name: String,
    /// An e-mail address, which has an `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// An absolute http(s) URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The source of a title. The body needs it: a heading that became the title is removed from the
/// text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleFrom {
    /// The front matter; an empty title there means a note without one.
    #[default]
    FrontMatter,
    /// The first heading, or `<title>` or `<h1>` of an HTML file.
    Heading,
    /// The first line of a plain text, which then leaves the body.
    FirstLine,
    /// The file's name.
    FileName,
    /// The first sentence, cut.
    Text,
}

/// The metadata of an article, without its body, as rows, lists of pages and identity need it.
///
/// Every text in it is safe: only characters of XML 1.0 `Char`, no C1 controls, white space folded.
/// Dates are as written; the ledger resolves them in the site's zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The title; empty only for a note whose front matter says so.
    pub title: String,
    /// The source of the title.
    pub title_from: TitleFrom,
    /// The date of the front matter, the file's name, or its `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Written>,
    /// The date of the front matter before which the article is not published, if it is not
    /// `published`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Written>,
    /// The front matter's date of change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Written>,
    /// The time from which the article is unpublished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Written>,
    /// Authors in the order given; empty if the site's author wrote the article.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<Person>,
    /// Tags as written, in order, without duplicates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The front matter's summary, as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The front matter's slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The front matter's path, without a slash at its beginning. A slash at its end counts where
    /// the page is on another site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The front matter's id, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Other paths that redirect here. One that begins with a slash is the path of a whole URL,
    /// from the root of its host; all others are relative to `site.url`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The target of a link post, an absolute URL: `link`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// The page's `rel=canonical`, an absolute URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The language, a BCP 47 tag, if it differs from the site's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The article's picture, as written: relative to the article or absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The references by which its body or its picture may mean files in private directories: see
    /// [`private_files`](super::private_files()).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_files: Vec<String>,
    /// Whether its Markdown has formulas; `None` if the site decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub math: Option<bool>,
    /// Keeps the article unpublished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
    /// Keeps the article out of lists and feeds. It has a page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
    /// Keeps the article out of feeds, not out of lists: `feed: false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_feed: bool,
    /// Keeps the article out of lists, not out of feeds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub feed_only: bool,
    /// Of a section file: beginnings of paths, in lower case, whose articles are kept unpublished
    /// where they are beneath its directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld_below: Vec<String>,
}

impl Head {
    /// Drops spare capacity: each article in memory has a head, and most lists are short.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        self.authors.shrink_to_fit();
        self.tags.shrink_to_fit();
        self.aliases.shrink_to_fit();
        self.title.shrink_to_fit();
        self
    }
}

/// The result of reading a file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A usable article.
    Article {
        /// Its metadata.
        head: Arc<Head>,
        /// Its words, for comparing versions.
        sketch: Arc<WordSketch>,
        /// Warnings and notes.
        diagnostics: Vec<Diagnostic>,
    },
    /// A file without a word and without a title. It may soon have text: editors truncate a file
    /// before they write it.
    Empty,
    /// A file that cannot be used, with at least one error.
    Refused(Vec<Diagnostic>),
}

/// The beginnings of a text, as `markdown::outline`, `html::outline` and `plain_text::outline` read
/// them. Plain text, not yet cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The heading (or, in plain text, the first line) that reads as the title.
    pub title: Option<(String, TitleFrom)>,
    /// The text of the first paragraph, at most about 400 characters; empty if there is none.
    pub opening: String,
    /// Whether there is a word or a picture anywhere.
    pub has_words: bool,
    /// The metadata of an HTML document, under the names of front matter (`date`, `author`,
    /// `description`, `lang`), in document order.
    pub meta: Vec<(String, String)>,
}

/// A rendered article. It does not depend on the site's address and on the names of its neighbours:
/// relative references are symbolic, see [`symbol`](super::symbol).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Sanitised HTML with symbolic references.
    pub html: String,
    /// Plain text: the front matter's summary, the text before `<!-- more -->`, or the first
    /// paragraph, cut near 280 characters on a grapheme boundary. Empty only if the article has no
    /// text.
    pub summary: String,
}
