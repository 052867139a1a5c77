//! Listening for mounts: the kernel tells whoever polls `/proc/self/mountinfo` that something was mounted or unmounted.
//!
//! Owns one thread that sleeps until then; no inotify event ever comes for a mount over a directory or for the end of
//! one. Says only that something changed. Whoever starts it stops and joins it, by dropping it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

/// See proc(5).
const MOUNTS: &str = "/proc/self/mountinfo";

/// Calls back at each change of the mounts, until it is dropped.
#[derive(Debug)]
pub(super) struct Mounts {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Mounts {
    /// Begins to listen.
    ///
    /// # Errors
    /// There is no `/proc`, or no thread or descriptor is left.
    pub(super) fn listen(changed: impl Fn() + Send + 'static) -> io::Result<Self> {
        let mounts = File::open(MOUNTS)?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let stopped = Arc::clone(&stop);
        let work = move || {
            while wait(&mounts, &stopped) {
                changed();
            }
        };
        let thread = std::thread::Builder::new().name("mounts".to_owned()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // A counter of 0 always takes a 1.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic was told where it happened.
            let _ = thread.join();
        }
    }
}

/// Waits for a change; false where it was told to stop, or cannot wait.
fn wait(mounts: &File, stop: &OwnedFd) -> bool {
    // A file of /proc is always readable; a change is urgent data.
    let mut fds = [PollFd::new(mounts, PollFlags::PRI), PollFd::new(stop, PollFlags::IN)];
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

/// The mount that the mount `id` stands on: what comes to light where it is unmounted. `None` where that is not known.
pub(super) fn mounted_on(id: u64) -> Option<u64> {
    parent(&std::fs::read_to_string(MOUNTS).ok()?, id)
}

/// A line begins with the mount's id and its parent's.
fn parent(mounts: &str, id: u64) -> Option<u64> {
    let ids = |line: &str| {
        let mut fields = line.split(' ').map(str::parse::<u64>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    mounts.lines().filter_map(ids).find(|(mount, _)| *mount == id).map(|(_, parent)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_read() {
        let text = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 22 98:0 / /mnt rw,noatime master:1 - tmpfs none rw\nx\n";
        for (id, expected) in [(22, Some(1)), (36, Some(22)), (1, None), (98, None)] {
            assert_eq!(parent(text, id), expected, "{id}");
        }
    }

    #[test]
    fn it_ends_when_dropped() {
        drop(Mounts::listen(|| ()).unwrap());
    }
}
