//! The list of articles that home, section, tag, author and month pages share.

use crate::base::Route;
use crate::config;
use crate::library::Article;

use super::format::{self, Moment};

/// One article in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<'a> {
    /// The article.
    pub article: &'a Article,
    /// Its summary, as plain text. If `None`, the front matter's is shown, if there is one.
    pub summary: Option<String>,
}

/// An item as the templates show it.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) url: String,
    /// Empty for a note.
    pub(super) title: &'a str,
    /// The article's language, if it differs from the site's.
    pub(super) language: Option<&'a str>,
    pub(super) published: Moment,
    /// The title; may be empty.
    pub(super) summary: &'a str,
}

/// The rows of a list, in the order given.
pub(super) fn rows<'a>(site: &config::Site, items: &'a [Item<'a>]) -> Vec<Row<'a>> {
    items.iter().map(|item| row(site, item)).collect()
}

fn row<'a>(site: &config::Site, item: &'a Item<'a>) -> Row<'a> {
    let head = &item.article.head;
    Row {
        url: super::url(site, &Route::Resource(item.article.url.clone())),
        title: &head.title,
        language: match head.language.as_deref() {
            // The language of the page is already on its root element.
            Some(language) if language == site.language => None,
            language => language,
        },
        published: format::day(site, item.article.published),
        summary: item.summary.as_deref().or(head.summary.as_deref()).unwrap_or_default(),
    }
}
