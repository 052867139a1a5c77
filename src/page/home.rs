//! The home page: a description of the site, how to subscribe, the newest articles, and links to
//! the others.

use askama::Template;

use crate::base::{Route, Scope};
use crate::config::{self, Config, HomeStyle};

use super::frame::Frame;
use super::list::{self, Beside, Intro, Item, Paging, Row, YearRows, rows};
use super::{Link, Subscribe, advertised, format, render, scope_url, scroll, url};

/// The content of the home page.
#[derive(Debug, Clone, Copy)]
pub struct HomePage<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The text at its head, on the first page.
    pub intro: Option<Intro<'a>>,
    /// The articles of the page, newest first.
    pub items: &'a [Item<'a>],
    /// The page.
    pub paging: Paging,
    /// The directories that have articles, in the order in which they are shown.
    pub sections: &'a [Section<'a>],
    /// The months that have articles, newest first.
    pub months: &'a [MonthCount],
    /// The name of the article directory, `articles/`, which is shown if nothing is published yet.
    /// Visitors see it, so it should not be the path on the server.
    pub articles_dir: &'a str,
}

/// A directory with articles.
#[derive(Debug, Clone, PartialEq)]
pub struct Section<'a> {
    /// Its title, or its name.
    pub name: &'a str,
    /// The directory.
    pub scope: Scope,
    /// The number of articles it lists.
    pub count: usize,
}

/// A month with articles, in the zone of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthCount {
    /// The year.
    pub year: i16,
    /// The month, from 1.
    pub month: i8,
    /// The number of articles it lists.
    pub count: usize,
}

#[derive(Template)]
#[template(path = "home.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    site: &'a config::Site,
    home: String,
    /// The heading.
    title: &'a str,
    /// Empty without one.
    intro: String,
    place: Option<String>,
    subscribe: Subscribe,
    /// Empty if the articles are listed by year.
    rows: Vec<Row<'a>>,
    titles: Vec<YearRows<'a>>,
    beside: Beside,
    sections: Vec<Directory<'a>>,
    years: Vec<Year>,
    articles_dir: &'a str,
}

struct Directory<'a> {
    url: String,
    name: &'a str,
    count: usize,
}

struct Year {
    name: String,
    months: Vec<Month>,
}

struct Month {
    link: Link,
    /// The name with the year, for screen readers, which may read a link without its list.
    long: String,
    count: usize,
}

/// The home page, or a later page of its list.
pub fn home(page: &HomePage<'_>) -> String {
    let HomePage { config, paging, .. } = *page;
    let site = &config.site;
    let own_title = page.intro.and_then(|intro| intro.title);
    let title = own_title.unwrap_or(&site.title);
    let mut frame = Frame {
        description: paging.is_first().then_some(site.description.as_str()),
        hidden: !paging.is_first(),
        feed: Some(advertised(config, &Scope::Site, &site.title)),
        ..Frame::of(config, &paging.title(title), &paging.url(site, &Scope::Site))
    };
    if let Some(around) = &mut frame.site {
        around.is_named = title != site.title;
    }
    let (mut by_summary, mut by_title) = (Vec::new(), Vec::new());
    match config.pages.home {
        HomeStyle::Newest => by_summary = rows(site, page.items),
        HomeStyle::List => by_title = list::years(site, page.items),
    }
    render(&View {
        frame,
        site,
        home: url(site, &Route::Home),
        title,
        intro: page.intro.map_or_else(String::new, |intro| scroll::reachable(intro.html)),
        place: paging.place(),
        subscribe: Subscribe::to(config, &Scope::Site),
        rows: by_summary,
        titles: by_title,
        beside: paging.beside(site, &Scope::Site),
        sections: page.sections.iter().map(|section| directory(site, section)).collect(),
        years: years(site, page.months),
        articles_dir: page.articles_dir,
    })
}

fn directory<'a>(site: &config::Site, section: &Section<'a>) -> Directory<'a> {
    Directory { url: scope_url(site, &section.scope), name: section.name, count: section.count }
}

/// The months, gathered by year in the order given.
fn years(site: &config::Site, counts: &[MonthCount]) -> Vec<Year> {
    let mut years = Vec::new();
    // The months are sorted, so those of a year follow each other, and no chunk is empty.
    for of_year in counts.chunk_by(|one, other| one.year == other.year) {
        let name = of_year[0].year.to_string();
        let months = of_year.iter().map(|count| month(site, *count)).collect();
        years.push(Year { name, months });
    }
    years
}

fn month(site: &config::Site, MonthCount { year, month, count }: MonthCount) -> Month {
    let link = Link {
        url: url(site, &Route::Month(year, month, 1)),
        name: format::month_of_year(site, year, month),
    };
    Month { link, long: format::month(site, year, month), count }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;
    use crate::article::Head;
    use crate::base::UrlPath;

    fn page(
        config: &Config,
        items: &[Item<'_>],
        sections: &[Section<'_>],
        months: &[MonthCount],
    ) -> String {
        home(&HomePage {
            config,
            intro: None,
            items,
            paging: Paging { page: 1, pages: 1 },
            sections,
            months,
            articles_dir: "articles/",
        })
    }

    #[track_caller]
    fn check(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
    }

    #[test]
    fn an_empty_site_says_what_to_do() {
        let page = page(&sample::config(""), &[], &[], &[]);
        check(
            &page,
            &[
                "Nothing is published yet. Drop a file into <code translate=\"no\">articles/</code>",
                "<code translate=\"no\">https://example.org/atom.xml</code>",
                "<title>Field Notes</title>",
            ],
        );
        for absent in ["<h2 id=\"sections\"", "<h2 id=\"archive\"", "h-entry"] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn a_site_with_articles() {
        let post = sample::article(
            "news/my-post",
            Head { summary: Some("In short.".into()), ..sample::head("My Post") },
        );
        let note =
            sample::article("note", Head { language: Some("ar".into()), ..sample::head("") });
        let items = [
            Item { article: &post, summary: None },
            Item { article: &note, summary: Some("Saw a heron.".into()) },
        ];
        let news = Section {
            name: "News",
            scope: Scope::Directory(UrlPath::new("news").unwrap()),
            count: 3,
        };
        let months = [(2026, 11, 2), (2026, 1, 1), (2025, 12, 4)];
        let months = months.map(|(year, month, count)| MonthCount { year, month, count });
        let page = page(&sample::config(""), &items, &[news], &months);
        check(
            &page,
            &[
                "class=\"h-feed\"",
                "<h1 class=\"p-name\" dir=\"auto\"><a class=\"u-url\" rel=\"home\" href=\"https://example.org/\">",
                "<p class=\"lead p-summary\" dir=\"auto\">What grows by the river.</p>",
                "<h2 class=\"p-name\"><a class=\"u-url\" href=\"https://example.org/news/my-post\">My Post</a>",
                "<p class=\"p-summary\">In short.</p>",
                "<li class=\"h-entry\" dir=\"rtl\" lang=\"ar\">\n<p class=\"meta\"><a class=\"u-url\" href=\"https://example.org/note\"><time",
                "<p class=\"p-summary p-content\">Saw a heron.</p>",
                "<a dir=\"auto\" href=\"https://example.org/news/\">News</a> (3)",
                "<a aria-label=\"November 2026\" href=\"https://example.org/archive/2026-11/\">November</a> (2)",
                "<a type=\"application/feed+json\" href=\"https://example.org/feed.json\">JSON Feed</a>.",
            ],
        );
        assert_eq!(page.matches("rel=\"alternate\"").count(), 1);
        assert_eq!(page.matches("<span>202").count(), 2);
    }

    /// The page of a site all of whose texts are `text`.
    fn all(text: &str) -> String {
        let mut config = sample::config("");
        config.site.description = text.into();
        config.site.author = text.into();
        config.site.title = text.into();
        let titled = sample::article("a", sample::head(text));
        let note = sample::article("b", sample::head(""));
        let items = [&titled, &note].map(|article| Item { article, summary: Some(text.into()) });
        let section = Section {
            name: text,
            scope: Scope::Directory(UrlPath::new("news").unwrap()),
            count: 3,
        };
        page(&config, &items, &[section], &[])
    }

    proptest! {
        /// The structure of a page does not depend on what its texts say: as many tags and quotes
        /// as with plain ones.
        #[test]
        fn texts_stay_texts(text in "x([<>\"'&]|</?script>|-->|\\{\\{|\\PC){0,20}x") {
            let (hostile, plain) = (all(&text), all("xx"));
            for mark in ['<', '>', '"', '\''] {
                prop_assert_eq!(hostile.matches(mark).count(), plain.matches(mark).count(), "{} in {}", mark, &hostile);
            }
        }
    }
}
