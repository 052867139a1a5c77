//! The header of the PROXY protocol, versions 1 and 2: what a proxy that passes on bytes says of
//! its client before the first of them.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>
//!
//! Only for connections of trusted proxies. Exactly the header is read, and not one byte more: what
//! follows is TLS or HTTP.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The time for the header. The proxy sends it at once.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest header, in bytes; that of version 1 has at most 107, one of version 2 has fields of
/// its own.
const HEADER_BYTES_MAX: usize = 4096;

/// The bytes that are read first: enough to distinguish the versions, and not longer than any
/// header.
const START_BYTES: usize = 12;

/// The bytes of version 2 up to its length.
const FIXED_BYTES: usize = 16;

const V1_BYTES_MAX: usize = 107;

/// Reads the header. Returns the client's address; `None` if the proxy speaks for itself, as in a
/// check of its health, or for a client without an address.
///
/// # Errors
/// `InvalidData` if it is missing or broken, and those of the connection.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; START_BYTES];
    stream.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        header.resize(FIXED_BYTES, 0);
        stream.read_exact(&mut header[START_BYTES..]).await?;
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > HEADER_BYTES_MAX - FIXED_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        header.resize(FIXED_BYTES + length, 0);
        stream.read_exact(&mut header[FIXED_BYTES..]).await?;
    } else if header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        // Its length is not announced, and what follows must not be read.
        while !header.ends_with(b"\n") && header.len() < V1_BYTES_MAX {
            header.push(stream.read_u8().await?);
        }
    }
    match parse(&header) {
        Some(client) => Ok(client),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Interprets a whole header. `None` if it is broken, or has bytes after its end.
pub fn parse(header: &[u8]) -> Option<Option<IpAddr>> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(v1)) if v1.header.len() == header.len() => Some(match v1.addresses {
            v1::Addresses::Tcp4(addresses) => Some(addresses.source_address.into()),
            v1::Addresses::Tcp6(addresses) => Some(canonical(addresses.source_address.into())),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(v2)) if v2.header.len() == header.len() => {
            if v2.protocol == v2::Protocol::Datagram {
                return None;
            }
            Some(match (v2.command, v2.addresses) {
                (v2::Command::Local, _) => None,
                (_, v2::Addresses::IPv4(addresses)) => Some(addresses.source_address.into()),
                (_, v2::Addresses::IPv6(addresses)) => {
                    Some(canonical(addresses.source_address.into()))
                }
                (_, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => None,
            })
        }
        _ => None,
    }
}

fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2: the bytes after the signature up to the length, and what follows it.
    fn v2(fixed: [u8; 2], length: u16, rest: &[u8]) -> Vec<u8> {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        header.extend(fixed);
        header.extend(length.to_be_bytes());
        header.extend(rest);
        header
    }

    /// The bytes that are read, and those that are left.
    fn read_all(bytes: &[u8]) -> (Result<Option<IpAddr>, io::ErrorKind>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut stream = bytes;
        let read = runtime.block_on(read(&mut stream)).map_err(|error| error.kind());
        (read, stream.len())
    }

    #[test]
    fn headers() {
        let v4 = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        let mut mapped = [0; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        let with_field = [&v4[..], &[4, 0, 1, 9]].concat();
        let bad = Err(io::ErrorKind::InvalidData);
        let cut = Err(io::ErrorKind::UnexpectedEof);
        let address = |text: &str| Ok(Some(text.parse().unwrap()));
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n".to_vec(), address("192.0.2.1")),
            (b"PROXY TCP6 2001:db8::1 ::1 4660 80\r\n".to_vec(), address("2001:db8::1")),
            (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 4660 80\r\n".to_vec(), address("192.0.2.1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Ok(None)),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), Ok(None)),
            (v2([0x21, 0x11], 12, &v4), address("192.0.2.1")),
            (v2([0x21, 0x11], 16, &with_field), address("192.0.2.1")),
            (v2([0x21, 0x21], 36, &v6), address("2001:db8::")),
            (v2([0x21, 0x21], 36, &mapped), address("192.0.2.1")),
            (v2([0x20, 0x00], 0, &[]), Ok(None)),
            (v2([0x20, 0x11], 12, &v4), Ok(None)),
            (v2([0x21, 0x00], 0, &[]), Ok(None)),
            (v2([0x21, 0x31], 216, &[7; 216]), Ok(None)),
        ] {
            let shown = String::from_utf8_lossy(&header).into_owned();
            assert_eq!(parse(&header), expected.ok(), "{shown}");
            // Not one byte of what follows is read.
            let followed = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(read_all(&followed), (expected, 16), "{shown}");
            for end in 0..header.len() {
                assert_eq!(read_all(&header[..end]).0, cut, "{end} of {shown}");
            }
        }
        for header in [
            b"GET / HTTP/1.1\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\n".to_vec(),
            b"PROXY TCP4 192.0.2.256 10.0.0.1 4660 80\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 ::1 4660 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 65536\r\n".to_vec(),
            b"PROXY TCP5 192.0.2.1 10.0.0.1 4660 80\r\n".to_vec(),
            b"PROXY  TCP4 192.0.2.1 10.0.0.1 4660 80\r\n".to_vec(),
            b"proxy TCP4 192.0.2.1 10.0.0.1 4660 80\r\n".to_vec(),
            [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat(),
            v2([0x11, 0x11], 12, &v4),
            v2([0x22, 0x11], 12, &v4),
            v2([0x21, 0x51], 12, &v4),
            // UDP.
            v2([0x21, 0x12], 12, &v4),
            v2([0x21, 0x11], 11, &v4[..11]),
            v2([0x21, 0x11], 5000, &[0; 5000]),
            [&b"\x16\x03\x01\x02\0\x01"[..], &[0; 20]].concat(),
        ] {
            let shown = String::from_utf8_lossy(&header).into_owned();
            assert_eq!(read_all(&header).0, bad, "{shown}");
        }
    }
}
