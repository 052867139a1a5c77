//! Who an article is: ids, URLs and claims. Once given, an id is frozen, and a URL is its owner's for ever.

use imbl::{HashMap, OrdMap, OrdSet};
use uuid::Uuid;

use crate::article::Head;
use crate::base::{Diagnostic, Digest, RelPath, Timestamp, UrlPath};
use crate::source::Fingerprint;

use super::address::Address;
use super::{FileRow, Record, Seq, Standing};
use std::sync::Arc;

/// Articles that may want the same derived URL or the same derived id: `my-post`, `my-post-2`, ...
pub(super) const TWINS_MAX: u32 = 10_000;

/// Everything that is remembered of files and articles. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// Every file as it was last read.
    pub(super) files: OrdMap<RelPath, FileRow>,
    /// Every article that ever was public.
    pub(super) records: OrdMap<Seq, Arc<Record>>,
    /// The article of a path: the last one that stood there.
    pub(super) by_path: HashMap<RelPath, Seq>,
    /// Whose an id is, by the beginning of its digest.
    pub(super) by_id: OrdSet<(u64, Seq)>,
    /// Whose a URL is, by its key; for ever.
    pub(super) urls: HashMap<UrlPath, Seq>,
    /// Files whose articles ask for what is another's, and what is said of that. Tried again with every change.
    pub(super) contested: OrdMap<RelPath, Diagnostic>,
    /// When to weigh a file again: it appears or expires then. May hold moments that no longer matter.
    pub(super) timers: OrdSet<(Timestamp, RelPath)>,
    /// Files that have expired, and when. A clock that comes back from a step ahead brings them back.
    pub(super) expired: OrdSet<(Timestamp, RelPath)>,
    /// Articles whose file has been gone since then.
    pub(super) missing: OrdSet<(Timestamp, Seq)>,
    /// Articles that were deleted a moment after their file went, and when it went: without a grace, a rename that is
    /// seen in two halves would be a deletion and a new article.
    pub(super) departed: OrdSet<(Timestamp, Seq)>,
    /// What the files of missing and departed articles were, for telling a rename.
    pub(super) traces: HashMap<Seq, Fingerprint>,
    /// Exact copies of public articles, each with its original and since when both are there. Each waits for the grace:
    /// its original may be about to go.
    pub(super) copies: OrdMap<RelPath, (RelPath, Timestamp)>,
    /// Every file by its inode number.
    by_inode: OrdSet<(u64, RelPath)>,
    /// Every article by the beginning of its digest.
    by_digest: OrdSet<(u64, Seq)>,
}

impl Ledger {
    /// The article of the file at `path`, unless its deletion took effect.
    pub(super) fn live(&self, path: &RelPath) -> Option<&Arc<Record>> {
        self.last_at(path).filter(|record| record.standing != Standing::Deleted)
    }

    /// The last article that stood at `path`, deleted or not.
    pub(super) fn last_at(&self, path: &RelPath) -> Option<&Arc<Record>> {
        self.by_path.get(path).and_then(|seq| self.records.get(seq))
    }

    /// Does the article still have the file that its record names?
    pub(super) fn has_file(&self, record: &Record) -> bool {
        self.by_path.get(&record.path) == Some(&record.seq) && self.files.contains_key(&record.path)
    }

    /// Remembers a file.
    pub(super) fn put_file(&mut self, path: &RelPath, row: FileRow) {
        let ino = row.fingerprint.ino;
        if let Some(old) = self.files.insert(path.clone(), row)
            && old.fingerprint.ino != ino
        {
            self.by_inode.remove(&(old.fingerprint.ino, path.clone()));
        }
        self.by_inode.insert((ino, path.clone()));
    }

    /// Forgets a file.
    pub(super) fn forget_file(&mut self, path: &RelPath) -> Option<FileRow> {
        let row = self.files.remove(path)?;
        self.by_inode.remove(&(row.fingerprint.ino, path.clone()));
        self.contested.remove(path);
        self.copies.remove(path);
        Some(row)
    }

    /// Remembers an article, in place of what was remembered of it.
    pub(super) fn put_record(&mut self, record: Arc<Record>) {
        let (seq, digest) = (record.seq, record.digest.prefix());
        if let Some(old) = self.records.insert(seq, record)
            && old.digest.prefix() != digest
        {
            self.by_digest.remove(&(old.digest.prefix(), seq));
        }
        self.by_digest.insert((digest, seq));
    }

    /// The articles of other paths whose last known file has this inode or this content: the file at `path` may be one
    /// of them, moved.
    pub(super) fn twins(&self, path: &RelPath, row: &FileRow) -> Vec<Arc<Record>> {
        let mut twins = Vec::new();
        let ino = row.fingerprint.ino;
        for (_, other) in
            self.by_inode.range((ino, RelPath::root())..).take_while(|(number, _)| *number == ino)
        {
            let same_file = self
                .files
                .get(other)
                .is_some_and(|file| file.fingerprint.is_same_file(&row.fingerprint));
            if let Some(record) = self.live(other)
                && same_file
                && other != path
            {
                twins.push(Arc::clone(record));
            }
        }
        if let Some(digest) = row.digest {
            let prefix = digest.prefix();
            for (_, seq) in self.by_digest.range((prefix, 0)..=(prefix, Seq::MAX)) {
                let Some(record) = self.records.get(seq) else { continue };
                if record.digest == digest && record.path != *path && self.has_file(record) {
                    twins.push(Arc::clone(record));
                }
            }
        }
        twins
    }

    /// Whose the id is.
    pub(super) fn owner_of(&self, id: &str) -> Option<Seq> {
        let digest = number_of(id);
        let alike = self.by_id.range((digest, 0)..=(digest, Seq::MAX)).map(|(_, seq)| *seq);
        // Digests may meet where somebody means them to; ids decide.
        alike.into_iter().find(|seq| self.records.get(seq).is_some_and(|record| record.id == id))
    }

    /// Makes the id the article's, for ever.
    pub(super) fn give_id(&mut self, id: &str, seq: Seq) {
        self.by_id.insert((number_of(id), seq));
    }

    /// The number that the next article gets.
    pub(super) fn next_seq(&self) -> Seq {
        self.records.get_max().map_or(1, |(seq, _)| seq + 1)
    }

    /// The id of a new article: its author's, else derived from (site id, path without extension, n), n the first never
    /// used. `Err` names the owner of an explicit id that is taken.
    pub(super) fn new_id(&self, site_id: &str, path: &RelPath, head: &Head) -> Result<String, Seq> {
        match &head.id {
            Some(id) => self.owner_of(id).map_or_else(|| Ok(id.clone()), Err),
            None => Ok(self.derived_id(site_id, path)),
        }
    }

    fn derived_id(&self, site_id: &str, path: &RelPath) -> String {
        let mut n = 0;
        loop {
            let id = derive(site_id, path.without_extension(), n);
            // Ends: there are fewer records than numbers.
            if self.owner_of(&id).is_none() {
                return id;
            }
            n += 1;
        }
    }

    /// The URL that `seq` gets for what it asks. A derived one that is another's is numbered; an explicit one is
    /// refused, with the path of its owner.
    pub(super) fn claim(&self, seq: Seq, address: &Address) -> Result<UrlPath, Diagnostic> {
        let free = |url: &UrlPath| self.urls.get(&url.key()).is_none_or(|owner| *owner == seq);
        if free(&address.url) {
            return Ok(address.url.clone());
        }
        if !address.explicit {
            let numbered = (2..=TWINS_MAX)
                .map(|n| address.url.numbered(n))
                .find(|url| free(url) && !url.is_reserved());
            return numbered.ok_or_else(|| {
                Diagnostic::error("url-taken", "too many articles ask for the same URL")
            });
        }
        let owner = self.urls.get(&address.url.key()).and_then(|seq| self.records.get(seq));
        let path =
            owner.map_or_else(|| "another article".to_owned(), |record| format!("{}", record.path));
        let asked = &address.url;
        let looks_free =
            owner.is_some_and(|owner| owner.url != *asked && owner.url.key() == asked.key());
        let why = if looks_free { "; letter case and signs do not part URLs" } else { "" };
        Err(Diagnostic::error(
            "url-taken",
            format!("asks for the URL /{asked}, which belongs to {path}{why}"),
        ))
    }
}

/// The beginning of an id's digest: 64 bits cost less than the text, which the record has.
fn number_of(id: &str) -> u64 {
    Digest::of(id.as_bytes()).prefix()
}

/// `urn:uuid:` version 5 (RFC 9562, 5.5) of (site id, original path without extension, n).
fn derive(site_id: &str, path: &str, n: u32) -> String {
    let site = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("dropfeed:{site_id}").as_bytes());
    // A NUL can stand in no path, so no two pairs give the same name.
    let name = if n == 0 { path.to_owned() } else { format!("{path}\0{n}") };
    Uuid::new_v5(&site, name.as_bytes()).urn().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_site_path_and_number_alone() {
        assert_eq!(derive("example.org", "news/a", 0), derive("example.org", "news/a", 0));
        let others = [
            derive("example.com", "news/a", 0),
            derive("example.org", "news/b", 0),
            derive("example.org", "news/a", 1),
        ];
        assert!(others.iter().all(|other| *other != derive("example.org", "news/a", 0)));
        assert!(derive("example.org", "a", 0).starts_with("urn:uuid:"));
    }
}
