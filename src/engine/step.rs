//! One step: look, read, apply, render, write, commit, publish. A transaction on a copy of the
//! current value.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::article::Reading;
use crate::base::{Diagnostic, Format, RelPath, Route, Scope, Timestamp, each};
use crate::config::Drafts;
use crate::feed::gate;
use crate::library;
use crate::library::guard::Shrink;
use crate::library::{
    Article, Commit, Found, Given, Kept, Notice, Observation, Outcome, Reweigh, Scan, Seq, State,
};
use crate::publish::Scanning;
use crate::source::unfinished::Held;
use crate::source::{Look, RootLost, Seen, Signs, SourceChange, Tree};
use crate::store::{Store as _, StoreError};

use super::laps::Laps;
use super::operator::Before;
use super::read::{self, Known, Observed};
use super::renderer::Bodiless;
use super::unready::{put_off, take_unsettled, texts};
use super::{Current, Engine, Shared, events, hot, operator, renderer, value};

/// The number of times that a step is begun again because a body could not be rendered: each time
/// at least one more file is refused.
const RETRIES_MAX: usize = 64;

/// Fewer bodies than this are rendered one after the other.
const PARALLEL_MIN: usize = 4;

/// The wait before an article whose file could not be read for its body is looked at again.
const UNREAD_AGAIN: Duration = Duration::from_secs(1);

/// Files wait for others that come with them where the feeds take at least so long to write.
const SLOW: Duration = Duration::from_millis(10);

/// The longest that they wait, and no longer than the feeds took.
pub(super) const PATIENCE_MAX: Duration = Duration::from_millis(100);

/// The reason why a start over another directory is held, and what to do.
pub(super) const HELD: &str = "another directory is in the place of the article directory, and most \
                               articles are not in it; is its disk mounted? `dropfeed accept` \
                               publishes what is there";

/// The reason why a step changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The article directory is gone or unmounted: what is published stays.
    #[error("{0}")]
    Root(#[from] RootLost),
    /// The rows could not be made durable.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Most articles are not in the article directory, which may not be the right one.
    #[error("held: {0}: {1}")]
    Held(Shrink, &'static str),
    /// The state was lost, and nothing is known of the entries that there were.
    #[error(
        "there is no state, and the feeds in feeds.dir cannot be read: every article could get another id; put a \
         backup of the state in its place, or run `dropfeed accept`"
    )]
    Unrecovered,
}

/// The effect of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stepped {
    /// Files that were new, changed or gone.
    pub files: usize,
    /// Files that may still be being written: they are looked at again.
    pub held_back: Vec<RelPath>,
    /// Files that could not be looked at: what is known of them stays.
    pub unreadable: Vec<RelPath>,
    /// Whether a new snapshot was published.
    pub published: bool,
}

/// A look at the tree.
struct Looked {
    /// The look within which every change was seen.
    look: Look,
    changes: Vec<SourceChange>,
    /// Whether every file was seen that came, went or moved, wherever it is.
    everywhere: bool,
}

/// The observations of the files that changed.
struct Seeing {
    observations: Vec<Observation>,
    /// Files that were read and are not believed: they may still be being written.
    put_back: Vec<RelPath>,
    /// Files that cannot be read.
    unreadable: Vec<RelPath>,
}

impl Engine {
    /// Looks where `look` says, and publishes what follows from it.
    ///
    /// # Errors
    /// The article directory is lost, or the rows cannot be made durable; then nothing has changed.
    pub fn step(&mut self, look: &Look, signs: &Signs) -> Result<Stepped, StepError> {
        let inbox = Arc::clone(&self.parts.inbox);
        let mut laps = Laps::start(inbox.timer());
        let now = self.parts.clock.now();
        let Some(tree) = self.parts.renderer.tree() else {
            return Err(RootLost::Gone("it is not there".to_owned()).into());
        };
        let Looked { look, mut changes, everywhere } = self.look(&tree, look, now)?;
        let look = &look;
        laps.lap("look");
        // Before files are taken out of the changes: one that is not taken yet may be that of a
        // missing article.
        let mut returning = self.returning(&changes);
        let mut awaited = if self.first_scan { texts(&changes) } else { BTreeSet::new() };
        let mut waiting = take_unsettled(&mut changes, signs);
        let held = self.hold_back(&tree, &mut changes, signs, now);
        if self.waits_for_the_first(&held) {
            return Ok(Stepped {
                files: 0,
                held_back: paths(held),
                unreadable: Vec::new(),
                published: false,
            });
        }
        waiting.extend(held.iter().map(|held| held.path.clone()));
        let Seeing { mut observations, put_back, unreadable } =
            self.observe(&tree, changes, signs, now)?;
        if !everywhere && self.loses_at_once(&observations) {
            // Nothing said that this file is gone: it was looked at for another one's sake.
            return self.step(&Look::Everything, signs);
        }
        waiting.extend(put_back);
        returning.extend(self.copied(&tree, &waiting, &observations, now));
        let files = observations.len();
        put_off(returning, &mut observations);
        laps.lap("read");
        let (mut next, outcome) = self.apply(&self.current, &mut observations, now)?;
        if self.first_scan {
            for Observation { path, .. } in &observations {
                awaited.remove(path);
            }
            next.state.await_files(awaited);
        }
        // As large as the tree on a first scan, and not needed for what follows.
        drop(observations);
        laps.lap("apply");
        // An operator who accepts what is there has the last word over both guards.
        if self.pending.accept.is_empty() {
            if let Err(shrink) = self.root.guard(&tree, next.state.shrink(now)) {
                return Err(StepError::Held(shrink, HELD));
            }
            self.guard_recovery(&next.state)?;
        }
        let is_held = self.current.state.held().is_some() || self.recovery.is_held;
        let before = if is_held { Before::Held } else { Before::Free };
        let deleted = operator::deleted(&outcome);
        self.pending.values.retain(|(name, _)| name != value::ROOT);
        self.pending.values.extend(self.root.news(&tree, look));
        let published = self.settle(next, outcome, Some(&laps))?;
        laps.lap("commit");
        laps.log(files);
        if *look == Look::Everything {
            self.scanned(&tree);
        }
        self.pending.reweigh = false;
        // Replies come last: an operator who has one finds the articles gone.
        self.accepted(deleted, before);
        Ok(Stepped { files, held_back: paths(held), unreadable, published })
    }

    /// Looks where `look` says. Where something is about to go for good, its article may have moved,
    /// and is looked for everywhere.
    fn look(&self, tree: &Tree, look: &Look, now: Timestamp) -> Result<Looked, RootLost> {
        let state = &self.current.state;
        // A deletion is final: before one takes effect, its article is looked for everywhere.
        let deletes = state.deletes(&self.policy, now);
        if deletes || self.first_scan || self.root.is_guarded(tree) {
            let changes = tree.look_for_moved(&Known(state))?;
            return Ok(Looked { look: Look::Everything, changes, everywhere: true });
        }
        let changes = match look {
            Look::Everything if self.watch.gives_way => tree.look_giving_way(&Known(state))?,
            look => tree.look(look, &Known(state))?,
        };
        if *look == Look::Everything || !self.deletes_at_once(&changes) {
            let everywhere = *look == Look::Everything;
            return Ok(Looked { look: look.clone(), changes, everywhere });
        }
        let changes = tree.look_and_search(look, &Known(state))?;
        Ok(Looked { look: look.clone(), changes, everywhere: true })
    }

    /// Whether the file of an article is gone that is deleted without a grace: a withdrawn one
    /// always is.
    pub(super) fn deletes_at_once(&self, changes: &[SourceChange]) -> bool {
        let mut gone = changes.iter().filter(|change| change.seen == Seen::Gone);
        gone.any(|change| self.goes_at_once(&change.path))
    }

    /// Whether the file of an article was found gone that is deleted without a grace.
    pub(super) fn loses_at_once(&self, observations: &[Observation]) -> bool {
        let mut gone =
            observations.iter().filter(|seen| matches!(seen.found, Found::Gone | Found::Excluded));
        gone.any(|seen| self.goes_at_once(&seen.path))
    }

    /// Whether the article at `path` is deleted without a grace once its file is gone.
    pub(super) fn goes_at_once(&self, path: &RelPath) -> bool {
        let state = &self.current.state;
        let is_public = state.library().at_path(path).is_some();
        self.policy.grace.is_zero() && is_public || state.is_withdrawn(path)
    }

    /// Reads what changed.
    fn observe(
        &self,
        tree: &Tree,
        changes: Vec<SourceChange>,
        signs: &Signs,
        now: Timestamp,
    ) -> Result<Seeing, RootLost> {
        let progress = |done, total| self.status.set_scanning(Some(Scanning { done, total }));
        let limits = renderer::limits(&self.parts.config);
        let state = &self.current.state;
        let observed = read::read_changes(tree, state, changes, &limits, now, &progress);
        // Before an error is returned: nothing is read any more, in any case.
        self.status.set_scanning(None);
        let Observed { mut observations, again, unreadable, call } = observed?;
        for (path, after) in again {
            self.parts.inbox.later([path], after);
        }
        if self.parts.config.articles.drafts == Drafts::Shown {
            read::show_drafts(&mut observations);
        }
        let back = read::complete(tree, &self.current.state, &mut observations, now)?;
        if !back.is_empty() {
            self.parts.inbox.later(back, read::BUSY_AGAIN);
        }
        let mut put_back = self.put_back_reopened(tree, &mut observations, call);
        put_back.extend(self.put_back_rewritten(&mut observations, signs, now));
        let mut unreadable_now = Vec::new();
        for (path, _) in &unreadable {
            unreadable_now.push(path.clone());
        }
        self.status.add_unreadable(unreadable);
        self.status.remove_unreadable(&observations);
        Ok(Seeing { observations, put_back, unreadable: unreadable_now })
    }

    /// Takes note that everything was looked at, and that the rows are durable.
    fn scanned(&mut self, tree: &Tree) {
        self.first_scan = false;
        self.root.scanned(tree);
        self.recovery = Default::default();
        let found = self.current.state.recovery();
        if found.after == found.before {
            // Every entry has its file. Until then, a file that is put back later still gets the id
            // of its entry.
            self.current.state.adopt(Vec::new());
        }
    }

    /// The value after `base`, and what has to become durable for it. An article that cannot be
    /// rendered is refused, so that its last good version stays.
    pub(super) fn apply(
        &self,
        base: &Current,
        observations: &mut Vec<Observation>,
        now: Timestamp,
    ) -> Result<(Current, Outcome), StoreError> {
        let mut words = self.store.words_of(&base.state.edited(observations))?;
        let mut tries = 0;
        loop {
            tries += 1;
            let scan = if self.first_scan { Scan::First } else { Scan::Later };
            let reweigh = if self.pending.reweigh { Reweigh::Everything } else { Reweigh::Changed };
            let deletions = self.pending.deletions();
            let given = Given { observations, words: &words };
            let (state, mut outcome) =
                base.state.step(given, &self.policy, now, scan, reweigh, deletions);
            if !outcome.wanted.is_empty() {
                // Ends: an article that is not known has no words.
                words.extend(outcome.wanted.iter().map(|seq| (*seq, Arc::default())));
                words.extend(self.store.words_of(&outcome.wanted)?);
                continue;
            }
            let mut next = Current { state, ..base.clone() };
            let failed = self.render(&mut next, &mut outcome);
            // The step is done again without what failed, from the same base: a refusal has to
            // reach the ledger before anything is published.
            if tries < RETRIES_MAX && refuse(observations, &failed) {
                continue;
            }
            for (path, diagnostics) in failed {
                add_diagnostics(&mut outcome.notices, &path, diagnostics);
            }
            let is_new = self.first_scan || self.parts.published.load().is_none();
            if is_new
                || self.pending.reweigh
                || !outcome.touched.is_empty()
                || !outcome.commit.bodies.is_empty()
            {
                let config = &self.parts.config;
                let scopes = if is_new || self.pending.reweigh {
                    hot::scopes(config)
                } else {
                    next.hot.due(config, next.state.library(), &outcome)
                };
                let begun = self.parts.inbox.now();
                outcome.commit.documents = self.write_hot(&mut next, &scopes, now);
                let took = self.parts.inbox.now().saturating_duration_since(begun);
                self.parts.inbox.set_patience(patience(took));
            }
            return Ok((next, outcome));
        }
    }

    /// Renders the bodies that the hot feeds want and that are not there. Returns what cannot be
    /// rendered: without diagnostics where the file is not what the library knows.
    pub(super) fn render(
        &self,
        next: &mut Current,
        outcome: &mut Outcome,
    ) -> Vec<(RelPath, Vec<Diagnostic>)> {
        // An article may be in several hot feeds, and is rendered once.
        let (mut wanted, mut seen) = (Vec::new(), HashSet::new());
        for scope in hot::scopes(&self.parts.config) {
            for article in next.state.library().entries(&scope, self.parts.config.feeds.limit) {
                if seen.insert(article.seq) {
                    wanted.push(article);
                }
            }
        }
        let missing: Vec<&Arc<Article>> =
            wanted.iter().filter(|article| !next.bodies.has(article)).collect();
        let Shared { renderer, config, .. } = &self.parts;
        let (renderer, limits) = (&**renderer, renderer::limits(config));
        let render = |article: &Arc<Article>| renderer.body(article, &limits);
        let rendered = each::map(missing.clone(), PARALLEL_MIN, render);
        let mut failed = Vec::new();
        for (article, body) in missing.into_iter().zip(rendered) {
            match body {
                Ok((body, reported)) => {
                    let body = Arc::new(body);
                    outcome.commit.bodies.push((article.seq, Some(Arc::clone(&body))));
                    next.bodies.insert(article, body);
                    add_diagnostics(&mut outcome.notices, &article.path, reported);
                }
                Err(Bodiless::Refused(diagnostics)) => {
                    failed.push((article.path.clone(), diagnostics))
                }
                // Its author has to repair it first. The body from before, if there is one, stays.
                Err(Bodiless::Changed) if is_refused(&next.state, &article.path) => {}
                Err(Bodiless::Changed | Bodiless::Unreadable) => {
                    self.parts.inbox.later([article.path.clone()], UNREAD_AGAIN);
                    failed.push((article.path.clone(), Vec::new()));
                }
            }
        }
        for seq in next.bodies.retain(&wanted) {
            outcome.commit.bodies.push((seq, None));
        }
        failed
    }

    /// Composes, writes and checks the feeds of `scopes`, and puts them where they changed.
    pub(super) fn write_hot(
        &self,
        next: &mut Current,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Vec<(String, crate::library::DocumentRow)> {
        let bodies = next.bodies.clone();
        let body = |seq: Seq| bodies.get(seq);
        let mut rows = Vec::new();
        next.hot.retain(&hot::scopes(&self.parts.config));
        let (library, config) = (next.state.library(), &*self.parts.config);
        if self.distrust.swap(false, Ordering::Relaxed) {
            next.hot.forget_passed();
        }
        let hot = &next.hot;
        let write = |scope: &Scope| {
            let (feed, composed) = hot.compose(library, config, scope, &body)?;
            let written = gate::write_checked_since(feed, &hot.passed(scope));
            Some((scope.clone(), composed, written))
        };
        // Side by side: a drop waits for all of them.
        let written = each::map(scopes.iter().collect(), 2, write);
        for (scope, composed, written) in written.into_iter().flatten() {
            next.hot.set_composed(&scope, composed);
            let checked = match written {
                Ok(checked) => checked,
                // The last good documents stay, all three of them.
                Err(rejected) => {
                    rejected.iter().for_each(events::quarantined);
                    continue;
                }
            };
            checked.quarantined.iter().for_each(events::quarantined);
            next.hot.set_passed(&scope, checked.passed);
            for (format, bytes) in Format::ALL.into_iter().zip(checked.documents) {
                let route = Route::Feed(scope.clone(), format);
                rows.extend(next.hot.put(route, format, bytes, now));
            }
        }
        rows
    }

    /// Makes the next value durable, then visible.
    pub(super) fn settle(
        &mut self,
        mut next: Current,
        outcome: Outcome,
        laps: Option<&Laps<'_>>,
    ) -> Result<bool, StoreError> {
        let Outcome { mut commit, touched, notices, wanted: _ } = outcome;
        let is_new = self.first_scan || self.parts.published.load().is_none();
        if std::mem::take(&mut self.pending.name_refused) {
            events::still_refused(&next.state, &notices);
        }
        commit.values.extend(self.pending.values.iter().cloned());
        // Of two rows for one document the last one wins, so those of this step come last.
        commit.documents.splice(0..0, self.pending.documents.iter().cloned());
        if self.first_scan {
            commit.values.push((value::SCANNED.to_owned(), "1".to_owned()));
        }
        if next.state.awaited() != self.current.state.awaited() {
            let paths = serde_json::to_string(next.state.awaited()).unwrap_or_default();
            commit.values.push((library::AWAITED.to_owned(), paths));
        }
        if is_empty(&commit) && !is_new && touched.is_empty() && !self.pending.reweigh {
            // The value may differ in what is not durable: a timer that is over. To keep the old
            // value would wake the loop again at once, for ever.
            self.current = next;
            return Ok(false);
        }
        next.generation += 1;
        commit.values.push((value::GENERATION.to_owned(), next.generation.to_string()));
        self.store.commit(&commit)?;
        self.pending.values.clear();
        self.pending.documents.clear();
        self.current = next;
        self.publish();
        let state = &self.current.state;
        let changed = commit.files.iter().map(|(path, _)| (path, state.kept_at(path)));
        let contents = self.contents(changed);
        self.status.set_published(contents, self.current.generation, laps.map(Laps::total));
        self.left_out.log(&notices);
        let now = self.parts.clock.now();
        events::notices(&notices, &self.parts.config, now);
        Ok(true)
    }
}

/// The time for which files wait for others that come with them, where it took so long to write the
/// feeds: otherwise, the first few of many files go out alone, and all others wait for that.
fn patience(took: Duration) -> Duration {
    if took < SLOW { Duration::ZERO } else { took.min(PATIENCE_MAX) }
}

/// Adds the diagnostics of a file to the notices of a step.
fn add_diagnostics(notices: &mut Vec<Notice>, path: &RelPath, diagnostics: Vec<Diagnostic>) {
    for diagnostic in diagnostics {
        notices.push(Notice::Diagnostic(path.clone(), diagnostic));
    }
}

/// Turns the readings of what failed into refusals, or takes them back where the file is another by
/// now (no diagnostics). False where nothing of it was read just now.
fn refuse(observations: &mut Vec<Observation>, failed: &[(RelPath, Vec<Diagnostic>)]) -> bool {
    let mut refused = false;
    for (path, diagnostics) in failed {
        // Not by a binary search: what was put off comes last, in no order, and a path may be there
        // twice.
        let is_reading =
            |seen: &Observation| seen.path == *path && matches!(seen.found, Found::Read { .. });
        let Some(at) = observations.iter().position(is_reading) else { continue };
        let Found::Read { reading, .. } = &mut observations[at].found else { continue };
        if diagnostics.is_empty() {
            observations.remove(at);
        } else if matches!(reading, Reading::Refused(_)) {
            continue;
        } else {
            *reading = Reading::Refused(diagnostics.clone());
        }
        refused = true;
    }
    refused
}

/// Whether the file at `path` cannot be used as it is, so that no body can come of it.
fn is_refused(state: &State, path: &RelPath) -> bool {
    match state.file(path) {
        Some(row) => matches!(row.kept, Kept::Refused(_) | Kept::Empty),
        None => false,
    }
}

fn paths(held: Vec<Held>) -> Vec<RelPath> {
    held.into_iter().map(|held| held.path).collect()
}

fn is_empty(commit: &Commit) -> bool {
    let Commit { files, records, words: _, urls, channels, forgotten, bodies, .. } = commit;
    let Commit { documents, values, .. } = commit;
    forgotten.is_empty()
        && files.is_empty()
        && records.is_empty()
        && urls.is_empty()
        && channels.is_empty()
        && bodies.is_empty()
        && documents.is_empty()
        && values.is_empty()
}
