//! Sockets and time: which connections are accepted, how long a client may take, and how the server
//! stops.
//!
//! `server` owns threads and listeners, `worker` the open connections of one thread, `accepted` the
//! way of one connection: `proxy` (the PROXY protocol), `tls_connection`, and then `connection`
//! (HTTP/1) or `http2`; `activity` is its state. `peer` and `forwarded` find out who asks,
//! `per_address` counts. The answers come from a [`Service`].

mod accepted;
mod activity;
mod body;
mod connection;
pub mod forwarded;
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

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Body;

pub(super) use peer::Client;
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

    /// The answer to a request of any method from `client`. The request's body is not passed on.
    fn answer(&self, head: &Parts, client: Client) -> impl Future<Output = Response<Self::Body>>;

    /// The answer to a request that is refused with a status, with one sentence for a person.
    fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Self::Body>;

    /// The answer to a request that should have used https.
    fn redirect(&self, head: &Parts) -> Response<Self::Body>;
}
