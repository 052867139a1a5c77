//! The size of a picture, from the head of its file.
//!
//! At most [`READ_MAX_BYTES`] are read of a file, whatever is in it. A file that is damaged, or of
//! a kind that is not known, has no size.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use crate::base::catch_panic;

use super::AssetFile;

/// Bytes that are read of a file.
const READ_MAX_BYTES: usize = 64 * 1024;

/// Bytes that are read at a time, and in which the orientation of a photograph and the size of a
/// drawing are.
const BUFFER_BYTES: usize = 8 * 1024;

/// The longest side that is believed, in pixels.
const SIDE_MAX: usize = 65_535;

/// The size of a picture as it is shown, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// From side to side.
    pub width: usize,
    /// From top to bottom.
    pub height: usize,
}

impl PictureSize {
    fn new(width: usize, height: usize) -> Option<Self> {
        let is_plausible = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height);
        is_plausible.then_some(Self { width, height })
    }
}

impl AssetFile {
    /// The size of the picture in the file: PNG, JPEG, GIF, WebP, AVIF, or SVG with a width and a
    /// height. `None` where it is not known.
    pub fn picture_size(&self) -> Option<PictureSize> {
        size(|offset, buffer| self.read_at(offset, buffer))
    }
}

/// The size of the picture that `read_at` reads.
fn size(read_at: impl Fn(u64, &mut [u8]) -> io::Result<usize>) -> Option<PictureSize> {
    let head = Head { read_at, offset: 0, left: READ_MAX_BYTES };
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, head);
    let start = reader.fill_buf().ok()?.to_vec();
    if start.trim_ascii_start().starts_with(b"<") || start.starts_with(b"\xef\xbb\xbf<") {
        return size_of_svg(&String::from_utf8_lossy(&start));
    }
    // The parsers of some formats add and subtract what a file says without a check.
    let read = catch_panic(|| imagesize::reader_size(&mut reader)).ok()?.ok()?;
    if is_turned(&start) {
        PictureSize::new(read.height, read.width)
    } else {
        PictureSize::new(read.width, read.height)
    }
}

/// The bytes of a file, up to a number of bytes that are read.
struct Head<F> {
    read_at: F,
    offset: u64,
    left: usize,
}

impl<F: Fn(u64, &mut [u8]) -> io::Result<usize>> Read for Head<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(self.left);
        let read = (self.read_at)(self.offset, &mut buffer[..wanted])?;
        self.left -= read;
        self.offset = self.offset.saturating_add(read as u64);
        Ok(read)
    }
}

impl<F> Seek for Head<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let offset = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(distance) => self.offset.checked_add_signed(distance),
            SeekFrom::End(_) => None,
        };
        self.offset = offset.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

/// Whether a JPEG says in its Exif data that it lies on its side (Exif 2.32, 4.6.5: orientations 5
/// to 8), as telephones write it. Browsers turn it.
fn is_turned(start: &[u8]) -> bool {
    orientation(start).is_some_and(|orientation| (5..=8).contains(&orientation))
}

fn orientation(start: &[u8]) -> Option<u16> {
    let mut segments = start.strip_prefix(b"\xff\xd8")?;
    // The segments before the picture: a marker, and a length that counts itself.
    loop {
        let [0xff, marker, high, low, ..] = *segments else { return None };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let segment = segments.get(4..(2 + len).min(segments.len()))?;
        if marker == 0xe1
            && let Some(tiff) = segment.strip_prefix(b"Exif\0\0")
        {
            return orientation_of_tiff(tiff);
        }
        if !matches!(marker, 0xe0..=0xef | 0xfe) {
            return None;
        }
        segments = segments.get(2 + len..)?;
    }
}

/// The orientation in the first directory of TIFF data (TIFF 6.0, section 2).
fn orientation_of_tiff(tiff: &[u8]) -> Option<u16> {
    let is_big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let number = |at: usize, len: usize| {
        let bytes = tiff.get(at..at.checked_add(len)?)?;
        let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        Some(if is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    };
    let directory = number(4, 4)?;
    for entry in 0..number(directory, 2)? {
        let at = directory + 2 + 12 * entry;
        if number(at, 2)? == 0x0112 {
            return u16::try_from(number(at + 8, 2)?).ok();
        }
    }
    None
}

/// The size of a drawing whose root has a width and a height in absolute units. A drawing without
/// them takes the room that there is.
fn size_of_svg(text: &str) -> Option<PictureSize> {
    let (_, root) = text.split_once("<svg")?;
    let (root, _) = root.split_once('>')?;
    if !root.starts_with(char::is_whitespace) {
        return None;
    }
    PictureSize::new(length(value_of(root, "width")?)?, length(value_of(root, "height")?)?)
}

/// The value of an attribute of a tag of XML.
fn value_of<'t>(tag: &'t str, wanted: &str) -> Option<&'t str> {
    let mut rest = tag;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after[1..].split_once(quote)?;
        if name.trim() == wanted {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// A length of CSS in whole pixels (CSS Values, 6.2).
fn length(text: &str) -> Option<usize> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().ok()?;
    let pixels = match unit {
        "" | "px" => 1.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 96.0 / 25.4,
        "pt" => 96.0 / 72.0,
        "pc" => 16.0,
        _ => return None,
    };
    let pixels = (number * pixels).round();
    // A number that is too large for the type becomes its maximum, which is refused later.
    if pixels >= 1.0 { Some(pixels as usize) } else { None }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// The size of a file of these bytes.
    fn of(bytes: &[u8]) -> Option<(usize, usize)> {
        let read = Cell::new(0);
        let size = size(|offset, buffer| {
            let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            read.set(read.get() + len);
            Ok(len)
        });
        assert!(read.get() <= READ_MAX_BYTES);
        size.map(|size| (size.width, size.height))
    }

    /// A JPEG of 300 by 200 with these segments before its size.
    fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        let frame = (0xc0, vec![8, 0, 200, 1, 44, 3, 1, 34, 0, 2, 17, 1, 3, 17, 1]);
        for (marker, content) in segments.iter().chain([&frame]) {
            bytes.extend([0xff, *marker]);
            bytes.extend((content.len() as u16 + 2).to_be_bytes());
            bytes.extend(content);
        }
        bytes
    }

    /// Exif data with an orientation.
    fn exif(orientation: u8, is_big: bool) -> (u8, Vec<u8>) {
        let mut data = b"Exif\0\0".to_vec();
        data.extend(if is_big { *b"MM\0*\0\0\0\x08" } else { *b"II*\0\x08\0\0\0" });
        let entries: [[u8; 12]; 2] = if is_big {
            [
                [1, 0, 0, 3, 0, 0, 0, 1, 0, 9, 0, 0],
                [1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0],
            ]
        } else {
            [
                [0, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0],
                [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0],
            ]
        };
        data.extend(if is_big { [0, 2] } else { [2, 0] });
        data.extend(entries.concat());
        (0xe1, data)
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x2c\0\0\0\xc8\x08\x02\0\0\0";
    const GIF: &[u8] = b"GIF89a\x2c\x01\xc8\0\xf0\0\0\0\0\0\0\0\0";
    const WEBP: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x2b\x01\0\xc7\0\0";

    #[test]
    fn pictures_have_the_size_that_browsers_show() {
        for bytes in [PNG, GIF, WEBP] {
            assert_eq!(of(bytes), Some((300, 200)), "{bytes:?}");
        }
        assert_eq!(of(&jpeg(&[])), Some((300, 200)));
        for is_big in [false, true] {
            for orientation in 0..=9 {
                let turned = (5..=8).contains(&orientation);
                let expected = if turned { (200, 300) } else { (300, 200) };
                let jfif = (0xe0, b"JFIF\0".to_vec());
                let photograph = jpeg(&[jfif, exif(orientation, is_big)]);
                assert_eq!(of(&photograph), Some(expected), "{orientation}");
            }
        }
        // A size beyond the first 64 KiB is found by going from segment to segment.
        assert_eq!(of(&jpeg(&vec![(0xe2, vec![0; 60_000]); 4])), Some((300, 200)));
        assert_eq!(of(&jpeg(&vec![(0xe2, vec![0; 9_000]); 100])), None);
    }

    #[test]
    fn drawings_have_one_if_they_say_so() {
        for (svg, expected) in [
            ("<svg width=\"30\" height='20'>", Some((30, 20))),
            (
                "<?xml version=\"1.0\"?>\n<!-- a --><svg xmlns=\"x\"\n width = \"30px\" height=\"1in\"/>",
                Some((30, 96)),
            ),
            ("\u{feff}<svg height=\"25.4mm\" width=\"12pt\">", Some((16, 96))),
            ("<svg viewBox=\"0 0 30 20\">", None),
            ("<svg width=\"100%\" height=\"20\">", None),
            ("<svg width=\"30\">", None),
            ("<svg stroke-width=\"9\" width=\"30\" height=\"20\">", Some((30, 20))),
            ("<svg width=\"0\" height=\"20\">", None),
            ("<svg width=\"1e9\" height=\"20\">", None),
            ("<svg width=\"99999999999999999999\" height=\"20\">", None),
            ("<svg width=30 height=20>", None),
            ("<svgx width=\"30\" height=\"20\">", None),
            ("<html><img>", None),
            ("<svg", None),
        ] {
            assert_eq!(of(svg.as_bytes()), expected, "{svg}");
        }
    }

    #[test]
    fn what_is_damaged_has_none() {
        for bytes in [
            &b""[..],
            b"\x89PNG",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"RIFF",
            b"<",
            b"PK\x03\x04",
            b"\0\0\0\x1cftypavif",
        ] {
            assert_eq!(of(bytes), None, "{bytes:?}");
        }
        let mut empty = PNG.to_vec();
        empty[16..24].fill(0);
        assert_eq!(of(&empty), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_beyond_the_limit_and_none_panic(
            start in proptest::sample::select(vec![&b""[..], PNG, GIF, WEBP, b"\xff\xd8\xff\xe1", b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf\0\0\0\xffmeta", b"<svg ", b"\xff\xd8\xff\xe1\0\x40Exif\0\0II*\0"]),
            rest in proptest::collection::vec(any::<u8>(), 0..200),
            zeros in 0..200_000_usize,
        ) {
            of(&[start, &rest, &vec![0; zeros]].concat());
        }
    }
}
