//! Opens what a start needs: the lock, the state, and all that works with it.

use std::process::ExitCode;
use std::sync::Arc;

use tracing::{debug, error, info, warn};

use crate::config::Config;
use crate::engine::renderer::Renderer;
use crate::engine::{self, Command, Engine, Parts};
use crate::ops::clock::Clock;
use crate::ops::writable;
use crate::ops::{EX_CONFIG, EX_TEMPFAIL};
use crate::publish::{Published, Watching};
use crate::source::Inbox;
use crate::store::{
    self, Database, Directory, Lock, Projector, Store as _, StoreError, Target, Upgraded, export,
};

/// The reason why dropfeed cannot start, with its exit status.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Config(String),
    /// A later try may succeed without any change by an operator.
    #[error("{0}")]
    NotYet(String),
}

impl Refusal {
    pub(super) fn exit(&self) -> ExitCode {
        ExitCode::from(match self {
            Refusal::Store(StoreError::InUse { .. }) => EX_TEMPFAIL,
            // Only an operator can bring the database or the program that fits; no later try does.
            Refusal::Store(
                StoreError::Unwritable { .. }
                | StoreError::Outdated { .. }
                | StoreError::Newer { .. },
            )
            | Refusal::Config(_) => EX_CONFIG,
            Refusal::Store(_) | Refusal::NotYet(_) => 1,
        })
    }
}

/// The values that all parts of a running dropfeed share.
#[derive(Clone)]
pub(super) struct Handles {
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) inbox: Arc<Inbox<Command>>,
    pub(super) published: Arc<Published>,
    pub(super) renderer: Arc<Renderer>,
}

impl Handles {
    pub(super) fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self {
            inbox: Arc::new(Inbox::new(engine::settling(&config.articles))),
            config: Arc::new(config),
            published: Arc::default(),
            renderer: Arc::new(Renderer::new(Arc::clone(&clock))),
            clock,
        }
    }
}

/// A start that has not loaded the articles yet: the last feeds are published.
pub(super) struct Opening {
    handles: Handles,
    watching: Watching,
    store: Database,
    target: Directory,
}

impl Opening {
    /// Opens the state and all that works with it, and publishes the last feeds. A damaged state is
    /// moved aside.
    pub(super) fn open(handles: &Handles, lock: Lock) -> Result<Self, Refusal> {
        match Self::try_open(handles, lock) {
            // The failed try has dropped its lock with the database.
            Err(Refusal::Store(damage @ StoreError::Corrupt { .. })) => {
                Self::try_open(handles, set_aside(handles, &damage)?)
            }
            opened => opened,
        }
    }

    /// As [`Opening::open`], but a damaged state is an error.
    pub(super) fn try_open(handles: &Handles, lock: Lock) -> Result<Self, Refusal> {
        let Handles { config, inbox, renderer, .. } = handles;
        let store = open_store(lock)?;
        if let Err(why) = store::make_echo(&config.state.dir) {
            debug!(event = "warning", "no echo for the watcher: {why}");
        }
        let watching = match engine::open_tree(config, inbox) {
            Ok((tree, watching)) => {
                renderer.set_tree(Arc::new(tree));
                watching
            }
            // The published state is served; the engine tries again.
            Err(_) if !store.is_new() => Watching::default(),
            Err(error) => {
                return Err(Refusal::Config(format!("{error}; {}", error.remedy())));
            }
        };
        let target = match Directory::open(&config.feeds.dir) {
            Ok(directory) => directory,
            Err(error) => {
                let message = writable::of_feeds(&config.feeds.dir, &error);
                return Err(Refusal::Config(message));
            }
        };
        let mut opening = Self { handles: handles.clone(), watching, store, target };
        opening.publish_last_feeds()?;
        Ok(opening)
    }

    /// Publishes the last feeds, which takes some milliseconds: to load the articles takes seconds
    /// where there are a hundred thousand.
    fn publish_last_feeds(&mut self) -> Result<(), Refusal> {
        let Handles { config, published, .. } = &self.handles;
        let rows = self.store.documents()?;
        // There are none before the first scan.
        if !rows.is_empty() {
            let feeds = engine::last_feeds(config, &rows, &|name| self.target.read(name));
            published.publish(Arc::new(feeds));
        }
        Ok(())
    }

    /// Loads the state, and publishes all of it. A damaged one is moved aside; a lost one is
    /// recovered from an export beside it and from the feeds on disk, as far as they reach.
    pub(super) fn load(self) -> Result<Engine, Refusal> {
        let handles = self.handles.clone();
        // Before the engine writes the feeds of the copy over them.
        let later = self.store.is_copy().then(|| search(&handles.config));
        let mut engine = match self.try_load() {
            Err(Refusal::Store(damage @ StoreError::Corrupt { .. })) => {
                Self::try_open(&handles, set_aside(&handles, &damage)?)?.try_load()?
            }
            loaded => loaded?,
        };
        // Before the engine publishes anything: what was imported is final from now on.
        engine.seal_import()?;
        if engine.is_first_scan() {
            recover(&mut engine, &handles.config);
        } else if let Some((found, sources)) = later {
            let entries = engine.adopt_later(found);
            if entries > 0 {
                warn!(
                    event = "recovered",
                    entries,
                    "the state was restored: ids and dates of what was published after the backup \
                     were recovered from {sources}"
                );
            }
        }
        Ok(engine)
    }

    /// As [`Opening::load`], but a damaged state is an error, and nothing is recovered.
    pub(super) fn try_load(mut self) -> Result<Engine, Refusal> {
        let Handles { config, clock, inbox, published, renderer } = self.handles;
        let projected = self.store.projected()?;
        let target: Box<dyn Target> = Box::new(self.target);
        let parts = Parts {
            config,
            store: Box::new(self.store),
            projector: Projector::new(target, projected),
            renderer,
            inbox,
            published,
            clock,
            watching: self.watching,
        };
        Ok(Engine::start(parts)?)
    }
}

/// Opens the database, and logs an upgrade.
fn open_store(lock: Lock) -> Result<Database, Refusal> {
    let store = Database::open(lock)?;
    if let Some(Upgraded { from, to, copy }) = store.upgraded() {
        let copy = copy.display();
        info!(
            event = "upgraded",
            from,
            to,
            "the state was upgraded from version {from} to {to}; the copy from before is {copy}"
        );
    }
    Ok(store)
}

/// Moves a damaged state aside, whose lock is free. Returns the lock, for the next one: in between,
/// no other process may begin a state.
fn set_aside(handles: &Handles, damage: &StoreError) -> Result<Lock, Refusal> {
    let Handles { config, clock, .. } = handles;
    let lock = prepare(config)?;
    let aside = store::set_aside(&config.state.dir, clock.now())?;
    error!(event = "degraded", "degraded: {damage}; it was moved to {}", aside.display());
    Ok(lock)
}

/// Takes over what an export beside the state and the feeds on disk know of a lost one.
fn recover(engine: &mut Engine, config: &Config) {
    let (found, sources) = search(config);
    let entries = engine.adopt(found);
    if entries > 0 {
        warn!(
            event = "recovered",
            entries, "there was no state: ids and dates were recovered from {sources}"
        );
    }
}

/// What an export beside the state and the feeds on disk know of articles, and what they are called
/// in the log.
fn search(config: &Config) -> (store::feeds::recover::Found, String) {
    let mut found = store::feeds::recover::recover(&config.feeds.dir, &config.site.id);
    let mut sources = format!("the feeds in {}", config.feeds.dir.display());
    match export::read_kept(&config.state.dir) {
        Ok(exported) if exported.is_empty() => {}
        Ok(exported) => {
            found.put_first(exported);
            sources = format!("{} and {sources}", export::KEPT);
        }
        Err(reason) => {
            warn!(event = "warning", "{reason}: ids and dates are recovered without it");
        }
    }
    (found, sources)
}

/// Locks the state directory for this process.
pub(super) fn prepare(config: &Config) -> Result<Lock, Refusal> {
    Ok(Lock::acquire(&config.state.dir)?)
}

/// Replaces port 0, which `site.url` has from `server.listen` if it is not set, by the port that
/// the system chose.
pub(super) fn with_real_port(mut config: Config, port: Option<u16>) -> Config {
    if config.site.url.port() == Some(0) {
        // Fails only for URLs without a host, and this one has a port.
        let _ = config.site.url.set_port(port);
    }
    config
}
