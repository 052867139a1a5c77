//! A histogram of the time that publishing took.

use std::time::Duration;

/// The upper bounds of the buckets, in seconds.
pub const BOUNDS_S: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The index of the bucket of a duration; that after the last bound is for longer ones.
pub fn bucket(took: Duration) -> usize {
    let seconds = took.as_secs_f64();
    BOUNDS_S.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS_S.len())
}

/// Durations by bucket, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// The number in each bucket; the last is for what is longer than all bounds.
    pub counts: [u64; BOUNDS_S.len() + 1],
    /// Their sum.
    pub sum: Duration,
}

impl Latency {
    /// Notes a duration.
    pub fn observe(&mut self, took: Duration) {
        self.counts[bucket(took)] += 1;
        self.sum = self.sum.saturating_add(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut latency = Latency::default();
        for ms in [0, 1, 2, 10_000, 10_001] {
            latency.observe(Duration::from_millis(ms));
        }
        assert_eq!(latency.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(latency.sum, Duration::from_millis(20_004));
    }
}
