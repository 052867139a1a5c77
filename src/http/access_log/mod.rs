//! The access log: a line for each exchange, in the combined format or as JSON.
//!
//! Never waits: lines are passed to a [`Lines`], whose thread writes them. A line is always one
//! line, whatever a client sends.

mod combined;
mod json;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::exchange::{Exchange, Observer};
use crate::base::Timestamp;
use crate::config::{AccessLog, LogFormat};
use crate::ops::line_log::Lines;

/// The memory that a thread keeps for its next line, in bytes.
const LINE_BYTES_KEPT: usize = 4096;

/// Writes exchanges to a log.
#[derive(Debug)]
pub struct AccessLogger {
    lines: Lines,
    format: LogFormat,
    anonymize: bool,
}

/// The line that a thread is making, and the time of the last one as text, which is the same for
/// many lines.
#[derive(Default)]
struct Scratch {
    line: Vec<u8>,
    second: Option<i64>,
    time: String,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl AccessLogger {
    /// A logger to `lines`.
    pub fn new(config: &AccessLog, lines: Lines) -> Self {
        Self { lines, format: config.format, anonymize: config.anonymize }
    }
}

impl Observer for AccessLogger {
    fn finished(&self, exchange: &Exchange<'_>) {
        let reader = match exchange.reader {
            Some(address) if self.anonymize => Some(anonymous(address)),
            reader => reader,
        };
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch { line, second, time } = scratch;
            line.clear();
            if *second != Some(exchange.begun.as_second()) {
                *second = Some(exchange.begun.as_second());
                *time = text_of(exchange.begun, self.format);
            }
            match self.format {
                LogFormat::Off => return,
                LogFormat::Combined => combined::write(line, exchange, reader, time),
                LogFormat::Json => json::write(line, exchange, reader, time),
            }
            self.lines.add(line);
            line.shrink_to(LINE_BYTES_KEPT);
        });
    }
}

/// The time as a format has it, always in UTC. That of JSON has no fraction and no zone yet.
fn text_of(time: Timestamp, format: LogFormat) -> String {
    let form = match format {
        LogFormat::Json => "%Y-%m-%dT%H:%M:%S",
        LogFormat::Combined | LogFormat::Off => "%d/%b/%Y:%H:%M:%S +0000",
    };
    time.strftime(form).to_string()
}

/// An address without the part that names a reader: IPv4 without its last 8 bits, IPv6 without its
/// last 80, as web analytics commonly does.
fn anonymous(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::{HeaderValue, REFERER, USER_AGENT};
    use http::request::Parts;
    use http::{Method, StatusCode, Uri};
    use proptest::prelude::*;

    use super::super::exchange::Request;
    use super::*;
    use crate::publish::Coding;

    /// The head of a request with these fields.
    pub(super) fn head(method: &str, target: &str, agent: &[u8], referer: &[u8]) -> Parts {
        let request = http::Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(target.parse::<Uri>().unwrap());
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        for (name, bytes) in [(USER_AGENT, agent), (REFERER, referer)] {
            // hyper refuses values that a header field cannot have.
            if let Ok(value) = HeaderValue::from_bytes(bytes)
                && !bytes.is_empty()
            {
                head.headers.insert(name, value);
            }
        }
        head
    }

    /// An exchange of that request, at a fixed time.
    pub(super) fn exchange(request: Request<'_>) -> Exchange<'_> {
        Exchange {
            reader: Some("192.0.2.77".parse().unwrap()),
            request,
            begun: "2026-11-29T07:46:43.25Z".parse().unwrap(),
            took: Duration::from_micros(1250),
            status: StatusCode::OK,
            content_type: None,
            coding: Coding::Gzip,
            body_bytes: 1234,
            is_whole: true,
            route: None,
        }
    }

    /// The line of an exchange.
    pub(super) fn line(exchange: &Exchange<'_>, format: LogFormat) -> Vec<u8> {
        let (mut line, time) = (Vec::new(), text_of(exchange.begun, format));
        match format {
            LogFormat::Json => json::write(&mut line, exchange, exchange.reader, &time),
            _ => combined::write(&mut line, exchange, exchange.reader, &time),
        }
        line
    }

    #[test]
    fn addresses_lose_what_names_a_reader() {
        for (address, expected) in [
            ("192.0.2.77", "192.0.2.0"),
            ("::ffff:192.0.2.77", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::1", "::"),
        ] {
            assert_eq!(anonymous(address.parse().unwrap()).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_line_that_parses_back(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            refused in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let head = head("GET", "/a?b", &bytes, &bytes);
            let kept = head.headers.get(USER_AGENT).map(|value| value.as_bytes().to_vec());
            for request in [Request::Read(&head), Request::Refused(&refused)] {
                let exchange = exchange(request);
                for format in [LogFormat::Combined, LogFormat::Json] {
                    let line = line(&exchange, format);
                    let text = std::str::from_utf8(&line).unwrap();
                    prop_assert!(text.ends_with('\n'));
                    prop_assert!(!text.trim_end_matches('\n').contains(char::is_control));
                    prop_assert_eq!(text.matches('\n').count(), 1);
                }
            }
            let exchange = exchange(Request::Read(&head));
            let combined = line(&exchange, LogFormat::Combined);
            prop_assert_eq!(combined::tests::fields(&combined).1, kept.clone().unwrap_or(b"-".to_vec()));
            let json: serde_json::Value =
                serde_json::from_slice(&line(&exchange, LogFormat::Json)).unwrap();
            prop_assert_eq!(json["user_agent"].as_str().map(str::to_owned), kept.map(|bytes| json::tests::text(&bytes)));
        }
    }
}
