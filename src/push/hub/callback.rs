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
    let url = Url::parse(text).map_err(|_| "The field hub.callback has to be a whole URL.")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("The callback has to be an http or https URL.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("The callback must not have credentials.");
    }
    if url.fragment().is_some() {
        return Err("The callback must not have a fragment.");
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("The callback has no host.");
    };
    if ports.is_some_and(|ports| !ports.contains(&port)) {
        return Err("The callback has a port that this hub does not call.");
    }
    // The root's dot names the same host (RFC 1034, 3.1).
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        return Err("The callback has no host.");
    }
    let url = url.as_str();
    // What was not encoded takes more room once it is.
    if url.len() > URL_BYTES_MAX {
        return Err("The field hub.callback has to have at most 2048 bytes.");
    }
    Ok(Callback { url: Arc::from(url), host: Arc::from(host) })
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

/// The URL that tells a subscriber that its topic is there no more (5.2).
pub fn denial(subscription: &Subscription) -> String {
    let fields = [
        ("hub.mode", "denied"),
        ("hub.topic", &*subscription.topic),
        ("hub.reason", "This feed is not there any more."),
    ];
    with_query(&subscription.callback, &fields)
}

/// The form that tells a subscriber of rssCloud of a change.
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
}
