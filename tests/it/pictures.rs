//! Pictures on pages: their size, and when they are loaded. Feeds show them as they were written.

use super::fixture::{Site, eventually};

/// The head of a PNG of this size.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0]);
    bytes
}

#[test]
fn pages_give_pictures_their_size_and_feeds_do_not() {
    let mut site = Site::new("site.url = \"https://e.org/blog/\"");
    site.write("img/first one.png", png(640, 480));
    site.write("img/second.png", png(30, 20));
    site.write("_private/third.png", png(3, 2));
    site.write("img/broken.png", "no picture");
    site.write(
        "a.md",
        "# A\n\n![1](img/first%20one.png) ![2](img/second.png) ![3](_private/third.png)\n\
         ![4](img/broken.png) ![5](img/missing.png) ![6](https://other.example/img/second.png)\n\
         <img src=\"img/second.png\" width=\"9\">\n",
    );
    site.start();
    eventually("the article is public", || site.get("/blog/a").status == 200);
    let page = site.get("/blog/a").text();
    let lazy = "loading=\"lazy\" decoding=\"async\"";
    for part in [
        "first%20one.png\" alt=\"1\" width=\"640\" height=\"480\">".to_owned(),
        format!("second.png\" alt=\"2\" width=\"30\" height=\"20\" {lazy}>"),
        format!("third.png\" alt=\"3\" width=\"3\" height=\"2\" {lazy}>"),
        format!("broken.png\" alt=\"4\" {lazy}>"),
        format!("missing.png\" alt=\"5\" {lazy}>"),
        format!("https://other.example/img/second.png\" alt=\"6\" {lazy}>"),
        format!("second.png\" width=\"9\" {lazy}>"),
    ] {
        assert!(page.contains(&part), "no {part} in\n{page}");
    }
    for feed in ["/blog/rss.xml", "/blog/atom.xml", "/blog/feed.json"] {
        let feed = site.get(feed).text();
        assert!(feed.contains("first%20one.png"), "{feed}");
        assert!(!feed.contains("640") && !feed.contains("lazy"), "{feed}");
    }
}
