//! What is on the wire: framing, pipelining, bad requests.

use std::time::Duration;

use super::rig::{request, rig};

/// A request with these lines of fields and an empty body in chunks.
fn coded(fields: &str) -> String {
    format!("GET /rss.xml HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n0\r\n\r\n")
}

/// A connection that was idle for so long that it has given up its buffers.
#[test]
fn an_idle_connection_goes_on() {
    let rig = rig();
    let mut client = rig.connect();
    for (asked, status) in [("GET /warm", 200), ("GET /rss.xml", 200), ("GET /nothing", 404)] {
        client.send(&request(asked));
        assert_eq!(client.answer(false).status, status, "{asked}");
        client.rests(Duration::from_millis(400));
    }
    // With the beginning of the next request, which is not lost.
    let text = request("GET /warm") + &request("HEAD /nothing");
    let (whole, rest) = text.split_at(text.len() - 5);
    client.send(whole);
    assert_eq!(client.answer(false).status, 200);
    client.rests(Duration::from_millis(400));
    client.send(rest);
    assert_eq!(client.answer(true).status, 404);
}

/// Whole requests as they are sent, and the status of the one answer; after 4xx the connection
/// ends.
#[test]
pub(super) fn bad_requests() {
    let rig = rig();
    let many = (0..65).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    let most = (0..63).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    let large = "x".repeat(17 * 1024);
    let long = "x".repeat(9 * 1024);
    let huge = "x".repeat(1024 * 1024);
    for (text, status) in [
        ("GET /rss.xml HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 200),
        ("GET /rss.xml HTTP/1.1\nHost: h\n\n".into(), 200),
        ("\r\nGET /rss.xml HTTP/1.1\r\nHost: h\r\n\r\n".into(), 200),
        ("GET /rss.xml HTTP/1.1\r\nHOST:h:80\r\n\r\n".into(), 200),
        ("GET /rss.xml HTTP/1.1\r\nHost: [::1]:80\r\n\r\n".into(), 200),
        ("GET /rss.xml HTTP/1.0\r\n\r\n".into(), 200),
        ("GET /rss.xml HTTP/1.1\r\n\r\n".into(), 400),
        ("GET /rss.xml HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".into(), 400),
        ("GET /rss.xml HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
        ("GET /rss.xml HTTP/1.1\r\nHost: a b\r\n\r\n".into(), 400),
        ("GET /rss.xml HTTP/1.1\r\nHost: a/b\r\n\r\n".into(), 400),
        ("GET /rss.xml HTTP/1.1\r\nHost:\r\n\r\n".into(), 400),
        ("GET http://u@h/rss.xml HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400),
        ("GET rss.xml HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400),
        ("GET /rss.xml\r\n\r\n".into(), 400),
        ("GET /rss.xml HTTP/3.0\r\nHost: h\r\n\r\n".into(), 400),
        ("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nx: a\0b\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nsp ace: 1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nx : 1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nx: 1\r\n folded\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH: 5\r\n\r\n0\r\n\r\n".into(), 400),
        (coded("Transfer-Encoding: chunked"), 200),
        (coded("transfer-encoding:  CHUNKED "), 200),
        (coded("Transfer-Encoding: chunked, chunked"), 400),
        (coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400),
        (coded("Transfer-Encoding: gzip, chunked"), 400),
        (coded("Transfer-Encoding: identity, chunked"), 400),
        (coded("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), 400),
        (coded("Transfer-Encoding: chunked, identity"), 400),
        (coded("Transfer-Encoding: chunked;q=1"), 400),
        (coded("Transfer-Encoding: \"chunked\""), 400),
        (coded("Transfer-Encoding: , chunked"), 400),
        (coded("Transfer-Encoding: xchunked"), 400),
        (coded("Transfer-Encoding: \u{b}chunked"), 400),
        (coded("Transfer-Encoding:"), 400),
        (coded("Transfer-Encoding: chunked").replace("HTTP/1.1", "HTTP/1.0"), 400),
        (format!("GET /rss.xml HTTP/1.1\r\nHost: h\r\n{most}\r\n"), 200),
        (format!("GET /rss.xml HTTP/1.1\r\nHost: h\r\n{many}\r\n"), 431),
        (format!("GET /rss.xml HTTP/1.1\r\nHost: h\r\nx: {large}\r\n\r\n"), 431),
        (format!("GET /rss.xml HTTP/1.1\r\nHost: h\r\nx: {huge}\r\n\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 414),
        (format!("GET /{large} HTTP/1.1\r\nHost: h\r\n\r\n"), 414),
        (format!("GET /{huge} HTTP/1.1\r\nHost: h\r\n\r\n"), 431),
    ] {
        let shown = &text[..text.len().min(90)];
        let mut client = rig.connect();
        client.send(&text);
        let answer = client.answer(false);
        assert_eq!(answer.status, status, "{shown:?}");
        if status != 200 {
            client.ends();
        }
    }
}

#[test]
pub(super) fn pieces_of_any_size() {
    let rig = rig();
    let mut client = rig.connect();
    for byte in request("GET /feed.json\nAccept-Encoding: gzip").chars() {
        client.send(&byte.to_string());
    }
    assert_eq!(client.answer(false).body, b"{}");
    let two = request("GET /feed.json").repeat(2);
    let (first, second) = two.split_at(two.len() * 3 / 4);
    client.send(first);
    assert_eq!(client.answer(false).body, b"{}");
    client.send(second);
    assert_eq!(client.answer(false).body, b"{}");
}

#[test]
pub(super) fn pipelining_keeps_the_order() {
    let rig = rig();
    let mut client = rig.connect();
    let paths = [
        "/feed.json",
        "/warm",
        "/nothing",
        "/rss.xml",
        "/img/cat.png",
        "/old",
        "/news/",
        "/feed.json",
    ];
    let all: String =
        paths.iter().map(|path| request(&format!("GET {path}\nAccept-Encoding: br"))).collect();
    client.send(&all);
    let statuses: Vec<u16> = paths.iter().map(|_| client.answer(false).status).collect();
    assert_eq!(statuses, [200, 200, 404, 200, 200, 301, 200, 200]);
    assert_eq!(rig.metrics.counts().accepted, 1);
    assert_eq!(rig.metrics.counts().requests, 8);
}

#[test]
pub(super) fn connections_are_kept_as_asked() {
    let rig = rig();
    for (version, field, kept) in [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: keep-alive\r\n", true),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", true),
    ] {
        let mut client = rig.connect();
        let text = format!("GET /feed.json {version}\r\nHost: h\r\n{field}\r\n");
        client.send(&text);
        let answer = client.answer(false);
        assert_eq!(answer.body, b"{}");
        if kept {
            client.send(&text);
            assert_eq!(client.answer(false).body, b"{}", "{version} {field}");
            if version == "HTTP/1.0" {
                assert_eq!(answer.field("connection"), Some("keep-alive"));
            }
        } else {
            client.ends();
        }
    }
}

#[test]
pub(super) fn offers_to_upgrade_are_declined() {
    let rig = rig();
    let mut client = rig.connect();
    let offer = request(
        "GET /feed.json\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMA",
    );
    for _ in 0..2 {
        client.send(&offer);
        assert_eq!(client.answer(false).body, b"{}");
    }
    // HTTP/2 without asking: there is no answer that such a client would understand.
    let mut client = rig.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.rest();
}

#[test]
pub(super) fn a_closed_side_still_gets_its_answer() {
    let rig = rig();
    for path in ["/rss.xml", "/warm", "/img/cat.png"] {
        let mut client = rig.connect();
        client.send(&request(&format!("GET {path}")));
        client.close_writing();
        assert_eq!(client.answer(false).status, 200, "{path}");
        client.ends();
    }
}

#[test]
pub(super) fn a_body_is_never_taken_for_a_request() {
    let rig = rig();
    let inner = request("GET /nothing");
    let sized = format!("GET /feed.json\nContent-Length: {}", inner.len());
    for short in [sized.clone(), sized.replace("GET", "POST")] {
        let mut client = rig.connect();
        client.send(&(request(&short) + &inner + &request("GET /warm")));
        assert!([200, 405].contains(&client.answer(false).status));
        assert_eq!(client.answer(false).body, b"<!doctype html><p>/warm");
    }
    let mut client = rig.connect();
    let chunked = format!(
        "{}{:x}\r\n{inner}\r\n0\r\n\r\n",
        request("GET /feed.json\nTransfer-Encoding: chunked"),
        inner.len()
    );
    client.send(&chunked);
    assert_eq!(client.answer(false).status, 200);
    client.send(&request("GET /warm"));
    assert_eq!(client.answer(false).body, b"<!doctype html><p>/warm");
}

#[test]
pub(super) fn a_body_too_large_to_read_closes() {
    let rig = rig();
    let mut client = rig.connect();
    client.send(&request("POST /feed.json\nContent-Length: 300000"));
    client.send(&"x".repeat(300_000));
    let answer = client.answer(false);
    answer.check("POST", "405 | connection: close");
    client.ends();
}

#[test]
pub(super) fn expectations() {
    let rig = rig();
    let mut client = rig.connect();
    client.send(&request("POST /feed.json\nContent-Length: 5\nExpect: 100-continue"));
    client.answer(false).check("with a body", "405 | connection: close");
    client.ends();
    let mut client = rig.connect();
    client.send(&request("GET /feed.json\nExpect: 100-continue"));
    assert_eq!(client.answer(false).status, 200);
    client.send(&request("GET /feed.json"));
    assert_eq!(client.answer(false).status, 200);
}

#[test]
pub(super) fn noise_ends_without_a_panic() {
    let rig = rig();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        let mut bytes =
            request("GET /rss.xml\nIf-None-Match: \"x\"\nAccept-Encoding: gzip").into_bytes();
        for _ in 0..=round % 5 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = usize::try_from(seed >> 33).unwrap() % bytes.len();
            bytes[place] = seed.to_le_bytes()[3];
        }
        let mut client = rig.connect();
        // It may have closed before all is sent, which is its right.
        let _ = std::io::Write::write_all(&mut client.stream, &bytes);
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        client.rest();
    }
    assert_eq!(rig.ask("GET /rss.xml").status, 200);
}
