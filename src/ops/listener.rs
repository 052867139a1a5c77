//! A thread that sleeps until the kernel reports something on a descriptor, and then calls back.
//!
//! It reports that something happened, never what. Dropping the listener stops and joins its
//! thread.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

/// Calls back at each report, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Calls `report` whenever `descriptor` reports one of `events` (poll(2)), on a thread called
    /// `name`. `report` has to take the event from the descriptor, or it is called again at once;
    /// when it returns false, the listener ends.
    ///
    /// # Errors
    /// No thread or descriptor is left.
    pub fn start<F: AsFd + Send + 'static>(
        name: &str,
        descriptor: F,
        events: PollFlags,
        report: impl Fn(&F) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let stopped = Arc::clone(&stop);
        let work = move || while wait(&descriptor, events, &stopped) && report(&descriptor) {};
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A counter of 0 always takes a 1.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }
}

/// Waits for an event. Returns false when the listener is stopped, or if waiting is impossible.
fn wait(descriptor: &impl AsFd, events: PollFlags, stop: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(descriptor, events), PollFd::new(stop, PollFlags::IN)];
    loop {
        match poll(&mut fds, None) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => {
                return fds[1].revents().is_empty() && !fds[0].revents().contains(PollFlags::NVAL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn each_event_is_reported_once() {
        let counter = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap());
        let (send, reports) = mpsc::channel();
        let report = move |counter: &Arc<OwnedFd>| {
            let mut value = [0; 8];
            rustix::io::read(&**counter, &mut value).unwrap();
            send.send(u64::from_ne_bytes(value)).is_ok()
        };
        let listener =
            Listener::start("test", Arc::clone(&counter), PollFlags::IN, report).unwrap();
        for value in [3_u64, 5] {
            rustix::io::write(&*counter, &value.to_ne_bytes()).unwrap();
            assert_eq!(reports.recv().unwrap(), value);
        }
        drop(listener);
        // The thread has ended, and its sender with it.
        assert!(reports.recv().is_err());
    }
}
