//! The engine: one plain thread that turns what changed into the next published value.
//!
//! It owns the state, the bodies of hot entries and the hot documents. It wakes for hints, for the
//! next article that is due, for the reconcile scan, for a new configuration, and to stop. A second
//! thread, the projection, follows the snapshots and writes them to `feeds/`.
//!
//! Invariants: durable before visible (a snapshot is published only after its rows are committed);
//! a step that fails changes nothing, and its hints return; a root that is gone freezes what is
//! published, and empties nothing.

mod assets;
mod bodies;
mod events;
pub mod hot;
mod import;
mod laps;
mod last_feeds;
mod load;
mod memo;
mod operator;
mod opml_list;
mod pages;
mod project;
pub mod read;
mod recovery;
pub mod renderer;
mod run;
mod scanned_root;
#[cfg(test)]
mod seeds;
mod shared_store;
#[cfg(test)]
mod simulation;
mod step;
mod unready;
mod vitals;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::article::HEAD_VERSION;
use crate::article::word_sketch::MinorEdit;
use crate::base::{Digest, RelPath, Timestamp};
use crate::config::{self, Config};
use crate::library::{self, Deletions, DocumentRow, Kept, Policy, Remembered, State, Views};
use crate::ops::clock::Clock;
use crate::publish::{Contents, Extent, Published, Snapshot, Watching};
use crate::source::Inbox;
use crate::store::{Projector, Store, StoreError, Target};

use bodies::Bodies;
use hot::Hot;
use project::Projection;
use recovery::Recovery;
use renderer::Renderer;
use scanned_root::ScannedRoot;

pub use events::StatusLog;
pub use import::{Import, Rehearsal};
pub use last_feeds::last_feeds;
pub use project::{OnProjected, Projected};
pub use run::{open_tree, settling};
pub use shared_store::SharedStore;
pub use vitals::Vitals;

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
        /// The request.
        import: Box<Import>,
        /// Receives the effect of the import, or one sentence that says why there is none.
        reply: oneshot::Sender<Result<Option<Rehearsal>, String>>,
    },
}

/// Receives a sentence: what a command did, or why it did nothing.
pub type Answer = oneshot::Sender<Result<String, String>>;

/// The outcome of a reload: the configuration is in use, and was published under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The keys that changed and took effect.
    pub applied: Vec<&'static str>,
    /// The reason why ids do not follow `site.id`, where it is not the one they were derived from.
    pub frozen_id: Option<String>,
    /// The reason why the article directory cannot be opened. The last feeds stay, and the
    /// directory is tried again.
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

/// The parts of which an engine is made.
pub struct Parts {
    /// The configuration, valid.
    pub config: Arc<Config>,
    /// The store of the ledger.
    pub store: Box<dyn Store>,
    /// The writer of `feeds/`.
    pub projector: Projector<Box<dyn Target>>,
    /// The reader of articles.
    pub renderer: Arc<Renderer>,
    /// The queue of hints and commands.
    pub inbox: Arc<Inbox<Command>>,
    /// The snapshot that is published, and the status.
    pub published: Arc<Published>,
    /// The clock that dates come from.
    pub clock: Arc<dyn Clock>,
    /// The way in which changes in the article directory are noticed.
    pub watching: Watching,
}

/// The engine: the current value, what the next step has to do, and the handles it works with.
pub struct Engine {
    parts: Shared,
    policy: Policy,
    current: Current,
    /// Whether no scan is done yet: the tree is older than the ledger.
    first_scan: bool,
    pending: Pending,
    store: SharedStore,
    /// Taken by [`Engine::run`] for its thread, or by [`Engine::build`].
    projection: Option<Projection>,
    /// Set by the projection where a document does not come back whole.
    distrust: Arc<AtomicBool>,
    watch: run::Watch,
    root: ScannedRoot,
    recovery: Recovery,
    status: events::StatusLog,
    left_out: events::LeftOut,
    /// What takes back the imports, the last one at the end; empty once something of them may have
    /// been published.
    undo: Vec<library::Undo>,
    /// Whether an old feed was imported.
    imported: bool,
    /// Whether readers may see what is published.
    serves: bool,
}

/// The tasks of the next step, whatever it finds.
#[derive(Debug, Default)]
struct Pending {
    /// Values to remember: the version of heads, the policy, the site's id.
    values: Vec<(String, String)>,
    /// Hot documents to remember: those that differ from the last run's, since the configuration
    /// does.
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

/// The value that a step turns into the next one. Cheap to copy.
#[derive(Debug, Clone, Default)]
struct Current {
    state: State,
    bodies: Bodies,
    hot: Hot,
    generation: u64,
}

impl Engine {
    /// Makes an engine over what is remembered. Where there is something, it is published at once,
    /// without reading an article.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let Parts { config, mut store, projector, renderer, inbox, published, clock, watching } =
            parts;
        let remembered = store.outline()?;
        let site_id = match remembered_value(&remembered, value::SITE_ID) {
            Some(site_id) => site_id,
            None => first_site_id(&config),
        };
        let config = Arc::new(with_site_id(&config, &site_id));
        let page_size = remembered_number(&remembered, value::PAGE_SIZE);
        let policy = policy(&config, page_size);
        let reread = differs(&remembered, value::HEAD_VERSION, &HEAD_VERSION.to_string());
        let rebased = differs(&remembered, value::POLICY, &policy.base.to_string());
        let views = policy.views.digest().to_string();
        // A ledger that remembers no views is from before there were views.
        let regrouped = remembered_value(&remembered, value::VIEWS) != Some(views);
        let first_scan = remembered_value(&remembered, value::SCANNED).is_none();
        // A ledger that is older than archives has pages to close.
        let everything = !first_scan && (rebased || regrouped || page_size.is_none());
        let generation = remembered_number(&remembered, value::GENERATION).unwrap_or(0);
        let undo = remembered_value(&remembered, library::UNDO).unwrap_or_default();
        let undo = serde_json::from_str(&undo).unwrap_or_default();
        let imported = differs(&remembered, library::IMPORT, "");
        let root = ScannedRoot::remembered(remembered_value(&remembered, value::ROOT));
        let mut state = load::state(&mut *store, &remembered, &policy, reread, clock.now())?;
        if rebased {
            state.forget_policy();
        }
        let current = Current {
            // Another policy may be another way to render.
            bodies: Bodies::remembered(&remembered.bodies, &state, reread || rebased),
            state,
            hot: Hot::remembered(&remembered.documents),
            generation,
        };
        let mut pending =
            Pending { reweigh: everything, name_refused: !first_scan, ..Pending::default() };
        pending.values = values_of(&site_id, &policy);
        let store = SharedStore::new(store);
        let other = store.for_another();
        let projection =
            Projection::new(other, projector, Arc::clone(&renderer), &remembered.values);
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
            distrust: projection.distrust(),
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

    /// A handle by which other threads change the status.
    pub fn status_log(&self) -> StatusLog {
        self.status.clone()
    }

    /// Has `listener` called after each pass of the projection.
    pub fn on_projected(&mut self, listener: OnProjected) {
        if let Some(projection) = &mut self.projection {
            projection.listen(listener);
        }
    }

    /// A handle to the store, for copies and checks while the engine runs.
    pub fn store(&self) -> SharedStore {
        self.store.for_another()
    }

    /// Publishes what is remembered, as it was before the stop.
    fn republish(&mut self) {
        let now = self.parts.clock.now();
        let mut current = self.current.clone();
        let scopes = hot::scopes(&self.parts.config);
        self.pending.documents = self.write_hot(&mut current, &scopes, now);
        self.current = current;
        self.publish();
        let files = self.current.state.kept();
        let contents = self.contents(files.map(|(path, kept)| (path, Some(kept))));
        self.status.set_published(contents, self.current.generation, None);
    }

    /// The contents of the current state for the status, once these files say this, or are gone
    /// (`None`).
    fn contents<'a>(
        &self,
        changed: impl Iterator<Item = (&'a RelPath, Option<&'a Kept>)>,
    ) -> Contents {
        let state = &self.current.state;
        let mut refused = self.parts.published.status().contents.refused.clone();
        for (path, kept) in changed {
            if let Some(diagnostic) = kept.and_then(events::refusal) {
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
            extent: Extent::Whole,
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
        if renderer::limits(&config) != renderer::limits(&self.parts.config) {
            self.current.bodies.outdate();
        }
        let views = policy.views.digest().to_string();
        self.pending.values.push((value::VIEWS.to_owned(), views));
        self.pending.reweigh = true;
        self.policy = policy;
        self.parts.config = config;
    }

    /// The time at which the engine has to wake by itself, at the latest.
    fn next_wake(&self, now: Timestamp, reconcile: Duration) -> Instant {
        let wait = match self.current.state.next_due(&self.policy) {
            Some(due) => {
                // Negative where it is overdue.
                let until = Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO);
                // A millisecond more, so that the clock has surely reached the moment.
                reconcile.min(until.saturating_add(Duration::from_millis(1)))
            }
            None => reconcile,
        };
        self.parts.inbox.now() + wait
    }
}

/// A value that an earlier run remembered.
fn remembered_value(remembered: &Remembered, name: &str) -> Option<String> {
    let (_, value) = remembered.values.iter().find(|(key, _)| key == name)?;
    Some(value.clone())
}

/// A number that an earlier run remembered.
fn remembered_number<T: FromStr>(remembered: &Remembered, name: &str) -> Option<T> {
    remembered_value(remembered, name)?.parse().ok()
}

/// Whether an earlier run remembered another value. One that remembered none does not differ.
fn differs(remembered: &Remembered, name: &str, value: &str) -> bool {
    match remembered_value(remembered, name) {
        Some(known) => known != value,
        None => false,
    }
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

/// The id of a site that has none yet. Where the configuration has none either, it is random: two
/// sites that were begun without an address must never share an id.
fn first_site_id(config: &Config) -> String {
    match config.site.id.as_str() {
        "" => Uuid::new_v4().to_string(),
        id => id.to_owned(),
    }
}

/// The configuration with the id that ids were derived from. Where it asks for another one, that is
/// logged.
fn with_site_id(config: &Config, id: &str) -> Config {
    if let Some(sentence) = frozen_id(config, id) {
        events::frozen_site_id(&sentence);
    }
    Config { site: config::Site { id: id.to_owned(), ..config.site.clone() }, ..config.clone() }
}

/// A sentence where `site.id` asks for another id than the one that ids were derived from. The
/// default follows the address and asks for nothing.
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

/// The part of the configuration that decides identities, dates, and what is shown. `page_size`:
/// that of the ledger, unless it is new.
pub fn policy(config: &Config, page_size: Option<usize>) -> Policy {
    let config::Config { site, articles, feeds, .. } = config;
    // Feeds do not show the directories on this machine, so another directory changes no feed.
    let config::Feeds { dir: _, limit, max_bytes, content, advertise, paths: _ } = feeds;
    let config::Articles { max_depth, max_html_bytes, math, .. } = articles;
    let shown = format!(
        "{HEAD_VERSION} {site:?} {limit} {max_bytes} {content:?} {advertise:?} {max_depth} {max_html_bytes} {math}"
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
        reserved: Arc::new(feeds.paths.paths().map(|(path, _)| path).collect()),
        site_path: site.url.path().into(),
        views: Arc::new(Views::of(&config.views)),
        page_size: page_size.unwrap_or_else(|| library::page_size(*limit)),
    }
}
