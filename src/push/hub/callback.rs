//! The URL of a subscriber: what is refused, and what is sent to it.

use std::sync::Arc;

use url::{Url, form_urlencoded};

use super::model::{Kind, Mode, Pending, Subscription};

/// The longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 2048;

/// The URL of a subscriber, checked as far as it can be without a name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// The URL.
    pub url: Arc<str>,
    /// Its host, in lower case and without a port.
    pub host: Arc<str>,
}

/// A request to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The URL.
    pub url: String,
    /// The form that is posted; `None` for GET.
    pub form: Option<String>,
}

/// Checks a callback. `ports`: those that it may have; `None` for all.
///
/// # Errors
/// One sentence for the developer of the subscriber.
pub fn check(text: &str, ports: Option<&[u16]>) -> Result<Callback, &'static str> {
    if text.len() > URL_BYTES_MAX {
        return Err("The field hub.callback has to have at most 2048 bytes.");
    }
    if !is_url_text(text) {
        return Err("The field hub.callback has characters that a URL does not have.");
    }
    let url = Url::parse(text).map_err(|_| "The field hub.callback has to be a whole URL.")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("The callback has to be an http or https URL.");
    }
    // Read from the text, since the parser drops empty credentials.
    let Some((_, rest)) = text.split_once("://") else {
        return Err("The field hub.callback has to be a whole URL.");
    };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err("The callback must not have credentials.");
    }
    if url.fragment().is_some() {
        return Err("The callback must not have a fragment.");
    }
    let port = url.port_or_known_default();
    if ports.is_some_and(|ports| port.is_none_or(|port| !ports.contains(&port))) {
        return Err("The callback has a port that this hub does not call.");
    }
    let callback = Callback::of(&url).ok_or("The callback has no host.")?;
    // What was not encoded takes more room once it is.
    if callback.url.len() > URL_BYTES_MAX {
        return Err("The field hub.callback has to have at most 2048 bytes.");
    }
    Ok(callback)
}

impl Callback {
    /// The callback of a URL; `None` if it has no host.
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        // The root's dot names the same host (RFC 1034, 3.1).
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.split('.').any(str::is_empty) {
            return None;
        }
        Some(Self { url: Arc::from(url.as_str()), host: Arc::from(host) })
    }
}

/// Whether a text has only what a URL may have. The parser takes more: it drops white space and
/// control characters, and leaves a percent sign as it is.
pub fn is_url_text(text: &str) -> bool {
    !text.chars().any(|c| c <= ' ' || c.is_control()) && is_percent_encoded(text.as_bytes())
}

/// Whether two hexadecimal digits follow each percent sign.
pub fn is_percent_encoded(bytes: &[u8]) -> bool {
    let mut parts = bytes.split(|byte| *byte == b'%').skip(1);
    parts.all(|part| part.len() >= 2 && part[..2].iter().all(u8::is_ascii_hexdigit))
}

/// The request that verifies the intent of a subscriber (5.3), or its like in rssCloud.
pub fn verification(pending: &Pending) -> Ask {
    let request = &pending.request;
    let (topic, challenge) = (&*request.topic, &*pending.challenge);
    match request.kind {
        Kind::WebSub => {
            let lease_s = request.lease_s.to_string();
            let mut fields = vec![
                ("hub.mode", request.mode.name()),
                ("hub.topic", topic),
                ("hub.challenge", challenge),
            ];
            if request.mode == Mode::Subscribe {
                fields.push(("hub.lease_seconds", &lease_s));
            }
            Ask { url: with_query(&request.callback, &fields), form: None }
        }
        Kind::CloudOfDomain => {
            let fields = [("url", topic), ("challenge", challenge)];
            Ask { url: with_query(&request.callback, &fields), form: None }
        }
        Kind::Cloud => Ask { url: request.callback.to_string(), form: Some(cloud_note(topic)) },
    }
}

/// The URL that notifies a subscriber that its topic is gone (5.2).
pub fn denial(subscription: &Subscription) -> String {
    let fields = [
        ("hub.mode", "denied"),
        ("hub.topic", &*subscription.topic),
        ("hub.reason", "This feed is not there any more."),
    ];
    with_query(&subscription.callback, &fields)
}

/// The form that notifies a subscriber of rssCloud of a change.
pub fn cloud_note(topic: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("url", topic).finish()
}

/// The URL with more fields at the end of its query, which stays as it is.
fn with_query(url: &str, fields: &[(&str, &str)]) -> String {
    let mut text = url.to_owned();
    match text.find('?') {
        None => text.push('?'),
        Some(at) if at + 1 == text.len() || text.ends_with('&') => {}
        Some(_) => text.push('&'),
    }
    let start = text.len();
    let mut query = form_urlencoded::Serializer::for_suffix(text, start);
    for (name, value) in fields {
        query.append_pair(name, value);
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_callback_stays() {
        for (callback, start) in [
            ("https://a.example/c", "https://a.example/c?hub.mode=denied&"),
            ("https://a.example/c?", "https://a.example/c?hub.mode=denied&"),
            (
                "https://a.example/c?b=%7e&hub.mode=x",
                "https://a.example/c?b=%7e&hub.mode=x&hub.mode=denied&",
            ),
            ("https://a.example/c?b&", "https://a.example/c?b&hub.mode=denied&"),
        ] {
            let query = with_query(
                callback,
                &[("hub.mode", "denied"), ("hub.topic", "https://o/?a=b c&d")],
            );
            assert_eq!(query, format!("{start}hub.topic=https%3A%2F%2Fo%2F%3Fa%3Db+c%26d"));
        }
    }

    #[test]
    fn hosts_have_one_spelling() {
        for text in [
            "https://Reader.EXAMPLE/",
            "http://reader.example.:443/x?y",
            "https://reader.example:443",
        ] {
            let callback = check(text, Some(&[80, 443])).unwrap();
            assert_eq!(&*callback.host, "reader.example", "{text}");
        }
        assert_eq!(&*check("http://0x7f.1/", None).unwrap().host, "127.0.0.1");
        assert_eq!(&*check("http://[::1]:8080/", None).unwrap().host, "[::1]");
    }

    #[test]
    fn what_the_parser_would_put_right_is_refused() {
        for (text, word) in [
            ("http://a.example/%zz", "characters"),
            ("http://a.example/b%", "characters"),
            ("http://a.example/b%4", "characters"),
            ("http://a.example/b c", "characters"),
            ("http://a.example/b\r\nX: y", "characters"),
            (" http://a.example/", "characters"),
            ("http://a.example/\0", "characters"),
            ("http://a.example/\u{85}", "characters"),
            ("http:a.example/", "whole URL"),
            ("http:/a.example/", "whole URL"),
            ("http://@a.example/", "credentials"),
            ("http://:@a.example/", "credentials"),
            ("http:///me@a.example/", "credentials"),
            ("http://../", "no host"),
            ("http://a..example/", "no host"),
            ("http://a.example../", "no host"),
        ] {
            let mistake = check(text, None).unwrap_err();
            assert!(mistake.contains(word), "{text:?}: {mistake}");
        }
        let text = "http://a.example/%C3%BC/me@b?c=%2F@";
        assert_eq!(&*check(text, Some(&[80])).unwrap().url, text);
    }
}
