//! The readers' statistics on disk: `readers.db` in the state directory, beside the engine's
//! database.
//!
//! Sums only: days, feeds, names of aggregators, numbers. Made where readers are counted and
//! nowhere else. Losing it loses no id and no URL, so a damaged file is moved aside, and a new one is begun.
//! The lock of the state directory guards it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rusqlite::{Connection, Transaction, params};

use crate::store::StoreError;
use crate::store::database::read::{corrupt, sql};

use super::Side;
use crate::base::Format;
use crate::readers::history::DAYS_MAX;
use crate::readers::{Day, History, Tally};

/// The name of the file.
const FILE: &str = "readers.db";

const SIDE: Side = Side { file: FILE, version: 1, schema: SCHEMA };

/// A row without aggregator and format has the direct readers; one without a feed says that the day
/// was counted, though nobody read. A day is text, as in ISO 8601, so that
/// days are in their order.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS readers (\
    day TEXT NOT NULL, feed TEXT NOT NULL, aggregator TEXT NOT NULL, format TEXT NOT NULL, \
    count INTEGER NOT NULL, PRIMARY KEY (day, feed, aggregator, format)) STRICT, WITHOUT ROWID";

/// The file of the readers' statistics, open.
#[derive(Debug)]
pub struct ReadersFile {
    path: PathBuf,
    connection: Connection,
}

impl ReadersFile {
    /// Whether readers were ever counted with this state directory.
    pub fn exists(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Opens the file in the state directory, which this process has locked; makes it where there
    /// is none.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is not what was written, [`StoreError::Newer`] where a
    /// later version wrote it, or those of the disk.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let (path, connection) = SIDE.open(dir)?;
        Ok(Self { path, connection })
    }

    /// Reads everything.
    ///
    /// # Errors
    /// As [`ReadersFile::open`].
    pub fn load(&self) -> Result<History, StoreError> {
        let rows = self.rows().map_err(|error| sql(&self.path, &error))?;
        let mut days: BTreeMap<Date, Day> = BTreeMap::new();
        for Row { day, feed, aggregator, format, count } in rows {
            let (Ok(day), Ok(count)) = (day.parse(), u64::try_from(count)) else {
                return Err(corrupt(&self.path, "a row is not one of dropfeed's"));
            };
            let figures = days.entry(day).or_default();
            if feed.is_empty() {
                continue;
            }
            let tally = figures.entry(feed).or_default();
            match format_of(&format) {
                Some(format) => {
                    tally.subscribers.insert((aggregator, format), count);
                }
                None => tally.direct = count,
            }
        }
        Ok(History::new(days))
    }

    fn rows(&self) -> rusqlite::Result<Vec<Row>> {
        let text = "SELECT day, feed, aggregator, format, count FROM readers";
        let mut statement = self.connection.prepare(text)?;
        let rows = statement.query_map((), |row| {
            Ok(Row {
                day: row.get(0)?,
                feed: row.get(1)?,
                aggregator: row.get(2)?,
                format: row.get(3)?,
                count: row.get(4)?,
            })
        })?;
        rows.collect()
    }

    /// Replaces what is known of a day, durably, and deletes days that are too old.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn save(&mut self, date: Date, day: &Day) -> Result<(), StoreError> {
        self.replace(date, day).map_err(|error| sql(&self.path, &error))
    }

    fn replace(&mut self, date: Date, day: &Day) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let text = date.to_string();
        transaction.execute("DELETE FROM readers WHERE day = ?", [&text])?;
        for (feed, tally) in day {
            insert(&transaction, &text, feed, tally)?;
        }
        if day.is_empty() {
            transaction.execute("INSERT INTO readers VALUES (?, '', '', '', 0)", [&text])?;
        }
        transaction.execute(
            "DELETE FROM readers WHERE day NOT IN \
             (SELECT DISTINCT day FROM readers ORDER BY day DESC LIMIT ?)",
            [DAYS_MAX as u32],
        )?;
        transaction.commit()
    }
}

/// A row as it is stored.
struct Row {
    day: String,
    feed: String,
    aggregator: String,
    format: String,
    count: i64,
}

fn insert(
    transaction: &Transaction<'_>,
    day: &str,
    feed: &str,
    tally: &Tally,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached("INSERT INTO readers VALUES (?, ?, ?, ?, ?)")?;
    if tally.direct > 0 {
        statement.execute(params![day, feed, "", "", stored(tally.direct)])?;
    }
    for ((aggregator, format), number) in &tally.subscribers {
        statement.execute(params![day, feed, aggregator, format.name(), stored(*number)])?;
    }
    Ok(())
}

/// A number as SQLite stores it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn format_of(name: &str) -> Option<Format> {
    Format::ALL.into_iter().find(|format| format.name() == name)
}

/// Moves a damaged file aside, in place of one that was moved aside before. Returns its new name.
///
/// # Errors
/// It cannot be renamed.
pub fn set_aside_readers(dir: &Path) -> Result<PathBuf, StoreError> {
    SIDE.set_aside(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn day(feed: &str, direct: u64, feedly: u64) -> Day {
        let mut tally = Tally { direct, ..Tally::default() };
        tally.subscribers.insert(("Feedly".to_owned(), Format::Rss), feedly);
        tally.subscribers.insert(("Feedly".to_owned(), Format::Json), 1);
        Day::from([(feed.to_owned(), tally)])
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let temp = crate::store::test_directory();
        assert!(!ReadersFile::exists(temp.path()));
        let mut file = ReadersFile::open(temp.path()).unwrap();
        let (first, second) = (date("2026-11-28"), date("2026-11-29"));
        file.save(first, &day("/", 3, 16)).unwrap();
        file.save(second, &day("/a/", 3, 16)).unwrap();
        // The last figures of a day replace the earlier ones.
        file.save(second, &day("/b/", u64::MAX, 2)).unwrap();
        file.save(date("2026-11-27"), &Day::new()).unwrap();
        drop(file);
        let history = ReadersFile::open(temp.path()).unwrap().load().unwrap();
        assert_eq!(history.day(first), Some(&day("/", 3, 16)));
        let most = u64::try_from(i64::MAX).unwrap();
        assert_eq!(history.day(second), Some(&day("/b/", most, 2)));
        // Nobody read on this day, and on the one before nothing was counted.
        assert_eq!(history.day(date("2026-11-27")), Some(&Day::new()));
        assert_eq!(history.day(date("2026-11-26")), None);
    }

    #[test]
    fn a_year_is_kept() {
        let temp = crate::store::test_directory();
        let mut file = ReadersFile::open(temp.path()).unwrap();
        let mut last = date("2024-01-01");
        for _ in 0..DAYS_MAX + 3 {
            file.save(last, &day("/", 1, 0)).unwrap();
            last = last.tomorrow().unwrap();
        }
        assert_eq!(file.rows().unwrap().len(), DAYS_MAX * 3);
        assert_eq!(file.load().unwrap().first(), Some(date("2024-01-04")));
    }

    #[test]
    fn what_is_not_ours_is_an_error_and_can_be_moved_aside() {
        for bytes in
            [&b"not a database, but long enough to be taken for the head of one "[..], b"x"]
        {
            let temp = crate::store::test_directory();
            std::fs::write(temp.path().join(FILE), bytes.repeat(100)).unwrap();
            let error = ReadersFile::open(temp.path()).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            let aside = set_aside_readers(temp.path()).unwrap();
            assert_eq!(std::fs::read(aside).unwrap(), bytes.repeat(100));
            assert_eq!(ReadersFile::open(temp.path()).unwrap().load().unwrap(), History::default());
        }
        let temp = crate::store::test_directory();
        let file = ReadersFile::open(temp.path()).unwrap();
        let row = "INSERT INTO readers VALUES ('no day', '/', '', '', 1)";
        file.connection.execute_batch(row).unwrap();
        assert!(matches!(file.load(), Err(StoreError::Corrupt { .. })));
        file.connection.execute_batch("PRAGMA user_version = 2").unwrap();
        assert!(matches!(ReadersFile::open(temp.path()), Err(StoreError::Newer { found: 2, .. })));
    }
}
