//! A feed as RSS 2.0 (the RSS Advisory Board's 2.0.11, with its RSS Profile), through the `rss`
//! crate.
//!
//! Owns: the place of everything in RSS. Never decides what is in a feed. Names are in
//! `dc:creator`, since `author` wants an e-mail address; the whole article is in `content:encoded`,
//! after a plain `description`; pictures are in Media RSS.

use std::collections::BTreeMap;

use ::rss::extension::atom::{AtomExtension, Link};
use ::rss::extension::dublincore::DublinCoreExtension;
use ::rss::extension::{Extension, ExtensionMap};
use ::rss::{Category, Channel, Cloud, Guid, Image, Item};
use url::Url;

use crate::base::{Format, time};

use super::{Entry, Feed, GENERATOR, xml};

/// The document: UTF-8, the same bytes for the same feed. Empty where the crate cannot write it,
/// which no gate passes.
pub fn write(feed: &Feed) -> Vec<u8> {
    channel(feed).pretty_write_to(Vec::new(), b' ', 1).map(xml::hexadecimal).unwrap_or_default()
}

fn channel(feed: &Feed) -> Channel {
    let mut namespaces = BTreeMap::new();
    if xml::has_media(&feed.entries) {
        // The crate declares its own extensions, not the free ones.
        namespaces.insert("media".to_owned(), xml::MEDIA.to_owned());
    }
    let mut extensions = ExtensionMap::new();
    if feed.paging.archived.is_some() {
        namespaces.insert("fh".to_owned(), xml::HISTORY.to_owned());
        let archive = element("fh:archive", BTreeMap::new());
        let elements = BTreeMap::from([("archive".to_owned(), vec![archive])]);
        extensions.insert("fh".to_owned(), elements);
    }
    Channel {
        title: xml::border(&feed.title).into_owned(),
        link: feed.home_url.clone(),
        description: xml::border(&feed.description).into_owned(),
        language: Some(feed.language.clone()),
        // The newest entry's date and not the clock's, so that the same feed has the same bytes.
        last_build_date: Some(time::rfc822(feed.updated)),
        generator: Some(GENERATOR.to_owned()),
        ttl: Some(feed.ttl_minutes.to_string()),
        cloud: feed.cloud.as_ref().and_then(cloud),
        image: feed.icon.as_deref().map(|url| image(feed, url)),
        atom_ext: Some(AtomExtension { links: links(feed) }),
        extensions,
        items: items(feed),
        namespaces,
        ..Channel::default()
    }
}

/// The REST form of rssCloud, in which no procedure is named.
fn cloud(url: &Url) -> Option<Cloud> {
    Some(Cloud {
        domain: url.host_str()?.to_owned(),
        port: url.port_or_known_default()?.to_string(),
        path: url.path().to_owned(),
        register_procedure: String::new(),
        protocol: "http-post".to_owned(),
    })
}

/// Title and link are the channel's, as the specification wants of `image`.
fn image(feed: &Feed, url: &str) -> Image {
    Image {
        url: url.to_owned(),
        title: xml::border(&feed.title).into_owned(),
        link: feed.home_url.clone(),
        ..Image::default()
    }
}

fn links(feed: &Feed) -> Vec<Link> {
    let mut links = vec![link("self", feed.self_url(Format::Rss))];
    for url in &feed.hubs {
        links.push(Link { mime_type: None, ..link("hub", url) });
    }
    for (rel, url) in xml::archive_links(feed, Format::Rss) {
        links.push(link(rel, url));
    }
    links
}

fn link(rel: &str, url: &str) -> Link {
    Link {
        href: url.to_owned(),
        rel: rel.to_owned(),
        mime_type: Some(Format::Rss.media_type().to_owned()),
        ..Link::default()
    }
}

fn items(feed: &Feed) -> Vec<Item> {
    feed.entries.iter().map(|entry| item(feed, entry)).collect()
}

fn item(feed: &Feed, entry: &Entry) -> Item {
    let title = xml::some(&entry.title);
    let content = xml::some(&entry.html);
    Item {
        title: title.map(Into::into),
        link: Some(entry.url.clone()),
        description: description(entry),
        categories: categories(entry),
        guid: Some(Guid {
            value: xml::border(entry.id_in(Format::Rss)).into_owned(),
            permalink: entry.is_permalink(),
        }),
        pub_date: Some(time::rfc822(entry.published)),
        content: content.map(Into::into),
        extensions: match &entry.image {
            Some(image) => xml::media(image, element),
            None => ExtensionMap::new(),
        },
        dublin_core_ext: Some(dublin_core(feed, entry)),
        ..Item::default()
    }
}

/// The description of an item, which needs that or a title (RSS 2.0), and one before its content.
/// Never an empty one: what has no words, such as a single picture, has its name there.
fn description(entry: &Entry) -> Option<String> {
    if let Some(summary) = xml::some(&entry.summary) {
        return Some(xml::as_html(&summary));
    }
    let is_needed = xml::some(&entry.title).is_none() || xml::some(&entry.html).is_some();
    if is_needed { Some(xml::as_html(&xml::border(&entry.name()))) } else { None }
}

/// The tags that say anything.
fn categories(entry: &Entry) -> Vec<Category> {
    let mut categories = Vec::with_capacity(entry.tags.len());
    for tag in &entry.tags {
        if let Some(name) = xml::some(tag) {
            categories.push(Category { name: name.into_owned(), domain: None });
        }
    }
    categories
}

/// Each item names its authors: RSS has no place for the feed's own that readers look at.
fn dublin_core(feed: &Feed, entry: &Entry) -> DublinCoreExtension {
    let mut creators = Vec::new();
    for person in feed.authors_of(entry) {
        creators.push(xml::border(&person.name).into_owned());
    }
    DublinCoreExtension {
        creators,
        languages: entry.language.iter().cloned().collect(),
        ..DublinCoreExtension::default()
    }
}

/// An empty element. An empty value, and not none, keeps it on its line.
fn element(name: &str, attrs: BTreeMap<String, String>) -> Extension {
    Extension { name: name.to_owned(), value: Some(String::new()), attrs, ..Extension::default() }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_whole_document() {
        sample::check_golden("sample.rss.xml", &write(&sample::feed()));
    }

    #[test]
    fn a_note_has_no_title_and_a_summary_feed_no_content() {
        let mut feed = sample::feed();
        feed.entries[0].title.clear();
        feed.entries[0].html.clear();
        let written = String::from_utf8(write(&feed)).unwrap();
        let first = &written[written.find("<item>").unwrap()..written.find("</item>").unwrap()];
        assert!(!first.contains("<title>") && !first.contains("content:encoded"), "{first}");
        assert!(first.contains("<description>"), "{first}");
    }

    #[test]
    fn a_page_of_an_archive_says_so() {
        let written = String::from_utf8(write(&sample::archive_page())).unwrap();
        for part in [
            "xmlns:fh=\"http://purl.org/syndication/history/1.0\"",
            "<fh:archive></fh:archive>",
            "<atom:link href=\"https://example.org/blog/archive/2/rss.xml\" rel=\"self\" type=\"application/rss+xml\"/>",
            "<atom:link href=\"https://example.org/blog/rss.xml\" rel=\"current\" type=\"application/rss+xml\"/>",
            "<atom:link href=\"https://example.org/blog/archive/1/rss.xml\" rel=\"prev-archive\" type=\"application/rss+xml\"/>",
            "<atom:link href=\"https://example.org/blog/archive/3/rss.xml\" rel=\"next-archive\" type=\"application/rss+xml\"/>",
        ] {
            assert!(written.contains(part), "{part} is not in\n{written}");
        }
    }

    #[test]
    fn a_channel_image_carries_the_channels_title_and_link() {
        let mut feed = sample::feed();
        feed.icon = Some("https://example.org/blog/icon.png".to_owned());
        let channel = channel(&feed);
        let image = channel.image.clone().unwrap();
        assert_eq!((image.title, image.link), (channel.title, channel.link));
    }
}
