//! Hubs, webhooks and commands, as they meet a running dropfeed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ring::hmac;
use url::form_urlencoded;

use crate::fixture::{Site, eventually};

/// How long something may take that waits between its tries.
const LONG_PATIENCE: Duration = Duration::from_secs(180);

/// A request that a server of these tests got.
#[derive(Debug, Clone)]
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The topic of a ping.
    fn topic(&self) -> String {
        let fields: BTreeMap<String, String> =
            form_urlencoded::parse(&self.body).into_owned().collect();
        assert!(self.head.starts_with("POST /hub?key=secret HTTP/1.1"), "{}", self.head);
        assert_eq!(self.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(fields["hub.mode"], "publish");
        assert_eq!(fields["hub.url"], fields["hub.topic"]);
        fields["hub.topic"].clone()
    }
}

/// A server on loopback that keeps what it gets, and answers with a status that a test chooses.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    status: Arc<AtomicU16>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let status = Arc::new(AtomicU16::new(202));
        let server = Self { port, requests: Arc::clone(&requests), status: Arc::clone(&status) };
        // Ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (requests, status) = (Arc::clone(&requests), Arc::clone(&status));
                thread::spawn(move || serve(stream.unwrap(), &requests, &status));
            }
        });
        server
    }

    fn hub(&self) -> String {
        format!("http://127.0.0.1:{}/hub?key=secret", self.port)
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The number of pings by topic.
    fn pings(&self) -> BTreeMap<String, usize> {
        let mut pings = BTreeMap::new();
        for request in self.requests() {
            *pings.entry(request.topic()).or_default() += 1;
        }
        pings
    }
}

/// A connection that breaks off is one of a dropfeed that was killed.
fn serve(stream: TcpStream, requests: &Mutex<Vec<Request>>, status: &AtomicU16) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut request = Request { head, body: Vec::new() };
    let length = request.header("content-length")?.parse().ok()?;
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    requests.lock().unwrap().push(request);
    let status = status.load(Ordering::SeqCst);
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

/// The number of lines in the log with this text.
fn logged(site: &Site, text: &str) -> usize {
    site.log().iter().filter(|line| line.contains(text)).count()
}

fn eventually_logged(site: &Site, text: &str, count: usize) {
    eventually(&format!("{count} lines with {text:?}: {:#?}", site.log()), || {
        logged(site, text) >= count
    });
}

/// A site with one article and a hub that knows its feeds.
fn published_to(server: &Server, more: &str) -> Site {
    let site = Site::new(&format!("websub.hubs = [\"{}\"]\n{more}", server.hub()));
    site.write("first.md", "# First\n\nText");
    let mut site = site;
    site.start();
    site.settles(&["First"]);
    eventually_logged(&site, "gets pings for", 1);
    site
}

/// The URL and the bytes of every feed in `feeds/`.
fn feeds(site: &Site) -> BTreeMap<String, Vec<u8>> {
    let mut feeds = BTreeMap::new();
    let mut directories = vec![site.feeds()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_feed = ["rss.xml", "atom.xml", "feed.json"].contains(&name);
            if path.is_dir() {
                directories.push(path);
            } else if is_feed {
                let name = path.strip_prefix(site.feeds()).unwrap().to_str().unwrap();
                feeds.insert(format!("http://test.example/{name}"), fs::read(&path).unwrap());
            }
        }
    }
    feeds
}

fn changed(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> BTreeSet<String> {
    let differs = |(url, bytes): &(&String, &Vec<u8>)| before.get(*url) != Some(bytes);
    after.iter().filter(differs).map(|(url, _)| url.clone()).collect()
}

/// Waits until the feed on disk has this text: it is written after it is served.
fn is_projected(site: &Site, text: &str) {
    eventually(&format!("{text:?} is in feeds/"), || {
        fs::read_to_string(site.feeds().join("feed.json")).is_ok_and(|feed| feed.contains(text))
    });
}

#[test]
fn each_feed_that_changed_gets_one_ping_and_no_other() {
    let server = Server::start();
    let site = published_to(&server, "");
    let before = feeds(&site);
    assert!(before.len() >= 3, "{before:?}");
    // None of these changes a feed.
    site.drop_in("first.md", "# First\n\nText");
    site.drop_in("draft.md", "---\ndraft: true\n---\n\nDraft");
    site.drop_in("broken.md", "---\ntitle: [\n---\n\nText");
    site.drop_in("news/second.md", "---\ntags: [x]\n---\n\n# Second\n\nText");
    site.appears("Second");
    is_projected(&site, "Second");
    let mut expected = BTreeSet::new();
    eventually("each changed feed gets a ping", || {
        expected = changed(&before, &feeds(&site));
        let is_complete = expected.iter().any(|url| url.contains("/tags/x/"))
            && expected.iter().any(|url| url.contains("/news/"));
        is_complete && server.pings().keys().cloned().collect::<BTreeSet<_>>() == expected
    });
    // What is pinged from now on is after everything that was due.
    let counts = server.pings();
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    eventually_logged(&site, "pinged http", expected.len());
    let before = feeds(&site);
    site.drop_in("third.md", "# Third\n\nText");
    site.appears("Third");
    is_projected(&site, "Third");
    eventually("the third one, too", || {
        let site_feeds = server.pings().into_iter().filter(|(_, count)| *count == 2);
        let twice: BTreeSet<String> = site_feeds.map(|(url, _)| url).collect();
        twice == changed(&before, &feeds(&site))
    });
    assert!(server.pings().values().all(|count| *count <= 2));
    let log = site.log();
    assert!(!log.iter().any(|line| line.contains("secret")), "{log:#?}");
}

/// The number of pings for a feed of the site.
fn site_pings(server: &Server) -> usize {
    server.pings().get("http://test.example/rss.xml").copied().unwrap_or(0)
}

#[test]
fn an_edit_within_the_delay_joins_the_ping() {
    // Where the machine is too slow for the delay, once more.
    let is_in_time = (0..5).any(|_| edit_within_the_delay());
    assert!(is_in_time, "this machine is too slow");
}

/// Whether the edit was in time.
fn edit_within_the_delay() -> bool {
    const DELAY: Duration = Duration::from_secs(10);
    let server = Server::start();
    let site = published_to(&server, "websub.push_delay_s = 10");
    let start = Instant::now();
    site.drop_in("post.md", "# Post\n\nTpyo");
    is_projected(&site, "Tpyo");
    site.drop_in("post.md", "# Post\n\nTypo");
    is_projected(&site, "Typo");
    if start.elapsed() >= DELAY {
        return false;
    }
    eventually("a ping", || site_pings(&server) > 0);
    assert!(start.elapsed() >= DELAY);
    // Whatever else was due comes before this.
    site.drop_in("mark.md", "# Mark\n\nText");
    eventually("another ping", || site_pings(&server) > 1);
    assert_eq!(site_pings(&server), 2);
    true
}

#[test]
fn a_kill_loses_no_ping_and_repeats_none() {
    let server = Server::start();
    let mut site = published_to(&server, "websub.push_delay_s = 3600");
    let before = feeds(&site);
    site.drop_in("second.md", "# Second\n\nText");
    site.appears("Second");
    is_projected(&site, "Second");
    site.kill();
    assert_eq!(server.requests().len(), 0);
    let hubs = format!("websub.hubs = [\"{}\"]", server.hub());
    site.configure(&hubs);
    site.start();
    let mut expected = BTreeSet::new();
    eventually("what was due is pinged after the restart", || {
        expected = changed(&before, &feeds(&site));
        server.pings().keys().cloned().collect::<BTreeSet<_>>() == expected
    });
    assert!(expected.len() >= 3);
    eventually_logged(&site, "pinged http", expected.len());
    site.kill();
    site.start();
    // Whatever a restart finds due comes before this.
    let before = feeds(&site);
    site.drop_in("third.md", "# Third\n\nText");
    site.appears("Third");
    is_projected(&site, "Third");
    eventually("the third one is pinged", || {
        let pings = server.pings();
        let changed = changed(&before, &feeds(&site));
        !changed.is_empty() && changed.iter().all(|url| pings.get(url) == Some(&2))
    });
    assert!(server.pings().values().all(|count| *count <= 2), "{:?}", server.pings());
    assert_eq!(logged(&site, "gets pings for"), 0, "the hub is not new");
}

#[test]
fn a_hub_that_fails_is_tried_three_times_and_reported() {
    let server = Server::start();
    let site = published_to(&server, "admin.listen = \"127.0.0.1:0\"");
    server.answer(500);
    site.drop_in("second.md", "# Second\n\nText");
    site.appears("Second");
    let deadline = Instant::now() + LONG_PATIENCE;
    while logged(&site, "degraded: ") == 0 {
        assert!(Instant::now() < deadline, "{:#?}", site.log());
        thread::sleep(Duration::from_millis(20));
    }
    let site_feed = "http://test.example/rss.xml";
    while server.pings()[site_feed] < 3 {
        assert!(Instant::now() < deadline, "{:#?}", site.log());
        thread::sleep(Duration::from_millis(20));
    }
    let log = site.log();
    let told = log.iter().find(|line| line.contains("degraded: ")).unwrap();
    assert!(
        told.contains(&format!("the hub http://127.0.0.1:{} accepts no pings", server.port)),
        "{told}"
    );
    assert!(log.iter().any(|line| line.contains("answers 500")), "{log:#?}");
    // The next change is reported again, and what it finds working is reported.
    server.answer(202);
    site.drop_in("third.md", "# Third\n\nText");
    eventually("the hub gets the next change", || server.pings()[site_feed] == 4);
    eventually_logged(&site, "recovered: ", 1);
    let metrics = crate::admin::get(&site, "/metrics").text();
    let count = |outcome: &str| {
        let series = format!("dropfeed_pushes_total{{receiver=\"hub\",outcome=\"{outcome}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{metrics}")).parse::<u64>().unwrap()
    };
    assert!(count("accepted") >= 1 && count("failed") >= 3, "{metrics}");
}

#[test]
fn feeds_name_hubs_where_there_are_any() {
    let server = Server::start();
    let mut site = published_to(&server, "websub.own_hub = true");
    let hub = server.hub();
    for (path, parts) in [
        (
            "/rss.xml",
            [
                format!("<atom:link href=\"{hub}\" rel=\"hub\"/>"),
                "<atom:link href=\"http://test.example/-/hub\" rel=\"hub\"/>".to_owned(),
            ],
        ),
        (
            "/atom.xml",
            [
                format!("<link href=\"{hub}\" rel=\"hub\"/>"),
                "<link href=\"http://test.example/-/hub\" rel=\"hub\"/>".to_owned(),
            ],
        ),
        (
            "/feed.json",
            [
                format!("\"hubs\":[{{\"type\":\"WebSub\",\"url\":\"{hub}\"}},"),
                "{\"type\":\"WebSub\",\"url\":\"http://test.example/-/hub\"}]".to_owned(),
            ],
        ),
    ] {
        let answer = site.get(path);
        let text = answer.text();
        for part in parts {
            assert!(text.contains(&part), "{part}: {text}");
        }
        let links: Vec<&str> =
            answer.head.lines().filter(|line| line.to_lowercase().starts_with("link: ")).collect();
        let expected = [
            format!("link: <http://test.example{path}>; rel=\"self\""),
            format!("link: <{hub}>; rel=\"hub\""),
            "link: <http://test.example/-/hub>; rel=\"hub\"".to_owned(),
        ];
        assert_eq!(links, expected, "{path}");
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let head = crate::fixture::send(site.address(), &request).head;
        assert!(expected.iter().all(|link| head.contains(link.as_str())), "{head}");
    }
    // Not on pages and not for what is not there.
    assert!(!site.get("/").head.contains("rel=\"hub\""));
    assert!(!site.get("/nothing/rss.xml").head.contains("rel=\"hub\""));
    // Without hubs nothing of it is there.
    site.stop();
    site.configure("");
    site.start();
    site.settles(&["First"]);
    for path in ["/rss.xml", "/atom.xml", "/feed.json"] {
        let answer = site.get(path);
        assert!(!answer.text().contains("hub") && !answer.head.contains("rel="), "{path}");
    }
    assert!(!site.log().iter().any(|line| line.contains("hub")));
}

#[test]
fn a_webhook_gets_each_article_once_signed_and_in_order() {
    let server = Server::start();
    let hook = format!("notify.webhook = \"http://127.0.0.1:{}/hook\"", server.port);
    let mut site = Site::new(&format!("{hook}\nnotify.webhook_secret_file = \"secret.txt\""));
    fs::write(site.dir.path().join("secret.txt"), "it is secret\n").unwrap();
    site.write("old.md", "# Old\n\nText");
    site.start();
    site.settles(&["Old"]);
    eventually_logged(&site, "event=notifying", 1);
    // The first try of the first article fails; the second one waits for it.
    server.answer(500);
    site.drop_in("one.md", "# One\n\nSome *text*.");
    site.appears("One");
    eventually("the first try", || !server.requests().is_empty());
    server.answer(204);
    site.drop_in("two.md", "---\nauthor: Bob\n---\n\n# Two\n\nText");
    site.appears("Two");
    eventually_logged(&site, "notified the ", 2);
    // Neither an edit nor a draft is a publish.
    site.drop_in("one.md", "# One\n\nEdited to say something else.");
    site.drop_in("draft.md", "---\ndraft: true\n---\n\nText");
    site.drop_in("three.md", "# Three\n\nText");
    eventually_logged(&site, "notified the ", 3);
    let requests = server.requests();
    let titles: Vec<String> =
        requests.iter().map(|request| item(request)["title"].to_string()).collect();
    assert_eq!(titles, ["\"One\"", "\"One\"", "\"Two\"", "\"Three\""]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"it is secret");
    for request in &requests {
        assert!(request.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("dropfeed-event"), Some("published"));
        let signature = request.header("x-hub-signature-256").unwrap();
        hmac::verify(&key, &request.body, &bytes(signature.strip_prefix("sha256=").unwrap()))
            .unwrap();
    }
    let deliveries: Vec<_> =
        requests.iter().map(|request| request.header("dropfeed-delivery").unwrap()).collect();
    assert_eq!(deliveries[0], deliveries[1]);
    assert_ne!(deliveries[1], deliveries[2]);
    // The item is that of the feed, with what it has there from its feed.
    let (two, listed) = (item(&requests[2]), site.item("Two").unwrap());
    assert_eq!(two["id"], listed.id.as_str());
    assert_eq!(two["url"], listed.url.as_str());
    assert_eq!(two["content_html"], listed.html.as_str());
    assert_eq!(two["date_published"], listed.published.as_str());
    assert_eq!(two["authors"][0]["name"], "Bob");
    assert_eq!(two["language"], "en");
    assert_eq!(item(&requests[0])["authors"][0]["name"], "Test");
    // What was dropped while it was down is reported after the start, and nothing again.
    site.kill();
    site.write("four.md", "# Four\n\nText");
    site.start();
    eventually_logged(&site, "notified the ", 1);
    let titles: Vec<String> = server
        .requests()
        .iter()
        .skip(4)
        .map(|request| item(request)["title"].to_string())
        .collect();
    assert_eq!(titles, ["\"Four\""]);
    assert!(!site.log().iter().any(|line| line.contains("it is secret")));
}

/// What is kept out of feeds is not announced, and what is in feeds alone is.
#[test]
fn a_webhook_gets_what_is_in_feeds() {
    let server = Server::start();
    let mut site = Site::new(&format!("notify.webhook = \"http://127.0.0.1:{}/\"", server.port));
    site.write("old.md", "# Old\n\nText");
    site.start();
    site.settles(&["Old"]);
    eventually_logged(&site, "event=notifying", 1);
    let lines = ["feed: false", "unlisted: true", "status: hidden", "feed_only: true", "tags: [x]"];
    for (n, line) in lines.into_iter().enumerate() {
        site.drop_in(
            &format!("{n}.md"),
            format!("---\ntitle: Article {n}\n{line}\n---\nText {n}."),
        );
        let answered = || site.get(&format!("/{n}")).status == 200;
        eventually("the page is there", answered);
    }
    eventually_logged(&site, "notified the ", 2);
    let requests = server.requests();
    let titles: Vec<String> =
        requests.iter().map(|request| item(request)["title"].to_string()).collect();
    assert_eq!(titles, ["\"Article 3\"", "\"Article 4\""]);
}

fn item(request: &Request) -> serde_json::Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let byte = |index: usize| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).unwrap();
    (0..digits.len() / 2).map(byte).collect()
}

/// Writes a script that can be run.
fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_command_gets_its_arguments_and_the_item() {
    let mut site = Site::new("");
    let program = site.dir.path().join("told.sh");
    let out = site.dir.path().join("out");
    // Each run is complete when its file has its name.
    script(
        &program,
        &format!(
            "out='{}'; printf '%s|' \"$@\" > \"$out.new\"; env | grep -c DROPFEED >> \"$out.new\"; \
             cat > \"$out.json\"; mv \"$out.new\" \"$out\"",
            out.display()
        ),
    );
    site.configure(&format!(
        "notify.on_publish = [\"{}\", \"--url={{url}}\", \"$(id); *\"]",
        program.display()
    ));
    site.start();
    eventually_logged(&site, "event=notifying", 1);
    site.drop_in("one.md", "# One\n\nText");
    eventually_logged(&site, "notified the ", 1);
    let told = fs::read_to_string(&out).unwrap();
    assert_eq!(told, "--url=http://test.example/one|$(id); *|0\n");
    let json = fs::read(site.dir.path().join("out.json")).unwrap();
    let item: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((item["title"].as_str(), item["id"].as_str().is_some()), (Some("One"), true));
    // One that fails is not tried again, is reported, and does not stop the next one.
    script(&program, "exit 3");
    site.drop_in("two.md", "# Two\n\nText");
    eventually_logged(&site, "ended with exit status: 3", 1);
    eventually_logged(&site, "degraded: ", 1);
    script(&program, "exit 0");
    site.drop_in("three.md", "# Three\n\nText");
    eventually_logged(&site, "notified the ", 2);
    eventually_logged(&site, "recovered: ", 1);
    assert_eq!(logged(&site, "event=notify-failed"), 1);
}

#[test]
fn a_command_is_ended_at_its_time_limit_with_its_children() {
    let mut site = Site::new("");
    let program = site.dir.path().join("slow.sh");
    let processes = site.dir.path().join("processes");
    script(
        &program,
        &format!(
            "sleep 1000 & echo $$ $! > '{0}.new'; mv '{0}.new' '{0}'; wait",
            processes.display()
        ),
    );
    site.configure(&format!(
        "notify.on_publish = [\"{}\"]\nnotify.on_publish_timeout_s = 1",
        program.display()
    ));
    site.start();
    eventually_logged(&site, "event=notifying", 1);
    // Where the machine is too slow for the limit, the program has not begun by then.
    for run in 1..=10 {
        site.drop_in(&format!("{run}.md"), format!("# {run}\n\nText"));
        eventually_logged(&site, "was ended after 1 s", run);
        if processes.exists() {
            break;
        }
    }
    all_end(&processes);
    // A stop ends a run, too.
    fs::remove_file(&processes).unwrap();
    site.stop();
    site.configure(&format!("notify.on_publish = [\"{}\"]", program.display()));
    site.start();
    site.drop_in("last.md", "# Last\n\nText");
    eventually("it runs", || processes.exists());
    site.stop();
    all_end(&processes);
}

/// Waits until the processes that a file lists have ended.
fn all_end(list: &Path) {
    let list = fs::read_to_string(list).unwrap();
    assert_eq!(list.split_whitespace().count(), 2, "{list}");
    for process in list.split_whitespace() {
        eventually(&format!("process {process} ends"), || {
            // One that is not waited for yet has ended, too.
            match fs::read_to_string(format!("/proc/{process}/stat")) {
                Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
                Err(_) => true,
            }
        });
    }
}

#[test]
fn a_start_without_its_secret_or_with_a_damaged_memory() {
    let site = Site::new(
        "notify.webhook = \"http://127.0.0.1:1/\"\nnotify.webhook_secret_file = \"none.txt\"",
    );
    let refused = site.command(&["serve"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(said.contains("notify.webhook_secret_file") && said.contains("none.txt"), "{said}");

    let server = Server::start();
    let mut site = published_to(&server, "");
    site.stop();
    let file = site.dir.path().join(".dropfeed/push.db");
    fs::write(&file, "no database".repeat(99)).unwrap();
    site.start();
    eventually_logged(&site, "push.db is damaged", 1);
    // The hub is a new one then, and the site is served.
    eventually_logged(&site, "gets pings for", 1);
    site.drop_in("second.md", "# Second\n\nText");
    eventually("pings go on", || server.pings().len() >= 3);
    assert!(file.with_file_name("push.db.damaged").exists());
}
