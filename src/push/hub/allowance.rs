//! A count for each key within a span of time: how often a client asks, how often a host does not
//! confirm.

use std::collections::HashMap;
use std::hash::Hash;

use crate::base::Timestamp;

/// The most keys that are remembered.
const KEYS_MAX: usize = 4096;

/// Counts for each key. A count is forgotten when its span is over; of too many keys all are.
#[derive(Debug)]
pub struct Allowance<K> {
    span_s: i64,
    each_max: usize,
    counts: HashMap<K, Count>,
}

#[derive(Debug)]
struct Count {
    since: Timestamp,
    times: usize,
}

impl<K: Hash + Eq> Allowance<K> {
    /// At most `each_max` times in `span_s` seconds for each key.
    pub fn new(span_s: i64, each_max: usize) -> Self {
        Self { span_s, each_max, counts: HashMap::new() }
    }

    /// Whether `key` has used up what it may have.
    pub fn is_used_up(&self, key: &K, now: Timestamp) -> bool {
        let count = self.counts.get(key).filter(|count| count.is_within(self.span_s, now));
        count.is_some_and(|count| count.times >= self.each_max)
    }

    /// Counts one time.
    pub fn count(&mut self, key: K, now: Timestamp) {
        if self.counts.len() >= KEYS_MAX && !self.counts.contains_key(&key) {
            self.forget(now);
        }
        let span_s = self.span_s;
        let count = self.counts.entry(key).or_insert(Count { since: now, times: 0 });
        if !count.is_within(span_s, now) {
            *count = Count { since: now, times: 0 };
        }
        count.times = count.times.saturating_add(1);
    }

    fn forget(&mut self, now: Timestamp) {
        let span_s = self.span_s;
        self.counts.retain(|_, count| count.is_within(span_s, now));
        if self.counts.len() >= KEYS_MAX {
            self.counts.clear();
        }
    }
}

impl Count {
    fn is_within(&self, span_s: i64, now: Timestamp) -> bool {
        // A clock that was set back does not lock anybody out for longer than the span.
        (now.as_second() - self.since.as_second()).abs() < span_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_lasts_for_its_span() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut allowance = Allowance::new(60, 2);
        for second in [100, 101] {
            assert!(!allowance.is_used_up(&1, at(second)));
            allowance.count(1, at(second));
        }
        assert!(allowance.is_used_up(&1, at(102)) && !allowance.is_used_up(&2, at(102)));
        assert!(allowance.is_used_up(&1, at(159)) && !allowance.is_used_up(&1, at(160)));
        allowance.count(1, at(160));
        assert!(!allowance.is_used_up(&1, at(161)));
    }

    #[test]
    fn keys_are_bounded() {
        let mut allowance = Allowance::new(60, 1);
        for key in 0..3 * KEYS_MAX {
            allowance.count(key, Timestamp::UNIX_EPOCH);
            assert!(allowance.counts.len() <= KEYS_MAX);
        }
    }
}
