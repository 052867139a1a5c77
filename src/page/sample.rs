//! Values that the tests of the pages share: a site, an article, a channel, each as plain as it can
//! be.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::article::Head;
use crate::base::{Digest, Format, RelPath, Timestamp, UrlPath};
use crate::config;
use crate::library::{Article, Channel};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn site() -> config::Site {
    config::Site {
        feed_paths: Default::default(),
        id: "example.org".into(),
        title: "Field Notes".into(),
        url: "https://example.org/".parse().unwrap(),
        description: "What grows by the river.".into(),
        language: "en".into(),
        author: "Ada Lovelace".into(),
        timezone: TimeZone::get("Europe/Berlin").unwrap(),
        elsewhere: None,
    }
}

pub(super) fn feeds() -> config::Feeds {
    config::Feeds {
        dir: PathBuf::from("feeds"),
        limit: 30,
        max_bytes: 512 * 1024,
        content: config::Content::Full,
        advertise: Format::Atom,
        paths: Default::default(),
    }
}

pub(super) fn head(title: &str) -> Head {
    Head { title: title.into(), ..Head::default() }
}

pub(super) fn article(url: &str, head: Head) -> Article {
    Article {
        seq: 1,
        id: format!("urn:uuid:{url}"),
        path: RelPath::new(&format!("{url}.md")).unwrap(),
        url: UrlPath::new(url).unwrap(),
        head: Arc::new(head),
        published: at("2026-11-23T23:30:00Z"),
        updated: at("2026-11-23T23:30:00Z"),
        digest: Digest::of(b""),
        imported: None,
    }
}

pub(super) fn channel(name: &str, count: usize) -> Channel {
    Channel {
        title: None,
        description: None,
        name: name.into(),
        version: Digest::of(b""),
        watermark: at("2026-11-23T23:30:00Z"),
        modified: at("2026-11-23T23:30:00Z"),
        count,
        pages: 0,
        archived_to: 0,
        feed_id: None,
    }
}
