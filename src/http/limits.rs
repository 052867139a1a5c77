//! Limits on what a client may send in the head of a request, and for whom clients are counted.
//! Limits in time are the operator's, in `config::Server`.

use std::net::{IpAddr, Ipv6Addr};

/// The number of fields in a head; more are answered with 431.
pub(super) const HEADERS_MAX: usize = 64;

/// Bytes of a head: the target, and every field with its separators.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a head that hyper buffers before it answers 431 by itself. More than
/// [`HEAD_BYTES_MAX`], so that a head that is too long is refused by dropfeed, with a page.
pub(super) const BUFFER_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// Bytes of a path and its query. RFC 9110, 4.1 recommends that 8000 be supported.
pub(super) const TARGET_BYTES_MAX: usize = 8 * 1024;

/// The address under which a client is counted: an IPv4 address, or a /64 of IPv6, which one
/// subscriber has. Loopback is not counted: a proxy on this machine connects for all its clients.
pub(super) fn subscriber(address: IpAddr) -> Option<IpAddr> {
    // A socket that listens on IPv6 sees IPv4 clients as `::ffff:192.0.2.1`.
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    })
}
