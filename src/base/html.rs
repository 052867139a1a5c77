//! Character references of HTML.

use std::borrow::Cow;

/// The longest reference that is recognised, in bytes: `&#x0010FFFF;` with a few more zeros.
const REFERENCE_MAX_BYTES: usize = 16;

/// The text of an attribute's value or of text content: the references that serialisers of HTML
/// write (`&amp;`, `&lt;`, `&gt;`, `&quot;`, `&apos;`, `&nbsp;` and numbers) become characters, and
/// any other `&` stays.
///
/// ```
/// use dropfeed::base::html::unescape;
///
/// assert_eq!(unescape("a &lt; b &amp;amp; &#x63; &x;"), "a < b &amp; c &x;");
/// ```
pub fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((c, len)) => {
                text.push(c);
                rest = &rest[len..];
            }
            // A lone `&` is text, as in `R&D`.
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of the reference at the beginning of `text`, and the reference's length in bytes.
/// The `;` is searched only nearby: otherwise a text of many `&` would cost the square of its
/// length.
fn reference(text: &str) -> Option<(char, usize)> {
    let near = &text[..text.floor_char_boundary(REFERENCE_MAX_BYTES)];
    let (name, _) = near.strip_prefix('&')?.split_once(';')?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => numbered(name)?,
    };
    Some((c, name.len() + 2))
}

fn numbered(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_characters() {
        for (value, expected) in [
            ("plain", "plain"),
            ("&amp;lt;", "&lt;"),
            ("&quot;&apos;&nbsp;&gt;", "\"'\u{a0}>"),
            ("&#65;&#x42;&#X43;", "ABC"),
            ("&#xD800;&#1114112;&#;", "&#xD800;&#1114112;&#;"),
            ("&unknown; & &&amp;", "&unknown; & &&"),
            ("&ü;", "&ü;"),
            ("&am", "&am"),
        ] {
            assert_eq!(unescape(value), expected, "{value}");
        }
    }

    #[test]
    fn references_without_an_end_cost_little() {
        let text = "&".repeat(4 << 20);
        assert_eq!(unescape(&text), text);
    }
}
