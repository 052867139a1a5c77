//! A feed of any texts, for the targets that read feeds back.

use dropfeed::testing::base::{Format, Scope, Timestamp};
use dropfeed::testing::feed::{Entry, Feed};

fn at(hour: usize) -> Timestamp {
    Timestamp::from_second(1_795_867_200 + 3600 * hour as i64).unwrap_or_default()
}

/// An entry with these texts: title, summary and content.
pub fn entry(n: usize, texts: &[&str]) -> Entry {
    let text = |n: usize| texts.get(n).copied().unwrap_or_default().to_owned();
    Entry {
        id: format!("tag:example.org,2026:{n}"),
        atom_id: format!("tag:example.org,2026:{n}"),
        url: format!("https://example.org/{n}"),
        title: text(0),
        summary: text(1),
        html: text(2),
        published: at(n),
        updated: at(n),
        authors: Vec::new(),
        tags: Vec::new(),
        external_url: None,
        language: None,
        image: None,
        imported: None,
        local: None,
    }
}

/// A feed of these entries.
pub fn feed(title: String, entries: Vec<Entry>) -> Feed {
    Feed {
        scope: Scope::Site,
        site_id: None,
        id: "urn:uuid:00000000-0000-5000-8000-000000000000".to_owned(),
        title,
        description: "A feed.".to_owned(),
        language: "en".to_owned(),
        home_url: "https://example.org/".to_owned(),
        self_urls: Format::ALL.map(|format| format!("https://example.org/{}", format.file_name())),
        hubs: vec!["https://hub.example/".to_owned()],
        cloud: None,
        updated: at(0),
        author: Default::default(),
        icon: None,
        ttl_minutes: 15,
        full: true,
        paging: Default::default(),
        imported_id: None,
        entries: entries.into_iter().map(Into::into).collect(),
    }
}
