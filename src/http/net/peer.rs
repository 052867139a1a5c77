//! The other end of a connection, and the client of a request.

use std::net::IpAddr;

use crate::config::TrustedProxies;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// Its address. An IPv4 address is never written as an IPv6 one.
    Address(IpAddr),
    /// A process on this machine, over a Unix socket.
    Unix,
}

impl Peer {
    /// The peer of a TCP socket. A socket that listens on IPv6 sees IPv4 peers as
    /// `::ffff:192.0.2.1`.
    pub(super) fn of(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// Its address.
    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Unix => None,
        }
    }

    /// Whether it is a proxy whose reports of a reader's address are believed.
    pub(super) fn is_trusted(self, proxies: &TrustedProxies) -> bool {
        match self {
            Self::Address(address) => proxies.has(address),
            Self::Unix => proxies.unix,
        }
    }
}

/// The client of a request: the reader, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Client {
    /// Its address: that of the peer, or what a trusted proxy reports; `None` for a peer on a Unix
    /// socket that reports none. An IPv4 address is never written as an IPv6 one.
    pub(in crate::http) address: Option<IpAddr>,
}
