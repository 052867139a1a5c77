//! The seal and the mark: proofs that the database is whole and is not an older version of itself.
//!
//! Owns the `seal` row, which each commit rewrites, and the file `state.mark` beside the database,
//! which holds the number of the last commit. SQLite silently goes back to an older commit if its
//! log is damaged, and silently makes an empty database if its file is missing or empty; the mark
//! reveals both. It is written after a commit and without a sync: after a power cut it may be
//! behind the database, and it is never ahead of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rusqlite::types::Value;
use rustix::fs::OFlags;

use crate::store::lock::give_to_owner;

use super::rows::{Cells, int};
use super::schema::{SEAL, TABLES, Table};

/// The number of rows of a table, and the sum of their checksums. A sum does not depend on the
/// order, so it can be kept up to date row by row; it wraps around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Total {
    /// Number of rows.
    pub(super) rows: u64,
    sum: i64,
}

impl Total {
    /// Adds a row.
    pub(super) fn add(&mut self, sum: i64) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(sum);
    }

    /// Removes a row.
    pub(super) fn subtract(&mut self, sum: i64) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(sum);
    }

    /// Adds the rows of another part of the same table.
    pub(super) fn join(&mut self, other: Total) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The database's description of itself: one row, rewritten by each commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    /// Random bytes, made with the database: no other database has the same.
    pub(super) lineage: [u8; 16],
    /// Number of commits since it was made.
    pub(super) commits: u64,
    /// Whether this is a backup that has not been written to since. It may be older than the mark.
    pub(super) copy: bool,
    tables: [Total; TABLES],
}

impl Seal {
    /// The seal of an empty database.
    pub(super) fn new(lineage: [u8; 16]) -> Self {
        Self { lineage, commits: 0, copy: false, tables: [Total::default(); TABLES] }
    }

    /// The total of a table.
    pub(super) fn total(&self, table: &Table) -> Total {
        self.tables[table.index]
    }

    /// The total of a table, to be changed.
    pub(super) fn total_mut(&mut self, table: &Table) -> &mut Total {
        &mut self.tables[table.index]
    }

    /// Whether both describe the same rows. The number of commits may differ.
    pub(super) fn same_rows(&self, other: &Seal) -> bool {
        self.lineage == other.lineage && self.tables == other.tables
    }

    /// The one row of its table, with its checksum.
    pub(super) fn cells(&self) -> Cells {
        let mut tables = Vec::with_capacity(TABLES * 16);
        for total in &self.tables {
            tables.extend_from_slice(&total.rows.to_le_bytes());
            tables.extend_from_slice(&total.sum.to_le_bytes());
        }
        let mut cells = vec![
            int(1),
            Value::Blob(self.lineage.to_vec()),
            int(self.commits.cast_signed()),
            int(self.copy.into()),
            Value::Blob(tables),
        ];
        // The seal proves the other tables, and its own checksum proves the seal.
        cells.push(int(SEAL.sum(&cells)));
        cells
    }

    /// The seal of its cells; `None` if they are damaged.
    pub(super) fn read(cells: &[Value]) -> Option<Self> {
        let (Value::Integer(sum), rest) = cells.split_last()? else { return None };
        let [
            Value::Integer(1),
            Value::Blob(lineage),
            Value::Integer(commits),
            Value::Integer(copy),
            Value::Blob(tables),
        ] = rest
        else {
            return None;
        };
        if tables.len() != TABLES * 16 || *sum != SEAL.sum(rest) {
            return None;
        }
        let mut seal = Self::new(lineage.as_slice().try_into().ok()?);
        seal.commits = commits.cast_unsigned();
        seal.copy = *copy != 0;
        for (total, bytes) in seal.tables.iter_mut().zip(tables.chunks_exact(16)) {
            total.rows = u64::from_le_bytes(bytes[..8].try_into().ok()?);
            total.sum = i64::from_le_bytes(bytes[8..].try_into().ok()?);
        }
        Some(seal)
    }
}

/// The content of `state.mark`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marked {
    /// There is no mark: there never was a state here, or an operator removed the mark on purpose.
    Nothing,
    /// The mark is incomplete: there was a state, but it is not known which.
    Something,
    /// The lineage of the database, and the number of commits that it had at least.
    Commits([u8; 16], u64),
}

/// The file `state.mark`, open.
#[derive(Debug)]
pub(super) struct Mark(File);

impl Mark {
    /// Reads the mark at `path`.
    pub(super) fn read(path: &Path) -> io::Result<Marked> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(parse(&bytes).unwrap_or(Marked::Something)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Marked::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Opens the mark at `path`, and writes the database's lineage and commits durably, unless it
    /// has them already.
    pub(super) fn open(path: &Path, seal: &Seal, marked: Marked) -> io::Result<Self> {
        let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow);
        let file = options.open(path)?;
        if let Some(dir) = path.parent() {
            give_to_owner(&file, dir);
        }
        let mark = Self(file);
        if marked == Marked::Commits(seal.lineage, seal.commits) {
            return Ok(mark);
        }
        mark.note(seal)?;
        // The rest of a longer text, which somebody may have written there, is cut off.
        mark.0.set_len(print(seal).len() as u64)?;
        mark.0.sync_all()?;
        // A new mark needs its directory entry on disk too.
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(mark)
    }

    /// Writes the number of the last commit, without a sync: an older mark proves less, but nothing
    /// wrong, and a second sync would double the time of a commit.
    pub(super) fn note(&self, seal: &Seal) -> io::Result<()> {
        self.0.write_all_at(print(seal).as_bytes(), 0)
    }
}

/// One line, `dropfeed state <lineage> <commits>`, of fixed length, so that writing it over the
/// earlier one leaves nothing of that.
fn print(seal: &Seal) -> String {
    format!("dropfeed state {:032x} {:020}\n", u128::from_be_bytes(seal.lineage), seal.commits)
}

fn parse(bytes: &[u8]) -> Option<Marked> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (lineage, commits) =
        text.strip_prefix("dropfeed state ")?.strip_suffix('\n')?.split_once(' ')?;
    if lineage.len() != 32 || commits.len() != 20 {
        return None;
    }
    let lineage = u128::from_str_radix(lineage, 16).ok()?;
    Some(Marked::Commits(lineage.to_be_bytes(), commits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_read_back_or_not_at_all() {
        let mut seal = Seal::new([7; 16]);
        seal.commits = 12;
        seal.tables[3].add(-5);
        let cells = seal.cells();
        assert_eq!(Seal::read(&cells), Some(seal));
        for n in 0..cells.len() {
            let mut broken = cells.clone();
            broken[n] = int(3);
            assert_eq!(Seal::read(&broken), None, "cell {n}");
        }
    }

    #[test]
    fn a_mark_is_nothing_something_or_a_number() {
        let temp = crate::store::test_directory();
        let path = temp.path().join("state.mark");
        assert_eq!(Mark::read(&path).unwrap(), Marked::Nothing);
        let mut seal = Seal::new([0xab; 16]);
        let mark = Mark::open(&path, &seal, Marked::Nothing).unwrap();
        seal.commits = 41;
        mark.note(&seal).unwrap();
        assert_eq!(Mark::read(&path).unwrap(), Marked::Commits([0xab; 16], 41));
        let text = std::fs::read_to_string(&path).unwrap();
        let short = "dropfeed state abababababababababababababababab 41\n";
        for torn in [short, "dropfeed state ab 00000000000000000041\n"] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(Mark::read(&path).unwrap(), Marked::Something, "{torn:?}");
        }
        for torn in ["", &text[..text.len() - 1], &text[1..], &text.replace('a', "x"), "\0\0\0"] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(Mark::read(&path).unwrap(), Marked::Something, "{torn:?}");
        }
    }
}
