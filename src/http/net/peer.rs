//! The other end of a connection, and the client of a request.

use std::net::IpAddr;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// Its address. An IPv4 address is never written as an IPv6 one.
    Address(IpAddr),
}

impl Peer {
    /// The peer of a socket. A socket that listens on IPv6 sees IPv4 peers as `::ffff:192.0.2.1`.
    pub(super) fn of(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// The client of a request on this connection.
    pub(super) fn client(self) -> Client {
        match self {
            Self::Address(address) => Client { address: Some(address) },
        }
    }
}

/// The client of a request: the reader, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Client {
    /// Its address; `None` for a peer on a Unix socket that reports no reader. An IPv4 address is
    /// never written as an IPv6 one.
    pub(in crate::http) address: Option<IpAddr>,
}
