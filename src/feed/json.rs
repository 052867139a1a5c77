//! A feed as JSON Feed 1.1 (jsonfeed.org/version/1.1). The whole format is these structures.
//!
//! Members are in the order of the specification; what is empty is left out; an item always has
//! its content, as HTML or as text.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use crate::base::{Format, UrlPath, time};

use crate::library::old_feed::Imported;

use super::{Entry, Feed, Person, xml};

/// The version, as its URL.
const VERSION: &str = "https://jsonfeed.org/version/1.1";

/// The document: UTF-8, the same bytes for the same feed. Empty where serde cannot write it, which
/// no gate passes.
pub fn write(feed: &Feed) -> Vec<u8> {
    serde_json::to_vec(&document(feed)).unwrap_or_default()
}

/// One item by itself, as in a feed. Empty where serde cannot write it.
pub(super) fn write_item(entry: &Entry) -> Vec<u8> {
    serde_json::to_vec(&item(entry)).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    title: Cow<'a, str>,
    home_page_url: &'a str,
    feed_url: &'a str,
    description: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    authors: Vec<Author<'a>>,
    language: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    #[serde(rename = "_dropfeed", skip_serializing_if = "Option::is_none")]
    extension: Option<Extension<'a>>,
    items: Vec<Item<'a>>,
}

/// An extension, as the specification allows: what the recovery of a lost state needs.
#[derive(Serialize)]
struct Extension<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    site_id: Option<&'a str>,
    /// The id of the Atom feed, where it is not derived from the site's.
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Hub<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
}

/// The same for an item: the ids and the date that an import gave it.
#[derive(Serialize)]
struct ItemExtension<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    imported: Option<Imported>,
    /// The URL path of the article, which a page elsewhere does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: Cow<'a, str>,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(rename = "_dropfeed", skip_serializing_if = "Option::is_none")]
    extension: Option<ItemExtension<'a>>,
}

fn document(feed: &Feed) -> Document<'_> {
    let previous = feed.paging.previous.as_ref();
    Document {
        version: VERSION,
        title: xml::border(&feed.title),
        home_page_url: &feed.home_url,
        feed_url: feed.self_url(Format::Json),
        description: xml::border(&feed.description),
        // What became public before: the format has no word for an archive.
        next_url: previous.map(|urls| urls[Format::Json as usize].as_str()),
        icon: feed.icon.as_deref(),
        authors: vec![author(&feed.author)],
        language: &feed.language,
        hubs: feed.hubs.iter().map(|url| Hub { kind: "WebSub", url }).collect(),
        extension: extension(feed),
        items: feed.entries.iter().map(|shared| item(shared)).collect(),
    }
}

fn extension(feed: &Feed) -> Option<Extension<'_>> {
    let (site_id, feed_id) = (feed.site_id.as_deref(), feed.imported_id.as_deref());
    (site_id.is_some() || feed_id.is_some()).then_some(Extension { site_id, feed_id })
}

fn item_extension(entry: &Entry) -> Option<ItemExtension<'_>> {
    let path = entry.local.as_ref().map(UrlPath::as_str);
    // The former id is of this state alone.
    let known = |imported: &Arc<Imported>| Imported { former: None, ..(**imported).clone() };
    let imported = entry.imported.as_ref().map(known);
    let is_needed = imported.is_some() || path.is_some();
    is_needed.then_some(ItemExtension { id: &entry.id, imported, path })
}

fn author(person: &Person) -> Author<'_> {
    Author { name: xml::border(&person.name), url: person.url.as_deref() }
}

fn item(entry: &Entry) -> Item<'_> {
    let content_html = xml::some(&entry.html);
    let content_text = match content_html {
        Some(_) => None,
        None => Some(xml::some(&entry.summary).unwrap_or_else(|| entry.name())),
    };
    Item {
        id: xml::border(entry.id_in(Format::Json)),
        url: &entry.url,
        external_url: entry.external_url.as_deref(),
        title: xml::some(&entry.title),
        content_html,
        content_text,
        summary: xml::some(&entry.summary),
        image: entry.image.as_deref(),
        date_published: time::rfc3339(entry.published),
        date_modified: time::rfc3339(entry.updated),
        authors: entry.authors.iter().map(author).collect(),
        tags: entry.tags.iter().filter_map(|tag| xml::some(tag)).collect(),
        language: entry.language.as_deref(),
        extension: item_extension(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_whole_document() {
        sample::check_golden("sample.feed.json", &write(&sample::feed()));
    }

    #[test]
    fn a_page_of_an_archive_leads_to_the_one_before() {
        let page = sample::archive_page();
        let written = document(&page);
        assert_eq!(written.feed_url, "https://example.org/blog/archive/2/feed.json");
        assert_eq!(written.next_url, Some("https://example.org/blog/archive/1/feed.json"));
        assert_eq!(document(&sample::feed()).next_url, None);
    }

    #[test]
    fn an_item_always_has_content() {
        let mut feed = sample::feed();
        let entry = &mut feed.entries[0];
        entry.html.clear();
        assert_eq!(item(entry).content_text.as_deref(), Some(entry.summary.as_str()));
        entry.summary.clear();
        assert_eq!(item(entry).content_text.as_deref(), Some("Hello <b>world</b> & more"));
        entry.title.clear();
        assert_eq!(item(entry).content_text.as_deref(), Some("hello-world"));
    }
}
