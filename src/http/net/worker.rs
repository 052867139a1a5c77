//! The open connections of one thread, and the choice of those to close in favour of others.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::super::metrics::Metrics;
use super::Service;
use super::activity::Activity;
use super::peer::Peer;
use super::per_address::{PerAddress, Place};
use super::role::Role;
use super::tls::Tls;
use crate::config;
use crate::ops::pulse::Pulse;

/// The interval of looking for idle connections while every place is taken.
const EVICT_EVERY: Duration = Duration::from_millis(100);

/// The share of idle connections that are closed when a place is needed: one in so many, at least
/// one.
const EVICTED_SHARE: usize = 16;

/// The places of an open connection.
pub(super) struct Places {
    pub(super) _place: OwnedSemaphorePermit,
    pub(super) _address: Place,
}

/// The parts that all workers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) limits: Arc<config::Server>,
    pub(super) tls: Option<Tls>,
    pub(super) metrics: Arc<Metrics>,
    /// The places of connections.
    pub(super) places: Arc<Semaphore>,
    pub(super) per_address: Arc<PerAddress>,
}

/// The state of one worker thread, which it never leaves.
pub(super) struct Worker<S> {
    service: S,
    shared: Shared,
    /// The life of the loop that accepts.
    pulse: Arc<Pulse>,
    stopping: Cell<bool>,
    connections: Rc<Connections>,
    /// The head of the answer that is being sent.
    scratch: RefCell<Vec<u8>>,
}

/// The open connections by number.
#[derive(Default)]
struct Connections {
    open: RefCell<HashMap<u64, Rc<Activity>>>,
    next: Cell<u64>,
    closed: Notify,
}

impl<S: Service> Worker<S> {
    pub(super) fn new(service: S, shared: Shared, pulse: Arc<Pulse>) -> Rc<Self> {
        let (stopping, connections) = (Cell::new(false), Rc::default());
        let scratch = RefCell::default();
        Rc::new(Self { service, shared, pulse, stopping, connections, scratch })
    }

    pub(super) fn service(&self) -> &S {
        &self.service
    }

    pub(super) fn limits(&self) -> &config::Server {
        &self.shared.limits
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// TLS, if it is on.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.shared.tls.as_ref()
    }

    pub(super) fn per_address(&self) -> &Arc<PerAddress> {
        &self.shared.per_address
    }

    /// The signs of life of the loop that accepts.
    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Memory for the head of an answer, used within one call.
    pub(super) fn scratch(&self) -> RefMut<'_, Vec<u8>> {
        self.scratch.borrow_mut()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Adds a connection, which counts as open until the returned value is dropped.
    pub(super) fn open(&self, peer: Peer, role: Role, places: Places) -> Open {
        let is_trusted = peer.is_trusted(&self.shared.limits.trusted_proxies);
        let activity = Activity::new(peer, role, is_trusted);
        let number = self.connections.next.get();
        self.connections.next.set(number + 1);
        self.connections.open.borrow_mut().insert(number, Rc::clone(&activity));
        self.metrics().accepted();
        Open {
            connections: Rc::clone(&self.connections),
            metrics: Arc::clone(self.metrics()),
            activity,
            number,
            _places: places,
        }
    }

    /// Waits for a place for another connection. While there is none, connections that have been
    /// idle for the longest time are closed.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        let places = &self.shared.places;
        loop {
            if let Ok(place) = Arc::clone(places).try_acquire_owned() {
                return place;
            }
            self.pulse.beat();
            self.evict();
            // The semaphore is never closed, so an error means that the time is over.
            if let Ok(Ok(place)) = timeout(EVICT_EVERY, Arc::clone(places).acquire_owned()).await {
                return place;
            }
        }
    }

    /// Closes a share of the idle connections, those that have been idle for the longest time.
    pub(super) fn evict(&self) {
        let now = Instant::now();
        let open = self.connections.open.borrow();
        let mut waiting = Vec::new();
        for activity in open.values() {
            if let Some(since) = activity.waiting_since(now) {
                waiting.push((since, activity));
            }
        }
        // A connection that has been idle for long is the least likely to be used again.
        waiting.sort_unstable_by_key(|(since, _)| *since);
        let share = waiting.len().div_ceil(EVICTED_SHARE);
        for (_, activity) in &waiting[..share] {
            activity.evict();
        }
    }

    /// Makes every connection end when its present answer is sent.
    pub(super) fn stop(&self) {
        self.stopping.set(true);
        for activity in self.connections.open.borrow().values() {
            activity.wake();
        }
    }

    /// Waits until no connection is open.
    pub(super) async fn emptied(&self) {
        while !self.connections.open.borrow().is_empty() {
            self.connections.closed.notified().await;
        }
    }
}

/// An open connection; dropping it removes it from the worker.
pub(super) struct Open {
    connections: Rc<Connections>,
    metrics: Arc<Metrics>,
    activity: Rc<Activity>,
    number: u64,
    _places: Places,
}

impl Open {
    /// The connection's activity, shared with its socket and its requests.
    pub(super) fn activity(&self) -> Rc<Activity> {
        Rc::clone(&self.activity)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().remove(&self.number);
        self.metrics.closed();
        self.connections.closed.notify_one();
    }
}
