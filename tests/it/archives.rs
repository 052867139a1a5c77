//! The archives of feeds, as a reader meets them over HTTP and another web server in `feeds/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::control::run;
use super::fixture::{Site, eventually};

/// A limit of four articles makes pages of four.
const SETTINGS: &str = "feeds.limit = 4";

fn drop_number(site: &Site, n: u32) {
    let tags = if n.is_multiple_of(2) { "even" } else { "odd" };
    site.drop_in(
        &format!("news/{n}.md"),
        format!("---\ntags: [{tags}]\n---\n# No {n}\n\ntext {n}\n"),
    );
    site.appears(&format!("No {n}"));
}

/// A site with so many articles, in order.
fn with_articles(count: u32) -> Site {
    let site = Site::started(SETTINGS);
    for n in 1..=count {
        drop_number(&site, n);
    }
    site
}

fn titles_of(site: &Site, path: &str) -> Vec<String> {
    site.items_of(path).into_iter().map(|item| item.title).collect()
}

fn etag(site: &Site, path: &str) -> String {
    site.get(path).header("etag").unwrap().to_owned()
}

/// Every title that a reader of the JSON feed at `path` collects, and how many documents it
/// fetched.
fn walk(site: &Site, path: &str) -> (BTreeSet<String>, usize) {
    let (mut titles, mut documents) = (BTreeSet::new(), 0);
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        documents += 1;
        assert!(documents < 50, "the walk does not end");
        let response = site.get(&path);
        assert_eq!(response.status, 200, "{path}");
        let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        for item in document["items"].as_array().unwrap() {
            titles.insert(item["title"].as_str().unwrap().to_owned());
        }
        next = document["next_url"].as_str().map(|url| url.replace("http://test.example", ""));
    }
    (titles, documents)
}

fn numbers(range: impl Iterator<Item = u32>) -> BTreeSet<String> {
    range.map(|n| format!("No {n}")).collect()
}

#[test]
fn a_reader_walks_from_the_feed_to_the_first_article() {
    let site = with_articles(9);
    assert_eq!(titles_of(&site, "/feed.json"), ["No 9", "No 8", "No 7", "No 6"]);
    assert_eq!(titles_of(&site, "/archive/1/feed.json"), ["No 4", "No 3", "No 2", "No 1"]);
    assert_eq!(walk(&site, "/feed.json"), (numbers(1..=9), 3));
    assert_eq!(walk(&site, "/news/feed.json"), (numbers(1..=9), 3));
    assert_eq!(walk(&site, "/tags/odd/feed.json"), (numbers((1..=9).step_by(2)), 2));
    let page = site.get("/archive/2/atom.xml");
    assert_eq!(page.header("content-type"), Some("application/atom+xml; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("public, max-age=86400, stale-if-error=86400"));
    assert_eq!(page.header("access-control-allow-origin"), Some("*"));
    let text = page.text();
    for (rel, path) in [
        ("self", "archive/2/atom.xml"),
        ("current", "atom.xml"),
        ("prev-archive", "archive/1/atom.xml"),
        ("next-archive", "archive/3/atom.xml"),
    ] {
        let link = format!("<link href=\"http://test.example/{path}\" rel=\"{rel}\"");
        assert!(text.contains(&link), "{link}\n{text}");
    }
    assert!(text.contains("<fh:archive/>"), "{text}");
    let of_directory = site.get("/archive/news/1/rss.xml").text();
    assert!(of_directory.contains("http://test.example/archive/news/2/rss.xml"), "{of_directory}");
    let of_tag = site.get("/tags/even/archive/1/rss.xml").text();
    assert!(of_tag.contains("http://test.example/tags/even/rss.xml\" rel=\"current\""), "{of_tag}");
    // The page that is not full yet is where its articles are.
    let open = site.get("/archive/3/atom.xml");
    assert_eq!((open.status, open.header("location")), (302, Some("/atom.xml")));
    for path in ["/archive/4/atom.xml", "/archive/0/atom.xml", "/tags/even/archive/3/rss.xml"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_page_changes_with_its_own_articles_alone() {
    let mut site = with_articles(8);
    let pages = ["/archive/1/rss.xml", "/archive/2/rss.xml"];
    let tags = |site: &Site| pages.map(|path| etag(site, path));
    let before = tags(&site);
    drop_number(&site, 9);
    assert_eq!(tags(&site), before);
    site.stop();
    site.start();
    eventually("it serves", || site.get("/rss.xml").status == 200);
    assert_eq!(tags(&site), before, "a restart");
    // Another limit makes another feed, and no other page.
    site.configure("feeds.limit = 2");
    site.hang_up();
    eventually("the feed is shorter", || site.items().len() == 2);
    assert_eq!(titles_of(&site, "/archive/1/feed.json").len(), 4);
    assert_eq!(walk(&site, "/feed.json").0, numbers(1..=9));
    // A restart under the new limit keeps the size, too: what is on no page is in the feed.
    site.stop();
    site.start();
    for n in 10..=11 {
        drop_number(&site, n);
    }
    assert_eq!(titles_of(&site, "/feed.json"), ["No 11", "No 10", "No 9"]);
    assert_eq!(walk(&site, "/feed.json").0, numbers(1..=11));
    let before = tags(&site);
    site.drop_in("news/2.md", "---\ntags: [even]\n---\n# No 2\n\ncorrected text\n");
    eventually("the page shows the edit", || tags(&site)[0] != before[0]);
    assert_eq!(tags(&site)[1], before[1]);
    site.remove("news/3.md");
    let left = ["No 4", "No 2", "No 1"];
    eventually("the page has a hole", || titles_of(&site, "/archive/1/feed.json") == left);
    assert_eq!(tags(&site)[1], before[1]);
    // A refused edit takes nothing away.
    site.drop_in("news/1.md", "---\ntitle: [\n---\nbroken\n");
    drop_number(&site, 12);
    assert_eq!(titles_of(&site, "/archive/1/feed.json"), left);
}

/// The files beneath `feeds/`, with their inodes: a file that is written again is another one.
fn files(feeds: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut directories = vec![feeds.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(feeds).unwrap().to_owned();
                found.insert(name, fs::metadata(&path).unwrap().ino());
            }
        }
    }
    found
}

/// Waits until all that was published after this generation is in `feeds/`, and gives its
/// generation.
fn written(site: &Site, after: u64) -> u64 {
    let mut generation = 0;
    eventually("everything is written", || {
        let ran = run(site, &["status", "--json"]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        let status: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        generation = status["published"]["generation"].as_u64().unwrap_or(0);
        generation > after && status["projection"]["generation"] == generation
    });
    generation
}

#[test]
fn the_files_have_the_pages_and_only_what_changed_is_written() {
    let site = with_articles(9);
    let bytes = |name: &str| fs::read(site.feeds().join(name)).unwrap_or_default();
    let directories = ["archive/1", "archive/2", "archive/news/1", "archive/news/2"];
    for directory in directories.into_iter().chain(["tags/even/archive/1", "tags/odd/archive/1"]) {
        for file in ["rss.xml", "atom.xml", "feed.json"] {
            let name = format!("{directory}/{file}");
            let served = site.get(&format!("/{name}")).body;
            eventually(&format!("{name} is written"), || bytes(&name) == served);
        }
    }
    assert!(!site.feeds().join("archive/3").exists(), "a page that is not closed");
    let generation = written(&site, 0);
    let before = files(&site.feeds());
    site.drop_in("news/2.md", "---\ntags: [even]\n---\n# No 2\n\ncorrected text\n");
    eventually("the pages are written", || {
        let shows_it = |name: &str| String::from_utf8_lossy(&bytes(name)).contains("corrected");
        shows_it("archive/1/rss.xml") && shows_it("tags/even/archive/1/rss.xml")
    });
    written(&site, generation);
    // The documents that show the article, in three formats each: of the feeds, only that of its
    // tag does.
    let mut changed: Vec<String> = Vec::new();
    for (name, inode) in files(&site.feeds()) {
        if before.get(&name) != Some(&inode) && !name.to_string_lossy().starts_with('.') {
            changed.push(name.to_string_lossy().into_owned());
        }
    }
    let shows = ["archive/1/", "archive/news/1/", "tags/even/archive/1/", "tags/even/"];
    for name in &changed {
        let (directory, _) = name.rsplit_once('/').unwrap_or_default();
        assert!(shows.contains(&format!("{directory}/").as_str()), "{changed:?}");
    }
}
