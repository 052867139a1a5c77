//! The media type of an asset, by its file's extension. Nothing is ever guessed from content.

use crate::base::RelPath;

/// What an extension says.
type Row = (&'static str, &'static str);

/// Images, audio, video, PDF, and the subtitles of a video: what may stand beside an article.
const TABLE: [Row; 26] = [
    ("aac", "audio/aac"),
    ("apng", "image/apng"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("jxl", "image/jxl"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
];

/// Of a file of another kind: bytes to be saved, never shown.
const UNKNOWN: &str = "application/octet-stream";

/// A picture that is also a document: it may carry scripts.
pub(super) const SVG: &str = "image/svg+xml";

/// The media type of the file at `path`; case does not matter.
pub(super) fn media_type(path: &RelPath) -> &'static str {
    let Some(extension) = path.extension().map(str::to_ascii_lowercase) else { return UNKNOWN };
    match TABLE.binary_search_by_key(&extension.as_str(), |row| row.0) {
        Ok(found) => TABLE[found].1,
        Err(_) => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_extension() {
        assert!(TABLE.is_sorted(), "the table is searched by halves");
        for (path, expected) in [
            ("a.png", "image/png"),
            ("b/c.JPG", "image/jpeg"),
            ("a.tar.mp3", "audio/mpeg"),
            ("a.svg", SVG),
            ("a.html", UNKNOWN),
            ("png", UNKNOWN),
            (".png", UNKNOWN),
        ] {
            assert_eq!(media_type(&RelPath::new(path).unwrap()), expected, "{path}");
        }
    }
}
