//! The walk: what is there, compared with what is known, by names and statx, or by names and inode
//! numbers alone. Never reads a file's content.
//!
//! Every call is relative to the root and stays beneath it. Directories are walked in parallel, and
//! so are the entries of a large one. A directory is watched before it is listed, so that nothing
//! can appear unseen between the two. What cannot be looked at stays known.

use std::collections::HashSet;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustix::fs::{CWD, FileType, OFlags, Statx};
use rustix::io::Errno;

use crate::base::path::FileKind;
use crate::base::{Diagnostic, RelPath, Severity, special};
use crate::ops::pulse::Pulse;

use super::beneath::open_beneath;
use super::ignore::EntryKind;
use super::listing::{Entry, list};
use super::root::{describe, fingerprint, kind, stat_at, stat_of};
use super::{Fingerprint, Ignore, Seen, SourceChange, is_asset, is_text};

/// Directories deeper than this are not entered.
const DEPTH_MAX: usize = 64;

/// The most linked directories in one path: links that lead to directories with links multiply.
const LINKS_MAX: u8 = 3;

/// Entries that one thread looks at before another may take over.
const CHUNK: usize = 256;

/// The known files beneath the article directory.
///
/// Everything that a look reported and that was not [`Seen::Unreadable`] belongs into it, refused
/// files too, under the fingerprint that was reported: else it is reported again.
pub trait Index: Sync {
    /// The fingerprint of the file at `path`, and whether it is racy: an equal fingerprint then
    /// proves nothing.
    fn get(&self, path: &RelPath) -> Option<(Fingerprint, bool)>;

    /// The number of known paths.
    fn len(&self) -> usize;

    /// Visits every known path beneath `directory`, which is not beneath itself. It is asked for
    /// each path that is looked at: it has to take time by what it visits, not by what is known.
    fn beneath(&self, directory: &RelPath, visit: &mut dyn FnMut(&RelPath));
}

/// One walk: what it may see, and what it compares with.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) root: &'a OwnedFd,
    pub(super) ignore: &'a Ignore,
    pub(super) max_bytes: u64,
    pub(super) known: &'a dyn Index,
    /// Called for each real directory before it is listed.
    pub(super) entering: &'a (dyn Fn(&RelPath) + Sync),
    /// Once it is set, the walk ends early, and what it found is incomplete.
    pub(super) stopping: &'a AtomicBool,
    /// The same once it returns true: the walk gives way to other work.
    pub(super) has_work: Option<&'a (dyn Fn() -> bool + Sync)>,
    /// Beats at each directory and each entry.
    pub(super) pulse: &'a Pulse,
    /// Remember every path that was seen: needed only to name what is gone.
    pub(super) collect: bool,
    /// Take a known file for unchanged where its directory lists it with the inode that is known.
    pub(super) by_inode: bool,
    /// Called for each file that is neither a text nor an asset, and not ignored.
    pub(super) others: Option<&'a (dyn Fn(&RelPath) + Sync)>,
}

/// The findings of a walk.
#[derive(Default)]
pub(super) struct Found {
    /// New, changed, refused, unreadable: everything but what is gone.
    pub(super) changes: Vec<SourceChange>,
    /// The number of known paths that are still there, or may be: if it equals the number of known
    /// paths, nothing is gone.
    pub(super) accounted: usize,
    /// Every path that was seen, in no order, if asked for.
    pub(super) seen: Vec<RelPath>,
    /// Files and directories that could not be looked at.
    pub(super) closed: HashSet<RelPath>,
}

/// The findings in a directory, and the directories that are to be walked next.
type Walked = Result<(Found, Vec<Directory>), Errno>;

/// A directory on the way down.
struct Directory {
    path: RelPath,
    /// Device and inode of each directory above, and of itself once it was entered.
    trail: Vec<(u64, u64)>,
    /// The number of them that were reached through a link.
    links: u8,
    /// Its path without links, where it was reached through one, and the articles in it are read
    /// there.
    real: Option<RelPath>,
}

impl Directory {
    /// The article directory.
    fn root() -> Self {
        Self { path: RelPath::root(), trail: Vec::new(), links: 0, real: None }
    }

    /// The path without links of the entry `name`, where this directory has one.
    fn real(&self, name: &str) -> Option<RelPath> {
        self.real.as_ref()?.join(name)
    }
}

impl Scan<'_> {
    /// Looks at `path`, and at everything beneath it if it is a directory. Returns the path that
    /// was really looked at: where a directory above is a link, its whole content is what the
    /// link's target says it is.
    pub(super) fn at(&self, path: &RelPath) -> (RelPath, Found) {
        let mut above = Directory::root();
        if path.is_root() {
            return (path.clone(), self.directory(above));
        }
        // A link to the article directory itself is a loop, too.
        above.trail.extend(stat_of(self.root).map(|root| identity(&root)));
        for segment in path.segments() {
            let Some(here) = above.path.join(segment) else { break };
            let found = match stat_at(self.root, here.as_str()) {
                Ok(found) => found,
                Err(Errno::NOENT | Errno::NOTDIR)
                    if segment.contains(char::REPLACEMENT_CHARACTER) =>
                {
                    // This may be the readable part of a name that is not UTF-8: only its directory
                    // can show that. A walk of a directory adds its identity by itself.
                    above.trail.pop();
                    return (above.path.clone(), self.directory(above));
                }
                Err(Errno::NOENT | Errno::NOTDIR) => break,
                // It is the directory that lets nothing of it be seen.
                Err(Errno::ACCESS) => {
                    return (path.clone(), self.closed_above(path, above.path, Errno::ACCESS));
                }
                Err(error) => return (path.clone(), self.closed_above(path, here, error)),
            };
            if here == *path || kind(&found) == FileType::Symlink {
                let found = self.entry_at(&above, here.clone(), &found);
                return (here, found);
            }
            if kind(&found) != FileType::Directory || self.ignore.hides(&here, EntryKind::Directory)
            {
                break;
            }
            above.trail.push(identity(&found));
            above.path = here;
        }
        (path.clone(), Found::default())
    }

    /// Walks the article directory.
    pub(super) fn everything(&self) -> Found {
        self.directory(Directory::root())
    }

    /// Counts the known paths at `path` and beneath.
    pub(super) fn known_at(&self, path: &RelPath) -> usize {
        if path.is_root() {
            return self.known.len();
        }
        let mut count = usize::from(self.known.get(path).is_some());
        self.known.beneath(path, &mut |_| count += 1);
        count
    }

    /// Whether what was found is incomplete, and of no use.
    pub(super) fn ends_early(&self) -> bool {
        self.stopping.load(Ordering::Relaxed) || self.has_work.is_some_and(|has_work| has_work())
    }

    fn directory(&self, mut dir: Directory) -> Found {
        self.pulse.beat();
        if self.ends_early() {
            return Found::default();
        }
        if dir.trail.len() >= DEPTH_MAX {
            let message = format!("deeper than {DEPTH_MAX} directories");
            return self.closed(dir.path, Diagnostic::error("too-deep", message));
        }
        if dir.links == 0 {
            (self.entering)(&dir.path);
        }
        let looked =
            self.entries(&mut dir).and_then(|(open, entries)| self.look(open, &dir, &entries));
        match looked {
            Ok((found, below)) => below
                .into_par_iter()
                .map(|next| self.directory(next))
                .reduce(Found::default, Found::and)
                .and(found),
            Err(Errno::NOENT | Errno::NOTDIR) => Found::default(),
            Err(error) => self.closed(dir.path, unreadable(error)),
        }
    }

    fn entries(&self, dir: &mut Directory) -> Result<(OwnedFd, Vec<Entry>), Errno> {
        let open = open_beneath(self.root, dir.path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY)?;
        dir.trail.push(identity(&stat_of(&open)?));
        let entries = list(&open)?;
        Ok((open, entries))
    }

    /// Looks at each entry; the descriptor is closed before anything beneath is opened, so that
    /// depth costs none.
    fn look(&self, open: OwnedFd, dir: &Directory, entries: &[Entry]) -> Walked {
        let chunks = entries.par_chunks(CHUNK).map(|chunk| self.look_at_some(&open, dir, chunk));
        chunks.try_reduce(Default::default, |(found, mut below), (other, other_below)| {
            below.extend(other_below);
            Ok((found.and(other), below))
        })
    }

    fn look_at_some(&self, open: &OwnedFd, dir: &Directory, entries: &[Entry]) -> Walked {
        let mut out = (Found::default(), Vec::new());
        if self.ends_early() {
            return Ok(out);
        }
        for entry in entries {
            self.listed(open, dir, entry, &mut out)?;
        }
        Ok(out)
    }

    /// An entry as its directory lists it. Fails where that directory lets nothing of it be seen.
    fn listed(
        &self,
        open: &OwnedFd,
        dir: &Directory,
        entry: &Entry,
        out: &mut (Found, Vec<Directory>),
    ) -> Result<(), Errno> {
        self.pulse.beat();
        let text = entry.name.to_string_lossy();
        let Some(path) = dir.path.join(&text) else { return Ok(()) };
        if matches!(text, std::borrow::Cow::Owned(_)) {
            self.misnamed(open, entry, path, &mut out.0);
            return Ok(());
        }
        let plain =
            !matches!(entry.kind, FileType::Directory | FileType::Symlink | FileType::Unknown);
        if plain && !is_text(&path) && !is_asset(&path) {
            self.other(&path);
            return Ok(());
        }
        if self.by_inode && self.is_listed_as_known(dir, entry, &path) {
            self.account(path, &mut out.0);
            return Ok(());
        }
        match stat_at(open, entry.name.as_c_str()) {
            Ok(found) => out.1.extend(self.entry(dir, path, &found, &mut out.0)),
            Err(Errno::NOENT) => {}
            Err(Errno::ACCESS) => return Err(Errno::ACCESS),
            Err(error) => self.close(path, unreadable(error), &mut out.0),
        }
        Ok(())
    }

    /// Whether a known file is still there, as far as its directory says: with its inode, or another
    /// that got the number.
    fn is_listed_as_known(&self, dir: &Directory, entry: &Entry, path: &RelPath) -> bool {
        let Some((known, false)) = self.known.get(path) else { return false };
        dir.links == 0
            && entry.kind == FileType::RegularFile
            && entry.inode == known.ino
            // A file is on the device of its directory.
            && dir.trail.last().is_some_and(|(dev, _)| *dev == known.dev)
            && !self.ignore.hides(path, EntryKind::File)
    }

    fn entry_at(&self, above: &Directory, path: RelPath, found: &Statx) -> Found {
        let mut out = Found::default();
        match self.entry(above, path, found, &mut out) {
            Some(below) => self.directory(below).and(out),
            None => out,
        }
    }

    /// Reports the file at `path`, or returns it if it is a directory to walk.
    fn entry(
        &self,
        dir: &Directory,
        path: RelPath,
        found: &Statx,
        out: &mut Found,
    ) -> Option<Directory> {
        let kind = kind(found);
        let is_directory = kind == FileType::Directory;
        let listed = if is_directory { EntryKind::Directory } else { EntryKind::File };
        if self.ignore.hides(&path, listed) {
            return None;
        }
        match kind {
            FileType::Directory => {
                let real = dir.real(path.name());
                Some(Directory { path, trail: dir.trail.clone(), links: dir.links, real })
            }
            FileType::Symlink => self.link(dir, path, found, out),
            _ => {
                match dir.real(path.name()) {
                    Some(real) if self.is_article_at(&path, &real) => {
                        self.linked(path, found, real, out)
                    }
                    _ => self.file(path, found, out),
                }
                None
            }
        }
    }

    /// A link counts as what it leads to, as long as that is beneath the root and not above the
    /// link itself. A text that is read under its own path is not read again under that of the
    /// link. The target of a Kubernetes ConfigMap's links is hidden, so there the link is the
    /// article.
    fn link(
        &self,
        dir: &Directory,
        path: RelPath,
        link: &Statx,
        out: &mut Found,
    ) -> Option<Directory> {
        let target = open_beneath(self.root, path.as_str(), OFlags::PATH)
            .and_then(|open| Ok((stat_of(&open)?, self.real_path(&open))));
        match target {
            Ok((target, real)) if kind(&target) != FileType::Directory => match real {
                Some(real)
                    if kind(&target) == FileType::RegularFile
                        && self.is_article_at(&path, &real) =>
                {
                    self.linked(path, link, real, out)
                }
                _ => self.file(path, &target, out),
            },
            Ok(_) if self.ignore.hides(&path, EntryKind::Directory) => {}
            Ok((target, _)) if dir.trail.contains(&identity(&target)) => {
                // Everything in it is found by its own path.
                let why = Diagnostic::note("link-loop", "a link to a directory above it");
                self.report(path, fingerprint(link), Seen::Refused(fingerprint(link), why), out);
            }
            Ok((_, real)) => {
                let real = real.filter(|real| self.is_scanned(real, EntryKind::Directory));
                if dir.links < LINKS_MAX {
                    let (trail, links) = (dir.trail.clone(), dir.links + 1);
                    return Some(Directory { path, trail, links, real });
                }
                let message = format!("reached through more than {LINKS_MAX} linked directories");
                let severity = if real.is_some() { Severity::Note } else { Severity::Error };
                let why = Diagnostic { severity, ..Diagnostic::error("link-depth", message) };
                self.report(path, fingerprint(link), Seen::Refused(fingerprint(link), why), out);
            }
            Err(error) => self.unopened_link(path, link, error, out),
        }
        None
    }

    /// A link whose target cannot be opened beneath the root.
    fn unopened_link(&self, path: RelPath, link: &Statx, error: Errno, out: &mut Found) {
        let (code, message) = match error {
            // A dangling link is nothing: its target may come.
            Errno::NOENT | Errno::NOTDIR => return,
            Errno::LOOP => {
                ("link-loop", "a link that leads back to itself, or one of the kernel's own")
            }
            Errno::XDEV => (
                "link-outside",
                "a link that is absolute or leaves the article directory; make it relative, or copy the file",
            ),
            error => return self.close(path, unreadable(error), out),
        };
        if is_text(&path) || is_asset(&path) || path.extension().is_none() {
            self.refuse(path, fingerprint(link), code, message, out);
        }
    }

    /// The path of an open file or directory beneath the root, without links. `None` where it is
    /// the root itself, or cannot be known: `/proc` is not mounted, or the file is gone.
    fn real_path(&self, open: &OwnedFd) -> Option<RelPath> {
        let path_of = |open: &OwnedFd| {
            let link = format!("/proc/self/fd/{}", open.as_raw_fd());
            rustix::fs::readlinkat(CWD, link, Vec::new()).ok()?.into_string().ok()
        };
        let (root, path) = (path_of(self.root)?, path_of(open)?);
        let beneath = path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')?;
        RelPath::new(beneath).filter(|real| !real.is_root())
    }

    /// Returns whether a walk enters or reads what is at `real`, a path without links.
    fn is_scanned(&self, real: &RelPath, kind: EntryKind) -> bool {
        !self.ignore.hides_at_any_depth(real, kind) && special::excluded_by(real.as_str()).is_none()
    }

    /// Returns whether the article at `path`, which a link leads to, is one at `real` anyway.
    fn is_article_at(&self, path: &RelPath, real: &RelPath) -> bool {
        let is_article = |path| matches!(FileKind::of(path), FileKind::Article(_));
        is_article(path) && is_article(real) && self.is_scanned(real, EntryKind::File)
    }

    fn linked(&self, path: RelPath, found: &Statx, real: RelPath, out: &mut Found) {
        // Not as a text at this path would have it: if the linked directory is replaced by its
        // target, the text that is here then has to be reported.
        let seen = inode(fingerprint(found));
        self.report(path, seen, Seen::Linked(seen, real), out);
    }

    fn file(&self, path: RelPath, found: &Statx, out: &mut Found) {
        let (text, seen) = (is_text(&path), fingerprint(found));
        if !text && !is_asset(&path) {
            return self.other(&path);
        }
        if kind(found) != FileType::RegularFile {
            self.refuse(path, inode(seen), "not-a-file", "not a regular file", out);
        } else if text && seen.len_bytes > self.max_bytes {
            let message =
                format!("{} bytes; `articles.max_bytes` allows {}", seen.len_bytes, self.max_bytes);
            self.refuse(path, seen, "too-large", &message, out);
        } else {
            let change = if text { Seen::Text(seen) } else { Seen::Asset(seen) };
            self.report(path, seen, change, out);
        }
    }

    fn other(&self, path: &RelPath) {
        if let Some(visit) = self.others
            && !self.ignore.hides(path, EntryKind::File)
        {
            visit(path);
        }
    }

    /// A name that is not UTF-8 has no URL: it is reported under its readable part.
    fn misnamed(&self, open: &OwnedFd, entry: &Entry, path: RelPath, out: &mut Found) {
        let Ok(found) = stat_at(open, entry.name.as_c_str()) else { return };
        if kind(&found) == FileType::Directory || is_text(&path) || is_asset(&path) {
            let message = "its name is not UTF-8; rename it, for instance with convmv";
            self.refuse(path, inode(fingerprint(&found)), "name-not-utf-8", message, out);
        }
    }

    fn refuse(&self, path: RelPath, seen: Fingerprint, code: &str, message: &str, out: &mut Found) {
        self.report(path, seen, Seen::Refused(seen, Diagnostic::error(code, message)), out);
    }

    fn report(&self, path: RelPath, fingerprint: Fingerprint, seen: Seen, out: &mut Found) {
        let known = self.known.get(&path);
        if known != Some((fingerprint, false)) {
            out.changes.push(SourceChange { path: path.clone(), seen });
        }
        if known.is_some() {
            self.account(path, out);
        } else if self.collect {
            out.seen.push(path);
        }
    }

    /// Notes that a known path is still there.
    fn account(&self, path: RelPath, out: &mut Found) {
        out.accounted += 1;
        if self.collect {
            out.seen.push(path);
        }
    }

    fn closed(&self, path: RelPath, why: Diagnostic) -> Found {
        let mut out = Found::default();
        self.close(path, why, &mut out);
        out
    }

    fn close(&self, path: RelPath, why: Diagnostic, out: &mut Found) {
        out.accounted += self.known_at(&path);
        out.closed.insert(path.clone());
        out.changes.push(SourceChange { path, seen: Seen::Unreadable(why) });
    }

    /// `above` cannot be looked through: all that is known at `path` stays.
    fn closed_above(&self, path: &RelPath, above: RelPath, error: Errno) -> Found {
        // Of what is known above, only what is at `path` is compared with what was found.
        Found { accounted: self.known_at(path), ..self.closed(above, unreadable(error)) }
    }
}

impl Found {
    fn and(mut self, mut other: Self) -> Self {
        if self.changes.len() < other.changes.len() {
            std::mem::swap(&mut self, &mut other);
        }
        self.changes.append(&mut other.changes);
        self.accounted += other.accounted;
        self.seen.append(&mut other.seen);
        self.closed.extend(other.closed);
        self
    }
}

fn identity(found: &Statx) -> (u64, u64) {
    let seen = fingerprint(found);
    (seen.dev, seen.ino)
}

/// The fingerprint of a file that is never read: its times and size mean nothing, and must not have
/// it reported again.
fn inode(seen: Fingerprint) -> Fingerprint {
    Fingerprint { len_bytes: 0, mtime_ns: 0, ctime_ns: 0, ..seen }
}

fn unreadable(error: Errno) -> Diagnostic {
    Diagnostic::error("unreadable", format!("cannot be read: {}", describe(error)))
}
