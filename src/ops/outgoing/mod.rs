//! Calls to other servers. `tls` makes connections secure, `http1` has the parts of a request that come from its URL.

pub mod http1;
pub mod tls;

pub use tls::Roots;
