//! A model of two subscribers, one keyed by id and one by link, over random histories of a shelf of
//! articles.
//!
//! An article's words say which it is, so the model knows at each moment which file is which
//! article without asking the library. It follows what people mean: a path that exists is itself, a
//! file that moves stays what it is, and what is put back is what was there.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use crate::base::{Scope, UrlPath};
use crate::library::{Article, Lookup};

use super::World;

/// What happens to the shelf.
#[derive(Debug, Clone)]
enum Event {
    /// A new article appears.
    Drop,
    /// One is renamed to a path that nothing had.
    Rename(Index),
    /// Two files change places, and nobody looks between.
    Swap(Index, Index),
    /// One is copied, and both stay.
    Copy(Index),
    /// One is renamed by a copy and a deletion, so many seconds apart.
    CopyAndDelete(Index, u32, Vec<Index>),
    /// A few words of one are changed.
    Edit(Index),
    /// Its file is touched, or saved as it is under another inode.
    Save(Index),
    /// Its file is removed.
    Delete(Index),
    /// A file that was removed is put back where it was.
    Restore(Index),
    /// All files are removed.
    DeleteAll,
    /// All files that were removed are put back.
    RestoreAll,
    /// An operator accepts what is held.
    Accept,
    /// Its author keeps it back, or publishes it again.
    Draft(Index),
    /// Events of some paths arrive, however late.
    See(Vec<Index>),
    /// Everything is looked at.
    Look,
    /// Time passes.
    Wait(u32),
    /// dropfeed dies, and starts again.
    Restart,
    /// The clock is set, or the configuration is another: a line of a script.
    Change(&'static str),
}

const CHANGES: [&str; 11] = [
    "back 3600",
    "back 172800",
    "ahead 3600",
    "ahead 315360000",
    "clock 1970-01-01T00:00:05Z",
    "zone Asia/Tokyo",
    "grace 30",
    "grace 10",
    "author Grace Hopper",
    "base other",
    "reweigh",
];

fn event() -> impl Strategy<Value = Event> {
    let any = any::<Index>;
    let some = || prop::collection::vec(any(), 1..4);
    prop_oneof![
        5 => Just(Event::Drop),
        4 => any().prop_map(Event::Rename),
        1 => (any(), any()).prop_map(|(one, other)| Event::Swap(one, other)),
        1 => any().prop_map(Event::Copy),
        2 => (any(), 0_u32..9, some())
            .prop_map(|(which, seconds, seen)| Event::CopyAndDelete(which, seconds, seen)),
        2 => any().prop_map(Event::Edit),
        1 => any().prop_map(Event::Save),
        2 => any().prop_map(Event::Delete),
        2 => any().prop_map(Event::Restore),
        1 => Just(Event::DeleteAll),
        2 => Just(Event::RestoreAll),
        1 => Just(Event::Accept),
        1 => any().prop_map(Event::Draft),
        4 => some().prop_map(Event::See),
        3 => Just(Event::Look),
        3 => (0_u32..15).prop_map(Event::Wait),
        1 => Just(Event::Restart),
        2 => prop::sample::select(CHANGES.to_vec()).prop_map(Event::Change),
    ]
}

/// One article as the model knows it.
#[derive(Debug, Clone)]
struct Volume {
    path: String,
    text: String,
    is_there: bool,
    is_draft: bool,
}

/// What a subscriber has seen, and what the model says of it.
struct Shelf {
    world: World,
    volumes: Vec<Volume>,
    paths: Vec<String>,
    edits: usize,
    /// The reader keyed by id: which article it knows by each.
    ids: BTreeMap<String, usize>,
    /// The reader keyed by link.
    links: BTreeMap<UrlPath, usize>,
    /// What was in the feed at the last poll.
    last: BTreeSet<usize>,
}

impl Shelf {
    fn new() -> Self {
        Self {
            world: World::new(),
            volumes: Vec::new(),
            paths: Vec::new(),
            edits: 0,
            ids: BTreeMap::new(),
            links: BTreeMap::new(),
            last: BTreeSet::new(),
        }
    }

    fn run(&mut self, line: &str) {
        self.world.run(line);
    }

    fn path(&mut self) -> String {
        let number = self.paths.len();
        let path = format!("{}{number}.md", ["", "d/", "d/e/"][number % 3]);
        self.paths.push(path.clone());
        path
    }

    /// The volumes that are there, or not.
    fn pick(&self, which: &Index, is_there: bool) -> Option<usize> {
        let of_kind = |(at, volume): (usize, &Volume)| (volume.is_there == is_there).then_some(at);
        let volumes: Vec<usize> = self.volumes.iter().enumerate().filter_map(of_kind).collect();
        (!volumes.is_empty()).then(|| *which.get(&volumes))
    }

    fn add(&mut self, path: String, text: String) {
        self.volumes.push(Volume { path, text, is_there: true, is_draft: false });
    }

    fn write(&mut self, at: usize) {
        let Volume { path, text, is_draft, .. } = self.volumes[at].clone();
        let header = if is_draft { "---|draft: true|---|" } else { "" };
        self.run(&format!("write {path} {header}{text}"));
    }

    fn remove(&mut self, at: usize) {
        // A path that nobody saw is nobody's when the file is put back there.
        self.run(".");
        self.volumes[at].is_there = false;
        self.run(&format!("rm {}", self.volumes[at].path.clone()));
    }

    fn restore(&mut self, at: usize) {
        self.volumes[at].is_there = true;
        self.write(at);
        // What is put back is known by its path, so it is seen there before it moves.
        self.run(".");
    }

    fn see(&mut self, which: &[Index]) {
        if !self.paths.is_empty() {
            let paths: Vec<&str> =
                which.iter().map(|index| index.get(&self.paths).as_str()).collect();
            self.run(&format!(". {}", paths.join(" ")));
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Drop => {
                let (number, path) = (self.volumes.len(), self.path());
                let words: Vec<String> = (0..12).map(|n| format!("w{number}x{n}")).collect();
                self.add(path, format!("# T{number}||{}", words.join(" ")));
                self.write(number);
            }
            Event::Look => self.run("."),
            Event::Accept => self.run("accept"),
            Event::Restart => self.run("restart"),
            Event::Wait(seconds) => self.run(&format!("wait {seconds}")),
            Event::Change(line) => self.run(line),
            Event::See(which) => self.see(which),
            Event::DeleteAll => {
                for at in 0..self.volumes.len() {
                    if self.volumes[at].is_there {
                        self.remove(at);
                    }
                }
            }
            Event::RestoreAll => {
                for at in 0..self.volumes.len() {
                    if !self.volumes[at].is_there {
                        self.restore(at);
                    }
                }
            }
            Event::Restore(which) => {
                if let Some(at) = self.pick(which, false) {
                    self.restore(at);
                }
            }
            Event::Swap(one, other) => {
                if let (Some(one), Some(other)) = (self.pick(one, true), self.pick(other, true))
                    && one != other
                {
                    self.swap(one, other);
                }
            }
            Event::Rename(which)
            | Event::Copy(which)
            | Event::CopyAndDelete(which, ..)
            | Event::Edit(which)
            | Event::Save(which)
            | Event::Delete(which)
            | Event::Draft(which) => {
                if let Some(at) = self.pick(which, true) {
                    self.happen_to(event, at);
                }
            }
        }
    }

    /// A path that exists is itself: each keeps its path, and gets the other's words.
    fn swap(&mut self, one: usize, other: usize) {
        // What moved before is seen before.
        self.run(".");
        let [first, second] = [one, other].map(|at| self.volumes[at].clone());
        self.run(&format!("mv {} swap.md", first.path));
        self.run(&format!("mv {} {}", second.path, first.path));
        self.run(&format!("mv swap.md {}", second.path));
        self.run(".");
        (self.volumes[one].text, self.volumes[one].is_draft) = (second.text, second.is_draft);
        (self.volumes[other].text, self.volumes[other].is_draft) = (first.text, first.is_draft);
    }

    fn happen_to(&mut self, event: &Event, at: usize) {
        let Volume { path: from, text, .. } = self.volumes[at].clone();
        match event {
            Event::Rename(_) => {
                let to = self.path();
                self.run(&format!("mv {from} {to}"));
                self.volumes[at].path = to;
            }
            // A copy of a draft is no copy of an article, so it does not wait for its original to
            // go.
            Event::CopyAndDelete(_, seconds, seen) if !self.volumes[at].is_draft => {
                let to = self.path();
                self.run(&format!("cp {from} {to}"));
                self.see(seen);
                self.run(&format!("wait {seconds}"));
                self.see(seen);
                self.run(&format!("rm {from}"));
                self.volumes[at].path = to;
            }
            // A draft that was never public has no identity that a copy could be told from.
            Event::Copy(_) if !self.volumes[at].is_draft => {
                self.run(".");
                let to = self.path();
                self.run(&format!("cp {from} {to}"));
                self.run(".");
                self.run("wait 60");
                self.run(".");
                self.add(to, text);
                // Of two equal articles that go, nobody could say which of them returns.
                self.edit(self.volumes.len() - 1);
            }
            Event::Edit(_) => self.edit(at),
            Event::Save(_) => {
                self.run(".");
                self.run(&format!("rm {from}"));
                self.write(at);
            }
            Event::Delete(_) => self.remove(at),
            Event::Draft(_) => {
                self.run(".");
                self.volumes[at].is_draft = !self.volumes[at].is_draft;
                self.write(at);
                self.run(".");
            }
            _ => {}
        }
    }

    fn edit(&mut self, at: usize) {
        let text = self.volumes[at].text.clone();
        self.edits += 1;
        let (title, words) = text.split_once("||").unwrap();
        let mut words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let count = words.len();
        words[self.edits % count] = format!("e{}", self.edits);
        self.volumes[at].text = format!("{title}||{}", words.join(" "));
        // A move that nobody saw, and an edit, leave nothing to know the article by.
        self.run(".");
        self.write(at);
        self.run(".");
    }

    /// The article that an entry shows, by where its file is or was last.
    fn volume(&self, article: &Article) -> Option<usize> {
        let held = |at: &usize| {
            let text = &self.volumes[*at].text;
            text.starts_with(&format!("# {}||", article.head.title))
        };
        let same_path = |at: &usize| self.volumes[*at].path == article.path.as_str();
        let all = || 0..self.volumes.len();
        let known = self.ids.get(&article.id).copied();
        // A file that moved and was not looked at since is known by its id.
        all().find(same_path).or(known).or_else(|| all().find(held))
    }

    /// Both subscribers poll the feed.
    fn poll(&mut self) -> Result<(), TestCaseError> {
        let entries = self.world.state.library().entries(&Scope::Site, usize::MAX);
        let mut now = BTreeSet::new();
        for entry in &entries {
            let script = || self.world.script.join("\n");
            let Some(at) = self.volume(entry) else {
                return Err(TestCaseError::fail(format!(
                    "{} is nothing\n{}",
                    entry.path,
                    script()
                )));
            };
            prop_assert!(now.insert(at), "{} is there twice:\n{}", entry.path, script());
            let known_by = self.ids.iter().find(|(_, known)| **known == at).map(|(id, _)| id);
            if let Some(id) = known_by {
                prop_assert_eq!(id, &entry.id, "{} is new by its id:\n{}", &entry.path, script());
            }
            let known_as = self.ids.get(&entry.id);
            prop_assert!(
                known_as.is_none_or(|known| *known == at),
                "an id is given again:\n{}",
                script()
            );
            let linked = self.links.get(&entry.url);
            prop_assert!(
                linked.is_none_or(|known| *known == at),
                "a link is given again:\n{}",
                script()
            );
            self.ids.insert(entry.id.clone(), at);
            self.links.insert(entry.url.clone(), at);
        }
        self.follow_links(&entries)?;
        for at in &self.last {
            let Volume { is_there, is_draft, path, .. } = &self.volumes[*at];
            let is_kept = now.contains(at) || !is_there || *is_draft;
            prop_assert!(is_kept, "{} is lost:\n{}", path, self.world.script.join("\n"));
        }
        self.last = now;
        Ok(())
    }

    /// A reader keyed by link that asks for an old one is led to the same article, or to nothing.
    fn follow_links(&self, entries: &[std::sync::Arc<Article>]) -> Result<(), TestCaseError> {
        let library = self.world.state.library();
        let present: BTreeMap<u64, usize> =
            entries.iter().filter_map(|entry| Some((entry.seq, self.volume(entry)?))).collect();
        for (url, at) in &self.links {
            match library.find(url) {
                Lookup::Here(article) | Lookup::Moved(article) => {
                    let leads = present.get(&article.seq);
                    prop_assert!(
                        leads.is_none_or(|leads| leads == at),
                        "{} leads to another:\n{}",
                        url,
                        self.world.script.join("\n")
                    );
                }
                Lookup::Gone => {}
                found => {
                    return Err(TestCaseError::fail(format!(
                        "{url} leads to {found:?}:\n{}",
                        self.world.script.join("\n")
                    )));
                }
            }
        }
        Ok(())
    }

    /// Everything is looked at until nothing changes by itself.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for line in [".", "wait 40", ".", "accept", "wait 40", "."] {
            self.run(line);
            self.poll()?;
        }
        let expected: BTreeSet<usize> = (0..self.volumes.len())
            .filter(|at| self.volumes[*at].is_there && !self.volumes[*at].is_draft)
            .collect();
        prop_assert_eq!(&self.last, &expected, "\n{}", self.world.script.join("\n"));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Whatever happens, and however late it is seen: no subscriber sees an old article as new, and
    /// none that exists is lost in the end.
    #[test]
    fn subscribers_see_each_article_once(events in prop::collection::vec(event(), 1..30)) {
        let mut shelf = Shelf::new();
        for event in &events {
            shelf.happen(event);
            shelf.poll()?;
        }
        shelf.settle()?;
    }
}
