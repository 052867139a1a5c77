//! The page of one month of the archive.

use askama::Template;

use crate::base::{Route, Scope};
use crate::config::{self, Config};

use super::frame::Frame;
use super::list::{Item, Paging, Row, rows};
use super::{Link, advertised, format, render, url};

/// The content of the page of a month.
#[derive(Debug, Clone, Copy)]
pub struct MonthPage<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The year, in the zone of the site.
    pub year: i16,
    /// The month, from 1.
    pub month: i8,
    /// The page.
    pub paging: Paging,
    /// The number of articles in the month.
    pub count: usize,
    /// The articles on the page, newest first.
    pub items: &'a [Item<'a>],
    /// The nearest earlier month that has articles: year and month.
    pub older: Option<(i16, i8)>,
    /// The nearest later one.
    pub newer: Option<(i16, i8)>,
}

#[derive(Template)]
#[template(path = "month.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    site: &'a config::Site,
    month: String,
    counted: String,
    rows: Vec<Row<'a>>,
    older: Option<Link>,
    newer: Option<Link>,
}

/// The page of a month.
pub fn month(page: &MonthPage<'_>) -> String {
    let site = &page.config.site;
    let month = format::month(site, page.year, page.month);
    let own_url = url(site, &Route::Month(page.year, page.month, page.paging.page));
    render(&View {
        frame: Frame {
            feed: Some(advertised(page.config, &Scope::Site, &site.title)),
            ..Frame::of(page.config, &page.paging.title(&month), &own_url)
        },
        site,
        month,
        counted: counted(page),
        rows: rows(site, page.items),
        older: older(page),
        newer: newer(page),
    })
}

fn counted(page: &MonthPage<'_>) -> String {
    let count = format::counted(page.count);
    match page.paging.place() {
        Some(place) => format!("{count}, {place}"),
        None => count,
    }
}

/// The next page of the month, or the first of the month before it.
fn older(page: &MonthPage<'_>) -> Option<Link> {
    // The pages of a month are read before the older months.
    let (site, Paging { page: number, pages }) = (&page.config.site, page.paging);
    if number < pages {
        return Some(link(site, (page.year, page.month), number + 1));
    }
    page.older.map(|month| link(site, month, 1))
}

/// The page before this one, or the first of the month after it.
fn newer(page: &MonthPage<'_>) -> Option<Link> {
    let (site, number) = (&page.config.site, page.paging.page);
    if number > 1 {
        return Some(link(site, (page.year, page.month), number - 1));
    }
    page.newer.map(|month| link(site, month, 1))
}

fn link(site: &config::Site, (year, month): (i16, i8), page: u32) -> Link {
    let mut name = format::month(site, year, month);
    if page > 1 {
        name = format!("{name} ({page})");
    }
    Link { url: url(site, &Route::Month(year, month, page)), name }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn page(older: Option<(i16, i8)>, newer: Option<(i16, i8)>) -> String {
        paged((1, 1), older, newer)
    }

    fn paged(
        (page, pages): (u32, u32),
        older: Option<(i16, i8)>,
        newer: Option<(i16, i8)>,
    ) -> String {
        let article = sample::article("a", sample::head("<script>"));
        let items = [Item { article: &article, summary: None }];
        month(&MonthPage {
            config: &sample::config(""),
            year: 2026,
            month: 11,
            paging: Paging { page, pages },
            count: 61 * pages as usize - 60,
            items: &items,
            older,
            newer,
        })
    }

    #[test]
    fn a_month_and_its_neighbours() {
        let page = page(Some((2026, 9)), Some((2027, 1)));
        for part in [
            "<h1 class=\"p-name\">November 2026</h1>",
            "<title>November 2026 – Field Notes</title>",
            "<link rel=\"canonical\" href=\"https://example.org/archive/2026-11/\">",
            "<a rel=\"prev\" href=\"https://example.org/archive/2026-09/\">",
            "<a rel=\"next\" href=\"https://example.org/archive/2027-01/\">",
            "1 article",
            "&#60;script&#62;</a>",
        ] {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
        assert_eq!(page.matches("rel=\"alternate\"").count(), 1);
    }

    #[test]
    fn a_month_of_three_pages() {
        let november = |n: &str| format!("href=\"https://example.org/archive/2026-11/{n}\"");
        let october = "href=\"https://example.org/archive/2026-10/\"";
        let december = "href=\"https://example.org/archive/2026-12/\"";
        for (page, prev, next) in [
            (1, november("2/"), december.to_owned()),
            (2, november("3/"), november("")),
            (3, october.to_owned(), november("2/")),
        ] {
            let html = paged((page, 3), Some((2026, 10)), Some((2026, 12)));
            for part in [
                format!("123 articles, page {page} of 3"),
                format!("<a rel=\"prev\" {prev}>"),
                format!("<a rel=\"next\" {next}>"),
            ] {
                assert!(html.contains(&part), "no {part} in\n{html}");
            }
        }
    }

    #[test]
    fn a_month_alone() {
        assert!(!page(None, None).contains("class=\"more\""));
    }
}
