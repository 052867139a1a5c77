//! Subscribers of the own hub: one server on this machine, which keeps what it receives. What a
//! callback does follows from its path: `liar` repeats another challenge, `refuser` answers 404,
//! `mover` 302, `leaver` 410 to a delivery, `sleeper` does not answer a delivery until it is woken.
//! All others confirm and take everything.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

use crate::fixture::{Response, Site, eventually, send};

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: String,
    /// The target, as a URL.
    pub(super) url: Url,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The values of a field of the query.
    pub(super) fn fields(&self, name: &str) -> Vec<String> {
        let pairs = self.url.query_pairs().filter(|(key, _)| key == name);
        pairs.map(|(_, value)| value.into_owned()).collect()
    }

    pub(super) fn field(&self, name: &str) -> String {
        self.fields(name).first().cloned().unwrap_or_default()
    }
}

/// The server of all subscribers of a test.
pub(super) struct Subscribers {
    pub(super) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    is_awake: Arc<AtomicBool>,
}

impl Subscribers {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let is_awake = Arc::new(AtomicBool::new(false));
        let (kept, awake) = (Arc::clone(&received), Arc::clone(&is_awake));
        // Ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, awake) = (Arc::clone(&kept), Arc::clone(&awake));
                thread::spawn(move || answer(stream, &kept, &awake));
            }
        });
        Self { port, received, is_awake }
    }

    /// The lines of configuration of a site with a hub that may call this server.
    pub(super) fn settings(&self) -> String {
        format!(
            "websub.own_hub = true\nwebsub.loopback_callbacks = true\nwebsub.callback_ports = [{}]\n",
            self.port
        )
    }

    pub(super) fn callback(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Lets sleepers answer from now on.
    pub(super) fn wake(&self) {
        self.is_awake.store(true, Ordering::Relaxed);
    }

    /// What a callback has received, by method.
    pub(super) fn received(&self, method: &str, path: &str) -> Vec<Received> {
        let received = self.received.lock().unwrap();
        let is_it = |one: &&Received| one.method == method && one.url.path() == format!("/{path}");
        received.iter().filter(is_it).cloned().collect()
    }

    /// Waits until a callback has received so many requests of a method, and gives the last of
    /// them.
    pub(super) fn receives(&self, method: &str, path: &str, count: usize) -> Received {
        let mut found = Vec::new();
        eventually(&format!("{path} receives {count} times {method}"), || {
            found = self.received(method, path);
            found.len() >= count
        });
        assert_eq!(found.len(), count, "{found:#?}");
        found.pop().unwrap()
    }

    /// Subscribes a callback to a feed of the site, and waits until that is confirmed.
    pub(super) fn subscribe(&self, site: &Site, path: &str, feed: &str) {
        let before = self.received("GET", path).len();
        let topic = format!("http://test.example{feed}");
        let callback = self.callback(path);
        let form = [("hub.mode", "subscribe"), ("hub.topic", &topic), ("hub.callback", &callback)];
        let answer = post(site, &form);
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.receives("GET", path, before + 1);
        let line = format!("confirmed: subscribe {topic}");
        eventually("it is confirmed", || site.log().iter().any(|logged| logged.contains(&line)));
    }
}

/// Posts a form to the hub.
pub(super) fn post(site: &Site, fields: &[(&str, &str)]) -> Response {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    post_body(site, &form.extend_pairs(fields).finish())
}

/// Posts a body to the hub as a form.
pub(super) fn post_body(site: &Site, body: &str) -> Response {
    post_to(site, "/-/hub", body)
}

/// Posts a body as a form.
pub(super) fn post_to(site: &Site, path: &str, body: &str) -> Response {
    send(
        site.address(),
        &format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

fn answer(stream: TcpStream, kept: &Mutex<Vec<Received>>, awake: &AtomicBool) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let mut words = head.split(' ');
    let method = words.next().unwrap().to_owned();
    let url = Url::parse(&format!("http://callback{}", words.next().unwrap())).unwrap();
    let mut received = Received { method, url, head, body: Vec::new() };
    let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
    received.body = vec![0; length];
    if reader.read_exact(&mut received.body).is_err() {
        return;
    }
    kept.lock().unwrap().push(received.clone());
    let (path, is_verification) = (received.url.path().to_owned(), received.method == "GET");
    let mut challenge = received.field("hub.challenge");
    if challenge.is_empty() {
        challenge = received.field("challenge");
    }
    if path.contains("sleeper") && !is_verification {
        eventually("it is woken", || awake.load(Ordering::Relaxed));
    }
    let (status, body) = match is_verification {
        true if path.contains("liar") => ("200 OK", format!("{challenge}x")),
        true if path.contains("refuser") => ("404 Not Found", challenge),
        true if path.contains("mover") => ("302 Found", challenge),
        true => ("200 OK", challenge),
        false if path.contains("leaver") => ("410 Gone", String::new()),
        false => ("202 Accepted", String::new()),
    };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nLocation: /elsewhere\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    // A hub that was killed does not read it.
    let _ = reader.into_inner().write_all(text.as_bytes());
}
