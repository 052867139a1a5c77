//! Starts everything, owns shutdown, joins everything.
//!
//! Start: lock, bind, serve the remembered state, READY, scan. Stop: stop accepting and drain,
//! close the inbox, join the engine. Every thread that is spawned here is joined here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{debug, error, info, warn};

use crate::config::{Config, Errors};
use crate::engine::renderer::Renderer;
use crate::engine::{self, Command, Engine, Parts, Rehearsal, Reloaded};
use crate::http::{self, Edge};
use crate::library::old_feed::OldFeed;
use crate::ops::clock::{Clock, SystemClock};
use crate::ops::clock_set::on_clock_set;
use crate::ops::listener::Listener;
use crate::ops::{EX_CONFIG, EX_TEMPFAIL, systemd};
use crate::publish::Published;
use crate::source::{Inbox, Tree};
use crate::store::{self, Database, Directory, Lock, Projector, Store as _, StoreError, Target};

/// The reason why dropfeed cannot start, with its exit status.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Config(String),
    /// Another try may succeed without anybody's help.
    #[error("{0}")]
    NotYet(String),
}

impl Refusal {
    fn exit(&self) -> ExitCode {
        ExitCode::from(match self {
            Refusal::Store(StoreError::InUse { .. }) => EX_TEMPFAIL,
            Refusal::Store(StoreError::Unwritable { .. }) | Refusal::Config(_) => EX_CONFIG,
            Refusal::Store(_) | Refusal::NotYet(_) => 1,
        })
    }
}

/// Serves until asked to stop. `load` gives the configuration: at start, and again for every
/// reload.
///
/// # Errors
/// Errors of the operating system while running. A start that is refused is reported here, in one
/// sentence.
pub fn serve(load: &dyn Fn() -> Result<Config, Errors>) -> anyhow::Result<ExitCode> {
    let config = load()?;
    // First of all, so that a signal during the start stops dropfeed in order instead of killing
    // it.
    let mut signals = Signals::listen()?;
    let inherited = systemd::listeners()
        .context("the sockets that the service manager passed cannot be used")?;
    let daemon = match Daemon::start(config, inherited, Arc::new(SystemClock)) {
        Ok(daemon) => daemon,
        Err(refusal) => return refused(&refusal),
    };
    systemd::ready("serving");
    let mut daemon = daemon;
    let stopped = wait(&mut daemon, &mut signals, load);
    systemd::stopping();
    daemon.drain(&mut signals);
    daemon.stop();
    stopped?;
    info!(event = "stopped", "stopped");
    Ok(ExitCode::SUCCESS)
}

/// Publishes once, writes every feed, and returns.
///
/// # Errors
/// The first error that prevents publishing.
pub fn build(config: Config) -> anyhow::Result<ExitCode> {
    let prepared = prepare(&config).and_then(|lock| open(config, lock, Arc::new(SystemClock)));
    let opened = match prepared {
        Ok(opened) => opened,
        Err(refusal) => return refused(&refusal),
    };
    let articles = opened.engine.build()?;
    info!(event = "built", articles, "built");
    Ok(ExitCode::SUCCESS)
}

/// What `dropfeed import` is asked for.
pub enum Import {
    /// Play it through, and write nothing.
    Rehearse(OldFeed),
    /// Import the feed.
    Apply(OldFeed),
    /// Take the last import back.
    Undo,
}

/// Imports an old feed while dropfeed does not run. Nothing but the state is written. `Err` in the result: an exit
/// status, after the reason was reported.
///
/// # Errors
/// One sentence; nothing has changed then.
pub fn import(
    config: Config,
    import: Import,
) -> anyhow::Result<Result<Option<Rehearsal>, ExitCode>> {
    let mut engine = match open_offline(config, &import) {
        Ok(engine) => engine,
        Err(refusal) => {
            refused(&refusal)?;
            return Ok(Err(refusal.exit()));
        }
    };
    Ok(Ok(match import {
        Import::Rehearse(feed) => Some(engine.rehearse(&feed)?),
        Import::Apply(feed) => Some(engine.import(feed)?),
        Import::Undo => {
            engine.undo_import()?;
            None
        }
    }))
}

/// An engine that neither listens nor projects. A rehearsal without a state makes none.
fn open_offline(config: Config, import: &Import) -> Result<Engine, Refusal> {
    let articles = &config.articles;
    let tree = Tree::open(&articles.dir, &articles.ignore, articles.max_bytes)
        .map_err(|error| Refusal::Config(format!("{error}; create it, or set articles.dir")))?;
    let has_state = config.state.dir.join("state.db").exists();
    let store: Box<dyn store::Store> = match import {
        Import::Rehearse(_) if !has_state => Box::new(store::Nothing),
        _ => Box::new(Database::open(prepare(&config)?)?),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let renderer = Arc::new(Renderer::new(Arc::clone(&clock)));
    renderer.set_tree(Arc::new(tree));
    let target: Box<dyn Target> = Box::new(store::Nothing);
    let (feeds, site_id) = (config.feeds.dir.clone(), config.site.id.clone());
    let parts = Parts {
        inbox: Arc::new(Inbox::new(engine::settling(&config.articles))),
        config: Arc::new(config),
        store,
        projector: Projector::new(target, Vec::new()),
        renderer,
        published: Arc::new(Published::default()),
        clock,
        polling: true,
    };
    let mut engine = Engine::start(parts)?;
    if engine.is_first_scan() {
        engine.adopt(store::recover::recover(&feeds, &site_id));
    }
    Ok(engine)
}

fn refused(refusal: &Refusal) -> anyhow::Result<ExitCode> {
    crate::ops::logging::report(&refusal.to_string());
    Ok(refusal.exit())
}

/// A running dropfeed.
pub struct Daemon {
    inbox: Arc<Inbox<Command>>,
    config: Config,
    /// The port of the first listener.
    port: Option<u16>,
    http: Option<http::Running>,
    engine: Option<JoinHandle<()>>,
    _clock: Option<Listener>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Daemon {
    /// Starts everything. `inherited`: sockets to use instead of `server.listen`.
    fn start(
        config: Config,
        inherited: Vec<TcpListener>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Refusal> {
        let lock = prepare(&config)?;
        let listeners = if inherited.is_empty() { bind(&config)? } else { inherited };
        let port = listeners.first().and_then(|listener| listener.local_addr().ok());
        let port = port.map(|address| address.port());
        let config = with_real_port(config, port);
        let Opened { engine, inbox, published, renderer } =
            open(config.clone(), lock, Arc::clone(&clock))?;
        let edge = Edge::new(published, renderer, config.server.clone(), clock);
        let failed = |error: io::Error| {
            Refusal::Config(format!("the listening sockets cannot be used: {error}"))
        };
        let http = http::start(listeners, edge).map_err(failed)?;
        for address in http.addresses() {
            info!(event = "listening", %address, "listening on http://{address}, as {}", config.site.url);
        }
        if let Some(notice) = config.url_notice() {
            warn!(event = "warning", "{notice}");
        }
        let clock = listen_to_clock(&inbox);
        let (ending, ended) = oneshot::channel();
        let work = move || {
            engine.run();
            // The receiver is dropped if the daemon stops first.
            let _ = ending.send(());
        };
        let spawned = thread::Builder::new().name("engine".to_owned()).spawn(work);
        let engine = spawned.map_err(|error| {
            Refusal::Config(format!("the engine thread cannot be started: {error}"))
        })?;
        Ok(Self {
            inbox,
            config,
            port,
            http: Some(http),
            engine: Some(engine),
            _clock: clock,
            ended: Some(ended),
        })
    }

    /// Gives the engine another configuration. Returns where its reply arrives, unless too many
    /// commands are waiting.
    fn reload(&self, config: Config) -> Option<oneshot::Receiver<Reloaded>> {
        let (reply, replied) = oneshot::channel();
        let config = Box::new(with_real_port(config, self.port));
        match self.inbox.command(Command::Reload { config, reply }) {
            Ok(()) => Some(replied),
            Err(_) => {
                error!(event = "degraded", "too many reloads are waiting; this one is dropped");
                None
            }
        }
    }

    /// Stops the HTTP server. Responses that are being sent may finish within
    /// `server.stop_timeout_s`, unless a further signal comes first.
    fn drain(&mut self, signals: &mut Signals) {
        let Some(http) = self.http.take() else { return };
        let timeout = self.config.server.stop_timeout;
        info!(
            event = "stopping",
            "stopping; open responses have {} s to finish, a second signal ends them now",
            timeout.as_secs()
        );
        let (done, drained) = oneshot::channel();
        let drain = move || {
            http.stop(timeout);
            // Nothing waits for it any more after a second signal.
            let _ = done.send(());
        };
        // Without a thread, dropping the server has ended its responses.
        let Ok(thread) = thread::Builder::new().name("drain".to_owned()).spawn(drain) else {
            return;
        };
        let is_drained = signals.runtime.block_on(async {
            tokio::select! {
                _ = drained => true,
                _ = signals.terminate.recv() => false,
                _ = signals.interrupt.recv() => false,
            }
        });
        if is_drained {
            // A panic was logged when it happened.
            let _ = thread.join();
        } else {
            // Its threads end with the process, which is about to.
            info!(event = "stopping", "open responses are broken off");
        }
    }

    /// Stops in order, and joins all threads. A second call does nothing.
    pub fn stop(&mut self) {
        if let Some(http) = self.http.take() {
            http.stop(self.config.server.stop_timeout);
        }
        self.inbox.close();
        if let Some(engine) = self.engine.take() {
            // A panic was logged when it happened.
            let _ = engine.join();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The parts that a start opened.
struct Opened {
    engine: Engine,
    inbox: Arc<Inbox<Command>>,
    published: Arc<Published>,
    renderer: Arc<Renderer>,
}

/// Opens the state and all that works with it. A damaged state is moved aside; a lost one is recovered from the feeds on
/// disk, as far as they reach.
fn open(config: Config, lock: Lock, clock: Arc<dyn Clock>) -> Result<Opened, Refusal> {
    let opened = try_open(config.clone(), lock, Arc::clone(&clock));
    let mut opened = match opened {
        Err(Refusal::Store(damage @ StoreError::Corrupt { .. })) => {
            let lock = prepare(&config)?;
            let aside = store::set_aside(&config.state.dir, clock.now())?;
            error!(event = "degraded", "degraded: {damage}; it was moved to {}", aside.display());
            try_open(config.clone(), lock, clock)?
        }
        opened => opened?,
    };
    opened.engine.seal_import()?;
    if opened.engine.is_first_scan() {
        let found = store::recover::recover(&config.feeds.dir, &config.site.id);
        let entries = opened.engine.adopt(found);
        if entries > 0 {
            let dir = config.feeds.dir.display();
            warn!(
                event = "recovered",
                entries, "there was no state: ids and dates were recovered from the feeds in {dir}"
            );
        }
    }
    Ok(opened)
}

/// Locks the state for this process.
fn prepare(config: &Config) -> Result<Lock, Refusal> {
    Ok(Lock::acquire(&config.state.dir)?)
}

fn try_open(config: Config, lock: Lock, clock: Arc<dyn Clock>) -> Result<Opened, Refusal> {
    let mut store = Database::open(lock)?;
    let inbox = Arc::new(Inbox::new(engine::settling(&config.articles)));
    let renderer = Arc::new(Renderer::new(Arc::clone(&clock)));
    let polling = match engine::open_tree(&config.articles, &inbox) {
        Ok((tree, polling)) => {
            renderer.set_tree(Arc::new(tree));
            polling
        }
        // The published state is served; the engine tries again.
        Err(_) if !store.is_new() => false,
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
        polling,
    };
    Ok(Opened { engine: Engine::start(parts)?, inbox, published, renderer })
}

/// Replaces port 0, which `site.url` has from `server.listen` if it is not set, by the port that
/// the system chose.
fn with_real_port(mut config: Config, port: Option<u16>) -> Config {
    if config.site.url.port() == Some(0) {
        // Fails only for URLs without a host, and this one has a port.
        let _ = config.site.url.set_port(port);
    }
    config
}

/// Wakes the engine when the wall clock is set. Without that, what became due by the step is
/// published at the next scan.
fn listen_to_clock(inbox: &Arc<Inbox<Command>>) -> Option<Listener> {
    let inbox = Arc::clone(inbox);
    match on_clock_set(move || inbox.clock_was_set()) {
        Ok(listener) => Some(listener),
        Err(error) => {
            debug!(%error, "steps of the wall clock are not reported");
            None
        }
    }
}

fn bind(config: &Config) -> Result<Vec<TcpListener>, Refusal> {
    let mut listeners = Vec::new();
    for address in &config.server.listen {
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => return Err(unbound(*address, &error)),
        }
    }
    Ok(listeners)
}

fn unbound(address: SocketAddr, error: &io::Error) -> Refusal {
    let hint = "set server.listen in the configuration, or DROPFEED_SERVER__LISTEN";
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Refusal::Config(format!("{address} is in use by another program; {hint}"))
        }
        // At boot, an interface may get its address after dropfeed starts. systemd starts it again.
        io::ErrorKind::AddrNotAvailable => {
            Refusal::NotYet(format!("this machine does not have the address {address}; {hint}"))
        }
        _ => Refusal::Config(format!("cannot listen on {address}: {error}; {hint}")),
    }
}

/// Signals that are handled, from the moment this is made.
struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt, hangup) = {
            let _entered = runtime.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::hangup())?,
            )
        };
        Ok(Self { runtime, terminate, interrupt, hangup })
    }
}

/// Waits for a signal to stop, and reloads at SIGHUP. Ends with an error if the engine does.
fn wait(
    daemon: &mut Daemon,
    signals: &mut Signals,
    load: &dyn Fn() -> Result<Config, Errors>,
) -> anyhow::Result<()> {
    let Some(mut ended) = daemon.ended.take() else { anyhow::bail!("the engine is not running") };
    let Signals { runtime, terminate, interrupt, hangup } = signals;
    runtime.block_on(async {
        // The engine's reply to the last reload, until it has arrived.
        let mut reloading: Option<oneshot::Receiver<Reloaded>> = None;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => reloading = reload(daemon, load),
                reply = async { reloading.as_mut()?.await.ok() }, if reloading.is_some() => {
                    reloading = None;
                    systemd::ready(&after_reload(reply));
                }
                _ = &mut ended => anyhow::bail!("the engine ended by itself"),
            }
        }
    })
}

/// The status after a reload was answered.
fn after_reload(reply: Option<Reloaded>) -> String {
    match reply {
        Some(Reloaded::WithoutDirectory(why)) => format!("serving the last feeds: {why}"),
        Some(Reloaded::Applied) | None => "serving".to_owned(),
    }
}

/// Begins a reload. Without a reply to wait for, it is over, and nothing has changed.
fn reload(
    daemon: &Daemon,
    load: &dyn Fn() -> Result<Config, Errors>,
) -> Option<oneshot::Receiver<Reloaded>> {
    systemd::reloading();
    let replied = match load() {
        Ok(config) => daemon.reload(config),
        Err(errors) => {
            for mistake in &errors.0 {
                error!(event = "refused", "{mistake}");
            }
            error!(
                event = "refused",
                "the configuration was not reloaded; the previous one stays in use"
            );
            None
        }
    };
    if replied.is_none() {
        systemd::ready("serving");
    }
    replied
}
