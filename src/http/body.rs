//! The content of an answer, and hyper's view of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::asset::Stream;
use super::pulse::Busy;

/// What is sent after the head.
pub(super) enum Content {
    /// Nothing: 204, 304, and every answer to HEAD.
    Empty,
    /// Bytes in memory, shared with the document they belong to.
    Whole(Bytes),
    /// A file, read piece by piece.
    Stream(Box<Stream>),
}

/// A content with the mark that its connection is answering: hyper drops it when the last byte is queued.
pub(super) struct Answer {
    content: Content,
    _busy: Busy,
}

impl Answer {
    pub(super) fn new(content: Content, busy: Busy) -> Self {
        Self { content, _busy: busy }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let content = &mut self.get_mut().content;
        match content {
            Content::Empty => Poll::Ready(None),
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => stream.poll_read(cx).map(|read| read.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Empty => 0,
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Stream(stream) => stream.left_bytes(),
        })
    }
}
