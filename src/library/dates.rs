//! What an article's dates mean: written moments become instants, once, and never move by themselves.
//!
//! Invariants: `published` and the second of `updated` depend on the head, the moment of first publication and the
//! earlier record alone; `updated` never decreases and is never before `published`.

use jiff::civil;
use jiff::tz::TimeZone;

use crate::article::word_sketch::is_minor_edit;
use crate::article::{Head, WordSketch};
use crate::base::time::{Written, whole_second};
use crate::base::{Digest, Timestamp};

use super::Record;

/// When an article is (or became) public: what its author wrote, else the earlier of its last change and `fallback`,
/// in whole seconds.
///
/// A day without a time that is the day of `first_seen` takes its time of day, so that two drops of one day keep their
/// order.
pub(super) fn published(
    head: &Head,
    first_seen: Timestamp,
    fallback: Timestamp,
    zone: &TimeZone,
) -> Timestamp {
    let instant = match head.published {
        None => match head.updated {
            // Nothing changed before it was there.
            Some(Written::Day(day)) if is_on(first_seen, day, zone) => fallback,
            Some(updated) => updated.resolve(zone).min(fallback),
            None => fallback,
        },
        Some(Written::Day(day)) if is_on(first_seen, day, zone) => first_seen,
        Some(written) => written.resolve(zone),
    };
    whole_second(instant)
}

fn is_on(instant: Timestamp, day: civil::Date, zone: &TimeZone) -> bool {
    instant.to_zoned(zone.clone()).date() == day
}

/// When a new article last changed: what its author wrote (never ahead of the clock), else when it was published.
pub(super) fn updated_first(
    head: &Head,
    id: &str,
    published: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Timestamp {
    let written = head.updated.map(|written| written.resolve(zone).min(now));
    with_micros(written.unwrap_or(published).max(published), id)
}

/// When a known article last changed, and whether its words are measured anew from here. `edited`: its words, where its
/// bytes are others.
pub(super) fn updated_next(
    old: &Record,
    head: &Head,
    edited: Option<&WordSketch>,
    published: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> (Timestamp, bool) {
    let said_anew = edited.is_some() || head.updated != old.head.updated;
    let written = head.updated.filter(|_| said_anew).map(|written| written.resolve(zone).min(now));
    let moved = match (written, edited) {
        (Some(written), _) => Some(written),
        (None, Some(sketch)) if head.updated.is_none() && !is_minor_edit(&old.sketch, sketch) => {
            Some(now)
        }
        _ => None,
    };
    let floor = whole_second(old.updated).max(published);
    let second = moved.map_or(floor, |moved| whole_second(moved).max(floor));
    (with_micros(second, &old.id), moved.is_some() && edited.is_some())
}

/// The second of `instant` with the microseconds that belong to `id`, so that no two entries are textually equal.
fn with_micros(instant: Timestamp, id: &str) -> Timestamp {
    // Never zero: a zero would be left out of the text, and then two forms of date would stand in one feed.
    let micros = i32::try_from(Digest::of(id.as_bytes()).prefix() % 999_999).unwrap_or(0) + 1;
    Timestamp::new(whole_second(instant).as_second(), micros * 1_000).unwrap_or(instant)
}

/// Does a public article belong before the public at `now`, and until when does the answer hold?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    /// Yes; and, where it expires, until then.
    Now(Option<Timestamp>),
    /// Not before this moment.
    From(Timestamp),
    /// No: a draft, or expired.
    Never,
}

/// Whether an article with this head and date is shown at `now`.
pub(super) fn showing(
    head: &Head,
    published: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Showing {
    let expires = head.expires.map(|written| written.resolve(zone));
    let from = head.not_before.map_or(published, |written| written.resolve(zone).max(published));
    if head.draft || expires.is_some_and(|expires| expires <= now) {
        Showing::Never
    } else if from > now {
        Showing::From(from)
    } else {
        Showing::Now(expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_leave_the_second_alone() {
        for second in ["2026-11-20T09:30:00Z", "1970-01-01T00:00:00Z", "1899-12-31T23:00:00Z"] {
            let second: Timestamp = second.parse().unwrap();
            let once = with_micros(second, "urn:x");
            assert_eq!((whole_second(once), with_micros(once, "urn:x")), (second, once));
        }
    }
}
