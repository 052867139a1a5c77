//! One document of an old feed: its format recognised, its entries checked; and several of them as
//! one feed.

use std::collections::HashSet;

use url::Url;

use crate::library::old_feed::{OldEntry, OldFeed};

use super::document::{Document, ENTRIES_MAX, Unreadable};
use super::{json, xml};

/// Notes about one document; beyond that, the number is enough.
const NOTES_MAX: usize = 10;

/// Reads one document. Entries without an id and a link are left out, as is the second entry with
/// an id.
///
/// # Errors
/// One sentence, where the document is not a whole feed.
pub fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let mut document = if is_json(bytes) { json::read(bytes)? } else { xml::read(bytes)? };
    let home = document.home.as_deref().and_then(|home| Url::parse(home).ok());
    let mut ids = HashSet::new();
    let mut notes = Vec::new();
    for (n, mut entry) in std::mem::take(&mut document.entries).into_iter().enumerate() {
        if let Some(home) = &home {
            entry.link = absolute(home, entry.link);
        }
        if entry.id.trim().is_empty() {
            notes.push(format!("entry {} has neither an id nor a link; skipped", n + 1));
        } else if !ids.insert(entry.id.clone()) {
            notes.push(format!("entry {} has the id {:?} of another; skipped", n + 1, entry.id));
        } else {
            document.entries.push(entry);
        }
    }
    if notes.len() > NOTES_MAX {
        let more = notes.len() - NOTES_MAX;
        notes.truncate(NOTES_MAX);
        notes.push(format!("{more} more entries skipped for the same reasons"));
    }
    document.notes = notes;
    Ok(document)
}

/// Joins documents to one old feed. The first document of each format is what subscribers poll; the
/// others of that format are its older pages.
///
/// # Errors
/// [`Unreadable::TooLong`].
pub fn join(documents: Vec<Document>) -> Result<OldFeed, Unreadable> {
    let mut feed = OldFeed::default();
    let mut formats = Vec::new();
    let mut ids = HashSet::new();
    for document in documents {
        let is_first = !formats.contains(&document.format);
        formats.push(document.format);
        feed.feed_id = feed.feed_id.or(document.feed_id);
        feed.home = feed.home.or(document.home);
        for entry in document.entries {
            // Pages overlap where a post was published while they were fetched.
            if ids.insert((entry.format, entry.id.clone())) {
                feed.entries.push(OldEntry { is_listed: is_first, ..entry });
            }
        }
        if feed.entries.len() > ENTRIES_MAX {
            return Err(Unreadable::TooLong);
        }
    }
    Ok(feed)
}

fn is_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// The link against the page of its feed, where it is relative.
fn absolute(home: &Url, link: String) -> String {
    if link.is_empty() || Url::parse(&link).is_ok() {
        return link;
    }
    home.join(&link).map(String::from).unwrap_or(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read: the format, the feed's id, and each entry as `id | link | title | published |
    /// updated`.
    fn check(text: &str, expected: &[&str]) {
        let document = read(text.as_bytes()).unwrap();
        let mut lines =
            vec![format!("{} {}", document.name, document.feed_id.as_deref().unwrap_or("-"))];
        for entry in &document.entries {
            let at =
                |at: Option<crate::base::Timestamp>| at.map_or("-".into(), |at| at.to_string());
            let mark = if entry.is_permalink { "*" } else { "" };
            lines.push(format!(
                "{}{mark} | {} | {} | {} | {}",
                entry.id,
                entry.link,
                entry.title,
                at(entry.published),
                at(entry.updated)
            ));
        }
        assert_eq!(lines, expected);
    }

    fn refused(bytes: &[u8], sentence: &str) {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }

    #[test]
    fn rss_of_every_version() {
        check(
            "<?xml version='1.0'?><rss version='0.91'><channel><title>T</title><link>https://e.org/</link>
             <item><title>One</title><link>/a</link></item></channel></rss>",
            &["RSS 0.91 -", "/a | https://e.org/a | One | - | -"],
        );
        check(
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'
             xmlns:dc='http://purl.org/dc/elements/1.1/'><channel rdf:about='https://e.org/'><link>https://e.org/</link>
             </channel><item rdf:about='https://e.org/?1'><title>One</title><link>https://e.org/a</link>
             <dc:date>2020-01-02T03:04:05+01:00</dc:date></item></rdf:RDF>",
            &["RSS 1.0 -", "https://e.org/?1 | https://e.org/a | One | 2020-01-02T02:04:05Z | -"],
        );
        check(
            "<rss version='2.0' xmlns:m='http://search.yahoo.com/mrss/' xmlns:a='http://www.w3.org/2005/Atom'>
             <channel><title>T</title><link>https://e.org/</link><a:link rel='self' href='https://e.org/rss'/>
             <item><m:title>not this</m:title><title><![CDATA[A &amp; <b>B</b>]]></title><link>https://e.org/a</link>
             <guid>https://e.org/a</guid><pubDate>Thu, 02 Jan 2020 03:04:05 GMT</pubDate>
             <m:group><title>nor this</title></m:group></item>
             <item><title>Tom &amp;amp; Jerry</title><guid isPermaLink='false'> https://e.org/?p=1&amp;x=2 </guid>
             <pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate></item></channel></rss>",
            &[
                "RSS 2.0 -",
                "https://e.org/a* | https://e.org/a | A &amp; <b>B</b> | 2020-01-02T03:04:05Z | -",
                "https://e.org/?p=1&x=2 |  | Tom &amp; Jerry | - | -",
            ],
        );
    }

    #[test]
    fn atom_of_both_versions() {
        check(
            "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://e.org/blog/'><id>tag:e.org:x</id>
             <link rel='self' href='atom.xml'/><link href='https://e.org/blog/'/>
             <entry><id>tag:e.org,2020:1</id><title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>A <b>B</b></div>
             </title><link rel='enclosure' href='x.mp3'/><link rel='alternate' href='a.html'/>
             <published>2020-01-02T03:04:05Z</published><updated>2020-02-02T03:04:05Z</updated>
             <source><id>no</id><title>no</title></source></entry></feed>",
            &[
                "Atom 1.0 tag:e.org:x",
                "tag:e.org,2020:1 | https://e.org/blog/a.html | A B | 2020-01-02T03:04:05Z | 2020-02-02T03:04:05Z",
            ],
        );
        check(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><id>i</id><link rel='alternate' href='https://e.org/'/>
             <entry><id>1</id><title mode='escaped'>A</title><link rel='alternate' href='https://e.org/a'/>
             <issued>2004-01-02T03:04:05Z</issued><modified>2004-02-02T03:04:05Z</modified></entry></feed>",
            &["Atom 0.3 i", "1 | https://e.org/a | A | 2004-01-02T03:04:05Z | 2004-02-02T03:04:05Z"],
        );
        // A date of change alone is the date of publication, too.
        check(
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><title/><link href='https://e.org/a'/>
             <updated>2020-02-02T03:04:05Z</updated></entry></feed>",
            &["Atom 1.0 -", "1 | https://e.org/a |  | 2020-02-02T03:04:05Z | 2020-02-02T03:04:05Z"],
        );
    }

    #[test]
    fn json_feed() {
        check(
            r#"{"version":"https://jsonfeed.org/version/1","title":"T","home_page_url":"https://e.org/",
               "items":[{"id":7,"url":"/a","title":"A","date_published":"2020-01-02T03:04:05Z"},
                        {"url":"https://e.org/b"}]}"#,
            &[
                "JSON Feed -",
                "7 | https://e.org/a | A | 2020-01-02T03:04:05Z | -",
                "https://e.org/b | https://e.org/b |  | - | -",
            ],
        );
    }

    #[test]
    fn json_may_begin_with_a_byte_order_mark() {
        let text =
            "\u{feff}{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{\"id\":\"7\"}]}";
        assert_eq!(read(text.as_bytes()).unwrap().entries[0].id, "7");
    }

    #[test]
    fn encodings() {
        let mut latin =
            b"<?xml version='1.0' encoding='ISO-8859-1'?><rss version='2.0'><channel><item><title>"
                .to_vec();
        latin.extend_from_slice(b"Gr\xfc\xdfe</title><guid>1</guid></item></channel></rss>");
        assert_eq!(read(&latin).unwrap().entries[0].title, "Grüße");
        let text = "\u{feff}<rss version='2.0'><channel><item><title>Grüße</title><guid>1</guid></item></channel></rss>";
        assert_eq!(read(text.as_bytes()).unwrap().entries[0].title, "Grüße");
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16).unwrap().entries[0].title, "Grüße");
        refused(b"<rss><channel><title>\xff</title></channel></rss>", "not valid UTF-8");
    }

    #[test]
    fn what_is_no_feed_is_one_sentence() {
        refused(b"", "not a feed: it is empty");
        refused(b"plain words", "not a feed");
        refused(b"<!doctype html><html><body></body></html>", "not a feed: it is an HTML page");
        refused(b"<html><head></head></html>", "not a feed: it is an HTML page");
        refused(b"<opml version='2.0'></opml>", "not a feed: its root element is <opml>");
        refused(b"{\"a\":1}", "not a feed: it is JSON");
        refused(b"{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[", "cut short");
        refused(b"<rss version='2.0'><channel><item><title>A</title>", "cut short");
        refused(b"<rss version='2.0'><channel><item></channel></rss>", "cut short");
    }

    #[test]
    fn entries_that_cannot_be_told_apart_are_reported() {
        let document = read(
            b"<rss version='2.0'><channel><item><title>A</title><guid>1</guid></item>
              <item><title>B</title><guid>1</guid></item><item><title>C</title></item></channel></rss>",
        )
        .unwrap();
        assert_eq!(document.entries.len(), 1);
        assert_eq!(document.notes.len(), 2, "{:?}", document.notes);
    }

    #[test]
    fn very_many_entries_are_too_many() {
        let mut text = "<rss version='2.0'><channel>".to_owned();
        for n in 0..=ENTRIES_MAX {
            text.push_str(&format!("<item><guid>{n}</guid></item>"));
        }
        text.push_str("</channel></rss>");
        assert_eq!(read(text.as_bytes()).unwrap_err(), Unreadable::TooLong);
    }

    #[test]
    fn the_first_document_of_a_format_is_what_subscribers_poll() {
        let page = |ids: &[&str]| {
            let items: String =
                ids.iter().map(|id| format!("<item><guid>{id}</guid></item>")).collect();
            read(format!("<rss version='2.0'><channel>{items}</channel></rss>").as_bytes()).unwrap()
        };
        let atom =
            "<feed xmlns='http://www.w3.org/2005/Atom'><id>f</id><entry><id>1</id></entry></feed>";
        let feed = join(vec![page(&["3", "2"]), page(&["2", "1"]), read(atom.as_bytes()).unwrap()])
            .unwrap();
        let listed: Vec<(&str, bool)> =
            feed.entries.iter().map(|entry| (entry.id.as_str(), entry.is_listed)).collect();
        assert_eq!(listed, [("3", true), ("2", true), ("1", false), ("1", true)]);
        assert_eq!(feed.feed_id.as_deref(), Some("f"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_stop_it(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_markup_stops_it(text in "(<rss>|</rss>|<channel>|<item>|</item>|<guid>|&|#|;|<!\\[CDATA\\[|\\]\\]>|x|<feed xmlns='http://www.w3.org/2005/Atom'>){0,20}") {
            let _ = read(text.as_bytes());
        }
    }
}
