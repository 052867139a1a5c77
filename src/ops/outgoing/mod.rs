//! Calls to other servers. `address` says which addresses may be called, `tls` makes connections
//! secure, `client` makes one bounded call.

pub mod address;
mod client;
pub mod http1;
pub mod tls;

pub use client::{Addresses, Answer, Call, CallError, Client, Policy};
pub use tls::Roots;
