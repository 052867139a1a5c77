//! The configuration: valid by construction. `raw` reads the TOML and the environment, `resolve`
//! interprets them; a [`Config`] that exists can be used. All errors are reported together, with
//! their lines.
//!
//! [`Config::parse`] is a pure function of its input; only `load` uses files, the environment and
//! the resolver.

mod changes;
mod errors;
mod foreign;
mod hint;
mod listen;
mod load;
mod preview;
mod raw;
mod redirects;
mod referred;
mod resolve;
#[cfg(test)]
mod tests;
mod values;

#[cfg(test)]
use changes::Changes;
pub use errors::{At, Errors, Finding};
pub use listen::{Listen, TrustedProxies};
pub use load::{Loaded, load, load_to_check, load_to_serve, state_dir};
pub use redirects::{RedirectStatus, Redirected, Redirects};
pub use referred::{Unusable, Why};
pub use resolve::feed_paths::FeedPaths;
pub use resolve::pages::{BrowserPage, HomeStyle, LinkTarget, Pages, Piece};
pub use resolve::push::Signature;

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use crate::base::url_table::{UrlTable, path_key};
use crate::base::{Format, RelPath, Route, Scope, UrlPath};
use crate::ops::outgoing::Roots;

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
    /// `[tls]`
    pub tls: Tls,
    /// `[admin]`
    pub admin: Admin,
    /// `[readers]`
    pub readers: Readers,
    /// `[access_log]`
    pub access_log: AccessLog,
    /// `[politeness]`
    pub politeness: Politeness,
    /// `[websub]`
    pub websub: Websub,
    /// `[notify]`
    pub notify: Notify,
    /// `[pages]`
    pub pages: Pages,
    /// `[[redirect]]`
    pub redirects: Redirects,
    /// `[[view]]`, in the order of the file; at most 32.
    pub views: Vec<View>,
}

/// Everything that determines a configuration.
pub struct Input<'a> {
    /// The TOML.
    pub text: &'a str,
    /// Name of the file in messages.
    pub file: &'a str,
    /// Absolute directory that relative paths are relative to.
    pub base: &'a Path,
    /// The environment: `DROPFEED_SECTION__KEY`, and `STATE_DIRECTORY` and `CREDENTIALS_DIRECTORY`
    /// as systemd sets them.
    pub env: &'a [(String, String)],
    /// The machine.
    pub world: &'a dyn World,
}

/// Facts that a configuration needs from the machine.
pub trait World {
    /// Resolves a `NAME:PORT`.
    ///
    /// # Errors
    /// Those of the resolver.
    fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
    /// Resolves symbolic links in the part of the path that exists.
    fn real_path(&self, path: &Path) -> PathBuf;
    /// Reads a file, of which no more than `bytes_max` are wanted.
    ///
    /// # Errors
    /// Those of the file system.
    fn read(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>>;
}

/// A machine for tests: `localhost` is 127.0.0.1, other names are unknown, there are no links, and
/// the only file is `site.css`.
pub struct Nowhere;

impl World for Nowhere {
    fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let port = name.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        port.map(|port| vec![SocketAddr::from(([127, 0, 0, 1], port))])
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn read(&self, path: &Path, _: usize) -> io::Result<Vec<u8>> {
        match path.file_name() {
            Some(name) if name == "site.css" => Ok(b"h1{color:red}".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Config {
    /// Parses a configuration. Second, the warnings.
    ///
    /// # Errors
    /// All errors of the input, at least one.
    pub fn parse(input: &Input<'_>) -> Result<(Config, Vec<Finding>), Errors> {
        let resolve::Resolved { config, warnings, mistakes, .. } = resolve::resolve(input)?;
        if mistakes.is_empty() { Ok((config, warnings)) } else { Err(Errors(mistakes)) }
    }

    /// Parses a TOML text without environment, with relative paths in `base`. For tests.
    ///
    /// # Errors
    /// All errors of the text, at least one.
    pub fn of(text: &str, base: &Path) -> Result<Config, Errors> {
        let input = Input { text, file: "config.toml", base, env: &[], world: &Nowhere };
        Ok(Self::parse(&input)?.0)
    }

    /// The state directory that a configuration names, although it may be invalid elsewhere: a
    /// daemon that was started with an earlier version of it is asked there to reload.
    ///
    /// # Errors
    /// The input is not a configuration at all.
    pub fn state_dir(input: &Input<'_>) -> Result<PathBuf, Errors> {
        resolve::state_dir(input)
    }

    /// Whether a browser that navigates to a feed gets a page.
    pub fn shows_browser_page(&self) -> bool {
        self.site.elsewhere.is_none() && self.pages.browser_page == BrowserPage::On
    }

    /// The route of a path relative to `site.url`: that of a feed for the paths that
    /// `feeds.rss_path`, `atom_path` and `json_path` name, and what [`Route::parse`] gives for all
    /// others.
    pub fn route(&self, path: &str) -> Option<Route> {
        let configured = path_key(path).and_then(|key| self.feeds.paths.get(&key).copied());
        match configured {
            Some(format) => Some(Route::Feed(Scope::Site, format)),
            None => Route::parse(path),
        }
    }

    /// A sentence about `site.url`, if it works only on this machine: it was not set. None where
    /// the parser has warned of that already, since other machines can connect.
    pub fn url_notice(&self) -> Option<String> {
        // A preview of drafts is at an address of its own, and for this machine only.
        if self.is_preview()
            || !self.site.is_loopback()
            || resolve::server::outside(&self.server, &self.tls).is_some()
        {
            return None;
        }
        Some(format!(
            "`site.url` is not set: the links in feeds begin with {}, which works only on this machine; set it to the \
             address that readers use",
            self.site.url
        ))
    }
}

/// `[site]`: the site as feeds and pages describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Name from which ids are derived; fixed in the ledger at the first start. Default: the host
    /// of `url`; empty if that works only on this machine, and then the first start chooses a
    /// random one.
    pub id: String,
    /// The title of the site's feed and home page. Not empty.
    pub title: String,
    /// The public base of every URL: `http` or `https`, no query, no fragment, path ends with `/`.
    /// Default: where the server listens.
    pub url: Url,
    /// One sentence about the site. Default: made from the title. Not empty: RSS 2.0 requires one.
    pub description: String,
    /// BCP 47.
    pub language: String,
    /// Author of the articles that name none. Default: the title. Not empty: Atom requires an
    /// author (RFC 4287, section 4.1.2).
    pub author: String,
    /// Time zone of dates without an offset. Default UTC; never the host's.
    pub timezone: TimeZone,
    /// `feeds.rss_path`, `atom_path`, `json_path`: the paths that the site gives to its own feeds.
    pub feed_paths: FeedPaths,
    /// `websub.hubs`, as feeds name them.
    pub hubs: Vec<Url>,
    /// `websub.own_hub`: whether feeds name the hub of this site, too.
    pub own_hub: bool,
    /// `websub.rsscloud`: whether RSS feeds name the hub as an rssCloud, too.
    pub rsscloud: bool,
    /// The site whose pages the feeds link to, where dropfeed has none: `[pages] enabled = false`,
    /// `home` and `link_template`.
    pub elsewhere: Option<Elsewhere>,
}

impl Site {
    /// The path of `route` beneath `url`, percent-encoded, beginning with a slash.
    pub fn path(&self, route: &Route) -> Cow<'_, str> {
        self.feed_paths.path(route)
    }

    /// The rest of a URL that begins with `url`: empty, or a path with a slash in front.
    /// `https://example.org.evil` is not beneath `https://example.org`.
    pub fn path_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = text.strip_prefix(self.url.as_str().trim_end_matches('/'))?;
        if rest.is_empty() || rest.starts_with('/') { Some(rest) } else { None }
    }

    /// Whether `url` works only on this machine.
    pub fn is_loopback(&self) -> bool {
        values::is_loopback(&self.url)
    }
}

/// Pages that another program serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The home page; its path ends with `/`.
    pub home: Url,
    /// The URL of an article's page, beneath the home page unless it is absolute: a text with
    /// placeholders.
    pub link_template: String,
}

/// `[articles]`: the directory to watch, and limits on its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Articles {
    /// The article directory.
    pub dir: PathBuf,
    /// Patterns of gitignore(5) to skip, in addition to the built-in ones.
    pub ignore: Vec<String>,
    /// `settle_ms`: how long a closed file must be unchanged before it is read.
    pub settle: Duration,
    /// `settle_max_ms`: maximum wait for a file that is closed again and again.
    pub settle_max: Duration,
    /// Largest article in bytes.
    pub max_bytes: u64,
    /// Maximum nesting of elements in a rendered article.
    pub max_depth: usize,
    /// Largest rendered article in bytes of HTML.
    pub max_html_bytes: usize,
    /// Whether Markdown has formulas, unless an article says otherwise.
    pub math: bool,
    /// `grace_s`: how long a file must be missing before its article is removed.
    pub grace: Duration,
    /// An edit of at most this share of the words does not move `updated`, in percent.
    pub minor_edit_percent: u64,
    /// An edit of fewer words than this does not either.
    pub minor_edit_words: u64,
    /// `reconcile_s`: interval of the full scan.
    pub reconcile: Duration,
    /// Poll every `poll_s` instead of using inotify.
    pub poll: bool,
    /// `poll_s`: the interval of polling.
    pub poll_every: Duration,
    /// Whether drafts are public: in a preview alone, which no key can ask for.
    pub drafts: Drafts,
}

/// The visibility of drafts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafts {
    /// Nobody sees them.
    Hidden,
    /// They are public like other articles: `dropfeed serve --drafts`.
    Shown,
}

/// The content of a feed's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// The whole article.
    Full,
    /// Its summary.
    Summary,
}

/// `[feeds]`: the feeds and their files.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeds {
    /// Directory to write the feeds to.
    pub dir: PathBuf,
    /// Entries in a feed; at least 1.
    pub limit: usize,
    /// Maximum size of a feed in bytes. A larger feed drops its oldest entries, but keeps at least
    /// 10.
    pub max_bytes: usize,
    /// The whole article, or its summary.
    pub content: Content,
    /// The one format that pages advertise.
    pub advertise: Format,
    /// Every path, and every query of one, that answers with the site's feed in a format, besides
    /// the default paths: those of `site.feed_paths`, and the aliases.
    pub paths: UrlTable<Format>,
}

/// `[state]`: the place of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The state directory, with the database and the lock.
    pub dir: PathBuf,
}

/// `[server]`: the HTTP endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Places to listen on without TLS; at least one if `[tls]` is off.
    pub listen: Vec<Listen>,
    /// Mode of the file of a Unix socket.
    pub unix_mode: u32,
    /// Proxies that report the reader's address.
    pub trusted_proxies: TrustedProxies,
    /// Whether connections of trusted proxies begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Whether usual requests for feeds are answered without hyper.
    pub fast_path: bool,
    /// Maximum number of connections.
    pub max_connections: usize,
    /// Maximum number of connections from one address (IPv6: one /64 network), and of requests in
    /// progress from one that a trusted proxy reports; loopback is exempt.
    pub connections_per_address: usize,
    /// `header_timeout_s`: time to receive the head of a request.
    pub header_timeout: Duration,
    /// `idle_timeout_s`: time to wait for the next request on a connection.
    pub idle_timeout: Duration,
    /// `write_timeout_s`: time without progress while a response is sent.
    pub write_timeout: Duration,
    /// `response_timeout_s`: time from the begin of a request to the end of its response.
    pub response_timeout: Duration,
    /// `stop_timeout_s`: time for open connections to finish at a stop.
    pub stop_timeout: Duration,
}

/// `[tls]`: TLS without a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Tls {
    /// Addresses to listen on with TLS; if there is none, TLS is off.
    pub listen: Vec<SocketAddr>,
    /// The file with the certificate and its chain, in PEM; set if TLS is on.
    pub certificate: Option<PathBuf>,
    /// The file with the private key, in PEM; set if TLS is on.
    pub key: Option<PathBuf>,
    /// `hsts_max_age_s`: the time for which browsers must use https alone (RFC 6797); 0 is off.
    pub hsts_max_age: Duration,
    /// Addresses that redirect to the https address of the site; it is https if there is one.
    pub redirect_listen: Vec<SocketAddr>,
}

/// `[admin]`: status and metrics, for this machine only.
#[derive(Debug, Clone, PartialEq)]
pub struct Admin {
    /// The place to listen on, a loopback address or a Unix socket; `None` if off.
    pub listen: Option<Listen>,
    /// Maximum number of connections.
    pub max_connections: usize,
}

/// `[readers]`: statistics of readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers {
    /// Whether the readers of feeds are counted.
    pub enabled: bool,
}

/// `[access_log]`: a line for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// The format of its lines.
    pub format: LogFormat,
    /// The file; `None` for standard output.
    pub path: Option<PathBuf>,
    /// Whether addresses are cut, so that they do not name a reader.
    pub anonymize: bool,
}

/// The format of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// No log.
    Off,
    /// The combined format of Apache.
    Combined,
    /// A JSON object.
    Json,
}

/// `[politeness]`: limits for readers that ask too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Politeness {
    /// How often in an hour a reader may get one feed whole without asking whether it has changed;
    /// 0: no limit.
    pub unconditional_per_hour: u32,
}

/// `[websub]`: hubs, which tell subscribers of a drop (<https://www.w3.org/TR/websub/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Websub {
    /// Hubs of others, which get a ping for each feed that changed; at most 8.
    pub hubs: Vec<Url>,
    /// Whether this site is a hub for its own feeds.
    pub own_hub: bool,
    /// Whether the own hub, if there is one, speaks rssCloud, too.
    pub rsscloud: bool,
    /// The signatures of the own hub.
    pub signature: Signature,
    /// `push_delay_s`: the wait after a change, in which further changes of the feed join it.
    pub push_delay: Duration,
    /// Ports that callbacks of subscribers may have; at least one.
    pub callback_ports: Vec<u16>,
    /// The certificate authorities that calls to hubs, callbacks and the webhook trust.
    pub roots: Roots,
    /// Whether callbacks may be on the loopback interface. Only where all listeners are there, for
    /// tests.
    pub loopback_callbacks: bool,
    /// Maximum number of subscriptions.
    pub max_subscriptions: usize,
    /// Maximum number of subscriptions whose callbacks are on one host.
    pub max_subscriptions_per_host: usize,
    /// Maximum number of subscriptions that one client asked for.
    pub max_subscriptions_per_client: usize,
}

/// `[notify]`: what is notified of an article that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The URL that gets a request.
    pub webhook: Option<Url>,
    /// The key of the request's signature.
    pub webhook_secret: Option<Secret>,
    /// A program, by its absolute path, and its arguments. Empty: none.
    pub on_publish: Vec<String>,
    /// `on_publish_timeout_s`: the time after which the program is ended.
    pub on_publish_timeout: Duration,
}

/// A text that nothing may show.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The text.
    Text(String),
    /// The file that has it.
    File(PathBuf),
}

/// `[[view]]`: a feed of a selection of articles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its name in URLs: one segment, its own slug, not reserved. Different from every other
    /// view's.
    pub name: UrlPath,
    /// Its title. Default: its name. Not empty.
    pub title: String,
    /// One sentence about it.
    pub description: Option<String>,
    /// The articles that it has: of every kind that is not empty, at least one name fits.
    pub with: Selection,
    /// The articles that it leaves out: any name of any kind fits.
    pub without: Selection,
}

/// Names by kind. All of them are empty only in [`View::without`], or where that is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Directories, relative to the article directory. None is the article directory itself.
    pub directories: Vec<RelPath>,
    /// Tags as written.
    pub tags: Vec<String>,
    /// Names of authors.
    pub authors: Vec<String>,
}
