//! Nothing that was ever visible changes its identity, wherever the process dies.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use dropfeed::testing::base::Timestamp;
use dropfeed::testing::config::Config;
use dropfeed::testing::engine::{Clock, Command, Engine, ManualClock, Parts, Renderer, settling};
use dropfeed::testing::publish::{PollReason, Published, Watching};
use dropfeed::testing::source::{Inbox, Look, Tree};
use dropfeed::testing::store::{Disk, Fault, Loss, Projector, Store, Target};
use tempfile::TempDir;

use super::fixture::{Item, Site, eventually, items};

/// What readers saw: by title, the id and the date.
type Seen = BTreeMap<String, (String, String)>;

/// A life of an engine over a modelled disk.
pub(super) struct Life {
    pub(super) engine: Engine,
    pub(super) published: Arc<Published>,
    pub(super) inbox: Arc<Inbox<Command>>,
}

/// What the clock of a life says.
pub(super) const NOW: &str = "2026-03-01T12:00:00Z";

pub(super) fn begin(dir: &Path, disk: &Disk) -> Option<Life> {
    begin_with(dir, disk, Box::new(disk.store()), true)
}

/// A life whose ledger is in `store`. `polling`: no events come, so that looking has to do.
pub(super) fn begin_with(
    dir: &Path,
    disk: &Disk,
    mut store: Box<dyn Store>,
    polling: bool,
) -> Option<Life> {
    let text = format!("[articles]\ngrace_s = 0\npoll = {polling}\npoll_s = 3600");
    let config = Arc::new(Config::of(&text, dir).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW.parse::<Timestamp>().unwrap()));
    let target: Box<dyn Target> = Box::new(disk.target());
    let projector = Projector::new(target, store.projected().ok()?);
    let inbox = Arc::new(Inbox::new(settling(&config.articles)));
    let renderer = Arc::new(Renderer::new(Arc::clone(&clock)));
    renderer.set_tree(Arc::new(
        Tree::open(&config.articles.dir, &[], config.articles.max_bytes).unwrap(),
    ));
    let published = Arc::new(Published::default());
    let (reason, every) = (PollReason::Configured, config.articles.poll_every);
    let watching = if polling { Watching::Polling { reason, every } } else { Watching::default() };
    let parts = Parts {
        config,
        store,
        projector,
        renderer,
        inbox: Arc::clone(&inbox),
        published: Arc::clone(&published),
        clock,
        watching,
    };
    Some(Life { engine: Engine::start(parts).ok()?, published, inbox })
}

impl Life {
    /// The entries that readers see now.
    pub(super) fn items(&self) -> Vec<Item> {
        let Some(snapshot) = self.published.load() else { return Vec::new() };
        let json = dropfeed::testing::base::Route::parse("/feed.json").unwrap();
        snapshot.hot.get(&json).map_or_else(Vec::new, |document| items(&document.identity))
    }

    fn look(&mut self, seen: &mut Seen) -> bool {
        let done = self.engine.step(&Look::Everything, &Default::default()).is_ok();
        for item in self.items() {
            let known =
                seen.entry(item.title.clone()).or_insert((item.id.clone(), item.published.clone()));
            assert_eq!(
                *known,
                (item.id, item.published),
                "{:?} is new to who saw it before",
                item.title
            );
        }
        done
    }
}

/// The things that happen to the tree, in order. Titles stand for articles: each keeps its own.
fn happen(dir: &Path, step: usize) {
    let articles = dir.join("articles");
    let write = |name: &str, title: &str, words: &str| {
        fs::create_dir_all(articles.join("n")).unwrap();
        fs::write(
            articles.join(name),
            format!("# {title}\n\n{words} of {title} and nothing else\n"),
        )
        .unwrap();
    };
    match step {
        0 => {
            write("a.md", "Ay", "first words");
            write("b.md", "Bee", "second words");
            write("n/c.md", "Sea", "third words");
        }
        1 => write("a.md", "Ay", "quite a lot of other words than before were written here"),
        2 => fs::rename(articles.join("b.md"), articles.join("n/d.md")).unwrap(),
        3 => {
            fs::remove_file(articles.join("n/c.md")).unwrap();
            write("e.md", "Eee", "fourth words");
        }
        _ => unreachable!("there are four steps"),
    }
}

/// One story with a death at the `k`-th operation; false where it was over before.
fn story(k: u64, fault: Fault, loss: Loss) -> bool {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("articles")).unwrap();
    let disk = Disk::new();
    disk.die_at(k, fault);
    let mut seen = Seen::new();
    let mut happened = 0;
    if let Some(mut life) = begin(dir.path(), &disk) {
        while happened < 4 {
            happen(dir.path(), happened);
            happened += 1;
            if !life.look(&mut seen) {
                break;
            }
        }
        let _ = life.engine.build();
    }
    let died = disk.is_dead();
    disk.restart(loss);
    let mut life = begin(dir.path(), &disk).expect("a restart reads what was committed");
    assert!(life.look(&mut seen));
    while happened < 4 {
        happen(dir.path(), happened);
        happened += 1;
        assert!(life.look(&mut seen));
    }
    let mut titles: Vec<String> = life.items().into_iter().map(|item| item.title).collect();
    titles.sort();
    assert_eq!(titles, ["Ay", "Bee", "Eee"]);
    let published = Arc::clone(&life.published);
    life.engine.build().unwrap();
    let snapshot = published.load().unwrap();
    for (route, document) in &snapshot.hot {
        let name = route.to_string();
        assert_eq!(
            disk.file(name.trim_start_matches('/')).as_deref(),
            Some(&*document.identity),
            "{name}"
        );
    }
    assert_eq!(disk.temps(), 0, "temporary files were left behind");
    died
}

#[test]
fn a_death_at_any_operation_changes_no_identity() {
    for fault in [Fault::Before, Fault::After] {
        for loss in [Loss::Nothing, Loss::Unsynced, Loss::Some(7)] {
            let mut k = 1;
            while story(k, fault, loss) {
                k += 1;
            }
            assert!(k > 20, "only {k} operations: the model does not see the engine's work");
        }
    }
}

#[test]
fn kill_9_in_a_loop_loses_nothing() {
    let mut site = Site::new("feeds.limit = 1000");
    let mut seen: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut written = 0;
    for round in 0..12 {
        site.start();
        for _ in 0..10 {
            site.drop_in(
                &format!("d{}/a{written}.md", written % 3),
                format!("# Title {written}\n\ntext {written}\n"),
            );
            written += 1;
        }
        // Die at another moment each time: after a first one is seen, or in the midst of writing.
        if round % 3 == 0 {
            site.appears(&format!("Title {}", written - 10));
        }
        for item in site.items() {
            let known = seen.entry(item.title).or_insert((item.id.clone(), item.published.clone()));
            assert_eq!(*known, (item.id, item.published));
        }
        site.kill();
    }
    site.start();
    eventually("all are there", || site.items().len() == written);
    for item in site.items() {
        if let Some(known) = seen.get(&item.title) {
            assert_eq!(*known, (item.id, item.published));
        }
    }
    eventually("feeds/ is repaired", || {
        fs::read(site.feeds().join("rss.xml")).is_ok_and(|bytes| bytes == site.get("/rss.xml").body)
    });
    let before = site.items();
    site.stop();
    site.start();
    assert_eq!(site.items(), before, "a restart serves what was served, from the first answer on");
}
