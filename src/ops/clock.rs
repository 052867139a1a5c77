//! The only clocks: the wall clock dates articles, the timer measures how long to wait.
//!
//! The core takes `now` as an argument; the drivers read it here. The wall clock may step in either
//! direction; the timer never goes back.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime};
#[cfg(test)]
use std::{sync::atomic::AtomicU64, time::Duration};

use crate::base::{Timestamp, time};

/// A source of the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may ask")]
    fn now(&self) -> Timestamp {
        time::from_system(SystemTime::now())
    }
}

/// A clock that stands still until it is set: for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that says `now`, to the microsecond.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_microsecond()))
    }

    /// Makes it say `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_microsecond(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX)
    }
}

/// A monotonic clock.
pub trait Timer: Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// The system's monotonic clock (`CLOCK_MONOTONIC`), which does not count while the machine sleeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A timer that moves only by [`ManualTimer::advance`]: for tests, which then never have to sleep.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct ManualTimer {
    start: Instant,
    elapsed_ns: AtomicU64,
}

#[cfg(test)]
impl Default for ManualTimer {
    fn default() -> Self {
        Self { start: Instant::now(), elapsed_ns: AtomicU64::new(0) }
    }
}

#[cfg(test)]
impl ManualTimer {
    /// Moves it ahead.
    pub fn advance(&self, by: Duration) {
        let by_ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed_ns.fetch_add(by_ns, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Timer for ManualTimer {
    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.elapsed_ns.load(Ordering::Relaxed))
    }
}
