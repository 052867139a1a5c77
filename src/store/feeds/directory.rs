//! `feeds/` as a directory: temporary file, write, sync, rename, sync of the directory.
//!
//! Never follows a link beneath the directory (the directory itself may be one), never leaves it,
//! and never waits for something that is not a regular file. Files get mode 0644, directories 0755,
//! for every umask.
//!
//! A segment of a name becomes the name of a file or directory unchanged, except that control
//! characters, `%` and a leading `.` are percent-encoded, and that a segment of more than 200 bytes
//! is cut and ends with its digest.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::base::Digest;

use super::target::{Stamp, Target};

/// The longest file name in bytes; file systems end at 255.
const NAME_BYTES_MAX: usize = 200;

/// The largest file that is read, in bytes: dropfeed never writes a larger one.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Temporary names that are tried before giving up.
const TEMP_NAMES_MAX: u32 = 1000;

/// The flags that open a directory, and nothing else, without following a link.
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory of files.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Number of temporary files so far, so that each has a name of its own.
    temps: u64,
    /// Directories with a file that was renamed, made or removed since the last sync; `""` is the
    /// root.
    unsettled: BTreeSet<String>,
}

impl Directory {
    /// The directory at `path`, which is made if it is missing.
    ///
    /// # Errors
    /// It is missing and cannot be made, or is not a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let directory = Self { path: path.to_owned(), temps: 0, unsettled: BTreeSet::new() };
        directory.make_root()?;
        Ok(directory)
    }

    /// The bytes of the file `name`; `None` if it does not exist or is not a file.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let (directories, last) = split(name)?;
        let Some(dir) = self.find(&directories)? else { return Ok(None) };
        // NONBLOCK: opening a named pipe would otherwise wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&dir, &*last, flags, Mode::empty()) {
            // A link, a socket or a device without a driver is not a file either.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Ok(None),
            other => File::from(other?),
        };
        let found = file.metadata()?;
        if !found.is_file() || found.len() > FILE_BYTES_MAX {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Opens the root. It is not kept open, since it may be replaced, or mounted over.
    fn open_root(&self) -> Result<OwnedFd, Errno> {
        // An operator may make `feeds/` itself a link; only links beneath it are refused.
        fs::open(&self.path, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty())
    }

    /// Opens the root, and makes it if it is missing.
    fn make_root(&self) -> io::Result<OwnedFd> {
        match self.open_root() {
            Err(Errno::NOENT) => {
                std::fs::create_dir_all(&self.path)?;
                let made = self.open_root()?;
                fs::fchmod(&made, Mode::from_raw_mode(0o755))?;
                Ok(made)
            }
            other => Ok(other?),
        }
    }

    /// Opens the directory `segments`, and makes the directories that are missing. Refuses links.
    fn make(&mut self, segments: &[Cow<'_, str>]) -> io::Result<OwnedFd> {
        let mut at = self.make_root()?;
        for (n, segment) in segments.iter().enumerate() {
            // A failure is not reported here: opening reports it, unless the directory exists.
            let is_made = fs::mkdirat(&at, &**segment, Mode::from_raw_mode(0o755)).is_ok();
            if is_made {
                self.unsettled.insert(segments[..n].join("/"));
            }
            let directory = fs::openat(&at, &**segment, DIRECTORY, Mode::empty())?;
            if is_made {
                // The umask may have taken bits away.
                fs::fchmod(&directory, Mode::from_raw_mode(0o755))?;
            }
            at = directory;
        }
        Ok(at)
    }

    /// Opens the directory `segments`; `None` if it, or a directory above it, is missing or is not
    /// a directory.
    fn find<S: AsRef<str>>(&self, segments: &[S]) -> io::Result<Option<OwnedFd>> {
        let mut at = match self.open_root() {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        for segment in segments {
            at = match fs::openat(&at, segment.as_ref(), DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                other => other?,
            };
        }
        Ok(Some(at))
    }

    /// Makes a temporary file in the directory, and returns its name.
    fn temp(&mut self, dir: &OwnedFd) -> io::Result<(String, File)> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..TEMP_NAMES_MAX {
            self.temps += 1;
            let name = format!(".dropfeed-{}.tmp", self.temps);
            match fs::openat(dir, &name, flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => return Ok((name, File::from(file))),
                // An earlier process left it; `clean` will remove it.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Removes the directories of a removed file, from the innermost, as long as they are empty.
    fn prune(&mut self, segments: &[Cow<'_, str>]) -> io::Result<()> {
        for n in (0..segments.len()).rev() {
            let Some(parent) = self.find(&segments[..n])? else { continue };
            if fs::unlinkat(&parent, &*segments[n], AtFlags::REMOVEDIR).is_err() {
                // It has other files, so the directories above it are not empty either.
                break;
            }
            self.unsettled.insert(segments[..n].join("/"));
        }
        Ok(())
    }
}

impl Target for Directory {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<Stamp> {
        let (directories, last) = split(name)?;
        let dir = self.make(&directories)?;
        let (temp, mut file) = self.temp(&dir)?;
        let written = write_and_rename(&mut file, bytes, &dir, &temp, &last);
        if written.is_err() {
            // If it cannot be removed now, the next start removes it.
            let _left_over = fs::unlinkat(&dir, &temp, AtFlags::empty());
        }
        self.unsettled.insert(directories.join("/"));
        written?;
        // Of the file itself, which may have been replaced by now. A rename changes its times.
        Ok(stamp_of(&fs::fstat(&file)?))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let (directories, last) = split(name)?;
        let Some(dir) = self.find(&directories)? else { return Ok(()) };
        match fs::unlinkat(&dir, &*last, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        self.unsettled.insert(directories.join("/"));
        self.prune(&directories)
    }

    fn digest(&self, name: &str) -> io::Result<Option<Digest>> {
        Ok(self.read(name)?.map(|bytes| Digest::of(&bytes)))
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        let (directories, last) = split(name)?;
        let Some(dir) = self.find(&directories)? else { return Ok(None) };
        match fs::statat(&dir, &*last, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => Ok(None),
            Ok(stat) => Ok(Some(stamp_of(&stat))),
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        while let Some(directory) = self.unsettled.first() {
            let segments: Vec<&str> =
                directory.split('/').filter(|segment| !segment.is_empty()).collect();
            // A directory that was removed meanwhile is settled when its parent is.
            if let Some(dir) = self.find(&segments)? {
                fs::fsync(&dir)?;
            }
            // Forgotten only after its sync, so that an error leaves it for the next try.
            self.unsettled.pop_first();
        }
        Ok(())
    }

    fn clean(&mut self, names: &[&str]) -> io::Result<()> {
        let mut directories = BTreeSet::from([Vec::new()]);
        for name in names {
            directories.insert(split(name)?.0);
        }
        for directory in directories {
            let Some(dir) = self.find(&directory)? else { continue };
            for entry in Dir::read_from(&dir)? {
                let entry = entry?;
                let ours = entry.file_name().to_str().is_ok_and(is_temp);
                if ours && matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
                    fs::unlinkat(&dir, entry.file_name(), AtFlags::empty())?;
                }
            }
        }
        Ok(())
    }
}

/// Fills a temporary file and gives it its name. The bytes are synced before the rename: otherwise
/// a power cut could leave the name with an empty file.
fn write_and_rename(
    file: &mut File,
    bytes: &[u8],
    dir: &OwnedFd,
    temp: &str,
    name: &str,
) -> io::Result<()> {
    file.write_all(bytes)?;
    fs::fchmod(&*file, Mode::from_raw_mode(0o644))?;
    file.sync_all()?;
    fs::renameat(dir, temp, dir, name)?;
    Ok(())
}

/// The stamp of a file. Its change time moves with everything that happens to it.
fn stamp_of(stat: &fs::Stat) -> Stamp {
    let mut hasher = DefaultHasher::new();
    (stat.st_dev, stat.st_ino, stat.st_size).hash(&mut hasher);
    (stat.st_ctime, stat.st_ctime_nsec).hash(&mut hasher);
    Stamp(hasher.finish())
}

/// Whether [`Directory::temp`] gives this name.
fn is_temp(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(".dropfeed-") else { return false };
    let Some(number) = rest.strip_suffix(".tmp") else { return false };
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The directories of a name and its last segment, with the names that they have on disk.
fn split(name: &str) -> io::Result<(Vec<Cow<'_, str>>, Cow<'_, str>)> {
    let mut segments: Vec<Cow<'_, str>> = name.split('/').map(file_name).collect();
    match segments.pop() {
        Some(last) if !last.is_empty() && segments.iter().all(|segment| !segment.is_empty()) => {
            Ok((segments, last))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is not the name of a file"),
        )),
    }
}

/// The name of a segment on disk. No two segments have the same name, and none has the name of a
/// temporary file.
fn file_name(segment: &str) -> Cow<'_, str> {
    if segment.len() <= NAME_BYTES_MAX && !segment.starts_with('.') && !segment.contains(is_odd) {
        return Cow::Borrowed(segment);
    }
    let mut name = String::with_capacity(segment.len() + 8);
    // The longest beginning, in whole characters, that leaves room for `%-` and 32 digits.
    let mut fits = 0;
    for (n, c) in segment.chars().enumerate() {
        if is_odd(c) || (n == 0 && c == '.') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(c);
        }
        if name.len() + 34 <= NAME_BYTES_MAX {
            fits = name.len();
        }
    }
    if name.len() > NAME_BYTES_MAX {
        name.truncate(fits);
        // No encoded name contains `%-`, so a cut name differs from all others.
        name.push_str(&format!("%-{}", Digest::of(segment.as_bytes()).short()));
    }
    Cow::Owned(name)
}

/// Whether a character is always encoded: `%`, so that encoding can be undone, and the control
/// characters, which disturb terminals and scripts.
fn is_odd(c: char) -> bool {
    c.is_control() || c == '%'
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use proptest::prelude::*;

    use super::*;

    fn directory() -> (tempfile::TempDir, Directory) {
        let temp = crate::store::test_directory();
        let directory = Directory::open(&temp.path().join("feeds")).unwrap();
        (temp, directory)
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// Everything beneath, directories with a slash, ascending.
    fn tree(path: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                names
                    .extend(tree(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}")));
                names.push(format!("{name}/"));
            } else {
                names.push(name);
            }
        }
        names.sort();
        names
    }

    #[test]
    fn files_come_whole_with_their_modes_and_go_with_their_directories() {
        let (_temp, mut feeds) = directory();
        for (name, text) in
            [("rss.xml", "1"), ("a/b/rss.xml", "2"), ("a/rss.xml", "3"), ("rss.xml", "4")]
        {
            feeds.put(name, text.as_bytes()).unwrap();
            assert_eq!(feeds.digest(name).unwrap(), Some(Digest::of(text.as_bytes())));
        }
        feeds.settle().unwrap();
        let root = feeds.path.clone();
        assert_eq!(tree(&root), ["a/", "a/b/", "a/b/rss.xml", "a/rss.xml", "rss.xml"]);
        assert_eq!((mode(&root.join("a/b")), mode(&root.join("a/b/rss.xml"))), (0o755, 0o644));
        feeds.remove("a/b/rss.xml").unwrap();
        assert_eq!(tree(&root), ["a/", "a/rss.xml", "rss.xml"]);
        feeds.remove("a/b/rss.xml").unwrap();
        feeds.remove("a/rss.xml").unwrap();
        feeds.settle().unwrap();
        assert_eq!(tree(&root), ["rss.xml"]);
        assert_eq!(feeds.digest("a/rss.xml").unwrap(), None);
    }

    #[test]
    fn no_link_is_followed() {
        let (temp, mut feeds) = directory();
        let outside = temp.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret"), "s").unwrap();
        symlink(outside.join("secret"), feeds.path.join("rss.xml")).unwrap();
        symlink(&outside, feeds.path.join("news")).unwrap();
        symlink("nowhere", feeds.path.join(".dropfeed-1.tmp")).unwrap();

        assert_eq!(feeds.digest("rss.xml").unwrap(), None);
        assert_eq!(feeds.digest("news/secret").unwrap(), None);
        feeds.put("rss.xml", b"r").unwrap();
        feeds.put("news/rss.xml", b"n").unwrap_err();
        feeds.remove("news/secret").unwrap();
        feeds.settle().unwrap();
        assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "s");
        assert_eq!(tree(&outside), ["secret"]);
        assert_eq!(std::fs::read_to_string(feeds.path.join("rss.xml")).unwrap(), "r");
        assert!(!feeds.path.join("rss.xml").is_symlink());
    }

    #[test]
    fn only_temporary_files_of_ours_are_cleaned_away() {
        let (_temp, mut feeds) = directory();
        feeds.put("a/rss.xml", b"1").unwrap();
        for name in [
            ".dropfeed-7.tmp",
            "a/.dropfeed-12.tmp",
            ".dropfeed-x.tmp",
            "a/.dropfeed-.tmp",
            "b.tmp",
        ] {
            std::fs::write(feeds.path.join(name), "").unwrap();
        }
        feeds.clean(&["a/rss.xml", "gone/rss.xml"]).unwrap();
        assert_eq!(
            tree(&feeds.path),
            [".dropfeed-x.tmp", "a/", "a/.dropfeed-.tmp", "a/rss.xml", "b.tmp"]
        );
    }

    #[test]
    fn what_stands_in_the_way_is_an_error_of_that_name_alone() {
        let (_temp, mut feeds) = directory();
        std::fs::create_dir_all(feeds.path.join("rss.xml/full")).unwrap();
        std::fs::write(feeds.path.join("a"), "").unwrap();
        for name in ["rss.xml", "a/rss.xml", "", "/rss.xml", "a//b", "a/"] {
            feeds.put(name, b"1").unwrap_err();
        }
        feeds.put("atom.xml", b"1").unwrap();
        assert_eq!(tree(&feeds.path), ["a", "atom.xml", "rss.xml/", "rss.xml/full/"]);
    }

    #[test]
    fn a_directory_that_was_taken_away_is_made_again() {
        let (_temp, mut feeds) = directory();
        std::fs::remove_dir(&feeds.path).unwrap();
        assert_eq!(feeds.digest("rss.xml").unwrap(), None);
        feeds.put("rss.xml", b"1").unwrap();
        feeds.settle().unwrap();
        assert_eq!(tree(&feeds.path), ["rss.xml"]);
    }

    #[test]
    fn names_on_disk() {
        for (segment, name) in [
            ("rss.xml", "rss.xml"),
            ("日本語", "日本語"),
            ("..", "%2E."),
            (".well-known", "%2Ewell-known"),
            ("100%", "100%25"),
            ("a\nb", "a%0Ab"),
        ] {
            assert_eq!(file_name(segment), name);
        }
        let long = ["語".repeat(67), "語".repeat(68), "%".repeat(100), "a".repeat(5000)];
        for segment in long {
            let name = file_name(&segment);
            assert!(name.len() <= NAME_BYTES_MAX && name.contains("%-"), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_kept_apart_and_inside(
            names in proptest::collection::btree_set("(\\PC|[./%\0-\u{1f}]|x{100}){1,6}", 1..6)
        ) {
            let (temp, mut feeds) = directory();
            let mut put = Vec::new();
            for name in &names {
                if feeds.put(name, name.as_bytes()).is_ok() {
                    put.push(name);
                }
            }
            for name in put {
                prop_assert_eq!(feeds.digest(name).unwrap(), Some(Digest::of(name.as_bytes())));
            }
            prop_assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
        }
    }
}
