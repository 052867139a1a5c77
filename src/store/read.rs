//! Rows out of the database, each compared with its checksum and all of them with the seal.

use std::io;
use std::path::Path;
use std::sync::mpsc;

use rusqlite::{Connection, ErrorCode};

use super::StoreError;
use super::rows::{self, Cells, Malformed};
use super::schema::{self, Table};
use super::seal::{Seal, Total};

/// Rows that are decoded at a time by one thread.
const CHUNK_ROWS: usize = 4096;

/// What went wrong inside, before it is at_path with a file's name.
#[derive(Debug)]
pub(super) enum Trouble {
    Sql(rusqlite::Error),
    Damaged(String),
    Unwritable(Malformed),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Some rows of a table, and what they come to.
type Part<T> = Result<(Vec<T>, Total), Trouble>;

/// Every row of a table, decoded by other threads while this one goes on reading, and compared with the seal.
pub(super) fn all<T: Send>(
    connection: &Connection,
    seal: &Seal,
    table: &'static Table,
    decode: fn(Cells) -> Result<T, Malformed>,
) -> Result<Vec<T>, Trouble> {
    let (send, parts) = mpsc::channel();
    rayon::in_place_scope(|scope| {
        let mut statement = connection.prepare_cached(&table.sql().all)?;
        let mut rows = statement.query(())?;
        let mut chunk = Vec::new();
        for n in 0.. {
            while chunk.len() < CHUNK_ROWS
                && let Some(row) = rows.next()?
            {
                chunk.push(cells(row, table)?);
            }
            if chunk.is_empty() {
                break;
            }
            let (full, send) = (std::mem::take(&mut chunk), send.clone());
            // The receiver outlives the scope, so the sending cannot fail.
            scope.spawn(move |_| drop(send.send((n, decoded(table, full, decode)))));
        }
        Ok::<(), rusqlite::Error>(())
    })?;
    drop(send);
    let mut parts: Vec<(u64, Part<T>)> = parts.into_iter().collect();
    parts.sort_unstable_by_key(|(n, _)| *n);
    let (mut items, mut total) = (Vec::with_capacity(parts.len() * CHUNK_ROWS), Total::default());
    for (_, part) in parts {
        let (part, sum) = part?;
        items.extend(part);
        total.join(sum);
    }
    if total != seal.total(table) {
        return Err(Trouble::Damaged(format!(
            "rows of table {} are missing, or too many",
            table.name
        )));
    }
    items.shrink_to_fit();
    Ok(items)
}

fn decoded<T>(
    table: &Table,
    rows: Vec<Cells>,
    decode: fn(Cells) -> Result<T, Malformed>,
) -> Part<T> {
    let damaged = |why: &str| Trouble::Damaged(format!("a row of table {}: {why}", table.name));
    let mut total = Total::default();
    let mut items = Vec::with_capacity(rows.len());
    for mut cells in rows {
        let sum = cells.pop();
        let expected = table.sum(&cells);
        if sum != Some(rows::int(expected)) {
            return Err(damaged("it does not have its checksum"));
        }
        total.add(expected);
        items.push(decode(cells).map_err(|Malformed(why)| damaged(&why))?);
    }
    Ok((items, total))
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
    let found = rows.next()?.map(|row| cells(row, &schema::SEAL)).transpose()?;
    found
        .and_then(|cells| Seal::read(&cells))
        .ok_or_else(|| Trouble::Damaged("its seal is broken".to_owned()))
}

/// Does the error leave the connection as it was?
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

pub(super) fn sql(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::InUse { path, pid: None }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            corrupt(&path, &error.to_string())
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        // What a damaged schema says when a statement is prepared.
        Some(ErrorCode::Unknown) => corrupt(&path, &error.to_string()),
        Some(_) => StoreError::Io { path, source: io::Error::other(error.to_string()) },
        // No error of SQLite's: a cell of another type, or text that is not UTF-8.
        None => corrupt(&path, &error.to_string()),
    }
}

pub(super) fn corrupt(path: &Path, why: &str) -> StoreError {
    StoreError::Corrupt { path: path.to_owned(), why: why.to_owned() }
}
