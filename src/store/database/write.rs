//! One transaction over the database: changes rows, keeps the seal in step, and notes how each row
//! was before.
//!
//! Never opens files or connections; `database` does.

use rayon::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};

use crate::base::UrlPath;
use crate::library::Seq;

use super::read::{self, Trouble};
use super::rows::{self, Cells, Malformed};
use super::schema::{self, Table};
use super::seal::Seal;

/// Rows that are encoded at a time.
const CHUNK_ROWS: usize = 4096;

/// Fewer rows than this are not worth another thread.
const PARALLEL_ROWS_MIN: usize = 64;

/// A row as it was before a commit.
#[derive(Debug)]
pub(super) struct Undo {
    table: &'static Table,
    key: Value,
    before: Option<Cells>,
}

/// Runs one transaction over a database that `seal` describes, and returns its new seal.
///
/// `undo` gets every changed row as it was before. It is needed when the commit reports an error
/// and has happened all the same, as after an error of the disk.
///
/// # Errors
/// Those of `changes` and of SQLite.
pub(super) fn attempt(
    connection: &mut Connection,
    seal: Seal,
    undo: &mut Vec<Undo>,
    changes: impl FnOnce(&mut Writer<'_>) -> Result<(), Trouble>,
) -> Result<Seal, Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut writer = Writer { transaction, before: seal.clone(), seal, undo };
    changes(&mut writer)?;
    // Nothing was changed, so there is nothing to sync; dropping the transaction ends it.
    if writer.seal == writer.before {
        return Ok(writer.seal);
    }
    let Writer { transaction, mut seal, .. } = writer;
    seal.commits += 1;
    seal.copy = false;
    transaction.prepare_cached(&schema::SEAL.sql().put)?.execute(params_from_iter(seal.cells()))?;
    transaction.commit()?;
    Ok(seal)
}

/// A change of one row.
pub(super) enum Change {
    /// A row with its checksum, to insert or to replace the one with its key.
    Put(Cells),
    /// A row without a checksum, whose cell at this place stays as it was.
    PutBut(usize, Cells),
    /// The key of a row to delete.
    Forget(Value),
}

/// Whether a row with the key of a change may exist.
#[derive(Clone, Copy)]
enum Earlier {
    /// It may, and has to be looked for.
    Possible,
    /// It cannot, which saves the lookup.
    Impossible,
}

impl Change {
    /// A row of `table` to put; its checksum is added.
    pub(super) fn put(table: &Table, mut cells: Cells) -> Result<Self, Malformed> {
        let sum = table.sum(&cells);
        cells.push(rows::int(sum));
        Ok(Self::Put(cells))
    }
}

/// A transaction that has begun.
pub(super) struct Writer<'c> {
    transaction: Transaction<'c>,
    /// The tables as they are now.
    pub(super) seal: Seal,
    /// The tables as they were at the beginning.
    before: Seal,
    undo: &'c mut Vec<Undo>,
}

impl Writer<'_> {
    /// Applies the change that `encode` makes of each item. The items have ascending, distinct
    /// keys, so that SQLite appends to its pages instead of splitting them.
    pub(super) fn put_all<T: Sync>(
        &mut self,
        table: &'static Table,
        items: &[T],
        encode: impl Fn(&T) -> Result<Change, Malformed> + Sync,
    ) -> Result<(), Trouble> {
        // Distinct keys cannot meet a row in a table that was empty: a first scan needs no lookups.
        let earlier = match self.before.total(table).rows {
            0 => Earlier::Impossible,
            _ => Earlier::Possible,
        };
        // In chunks, so that the encoded rows of a first scan are not all in memory at once.
        for chunk in items.chunks(CHUNK_ROWS) {
            let changes: Result<Vec<Change>, Malformed> = if chunk.len() < PARALLEL_ROWS_MIN {
                chunk.iter().map(&encode).collect()
            } else {
                chunk.par_iter().map(&encode).collect()
            };
            for change in changes.map_err(Trouble::Unwritable)? {
                self.apply(table, change, earlier)?;
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        table: &'static Table,
        change: Change,
        earlier: Earlier,
    ) -> Result<(), Trouble> {
        let key = match &change {
            Change::Put(cells) | Change::PutBut(_, cells) => cells[0].clone(),
            Change::Forget(key) => key.clone(),
        };
        let before = match earlier {
            Earlier::Possible => self.get(table, &key)?,
            Earlier::Impossible => None,
        };
        let change = match change {
            Change::PutBut(place, mut cells) => {
                let Some(before) = &before else { return Err(Trouble::Unwritable(without(table))) };
                cells[place] = before[place].clone();
                Change::put(table, cells).map_err(Trouble::Unwritable)?
            }
            change => change,
        };
        match change {
            Change::PutBut(..) => {}
            Change::Put(cells) if before.as_ref() == Some(&cells) => return Ok(()),
            Change::Put(cells) => self.put(table, &cells)?,
            Change::Forget(_) if before.is_none() => return Ok(()),
            Change::Forget(key) => self.delete(table, &key)?,
        }
        if let Some(cells) = &before {
            self.seal.total_mut(table).subtract(sum_of(cells)?);
        }
        self.undo.push(Undo { table, key, before });
        Ok(())
    }

    /// Gives a URL to an article, unless the URL has an owner: a URL is given once.
    pub(super) fn claim(&mut self, url: &UrlPath, seq: Seq) -> Result<(), Trouble> {
        let table = &schema::URLS;
        if self.get(table, &rows::text(url.as_str()))?.is_some() {
            return Ok(());
        }
        // URLs are never deleted, so their number is the next place in the order.
        let n = self.seal.total(table).rows;
        let change = Change::put(table, rows::url(url, seq, n)).map_err(Trouble::Unwritable)?;
        self.apply(table, change, Earlier::Impossible)
    }

    /// Puts a row back as it was.
    pub(super) fn restore(&mut self, undo: &Undo) -> Result<(), Trouble> {
        let change = match &undo.before {
            Some(cells) => Change::Put(cells.clone()),
            None => Change::Forget(undo.key.clone()),
        };
        self.apply(undo.table, change, Earlier::Possible)
    }

    fn get(&self, table: &Table, key: &Value) -> Result<Option<Cells>, Trouble> {
        let mut statement = self.transaction.prepare_cached(&table.sql().get)?;
        let mut rows = statement.query([key])?;
        Ok(rows.next()?.map(|row| read::cells(row, table)).transpose()?)
    }

    fn put(&mut self, table: &Table, cells: &Cells) -> Result<(), Trouble> {
        self.transaction.prepare_cached(&table.sql().put)?.execute(params_from_iter(cells))?;
        self.seal.total_mut(table).add(sum_of(cells)?);
        Ok(())
    }

    fn delete(&mut self, table: &Table, key: &Value) -> Result<(), Trouble> {
        self.transaction.prepare_cached(&table.sql().delete)?.execute([key])?;
        Ok(())
    }
}

/// The items by ascending key; of several with one key the last.
pub(super) fn last<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut sorted: Vec<&T> = items.iter().rev().collect();
    // The sort is stable: of equal keys the last item comes first, and is the one that stays.
    sorted.sort_by_key(|item| key(item));
    sorted.dedup_by(|dropped, kept| key(dropped) == key(kept));
    sorted
}

fn without(table: &Table) -> Malformed {
    Malformed(format!("a new row of table {} lacks a cell", table.name))
}

fn sum_of(cells: &Cells) -> Result<i64, Trouble> {
    match cells.last() {
        Some(Value::Integer(sum)) => Ok(*sum),
        _ => Err(Trouble::Damaged("a row without a checksum".to_owned())),
    }
}
