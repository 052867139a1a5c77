//! What a state knows of files, and of the articles in them, as a look at the tree asks for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{Fingerprint, RelPath, Timestamp};

use super::state::{Found, Observation, State};
use super::{FileRow, Kept, Record, Seq, Standing};

impl State {
    /// The file at `path`, as it was last read.
    pub fn file(&self, path: &RelPath) -> Option<FileRow> {
        self.ledger.file(path)
    }

    /// The fingerprint of the file at `path` when it was last read, and whether it was racy then.
    pub fn fingerprint(&self, path: &RelPath) -> Option<(Fingerprint, bool)> {
        self.ledger.fingerprint(path)
    }

    /// The article with this number, public or not.
    pub fn record(&self, seq: Seq) -> Option<Arc<Record>> {
        self.ledger.record(seq)
    }

    /// Whether an article has or had this id.
    pub fn knows(&self, id: &str) -> bool {
        self.ledger.owner_of(id).is_some()
    }

    /// What the file at `path` says, unless it is public as it is, or empty, or an asset.
    pub fn kept_at(&self, path: &RelPath) -> Option<&Kept> {
        self.ledger.kept_at(path)
    }

    /// What files say that are neither public as they are, nor empty, nor assets: by path.
    pub fn kept(&self) -> impl Iterator<Item = (&RelPath, &Kept)> {
        self.ledger.kept()
    }

    /// Every file with what is known of it, by path.
    pub fn files(&self) -> impl Iterator<Item = (RelPath, FileRow)> {
        self.ledger.files()
    }

    /// The number of known files.
    pub fn files_len(&self) -> usize {
        self.ledger.files_len()
    }

    /// The files beneath `directory`, at any depth.
    pub fn files_beneath(&self, directory: &RelPath) -> impl Iterator<Item = RelPath> {
        // U+0001 sorts before every character that a name can begin with, so the files of the
        // directory begin here.
        let start = directory.join("\u{1}").unwrap_or_else(RelPath::root);
        let directory = directory.clone();
        let paths = self.ledger.paths_from(&start);
        paths.take_while(move |path| path.is_beneath(&directory))
    }

    /// The articles that these observations may edit: a step that is given their words from the
    /// beginning has to be done once.
    pub fn edited(&self, observations: &[Observation]) -> BTreeSet<Seq> {
        let mut edited = BTreeSet::new();
        for Observation { path, found } in observations {
            if let Found::Read { digest, .. } = found
                && let Some(record) = self.ledger.last_at(path)
                && record.digest != *digest
            {
                edited.insert(record.seq);
            }
        }
        edited
    }

    /// The files that have to be looked at before these observations may give a new id to a file:
    /// every known article with its inode or its content, at any path. Events arrive in any order,
    /// so what the ledger believes to be there may have moved.
    pub fn rivals(&self, observations: &[Observation], now: Timestamp) -> BTreeSet<RelPath> {
        let mut rivals = BTreeSet::new();
        for Observation { path, found } in observations {
            if let Found::Read { fingerprint, digest, .. } = found
                && !self.ledger.is_live(path)
            {
                let row = FileRow {
                    fingerprint: *fingerprint,
                    racy: false,
                    digest: Some(*digest),
                    kept: Kept::Recorded,
                };
                self.add_twins(path, &row, &mut rivals);
            }
        }
        let due = self.ledger.due(now);
        for path in due.chain(self.ledger.copies()) {
            if let Some(row) = self.ledger.file(path)
                && !self.ledger.is_live(path)
            {
                self.add_twins(path, &row, &mut rivals);
                // The file itself was seen a while ago, and may be gone by now.
                rivals.insert(path.clone());
            }
        }
        rivals
    }

    fn add_twins(&self, path: &RelPath, row: &FileRow, rivals: &mut BTreeSet<RelPath>) {
        for record in self.ledger.twins(path, row) {
            rivals.insert(record.path.clone());
        }
        // The file of a missing article may be back at its own path, and then this is a copy of it.
        for record in row.digest.into_iter().flat_map(|digest| self.ledger.live_with(digest)) {
            if matches!(record.standing, Standing::Missing(_)) && record.path != *path {
                rivals.insert(record.path.clone());
            }
        }
    }
}
