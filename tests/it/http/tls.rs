//! The same site over TLS, and what TLS adds.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use dropfeed::testing::config::Server;

use super::rig::{Client, limited, limits, over_tls, request, rig, wait_for};
use super::{limits as time, wire};

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn everything_is_the_same() {
    over_tls(&[
        super::documents,
        super::absences,
        super::methods,
        super::before_the_first_snapshot,
        super::a_site_with_a_path,
        super::codings,
        super::revalidation,
        super::assets,
        super::a_file_that_shrinks_breaks_the_answer_off,
        super::a_client_that_leaves_stops_nothing,
    ]);
}

#[test]
fn the_wire_is_the_same() {
    over_tls(&[
        wire::bad_requests,
        wire::pieces_of_any_size,
        wire::pipelining_keeps_the_order,
        wire::connections_are_kept_as_asked,
        wire::a_closed_side_still_gets_its_answer,
        wire::a_body_is_never_taken_for_a_request,
        wire::a_body_too_large_to_read_closes,
        wire::expectations,
        wire::noise_ends_without_a_panic,
    ]);
}

#[test]
fn the_limits_are_the_same() {
    over_tls(&[
        time::a_slow_head_is_cut,
        time::an_idle_connection_has_longer_than_a_head,
        time::our_own_work_is_not_the_clients_fault,
        time::a_reader_that_takes_nothing_is_cut,
        time::a_reader_that_takes_too_little_is_cut,
        time::loopback_is_not_counted,
        time::a_stop_lets_answers_finish,
        time::a_stop_does_not_wait_for_ever,
    ]);
}

/// A client that does not speak TLS to a port that does.
fn raw(rig: &super::rig::Rig) -> Client {
    Client::connect(rig.address)
}

#[test]
fn what_is_no_tls_is_refused() {
    over_tls(&[|| {
        let rig = rig();
        for noise in [&b"\x00\x01\x02\x03"[..], b"\x16garbage that is no record", &[0xff; 5000]] {
            let mut client = raw(&rig);
            // It may have closed before all is sent.
            let _ = client.stream.write_all(noise);
            let rest = client.rest();
            assert!(rest.len() < 16, "an alert at most: {rest:?}");
        }
        // A person who forgot the s learns it.
        let mut client = raw(&rig);
        client.send(&request("GET /rss.xml"));
        let answer = client.answer(false);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.field("date"), rig.ask("GET /none").field("date"));
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(text, "This port speaks https; the request was http.\r\n");
        client.ends();
        assert_eq!(rig.ask("GET /rss.xml").status, 200);
    }]);
}

#[test]
fn a_handshake_has_the_time_of_a_head() {
    over_tls(&[|| {
        let rig = limited(Server { header_timeout: SHORT, ..limits() });
        // Nothing, the begin of a handshake, and a whole one without a request.
        raw(&rig).ends();
        let mut begun = raw(&rig);
        begun.send("\x16\x03\x01");
        begun.rest();
        let mut done = rig.connect();
        done.rest();
        wait_for("all are cut", || rig.metrics.counts().timed_out == 3);
        wait_for("and gone", || rig.metrics.counts().open == 0);
    }]);
}

#[test]
fn a_stop_does_not_wait_for_a_handshake() {
    over_tls(&[|| {
        let rig = rig();
        let mut silent = raw(&rig);
        let mut begun = raw(&rig);
        begun.send("\x16\x03\x01");
        wait_for("both are accepted", || rig.metrics.counts().open == 2);
        let start = std::time::Instant::now();
        rig.running.stop(super::rig::PATIENCE);
        assert!(start.elapsed() < super::rig::PATIENCE / 2);
        silent.ends();
        begun.rest();
    }]);
}

#[test]
fn protocols_are_negotiated() {
    over_tls(&[|| {
        let rig = rig();
        for (offered, is_http1) in [(&[][..], true), (&[&b"http/1.1"[..]][..], true)] {
            let mut client = raw(&rig).with_tls(rig.authority(), offered);
            client.send(&request("GET /feed.json"));
            assert_eq!(client.answer(false).status == 200, is_http1, "{offered:?}");
        }
        // Of two, HTTP/2 is chosen: its first frame is SETTINGS.
        let mut client = raw(&rig).with_tls(rig.authority(), &[b"http/1.1", b"h2"]);
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        let mut head = [0; 9];
        client.stream.read_exact(&mut head).unwrap();
        assert_eq!(head[3], 4, "{head:?}");
    }]);
}
