//! The archives of feeds, walked by a reader that knows documents and links alone.
//!
//! The reader takes JSON and Atom apart with other parsers, follows `next_url` and `prev-archive`,
//! and has to find every article of a scope, whatever was done to the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::article::Body;
use crate::base::{Format, Route, Scope, UrlPath};
use crate::config::{Content, Feeds, Site};
use crate::feed::links::Locate;
use crate::feed::{self, Basis, Feed};
use crate::library::{Article, Library};

use super::World;

/// More documents than any archive here has.
const DOCUMENTS_MAX: usize = 100;

fn site() -> Site {
    Site {
        id: "test.example".to_owned(),
        title: "Test".to_owned(),
        url: "https://test.example/".parse().unwrap(),
        description: "A test.".to_owned(),
        language: "en".to_owned(),
        author: "Ada".to_owned(),
        timezone: TimeZone::UTC,
        feed_paths: Default::default(),
        hubs: Vec::new(),
        own_hub: false,
        rsscloud: false,
        elsewhere: None,
    }
}

fn feeds(limit: usize) -> Feeds {
    let dir = PathBuf::from("feeds");
    // So small that everything falls out that may.
    let paths = Default::default();
    Feeds { dir, limit, max_bytes: 1, content: Content::Full, advertise: Format::Atom, paths }
}

/// The document at a URL as a server answers it: what is not closed yet leads to the feed.
fn get(library: &Library, limit: usize, url: &str) -> Option<Vec<u8>> {
    let path = url.strip_prefix("https://test.example")?;
    let (feed, format) = match Route::parse(path)? {
        Route::Feed(scope, format) => (newest(library, limit, &scope)?, format),
        Route::Archive(scope, number, format) => match page(library, limit, &scope, number) {
            Some(feed) => (feed, format),
            None => {
                let pages = library.channel(&scope)?.pages;
                assert_eq!(number, pages + 1, "{url}");
                (newest(library, limit, &scope)?, format)
            }
        },
        _ => return None,
    };
    Some(feed.write(format))
}

fn body(_: u64) -> Option<Arc<Body>> {
    Some(Arc::new(Body { html: "<p>text</p>".to_owned(), summary: "text".to_owned() }))
}

fn newest(library: &Library, limit: usize, scope: &Scope) -> Option<Feed> {
    let channel = library.channel(scope)?;
    let articles = library.entries(scope, limit);
    let (site, feeds) = (site(), feeds(limit));
    let places: &dyn Locate = &|_: &str| None;
    let basis = Basis { site: &site, feeds: &feeds, scope, channel: &channel, places };
    Some(feed::compose(basis, &articles, &body))
}

fn page(library: &Library, limit: usize, scope: &Scope, number: u64) -> Option<Feed> {
    let channel = library.channel(scope)?;
    let page = library.archive_page(scope, number)?;
    let articles = library.archived(scope, number);
    let (site, feeds) = (site(), feeds(limit));
    let places: &dyn Locate = &|_: &str| None;
    let basis = Basis { site: &site, feeds: &feeds, scope, channel: &channel, places };
    Some(feed::archive(basis, &page, &articles, &body))
}

/// The ids of the entries that a walk from the JSON feed at `url` collects, in any order.
fn walk_json(get: &dyn Fn(&str) -> Option<Vec<u8>>, url: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut next = Some(url.to_owned());
    let mut seen = BTreeSet::new();
    while let Some(url) = next {
        assert!(seen.insert(url.clone()) && seen.len() < DOCUMENTS_MAX, "{url} twice");
        let bytes = get(&url).unwrap_or_else(|| panic!("{url} is not there"));
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["feed_url"], *url);
        for item in document["items"].as_array().unwrap() {
            ids.insert(item["id"].as_str().unwrap().to_owned());
        }
        next = document["next_url"].as_str().map(str::to_owned);
    }
    ids
}

/// The same from the Atom feed, with the links of each page checked.
fn walk_atom(get: &dyn Fn(&str) -> Option<Vec<u8>>, url: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let (mut at, mut came_from, mut documents) = (url.to_owned(), None::<String>, 0);
    loop {
        documents += 1;
        assert!(documents < DOCUMENTS_MAX);
        let bytes = get(&at).unwrap_or_else(|| panic!("{at} is not there"));
        let text = String::from_utf8(bytes.clone()).unwrap();
        let read = feed_rs::parser::parse(&bytes[..]).unwrap();
        let link = |rel: &str| {
            let found = read.links.iter().find(|link| link.rel.as_deref() == Some(rel));
            found.map(|link| link.href.clone())
        };
        assert_eq!(link("self"), Some(at.clone()));
        ids.extend(read.entries.iter().map(|entry| entry.id.clone()));
        assert_eq!(text.contains("<fh:archive/>"), came_from.is_some(), "{text}");
        if let Some(newer) = &came_from {
            assert_eq!(link("current"), Some(url.to_owned()));
            // Forwards, one comes back to where one was.
            let forwards = get(&link("next-archive").unwrap());
            assert_eq!(forwards, get(newer), "{at}: next-archive leads elsewhere");
        }
        let Some(previous) = link("prev-archive") else { return ids };
        came_from = Some(std::mem::replace(&mut at, previous));
    }
}

/// What a closed page showed: its articles, its channel's texts, and the document.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    articles: Vec<Arc<Article>>,
    texts: (Option<String>, Option<String>, String),
    document: Vec<u8>,
}

/// What was seen of archives so far.
#[derive(Default)]
struct Seen {
    pages: BTreeMap<(Scope, u64), Shown>,
    /// The page that each article is on.
    places: BTreeMap<(Scope, u64), u64>,
}

/// Checks every archive of the world, against what was seen before.
fn check(world: &World, limit: usize, seen: &mut Seen) {
    let library = world.state.library();
    let get = |url: &str| get(library, limit, url);
    for scope in library.scopes() {
        let expected: BTreeSet<String> = library
            .articles()
            .filter(|article| library.scopes_of(article.seq).contains(scope))
            .filter(|article| !article.head.unlisted && !article.head.no_feed)
            .map(|article| article.id.clone())
            .collect();
        let url = |format| format!("https://test.example{}", Route::Feed(scope.clone(), format));
        assert_eq!(walk_json(&get, &url(Format::Json)), expected, "{scope} in JSON");
        assert_eq!(walk_atom(&get, &url(Format::Atom)), expected, "{scope} in Atom");
        let channel = library.channel(scope).unwrap();
        for number in 1..=channel.pages {
            let articles = library.archived(scope, number);
            for article in &articles {
                let place = seen.places.entry((scope.clone(), article.seq)).or_insert(number);
                assert_eq!(*place, number, "{scope}: {} is on another page", article.seq);
            }
            let document = page(library, limit, scope, number).unwrap().write(Format::Rss);
            let texts = (channel.title.clone(), channel.description.clone(), channel.name.clone());
            let shown = Shown { articles, texts, document };
            match seen.pages.insert((scope.clone(), number), shown.clone()) {
                Some(old) if old.articles == shown.articles && old.texts == shown.texts => {
                    assert_eq!(old, shown, "{scope}: page {number} changed by itself");
                }
                Some(_) => {}
                // The authors' are kept, though not shown, while there is one author.
                None if matches!(scope, Scope::Author(_)) => {}
                None => {
                    assert_eq!(shown.articles.len(), world.policy.page_size, "closed when full")
                }
            }
        }
        let lost = seen.pages.keys().filter(|(of, number)| of == scope && *number > channel.pages);
        assert_eq!(lost.count(), 0, "{scope}: a page is gone");
    }
}

/// Any operation on a dozen articles.
fn operation() -> impl Strategy<Value = String> {
    let path = || (0..12u32).prop_map(|n| format!("{}{n}.md", if n % 3 == 0 { "n/" } else { "" }));
    let head = prop::sample::select(vec![
        "",
        "",
        "tags: [t]",
        "tags: [t, u]",
        "feed: false",
        "unlisted: true",
        "draft: true",
        "date: 2026-01-05",
        "author: Bob",
    ]);
    prop_oneof![
        8 => (path(), head, 0..1000u32).prop_map(|(path, head, n)| {
            format!("write {path} ---|{head}|---|# Title {n}||Words of {n} and {path}.")
        }),
        2 => path().prop_map(|path| format!("rm {path}")),
        1 => (path(), path()).prop_map(|(from, to)| format!("mv {from} {to}")),
        2 => (0u32..20).prop_map(|seconds| format!("wait {seconds}")),
        6 => Just(".".to_owned()),
        1 => Just("restart".to_owned()),
        1 => Just("views [[view]]|name = \"v\"|not_tags = \"u\"".to_owned()),
        1 => Just("views [[view]]|name = \"v\"|title = \"V\"|tags = \"t\"".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// At every state of a history, a reader finds every article, and no page changes but by its
    /// own articles.
    #[test]
    fn a_reader_can_walk_to_the_first_article(
        script in prop::collection::vec(operation(), 1..50),
        limit in 1usize..5,
        page_size in 1usize..4,
    ) {
        let mut world = World::new();
        world.policy.page_size = page_size;
        let mut seen = Seen::default();
        for line in &script {
            world.run(line);
            if !line.starts_with(['w', 'r', 'm']) || line == "restart" {
                check(&world, limit, &mut seen);
            }
        }
        world.run(".");
        check(&world, limit, &mut seen);
    }
}

/// The numbers on each page of the site's archive, and in its feed of three.
fn pages(world: &World) -> (Vec<Vec<u64>>, Vec<u64>) {
    let library = world.state.library();
    let sorted = |articles: Vec<Arc<Article>>| {
        let mut numbers: Vec<u64> = articles.iter().map(|article| article.seq).collect();
        numbers.sort_unstable();
        numbers
    };
    let count = library.channel(&Scope::Site).unwrap().pages;
    let pages = (1..=count).map(|number| sorted(library.archived(&Scope::Site, number))).collect();
    (pages, sorted(library.entries(&Scope::Site, 3)))
}

fn world(articles: u32) -> World {
    let mut world = World::new();
    for n in 1..=articles {
        world.run(&format!("write {n}.md # Number {n}||Words of {n}."));
        world.run(".");
    }
    world
}

#[test]
fn a_page_closes_when_it_is_full_and_a_deletion_leaves_a_hole() {
    assert_eq!(pages(&world(1)), (vec![], vec![1]));
    assert_eq!(pages(&world(2)), (vec![vec![1, 2]], vec![1, 2]));
    assert_eq!(pages(&world(5)), (vec![vec![1, 2], vec![3, 4]], vec![3, 4, 5]));
    let mut world = world(5);
    for line in ["rm 1.md", "rm 3.md", "rm 4.md", ".", "wait 20", "."] {
        world.run(line);
    }
    assert_eq!(pages(&world), (vec![vec![2], vec![]], vec![2, 5]));
    world.run("write 6.md # Number 6||Words of 6.");
    world.run(".");
    assert_eq!(pages(&world), (vec![vec![2], vec![], vec![5, 6]], vec![2, 5, 6]));
    // It returns to its page.
    world.run("write 3.md # Number 3||Words of 3.");
    world.run(".");
    assert_eq!(pages(&world), (vec![vec![2], vec![3], vec![5, 6]], vec![3, 5, 6]));
}

#[test]
fn a_feed_holds_more_than_its_limit_rather_than_losing_an_article() {
    let mut world = World::new();
    world.policy.page_size = 5;
    for n in 1..=9 {
        world.run(&format!("write {n}.md # Number {n}||Words of {n}."));
    }
    world.run(".");
    assert_eq!(pages(&world), (vec![vec![1, 2, 3, 4, 5]], vec![6, 7, 8, 9]));
}

#[test]
fn an_old_ledger_gets_its_archives_with_the_first_reweighing() {
    let mut world = world(5);
    world.remembered.values.clear();
    world.run("restart");
    world.run(".");
    assert_eq!(pages(&world), (vec![], vec![1, 2, 3, 4, 5]));
    world.run("reweigh");
    assert_eq!(pages(&world), (vec![vec![1, 2], vec![3, 4]], vec![3, 4, 5]));
}

#[test]
fn a_late_tag_puts_an_old_article_on_the_page_of_its_number() {
    let mut world = World::new();
    let tag = Scope::Tag(UrlPath::new("t").unwrap());
    for n in 1..=6 {
        let tags = if n == 1 { "" } else { "tags: [t]" };
        world.run(&format!("write {n}.md ---|{tags}|---|# Number {n}||Words of {n}."));
        world.run(".");
    }
    let on_page = |world: &World, number| world.state.library().archived(&tag, number).len();
    assert_eq!((on_page(&world, 1), on_page(&world, 2)), (2, 2));
    world.run("write 1.md ---|tags: [t]|---|# Number 1||Words of 1.");
    world.run(".");
    assert_eq!((on_page(&world, 1), on_page(&world, 2)), (3, 2));
}
