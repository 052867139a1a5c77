//! What a long life made, byte for byte, is what a new one makes over the same ledger.

use std::fs;
use std::path::Path;

use dropfeed::testing::base::{Format, Route};
use dropfeed::testing::library::Commit;
use dropfeed::testing::publish::{Found, Render as _};
use dropfeed::testing::source::Look;
use dropfeed::testing::store::Disk;
use dropfeed::testing::store::Store as _;
use proptest::prelude::*;
use tempfile::TempDir;

use super::crash::{Life, begin};

const PATHS: [&str; 8] = [
    "a.md",
    "b.txt",
    "n/a.md",
    "n/index.html",
    "n/_index.md",
    "pic.png",
    "n/_img/pic.png",
    "static/b.html",
];

const TEXTS: [&str; 8] = [
    "# Eight\n\n![p](_img/pic.png) ![[pic.png]] and words that nobody else has\n",
    "# One\n\nalpha beta [two](n/a.md) and [[Three]]\n",
    "---\ntags: [t, C++]\nauthors: [Bob]\n---\n# Two\n\n![p](pic.png) other words entirely\n",
    "---\nslug: three\n---\n# Three\n\nthird words, and many of them, so that it is another article\n",
    "---\ndraft: true\n---\n# Draft\n\nnot yet\n",
    "---\ntitle: [broken\n---\nx\n",
    "<p>Fourth <a href=\"../a.md\">words</a>\n",
    "",
];

#[derive(Debug, Clone)]
enum Operation {
    Write(usize, usize),
    Rename(usize, usize),
    Remove(usize),
    Look,
}

fn operation() -> impl Strategy<Value = Operation> {
    let path = || 0..PATHS.len();
    prop_oneof![
        4 => (path(), 0..TEXTS.len()).prop_map(|(path, text)| Operation::Write(path, text)),
        1 => (path(), path()).prop_map(|(from, to)| Operation::Rename(from, to)),
        1 => path().prop_map(Operation::Remove),
        3 => Just(Operation::Look),
    ]
}

fn apply(articles: &Path, life: &mut Life, operation: &Operation) {
    match *operation {
        Operation::Write(path, text) => fs::write(articles.join(PATHS[path]), TEXTS[text]).unwrap(),
        Operation::Rename(from, to) => {
            drop(fs::rename(articles.join(PATHS[from]), articles.join(PATHS[to])))
        }
        Operation::Remove(path) => drop(fs::remove_file(articles.join(PATHS[path]))),
        Operation::Look => drop(life.engine.step(&Look::Everything, &Default::default()).unwrap()),
    }
}

/// Every feed and every page, by its URL.
fn everything(life: &Life) -> Vec<(String, Vec<u8>)> {
    let snapshot = life.published.load().expect("something is published");
    let scopes: Vec<_> = snapshot.library.scopes().cloned().collect();
    let feeds = scopes
        .iter()
        .flat_map(|scope| Format::ALL.map(|format| Route::Feed(scope.clone(), format)));
    let pages = scopes.iter().map(|scope| Route::Index(scope.clone()));
    let articles = snapshot.library.articles().map(|article| Route::Resource(article.url.clone()));
    let files = ["pic.png", "n/_img/pic.png", "b.html", "static/b.html"];
    let files = files.iter().filter_map(|path| Route::parse(&format!("/{path}")));
    let routes: Vec<Route> =
        feeds.chain(pages).chain(articles).chain(files).chain([Route::Home, Route::Opml]).collect();
    let bytes = |route: &Route| match snapshot.find(route) {
        Found::Ready(document) => document.identity.to_vec(),
        Found::Render(route, _) => match life.engine.renderer().render(&snapshot, &route) {
            Ok(document) => document.identity.to_vec(),
            Err(why) => why.to_string().into_bytes(),
        },
        other => format!("{other:?}").into_bytes(),
    };
    routes.iter().map(|route| (route.to_string(), bytes(route))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn incremental_is_rebuilt_to_the_byte(operations in prop::collection::vec(operation(), 1..30)) {
        let dir = TempDir::new().unwrap();
        let articles = dir.path().join("articles");
        fs::create_dir_all(articles.join("n/_img")).unwrap();
        fs::create_dir_all(articles.join("static")).unwrap();
        let disk = Disk::new();
        let mut life = begin(dir.path(), &disk).unwrap();
        for operation in operations.iter().chain([&Operation::Look]) {
            apply(&articles, &mut life, operation);
        }
        let lived = everything(&life);
        drop(life);
        let mut again = begin(dir.path(), &disk).unwrap();
        prop_assert_eq!(&everything(&again), &lived, "over the same ledger, before a look");
        again.engine.step(&Look::Everything, &Default::default()).unwrap();
        prop_assert_eq!(&everything(&again), &lived, "after a look");
    }
}

#[test]
fn an_upgrade_that_reads_articles_otherwise_serves_whole_ones_meanwhile() {
    let dir = TempDir::new().unwrap();
    let articles = dir.path().join("articles");
    fs::create_dir_all(&articles).unwrap();
    fs::write(articles.join("a.md"), "# Whole\n\nall of its words\n").unwrap();
    let disk = Disk::new();
    let mut life = begin(dir.path(), &disk).unwrap();
    life.engine.step(&Look::Everything, &Default::default()).unwrap();
    let before = life.items();
    drop(life);
    let values = vec![("head_version".to_owned(), "0".to_owned())];
    disk.store().commit(&Commit { values, ..Commit::default() }).unwrap();
    let mut life = begin(dir.path(), &disk).unwrap();
    assert_eq!(life.items(), before, "before a look");
    life.engine.step(&Look::Everything, &Default::default()).unwrap();
    assert_eq!(life.items(), before, "after a look");
}
