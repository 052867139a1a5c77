//! The control socket: how the commands of a shell reach the daemon that runs.
//!
//! A Unix socket `control.sock` in the state directory, which `store` makes. A connection carries
//! one request: one line of JSON in, lines of JSON out, of which the last is the reply. Only the
//! user of the daemon and root are answered. Each size, number and wait has a limit here.

pub mod client;
pub mod protocol;
pub mod server;

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

pub use protocol::{Reply, Request};

/// The name of the socket in the state directory.
pub const SOCKET: &str = "control.sock";

/// The longest path of a socket: `sun_path` has 108 bytes, the last of them a NUL (unix(7)).
const PATH_MAX_BYTES: usize = 107;

/// The path of a socket in a directory as the kernel accepts it.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    /// The directory, open, where the path goes through its descriptor.
    _dir: Option<OwnedFd>,
}

impl SocketPath {
    /// The path of the socket `name` in `dir`. One that is too long for `sun_path` goes through
    /// `/proc/self/fd`, and is valid as long as this value lives.
    ///
    /// # Errors
    /// The path is too long, and the directory cannot be opened.
    pub fn new(dir: &Path, name: &str) -> io::Result<Self> {
        let path = dir.join(name);
        if fits(path.as_os_str()) {
            return Ok(Self { path, _dir: None });
        }
        let dir = open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()));
        Ok(Self { path, _dir: Some(dir) })
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

fn fits(path: &OsStr) -> bool {
    path.as_bytes().len() <= PATH_MAX_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_path_of_any_length_can_be_bound_and_connected() {
        for length in [1, PATH_MAX_BYTES - SOCKET.len() - 1, PATH_MAX_BYTES, 200] {
            let temp = tempfile::tempdir_in("/tmp").unwrap();
            let missing = length.saturating_sub(temp.path().as_os_str().len() + 1);
            let dir = temp.path().join("d".repeat(missing.max(1)));
            std::fs::create_dir(&dir).unwrap();
            let place = SocketPath::new(&dir, SOCKET).unwrap();
            let _listener = UnixListener::bind(place.as_path()).unwrap();
            assert!(dir.join(SOCKET).exists(), "{length}");
            let other = SocketPath::new(&dir, SOCKET).unwrap();
            UnixStream::connect(other.as_path()).unwrap();
        }
    }

    #[test]
    fn a_long_path_in_a_directory_that_is_missing_is_an_error() {
        let dir = Path::new("/nowhere").join("d".repeat(200));
        assert_eq!(SocketPath::new(&dir, SOCKET).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
