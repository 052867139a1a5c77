//! The watcher, which turns the kernel's events into hints. The only file that names `notify`.
//!
//! Owns the inotify watches. Believes nothing: an event says where to look. The callback filters
//! and puts into the inbox; it never blocks, reads no file and adds no watch.
//!
//! Directories are watched one by one, when a look enters them and before it lists them. notify's
//! own recursion would add its watch after the event, which loses what is made inside meanwhile; it
//! would also stat every file, follow links out of the tree, and spend watches on what is ignored.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{
    AccessKind, AccessMode, CreateKind, Event, EventKind, ModifyKind, RemoveKind, RenameMode,
};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::io::Errno;
use thiserror::Error;
use tracing::debug;

use crate::base::RelPath;
use crate::ops::listener;

use super::bulk::{Bulk, Rests};
use super::echo::{Call, Echo};
use super::ignore::EntryKind;
use super::mounts::on_mount;
use super::settle::{Hints, Sign};
use super::{Ignore, Inbox, is_asset, is_text};

/// A new directory is looked at once more after this long.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Links that are followed from the article directory's path to the directory.
const LINKS_MAX: usize = 40;

/// The reason why a tree is not watched, and has to be polled.
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
    /// `None` where it cannot be watched.
    echo: Option<Arc<Echo>>,
    trouble: Mutex<Option<WatchError>>,
    /// `None` where the kernel does not report mounts: the reconcile scan finds what is mounted.
    _mounts: Option<listener::Listener>,
}

/// The directories that are watched, as far as events show.
#[derive(Debug, Default)]
struct Watched(Mutex<BTreeSet<RelPath>>);

/// Receives the events.
struct Listener<C> {
    root: PathBuf,
    /// Every path where the article directory, or a link to it, may be replaced.
    watched_links: BTreeSet<PathBuf>,
    ignore: Arc<Ignore>,
    inbox: Arc<Inbox<C>>,
    watched: Arc<Watched>,
    echo: Option<Arc<Echo>>,
    rests: Rests,
    /// The last rename away: its tracker, and whether the file was being written.
    from: Option<(usize, bool)>,
}

impl Watcher {
    /// Watches the places where the directory at `root` can be replaced. The directories beneath
    /// are watched by [`Watcher::follow`]. `echo`: a file of our own, for [`Watcher::hear`].
    pub(super) fn start<C: Send + 'static>(
        root: &Path,
        echo: &Path,
        ignore: Arc<Ignore>,
        inbox: Arc<Inbox<C>>,
        bulk: &Arc<Bulk>,
    ) -> Result<Self, WatchError> {
        let watched_links = watched_links(root);
        let parents: BTreeSet<PathBuf> =
            watched_links.iter().filter_map(|link| link.parent()).map(Path::to_owned).collect();
        let watched = Arc::new(Watched::default());
        let echo = Some(Arc::new(Echo::new(echo.to_owned())));
        let restart = Arc::clone(&inbox);
        let mounted = Arc::clone(&inbox);
        let mounts = on_mount(move || mounted.push(Hints { root: true, ..Hints::default() })).ok();
        let mut listener = Listener {
            root: root.to_owned(),
            watched_links,
            ignore,
            inbox,
            watched: Arc::clone(&watched),
            echo: echo.clone(),
            rests: Rests::new(bulk),
            from: None,
        };
        let config = Config::default().with_follow_symlinks(false);
        let mut notify = RecommendedWatcher::new(move |event| listener.on_event(event), config)
            .map_err(watch_error)?;
        for parent in parents {
            match notify.watch(&parent, RecursiveMode::NonRecursive).map_err(watch_error) {
                // A directory above may be closed to us: the check of the root's health finds what
                // happens there.
                Ok(()) | Err(WatchError::Failed(_)) => {}
                Err(limit) => return Err(limit),
            }
        }
        let is_watched =
            |echo: &Arc<Echo>| notify.watch(echo.path(), RecursiveMode::NonRecursive).is_ok();
        let echo = echo.filter(is_watched);
        let notify = Mutex::new(notify);
        let watcher = Self {
            notify,
            root: root.to_owned(),
            watched,
            echo,
            trouble: Mutex::default(),
            _mounts: mounts,
        };
        watcher.follow(&RelPath::root());
        if let Some(trouble) = watcher.trouble() {
            return Err(trouble);
        }
        // Earlier events were missed; and the close of a file that an earlier watcher saw written
        // may be among them.
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
                lock(&self.trouble).get_or_insert(watch_error(error));
            }
        }
    }

    /// Calls, for [`Watcher::hear`]. `None` where no echo comes.
    pub(super) fn call(&self) -> Option<Call> {
        self.echo.as_ref()?.call()
    }

    /// Waits until everything is in the inbox that happened before `call`: as long as one event
    /// takes.
    pub(super) fn hear(&self, call: Call) {
        if let Some(echo) = &self.echo
            && !echo.wait(call)
        {
            debug!(event = "unheard", "the event of our own look at a file did not come");
        }
    }

    /// The reason why not every directory is watched.
    pub(super) fn trouble(&self) -> Option<WatchError> {
        lock(&self.trouble).clone()
    }

    pub(super) fn directories(&self) -> usize {
        lock(&self.watched.0).len()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("root", &self.root)
            .field("directories", &self.directories())
            .finish()
    }
}

impl Watched {
    /// Returns false where it was already watched.
    fn insert(&self, path: &RelPath) -> bool {
        lock(&self.0).insert(path.clone())
    }

    /// Forgets every directory: a directory that comes back as the root, even the same one, has to
    /// be watched again.
    fn forget_all(&self) {
        lock(&self.0).clear();
    }

    /// Forgets `path` and what is beneath: notify drops the watches of a directory that leaves.
    fn forget(&self, path: &RelPath) {
        let mut watched = lock(&self.0);
        watched.remove(path);
        // `0` follows `/` in ASCII: between the two is every path that begins with `path/`.
        let (first, end) = (format!("{}/", path.as_str()), format!("{}0", path.as_str()));
        let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
        let beneath: Vec<RelPath> = watched.range::<str, _>(range).cloned().collect();
        for path in beneath {
            watched.remove(&path);
        }
    }
}

impl<C> Listener<C> {
    fn on_event(&mut self, event: notify::Result<Event>) {
        let Ok(event) = event else {
            return self.inbox.push(Hints { lost: true, ..Hints::default() });
        };
        // The flag first: an overflow has neither kind nor path.
        if event.need_rescan() {
            self.inbox.push(Hints { lost: true, ..Hints::default() });
            return self.echo.iter().for_each(|echo| echo.hear_all());
        }
        if let Some(echo) = &self.echo
            && event.paths.iter().any(|path| path == echo.path())
        {
            if matches!(event.kind, EventKind::Access(AccessKind::Open(_))) {
                echo.hear();
            }
            return;
        }
        let Some(sign) = sign(&event.kind) else { return self.rests.rest() };
        for path in &event.paths {
            if self.watched_links.contains(path) {
                if leaves(&event.kind) {
                    self.watched.forget_all();
                }
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
            // Kubernetes' `..data`: a link that others lead through, so that one rename changes any
            // of them.
            return self.inbox.push(Hints { rescan: true, ..Hints::default() });
        }
        if self.ignore.hides_at_any_depth(&path, EntryKind::File) {
            return;
        }
        let sign = self.sign_after_rename(&path, sign, event);
        let content = matches!(sign, Sign::Writing | Sign::Closed);
        let of_interest = is_text(&path) || is_asset(&path);
        // vim makes a file of this name, and removes it, to see whether it may write in the
        // directory.
        let is_probe = path.name() == "4913" && !is_directory(&event.kind);
        if (content && !of_interest) || is_probe {
            return;
        }
        if is_directory(&event.kind) || (sign == Sign::Arrived && !of_interest) {
            self.inbox.later([path.clone()], SECOND_LOOK);
        }
        self.inbox.push((path, sign).into());
    }

    /// The sign of an event, with renames followed: a file that is renamed while it is being
    /// written is still being written under its new name.
    fn sign_after_rename(&mut self, path: &RelPath, sign: Sign, event: &Event) -> Sign {
        match (&event.kind, event.tracker(), self.from) {
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), Some(tracker), _) => {
                self.from = Some((tracker, self.inbox.is_writing(path)));
                sign
            }
            (
                EventKind::Modify(ModifyKind::Name(RenameMode::To)),
                Some(tracker),
                Some((from, true)),
            ) if tracker == from => Sign::Writing,
            _ => sign,
        }
    }

    /// Puts in a hint for the nearest directory whose name is UTF-8: `path` itself cannot be a
    /// [`RelPath`].
    fn hint_above(&self, path: &Path) {
        let above =
            path.ancestors().skip(1).find_map(|above| above.to_str().and_then(RelPath::new));
        if let Some(above) = above.filter(|above| {
            above.is_root() || !self.ignore.hides_at_any_depth(above, EntryKind::Directory)
        }) {
            self.inbox.push((above, Sign::Arrived).into());
        }
    }
}

/// The sign of an event; `None` for events that change nothing, such as our own reading.
fn sign(kind: &EventKind) -> Option<Sign> {
    Some(match kind {
        EventKind::Create(CreateKind::Folder) => Sign::Arrived,
        EventKind::Create(_) => Sign::Created,
        EventKind::Modify(ModifyKind::Data(_)) => Sign::Writing,
        // Both halves of a rename were reported before.
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

/// Returns whether notify drops its watch after this event, if it has one. A directory that has the
/// name afterwards is another one.
fn leaves(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Remove(_)
            | EventKind::Create(_)
            | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::To))
    )
}

/// The path of the article directory and, where it is a link, every path that the link leads
/// through: an event at any of them may replace the directory.
fn watched_links(root: &Path) -> BTreeSet<PathBuf> {
    let mut watched_links = BTreeSet::from([root.to_owned()]);
    let mut here = root.to_owned();
    while let Ok(target) = here.read_link() {
        here = here.parent().unwrap_or(Path::new("/")).join(target);
        if !watched_links.insert(here.clone()) || watched_links.len() > LINKS_MAX {
            break;
        }
    }
    watched_links.extend(root.canonicalize());
    watched_links
}

/// The number of directories that the programs of one user may watch together,
/// `fs.inotify.max_user_watches`; none where the kernel does not say.
pub fn watches_max() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?;
    text.trim().parse().ok()
}

fn watch_error(error: notify::Error) -> WatchError {
    const WATCHES: &str = "the kernel's limit of watched directories is reached; \
        `sysctl fs.inotify.max_user_watches=1048576` lifts it";
    const INSTANCES: &str = "the kernel's limit of watchers, or of open files, is reached; \
        `sysctl fs.inotify.max_user_instances=1024` lifts the first";
    match (&error.kind, errno(&error)) {
        (ErrorKind::MaxFilesWatch, _) | (_, Some(Errno::NOSPC)) => {
            WatchError::Limit(WATCHES.to_owned())
        }
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
    use crate::source::testing::path;
    use crate::source::{Look, Policy};

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
    fn an_overflow_is_reported_whatever_else_it_says() {
        let inbox = Arc::new(Inbox::<()>::new(Policy {
            settle: Duration::ZERO,
            settle_max: Duration::ZERO,
        }));
        let mut listener = Listener {
            root: PathBuf::from("/r"),
            watched_links: BTreeSet::new(),
            ignore: Arc::new(Ignore::new(&[]).unwrap()),
            inbox: Arc::clone(&inbox),
            watched: Arc::default(),
            echo: None,
            rests: Rests::new(&Arc::default()),
            from: None,
        };
        listener.on_event(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
        assert_eq!(inbox.wait(None).look, Some(Look::Everything));
        listener.on_event(Err(notify::Error::generic("broken")));
        assert_eq!(inbox.wait(None).look, Some(Look::Everything));
        let bad = std::os::unix::ffi::OsStrExt::from_bytes(&b"/r/d/\xff.md"[..]);
        listener.on_event(Ok(Event::new(EventKind::Remove(RemoveKind::File))
            .add_path(PathBuf::from(bad as &std::ffi::OsStr))));
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
            let error = watch_error(error);
            assert!(
                matches!(&error, WatchError::Limit(text) if text.contains(expected)),
                "{error}"
            );
        }
        assert!(matches!(watch_error(io(Errno::IO)), WatchError::Failed(_)));
    }
}
