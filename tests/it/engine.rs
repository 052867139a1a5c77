//! The engine's loop over a modelled disk: what it takes, what it looks at again, and how long it
//! waits.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use dropfeed::testing::base::{RelPath, Route, Timestamp};
use dropfeed::testing::engine::Command;
use dropfeed::testing::library::{Commit, Remembered, Seq, Words};
use dropfeed::testing::publish::Published;
use dropfeed::testing::source::{Inbox, Look, Signs};
use dropfeed::testing::store::{Disk, Fault, Projected, Store, StoreError};
use tempfile::TempDir;

use super::crash::{Life, NOW, begin, begin_with};
use super::fixture::{eventually, items};

/// A loop on a thread of its own, which is stopped and joined when it is dropped.
struct Running {
    published: Arc<Published>,
    inbox: Arc<Inbox<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new(life: Life) -> Self {
        let Life { engine, published, inbox } = life;
        Self { published, inbox, thread: Some(thread::spawn(|| engine.run())) }
    }

    /// The titles in the feed; none before the first is published.
    fn titles(&self) -> Vec<String> {
        let Some(snapshot) = self.published.load() else { return Vec::new() };
        let document = snapshot.hot.get(&Route::parse("/feed.json").unwrap());
        let items = document.map_or_else(Vec::new, |document| items(&document.identity));
        items.into_iter().map(|item| item.title).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.inbox.close();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the loop panicked");
    }
}

fn site() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("articles/n")).unwrap();
    dir
}

/// Writes an article that was last written `age` before [`NOW`].
fn write(dir: &Path, name: &str, title: &str, age: Duration) {
    let path = dir.join("articles").join(name);
    fs::write(&path, format!("# {title}\n\nthe words of {title}\n")).unwrap();
    let written = SystemTime::from(NOW.parse::<Timestamp>().unwrap()) - age;
    File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
}

const OLD: Duration = Duration::from_secs(60);

#[test]
fn feeds_that_others_changed_are_written_again_at_the_next_start() {
    let (dir, disk) = (site(), Disk::new());
    write(dir.path(), "n/a.md", "A", OLD);
    let mut life = begin(dir.path(), &disk).unwrap();
    life.engine.step(&Look::Everything, &Default::default()).unwrap();
    life.engine.build().unwrap();
    for name in ["rss.xml", "n/rss.xml", "n/feed.json", "feeds.opml"] {
        let written = disk.file(name).unwrap();
        disk.plant(name, b"half of a fe");
        begin(dir.path(), &disk).unwrap().engine.build().unwrap();
        assert!(disk.file(name).as_deref() == Some(&*written), "{name} is not what it was");
    }
}

/// The events of a writer may be heard after the file was read: the file itself says that it is not
/// what was quiet.
#[test]
fn a_file_that_is_written_again_before_that_is_heard_is_not_taken() {
    let (dir, disk) = (site(), Disk::new());
    write(dir.path(), "old.md", "Old", OLD);
    let mut life = begin(dir.path(), &disk).unwrap();
    life.engine.step(&Look::Everything, &Signs::default()).unwrap();
    let path = RelPath::new("new.md").unwrap();
    let mut signs = Signs::default();
    signs.finished.insert(path.clone());
    signs.settled.insert(path.clone());
    for (age_ms, files) in [(50, 0), (99, 0), (100, 1)] {
        write(dir.path(), "new.md", "New", Duration::from_millis(age_ms));
        let stepped = life.engine.step(&Look::At(vec![path.clone()]), &signs).unwrap();
        assert_eq!(stepped.files, files, "{age_ms} ms");
    }
    // What was moved in may be as young as can be.
    signs.settled.clear();
    write(dir.path(), "new.md", "Newer", Duration::ZERO);
    assert_eq!(life.engine.step(&Look::At(vec![path]), &signs).unwrap().files, 1);
}

/// A store that notes when a commit is tried.
struct Timed {
    store: Box<dyn Store>,
    commits: Arc<Mutex<Vec<Instant>>>,
}

impl Store for Timed {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        self.store.load()
    }

    fn words(&mut self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        self.store.words(seqs)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.commits.lock().unwrap().push(Instant::now());
        self.store.commit(commit)
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        self.store.projected()
    }

    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError> {
        self.store.set_projected(changes)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.store.checkpoint()
    }
}

#[test]
fn a_step_that_fails_again_is_tried_after_twice_the_time() {
    let (dir, disk) = (site(), Disk::new());
    write(dir.path(), "a.md", "A", OLD);
    let commits = Arc::new(Mutex::new(Vec::new()));
    let store = Timed { store: Box::new(disk.store()), commits: Arc::clone(&commits) };
    let life = begin_with(dir.path(), &disk, Box::new(store), true).unwrap();
    disk.die_at(disk.operations() + 1, Fault::Before);
    let running = Running::new(life);
    eventually("four steps failed", || commits.lock().unwrap().len() >= 4);
    assert_eq!(running.titles(), [""; 0]);
    let commits = commits.lock().unwrap();
    let waits: Vec<Duration> = commits.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, least) in waits.iter().zip([250, 500, 1000]) {
        assert!(*wait >= Duration::from_millis(least), "{waits:?}");
    }
}
