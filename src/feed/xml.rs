//! The common part of both XML formats: the border that every text passes, and the spelling of `<`,
//! `>` and `&`.
//!
//! The writers of the ecosystem return success for XML that is not well-formed: they pass
//! characters that XML 1.0 forbids, and undeclared prefixes. So every text is made safe here first.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::{Format, text};

use super::{Feed, SharedEntry};

/// The namespace of `media:content` and `media:thumbnail`. The slash at its end belongs to it:
/// validators report the form without it.
pub(super) const MEDIA: &str = "http://search.yahoo.com/mrss/";

/// The namespace of `fh:archive` (RFC 5005, section 4).
pub(super) const HISTORY: &str = "http://purl.org/syndication/history/1.0";

/// The links of a document to the others of its feed, as relations (RFC 5005, section 4) with their
/// URLs.
pub(super) fn archive_links(feed: &Feed, format: Format) -> Vec<(&'static str, &str)> {
    let mut links = Vec::new();
    if let Some(archived) = &feed.paging.archived {
        links.push(("current", archived.current[format as usize].as_str()));
    }
    if let Some(previous) = &feed.paging.previous {
        links.push(("prev-archive", previous[format as usize].as_str()));
    }
    if let Some(archived) = &feed.paging.archived {
        links.push(("next-archive", archived.next[format as usize].as_str()));
    }
    links
}

/// The text as every format writes it: only characters that a feed may contain, with line ends
/// normalised as in XML 1.0 (2.11). A U+FFFD that an author wrote stays: without it, words would
/// run together.
pub(super) fn border(text: &str) -> Cow<'_, str> {
    if !any_byte(text.as_bytes(), may_be_unsafe) {
        return Cow::Borrowed(text);
    }
    let clean = text::clean(text);
    // A parser turns line ends into `\n`, and the gate compares what it reads back.
    if !clean.contains('\r') {
        return clean;
    }
    Cow::Owned(clean.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Whether `byte` may belong to a character that is removed: an ASCII control, a C1 control (lead
/// byte C2) or a noncharacter (EF, and the lead bytes of the other planes).
fn may_be_unsafe(byte: u8) -> bool {
    // Without short-circuits, which would prevent vectorising; see `any_byte`.
    (byte < 0x20) & (byte != b'\t') & (byte != b'\n')
        | (byte == 0x7f)
        | (byte == 0xc2)
        | (byte >= 0xef)
}

/// Whether `is` is true for any byte. It tests blocks of bytes, which the compiler vectorises:
/// whole articles are checked several times for each publish, and a loop that may end at every byte
/// takes ten times as long.
pub(super) fn any_byte(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    for block in bytes.chunks(256) {
        let mut any = false;
        for byte in block {
            any |= is(*byte);
        }
        if any {
            return true;
        }
    }
    false
}

/// The text as a feed can contain it; `None` if it is blank.
pub(super) fn some(text: &str) -> Option<Cow<'_, str>> {
    let text = border(text);
    if text.trim().is_empty() { None } else { Some(text) }
}

/// Plain text as HTML, for an element whose content readers take for markup.
pub(super) fn as_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
    }
    html
}

/// A picture in Media RSS, as both crates hold extensions; `element` makes one of theirs, from its
/// name and its attributes.
pub(super) fn media<E>(
    image: &str,
    element: fn(&str, BTreeMap<String, String>) -> E,
) -> BTreeMap<String, BTreeMap<String, Vec<E>>> {
    let url = BTreeMap::from([("url".to_owned(), image.to_owned())]);
    let mut content = url.clone();
    content.insert("medium".to_owned(), "image".to_owned());
    let elements = BTreeMap::from([
        ("content".to_owned(), vec![element("media:content", content)]),
        ("thumbnail".to_owned(), vec![element("media:thumbnail", url)]),
    ]);
    BTreeMap::from([("media".to_owned(), elements)])
}

/// Whether any entry has a picture, so that its namespace has to be declared.
pub(super) fn has_media(entries: &[SharedEntry]) -> bool {
    entries.iter().any(|entry| entry.image.is_some())
}

/// The document with `&lt;`, `&gt;` and `&amp;` written as hexadecimal references. The RSS Profile
/// (and the W3C validator, for Atom too) recommends them in plain text, because some readers decode
/// `&lt;` twice and find markup.
///
/// CDATA sections stay, where these are not references, and so does Atom's `content`, where markup
/// is meant.
pub(super) fn hexadecimal(xml: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(xml.len() + xml.len() / 32);
    let mut rest = xml.as_slice();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'&' | b'<')) {
        let (before, found) = rest.split_at(at);
        out.extend_from_slice(before);
        let (taken, replacement) = step(found);
        out.extend_from_slice(replacement.unwrap_or(&found[..taken]));
        rest = &found[taken..];
    }
    out.extend_from_slice(rest);
    out
}

/// The number of bytes at the beginning of `found`, which starts with `<` or `&`, that belong
/// together, and their replacement if they have one.
fn step(found: &[u8]) -> (usize, Option<&'static [u8]>) {
    for (reference, hexadecimal) in [("&lt;", "&#x3C;"), ("&gt;", "&#x3E;"), ("&amp;", "&#x26;")] {
        if found.starts_with(reference.as_bytes()) {
            return (reference.len(), Some(hexadecimal.as_bytes()));
        }
    }
    for (start, end) in [("<![CDATA[", "]]>"), ("<content ", "</content>")] {
        if found.starts_with(start.as_bytes()) {
            let len = match find(found, end.as_bytes()) {
                Some(at) => at + end.len(),
                None => found.len(),
            };
            return (len, None);
        }
    }
    (1, None)
}

/// The place of `needle`, which is not empty.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == needle[0]) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass() {
        for (text, passed) in [
            ("plain", "plain"),
            ("a\r\nb\rc\n", "a\nb\nc\n"),
            ("a\u{fffd}b\u{1}\u{b}\u{85}c", "a\u{fffd}bc"),
            ("\u{200f}שלום 🎉 \t", "\u{200f}שלום 🎉 \t"),
        ] {
            assert_eq!(border(text), passed, "{text:?}");
        }
        assert_eq!(some(" \u{1}\u{a0}"), None);
    }

    #[test]
    fn references_outside_of_markup_become_hexadecimal() {
        for (xml, expected) in [
            (
                "<title>a &lt;b&gt; &amp;amp; &quot;c&quot;</title>",
                "<title>a &#x3C;b&#x3E; &#x26;amp; &quot;c&quot;</title>",
            ),
            (
                "<d><![CDATA[&lt;p&gt;]]]]><![CDATA[>&amp;]]></d>&lt;",
                "<d><![CDATA[&lt;p&gt;]]]]><![CDATA[>&amp;]]></d>&#x3C;",
            ),
            (
                "<content type=\"html\">&lt;p&gt;</content><a>&amp;</a>",
                "<content type=\"html\">&lt;p&gt;</content><a>&#x26;</a>",
            ),
            (
                "<content:encoded>&lt;</content:encoded>",
                "<content:encoded>&#x3C;</content:encoded>",
            ),
            ("<![CDATA[never closed &lt;", "<![CDATA[never closed &lt;"),
        ] {
            assert_eq!(String::from_utf8(hexadecimal(xml.into())).unwrap(), expected);
        }
    }
}
