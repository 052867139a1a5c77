//! `[[view]]`: a feed, a page and a place in every list, from the configuration alone.

use std::fs;

use super::fixture::{Site, eventually};

const BOOKS: &str = "[[view]]\nname = \"books\"\ntitle = \"Books & more\"\n\
    description = \"What I read\"\ndirectories = \"notes\"\ntags = \"book\"\n";

fn titles_of(site: &Site, path: &str) -> Vec<String> {
    let mut titles: Vec<String> = site.items_of(path).into_iter().map(|item| item.title).collect();
    titles.sort();
    titles
}

fn fill(site: &Site) {
    site.drop_in("notes/a.md", "---\ntags: [Book]\n---\n# In both\n\ntext\n");
    site.drop_in("notes/b.md", "# In the directory\n\ntext\n");
    site.drop_in("c.md", "---\ntags: [book]\n---\n# With the tag\n\ntext\n");
    site.settles(&["In both", "In the directory", "With the tag"]);
}

#[test]
fn a_view_has_feeds_a_page_and_a_place_in_the_lists() {
    let site = Site::started(BOOKS);
    fill(&site);
    assert_eq!(titles_of(&site, "/views/books/feed.json"), ["In both"]);
    let atom = site.get("/views/books/atom.xml").text();
    assert!(atom.contains("<title>Books &#x26; more — Test</title>"), "{atom}");
    assert!(atom.contains("<subtitle>What I read</subtitle>"), "{atom}");
    assert!(atom.contains("http://test.example/views/books/atom.xml"), "{atom}");
    assert_eq!(site.get("/views/books/rss.xml").status, 200);
    let page = site.get("/views/books/").text();
    assert!(page.contains("Books &#38; more") && page.contains("In both"), "{page}");
    assert!(site.get("/").text().contains("/views/books/"));
    assert!(site.get("/feeds.opml").text().contains("http://test.example/views/books/atom.xml"));
    assert_eq!(site.get("/views/other/atom.xml").status, 404);
    eventually("its files are written", || site.feeds().join("views/books/feed.json").is_file());
}

#[test]
fn a_reload_adds_changes_and_removes_views() {
    let mut site = Site::started("");
    fill(&site);
    assert_eq!(site.get("/views/books/feed.json").status, 404);
    let before = site.items();
    site.configure(BOOKS);
    site.hang_up();
    eventually("the view is there", || site.get("/views/books/feed.json").status == 200);
    assert_eq!(titles_of(&site, "/views/books/feed.json"), ["In both"]);
    let etag = |site: &Site, path: &str| site.get(path).header("etag").unwrap().to_owned();
    let (view, site_feed) = (etag(&site, "/views/books/rss.xml"), etag(&site, "/rss.xml"));
    site.configure(&BOOKS.replace("directories = \"notes\"\n", ""));
    site.hang_up();
    eventually("the view has more", || {
        titles_of(&site, "/views/books/feed.json") == ["In both", "With the tag"]
    });
    assert_ne!(etag(&site, "/views/books/rss.xml"), view);
    // Nobody else notices.
    assert_eq!(etag(&site, "/rss.xml"), site_feed);
    assert_eq!(site.items(), before);
    site.configure("");
    site.hang_up();
    let is_empty = |site: &Site| site.items_of("/views/books/feed.json").is_empty();
    eventually("the view is empty", || is_empty(&site));
    assert_eq!(site.get("/views/books/feed.json").status, 200, "empty, not missing");
    assert!(!site.get("/").text().contains("/views/books/"));
    site.stop();
    site.start();
    eventually("the feeds are there", || site.get("/feed.json").status == 200);
    assert_eq!(site.get("/views/books/feed.json").status, 200);
    assert!(is_empty(&site));
}

#[test]
fn a_view_that_is_changed_while_dropfeed_is_stopped_is_right_at_the_start() {
    let mut site = Site::started(BOOKS);
    fill(&site);
    site.stop();
    site.configure(&BOOKS.replace("tags = \"book\"\n", ""));
    site.start();
    let expected = ["In both", "In the directory"];
    eventually("it has what is selected now", || {
        titles_of(&site, "/views/books/feed.json") == expected
    });
    let file = site.feeds().join("views/books/feed.json");
    eventually("the file follows", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("In the directory"))
    });
    // It goes on as any other feed does.
    site.drop_in("notes/d.md", "# Another\n\ntext\n");
    site.appears("Another");
    assert_eq!(
        titles_of(&site, "/views/books/feed.json"),
        ["Another", "In both", "In the directory"]
    );
}
