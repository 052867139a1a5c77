//! Threads and listeners: one current-thread runtime for each worker, all accepting from the same
//! sockets.
//!
//! Invariants: no connection is accepted without a place (`max_connections`), so the number of open
//! connections, and their memory, is limited; [`Running::stop`] joins every thread that was started
//! here.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, RawFd};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout_at};

use super::super::metrics::Metrics;
use super::peer::Peer;
use super::per_address::{PerAddress, Place};
use super::role::Role;
use super::socket::{Accepted, Listener};
use super::tls::Tls;
use super::worker::{Places, Shared, Worker};
use super::{Service, accepted};
use crate::config;
use crate::ops::pulse::Pulse;
use crate::ops::sockets::{Address, ListenSocket};

/// The most threads of each worker for blocking work: opening, reading, rendering, compressing.
const BLOCKING_THREADS_MAX: usize = 32;

/// The time after which an idle one of those threads ends.
const BLOCKING_IDLE: Duration = Duration::from_secs(10);

/// The first pause after an accept that found no file descriptor or no memory. Each further one is
/// twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The file descriptors that connections leave free for the engine, or a quarter of the limit if
/// that is less.
const DESCRIPTORS_KEPT: u64 = 32;

/// The time without an error after which a shortage is over.
const CALM: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// The deadline of a stop, once it is requested.
    stop: watch::Sender<Option<Instant>>,
    threads: Vec<JoinHandle<()>>,
    /// One for each thread.
    pulses: Vec<Arc<Pulse>>,
    addresses: Vec<SocketAddr>,
}

impl Running {
    /// The TCP addresses it listens on, in the order of the listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The signs of life of its loops that accept connections. They have to be asked for.
    pub fn pulses(&self) -> &[Arc<Pulse>] {
        &self.pulses
    }

    /// Stops accepting, waits at most `deadline` until all answers are sent, and joins every
    /// thread.
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

/// Stops at once, if it was not stopped before.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.finish(Duration::ZERO);
        }
    }
}

/// Serves on `listeners`, which are bound and listening, with a worker thread for each of
/// `services`, until it is stopped.
///
/// # Errors
///
/// A listener cannot be duplicated or registered, or a thread or runtime cannot be started. Nothing
/// is left running then.
pub(in crate::http) fn serve<S: Service>(
    listeners: &[(ListenSocket, Role)],
    limits: &config::Server,
    tls: Option<Tls>,
    metrics: &Arc<Metrics>,
    services: Vec<S>,
) -> io::Result<Running> {
    let (stop, _) = watch::channel(None);
    let mut addresses = Vec::with_capacity(listeners.len());
    for (listener, _) in listeners {
        if let Address::Tcp(address) = listener.address()? {
            addresses.push(address);
        }
    }
    let mut running = Running { stop, threads: Vec::new(), pulses: Vec::new(), addresses };
    let shared = Shared {
        limits: Arc::new(limits.clone()),
        tls,
        metrics: Arc::clone(metrics),
        places: Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
        per_address: PerAddress::new(limits.connections_per_address),
    };
    // If one cannot be started, dropping `running` stops and joins those that were.
    for (n, service) in services.into_iter().enumerate() {
        let shared = shared.clone();
        let stop = running.stop.subscribe();
        let pulse = Arc::<Pulse>::default();
        running.pulses.push(Arc::clone(&pulse));
        let thread = spawn(n, listeners, move || Worker::new(service, shared, pulse), stop)?;
        running.threads.push(thread);
    }
    Ok(running)
}

/// Starts the worker thread `n`. `make` runs on that thread, which its worker and its runtime never
/// leave.
fn spawn<S: Service>(
    n: usize,
    listeners: &[(ListenSocket, Role)],
    make: impl FnOnce() -> Rc<Worker<S>> + Send + 'static,
    stop: watch::Receiver<Option<Instant>>,
) -> io::Result<JoinHandle<()>> {
    let mut sockets = Vec::with_capacity(listeners.len());
    for (listener, role) in listeners {
        sockets.push((listener.try_clone()?, *role));
    }
    let (report, started) = mpsc::sync_channel(1);
    let thread =
        std::thread::Builder::new().name(format!("http-{n}")).spawn(move || {
            match prepare(sockets) {
                Ok((runtime, listeners)) => {
                    let _ = report.send(Ok(()));
                    work(runtime, listeners, &make(), stop);
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            }
        })?;
    match started.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::other("a thread of the HTTP server has panicked")),
    }
}

/// The runtime of this thread, and the listeners that are registered with it. A local one, whose
/// tasks never leave it: a set of local tasks in another runtime would wake itself for each.
fn prepare(sockets: Vec<(ListenSocket, Role)>) -> io::Result<(LocalRuntime, Vec<Listener>)> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_IDLE)
        .build_local(LocalOptions::default())?;
    // A listener registers with the runtime that is entered.
    let entered = runtime.enter();
    let mut listeners = Vec::with_capacity(sockets.len());
    for (socket, role) in sockets {
        listeners.push(Listener::register(socket, role)?);
    }
    drop(entered);
    Ok((runtime, listeners))
}

/// Serves until a stop is requested, and then until all answers are sent or the deadline is over.
fn work<S: Service>(
    runtime: LocalRuntime,
    listeners: Vec<Listener>,
    worker: &Rc<Worker<S>>,
    mut stop: watch::Receiver<Option<Instant>>,
) {
    let deadline = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = stop.wait_for(Option::is_some) => {}
            () = accept(worker, &listeners) => {}
        }
        drop(listeners);
        let deadline = stop.borrow().unwrap_or_else(Instant::now);
        worker.stop();
        // Connections that are not done by then are closed.
        let _ = timeout_at(deadline, worker.emptied()).await;
        deadline
    });
    // The time-out also covers a read that hangs on a dead file system.
    runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
}

/// Accepts for ever.
async fn accept<S: Service>(worker: &Rc<Worker<S>>, listeners: &[Listener]) {
    let mut pause = PAUSE_MIN;
    let mut shortage = Shortage::default();
    let mut turn = 0;
    let mut is_crowded = false;
    loop {
        worker.pulse().beat();
        // The place first: a connection without one would have to be refused after it was accepted.
        let place = worker.place().await;
        turn += 1;
        // To look costs two more calls of the system. The last number shows whether it is needed,
        // but not during a shortage: evicted connections leave low numbers free then, and one of
        // these would let in a second connection with a high number.
        let must_look = is_crowded || shortage.is_on();
        let accepted = if !must_look || has_room(listeners) {
            tokio::select! {
                // A busy listener comes first, and the top of the loop answers.
                biased;
                accepted = accept_any(listeners, turn) => accepted,
                // The top of the loop answers. Whoever waits to be accepted is next.
                () = worker.pulse().asked() => continue,
            }
        } else {
            Err(Errno::MFILE.into())
        };
        match accepted {
            Ok(accepted) => {
                is_crowded = accepted.stream.number() >= numbers_max();
                shortage.end();
                pause = PAUSE_MIN;
                match place_of_peer(worker, accepted.peer) {
                    Some(counted) => {
                        open(worker, accepted, Places { _place: place, _address: counted })
                    }
                    None => worker.metrics().rejected(),
                }
            }
            // The client disconnected before it was accepted, which concerns no other client.
            Err(error) if !is_shortage(&error) => {}
            Err(error) => {
                worker.metrics().accept_error();
                shortage.begin(&error, Instant::now());
                // The kernel keeps the client in its backlog meanwhile. An idle connection has a
                // descriptor that this client can use.
                worker.evict();
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// The place of a connection among those of its peer. Those of a trusted proxy belong to many
/// readers, and are not counted.
fn place_of_peer<S: Service>(worker: &Rc<Worker<S>>, peer: Peer) -> Option<Place> {
    match peer {
        Peer::Address(address) if !peer.is_trusted(&worker.limits().trusted_proxies) => {
            worker.per_address().enter(address)
        }
        Peer::Address(_) | Peer::Unix => Some(worker.per_address().uncounted()),
    }
}

/// Serves a connection in a task of its own.
fn open<S: Service>(worker: &Rc<Worker<S>>, accepted: Accepted, places: Places) {
    let Accepted { stream, peer, role } = accepted;
    let open = worker.open(peer, role, places);
    let activity = open.activity();
    let worker = Rc::clone(worker);
    spawn_local(async move {
        accepted::serve(stream, activity, worker).await;
        drop(open);
    });
}

/// Whether descriptors are free beside those that the engine needs to read articles and to write
/// feeds. The kernel gives the lowest free number, so a copy of a descriptor shows how many are in
/// use.
fn has_room(listeners: &[Listener]) -> bool {
    let Some(listener) = listeners.first() else { return true };
    // The copy is closed again when it is dropped.
    let Ok(probe) = fcntl_dupfd_cloexec(listener, 0) else { return false };
    probe.as_raw_fd() <= numbers_max()
}

/// The highest number of a descriptor that a connection may have.
fn numbers_max() -> RawFd {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return RawFd::MAX };
    let reserve = (limit / 4).min(DESCRIPTORS_KEPT);
    RawFd::try_from(limit - reserve).map_or(RawFd::MAX, |end| end - 1)
}

/// A shortage of descriptors or memory. It is reported when it begins and when it is over, not for
/// each connection.
#[derive(Default)]
struct Shortage {
    last: Option<Instant>,
}

impl Shortage {
    fn begin(&mut self, error: &io::Error, now: Instant) {
        if self.last.replace(now).is_none() {
            tracing::warn!(event = "degraded", "degraded: connections cannot be accepted: {error}");
        }
    }

    fn is_on(&self) -> bool {
        self.last.is_some()
    }

    fn end(&mut self) {
        if self.last.is_some_and(|last| last.elapsed() >= CALM) {
            self.last = None;
            tracing::info!(event = "recovered", "recovered: connections are accepted again");
        }
    }
}

/// The next connection of any listener. It begins with the listener at `turn`, so that a busy one
/// cannot keep the others waiting.
async fn accept_any(listeners: &[Listener], turn: usize) -> io::Result<Accepted> {
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

/// Whether the next accept would fail in the same way. The other errors concern one connection
/// (accept(2), "Error handling").
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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use bytes::Bytes;
    use http::request::Parts;
    use http::{Response, StatusCode};
    use http_body_util::Full;

    use super::super::super::exchange::{Observers, RequestContext};
    use super::*;
    use crate::ops::clock::SystemClock;

    /// Answers with the path and the client's address, or the reason of a refusal.
    struct Echo(Observers);

    impl Service for Echo {
        type Body = Full<Bytes>;

        async fn answer(
            &self,
            head: &Parts,
            context: &mut RequestContext,
        ) -> Response<Full<Bytes>> {
            let address = context.reader.unwrap();
            Response::new(Full::from(format!("{} for {address}", head.uri.path())))
        }

        fn refuse(&self, _: StatusCode, reason: &'static str) -> Response<Full<Bytes>> {
            Response::new(Full::from(reason))
        }

        fn observers(&self) -> &Observers {
            &self.0
        }

        fn redirect(&self, _: &Parts) -> Response<Full<Bytes>> {
            Response::new(Full::default())
        }
    }

    #[test]
    fn any_service_is_served_until_the_stop() {
        let limits = config::Server::defaults();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = [(listener.into(), Role::Plain)];
        let mut services = Vec::new();
        for _ in 0..2 {
            services.push(Echo(Observers::new(&[], Arc::new(SystemClock))));
        }
        let running = serve(&listeners, &limits, None, &Arc::default(), services).unwrap();
        let address = running.addresses()[0];
        let ask = |fields: &str| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            write!(stream, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
                .unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text.split_once("\r\n\r\n").unwrap().1.to_owned()
        };
        assert_eq!(ask(""), "/a for 127.0.0.1");
        let twice = ask("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
        assert!(twice.contains("must not have both"), "{twice}");
        // Each accept loop shows life when it is asked, and none does once they have ended.
        let pulses = running.pulses().to_vec();
        assert_eq!(pulses.len(), 2);
        for pulse in &pulses {
            let before = pulse.beats();
            pulse.ask();
            let deadline = Instant::now() + Duration::from_secs(30);
            while pulse.beats() == before {
                assert!(Instant::now() < deadline, "an accept loop shows no life");
                std::thread::yield_now();
            }
        }
        running.stop(Duration::from_secs(10));
        let ended: Vec<u64> = pulses.iter().map(|pulse| pulse.beats()).collect();
        pulses.iter().for_each(|pulse| pulse.ask());
        assert!(pulses.iter().map(|pulse| pulse.beats()).eq(ended));
        drop(listeners);
        assert!(std::net::TcpStream::connect(address).is_err());
    }

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
