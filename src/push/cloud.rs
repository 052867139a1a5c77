//! rssCloud: reads what a subscriber asks at `/rsscloud/pleaseNotify`, and writes the answer
//! (<http://scripting.com/opmlHowto/dave/rssCloud/walkthrough.html>). Only its REST form:
//! `http-post`, and `https-post`, which others added.
//!
//! A subscriber that names no domain is notified at the address from which it asked; one that names
//! a domain has to repeat a challenge there. Everything else is the hub's.

use std::net::IpAddr;

use super::hub::Kind;
use super::hub::callback::{self, Callback, URL_BYTES_MAX};
use super::hub::form;

/// The time of a registration, in seconds: 25 hours, so that a subscriber may renew it once a day.
pub const LEASE_S: u32 = 25 * 3600;

/// The most feeds of one request.
pub const TOPICS_MAX: usize = 16;

/// A request that was understood. Its topics are not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The way in which it is confirmed.
    pub kind: Kind,
    /// The URL at which the subscriber is notified.
    pub callback: Callback,
    /// The URLs of the feeds; at least one.
    pub topics: Vec<String>,
}

/// The fields as they were sent.
#[derive(Default)]
struct Fields {
    domain: Option<String>,
    port: Option<String>,
    path: Option<String>,
    protocol: Option<String>,
    topics: Vec<String>,
}

/// Reads a form of a client at an address. `ports`: those that a callback may have; `None` for all.
///
/// # Errors
/// One sentence for the developer of the subscriber.
pub fn parse(
    body: &[u8],
    client: Option<IpAddr>,
    ports: Option<&[u16]>,
) -> Result<Registration, &'static str> {
    let fields = fields(body)?;
    let scheme = match fields.protocol.as_deref() {
        Some("http-post") => "http",
        Some("https-post") => "https",
        Some(_) => return Err("The protocol has to be http-post or https-post."),
        None => return Err("The field protocol is missing."),
    };
    let port: u16 = match fields.port.as_deref().map(str::parse) {
        Some(Ok(port)) => port,
        Some(Err(_)) => return Err("The field port has to be a number of a port."),
        None => return Err("The field port is missing."),
    };
    let path = fields.path.ok_or("The field path is missing.")?;
    // Without a slash, the path is the same.
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (kind, host) = match (fields.domain, client) {
        (Some(domain), _) if !domain.is_empty() => {
            let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
            if !domain.chars().all(is_host) {
                return Err("The field domain has to be a name of a host.");
            }
            (Kind::CloudOfDomain, domain)
        }
        (_, Some(IpAddr::V6(address))) => (Kind::Cloud, format!("[{address}]")),
        (_, Some(IpAddr::V4(address))) => (Kind::Cloud, address.to_string()),
        (_, None) => return Err("The field domain is missing."),
    };
    let callback = callback::check(&format!("{scheme}://{host}:{port}/{path}"), ports)?;
    if fields.topics.is_empty() {
        return Err("The field url1 is missing.");
    }
    Ok(Registration { kind, callback, topics: fields.topics })
}

fn fields(body: &[u8]) -> Result<Fields, &'static str> {
    let mut fields = Fields::default();
    for (name, value) in form::pairs(body)? {
        let field = match &*name {
            "domain" => &mut fields.domain,
            "port" => &mut fields.port,
            "path" => &mut fields.path,
            "protocol" => &mut fields.protocol,
            name if is_topic(name) => {
                if value.len() > URL_BYTES_MAX || fields.topics.len() >= TOPICS_MAX {
                    return Err("There may be 16 feeds, each with a URL of at most 2048 bytes.");
                }
                fields.topics.push(value.into_owned());
                continue;
            }
            _ => continue,
        };
        form::set(field, value, "A field occurs twice.")?;
    }
    Ok(fields)
}

/// `url1`, `url2` and so on.
fn is_topic(name: &str) -> bool {
    let digits = name.strip_prefix("url").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The answer to a request. `message` is one sentence without markup.
pub fn answer(success: bool, message: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<notifyResult success=\"{success}\" msg=\"{message}\"/>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "notifyProcedure=&port=80&path=/RPC2&protocol=http-post&url1=http://o/rss.xml";

    fn parsed(form: &str) -> Result<Registration, &'static str> {
        parse(form.as_bytes(), Some("192.0.2.1".parse().unwrap()), Some(&[80, 443]))
    }

    #[test]
    fn forms() {
        let registration = parsed(GOOD).unwrap();
        assert_eq!(registration.kind, Kind::Cloud);
        assert_eq!(&*registration.callback.url, "http://192.0.2.1/RPC2");
        assert_eq!(registration.topics, ["http://o/rss.xml"]);
        let form =
            GOOD.replace("port=80&path=/RPC2", "port=443&path=a?b=c&domain=reader.example&url2=x");
        let registration = parsed(&form.replace("http-post", "https-post")).unwrap();
        assert_eq!(registration.kind, Kind::CloudOfDomain);
        assert_eq!(&*registration.callback.url, "https://reader.example/a?b=c");
        assert_eq!(registration.topics, ["x", "http://o/rss.xml"]);
        for (from, to) in [
            ("port=80", "port=22"),
            ("port=80", "port=x"),
            ("port=80", ""),
            ("port=80", "port=80&port=80"),
            ("path=", "pfad="),
            ("http-post", "xml-rpc"),
            ("url1", "url"),
            ("url1", "url1=a&domain=a/b&url2"),
            ("url1", "url1=a&domain=me@host&url2"),
            ("/RPC2", "/RPC2%23part"),
            ("/RPC2", "/RPC2%"),
            ("/RPC2", "/RPC2%25zz"),
            ("/RPC2", &"a".repeat(4096)),
            ("url1=", &"url1=a&".repeat(17)),
        ] {
            let form = GOOD.replacen(from, to, 1);
            assert!(parsed(&form).is_err(), "{form}");
        }
        assert!(parse(GOOD.as_bytes(), None, None).is_err());
    }
}
