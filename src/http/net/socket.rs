//! Sockets: what listens, what was accepted, and the layers in which a connection sees its socket.
//!
//! `Wire` is next to the kernel, and records progress in writing; `Socket` is next to hyper, and
//! records what hyper reads. Between them is TLS, or nothing.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use rustix::net::sockopt::set_tcp_nodelay;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::activity::Activity;
use super::peer::Peer;
use super::role::Role;
use crate::ops::sockets::ListenSocket;

/// The bytes that wait in the system to be sent on a connection, at most. Without a limit they are
/// some megabytes, of which a third has to leave before more is taken: a client that plays a video
/// as it comes would be taken for one that has stopped. And that many slow clients would fill the
/// memory of the kernel. Half of them have to leave within `server.write_timeout_s`: at 30 s, a
/// client that plays music at 70 kbit/s is fast enough. With fewer, large feeds take more CPU: at
/// 128 KiB, a fifth. What was sent and is not acknowledged does not count.
const UNSENT_BYTES_MAX: u32 = 512 * 1024;

/// A listening socket of one worker.
pub(super) struct Listener {
    socket: Acceptor,
    role: Role,
}

enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    pub(super) role: Role,
}

impl Listener {
    /// A listening socket, registered with the runtime that is entered.
    pub(super) fn register(socket: ListenSocket, role: Role) -> io::Result<Self> {
        let socket = match socket {
            ListenSocket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                // Sends small answers at once, which otherwise wait for the client's
                // acknowledgement. The connections inherit it, which saves a call for each.
                set_tcp_nodelay(&listener, true)?;
                // Where a system does not know it, slow clients get less time than they should.
                let _ = SockRef::from(&listener).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
                Acceptor::Tcp(TcpListener::from_std(listener)?)
            }
            ListenSocket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Acceptor::Unix(UnixListener::from_std(listener)?)
            }
        };
        Ok(Self { socket, role })
    }

    /// Accepts a connection.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let role = self.role;
        match &self.socket {
            Acceptor::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, address)| {
                let peer = Peer::of(address.ip());
                Accepted { stream: Stream::Tcp(stream), peer, role }
            }),
            Acceptor::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| Accepted {
                stream: Stream::Unix(stream),
                peer: Peer::Unix,
                role,
            }),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Acceptor::Tcp(listener) => listener.as_fd(),
            Acceptor::Unix(listener) => listener.as_fd(),
        }
    }
}

/// An open socket.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// The number of its descriptor.
    pub(super) fn number(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// Looks at the first bytes without reading them. On a Unix socket there are none to see.
    pub(super) fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => stream.poll_peek(cx, buffer),
            Self::Unix(_) => Poll::Ready(Ok(0)),
        }
    }
}

/// Passes a call of `AsyncRead` or `AsyncWrite` to the socket.
macro_rules! pass_on {
    ($stream:expr, $call:ident($($argument:expr),*)) => {
        match $stream {
            Stream::Tcp(stream) => Pin::new(stream).$call($($argument),*),
            Stream::Unix(stream) => Pin::new(stream).$call($($argument),*),
        }
    };
}

/// The socket of a connection: every write that the kernel takes, or does not take, is recorded.
pub(super) struct Wire {
    pub(super) stream: Stream,
    activity: Rc<Activity>,
}

impl Wire {
    pub(super) fn new(stream: Stream, activity: Rc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(_) => self.activity.wrote(),
            Poll::Pending => self.activity.could_not_write(),
        }
        polled
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        pass_on!(&mut self.stream, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = pass_on!(&mut self.stream, poll_write(cx, bytes));
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = pass_on!(&mut self.stream, poll_write_vectored(cx, parts));
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            Stream::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pass_on!(&mut self.stream, poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pass_on!(&mut self.stream, poll_shutdown(cx))
    }
}

/// A connection as hyper sees it in HTTP/1: every byte that is read is recorded in the activity.
/// Shared, so that it outlives hyper's half, and can be closed in peace.
pub(super) struct Socket<T> {
    stream: Rc<RefCell<T>>,
    activity: Rc<Activity>,
    /// The bytes that were read before hyper came, which come first.
    before: Bytes,
}

impl<T> Socket<T> {
    pub(super) fn new(stream: Rc<RefCell<T>>, activity: Rc<Activity>, before: Bytes) -> Self {
        Self { stream, activity, before }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if !self.before.is_empty() {
            let len = self.before.len().min(buffer.remaining());
            self.activity.received(&self.before[..len]);
            buffer.put_slice(&self.before[..len]);
            self.before.advance(len);
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, buffer);
        if let Some(new) = buffer.filled().get(before..).filter(|new| !new.is_empty()) {
            self.activity.received(new);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut *self.stream.borrow_mut()).poll_flush(cx);
        // hyper flushes the socket when its own buffer is empty.
        if polled.is_ready() {
            self.activity.flushed();
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)
    }
}
