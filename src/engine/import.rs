//! The import of an old feed: a rehearsal that leaves no trace, the import itself in one
//! transaction, and the way back.
//!
//! A rehearsal goes as far as a start does: every file is read, the step is taken, bodies are
//! rendered, the three feeds are written and read back. Its feeds are then shown to two readers who
//! know the old feed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::info;

use crate::base::{Format, RelPath, Route, Scope, Timestamp};
use crate::feed::links;
use crate::import::replay::{self, Seen, Totals};
use crate::library::old_feed::{OldEntry, OldFeed};
use crate::library::{Commit, Fate, IMPORT, Outcome, State, UNDO, Undo};
use crate::source::{Look, RootLost};
use crate::store::{Store as _, StoreError};

use super::read::{self, Known};
use super::step::StepError;
use super::{Current, Engine, hot, renderer, value};

/// The request of `dropfeed import`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Import {
    /// Play it through, and write nothing.
    Rehearse(OldFeed),
    /// Import the feed.
    Apply(OldFeed),
    /// Take the last import back.
    Undo,
}

/// The result of an import.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The entries of the old feed, and what became of each.
    pub fates: Vec<(OldEntry, Fate)>,
    /// The entries of the new feed as readers of the old one see them, with the files of their
    /// articles.
    pub seen: Vec<(Seen, Option<RelPath>)>,
    /// The numbers of new, changed and moved entries for a reader that knows entries by id.
    pub by_id: Totals,
    /// The same for a reader that knows them by link.
    pub by_link: Totals,
}

/// The reason why an import, or its way back, was refused. Nothing has changed.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The tree cannot be looked at, or the rows cannot be made durable.
    #[error("{0}")]
    Step(#[from] StepError),
    /// What dropfeed writes cannot be read back.
    #[error("the new feed cannot be read back: {0}")]
    Unreadable(String),
    /// The template makes other ids than the old site did.
    #[error(
        "--id-template is wrong: for {path} it makes {made:?}, but the id in the old feed is {found:?}"
    )]
    Template {
        /// An article of the old feed.
        path: RelPath,
        /// The id by the template.
        made: String,
        /// The id in the old feed.
        found: String,
    },
    /// There is nothing to take back.
    #[error("nothing was imported, so there is nothing to take back")]
    NothingImported,
    /// Readers may have seen it.
    #[error(
        "dropfeed was started since the last import, so readers may have its ids; taking them back would show them every \
         article as new"
    )]
    Published,
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Step(StepError::Store(error))
    }
}

impl Engine {
    /// Carries out a request.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub fn obey_import(&mut self, import: Import) -> Result<Option<Rehearsal>, ImportError> {
        match import {
            Import::Rehearse(feed) => self.rehearse(&feed).map(Some),
            Import::Apply(feed) => self.import(feed).map(Some),
            Import::Undo => self.undo_import().map(|()| None),
        }
    }

    /// Makes the last import final, and later ones at once: from now on readers may see what they
    /// give.
    ///
    /// # Errors
    /// It cannot be made durable.
    pub fn seal_import(&mut self) -> Result<(), StoreError> {
        self.serves = true;
        if self.undo.is_empty() {
            return Ok(());
        }
        let values = vec![(UNDO.to_owned(), kept(&[]))];
        self.store.commit(&Commit { values, ..Commit::default() })?;
        self.undo.clear();
        Ok(())
    }

    /// Plays an import through without a trace.
    ///
    /// # Errors
    /// The article directory is lost, or what would be written cannot be read back.
    fn rehearse(&self, feed: &OldFeed) -> Result<Rehearsal, ImportError> {
        let now = self.parts.clock.now();
        let tree = self.parts.renderer.tree();
        let tree = tree.ok_or_else(|| lost(RootLost::Gone("it is not there".to_owned())))?;
        let (state, _, _) = self.current.state.import(feed.clone(), &self.policy, now);
        let changes = tree.look(&Look::Everything, &Known(&state)).map_err(lost)?;
        let limits = renderer::limits(&self.parts.config);
        let observed = read::read_changes(&tree, &state, changes, &limits, now, &|_, _| {});
        let observed = observed.map_err(lost)?;
        let mut observations = observed.observations;
        read::complete(&tree, &state, &mut observations, now).map_err(lost)?;
        let base = Current { state, ..self.current.clone() };
        let (mut next, _) = self.apply(&base, &mut observations, now)?;
        self.write_hot(&mut next, &hot::scopes(&self.parts.config), now);
        let mut seen = Vec::new();
        for format in Format::ALL {
            let route = Route::Feed(Scope::Site, format);
            let Some(document) = next.hot.documents().get(&route) else { continue };
            let written = crate::import::read(&document.identity)
                .map_err(|why| ImportError::Unreadable(why.to_string()))?;
            seen.extend(replay::replay(format, &feed.entries, &written.entries));
        }
        let seen = replay::worst(seen);
        // It is refused only where it fits no entry: an article may have another URL by now.
        if let (0, Some((path, made, found))) = next.state.try_template(feed) {
            return Err(ImportError::Template { path, made, found });
        }
        let fates = next.state.fates(feed);
        let paths = self.paths_by_link(&next);
        let by_id = Totals::of(seen.iter().map(|seen| &seen.by_id));
        let by_link = Totals::of(seen.iter().map(|seen| &seen.by_link));
        let mut seen_with_paths = Vec::with_capacity(seen.len());
        for seen in seen {
            let path = paths.get(&seen.entry.link).cloned();
            seen_with_paths.push((seen, path));
        }
        let fates = feed.entries.iter().cloned().zip(fates).collect();
        Ok(Rehearsal { fates, by_id, by_link, seen: seen_with_paths })
    }

    fn paths_by_link(&self, next: &Current) -> HashMap<String, RelPath> {
        let mut paths = HashMap::new();
        for article in next.state.library().articles() {
            let url = links::page(&self.parts.config.site, &article);
            paths.insert(url, article.path.clone());
        }
        paths
    }

    /// Imports `feed` in one transaction; a running dropfeed publishes the result at once.
    ///
    /// # Errors
    /// Nothing has changed then.
    fn import(&mut self, feed: OldFeed) -> Result<Rehearsal, ImportError> {
        let rehearsal = self.rehearse(&feed)?;
        let now = self.parts.clock.now();
        let (state, mut outcome, undo) = self.current.state.import(feed, &self.policy, now);
        let mut all = self.undo.clone();
        // A running dropfeed has published it in a moment.
        if !self.serves {
            all.push(undo);
        }
        outcome.commit.values.push((UNDO.to_owned(), kept(&all)));
        self.commit_import(state, outcome, now)?;
        self.undo = all;
        self.imported = true;
        let entries = rehearsal.fates.len();
        info!(event = "imported", entries, "imported an old feed of {entries} entries");
        Ok(rehearsal)
    }

    /// Takes the last import back, unless something of it was published. Then the one before it is
    /// the last.
    ///
    /// # Errors
    /// It was, or nothing was imported, or the rows cannot be made durable. Nothing has changed
    /// then.
    fn undo_import(&mut self) -> Result<(), ImportError> {
        let mut earlier = self.undo.clone();
        let undo = match earlier.pop() {
            Some(undo) => undo,
            None if self.imported => return Err(ImportError::Published),
            None => return Err(ImportError::NothingImported),
        };
        let now = self.parts.clock.now();
        let (state, mut outcome) = self.current.state.undo_import(undo, &self.policy, now);
        outcome.commit.values.push((UNDO.to_owned(), kept(&earlier)));
        let values = &outcome.commit.values;
        let imported = values.iter().any(|(name, text)| name == IMPORT && !text.is_empty());
        self.commit_import(state, outcome, now)?;
        self.undo = earlier;
        self.imported = imported;
        Ok(())
    }

    /// Makes an import, or its way back, durable and then visible.
    fn commit_import(
        &mut self,
        state: State,
        mut outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut next = Current { state, ..self.current.clone() };
        if !self.first_scan {
            // What cannot be rendered now is left out until the next step, as ever.
            self.render(&mut next, &mut outcome);
            outcome.commit.documents =
                self.write_hot(&mut next, &hot::scopes(&self.parts.config), now);
        }
        let mut commit = outcome.commit;
        next.generation += 1;
        commit.values.push((value::GENERATION.to_owned(), next.generation.to_string()));
        // What this import made is later, so it comes after.
        commit.documents.splice(0..0, self.pending.documents.iter().cloned());
        self.store.commit(&commit)?;
        self.pending.documents.clear();
        self.current = next;
        if !self.first_scan {
            self.publish();
        }
        Ok(())
    }
}

/// What is written of the imports that can be taken back.
fn kept(undo: &[Undo]) -> String {
    match undo {
        [] => String::new(),
        _ => serde_json::to_string(undo).unwrap_or_default(),
    }
}

fn lost(lost: RootLost) -> ImportError {
    ImportError::Step(StepError::Root(lost))
}
