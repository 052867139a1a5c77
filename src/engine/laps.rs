//! How long each part of a step takes.

use std::time::{Duration, Instant};

use tracing::debug;

use crate::ops::clock::Timer;

/// The durations of the parts of a step, for the log at level debug.
pub(super) struct Laps<'a> {
    timer: &'a dyn Timer,
    start: Instant,
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl<'a> Laps<'a> {
    pub(super) fn start(timer: &'a dyn Timer) -> Self {
        let start = timer.now();
        Self { timer, start, last: start, laps: Vec::new() }
    }

    /// The time since the start.
    pub(super) fn total(&self) -> Duration {
        self.timer.now() - self.start
    }

    pub(super) fn lap(&mut self, name: &'static str) {
        let now = self.timer.now();
        self.laps.push((name, now - self.last));
        self.last = now;
    }

    pub(super) fn log(&self, files: usize) {
        debug!(event = "step", files, "step: {:?}", self.laps);
    }
}
