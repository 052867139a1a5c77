//! bytes -> text: UTF-8, or UTF-16 with a byte order mark. Other bytes are refused, never replaced.
//!
//! A few NUL characters are removed, as other control characters are; a file with more of them is
//! not text, or only half written.
//!
//! Invariants: the text has no byte order mark, no NUL and no `\r`; all other characters are those
//! of the file.

use crate::base::{Diagnostic, Place};

/// In a text in a western one-byte encoding, at most one byte of so many is not ASCII.
const WESTERN_HIGH_BYTES: usize = 3;

/// NUL bytes of a text: a slip of an editor or of a converter leaves one or two.
const STRAY_NULS_MAX: usize = 16;

/// In a text, at most one byte of so many is a NUL.
const BYTES_PER_NUL: usize = 8;

/// The text of a file, with `\n` line ends (`\r\n` and `\r` are accepted).
///
/// # Errors
///
/// `binary` for a file with more NUL bytes than a slip leaves; `not-utf-8` for other encodings, with
/// the place of the first byte that is not valid and the `iconv` command that converts the file.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, Diagnostic> {
    let text = match bytes {
        [0xff, 0xfe, 0, 0, ..] => return Err(utf32("UTF-32LE")),
        [0, 0, 0xfe, 0xff, ..] => return Err(utf32("UTF-32BE")),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, "UTF-16LE")?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, "UTF-16BE")?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest)?,
        _ => utf8(bytes)?,
    };
    Ok(unix_line_ends(text))
}

/// A warning with the place of the first NUL that [`decode`] leaves out of a file that it reads.
pub(crate) fn stray_nul(bytes: &[u8]) -> Option<Diagnostic> {
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return None;
    }
    let at = memchr::memchr(0, bytes)?;
    let Place { line, column } = end_of(std::str::from_utf8(&bytes[..at]).ok()?);
    let message = "a NUL character was left out here";
    Some(Diagnostic::warning("control-character", message).at(line, column))
}

fn utf8(bytes: &[u8]) -> Result<String, Diagnostic> {
    let nul = memchr::memchr(0, bytes);
    if let Some(nul) = nul
        && !has_stray_nuls(bytes)
    {
        return Err(binary(bytes, nul));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if nul.is_some() => Ok(text.replace('\0', "")),
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(not_utf8(bytes, error)),
    }
}

/// Whether the NUL bytes are slips in a text. Two together are a hole in a file that is half
/// written (after a crash, most often its end), and other control characters are not of a text.
fn has_stray_nuls(bytes: &[u8]) -> bool {
    let mut nuls = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            0 if matches!(bytes.get(at + 1), None | Some(0)) => return false,
            0 => nuls += 1,
            0x01..=0x08 | 0x0e..=0x1f => return false,
            _ => {}
        }
    }
    nuls <= STRAY_NULS_MAX && nuls * BYTES_PER_NUL <= bytes.len()
}

fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Diagnostic {
    let offset = error.valid_up_to();
    let before = std::str::from_utf8(&bytes[..offset]).unwrap_or_default();
    let what = match error.error_len() {
        None => "the file ends in the middle of a character".to_owned(),
        Some(_) => format!("byte 0x{:02X} at offset {offset} is not UTF-8", bytes[offset]),
    };
    let command = match guess(bytes) {
        Some(encoding) => {
            format!("if the file is in {encoding}, convert it with: {}", iconv(encoding))
        }
        None => {
            format!("convert it from the encoding it was written in with: {}", iconv("ENCODING"))
        }
    };
    let Place { line, column } = end_of(before);
    Diagnostic::error("not-utf-8", format!("{what}; {command}")).at(line, column)
}

/// The most likely encoding of bytes that are not UTF-8: Windows-1252, which has all printable
/// characters of ISO 8859-1. `None` if a byte is undefined in it, or if so many bytes are not ASCII
/// that the text must be in another script.
fn guess(bytes: &[u8]) -> Option<&'static str> {
    let mut high = 0;
    for byte in bytes {
        if matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d) {
            return None;
        }
        high += usize::from(!byte.is_ascii());
    }
    if high * WESTERN_HIGH_BYTES <= bytes.len() { Some("WINDOWS-1252") } else { None }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, encoding: &str) -> Result<String, Diagnostic> {
    let mut text = String::with_capacity(bytes.len() / 2);
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    for c in char::decode_utf16(units) {
        match c {
            Ok('\0') => {
                let message = "the file has NUL characters, and is not text";
                return Err(Diagnostic::error("binary", message));
            }
            Ok(c) => text.push(c),
            Err(_) => return Err(broken_utf16(&text, "half of a surrogate pair", encoding)),
        }
    }
    if bytes.len() % 2 == 1 {
        return Err(broken_utf16(&text, "half of a character at its end", encoding));
    }
    Ok(text)
}

fn broken_utf16(before: &str, what: &str, encoding: &str) -> Diagnostic {
    let Place { line, column } = end_of(before);
    // `-c` drops characters that are not valid. No other conversion is possible, and the author has
    // to choose.
    let command = format!("iconv -c -f {encoding} -t UTF-8 FILE > FILE.utf8 && mv FILE.utf8 FILE");
    let message = format!(
        "the file begins as {encoding} but has {what}; remove the invalid parts with: {command}"
    );
    Diagnostic::error("not-utf-8", message).at(line, column)
}

fn utf32(encoding: &str) -> Diagnostic {
    let message = format!("the file is in {encoding}; convert it with: {}", iconv(encoding));
    Diagnostic::error("not-utf-8", message).at(1, 1)
}

/// The error for a file with NUL bytes: UTF-16 without a byte order mark, or not text.
fn binary(bytes: &[u8], nul: usize) -> Diagnostic {
    // In UTF-16, western text has a zero in every other byte.
    let beginning = &bytes[..bytes.len().min(64)];
    let encoding = match (has_zeros(beginning, 0), has_zeros(beginning, 1)) {
        (false, true) => "UTF-16LE",
        (true, false) if bytes.len() > 1 => "UTF-16BE",
        _ => {
            let message = format!("the file has a NUL byte at offset {nul}, and is not text");
            return Diagnostic::error("binary", message);
        }
    };
    let message = format!(
        "the file seems to be in {encoding}, without a byte order mark; convert it with: {}",
        iconv(encoding)
    );
    Diagnostic::error("not-utf-8", message).at(1, 1)
}

/// Whether every other byte is zero, from `first` on.
fn has_zeros(bytes: &[u8], first: usize) -> bool {
    bytes.iter().skip(first).step_by(2).all(|byte| *byte == 0)
}

fn iconv(encoding: &str) -> String {
    format!("iconv -f {encoding} -t UTF-8 FILE > FILE.utf8 && mv FILE.utf8 FILE")
}

/// The place after the last character of `text`. `\r\n` and `\r` count as one line end each.
fn end_of(text: &str) -> Place {
    let text = unix_line_ends(text.to_owned());
    Place::at(&text, text.len())
}

fn unix_line_ends(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16_of(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn readable() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"plain", "plain"),
            (b"\xef\xbb\xbfwith a mark", "with a mark"),
            (b"a\r\nb\rc\n\r\nd", "a\nb\nc\n\nd"),
            ("ünï 日本 🎉".as_bytes(), "ünï 日本 🎉"),
            (b"\xff\xfea\0\n\0", "a\n"),
            (b"a stray\0 one", "a stray one"),
            (b"\0at the beginning", "at the beginning"),
            (b"\xef\xbb\xbfone\0 two three\0 four", "one two three four"),
            (b"\xfe\xff\0a\xd8\x3c\xdf\x89", "a🎉"),
        ] {
            assert_eq!(decode(bytes).unwrap(), text, "{bytes:?}");
        }
    }

    #[test]
    fn refused() {
        for (bytes, code, place, message) in [
            (
                &b"one\ncaf\xe9 noir"[..],
                "not-utf-8",
                Some((2, 4)),
                "byte 0xE9 at offset 7 is not UTF-8; if the file is in WINDOWS-1252, convert it with: iconv -f WINDOWS-1252 -t UTF-8 FILE",
            ),
            (b"a\x81", "not-utf-8", Some((1, 2)), "iconv -f ENCODING"),
            (b"\xc8\xd5\xb1\xbe\xd3\xef", "not-utf-8", Some((1, 1)), "iconv -f ENCODING"),
            (b"cut \xe6\x97", "not-utf-8", Some((1, 5)), "ends in the middle of a character"),
            (b"\xff\xfe\0\0a\0\0\0", "not-utf-8", Some((1, 1)), "UTF-32LE"),
            (b"\xff\xfea\0b", "not-utf-8", Some((1, 2)), "half of a character"),
            (b"\xff\xfea\0\x3c\xd8", "not-utf-8", Some((1, 2)), "surrogate"),
            (b"a\0b\0", "not-utf-8", Some((1, 1)), "UTF-16LE"),
            (b"\0a\0b", "not-utf-8", Some((1, 1)), "UTF-16BE"),
            (b"\0\0\0\0", "binary", None, "NUL byte at offset 0"),
            (b"%PDF a\0", "binary", None, "NUL byte at offset 6"),
            (b"half a file\0", "binary", None, "NUL byte at offset 11"),
            (b"half a file\0\0\0\0\0", "binary", None, "NUL byte at offset 11"),
            (b"a hole\0\0 in a file that was cut", "binary", None, "NUL byte at offset 6"),
            (b"\x01\0\x02 is a program", "binary", None, "NUL byte at offset 1"),
            (b"a\0b c", "binary", None, "NUL byte at offset 1"),
            (b"a stray\0 caf\xe9!", "not-utf-8", Some((1, 13)), "byte 0xE9"),
        ] {
            let refused = decode(bytes).unwrap_err();
            assert_eq!(refused.code, code, "{refused}");
            assert_eq!(
                refused.place,
                place.map(|(line, column)| Place { line, column }),
                "{refused}"
            );
            assert!(refused.message.contains(message), "{refused}");
        }
    }

    #[test]
    fn a_stray_nul_is_reported() {
        let shown = |bytes| stray_nul(bytes).map(|finding| finding.to_string());
        assert_eq!(shown(b"a\r\nb\0c").as_deref(), Some("2:2: a NUL character was left out here"));
        assert_eq!(shown(b"a"), None);
        assert_eq!(shown(b"\xff\xfea\0"), None);
    }

    proptest! {
        #[test]
        fn every_text_survives_every_encoding(text in "[^\0\r\u{feff}]{0,50}") {
            prop_assert_eq!(decode(text.as_bytes()).unwrap(), &*text);
            prop_assert_eq!(decode(&utf16_of(&format!("\u{feff}{text}"), u16::to_le_bytes)).unwrap(), &*text);
            prop_assert_eq!(decode(&utf16_of(&format!("\u{feff}{text}"), u16::to_be_bytes)).unwrap(), &*text);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(text) = decode(&bytes) {
                prop_assert!(!text.contains(['\r', '\0']));
            }
        }
    }
}
