//! A configuration for a preview of drafts: on this machine only, and with a state of its own, so
//! that no draft gets an id or a date for good.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use url::Url;

use super::{
    AccessLog, Admin, Articles, Config, Drafts, Feeds, Listen, LogFormat, Notify, Readers, Server,
    Site, State, Tls, TrustedProxies, Websub,
};

impl Config {
    /// Whether this is a preview of drafts, which nobody but the author may read.
    pub fn is_preview(&self) -> bool {
        self.articles.drafts == Drafts::Shown
    }

    /// The configuration for a preview of the drafts, whose state and feeds are in `scratch`. It
    /// listens on the loopback address alone, without TLS, and on the port after the first one of
    /// `server.listen` (8080 if it has none), so that the published site may run beside it.
    #[must_use]
    pub fn preview(self, scratch: &Path) -> Config {
        let mut port = 8080;
        if let Some(Listen::Tcp(address)) = self.server.listen.first() {
            port = address.port();
        }
        // Port 0 means any free port, and stays so.
        let port = if port == 0 { 0 } else { port.checked_add(1).unwrap_or(0) };
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let url = Url::parse(&format!("http://{address}/")).unwrap_or(self.site.url);
        Config {
            site: Site { url, ..self.site },
            articles: Articles { drafts: Drafts::Shown, ..self.articles },
            feeds: Feeds { dir: scratch.join("feeds"), ..self.feeds },
            state: State { dir: scratch.join("state") },
            server: Server {
                listen: vec![Listen::Tcp(address)],
                // No proxy is between this machine and itself.
                trusted_proxies: TrustedProxies::default(),
                proxy_protocol: false,
                // The host of every request is looked at.
                fast_path: false,
                ..self.server
            },
            tls: Tls { listen: Vec::new(), redirect_listen: Vec::new(), ..self.tls },
            // They are those of the published site.
            admin: Admin { listen: None, ..self.admin },
            readers: Readers { enabled: false },
            access_log: AccessLog { format: LogFormat::Off, ..self.access_log },
            // No one is notified of a draft.
            websub: Websub { hubs: Vec::new(), own_hub: false, rsscloud: false, ..self.websub },
            notify: Notify { webhook: None, on_publish: Vec::new(), ..self.notify },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_for_this_machine_only_and_leaves_nothing_behind() {
        for (listen, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8081"),
            ("0.0.0.0:80", "127.0.0.1:81"),
            ("[::]:8080", "127.0.0.1:8081"),
            ("127.0.0.1:65535", "127.0.0.1:0"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("unix:/run/a", "127.0.0.1:8081"),
        ] {
            let text = format!(
                "site.url = \"https://example.org/\"\nserver.listen = \"{listen}\"\n\
                 access_log.format = \"json\"\n\
                 admin.listen = \"127.0.0.1:9180\"\nreaders.enabled = true\n\
                 websub.hubs = [\"https://hub.example/\"]\nwebsub.own_hub = true\n\
                 notify.webhook = \"https://hook.example/\"\nnotify.on_publish = [\"/bin/true\"]"
            );
            let config = Config::of(&text, Path::new("/srv")).unwrap().preview(Path::new("/tmp/x"));
            assert_eq!(config.server.listen, [Listen::Tcp(address.parse().unwrap())], "{listen}");
            assert_eq!(config.site.url.host_str(), Some("127.0.0.1"));
            assert!(config.is_preview() && !config.server.fast_path);
            assert_eq!(config.url_notice(), None, "its address is that of the preview");
            assert!(config.admin.listen.is_none() && !config.readers.enabled);
            assert_eq!(config.access_log.format, LogFormat::Off);
            assert!(config.websub.hubs.is_empty() && !config.websub.own_hub);
            assert!(!config.notify.is_on());
            assert!(
                config.state.dir.starts_with("/tmp/x") && config.feeds.dir.starts_with("/tmp/x")
            );
        }
    }
}
