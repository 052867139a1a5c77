//! A title for an article without one: the name of its file, if that consists of words, or its
//! first sentence.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use crate::base::text::{self, is_invisible};

use super::sanitize::tokens::{Token, tokens};

/// The longest name of a character reference, in bytes; the longest of HTML has 31.
const REFERENCE_MAX_BYTES: usize = 32;

/// Graphemes after which a first sentence is cut.
const SENTENCE_MAX: usize = 80;

/// Names that do not describe an article.
const EMPTY_NAMES: [&str; 10] = [
    "index",
    "readme",
    "untitled",
    "unbenannt",
    "note",
    "new",
    "draft",
    "document",
    "text",
    "post",
];

/// Words that cameras, phones and programs put before a number.
const MACHINE_PREFIXES: [&str; 18] = [
    "img",
    "dsc",
    "dscn",
    "dscf",
    "dcim",
    "pxl",
    "mvi",
    "vid",
    "mov",
    "wp",
    "gopr",
    "scan",
    "screenshot",
    "screen",
    "photo",
    "image",
    "file",
    "doc",
];

/// The file name as a title, if it is made of words: `my-first-post` becomes "My first post";
/// `IMG_1234`, a bare date, a number and a hash give `None`.
pub(crate) fn of_words(name: &str) -> Option<String> {
    let title = plain(name);
    let lower = title.to_lowercase();
    if EMPTY_NAMES.contains(&lower.as_str()) || is_hash(&lower) {
        return None;
    }
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    let digits = title.chars().filter(char::is_ascii_digit).count();
    if letters <= digits {
        return None;
    }
    let tokens: Vec<&str> = lower.split(' ').collect();
    let words = tokens.iter().filter(|token| is_word(token)).count();
    // The only word of `screenshot 2026 11 22` is the program's.
    let is_machine_name = words == 1 && tokens.len() > 1 && is_of_machine(tokens[0]);
    if words == 0 || is_machine_name { None } else { Some(title) }
}

/// The file name as a title, even if it is not made of words; empty only if no character of it is
/// visible.
pub(crate) fn plain(name: &str) -> String {
    // In a name with spaces, hyphens are hyphens: `Spider-Man is back`. In one with `++`, a plus is
    // a plus: `c++_notes`.
    let separators: &[char] = if name.contains("++") {
        &['_', '-']
    } else if name.contains(char::is_whitespace) {
        &['_']
    } else {
        &['_', '-', '+']
    };
    capital(&text::line(&name.replace(separators, " ")))
}

/// The first sentence of a text, cut after a word near 80 characters; `None` if there is no text.
pub(crate) fn of_sentence(opening: &str) -> Option<String> {
    let opening = text::line(opening);
    let sentence = &opening[..sentence_end(&opening)];
    let title = text::excerpt(sentence, SENTENCE_MAX);
    let title = match title.strip_suffix('.') {
        // Three dots are no full stop.
        Some(rest) if !rest.ends_with('.') => rest,
        _ => title.strip_suffix('。').unwrap_or(&title),
    };
    if title.is_empty() { None } else { Some(title.to_owned()) }
}

/// Resolves the character references in a text of front matter, because some generators write
/// titles for HTML (`Don&#8217;t`). Incomplete references and tags stay.
pub(crate) fn resolved(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let len = reference_len(&rest[at..]);
        let (reference, behind) = rest[at..].split_at(len.max(1));
        // The tokenizer knows all 2,231 names.
        match tokens(reference).as_slice() {
            // `&#0;` is read as U+FFFD, and means nothing.
            [Token::Text(c)] if len > 0 => out.push_str(&c.replace('\u{fffd}', "")),
            _ => out.push_str(reference),
        }
        rest = behind;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length in bytes of the character reference at the beginning of a text, which is `&`, with
/// its `;`; 0 if there is none.
fn reference_len(text: &str) -> usize {
    for (at, byte) in text.bytes().enumerate().skip(1) {
        let is_in_name = byte.is_ascii_alphanumeric() || byte == b'#';
        if byte == b';' && at > 1 {
            return at + 1;
        }
        if !is_in_name || at > REFERENCE_MAX_BYTES {
            break;
        }
    }
    0
}

/// A heading without the signs of a link to itself at its end: Sphinx's `¶`, Docusaurus' U+200B.
pub(crate) fn without_permalink(heading: &str) -> &str {
    heading.trim_end_matches(|c: char| matches!(c, '¶' | '\u{200b}' | '🔗') || c.is_whitespace())
}

/// Whether the text of a link in a heading is only the sign of a link to the heading.
pub(crate) fn is_permalink(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '¶' | '#' | '§' | '🔗' | '⚓' | '∞') || is_invisible(c))
}

/// Whether both texts are the same title: case, and a stop at the end, make no difference.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    comparable(one) == comparable(other)
}

fn comparable(title: &str) -> String {
    let title = text::line(title).to_lowercase();
    title.trim_end_matches(['.', ':']).to_owned()
}

/// Whether a token has at least three letters and no digit. One letter is enough in a script whose
/// characters are words.
fn is_word(token: &str) -> bool {
    let (mut letters, mut is_wide) = (0, false);
    for c in token.chars() {
        if c.is_numeric() {
            return false;
        }
        letters += usize::from(c.is_alphabetic());
        // From here on are the blocks of Chinese, Japanese and Korean.
        is_wide |= u32::from(c) >= 0x2e80;
    }
    letters >= 3 || (is_wide && letters >= 1)
}

fn is_of_machine(token: &str) -> bool {
    MACHINE_PREFIXES.contains(&token) || EMPTY_NAMES.contains(&token)
}

/// Whether a name is a hexadecimal number, in groups or not. Without a digit it is a word:
/// `facade`.
fn is_hash(lower: &str) -> bool {
    lower.contains(|c: char| c.is_ascii_digit())
        && lower.chars().all(|c| c == ' ' || c.is_ascii_hexdigit())
}

/// The end of the first sentence: after a stop that is followed by a space and not by a small
/// letter, or after a Chinese or Japanese stop.
fn sentence_end(line: &str) -> usize {
    for (at, c) in line.char_indices() {
        let end = at + c.len_utf8();
        let is_end = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' | '…' => ends_sentence(&line[..at], c, &line[end..]),
            _ => false,
        };
        if is_end {
            return end;
        }
    }
    line.len()
}

fn ends_sentence(before: &str, stop: char, rest: &str) -> bool {
    if rest.is_empty() {
        return true;
    }
    let Some(rest) = rest.strip_prefix(' ') else { return false };
    let word = before.rsplit(' ').next().unwrap_or_default();
    // `J. R. R.`, `1. `, `Dr. ` and `e.g. ` do not end a sentence.
    if stop == '.' && (word.chars().count() <= 2 || word.contains('.')) {
        return false;
    }
    !rest.starts_with(char::is_lowercase)
}

fn capital(text: &str) -> String {
    let Some(first) = text.graphemes(true).next() else { return String::new() };
    format!("{}{}", first.to_uppercase(), &text[first.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, title) in [
            ("my-first-post", Some("My first post")),
            ("My Post", Some("My Post")),
            ("Spider-Man is back", Some("Spider-Man is back")),
            ("hello", Some("Hello")),
            ("snake_case_name", Some("Snake case name")),
            ("rust-1.90", Some("Rust 1.90")),
            ("c++-tips", Some("C++ tips")),
            ("über-uns", Some("Über uns")),
            ("日本語の記事", Some("日本語の記事")),
            ("day-2", Some("Day 2")),
            ("IMG_1234", None),
            ("DSC00012", None),
            ("PXL_20261122_101112", None),
            ("Screenshot 2026-11-22", None),
            ("2026-11-22", None),
            ("42", None),
            ("d41d8cd98f00b204e9800998ecf8427e", None),
            ("550e8400-e29b-41d4-a716-446655440000", None),
            ("a1b2c3", None),
            ("untitled", None),
            ("untitled-2", None),
            ("index", None),
            ("x", None),
            ("...", None),
        ] {
            assert_eq!(of_words(name).as_deref(), title, "{name}");
        }
        assert_eq!(plain("IMG_1234"), "IMG 1234");
        assert_eq!(plain("\u{1}"), "");
    }

    #[test]
    fn references() {
        for (text, expected) in [
            ("Don&#8217;t &amp; do", "Don’t & do"),
            ("&lt;T&gt; &hellip; &#x41; caf&eacute;", "<T> … A café"),
            ("AT&T &copy &x; &; & <b>", "AT&T &copy &x; &; & <b>"),
            ("&amp;#8217; &amp;amp;", "&#8217; &amp;"),
            ("&CounterClockwiseContourIntegral;", "∳"),
            ("&", "&"),
            ("a&#0;b \u{fffd}", "ab \u{fffd}"),
            ("&é;", "&é;"),
        ] {
            assert_eq!(resolved(text), expected);
        }
    }

    #[test]
    fn permalinks() {
        for (heading, expected) in
            [("A ¶", "A"), ("A\u{200b}", "A"), ("C #", "C #"), ("A 🔗", "A"), ("¶ 3", "¶ 3")]
        {
            assert_eq!(without_permalink(heading), expected);
        }
        assert!(is_permalink("¶") && is_permalink("#") && is_permalink("\u{200b}"));
        assert!(!is_permalink("3") && !is_permalink("#a"));
    }

    #[test]
    fn sentences() {
        for (opening, title) in [
            ("", None),
            ("Just this", Some("Just this")),
            ("One. Two. Three.", Some("One")),
            ("Is it? Yes.", Some("Is it?")),
            ("Wait... what now", Some("Wait... what now")),
            ("J. R. R. Tolkien wrote. A lot.", Some("J. R. R. Tolkien wrote")),
            ("Version 1.0 is out. Get it.", Some("Version 1.0 is out")),
            ("そうです。次。", Some("そうです")),
            (
                "A very long sentence that goes on and on, with more and more words in it, until nobody knows how it began.",
                Some(
                    "A very long sentence that goes on and on, with more and more words in it, until…",
                ),
            ),
        ] {
            assert_eq!(of_sentence(opening).as_deref(), title, "{opening}");
        }
    }
}
