//! Sockets that listen, and the files of Unix sockets.
//!
//! A file is replaced only if it is a socket that no process listens on, and removed only if it is
//! the one that was made here. Before its mode is set, no one can connect.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, chmodat};
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};

use super::control::SocketPath;

/// Connections that wait to be accepted, at most; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A listening socket.
#[derive(Debug)]
pub enum ListenSocket {
    /// A TCP socket.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// The address of a listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Of a TCP socket.
    Tcp(SocketAddr),
    /// The path of a Unix socket; empty if it has none.
    Unix(PathBuf),
}

/// Writes `127.0.0.1:8080` or `unix:/run/dropfeed/http.sock`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl ListenSocket {
    /// Its address.
    ///
    /// # Errors
    /// The socket is not usable.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
            Self::Unix(listener) => {
                let address = listener.local_addr()?;
                Ok(Address::Unix(address.as_pathname().unwrap_or(Path::new("")).to_owned()))
            }
        }
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// There is no free descriptor.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(listener) => Self::Tcp(listener.try_clone()?),
            Self::Unix(listener) => Self::Unix(listener.try_clone()?),
        })
    }
}

impl From<TcpListener> for ListenSocket {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// The file of a Unix socket; it is removed when this is dropped, if it is still the same file.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if is_ours {
            // If this fails, the next start replaces the file.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The families whose connections a socket at `[::]` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// IPv6, and IPv4 unless the system is set up otherwise.
    Both,
    /// IPv6 alone, so that another socket can have the port for IPv4.
    Ipv6,
}

/// Listens on a TCP address.
///
/// # Errors
/// `AddrInUse` if something listens there, `AddrNotAvailable` if this machine does not have the
/// address, and those of the system.
pub fn listen_tcp(address: SocketAddr, families: Families) -> io::Result<TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Without it, a start fails for a minute where connections of before are still closing.
    set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() && families == Families::Ipv6 {
        set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// Listens on a Unix socket at `path`, whose file gets `mode`. The socket of a dead process is
/// replaced.
///
/// # Errors
/// `AddrInUse` if a process listens there, `AlreadyExists` if there is something that is not a
/// socket, and those of the system.
pub fn listen_unix(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let place = SocketPath::new(dir, name)?;
    remove_stale(path, &place)?;
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(place.as_path())?)?;
    let made = std::fs::symlink_metadata(path)?;
    // From here on, an error removes the file again.
    let file = SocketFile { path: path.to_owned(), device: made.dev(), inode: made.ino() };
    // Before listen(2) no one can connect, so the socket is never open to others, whatever the
    // umask.
    chmodat(CWD, place.as_path(), Mode::from_raw_mode(mode), AtFlags::empty())?;
    listen(&socket, BACKLOG)?;
    Ok((UnixListener::from(socket), file))
}

/// Removes a socket that no process listens on.
fn remove_stale(path: &Path, place: &SocketPath) -> io::Result<()> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match UnixStream::connect(place.as_path()) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        // A backlog that is full has a process too.
        Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Err(error) => return Err(error),
    }
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_socket_has_its_mode_and_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("a", 0o660), ("b", 0o600), ("c", 0o666)] {
            let path = dir.path().join(name);
            let (listener, file) = listen_unix(&path, mode).unwrap();
            let found = std::fs::symlink_metadata(&path).unwrap();
            assert_eq!(found.permissions().mode() & 0o7777, mode, "{name}");
            UnixStream::connect(&path).unwrap();
            assert_eq!(
                ListenSocket::Unix(listener).address().unwrap(),
                Address::Unix(path.clone())
            );
            drop(file);
            assert!(!path.exists());
        }
    }

    #[test]
    fn only_a_dead_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("http.sock");
        let error = |path: &Path| listen_unix(path, 0o600).unwrap_err().kind();
        let live = UnixListener::bind(&path).unwrap();
        assert_eq!(error(&path), io::ErrorKind::AddrInUse);
        drop(live);
        // The file stays, as after a crash.
        assert!(path.exists());
        let (_listener, file) = listen_unix(&path, 0o600).unwrap();
        // Another process has replaced it since: its file stays.
        std::fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }

    #[test]
    fn what_is_no_socket_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "a file").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link, &dir.path().to_owned()] {
            let error = listen_unix(path, 0o600).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{}", path.display());
        }
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "a file");
        let missing = listen_unix(&dir.path().join("missing/http.sock"), 0o600).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_long_path_is_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("d".repeat(150));
        std::fs::create_dir(&long).unwrap();
        let path = long.join("http.sock");
        let (listener, file) = listen_unix(&path, 0o600).unwrap();
        let error = listen_unix(&path, 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        // As after a crash, the file stays, and is replaced.
        std::mem::forget(file);
        listen_unix(&path, 0o600).unwrap();
    }
}
