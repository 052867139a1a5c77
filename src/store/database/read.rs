//! Reads rows of the database, and compares each with its checksum and all of them with the seal.

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use rusqlite::{Connection, ErrorCode, Rows};

use crate::store::StoreError;

use super::rows::{self, Cells, Malformed, Value};
use super::schema::{self, Table};
use super::seal::{Seal, Total};

/// Rows that are decoded at a time by one thread.
const CHUNK_ROWS: usize = 2048;

/// Chunks that are read and not decoded yet, at most: few are in memory at once.
const CHUNKS_MAX: usize = 2;

/// An error inside the database; [`at_path`] adds the name of the file.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite's own.
    Sql(rusqlite::Error),
    /// The database is not as it was committed: a sentence for an operator.
    Damaged(String),
    /// A value that cannot be stored. The database is sound.
    Unwritable(Malformed),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// The decoded rows of one chunk of a table, and their total.
type Part<T> = Result<(Vec<T>, Total), Trouble>;

/// Every row of a table, compared with the seal.
pub(super) fn all<T: Send>(
    connection: &Connection,
    seal: &Seal,
    table: &'static Table,
    decode: fn(Cells) -> Result<T, Malformed>,
) -> Result<Vec<T>, Trouble> {
    let mut items = Vec::new();
    stream(connection, seal, table, decode, &mut |part| items.extend(part))?;
    items.shrink_to_fit();
    Ok(items)
}

/// Gives every row of a table to `take`, in parts and in the order of the keys, and compares all of
/// them with the seal at the end. Rows are read, decoded and taken side by side: a start waits for
/// all of it.
pub(super) fn stream<T: Send>(
    connection: &Connection,
    seal: &Seal,
    table: &'static Table,
    decode: fn(Cells) -> Result<T, Malformed>,
    take: &mut (dyn FnMut(Vec<T>) + Send),
) -> Result<(), Trouble> {
    let mut statement = connection.prepare_cached(&table.sql().all)?;
    let mut rows = statement.query(())?;
    let first = chunk(&mut rows, table)?;
    let mut line = Line { table, decode, ready: Vec::new(), total: Total::default(), take };
    if first.len() < CHUNK_ROWS {
        // Most tables are not worth a thread.
        line.add(first)?;
    } else {
        thread::scope(|threads| {
            let (send, chunks) = mpsc::sync_channel(CHUNKS_MAX);
            let line = &mut line;
            let taken =
                threads.spawn(move || chunks.into_iter().try_for_each(|rows| line.add(rows)));
            let mut next = first;
            // There is no receiver any more where a row is damaged.
            while !next.is_empty() && send.send(next).is_ok() {
                next = chunk(&mut rows, table)?;
            }
            drop(send);
            taken.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
    }
    if line.finish() != seal.total(table) {
        let why = format!("table {} has lost rows, or has too many", table.name);
        return Err(Trouble::Damaged(why));
    }
    Ok(())
}

/// The next rows, as many as are decoded at a time; fewer at the end.
fn chunk(rows: &mut Rows<'_>, table: &Table) -> Result<Vec<Cells>, Trouble> {
    let mut chunk = Vec::new();
    while chunk.len() < CHUNK_ROWS
        && let Some(row) = rows.next()?
    {
        chunk.push(cells(row, table)?);
    }
    Ok(chunk)
}

/// Rows on their way from the database to who takes them.
struct Line<'a, T> {
    table: &'static Table,
    decode: fn(Cells) -> Result<T, Malformed>,
    /// Rows that are decoded, and taken while the next ones are decoded.
    ready: Vec<T>,
    total: Total,
    take: &'a mut (dyn FnMut(Vec<T>) + Send),
}

impl<T: Send> Line<'_, T> {
    fn add(&mut self, rows: Vec<Cells>) -> Result<(), Trouble> {
        let Self { table, decode, take, .. } = self;
        let ready = std::mem::take(&mut self.ready);
        let (decoded, ()) = rayon::join(|| decoded(table, rows, *decode), || take(ready));
        let (rows, sum) = decoded?;
        self.total.join(sum);
        self.ready = rows;
        Ok(())
    }

    /// Has the last rows taken, and returns the total of all.
    fn finish(self) -> Total {
        (self.take)(self.ready);
        self.total
    }
}

/// The row of a table with this key, compared with its checksum.
pub(super) fn one<T>(
    connection: &Connection,
    table: &Table,
    key: &Value,
    decode: fn(Cells) -> Result<T, Malformed>,
) -> Result<Option<T>, Trouble> {
    let mut statement = connection.prepare_cached(&table.sql().get)?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (mut items, _) = decoded(table, vec![cells(row, table)?], decode)?;
    Ok(items.pop())
}

fn decoded<T>(
    table: &Table,
    rows: Vec<Cells>,
    decode: fn(Cells) -> Result<T, Malformed>,
) -> Part<T> {
    let mut total = Total::default();
    let mut items = Vec::with_capacity(rows.len());
    for mut cells in rows {
        let sum = cells.pop();
        let expected = table.sum(&cells);
        if sum != Some(rows::int(expected)) {
            return Err(damaged_row(table, "its checksum is wrong"));
        }
        total.add(expected);
        match decode(cells) {
            Ok(item) => items.push(item),
            Err(Malformed(why)) => return Err(damaged_row(table, &why)),
        }
    }
    Ok((items, total))
}

fn damaged_row(table: &Table, why: &str) -> Trouble {
    Trouble::Damaged(format!("a row of table {}: {why}", table.name))
}

pub(super) fn cells(row: &rusqlite::Row<'_>, table: &Table) -> rusqlite::Result<Cells> {
    (0..table.width()).map(|column| row.get(column)).collect()
}

pub(super) fn quick_check(connection: &Connection) -> Result<(), Trouble> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Trouble::Damaged(found)) }
}

pub(super) fn seal(connection: &Connection) -> Result<Seal, Trouble> {
    let mut statement = connection.prepare_cached(&schema::SEAL.sql().get)?;
    let mut rows = statement.query([1])?;
    let seal = match rows.next()? {
        Some(row) => Seal::read(&cells(row, &schema::SEAL)?),
        None => None,
    };
    seal.ok_or_else(|| Trouble::Damaged("its seal is broken".to_owned()))
}

/// Whether the connection can be used again after the error.
pub(super) fn is_passing(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Sql(error) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ),
        Trouble::Damaged(_) => false,
        Trouble::Unwritable(_) => true,
    }
}

/// The error as users see it, with the name of the file.
pub(super) fn at_path(path: &Path, trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Sql(error) => sql(path, &error),
        Trouble::Damaged(why) => corrupt(path, &why),
        Trouble::Unwritable(Malformed(why)) => StoreError::Io {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, why),
        },
    }
}

/// SQLite's error as users see it.
pub(in crate::store) fn sql(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::InUse { path, pid: None }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            corrupt(&path, &error.to_string())
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        // SQLITE_ERROR is the code when a damaged schema prevents preparing a statement.
        Some(ErrorCode::Unknown) => corrupt(&path, &error.to_string()),
        Some(_) => StoreError::Io { path, source: io::Error::other(error.to_string()) },
        // Not SQLite's error but rusqlite's: a cell of another type, or text that is not UTF-8.
        None => corrupt(&path, &error.to_string()),
    }
}

pub(in crate::store) fn corrupt(path: &Path, why: &str) -> StoreError {
    StoreError::Corrupt { path: path.to_owned(), why: why.to_owned() }
}
