//! The readers of a year, by day and feed.
//!
//! Owns nothing but sums: names of feeds and of aggregators, and numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use crate::base::Format;

/// The days that are kept.
pub const DAYS_MAX: usize = 366;

/// The name under which the readers of feeds are counted that are too many to be kept one by one.
pub const OTHER: &str = "other";

/// The readers of the feeds on one day, by the path of the feed's directory: `/`, `/tags/rust/`.
pub type Day = BTreeMap<String, Tally>;

/// The readers of one feed on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Distinct direct readers, of all formats.
    pub direct: u64,
    /// The largest number of subscribers that each aggregator named for a format. To an aggregator,
    /// each format is a feed of its own, with subscribers of its own.
    pub subscribers: BTreeMap<(String, Format), u64>,
}

impl Tally {
    /// All readers.
    pub fn readers(&self) -> u64 {
        self.subscribers.values().fold(self.direct, |sum, number| sum.saturating_add(*number))
    }

    /// The subscribers of each aggregator, of all formats; the one with the most first.
    pub fn aggregators(&self) -> Vec<(&str, u64)> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for ((name, _), number) in &self.subscribers {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(*number);
        }
        let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
        sums.sort_by_key(|(name, number)| (u64::MAX - *number, *name));
        sums
    }

    /// Raises every figure to that of `other`.
    pub(super) fn raise(&mut self, other: &Tally) {
        self.direct = self.direct.max(other.direct);
        for (key, number) in &other.subscribers {
            let own = self.subscribers.entry(key.clone()).or_default();
            *own = (*own).max(*number);
        }
    }

    /// Adds the figures of another feed.
    pub(super) fn add(&mut self, other: &Tally) {
        self.direct = self.direct.saturating_add(other.direct);
        for (key, number) in &other.subscribers {
            let own = self.subscribers.entry(key.clone()).or_default();
            *own = own.saturating_add(*number);
        }
    }
}

/// The days on which readers were counted, at most [`DAYS_MAX`]. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    days: BTreeMap<Date, Arc<Day>>,
}

impl History {
    /// The history of these days.
    pub fn new(days: BTreeMap<Date, Day>) -> Self {
        let mut history = Self::default();
        for (date, day) in days {
            history.set(date, day);
        }
        history
    }

    /// Replaces the figures of a day. The oldest days are dropped.
    pub fn set(&mut self, date: Date, day: Day) {
        self.days.insert(date, Arc::new(day));
        while self.days.len() > DAYS_MAX {
            self.days.pop_first();
        }
    }

    /// The figures of a day; `None` if nothing was counted on it.
    pub fn day(&self, date: Date) -> Option<&Day> {
        self.days.get(&date).map(|day| &**day)
    }

    /// The first day that is known.
    pub fn first(&self) -> Option<Date> {
        self.days.keys().next().copied()
    }

    /// The readers of a feed on a day, or of all feeds (`None`). `None` if nothing was counted on
    /// that day: dropfeed did not run, or did not count.
    pub fn readers(&self, feed: Option<&str>, date: Date) -> Option<u64> {
        let day = self.days.get(&date)?;
        let mut sum = 0_u64;
        for (name, tally) in &**day {
            if feed.is_none_or(|feed| feed == name) {
                sum = sum.saturating_add(tally.readers());
            }
        }
        Some(sum)
    }

    /// The feeds that had a reader in the days from `from` to `to`, the most read first.
    pub fn feeds(&self, from: Date, to: Date) -> Vec<&str> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        if from <= to {
            for (name, tally) in self.days.range(from..=to).flat_map(|(_, day)| &**day) {
                let sum = sums.entry(name).or_default();
                *sum = sum.saturating_add(tally.readers());
            }
        }
        let mut feeds: Vec<(&str, u64)> = sums.into_iter().collect();
        // What is counted together comes last.
        feeds.sort_by_key(|(name, sum)| (*name == OTHER, u64::MAX - *sum, *name));
        feeds.into_iter().map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
pub(super) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// A day in which each feed has a number of direct readers and of Feedly's.
#[cfg(test)]
pub(super) fn day(feeds: &[(&str, u64, u64)]) -> Day {
    let mut day = Day::new();
    for (feed, direct, feedly) in feeds {
        let mut tally = Tally { direct: *direct, ..Tally::default() };
        if *feedly > 0 {
            tally.subscribers.insert(("Feedly".to_owned(), Format::Atom), *feedly);
        }
        day.insert((*feed).to_owned(), tally);
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_kept() {
        let mut history = History::default();
        let mut date = date("2024-01-01");
        for _ in 0..DAYS_MAX + 10 {
            history.set(date, day(&[("/", 1, 0)]));
            date = date.tomorrow().unwrap();
        }
        assert_eq!(history.days.len(), DAYS_MAX);
        assert_eq!(history.first().unwrap().to_string(), "2024-01-11");
    }

    #[test]
    fn sums() {
        let mut history = History::default();
        let (first, second) = (date("2026-11-28"), date("2026-11-29"));
        history.set(first, day(&[("/", 3, 4), ("/b/", 9, 0), (OTHER, 50, 0)]));
        history.set(second, day(&[("/", 5, 4)]));
        assert_eq!(history.readers(Some("/"), first), Some(7));
        assert_eq!(history.readers(Some("/b/"), second), Some(0));
        assert_eq!(history.readers(None, first), Some(66));
        assert_eq!(history.readers(None, date("2026-11-27")), None);
        assert_eq!(history.feeds(first, second), ["/", "/b/", OTHER]);
        assert!(history.feeds(second, first).is_empty());
    }

    #[test]
    fn the_largest_aggregator_is_first_and_its_formats_are_added() {
        let mut tally = Tally::default();
        for (name, format, number) in [
            ("A", Format::Atom, 3),
            ("B", Format::Atom, 2),
            ("B", Format::Rss, 2),
            ("C", Format::Json, 3),
        ] {
            tally.subscribers.insert((name.to_owned(), format), number);
        }
        assert_eq!(tally.aggregators(), [("B", 4), ("A", 3), ("C", 3)]);
    }
}
