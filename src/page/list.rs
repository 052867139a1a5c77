//! The list of articles that home, section, tag, author and month pages share.

use crate::base::Route;
use crate::base::direction::Direction;
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
    pub(super) direction: Direction,
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
    let summary = item.summary.as_deref().or(head.summary.as_deref()).unwrap_or_default();
    // Plain text: it has no mark-up that must not be counted.
    let shown = format!("{} {summary}", head.title).replace('<', " ");
    Row {
        url: super::url(site, &Route::Resource(item.article.url.clone())),
        title: &head.title,
        language: match head.language.as_deref() {
            // The language of the page is already on its root element.
            Some(language) if language == site.language => None,
            language => language,
        },
        published: format::day(site, item.article.published),
        direction: Direction::of(head.language.as_deref(), &shown),
        summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Head;
    use crate::page::sample;

    #[test]
    fn an_entry_runs_as_most_of_its_letters_do() {
        let site = sample::site();
        for (title, summary, language, expected) in [
            ("Post", "In short.", None, Direction::Ltr),
            ("HTML هي لغة ترميز", "", None, Direction::Rtl),
            ("CA", "היא רשות אישורים", None, Direction::Rtl),
            ("CA <b>", "היא רשות אישורים", None, Direction::Rtl),
            ("שלום", "Let's Encrypt is a certificate authority.", None, Direction::Ltr),
            ("Let's Encrypt", "In short.", Some("he"), Direction::Rtl),
        ] {
            let head = Head { language: language.map(str::to_owned), ..sample::head(title) };
            let article = sample::article("a", head);
            let item = Item { article: &article, summary: Some(summary.to_owned()) };
            assert_eq!(row(&site, &item).direction, expected, "{title} {summary}");
        }
    }
}
