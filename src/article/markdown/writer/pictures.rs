//! Pictures, and what a picture's mark-up means where it names a recording: audio and video.

use pulldown_cmark::Event;

use crate::article::feed_html::references::media_of;
use crate::article::feed_html::{push_attribute, push_text, repair};

use super::Writer;
use crate::base::media::Element;

/// A picture whose `alt` is being gathered.
pub(crate) struct Image {
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) alt: String,
    pub(crate) depth: usize,
}

impl Writer<'_, '_> {
    /// Gathers the text of a picture, which is its `alt`.
    pub(crate) fn is_of_image(&mut self, event: &Event<'_>) -> bool {
        let Some(image) = &mut self.image else { return false };
        match event {
            Event::Start(_) => image.depth += 1,
            Event::End(_) if image.depth > 0 => image.depth -= 1,
            Event::End(_) => self.end_image(),
            Event::Text(text) | Event::Code(text) => image.alt.push_str(text),
            Event::InlineMath(tex) | Event::DisplayMath(tex) => image.alt.push_str(tex),
            Event::SoftBreak | Event::HardBreak => image.alt.push(' '),
            _ => {}
        }
        true
    }

    pub(crate) fn end_image(&mut self) {
        let Some(mut image) = self.image.take() else { return };
        // Obsidian's `![a cat|300x200](cat.png)` gives a size, which a feed does not keep.
        if let Some((alt, size)) = image.alt.rsplit_once('|')
            && size.starts_with(|c: char| c.is_ascii_digit())
            && size.bytes().all(|byte| byte.is_ascii_digit() || byte == b'x')
        {
            image.alt.truncate(alt.len());
        }
        let name = match media_of(&image.url) {
            Some(Element::Audio) => "audio",
            Some(Element::Video) => "video",
            Some(Element::Image) | None => return self.write_image(&image),
        };
        let mut attributes = String::new();
        if self.push_reference(&mut attributes, "src", &image.url) {
            attributes.push_str(" controls=\"\"");
            self.open(name, &attributes);
            // Not of a heading's id, which no picture has a part in, shown or not.
            push_text(&mut self.out, &image.alt);
            self.close();
        } else {
            push_text(&mut self.out, &image.alt);
        }
    }

    pub(crate) fn write_image(&mut self, image: &Image) {
        let mut attributes = String::new();
        let has_source =
            !image.url.trim().is_empty() && self.push_reference(&mut attributes, "src", &image.url);
        if !has_source {
            push_text(&mut self.out, &image.alt);
            return;
        }
        push_attribute(&mut attributes, "alt", &repair(&image.alt).replace('\n', " "));
        if !image.title.is_empty() {
            push_attribute(&mut attributes, "title", &image.title);
        }
        self.out.push_str("<img");
        self.out.push_str(&attributes);
        self.out.push('>');
    }
}
