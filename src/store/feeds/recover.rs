//! Recovers a lost ledger from the feeds on disk: ids, dates, and the site's id.
//!
//! Reads `feeds/` and nothing else, never writes, and never fails: a feed that cannot be read says
//! nothing. JSON Feed is read first, because it has every id to the byte; Atom where it holds more.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use feed_rs::model::Entry;
use quick_xml::events::Event;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use crate::base::{Format, Route, Scope, Timestamp, UrlPath};
use crate::feed::feed_id;
use crate::library::adopt::Recovered;
use crate::library::old_feed::Imported;

/// The largest feed that is read, in bytes; far beyond what dropfeed writes.
const FEED_BYTES_MAX: u64 = 64 << 20;

/// The limit of the bytes of feeds that are served while the articles are waited for.
const DOCUMENTS_BYTES_MAX: usize = 64 << 20;

/// The limit of the directories beneath `feeds/` that are read.
const DIRECTORIES_MAX: usize = 20_000;

/// The entries and ids that were found in the feeds on disk.
#[derive(Debug, Default)]
pub struct Found {
    /// The entries; those of the site's feed come first.
    pub entries: Vec<Recovered>,
    /// The id of the site, where it could be verified.
    pub site_id: Option<String>,
    /// The id of the site's feed, where it came from an imported feed.
    pub feed_id: Option<String>,
    /// The files as they are, to be served while it is not certain that the articles are there.
    pub documents: Vec<(Route, Format, Vec<u8>)>,
    /// Whether there is a feed of a site that cannot be read, so that its entries are unknown.
    pub is_damaged: bool,
}

impl Found {
    /// Puts the articles of an export before the entries: of several with one URL the first counts,
    /// and an export is more exact than a feed.
    pub fn put_first(&mut self, exported: Vec<Recovered>) {
        self.entries.splice(0..0, exported);
    }
}

/// The result of reading one file of a feed.
enum Read {
    /// There is none.
    Absent,
    /// It is a feed.
    Feed(OnDisk),
    /// It is whole, but another program's.
    Foreign,
    /// It is empty, cut off, or cannot be read.
    Damaged,
}

/// One feed on disk.
#[derive(Debug, Default)]
struct OnDisk {
    /// The base of the site's URLs, where this is the site's feed.
    base: Option<String>,
    /// The id that the feed gives to itself (Atom).
    id: Option<String>,
    /// The id of the site as the extension of the JSON feed names it.
    site_id: Option<String>,
    /// The id that an import gave the feed, by the same extension.
    imported_id: Option<String>,
    entries: Vec<Written>,
}

/// An entry as a feed shows it.
#[derive(Debug)]
struct Written {
    id: String,
    is_verbatim: bool,
    url: String,
    published: Timestamp,
    updated: Timestamp,
    imported: Option<Arc<Imported>>,
}

#[derive(Deserialize)]
struct JsonFeed {
    feed_url: String,
    home_page_url: Option<String>,
    #[serde(rename = "_dropfeed")]
    extension: Option<Extension>,
    items: Vec<JsonItem>,
}

#[derive(Default, Deserialize)]
struct Extension {
    site_id: Option<String>,
    feed_id: Option<String>,
}

#[derive(Deserialize)]
struct ItemExtension {
    id: String,
    imported: Option<Imported>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct JsonItem {
    id: String,
    url: String,
    date_published: Timestamp,
    date_modified: Timestamp,
    #[serde(rename = "_dropfeed")]
    extension: Option<ItemExtension>,
}

/// Reads every feed beneath `feeds`. `site_id`: the id that the configuration has for the site.
pub fn recover(feeds: &Path, site_id: &str) -> Found {
    let (site, is_damaged) = read_feed(feeds);
    let directories = directories(feeds);
    let documents = documents(feeds, &directories);
    let Some(base) = site.base.clone() else {
        return Found { documents, is_damaged, ..Found::default() };
    };
    let site_id = verified(&site, site_id, &base);
    let feed_id = site.imported_id.clone();
    let mut entries = Vec::new();
    take(&mut entries, site, &base, Source::Site);
    for directory in &directories {
        take(&mut entries, read_feed(directory).0, &base, Source::Elsewhere);
    }
    Found { entries, site_id, feed_id, documents, is_damaged: false }
}

/// The files of every feed that is whole, the site's own first, as far as they fit into
/// [`DOCUMENTS_BYTES_MAX`].
fn documents(feeds: &Path, directories: &[PathBuf]) -> Vec<(Route, Format, Vec<u8>)> {
    let (mut documents, mut room) = (Vec::new(), DOCUMENTS_BYTES_MAX);
    let all = std::iter::once(feeds).chain(directories.iter().map(PathBuf::as_path));
    for directory in all {
        for format in Format::ALL {
            let Some(route) = route_of(feeds, &directory.join(format.file_name())) else {
                continue;
            };
            if let Ok(bytes) = read(directory, format)
                && bytes.len() <= room
                && is_whole(format, &bytes)
            {
                room -= bytes.len();
                documents.push((route, format, bytes));
            }
        }
    }
    documents
}

/// Whether a document is complete: one that is cut off must not be served.
fn is_whole(format: Format, bytes: &[u8]) -> bool {
    if format == Format::Json {
        return serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    }
    let mut reader = quick_xml::Reader::from_reader(bytes);
    let (mut depth, mut elements) = (0_usize, 0_usize);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => (depth, elements) = (depth + 1, elements + 1),
            Ok(Event::Empty(_)) => elements += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) => return depth == 0 && elements > 0,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// The route of a file beneath `feeds`.
fn route_of(feeds: &Path, file: &Path) -> Option<Route> {
    let name = file.strip_prefix(feeds).ok()?.to_str()?;
    Route::parse(&format!("/{name}"))
}

/// The feed that an entry is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The feed of the site.
    Site,
    /// The feed of another scope.
    Elsewhere,
}

/// Adds the entries whose URLs are articles' pages.
fn take(entries: &mut Vec<Recovered>, feed: OnDisk, base: &str, source: Source) {
    for (place, written) in feed.entries.into_iter().enumerate() {
        let Written { id, is_verbatim, url, published, updated, imported } = written;
        let Some(path) = url.strip_prefix(base) else { continue };
        if let Some(Route::Resource(url)) = Route::parse(&format!("/{path}")) {
            let in_site_feed = source == Source::Site;
            entries.push(Recovered {
                url,
                id,
                is_verbatim,
                published,
                updated,
                in_site_feed,
                place,
                imported,
            });
        }
    }
}

/// The id of the site: the first of the candidates from which the id of the feed is derived; where
/// the feed has no id, the one that it names.
fn verified(site: &OnDisk, configured: &str, base: &str) -> Option<String> {
    let Some(id) = &site.id else { return site.site_id.clone() };
    // Nothing can be derived from the id of an old feed.
    if site.imported_id.as_ref() == Some(id) {
        return site.site_id.clone();
    }
    // The default of `site.id` is the host of the site.
    let url = Url::parse(base).ok();
    let host = url.as_ref().and_then(Url::host_str);
    for candidate in [site.site_id.as_deref(), Some(configured), host] {
        if let Some(candidate) = candidate
            && feed_id(candidate, &Scope::Site) == *id
        {
            return Some(candidate.to_owned());
        }
    }
    None
}

/// The feed of one directory, from the format that holds more, and whether there is one that cannot
/// be read.
fn read_feed(directory: &Path) -> (OnDisk, bool) {
    let reads = [read_format(directory, Format::Json), read_format(directory, Format::Atom)];
    let is_damaged = reads.iter().any(|read| matches!(read, Read::Damaged));
    // One format that can be read makes up for the other.
    let is_readable = reads.iter().any(|read| matches!(read, Read::Feed(_) | Read::Foreign));
    let [json, atom] = reads.map(|read| match read {
        Read::Feed(feed) => feed,
        _ => OnDisk::default(),
    });
    let feed = OnDisk {
        base: json.base.or(atom.base),
        id: atom.id,
        site_id: json.site_id,
        imported_id: json.imported_id,
        entries: if atom.entries.len() > json.entries.len() { atom.entries } else { json.entries },
    };
    (feed, is_damaged && !is_readable)
}

fn read_format(directory: &Path, format: Format) -> Read {
    match read(directory, format) {
        Ok(bytes) if format == Format::Json => of_json(&bytes),
        Ok(bytes) => of_atom(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Read::Absent,
        Err(_) => Read::Damaged,
    }
}

fn read(directory: &Path, format: Format) -> io::Result<Vec<u8>> {
    let path = directory.join(format.file_name());
    // Reading a pipe could wait for ever.
    if !std::fs::metadata(&path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FEED_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn of_json(bytes: &[u8]) -> Read {
    let Ok(feed) = serde_json::from_slice::<JsonFeed>(bytes) else {
        let is_json = serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
        return if is_json { Read::Foreign } else { Read::Damaged };
    };
    let base = base_of(&feed.feed_url, feed.home_page_url.as_deref(), Format::Json);
    let mut entries = Vec::with_capacity(feed.items.len());
    for item in feed.items {
        let JsonItem { id, url, date_published: published, date_modified: updated, extension } =
            item;
        let Some(ItemExtension { id, imported, path }) = extension else {
            let imported = None;
            entries.push(Written { id, is_verbatim: true, url, published, updated, imported });
            continue;
        };
        // `url` may be a page on another site, which does not lead to the article.
        let url = match (path.and_then(|path| UrlPath::new(&path)), &base) {
            (Some(path), Some(base)) => format!("{base}{path}"),
            _ => url,
        };
        let imported = imported.map(Arc::new);
        entries.push(Written { id, is_verbatim: true, url, published, updated, imported });
    }
    let extension = feed.extension.unwrap_or_default();
    Read::Feed(OnDisk {
        base,
        id: None,
        site_id: extension.site_id,
        imported_id: extension.feed_id,
        entries,
    })
}

fn of_atom(bytes: &[u8]) -> Read {
    let Ok(feed) = feed_rs::parser::parse(bytes) else { return Read::Damaged };
    let link = |rel: &str| feed.links.iter().find(|link| link.rel.as_deref() == Some(rel));
    let home = link("alternate").map(|link| link.href.as_str());
    let base = link("self").and_then(|link| base_of(&link.href, home, Format::Atom));
    let entries = feed.entries.iter().filter_map(of_atom_entry).collect();
    Read::Feed(OnDisk { base, id: Some(feed.id), entries, ..OnDisk::default() })
}

fn of_atom_entry(entry: &Entry) -> Option<Written> {
    let mut links = entry.links.iter();
    let page = links.find(|link| matches!(link.rel.as_deref(), None | Some("alternate")))?;
    let instant = |micros: i64| Timestamp::from_microsecond(micros).ok();
    Some(Written {
        id: entry.id.clone(),
        is_verbatim: false,
        url: page.href.clone(),
        published: instant(entry.published?.timestamp_micros())?,
        updated: instant(entry.updated?.timestamp_micros())?,
        imported: None,
    })
}

/// The base of the site's URLs: its home page, where its feed is beneath it; else what comes before
/// the default path of the feed.
fn base_of(feed_url: &str, home: Option<&str>, format: Format) -> Option<String> {
    if let Some(home) = home
        && home.ends_with('/')
        && feed_url.starts_with(home)
    {
        return Some(home.to_owned());
    }
    feed_url.strip_suffix(format.file_name()).map(str::to_owned)
}

/// Every directory beneath `feeds`, in the order of their names, so that the same files give the
/// same ids. Links are not followed.
fn directories(feeds: &Path) -> Vec<PathBuf> {
    let mut found = vec![feeds.to_owned()];
    let mut next = 0;
    while next < found.len() && found.len() < DIRECTORIES_MAX {
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(&found[next]).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                inside.push(entry.path());
            }
        }
        inside.sort();
        found.extend(inside);
        next += 1;
    }
    found.remove(0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"version":"https://jsonfeed.org/version/1.1","title":"t",
        "feed_url":"https://e.org/blog/feed.json","_dropfeed":{"site_id":"mine"},"items":[
        {"id":"x y","url":"https://e.org/blog/news/%C3%BC","date_published":"2026-01-02T00:00:00Z",
         "date_modified":"2026-01-03T00:00:00.000007Z"},
        {"id":"other","url":"https://elsewhere.org/a","date_published":"2026-01-02T00:00:00Z",
         "date_modified":"2026-01-03T00:00:00Z"}]}"#;

    fn atom(feed_id: &str) -> String {
        format!(
            r#"<feed xmlns="http://www.w3.org/2005/Atom"><id>{feed_id}</id><title>t</title>
            <updated>2026-01-03T00:00:00Z</updated><link rel="self" href="https://e.org/blog/atom.xml"/>
            <entry><id>urn:uuid:1</id><title>a</title><link href="https://e.org/blog/a"/>
            <published>2026-01-02T00:00:00Z</published><updated>2026-01-03T00:00:00.000009Z</updated></entry>
            </feed>"#
        )
    }

    /// The feeds as files, and what they say: the site's id, then each entry.
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = recover(dir.path(), "configured");
        let mut lines = vec![found.site_id.unwrap_or_else(|| "-".to_owned())];
        for entry in found.entries {
            let place = if entry.in_site_feed { "site" } else { "elsewhere" };
            lines.push(format!("{place} {} {} {}", entry.url.as_str(), entry.id, entry.updated));
        }
        assert_eq!(lines, expected, "{files:?}");
    }

    #[test]
    fn feeds_on_disk_are_read_back() {
        let own = atom(&feed_id("mine", &Scope::Site));
        let of_host = atom(&feed_id("e.org", &Scope::Site));
        let (u, a) = (
            "site news/ü x y 2026-01-03T00:00:00.000007Z",
            "site a urn:uuid:1 2026-01-03T00:00:00.000009Z",
        );
        check(&[], &["-"]);
        check(&[("feed.json", JSON)], &["mine", u]);
        check(&[("feed.json", JSON), ("atom.xml", &own)], &["mine", u]);
        check(&[("feed.json", JSON), ("atom.xml", &of_host)], &["e.org", u]);
        check(&[("feed.json", JSON), ("atom.xml", &atom("urn:uuid:2"))], &["-", u]);
        check(&[("feed.json", "{"), ("atom.xml", &of_host)], &["e.org", a]);
        check(&[("atom.xml", &atom(&feed_id("configured", &Scope::Site)))], &["configured", a]);
        let elsewhere = "elsewhere a urn:uuid:1 2026-01-03T00:00:00.000009Z";
        check(&[("feed.json", JSON), ("news/b/atom.xml", &own)], &["mine", u, elsewhere]);
        check(&[("news/feed.json", JSON)], &["-"]);
        // A feed with a path of its own.
        let own_path = JSON.replace(
            "https://e.org/blog/feed.json\",",
            "https://e.org/blog/a/feed.json\",\"home_page_url\":\"https://e.org/blog/\",",
        );
        check(&[("feed.json", &own_path)], &["mine", u]);
    }

    #[test]
    fn a_document_that_is_cut_off_is_not_served() {
        let own = atom(&feed_id("mine", &Scope::Site));
        for (format, text) in [(Format::Atom, own.as_str()), (Format::Json, JSON)] {
            assert!(is_whole(format, text.as_bytes()));
            for len in [0, 1, text.len() / 2, text.trim_end().len() - 1] {
                assert!(!is_whole(format, &text.as_bytes()[..len]), "{format:?} {len}");
            }
        }
    }

    #[test]
    fn feeds_that_cannot_be_read_are_not_taken_for_none() {
        let own = atom(&feed_id("mine", &Scope::Site));
        let cut = &own[..own.len() / 2];
        for (files, is_damaged) in [
            (&[][..], false),
            (&[("feed.json", JSON)], false),
            (&[("feed.json", "")], true),
            (&[("atom.xml", cut)], true),
            (&[("atom.xml", cut), ("feed.json", &JSON[..100])], true),
            (&[("atom.xml", cut), ("feed.json", JSON)], false),
            (&[("atom.xml", &own), ("feed.json", "{")], false),
            // Another program's.
            (&[("feed.json", r#"{"items": 7}"#)], false),
            (&[("rss.xml", "x")], false),
            (&[("news/feed.json", "x")], false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = dir.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            assert_eq!(recover(dir.path(), "x").is_damaged, is_damaged, "{files:?}");
        }
    }

    proptest::proptest! {
        /// Whatever is on disk, it is read or not, and nothing panics.
        #[test]
        fn no_bytes_stop_it(bytes: Vec<u8>) {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("feed.json"), &bytes).unwrap();
            std::fs::write(dir.path().join("atom.xml"), &bytes).unwrap();
            recover(dir.path(), "x");
        }
    }
}
