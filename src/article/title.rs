//! A title for an article that names none: its file's name, where that is made of words, or its first sentence.

use unicode_segmentation::UnicodeSegmentation;

use crate::base::text;

/// Where a first sentence is cut, in graphemes.
const SENTENCE_MAX: usize = 80;

/// Names that say nothing of what stands in the file.
const EMPTY_NAMES: [&str; 10] =
    ["index", "readme", "untitled", "unbenannt", "note", "new", "draft", "document", "text", "post"];

/// What cameras, phones and programs put before a number.
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

/// The file name as a title, if it is made of words: `my-first-post` is "My first post"; `IMG_1234`, a bare date, a
/// number, a hash are none.
pub(crate) fn of_words(name: &str) -> Option<String> {
    let title = plain(name);
    let tokens: Vec<&str> = title.split(' ').collect();
    let is_word = |token: &&&str| is_word(token);
    let words = tokens.iter().filter(is_word).count();
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    let digits = title.chars().filter(char::is_ascii_digit).count();
    let lower = title.to_lowercase();
    let by_machine = words == 1 && tokens.len() > 1 && {
        let prefix = lower.split(' ').next().unwrap_or_default();
        MACHINE_PREFIXES.contains(&prefix) || EMPTY_NAMES.contains(&prefix)
    };
    let is_hash = digits > 0 && lower.chars().filter(|c| *c != ' ').all(|c| c.is_ascii_hexdigit());
    (words > 0 && letters > digits && !by_machine && !is_hash && !EMPTY_NAMES.contains(&lower.as_str()))
        .then_some(title)
}

/// The file name as a title, whatever it is made of; empty only where it holds nothing that can be shown.
pub(crate) fn plain(name: &str) -> String {
    // Who sets spaces means hyphens: `Spider-Man is back`.
    let separators: &[char] = if name.contains(char::is_whitespace) { &['_'] } else { &['_', '-', '+'] };
    let spaced = if name.contains("++") { name.replace(['_', '-'], " ") } else { name.replace(separators, " ") };
    capital(&text::line(&spaced))
}

/// The first sentence of a text, cut after a word near 80 characters; none where there is no text.
pub(crate) fn of_sentence(opening: &str) -> Option<String> {
    let opening = text::line(opening);
    let sentence = &opening[..sentence_end(&opening)];
    let title = text::excerpt(sentence, SENTENCE_MAX);
    let title = match title.strip_suffix('.') {
        Some(rest) if !rest.ends_with('.') => rest,
        _ => title.strip_suffix('。').unwrap_or(&title),
    };
    (!title.is_empty()).then(|| title.to_owned())
}

/// Letters alone, three of them or more; one is enough for a script whose characters are words.
fn is_word(token: &str) -> bool {
    let letters = token.chars().filter(|c| c.is_alphabetic()).count();
    let other = token.chars().any(|c| c.is_numeric());
    let wide = token.chars().any(|c| u32::from(c) >= 0x2e80);
    !other && (letters >= 3 || (wide && letters >= 1))
}

/// Where the first sentence ends: behind a stop that a space and no small letter follows, or behind a stop of Chinese
/// and Japanese.
fn sentence_end(line: &str) -> usize {
    for (at, c) in line.char_indices() {
        let end = at + c.len_utf8();
        let rest = &line[end..];
        let ends = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' | '…' => ends_here(&line[..at], c, rest),
            _ => false,
        };
        if ends {
            return end;
        }
    }
    line.len()
}

fn ends_here(before: &str, stop: char, rest: &str) -> bool {
    let Some(next) = rest.strip_prefix(' ').and_then(|rest| rest.chars().next()) else { return rest.is_empty() };
    let word = before.rsplit(' ').next().unwrap_or_default();
    // `J. R. R.`, `1. `, `Dr. ` and `e.g. ` end nothing.
    let short = stop == '.' && (word.chars().count() <= 2 || word.contains('.'));
    !short && !next.is_lowercase()
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
                Some("A very long sentence that goes on and on, with more and more words in it, until…"),
            ),
        ] {
            assert_eq!(of_sentence(opening).as_deref(), title, "{opening}");
        }
    }
}
