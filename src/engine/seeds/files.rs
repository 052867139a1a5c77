//! The article directory: real files with the time stamps of the simulated clock, and what a
//! watcher would report of each change.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::RelPath;
use crate::ops::clock::{Clock as _, ManualClock};
use crate::source::settle::Sign;
use crate::source::testing::{FileId, Stamps, pretend};

/// The directory, and what was not reported yet.
pub(super) struct Files {
    /// The directory that programs write to before they rename.
    outside: PathBuf,
    root: PathBuf,
    clock: Arc<ManualClock>,
    stamped: BTreeSet<FileId>,
    reports: Vec<(RelPath, Sign)>,
    births: i64,
}

impl Files {
    pub(super) fn new(dir: &Path, clock: &Arc<ManualClock>) -> Self {
        let (outside, root) = (dir.join("outside"), dir.join("articles"));
        for made in [&outside, &root] {
            fs::create_dir(made).unwrap();
        }
        pretend(|all| all.open.insert(root.clone(), Default::default()));
        let (stamped, reports) = (BTreeSet::new(), Vec::new());
        Self { outside, root, clock: Arc::clone(clock), stamped, reports, births: 0 }
    }

    /// The events that the watcher saw since the last call.
    pub(super) fn take_reports(&mut self) -> Vec<(RelPath, Sign)> {
        std::mem::take(&mut self.reports)
    }

    /// The device and inode of the file at `path`.
    pub(super) fn id(&self, path: &str) -> FileId {
        let found = self.root.join(path).metadata().unwrap();
        (found.dev(), found.ino())
    }

    pub(super) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root.join(path)).unwrap()
    }

    /// Writes into the file at `path`, as `echo >` does.
    pub(super) fn write(&mut self, path: &str, text: &str) {
        self.begin(path, text);
        self.finish(path, text);
    }

    /// Opens the file at `path` and writes the beginning of a text.
    pub(super) fn begin(&mut self, path: &str, part: &str) {
        let is_new = !self.root.join(path).exists();
        self.make_parent(path);
        fs::write(self.root.join(path), part).unwrap();
        if is_new {
            self.born(path);
            self.report(path, Sign::Created);
        } else {
            self.written(path);
        }
        let id = self.id(path);
        pretend(|all| all.open.get_mut(&self.root).unwrap().insert(id));
        self.report(path, Sign::Writing);
    }

    /// Writes the rest, and closes the file.
    pub(super) fn finish(&mut self, path: &str, text: &str) {
        fs::write(self.root.join(path), text).unwrap();
        self.written(path);
        let id = self.id(path);
        pretend(|all| all.open.get_mut(&self.root).unwrap().remove(&id));
        self.report(path, Sign::Closed);
    }

    /// Writes a new file and renames it to `path`, as editors do.
    pub(super) fn replace(&mut self, path: &str, text: &str) {
        let new = self.outside.join("new");
        fs::write(&new, text).unwrap();
        self.make_parent(path);
        fs::rename(&new, self.root.join(path)).unwrap();
        self.born(path);
        // It was renamed after it was written.
        self.stamp(path, |stamps, now| stamps.ctime_ns = now + 1);
        self.report(path, Sign::Arrived);
    }

    /// Copies a file, with its modification time or without.
    pub(super) fn copy(&mut self, from: &str, to: &str, keeps_time: bool) {
        let modified = self.stamps(from).mtime_ns;
        let bytes = self.read(from);
        self.write(to, &String::from_utf8(bytes).unwrap());
        if keeps_time {
            self.stamp(to, |stamps, _| stamps.mtime_ns = modified);
            self.report(to, Sign::Touched);
        }
    }

    /// Renames a file or a directory.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.make_parent(to);
        fs::rename(self.root.join(from), self.root.join(to)).unwrap();
        if self.root.join(to).is_file() {
            self.stamp(to, |stamps, now| stamps.ctime_ns = now);
        }
        self.report(from, Sign::Arrived);
        self.report(to, Sign::Arrived);
    }

    pub(super) fn remove(&mut self, path: &str) {
        fs::remove_file(self.root.join(path)).unwrap();
        self.report(path, Sign::Arrived);
    }

    pub(super) fn touch(&mut self, path: &str) {
        self.written(path);
        self.report(path, Sign::Touched);
    }

    /// Takes the whole directory away; with `emptied`, an empty one is there instead.
    pub(super) fn take_away(&self, emptied: bool) {
        fs::rename(&self.root, self.outside.join("away")).unwrap();
        if emptied {
            fs::create_dir(&self.root).unwrap();
        }
    }

    pub(super) fn bring_back(&self) {
        // It is not there unless it was emptied.
        let _ = fs::remove_dir(&self.root);
        fs::rename(self.outside.join("away"), &self.root).unwrap();
    }

    fn make_parent(&mut self, path: &str) {
        let Some((directory, _)) = path.rsplit_once('/') else { return };
        if !self.root.join(directory).exists() {
            fs::create_dir_all(self.root.join(directory)).unwrap();
            self.report(directory, Sign::Arrived);
        }
    }

    fn report(&mut self, path: &str, sign: Sign) {
        self.reports.push((RelPath::new(path).unwrap(), sign));
    }

    fn born(&mut self, path: &str) {
        let now = self.now_ns();
        let id = self.id(path);
        // Where the file system uses an inode number again, the new file is told from the old one.
        self.births += 1;
        let stamps = Stamps { btime_ns: now + self.births, mtime_ns: now, ctime_ns: now };
        pretend(|all| all.stamps.insert(id, stamps));
        self.stamped.insert(id);
    }

    fn written(&mut self, path: &str) {
        self.stamp(path, |stamps, now| (stamps.mtime_ns, stamps.ctime_ns) = (now, now));
    }

    fn stamps(&self, path: &str) -> Stamps {
        let id = self.id(path);
        pretend(|all| all.stamps[&id])
    }

    fn stamp(&self, path: &str, change: impl FnOnce(&mut Stamps, i64)) {
        let (id, now) = (self.id(path), self.now_ns());
        pretend(|all| change(all.stamps.get_mut(&id).unwrap(), now));
    }

    fn now_ns(&self) -> i64 {
        i64::try_from(self.clock.now().as_nanosecond()).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        pretend(|all| {
            all.open.remove(&self.root);
            for id in &self.stamped {
                all.stamps.remove(id);
            }
        });
    }
}
