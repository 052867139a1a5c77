//! Numbers with a unit: durations and sizes.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::raw::{Given, Reader};

/// Reads a duration in milliseconds.
pub(super) fn milliseconds(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    default: u64,
    most: u64,
) -> Given<Duration> {
    let given = reader.number(section, key, default, 0..=most);
    Given { value: Duration::from_millis(given.value), at: given.at }
}

/// Reads a duration in seconds.
pub(super) fn seconds(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    default: u64,
    range: RangeInclusive<u64>,
) -> Duration {
    Duration::from_secs(reader.number(section, key, default, range).value)
}

/// Reads a number of things in memory.
pub(super) fn size(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    default: u64,
    range: RangeInclusive<u64>,
) -> usize {
    // Every range ends far below what a pointer of 32 bits holds.
    usize::try_from(reader.number(section, key, default, range).value).unwrap_or(usize::MAX)
}
