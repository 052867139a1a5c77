//! Bare addresses of running text: where they begin, and where the text goes on.

use std::borrow::Cow;
use std::ops::Range;

use linkify::{LinkFinder, LinkKind};

/// An address in a text.
pub(super) struct Address {
    /// Its bytes.
    pub(super) range: Range<usize>,
    /// Whether it is one of mail.
    pub(super) is_mail: bool,
}

/// The addresses in `text`, in order.
pub(super) fn find(finder: &LinkFinder, text: &str) -> Vec<Address> {
    let text = in_ascii(text);
    let mut found = Vec::new();
    for link in finder.links(&text) {
        let is_mail = *link.kind() == LinkKind::Email;
        found.push(Address { range: link.start()..link.end(), is_mail });
    }
    found
}

/// The text with a space for each byte of what ends an address, and with an `a` for each byte of
/// other characters beyond ASCII. The finder knows spaces alone as an end there (`https://e.org/a。`),
/// and no top-level domain beyond ASCII (`https://пример.рф/`). No byte moves.
fn in_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        let stand_in = match c {
            _ if c.is_ascii() => c,
            _ if ends_address(c) => ' ',
            _ => 'a',
        };
        for _ in 0..c.len_utf8() {
            ascii.push(stand_in);
        }
    }
    Cow::Owned(ascii)
}

/// Whether a character beyond ASCII belongs to the sentence around an address: a space, a quotation
/// mark, a long dash, or the punctuation of a script that has its own. A hyphen and a short dash may
/// be in an address.
fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '«' | '»'
                | '\u{60c}'
                | '\u{61b}'
                | '\u{61f}'
                | '\u{6d4}'
                | '\u{964}'..='\u{965}'
                | '\u{2014}'..='\u{2015}'
                | '\u{2018}'..='\u{201f}'
                | '\u{2026}'
                | '\u{2039}'..='\u{203a}'
                | '\u{3001}'..='\u{3003}'
                | '\u{3008}'..='\u{3011}'
                | '\u{3014}'..='\u{301f}'
                | '\u{ff01}'..='\u{ff0f}'
                | '\u{ff1a}'..='\u{ff20}'
                | '\u{ff3b}'..='\u{ff40}'
                | '\u{ff5b}'..='\u{ff65}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        for address in find(&LinkFinder::new(), text) {
            found.push(&text[address.range]);
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        check(
            "（https://e.org/b）を参照、https://e.org/c、次。",
            &["https://e.org/b", "https://e.org/c"],
        );
        check("详见 https://e.org/a。", &["https://e.org/a"]);
        check("「https://e.org/」https://e.org/a？x", &["https://e.org/", "https://e.org/a"]);
        check("“https://e.org/a” ‘https://e.org/b’", &["https://e.org/a", "https://e.org/b"]);
        check("«https://e.org/a» https://e.org/b…", &["https://e.org/a", "https://e.org/b"]);
        check(
            "https://e.org/a—and https://e.org/b\u{a0}c",
            &["https://e.org/a", "https://e.org/b"],
        );
        check("انظر https://e.org/a، ثم", &["https://e.org/a"]);
        check("देखें https://e.org/a।", &["https://e.org/a"]);
    }

    #[test]
    fn an_address_may_have_letters_of_any_script() {
        check(
            "https://пример.рф/путь, https://例子.中国/页",
            &["https://пример.рф/путь", "https://例子.中国/页"],
        );
        check(
            "https://مثال.إختبار/ https://müller.de/ä",
            &["https://مثال.إختبار/", "https://müller.de/ä"],
        );
        check("https://e.org/wiki/Foo–bar_(x) z", &["https://e.org/wiki/Foo–bar_(x)"]);
        check("ada@e.org、bob@пример.рф。", &["ada@e.org", "bob@пример.рф"]);
        check("файл.рф и a.b", &[]);
    }
}
