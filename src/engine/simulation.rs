//! The loop under a timer that the test drives: nothing sleeps, and every wait is exact.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use tokio::sync::oneshot;

mod late;
mod operator;
mod work;

use super::renderer::Renderer;
use super::{Command, Engine, Parts, Reloaded, settling};
use crate::base::{Digest, Format, RelPath, Route, Scope, Timestamp};
use crate::config::Config;
use crate::library::{Commit, Remembered, Seq, Words};
use crate::ops::clock::{Clock as _, ManualClock, ManualTimer, SystemClock, Timer as _};
use crate::publish::{PollReason, Published, Watching};
use crate::source::settle::Sign;
use crate::source::{Inbox, Tree};
use crate::store::model::Disk;
use crate::store::{Projected, Projector, Stamp, Store, StoreError, Target};

/// The wall clock at the start.
const NOW: &str = "2026-03-01T12:00:00Z";

/// An engine in a world of its own.
struct World {
    dir: TempDir,
    engine: Engine,
    inbox: Arc<Inbox<Command>>,
    published: Arc<Published>,
    clock: Arc<ManualClock>,
    timer: Arc<ManualTimer>,
    start: Instant,
    /// Until when the loop sleeps if nothing wakes it.
    deadline: Instant,
    ledger: Ledger,
    disk: Disk,
    /// Nothing is written to `feeds/` while this is locked.
    feeds_gate: Arc<Mutex<()>>,
    /// The files that were written to `feeds/`.
    put: Arc<Mutex<Put>>,
}

/// The files that were written to `feeds/`, and their bytes.
#[derive(Debug, Default)]
struct Put {
    files: usize,
    bytes: usize,
}

/// A target on a disk that can be made infinitely slow.
struct SlowTarget {
    target: Box<dyn Target>,
    gate: Arc<Mutex<()>>,
    put: Arc<Mutex<Put>>,
}

impl Target for SlowTarget {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<Stamp> {
        drop(self.gate.lock().unwrap());
        let mut put = self.put.lock().unwrap();
        put.files += 1;
        put.bytes += bytes.len();
        self.target.put(name, bytes)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.target.remove(name)
    }

    fn digest(&self, name: &str) -> io::Result<Option<Digest>> {
        self.target.digest(name)
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        self.target.stamp(name)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.target.settle()
    }

    fn clean(&mut self, names: &[&str]) -> io::Result<()> {
        self.target.clean(names)
    }
}

/// A store that can be broken, and that notes when a commit was tried.
#[derive(Clone)]
struct Ledger {
    store: Arc<Mutex<Box<dyn Store>>>,
    timer: Arc<ManualTimer>,
    is_broken: Arc<AtomicBool>,
    tries: Arc<Mutex<Vec<Instant>>>,
    /// The last commit of a step.
    last: Arc<Mutex<Commit>>,
}

impl Store for Ledger {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        self.store.lock().unwrap().load()
    }

    fn words(&mut self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        self.store.lock().unwrap().words(seqs)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        if !commit.values.iter().any(|(name, _)| name == super::value::GENERATION) {
            return self.store.lock().unwrap().commit(commit);
        }
        self.tries.lock().unwrap().push(self.timer.now());
        *self.last.lock().unwrap() = commit.clone();
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Full { path: "state.db".into() });
        }
        self.store.lock().unwrap().commit(commit)
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        self.store.lock().unwrap().projected()
    }

    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError> {
        self.store.lock().unwrap().set_projected(changes)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.store.lock().unwrap().checkpoint()
    }
}

fn config(dir: &Path, settings: &str) -> Config {
    Config::of(&format!("articles.grace_s = 0\n{settings}"), dir).unwrap()
}

impl World {
    /// An engine that is polling if the settings say so, and else expects the test to push hints.
    fn new(settings: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("articles")).unwrap();
        Self::starting(settings, dir, NOW.parse().unwrap())
    }

    /// An engine that finds what is in the directory, at this time.
    fn starting(settings: &str, dir: TempDir, now: Timestamp) -> Self {
        let config = Arc::new(config(dir.path(), settings));
        let (disk, timer) = (Disk::new(), Arc::new(ManualTimer::default()));
        let clock = Arc::new(ManualClock::at(now));
        let ledger = Ledger {
            store: Arc::new(Mutex::new(Box::new(disk.store()))),
            timer: Arc::clone(&timer),
            is_broken: Arc::default(),
            tries: Arc::default(),
            last: Arc::default(),
        };
        let renderer = Arc::new(Renderer::new(Arc::<ManualClock>::clone(&clock)));
        let mut tree = Tree::open(&config.articles.dir, &[], config.articles.max_bytes).unwrap();
        let inbox =
            Inbox::with_timer(settling(&config.articles), Arc::<ManualTimer>::clone(&timer));
        let (inbox, published) = (Arc::new(inbox), Arc::new(Published::default()));
        tree.work_for(&inbox);
        renderer.set_tree(Arc::new(tree));
        let every = config.articles.poll_every;
        let watching = match config.articles.poll {
            true => Watching::Polling { reason: PollReason::Configured, every },
            false => Watching::default(),
        };
        let feeds_gate = Arc::<Mutex<()>>::default();
        let put = Arc::<Mutex<Put>>::default();
        let target = SlowTarget {
            target: Box::new(disk.target()),
            gate: Arc::clone(&feeds_gate),
            put: Arc::clone(&put),
        };
        let parts = Parts {
            config,
            store: Box::new(ledger.clone()),
            projector: Projector::new(Box::new(target), Vec::new()),
            renderer,
            inbox: Arc::clone(&inbox),
            published: Arc::clone(&published),
            clock: Arc::<ManualClock>::clone(&clock),
            watching,
        };
        let (engine, start) = (Engine::start(parts).unwrap(), timer.now());
        let mut world = Self {
            dir,
            engine,
            inbox,
            published,
            clock,
            timer,
            start,
            deadline: start,
            ledger,
            disk,
            feeds_gate,
            put,
        };
        let first = world.engine.first_batch();
        world.engine.turn(first);
        world.deadline = world.engine.deadline();
        world
    }

    /// Lets time pass. The loop takes a turn whenever it would wake.
    fn run(&mut self, time: Duration) {
        let end = self.timer.now() + time;
        loop {
            let wake = self.inbox.due().map_or(self.deadline, |due| due.min(self.deadline));
            self.pass(wake.min(end).saturating_duration_since(self.timer.now()));
            if wake > end {
                return;
            }
            let batch = self.inbox.wait(Some(self.timer.now()));
            self.engine.turn(batch);
            self.deadline = self.engine.deadline();
        }
    }

    fn pass(&self, time: Duration) {
        self.timer.advance(time);
        self.clock.set(self.clock.now() + time);
    }

    /// Writes an article, a minute ago by its time stamp. No event reports it.
    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let written = SystemTime::from(self.clock.now()) - Duration::from_secs(60);
        File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    }

    /// Pushes what the watcher would report of a file that is moved in.
    fn arrive(&self, path: &str) {
        self.inbox.push((RelPath::new(path).unwrap(), Sign::Arrived).into());
    }

    /// The counts of the status: public, drafts, scheduled, refused.
    fn contents(&self) -> (usize, usize, usize, usize) {
        let contents = &self.published.status().contents;
        let (drafts, scheduled) = (contents.drafts, contents.scheduled.len());
        (contents.entries, drafts, scheduled, contents.refused_count())
    }

    /// The world after a restart that has not looked yet.
    fn restarted(self) -> Self {
        let published = Arc::new(Published::default());
        let config = Arc::clone(&self.engine.parts.config);
        let target: Box<dyn Target> = Box::new(self.disk.target());
        let parts = Parts {
            config,
            store: Box::new(self.ledger.clone()),
            projector: Projector::new(target, Vec::new()),
            renderer: Arc::clone(self.engine.renderer()),
            inbox: Arc::clone(&self.inbox),
            published: Arc::clone(&published),
            clock: Arc::<ManualClock>::clone(&self.clock),
            watching: Watching::default(),
        };
        Self { engine: Engine::start(parts).unwrap(), published, ..self }
    }

    /// Reloads, and returns the reply.
    fn reload(&mut self, settings: &str) -> Reloaded {
        let config = Box::new(config(self.dir.path(), settings));
        let (reply, mut replied) = oneshot::channel();
        self.inbox.command(Command::Reload { config, reply }).unwrap();
        self.run(ms(0));
        replied.try_recv().unwrap()
    }

    /// The titles of all public articles, oldest first.
    fn titles(&self) -> Vec<String> {
        let Some(snapshot) = self.published.load() else { return Vec::new() };
        snapshot.library.articles().map(|article| article.head.title.clone()).collect()
    }

    /// The times at which a commit was tried since the last call, in milliseconds since the start.
    fn tries_ms(&self) -> Vec<u128> {
        let tries = std::mem::take(&mut *self.ledger.tries.lock().unwrap());
        tries.iter().map(|at| at.duration_since(self.start).as_millis()).collect()
    }

    fn set_broken(&self, is_broken: bool) {
        self.ledger.is_broken.store(is_broken, Ordering::Relaxed);
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const HOUR: &str = "articles.reconcile_s = 3600";

#[test]
fn what_is_heard_during_the_first_scan_is_not_published_without_the_rest() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("articles")).unwrap();
    fs::write(dir.path().join("articles/a.md"), "# A\n\ntext").unwrap();
    let mut world = World::starting(HOUR, dir, SystemClock.now());
    assert_eq!((world.titles().len(), world.published.status().scans), (0, None));
    world.write("articles/b.md", "# B\n\ntext");
    world.arrive("b.md");
    world.run(ms(10));
    assert_eq!((world.titles().len(), world.published.status().scans), (0, None));
    // The event that says that a file is whole ends the wait for it.
    world.arrive("a.md");
    world.run(ms(10));
    assert_eq!(world.titles(), ["B", "A"], "oldest first");
    assert!(world.published.status().scans.is_some_and(|scans| scans.count == 1));
}

#[test]
fn a_step_that_fails_is_repeated_after_twice_the_time_up_to_ten_seconds() {
    let mut world = World::new(HOUR);
    assert_eq!(world.tries_ms(), [0]);
    world.set_broken(true);
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(40_000));
    assert_eq!(world.tries_ms(), [0, 250, 750, 1_750, 3_750, 7_750, 15_750, 25_750, 35_750]);
    assert_eq!(world.titles(), [""; 0]);
    world.set_broken(false);
    world.run(ms(10_000));
    assert_eq!((world.tries_ms(), world.titles()), (vec![45_750], vec!["A".to_owned()]));
    // The wait begins small again.
    world.set_broken(true);
    world.write("articles/b.md", "# B\n\ntext");
    world.arrive("b.md");
    world.run(ms(1_000));
    assert_eq!(world.tries_ms(), [50_000, 50_250, 50_750]);
}

#[test]
fn what_is_due_does_not_wake_a_loop_that_cannot_publish_it() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "---\ndate: 2026-03-01T12:00:05Z\n---\n# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(1_000));
    world.tries_ms();
    world.set_broken(true);
    world.run(ms(6_000));
    assert_eq!(world.tries_ms(), [5_001, 5_251, 5_751, 6_751]);
    world.set_broken(false);
    world.run(ms(2_000));
    assert_eq!(world.titles(), ["A"]);
}

#[test]
fn an_article_stays_while_its_file_is_written_at_another_path() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(100));
    let id = world.published.load().unwrap().library.articles().next().unwrap().id.clone();
    let articles = world.dir.path().join("articles");
    let writer = File::options().append(true).open(articles.join("a.md")).unwrap();
    fs::rename(articles.join("a.md"), articles.join("b.md")).unwrap();
    // Only the one half of the rename is heard, and there is no grace.
    world.arrive("a.md");
    for _ in 0..600 {
        world.run(ms(100));
        assert_eq!(world.titles(), ["A"]);
    }
    drop(writer);
    world.run(ms(5_000));
    let snapshot = world.published.load().unwrap();
    let article = snapshot.library.articles().next().unwrap();
    assert_eq!((article.path.as_str(), &article.id), ("b.md", &id));

    // Once its file is gone for good, so is the article.
    let writer = File::options().append(true).open(articles.join("b.md")).unwrap();
    fs::rename(articles.join("b.md"), articles.join("c.md")).unwrap();
    world.arrive("b.md");
    world.run(ms(5_000));
    assert_eq!(world.titles(), ["A"]);
    fs::remove_file(articles.join("c.md")).unwrap();
    drop(writer);
    world.run(ms(15_000));
    assert_eq!(world.titles(), [""; 0]);
}

#[test]
fn a_copy_that_is_written_does_not_hide_where_its_original_went() {
    for is_public in [true, false] {
        let mut world = World::new(HOUR);
        world.write("articles/a.md", "# A\n\ntext");
        world.arrive("a.md");
        world.run(ms(1_000));
        world.write("articles/b.md", "# A\n\ntext");
        if is_public {
            world.arrive("b.md");
            world.run(ms(1_000));
        }
        let id = |world: &World, path: &str| {
            let snapshot = world.published.load().unwrap();
            let article = snapshot.library.at_path(&RelPath::new(path).unwrap());
            article.map(|article| article.id.clone())
        };
        let before = id(&world, "a.md");
        let articles = world.dir.path().join("articles");
        let writer = File::options().append(true).open(articles.join("b.md")).unwrap();
        writer.set_modified(SystemTime::from(world.clock.now())).unwrap();
        fs::rename(articles.join("a.md"), articles.join("c.md")).unwrap();
        world.arrive("a.md");
        world.run(ms(1_000));
        assert_eq!(id(&world, "c.md"), before);
        assert!(before.is_some());
    }
}

#[test]
fn an_article_is_published_when_its_time_has_come() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "---\ndate: 2026-03-01T12:30:00Z\n---\n# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(1_799_999));
    assert_eq!(world.titles(), [""; 0]);
    world.run(ms(2));
    assert_eq!(world.titles(), ["A"]);
}

#[test]
fn a_file_that_cannot_be_parsed_keeps_its_article_where_it_is_moved() {
    for broken in ["---\ntitle: [\n---\n", ""] {
        let mut world = World::new(HOUR);
        world.write("articles/a.md", "# A\n\ntext");
        world.arrive("a.md");
        world.run(ms(1_000));
        let id = |world: &World| {
            let snapshot = world.published.load().unwrap();
            snapshot.library.articles().map(|article| article.id.clone()).collect::<Vec<_>>()
        };
        let before = id(&world);
        world.write("articles/a.md", broken);
        let articles = world.dir.path().join("articles");
        fs::rename(articles.join("a.md"), articles.join("b.md")).unwrap();
        world.arrive("a.md");
        world.arrive("b.md");
        world.run(ms(1_000));
        assert_eq!((world.titles(), id(&world)), (vec!["A".to_owned()], before.clone()));
        assert_eq!(world.inbox.due(), None, "it is rendered again and again");
        world.write("articles/b.md", "# B\n\ntext");
        world.arrive("b.md");
        world.run(ms(1_000));
        assert_eq!((world.titles(), id(&world)), (vec!["B".to_owned()], before));
    }
}

#[test]
fn without_a_grace_an_article_is_looked_for_before_it_is_deleted() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(1_000));
    let articles = world.dir.path().join("articles");
    fs::rename(articles.join("a.md"), articles.join("b.md")).unwrap();
    // The other half of the rename is not heard yet.
    world.arrive("a.md");
    world.run(ms(1_000));
    let snapshot = world.published.load().unwrap();
    assert!(snapshot.library.at_path(&RelPath::new("b.md").unwrap()).is_some());
    assert_eq!(world.titles(), ["A"]);
}

#[test]
fn a_date_that_does_not_matter_any_more_wakes_the_loop_once() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "---\ndate: 2026-03-01T12:30:00Z\n---\n# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(1_000));
    fs::remove_file(world.dir.path().join("articles/a.md")).unwrap();
    world.arrive("a.md");
    world.run(ms(1_000));
    world.run(ms(1_800_000));
    assert!(world.deadline > world.timer.now() + ms(60_000), "it is due again and again");
}

#[test]
fn what_no_event_reported_is_found_by_polling_or_by_the_reconcile_scan() {
    for settings in ["articles.poll = true\narticles.poll_s = 30", "articles.reconcile_s = 30"] {
        let mut world = World::new(settings);
        world.run(ms(10_000));
        world.write("articles/a.md", "# A\n\ntext");
        world.run(ms(19_999));
        assert_eq!(world.titles(), [""; 0], "{settings}");
        world.run(ms(1));
        assert_eq!(world.titles(), ["A"], "{settings}");
    }
}

#[test]
fn a_hint_is_taken_at_once_and_a_file_that_is_written_when_it_has_settled() {
    let mut world = World::new("articles.settle_ms = 200\narticles.reconcile_s = 3600");
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(0));
    assert_eq!(world.titles(), ["A"]);
    world.write("articles/b.md", "# B\n\ntext");
    world.inbox.push((RelPath::new("b.md").unwrap(), Sign::Closed).into());
    world.run(ms(199));
    assert_eq!(world.titles(), ["A"]);
    world.run(ms(1));
    assert_eq!(world.titles(), ["A", "B"]);
}

#[test]
fn a_reload_takes_effect_at_once() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(1_000));
    let reply = world.reload("site.title = \"Another\"\narticles.poll = true\narticles.poll_s = 5");
    for key in ["site.title", "articles.poll"] {
        assert!(reply.applied.contains(&key), "{key}");
    }
    let snapshot = world.published.load().unwrap();
    assert_eq!(snapshot.config.site.title, "Another");
    // It polls from now on.
    world.write("articles/b.md", "# B\n\ntext");
    world.run(ms(4_999));
    assert_eq!(world.titles(), ["A"]);
    world.run(ms(1));
    assert_eq!(world.titles(), ["A", "B"]);
}

#[test]
fn a_directory_that_a_reload_names_is_opened_when_it_is_there() {
    let mut world = World::new("articles.poll = true\narticles.poll_s = 3600");
    world.write("articles/a.md", "# A\n\ntext");
    let reply =
        world.reload("articles.dir = \"later\"\narticles.poll = true\narticles.poll_s = 3600");
    assert_eq!(reply.applied, ["articles.dir"]);
    assert!(reply.without_directory.is_some_and(|why| why.contains("/later")));
    world.run(ms(60_000));
    world.write("later/b.md", "# B\n\ntext");
    world.run(ms(2_000));
    assert_eq!(world.titles(), ["B"]);
}

#[test]
fn a_wall_clock_that_steps_over_a_date_publishes_at_once() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "---\ndate: 2026-03-01T14:00:00Z\n---\n# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(1_000));
    world.clock.set("2026-03-01T14:00:00Z".parse().unwrap());
    world.run(ms(1_000));
    assert_eq!(world.titles(), [""; 0], "nothing else wakes the loop");
    world.inbox.clock_was_set();
    world.run(ms(0));
    assert_eq!(world.titles(), ["A"]);
    // What is public stays so when the clock steps back.
    world.clock.set("1970-01-01T00:00:00Z".parse().unwrap());
    world.inbox.clock_was_set();
    world.run(ms(1_000));
    assert_eq!(world.titles(), ["A"]);
}

#[test]
fn a_slow_disk_beneath_feeds_delays_no_publish() {
    let mut world = World::new(HOUR);
    let gate = Arc::clone(&world.feeds_gate);
    let slow = gate.lock().unwrap();
    let projection = world.engine.start_projection().unwrap();
    world.write("articles/n/a.md", "# A\n\ntext");
    world.arrive("n/a.md");
    world.run(ms(0));
    assert_eq!(world.titles(), ["A"]);
    assert_eq!(world.disk.names(), [""; 0]);
    drop(slow);
    let deadline = Instant::now() + Duration::from_secs(30);
    while world.disk.file("n/rss.xml").is_none() {
        assert!(Instant::now() < deadline, "the feeds are never written");
        std::thread::yield_now();
    }
    world.published.close();
    projection.join().unwrap();
    let text = |name: &str| String::from_utf8(world.disk.file(name).unwrap().to_vec()).unwrap();
    assert!(text("rss.xml").contains("<title>A</title>"));
    assert!(text("feeds.opml").contains("/n/"));
}

#[test]
fn feeds_that_another_program_changed_are_written_again() {
    let mut world = World::new(HOUR);
    let mut projection = world.engine.projection.take().unwrap();
    world.write("articles/n/a.md", "# A\n\ntext");
    world.arrive("n/a.md");
    world.run(ms(0));
    let snapshot = world.published.load().unwrap();
    projection.bring_up_to_date(&snapshot, &|| false).unwrap();
    // A feed that is kept in memory, one that is rendered on request, and the list of all.
    for name in ["atom.xml", "n/rss.xml", "feeds.opml"] {
        let written = world.disk.file(name);
        assert!(written.is_some(), "{name}");
        world.disk.plant(name, b"theirs");
        // What was published meanwhile is all that a pass compares.
        projection.bring_up_to_date(&snapshot, &|| false).unwrap();
        projection.check(&snapshot);
        projection.bring_up_to_date(&snapshot, &|| false).unwrap();
        assert_eq!(world.disk.file(name), written, "{name}");
    }
    let operations = world.disk.operations();
    projection.check(&snapshot);
    projection.bring_up_to_date(&snapshot, &|| false).unwrap();
    assert_eq!(world.disk.operations(), operations);
}

#[test]
fn the_projection_looks_for_changed_files_once_a_minute() {
    let mut world = World::new(HOUR);
    let projection = world.engine.start_projection().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let until = |what: &str, is_done: &dyn Fn() -> bool| {
        while !is_done() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::yield_now();
        }
    };
    let disk = world.disk.clone();
    world.write("articles/n/a.md", "# A\n\ntext");
    world.arrive("n/a.md");
    world.run(ms(0));
    until("the feeds are never written", &|| disk.file("n/rss.xml").is_some());
    let written = disk.file("n/rss.xml");
    disk.plant("n/rss.xml", b"theirs");
    world.run(ms(61_000));
    // Another directory's feeds change, which wakes the projection.
    world.write("articles/b.md", "# B\n\ntext");
    world.arrive("b.md");
    world.run(ms(0));
    until("the file is never written again", &|| disk.file("n/rss.xml") == written);
    world.published.close();
    projection.join().unwrap();
}

#[test]
fn a_document_that_does_not_come_back_whole_is_not_written_and_the_next_one_is_read_whole() {
    let mut world = World::new(HOUR);
    let mut projection = world.engine.projection.take().unwrap();
    let mut project = |world: &World| {
        let snapshot = world.published.load().unwrap();
        projection.bring_up_to_date(&snapshot, &|| false).is_ok()
    };
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(0));
    assert!(project(&world));
    let good = world.disk.file("atom.xml");

    let route = Route::Feed(Scope::Site, Format::Atom);
    world.engine.current.hot.put(route, Format::Atom, "<feed>".into(), world.clock.now());
    world.engine.publish();
    assert!(!project(&world));
    assert_eq!(world.disk.file("atom.xml"), good);
    assert!(world.engine.distrust.load(Ordering::Relaxed));

    world.write("articles/b.md", "# B\n\ntext");
    world.arrive("b.md");
    world.run(ms(0));
    assert!(!world.engine.distrust.load(Ordering::Relaxed));
    assert!(project(&world));
    assert!(world.disk.file("atom.xml").is_some_and(|bytes| Some(bytes) != good));
}

#[test]
fn the_status_follows_each_step_and_is_what_a_start_would_find() {
    let mut world = World::new(HOUR);
    let refused = "---\ntitle: [\n---\ntext";
    let later = "---\ndate: 2026-03-01T13:00:00Z\n---\n# Later\n\ntext";
    let draft = "---\ndraft: true\n---\n# Draft\n\ntext";
    // The file, its text, and then: public, drafts, scheduled, refused.
    for (name, text, expected) in [
        ("a.md", "# A\n\ntext", (1, 0, 0, 0)),
        ("b.md", refused, (1, 0, 0, 1)),
        ("c.md", later, (1, 0, 1, 1)),
        ("d.md", draft, (1, 1, 1, 1)),
        ("d.md", later, (1, 0, 2, 1)),
        ("a.md", refused, (1, 0, 2, 2)),
        ("a.md", draft, (0, 1, 2, 1)),
        ("b.md", "# B\n\nother", (1, 1, 2, 0)),
        ("c.md", refused, (1, 1, 1, 1)),
        ("a.md", "# A\n\ntext", (2, 0, 1, 1)),
    ] {
        world.write(&format!("articles/{name}"), text);
        world.arrive(name);
        world.run(ms(10));
        assert_eq!(world.contents(), expected, "{name}: {text}");
        let status = world.published.status();
        let last = status.published.unwrap();
        assert_eq!(last.generation, world.published.load().unwrap().generation);
        assert!(last.took.is_some());
    }
    let mut again = world.restarted();
    assert_eq!(again.contents(), (2, 0, 0, 1), "what waits is weighed by the first step");
    let first = again.engine.first_batch();
    again.engine.turn(first);
    assert_eq!(again.contents(), (2, 0, 1, 1));
    // What waits is published by itself.
    again.deadline = again.engine.deadline();
    again.run(ms(3_600_000));
    assert_eq!(again.contents(), (3, 0, 0, 1));
    fs::remove_file(again.dir.path().join("articles/c.md")).unwrap();
    again.arrive("c.md");
    again.run(ms(10));
    assert_eq!(again.contents(), (3, 0, 0, 0));
}

#[test]
fn a_file_that_cannot_be_read_is_in_the_status_until_it_can() {
    let mut world = World::new(HOUR);
    world.write("articles/a.md", "# A\n\ntext");
    let file = world.dir.path().join("articles/a.md");
    let set_mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o000);
    world.arrive("a.md");
    let published = Arc::clone(&world.published);
    let line = move || published.status().lines().next();
    crate::source::testing::powerless(|| {
        world.run(ms(10));
        let denied = "degraded: a.md: cannot be read: Permission denied";
        assert!(line().is_some_and(|line| line.starts_with(denied)), "{:?}", line());
        let since = world.published.status().unreadable.get_min().unwrap().1.since;
        world.arrive("a.md");
        world.run(ms(10));
        assert_eq!(world.published.status().unreadable.get_min().unwrap().1.since, since);
        set_mode(0o644);
        world.arrive("a.md");
        world.run(ms(10));
        assert_eq!((line(), world.titles()), (None, vec!["A".to_owned()]));
    });
}

#[test]
fn a_directory_that_may_not_be_entered_hides_what_is_in_it_and_nothing_has_recovered() {
    let mut world = World::new("articles.reconcile_s = 5");
    world.write("articles/a.md", "# A\n\ntext");
    world.write("articles/d/b.md", "# B\n\ntext");
    world.write("articles/d/c.md", "# C\n\ntext");
    let articles = world.dir.path().join("articles");
    let set_mode = |path: &str, mode| {
        fs::set_permissions(articles.join(path), fs::Permissions::from_mode(mode)).unwrap()
    };
    let published = Arc::clone(&world.published);
    let unreadable = move || -> Vec<String> {
        published.status().unreadable.keys().map(ToString::to_string).collect()
    };
    let published = Arc::clone(&world.published);
    let lines = move || -> Vec<String> { published.status().lines().collect() };
    let gone = format!(
        "degraded: the article directory cannot be reached: {}: Permission denied (os error 13)",
        articles.display()
    );
    set_mode("d/c.md", 0o000);
    crate::source::testing::powerless(|| {
        world.run(ms(10_000));
        assert_eq!((world.titles().len(), unreadable()), (2, vec!["d/c.md".to_owned()]));
        for closed in [0o000, 0o300, 0o600] {
            set_mode("", closed);
            world.arrive("a.md");
            world.run(ms(20_000));
            assert_eq!(lines()[0], gone, "{closed:o}");
            assert_eq!((lines().len(), unreadable()), (2, vec!["d/c.md".to_owned()]));
            set_mode("", 0o700);
            world.run(ms(20_000));
            assert_eq!((lines().len(), unreadable()), (1, vec!["d/c.md".to_owned()]));
        }
        for closed in [0o000, 0o300, 0o600] {
            set_mode("d", closed);
            world.run(ms(20_000));
            assert_eq!(unreadable(), ["d", "d/c.md"], "{closed:o}");
            set_mode("d", 0o700);
            world.run(ms(20_000));
            assert_eq!((world.titles().len(), unreadable()), (2, vec!["d/c.md".to_owned()]));
        }
        set_mode("d/c.md", 0o600);
        world.run(ms(20_000));
        assert_eq!((world.titles().len(), lines()), (3, vec![]));
    });
}

#[test]
fn a_failure_is_in_the_status_until_it_is_over() {
    let mut world = World::new(HOUR);
    world.set_broken(true);
    world.write("articles/a.md", "# A\n\ntext");
    world.arrive("a.md");
    world.run(ms(10_000));
    let status = world.published.status();
    assert_eq!(status.lines().collect::<Vec<_>>(), ["degraded: no space left for state.db"]);
    // It began ten seconds ago, however often it was tried.
    let since = status.degraded[&crate::publish::Part::Engine].since;
    assert_eq!(since, NOW.parse::<Timestamp>().unwrap());
    world.set_broken(false);
    world.run(ms(10_000));
    assert_eq!(world.published.status().lines().count(), 0);
}
