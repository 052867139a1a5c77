//! TLS on the server's side: what every handshake needs.
//!
//! TLS 1.2 and 1.3, by rustls with ring, which is named here and never installed for the process.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::{Ticketer, default_provider};
use tokio_rustls::rustls::{Error, ServerConfig};

use crate::ops::certificate::Current;

/// The protocol names of ALPN (RFC 7301), the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// The protocol name of HTTP/2 (RFC 9113, 3.1).
pub(super) const HTTP2: &[u8] = b"h2";

/// The settings of TLS. Cheap to copy.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    hsts: Option<HeaderValue>,
}

impl Tls {
    /// TLS with the current certificate at each handshake. `hsts_max_age`: the time for which
    /// browsers must use https alone; 0 does not ask for it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(certificate: Arc<Current>, hsts_max_age: Duration) -> io::Result<Self> {
        let config = server_config(certificate).map_err(io::Error::other)?;
        let seconds = hsts_max_age.as_secs();
        let hsts = if seconds == 0 {
            None
        } else {
            HeaderValue::try_from(format!("max-age={seconds}")).ok()
        };
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), hsts })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// The value of `Strict-Transport-Security` (RFC 6797, 6.1), if it is sent.
    pub(super) fn hsts(&self) -> Option<&HeaderValue> {
        self.hsts.as_ref()
    }
}

fn server_config(certificate: Arc<Current>) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    // Readers come back every few minutes, and there are many of them: the state of their sessions
    // is kept by them, in tickets, and not here.
    config.ticketer = Ticketer::new()?;
    Ok(config)
}
