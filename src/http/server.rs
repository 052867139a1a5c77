//! Threads, listeners, places: one current-thread runtime for each core, all accepting from the same sockets.
//!
//! Whoever starts it stops it: [`Running::stop`] joins every thread. Invariant: no connection is accepted without a
//! place (`max_connections`), so what is open, and what it can hold, is bounded.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::cache::Warm;
use super::connection;
use super::peers::{Peer, Peers};
use super::pulse::Pulse;
use super::respond::Desk;
use super::{Edge, Metrics};
use crate::config;

/// What warm documents may take together.
const CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Threads for what blocks, for each worker: opening, reading, rendering, compressing.
const BLOCKING_THREADS_MAX: usize = 32;

/// How long an idle thread of those stays.
const BLOCKING_IDLE: Duration = Duration::from_secs(10);

/// The pause after an accept that found no file descriptor or no memory; doubled until the limit.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Descriptors that connections leave to the engine, at most; of few, a quarter.
const DESCRIPTORS_KEPT: u64 = 32;

/// A shortage is over when none was met for so long.
const CALM: Duration = Duration::from_secs(2);

/// While every place is taken, waiting connections are looked for this often.
const SHED_EVERY: Duration = Duration::from_millis(100);

/// Of those that wait when a place is needed, this share is closed, and at least one.
const SHED_SHARE: usize = 16;

/// The edge at work.
#[derive(Debug)]
pub struct Running {
    /// When it is to have stopped.
    stop: watch::Sender<Option<Instant>>,
    threads: Vec<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
}

impl Running {
    /// Where it listens, in the order of the listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, lets the answers that are under way finish for at most `deadline`, and joins every thread.
    /// Blocks for as long.
    pub fn stop(mut self, deadline: Duration) {
        self.finish(deadline);
    }

    fn finish(&mut self, deadline: Duration) {
        self.stop.send_replace(Some(Instant::now() + deadline));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the HTTP server had panicked");
            }
        }
    }
}

/// Who is dropped without having been stopped stops at once.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.finish(Duration::ZERO);
        }
    }
}

/// Serves `edge` on `listeners`, which are bound and listening, until it is stopped.
///
/// # Errors
///
/// When a listener cannot be duplicated or registered, or a thread or runtime cannot be made; nothing is left running.
pub fn start(listeners: Vec<std::net::TcpListener>, edge: Edge) -> io::Result<Running> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (stop, _) = watch::channel(None);
    let addresses = listeners.iter().map(std::net::TcpListener::local_addr).collect::<io::Result<_>>()?;
    let mut running = Running { stop, threads: Vec::new(), addresses };
    let shared = Shared {
        warm: Arc::new(Warm::new(Arc::clone(&edge.render), CACHE_BYTES_MAX, cores)),
        places: Arc::new(Semaphore::new(edge.server.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
        peers: Peers::new(edge.server.connections_per_address),
        edge,
    };
    for n in 0..cores {
        let thread = spawn(n, &listeners, shared.clone(), running.stop.subscribe())?;
        running.threads.push(thread);
    }
    Ok(running)
}

/// What all workers have in common.
#[derive(Clone)]
struct Shared {
    edge: Edge,
    warm: Arc<Warm>,
    places: Arc<Semaphore>,
    peers: Arc<Peers>,
}

fn spawn(
    n: usize,
    listeners: &[std::net::TcpListener],
    shared: Shared,
    stop: watch::Receiver<Option<Instant>>,
) -> io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_IDLE)
        .build()?;
    let listeners = {
        let _entered = runtime.enter();
        listeners.iter().map(register).collect::<io::Result<Vec<_>>>()?
    };
    std::thread::Builder::new().name(format!("http-{n}")).spawn(move || work(runtime, listeners, shared, stop))
}

fn register(listener: &std::net::TcpListener) -> io::Result<TcpListener> {
    let listener = listener.try_clone()?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn work(runtime: Runtime, listeners: Vec<TcpListener>, shared: Shared, mut stop: watch::Receiver<Option<Instant>>) {
    let worker = Rc::new(Worker::new(shared.edge, shared.warm));
    let local = LocalSet::new();
    let deadline = local.block_on(&runtime, async {
        tokio::select! {
            biased;
            _ = stop.wait_for(Option::is_some) => {}
            () = accept(&worker, &listeners, &shared.places, &shared.peers) => {}
        }
        drop(listeners);
        let deadline = stop.borrow().unwrap_or_else(Instant::now);
        worker.stop();
        // What is not done by then is broken off.
        let _ = timeout_at(deadline, worker.emptied()).await;
        deadline
    });
    drop(local);
    // A reader that hangs on a dead file system does not hold the stop up.
    runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
}

/// Accepts for ever.
async fn accept(worker: &Rc<Worker>, listeners: &[TcpListener], places: &Arc<Semaphore>, peers: &Arc<Peers>) {
    let mut pause = PAUSE_MIN;
    let mut shortage = Shortage::default();
    let mut turn = 0;
    loop {
        let place = worker.place(places).await;
        turn += 1;
        let accepted = match has_room(listeners) {
            true => accept_any(listeners, turn).await,
            false => Err(Errno::MFILE.into()),
        };
        match accepted {
            Ok((stream, address)) => {
                shortage.is_over(Instant::now());
                pause = PAUSE_MIN;
                match peers.enter(address.ip()) {
                    Some(peer) => worker.open(stream, Places { _place: place, _peer: peer }),
                    None => worker.metrics().rejected(),
                }
            }
            // The client was gone before we came: its loss alone.
            Err(error) if !is_shortage(&error) => {}
            Err(error) => {
                worker.metrics().accept_error();
                shortage.is_here(&error, Instant::now());
                // Whoever waits holds a descriptor that another could use.
                worker.shed();
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Are there descriptors left beside those that the engine needs to read articles and to write feeds? Descriptors are
/// given from the lowest up, so a copy of one tells how far they reach.
fn has_room(listeners: &[TcpListener]) -> bool {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return true };
    let Some(listener) = listeners.first() else { return true };
    let reserve = (limit / 4).min(DESCRIPTORS_KEPT);
    match fcntl_dupfd_cloexec(listener, 0) {
        Ok(probe) => u64::try_from(probe.as_raw_fd()).is_ok_and(|number| number < limit - reserve),
        Err(_) => false,
    }
}

/// A shortage is told when it begins and when it is over, and not each time that one connection more finds a place.
#[derive(Default)]
struct Shortage {
    last: Option<Instant>,
}

impl Shortage {
    fn is_here(&mut self, error: &io::Error, now: Instant) {
        if self.last.replace(now).is_none() {
            tracing::warn!(event = "degraded", "degraded: connections cannot be accepted: {error}");
        }
    }

    fn is_over(&mut self, now: Instant) {
        if self.last.is_some_and(|last| now.duration_since(last) >= CALM) {
            self.last = None;
            tracing::info!(event = "recovered", "recovered: connections are accepted again");
        }
    }
}

/// The next connection of any listener; `turn` says which is asked first, so that none is always last.
async fn accept_any(listeners: &[TcpListener], turn: usize) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|cx| {
        for n in 0..listeners.len() {
            let listener = &listeners[(turn + n) % listeners.len()];
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Errors that the next accept would meet again at once. accept(2) names those that belong to one connection.
fn is_shortage(error: &io::Error) -> bool {
    let passing = [
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::NETDOWN,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        Errno::PERM,
    ];
    !passing.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// What a connection takes up while it is open.
struct Places {
    _place: OwnedSemaphorePermit,
    _peer: Peer,
}

/// One thread's share of the edge. Never leaves it.
pub(super) struct Worker {
    desk: Desk,
    limits: config::Server,
    metrics: Arc<Metrics>,
    stopping: Cell<bool>,
    open: RefCell<HashMap<u64, Rc<Pulse>>>,
    next: Cell<u64>,
    closed: Notify,
}

impl Worker {
    fn new(edge: Edge, warm: Arc<Warm>) -> Self {
        Self {
            limits: edge.server.clone(),
            metrics: Arc::clone(&edge.metrics),
            desk: Desk::new(edge, warm),
            stopping: Cell::new(false),
            open: RefCell::default(),
            next: Cell::new(0),
            closed: Notify::new(),
        }
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(super) fn limits(&self) -> &config::Server {
        &self.limits
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Serves a connection in a task of its own.
    fn open(self: &Rc<Self>, stream: TcpStream, places: Places) {
        let (pulse, number) = (Pulse::new(), self.next.get());
        self.next.set(number + 1);
        self.open.borrow_mut().insert(number, Rc::clone(&pulse));
        self.metrics.accepted();
        let opened = Opened { worker: Rc::clone(self), number, _places: places };
        spawn_local(async move {
            connection::serve(stream, pulse, Rc::clone(&opened.worker)).await;
            drop(opened);
        });
    }

    /// A place for one more connection. While there is none, those that wait the longest are closed.
    async fn place(&self, places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(places).try_acquire_owned() {
                return place;
            }
            self.shed();
            // The semaphore is never closed, so an error is the time-out's.
            if let Ok(Ok(place)) = timeout(SHED_EVERY, Arc::clone(places).acquire_owned()).await {
                return place;
            }
        }
    }

    /// Closes a share of the connections that wait for their client, those that wait the longest.
    fn shed(&self) {
        let now = Instant::now();
        let open = self.open.borrow();
        let mut waiting: Vec<_> =
            open.values().filter_map(|pulse| pulse.waiting_since(now).map(|since| (since, pulse))).collect();
        waiting.sort_unstable_by_key(|(since, _)| *since);
        let share = waiting.len().div_ceil(SHED_SHARE);
        waiting.iter().take(share).for_each(|(_, pulse)| pulse.shed());
    }

    fn stop(&self) {
        self.stopping.set(true);
        self.open.borrow().values().for_each(|pulse| pulse.wake());
    }

    async fn emptied(&self) {
        while !self.open.borrow().is_empty() {
            self.closed.notified().await;
        }
    }
}

/// An entry among the open connections; dropping it takes the entry out.
struct Opened {
    worker: Rc<Worker>,
    number: u64,
    _places: Places,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.worker.open.borrow_mut().remove(&self.number);
        self.worker.metrics.closed();
        self.worker.closed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shortage_pauses() {
        for (errno, pauses) in [
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::NOBUFS, true),
            (Errno::NOMEM, true),
            (Errno::INVAL, true),
            (Errno::CONNABORTED, false),
            (Errno::INTR, false),
        ] {
            assert_eq!(is_shortage(&io::Error::from(errno)), pauses, "{errno}");
        }
    }
}
