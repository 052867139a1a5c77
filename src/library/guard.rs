//! The shrink guard: a look that would make most of the entries vanish shows a fault, not a decision of the author.
//!
//! Pure: it compares two numbers. Which looks are guarded is for the engine to know.

use std::fmt;

/// Entries that may vanish at once, however few there are.
const VANISHED_MAX: usize = 5;

/// The share of the entries that may vanish at once, in percent.
const VANISHED_PERCENT_MAX: usize = 30;

/// From this many on, a site does not lose all its entries at once.
const ALL_MIN: usize = 3;

/// The number of public entries before a look, and what it would leave of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrink {
    /// Entries that were public.
    pub before: usize,
    /// Entries that still have a file.
    pub after: usize,
}

impl Shrink {
    /// Whether to hold the last feeds instead: more than five entries and more than 30 % of them would vanish, or all
    /// of three or more.
    pub fn is_suspicious(self) -> bool {
        let vanished = self.before.saturating_sub(self.after);
        let all = self.after == 0 && self.before >= ALL_MIN;
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
        // A tree that grows is none of its business.
        check(3, 400, false);
    }
}
