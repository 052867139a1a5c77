//! The parts of an HTTP/1.1 request that come from its URL.

use url::Url;

/// The target of a request in origin form: the path and the query (RFC 9112, 3.2.1).
pub fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The value of `Host`: without a port that is the default of the scheme (RFC 9110, 7.2).
pub fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_hosts() {
        for (url, expected) in [
            ("https://e.org", ("/", "e.org")),
            ("https://e.org:443/a?b=c#d", ("/a?b=c", "e.org")),
            ("http://e.org:8080/a%20b?", ("/a%20b?", "e.org:8080")),
            ("http://[::1]:81/", ("/", "[::1]:81")),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!((target(&url).as_str(), host(&url).as_str()), expected, "{url}");
        }
    }
}
