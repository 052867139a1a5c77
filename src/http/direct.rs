//! Answers without sockets, for the benches: the way of a request behind the parser, and the fast
//! path with it.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use tokio::runtime::{Builder, Runtime};

use super::Edge;
use super::answer::{Content, Handler, Warm};
use super::exchange::RequestContext;
use super::plain::{FIELDS_MAX, Plain};

/// A worker's answers.
pub struct Direct {
    handler: Handler,
    runtime: Runtime,
}

impl Direct {
    /// Answers of `edge`.
    ///
    /// # Errors
    ///
    /// A thread or runtime cannot be started.
    pub fn new(edge: &Edge) -> io::Result<Self> {
        let (render, versions) = (Arc::clone(&edge.render), Arc::clone(edge.published.versions()));
        let warm = Warm::new(render, versions, Arc::clone(&edge.metrics), 1 << 20, 1)?;
        let runtime = Builder::new_current_thread().build()?;
        Ok(Self { handler: Handler::new(edge, Arc::new(warm)), runtime })
    }

    /// The status, and the body if it is in memory, that hyper would be given for a request.
    pub fn answer(&self, head: &Parts) -> (StatusCode, Bytes) {
        let mut context = RequestContext::default();
        let response = self.runtime.block_on(self.handler.answer(head, &mut context));
        let (parts, content) = Response::into_parts(response);
        match content {
            Content::Whole(bytes) => (parts.status, bytes),
            Content::Empty | Content::Stream(_) => (parts.status, Bytes::new()),
        }
    }

    /// The status that the fast path sends for the bytes of a request, with its head in `head`;
    /// `None` if it is hyper's.
    pub fn fast(&self, request: &[u8], head: &mut Vec<u8>) -> Option<StatusCode> {
        let mut fields = [MaybeUninit::uninit(); FIELDS_MAX];
        let plain = Plain::parse(request, &mut fields)?;
        head.clear();
        self.handler.ready(&plain, head).map(|ready| ready.status)
    }
}
