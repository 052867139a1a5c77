//! Values that the tests of the pages share: a site, an article, a channel, each as plain as it can
//! be.

use std::path::Path;
use std::sync::Arc;

use crate::article::Head;
use crate::base::{Digest, RelPath, Timestamp, UrlPath};
use crate::config::{self, Config};
use crate::library::{Article, Channel};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The configuration of the site, with more lines of TOML.
pub(super) fn config(more: &str) -> Config {
    let text = format!(
        "site.url = \"https://example.org/\"\nsite.title = \"Field Notes\"\n\
         site.description = \"What grows by the river.\"\nsite.author = \"Ada Lovelace\"\n\
         site.timezone = \"Europe/Berlin\"\n{more}"
    );
    Config::of(&text, Path::new("/srv")).unwrap()
}

pub(super) fn site() -> config::Site {
    config("").site
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
