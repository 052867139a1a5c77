//! What proves that the database is whole and not an older one of itself.
//!
//! Owns the `seal` row, which each commit rewrites, and the file `state.mark` beside the database, which holds the
//! number of the last commit. SQLite silently goes back to an older commit where its log is damaged, and silently
//! makes an empty database where its file is missing or empty; neither passes the mark. The mark is written after a
//! commit and without a sync: it may lag behind the database after a power cut, and is never ahead of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rusqlite::types::Value;
use rustix::fs::OFlags;

use super::lock::give_to_owner;
use super::rows::{Cells, int};
use super::schema::{SEAL, TABLES, Table};

/// The number of rows of a table, and the sum of their checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Total {
    /// Rows.
    pub(super) rows: u64,
    sum: i64,
}

impl Total {
    /// One more row.
    pub(super) fn add(&mut self, sum: i64) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(sum);
    }

    /// One row less.
    pub(super) fn subtract(&mut self, sum: i64) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(sum);
    }

    /// Both together.
    pub(super) fn join(&mut self, other: Total) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    /// Made at random with the database, for ever.
    pub(super) lineage: [u8; 16],
    /// How many commits it has had.
    pub(super) commits: u64,
    /// Is this a backup that has not been written to since? It may be older than the mark.
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

    /// Do both stand for the same rows?
    pub(super) fn same_rows(&self, other: &Seal) -> bool {
        self.lineage == other.lineage && self.tables == other.tables
    }

    /// The one row of its table, with its checksum.
    pub(super) fn cells(&self) -> Cells {
        let tables = self
            .tables
            .iter()
            .flat_map(|total| [total.rows.to_le_bytes(), total.sum.to_le_bytes()]);
        let mut cells = vec![
            int(1),
            Value::Blob(self.lineage.to_vec()),
            int(self.commits.cast_signed()),
            int(self.copy.into()),
            Value::Blob(tables.flatten().collect()),
        ];
        cells.push(int(SEAL.sum(&cells)));
        cells
    }

    /// The seal that `cells` say; `None` where they are not a whole one.
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
        let mut seal = Self::new(lineage.as_slice().try_into().ok()?);
        seal.commits = commits.cast_unsigned();
        seal.copy = *copy != 0;
        for (total, bytes) in seal.tables.iter_mut().zip(tables.chunks_exact(16)) {
            total.rows = u64::from_le_bytes(bytes[..8].try_into().ok()?);
            total.sum = i64::from_le_bytes(bytes[8..].try_into().ok()?);
        }
        (tables.len() == TABLES * 16 && *sum == SEAL.sum(rest)).then_some(seal)
    }
}

/// What `state.mark` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marked {
    /// There is no mark: there never was a state here, or someone took the mark away on purpose.
    Nothing,
    /// There was a state; the mark is torn, and does not say which.
    Something,
    /// The database of this lineage had at least so many commits.
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

    /// Opens the mark at `path`, and makes it say durably what the database is; where it does, that costs nothing.
    pub(super) fn open(path: &Path, seal: &Seal, marked: Marked) -> io::Result<Self> {
        let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(no_follow)
            .open(path)?;
        if let Some(dir) = path.parent() {
            give_to_owner(&file, dir);
        }
        let mark = Self(file);
        if marked == Marked::Commits(seal.lineage, seal.commits) {
            return Ok(mark);
        }
        mark.note(seal)?;
        mark.0.set_len(print(seal).len() as u64)?;
        mark.0.sync_all()?;
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(mark)
    }

    /// Notes the last commit. No sync: a mark that lags proves less, and nothing wrong.
    pub(super) fn note(&self, seal: &Seal) -> io::Result<()> {
        self.0.write_all_at(print(seal).as_bytes(), 0)
    }
}

/// One line of fixed length: `dropfeed state <lineage> <commits>`.
fn print(seal: &Seal) -> String {
    format!("dropfeed state {:032x} {:020}\n", u128::from_be_bytes(seal.lineage), seal.commits)
}

fn parse(bytes: &[u8]) -> Option<Marked> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (lineage, commits) =
        text.strip_prefix("dropfeed state ")?.strip_suffix('\n')?.split_once(' ')?;
    let whole = lineage.len() == 32 && commits.len() == 20;
    let lineage = u128::from_str_radix(lineage, 16).ok().filter(|_| whole)?;
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
        for torn in ["", &text[..text.len() - 1], &text[1..], &text.replace('a', "x"), "\0\0\0"] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(Mark::read(&path).unwrap(), Marked::Something, "{torn:?}");
        }
    }
}
