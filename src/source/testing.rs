//! What tests of the source share: a tree on a real disk, and an index of what was seen of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::{Fingerprint, Index, Look, Seen, SourceChange, Tree};
use crate::base::time::from_system;
use crate::base::{RelPath, Timestamp};

/// A file by its device and inode number.
pub(crate) type FileId = (u64, u64);

/// The time stamps of a file whose clock is a simulation's, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamps {
    pub(crate) btime_ns: i64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
}

/// The claims of simulations about files. The files themselves are real.
#[derive(Debug, Default)]
pub(crate) struct Pretended {
    /// The stamps of files.
    pub(crate) stamps: HashMap<FileId, Stamps>,
    /// Article directories, with the files beneath that are open for writing.
    pub(crate) open: HashMap<PathBuf, HashSet<FileId>>,
    /// Article directories, with what brings the events there that are still on their way.
    pub(crate) hear: HashMap<PathBuf, Hear>,
}

/// Brings events that are still on their way.
#[derive(Clone)]
pub(crate) struct Hear(pub(crate) Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Hear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hear")
    }
}

static PRETENDED: RwLock<Option<Pretended>> = RwLock::new(None);

/// Changes what simulations say.
pub(crate) fn pretend<T>(change: impl FnOnce(&mut Pretended) -> T) -> T {
    let mut pretended = PRETENDED.write().unwrap_or_else(PoisonError::into_inner);
    change(pretended.get_or_insert_default())
}

/// The fingerprint with the stamps that a simulation gave the file, if one did.
pub(super) fn stamped(seen: Fingerprint) -> Fingerprint {
    let pretended = PRETENDED.read().unwrap_or_else(PoisonError::into_inner);
    let Some(pretended) = &*pretended else { return seen };
    match pretended.stamps.get(&(seen.dev, seen.ino)) {
        Some(Stamps { btime_ns, mtime_ns, ctime_ns }) => {
            Fingerprint { btime_ns: *btime_ns, mtime_ns: *mtime_ns, ctime_ns: *ctime_ns, ..seen }
        }
        None => seen,
    }
}

/// The files beneath the root of a simulation that are open for writing.
pub(super) fn open_beneath(root: &Path) -> Option<HashSet<FileId>> {
    let pretended = PRETENDED.read().unwrap_or_else(PoisonError::into_inner);
    pretended.as_ref()?.open.get(root).cloned()
}

/// Brings the events of the simulation at `root` that are still on their way.
pub(super) fn hear(root: &Path) {
    let pretended = PRETENDED.read().unwrap_or_else(PoisonError::into_inner);
    let hear = pretended.as_ref().and_then(|pretended| pretended.hear.get(root).cloned());
    // It may ask for what is pretended.
    drop(pretended);
    if let Some(Hear(hear)) = hear {
        hear();
    }
}

/// The path that `text` says.
pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "real files have real stamps")]
pub(crate) fn now() -> Timestamp {
    from_system(SystemTime::now())
}

/// An empty article directory, opened.
pub(crate) fn tree(max_bytes: u64) -> (tempfile::TempDir, Tree) {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::open(dir.path(), &[], max_bytes).unwrap();
    (dir, tree)
}

/// Runs `work`, and what it runs in parallel, without root's power to read what is closed to it.
pub(crate) fn powerless<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let give_up = |_| {
        let mut sets = capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
        set_capabilities(None, sets).unwrap();
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .start_handler(give_up)
        .build()
        .unwrap()
        .install(work)
}

/// What was seen, as the engine keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known(pub(crate) BTreeMap<RelPath, (Fingerprint, bool)>);

impl Known {
    /// Looks, takes what was found, and says it: `text a.md`, `gone b.md`, `too-large c.md`.
    pub(crate) fn look(&mut self, tree: &Tree, look: &Look) -> Vec<String> {
        self.take(&tree.look(look, self).unwrap())
    }

    /// Looks in the same way with [`Tree::look_and_search`].
    pub(crate) fn search(&mut self, tree: &Tree, look: &Look) -> Vec<String> {
        self.take(&tree.look_and_search(look, self).unwrap())
    }

    fn take(&mut self, changes: &[SourceChange]) -> Vec<String> {
        changes.iter().for_each(|change| self.apply(change));
        changes.iter().map(say).collect()
    }

    fn apply(&mut self, change: &SourceChange) {
        let path = change.path.clone();
        match &change.seen {
            Seen::Gone => {
                self.0.remove(&path);
            }
            Seen::Text(seen)
            | Seen::Asset(seen)
            | Seen::Refused(seen, _)
            | Seen::Linked(seen, _) => {
                self.0.insert(path, (*seen, false));
            }
            Seen::Unreadable(_) => {}
        }
    }
}

fn say(change: &SourceChange) -> String {
    let what = match &change.seen {
        Seen::Gone => "gone",
        Seen::Text(_) => "text",
        Seen::Asset(_) => "asset",
        Seen::Linked(..) => "linked",
        Seen::Refused(_, why) | Seen::Unreadable(why) => &why.code,
    };
    format!("{what} {}", change.path)
}

impl Index for Known {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, path: &RelPath) -> Option<(Fingerprint, bool)> {
        self.0.get(path).copied()
    }

    fn beneath(&self, directory: &RelPath, visit: &mut dyn FnMut(&RelPath)) {
        self.0.keys().filter(|path| path.is_beneath(directory)).for_each(visit);
    }
}
