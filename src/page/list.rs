//! The list of articles that home, section, tag, author and month pages share.

use crate::base::direction::Direction;
use crate::base::{Route, Scope, text};
use crate::config;
use crate::library::Article;

use super::format::{self, Moment};
use super::{Link, scope_url};

/// One article in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<'a> {
    /// The article.
    pub article: &'a Article,
    /// Its summary, as plain text. If `None`, the front matter's is shown, if there is one.
    pub summary: Option<String>,
}

/// The text that its author puts at the head of a list.
#[derive(Debug, Clone, Copy)]
pub struct Intro<'a> {
    /// Its title, if it has one.
    pub title: Option<&'a str>,
    /// Sanitised, with absolute references.
    pub html: &'a str,
}

/// The place of a page among those of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// The page, from 1.
    pub page: u32,
    /// The number of pages.
    pub pages: u32,
}

impl Paging {
    /// Whether this is the page on which the list begins.
    pub(super) fn is_first(self) -> bool {
        self.page == 1
    }

    /// The title of the page, with its number behind the first.
    pub(super) fn title(self, title: &str) -> String {
        if self.is_first() { title.to_owned() } else { format!("{title} ({})", self.page) }
    }

    /// `page 2 of 7`, where there is more than one.
    pub(super) fn place(self) -> Option<String> {
        (self.pages > 1).then(|| format!("page {} of {}", self.page, self.pages))
    }

    /// The URL of this page of the list of `scope`.
    pub(super) fn url(self, site: &config::Site, scope: &Scope) -> String {
        if self.is_first() {
            scope_url(site, scope)
        } else {
            super::url(site, &Route::List(scope.clone(), self.page))
        }
    }

    /// The links to the pages before and after this one.
    pub(super) fn beside(self, site: &config::Site, scope: &Scope) -> Beside {
        let link = |page: u32| {
            let url = Self { page, ..self }.url(site, scope);
            Link { url, name: format!("Page {page}") }
        };
        Beside {
            newer: (self.page > 1).then(|| link(self.page - 1)),
            older: (self.page < self.pages).then(|| link(self.page + 1)),
        }
    }
}

/// The pages before and after one of a list.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) newer: Option<Link>,
    pub(super) older: Option<Link>,
}

/// The articles of one year, as a list of titles.
#[derive(Debug)]
pub(super) struct YearRows<'a> {
    pub(super) year: String,
    pub(super) rows: Vec<TitleRow<'a>>,
}

/// An article in a list of titles.
#[derive(Debug)]
pub(super) struct TitleRow<'a> {
    pub(super) row: Row<'a>,
    /// The title, or the first words of a note.
    pub(super) name: String,
    /// The day without its year.
    pub(super) day: String,
}

/// Characters of a note's text that stand for its title in a list of titles.
const NOTE_CHARACTERS: usize = 80;

/// The items as titles, gathered by year in the order given.
pub(super) fn years<'a>(site: &config::Site, items: &'a [Item<'a>]) -> Vec<YearRows<'a>> {
    let mut years: Vec<YearRows<'a>> = Vec::new();
    for item in items {
        let date = item.article.published.to_zoned(site.timezone.clone()).date();
        let year = date.year().to_string();
        let row = row(site, item);
        let name = match (row.title, row.summary) {
            ("", "") => row.published.human.clone(),
            ("", summary) => text::excerpt(summary, NOTE_CHARACTERS).into_owned(),
            (title, _) => title.to_owned(),
        };
        let titled = TitleRow { row, name, day: format::day_of_year(site, date) };
        match years.last_mut() {
            Some(last) if last.year == year => last.rows.push(titled),
            _ => years.push(YearRows { year, rows: vec![titled] }),
        }
    }
    years
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
    /// May be empty.
    pub(super) summary: &'a str,
    /// The names of its authors; none if the site's author wrote it.
    pub(super) authors: Vec<&'a str>,
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
        authors: head.authors.iter().map(|person| person.name.as_str()).collect(),
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
