//! The certificate of `[tls]`: it is read again when its files change, and handed out to every
//! handshake.
//!
//! Invariant: a pair that cannot be used never replaces one that can.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};

/// The interval of looking whether the files have changed.
pub const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The largest file that is read, in bytes; a chain of certificates has a few kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The key of the configuration that names the file with the certificate.
pub const CERTIFICATE: &str = "tls.certificate";

/// The key of the configuration that names the file with the private key.
pub const KEY: &str = "tls.key";

/// The reason why a certificate and its key cannot be used. One sentence.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {key} {}: {why}", path.display())]
    Unreadable {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The error.
        why: io::Error,
    },
    /// A file is not in PEM format, or does not contain what it should.
    #[error("{key} {} has no {what} in PEM format", path.display())]
    NotPem {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The part that is missing.
        what: &'static str,
    },
    /// The key belongs to another certificate.
    #[error("tls.key {} does not belong to the first certificate in tls.certificate {}", key.display(), certificate.display())]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// rustls does not accept them.
    #[error("tls.certificate {} and tls.key {} cannot be used: {why}", certificate.display(), key.display())]
    Refused {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// The error.
        why: Error,
    },
}

impl CertificateError {
    /// Whether it is the key that has to be corrected, and not the certificate.
    pub fn is_of_key(&self) -> bool {
        match self {
            CertificateError::Unreadable { key, .. } | CertificateError::NotPem { key, .. } => {
                *key == KEY
            }
            CertificateError::Mismatch { .. } => true,
            CertificateError::Refused { .. } => false,
        }
    }
}

/// The certificate in use, for every handshake.
#[derive(Debug)]
pub struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The files of a certificate and its key, and what was found there last.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    /// The state of the files when they were read last, whether they could be used or not.
    read: Stamp,
    /// Their state at the last check.
    seen: Stamp,
    /// Whether they could not be used when they were read last.
    is_refused: bool,
}

/// The result of a check.
#[derive(Debug)]
pub enum Checked {
    /// The files are as they were, or may still be written.
    Unchanged,
    /// They have changed, and are in use.
    Replaced,
    /// They have changed, and cannot be used; those that were in use still are.
    Refused(CertificateError),
}

impl CertificateFiles {
    /// Reads a certificate, with its chain, and its key.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        // Before the files are read, so that a change meanwhile is seen later.
        let read = Stamp::of(certificate, key);
        let current = Arc::new(Current(ArcSwap::from_pointee(certified(certificate, key)?)));
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current,
            read,
            seen: read,
            is_refused: false,
        })
    }

    /// The certificate for handshakes.
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Reads the files if they have changed, and not since the check before: two files are not
    /// replaced at once, and half of a new pair is not reported as an error. Files that could not be
    /// used are read each time, since their permissions may have been what was wrong.
    pub fn check(&mut self) -> Checked {
        let now = Stamp::of(&self.certificate, &self.key);
        let is_known = now == self.read && !self.is_refused;
        if is_known || now != self.seen {
            self.seen = now;
            return Checked::Unchanged;
        }
        self.read_now(now)
    }

    /// Reads the files.
    pub fn reload(&mut self) -> Checked {
        let now = Stamp::of(&self.certificate, &self.key);
        let is_known = now == self.read && !self.is_refused;
        match self.read_now(now) {
            Checked::Replaced if is_known => Checked::Unchanged,
            checked => checked,
        }
    }

    fn read_now(&mut self, now: Stamp) -> Checked {
        (self.read, self.seen) = (now, now);
        let certified = certified(&self.certificate, &self.key);
        self.is_refused = certified.is_err();
        match certified {
            Ok(certified) => {
                self.current.0.store(Arc::new(certified));
                Checked::Replaced
            }
            Err(error) => Checked::Refused(error),
        }
    }
}

/// The result of stat(2) for both files; symbolic links are followed, as certbot makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp([Option<(u64, u64, i64, i64)>; 2]);

impl Stamp {
    fn of(certificate: &Path, key: &Path) -> Self {
        Self([certificate, key].map(|path| {
            let found = std::fs::metadata(path).ok()?;
            // The inode, too: a file that is moved in may have the old one's size and time.
            Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
        }))
    }
}

/// Returns everything that is wrong with a certificate and its key; one of them may be unknown.
pub fn problems(certificate: Option<&Path>, key: Option<&Path>) -> Vec<CertificateError> {
    let mut problems = Vec::new();
    problems.extend(certificate.and_then(|path| read_chain(path).err()));
    problems.extend(key.and_then(|path| read_key(path).err()));
    if let (true, Some(certificate), Some(key)) = (problems.is_empty(), certificate, key) {
        problems.extend(certified(certificate, key).err());
    }
    problems
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let (chain, private) = (read_chain(certificate)?, read_key(key)?);
    match CertifiedKey::from_der(chain, private, &default_provider()) {
        Ok(certified) => Ok(certified),
        Err(why) => {
            let (certificate, key) = (certificate.to_owned(), key.to_owned());
            Err(match why {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    CertificateError::Mismatch { certificate, key }
                }
                why => CertificateError::Refused { certificate, key, why },
            })
        }
    }
}

fn read_chain(certificate: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain_pem = read(CERTIFICATE, certificate)?;
    let mut chain = Vec::new();
    for der in CertificateDer::pem_slice_iter(&chain_pem) {
        match der {
            Ok(der) => chain.push(der),
            Err(_) => chain.clear(),
        }
    }
    if chain.is_empty() {
        let (key, path) = (CERTIFICATE, certificate.to_owned());
        return Err(CertificateError::NotPem { key, path, what: "certificate" });
    }
    Ok(chain)
}

fn read_key(key: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    match PrivateKeyDer::from_pem_slice(&read(KEY, key)?) {
        Ok(private) => Ok(private),
        Err(_) => {
            let path = key.to_owned();
            Err(CertificateError::NotPem { key: KEY, path, what: "private key" })
        }
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable =
        |why: io::Error| CertificateError::Unreadable { key, path: path.to_owned(), why };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() || found.len() > FILE_BYTES_MAX {
        return Err(unreadable(io::Error::other("not a file of at most 1 MiB")));
    }
    std::fs::read(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new certificate and its key, in PEM.
    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    struct Fixture {
        dir: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// Replaces both files, as certbot does.
        fn put(&self, certificate: &str, key: &str) {
            for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
                std::fs::write(self.path("new"), text).unwrap();
                std::fs::rename(self.path("new"), self.path(name)).unwrap();
            }
        }

        fn load(&self) -> Result<CertificateFiles, CertificateError> {
            CertificateFiles::load(&self.path("cert.pem"), &self.path("key.pem"))
        }
    }

    #[test]
    fn bad_pairs() {
        let fixture = Fixture::new();
        let ((cert, key), (_, other)) = (pair(), pair());
        let dir = fixture.dir.path().display().to_string();
        for (certificate, key, message) in [
            (&*cert, "", "tls.key DIR/key.pem has no private key in PEM format"),
            ("", &*key, "tls.certificate DIR/cert.pem has no certificate in PEM format"),
            (&*key, &*key, "tls.certificate DIR/cert.pem has no certificate in PEM format"),
            (&*cert, &*cert, "tls.key DIR/key.pem has no private key in PEM format"),
            (
                &*cert,
                &*other,
                "tls.key DIR/key.pem does not belong to the first certificate in tls.certificate DIR/cert.pem",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &*key,
                "tls.certificate DIR/cert.pem and tls.key DIR/key.pem cannot be used: ",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
                &*key,
                "tls.certificate DIR/cert.pem has no certificate in PEM format",
            ),
        ] {
            fixture.put(certificate, key);
            let error = fixture.load().unwrap_err().to_string().replace(&dir, "DIR");
            assert!(error.starts_with(message), "{error}");
        }
        std::fs::remove_file(fixture.path("key.pem")).unwrap();
        fixture.put(&cert, &key);
        assert!(fixture.load().is_ok());
        std::fs::remove_file(fixture.path("key.pem")).unwrap();
        let error = fixture.load().unwrap_err().to_string();
        assert!(error.starts_with("cannot read tls.key"), "{error}");
    }

    #[test]
    fn a_change_is_read_when_it_is_whole() {
        let fixture = Fixture::new();
        let ((first, first_key), (second, second_key)) = (pair(), pair());
        fixture.put(&first, &first_key);
        let mut files = fixture.load().unwrap();
        let in_use = |files: &CertificateFiles| files.current().0.load().cert[0].to_vec();
        let before = in_use(&files);
        assert!(matches!(files.check(), Checked::Unchanged));
        // Only the certificate is new yet: nothing is read between the two.
        std::fs::write(fixture.path("cert.pem"), &second).unwrap();
        assert!(matches!(files.check(), Checked::Unchanged));
        std::fs::write(fixture.path("key.pem"), &second_key).unwrap();
        assert!(matches!(files.check(), Checked::Unchanged));
        assert_eq!(in_use(&files), before);
        assert!(matches!(files.check(), Checked::Replaced));
        assert_ne!(in_use(&files), before);
        assert!(matches!(files.check(), Checked::Unchanged));
        // A bad pair is reported until it can be used, and the good one stays.
        let good = in_use(&files);
        std::fs::write(fixture.path("key.pem"), &first_key).unwrap();
        assert!(matches!(files.check(), Checked::Unchanged));
        for _ in 0..3 {
            assert!(matches!(files.check(), Checked::Refused(_)));
            assert!(matches!(files.reload(), Checked::Refused(_)));
        }
        assert_eq!(in_use(&files), good);
        // The same files as before, as where only their permissions were wrong.
        std::fs::write(fixture.path("key.pem"), &second_key).unwrap();
        files.read = Stamp::of(&fixture.path("cert.pem"), &fixture.path("key.pem"));
        files.seen = files.read;
        assert!(matches!(files.check(), Checked::Replaced));
        assert!(matches!(files.check(), Checked::Unchanged));
        // Asked for, it is read at once.
        fixture.put(&first, &first_key);
        assert!(matches!(files.reload(), Checked::Replaced));
        assert!(matches!(files.reload(), Checked::Unchanged));
        assert_eq!(in_use(&files), before);
    }
}
