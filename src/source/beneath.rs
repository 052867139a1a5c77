//! Opens files beneath the article directory, and nothing outside of it, whatever links say and
//! whoever changes them meanwhile.
//!
//! The kernel does that in one call, openat2(2). Where it is missing (Linux before 5.6), or
//! forbidden (systemd's `RestrictSUIDSGID=`, some containers), [`walk`] does the same segment by
//! segment.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::LazyLock;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, openat, openat2, readlinkat};
use rustix::io::Errno;

use super::root::{kind, stat_of};

/// The number of times a call is repeated that met a change of what it was looking at.
const ATTEMPTS: u32 = 16;

/// The most links in one path, as in path_resolution(7).
const LINKS_MAX: u32 = 40;

/// Opens `path` beneath `root` without waiting. Relative links are followed as long as they stay
/// beneath it.
///
/// # Errors
/// As openat2(2): `XDEV` for a link that is absolute or leaves the root, `LOOP` for one that leads
/// back to itself or is the kernel's own (`/proc/self/fd/1`).
pub(super) fn open_beneath(root: impl AsFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { "." } else { path };
    // openat2(2) refuses other flags beside O_PATH, which cannot wait anyway.
    let flags = if flags.contains(OFlags::PATH) {
        OFlags::PATH | OFlags::CLOEXEC
    } else {
        flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
    };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let result = match *HAS_OPENAT2 {
            true => openat2(&root, path, flags, Mode::empty(), resolve),
            false => walk(root.as_fd(), path, flags),
        };
        match result {
            // AGAIN: something was renamed while it was looked at.
            Err(Errno::AGAIN | Errno::INTR) if attempts < ATTEMPTS => {}
            result => return result,
        }
    }
}

/// Whether openat2(2) can be called.
static HAS_OPENAT2: LazyLock<bool> = LazyLock::new(|| {
    let tried = openat2(CWD, "/", OFlags::PATH, Mode::empty(), ResolveFlags::empty());
    !matches!(tried, Err(Errno::NOSYS | Errno::PERM))
});

/// Opens `path` as openat2(2) would, with the calls that are everywhere. No call of it follows a
/// link: it reads a link, and walks along what that says. `..` goes back to the directory that was
/// walked through, so that a directory that is moved away meanwhile leads nowhere else.
fn walk(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut walked: Vec<OwnedFd> = Vec::new();
    let mut segments: VecDeque<Vec<u8>> = split(path.as_bytes());
    let mut links = 0;
    while let Some(segment) = segments.pop_front() {
        if segment == b".." {
            walked.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let directory = walked.last().map_or(root, |directory| directory.as_fd());
        let found = openat(directory, &*segment, look, Mode::empty())?;
        let kind = kind(&stat_of(&found)?);
        if kind != FileType::Symlink {
            if !segments.is_empty() && kind != FileType::Directory {
                return Err(Errno::NOTDIR);
            }
            if !segments.is_empty() || flags.contains(OFlags::PATH) {
                walked.push(found);
                continue;
            }
            let opened = openat(directory, &*segment, flags | OFlags::NOFOLLOW, Mode::empty());
            // It was no link a moment ago.
            return opened.map_err(|error| if error == Errno::LOOP { Errno::AGAIN } else { error });
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(Errno::LOOP);
        }
        let target = readlinkat(&found, "", Vec::new())?.into_bytes();
        if target.starts_with(b"/") {
            return Err(Errno::XDEV);
        }
        for segment in split(&target).into_iter().rev() {
            segments.push_front(segment);
        }
    }
    match walked.pop() {
        Some(found) if flags.contains(OFlags::PATH) => Ok(found),
        // The path ended with `..` or with nothing: it is a directory that was walked through.
        found => {
            let directory = found.as_ref().map_or(root, |directory| directory.as_fd());
            openat(directory, ".", flags | OFlags::NOFOLLOW, Mode::empty())
        }
    }
}

/// The segments of a path, without those that stay where they are.
fn split(path: &[u8]) -> VecDeque<Vec<u8>> {
    let mut segments = VecDeque::new();
    for segment in path.split(|byte| *byte == b'/') {
        if !segment.is_empty() && segment != b"." {
            segments.push_back(segment.to_vec());
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tempfile::TempDir;

    /// A root with files and links of every kind, and a secret beside it.
    fn tree() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        fs::write(root.join("file"), "file").unwrap();
        fs::write(root.join("a/b/deep"), "deep").unwrap();
        for (name, target) in [
            ("here", "file"),
            ("down", "a/b"),
            ("chain", "down/../../here"),
            ("a/up", "../file"),
            ("a/b/round", "../../a/up"),
            ("dot", "."),
            ("slash", "a//b/./"),
            ("out", "../secret"),
            ("out-later", "a/../../root/file"),
            ("absolute", "/etc/passwd"),
            ("itself", "itself"),
            ("one", "two"),
            ("two", "one"),
            ("dangling", "nothing"),
            ("a/b/out", "../../../secret"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        dir
    }

    fn root_of(dir: &TempDir) -> OwnedFd {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        openat(CWD, dir.path().join("root"), flags, Mode::empty()).unwrap()
    }

    /// The result of a call: a file, or the reason why there is none.
    fn outcome(result: Result<OwnedFd, Errno>) -> Result<(u64, FileType), Errno> {
        let found = stat_of(result?)?;
        Ok((found.stx_ino, kind(&found)))
    }

    #[test]
    fn the_walk_finds_what_the_kernel_finds() {
        let dir = tree();
        let root = root_of(&dir);
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let paths = [
            ".",
            "file",
            "a",
            "a/b",
            "a/b/deep",
            "here",
            "down",
            "down/deep",
            "chain",
            "a/up",
            "a/b/round",
            "dot",
            "dot/file",
            "dot/dot/a",
            "slash",
            "slash/deep",
            "out",
            "out-later",
            "absolute",
            "itself",
            "one",
            "dangling",
            "a/b/out",
            "down/out",
            "nothing",
            "nothing/file",
            "file/x",
            "here/x",
            "a/..",
            "a/../file",
            "..",
            "../root",
            "a/../../secret",
            "down/..",
            "down/../up",
            "file/..",
            "here/../a",
            "absolute/x",
        ];
        let kinds = [
            OFlags::PATH | OFlags::CLOEXEC,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        ];
        for path in paths {
            for flags in kinds {
                let kernel = || outcome(openat2(&root, path, flags, Mode::empty(), resolve));
                // For `..`, a rename anywhere in the system makes it ask for another try.
                let mut expected = kernel();
                while expected == Err(Errno::AGAIN) {
                    expected = kernel();
                }
                let found = outcome(walk(root.as_fd(), path, flags));
                assert_eq!(found, expected, "{path} {flags:?}");
            }
        }
    }

    #[test]
    fn links_that_change_meanwhile_lead_nowhere_else() {
        let dir = tree();
        let (root, path) = (root_of(&dir), dir.path().join("root"));
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0.. {
                    if is_done.load(Ordering::Relaxed) {
                        break;
                    }
                    // Now a directory, now a link out of the tree, now a file.
                    let next = path.join("next");
                    match n % 3 {
                        0 => symlink("../..", &next).unwrap(),
                        1 => symlink("../secret", &next).unwrap(),
                        _ => fs::write(&next, "file").unwrap(),
                    }
                    fs::rename(&next, path.join("file")).unwrap();
                    fs::rename(path.join("a/b"), dir.path().join("moved")).unwrap();
                    fs::rename(dir.path().join("moved"), path.join("a/b")).unwrap();
                }
            });
            for _ in 0..5_000 {
                for name in
                    ["file", "here", "chain", "a/up", "a/b/round", "a/b/../../file", "file/secret"]
                {
                    let Ok(opened) = walk(root.as_fd(), name, OFlags::RDONLY) else { continue };
                    let mut text = String::new();
                    // A directory cannot be read.
                    let _ = File::from(opened).read_to_string(&mut text);
                    assert_ne!(text, "secret", "{name}");
                }
            }
            is_done.store(true, Ordering::Relaxed);
        });
    }
}
