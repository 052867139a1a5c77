//! Small databases beside the engine's in the state directory. Losing one loses no id and no URL,
//! so that a damaged file is moved aside, and a new one is begun. The lock of the state directory guards
//! them.

pub mod publisher;
pub mod readers;
pub mod subscriptions;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::database::open::canonical;
use super::database::read::sql;
use super::lock::give_to_owner;

/// A database: the name of its file, and the version and text of its schema.
#[derive(Debug, Clone, Copy)]
struct Side {
    file: &'static str,
    version: u32,
    schema: &'static str,
}

impl Side {
    /// Opens the file in the state directory, which this process has locked; makes it where there
    /// is none.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is not what was written, [`StoreError::Newer`] where a
    /// later version wrote it, or those of the disk.
    fn open(&self, dir: &Path) -> Result<(PathBuf, Connection), StoreError> {
        let path = dir.join(self.file);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(|error| StoreError::io(&path, error))?;
        give_to_owner(&file, dir);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(canonical(&path)?, flags);
        let connection = connection.map_err(|error| sql(&path, &error))?;
        let found = self.configure(&connection).map_err(|error| sql(&path, &error))?;
        if found > self.version {
            return Err(StoreError::Newer { path, found, known: self.version });
        }
        Ok((path, connection))
    }

    fn configure(&self, connection: &Connection) -> rusqlite::Result<u32> {
        connection.execute_batch(
            "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; \
             PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -256;",
        )?;
        let found = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
        if found == 0 {
            let (schema, version) = (self.schema, self.version);
            // All or nothing: a crash in between must not leave a file that is never made whole.
            connection.execute_batch(&format!(
                "BEGIN; {schema}; PRAGMA user_version = {version}; COMMIT;"
            ))?;
        }
        Ok(found)
    }

    /// Moves a damaged file aside, in place of one that was moved aside before. Returns its new
    /// name.
    ///
    /// # Errors
    /// It cannot be renamed.
    fn set_aside(&self, dir: &Path) -> Result<PathBuf, StoreError> {
        let (from, to) = (dir.join(self.file), dir.join(format!("{}.damaged", self.file)));
        // What SQLite would roll back belongs to the damaged file.
        let _ = fs::remove_file(dir.join(format!("{}-journal", self.file)));
        fs::rename(&from, &to).map_err(|error| StoreError::io(&from, error))?;
        Ok(to)
    }
}
