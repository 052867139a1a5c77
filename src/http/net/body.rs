//! The body of an answer, with the mark that its connection is answering.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::super::exchange::Record;
use super::activity::Busy;

/// The largest part of a body that HTTP/2 gets at once, in bytes: its frames have as many. hyper
/// takes the next part when the client has room for it, so parts show whether an answer progresses.
const PART_BYTES: usize = 16 * 1024;

/// A body that keeps its connection busy: hyper drops it when the last byte is queued, and its
/// exchange is reported then.
pub(super) struct Tracked<B: Body> {
    body: B,
    busy: Busy,
    /// `None` if nothing observes.
    record: Option<Box<Record>>,
    /// The rest of the last frame, which HTTP/2 did not get yet.
    rest: Bytes,
}

impl<B: Body<Data = Bytes> + Unpin> Tracked<B> {
    pub(super) fn new(body: B, record: Option<Box<Record>>, busy: Busy) -> Self {
        busy.hand_over();
        Self { body, busy, record, rest: Bytes::new() }
    }

    /// The next part for HTTP/2.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => {
                    self.busy.work();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        self.busy.hand_over();
        let part = self.rest.split_to(self.rest.len().min(PART_BYTES));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }
}

impl<B: Body> Drop for Tracked<B> {
    fn drop(&mut self) {
        let is_whole = self.rest.is_empty() && self.body.is_end_stream();
        if let Some(record) = &mut self.record
            && is_whole
        {
            record.ended();
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let tracked = self.get_mut();
        let polled = match tracked.busy.is_http2() {
            true => tracked.poll_part(cx),
            false => Pin::new(&mut tracked.body).poll_frame(cx),
        };
        if let Some(record) = &mut tracked.record
            && let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            record.sent(data.len());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    /// Asked before the first part alone, when nothing is left over.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
