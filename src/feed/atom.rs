//! A feed as Atom 1.0 (RFC 4287), through the `atom_syndication` crate.
//!
//! Owns: the place of everything in Atom. The feed is the default namespace; titles and summaries
//! are `type="text"` (the default, so the attribute is left out), content is `type="html"`; the
//! feed always has an author (4.1.1), an entry exactly one `rel="alternate"`.

use std::collections::BTreeMap;

use ::atom_syndication as atom;
use ::atom_syndication::extension::{Extension, ExtensionMap};
use ::chrono::DateTime;
use quick_xml::escape::escape;

use crate::article::Person;
use crate::base::{Format, Timestamp};

use super::{Entry, Feed, GENERATOR, mailbox, xml};

/// The document: UTF-8, the same bytes for the same feed. Empty where the crate cannot write it,
/// which no gate passes.
pub fn write(feed: &Feed) -> Vec<u8> {
    let config = atom::WriteConfig { write_document_declaration: true, indent_size: Some(1) };
    let written = document(feed).write_with_config(Vec::new(), config);
    let bytes = written.map(xml::hexadecimal).unwrap_or_default();
    if feed.paging.archived.is_some() { with_history(bytes) } else { bytes }
}

/// The document of a page of an archive with `fh:archive` (RFC 5005, section 4). The grammar of RFC
/// 4287 wants it before the entries, and the crate writes extensions after them.
fn with_history(mut bytes: Vec<u8>) -> Vec<u8> {
    // Only markup has an unescaped `<`, so that no text of a feed is mistaken for the tag.
    let find = |tag: &[u8]| bytes.windows(tag.len()).position(|part| part == tag);
    let (at, element) = match (find(b"<entry>"), find(b"</feed>")) {
        (Some(entry), _) => (entry, "<fh:archive/>\n "),
        (None, Some(end)) => (end, " <fh:archive/>\n"),
        (None, None) => return bytes,
    };
    bytes.splice(at..at, element.bytes());
    bytes
}

fn document(feed: &Feed) -> atom::Feed {
    let mut namespaces = BTreeMap::new();
    if xml::has_media(&feed.entries) {
        namespaces.insert("media".to_owned(), xml::MEDIA.to_owned());
    }
    if feed.paging.archived.is_some() {
        namespaces.insert("fh".to_owned(), xml::HISTORY.to_owned());
    }
    atom::Feed {
        title: text(&feed.title, None),
        id: feed.id.clone(),
        updated: instant(feed.updated),
        authors: vec![person(&feed.author)],
        generator: Some(atom::Generator { value: GENERATOR.to_owned(), uri: None, version: None }),
        icon: feed.icon.clone(),
        links: feed_links(feed),
        subtitle: Some(text(&feed.description, None)),
        entries: feed.entries.iter().map(|shared| entry(shared)).collect(),
        namespaces,
        lang: Some(feed.language.clone()),
        categories: Vec::new(),
        contributors: Vec::new(),
        logo: None,
        rights: None,
        extensions: ExtensionMap::new(),
        base: None,
    }
}

fn feed_links(feed: &Feed) -> Vec<atom::Link> {
    let media_type = Some(Format::Atom.media_type());
    let mut links = vec![
        link("self", feed.self_url(Format::Atom), media_type),
        link("alternate", &feed.home_url, Some("text/html")),
    ];
    for url in &feed.hubs {
        links.push(link("hub", url, None));
    }
    for (rel, url) in xml::archive_links(feed, Format::Atom) {
        links.push(link(rel, url, media_type));
    }
    links
}

fn entry(entry: &Entry) -> atom::Entry {
    let language = entry.language.as_deref();
    let summary = xml::some(&entry.summary);
    // RFC 4287 (4.1.1.1) wants text of some kind, and several readers look for it in the content
    // alone: a feed of summaries has them there too, and a picture without words at least its name.
    let html = match (xml::some(&entry.html), &summary) {
        (Some(html), _) => html.into_owned(),
        (None, Some(summary)) => format!("<p>{}</p>", escape(&**summary)),
        (None, None) => format!("<p>{}</p>", escape(&*entry.name())),
    };
    let content = Some(html_content(html, language));
    let mut links = vec![link("alternate", &entry.url, Some("text/html"))];
    if let Some(url) = &entry.external_url {
        links.push(link("related", url, None));
    }
    atom::Entry {
        title: text(&entry.name(), language),
        id: entry.atom_id.clone(),
        updated: instant(entry.updated),
        authors: entry.authors.iter().map(person).collect(),
        categories: categories(entry),
        links,
        published: Some(instant(entry.published)),
        summary: summary.map(|summary| text(&summary, language)),
        content,
        extensions: match &entry.image {
            Some(image) => xml::media(image, element),
            None => ExtensionMap::new(),
        },
        contributors: Vec::new(),
        rights: None,
        source: None,
        namespaces: BTreeMap::new(),
    }
}

/// Plain text. An entry has no place for `xml:lang` in the crate, so that its texts carry it.
fn text(value: &str, language: Option<&str>) -> atom::Text {
    atom::Text {
        value: xml::border(value).into_owned(),
        base: None,
        lang: language.map(str::to_owned),
        r#type: atom::TextType::Text,
    }
}

fn html_content(html: String, language: Option<&str>) -> atom::Content {
    atom::Content {
        base: None,
        lang: language.map(str::to_owned),
        value: Some(html),
        src: None,
        content_type: Some("html".to_owned()),
    }
}

fn link(rel: &str, href: &str, media_type: Option<&str>) -> atom::Link {
    atom::Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        hreflang: None,
        mime_type: media_type.map(str::to_owned),
        title: None,
        length: None,
    }
}

/// An address that is none (RFC 4287, 3.2.3) is left out; `feed::lint` names it.
fn person(person: &Person) -> atom::Person {
    atom::Person {
        name: xml::border(&person.name).into_owned(),
        email: person.email.clone().filter(|address| mailbox::is_address(address)),
        uri: person.url.clone(),
        extensions: ExtensionMap::new(),
    }
}

/// The tags that say anything.
fn categories(entry: &Entry) -> Vec<atom::Category> {
    let mut categories = Vec::with_capacity(entry.tags.len());
    for tag in &entry.tags {
        if let Some(term) = xml::some(tag) {
            let term = term.into_owned();
            categories.push(atom::Category { term, scheme: None, label: None });
        }
    }
    categories
}

/// An empty element. An empty value, and not none, keeps it on its line; and since the crate writes
/// the attributes of an extension as they are, they are escaped here.
fn element(name: &str, attributes: BTreeMap<String, String>) -> Extension {
    let mut attrs = BTreeMap::new();
    for (key, value) in attributes {
        attrs.insert(key, escape(value.as_str()).into_owned());
    }
    Extension { name: name.to_owned(), value: Some(String::new()), attrs, ..Extension::default() }
}

/// Microseconds are kept. chrono's range is the wider one, so that the default is never taken.
fn instant(at: Timestamp) -> atom::FixedDateTime {
    DateTime::from_timestamp_micros(at.as_microsecond()).unwrap_or_default().fixed_offset()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_whole_document() {
        sample::check_golden("sample.atom.xml", &write(&sample::feed()));
    }

    #[test]
    fn a_page_of_an_archive_says_so() {
        let written = String::from_utf8(write(&sample::archive_page())).unwrap();
        for part in [
            "xmlns:fh=\"http://purl.org/syndication/history/1.0\"",
            "<subtitle>About things &#x26; &#x3C;stuff&#x3E;.</subtitle>\n <fh:archive/>\n <entry>\n",
            "<link href=\"https://example.org/blog/archive/2/atom.xml\" rel=\"self\" type=\"application/atom+xml\"/>",
            "<link href=\"https://example.org/blog/atom.xml\" rel=\"current\" type=\"application/atom+xml\"/>",
            "<link href=\"https://example.org/blog/archive/1/atom.xml\" rel=\"prev-archive\" type=\"application/atom+xml\"/>",
            "<link href=\"https://example.org/blog/archive/3/atom.xml\" rel=\"next-archive\" type=\"application/atom+xml\"/>",
        ] {
            assert!(written.contains(part), "{part} is not in\n{written}");
        }
        let mut empty = sample::archive_page();
        empty.entries.clear();
        let written = String::from_utf8(write(&empty)).unwrap();
        assert!(written.ends_with("</subtitle>\n <fh:archive/>\n</feed>"), "{written}");
        assert!(!String::from_utf8(write(&sample::feed())).unwrap().contains("fh:"));
    }

    #[test]
    fn an_entry_always_has_a_title_and_some_text() {
        let mut feed = sample::feed();
        let note = &mut feed.entries[0];
        (note.title, note.html) = (String::new(), String::new());
        note.summary = "Just a few words, then.".to_owned();
        let written = entry(note);
        assert_eq!(written.title.value, "Just a few words, then.");
        note.summary.clear();
        let written = entry(note);
        assert_eq!(written.title.value, "hello-world");
        assert_eq!(written.content.unwrap().value.unwrap(), "<p>hello-world</p>");
        note.summary = "a < b".to_owned();
        assert_eq!(entry(note).content.unwrap().value.unwrap(), "<p>a &lt; b</p>");
    }

    #[test]
    fn a_language_of_its_own_stands_at_the_texts() {
        let mut feed = sample::feed();
        feed.entries[0].language = Some("de".to_owned());
        let written = entry(&feed.entries[0]);
        assert_eq!(written.title.lang.as_deref(), Some("de"));
        assert_eq!(written.content.unwrap().lang.as_deref(), Some("de"));
    }
}
