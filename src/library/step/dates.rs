//! What an article's dates mean: written moments become instants, once, and never move by themselves.
//!
//! Invariants: `published` and the second of `updated` depend on the head, the moment of first publication and the
//! earlier record alone; `updated` never decreases and is never before `published`.

use jiff::civil;
use jiff::tz::TimeZone;

use crate::article::{Head, WordSketch};
use crate::base::time::{Written, whole_second};
use crate::base::{Digest, Timestamp};

use super::super::{Policy, Record, Standing};

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

/// When an article of an old feed last changed: what that feed said, never ahead of the clock.
pub(super) fn updated_imported(
    updated: Timestamp,
    id: &str,
    published: Timestamp,
    now: Timestamp,
) -> Timestamp {
    with_micros(updated.min(now).max(published), id)
}

/// When a known article last changed, and whether later edits are measured from these words. `edited`: its words, where its
/// bytes are others.
pub(super) fn updated_next(
    old: &Record,
    head: &Head,
    edited: Option<&WordSketch>,
    published: Timestamp,
    now: Timestamp,
    policy: &Policy,
) -> (Timestamp, bool) {
    let zone = &policy.zone;
    let said_anew = edited.is_some() || head.updated != old.head.updated;
    let written = head.updated.filter(|_| said_anew).map(|written| written.resolve(zone).min(now));
    let moved = match (written, edited) {
        (Some(written), _) => Some(written),
        (None, Some(sketch))
            if head.updated.is_none() && !policy.minor_edit.is_minor(&old.sketch, sketch) =>
        {
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

/// Whether the clock and the author's words let the public see an article, and until when the answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    /// Visible; where it expires, until then.
    Now(Option<Timestamp>),
    /// Held until this moment.
    From(Timestamp),
    /// Expired at this moment.
    Expired(Timestamp),
    /// A draft.
    Never,
}

/// Decides whether an article with this head and date is visible at `now`. `known`: the article as it was last public.
pub(super) fn showing(
    head: &Head,
    published: Timestamp,
    known: Option<&Record>,
    now: Timestamp,
    zone: &TimeZone,
) -> Showing {
    if head.draft {
        return Showing::Never;
    }
    let expires = head.expires.map(|written| written.resolve(zone));
    if let Some(expires) = expires
        && (expires <= now || has_expired_already(head, known, now))
    {
        return Showing::Expired(expires);
    }
    let from = head.not_before.map_or(published, |written| written.resolve(zone).max(published));
    if from <= now || is_due_already(head, known) {
        Showing::Now(expires)
    } else {
        Showing::From(from)
    }
}

/// Whether the dates of `head` were due once before. They are then due for ever: a clock that is before them now was
/// set back, and only its author takes back what is public.
fn is_due_already(head: &Head, known: Option<&Record>) -> bool {
    let is_undated = head.published.is_none() && head.not_before.is_none();
    let is_unchanged = |known: &Record| {
        known.head.published == head.published && known.head.not_before == head.not_before
    };
    is_undated || known.is_some_and(is_unchanged)
}

/// Whether the article expired once, and the clock is too far back to bring it back: before the time at which it was
/// first public. A clock that was ahead and is right again is later than that.
fn has_expired_already(head: &Head, known: Option<&Record>, now: Timestamp) -> bool {
    known.is_some_and(|known| {
        known.standing == Standing::Withdrawn
            && known.head.expires == head.expires
            && now < known.first_seen
    })
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
