//! A dropfeed of one's own in a temporary directory: the real binary, its files, and a plain HTTP
//! client.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a condition may take to become true. Long, since it only bounds how long a failure
/// takes to be reported.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site: directories, a configuration, and the process that serves it while it runs.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    settings: String,
    environment: Vec<(&'static str, OsString)>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
}

/// One entry, as the JSON feed tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) title: String,
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) published: String,
    pub(crate) updated: String,
    pub(crate) html: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }
}

impl Site {
    /// A stopped site with an empty article directory. `settings`: more lines of configuration,
    /// beginning with a table.
    pub(crate) fn new(settings: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("articles")).unwrap();
        Self { dir, settings: settings.to_owned(), environment: Vec::new(), running: None }
    }

    /// The same, started.
    pub(crate) fn started(settings: &str) -> Self {
        let mut site = Self::new(settings);
        site.start();
        site
    }

    pub(crate) fn articles(&self) -> PathBuf {
        self.dir.path().join("articles")
    }

    pub(crate) fn feeds(&self) -> PathBuf {
        self.dir.path().join("feeds")
    }

    /// Writes a file beneath the article directory, in place.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.articles().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts a file beneath the article directory at once, by renaming it in.
    pub(crate) fn drop_in(&self, path: &str, text: impl AsRef<[u8]>) {
        let to = self.articles().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let from = self.dir.path().join("incoming");
        fs::write(&from, text).unwrap();
        fs::rename(from, to).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        let to = self.articles().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.articles().join(from), to).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.articles().join(path)).unwrap();
    }

    /// Writes the configuration; `settings` replaces what the site was made with.
    pub(crate) fn configure(&mut self, settings: &str) {
        self.settings = settings.to_owned();
        fs::write(self.config(), self.configuration()).unwrap();
    }

    /// Sets an environment variable of every later command.
    pub(crate) fn set_env(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    fn configuration(&self) -> String {
        let mut text = String::new();
        for (table, line) in [
            ("site", "title = \"Test\""),
            ("site", "url = \"http://test.example/\""),
            ("articles", "grace_s = 0"),
            ("server", "listen = \"127.0.0.1:0\""),
        ] {
            let key = line.split(' ').next().unwrap();
            if !self.settings.lines().any(|line| line.starts_with(&format!("{table}.{key} ="))) {
                text.push_str(&format!("{table}.{line}\n"));
            }
        }
        for line in self.settings.lines().filter(|line| !line.trim().is_empty()) {
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    /// The command that runs dropfeed on this site.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        fs::write(self.config(), self.configuration()).unwrap();
        let mut command = self.command_here(arguments);
        command.arg("--config").arg(self.config());
        command
    }

    /// The command that runs dropfeed in the directory of this site, where it finds the
    /// configuration that is there.
    pub(crate) fn command_here(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dropfeed"));
        command.args(arguments).current_dir(self.dir.path());
        command
            .env_remove("STATE_DIRECTORY")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .env_remove("CREDENTIALS_DIRECTORY")
            .env_remove("JOURNAL_STREAM")
            .envs(self.environment.iter().cloned());
        command
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(&mut self) {
        self.start_with(&["serve"]);
    }

    /// Starts it with these arguments, and waits until it listens.
    pub(crate) fn start_with(&mut self, arguments: &[&str]) {
        let command = self.command(arguments);
        self.start_command(command);
    }

    /// Starts this command, and waits until it listens.
    pub(crate) fn start_command(&mut self, mut command: Command) {
        assert!(self.running.is_none(), "it runs already");
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        // Ends with the process.
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line))
        });
        let address = |log: &Vec<String>| {
            let line = log.iter().find(|line| line.contains("listening on http://"))?;
            let rest = line.split("listening on http://").nth(1)?;
            Some(rest.split([',', ' ']).next()?.to_owned())
        };
        let mut found = None;
        eventually("it listens", || {
            found = address(&log.lock().unwrap());
            assert!(
                child.try_wait().unwrap().is_none() || found.is_some(),
                "it ended: {:?}",
                log.lock().unwrap()
            );
            found.is_some()
        });
        self.running = Some(Running { child, address: found.unwrap(), log });
    }

    /// Stops it as systemd would, and waits.
    pub(crate) fn stop(&mut self) {
        let mut running = self.running.take().expect("it runs");
        signal(&running.child, "TERM");
        let mut status = None;
        eventually("it stops", || {
            status = running.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{status:?}: {:#?}", running.log.lock().unwrap());
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// Has it read its configuration again.
    pub(crate) fn hang_up(&self) {
        signal(&self.running.as_ref().expect("it runs").child, "HUP");
    }

    /// Sends it a signal: `INT`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.running.as_ref().expect("it runs").child, name);
    }

    /// The status of the answer to a HEAD request.
    pub(crate) fn head(&self, path: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address()).expect("it accepts connections");
        write!(stream, "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut head = String::new();
        stream.read_to_string(&mut head).unwrap();
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The processor time that it has used, in hundredths of a second: fields 14 and 15 of
    /// proc(5)'s `stat`.
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process())).unwrap();
        let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
        fields.map(|field| field.parse::<u64>().unwrap()).sum()
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.running.as_ref().expect("it runs").child.id()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.running.as_ref().expect("it runs").log.lock().unwrap().clone()
    }

    pub(crate) fn address(&self) -> &str {
        &self.running.as_ref().expect("it runs").address
    }

    /// A GET with more header lines (each ending in CR LF).
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Response {
        get(self.address(), path, headers)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.get_with(path, "")
    }

    /// The entries of a JSON feed; none before the first is published.
    pub(crate) fn items_of(&self, path: &str) -> Vec<Item> {
        let response = self.get(path);
        if response.status != 200 {
            return Vec::new();
        }
        items(&response.body)
    }

    pub(crate) fn items(&self) -> Vec<Item> {
        self.items_of("/feed.json")
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        self.items().into_iter().map(|item| item.title).collect()
    }

    pub(crate) fn item(&self, title: &str) -> Option<Item> {
        self.items().into_iter().find(|item| item.title == title)
    }

    /// Waits until an entry of this title stands in the feed, and gives it.
    pub(crate) fn appears(&self, title: &str) -> Item {
        let mut found = None;
        eventually(&format!("{title:?} appears; log: {:#?}", self.log()), || {
            found = self.item(title);
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until the feed has exactly these titles, in any order.
    pub(crate) fn settles(&self, titles: &[&str]) {
        let mut expected: Vec<&str> = titles.to_vec();
        expected.sort_unstable();
        let mut last = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            last = self.titles();
            last.sort();
            if last == expected {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the feed has {last:?} instead of {expected:?}; log: {:#?}", self.log());
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// Waits until a condition holds; fails by name if it never does.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The entries of a JSON feed, newest first.
pub(crate) fn items(json: &[u8]) -> Vec<Item> {
    let feed: serde_json::Value =
        serde_json::from_slice(json).expect("a feed is always whole JSON");
    let text =
        |item: &serde_json::Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let item = |item: &serde_json::Value| Item {
        title: text(item, "title"),
        id: text(item, "id"),
        url: text(item, "url"),
        published: text(item, "date_published"),
        updated: text(item, "date_modified"),
        html: text(item, "content_html"),
    };
    feed["items"].as_array().expect("a feed has items").iter().map(item).collect()
}

/// One request on a connection of its own.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> Response {
    let fields = format!("Host: localhost\r\nConnection: close\r\n{headers}");
    send(address, &format!("GET {path} HTTP/1.1\r\n{fields}\r\n"))
}

/// Sends a request as it is, which must close the connection, and reads the answer.
pub(crate) fn send(address: &str, request: &str) -> Response {
    let mut stream = TcpStream::connect(address).expect("it accepts connections");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes[end + 4..].to_vec();
    let response = Response { status, head, body };
    if let Some(length) = response.header("content-length")
        && !request.starts_with("HEAD ")
    {
        assert_eq!(length.parse::<usize>().unwrap(), response.body.len(), "a body is always whole");
    }
    response
}

fn signal(child: &Child, name: &str) {
    let status =
        Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}
