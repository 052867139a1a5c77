//! The shrink guard: when most of the entries vanish, that is a fault, and not a decision of their
//! author.
//!
//! Pure: it compares numbers. A step asks it before a deletion takes effect.
//!
//! The rule. An entry **vanishes** when its file is gone without any decision: no draft, no expiry,
//! no pattern of `articles.ignore`, no `forget`. Entries that vanish are compared with the last
//! **accepted** library: what is public now, and what vanished within the last [`WINDOW`] and was
//! taken away since, so that many small losses, one after another, count as one large one. A
//! deletion that is older than that is accepted, and so is everything at an `accept`.
//!
//! If too many vanished when the grace of one of them is over, all deletions are held: a [`Hold`]
//! begins, and what it measures against does not move any more, so that neither time nor new
//! articles end it. It ends when enough files are back, or at an `accept`. Everything else goes on:
//! new articles, edits, renames, withdrawals.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

use crate::base::Timestamp;

/// The time for which a deletion counts: longer than a sync tool takes to delete a tree, shorter
/// than a day of tidying up.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// The name of the value that remembers a [`Hold`]; it is empty where there is none.
pub const HOLD: &str = "hold";

/// The number of entries that may vanish at once, however few there are.
const VANISHED_MAX: usize = 5;

/// The share of the entries that may vanish at once, in percent.
const VANISHED_PERCENT_MAX: usize = 30;

/// From this many on, a site does not lose all its entries at once.
const ALL_MIN: usize = 3;

/// The number of entries that were accepted, and what would be left of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrink {
    /// Entries of the last accepted library.
    pub before: usize,
    /// Those that did not vanish.
    pub after: usize,
}

impl Shrink {
    /// Whether to hold the last feeds instead: more than five entries and more than 30 % of them
    /// would vanish, or all of three or more.
    pub fn is_suspicious(self) -> bool {
        let vanished = self.before.saturating_sub(self.after);
        let all = self.after == 0 && self.before >= ALL_MIN;
        // Both limits, so that a small site can lose a few entries, and a large one many.
        let many = vanished > VANISHED_MAX
            && vanished.saturating_mul(100) > self.before.saturating_mul(VANISHED_PERCENT_MAX);
        all || many
    }
}

/// As the log shows it: `412 -> 3`.
impl fmt::Display for Shrink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.before, self.after)
    }
}

/// Deletions that are held until the files are back, or until an operator accepts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Entries of the last accepted library.
    pub before: usize,
    /// The time of its beginning: what vanished within [`WINDOW`] before it counts, and everything
    /// after.
    pub since: Timestamp,
}

/// As it is stored: `412 2026-03-01T12:00:00Z`.
impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.before, self.since)
    }
}

impl FromStr for Hold {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (before, since) = text.split_once(' ').ok_or(())?;
        let before = before.parse().map_err(|_| ())?;
        Ok(Self { before, since: since.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: usize, after: usize, suspicious: bool) {
        let shrink = Shrink { before, after };
        assert_eq!(shrink.is_suspicious(), suspicious, "{shrink}");
    }

    #[test]
    fn most_of_the_entries_do_not_vanish_at_once() {
        check(412, 3, true);
        check(412, 412, false);
        check(0, 0, false);
        // All of them.
        check(2, 0, false);
        check(3, 0, true);
        check(3, 1, false);
        // Up to five may go.
        check(6, 1, false);
        check(7, 1, true);
        // Exactly 30 % may go.
        check(100, 70, false);
        check(100, 69, true);
        // A tree that grows does not concern the guard.
        check(3, 400, false);
    }

    #[test]
    fn a_hold_is_read_as_it_is_written() {
        let hold = Hold { before: 412, since: "2026-03-01T12:00:00Z".parse().unwrap() };
        assert_eq!(hold.to_string().parse(), Ok(hold));
        for text in ["", "412", "x 2026-03-01T12:00:00Z", "412 yesterday"] {
            assert_eq!(text.parse::<Hold>(), Err(()), "{text:?}");
        }
    }
}
