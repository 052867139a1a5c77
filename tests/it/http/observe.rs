//! What an observer is given of each exchange.

use std::sync::{Arc, Mutex};

use dropfeed::testing::http::{Exchange, Observer, Request};

use super::rig::{BIG_BYTES, CAT_BYTES, PATIENCE, Rig, limits, observed, request, wait_for};

/// Keeps each exchange as a line.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Observer for Lines {
    fn finished(&self, exchange: &Exchange<'_>) {
        assert!(exchange.took < PATIENCE);
        assert!(exchange.reader.is_some_and(|address| address.is_loopback()));
        let asked = match exchange.request {
            Request::Read(head) => format!("{} {} {:?}", head.method, head.uri, head.version),
            Request::Plain(plain) => format!("{} {} HTTP/1.1", plain.method(), plain.path()),
            Request::Refused(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        };
        let text = |field: Option<&[u8]>| match field {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => "-".to_owned(),
        };
        let line = format!(
            "{asked} | {} {} {} {} | {} {} | {} {} {}",
            exchange.status.as_u16(),
            exchange.coding.name(),
            exchange.body_bytes,
            if exchange.is_whole { "whole" } else { "broken" },
            exchange.route.map_or("-".to_owned(), |route| route.to_string()),
            if exchange.feed().is_some() { "feed" } else { "-" },
            text(exchange.user_agent()),
            text(exchange.referer()),
            if exchange.is_conditional() { "conditional" } else { "-" },
        );
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    /// Waits until there are `count` lines, and takes them.
    fn take(&self, count: usize) -> Vec<String> {
        wait_for("the exchange is reported", || self.0.lock().unwrap().len() >= count);
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn rig() -> (Rig, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    (observed(limits(), vec![Arc::clone(&lines) as _]), lines)
}

#[test]
fn each_exchange_is_reported_once_with_what_was_sent() {
    let (rig, lines) = rig();
    let whole = rig.ask("GET /rss.xml").body.len();
    let gzip = rig.ask("GET /rss.xml\nAccept-Encoding: gzip");
    let etag = gzip.field("etag").unwrap().to_owned();
    lines.take(2);
    let page = rig.ask("GET /atom.xml\nSec-Fetch-Dest: document\nAccept: text/html").body.len();
    lines.take(1);
    for (short, expected) in [
        (
            "GET /rss.xml?a=b\nUser-Agent: Reader/1.0",
            format!(
                "GET /rss.xml?a=b HTTP/1.1 | 200 identity {whole} whole | /rss.xml feed | Reader/1.0 - -"
            ),
        ),
        (
            "GET /rss.xml\nAccept-Encoding: gzip\nReferer: http://a/",
            format!(
                "GET /rss.xml HTTP/1.1 | 200 gzip {} whole | /rss.xml feed | - http://a/ -",
                gzip.body.len()
            ),
        ),
        (
            "HEAD /rss.xml",
            "HEAD /rss.xml HTTP/1.1 | 200 identity 0 whole | /rss.xml feed | - - -".to_owned(),
        ),
        (
            &format!("GET /rss.xml\nIf-None-Match: {etag}"),
            "GET /rss.xml HTTP/1.1 | 304 identity 0 whole | /rss.xml feed | - - conditional"
                .to_owned(),
        ),
        (
            "GET /atom.xml\nSec-Fetch-Dest: document\nAccept: text/html",
            format!("GET /atom.xml HTTP/1.1 | 200 identity {page} whole | /atom.xml - | - - -"),
        ),
        (
            "GET /img/cat.png",
            format!(
                "GET /img/cat.png HTTP/1.1 | 200 identity {CAT_BYTES} whole | /img/cat.png - | - - -"
            ),
        ),
        (
            "GET /img/cat.png\nRange: bytes=0-9",
            "GET /img/cat.png HTTP/1.1 | 206 identity 10 whole | /img/cat.png - | - - -".to_owned(),
        ),
        (
            "GET /-/healthy",
            "GET /-/healthy HTTP/1.1 | 200 identity 8 whole | /-/healthy - | - - -".to_owned(),
        ),
    ] {
        rig.ask(short);
        assert_eq!(lines.take(1), [expected], "{short}");
    }
}

#[test]
fn refusals_and_broken_answers_are_reported() {
    let (rig, lines) = rig();
    for (sent, expected) in [
        (request("POST /"), "POST / HTTP/1.1 | 405"),
        (request("GET /nothing/here"), "GET /nothing/here HTTP/1.1 | 404"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "GET / HTTP/1.1 | 400"),
        (request(&format!("GET /\nX: {}", "a".repeat(17_000))), "GET / HTTP/1.1 | 431"),
        (request(&format!("GET /\n{}", "X: a\n".repeat(70))), "\"GET / HTTP/1.1\\r\\nHost"),
        (
            "\x16\x03\x01 hello\r\n\r\n".to_owned(),
            "\"\\u{16}\\u{3}\\u{1} hello\\r\\n\\r\\n\" | 400",
        ),
        (request("GET /\nTransfer-Encoding: chunked\nContent-Length: 3"), "GET / HTTP/1.1 | 400"),
    ] {
        let mut client = rig.connect();
        client.send(&sent);
        client.head();
        let found = lines.take(1);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    }
    let mut client = rig.connect();
    client.send(&request("GET /big.mp4"));
    client.head();
    drop(client);
    let line = lines.take(1).remove(0);
    let (_, counted) = line.split_once("200 identity ").unwrap();
    let (bytes, rest) = counted.split_once(' ').unwrap();
    assert!(bytes.parse::<u64>().unwrap() < BIG_BYTES && rest.starts_with("broken"), "{line}");
}
