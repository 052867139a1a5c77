//! Pictures on a page: their size, so that the text does not move when they arrive, and loading
//! that waits until they are near. Feeds have neither.

use crate::base::html::unescape;

use super::feed_html::{Part, attributes, parts};

/// Pictures of an article whose size is asked for.
const SIZED_MAX: usize = 500;

/// The HTML of an article whose references are resolved, with hints for browsers at its pictures.
/// `size` is asked for the width and the height of the picture at a URL, in pixels.
///
/// The first picture is loaded at once: it may be all that is seen at first. A picture of which
/// several versions are offered gets no size, since a browser may show another one than `src`.
pub(crate) fn with_hints(
    html: &str,
    size: &mut dyn FnMut(&str) -> Option<(usize, usize)>,
) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 16);
    let mut pictures = 0_usize;
    let mut choices = 0_usize;
    for part in parts(html) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::End(name) => {
                choices = choices.saturating_sub(usize::from(name == "picture"));
                out.push_str("</");
                out.push_str(name);
                out.push('>');
            }
            Part::Start(name, values) => {
                choices += usize::from(name == "picture");
                out.push('<');
                out.push_str(name);
                out.push_str(values);
                if name == "img" {
                    if choices == 0 && pictures < SIZED_MAX {
                        push_size(&mut out, values, size);
                    }
                    if pictures > 0 {
                        out.push_str(" loading=\"lazy\" decoding=\"async\"");
                    }
                    pictures += 1;
                }
                out.push('>');
            }
        }
    }
    out
}

/// Writes the size of a picture, unless its author gave a side of it or offers several versions.
fn push_size(out: &mut String, values: &str, size: &mut dyn FnMut(&str) -> Option<(usize, usize)>) {
    let mut source = None;
    for (name, value) in attributes(values) {
        match name {
            "width" | "height" | "srcset" => return,
            "src" => source = Some(unescape(value)),
            _ => {}
        }
    }
    if let Some((width, height)) = source.and_then(|source| size(&source)) {
        out.push_str(&format!(" width=\"{width}\" height=\"{height}\""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_get_what_their_authors_left_out() {
        let lazy = " loading=\"lazy\" decoding=\"async\"";
        for (html, expected) in [
            ("<p>a &amp; b<br>c</p>", "<p>a &amp; b<br>c</p>".to_owned()),
            (
                "<img src=\"/a?b&amp;c\" alt=\"\">",
                "<img src=\"/a?b&amp;c\" alt=\"\" width=\"3\" height=\"2\">".to_owned(),
            ),
            ("<img src=\"/x\"><img src=\"/x\">", format!("<img src=\"/x\"><img src=\"/x\"{lazy}>")),
            (
                "<img src=\"/x\"><img src=\"/a?b&amp;c\" width=\"9\"><img height=\"9\" src=\"/a?b&amp;c\">",
                format!(
                    "<img src=\"/x\"><img src=\"/a?b&amp;c\" width=\"9\"{lazy}><img height=\"9\" src=\"/a?b&amp;c\"{lazy}>"
                ),
            ),
            (
                "<img src=\"/x\"><img src=\"/a?b&amp;c\" srcset=\"/a 2x\">",
                format!("<img src=\"/x\"><img src=\"/a?b&amp;c\" srcset=\"/a 2x\"{lazy}>"),
            ),
            (
                "<picture><source srcset=\"/b\"><img src=\"/a?b&amp;c\"></picture>",
                "<picture><source srcset=\"/b\"><img src=\"/a?b&amp;c\"></picture>".to_owned(),
            ),
            (
                "<math alttext=\"x\"><mi>x</mi></math>",
                "<math alttext=\"x\"><mi>x</mi></math>".to_owned(),
            ),
        ] {
            let seen = with_hints(html, &mut |url| (url == "/a?b&c").then_some((3, 2)));
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn not_every_picture_of_many_is_opened() {
        let mut asked = 0;
        with_hints(&"<img src=\"/a\">".repeat(2 * SIZED_MAX), &mut |_| {
            asked += 1;
            None
        });
        assert_eq!(asked, SIZED_MAX);
    }
}
