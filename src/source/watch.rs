//! Listening: what the kernel tells of changes, as hints. The only file that names `notify`.
//!
//! Owns the inotify watches. Believes nothing: an event says where to look. The callback filters and puts into the
//! inbox; it never blocks, reads no file and adds no watch.
//!
//! Directories are watched one by one, when a look enters them and before it lists them. notify's own recursion would
//! add its watch after the event, which loses what is made inside meanwhile; it would also stat every file, follow
//! links out of the tree, and spend watches on what is ignored.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, Event, EventKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::io::Errno;
use thiserror::Error;

use crate::base::RelPath;

use super::settle::{Hints, Sign};
use super::{Ignore, Inbox, is_asset, is_text};

/// A new directory is looked at once more after this long.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Links that are followed from the article directory's path to the directory.
const LINKS_MAX: usize = 40;

/// Why a tree is not listened to, and has to be polled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WatchError {
    /// A limit of the kernel is reached; the sentence names the sysctl line that lifts it.
    #[error("{0}")]
    Limit(String),
    /// Anything else.
    #[error("the article directory cannot be watched: {0}")]
    Failed(String),
}

/// Watches directories until it is dropped.
pub(super) struct Watcher {
    notify: Mutex<RecommendedWatcher>,
    root: PathBuf,
    watched: Arc<Watched>,
    trouble: Mutex<Option<WatchError>>,
}

/// The directories that are watched, as far as events told.
#[derive(Debug, Default)]
struct Watched(Mutex<BTreeSet<RelPath>>);

/// Receives the events.
struct Listener<C> {
    root: PathBuf,
    /// Every path at which the article directory, or a link to it, may be replaced.
    doors: BTreeSet<PathBuf>,
    ignore: Arc<Ignore>,
    inbox: Arc<Inbox<C>>,
    watched: Arc<Watched>,
    /// The last rename away: its tracker, and whether the file was being written.
    from: Option<(usize, bool)>,
}

impl Watcher {
    /// Watches the places where the directory at `root` can be replaced. The directories beneath are watched by
    /// [`Watcher::follow`].
    pub(super) fn start<C: Send + 'static>(
        root: &Path,
        ignore: Arc<Ignore>,
        inbox: Arc<Inbox<C>>,
    ) -> Result<Self, WatchError> {
        let doors = doors(root);
        let parents: BTreeSet<PathBuf> = doors.iter().filter_map(|door| door.parent()).map(Path::to_owned).collect();
        let watched = Arc::new(Watched::default());
        let restart = Arc::clone(&inbox);
        let mut listener =
            Listener { root: root.to_owned(), doors, ignore, inbox, watched: Arc::clone(&watched), from: None };
        let config = Config::default().with_follow_symlinks(false);
        let mut notify = RecommendedWatcher::new(move |event| listener.hear(event), config).map_err(told)?;
        for parent in parents {
            match notify.watch(&parent, RecursiveMode::NonRecursive).map_err(told) {
                // A directory above may be closed to us: the check of the root's health finds what happens there.
                Ok(()) | Err(WatchError::Failed(_)) => {}
                Err(limit) => return Err(limit),
            }
        }
        let watcher = Self { notify: Mutex::new(notify), root: root.to_owned(), watched, trouble: Mutex::default() };
        watcher.follow(&RelPath::root());
        if let Some(trouble) = watcher.trouble() {
            return Err(trouble);
        }
        // What came before was not heard; and what an earlier watcher heard may have ended unheard.
        restart.push(Hints { lost: true, ..Hints::default() });
        Ok(watcher)
    }

    /// Watches the directory at `path`, if it is not yet watched.
    pub(super) fn follow(&self, path: &RelPath) {
        if !self.watched.insert(path) {
            return;
        }
        let place = if path.is_root() { self.root.clone() } else { self.root.join(path.as_str()) };
        let result = lock(&self.notify).watch(&place, RecursiveMode::NonRecursive);
        if let Err(error) = result {
            self.watched.forget(path);
            let vanished = matches!(error.kind, ErrorKind::PathNotFound);
            // What cannot be listed cannot be watched either; the look says so.
            let closed = errno(&error) == Some(Errno::ACCESS);
            if !vanished && !closed {
                lock(&self.trouble).get_or_insert(told(error));
            }
        }
    }

    /// Why not every directory is watched.
    pub(super) fn trouble(&self) -> Option<WatchError> {
        lock(&self.trouble).clone()
    }

    pub(super) fn directories(&self) -> usize {
        lock(&self.watched.0).len()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("root", &self.root).field("directories", &self.directories()).finish()
    }
}

impl Watched {
    /// False where it was there.
    fn insert(&self, path: &RelPath) -> bool {
        lock(&self.0).insert(path.clone())
    }

    /// notify drops its watches of a directory that leaves, and of those beneath.
    fn forget(&self, path: &RelPath) {
        let mut watched = lock(&self.0);
        watched.remove(path);
        // `0` follows `/`: between the two stands everything that begins with `path/`.
        let (first, end) = (format!("{}/", path.as_str()), format!("{}0", path.as_str()));
        let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
        let beneath: Vec<RelPath> = watched.range::<str, _>(range).cloned().collect();
        for path in beneath {
            watched.remove(&path);
        }
    }
}

impl<C> Listener<C> {
    fn hear(&mut self, event: notify::Result<Event>) {
        let Ok(event) = event else { return self.inbox.push(Hints { lost: true, ..Hints::default() }) };
        // The flag first: an overflow has neither kind nor path.
        if event.need_rescan() {
            return self.inbox.push(Hints { lost: true, ..Hints::default() });
        }
        let Some(sign) = sign(&event.kind) else { return };
        for path in &event.paths {
            if self.doors.contains(path) {
                self.inbox.push(Hints { root: true, rescan: true, ..Hints::default() });
            } else if let Ok(beneath) = path.strip_prefix(&self.root) {
                match beneath.to_str().and_then(RelPath::new) {
                    Some(path) => self.hint(path, sign, &event),
                    None => self.hint_above(beneath),
                }
            }
        }
    }

    fn hint(&mut self, path: RelPath, sign: Sign, event: &Event) {
        if leaves(&event.kind) {
            self.watched.forget(&path);
        }
        if path.name().starts_with("..") && sign == Sign::Arrived {
            // Kubernetes' `..data`: a link that others lead through, so that one rename changes any of them.
            return self.inbox.push(Hints { rescan: true, ..Hints::default() });
        }
        if self.ignore.hides_at_any_depth(&path, false) {
            return;
        }
        let sign = self.carried(&path, sign, event);
        let content = matches!(sign, Sign::Writing | Sign::Closed);
        let of_interest = is_text(&path) || is_asset(&path);
        if (content && !of_interest) || (path.name() == "4913" && !is_directory(&event.kind)) {
            return;
        }
        if is_directory(&event.kind) || (sign == Sign::Arrived && !of_interest) {
            self.inbox.later([path.clone()], SECOND_LOOK);
        }
        self.inbox.push((path, sign).into());
    }

    /// A file that is renamed while it is being written is still being written under its new name.
    fn carried(&mut self, path: &RelPath, sign: Sign, event: &Event) -> Sign {
        match (&event.kind, event.tracker(), self.from) {
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), Some(tracker), _) => {
                self.from = Some((tracker, self.inbox.is_writing(path)));
                sign
            }
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), Some(tracker), Some((from, true)))
                if tracker == from =>
            {
                Sign::Writing
            }
            _ => sign,
        }
    }

    /// A name that is not UTF-8 cannot be said: its directory is looked at.
    fn hint_above(&self, path: &Path) {
        let above = path.ancestors().skip(1).find_map(|above| above.to_str().and_then(RelPath::new));
        if let Some(above) = above.filter(|above| above.is_root() || !self.ignore.hides_at_any_depth(above, true)) {
            self.inbox.push((above, Sign::Arrived).into());
        }
    }
}

/// What an event says; `None`: nothing, above all our own reading.
fn sign(kind: &EventKind) -> Option<Sign> {
    Some(match kind {
        EventKind::Create(CreateKind::Folder) => Sign::Arrived,
        EventKind::Create(_) => Sign::Created,
        EventKind::Modify(ModifyKind::Data(_)) => Sign::Writing,
        // Both halves of a rename were told before.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => Sign::Arrived,
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Sign::Touched,
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Sign::Closed,
        EventKind::Access(_) => return None,
    })
}

fn is_directory(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder))
}

/// Does notify drop its watch after this, if it has one? What comes under the name afterwards is another directory.
fn leaves(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Remove(_)
            | EventKind::Create(_)
            | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::To))
    )
}

/// The path of the article directory and, where it is a link, of everything it leads through to the directory.
fn doors(root: &Path) -> BTreeSet<PathBuf> {
    let mut doors = BTreeSet::from([root.to_owned()]);
    let mut here = root.to_owned();
    while let Ok(target) = here.read_link() {
        here = here.parent().unwrap_or(Path::new("/")).join(target);
        if !doors.insert(here.clone()) || doors.len() > LINKS_MAX {
            break;
        }
    }
    doors.extend(root.canonicalize());
    doors
}

fn told(error: notify::Error) -> WatchError {
    const WATCHES: &str = "the kernel's limit of watched directories is reached; \
        `sysctl fs.inotify.max_user_watches=1048576` lifts it";
    const INSTANCES: &str = "the kernel's limit of watchers, or of open files, is reached; \
        `sysctl fs.inotify.max_user_instances=1024` lifts the first";
    match (&error.kind, errno(&error)) {
        (ErrorKind::MaxFilesWatch, _) | (_, Some(Errno::NOSPC)) => WatchError::Limit(WATCHES.to_owned()),
        (_, Some(Errno::MFILE | Errno::NFILE)) => WatchError::Limit(INSTANCES.to_owned()),
        _ => WatchError::Failed(error.to_string()),
    }
}

fn errno(error: &notify::Error) -> Option<Errno> {
    match &error.kind {
        ErrorKind::Io(error) => Errno::from_io_error(error),
        _ => None,
    }
}

/// A panic elsewhere leaves nothing half-done here: every change under these locks is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::{Known, path};
    use crate::source::{Cause, Fingerprint, Look, Policy, Tree};
    use std::fs::{self, File};
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::process::Command;
    use std::time::Instant;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A watched tree, and what an engine would know of it.
    struct Fixture {
        dir: tempfile::TempDir,
        tree: Tree,
        /// The same tree, unwatched: to see what is there must not help.
        oracle: Tree,
        inbox: Arc<Inbox<()>>,
        known: Known,
        /// How often everything had to be looked at.
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
            let policy = Policy { settle: Duration::from_millis(50), settle_max: Duration::from_millis(500) };
            let inbox = Arc::new(Inbox::new(policy));
            let open = || Tree::open(&dir.path().join(root), &["left-out/".to_owned()], 1 << 20).unwrap();
            let (mut tree, oracle) = (open(), open());
            tree.watch(&inbox).unwrap();
            let mut known = Known::default();
            assert_eq!(inbox.wait(None).look, Some(Look::Everything), "who begins to listen looks first");
            known.look(&tree, &Look::Everything);
            Self { dir, tree, oracle, inbox, known, rescans: 0 }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join("articles").join(name)
        }

        /// Takes one batch, as the engine does.
        fn step(&mut self, wait: Duration) {
            let batch = self.inbox.wait(Instant::now().checked_add(wait));
            self.rescans += usize::from(batch.cause == Cause::Rescan);
            if let Some(look) = batch.look {
                let before = self.known.clone();
                self.known.look(&self.tree, &look);
                for path in &batch.unsettled {
                    match before.0.get(path) {
                        Some(before) => self.known.0.insert(path.clone(), *before),
                        None => self.known.0.remove(path),
                    };
                }
            }
        }

        /// Takes batches until what is known is what is there.
        fn converge(&mut self) {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let mut there = Known::default();
                there.look(&self.oracle, &Look::Everything);
                if content(&there) == content(&self.known) {
                    return;
                }
                assert!(Instant::now() < deadline, "known: {:?}\nthere: {:?}", self.known.0.keys(), there.0.keys());
                self.step(Duration::from_millis(20));
            }
        }

        /// Does something, and expects that events alone lead to what is there.
        fn check(&mut self, what: &str, act: impl FnOnce(&Path)) {
            act(&self.path(""));
            self.converge();
            assert_eq!(self.rescans, 0, "{what}");
        }
    }

    /// What is known but for the change time: a new hard link changes that of the file it is made from, and no event
    /// tells.
    fn content(known: &Known) -> Vec<(&RelPath, Fingerprint)> {
        known.0.iter().map(|(path, (seen, _))| (path, Fingerprint { ctime_ns: 0, ..*seen })).collect()
    }

    fn shell(script: &str) -> impl Fn(&Path) {
        move |dir| {
            let status = Command::new("sh").arg("-ec").arg(script).current_dir(dir).status().unwrap();
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
            // vim: probe, backup by rename, write anew.
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
        fixture.check("changed there", |dir| fs::write(dir.join("back/deep/er/d.md"), "changed").unwrap());
        fixture.check("moved within", |dir| fs::rename(dir.join("back"), dir.join("5/forth")).unwrap());
        fixture.check("changed there", |dir| fs::write(dir.join("5/forth/deep/er/d.md"), "again").unwrap());
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
        assert_eq!(fixture.known.0[&path("a.md")], good, "neither hint nor rescan takes what is being written");
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
    fn a_file_without_a_name_gets_one() {
        use rustix::fs::{AtFlags, CWD, Mode, OFlags};
        let mut fixture = Fixture::new(|_| ());
        fixture.check("O_TMPFILE and link", |dir| {
            let open = rustix::fs::open(dir, OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR | Mode::WUSR).unwrap();
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
        shell("mkdir ..2; echo two > ..2/a.md; ln -s ..2 ..data_tmp; mv -T ..data_tmp ..data; rm -r ..1")(
            &fixture.path(""),
        );
        fixture.converge();
        assert!(fixture.rescans > 0);
    }

    #[test]
    fn the_root_is_watched_through_its_doors() {
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
            assert_ne!(fixture.tree.health(), crate::source::Health::Same, "{root}: {script}");
            fixture.known.0.clear();
        }
    }

    #[test]
    fn what_is_ignored_and_our_own_reading_say_nothing() {
        let mut fixture = Fixture::new(shell("mkdir d .git left-out; echo x > d/a.md"));
        assert_eq!(fixture.tree.watched_directories(), 2);
        shell("echo x > .hidden; echo x > d/a.md~; echo x > .git/a.md; echo x > left-out/a.md; cat d/a.md; ls d")(
            &fixture.path(""),
        );
        fixture.known.look(&fixture.tree, &Look::Everything);
        shell("echo x > z.md")(&fixture.path(""));
        let deadline = Instant::now() + PATIENCE;
        let first = fixture.inbox.wait(Some(deadline)).look;
        assert_eq!(first, Some(Look::At(vec![path("z.md")])), "nothing was told before");
    }

    #[test]
    fn events_become_signs() {
        use notify::event::{DataChange, MetadataKind};
        for (kind, expected) in [
            (EventKind::Create(CreateKind::File), Some(Sign::Created)),
            (EventKind::Create(CreateKind::Folder), Some(Sign::Arrived)),
            (EventKind::Modify(ModifyKind::Data(DataChange::Any)), Some(Sign::Writing)),
            (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), Some(Sign::Touched)),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), Some(Sign::Arrived)),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), Some(Sign::Arrived)),
            (EventKind::Modify(ModifyKind::Name(RenameMode::Both)), None),
            (EventKind::Remove(RemoveKind::Other), Some(Sign::Arrived)),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), Some(Sign::Closed)),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), None),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), None),
        ] {
            assert_eq!(sign(&kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn an_overflow_is_told_whatever_else_it_says() {
        let inbox = Arc::new(Inbox::<()>::new(Policy { settle: Duration::ZERO, settle_max: Duration::ZERO }));
        let mut listener = Listener {
            root: PathBuf::from("/r"),
            doors: BTreeSet::new(),
            ignore: Arc::new(Ignore::new(&[]).unwrap()),
            inbox: Arc::clone(&inbox),
            watched: Arc::default(),
            from: None,
        };
        listener.hear(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
        assert_eq!(inbox.wait(None).look, Some(Look::Everything));
        listener.hear(Err(notify::Error::generic("broken")));
        assert_eq!(inbox.wait(None).look, Some(Look::Everything));
        let bad = std::os::unix::ffi::OsStrExt::from_bytes(&b"/r/d/\xff.md"[..]);
        listener
            .hear(Ok(Event::new(EventKind::Remove(RemoveKind::File)).add_path(PathBuf::from(bad as &std::ffi::OsStr))));
        assert_eq!(inbox.wait(None).look, Some(Look::At(vec![path("d")])));
    }

    #[test]
    fn limits_name_the_line_that_lifts_them() {
        let io = |errno: Errno| notify::Error::io(errno.into());
        for (error, expected) in [
            (notify::Error::new(ErrorKind::MaxFilesWatch), "fs.inotify.max_user_watches"),
            (io(Errno::NOSPC), "fs.inotify.max_user_watches"),
            (io(Errno::MFILE), "fs.inotify.max_user_instances"),
        ] {
            let told = told(error);
            assert!(matches!(&told, WatchError::Limit(text) if text.contains(expected)), "{told}");
        }
        assert!(matches!(told(io(Errno::IO)), WatchError::Failed(_)));
    }
}
