//! The database's file: opens or creates it, upgrades its schema, compares it with its mark, copies
//! it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params_from_iter};

use crate::store::StoreError;
use crate::store::lock::give_to_owner;

use super::read::{self, at_path, corrupt, sql};
use super::schema::{self, Migration};
use super::seal::{Marked, Seal};
use crate::base::Timestamp;
use crate::ops::pulse::Pulse;

/// Pages in the write-ahead log at which SQLite makes a checkpoint by itself: 16 MiB. The engine
/// makes one earlier, when it is idle.
pub(super) const LOG_PAGES: u32 = 4096;

/// Bytes that the log keeps on disk after a checkpoint.
const LOG_BYTES: u32 = 4 << 20;

/// Kibibytes of pages that SQLite keeps in memory at most.
const CACHE_KIB: u32 = 1 << 10;

/// Unused pages that are worth to be given back: 4 MiB, and a quarter of all.
const UNUSED_MIN: i64 = 1024;

/// Pages that are given back at once: 4 MiB.
const GIVEN_BACK: u32 = 1024;

/// Whether the database is missing or empty. SQLite would make a new one of either without a word.
pub(super) fn is_absent(path: &Path) -> Result<bool, StoreError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len() == 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(StoreError::io(path, error)),
    }
}

/// Whether there is a database in the state directory, damaged or not.
pub fn has_state(dir: &Path) -> bool {
    dir.join("state.db").exists()
}

/// Makes an empty file, readable by its owner only, for a new database at `path`.
///
/// # Errors
/// A mark or a log proves that a database was here before and is lost; or the file cannot be made.
pub(super) fn admit_new(path: &Path, marked: Marked) -> Result<(), StoreError> {
    let log = path.with_extension("db-wal");
    if marked != Marked::Nothing || !is_absent(&log)? {
        let hint = "it is missing or empty, and was not before; put a backup in its place, or \
                    remove the whole state directory to start over";
        return Err(corrupt(path, hint));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(|error| StoreError::io(path, error))?;
    if let Some(dir) = path.parent() {
        give_to_owner(&file, dir);
    }
    Ok(())
}

/// Opens the database, whose file exists, for this process alone.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    // One thread uses the connection at a time, so SQLite's own mutexes are not needed.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection =
        Connection::open_with_flags(canonical(path)?, flags).map_err(|error| sql(path, &error))?;
    if is_absent(path)? {
        // To be chosen before the first write: unused pages can then be given back piece by piece.
        let choice = connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL");
        choice.map_err(|error| sql(path, &error))?;
    }
    configure(&connection).map_err(|error| sql(path, &error))?;
    Ok(connection)
}

/// The path with the links of its directory resolved, because SQLite's no-follow flag refuses a
/// link in any segment, and only one in the last is a danger.
pub(in crate::store) fn canonical(path: &Path) -> Result<PathBuf, StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let dir = dir.canonicalize().map_err(|error| StoreError::io(path, error))?;
    Ok(dir.join(path.file_name().unwrap_or_default()))
}

/// Sets up a connection. `EXCLUSIVE` keeps a second process out, and needs no shared memory beside
/// the write-ahead log; with `synchronous = FULL` a commit is on disk when it returns;
/// `trusted_schema` and `cell_size_check` protect against a database that was damaged or replaced.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{CACHE_KIB}; \
         PRAGMA wal_autocheckpoint = {LOG_PAGES}; PRAGMA journal_size_limit = {LOG_BYTES};"
    ))
}

/// Has a commit fold the log into the database where it has so many pages; `None` for never.
pub(super) fn fold_log_at(connection: &Connection, pages: Option<u32>) -> rusqlite::Result<()> {
    let pages = pages.unwrap_or(0);
    // Answers with the value that is in use.
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {pages}"), (), |_| Ok(()))
}

/// Instructions of SQLite's virtual machine between two beats: far less than a second of work.
const BEAT_EVERY: i32 = 100_000;

/// Makes every statement beat while it gets on.
pub(super) fn show_progress(
    connection: &mut Connection,
    pulse: &Arc<Pulse>,
    path: &Path,
) -> Result<(), StoreError> {
    let pulse = Arc::clone(pulse);
    let beat = move || {
        pulse.beat();
        // True would interrupt the statement.
        false
    };
    connection.progress_handler(BEAT_EVERY, Some(beat)).map_err(|error| sql(path, &error))
}

/// Upgrades the database to the last of `migrations`, or creates its tables. Returns what it was.
///
/// # Errors
/// It is not a database of dropfeed, a newer one, damaged, or cannot be written.
pub(super) fn prepare(
    connection: &mut Connection,
    path: &Path,
    marked: Marked,
    migrations: &[Migration],
) -> Result<Found, StoreError> {
    let known = migrations.len() as u32;
    let (version, application) = schema::version(connection).map_err(|error| sql(path, &error))?;
    let blank = version == 0 && schema::is_blank(connection).map_err(|error| sql(path, &error))?;
    if blank && marked != Marked::Nothing {
        return Err(corrupt(path, "it is empty, and was not before; put a backup in its place"));
    }
    if !blank && (version == 0 || application != schema::APPLICATION) {
        return Err(corrupt(path, "it is not a database of dropfeed"));
    }
    if version > known {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known });
    }
    if blank {
        create(connection, migrations).map_err(|error| sql(path, &error))?;
        Ok(Found::Blank)
    } else if version < known {
        let copy = upgrade(connection, path, version, marked, migrations)?;
        Ok(Found::Older(Upgraded { from: version, to: known, copy }))
    } else {
        Ok(Found::Current)
    }
}

/// The state of a database when it was opened.
pub(super) enum Found {
    /// Empty: its tables were made.
    Blank,
    /// Of this version.
    Current,
    /// Of an earlier version: it was upgraded.
    Older(Upgraded),
}

/// An upgrade of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The version before.
    pub from: u32,
    /// The version since.
    pub to: u32,
    /// The copy from before.
    pub copy: PathBuf,
}

fn create(connection: &mut Connection, migrations: &[Migration]) -> rusqlite::Result<()> {
    let lineage = connection.query_row("SELECT randomblob(16)", (), |row| row.get(0))?;
    let cells = Seal::new(lineage).cells();
    schema::migrate(connection, 0, migrations, |transaction| {
        transaction.execute(&schema::SEAL.sql().put, params_from_iter(cells)).map(|_| ())
    })
}

/// Upgrades the database, after a copy of the old version was put beside it, whose path it returns.
/// Damage is looked for first, so that the copy is a whole one, and a database that is older than
/// its mark is left alone.
fn upgrade(
    connection: &mut Connection,
    path: &Path,
    version: u32,
    marked: Marked,
    migrations: &[Migration],
) -> Result<PathBuf, StoreError> {
    let seal = read::seal(connection).map_err(|trouble| at_path(path, trouble))?;
    compare(path, &seal, marked)?;
    read::quick_check(connection).map_err(|trouble| at_path(path, trouble))?;
    let kept = path.with_extension(format!("v{version}.db"));
    match std::fs::remove_file(&kept) {
        // An earlier upgrade was interrupted after its copy. The database has not changed since.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io(&kept, error)),
    }
    copy(connection, &seal, path, &kept)?;
    schema::migrate(connection, version, migrations, |_| Ok(()))
        .map_err(|error| sql(path, &error))?;
    // An early database cannot give unused pages back before it is rewritten, outside of memory.
    // That is not needed to use it, and fails where there is too little space.
    let _ = connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA temp_store = FILE; VACUUM; \
         PRAGMA temp_store = MEMORY",
    );
    Ok(kept)
}

/// Gives some unused pages back to the file system, if there are so many that it pays. The work is
/// bounded, so that no commit waits for long; the next call goes on.
pub(super) fn give_back_pages(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({GIVEN_BACK})"))?;
    let mut rows = statement.query(())?;
    // Each row is one page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// Whether many pages of the database are unused: deletions leave them, and later rows use them
/// again.
pub(super) fn has_unused_pages(connection: &Connection) -> rusqlite::Result<bool> {
    let pages = schema::pragma(connection, "page_count")?;
    let unused = schema::pragma(connection, "freelist_count")?;
    Ok(unused >= UNUSED_MIN && unused * 4 >= pages)
}

/// Writes a consistent copy, whose seal says that it is a copy and may be older than the mark. The
/// name appears when the copy is complete and durable.
///
/// # Errors
/// `to` exists, its name is not UTF-8, or reading or writing failed.
pub(super) fn copy(
    connection: &Connection,
    seal: &Seal,
    path: &Path,
    to: &Path,
) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::io(to, io::Error::from(io::ErrorKind::AlreadyExists)));
    }
    let temp = to.with_extension("tmp");
    make_empty(&temp).map_err(|error| StoreError::io(to, error))?;
    let Some(name) = temp.to_str() else {
        return Err(StoreError::io(to, io::Error::other("the name is not UTF-8")));
    };
    connection.execute("VACUUM INTO ?", [name]).map_err(|error| sql(path, &error))?;
    mark_as_copy(&temp, seal).map_err(|error| sql(&temp, &error))?;
    put_in_place(&temp, to).map_err(|error| StoreError::io(to, error))
}

/// Makes an empty file that only its owner can read, in place of what an interrupted copy left.
fn make_empty(temp: &Path) -> io::Result<()> {
    let _left_over = std::fs::remove_file(temp);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(temp)?;
    Ok(())
}

/// Writes into the copy's seal that it is a copy.
fn mark_as_copy(temp: &Path, seal: &Seal) -> rusqlite::Result<()> {
    let mut seal = seal.clone();
    seal.copy = true;
    let copy = Connection::open(temp)?;
    copy.execute(&schema::SEAL.sql().put, params_from_iter(seal.cells()))?;
    copy.close().map_err(|(_, error)| error)
}

/// Renames a finished file to its name, durably: the bytes before the name, then the directory.
fn put_in_place(temp: &Path, to: &Path) -> io::Result<()> {
    File::open(temp)?.sync_all()?;
    std::fs::rename(temp, to)?;
    // The parent of a bare file name is the empty path, which cannot be opened.
    let dir = match to.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    File::open(dir)?.sync_all()
}

/// Checks that the database is at least as new as the mark. A copy may be older: an operator put it
/// there on purpose.
///
/// # Errors
/// [`StoreError::Outdated`] if the mark has a later commit, or is of another database.
pub(super) fn compare(path: &Path, seal: &Seal, marked: Marked) -> Result<(), StoreError> {
    let Marked::Commits(lineage, commits) = marked else { return Ok(()) };
    if seal.copy || (seal.lineage == lineage && seal.commits >= commits) {
        return Ok(());
    }
    let mark = "if it is an old copy that you put there, remove state.mark";
    let why = if seal.lineage == lineage {
        format!("it has lost its last commits: {} of {commits} are there; {mark}", seal.commits)
    } else {
        format!("it is not the database that was here before; {mark}")
    };
    Err(StoreError::Outdated { path: path.to_owned(), why })
}

/// Renames a damaged database, its log and its mark: `.damaged-` and the time are added. Returns
/// the new name of the database. Nothing is deleted, so that data can still be saved by hand.
///
/// # Errors
/// A file cannot be renamed.
pub fn set_aside(dir: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let suffix = now.strftime(".damaged-%Y%m%dT%H%M%SZ").to_string();
    // The database is the last: if this is interrupted, the next start finds it damaged again.
    for name in ["state.mark", "state.db-wal", "state.db"] {
        let from = dir.join(name);
        match std::fs::rename(&from, dir.join(format!("{name}{suffix}"))) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io(&from, error)),
        }
    }
    let opened = File::open(dir).map_err(|error| StoreError::io(dir, error))?;
    opened.sync_all().map_err(|error| StoreError::io(dir, error))?;
    Ok(dir.join(format!("state.db{suffix}")))
}
