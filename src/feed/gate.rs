//! A check of every feed by another parser, before it is published.
//!
//! The writers return success even for documents that no reader can open, so every document is read
//! back here: whole, or its head and new entries where the others passed before. An entry that
//! differs after reading it back is reported and left out, the other entries are published, and the
//! three formats are replaced together or not at all.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use bytes::Bytes;
use feed_rs::model;
use url::Url;

use crate::base::{Format, Timestamp};

use super::passed::{Passed, Rest};
use super::splice::Written;
use super::{Entry, Feed, xml};

/// Rounds in which a feed is written again without the entries that failed, before it counts as
/// failed itself.
const ROUNDS_MAX: usize = 3;

/// With fewer new entries than this, and fewer of all, the formats are written one after the other:
/// to wake another thread would take longer.
const PARALLEL_MIN: usize = 4;
const PIECES_MIN: usize = 200;

/// A reason why an entry, or a whole feed, is not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The id of the entry at fault; `None` if the fault concerns the feed.
    pub id: Option<String>,
    /// One sentence for a person: the format, and what differs.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "entry {id}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// A feed that passed the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The bytes in each format: RSS, Atom, JSON. All three have the same entries.
    pub documents: [Bytes; 3],
    /// The entries that had to be left out.
    pub quarantined: Vec<Rejected>,
    /// The entries that the next document of this feed need not read back.
    pub passed: Passed,
}

/// Writes the feed in all formats, without entries that readers would not get as they are.
///
/// # Errors
///
/// The findings, if no document can be trusted: the fault does not concern single entries, or no
/// entry would be left. The last good documents should then stay.
pub fn write_checked(feed: Feed) -> Result<Published, Vec<Rejected>> {
    write_checked_since(feed, &Passed::default())
}

/// Writes the same, but writes and reads back only the head and what did not pass before: a drop
/// waits for it.
///
/// # Errors
///
/// As [`write_checked`].
pub fn write_checked_since(mut feed: Feed, before: &Passed) -> Result<Published, Vec<Rejected>> {
    let mut quarantined = remove_twins(&mut feed);
    redate(&mut feed);
    let mut all = Passed::of(&feed);
    if let Some(written) = &before.written
        && let Some(rest) = before.rest(&feed, &all)
        // Otherwise, which entry is at fault is found out below.
        && let Some(written) = write_and_check_rest(written, &rest)
    {
        let documents = written.documents().clone();
        all.written = Some(written);
        return Ok(Published { documents, quarantined, passed: all });
    }
    for _ in 0..ROUNDS_MAX {
        let (documents, mut found) = write_and_check(&feed);
        if found.is_empty() {
            let documents = documents.map(|bytes| Bytes::from(bytes.into_boxed_slice()));
            all.written = Written::of(&documents, feed.entries.len());
            return Ok(Published { documents, quarantined, passed: all });
        }
        // A whole document failed. The cause may still be one entry.
        if found.iter().any(|rejected| rejected.id.is_none()) {
            let culprits = alone(&feed);
            if culprits.is_empty() {
                quarantined.extend(found);
                return Err(quarantined);
            }
            found = culprits;
        }
        let mut bad = HashSet::new();
        for rejected in &found {
            bad.extend(rejected.id.as_deref());
        }
        feed.entries.retain(|entry| !bad.contains(entry.id.as_str()));
        quarantined.extend(found);
        if feed.entries.is_empty() {
            break;
        }
        redate(&mut feed);
        all = Passed::of(&feed);
    }
    Err(quarantined)
}

/// Runs `work` for each format: in parallel, because a new article waits for it.
fn each_format<T: Send>(work: impl Fn(Format) -> T + Sync) -> [T; 3] {
    let (rss, (atom, json)) = rayon::join(
        || work(Format::Rss),
        || rayon::join(|| work(Format::Atom), || work(Format::Json)),
    );
    [rss, atom, json]
}

/// Writes the three formats and reads them back.
fn write_and_check(feed: &Feed) -> ([Vec<u8>; 3], Vec<Rejected>) {
    let [rss, atom, json] = each_format(|format| {
        let bytes = feed.write(format);
        let found = check_one(feed, format, &bytes);
        (bytes, found)
    });
    let found = [rss.1, atom.1, json.1].concat();
    ([rss.0, atom.0, json.0], once_each(feed, found))
}

/// Writes the rest of a feed and reads it back, and adds to it what was written before. `None` where
/// anything of it differs.
fn write_and_check_rest(before: &Written, rest: &Rest) -> Option<Written> {
    let write = |format| {
        let new = rest.feed.write(format);
        let is_same = check_one(&rest.feed, format, &new).is_empty();
        if is_same { before.splice(format, &new, &rest.pieces) } else { None }
    };
    let is_small = rest.feed.entries.len() < PARALLEL_MIN && rest.pieces.len() < PIECES_MIN;
    let [rss, atom, json] = if is_small { Format::ALL.map(write) } else { each_format(write) };
    Some(Written::of_spliced([rss?, atom?, json?]))
}

/// Reads a whole document back, whatever is in it.
///
/// # Errors
///
/// A sentence that says why it cannot be read.
pub fn reads_back(bytes: &[u8]) -> Result<(), String> {
    read(bytes).map(|_| ())
}

/// The differences between `written` (RSS, Atom, JSON) and `feed`; at most one for each entry.
pub fn check(feed: &Feed, written: [&[u8]; 3]) -> Vec<Rejected> {
    let mut found = Vec::new();
    for (format, bytes) in Format::ALL.into_iter().zip(written) {
        found.extend(check_one(feed, format, bytes));
    }
    once_each(feed, found)
}

fn check_one(feed: &Feed, format: Format, bytes: &[u8]) -> Vec<Rejected> {
    let mut found = Vec::new();
    match read(bytes) {
        Ok(read) => compare(feed, format, &read, &mut found),
        Err(why) => {
            found.push(Rejected { id: None, reason: format!("{}: {why}", format.file_name()) })
        }
    }
    found
}

/// The twins, and then the other findings, at most one for each entry.
fn once_each(feed: &Feed, found: Vec<Rejected>) -> Vec<Rejected> {
    let mut all: Vec<Rejected> = twins(feed).into_iter().map(|(_, twin)| twin).collect();
    all.extend(found);
    let mut named = BTreeSet::new();
    all.retain(|rejected| match &rejected.id {
        Some(id) => named.insert(id.clone()),
        None => true,
    });
    all
}

/// The entries that fail on their own, for a document that does not show which entry is at fault.
fn alone(feed: &Feed) -> Vec<Rejected> {
    let mut culprits = Vec::new();
    let mut single = Feed { entries: Vec::new(), ..feed.clone() };
    for entry in &feed.entries {
        single.entries = vec![entry.clone()];
        single.updated = entry.updated;
        let documents = Format::ALL.map(|format| single.write(format));
        let found = check(&single, documents.each_ref().map(Vec::as_slice));
        if let Some(first) = found.into_iter().next() {
            culprits.push(Rejected { id: Some(entry.id.clone()), ..first });
        }
    }
    // If all of them fail, the fault is in what they share: the feed.
    if culprits.len() == feed.entries.len() { Vec::new() } else { culprits }
}

/// Sets the feed's date to that of its newest entry. An empty feed keeps its date.
fn redate(feed: &mut Feed) {
    if let Some(newest) = feed.entries.iter().map(|entry| entry.updated).max() {
        feed.updated = newest;
    }
}

/// Removes every entry whose id an earlier one has: readers would keep one of the two by chance.
fn remove_twins(feed: &mut Feed) -> Vec<Rejected> {
    let mut rejected = Vec::new();
    // From the last to the first, so that a removal does not move the places that are still needed.
    for (place, twin) in twins(feed).into_iter().rev() {
        feed.entries.remove(place);
        rejected.push(twin);
    }
    rejected.reverse();
    rejected
}

/// The entries whose id an earlier one has, with their places in the feed, ascending.
fn twins(feed: &Feed) -> Vec<(usize, Rejected)> {
    let mut ids = HashSet::new();
    let mut twins = Vec::new();
    for (place, entry) in feed.entries.iter().enumerate() {
        // All are inserted, so that a later twin of any is found.
        let mut is_twin = false;
        for format in Format::ALL {
            is_twin |= !ids.insert((format, entry.id_in(format)));
        }
        if is_twin {
            let reason = "its id is another entry's".to_owned();
            twins.push((place, Rejected { id: Some(entry.id.clone()), reason }));
        }
    }
    twins
}

fn read(bytes: &[u8]) -> Result<model::Feed, String> {
    let text = std::str::from_utf8(bytes).map_err(|why| format!("it is not UTF-8: {why}"))?;
    if !is_xml(text) {
        return Err("it contains a character that XML 1.0 does not allow".to_owned());
    }
    feed_rs::parser::parse(bytes).map_err(|why| format!("a parser refuses it: {why}"))
}

/// Whether all characters are allowed in XML 1.0 (2.2, `Char`). Surrogates need no check, since
/// UTF-8 has none.
fn is_xml(text: &str) -> bool {
    let bytes = text.as_bytes();
    if xml::any_byte(bytes, is_forbidden_control) {
        return false;
    }
    // Both noncharacters begin with the byte EF: without it, the slower search is not needed.
    !(xml::any_byte(bytes, |byte| byte == 0xef) && text.contains(['\u{fffe}', '\u{ffff}']))
}

/// Whether XML 1.0 forbids this control character. Without short-circuits, so that the compiler
/// compares a block of bytes at once.
fn is_forbidden_control(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r')
}

/// Compares the feed with the document that was read back.
fn compare(feed: &Feed, format: Format, read: &model::Feed, found: &mut Vec<Rejected>) {
    if !same(text_of(&read.title), &xml::border(&feed.title)) {
        found.push(of_feed(format, "its title differs after reading it back"));
    }
    let is_dated = match (format, read.updated) {
        // The format has no such date.
        (Format::Json, _) => true,
        (_, None) => false,
        // RSS has no fractions of seconds.
        (Format::Rss, Some(at)) => at.timestamp() == seconds(feed.updated),
        (Format::Atom, Some(at)) => at.timestamp_micros() == feed.updated.as_microsecond(),
    };
    if !is_dated {
        found.push(of_feed(format, "its date differs after reading it back"));
    }
    let (written, came_back) = (feed.entries.len(), read.entries.len());
    if written != came_back {
        let reason = format!("{written} entries were written, but {came_back} were read back");
        found.push(of_feed(format, &reason));
        return;
    }
    for (entry, read) in feed.entries.iter().zip(&read.entries) {
        if let Some(what) = difference(entry, format, read) {
            let reason =
                format!("{}: its {what} differs after reading it back", format.file_name());
            found.push(Rejected { id: Some(entry.id.clone()), reason });
        }
    }
}

fn of_feed(format: Format, reason: &str) -> Rejected {
    Rejected { id: None, reason: format!("{}: {reason}", format.file_name()) }
}

fn text_of(read: &Option<model::Text>) -> &str {
    match read {
        Some(text) => &text.content,
        None => "",
    }
}

/// The name of the first field of an entry that differs from what was written.
fn difference(entry: &Entry, format: Format, read: &model::Entry) -> Option<&'static str> {
    let (id, title) = match format {
        Format::Atom => (xml::border(&entry.atom_id), Some(entry.name())),
        Format::Rss | Format::Json => (xml::border(entry.id_in(format)), xml::some(&entry.title)),
    };
    if !same(&read.id, &id) || id.trim().is_empty() {
        return Some("id");
    }
    if !same(text_of(&read.title), title.as_deref().unwrap_or_default()) {
        return Some("title");
    }
    if !has_link(entry, read) {
        return Some("link");
    }
    if read.published.map(|at| at.timestamp()) != Some(seconds(entry.published)) {
        return Some("date");
    }
    // RSS has a single date.
    let updated = read.updated.map(|at| at.timestamp_micros());
    if format != Format::Rss && updated != Some(entry.updated.as_microsecond()) {
        return Some("date of change");
    }
    if !has_content(entry, read) {
        return Some("content");
    }
    if read.summary.is_none() && xml::some(&entry.summary).is_some() {
        return Some("summary");
    }
    None
}

/// Whether the permalink is among the links. The parser normalises it.
fn has_link(entry: &Entry, read: &model::Entry) -> bool {
    let normal = match Url::parse(&entry.url) {
        Ok(url) => String::from(url),
        Err(_) => entry.url.clone(),
    };
    read.links.iter().any(|link| link.href == entry.url || link.href == normal)
}

/// Whether the content is complete.
fn has_content(entry: &Entry, read: &model::Entry) -> bool {
    let Some(html) = xml::some(&entry.html) else { return true };
    match &read.content {
        Some(content) => same(content.body.as_deref().unwrap_or_default(), &html),
        None => false,
    }
}

/// Whether two texts are equal, except for white space at their ends, which parsers remove.
fn same(read: &str, written: &str) -> bool {
    read.trim() == written.trim()
}

/// The whole second of an instant, as RSS has it; before 1970 too.
fn seconds(at: Timestamp) -> i64 {
    at.as_microsecond().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    fn written(feed: &Feed) -> [Vec<u8>; 3] {
        Format::ALL.map(|format| feed.write(format))
    }

    fn checked(feed: &Feed, documents: &[Vec<u8>; 3]) -> Vec<Rejected> {
        check(feed, documents.each_ref().map(Vec::as_slice))
    }

    /// The documents of the sample with `from` replaced by `to` in all of them.
    fn broken(from: &str, to: &str) -> Vec<Rejected> {
        let feed = sample::feed();
        let documents = written(&feed)
            .map(|bytes| String::from_utf8(bytes).unwrap().replace(from, to).into_bytes());
        assert_ne!(documents, written(&feed), "{from:?} is in none of them");
        checked(&feed, &documents)
    }

    #[test]
    fn what_was_written_comes_back() {
        let feed = sample::feed();
        assert_eq!(checked(&feed, &written(&feed)), []);
        let empty = Feed { entries: Vec::new(), ..feed };
        assert_eq!(checked(&empty, &written(&empty)), []);
    }

    #[test]
    fn what_differs_is_named_with_its_entry() {
        let (rich, plain) = ("urn:uuid:6ba7b810-9dad-51d1-80b4-00c04fd430c8", "not an IRI");
        for (from, to, id, reason) in [
            ("Plain", "Plane", plain, "rss.xml: its title differs after reading it back"),
            ("09:30:00", "09:30:01", rich, "rss.xml: its date differs after reading it back"),
            (
                "00.000007",
                "00.000008",
                plain,
                "atom.xml: its date of change differs after reading it back",
            ),
            ("שלום", "שלו", rich, "rss.xml: its content differs after reading it back"),
            ("blog/plain", "blog/other", plain, "rss.xml: its link differs after reading it back"),
            ("not an IRI", "an IRI", plain, "rss.xml: its id differs after reading it back"),
            (
                "urn:uuid:1b671a64",
                "urn:uuid:1b671a65",
                plain,
                "atom.xml: its id differs after reading it back",
            ),
            ("Tom ", "", rich, "rss.xml: its content differs after reading it back"),
        ] {
            let expected = Rejected { id: Some(id.to_owned()), reason: reason.to_owned() };
            assert_eq!(broken(from, to), [expected], "{from:?}");
        }
    }

    #[test]
    fn what_is_nobodys_fault_is_the_feeds() {
        for (from, to) in [
            ("The Site", "Site"),
            ("</title>", "</titel>"),
            ("</item>", "</item><item></item>"),
            ("🎉", "\u{1}"),
        ] {
            let found = broken(from, to);
            assert!(found.iter().any(|rejected| rejected.id.is_none()), "{from:?}: {found:?}");
        }
        let found = check(&sample::feed(), [b"", b"\xff", b"{}"]);
        assert_eq!(found.iter().filter(|rejected| rejected.id.is_none()).count(), 3, "{found:?}");
    }

    #[test]
    fn of_two_entries_with_one_id_the_first_stays() {
        let good = sample::feed();
        let mut feed = good.clone();
        let mut twin = good.entries[0].clone();
        twin.title = "Twin".to_owned();
        feed.entries.push(twin);
        let expected = [Rejected {
            id: Some(good.entries[0].id.clone()),
            reason: "its id is another entry's".to_owned(),
        }];
        assert!(checked(&feed, &written(&feed)).starts_with(&expected));
        let published = write_checked(feed).unwrap();
        assert_eq!(
            (published.quarantined.as_slice(), published.documents),
            (expected.as_slice(), written(&good).map(Bytes::from))
        );
    }

    #[test]
    fn a_bad_entry_is_left_out_of_all_three() {
        let mut feed = sample::feed();
        feed.entries[0].id = " \u{1}".to_owned();
        let published = write_checked(feed.clone()).unwrap();
        assert_eq!(published.quarantined.len(), 1, "{:?}", published.quarantined);
        feed.entries.remove(0);
        feed.updated = feed.entries[0].updated;
        assert_eq!(published.documents, written(&feed));
    }

    #[test]
    fn what_is_new_is_read_back_whatever_passed_before() {
        let good = sample::feed();
        let passed = write_checked(good.clone()).unwrap().passed;
        for at in [0, good.entries.len()] {
            let mut feed = good.clone();
            let mut bad = good.entries[0].clone();
            bad.id = " \u{1}".to_owned();
            bad.atom_id = "urn:uuid:00000000-0000-5000-8000-000000000000".to_owned();
            bad.imported = None;
            feed.entries.insert(at, bad);
            let published = write_checked_since(feed, &passed).unwrap();
            assert_eq!(published.quarantined.len(), 1, "{:?}", published.quarantined);
            assert_eq!(
                (&published.documents, &published.passed),
                (&written(&good).map(Bytes::from), &passed)
            );
        }
        let nameless = Feed { id: String::new(), title: "\u{1}".to_owned(), ..good };
        assert_eq!(write_checked_since(nameless.clone(), &passed), write_checked(nameless));
    }

    #[test]
    fn a_feed_whose_every_entry_fails_is_not_published() {
        let mut feed = sample::feed();
        for entry in &mut feed.entries {
            entry.id = "\u{1}".to_owned();
        }
        assert!(write_checked(feed).is_err());
        let untitled = Feed { title: "\u{1}".to_owned(), ..sample::feed() };
        assert_eq!(
            write_checked(untitled).map(|_| ()),
            Ok(()),
            "an empty title is the configuration's to refuse"
        );
    }

    proptest! {
        /// What is put together of pieces is what the writers make, through any number of changes.
        #[test]
        fn a_spliced_feed_is_a_written_feed(
            feed in sample::nasty_feed(),
            others in sample::nasty_feed(),
            picks in proptest::collection::vec(proptest::collection::vec(0_usize..8, 0..6), 1..5),
        ) {
            let mut stock = feed.entries.clone();
            stock.extend(others.entries);
            let mut passed = Passed::default();
            for pick in picks {
                let mut entries = Vec::new();
                for at in pick {
                    entries.extend(stock.get(at % stock.len().max(1)).cloned());
                }
                let mut next = Feed { entries, ..feed.clone() };
                let published = write_checked_since(next.clone(), &passed).unwrap();
                remove_twins(&mut next);
                redate(&mut next);
                prop_assert_eq!(&published.documents, &written(&next));
                passed = published.passed;
                prop_assert!(passed.written.is_some());
            }
        }

        #[test]
        fn nasty_feeds_come_back(feed in sample::nasty_feed()) {
            let documents = written(&feed);
            prop_assert_eq!(checked(&feed, &documents), []);
            for bytes in &documents {
                let text = std::str::from_utf8(bytes).unwrap();
                let passed = |c: char| crate::base::text::is_safe(c) && c != '\r';
                prop_assert!(text.chars().all(passed), "{}", text);
            }
            prop_assert_eq!(write_checked(feed).unwrap().documents, documents);
        }

        #[test]
        fn what_passed_before_changes_nothing(
            feed in sample::nasty_feed(),
            known in prop::collection::vec(any::<bool>(), 0..8),
        ) {
            let mut before = feed.clone();
            let mut known = known.into_iter();
            before.entries.retain(|_| known.next().unwrap_or(false));
            let passed = write_checked(before).map(|before| before.passed).unwrap_or_default();
            prop_assert_eq!(write_checked_since(feed.clone(), &passed), write_checked(feed));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..400) {
            let feed = sample::feed();
            let mut documents = written(&feed);
            for document in &mut documents {
                let at = at.min(document.len());
                document.splice(at..at, bytes.iter().copied());
            }
            checked(&feed, &documents);
        }
    }
}
