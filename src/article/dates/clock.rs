//! Times of day.

use jiff::civil;

use super::{Refusal, is_digits, number};

/// Reads `10:00`, `10:00:00.5`, `10:00:00,5`, and without colons `1000` and `100000`.
pub(crate) fn time(clock: &str) -> Result<civil::Time, Refusal> {
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut pieces: Vec<&str> = Vec::new();
    if clock.contains(':') {
        pieces.extend(clock.split(':'));
    } else {
        // A character of two bytes cannot be cut, and is not a digit.
        for pair in clock.as_bytes().chunks(2) {
            pieces.extend(std::str::from_utf8(pair));
        }
    }
    let (hour, minute, second) = match *pieces {
        [hour] => (hour, "00", "00"),
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(Refusal::Unknown),
    };
    let is_valid_fraction = fraction.is_empty() || is_digits(fraction);
    if !matches!((hour.len(), minute.len(), second.len()), (1 | 2, 2, 2)) || !is_valid_fraction {
        return Err(Refusal::Unknown);
    }
    // No clock here shows a leap second (RFC 3339, 5.7): it becomes the second before.
    let second: i8 = number(second)?;
    let second = if second == 60 { 59 } else { second };
    let nanoseconds = format!("{fraction:0<9}");
    match civil::Time::new(number(hour)?, number(minute)?, second, number(&nanoseconds[..9])?) {
        Ok(time) => Ok(time),
        Err(_) => Err(Refusal::NoSuchTime),
    }
}

/// The time that a clock of twelve hours shows.
pub(crate) fn twelve_hours(time: civil::Time, afternoon: bool) -> Result<civil::Time, Refusal> {
    let hour = match (time.hour(), afternoon) {
        (12, false) => 0,
        (12, true) => 12,
        (hour @ 1..=11, false) => hour,
        (hour @ 1..=11, true) => hour + 12,
        _ => return Err(Refusal::NoSuchTime),
    };
    time.with().hour(hour).build().map_err(|_| Refusal::NoSuchTime)
}
