//! Readers behind trusted proxies: who they are, and how they are counted.

use dropfeed::testing::config::{Server, TrustedProxies};

use super::rig::{Client, Rig, limited, limits, request, wait_for};

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A server that trusts these peers, and has one place for each reader.
fn behind(networks: &[&str], proxy_protocol: bool) -> Rig {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    let trusted_proxies = TrustedProxies { networks, unix: false };
    limited(Server { trusted_proxies, proxy_protocol, ..limits() })
}

/// Sends a request that is in progress until the renderer opens.
fn begin(rig: &Rig, fields: &str) -> Client {
    let requests = rig.metrics.counts().requests;
    let mut client = rig.connect();
    client.send(&request(&format!("GET /slow\n{fields}")));
    // The other answers of this test are counted when they are refused.
    wait_for("it is taken", || {
        rig.renderer.rendered.load(std::sync::atomic::Ordering::SeqCst) > 0
            || rig.metrics.counts().requests > requests
    });
    client
}

#[test]
fn requests_are_counted_for_each_reader() {
    let rig = behind(&["127.0.0.0/8", "10.0.0.0/8"], false);
    let mut slow = begin(&rig, "X-Forwarded-For: 192.0.2.1");
    for (fields, status) in [
        // The same reader, whatever it invents.
        ("X-Forwarded-For: 192.0.2.1", 429),
        ("X-Forwarded-For: 198.51.100.7, 192.0.2.1", 429),
        ("X-Forwarded-For: 198.51.100.7\nX-Forwarded-For: 192.0.2.1, 10.0.0.1", 429),
        ("X-Forwarded-For: 192.0.2.1\nForwarded: for=198.51.100.7", 429),
        ("Forwarded: for=\"192.0.2.1:4711\"", 429),
        ("X-Forwarded-For: ::ffff:192.0.2.1", 429),
        // Others.
        ("X-Forwarded-For: 192.0.2.1, 198.51.100.7", 200),
        ("X-Forwarded-For: 2001:db8::1", 200),
        // The proxy itself, for as many as it likes.
        ("", 200),
        ("X-Forwarded-For: unknown", 200),
        ("X-Forwarded-For: 10.0.0.1", 200),
    ] {
        let answer = rig.ask(&format!("GET /feed.json\n{fields}"));
        assert_eq!(answer.status, status, "{fields}");
        if status == 429 {
            assert_eq!(answer.field("retry-after"), Some("5"));
        }
    }
    assert_eq!(rig.metrics.counts().rejected, 6);
    rig.renderer.open();
    assert_eq!(slow.answer(false).status, 200);
    wait_for("its place is free", || {
        rig.ask("GET /feed.json\nX-Forwarded-For: 192.0.2.1").status == 200
    });
}

/// Nobody else is believed.
#[test]
fn a_peer_that_is_not_trusted_speaks_for_itself() {
    for trusted in [&[][..], &["10.0.0.0/8"]] {
        let rig = behind(trusted, false);
        let mut slow = begin(&rig, "X-Forwarded-For: 192.0.2.1");
        let fields = "X-Forwarded-For: 192.0.2.1\nForwarded: for=192.0.2.1";
        assert_eq!(rig.ask(&format!("GET /feed.json\n{fields}")).status, 200);
        rig.renderer.open();
        assert_eq!(slow.answer(false).status, 200);
    }
}

/// A connection that begins with these bytes.
fn after(rig: &Rig, header: &[u8]) -> Client {
    let mut client = Client::connect(rig.address);
    std::io::Write::write_all(&mut client.stream, header).unwrap();
    client
}

fn v2_from(address: [u8; 4]) -> Vec<u8> {
    let mut header = V2.to_vec();
    header.extend([0x21, 0x11, 0, 12]);
    header.extend(address);
    header.extend([10, 0, 0, 1, 0, 1, 0, 80]);
    header
}

#[test]
fn connections_begin_with_a_header() {
    let rig = behind(&["127.0.0.1/32"], true);
    let local = [V2, &[0x20, 0, 0, 0]].concat();
    for header in [
        &b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"[..],
        b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n",
        b"PROXY UNKNOWN\r\n",
        &v2_from([192, 0, 2, 1]),
        &local,
    ] {
        let mut client = after(&rig, header);
        for _ in 0..2 {
            client.send(&request("GET /feed.json"));
            assert_eq!(client.answer(false).status, 200);
        }
        drop(client);
        wait_for("its place is free", || rig.metrics.counts().open == 0);
        // The same in pieces, and with the request in the last of them.
        let mut client = after(&rig, b"");
        for byte in header {
            std::io::Write::write_all(&mut client.stream, &[*byte]).unwrap();
        }
        client.send(&request("GET /feed.json"));
        assert_eq!(client.answer(false).status, 200);
        drop(client);
        wait_for("its place is free", || rig.metrics.counts().open == 0);
    }
    for header in [
        request("GET /feed.json").as_bytes(),
        b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n\n",
        b"PROXY TCP4 192.0.2.999 10.0.0.1 4711 80\r\n",
        &[V2, &[0x31, 0x11, 0, 0]].concat(),
        &[V2, &[0x21, 0x11, 0xff, 0xff]].concat(),
    ] {
        let mut client = after(&rig, header);
        client.ends();
    }
    assert_eq!(rig.metrics.counts().rejected, 0);
}

#[test]
fn the_header_names_the_reader_whose_connection_it_is() {
    let rig = behind(&["127.0.0.1/32"], true);
    let mut first = after(&rig, &v2_from([192, 0, 2, 1]));
    first.send(&request("GET /feed.json"));
    assert_eq!(first.answer(false).status, 200);
    // It has one place.
    after(&rig, b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n").ends();
    assert_eq!(rig.metrics.counts().rejected, 1);
    let mut other = after(&rig, &v2_from([192, 0, 2, 2]));
    // Its fields are not believed: the proxy has said who it is.
    other.send(&request("GET /feed.json\nX-Forwarded-For: 192.0.2.1"));
    assert_eq!(other.answer(false).status, 200);
}

#[test]
fn only_a_trusted_peer_sends_a_header() {
    let rig = behind(&["10.0.0.0/8"], true);
    let mut client = after(&rig, b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n");
    client.send(&request("GET /feed.json"));
    assert_eq!(client.answer(false).status, 400);
    client.ends();
    assert_eq!(rig.ask("GET /feed.json").status, 200);
}

#[test]
fn a_header_has_its_time() {
    let header_timeout = std::time::Duration::from_millis(200);
    let trusted_proxies = TrustedProxies {
        networks: vec!["127.0.0.1".parse::<std::net::IpAddr>().unwrap().into()],
        unix: false,
    };
    let rig = limited(Server { trusted_proxies, proxy_protocol: true, header_timeout, ..limits() });
    for begun in [&b""[..], b"PROXY TCP4 192.", V2] {
        after(&rig, begun).ends();
    }
    assert_eq!(rig.metrics.counts().timed_out, 3);
}
