//! Files that a scan found and that may still be being written.
//!
//! A scan sees a file without having seen its writer open or close it. Three things speak for a
//! writer, and none of them is enough alone: the file was modified a moment ago, it changed since
//! the last look, some process has it open for writing. A file that was renamed since it was last
//! modified is whole, as far as its age shows: a writer in two steps renames last.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::base::{RelPath, Timestamp};

use super::{Fingerprint, Seen, SourceChange};

/// The time without modification before a scan takes a file.
pub const QUIET: Duration = Duration::from_secs(2);

/// The most that the clock of a file server may be ahead. What was modified later than that has an
/// odd stamp, not a writer.
const SKEW: Duration = Duration::from_secs(3600);

/// The time for which a file that no look finds any more is remembered. One that is held back is
/// looked at again after [`QUIET`].
const FORGET: Duration = Duration::from_secs(30);

/// Descriptors that are looked at in one search for writers.
const DESCRIPTORS_MAX: usize = 100_000;

/// Files that are waited for, each with what it was when it was first held back, and the end of the
/// wait if it does not change.
#[derive(Debug, Default)]
pub struct Unfinished {
    held: HashMap<RelPath, (Fingerprint, Instant)>,
}

/// A file that is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its path.
    pub path: RelPath,
    /// The time until it should be looked at again.
    pub again: Duration,
    /// Set when a process has it open for writing: the end of that cannot be predicted.
    pub is_open: bool,
}

/// Files that processes have open for writing, by device and inode.
#[derive(Debug, Default)]
pub struct Writers(HashSet<(u64, u64)>);

impl Unfinished {
    /// Takes the files out of `changes` that may still be being written, and names them. `finished`
    /// are those whose close was seen.
    pub fn hold_back(
        &mut self,
        changes: &mut Vec<SourceChange>,
        finished: impl Fn(&RelPath) -> bool,
        writers: &Writers,
        now: Timestamp,
        instant: Instant,
    ) -> Vec<Held> {
        // A file that was removed while it was held back is in no later look.
        self.held.retain(|_, (_, until)| instant.saturating_duration_since(*until) < FORGET);
        let mut held = Vec::new();
        changes.retain(|change| {
            let Seen::Text(fingerprint) = &change.seen else { return true };
            let is_open = writers.have(fingerprint);
            let again = if finished(&change.path) {
                None
            } else if is_open {
                Some(QUIET)
            } else {
                self.unquiet(&change.path, fingerprint, now, instant)
            };
            let Some(again) = again else {
                self.held.remove(&change.path);
                return true;
            };
            held.push(Held { path: change.path.clone(), again, is_open });
            false
        });
        held
    }

    /// The time that the file still has to be quiet; `None` where it was quiet for long enough.
    fn unquiet(
        &mut self,
        path: &RelPath,
        seen: &Fingerprint,
        now: Timestamp,
        instant: Instant,
    ) -> Option<Duration> {
        let left = youth(seen, now)?;
        let until = match self.held.get(path) {
            // By the monotonic clock, whatever the wall clock and the file server's say: a reader who
            // waited as long as was asked must not be asked to wait once more, because the
            // wall clock was set back by a millisecond.
            Some((known, until)) if known == seen => *until,
            _ => {
                self.held.insert(path.clone(), (*seen, instant + left));
                instant + left
            }
        };
        let left = until.saturating_duration_since(instant);
        if left.is_zero() { None } else { Some(left) }
    }
}

/// The time until the file is old enough; `None` where it is, or where it was renamed since it was
/// written.
fn youth(seen: &Fingerprint, now: Timestamp) -> Option<Duration> {
    // Writing moves both stamps to the same moment, a rename moves the change time alone.
    if seen.ctime_ns > seen.mtime_ns {
        return None;
    }
    let modified = Timestamp::from_nanosecond(i128::from(seen.mtime_ns)).ok()?;
    match Duration::try_from(now.duration_since(modified)) {
        Ok(age) => QUIET.checked_sub(age).filter(|left| !left.is_zero()),
        Err(_) => {
            let ahead = Duration::try_from(modified.duration_since(now)).ok()?;
            (ahead < SKEW).then_some(QUIET)
        }
    }
}

impl Writers {
    /// The processes that have a file beneath `root` open for writing, as far as `/proc` shows them
    /// to this user.
    pub fn beneath(root: &Path) -> Self {
        // A simulation says itself who writes.
        #[cfg(test)]
        if let Some(open) = super::testing::open_beneath(root) {
            return Self(open);
        }
        let Ok(root) = root.canonicalize() else { return Self::default() };
        let mut writers = HashSet::new();
        let Ok(processes) = fs::read_dir("/proc") else { return Self::default() };
        let mut looked_at = 0;
        for process in processes.flatten() {
            let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
            for descriptor in descriptors.flatten() {
                looked_at += 1;
                if looked_at > DESCRIPTORS_MAX {
                    return Self(writers);
                }
                // First the question that most descriptors answer with no: they lead elsewhere.
                let is_beneath =
                    fs::read_link(descriptor.path()).is_ok_and(|target| target.starts_with(&root));
                if is_beneath
                    && opened_for_writing(
                        &process.path().join("fdinfo").join(descriptor.file_name()),
                    )
                    && let Ok(file) = fs::metadata(descriptor.path())
                {
                    writers.insert((file.dev(), file.ino()));
                }
            }
        }
        Self(writers)
    }

    fn have(&self, file: &Fingerprint) -> bool {
        self.0.contains(&(file.dev, file.ino))
    }
}

/// Reads the access mode of a descriptor: `flags:` of proc_pid_fdinfo(5), in octal, whose last two
/// bits are `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
fn opened_for_writing(fdinfo: &Path) -> bool {
    let Ok(text) = fs::read_to_string(fdinfo) else { return false };
    let Some(flags) = text.lines().find_map(|line| line.strip_prefix("flags:")) else {
        return false;
    };
    match u64::from_str_radix(flags.trim(), 8) {
        Ok(flags) => flags & 3 != 0,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    const SECOND: i64 = 1_000_000_000;

    fn file(mtime_ns: i64, ctime_ns: i64) -> Fingerprint {
        Fingerprint { dev: 1, ino: 2, mtime_ns, ctime_ns, ..Fingerprint::default() }
    }

    fn hold_back(
        unfinished: &mut Unfinished,
        seen: Fingerprint,
        finished: bool,
        now: Timestamp,
        at: Instant,
    ) -> Vec<Held> {
        let path = RelPath::new("a.md").unwrap();
        let mut changes = vec![SourceChange { path, seen: Seen::Text(seen) }];
        let held = unfinished.hold_back(&mut changes, |_| finished, &Writers::default(), now, at);
        assert_eq!(held.len() + changes.len(), 1);
        held
    }

    #[test]
    fn a_file_is_held_back_while_it_is_young() {
        let now = Timestamp::from_second(1_000).unwrap();
        for (mtime, ctime, finished, expected) in [
            (1_000, 1_000, false, Some(2_000)),
            (999, 999, false, Some(1_000)),
            (998, 998, false, None),
            (1, 1, false, None),
            // Its close was seen.
            (1_000, 1_000, true, None),
            // Moved in: the change time is the rename's.
            (999, 1_000, false, None),
            (1, 1_000, false, None),
            // The file server's clock is ahead, or somebody set a stamp of next year.
            (1_060, 1_060, false, Some(2_000)),
            (9_000, 9_000, false, None),
        ] {
            let seen = file(mtime * SECOND, ctime * SECOND);
            let held = hold_back(&mut Unfinished::default(), seen, finished, now, Instant::now());
            let again = held.first().map(|held| held.again.as_millis());
            assert_eq!(again, expected, "{mtime} {ctime} {finished}");
        }
    }

    #[test]
    fn quiet_is_measured_by_the_monotonic_clock_too() {
        let (now, start) = (Timestamp::from_second(1_000).unwrap(), Instant::now());
        let mut unfinished = Unfinished::default();
        let ahead = file(1_060 * SECOND, 1_060 * SECOND);
        let mut held_at = |seen, ms| {
            !hold_back(&mut unfinished, seen, false, now, start + Duration::from_millis(ms))
                .is_empty()
        };
        assert!(held_at(ahead, 0));
        assert!(held_at(ahead, 1_999));
        assert!(!held_at(ahead, 2_000));
        // One more write, and it has to be quiet again.
        let again = file(1_061 * SECOND, 1_061 * SECOND);
        assert!(held_at(ahead, 2_500));
        assert!(held_at(again, 3_000));
        assert!(held_at(again, 4_999));
        assert!(!held_at(again, 5_000));
    }

    #[test]
    fn a_wall_clock_that_falls_behind_makes_no_wait_longer() {
        let (now, start) = (Timestamp::from_second(1_000).unwrap(), Instant::now());
        let mut unfinished = Unfinished::default();
        let young = file(999 * SECOND, 999 * SECOND);
        let held = hold_back(&mut unfinished, young, false, now, start);
        assert_eq!(held[0].again.as_millis(), 1_000);
        // A second later by the monotonic clock, and a little less by the other.
        let later = now + Duration::from_millis(990);
        let held = hold_back(&mut unfinished, young, false, later, start + held[0].again);
        assert_eq!(held, []);
    }

    #[test]
    fn what_is_not_found_again_is_forgotten() {
        let (now, start) = (Timestamp::from_second(1_000).unwrap(), Instant::now());
        let mut unfinished = Unfinished::default();
        let young = file(1_000 * SECOND, 1_000 * SECOND);
        assert_eq!(hold_back(&mut unfinished, young, false, now, start).len(), 1);
        let nothing = &mut Vec::new();
        unfinished.hold_back(nothing, |_| false, &Writers::default(), now, start + QUIET);
        assert_eq!(unfinished.held.len(), 1);
        unfinished.hold_back(nothing, |_| false, &Writers::default(), now, start + QUIET + FORGET);
        assert!(unfinished.held.is_empty());
    }

    fn of(file: &File) -> Fingerprint {
        let found = file.metadata().unwrap();
        Fingerprint { dev: found.dev(), ino: found.ino(), ..Fingerprint::default() }
    }

    #[test]
    fn who_has_a_file_open_for_writing_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let written = File::create(dir.path().join("written.md")).unwrap();
        fs::write(dir.path().join("read.md"), "text").unwrap();
        let read = File::open(dir.path().join("read.md")).unwrap();
        let mut options = File::options();
        let both = options.read(true).write(true).open(dir.path().join("read.md")).unwrap();
        assert!(Writers::beneath(dir.path()).have(&of(&both)), "for reading and writing");
        drop(both);
        let (written_id, read_id) = (of(&written), of(&read));
        let writers = Writers::beneath(dir.path());
        assert!(writers.have(&written_id) && !writers.have(&read_id));
        drop(written);
        assert!(!Writers::beneath(dir.path()).have(&written_id));
    }
}
