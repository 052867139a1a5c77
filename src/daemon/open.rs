//! Opens what a start needs: the lock, the state, and all that works with it.

use std::process::ExitCode;
use std::sync::Arc;

use tracing::{error, info, warn};

use crate::config::Config;
use crate::engine::renderer::Renderer;
use crate::engine::{self, Command, Engine, Parts};
use crate::ops::clock::Clock;
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

/// The parts that a start opened.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) inbox: Arc<Inbox<Command>>,
    pub(super) published: Arc<Published>,
    pub(super) renderer: Arc<Renderer>,
}

/// Opens the state and all that works with it. A damaged state is moved aside; a lost one is
/// recovered from an export beside it and from the feeds on disk, as far as they reach.
pub(super) fn open(config: Config, lock: Lock, clock: Arc<dyn Clock>) -> Result<Opened, Refusal> {
    let opened = try_open(config.clone(), lock, Arc::clone(&clock));
    let mut opened = match opened {
        Err(Refusal::Store(damage @ StoreError::Corrupt { .. })) => {
            // The failed try has dropped its lock with the database.
            let lock = prepare(&config)?;
            let aside = store::set_aside(&config.state.dir, clock.now())?;
            error!(event = "degraded", "degraded: {damage}; it was moved to {}", aside.display());
            try_open(config.clone(), lock, clock)?
        }
        opened => opened?,
    };
    // Before anything is served: what was imported is final from now on.
    opened.engine.seal_import()?;
    if opened.engine.is_first_scan() {
        let mut found = store::recover::recover(&config.feeds.dir, &config.site.id);
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
        let entries = opened.engine.adopt(found);
        if entries > 0 {
            warn!(
                event = "recovered",
                entries, "there was no state: ids and dates were recovered from {sources}"
            );
        }
    }
    Ok(opened)
}

/// Locks the state directory for this process.
pub(super) fn prepare(config: &Config) -> Result<Lock, Refusal> {
    Ok(Lock::acquire(&config.state.dir)?)
}

pub(super) fn try_open(
    config: Config,
    lock: Lock,
    clock: Arc<dyn Clock>,
) -> Result<Opened, Refusal> {
    let mut store = Database::open(lock)?;
    if let Some(Upgraded { from, to, copy }) = store.upgraded() {
        let copy = copy.display();
        info!(
            event = "upgraded",
            from,
            to,
            "the state was upgraded from version {from} to {to}; the copy from before is {copy}"
        );
    }
    let inbox = Arc::new(Inbox::new(engine::settling(&config.articles)));
    let renderer = Arc::new(Renderer::new(Arc::clone(&clock)));
    let watching = match engine::open_tree(&config.articles, &inbox) {
        Ok((tree, watching)) => {
            renderer.set_tree(Arc::new(tree));
            watching
        }
        // The published state is served; the engine tries again.
        Err(_) if !store.is_new() => Watching::default(),
        Err(error) => {
            return Err(Refusal::Config(format!("{error}; create it, or set articles.dir")));
        }
    };
    let target: Box<dyn Target> = match Directory::open(&config.feeds.dir) {
        Ok(directory) => Box::new(directory),
        Err(error) => {
            let dir = config.feeds.dir.display();
            return Err(Refusal::Config(format!("cannot write to feeds.dir, {dir}: {error}")));
        }
    };
    let projector = Projector::new(target, store.projected()?);
    let published = Arc::new(Published::default());
    let parts = Parts {
        config: Arc::new(config),
        store: Box::new(store),
        projector,
        renderer: Arc::clone(&renderer),
        inbox: Arc::clone(&inbox),
        published: Arc::clone(&published),
        clock,
        watching,
    };
    Ok(Opened { engine: Engine::start(parts)?, inbox, published, renderer })
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
