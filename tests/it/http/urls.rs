//! Redirects of the configuration, and the paths of feeds.

use std::path::Path;
use std::sync::Arc;

use dropfeed::testing::config::{Config, Feeds, Site};

use super::rig::{Rig, feed_text, rig, snapshot};

const SETTINGS: &str = r#"
[site]
url = "https://example.org/blog/"
[feeds]
rss_path = "/feed/"
rss_aliases = ["/index.xml", "/?feed=rss2", "/in%20dex.php?feed=rss"]
[[redirect]]
from = "/moved"
to = "/warm"
[[redirect]]
from = "/for-now-too"
to = "https://elsewhere.example/x?y=z"
status = 302
[[redirect]]
from = "/307"
to = "/warm#part"
status = 307
[[redirect]]
from = "/308/gr%C3%BC%C3%9Fe"
to = "/grüße"
status = 308
[[redirect]]
from = "/removed"
status = 410
[[redirect]]
from = "/?p=123"
to = "/warm"
[[redirect]]
from = "/warm?page=2"
to = "/tags/rust/"
[[redirect]]
from = "/tree/*"
to = "/wood/*"
[[redirect]]
from = "/warm/*"
to = "/hidden"
[[redirect]]
from = "/felled/*"
status = 410
[[redirect]]
from = "/img/a.svg"
to = "/hidden"
[[redirect]]
from = "/old/"
to = "/hidden"
[[redirect]]
from = "/gone"
to = "/back"
[[redirect]]
from = "/news"
to = "/hidden"
[[redirect]]
from = "/archive/7/atom.xml"
to = "/atom.xml"
[[redirect]]
from = "/favicon.ico"
to = "/img/cat.png"
[[redirect]]
from = "/tags/none"
to = "/tags/rust/"
"#;

/// A server under these settings.
fn configured() -> Rig {
    let rig = rig();
    let parsed =
        Config::of(SETTINGS, Path::new("/nowhere")).unwrap_or_else(|errors| panic!("{errors}"));
    let mut snapshot = snapshot(2, "https://example.org/blog/");
    let site = Site { feed_paths: parsed.site.feed_paths, ..snapshot.config.site.clone() };
    let feeds = Feeds { paths: parsed.feeds.paths, ..snapshot.config.feeds.clone() };
    let redirects = parsed.redirects;
    snapshot.config = Arc::new(Config { site, feeds, redirects, ..(*snapshot.config).clone() });
    rig.published.publish(Arc::new(snapshot));
    rig
}

#[test]
fn redirects() {
    configured().check(&[
        (
            "GET /blog/moved",
            "301 | location: https://example.org/blog/warm | cache-control: public, max-age=900 | \
             content-type: text/html; charset=utf-8 | content-security-policy: ? | etag: - | x-content-type-options: nosniff",
        ),
        ("GET /blog/moved/", "301 | location: https://example.org/blog/warm"),
        ("GET /blog/m%6Fved?a=b&c", "301 | location: https://example.org/blog/warm?a=b&c"),
        ("GET /blog/Moved", "404"),
        // The site was at the root once.
        ("GET /moved", "301 | location: https://example.org/blog/warm"),
        ("GET /blog/for-now-too?a", "302 | location: https://elsewhere.example/x?y=z | cache-control: no-cache"),
        ("GET /blog/307?a", "307 | location: https://example.org/blog/warm?a#part | cache-control: no-cache"),
        (
            "GET /blog/308/gr%c3%bc%C3%9Fe",
            "308 | location: https://example.org/blog/gr%C3%BC%C3%9Fe | cache-control: public, max-age=900",
        ),
        ("GET /blog/removed", "410 | location: - | cache-control: public, max-age=60"),
        ("GET /blog/tree", "301 | location: https://example.org/blog/wood/"),
        ("GET /blog/tree/a%20b/c", "301 | location: https://example.org/blog/wood/a%20b/c"),
        ("GET /blog/felled/x", "410"),
        // Readers would unsubscribe.
        ("GET /blog/felled/rss.xml", "404"),
        ("GET /blog/archive/7/atom.xml", "301 | location: https://example.org/blog/atom.xml"),
        ("GET /blog/tags/none", "301 | location: https://example.org/blog/tags/rust/"),
        ("GET /blog/favicon.ico", "301 | location: https://example.org/blog/img/cat.png"),
        ("POST /blog/moved", "405"),
    ]);
}

#[test]
fn what_is_there_comes_before_a_redirect() {
    configured().check(&[
        ("GET /blog/img/a.svg", "200 | content-type: image/svg+xml"),
        ("GET /blog/old", "301 | location: /blog/warm"),
        ("GET /blog/news/", "200"),
        ("GET /blog/news", "301 | location: /blog/news/"),
        ("GET /blog/warm/index.html", "301 | location: /blog/warm"),
        ("GET /blog/warm/other", "301 | location: https://example.org/blog/hidden"),
        // What was deleted is not there.
        ("GET /blog/gone", "301 | location: https://example.org/blog/back"),
    ]);
}

#[test]
fn a_query_counts_where_a_redirect_names_it() {
    configured().check(&[
        ("GET /blog/?p=123", "301 | location: https://example.org/blog/warm"),
        ("GET /blog/?utm_source=x&p=123&y=%00", "301 | location: https://example.org/blog/warm"),
        ("GET /?p=123", "301 | location: /blog/?p=123"),
        ("GET /blog/?p=12", "200"),
        ("GET /blog/?p=123&p=124", "200"),
        ("GET /blog/?q=123", "200"),
        ("GET /blog/warm?page=2", "301 | location: https://example.org/blog/tags/rust/"),
        ("GET /blog/warm?page=3", "200"),
        ("GET /blog/rss.xml?p=123", "200"),
    ]);
}

#[test]
fn feeds_answer_at_every_path_of_theirs() {
    let rig = configured();
    let main = rig.ask("GET /blog/feed/");
    assert_eq!(main.body, feed_text("rss").as_bytes());
    let etag = main.field("etag").unwrap().to_owned();
    let whole = format!(
        "200 | content-type: application/rss+xml; charset=utf-8 | etag: {etag} | \
         access-control-allow-origin: * | cache-control: public, max-age=900, stale-if-error=86400 | location: -"
    );
    for path in [
        "/blog/feed/",
        "/blog/feed",
        "/blog/f%65ed/",
        "/blog/rss.xml",
        "/blog/index.xml",
        "/blog/index.xml/",
        "/blog/index.xml?feed=atom",
        "/blog/?feed=rss2",
        "/blog/?x=y&feed=rss2",
        "/blog/in%20dex.php?feed=rss",
    ] {
        rig.check(&[(&format!("GET {path}"), &whole), (&format!("HEAD {path}"), &whole)]);
        let same = format!("GET {path}\nIf-None-Match: {etag}");
        rig.check(&[
            (&same, "304"),
            (&format!("OPTIONS {path}"), "204 | access-control-allow-origin: *"),
        ]);
    }
    rig.check(&[
        ("GET /blog/?feed=atom", "200 | content-type: text/html; charset=utf-8"),
        ("GET /blog/in%20dex.php", "404"),
        ("GET /blog/atom.xml", "200 | content-type: application/atom+xml; charset=utf-8"),
        // The site was at the root once.
        ("GET /rss.xml", "301 | location: /blog/feed/"),
        ("GET /warm?a", "301 | location: /blog/warm?a"),
        ("GET /old", "301 | location: /blog/warm"),
        ("GET /gone", "301 | location: https://example.org/blog/back"),
        ("GET /nothing", "404"),
    ]);
    let home = rig.ask("GET /blog/");
    let link = home.field("link").unwrap();
    assert!(link.starts_with("<https://example.org/blog/atom.xml>"), "{link}");
}

#[test]
fn the_index_file_of_a_page_is_the_page() {
    rig().check(&[
        ("GET /index.html", "301 | location: /"),
        ("GET /warm/index.html?a", "301 | location: /warm?a"),
        ("GET /old/index.htm", "301 | location: /warm"),
        ("GET /news/index.html", "301 | location: /news/"),
        ("GET /gone/index.html", "404"),
        ("GET /nothing/index.html", "404"),
        ("GET /warm/index.php", "404"),
    ]);
}

#[test]
fn a_head_is_answered_like_a_get() {
    let rig = configured();
    for path in
        ["moved", "for-now-too", "removed", "?p=123", "tree/a", "felled/x", "warm/index.html"]
    {
        let (got, head) =
            (rig.ask(&format!("GET /blog/{path}")), rig.ask(&format!("HEAD /blog/{path}")));
        assert_eq!((got.status, got.lasting()), (head.status, head.lasting()), "{path}");
        assert!(got.body.starts_with(b"<!doctype html>") && got.body.len() < 8192, "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
}

#[test]
fn hostile_urls_lead_nowhere() {
    let rig = configured();
    for path in [
        "/blog/tree/..%2f..%2fetc",
        "/blog/tree/../moved",
        "/blog/tree/%2e%2e/moved",
        "/blog/tree//evil.example",
        "/blog//moved",
        "//evil.example/blog/moved",
        "/blog/tree/%00",
        "/blog/moved%00",
        "/blog/tree/%ff",
        "/blog/tree/a%2Fb",
        "/blog/moved//",
        "/blog/feed//",
        "/blog/./feed/",
    ] {
        rig.check(&[(&format!("GET {path}"), "404 | location: -")]);
    }
    // No header is split, and no other host is named.
    for (asked, location) in [
        ("/blog/tree/%0d%0aX:y", None),
        ("/blog/tree/%5c%5cevil.example", Some("https://example.org/blog/wood/%5c%5cevil.example")),
        ("/blog/tree/https:%20evil", Some("https://example.org/blog/wood/https:%20evil")),
        ("/blog/moved?//evil.example", Some("https://example.org/blog/warm?//evil.example")),
        ("/blog/moved?%0d%0aX:y", Some("https://example.org/blog/warm?%0d%0aX:y")),
    ] {
        let answer = rig.ask(&format!("GET {asked}"));
        assert_eq!(answer.field("location"), location, "{asked}");
    }
    // A long query is read once, and nothing is made of it.
    let many = "a=b&".repeat(1500);
    rig.check(&[
        (&format!("GET /blog/?{many}p=123"), "301 | location: https://example.org/blog/warm"),
        (&format!("GET /blog/?{many}"), "200"),
        (&format!("GET /blog/?{}", "%".repeat(4000)), "200"),
        (&format!("GET /blog/?{}", "p=".repeat(2000)), "200"),
    ]);
}
