//! URLs for ever: every URL that was public leads to its article, whatever becomes of its file.

use std::fs::File;
use std::time::Duration;

use super::fixture::{Response, Site, eventually};

fn words(name: &str) -> String {
    format!("# {name}\n\nThese are the words of {name}, and there are enough of them.\n")
}

/// Where a path leads, by its status: `200`, `301 /to`, `410`.
fn leads(site: &Site, path: &str) -> String {
    let Response { status, .. } = site.get(path);
    match site.get(path).header("location") {
        Some(location) => format!("{status} {location}"),
        None => status.to_string(),
    }
}

#[track_caller]
fn check(site: &Site, table: &[(&str, &str)]) {
    for (path, expected) in table {
        assert_eq!(leads(site, path), *expected, "{path}; log: {:#?}", site.log());
        assert_eq!(site.head(path).to_string(), expected[..3], "HEAD {path}");
    }
}

/// Other generators have the name itself in a tag's URL.
#[test]
fn every_spelling_of_a_tags_url_leads_to_it() {
    let site = Site::started("");
    site.drop_in("a.md", format!("---\ntags: [C++, Rust, 'C#']\n---\n{}", words("One")));
    site.settles(&["One"]);
    check(
        &site,
        &[
            ("/tags/c-plus-plus/", "200"),
            ("/tags/C++/", "301 /tags/c-plus-plus/"),
            ("/tags/c++", "301 /tags/c-plus-plus/"),
            ("/tags/c%2B%2B/rss.xml", "301 /tags/c-plus-plus/rss.xml"),
            ("/tags/C%23/", "301 /tags/c-sharp/"),
            ("/tags/RUST/atom.xml", "301 /tags/rust/atom.xml"),
            ("/tags/c/", "404"),
            ("/tags/c+/", "404"),
        ],
    );
}

#[test]
fn every_spelling_of_an_articles_url_leads_to_it() {
    let site = Site::started("");
    site.drop_in("news/2026-03-23-My Post.md", words("One"));
    site.drop_in("news/Größe.md", words("Two"));
    site.settles(&["One", "Two"]);
    let to = "301 /news/my-post";
    check(
        &site,
        &[
            ("/news/my-post", "200"),
            ("/news/my-post/", to),
            ("/news/my-post.html", to),
            ("/news/my-post/index.html", to),
            ("/News/My%20Post", to),
            ("/news/my_post?a=b", "301 /news/my-post?a=b"),
            ("/2026/03/23/my-post", to),
            ("/2026/03/23/my-post/", to),
            ("/2026/03/23/my-post.html", to),
            ("/2026/3/my-post.html", to),
            ("/2026/my-post/", to),
            ("/news/2026/03/23/my-post/", to),
            ("/news/2026/03/my-post", to),
            ("/2026/03/23/my-post/index.html", to),
            ("/2025/03/23/my-post", "404"),
            ("/other/2026/03/23/my-post", "404"),
            ("/news/gr%C3%B6%C3%9Fe", "200"),
            ("/news/GR%C3%96%C3%9FE/", "301 /news/gr%C3%B6%C3%9Fe"),
            ("/news/gro%CC%88%C3%9Fe", "301 /news/gr%C3%B6%C3%9Fe"),
            ("/news", "301 /news/"),
            ("/News/", "301 /news/"),
            ("/News/atom.xml", "301 /news/atom.xml"),
            ("/news/index.html", "301 /news/"),
            ("/index.html", "301 /"),
            ("/news/my-post%00", "404"),
            ("/news//my-post", "404"),
            ("/news/../news/my-post", "404"),
        ],
    );
}

#[test]
fn renames_moves_and_slugs_keep_every_url() {
    let mut site = Site::started("");
    site.drop_in("news/a.md", words("One"));
    site.settles(&["One"]);
    let wait = |site: &Site, url: &str| {
        eventually(url, || site.item("One").is_some_and(|item| item.url.ends_with(url)));
    };
    site.rename("news/a.md", "news/b.md");
    wait(&site, "/news/b");
    site.rename("news", "blog");
    wait(&site, "/blog/b");
    site.drop_in("blog/b.md", format!("---\nslug: c\n---\n{}", words("One")));
    wait(&site, "/blog/c");
    site.drop_in("blog/b.md", format!("---\npath: x/y\ndate: 2026-03-23\n---\n{}", words("One")));
    wait(&site, "/x/y");
    let to = "301 /x/y";
    let table = [
        ("/x/y", "200"),
        ("/news/a", to),
        ("/news/a/", to),
        ("/news/a.html", to),
        ("/news/b", to),
        ("/News/B/", to),
        ("/blog/b", to),
        ("/blog/c", to),
        ("/blog/c/index.html", to),
        ("/2026/03/23/y", to),
        // The page and the feeds of a directory stay, without articles.
        ("/news/", "200"),
        ("/news/atom.xml", "200"),
    ];
    check(&site, &table);
    assert_eq!(site.items_of("/news/feed.json"), []);
    site.stop();
    // A directory that has no articles any more may be redirected, and `site.url` may get a path.
    site.configure(
        "site.url = \"http://test.example/sub/\"\n[[redirect]]\nfrom = \"/news/*\"\nto = \"/blog/*\"",
    );
    site.start();
    let to = "301 /sub/x/y";
    check(
        &site,
        &[
            ("/sub/x/y", "200"),
            ("/sub/news/a", to),
            ("/sub/blog/c", to),
            ("/sub/news/", "301 http://test.example/sub/blog/"),
            ("/sub/news/atom.xml", "301 http://test.example/sub/blog/atom.xml"),
            ("/x/y", to),
            ("/news/a.html", to),
            ("/2026/03/23/y", to),
            ("/rss.xml", "301 /sub/rss.xml"),
            ("/", "301 /sub/"),
        ],
    );
    site.remove("blog/b.md");
    eventually("it is gone", || leads(&site, "/sub/x/y") == "410");
    check(&site, &[("/sub/news/a", "410"), ("/sub/news/a/", "410"), ("/sub/blog/c.html", "410")]);
    // Another article never gets its URL.
    site.drop_in("x/y.md", "# Another\n\nOther words, which have nothing in common with it.\n");
    assert!(site_item(&site, "Another").ends_with("/sub/x/y-2"));
    check(&site, &[("/sub/x/y", "410"), ("/sub/news/a", "410")]);
}

/// The URL of an entry of a site beneath `/sub/`, when it is there.
fn site_item(site: &Site, title: &str) -> String {
    let mut url = None;
    eventually(title, || {
        let items = site.items_of("/sub/feed.json");
        url = items.into_iter().find(|item| item.title == title).map(|item| item.url);
        url.is_some()
    });
    url.unwrap()
}

#[test]
fn aliases_lead_to_their_article_for_ever() {
    let mut site = Site::new("site.url = \"http://test.example/sub/\"");
    let aliases = "[/old/one/, 'two.html', '../three/', /gr%C3%BC%C3%9Fe.html, \
        'http://test.example/sub/four', 'https://test.example/five/?x', /b, /taken-later, Just a name, /tags/x, /feed/]";
    site.write(
        "posts/a.md",
        format!("---\naliases: {aliases}\nredirect_from: six/\n---\n{}", words("One")),
    );
    // Its URL is an alias of the other.
    site.write("b.md", words("Two"));
    for path in ["posts/a.md", "b.md"] {
        // Old enough to be read by one scan.
        let file = File::options().write(true).open(site.articles().join(path)).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - Duration::from_secs(60)).unwrap();
    }
    site.configure("site.url = \"http://test.example/sub/\"\nfeeds.rss_aliases = [\"/feed/\"]");
    site.start();
    eventually("both are there", || site.items_of("/sub/feed.json").len() == 2);
    let to = "301 /sub/posts/a";
    let table = [
        ("/sub/posts/a", "200"),
        ("/sub/old/one", to),
        ("/sub/old/one/", to),
        ("/sub/old/one.html", to),
        ("/sub/Old/One/", to),
        ("/sub/posts/two.html", to),
        ("/sub/posts/two", to),
        ("/sub/two.html", to),
        ("/sub/three/", to),
        ("/sub/gr%C3%BC%C3%9Fe.html", to),
        ("/sub/gr%C3%BC%C3%9Fe/", to),
        ("/sub/four", to),
        ("/sub/five", to),
        ("/sub/six", to),
        ("/sub/posts/six", "404"),
        ("/sub/b", "200"),
        ("/sub/just-a-name", "404"),
        ("/sub/tags/x", "404"),
        ("/sub/feed", "200"),
    ];
    check(&site, &table);
    // Aliases that leave the file stay, and what comes later does not get them.
    site.drop_in("posts/a.md", words("One"));
    site.drop_in("taken-later.md", words("Three"));
    assert!(site_item(&site, "Three").ends_with("/sub/taken-later-2"));
    check(&site, &table);
    site.stop();
    site.start();
    check(&site, &table);
    site.rename("posts/a.md", "moved.md");
    eventually("it moved", || leads(&site, "/sub/old/one") == "301 /sub/moved");
    check(&site, &[("/sub/two.html", "301 /sub/moved"), ("/sub/posts/a", "301 /sub/moved")]);
}

#[test]
fn feeds_have_their_configured_paths_everywhere() {
    let mut site = Site::started("");
    site.drop_in("news/a.md", words("One"));
    site.settles(&["One"]);
    let etag = site.get("/rss.xml").header("etag").unwrap().to_owned();
    site.configure(
        "feeds.rss_path = \"/feed/\"\nfeeds.atom_path = \"/atom.xml\"\nfeeds.json_path = \"/feed.de.json\"\n\
         feeds.advertise = \"rss\"\nfeeds.rss_aliases = [\"/index.xml\", \"/?feed=rss2\"]",
    );
    site.hang_up();
    eventually("the path is taken up", || site.get("/feed/").status == 200);
    let main = site.get("/feed/");
    assert!(
        main.text().contains("<atom:link href=\"http://test.example/feed/\" rel=\"self\""),
        "{}",
        main.text()
    );
    assert_ne!(main.header("etag"), Some(&*etag));
    for path in ["/feed", "/rss.xml", "/index.xml", "/?feed=rss2"] {
        let alias = site.get(path);
        assert_eq!((alias.status, alias.header("etag")), (200, main.header("etag")), "{path}");
        assert_eq!(alias.body, main.body, "{path}");
    }
    assert!(
        site.get("/feed.json").text().contains("\"feed_url\":\"http://test.example/feed.de.json\"")
    );
    assert!(site.get("/feeds.opml").text().contains("xmlUrl=\"http://test.example/feed/\""));
    assert!(site.get("/feeds.opml").text().contains("xmlUrl=\"http://test.example/news/rss.xml\""));
    let home = site.get("/");
    assert!(
        home.header("link").unwrap().starts_with("<http://test.example/feed/>; rel=\"alternate\"")
    );
    assert!(home.text().contains("href=\"http://test.example/feed/\""), "{}", home.text());
    // Files keep their names, and a lost state is recovered from them.
    eventually("the file is written", || {
        std::fs::read(site.feeds().join("rss.xml")).is_ok_and(|bytes| bytes == main.body)
    });
    let before = site.item("One").unwrap().id;
    site.stop();
    std::fs::remove_dir_all(site.dir.path().join(".dropfeed")).unwrap();
    site.start();
    assert_eq!(site.appears("One").id, before);
    // No article can have such a path.
    site.drop_in("feed.md", words("Two"));
    eventually("it is refused", || {
        site.log()
            .iter()
            .any(|line| line.contains("feed.md") && line.contains("URL /feed is reserved"))
    });
    assert_eq!(site.titles(), ["One"]);
}

#[test]
fn redirects_come_and_go_with_a_reload() {
    let mut site = Site::started("");
    site.drop_in("here.md", format!("---\ndate: 2026-01-01\n---\n{}", words("Here")));
    site.drop_in("there.md", words("There"));
    site.settles(&["Here", "There"]);
    check(&site, &[("/old.html", "404"), ("/2026/01/01/here", "301 /here")]);
    let redirects = "[[redirect]]\nfrom = \"/old.html\"\nto = \"/here\"\n[[redirect]]\nfrom = \"/there\"\nto = \"/\"\n\
         [[redirect]]\nfrom = \"/2026/01/01/here\"\nto = \"/elsewhere\"\n[[redirect]]\nfrom = \"/blog/*\"\nto = \"/*\"";
    site.configure(redirects);
    site.hang_up();
    eventually("it is taken up", || leads(&site, "/old.html") == "301 http://test.example/here");
    check(
        &site,
        &[
            ("/old.html?a=b", "301 http://test.example/here?a=b"),
            // The site was at `/blog/` once.
            ("/blog/here", "301 http://test.example/here"),
            ("/blog/rss.xml", "301 http://test.example/rss.xml"),
            ("/blog/", "301 http://test.example/"),
            ("/blog", "301 http://test.example/"),
            // The article is there.
            ("/there", "200"),
            ("/there/", "301 /there"),
            // It was but a guess.
            ("/2026/01/01/here", "301 http://test.example/elsewhere"),
        ],
    );
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("\"/there\" has no effect, since there.md has this URL"), "{text}");
    assert!(!text.contains("\"/old.html\""), "{text}");
    assert!(
        text.contains("\"/2026/01/01/here\" leads to /elsewhere, where there is nothing"),
        "{text}"
    );
    // A mistake keeps what was.
    site.configure("[[redirect]]\nfrom = \"/old.html\"\nto = \"/b\"\n[[redirect]]\nfrom = \"/b\"\nto = \"/old.html\"");
    site.hang_up();
    eventually("it is refused", || {
        site.log().iter().any(|line| line.contains("leads in a circle"))
    });
    check(&site, &[("/old.html", "301 http://test.example/here")]);
    site.configure("");
    site.hang_up();
    eventually("it is gone", || leads(&site, "/old.html") == "404");
}

/// A site that was at the root of its host before it got a path.
#[test]
fn redirects_apply_at_the_root_of_the_host_too() {
    let mut site = Site::new(
        "site.url = \"http://test.example/sub/\"\nfeeds.rss_aliases = [\"/old.php?feed=rss\"]\n\
         [[redirect]]\nfrom = \"/2019/old.html\"\nto = \"/one\"\n\
         [[redirect]]\nfrom = \"/old.php?p=7\"\nto = \"/one\"\n\
         [[redirect]]\nfrom = \"/shop/*\"\nto = \"https://shop.example/*\"\nstatus = 308\n\
         [[redirect]]\nfrom = \"/posts/*\"\nto = \"/*\"\n\
         [[redirect]]\nfrom = \"/two\"\nto = \"/one\"\n\
         [[redirect]]\nfrom = \"/guestbook/*\"\nstatus = 410\n\
         [[redirect]]\nfrom = \"/here\"\nto = \"http://test.example/there\"\n\
         [[redirect]]\nfrom = \"/there\"\nto = \"https://TEST.example:443/here\"\n\
         [[redirect]]\nfrom = \"/back/*\"\nto = \"http://test.example/*\"",
    );
    site.write("one.md", words("One"));
    site.write("two.md", words("Two"));
    site.write("posts/three.md", words("Three"));
    site.start();
    eventually("all are published", || site.items_of("/sub/feed.json").len() == 3);
    let one = "301 http://test.example/sub/one";
    for base in ["", "/sub"] {
        check(
            &site,
            &[
                (&format!("{base}/2019/old.html"), one),
                (&format!("{base}/2019/old.html/"), one),
                (&format!("{base}/old.php?p=7"), one),
                (&format!("{base}/old.php"), "404"),
                (&format!("{base}/posts/one"), one),
                (&format!("{base}/shop/a?b=c"), "308 https://shop.example/a?b=c"),
                (&format!("{base}/guestbook/page"), "410"),
                // Readers unsubscribe from a feed that answers 410.
                (&format!("{base}/guestbook/rss.xml"), "404"),
                (&format!("{base}/none"), "404"),
            ],
        );
    }
    check(
        &site,
        &[
            // What is there comes first.
            ("/two", "301 /sub/two"),
            ("/posts/three", "301 /sub/posts/three"),
            // Another program may be at the root of the host, and nothing goes in circles.
            ("/sub/here", "301 http://test.example/there"),
            ("/sub/there", "301 https://test.example/here"),
            ("/here", "404"),
            ("/there", "404"),
            ("/sub/back/here", "301 http://test.example/here"),
            ("/back/here", "404"),
            ("/back/sub/one", one),
        ],
    );
    site.remove("two.md");
    site.remove("posts/three.md");
    eventually("they are gone", || {
        ["/sub/two", "/sub/posts/three"].iter().all(|path| leads(&site, path) != "200")
    });
    check(&site, &[("/two", one), ("/sub/two", one)]);
    check(&site, &[("/posts/three", "404"), ("/sub/posts/three", "410")]);
}
