//! Reading: all bytes of one file as they were at one moment, or an error.
//!
//! A file is opened beneath the root, without following a link out of it and without waiting. Its
//! kind is checked before a byte is read, and its size limits how much is read. An article is used
//! only if nothing about it changed while it was read.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, OFlags, Statx};
use rustix::io::Errno;
use thiserror::Error;

use crate::base::{Digest, RelPath, Timestamp};

use super::beneath::open_beneath;
use super::root::{describe, fingerprint, kind, stat_at, stat_of};
use super::{Fingerprint, RootLost, SourceFile, is_text};

/// Attempts to read a file that changes while it is read.
const ATTEMPTS: u32 = 4;

/// The age up to which a time stamp proves nothing: stamps come from a clock that ticks every few
/// milliseconds, so a later write can have the same one.
const RACY_NS: i64 = 50_000_000;

/// The same for file systems whose stamps have a resolution of one second, or of two (FAT).
const RACY_COARSE_NS: i64 = 2_000_000_000;

/// The reason why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unread {
    /// It does not exist.
    #[error("it does not exist")]
    Gone,
    /// It changed again and again while it was read. A hint or a later look will follow.
    #[error("it is being written")]
    Busy,
    /// It has more bytes than `articles.max_bytes` allows.
    #[error("{len_bytes} bytes are too many")]
    TooLarge {
        /// Its size.
        len_bytes: u64,
    },
    /// The system refuses to read it: no permission, an I/O error. Its last good version stays.
    #[error("it cannot be read: {0}")]
    Denied(String),
    /// It is not a regular file beneath the article directory, or not a text.
    #[error("it is not a regular file beneath the article directory")]
    NotAFile,
    /// The article directory itself is lost.
    #[error(transparent)]
    Root(#[from] RootLost),
}

/// The open article directory, to read many files. Not to be kept: while it is open, the file
/// system cannot be unmounted.
#[derive(Debug)]
pub struct Reader {
    root: OwnedFd,
    max_bytes: u64,
}

/// An open file that is served as it is. It stays readable and the same file after its path is
/// removed or replaced.
#[derive(Debug)]
pub struct AssetFile {
    file: File,
    fingerprint: Fingerprint,
}

impl Reader {
    pub(super) fn new(root: OwnedFd, max_bytes: u64) -> Self {
        Self { root, max_bytes }
    }

    /// Reads the article at `path`. `now` is the time with which the stamps of the file are
    /// compared.
    ///
    /// # Errors
    ///
    /// See [`Unread`].
    pub fn read(&self, path: &RelPath, now: Timestamp) -> Result<SourceFile, Unread> {
        if !is_text(path) {
            return Err(Unread::NotAFile);
        }
        for _ in 0..ATTEMPTS {
            let (open, before) = open_regular(&self.root, path)?;
            let before = fingerprint(&before);
            if before.len_bytes > self.max_bytes {
                return Err(Unread::TooLarge { len_bytes: before.len_bytes });
            }
            let bytes = read_whole(&open, before.len_bytes).map_err(unread)?;
            // A write during the reading changes the size or a stamp, or the file is racy and will
            // be read again.
            let after = fingerprint(&stat_of(&open).map_err(unread)?);
            if before == after && bytes.len() as u64 == before.len_bytes {
                return Ok(SourceFile {
                    digest: Digest::of(&bytes),
                    racy: is_racy(&before, now),
                    fingerprint: before,
                    bytes: bytes.into(),
                });
            }
        }
        Err(Unread::Busy)
    }

    /// Reads at most `len` bytes from the beginning of the file at `path`.
    ///
    /// # Errors
    ///
    /// See [`Unread`].
    pub fn beginning(&self, path: &RelPath, len: usize) -> Result<Vec<u8>, Unread> {
        let file = AssetFile::open(&self.root, path)?;
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match file.read_at(filled as u64, &mut bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => return Err(Unread::Denied(error.to_string())),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

impl AssetFile {
    pub(super) fn open(root: &OwnedFd, path: &RelPath) -> Result<Self, Unread> {
        let (open, found) = open_regular(root, path)?;
        Ok(Self { file: File::from(open), fingerprint: fingerprint(&found) })
    }

    /// The size in bytes when the file was opened.
    pub fn len_bytes(&self) -> u64 {
        self.fingerprint.len_bytes
    }

    /// The time of the last modification.
    pub fn modified(&self) -> SystemTime {
        let distance = Duration::from_nanos(self.fingerprint.mtime_ns.unsigned_abs());
        let time = match self.fingerprint.mtime_ns {
            0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
            _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
        };
        time.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The fingerprint of the file when it was opened; another version of the file has another.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The fingerprint of the open file as it is now.
    ///
    /// # Errors
    ///
    /// As statx(2).
    pub fn fingerprint_now(&self) -> io::Result<Fingerprint> {
        Ok(fingerprint(&stat_of(&self.file)?))
    }

    /// Returns whether a write at `now` or later could leave the fingerprint unchanged.
    pub fn is_racy(&self, now: Timestamp) -> bool {
        is_racy(&self.fingerprint, now)
    }

    /// Reads at `offset`, and returns the number of bytes; 0 at the end, which comes early if the
    /// file was truncated.
    ///
    /// # Errors
    ///
    /// As pread(2).
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    /// Computes the digest of the bytes in one pass, with a buffer of 64 KiB.
    ///
    /// # Errors
    ///
    /// As pread(2); `UnexpectedEof` if the file was truncated since it was opened.
    pub fn digest(&self) -> io::Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut left = self.len_bytes();
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = self.read_at(self.len_bytes() - left, &mut buffer[..want])?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&buffer[..got]);
            left -= got as u64;
        }
        Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
    }
}

/// Opens a regular file. The kind is checked before opening too: opening a device can have effects,
/// and opening a FIFO wakes its writer.
fn open_regular(root: &OwnedFd, path: &RelPath) -> Result<(OwnedFd, Statx), Unread> {
    let mut found = stat_at(root, path.as_str()).map_err(unread)?;
    if kind(&found) == FileType::Symlink {
        let target = open_beneath(root, path.as_str(), OFlags::PATH).map_err(unread)?;
        found = stat_of(target).map_err(unread)?;
    }
    if kind(&found) != FileType::RegularFile {
        return Err(Unread::NotAFile);
    }
    let open = open_beneath(root, path.as_str(), OFlags::RDONLY).map_err(unread)?;
    // Between the check and the opening, another file may have got the name.
    let found = stat_of(&open).map_err(unread)?;
    if kind(&found) != FileType::RegularFile {
        return Err(Unread::NotAFile);
    }
    Ok((open, found))
}

/// Reads at most one byte more than `len_bytes`. If there is one more, the file has grown.
fn read_whole(open: &OwnedFd, len_bytes: u64) -> Result<Vec<u8>, Errno> {
    let limit = usize::try_from(len_bytes).unwrap_or(usize::MAX).saturating_add(1);
    let mut bytes = Vec::with_capacity(limit);
    while bytes.len() < limit {
        match rustix::io::read(open, rustix::buffer::spare_capacity(&mut bytes)) {
            Ok(0) => break,
            // The buffer had room for one more byte, so this read has reached the end of the file.
            Ok(_) if bytes.len() as u64 == len_bytes => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

fn unread(error: Errno) -> Unread {
    match error {
        Errno::NOENT | Errno::NOTDIR => Unread::Gone,
        Errno::XDEV | Errno::LOOP | Errno::NXIO | Errno::ISDIR => Unread::NotAFile,
        error => Unread::Denied(describe(error)),
    }
}

/// Returns whether another write could leave the fingerprint unchanged.
fn is_racy(seen: &Fingerprint, now: Timestamp) -> bool {
    let now = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
    // On a file system with a finer clock, both stamps are whole seconds once in many millions.
    let is_coarse = is_whole_second(seen.mtime_ns) && is_whole_second(seen.ctime_ns);
    let window = if is_coarse { RACY_COARSE_NS } else { RACY_NS }.unsigned_abs();
    // In both directions: the clock of a file server may be ahead of this machine's.
    now.abs_diff(seen.mtime_ns) < window || now.abs_diff(seen.ctime_ns) < window
}

fn is_whole_second(stamp_ns: i64) -> bool {
    stamp_ns % 1_000_000_000 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::{now, path, powerless, tree};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_file_is_read_whole() {
        let (dir, tree) = tree(100);
        fs::create_dir(dir.path().join("a")).unwrap();
        for text in ["", "one", &"x".repeat(100)] {
            fs::write(dir.path().join("a/b.md"), text).unwrap();
            let file = tree.read(&path("a/b.md"), now()).unwrap();
            assert_eq!(&*file.bytes, text.as_bytes());
            assert_eq!(
                (file.digest, file.fingerprint.len_bytes),
                (Digest::of(text.as_bytes()), text.len() as u64)
            );
            assert!(file.racy);
        }
        let later = now() + Duration::from_secs(60);
        assert!(!tree.read(&path("a/b.md"), later).unwrap().racy);
    }

    #[test]
    fn youth_is_racy() {
        let second = 1_000_000_000;
        for (mtime_ns, ctime_ns, now_ns, racy) in [
            (5_000, 5_000, second, false),
            (5_000, second - RACY_NS, second, false),
            (5_000, second - RACY_NS + 1, second, true),
            (second - 1, 5_000, second, true),
            (second + 5_000, 5_000, second, true),
            (9 * second + 1, 7 * second + 1, second, false),
            (second, second, 3 * second - 1, true),
            (second, second, 3 * second, false),
            (second, second + 1, 3 * second - 1, false),
        ] {
            let seen = Fingerprint { mtime_ns, ctime_ns, ..Fingerprint::default() };
            let now = Timestamp::from_nanosecond(now_ns.into()).unwrap();
            assert_eq!(is_racy(&seen, now), racy, "{mtime_ns} {ctime_ns} {now_ns}");
        }
    }

    #[test]
    fn what_must_not_be_read_is_not() {
        let (dir, tree) = tree(1 << 20);
        let at = |name: &str| dir.path().join(name);
        let secret = tempfile::NamedTempFile::with_suffix(".md").unwrap();
        fs::create_dir(at("dir.md")).unwrap();
        fs::write(at("plain"), "no article").unwrap();
        File::create(at("sparse.md")).unwrap().set_len(1 << 30).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo.md"), rustix::fs::Mode::RUSR).unwrap();
        std::os::unix::net::UnixListener::bind(at("socket.md")).unwrap();
        let outside = format!("../{}", secret.path().file_name().unwrap().to_str().unwrap());
        for (name, target) in [
            ("passwd.md", "/etc/passwd"),
            ("null.md", "/dev/null"),
            ("zero.md", "/dev/zero"),
            ("self.md", "/proc/self/environ"),
            ("secret.md", outside.as_str()),
            ("around.md", "../../../../../../../../etc/passwd"),
            ("loop.md", "loop.md"),
            ("etc", "/etc"),
            ("tofifo.md", "fifo.md"),
            ("todir.md", "dir.md"),
        ] {
            symlink(target, at(name)).unwrap();
            if name.ends_with(".md") {
                assert_eq!(tree.read(&path(name), now()).unwrap_err(), Unread::NotAFile, "{name}");
            }
        }
        for name in ["dir.md", "plain", "fifo.md", "socket.md"] {
            assert_eq!(tree.read(&path(name), now()).unwrap_err(), Unread::NotAFile, "{name}");
        }
        assert_eq!(
            tree.read(&path("sparse.md"), now()).unwrap_err(),
            Unread::TooLarge { len_bytes: 1 << 30 }
        );
        for name in ["none.md", "plain/none.md", "none/none.md"] {
            assert_eq!(tree.read(&path(name), now()).unwrap_err(), Unread::Gone, "{name}");
        }
    }

    #[test]
    fn a_device_in_the_tree_is_not_opened() {
        use rustix::fs::{CWD, Mode, makedev, mknodat};
        let (dir, tree) = tree(100);
        let zero = mknodat(
            CWD,
            dir.path().join("zero.md"),
            FileType::CharacterDevice,
            Mode::RUSR,
            makedev(1, 5),
        );
        // Only root can make devices; for anybody else there is none.
        let expected = if zero.is_ok() { Unread::NotAFile } else { Unread::Gone };
        assert_eq!(tree.read(&path("zero.md"), now()).unwrap_err(), expected);
    }

    #[test]
    fn links_within_the_tree_are_followed() {
        let (dir, tree) = tree(100);
        fs::create_dir_all(dir.path().join("..2026/sub")).unwrap();
        fs::write(dir.path().join("..2026/sub/a"), "content").unwrap();
        symlink("..2026", dir.path().join("..data")).unwrap();
        symlink("..data/sub/a", dir.path().join("a.md")).unwrap();
        assert_eq!(&*tree.read(&path("a.md"), now()).unwrap().bytes, b"content");
    }

    #[test]
    fn a_replaced_file_is_one_or_the_other() {
        let (dir, tree) = tree(1 << 20);
        let (file, next) = (dir.path().join("a.md"), dir.path().join("next"));
        let versions = ["a".repeat(100_000), "b".repeat(50_000)];
        fs::write(&file, &versions[0]).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    fs::write(&next, &versions[n % 2]).unwrap();
                    fs::rename(&next, &file).unwrap();
                }
            });
            for _ in 0..500 {
                match tree.read(&path("a.md"), now()) {
                    Ok(file) => {
                        assert!(versions.iter().any(|version| version.as_bytes() == &*file.bytes))
                    }
                    // The rename unlinks the old version, which changes its ctime.
                    Err(unread) => assert_eq!(unread, Unread::Busy),
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_closed_file_is_denied() {
        let (dir, tree) = tree(100);
        let file = dir.path().join("a.md");
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        let read = powerless(|| tree.read(&path("a.md"), now()));
        assert!(matches!(read, Err(Unread::Denied(_))), "{read:?}");
    }

    #[test]
    fn a_lost_root_is_told_as_such() {
        let (dir, tree) = tree(100);
        fs::write(dir.path().join("a.md"), "text").unwrap();
        let reader = tree.reader().unwrap();
        fs::rename(dir.path(), dir.path().with_extension("away")).unwrap();
        assert!(matches!(tree.read(&path("a.md"), now()), Err(Unread::Root(RootLost::Gone(_)))));
        assert!(
            reader.read(&path("a.md"), now()).is_ok(),
            "a reader goes on in the directory that it entered"
        );
        fs::rename(dir.path().with_extension("away"), dir.path()).unwrap();
    }

    #[test]
    fn assets_are_read_in_parts() {
        let (dir, tree) = tree(3);
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(dir.path().join("a.png"), &bytes).unwrap();
        let asset = tree.open_asset(&path("a.png")).unwrap();
        fs::remove_file(dir.path().join("a.png")).unwrap();
        let mut buffer = [0; 1_000];
        assert_eq!(asset.read_at(5_000, &mut buffer).unwrap(), 1_000);
        assert_eq!(buffer, bytes[5_000..6_000]);
        assert_eq!(asset.read_at(bytes.len() as u64, &mut buffer).unwrap(), 0);
        assert_eq!(
            (asset.len_bytes(), asset.digest().unwrap()),
            (bytes.len() as u64, Digest::of(&bytes))
        );
        assert!(asset.modified().elapsed().unwrap() < Duration::from_secs(600));
    }

    #[test]
    fn only_assets_are_served() {
        let (dir, tree) = tree(100);
        fs::create_dir(dir.path().join(".git")).unwrap();
        for name in ["a.md", "a.exe", ".git/a.png", "a.png"] {
            fs::write(dir.path().join(name), "bytes").unwrap();
            let open = tree.open_asset(&path(name)).map(|asset| asset.len_bytes());
            assert_eq!(open, if name == "a.png" { Ok(5) } else { Err(Unread::NotAFile) }, "{name}");
        }
        let asset = tree.open_asset(&path("a.png")).unwrap();
        File::options().write(true).open(dir.path().join("a.png")).unwrap().set_len(2).unwrap();
        assert_eq!(asset.digest().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
