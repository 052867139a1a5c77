//! What was pushed to whom: `push.db` in the state directory, beside the engine's database.
//!
//! Made where something is pushed and nowhere else. What is still to be pushed is not in it: it
//! follows from the feeds, and from what was pushed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::StoreError;
use crate::store::database::read::{corrupt, sql};

use super::Side;
use crate::base::Digest;
use crate::push::publisher::Topic;

/// `hub`: the hubs that were ever known, also those that were notified of nothing. `told`: the
/// digest of a feed's bytes of which a hub was notified last. `bell`: the last publication number
/// that a bell of `[notify]` is done with.
const SCHEMA: &str = "CREATE TABLE hub (url TEXT PRIMARY KEY) STRICT, WITHOUT ROWID; \
    CREATE TABLE told (hub TEXT NOT NULL, topic TEXT NOT NULL, digest BLOB NOT NULL, \
    PRIMARY KEY (hub, topic)) STRICT, WITHOUT ROWID; \
    CREATE TABLE bell (name TEXT PRIMARY KEY, done INTEGER NOT NULL) STRICT, WITHOUT ROWID";

const SIDE: Side = Side { file: "push.db", version: 1, schema: SCHEMA };

/// The digests of the feeds that a hub was notified of.
pub type Told = HashMap<Topic, Digest>;

/// The file, open.
#[derive(Debug)]
pub struct PublisherFile {
    path: PathBuf,
    connection: Connection,
}

impl PublisherFile {
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

    /// Forgets all hubs but these: one that comes back is a new one.
    ///
    /// # Errors
    /// As [`PublisherFile::open`].
    pub fn keep_hubs(&mut self, hubs: &[String]) -> Result<(), StoreError> {
        let known = self.run(|connection| {
            let mut statement = connection.prepare("SELECT url FROM hub")?;
            let urls = statement.query_map((), |row| row.get::<_, String>(0))?;
            urls.collect::<rusqlite::Result<Vec<String>>>()
        })?;
        self.change(|connection| {
            for url in known.iter().filter(|url| !hubs.contains(url)) {
                connection.execute("DELETE FROM told WHERE hub = ?", [url])?;
                connection.execute("DELETE FROM hub WHERE url = ?", [url])?;
            }
            Ok(())
        })
    }

    /// The digests that a hub was notified of; `None` for a hub that is not known.
    ///
    /// # Errors
    /// As [`PublisherFile::open`].
    pub fn told(&self, hub: &str) -> Result<Option<Told>, StoreError> {
        let rows = self.run(|connection| {
            let is_known = connection
                .query_row("SELECT 1 FROM hub WHERE url = ?", [hub], |_| Ok(()))
                .optional()?;
            if is_known.is_none() {
                return Ok(None);
            }
            let mut statement =
                connection.prepare("SELECT topic, digest FROM told WHERE hub = ?")?;
            let rows = statement.query_map([hub], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map(Some)
        })?;
        let Some(rows) = rows else { return Ok(None) };
        let mut told = Told::new();
        for (topic, digest) in rows {
            let Ok(digest) = <[u8; 32]>::try_from(digest) else {
                return Err(corrupt(&self.path, "a row is not one of dropfeed's"));
            };
            told.insert(topic.into(), Digest::from_bytes(digest));
        }
        Ok(Some(told))
    }

    /// Remembers, durably, that a hub was notified of these feeds.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn remember(&mut self, hub: &str, told: &[(Topic, Digest)]) -> Result<(), StoreError> {
        self.change(|connection| {
            connection.execute("INSERT OR IGNORE INTO hub VALUES (?)", [hub])?;
            let text = "INSERT OR REPLACE INTO told VALUES (?, ?, ?)";
            let mut statement = connection.prepare_cached(text)?;
            for (topic, digest) in told {
                statement.execute(params![hub, &**topic, digest.as_bytes().as_slice()])?;
            }
            Ok(())
        })
    }

    /// Forgets feeds that a hub was notified of.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn forget(&mut self, hub: &str, topics: &[Topic]) -> Result<(), StoreError> {
        self.change(|connection| {
            let text = "DELETE FROM told WHERE hub = ? AND topic = ?";
            let mut statement = connection.prepare_cached(text)?;
            for topic in topics {
                statement.execute(params![hub, &**topic])?;
            }
            Ok(())
        })
    }

    /// The last publication number that a bell is done with; `None` for a new bell.
    ///
    /// # Errors
    /// As [`PublisherFile::open`].
    pub fn done(&self, bell: &str) -> Result<Option<u64>, StoreError> {
        let text = "SELECT done FROM bell WHERE name = ?";
        let done = self.run(|connection| {
            connection.query_row(text, [bell], |row| row.get::<_, i64>(0)).optional()
        })?;
        match done.map(u64::try_from) {
            None => Ok(None),
            Some(Ok(done)) => Ok(Some(done)),
            Some(Err(_)) => Err(corrupt(&self.path, "a row is not one of dropfeed's")),
        }
    }

    /// Remembers, durably, that a bell is done with everything up to a publication number.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn set_done(&mut self, bell: &str, done: u64) -> Result<(), StoreError> {
        let done = i64::try_from(done).unwrap_or(i64::MAX);
        self.change(|connection| {
            connection.execute("INSERT OR REPLACE INTO bell VALUES (?, ?)", params![bell, done])?;
            Ok(())
        })
    }

    /// Forgets bells: the next start finds new ones.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn forget_bells(&mut self) -> Result<(), StoreError> {
        self.change(|connection| connection.execute("DELETE FROM bell", ()).map(|_| ()))
    }

    fn run<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        read(&self.connection).map_err(|error| sql(&self.path, &error))
    }

    /// Makes a change as one transaction.
    fn change(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let path = &self.path;
        let changed = self.connection.transaction().and_then(|transaction| {
            change(&transaction)?;
            transaction.commit()
        });
        changed.map_err(|error| sql(path, &error))
    }
}

/// Moves a damaged file aside, in place of one that was moved aside before. Returns its new name.
///
/// # Errors
/// It cannot be renamed.
pub fn set_aside_publisher(dir: &Path) -> Result<PathBuf, StoreError> {
    SIDE.set_aside(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "https://hub.example/";

    fn feeds(texts: &[(&str, &str)]) -> Vec<(Topic, Digest)> {
        texts.iter().map(|(topic, text)| ((*topic).into(), Digest::of(text.as_bytes()))).collect()
    }

    fn told(dir: &Path, hub: &str) -> Option<Told> {
        PublisherFile::open(dir).unwrap().told(hub).unwrap()
    }

    #[test]
    fn what_is_remembered_is_told() {
        let temp = crate::store::test_directory();
        let mut file = PublisherFile::open(temp.path()).unwrap();
        file.remember(HUB, &feeds(&[("/a", "1"), ("/b", "1")])).unwrap();
        file.remember(HUB, &feeds(&[("/a", "2")])).unwrap();
        file.remember("https://other.example/", &[]).unwrap();
        drop(file);
        let expected: Told = feeds(&[("/a", "2"), ("/b", "1")]).into_iter().collect();
        assert_eq!(told(temp.path(), HUB), Some(expected));
        // Known, but notified of nothing.
        assert_eq!(told(temp.path(), "https://other.example/"), Some(Told::new()));
        assert_eq!(told(temp.path(), "https://new.example/"), None);
        let mut file = PublisherFile::open(temp.path()).unwrap();
        file.forget(HUB, &["/a".into(), "/c".into()]).unwrap();
        let expected: Told = feeds(&[("/b", "1")]).into_iter().collect();
        assert_eq!(told(temp.path(), HUB), Some(expected));
        file.keep_hubs(&["https://other.example/".to_owned()]).unwrap();
        assert_eq!(told(temp.path(), HUB), None);
        assert!(told(temp.path(), "https://other.example/").is_some());
    }

    #[test]
    fn bells_are_remembered() {
        let temp = crate::store::test_directory();
        let mut file = PublisherFile::open(temp.path()).unwrap();
        assert_eq!(file.done("webhook").unwrap(), None);
        file.set_done("webhook", 7).unwrap();
        file.set_done("webhook", 8).unwrap();
        file.set_done("command", 0).unwrap();
        drop(file);
        let mut file = PublisherFile::open(temp.path()).unwrap();
        let done =
            |file: &PublisherFile| ["webhook", "command"].map(|bell| file.done(bell).unwrap());
        assert_eq!(done(&file), [Some(8), Some(0)]);
        file.forget_bells().unwrap();
        assert_eq!(done(&file), [None, None]);
    }

    #[test]
    fn what_is_not_ours_is_an_error_and_can_be_moved_aside() {
        let temp = crate::store::test_directory();
        let mut file = PublisherFile::open(temp.path()).unwrap();
        file.remember(HUB, &feeds(&[("/a", "1")])).unwrap();
        file.connection.execute_batch("UPDATE told SET digest = x'00'").unwrap();
        assert!(matches!(file.told(HUB), Err(StoreError::Corrupt { .. })));
        drop(file);
        std::fs::write(temp.path().join("push.db"), "no database".repeat(99)).unwrap();
        let error = PublisherFile::open(temp.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        let aside = set_aside_publisher(temp.path()).unwrap();
        assert_eq!(aside, temp.path().join("push.db.damaged"));
        assert_eq!(told(temp.path(), HUB), None);
    }
}
