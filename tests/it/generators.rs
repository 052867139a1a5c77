//! Trees in the shape of other generators, taken over as they are: what stands in feeds and pages,
//! and what stays out.

mod syntaxes;
mod trees;

use crate::fixture::{Item, Site, eventually};

use trees::{ELEVENTY, HUGO, JEKYLL, NOTES, OBSIDIAN, PELICAN, ZOLA};

/// A tree: `== path` begins a file, and what follows up to the next is in it.
fn plant(site: &Site, tree: &str) {
    for file in tree.split("\n== ").skip(1) {
        let (path, text) = file.split_once('\n').unwrap_or((file, ""));
        site.write(path, text);
    }
}

/// The site of a tree, served, once the feed has these titles.
fn served(settings: &str, tree: &str, titles: &[&str]) -> Site {
    let mut site = Site::new(settings);
    plant(&site, tree);
    site.start();
    site.settles(titles);
    site
}

/// The entry of a title, with the place of its page and the whole of its HTML.
#[track_caller]
fn entry(site: &Site, title: &str, url: &str, html: &str) -> Item {
    let item = site.item(title).unwrap_or_else(|| panic!("{title:?} is not in the feed"));
    assert_eq!(item.url, format!("http://test.example{url}"), "{title}");
    assert_eq!(item.html.trim(), html.trim(), "{title}");
    let page = site.get(url);
    assert_eq!(page.status, 200, "{url}");
    // Pictures on pages have hints for browsers besides.
    let shown = page.text().replace(" loading=\"lazy\" decoding=\"async\"", "");
    // And code and tables can be reached with a keyboard.
    let shown =
        shown.replace(" tabindex=\"0\"", "").replace("<div class=\"wide\"><table", "<table");
    let shown = shown.replace("</table></div>", "</table>");
    assert!(shown.contains(html.trim()), "the page of {title:?} carries the same text: {shown}");
    item
}

/// Tags and authors of an entry, as the JSON feed has them.
fn names(site: &Site, title: &str) -> (String, String) {
    let feed: serde_json::Value = serde_json::from_slice(&site.get("/feed.json").body).unwrap();
    let items = feed["items"].as_array().unwrap();
    let item =
        items.iter().find(|item| item["title"] == title).unwrap_or_else(|| panic!("no {title:?}"));
    let list = |value: &serde_json::Value, name: &dyn Fn(&serde_json::Value) -> String| {
        value
            .as_array()
            .map_or_else(String::new, |list| list.iter().map(name).collect::<Vec<_>>().join("|"))
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (list(&item["tags"], &text), list(&item["authors"], &|author| text(&author["name"])))
}

#[track_caller]
fn moved(site: &Site, from: &str, to: &str) {
    let response = site.get(from);
    assert_eq!(response.status, 301, "{from}");
    let location = response.header("location").unwrap();
    assert!(location.ends_with(to), "{from} leads to {location}");
}

#[track_caller]
fn asset(site: &Site, url: &str, bytes: &str, media_type: &str) {
    // Each file is taken when it is finished: a picture may follow its article.
    eventually(&format!("{url} is served"), || site.get(url).status == 200);
    let response = site.get(url);
    assert_eq!((response.status, response.text().trim_end()), (200, bytes), "{url}");
    assert_eq!(response.header("content-type"), Some(media_type), "{url}");
}

#[track_caller]
fn nowhere(site: &Site, words: &[&str]) {
    for url in ["/feed.json", "/atom.xml", "/rss.xml", "/", "/sitemap.xml"] {
        let text = site.get(url).text();
        for word in words {
            assert!(!text.contains(word), "{url} tells of {word:?}");
        }
    }
}

#[test]
fn hugo() {
    let site = served("", HUGO, &["First post", "Second: a bundle", "Third in JSON"]);
    let first = entry(
        &site,
        "First post",
        "/posts/first",
        r#"<p>See <a href="http://test.example/posts/second">the second</a>, <a href="http://test.example/posts/second#part">its part</a> and <a href="http://test.example/posts/second">the file</a>.</p>

<pre><code class="language-go">fmt.Println("{{ . }}")
</code></pre>
<figure><img src="http://test.example/posts/second/cat.png" alt=""><figcaption>A cat</figcaption></figure>
<p><a href="https://www.youtube.com/watch?v=abc123">https://www.youtube.com/watch?v=abc123</a></p>
<p>Mind the gap.</p>"#,
    );
    assert_eq!(first.published, "2026-01-02T09:00:00Z");
    assert!(first.updated.starts_with("2026-02-03T00:00:00"), "{}", first.updated);
    assert_eq!(names(&site, "First post").0, "go|hugo|Tech");
    let second = entry(
        &site,
        "Second: a bundle",
        "/posts/second",
        r#"<h2 id="part">Part</h2>
<p><img src="http://test.example/posts/second/cat.png" alt="A cat" title="Miou">
<img src="http://test.example/posts/second/images/my%20dog.jpg" alt="A dog"></p>"#,
    );
    assert_eq!(second.published, "2026-01-03T00:00:00Z");
    assert_eq!(names(&site, "Second: a bundle").1, "Ada Lovelace");
    let third = entry(&site, "Third in JSON", "/special/place", "<p>Text of the third.</p>");
    assert_eq!(third.published, "2026-01-05T08:00:00Z");

    asset(&site, "/posts/second/cat.png", "PNG", "image/png");
    asset(&site, "/posts/second/images/my%20dog.jpg", "JPEG", "image/jpeg");
    // Hugo's own addresses, and its aliases, lead to the pages.
    for (from, to) in [
        ("/posts/first/", "/posts/first"),
        ("/posts/second/", "/posts/second"),
        ("/special/place/", "/special/place"),
        ("/old/first/", "/posts/first"),
    ] {
        moved(&site, from, to);
    }
    let section = site.get("/posts/").text();
    assert!(section.contains("All posts") && section.contains("Everything so far"), "{section}");
    nowhere(
        &site,
        &["Unfinished", "Draft words", "Planned", "Future words", "Expired", "Past words"],
    );
}

#[test]
fn zola() {
    let site = served("", ZOLA, &["First", "Other", "With a path"]);
    let first = entry(
        &site,
        "First",
        "/blog/first",
        r#"<p>Read <a href="http://test.example/blog/another-slug#part">the other</a> and <a href="http://test.example/blog/">the section</a>.</p>
<p><a href="https://www.youtube.com/watch?v=dQw4w9WgXcQ">https://www.youtube.com/watch?v=dQw4w9WgXcQ</a></p>
<blockquote>
<p>A quotation</p>
<p>— Vincent</p>
</blockquote>"#,
    );
    assert_eq!(first.published, "2026-01-02T00:00:00Z");
    assert!(first.updated.starts_with("2026-01-05T"), "{}", first.updated);
    assert_eq!(names(&site, "First"), ("rust|C++".to_owned(), "Ada|Charles".to_owned()));
    entry(
        &site,
        "Other",
        "/blog/another-slug",
        r#"<h1 id="part">Part</h1>
<p><img src="http://test.example/blog/other/cat.png" alt="cat"></p>
<pre><code class="language-rust">fn main() {}
</code></pre>"#,
    );
    entry(&site, "With a path", "/Some/Path", "<p>Yes.</p>");
    asset(&site, "/blog/other/cat.png", "PNG", "image/png");
    moved(&site, "/blog/very-old/", "/blog/another-slug");
    moved(&site, "/old.html", "/blog/another-slug");
    assert!(site.get("/blog/").text().contains("The blog"));
    assert_eq!(site.get("/tags/c-plus-plus/atom.xml").status, 200);
    assert_eq!(site.get("/authors/ada/rss.xml").status, 200);
    nowhere(&site, &["Unfinished", "Draft words", "resize_image"]);
}

#[test]
fn jekyll() {
    let settings = "articles.ignore = [\"/*.md\", \"/*.html\"]";
    let site = served(settings, JEKYLL, &["Hello, Jekyll!", "Next", "A permalink"]);
    let hello = entry(
        &site,
        "Hello, Jekyll!",
        "/hello-jekyll",
        r#"<p>See <a href="http://test.example/next">next</a> and <a href="http://test.example/next">the file</a>.</p>
<pre><code class="language-ruby">puts 'Hi'
</code></pre>
<p><img src="http://test.example/assets/a.png" alt="A">
<img src="http://test.example/assets/a.png" alt="B"></p>
<p>kept</p>"#,
    );
    assert_eq!(hello.published, "2026-01-02T09:00:00Z");
    assert!(hello.updated.starts_with("2026-01-09T"), "{}", hello.updated);
    assert_eq!(names(&site, "Hello, Jekyll!").0, "one|two|jekyll|update");
    assert_eq!(
        entry(&site, "Next", "/next", "<p>Next text.</p>").published,
        "2026-01-03T00:00:00Z"
    );
    entry(&site, "A permalink", "/2026/01/04/a-permalink.html", "<p>No title here.</p>");
    asset(&site, "/assets/a.png", "PNG", "image/png");
    nowhere(
        &site,
        &[
            "Unfinished",
            "Draft words",
            "An idea",
            "Idea words",
            "A layout",
            "clones the repository",
        ],
    );
}

#[test]
fn eleventy() {
    let site = served("", ELEVENTY, &["First in Eleventy", "Second in Eleventy"]);
    let first = entry(
        &site,
        "First in Eleventy",
        "/posts/first",
        r#"<p>See <a href="http://test.example/posts/deux">the other</a> and <a href="http://test.example/posts/deux">its address</a>.</p>
<p><img src="http://test.example/posts/cat.png" alt="A cat"></p>"#,
    );
    assert_eq!(first.published, "2026-01-02T00:00:00Z");
    assert_eq!(names(&site, "First in Eleventy").0, "post|nature");
    let second = "<pre><code class=\"language-liquid\">{{ kept }}\n</code></pre>";
    assert_eq!(
        entry(&site, "Second in Eleventy", "/posts/deux", second).published,
        "2026-01-03T00:00:00Z"
    );
    moved(&site, "/posts/deux/", "/posts/deux");
    asset(&site, "/posts/cat.png", "PNG", "image/png");
    // It has its page, for whoever knows the address.
    assert!(site.get("/posts/unlisted").text().contains("Unlisted words"));
    nowhere(
        &site,
        &["Out of all collections", "Unfinished", "Draft words", "A template", "a comment"],
    );
}

#[test]
fn pelican() {
    let zone = "site.timezone = \"Europe/Paris\"";
    let site = served(zone, PELICAN, &["My super title", "Other", "My third", "About"]);
    let first = entry(
        &site,
        "My super title",
        "/tech/my-super-post",
        r#"<p><a href="http://test.example/tech/other">Other</a>, <a href="http://test.example/pages/about#us">about</a>, <a href="http://test.example/tech/other">old</a>,
<img src="http://test.example/images/han.png" alt="Han"></p>"#,
    );
    assert_eq!(first.published, "2026-01-02T09:20:00Z");
    assert!(first.updated.starts_with("2026-01-05T18:30:00"), "{}", first.updated);
    let both = |tags: &str, authors: &str| (tags.to_owned(), authors.to_owned());
    assert_eq!(
        names(&site, "My super title"),
        both("pelican|publishing|Python", "Alexis Metaireau|Conan Doyle")
    );
    let other = r#"<p>Back to <a href="http://test.example/tech/my-super-post">the first</a>.</p>"#;
    entry(&site, "Other", "/tech/other", other);
    let third =
        r#"<p>Written in HTML, see <a href="http://test.example/tech/other">the other</a>.</p>"#;
    assert_eq!(entry(&site, "My third", "/tech/third", third).published, "2026-01-04T21:28:00Z");
    assert_eq!(
        names(&site, "My third"),
        both("thats|awesome|yeah", "Alexis Métaireau|Conan Doyle")
    );
    asset(&site, "/images/han.png", "PNG", "image/png");
    assert!(site.get("/tech/hidden").text().contains("Hidden words"));
    nowhere(&site, &["Unfinished", "Draft words", "Not in lists", "Hidden words", "Left alone"]);
}

#[test]
fn obsidian() {
    let titles = ["My First Note", "Third", "A heading", "Went for a walk"];
    let site = served("articles.ignore = [\"Templates/\"]", OBSIDIAN, &titles);
    entry(
        &site,
        "My First Note",
        "/garden/my-first-note",
        r#"<p>Links: <a href="http://test.example/second-note">Second Note</a>, <a href="http://test.example/second-note">with text</a>, <a href="http://test.example/second-note#a-heading">second note#A heading</a>, <a href="http://test.example/garden/third">Garden/Third</a> and Nowhere.</p>
<p><img src="http://test.example/Attachments/cat%20picture.png" alt="">
<img src="http://test.example/Attachments/img/cat%20picture.png" alt="The other cat">
<img src="http://test.example/Garden/late.png" alt=""></p>
<blockquote>
<p><strong>Note</strong></p>
<p>A callout.</p>
</blockquote>
<p><a href="http://test.example/second-note">Second Note</a></p>
<ul>
<li>☐ open</li>
<li>☑ done</li>
</ul>
<p>A <a href="http://test.example/second-note">Markdown link</a>.</p>"#,
    );
    let back =
        r#"<p>Back to <a href="http://test.example/garden/my-first-note">My First Note</a>.</p>"#;
    assert_eq!(entry(&site, "A heading", "/second-note", back).published, "2026-01-02T10:00:00Z");
    assert_eq!(names(&site, "A heading").0, "garden|nested/tag");
    let walk = "<p>Went for a walk. It was cold.</p>";
    assert_eq!(
        entry(&site, "Went for a walk", "/daily/2026-01-05", walk).published,
        "2026-01-05T00:00:00Z"
    );
    asset(&site, "/Attachments/cat%20picture.png", "CAT", "image/png");
    asset(&site, "/Attachments/img/cat%20picture.png", "OTHER", "image/png");
    nowhere(&site, &["of a template"]);

    // A picture that arrives after its note.
    site.drop_in("Pictures/late.png", "LATE");
    let is_found =
        || site.item("My First Note").is_some_and(|item| item.html.contains("/Pictures/late.png"));
    eventually("the embed finds its picture", is_found);
}

#[test]
fn a_folder_of_notes_under_a_path() {
    let mut site = Site::new("site.url = \"http://test.example/my/notes/\"");
    plant(&site, NOTES);
    let long = "on and ".repeat(34);
    site.write(&format!("{long}.txt"), "Long name.");
    site.write("empty.md", "");
    site.start();
    let cut = format!("On and {}", "on and ".repeat(33));
    let titles = [
        "Wir über uns",
        "🚀 launch 🎉",
        "Only emoji in the name",
        "日本語の見出し",
        "Ärger mit C++",
        "Short note, no header",
        "The road",
        "Rules",
        cut.trim_end(),
    ];
    crate::fixture::eventually("the notes are published", || {
        site.items_of("/my/notes/feed.json").len() == titles.len()
    });
    let items = site.items_of("/my/notes/feed.json");
    for title in titles {
        let item = items
            .iter()
            .find(|item| item.title == title)
            .unwrap_or_else(|| panic!("{title:?} in {items:#?}"));
        let path = item.url.strip_prefix("http://test.example").unwrap();
        assert!(path.starts_with("/my/notes/") && path.is_ascii(), "{path}");
        assert_eq!(site.get(path).status, 200, "{path}");
    }
    let html =
        |title: &str| items.iter().find(|item| item.title == title).unwrap().html.trim().to_owned();
    assert_eq!(
        html("Wir über uns"),
        "<p>Wir sind „die Firma“. Siehe <a href=\"https://example.com/a_(b)\">https://example.com/a_(b)</a>, 5 &lt; 6 &amp; 7 &gt; 3.</p>"
    );
    assert_eq!(html("The road"), "<p>The road goes on<br>\nAnd on and on</p>");
    let umlaut = "http://test.example/my/notes/%C3%BCber-uns-mehr";
    assert_eq!(html("日本語の見出し"), format!("<p>本文です。<a href=\"{umlaut}\">次</a></p>"));
    let party = items.iter().find(|item| item.title == "Only emoji in the name").unwrap();
    assert_eq!(html("Ärger mit C++"), format!("<p>Body. <a href=\"{}\">Party</a></p>", party.url));
    assert_eq!(html("Rules"), "<hr>\n<p>A rule above, not a header.</p>\n<hr>\n<p>More.</p>");

    let log = site.log().join("\n");
    for refused in [
        "broken.md:2:",
        "ambiguous.md:2:7: `date: 03/01/2026` may mean",
        "claim.md: URL /tags/x is reserved",
    ] {
        assert!(log.contains(&format!("refused: {refused}")), "{refused} in {log}");
    }
    for word in ["Broken", "Ambiguous", "Claiming"] {
        assert!(!site.get("/my/notes/atom.xml").text().contains(word));
    }
}

/// What `build` writes is what `serve` serves.
#[test]
fn a_tree_is_built_once() {
    let site = Site::new("");
    plant(&site, HUGO);
    let built = site.command(&["build"]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let feeds = site.feeds();
    for feed in ["", "posts", "tags/go", "tags/tech"] {
        for name in ["rss.xml", "atom.xml", "feed.json"] {
            assert!(feeds.join(feed).join(name).is_file(), "{feed}/{name}");
        }
    }
    let before = std::fs::read(feeds.join("atom.xml")).unwrap();
    let mut site = site;
    site.start();
    site.settles(&["First post", "Second: a bundle", "Third in JSON"]);
    assert_eq!(site.get("/atom.xml").body, before);
}
