//! `/sitemap.xml`, by version 0.9 of the protocol at sitemaps.org.

use askama::Template;

use crate::base::{Timestamp, time};

/// "no more than 50,000 URLs".
const MAX_URLS: usize = 50_000;

/// "no larger than 50MB (52,428,800 bytes)".
const MAX_BYTES: usize = 52_428_800;

/// "less than 2,048 characters": a longer URL is left out.
const MAX_URL_CHARACTERS: usize = 2_047;

/// More than what one URL costs beside its own text, and more than the frame around all of them.
const OVERHEAD_BYTES: usize = 128;

#[derive(Template)]
#[template(path = "sitemap.xml")]
struct View<'a> {
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    loc: &'a str,
    lastmod: String,
}

/// The sitemap of absolute, percent-encoded URLs with the moments they last changed, most important
/// first: what is beyond the protocol's limits (50,000 URLs, 50 MiB) is left out from the end.
pub fn sitemap(urls: &[(String, Timestamp)]) -> String {
    let mut entries = Vec::new();
    let mut bytes = OVERHEAD_BYTES;
    for (url, at) in urls {
        if url.chars().count() > MAX_URL_CHARACTERS {
            continue;
        }
        bytes += escaped_bytes(url) + OVERHEAD_BYTES;
        if entries.len() == MAX_URLS || bytes > MAX_BYTES {
            break;
        }
        entries.push(Entry { loc: url, lastmod: time::rfc3339(time::whole_second(*at)) });
    }
    super::render(&View { entries })
}

/// No less than the length of the URL once escaped: each of the five characters becomes a reference
/// of five.
fn escaped_bytes(url: &str) -> usize {
    url.len() + 4 * url.matches(['&', '<', '>', '"', '\'']).count()
}

#[cfg(test)]
mod tests {
    use super::super::sample::at;
    use super::*;

    #[test]
    fn the_form() {
        assert_eq!(
            sitemap(&[
                ("https://example.org/".into(), at("2026-11-24T09:00:00.5Z")),
                ("https://example.org/a&b<c".into(), at("2025-01-02T03:04:05Z")),
            ]),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n\
             <url><loc>https://example.org/</loc><lastmod>2026-11-24T09:00:00Z</lastmod></url>\n\
             <url><loc>https://example.org/a&#38;b&#60;c</loc><lastmod>2025-01-02T03:04:05Z</lastmod></url>\n\
             </urlset>"
        );
        assert!(sitemap(&[]).ends_with("0.9\">\n</urlset>"));
    }

    #[test]
    fn the_limits_of_the_protocol() {
        let now = at("2026-11-24T09:00:00Z");
        let urls =
            |path: &str, count: usize| vec![(format!("https://example.org/{path}"), now); count];
        let count = |urls: &[(String, Timestamp)]| sitemap(urls).matches("<url>").count();
        assert_eq!(count(&urls("a", MAX_URLS + 1)), MAX_URLS);
        assert_eq!(count(&urls(&"a".repeat(2_028), 1)), 0);
        assert_eq!(count(&urls(&"a".repeat(2_027), 1)), 1);
        let large = sitemap(&urls(&"a".repeat(2_000), MAX_URLS));
        assert!(large.len() <= MAX_BYTES && large.len() > MAX_BYTES / 10 * 9, "{}", large.len());
    }
}
