//! A log of whole lines in a file or on standard output, written by a thread of its own: a full
//! disk or a blocked pipe never delays a thread that adds a line.
//!
//! Lines wait in a buffer of a fixed size; what does not fit is dropped and counted. If a write
//! fails within a line, the rest of that line is written first as soon as the disk has room, so
//! that the file holds whole lines only. [`LineLog::reopen`] is for logrotate: lines added before
//! it go to the old file, later ones to the new.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::mem;
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{Access, OFlags, access, fcntl_setfl};
use tracing::{error, info, warn};

/// The size of the buffer, in bytes.
const BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// The time that lines are gathered before they are written together, unless the buffer is half
/// full.
const GATHER: Duration = Duration::from_millis(50);

/// The longest wait for the thread at a stop, and for the switch to a new file.
const PATIENCE: Duration = Duration::from_secs(2);

/// The shortest time between two warnings that lines were dropped.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The mode of a file that is created.
const MODE: u32 = 0o640;

/// The place of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file that lines are appended to; it is created if it does not exist.
    File(PathBuf),
}

impl Destination {
    /// The file at `path`, or standard output without one.
    pub fn of(path: Option<&Path>) -> Self {
        match path {
            Some(path) => Destination::File(path.to_owned()),
            None => Destination::Stdout,
        }
    }

    fn open(&self) -> io::Result<File> {
        match self {
            Destination::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
            Destination::File(path) => open(path),
        }
    }

    /// Checks whether the log could be written, without creating anything.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self) -> io::Result<()> {
        let Destination::File(path) = self else { return Ok(()) };
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => Ok(access(path, Access::WRITE_OK)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(Path::new("/"));
                Ok(access(parent, Access::WRITE_OK | Access::EXEC_OK)?)
            }
            Err(error) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Appending, since logrotate's `copytruncate` makes the file shorter under us. Without
    // `NONBLOCK`, a named pipe that nothing reads would hang the start; it is for the opening
    // alone.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = options.append(true).create(true).mode(MODE).custom_flags(flags).open(path)?;
    fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}

/// A running log. Dropping it writes what waits, for at most two seconds.
#[derive(Debug)]
pub struct LineLog {
    lines: Lines,
    destination: Destination,
    thread: Option<JoinHandle<()>>,
}

/// The side of a log that adds lines. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Rung for the writer.
    work: Condvar,
    /// Rung by the writer, when it has switched to another file or ended.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines, at most `BUFFER_BYTES_MAX` bytes.
    buffer: Vec<u8>,
    /// Lines that were dropped since the start.
    dropped: u64,
    /// The file for what comes after the buffer.
    next: Option<File>,
    is_closed: bool,
    has_ended: bool,
}

impl Shared {
    /// No code panics under this lock, and the state is whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Adds a line with its line break, or drops it if it does not fit. Never waits for the file.
    pub fn add(&self, line: &[u8]) {
        let mut state = self.0.lock();
        let before = state.buffer.len();
        if before + line.len() > BUFFER_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        state.buffer.extend_from_slice(line);
        let after = state.buffer.len();
        drop(state);
        // Waking a thread is a call of the system; between these two moments the writer is awake or
        // will be by itself.
        if before == 0 || (before < BUFFER_BYTES_MAX / 2 && after >= BUFFER_BYTES_MAX / 2) {
            self.0.work.notify_one();
        }
    }

    /// The lines that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

impl LineLog {
    /// Opens a log and starts its thread. `name` is that of the log in messages.
    ///
    /// # Errors
    /// The file cannot be opened for writing, or the thread cannot be started.
    pub fn start(name: &'static str, destination: Destination) -> io::Result<Self> {
        let file = destination.open()?;
        let lines = Lines(Arc::default());
        let shared = Arc::clone(&lines.0);
        let work = move || {
            let mut writer = Writer::new(name, file);
            writer.run(&shared);
            shared.lock().has_ended = true;
            shared.done.notify_all();
        };
        let thread = thread::Builder::new().name(name.replace(' ', "-")).spawn(work)?;
        Ok(Self { lines, destination, thread: Some(thread) })
    }

    /// The side that adds lines.
    pub fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// Opens the file again, which may have been renamed or removed, and returns when the old one
    /// is no longer written. If that takes too long, it happens later.
    ///
    /// # Errors
    /// The file cannot be opened; the old one stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        if self.destination == Destination::Stdout {
            return Ok(());
        }
        let file = self.destination.open()?;
        let mut state = self.lines.0.lock();
        state.next = Some(file);
        self.lines.0.work.notify_one();
        self.wait(state, |state| state.next.is_none());
        Ok(())
    }

    /// Waits until the writer has brought about a condition, but not for ever.
    fn wait(&self, mut state: MutexGuard<'_, State>, condition: fn(&State) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if condition(&state) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.lines.0.done.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for LineLog {
    fn drop(&mut self) {
        let mut state = self.lines.0.lock();
        state.is_closed = true;
        self.lines.0.work.notify_one();
        let has_ended = self.wait(state, |state| state.has_ended);
        if let Some(thread) = self.thread.take()
            && has_ended
        {
            // A panic was logged when it happened. A thread that hangs in a write ends with the
            // process.
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Writer {
    name: &'static str,
    file: File,
    /// The lines that are being written.
    batch: Vec<u8>,
    /// The rest of a line whose beginning is in the file.
    rest: Vec<u8>,
    is_failing: bool,
    /// Lines that were dropped because writing failed, not reported yet.
    lost: u64,
    /// Dropped lines that were reported.
    reported: u64,
    warned: Option<Instant>,
}

impl Writer {
    fn new(name: &'static str, file: File) -> Self {
        Self {
            name,
            file,
            batch: Vec::new(),
            rest: Vec::new(),
            is_failing: false,
            lost: 0,
            reported: 0,
            warned: None,
        }
    }

    /// Writes until the log is closed and nothing is left.
    fn run(&mut self, shared: &Shared) {
        loop {
            let is_last = self.take(shared);
            let has_lines = !self.batch.is_empty() || !self.rest.is_empty();
            let written = self.write();
            let mut state = shared.lock();
            state.dropped += mem::take(&mut self.lost);
            let dropped = state.dropped;
            if let Some(file) = state.next.take() {
                self.file = file;
                // The rest belongs to the old file, where there was no room for it.
                self.rest.clear();
                shared.done.notify_all();
            }
            drop(state);
            // Writing nothing does not show that writing works again.
            if has_lines {
                self.report(written, dropped);
            }
            if is_last {
                return;
            }
        }
    }

    /// Waits for lines, and takes them. True if they are the last.
    fn take(&mut self, shared: &Shared) -> bool {
        self.batch.clear();
        let mut state = shared.lock();
        while state.buffer.is_empty() && state.next.is_none() && !state.is_closed {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let deadline = Instant::now() + GATHER;
        while state.buffer.len() < BUFFER_BYTES_MAX / 2 && state.next.is_none() && !state.is_closed
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = shared.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        mem::swap(&mut state.buffer, &mut self.batch);
        state.is_closed
    }

    fn write(&mut self) -> io::Result<()> {
        let rest = mem::take(&mut self.rest);
        let (written, outcome) = write_some(&mut self.file, &rest);
        if outcome.is_err() {
            self.rest = rest[written..].to_vec();
            self.lost += count_lines(&self.batch);
            return outcome;
        }
        let (written, outcome) = write_some(&mut self.file, &self.batch);
        if outcome.is_err() {
            let (done, left) = self.batch.split_at(written);
            let mut left = left;
            if !done.is_empty() && !done.ends_with(b"\n") {
                let end = left.iter().position(|byte| *byte == b'\n').map_or(left.len(), |n| n + 1);
                self.rest = left[..end].to_vec();
                left = &left[end..];
            }
            self.lost += count_lines(left);
        }
        outcome
    }

    /// Logs when writing begins to fail, when it works again, and that lines were dropped.
    fn report(&mut self, written: io::Result<()>, dropped: u64) {
        let name = self.name;
        match written {
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                warn!(
                    event = "degraded",
                    "degraded: the {name} cannot be written: {error}; its lines are dropped"
                );
            }
            Err(_) => {}
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                let lines = dropped - self.reported;
                self.reported = dropped;
                info!(
                    event = "recovered",
                    "recovered: the {name} is written again; {lines} lines were dropped"
                );
            }
            Ok(()) if dropped > self.reported => {
                let now = Instant::now();
                if self.warned.is_none_or(|last| now.duration_since(last) >= WARN_EVERY) {
                    self.warned = Some(now);
                    let lines = dropped - self.reported;
                    self.reported = dropped;
                    warn!(
                        event = "warning",
                        "{lines} lines of the {name} were dropped, since it is written too slowly"
                    );
                }
            }
            Ok(()) => {}
        }
    }
}

/// Writes as much as possible, and returns the number of bytes and whether that is all.
fn write_some(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Reopens a log, and says in the daemon's own log if that fails.
pub fn reopen(log: &LineLog, name: &str) {
    if let Err(error) = log.reopen() {
        error!(
            event = "degraded",
            "degraded: the {name} cannot be reopened: {error}; the old file is written on"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn start(path: &Path) -> LineLog {
        LineLog::start("test log", Destination::File(path.to_owned())).unwrap()
    }

    #[test]
    fn rotation_by_rename_and_by_truncation_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
        let log = start(&path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !0o640, 0);
        log.lines().add(b"one\n");
        fs::rename(&path, &old).unwrap();
        log.lines().add(b"two\n");
        log.reopen().unwrap();
        log.lines().add(b"three\n");
        log.reopen().unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        fs::write(&path, "").unwrap();
        log.lines().add(b"four\n");
        drop(log);
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
    }

    #[test]
    fn a_file_that_cannot_be_reopened_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let log = start(&path);
        let kept = dir.path().join("kept");
        fs::rename(&path, &kept).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(log.reopen().is_err());
        log.lines().add(b"one\n");
        drop(log);
        assert_eq!(fs::read_to_string(kept).unwrap(), "one\n");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_found_without_writing() {
        let dir = tempfile::tempdir().unwrap();
        for (path, is_fine) in [("a.log", true), (".", false), ("no/such/a.log", false)] {
            let path = dir.path().join(path);
            assert_eq!(Destination::File(path.clone()).check().is_ok(), is_fine, "{path:?}");
            assert_eq!(open(&path).is_ok(), is_fine, "{path:?}");
        }
        let fresh = dir.path().join("b.log");
        Destination::File(fresh.clone()).check().unwrap();
        assert!(!fresh.exists());
    }

    #[test]
    fn a_blocked_pipe_delays_nobody_and_gets_whole_lines() {
        let (mut reader, writer) = io::pipe().unwrap();
        let lines = Lines(Arc::default());
        let shared = Arc::clone(&lines.0);
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let thread = thread::spawn(move || Writer::new("test log", file).run(&shared));
        // More than the pipe and both buffers hold. Nobody reads, and every call returns.
        let added = 4 * BUFFER_BYTES_MAX / 100;
        for n in 0..added {
            lines.add(format!("{n:099}\n").as_bytes());
        }
        let dropped = lines.dropped();
        assert!(dropped > 0);
        lines.0.lock().is_closed = true;
        lines.0.work.notify_one();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        thread.join().unwrap();
        assert!(text.lines().all(|line| line.len() == 99));
        assert_eq!(text.lines().count() as u64 + dropped, added as u64);
    }

    #[test]
    fn a_full_disk_drops_whole_lines() {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut writer = Writer::new("test log", file);
        writer.batch = b"one\ntwo\n".to_vec();
        assert!(writer.write().is_err());
        assert_eq!((writer.lost, writer.rest.len()), (2, 0));
        // The disk was full in the middle of a line, and has room again.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        fs::write(&path, "zero\non").unwrap();
        writer.rest = b"e\n".to_vec();
        writer.batch = b"two\n".to_vec();
        assert!(writer.write().is_err());
        assert_eq!((writer.lost, &writer.rest[..]), (3, &b"e\n"[..]));
        writer.file = open(&path).unwrap();
        writer.batch = b"three\n".to_vec();
        writer.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "zero\none\nthree\n");
    }
}
