//! The content of an answer: nothing, bytes in memory, or a file that is read piece by piece.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::publish::{Asset, Unrendered};

/// Bytes of a file that are read, and held in memory, at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The content of an answer, sent after its head.
pub(in crate::http) enum Content {
    /// Nothing: 204, 304, and every answer to HEAD.
    Empty,
    /// Bytes in memory, shared with their document.
    Whole(Bytes),
    /// A file, read piece by piece. In a box, because it is rare and large.
    Stream(Box<Stream>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let content = self.get_mut();
        match content {
            Content::Empty => Poll::Ready(None),
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => match ready!(stream.poll_read(cx)) {
                Some(Ok(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Err(error)) => Poll::Ready(Some(Err(error))),
                None => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Content::Empty => 0,
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Stream(stream) => stream.left_bytes,
        })
    }
}

/// A part of a file that is being sent. A piece is read on a thread that may block, and only when
/// the connection has taken the one before: a slow client holds one piece in memory.
pub(in crate::http) struct Stream {
    asset: Arc<dyn Asset>,
    offset: u64,
    left_bytes: u64,
    reading: Option<JoinHandle<Result<Bytes, Unrendered>>>,
}

impl Stream {
    /// The `len_bytes` of `asset` from `offset` on.
    pub(super) fn new(asset: Arc<dyn Asset>, offset: u64, len_bytes: u64) -> Self {
        Self { asset, offset, left_bytes: len_bytes, reading: None }
    }

    /// The next piece; `None` at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left_bytes == 0 {
            return Poll::Ready(None);
        }
        let len = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let reading = match &mut self.reading {
            Some(reading) => reading,
            None => {
                let (asset, offset) = (Arc::clone(&self.asset), self.offset);
                self.reading.insert(spawn_blocking(move || asset.read_at(offset, len)))
            }
        };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        match read {
            Ok(Ok(bytes)) if !bytes.is_empty() && bytes.len() <= len => {
                self.offset += bytes.len() as u64;
                self.left_bytes -= bytes.len() as u64;
                Poll::Ready(Some(Ok(bytes)))
            }
            // The file is shorter than its Content-Length now, or cannot be read. After this error
            // hyper closes the connection, so that the client does not take a short file for a
            // whole.
            _ => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }
}
