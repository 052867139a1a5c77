//! A ledger from what was remembered. Nothing is looked up before the end: by then, what things are
//! looked up in is sorted once, which takes a part of the time.

use crate::base::shelf::Filling;
use crate::base::{RelPath, UrlPath};

use super::super::articles::{Articles, Pair, beginning, key_of, number, pair};
use super::super::packed;
use super::super::{FileRow, Record, Seq, Standing};
use super::Ledger;
use super::files::Restored as RestoredFiles;
use super::missing::BEFORE_START;

/// The remembered rows, as they come.
#[derive(Debug, Default)]
pub(in crate::library) struct Restoring {
    records: Filling,
    paths: Vec<Pair>,
    ids: Vec<Pair>,
    digests: Vec<Pair>,
    /// Articles that are missing or were deleted.
    gone: Vec<Gone>,
    files: RestoredFiles,
}

#[derive(Debug)]
struct Gone {
    seq: Seq,
    standing: Standing,
    has_last_file: bool,
}

impl Restoring {
    /// Takes up an article. Articles come by ascending number.
    pub(in crate::library) fn take_record(&mut self, record: &Record) {
        let seq = record.seq;
        self.records.push(&key_of(seq), &packed::record(record));
        self.paths.push(pair(record.path.as_str(), seq));
        self.digests.push((beginning(record.digest), number(seq)));
        for id in super::ids(record) {
            self.ids.push(pair(id, seq));
        }
        if matches!(record.standing, Standing::Missing(_) | Standing::Deleted(_)) {
            let has_last_file = record.last_file.is_some();
            self.gone.push(Gone { seq, standing: record.standing, has_last_file });
        }
    }

    /// Takes up a file. Files come by path.
    pub(in crate::library) fn take_file(&mut self, path: &RelPath, row: &FileRow) {
        self.files.take(path, row);
    }

    /// Puts all of it into a ledger without files and articles, and gives the URLs to their owners.
    pub(in crate::library) fn end(mut self, ledger: &mut Ledger, urls: &[(UrlPath, Seq)]) {
        ledger.files = self.files.end();
        ledger.articles = Articles::of(self.records.finish());
        ledger.by_id.extend(self.ids);
        ledger.by_digest.extend(self.digests);
        for Gone { seq, standing, has_last_file } in self.gone {
            match standing {
                Standing::Missing(since) => drop(ledger.missing.insert((since, seq))),
                Standing::Deleted(Some(at)) => drop(ledger.vanished.insert((at, seq))),
                _ => {}
            }
            if has_last_file && matches!(standing, Standing::Deleted(_)) {
                ledger.departed.insert((BEFORE_START, seq));
            }
        }
        self.paths.sort_unstable();
        let (mut alone, mut shared) = (Vec::new(), Vec::new());
        for same in self.paths.chunk_by(|one, other| one.0 == other.0) {
            match same {
                [pair] => alone.push(*pair),
                _ => shared.extend_from_slice(same),
            }
        }
        ledger.articles.take_paths(alone);
        for (_, number) in shared {
            ledger.take_shared_path(number.into());
        }
        for (url, seq) in urls {
            ledger.own_url(url, *seq);
        }
    }
}

impl Ledger {
    /// Makes an article the one of its path, unless an earlier one is that. A path is that of the
    /// one that was not taken away, else of the last: an old article may have been renamed to the
    /// path of a newer one that is gone.
    fn take_shared_path(&mut self, seq: Seq) {
        if let Some(record) = self.record(seq)
            && (record.standing.is_live() || self.live(&record.path).is_none())
        {
            self.articles.take_path(&record.path, seq);
        }
    }
}
