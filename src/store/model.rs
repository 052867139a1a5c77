//! The modelled store, for simulation: a disk in memory on which every operation can be made to
//! fail, and from which a crash takes what was not durable.
//!
//! [`Disk`] is the machine; [`Disk::store`] and [`Disk::target`] are what a process on it opens. A
//! test runs something once to count the operations, then once for every k with [`Disk::die_at`] k,
//! calls [`Disk::restart`], opens the store and the target again, and checks what is left. The
//! daemon uses nothing of this.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::{OrdMap, Vector};

use crate::article::{Body, WordSketch};
use crate::base::{Digest, RelPath, Timestamp, UrlPath};
use crate::library::Seq;
use crate::library::{
    ChannelRow, Commit, DocumentRow, FileRow, Record, Remembered, Standing, Words,
};

use super::{Projected, Stamp, Store, StoreError, Target, stored};

/// The moment at which an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before it had any effect.
    Before,
    /// After it took effect: it reports an error all the same.
    After,
}

/// The unsynced writes that a restart loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// None: the process was killed, and the machine went on.
    Nothing,
    /// All: a power cut.
    Unsynced,
    /// Some, chosen by this seed: a power cut while the system was writing back.
    Some(u64),
}

/// A machine with a database and a `feeds/` directory. Clones are the same machine.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    operations: u64,
    plan: Option<Plan>,
    dead: bool,
    /// The ledger as the process sees it: a commit that failed is not in it.
    ledger: Ledger,
    /// The ledger as a restart finds it.
    durable_ledger: Ledger,
    files: OrdMap<String, Arc<[u8]>>,
    durable_files: OrdMap<String, Arc<[u8]>>,
    /// Temporary files that are not renamed yet, by their later name.
    temps: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    at: u64,
    fault: Fault,
    for_good: bool,
}

impl Disk {
    /// An empty disk on which nothing fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of operations that were tried, in the store and the target together. Reading is not
    /// counted.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes the `at`-th operation fail, counted from 1 since the disk was made. Later ones
    /// succeed.
    pub fn fail_at(&self, at: u64, fault: Fault) {
        self.state().plan = Some(Plan { at, fault, for_good: false });
    }

    /// Kills the process in the `at`-th operation: it and all later ones fail until
    /// [`Disk::restart`].
    pub fn die_at(&self, at: u64, fault: Fault) {
        self.state().plan = Some(Plan { at, fault, for_good: true });
    }

    /// Whether the process was killed.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Starts a new process on the disk as the crash left it, and forgets the plan.
    pub fn restart(&self, loss: Loss) {
        let mut state = self.state();
        state.plan = None;
        state.dead = false;
        state.ledger = state.durable_ledger.clone();
        state.files = match loss {
            Loss::Nothing => state.files.clone(),
            Loss::Unsynced => state.durable_files.clone(),
            Loss::Some(seed) => mixed(&state.files, &state.durable_files, seed),
        };
        state.durable_files = state.files.clone();
    }

    /// Another machine, whose disk is as this one's is now.
    pub fn copy(&self) -> Self {
        let state = self.state();
        Self(Arc::new(Mutex::new(State { plan: None, dead: false, ..state.clone() })))
    }

    /// The database, as a process opens it.
    pub fn store(&self) -> ModelStore {
        ModelStore(self.clone())
    }

    /// `feeds/`, as a process opens it.
    pub fn target(&self) -> ModelTarget {
        ModelTarget(self.clone())
    }

    /// The bytes of a file in `feeds/`, as readers see them.
    pub fn file(&self, name: &str) -> Option<Arc<[u8]>> {
        self.state().files.get(name).cloned()
    }

    /// The names in `feeds/`, ascending, without temporary files.
    pub fn names(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    /// Number of temporary files.
    pub fn temps(&self) -> usize {
        self.state().temps.len()
    }

    /// Puts a file into `feeds/` as another program would.
    pub fn plant(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        state.files.insert(name.to_owned(), bytes.into());
        state.durable_files.insert(name.to_owned(), bytes.into());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operate(&self, act: impl FnOnce(&mut State)) -> io::Result<()> {
        self.state().operate(act)
    }
}

impl State {
    /// Counts an operation, and does it or fails as planned.
    fn operate(&mut self, act: impl FnOnce(&mut State)) -> io::Result<()> {
        self.alive()?;
        self.operations += 1;
        match self.plan {
            Some(Plan { at, fault, for_good }) if at == self.operations => {
                if fault == Fault::After {
                    act(self);
                }
                self.dead = for_good;
                Err(io::Error::other(format!("operation {at} was made to fail")))
            }
            _ => {
                act(self);
                Ok(())
            }
        }
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(io::Error::other("the process is dead")) } else { Ok(()) }
    }
}

/// The files after a partial write-back: each as in `live` or as in `durable`, as the seed says.
fn mixed(
    live: &OrdMap<String, Arc<[u8]>>,
    durable: &OrdMap<String, Arc<[u8]>>,
    seed: u64,
) -> OrdMap<String, Arc<[u8]>> {
    let mut mixed = OrdMap::new();
    for name in live.keys().chain(durable.keys()) {
        // One bit of a digest is a coin that falls the same way for the same seed and name.
        let coin = Digest::of(format!("{seed} {name}").as_bytes()).prefix() & 1 == 0;
        let bytes = if coin { live.get(name) } else { durable.get(name) };
        if let Some(bytes) = bytes {
            mixed.insert(name.clone(), Arc::clone(bytes));
        }
    }
    mixed
}

/// The ledger as values.
#[derive(Debug, Clone, Default)]
struct Ledger {
    files: OrdMap<RelPath, FileRow>,
    records: OrdMap<Seq, Arc<Record>>,
    words: OrdMap<Seq, Arc<WordSketch>>,
    urls: OrdMap<UrlPath, Seq>,
    url_order: Vector<UrlPath>,
    channels: OrdMap<String, ChannelRow>,
    bodies: OrdMap<Seq, Arc<Body>>,
    documents: OrdMap<String, DocumentRow>,
    values: OrdMap<String, String>,
    projected: OrdMap<String, Vec<Digest>>,
}

impl Ledger {
    fn apply(&mut self, commit: &Commit) {
        let Commit { files, records, words, urls, channels, forgotten, bodies, documents, values } =
            commit;
        for (path, row) in files {
            set(&mut self.files, path, row.as_ref());
        }
        for (seq, body) in bodies {
            set(&mut self.bodies, seq, body.as_ref());
        }
        for record in records {
            self.records.insert(record.seq, Arc::new(kept_record(record)));
            if let Some(words) = words.get(&record.seq) {
                self.words.insert(record.seq, Arc::clone(words));
            }
        }
        for (url, seq) in urls.iter() {
            // A URL stays with the first article that it was given to.
            if !self.urls.contains_key(url) {
                self.urls.insert(url.clone(), *seq);
                self.url_order.push_back(url.clone());
            }
        }
        for scope in forgotten {
            self.channels.remove(&scope.to_string());
        }
        for row in channels {
            let row = ChannelRow {
                watermark: kept(row.watermark),
                modified: kept(row.modified),
                ..row.clone()
            };
            self.channels.insert(row.scope.to_string(), row);
        }
        for (path, row) in documents {
            let row = DocumentRow { last_modified: kept(row.last_modified), ..row.clone() };
            self.documents.insert(path.clone(), row);
        }
        self.values.extend(values.iter().cloned());
    }

    fn remembered(&self) -> Remembered {
        let mut urls = Vec::new();
        for url in &self.url_order {
            if let Some(seq) = self.urls.get(url) {
                urls.push((url.clone(), *seq));
            }
        }
        Remembered {
            files: pairs(&self.files),
            records: self.records.values().cloned().collect(),
            urls,
            channels: self.channels.values().cloned().collect(),
            bodies: pairs(&self.bodies),
            documents: pairs(&self.documents),
            values: pairs(&self.values),
        }
    }
}

/// The keys and values of a map, by ascending key.
fn pairs<K: Ord + Clone, V: Clone>(map: &OrdMap<K, V>) -> Vec<(K, V)> {
    map.clone().into_iter().collect()
}

/// Puts a value into a map, or removes the key.
fn set<K: Ord + Clone, V: Clone>(map: &mut OrdMap<K, V>, key: &K, value: Option<&V>) {
    match value {
        Some(value) => map.insert(key.clone(), value.clone()),
        None => map.remove(key),
    };
}

/// The instant as a store keeps it: to the microsecond.
fn kept(instant: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(stored(instant)).unwrap_or(instant)
}

fn kept_record(record: &Record) -> Record {
    Record {
        first_seen: kept(record.first_seen),
        published: kept(record.published),
        updated: kept(record.updated),
        standing: match record.standing {
            Standing::Missing(since) => Standing::Missing(kept(since)),
            Standing::Deleted(at) => Standing::Deleted(at.map(kept)),
            other => other,
        },
        ..record.clone()
    }
}

/// The modelled database. Each commit is one operation.
#[derive(Debug)]
pub struct ModelStore(Disk);

impl ModelStore {
    /// Applies a change. After an error the process does not see it, though a restart may.
    fn write(&mut self, change: impl FnOnce(&mut Ledger)) -> Result<(), StoreError> {
        // On a copy: a fault after the operation leaves the change on disk, and this process
        // without it.
        let mut next = self.0.state().ledger.clone();
        change(&mut next);
        self.0.operate(|state| state.durable_ledger = next.clone()).map_err(failed)?;
        self.0.state().ledger = next;
        Ok(())
    }

    fn read<T>(&mut self, read: impl FnOnce(&Ledger) -> T) -> Result<T, StoreError> {
        let state = self.0.state();
        state.alive().map_err(failed)?;
        Ok(read(&state.ledger))
    }
}

impl Store for ModelStore {
    fn load(&mut self) -> Result<Remembered, StoreError> {
        self.read(Ledger::remembered)
    }

    fn words(&mut self, seqs: &BTreeSet<Seq>) -> Result<Words, StoreError> {
        self.read(|ledger| {
            let of = |seq: &Seq| Some((*seq, ledger.words.get(seq)?.clone()));
            seqs.iter().filter_map(of).collect()
        })
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.write(|ledger| ledger.apply(commit))
    }

    fn projected(&mut self) -> Result<Vec<Projected>, StoreError> {
        self.read(|ledger| pairs(&ledger.projected))
    }

    fn set_projected(&mut self, changes: &[Projected]) -> Result<(), StoreError> {
        self.write(|ledger| {
            for (name, digests) in changes {
                let row = if digests.is_empty() { None } else { Some(digests) };
                set(&mut ledger.projected, name, row);
            }
        })
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.read(|_| ())
    }
}

fn failed(source: io::Error) -> StoreError {
    StoreError::Io { path: PathBuf::from("model"), source }
}

/// The modelled `feeds/`. Each of these is an operation: writing a temporary file, syncing it,
/// renaming it, removing a file, and syncing the directories.
#[derive(Debug)]
pub struct ModelTarget(Disk);

impl ModelTarget {
    fn write_and_rename(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.operate(|state| state.temps.extend([name.to_owned()]))?;
        // The sync of the temporary file.
        self.0.operate(|_| ())?;
        self.0.operate(|state| {
            state.temps.remove(name);
            state.files.insert(name.to_owned(), bytes.into());
        })
    }
}

impl Target for ModelTarget {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<Stamp> {
        let put = self.write_and_rename(name, bytes);
        let mut state = self.0.state();
        // A process that lives on removes its temporary file; a dead one leaves it behind.
        if put.is_err() && !state.dead {
            state.temps.remove(name);
        }
        put?;
        Ok(stamp_of(bytes))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.operate(|state| {
            state.files.remove(name);
        })
    }

    fn digest(&self, name: &str) -> io::Result<Option<Digest>> {
        let state = self.0.state();
        state.alive()?;
        Ok(state.files.get(name).map(|bytes| Digest::of(bytes)))
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        let state = self.0.state();
        state.alive()?;
        Ok(state.files.get(name).map(|bytes| stamp_of(bytes)))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.0.operate(|state| state.durable_files = state.files.clone())
    }

    fn clean(&mut self, _names: &[&str]) -> io::Result<()> {
        self.0.operate(|state| state.temps.clear())
    }
}

/// The stamp of a modelled file, which has no times.
fn stamp_of(bytes: &[u8]) -> Stamp {
    Stamp(Digest::of(bytes).prefix())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(store: &mut ModelStore) -> Vec<(String, String)> {
        store.load().unwrap().values
    }

    fn setting(text: &str) -> Commit {
        Commit { values: vec![("a".to_owned(), text.to_owned())], ..Commit::default() }
    }

    #[test]
    fn a_commit_that_failed_is_not_seen_by_its_process() {
        for (fault, after_a_crash) in [(Fault::Before, "1"), (Fault::After, "2")] {
            let disk = Disk::new();
            let mut store = disk.store();
            store.commit(&setting("1")).unwrap();
            disk.fail_at(2, fault);
            store.commit(&setting("2")).unwrap_err();
            assert_eq!(value(&mut store)[0].1, "1");
            disk.restart(Loss::Unsynced);
            assert_eq!(value(&mut disk.store())[0].1, after_a_crash);
        }
    }

    #[test]
    fn a_power_cut_takes_what_was_not_settled() {
        for (loss, expected) in [(Loss::Nothing, &b"2"[..]), (Loss::Unsynced, b"1")] {
            let disk = Disk::new();
            let mut target = disk.target();
            target.put("a", b"1").unwrap();
            target.settle().unwrap();
            target.put("a", b"2").unwrap();
            disk.restart(loss);
            assert_eq!(&*disk.file("a").unwrap(), expected);
            assert_eq!(disk.operations(), 7);
        }
    }

    #[test]
    fn a_dead_process_does_nothing_more() {
        let disk = Disk::new();
        disk.die_at(1, Fault::After);
        let (mut store, mut target) = (disk.store(), disk.target());
        store.commit(&setting("1")).unwrap_err();
        assert!(disk.is_dead() && store.load().is_err() && target.digest("a").is_err());
        target.put("a", b"1").unwrap_err();
        disk.restart(Loss::Some(3));
        assert_eq!(
            (disk.operations(), disk.names().len(), value(&mut disk.store()).len()),
            (1, 0, 1)
        );
    }
}
