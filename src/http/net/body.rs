//! The body of an answer, with the mark that its connection is answering.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf as _;
use hyper::body::{Body, Frame, SizeHint};

use super::super::exchange::Record;
use super::activity::Busy;

/// A body that keeps its connection busy: hyper drops it when the last byte is queued, and its
/// exchange is reported then.
pub(super) struct Tracked<B: Body> {
    body: B,
    /// `None` if nothing observes.
    record: Option<Box<Record>>,
    _busy: Busy,
}

impl<B: Body> Tracked<B> {
    pub(super) fn new(body: B, record: Option<Box<Record>>, busy: Busy) -> Self {
        Self { body, record, _busy: busy }
    }
}

impl<B: Body> Drop for Tracked<B> {
    fn drop(&mut self) {
        if let Some(record) = &mut self.record {
            record.end(self.body.is_end_stream());
        }
    }
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let tracked = self.get_mut();
        let polled = Pin::new(&mut tracked.body).poll_frame(cx);
        if let Some(record) = &mut tracked.record
            && let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            record.sent(data.remaining());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
