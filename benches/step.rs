//! One step of the engine, over real files and a modelled disk, and the commit of a step, on the
//! disk of the target directory.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use divan::Bencher;
use dropfeed::testing::base::{RelPath, Timestamp};
use dropfeed::testing::config::Config;
use dropfeed::testing::engine::{Clock, Engine, ManualClock, Parts, Renderer, settling};
use dropfeed::testing::library::Commit;
use dropfeed::testing::publish::{Published, Watching};
use dropfeed::testing::source::{Inbox, Look, Signs, Tree};
use dropfeed::testing::store::{Database, Disk, Lock, Projector, Store as _, Target};

use crate::markdown;

const NOW: &str = "2026-03-01T12:00:00Z";

/// Writes an article that is too old to be still under way.
fn write(dir: &Path, n: usize, version: usize) {
    let path = dir.join(format!("articles/a{n:06}.md"));
    fs::write(&path, format!("{}\nThis is version {version} of {n}.\n", markdown())).unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let modified = SystemTime::from(now) - Duration::from_secs(60);
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
}

/// An engine that has published so many articles.
fn engine(dir: &Path, articles: usize) -> Engine {
    fs::create_dir(dir.join("articles")).unwrap();
    for n in 0..articles {
        write(dir, n, 0);
    }
    let config = Arc::new(Config::of("", dir).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW.parse().unwrap()));
    let renderer = Arc::new(Renderer::new(Arc::clone(&clock)));
    let tree = Tree::open(&config.articles.dir, &[], config.articles.max_bytes).unwrap();
    renderer.set_tree(Arc::new(tree));
    let disk = Disk::new();
    let target: Box<dyn Target> = Box::new(disk.target());
    let parts = Parts {
        inbox: Arc::new(Inbox::new(settling(&config.articles))),
        config,
        store: Box::new(disk.store()),
        projector: Projector::new(target, Vec::new()),
        renderer,
        published: Arc::new(Published::default()),
        clock,
        watching: Watching::default(),
    };
    let mut engine = Engine::start(parts).unwrap();
    engine.step(&Look::Everything, &Signs::default()).unwrap();
    engine
}

/// An edit of an article in the feed: look, read, apply, render, write, check, publish.
#[divan::bench(args = [1_000, 10_000])]
fn apply(bencher: Bencher<'_, '_>, articles: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut engine = engine(dir.path(), articles);
    let look = Look::At(vec![RelPath::new(&format!("a{:06}.md", articles - 1)).unwrap()]);
    let mut version = 0;
    bencher
        .with_inputs(|| {
            version += 1;
            write(dir.path(), articles - 1, version);
        })
        .bench_local_values(|()| {
            let stepped = engine.step(&look, &Signs::default()).unwrap();
            assert!(stepped.published);
        });
}

/// The least that a step commits, durably: mostly the sync of the disk.
#[divan::bench]
fn commit(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut store = Database::open(Lock::acquire(dir.path()).unwrap()).unwrap();
    let mut generation = 0_u64;
    bencher.bench_local(|| {
        generation += 1;
        let values = vec![("generation".to_owned(), generation.to_string())];
        store.commit(&Commit { values, ..Commit::default() }).unwrap();
    });
}
