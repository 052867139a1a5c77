//! Rows of the ledger as cells of the database, and back.
//!
//! Pure. `read_x(x(row)) == row`, instants to the microsecond. Cells that cannot be read back are
//! [`Malformed`], never a guess. Heads are JSON, so that a later version may add fields; word
//! sketches are bytes, because each article has one and all are read at each start; large bodies are
//! deflated.

use std::io::{self, Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
pub use rusqlite::types::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::article::{Body, Head, WordSketch};
use crate::base::{Digest, RelPath, Route, Scope, Timestamp, UrlPath};
use crate::library::Seq;
use crate::library::{ChannelRow, DocumentRow, FileRow, Kept, Record, Standing};
use crate::source::Fingerprint;

use crate::store::{Projected, stored};

/// The largest body that is read back, in bytes of JSON: more than any limit allows, so only a
/// damaged row can exceed it.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// The first byte of a body that is stored as it is. No deflated one begins with it: it would say
/// that a block has the reserved type (RFC 1951, section 3.2.3).
const AS_IT_IS: u8 = 0xff;

/// Smaller bodies are stored as they are. To set up the compressor takes a tenth of a millisecond,
/// longer than to write a page more.
const DEFLATED_MIN: usize = 16 * 1024;

/// The first byte of a stored word sketch: the number of its layout.
const SKETCH_FORM: u8 = 1;

/// A row's cells, key first.
pub type Cells = Vec<Value>;

/// A cell of the wrong type or with an impossible value, described for an operator.
#[derive(Debug)]
pub struct Malformed(pub(super) String);

/// A value read from cells.
pub type Result<T> = std::result::Result<T, Malformed>;

/// The cells of a file.
pub fn file(path: &RelPath, row: &FileRow) -> Result<Cells> {
    let Fingerprint { dev, ino, btime_ns, len_bytes, mtime_ns, ctime_ns } = row.fingerprint;
    let (kept, head, sketch, diagnostics) = match &row.kept {
        Kept::Recorded => (0, Value::Null, Value::Null, Value::Null),
        Kept::Article(head, words) => (1, json(&**head)?, sketch(words), Value::Null),
        Kept::Empty => (2, Value::Null, Value::Null, Value::Null),
        Kept::Refused(diagnostics) => (3, Value::Null, Value::Null, json(&**diagnostics)?),
        Kept::Linked(target) => (4, Value::Null, Value::Null, json(target)?),
    };
    Ok(vec![
        text(path.as_str()),
        int(dev.cast_signed()),
        int(ino.cast_signed()),
        int(btime_ns),
        int(len_bytes.cast_signed()),
        int(mtime_ns),
        int(ctime_ns),
        int(row.racy.into()),
        row.digest.as_ref().map_or(Value::Null, digest),
        int(kept),
        head,
        sketch,
        diagnostics,
    ])
}

/// The file of its cells.
pub fn read_file(cells: Cells) -> Result<(RelPath, FileRow)> {
    let mut cells = Reader(cells.into_iter());
    let path = cells.path()?;
    let fingerprint = Fingerprint {
        dev: cells.int()?.cast_unsigned(),
        ino: cells.int()?.cast_unsigned(),
        btime_ns: cells.int()?,
        len_bytes: cells.int()?.cast_unsigned(),
        mtime_ns: cells.int()?,
        ctime_ns: cells.int()?,
    };
    let racy = cells.int()? != 0;
    let digest = match cells.next()? {
        Value::Null => None,
        Value::Blob(blob) => Some(read_digest(&blob)?),
        other => return malformed("a digest", &other),
    };
    let kept = match cells.int()? {
        0 => Kept::Recorded,
        1 => Kept::Article(Arc::new(cells.json()?), cells.sketch()?),
        2 => Kept::Empty,
        3 => {
            // Both are null in the row of a refused file.
            let (_head, _sketch) = (cells.next()?, cells.next()?);
            Kept::Refused(cells.json::<Vec<_>>()?.into())
        }
        4 => {
            let (_head, _sketch) = (cells.next()?, cells.next()?);
            Kept::Linked(cells.json()?)
        }
        other => return malformed("the state of a file", &int(other)),
    };
    Ok((path, FileRow { fingerprint, racy, digest, kept }))
}

/// The place of the words in the cells of a record.
pub const RECORD_WORDS: usize = 11;

/// The cells of a record with its words; without them, their cell is empty.
pub fn record(record: &Record, words: Option<&WordSketch>) -> Result<Cells> {
    let (standing, missing) = match record.standing {
        Standing::Public => (0, Value::Null),
        Standing::Withdrawn => (1, Value::Null),
        Standing::Missing(since) => (2, instant(since)),
        Standing::Deleted(at) => (3, at.map_or(Value::Null, instant)),
        Standing::Forgotten => (4, Value::Null),
    };
    Ok(vec![
        int(record.seq.cast_signed()),
        text(&record.id),
        text(record.path.as_str()),
        text(record.url.as_str()),
        instant(record.first_seen),
        instant(record.published),
        instant(record.updated),
        digest(&record.digest),
        int(standing),
        missing,
        json(&*record.head)?,
        words.map_or(Value::Null, sketch),
        match &record.imported {
            Some(imported) => json(&**imported)?,
            None => Value::Null,
        },
        match &record.last_file {
            Some(last_file) => json(last_file)?,
            None => Value::Null,
        },
    ])
}

/// The record of its cells.
pub fn read_record(cells: Cells) -> Result<Arc<Record>> {
    let mut cells = Reader(cells.into_iter());
    Ok(Arc::new(Record {
        seq: cells.seq()?,
        id: cells.text()?,
        path: cells.path()?,
        url: cells.url()?,
        first_seen: cells.instant()?,
        published: cells.instant()?,
        updated: cells.instant()?,
        digest: cells.digest()?,
        standing: match (cells.int()?, cells.next()?) {
            (0, _) => Standing::Public,
            (1, _) => Standing::Withdrawn,
            (2, Value::Integer(micros)) => Standing::Missing(read_instant(micros)?),
            (3, Value::Null) => Standing::Deleted(None),
            (3, Value::Integer(micros)) => Standing::Deleted(Some(read_instant(micros)?)),
            (4, _) => Standing::Forgotten,
            (other, _) => return malformed("a standing", &int(other)),
        },
        head: {
            let head = Arc::new(cells.json::<Head>()?.shrunk());
            // Most are never asked for: see `read_words`.
            let _words = cells.blob()?;
            head
        },
        imported: match cells.next()? {
            Value::Null => None,
            Value::Text(text) => Some(Arc::new(read_json(&text)?)),
            other => return malformed("what was imported", &other),
        },
        last_file: match cells.next()? {
            Value::Null => None,
            Value::Text(text) => Some(read_json(&text)?),
            other => return malformed("the last file of an article", &other),
        },
    }))
}

/// The words in the cells of a record.
pub fn read_words(mut cells: Cells) -> Result<Arc<WordSketch>> {
    cells.drain(..RECORD_WORDS);
    Reader(cells.into_iter()).sketch()
}

/// The cells of a URL, its article, and its place in the order in which all URLs became public.
pub fn url(url: &UrlPath, seq: Seq, n: u64) -> Cells {
    vec![text(url.as_str()), int(seq.cast_signed()), int(n.cast_signed())]
}

/// The place, the URL and its article, of their cells.
pub fn read_url(cells: Cells) -> Result<(u64, (UrlPath, Seq))> {
    let mut cells = Reader(cells.into_iter());
    let (url, seq) = (cells.url()?, cells.seq()?);
    Ok((cells.seq()?, (url, seq)))
}

/// The cells of a channel.
pub fn channel(row: &ChannelRow) -> Cells {
    vec![
        text(&row.scope.to_string()),
        text(&row.name),
        instant(row.watermark),
        instant(row.modified),
    ]
}

/// The channel of its cells; `None` for that of a path that is not a scope. Such a row is whole: 0.1.0
/// wrote some for directories whose URL is reserved, which have no feeds.
pub fn read_channel(cells: Cells) -> Result<Option<ChannelRow>> {
    let mut cells = Reader(cells.into_iter());
    let scope = read_scope(&cells.text()?);
    let (name, watermark, modified) = (cells.text()?, cells.instant()?, cells.instant()?);
    Ok(scope.map(|scope| ChannelRow { scope, name, watermark, modified }))
}

/// The cells of a body.
pub fn body(seq: Seq, body: &Body) -> Result<Cells> {
    let mut bytes = vec![AS_IT_IS];
    serde_json::to_writer(&mut bytes, body).map_err(|error| Malformed(error.to_string()))?;
    if bytes.len() >= DEFLATED_MIN {
        bytes = deflate(&bytes[1..]).map_err(|error| Malformed(error.to_string()))?;
    }
    Ok(vec![int(seq.cast_signed()), Value::Blob(bytes)])
}

fn deflate(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflated.write_all(bytes)?;
    deflated.finish()
}

fn inflate(deflated: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(deflated.len() * 4);
    // A damaged row could otherwise inflate until the memory is full.
    DeflateDecoder::new(deflated).take(BODY_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The body of its cells.
pub fn read_body(cells: Cells) -> Result<(Seq, Arc<Body>)> {
    let mut cells = Reader(cells.into_iter());
    let (seq, bytes) = (cells.seq()?, cells.blob()?);
    let body = match bytes.strip_prefix(&[AS_IT_IS]) {
        Some(bytes) => serde_json::from_slice(bytes),
        None => {
            let inflated = inflate(&bytes)
                .map_err(|error| Malformed(format!("a body does not inflate: {error}")))?;
            serde_json::from_slice(&inflated)
        }
    };
    Ok((seq, Arc::new(body.map_err(|error| Malformed(format!("a body: {error}")))?)))
}

/// The cells of a hot document.
pub fn document(path: &str, row: &DocumentRow) -> Cells {
    vec![text(path), digest(&row.digest), instant(row.last_modified)]
}

/// The path and the hot document of its cells.
pub fn read_document(cells: Cells) -> Result<(String, DocumentRow)> {
    let mut cells = Reader(cells.into_iter());
    let path = cells.text()?;
    Ok((path, DocumentRow { digest: cells.digest()?, last_modified: cells.instant()? }))
}

/// The cells of a single value.
pub fn setting(name: &str, value: &str) -> Cells {
    vec![text(name), text(value)]
}

/// The name and the value of its cells.
pub fn read_setting(cells: Cells) -> Result<(String, String)> {
    let mut cells = Reader(cells.into_iter());
    Ok((cells.text()?, cells.text()?))
}

/// The cells of a projected file.
pub fn projected(name: &str, digests: &[Digest]) -> Cells {
    let mut bytes = Vec::new();
    for digest in digests {
        bytes.extend_from_slice(digest.as_bytes());
    }
    vec![text(name), Value::Blob(bytes)]
}

/// The projected file of its cells.
pub fn read_projected(cells: Cells) -> Result<Projected> {
    let mut cells = Reader(cells.into_iter());
    let name = cells.text()?;
    let mut digests = Vec::new();
    for bytes in cells.blob()?.chunks(32) {
        digests.push(read_digest(bytes)?);
    }
    Ok((name, digests))
}

/// A number as a cell.
pub fn int(number: i64) -> Value {
    Value::Integer(number)
}

/// A text as a cell.
pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn digest(digest: &Digest) -> Value {
    Value::Blob(digest.as_bytes().to_vec())
}

fn instant(instant: Timestamp) -> Value {
    int(stored(instant))
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Value::Text(text)),
        Err(error) => Err(Malformed(error.to_string())),
    }
}

fn read_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Malformed(error.to_string()))
}

/// The layout: its number (a byte), the count of words, then each of both lists after its length.
/// Numbers have 32 bits in little-endian order.
fn sketch(sketch: &WordSketch) -> Value {
    let WordSketch { words, histogram, sample } = sketch;
    let mut bytes = Vec::with_capacity(13 + histogram.len() + 4 * sample.len());
    bytes.push(SKETCH_FORM);
    bytes.extend_from_slice(&words.to_le_bytes());
    bytes.extend_from_slice(&(histogram.len() as u32).to_le_bytes());
    bytes.extend_from_slice(histogram);
    bytes.extend_from_slice(&(sample.len() as u32).to_le_bytes());
    for hash in sample {
        bytes.extend_from_slice(&hash.to_le_bytes());
    }
    Value::Blob(bytes)
}

fn read_sketch(bytes: &[u8]) -> Option<WordSketch> {
    let (&[SKETCH_FORM], rest) = bytes.split_first_chunk()? else { return None };
    let (words, rest) = rest.split_at_checked(4)?;
    let (len, rest) = rest.split_at_checked(4)?;
    let (histogram, rest) = rest.split_at_checked(number(len)? as usize)?;
    let (len, rest) = rest.split_at_checked(4)?;
    let mut sample = Vec::with_capacity(rest.len() / 4);
    for hash in rest.chunks(4) {
        sample.push(number(hash)?);
    }
    // The sample is the last, so that bytes which are missing or too many change its length.
    if sample.len() != number(len)? as usize {
        return None;
    }
    Some(WordSketch { words: number(words)?, histogram: histogram.to_vec(), sample })
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn read_digest(bytes: &[u8]) -> Result<Digest> {
    let bytes =
        bytes.try_into().map_err(|_| Malformed(format!("a digest of {} bytes", bytes.len())))?;
    Ok(Digest::from_bytes(bytes))
}

fn read_instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| Malformed(error.to_string()))
}

fn read_scope(text: &str) -> Option<Scope> {
    match Route::parse(text)? {
        Route::Home => Some(Scope::Site),
        Route::Index(scope) => Some(scope),
        _ => None,
    }
}

fn malformed<T>(what: &str, found: &Value) -> Result<T> {
    Err(Malformed(format!("{:?} in place of {what}", found.data_type())))
}

/// Takes the cells of a row one by one.
struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    fn next(&mut self) -> Result<Value> {
        self.0.next().ok_or_else(|| Malformed("a row is too short".to_owned()))
    }

    fn text(&mut self) -> Result<String> {
        match self.next()? {
            Value::Text(text) => Ok(text),
            other => malformed("a text", &other),
        }
    }

    fn int(&mut self) -> Result<i64> {
        match self.next()? {
            Value::Integer(number) => Ok(number),
            other => malformed("a number", &other),
        }
    }

    fn blob(&mut self) -> Result<Vec<u8>> {
        match self.next()? {
            Value::Blob(blob) => Ok(blob),
            other => malformed("bytes", &other),
        }
    }

    fn seq(&mut self) -> Result<u64> {
        self.int().map(i64::cast_unsigned)
    }

    fn digest(&mut self) -> Result<Digest> {
        read_digest(&self.blob()?)
    }

    fn instant(&mut self) -> Result<Timestamp> {
        read_instant(self.int()?)
    }

    fn path(&mut self) -> Result<RelPath> {
        let text = self.text()?;
        RelPath::new(&text).ok_or_else(|| Malformed(format!("{text:?} is not a path")))
    }

    fn url(&mut self) -> Result<UrlPath> {
        let text = self.text()?;
        UrlPath::new(&text).ok_or_else(|| Malformed(format!("{text:?} is not a URL path")))
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        read_json(&self.text()?)
    }

    fn sketch(&mut self) -> Result<Arc<WordSketch>> {
        let bytes = self.blob()?;
        match read_sketch(&bytes) {
            Some(sketch) => Ok(Arc::new(sketch)),
            None => Err(Malformed("a word sketch of an unknown form".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(html_bytes: usize) -> (Body, Vec<u8>) {
        let body = Body { html: "é".repeat(html_bytes / 2), summary: "S".to_owned() };
        let cells = super::body(7, &body).unwrap();
        let Value::Blob(bytes) = cells[1].clone() else { panic!("{cells:?}") };
        let (seq, read) = read_body(cells).unwrap();
        assert_eq!((seq, &*read), (7, &body), "{html_bytes}");
        (body, bytes)
    }

    #[test]
    fn a_body_of_any_size_is_read_as_it_was() {
        for around in [0, DEFLATED_MIN] {
            for html_bytes in around.saturating_sub(60)..around + 60 {
                stored(html_bytes);
            }
        }
        let (large, _) = stored(10 * DEFLATED_MIN);
        let (_, bytes) = stored(100);
        assert_eq!(bytes[0], AS_IT_IS);
        let (_, bytes) = stored(10 * DEFLATED_MIN);
        assert!(bytes.len() < large.html.len() / 4);
    }

    #[test]
    fn a_small_body_of_an_earlier_version_is_inflated() {
        let body = Body { html: "<p>text</p>".to_owned(), summary: "text".to_owned() };
        let deflated = deflate(&serde_json::to_vec(&body).unwrap()).unwrap();
        let (_, read) = read_body(vec![int(7), Value::Blob(deflated)]).unwrap();
        assert_eq!(*read, body);
        assert!(read_body(vec![int(7), Value::Blob(vec![AS_IT_IS, b'{'])]).is_err());
        assert!(read_body(vec![int(7), Value::Blob(Vec::new())]).is_err());
    }
}
