//! The engine: one plain thread that turns what changed into the next published value.
//!
//! It owns the state, the bodies of hot entries and the hot documents. It wakes for hints, for the next article that is
//! due, for the reconcile scan, for a new configuration, and to stop. A second thread, the projection, follows the
//! snapshots and writes them to `feeds/`.
//!
//! Invariants: durable before visible (a snapshot is published only after its rows are committed); a step that fails
//! leaves the earlier value standing, and its hints return; a root that is gone freezes, it empties nothing.

mod assets;
mod bodies;
mod events;
pub mod hot;
mod import;
mod operator;
mod pages;
mod project;
pub mod read;
mod recovery;
pub mod renderer;
mod run;
mod scanned_root;
mod shared_store;
#[cfg(test)]
mod simulation;
mod step;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::article::HEAD_VERSION;
use crate::article::word_sketch::MinorEdit;
use crate::base::{Digest, RelPath, Timestamp};
use crate::config::{self, Config};
use crate::library::{self, Deletions, DocumentRow, FileRow, Policy, Remembered, State, Views};
use crate::ops::clock::Clock;
use crate::publish::{Contents, Published, Snapshot, Watching};
use crate::source::Inbox;
use crate::store::{Projector, Store, StoreError, Target, recover};

use bodies::Bodies;
use hot::Hot;
use project::Projection;
use recovery::Recovery;
use renderer::Renderer;
use scanned_root::ScannedRoot;

pub use import::{Import, Rehearsal};
pub use run::{open_tree, settling};
pub use shared_store::SharedStore;

/// A command to the engine.
#[derive(Debug)]
pub enum Command {
    /// Go on under another configuration.
    Reload {
        /// The configuration, valid.
        config: Box<Config>,
        /// Receives the outcome, once it was published under.
        reply: oneshot::Sender<Reloaded>,
    },
    /// Take away the articles whose deletion is held.
    Accept {
        /// Receives a sentence for the operator.
        reply: Answer,
    },
    /// Take an article down at once and for ever, or forget a scope that is empty.
    Forget {
        /// A path relative to the article directory or absolute, a URL, or the path of a URL.
        what: String,
        /// Receives a sentence for the operator.
        reply: Answer,
    },
    /// Import an old feed, rehearse that, or take it back.
    Import {
        /// What is asked for.
        import: Box<Import>,
        /// Receives what it comes to, or one sentence.
        reply: oneshot::Sender<Result<Option<Rehearsal>, String>>,
    },
}

/// Receives what a command did, or why it did nothing; a sentence either way.
pub type Answer = oneshot::Sender<Result<String, String>>;

/// The outcome of a reload: the configuration is in use, and was published under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The keys that changed and took effect.
    pub applied: Vec<&'static str>,
    /// Why ids do not follow `site.id`, where it is another one than they were derived from.
    pub frozen_id: Option<String>,
    /// Why the article directory cannot be opened. The last feeds stay, and the directory is tried again.
    pub without_directory: Option<String>,
}

/// Values that the ledger remembers by these names.
mod value {
    pub(super) const SITE_ID: &str = "site.id";
    pub(super) const HEAD_VERSION: &str = "head_version";
    pub(super) const POLICY: &str = "policy";
    pub(super) const VIEWS: &str = "views";
    /// Articles on a page of an archive.
    pub(super) const PAGE_SIZE: &str = "archive_page_size";
    pub(super) const GENERATION: &str = "generation";
    pub(super) const SCANNED: &str = "scanned";
    /// The identity of the article directory at the last full scan.
    pub(super) const ROOT: &str = "root";
    /// Followed by a route: the version of its document that was projected.
    pub(super) const PROJECTED: &str = "projected:";
}

/// What an engine works with.
pub struct Parts {
    /// The configuration, valid.
    pub config: Arc<Config>,
    /// Where the ledger is kept.
    pub store: Box<dyn Store>,
    /// Where the feeds are projected to.
    pub projector: Projector<Box<dyn Target>>,
    /// What reads articles.
    pub renderer: Arc<Renderer>,
    /// Where hints and commands arrive.
    pub inbox: Arc<Inbox<Command>>,
    /// Where snapshots are published.
    pub published: Arc<Published>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How changes in the article directory are noticed.
    pub watching: Watching,
}

/// See the module.
pub struct Engine {
    parts: Shared,
    policy: Policy,
    current: Current,
    /// Is the tree older than the ledger? Until the first scan is done.
    first_scan: bool,
    pending: Pending,
    store: SharedStore,
    /// Taken by [`Engine::run`] for its thread, or by [`Engine::build`].
    projection: Option<Projection>,
    watch: run::Watch,
    root: ScannedRoot,
    recovery: Recovery,
    status: events::StatusLog,
    left_out: events::LeftOut,
    /// The way back from the last import; empty once something of it may have been published.
    undo: String,
    /// Whether an old feed was imported.
    imported: bool,
    /// Whether readers may see what is published.
    serves: bool,
}

/// What the next step has to do, whatever it finds.
#[derive(Debug, Default)]
struct Pending {
    /// Values to remember: the version of heads, the policy, the site's id.
    values: Vec<(String, String)>,
    /// Hot documents to remember: those that differ from the last run's, since the configuration does.
    documents: Vec<(String, DocumentRow)>,
    /// Whether to log the files that are still refused: once after a restart.
    name_refused: bool,
    /// Whether to weigh every file again, since the policy changed.
    reweigh: bool,
    /// Receivers of the outcome of `accept`, until a step has done it.
    accept: Vec<Answer>,
}

impl Pending {
    fn deletions(&self) -> Deletions {
        if self.accept.is_empty() { Deletions::Guarded } else { Deletions::Accepted }
    }
}

/// The parts that other threads use too.
struct Shared {
    config: Arc<Config>,
    renderer: Arc<Renderer>,
    inbox: Arc<Inbox<Command>>,
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
}

/// What a step turns into the next one of. Cheap to copy.
#[derive(Debug, Clone, Default)]
struct Current {
    state: State,
    bodies: Bodies,
    hot: Hot,
    generation: u64,
}

impl Engine {
    /// An engine over what is remembered. Where there is something, it is published at once, without reading an
    /// article.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let Parts { config, mut store, projector, renderer, inbox, published, clock, watching } =
            parts;
        let mut remembered = store.load()?;
        let of = |name: &str| remembered_value(&remembered, name);
        let site_id = of(value::SITE_ID).unwrap_or_else(|| first_site_id(&config));
        let config = Arc::new(with_site_id(&config, &site_id));
        let page_size = of(value::PAGE_SIZE).and_then(|text| text.parse().ok());
        let policy = policy(&config, page_size);
        let head_version = HEAD_VERSION.to_string();
        let reread = of(value::HEAD_VERSION).is_some_and(|version| version != head_version);
        let rebased = of(value::POLICY).is_some_and(|known| known != policy.base.to_string());
        let views = policy.views.digest().to_string();
        let regrouped = of(value::VIEWS).as_ref() != Some(&views);
        let first_scan = of(value::SCANNED).is_none();
        // A ledger that is older than archives has pages to close.
        let everything = !first_scan && (rebased || regrouped || page_size.is_none());
        let generation = of(value::GENERATION).and_then(|text| text.parse().ok()).unwrap_or(0);
        let undo = of(library::UNDO).unwrap_or_default();
        let imported = of(library::IMPORT).is_some_and(|feed| !feed.is_empty());
        let root = ScannedRoot::remembered(of(value::ROOT));
        if reread {
            forget_readings(&mut remembered);
        }
        let mut state = State::load(&remembered, &policy);
        if rebased {
            state.forget_policy();
        }
        let current = Current {
            state,
            bodies: Bodies::remembered(&remembered, reread),
            hot: Hot::remembered(&remembered.documents),
            generation,
        };
        let mut pending =
            Pending { reweigh: everything, name_refused: !first_scan, ..Pending::default() };
        pending.values = values_of(&site_id, &policy);
        let store = SharedStore::new(store);
        let projection =
            Projection::new(store.clone(), projector, Arc::clone(&renderer), &remembered.values);
        let watch = run::Watch::new(watching.is_polling(), inbox.now());
        let status = events::StatusLog::new(Arc::clone(&published), Arc::clone(&clock));
        status.set_watching(watching);
        let mut engine = Self {
            parts: Shared { config, renderer, inbox, published, clock },
            policy,
            current,
            first_scan,
            pending,
            store,
            projection: Some(projection),
            watch,
            root,
            recovery: Recovery::default(),
            status,
            left_out: events::LeftOut::default(),
            undo,
            imported,
            serves: false,
        };
        if !first_scan {
            engine.republish();
        }
        Ok(engine)
    }

    /// Whether no scan was ever published: the state is new, or was lost.
    pub fn is_first_scan(&self) -> bool {
        self.first_scan
    }

    /// A handle to the store, for copies and checks while the engine runs.
    pub fn store(&self) -> SharedStore {
        self.store.clone()
    }

    /// Takes over what the feeds on disk say of a lost state, before the first scan. Returns the number of entries.
    pub fn adopt(&mut self, found: recover::Found) -> usize {
        let recover::Found { entries, site_id, feed_id, documents, is_damaged } = found;
        self.recovery = Recovery::new(documents, is_damaged);
        let count = entries.len();
        self.current.state.adopt(entries);
        if let Some(feed_id) = feed_id
            && !self.imported
        {
            let imports = self.current.state.adopt_feed_id(feed_id);
            self.pending.values.push((library::IMPORT.to_owned(), imports));
        }
        if let Some(site_id) = site_id {
            let config = Arc::new(with_site_id(&self.parts.config, &site_id));
            self.policy = policy(&config, Some(self.policy.page_size));
            self.parts.config = config;
            // Later values replace earlier ones.
            self.pending.values.push((value::SITE_ID.to_owned(), site_id));
            self.pending.values.push((value::POLICY.to_owned(), self.policy.base.to_string()));
        }
        count
    }

    /// Publishes what is remembered, as it was before the stop.
    fn republish(&mut self) {
        let now = self.parts.clock.now();
        let mut current = self.current.clone();
        let scopes = hot::scopes(&self.parts.config);
        self.pending.documents = self.write_hot(&mut current, &scopes, now);
        self.current = current;
        self.publish();
        let mut files = Vec::new();
        for (path, row) in self.current.state.files() {
            files.push((path, Some(row)));
        }
        let contents = self.contents(files.into_iter());
        self.status.set_published(contents, self.current.generation, None);
    }

    /// What the status says of the current state, once these files were read or are gone (`None`).
    fn contents<'a>(
        &self,
        changed: impl Iterator<Item = (&'a RelPath, Option<&'a FileRow>)>,
    ) -> Contents {
        let state = &self.current.state;
        let mut refused = self.parts.published.status().contents.refused.clone();
        for (path, row) in changed {
            if let Some(diagnostic) = row.and_then(events::refusal) {
                refused.insert(path.clone(), diagnostic.clone());
            } else if !refused.is_empty() {
                refused.remove(path);
            }
        }
        Contents {
            entries: state.library().len(),
            drafts: state.drafts(),
            scheduled: state.scheduled(),
            refused,
            contested: state.contests(),
        }
    }

    fn publish(&self) {
        let Current { state, bodies, hot, generation } = &self.current;
        let snapshot = Snapshot {
            generation: *generation,
            config: Arc::clone(&self.parts.config),
            library: state.library().clone(),
            hot: hot.documents().clone(),
            bodies: bodies.shared(),
            next_due: state.next_publication(),
        };
        self.parts.published.publish(Arc::new(snapshot));
    }

    /// Takes over another configuration: the same ledger under another policy.
    fn reconfigure(&mut self, config: Config) {
        let config = Arc::new(with_site_id(&config, &self.policy.site_id));
        let policy = policy(&config, Some(self.policy.page_size));
        if policy.base != self.policy.base {
            self.pending.values.push((value::POLICY.to_owned(), policy.base.to_string()));
        }
        let views = policy.views.digest().to_string();
        self.pending.values.push((value::VIEWS.to_owned(), views));
        self.pending.reweigh = true;
        self.policy = policy;
        self.parts.config = config;
    }

    /// When the engine has to wake by itself, at the latest.
    fn next_wake(&self, now: Timestamp, reconcile: Duration) -> Instant {
        let until =
            |due: Timestamp| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO);
        let due = self.current.state.next_due(&self.policy).map(until);
        // A millisecond more, so that the clock has surely reached the moment.
        let wait = due
            .map_or(reconcile, |due| reconcile.min(due.saturating_add(Duration::from_millis(1))));
        self.parts.inbox.now() + wait
    }
}

/// A value that an earlier run remembered.
fn remembered_value(remembered: &Remembered, name: &str) -> Option<String> {
    let (_, value) = remembered.values.iter().find(|(key, _)| key == name)?;
    Some(value.clone())
}

/// The values by which the next start knows what was made under which policy.
fn values_of(site_id: &str, policy: &Policy) -> Vec<(String, String)> {
    vec![
        (value::SITE_ID.to_owned(), site_id.to_owned()),
        (value::HEAD_VERSION.to_owned(), HEAD_VERSION.to_string()),
        (value::POLICY.to_owned(), policy.base.to_string()),
        (value::VIEWS.to_owned(), policy.views.digest().to_string()),
        (value::PAGE_SIZE.to_owned(), policy.page_size.to_string()),
    ]
}

/// The id of a site that has none yet. Where the configuration has none either, it is random: two sites that were begun
/// without an address must never share an id.
fn first_site_id(config: &Config) -> String {
    match config.site.id.as_str() {
        "" => Uuid::new_v4().to_string(),
        id => id.to_owned(),
    }
}

/// The configuration with the id that ids were derived from. Where another one is asked for, that is logged.
fn with_site_id(config: &Config, id: &str) -> Config {
    if let Some(sentence) = frozen_id(config, id) {
        events::frozen_site_id(&sentence);
    }
    Config { site: config::Site { id: id.to_owned(), ..config.site.clone() }, ..config.clone() }
}

/// A sentence where `site.id` asks for another id than the one that ids were derived from. The default follows the
/// address and asks for nothing.
fn frozen_id(config: &Config, id: &str) -> Option<String> {
    let configured = config.site.id.as_str();
    let is_default = configured.is_empty() || config.site.url.host_str() == Some(configured);
    if configured == id || is_default {
        return None;
    }
    Some(format!(
        "site.id stays {id:?}: ids were derived from it, and {configured:?} would change them all"
    ))
}

/// The part of the configuration that decides identities, dates, and what is shown. `page_size`: that of the ledger,
/// unless it is new.
pub fn policy(config: &Config, page_size: Option<usize>) -> Policy {
    let config::Config { site, articles, feeds, .. } = config;
    // Where things lie on this machine is nobody's business, and no reason to make anything anew.
    let config::Feeds { dir: _, limit, max_bytes, content, advertise, paths: _ } = feeds;
    let config::Articles { max_depth, max_html_bytes, .. } = articles;
    let shown = format!(
        "{HEAD_VERSION} {site:?} {limit} {max_bytes} {content:?} {advertise:?} {max_depth} {max_html_bytes}"
    );
    Policy {
        site_id: site.id.clone(),
        zone: site.timezone.clone(),
        grace: articles.grace.try_into().unwrap_or(jiff::SignedDuration::MAX),
        minor_edit: MinorEdit {
            percent: articles.minor_edit_percent,
            words: articles.minor_edit_words,
        },
        author: site.author.clone(),
        base: Digest::of(shown.as_bytes()),
        reserved: Arc::new(config.feeds.paths.paths().map(|(path, _)| path).collect()),
        site_path: site.url.path().into(),
        views: Arc::new(Views::of(&config.views)),
        page_size: page_size.unwrap_or_else(|| library::page_size(*limit)),
    }
}

/// Makes every file be read again, because the same bytes would now be understood otherwise.
fn forget_readings(remembered: &mut Remembered) {
    for (_, row) in &mut remembered.files {
        row.racy = true;
        row.digest = None;
    }
}
