//! Sockets and time: who may connect, how long a client may take, and how it all ends.
//!
//! `server` owns threads and listeners, `worker` the open connections of one thread, `connection`
//! one socket, `activity` what it is waiting for; `per_address` counts. What is answered is no
//! business of this module: see [`Service`].

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

pub use server::Running;
pub(super) use server::serve;

#[cfg(test)]
pub(super) use connection::future_bytes;

/// An answer for every request. One for each worker thread, which it never leaves.
pub(super) trait Service: Send + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Error + Send + Sync> + Unpin + 'static;

    /// The answer to a GET, or to whatever else `head` asks. The request's body was read, or is
    /// left.
    fn answer(&self, head: &Parts) -> impl Future<Output = Response<Self::Body>>;

    /// The answer 400 to a request that cannot be trusted, with one sentence for a person.
    fn bad_request(&self, reason: &'static str) -> Response<Self::Body>;
}
