//! Pictures, and what a picture's mark-up means where it names a recording: audio and video.

use pulldown_cmark::Event;

use crate::article::feed_html::references::media_of;
use crate::article::feed_html::{push_attribute, push_text, repair};

use super::Writer;
use crate::base::media::Element;

/// Digits of a width or height in pixels.
const DIGITS_MAX: usize = 5;

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
        let mut size = String::new();
        if let Some((alt, given)) = image.alt.rsplit_once('|')
            && is_size(given)
        {
            size = given.to_owned();
            image.alt.truncate(alt.len());
        }
        let name = match media_of(&image.url) {
            Some(Element::Audio) => "audio",
            Some(Element::Video) => "video",
            Some(Element::Image) | None => return self.write_image(&image, &size),
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

    /// Writes a picture of this size, which may be empty.
    fn write_image(&mut self, image: &Image, size: &str) {
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
        let (width, height) = size.split_once('x').unwrap_or((size, ""));
        for (name, length) in [("width", width), ("height", height)] {
            let pixels = length.strip_suffix('%').unwrap_or(length);
            if (1..=DIGITS_MAX).contains(&pixels.len()) && !pixels.starts_with('0') {
                push_attribute(&mut attributes, name, length);
            }
        }
        self.out.push_str("<img");
        self.out.push_str(&attributes);
        self.out.push('>');
    }
}

/// Whether this is a size: Obsidian's `300` and `300x200`, and what stands for the attributes of
/// kramdown and Pandoc, `x200` and `50%`.
fn is_size(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
        && text.split('x').count() <= 2
        && text.split('x').all(|length| {
            let digits = length.strip_suffix('%').unwrap_or(length);
            digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use crate::article::model::TitleFrom;
    use crate::article::testing::rendered;

    #[test]
    fn pictures_keep_their_size() {
        for (text, expected) in [
            ("![[a.png|300]]", "alt=\"\" width=\"300\""),
            ("![[a.png|300x200]]", "alt=\"\" width=\"300\" height=\"200\""),
            ("![A|300](a.png)", "alt=\"A\" width=\"300\""),
            ("![A](a.png){: width=\"300\"}", "alt=\"A\" width=\"300\""),
            (
                "![A](a.png \"t\"){width=300px .x height=20}",
                "alt=\"A\" title=\"t\" width=\"300\" height=\"20\"",
            ),
            ("![A](a.png){ width=50% }", "alt=\"A\" width=\"50%\""),
            ("![A](a.png){height=20}", "alt=\"A\" height=\"20\""),
            ("![A](a.png){: width=\"3em\"}", "alt=\"A\""),
            ("![A](a.png){: .x}", "alt=\"A\""),
            ("![A|0](a.png)", "alt=\"A\""),
            ("![A|b](a.png)", "alt=\"A|b\""),
            ("![A|x](a.png)", "alt=\"A|x\""),
            ("![A|2x3x4](a.png)", "alt=\"A|2x3x4\""),
        ] {
            let html = rendered("a.md", text, TitleFrom::FileName).html;
            assert!(html.ends_with(&format!("\" {expected}></p>")), "{text}: {html}");
            let raw = rendered("a.md", &format!("{text}\n\n<b>b</b>"), TitleFrom::FileName).html;
            assert!(raw.starts_with(&html), "{text}: {raw}");
        }
        for (text, expected) in [
            ("[![A](a.png)](b){width=3}", "alt=\"A\"></a></p>"),
            ("[A](a.png){width=3}", ">A</a></p>"),
            ("![A](a.png) {width=3}", "alt=\"A\"> {width=3}</p>"),
            (
                "| a |\n|-|\n| ![A](a.png){width=3} |",
                "alt=\"A\" width=\"3\"></td>\n</tr>\n</tbody>\n</table>",
            ),
            (
                "| a |\n|-|\n| ![[a.png\\|3]] |",
                "alt=\"\" width=\"3\"></td>\n</tr>\n</tbody>\n</table>",
            ),
        ] {
            let html = rendered("a.md", text, TitleFrom::FileName).html;
            assert!(html.ends_with(expected), "{text}: {html}");
        }
    }
}
