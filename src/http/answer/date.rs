//! The value of `Date` (RFC 9110, 6.6.1), written once a second.
//!
//! hyper would send one, from a cache of each thread that a clock set back leaves ahead of now for
//! as long as it was set back. This one follows the clock in both directions.

use std::cell::RefCell;

use http::HeaderValue;

use crate::base::Timestamp;
use crate::base::time::rfc822;

/// The last value, and its second.
#[derive(Debug, Default)]
pub(super) struct Dates(RefCell<Option<(i64, HeaderValue)>>);

impl Dates {
    /// The value at `now`; `None` in a year that HTTP cannot write.
    pub(super) fn value(&self, now: Timestamp) -> Option<HeaderValue> {
        let second = now.as_second();
        let mut last = self.0.borrow_mut();
        if let Some((known, value)) = &*last
            && *known == second
        {
            return Some(value.clone());
        }
        let value = HeaderValue::try_from(rfc822(now)).ok()?;
        *last = Some((second, value.clone()));
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_clock_in_both_directions() {
        let dates = Dates::default();
        for (now, expected) in [
            ("2026-11-29T08:00:00Z", "Sun, 29 Nov 2026 08:00:00 GMT"),
            ("2026-11-29T08:00:00.999Z", "Sun, 29 Nov 2026 08:00:00 GMT"),
            ("2026-11-29T08:00:01Z", "Sun, 29 Nov 2026 08:00:01 GMT"),
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(dates.value(now.parse().unwrap()).unwrap(), expected);
        }
    }
}
