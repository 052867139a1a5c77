//! The list of all feeds as OPML 2.0 (opml.org/spec2), for importing a whole site into a reader.
//!
//! It has no dates: a clock would change it without a change.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::xml;

/// The media type of the document, with its charset.
pub const CONTENT_TYPE: &str = "text/x-opml; charset=utf-8";

/// One feed in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
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
        writer.write_event(Event::Empty(element(outline)))?;
    }
    writer.write_event(Event::End(BytesEnd::new("body")))?;
    writer.write_event(Event::End(BytesEnd::new("opml")))
}

/// `type` is `rss` for every format, as the specification says.
fn element(outline: &Outline) -> BytesStart<'static> {
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
        let outline = Outline {
            title: "News & \"views\"\u{1} — Site".to_owned(),
            html_url: "https://example.org/news/".to_owned(),
            xml_url: "https://example.org/news/atom.xml?a&b".to_owned(),
        };
        let expected = concat!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
            "<opml version=\"2.0\">\n <head>\n  <title>A &lt; B</title>\n </head>\n <body>\n",
            "  <outline type=\"rss\" text=\"News &amp; &quot;views&quot; — Site\" title=\"News &amp; &quot;views&quot; — Site\"",
            " xmlUrl=\"https://example.org/news/atom.xml?a&amp;b\" htmlUrl=\"https://example.org/news/\"/>\n",
            " </body>\n</opml>"
        );
        assert_eq!(String::from_utf8(write("A < B", &[outline])).unwrap(), expected);
    }
}
