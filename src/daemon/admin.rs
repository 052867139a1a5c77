//! The admin listener and the readers' statistics: starts what the configuration asks for.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use tracing::{error, info};

use super::open::Refusal;
use crate::config::{Admin, Config, Listen};
use crate::http::admin::Sources;
use crate::http::readers::{Counter, Saving, open_readers, random_salt};
use crate::http::{self, Observer};
use crate::ops::clock::Clock;
use crate::ops::sockets::{Address, ListenSocket, SocketFile, listen_unix};
use crate::publish::Published;

/// The readers' statistics while they are counted. Dropping this saves them.
pub(super) struct Readers {
    counter: Arc<Counter>,
    _saving: Saving,
}

impl Readers {
    /// Begins to count, if the configuration asks for it. Where the statistics cannot be opened,
    /// nothing is counted, and the site is served all the same.
    pub(super) fn count(
        config: &Config,
        published: &Arc<Published>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, Refusal> {
        if !config.readers.enabled {
            return Ok(None);
        }
        let (file, history) = match open_readers(&config.state.dir) {
            Ok(opened) => opened,
            Err(error) => {
                error!(event = "degraded", "degraded: readers are not counted: {error}");
                return Ok(None);
            }
        };
        let (published, zone) = (Arc::clone(published), config.site.timezone.clone());
        let counter = Counter::new(published, zone, Arc::clone(clock), random_salt, history);
        let counter = Arc::new(counter);
        let saving = Saving::start(Arc::clone(&counter), file).map_err(|error| {
            Refusal::Config(format!("the readers thread cannot be started: {error}"))
        })?;
        Ok(Some(Self { counter, _saving: saving }))
    }

    /// The counter.
    pub(super) fn counter(&self) -> Arc<Counter> {
        Arc::clone(&self.counter)
    }

    /// The counter, as what is given every finished request.
    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        self.counter()
    }
}

/// The socket of `admin.listen`, listening, and the file of a Unix socket.
pub(super) type AdminSocket = (ListenSocket, Option<SocketFile>);

/// Binds `admin.listen`, if it is set. A Unix socket has the mode `unix_mode`.
pub(super) fn bind(admin: &Admin, unix_mode: u32) -> Result<Option<AdminSocket>, Refusal> {
    let Some(place) = &admin.listen else { return Ok(None) };
    let bound = match place {
        Listen::Tcp(address) => TcpListener::bind(address).map(|socket| (socket.into(), None)),
        Listen::Unix(path) => listen_unix(path, unix_mode)
            .map(|(socket, file)| (ListenSocket::Unix(socket), Some(file))),
    };
    let error = match bound {
        Ok(socket) => return Ok(Some(socket)),
        Err(error) => error,
    };
    let hint = "set admin.listen in the configuration, or DROPFEED_ADMIN__LISTEN";
    Err(Refusal::Config(match error.kind() {
        io::ErrorKind::AddrInUse => format!("{place} is in use by another program; {hint}"),
        io::ErrorKind::AlreadyExists => format!(
            "cannot listen on {place}: the file is not a socket, and is not replaced; {hint}"
        ),
        _ => format!("cannot listen on {place}: {error}; {hint}"),
    }))
}

/// Serves the status on the socket, if there is one.
pub(super) fn start(
    socket: Option<ListenSocket>,
    sources: Sources,
) -> Result<Option<http::Running>, Refusal> {
    let Some(socket) = socket else { return Ok(None) };
    let config = Arc::clone(&sources.process.config);
    let address = socket.address();
    let started = http::admin::start(socket, sources, &config.admin, &config.server);
    let running = started.map_err(|error| {
        Refusal::Config(format!("the socket of admin.listen cannot be used: {error}"))
    })?;
    match address {
        Ok(Address::Tcp(address)) => {
            info!(event = "listening", %address, "the status page is at http://{address}/");
        }
        Ok(address) => info!(event = "listening", %address, "the status page is at {address}"),
        // One that has no address cannot be served either.
        Err(_) => {}
    }
    Ok(Some(running))
}
