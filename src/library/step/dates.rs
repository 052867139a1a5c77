//! The dates of an article: written dates become instants, once, and never move by themselves.
//!
//! Invariants: `published` and the second of `updated` depend on the head, the moment of first
//! publication and the earlier record alone; `updated` never decreases and is never before
//! `published`.

use jiff::civil;
use jiff::tz::TimeZone;

use crate::article::Head;
use crate::base::time::{Written, whole_second};
use crate::base::{Digest, Timestamp};

use super::super::{Policy, Record, Standing};

/// The time at which an article is (or became) public: what its author wrote, else the earlier of
/// its last change and `fallback`, in whole seconds.
///
/// A day without a time that is the day of `first_seen` takes its time of day, so that two drops of
/// one day keep their order.
pub(super) fn published(
    head: &Head,
    first_seen: Timestamp,
    fallback: Timestamp,
    zone: &TimeZone,
) -> Timestamp {
    let instant = match (head.published, head.updated) {
        (Some(Written::Day(day)), _) if is_on(first_seen, day, zone) => first_seen,
        (Some(written), _) => written.resolve(zone),
        // The day would resolve to its midnight, but the article cannot have changed before it was
        // there.
        (None, Some(Written::Day(day))) if is_on(first_seen, day, zone) => fallback,
        (None, Some(updated)) => updated.resolve(zone).min(fallback),
        (None, None) => fallback,
    };
    whole_second(instant)
}

fn is_on(instant: Timestamp, day: civil::Date, zone: &TimeZone) -> bool {
    instant.to_zoned(zone.clone()).date() == day
}

/// The time at which a new article last changed: what its author wrote (never ahead of the clock),
/// else when it was published.
pub(super) fn updated_first(
    head: &Head,
    id: &str,
    published: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Timestamp {
    let updated = match head.updated {
        Some(written) => written.resolve(zone).min(now),
        None => published,
    };
    with_micros(updated.max(published), id)
}

/// The time at which an article of an old feed last changed: what that feed says, never ahead of
/// the clock.
pub(super) fn updated_imported(
    updated: Timestamp,
    id: &str,
    published: Timestamp,
    now: Timestamp,
) -> Timestamp {
    with_micros(updated.min(now).max(published), id)
}

/// The fate of an article's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// Its bytes are the same.
    None,
    /// They are others, and its author says when it changed.
    Unmeasured,
    /// A few are others, compared with those at the last `updated`.
    Minor,
    /// More than a few are.
    Major,
}

/// The time at which a known article last changed, and whether later edits are measured from these
/// words.
pub(super) fn updated_next(
    old: &Record,
    head: &Head,
    edit: Edit,
    published: Timestamp,
    now: Timestamp,
    policy: &Policy,
) -> (Timestamp, bool) {
    let zone = &policy.zone;
    let floor = whole_second(old.updated).max(published);
    let moved = match (head.updated, edit) {
        // The author's word decides, but only when the file was touched: a date that was capped at
        // the clock does not move by itself as time goes on. The same bytes give another date if a
        // later version of dropfeed reads more of them.
        (Some(written), Edit::None) if head.updated != old.head.updated => {
            Some(written.resolve(zone).min(now))
        }
        (Some(_), Edit::None) => None,
        (Some(written), _) => Some(written.resolve(zone).min(now)),
        (None, Edit::Major) => Some(now),
        (None, _) => None,
    };
    match moved {
        Some(moved) => {
            // `updated` never decreases, so an earlier date changes nothing.
            let second = whole_second(moved).max(floor);
            (with_micros(second, &old.id), edit != Edit::None)
        }
        // Small edits add up: they are all measured from the words of the last large one.
        None => (with_micros(floor, &old.id), false),
    }
}

/// The second of `instant` with the microseconds that belong to `id`, so that no two entries are
/// textually equal.
fn with_micros(instant: Timestamp, id: &str) -> Timestamp {
    // Never zero: a zero would be left out of the text, and one feed would have two forms of date.
    let micros = i32::try_from(Digest::of(id.as_bytes()).prefix() % 999_999).unwrap_or(0) + 1;
    Timestamp::new(whole_second(instant).as_second(), micros * 1_000).unwrap_or(instant)
}

/// The visibility of an article by the clock and its front matter, and until when that holds.
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

/// Decides whether an article with this head and date is visible at `now`. `known`: the article as
/// it was last public.
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
    let from = match head.not_before {
        Some(written) => written.resolve(zone).max(published),
        None => published,
    };
    if from <= now || is_due_already(head, known) {
        Showing::Now(expires)
    } else {
        Showing::From(from)
    }
}

/// Whether the dates of `head` were due once before. They are then due for ever: a clock that is
/// before them now was set back, and only its author takes back what is public.
fn is_due_already(head: &Head, known: Option<&Record>) -> bool {
    // Without a date, an article is due when it is seen.
    if head.published.is_none() && head.not_before.is_none() {
        return true;
    }
    match known {
        Some(Record { head: old, .. }) => {
            old.published == head.published && old.not_before == head.not_before
        }
        None => false,
    }
}

/// Whether the article expired once, and the clock is too far back to bring it back: before the
/// time at which it was first public. A clock that was ahead and is right again is later than that.
fn has_expired_already(head: &Head, known: Option<&Record>, now: Timestamp) -> bool {
    match known {
        Some(known) => {
            known.standing == Standing::Withdrawn
                && known.head.expires == head.expires
                && now < known.first_seen
        }
        None => false,
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
