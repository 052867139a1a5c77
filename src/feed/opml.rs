//! The list of all feeds as OPML 2.0 (opml.org/spec2), for importing a whole site into a reader.
//!
//! It has no dates: a clock would change it without a change.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::xml;

/// The media type of the document, with its charset.
pub const CONTENT_TYPE: &str = "text/x-opml; charset=utf-8";

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outline {
    /// A feed.
    Feed(Subscription),
    /// Feeds of one kind: readers make a folder of it.
    Group {
        /// The name of the group. Not empty.
        title: String,
        /// The feeds, of which there is at least one.
        feeds: Vec<Subscription>,
    },
}

/// One feed in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The feed's title. Not empty.
    pub title: String,
    /// The page that shows the same articles, absolute.
    pub html_url: String,
    /// The feed, absolute.
    pub xml_url: String,
}

/// The document titled `title`, in the order of `outlines`, of which there is at least one (the
/// site's own feed). Empty where it cannot be written, which writing to memory excludes.
pub fn write(title: &str, outlines: &[Outline]) -> Vec<u8> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    match events(&mut writer, title, outlines) {
        Ok(()) => writer.into_inner(),
        Err(_) => Vec::new(),
    }
}

fn events(writer: &mut Writer<Vec<u8>>, title: &str, outlines: &[Outline]) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    writer
        .write_event(Event::Start(BytesStart::new("opml").with_attributes([("version", "2.0")])))?;
    writer.write_event(Event::Start(BytesStart::new("head")))?;
    writer.write_event(Event::Start(BytesStart::new("title")))?;
    writer.write_event(Event::Text(BytesText::new(&xml::border(title))))?;
    writer.write_event(Event::End(BytesEnd::new("title")))?;
    writer.write_event(Event::End(BytesEnd::new("head")))?;
    writer.write_event(Event::Start(BytesStart::new("body")))?;
    for outline in outlines {
        match outline {
            Outline::Feed(feed) => writer.write_event(Event::Empty(element(feed)))?,
            Outline::Group { title, feeds } => write_group(writer, title, feeds)?,
        }
    }
    writer.write_event(Event::End(BytesEnd::new("body")))?;
    writer.write_event(Event::End(BytesEnd::new("opml")))
}

fn write_group(
    writer: &mut Writer<Vec<u8>>,
    title: &str,
    feeds: &[Subscription],
) -> std::io::Result<()> {
    let title = &*xml::border(title);
    let group = BytesStart::new("outline").with_attributes([("text", title)]);
    writer.write_event(Event::Start(group))?;
    for feed in feeds {
        writer.write_event(Event::Empty(element(feed)))?;
    }
    writer.write_event(Event::End(BytesEnd::new("outline")))
}

/// `type` is `rss` for every format, as the specification says.
fn element(outline: &Subscription) -> BytesStart<'static> {
    let title = xml::border(&outline.title);
    let mut element = BytesStart::new("outline");
    element.push_attribute(("type", "rss"));
    element.push_attribute(("text", &*title));
    element.push_attribute(("title", &*title));
    element.push_attribute(("xmlUrl", outline.xml_url.as_str()));
    element.push_attribute(("htmlUrl", outline.html_url.as_str()));
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_document() {
        let outline = Subscription {
            title: "News & \"views\"\u{1} — Site".to_owned(),
            html_url: "https://example.org/news/".to_owned(),
            xml_url: "https://example.org/news/atom.xml?a&b".to_owned(),
        };
        let expected = concat!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
            "<opml version=\"2.0\">\n <head>\n  <title>A &lt; B</title>\n </head>\n <body>\n",
            "  <outline type=\"rss\" text=\"News &amp; &quot;views&quot; — Site\" title=\"News &amp; &quot;views&quot; — Site\"",
            " xmlUrl=\"https://example.org/news/atom.xml?a&amp;b\" htmlUrl=\"https://example.org/news/\"/>\n",
            "  <outline text=\"Tags &amp; more\">\n",
            "   <outline type=\"rss\" text=\"T\" title=\"T\" xmlUrl=\"https://e.org/t\" htmlUrl=\"https://e.org/\"/>\n",
            "  </outline>\n </body>\n</opml>"
        );
        let tag = Subscription {
            title: "T".to_owned(),
            html_url: "https://e.org/".to_owned(),
            xml_url: "https://e.org/t".to_owned(),
        };
        let group = Outline::Group { title: "Tags & more".to_owned(), feeds: vec![tag] };
        let written = write("A < B", &[Outline::Feed(outline), group]);
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
