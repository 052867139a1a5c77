//! The import of an old feed: which articles get its ids and dates, now and when their files come;
//! and the way back.
//!
//! An import is a step of its own: it gives rows to commit, and nothing of it is visible before.
//! What an article gets is in its record; the feed itself is kept for files that are yet to come.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::article::{Head, Location};
use crate::base::time::whole_second;
use crate::base::{Format, RelPath, Timestamp, UrlPath};

use super::super::adopt::{Adoption, Imports};
use super::super::matching::{self, Candidate, Matches};
use super::super::old_feed::{Imported, OldFeed};
use super::super::state::{Outcome, Policy, Reweigh, Scan, State};
use super::super::{FileRow, Kept, Record, Seq, Standing, address, id_template};
use super::{Step, dates};

/// The name under which the imported feed is remembered.
pub const IMPORT: &str = "import";

/// The name under which the way back from the last import is remembered, until something of it is
/// published.
pub const UNDO: &str = "import.undo";

/// The state before an import.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Undo {
    /// The feed that was imported before.
    before: OldFeed,
    /// The articles that were given something.
    records: Vec<Former>,
}

/// An article before an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Former {
    seq: Seq,
    id: String,
    first_seen: Timestamp,
    published: Timestamp,
    updated: Timestamp,
    imported: Option<Imported>,
}

/// The fate of an entry of an old feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// An article has its id.
    Article(RelPath),
    /// It fits these articles, or one that another entry fits as well.
    Ambiguous(Vec<RelPath>),
    /// No public article has its link, its slug, or its title and date.
    Unmatched,
}

impl State {
    pub(super) fn take_imports(&mut self, imports: Imports) {
        self.library.feed_id =
            imports.feed().and_then(|feed| feed.feed_id.as_deref().map(Arc::from));
        self.imports = imports;
    }

    /// Takes over the id of the site's feed that an import had given it, from the feeds on disk.
    /// Gives the value to remember.
    pub fn adopt_feed_id(&mut self, feed_id: String) -> String {
        self.take_imports(Imports::of(OldFeed { feed_id: Some(feed_id), ..OldFeed::default() }));
        self.imports.print()
    }

    /// Imports `feed`: what is known already gets its ids and dates, and files that come later
    /// will. Gives the next state, the rows to commit, and the way back.
    #[must_use]
    pub fn import(&self, feed: OldFeed, policy: &Policy, now: Timestamp) -> (State, Outcome, Undo) {
        let mut undo =
            Undo { before: self.imports.feed().cloned().unwrap_or_default(), records: Vec::new() };
        let mut state = self.clone();
        state.take_imports(Imports::of(joined(&undo.before, feed)));
        let mut step = Step::new(state, policy, now, Scan::Later);
        step.import(&mut undo);
        let (state, outcome) = step.finish_import();
        (state, outcome, undo)
    }

    /// Takes an import back.
    #[must_use]
    pub fn undo_import(&self, undo: Undo, policy: &Policy, now: Timestamp) -> (State, Outcome) {
        let mut state = self.clone();
        state.take_imports(Imports::of(undo.before));
        let mut step = Step::new(state, policy, now, Scan::Later);
        for former in undo.records {
            let Former { seq, id, first_seen, published, updated, imported } = former;
            let Some(record) = step.state.ledger.record(seq) else { continue };
            let imported = imported.map(Arc::new);
            let record =
                Record { id, first_seen, published, updated, imported, ..(*record).clone() };
            step.put_record(record);
        }
        step.finish_import()
    }

    /// The fate of each entry of the imported feed, in its order.
    pub fn fates(&self, feed: &OldFeed) -> Vec<Fate> {
        let imports = Imports::of(feed.clone());
        let (records, candidates) = self.known();
        let owner = |id: &str| {
            let record = self.ledger.owner_of(id).and_then(|seq| self.ledger.record(seq));
            record.filter(|record| is_public(record.standing)).map(|record| record.path.clone())
        };
        let matches = match imports.index() {
            Some((feed, index)) => {
                let is_free = |n: usize| owner(&feed.entries[n].id).is_none();
                index.matches(feed, &candidates, is_free)
            }
            None => Matches::default(),
        };
        let mut fates = Vec::with_capacity(feed.entries.len());
        for (n, entry) in feed.entries.iter().enumerate() {
            let fitting = matches.ambiguous.get(&n);
            fates.push(match (owner(&entry.id), fitting) {
                (Some(path), _) => Fate::Article(path),
                (None, Some(fitting)) => {
                    Fate::Ambiguous(fitting.iter().map(|n| records[*n].path.clone()).collect())
                }
                (None, None) => Fate::Unmatched,
            });
        }
        fates
    }

    /// Compares the ids that the template of `feed` makes with those that its entries have: how
    /// many agree, and the first that does not, with its file, the id that was made, and the id
    /// that the feed has.
    pub fn try_template(&self, feed: &OldFeed) -> (usize, Option<(RelPath, String, String)>) {
        let (mut right, mut wrong) = (0, None);
        for entry in &feed.entries {
            let seq = self.ledger.owner_of(&entry.id);
            let Some(record) = seq.and_then(|seq| self.ledger.record(seq)) else { continue };
            match id_template::fill(feed, &record.head, &record.url, record.published) {
                Some(made) if record.has_id(&made) => right += 1,
                Some(made) if wrong.is_none() => {
                    wrong = Some((record.path.clone(), made, entry.id.clone()));
                }
                _ => {}
            }
        }
        (right, wrong)
    }

    /// Every article that is not gone, and by what an entry may know it.
    fn known(&self) -> (Vec<Arc<Record>>, Vec<Candidate>) {
        let mut urls: HashMap<Seq, Vec<UrlPath>> = HashMap::new();
        for (url, seq) in self.ledger.urls() {
            urls.entry(seq).or_default().push(url);
        }
        let (mut records, mut candidates) = (Vec::new(), Vec::new());
        for record in self.ledger.records() {
            if !is_public(record.standing) {
                continue;
            }
            let mut all = vec![record.url.clone()];
            all.extend(urls.remove(&record.seq).unwrap_or_default());
            let mut candidate = candidate(&record.path, &record.head, all);
            candidate.published = record.head.published.map(|_| record.published);
            if let Some(imported) = &record.imported {
                candidate.taken = imported.formats();
                candidate.published = imported.published.or(candidate.published);
            }
            records.push(record);
            candidates.push(candidate);
        }
        (records, candidates)
    }
}

fn is_public(standing: Standing) -> bool {
    matches!(standing, Standing::Public | Standing::Missing(_))
}

/// The feed that was imported before, with the entries of another.
fn joined(before: &OldFeed, feed: OldFeed) -> OldFeed {
    let mut entries = before.entries.clone();
    let known: std::collections::HashSet<(Format, String)> =
        entries.iter().map(|entry| (entry.format, entry.id.clone())).collect();
    for entry in feed.entries {
        if !known.contains(&(entry.format, entry.id.clone())) {
            entries.push(entry);
        }
    }
    OldFeed {
        entries,
        feed_id: feed.feed_id.or_else(|| before.feed_id.clone()),
        home: feed.home.or_else(|| before.home.clone()),
        base: feed.base,
        id_template: feed.id_template.or_else(|| before.id_template.clone()),
    }
}

/// An article by what an entry may know it.
fn candidate(path: &RelPath, head: &Head, mut urls: Vec<UrlPath>) -> Candidate {
    urls.extend(head.aliases.iter().filter_map(|alias| UrlPath::new(alias)));
    urls.extend(head.path.as_deref().and_then(UrlPath::new));
    let file = Location::of(path).names.pop();
    let names = [urls.first().map(|url| url.as_str().to_owned()), head.slug.clone(), file];
    let mut slugs: Vec<String> = Vec::new();
    for name in names.iter().flatten() {
        slugs.extend(matching::slug_of(name));
    }
    slugs.sort();
    slugs.dedup();
    Candidate { urls, slugs, title: head.title.clone(), published: None, taken: Vec::new() }
}

impl Step<'_> {
    /// Gives known articles what the imported feed has for them.
    fn import(&mut self, undo: &mut Undo) {
        let imports = self.state.imports.clone();
        let Some((feed, index)) = imports.index() else { return };
        let (records, candidates) = self.state.known();
        let ledger = &self.state.ledger;
        let is_free = |n: usize| match ledger.owner_of(&feed.entries[n].id) {
            // Its own id, by its front matter or because dropfeed derived it, is no obstacle.
            Some(seq) => ledger.record(seq).is_some_and(|record| record.imported.is_none()),
            None => true,
        };
        let matches = index.matches(feed, &candidates, is_free);
        for (n, old) in records.iter().enumerate() {
            let found = matches.entries.get(&n).map_or(&[][..], Vec::as_slice);
            if let Some(record) = self.imported(old, feed, found, &imports) {
                undo.records.push(Former {
                    seq: old.seq,
                    id: old.id.clone(),
                    first_seen: old.first_seen,
                    published: old.published,
                    updated: old.updated,
                    imported: old.imported.as_deref().cloned(),
                });
                self.state.ledger.give_ids(&record);
                self.put_record(record);
            }
        }
    }

    /// The article with what these entries give it; `None` where that is nothing.
    fn imported(
        &self,
        old: &Record,
        feed: &OldFeed,
        found: &[usize],
        imports: &Imports,
    ) -> Option<Record> {
        let mut imported = old.imported.as_deref().cloned().unwrap_or_default();
        let is_mine =
            |id: &str| self.state.ledger.owner_of(id).is_none_or(|owner| owner == old.seq);
        let mut updated = None;
        for n in found {
            let entry = &feed.entries[*n];
            if is_mine(&entry.id) {
                imported.take(entry);
                updated = updated.max(entry.updated);
            }
        }
        let is_first = old.imported.is_none();
        let id = match imported.main_id() {
            Some(id) if is_first => id.to_owned(),
            Some(_) => old.id.clone(),
            // An article that the old feed does not list.
            None if is_first && imports.precedes(old.published) => {
                let id = id_template::fill(feed, &old.head, &old.url, old.published);
                id.filter(|id| is_mine(id)).unwrap_or_else(|| old.id.clone())
            }
            None => return None,
        };
        if is_first {
            imported.written = old.head.published;
            // Nobody else may get it: subscribers of dropfeed's own feed may know the article by
            // it.
            imported.former = (id != old.id).then(|| old.id.clone());
        }
        let date = imported.date_for(old.head.published);
        let published = date.map_or(old.published, |date| whole_second(date.min(self.now)));
        let updated = match updated {
            Some(updated) => dates::updated_imported(updated, &id, published, self.now),
            // What never changed was last changed when it was published.
            None if whole_second(old.updated) <= old.published => {
                dates::updated_imported(published, &id, published, self.now)
            }
            None => dates::updated_imported(old.updated, &id, published, self.now),
        };
        let first_seen = old.first_seen.min(published);
        let imported = Some(Arc::new(imported));
        let record = Record { id, first_seen, published, updated, imported, ..old.clone() };
        (record != *old).then_some(record)
    }

    /// Ends an import: the feed of the site changes in any case, since its id may.
    fn finish_import(mut self) -> (State, Outcome) {
        self.touched.insert(crate::base::Scope::Site);
        let text = self.state.imports.print();
        let (state, mut outcome) = self.finish(Reweigh::Changed);
        outcome.commit.values.push((IMPORT.to_owned(), text));
        // A line for each article would say nothing that the report of the import does not.
        outcome.notices.clear();
        (state, outcome)
    }

    /// Finds what new files get from the imported feed.
    pub(super) fn find_adoptions(&mut self, new: &[RelPath]) {
        let imports = self.state.imports.clone();
        let Some((feed, index)) = imports.index() else { return };
        let ledger = &self.state.ledger;
        let (mut paths, mut heads, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
        for path in new {
            let Some(FileRow { kept: Kept::Article(head, _), .. }) = ledger.file(path) else {
                continue;
            };
            let asked = address::address(path, &head).ok();
            let urls = asked.map(|asked| asked.url).into_iter().collect();
            let mut candidate = candidate(path, &head, urls);
            candidate.published = head.published.map(|date| date.resolve(&self.policy.zone));
            paths.push(path.clone());
            heads.push(head);
            candidates.push(candidate);
        }
        let is_free = |n: usize| ledger.owner_of(&feed.entries[n].id).is_none();
        let matches = index.matches(feed, &candidates, is_free);
        let mut adoptions = BTreeMap::new();
        for (n, found) in &matches.entries {
            let mut imported = Imported { written: heads[*n].published, ..Imported::default() };
            let mut updated = None;
            for entry in found.iter().map(|entry| &feed.entries[*entry]) {
                imported.take(entry);
                updated = updated.max(entry.updated);
            }
            let adoption = Adoption {
                id: imported.main_id().map(str::to_owned),
                imported: Arc::new(imported),
                updated,
                place: found[0],
            };
            adoptions.insert(paths[*n].clone(), adoption);
        }
        self.adoptions = adoptions;
    }

    /// What a new file gets: from its entries, or, where the tree is older than dropfeed and the
    /// old feed did not list it, a place outside of the site's feed.
    pub(super) fn adoption_of(
        &self,
        path: &RelPath,
        head: &Head,
        published: Timestamp,
    ) -> Option<Adoption> {
        if let Some(adoption) = self.adoptions.get(path) {
            return Some(adoption.clone());
        }
        if !self.is_on_first_scan(path) || !self.state.imports.precedes(published) {
            return None;
        }
        let feed = self.state.imports.feed()?;
        let url = address::address(path, head).ok()?.url;
        Some(Adoption {
            id: id_template::fill(feed, head, &url, published),
            imported: Arc::new(Imported { written: head.published, ..Imported::default() }),
            updated: None,
            place: usize::MAX,
        })
    }
}
