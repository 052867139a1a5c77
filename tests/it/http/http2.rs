//! HTTP/2 by hyper's client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dropfeed::testing::config::Server;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::rig::{
    BIG_BYTES, CAT_BYTES, PATIENCE, Rig, feed_text, limited, limits, over_tls, pattern, rig,
    wait_for,
};

const SHORT: Duration = Duration::from_millis(300);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A connection whose answers have a window of so many bytes.
async fn connect(rig: &Rig, window: u32) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(rig.address).await.unwrap();
    // Its window updates are small, and wait for nothing.
    stream.set_nodelay(true).unwrap();
    let connector = TlsConnector::from(Arc::clone(&rig.authority().client(&[b"h2"])));
    let tls = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(4 * window);
    let (send, connection) = builder.handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(async move {
        // Its end is seen by the requests.
        let _ = connection.await;
    });
    send
}

/// A short request: `GET /path`, and lines of fields.
fn request(short: &str) -> Request<Empty<Bytes>> {
    let (line, fields) = short.split_once('\n').unwrap_or((short, ""));
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(format!("https://example.org{path}"));
    for field in fields.lines() {
        let (name, value) = field.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Empty::new()).unwrap()
}

async fn body(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[test]
fn requests() {
    over_tls(&[|| {
        let rig = rig();
        runtime().block_on(async {
            let mut client = connect(&rig, 1 << 20).await;
            let rss = client.send_request(request("GET /rss.xml")).await.unwrap();
            assert_eq!(rss.status(), 200);
            assert_eq!(rss.headers()["content-length"], feed_text("rss").len().to_string());
            let tag = rss.headers()["etag"].to_str().unwrap().to_owned();
            assert_eq!(body(rss).await, feed_text("rss"));
            for (short, status, length) in [
                ("HEAD /rss.xml".to_owned(), 200, 0),
                (format!("GET /rss.xml\nif-none-match: {tag}"), 304, 0),
                ("GET /img/cat.png".into(), 200, usize::try_from(CAT_BYTES).unwrap()),
                ("GET /img/cat.png\nrange: bytes=10-19".into(), 206, 10),
                ("HEAD /img/cat.png\nrange: bytes=10-19".into(), 200, 0),
                ("GET /img/cat.png\nrange: bytes=2000-".into(), 416, usize::MAX),
                ("GET /warm".into(), 200, 23),
                ("GET /old".into(), 301, usize::MAX),
                ("GET /nothing".into(), 404, usize::MAX),
                ("POST /rss.xml".into(), 405, usize::MAX),
                ("TRACE /rss.xml".into(), 405, usize::MAX),
                ("OPTIONS /rss.xml".into(), 204, 0),
                (format!("GET /{}", "x".repeat(9000)), 414, usize::MAX),
                (format!("GET /rss.xml\nx: {}", "x".repeat(17_000)), 431, usize::MAX),
                (
                    format!(
                        "GET /rss.xml{}",
                        (0..65).map(|n| format!("\nx-{n}: 1")).collect::<String>()
                    ),
                    431,
                    usize::MAX,
                ),
            ] {
                let shown = &short[..short.len().min(60)];
                let answer = client.send_request(request(&short)).await.unwrap();
                assert_eq!(answer.status(), status, "{shown}");
                assert!(!answer.headers().contains_key("connection"), "{shown}");
                let bytes = body(answer).await;
                if length != usize::MAX {
                    assert_eq!(bytes.len(), length, "{shown}");
                }
            }
            // A large one comes whole, and by parts.
            let big = client.send_request(request("GET /big.mp4")).await.unwrap();
            let mut read = 0;
            let mut big = big.into_body();
            while let Some(frame) = big.frame().await {
                let data = frame.unwrap().into_data().unwrap();
                if read == 0 {
                    assert_eq!(data[..100], pattern(0, 100));
                }
                read += data.len();
            }
            assert_eq!(read as u64, BIG_BYTES);
        });
        assert_eq!(rig.metrics.counts().accepted, 1, "all of them on one connection");
    }]);
}

#[test]
fn many_at_once_are_all_answered() {
    over_tls(&[|| {
        let rig = rig();
        runtime().block_on(async {
            let client = connect(&rig, 1 << 16).await;
            let mut tasks = Vec::new();
            for n in 0..250 {
                let mut client = client.clone();
                let path = ["GET /rss.xml", "GET /warm", "GET /img/cat.png"][n % 3];
                tasks.push(tokio::spawn(async move {
                    client.ready().await.unwrap();
                    let answer = client.send_request(request(path)).await.unwrap();
                    (answer.status().as_u16(), body(answer).await.len())
                }));
            }
            for (n, task) in tasks.into_iter().enumerate() {
                let lengths = [feed_text("rss").len(), 23, 1000];
                assert_eq!(task.await.unwrap(), (200, lengths[n % 3]));
            }
        });
        wait_for("none is left", || rig.metrics.counts().answers[1] == 250);
    }]);
}

#[test]
fn an_idle_connection_is_closed() {
    over_tls(&[|| {
        let rig = limited(Server { idle_timeout: SHORT, ..limits() });
        runtime().block_on(async {
            let mut client = connect(&rig, 1 << 16).await;
            let answer = client.send_request(request("GET /warm")).await.unwrap();
            body(answer).await;
            let start = Instant::now();
            while !client.is_closed() {
                assert!(start.elapsed() < PATIENCE, "it stays open");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        wait_for("it is counted", || rig.metrics.counts().timed_out == 1);
    }]);
}

#[test]
fn our_own_work_is_not_the_clients_fault() {
    over_tls(&[|| {
        let rig = limited(Server {
            idle_timeout: SHORT,
            write_timeout: SHORT,
            header_timeout: SHORT,
            ..limits()
        });
        runtime().block_on(async {
            let mut client = connect(&rig, 1 << 16).await;
            let answer = client.send_request(request("GET /slow"));
            tokio::pin!(answer);
            let waits = tokio::time::timeout(SHORT * 3, answer.as_mut()).await;
            assert!(waits.is_err(), "it is being rendered");
            rig.renderer.open();
            assert_eq!(answer.await.unwrap().status(), 200);
        });
    }]);
}

/// The socket takes every byte, and the client gives no room for more of the answer.
#[test]
fn a_reader_that_takes_nothing_is_cut() {
    over_tls(&[|| {
        let rig = limited(Server { write_timeout: SHORT, ..limits() });
        runtime().block_on(async {
            let mut client = connect(&rig, 1 << 16).await;
            let answer = client.send_request(request("GET /big.mp4")).await.unwrap();
            assert_eq!(answer.status(), 200);
            let start = Instant::now();
            while !client.is_closed() {
                // No other limit of the connection may be what ends it.
                assert!(start.elapsed() < PATIENCE / 2, "it stays open");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(answer.into_body().collect().await.is_err());
        });
        wait_for("it is counted", || rig.metrics.counts().timed_out == 1);
        wait_for("it is gone", || rig.metrics.counts().open == 0);
    }]);
}

#[test]
fn an_answer_that_takes_too_long_is_reset_and_others_go_on() {
    over_tls(&[|| {
        let rig = limited(Server { response_timeout: SHORT, ..limits() });
        runtime().block_on(async {
            let mut client = connect(&rig, 1 << 16).await;
            let slow = client.send_request(request("GET /big.mp4")).await.unwrap();
            wait_for("it is counted", || rig.metrics.counts().timed_out == 1);
            let answer = client.send_request(request("GET /warm")).await.unwrap();
            assert_eq!(body(answer).await.len(), 23);
            assert!(slow.into_body().collect().await.is_err());
        });
    }]);
}

#[test]
fn a_stop_lets_answers_finish() {
    over_tls(&[|| {
        let rig = rig();
        let runtime = runtime();
        let (client, answer) = runtime.block_on(async {
            let mut client = connect(&rig, 1 << 16).await;
            let answer = client.send_request(request("GET /big.mp4")).await.unwrap();
            (client, answer)
        });
        let running = rig.running;
        let stopping = std::thread::spawn(move || running.stop(PATIENCE));
        let read = runtime.block_on(async { body(answer).await.len() });
        assert_eq!(read as u64, BIG_BYTES);
        stopping.join().unwrap();
        drop(client);
        assert_eq!(rig.metrics.counts().open, 0);
    }]);
}
