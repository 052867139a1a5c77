//! The samples that the tests of this folder share: a site, a channel, articles, and feeds with the
//! nastiest text there is.
//!
//! `UPDATE_GOLDEN=1 cargo test --lib the_whole_document` writes the expected documents,
//! `src/feed/sample.*`, as they are now; whether the difference is meant, a person decides.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use url::Url;

use crate::article::{Head, Person};
use crate::base::{Digest, Format, RelPath, Scope, Timestamp, UrlPath};
use crate::config::{Content, Feeds, Site};
use crate::library::{Article, Channel, Seq};

use super::paging::Archived;
use super::{Entry, Feed, Paging, SharedEntry};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn site() -> Site {
    Site {
        feed_paths: Default::default(),
        id: "example.org".to_owned(),
        title: "The Site".to_owned(),
        url: Url::parse("https://example.org/blog/").unwrap(),
        description: "About things & <stuff>.".to_owned(),
        language: "en".to_owned(),
        author: "Ada Lovelace".to_owned(),
        timezone: TimeZone::UTC,
        hubs: Vec::new(),
        own_hub: false,
        rsscloud: false,
        elsewhere: None,
    }
}

pub(super) fn feeds() -> Feeds {
    Feeds {
        dir: PathBuf::from("feeds"),
        limit: 30,
        max_bytes: 512 * 1024,
        content: Content::Full,
        advertise: Format::Atom,
        paths: Default::default(),
    }
}

pub(super) fn channel(name: &str) -> Channel {
    Channel {
        title: None,
        description: None,
        name: name.to_owned(),
        version: Digest::of(b""),
        watermark: at("2026-11-01T00:00:00Z"),
        modified: at("2026-11-01T00:00:00Z"),
        count: 0,
        pages: 0,
        archived_to: 0,
        feed_id: None,
    }
}

pub(super) fn head(title: &str) -> Head {
    Head { title: title.to_owned(), ..Head::default() }
}

/// The article with number `seq`, published `seq` hours into a day.
pub(super) fn article(seq: Seq, path: &str) -> Article {
    let path = RelPath::new(path).unwrap();
    let published = at("2026-11-20T00:30:00Z") + std::time::Duration::from_secs(3600 * seq);
    Article {
        seq,
        id: format!("urn:uuid:00000000-0000-5000-8000-{seq:012}"),
        url: UrlPath::of_names(path.without_extension().split('/')).unwrap(),
        head: Arc::new(head(path.stem())),
        path,
        published,
        updated: published,
        digest: Digest::of(b""),
        imported: None,
    }
}

/// Two entries: one with everything, one with little.
pub(super) fn feed() -> Feed {
    let person = |name: &str| Person { name: name.to_owned(), ..Person::default() };
    let rich = Entry {
        id: "urn:uuid:6ba7b810-9dad-51d1-80b4-00c04fd430c8".to_owned(),
        imported: None,
        local: None,
        atom_id: "urn:uuid:6ba7b810-9dad-51d1-80b4-00c04fd430c8".to_owned(),
        url: "https://example.org/blog/news/hello-world".to_owned(),
        title: "Hello <b>world</b> & more".to_owned(),
        summary: "Tom & \"Jerry\" say 1 < 2.".to_owned(),
        html: "<p>Tom &amp; Jerry ]]&gt; ]]> 🎉</p>\n<p>שלום</p>".to_owned(),
        published: at("2026-11-20T09:30:00Z"),
        updated: at("2026-11-21T10:00:00.123456Z"),
        authors: vec![
            Person {
                name: "Ada".to_owned(),
                email: Some("ada@example.org".to_owned()),
                url: Some("https://example.org/ada?a=1&b=2".to_owned()),
            },
            person("Grace"),
        ],
        tags: vec!["C & C++".to_owned(), "rust".to_owned()],
        external_url: Some("https://example.com/?a=1&b=2".to_owned()),
        language: Some("de".to_owned()),
        image: Some("https://example.org/blog/img/cat.png?a=1&b=2".to_owned()),
    };
    let plain = Entry {
        id: "not an IRI".to_owned(),
        imported: None,
        local: None,
        atom_id: "urn:uuid:1b671a64-40d5-591e-99b0-da01ff1f3341".to_owned(),
        url: "https://example.org/blog/plain".to_owned(),
        title: "Plain".to_owned(),
        summary: String::new(),
        html: "<p><img src=\"https://example.org/blog/a.png\" alt=\"\"></p>".to_owned(),
        published: at("2026-11-19T08:00:00Z"),
        updated: at("2026-11-19T08:00:00.000007Z"),
        authors: Vec::new(),
        tags: Vec::new(),
        external_url: None,
        language: None,
        image: None,
    };
    Feed {
        scope: Scope::Site,
        imported_id: None,
        site_id: None,
        id: "urn:uuid:00000000-0000-5000-8000-000000000000".to_owned(),
        title: "The Site".to_owned(),
        description: "About things & <stuff>.".to_owned(),
        language: "en".to_owned(),
        home_url: "https://example.org/blog/".to_owned(),
        self_urls: Format::ALL
            .map(|format| format!("https://example.org/blog/{}", format.file_name())),
        hubs: Vec::new(),
        cloud: None,
        paging: Paging::default(),
        updated: at("2026-11-21T10:00:00.123456Z"),
        author: person("Ada Lovelace"),
        icon: None,
        ttl_minutes: 15,
        full: true,
        entries: vec![rich.into(), plain.into()],
    }
}

/// The second page of an archive, with the same entries.
pub(super) fn archive_page() -> Feed {
    let urls = |path: &str| {
        Format::ALL.map(|format| format!("https://example.org/blog/{path}{}", format.file_name()))
    };
    Feed {
        self_urls: urls("archive/2/"),
        paging: Paging {
            previous: Some(urls("archive/1/")),
            archived: Some(Archived { current: urls(""), next: urls("archive/3/") }),
        },
        ..feed()
    }
}

/// Checks a document against the file `src/feed/{name}`, or writes that file where `UPDATE_GOLDEN`
/// is set.
pub(super) fn check_golden(name: &str, written: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/feed").join(name);
    let written = std::str::from_utf8(written).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{written}\n")).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(&path).unwrap().trim_end(), "{name}");
}

/// Text of everything that ever broke a feed.
pub(super) fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<b>"),
        Just("</b>"),
        Just("&amp;"),
        Just("&amp;lt;"),
        Just("&"),
        Just("]]>"),
        Just("<![CDATA["),
        Just("<content type=\"html\">"),
        Just("</content>"),
        Just("<!--"),
        Just("-->"),
        Just("<?x?>"),
        Just("\""),
        Just("'"),
        Just("🎉"),
        Just("👨‍👩‍👧"),
        Just("\u{202e}"),
        Just("שלום"),
        Just("\u{200f}"),
        Just("\u{0}"),
        Just("\u{1}"),
        Just("\u{b}"),
        Just("\u{85}"),
        Just("\u{7f}"),
        Just("\u{fffe}"),
        Just("\u{fffd}"),
        Just("\r\n"),
        Just("\r"),
        Just("\n"),
        Just("\t"),
        Just("\u{a0}"),
        Just("\u{3000}"),
        Just(" "),
        Just("\u{feff}"),
        Just("&#x3C;"),
        Just("&#0;"),
        Just("Ã©"),
        Just("word"),
        Just("\\u0000"),
        Just("\u{2028}"),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// An entry with nasty text everywhere that text can be nasty. Its ids are made unique by `n`
/// elsewhere.
pub(super) fn nasty_entry() -> impl Strategy<Value = Entry> {
    let texts = (nasty(), nasty(), nasty(), nasty(), prop::collection::vec(nasty(), 0..3));
    let rest = (
        -2_000_000_000_i64..4_000_000_000,
        0_i64..100_000_000,
        any::<[bool; 4]>(),
        0_i32..1_000_000,
    );
    (texts, rest).prop_map(
        |(
            (id, title, summary, html, tags),
            (published, later, [image, link, author, language], micros),
        )| {
            let published = Timestamp::from_second(published).unwrap();
            Entry {
                id: format!("{id} id"),
                imported: None,
                local: None,
                atom_id: String::new(),
                url: "https://example.org/blog/a".to_owned(),
                published,
                updated: Timestamp::from_microsecond(
                    published.as_microsecond() + later * 1_000_000 + i64::from(micros),
                )
                .unwrap(),
                authors: author
                    .then(|| Person {
                        name: format!("x{title}"),
                        email: Some(summary.clone()),
                        url: None,
                    })
                    .into_iter()
                    .collect(),
                external_url: link.then(|| "https://example.com/?a&amp;b=]]%3E".to_owned()),
                language: language.then(|| "fr-CA".to_owned()),
                image: image.then(|| "https://example.com/i.png?a&amp;b".to_owned()),
                title,
                summary,
                html,
                tags,
            }
        },
    )
}

/// A feed of up to five nasty entries.
pub(super) fn nasty_feed() -> impl Strategy<Value = Feed> {
    (nasty(), prop::collection::vec(nasty_entry(), 0..5)).prop_map(|(title, mut entries)| {
        for (n, entry) in entries.iter_mut().enumerate() {
            entry.id.push_str(&n.to_string());
            entry.atom_id = super::compose::atom_id("example.org", &entry.id);
            entry.url = format!("https://example.org/blog/{n}");
        }
        let updated = entries.iter().map(|entry| entry.updated).max().unwrap_or(feed().updated);
        let entries = entries.into_iter().map(SharedEntry::from).collect();
        Feed { title: format!("t{title}"), updated, entries, ..feed() }
    })
}
