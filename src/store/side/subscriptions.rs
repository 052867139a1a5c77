//! The subscriptions of the own hub on disk: `hub.db` in the state directory, beside the engine's
//! database.
//!
//! It has the secrets of subscribers, and is readable by its owner only. Losing it loses no id and
//! no URL: subscribers ask again when their lease ends. So a damaged file is moved aside, and
//! another one is begun. The lock of the state directory guards it. Made where the hub is on, and
//! nowhere else.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, params};
use url::Url;

use crate::store::StoreError;
use crate::store::database::read::{corrupt, sql};

use super::Side;
use crate::base::{Digest, Route, Timestamp};
use crate::push::hub::callback::Callback;
use crate::push::hub::{Effect, Failing, Kind, Mode, Pending, Request, Secret, Subscription};

/// Times are in microseconds since 1970. `has` is a digest of 32 bytes, or NULL: for a
/// subscription, it is owed the present version.
const SIDE: Side = Side {
    file: "hub.db",
    version: 1,
    schema: "CREATE TABLE subscriptions (\
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, topic TEXT NOT NULL, route TEXT NOT NULL, \
        callback TEXT NOT NULL, secret TEXT, expires INTEGER NOT NULL, has BLOB, \
        since INTEGER, last INTEGER, attempts INTEGER, next INTEGER) STRICT; \
        CREATE TABLE pending (\
        id INTEGER PRIMARY KEY, mode TEXT NOT NULL, kind TEXT NOT NULL, topic TEXT NOT NULL, \
        route TEXT NOT NULL, callback TEXT NOT NULL, secret TEXT, lease INTEGER NOT NULL, \
        challenge TEXT NOT NULL, has BLOB) STRICT",
};

/// The rows that were stored: the subscriptions, and the requests that are not confirmed.
type Stored = (Vec<Subscription>, Vec<Pending>);

/// What a write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut.
    Synced,
    /// The end of the process. After [`SubscriptionsFile::sync`] a power cut, too.
    Written,
}

/// The file of the subscriptions, open.
#[derive(Debug)]
pub struct SubscriptionsFile {
    path: PathBuf,
    connection: Connection,
}

impl SubscriptionsFile {
    /// Opens the file in the state directory, which this process has locked; makes it where there
    /// is none.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is not what was written, [`StoreError::Newer`] where a
    /// later version wrote it, or those of the disk.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let (path, connection) = SIDE.open(dir)?;
        // A copy from a backup may be readable by others, and there are secrets in it.
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).map_err(|error| StoreError::io(&path, error))?;
        // A log, so that a commit costs one sync; what was deleted is overwritten.
        let settings = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; \
                        PRAGMA journal_size_limit = 4194304; PRAGMA secure_delete = ON";
        connection.execute_batch(settings).map_err(|error| sql(&path, &error))?;
        Ok(Self { path, connection })
    }

    /// Reads everything.
    ///
    /// # Errors
    /// As [`SubscriptionsFile::open`].
    pub fn load(&self) -> Result<Stored, StoreError> {
        let error = |error| sql(&self.path, &error);
        let subscriptions =
            self.rows("SELECT * FROM subscriptions", subscription).map_err(error)?;
        let pending = self.rows("SELECT * FROM pending ORDER BY id", pending).map_err(error)?;
        match (whole(subscriptions), whole(pending)) {
            (Some(subscriptions), Some(pending)) => Ok((subscriptions, pending)),
            _ => Err(corrupt(&self.path, "a row is not one of dropfeed's")),
        }
    }

    fn rows<T>(
        &self,
        text: &str,
        read: fn(&Row<'_>) -> rusqlite::Result<Option<T>>,
    ) -> rusqlite::Result<Vec<Option<T>>> {
        let mut statement = self.connection.prepare(text)?;
        let rows = statement.query_map((), read)?;
        rows.collect()
    }

    /// Writes the effects that store something: all of them, or none.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn write(&mut self, effects: &[Effect], durability: Durability) -> Result<(), StoreError> {
        self.try_write(effects, durability).map_err(|error| sql(&self.path, &error))
    }

    /// Replaces everything by what these effects store, and syncs it.
    ///
    /// # Errors
    /// On any error nothing has changed.
    pub fn replace(&mut self, effects: &[Effect]) -> Result<(), StoreError> {
        self.try_replace(effects).map_err(|error| sql(&self.path, &error))
    }

    /// Syncs what was written.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sync(&self) -> Result<(), StoreError> {
        let log = self.path.with_file_name(format!("{}-wal", SIDE.file));
        let synced = File::open(&log).and_then(|file| file.sync_data());
        synced.map_err(|error| StoreError::io(&log, error))
    }

    fn try_replace(&mut self, effects: &[Effect]) -> rusqlite::Result<()> {
        self.set_durability(Durability::Synced)?;
        let transaction = self.connection.transaction()?;
        transaction.execute_batch("DELETE FROM subscriptions; DELETE FROM pending")?;
        apply(&transaction, effects)?;
        transaction.commit()
    }

    fn set_durability(&self, durability: Durability) -> rusqlite::Result<()> {
        let value = match durability {
            Durability::Synced => "FULL",
            Durability::Written => "NORMAL",
        };
        self.connection.pragma_update(None, "synchronous", value)
    }

    fn try_write(&mut self, effects: &[Effect], durability: Durability) -> rusqlite::Result<()> {
        self.set_durability(durability)?;
        let transaction = self.connection.transaction()?;
        apply(&transaction, effects)?;
        transaction.commit()
    }
}

fn apply(transaction: &Transaction<'_>, effects: &[Effect]) -> rusqlite::Result<()> {
    for effect in effects {
        match effect {
            Effect::Await(pending) => insert_pending(transaction, pending)?,
            Effect::Save(subscription) => insert(transaction, subscription)?,
            Effect::Owe(ids) => {
                let text = "UPDATE subscriptions SET has = NULL WHERE id = ?";
                let mut statement = transaction.prepare_cached(text)?;
                for id in ids {
                    statement.execute([stored(*id)])?;
                }
            }
            Effect::Settled(id) => {
                let mut statement =
                    transaction.prepare_cached("DELETE FROM pending WHERE id = ?")?;
                statement.execute([stored(*id)])?;
            }
            Effect::Forget(id, _) => {
                let mut statement =
                    transaction.prepare_cached("DELETE FROM subscriptions WHERE id = ?")?;
                statement.execute([stored(*id)])?;
            }
            Effect::Answer(_) | Effect::Verify(_) | Effect::Deliver(_) | Effect::Deny(_) => {}
        }
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, row: &Subscription) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        stored(row.id),
        row.kind.name(),
        &*row.topic,
        row.route.to_string(),
        &*row.callback,
        row.secret.as_ref().map(Secret::reveal),
        row.expires.as_microsecond(),
        row.has.as_ref().map(|has| has.as_bytes().as_slice()),
        row.failing.map(|failing| failing.since.as_microsecond()),
        row.failing.map(|failing| failing.last.as_microsecond()),
        row.failing.map(|failing| failing.attempts),
        row.failing.map(|failing| failing.next.as_microsecond()),
    ])?;
    Ok(())
}

fn insert_pending(transaction: &Transaction<'_>, row: &Pending) -> rusqlite::Result<()> {
    let mut statement = transaction
        .prepare_cached("INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let request = &row.request;
    statement.execute(params![
        stored(row.id),
        request.mode.name(),
        request.kind.name(),
        &*request.topic,
        request.route.to_string(),
        &*request.callback,
        request.secret.as_ref().map(Secret::reveal),
        request.lease_s,
        &*row.challenge,
        row.has.as_ref().map(|has| has.as_bytes().as_slice()),
    ])?;
    Ok(())
}

/// The columns that both tables have. `None`: a value is not one of dropfeed's.
struct Common {
    id: u64,
    kind: Kind,
    topic: Arc<str>,
    route: Route,
    callback: Callback,
    secret: Option<Secret>,
    has: Option<Digest>,
}

fn common(row: &Row<'_>) -> rusqlite::Result<Option<Common>> {
    let id = u64::try_from(row.get::<_, i64>("id")?).ok();
    let kind = kind_of(&row.get::<_, String>("kind")?);
    let topic = Arc::from(row.get::<_, String>("topic")?);
    let route = Route::parse(&row.get::<_, String>("route")?);
    let callback = callback_of(&row.get::<_, String>("callback")?);
    let secret = row.get::<_, Option<String>>("secret")?.as_deref().map(Secret::new);
    let has = digest(row.get("has")?);
    if let (Some(id), Some(kind), Some(route), Some(callback), Some(has)) =
        (id, kind, route, callback, has)
    {
        return Ok(Some(Common { id, kind, topic, route, callback, secret, has }));
    }
    Ok(None)
}

fn subscription(row: &Row<'_>) -> rusqlite::Result<Option<Subscription>> {
    let expires = time(row.get("expires")?);
    let failing = failing(row)?;
    let (Some(common), Some(expires), Some(failing)) = (common(row)?, expires, failing) else {
        return Ok(None);
    };
    let Common { id, kind, topic, route, callback, secret, has } = common;
    let Callback { url: callback, host } = callback;
    let subscription =
        Subscription { id, kind, topic, route, callback, host, secret, expires, has, failing };
    Ok(Some(subscription))
}

/// The failures of a subscription, which may have none; the outer `None`: a time is not one.
fn failing(row: &Row<'_>) -> rusqlite::Result<Option<Option<Failing>>> {
    let since: Option<i64> = row.get("since")?;
    let last: Option<i64> = row.get("last")?;
    let attempts: Option<u32> = row.get("attempts")?;
    let next: Option<i64> = row.get("next")?;
    let (Some(since), Some(last), Some(attempts), Some(next)) = (since, last, attempts, next)
    else {
        return Ok(Some(None));
    };
    if let (Some(since), Some(last), Some(next)) = (time(since), time(last), time(next)) {
        return Ok(Some(Some(Failing { since, last, attempts, next })));
    }
    Ok(None)
}

fn pending(row: &Row<'_>) -> rusqlite::Result<Option<Pending>> {
    let mode = mode_of(&row.get::<_, String>("mode")?);
    let lease_s: u32 = row.get("lease")?;
    let challenge = Arc::from(row.get::<_, String>("challenge")?);
    let (Some(common), Some(mode)) = (common(row)?, mode) else { return Ok(None) };
    let Common { id, kind, topic, route, callback, secret, has } = common;
    let Callback { url: callback, host } = callback;
    let request = Request { mode, kind, topic, route, callback, host, secret, lease_s };
    Ok(Some(Pending { id, request, challenge, has }))
}

/// All of them, or none if one could not be read.
fn whole<T>(rows: Vec<Option<T>>) -> Option<Vec<T>> {
    rows.into_iter().collect()
}

/// A number as SQLite stores it.
fn stored(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn time(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

fn kind_of(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn mode_of(name: &str) -> Option<Mode> {
    [Mode::Subscribe, Mode::Unsubscribe].into_iter().find(|mode| mode.name() == name)
}

fn callback_of(url: &str) -> Option<Callback> {
    Callback::of(&Url::parse(url).ok()?)
}

/// A digest, which may be missing; `None` if it is not one.
fn digest(bytes: Option<Vec<u8>>) -> Option<Option<Digest>> {
    match bytes {
        None => Some(None),
        Some(bytes) => Some(Some(Digest::from_bytes(bytes.try_into().ok()?))),
    }
}

/// Moves a damaged file aside, in place of one that was moved aside before. Returns its new name.
///
/// # Errors
/// It cannot be renamed.
pub fn set_aside_subscriptions(dir: &Path) -> Result<PathBuf, StoreError> {
    // What SQLite would replay belongs to the damaged file.
    let _ = std::fs::remove_file(dir.join(format!("{}-wal", SIDE.file)));
    SIDE.set_aside(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::hub::model::Ending;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn row(id: u64) -> Subscription {
        let url = Url::parse(&format!("https://reader.example/{id}?a=b")).unwrap();
        let found = Callback::of(&url).unwrap();
        Subscription {
            id,
            kind: Kind::WebSub,
            topic: Arc::from("https://example.org/tags/r%C3%BCst/atom.xml"),
            route: Route::parse("/tags/r%C3%BCst/atom.xml").unwrap(),
            callback: found.url,
            host: found.host,
            secret: Some(Secret::new("s ü")),
            expires: at(1_900_000_000),
            has: Some(Digest::of(b"a")),
            failing: None,
        }
    }

    fn asked(id: u64) -> Pending {
        let Subscription { kind, topic, route, callback, host, secret, .. } = row(id);
        let mode = Mode::Unsubscribe;
        let request = Request { mode, kind, topic, route, callback, host, secret, lease_s: 3600 };
        Pending { id, request, challenge: Arc::from("c"), has: None }
    }

    #[test]
    fn what_is_written_is_loaded() {
        let temp = crate::store::test_directory();
        let mut file = SubscriptionsFile::open(temp.path()).unwrap();
        let mode = std::fs::metadata(temp.path().join(SIDE.file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let failing = Failing { since: at(1), last: at(2), attempts: 3, next: at(4) };
        let second = Subscription {
            secret: None,
            has: None,
            failing: Some(failing),
            kind: Kind::CloudOfDomain,
            ..row(2)
        };
        let effects = [
            Effect::Save(Arc::new(row(1))),
            Effect::Save(Arc::new(second.clone())),
            Effect::Save(Arc::new(row(3))),
            Effect::Await(Arc::new(asked(4))),
            Effect::Await(Arc::new(asked(5))),
        ];
        file.write(&effects, Durability::Synced).unwrap();
        let effects = [
            Effect::Owe(vec![1]),
            Effect::Forget(3, Ending::Gone),
            Effect::Settled(5),
            Effect::Answer(Ok(())),
        ];
        file.write(&effects, Durability::Written).unwrap();
        file.sync().unwrap();
        let loaded = file.load().unwrap();
        assert_eq!(loaded.0, [Subscription { has: None, ..row(1) }, second.clone()]);
        assert_eq!(loaded.1, [asked(4)]);
        file.replace(&[Effect::Save(Arc::new(row(9)))]).unwrap();
        assert_eq!(file.load().unwrap(), (vec![row(9)], Vec::new()));
        file.replace(&[
            Effect::Save(Arc::new(Subscription { has: None, ..row(1) })),
            Effect::Save(Arc::new(second.clone())),
            Effect::Await(Arc::new(asked(4))),
        ])
        .unwrap();
        drop(file);
        let (subscriptions, pending) =
            SubscriptionsFile::open(temp.path()).unwrap().load().unwrap();
        assert_eq!(subscriptions, [Subscription { has: None, ..row(1) }, second]);
        assert_eq!(pending, [asked(4)]);
    }

    #[test]
    fn what_is_not_ours_is_an_error_and_can_be_moved_aside() {
        let temp = crate::store::test_directory();
        std::fs::write(temp.path().join(SIDE.file), b"not a database".repeat(100)).unwrap();
        let error = SubscriptionsFile::open(temp.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        let aside = set_aside_subscriptions(temp.path()).unwrap();
        assert_eq!(std::fs::read(aside).unwrap(), b"not a database".repeat(100));
        let file = SubscriptionsFile::open(temp.path()).unwrap();
        let row = "INSERT INTO pending VALUES (1, 'x', 'websub', '', '/', '', NULL, 1, '', NULL)";
        file.connection.execute_batch(row).unwrap();
        assert!(matches!(file.load(), Err(StoreError::Corrupt { .. })));
        file.connection.execute_batch("PRAGMA user_version = 2").unwrap();
        drop(file);
        let opened = SubscriptionsFile::open(temp.path());
        assert!(matches!(opened, Err(StoreError::Newer { found: 2, .. })));
    }
}
