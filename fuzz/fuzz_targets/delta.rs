//! The delta between any two versions of a feed is a feed of the new and changed entries, and of nothing else.

#![no_main]

mod common;

use common::{entry, feed};
use dropfeed::testing::base::Format;
use dropfeed::testing::feed::{Entry, delta, write_checked};
use libfuzzer_sys::fuzz_target;

const ENTRIES_MAX: usize = 6;

// Three bytes say which entries are in the old version, which in the new one, and which of them were edited: a bit for
// each entry. Then the texts, parted by U+0002: title, summary and content of each entry.
fuzz_target!(|input: &[u8]| {
    for format in Format::ALL {
        any_bytes(format, input);
    }
    let Some((&[old, new, edited], texts)) = input.split_first_chunk() else { return };
    let Ok(texts) = std::str::from_utf8(texts) else { return };
    let texts: Vec<&str> = texts.split('\u{2}').take(3 * ENTRIES_MAX).collect();
    let (Ok(before), Ok(after)) =
        (write_checked(version(&texts, old, 0)), write_checked(version(&texts, new, edited)))
    else {
        return;
    };
    for (n, format) in Format::ALL.into_iter().enumerate() {
        check(format, &before.documents[n], &after.documents[n], edited);
    }
});

/// The slices of any bytes lie in them, one after the other.
fn any_bytes(format: Format, bytes: &[u8]) {
    let Some(slices) = delta::slices(format, bytes) else { return };
    let mut end = 0;
    for slice in &slices {
        assert!(end <= slice.range.start && slice.range.start < slice.range.end && slice.range.end <= bytes.len());
        end = slice.range.end;
    }
    delta::without(bytes, &slices, &[]);
}

fn version(texts: &[&str], present: u8, edited: u8) -> dropfeed::testing::feed::Feed {
    let mut entries: Vec<Entry> = Vec::new();
    for (n, texts) in texts.chunks(3).enumerate() {
        if present >> n & 1 == 1 {
            let mut entry = entry(n, texts);
            if edited >> n & 1 == 1 {
                entry.html.push_str("<p>edited</p>");
            }
            entries.push(entry);
        }
    }
    feed("t".to_owned(), entries)
}

fn check(format: Format, before: &[u8], after: &[u8], edited: u8) {
    let known: Vec<u64> = delta::slices(format, before).expect("it was written").iter().map(|slice| slice.digest).collect();
    let slices = delta::slices(format, after).expect("it was written");
    if !slices.is_empty() {
        assert_eq!(delta::without(after, &slices, &[]).as_deref(), Some(after), "all of its entries are the feed");
    }
    let old = ids(before);
    let mut expected = ids(after);
    expected.retain(|id| !old.contains(id) || edited >> number(id) & 1 == 1);
    match delta::without(after, &slices, &known) {
        Some(bytes) => assert_eq!(ids(&bytes), expected),
        None => assert!(expected.is_empty(), "{expected:?} is missing"),
    }
}

/// The ids of a feed's entries, as a parser reads them that is not ours.
fn ids(bytes: &[u8]) -> Vec<String> {
    let feed = feed_rs::parser::parse(bytes).expect("it is a feed");
    feed.entries.into_iter().map(|entry| entry.id).collect()
}

/// The number of an entry, which is the end of its id.
fn number(id: &str) -> usize {
    id.rsplit(':').next().and_then(|n| n.parse().ok()).expect("an id of common::entry")
}
