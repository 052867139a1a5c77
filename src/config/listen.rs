//! Places to listen on, and the proxies that are believed when they report a reader.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

/// A place to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A TCP socket.
    Tcp(SocketAddr),
    /// A Unix socket at this absolute path.
    Unix(PathBuf),
}

/// Writes it as the configuration does: `127.0.0.1:8080`, `unix:/run/dropfeed/http.sock`.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// `server.trusted_proxies`: the peers whose report of a reader's address is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// The networks; one of an IPv4-mapped IPv6 address is none, since addresses are canonical.
    pub networks: Vec<IpNet>,
    /// Whether peers on Unix sockets are trusted.
    pub unix: bool,
}

impl TrustedProxies {
    /// Whether an address is that of a trusted proxy.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether no peer is trusted.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }
}

/// Reads an address or a network: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let expected =
        "must list addresses, networks such as \"10.0.0.0/8\", or \"unix\" for Unix sockets";
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().ok(),
    };
    let Some(network) = network else { return Err(format!("{expected}, not {text:?}")) };
    if network.addr() != network.network() {
        let meant = network.trunc();
        return Err(format!(
            "lists {text:?}, whose address has bits after its prefix, did you mean \"{meant}\"?"
        ));
    }
    Ok(network)
}

/// Reads the mode of a file in octal: `0660`.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match u32::from_str_radix(text, 8) {
        Ok(mode) if is_octal && mode <= 0o777 => Ok(mode),
        _ => Err(format!("must be the mode of a file in octal such as \"0660\", not {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, outcome) in [
            ("127.0.0.1", "127.0.0.1/32"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            (
                "10.0.0.1/8",
                "lists \"10.0.0.1/8\", whose address has bits after its prefix, did you mean \"10.0.0.0/8\"?",
            ),
            (
                "proxy.example",
                "must list addresses, networks such as \"10.0.0.0/8\", or \"unix\" for Unix sockets, not \
                 \"proxy.example\"",
            ),
            (
                "10.0.0.0/33",
                "must list addresses, networks such as \"10.0.0.0/8\", or \"unix\" for Unix sockets, not \
                 \"10.0.0.0/33\"",
            ),
        ] {
            let got = network(text).map_or_else(|error| error, |network| network.to_string());
            assert_eq!(got, outcome, "{text}");
        }
    }

    #[test]
    fn proxies_are_found_by_network() {
        let networks = ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"];
        let networks = networks.map(|text| network(text).unwrap()).to_vec();
        let trusted = TrustedProxies { networks, unix: false };
        for (address, is_trusted) in [
            ("10.255.0.1", true),
            ("::ffff:10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("2001:db8:1::", true),
            ("2001:db9::", false),
        ] {
            assert_eq!(trusted.has(address.parse().unwrap()), is_trusted, "{address}");
        }
        assert!(TrustedProxies::default().is_empty());
    }

    #[test]
    fn modes() {
        for (text, expected) in [
            ("0660", Some(0o660)),
            ("777", Some(0o777)),
            ("0", None),
            ("1777", None),
            ("0o660", None),
            ("0680", None),
            ("+660", None),
            ("rw-rw----", None),
        ] {
            assert_eq!(mode(text).ok(), expected, "{text}");
        }
    }
}
