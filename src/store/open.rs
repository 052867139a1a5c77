//! The database's file: found or made, brought to the version known here, compared with its mark, copied.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::StoreError;
use super::lock::give_to_owner;
use super::read::{self, at_path, corrupt, sql};
use super::schema::{self, Migration};
use super::seal::{Marked, Seal};
use crate::base::Timestamp;

/// Pages in the log at which SQLite folds it into the database by itself: 16 MiB. The engine does so earlier, when idle.
const LOG_PAGES: u32 = 4096;

/// Bytes that the log keeps on disk once it is folded.
const LOG_BYTES: u32 = 4 << 20;

/// Kibibytes of pages that SQLite keeps in memory at most.
const CACHE_KIB: u32 = 1 << 10;

/// Is there nothing, or an empty file, in the database's place?
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

/// May a new database be made at `path`? Makes its file, private.
pub(super) fn admit_new(path: &Path, marked: Marked) -> Result<(), StoreError> {
    let log = path.with_extension("db-wal");
    if marked != Marked::Nothing || !is_absent(&log)? {
        let hint = "it is missing or empty, and was not before; put a backup in its place, or take the whole state \
                    directory away to begin anew";
        return Err(corrupt(path, hint));
    }
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = made.map_err(|error| StoreError::io(path, error))?;
    if let Some(dir) = path.parent() {
        give_to_owner(&file, dir);
    }
    Ok(())
}

pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = canonical(path).and_then(|real| {
        let connection =
            Connection::open_with_flags(real, flags).map_err(|error| sql(path, &error))?;
        configure(&connection).map_err(|error| sql(path, &error))?;
        Ok(connection)
    });
    opened.map_err(|error| match error {
        StoreError::InUse { pid, .. } => StoreError::InUse { path: path.to_owned(), pid },
        other => other,
    })
}

/// The path with the links of its directory resolved: SQLite's no-follow flag refuses a link in any segment.
fn canonical(path: &Path) -> Result<PathBuf, StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let dir = dir.canonicalize().map_err(|error| StoreError::io(path, error))?;
    Ok(dir.join(path.file_name().unwrap_or_default()))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{CACHE_KIB}; PRAGMA wal_autocheckpoint = {LOG_PAGES}; \
         PRAGMA journal_size_limit = {LOG_BYTES};"
    ))
}

/// Brings the database to the version known here. Was it empty?
pub(super) fn prepare(
    connection: &mut Connection,
    path: &Path,
    marked: Marked,
    migrations: &[Migration],
) -> Result<bool, StoreError> {
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
    } else if version < known {
        upgrade(connection, path, version, migrations)?;
    }
    Ok(blank)
}

fn create(connection: &mut Connection, migrations: &[Migration]) -> rusqlite::Result<()> {
    let lineage = connection.query_row("SELECT randomblob(16)", (), |row| row.get(0))?;
    let cells = Seal::new(lineage).cells();
    schema::migrate(connection, 0, migrations, |transaction| {
        transaction.execute(&schema::SEAL.sql().put, params_from_iter(cells)).map(|_| ())
    })
}

/// Keeps a copy of the old version beside the database, then goes to the new one.
fn upgrade(
    connection: &mut Connection,
    path: &Path,
    version: u32,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let seal = read::seal(connection).map_err(|trouble| at_path(path, trouble))?;
    read::quick_check(connection).map_err(|trouble| at_path(path, trouble))?;
    let kept = path.with_extension(format!("v{version}.db"));
    match std::fs::remove_file(&kept) {
        // Left by an upgrade that did not come to its end: the database still is as it was then.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io(&kept, error)),
    }
    copy(connection, &seal, path, &kept)?;
    schema::migrate(connection, version, migrations, |_| Ok(())).map_err(|error| sql(path, &error))
}

/// Writes a consistent copy that says of itself that it is one.
pub(super) fn copy(
    connection: &Connection,
    seal: &Seal,
    path: &Path,
    to: &Path,
) -> Result<(), StoreError> {
    let io = |error| StoreError::io(to, error);
    if to.exists() {
        return Err(io(io::Error::from(io::ErrorKind::AlreadyExists)));
    }
    let temp = to.with_extension("tmp");
    let _left_over = std::fs::remove_file(&temp);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp).map_err(io)?;
    let name = temp.to_str().ok_or_else(|| io(io::Error::other("the name is not UTF-8")))?;
    connection.execute("VACUUM INTO ?", [name]).map_err(|error| sql(path, &error))?;
    let mut seal = seal.clone();
    seal.copy = true;
    let marked = Connection::open(&temp).and_then(|copy| {
        copy.execute(&schema::SEAL.sql().put, params_from_iter(seal.cells()))?;
        copy.close().map_err(|(_, error)| error)
    });
    marked.map_err(|error| sql(&temp, &error))?;
    File::open(&temp).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&temp, to).map_err(io)?;
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)
}

/// Is the database at least as new as the mark?
pub(super) fn compare(path: &Path, seal: &Seal, marked: Marked) -> Result<(), StoreError> {
    let Marked::Commits(lineage, commits) = marked else { return Ok(()) };
    if seal.copy || (seal.lineage == lineage && seal.commits >= commits) {
        return Ok(());
    }
    let mark = "if it is an old copy that you put there, take state.mark away";
    let why = if seal.lineage == lineage {
        format!("it has lost its last commits: {} of {commits} are there; {mark}", seal.commits)
    } else {
        format!("it is another database than the one that was here before; {mark}")
    };
    Err(StoreError::Outdated { path: path.to_owned(), why })
}

/// Moves a damaged database out of the way, under a name that says so, with its log and its mark. Returns the new name
/// of the database. Nothing is deleted: what can be read of it by hand is still there.
///
/// # Errors
/// A file cannot be renamed.
pub fn set_aside(dir: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let to = |name: &str| dir.join(format!("{name}.damaged-{stamp}"));
    // The database last: should this be interrupted, it is found damaged again.
    for name in ["state.mark", "state.db-wal", "state.db"] {
        match std::fs::rename(dir.join(name), to(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io(&dir.join(name), error));
            }
            _ => {}
        }
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| StoreError::io(dir, error))?;
    Ok(to("state.db"))
}
