//! Dates of feeds: RFC 822 (RSS), RFC 3339 (Atom, JSON Feed), and what feeds have in their place.

use jiff::tz::TimeZone;

use crate::article::date;
use crate::base::Timestamp;

/// The zones of North America, which RFC 822 (5.1) defines, though elsewhere the abbreviations mean
/// others.
const ZONES: [(&str, &str); 8] = [
    ("EST", "-0500"),
    ("EDT", "-0400"),
    ("CST", "-0600"),
    ("CDT", "-0500"),
    ("MST", "-0700"),
    ("MDT", "-0600"),
    ("PST", "-0800"),
    ("PDT", "-0700"),
];

/// Seconds of two days: a date before the third of January 1970 is the zero of some generator.
const ZERO_S: i64 = 2 * 86_400;

/// The instant that a feed's date means; without a zone, UTC. `None` for what is not a date, and
/// for 1970-01-01, which generators write where they have none.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = without_weekday(text.trim());
    let mut numeric = text.to_owned();
    for (name, offset) in ZONES {
        if let Some(rest) = text.strip_suffix(name) {
            numeric = format!("{rest}{offset}");
        }
    }
    let instant = date(&numeric)?.resolve(&TimeZone::UTC);
    (instant.as_second() >= ZERO_S).then_some(instant)
}

/// The text without `Mon, `: some generators write weekdays in the author's language, or the wrong
/// one.
fn without_weekday(text: &str) -> &str {
    match text.split_once(',') {
        Some((word, rest)) if !word.is_empty() && word.chars().all(char::is_alphabetic) => {
            rest.trim_start()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_feeds() {
        for (text, expected) in [
            ("Fri, 20 Nov 2026 09:30:00 GMT", "2026-11-20T09:30:00Z"),
            ("Fri, 20 Nov 2026 09:30:00 +0000", "2026-11-20T09:30:00Z"),
            ("20 Nov 2026 09:30:00 EST", "2026-11-20T14:30:00Z"),
            ("Fre, 20 Nov 2026 09:30:00 PDT", "2026-11-20T16:30:00Z"),
            ("Mon, 20 Nov 2026 09:30 UT", "2026-11-20T09:30:00Z"),
            ("2026-11-20T09:30:00+01:00", "2026-11-20T08:30:00Z"),
            ("2026-11-20T09:30:00.123Z", "2026-11-20T09:30:00.123Z"),
            (" 2026-11-20 ", "2026-11-20T00:00:00Z"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "-"),
            ("someday", "-"),
            ("", "-"),
        ] {
            let found = parse(text).map_or("-".to_owned(), |found| found.to_string());
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
