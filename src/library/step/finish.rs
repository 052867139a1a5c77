//! The end of a step: the library is brought in line with the records that changed, and the rows
//! are gathered.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::route::slug;
use crate::base::time::whole_second;
use crate::base::{Scope, Timestamp, UrlPath, each};

use super::super::articles::Pair;
use super::super::locate;
use super::super::state::{Notice, Outcome, Reweigh, State};
use super::super::{
    Article, ChannelRow, Commit, Library, Record, Seq, address, audience, channel, guard,
};
use super::Step;

/// Fewer articles than this are shown one after the other.
pub(super) const PARALLEL_MIN: usize = 1000;

/// Articles that are made ready at a time.
const PART: usize = 4096;

/// The part of a record that all who show the article need: made of many side by side.
pub(super) struct Shown {
    article: Arc<Article>,
    fingerprint: u128,
    names: Vec<Pair>,
    directories: Vec<(Scope, String)>,
}

impl Shown {
    /// `None` for an article that is not public.
    pub(super) fn of(record: &Record) -> Option<Self> {
        if !record.standing.is_shown() {
            return None;
        }
        let article = Arc::new(Article::of(record));
        let fingerprint = channel::fingerprint(&article);
        let names = locate::pairs(&article);
        let directories = address::directories(&article.path);
        Some(Self { article, fingerprint, names, directories })
    }
}

impl Step<'_> {
    /// Brings the library in line with the records that changed, and gathers the rows.
    pub(super) fn finish(mut self, reweigh: Reweigh) -> (State, Outcome) {
        // The site has a feed even before it has an article.
        self.open_channel(Scope::Site, "");
        for view in self.policy.views.iter() {
            self.open_channel(view.scope.clone(), &view.title);
        }
        // What is public is compared with what the library has of it, so that comes before the
        // library has the new records.
        let mut again = std::mem::take(&mut self.shown_again);
        again.retain(|seq| !self.records.contains(seq));
        // Their records are as they were, so there are no rows to gather.
        self.show(&again, drop);
        let changed: Vec<Seq> = self.records.iter().copied().collect();
        let mut records = Vec::with_capacity(changed.len());
        self.show(&changed, |record| records.push(record));
        self.state.library.articles = self.state.ledger.articles();
        debug_assert!(self.state.ledger.agrees(), "the maps of the ledger disagree");
        // Pages close before channels are marked: a new page changes the channel.
        let values = self.close_pages(reweigh);
        let channels = self.mark_channels();
        let mut commit = Commit { channels, values, ..Commit::default() };
        for path in &self.files {
            let row = self.state.durable_row(path);
            commit.files.push((path.clone(), row));
        }
        commit.records = records;
        commit.words = self.words;
        commit.urls = self.urls;
        commit.forgotten = self.forgotten;
        if self.state.hold != self.hold_before {
            let text = match self.state.hold {
                Some(hold) => hold.to_string(),
                None => String::new(),
            };
            commit.values.push((guard::HOLD.to_owned(), text));
        }
        let (touched, notices, wanted) = (self.touched, self.notices, self.wanted);
        (self.state, Outcome { commit, touched, notices, wanted })
    }

    /// Shows the articles with these numbers, and gives their records to `keep`.
    fn show(&mut self, seqs: &[Seq], mut keep: impl FnMut(Arc<Record>)) {
        if seqs.len() >= PARALLEL_MIN {
            self.named = Some(Vec::new());
        }
        // In parts, so that what is made for them is not all in memory at once.
        for part in seqs.chunks(PART) {
            let ledger = &self.state.ledger;
            let found = each::map(part.to_vec(), PARALLEL_MIN, |seq| {
                let record = ledger.record(seq)?;
                let shown = Shown::of(&record);
                Some((record, shown))
            });
            for (record, shown) in found.into_iter().flatten() {
                self.show_as(record.seq, shown);
                keep(record);
            }
        }
        if let Some(named) = self.named.take() {
            self.state.library.names.extend(named);
        }
    }

    /// Puts the article with this number into the library, changes it there, or takes it out.
    pub(super) fn show_as(&mut self, seq: Seq, shown: Option<Shown>) {
        self.get_on();
        let old = self.state.library.article(seq);
        let scopes = match &shown {
            Some(shown) => self.scopes(shown),
            None => Vec::new(),
        };
        let new = shown.as_ref().map(|shown| &shown.article);
        if old.as_ref() == new && self.state.library.scopes_of(seq) == scopes {
            return;
        }
        if let Some(old) = &old {
            let left = self.state.library.remove(old);
            self.touched.extend(left);
        }
        self.touched.extend(scopes.iter().cloned());
        self.touched.insert(Scope::Site);
        let Some(Shown { article, fingerprint, names, .. }) = shown else { return };
        self.state.library.insert(&article, fingerprint, &scopes);
        match &mut self.named {
            Some(named) => named.extend(names),
            None => {
                for name in names {
                    self.state.library.names.insert(name);
                }
            }
        }
        match (old, self.renamed.remove(&seq)) {
            (None, _) => self.notices.push(Notice::Published(article)),
            (Some(_), Some(from)) => self.notices.push(Notice::Renamed(from, article)),
            (Some(old), None) if old != article => self.notices.push(Notice::Changed(article)),
            // Only its scopes changed: nothing that is worth a line of log.
            (Some(_), None) => {}
        }
    }

    fn scopes(&mut self, shown: &Shown) -> Vec<Scope> {
        let article = &shown.article;
        let audience = audience(article);
        if !audience.feeds && !audience.lists {
            return Vec::new();
        }
        let mut scopes = vec![Scope::Site];
        for (scope, name) in &shown.directories {
            scopes.push(self.open_channel(scope.clone(), name));
        }
        for tag in &article.head.tags {
            scopes.extend(self.tag(tag));
        }
        let policy = self.policy;
        if article.head.authors.is_empty() {
            scopes.extend(self.author(&policy.author));
        }
        for author in &article.head.authors {
            scopes.extend(self.author(&author.name));
        }
        for view in policy.views.selecting(&article.path, &article.head, &policy.author) {
            scopes.push(self.open_channel(view.scope.clone(), &view.title));
        }
        // Sorted, so that two lists can be compared, and without duplicates: two tags may have one
        // slug, and an article must not count twice.
        scopes.sort();
        scopes.dedup();
        scopes
    }

    /// The scope of a tag, which exists from now on.
    fn tag(&mut self, tag: &str) -> Option<Scope> {
        if let Some(known) = self.tags.get(tag) {
            return Some(known.clone());
        }
        let scope = self.label(Scope::Tag, &address::tag_slug(tag), tag)?;
        self.tags.insert(tag.to_owned(), scope.clone());
        Some(scope)
    }

    /// The scope of an author, which exists from now on.
    fn author(&mut self, author: &str) -> Option<Scope> {
        if let Some(known) = self.authors.get(author) {
            return Some(known.clone());
        }
        let scope = self.label(Scope::Author, &slug(author), author)?;
        self.authors.insert(author.to_owned(), scope.clone());
        Some(scope)
    }

    /// The scope of a tag or an author, which exists from now on: the next name of the same slug
    /// gets a number.
    fn label(&mut self, scope: fn(UrlPath) -> Scope, slug: &str, name: &str) -> Option<Scope> {
        let scope = self.state.library.label(scope, slug, name)?;
        Some(self.open_channel(scope, name))
    }

    /// The scope, which has a channel from now on.
    fn open_channel(&mut self, scope: Scope, name: &str) -> Scope {
        // The key of the map is returned, so that all articles in the scope share one text.
        if let Some((known, _)) = self.state.library.channels.get_key_value(&scope) {
            return known.clone();
        }
        let row = ChannelRow {
            scope: scope.clone(),
            name: name.to_owned(),
            watermark: whole_second(self.now),
            modified: Timestamp::UNIX_EPOCH,
        };
        self.state.library.add_channel(row, Default::default());
        self.touched.insert(scope.clone());
        scope
    }

    /// Closes the pages of archives that are full now. Returns the values that remember them.
    fn close_pages(&mut self, reweigh: Reweigh) -> Vec<(String, String)> {
        let library = &mut self.state.library;
        let scopes: Vec<Scope> = match reweigh {
            Reweigh::Changed => self.touched.iter().cloned().collect(),
            // The ledger may be older than archives.
            Reweigh::Everything => library.channels.keys().cloned().collect(),
        };
        let now = whole_second(self.now);
        let size = self.policy.page_size.max(1);
        let Library { channels, articles, .. } = library;
        // An article is in several scopes, and a first scan closes pages of all of them.
        let mut known = HashMap::new();
        let mut fingerprint = |seq| {
            if let Some(known) = known.get(&seq) {
                return Some(*known);
            }
            let record = articles.record(seq)?;
            let fingerprint = channel::fingerprint(&Article::of(&record));
            known.insert(seq, fingerprint);
            Some(fingerprint)
        };
        let mut values = Vec::new();
        for scope in scopes {
            let Some(channel) = channels.get_mut(&scope) else { continue };
            if let Some(first) = channel.members.close_pages(size, now, &mut fingerprint) {
                values.extend(channel.members.archive().values(&scope, first));
                self.touched.insert(scope);
            }
        }
        values
    }

    fn mark_channels(&mut self) -> Vec<ChannelRow> {
        let now = whole_second(self.now);
        let mut rows = Vec::new();
        for scope in &self.touched {
            let Some(channel) = self.state.library.channels.get_mut(scope) else { continue };
            // Every change moves the date by at least a second, which is what HTTP dates can tell
            // apart, also when the clock was stepped back.
            let next = channel.row.modified.as_second().saturating_add(1);
            channel.row.modified = now.max(Timestamp::from_second(next).unwrap_or(now));
            rows.push(channel.row.clone());
        }
        rows
    }
}
