//! The admin listener and the readers' statistics, against the real binary.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::control::run;
use super::fixture::{Response, Site, eventually, send};

const ADMIN: &str = "admin.listen = \"127.0.0.1:0\"\n";

/// The address of the status page.
fn admin(site: &Site) -> String {
    let mut found = None;
    eventually("the status page is served", || {
        let log = site.log();
        let line = log.iter().find_map(|line| line.split("the status page is at http://").nth(1));
        found = line.and_then(|rest| Some(rest.split('/').next()?.to_owned()));
        found.is_some()
    });
    found.unwrap()
}

fn ask(site: &Site, method: &str, path: &str, host: &str) -> Response {
    let fields = format!("{host}Connection: close\r\n");
    send(&admin(site), &format!("{method} {path} HTTP/1.1\r\n{fields}\r\n"))
}

pub(crate) fn get(site: &Site, path: &str) -> Response {
    ask(site, "GET", path, "Host: localhost\r\n")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_path_of_the_admin_listener() {
    let site = Site::started(&format!("{ADMIN}readers.enabled = true"));
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    for (method, path, status, media_type) in [
        ("GET", "/", 200, "text/html; charset=utf-8"),
        ("GET", "/?refresh=5", 200, "text/html; charset=utf-8"),
        ("GET", "/style.css", 200, "text/css; charset=utf-8"),
        ("GET", "/status.json", 200, "application/json"),
        ("GET", "/readers.json", 200, "application/json"),
        ("GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("HEAD", "/", 200, "text/html; charset=utf-8"),
        ("GET", "/status", 404, "text/plain; charset=utf-8"),
        ("GET", "/feed.json", 404, "text/plain; charset=utf-8"),
        ("GET", "//", 404, "text/plain; charset=utf-8"),
        ("POST", "/", 405, "text/plain; charset=utf-8"),
        ("DELETE", "/status.json", 405, "text/plain; charset=utf-8"),
        ("OPTIONS", "/status.json", 405, "text/plain; charset=utf-8"),
    ] {
        let answer = ask(&site, method, path, "Host: localhost\r\n");
        let what = format!("{method} {path}: {}", answer.head);
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(answer.header("content-type"), Some(media_type), "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{what}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
        let allow = if status == 405 { Some("GET, HEAD") } else { None };
        assert_eq!(answer.header("allow"), allow, "{what}");
        assert_eq!(answer.body.is_empty(), method == "HEAD", "{what}");
    }
    // The public listener has none of it.
    for path in ["/status.json", "/metrics", "/readers.json", "/-/status"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    // The page of the two commands.
    let [mut here, mut there] =
        [json(&get(&site, "/status.json").text()), json(&run(&site, &["status", "--json"]).out)];
    for status in [&mut here, &mut there] {
        status["now"] = Value::Null;
        // A scan or a look at the projection may end between the two.
        status["scans"] = Value::Null;
        status["projection"] = Value::Null;
    }
    assert_eq!(here, there);
    assert!(get(&site, "/").text().contains("Everything is published"));
}

#[test]
fn only_hosts_that_mean_this_machine_are_answered() {
    let site = Site::started(ADMIN);
    let port = admin(&site).split(':').nth(1).unwrap().to_owned();
    for (host, status) in [
        ("Host: localhost\r\n".to_owned(), 200),
        (format!("Host: 127.0.0.1:{port}\r\n"), 200),
        ("Host: [::1]\r\n".to_owned(), 200),
        // Through a tunnel.
        ("Host: localhost:1\r\n".to_owned(), 200),
        ("Host: evil.example\r\n".to_owned(), 421),
        (format!("Host: evil.example:{port}\r\n"), 421),
        ("Host: localhost.evil.example\r\n".to_owned(), 421),
        ("Host: 192.0.2.1\r\n".to_owned(), 421),
        // No request that HTTP/1.1 knows.
        (String::new(), 400),
        ("Host:\r\n".to_owned(), 400),
        ("Host: a b\r\n".to_owned(), 400),
        ("Host: localhost@evil.example\r\n".to_owned(), 400),
        ("Host: localhost\r\nHost: evil.example\r\n".to_owned(), 400),
    ] {
        for path in ["/", "/status.json", "/readers.json", "/metrics"] {
            let answer = ask(&site, "GET", path, &host);
            assert_eq!(answer.status, status, "{host} {path}");
            let is_answered = status == 200;
            assert!(is_answered || !answer.text().contains("articles"), "{}", answer.text());
        }
    }
    assert_eq!(ask(&site, "GET", "http://evil.example/", "Host: localhost\r\n").status, 421);
}

#[test]
fn the_page_says_what_is_wrong_and_what_to_do() {
    let site = Site::started(&format!("{ADMIN}articles.reconcile_s = 1"));
    for name in ["a", "b", "c", "d"] {
        site.drop_in(&format!("{name}.md"), format!("# {name}\n\ntext of {name}\n"));
    }
    site.settles(&["a", "b", "c", "d"]);
    site.drop_in("bad.md", "---\ntitle: [\n---\ntext\n");
    site.drop_in("later.md", "---\ndate: 2999-01-01T00:00:00Z\n---\n# Later\n\ntext\n");
    eventually("the refused file is shown", || {
        let page = get(&site, "/").text();
        page.contains("1 file refused")
            && page.contains("<code>bad.md:2:8</code>")
            && page.contains("<code>later.md</code> 2999-01-01 00:00:00 UTC")
    });
    for name in ["a", "b", "c", "d"] {
        site.remove(&format!("{name}.md"));
    }
    eventually("the hold is shown", || {
        let page = get(&site, "/").text();
        page.contains("Deletions are held") && page.contains("<code>dropfeed accept</code>")
    });
    assert_eq!(run(&site, &["accept"]).exit, 0);
    eventually("the hold is over", || !get(&site, "/").text().contains("Deletions are held"));
}

#[test]
fn it_answers_when_the_public_listener_is_full() {
    let site = Site::started(&format!(
        "{ADMIN}admin.max_connections = 1\nserver.max_connections = 1\nserver.header_timeout_s = 3600"
    ));
    // A request that never ends: the only place is taken, and is not given to another.
    let mut busy = TcpStream::connect(site.address()).unwrap();
    write!(busy, "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\n").unwrap();
    eventually("the place is taken", || {
        get(&site, "/").text().contains("<dd>1 open of at most 1<br>")
    });
    // Its own only place is given to who asks: a connection that waits is closed.
    let mut idle = TcpStream::connect(admin(&site)).unwrap();
    assert_eq!(get(&site, "/status.json").status, 200);
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let mut site = Site::new("");
    let path = site.dir.path().join("admin.sock");
    site.configure(&format!("admin.listen = \"unix:{}\"", path.display()));
    site.start();
    eventually("the socket is there", || path.exists());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .write_all(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    site.stop();
    assert!(!path.exists());
}

#[test]
fn an_address_that_is_taken_is_named_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let site = Site::new(&format!("admin.listen = \"{address}\""));
    let ran = run(&site, &["serve"]);
    assert_eq!(ran.exit, 78, "{ran:?}");
    let sentence = format!("{address} is in use by another program; set admin.listen");
    assert!(ran.err.contains(&sentence), "{ran:?}");
}

#[test]
fn a_reload_says_that_it_needs_a_restart() {
    let mut site = Site::started(ADMIN);
    let before = admin(&site);
    site.configure("admin.listen = \"127.0.0.1:1\"\nreaders.enabled = true\n");
    let ran = run(&site, &["reload"]);
    assert!(ran.out.contains("after a restart only: admin.listen, readers.enabled"), "{ran:?}");
    assert_eq!(admin(&site), before);
    assert_eq!(get(&site, "/").status, 200);
}

const READER: &str = "Marker-Reader/9.9 (a program of somebody)";
const AGGREGATOR: &str = "Feedbin feed-id:987654 - 12 subscribers";

/// Fetches a feed as a program would.
fn fetch(site: &Site, path: &str, user_agent: &str) {
    let answer = site.get_with(path, &format!("User-Agent: {user_agent}\r\n"));
    assert_eq!(answer.status, 200);
}

/// The readers of the present day so far: of the site's feed, and of a tag's.
fn today(site: &Site) -> [Option<u64>; 2] {
    let report = json(&run(site, &["readers", "--json"]).out);
    let find = |feed: &str| {
        let feeds = report["feeds"].as_array().unwrap();
        feeds.iter().find(|row| row["feed"] == feed)?["today"].as_u64()
    };
    [find("/"), find("/tags/t/")]
}

/// Every file beneath the state directory.
fn state_files(site: &Site) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(site.dir.path().join(".dropfeed")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            files.push((entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
        }
    }
    files
}

#[test]
fn readers_are_counted_over_a_restart_and_nobody_is_known() {
    let mut site = Site::started(&format!("{ADMIN}readers.enabled = true"));
    site.drop_in("a.md", "---\ntags: [t]\n---\n# A\n\ntext\n");
    site.appears("A");
    fetch(&site, "/atom.xml", READER);
    fetch(&site, "/rss.xml", READER);
    fetch(&site, "/feed.json", "Another/1.0");
    fetch(&site, "/feed.json", AGGREGATOR);
    fetch(&site, "/feed.json", "Feedbin feed-id:987654 - 9 subscribers");
    fetch(&site, "/tags/t/atom.xml", READER);
    fetch(&site, "/atom.xml", "curl/8.9.1");
    fetch(&site, "/a", READER);
    // An answer is counted when it was sent, which may be after its client has it.
    eventually("all are counted", || today(&site) == [Some(14), Some(1)]);
    let text = run(&site, &["readers", "--feed", "/tags/t/atom.xml", "--days", "2"]).out;
    assert!(text.contains("/tags/t/      1"), "{text}");
    assert!(text.contains("      1  direct 1\n"), "{text}");
    let page = get(&site, "/").text();
    assert!(page.contains("<tr><td>/</td><td>14</td><td>-</td><td>-</td></tr>"), "{page}");
    assert!(page.contains("15 (12 through aggregators, 3 direct)"), "{page}");
    let here = json(&get(&site, "/readers.json").text());
    assert_eq!(here["feeds"][0]["today"], 14);
    site.stop();
    // From the file, without a process.
    assert_eq!(today(&site), [Some(14), Some(1)]);
    let mut names = Vec::new();
    for (name, bytes) in state_files(&site) {
        for secret in ["127.0.0.1", "Marker-Reader", "program of somebody", "feed-id", "987654"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {name}");
        }
        names.push(name);
    }
    assert!(names.iter().any(|name| name == "readers.db"), "{names:?}");
    // The same reader again is not one more, since the larger figure counts.
    site.start();
    fetch(&site, "/atom.xml", READER);
    fetch(&site, "/tags/t/atom.xml", READER);
    fetch(&site, "/tags/t/atom.xml", "Another/1.0");
    eventually("the second is counted", || today(&site) == [Some(14), Some(2)]);
    site.kill();
}

#[test]
fn without_the_key_nothing_is_counted_and_no_file_is_made() {
    let mut site = Site::started(ADMIN);
    site.drop_in("a.md", "# A\n\ntext\n");
    site.appears("A");
    fetch(&site, "/atom.xml", READER);
    let ran = run(&site, &["readers"]);
    assert_eq!(ran.exit, 1);
    assert!(ran.err.contains("readers are not counted; set readers.enabled"), "{ran:?}");
    assert!(!get(&site, "/").text().contains("Readers</h2>"));
    assert!(get(&site, "/readers.json").text().contains("not counted"));
    site.stop();
    assert!(!state_files(&site).iter().any(|(name, _)| name.starts_with("readers")));
    let ran = run(&site, &["readers"]);
    assert!(ran.exit == 1 && ran.err.contains("no reader was ever counted"), "{ran:?}");
    for feed in ["/a/b/c.html", "/archive/2026-11/"] {
        let ran = run(&site, &["readers", "--feed", feed]);
        assert!(ran.exit == 2 || ran.err.contains("no reader"), "{ran:?}");
    }
}

#[test]
fn a_damaged_file_of_readers_stops_nothing() {
    let mut site = Site::new("readers.enabled = true");
    site.drop_in("a.md", "# A\n\ntext\n");
    let state = site.dir.path().join(".dropfeed");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("readers.db"), "no database".repeat(99)).unwrap();
    site.start();
    site.appears("A");
    fetch(&site, "/atom.xml", READER);
    eventually("the reader is counted", || today(&site)[0] == Some(1));
    assert!(
        site.log().iter().any(|line| line.contains("readers.db is damaged")),
        "{:?}",
        site.log()
    );
    assert!(state.join("readers.db.damaged").exists());
}
