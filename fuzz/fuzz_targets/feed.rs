//! Any texts in a feed come back from the three formats as they went in, or their entries are left out by name.

#![no_main]

use dropfeed::testing::base::{Format, Scope, Timestamp};
use dropfeed::testing::feed::{Entry, Feed, delta, write_checked};
use libfuzzer_sys::fuzz_target;

// The texts are parted by U+0002: the feed's title, then title, summary and content of each entry.
fuzz_target!(|input: &str| {
    let mut texts = input.split('\u{2}');
    let title = texts.next().unwrap_or_default();
    let texts: Vec<&str> = texts.take(12).collect();
    let entries: Vec<Entry> = texts.chunks(3).enumerate().map(|(n, texts)| entry(n, texts)).collect();
    let count = entries.len();
    let Ok(published) = write_checked(feed(format!("t{title}"), entries)) else { return };
    let [_, atom, _] = &published.documents;
    let written = String::from_utf8_lossy(atom).matches("<entry>").count();
    assert_eq!(written + published.quarantined.len(), count, "{:?}", published.quarantined);
    for (format, bytes) in Format::ALL.into_iter().zip(&published.documents) {
        let slices = delta::slices(format, bytes).unwrap_or_default();
        assert_eq!(slices.len(), written, "each entry is one slice, whatever its texts say");
    }
});

fn at(hour: usize) -> Timestamp {
    Timestamp::from_second(1_795_867_200 + 3600 * hour as i64).unwrap_or_default()
}

fn entry(n: usize, texts: &[&str]) -> Entry {
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

fn feed(title: String, entries: Vec<Entry>) -> Feed {
    Feed {
        scope: Scope::Site,
        site_id: None,
        id: "urn:uuid:00000000-0000-5000-8000-000000000000".to_owned(),
        title,
        description: "A feed.".to_owned(),
        language: "en".to_owned(),
        home_url: "https://example.org/".to_owned(),
        self_urls: Format::ALL.map(|format| format!("https://example.org/{}", format.file_name())),
        updated: at(0),
        author: Default::default(),
        icon: None,
        ttl_minutes: 15,
        full: true,
        paging: Default::default(),
        imported_id: None,
        entries,
    }
}
