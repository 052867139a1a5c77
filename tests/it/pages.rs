//! The lists that pages show: what is on each, and where it leads.

use super::fixture::{Site, eventually};

fn article(site: &Site, path: &str, date: &str) {
    site.write(path, format!("---\ntitle: {path}\ndate: {date}\n---\nwords\n"));
}

/// The targets of the links with this `rel`, as paths.
fn links(html: &str, rel: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for after in html.split(&format!("<a rel=\"{rel}\" href=\"")).skip(1) {
        let (url, _) = after.split_once('"').unwrap();
        let (_, path) = url.split_once("//").unwrap().1.split_once('/').unwrap();
        targets.push(format!("/{path}"));
    }
    targets
}

fn rows(html: &str) -> usize {
    html.matches("class=\"h-entry\"").count()
}

#[test]
fn months_are_split_into_pages_and_linked_in_order() {
    let mut site = Site::new("");
    for n in 0..61 {
        article(&site, &format!("notes/{n}.md"), &format!("2025-03-{:02}", n % 28 + 1));
    }
    article(&site, "notes/old.md", "2024-12-31");
    article(&site, "essays/new.md", "2025-05-01");
    site.start();
    eventually("every article is public", || {
        site.get("/archive/2025-03/").text().contains("61 articles")
            && site.get("/archive/2025-05/").status == 200
            && site.get("/archive/2024-12/").status == 200
    });
    for (path, count, older, newer) in [
        ("/archive/2025-05/", 1, Some("/archive/2025-03/"), None),
        ("/archive/2025-03/", 60, Some("/archive/2025-03/2/"), Some("/archive/2025-05/")),
        ("/archive/2025-03/2/", 1, Some("/archive/2024-12/"), Some("/archive/2025-03/")),
        ("/archive/2024-12/", 1, None, Some("/archive/2025-03/")),
    ] {
        let page = site.get(path);
        assert_eq!(page.status, 200, "{path}");
        let html = page.text();
        assert_eq!(rows(&html), count, "{path}");
        assert_eq!(links(&html, "prev"), Vec::from_iter(older), "{path}");
        assert_eq!(links(&html, "next"), Vec::from_iter(newer), "{path}");
    }
    for path in ["/archive/2025-03/3/", "/archive/2025-03/0/", "/archive/2025-04/"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    let home = site.get("/").text();
    assert_eq!(rows(&home), 60);
    assert!(home.contains(">essays</a> (1)") && home.contains(">notes</a> (62)"), "{home}");
    let months = ["/archive/2025-05/", "/archive/2025-03/", "/archive/2024-12/"];
    let places = months.map(|month| home.find(month).unwrap());
    assert!(places.is_sorted(), "the newest month is the first");
    // The home page and 63 articles.
    assert_eq!(site.get("/sitemap.xml").text().matches("<loc>").count(), 64);
}

#[test]
fn a_browser_gets_the_page_of_a_feed_unless_that_is_turned_off() {
    let browser = "Sec-Fetch-Dest: document\r\nAccept: text/html,*/*;q=0.8\r\n";
    for (settings, is_page) in [
        ("", true),
        ("pages.browser_page = \"on\"", true),
        ("pages.browser_page = \"off\"", false),
        ("pages.enabled = false", false),
    ] {
        let site = Site::started(settings);
        site.drop_in("a.md", "# A title\n\nSome words.\n");
        site.appears("A title");
        let shown = site.get_with("/atom.xml", browser);
        let kind = shown.header("content-type").unwrap();
        assert_eq!((shown.status, kind.starts_with("text/html")), (200, is_page), "{settings}");
        assert_eq!(is_page, shown.text().contains("Paste this address"), "{settings}");
        assert!(site.get("/atom.xml").text().contains("<feed"));
    }
}
