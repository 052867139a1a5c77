//! A date as authors write it -> `Written`.
//!
//! A text that may mean two days, or no day, is refused: a wrong date would reach subscribers and
//! stay there. Local times stay local here; only a zone in the text itself makes an instant.

mod clock;
mod zone;

use std::fmt;

use jiff::civil::{self, Weekday};
use jiff::tz::TimeZone;

use crate::base::Timestamp;
use crate::base::time::Written;

use zone::Zone;

/// Bytes that the text of a date may have.
const TEXT_MAX_BYTES: usize = 120;

/// Advice at the end of a refusal.
const EXAMPLE: &str = "write it like 2026-11-22 or 2026-11-22T10:00:00+01:00";

/// A recognised date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dated {
    /// The date, with a time and a zone as far as the text has them.
    pub written: Written,
    /// A word in the place of a zone that is not a known one; the time is then local to the site.
    pub unknown_zone: Option<String>,
}

/// A reason why a text is not a recognised date. `Display` continues a sentence that begins with
/// the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Two days are possible: day first, or month first.
    Ambiguous(civil::Date, civil::Date),
    /// A month or a year, without a day.
    NoDay,
    /// A day that no calendar has, or outside of the years 1 to 9999.
    NoSuchDay,
    /// The date is on another weekday.
    OtherWeekday(civil::Date),
    /// An hour, minute or second that no clock shows.
    NoSuchTime,
    /// An abbreviation that several zones share.
    AmbiguousZone(String),
    /// Anything else.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Ambiguous(one, other) => {
                write!(f, "may mean {one} or {other}; write the one that is meant")
            }
            Refusal::NoDay => write!(f, "has no day; {EXAMPLE}"),
            Refusal::NoSuchDay => write!(f, "is not a day of the calendar; {EXAMPLE}"),
            Refusal::OtherWeekday(date) => {
                write!(f, "contradicts itself: {date} is a {:?}", date.weekday())
            }
            Refusal::NoSuchTime => write!(f, "has a time that no clock shows; {EXAMPLE}"),
            Refusal::AmbiguousZone(zone) => {
                write!(f, "has the zone {zone}, which may mean several; {EXAMPLE}")
            }
            Refusal::Unknown => write!(f, "is not a recognised date; {EXAMPLE}"),
        }
    }
}

/// Reads a date, with or without a time and a zone behind or before it. Recognised forms:
///
/// - ISO 8601 and RFC 3339: `2026-11-22`, `2026-11-22T10:00Z`, `2026-11-22 10:00:00.5 +0100`,
///   `20261122`, `20261122T100000Z`, RFC 9557 `2026-11-22T10:00+01:00[Europe/Berlin]`; the same
///   with `/` or `.`
/// - RFC 822, 850, 2822 and their kin, with years of two digits: `Sun, 22 Nov 2026 10:00:00 +0100`,
///   `Sun Nov 22 10:00:00 UTC 2026`, `Sun Nov 22 2026 10:00:00 GMT+0100 (CET)`
/// - `22 November 2026`, `22nd of Nov 2026`, `November 22, 2026, 3:05 pm`, `22-Nov-2026`,
///   `2026 Nov 22`
/// - `22.11.2026`, day first by the convention of those who write dots; `22/11/2026` and
///   `11/22/2026` where one of the two cannot be a month, or both are equal
/// - seconds (10 digits) and milliseconds (13) since 1970
///
/// A month or a year alone is refused, because it has no day.
///
/// # Errors
///
/// The reason for a refusal.
pub(crate) fn parse(text: &str) -> Result<Dated, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_MAX_BYTES {
        return Err(Refusal::Unknown);
    }
    if let Some(instant) = epoch(text) {
        return Ok(Dated { written: Written::Instant(instant?), unknown_zone: None });
    }
    let mut parts = Parts::default();
    let (text, bracketed) = without_brackets(text);
    for token in tokens(text) {
        parts.take(token)?;
    }
    // RFC 9557: the offset before the brackets decides.
    match bracketed {
        Bracketed::Zone(zone) if parts.zone.is_none() => parts.zone = Some(Zone::of_name(zone)?),
        // A comment that is not a zone says nothing; `(IST)` may mean several, and is refused.
        Bracketed::Comment(zone) if parts.zone.is_none() => match Zone::of_name(zone) {
            Ok(Zone::Unknown(_)) | Err(Refusal::Unknown) => {}
            zone => parts.zone = Some(zone?),
        },
        _ => {}
    }
    parts.finish()
}

/// Reads seconds or milliseconds since 1970: ten or thirteen digits, years 2001 to 2286.
fn epoch(text: &str) -> Option<Result<Timestamp, Refusal>> {
    if !is_digits(text) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    let instant = match text.len() {
        10 => Timestamp::from_second(number),
        13 => Timestamp::from_millisecond(number),
        _ => return None,
    };
    Some(instant.map_err(|_| Refusal::NoSuchDay))
}

/// The brackets at the end of a date.
enum Bracketed<'a> {
    /// None.
    Nothing,
    /// A comment in round ones (RFC 5322, 3.2.2), which may name the zone.
    Comment(&'a str),
    /// The zone in square ones (RFC 9557).
    Zone(&'a str),
}

/// Splits the brackets off the end of a date.
fn without_brackets(text: &str) -> (&str, Bracketed<'_>) {
    if let Some(rest) = text.strip_suffix(')')
        && let Some((before, comment)) = rest.rsplit_once('(')
    {
        return (before.trim_end(), Bracketed::Comment(comment.trim()));
    }
    if let Some(rest) = text.strip_suffix(']')
        && let Some((before, zone)) = rest.rsplit_once('[')
    {
        return (before, Bracketed::Zone(zone));
    }
    (text, Bracketed::Nothing)
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Word(&'a str),
    /// A time behind the `T` of ISO 8601, which needs no colons.
    Clock(&'a str),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        // A comma may be before the fraction of a second; anywhere else it separates words.
        let commas: &[char] = if word.contains(':') { &[] } else { &[','] };
        for part in word.trim_end_matches(',').split(commas) {
            if part.is_empty() {
                continue;
            }
            match t_of_iso(part) {
                Some(at) => {
                    tokens.push(Token::Word(&part[..at]));
                    tokens.push(Token::Clock(&part[at + 1..]));
                }
                None => tokens.push(Token::Word(part)),
            }
        }
    }
    tokens
}

/// Finds the `T` between an ISO date and its time. It is between digits, as no letter of a month
/// is.
fn t_of_iso(word: &str) -> Option<usize> {
    let at = word.find(['T', 't'])?;
    let before = word[..at].ends_with(|c: char| c.is_ascii_digit());
    let after = word[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    if at >= 8 && before && after { Some(at) } else { None }
}

/// Parts of a date, each given at most once.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<civil::Time>,
    afternoon: Option<bool>,
    zone: Option<Zone>,
    weekday: Option<Weekday>,
    /// The month is a name behind a day, as in RFC 822, whose years may have two digits.
    has_day_before_month: bool,
}

/// Sets a part that must not have been given before.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::Unknown),
    }
}

impl Parts {
    fn take(&mut self, token: Token<'_>) -> Result<(), Refusal> {
        match token {
            Token::Clock(clock) => self.clock(clock),
            Token::Word(word) => match word.as_bytes().first() {
                Some(b'0'..=b'9') if word.contains(':') => self.clock(word),
                Some(b'0'..=b'9') => self.number(word),
                Some(b'+' | b'-') => self.zone(Zone::of_offset(word)?),
                _ => self.word(word),
            },
        }
    }

    fn number(&mut self, word: &str) -> Result<(), Refusal> {
        for separator in ['-', '/', '.'] {
            // The dot of `22. November` separates nothing.
            if word.trim_end_matches('.').contains(separator) {
                return self.separated(word, separator);
            }
        }
        let suffix = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &word[..word.len() - suffix.len()];
        match (digits.len(), suffix.to_ascii_lowercase().as_str()) {
            (2, "") if self.has_day_before_month && self.year.is_none() => {
                once(&mut self.year, year_of_two_digits(digits)?)
            }
            (4, "") => once(&mut self.year, number(digits)?),
            // `22. 11. 2026`, as Czechs and Germans write it.
            (1 | 2, ".") if self.day.is_some() => once(&mut self.month, number(digits)?),
            (1 | 2, "" | "." | "st" | "nd" | "rd" | "th") => once(&mut self.day, number(digits)?),
            (8, "") => self.year_month_day(&digits[..4], &digits[4..6], &digits[6..]),
            (12 | 14, "") => {
                self.year_month_day(&digits[..4], &digits[4..6], &digits[6..8])?;
                self.clock(&digits[8..])
            }
            _ => Err(Refusal::Unknown),
        }
    }

    /// Reads `2026-11-22`, `22.11.2026` or `22-Nov-2026`.
    fn separated(&mut self, word: &str, separator: char) -> Result<(), Refusal> {
        let pieces: Vec<&str> = word.split(separator).collect();
        match *pieces {
            [y, m, d] if is_year(y) && is_short(m) && is_short(d) => self.year_month_day(y, m, d),
            [a, b, y] if is_short(a) && is_short(b) && is_year(y) => {
                let (day, month) = day_and_month(number(a)?, number(b)?, number(y)?, separator)?;
                self.date(number(y)?, month, day)
            }
            [d, m, y] if is_short(d) && is_year(y) => self.date(number(y)?, month(m)?, number(d)?),
            [y, m, d] if is_year(y) && is_short(d) => self.date(number(y)?, month(m)?, number(d)?),
            // RFC 850: `06-Nov-94`.
            [d, m, y] if separator == '-' && is_short(d) && y.len() == 2 && month(m).is_ok() => {
                self.date(year_of_two_digits(y)?, month(m)?, number(d)?)
            }
            [y, m] if is_year(y) && is_short(m) => Err(Refusal::NoDay),
            [m, y] if is_short(m) && is_year(y) => Err(Refusal::NoDay),
            _ => Err(Refusal::Unknown),
        }
    }

    fn year_month_day(&mut self, year: &str, month: &str, day: &str) -> Result<(), Refusal> {
        self.date(number(year)?, number(month)?, number(day)?)
    }

    fn date(&mut self, year: i16, month: i8, day: i8) -> Result<(), Refusal> {
        once(&mut self.year, year)?;
        once(&mut self.month, month)?;
        once(&mut self.day, day)
    }

    /// Reads a word of letters: a weekday, a month, `pm`, a zone, or one without meaning.
    fn word(&mut self, word: &str) -> Result<(), Refusal> {
        let bare = word.trim_end_matches('.');
        if let Ok(month) = month(bare) {
            self.has_day_before_month = self.day.is_some();
            return once(&mut self.month, month);
        }
        if let Some(weekday) = weekday(bare) {
            return once(&mut self.weekday, weekday);
        }
        match bare.to_ascii_lowercase().as_str() {
            "of" | "the" | "at" | "on" => Ok(()),
            "am" | "a.m" => once(&mut self.afternoon, false),
            "pm" | "p.m" => once(&mut self.afternoon, true),
            // The monotonic clock of Go's `time.Time`, printed.
            _ if bare.starts_with("m=") && self.zone.is_some() => Ok(()),
            _ => self.zone(Zone::of_name(word)?),
        }
    }

    /// Takes a zone. Go prints two, `+0000 UTC` or `+0300 +0300`: the offset decides.
    fn zone(&mut self, zone: Zone) -> Result<(), Refusal> {
        match (&self.zone, &zone) {
            (Some(Zone::Offset(_)), Zone::Unknown(_)) => Ok(()),
            (Some(Zone::Offset(one)), Zone::Offset(other)) if one == other => Ok(()),
            _ => once(&mut self.zone, zone),
        }
    }

    /// Reads `10:00`, `10:00:00.5`, or a time without colons behind a `T`. `pm` or a zone may
    /// follow at once.
    fn clock(&mut self, word: &str) -> Result<(), Refusal> {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit() || ":.,".contains(c));
        let clock = &word[..word.len() - rest.len()];
        once(&mut self.time, clock::time(clock)?)?;
        if rest.is_empty() { Ok(()) } else { self.take(Token::Word(rest)) }
    }

    fn finish(self) -> Result<Dated, Refusal> {
        let date = match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => day_of(year, month, day)?,
            (Some(_), _, None) => return Err(Refusal::NoDay),
            _ => return Err(Refusal::Unknown),
        };
        if self.weekday.is_some_and(|weekday| weekday != date.weekday()) {
            return Err(Refusal::OtherWeekday(date));
        }
        let time = match (self.time, self.afternoon) {
            (time, None) => time,
            (Some(time), Some(afternoon)) => Some(clock::twelve_hours(time, afternoon)?),
            (None, Some(_)) => return Err(Refusal::Unknown),
        };
        let local = date.to_datetime(time.unwrap_or_default());
        let (written, unknown_zone) = match (self.zone, time) {
            (Some(Zone::Offset(offset)), _) => (instant(offset.to_timestamp(local), local)?, None),
            (Some(Zone::Named(zone)), _) => {
                (instant(zone.to_ambiguous_timestamp(local).compatible(), local)?, None)
            }
            (Some(Zone::Unknown(zone)), Some(_)) => (Written::Local(local), Some(zone)),
            (Some(Zone::Unknown(_)), None) => return Err(Refusal::Unknown),
            (None, Some(_)) => (Written::Local(local), None),
            (None, None) => (Written::Day(date), None),
        };
        Ok(Dated { written, unknown_zone })
    }
}

/// The instant, if it is in the years 1 to 9999 of UTC: RFC 3339 has no others. Any time in 9999,
/// by which people mean "never", may become the last instant that can be represented.
fn instant(
    instant: Result<Timestamp, jiff::Error>,
    local: civil::DateTime,
) -> Result<Written, Refusal> {
    let instant = match instant {
        Err(_) if local.year() == 9999 => Timestamp::MAX,
        Err(_) => return Err(Refusal::NoSuchDay),
        Ok(instant) => instant,
    };
    let year = instant.to_zoned(TimeZone::UTC).year();
    if year >= 1 { Ok(Written::Instant(instant)) } else { Err(Refusal::NoSuchDay) }
}

/// The day, if the calendar has it, in the years 1 to 9999. Years before are negative or 0 in the
/// calendar of `jiff`, and have no form in RFC 3339.
pub(crate) fn day_of(year: i16, month: i8, day: i8) -> Result<civil::Date, Refusal> {
    match civil::Date::new(year, month, day) {
        Ok(date) if date.year() >= 1 => Ok(date),
        _ => Err(Refusal::NoSuchDay),
    }
}

/// Decides which of the two numbers before a year is the day, and which the month. Dots are written
/// by those who put the day first.
fn day_and_month(a: i8, b: i8, year: i16, separator: char) -> Result<(i8, i8), Refusal> {
    if separator == '.' || a == b || a > 12 {
        return Ok((a, b));
    }
    if b > 12 {
        return Ok((b, a));
    }
    Err(Refusal::Ambiguous(day_of(year, b, a)?, day_of(year, a, b)?))
}

/// Whether a piece of a date is a year: four digits.
fn is_year(piece: &str) -> bool {
    piece.len() == 4 && is_digits(piece)
}

/// Whether a piece of a date is a month or a day: one digit or two.
fn is_short(piece: &str) -> bool {
    matches!(piece.len(), 1 | 2) && is_digits(piece)
}

/// A year of two digits (RFC 5322, 4.3): 50 to 99 are in the last century.
fn year_of_two_digits(digits: &str) -> Result<i16, Refusal> {
    let year: i16 = number(digits)?;
    Ok(if year < 50 { 2000 + year } else { 1900 + year })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number<T: std::str::FromStr>(digits: &str) -> Result<T, Refusal> {
    // `parse` alone would accept a sign.
    if !is_digits(digits) {
        return Err(Refusal::Unknown);
    }
    digits.parse().map_err(|_| Refusal::Unknown)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A month by its English name, or by three letters or more of it.
fn month(name: &str) -> Result<i8, Refusal> {
    let place = place_among(&MONTHS, name.trim_end_matches('.')).ok_or(Refusal::Unknown)?;
    i8::try_from(place + 1).map_err(|_| Refusal::Unknown)
}

fn weekday(name: &str) -> Option<Weekday> {
    let place = place_among(&WEEKDAYS, name)?;
    Weekday::from_monday_one_offset(i8::try_from(place + 1).ok()?).ok()
}

fn place_among(names: &[&str], name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    names.iter().position(|full| name.len() >= 3 && full.starts_with(&name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use jiff::tz::Offset;

    fn show(text: &str) -> String {
        match parse(text) {
            Ok(Dated { written: Written::Day(day), unknown_zone: None }) => day.to_string(),
            Ok(Dated { written: Written::Local(local), unknown_zone: None }) => local.to_string(),
            Ok(Dated { written: Written::Local(local), unknown_zone: Some(zone) }) => {
                format!("{local} {zone}?")
            }
            Ok(Dated { written: Written::Instant(instant), .. }) => instant.to_string(),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => format!("{refusal:?}"),
        }
    }

    fn alternatives(list: &str) -> impl Iterator<Item = &str> {
        list.split('|').map(str::trim)
    }

    #[test]
    fn days() {
        for text in alternatives(
            "2026-11-22 |  2026-11-22  | 2026/11/22 | 2026.11.22 | 20261122 | 22.11.2026 | 22. 11. 2026 | 22. November 2026 | \
             22/11/2026 | 11/22/2026 | 22-11-2026 | 22 November 2026 | 22 Nov 2026 | 22 NOV 2026 | \
             November 22, 2026 | November 22,2026 | Nov 22nd 2026 | Nov. 22, 2026 | 22nd of November, 2026 | \
             the 22nd of November 2026 | Sun Nov 22 2026 | Sunday, 22 November 2026 | \
             Sunday, November 22nd, 2026 | 22-Nov-2026 | 22/Nov/2026 | 2026 Nov 22 | 2026-Nov-22 | \
             2026, November 22",
        ) {
            assert_eq!(show(text), "2026-11-22", "{text}");
        }
        assert_eq!(show("5.6.2026"), "2026-06-05");
        assert_eq!(show("5/5/2026"), "2026-05-05");
        assert_eq!(show("2026-1-2"), "2026-01-02");
        assert_eq!(show("1 Sept 2026"), "2026-09-01");
        assert_eq!(show("29 Feb 2028"), "2028-02-29");
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("2026-11-22 10:00", "2026-11-22T10:00:00"),
            ("2026-11-22T10:00", "2026-11-22T10:00:00"),
            ("2026-11-22t10:00:05", "2026-11-22T10:00:05"),
            ("2026-11-22 9:05", "2026-11-22T09:05:00"),
            ("2013/7/13 20:46:25", "2013-07-13T20:46:25"),
            ("22.11.2026, 10:00", "2026-11-22T10:00:00"),
            ("November 22, 2026 at 3:05 pm", "2026-11-22T15:05:00"),
            ("November 22, 2026, 3:05PM", "2026-11-22T15:05:00"),
            ("Nov 22 2026 12:00 a.m.", "2026-11-22T00:00:00"),
            ("Sun Nov 22 10:00:00 2026", "2026-11-22T10:00:00"),
            ("2026-11-22T10:00:00.123456789", "2026-11-22T10:00:00.123456789"),
            ("2026-11-22 10:00:00,5", "2026-11-22T10:00:00.5"),
            ("20261122100000", "2026-11-22T10:00:00"),
            ("202611221000", "2026-11-22T10:00:00"),
            ("2026-12-31T23:59:60", "2026-12-31T23:59:59"),
            ("2026-11-22 10:00 XYZ", "2026-11-22T10:00:00 XYZ?"),
            ("2026-11-22 10:00 Europe/Nowhere", "2026-11-22T10:00:00 Europe/Nowhere?"),
        ] {
            assert_eq!(show(text), expected, "{text}");
        }
    }

    #[test]
    fn instants() {
        for text in alternatives(
            "2026-11-22T10:00:00Z | 2026-11-22T10:00Z | 2026-11-22t10:00:00z | 2026-11-22T11:00:00+01:00 | \
             2026-11-22 11:00:00 +0100 | 2026-11-22 11:00:00 +01:00 | 2026-11-22 11:00:00+01 | \
             2026-11-22T05:00-05:00 | 20261122T100000Z | 20261122T1000Z | 20261122T110000+0100 | \
             Sun, 22 Nov 2026 10:00:00 GMT | Sun, 22 Nov 2026 11:00:00 +0100 | 22 Nov 2026 10:00 UT | \
             Sun Nov 22 10:00:00 UTC 2026 | \
             Sun Nov 22 2026 11:00:00 GMT+0100 (Central European Standard Time) | 2026-11-22 05:00 EST | \
             2026-11-22 11:00 CET | 2026-11-22 11:00 Europe/Berlin | 2026-11-22T11:00[Europe/Berlin] | \
             2026-11-22T11:00+01:00[Europe/Berlin] | 2026-11-22 5:00am EST | 2026-11-22 12:00 UTC+2 | \
             2026-11-22 10:00:00 +0000 UTC | 2026-11-22 13:00:00 +0300 +0300 | 2026-11-22 11:00:00 +0100 CET | \
             2026-11-22 10:00:00.0 +0000 UTC m=+0.000012 | 2026-11-22 11:00 (Europe/Berlin) | \
             2026-11-22 10:00 (UTC) | Sun, 22 Nov 26 10:00:00 GMT | Sunday, 22-Nov-26 10:00:00 GMT | \
             November 22, 2026 10:00 UTC | 1795341600 | 1795341600000 | 2026-11-22 10:00utc",
        ) {
            assert_eq!(show(text), "2026-11-22T10:00:00Z", "{text}");
        }
        assert_eq!(show("Mon, 28 Dec 92 14:27:12 EST"), "1992-12-28T19:27:12Z");
        assert_eq!(show("9999-12-31T23:59:59Z"), Timestamp::MAX.to_string());
        assert_eq!(show("9999-12-31T23:59-10:00"), Timestamp::MAX.to_string());
        assert_eq!(show("2026-11-22Z"), "Unknown");
        assert_eq!(show("2026-11-22 UTC"), "2026-11-22T00:00:00Z");
        assert_eq!(show("2026-03-29 02:30 Europe/Berlin"), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn refused() {
        for (text, why) in [
            ("", "Unknown"),
            ("yesterday", "Unknown"),
            ("true", "Unknown"),
            ("03/01/2026", "Ambiguous(2026-01-03, 2026-03-01)"),
            ("3-1-2026 10:00", "Ambiguous(2026-01-03, 2026-03-01)"),
            ("2026-02-30", "NoSuchDay"),
            ("2026-13-01", "NoSuchDay"),
            ("29 Feb 2026", "NoSuchDay"),
            ("0000-01-01", "NoSuchDay"),
            ("0001-01-01T00:00+01:00", "NoSuchDay"),
            ("31/31/2026", "NoSuchDay"),
            ("13.13.2026", "NoSuchDay"),
            ("2026", "NoDay"),
            ("2026-11", "NoDay"),
            ("11/2026", "NoDay"),
            ("November 2026", "NoDay"),
            ("22 November", "Unknown"),
            ("22.11.26", "Unknown"),
            ("11/22/26", "Unknown"),
            ("12026-01-01", "Unknown"),
            ("2026-W47-7", "Unknown"),
            ("2026-11-22 25:00", "NoSuchTime"),
            ("2026-11-22 24:00", "NoSuchTime"),
            ("2026-11-22 10:60", "NoSuchTime"),
            ("2026-11-22 13:00 pm", "NoSuchTime"),
            ("2026-11-22 10:00 +9900", "NoSuchTime"),
            ("2026-11-22 10:00 IST", "AmbiguousZone(\"IST\")"),
            ("2026-11-22 10:00 bananas", "Unknown"),
            ("2026-11-22T10:00:00Z</pubDate><x>", "Unknown"),
            ("2026-11-22 2026-11-23", "Unknown"),
            ("2026-11-22 10:00 (IST)", "AmbiguousZone(\"IST\")"),
            ("2026-11-22 10:00 +0100 +0200", "Unknown"),
            ("Nov 22 26", "Unknown"),
            ("Sun, 28 Dec 92 14:27:12 EST", "OtherWeekday(1992-12-28)"),
            ("Mon, 22 Nov 2026", "OtherWeekday(2026-11-22)"),
            ("{{ now }}", "Unknown"),
        ] {
            assert_eq!(show(text), why, "{text}");
        }
    }

    #[test]
    fn a_refusal_shows_the_way() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(
            said("03/01/2026"),
            "may mean 2026-01-03 or 2026-03-01; write the one that is meant"
        );
        assert_eq!(said("Mon 22 Nov 2026"), "contradicts itself: 2026-11-22 is a Sunday");
        assert!(
            said("2026-02-30").contains("write it like 2026-11-22 or 2026-11-22T10:00:00+01:00")
        );
    }

    prop_compose! {
        fn moment()(days in 1_i32..3_652_000, seconds in 0_i32..86_400) -> civil::DateTime {
            let first = civil::date(1, 1, 2).to_datetime(civil::Time::midnight());
            first.saturating_add(jiff::Span::new().days(days)).saturating_add(jiff::Span::new().seconds(seconds))
        }
    }

    proptest! {
        #[test]
        fn every_form_of_a_day_is_that_day(moment in moment()) {
            let day = moment.date();
            for form in alternatives(
            "%Y-%m-%d | %Y/%m/%d | %Y.%m.%d | %Y%m%d | %d.%m.%Y | %d %B %Y | %-d %b %Y | %B %-d, %Y | \
             %b %d %Y | %a %b %d %Y | %A, %d %B %Y | %d-%b-%Y | %Y %b %d | %Y-%b-%d | %a, %d %b %Y | \
             %dth of %B, %Y",
        ) {
                let text = day.strftime(form).to_string();
                prop_assert_eq!(parse(&text).map(|dated| dated.written), Ok(Written::Day(day)), "{}", text);
            }
        }

        #[test]
        fn every_form_of_a_moment_is_that_moment(moment in moment()) {
            for form in alternatives(
            "%Y-%m-%d %H:%M:%S | %Y-%m-%dT%H:%M:%S | %Y%m%dT%H%M%S | %Y%m%d%H%M%S | %a %b %d %H:%M:%S %Y | \
             %d.%m.%Y, %H:%M:%S | %B %-d, %Y at %-I:%M:%S %p | %a, %d %b %Y %H:%M:%S",
        ) {
                let text = moment.strftime(form).to_string();
                prop_assert_eq!(parse(&text).map(|dated| dated.written), Ok(Written::Local(moment)), "{}", text);
            }
        }

        #[test]
        fn every_offset_counts(moment in moment(), minutes in -840_i32..=840) {
            let offset = Offset::from_seconds(minutes * 60).unwrap();
            let instant = offset.to_timestamp(moment).unwrap();
            for form in ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z"] {
                let text = instant.to_zoned(TimeZone::fixed(offset)).strftime(form).to_string();
                prop_assert_eq!(parse(&text).map(|dated| dated.written), Ok(Written::Instant(instant)), "{}", text);
            }
        }

        #[test]
        fn day_or_month_first_is_never_guessed(day in 1_i8..=12, month in 1_i8..=12, year in 1_i16..=9999) {
            let refused = parse(&format!("{day}/{month}/{year:04}")).is_err();
            prop_assert_eq!(refused, day != month);
        }

        #[test]
        fn no_text_panics(text in "([0-9]{1,5}|[-+/.:,TtZ ]|Nov|pm|\\PC){0,16}") {
            let _ = parse(&text);
        }
    }
}
