//! The main loop of the daemon: signals, requests of the control socket, and reloads.
//!
//! SIGHUP and `dropfeed reload` do the same: the configuration is read here, the engine goes on
//! under it, and only then a reply is sent. One reload is under way at a time.

use std::future::pending;
use std::io;
use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, warn};

use super::Daemon;
use super::control::{self, ReloadRequest, Responder};
use super::open::with_real_port;
use crate::config::{Errors, Finding, Loaded};
use crate::engine::{Command, Reloaded};
use crate::ops::certificate;
use crate::ops::control::Reply;
use crate::ops::control::server::{self, CONNECTIONS_MAX};
use crate::ops::systemd;

/// Signals that are handled, from the moment this is made.
pub(super) struct Signals {
    pub(super) runtime: Runtime,
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
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

/// A reload that the engine has not answered yet.
struct Reloading {
    answer: oneshot::Receiver<Reloaded>,
    /// Keys that need a restart.
    restart: Vec<&'static str>,
    warnings: Vec<Finding>,
    /// The reason why the certificate in use could not be read again.
    bad_certificate: Option<String>,
    /// The request to reply to; `None` after SIGHUP.
    request: Option<ReloadRequest>,
}

/// Waits for a signal to stop; serves the control socket, and reloads, meanwhile. Ends with an
/// error if the engine does.
pub(super) fn wait(
    daemon: &mut Daemon,
    signals: &mut Signals,
    load: &dyn Fn() -> Result<Loaded, Errors>,
) -> anyhow::Result<()> {
    let Some(mut ended) = daemon.ended.take() else { anyhow::bail!("the engine is not running") };
    let Signals { runtime, terminate, interrupt, hangup } = signals;
    let (ask, mut asked) = mpsc::channel(CONNECTIONS_MAX);
    let listener = match &mut daemon.control {
        Some(socket) => socket.take_listener(),
        None => None,
    };
    let responder = Responder::new(daemon, ask);
    let pulse = Arc::clone(&daemon.pulse);
    runtime.block_on(async {
        let serving = serve(listener, responder);
        tokio::pin!(serving);
        let mut reloading: Option<Reloading> = None;
        let mut certificate_check = interval(certificate::CHECK_EVERY);
        certificate_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = certificate_check.tick(), if daemon.certificate.is_some() => {
                    daemon.check_certificate();
                }
                _ = hangup.recv(), if reloading.is_none() => {
                    reloading = begin_reload(daemon, load, None);
                }
                Some(request) = asked.recv(), if reloading.is_none() => {
                    reloading = begin_reload(daemon, load, Some(request));
                }
                answer = answered(&mut reloading), if reloading.is_some() => {
                    if let Some(reloading) = reloading.take() {
                        end_reload(daemon, reloading, answer);
                    }
                }
                _ = &mut ended => anyhow::bail!("the engine ended by itself"),
                () = &mut serving => {}
                () = pulse.asked() => pulse.beat(),
            }
        }
    })
}

/// Serves the control socket. Never returns.
async fn serve(listener: Option<std::os::unix::net::UnixListener>, responder: Responder) {
    let listener = match listener.map(UnixListener::from_std) {
        Some(Ok(listener)) => listener,
        Some(Err(error)) => {
            warn!(event = "warning", "the control socket cannot be served: {error}");
            return pending().await;
        }
        None => return pending().await,
    };
    let answer = move |request| {
        let responder = responder.clone();
        async move { responder.answer(request).await }
    };
    server::serve(listener, answer).await;
}

/// The engine's reply; `None` if the engine ended. Without a reload, it never returns.
async fn answered(reloading: &mut Option<Reloading>) -> Option<Reloaded> {
    match reloading {
        Some(reloading) => (&mut reloading.answer).await.ok(),
        None => pending().await,
    }
}

/// Reads the configuration, and passes it to the engine. `None` if the reload is over: the
/// configuration is not valid, or the engine takes no command.
fn begin_reload(
    daemon: &mut Daemon,
    load: &dyn Fn() -> Result<Loaded, Errors>,
    request: Option<ReloadRequest>,
) -> Option<Reloading> {
    systemd::reloading();
    // Whatever the configuration says now: logrotate has moved the file.
    daemon.reopen_access_log();
    let bad_certificate = daemon.reload_certificate();
    let refused = match load() {
        Ok(loaded) => {
            let Loaded { config, warnings, .. } = loaded;
            let config = with_real_port(config, daemon.port);
            let restart = daemon.process.config.changes(&config).restart;
            for key in &restart {
                warn!(event = "warning", "{key} takes effect only after a restart");
            }
            let mut config = config;
            config.keep_started(&daemon.process.config);
            let (reply, answer) = oneshot::channel();
            let command = Command::Reload { config: Box::new(config), reply };
            match daemon.inbox.command(command) {
                Ok(()) => {
                    let reloading =
                        Reloading { answer, restart, warnings, bad_certificate, request };
                    return Some(reloading);
                }
                Err(_) => Reply::failed(1, "too many commands are waiting; nothing was reloaded"),
            }
        }
        Err(errors) => control::not_reloaded(&errors),
    };
    for line in refused.text.lines() {
        error!(event = "refused", "{line}");
    }
    finish(daemon, request, refused);
    None
}

fn end_reload(daemon: &Daemon, reloading: Reloading, answer: Option<Reloaded>) {
    let Reloading { restart, warnings, bad_certificate, request, .. } = reloading;
    let reply = match answer {
        Some(reloaded) => {
            control::reloaded(&reloaded, &restart, &warnings, bad_certificate.as_deref())
        }
        None => Reply::failed(1, "dropfeed is stopping; the configuration was not reloaded"),
    };
    finish(daemon, request, reply);
}

/// Ends a reload, first for the service manager, then for the client.
fn finish(daemon: &Daemon, request: Option<ReloadRequest>, reply: Reply) {
    systemd::ready(&daemon.published.status().summary());
    if let Some(request) = request {
        // The receiver is gone if the client is.
        let _ = request.send(reply);
    }
}
