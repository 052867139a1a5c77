//! What is said to the service manager (sd_notify(3)), and the sockets it hands over (sd_listen_fds(3)).
//!
//! Everything here does nothing where there is no service manager. A message that cannot be sent is logged and no
//! reason to stop.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// Characters of a status line: `systemctl status` shows one line.
const STATUS_MAX_CHARS: usize = 200;

/// The service answers requests: what waits for it may start.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// A reload began. [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock"),
    }
}

/// The service is going down.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// The listening TCP sockets that the service manager opened, in its order; none where it opened none. Only the first
/// call gives them: each has one owner. A socket that is not TCP is an error that names its place.
pub fn listeners() -> io::Result<Vec<TcpListener>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    // `listenfd` also believes a LISTEN_FDS without LISTEN_PID, which may be another process's.
    if sd_notify::listen_fds()?.len() == 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let mut sockets = ListenFd::from_env();
    let mut listeners = Vec::with_capacity(sockets.len());
    for n in 0..sockets.len() {
        listeners.extend(sockets.take_tcp_listener(n)?);
    }
    Ok(listeners)
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

/// A line break would end the status and begin an assignment of another name.
fn one_line(status: &str) -> String {
    status.chars().map(|c| if c.is_control() { ' ' } else { c }).take(STATUS_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line() {
        assert_eq!(one_line("publishing a\nREADY=1"), "publishing a READY=1");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), STATUS_MAX_CHARS);
    }
}
