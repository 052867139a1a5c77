//! The page of one month of the archive.

use askama::Template;

use crate::base::{Route, Scope};
use crate::config;

use super::list::{Item, Row, rows};
use super::{Frame, Link, advertised, format, render, tab_title, url};

/// The content of the page of a month.
#[derive(Debug, Clone, Copy)]
pub struct MonthPage<'a> {
    /// The site.
    pub site: &'a config::Site,
    /// The feed settings: the advertised format.
    pub feeds: &'a config::Feeds,
    /// The year, in the zone of the site.
    pub year: i16,
    /// The month, from 1.
    pub month: i8,
    /// Every article of the month.
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
    let site = page.site;
    let month = format::month(site, page.year, page.month);
    render(&View {
        frame: Frame {
            canonical: Some(url(site, &Route::Month(page.year, page.month))),
            feed: Some(advertised(site, page.feeds, &Scope::Site, &site.title)),
            ..Frame::of(site, tab_title(&month, site))
        },
        site,
        month,
        counted: format::counted(page.items.len(), page.items.len()),
        rows: rows(site, page.items),
        older: page.older.map(|other| link(site, other)),
        newer: page.newer.map(|other| link(site, other)),
    })
}

fn link(site: &config::Site, (year, month): (i16, i8)) -> Link {
    Link { url: url(site, &Route::Month(year, month)), name: format::month(site, year, month) }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn page(older: Option<(i16, i8)>, newer: Option<(i16, i8)>) -> String {
        let article = sample::article("a", sample::head("<script>"));
        let items = [Item { article: &article, summary: None }];
        let (site, feeds) = (sample::site(), sample::feeds());
        month(&MonthPage {
            site: &site,
            feeds: &feeds,
            year: 2026,
            month: 11,
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
    fn a_month_alone() {
        assert!(!page(None, None).contains("class=\"more\""));
    }
}
