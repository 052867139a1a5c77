//! The time of day.

use jiff::civil;

use super::{Refusal, is_digits, number};

/// `10:00`, `10:00:00.5`, `10:00:00,5`, and without colons `1000`, `100000`.
pub(crate) fn time(clock: &str) -> Result<civil::Time, Refusal> {
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let pieces: Vec<&str> = if clock.contains(':') {
        clock.split(':').collect()
    } else {
        clock.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect()
    };
    let (hour, minute, second) = match *pieces {
        [hour] => (hour, "00", "00"),
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(Refusal::Unknown),
    };
    let well_formed = matches!(hour.len(), 1 | 2) && minute.len() == 2 && second.len() == 2;
    if !well_formed || !(fraction.is_empty() || is_digits(fraction)) {
        return Err(Refusal::Unknown);
    }
    // A leap second is the last one that clocks show. (RFC 3339, 5.7)
    let second: i8 = number(second)?;
    let second = if second == 60 { 59 } else { second };
    let nanoseconds = format!("{fraction:0<9}");
    civil::Time::new(number(hour)?, number(minute)?, second, number(&nanoseconds[..9])?)
        .map_err(|_| Refusal::NoSuchTime)
}

/// The time on a clock of twelve hours.
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
