//! The configuration: valid by construction. `raw` says what the TOML and the environment say, `resolve` what it
//! means; a [`Config`] that exists is usable. Every mistake is told at once, with its line.
//!
//! [`Config::parse`] is a pure function of its input; only `load` touches files, the environment and the resolver.

mod errors;
mod foreign;
mod hint;
mod load;
mod raw;
mod resolve;
#[cfg(test)]
mod tests;
mod values;

pub use errors::{At, Errors, Finding};
pub use load::{Loaded, load};

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

/// Everything an operator can set, resolved: paths absolute, zone loaded, URL parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[site]`
    pub site: Site,
    /// `[articles]`
    pub articles: Articles,
    /// `[feeds]`
    pub feeds: Feeds,
    /// `[state]`
    pub state: State,
    /// `[server]`
    pub server: Server,
    /// `[admin]`
    pub admin: Admin,
}

/// What a configuration is made from.
pub struct Input<'a> {
    /// The TOML.
    pub text: &'a str,
    /// What messages call the file.
    pub file: &'a str,
    /// The absolute directory that relative paths are relative to.
    pub base: &'a Path,
    /// The environment: `DROPFEED_SECTION__KEY`, and `STATE_DIRECTORY` as systemd sets it.
    pub env: &'a [(String, String)],
    /// The machine.
    pub world: &'a dyn World,
}

/// What the machine knows and a text does not say.
pub trait World {
    /// The addresses of a `NAME:PORT`.
    fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
    /// A path without symbolic links, as far as it exists.
    fn real_path(&self, path: &Path) -> PathBuf;
}

/// No machine: `localhost` is 127.0.0.1, other names are unknown, and there are no links. For tests.
pub struct Nowhere;

impl World for Nowhere {
    fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let port = name.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        port.map(|port| vec![SocketAddr::from(([127, 0, 0, 1], port))]).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

impl Config {
    /// The configuration that `input` says, and what is worth a warning in the log.
    pub fn parse(input: &Input<'_>) -> Result<(Config, Vec<Finding>), Errors> {
        resolve::resolve(input)
    }

    /// The configuration of a TOML text alone, with relative paths beneath `base`. For tests.
    pub fn of(text: &str, base: &Path) -> Result<Config, Errors> {
        let input = Input { text, file: "config.toml", base, env: &[], world: &Nowhere };
        Ok(Self::parse(&input)?.0)
    }

    /// The keys that differ in `new` and take effect at a restart only; every other key does on reload.
    pub fn needs_restart(&self, new: &Config) -> Vec<&'static str> {
        let changes = [
            ("server.listen", self.server.listen != new.server.listen),
            ("state.dir", self.state.dir != new.state.dir),
            ("feeds.dir", self.feeds.dir != new.feeds.dir),
        ];
        changes.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}

/// `[site]`: what every feed and page says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The name that ids are derived from; frozen in the ledger at the first start. Default: the host of `url`.
    pub id: String,
    /// The title of the site's feed and home page. Not empty.
    pub title: String,
    /// The public base of every URL: `http` or `https`, no query, no fragment, path ends with `/`. Default: where the
    /// server listens.
    pub url: Url,
    /// One sentence about the site. Default: made from the title. Not empty: RSS 2.0 requires one.
    pub description: String,
    /// BCP 47.
    pub language: String,
    /// Who writes, where an article does not say. Default: the title. Not empty: Atom wants an author (RFC 4287,
    /// 4.1.2).
    pub author: String,
    /// For dates without an offset. Default UTC; never the host's.
    pub timezone: TimeZone,
}

/// `[articles]`: what is watched, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Articles {
    /// The article directory.
    pub dir: PathBuf,
    /// Patterns of gitignore(5) that are left out, besides the built-in ones.
    pub ignore: Vec<String>,
    /// `settle_ms`: quiet time after a file was closed before it is taken.
    pub settle: Duration,
    /// `settle_max_ms`: a tree that is never quiet is published all the same after this long.
    pub settle_max: Duration,
    /// Largest article in bytes.
    pub max_bytes: u64,
    /// Elements inside one another in a rendered article.
    pub max_depth: usize,
    /// Largest rendered article in bytes of HTML.
    pub max_html_bytes: usize,
    /// `grace_s`: how long a file must be gone before its article is.
    pub grace: Duration,
    /// `reconcile_s`: how often the tree is compared with the library where no event arrived.
    pub reconcile: Duration,
    /// Look every `poll_s` instead of listening for events.
    pub poll: bool,
    /// `poll_s`: the interval of polling.
    pub poll_every: Duration,
}

/// How much of an article a feed carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// The whole article.
    Full,
    /// Its summary.
    Summary,
}

/// `[feeds]`: what subscribers get.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeds {
    /// Where the feeds are written.
    pub dir: PathBuf,
    /// Entries in a feed; at least 1.
    pub limit: usize,
    /// A feed larger than this keeps its newest 10 entries and drops the oldest others.
    pub max_bytes: usize,
    /// The whole article, or its summary.
    pub content: Content,
    /// The one format that pages advertise.
    pub advertise: crate::base::Format,
}

/// `[state]`: where the ledger lives.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The state directory: the database and the lock.
    pub dir: PathBuf,
}

/// `[server]`: the HTTP endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Addresses to listen on; at least one.
    pub listen: Vec<SocketAddr>,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections at once from one address (IPv6: one /64); loopback is exempt.
    pub connections_per_address: usize,
    /// `header_timeout_s`: for a request's head to arrive.
    pub header_timeout: Duration,
    /// `idle_timeout_s`: for the next request of a kept connection.
    pub idle_timeout: Duration,
    /// `write_timeout_s`: without any progress in writing an answer.
    pub write_timeout: Duration,
    /// `stop_timeout_s`: for open connections to finish at a stop.
    pub stop_timeout: Duration,
}

/// `[admin]`: kept for status and metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Admin {
    /// Where to listen; off where absent.
    pub listen: Option<SocketAddr>,
}
