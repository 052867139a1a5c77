//! The watchdog: asks every part for a sign of life, and pings the service manager.
//!
//! There is none unless the service manager asks for it. [`crate::ops::watchdog`] decides.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::open::Refusal;
use crate::engine::Vitals;
use crate::ops::pulse::Pulse;
use crate::ops::systemd;
use crate::ops::watchdog::{Decision, Signs, Watchdog};

/// The parts that have to show life.
pub(super) struct Parts {
    /// The accept loops.
    pub(super) loops: Vec<Arc<Pulse>>,
    /// The engine and the store.
    pub(super) vitals: Vitals,
}

/// The thread that pings. It ends when this is dropped.
pub(super) struct Pinging {
    /// Closed to end the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Pinging {
    /// Begins to ping in time for `interval`.
    pub(super) fn start(parts: Parts, interval: Duration) -> Result<Self, Refusal> {
        let (stop, stopped) = channel();
        let work = move || run(&parts, interval, &stopped);
        match thread::Builder::new().name("watchdog".to_owned()).spawn(work) {
            Ok(thread) => Ok(Self { stop, thread }),
            Err(error) => {
                let sentence = format!("the watchdog thread cannot be started: {error}");
                Err(Refusal::Config(sentence))
            }
        }
    }

    /// Ends the pings. Waiting for the thread is left to the one that has it then.
    pub(super) fn stop(self) -> JoinHandle<()> {
        drop(self.stop);
        self.thread
    }
}

impl Parts {
    fn ask(&self) {
        for pulse in &self.loops {
            pulse.ask();
        }
        self.vitals.ask();
    }

    fn signs(&self) -> Signs {
        let mut loops = Vec::with_capacity(self.loops.len());
        for pulse in &self.loops {
            loops.push(pulse.beats());
        }
        Signs {
            loops,
            engine: self.vitals.engine_beats(),
            store: self.vitals.store_beats(),
            engine_is_in_store: self.vitals.engine_is_in_store(),
        }
    }
}

/// Asks and pings until the other end of `stopped` is dropped.
fn run(parts: &Parts, interval: Duration, stopped: &Receiver<()>) {
    let mut watchdog = Watchdog::new(interval, Instant::now());
    let mut reported = None;
    let mut wait = Duration::ZERO;
    while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        wait = match watchdog.decide(Instant::now(), parts.signs()) {
            Decision::Ask(wait) => {
                parts.ask();
                wait
            }
            Decision::Wait(wait) => wait,
            Decision::Ping(wait) => {
                systemd::ping();
                if let Some(part) = reported.take() {
                    info!(event = "recovered", "recovered: {part} answers again");
                }
                wait
            }
            Decision::Report(part, wait) => {
                let limit = interval.as_secs_f64();
                error!(
                    event = "degraded",
                    "degraded: {part} does not answer; after {limit} s without an answer, the service manager \
                     restarts dropfeed"
                );
                reported = Some(part);
                wait
            }
        };
    }
}
