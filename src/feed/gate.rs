//! What was written, read back by another parser before anybody sees it.
//!
//! The writers return success for documents that no reader opens; this is where that ends. An entry that does not come
//! back as it went in is named and left out, the rest goes out, and the three formats move together or not at all.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use feed_rs::model;
use url::Url;

use crate::base::{Format, Timestamp};

use super::{Entry, Feed, xml};

/// How often a feed is written again without the entries that failed, before it counts as failed itself.
const ROUNDS_MAX: usize = 3;

/// What keeps an entry, or a whole feed, from being published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The id of the entry at fault; `None` where the fault is the feed's.
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

/// A feed that came back from the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The bytes in each format: RSS, Atom, JSON. All three hold the same entries.
    pub documents: [Vec<u8>; 3],
    /// The entries that had to be left out.
    pub quarantined: Vec<Rejected>,
}

/// The feed in all formats, without the entries that no reader would get as they are.
///
/// # Errors
///
/// What was found, where no document can be trusted: the fault is not one entry's, or nothing would be left. The last
/// good documents should then stay.
pub fn write_checked(mut feed: Feed) -> Result<Published, Vec<Rejected>> {
    let mut quarantined = part_twins(&mut feed);
    redate(&mut feed);
    for _ in 0..ROUNDS_MAX {
        let (documents, mut found) = write_and_check(&feed);
        if found.is_empty() {
            return Ok(Published { documents, quarantined });
        }
        if found.iter().any(|rejected| rejected.id.is_none()) {
            let culprits = alone(&feed);
            if culprits.is_empty() {
                quarantined.extend(found);
                return Err(quarantined);
            }
            found = culprits;
        }
        let bad: HashSet<&str> = found.iter().filter_map(|rejected| rejected.id.as_deref()).collect();
        feed.entries.retain(|entry| !bad.contains(entry.id.as_str()));
        quarantined.extend(found);
        if feed.entries.is_empty() {
            break;
        }
        redate(&mut feed);
    }
    Err(quarantined)
}

/// Writes and reads the three formats side by side: it is what a drop waits for.
fn write_and_check(feed: &Feed) -> ([Vec<u8>; 3], Vec<Rejected>) {
    let one = |format: Format| {
        let bytes = feed.write(format);
        let found = check_one(feed, format, &bytes);
        (bytes, found)
    };
    let (rss, (atom, json)) =
        rayon::join(|| one(Format::Rss), || rayon::join(|| one(Format::Atom), || one(Format::Json)));
    let found = [rss.1, atom.1, json.1].concat();
    ([rss.0, atom.0, json.0], once_each(feed, found))
}

/// What of `written` (RSS, Atom, JSON) does not say what `feed` says; at most one finding for each entry.
pub fn check(feed: &Feed, written: [&[u8]; 3]) -> Vec<Rejected> {
    let found = Format::ALL.into_iter().zip(written).flat_map(|(format, bytes)| check_one(feed, format, bytes));
    once_each(feed, found.collect())
}

fn check_one(feed: &Feed, format: Format, bytes: &[u8]) -> Vec<Rejected> {
    let mut found = Vec::new();
    match read(bytes) {
        Ok(read) => compare(feed, format, &read, &mut found),
        Err(why) => found.push(Rejected { id: None, reason: format!("{}: {why}", format.file_name()) }),
    }
    found
}

/// The twins, and what else was found: each entry is named once.
fn once_each(feed: &Feed, found: Vec<Rejected>) -> Vec<Rejected> {
    let mut all: Vec<Rejected> = twins(feed).into_iter().map(|(_, twin)| twin).chain(found).collect();
    let mut named = BTreeSet::new();
    all.retain(|rejected| rejected.id.as_ref().is_none_or(|id| named.insert(id.clone())));
    all
}

/// The entries that fail on their own, for a document that does not tell whose fault it is.
fn alone(feed: &Feed) -> Vec<Rejected> {
    let mut culprits = Vec::new();
    let mut single = Feed { entries: Vec::new(), ..feed.clone() };
    for entry in &feed.entries {
        single.entries = vec![entry.clone()];
        single.updated = entry.updated;
        let documents = Format::ALL.map(|format| single.write(format));
        let found = check(&single, documents.each_ref().map(Vec::as_slice));
        culprits.extend(found.into_iter().take(1).map(|rejected| Rejected { id: Some(entry.id.clone()), ..rejected }));
    }
    // All of them: then it is what they share.
    if culprits.len() == feed.entries.len() { Vec::new() } else { culprits }
}

/// Makes the feed's date its newest entry's; that of an empty feed stays.
fn redate(feed: &mut Feed) {
    feed.updated = feed.entries.iter().map(|entry| entry.updated).max().unwrap_or(feed.updated);
}

/// Takes every entry out whose id one before it has: readers would keep one of the two, and nobody knows which.
fn part_twins(feed: &mut Feed) -> Vec<Rejected> {
    let twins = twins(feed);
    let mut places = twins.iter().map(|(place, _)| *place).peekable();
    let mut place = 0;
    feed.entries.retain(|_| {
        place += 1;
        places.next_if_eq(&(place - 1)).is_none()
    });
    twins.into_iter().map(|(_, rejected)| rejected).collect()
}

/// The entries whose id one before them has, with their places in the feed, ascending.
fn twins(feed: &Feed) -> Vec<(usize, Rejected)> {
    let (mut ids, mut atom_ids) = (HashSet::new(), HashSet::new());
    let mut twins = Vec::new();
    for (place, entry) in feed.entries.iter().enumerate() {
        if !(ids.insert(&entry.id) & atom_ids.insert(&entry.atom_id)) {
            let reason = "its id is another entry's".to_owned();
            twins.push((place, Rejected { id: Some(entry.id.clone()), reason }));
        }
    }
    twins
}

fn read(bytes: &[u8]) -> Result<model::Feed, String> {
    let text = std::str::from_utf8(bytes).map_err(|why| format!("it is not UTF-8: {why}"))?;
    if !is_xml(text) {
        return Err("it holds a character that XML 1.0 forbids".to_owned());
    }
    feed_rs::parser::parse(bytes).map_err(|why| format!("it cannot be read back: {why}"))
}

/// Are these characters of XML 1.0 alone (2.2, `Char`)? UTF-8 has no surrogates; the rest of what is forbidden is here.
fn is_xml(text: &str) -> bool {
    let control = |byte: u8| (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
    let noncharacter = xml::any_byte(text.as_bytes(), |byte| byte == 0xef) && text.contains(['\u{fffe}', '\u{ffff}']);
    !noncharacter && !xml::any_byte(text.as_bytes(), control)
}

fn compare(feed: &Feed, format: Format, read: &model::Feed, found: &mut Vec<Rejected>) {
    let mut whole =
        |reason: String| found.push(Rejected { id: None, reason: format!("{}: {reason}", format.file_name()) });
    if !same(read.title.as_ref().map(|title| title.content.as_str()), &xml::border(&feed.title)) {
        whole("its title does not come back".to_owned());
    }
    let updated = match format {
        Format::Rss => read.updated.is_some_and(|at| at.timestamp() == seconds(feed.updated)),
        Format::Atom => read.updated.is_some_and(|at| at.timestamp_micros() == feed.updated.as_microsecond()),
        // The format has no such date.
        Format::Json => true,
    };
    if !updated {
        whole("its date does not come back".to_owned());
    }
    if read.entries.len() != feed.entries.len() {
        whole(format!("{} entries were written, {} come back", feed.entries.len(), read.entries.len()));
        return;
    }
    for (entry, read) in feed.entries.iter().zip(&read.entries) {
        if let Some(what) = difference(entry, format, read) {
            let reason = format!("{}: its {what} does not come back", format.file_name());
            found.push(Rejected { id: Some(entry.id.clone()), reason });
        }
    }
}

/// What of an entry is not as it was written, by name.
fn difference(entry: &Entry, format: Format, read: &model::Entry) -> Option<&'static str> {
    let (id, title) = match format {
        Format::Atom => (xml::border(&entry.atom_id), Some(entry.name())),
        Format::Rss | Format::Json => (xml::border(&entry.id), xml::some(&entry.title)),
    };
    // RSS has one date, and no fractions of seconds.
    let changed = read.updated.map(|at| at.timestamp_micros()) == Some(entry.updated.as_microsecond());
    let kept = [
        ("id", same(Some(&read.id), &id) && !id.trim().is_empty()),
        ("title", same(read.title.as_ref().map(|title| title.content.as_str()), title.as_deref().unwrap_or_default())),
        ("link", links(entry, read)),
        ("date", read.published.map(|at| at.timestamp()) == Some(seconds(entry.published))),
        ("date of change", format == Format::Rss || changed),
        ("content", content(entry, read)),
        ("summary", xml::some(&entry.summary).is_none() || read.summary.is_some()),
    ];
    kept.into_iter().find(|(_, kept)| !kept).map(|(what, _)| what)
}

/// Is the permalink among the links? The parser normalises it.
fn links(entry: &Entry, read: &model::Entry) -> bool {
    let normal = Url::parse(&entry.url).map(String::from);
    read.links.iter().any(|link| link.href == entry.url || normal.as_ref().is_ok_and(|normal| link.href == *normal))
}

/// Is the article whole? A document without its HTML has none to lose.
fn content(entry: &Entry, read: &model::Entry) -> bool {
    let body = read.content.as_ref().and_then(|content| content.body.as_deref());
    xml::some(&entry.html).is_none_or(|html| same(body, &html))
}

/// Are the two equal but for white space at their ends, which parsers take away?
fn same(read: Option<&str>, written: &str) -> bool {
    read.unwrap_or_default().trim() == written.trim()
}

/// The whole second that RSS says, for instants before 1970 too.
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
        let documents = written(&feed).map(|bytes| String::from_utf8(bytes).unwrap().replace(from, to).into_bytes());
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
            ("Plain", "Plane", plain, "rss.xml: its title does not come back"),
            ("09:30:00", "09:30:01", rich, "rss.xml: its date does not come back"),
            ("00.000007", "00.000008", plain, "atom.xml: its date of change does not come back"),
            ("שלום", "שלו", rich, "rss.xml: its content does not come back"),
            ("blog/plain", "blog/other", plain, "rss.xml: its link does not come back"),
            ("not an IRI", "an IRI", plain, "rss.xml: its id does not come back"),
            ("urn:uuid:1b671a64", "urn:uuid:1b671a65", plain, "atom.xml: its id does not come back"),
            ("Tom ", "", rich, "rss.xml: its content does not come back"),
        ] {
            let expected = Rejected { id: Some(id.to_owned()), reason: reason.to_owned() };
            assert_eq!(broken(from, to), [expected], "{from:?}");
        }
    }

    #[test]
    fn what_is_nobodys_fault_is_the_feeds() {
        for (from, to) in
            [("The Site", "Site"), ("</title>", "</titel>"), ("</item>", "</item><item></item>"), ("🎉", "\u{1}")]
        {
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
        feed.entries.push(Entry { title: "Twin".to_owned(), ..good.entries[0].clone() });
        let expected =
            [Rejected { id: Some(good.entries[0].id.clone()), reason: "its id is another entry's".to_owned() }];
        assert!(checked(&feed, &written(&feed)).starts_with(&expected));
        let published = write_checked(feed).unwrap();
        assert_eq!((published.quarantined.as_slice(), published.documents), (expected.as_slice(), written(&good)));
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
    fn a_feed_whose_every_entry_fails_is_not_published() {
        let mut feed = sample::feed();
        for entry in &mut feed.entries {
            entry.id = "\u{1}".to_owned();
        }
        assert!(write_checked(feed).is_err());
        let untitled = Feed { title: "\u{1}".to_owned(), ..sample::feed() };
        assert_eq!(write_checked(untitled).map(|_| ()), Ok(()), "an empty title is the configuration's to refuse");
    }

    proptest! {
        #[test]
        fn nasty_feeds_come_back(feed in sample::nasty_feed()) {
            let documents = written(&feed);
            prop_assert_eq!(checked(&feed, &documents), []);
            for bytes in &documents {
                let text = std::str::from_utf8(bytes).unwrap();
                let passed = |c: char| crate::base::text::is_safe(c) && !matches!(c, '\u{fffd}' | '\r');
                prop_assert!(text.chars().all(passed), "{}", text);
            }
            prop_assert_eq!(write_checked(feed).unwrap().documents, documents);
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
