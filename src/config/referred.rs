//! Files that a configuration names and that only a running dropfeed needs: whether they can be
//! used.
//!
//! The keys are noted while the configuration is read, and the files are checked only for those who
//! serve or check. Checking writes nothing.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::errors::{At, Finding, order};
use crate::ops::certificate::{CERTIFICATE, CertificateError, KEY, problems};
use crate::ops::line_log::Destination;
use crate::ops::{secret, writable};

/// The beginning of a path that names a credential of the service manager (systemd.exec(5),
/// `LoadCredential=`).
pub(super) const CREDENTIAL: &str = "credential:";

/// The directory in which systemd puts the credentials of each service.
const CREDENTIALS: &str = "/run/credentials";

/// The files that a configuration names, with the places of their keys.
#[derive(Debug, Default)]
pub(super) struct Referred {
    /// `tls.certificate`, if TLS is on.
    pub(super) certificate: Option<Named>,
    /// `tls.key`, if TLS is on.
    pub(super) key: Option<Named>,
    /// `notify.webhook_secret_file`, if there is a webhook.
    pub(super) webhook_secret: Option<Named>,
    /// `access_log.path`, if there is an access log.
    pub(super) access_log: Option<Named>,
    /// `feeds.dir`, if it is set.
    pub(super) feeds: Option<Named>,
    /// `state.dir`, if it is set. By default it depends on the service manager, which a command in a
    /// shell does not have.
    pub(super) state: Option<Named>,
}

/// A file, and the place of the key that names it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: PathBuf,
    pub(super) at: At,
}

/// The reason why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is missing, or not what it should be.
    Broken,
    /// This user may not read or write it; the user of the service may.
    Denied,
    /// It is a credential, which only the service sees.
    Unseen,
}

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// The key that names it.
    pub key: &'static str,
    /// The place of the key, and one sentence.
    pub finding: Finding,
    /// The reason.
    pub why: Why,
}

impl Referred {
    /// Returns the files that cannot be used, in the order of the configuration.
    pub(super) fn unusable(&self) -> Vec<Unusable> {
        let mut found = Vec::new();
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            of_tls(certificate, key, &mut found);
        }
        if let Some(named) = &self.webhook_secret
            && let Err(error) = secret::read(&named.path)
        {
            let key = "notify.webhook_secret_file";
            let message = format!("{key} {}: {error}", named.path.display());
            found.push(named.unusable(key, message, named.why(&error)));
        }
        if let Some(named) = &self.access_log
            && let Err(error) = Destination::of(Some(&named.path)).check()
        {
            let key = "access_log.path";
            let message = format!("cannot write to {key}, {}: {error}", named.path.display());
            found.push(named.unusable(key, message, named.why(&error)));
        }
        found.sort_by_key(|unusable| order(&unusable.finding));
        found
    }

    /// Returns what cannot be used, with the directories that cannot be written to. Whoever serves
    /// finds those out when they are opened. One of another user is for that user's service.
    pub(super) fn unusable_or_unwritable(&self) -> Vec<Unusable> {
        let mut found = self.unusable();
        if let Some(named) = &self.feeds {
            found.extend(named.unwritable("feeds.dir", writable::of_feeds));
        }
        if let Some(named) = &self.state {
            found.extend(named.unwritable("state.dir", writable::of_state));
        }
        found.sort_by_key(|unusable| order(&unusable.finding));
        found
    }
}

impl Named {
    /// The directory, if it cannot be written to; `sentence` says that.
    fn unwritable(
        &self,
        key: &'static str,
        sentence: fn(&Path, &io::Error) -> String,
    ) -> Option<Unusable> {
        let error = writable::check(&self.path).err()?;
        let why = self.why(&error);
        if why == Why::Denied && writable::is_of_another_user(&self.path) {
            return None;
        }
        Some(self.unusable(key, sentence(&self.path, &error), why))
    }

    fn unusable(&self, key: &'static str, message: String, why: Why) -> Unusable {
        Unusable { key, finding: Finding { at: self.at.clone(), message }, why }
    }

    fn why(&self, error: &io::Error) -> Why {
        let kind = error.kind();
        let is_out_of_sight = matches!(kind, ErrorKind::NotFound | ErrorKind::PermissionDenied);
        if is_out_of_sight && self.path.starts_with(CREDENTIALS) {
            return Why::Unseen;
        }
        if kind == ErrorKind::PermissionDenied { Why::Denied } else { Why::Broken }
    }

    /// The name of the credential that was not passed to this process, if it is one.
    fn credential(&self) -> Option<&str> {
        self.path.to_str()?.strip_prefix(CREDENTIAL)
    }
}

fn of_tls(certificate: &Named, key: &Named, found: &mut Vec<Unusable>) {
    let mut paths = [None, None];
    for (path, (name, named)) in paths.iter_mut().zip([(CERTIFICATE, certificate), (KEY, key)]) {
        let Some(credential) = named.credential() else {
            *path = Some(&*named.path);
            continue;
        };
        let message = format!(
            "{name} is the credential {credential:?}, which the service manager did not pass; add \
             LoadCredential={credential}:PATH to the unit"
        );
        found.push(named.unusable(name, message, Why::Unseen));
    }
    let [certificate_path, key_path] = paths;
    for error in problems(certificate_path, key_path) {
        let (name, named) = if error.is_of_key() { (KEY, key) } else { (CERTIFICATE, certificate) };
        let why = match &error {
            CertificateError::Unreadable { why, .. } => named.why(why),
            _ => Why::Broken,
        };
        found.push(named.unusable(name, error.to_string(), why));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{load_to_check, load_to_serve};

    /// A directory with two certificates, and files that are none.
    fn directory() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            fs::write(dir.path().join(format!("{name}.pem")), made.cert.pem()).unwrap();
            let key = made.signing_key.serialize_pem();
            fs::write(dir.path().join(format!("{name}.key")), key).unwrap();
        }
        fs::write(dir.path().join("empty"), " \n").unwrap();
        fs::write(dir.path().join("secret"), "hush\n").unwrap();
        dir
    }

    /// The configuration of TLS with these files.
    fn tls(certificate: &str, key: &str) -> String {
        format!(
            "[tls]\nlisten = \"127.0.0.1:0\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"
        )
    }

    #[test]
    fn every_file_that_cannot_be_used_is_named_with_its_line() {
        let dir = directory();
        let file = dir.path().join("config.toml");
        let log = |path: &str| format!("[access_log]\nformat = \"json\"\npath = \"{path}\"\n");
        let hook = |path: &str| {
            format!(
                "[notify]\nwebhook = \"http://localhost:9/\"\nwebhook_secret_file = \"{path}\"\n"
            )
        };
        let missing = "No such file or directory (os error 2)";
        for (text, expected) in [
            (tls("a.pem", "a.key") + &log("a.log") + &hook("secret"), vec![]),
            (
                tls("a.pem", "b.key"),
                vec![
                    "4: tls.key DIR/b.key does not belong to the first certificate in tls.certificate DIR/a.pem",
                ],
            ),
            (
                tls("a.key", "a.key"),
                vec!["3: tls.certificate DIR/a.key has no certificate in PEM format"],
            ),
            (
                tls("none", "empty") + &log("none/a.log") + &hook("none"),
                vec![
                    "3: cannot read tls.certificate DIR/none: MISSING",
                    "4: tls.key DIR/empty has no private key in PEM format",
                    "7: cannot write to access_log.path, DIR/none/a.log: MISSING",
                    "10: notify.webhook_secret_file DIR/none: MISSING",
                ],
            ),
            (hook("empty"), vec!["3: notify.webhook_secret_file DIR/empty: it is empty"]),
            (log("."), vec!["3: cannot write to access_log.path, DIR: is a directory"]),
            // What is not used is not needed.
            (
                "[access_log]\npath = \"none/a.log\"\n[notify]\nwebhook_secret_file = \"none\""
                    .to_owned(),
                vec![],
            ),
            ("[tls]\ncertificate = \"none\"\nkey = \"none\"".to_owned(), vec![]),
            // Together with all other errors.
            (
                log("none/a.log") + "[feeds]\nlimit = 0\n" + &hook("none"),
                vec![
                    "3: cannot write to access_log.path, DIR/none/a.log: MISSING",
                    "5: `feeds.limit` is 0, but must be from 1 to 10000",
                    "8: notify.webhook_secret_file DIR/none: MISSING",
                ],
            ),
        ] {
            fs::write(&file, &text).unwrap();
            let expected: Vec<String> =
                expected.iter().map(|line| format!("DIR/config.toml:{line}")).collect();
            let lines = |text: &str| -> Vec<String> {
                let text =
                    text.replace(dir.path().to_str().unwrap(), "DIR").replace(missing, "MISSING");
                text.lines().map(str::to_owned).collect()
            };
            let served = load_to_serve(Some(&file), None).err().map(|errors| errors.to_string());
            assert_eq!(lines(&served.unwrap_or_default()), expected, "{text}");
            let checked = match load_to_check(Some(&file), None) {
                Ok((_, unusable)) => {
                    assert!(unusable.iter().all(|unusable| unusable.why == Why::Broken));
                    let found: Vec<String> =
                        unusable.iter().map(|unusable| unusable.finding.to_string()).collect();
                    found.join("\n")
                }
                Err(errors) => errors.to_string(),
            };
            assert_eq!(lines(&checked), expected, "{text}");
        }
    }

    /// Those who serve say so when they open it, and may find a reason to serve all the same.
    #[test]
    fn directories_that_cannot_be_written_to_are_named_by_a_check() {
        let dir = directory();
        let file = dir.path().join("config.toml");
        let no_directory = std::io::Error::from(rustix::io::Errno::NOTDIR);
        for (text, expected) in [
            ("[feeds]\ndir = \"new/feeds\"\n[state]\ndir = \".\"\n", vec![]),
            (
                "[feeds]\ndir = \"empty\"\n[state]\ndir = \"secret/a/b\"\n",
                vec![
                    format!("2: cannot write to feeds.dir, DIR/empty: {no_directory}"),
                    format!(
                        "4: cannot write to the state directory DIR/secret/a/b: {no_directory}; correct its \
                         permissions, or set state.dir"
                    ),
                ],
            ),
        ] {
            fs::write(&file, text).unwrap();
            let found = load_to_check(Some(&file), None).unwrap().1;
            let found: Vec<String> =
                found.iter().map(|unusable| unusable.finding.to_string()).collect();
            let found = found.join("\n").replace(dir.path().to_str().unwrap(), "DIR");
            let expected: Vec<String> =
                expected.iter().map(|line| format!("DIR/config.toml:{line}")).collect();
            assert_eq!(found, expected.join("\n"), "{text}");
            assert!(load_to_serve(Some(&file), None).is_ok());
        }
        assert!(!dir.path().join("new").exists(), "nothing is made");
    }

    #[test]
    fn a_credential_is_seen_by_the_service_alone() {
        let dir = directory();
        let file = dir.path().join("config.toml");
        let hook = "[notify]\nwebhook = \"http://localhost:9/\"\n\
                    webhook_secret_file = \"/run/credentials/none.service/secret\"\n";
        fs::write(&file, tls("credential:site.pem", "empty") + hook).unwrap();
        let found = load_to_check(Some(&file), None).unwrap().1;
        let found: Vec<(&str, Why)> = found.iter().map(|found| (found.key, found.why)).collect();
        let expected = [
            ("tls.certificate", Why::Unseen),
            ("tls.key", Why::Broken),
            ("notify.webhook_secret_file", Why::Unseen),
        ];
        assert_eq!(found, expected);
        let errors = load_to_serve(Some(&file), None).unwrap_err().to_string();
        assert_eq!(errors.lines().count(), 3, "{errors}");
    }
}
