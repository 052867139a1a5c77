//! The admin listener: the status for people and programs, and metrics, for this machine only.
//!
//! `handler` answers, and `page` is the status page. What a browser was tricked into asking is
//! refused (`http::host`). It has a thread and connections of its own, so that it answers when the
//! public listener is full. Never changes anything, and never sends what another site's script may
//! read.

mod handler;
mod page;

use std::io;
use std::sync::Arc;

use super::net::{self, Role, Running};
use crate::config;
use crate::ops::sockets::ListenSocket;

pub use handler::Sources;

/// Serves the status of `sources` on `socket` until it is stopped, on one thread. The time limits
/// are those of `server`.
///
/// # Errors
/// The socket cannot be registered, or the thread or its runtime cannot be started.
pub fn start(
    socket: ListenSocket,
    sources: Sources,
    admin: &config::Admin,
    server: &config::Server,
) -> io::Result<Running> {
    let limits = config::Server {
        max_connections: admin.max_connections,
        connections_per_address: admin.max_connections,
        // No proxy is between this machine and itself.
        trusted_proxies: config::TrustedProxies::default(),
        proxy_protocol: false,
        ..server.clone()
    };
    let listeners = [(socket, Role::Plain)];
    // Counters of its own: those of the public listener are what is reported.
    net::serve(&listeners, &limits, None, &Arc::default(), vec![handler::Handler::new(sources)])
}
