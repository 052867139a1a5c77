//! Selects what each page shows: from a snapshot to the values that `page` turns into HTML.
//!
//! Every list has a limit, so that a page of a large site stays small.

use std::sync::Arc;

use crate::article::Body;
use crate::base::{Format, Route, Scope, Timestamp};
use crate::config::Config;
use crate::feed::links;
use crate::library::{Article, Library, Seq};
use crate::page::{
    self, ArticlePage, Byline, FeedPage, HomePage, IndexPage, Item, MonthCount, MonthPage, Named,
    Section,
};
use crate::publish::Snapshot;
use crate::publish::snapshot::{LISTED_MAX, pages};

/// Sections (directories and views), and months, that the home page links.
const LINKED_MAX: usize = 240;

/// Articles on the page of a feed: enough to see what it is about.
const FEED_LISTED_MAX: usize = 10;

/// URLs in a sitemap (sitemaps.org: at most 50,000).
const SITEMAP_MAX: usize = 50_000;

/// The page of an article whose references are resolved in `html`.
pub(super) fn article(snapshot: &Snapshot, article: &Article, body: &Body, html: &str) -> String {
    let Config { site, feeds, .. } = &*snapshot.config;
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
        site,
        feeds,
        article,
        html,
        summary: &body.summary,
        image: image.as_deref(),
        section: section.as_ref(),
        authors: &authors,
        tags: &tags,
        older: older.map(|article| &**article),
        newer: newer.map(|article| &**article),
    })
}

/// The innermost directory of an article, with the title that its page has.
fn innermost_directory(library: &Library, seq: Seq) -> Option<(Scope, String)> {
    // An article has a scope for each directory above it, and the innermost is the last of them.
    let mut scopes = library.scopes_of(seq).iter();
    let scope = scopes.rfind(|scope| matches!(scope, Scope::Directory(_)))?;
    let channel = library.channel(scope)?;
    Some((scope.clone(), channel.title.unwrap_or(channel.name)))
}

/// The home page.
pub(super) fn home(snapshot: &Snapshot) -> String {
    let Config { site, feeds, .. } = &*snapshot.config;
    let articles = snapshot.library.listed(&Scope::Site, 0, LISTED_MAX);
    let listed = sections(&snapshot.library);
    let mut sections = Vec::new();
    for (scope, name, count) in &listed {
        sections.push(Section { name, scope: scope.clone(), count: *count });
    }
    // Visitors see this name, so it does not reveal where the directory is on the server.
    let name = snapshot.config.articles.dir.file_name().unwrap_or_default();
    let articles_dir = format!("{}/", name.to_string_lossy());
    let mut months = months(snapshot);
    // The page of the oldest month that is linked links the month before it, and so on.
    months.truncate(LINKED_MAX);
    page::home(&HomePage {
        site,
        feeds,
        items: &items(snapshot, &articles),
        sections: &sections,
        months: &months,
        articles_dir: &articles_dir,
    })
}

/// The scope, title and number of articles of each view, and of each directory at the top, that has articles.
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

/// The page of a scope; `None` if the scope has no channel.
pub(super) fn index(snapshot: &Snapshot, scope: &Scope) -> Option<String> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let channel = snapshot.library.channel(scope)?;
    let articles = snapshot.library.listed(scope, 0, LISTED_MAX);
    let items = items(snapshot, &articles);
    Some(page::index(&IndexPage { site, feeds, scope, channel: &channel, items: &items }))
}

/// The page that a person gets at the address of a scope's feed; `None` if the scope has no channel.
pub(super) fn feed(snapshot: &Snapshot, scope: &Scope, format: Format) -> Option<String> {
    let site = &snapshot.config.site;
    let channel = snapshot.library.channel(scope)?;
    let articles = snapshot.library.listed(scope, 0, FEED_LISTED_MAX);
    let items = items(snapshot, &articles);
    Some(page::feed(&FeedPage { site, scope, format, channel: &channel, items: &items }))
}

/// One page of a month; pages count from 1. `None` if no article is listed on it.
pub(super) fn month(snapshot: &Snapshot, year: i16, month: i8, page: u32) -> Option<String> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let (from, to) = snapshot.month(year, month)?;
    let articles = snapshot.library.between(from, to);
    let index = usize::try_from(page.checked_sub(1)?).ok()?;
    let listed = articles.chunks(LISTED_MAX).nth(index)?;
    let (older, newer) = months_beside(&months(snapshot), year, month)?;
    Some(page::month(&MonthPage {
        site,
        feeds,
        year,
        month,
        page,
        pages: pages(articles.len()),
        count: articles.len(),
        items: &items(snapshot, listed),
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

/// The articles as a list shows them. A body that is not rendered yet leaves out the summary.
fn items<'a>(snapshot: &Snapshot, articles: &'a [Arc<Article>]) -> Vec<Item<'a>> {
    let mut items = Vec::with_capacity(articles.len());
    for article in articles {
        let body = snapshot.bodies.get(&article.seq);
        items.push(Item { article, summary: body.map(|body| body.summary.clone()) });
    }
    items
}
