//! A drop costs what it touches: the work of each part is counted, for trees of two sizes, so that
//! what grows with the tree fails by a count and not by a clock. `DROPFEED_WORK_SIZES=N,N` chooses
//! the sizes.

use super::*;

/// The work of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Work {
    /// Names looked at and files read, with what else the engine counts as getting on.
    looked_at: u64,
    /// Durable commits.
    commits: usize,
    /// Rows of every kind.
    rows: usize,
    /// Bodies rendered for the site's feed.
    rendered: usize,
    /// Feeds composed: their rows.
    documents: usize,
    /// Files written beneath `feeds/`.
    files: usize,
}

fn article(n: usize) -> String {
    format!("---\ntags: [t{}, common]\n---\n# A{n}\n\nThe words of number {n}.\n", n % 7)
}

impl World {
    /// A world that has published and projected so many articles, in ten directories.
    fn with(articles: usize) -> Self {
        let mut world = World::new(HOUR);
        for n in 0..articles {
            world.write(&format!("articles/d{}/a{n:05}.md", n % 10), &article(n));
        }
        world.inbox.rescan_later(Duration::ZERO);
        world.run(ms(1_000));
        assert_eq!(world.titles().len(), articles);
        world.project();
        world
    }

    fn project(&mut self) {
        let snapshot = self.published.load().unwrap();
        let projection = self.engine.projection.as_mut().unwrap();
        projection.bring_up_to_date(&snapshot, &|| false).unwrap();
    }

    /// The work of a file that arrives at a path.
    fn work(&mut self, path: &str, text: &str) -> Work {
        self.tries_ms();
        *self.put.lock().unwrap() = Put::default();
        let before = self.inbox.pulse().beats();
        self.write(&format!("articles/{path}"), text);
        self.arrive(path);
        self.run(ms(1_000));
        let looked_at = self.inbox.pulse().beats() - before;
        self.project();
        let commit = self.ledger.last.lock().unwrap().clone();
        let put = self.put.lock().unwrap();
        assert!(put.bytes > 0);
        Work {
            looked_at,
            commits: self.tries_ms().len(),
            rows: commit.files.len()
                + commit.records.len()
                + commit.urls.len()
                + commit.channels.len()
                + commit.bodies.len()
                + commit.documents.len()
                + commit.values.len(),
            rendered: commit.bodies.iter().filter(|(_, body)| body.is_some()).count(),
            documents: commit.documents.len(),
            files: put.files,
        }
    }
}

/// Two numbers of articles: what differs between 70 and 700 is seen in some seconds.
fn sizes() -> [usize; 2] {
    let Ok(asked) = std::env::var("DROPFEED_WORK_SIZES") else { return [70, 700] };
    let (small, large) = asked.split_once(',').expect("DROPFEED_WORK_SIZES is N,N");
    [small, large].map(|size| size.parse().expect("DROPFEED_WORK_SIZES is N,N"))
}

#[test]
fn more_articles_make_no_change_dearer() {
    let mut works = Vec::new();
    for articles in sizes() {
        let mut world = World::with(articles);
        let added = world.work("d1/new.md", &article(1));
        // An edit of the newest, and one of an article that is in no hot feed any more.
        let edited = world.work("d1/new.md", &format!("{}More.\n", article(1)));
        let old = world.work("d1/a00001.md", &format!("{}More.\n", article(1)));
        // One commit; one body; the three feeds of the site. Beneath `feeds/`, also those of the
        // directory and of two tags, and where a page is full, those of the archive.
        assert_eq!((added.commits, added.rendered, added.documents), (1, 1, 3), "{added:?}");
        assert!((12..=12 + 4 * 3).contains(&added.files), "{added:?}");
        assert_eq!((edited.commits, edited.rendered, edited.documents), (1, 1, 3), "{edited:?}");
        assert_eq!(edited.files, 12, "{edited:?}");
        assert_eq!((old.commits, old.rendered), (1, 0), "{old:?}");
        for work in [&added, &edited, &old] {
            assert!(work.looked_at < 20, "{work:?}");
            assert!(work.rows < 30, "{work:?}");
        }
        works.push((edited, old.looked_at, old.rows));
    }
    assert_eq!(works[0], works[1]);
}

#[test]
fn a_burst_is_one_commit() {
    let mut world = World::with(50);
    world.tries_ms();
    for n in 0..100 {
        world.write(&format!("articles/b{n}.md"), &article(1_000 + n));
        world.arrive(&format!("b{n}.md"));
    }
    world.run(ms(1_000));
    assert_eq!((world.tries_ms().len(), world.titles().len()), (1, 150));
}
