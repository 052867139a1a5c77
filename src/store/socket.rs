//! The place of the control socket in the state directory: `control.sock`, for its owner alone.
//!
//! The process that holds the lock of the directory owns the socket: one that is found there is of
//! a daemon that died, and is replaced. It is removed when this value is dropped, which must be
//! before the lock is released.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, chmodat};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};

use super::Lock;
use crate::ops::control::{SOCKET, SocketPath};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 32;

/// The socket, listening.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl ControlSocket {
    /// Binds the socket in the locked directory.
    ///
    /// # Errors
    /// It cannot be made there: the file system has no sockets, or something else that cannot be
    /// removed is in its place.
    pub fn bind(lock: &Lock) -> io::Result<Self> {
        let path = lock.dir().join(SOCKET);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = listener_at(lock.dir())?;
        Ok(Self { path, listener: Some(listener) })
    }

    /// The listener, which has one owner: only the first call returns it.
    pub fn take_listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // If this fails, the next start replaces the file.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn listener_at(dir: &Path) -> io::Result<UnixListener> {
    let path = SocketPath::new(dir, SOCKET)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(path.as_path())?)?;
    // Before listen(2) no one can connect, so the socket is never open to others.
    chmodat(CWD, path.as_path(), Mode::RUSR | Mode::WUSR, rustix::fs::AtFlags::empty())?;
    listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn it_is_for_its_owner_alone_and_goes_with_its_daemon() {
        let temp = crate::store::test_directory();
        let lock = Lock::acquire(temp.path()).unwrap();
        let path = temp.path().join(SOCKET);
        let socket = ControlSocket::bind(&lock).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn the_socket_of_a_dead_daemon_is_replaced() {
        let temp = crate::store::test_directory();
        let lock = Lock::acquire(temp.path()).unwrap();
        let path = temp.path().join(SOCKET);
        for leave in [&|path: &Path| drop(UnixListener::bind(path).unwrap()), &|path: &Path| {
            std::fs::write(path, "a file").unwrap()
        }] as [&dyn Fn(&Path); 2]
        {
            leave(&path);
            let _socket = ControlSocket::bind(&lock).unwrap();
            UnixStream::connect(&path).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_an_error() {
        let temp = crate::store::test_directory();
        let lock = Lock::acquire(temp.path()).unwrap();
        std::fs::create_dir(temp.path().join(SOCKET)).unwrap();
        assert!(ControlSocket::bind(&lock).is_err());
        assert!(temp.path().join(SOCKET).is_dir());
    }
}
