//! The admin listener and the readers' statistics: starts what the configuration asks for.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use tracing::{error, info};

use super::open::Refusal;
use crate::config::{Admin, Config};
use crate::http::admin::Sources;
use crate::http::readers::{Counter, Saving, open_readers, random_salt};
use crate::http::{self, Observer};
use crate::ops::clock::Clock;
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

/// Binds `admin.listen`, if it is set.
pub(super) fn bind(admin: &Admin) -> Result<Option<TcpListener>, Refusal> {
    let Some(address) = admin.listen else { return Ok(None) };
    let error = match TcpListener::bind(address) {
        Ok(listener) => return Ok(Some(listener)),
        Err(error) => error,
    };
    let hint = "set admin.listen in the configuration, or DROPFEED_ADMIN__LISTEN";
    Err(Refusal::Config(match error.kind() {
        io::ErrorKind::AddrInUse => format!("{address} is in use by another program; {hint}"),
        _ => format!("cannot listen on {address}: {error}; {hint}"),
    }))
}

/// Serves the status on the listener, if there is one.
pub(super) fn start(
    listener: Option<TcpListener>,
    sources: Sources,
) -> Result<Option<http::Running>, Refusal> {
    let Some(listener) = listener else { return Ok(None) };
    let config = Arc::clone(&sources.process.config);
    let started = http::admin::start(listener, sources, &config.admin, &config.server);
    let running = started.map_err(|error| {
        Refusal::Config(format!("the socket of admin.listen cannot be used: {error}"))
    })?;
    for address in running.addresses() {
        info!(event = "listening", %address, "the status page is at http://{address}/");
    }
    Ok(Some(running))
}
