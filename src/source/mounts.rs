//! Listening for mounts: the kernel reports on `/proc/self/mountinfo` that something was mounted or
//! unmounted.
//!
//! No inotify event ever comes for a mount over a directory or for the end of one.

use std::fs::File;
use std::io;

use rustix::event::PollFlags;

use crate::ops::listener::Listener;

/// The mounts that this process sees, one on each line (proc(5)).
const MOUNTS: &str = "/proc/self/mountinfo";

/// Calls `changed` at each change of the mounts, until what is returned is dropped.
///
/// # Errors
/// There is no `/proc`, or no thread or descriptor is left.
pub(super) fn on_mount(changed: impl Fn() + Send + 'static) -> io::Result<Listener> {
    // A file of /proc is always readable; a change is urgent data, and poll(2) takes it.
    Listener::start("mounts", File::open(MOUNTS)?, PollFlags::PRI, move |_| {
        changed();
        true
    })
}

/// The mount underneath the mount `id`, which an unmount uncovers; `None` if it is not known.
pub(super) fn mounted_on(id: u64) -> Option<u64> {
    parent(&std::fs::read_to_string(MOUNTS).ok()?, id)
}

/// Finds the parent of the mount `id`. A line begins with a mount's id and its parent's id.
fn parent(mounts: &str, id: u64) -> Option<u64> {
    let id = id.to_string();
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        if fields.next() == Some(&id) {
            return fields.next()?.parse().ok();
        }
    }
    None
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
        drop(on_mount(|| ()).unwrap());
    }
}
