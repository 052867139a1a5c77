//! A count of distinct digests in bounded memory.
//!
//! Exact up to a bound. Above it, only the digests that end in `level` zero bits are kept, one in
//! `2^level`, and their number is multiplied by that (distinct sampling, Gibbons 2001). Two counts
//! can be joined, since both keep the same digests at the same level.

use std::collections::HashSet;

/// The distinct digests that were seen.
///
/// Invariant: `kept` has at most `kept_max` digests, each with `level` zero bits at its end.
#[derive(Debug, Clone)]
pub(super) struct Distinct {
    kept: HashSet<u64>,
    level: u32,
    kept_max: usize,
}

impl Distinct {
    /// An empty count, which is exact up to `kept_max`.
    pub(super) fn new(kept_max: usize) -> Self {
        Self { kept: HashSet::new(), level: 0, kept_max: kept_max.max(1) }
    }

    /// Counts a digest, whose bits have to be evenly distributed.
    pub(super) fn insert(&mut self, digest: u64) {
        if digest.trailing_zeros() < self.level {
            return;
        }
        self.kept.insert(digest);
        while self.kept.len() > self.kept_max {
            self.level += 1;
            let level = self.level;
            self.kept.retain(|digest| digest.trailing_zeros() >= level);
        }
    }

    /// The number of distinct digests.
    pub(super) fn count(&self) -> u64 {
        let kept = self.kept.len() as u64;
        kept.saturating_mul(1_u64.checked_shl(self.level).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(n: u64) -> u64 {
        let hash = blake3::hash(&n.to_le_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap())
    }

    #[test]
    fn it_is_exact_up_to_its_bound() {
        let mut distinct = Distinct::new(1000);
        for n in (0..1000).chain(0..1000) {
            distinct.insert(digest(n));
        }
        assert_eq!(distinct.count(), 1000);
    }

    #[test]
    fn above_it_the_estimate_is_near_and_the_memory_bounded() {
        let mut distinct = Distinct::new(2048);
        for n in 0..200_000 {
            distinct.insert(digest(n));
        }
        assert!(distinct.kept.len() <= 2048);
        // Four times the standard error, which is 1.2 / sqrt(2048) at most.
        let error = distinct.count().abs_diff(200_000);
        assert!(error < 200_000 / 9, "{}", distinct.count());
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_counts(
            mut digests in proptest::collection::vec(any::<u64>(), 0..60), kept_max in 1..20_usize
        ) {
            let count = |digests: &[u64]| {
                let mut distinct = Distinct::new(kept_max);
                for digest in digests {
                    distinct.insert(*digest);
                }
                distinct.count()
            };
            let first = count(&digests);
            digests.extend_from_within(..);
            digests.reverse();
            prop_assert_eq!(count(&digests), first);
        }

        #[test]
        fn digests_without_any_bit_do_not_loop(kept_max in 1..3_usize) {
            let mut distinct = Distinct::new(kept_max);
            for shift in 0..64 {
                distinct.insert(1 << shift);
            }
            distinct.insert(0);
            prop_assert!(distinct.kept.len() <= kept_max);
        }
    }
}
