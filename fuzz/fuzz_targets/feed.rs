//! Any texts in a feed come back from the three formats as they went in, or their entries are left out by name.

#![no_main]

mod common;

use common::{entry, feed};
use dropfeed::testing::base::Format;
use dropfeed::testing::feed::{Entry, delta, write_checked};
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
