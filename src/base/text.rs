//! Text that is allowed in a feed: only characters of XML 1.0 `Char`, without C1 controls.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

/// The bytes that are looked at together.
const BLOCK: usize = 64;

/// True for the characters that are allowed in a feed: XML 1.0 (section 2.2) `Char`, without the C1
/// controls, which readers show as boxes or take for Windows-1252. U+0001 is never safe: bodies use
/// it for symbolic references.
///
/// ```
/// use dropfeed::base::text::is_safe;
///
/// assert!(is_safe('ü') && !is_safe('\u{1}'));
/// ```
pub fn is_safe(c: char) -> bool {
    let is_char = matches!(
        c,
        '\t' | '\n' | '\r'
            | '\u{20}'..='\u{7e}'
            | '\u{a0}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..
    );
    // The noncharacters: a block of 32, and the last two of each plane (Unicode, section 23.7).
    is_char && !matches!(c, '\u{fdd0}'..='\u{fdef}') && u32::from(c) & 0xfffe != 0xfffe
}

/// Whether the text is nothing but printable ASCII, spaces, tabs and line feeds, as most texts are:
/// these are allowed everywhere. Faster than a look at each character.
///
/// ```
/// use dropfeed::base::text::is_plain;
///
/// assert!(is_plain("a\tb\n") && !is_plain("a\rb") && !is_plain("ü"));
/// ```
pub fn is_plain(text: &str) -> bool {
    // No early end within a part, so that many bytes are compared at once.
    text.as_bytes().chunks(BLOCK).all(|part| {
        let mut plain = true;
        for byte in part {
            plain &= matches!(byte, b' '..=b'~' | b'\t' | b'\n');
        }
        plain
    })
}

/// Whether each character of the text fits. `fits` is true for all characters of [`is_plain`], so
/// that it need not be asked for most parts of most texts.
///
/// ```
/// use dropfeed::base::text::all;
///
/// assert!(all("naïve", |c| c != 'x') && !all("é", |c| c.is_ascii()));
/// ```
pub fn all(text: &str, fits: impl Fn(char) -> bool) -> bool {
    blocks(text).all(|block| is_plain(block) || block.chars().all(&fits))
}

/// The text with each character as `map` gives it, or without it. `map` keeps all characters of
/// [`is_plain`], as [`all`] has it.
///
/// ```
/// use dropfeed::base::text::mapped;
///
/// let out = mapped("a\u{0}b…", |c| match c {
///     '\u{0}' => None,
///     '…' => Some('.'),
///     c => Some(c),
/// });
/// assert_eq!(out, "ab.");
/// ```
pub fn mapped(text: &str, map: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    for block in blocks(text) {
        if is_plain(block) {
            out.push_str(block);
        } else {
            out.extend(block.chars().filter_map(&map));
        }
    }
    out
}

/// The text in blocks of about 64 bytes. In most blocks of most texts, no character needs a second
/// look, which is seen at once for all of its bytes.
///
/// ```
/// use dropfeed::base::text::blocks;
///
/// let text = "…".repeat(40);
/// assert_eq!(blocks(&text).map(str::len).collect::<Vec<_>>(), [63, 57]);
/// ```
pub fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (block, next) = rest.split_at(rest.floor_char_boundary(BLOCK));
        rest = next;
        if block.is_empty() { None } else { Some(block) }
    })
}

/// Removes the characters that are not allowed in a feed.
///
/// ```
/// assert_eq!(dropfeed::base::text::clean("a\u{0}b"), "ab");
/// ```
pub fn clean(text: &str) -> Cow<'_, str> {
    if all(text, is_safe) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|c| is_safe(*c)).collect())
    }
}

/// Cleans a text and puts it on one line: runs of white space become single spaces, with none at
/// the ends. The result is empty if it has no visible character, so that no title, tag or name
/// looks blank.
///
/// ```
/// use dropfeed::base::text::line;
///
/// assert_eq!(line("  a\n\tb "), "a b");
/// assert_eq!(line("\u{200b}"), "");
/// ```
pub fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    // Split first: a form feed and U+0085 separate words, and are removed by `clean`.
    for word in text.split_whitespace() {
        let word = clean(word);
        if !line.is_empty() && !word.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if line.chars().all(is_invisible) { String::new() } else { line }
}

/// True for characters without a visible mark: white space, and the characters that a renderer may
/// ignore (Unicode, section 5.21): joiners, direction marks, variation selectors, fillers, tags.
///
/// ```
/// use dropfeed::base::text::is_invisible;
///
/// assert!(is_invisible('\u{200b}') && !is_invisible('a'));
/// ```
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || matches!(c, '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Shortens a text to at most `limit` graphemes and `…`. It is cut after a word if one ends in the
/// second half.
///
/// ```
/// assert_eq!(dropfeed::base::text::excerpt("one two three four", 10), "one two…");
/// ```
pub fn excerpt(text: &str, limit: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.grapheme_indices(true).nth(limit) else { return Cow::Borrowed(text) };
    let head = &text[..end];
    let next_is_space = text[end..].starts_with(char::is_whitespace);
    // If a cut before the last word leaves less than half, that word is cut in the middle.
    let cut = match head.rfind(char::is_whitespace) {
        Some(space) if !next_is_space && space >= end / 2 => &head[..space],
        _ => head,
    };
    Cow::Owned(format!("{}…", cut.trim_end().trim_end_matches([',', ';', ':', '.', '-', '–'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_leave() {
        assert_eq!(
            clean(
                "a\u{1}b\u{0}c\u{8}\u{b}\u{c}\u{1f}\u{7f}\u{80}\u{85}\u{9f}\u{fffe}\u{ffff}\u{1fffe}\u{fdd0}d\te\n"
            ),
            "abcd\te\n"
        );
        assert!(matches!(clean("plain ünïcode 日本 🎉"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_fold() {
        assert_eq!(line("  a\n\tb\u{3000}c \u{0}"), "a b c");
        assert_eq!(line("a\u{c}b\u{85}c\u{2028}d\u{b}\u{1}e"), "a b c d e");
    }

    #[test]
    fn invisible_text_is_empty() {
        for text in [
            "\u{200b}\u{200d}",
            "\u{202e} \u{202c}",
            "\u{ad}\u{fe0f}",
            "\u{feff}",
            "\u{3164}",
            "\u{e0041}",
        ] {
            assert_eq!(line(text), "", "{text:?}");
        }
        for text in ["a\u{200b}", "👩\u{200d}👩", "❤\u{fe0f}", "…", "\u{202e}x"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn excerpts_end_after_a_word() {
        assert_eq!(excerpt("short", 5), "short");
        assert_eq!(excerpt("one two three four", 10), "one two…");
        assert_eq!(excerpt("one two three four", 7), "one two…");
        assert_eq!(excerpt("日本語日本語日本語", 4), "日本語日…");
        assert_eq!(excerpt("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 2), "👨‍👩‍👧👨‍👩‍👧…");
    }
}
