//! Which articles each page shows: from a snapshot to the values that `page` makes HTML of.

use std::sync::Arc;

use crate::article::Body;
use crate::base::{Route, Scope, Timestamp};
use crate::config::Config;
use crate::feed::links;
use crate::library::Article;
use crate::page::{
    self, ArticlePage, Byline, HomePage, IndexPage, Item, MonthCount, MonthPage, Named, Section,
};
use crate::publish::Snapshot;
use crate::publish::snapshot::{LISTED_MAX, pages};

/// Sections (directories and views), and months, that the home page links.
const LINKED_MAX: usize = 240;

/// URLs in a sitemap (sitemaps.org: at most 50,000).
const SITEMAP_MAX: usize = 50_000;

/// The page of an article whose references are resolved in `html`.
pub(super) fn article(snapshot: &Snapshot, article: &Article, body: &Body, html: &str) -> String {
    let Config { site, feeds, .. } = &*snapshot.config;
    let library = &snapshot.library;
    let head = &article.head;
    let image = head.image.as_deref();
    let image = image.and_then(|image| {
        links::image(image, article, site, &|reference| library.locate(reference))
    });
    let tag = |tag| Named { name: tag, scope: library.tag(tag) };
    let tags: Vec<Named> = head.tags.iter().map(|name| tag(name)).collect();
    let directory =
        library.scopes_of(article.seq).iter().rfind(|scope| matches!(scope, Scope::Directory(_)));
    let name = directory
        .and_then(|scope| library.channel(scope))
        .map(|channel| channel.title.unwrap_or(channel.name));
    let section = name.as_deref().map(|name| Named { name, scope: directory.cloned() });
    let authors: Vec<Byline> = head
        .authors
        .iter()
        .map(|person| Byline { person, scope: library.author(&person.name) })
        .collect();
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

/// The home page.
pub(super) fn home(snapshot: &Snapshot) -> String {
    let Config { site, feeds, .. } = &*snapshot.config;
    let library = &snapshot.library;
    let articles = library.listed(&Scope::Site, 0, LISTED_MAX);
    let names: Vec<(Scope, String, usize)> = library
        .scopes()
        .filter(|scope| is_on_the_home_page(scope))
        .filter_map(|scope| library.channel(scope).map(|channel| (scope, channel)))
        .filter(|(_, channel)| channel.count > 0)
        .take(LINKED_MAX)
        .map(|(scope, channel)| {
            (scope.clone(), channel.title.unwrap_or(channel.name), channel.count)
        })
        .collect();
    let sections: Vec<Section> = names
        .iter()
        .map(|(scope, name, count)| Section { name, scope: scope.clone(), count: *count })
        .collect();
    // Readers see it, so it is the directory's name, and not where it stands on the server.
    let name = snapshot.config.articles.dir.file_name().unwrap_or_default();
    let directory = format!("{}/", name.to_string_lossy());
    let mut months = months(snapshot);
    // The last one leads to those before it.
    months.truncate(LINKED_MAX);
    page::home(&HomePage {
        site,
        feeds,
        items: &items(snapshot, &articles),
        sections: &sections,
        months: &months,
        articles_dir: &directory,
    })
}

/// Directories in the root, and views.
fn is_on_the_home_page(scope: &Scope) -> bool {
    match scope {
        Scope::Directory(path) => path.segments().count() == 1,
        Scope::View(_) => true,
        Scope::Site | Scope::Tag(_) | Scope::Author(_) => false,
    }
}

/// The page of a scope; `None` where there is none.
pub(super) fn index(snapshot: &Snapshot, scope: &Scope) -> Option<String> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let channel = snapshot.library.channel(scope)?;
    let articles = snapshot.library.listed(scope, 0, LISTED_MAX);
    let items = items(snapshot, &articles);
    Some(page::index(&IndexPage { site, feeds, scope, channel: &channel, items: &items }))
}

/// A page of a month, from 1; `None` where nothing is listed on it.
pub(super) fn month(snapshot: &Snapshot, year: i16, month: i8, page: u32) -> Option<String> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let (from, to) = snapshot.month(year, month)?;
    let articles = snapshot.library.between(from, to);
    let mut listed = articles.chunks(LISTED_MAX);
    let listed = listed.nth(usize::try_from(page.checked_sub(1)?).ok()?)?;
    let months = months(snapshot);
    let at = months.iter().position(|count| (count.year, count.month) == (year, month))?;
    let date = |count: &MonthCount| (count.year, count.month);
    // Newest first: the older month comes after this one.
    let older = months.get(at + 1).map(date);
    let newer = at.checked_sub(1).and_then(|at| months.get(at)).map(date);
    let items = items(snapshot, listed);
    Some(page::month(&MonthPage {
        site,
        feeds,
        year,
        month,
        page,
        pages: pages(articles.len()),
        count: articles.len(),
        items: &items,
        older,
        newer,
    }))
}

/// Every URL that a search engine should know.
pub(super) fn sitemap(snapshot: &Snapshot) -> String {
    let site = &snapshot.config.site;
    let articles = snapshot.library.listed(&Scope::Site, 0, SITEMAP_MAX - 1);
    let newest = articles.iter().map(|article| article.updated).max();
    let home = newest.map(|newest| (links::absolute(site, &Route::Home), newest));
    let url = |article: &Arc<Article>| {
        (links::absolute(site, &Route::Resource(article.url.clone())), article.updated)
    };
    let urls: Vec<(String, Timestamp)> = home.into_iter().chain(articles.iter().map(url)).collect();
    page::sitemap(&urls)
}

/// The months with articles, newest first.
fn months(snapshot: &Snapshot) -> Vec<MonthCount> {
    let zone = &snapshot.config.site.timezone;
    let mut months: Vec<MonthCount> = Vec::new();
    for at in snapshot.library.dates() {
        let date = at.to_zoned(zone.clone()).date();
        match months.last_mut() {
            Some(last) if (last.year, last.month) == (date.year(), date.month()) => last.count += 1,
            _ => months.push(MonthCount { year: date.year(), month: date.month(), count: 1 }),
        }
    }
    months
}

fn items<'a>(snapshot: &Snapshot, articles: &'a [Arc<Article>]) -> Vec<Item<'a>> {
    let summary =
        |article: &Article| snapshot.bodies.get(&article.seq).map(|body| body.summary.clone());
    articles.iter().map(|article| Item { article, summary: summary(article) }).collect()
}
