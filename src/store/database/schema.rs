//! The tables of `state.db`, the SQL over them, and the way from one version to the next.
//!
//! There is no index besides each table's key: what is not there cannot be damaged, and everything
//! is read whole at start. Each row ends in `sum`, a checksum of the row; the one row of `seal`
//! holds the number of rows and the sum of sums of each table, so that a row that was changed, lost
//! or put back is found when it is read. SQLite itself checks neither.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Connection, Transaction};

/// `PRAGMA application_id`: "drpf".
pub(super) const APPLICATION: u32 = u32::from_be_bytes(*b"drpf");

/// One step from a version to the next, inside a transaction. One that changes rows must bring
/// their `sum` and the `seal` along.
pub(super) type Migration = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// `MIGRATIONS[n]` leads from version n to n + 1. Version 0 is an empty file.
pub(super) const MIGRATIONS: &[Migration] = &[
    |transaction| transaction.execute_batch(VERSION_1),
    // 2: records may be forgotten (`standing` 4), which earlier versions would take for damage.
    |_| Ok(()),
    // 3: ids and dates from an old feed. Rows without any keep their `sum`.
    |transaction| transaction.execute_batch("ALTER TABLE records ADD COLUMN imported TEXT"),
    // 4: what the file of an article was before it went.
    |transaction| transaction.execute_batch("ALTER TABLE records ADD COLUMN last_file TEXT"),
    // 5: a small body is stored as it is, which earlier versions could not inflate.
    |_| Ok(()),
];

const VERSION_1: &str = "
    CREATE TABLE files(path TEXT PRIMARY KEY, dev INTEGER NOT NULL, ino INTEGER NOT NULL, btime_ns INTEGER NOT NULL,
        len_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, racy INTEGER NOT NULL,
        digest BLOB, kept INTEGER NOT NULL, head TEXT, sketch BLOB, diagnostics TEXT, sum INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE records(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, path TEXT NOT NULL, url TEXT NOT NULL,
        first_seen_us INTEGER NOT NULL, published_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,
        digest BLOB NOT NULL, standing INTEGER NOT NULL, missing_us INTEGER, head TEXT NOT NULL, sketch BLOB NOT NULL,
        sum INTEGER NOT NULL) STRICT;
    CREATE TABLE urls(url TEXT PRIMARY KEY, seq INTEGER NOT NULL, n INTEGER NOT NULL, sum INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE channels(scope TEXT PRIMARY KEY, name TEXT NOT NULL, watermark_us INTEGER NOT NULL,
        modified_us INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE bodies(seq INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
    CREATE TABLE documents(path TEXT PRIMARY KEY, digest BLOB NOT NULL, last_modified_us INTEGER NOT NULL,
        sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE projected(name TEXT PRIMARY KEY, digest BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE seal(one INTEGER PRIMARY KEY, lineage BLOB NOT NULL, commits INTEGER NOT NULL, copy INTEGER NOT NULL,
        tables BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;";

/// A table: its key is the first column, its checksum the last, which is not named here.
#[derive(Debug)]
pub(super) struct Table {
    /// Its place in the seal.
    pub(super) index: usize,
    /// Its name.
    pub(super) name: &'static str,
    columns: &'static [&'static str],
    /// The number of columns at the end that were added later. Where one of those is empty it has
    /// no part in the checksum, so that rows of earlier versions keep theirs.
    added: usize,
}

/// The number of tables that the seal covers.
pub(super) const TABLES: usize = 8;

pub(super) static FILES: Table = Table {
    index: 0,
    name: "files",
    columns: &[
        "path",
        "dev",
        "ino",
        "btime_ns",
        "len_bytes",
        "mtime_ns",
        "ctime_ns",
        "racy",
        "digest",
        "kept",
        "head",
        "sketch",
        "diagnostics",
    ],
    added: 0,
};
pub(super) static RECORDS: Table = Table {
    index: 1,
    name: "records",
    columns: &[
        "seq",
        "id",
        "path",
        "url",
        "first_seen_us",
        "published_us",
        "updated_us",
        "digest",
        "standing",
        "missing_us",
        "head",
        "sketch",
        "imported",
        "last_file",
    ],
    added: 2,
};
pub(super) static URLS: Table =
    Table { index: 2, name: "urls", columns: &["url", "seq", "n"], added: 0 };
pub(super) static CHANNELS: Table = Table {
    index: 3,
    name: "channels",
    columns: &["scope", "name", "watermark_us", "modified_us"],
    added: 0,
};
pub(super) static BODIES: Table =
    Table { index: 4, name: "bodies", columns: &["seq", "body"], added: 0 };
pub(super) static DOCUMENTS: Table = Table {
    index: 5,
    name: "documents",
    columns: &["path", "digest", "last_modified_us"],
    added: 0,
};
pub(super) static SETTINGS: Table =
    Table { index: 6, name: "settings", columns: &["name", "value"], added: 0 };
pub(super) static PROJECTED: Table =
    Table { index: 7, name: "projected", columns: &["name", "digest"], added: 0 };
/// The seal itself is covered by its own checksum alone.
pub(super) static SEAL: Table = Table {
    index: TABLES,
    name: "seal",
    columns: &["one", "lineage", "commits", "copy", "tables"],
    added: 0,
};

static ALL: [&Table; TABLES + 1] =
    [&FILES, &RECORDS, &URLS, &CHANNELS, &BODIES, &DOCUMENTS, &SETTINGS, &PROJECTED, &SEAL];

/// The statements over one table.
pub(super) struct Sql {
    /// The row with a key.
    pub(super) get: String,
    /// Puts a row in place of the one with its key.
    pub(super) put: String,
    /// Takes the row with a key away.
    pub(super) delete: String,
    /// Every row by ascending key.
    pub(super) all: String,
}

static SQL: LazyLock<Vec<Sql>> =
    LazyLock::new(|| ALL.iter().map(|table| Sql::over(table)).collect());

impl Sql {
    fn over(table: &Table) -> Self {
        let Table { name, columns, .. } = table;
        let (key, all) = (columns[0], columns.join(", "));
        let marks = vec!["?"; columns.len() + 1].join(", ");
        Self {
            get: format!("SELECT {all}, sum FROM {name} WHERE {key} = ?"),
            put: format!("INSERT OR REPLACE INTO {name}({all}, sum) VALUES({marks})"),
            delete: format!("DELETE FROM {name} WHERE {key} = ?"),
            all: format!("SELECT {all}, sum FROM {name} ORDER BY {key}"),
        }
    }
}

impl Table {
    /// Its statements.
    pub(super) fn sql(&self) -> &'static Sql {
        &SQL[self.index]
    }

    /// The number of columns of a row, its checksum among them.
    pub(super) fn width(&self) -> usize {
        self.columns.len() + 1
    }

    /// The checksum of a row's cells, without the last.
    pub(super) fn sum(&self, cells: &[Value]) -> i64 {
        let start = mix(0, self.index as u64);
        let first = cells.len().min(self.columns.len() - self.added);
        let (old, added) = cells.split_at(first);
        let mut sum = old.iter().fold(start, feed);
        for (n, cell) in added.iter().enumerate() {
            if *cell != Value::Null {
                sum = feed(mix(sum, n as u64), cell);
            }
        }
        sum.cast_signed()
    }
}

/// Takes a cell in, so that no two rows give the same words.
fn feed(sum: u64, cell: &Value) -> u64 {
    let (kind, content): (u64, &[u8]) = match cell {
        Value::Null => (0, &[]),
        Value::Integer(number) => (1, &number.to_le_bytes()),
        Value::Real(number) => (2, &number.to_le_bytes()),
        Value::Text(text) => (3, text.as_bytes()),
        Value::Blob(blob) => (4, blob),
    };
    let (words, rest) = content.as_chunks::<8>();
    let sum = mix(mix(sum, kind), content.len() as u64);
    let sum = words.iter().fold(sum, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(sum, u64::from_le_bytes(last))
}

/// Each step is a bijection of the sum and of the word, so that a change of one word alone is
/// always seen. It guards against accidents of the disk, not against an enemy, and has to keep up
/// with reading a hundred thousand rows.
fn mix(sum: u64, word: u64) -> u64 {
    let product =
        (sum ^ word).wrapping_add(0x2545_f491_4f6c_dd1d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 32)
}

/// Whether there is no table at all.
pub(super) fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", (), |row| row.get(0))
}

/// The version of the database, and whose it says it is.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<(u32, u32)> {
    let user_version = pragma(connection, "user_version")?;
    Ok((user_version as u32, pragma(connection, "application_id")? as u32))
}

/// The value of a pragma that is a number.
pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Leads the database from version `from` through `migrations`, in one transaction that `finish`
/// ends.
pub(super) fn migrate(
    connection: &mut Connection,
    from: u32,
    migrations: &[Migration],
    finish: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for migration in &migrations[from as usize..] {
        migration(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64)?;
    finish(&transaction)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_fit_the_tables() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS, |_| Ok(())).unwrap();
        assert_eq!(version(&connection).unwrap(), (MIGRATIONS.len() as u32, APPLICATION));
        for (n, table) in ALL.iter().enumerate() {
            assert_eq!(table.index, n);
            for sql in [&table.sql().get, &table.sql().put, &table.sql().delete, &table.sql().all] {
                connection.prepare(sql).unwrap();
            }
            let columns = connection
                .prepare(&format!("SELECT * FROM {}", table.name))
                .unwrap()
                .column_count();
            assert_eq!(columns, table.width(), "{}", table.name);
        }
    }

    #[test]
    fn no_two_rows_have_one_sum() {
        let rows = [
            vec![Value::Null, Value::Text("a".into())],
            vec![Value::Text("a".into()), Value::Null],
            vec![Value::Text("a".into())],
            vec![Value::Blob(b"a".into())],
            vec![Value::Text(String::new()), Value::Text("a".into())],
            vec![Value::Integer(97)],
            vec![],
        ];
        let mut sums: Vec<i64> =
            rows.iter().flat_map(|row| [FILES.sum(row), URLS.sum(row)]).collect();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), rows.len() * 2);
    }
}
