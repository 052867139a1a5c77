//! Whether the maps of the ledger agree: what one of them says of an article or a file, the others
//! say too.

use crate::base::RelPath;

use super::super::Standing;
use super::super::articles::{beginning, number};
use super::Ledger;

impl Ledger {
    /// Whether the maps agree: what one of them says of an article or a file, the others say too.
    pub(in crate::library) fn agrees(&self) -> bool {
        self.records_agree() && self.files_agree()
    }

    fn records_agree(&self) -> bool {
        for record in self.records() {
            let seq = record.seq;
            let is_missing_in_both = match record.standing {
                Standing::Missing(since) => self.missing.contains(&(since, seq)),
                _ => true,
            };
            let agrees = is_missing_in_both
                && self.owner_of(&record.id) == Some(seq)
                && self.articles.owner_of_key(&record.url.key()) == Some(seq)
                && self.by_digest.contains(&(beginning(record.digest), number(seq)))
                // A deleted article's path may have been another's since, and have none now.
                && (!record.standing.is_live() || self.articles.at_path(&record.path).is_some());
            if !agrees {
                return false;
            }
        }
        for (since, seq) in &self.missing {
            match self.record(*seq) {
                Some(record) if record.standing == Standing::Missing(*since) => {}
                _ => return false,
            }
        }
        // Each path has one article, and finds it.
        for (path, seq) in self.articles.paths() {
            if RelPath::new(path).and_then(|path| self.articles.at_path(&path)) != Some(seq) {
                return false;
            }
        }
        self.by_digest.len() == self.articles.len()
    }

    fn files_agree(&self) -> bool {
        let scheduled = self.waits.values().flatten().count();
        scheduled == self.scheduled.len()
            && self.files.agrees()
            && self.are_files(self.contested.keys())
            && self.are_files(self.waits.keys())
            && self.are_files(self.copies.keys())
    }

    /// Whether all of these paths are those of files.
    fn are_files<'a>(&self, mut paths: impl Iterator<Item = &'a RelPath>) -> bool {
        paths.all(|path| self.files.contains(path))
    }
}
