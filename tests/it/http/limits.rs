//! Time, places, and the end.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::rig::{BIG_BYTES, Client, PATIENCE, limited, limits, request, rig, wait_for};

const SHORT: Duration = Duration::from_millis(200);

#[test]
pub(super) fn a_slow_head_is_cut() {
    let rig = limited(dropfeed::testing::config::Server { header_timeout: SHORT, ..limits() });
    for begun in ["", "G", "GET /rss.xml HTTP/1.1\r\nHost: h\r\nx: "] {
        let mut client = rig.connect();
        client.send(begun);
        client.ends();
    }
    // The same after an answer, where the first byte starts the clock.
    let mut client = rig.connect();
    client.send(&request("GET /feed.json"));
    assert_eq!(client.answer(false).status, 200);
    client.send("GET");
    client.ends();
    assert_eq!(rig.metrics.counts().timed_out, 4);
}

#[test]
pub(super) fn an_idle_connection_has_longer_than_a_head() {
    let idle_timeout = SHORT * 3;
    let rig = limited(dropfeed::testing::config::Server {
        header_timeout: SHORT,
        idle_timeout,
        ..limits()
    });
    let mut client = rig.connect();
    let start = Instant::now();
    client.send(&request("GET /feed.json"));
    assert_eq!(client.answer(false).status, 200);
    client.ends();
    assert!(start.elapsed() >= idle_timeout);
}

#[test]
pub(super) fn our_own_work_is_not_the_clients_fault() {
    let rig = limited(dropfeed::testing::config::Server {
        header_timeout: SHORT,
        idle_timeout: SHORT,
        ..limits()
    });
    let mut client = rig.connect();
    client.send(&request("GET /slow"));
    let start = Instant::now();
    wait_for("longer than any limit", || start.elapsed() > SHORT * 3);
    rig.renderer.open();
    assert_eq!(client.answer(false).status, 200);
}

#[test]
pub(super) fn a_reader_that_takes_nothing_is_cut() {
    let rig = limited(dropfeed::testing::config::Server { write_timeout: SHORT, ..limits() });
    let mut client = rig.connect();
    client.send(&request("GET /big.mp4"));
    wait_for("it is cut", || rig.metrics.counts().timed_out == 1);
    assert_eq!(client.head().status, 200);
    assert!((client.rest().len() as u64) < BIG_BYTES);
    // A slow one that takes some is served.
    let mut client = rig.connect();
    client.send(&request("GET /big.mp4\nRange: bytes=0-9999999"));
    assert_eq!(client.head().status, 200 + 6);
    assert_eq!(client.rest_of(10_000_000), 10_000_000);
}

/// A video is played as it comes. The system's buffer is so large that little of it leaves in the
/// time that a client has.
#[test]
pub(super) fn a_reader_that_takes_some_all_the_time_is_served() {
    let write_timeout = SHORT * 5;
    let rig = limited(dropfeed::testing::config::Server { write_timeout, ..limits() });
    let mut client = rig.connect();
    client.send(&request("GET /big.mp4"));
    assert_eq!(client.head().status, 200);
    let (start, mut read) = (Instant::now(), 0);
    while start.elapsed() < write_timeout * 4 {
        read += client.stream.read(&mut [0; 32 * 1024]).unwrap() as u64;
        std::thread::sleep(SHORT / 8);
    }
    assert_eq!(rig.metrics.counts().timed_out, 0, "after {read} bytes");
    assert!(read < BIG_BYTES);
}

/// It makes progress all the time, and yet too little.
#[test]
pub(super) fn a_reader_that_takes_too_little_is_cut() {
    let rig = limited(dropfeed::testing::config::Server { response_timeout: SHORT, ..limits() });
    // Over TLS, the time begins with the handshake.
    let start = Instant::now();
    let mut client = rig.connect();
    client.send(&request("GET /big.mp4"));
    assert_eq!(client.head().status, 200);
    let mut read = 0;
    wait_for("it is cut", || {
        let mut bytes = [0; 256];
        read += client.stream.read(&mut bytes).unwrap_or_default();
        rig.metrics.counts().timed_out == 1
    });
    assert!(start.elapsed() >= SHORT && (read as u64) < BIG_BYTES);
    // The time is that of one response, not of the connection.
    let mut client = rig.connect();
    let start = Instant::now();
    while start.elapsed() < SHORT * 2 {
        client.send(&request("GET /feed.json"));
        assert_eq!(client.answer(false).status, 200);
    }
    assert_eq!(rig.metrics.counts().timed_out, 1);
}

#[test]
pub(super) fn places_are_bounded() {
    let rig = limited(dropfeed::testing::config::Server { max_connections: 2, ..limits() });
    // Two that are at work are not to be closed; the third waits.
    let mut busy: Vec<Client> = (0..2).map(|_| rig.connect()).collect();
    busy.iter_mut().for_each(|client| client.send(&request("GET /slow")));
    wait_for("both are at work", || rig.metrics.counts().open == 2);
    let mut third = rig.connect();
    third.send(&request("GET /feed.json"));
    third.stream.set_read_timeout(Some(SHORT * 2)).unwrap();
    let waits = third.stream.read(&mut [0; 1]);
    assert!(waits.is_err(), "{waits:?}");
    assert_eq!(rig.metrics.counts().accepted, 2);
    third.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    rig.renderer.open();
    assert_eq!(busy[0].answer(false).status, 200);
    busy.remove(0);
    assert_eq!(third.answer(false).status, 200);
}

#[test]
pub(super) fn who_waits_makes_room() {
    let rig = limited(dropfeed::testing::config::Server { max_connections: 3, ..limits() });
    let mut waiting: Vec<Client> = (0..3).map(|_| rig.connect()).collect();
    waiting[0].send("GET /never HTTP/1.1\r\n");
    assert_eq!(rig.ask("GET /feed.json").status, 200);
    assert!(rig.metrics.counts().shed >= 1);
    assert_eq!(rig.metrics.counts().timed_out, 0);
}

#[test]
pub(super) fn loopback_is_not_counted() {
    let rig = rig();
    assert_eq!(limits().connections_per_address, 1);
    let mut clients: Vec<Client> = (0..10).map(|_| rig.connect()).collect();
    for client in &mut clients {
        client.send(&request("GET /feed.json"));
        assert_eq!(client.answer(false).status, 200);
    }
    assert_eq!(rig.metrics.counts().rejected, 0);
    assert_eq!(rig.metrics.counts().open, 10);
    assert_eq!(rig.metrics.counts().answers, [0, 10, 0, 0, 0]);
}

#[test]
pub(super) fn a_stop_lets_answers_finish() {
    let rig = rig();
    let address = rig.address;
    let mut download = rig.connect();
    download.send(&request("GET /big.mp4"));
    assert_eq!(download.head().status, 200);
    let mut idle = rig.connect();
    idle.send(&request("GET /feed.json"));
    assert_eq!(idle.answer(false).status, 200);
    let mut rendering = rig.connect();
    rendering.send(&request("GET /slow"));
    wait_for("it is being rendered", || {
        rig.renderer.rendered.load(std::sync::atomic::Ordering::SeqCst) == 1
    });
    let running = rig.running;
    let stopping = std::thread::spawn(move || running.stop(PATIENCE));
    idle.ends();
    wait_for("nobody accepts", || TcpStream::connect(address).is_err());
    rig.renderer.open();
    assert_eq!(rendering.answer(false).status, 200);
    rendering.ends();
    assert_eq!(download.rest().len() as u64, BIG_BYTES);
    stopping.join().unwrap();
    assert_eq!(rig.metrics.counts().open, 0);
}

#[test]
pub(super) fn a_stop_does_not_wait_for_ever() {
    let rig = rig();
    let mut download = rig.connect();
    download.send(&request("GET /big.mp4"));
    assert_eq!(download.head().status, 200);
    rig.running.stop(SHORT);
    assert!((download.rest().len() as u64) < BIG_BYTES);
}

#[test]
pub(super) fn a_request_that_is_on_its_way_is_answered() {
    let rig = rig();
    let mut client = rig.connect();
    wait_for("it is accepted", || rig.metrics.counts().open == 1);
    let (address, running) = (rig.address, rig.running);
    let stopping = std::thread::spawn(move || running.stop(PATIENCE));
    wait_for("nobody accepts", || TcpStream::connect(address).is_err());
    client.send(&request("GET /feed.json"));
    let answer = client.answer(false);
    answer.check("the last", "200 | connection: close");
    client.ends();
    stopping.join().unwrap();
}
