//! The article directory's identity: a check that its path still leads to the directory that was
//! opened.
//!
//! The path is kept, not a descriptor: each look opens the root again and compares its identity. So
//! an operator can unmount the file system at any time, and nothing is read from a directory that
//! has replaced the root. Never lists or reads a file.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, Statx, StatxFlags, StatxTimestamp, accessat,
};
use rustix::io::Errno;
use thiserror::Error;

use super::Fingerprint;
use super::mounts::mounted_on;

/// Earlier roots that are remembered.
const EARLIER_MAX: usize = 16;

/// The message for a root whose file system is unmounted, though there is a directory at its path.
const UNMOUNTED: &str = "its file system was unmounted; mount it again, or restart dropfeed to \
    publish the directory that is there now";

/// The facts that distinguish one directory from another at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number.
    pub dev: u64,
    /// Inode number. It proves nothing alone: a directory that is made right after another was
    /// removed can get the same.
    pub ino: u64,
    /// Birth time in nanoseconds since 1970; 0 if the file system has none.
    pub btime_ns: i64,
    /// The mount through which it was reached; 0 if the kernel does not report it (before Linux
    /// 5.8).
    pub mount: u64,
}

/// The state of the article directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is the directory that was opened.
    Same,
    /// Another directory is at its path: open it and scan it. A file that it lacks was deleted, or
    /// has yet to be copied.
    Swapped,
    /// No directory can be reached or listed at its path: the path, and the reason. No file counts
    /// as deleted.
    Gone(String),
}

/// The article directory was lost before or during a look, or the look was interrupted. Its
/// findings are void.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootLost {
    /// Another directory is at its path: [`Health::Swapped`].
    #[error("the article directory was replaced by another directory")]
    Swapped,
    /// No directory can be reached at its path: [`Health::Gone`].
    #[error("the article directory cannot be reached: {0}")]
    Gone(String),
    /// The look ended early: dropfeed stops, or there was other work.
    #[error("the look at the article directory was interrupted")]
    Interrupted,
}

/// The article directory as it was opened.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    identity: Identity,
    /// The mount that is uncovered when the root's own is unmounted; 0 if it is not known.
    mounted_on: u64,
    /// Directories that were the root before this one.
    earlier: Vec<Identity>,
}

impl Root {
    /// The directory at `path`, which may be a link to one.
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (_, identity) = enter(&path)?;
        let mounted_on = mounted_on(identity.mount).unwrap_or(0);
        Ok(Self { path, identity, mounted_on, earlier: Vec::new() })
    }

    /// Notes the root before this one. A root that comes back was not uncovered by an unmount.
    pub(super) fn follow(&mut self, before: &Root) {
        self.earlier = before.earlier.clone();
        self.earlier.retain(|identity| *identity != before.identity);
        self.earlier.push(before.identity);
        let surplus = self.earlier.len().saturating_sub(EARLIER_MAX);
        self.earlier.drain(..surplus);
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Checks the directory at the path now, with two cheap calls that open nothing.
    pub(super) fn health(&self) -> Health {
        match rustix::fs::statx(CWD, &self.path, AtFlags::empty(), STATX) {
            Ok(found) if kind(&found) != FileType::Directory => self.gone("it is not a directory"),
            Ok(found) => match may_be_listed(CWD, &self.path) {
                Ok(()) => self.health_of(identity(&found)),
                Err(error) => self.gone(&describe(error)),
            },
            Err(error) => self.gone(&describe(error)),
        }
    }

    /// Compares the directory at the path with the one that was opened. A directory that an unmount
    /// uncovered is not the root: files that it lacks were not deleted.
    fn health_of(&self, found: Identity) -> Health {
        let uncovered = found.mount != 0
            && found.mount == self.mounted_on
            && found.mount != self.identity.mount;
        if found == self.identity {
            Health::Same
        } else if uncovered && !self.earlier.contains(&found) {
            self.gone(UNMOUNTED)
        } else {
            Health::Swapped
        }
    }

    fn gone(&self, why: &str) -> Health {
        Health::Gone(self.with_path(why))
    }

    fn with_path(&self, why: &str) -> String {
        format!("{}: {why}", self.path.display())
    }

    /// A descriptor of the directory, if it is still the same. It is for opening paths beneath it,
    /// and cannot be listed.
    pub(super) fn enter(&self) -> Result<OwnedFd, RootLost> {
        match enter(&self.path) {
            Ok((directory, identity)) => {
                lost(self.health_of(identity))?;
                Ok(directory)
            }
            Err(error) => Err(RootLost::Gone(self.with_path(&describe(error)))),
        }
    }

    /// Fails if it is no longer the same directory.
    pub(super) fn check(&self) -> Result<(), RootLost> {
        lost(self.health())
    }
}

fn lost(health: Health) -> Result<(), RootLost> {
    match health {
        Health::Same => Ok(()),
        Health::Swapped => Err(RootLost::Swapped),
        Health::Gone(reason) => Err(RootLost::Gone(reason)),
    }
}

/// The name of the file system at `path`, if it does not report changes that other machines make
/// and has to be polled.
///
/// An overlay is not among them: it reports writes through it, and the reconcile scan finds changes
/// beneath it.
pub fn needs_polling(path: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(path).ok()?;
    // The field's type differs between machines; magic numbers have 32 bits on all of them.
    let magic = found.f_type as u32;
    for (number, name) in FOREIGN {
        if *number == magic {
            return Some(name);
        }
    }
    None
}

/// File systems whose files other machines, or other programs, can change unseen: `f_type` of
/// statfs(2), and a name.
const FOREIGN: &[(u32, &str)] = &[
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x7461_636f, "ocfs2"),
    (0x0116_1970, "gfs2"),
];

/// The fields requested from statx(2).
pub(super) const STATX: StatxFlags =
    StatxFlags::BASIC_STATS.union(StatxFlags::BTIME).union(StatxFlags::MNT_ID);

/// Calls statx(2) for an open file.
pub(super) fn stat_of(file: impl AsFd) -> Result<Statx, Errno> {
    rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, STATX)
}

/// Calls statx(2) for the entry at `path` beneath `directory`; a link in the last segment is not
/// followed.
pub(super) fn stat_at(directory: impl AsFd, path: impl rustix::path::Arg) -> Result<Statx, Errno> {
    rustix::fs::statx(directory, path, AtFlags::SYMLINK_NOFOLLOW, STATX)
}

/// The type of a file.
pub(super) fn kind(found: &Statx) -> FileType {
    FileType::from_raw_mode(found.stx_mode.into())
}

/// The fingerprint of a file.
pub(super) fn fingerprint(found: &Statx) -> Fingerprint {
    let has_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    let seen = Fingerprint {
        dev: device(found),
        ino: found.stx_ino,
        btime_ns: if has_birth { nanoseconds(found.stx_btime) } else { 0 },
        len_bytes: found.stx_size,
        mtime_ns: nanoseconds(found.stx_mtime),
        ctime_ns: nanoseconds(found.stx_ctime),
    };
    // The kernel lets nobody choose the change time of a file, and a simulation has a clock of its
    // own.
    #[cfg(test)]
    let seen = super::testing::stamped(seen);
    seen
}

/// The error as a text for people.
pub(super) fn describe(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}

fn enter(path: &Path) -> Result<(OwnedFd, Identity), Errno> {
    let directory =
        rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let identity = identity(&stat_of(&directory)?);
    may_be_listed(&directory, ".")?;
    Ok((directory, identity))
}

/// Fails if the directory at `path` may not be entered or listed: every file in it would seem
/// unreadable. Other errors than that are for the call that needs the directory.
fn may_be_listed(at: impl AsFd, path: impl rustix::path::Arg) -> Result<(), Errno> {
    let both = Access::READ_OK | Access::EXEC_OK;
    match accessat(at, path, both, AtFlags::EACCESS) {
        Err(Errno::ACCESS) => Err(Errno::ACCESS),
        _ => Ok(()),
    }
}

fn identity(found: &Statx) -> Identity {
    let mount = if found.stx_mask & StatxFlags::MNT_ID.bits() == 0 { 0 } else { found.stx_mnt_id };
    let seen = fingerprint(found);
    Identity { dev: seen.dev, ino: seen.ino, btime_ns: seen.btime_ns, mount }
}

fn device(found: &Statx) -> u64 {
    rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor)
}

fn nanoseconds(time: StatxTimestamp) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use crate::source::testing::powerless;

    #[test]
    fn health_is_the_paths() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("articles");
        fs::create_dir(&path).unwrap();
        let root = Root::open(&path).unwrap();
        assert_eq!(root.health(), Health::Same);
        assert!(root.enter().is_ok());

        fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        assert!(matches!(root.health(), Health::Gone(_)));
        assert!(matches!(root.enter(), Err(RootLost::Gone(_))));

        fs::create_dir(&path).unwrap();
        assert_eq!(root.health(), Health::Swapped);
        assert_eq!(root.enter().unwrap_err(), RootLost::Swapped);

        fs::remove_dir(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        assert!(matches!(root.health(), Health::Gone(_)));

        fs::remove_file(&path).unwrap();
        fs::rename(dir.path().join("elsewhere"), &path).unwrap();
        assert_eq!(root.health(), Health::Same, "what comes back is itself");

        fs::remove_dir(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(root.health(), Health::Swapped, "an inode number is used again at once");
    }

    #[test]
    fn a_directory_that_may_not_be_listed_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let denied = format!("{}: Permission denied (os error 13)", dir.path().display());
        for mode in [0o000, 0o100, 0o200, 0o300, 0o400, 0o600] {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            powerless(|| {
                assert_eq!(root.health(), Health::Gone(denied.clone()), "{mode:o}");
                assert_eq!(root.enter().unwrap_err(), RootLost::Gone(denied.clone()), "{mode:o}");
                assert_eq!(Root::open(dir.path()).unwrap_err(), Errno::ACCESS, "{mode:o}");
            });
        }
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
        powerless(|| assert_eq!(root.health(), Health::Same));
    }

    #[test]
    fn a_flipped_link_is_another_directory() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("one")).unwrap();
        fs::create_dir(at("two")).unwrap();
        symlink("one", at("articles")).unwrap();
        let root = Root::open(&at("articles")).unwrap();
        assert_eq!(root.health(), Health::Same);
        symlink("two", at("next")).unwrap();
        fs::rename(at("next"), at("articles")).unwrap();
        assert_eq!(root.health(), Health::Swapped);
    }

    #[test]
    fn what_an_unmount_uncovers_is_not_the_root() {
        let identity = |ino, mount| Identity { dev: 1, ino, btime_ns: 7, mount };
        let root = |ino, mount, mounted_on| {
            let path = PathBuf::from("/srv");
            Root { path, identity: identity(ino, mount), mounted_on, earlier: Vec::new() }
        };
        let disk = root(2, 36, 22);
        assert_eq!(disk.health_of(identity(2, 36)), Health::Same);
        assert!(matches!(disk.health_of(identity(9, 22)), Health::Gone(_)), "unmounted");
        assert_eq!(disk.health_of(identity(2, 37)), Health::Swapped, "mounted again");
        let mut cover = root(5, 40, 36);
        assert!(matches!(cover.health_of(identity(2, 36)), Health::Gone(_)));
        cover.follow(&disk);
        assert_eq!(
            cover.health_of(identity(2, 36)),
            Health::Swapped,
            "what was covered for a while"
        );
        assert_eq!(
            root(2, 36, 36).health_of(identity(3, 36)),
            Health::Swapped,
            "no mount of its own"
        );
        assert_eq!(root(2, 0, 0).health_of(identity(3, 0)), Health::Swapped, "not known");
    }

    #[test]
    fn a_local_file_system_needs_no_polling() {
        assert_eq!(needs_polling(Path::new("/proc/self")), None);
        assert_eq!(needs_polling(Path::new("/nowhere/at/all")), None);
    }
}
