//! The fast path: a plain request that is read at once is answered at once, from bytes that were
//! made before, without hyper and without an allocation.
//!
//! It is off where an answer is not the same for every connection: with TLS, on a listener that
//! redirects, and during a stop. What it does not know it leaves to hyper, with every byte.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::exchange::{Record, RequestContext};
use super::super::plain::{FIELDS_MAX, Plain};
use super::Service;
use super::activity::{Activity, Busy};
use super::role::Role;
use super::worker::Worker;

/// The result of bytes that were read.
pub(super) enum Outcome {
    /// They are not a plain request, or its answer takes longer.
    NotPlain,
    /// They were answered, and the connection is kept.
    Answered,
    /// They were answered, and the client closes the connection.
    AnsweredLast,
    /// Not all of the answer was taken.
    Unsent(Box<Unsent>),
}

/// The rest of an answer that the socket did not take.
pub(super) struct Unsent {
    head: Bytes,
    body: Bytes,
    pub(super) closes: bool,
    record: Option<Box<Record>>,
    /// Keeps the connection busy, so that its limits count.
    _busy: Busy,
}

/// Answers `read`, if it is a plain request whose answer is ready.
pub(super) fn answer<S: Service, T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    read: &[u8],
    activity: &Rc<Activity>,
    worker: &Worker<S>,
    cx: &mut Context<'_>,
) -> Outcome {
    if !worker.limits().fast_path || activity.role() != Role::Plain || worker.is_stopping() {
        return Outcome::NotPlain;
    }
    let mut fields = [MaybeUninit::uninit(); FIELDS_MAX];
    let Some(plain) = Plain::parse(read, &mut fields) else { return Outcome::NotPlain };
    let observers = worker.service().observers();
    let begun = observers.begin();
    let mut head = worker.scratch();
    head.clear();
    let Some(ready) = worker.service().ready(&plain, &mut head) else { return Outcome::NotPlain };
    let body = if plain.is_head { &[][..] } else { &ready.body };
    worker.metrics().answered(ready.status);
    let sent = match poll_write(stream, &head, body, cx) {
        Poll::Ready(Ok(sent)) => sent,
        // The client may have gone; to send the rest fails again then.
        Poll::Pending | Poll::Ready(Err(_)) => 0,
    };
    let reader = activity.peer().address();
    if sent == head.len() + body.len() {
        activity.answered();
        observers.answered(reader, &plain, &ready, begun);
        return if plain.closes { Outcome::AnsweredLast } else { Outcome::Answered };
    }
    let record = begun.and_then(|begun| {
        let context = RequestContext { reader, route: Some(ready.route.clone()), form: None };
        Some(Record::of_plain(observers, begun, context, plain.parts()?, &ready))
    });
    let mut unsent = Unsent {
        head: Bytes::copy_from_slice(&head),
        body: if plain.is_head { Bytes::new() } else { ready.body.clone() },
        closes: plain.closes,
        record,
        _busy: activity.begin(),
    };
    unsent.advance(sent);
    Outcome::Unsent(Box::new(unsent))
}

fn poll_write<T: AsyncWrite + Unpin>(
    stream: &mut T,
    head: &[u8],
    body: &[u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if body.is_empty() {
        return Pin::new(stream).poll_write(cx, head);
    }
    Pin::new(stream).poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)])
}

impl Unsent {
    /// Notes bytes that the socket took.
    fn advance(&mut self, sent: usize) {
        let of_head = sent.min(self.head.len());
        self.head.advance(of_head);
        self.body.advance(sent - of_head);
        if let Some(record) = &mut self.record {
            record.sent(sent - of_head);
        }
    }

    /// Sends the rest.
    pub(super) fn poll_send<T: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.head.is_empty() || !self.body.is_empty() {
            match poll_write(stream, &self.head, &self.body, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(sent)) => self.advance(sent),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if let Some(record) = &mut self.record {
            record.ended();
        }
        Poll::Ready(Ok(()))
    }
}
