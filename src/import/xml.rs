//! RSS 0.9x, 1.0 and 2.0 and Atom 0.3 and 1.0 as a document of an old feed.
//!
//! One pass over the events of the XML. Elements are known by their namespace, so that
//! `media:title` is not a title. Texts keep their characters: an id is compared byte by byte, and
//! only white space around it is left out, as readers do.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::{NsReader, Reader};
use url::Url;

use crate::base::Format;
use crate::library::old_feed::OldEntry;

use super::date;
use super::document::{Document, ENTRIES_MAX, Unreadable};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 1_000;

/// The vocabulary that an element belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vocabulary {
    /// RSS, with or without a namespace.
    Rss,
    Atom,
    DublinCore,
    FeedBurner,
    Rdf,
    Other,
}

/// The place of a text that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Link,
    /// The link before a proxy replaced it: what matches an article.
    OriginalLink,
    Title,
    Published,
    Updated,
    Generator,
}

/// The texts of an entry, or of the feed itself.
#[derive(Debug, Default)]
struct Texts {
    id: String,
    is_permalink: bool,
    link: String,
    original_link: String,
    title: String,
    published: String,
    updated: String,
    generator: String,
}

/// The facts that are known so far.
#[derive(Debug, Default)]
struct Builder {
    /// The root's format and name.
    kind: Option<(Format, &'static str)>,
    depth: usize,
    base: Option<Url>,
    feed: Texts,
    next: Option<String>,
    prev_archive: Option<String>,
    /// The entry that is being read, and the depth of its element.
    entry: Option<(usize, Texts)>,
    /// The text that is being read, and the depth of its element.
    field: Option<(usize, Field)>,
    entries: Vec<OldEntry>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let text = decode(bytes)?;
    if text.trim().is_empty() {
        return Err(Unreadable::NoFeed("it is empty".to_owned()));
    }
    let mut reader = NsReader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut builder = Builder::default();
    loop {
        let (namespace, event) =
            reader.read_resolved_event().map_err(|error| broken(&builder, &error.to_string()))?;
        match event {
            Event::Start(element) => builder.start(vocabulary(&namespace), &element)?,
            Event::End(_) => builder.end(),
            Event::Text(found) => builder.text(&found.decode().unwrap_or_default()),
            Event::CData(found) => builder.text(&found.decode().unwrap_or_default()),
            Event::GeneralRef(reference) => {
                let name = reference.decode().unwrap_or_default();
                match reference.resolve_char_ref() {
                    Ok(Some(c)) => builder.text(c.encode_utf8(&mut [0; 4])),
                    _ => match resolve_predefined_entity(&name) {
                        Some(text) => builder.text(text),
                        None => builder.text(&format!("&{name};")),
                    },
                }
            }
            Event::DocType(kind) if kind.to_ascii_lowercase().starts_with(b"html") => {
                return Err(html());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if builder.depth > 0 {
        return Err(Unreadable::Damaged("it ends in the middle of an element".to_owned()));
    }
    builder.finish()
}

fn html() -> Unreadable {
    Unreadable::NoFeed("it is an HTML page; give the address of its feed".to_owned())
}

/// The error for XML that does not parse: a feed that is broken, or something that never was one.
fn broken(builder: &Builder, why: &str) -> Unreadable {
    match builder.kind {
        Some(_) => Unreadable::Damaged(why.to_owned()),
        None => Unreadable::NoFeed(format!("it is neither XML nor JSON ({why})")),
    }
}

/// The text of the bytes: UTF-16 by its mark, else what the XML declaration says, else UTF-8.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(Event::Decl(declaration)) = Reader::from_reader(bytes).read_event() {
        match (declaration.encoder(), declaration.encoding()) {
            (Some(encoding), _) if encoding.name() != "UTF-8" => {
                return match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
                    Some(text) => Ok(text),
                    None => Err(Unreadable::Encoding(format!("not valid {}", encoding.name()))),
                };
            }
            (None, Some(Ok(name))) => {
                let name = String::from_utf8_lossy(&name).into_owned();
                return Err(Unreadable::Encoding(format!("its encoding, {name}, is unknown")));
            }
            _ => {}
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => Err(Unreadable::Encoding(format!(
            "not valid UTF-8 at byte {}",
            error.valid_up_to() + 1
        ))),
    }
}

/// The text of the bytes behind the mark of UTF-16; `unit` makes one number of two bytes.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Unreadable> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    match String::from_utf16(&units) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(_) => Err(Unreadable::Encoding("not valid UTF-16".to_owned())),
    }
}

fn vocabulary(namespace: &ResolveResult<'_>) -> Vocabulary {
    let ResolveResult::Bound(Namespace(name)) = namespace else {
        return if *namespace == ResolveResult::Unbound {
            Vocabulary::Rss
        } else {
            Vocabulary::Other
        };
    };
    match *name {
        b"" => Vocabulary::Rss,
        b"http://www.w3.org/2005/Atom" | b"http://purl.org/atom/ns#" => Vocabulary::Atom,
        b"http://www.w3.org/1999/02/22-rdf-syntax-ns#" => Vocabulary::Rdf,
        b"http://purl.org/dc/elements/1.1/" | b"http://purl.org/dc/terms/" => {
            Vocabulary::DublinCore
        }
        b"http://rssnamespace.org/feedburner/ext/1.0" => Vocabulary::FeedBurner,
        b"http://purl.org/rss/1.0/"
        | b"http://my.netscape.com/rdf/simple/0.9/"
        | b"http://channel.netscape.com/rdf/simple/0.9/"
        | b"http://purl.org/net/rss1.1#"
        | b"http://backend.userland.com/rss2"
        | b"http://backend.userland.com/RSS2"
        | b"http://blogs.law.harvard.edu/tech/rss" => Vocabulary::Rss,
        _ => Vocabulary::Other,
    }
}

impl Builder {
    fn start(
        &mut self,
        vocabulary: Vocabulary,
        element: &BytesStart<'_>,
    ) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Unreadable::Damaged("it is nested too deep".to_owned()));
        }
        let name = element.local_name();
        let name = String::from_utf8_lossy(name.as_ref()).into_owned();
        if self.kind.is_none() {
            self.kind = Some(root(vocabulary, &name, element)?);
            self.base = attribute(element, b"xml:base").and_then(|base| Url::parse(&base).ok());
            return Ok(());
        }
        let is_entry = matches!(
            (vocabulary, name.as_str()),
            (Vocabulary::Rss, "item") | (Vocabulary::Atom, "entry")
        );
        if is_entry && self.entry.is_none() {
            if self.entries.len() == ENTRIES_MAX {
                return Err(Unreadable::TooLong);
            }
            // RSS 1.0 names its items by URI.
            let id = attribute(element, b"rdf:about").unwrap_or_default();
            let texts = Texts { id, ..Texts::default() };
            self.entry = Some((self.depth, texts));
            return Ok(());
        }
        if self.field.is_some() || !self.is_child() {
            return Ok(());
        }
        if vocabulary == Vocabulary::Atom && name == "link" {
            self.atom_link(element);
        } else if let Some(field) = self.field_of(vocabulary, &name)
            // The first of a kind counts: an RSS 1.0 document has the link of its image beside its
            // own.
            && self.texts().of(field).is_empty()
        {
            if field == Field::Id {
                let said = attribute(element, b"isPermaLink");
                let is_guid = vocabulary == Vocabulary::Rss;
                self.texts().is_permalink =
                    is_guid && said.is_none_or(|said| said.trim() != "false");
            }
            self.field = Some((self.depth, field));
        }
        Ok(())
    }

    /// Whether the element that begins is a child of the entry, or else of the feed.
    fn is_child(&self) -> bool {
        match (&self.entry, self.kind) {
            (Some((depth, _)), _) => self.depth == depth + 1,
            (None, Some((Format::Rss, _))) => self.depth == 3,
            (None, _) => self.depth == 2,
        }
    }

    fn texts(&mut self) -> &mut Texts {
        match &mut self.entry {
            Some((_, texts)) => texts,
            None => &mut self.feed,
        }
    }

    fn field_of(&self, vocabulary: Vocabulary, name: &str) -> Option<Field> {
        let is_rss = self.kind.is_some_and(|(format, _)| format == Format::Rss);
        match (vocabulary, name) {
            (Vocabulary::Rss, "guid") => Some(Field::Id),
            (Vocabulary::Atom, "id") if !is_rss => Some(Field::Id),
            (Vocabulary::Rss, "link") => Some(Field::Link),
            (Vocabulary::FeedBurner, "origLink") => Some(Field::OriginalLink),
            (Vocabulary::Rss, "title") => Some(Field::Title),
            (Vocabulary::Atom, "title") if !is_rss => Some(Field::Title),
            (Vocabulary::Rss, "pubDate" | "pubdate") => Some(Field::Published),
            (Vocabulary::Atom, "published" | "issued") => Some(Field::Published),
            (Vocabulary::DublinCore, "date" | "issued" | "created") => Some(Field::Published),
            (Vocabulary::Atom, "updated" | "modified") => Some(Field::Updated),
            (Vocabulary::DublinCore, "modified") => Some(Field::Updated),
            (Vocabulary::Rss | Vocabulary::Atom, "generator") => Some(Field::Generator),
            _ => None,
        }
    }

    fn atom_link(&mut self, element: &BytesStart<'_>) {
        let Some(href) = attribute(element, b"href") else { return };
        let href = match &self.base {
            Some(base) => base.join(&href).map(String::from).unwrap_or(href),
            None => href,
        };
        let rel = attribute(element, b"rel").unwrap_or_else(|| "alternate".to_owned());
        let is_feed = self.entry.is_none();
        match rel.as_str() {
            // An RSS item has a link of its own; the feed's may be beside it.
            "alternate" if self.texts().link.is_empty() => self.texts().link = href,
            "next" if is_feed => self.next = Some(href),
            "prev-archive" if is_feed => self.prev_archive = Some(href),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let Some((_, field)) = self.field else { return };
        self.texts().of(field).push_str(text);
    }

    fn end(&mut self) {
        if self.field.is_some_and(|(depth, _)| depth == self.depth) {
            self.field = None;
        }
        if self.entry.as_ref().is_some_and(|(depth, _)| *depth == self.depth)
            && let Some((_, texts)) = self.entry.take()
            && let Some((format, _)) = self.kind
        {
            self.entries.push(texts.entry(format));
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn finish(self) -> Result<Document, Unreadable> {
        let Some((format, name)) = self.kind else {
            return Err(Unreadable::NoFeed("it has no element".to_owned()));
        };
        let id = self.feed.id.trim();
        let home = match (self.feed.link.trim(), &self.base) {
            ("", Some(base)) => Some(base.to_string()),
            ("", None) => None,
            (link, _) => Some(link.to_owned()),
        };
        Ok(Document {
            format,
            name,
            feed_id: (format == Format::Atom && !id.is_empty()).then(|| id.to_owned()),
            home,
            // An archive is a fixed page; `next` may shift while it is followed.
            next: self.prev_archive.or(self.next),
            is_wordpress: self.feed.generator.to_ascii_lowercase().contains("wordpress"),
            entries: self.entries,
            notes: Vec::new(),
        })
    }
}

impl Texts {
    fn of(&mut self, field: Field) -> &mut String {
        match field {
            Field::Id => &mut self.id,
            Field::Link => &mut self.link,
            Field::OriginalLink => &mut self.original_link,
            Field::Title => &mut self.title,
            Field::Published => &mut self.published,
            Field::Updated => &mut self.updated,
            Field::Generator => &mut self.generator,
        }
    }

    fn entry(self, format: Format) -> OldEntry {
        let link = self.link.trim().to_owned();
        let original = self.original_link.trim();
        let id = self.id.trim();
        let updated = date::parse(&self.updated);
        OldEntry {
            format,
            id: if id.is_empty() { link.clone() } else { id.to_owned() },
            is_permalink: self.is_permalink && !id.is_empty(),
            link: if original.is_empty() { link } else { original.to_owned() },
            title: self.title.split_whitespace().collect::<Vec<_>>().join(" "),
            published: date::parse(&self.published).or(updated),
            updated,
            is_listed: true,
        }
    }
}

/// The format of a document with this root.
fn root(
    vocabulary: Vocabulary,
    name: &str,
    element: &BytesStart<'_>,
) -> Result<(Format, &'static str), Unreadable> {
    let version = attribute(element, b"version").unwrap_or_default();
    match (vocabulary, name.to_ascii_lowercase().as_str()) {
        (_, "rss") if version.starts_with("0.91") => Ok((Format::Rss, "RSS 0.91")),
        (_, "rss") if version.starts_with("0.92") => Ok((Format::Rss, "RSS 0.92")),
        (_, "rss") => Ok((Format::Rss, "RSS 2.0")),
        (Vocabulary::Rdf, "rdf") => Ok((Format::Rss, "RSS 1.0")),
        (Vocabulary::Atom, "feed") if version == "0.3" => Ok((Format::Atom, "Atom 0.3")),
        (Vocabulary::Atom, "feed") => Ok((Format::Atom, "Atom 1.0")),
        (_, "html") => Err(html()),
        _ => Err(Unreadable::NoFeed(format!("its root element is <{name}>"))),
    }
}

/// The value of an attribute by its name as written.
fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    for attribute in element.attributes().with_checks(false).flatten() {
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            return Some(value.trim().to_owned());
        }
    }
    None
}
