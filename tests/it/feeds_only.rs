//! Feeds of a site whose pages are elsewhere: where their links lead, and what is not served.

use crate::fixture::Site;

const SETTINGS: &str = "
site.url = \"https://feeds.example/\"
site.home = \"https://blog.example/notes/\"
pages.enabled = false
";

/// The URL of the one article, and its HTML, under a template.
fn check(template: &str, path: &str, front_matter: &str, url: &str, html: &[&str]) {
    let site = Site::new(&format!("{SETTINGS}site.link_template = \"{template}\"\n"));
    let text = "[other](../other.md) ![x](pic.png) ![y](/img/y.png) [top](#top) [up](../up.zip)";
    site.write(path, format!("---\ntitle: One\ndate: 2026-01-02\n{front_matter}---\n\n{text}\n"));
    site.write("other.md", "---\ntitle: Other\ndate: 2025-12-31\n---\n\ntext\n");
    let built = site.command(&["build"]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let json = std::fs::read(site.feeds().join("feed.json")).unwrap();
    let items = crate::fixture::items(&json);
    let one = items.iter().find(|item| item.title == "One").unwrap();
    assert_eq!(one.url, url, "{template}");
    for part in html {
        assert!(one.html.contains(part), "{template}: no {part} in {}", one.html);
    }
}

#[test]
fn links_lead_to_the_pages_elsewhere() {
    check(
        "jekyll",
        "news/one.md",
        "",
        "https://blog.example/notes/2026/01/02/one.html",
        &[
            "href=\"https://blog.example/notes/2025/12/31/other.html\"",
            "src=\"https://blog.example/notes/2026/01/02/pic.png\"",
            "src=\"https://blog.example/img/y.png\"",
        ],
    );
    check(
        "hugo",
        "news/one/index.md",
        "",
        "https://blog.example/notes/news/one/",
        &[
            "src=\"https://blog.example/notes/news/one/pic.png\"",
            "href=\"https://blog.example/notes/news/up.zip\"",
        ],
    );
    check(
        "wordpress",
        "news/one.md",
        "slug: uno\n",
        "https://blog.example/notes/2026/01/02/uno/",
        &["href=\"https://blog.example/notes/2025/12/31/other/\""],
    );
    check("https://x.example/p/{slug}", "news/one.md", "", "https://x.example/p/one", &[]);
    check(
        "{path}",
        "news/one.md",
        "path: exactly/here\n",
        "https://blog.example/notes/exactly/here",
        &[],
    );
    check(
        "wordpress",
        "news/one.md",
        "permalink: /exactly/here/\n",
        "https://blog.example/notes/exactly/here/",
        &["src=\"https://blog.example/notes/exactly/here/pic.png\""],
    );
}

#[test]
fn there_are_no_pages_and_the_feeds_name_the_home_elsewhere() {
    let mut site = Site::new(SETTINGS);
    site.write("news/one.md", "---\ntitle: One\ntags: [x]\ndate: 2026-01-02\n---\n\ntext\n");
    site.write("news/pic.png", "png");
    site.start();
    site.settles(&["One"]);
    for page in [
        "/",
        "/news/",
        "/news/one",
        "/news/one.html",
        "/tags/x/",
        "/archive/2026-01/",
        "/sitemap.xml",
    ] {
        assert_eq!(site.get(page).status, 404, "{page}");
    }
    for served in
        ["/rss.xml", "/news/atom.xml", "/tags/x/feed.json", "/feeds.opml", "/news/pic.png"]
    {
        assert_eq!(site.get(served).status, 200, "{served}");
    }
    let atom = site.get("/atom.xml").text();
    assert!(
        atom.contains("<link href=\"https://blog.example/notes/\" rel=\"alternate\""),
        "{atom}"
    );
    assert!(atom.contains("<link href=\"https://feeds.example/atom.xml\" rel=\"self\""), "{atom}");
    let json = site.get("/feed.json").text();
    assert!(json.contains("\"home_page_url\":\"https://blog.example/notes/\""), "{json}");
    assert!(!site.get("/robots.txt").text().contains("Sitemap"));
    let before = site.items();
    // The state is recovered, though the links do not lead to the articles.
    site.stop();
    std::fs::remove_dir_all(site.dir.path().join(".dropfeed")).unwrap();
    site.start();
    site.settles(&["One"]);
    assert_eq!(site.items(), before);
}
