//! TLS of a client: the certificate authorities that are trusted, and the handshake.
//!
//! ring is named as the provider everywhere, because rustls panics if it has to choose between two.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore, crypto};
use url::Url;

/// The certificate authorities that are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roots {
    /// Mozilla's, as the crate webpki-roots has them, so that a host without a certificate store
    /// works, too.
    #[default]
    Webpki,
    /// Those of the system: `/etc/ssl/certs` and its like, or the file that `SSL_CERT_FILE` names.
    System,
}

/// The reason why no certificate could be verified. One sentence.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The system has no certificate store, or none that can be read.
    #[error("the system has no certificates of authorities that can be read{0}")]
    Missing(String),
    /// rustls does not accept its configuration.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] Error),
}

/// Makes the configuration of a client. With [`Roots::System`] this reads files.
///
/// # Errors
/// There are no roots.
pub fn config(roots: Roots) -> Result<Arc<ClientConfig>, RootsError> {
    let roots = match roots {
        Roots::Webpki => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Roots::System => system()?,
    };
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Reads the certificates of the system. Some of them may be unusable, as old ones are; one that
/// can be used is enough.
fn system() -> Result<RootCertStore, RootsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(|error| format!(": {error}"));
        return Err(RootsError::Missing(why.unwrap_or_default()));
    }
    Ok(roots)
}

/// Makes the handshake with the host of `url`, which the certificate has to name.
///
/// # Errors
/// The host is not a name or an address, the handshake fails, or the certificate is not trusted.
pub async fn secure<S>(config: Arc<ClientConfig>, url: &Url, stream: S) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let host = url.host_str().unwrap_or_default();
    let name = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}
