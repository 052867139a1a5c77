//! Shortcodes of WordPress, as its exports have them in HTML and in Markdown: `[caption]`,
//! `[embed]`, `[audio]` and `[video]` are converted, `[gallery]` and `[playlist]`, whose files only
//! WordPress knows, are removed.

use crate::article::feed_html::push_text;
use crate::article::feed_html::references::media_of;

use super::arguments::{Arguments, arguments, first_of, value};
use super::counterpart::Counterpart;

/// The names. None begins with another one.
const NAMES: [&str; 7] =
    ["caption", "wp_caption", "gallery", "playlist", "embed", "audio", "video"];

/// Keys of the address of a recording.
const SOURCES: [&str; 10] = ["src", "mp3", "m4a", "ogg", "wav", "mp4", "m4v", "webm", "ogv", "flv"];

/// A shortcode, with what it encloses.
pub(super) struct Shortcode {
    pub(super) name: &'static str,
    pub(super) len: usize,
    /// `None` if it is removed.
    pub(super) counterpart: Option<Counterpart>,
}

/// Reads the shortcode at the beginning of `near`. `is_first`: nothing is before it on its line.
pub(super) fn read(near: &str, is_first: bool) -> Option<Shortcode> {
    let inside = near.strip_prefix('[')?;
    let name = NAMES.into_iter().find(|name| inside.starts_with(name))?;
    let behind = &inside[name.len()..];
    let given = &behind[..behind.find(']')?];
    let after = &behind[given.len() + 1..];
    // Other brackets are a link, or the label of its definition.
    let is_link =
        after.starts_with(['(', ':']) || after.starts_with('[') && !after.starts_with("[/");
    if is_link || !given.is_empty() && !given.starts_with([' ', '\n']) {
        return None;
    }
    let mut len = near.len() - after.len();
    let is_bare = given.trim().is_empty();
    let given = arguments(given.trim_end_matches('/'));
    let enclosed = after.split_once(&format!("[/{name}]")).map(|(enclosed, _)| enclosed);
    let counterpart = match name {
        "gallery" | "playlist" => {
            let is_alone = is_first && after.lines().next().unwrap_or_default().trim().is_empty();
            if is_bare && !is_alone || !is_bare && !has_key(&given) {
                return None;
            }
            return Some(Shortcode { name, len, counterpart: None });
        }
        "caption" | "wp_caption" => captioned(enclosed?.trim(), &given)?,
        // In prose about WordPress, other text is between them.
        "embed" => link(Some(enclosed?.trim()).filter(|url| is_web(url))?)?,
        _ => {
            let url =
                first_of(&given, &SOURCES).filter(|url| is_web(url) || media_of(url).is_some())?;
            if enclosed.is_none_or(|enclosed| !enclosed.trim().is_empty()) {
                return Some(Shortcode { name, len, counterpart: Some(link(&url)?) });
            }
            link(&url)?
        }
    };
    if let Some(enclosed) = enclosed {
        len += enclosed.len() + name.len() + "[/]".len();
    }
    Some(Shortcode { name, len, counterpart: Some(counterpart) })
}

fn has_key(given: &Arguments) -> bool {
    given.iter().any(|(key, _)| key.is_some())
}

/// A picture in HTML with its caption as a figure; one in Markdown stays as it is, with its text.
fn captioned(enclosed: &str, given: &Arguments) -> Option<Counterpart> {
    if enclosed.starts_with("![") || enclosed.starts_with("[![") {
        return Some(Counterpart::Inline(enclosed.to_owned()));
    }
    let picture = enclosed.find("<img").filter(|_| enclosed.starts_with('<'))?;
    let mut end = picture + enclosed[picture..].find('>')? + 1;
    let rest = enclosed[end..].trim_start();
    if rest.starts_with("</a>") {
        end = enclosed.len() - rest.len() + "</a>".len();
    }
    let mut text = enclosed[end..].trim().to_owned();
    if text.is_empty()
        && let Some(caption) = value(given, "caption")
    {
        push_text(&mut text, &caption);
    }
    let picture = &enclosed[..end];
    let caption = if text.is_empty() { text } else { format!("<figcaption>{text}</figcaption>") };
    // A blank line would end a block of HTML in Markdown (CommonMark, 4.6).
    let figure = format!("<figure>{picture}{caption}</figure>").replace('\n', " ");
    Some(Counterpart::Inline(figure))
}

fn link(url: &str) -> Option<Counterpart> {
    if url.is_empty() || url.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '[')) {
        return None;
    }
    let text = if is_web(url) { String::new() } else { url.to_owned() };
    Some(Counterpart::Link { url: url.to_owned(), text })
}

fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::super::convert;
    use super::super::counterpart::Host;
    use crate::article::findings::Findings;

    #[test]
    fn shortcodes_are_converted_or_removed() {
        let image = "<img src=\"a.png\">";
        for (text, expected) in [
            (
                format!("[caption id=\"x\" width=\"3\"]{image} A <em>cat</em>[/caption]b"),
                format!("<figure>{image}<figcaption>A <em>cat</em></figcaption></figure>b"),
            ),
            (
                format!("[caption width='3']<a href=\"b\">{image}</a>\n\nA cat[/caption]"),
                format!("<figure><a href=\"b\">{image}</a><figcaption>A cat</figcaption></figure>"),
            ),
            (
                format!("[wp_caption width='3' caption='A & b']{image}[/wp_caption]"),
                format!("<figure>{image}<figcaption>A &amp; b</figcaption></figure>"),
            ),
            ("[caption]![](a.png) A cat[/caption]".into(), "![](a.png) A cat".into()),
            ("a [gallery ids=\"1,2\" size=full /] b".into(), "a  b".into()),
            ("a\n\n[gallery]\n\nb".into(), "a\n\n\n\nb".into()),
            ("[playlist ids=\"1\"]".into(), String::new()),
            ("[embed]https://e.org/v[/embed]".into(), "<https://e.org/v>".into()),
            ("[embed width=\"1\"] https://e.org/v [/embed]".into(), "<https://e.org/v>".into()),
            ("[embed] and [/embed]".into(), "[embed] and [/embed]".into()),
            ("[audio src=\"a.mp3\"]".into(), "[a.mp3](<a.mp3>)".into()),
            ("[audio https://e.org/a.mp3]".into(), "<https://e.org/a.mp3>".into()),
            ("[video width=\"3\" mp4=\"/v.mp4\"][/video]b".into(), "[/v.mp4](</v.mp4>)b".into()),
            // Not of WordPress.
            ("[video](v.mp4)".into(), "[video](v.mp4)".into()),
            ("[video 1.5] [gallery] a [audio]".into(), "[video 1.5] [gallery] a [audio]".into()),
            ("[caption]A cat[/caption]".into(), "[caption]A cat[/caption]".into()),
            ("[gallery]: /x".into(), "[gallery]: /x".into()),
            ("[embedded]x[/embed]".into(), "[embedded]x[/embed]".into()),
            ("`[gallery ids=\"1\"]`".into(), "`[gallery ids=\"1\"]`".into()),
        ] {
            let converted = convert(&text, Host::Markdown, &mut Findings::default());
            assert_eq!(converted, expected, "{text}");
        }
        for (text, expected) in [
            ("<p>[gallery ids=\"1\"]</p>", "<p></p>"),
            (
                "<p>[embed]https://e.org/v[/embed]</p>",
                "<p><a href=\"https://e.org/v\">https://e.org/v</a></p>",
            ),
            ("<pre>[gallery ids=\"1\"]</pre>", "<pre>[gallery ids=\"1\"]</pre>"),
        ] {
            let converted = convert(text, Host::Html, &mut Findings::default());
            assert_eq!(converted, expected, "{text}");
        }
    }
}
