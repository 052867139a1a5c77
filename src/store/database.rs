//! The ledger in SQLite: one file, one connection, one writer.
//!
//! Owns `state.db`, its log `state.db-wal` and `state.mark` in the locked state directory. The log
//! is written ahead of the data (WAL), and synced at each commit (FULL); the connection is
//! exclusive, so there is no shared-memory file that could be damaged.
//!
//! - A new, empty database is made only where nothing says that there ever was one: no
//!   `state.mark`, no log, and no file or an empty one. To start again, an operator removes the
//!   whole state directory.
//! - Nothing is written to a database before SQLite's `quick_check` has passed; that runs before
//!   the first commit, so that it delays no start.
//! - A failed commit leaves no trace. After an error of the disk the connection is closed, and
//!   opened again at the next use; where the failed commit turns out to be in the log all the same,
//!   its rows are put back as they were.

pub(super) mod open;
pub(super) mod read;
pub mod rows;
mod schema;
mod seal;
mod write;

pub use open::{Upgraded, has_state, set_aside};

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rusqlite::Connection;

use crate::library::{Commit, DocumentRow, Part, Record, Remembered, Seq, Words};
use crate::ops::pulse::Pulse;

use open::{Found, is_absent};
use read::{Trouble, all, at_path, corrupt, is_passing, one, stream};
use schema::{MIGRATIONS, Migration};
use seal::{Mark, Seal};
use write::{Change, Undo, Writer, attempt, last};

use super::{Checked, Lock, Projected, Store, StoreError};

/// A commit of so many records leaves the log to the next one, however large it is.
const MANY_RECORDS: usize = 10_000;

/// The state database. Holds the lock of its directory.
#[derive(Debug)]
pub struct Database {
    /// Held as long as the database is.
    _lock: Lock,
    path: PathBuf,
    /// The connection; `None` after an error, when it is not certain what it sees.
    connection: Option<Connection>,
    /// The file that it is connected to: device and inode.
    file: Option<(u64, u64)>,
    /// The seal of the last successful commit, with which the database is compared.
    seal: Seal,
    /// The changes that take back a commit that failed, should it be there after all.
    undo: Option<Vec<Undo>>,
    /// Whether `quick_check` has passed on this connection.
    checked: bool,
    mark: Mark,
    is_new: bool,
    upgraded: Option<Upgraded>,
    /// Beats when a long statement gets on; `None` if nobody looks.
    pulse: Option<Arc<Pulse>>,
}

impl Database {
    /// Opens the database of the locked directory; makes it where there never was one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is damaged, or gone while something says that it was there;
    /// [`StoreError::Newer`] where a later version wrote it.
    pub fn open(lock: Lock) -> Result<Self, StoreError> {
        Self::open_with(lock, MIGRATIONS)
    }

    fn open_with(lock: Lock, migrations: &[Migration]) -> Result<Self, StoreError> {
        let path = lock.dir().join("state.db");
        let mark_path = lock.dir().join("state.mark");
        let marked = Mark::read(&mark_path).map_err(|error| StoreError::io(&mark_path, error))?;
        let is_new = is_absent(&path)?;
        if is_new {
            open::admit_new(&path, marked)?;
        }
        let mut connection = open::connect(&path)?;
        let found = open::prepare(&mut connection, &path, marked, migrations)?;
        let seal = read::seal(&connection).map_err(|trouble| at_path(&path, trouble))?;
        open::compare(&path, &seal, marked)?;
        let mark = Mark::open(&mark_path, &seal, marked)
            .map_err(|error| StoreError::io(&mark_path, error))?;
        let (connection, file) = (Some(connection), file_at(&path));
        let is_new = matches!(found, Found::Blank);
        let upgraded = match found {
            Found::Older(upgraded) => Some(upgraded),
            Found::Blank | Found::Current => None,
        };
        Ok(Self {
            _lock: lock,
            path,
            connection,
            file,
            seal,
            undo: None,
            checked: is_new,
            mark,
            is_new,
            upgraded,
            pulse: None,
        })
    }

    /// Whether it was made just now. Where `feeds/` shows that there was a state before, ids can be
    /// recovered from there.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether it is a copy that was put in the place of the database, with nothing written since.
    pub fn is_copy(&self) -> bool {
        self.seal.copy
    }

    /// The upgrade that opening it took, if any.
    pub fn upgraded(&self) -> Option<&Upgraded> {
        self.upgraded.as_ref()
    }

    /// The digests and dates of the last hot documents, by the paths of their routes.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn documents(&mut self) -> Result<Vec<(String, DocumentRow)>, StoreError> {
        self.read(|connection, seal| all(connection, seal, &schema::DOCUMENTS, rows::read_document))
    }

    /// Runs `changes` as one transaction. On any error nothing has changed, neither here nor on
    /// disk.
    fn write(
        &mut self,
        changes: impl FnOnce(&mut Writer<'_>) -> Result<(), Trouble>,
    ) -> Result<(), StoreError> {
        self.verified()?;
        let connection = self.connection.as_mut().ok_or_else(|| gone(&self.path))?;
        let mut undo = Vec::new();
        match attempt(connection, self.seal.clone(), &mut undo, changes) {
            Ok(seal) => {
                self.seal = seal;
                // The mark only ever proves that the database is too old. One that lags proves
                // less.
                let _lags = self.mark.note(&self.seal);
                Ok(())
            }
            Err(trouble) => {
                // SQLite has rolled back after a passing error. After any other, the commit may be
                // in the log or not.
                if !is_passing(&trouble) {
                    self.undo = Some(undo);
                    self.connection = None;
                }
                Err(at_path(&self.path, trouble))
            }
        }
    }

    /// A connection that has passed `quick_check`.
    fn verified(&mut self) -> Result<(), StoreError> {
        // What is written to a file that was moved or deleted is lost with it. SQLite leaves the
        // log of a moved file alone when it closes it, so a new file at the path is safe.
        if self.file != file_at(&self.path) {
            self.connection = None;
        }
        self.connected()?;
        if !self.checked {
            let connection = self.connection.as_ref().ok_or_else(|| gone(&self.path))?;
            read::quick_check(connection).map_err(|trouble| at_path(&self.path, trouble))?;
            self.checked = true;
        }
        Ok(())
    }

    /// A connection to the database as it was after the last successful commit.
    fn connected(&mut self) -> Result<(), StoreError> {
        if self.connection.is_some() {
            return Ok(());
        }
        if is_absent(&self.path)? {
            return Err(corrupt(&self.path, "it was taken away"));
        }
        self.checked = false;
        let mut connection = open::connect(&self.path)?;
        self.resolve(&mut connection).map_err(|trouble| at_path(&self.path, trouble))?;
        self.undo = None;
        self.file = file_at(&self.path);
        if let Some(pulse) = &self.pulse {
            open::show_progress(&mut connection, pulse, &self.path)?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// Takes back a commit that failed and is there all the same.
    fn resolve(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let found = read::seal(connection)?;
        if found.same_rows(&self.seal) {
            self.seal = found;
            return Ok(());
        }
        // Only the failed commit itself can be taken back: it is the one after the last.
        let undo = match &self.undo {
            Some(undo) if found.commits == self.seal.commits + 1 => undo,
            _ => return Err(Trouble::Damaged("it was changed by another program".to_owned())),
        };
        read::quick_check(connection)?;
        let seal = attempt(connection, found, &mut Vec::new(), |writer| {
            take_back(writer, undo, &self.seal)
        })?;
        self.seal = seal;
        Ok(())
    }

    /// Runs `read` on a connection; an error other than a passing one closes the connection.
    fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection, &Seal) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.connected()?;
        let connection = self.connection.as_ref().ok_or_else(|| gone(&self.path))?;
        match read(connection, &self.seal) {
            Ok(found) => Ok(found),
            Err(trouble) => {
                if !is_passing(&trouble) {
                    self.connection = None;
                }
                Err(at_path(&self.path, trouble))
            }
        }
    }
}

/// Restores the rows of a failed commit. Its error rolls the restoring back.
fn take_back(writer: &mut Writer<'_>, undo: &[Undo], seal: &Seal) -> Result<(), Trouble> {
    // The last change first: a row may have been changed twice.
    for change in undo.iter().rev() {
        writer.restore(change)?;
    }
    if writer.seal.same_rows(seal) {
        return Ok(());
    }
    Err(Trouble::Damaged("a failed commit could not be taken back".to_owned()))
}

/// The file at `path`: device and inode.
fn file_at(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

impl Store for Database {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        let mut remembered = self.outline()?;
        self.each(&mut |part| match part {
            Part::Records(records) => remembered.records.extend(records),
            Part::Files(files) => remembered.files.extend(files),
        })?;
        Ok(remembered)
    }

    fn outline(&mut self) -> Result<Remembered, StoreError> {
        self.read(|connection, seal| {
            let mut urls = all(connection, seal, &schema::URLS, rows::read_url)?;
            // In the order in which they became public: the first owner of a URL keeps it.
            urls.par_sort_unstable_by_key(|(n, _)| *n);
            let channels = all(connection, seal, &schema::CHANNELS, rows::read_channel)?;
            Ok(Remembered {
                files: Vec::new(),
                records: Vec::new(),
                urls: urls.into_iter().map(|(_, url)| url).collect(),
                channels: channels.into_iter().flatten().collect(),
                bodies: all(connection, seal, &schema::BODIES, rows::read_body)?,
                documents: all(connection, seal, &schema::DOCUMENTS, rows::read_document)?,
                values: all(connection, seal, &schema::SETTINGS, rows::read_setting)?,
            })
        })
    }

    fn each(&mut self, take: &mut (dyn FnMut(Part) + Send)) -> Result<(), StoreError> {
        self.read(|connection, seal| {
            let mut records = |rows| take(Part::Records(rows));
            stream(connection, seal, &schema::RECORDS, rows::read_record, &mut records)?;
            let mut files = |rows| take(Part::Files(rows));
            stream(connection, seal, &schema::FILES, rows::read_file, &mut files)
        })
    }

    fn words(&mut self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        self.read(|connection, _| {
            let mut words = Words::new();
            for seq in seqs {
                let key = rows::int(seq.cast_signed());
                if let Some(found) = one(connection, &schema::RECORDS, &key, rows::read_words)? {
                    words.insert(*seq, found);
                }
            }
            Ok(words)
        })
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        if commit.records.len() < MANY_RECORDS {
            return self.write(|writer| change_all(writer, commit));
        }
        // Readers wait for a commit, and nobody waits for what the next one folds.
        self.read(|connection, _| Ok(open::fold_log_at(connection, None)?))?;
        let done = self.write(|writer| change_all(writer, commit));
        if let Some(connection) = &self.connection {
            // Where it fails, the log is folded when the engine is idle.
            let _grows = open::fold_log_at(connection, Some(open::LOG_PAGES));
        }
        done
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        self.read(|connection, seal| {
            all(connection, seal, &schema::PROJECTED, rows::read_projected)
        })
    }

    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError> {
        self.write(|writer| {
            writer.put_all(&schema::PROJECTED, &last(changes, |row| &row.0), |(name, digests)| {
                match &**digests {
                    [] => Ok(Change::Forget(rows::text(name))),
                    digests => Change::put(&schema::PROJECTED, rows::projected(name, digests)),
                }
            })
        })
    }

    /// Also gives some unused pages back, where there are many.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.read(|connection, _| Ok(open::has_unused_pages(connection)?))? {
            self.verified()?;
            self.read(|connection, _| Ok(open::give_back_pages(connection)?))?;
        }
        self.read(|connection, _| {
            Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))?)
        })
    }

    fn show_life(&mut self, pulse: Arc<Pulse>) {
        if let Some(connection) = &mut self.connection {
            // Without it, a statement that takes very long may pass for one that is stuck.
            let _ = open::show_progress(connection, &pulse, &self.path);
        }
        self.pulse = Some(pulse);
    }

    /// Looks at the file and reads the seal.
    fn probe(&mut self) -> Result<(), StoreError> {
        // SQLite may answer from its memory alone, so the file is looked at as well.
        let _ = file_at(&self.path);
        self.read(|connection, _| read::seal(connection).map(|_| ()))
    }

    /// Makes a copy that can take the place of `state.db` (with `state.db-wal` removed): it is
    /// opened as it is, although it is older.
    fn backup(&mut self, to: &Path) -> Result<(), StoreError> {
        self.connected()?;
        let connection = self.connection.as_ref().ok_or_else(|| gone(&self.path))?;
        open::copy(connection, &self.seal, &self.path, to)
    }

    /// Checks the file as SQLite sees it, and every row as dropfeed reads it.
    fn check(&mut self) -> Result<Checked, StoreError> {
        self.checked = false;
        self.verified()?;
        let Remembered { files, records, urls, .. } = self.load()?;
        self.projected()?;
        Ok(Checked { articles: records.len(), urls: urls.len(), files: files.len() })
    }

    fn records(&mut self) -> Result<Vec<Arc<Record>>, StoreError> {
        self.read(|connection, seal| all(connection, seal, &schema::RECORDS, rows::read_record))
    }
}

/// Writes every change of a commit, table by table.
fn change_all(writer: &mut Writer<'_>, commit: &Commit) -> Result<(), Trouble> {
    let Commit { files, records, words, urls, channels, forgotten, bodies, documents, values } =
        commit;
    writer.put_all(&schema::FILES, &last(files, |row| &row.0), |(path, row)| match row {
        Some(row) => Change::put(&schema::FILES, rows::file(path, row)?),
        None => Ok(Change::Forget(rows::text(path.as_str()))),
    })?;
    writer.put_all(&schema::RECORDS, &last(records, |record| record.seq), |record| match words
        .get(&record.seq)
    {
        Some(words) => Change::put(&schema::RECORDS, rows::record(record, Some(words))?),
        None => Ok(Change::PutBut(rows::RECORD_WORDS, rows::record(record, None)?)),
    })?;
    for (url, seq) in urls {
        writer.claim(url, *seq)?;
    }
    // Forgotten before put: a channel that is forgotten and opened again in one commit stays.
    writer.put_all(&schema::CHANNELS, &last(forgotten, |scope| scope), |scope| {
        Ok(Change::Forget(rows::text(&scope.to_string())))
    })?;
    writer.put_all(&schema::CHANNELS, &last(channels, |row| &row.scope), |row| {
        Change::put(&schema::CHANNELS, rows::channel(row))
    })?;
    writer.put_all(&schema::BODIES, &last(bodies, |row| row.0), |(seq, body)| match body {
        Some(body) => Change::put(&schema::BODIES, rows::body(*seq, body)?),
        None => Ok(Change::Forget(rows::int(seq.cast_signed()))),
    })?;
    writer.put_all(&schema::DOCUMENTS, &last(documents, |row| &row.0), |(path, row)| {
        Change::put(&schema::DOCUMENTS, rows::document(path, row))
    })?;
    writer.put_all(&schema::SETTINGS, &last(values, |row| &row.0), |(name, value)| {
        Change::put(&schema::SETTINGS, rows::setting(name, value))
    })
}

/// The error of a caller that did not connect first.
fn gone(path: &Path) -> StoreError {
    StoreError::Io { path: path.to_owned(), source: io::Error::from(io::ErrorKind::NotConnected) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use proptest::prelude::*;
    use rusqlite::params;

    use super::*;
    use crate::article::{Body, Head, Person, TitleFrom, WordSketch};
    use crate::base::time::Written;
    use crate::base::{Diagnostic, Digest, RelPath, Scope, Timestamp, UrlPath};
    use crate::library::old_feed::{Guid, Imported};
    use crate::library::{ChannelRow, DocumentRow, FileRow, Kept, LastFile, Record, Standing};
    use crate::source::Fingerprint;
    use crate::store::model::Disk;

    fn open_in(dir: &Path) -> Result<Database, StoreError> {
        Database::open(Lock::acquire(dir)?)
    }

    fn bytes(n: u64) -> Digest {
        Digest::of(&n.to_le_bytes())
    }

    fn instant(n: u64) -> Timestamp {
        // From before 1970 to after 2262, with nanoseconds that the store drops.
        Timestamp::from_nanosecond((i128::from(n) - 3) * 3_000_000_000_123_456_789).unwrap()
    }

    fn head(n: u64) -> Arc<Head> {
        let some = |text: &str| (n & 1 == 1).then(|| format!("{text} \"{n}\" ü\u{1f600}"));
        Arc::new(Head {
            title: format!("Title {n}"),
            title_from: if n & 1 == 0 { TitleFrom::Heading } else { TitleFrom::FirstLine },
            published: (n & 2 == 2).then(|| Written::Day("2026-11-20".parse().unwrap())),
            updated: (n & 4 == 4)
                .then(|| Written::Instant("2026-11-20T09:30:00.123456789Z".parse().unwrap())),
            not_before: (n & 8 == 8).then(|| Written::Day("2026-11-21".parse().unwrap())),
            expires: (n & 1 == 1).then(|| Written::Local("2026-11-20T09:30:00".parse().unwrap())),
            authors: vec![Person { name: "Ada".to_owned(), email: some("@"), url: None }],
            tags: (0..n % 3).map(|tag| format!("tag {tag}")).collect(),
            summary: some("s"),
            slug: None,
            path: some("p"),
            id: some("id"),
            aliases: Vec::new(),
            external_url: None,
            canonical: some("c"),
            language: None,
            image: some("i"),
            private_files: (0..n % 3).map(|file| format!("_img/{file}.png")).collect(),
            math: Some(true),
            draft: n & 1 == 1,
            unlisted: false,
            no_feed: n & 2 == 2,
            feed_only: false,
            withheld_below: if n & 2 == 2 { vec!["a/".to_owned()] } else { Vec::new() },
        })
    }

    fn sketch(n: u64) -> Arc<WordSketch> {
        let sample: Vec<u32> = (0..n % 65).map(|hash| u32::MAX - 64 + hash as u32).collect();
        let histogram = if n == 0 {
            Vec::new()
        } else {
            (0..=255).map(|class: u8| class.wrapping_mul(n as u8)).collect()
        };
        Arc::new(WordSketch { words: n as u32, histogram, sample })
    }

    fn file(n: u64) -> FileRow {
        let kept = match n % 5 {
            0 => Kept::Recorded,
            1 => Kept::Article(head(n), sketch(n)),
            2 => Kept::Empty,
            3 => Kept::Linked(RelPath::new(&format!("b/{n}.md")).unwrap()),
            _ => Kept::Refused(
                vec![Diagnostic::error("front-matter", format!("wrong {n}")).at(1, 2)].into(),
            ),
        };
        let fingerprint = Fingerprint {
            dev: u64::MAX - n,
            ino: n,
            btime_ns: -1,
            len_bytes: n,
            mtime_ns: i64::MAX,
            ctime_ns: i64::MIN,
        };
        FileRow { fingerprint, racy: n & 1 == 1, digest: (n & 2 == 2).then(|| bytes(n)), kept }
    }

    fn record(seq: u64, n: u64) -> Arc<Record> {
        let standing = [
            Standing::Public,
            Standing::Withdrawn,
            Standing::Missing(instant(n)),
            Standing::Deleted(None),
            Standing::Deleted(Some(instant(n))),
            Standing::Forgotten,
        ][n as usize % 6];
        Arc::new(Record {
            seq,
            id: format!("urn:{seq}"),
            path: RelPath::new(&format!("a/{seq}\n.md")).unwrap(),
            url: url(n),
            first_seen: instant(n),
            published: instant(n + 1),
            updated: instant(n + 2),
            digest: bytes(n),
            head: head(n),
            standing,
            imported: (n % 3 == 1).then(|| Arc::new(imported(n))),
            last_file: (n % 4 == 2).then(|| last_file(n)),
        })
    }

    fn last_file(n: u64) -> LastFile {
        LastFile { dev: n, ino: u64::MAX, btime_ns: -1, digest: (n & 8 == 8).then(|| bytes(n)) }
    }

    fn imported(n: u64) -> Imported {
        Imported {
            rss: Some(Guid { value: format!("https://e.org/?p={n}&x"), is_permalink: n & 1 == 1 }),
            atom: (n & 2 == 2).then(|| format!("tag:{n}")),
            published: Some(instant(n)).filter(|_| n & 4 == 4),
            is_listed: n & 8 == 8,
            ..Imported::default()
        }
    }

    fn url(n: u64) -> UrlPath {
        UrlPath::new(&format!("größe/{n}?")).unwrap()
    }

    fn scope(n: u64) -> Scope {
        match n % 5 {
            0 => Scope::Site,
            1 => Scope::Directory(url(n)),
            2 => Scope::Tag(UrlPath::new("c++ é").unwrap()),
            3 => Scope::Author(UrlPath::new("ada").unwrap()),
            _ => Scope::View(UrlPath::new("v").unwrap()),
        }
    }

    fn channel(key: u64, n: u64) -> ChannelRow {
        ChannelRow {
            scope: scope(key),
            name: format!("N {n}"),
            watermark: instant(n),
            modified: instant(n + 1),
        }
    }

    fn body(n: u64) -> Arc<Body> {
        Arc::new(Body {
            html: "<p>\u{1}a\u{1}</p>".repeat(n as usize * 10),
            summary: format!("s {n}"),
        })
    }

    /// Adds a record with its words.
    fn add_record(commit: &mut Commit, record: Arc<Record>, n: u64) {
        commit.words.insert(record.seq, sketch(n));
        commit.records.push(record);
    }

    /// The commit with one record for each of these numbers more.
    fn with_records(numbers: impl Iterator<Item = (u64, u64)>, mut commit: Commit) -> Commit {
        numbers.for_each(|(seq, n)| add_record(&mut commit, record(seq, n), n));
        commit
    }

    /// A commit from (key, content) pairs: content 0 takes away where something can be.
    fn commit(pairs: &[(u8, u64, u64)]) -> Commit {
        let mut commit = Commit::default();
        for &(table, key, n) in pairs {
            match table {
                0 => commit
                    .files
                    .push((RelPath::new(&format!("f/{key}")).unwrap(), (n > 0).then(|| file(n)))),
                1 => add_record(&mut commit, record(key, n), n),
                2 => commit.urls.push((url(key), n)),
                3 if n > 0 => commit.channels.push(channel(key, n)),
                3 => commit.forgotten.push(scope(key)),
                4 => commit.bodies.push((key, (n > 0).then(|| body(n)))),
                5 => {
                    let row = DocumentRow { digest: bytes(n), last_modified: instant(n) };
                    commit.documents.push((format!("/{key}/rss.xml"), row));
                }
                _ => commit.values.push((format!("name {key}"), format!("value {n}"))),
            }
        }
        commit
    }

    /// One row and more in each table.
    fn everything(n: u64) -> Commit {
        let pairs: Vec<_> =
            (0..7).flat_map(|table| (1..4).map(move |key| (table, key, key * n))).collect();
        commit(&pairs)
    }

    /// Everything as text, by which two can be compared and a difference be seen.
    fn dump(store: &mut dyn Store) -> Result<String, StoreError> {
        let words = store.words(&(0..1000).collect())?;
        Ok(format!("{:#?}\n{:#?}\n{words:?}", store.load()?, store.projected()?))
    }

    /// The files of a directory in use, as a crash would leave them.
    fn copy_files(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for name in ["state.db", "state.db-wal", "state.mark"] {
            if from.join(name).exists() {
                fs::copy(from.join(name), to.join(name)).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn it_remembers_what_the_model_remembers(
            commits in proptest::collection::vec(proptest::collection::vec((0u8..7, 0u64..4, 0u64..6), 0..12), 1..6),
            projected in proptest::collection::vec((0u64..3, 0u64..3), 0..8),
        ) {
            let temp = crate::store::test_directory();
            let (mut real, mut model) = (open_in(temp.path()).unwrap(), Disk::new().store());
            prop_assert!(real.is_new());
            let mut known = BTreeSet::new();
            for pairs in &commits {
                let mut commit = commit(pairs);
                // A record that was there keeps its words where it comes without.
                commit.words.retain(|seq, words| known.insert(*seq) || words.words % 2 == 0);
                real.commit(&commit).unwrap();
                model.commit(&commit).unwrap();
                prop_assert_eq!(dump(&mut real).unwrap(), dump(&mut model).unwrap());
            }
            for (name, n) in projected {
                let row = [(format!("{name}.xml"), (0..n).map(bytes).collect())];
                real.set_projected(&row).unwrap();
                model.set_projected(&row).unwrap();
            }
            real.checkpoint().unwrap();
            let crashed = temp.path().join("crashed");
            copy_files(temp.path(), &crashed);
            drop(real);
            for dir in [temp.path(), &crashed] {
                let mut real = open_in(dir).unwrap();
                prop_assert!(!real.is_new());
                prop_assert_eq!(dump(&mut real).unwrap(), dump(&mut model).unwrap());
                real.check().unwrap();
            }
        }
    }

    #[test]
    fn many_rows_are_kept_in_order() {
        let temp = crate::store::test_directory();
        let mut store = open_in(temp.path()).unwrap();
        let many = || (1..=9000).rev();
        let urls = many().map(|n| (url(n), n)).collect::<Vec<_>>();
        let commit = Commit { urls: urls.clone(), ..Commit::default() };
        store.commit(&with_records(many().map(|n| (n, n % 8)), commit)).unwrap();
        let found = store.load().unwrap();
        assert_eq!(found.urls, urls);
        assert!(found.records.iter().map(|record| record.seq).eq(1..=9000));
    }

    #[test]
    fn a_full_disk_changes_nothing_and_passes() {
        let temp = crate::store::test_directory();
        let mut store = open_in(temp.path()).unwrap();
        store.commit(&everything(1)).unwrap();
        let before = dump(&mut store).unwrap();
        let limit = |store: &Database, pages: u32| {
            store.connection.as_ref().unwrap().pragma_update(None, "max_page_count", pages).ok();
        };
        limit(&store, 1);
        let large = with_records((1..500).map(|seq| (seq, 7)), everything(2));
        for _ in 0..2 {
            let error = store.commit(&large).unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
            assert_eq!(dump(&mut store).unwrap(), before);
        }
        limit(&store, 1_000_000);
        store.commit(&large).unwrap();
        drop(store);
        assert_eq!(open_in(temp.path()).unwrap().load().unwrap().records.len(), 499);
    }

    /// After a failed sync the log can hold a commit that was at_path to have failed.
    #[test]
    fn a_failed_commit_that_is_there_all_the_same_is_taken_back() {
        let temp = crate::store::test_directory();
        let mut store = open_in(temp.path()).unwrap();
        store.commit(&everything(1)).unwrap();
        let before = dump(&mut store).unwrap();
        let mut undo = Vec::new();
        let changed =
            attempt(store.connection.as_mut().unwrap(), store.seal.clone(), &mut undo, |writer| {
                change_all(writer, &everything(2))
            });
        assert_ne!(changed.unwrap(), store.seal);
        // A way back that is not the whole one is noticed, and nothing is changed by it.
        let rest = undo.split_off(1);
        (store.undo, store.connection) = (Some(undo), None);
        assert!(matches!(store.load(), Err(StoreError::Corrupt { .. })));
        store.undo.as_mut().unwrap().extend(rest);
        assert_eq!(dump(&mut store).unwrap(), before);
        store.commit(&everything(3)).unwrap();
        drop(store);
        let mut model = Disk::new().store();
        model.commit(&everything(1)).unwrap();
        model.commit(&everything(3)).unwrap();
        assert_eq!(dump(&mut open_in(temp.path()).unwrap()).unwrap(), dump(&mut model).unwrap());
    }

    #[test]
    fn a_new_database_is_made_only_where_there_never_was_one() {
        let temp = crate::store::test_directory();
        let make = |name: &str| {
            let dir = temp.path().join(name);
            let mut store = open_in(&dir).unwrap();
            store.commit(&everything(1)).unwrap();
            let live = dir.join("live");
            copy_files(&dir, &live);
            live
        };
        type Harm = fn(&Path);
        let harms: [(&str, Harm); 9] = [
            ("empty", |dir| fs::write(dir.join("state.db"), "").unwrap()),
            ("gone", |dir| fs::remove_file(dir.join("state.db")).unwrap()),
            ("all-but-the-mark", |dir| {
                fs::remove_file(dir.join("state.db")).unwrap();
                fs::remove_file(dir.join("state.db-wal")).unwrap();
            }),
            ("all-but-the-log", |dir| {
                fs::remove_file(dir.join("state.db")).unwrap();
                fs::remove_file(dir.join("state.mark")).unwrap();
            }),
            ("no-log", |dir| fs::remove_file(dir.join("state.db-wal")).unwrap()),
            ("empty-log", |dir| fs::write(dir.join("state.db-wal"), "").unwrap()),
            // With its log such a database is whole again, which is as good.
            ("text", |dir| {
                fs::remove_file(dir.join("state.db-wal")).unwrap();
                fs::write(dir.join("state.db"), "hello".repeat(1000)).unwrap();
            }),
            ("zeros", |dir| {
                fs::remove_file(dir.join("state.db-wal")).unwrap();
                fs::write(dir.join("state.db"), [0; 8192]).unwrap();
            }),
            ("another", |dir| {
                fs::remove_file(dir.join("state.db")).unwrap();
                fs::remove_file(dir.join("state.db-wal")).unwrap();
                Connection::open(dir.join("state.db"))
                    .unwrap()
                    .execute_batch("CREATE TABLE t(a)")
                    .unwrap();
            }),
        ];
        for (name, harm) in harms {
            let dir = make(name);
            harm(&dir);
            let result = open_in(&dir).and_then(|mut store| store.load());
            assert!(
                matches!(result, Err(StoreError::Corrupt { .. })),
                "{name}: {:?}",
                result.map(|_| ())
            );
        }
        let dir = make("begun");
        fs::remove_dir_all(&dir).unwrap();
        assert!(open_in(&dir).unwrap().is_new());
    }

    #[test]
    fn an_older_copy_is_refused_unless_it_is_a_backup() {
        let temp = crate::store::test_directory();
        let dir = temp.path().join("state");
        let mut store = open_in(&dir).unwrap();
        store.commit(&everything(1)).unwrap();
        let then = dump(&mut store).unwrap();
        let (backup, plain) = (temp.path().join("backup.db"), temp.path().join("plain.db"));
        store.backup(&backup).unwrap();
        assert!(store.backup(&backup).is_err());
        drop(store);
        fs::copy(dir.join("state.db"), &plain).unwrap();
        open_in(&dir).unwrap().commit(&everything(2)).unwrap();

        fs::copy(&plain, dir.join("state.db")).unwrap();
        let error = open_in(&dir).unwrap_err();
        assert!(error.to_string().contains("1 of 2 are there"), "{error}");

        fs::copy(&backup, dir.join("state.db")).unwrap();
        let mut store = open_in(&dir).unwrap();
        assert_eq!(dump(&mut store).unwrap(), then);
        store.commit(&everything(3)).unwrap();
        assert!(!store.seal.copy);
        drop(store);
        assert_eq!(open_in(&dir).unwrap().load().unwrap().records.len(), 3);
    }

    #[test]
    fn a_migration_keeps_a_copy_and_a_newer_version_is_refused() {
        let temp = crate::store::test_directory();
        let mut store = open_in(temp.path()).unwrap();
        store.commit(&everything(1)).unwrap();
        let before = dump(&mut store).unwrap();
        drop(store);
        let lock = || Lock::acquire(temp.path()).unwrap();

        let known = MIGRATIONS.len() as u32;
        let fails: Migration =
            |transaction| transaction.execute_batch("CREATE TABLE x(a); nonsense");
        Database::open_with(lock(), &[MIGRATIONS, &[fails]].concat()).unwrap_err();
        let adds: Migration = |transaction| transaction.execute_batch("CREATE TABLE x(a)");
        let adds = [MIGRATIONS, &[adds]].concat();
        let mut store = Database::open_with(lock(), &adds).unwrap();
        assert_eq!(dump(&mut store).unwrap(), before);
        drop(store);

        let error = open_in(temp.path()).unwrap_err();
        let expected = (known + 1, known);
        assert!(
            matches!(error, StoreError::Newer { found, known, .. } if (found, known) == expected),
            "{error}"
        );
        let copy = temp.path().join(format!("state.v{known}.db"));
        fs::rename(copy, temp.path().join("state.db")).unwrap();
        assert_eq!(dump(&mut open_in(temp.path()).unwrap()).unwrap(), before);
    }

    /// The pages of the file, and how many of them are unused.
    fn pages(store: &Database) -> (i64, i64) {
        let connection = store.connection.as_ref().unwrap();
        let number = |name| connection.pragma_query_value(None, name, |row| row.get(0)).unwrap();
        (number("page_count"), number("freelist_count"))
    }

    #[test]
    fn unused_pages_are_given_back_bit_by_bit() {
        let temp = crate::store::test_directory();
        let mut store = open_in(temp.path()).unwrap();
        // Bodies are compressed, and this is not easily.
        let html = (0..1000).map(|n| bytes(n).to_string()).collect();
        let large = Arc::new(Body { html, summary: String::new() });
        let with = |body: Option<&Arc<Body>>| Commit {
            bodies: (1..=300).map(|seq| (seq, body.cloned())).collect(),
            ..Commit::default()
        };
        store.commit(&everything(1)).unwrap();
        store.commit(&with(Some(&large))).unwrap();
        store.checkpoint().unwrap();
        let (full, _) = pages(&store);
        store.commit(&with(None)).unwrap();
        store.commit(&everything(2)).unwrap();
        let before = dump(&mut store).unwrap();
        let (_, mut unused) = pages(&store);
        assert!(unused > 2 * 1024, "{unused}");
        let mut rounds = 0;
        while open::has_unused_pages(store.connection.as_ref().unwrap()).unwrap() {
            store.checkpoint().unwrap();
            let (_, left) = pages(&store);
            assert!(left < unused && unused - left <= 1024, "{unused} {left}");
            unused = left;
            rounds += 1;
        }
        assert!(rounds >= 2, "{rounds}");
        // The log is folded in by the next checkpoint, and the file is cut.
        store.checkpoint().unwrap();
        assert!(pages(&store).0 < full / 2, "{full} {:?}", pages(&store));
        let bytes = fs::metadata(temp.path().join("state.db")).unwrap().len();
        assert!(bytes < full as u64 * 4096 / 2, "{bytes}");
        assert_eq!(dump(&mut store).unwrap(), before);
        store.check().unwrap();
        drop(store);
        assert_eq!(dump(&mut open_in(temp.path()).unwrap()).unwrap(), before);
    }

    #[test]
    fn a_large_commit_leaves_the_log_to_the_next_one() {
        let temp = crate::store::test_directory();
        let mut store = open_in(temp.path()).unwrap();
        let bytes = |name: &str| fs::metadata(temp.path().join(name)).unwrap().len();
        let log_max = u64::from(open::LOG_PAGES) * 4096;
        let (mut records, mut words) = (Vec::new(), Words::new());
        for seq in 1..=MANY_RECORDS as u64 {
            let head = Head { summary: Some("x".repeat(2_000)), ..(*head(1)).clone() };
            records.push(Arc::new(Record { head: Arc::new(head), ..(*record(seq, 0)).clone() }));
            words.insert(seq, Arc::default());
        }
        store.commit(&Commit { records, words, ..Commit::default() }).unwrap();
        assert!(bytes("state.db-wal") > log_max, "{}", bytes("state.db-wal"));
        assert!(bytes("state.db") < log_max, "{}", bytes("state.db"));
        let values = vec![("a".to_owned(), "b".to_owned())];
        store.commit(&Commit { values, ..Commit::default() }).unwrap();
        assert!(bytes("state.db") > log_max, "{}", bytes("state.db"));
    }

    /// Databases of the versions before, as they were: the same tables without what came later.
    #[test]
    fn earlier_versions_are_upgraded_and_keep_a_copy() {
        for version in 1..=3 {
            let temp = crate::store::test_directory();
            let mut store = open_in(temp.path()).unwrap();
            let old =
                |seq| Record { imported: None, last_file: None, ..(*record(seq, seq)).clone() };
            let records = (1..4).map(|seq| Arc::new(old(seq))).collect();
            store.commit(&Commit { records, ..everything(1) }).unwrap();
            let before = dump(&mut store).unwrap();
            drop(store);
            let path = temp.path().join("state.db");
            let old = Connection::open(&path).unwrap();
            for (column, since) in [("imported", 3), ("last_file", 4)] {
                if version < since {
                    old.execute_batch(&format!("ALTER TABLE records DROP COLUMN {column}"))
                        .unwrap();
                }
            }
            old.execute_batch(&format!(
                "PRAGMA user_version = {version}; PRAGMA auto_vacuum = NONE; VACUUM;"
            ))
            .unwrap();
            drop(old);

            let mut store = open_in(temp.path()).unwrap();
            let upgraded = store.upgraded().unwrap().clone();
            let copy = temp.path().join(format!("state.v{version}.db"));
            let to = MIGRATIONS.len() as u32;
            assert_eq!(upgraded, Upgraded { from: version, to, copy: copy.clone() });
            assert_eq!(dump(&mut store).unwrap(), before);
            store.commit(&everything(2)).unwrap();
            store.check().unwrap();
            drop(store);
            assert_eq!(open_in(temp.path()).unwrap().upgraded(), None);

            // The copy is a database of the old version, and is accepted although it is older.
            let kept = Connection::open(&copy).unwrap();
            assert_eq!(schema::version(&kept).unwrap(), (version, schema::APPLICATION));
            assert!(kept.prepare("SELECT last_file FROM records").is_err());
            drop(kept);
            fs::rename(&copy, &path).unwrap();
            let mut store = open_in(temp.path()).unwrap();
            assert_eq!(dump(&mut store).unwrap(), before);
            let connection = store.connection.as_ref().unwrap();
            let auto_vacuum: i64 =
                connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0)).unwrap();
            assert_eq!(auto_vacuum, 2);
        }
    }

    /// An older database in the place of a newer one is refused before anything is written to it.
    #[test]
    fn a_database_that_lags_is_not_upgraded() {
        let temp = crate::store::test_directory();
        open_in(temp.path()).unwrap().commit(&everything(1)).unwrap();
        let plain = temp.path().join("plain.db");
        fs::copy(temp.path().join("state.db"), &plain).unwrap();
        open_in(temp.path()).unwrap().commit(&everything(2)).unwrap();
        fs::rename(&plain, temp.path().join("state.db")).unwrap();
        let adds: Migration = |transaction| transaction.execute_batch("CREATE TABLE x(a)");
        let lock = Lock::acquire(temp.path()).unwrap();
        let error = Database::open_with(lock, &[MIGRATIONS, &[adds]].concat()).unwrap_err();
        assert!(matches!(error, StoreError::Outdated { .. }), "{error}");
        let found = Connection::open(temp.path().join("state.db")).unwrap();
        assert_eq!(schema::version(&found).unwrap().0, MIGRATIONS.len() as u32);
    }

    #[test]
    fn another_programs_lock_is_told() {
        let temp = crate::store::test_directory();
        drop(open_in(temp.path()).unwrap());
        let other = Connection::open(temp.path().join("state.db")).unwrap();
        other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE").unwrap();
        assert!(matches!(open_in(temp.path()), Err(StoreError::InUse { .. })));
    }

    /// A row that somebody changed with SQLite's own tools is as good as damaged.
    #[test]
    fn a_row_changed_by_another_hand_is_found() {
        for change in [
            "UPDATE records SET id = 'urn:other' WHERE seq = 2",
            "DELETE FROM records WHERE seq = 3",
            "INSERT INTO records SELECT 9, id, path, url, 1, 1, 1, digest, 0, NULL, head, sketch, sum, imported, NULL \
             FROM records WHERE seq = 1",
            "UPDATE records SET imported = NULL WHERE imported NOT NULL",
            "UPDATE records SET imported = '{\"is_listed\":true}' WHERE seq = 2 AND imported IS NULL",
            "UPDATE seal SET commits = 7",
        ] {
            let temp = crate::store::test_directory();
            open_in(temp.path()).unwrap().commit(&everything(1)).unwrap();
            let other = Connection::open(temp.path().join("state.db")).unwrap();
            assert_eq!(other.execute(change, params![]).unwrap(), 1);
            drop(other);
            let result = open_in(temp.path()).and_then(|mut store| store.load());
            assert!(
                matches!(result, Err(StoreError::Corrupt { .. })),
                "{change}: {:?}",
                result.map(|_| ())
            );
        }
    }

    /// F16: whatever bytes are flipped, zeroed or cut off, in the database or in its log.
    #[test]
    fn damage_is_an_error_or_makes_no_difference() {
        let temp = crate::store::test_directory();
        let (dir, live) = (temp.path().join("state"), temp.path().join("live"));
        let mut store = open_in(&dir).unwrap();
        let many = with_records((1..200).map(|seq| (seq, seq % 9)), everything(1));
        store.commit(&many).unwrap();
        store.checkpoint().unwrap();
        for n in 2..6 {
            store.commit(&everything(n)).unwrap();
        }
        let sound = dump(&mut store).unwrap();
        copy_files(&dir, &live);
        let (mut refused, mut unharmed) = (0, 0);
        for seed in 0..240 {
            let harmed = temp.path().join(format!("harmed-{seed}"));
            copy_files(&live, &harmed);
            let name = ["state.db", "state.db-wal"][seed as usize % 2];
            let mut content = fs::read(harmed.join(name)).unwrap();
            harm(&mut content, seed);
            fs::write(harmed.join(name), content).unwrap();
            match open_in(&harmed).and_then(|mut store| dump(&mut store)) {
                Ok(found) => {
                    assert_eq!(found, sound, "seed {seed}");
                    unharmed += 1;
                }
                Err(_) => refused += 1,
            }
            fs::remove_dir_all(&harmed).unwrap();
        }
        assert!(refused > 50 && unharmed > 0, "{refused} refused, {unharmed} unharmed");
    }

    /// Flips some bits, zeroes a range, or cuts the end off.
    fn harm(content: &mut Vec<u8>, seed: u64) {
        let place = |n: u64| bytes(seed * 1000 + n).prefix() as usize % content.len();
        let (from, len) = (place(0), place(1) % 6000 + 1);
        match seed / 2 % 3 {
            0 => (0..=seed % 5)
                .map(place)
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|at| content[at] ^= 1 << (seed % 8)),
            1 => {
                let to = (from + len).min(content.len());
                content[from..to].fill(0);
            }
            _ => content.truncate(from),
        }
    }
}
