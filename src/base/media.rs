//! The kinds of files that are served as they are, by extension. One table: what is an asset, its
//! media type, and the element that shows it. Nothing is ever guessed from content.

use super::path::RelPath;
use super::special;

/// The kind of a file, from its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media {
    /// The extension in lower case, without its dot.
    pub extension: &'static str,
    /// The media type (RFC 6838), with a charset for text.
    pub media_type: &'static str,
    /// The HTML element that shows such a file; none for what a browser can only open or save.
    pub element: Option<Element>,
}

/// An HTML element that shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `<img>`
    Image,
    /// `<audio>`
    Audio,
    /// `<video>`
    Video,
}

/// The media type of a file of any other kind: bytes to be saved, never shown.
pub const UNKNOWN: &str = "application/octet-stream";

/// The media type of SVG: a picture that is also a document, and may carry scripts.
pub const SVG: &str = "image/svg+xml";

/// The media type of an HTML document.
pub const HTML: &str = "text/html; charset=utf-8";

/// Every kind of asset: images, audio, video, the subtitles of a video, PDF, and downloads.
pub const TABLE: [Media; 56] = [
    audio("aac", "audio/aac"),
    image("apng", "image/apng"),
    image("avif", "image/avif"),
    other("azw3", "application/vnd.amazon.ebook"),
    image("bmp", "image/bmp"),
    other("bz2", "application/x-bzip2"),
    other("css", "text/css; charset=utf-8"),
    other("csv", "text/csv; charset=utf-8"),
    other("diff", "text/x-diff; charset=utf-8"),
    other("epub", "application/epub+zip"),
    audio("flac", "audio/flac"),
    image("gif", "image/gif"),
    other("gpx", "application/gpx+xml"),
    other("gz", "application/gzip"),
    image("heic", "image/heic"),
    image("heif", "image/heif"),
    image("ico", "image/vnd.microsoft.icon"),
    other("ics", "text/calendar; charset=utf-8"),
    image("jpeg", "image/jpeg"),
    image("jpg", "image/jpeg"),
    image("jxl", "image/jxl"),
    audio("m4a", "audio/mp4"),
    audio("m4b", "audio/mp4"),
    video("m4v", "video/mp4"),
    audio("mka", "audio/matroska"),
    video("mkv", "video/matroska"),
    other("mobi", "application/x-mobipocket-ebook"),
    video("mov", "video/quicktime"),
    audio("mp3", "audio/mpeg"),
    video("mp4", "video/mp4"),
    video("mpeg", "video/mpeg"),
    video("mpg", "video/mpeg"),
    audio("oga", "audio/ogg"),
    audio("ogg", "audio/ogg"),
    video("ogv", "video/ogg"),
    audio("opus", "audio/ogg"),
    other("patch", "text/x-diff; charset=utf-8"),
    other("pdf", "application/pdf"),
    image("png", "image/png"),
    other("srt", "application/x-subrip"),
    image("svg", SVG),
    other("tar", "application/x-tar"),
    other("tgz", "application/gzip"),
    image("tif", "image/tiff"),
    image("tiff", "image/tiff"),
    other("ttf", "font/ttf"),
    other("vtt", "text/vtt; charset=utf-8"),
    audio("wav", "audio/wav"),
    audio("weba", "audio/webm"),
    video("webm", "video/webm"),
    image("webp", "image/webp"),
    other("woff", "font/woff"),
    other("woff2", "font/woff2"),
    other("xz", "application/x-xz"),
    other("zip", "application/zip"),
    other("zst", "application/zstd"),
];

/// Media types of files that are not assets by their extension, but by where they are: what an
/// author puts at the root of a site. HTML and XML can carry scripts.
const VERBATIM: [(&str, &str); 19] = [
    ("asc", "text/plain; charset=utf-8"),
    ("atom", "application/atom+xml"),
    ("htm", HTML),
    ("html", HTML),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("markdown", "text/markdown; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("otf", "font/otf"),
    ("rss", "application/rss+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
];

const fn image(extension: &'static str, media_type: &'static str) -> Media {
    Media { extension, media_type, element: Some(Element::Image) }
}

const fn audio(extension: &'static str, media_type: &'static str) -> Media {
    Media { extension, media_type, element: Some(Element::Audio) }
}

const fn video(extension: &'static str, media_type: &'static str) -> Media {
    Media { extension, media_type, element: Some(Element::Video) }
}

const fn other(extension: &'static str, media_type: &'static str) -> Media {
    Media { extension, media_type, element: None }
}

impl Media {
    /// The kind of asset with this extension, in any case; `None` for every other file.
    pub fn of_extension(extension: &str) -> Option<&'static Media> {
        // Asked for every entry of every scan: it allocates nothing.
        TABLE.iter().find(|media| media.extension.eq_ignore_ascii_case(extension))
    }

    /// The kind of asset that the file at `path` is, by its name.
    pub fn of(path: &RelPath) -> Option<&'static Media> {
        Self::of_extension(path.extension()?)
    }
}

/// Whether the file at `path` is served as it is, by its name.
pub fn is_asset(path: &RelPath) -> bool {
    Media::of(path).is_some() || special::is_verbatim(path.as_str())
}

/// The media type of a file that is served as it is, by its name.
pub fn type_of(path: &RelPath) -> &'static str {
    if let Some(media) = Media::of(path) {
        return media.media_type;
    }
    let extension = path.extension().unwrap_or_default();
    let found = VERBATIM.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    found.map_or(UNKNOWN, |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_says_something_of_every_extension() {
        assert!(TABLE.is_sorted_by(|one, next| one.extension < next.extension));
        for Media { extension, media_type, element } in TABLE {
            assert_ne!(media_type, UNKNOWN, "{extension}");
            assert_eq!(extension, extension.to_ascii_lowercase());
            let family = media_type.split('/').next();
            let expected = match element {
                Some(Element::Image) => Some("image"),
                Some(Element::Audio) => Some("audio"),
                Some(Element::Video) => Some("video"),
                None => continue,
            };
            assert_eq!(family, expected, "{extension}");
        }
    }

    #[test]
    fn by_name() {
        for (path, expected) in [
            ("a.png", Some("image/png")),
            ("b/c.JPG", Some("image/jpeg")),
            ("a.tar.mp3", Some("audio/mpeg")),
            ("talk.srt", Some("application/x-subrip")),
            ("a.svg", Some(SVG)),
            ("a.tar.gz", Some("application/gzip")),
            ("a.csv", Some("text/csv; charset=utf-8")),
            ("a.html", None),
            ("png", None),
            (".png", None),
            ("a.md", None),
        ] {
            let path = RelPath::new(path).unwrap();
            assert_eq!(Media::of(&path).map(|media| media.media_type), expected, "{path}");
            assert_eq!(is_asset(&path), expected.is_some(), "{path}");
        }
    }

    #[test]
    fn files_served_as_they_are_have_a_type() {
        for (path, expected) in [
            ("robots.txt", "text/plain; charset=utf-8"),
            ("404.html", HTML),
            ("BingSiteAuth.xml", "application/xml"),
            ("static/a.JS", "text/javascript; charset=utf-8"),
            ("static/a.css", "text/css; charset=utf-8"),
            ("static/site.webmanifest", "application/manifest+json"),
            ("static/CNAME", UNKNOWN),
            (".well-known/assetlinks.json", "application/json"),
        ] {
            let path = RelPath::new(path).unwrap();
            assert!(is_asset(&path), "{path}");
            assert_eq!(type_of(&path), expected, "{path}");
        }
        assert!(VERBATIM.is_sorted_by(|one, next| one.0 < next.0));
    }
}
