//! A callback for when the wall clock is set, or the machine wakes up from sleep.
//!
//! Every wait of the engine is measured by the monotonic clock, which neither steps nor counts
//! during sleep. Without this callback an article would be published late after the wall clock has
//! stepped over its date.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::listener::Listener;

/// The end of the year 9999. The timer is never meant to expire, only to be cancelled.
const NEVER_S: i64 = 253_402_300_799;

/// Calls `report` after each discontinuous change of the wall clock, until what is returned is
/// dropped: timerfd_create(2), `TFD_TIMER_CANCEL_ON_SET`.
///
/// # Errors
/// The kernel has no such timer, or no thread or descriptor is left.
pub fn on_clock_set(report: impl Fn() + Send + 'static) -> io::Result<Listener> {
    let timer = cancellable_timer()?;
    Listener::start("clock", timer, PollFlags::IN, move |timer| match take(timer) {
        Ok(()) => {
            report();
            true
        }
        Err(_) => false,
    })
}

fn cancellable_timer() -> rustix::io::Result<OwnedFd> {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
    let when = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec { tv_sec: NEVER_S, tv_nsec: 0 },
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(&timer, flags, &when)?;
    Ok(timer)
}

/// Takes the event from the timer. The timer stays armed: a read that returns `ECANCELED` has
/// already taken note of the new time.
fn take(timer: &OwnedFd) -> Result<(), Errno> {
    let mut expirations = [0; 8];
    match rustix::io::read(timer, &mut expirations) {
        Ok(_) | Err(Errno::CANCELED | Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The clock itself is not set here: that takes a privilege, and it is everybody's clock.
    #[test]
    fn the_kernel_accepts_the_timer_and_nothing_is_reported_while_no_clock_is_set() {
        let timer = cancellable_timer().unwrap();
        assert_eq!(rustix::io::read(&timer, &mut [0; 8]), Err(Errno::AGAIN));
        let (send, reports) = std::sync::mpsc::channel();
        drop(on_clock_set(move || send.send(()).unwrap()).unwrap());
        assert!(reports.recv().is_err());
    }
}
