//! Parsers of URLs, languages, time zones and addresses. Each `Err` is the rest of a sentence that
//! begins with the name of the key, and suggests what was meant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use oxilangtag::LanguageTag;
use url::{Host, Url};

use super::{World, hint};
use crate::base::text;

/// Maximum length, in characters, of a text that appears in every feed.
const TEXT_MAX_CHARS: usize = 1000;

/// Makes one line of a text, of characters that are allowed in a feed.
pub(super) fn one_line(value: &str) -> Result<String, String> {
    let line = text::line(value);
    let count = line.chars().count();
    if count == 0 {
        return Err("has no character that is allowed in a feed".to_owned());
    }
    if count > TEXT_MAX_CHARS {
        return Err(format!("has {count} characters, but the maximum is {TEXT_MAX_CHARS}"));
    }
    Ok(line)
}

/// Parses the public base of every URL: `http` or `https`, with nothing after its path, which ends
/// with a slash.
pub(super) fn base_url(text: &str) -> Result<Url, String> {
    let expected = "must be a URL such as \"https://example.org/\"";
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(url) if text.contains("://") => {
            return Err(format!("{expected}, http or https, not {}", url.scheme()));
        }
        // `localhost:8080` parses as a URL whose scheme is `localhost`.
        _ => match Url::parse(&format!("https://{text}")) {
            Ok(meant) if !text.contains("//") && !text.starts_with('/') => {
                return Err(format!(
                    "needs http:// or https:// in front: did you mean \"{meant}\"?"
                ));
            }
            _ => return Err(format!("{expected}, not {text:?}")),
        },
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password: it appears in every feed".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment: paths are appended to it".to_owned());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Parses a URL that dropfeed calls. The client refuses what this refuses.
pub(super) fn called_url(text: &str) -> Result<Url, String> {
    let url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        // Without the text, in which there may be a secret.
        _ => return Err("must be a URL that begins with http:// or https://".to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment".to_owned());
    }
    Ok(url)
}

/// Names of permalinks as generators call them.
const LINK_PRESETS: [(&str, &str); 5] = [
    ("jekyll", "{year}/{month}/{day}/{slug}.html"),
    ("hugo", "{path}/"),
    ("zola", "{path}/"),
    ("eleventy", "{path}/"),
    ("wordpress", "{year}/{month}/{day}/{slug}/"),
];

/// The placeholders of `site.link_template`.
const LINK_PLACEHOLDERS: [&str; 5] = ["path", "slug", "year", "month", "day"];

/// Parses `site.link_template`: a preset, or a text with placeholders.
pub(super) fn link_template(text: &str) -> Result<String, String> {
    if let Some((_, template)) = LINK_PRESETS.iter().find(|(name, _)| *name == text) {
        return Ok((*template).to_owned());
    }
    let mut is_unique = false;
    for part in text.split('{').skip(1) {
        let name = part.split_once('}').map(|(name, _)| name);
        match name {
            Some(name) if LINK_PLACEHOLDERS.contains(&name) => {
                is_unique |= matches!(name, "path" | "slug");
            }
            _ => {
                let known = LINK_PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
                return Err(format!("has an unknown placeholder in {text:?}; known are {known}"));
            }
        }
    }
    if let Ok(url) = Url::parse(text)
        && !matches!(url.scheme(), "http" | "https")
    {
        return Err(format!("must be a path or begin with https://, not {text:?}"));
    }
    if !is_unique {
        let names = LINK_PRESETS.map(|(name, _)| name).join(", ");
        return Err(format!(
            "must contain {{path}} or {{slug}}, or be one of {names}, not {text:?}"
        ));
    }
    Ok(text.to_owned())
}

/// True for a URL that works only on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Parses a BCP 47 language tag (RFC 5646), and normalises its case. Well-formed tags whose first
/// subtag has more than three letters are refused: none is registered, and `english` is one.
pub(super) fn language(text: &str) -> Result<String, String> {
    let expected = "must be a BCP 47 language tag such as \"en\", \"de\" or \"pt-BR\"";
    match LanguageTag::parse_and_normalize(text) {
        Ok(tag) if (2..=3).contains(&tag.primary_language().len()) => Ok(tag.into_inner()),
        _ => {
            let near = locale_language(text);
            let hint = did_you_mean(near.as_deref());
            Err(format!("{expected}, not {text:?}{hint}"))
        }
    }
}

/// Reads the language of a POSIX locale: `en-US` of `en_US.UTF-8`.
fn locale_language(text: &str) -> Option<String> {
    let (locale, _) = text.split_once('.').unwrap_or((text, ""));
    match LanguageTag::parse_and_normalize(&locale.replace('_', "-")) {
        Ok(tag) if (2..=3).contains(&tag.primary_language().len()) => Some(tag.into_inner()),
        _ => None,
    }
}

fn did_you_mean(value: Option<&str>) -> String {
    match value {
        Some(value) => format!(", did you mean \"{value}\"?"),
        None => String::new(),
    }
}

/// Looks up a zone of the bundled IANA database, so that every machine resolves a date alike.
pub(super) fn zone(text: &str) -> Result<TimeZone, String> {
    let database = TimeZoneDatabase::bundled();
    if let Ok(zone) = database.get(text) {
        return Ok(zone);
    }
    let names: Vec<String> = database.available().map(|name| name.as_str().to_owned()).collect();
    let city = text.to_lowercase().replace(' ', "_");
    // People often write only the city.
    let by_city = names.iter().find(|name| name.to_lowercase().rsplit('/').next() == Some(&city));
    let near = match by_city {
        Some(name) => Some(name.as_str()),
        None => hint::nearest(text, names.iter().map(String::as_str)),
    };
    let hint = did_you_mean(near);
    Err(format!(
        "must be an IANA time zone such as \"Europe/Berlin\" or \"UTC\", not {text:?}{hint}"
    ))
}

/// Parses a path; a relative one is relative to the directory of the file.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    match text {
        "~" => Err("must be a path; `~` is not expanded".to_owned()),
        _ if text.starts_with("~/") => {
            Err(format!("must be a path; `~` is not expanded: {text:?}"))
        }
        _ if text.starts_with('$') => {
            Err(format!("must be a path; variables such as `$HOME` are not expanded: {text:?}"))
        }
        _ if text.contains('\0') => Err("contains a NUL character".to_owned()),
        _ => Ok(PathBuf::from(text)),
    }
}

/// Parses an address to listen on: `IP:PORT`, `[IP]:PORT` or `NAME:PORT`. A name resolves to its
/// first IPv4 address, or to its first address if it has none: one key is one listener.
pub(super) fn address(text: &str, world: &dyn World) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Some(hint) = address_hint(text) {
        return Err(format!(
            "must be an address and a port such as \"127.0.0.1:8080\", not {text:?}{hint}"
        ));
    }
    let found = match world.addresses(text) {
        Ok(found) => found,
        Err(error) => {
            return Err(format!("names a host that cannot be resolved: {text:?} ({error})"));
        }
    };
    let first_v4 = found.iter().find(|address| address.is_ipv4());
    match first_v4.or(found.first()) {
        Some(address) => Ok(*address),
        None => Err(format!("names a host without an address: {text:?}")),
    }
}

/// Explains why a text is not `IP:PORT`; `None` if it may be `NAME:PORT`.
fn address_hint(text: &str) -> Option<String> {
    if text.starts_with("unix:") {
        return Some("; a Unix socket cannot be used here".to_owned());
    }
    let meant = if let Some((_, rest)) = text.split_once("://") {
        rest.trim_end_matches('/').to_owned()
    } else if let Some(address) = without_brackets(text) {
        address.to_string()
    } else if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        SocketAddr::new(ip, 8080).to_string()
    } else {
        match text.rsplit_once(':') {
            None if text.parse::<u16>().is_ok() => format!("127.0.0.1:{text}"),
            None => format!("{text}:8080"),
            Some(("" | "*", port)) => format!("0.0.0.0:{port}"),
            Some((host, port)) if port.parse::<u16>().is_err() => {
                return Some(format!(
                    "; the port {port:?} of {host} is not a number from 0 to 65535"
                ));
            }
            Some((host, port)) if host.contains(':') => format!("[{host}]:{port}"),
            Some((host, _)) if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                return Some(format!("; {host} is not an address"));
            }
            Some(_) => return None,
        }
    };
    Some(did_you_mean(Some(&meant)))
}

/// Reads `::1:8080` as the address and the port that are meant, although their brackets are missing
/// and it is an address itself. A port is taken for one by its length.
fn without_brackets(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let ip = match host {
        ":" => Ipv6Addr::UNSPECIFIED,
        _ => host.parse().ok()?,
    };
    if port.len() < 4 && port != "80" && port != "443" {
        return None;
    }
    Some(SocketAddr::new(IpAddr::V6(ip), port.parse().ok()?))
}

/// Returns the URL of a listener on this machine.
pub(super) fn local_url(scheme: &str, listen: SocketAddr) -> String {
    let any =
        if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    // Port 0 stays: the kernel chooses the number when the daemon binds, and the daemon puts it in.
    format!("{scheme}://{}/", SocketAddr::new(any, listen.port()))
}

#[cfg(test)]
mod tests {
    use super::super::Nowhere;
    use super::*;

    #[test]
    fn urls() {
        for (text, outcome) in [
            ("https://example.org", "https://example.org/"),
            ("http://Example.ORG:80/blog", "http://example.org/blog/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            (
                "example.org",
                "needs http:// or https:// in front: did you mean \"https://example.org/\"?",
            ),
            (
                "localhost:8080",
                "needs http:// or https:// in front: did you mean \"https://localhost:8080/\"?",
            ),
            (
                "ftp://example.org",
                "must be a URL such as \"https://example.org/\", http or https, not ftp",
            ),
            ("/blog", "must be a URL such as \"https://example.org/\", not \"/blog\""),
            (
                "https://a:b@example.org",
                "must not contain a user name or password: it appears in every feed",
            ),
            (
                "https://example.org/?a",
                "must not have a query or a fragment: paths are appended to it",
            ),
        ] {
            let got = base_url(text).map_or_else(|error| error, |url| url.to_string());
            assert_eq!(got, outcome, "{text}");
        }
    }

    #[test]
    fn languages() {
        let expected = "must be a BCP 47 language tag such as \"en\", \"de\" or \"pt-BR\", not ";
        for (text, outcome) in [
            ("en", "en".to_owned()),
            ("PT-br", "pt-BR".to_owned()),
            ("zh-hant-tw", "zh-Hant-TW".to_owned()),
            ("english", format!("{expected}\"english\"")),
            ("en_US.UTF-8", format!("{expected}\"en_US.UTF-8\", did you mean \"en-US\"?")),
            ("e", format!("{expected}\"e\"")),
        ] {
            assert_eq!(language(text).unwrap_or_else(|error| error), outcome, "{text}");
        }
    }

    #[test]
    fn zones() {
        for (text, hint) in [
            ("Berlin", "did you mean \"Europe/Berlin\"?"),
            ("new york", "did you mean \"America/New_York\"?"),
            ("Europe/Brelin", "did you mean \"Europe/Berlin\"?"),
            ("+02:00", "not \"+02:00\""),
        ] {
            let error = zone(text).unwrap_err();
            assert!(error.ends_with(hint), "{text}: {error}");
        }
        assert_eq!(zone("europe/berlin").unwrap().iana_name(), Some("Europe/Berlin"));
        assert!(zone("UTC").is_ok());
    }

    #[test]
    fn addresses() {
        let expected = "must be an address and a port such as \"127.0.0.1:8080\", not ";
        for (text, outcome) in [
            ("127.0.0.1:0", "127.0.0.1:0".to_owned()),
            ("[::1]:8080", "[::1]:8080".to_owned()),
            ("localhost:8080", "127.0.0.1:8080".to_owned()),
            ("8080", format!("{expected}\"8080\", did you mean \"127.0.0.1:8080\"?")),
            (":8080", format!("{expected}\":8080\", did you mean \"0.0.0.0:8080\"?")),
            ("127.0.0.1", format!("{expected}\"127.0.0.1\", did you mean \"127.0.0.1:8080\"?")),
            ("::", format!("{expected}\"::\", did you mean \"[::]:8080\"?")),
            ("::1", format!("{expected}\"::1\", did you mean \"[::1]:8080\"?")),
            ("::1:8081", format!("{expected}\"::1:8081\", did you mean \"[::1]:8081\"?")),
            (":::443", format!("{expected}\":::443\", did you mean \"[::]:443\"?")),
            (
                "2001:db8::1",
                format!("{expected}\"2001:db8::1\", did you mean \"[2001:db8::1]:8080\"?"),
            ),
            (
                "http://127.0.0.1:80/",
                format!("{expected}\"http://127.0.0.1:80/\", did you mean \"127.0.0.1:80\"?"),
            ),
            (
                "localhost:http",
                format!(
                    "{expected}\"localhost:http\"; the port \"http\" of localhost is not a number from 0 to 65535"
                ),
            ),
            ("300.1.1.1:80", format!("{expected}\"300.1.1.1:80\"; 300.1.1.1 is not an address")),
            (
                "unix:/run/a",
                format!("{expected}\"unix:/run/a\"; a Unix socket cannot be used here"),
            ),
        ] {
            let got =
                address(text, &Nowhere).map_or_else(|error| error, |address| address.to_string());
            assert_eq!(got, outcome, "{text}");
        }
    }

    #[test]
    fn a_listener_is_reached_at() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:9000", "http://127.0.0.1:9000/"),
            ("[::1]:80", "http://[::1]:80/"),
            ("127.0.0.1:0", "http://127.0.0.1:0/"),
        ] {
            assert_eq!(local_url("http", listen.parse().unwrap()), url);
        }
    }
}
