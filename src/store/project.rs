//! The projection: finished documents as plain files in `feeds/`, for web servers, rsync and people.
//!
//! Owns the manifest (what dropfeed may have put under each name) and the order of things; [`Target`] does the
//! writing. Never reads a document back to serve it: the files are a copy of the snapshot, and can be made again.
//!
//! - Before bytes are written their digest is in the manifest, durably; before a name leaves the manifest its file is
//!   gone, durably. So a crash at any moment neither loses track of a file nor claims one of somebody else's.
//! - Only a file whose bytes the manifest knows is deleted. One that somebody changed or put there is left alone, and
//!   told; but a name that dropfeed has to write (`rss.xml`) is dropfeed's, and what stood there is replaced.
//! - Bytes count as written once they are settled. After any error in between they are written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rayon::prelude::*;
use thiserror::Error;

use crate::base::Digest;

use super::{Projected, Store, StoreError, is_full};

/// The most digests that are remembered of one name; more than two only after errors in a row.
const DIGESTS_MAX: usize = 8;

/// Where documents are projected to. Two implementations: [`super::Directory`], and [`super::model::ModelTarget`]; an
/// object store would be a third.
///
/// Names are relative, with `/` between segments, in decoded text: `news/rss.xml`, `tags/日本/feed.json`.
pub trait Target: Send + Sync {
    /// Puts `bytes` under `name`, in place of what stands there, so that no reader ever sees a part of them. Durable
    /// after [`Target::settle`].
    ///
    /// # Errors
    /// Those of writing. What stood there before may then still stand there, or be replaced.
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Takes away what stands under `name`; nothing is fine. Durable after [`Target::settle`].
    ///
    /// # Errors
    /// Those of deleting.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// The digest of what stands under `name`; `None` where that is nothing, or not a file.
    ///
    /// # Errors
    /// Those of reading.
    fn digest(&self, name: &str) -> io::Result<Option<Digest>>;

    /// Makes durable what was put and removed before.
    ///
    /// # Errors
    /// Those of syncing. Nothing that was put or removed since the last success is then certain.
    fn settle(&mut self) -> io::Result<()>;

    /// Takes away the temporary files that an earlier process left beside `names`.
    ///
    /// # Errors
    /// Those of deleting.
    fn clean(&mut self, names: &[&str]) -> io::Result<()>;
}

/// A target behind a pointer is one.
impl Target for Box<dyn Target> {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        (**self).put(name, bytes)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        (**self).remove(name)
    }

    fn digest(&self, name: &str) -> io::Result<Option<Digest>> {
        (**self).digest(name)
    }

    fn settle(&mut self) -> io::Result<()> {
        (**self).settle()
    }

    fn clean(&mut self, names: &[&str]) -> io::Result<()> {
        (**self).clean(names)
    }
}

/// A document to project.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its name in `feeds/`.
    pub name: &'a str,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Why a document was not projected. Nothing is lost: the engine tries again later.
#[derive(Debug, Error)]
pub enum ProjectError {
    /// No space is left; the files after this one were not tried.
    #[error("no space left for {name:?} in the feeds directory")]
    Full {
        /// The file.
        name: String,
    },
    /// The place does not let itself be written to: permissions, or a read-only file system.
    #[error("cannot write {name:?} in the feeds directory: {source}")]
    Unwritable {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something else went wrong with one file.
    #[error("{name:?} in the feeds directory: {source}")]
    Io {
        /// The file; empty where it concerns all.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest could not be written, so no file was.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ProjectError {
    fn new(name: &str, source: io::Error) -> Self {
        let name = name.to_owned();
        match source.kind() {
            _ if is_full(&source) => Self::Full { name },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Unwritable { name, source }
            }
            _ => Self::Io { name, source },
        }
    }

    /// Will the next file fail likewise?
    fn is_everywhere(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Store(_) => true,
            Self::Unwritable { source, .. } => source.kind() == io::ErrorKind::ReadOnlyFilesystem,
            Self::Io { .. } => false,
        }
    }
}

/// What [`Projector::put`] did.
#[derive(Debug, Default)]
pub struct Written {
    /// How many files were written, and are durable.
    pub written: usize,
    /// What was not written, and why.
    pub failed: Vec<ProjectError>,
}

/// What [`Projector::sweep`] did.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many files were taken away.
    pub removed: usize,
    /// Files under names of ours whose bytes are not: left alone, and no longer ours.
    pub left: Vec<String>,
    /// What could not be taken away; it stays in the manifest.
    pub failed: Vec<ProjectError>,
}

/// Keeps a target equal to what is wanted. Used by the engine's thread alone.
#[derive(Debug)]
pub struct Projector<T> {
    target: T,
    known: BTreeMap<String, Known>,
    /// Names whose row in the manifest says more than is needed.
    wordy: BTreeSet<String>,
}

/// What is known of a name.
#[derive(Debug, Default)]
struct Known {
    /// Its row in the manifest.
    recorded: Vec<Digest>,
    /// What stands there for certain.
    there: Option<Digest>,
}

impl<T: Target> Projector<T> {
    /// A projector that takes nothing for certain; [`Projector::repair`] looks at what is there. `manifest` is
    /// [`Store::projected`].
    pub fn new(target: T, manifest: Vec<Projected>) -> Self {
        let known = |(name, recorded)| (name, Known { recorded, there: None });
        Self { target, known: manifest.into_iter().map(known).collect(), wordy: BTreeSet::new() }
    }

    /// Takes left-over temporary files away, and compares each file of the manifest with its digest. Returns the
    /// names whose file is missing or not ours any more; [`Projector::plan`] will name them. May be called at any time.
    ///
    /// # Errors
    /// Those of cleaning. Unreadable files are taken for missing.
    pub fn repair(&mut self) -> Result<Vec<String>, ProjectError> {
        let names: Vec<&str> = self.known.keys().map(String::as_str).collect();
        self.target.clean(&names).map_err(|source| ProjectError::new("", source))?;
        let target = &self.target;
        let found: Vec<Option<Digest>> =
            names.par_iter().map(|name| target.digest(name).unwrap_or(None)).collect();
        let mut drifted = Vec::new();
        for ((name, known), found) in self.known.iter_mut().zip(found) {
            known.there = found.filter(|digest| known.recorded.contains(digest));
            match known.there {
                None => drifted.push(name.clone()),
                Some(_) if known.recorded.len() > 1 => self.wordy.extend([name.clone()]),
                Some(_) => {}
            }
        }
        Ok(drifted)
    }

    /// The names among `wanted` under which other bytes stand, or nothing, or nobody knows what.
    pub fn plan<'a>(&self, wanted: impl IntoIterator<Item = (&'a str, Digest)>) -> Vec<&'a str> {
        wanted
            .into_iter()
            .filter(|(name, digest)| !self.stands(name, *digest))
            .map(|(name, _)| name)
            .collect()
    }

    /// Writes the files that do not stand there yet; all the others cost nothing. A batch costs one commit, and one
    /// sync of each directory.
    ///
    /// # Errors
    /// Where the manifest could not be written, or the batch not be settled. What went wrong with single files is in
    /// [`Written::failed`].
    pub fn put(
        &mut self,
        store: &mut dyn Store,
        files: &[File<'_>],
    ) -> Result<Written, ProjectError> {
        let due: Vec<&File<'_>> =
            files.iter().filter(|file| !self.stands(file.name, file.digest)).collect();
        if due.is_empty() {
            return Ok(Written::default());
        }
        self.announce(store, &due)?;
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for file in due {
            self.doubt(file.name);
            match self
                .target
                .put(file.name, file.bytes)
                .map_err(|source| ProjectError::new(file.name, source))
            {
                Ok(()) => done.push(file),
                Err(error) => failed.push(error),
            }
            if failed.last().is_some_and(ProjectError::is_everywhere) {
                break;
            }
        }
        self.target.settle().map_err(|source| ProjectError::new("", source))?;
        for file in &done {
            self.note(file);
        }
        Ok(Written { written: done.len(), failed })
    }

    /// Takes away every file of the manifest whose name `keep` does not want.
    ///
    /// # Errors
    /// Where the removal could not be settled, or the manifest not be written. Calling it again takes up where it
    /// ended.
    pub fn sweep(
        &mut self,
        store: &mut dyn Store,
        keep: impl Fn(&str) -> bool,
    ) -> Result<Swept, ProjectError> {
        let unwanted: Vec<String> = self.known.keys().filter(|name| !keep(name)).cloned().collect();
        let (mut swept, mut gone) = (Swept::default(), Vec::new());
        for name in unwanted {
            match self.take_away(&name) {
                Ok(Away::Removed) => swept.removed += 1,
                Ok(Away::Nothing) => {}
                Ok(Away::Foreign) => swept.left.push(name.clone()),
                Err(source) => {
                    swept.failed.push(ProjectError::new(&name, source));
                    continue;
                }
            }
            gone.push((name, Vec::new()));
        }
        if gone.is_empty() {
            return Ok(swept);
        }
        self.target.settle().map_err(|source| ProjectError::new("", source))?;
        store.set_projected(&gone)?;
        for (name, _) in gone {
            self.known.remove(&name);
            self.wordy.remove(&name);
        }
        Ok(swept)
    }

    fn stands(&self, name: &str, digest: Digest) -> bool {
        self.known.get(name).is_some_and(|known| known.there == Some(digest))
    }

    /// Writes the digests of what is about to be put into the manifest, and shortens rows of earlier batches.
    fn announce(&mut self, store: &mut dyn Store, due: &[&File<'_>]) -> Result<(), ProjectError> {
        let mut rows: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
        for name in &self.wordy {
            let there = self.known.get(name).and_then(|known| known.there);
            rows.extend(there.map(|digest| (name.clone(), vec![digest])));
        }
        for file in due {
            let known = self.known.get(file.name);
            let row = known.map(Known::possible).unwrap_or_default();
            let row = rows.entry(file.name.to_owned()).or_insert(row);
            row.retain(|digest| *digest != file.digest);
            row.push(file.digest);
            row.drain(..row.len().saturating_sub(DIGESTS_MAX));
        }
        rows.retain(|name, row| self.known.get(name).is_none_or(|known| known.recorded != *row));
        let rows: Vec<Projected> = rows.into_iter().collect();
        if !rows.is_empty() {
            store.set_projected(&rows)?;
        }
        self.wordy.clear();
        for (name, row) in rows {
            self.known.entry(name).or_default().recorded = row;
        }
        Ok(())
    }

    fn doubt(&mut self, name: &str) {
        if let Some(known) = self.known.get_mut(name) {
            known.there = None;
        }
    }

    fn note(&mut self, file: &File<'_>) {
        let Some(known) = self.known.get_mut(file.name) else { return };
        known.there = Some(file.digest);
        if known.recorded.len() > 1 {
            self.wordy.insert(file.name.to_owned());
        }
    }

    /// Removes the file if its bytes are ours.
    fn take_away(&mut self, name: &str) -> io::Result<Away> {
        let ours = self.known.get(name).map(|known| &*known.recorded).unwrap_or_default();
        match self.target.digest(name)? {
            None => return Ok(Away::Nothing),
            Some(digest) if !ours.contains(&digest) => return Ok(Away::Foreign),
            Some(_) => {}
        }
        self.doubt(name);
        self.target.remove(name).map(|()| Away::Removed)
    }
}

impl Known {
    /// What may stand there, oldest first.
    fn possible(&self) -> Vec<Digest> {
        match self.there {
            Some(digest) => vec![digest],
            None => self.recorded.clone(),
        }
    }
}

/// What became of an unwanted file.
enum Away {
    Removed,
    Nothing,
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::model::{Disk, Fault, Loss};

    type Files = &'static [(&'static str, &'static str)];

    /// Brings the disk to `wanted` with a new process; whatever fails is left for the next.
    fn project(disk: &Disk, wanted: Files) -> Result<(), ProjectError> {
        let mut store = disk.store();
        let mut projector = Projector::new(disk.target(), store.projected()?);
        projector.repair()?;
        pass(&mut projector, &mut store, wanted)
    }

    fn pass<T: Target>(
        projector: &mut Projector<T>,
        store: &mut dyn Store,
        wanted: Files,
    ) -> Result<(), ProjectError> {
        let files: Vec<File<'_>> = wanted.iter().map(|(name, text)| file(name, text)).collect();
        for batch in files.chunks(2) {
            if let Some(error) = projector.put(store, batch)?.failed.into_iter().next() {
                return Err(error);
            }
        }
        let swept =
            projector.sweep(store, |name| wanted.iter().any(|(wanted, _)| *wanted == name))?;
        swept.failed.into_iter().next().map_or(Ok(()), Err)
    }

    fn file<'a>(name: &'a str, text: &'a str) -> File<'a> {
        File { name, digest: Digest::of(text.as_bytes()), bytes: text.as_bytes() }
    }

    fn content(disk: &Disk) -> Vec<(String, String)> {
        let text = |name: &String| String::from_utf8(disk.file(name).unwrap().to_vec()).unwrap();
        disk.names().into_iter().map(|name| (name.clone(), text(&name))).collect()
    }

    fn owned(files: Files) -> Vec<(String, String)> {
        let mut files: Vec<_> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        files.sort();
        files
    }

    const FIRST: Files =
        &[("atom.xml", "a1"), ("news/rss.xml", "n1"), ("rss.xml", "r1"), ("old/rss.xml", "o1")];
    const SECOND: Files =
        &[("atom.xml", "a1"), ("news/rss.xml", "n2"), ("rss.xml", "r2"), ("x/rss.xml", "x1")];
    const THIRD: Files = &[("rss.xml", "r3")];
    const FOREIGN: (&str, &str) = ("CNAME", "example.org");

    /// Crashes at every operation of the way from the first to the second state, in every manner; then goes on to the
    /// second or to the third. Neither a foreign file nor the track of one of ours is lost, and nobody sees bytes that
    /// were never wanted.
    #[test]
    fn a_crash_at_any_operation_is_mended_by_the_next_start() {
        let prepare = || {
            let disk = Disk::new();
            disk.plant(FOREIGN.0, FOREIGN.1.as_bytes());
            project(&disk, FIRST).unwrap();
            disk
        };
        let disk = prepare();
        let start = disk.operations();
        project(&disk, SECOND).unwrap();
        let end = disk.operations();
        assert!(end - start > 12, "{start} {end}");
        let losses = [Loss::Nothing, Loss::Unsynced, Loss::Some(1), Loss::Some(2), Loss::Some(3)];
        for k in start + 1..=end {
            for (fault, loss) in
                [Fault::Before, Fault::After].into_iter().flat_map(|f| losses.map(|loss| (f, loss)))
            {
                for next in [SECOND, THIRD, FIRST] {
                    let disk = prepare();
                    disk.die_at(k, fault);
                    project(&disk, SECOND).unwrap_err();
                    disk.restart(loss);
                    for (name, text) in content(&disk) {
                        let known = [FIRST, SECOND].concat().contains(&(&name, &text));
                        assert!(
                            known || name == FOREIGN.0,
                            "{name}: {text} after operation {k}, {fault:?}, {loss:?}"
                        );
                    }
                    project(&disk, next).unwrap();
                    let mut expected = owned(next);
                    expected.push((FOREIGN.0.to_owned(), FOREIGN.1.to_owned()));
                    expected.sort();
                    assert_eq!(content(&disk), expected, "operation {k}, {fault:?}, {loss:?}");
                    assert_eq!(disk.temps(), 0);
                }
            }
        }
    }

    /// A single error, without a crash: the same process tries again, and a power cut afterwards finds all of it.
    #[test]
    fn after_any_error_the_same_process_gets_there() {
        for k in 1..60 {
            for fault in [Fault::Before, Fault::After] {
                let disk = Disk::new();
                let mut store = disk.store();
                let mut projector = Projector::new(disk.target(), Vec::new());
                pass(&mut projector, &mut store, FIRST).unwrap();
                disk.fail_at(disk.operations() + k, fault);
                if pass(&mut projector, &mut store, SECOND).is_err() {
                    pass(&mut projector, &mut store, SECOND).unwrap();
                }
                disk.restart(Loss::Unsynced);
                assert_eq!(content(&disk), owned(SECOND), "operation {k}, {fault:?}");
            }
        }
    }

    #[test]
    fn what_stands_there_costs_nothing() {
        let disk = Disk::new();
        let mut store = disk.store();
        let mut projector = Projector::new(disk.target(), Vec::new());
        pass(&mut projector, &mut store, FIRST).unwrap();
        let before = disk.operations();
        pass(&mut projector, &mut store, FIRST).unwrap();
        assert_eq!(disk.operations(), before);
        let wanted = [
            ("rss.xml", Digest::of(b"r1")),
            ("atom.xml", Digest::of(b"other")),
            ("z", Digest::of(b"")),
        ];
        assert_eq!(projector.plan(wanted), ["atom.xml", "z"]);
    }

    #[test]
    fn a_file_that_somebody_changed_is_replaced_where_wanted_and_left_where_not() {
        let disk = Disk::new();
        project(&disk, FIRST).unwrap();
        disk.plant("rss.xml", b"theirs");
        disk.plant("old/rss.xml", b"theirs");
        let mut store = disk.store();
        let mut projector = Projector::new(disk.target(), store.projected().unwrap());
        assert_eq!(projector.repair().unwrap(), ["old/rss.xml", "rss.xml"]);
        projector.put(&mut store, &[file("rss.xml", "r2")]).unwrap();
        let swept = projector.sweep(&mut store, |name| name == "rss.xml").unwrap();
        assert_eq!((swept.removed, swept.left), (2, vec!["old/rss.xml".to_owned()]));
        assert_eq!(content(&disk), owned(&[("old/rss.xml", "theirs"), ("rss.xml", "r2")]));
    }

    #[test]
    fn the_manifest_stays_short() {
        let disk = Disk::new();
        let mut store = disk.store();
        let mut projector = Projector::new(disk.target(), Vec::new());
        for n in 0..20 {
            projector.put(&mut store, &[file("rss.xml", &n.to_string())]).unwrap();
        }
        assert_eq!(store.projected().unwrap()[0].1.len(), 2);
    }
}
