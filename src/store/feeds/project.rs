//! The projection: finished documents as plain files in `feeds/`, for web servers, rsync and
//! people.
//!
//! Owns the manifest (what dropfeed may have put under each name) and the order of the operations;
//! [`Target`] does the writing. Never reads a document back to serve it: the files are a copy of
//! the snapshot, and can be made again.
//!
//! - Before bytes are written, their digest is in the manifest, durably; before a name leaves the
//!   manifest, its file is gone, durably. So a crash at any moment neither loses track of a file
//!   nor claims one that somebody else made.
//! - Only a file whose bytes the manifest knows is deleted. A file that somebody changed or put
//!   there is left alone and reported; but a name that dropfeed has to write (`rss.xml`) belongs to
//!   dropfeed, and a foreign file of that name is replaced.
//! - Bytes count as written when they are settled. After any error before that they are written
//!   again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rayon::prelude::*;
use thiserror::Error;

use crate::base::Digest;

use super::manifest::{Known, Manifest, OnDisk};
use super::target::{Stamp, Target};
use crate::store::{Projected, Store, StoreError, is_full};

/// The most digests that are remembered for one name. There are more than two only after several
/// errors in a row.
const DIGESTS_MAX: usize = 8;

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

/// The reason why a document was not projected. Nothing is lost: the engine tries again later.
#[derive(Debug, Error)]
pub enum ProjectError {
    /// No space is left; the files after this one were not tried.
    #[error("no space left for {name:?} in the feeds directory")]
    Full {
        /// The file.
        name: String,
    },
    /// The place cannot be written to: permissions, or a read-only file system.
    #[error("cannot write {name:?} in the feeds directory: {source}")]
    Unwritable {
        /// The file.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// Another error of one file.
    #[error("{name:?} in the feeds directory: {source}")]
    Io {
        /// The file; empty if the error concerns all files.
        name: String,
        /// The system's error.
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

    /// Whether the next file would fail in the same way.
    fn is_everywhere(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Store(_) => true,
            Self::Unwritable { source, .. } => source.kind() == io::ErrorKind::ReadOnlyFilesystem,
            Self::Io { .. } => false,
        }
    }
}

/// The result of [`Projector::put`].
#[derive(Debug, Default)]
pub struct Written {
    /// Number of files that were written and are durable.
    pub written: usize,
    /// Files that were not written, with the reasons.
    pub failed: Vec<ProjectError>,
}

/// The result of [`Projector::sweep`].
#[derive(Debug, Default)]
pub struct Swept {
    /// Number of files that were removed.
    pub removed: usize,
    /// Files of the manifest that somebody replaced: left alone, and no longer in the manifest.
    pub left: Vec<String>,
    /// Files that could not be removed; they stay in the manifest.
    pub failed: Vec<ProjectError>,
}

/// Keeps a target equal to the wanted files. Used by one thread.
#[derive(Debug)]
pub struct Projector<T> {
    target: T,
    known: Manifest,
    /// Names whose row in the manifest has more than one digest, although the file is known.
    to_compact: BTreeSet<String>,
}

impl<T: Target> Projector<T> {
    /// A projector that knows nothing of the files yet; [`Projector::repair`] reads them.
    /// `manifest` is [`Store::projected`].
    pub fn new(target: T, manifest: Vec<Projected>) -> Self {
        Self { target, known: Manifest::of(manifest), to_compact: BTreeSet::new() }
    }

    /// Removes left-over temporary files, and compares each file of the manifest with its digests:
    /// of one that is missing or foreign, nothing is certain then. May be called at any time.
    ///
    /// # Errors
    /// Those of cleaning. Unreadable files count as missing.
    pub fn repair(&mut self) -> Result<(), ProjectError> {
        let names: Vec<&str> = self.known.names().collect();
        self.target.clean(&names).map_err(|source| ProjectError::new("", source))?;
        // In parallel, since a start waits for it, and thousands of small files have to be opened.
        let target = &self.target;
        let found: Vec<Option<OnDisk>> =
            names.par_iter().map(|name| look(target, name).unwrap_or(None)).collect();
        let mut news = Vec::new();
        for (name, found) in names.into_iter().zip(found) {
            let Some(known) = self.known.get(name) else { continue };
            let on_disk = found.filter(|found| known.recorded.contains(&found.digest));
            if on_disk.is_some() && known.recorded.len() > 1 {
                self.to_compact.insert(name.to_owned());
            }
            news.push((name.to_owned(), on_disk));
        }
        for (name, on_disk) in news {
            self.known.set_on_disk(&name, on_disk);
        }
        Ok(())
    }

    /// Looks for files that others removed or changed since they were written; of these, nothing is
    /// certain then. Returns their number. Reads only files whose stamp is another.
    pub fn check(&mut self) -> usize {
        let target = &self.target;
        let (mut lost, mut stamped) = (Vec::new(), Vec::new());
        for name in self.known.names() {
            let Some(written) = self.known.on_disk(name) else { continue };
            if target.stamp(name).is_ok_and(|stamp| stamp == Some(written.stamp)) {
                continue;
            }
            // A back-up with hard links, or a chmod, changes the stamp and not the bytes.
            match look(target, name) {
                Ok(Some(found)) if found.digest == written.digest => {
                    stamped.push((name.to_owned(), found));
                }
                _ => lost.push(name.to_owned()),
            }
        }
        for (name, found) in stamped {
            self.known.set_on_disk(&name, Some(found));
        }
        for name in &lost {
            self.known.set_on_disk(name, None);
        }
        lost.len()
    }

    /// The digest of the file `name`; `None` if it is not known for certain.
    pub fn digest(&self, name: &str) -> Option<Digest> {
        Some(self.known.on_disk(name)?.digest)
    }

    /// The names among `wanted` whose file is missing, different, or not known.
    pub fn plan<'a>(&self, wanted: impl IntoIterator<Item = (&'a str, Digest)>) -> Vec<&'a str> {
        let mut due = Vec::new();
        for (name, digest) in wanted {
            if !self.is_on_disk(name, digest) {
                due.push(name);
            }
        }
        due
    }

    /// Writes the files that are not on disk yet; the others cost nothing. A batch costs one
    /// commit, and one sync of each directory.
    ///
    /// # Errors
    /// The manifest could not be written, or the batch could not be settled. Errors of single files
    /// are in [`Written::failed`].
    pub fn put(
        &mut self,
        store: &mut dyn Store,
        files: &[File<'_>],
    ) -> Result<Written, ProjectError> {
        let due: Vec<&File<'_>> =
            files.iter().filter(|file| !self.is_on_disk(file.name, file.digest)).collect();
        if due.is_empty() {
            return Ok(Written::default());
        }
        self.record_intent(store, &due)?;
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for file in due {
            // Until the batch is settled, a crash may leave the old file or the new one.
            self.known.set_on_disk(file.name, None);
            match self.target.put(file.name, file.bytes) {
                Ok(stamp) => done.push((file, stamp)),
                Err(source) => {
                    let error = ProjectError::new(file.name, source);
                    let is_everywhere = error.is_everywhere();
                    failed.push(error);
                    if is_everywhere {
                        break;
                    }
                }
            }
        }
        // One sync of each directory for the whole batch. A file counts as written only after it.
        self.target.settle().map_err(|source| ProjectError::new("", source))?;
        for (file, stamp) in &done {
            self.note(file, *stamp);
        }
        Ok(Written { written: done.len(), failed })
    }

    /// Removes every file of the manifest for whose name `keep` is false.
    ///
    /// # Errors
    /// The removal could not be settled, or the manifest could not be written. Another call
    /// continues where this one ended.
    pub fn sweep(
        &mut self,
        store: &mut dyn Store,
        keep: impl Fn(&str) -> bool,
    ) -> Result<Swept, ProjectError> {
        let unwanted: Vec<String> =
            self.known.names().filter(|name| !keep(name)).map(str::to_owned).collect();
        let (mut swept, mut gone) = (Swept::default(), Vec::new());
        for name in unwanted {
            match self.remove_own(&name) {
                Ok(Removal::Removed) => swept.removed += 1,
                Ok(Removal::Missing) => {}
                Ok(Removal::Foreign) => swept.left.push(name.clone()),
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
        // The files first, durably: a crash in between leaves names in the manifest without a file,
        // never a file of ours that the manifest does not know.
        self.target.settle().map_err(|source| ProjectError::new("", source))?;
        store.set_projected(&gone)?;
        for (name, _) in gone {
            self.known.remove(&name);
            self.to_compact.remove(&name);
        }
        Ok(swept)
    }

    /// Whether the file is certain to have these bytes.
    fn is_on_disk(&self, name: &str, digest: Digest) -> bool {
        self.digest(name) == Some(digest)
    }

    /// Writes the digests of the files that will be put into the manifest, and in the same commit
    /// shortens rows of earlier batches.
    fn record_intent(
        &mut self,
        store: &mut dyn Store,
        due: &[&File<'_>],
    ) -> Result<(), ProjectError> {
        let mut rows: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
        for name in &self.to_compact {
            if let Some(digest) = self.digest(name) {
                rows.insert(name.clone(), vec![digest]);
            }
        }
        for file in due {
            let possible = match self.known.get(file.name) {
                Some(known) => known.possible(),
                None => Vec::new(),
            };
            let row = rows.entry(file.name.to_owned()).or_insert(possible);
            // The newest digest is the last, and the oldest are forgotten first.
            row.retain(|digest| *digest != file.digest);
            row.push(file.digest);
            row.drain(..row.len().saturating_sub(DIGESTS_MAX));
        }
        let mut changed: Vec<Projected> = Vec::new();
        for (name, row) in rows {
            if self.known.get(&name).is_none_or(|known| known.recorded != row) {
                changed.push((name, row));
            }
        }
        if !changed.is_empty() {
            store.set_projected(&changed)?;
        }
        self.to_compact.clear();
        for (name, recorded) in changed {
            let on_disk = self.known.on_disk(&name);
            self.known.put(&name, &Known { recorded, on_disk });
        }
        Ok(())
    }

    /// Notes a file that is durable. Its earlier digests leave the manifest with the next batch, so
    /// that they cost no commit of their own.
    fn note(&mut self, file: &File<'_>, stamp: Stamp) {
        self.known.set_on_disk(file.name, Some(OnDisk { digest: file.digest, stamp }));
        if self.known.get(file.name).is_some_and(|known| known.recorded.len() > 1) {
            self.to_compact.insert(file.name.to_owned());
        }
    }

    /// Removes the file if the manifest knows its bytes. The file is read for that, since somebody
    /// may have changed it after the last write.
    fn remove_own(&mut self, name: &str) -> io::Result<Removal> {
        let Some(digest) = self.target.digest(name)? else { return Ok(Removal::Missing) };
        let Some(known) = self.known.get(name) else { return Ok(Removal::Foreign) };
        if !known.recorded.contains(&digest) {
            return Ok(Removal::Foreign);
        }
        self.known.set_on_disk(name, None);
        self.target.remove(name)?;
        Ok(Removal::Removed)
    }
}

/// The file `name` as it is now; `None` if it does not exist or is not a file. The stamp is from
/// before the bytes, so that a change in between is found by the next look.
fn look(target: &impl Target, name: &str) -> io::Result<Option<OnDisk>> {
    let Some(stamp) = target.stamp(name)? else { return Ok(None) };
    Ok(target.digest(name)?.map(|digest| OnDisk { digest, stamp }))
}

/// The fate of an unwanted file.
enum Removal {
    /// It was removed.
    Removed,
    /// It did not exist.
    Missing,
    /// Its bytes are not dropfeed's, so it was left alone.
    Foreign,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::store::Directory;
    use crate::store::model::{Disk, Fault, Loss};

    type Files = &'static [(&'static str, &'static str)];

    /// A target on which every write fails in one way.
    struct Failing(io::ErrorKind);

    impl Target for Failing {
        fn put(&mut self, _: &str, _: &[u8]) -> io::Result<Stamp> {
            Err(self.0.into())
        }

        fn stamp(&self, _: &str) -> io::Result<Option<Stamp>> {
            Ok(None)
        }

        fn remove(&mut self, _: &str) -> io::Result<()> {
            Err(self.0.into())
        }

        fn digest(&self, _: &str) -> io::Result<Option<Digest>> {
            Ok(None)
        }

        fn settle(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn clean(&mut self, _: &[&str]) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_of_all_files_ends_a_batch() {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem, StorageFull};
        for (kind, tried) in
            [(StorageFull, 1), (ReadOnlyFilesystem, 1), (PermissionDenied, 3), (NotADirectory, 3)]
        {
            let mut projector = Projector::new(Failing(kind), Vec::new());
            let files = [file("a", "a"), file("b", "b"), file("c", "c")];
            let written = projector.put(&mut Disk::new().store(), &files).unwrap();
            assert_eq!((written.written, written.failed.len()), (0, tried), "{kind:?}");
        }
    }

    #[test]
    fn errors_in_a_row_leave_a_bounded_row() {
        let (disk, mut newest) = (Disk::new(), Vec::new());
        let mut store = disk.store();
        let mut projector = Projector::new(Failing(io::ErrorKind::Other), Vec::new());
        for n in 0..3 * DIGESTS_MAX {
            let bytes = n.to_string();
            projector.put(&mut store, &[file("a", &bytes)]).unwrap();
            newest.push(Digest::of(bytes.as_bytes()));
        }
        let newest = newest.split_off(newest.len() - DIGESTS_MAX);
        assert_eq!(store.projected().unwrap(), [("a".to_owned(), newest)]);
    }

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

    /// Crashes at every operation of the way from the first to the second state, in every manner;
    /// then goes on to the second or to the third. Neither a foreign file nor the track of one of
    /// ours is lost, and nobody sees bytes that were never wanted.
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

    /// A single error, without a crash: the same process tries again, and a power cut afterwards
    /// finds all of it.
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
        projector.repair().unwrap();
        let stand = |name| projector.digest(name).is_some();
        assert_eq!(["old/rss.xml", "rss.xml", "atom.xml"].map(stand), [false, false, true]);
        projector.put(&mut store, &[file("rss.xml", "r2")]).unwrap();
        let swept = projector.sweep(&mut store, |name| name == "rss.xml").unwrap();
        assert_eq!((swept.removed, swept.left), (2, vec!["old/rss.xml".to_owned()]));
        assert_eq!(content(&disk), owned(&[("old/rss.xml", "theirs"), ("rss.xml", "r2")]));
    }

    #[test]
    fn what_others_do_to_the_files_is_found_without_reading_the_rest() {
        let temp = crate::store::test_directory();
        let path = temp.path().join("feeds");
        let mut store = Disk::new().store();
        let mut projector = Projector::new(Directory::open(&path).unwrap(), Vec::new());
        pass(&mut projector, &mut store, FIRST).unwrap();
        let at = |name: &str| path.join(name);
        assert_eq!(projector.check(), 0);
        // Other files with the same bytes are as good.
        fs::copy(at("rss.xml"), at("copy")).unwrap();
        fs::rename(at("copy"), at("rss.xml")).unwrap();
        fs::set_permissions(at("atom.xml"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(projector.check(), 0);
        let removed = || fs::remove_file(at("rss.xml")).unwrap();
        let overwritten = || fs::write(at("rss.xml"), "theirs").unwrap();
        let emptied = || fs::write(at("news/rss.xml"), "").unwrap();
        let linked = || {
            fs::remove_file(at("rss.xml")).unwrap();
            symlink("atom.xml", at("rss.xml")).unwrap();
        };
        let swapped = || {
            fs::rename(at("news"), at("aside")).unwrap();
            fs::rename(at("old"), at("news")).unwrap();
            fs::rename(at("aside"), at("old")).unwrap();
        };
        let without_directory = || fs::remove_dir_all(at("news")).unwrap();
        let without_root = || fs::remove_dir_all(&path).unwrap();
        let cases: [(&dyn Fn(), usize); 7] = [
            (&removed, 1),
            (&overwritten, 1),
            (&emptied, 1),
            (&linked, 1),
            (&swapped, 2),
            (&without_directory, 1),
            (&without_root, 4),
        ];
        for (n, (change, lost)) in cases.into_iter().enumerate() {
            change();
            assert_eq!(projector.check(), lost, "{n}");
            pass(&mut projector, &mut store, FIRST).unwrap();
            for (name, text) in FIRST {
                assert_eq!(fs::read_to_string(at(name)).unwrap(), *text, "{n}: {name}");
            }
            assert_eq!(projector.check(), 0, "{n}");
        }
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
