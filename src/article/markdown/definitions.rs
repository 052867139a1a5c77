//! Lines that begin with a colon and are no definition, such as `:smile: hello`. The parser takes
//! every colon behind a paragraph for the sign of one; kramdown, goldmark, Pandoc and Python-Markdown
//! want white space behind it.

use std::borrow::Cow;

use memchr::memchr_iter;

use super::flanks::JOINT;

/// The text in which a colon without white space behind it begins no line: a noncharacter does, which
/// the writer leaves out.
pub(crate) fn defined(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut kept = 0;
    for at in memchr_iter(b':', bytes) {
        let goes_on = bytes.get(at + 1).is_some_and(|next| !next.is_ascii_whitespace());
        let before = &bytes[..at];
        // The line that names the language of Pelican's code stays as it is: `    :::python`.
        let is_indented = before.ends_with(b"    ") || before.ends_with(b"\t");
        let is_language = is_indented && bytes[at..].starts_with(b":::");
        if goes_on && !is_language && is_first(before) {
            out.push_str(&text[kept..at]);
            out.push(JOINT);
            kept = at;
        }
    }
    if kept == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// Whether nothing but indentation and signs of quotes is on the line before its next byte.
fn is_first(before: &[u8]) -> bool {
    for byte in before.iter().rev() {
        match byte {
            b'\n' => return true,
            b' ' | b'\t' | b'>' => {}
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_with_a_colon_are_text() {
        for (text, expected) in [
            ("a\n:b: c", "a\n|:b: c"),
            ("> a\n> :::{b} c: d", "> a\n> |:::{b} c: d"),
            (":a", "|:a"),
            ("    :::b\n\t:::c\n :::d", "    :::b\n\t:::c\n |:::d"),
            ("a\n: b\n:\tc\n:\n", "a\n: b\n:\tc\n:\n"),
            ("a:b\n- :c:\nhttps://e.org/", "a:b\n- :c:\nhttps://e.org/"),
        ] {
            assert_eq!(defined(text).replace(JOINT, "|"), expected, "{text}");
        }
    }
}
