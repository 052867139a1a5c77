//! The files of a step, weighed against what is remembered: held, withdrawn, admitted, edited, or
//! contested.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::article::{Head, WordSketch};
use crate::base::Fingerprint;
use crate::base::path::FileKind;
use crate::base::time::whole_second;
use crate::base::{Diagnostic, Digest, RelPath, Timestamp, UrlPath};

use super::super::address;
use super::super::adopt::{Adoption, Rank, Recovered};
use super::super::ledger::is_form_of;
use super::super::state::Notice;
use super::super::{FileRow, Kept, Record, Seq, Standing};
use super::Step;
use super::dates::{self, Edit, Showing};

/// The share of its old words that a file must have kept to be the deleted article of its path
/// again.
const KEPT_SHARE_MIN: f64 = 0.5;

/// A usable file, about to become public or to change what is.
struct Draft<'p> {
    path: &'p RelPath,
    digest: Option<Digest>,
    head: Arc<Head>,
    /// Its words; `None` where it is published as it is.
    sketch: Option<Arc<WordSketch>>,
    published: Timestamp,
}

impl Step<'_> {
    pub(super) fn weigh_all(&mut self) {
        if !self.pending.is_empty() || !self.records.is_empty() {
            // Any change may settle these: the article whose id a file gives may have lost its
            // file, and the original of a copy may be gone.
            self.pending.extend(self.state.ledger.contested().map(|(path, _)| path.clone()));
            self.pending.extend(self.state.ledger.copies().cloned());
        }
        let mut new = Vec::new();
        for path in std::mem::take(&mut self.pending) {
            if self.state.ledger.is_live(&path) {
                self.weigh(&path);
            } else {
                new.push(path);
            }
        }
        self.find_adoptions(&new);
        // Numbers follow dates where many become public at once.
        new.sort_by_cached_key(|path| (self.sort_date(path), path.clone()));
        for path in new {
            self.weigh(&path);
        }
        self.own_aliases();
    }

    /// The key by which new files get their numbers: by rank, then by date; articles of one second
    /// that were in an old feed keep the order they had there, where the newest is first.
    fn sort_date(&self, path: &RelPath) -> (Rank, Timestamp, Reverse<usize>) {
        let Some(FileRow { kept: Kept::Article(head, _), fingerprint, .. }) =
            self.state.ledger.file(path)
        else {
            // It gets no number, so its place does not matter.
            return (Rank::Before, self.now, Reverse(usize::MAX));
        };
        let recovered = self.recovered(path, &head);
        let (first_seen, undated) = self.first_dates(path, recovered, &fingerprint);
        let date = dates::published(&head, first_seen, undated, &self.policy.zone);
        if let Some(adoption) = self.adoptions.get(path) {
            let date = adoption.imported.date_for(head.published).unwrap_or(date);
            return (Rank::Held, date, Reverse(adoption.place));
        }
        if let Some(recovered) = recovered {
            let rank = self.state.adopted.rank(Some(recovered), date);
            return (rank, date, Reverse(recovered.place));
        }
        if self.state.imports.feed().is_some() {
            let is_older = self.state.imports.precedes(date);
            let rank = if is_older { Rank::Before } else { Rank::After };
            return (rank, date, Reverse(usize::MAX));
        }
        (self.state.adopted.rank(None, date), date, Reverse(usize::MAX))
    }

    /// The entry of the file's article in the feeds on disk, where the ledger was lost.
    fn recovered(&self, path: &RelPath, head: &Head) -> Option<&Recovered> {
        self.state.adopted.find(&self.state.ledger, path, head)
    }

    /// The time at which a new article was first seen, and its date where its author wrote none.
    fn first_dates(
        &self,
        path: &RelPath,
        recovered: Option<&Recovered>,
        fingerprint: &Fingerprint,
    ) -> (Timestamp, Timestamp) {
        match recovered {
            Some(recovered) => (recovered.published, recovered.published),
            None => (self.now, self.undated(path, fingerprint)),
        }
    }

    /// The date of a new article that has none: now; on the first scan of an existing tree its
    /// file's, capped at now.
    fn undated(&self, path: &RelPath, fingerprint: &Fingerprint) -> Timestamp {
        if self.is_on_first_scan(path) { self.file_time(fingerprint.mtime_ns) } else { self.now }
    }

    /// The time on a file, capped at now: a file from a clock that is ahead is as new as can be.
    pub(super) fn file_time(&self, ns: i64) -> Timestamp {
        let time = Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(self.now);
        time.min(self.now)
    }

    /// Weighs the file at `path` against what is remembered of its article.
    fn weigh(&mut self, path: &RelPath) {
        self.get_on();
        let Some(row) = self.state.ledger.file(path) else { return };
        let is_article = matches!(FileKind::of(path), FileKind::Article(_));
        if !is_article || matches!(row.kept, Kept::Linked(_)) {
            return;
        }
        // Either is remembered again below, where it still holds.
        let reported = self.state.ledger.take_contest(path);
        self.state.ledger.take_wait(path);
        let live = self.state.ledger.live(path);
        let (head, sketch) = match (&row.kept, &live) {
            (Kept::Article(head, sketch), _) => (Arc::clone(head), Some(Arc::clone(sketch))),
            (Kept::Recorded, Some(record)) => (Arc::clone(&record.head), None),
            _ => {
                self.keep_found(path);
                return self.reappear(live.as_deref());
            }
        };
        if live.is_none()
            && let Some(record) = self.forgotten(path, &row, &head, sketch.as_deref())
        {
            return self.refuse_forgotten(path, &record, reported.as_ref());
        }
        let record = match live {
            Some(record) => Some(record),
            None => self.returning(path, &head, sketch.as_deref(), row.digest),
        };
        let published = self.published(path, record.as_deref(), &head, &row.fingerprint);
        let showing = if self.state.withheld_by(path).is_some() {
            Showing::Never
        } else {
            dates::showing(&head, published, record.as_deref(), self.now, &self.policy.zone)
        };
        match showing {
            Showing::Never => {
                self.state.ledger.put_wait(path, None);
                self.withdraw(record.as_deref());
            }
            Showing::Expired(at) => {
                self.state.ledger.expire(at, path);
                self.withdraw(record.as_deref());
            }
            Showing::From(at) => {
                self.state.ledger.put_wait(path, Some(at));
                if self.state.ledger.wake_at(at, path) {
                    self.notices.push(Notice::Held(path.clone(), at));
                }
                self.withdraw(record.as_deref());
            }
            Showing::Now(_) if record.is_none() && self.waits_as_copy(path, &head, &row) => {}
            Showing::Now(expires) => {
                if let Some(expires) = expires {
                    self.state.ledger.wake_at(expires, path);
                }
                let draft = Draft { path, digest: row.digest, head, sketch, published };
                let refused = match record {
                    Some(record) => self.edit(&record, draft),
                    None => self.admit(draft),
                };
                self.settle(path, row, reported, refused.err());
            }
        }
    }

    /// The date of the article at `path`: `record` is what is known of it, if anything is.
    fn published(
        &self,
        path: &RelPath,
        record: Option<&Record>,
        head: &Head,
        fingerprint: &Fingerprint,
    ) -> Timestamp {
        let recovered = if record.is_none() { self.recovered(path, head) } else { None };
        let (first_seen, undated) = match record {
            Some(record) => (record.first_seen, record.published),
            None => self.first_dates(path, recovered, fingerprint),
        };
        let imported = match (record, self.adoptions.get(path), recovered) {
            (Some(record), _, _) => record.imported.as_ref(),
            (None, Some(adoption), _) => Some(&adoption.imported),
            (None, None, Some(recovered)) => recovered.imported.as_ref(),
            (None, None, None) => None,
        };
        // The date of an old feed wins over the file's: subscribers know the entry by it.
        if let Some(imported) = imported
            && let Some(date) = imported.date_for(head.published)
        {
            return whole_second(date.min(self.now));
        }
        dates::published(head, first_seen, undated, &self.policy.zone)
    }

    /// Records the outcome for a file: public as it is, or contested.
    fn settle(
        &mut self,
        path: &RelPath,
        row: FileRow,
        reported: Option<Diagnostic>,
        refused: Option<Diagnostic>,
    ) {
        let Some(diagnostic) = refused else {
            if row.kept != Kept::Recorded {
                self.put_file(path, FileRow { kept: Kept::Recorded, ..row });
            }
            return;
        };
        if reported.as_ref() != Some(&diagnostic) {
            self.notices.push(Notice::Diagnostic(path.clone(), diagnostic.clone()));
        }
        self.state.ledger.contest(path, diagnostic);
        self.reappear(self.state.ledger.live(path).as_deref());
    }

    /// Ends the grace of an article whose file is there but not usable: the last good version
    /// stays.
    fn reappear(&mut self, record: Option<&Record>) {
        if let Some(Record { seq, standing: Standing::Missing(_), .. }) = record {
            self.set_standing(*seq, Standing::Public);
        }
    }

    /// Keeps a deleted article whose file was found at `path`, where that is not usable: from now on,
    /// the path is the article, as with one that is back as a draft.
    fn keep_found(&mut self, path: &RelPath) {
        if let Some(found) = self.state.ledger.last_at(path)
            && self.renamed.contains_key(&found.seq)
            && matches!(found.standing, Standing::Deleted(_))
        {
            self.set_standing(found.seq, Standing::Withdrawn);
        }
    }

    fn withdraw(&mut self, record: Option<&Record>) {
        let Some(record) = record else { return };
        if record.standing.is_shown() {
            self.notices.push(Notice::Withdrawn(record.path.clone()));
            self.set_standing(record.seq, Standing::Withdrawn);
        } else if matches!(record.standing, Standing::Deleted(_)) {
            // Its file is back, as a draft: from now on the path is the article, whatever its words
            // become.
            self.set_standing(record.seq, Standing::Withdrawn);
        }
    }

    fn edit(&mut self, old: &Record, draft: Draft<'_>) -> Result<(), Diagnostic> {
        let digest = draft.digest.unwrap_or(old.digest);
        let old_path = self.renamed.get(&old.seq).unwrap_or(&old.path);
        let asked = address::address(draft.path, &draft.head)?;
        // An article that asks for the same address as before keeps its URL, even where it has a
        // number that is free again by now. It has another one if it was renamed while it could not
        // be read or was a draft.
        let is_unmoved = match address::address(old_path, &old.head) {
            Ok(before) => before == asked && is_form_of(&old.url, &asked.url),
            Err(_) => false,
        };
        let keeps = is_unmoved && !self.state.ledger.is_reserved(&old.url);
        let url = if keeps { old.url.clone() } else { self.state.ledger.claim(old.seq, &asked)? };
        let edit = match &draft.sketch {
            Some(words) if digest != old.digest => self.edit_of(old, &draft.head, words),
            _ => Edit::None,
        };
        let (updated, measured) =
            dates::updated_next(old, &draft.head, edit, draft.published, self.now, self.policy);
        if measured && let Some(words) = draft.sketch {
            self.words.insert(old.seq, words);
        }
        // The record below is public, too; but only this takes the article out of the sets of those
        // that are missing or have vanished.
        self.set_standing(old.seq, Standing::Public);
        let record = Record {
            path: draft.path.clone(),
            url,
            published: draft.published,
            updated,
            digest,
            head: draft.head,
            standing: Standing::Public,
            last_file: None,
            ..old.clone()
        };
        self.own(&record);
        if record != *old {
            self.put_record(record);
        }
        Ok(())
    }

    /// The distance of an edited text from the words at the last `updated`. They are looked up only
    /// where the edit decides the date.
    fn edit_of(&mut self, old: &Record, head: &Head, words: &WordSketch) -> Edit {
        if head.updated.is_some() {
            return Edit::Unmeasured;
        }
        match self.words_of(old.seq) {
            Some(before) if self.policy.minor_edit.is_minor(&before, words) => Edit::Minor,
            _ => Edit::Major,
        }
    }

    fn admit(&mut self, draft: Draft<'_>) -> Result<(), Diagnostic> {
        let asked = address::address(draft.path, &draft.head)?;
        let ledger = &self.state.ledger;
        let recovered = self.recovered(draft.path, &draft.head).cloned();
        let adoption = self.adoption_of(draft.path, &draft.head, draft.published);
        let id = self.first_id(&draft, adoption.as_ref(), recovered.as_ref())?;
        // There always is one: a file whose head is known was read.
        let Some(digest) = draft.digest else { return Ok(()) };
        let seq = ledger.next_seq();
        let url = ledger.claim(seq, &asked)?;
        let updated =
            dates::updated_first(&draft.head, &id, draft.published, self.now, &self.policy.zone);
        let (first_seen, updated) = match (&adoption, &recovered) {
            // Subscribers of the old site know the entry with that feed's `updated`.
            (Some(Adoption { imported, updated: Some(old), .. }), _) if imported.is_listed => {
                let updated = dates::updated_imported(*old, &id, draft.published, self.now);
                (draft.published, updated)
            }
            (Some(_), _) => (draft.published, updated),
            (None, Some(recovered)) => (recovered.published, updated.max(recovered.updated)),
            (None, None) => (self.now, updated),
        };
        let imported = match (adoption, recovered) {
            (Some(adoption), _) => Some(adoption.imported),
            (None, Some(recovered)) => recovered.imported,
            (None, None) => None,
        };
        let record = Record {
            seq,
            id: id.clone(),
            path: draft.path.clone(),
            url,
            first_seen: whole_second(first_seen),
            published: draft.published,
            updated,
            digest,
            head: draft.head,
            standing: Standing::Public,
            imported,
            last_file: None,
        };
        self.words.insert(seq, draft.sketch.unwrap_or_default());
        self.state.ledger.give_ids(&record);
        self.state.ledger.move_to(seq, draft.path);
        self.own(&record);
        self.put_record(record);
        Ok(())
    }

    /// The id of a new article: the one it had in an old feed, where that is free, else a new one.
    fn first_id(
        &self,
        draft: &Draft<'_>,
        adoption: Option<&Adoption>,
        recovered: Option<&Recovered>,
    ) -> Result<String, Diagnostic> {
        let ledger = &self.state.ledger;
        let adopted = adoption.and_then(|adoption| adoption.id.clone());
        let old_id = match (adopted, recovered) {
            (Some(id), _) => Some(id),
            (None, Some(recovered)) => recovered.id_for(&draft.head),
            (None, None) => None,
        };
        if let Some(id) = old_id
            && ledger.owner_of(&id).is_none()
        {
            return Ok(id);
        }
        match ledger.new_id(&self.policy.site_id, draft.path, &draft.head) {
            Ok(id) => Ok(id),
            Err(owner) => Err(self.id_taken(owner)),
        }
    }

    /// The article that the file at `path` is again, though its own path had none: the one whose id
    /// it gives, if that has no file any more; else the deleted one of this path, or the one before
    /// that, if its last bytes or at least half of its published words are here again; else a deleted
    /// one with these very bytes, which its author restored elsewhere.
    fn returning(
        &mut self,
        path: &RelPath,
        head: &Head,
        sketch: Option<&WordSketch>,
        digest: Option<Digest>,
    ) -> Option<Arc<Record>> {
        let ledger = &self.state.ledger;
        if let Some(id) = &head.id {
            let seq = ledger.owner_of(id)?;
            let record = ledger.record(seq)?;
            // The file at the path of a deleted article is this very file.
            let is_own_file = record.path == *path && !record.standing.is_live();
            if ledger.has_file(&record) && !is_own_file {
                return None;
            }
            self.rename(seq, path);
            return self.state.ledger.record(seq);
        }
        if let Some(last) = ledger.last_at(path)
            && self.is_again(&last, sketch, digest)
        {
            return Some(last);
        }
        if let Some(former) = self.former_at(path, head)
            && self.is_again(&former, sketch, digest)
        {
            self.state.ledger.move_to(former.seq, path);
            return Some(former);
        }
        let seq = self.state.ledger.deleted_with(digest?, path)?.seq;
        self.rename(seq, path);
        self.state.ledger.record(seq)
    }

    /// The deleted article that had `path` before its last one, and still has the URL of it.
    fn former_at(&self, path: &RelPath, head: &Head) -> Option<Arc<Record>> {
        let asked = address::address(path, head).ok()?;
        let owner = self.state.ledger.owner_of_url(&asked.url)?;
        let is_deleted = matches!(owner.standing, Standing::Deleted(_));
        if is_deleted && owner.path == *path { Some(owner) } else { None }
    }

    /// Whether a file at the path of an article that was taken away is that article again.
    fn is_again(
        &mut self,
        old: &Record,
        sketch: Option<&WordSketch>,
        digest: Option<Digest>,
    ) -> bool {
        if old.standing == Standing::Forgotten {
            return false;
        }
        // It was followed here, so this is its file, whatever its author wrote into it as a draft.
        if self.renamed.contains_key(&old.seq) {
            return true;
        }
        // The bytes that went may be others than those that were published, such as a draft's.
        if digest.is_some() && old.last_file.and_then(|file| file.digest) == digest {
            return true;
        }
        if self.state.ledger.is_back(old) {
            return true;
        }
        let (Some(words), Some(old_words)) = (sketch, self.words_of(old.seq)) else { return false };
        words.kept_share(&old_words) >= KEPT_SHARE_MIN
    }

    fn id_taken(&self, owner: Seq) -> Diagnostic {
        let (id, path) = match self.state.ledger.record(owner) {
            Some(owner) => (owner.id.clone(), owner.path.to_string()),
            None => Default::default(),
        };
        Diagnostic::error("id-taken", format!("id {id:?} is already used by {path}"))
    }

    /// Makes the URL of the record its own for ever, and remembers that its aliases are to be.
    fn own(&mut self, record: &Record) {
        self.own_url(&record.url, record.seq);
        if !record.head.aliases.is_empty() {
            self.aliased.push(record.seq);
        }
    }

    /// Makes the aliases of the articles that were weighed their own for ever. They come after the
    /// URLs of all articles of the step: an article never loses its URL to the alias of another.
    fn own_aliases(&mut self) {
        for seq in std::mem::take(&mut self.aliased) {
            let Some(record) = self.state.ledger.record(seq) else { continue };
            for alias in &record.head.aliases {
                if let Some(url) = address::alias(alias, &self.policy.site_path)
                    && !self.state.ledger.is_reserved(&url)
                {
                    self.own_url(&url, seq);
                }
            }
        }
    }

    fn own_url(&mut self, url: &UrlPath, seq: Seq) {
        if self.state.ledger.own_url(url, seq) {
            self.urls.push((url.clone(), seq));
        }
    }
}
