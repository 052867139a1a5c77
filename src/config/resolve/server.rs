//! `[server]` and `[tls]`: where to listen, limits, trusted proxies, the certificate.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use crate::config::errors::{At, Finding};
use crate::config::listen::{self, Listen, TrustedProxies};
use crate::config::raw::{Given, Reader};
use crate::config::referred::{CREDENTIAL, Named};
use crate::config::{Config, Input, Server, Tls, values};

use super::numbers::{seconds, size};

/// Maximum number of entries of a list.
const LIST_MAX: usize = 1000;

const DAY_S: u64 = 86_400;

/// Default of `server.listen`.
const LISTEN: Listen = Listen::Tcp(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080)));

/// Default of `server.unix_mode`: for its owner and its group, which the proxy is in.
const UNIX_MODE: u32 = 0o660;

/// Reads `[server]` and `[tls]`. Third, the place of `server.listen`.
pub(super) fn read(reader: &mut Reader<'_>, input: &Input<'_>) -> (Server, Tls, At) {
    // First, so that a `listen` in a wrong section is said to belong here.
    let given = reader.texts("server", "listen");
    let tls = tls(reader, input);
    let (listen, at) = listeners(reader, input, given, &tls);
    let (trusted_proxies, proxy_protocol) = proxies(reader);
    let server = Server {
        listen,
        unix_mode: unix_mode(reader),
        trusted_proxies,
        proxy_protocol,
        fast_path: reader.flag("server", "fast_path", true),
        max_connections: size(reader, "server", "max_connections", 4096, 1..=1_000_000),
        connections_per_address: size(
            reader,
            "server",
            "connections_per_address",
            64,
            1..=1_000_000,
        ),
        header_timeout: seconds(reader, "server", "header_timeout_s", 10, 1..=3600),
        idle_timeout: seconds(reader, "server", "idle_timeout_s", 75, 1..=DAY_S),
        write_timeout: seconds(reader, "server", "write_timeout_s", 30, 1..=3600),
        response_timeout: seconds(reader, "server", "response_timeout_s", 3600, 1..=30 * DAY_S),
        stop_timeout: seconds(reader, "server", "stop_timeout_s", 20, 0..=3600),
    };
    (server, tls, at)
}

/// The default of `site.url`: the first address that the server listens on. Behind a Unix socket,
/// nobody knows it: then it names this machine, and readers cannot use it.
pub(super) fn local_url(server: &Server, tls: &Tls) -> String {
    let tcp = server.listen.iter().find_map(|listen| match listen {
        Listen::Tcp(address) => Some(*address),
        Listen::Unix(_) => None,
    });
    match (tcp, tls.listen.first()) {
        (Some(address), _) => values::local_url("http", address),
        (None, Some(address)) => values::local_url("https", *address),
        (None, None) => "http://localhost/".to_owned(),
    }
}

impl Config {
    /// Whether it listens on an IPv4 address with this port.
    pub fn listens_on_ipv4(&self, port: u16) -> bool {
        let mut places = self.server.listen.clone();
        places.extend(tcp(&self.tls.listen));
        places.extend(tcp(&self.tls.redirect_listen));
        places.extend(self.admin.listen.clone());
        let is_it = |place: &Listen| match place {
            Listen::Tcp(address) => address.is_ipv4() && address.port() == port,
            Listen::Unix(_) => false,
        };
        port != 0 && places.iter().any(is_it)
    }
}

/// The first address that other machines can connect to, with the key that lists it.
pub(in crate::config) fn outside(server: &Server, tls: &Tls) -> Option<(&'static str, SocketAddr)> {
    for listen in &server.listen {
        if let Listen::Tcp(address) = listen
            && !address.ip().to_canonical().is_loopback()
        {
            return Some(("server.listen", *address));
        }
    }
    let outside = tls.listen.iter().find(|address| !address.ip().to_canonical().is_loopback());
    outside.map(|address| ("tls.listen", *address))
}

/// Refuses what does not go together with `site.url`.
pub(super) fn check(reader: &mut Reader<'_>, config: &Config, url_at: &At) {
    let Config { site, tls, server, .. } = config;
    if !tls.redirect_listen.is_empty() && site.url.scheme() != "https" {
        let message = format!(
            "`tls.redirect_listen` redirects to `site.url` ({}), which must be an https address",
            site.url
        );
        reader.refuse(url_at, message);
    }
    let mut places = server.listen.clone();
    for (key, addresses) in
        [("tls.listen", &tls.listen), ("tls.redirect_listen", &tls.redirect_listen)]
    {
        for place in tcp(addresses) {
            if let Some(listed) = overlapping(&place, &places) {
                let message = if *listed == place {
                    format!("`{key}` lists {place}, which is another listener already")
                } else {
                    format!("`{key}` lists {place}, but {listed} is another listener at its port")
                };
                reader.refuse(&reader.nowhere(), message);
            }
            places.push(place);
        }
    }
}

/// Warns if the server accepts connections from other machines, and `site.url` works only on this
/// one; or if it has a certificate, and `site.url` does not use it.
pub(super) fn warning(config: &Config, listen_at: &At, url_at: &At) -> Option<Finding> {
    let at = if url_at.is_of_a_key() { url_at } else { listen_at };
    let url = &config.site.url;
    if config.site.is_loopback() {
        let (key, address) = outside(&config.server, &config.tls)?;
        let message = format!(
            "`{key}` ({address}) accepts connections from other machines, but `site.url` ({url}) works only on this \
             one; set `site.url` to the address that readers use"
        );
        return Some(Finding { at: at.clone(), message });
    }
    if config.tls.is_on() && url.scheme() != "https" {
        let message = format!(
            "`tls.listen` is set, but every link begins with {url}; set `site.url` to the https address that readers use"
        );
        return Some(Finding { at: at.clone(), message });
    }
    None
}

/// Reads the places of `server.listen`. If all of them are wrong, it returns the default; an empty
/// list is only for a server that listens elsewhere.
fn listeners(
    reader: &mut Reader<'_>,
    input: &Input<'_>,
    given: Option<Given<Vec<String>>>,
    tls: &Tls,
) -> (Vec<Listen>, At) {
    let Some(given) = given else { return (vec![LISTEN], reader.nowhere()) };
    if given.value.is_empty() && tls.is_on() {
        return (Vec::new(), given.at);
    }
    if given.value.is_empty() || given.value.len() > LIST_MAX {
        reader
            .refuse(&given.at, format!("`server.listen` must have from 1 to {LIST_MAX} addresses"));
    }
    let mut places = Vec::new();
    for text in given.value.iter().take(LIST_MAX) {
        match place(text, input) {
            Ok(place) => match overlapping(&place, &places) {
                Some(listed) => {
                    reader.refuse(&given.at, lists_twice("server.listen", &place, listed));
                }
                None => places.push(place),
            },
            Err(message) => reader.refuse(&given.at, format!("`server.listen` {message}")),
        }
    }
    if places.is_empty() {
        places.push(LISTEN);
    }
    (places, given.at)
}

/// Reads an address and a port, or `unix:` and the path of a socket.
pub(super) fn place(text: &str, input: &Input<'_>) -> Result<Listen, String> {
    let Some(path) = text.strip_prefix("unix:") else {
        return Ok(Listen::Tcp(values::address(text, input.world)?));
    };
    // `unix:///run/a` is how other programs write it.
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.ends_with('/') || path.contains('\0') {
        let example = "unix:/run/dropfeed/http.sock";
        return Err(format!(
            "must name the file of a Unix socket such as \"{example}\", not {text:?}"
        ));
    }
    Ok(Listen::Unix(input.base.join(path).components().collect()))
}

/// Returns the place of those listed that leaves no room for `place`: the same one, or the same
/// port at all addresses of its family. Port 0 is a different port each time.
pub(super) fn overlapping<'p>(place: &Listen, places: &'p [Listen]) -> Option<&'p Listen> {
    places.iter().find(|listed| match (place, listed) {
        (Listen::Tcp(one), Listen::Tcp(other)) => {
            let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
            one.port() != 0
                && one.port() == other.port()
                && (one == other || (is_any && one.is_ipv4() == other.is_ipv4()))
        }
        _ => place == *listed,
    })
}

/// Says that a key lists two places that do not go together.
fn lists_twice(key: &str, place: &Listen, listed: &Listen) -> String {
    if place == listed {
        return format!("`{key}` lists {place} twice");
    }
    format!("`{key}` lists {listed} and {place}, which overlap")
}

fn unix_mode(reader: &mut Reader<'_>) -> u32 {
    let Some(given) = reader.text("server", "unix_mode") else { return UNIX_MODE };
    match listen::mode(&given.value) {
        Ok(mode) => mode,
        Err(message) => {
            reader.refuse(&given.at, format!("`server.unix_mode` {message}"));
            UNIX_MODE
        }
    }
}

/// Reads `server.trusted_proxies` and `server.proxy_protocol`.
fn proxies(reader: &mut Reader<'_>) -> (TrustedProxies, bool) {
    let mut trusted = TrustedProxies::default();
    let given = reader.texts("server", "trusted_proxies");
    let at = match &given {
        Some(given) => given.at.clone(),
        None => reader.nowhere(),
    };
    let texts = given.map(|given| given.value).unwrap_or_default();
    if texts.len() > LIST_MAX {
        let message = format!("`server.trusted_proxies` has more than {LIST_MAX} entries");
        reader.refuse(&at, message);
    }
    for text in texts.iter().take(LIST_MAX) {
        if text == "unix" {
            trusted.unix = true;
            continue;
        }
        match listen::network(text) {
            Ok(network) => trusted.networks.push(network),
            Err(message) => reader.refuse(&at, format!("`server.trusted_proxies` {message}")),
        }
    }
    let proxy_protocol = reader.flag("server", "proxy_protocol", false);
    if proxy_protocol && texts.is_empty() {
        let message = "`server.proxy_protocol` needs `server.trusted_proxies`: its header is read from them alone";
        reader.refuse(&at, message);
    }
    (trusted, proxy_protocol)
}

fn tls(reader: &mut Reader<'_>, input: &Input<'_>) -> Tls {
    let listen = addresses(reader, input, "listen");
    let certificate = file(reader, input, "certificate");
    let key = file(reader, input, "key");
    let hsts_max_age = seconds(reader, "tls", "hsts_max_age_s", 0, 0..=3650 * DAY_S);
    let redirect_listen = addresses(reader, input, "redirect_listen");
    let keys = [("certificate", &certificate), ("key", &key)];
    for (name, given) in keys {
        if !listen.value.is_empty() && given.is_none() {
            let message = format!("`tls.listen` needs `tls.{name}`, a file in PEM format");
            reader.refuse(&listen.at, message);
        }
    }
    if listen.value.is_empty() && !redirect_listen.value.is_empty() {
        let message = "`tls.redirect_listen` needs `tls.listen`: it redirects there";
        reader.refuse(&redirect_listen.at, message);
    }
    let path = |named: &Option<Named>| named.as_ref().map(|named| named.path.clone());
    let (certificate_path, key_path) = (path(&certificate), path(&key));
    if !listen.value.is_empty() {
        (reader.referred.certificate, reader.referred.key) = (certificate, key);
    }
    Tls {
        listen: listen.value,
        certificate: certificate_path,
        key: key_path,
        hsts_max_age,
        redirect_listen: redirect_listen.value,
    }
}

/// Reads a list of TCP addresses of `[tls]`.
fn addresses(
    reader: &mut Reader<'_>,
    input: &Input<'_>,
    key: &'static str,
) -> Given<Vec<SocketAddr>> {
    let Some(given) = reader.texts("tls", key) else {
        return Given { value: Vec::new(), at: reader.nowhere() };
    };
    if given.value.len() > LIST_MAX {
        reader.refuse(&given.at, format!("`tls.{key}` has more than {LIST_MAX} addresses"));
    }
    let mut addresses = Vec::new();
    for text in given.value.iter().take(LIST_MAX) {
        match values::address(text, input.world) {
            Ok(address) => match overlapping(&Listen::Tcp(address), &tcp(&addresses)) {
                Some(listed) => {
                    let key = format!("tls.{key}");
                    reader.refuse(&given.at, lists_twice(&key, &Listen::Tcp(address), listed));
                }
                None => addresses.push(address),
            },
            Err(message) => reader.refuse(&given.at, format!("`tls.{key}` {message}")),
        }
    }
    Given { value: addresses, at: given.at }
}

fn tcp(addresses: &[SocketAddr]) -> Vec<Listen> {
    addresses.iter().copied().map(Listen::Tcp).collect()
}

/// Reads the path of a file of `[tls]`, relative to the directory of the configuration. An empty
/// one is none.
fn file(reader: &mut Reader<'_>, input: &Input<'_>, key: &'static str) -> Option<Named> {
    let given = reader.text_or_empty("tls", key)?;
    if given.value.is_empty() {
        return None;
    }
    let path = match given.value.strip_prefix(CREDENTIAL) {
        Some(name) => credential(name, input),
        None => values::path(&given.value).map(|path| input.base.join(path).components().collect()),
    };
    match path {
        Ok(path) => Some(Named { path, at: given.at }),
        Err(message) => {
            reader.refuse(&given.at, format!("`tls.{key}` {message}"));
            None
        }
    }
}

/// The file of a credential. Commands in a shell have no credentials, and do not need them: without
/// the directory, the name stays what it is.
fn credential(name: &str, input: &Input<'_>) -> Result<PathBuf, String> {
    if ["", ".", ".."].contains(&name) || name.contains(['/', '\0']) {
        return Err(format!(
            "must name a credential such as \"{CREDENTIAL}tls.key\", not \"{CREDENTIAL}{name}\""
        ));
    }
    match input.env.iter().find(|(variable, _)| variable == "CREDENTIALS_DIRECTORY") {
        Some((_, directory)) if !directory.is_empty() => Ok(Path::new(directory).join(name)),
        _ => Ok(PathBuf::from(format!("{CREDENTIAL}{name}"))),
    }
}

impl Tls {
    /// Whether dropfeed terminates TLS.
    pub fn is_on(&self) -> bool {
        !self.listen.is_empty()
    }
}

impl Server {
    /// The limits of the default configuration, for tests.
    #[cfg(test)]
    pub(crate) fn defaults() -> Self {
        let config = Config::of("", std::path::Path::new("/srv"));
        config.map(|config| config.server).unwrap_or_else(|errors| unreachable!("{errors}"))
    }
}
