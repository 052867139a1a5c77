//! The type, default and range of every key, section by section, and the conditions between keys.
//!
//! This is the only place with defaults. `config.toml` of the repository and
//! `docs/configuration.md` repeat them for people; tests compare both with this file.
//!
//! The sections that need more than a few lines have a file each in the folder of the same name.

pub(super) mod feed_paths;
mod numbers;
pub(super) mod pages;
pub(super) mod push;
mod redirects;
pub(super) mod server;
mod views;

use std::path::{Path, PathBuf};

use ignore::gitignore::GitignoreBuilder;
use jiff::tz::TimeZone;
use url::Url;

use super::errors::{At, Errors, Finding};
use super::raw::{Given, Reader};
use super::referred::{Named, Referred};
use super::{
    AccessLog, Admin, Articles, Config, Content, Drafts, Elsewhere, FeedPaths, Feeds, Input,
    Listen, LogFormat, Politeness, Readers, Server, Site, State, Tls, values,
};
use crate::base::Format;
use crate::base::url_table::UrlTable;

use numbers::{milliseconds, seconds, size};

/// Maximum number of entries of a list.
const LIST_MAX: usize = 1000;

const DAY_S: u64 = 86_400;
const GIB: u64 = 1 << 30;

/// An interpreted input.
pub(super) struct Resolved {
    /// The configuration, with defaults in the place of what is wrong.
    pub(super) config: Config,
    pub(super) warnings: Vec<Finding>,
    /// The errors.
    pub(super) mistakes: Vec<Finding>,
    /// The files that it names.
    pub(super) referred: Referred,
}

/// Interprets `input`, whatever is wrong with it.
///
/// # Errors
/// The input is not a configuration at all.
pub(super) fn resolve(input: &Input<'_>) -> Result<Resolved, Errors> {
    let mut reader = Reader::new(input.file, input.text, input.env)?;
    let (config, outside) = read(&mut reader, input);
    let referred = std::mem::take(&mut reader.referred);
    let (mistakes, mut warnings) = reader.finish();
    warnings.extend(outside);
    Ok(Resolved { config, warnings, mistakes, referred })
}

/// Interprets `input`, and returns its state directory, whatever else is wrong.
///
/// # Errors
/// The input is not a configuration at all.
pub(super) fn state_dir(input: &Input<'_>) -> Result<PathBuf, Errors> {
    let mut reader = Reader::new(input.file, input.text, input.env)?;
    let (state, _) = state(&mut reader, input);
    Ok(state.dir)
}

/// Reads every key, and checks the conditions between them. Second, the warnings.
pub(super) fn read(reader: &mut Reader<'_>, input: &Input<'_>) -> (Config, Vec<Finding>) {
    let (server, tls, listen_at) = server::read(reader, input);
    let (mut site, url_at) = site(reader, &server, &tls);
    let (articles, articles_at) = articles(reader, input);
    let (feed_paths, paths) = feed_paths::read(reader);
    site.feed_paths = feed_paths;
    let (feeds, feeds_at) = feeds(reader, input, paths);
    let (state, state_at) = state(reader, input);
    let admin = admin(reader, input, &server);
    let readers = Readers { enabled: reader.flag("readers", "enabled", false) };
    let redirects = redirects::read(reader, &site, &feeds.paths);
    let views = views::views(reader);
    let mut warnings = Vec::new();
    let pages = pages::read(reader, input, &site, &mut warnings);
    let access_log = access_log(reader, input);
    let politeness = politeness(reader);
    let websub = push::websub(reader, &server, &tls);
    site.hubs.clone_from(&websub.hubs);
    site.own_hub = websub.own_hub;
    site.rsscloud = websub.own_hub && websub.rsscloud;
    let notify = push::notify(reader, input);
    let config = Config {
        site,
        articles,
        feeds,
        state,
        server,
        tls,
        admin,
        readers,
        access_log,
        politeness,
        websub,
        notify,
        pages,
        redirects,
        views,
    };
    server::check(reader, &config, &url_at);
    check_directories(reader, input, &config, [&articles_at, &feeds_at, &state_at]);
    warnings.extend(server::warning(&config, &listen_at, &url_at));
    (config, warnings)
}

fn site(reader: &mut Reader<'_>, server: &Server, tls: &Tls) -> (Site, At) {
    let given = parsed(reader, "site", "url", values::base_url);
    let url_at = given.as_ref().map_or_else(|| reader.nowhere(), |given| given.at.clone());
    // A socket address printed as a URL is one.
    #[expect(clippy::expect_used, reason = "`server::local_url` prints a URL for every address")]
    let url = given.map_or_else(
        || Url::parse(&server::local_url(server, tls)).expect("a URL"),
        |given| given.value,
    );
    let title = line(reader, "site", "title", || "dropfeed".to_owned());
    let site = Site {
        id: site_id(reader, &url),
        description: line(reader, "site", "description", || format!("New articles from {title}")),
        language: parsed(reader, "site", "language", values::language)
            .map_or("en".to_owned(), |given| given.value),
        author: line(reader, "site", "author", || title.clone()),
        timezone: parsed(reader, "site", "timezone", values::zone)
            .map_or(TimeZone::UTC, |given| given.value),
        feed_paths: FeedPaths::default(),
        hubs: Vec::new(),
        own_hub: false,
        rsscloud: false,
        elsewhere: elsewhere(reader, &url),
        title,
        url,
    };
    (site, url_at)
}

/// Reads where the pages are, if they are not here.
fn elsewhere(reader: &mut Reader<'_>, url: &Url) -> Option<Elsewhere> {
    let is_here = reader.flag("pages", "enabled", true);
    let home = given_text(reader, "home", values::base_url);
    let template = given_text(reader, "link_template", values::link_template);
    if is_here {
        let needs = [
            ("home", home.as_ref().map(|given| &given.at)),
            ("link_template", template.as_ref().map(|given| &given.at)),
        ];
        for (key, at) in needs {
            if let Some(at) = at {
                let message = format!(
                    "`site.{key}` is for pages elsewhere, and needs `pages.enabled = false`"
                );
                reader.refuse(at, message);
            }
        }
        return None;
    }
    Some(Elsewhere {
        home: home.map_or_else(|| url.clone(), |given| given.value),
        link_template: template.map_or_else(|| "{path}".to_owned(), |given| given.value),
    })
}

/// Reads a text of `[site]` with a parser of `values`; an empty one is none.
fn given_text<T>(
    reader: &mut Reader<'_>,
    key: &'static str,
    parse: fn(&str) -> Result<T, String>,
) -> Option<Given<T>> {
    let given = reader.text_or_empty("site", key).filter(|given| !given.value.is_empty())?;
    match parse(&given.value) {
        Ok(value) => Some(Given { value, at: given.at }),
        Err(message) => {
            reader.refuse(&given.at, format!("`site.{key}` {message}"));
            None
        }
    }
}

/// Reads `site.id`. The default is the host of the site, but a host that every machine has names no
/// site: then it is empty, and the state gets a random one.
fn site_id(reader: &mut Reader<'_>, url: &Url) -> String {
    if let Some(given) = reader.text_or_empty("site", "id")
        && !given.value.is_empty()
    {
        match values::one_line(&given.value) {
            Ok(id) => return id,
            Err(message) => reader.refuse(&given.at, format!("`site.id` {message}")),
        }
    }
    if values::is_loopback(url) {
        return String::new();
    }
    url.host_str().unwrap_or_default().to_owned()
}

fn articles(reader: &mut Reader<'_>, input: &Input<'_>) -> (Articles, At) {
    let dir = directory(reader, input, "articles", || PathBuf::from("articles"));
    let settle = milliseconds(reader, "articles", "settle_ms", 100, 60_000);
    let settle_max = milliseconds(reader, "articles", "settle_max_ms", 2000, 600_000);
    if settle_max.value < settle.value {
        let (least, most) = (settle.value.as_millis(), settle_max.value.as_millis());
        let at = if settle_max.at.is_of_a_key() { &settle_max.at } else { &settle.at };
        let message = format!(
            "`articles.settle_max_ms` ({most}) must not be less than `articles.settle_ms` ({least})"
        );
        reader.refuse(at, message);
    }
    let articles = Articles {
        dir: dir.value,
        ignore: patterns(reader),
        settle: settle.value,
        settle_max: settle_max.value,
        max_bytes: reader.number("articles", "max_bytes", 4 << 20, 1024..=GIB).value,
        max_depth: size(reader, "articles", "max_depth", 100, 1..=500),
        max_html_bytes: size(reader, "articles", "max_html_bytes", 16 << 20, 1024..=GIB),
        math: reader.flag("articles", "math", false),
        grace: seconds(reader, "articles", "grace_s", 10, 0..=30 * DAY_S),
        minor_edit_percent: reader.number("articles", "minor_edit_percent", 2, 0..=100).value,
        minor_edit_words: reader.number("articles", "minor_edit_words", 3, 0..=1_000_000).value,
        reconcile: seconds(reader, "articles", "reconcile_s", 60, 1..=DAY_S),
        poll: reader.flag("articles", "poll", false),
        poll_every: seconds(reader, "articles", "poll_s", 5, 1..=3600),
        drafts: Drafts::Hidden,
    };
    (articles, dir.at)
}

fn feeds(reader: &mut Reader<'_>, input: &Input<'_>, paths: UrlTable<Format>) -> (Feeds, At) {
    let dir =
        directory(reader, input, "feeds", || beneath_state_directory(input, "feeds", "feeds"));
    reader.referred.feeds = named(&dir);
    let formats = [("atom", Format::Atom), ("rss", Format::Rss), ("json", Format::Json)];
    let feeds = Feeds {
        dir: dir.value,
        limit: size(reader, "feeds", "limit", 30, 1..=10_000),
        max_bytes: size(reader, "feeds", "max_bytes", 512 << 10, 1024..=GIB),
        content: reader.choice(
            "feeds",
            "content",
            Content::Full,
            &[("full", Content::Full), ("summary", Content::Summary)],
        ),
        advertise: reader.choice("feeds", "advertise", Format::Atom, &formats),
        paths,
    };
    (feeds, dir.at)
}

fn state(reader: &mut Reader<'_>, input: &Input<'_>) -> (State, At) {
    let dir =
        directory(reader, input, "state", || beneath_state_directory(input, "state", ".dropfeed"));
    reader.referred.state = named(&dir);
    (State { dir: dir.value }, dir.at)
}

fn admin(reader: &mut Reader<'_>, input: &Input<'_>, server: &Server) -> Admin {
    Admin {
        listen: admin_listener(reader, input, server),
        max_connections: size(reader, "admin", "max_connections", 16, 1..=1024),
    }
}

/// Reads `admin.listen`. Its pages name files and directories, and ask for no password.
fn admin_listener(reader: &mut Reader<'_>, input: &Input<'_>, server: &Server) -> Option<Listen> {
    let given = reader.texts("admin", "listen")?;
    let is_empty = given.value.iter().all(String::is_empty);
    if is_empty {
        return None;
    }
    if given.value.len() > 1 {
        reader.refuse(&given.at, "`admin.listen` must be one address");
    }
    let message = match server::place(&given.value[0], input) {
        Ok(place) if server::overlapping(&place, &server.listen).is_some() => {
            format!("is {place}, which is already in `server.listen`")
        }
        Ok(Listen::Tcp(address)) if !address.ip().to_canonical().is_loopback() => format!(
            "is {address}, but must be a loopback address such as \"127.0.0.1:{}\": the status is \
             not for other machines; let a proxy with a password, or `ssh -L`, give it to them",
            address.port()
        ),
        Ok(place) => return Some(place),
        Err(message) => message,
    };
    reader.refuse(&given.at, format!("`admin.listen` {message}"));
    None
}

fn access_log(reader: &mut Reader<'_>, input: &Input<'_>) -> AccessLog {
    let formats =
        [("off", LogFormat::Off), ("combined", LogFormat::Combined), ("json", LogFormat::Json)];
    let format = reader.choice("access_log", "format", LogFormat::Off, &formats);
    let mut file = None;
    if let Some(given) = reader.text_or_empty("access_log", "path")
        && !given.value.is_empty()
    {
        match values::path(&given.value) {
            // Dropping every `.`, as for directories.
            Ok(path) => {
                let path: PathBuf = input.base.join(path).components().collect();
                if format != LogFormat::Off {
                    reader.referred.access_log = Some(Named { path: path.clone(), at: given.at });
                }
                file = Some(path);
            }
            Err(message) => reader.refuse(&given.at, format!("`access_log.path` {message}")),
        }
    }
    AccessLog { format, path: file, anonymize: reader.flag("access_log", "anonymize", true) }
}

fn politeness(reader: &mut Reader<'_>) -> Politeness {
    let per_hour = reader.number("politeness", "unconditional_per_hour", 0, 0..=3600).value;
    // The range ends far below what 32 bits hold.
    Politeness { unconditional_per_hour: u32::try_from(per_hour).unwrap_or(u32::MAX) }
}

fn patterns(reader: &mut Reader<'_>) -> Vec<String> {
    let Some(given) = reader.texts("articles", "ignore") else { return Vec::new() };
    if given.value.len() > LIST_MAX {
        reader.refuse(&given.at, format!("`articles.ignore` has more than {LIST_MAX} patterns"));
        return Vec::new();
    }
    for pattern in &given.value {
        let mut builder = GitignoreBuilder::new("/");
        if pattern.contains(['\n', '\r', '\0']) || builder.add_line(None, pattern).is_err() {
            reader.refuse(
                &given.at,
                format!("`articles.ignore`: {pattern:?} is not a valid pattern of gitignore(5)"),
            );
        }
    }
    given.value
}

/// Reads a text with a parser of `values`.
fn parsed<T>(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Given<T>> {
    let given = reader.text(section, key)?;
    match parse(&given.value) {
        Ok(value) => Some(Given { value, at: given.at }),
        Err(message) => {
            reader.refuse(&given.at, format!("`{section}.{key}` {message}"));
            None
        }
    }
}

/// Reads a text on one line that is allowed in a feed.
fn line(
    reader: &mut Reader<'_>,
    section: &'static str,
    key: &'static str,
    default: impl FnOnce() -> String,
) -> String {
    match parsed(reader, section, key, values::one_line) {
        Some(given) => given.value,
        None => default(),
    }
}

/// Reads `dir` of a section, relative to the directory of the file.
fn directory(
    reader: &mut Reader<'_>,
    input: &Input<'_>,
    section: &'static str,
    default: impl FnOnce() -> PathBuf,
) -> Given<PathBuf> {
    let Given { value, at } = match parsed(reader, section, "dir", values::path) {
        Some(given) => given,
        None => Given { value: default(), at: reader.nowhere() },
    };
    // Going through the components drops every `.`. A `..` stays, since its meaning depends on
    // symbolic links.
    Given { value: input.base.join(value).components().collect(), at }
}

/// The directory, if a key names it.
fn named(dir: &Given<PathBuf>) -> Option<Named> {
    let Given { value, at } = dir;
    at.is_of_a_key().then(|| Named { path: value.clone(), at: at.clone() })
}

/// Returns `name` in the state directory of the service manager, if there is one; else `plain`,
/// beside the file.
fn beneath_state_directory(input: &Input<'_>, name: &str, plain: &str) -> PathBuf {
    let variable = input.env.iter().find(|(name, _)| name == "STATE_DIRECTORY");
    // systemd.exec(5): several directories are separated by colons; the first is ours.
    match variable.and_then(|(_, directories)| directories.split(':').next()) {
        Some(first) if first.starts_with('/') => Path::new(first).join(name),
        _ => PathBuf::from(plain),
    }
}

/// Checks that directories are not inside each other, whatever links lead there: articles are read,
/// feeds and state are written; feeds are readable for everyone, state is not.
fn check_directories(reader: &mut Reader<'_>, input: &Input<'_>, config: &Config, at: [&At; 3]) {
    let articles = input.world.real_path(&config.articles.dir);
    let feeds = input.world.real_path(&config.feeds.dir);
    let state = input.world.real_path(&config.state.dir);
    let [articles_at, feeds_at, state_at] = at;
    if feeds.starts_with(&articles) || articles.starts_with(&feeds) {
        let (feeds, articles) = (feeds.display(), articles.display());
        let message = format!(
            "`feeds.dir` ({feeds}) and `articles.dir` ({articles}) must not be inside each other"
        );
        refuse_at_key(reader, [feeds_at, articles_at], message);
    }
    if state.starts_with(&articles) {
        let (state, articles) = (state.display(), articles.display());
        let message =
            format!("`state.dir` ({state}) must not be inside `articles.dir` ({articles})");
        refuse_at_key(reader, [state_at, articles_at], message);
    }
    if state.starts_with(&feeds) {
        let (state, feeds) = (state.display(), feeds.display());
        let message = format!("`state.dir` ({state}) must not be inside `feeds.dir` ({feeds})");
        refuse_at_key(reader, [state_at, feeds_at], message);
    }
}

/// Reports an error of two values at the first of them that is set, since the other has its
/// default.
fn refuse_at_key(reader: &mut Reader<'_>, places: [&At; 2], message: String) {
    let given = places.into_iter().find(|at| at.is_of_a_key());
    reader.refuse(given.unwrap_or(places[0]), message);
}
