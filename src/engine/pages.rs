//! Selects what each page shows: from a snapshot to the values that `page` turns into HTML.
//!
//! Every list has a limit, so that a page of a large site stays small.

use std::sync::Arc;

use crate::article::Body;
use crate::base::{Format, RelPath, Route, Scope, Timestamp};
use crate::feed::links;
use crate::library::{Article, Library, Seq};
use crate::page::{
    self, ArticlePage, Byline, FeedPage, HomePage, IndexPage, Intro, Item, MonthCount, MonthPage,
    Named, Paging, Section,
};
use crate::publish::Snapshot;
use crate::publish::snapshot::{LISTED_MAX, pages};

/// Sections (directories and views), and months, that the home page links.
const LINKED_MAX: usize = 240;

/// Articles on the page of a feed: enough to see what it is about.
const FEED_LISTED_MAX: usize = 10;

/// Names of the article that takes the place of `_index.md` in the article directory.
const ROOT_INDEXES: [&str; 5] =
    ["index.md", "index.markdown", "index.html", "index.htm", "index.txt"];

/// The articles on one page of a list, newest first.
pub(super) struct Listed {
    /// The articles.
    pub(super) articles: Vec<Arc<Article>>,
    /// The page.
    paging: Paging,
}

/// URLs in a sitemap (sitemaps.org: at most 50,000).
const SITEMAP_MAX: usize = 50_000;

/// The page of an article whose references are resolved in `html`.
pub(super) fn article(snapshot: &Snapshot, article: &Article, body: &Body, html: &str) -> String {
    let config = &*snapshot.config;
    let site = &config.site;
    let library = &snapshot.library;
    let head = &article.head;
    let image = match &head.image {
        Some(image) => links::image(image, article, site, &|reference| library.locate(reference)),
        None => None,
    };
    let mut tags = Vec::new();
    for name in &head.tags {
        tags.push(Named { name, scope: library.tag(name) });
    }
    let mut authors = Vec::new();
    for person in &head.authors {
        authors.push(Byline { person, scope: library.author(&person.name) });
    }
    let directory = innermost_directory(library, article.seq);
    let section =
        directory.as_ref().map(|(scope, name)| Named { name, scope: Some(scope.clone()) });
    let (older, newer) = library.neighbours(article.seq);
    page::article(&ArticlePage {
        config,
        article,
        html,
        summary: &body.summary,
        image: image.as_deref(),
        section: section.as_ref(),
        authors: &authors,
        tags: &tags,
        older: older.as_deref(),
        newer: newer.as_deref(),
    })
}

/// The innermost directory of an article, with the title that its page has.
fn innermost_directory(library: &Library, seq: Seq) -> Option<(Scope, String)> {
    // An article has a scope for each directory above it, and the innermost is the last of them.
    let mut scopes = library.scopes_of(seq).into_iter();
    let scope = scopes.rfind(|scope| matches!(scope, Scope::Directory(_)))?;
    let channel = library.channel(&scope)?;
    Some((scope, channel.title.unwrap_or(channel.name)))
}

/// A page of the list of a scope; pages count from 1. `None` if there is none, except that a list
/// without articles has one.
pub(super) fn listed(snapshot: &Snapshot, scope: &Scope, page: u32) -> Option<Listed> {
    let size = snapshot.page_size(scope);
    let index = usize::try_from(page.checked_sub(1)?).ok()?;
    let count = snapshot.library.channel(scope).map_or(0, |channel| channel.count);
    let articles = snapshot.library.listed(scope, index.checked_mul(size)?, size);
    if articles.is_empty() && page > 1 {
        return None;
    }
    Some(Listed { articles, paging: Paging { page, pages: pages(count, size).max(1) } })
}

/// The newest entries of a scope's feed, for the page of the feed: not what is in lists alone.
pub(super) fn newest(snapshot: &Snapshot, scope: &Scope) -> Listed {
    let mut articles = snapshot.library.entries(scope, snapshot.config.feeds.limit);
    articles.truncate(FEED_LISTED_MAX);
    Listed { articles, paging: Paging { page: 1, pages: 1 } }
}

/// The home page, or a later page of its list. `summaries` are those of the articles of `listed`.
pub(super) fn home(
    snapshot: &Snapshot,
    listed: &Listed,
    summaries: Vec<Option<String>>,
    intro: Option<Intro<'_>>,
) -> String {
    let config = &*snapshot.config;
    let named = sections(&snapshot.library);
    let mut sections = Vec::new();
    let mut months = Vec::new();
    // Later pages have what the home page has not: the older articles.
    if listed.paging.page == 1 {
        for (scope, name, count) in &named {
            sections.push(Section { name, scope: scope.clone(), count: *count });
        }
        months = self::months(snapshot);
    }
    // Visitors see this name, so it does not reveal where the directory is on the server.
    let name = config.articles.dir.file_name().unwrap_or_default();
    let articles_dir = format!("{}/", name.to_string_lossy());
    // The page of the oldest month that is linked links the month before it, and so on.
    months.truncate(LINKED_MAX);
    page::home(&HomePage {
        config,
        intro,
        items: &items(listed, summaries),
        paging: listed.paging,
        sections: &sections,
        months: &months,
        articles_dir: &articles_dir,
    })
}

/// The scope, title and number of articles of each view, and of each directory at the top, that has
/// articles.
fn sections(library: &Library) -> Vec<(Scope, String, usize)> {
    let mut sections = Vec::new();
    for scope in library.scopes() {
        if !is_on_the_home_page(scope) {
            continue;
        }
        if sections.len() == LINKED_MAX {
            break;
        }
        if let Some(channel) = library.channel(scope)
            && channel.count > 0
        {
            let name = channel.title.unwrap_or(channel.name);
            sections.push((scope.clone(), name, channel.count));
        }
    }
    sections
}

/// Directories in the root, and views.
fn is_on_the_home_page(scope: &Scope) -> bool {
    match scope {
        Scope::Directory(path) => path.segments().count() == 1,
        Scope::View(_) => true,
        Scope::Site | Scope::Tag(_) | Scope::Author(_) => false,
    }
}

/// A page of a scope; `None` if the scope has no channel.
pub(super) fn index(
    snapshot: &Snapshot,
    scope: &Scope,
    listed: &Listed,
    summaries: Vec<Option<String>>,
    intro: Option<Intro<'_>>,
) -> Option<String> {
    let channel = snapshot.library.channel(scope)?;
    Some(page::index(&IndexPage {
        config: &snapshot.config,
        scope,
        channel: &channel,
        intro,
        website: website(&snapshot.library, scope, &listed.articles),
        items: &items(listed, summaries),
        paging: listed.paging,
    }))
}

/// The site of an author, as the newest of their articles names it.
fn website<'a>(library: &Library, scope: &Scope, articles: &'a [Arc<Article>]) -> Option<&'a str> {
    if !matches!(scope, Scope::Author(_)) {
        return None;
    }
    for article in articles {
        for person in &article.head.authors {
            if person.url.is_some() && library.author(&person.name).as_ref() == Some(scope) {
                return person.url.as_deref();
            }
        }
    }
    None
}

/// The page that a person gets at the address of a scope's feed; `None` if the scope has no
/// channel.
pub(super) fn feed(
    snapshot: &Snapshot,
    scope: &Scope,
    format: Format,
    listed: &Listed,
    summaries: Vec<Option<String>>,
) -> Option<String> {
    let channel = snapshot.library.channel(scope)?;
    let items = items(listed, summaries);
    let config = &*snapshot.config;
    Some(page::feed(&FeedPage { config, scope, format, channel: &channel, items: &items }))
}

/// The articles on one page of a month; pages count from 1. `None` if no article is listed on it.
pub(super) fn of_month(snapshot: &Snapshot, year: i16, month: i8, page: u32) -> Option<Listed> {
    let (from, to) = snapshot.month(year, month)?;
    let articles = snapshot.library.between(from, to);
    let index = usize::try_from(page.checked_sub(1)?).ok()?;
    let listed = articles.chunks(LISTED_MAX).nth(index)?.to_vec();
    let paging = Paging { page, pages: pages(articles.len(), LISTED_MAX) };
    Some(Listed { articles: listed, paging })
}

/// One page of a month that has articles.
pub(super) fn month(
    snapshot: &Snapshot,
    (year, month): YearMonth,
    listed: &Listed,
    summaries: Vec<Option<String>>,
) -> Option<String> {
    let months = months(snapshot);
    let is_own = |count: &&MonthCount| (count.year, count.month) == (year, month);
    let count = months.iter().find(is_own)?.count;
    let (older, newer) = months_beside(&months, year, month)?;
    Some(page::month(&MonthPage {
        config: &snapshot.config,
        year,
        month,
        paging: listed.paging,
        count,
        items: &items(listed, summaries),
        older,
        newer,
    }))
}

/// A year and a month.
type YearMonth = (i16, i8);

/// The months with articles just before and just after the given one, which has articles itself.
fn months_beside(
    months: &[MonthCount],
    year: i16,
    month: i8,
) -> Option<(Option<YearMonth>, Option<YearMonth>)> {
    // The newest month is the first, so the one after this in the list is the older one.
    let (mut newer, mut is_found) = (None, false);
    for count in months {
        let at = (count.year, count.month);
        if is_found {
            return Some((Some(at), newer));
        }
        if at == (year, month) {
            is_found = true;
        } else {
            newer = Some(at);
        }
    }
    is_found.then_some((None, newer))
}

/// The URL and the last change of every page that a search engine should know.
pub(super) fn sitemap(snapshot: &Snapshot) -> String {
    let site = &snapshot.config.site;
    // One URL is the home page's.
    let articles = snapshot.library.listed(&Scope::Site, 0, SITEMAP_MAX - 1);
    let mut urls: Vec<(String, Timestamp)> = Vec::with_capacity(articles.len() + 1);
    if let Some(newest) = articles.iter().map(|article| article.updated).max() {
        urls.push((links::absolute(site, &Route::Home), newest));
    }
    for article in &articles {
        let route = Route::Resource(article.url.clone());
        urls.push((links::absolute(site, &route), article.updated));
    }
    page::sitemap(&urls)
}

/// The months with articles, newest first.
fn months(snapshot: &Snapshot) -> Vec<MonthCount> {
    let zone = &snapshot.config.site.timezone;
    let mut months: Vec<MonthCount> = Vec::new();
    // The dates are sorted, so all articles of a month follow each other.
    for at in snapshot.library.dates() {
        let date = at.to_zoned(zone.clone()).date();
        match months.last_mut() {
            Some(last) if (last.year, last.month) == (date.year(), date.month()) => last.count += 1,
            _ => months.push(MonthCount { year: date.year(), month: date.month(), count: 1 }),
        }
    }
    months
}

/// The articles as a list shows them. One without a summary has that of its front matter, if any.
fn items(listed: &Listed, summaries: Vec<Option<String>>) -> Vec<Item<'_>> {
    let mut items = Vec::with_capacity(listed.articles.len());
    for (article, summary) in listed.articles.iter().zip(summaries) {
        items.push(Item { article, summary });
    }
    items
}

/// The summaries that need no file.
pub(super) fn known_summaries(snapshot: &Snapshot, listed: &Listed) -> Vec<Option<String>> {
    let mut summaries = Vec::with_capacity(listed.articles.len());
    for article in &listed.articles {
        let body = snapshot.bodies.get(&article.seq);
        summaries.push(body.map(|body| body.summary.clone()));
    }
    summaries
}

/// The article that takes the place of `_index.md` in the article directory.
pub(super) fn root_index(snapshot: &Snapshot) -> Option<Arc<Article>> {
    let library = &snapshot.library;
    ROOT_INDEXES.iter().find_map(|name| library.at_path(&RelPath::new(name)?))
}
