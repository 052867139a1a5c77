//! The sockets that the daemon listens on, and the certificate of those with TLS.

use std::io;
use std::net::SocketAddr;

use tracing::info;

use super::open::Refusal;
use crate::config::{Config, Listen};
use crate::engine::StatusLog;
use crate::http::{Role, Tls};
use crate::ops::certificate::{CertificateFiles, Checked};
use crate::ops::sockets::{Address, Families, ListenSocket, SocketFile, listen_tcp, listen_unix};
use crate::publish::Part;

/// The sockets, listening.
#[derive(Default)]
pub(super) struct Listeners {
    pub(super) sockets: Vec<(ListenSocket, Role)>,
    /// The files of Unix sockets that were made here.
    pub(super) files: Vec<SocketFile>,
}

impl Listeners {
    /// Takes the sockets that the service manager passed, by their names, and listens on all
    /// addresses of the configuration of which it passed none: `tls` is one for `tls.listen`,
    /// `redirect` one for `tls.redirect_listen`, and all others are for `server.listen`.
    pub(super) fn open(
        config: &Config,
        inherited: Vec<(ListenSocket, String)>,
    ) -> Result<Self, Refusal> {
        if config.websub.loopback_callbacks && !inherited.is_empty() {
            let message = "websub.loopback_callbacks is for tests, and not for sockets that the service manager passed";
            return Err(Refusal::Config(message.to_owned()));
        }
        let mut listeners = Self::default();
        for (socket, name) in inherited {
            let role = match name.as_str() {
                "tls" => Role::Tls,
                "redirect" => Role::Redirect,
                _ => Role::Plain,
            };
            if role == Role::Tls && (!config.tls.is_on() || matches!(socket, ListenSocket::Unix(_)))
            {
                let message = "the service manager passed a socket with the name tls, which has to be a TCP socket, and \
                               needs tls.listen, tls.certificate and tls.key";
                return Err(Refusal::Config(message.to_owned()));
            }
            listeners.sockets.push((socket, role));
        }
        let (plain, tls, redirect) =
            (listeners.has(Role::Plain), listeners.has(Role::Tls), listeners.has(Role::Redirect));
        let tcp = |addresses: &[SocketAddr]| addresses.iter().copied().map(Listen::Tcp).collect();
        for (is_passed, key, places, role) in [
            (plain, "server.listen", config.server.listen.clone(), Role::Plain),
            (tls, "tls.listen", tcp(&config.tls.listen), Role::Tls),
            (redirect, "tls.redirect_listen", tcp(&config.tls.redirect_listen), Role::Redirect),
        ] {
            if is_passed && !places.is_empty() {
                let addresses: Vec<String> = places.iter().map(Listen::to_string).collect();
                let addresses = addresses.join(", ");
                info!(
                    event = "note",
                    "{key} ({addresses}) is not used: the service manager passed the sockets"
                );
                continue;
            }
            for place in &places {
                listeners.bind(place, role, config)?;
            }
        }
        Ok(listeners)
    }

    fn has(&self, role: Role) -> bool {
        self.sockets.iter().any(|(_, found)| *found == role)
    }

    fn bind(&mut self, place: &Listen, role: Role, config: &Config) -> Result<(), Refusal> {
        let bound = match place {
            Listen::Tcp(address) => {
                // Linux would let a socket at `[::]` take the IPv4 connections of its port, too.
                let families = match config.listens_on_ipv4(address.port()) {
                    true => Families::Ipv6,
                    false => Families::Both,
                };
                listen_tcp(*address, families).map(ListenSocket::Tcp)
            }
            Listen::Unix(path) => match listen_unix(path, config.server.unix_mode) {
                Ok((listener, file)) => {
                    self.files.push(file);
                    Ok(ListenSocket::Unix(listener))
                }
                Err(error) => Err(error),
            },
        };
        match bound {
            Ok(socket) => {
                self.sockets.push((socket, role));
                Ok(())
            }
            Err(error) => Err(unbound(place, role, &error)),
        }
    }

    /// The port of the first TCP socket of the site.
    pub(super) fn port(&self) -> Option<u16> {
        for (socket, role) in &self.sockets {
            if *role != Role::Redirect
                && let Ok(Address::Tcp(address)) = socket.address()
            {
                return Some(address.port());
            }
        }
        None
    }

    /// The line of the log about them once they are served.
    pub(super) fn report(&self) -> Vec<Listening> {
        let mut report = Vec::new();
        for (socket, role) in &self.sockets {
            // One that has no address cannot be served either.
            if let Ok(address) = socket.address() {
                report.push(Listening { address, role: *role });
            }
        }
        report
    }
}

/// A socket in the log.
pub(super) struct Listening {
    address: Address,
    role: Role,
}

impl Listening {
    pub(super) fn log(&self, config: &Config) {
        let Self { address, role } = self;
        let url = &config.site.url;
        match (address, role) {
            (Address::Tcp(_), Role::Redirect) => {
                info!(event = "listening", %address, "listening on http://{address}, redirecting to {url}");
            }
            (Address::Tcp(_), _) => {
                let scheme = role.scheme();
                info!(event = "listening", %address, "listening on {scheme}://{address}, as {url}");
            }
            (Address::Unix(_), _) => {
                info!(event = "listening", %address, "listening on {address}, as {url}");
            }
        }
    }
}

/// Reads the certificate of `[tls]`, if TLS is on.
pub(super) fn certificate(config: &Config) -> Result<Option<CertificateFiles>, Refusal> {
    let tls = &config.tls;
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) if tls.is_on() => CertificateFiles::load(certificate, key)
            .map(Some)
            .map_err(|error| Refusal::Config(error.to_string())),
        _ => Ok(None),
    }
}

/// Makes the settings of TLS with a certificate.
pub(super) fn tls(
    config: &Config,
    certificate: Option<&CertificateFiles>,
) -> Result<Option<Tls>, Refusal> {
    let Some(certificate) = certificate else { return Ok(None) };
    match Tls::new(certificate.current(), config.tls.hsts_max_age) {
        Ok(tls) => Ok(Some(tls)),
        Err(error) => Err(Refusal::Config(format!("TLS cannot be used: {error}"))),
    }
}

/// Reports the result of a look at the files of the certificate, in the log and in the status.
pub(super) fn report_certificate(files: &CertificateFiles, checked: &Checked, status: &StatusLog) {
    match checked {
        Checked::Unchanged => {}
        Checked::Replaced => {
            status.set_degraded(Part::Certificate, None);
            let path = files.certificate().display();
            info!(event = "certificate", "the new certificate in {path} is in use");
        }
        Checked::Refused(error) => {
            status.set_degraded(Part::Certificate, Some(&error.to_string()));
        }
    }
}

fn unbound(place: &Listen, role: Role, error: &io::Error) -> Refusal {
    let hint = match role {
        Role::Plain => "set server.listen in the configuration, or DROPFEED_SERVER__LISTEN",
        Role::Tls => "set tls.listen in the configuration, or DROPFEED_TLS__LISTEN",
        Role::Redirect => {
            "set tls.redirect_listen in the configuration, or DROPFEED_TLS__REDIRECT_LISTEN"
        }
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Refusal::Config(format!("{place} is in use by another program; {hint}"))
        }
        // At boot, an interface may get its address after dropfeed starts. systemd starts it again.
        io::ErrorKind::AddrNotAvailable => {
            Refusal::NotYet(format!("this machine does not have the address {place}; {hint}"))
        }
        io::ErrorKind::AlreadyExists => Refusal::Config(format!(
            "cannot listen on {place}: the file is not a socket, and is not replaced; {hint}"
        )),
        _ => Refusal::Config(format!("cannot listen on {place}: {error}; {hint}")),
    }
}
