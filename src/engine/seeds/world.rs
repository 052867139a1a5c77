//! One history: an author, a machine and readers, and the operations that chance lets happen to
//! them.

use std::time::Duration;

use super::author::{Author, File, Grave, Text};
use super::dice::Dice;
use super::machine::{Machine, Settings, Watcher};
use super::readers::{Readers, walk};
use crate::base::{Digest, Timestamp};
use crate::ops::clock::Clock as _;
use crate::store::model::{Fault, Loss};

/// The wall clock at the start.
const START: &str = "2026-03-01T12:00:00Z";

/// Within this time after the end of all faults, a reconcile scan included, everything is right
/// again.
const PATIENCE: Duration = Duration::from_secs(75);

/// The kinds of operations; each seed leaves some of them out, so that the others meet more often.
const KINDS: &[&str] = &[
    "create",
    "create",
    "edit",
    "edit",
    "rename",
    "rename",
    "directory",
    "copy",
    "copy-delete",
    "delete",
    "restore",
    "draft",
    "date",
    "bad",
    "repair",
    "swap",
    "overwrite",
    "slow",
    "touch",
    "clock",
    "reload",
    "crash",
    "store",
    "tamper",
    "restart",
    "overflow",
    "root",
];

/// A history under way.
pub(super) struct World {
    dice: Dice,
    author: Author,
    machine: Machine,
    readers: Readers,
    kinds: Vec<&'static str>,
    /// The latest time that the clock ever said.
    latest: Timestamp,
    /// The events so far, for the report of a failure.
    pub(super) happened: Vec<String>,
}

impl World {
    /// The beginning of the history of a seed: a few articles, and the first start.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed);
        let watcher =
            dice.pick(&[Watcher::Polling, Watcher::Faithful, Watcher::Careless, Watcher::Careless]);
        let settings = Settings {
            limit: dice.pick(&[3, 5, 1_000]),
            grace_s: dice.pick(&[0, 10, 10, 60]),
            title: "One",
            view: dice.percent(50),
        };
        let now = START.parse().unwrap();
        let kinds =
            KINDS.iter().copied().filter(|kind| *kind == "create" || dice.percent(65)).collect();
        let happened = vec![format!("{watcher:?} {settings:?}")];
        let machine = Machine::new(now, watcher, settings);
        let readers = Readers::new(watcher == Watcher::Faithful);
        Self { dice, author: Author::default(), machine, readers, kinds, latest: now, happened }
    }

    /// Starts the first process over the first files.
    pub(super) fn begin(&mut self) -> Result<(), String> {
        for _ in 0..self.dice.below(8) {
            self.create();
        }
        self.machine.files.take_reports();
        self.machine.start()?;
        self.run(Duration::from_secs(5))
    }

    /// Lets one operation happen, and some time pass.
    pub(super) fn happen(&mut self) -> Result<(), String> {
        if self.machine.engine.is_none() {
            self.come_back()?;
        }
        let kind = self.dice.pick(&self.kinds);
        self.note_links();
        match kind {
            "create" => self.create(),
            "edit" => self.edit(),
            "rename" => self.rename(),
            "directory" => self.rename_directory(),
            "copy" => self.copy(),
            "copy-delete" => self.copy_and_delete(),
            "delete" => self.delete(),
            "restore" => self.restore(),
            "draft" => self.change("draft", |text, _| text.draft = !text.draft),
            "date" => self.change("date", date),
            "bad" => self.change("bad", |text, _| text.bad = true),
            "repair" => self.repair(),
            "swap" => self.swap(),
            "overwrite" => self.overwrite(),
            "slow" => self.slow()?,
            "touch" => self.touch(),
            "clock" => self.step_clock(),
            "reload" => self.reload(),
            "crash" => self.fail_soon(true),
            "store" => self.fail_soon(false),
            "tamper" => self.tamper(),
            "restart" => self.restart(Loss::Nothing)?,
            "overflow" => self.overflow(),
            "root" => self.lose_root()?,
            other => unreachable!("{other}"),
        }
        self.forget_moving();
        self.machine.report(&mut self.dice);
        let wait = self.dice.pick(&[0, 0, 5, 60, 400, 2_100, 3_000, 12_000, 20_000, 70_000]);
        self.run(Duration::from_millis(wait))
    }

    fn note(&mut self, what: String) {
        let now = self.machine.clock.now();
        self.happened.push(format!("{now} {what}"));
    }

    /// Lets time pass; after each turn of the loop, readers look.
    fn run(&mut self, time: Duration) -> Result<(), String> {
        let (author, readers, happened) = (&mut self.author, &mut self.readers, &mut self.happened);
        let look = |machine: &mut Machine| {
            let before = readers.generation;
            let looked = look(machine, author, readers);
            if readers.generation != before {
                happened.push(format!("  {} {}", machine.clock.now(), machine.contents()));
            }
            looked
        };
        let done = self.machine.run(time, &mut self.dice, look);
        self.latest = self.latest.max(self.machine.clock.now());
        done
    }

    /// The files that dropfeed knows by their inodes, before something happens to one of them.
    fn note_links(&mut self) {
        for path in self.author.paths(|file| !file.linked) {
            if self.machine.knows_inode(&path) {
                self.author.files.get_mut(&path).unwrap().linked = true;
            }
        }
    }

    fn create(&mut self) {
        let text = self.author.new_work();
        let used = self.graves_free();
        let path = match used.is_empty() || self.dice.percent(85) {
            true => self.new_path(),
            false => used[self.dice.below(used.len())].clone(),
        };
        self.note(format!("create {path}: {}", text.title()));
        self.put(&path, text, false);
    }

    fn new_path(&mut self) -> String {
        let directory = self.dice.pick(&["", "", "news/", "notes/", "notes/deep/"]);
        format!("{directory}{}.md", self.author.new_name())
    }

    /// The paths of removed files that are free.
    fn graves_free(&self) -> Vec<String> {
        let all = self.author.graves.iter().map(|grave| grave.path.clone());
        all.filter(|path| !self.author.files.contains_key(path)).collect()
    }

    /// Writes a file in one of the ways of editors; `linked`: into the file that is there.
    fn put(&mut self, path: &str, text: Text, linked: bool) {
        self.author.completed(&text);
        let shown = self.author.files.get(path).is_some_and(|file| file.shown);
        // What is taken back is not demanded, and a date may be ahead.
        let shown = shown && !text.draft && text.date.is_none();
        let whole = text.render();
        self.author.place(path, File { text, part: false, shown, linked });
        match linked {
            true => self.machine.files.write(path, &whole),
            false => self.machine.files.replace(path, &whole),
        }
    }

    /// Writes another version of the file at `path`.
    fn rewrite(&mut self, path: &str, text: Text) {
        let in_place = self.dice.percent(50);
        let file = &self.author.files[path];
        let keeps_proof = self.is_known_at(path) || (in_place && file.linked);
        if !keeps_proof {
            self.lose_proof(path);
        }
        let linked = in_place && self.author.files[path].linked;
        self.author.completed(&text);
        let way = if in_place { "in place" } else { "anew" };
        self.note(format!("write {path} {way}: {text:?}"));
        let file = self.author.files.get_mut(path).unwrap();
        file.shown &= !text.draft && text.date.is_none();
        file.linked = linked;
        file.text = text;
        let whole = file.text.render();
        match in_place {
            true => self.machine.files.write(path, &whole),
            false => self.machine.files.replace(path, &whole),
        }
    }

    /// Nothing will show that the file at `path` is the article it was: it may get another id.
    fn lose_proof(&mut self, path: &str) {
        let file = self.author.files.get_mut(path).unwrap();
        file.shown = false;
        let work = file.text.work;
        self.author.allow_one_more(work);
        self.happened.push(format!("  {path} may get another id"));
    }

    /// Whether the path alone shows which article its file is. A file that dropfeed knows but did
    /// not publish yet may be one that moved there, and then its bytes or its inode have to show it.
    fn is_known_at(&self, path: &str) -> bool {
        let is_new = !self.author.was_seen(self.author.files[path].text.work);
        self.machine.has_article(path) || (is_new && self.machine.knows_path(path))
    }

    fn any(&mut self) -> Option<String> {
        let paths = self.author.paths(|_| true);
        if paths.is_empty() { None } else { Some(paths[self.dice.below(paths.len())].clone()) }
    }

    fn edit(&mut self) {
        self.change("edit", |_, _| ());
    }

    fn change(&mut self, what: &str, change: impl FnOnce(&mut Text, &mut (Dice, Timestamp))) {
        let Some(path) = self.any() else { return };
        let mut text = self.author.files[&path].text.clone();
        text.version += 1;
        let mut chance = (self.dice.clone(), self.machine.clock.now());
        change(&mut text, &mut chance);
        self.dice = chance.0;
        self.note(what.to_owned());
        self.rewrite(&path, text);
    }

    fn repair(&mut self) {
        for path in self.author.paths(|file| file.text.bad) {
            let mut text = self.author.files[&path].text.clone();
            (text.bad, text.version) = (false, text.version + 1);
            self.rewrite(&path, text);
        }
    }

    fn rename(&mut self) {
        let Some(from) = self.any() else { return };
        let to = self.new_path();
        self.note(format!("mv {from} {to}"));
        if !(self.author.files[&from].linked || self.machine.knows_file(&from)) {
            self.lose_proof(&from);
        }
        self.machine.files.rename(&from, &to);
        self.move_file(&from, &to);
    }

    /// The file has another path now.
    fn move_file(&mut self, from: &str, to: &str) {
        let file = self.author.files.remove(from).unwrap();
        self.author.place(to, file);
    }

    /// Until a moved file is seen where it is, another file of its group may be taken for it: a copy
    /// of it, or the one at the path that it had.
    fn forget_moving(&mut self) {
        for path in self.author.paths(|file| file.shown) {
            let group = self.author.group(self.author.files[&path].text.work);
            let in_group = |file: &File| self.author.group(file.text.work) == group;
            let is_alone = self.author.files.values().filter(|file| in_group(file)).count() == 1;
            if !is_alone && !self.machine.has_article(&path) {
                self.author.files.get_mut(&path).unwrap().shown = false;
            }
        }
    }

    fn rename_directory(&mut self) {
        let from = self.dice.pick(&["news", "notes", "notes/deep"]);
        let to = self.author.new_name();
        let beneath = format!("{from}/");
        let all: Vec<String> =
            self.author.files.keys().filter(|path| path.starts_with(&beneath)).cloned().collect();
        if all.is_empty() {
            return;
        }
        self.note(format!("mv {from}/ {to}/"));
        for path in &all {
            if !(self.author.files[path].linked || self.machine.knows_file(path)) {
                self.lose_proof(path);
            }
        }
        self.machine.files.rename(from, &to);
        for path in all {
            self.move_file(&path, &path.replacen(from, &to, 1));
        }
    }

    fn copy(&mut self) {
        let Some(from) = self.any() else { return };
        let to = self.new_path();
        self.note(format!("cp {from} {to}"));
        let keeps_time = self.dice.percent(50);
        self.machine.files.copy(&from, &to, keeps_time);
        // Where it was not seen at its path yet, the copy may be taken for it, and it for the copy.
        let is_known = self.machine.knows_path(&from);
        let original = self.author.files.get_mut(&from).unwrap();
        original.shown &= is_known;
        let text = original.text.clone();
        self.author.allow_one_more(text.work);
        self.author.place(&to, File { text, part: false, shown: false, linked: false });
    }

    fn copy_and_delete(&mut self) {
        let Some(from) = self.any() else { return };
        let to = self.new_path();
        self.note(format!("cp {from} {to}; rm {from}"));
        if !self.machine.shows_bytes(&from) {
            self.lose_proof(&from);
        }
        let keeps_time = self.dice.percent(50);
        self.machine.files.copy(&from, &to, keeps_time);
        self.machine.files.remove(&from);
        let file = self.author.files.get_mut(&from).unwrap();
        file.linked = false;
        file.shown &= self.machine.settings.grace_s > 0;
        self.move_file(&from, &to);
    }

    fn delete(&mut self) {
        let Some(path) = self.any() else { return };
        self.note(format!("rm {path}"));
        // The article of a path is known again by its words, or by the very bytes that went.
        let title = self.author.files[&path].text.title();
        let path_known = self.machine.knows_path(&path)
            && (self.machine.shows_title(&path, &title) || self.machine.knows_bytes(&path));
        let bytes_known = self.machine.shows_bytes(&path);
        self.machine.files.remove(&path);
        let File { text, .. } = self.author.files.remove(&path).unwrap();
        self.author.graves.push(Grave { path, text, path_known, bytes_known });
    }

    fn restore(&mut self) {
        if self.author.graves.is_empty() {
            return;
        }
        let at = self.dice.below(self.author.graves.len());
        let Grave { path: old, text, path_known, bytes_known } = self.author.graves.swap_remove(at);
        let is_free = !self.author.files.contains_key(&old);
        let (path, known) = match is_free && self.dice.percent(70) {
            true => (old, path_known || bytes_known),
            false => (self.new_path(), bytes_known),
        };
        self.note(format!("restore {path}: {}", text.title()));
        // With the bytes of an article that is there, it is a copy of that one.
        let is_copy = self.author.files.values().any(|file| file.text == text);
        // A text that cannot be parsed is not known again before it is repaired, at this path.
        if !known || is_copy || text.bad {
            self.author.allow_one_more(text.work);
        }
        // A path that has an article is itself: the text becomes its next version, and the file that
        // left the path, which was not seen, may get another id.
        if self.machine.has_article(&path) && !self.machine.shows_title(&path, &text.title()) {
            self.author.allow_one_more(text.work);
        }
        self.put(&path, text, false);
    }

    fn swap(&mut self) {
        let (Some(one), Some(other)) = (self.any(), self.any()) else { return };
        if one == other {
            return;
        }
        self.note(format!("swap {one} {other}"));
        // A path that has no article takes the other's file for a new one.
        for (path, other) in [(&one, &other), (&other, &one)] {
            if !self.machine.has_article(path) {
                self.lose_proof(other);
            }
        }
        self.machine.files.rename(&one, ".swap");
        self.machine.files.rename(&other, &one);
        self.machine.files.rename(".swap", &other);
        let mut first = self.author.files.remove(&one).unwrap();
        let mut second = self.author.files.remove(&other).unwrap();
        (first.linked, second.linked) = (false, false);
        // Each path takes what the other showed, one after the other.
        (first.shown, second.shown) = (false, false);
        self.author.place(&other, first);
        self.author.place(&one, second);
    }

    fn overwrite(&mut self) {
        let (Some(from), Some(to)) = (self.any(), self.any()) else { return };
        if from == to {
            return;
        }
        self.note(format!("mv {from} {to}, which is there"));
        let is_known = self.author.files[&from].linked || self.machine.knows_file(&from);
        // A path that has an article is itself: the file becomes its next version.
        if !is_known && !self.machine.has_article(&to) {
            self.lose_proof(&from);
        }
        self.machine.files.rename(&from, &to);
        let mut file = self.author.files.remove(&from).unwrap();
        self.author.files.remove(&to);
        (file.shown, file.linked) = (false, false);
        self.author.place(&to, file);
    }

    /// A writer that takes its time.
    fn slow(&mut self) -> Result<(), String> {
        // Its time stamp is what tells the file from one that was closed before, where an event
        // said so within a millisecond.
        self.run(Duration::from_millis(2))?;
        let existing = if self.dice.percent(50) { self.any() } else { None };
        let (path, text) = match existing {
            Some(path) => {
                let mut text = self.author.files[&path].text.clone();
                (text.version, text.bad) = (text.version + 1, false);
                (path, text)
            }
            None => (self.new_path(), self.author.new_work()),
        };
        if self.author.files.contains_key(&path) {
            let proof = self.is_known_at(&path) || self.author.files[&path].linked;
            if !proof {
                self.lose_proof(&path);
            }
        }
        let whole = text.render();
        self.note(format!("begin {path}: {text:?}"));
        let before = self.author.files.get(&path).cloned();
        let (shown, linked) = before.map_or((false, false), |file| (file.shown, file.linked));
        let shown = shown && !text.draft && text.date.is_none();
        self.author.place(&path, File { text: text.clone(), part: true, shown, linked });
        let part = &whole[..whole.len() / 2];
        if self.machine.watcher != Watcher::Faithful && self.machine.will_hear_of(&path) {
            // A file that was renamed is whole. One that is opened again before the rename is heard
            // of looks the same.
            self.author.begun(part);
        }
        self.machine.files.begin(&path, part);
        self.machine.report(&mut self.dice);
        let wait = self.dice.pick(&[10, 150, 700, 3_000, 15_000]);
        self.run(Duration::from_millis(wait))?;
        self.note(format!("finish {path}"));
        self.author.completed(&text);
        self.author.files.get_mut(&path).unwrap().part = false;
        self.machine.files.finish(&path, &whole);
        Ok(())
    }

    fn touch(&mut self) {
        let Some(path) = self.any() else { return };
        self.note(format!("touch {path}"));
        self.machine.files.touch(&path);
    }

    fn step_clock(&mut self) {
        const HOUR: i64 = 3_600;
        let now = self.machine.clock.now().as_second();
        let to = match self.dice.below(7) {
            0 => now + HOUR,
            1 => now - HOUR,
            2 => now - 48 * HOUR,
            3 => now + 10 * 365 * 24 * HOUR,
            4 => 86_400,
            5 => now + self.dice.below(20) as i64 - 10,
            _ => self.latest.as_second().min(now + 20 * 365 * 24 * HOUR),
        };
        let to = Timestamp::from_second(to.clamp(0, 4_000_000_000)).unwrap();
        self.note(format!("the clock is set to {to}"));
        let told = self.dice.percent(80);
        self.machine.set_clock(to, told);
        self.latest = self.latest.max(to);
    }

    fn reload(&mut self) {
        let mut settings = self.machine.settings.clone();
        match self.dice.below(4) {
            0 => settings.limit = self.dice.pick(&[1, 3, 5, 1_000]),
            1 => settings.grace_s = self.dice.pick(&[0, 10, 60]),
            2 => settings.title = self.dice.pick(&["One", "Two"]),
            _ => settings.view = !settings.view,
        }
        self.note(format!("reload {settings:?}"));
        self.machine.reload(settings);
    }

    /// Makes one of the next operations of the disk fail; with `dies`, it is the last.
    fn fail_soon(&mut self, dies: bool) {
        let at = self.machine.disk.operations() + 1 + self.dice.below(24) as u64;
        let fault = self.dice.pick(&[Fault::Before, Fault::After]);
        self.note(format!("operation {at} will fail, {fault:?}, dies: {dies}"));
        match dies {
            true => self.machine.disk.die_at(at, fault),
            false => self.machine.disk.fail_at(at, fault),
        }
    }

    fn tamper(&mut self) {
        let names = self.machine.disk.names();
        if names.is_empty() {
            return;
        }
        let name = &names[self.dice.below(names.len())];
        self.note(format!("another program writes feeds/{name}"));
        let bytes = format!("not a feed, {}", self.happened.len());
        self.readers.planted.insert(Digest::of(bytes.as_bytes()));
        self.machine.disk.plant(name, bytes.as_bytes());
    }

    fn come_back(&mut self) -> Result<(), String> {
        let loss = match self.dice.below(4) {
            0 | 1 => Loss::Nothing,
            2 => Loss::Unsynced,
            _ => Loss::Some(self.dice.next()),
        };
        self.restart(loss)
    }

    fn restart(&mut self, loss: Loss) -> Result<(), String> {
        self.note(format!("restart, lost: {loss:?}"));
        if loss != Loss::Nothing {
            self.readers.power_cut();
        }
        self.machine.restart(loss)?;
        self.machine.files.take_reports();
        self.lose_inodes();
        if self.readers.generation > 0 && self.machine.snapshot().is_none() {
            return Err("L4: a restart shows nothing, though something was published".to_owned());
        }
        look(&mut self.machine, &mut self.author, &mut self.readers)
    }

    /// What file a missing article had is known in memory only: after a restart, a file that moved
    /// and was edited while only the one half of the move was seen cannot be told from a new one.
    fn lose_inodes(&mut self) {
        let known = self.machine.inodes();
        for path in self.author.paths(|file| file.linked) {
            if !known.contains(&self.machine.files.id(&path)) {
                self.author.files.get_mut(&path).unwrap().linked = false;
                self.lose_proof(&path);
            }
        }
    }

    fn overflow(&mut self) {
        self.note("overflow".to_owned());
        self.machine.overflow();
    }

    /// The directory is away for a while, and another may be in its place. Only where it is polled:
    /// another directory would be watched by a real watcher.
    fn lose_root(&mut self) -> Result<(), String> {
        if self.machine.watcher != Watcher::Polling {
            return Ok(());
        }
        let public = self.author.files.values().filter(|file| file.shown).count();
        let emptied = public >= 3 && self.dice.percent(50);
        self.note(format!("the directory is away, emptied: {emptied}"));
        if emptied {
            // A withdrawn article goes with its file, so that the path alone shows nothing then.
            for path in self.author.paths(|_| true) {
                if self.machine.is_withdrawn(&path) && !self.machine.knows_file(&path) {
                    self.lose_proof(&path);
                }
            }
        }
        self.machine.files.take_away(emptied);
        let wait = self.dice.pick(&[10, 3_000, 40_000]);
        let done = self.run(Duration::from_millis(wait));
        self.machine.files.bring_back();
        done?;
        self.note("the directory is back".to_owned());
        Ok(())
    }

    /// The end of all faults, and what has to hold then.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.note("the faults are over".to_owned());
        self.note_links();
        self.repair();
        // What was due once stays public, so the clock has to be where it was at the latest.
        self.machine.set_clock(self.latest, true);
        let dead = self.machine.engine.is_none();
        if dead || self.dice.percent(30) {
            self.come_back()?;
        } else {
            // The same process goes on, and nothing of what was planned happens.
            self.machine.disk.fail_at(0, Fault::Before);
        }
        self.machine.report(&mut self.dice);
        let grace = Duration::from_secs(self.machine.settings.grace_s);
        self.run(PATIENCE + grace + grace)?;
        if self.machine.published.status().held.is_some() {
            self.note("accept".to_owned());
            self.machine.accept();
            self.run(Duration::from_secs(1) + grace)?;
        }
        self.converged()
    }

    /// L1: readers see what the author wrote, and so does everybody who starts anew.
    fn converged(&mut self) -> Result<(), String> {
        // What another program did to `feeds/` is found at the next start.
        self.restart(Loss::Nothing)?;
        self.run(Duration::from_secs(5))?;
        if !self.machine.project() {
            return Err("L1: feeds/ cannot be brought up to date".to_owned());
        }
        look(&mut self.machine, &mut self.author, &mut self.readers)?;
        let now = self.machine.clock.now();
        let snapshot = self.machine.snapshot().ok_or("L5: nothing is published")?;
        let mut titles: Vec<String> =
            snapshot.library.articles().map(|article| article.head.title.clone()).collect();
        titles.sort();
        let expected = self.author.public(now);
        if titles != expected {
            let lines: Vec<String> = self.machine.published.status().lines().collect();
            return Err(format!("L1: public are {titles:?}, not {expected:?}; {lines:?}"));
        }
        let (disk, fresh) = self.machine.fresh()?;
        for (route, document) in &snapshot.hot {
            let bytes = fresh.hot.get(route).map(|document| &document.identity);
            if bytes != Some(&document.identity) {
                return Err(format!("L1: {route} is not what a fresh start makes"));
            }
            let name = route.to_string();
            let file = self.machine.disk.file(name.trim_start_matches('/'));
            if file.as_deref() != Some(&*document.identity) {
                return Err(format!("L1: feeds{name} is not what is served"));
            }
        }
        for name in self.machine.disk.names() {
            if disk.file(&name) != self.machine.disk.file(&name) {
                return Err(format!("L1: a fresh start writes another feeds/{name}"));
            }
        }
        if disk.names() != self.machine.disk.names() || self.machine.disk.temps() != 0 {
            return Err("L1: there are files in feeds/ that a fresh start does not have".to_owned());
        }
        self.walked(&snapshot)
    }

    /// L1, L2: who walks the archive finds every public article.
    fn walked(&self, snapshot: &crate::publish::Snapshot) -> Result<(), String> {
        let Some(engine) = &self.machine.engine else { return Err("L5: it is dead".to_owned()) };
        for scope in snapshot.library.scopes() {
            let found = walk(snapshot, engine.renderer(), scope)?;
            let all = snapshot.library.entries(scope, usize::MAX);
            if let Some(lost) = all.iter().find(|article| !found.contains(&article.id)) {
                return Err(format!(
                    "L1: who walks the archive of {scope} does not find {}",
                    lost.head.title
                ));
            }
        }
        Ok(())
    }
}

/// Gives a text another date, or none.
fn date(text: &mut Text, (dice, now): &mut (Dice, Timestamp)) {
    let second = now.as_second();
    let to = dice.pick(&[second - 86_400, second + 30, second + 3_600, second + 7_200]);
    text.date = if dice.percent(30) { None } else { Timestamp::from_second(to.max(1)).ok() };
}

/// Readers look at what is served and at what was put into `feeds/`.
fn look(machine: &mut Machine, author: &mut Author, readers: &mut Readers) -> Result<(), String> {
    // What was published by a process that died since was seen, too.
    if let Some(snapshot) = machine.published.load() {
        readers.look(&snapshot, author)?;
    }
    let files = std::mem::take(&mut *machine.projected.lock().unwrap());
    readers.open_files(files)
}
