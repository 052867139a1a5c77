//! Tests of the watcher with a real tree and the real kernel: after any change of files, events
//! alone lead to the present files.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settle::Hints;
use super::testing::{Known, path};
use super::{Fingerprint, Health, Inbox, Look, Policy, Tree};
use crate::base::RelPath;

const PATIENCE: Duration = Duration::from_secs(20);

/// A watched tree, and the files that an engine would know.
struct Fixture {
    dir: tempfile::TempDir,
    tree: Tree,
    /// The same tree, unwatched: comparing with it must not add watches.
    oracle: Tree,
    inbox: Arc<Inbox<()>>,
    known: Known,
    /// Number of looks at everything.
    rescans: usize,
}

impl Fixture {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        Self::at("articles", prepare)
    }

    fn at(root: &str, prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("articles")).unwrap();
        prepare(&dir.path().join("articles"));
        let policy =
            Policy { settle: Duration::from_millis(50), settle_max: Duration::from_millis(500) };
        let inbox = Arc::new(Inbox::new(policy));
        let open =
            || Tree::open(&dir.path().join(root), &["left-out/".to_owned()], 1 << 20).unwrap();
        let (mut tree, oracle) = (open(), open());
        fs::create_dir(dir.path().join("state")).unwrap();
        let echo = dir.path().join("state/echo");
        fs::write(&echo, "").unwrap();
        tree.watch(&echo, &inbox).unwrap();
        let mut known = Known::default();
        assert_eq!(
            inbox.wait(None).look,
            Some(Look::Everything),
            "a new watcher begins with a look"
        );
        known.look(&tree, &Look::Everything);
        Self { dir, tree, oracle, inbox, known, rescans: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("articles").join(name)
    }

    /// Takes one batch, as the engine does.
    fn step(&mut self, wait: Duration) {
        let batch = self.inbox.wait(Instant::now().checked_add(wait));
        self.rescans += usize::from(batch.look == Some(Look::Everything));
        if let Some(look) = batch.look {
            let before = self.known.clone();
            self.known.look(&self.tree, &look);
            for path in &batch.signs.unsettled {
                match before.0.get(path) {
                    Some(before) => self.known.0.insert(path.clone(), *before),
                    None => self.known.0.remove(path),
                };
            }
        }
    }

    /// Takes batches until the known files are the present ones.
    fn converge(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut there = Known::default();
            there.look(&self.oracle, &Look::Everything);
            if content(&there) == content(&self.known) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "known: {:?}\nthere: {:?}",
                self.known.0.keys(),
                there.0.keys()
            );
            self.step(Duration::from_millis(20));
        }
    }

    /// Changes the tree, and expects that events alone lead to the present files.
    fn check(&mut self, what: &str, act: impl FnOnce(&Path)) {
        act(&self.path(""));
        self.converge();
        assert_eq!(self.rescans, 0, "{what}");
    }
}

/// The known files without their change times: a new hard link changes that of the file that it is
/// made from, and no event reports it.
fn content(known: &Known) -> Vec<(&RelPath, Fingerprint)> {
    known.0.iter().map(|(path, (seen, _))| (path, Fingerprint { ctime_ns: 0, ..*seen })).collect()
}

fn shell(script: &str) -> impl Fn(&Path) {
    move |dir| {
        let status = Command::new("sh")
            .arg("-ec")
            .arg(script)
            .current_dir(dir)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{script}");
    }
}

#[test]
fn every_way_to_change_a_file_is_noticed() {
    let mut fixture = Fixture::new(shell("mkdir d; for f in a b c d/e; do echo old > $f.md; done"));
    for script in [
        "echo changed in place > a.md",
        "echo more >> a.md",
        "sed -i s/old/new/ b.md",
        "echo x > .t; mv .t c.md",
        "mv a.md swap; mv b.md a.md; mv swap b.md",
        "cp a.md d/copy.md; cp -p a.md d/kept.md",
        "mv d/e.md f.md",
        "rm c.md; echo again > c.md",
        "ln a.md hard.md",
        "ln -s a.md soft.md",
        "rm soft.md hard.md; chmod 600 a.md; touch b.md",
        "echo picture > p.png; rm p.png; echo sound > q.mp3",
        // vim: probe, backup by rename, write a new file.
        "touch 4913; rm 4913; mv a.md a.md~; echo vim > a.md; rm a.md~",
        // rsync, Syncthing, a browser.
        "echo r > .b.md.Xa1; mv .b.md.Xa1 b.md",
        "echo s > .syncthing.s.md.tmp; mv .syncthing.s.md.tmp s.md",
        "echo d > down.md.part; mv down.md.part down.md",
        "rm -r d",
        "truncate -s 0 a.md; echo filled > a.md",
    ] {
        fixture.check(script, shell(script));
    }
}

#[test]
fn new_directories_are_watched_whatever_is_made_in_them() {
    let mut fixture = Fixture::new(|_| ());
    fixture.check("made with files", |dir| {
        for n in 0..150 {
            fs::create_dir_all(dir.join(format!("{n}/deep/er"))).unwrap();
            fs::write(dir.join(format!("{n}/a.md")), "text").unwrap();
            fs::write(dir.join(format!("{n}/deep/er/b.md")), "text").unwrap();
        }
    });
    fixture.check("a later file", |dir| fs::write(dir.join("77/deep/er/c.md"), "text").unwrap());
    fixture.check("moved out", |dir| fs::rename(dir.join("77"), dir.join("../77")).unwrap());
    fixture.check("changed and moved in", |dir| {
        fs::write(dir.join("../77/deep/er/d.md"), "text").unwrap();
        fs::rename(dir.join("../77"), dir.join("back")).unwrap();
    });
    fixture
        .check("changed there", |dir| fs::write(dir.join("back/deep/er/d.md"), "changed").unwrap());
    fixture.check("moved within", |dir| fs::rename(dir.join("back"), dir.join("5/forth")).unwrap());
    fixture.check("changed there", |dir| {
        fs::write(dir.join("5/forth/deep/er/d.md"), "again").unwrap()
    });
    fixture.check("replaced", |dir| {
        fs::remove_dir_all(dir.join("9")).unwrap();
        fs::create_dir(dir.join("9")).unwrap();
        fs::write(dir.join("9/new.md"), "text").unwrap();
    });
    fixture.check("a file in it", |dir| fs::write(dir.join("9/newer.md"), "text").unwrap());
    fixture.check("linked", |dir| symlink("8/deep", dir.join("link")).unwrap());
    fixture.check("all gone", shell("rm -r *"));
}

#[test]
fn a_half_written_file_waits_for_its_close() {
    let mut fixture = Fixture::new(|dir| fs::write(dir.join("a.md"), "good").unwrap());
    let good = fixture.known.0[&path("a.md")];
    let mut writer = File::create(fixture.path("a.md")).unwrap();
    writer.write_all(b"hal").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !fixture.inbox.is_writing(&path("a.md")) {
        assert!(Instant::now() < deadline);
    }
    fs::write(fixture.path("b.md"), "text").unwrap();
    fixture.inbox.push(Hints { rescan: true, ..Hints::default() });
    while !fixture.known.0.contains_key(&path("b.md")) {
        fixture.step(Duration::from_millis(20));
    }
    assert_eq!(
        fixture.known.0[&path("a.md")],
        good,
        "neither hint nor rescan takes what is being written"
    );
    fs::rename(fixture.path("a.md"), fixture.path("c.md")).unwrap();
    while !fixture.inbox.is_writing(&path("c.md")) {
        assert!(Instant::now() < deadline);
        fixture.step(Duration::ZERO);
    }
    writer.write_all(b"f").unwrap();
    drop(writer);
    fixture.converge();
    assert!(fixture.known.0.contains_key(&path("c.md")));
}

#[test]
fn once_heard_everything_that_happened_is_in_the_inbox() {
    let fixture = Fixture::new(|_| ());
    for n in 0..200 {
        let name = format!("{n}.md");
        let mut writer = File::create(fixture.path(&name)).unwrap();
        writer.write_all(b"hal").unwrap();
        fixture.tree.hear(fixture.tree.call());
        assert!(fixture.inbox.is_writing(&path(&name)), "no waiting, no second look");
    }
}

#[test]
fn a_file_without_a_name_gets_one() {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags};
    let mut fixture = Fixture::new(|_| ());
    fixture.check("O_TMPFILE and link", |dir| {
        let open =
            rustix::fs::open(dir, OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR | Mode::WUSR).unwrap();
        rustix::io::write(&open, b"text").unwrap();
        let proc = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
        rustix::fs::linkat(CWD, proc, CWD, dir.join("a.md"), AtFlags::SYMLINK_FOLLOW).unwrap();
    });
    assert!(fixture.known.0.contains_key(&path("a.md")));
}

#[test]
fn a_kubernetes_flip_is_noticed() {
    let files = "mkdir ..1; echo one > ..1/a.md; ln -s ..1 ..data; ln -s ..data/a.md a.md";
    let mut fixture = Fixture::new(shell(files));
    assert_eq!(fixture.known.0.len(), 1);
    shell(
        "mkdir ..2; echo two > ..2/a.md; ln -s ..2 ..data_tmp; mv -T ..data_tmp ..data; rm -r ..1",
    )(&fixture.path(""));
    fixture.converge();
    assert!(fixture.rescans > 0);
}

#[test]
fn the_links_that_lead_to_the_root_are_watched() {
    for (root, script) in [
        ("articles", "mv articles away"),
        ("articles", "rm -r articles; mkdir articles"),
        ("link", "ln -s other next; mv -T next link"),
        ("link", "mv articles away"),
        ("far", "ln -sfn other link"),
    ] {
        let mut fixture = Fixture::at(root, |dir| {
            shell("mkdir ../other; ln -s articles ../link; ln -s link ../far; echo x > a.md")(dir);
        });
        shell(script)(fixture.dir.path());
        let deadline = Instant::now() + PATIENCE;
        while !fixture.inbox.wait(Some(deadline)).root_changed {
            assert!(Instant::now() < deadline, "{root}: {script}");
        }
        assert_ne!(fixture.tree.health(), Health::Same, "{root}: {script}");
        fixture.known.0.clear();
    }
}

#[test]
fn ignored_files_and_our_own_reading_give_no_hints() {
    let mut fixture = Fixture::new(shell("mkdir d .git left-out; echo x > d/a.md"));
    assert_eq!(fixture.tree.watched_directories(), 2);
    shell(
        "echo x > .hidden; echo x > d/a.md~; echo x > .git/a.md; echo x > left-out/a.md; cat d/a.md; ls d",
    )(&fixture.path(""));
    fixture.known.look(&fixture.tree, &Look::Everything);
    shell("echo x > z.md")(&fixture.path(""));
    let deadline = Instant::now() + PATIENCE;
    let first = fixture.inbox.wait(Some(deadline)).look;
    assert_eq!(first, Some(Look::At(vec![path("z.md")])), "no earlier hint");
}
