//! The addresses that may be called for a stranger: global unicast ones, and nothing else.
//!
//! The table is that of the IANA special-purpose address registries (RFC 6890, RFC 8190), with
//! multicast and what is deprecated. All that they list is refused, also the few anycast services
//! that they call globally reachable: none of them is a web server. An address that carries an IPv4
//! address (mapped, compatible, NAT64, 6to4, Teredo) is refused whatever it carries, since
//! translators on the way decide where it leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses that are not called.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The first address; an IPv4 address is in its low 32 bits.
    first: u128,
    /// The length of the prefix in bits.
    prefix: u32,
    /// The purpose, as in "a loopback address".
    pub name: &'static str,
    /// The source of the block.
    pub source: &'static str,
}

/// The blocks of IPv4: <https://www.iana.org/assignments/iana-ipv4-special-registry/>, and
/// multicast.
const V4: &[Block] = &[
    v4([0, 0, 0, 0], 8, "an address of this network", "RFC 791, 3.2"),
    v4([10, 0, 0, 0], 8, "a private address", "RFC 1918"),
    v4([100, 64, 0, 0], 10, "a shared address of a provider (CGNAT)", "RFC 6598"),
    v4([127, 0, 0, 0], 8, "a loopback address", "RFC 1122, 3.2.1.3"),
    v4([169, 254, 0, 0], 16, "a link-local address", "RFC 3927"),
    v4([172, 16, 0, 0], 12, "a private address", "RFC 1918"),
    v4([192, 0, 0, 0], 24, "an address of a protocol", "RFC 6890, 2.1"),
    v4([192, 0, 2, 0], 24, "an address of documentation", "RFC 5737"),
    v4([192, 31, 196, 0], 24, "an address of AS112", "RFC 7535"),
    v4([192, 52, 193, 0], 24, "an address of multicast tunnels (AMT)", "RFC 7450"),
    v4([192, 88, 99, 0], 24, "an address of 6to4 relays", "RFC 7526"),
    v4([192, 168, 0, 0], 16, "a private address", "RFC 1918"),
    v4([192, 175, 48, 0], 24, "an address of AS112", "RFC 7534"),
    v4([198, 18, 0, 0], 15, "an address of benchmarks", "RFC 2544"),
    v4([198, 51, 100, 0], 24, "an address of documentation", "RFC 5737"),
    v4([203, 0, 113, 0], 24, "an address of documentation", "RFC 5737"),
    v4([224, 0, 0, 0], 4, "a multicast address", "RFC 5771"),
    v4([240, 0, 0, 0], 4, "a reserved address", "RFC 1112, 4"),
];

/// The blocks of IPv6: <https://www.iana.org/assignments/iana-ipv6-special-registry/>, multicast,
/// and what is deprecated. The narrower block comes before the one around it, so that the reason is
/// the nearest.
const V6: &[Block] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "the unspecified address", "RFC 4291, 2.5.2"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "the loopback address", "RFC 4291, 2.5.3"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "an IPv4-compatible address", "RFC 4291, 2.5.5.1"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "an IPv4-mapped address", "RFC 4291, 2.5.5.2"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "an address of NAT64", "RFC 6052"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "an address of a local NAT64", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "a discard-only address", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "a dummy address", "RFC 9780"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "an address of Teredo", "RFC 4380"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "an address of benchmarks", "RFC 5180"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "an ORCHID", "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "an ORCHIDv2", "RFC 7343"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "an address of a protocol", "RFC 2928"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "an address of documentation", "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "an address of 6to4", "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "an address of AS112", "RFC 7534"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "an address of documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "a segment identifier", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a unique local address", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "a link-local address", "RFC 4291, 2.5.6"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "a site-local address", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "a multicast address", "RFC 4291, 2.7"),
];

/// The only part of IPv6 that is given out for global unicast
/// (<https://www.iana.org/assignments/ipv6-address-space/>).
const GLOBAL_V6: Block =
    v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "a global unicast address", "RFC 4291, 2.4");

/// What is outside of it, and in no block of its own.
const RESERVED_V6: Block = v6([0, 0, 0, 0, 0, 0, 0, 0], 0, "a reserved address", "RFC 4291, 2.4");

/// The reason why an address is not called for a stranger; `None` if it is global.
pub fn refusal(address: IpAddr) -> Option<&'static Block> {
    match address {
        IpAddr::V4(address) => {
            let bits = u128::from(u32::from(address));
            V4.iter().find(|block| block.has(bits, 32))
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let block = V6.iter().find(|block| block.has(bits, 128));
            if block.is_none() && !GLOBAL_V6.has(bits, 128) {
                return Some(&RESERVED_V6);
            }
            block
        }
    }
}

/// Whether it is an address of this host's loopback interface, in the form that belongs to it?
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback(),
    }
}

impl Block {
    /// Whether the address is in the block. `width`: the bits of an address.
    fn has(&self, address: u128, width: u32) -> bool {
        // A shift by all 128 bits is not defined, and leaves nothing to compare.
        let differing = (address ^ self.first).checked_shr(width - self.prefix);
        differing.unwrap_or_default() == 0
    }
}

const fn v4(first: [u8; 4], prefix: u32, name: &'static str, source: &'static str) -> Block {
    let [a, b, c, d] = first;
    let first = Ipv4Addr::new(a, b, c, d).to_bits() as u128;
    Block { first, prefix, name, source }
}

const fn v6(first: [u16; 8], prefix: u32, name: &'static str, source: &'static str) -> Block {
    let [a, b, c, d, e, f, g, h] = first;
    let first = Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits();
    Block { first, prefix, name, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(address: &str) -> Option<&'static str> {
        refusal(address.parse().unwrap()).map(|block| block.name)
    }

    /// The first and the last address of each block are refused, and their neighbours outside only
    /// if they are in another block.
    #[test]
    fn blocks_end_where_the_registries_say() {
        for (inside, outside) in [
            ("0.0.0.0 0.255.255.255", "1.0.0.0"),
            ("10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"),
            ("100.64.0.0 100.127.255.255", "100.63.255.255 100.128.0.0"),
            ("127.0.0.0 127.0.0.1 127.255.255.255", "126.255.255.255 128.0.0.0"),
            ("169.254.0.0 169.254.169.254 169.254.255.255", "169.253.255.255 169.255.0.0"),
            ("172.16.0.0 172.31.255.255", "172.15.255.255 172.32.0.0"),
            ("192.0.0.0 192.0.0.255", "191.255.255.255 192.0.1.0"),
            ("192.0.2.0 192.0.2.255", "192.0.1.255 192.0.3.0"),
            ("192.31.196.0 192.31.196.255", "192.31.195.255 192.31.197.0"),
            ("192.52.193.0 192.52.193.255", "192.52.192.255 192.52.194.0"),
            ("192.88.99.0 192.88.99.255", "192.88.98.255 192.88.100.0"),
            ("192.168.0.0 192.168.255.255", "192.167.255.255 192.169.0.0"),
            ("192.175.48.0 192.175.48.255", "192.175.47.255 192.175.49.0"),
            ("198.18.0.0 198.19.255.255", "198.17.255.255 198.20.0.0"),
            ("198.51.100.0 198.51.100.255", "198.51.99.255 198.51.101.0"),
            ("203.0.113.0 203.0.113.255", "203.0.112.255 203.0.114.0"),
            ("224.0.0.0 239.255.255.255", "223.255.255.255"),
            ("240.0.0.0 255.255.255.255", ""),
            (":: ::1", ""),
            ("::2 ::127.0.0.1 ::8.8.8.8 ::ffff:ffff", ""),
            ("::ffff:0:0 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:255.255.255.255", ""),
            ("64:ff9b:: 64:ff9b::127.0.0.1 64:ff9b::8.8.8.8 64:ff9b::ffff:ffff", ""),
            ("64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff", ""),
            ("100:: 100::ffff:ffff:ffff:ffff 100:0:0:1:: 100:0:0:1:ffff:ffff:ffff:ffff", ""),
            ("2001:: 2001::8.8.8.8 2001:0:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("2001:2:: 2001:2:0:ffff:ffff:ffff:ffff:ffff", ""),
            ("2001:10:: 2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("2001:20:: 2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            (
                "2001:1::1 2001:3:: 2001:4:112:: 2001:30:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:200::",
            ),
            (
                "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9::",
            ),
            (
                "2002:: 2002:7f00:1:: 2002:808:808::1 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2003::",
            ),
            (
                "2620:4f:8000:: 2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
                "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff 2620:4f:8001::",
            ),
            (
                "3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000::",
            ),
            ("5f00:: 5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("fc00:: fd00::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("fe80:: fe80::1 febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("fec0:: feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ] {
            let names: Vec<Option<&str>> = inside.split(' ').map(name).collect();
            let own = names.iter().all(|name| *name == names[0] || inside.starts_with("::"));
            // `::` and `::1` have blocks of their own, and 100::/64 a neighbour.
            assert!(
                names[0].is_some() && (own || inside.starts_with("100::")),
                "{inside}: {names:?}"
            );
            assert!(names.iter().all(Option::is_some), "{inside}: {names:?}");
            for outside in outside.split(' ').filter(|outside| !outside.is_empty()) {
                assert_eq!(name(outside), None, "{outside}");
            }
        }
    }

    #[test]
    fn each_block_is_the_reason_for_its_first_address() {
        for block in V4 {
            let address = Ipv4Addr::from(u32::try_from(block.first).unwrap());
            assert_eq!(refusal(address.into()), Some(block), "{address}");
        }
        for (index, block) in V6.iter().enumerate() {
            let address = Ipv6Addr::from(block.first);
            let narrower = V6[..index].iter().any(|earlier| earlier.has(block.first, 128));
            assert!(narrower || refusal(address.into()) == Some(block), "{address}");
        }
    }

    #[test]
    fn what_is_not_global_unicast_is_refused() {
        for address in ["1:2:3::4", "200::1", "1fff::1", "4000::1", "8000::1", "e000::1", "fe00::1"]
        {
            assert_eq!(name(address), Some("a reserved address"), "{address}");
        }
        for address in ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a01:4f8::1"] {
            assert_eq!(name(address), None, "{address}");
        }
    }

    #[test]
    fn loopback_is_the_interface_and_no_disguise() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("127.1.2.3", true),
            ("::1", true),
            ("::ffff:127.0.0.1", false),
            ("64:ff9b::127.0.0.1", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
