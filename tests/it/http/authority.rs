//! A certificate for a test, and what its server and its clients need.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dropfeed::testing::http::{CertificateFiles, Tls};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A certificate for `localhost` that nobody else trusts, in files.
pub(crate) struct Authority {
    dir: TempDir,
    der: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut authority =
            Self { dir: TempDir::new().unwrap(), der: CertificateDer::from(Vec::new()) };
        authority.renew();
        authority
    }

    /// Replaces the certificate and its key, as certbot does.
    pub(crate) fn renew(&mut self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        self.put(&made.cert.pem(), &made.signing_key.serialize_pem());
        self.der = made.cert.der().clone();
    }

    /// Replaces both files, each at once.
    pub(crate) fn put(&self, certificate: &str, key: &str) {
        for (path, text) in [(self.certificate(), certificate), (self.key(), key)] {
            let new = self.dir.path().join("new");
            fs::write(&new, text).unwrap();
            fs::rename(&new, path).unwrap();
        }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// Settings for a server with this certificate.
    pub(crate) fn server(&self, hsts_max_age: Duration) -> Tls {
        let files = CertificateFiles::load(&self.certificate(), &self.key()).unwrap();
        Tls::new(files.current(), hsts_max_age).unwrap()
    }

    /// Settings for a client that trusts this certificate alone.
    pub(crate) fn client(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}
