//! Delta encoding of feeds (RFC 3229), as a reader that knows it would ask.

use std::io::Read as _;

use super::fixture::{Response, Site, eventually};

/// The names in a document of any format, in its order.
fn names(text: &str) -> Vec<String> {
    let found = text.match_indices("Article-").map(|(at, _)| text[at..at + 9].to_owned());
    let mut names: Vec<String> = found.collect();
    names.dedup();
    names
}

fn article(site: &Site, name: &str, more: &str) {
    let text = format!("---\ntitle: {name}\ntags: [t]\n---\n\nWords of {name}, enough. {more}\n");
    site.drop_in(&format!("{name}.md"), text);
    eventually("it is in the feed", || {
        let text = site.get("/feed.json").text();
        text.contains(name) && text.contains(more.trim())
    });
}

fn ask(site: &Site, path: &str, tag: &str, more: &str) -> Response {
    site.get_with(path, &format!("A-IM: feed\r\nIf-None-Match: {tag}\r\n{more}"))
}

#[test]
fn a_reader_gets_the_new_and_changed_entries_only() {
    let site = Site::started("");
    article(&site, "Article-A", "One");
    article(&site, "Article-B", "One");
    for path in ["/rss.xml", "/atom.xml", "/feed.json", "/tags/t/rss.xml", "/tags/t/feed.json"] {
        let name = format!("Article-{}", path.len() % 10);
        let whole = site.get(path);
        assert_eq!(whole.status, 200);
        let tag = whole.header("etag").unwrap().to_owned();
        article(&site, &name, "New");
        let now = site.get(path);
        let delta = ask(&site, path, &tag, "");
        assert_eq!(delta.status, 226, "{path}: {}", delta.head);
        assert!(delta.head.starts_with("HTTP/1.1 226 IM Used\r\n"), "{}", delta.head);
        assert_eq!(names(&delta.text()), [name.as_str()], "{path}");
        assert_eq!(delta.header("im"), Some("feed"));
        assert_eq!(delta.header("etag"), now.header("etag"));
        assert_eq!(delta.header("content-type"), now.header("content-type"));
        assert_eq!(delta.header("cache-control"), Some("no-store, im"));
        let vary = delta.header("vary").unwrap();
        assert!(vary.contains("A-IM") && vary.contains("If-None-Match"), "{vary}");
        // Whoever has the current version gets 304, whoever cannot use a delta the whole feed.
        let current = now.header("etag").unwrap().to_owned();
        assert_eq!(ask(&site, path, &current, "").status, 304, "{path}");
        assert_eq!(ask(&site, path, "\"unknown\"", "").status, 200);
        let plain = site.get_with(path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((plain.status, plain.header("im")), (200, None));
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"), "a 200 is cached for all");
        assert!(names(&plain.text()).len() > 1);
        let refused = format!("A-IM: feed;q=0\r\nIf-None-Match: {tag}\r\n");
        assert_eq!(site.get_with(path, &refused).status, 200);
        // One of several tags, a weak one, and that of a coding.
        let listed = format!("\"x\", W/{tag}");
        assert_eq!(ask(&site, path, &listed, "").status, 226);
        let coded = tag.trim_end_matches('"').to_owned() + "-gzip\"";
        assert_eq!(ask(&site, path, &coded, "").status, 226);
    }
}

#[test]
fn an_edited_entry_is_in_the_delta_and_a_removal_alone_has_none() {
    let site = Site::started("");
    for name in ["Article-A", "Article-B", "Article-C"] {
        article(&site, name, "One");
    }
    let tag = site.get("/atom.xml").header("etag").unwrap().to_owned();
    article(&site, "Article-B", "Quite another text that says something else, at some length");
    let delta = ask(&site, "/atom.xml", &tag, "");
    assert_eq!((delta.status, names(&delta.text())), (226, vec!["Article-B".to_owned()]));
    let tag = site.get("/atom.xml").header("etag").unwrap().to_owned();
    site.remove("Article-A.md");
    eventually("it is gone", || site.items().len() == 2);
    let whole = ask(&site, "/atom.xml", &tag, "");
    assert_eq!((whole.status, names(&whole.text()).len()), (200, 2));
}

#[test]
fn a_delta_is_compressed_under_the_tag_of_its_coding() {
    let site = Site::started("");
    article(&site, "Article-A", "One");
    let tag = site.get("/rss.xml").header("etag").unwrap().to_owned();
    article(&site, "Article-B", &["more and more of it"; 40].join(" "));
    let delta = ask(&site, "/rss.xml", &tag, "Accept-Encoding: gzip\r\n");
    let whole = site.get_with("/rss.xml", "Accept-Encoding: gzip\r\n");
    assert_eq!((delta.status, delta.header("content-encoding")), (226, Some("gzip")));
    assert_eq!(delta.header("etag"), whole.header("etag"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&delta.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(names(&text), ["Article-B"]);
}
