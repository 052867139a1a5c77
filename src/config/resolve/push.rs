//! `[websub]` and `[notify]`: who is notified of a drop.

use std::path::{Path, PathBuf};

use url::Url;

use crate::config::listen::Listen;
use crate::config::raw::Reader;
use crate::config::referred::Named;
use crate::config::{Input, Notify, Secret, Server, Site, Tls, Websub, values};
use crate::ops::outgoing::Roots;

use super::numbers::{seconds, size};

/// Maximum number of hubs; each gets a ping for each feed.
const HUBS_MAX: usize = 8;

/// Maximum number of ports of callbacks.
const PORTS_MAX: usize = 64;

/// Maximum number of words in `notify.on_publish`.
const WORDS_MAX: usize = 64;

/// The ports of callbacks: those of http and https.
const PORTS: [u16; 2] = [80, 443];

/// The method of a signature (WebSub, 7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// HMAC with SHA-1, for subscribers that verify nothing else. Collisions of SHA-1 do not help
    /// to forge an HMAC (RFC 6194, 3.3).
    Sha1,
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-384.
    Sha384,
    /// HMAC with SHA-512.
    Sha512,
}

impl Signature {
    /// All of them, by their registered names.
    pub const ALL: [(&'static str, Signature); 4] = [
        ("sha1", Self::Sha1),
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
    ];
}

/// Reads `[websub]`.
pub(super) fn websub(reader: &mut Reader<'_>, server: &Server, tls: &Tls) -> Websub {
    let roots = [("webpki", Roots::Webpki), ("system", Roots::System)];
    Websub {
        hubs: hubs(reader),
        own_hub: reader.flag("websub", "own_hub", false),
        rsscloud: reader.flag("websub", "rsscloud", false),
        signature: reader.choice("websub", "signature", Signature::Sha256, &Signature::ALL),
        push_delay: seconds(reader, "websub", "push_delay_s", 0, 0..=3600),
        callback_ports: callback_ports(reader),
        roots: reader.choice("websub", "roots", Roots::Webpki, &roots),
        loopback_callbacks: loopback_callbacks(reader, server, tls),
        max_subscriptions: size(reader, "websub", "max_subscriptions", 10_000, 1..=1_000_000),
        max_subscriptions_per_host: size(
            reader,
            "websub",
            "max_subscriptions_per_host",
            1000,
            1..=1_000_000,
        ),
        max_subscriptions_per_client: size(
            reader,
            "websub",
            "max_subscriptions_per_client",
            100,
            1..=1_000_000,
        ),
    }
}

/// Reads `[notify]`.
pub(super) fn notify(reader: &mut Reader<'_>, input: &Input<'_>) -> Notify {
    let webhook = webhook(reader);
    Notify {
        webhook_secret: webhook_secret(reader, input, webhook.is_some()),
        webhook,
        on_publish: command(reader),
        on_publish_timeout: seconds(reader, "notify", "on_publish_timeout_s", 60, 1..=3600),
    }
}

fn hubs(reader: &mut Reader<'_>) -> Vec<Url> {
    let Some(given) = reader.texts("websub", "hubs") else { return Vec::new() };
    if given.value.len() > HUBS_MAX {
        reader.refuse(&given.at, format!("`websub.hubs` has more than {HUBS_MAX} hubs"));
    }
    let mut hubs = Vec::new();
    for text in given.value.iter().take(HUBS_MAX) {
        match values::called_url(text) {
            Ok(url) if hubs.contains(&url) => {
                reader.refuse(&given.at, format!("`websub.hubs` lists {url} twice"));
            }
            Ok(url) => hubs.push(url),
            Err(message) => reader.refuse(&given.at, format!("`websub.hubs` {message}")),
        }
    }
    hubs
}

fn callback_ports(reader: &mut Reader<'_>) -> Vec<u16> {
    let Some(given) = reader.numbers("websub", "callback_ports", 1..=65_535) else {
        return PORTS.to_vec();
    };
    if given.value.is_empty() || given.value.len() > PORTS_MAX {
        let message = format!("`websub.callback_ports` must have from 1 to {PORTS_MAX} ports");
        reader.refuse(&given.at, message);
    }
    // All of them are in the range of a port.
    given.value.iter().filter_map(|port| u16::try_from(*port).ok()).collect()
}

/// Whether only this machine reaches what listens there.
fn is_loopback(place: &Listen) -> bool {
    match place {
        Listen::Tcp(address) => address.ip().to_canonical().is_loopback(),
        // A proxy may serve it to everyone.
        Listen::Unix(_) => false,
    }
}

/// Reads `websub.loopback_callbacks`: on a server that other machines reach, it would let them call
/// this machine's own services.
fn loopback_callbacks(reader: &mut Reader<'_>, server: &Server, tls: &Tls) -> bool {
    let given = reader.given_flag("websub", "loopback_callbacks");
    let Some(given) = given.filter(|given| given.value) else { return false };
    let is_local = server.listen.iter().all(is_loopback)
        && tls.listen.iter().all(|address| address.ip().to_canonical().is_loopback());
    if !is_local {
        let message = "`websub.loopback_callbacks` is for tests, and needs loopback addresses in \
                       `server.listen` and `tls.listen`";
        reader.refuse(&given.at, message);
    }
    true
}

fn webhook(reader: &mut Reader<'_>) -> Option<Url> {
    let given = reader.text_or_empty("notify", "webhook")?;
    if given.value.is_empty() {
        return None;
    }
    match values::called_url(&given.value) {
        Ok(url) => Some(url),
        Err(message) => {
            reader.refuse(&given.at, format!("`notify.webhook` {message}"));
            None
        }
    }
}

/// Reads `notify.webhook_secret` and `notify.webhook_secret_file`, of which one may be set.
fn webhook_secret(reader: &mut Reader<'_>, input: &Input<'_>, has_webhook: bool) -> Option<Secret> {
    let text = reader.secret("notify", "webhook_secret");
    let file = reader.text_or_empty("notify", "webhook_secret_file");
    let file = file.filter(|file| !file.value.is_empty());
    match (text, file) {
        (Some(_), Some(file)) => {
            let message =
                "`notify.webhook_secret_file` and `notify.webhook_secret` must not both be set";
            reader.refuse(&file.at, message);
            None
        }
        (Some(text), None) => Some(Secret::Text(text.value)),
        (None, Some(file)) => match values::path(&file.value) {
            Ok(path) => {
                let path: PathBuf = input.base.join(path).components().collect();
                if has_webhook {
                    let named = Named { path: path.clone(), at: file.at };
                    reader.referred.webhook_secret = Some(named);
                }
                Some(Secret::File(path))
            }
            Err(message) => {
                reader.refuse(&file.at, format!("`notify.webhook_secret_file` {message}"));
                None
            }
        },
        (None, None) => None,
    }
}

/// Reads `notify.on_publish`: a program and its arguments.
fn command(reader: &mut Reader<'_>) -> Vec<String> {
    let Some(given) = reader.texts("notify", "on_publish") else { return Vec::new() };
    let words = given.value;
    let Some(program) = words.first() else { return Vec::new() };
    let message = if !Path::new(program).is_absolute() {
        format!("must begin with the absolute path of a program, not {program:?}; no shell runs it")
    } else if words.len() > WORDS_MAX {
        format!("has more than {WORDS_MAX} words")
    } else if words.iter().any(|word| word.contains('\0')) {
        "has a word with the character U+0000".to_owned()
    } else {
        return words;
    };
    reader.refuse(&given.at, format!("`notify.on_publish` {message}"));
    Vec::new()
}

impl Site {
    /// Whether feeds name a hub.
    pub fn names_hubs(&self) -> bool {
        self.own_hub || !self.hubs.is_empty()
    }

    /// The URLs of all hubs that feeds name.
    pub fn hub_urls(&self) -> Vec<String> {
        let mut urls: Vec<String> = self.hubs.iter().map(Url::to_string).collect();
        if self.own_hub {
            urls.push(self.own_hub_url());
        }
        urls
    }

    /// The URL of the hub of this site.
    pub fn own_hub_url(&self) -> String {
        format!("{}-/hub", self.url)
    }

    /// The URL at which subscribers of rssCloud register; `None` if it is not spoken.
    pub fn cloud_url(&self) -> Option<Url> {
        if !self.rsscloud {
            return None;
        }
        self.url.join("rsscloud/pleaseNotify").ok()
    }
}

impl Websub {
    /// Whether anything is pushed to anyone.
    pub fn is_on(&self) -> bool {
        self.own_hub || !self.hubs.is_empty()
    }
}

impl Notify {
    /// Whether a publish is reported to anyone.
    pub fn is_on(&self) -> bool {
        self.webhook.is_some() || !self.on_publish.is_empty()
    }
}

/// A secret is never shown.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
