//! Sockets and time: which connections are accepted, how long a client may take, and how the server
//! stops.
//!
//! `server` owns threads and listeners, `worker` the open connections of one thread, `connection`
//! one socket, `activity` its state; `per_address` counts. The answers come from a [`Service`].

mod activity;
mod body;
mod connection;
mod per_address;
mod server;
mod worker;

use std::error::Error;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use hyper::body::Body;

use super::exchange::{Observers, RequestContext};

pub use server::Running;
pub(super) use server::serve;

#[cfg(test)]
pub(super) use connection::future_bytes;

/// An answer for every request. One for each worker thread, which it never leaves.
pub(super) trait Service: Send + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Error + Send + Sync> + Unpin + 'static;

    /// The answer to a request of any method. The request's body is not passed on.
    fn answer(
        &self,
        head: &Parts,
        context: &mut RequestContext,
    ) -> impl Future<Output = Response<Self::Body>>;

    /// The answer 400 to an ambiguous request, with one sentence for a person.
    fn bad_request(&self, reason: &'static str) -> Response<Self::Body>;

    /// What is given every exchange.
    fn observers(&self) -> &Observers;
}
