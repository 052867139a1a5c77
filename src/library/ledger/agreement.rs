//! Whether the maps of the ledger agree: what one of them says of an article or a file, the others
//! say too.

use crate::base::RelPath;

use super::super::Standing;
use super::Ledger;

impl Ledger {
    /// Whether the maps agree: what one of them says of an article or a file, the others say too.
    pub(in crate::library) fn agrees(&self) -> bool {
        self.records_agree() && self.files_agree()
    }

    fn records_agree(&self) -> bool {
        for (seq, record) in &self.records {
            let is_missing_in_both = match record.standing {
                Standing::Missing(since) => self.missing.contains(&(since, *seq)),
                _ => true,
            };
            let agrees = record.seq == *seq
                && is_missing_in_both
                && self.owner_of(&record.id) == Some(*seq)
                && self.urls.get(&record.url.key()) == Some(seq)
                && self.by_digest.contains(&(record.digest.prefix(), *seq))
                // A deleted article's path may have been another's since, and have none now.
                && (!record.standing.is_live() || self.by_path.contains_key(&record.path));
            if !agrees {
                return false;
            }
        }
        for (since, seq) in &self.missing {
            match self.records.get(seq) {
                Some(record) if record.standing == Standing::Missing(*since) => {}
                _ => return false,
            }
        }
        for (path, seq) in &self.by_path {
            match self.records.get(seq) {
                Some(record) if record.path == *path => {}
                _ => return false,
            }
        }
        self.by_digest.len() == self.records.len()
    }

    fn files_agree(&self) -> bool {
        for (path, row) in &self.files {
            if !self.by_inode.contains(&(row.fingerprint.ino, path.clone())) {
                return false;
            }
        }
        let scheduled = self.waits.values().flatten().count();
        scheduled == self.scheduled.len()
            && self.by_inode.len() == self.files.len()
            && self.are_files(self.contested.keys())
            && self.are_files(self.waits.keys())
            && self.are_files(self.copies.keys())
    }

    /// Whether all of these paths are those of files.
    fn are_files<'a>(&self, mut paths: impl Iterator<Item = &'a RelPath>) -> bool {
        paths.all(|path| self.files.contains_key(path))
    }
}
