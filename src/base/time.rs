//! Instants and the textual forms that feeds and HTTP want.
//!
//! Nothing here reads a clock: `now` is an argument.

use std::time::SystemTime;

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// An instant, UTC, nanosecond precision, years -9999 to 9999.
pub use jiff::Timestamp;

/// A date as an author writes it: with or without time and offset.
///
/// ```
/// use dropfeed::base::time::Written;
/// use jiff::tz::TimeZone;
///
/// let zone = TimeZone::get("Europe/Berlin").unwrap();
/// let day = Written::Day("2026-11-20".parse().unwrap());
/// assert_eq!(day.resolve(&zone).to_string(), "2026-11-19T23:00:00Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Written {
    /// With an offset: an exact instant.
    Instant(Timestamp),
    /// Without an offset: in `site.timezone`.
    Local(civil::DateTime),
    /// A day alone: midnight of `site.timezone`, unless that day is the day it was first seen.
    Day(civil::Date),
}

impl Written {
    /// Resolves the date in the zone of the site. A local time that a clock change skips or repeats
    /// is resolved as RFC 5545 (3.3.5) does: the later reading of a gap, the earlier of a fold.
    pub fn resolve(&self, zone: &TimeZone) -> Timestamp {
        let local = match *self {
            Written::Instant(instant) => return instant,
            Written::Local(local) => local,
            Written::Day(day) => day.to_datetime(civil::Time::midnight()),
        };
        // Fails only within a day of the end of the representable range, where the instant itself
        // is the limit.
        zone.to_ambiguous_timestamp(local).compatible().unwrap_or(Timestamp::MAX)
    }
}

/// Formats as `Fri, 20 Nov 2026 09:30:00 GMT`: RSS 2.0 (RFC 822 with four-digit years) and HTTP
/// (RFC 9110, 5.6.7) alike.
pub fn rfc822(instant: Timestamp) -> String {
    instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Formats as `2026-11-20T09:30:00.123456Z`: RFC 3339 with microseconds, or without a fraction if
/// they are zero.
pub fn rfc3339(instant: Timestamp) -> String {
    let form = match instant.subsec_microsecond() {
        0 => "%Y-%m-%dT%H:%M:%SZ",
        _ => "%Y-%m-%dT%H:%M:%S%.6fZ",
    };
    instant.strftime(form).to_string()
}

/// Removes the fraction of a second, which HTTP dates cannot express.
pub fn whole_second(instant: Timestamp) -> Timestamp {
    // Before 1970, jiff rounds seconds towards 1970, that is up.
    let up = i64::from(instant.subsec_nanosecond() < 0);
    Timestamp::from_second(instant.as_second() - up).unwrap_or(instant)
}

/// Converts the time of a file or a clock. A time outside of the representable years becomes the
/// nearest limit.
pub fn from_system(time: SystemTime) -> Timestamp {
    match Timestamp::try_from(time) {
        Ok(instant) => instant,
        Err(_) if time < SystemTime::UNIX_EPOCH => Timestamp::MIN,
        Err(_) => Timestamp::MAX,
    }
}

/// A duration in its two largest units: `3 d 4 h`, `8 h 59 min`, `45 s`.
pub fn in_words(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let at: Timestamp = "2026-11-20T09:30:00.120Z".parse().unwrap();
        assert_eq!(rfc822(at), "Fri, 20 Nov 2026 09:30:00 GMT");
        assert_eq!(rfc3339(at), "2026-11-20T09:30:00.120000Z");
        assert_eq!(rfc3339(whole_second(at)), "2026-11-20T09:30:00Z");
        let old: Timestamp = "1899-12-31T23:00:00.25Z".parse().unwrap();
        assert_eq!(rfc3339(whole_second(old)), "1899-12-31T23:00:00Z");
        assert_eq!(
            rfc822("0987-01-02T03:04:05Z".parse().unwrap()),
            "Tue, 02 Jan 0987 03:04:05 GMT"
        );
    }

    #[test]
    fn the_zone_is_the_sites() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let day = Written::Day("2026-11-20".parse().unwrap());
        assert_eq!(day.resolve(&zone).to_string(), "2026-11-19T23:00:00Z");
        let gap = Written::Local("2026-03-29T02:30:00".parse().unwrap());
        assert_eq!(gap.resolve(&zone).to_string(), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn waits_are_written_in_words() {
        for (seconds, words) in [
            (-5, "0 s"),
            (45, "45 s"),
            (3_599, "59 min"),
            (32_399, "8 h 59 min"),
            (86_400, "1 d 0 h"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
