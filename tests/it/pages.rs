//! The lists that pages show: what is on each, and where it leads.

use std::fs;

use super::fixture::{Response, Site, eventually};

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
fn the_page_of_a_feed_shows_what_the_feed_has() {
    let mut site = Site::new("");
    for (name, line) in [("a", ""), ("b", "feed: false\n"), ("c", "feed_only: true\n")] {
        site.write(&format!("{name}.md"), format!("---\ntitle: Title {name}\n{line}---\nwords\n"));
    }
    site.start();
    eventually("they are public", || site.get("/feed.json").text().contains("Title c"));
    let page = site.get_with("/feed.json", "Sec-Fetch-Dest: document\r\nAccept: text/html\r\n");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let shown = ["a", "b", "c"].map(|name| page.text().contains(&format!("Title {name}")));
    assert_eq!(shown, [true, false, true]);
    let home = site.get("/").text();
    let shown = ["a", "b", "c"].map(|name| home.contains(&format!("Title {name}")));
    assert_eq!(shown, [true, true, false]);
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
        ("/archive/2025-03/", 30, Some("/archive/2025-03/2/"), Some("/archive/2025-05/")),
        ("/archive/2025-03/2/", 30, Some("/archive/2025-03/3/"), Some("/archive/2025-03/")),
        ("/archive/2025-03/3/", 1, Some("/archive/2024-12/"), Some("/archive/2025-03/2/")),
        ("/archive/2024-12/", 1, None, Some("/archive/2025-03/")),
    ] {
        let page = site.get(path);
        assert_eq!(page.status, 200, "{path}");
        let html = page.text();
        assert_eq!(rows(&html), count, "{path}");
        assert_eq!(links(&html, "prev"), Vec::from_iter(older), "{path}");
        assert_eq!(links(&html, "next"), Vec::from_iter(newer), "{path}");
    }
    for path in ["/archive/2025-03/4/", "/archive/2025-03/0/", "/archive/2025-04/"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    let home = site.get("/").text();
    assert_eq!(rows(&home), 30);
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

#[test]
fn lists_that_outgrow_a_page_go_on() {
    let mut site = Site::new("");
    for n in 0..61 {
        let date = format!("2025-03-{:02}", n % 28 + 1);
        let text =
            format!("---\ntitle: N {n}\ndate: {date}\ntags: [river]\n---\nSeen on day {n}.\n");
        site.write(&format!("notes/{n}.md"), text);
    }
    // A directory may be called so, and has its own URL.
    article(&site, "page/2/deep.md", "2024-01-01");
    site.start();
    eventually("every article is public", || site.get("/notes/").text().contains("61 articles"));
    for (first, later, pages) in [
        ("/", "/archive/page/", 3),
        ("/notes/", "/archive/notes/page/", 3),
        ("/tags/river/", "/tags/river/page/", 3),
    ] {
        let url =
            |page: usize| if page == 1 { first.to_owned() } else { format!("{later}{page}/") };
        let mut seen = 0;
        for page in 1..=pages {
            let html = site.get(&url(page)).text();
            seen += rows(&html);
            assert!(html.contains(&format!("page {page} of {pages}")), "{first} {page}");
            assert_eq!(html.contains("noindex"), page > 1, "{first} {page}");
            let canonical =
                format!("<link rel=\"canonical\" href=\"http://test.example{}\">", url(page));
            assert!(html.contains(&canonical), "{canonical} in {html}");
            let newer = (page > 1).then(|| url(page - 1));
            let older = (page < pages).then(|| url(page + 1));
            assert_eq!(links(&html, "prev"), Vec::from_iter(newer), "{first} {page}");
            assert_eq!(links(&html, "next"), Vec::from_iter(older), "{first} {page}");
            // Also those of articles that are in no feed.
            assert!(html.contains("<p class=\"p-summary\">Seen on day "), "{first} {page}");
        }
        assert_eq!(seen, if first == "/" { 62 } else { 61 });
        assert_eq!(site.get(&url(pages + 1)).status, 404);
        let bare = site.get(url(2).trim_end_matches('/'));
        assert_eq!((bare.status, bare.header("location")), (301, Some(url(2).as_str())));
    }
    assert!(site.get("/page/2/").text().contains("1 article "));
    assert_eq!(site.get("/archive/NOTES/page/2/").status, 301);
    assert_eq!(site.get("/archive/tags/river/page/2/").status, 404);
}

#[test]
fn a_home_page_may_list_titles_by_year() {
    let site = Site::started("pages.home = \"list\"");
    article(&site, "new.md", "2025-03-02");
    article(&site, "old.md", "2024-12-31");
    site.drop_in("note.md", "---\ntitle: \"\"\ndate: 2024-12-30\n---\nSaw a heron.\n");
    let mut home = String::new();
    eventually("all are listed", || {
        home = site.get("/").text();
        rows(&home) == 3
    });
    let places =
        ["2025</h2>", "2 March", "2024</h2>", "31 December", ">old.md</a>", ">Saw a heron.</a>"];
    let places =
        places.map(|part| home.find(part).unwrap_or_else(|| panic!("no {part} in {home}")));
    assert!(places.is_sorted(), "{places:?}");
    // Lists elsewhere stay as they are.
    assert!(site.get("/archive/2025-03/").text().contains("class=\"list\""));
}

fn is_policy_strict(page: &Response) -> bool {
    let policy = page.header("content-security-policy").unwrap();
    policy.starts_with("default-src 'none'; style-src ") && !policy.contains("unsafe")
}

#[test]
fn menu_footer_and_stylesheet_are_on_every_page() {
    let menu = "pages.menu = [{ title = \"About <me>\", url = \"/about\" }, { title = \"News\", url = \"/news/\" }, \
        { title = \"Elsewhere\", url = \"https://social.example/@ada\", rel = \"me\" }]";
    let footer =
        "pages.footer = \"© <b>Ada</b>, [CC](https://cc.example/by) · [Imprint](/imprint)\"";
    let settings = format!(
        "site.url = \"http://test.example/blog/\"\n{menu}\n{footer}\npages.stylesheet = \"site.css\""
    );
    let mut site = Site::new(&settings);
    fs::write(site.dir.path().join("site.css"), "h1 { color: green }").unwrap();
    site.write("about.md", "---\ntitle: About\nunlisted: true\n---\nI am Ada.\n");
    article(&site, "news/a.md", "2025-03-02");
    site.start();
    eventually("it is public", || site.get("/blog/news/a").status == 200);
    let paths = ["/", "/about", "/news/", "/news/a", "/archive/2025-03/", "/nope"];
    let browser = "Sec-Fetch-Dest: document\r\nAccept: text/html\r\n";
    let mut pages = vec![site.get_with("/blog/atom.xml", browser)];
    pages.extend(paths.map(|path| site.get(&format!("/blog{path}"))));
    let mut stylesheets = Vec::new();
    for page in &pages {
        let html = page.text();
        for part in [
            "<a dir=\"auto\" href=\"http://test.example/blog/about\"",
            "About &#60;me&#62;</a>",
            "href=\"https://social.example/@ada\" rel=\"me\">Elsewhere</a>",
            "© &#60;b&#62;Ada&#60;/b&#62;, <a href=\"https://cc.example/by\">CC</a> · \
             <a href=\"http://test.example/blog/imprint\">Imprint</a></p>",
        ] {
            assert!(html.contains(part), "no {part} in\n{html}");
        }
        assert!(is_policy_strict(page));
        let (_, rest) = html.split_once("<link rel=\"stylesheet\" href=\"").unwrap();
        stylesheets.push(rest.split_once('"').unwrap().0.to_owned());
    }
    stylesheets.dedup();
    let [stylesheet] = &stylesheets[..] else { panic!("{stylesheets:?}") };
    let css = site.get(stylesheet);
    assert_eq!((css.status, css.text().as_str()), (200, "h1 { color: green }"));
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(css.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(site.head(stylesheet), 200);
    // Where one is.
    for (path, marked) in [
        ("/about", "about\" aria-current=\"page\""),
        ("/news/", "news/\" aria-current=\"page\""),
        ("/news/a", "news/\" aria-current=\"true\""),
    ] {
        let html = site.get(&format!("/blog{path}")).text();
        assert!(
            html.contains(marked) && html.matches(" aria-current=").count() == 1,
            "{path}: {html}"
        );
    }
    // Another content has another name, and pages that were sent before lead to it.
    fs::write(site.dir.path().join("site.css"), "h1 { color: blue }").unwrap();
    site.hang_up();
    eventually("the stylesheet is replaced", || !site.get("/blog/").text().contains(stylesheet));
    let old = site.get(stylesheet);
    assert_eq!(old.status, 302);
    let new = old.header("location").unwrap().to_owned();
    assert!(new != *stylesheet && site.get("/blog/").text().contains(&new), "{new}");
    assert_eq!(site.get(&new).text(), "h1 { color: blue }");
    // Without one, there is none, and pages let in none.
    site.configure("site.url = \"http://test.example/blog/\"");
    site.hang_up();
    eventually("the menu is gone", || !site.get("/blog/").text().contains("aria-label=\"Menu\""));
    assert_eq!(site.get(&new).status, 404);
    let home = site.get("/blog/");
    assert!(!home.header("content-security-policy").unwrap().contains("'self'"));
}

#[test]
fn a_missing_stylesheet_and_a_dangerous_link_prevent_the_start() {
    let site =
        Site::new("pages.stylesheet = \"missing.css\"\npages.footer = \"[x](javascript:alert)\"");
    let output = site.command(&["check"]).output().unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("missing.css, which does not exist"), "{text}");
    assert!(text.contains("must not be a link with the scheme `javascript`"), "{text}");
    assert_eq!(output.status.code(), Some(2), "{text}");
}

#[test]
fn check_warns_of_links_to_nothing() {
    let menu = "pages.menu = [{ title = \"A\", url = \"/about#x\" }, { title = \"B\", url = \"/nothing\" }, \
        { title = \"C\", url = \"/fonts/a.woff2\" }, { title = \"D\", url = \"/\" }, { title = \"E\", url = \"/old\" }]";
    let redirect = "redirect = [{ from = \"/old\", to = \"/about\" }]";
    let site = Site::new(&format!("{redirect}\n{menu}\npages.footer = \"[x](/nowhere)\""));
    article(&site, "about.md", "2025-03-02");
    site.write("static/fonts/a.woff2", "x");
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let leads: Vec<&str> = text.lines().filter(|line| line.contains("a link leads to")).collect();
    assert_eq!(leads.len(), 2, "{text}");
    assert!(leads[0].contains("/nothing") && leads[1].contains("/nowhere"), "{text}");
}

#[test]
fn the_text_of_a_section_file_is_at_the_head_of_its_list() {
    let mut site = Site::new("");
    site.write("_index.md", "---\ntitle: Welcome\n---\nThis is **where** I [write](about.md).\n");
    site.write("news/_index.md", "All the news <script>x</script>.\n");
    article(&site, "about.md", "2025-03-01");
    article(&site, "news/a.md", "2025-03-02");
    site.start();
    let has = |path: &str, part: &str| site.get(path).text().contains(part);
    eventually("both are public", || has("/", ">about.md</a>") && has("/news/", ">news/a.md</a>"));
    let home = site.get("/").text();
    for part in [
        "<title>Welcome – Test</title>",
        "Welcome</a></h1>",
        "<p>This is <strong>where</strong> I <a href=\"http://test.example/about\">write</a>.</p>",
    ] {
        assert!(home.contains(part), "no {part} in\n{home}");
    }
    let news = site.get("/news/").text();
    assert!(news.contains("<p>All the news") && !news.contains("<script"), "{news}");
    // Without a title of its own, a directory is called by its name.
    assert!(news.contains(">news</a></h1>"), "{news}");
    assert_eq!(site.titles().len(), 2, "a section file is no article");
    // An edit of the text alone.
    site.drop_in("_index.md", "---\ntitle: Welcome\n---\nThis is new.\n");
    eventually("the edit is shown", || has("/", "<p>This is new.</p>"));
    site.drop_in("_index.md", "---\ntitle: Welcome\ndraft: true\n---\nThis is a draft.\n");
    eventually("a draft is not shown", || !has("/", "class=\"intro\""));
    site.drop_in("_index.md", "This is back.\n");
    eventually("it is back", || has("/", "<p>This is back.</p>") && has("/", ">Test</a></h1>"));
    site.remove("_index.md");
    eventually("it is gone", || !has("/", "class=\"intro\""));
    // An article may take its place, and is not listed twice.
    site.drop_in("index.md", "# The root\n\nIts words.\n");
    eventually("it is shown", || has("/", "<div class=\"intro\">\n<p>Its words.</p>"));
    assert_eq!(rows(&site.get("/").text()), 2);
    site.stop();
    site.configure("pages.intro = false");
    site.start();
    eventually("the article is listed", || rows(&site.get("/").text()) == 3);
    assert!(!site.get("/").text().contains("class=\"intro\""));
}

#[test]
fn an_article_describes_itself_to_programs() {
    let site = Site::started("");
    site.drop_in(
        "a.md",
        "---\ntitle: A \"</script>\" & B\ndate: 2025-03-02\ntags: [x]\nimage: https://img.example/a.png\n---\nwords\n",
    );
    eventually("it is public", || site.get("/a").status == 200);
    let page = site.get("/a");
    let html = page.text();
    let (_, rest) = html.split_once("<script type=\"application/ld+json\">").unwrap();
    let (json, rest) = rest.split_once("</script>").unwrap();
    assert!(!rest.contains("<script"));
    let data: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(data["@type"], "BlogPosting");
    assert_eq!(data["headline"], "A \"</script>\" & B");
    assert_eq!(data["url"], "http://test.example/a");
    assert_eq!(data["datePublished"], "2025-03-02T00:00:00Z");
    assert_eq!(data["image"], "https://img.example/a.png");
    assert!(is_policy_strict(&page));
}

#[test]
fn a_404_page_of_ones_own_is_small() {
    let site = Site::started("");
    site.drop_in("static/404.html", "<h1>Lost?</h1>");
    eventually("it is used", || site.get("/nope/at/all").text() == "<h1>Lost?</h1>");
    assert_eq!((site.get("/nope").status, site.head("/nope")), (404, 404));
    site.drop_in("static/404.html", vec![b' '; (1 << 20) + 1]);
    eventually("it is too large", || site.get("/nope").text().contains("Page not found."));
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("static/404.html: warning: is not used, since it is larger than"),
        "{text}"
    );
}
