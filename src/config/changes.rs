//! What a reload changes: the keys whose values differ, and which of them need a restart.

use crate::base::{Format, Route, Scope};

use super::{
    AccessLog, Admin, Articles, Config, Feeds, Notify, Pages, Politeness, Readers, Secret, Server,
    Site, State, Tls, Websub,
};

/// The moment at which a key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// At a reload.
    Reload,
    /// At a restart.
    Restart,
}

/// The keys that differ between two configurations, in the order of the file. A key that is not
/// set and whose default follows another one differs with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that a reload applies.
    pub applied: Vec<&'static str>,
    /// Keys that take effect at a restart.
    pub restart: Vec<&'static str>,
}

impl Config {
    /// The keys that differ in `new`.
    pub fn changes(&self, new: &Config) -> Changes {
        let mut changes = Changes::default();
        let sections = [
            site(&self.site, &new.site),
            articles(&self.articles, &new.articles),
            feeds(&self.feeds, &new.feeds),
            state(&self.state, &new.state),
            server(&self.server, &new.server),
            tls(&self.tls, &new.tls),
            admin(&self.admin, &new.admin),
            readers(&self.readers, &new.readers),
            access_log(&self.access_log, &new.access_log),
            politeness(&self.politeness, &new.politeness),
            websub(&self.websub, &new.websub),
            notify(&self.notify, &new.notify),
            pages(&self.pages, &new.pages),
            vec![
                ("[[redirect]]", self.redirects != new.redirects, Effect::Reload),
                ("[[view]]", self.views != new.views, Effect::Reload),
            ],
        ];
        for (key, differs, effect) in sections.into_iter().flatten() {
            match effect {
                _ if !differs => {}
                Effect::Reload => changes.applied.push(key),
                Effect::Restart => changes.restart.push(key),
            }
        }
        changes
    }
}

impl Config {
    /// Takes over from the configuration at the start what a reload must not change in part: feeds
    /// name the hubs that are notified of changes, and those are known since the start.
    pub fn keep_started(&mut self, started: &Config) {
        self.websub = started.websub.clone();
        self.notify = started.notify.clone();
        self.site.hubs = started.site.hubs.clone();
        self.site.own_hub = started.site.own_hub;
        self.site.rsscloud = started.site.rsscloud;
    }
}

/// A key, whether it differs, and when it takes effect.
type Row = (&'static str, bool, Effect);

// Each section is taken apart by name, so that a new key cannot be forgotten here.

fn site(old: &Site, new: &Site) -> Vec<Row> {
    let Site {
        id,
        title,
        url,
        description,
        language,
        author,
        timezone,
        feed_paths,
        // Those three are in `[websub]`.
        hubs: _,
        own_hub: _,
        rsscloud: _,
        elsewhere,
    } = old;
    let path_differs = |format| {
        let route = Route::Feed(Scope::Site, format);
        feed_paths.path(&route) != new.feed_paths.path(&route)
    };
    let (home, template) = match (elsewhere, &new.elsewhere) {
        (Some(old), Some(new)) => (old.home != new.home, old.link_template != new.link_template),
        _ => (false, false),
    };
    vec![
        ("pages.enabled", elsewhere.is_some() != new.elsewhere.is_some(), Effect::Reload),
        ("site.home", home, Effect::Reload),
        ("site.link_template", template, Effect::Reload),
        ("site.id", *id != new.id, Effect::Reload),
        ("site.title", *title != new.title, Effect::Reload),
        ("site.url", *url != new.url, Effect::Reload),
        ("site.description", *description != new.description, Effect::Reload),
        ("site.language", *language != new.language, Effect::Reload),
        ("site.author", *author != new.author, Effect::Reload),
        ("site.timezone", *timezone != new.timezone, Effect::Reload),
        ("feeds.rss_path", path_differs(Format::Rss), Effect::Reload),
        ("feeds.atom_path", path_differs(Format::Atom), Effect::Reload),
        ("feeds.json_path", path_differs(Format::Json), Effect::Reload),
    ]
}

fn articles(old: &Articles, new: &Articles) -> Vec<Row> {
    let Articles {
        dir,
        ignore,
        settle,
        settle_max,
        max_bytes,
        max_depth,
        max_html_bytes,
        math,
        grace,
        reconcile,
        poll,
        poll_every,
        drafts: _,
        minor_edit_percent,
        minor_edit_words,
    } = old;
    vec![
        ("articles.dir", *dir != new.dir, Effect::Reload),
        ("articles.ignore", *ignore != new.ignore, Effect::Reload),
        ("articles.settle_ms", *settle != new.settle, Effect::Reload),
        ("articles.settle_max_ms", *settle_max != new.settle_max, Effect::Reload),
        ("articles.max_bytes", *max_bytes != new.max_bytes, Effect::Reload),
        ("articles.max_depth", *max_depth != new.max_depth, Effect::Reload),
        ("articles.max_html_bytes", *max_html_bytes != new.max_html_bytes, Effect::Reload),
        ("articles.math", *math != new.math, Effect::Reload),
        ("articles.grace_s", *grace != new.grace, Effect::Reload),
        (
            "articles.minor_edit_percent",
            *minor_edit_percent != new.minor_edit_percent,
            Effect::Reload,
        ),
        ("articles.minor_edit_words", *minor_edit_words != new.minor_edit_words, Effect::Reload),
        ("articles.reconcile_s", *reconcile != new.reconcile, Effect::Reload),
        ("articles.poll", *poll != new.poll, Effect::Reload),
        ("articles.poll_s", *poll_every != new.poll_every, Effect::Reload),
    ]
}

fn feeds(old: &Feeds, new: &Feeds) -> Vec<Row> {
    let Feeds { dir, limit, max_bytes, content, advertise, paths } = old;
    let aliases_differ = |format| paths.keys_of(&format) != new.paths.keys_of(&format);
    vec![
        ("feeds.dir", *dir != new.dir, Effect::Restart),
        ("feeds.limit", *limit != new.limit, Effect::Reload),
        ("feeds.max_bytes", *max_bytes != new.max_bytes, Effect::Reload),
        ("feeds.content", *content != new.content, Effect::Reload),
        ("feeds.advertise", *advertise != new.advertise, Effect::Reload),
        ("feeds.rss_aliases", aliases_differ(Format::Rss), Effect::Reload),
        ("feeds.atom_aliases", aliases_differ(Format::Atom), Effect::Reload),
        ("feeds.json_aliases", aliases_differ(Format::Json), Effect::Reload),
    ]
}

/// The links of a page are compared by what they show, not by their lines.
fn pages(old: &Pages, new: &Pages) -> Vec<Row> {
    let Pages { browser_page, home, intro, menu, footer, stylesheet, local_links: _, digest: _ } =
        old;
    vec![
        ("pages.browser_page", *browser_page != new.browser_page, Effect::Reload),
        ("pages.home", *home != new.home, Effect::Reload),
        ("pages.intro", *intro != new.intro, Effect::Reload),
        ("pages.menu", *menu != new.menu, Effect::Reload),
        ("pages.footer", *footer != new.footer, Effect::Reload),
        ("pages.stylesheet", *stylesheet != new.stylesheet, Effect::Reload),
    ]
}

fn state(old: &State, new: &State) -> Vec<Row> {
    let State { dir } = old;
    vec![("state.dir", *dir != new.dir, Effect::Restart)]
}

/// The server is started once, with the limits of that moment.
fn server(old: &Server, new: &Server) -> Vec<Row> {
    let Server {
        listen,
        unix_mode,
        trusted_proxies,
        proxy_protocol,
        fast_path,
        max_connections,
        connections_per_address,
        header_timeout,
        idle_timeout,
        write_timeout,
        response_timeout,
        stop_timeout,
    } = old;
    let per_address = *connections_per_address != new.connections_per_address;
    vec![
        ("server.listen", *listen != new.listen, Effect::Restart),
        ("server.unix_mode", *unix_mode != new.unix_mode, Effect::Restart),
        ("server.trusted_proxies", *trusted_proxies != new.trusted_proxies, Effect::Restart),
        ("server.proxy_protocol", *proxy_protocol != new.proxy_protocol, Effect::Restart),
        ("server.fast_path", *fast_path != new.fast_path, Effect::Restart),
        ("server.max_connections", *max_connections != new.max_connections, Effect::Restart),
        ("server.connections_per_address", per_address, Effect::Restart),
        ("server.header_timeout_s", *header_timeout != new.header_timeout, Effect::Restart),
        ("server.idle_timeout_s", *idle_timeout != new.idle_timeout, Effect::Restart),
        ("server.write_timeout_s", *write_timeout != new.write_timeout, Effect::Restart),
        ("server.response_timeout_s", *response_timeout != new.response_timeout, Effect::Restart),
        ("server.stop_timeout_s", *stop_timeout != new.stop_timeout, Effect::Restart),
    ]
}

/// A certificate that was renewed needs no restart: its files are read again when they change.
fn tls(old: &Tls, new: &Tls) -> Vec<Row> {
    let Tls { listen, certificate, key, hsts_max_age, redirect_listen } = old;
    vec![
        ("tls.listen", *listen != new.listen, Effect::Restart),
        ("tls.certificate", *certificate != new.certificate, Effect::Restart),
        ("tls.key", *key != new.key, Effect::Restart),
        ("tls.hsts_max_age_s", *hsts_max_age != new.hsts_max_age, Effect::Restart),
        ("tls.redirect_listen", *redirect_listen != new.redirect_listen, Effect::Restart),
    ]
}

fn admin(old: &Admin, new: &Admin) -> Vec<Row> {
    let Admin { listen, max_connections } = old;
    vec![
        ("admin.listen", *listen != new.listen, Effect::Restart),
        ("admin.max_connections", *max_connections != new.max_connections, Effect::Restart),
    ]
}

fn readers(old: &Readers, new: &Readers) -> Vec<Row> {
    let Readers { enabled } = old;
    vec![("readers.enabled", *enabled != new.enabled, Effect::Restart)]
}

/// A reload opens the file again, but it is the same file.
fn access_log(old: &AccessLog, new: &AccessLog) -> Vec<Row> {
    let AccessLog { format, path, anonymize } = old;
    vec![
        ("access_log.format", *format != new.format, Effect::Restart),
        ("access_log.path", *path != new.path, Effect::Restart),
        ("access_log.anonymize", *anonymize != new.anonymize, Effect::Restart),
    ]
}

fn politeness(old: &Politeness, new: &Politeness) -> Vec<Row> {
    let Politeness { unconditional_per_hour } = old;
    let differs = *unconditional_per_hour != new.unconditional_per_hour;
    vec![("politeness.unconditional_per_hour", differs, Effect::Restart)]
}

/// What pushes is started once. Feeds keep the hubs of that moment: see [`Config::keep_started`].
fn websub(old: &Websub, new: &Websub) -> Vec<Row> {
    let Websub {
        hubs,
        own_hub,
        rsscloud,
        signature,
        push_delay,
        callback_ports,
        roots,
        loopback_callbacks,
        max_subscriptions,
        max_subscriptions_per_host: per_host,
        max_subscriptions_per_client: per_client,
    } = old;
    let most_differ = *max_subscriptions != new.max_subscriptions;
    let per_host_differs = *per_host != new.max_subscriptions_per_host;
    let per_client_differs = *per_client != new.max_subscriptions_per_client;
    let loopback_differs = *loopback_callbacks != new.loopback_callbacks;
    vec![
        ("websub.hubs", *hubs != new.hubs, Effect::Restart),
        ("websub.own_hub", *own_hub != new.own_hub, Effect::Restart),
        ("websub.rsscloud", *rsscloud != new.rsscloud, Effect::Restart),
        ("websub.signature", *signature != new.signature, Effect::Restart),
        ("websub.push_delay_s", *push_delay != new.push_delay, Effect::Restart),
        ("websub.callback_ports", *callback_ports != new.callback_ports, Effect::Restart),
        ("websub.roots", *roots != new.roots, Effect::Restart),
        ("websub.loopback_callbacks", loopback_differs, Effect::Restart),
        ("websub.max_subscriptions", most_differ, Effect::Restart),
        ("websub.max_subscriptions_per_host", per_host_differs, Effect::Restart),
        ("websub.max_subscriptions_per_client", per_client_differs, Effect::Restart),
    ]
}

fn notify(old: &Notify, new: &Notify) -> Vec<Row> {
    let Notify { webhook, webhook_secret, on_publish, on_publish_timeout } = old;
    let is_file = |secret: &Option<Secret>| matches!(secret, Some(Secret::File(_)));
    let secret_differs = *webhook_secret != new.webhook_secret;
    let file_is_meant = is_file(webhook_secret) || is_file(&new.webhook_secret);
    let timeout_differs = *on_publish_timeout != new.on_publish_timeout;
    vec![
        ("notify.webhook", *webhook != new.webhook, Effect::Restart),
        ("notify.webhook_secret", secret_differs && !file_is_meant, Effect::Restart),
        ("notify.webhook_secret_file", secret_differs && file_is_meant, Effect::Restart),
        ("notify.on_publish", *on_publish != new.on_publish, Effect::Restart),
        ("notify.on_publish_timeout_s", timeout_differs, Effect::Restart),
    ]
}
