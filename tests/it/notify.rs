//! What the service manager hears (sd_notify(3)): readiness, the status line, the watchdog's pings,
//! reloads and the stop. It is a datagram socket of the test's own.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::fixture::{Site, eventually};

/// The interval of the watchdog in the tests.
const INTERVAL: Duration = Duration::from_secs(1);

/// A service manager: what it has received.
struct Manager(Arc<Mutex<Vec<String>>>);

impl Manager {
    /// A manager that `site` reports to, with a watchdog.
    fn of(site: &mut Site) -> Self {
        let path = site.dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        site.set_env("NOTIFY_SOCKET", path);
        site.set_env("WATCHDOG_USEC", INTERVAL.as_micros().to_string());
        let messages = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&messages);
        // A full queue would block the sender. The thread ends with the process of the tests.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
                received.lock().unwrap().push(message);
            }
        });
        Self(messages)
    }

    fn messages(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The number of messages with this line.
    fn count(&self, line: &str) -> usize {
        let messages = self.messages();
        messages.iter().filter(|message| message.lines().any(|one| one == line)).count()
    }

    fn hears(&self, line: &str) {
        eventually(&format!("the service manager hears {line}"), || self.count(line) > 0);
    }

    /// Waits for a ping that is sent from now on.
    fn hears_a_ping(&self) {
        let before = self.count("WATCHDOG=1");
        eventually("a ping", || self.count("WATCHDOG=1") > before);
    }

    /// Demands that no ping comes for three intervals.
    fn hears_no_ping(&self, what: &str) {
        let before = self.count("WATCHDOG=1");
        let end = Instant::now() + 3 * INTERVAL;
        while Instant::now() < end {
            assert_eq!(self.count("WATCHDOG=1"), before, "{what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The status lines, in their order.
    fn statuses(&self) -> Vec<String> {
        let messages = self.messages();
        let lines = messages.iter().flat_map(|message| message.lines());
        lines.filter_map(|line| line.strip_prefix("STATUS=")).map(str::to_owned).collect()
    }

    fn shows(&self, status: &str) {
        eventually(&format!("the status is {status:?}"), || {
            self.statuses().last().is_some_and(|last| last.starts_with(status))
        });
    }
}

#[test]
fn the_status_is_one_line_and_is_sent_when_it_changes() {
    let mut site = Site::new("articles.reconcile_s = 1");
    let manager = Manager::of(&mut site);
    site.write("a.md", "# A\n\ntext\n");
    site.start();
    manager.hears("READY=1");
    site.appears("A");
    manager.shows("serving 1 article");
    site.drop_in("b.md", "---\ntags: [\n---\n");
    manager.shows("serving 1 article; 1 file refused");
    site.drop_in("c.md", "---\ndate: 2999-01-01\n---\n# C\n\ntext\n");
    manager.shows("serving 1 article; 1 file refused; 1 scheduled");
    // A name with a line break must not begin a message of its own.
    fs::rename(site.articles(), site.dir.path().join("aside\nREADY=1")).unwrap();
    manager.shows("degraded: the article directory cannot be reached: ");
    fs::rename(site.dir.path().join("aside\nREADY=1"), site.articles()).unwrap();
    manager.shows("serving 1 article; 1 file refused; 1 scheduled");

    // Scans and pings go on, and the status says nothing new.
    let before = manager.statuses();
    manager.hears_a_ping();
    manager.hears_a_ping();
    manager.hears_a_ping();
    manager.hears_a_ping();
    let statuses = manager.statuses();
    assert_eq!(statuses, before);
    for pair in statuses.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
    for message in &manager.messages() {
        assert!(message.lines().all(|line| line.contains('=')), "{message:?}");
    }
    site.stop();
    manager.hears("STOPPING=1");
}

#[test]
fn pings_come_while_the_service_lives_and_end_when_it_is_stopped() {
    let mut site = Site::new("");
    let manager = Manager::of(&mut site);
    site.start();
    manager.hears_a_ping();
    manager.hears_a_ping();
    site.signal("STOP");
    let stat = format!("/proc/{}/stat", site.process());
    eventually("it is stopped", || fs::read_to_string(&stat).unwrap().contains(") T "));
    manager.hears_no_ping("it pings although it is stopped");
    site.signal("CONT");
    manager.hears_a_ping();
    site.stop();
}

#[test]
fn without_a_watchdog_nothing_pings() {
    let mut site = Site::new("");
    let manager = Manager::of(&mut site);
    site.set_env("WATCHDOG_USEC", "0");
    site.start();
    manager.hears("READY=1");
    let threads = fs::read_dir(format!("/proc/{}/task", site.process())).unwrap();
    for thread in threads {
        let name = fs::read_to_string(thread.unwrap().path().join("comm")).unwrap();
        assert_ne!(name.trim(), "watchdog");
    }
    site.stop();
    // Nor if the interval is meant for another process.
    site.set_env("WATCHDOG_USEC", "1000");
    site.set_env("WATCHDOG_PID", "1");
    site.start();
    site.stop();
    assert_eq!(manager.count("WATCHDOG=1"), 0);
}

/// A reload whose configuration is a FIFO blocks the loop of signals and commands, as a dead disk
/// would.
#[test]
fn a_loop_that_hangs_gets_no_pings() {
    let mut site = Site::new("");
    let manager = Manager::of(&mut site);
    site.start();
    manager.hears_a_ping();
    let (config, aside) = (site.config(), site.dir.path().join("aside.toml"));
    fs::rename(&config, &aside).unwrap();
    assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
    site.hang_up();
    manager.hears("RELOADING=1");
    let says = |text: &str| site.log().iter().any(|line| line.contains(text));
    eventually("the log names what hangs", || says("a loop that accepts connections does not"));
    manager.hears_no_ping("it pings although a loop hangs");
    assert_eq!(site.get("/feed.json").status, 200);

    let mut fifo = fs::OpenOptions::new().write(true).open(&config).unwrap();
    fifo.write_all(&fs::read(&aside).unwrap()).unwrap();
    drop(fifo);
    manager.hears_a_ping();
    eventually("the log says that it is over", || says("answers again"));
    eventually("the reload is over", || manager.count("READY=1") >= 2);
    site.stop();
}
