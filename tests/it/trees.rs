//! Whole trees, as their authors keep them: what is an article, what is served as it is, and what
//! is neither.

use std::fs;
use std::os::unix::fs::symlink;

use crate::fixture::{Site, eventually};

/// A started site of these files.
fn started(files: &[(&str, &str)]) -> Site {
    let mut site = Site::new("");
    for (path, text) in files {
        site.write(path, text);
    }
    site.start();
    site
}

/// The lines that `dropfeed check` prints about `path`.
fn findings(site: &Site, path: &str) -> Vec<String> {
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let prefix = format!("articles/{path}:");
    text.lines().filter(|line| line.starts_with(&prefix)).map(str::to_owned).collect()
}

const OPEN: (&str, &str) = ("open.md", "# Open\n\nWords of an article.\n");

#[test]
fn files_of_the_root_are_served_as_they_are() {
    let site = started(&[
        OPEN,
        ("robots.txt", "User-agent: *\nDisallow: /private/\n"),
        ("ads.txt", "a.example, pub-1, DIRECT, f0\n"),
        ("google1234567890abcdef.html", "google-site-verification: google1234567890abcdef.html"),
        ("BingSiteAuth.xml", "<users/>"),
        ("static/css/x.css", "p{}"),
        ("static/manifest.webmanifest", "{}"),
        ("static/demo/index.html", "<script>alert(1)</script>"),
        ("static/notes.md", "# Notes\n"),
        ("static/.well-known/security.txt", "Contact: mailto:a@example.org\n"),
        (".well-known/assetlinks.json", "[]"),
        ("static/.git/config", "private"),
    ]);
    site.settles(&["Open"]);
    for (path, media_type, body) in [
        ("/robots.txt", "text/plain; charset=utf-8", "User-agent: *\nDisallow: /private/\n"),
        ("/ads.txt", "text/plain; charset=utf-8", "a.example, pub-1, DIRECT, f0\n"),
        (
            "/google1234567890abcdef.html",
            "text/html; charset=utf-8",
            "google-site-verification: google1234567890abcdef.html",
        ),
        ("/BingSiteAuth.xml", "application/xml", "<users/>"),
        ("/css/x.css", "text/css; charset=utf-8", "p{}"),
        ("/static/css/x.css", "text/css; charset=utf-8", "p{}"),
        ("/manifest.webmanifest", "application/manifest+json", "{}"),
        ("/demo/index.html", "text/html; charset=utf-8", "<script>alert(1)</script>"),
        ("/demo/", "text/html; charset=utf-8", "<script>alert(1)</script>"),
        ("/notes.md", "text/markdown; charset=utf-8", "# Notes\n"),
        (
            "/.well-known/security.txt",
            "text/plain; charset=utf-8",
            "Contact: mailto:a@example.org\n",
        ),
        ("/.well-known/assetlinks.json", "application/json", "[]"),
    ] {
        let answer = site.get(path);
        assert_eq!((answer.status, &*answer.text()), (200, body), "{path}");
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        let is_document = media_type.contains("html") || media_type.contains("xml");
        assert_eq!(policy.contains("sandbox"), is_document, "{path}: {policy}");
        assert!(!policy.contains("allow-same-origin"), "{path}: {policy}");
        // As assets are: validated, and in ranges.
        let tag = answer.header("etag").unwrap_or_else(|| panic!("{path} has no tag"));
        assert_eq!(site.get_with(path, &format!("If-None-Match: {tag}\r\n")).status, 304, "{path}");
        assert_eq!(site.get_with(path, "Range: bytes=0-1\r\n").status, 206, "{path}");
    }
    assert_eq!(site.get("/demo").header("location"), Some("/demo/"));
    for path in ["/.git/config", "/static/.git/config", "/notes", "/static/notes", "/robots"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_robots_txt_comes_and_goes() {
    let site = started(&[OPEN]);
    site.appears("Open");
    let robots = || site.get("/robots.txt").text();
    assert!(robots().contains("Sitemap: http://test.example/sitemap.xml"));
    site.drop_in("static/robots.txt", "from static");
    eventually("that of static/ is served", || robots() == "from static");
    site.drop_in("robots.txt", "from the root");
    eventually("that of the root is served", || robots() == "from the root");
    // Jekyll fills this one in.
    site.drop_in("robots.txt", "---\nlayout: null\n---\nSitemap: {{ site.url }}/sitemap.xml\n");
    eventually("a template is not served", || robots() == "from static");
    assert!(findings(&site, "robots.txt")[0].ends_with("[template]"));
    site.remove("static/robots.txt");
    eventually("the generated one is back", || robots().contains("Sitemap: http://test.example"));
}

#[test]
fn a_404_page_is_the_body_of_every_404() {
    let site = started(&[OPEN]);
    site.appears("Open");
    assert!(site.get("/nothing").text().contains("Page not found."));
    site.drop_in("404.html", "<h1>Lost?</h1>");
    eventually("it is there", || site.get("/nothing").text() == "<h1>Lost?</h1>");
    for path in ["/nothing", "/nothing/", "/news/atom.xml", "/-/nothing", "/a//b"] {
        let answer = site.get(path);
        assert_eq!((answer.status, &*answer.text()), (404, "<h1>Lost?</h1>"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("sandbox"), "{path}: {policy}");
        let of_a_file = ["etag", "last-modified", "accept-ranges"];
        assert!(of_a_file.iter().all(|name| answer.header(name).is_none()), "{}", answer.head);
    }
    assert_eq!(site.head("/nothing"), 404);
    // Conditions and ranges are about what is not there.
    let answer = site.get_with("/nothing", "Range: bytes=0-1\r\nIf-None-Match: *\r\n");
    assert_eq!((answer.status, &*answer.text()), (404, "<h1>Lost?</h1>"));
    assert_eq!(site.get("/404.html").status, 200);
    site.remove("open.md");
    eventually("other answers keep their page", || {
        let answer = site.get("/open");
        answer.status == 410 && answer.text().contains("has been removed")
    });
    site.remove("404.html");
    eventually("it is gone", || site.get("/nothing").text().contains("Page not found."));
    site.drop_in("404.md", "# Not found\n\nThis is a template.\n");
    site.drop_in("more.md", "# More\n\nWords.\n");
    site.settles(&["More"]);
}

#[test]
fn what_wins_where_files_meet() {
    let site = started(&[
        ("foo.md", "# Foo\n\n![x](/img/a.png) [y](static/img/b.png) ![z](img/c.png)\n"),
        ("static/foo.html", "static"),
        ("static/foo.js", "script"),
        ("static/img/a.png", "of static"),
        ("static/img/b.png", "of static"),
        ("static/img/c.png", "of static"),
        ("img/a.png", "own"),
        ("static/rss.xml", "<rss/>"),
        ("static/tags/a.png", "x"),
    ]);
    let foo = site.appears("Foo");
    // The article's URL wins, with `.html` at its end too.
    assert_eq!(site.get("/foo").header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(site.get("/foo.html").header("location"), Some("/foo"));
    for (path, body) in [
        ("/static/foo.html", "static"),
        ("/foo.js", "script"),
        ("/img/a.png", "own"),
        ("/static/img/a.png", "of static"),
        ("/img/b.png", "of static"),
    ] {
        assert_eq!(site.get(path).text(), body, "{path}");
    }
    // A reference to the file is written as the URL that it has.
    for url in ["img/a.png", "img/b.png", "img/c.png"] {
        let url = format!("\"http://test.example/{url}\"");
        assert!(foo.html.contains(&url), "{url}: {}", foo.html);
    }
    for (path, expected) in [
        ("static/foo.html", "/foo.html is already used by foo.md [url-taken]"),
        ("static/img/a.png", "/img/a.png is already used by img/a.png [url-taken]"),
        ("static/rss.xml", "URL /rss.xml is reserved [reserved-url]"),
        ("static/tags/a.png", "URL /tags/a.png is reserved [reserved-url]"),
    ] {
        let found = findings(&site, path);
        assert!(found.len() == 1 && found[0].ends_with(expected), "{path}: {found:?}");
    }
    assert!(findings(&site, "static/foo.js").is_empty());
    // An article that was taken away claims its URL no longer.
    site.remove("foo.md");
    eventually("the file is served", || site.get("/foo.html").text() == "static");
}

#[test]
fn private_files_are_served_if_a_public_article_shows_them() {
    let mut site = Site::new("");
    for path in [
        "_img/p.png",
        "_img/b.png",
        "_img/draft.png",
        "_img/held.png",
        "_img/code.png",
        "_img/comment.png",
        "_img/cover.jpg",
        "_att/my note.png",
        "_files/talk.mp3",
        "n/_img/p.png",
        "_drafts/secret.pdf",
        "_drafts/shown.pdf",
        "drafts/d.png",
        "_unused/x.png",
        "_img/p.sync-conflict-20200102-100237-ABCDEFG.png",
    ] {
        site.write(path, path);
    }
    site.write(
        "a.md",
        "---\nimage: _img/cover.jpg\n---\n# A\n\n![i](_img/p.png) ![[my note.png]] \
         [t](_files/talk.mp3) [s](_drafts/shown.pdf)\n\n<!-- ![i](_img/comment.png) -->\n\n\
         `![i](_img/code.png)`\n\n![c](_img/p.sync-conflict-20200102-100237-ABCDEFG.png)\n",
    );
    site.write("b.md", "---\ndraft: true\n---\n# B\n\n![i](_img/draft.png) ![i](/drafts/d.png)\n");
    site.write("c.md", "---\ndate: 2099-01-01\n---\n# C\n\n![i](_img/held.png)\n");
    site.write("_drafts/d.md", "# D\n\n[s](secret.pdf) ![i](/drafts/d.png)\n");
    site.start();
    let a = site.appears("A");
    assert!(a.html.contains("\"http://test.example/_img/p.png\""), "{}", a.html);
    assert!(a.html.contains("\"http://test.example/_att/my%20note.png\""), "{}", a.html);
    let expect = |site: &Site, shown: &[&str], hidden: &[&str]| {
        for path in shown {
            assert_eq!(site.get(path).status, 200, "{path}");
        }
        for path in hidden {
            assert_eq!(site.get(path).status, 404, "{path}");
        }
    };
    let shown = [
        "/_img/p.png",
        "/_img/cover.jpg",
        "/_att/my%20note.png",
        "/_files/talk.mp3",
        "/_drafts/shown.pdf",
    ];
    let hidden = [
        "/_img/b.png",
        "/_img/draft.png",
        "/_img/held.png",
        "/_img/code.png",
        "/_img/comment.png",
        "/n/_img/p.png",
        "/_drafts/secret.pdf",
        "/drafts/d.png",
        "/_unused/x.png",
        "/_img/p.sync-conflict-20200102-100237-ABCDEFG.png",
    ];
    expect(&site, &shown, &hidden);
    assert_eq!(findings(&site, "_unused").len(), 1);
    assert!(findings(&site, "_img").is_empty());
    // What the ledger remembers is enough, before a look as after it.
    site.stop();
    site.start();
    site.appears("A");
    expect(&site, &shown, &hidden);
    // An edit, a picture that comes later, an article that goes.
    site.drop_in("b.md", "# B\n\n![i](_img/draft.png) ![i](_img/later.png)\n");
    site.appears("B");
    expect(&site, &["/_img/draft.png"], &["/_img/later.png", "/drafts/d.png"]);
    site.drop_in("_img/later.png", "later");
    eventually("it is served", || site.get("/_img/later.png").status == 200);
    site.drop_in("b.md", "---\ndraft: true\n---\n# B\n\n![i](_img/draft.png)\n");
    eventually("it is private again", || site.get("/_img/draft.png").status == 404);
    site.remove("a.md");
    eventually("nothing is shown any more", || site.get("/_img/p.png").status == 404);
    // A file beside an article goes before one above it.
    site.drop_in("n/n.md", "# N\n\n![i](_img/p.png) ![i](/_img/b.png)\n");
    site.appears("N");
    expect(&site, &["/n/_img/p.png", "/_img/b.png"], &["/_img/p.png"]);
    fs::remove_file(site.articles().join("n/_img/p.png")).unwrap();
    eventually("that above it is shown", || site.get("/_img/p.png").status == 200);
}

#[test]
fn documents_of_other_kinds_are_named() {
    let site = Site::new("articles.ignore = [\"old/\"]");
    for path in
        ["post.rst", "a/b.mdx", "_data/a.rst", "old/a.rst", ".a.rst", "a.exe", "static/a.rst"]
    {
        site.write(path, "Title\n=====\n\ntext\n");
    }
    site.write("open.md", "---\ntitle: Open\ndate: 2026-01-01\n---\nWords of an article.\n");
    let output = site.command(&["check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let named: Vec<&str> = text.lines().filter(|line| line.contains("not-read")).collect();
    assert_eq!(
        named,
        [
            "articles/a/b.mdx: note: is MDX, which is not read; save as .md, .html or .txt [kind-not-read]",
            "articles/post.rst: note: is reStructuredText, which is not read; convert with pandoc [kind-not-read]",
        ]
    );
}

#[test]
fn a_link_to_an_article_is_no_second_one() {
    let site = Site::started("articles.grace_s = 1");
    site.drop_in("a.md", "# A\n\nWords of the first article.\n");
    site.drop_in("b.md", "# B\n\nWords of another one, the second.\n");
    site.settles(&["A", "B"]);
    let before = site.appears("A");
    symlink("a.md", site.articles().join("latest.md")).unwrap();
    symlink(".", site.articles().join("all")).unwrap();
    site.drop_in("marker.md", "# Marker\n\nWords of a third.\n");
    site.settles(&["A", "B", "Marker"]);
    assert_eq!(site.get("/latest").status, 404);
    // A reference to the link is one to the article.
    site.drop_in("c.md", "# C\n\nSee [the latest](latest.md), a fourth.\n");
    eventually("the link is seen", || site.appears("C").html.contains("\"http://test.example/a\""));
    assert_eq!(site.items().len(), 4);
    site.remove("c.md");
    eventually("it is gone", || site.get("/c").status == 410);
    let found = findings(&site, "latest.md");
    assert_eq!(
        found,
        ["articles/latest.md: note: is a link to a.md, which is the article [linked]"]
    );
    assert!(findings(&site, "all")[0].contains(": note: a link to a directory above it"));
    // Moved, with a link in its place: it is where it went.
    site.rename("a.md", "2026/a.md");
    symlink("2026/a.md", site.articles().join("a.md")).unwrap();
    eventually("it has moved", || site.appears("A").url.ends_with("/2026/a"));
    assert_eq!(site.appears("A").id, before.id);
    assert_eq!(site.get("/a").header("location"), Some("/2026/a"));
    site.settles(&["A", "B", "Marker"]);
    // The same with a directory.
    site.rename("2026", "archive-2026");
    symlink("archive-2026", site.articles().join("2026")).unwrap();
    eventually("it has moved again", || site.appears("A").url.ends_with("/archive-2026/a"));
    assert_eq!(site.appears("A").id, before.id);
    site.settles(&["A", "B", "Marker"]);
}
