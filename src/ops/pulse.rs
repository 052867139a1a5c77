//! Signs of life: a counter for each loop that the watchdog asks about.
//!
//! A loop beats where it works on, and only there: one that is stuck does not. To beat costs one
//! addition. A loop that sleeps is asked, and beats when it wakes.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// The signs of life of one loop.
#[derive(Debug, Default)]
pub struct Pulse {
    beats: AtomicU64,
    asked: Notify,
}

impl Pulse {
    /// Shows life: the loop, or the long work in it, has got further.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of beats so far.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Asks an async loop for a beat.
    pub fn ask(&self) {
        self.asked.notify_one();
    }

    /// Returns when the loop is asked for a beat. A question that came before is not lost.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }
}
