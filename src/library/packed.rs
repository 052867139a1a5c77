//! Records and files as few bytes, as they are in memory: a hundred thousand articles are a hundred
//! thousand of these.
//!
//! `read_record(seq, &record(r)) == r`, and the same for files. Numbers have as many bytes as they
//! need, texts follow their length, and what is not there has one bit. These bytes never leave the
//! process, so there are no versions of them.

use std::iter;
use std::sync::Arc;

use jiff::civil;
use uuid::Uuid;

use crate::article::{Head, Person, TitleFrom};
use crate::base::time::Written;
use crate::base::{Digest, Fingerprint, RelPath, Timestamp, UrlPath};

use super::{Record, Seq, Standing};

/// The beginning of an id that is derived; the rest of it is a number.
const URN: &str = "urn:uuid:";

const NS_PER_S: i128 = 1_000_000_000;

/// The part of a record that can be seen without making one.
pub(super) struct Glance<'a> {
    /// Its present state.
    pub(super) standing: Standing,
    /// The digest of the bytes that are published.
    pub(super) digest: Digest,
    /// Its present file, or its last.
    pub(super) path: &'a str,
    /// Its present URL, or its last.
    pub(super) url: &'a str,
}

/// The bytes of a record, without its number, which is its key.
pub(super) fn record(record: &Record) -> Vec<u8> {
    // Every field is named, so that a new one is not forgotten here.
    let Record { seq: _, id, path, url, first_seen, published, updated, digest, .. } = record;
    let Record { head, standing, imported, last_file, .. } = record;
    let mut pen = Pen(Vec::with_capacity(320));
    pen.standing(*standing);
    pen.0.extend_from_slice(digest.as_bytes());
    pen.text(path.as_str());
    // Most URLs are the beginning of the path.
    if path.as_str().starts_with(url.as_str()) {
        pen.number(url.as_str().len() as u64);
    } else {
        pen.number(0);
        pen.text(url.as_str());
    }
    match uuid_of(id) {
        Some(uuid) => {
            pen.number(0);
            pen.0.extend_from_slice(uuid.as_bytes());
        }
        None => {
            pen.number(1);
            pen.text(id);
        }
    }
    for instant in [first_seen, published, updated] {
        pen.instant(*instant);
    }
    pen.json(imported.as_deref());
    pen.json(last_file.as_ref());
    pen.head(head);
    pen.0
}

/// The record of its number and its bytes.
pub(super) fn read_record(seq: Seq, bytes: &[u8]) -> Record {
    let mut reader = Reader(bytes);
    let Glance { standing, digest, path, url } = reader.glance();
    Record {
        seq,
        path: RelPath::new(path).unwrap_or_else(RelPath::root),
        url: reader_url(url),
        id: match reader.number() {
            0 => {
                let uuid = Uuid::from_bytes(reader.array());
                format!("{URN}{}", uuid.hyphenated())
            }
            _ => reader.text().to_owned(),
        },
        first_seen: reader.instant(),
        published: reader.instant(),
        updated: reader.instant(),
        digest,
        standing,
        imported: reader.json().map(Arc::new),
        last_file: reader.json(),
        head: Arc::new(reader.head()),
    }
}

/// The part of a record that can be seen without making one.
pub(super) fn glance(bytes: &[u8]) -> Glance<'_> {
    Reader(bytes).glance()
}

/// The bytes of a file, without what it says.
pub(super) fn file(
    fingerprint: &Fingerprint,
    racy: bool,
    digest: Option<Digest>,
    form: u8,
) -> Vec<u8> {
    let Fingerprint { dev, ino, btime_ns, len_bytes, mtime_ns, ctime_ns } = *fingerprint;
    let mut pen = Pen(Vec::with_capacity(80));
    pen.0.push(form << 2 | u8::from(digest.is_some()) << 1 | u8::from(racy));
    pen.number(dev);
    pen.number(ino);
    pen.number(len_bytes);
    // The times of most files are close together, so two of them are short.
    pen.signed(ctime_ns);
    pen.signed(ctime_ns.wrapping_sub(mtime_ns));
    pen.signed(ctime_ns.wrapping_sub(btime_ns));
    if let Some(digest) = digest {
        pen.0.extend_from_slice(digest.as_bytes());
    }
    pen.0
}

/// A file without what it says: its fingerprint, whether it is racy, its digest, its form.
pub(super) fn read_file(bytes: &[u8]) -> (Fingerprint, bool, Option<Digest>, u8) {
    let mut reader = Reader(bytes);
    let flags = reader.byte();
    let (dev, ino, len_bytes) = (reader.number(), reader.number(), reader.number());
    let ctime_ns = reader.signed();
    let mtime_ns = ctime_ns.wrapping_sub(reader.signed());
    let btime_ns = ctime_ns.wrapping_sub(reader.signed());
    let digest = if flags & 2 != 0 { Some(Digest::from_bytes(reader.array())) } else { None };
    let fingerprint = Fingerprint { dev, ino, btime_ns, len_bytes, mtime_ns, ctime_ns };
    (fingerprint, flags & 1 != 0, digest, flags >> 2)
}

/// Some numbers, small ones in a byte.
pub(super) fn numbers(numbers: &[u32]) -> Vec<u8> {
    let mut pen = Pen(Vec::with_capacity(2 * numbers.len()));
    for number in numbers {
        pen.number(u64::from(*number));
    }
    pen.0
}

/// The numbers that [`numbers`] wrote.
pub(super) fn read_numbers(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut reader = Reader(bytes);
    iter::from_fn(move || (!reader.0.is_empty()).then(|| reader.number() as u32))
}

/// The number in an id that is derived, if it is written as such ids are.
fn uuid_of(id: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(id.strip_prefix(URN)?).ok()?;
    let mut written = Uuid::encode_buffer();
    if *uuid.hyphenated().encode_lower(&mut written) == id[URN.len()..] { Some(uuid) } else { None }
}

fn reader_url(text: &str) -> UrlPath {
    match UrlPath::new(text) {
        Some(url) => url,
        // Not possible: the text was that of one.
        None => UrlPath::of_names(["-"].into_iter()).unwrap_or_else(|| reader_url("index")),
    }
}

/// Writes values one behind the other.
struct Pen(Vec<u8>);

impl Pen {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Small numbers of either sign are short.
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }

    /// Whole seconds, and the rest in units of as many nanoseconds as its last digits allow.
    fn instant(&mut self, instant: Timestamp) {
        let ns = instant.as_nanosecond();
        self.signed(ns.div_euclid(NS_PER_S) as i64);
        let rest = ns.rem_euclid(NS_PER_S) as u64;
        // The lowest bit says which unit it is. Dates of articles have microseconds at most, so
        // nearly all are short.
        if rest.is_multiple_of(1000) {
            self.number(rest / 1000 * 2);
        } else {
            self.number(rest * 2 + 1);
        }
    }

    fn written(&mut self, written: Written) {
        let (date, time) = match written {
            Written::Instant(instant) => {
                self.0.push(0);
                return self.instant(instant);
            }
            Written::Local(local) => (local.date(), Some(local.time())),
            Written::Day(day) => (day, None),
        };
        self.0.push(if time.is_some() { 1 } else { 2 });
        self.signed(date.year().into());
        self.0.push(date.month().cast_unsigned());
        self.0.push(date.day().cast_unsigned());
        if let Some(time) = time {
            let second = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60;
            self.signed(second + i64::from(time.second()));
            self.signed(time.subsec_nanosecond().into());
        }
    }

    fn standing(&mut self, standing: Standing) {
        let (kind, since) = match standing {
            Standing::Public => (0, None),
            Standing::Withdrawn => (1, None),
            Standing::Missing(since) => (2, Some(since)),
            Standing::Deleted(None) => (3, None),
            Standing::Deleted(Some(at)) => (4, Some(at)),
            Standing::Forgotten => (5, None),
        };
        self.0.push(kind);
        if let Some(since) = since {
            self.instant(since);
        }
    }

    /// A rare value, whose size does not matter.
    fn json<T: serde::Serialize>(&mut self, value: Option<&T>) {
        let text = value.and_then(|value| serde_json::to_string(value).ok());
        self.text(&text.unwrap_or_default());
    }

    fn head(&mut self, head: &Head) {
        // Every field is named, so that a new one is not forgotten here.
        let Head { title, title_from, published, not_before, updated, expires, authors, .. } = head;
        let Head { tags, summary, slug, path, id, aliases, external_url, canonical, .. } = head;
        let Head { language, image, private_files, math, draft, unlisted, no_feed, .. } = head;
        let Head { feed_only, withheld_below, .. } = head;
        let dates = [published, not_before, updated, expires];
        let texts = [summary, slug, path, id, external_url, canonical, language, image];
        let lists = [tags, aliases, private_files, withheld_below];
        let flags = [*math == Some(true), math.is_some(), *draft, *unlisted, *no_feed, *feed_only];
        let there = dates.into_iter().map(Option::is_some);
        let there = there.chain(texts.into_iter().map(Option::is_some));
        let there = there.chain(lists.into_iter().map(|list| !list.is_empty())).chain(flags);
        let there = there.chain([!authors.is_empty()]);
        let bits = there.enumerate().fold(0, |bits, (n, is)| bits | u64::from(is) << n);
        self.number(bits);
        self.0.push(match title_from {
            TitleFrom::FrontMatter => 0,
            TitleFrom::Heading => 1,
            TitleFrom::FirstLine => 2,
            TitleFrom::FileName => 3,
            TitleFrom::Text => 4,
        });
        self.text(title);
        dates.into_iter().flatten().for_each(|date| self.written(*date));
        texts.into_iter().flatten().for_each(|text| self.text(text));
        for list in lists {
            if !list.is_empty() {
                self.texts(list);
            }
        }
        if !authors.is_empty() {
            self.people(authors);
        }
    }

    fn people(&mut self, people: &[Person]) {
        self.number(people.len() as u64);
        for Person { name, email, url } in people {
            self.text(name);
            // No address is empty.
            self.text(email.as_deref().unwrap_or_default());
            self.text(url.as_deref().unwrap_or_default());
        }
    }
}

/// Reads values one behind the other. Past the end, everything is zero and empty; it never gets
/// there, since the bytes are those of a [`Pen`].
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let Some((array, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *array
    }

    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 63 {
                return number;
            }
        }
    }

    fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    fn text(&mut self) -> &'a str {
        let len = self.number() as usize;
        let Some((text, rest)) = self.0.split_at_checked(len) else { return "" };
        self.0 = rest;
        std::str::from_utf8(text).unwrap_or_default()
    }

    fn texts(&mut self) -> Vec<String> {
        let len = self.number();
        (0..len).map(|_| self.text().to_owned()).collect()
    }

    fn instant(&mut self) -> Timestamp {
        let (second, rest) = (self.signed(), self.number());
        let ns = if rest & 1 == 0 { rest / 2 * 1000 } else { rest / 2 };
        let ns = i128::from(second) * NS_PER_S + i128::from(ns);
        Timestamp::from_nanosecond(ns).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn written(&mut self) -> Written {
        let kind = self.byte();
        if kind == 0 {
            return Written::Instant(self.instant());
        }
        let year = i16::try_from(self.signed()).unwrap_or_default();
        let (month, day) = (self.byte().cast_signed(), self.byte().cast_signed());
        let date = civil::Date::new(year, month, day).unwrap_or(civil::Date::ZERO);
        if kind == 2 {
            return Written::Day(date);
        }
        let (second, ns) = (self.signed(), self.signed());
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let time = civil::Time::new(hour as i8, minute as i8, second as i8, ns as i32);
        Written::Local(date.to_datetime(time.unwrap_or(civil::Time::midnight())))
    }

    fn standing(&mut self) -> Standing {
        match self.byte() {
            0 => Standing::Public,
            1 => Standing::Withdrawn,
            2 => Standing::Missing(self.instant()),
            3 => Standing::Deleted(None),
            4 => Standing::Deleted(Some(self.instant())),
            _ => Standing::Forgotten,
        }
    }

    fn glance(&mut self) -> Glance<'a> {
        let standing = self.standing();
        let digest = Digest::from_bytes(self.array());
        let path = self.text();
        let url = match self.number() {
            0 => self.text(),
            len => path.get(..len as usize).unwrap_or_default(),
        };
        Glance { standing, digest, path, url }
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        let text = self.text();
        if text.is_empty() { None } else { serde_json::from_str(text).ok() }
    }

    fn head(&mut self) -> Head {
        // In the order in which they were written: the lowest bit came first.
        let mut bits = Bits(self.number());
        let dates: [bool; 4] = bits.take();
        let texts: [bool; 8] = bits.take();
        let lists: [bool; 4] = bits.take();
        let [is_math, says_math, draft, unlisted, no_feed, feed_only] = bits.take();
        let [has_authors] = bits.take();
        let title_from = match self.byte() {
            0 => TitleFrom::FrontMatter,
            1 => TitleFrom::Heading,
            2 => TitleFrom::FirstLine,
            3 => TitleFrom::FileName,
            _ => TitleFrom::Text,
        };
        let title = self.text().to_owned();
        let [published, not_before, updated, expires] =
            dates.map(|is_there| is_there.then(|| self.written()));
        let [summary, slug, path, id, external_url, canonical, language, image] =
            texts.map(|is_there| is_there.then(|| self.text().to_owned()));
        let [tags, aliases, private_files, withheld_below] =
            lists.map(|is_there| if is_there { self.texts() } else { Vec::new() });
        let authors = if has_authors { self.people() } else { Vec::new() };
        let math = says_math.then_some(is_math);
        Head {
            title,
            title_from,
            published,
            not_before,
            updated,
            expires,
            authors,
            tags,
            summary,
            slug,
            path,
            id,
            aliases,
            external_url,
            canonical,
            language,
            image,
            private_files,
            math,
            draft,
            unlisted,
            no_feed,
            feed_only,
            withheld_below,
        }
    }

    fn people(&mut self) -> Vec<Person> {
        let len = self.number();
        let mut people = Vec::with_capacity(len as usize);
        for _ in 0..len {
            let name = self.text().to_owned();
            people.push(Person { name, email: self.given_text(), url: self.given_text() });
        }
        people
    }

    /// A text; `None` where it is empty.
    fn given_text(&mut self) -> Option<String> {
        let text = self.text();
        if text.is_empty() { None } else { Some(text.to_owned()) }
    }
}

/// Answers to what a head has, one bit each.
struct Bits(u64);

impl Bits {
    /// The next `N` answers.
    fn take<const N: usize>(&mut self) -> [bool; N] {
        let mut answers = [false; N];
        for answer in &mut answers {
            *answer = self.0 & 1 != 0;
            self.0 >>= 1;
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::library::LastFile;
    use crate::library::old_feed::{Guid, Imported};

    fn instant() -> impl Strategy<Value = Timestamp> {
        let range = Timestamp::MIN.as_second()..Timestamp::MAX.as_second();
        let ns = prop_oneof![
            Just(0),
            (0..1_000_000_u64).prop_map(|micros| micros * 1000),
            0..999_999_999_u64
        ];
        (range, ns).prop_map(|(second, ns)| {
            Timestamp::new(second, 0).unwrap() + std::time::Duration::from_nanos(ns)
        })
    }

    fn written() -> impl Strategy<Value = Written> {
        (instant(), 0..3).prop_map(|(instant, kind)| {
            let local = jiff::tz::Offset::UTC.to_datetime(instant);
            match kind {
                0 => Written::Instant(instant),
                1 => Written::Local(local),
                _ => Written::Day(local.date()),
            }
        })
    }

    fn text() -> impl Strategy<Value = String> {
        "[ -~é漢]{0,40}"
    }

    fn standing() -> impl Strategy<Value = Standing> {
        (instant(), 0..6).prop_map(|(at, kind)| match kind {
            0 => Standing::Public,
            1 => Standing::Withdrawn,
            2 => Standing::Missing(at),
            3 => Standing::Deleted(None),
            4 => Standing::Deleted(Some(at)),
            _ => Standing::Forgotten,
        })
    }

    prop_compose! {
        fn head()(
            title in text(),
            dates in proptest::array::uniform4(proptest::option::of(written())),
            texts in proptest::array::uniform8(proptest::option::of(text())),
            lists in proptest::array::uniform4(proptest::collection::vec(text(), 0..3)),
            people in proptest::collection::vec((text(), proptest::option::of("a{1,3}")), 0..3),
            math in proptest::option::of(any::<bool>()),
            flags in any::<[bool; 4]>(),
            from in 0..5,
        ) -> Head {
            let [published, not_before, updated, expires] = dates;
            let [summary, slug, path, id, external_url, canonical, language, image] = texts;
            let [tags, aliases, private_files, withheld_below] = lists;
            let [draft, unlisted, no_feed, feed_only] = flags;
            let title_from = match from {
                0 => TitleFrom::FrontMatter,
                1 => TitleFrom::Heading,
                2 => TitleFrom::FirstLine,
                3 => TitleFrom::FileName,
                _ => TitleFrom::Text,
            };
            let person = |(name, url): (String, Option<String>)| Person { email: url.clone(), name, url };
            let authors = people.into_iter().map(person).collect();
            Head {
                title, title_from, published, not_before, updated, expires, authors, tags, summary, slug, path,
                id, aliases, external_url, canonical, language, image, private_files, math, draft, unlisted,
                no_feed, feed_only, withheld_below,
            }
        }
    }

    fn path() -> impl Strategy<Value = RelPath> {
        "[a-z]{1,9}(/[a-zé]{1,9}){0,2}".prop_map(|text| RelPath::new(&text).unwrap())
    }

    prop_compose! {
        fn any_record()(
            (path, url, is_prefix) in (path(), path(), any::<bool>()),
            id in prop_oneof![text(), Just(format!("{URN}{}", Uuid::from_u128(1 << 99)))],
            (first_seen, published, updated) in (instant(), instant(), instant()),
            (standing, head) in (standing(), head()),
            former in proptest::option::of(text()),
            last in proptest::option::of((any::<u64>(), any::<i64>())),
        ) -> Record {
            let url = if is_prefix { path.segments().next().unwrap() } else { url.as_str() };
            let url = UrlPath::new(url).unwrap();
            let imported = former.map(|former| Arc::new(Imported {
                rss: Some(Guid { value: former.clone(), is_permalink: true }),
                former: Some(former),
                ..Imported::default()
            }));
            let last_file = last.map(|(ino, btime_ns)| LastFile { dev: 1, ino, btime_ns, digest: None });
            Record {
                seq: 7, digest: Digest::of(id.as_bytes()), id, path, url, first_seen, published, updated,
                head: Arc::new(head), standing, imported, last_file,
            }
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were(
            written in proptest::collection::vec(prop_oneof![0_u32..300, any::<u32>()], 0..20),
        ) {
            prop_assert!(read_numbers(&numbers(&written)).eq(written));
        }

        #[test]
        fn a_record_is_read_as_it_was(written in any_record()) {
            let bytes = record(&written);
            prop_assert_eq!(&read_record(7, &bytes), &written);
            let glance = glance(&bytes);
            prop_assert_eq!((glance.path, glance.url), (written.path.as_str(), written.url.as_str()));
            prop_assert_eq!((glance.standing, glance.digest), (written.standing, written.digest));
        }

        #[test]
        fn a_file_is_read_as_it_was(
            (dev, ino, len_bytes) in any::<(u64, u64, u64)>(),
            (btime_ns, mtime_ns, ctime_ns) in any::<(i64, i64, i64)>(),
            (racy, has_digest, form) in (any::<bool>(), any::<bool>(), 0_u8..3),
        ) {
            let fingerprint = Fingerprint { dev, ino, btime_ns, len_bytes, mtime_ns, ctime_ns };
            let digest = has_digest.then(|| Digest::of(b"x"));
            let bytes = file(&fingerprint, racy, digest, form);
            prop_assert_eq!(read_file(&bytes), (fingerprint, racy, digest, form));
        }
    }

    #[test]
    fn what_most_articles_have_is_small() {
        let at: Timestamp = "2026-11-29T05:00:00Z".parse().unwrap();
        let head = Head {
            title: "An article with a title of some words".to_owned(),
            published: Some(Written::Instant(at)),
            tags: vec!["rust".to_owned(), "feeds".to_owned()],
            ..Head::default()
        };
        let usual = Record {
            seq: 7,
            id: format!("{URN}{}", Uuid::from_u128(1 << 99)),
            path: RelPath::new("2026/an-article.md").unwrap(),
            url: UrlPath::new("2026/an-article").unwrap(),
            first_seen: at,
            published: at,
            updated: at + std::time::Duration::from_micros(99),
            digest: Digest::of(b""),
            head: Arc::new(head),
            standing: Standing::Public,
            imported: None,
            last_file: None,
        };
        let bytes = record(&usual).len();
        assert!(bytes <= 170, "{bytes}");
    }
}
