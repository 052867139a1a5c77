//! Starts everything, owns shutdown, joins everything.
//!
//! Start: lock, bind, serve the last feeds, load the state, READY, scan. Stop: stop accepting and drain,
//! close the inbox, join the engine. Every thread that is spawned here is joined here.

mod admin;
mod control;
mod hub;
mod import;
mod listeners;
mod open;
mod push;
mod repair;
mod signals;
mod watchdog;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use crate::base::Timestamp;
use crate::config::{AccessLog, Config, Errors, Loaded, LogFormat};
use crate::engine::{Command, Engine, SharedStore, StatusLog};
use crate::http::admin::Sources;
use crate::http::metrics::Requests;
use crate::http::{self, Edge};
use crate::ops::certificate::{CertificateFiles, Checked};
use crate::ops::clock::{Clock, SystemClock};
use crate::ops::clock_set::on_clock_set;
use crate::ops::line_log::{self, Destination, LineLog};
use crate::ops::listener::Listener;
use crate::ops::pulse::Pulse;
use crate::ops::sockets::{ListenSocket, SocketFile};
use crate::ops::systemd;
use crate::publish::Published;
use crate::publish::report::Process;
use crate::source::Inbox;
use crate::store::{ControlSocket, Lock, backup};

use admin::Readers;
use hub::OwnHub;
use listeners::{Listeners, Listening};
use open::{Handles, Opening, Refusal, prepare, with_real_port};
use push::Push;
use signals::{Signals, wait};
use watchdog::{Parts, Pinging};

pub use import::import;
pub use repair::repair;

/// The time for open answers of the admin listener at a stop.
const ADMIN_STOP: Duration = Duration::from_secs(1);

/// Serves until asked to stop. `load` gives the configuration: at start, and again for every
/// reload.
///
/// # Errors
/// Errors of the operating system while running. A start that is refused is reported here, in one
/// sentence.
pub fn serve(load: &dyn Fn() -> Result<Loaded, Errors>) -> anyhow::Result<ExitCode> {
    // First of all, so that a signal during the start stops dropfeed in order, or has it reload,
    // instead of killing it.
    let mut signals = Signals::listen()?;
    let loaded = load()?;
    let inherited = match systemd::listeners() {
        Ok(inherited) => inherited,
        Err(error) => {
            let message =
                format!("the sockets that the service manager passed cannot be used: {error}");
            return refused(&Refusal::Config(message));
        }
    };
    let mut daemon = match Daemon::start(loaded, inherited, Arc::new(SystemClock)) {
        Ok(daemon) => daemon,
        Err(refusal) => return refused(&refusal),
    };
    systemd::ready(&daemon.published.status().summary());
    let stopped = wait(&mut daemon, &mut signals, load);
    systemd::stopping();
    let watchdog = daemon.pinging.take().map(Pinging::stop);
    daemon.drain(&mut signals);
    daemon.stop();
    if let Some(watchdog) = watchdog {
        // Last, since it may wait for the store, as the engine may. A panic was logged.
        let _ = watchdog.join();
    }
    stopped?;
    info!(event = "stopped", "stopped");
    Ok(ExitCode::SUCCESS)
}

/// Publishes once, writes every feed, and returns.
///
/// # Errors
/// The first error that prevents publishing.
pub fn build(config: Config) -> anyhow::Result<ExitCode> {
    let handles = Handles::new(config, Arc::new(SystemClock));
    let opening = prepare(&handles.config).and_then(|lock| Opening::open(&handles, lock));
    let engine = match opening.and_then(Opening::load) {
        Ok(engine) => engine,
        Err(refusal) => return refused(&refusal),
    };
    let articles = engine.build()?;
    info!(event = "built", articles, "built");
    Ok(ExitCode::SUCCESS)
}

fn refused(refusal: &Refusal) -> anyhow::Result<ExitCode> {
    crate::ops::logging::report(&refusal.to_string());
    Ok(refusal.exit())
}

/// A running dropfeed.
struct Daemon {
    inbox: Arc<Inbox<Command>>,
    /// The process, and its configuration at the start: a reload compares with that what needs a
    /// restart.
    process: Process,
    published: Arc<Published>,
    status: StatusLog,
    store: SharedStore,
    clock: Arc<dyn Clock>,
    /// The port of the first listener.
    port: Option<u16>,
    /// The files of the Unix sockets; removed when this is emptied.
    socket_files: Vec<SocketFile>,
    /// The files of the certificate; `None` without TLS.
    certificate: Option<CertificateFiles>,
    /// The control socket; `None` where the state directory can hold no socket.
    control: Option<ControlSocket>,
    http: Option<http::Running>,
    admin: Option<http::Running>,
    hub: Option<OwnHub>,
    readers: Option<Readers>,
    push: Option<Push>,
    /// The access log, which outlives the server.
    access_log: Option<LineLog>,
    engine: Option<JoinHandle<()>>,
    /// The life of the loop that serves the control socket and the signals.
    pulse: Arc<Pulse>,
    /// The pings; `None` where the service manager wants none.
    pinging: Option<Pinging>,
    _clock_listener: Option<Listener>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Daemon {
    /// Starts everything. `inherited`: sockets to use instead of `server.listen`, with their names.
    fn start(
        loaded: Loaded,
        inherited: Vec<(ListenSocket, String)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Refusal> {
        let Loaded { config, file, .. } = loaded;
        let (lock, access_log) = (prepare(&config)?, open_access_log(&config.access_log)?);
        backup::remove_left_over(&lock);
        let control = control_socket(&lock);
        let certificate = listeners::certificate(&config)?;
        let tls = listeners::tls(&config, certificate.as_ref())?;
        let listeners = Listeners::open(&config, inherited)?;
        let admin_socket = admin::bind(&config.admin, config.server.unix_mode)?;
        let port = listeners.port();
        // The engine gets it too: with port 0, only now is the address of the site known.
        let process = process(with_real_port(config, port), file, clock.now());
        let config = &*process.config;
        let handles = Handles::new(config.clone(), Arc::clone(&clock));
        let opening = Opening::open(&handles, lock)?;
        let (readers, hub) =
            (Readers::count(config, &handles.published, &clock)?, OwnHub::start(config, &handles)?);
        let mut edge = edge(config, &handles);
        (edge.tls, edge.hub) = (tls, hub.as_ref().map(OwnHub::door));
        let requests = observe(&mut edge, config, readers.as_ref(), access_log.as_ref());
        let (metrics, listening) = (Arc::clone(&edge.metrics), listeners.report());
        let Listeners { sockets, files: mut socket_files } = listeners;
        let (admin_socket, admin_file) = admin_socket.unzip();
        socket_files.extend(admin_file.flatten());
        // Before the articles are loaded: the last feeds are there.
        let http = http::start(sockets, edge).map_err(|error| sockets_unusable(&error))?;
        let (engine, push) = load(opening, &handles, hub.as_ref())?;
        log_start(listening, config);
        let sources = Sources {
            published: Arc::clone(&handles.published),
            clock: Arc::clone(&clock),
            process: process.clone(),
            metrics,
            requests,
            access_log: access_log.as_ref().map(LineLog::lines),
            readers: readers.as_ref().map(Readers::counter),
            hub: hub.as_ref().map(OwnHub::counters),
        };
        let admin = admin::start(admin_socket, sources)?;
        let (pulse, pinging) = start_pinging(&engine, [Some(&http), admin.as_ref()])?;
        let (store, status) = (engine.store(), engine.status_log());
        let (engine, ended) = run_engine(engine)?;
        Ok(Self {
            _clock_listener: listen_to_clock(&handles.inbox),
            inbox: handles.inbox,
            process,
            published: handles.published,
            status,
            store,
            clock,
            port,
            socket_files,
            certificate,
            control,
            http: Some(http),
            admin,
            hub,
            readers,
            push,
            access_log,
            engine: Some(engine),
            pulse,
            pinging,
            ended: Some(ended),
        })
    }

    /// Opens the access log again, whose file may have been renamed.
    fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            line_log::reopen(log, ACCESS_LOG);
        }
    }

    /// Reads the certificate again if its files have changed.
    fn check_certificate(&mut self) {
        if let Some(files) = &mut self.certificate {
            let checked = files.check();
            listeners::report_certificate(files, &checked, &self.status);
        }
    }

    /// Reads the certificate again. Returns why it cannot be used.
    fn reload_certificate(&mut self) -> Option<String> {
        let files = self.certificate.as_mut()?;
        let checked = files.reload();
        listeners::report_certificate(files, &checked, &self.status);
        match checked {
            Checked::Refused(error) => Some(error.to_string()),
            Checked::Unchanged | Checked::Replaced => None,
        }
    }

    /// Stops the HTTP server. Responses that are being sent may finish within
    /// `server.stop_timeout_s`, unless a further signal comes first.
    fn drain(&mut self, signals: &mut Signals) {
        let Some(http) = self.http.take() else { return };
        let timeout = self.process.config.server.stop_timeout;
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
            // The threads of the server end with the process, which ends next.
            info!(event = "stopping", "open responses are broken off");
        }
    }

    /// Stops in order, and joins all threads. A second call does nothing.
    fn stop(&mut self) {
        // Before the lock is released: the next daemon has a socket of its own there.
        self.control = None;
        if let Some(http) = self.http.take() {
            http.stop(self.process.config.server.stop_timeout);
        }
        // Also before the lock is released, for the same reason.
        self.socket_files.clear();
        // After the last request, so that it is answered, and while the state is locked.
        self.hub = None;
        // After the last answer, so that it is counted.
        self.readers = None;
        if let Some(admin) = self.admin.take() {
            admin.stop(ADMIN_STOP);
        }
        // Before the lock is released, which guards what it stores.
        self.push = None;
        // Writes what the last answers left.
        self.access_log = None;
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

/// Begins to ping the watchdog of the service manager, if it has one. First, the life that the main
/// loop has to show.
fn start_pinging(
    engine: &Engine,
    servers: [Option<&http::Running>; 2],
) -> Result<(Arc<Pulse>, Option<Pinging>), Refusal> {
    let main_loop = Arc::<Pulse>::default();
    let Some(interval) = systemd::watchdog_interval() else { return Ok((main_loop, None)) };
    let mut loops = vec![Arc::clone(&main_loop)];
    for server in servers.into_iter().flatten() {
        loops.extend_from_slice(server.pulses());
    }
    let pinging = Pinging::start(Parts { loops, vitals: engine.vitals() }, interval)?;
    Ok((main_loop, Some(pinging)))
}

/// Loads the state, and begins to push what the engine publishes.
fn load(
    opening: Opening,
    handles: &Handles,
    hub: Option<&OwnHub>,
) -> Result<(Engine, Option<Push>), Refusal> {
    let mut engine = opening.load()?;
    let push = Push::start(&handles.config, &mut engine, &handles.renderer)?;
    if let Some(hub) = hub {
        hub.follow(&mut engine);
    }
    Ok((engine, push))
}

/// Runs the engine on a thread of its own. Second, what is resolved when the engine ends.
fn run_engine(engine: Engine) -> Result<(JoinHandle<()>, oneshot::Receiver<()>), Refusal> {
    let (ending, ended) = oneshot::channel();
    let work = move || {
        engine.run();
        // The receiver is dropped if the daemon stops first.
        let _ = ending.send(());
    };
    let spawned = thread::Builder::new().name("engine".to_owned()).spawn(work);
    let thread = spawned.map_err(|error| {
        Refusal::Config(format!("the engine thread cannot be started: {error}"))
    })?;
    Ok((thread, ended))
}

/// Logs where the site is served.
fn log_start(listening: Vec<Listening>, config: &Config) {
    for socket in listening {
        socket.log(config);
    }
    if let Some(notice) = config.url_notice() {
        warn!(event = "warning", "{notice}");
    }
}

/// The process, which uses `config` from `started` on.
fn process(config: Config, file: Option<PathBuf>, started: Timestamp) -> Process {
    // Where the current directory cannot be found out, the path stays as it was given.
    let config_file = file.map(|file| std::path::absolute(&file).unwrap_or(file));
    let (version, id) = (env!("DROPFEED_VERSION"), std::process::id());
    Process { version, id, started, config: Arc::new(config), config_file }
}

/// The edge of what is published, without anything that is optional.
fn edge(config: &Config, handles: &Handles) -> Edge {
    let Handles { published, renderer, clock, .. } = handles;
    let render = Arc::clone(renderer) as _;
    let mut edge =
        Edge::new(Arc::clone(published), render, config.server.clone(), Arc::clone(clock));
    if !config.tls.redirect_listen.is_empty() || config.tls.is_on() {
        edge.site = Some(config.site.clone());
    }
    edge
}

/// Adds to `edge` whatever observes requests and is turned on. Returns the counters of requests,
/// which count if there is an admin listener to show them.
fn observe(
    edge: &mut Edge,
    config: &Config,
    readers: Option<&Readers>,
    access_log: Option<&LineLog>,
) -> Arc<Requests> {
    let requests = Arc::new(Requests::default());
    if config.admin.listen.is_some() {
        edge.observers.push(Arc::clone(&requests) as _);
    }
    if let Some(readers) = readers {
        edge.observers.push(readers.observer());
    }
    if let Some(log) = access_log {
        edge.observers.push(Arc::new(http::AccessLogger::new(&config.access_log, log.lines())));
    }
    let per_hour = config.politeness.unconditional_per_hour;
    edge.politeness = http::Politeness::new(per_hour).map(Arc::new);
    requests
}

/// The log's name in messages.
const ACCESS_LOG: &str = "access log";

/// Opens the access log, if there is to be one.
fn open_access_log(config: &AccessLog) -> Result<Option<LineLog>, Refusal> {
    if config.format == LogFormat::Off {
        return Ok(None);
    }
    match LineLog::start(ACCESS_LOG, Destination::of(config.path.as_deref())) {
        Ok(log) => Ok(Some(log)),
        Err(error) => {
            let file = match &config.path {
                Some(path) => path.display().to_string(),
                None => "standard output".to_owned(),
            };
            let sentence = format!("cannot write to access_log.path, {file}: {error}");
            Err(Refusal::Config(sentence))
        }
    }
}

fn sockets_unusable(error: &io::Error) -> Refusal {
    Refusal::Config(format!("the listening sockets cannot be used: {error}"))
}

/// Makes the control socket. Without it the site is served all the same.
fn control_socket(lock: &Lock) -> Option<ControlSocket> {
    match ControlSocket::bind(lock) {
        Ok(socket) => Some(socket),
        Err(error) => {
            let dir = lock.dir().display();
            warn!(
                event = "warning",
                "no control socket in {dir}: {error}; `dropfeed status` and other commands cannot ask this process"
            );
            None
        }
    }
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
