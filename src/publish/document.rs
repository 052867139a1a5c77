//! One representation-independent answer: bytes with validators, and their content codings on first
//! demand.
//!
//! Owns the codings and the header values that belong to them, all made once. It never looks at a
//! request: which coding is wanted is HTTP's to say. A coding is a pure function of the identity
//! bytes, at one quality for ever, so that two replicas, and one replica after a restart, send the
//! same bytes under the same ETag.
//!
//! Invariants: the bytes of a coding decode to the identity bytes; a coding that is not smaller is
//! not used.

use std::io::Write;
use std::sync::OnceLock;

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;

use crate::base::time::rfc822;
use crate::base::{Digest, Timestamp};
use crate::feed::TTL_MINUTES;

/// Size in bytes below which bodies are sent as they are: a coding's frame would outweigh its gain.
const CODED_BYTES_MIN: usize = 256;

/// Seconds for which a cache may use a closed page of an archive: a day. Longer would keep showing
/// what its author corrected or removed. For the same reason it is not `immutable` (RFC 8246), with
/// which a browser would not ask again even when the page is reloaded.
const ARCHIVE_AGE_S: u32 = 24 * 60 * 60;

/// The default level of gzip; 9 is twice as slow and no smaller on feeds.
const GZIP_LEVEL: u32 = 6;

/// The quality of Brotli. For 40 KB, 5 takes 1 ms; 9 takes 15 ms and is no smaller; 11 takes 38 ms
/// and saves 12 %.
const BROTLI_QUALITY: i32 = 5;

/// The smallest and the largest window of Brotli, as binary logarithms of bytes. A larger one than
/// the content needs changes nothing of the result but the first byte, which says how large it is,
/// and takes twice its size in memory: 8 MiB for each feed.
const BROTLI_WINDOW_MIN: i32 = 18;
const BROTLI_WINDOW_MAX: i32 = 22;

/// The kind of a document, which decides how it is cached and who may read it. Given by its maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A feed, or the list of all feeds (OPML): polled by readers, some of which are scripts.
    Feed,
    /// A closed page of a feed's archive: it changes only with an article on it.
    Archive,
    /// An HTML page.
    Page,
    /// `robots.txt` or `sitemap.xml`: for crawlers.
    Crawling,
    /// The author's stylesheet, whose URL names its content.
    Stylesheet,
}

/// The time for which a cache may use a document without asking for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Not at all: the cache asks each time, and usually gets 304.
    Revalidate,
    /// At most so many seconds.
    Seconds(u32),
    /// For ever: another content has another URL (RFC 8246).
    Immutable,
}

impl Kind {
    /// The time that a cache may keep a document of this kind, from `now`. A feed is never kept
    /// past `next_due`, the moment at which the library changes by itself.
    pub fn cache(self, now: Timestamp, next_due: Option<Timestamp>) -> Cache {
        match self {
            Kind::Feed => Cache::Seconds(until(TTL_MINUTES * 60, now, next_due)),
            Kind::Archive => Cache::Seconds(until(ARCHIVE_AGE_S, now, next_due)),
            Kind::Page | Kind::Crawling => Cache::Revalidate,
            Kind::Stylesheet => Cache::Immutable,
        }
    }

    /// Whether scripts of other sites may read it (`Access-Control-Allow-Origin`).
    pub fn is_open_to_scripts(self) -> bool {
        matches!(self, Kind::Feed | Kind::Archive)
    }
}

/// At most `age_s`, and not past `due`, in seconds.
fn until(age_s: u32, now: Timestamp, due: Option<Timestamp>) -> u32 {
    let Some(due) = due else { return age_s };
    let left_s = due.as_second() - now.as_second();
    u32::try_from(left_s.max(0)).unwrap_or(age_s).min(age_s)
}

/// A content coding (RFC 9110, 8.4.1), in order of preference where a client likes them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// RFC 7932
    Br,
    /// RFC 1952
    Gzip,
    /// No coding.
    Identity,
}

impl Coding {
    /// All of them, the preferred first.
    pub const ALL: [Coding; 3] = [Coding::Br, Coding::Gzip, Coding::Identity];

    /// The name in `Accept-Encoding` and `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Br => "br",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }

    /// The suffix of its ETag, which differs from those of the other codings. They are the suffixes
    /// that Apache's filters append, so that the tag of an answer that a proxy compressed still
    /// revalidates.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Br => "-br",
            Coding::Gzip => "-gzip",
            Coding::Identity => "",
        }
    }
}

/// The bytes of one coding.
#[derive(Debug)]
pub struct Coded {
    /// The coding that these bytes really have: identity, where the one asked for would not have
    /// made them smaller.
    pub coding: Coding,
    /// The content as it is sent.
    pub bytes: Bytes,
    /// `Content-Length`
    pub length: HeaderValue,
}

impl Coded {
    fn new(coding: Coding, bytes: Bytes) -> Self {
        Self { coding, length: HeaderValue::from(bytes.len()), bytes }
    }
}

/// A finished answer. Its bytes never change; a coding is a pure function of them, made on first
/// demand by one requester while others wait.
#[derive(Debug)]
pub struct Document {
    /// The kind of document.
    pub kind: Kind,
    /// The media type, with its charset where it has one.
    pub content_type: &'static str,
    /// The digest of the identity bytes.
    pub digest: Digest,
    /// The moment at which these bytes were first published: whole seconds, growing from version to
    /// version. None where it is not remembered (pages), so that no date can vouch for bytes that
    /// it does not belong to.
    pub last_modified: Option<Timestamp>,
    /// Whether it shows an article without its text, since the file cannot be used now. It stands
    /// in for the document of this version until that is over.
    pub is_stopgap: bool,
    /// The bytes without any coding.
    pub identity: Bytes,
    last_modified_value: Option<HeaderValue>,
    etags: [HeaderValue; 3],
    plain: Coded,
    br: OnceLock<Option<Coded>>,
    gzip: OnceLock<Option<Coded>>,
}

impl Document {
    /// A document of `identity`, first published at `last_modified`.
    pub fn new(
        kind: Kind,
        content_type: &'static str,
        identity: Bytes,
        last_modified: Option<Timestamp>,
    ) -> Self {
        let identity = exact(identity);
        let digest = Digest::of(&identity);
        Self::with_digest(kind, content_type, identity, digest, last_modified)
    }

    /// As [`Document::new`], where the digest of `identity` is known. The bytes are kept as they are,
    /// shared with whoever has them.
    pub fn with_digest(
        kind: Kind,
        content_type: &'static str,
        identity: Bytes,
        digest: Digest,
        last_modified: Option<Timestamp>,
    ) -> Self {
        let short = digest.short();
        Self {
            kind,
            content_type,
            digest,
            last_modified,
            is_stopgap: false,
            last_modified_value: last_modified.map(|at| value(rfc822(at))),
            etags: Coding::ALL.map(|coding| value(format!("\"{short}{}\"", coding.suffix()))),
            plain: Coded::new(Coding::Identity, identity.clone()),
            identity,
            br: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    /// The same document as a stopgap. It has no date, which could vouch for the whole document.
    #[must_use]
    pub fn stopgap(self) -> Self {
        Self { is_stopgap: true, last_modified: None, last_modified_value: None, ..self }
    }

    /// The time that a cache may keep it, from `now`; see [`Kind::cache`].
    pub fn cache(&self, now: Timestamp, next_due: Option<Timestamp>) -> Cache {
        if self.is_stopgap { Cache::Revalidate } else { self.kind.cache(now, next_due) }
    }

    /// The strong ETag of a coding (RFC 9110, 8.8.3).
    pub fn etag(&self, coding: Coding) -> &HeaderValue {
        &self.etags[coding as usize]
    }

    /// The ETags of every coding: each of them names these very bytes, so each revalidates.
    pub fn etags(&self) -> &[HeaderValue; 3] {
        &self.etags
    }

    /// `Last-Modified`, where there is one.
    pub fn last_modified_value(&self) -> Option<&HeaderValue> {
        self.last_modified_value.as_ref()
    }

    /// The bytes in `coding`, if they need no more work.
    pub fn made(&self, coding: Coding) -> Option<&Coded> {
        // Too small to code, whatever is wanted.
        if self.identity.len() < CODED_BYTES_MIN {
            return Some(&self.plain);
        }
        let made = match coding {
            Coding::Identity => return Some(&self.plain),
            Coding::Br => self.br.get()?,
            Coding::Gzip => self.gzip.get()?,
        };
        Some(made.as_ref().unwrap_or(&self.plain))
    }

    /// The bytes in `coding`. The first caller makes them, which takes milliseconds for a large
    /// body; others wait.
    pub fn coded(&self, coding: Coding) -> &Coded {
        if let Some(made) = self.made(coding) {
            return made;
        }
        // Of several callers, `OnceLock` lets one compress.
        let made = match coding {
            Coding::Identity => return &self.plain,
            Coding::Br => self.br.get_or_init(|| self.code(coding, brotli(&self.identity))),
            Coding::Gzip => self.gzip.get_or_init(|| self.code(coding, gzip(&self.identity))),
        };
        made.as_ref().unwrap_or(&self.plain)
    }

    fn code(&self, coding: Coding, bytes: Option<Vec<u8>>) -> Option<Coded> {
        let bytes = bytes?;
        if bytes.len() >= self.identity.len() {
            return None;
        }
        // In a boxed slice, since a vector's spare capacity would stay as long as the document.
        Some(Coded::new(coding, Bytes::from(bytes.into_boxed_slice())))
    }
}

/// The same bytes without spare capacity, which a text that was written piece by piece has as much
/// of as of content, and which would stay as long as the document.
fn exact(bytes: Bytes) -> Bytes {
    // Takes over the memory of bytes that nothing else uses.
    Bytes::from(Vec::from(bytes).into_boxed_slice())
}

/// A header value of visible ASCII.
#[expect(
    clippy::expect_used,
    reason = "digests, suffixes and dates are visible ASCII, which is always legal"
)]
fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("visible ASCII")
}

/// Compresses with gzip. Writing to memory does not fail; if it ever did, identity is served.
fn gzip(identity: &[u8]) -> Option<Vec<u8>> {
    // The header names no time and no system, so the bytes are the same everywhere.
    let mut encoder =
        GzEncoder::new(Vec::with_capacity(identity.len() / 3), Compression::new(GZIP_LEVEL));
    encoder.write_all(identity).ok()?;
    encoder.finish().ok()
}

fn brotli(identity: &[u8]) -> Option<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: brotli_window(identity.len()),
        size_hint: identity.len(),
        ..BrotliEncoderParams::default()
    };
    let mut bytes = Vec::with_capacity(identity.len() / 3);
    brotli::BrotliCompress(&mut &identity[..], &mut bytes, &parameters).ok()?;
    Some(bytes)
}

/// The window that reaches back to the beginning of `len_bytes`.
fn brotli_window(len_bytes: usize) -> i32 {
    let mut window = BROTLI_WINDOW_MIN;
    // 16 bytes of a window are not used (RFC 7932, 9.1).
    while window < BROTLI_WINDOW_MAX && (1 << window) - 16 < len_bytes {
        window += 1;
    }
    window
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn document(identity: &[u8]) -> Document {
        Document::new(
            Kind::Page,
            "text/html; charset=utf-8",
            Bytes::copy_from_slice(identity),
            None,
        )
    }

    fn decode(coded: &Coded) -> Vec<u8> {
        let mut out = Vec::new();
        match coded.coding {
            Coding::Identity => out.extend_from_slice(&coded.bytes),
            Coding::Gzip => {
                flate2::read::GzDecoder::new(&coded.bytes[..]).read_to_end(&mut out).unwrap();
            }
            Coding::Br => {
                brotli::Decompressor::new(&coded.bytes[..], 4096).read_to_end(&mut out).unwrap();
            }
        }
        out
    }

    #[test]
    fn codings_are_made_once_and_shrink() {
        let text = "<p>the same again</p>".repeat(100);
        let document = document(text.as_bytes());
        for coding in [Coding::Br, Coding::Gzip] {
            assert!(document.made(coding).is_none());
            let coded = document.coded(coding);
            assert_eq!(coded.coding, coding);
            assert!(coded.bytes.len() < text.len() / 5);
            assert_eq!(coded.length.to_str().unwrap(), coded.bytes.len().to_string());
            assert!(std::ptr::eq(document.made(coding).unwrap(), coded));
        }
        assert_eq!(
            &document.coded(Coding::Gzip).bytes[4..10],
            [0, 0, 0, 0, 0, 255],
            "no time, no system"
        );
    }

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is() {
        assert_eq!(document(b"short").coded(Coding::Br).coding, Coding::Identity);
        for (len, coding) in [(255, Coding::Identity), (256, Coding::Br)] {
            assert_eq!(document(&vec![b'a'; len]).coded(Coding::Br).coding, coding, "{len}");
        }
        let noise: Vec<u8> =
            (0..40u32).flat_map(|n| *Digest::of(&n.to_be_bytes()).as_bytes()).collect();
        assert_eq!(document(&noise).coded(Coding::Gzip).coding, Coding::Identity);
        assert_eq!(document(&noise).coded(Coding::Br).coding, Coding::Identity);
    }

    #[test]
    fn a_window_of_the_size_of_the_content_changes_one_byte() {
        for len in [300, 70_000, (1 << 18) - 16, (1 << 18) - 15, 600_000] {
            let mut text = Vec::new();
            for n in 0u32.. {
                // Words that come again, near and far.
                text.extend_from_slice(format!("<p>{} {}</p>", n % 977, n % 31 * n).as_bytes());
                if text.len() >= len {
                    break;
                }
            }
            text.truncate(len);
            let parameters = BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_MAX,
                size_hint: len,
                ..BrotliEncoderParams::default()
            };
            let mut largest = Vec::new();
            brotli::BrotliCompress(&mut &text[..], &mut largest, &parameters).unwrap();
            let fitting = brotli(&text).unwrap();
            assert_eq!(fitting[1..], largest[1..], "{len}");
            let document = document(&text);
            assert_eq!(decode(document.coded(Coding::Br)), text, "{len}");
        }
        assert_eq!(brotli_window((1 << 18) - 16), 18);
        assert_eq!(brotli_window((1 << 18) - 15), 19);
        assert_eq!(brotli_window(1 << 30), 22);
    }

    #[test]
    fn content_has_no_spare_capacity() {
        let mut text = Vec::with_capacity(1 << 16);
        text.extend_from_slice(b"short");
        let document = Document::new(Kind::Page, "text/html", Bytes::from(text), None);
        // Both handles are given back, so that the memory can be looked at.
        let Document { identity, plain, .. } = document;
        drop(plain);
        assert_eq!(Vec::from(identity).capacity(), 5);
    }

    #[test]
    fn tags_differ_by_coding_and_content() {
        let (one, other) = (document(b"one"), document(b"other"));
        let short = Digest::of(b"one").short();
        assert_eq!(one.etag(Coding::Identity), &format!("\"{short}\""));
        assert_eq!(one.etag(Coding::Gzip), &format!("\"{short}-gzip\""));
        assert_eq!(one.etag(Coding::Br), &format!("\"{short}-br\""));
        assert!(one.etags().iter().all(|tag| !other.etags().contains(tag)));
    }

    #[test]
    fn a_feed_is_kept_for_its_ttl_or_until_the_next_article_is_due() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let after = |seconds: i64| Some(Timestamp::from_second(1_000_000 + seconds).unwrap());
        for (next_due, seconds) in [
            (None, 900),
            (after(901), 900),
            (after(900), 900),
            (after(899), 899),
            (after(0), 0),
            (after(-5), 0),
            (Some(Timestamp::MAX), 900),
        ] {
            assert_eq!(Kind::Feed.cache(now, next_due), Cache::Seconds(seconds), "{next_due:?}");
            assert_eq!(Kind::Page.cache(now, next_due), Cache::Revalidate);
            assert_eq!(Kind::Crawling.cache(now, next_due), Cache::Revalidate);
        }
    }

    #[test]
    fn a_page_of_an_archive_is_kept_for_a_day_or_until_something_is_due() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let after = |seconds: i64| Some(Timestamp::from_second(1_000_000 + seconds).unwrap());
        for (next_due, seconds) in
            [(None, 86_400), (after(86_401), 86_400), (after(10), 10), (after(-1), 0)]
        {
            assert_eq!(Kind::Archive.cache(now, next_due), Cache::Seconds(seconds), "{next_due:?}");
        }
    }

    proptest! {
        #[test]
        fn every_coding_decodes_to_identity(text in "(\\PC{0,9}|<p>|</p>){0,200}") {
            let document = document(text.as_bytes());
            for coding in Coding::ALL {
                prop_assert_eq!(decode(document.coded(coding)), text.as_bytes());
            }
        }
    }
}
