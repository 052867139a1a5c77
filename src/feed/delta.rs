//! The entries of a written feed as ranges of its bytes, and a shorter feed of some of them: the
//! delta encoding `feed` of RFC 3229, section 10.
//!
//! It reads what our own writers made, and nothing else: an element that begins with `<item>` or
//! `<entry>` outside of CDATA is an entry, since everything else in those documents is escaped. A
//! shorter feed is the whole one without the bytes of some entries, so that it needs no writer and
//! no gate of its own.

use std::ops::Range;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::{Digest, Format};

/// One entry of a written feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its place in the feed's bytes.
    pub range: Range<usize>,
    /// The beginning of the digest of its bytes: 64 bits, which distinguish the entries of one feed.
    pub digest: u64,
}

/// The entries of a feed that `format`'s writer made, in their order; `None` where `bytes` are not
/// such a feed.
pub fn slices(format: Format, bytes: &[u8]) -> Option<Vec<Slice>> {
    let ranges = places(format, bytes)?;
    let mut slices = Vec::with_capacity(ranges.len());
    for range in ranges {
        let digest = Digest::of(&bytes[range.clone()]).prefix();
        slices.push(Slice { range, digest });
    }
    Some(slices)
}

/// The places of those entries alone.
pub(super) fn places(format: Format, bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    match format {
        Format::Rss => elements(bytes, b"<item>", b"</item>"),
        Format::Atom => elements(bytes, b"<entry>", b"</entry>"),
        Format::Json => items(bytes),
    }
}

/// The feed without the entries whose digests are `known`; `None` where none would be left, since
/// an empty feed could not say that an entry was removed, or that the feed's title changed.
pub fn without(bytes: &[u8], slices: &[Slice], known: &[u64]) -> Option<Vec<u8>> {
    let (first, last) = (slices.first()?, slices.last()?);
    // The comma of JSON, or the white space of XML.
    let separator = match slices.get(1) {
        Some(second) => &bytes[first.range.end..second.range.start],
        None => &[],
    };
    let mut short = bytes[..first.range.start].to_vec();
    let head = short.len();
    for slice in slices {
        if known.contains(&slice.digest) {
            continue;
        }
        if short.len() > head {
            short.extend_from_slice(separator);
        }
        short.extend_from_slice(&bytes[slice.range.clone()]);
    }
    if short.len() == head {
        return None;
    }
    short.extend_from_slice(&bytes[last.range.end..]);
    Some(short)
}

/// The ranges of the elements between `open` and `close`.
fn elements(bytes: &[u8], open: &[u8], close: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut ranges = Vec::new();
    let mut start = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &bytes[at..]) {
        at += found;
        let rest = &bytes[at..];
        if rest.starts_with(b"<![CDATA[") {
            // The HTML of an article may well speak of `</item>`.
            at += memmem::find(rest, b"]]>")? + b"]]>".len();
        } else if rest.starts_with(open) {
            start = Some(at);
            at += open.len();
        } else if rest.starts_with(close) {
            at += close.len();
            ranges.push(start.take()?..at);
        } else {
            at += 1;
        }
    }
    Some(ranges)
}

/// The ranges of the items of a JSON Feed.
fn items(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    let document: Document<'_> = serde_json::from_slice(bytes).ok()?;
    let mut ranges = Vec::with_capacity(document.items.len());
    for item in document.items {
        let text = item.get();
        // The item borrows from `bytes`, so that the distance of the two is its place.
        let start = text.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
        ranges.push(start..start + text.len());
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Feed, gate, sample};
    use super::*;

    /// A feed whose articles contain the marks that the slicer looks for.
    fn feed(words: &[String]) -> Feed {
        let mut feed = sample::feed();
        let template = feed.entries[0].clone();
        feed.entries = Vec::new();
        for (n, words) in words.iter().enumerate() {
            let mut entry = template.clone();
            entry.id = format!("urn:uuid:00000000-0000-5000-8000-{n:012}");
            entry.atom_id = entry.id.clone();
            entry.url = format!("https://example.org/blog/{n}");
            entry.title = format!("{n} {words}");
            entry.summary = format!("{words} </item> <entry>");
            entry.html = format!("<p>{words} &lt;/item> &lt;![CDATA[ ]]&gt; &lt;entry></p>");
            feed.entries.push(entry);
        }
        feed
    }

    fn ids(format: Format, bytes: &[u8]) -> Vec<String> {
        if format == Format::Json {
            let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            let items = value["items"].as_array().unwrap();
            return items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        }
        let feed = feed_rs::parser::parse(bytes).unwrap();
        feed.entries.into_iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn a_feed_without_entries_has_no_delta() {
        let empty = feed(&[]);
        for format in Format::ALL {
            let bytes = empty.write(format);
            assert_eq!(slices(format, &bytes), Some(Vec::new()), "{format:?}");
            assert_eq!(without(&bytes, &[], &[]), None);
        }
    }

    #[test]
    fn what_is_not_a_feed_has_no_slices() {
        for bytes in [&b"{}"[..], b"{\"items\": [1,", b"\xff", b""] {
            assert_eq!(slices(Format::Json, bytes), None);
        }
        assert_eq!(slices(Format::Rss, b"<rss></item>"), None);
        assert_eq!(slices(Format::Rss, b"<rss><![CDATA[ never closed"), None);
    }

    #[test]
    fn a_client_that_knows_everything_gets_no_delta() {
        for format in Format::ALL {
            let bytes = feed(&["a".into(), "b".into()]).write(format);
            let slices = slices(format, &bytes).unwrap();
            let known: Vec<u64> = slices.iter().map(|slice| slice.digest).collect();
            assert_eq!(without(&bytes, &slices, &known), None, "{format:?}");
        }
    }

    #[test]
    fn an_entry_has_the_same_digest_at_any_place() {
        for format in Format::ALL {
            let mut feed = feed(&["a".into(), "b".into(), "c".into()]);
            let before = slices(format, &feed.write(format)).unwrap();
            feed.entries.remove(0);
            let after = slices(format, &feed.write(format)).unwrap();
            let digests = |slices: &[Slice]| -> Vec<u64> {
                slices.iter().map(|slice| slice.digest).collect()
            };
            assert_eq!(digests(&before)[1..], digests(&after), "{format:?}");
        }
    }

    proptest! {
        // Each case writes three feeds and reads all of them back.
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// A delta is what the gate accepts, and holds exactly the entries that the client does not
        /// know.
        #[test]
        fn a_delta_is_a_feed_of_the_unknown_entries(
            words in proptest::collection::vec("[a-z<>&\\]\\[ !\"\\\\]{1,12}", 1..8),
            pattern in any::<u8>(),
        ) {
            let written = gate::write_checked(feed(&words)).unwrap();
            for (format, bytes) in Format::ALL.into_iter().zip(&written.documents) {
                let slices = slices(format, bytes).unwrap();
                let all = ids(format, bytes);
                prop_assert_eq!(slices.len(), all.len());
                let is_known = |n: usize| pattern & (1 << n) != 0;
                let known: Vec<u64> =
                    (0..all.len()).filter(|n| is_known(*n)).map(|n| slices[n].digest).collect();
                let unknown: Vec<String> = (0..all.len())
                    .filter(|n| !is_known(*n))
                    .map(|n| all[n].clone())
                    .collect();
                let delta = without(bytes, &slices, &known);
                prop_assert_eq!(delta.is_none(), unknown.is_empty());
                if let Some(delta) = delta {
                    prop_assert_eq!(ids(format, &delta), unknown);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "(<item>|</item>|<!\\[CDATA\\[|\\]\\]>|x){0,12}") {
            for format in Format::ALL {
                slices(format, &bytes);
                if let Some(found) = slices(format, text.as_bytes()) {
                    without(text.as_bytes(), &found, &[]);
                }
            }
        }
    }
}
