//! The ledger: everything that is remembered of files and articles, behind verbs that keep its maps
//! in agreement.
//!
//! Once given, an id is frozen, and a URL is its owner's for ever.

mod agreement;
mod files;
mod missing;
mod restoring;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use uuid::Uuid;

use crate::article::Head;
use crate::base::{Diagnostic, Digest, Fingerprint, RelPath, Timestamp, UrlPath};

use super::address::{Address, Origin};
use super::articles::{Articles, Pair, beginning, number, pair, pairs, pairs_of};
use super::sorted::Sorted;
use super::{FileRow, Kept, Record, Seq, Standing};
use files::Files;
pub(super) use restoring::Restoring;

/// The limit of the articles that may want the same derived URL or id: `my-post`, `my-post-2`, ...
pub(super) const TWINS_MAX: u32 = 10_000;

/// Everything that is remembered of files and articles. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// Every file as it was last read.
    files: Files,
    /// Every article that ever was public, with the last one of each path and the owner of each
    /// URL.
    articles: Articles,
    /// The owner of an id, by the beginning of its digest.
    by_id: Sorted<Pair>,
    /// Files whose articles ask for what is another's, with the diagnostic that was reported. They
    /// are weighed again with every change.
    contested: OrdMap<RelPath, Diagnostic>,
    /// The times at which to weigh a file again: it appears or expires then. Some may no longer
    /// matter.
    timers: OrdSet<(Timestamp, RelPath)>,
    /// Files that have expired, and when. A clock that comes back from a step ahead brings them
    /// back.
    expired: OrdSet<(Timestamp, RelPath)>,
    /// Articles whose file has been gone since then.
    missing: OrdSet<(Timestamp, Seq)>,
    /// Articles that were deleted a moment after their file went, and when it went. Without a
    /// grace, or for a withdrawn article, a rename that is seen in two halves would otherwise be a
    /// deletion and a new article. Those that went before the start have
    /// [`BEFORE_START`](missing::BEFORE_START).
    departed: OrdSet<(Timestamp, Seq)>,
    /// Articles that vanished, and when they were taken away: the shrink guard counts them for a
    /// while.
    vanished: OrdSet<(Timestamp, Seq)>,
    /// Exact copies of public articles, each with its original and since when both are there. Each
    /// waits for the grace: its original may be about to go.
    copies: OrdMap<RelPath, (RelPath, Timestamp)>,
    /// Usable files whose author keeps them back, and until when; `None` for a draft.
    waits: HashMap<RelPath, Option<Timestamp>>,
    /// The files of `waits` that have a date, by it.
    scheduled: OrdSet<(Timestamp, RelPath)>,
    /// Every article by the beginning of its digest.
    by_digest: Sorted<Pair>,
    /// URLs that the configuration gives to feeds, so that no article can have them.
    reserved: Arc<BTreeSet<UrlPath>>,
}

impl Ledger {
    /// The file at `path`, as it was last read.
    pub(super) fn file(&self, path: &RelPath) -> Option<FileRow> {
        self.files.get(path)
    }

    /// The fingerprint of the file at `path` when it was last read, and whether it was racy then.
    pub(super) fn fingerprint(&self, path: &RelPath) -> Option<(Fingerprint, bool)> {
        self.files.fingerprint(path)
    }

    /// What the file at `path` says, unless it is recorded or empty.
    pub(super) fn kept_at(&self, path: &RelPath) -> Option<&Kept> {
        self.files.kept_at(path)
    }

    /// What files say that are neither recorded nor empty, by path.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&RelPath, &Kept)> {
        self.files.kept()
    }

    /// Every file, by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (RelPath, FileRow)> {
        self.files.iter()
    }

    /// The number of files.
    pub(super) fn files_len(&self) -> usize {
        self.files.len()
    }

    /// The paths of the files from `start` on.
    pub(super) fn paths_from(&self, start: &RelPath) -> impl Iterator<Item = RelPath> + use<'_> {
        self.files.paths_from(start)
    }

    /// The article with this number.
    pub(super) fn record(&self, seq: Seq) -> Option<Arc<Record>> {
        self.articles.record(seq)
    }

    /// Every article, by number, path and URL. Shared, not copied.
    pub(super) fn articles(&self) -> Articles {
        self.articles.clone()
    }

    /// Makes the path the article's: that of a new article, or another than it had.
    pub(super) fn move_to(&mut self, seq: Seq, path: &RelPath) {
        if let Some(record) = self.record(seq) {
            if self.articles.at_path(&record.path) == Some(seq) {
                self.articles.leave_path(&record.path);
            }
            self.put_record(&Record { path: path.clone(), ..(*record).clone() });
        }
        self.copies.remove(path);
        self.articles.take_path(path, seq);
    }

    /// Gives the article another standing; false where it has it already.
    pub(super) fn set_standing(&mut self, seq: Seq, standing: Standing, now: Timestamp) -> bool {
        let Some(record) = self.record(seq) else { return false };
        if record.standing == standing {
            return false;
        }
        if let Standing::Deleted(Some(at)) = record.standing {
            self.vanished.remove(&(at, seq));
        }
        if let Standing::Deleted(Some(at)) = standing {
            self.vanished.insert((at, seq));
        }
        let is_deleted = matches!(standing, Standing::Deleted(_));
        if record.standing == Standing::Withdrawn && is_deleted {
            self.departed.insert((now, seq));
        }
        if let Standing::Missing(since) = record.standing {
            self.missing.remove(&(since, seq));
            if is_deleted {
                // The other half of a rename may still come: the trace is kept for it.
                self.departed.insert((now, seq));
            }
        }
        if let Standing::Missing(since) = standing {
            self.missing.insert((since, seq));
        }
        let last_file = match standing {
            Standing::Public | Standing::Withdrawn => None,
            _ => record.last_file,
        };
        self.put_record(&Record { standing, last_file, ..(*record).clone() });
        true
    }

    /// The article that owns the URL.
    pub(super) fn owner_of_url(&self, url: &UrlPath) -> Option<Arc<Record>> {
        self.record(self.articles.owner_of_key(&url.key())?)
    }

    /// Sets the URLs that the configuration gives to feeds.
    pub(super) fn reserve(&mut self, urls: &Arc<BTreeSet<UrlPath>>) {
        self.reserved = Arc::clone(urls);
    }

    /// Whether no article can have the URL.
    pub(super) fn is_reserved(&self, url: &UrlPath) -> bool {
        url.is_reserved() || self.reserved.contains(url)
    }

    /// Makes the URL the article's for ever; false where it is an article's already.
    pub(super) fn own_url(&mut self, url: &UrlPath, seq: Seq) -> bool {
        let key = url.key();
        if self.articles.owner_of_key(&key).is_some() {
            return false;
        }
        self.articles.own_key(key, seq);
        true
    }

    /// Remembers that the article of the file asks for what is another's.
    pub(super) fn contest(&mut self, path: &RelPath, why: Diagnostic) {
        self.contested.insert(path.clone(), why);
    }

    /// Forgets that the article of the file asked for what is another's, and returns what was
    /// reported.
    pub(super) fn take_contest(&mut self, path: &RelPath) -> Option<Diagnostic> {
        self.contested.remove(path)
    }

    /// The files whose articles ask for what is another's, with what is reported of each.
    pub(super) fn contested(&self) -> impl Iterator<Item = (&RelPath, &Diagnostic)> {
        self.contested.iter()
    }

    /// The files whose articles ask for what is another's, as one value.
    pub(super) fn contests(&self) -> &OrdMap<RelPath, Diagnostic> {
        &self.contested
    }

    /// The article of the file at `path`, unless it was taken away.
    pub(super) fn live(&self, path: &RelPath) -> Option<Arc<Record>> {
        if self.is_live(path) { self.last_at(path) } else { None }
    }

    /// Whether the file at `path` has an article that was not taken away.
    pub(super) fn is_live(&self, path: &RelPath) -> bool {
        let seq = self.articles.at_path(path);
        let record = seq.and_then(|seq| self.articles.glance(seq));
        record.is_some_and(|record| record.standing.is_live())
    }

    /// The last article that had the file at `path`, deleted or not.
    pub(super) fn last_at(&self, path: &RelPath) -> Option<Arc<Record>> {
        self.record(self.articles.at_path(path)?)
    }

    /// Whether the article still has the file that its record names.
    pub(super) fn has_file(&self, record: &Record) -> bool {
        match self.file(&record.path) {
            // A link in the place of a file is not that file.
            Some(row) if matches!(row.kept, Kept::Linked(_)) => false,
            Some(_) => self.articles.at_path(&record.path) == Some(record.seq),
            None => false,
        }
    }

    /// Remembers a file.
    pub(super) fn put_file(&mut self, path: &RelPath, row: FileRow) {
        self.files.put(path, row);
    }

    /// Forgets a file.
    pub(super) fn forget_file(&mut self, path: &RelPath) -> Option<FileRow> {
        let row = self.files.remove(path)?;
        self.contested.remove(path);
        self.copies.remove(path);
        self.take_wait(path);
        Some(row)
    }

    /// Remembers an article, in place of what was remembered of it.
    pub(super) fn put_record(&mut self, record: &Record) {
        let (seq, digest) = (record.seq, beginning(record.digest));
        if let Some(old) = self.articles.glance(seq).map(|old| beginning(old.digest))
            && old != digest
        {
            self.by_digest.remove(&(old, number(seq)));
        }
        self.articles.put(record);
        self.by_digest.insert((digest, number(seq)));
    }

    /// The articles of other paths whose last known file has this inode or this content: the file
    /// at `path` may be one of them, moved.
    pub(super) fn twins(&self, path: &RelPath, row: &FileRow) -> Vec<Arc<Record>> {
        let mut twins = self.with_inode(path, &row.fingerprint);
        if let Some(digest) = row.digest {
            for record in self.with_digest(digest) {
                if record.path != *path && self.has_file(&record) {
                    twins.push(record);
                }
            }
        }
        twins
    }

    /// The articles with these bytes that were not taken away, with a file or without.
    pub(super) fn live_with(&self, digest: Digest) -> impl Iterator<Item = Arc<Record>> {
        self.with_digest(digest).filter(|record| record.standing.is_live())
    }

    /// The articles of other paths whose file is this one, by path.
    fn with_inode(&self, path: &RelPath, this: &Fingerprint) -> Vec<Arc<Record>> {
        let mut found = Vec::new();
        for hash in self.files.with_inode(this.ino) {
            for record in self.articles.at_paths(hash) {
                let file = self.fingerprint(&record.path);
                // The number alone proves nothing: it is reused as soon as a file is deleted.
                let is_same = file.is_some_and(|(file, _)| file.is_same_file(this));
                if is_same && record.standing.is_live() && record.path != *path {
                    found.push(record);
                }
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        found
    }

    /// The articles whose published bytes have this digest, by number.
    fn with_digest(&self, digest: Digest) -> impl Iterator<Item = Arc<Record>> {
        let alike = self.by_digest.range(pairs_of(beginning(digest)));
        alike.filter_map(move |(_, number)| {
            let record = self.record(number.into())?;
            (record.digest == digest).then_some(record)
        })
    }

    /// A forgotten article with these bytes.
    pub(super) fn forgotten(&self, digest: Digest) -> Option<Arc<Record>> {
        self.with_digest(digest).find(|record| record.standing == Standing::Forgotten)
    }

    /// The owner of the id.
    pub(super) fn owner_of(&self, id: &str) -> Option<Seq> {
        for (_, number) in self.by_id.range(pairs(id)) {
            // Ids whose digests begin alike can be made on purpose, so the text decides.
            if let Some(record) = self.record(number.into())
                && record.has_id(id)
            {
                return Some(record.seq);
            }
        }
        None
    }

    /// Makes every id of the article its own, for ever.
    pub(super) fn give_ids(&mut self, record: &Record) {
        for id in ids(record) {
            self.give_id(id, record.seq);
        }
    }

    /// Every article that ever was public, by its number.
    pub(super) fn records(&self) -> impl Iterator<Item = Arc<Record>> {
        self.articles.records()
    }

    /// Every URL that ever was public, by its key, with its owner.
    pub(super) fn urls(&self) -> impl Iterator<Item = (UrlPath, Seq)> {
        self.articles.urls()
    }

    /// Makes the id the article's, for ever.
    pub(super) fn give_id(&mut self, id: &str, seq: Seq) {
        self.by_id.insert(pair(id, seq));
    }

    /// The number that the next article gets.
    pub(super) fn next_seq(&self) -> Seq {
        match self.articles.last() {
            // Records are never removed, so no number is given twice.
            Some(seq) => seq + 1,
            None => 1,
        }
    }

    /// The id of a new article: its author's, else derived from (site id, path without extension,
    /// n), n the first never used. `Err` names the owner of an explicit id that is taken.
    pub(super) fn new_id(&self, site_id: &str, path: &RelPath, head: &Head) -> Result<String, Seq> {
        let Some(id) = &head.id else { return Ok(self.derived_id(site_id, path)) };
        match self.owner_of(id) {
            Some(owner) => Err(owner),
            None => Ok(id.clone()),
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

    /// The URL that `seq` gets for what it asks. A derived one that is another's is numbered; an
    /// explicit one is refused, with the path of its owner; a reserved one is refused.
    pub(super) fn claim(&self, seq: Seq, address: &Address) -> Result<UrlPath, Diagnostic> {
        if self.is_reserved(&address.url) {
            let url = &address.url;
            return Err(Diagnostic::error("reserved-url", format!("URL /{url} is reserved")));
        }
        if self.is_free_for(seq, &address.url) {
            return Ok(address.url.clone());
        }
        match address.origin {
            Origin::Derived => self.numbered(seq, &address.url),
            Origin::Explicit => Err(self.url_taken(&address.url)),
        }
    }

    /// Whether the URL is nobody's, or that of the article itself.
    fn is_free_for(&self, seq: Seq, url: &UrlPath) -> bool {
        match self.articles.owner_of_key(&url.key()) {
            Some(owner) => owner == seq,
            None => true,
        }
    }

    /// The first of `url-2`, `url-3`, ... that the article can have.
    fn numbered(&self, seq: Seq, url: &UrlPath) -> Result<UrlPath, Diagnostic> {
        for n in 2..=TWINS_MAX {
            let numbered = url.numbered(n);
            if self.is_free_for(seq, &numbered) && !self.is_reserved(&numbered) {
                return Ok(numbered);
            }
        }
        Err(Diagnostic::error("url-taken", "too many articles have the same URL"))
    }

    fn url_taken(&self, asked: &UrlPath) -> Diagnostic {
        let (path, looks_free) = match self.owner_of_url(asked) {
            Some(owner) => {
                let looks_free = owner.url != *asked && owner.url.key() == asked.key();
                (owner.path.to_string(), looks_free)
            }
            None => ("another article".to_owned(), false),
        };
        let why = if looks_free { "; URLs that differ in case or signs are one" } else { "" };
        Diagnostic::error("url-taken", format!("URL /{asked} is already used by {path}{why}"))
    }
}

/// Whether `url` is what an article gets that asks for `asked`: the same, or numbered. Case and signs
/// do not count.
pub(super) fn is_form_of(url: &UrlPath, asked: &UrlPath) -> bool {
    let key = url.key();
    let number = key.as_str().rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    key == asked.key() || number.is_some_and(|n| asked.numbered(n).key() == key)
}

/// `urn:uuid:` version 5 (RFC 9562, 5.5) of (site id, original path without extension, n).
fn derive(site_id: &str, path: &str, n: u32) -> String {
    let site = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("dropfeed:{site_id}").as_bytes());
    // No path contains a NUL, so no two pairs give the same name.
    let name = if n == 0 { path.to_owned() } else { format!("{path}\0{n}") };
    Uuid::new_v5(&site, name.as_bytes()).urn().to_string()
}

/// Every id that is the article's, for ever.
fn ids(record: &Record) -> Vec<&str> {
    let mut ids = vec![&*record.id];
    if let Some(imported) = &record.imported {
        ids.extend(imported.ids().chain(imported.former.as_deref()));
        // An import wins over the id of the front matter, which stays the article's all the same.
        // Without one, an id that is not the record's was written later, and may be another's.
        ids.extend(record.head.id.as_deref());
    }
    ids
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
