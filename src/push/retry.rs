//! Tries, and the waits between them.

use std::time::Duration;

use crate::base::Digest;

/// The number of tries.
pub(super) const TRIES: u32 = 3;

/// The wait after the first try and the second one, before jitter.
const BACK_OFF: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(25)];

/// The wait after `failed` tries, from 1: within a quarter of the back-off.
///
/// The jitter is derived from `subject`, so that sites that a hub failed at the same time do not
/// come back at the same time, and this stays a function.
pub(super) fn wait(failed: u32, subject: &str) -> Duration {
    let index = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
    let base = BACK_OFF[index.min(BACK_OFF.len() - 1)];
    let digest = Digest::of(format!("{failed} {subject}").as_bytes());
    let byte = u32::from(digest.as_bytes()[0]);
    // From 3/4 to 5/4.
    base * 3 / 4 + base * byte / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for subject in 0..100 {
            let subject = format!("https://{subject}.example/rss.xml");
            let (first, second) = (wait(1, &subject), wait(2, &subject));
            assert!((3_750..=6_250).contains(&first.as_millis()), "{first:?}");
            assert!((18_750..=31_250).contains(&second.as_millis()), "{second:?}");
            assert_eq!(first, wait(1, &subject));
            seen.insert(first);
        }
        assert!(seen.len() > 50, "{}", seen.len());
    }
}
