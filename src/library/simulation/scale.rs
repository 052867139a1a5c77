//! A change costs what it touches: rows to commit and documents to make are counted, for trees of
//! two sizes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::article::{self, Head, Reading};
use crate::base::{Digest, Fingerprint, RelPath, Scope};
use crate::library::{
    Changes, Deletions, Found, Given, Observation, Outcome, Reweigh, Scan, State,
};

use super::World;

/// What one change makes: rows of every kind, and documents, each in three formats.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Work {
    rows: usize,
    scopes: BTreeSet<Scope>,
    feeds: usize,
    pages: usize,
    is_list_new: bool,
}

struct Tree {
    world: World,
    /// What an article is read as, but for its title and tags.
    sample: Reading,
    articles: u64,
}

impl Tree {
    /// A first scan of so many articles in ten directories, each with two of a tenth as many tags,
    /// and one of nine.
    fn of(articles: u64) -> Self {
        let sample = article::head(&RelPath::new("a.md").unwrap(), b"# A\n\nSome words.\n");
        let mut tree = Self { world: World::new(), sample, articles };
        tree.world.policy.page_size = 15;
        let observations: Vec<Observation> = (1..=articles).map(|n| tree.article(n, "")).collect();
        tree.step(&observations, Scan::First);
        tree
    }

    fn article(&self, n: u64, more: &str) -> Observation {
        let path = RelPath::new(&format!("d{}/a{n:06}.md", n % 10)).unwrap();
        let tags = self.articles / 10;
        let tags = [format!("t{}", n % tags), format!("t{}", n * 7 % tags), format!("u{}", n % 9)];
        // Parsing so many files would take longer than everything else.
        let Reading::Article { head, sketch, .. } = &self.sample else { unreachable!() };
        let head = Head { title: format!("A{n} {more}"), tags: tags.to_vec(), ..(**head).clone() };
        let digest = Digest::of(head.title.as_bytes());
        let (head, sketch) = (Arc::new(head), Arc::clone(sketch));
        let reading = Reading::Article { head, sketch, diagnostics: Vec::new() };
        let fingerprint = Fingerprint { dev: 1, ino: n, ..Fingerprint::default() };
        Observation { path, found: Found::Read { fingerprint, racy: false, digest, reading } }
    }

    /// How far the steps so far have got.
    fn progress(&self) -> u64 {
        self.world.state.progress().load(Ordering::Relaxed)
    }

    fn step(&mut self, observations: &[Observation], scan: Scan) -> Outcome {
        let world = &mut self.world;
        let (state, outcome): (State, Outcome) = world.state.step(
            Given { observations, words: &world.words },
            &world.policy,
            world.now,
            scan,
            Reweigh::Changed,
            Deletions::Guarded,
        );
        world.state = state;
        world.words.extend(outcome.commit.words.clone());
        outcome
    }

    /// The work that a look at these files makes.
    fn work(&mut self, observations: &[Observation]) -> Work {
        let before = self.world.state.library().clone();
        let outcome = self.step(observations, Scan::Later);
        let library = self.world.state.library();
        let Changes::Of(changes) = library.changes_since(&before) else { panic!("everything") };
        let commit = outcome.commit;
        Work {
            rows: commit.files.len()
                + commit.records.len()
                + commit.urls.len()
                + commit.channels.len()
                + commit.values.len(),
            scopes: outcome.touched,
            feeds: changes.len(),
            pages: changes.iter().map(|(_, pages)| pages.len()).sum(),
            is_list_new: library.subscribable_version() != before.subscribable_version(),
        }
    }
}

#[test]
fn a_change_costs_what_it_touches() {
    let mut works = Vec::new();
    for articles in [1_000, 10_000] {
        let mut tree = Tree::of(articles);
        let library = tree.world.state.library();
        assert_eq!(library.len() as u64, articles);
        assert!(library.scopes().count() as u64 > articles / 10);
        let (new, old) = (tree.article(articles + 1, ""), tree.article(1, "Corrected."));
        let (added, edited) = (tree.work(&[new]), tree.work(&[old]));
        let nothing = tree.work(&[]);
        // The site, the directory and three tags; its author is the only one.
        assert_eq!((added.scopes.len(), added.feeds), (6, 6), "{added:?}");
        // The file, the article, its URL, the channels; and for each page that it fills, one value.
        assert!(added.rows <= 3 + 6 + added.pages, "{added:?}");
        assert!(added.pages <= 6, "{added:?}");
        assert_eq!((edited.scopes.len(), edited.feeds), (6, 6), "{edited:?}");
        assert_eq!(edited.rows, 2 + 6, "{edited:?}");
        // On one page of each archive, where it is on any.
        assert!((4..=6).contains(&edited.pages), "{edited:?}");
        assert!(!edited.is_list_new && !added.is_list_new, "no list of feeds changes");
        assert_eq!((nothing.rows, nothing.feeds, nothing.pages), (0, 0, 0));
        works.push((added.feeds, edited.rows, edited.feeds));
    }
    assert_eq!(works[0], works[1], "more articles cost no more");
}

#[test]
fn a_new_tag_is_new_in_the_list_of_feeds() {
    let mut tree = Tree::of(100);
    let mut article = tree.article(101, "");
    let Found::Read { reading: Reading::Article { head, .. }, .. } = &mut article.found else {
        unreachable!();
    };
    *head = Arc::new(Head { tags: vec!["quite new".to_owned()], ..(**head).clone() });
    assert!(tree.work(&[article]).is_list_new);
}

/// Whoever looks sees a long step get on, file by file, and a small one hardly.
#[test]
fn a_step_counts_what_it_takes_up() {
    let mut tree = Tree::of(200);
    let first = tree.progress();
    assert!((600..2000).contains(&first), "{first}");
    tree.step(&[tree.article(7, "edited")], Scan::Later);
    assert!((1..20).contains(&(tree.progress() - first)), "{}", tree.progress() - first);
}
