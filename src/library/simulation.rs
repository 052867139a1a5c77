//! A tree of text files, a ledger, and a clock: what a library makes of what people do, log in
//! lines.
//!
//! A script is one operation a line; `.` looks at the tree, and `. a.md` at one path of it, as an
//! event of that path does, however late it is. What is public then is log a line an article.

mod archives;
mod clocks;
mod deletions;
mod forgets;
mod holds;
mod leaks;
mod sections;
mod subscribers;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::article::{self, word_sketch::MinorEdit};
use crate::base::Fingerprint;
use crate::base::media::is_asset;
use crate::base::{Diagnostic, Digest, RelPath, Route, Scope, Timestamp, UrlPath, special};
use crate::config::Config;

use super::{
    Commit, Deletions, Forget, Found, Given, Library, Loading, Lookup, Notice, Observation, Part,
    Policy, Remembered, Reweigh, Scan, State, Views, Words,
};

mod links;
mod moves;
mod scale;
mod views;

const START: &str = "2026-03-01T12:00:00Z";

/// A file: its inode, when it came to its path, and its text.
#[derive(Debug, Clone, PartialEq)]
struct File {
    inode: u64,
    changed: Timestamp,
    text: String,
    /// Where it leads, if it is a symbolic link.
    target: Option<String>,
}

#[derive(Clone)]
pub(crate) struct World {
    files: BTreeMap<String, File>,
    inode: u64,
    now: Timestamp,
    pub(crate) state: State,
    remembered: Remembered,
    /// The words that a store would have.
    words: Words,
    seen: BTreeMap<String, File>,
    scan: Scan,
    reweigh: Reweigh,
    deletions: Deletions,
    ignored: BTreeSet<String>,
    /// Files that somebody is writing.
    open: BTreeSet<String>,
    log: Vec<String>,
    pub(crate) policy: Policy,
    /// Every line that was run, for the report of a failure.
    pub(crate) script: Vec<String>,
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let policy = Policy {
            site_id: "test.example".into(),
            zone: TimeZone::UTC,
            grace: SignedDuration::from_secs(10),
            minor_edit: MinorEdit::default(),
            author: "Ada".into(),
            base: Digest::of(b"policy"),
            reserved: Default::default(),
            site_path: "/".into(),
            views: Arc::default(),
            page_size: 2,
        };
        let now = START.parse().unwrap();
        Self {
            files: BTreeMap::new(),
            inode: 0,
            now,
            state: load(&Remembered::default(), &policy, now),
            remembered: Remembered::default(),
            words: Words::new(),
            seen: BTreeMap::new(),
            scan: Scan::Later,
            reweigh: Reweigh::Changed,
            deletions: Deletions::Guarded,
            ignored: BTreeSet::new(),
            open: BTreeSet::new(),
            log: Vec::new(),
            policy,
            script: Vec::new(),
        }
    }

    /// `write PATH TEXT` (`|` is a line end), `mv A B`, `cp A B`, `rm A`, `open A` and `close A`
    /// (for writing), `ln TARGET LINK`, `wait SECONDS`, `restart`, `first` (the next look is the
    /// first of an existing tree), `clock TIME` (sets it), `back SECONDS`, `ahead SECONDS`, `zone
    /// NAME`, `grace SECONDS`, `author NAME`, `base TEXT`, `views TOML` (another configuration,
    /// which a look takes up at once), `reweigh`, `.`.
    pub(crate) fn run(&mut self, line: &str) {
        self.script.push(line.to_owned());
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let (one, two) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "write" => {
                let inode =
                    self.files.get(one).map(|file| file.inode).unwrap_or_else(|| self.next_inode());
                self.files.insert(
                    one.into(),
                    File { inode, changed: self.now, text: two.replace('|', "\n"), target: None },
                );
            }
            "mv" => {
                if let Some(file) = self.files.remove(one) {
                    self.files.insert(two.into(), File { changed: self.now, ..file });
                }
            }
            "cp" => {
                if let Some(file) = self.files.get(one).cloned() {
                    let inode = self.next_inode();
                    self.files.insert(two.into(), File { inode, changed: self.now, ..file });
                }
            }
            "ln" => {
                let (inode, changed, target) = (self.next_inode(), self.now, Some(one.into()));
                let link = File { inode, changed, text: String::new(), target };
                self.files.insert(two.into(), link);
            }
            "open" => drop(self.open.insert(one.into())),
            "close" => drop(self.open.remove(one)),
            "rm" => drop(self.files.remove(one)),
            "wait" | "ahead" => self.now += SignedDuration::from_secs(one.parse().unwrap()),
            "back" => self.now -= SignedDuration::from_secs(one.parse().unwrap()),
            "clock" => self.now = one.parse().unwrap(),
            "first" => self.scan = Scan::First,
            "zone" => self.change(|policy| policy.zone = TimeZone::get(one).unwrap()),
            "grace" => self.change(|policy| {
                policy.grace = SignedDuration::from_secs(one.parse().unwrap());
            }),
            "author" => self.change(|policy| policy.author = rest.to_owned()),
            "base" => self.change(|policy| policy.base = Digest::of(rest.as_bytes())),
            "views" => {
                let config = Config::of(&rest.replace('|', "\n"), Path::new("/srv")).unwrap();
                self.change(|policy| policy.views = Arc::new(Views::of(&config.views)));
            }
            "reweigh" => self.change(|_| ()),
            "restart" => self.state = load(&self.remembered, &self.policy, self.now),
            "ignore" => {
                self.ignored.insert(one.into());
                self.change(|_| ());
            }
            "accept" => {
                self.deletions = Deletions::Accepted;
                self.look(&self.everything());
            }
            "forget" => self.forget(one),
            "." if rest.is_empty() => self.look(&self.everything()),
            "." => self.look(&rest.split(' ').map(str::to_owned).collect()),
            other => panic!("{other}?"),
        }
    }

    /// Forgets the article of a path, or the scope of a URL.
    fn forget(&mut self, what: &str) {
        let target = match Route::parse(what) {
            Some(Route::Index(scope)) => Some(Forget::Scope(scope)),
            _ => self.state.forgettable_at(&path(what)),
        };
        let Some(target) = target else { return self.log.push(format!("{what}: nothing")) };
        match self.state.forget(&target, &self.policy, self.now) {
            Ok((state, outcome, done)) => {
                self.state = state;
                keep(&mut self.remembered, &outcome.commit);
                self.log.push(done);
            }
            Err(why) => self.log.push(why),
        }
    }

    /// Another configuration.
    fn change(&mut self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.policy);
        self.reweigh = Reweigh::Everything;
        self.look(&self.everything());
    }

    fn next_inode(&mut self) -> u64 {
        self.inode += 1;
        self.inode
    }

    fn everything(&self) -> BTreeSet<String> {
        self.files.keys().chain(self.seen.keys()).cloned().collect()
    }

    fn look(&mut self, paths: &BTreeSet<String>) {
        if self.state.deletes(&self.policy, self.now) && !paths.is_superset(&self.everything()) {
            return self.look(&self.everything());
        }
        let goes = |name: &&String| {
            !self.files.contains_key(*name) && self.state.is_withdrawn(&path(name))
        };
        if paths.iter().any(|name| goes(&name)) && !paths.is_superset(&self.everything()) {
            return self.look(&self.everything());
        }
        let mut observations: Vec<Observation> =
            paths.iter().filter_map(|name| self.observe(name)).collect();
        // As the engine does: what may have moved is looked at on disk, now.
        for rival in self.state.rivals(&observations, self.now) {
            if observations.iter().any(|seen| seen.path == rival) {
                continue;
            }
            let file = self.files.get(rival.as_str());
            if file.is_none_or(|file| file.target.is_some()) {
                observations.extend(self.observe(rival.as_str()));
            } else if self.state.is_missing(&rival) {
                observations.push(Observation { path: rival, found: Found::Unready });
            }
        }
        observations.sort_by(|one, other| one.path.cmp(&other.path));
        let (state, outcome) = self.step(&observations);
        (self.scan, self.reweigh) = (Scan::Later, Reweigh::Changed);
        self.deletions = Deletions::Guarded;
        self.state = state;
        keep(&mut self.remembered, &outcome.commit);
        self.words.extend(outcome.commit.words);
        self.log.extend(outcome.notices.iter().filter_map(line_of));
    }

    /// A step that is given the words that it wants, and no others.
    fn step(&self, observations: &[Observation]) -> (State, super::Outcome) {
        let mut words = Words::new();
        loop {
            let (state, outcome) = self.state.step(
                Given { observations, words: &words },
                &self.policy,
                self.now,
                self.scan,
                self.reweigh,
                self.deletions,
            );
            if outcome.wanted.is_empty() {
                return (state, outcome);
            }
            for seq in outcome.wanted {
                assert!(words.insert(seq, Arc::clone(&self.words[&seq])).is_none());
            }
        }
    }

    /// Whether this is a link that leads to no text.
    fn dangles(&self, file: &File) -> bool {
        let Some(target) = &file.target else { return false };
        self.files.get(target).is_none_or(|target| target.target.is_some())
    }

    /// What a look at one path finds, where it differs from what was seen there before.
    fn observe(&mut self, name: &str) -> Option<Observation> {
        let is_ignored = self.ignored.contains(name);
        let file = self.files.get(name).filter(|file| !is_ignored && !self.dangles(file));
        let found = match (file, self.seen.get(name)) {
            (Some(file), Some(seen)) if file == seen => return None,
            (Some(_), _) if self.open.contains(name) => Found::Unready,
            (Some(file), _) => {
                self.seen.insert(name.to_owned(), file.clone());
                read(&self.state, name, file)
            }
            (None, Some(_)) => {
                self.seen.remove(name);
                if is_ignored { Found::Excluded } else { Found::Gone }
            }
            (None, None) => return None,
        };
        Some(Observation { path: path(name), found })
    }
}

fn read(state: &State, name: &str, file: &File) -> Found {
    let File { inode, changed, text, target } = file;
    let (path, digest) = (path(name), Digest::of(text.as_bytes()));
    let mtime_ns = "2026-01-15T00:00:00Z".parse::<Timestamp>().unwrap().as_nanosecond() as i64;
    let fingerprint = Fingerprint {
        dev: 1,
        ino: *inode,
        btime_ns: *inode as i64,
        mtime_ns,
        ctime_ns: changed.as_nanosecond() as i64,
        ..Fingerprint::default()
    };
    if let Some(target) = target {
        return Found::Linked { fingerprint, target: self::path(target) };
    }
    if is_asset(&path) {
        return Found::Asset(fingerprint);
    }
    if let Some(excluded) = special::excluded_by(path.as_str()) {
        let diagnostic = Diagnostic::note("left-out", format!("{excluded} holds no articles"));
        return Found::Refused { fingerprint, diagnostic };
    }
    if state.file(&path).and_then(|row| row.digest) == Some(digest) {
        return Found::Same { fingerprint, racy: false };
    }
    Found::Read { fingerprint, racy: false, digest, reading: article::head(&path, text.as_bytes()) }
}

/// What a start does.
fn load(remembered: &Remembered, policy: &Policy, now: Timestamp) -> State {
    let mut loading = Loading::begin(remembered, policy, now);
    loading.take(&Part::Records(remembered.records.clone()));
    loading.take(&Part::Files(remembered.files.clone()));
    loading.end(remembered)
}

/// What a store does.
fn keep(remembered: &mut Remembered, commit: &Commit) {
    for (path, row) in &commit.files {
        remembered.files.retain(|(known, _)| known != path);
        remembered.files.extend(row.clone().map(|row| (path.clone(), row)));
    }
    for record in &commit.records {
        remembered.records.retain(|known| known.seq != record.seq);
        remembered.records.push(Arc::clone(record));
    }
    remembered.records.sort_by_key(|record| record.seq);
    remembered.urls.extend(commit.urls.iter().cloned());
    remembered.channels.retain(|known| !commit.forgotten.contains(&known.scope));
    for (name, value) in &commit.values {
        remembered.values.retain(|(known, _)| known != name);
        remembered.values.push((name.clone(), value.clone()));
    }
    for row in &commit.channels {
        remembered.channels.retain(|known| known.scope != row.scope);
        remembered.channels.push(row.clone());
    }
}

fn line_of(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Diagnostic(path, diagnostic) => Some(format!("{path}: {diagnostic}")),
        Notice::Held(path, until) => Some(format!("{path}: held until {until}")),
        _ => None,
    }
}

/// A line an article: number, path, URL, title, days.
fn show(library: &Library) -> Vec<String> {
    let line = |article: Arc<super::Article>| {
        let day = |at: Timestamp| at.strftime("%m-%dT%H:%M:%S").to_string();
        let (seq, path, url, title) =
            (article.seq, &article.path, &article.url, &article.head.title);
        format!("{seq} {path} /{url} {title:?} {} {}", day(article.published), day(article.updated))
    };
    library.articles().map(line).collect()
}

#[track_caller]
fn check(script: &str, expected: &[&str]) -> World {
    let mut world = World::new();
    script.lines().filter(|line| !line.trim().is_empty()).for_each(|line| world.run(line));
    assert_eq!(show(world.state.library()), expected);
    world
}

#[test]
fn what_has_no_date_is_dated_when_it_is_first_seen() {
    check("write a.md # A||text\n.", &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    check("first\nwrite a.md # A||text\n.", &["1 a.md /a \"A\" 01-15T00:00:00 01-15T00:00:00"]);
    let today = "write a.md ---|date: 2026-03-01|---|# A||text\n.\nwait 60\nwrite a.md ---|date: 2026-03-01|---|# B||text\n.";
    check(today, &["1 a.md /a \"B\" 03-01T12:00:00 03-01T12:00:00"]);
    check(
        "write a.md ---|date: 2026-02-01|---|# A||text\n.",
        &["1 a.md /a \"A\" 02-01T00:00:00 02-01T00:00:00"],
    );
}

#[test]
fn numbers_follow_dates_on_a_first_scan() {
    let script = "first\nwrite a.md ---|date: 2026-02-02|---|# Later||x\nwrite b.md ---|date: 2026-01-01|---|# Earlier||x\n.";
    check(
        script,
        &[
            "1 b.md /b \"Earlier\" 01-01T00:00:00 01-01T00:00:00",
            "2 a.md /a \"Later\" 02-02T00:00:00 02-02T00:00:00",
        ],
    );
}

#[test]
fn updated_moves_with_the_words_alone() {
    let words = "one two three four five six seven eight nine ten";
    let small = format!("write a.md # A||{words}\n.\nwait 60\nwrite a.md # A||{words} more\n.");
    check(&small, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    let large = format!(
        "write a.md # A||{words}\n.\nwait 60\nwrite a.md # A||{words} and quite a few more\n."
    );
    check(&large, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:01:00"]);
    let said = format!(
        "write a.md # A||{words}\n.\nwait 60\nwrite a.md ---|updated: 2026-03-01T12:00:30Z|---|# A||{words}\n."
    );
    check(&said, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:30"]);
    let back = "write a.md ---|updated: 2026-02-28|date: 2026-02-01|---|# A||x\n.\nwrite a.md ---|updated: 2026-02-02|date: 2026-02-01|---|# A||x\n.";
    check(back, &["1 a.md /a \"A\" 02-01T00:00:00 02-28T00:00:00"]);
}

#[test]
fn a_rename_is_followed_and_a_path_that_exists_is_itself() {
    let moved = check(
        "write a.md # A||x\n.\nmv a.md n/b.md\n.",
        &["1 n/b.md /n/b \"A\" 03-01T12:00:00 03-01T12:00:00"],
    );
    assert!(matches!(moved.state.library().find(&UrlPath::new("a").unwrap()), Lookup::Moved(_)));
    let late = "write a.md # A||x\n.\nrm a.md\n.\nwait 5\nwrite b.md # A||x\n.";
    check(late, &["1 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    let swapped = "write a.md # A||x\nwrite b.md # B||y\n.\nmv a.md t\nmv b.md a.md\nmv t b.md\n.";
    check(
        swapped,
        &[
            "1 a.md /a \"B\" 03-01T12:00:00 03-01T12:00:00",
            "2 b.md /b \"A\" 03-01T12:00:00 03-01T12:00:00",
        ],
    );
}

#[test]
fn a_deletion_waits_for_its_grace_and_a_return_is_the_old_article_if_it_reads_like_it() {
    let script = "write a.md # A||one two three four\n.\nrm a.md\n.\nwait 9\n.";
    check(script, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    let gone = check(&format!("{script}\nwait 1\n."), &[]);
    assert!(matches!(gone.state.library().find(&UrlPath::new("a").unwrap()), Lookup::Gone));
    let back = format!("{script}\nwait 1\n.\nwrite a.md # A||one two three five\n.");
    check(&back, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    let other = format!("{script}\nwait 1\n.\nwrite a.md # Other||nothing in common with it\n.");
    check(&other, &["2 a.md /a-2 \"Other\" 03-01T12:00:10 03-01T12:00:10"]);
}

#[test]
fn drafts_held_and_expired_articles_come_and_go() {
    check("write a.md ---|draft: true|---|# A||x\n.", &[]);
    let held = "write a.md ---|date: 2026-03-01T12:00:30Z|---|# A||x\n.";
    assert_eq!(check(held, &[]).log, ["a.md: held until 2026-03-01T12:00:30Z"]);
    check(&format!("{held}\nwait 30\n."), &["1 a.md /a \"A\" 03-01T12:00:30 03-01T12:00:30"]);
    check(
        &format!("{held}\nrestart\nwait 30\n."),
        &["1 a.md /a \"A\" 03-01T12:00:30 03-01T12:00:30"],
    );
    let later = "write a.md ---|date: 2026-02-01|publishDate: 2026-03-01T12:00:30Z|---|# A||x\n.";
    assert_eq!(check(later, &[]).log, ["a.md: held until 2026-03-01T12:00:30Z"]);
    check(
        &format!("{later}\nrestart\nwait 30\n."),
        &["1 a.md /a \"A\" 02-01T00:00:00 02-01T00:00:00"],
    );
    let expires = "write a.md ---|expires: 2026-03-01T12:00:30Z|---|# A||x\n.";
    check(expires, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    check(&format!("{expires}\nrestart\nwait 30\n."), &[]);
    let back = format!("{expires}\nwait 30\n.\nwrite a.md # A||x\n.");
    check(&back, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
}

#[test]
fn links_from_the_root_may_name_files() {
    let world = check(
        "write n/My_Post.md # A||one\n.",
        &["1 n/My_Post.md /n/my-post \"A\" 03-01T12:00:00 03-01T12:00:00"],
    );
    let at =
        |reference: &str| world.state.library().locate(reference).map(|route| route.to_string());
    for (reference, url) in [
        ("n/My_Post.md", Some("/n/my-post")),
        ("/n/My_Post.md", Some("/n/my-post")),
        ("/n/my-post", Some("/n/my-post")),
        ("/n/other.md", None),
        ("/n", Some("/n/")),
    ] {
        assert_eq!(at(reference).as_deref(), url, "{reference}");
    }
}

#[test]
fn the_first_keeps_what_it_has() {
    let ids = "write a.md ---|id: x|---|# A||one\nwrite b.md ---|id: x|---|# B||two\n.";
    let world = check(ids, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    assert_eq!(world.log, ["b.md: id \"x\" is already used by a.md"]);
    let paths = "write a.md ---|path: s|---|# A||one\nwrite b.md ---|path: S|---|# B||two\n.";
    let world = check(paths, &["1 a.md /s \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    assert_eq!(
        world.log,
        ["b.md: URL /S is already used by a.md; URLs that differ in case or signs are one"]
    );
    let twins = "write My_Post.md # A||one\nwrite my-post.txt Second\nwrite My-post.html <p>x\n.\nrestart\n.";
    let urls: Vec<String> = check_urls(twins);
    assert_eq!(urls, ["my-post", "my-post-2", "my-post-3"]);
    let reserved =
        check("write tags/a.md # A||x\nwrite rss.xml.md ---|path: rss.xml|---|x\n.", &[]);
    assert_eq!(reserved.log.len(), 2);
}

fn check_urls(script: &str) -> Vec<String> {
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    world.state.library().articles().map(|article| article.url.as_str().to_owned()).collect()
}

#[test]
fn a_refused_empty_or_truncated_file_takes_nothing_away() {
    for bad in [
        "write a.md ---|title: [|---|x\n.",
        "write a.md \n.",
        "write a.md ---|date: 03/01/2026|---|# A||x\n.",
    ] {
        let script = format!("write a.md # A||x\n.\n{bad}\nwait 60\n.\nrestart\nwait 60\n.");
        check(&script, &["1 a.md /a \"A\" 03-01T12:00:00 03-01T12:00:00"]);
    }
}

#[test]
fn scopes_follow_directories_tags_and_authors() {
    let script = "write n/a.md ---|tags: [C++, c++, c plus plus, Rust]|authors: [Bob]|---|# A||x\nwrite b.md # B||y\n.";
    let mut world = World::new();
    script.lines().for_each(|line| world.run(line));
    let library = world.state.library();
    let scopes: Vec<String> = library.scopes().map(ToString::to_string).collect();
    let expected = [
        "/",
        "/n/",
        "/tags/c-plus-plus/",
        "/tags/c-plus-plus-2/",
        "/tags/rust/",
        "/authors/ada/",
        "/authors/bob/",
    ];
    assert_eq!(scopes, expected);
    world.run("rm n/a.md");
    world.run(".");
    world.run("wait 20");
    world.run(".");
    let channel =
        world.state.library().channel(&Scope::Directory(UrlPath::new("n").unwrap())).unwrap();
    assert_eq!((channel.count, channel.name.as_str()), (0, "n"));
    world.run("write c.md ---|authors: [Bob]|---|# C||z");
    world.run("author Grace Hopper");
    let has_author = |author: &str| {
        let scope = Scope::Author(UrlPath::new(author).unwrap());
        world.state.library().channel(&scope).map(|channel| channel.count)
    };
    assert_eq!((has_author("grace-hopper"), has_author("ada")), (Some(1), Some(0)));
}

/// Another configuration, which a look takes up at once, as a reload does.
const POLICIES: [&str; 8] = [
    "zone Asia/Tokyo",
    "zone UTC",
    "grace 0",
    "grace 30",
    "author Grace Hopper",
    "base other",
    "views [[view]]|name = \"v\"|tags = \"t\"|[[view]]|name = \"w\"|not_directories = \"n\"",
    "views [[view]]|name = \"w\"|title = \"W\"|authors = \"Ada\"",
];

/// Any operation on a few paths, with a few texts.
fn operation() -> impl Strategy<Value = String> {
    let paths = ["a.md", "b.md", "n/a.md", "A.md", "n/index.md", "n/_index.md", "c.txt"];
    let texts = [
        "# One||alpha beta gamma delta epsilon",
        "# One||alpha beta gamma delta epsilon zeta eta theta iota",
        "---|id: tag:x|---|# Two||something else entirely",
        "---|slug: s|tags: [t, C++]|---|# Three||third words here",
        "---|date: 2026-03-01T12:01:00Z|---|# Held||held words",
        "---|draft: true|---|# Draft||draft words",
        "---|expires: 2026-03-01T12:00:40Z|---|# Short||short lived",
        "---|title: [|---|x",
        "",
        "# See [a](a.md)||[[One]] and ![p](p.png)",
    ];
    let path = || prop::sample::select(paths.to_vec());
    prop_oneof![
        4 => (path(), prop::sample::select(texts.to_vec())).prop_map(|(path, text)| format!("write {path} {text}")),
        1 => (path(), path()).prop_map(|(a, b)| format!("mv {a} {b}")),
        1 => (path(), path()).prop_map(|(a, b)| format!("cp {a} {b}")),
        1 => (path(), path()).prop_map(|(a, b)| format!("ln {a} {b}")),
        2 => path().prop_map(|path| format!("rm {path}")),
        2 => (0u32..20).prop_map(|seconds| format!("wait {seconds}")),
        4 => Just(".".to_owned()),
        1 => Just("restart".to_owned()),
        1 => prop::sample::select(POLICIES.to_vec()).prop_map(str::to_owned),
    ]
}

/// Everything that anybody can see of a library.
fn seen(library: &Library) -> Vec<String> {
    let mut lines = show(library);
    for article in library.articles() {
        lines.push(format!("{} {} {}", article.id, article.digest, article.updated));
    }
    for scope in library.scopes() {
        let entries: Vec<u64> =
            library.entries(scope, 3).iter().map(|article| article.seq).collect();
        let listed: Vec<u64> =
            library.listed(scope, 0, 9).iter().map(|article| article.seq).collect();
        lines.push(format!("{scope} {:?} {entries:?} {listed:?}", library.channel(scope)));
    }
    for path in ["a", "b", "n/a", "n", "s", "a-2", "c"] {
        lines.push(format!("{path} {:?}", library.find(&UrlPath::new(path).unwrap())));
        lines.push(format!(
            "{path} {:?} {:?}",
            library.locate(&format!("{path}.md")),
            library.locate("?One")
        ));
    }
    lines
}

/// What went a moment ago is found under another path, although another article has its bytes, too.
#[test]
fn a_restart_does_not_end_the_wait_for_the_other_half_of_a_rename() {
    let (mut steady, mut restless) = (World::new(), World::new());
    for line in [
        "grace 0",
        "write a.md same words",
        "write b.md same words",
        ".",
        "rm a.md",
        ".",
        "write c.md same words",
        ".",
        "wait 30",
        ".",
    ] {
        steady.run(line);
        restless.run(line);
        restless.run("restart");
    }
    let id = |world: &World| {
        world
            .state
            .library()
            .articles()
            .map(|a| (a.path.to_string(), a.id.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(id(&steady), id(&restless));
    assert_eq!(id(&steady).len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// What steps made of the ledger is what a load of the same ledger makes of it.
    #[test]
    fn incremental_is_rebuilt(script in prop::collection::vec(operation(), 1..40)) {
        let mut world = World::new();
        for line in &script {
            world.run(line);
        }
        let rebuilt = load(&world.remembered, &world.policy, world.now);
        prop_assert_eq!(seen(world.state.library()), seen(rebuilt.library()));
    }

    /// Ids, numbers and dates are given once: who restarts at every step sees what who never does.
    #[test]
    fn a_restart_changes_nothing(script in prop::collection::vec(operation(), 1..40)) {
        let (mut steady, mut restless) = (World::new(), World::new());
        for line in &script {
            steady.run(line);
            restless.run(line);
            restless.run("restart");
        }
        // A copy whose original was put there again begins its wait again, but only where that was
        // not known.
        for line in [".", "wait 30", "."] {
            steady.run(line);
            restless.run(line);
        }
        // What file a missing article had is known only in memory; an id is never another for that.
        let ids = |world: &World| world.state.library().articles().map(|a| a.id.clone()).collect::<BTreeSet<_>>();
        if !script.iter().any(|line| line.starts_with("mv")) {
            prop_assert_eq!(ids(&steady), ids(&restless));
        }
    }

    /// No step takes an id, a number or a URL back, and `updated` never decreases.
    #[test]
    fn what_was_given_stays(script in prop::collection::vec(operation(), 1..60)) {
        let mut world = World::new();
        let mut given: BTreeMap<u64, (String, Timestamp)> = BTreeMap::new();
        let mut urls: BTreeMap<UrlPath, u64> = BTreeMap::new();
        for line in &script {
            world.run(line);
            for article in world.state.library().articles() {
                let (id, updated) = given.entry(article.seq).or_insert((article.id.clone(), article.updated));
                prop_assert_eq!(&*id, &article.id);
                prop_assert!(*updated <= article.updated && article.published <= article.updated);
                *updated = article.updated;
                prop_assert_eq!(*urls.entry(article.url.key()).or_insert(article.seq), article.seq);
            }
            let numbers: BTreeSet<&String> = given.values().map(|(id, _)| id).collect();
            prop_assert_eq!(numbers.len(), given.len(), "two articles with one id");
        }
    }
}
