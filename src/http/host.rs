//! The host that a request names, as a guard against DNS rebinding.
//!
//! A page of another site can have its own name resolve to 127.0.0.1, and then reads what is served
//! here as its own. The browser still names that site in Host. So where something is for this
//! machine only, the status and a preview of drafts, only names that certainly mean this machine are
//! answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::request::Parts;

/// Checks that a request means this machine: exactly one Host, and that and the authority of an
/// absolute target are local. Ports are not compared, since a tunnel has another.
pub(super) fn is_local(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let named = host.to_str().is_ok_and(is_this_machine);
    let authority = head.uri.authority().is_none_or(|found| is_this_machine(found.as_str()));
    named && authority
}

/// Whether `host[:port]` is `localhost` or a loopback address as it is written in URLs.
fn is_this_machine(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => (Host::Literal(address), port),
            None => return false,
        },
        None => match text.find(':') {
            Some(colon) => (Host::Name(&text[..colon]), &text[colon..]),
            None => (Host::Name(text), ""),
        },
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    let address = match host {
        Host::Name(name) if name.eq_ignore_ascii_case("localhost") => return is_port,
        Host::Name(name) => name.parse::<Ipv4Addr>().map(IpAddr::V4),
        Host::Literal(text) => text.parse::<Ipv6Addr>().map(IpAddr::V6),
    };
    is_port && address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// A host without its port.
enum Host<'a> {
    /// A name or an IPv4 address.
    Name(&'a str),
    /// The text between brackets.
    Literal(&'a str),
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// A request for `target` with these Host fields.
    fn check(target: &str, hosts: &[&str]) -> bool {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        is_local(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_this_machine_is_meant() {
        for (host, is_answered) in [
            ("localhost", true),
            ("LOCALHOST:9180", true),
            ("127.0.0.1", true),
            ("127.0.0.1:9180", true),
            ("127.1.2.3:80", true),
            ("[::1]", true),
            ("[::1]:9180", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:", true),
            ("", false),
            ("evil.example", false),
            ("evil.example:9180", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("evil.localhost", false),
            ("127.0.0.1@evil.example", false),
            ("evil.example@127.0.0.1", false),
            ("192.0.2.1:9180", false),
            ("0.0.0.0:9180", false),
            ("[::]:9180", false),
            ("[2001:db8::1]", false),
            ("[::1", false),
            ("[::1]x", false),
            ("127.0.0.1:9180:1", false),
            ("127.0.0.1:x", false),
            ("127.0.0.1:999999", false),
            ("127.1", false),
            ("2130706433", false),
            ("0x7f.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(check("/", &[host]), is_answered, "{host}");
        }
    }

    #[test]
    fn there_is_one_host_and_the_target_means_the_same() {
        for (target, hosts, is_answered) in [
            ("/", &[][..], false),
            ("/", &["localhost", "localhost"], false),
            ("/", &["localhost", "evil.example"], false),
            ("http://localhost:9180/", &["localhost"], true),
            ("http://evil.example/", &["localhost"], false),
            ("http://localhost/", &["evil.example"], false),
        ] {
            assert_eq!(check(target, hosts), is_answered, "{target} {hosts:?}");
        }
    }
}
