//! Messages to the service manager (sd_notify(3)), and sockets from it (sd_listen_fds(3)).
//!
//! Without a service manager, nothing here has an effect. If a message cannot be sent, that is
//! logged, and dropfeed goes on.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use sd_notify::NotifyState;

use super::sockets::ListenSocket;

/// Maximum length of a status in characters: `systemctl status` shows one line.
const STATUS_MAX_CHARS: usize = 200;

/// Reports that the service answers requests, so that units that wait for it can start.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// Reports what the service does at present, on one line.
pub fn status(status: &str) {
    notify(&[NotifyState::Status(&one_line(status))]);
}

/// Reports the beginning of a reload. [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock"),
    }
}

/// Reports that the service stops.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// The interval in which the service manager wants a [`ping`]; `None` if it wants none from this
/// process (sd_watchdog_enabled(3)).
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|interval| !interval.is_zero())
}

/// Reports that the service lives.
pub fn ping() {
    notify(&[NotifyState::Watchdog]);
}

/// Takes the listening sockets that the service manager opened, in its order, with their names: TCP
/// sockets and Unix sockets. Only the first call returns them, since each has one owner.
///
/// # Errors
/// A socket is neither, or is a connection.
pub fn listeners() -> io::Result<Vec<(ListenSocket, String)>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    // `listenfd` also believes a LISTEN_FDS without LISTEN_PID, which may be another process's.
    let passed = sd_notify::listen_fds_with_names()?;
    let names: Vec<String> = passed.map(|(_, name)| name).collect();
    if names.is_empty() || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let mut sockets = ListenFd::from_env();
    let mut listeners = Vec::with_capacity(names.len());
    for (n, name) in names.into_iter().enumerate() {
        // A socket that is not a Unix socket is left in its place.
        if let Ok(Some(listener)) = sockets.take_unix_listener(n) {
            check_listening(&listener, &name)?;
            listeners.push((ListenSocket::Unix(listener), name));
        } else if let Some(listener) = sockets.take_tcp_listener(n)? {
            check_listening(&listener, &name)?;
            listeners.push((ListenSocket::Tcp(listener), name));
        }
    }
    Ok(listeners)
}

/// Fails for a connection, as a unit with `Accept=yes` passes one.
fn check_listening(socket: impl AsFd, name: &str) -> io::Result<()> {
    if socket_acceptconn(socket)? {
        return Ok(());
    }
    Err(io::Error::other(format!("{name:?} is a connection; set Accept=no in the socket unit")))
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be notified");
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
