//! Sockets and time: which connections are accepted, how long a client may take, and how the server
//! stops.
//!
//! `server` owns threads and listeners, `worker` the open connections of one thread, `accepted` the
//! way of one connection: `proxy` (the PROXY protocol), `tls_connection`, and then `http1` or
//! `http2`, which share `connection`; `fast` answers what hyper is not needed for; `activity` is the
//! state of a connection. `peer` and `forwarded` find out who
//! asks, `per_address` counts. The answers come from a [`Service`].

mod accepted;
mod activity;
mod body;
mod connection;
mod fast;
pub mod forwarded;
mod http1;
mod http2;
mod peer;
mod per_address;
pub mod proxy;
mod role;
mod server;
mod socket;
mod tls;
mod tls_connection;
mod worker;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Body;

use super::exchange::{Observers, RequestContext};
use super::plain::{Plain, Ready};

pub use role::Role;
pub use server::Running;
pub(super) use server::serve;
pub use tls::Tls;

#[cfg(test)]
pub(super) use accepted::future_bytes;

/// An answer for every request. One for each worker thread, which it never leaves.
pub(super) trait Service: Send + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Error + Send + Sync> + Unpin + 'static;

    /// The largest body of this request that is wanted, in bytes; `None` if none is: it is read and
    /// discarded.
    fn form_bytes_max(&self, _head: &Parts) -> Option<usize> {
        None
    }

    /// The answer to a request of any method. Its body is in the context if it was wanted.
    fn answer(
        &self,
        head: &Parts,
        context: &mut RequestContext,
    ) -> impl Future<Output = Response<Self::Body>>;

    /// The answer to a plain request, if it is ready: for the fast path. Its head is put into `head`.
    fn ready(&self, _plain: &Plain<'_>, _head: &mut Vec<u8>) -> Option<Arc<Ready>> {
        None
    }

    /// The answer to a request that is refused with a status, with one sentence for a person.
    fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Self::Body>;

    /// The answer to a request that should have used https.
    fn redirect(&self, head: &Parts) -> Response<Self::Body>;

    /// The observers of every exchange.
    fn observers(&self) -> &Observers;
}
