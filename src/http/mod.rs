//! The HTTP edge: a function of (request, snapshot), and the sockets around it.
//!
//! `server` owns threads and listeners, `connection` one socket with its time-outs, `request` what is refused before
//! anything is looked up, `respond` the answer; `conditional`, `encoding`, `range` and `media` are the standards,
//! pure; `cache` makes what is not resident; `asset` streams files; `problem` is every answer that is no document.
//!
//! It never changes what it serves, never names a file (a path of a request goes through `Route::parse` and nowhere
//! else) and never believes a Host: every URL comes from `site.url`. All that a client sends is bounded, in size here
//! and in time by `config::Server`.

mod asset;
mod body;
mod cache;
pub mod conditional;
mod connection;
mod encoding;
mod media;
mod metrics;
mod peers;
mod problem;
mod pulse;
mod range;
mod request;
mod respond;
mod server;

use std::sync::Arc;

use crate::base::Route;
use crate::config;
use crate::publish::{Found, Published, Render, Snapshot};

pub use metrics::Metrics;
pub use server::{Running, start};

/// What the edge serves from, and within what limits.
#[derive(Clone)]
pub struct Edge {
    /// Where the current snapshot stands.
    pub published: Arc<Published>,
    /// Makes what is not resident.
    pub render: Arc<dyn Render>,
    /// The limits; `listen` is the daemon's to bind.
    pub server: config::Server,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What stands at a route: [`Snapshot::find`]. A table of a test's own can stand in for a library.
    pub find: fn(&Snapshot, &Route) -> Found,
}

impl Edge {
    /// An edge over what is published.
    pub fn new(published: Arc<Published>, render: Arc<dyn Render>, server: config::Server) -> Self {
        Self { published, render, server, metrics: Arc::default(), find: Snapshot::find }
    }
}
