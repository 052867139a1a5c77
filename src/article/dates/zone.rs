//! The zone of a time: an offset, an abbreviation, or a name of the time zone database.

use jiff::tz::{Offset, TimeZone};

use super::{Refusal, number};

/// Abbreviations that RFC 2822 (4.3) defines, and others that mean one offset everywhere: names and
/// hours east of UTC.
const ABBREVIATIONS: [(&[&str], i32); 16] = [
    (&["Z", "UT", "UTC", "GMT", "WET"], 0),
    (&["EDT"], -4),
    (&["EST", "CDT"], -5),
    (&["CST", "MDT"], -6),
    (&["MST", "PDT"], -7),
    (&["PST", "AKDT"], -8),
    (&["AKST"], -9),
    (&["HST"], -10),
    (&["CET", "WEST"], 1),
    (&["CEST", "EET"], 2),
    (&["EEST", "MSK"], 3),
    (&["JST"], 9),
    (&["AEST"], 10),
    (&["AEDT"], 11),
    (&["NZST"], 12),
    (&["NZDT"], 13),
];

/// Abbreviations that are in use for several offsets.
const AMBIGUOUS: [&str; 8] = ["IST", "BST", "AST", "ADT", "SST", "GST", "AMT", "WST"];

/// A zone, or what is in its place.
#[derive(Debug, Clone)]
pub(crate) enum Zone {
    /// A distance from UTC.
    Offset(Offset),
    /// A place, whose offset follows from the date.
    Named(TimeZone),
    /// A word that looks like a zone, but is not a known one.
    Unknown(String),
}

impl Zone {
    /// Reads `+0100`, `-05:00` or `+1`.
    pub(crate) fn of_offset(text: &str) -> Result<Self, Refusal> {
        offset(text).map(Zone::Offset)
    }

    /// Reads `UTC`, `GMT+0100`, `EST` or `Europe/Berlin`. Any other short word of capitals is an
    /// unknown zone; anything else is refused.
    pub(crate) fn of_name(name: &str) -> Result<Self, Refusal> {
        let upper = name.to_ascii_uppercase();
        let from_utc = upper.strip_prefix("UTC").or(upper.strip_prefix("GMT"));
        if let Some(distance) = from_utc
            && distance.starts_with(['+', '-'])
        {
            return Self::of_offset(distance);
        }
        for (names, hours) in ABBREVIATIONS {
            if names.contains(&upper.as_str()) {
                return Ok(Zone::Offset(offset_of_minutes(hours * 60)?));
            }
        }
        if AMBIGUOUS.contains(&upper.as_str()) {
            return Err(Refusal::AmbiguousZone(upper));
        }
        if name.contains('/') && name.bytes().all(may_be_in_name) {
            // The database is the one in the binary, so that no host's decides a date.
            return Ok(match TimeZone::get(name) {
                Ok(zone) => Zone::Named(zone),
                Err(_) => Zone::Unknown(name.to_owned()),
            });
        }
        if looks_like_abbreviation(name) {
            return Ok(Zone::Unknown(name.to_owned()));
        }
        Err(Refusal::Unknown)
    }
}

fn may_be_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'+' | b'-')
}

fn looks_like_abbreviation(name: &str) -> bool {
    matches!(name.len(), 2..=5) && name.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn offset(text: &str) -> Result<Offset, Refusal> {
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return Err(Refusal::Unknown),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "00"),
        Some(_) => return Err(Refusal::Unknown),
    };
    let (hours, minutes): (i32, i32) = (number(hours)?, number(minutes)?);
    if hours > 15 || minutes > 59 {
        return Err(Refusal::NoSuchTime);
    }
    offset_of_minutes(sign * (hours * 60 + minutes))
}

fn offset_of_minutes(minutes: i32) -> Result<Offset, Refusal> {
    Offset::from_seconds(minutes * 60).map_err(|_| Refusal::NoSuchTime)
}
