//! The own hub at work: one task on a thread of its own, which asks the machine what to do, stores
//! that, and then does it.
//!
//! What a request makes is stored before it is answered, so that it outlasts a power cut. Results
//! of deliveries are written at once and synced a few times a second: a killed process repeats only
//! what was under way, and a power cut what was not synced.

mod calls;

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::StatusCode;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{error, info, warn};

use self::calls::{Delivery, call, challenge, post, version};
use super::open::{Handles, Refusal as Refused};
use crate::base::{Digest, Route};
use crate::config::{Config, Signature, Websub};
use crate::engine::Engine;
use crate::http::hub::{Counters, Door, Knock};
use crate::ops::clock::Clock;
use crate::ops::outgoing::{Addresses, Client, Policy};
use crate::publish::{Published, Render, Snapshot};
use crate::push::hub::signature;
use crate::push::hub::{
    Effect, Event, Hub, Kind, Limits, Outcome, Pending, Refusal, Subscription, callback,
};
use crate::store::StoreError;
use crate::store::side::subscriptions::{Durability, SubscriptionsFile, set_aside_subscriptions};

/// The longest time for which results of deliveries are not synced.
const SYNC_WITHIN: Duration = Duration::from_millis(200);

/// The time for calls that are under way at a stop.
const STOP: Duration = Duration::from_secs(2);

/// The longest sleep: the wall clock, by which leases end, may be set.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Events that are taken together, so that they are stored together.
const EVENTS_MAX: usize = 256;

/// The hub while it runs. Dropping this stops it.
pub(super) struct OwnHub {
    door: Arc<Door>,
    counters: Arc<Counters>,
    /// Rung when `feeds/` was written.
    bell: Arc<Notify>,
    stopping: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

/// The parts that the hub works with.
struct Parts {
    published: Arc<Published>,
    render: Arc<dyn Render>,
    clock: Arc<dyn Clock>,
}

impl OwnHub {
    /// Starts the hub, if the configuration asks for it. Where its subscriptions cannot be opened
    /// there is none, and the site is served all the same.
    pub(super) fn start(config: &Config, handles: &Handles) -> Result<Option<Self>, Refused> {
        let websub = &config.websub;
        if !websub.own_hub {
            return Ok(None);
        }
        let (file, hub) = match open(config) {
            Ok(opened) => opened,
            Err(why) => {
                error!(event = "degraded", "degraded: there is no hub: {why}");
                return Ok(None);
            }
        };
        let addresses = match websub.loopback_callbacks {
            true => Addresses::GlobalOrLoopback,
            false => Addresses::Global,
        };
        let (door, knocks) = Door::new(websub.callback_ports.clone(), addresses, websub.rsscloud);
        let client = client(websub, addresses)?;
        let (counters, bell, stopping) =
            (Arc::new(Counters::default()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let runtime = runtime().map_err(|error| not_started(&error))?;
        let parts = Parts {
            published: Arc::clone(&handles.published),
            render: Arc::clone(&handles.renderer) as _,
            clock: Arc::clone(&handles.clock),
        };
        let worker = Worker::new(hub, file, client, parts, websub, Arc::clone(&counters));
        let (ring, stop) = (Arc::clone(&bell), Arc::clone(&stopping));
        let run = move || {
            runtime.block_on(worker.run(knocks, ring, stop));
            // A look-up of a name cannot be broken off, and may take half a minute.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("hub".to_owned()).spawn(run);
        let thread = Some(thread.map_err(|error| not_started(&error))?);
        Ok(Some(Self { door: Arc::new(door), counters, bell, stopping, thread }))
    }

    /// Has subscribers notified of what the engine publishes.
    pub(super) fn follow(&self, engine: &mut Engine) {
        let bell = Arc::clone(&self.bell);
        engine.on_projected(Box::new(move |_| bell.notify_one()));
    }

    /// The way to the hub.
    pub(super) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// The counters.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl Drop for OwnHub {
    fn drop(&mut self) {
        self.stopping.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }
}

fn not_started(error: &std::io::Error) -> Refused {
    Refused::Config(format!("the hub thread cannot be started: {error}"))
}

fn runtime() -> std::io::Result<Runtime> {
    // The threads look up names.
    Builder::new_current_thread().enable_all().max_blocking_threads(32).build()
}

fn client(websub: &Websub, addresses: Addresses) -> Result<Client, Refused> {
    let strict = Policy::of_strangers(websub.callback_ports.clone(), websub.roots);
    let policy = Policy { addresses, ..strict };
    Client::new(policy).map_err(|error| Refused::Config(format!("websub.roots: {error}")))
}

/// Opens what was stored. A damaged file is moved aside.
fn open(config: &Config) -> Result<(SubscriptionsFile, Hub), StoreError> {
    let dir = &config.state.dir;
    let opened = SubscriptionsFile::open(dir).and_then(|file| Ok((file.load()?, file)));
    let ((subscriptions, pending), file) = match opened {
        Err(damage @ StoreError::Corrupt { .. }) => {
            let aside = set_aside_subscriptions(dir)?;
            warn!(
                event = "warning",
                "{damage}; it was moved to {}, and subscribers have to ask again",
                aside.display()
            );
            let file = SubscriptionsFile::open(dir)?;
            (file.load()?, file)
        }
        opened => opened?,
    };
    let websub = &config.websub;
    let limits = Limits {
        subscriptions_max: websub.max_subscriptions,
        per_host_max: websub.max_subscriptions_per_host,
        per_client_max: websub.max_subscriptions_per_client,
    };
    Ok((file, Hub::restore(limits, subscriptions, pending)))
}

/// The one who asked, who waits for the answer.
type Reply = oneshot::Sender<Result<(), Refusal>>;

struct Worker {
    hub: Hub,
    file: SubscriptionsFile,
    client: Client,
    parts: Parts,
    /// `websub.push_delay_s`
    delay: Duration,
    /// `websub.signature`
    signature: Signature,
    counters: Arc<Counters>,
    calls: JoinSet<Event>,
    /// The time at which the file has to be synced, or tried again.
    sync_at: Option<Instant>,
    /// Set where the file could not be written: then all of it is written again.
    is_behind: bool,
    /// The feeds that were delivered from the snapshot of this generation.
    documents: (u64, HashMap<Route, Arc<Delivery>>),
    /// The generation of which subscribers were notified.
    announced: Option<u64>,
    /// The time at which they are notified of the present one.
    announce_at: Option<Instant>,
}

impl Worker {
    fn new(
        hub: Hub,
        file: SubscriptionsFile,
        client: Client,
        parts: Parts,
        websub: &Websub,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            hub,
            file,
            client,
            parts,
            delay: websub.push_delay,
            signature: websub.signature,
            counters,
            calls: JoinSet::new(),
            sync_at: None,
            is_behind: false,
            documents: (0, HashMap::new()),
            announced: None,
            announce_at: None,
        }
    }

    async fn run(
        mut self,
        mut knocks: mpsc::Receiver<Knock>,
        bell: Arc<Notify>,
        stopping: Arc<Notify>,
    ) {
        loop {
            let wake = self.wake();
            let mut asked = Vec::new();
            let mut events = Vec::new();
            tokio::select! {
                () = stopping.notified() => break,
                () = bell.notified() => self.look(),
                Some(knock) = knocks.recv() => asked.push(knock),
                Some(done) = self.calls.join_next() => events.extend(done.ok()),
                () = sleep_until(wake) => events.push(Event::Tick),
            }
            while asked.len() < EVENTS_MAX
                && let Ok(knock) = knocks.try_recv()
            {
                asked.push(knock);
            }
            while events.len() < EVENTS_MAX
                && let Some(done) = self.calls.try_join_next()
            {
                events.extend(done.ok());
            }
            self.work(events, asked);
        }
        self.finish().await;
    }

    /// The next moment at which there is something to do.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let mut wake = now + SLEEP_MAX;
        if let Some(at) = self.hub.wake() {
            let wait = at.duration_since(self.parts.clock.now());
            wake = wake.min(now + Duration::try_from(wait).unwrap_or(Duration::ZERO));
        }
        for at in [self.sync_at, self.announce_at].into_iter().flatten() {
            wake = wake.min(at);
        }
        wake
    }

    /// Looks at what is published, and decides when subscribers are notified of it: after the delay
    /// of the configuration. A further change joins the one that waits.
    fn look(&mut self) {
        if self.announce_at.is_none()
            && let Some(snapshot) = self.snapshot()
            && self.announced != Some(snapshot.generation)
        {
            self.announce_at = Some(Instant::now() + self.delay);
        }
    }

    /// Takes events and requests: one step each, one write for all, and then what follows.
    fn work(&mut self, events: Vec<Event>, asked: Vec<Knock>) {
        let now = self.parts.clock.now();
        let mut effects = Vec::new();
        if self.announce_at.is_some_and(|at| at <= Instant::now()) {
            self.announce_at = None;
            let versions = self.announce();
            effects.extend(self.hub.step(Event::Published(versions), now));
        }
        for event in events {
            self.counters.note(&event);
            effects.extend(self.hub.step(event, now));
        }
        let mut replies = Vec::new();
        for Knock { request, client, reply } in asked {
            let challenge = challenge();
            let version = self.snapshot().and_then(|snapshot| version(&snapshot, &request.route));
            let event = Event::Asked { request, client, challenge, version };
            effects.extend(self.hub.step(event, now));
            replies.push(reply);
        }
        self.act(effects, replies);
        self.counters.set(self.hub.standings(), self.hub.pending());
    }

    /// The snapshot that is served, unless it is what an earlier process left.
    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.parts.published.load().filter(|snapshot| !snapshot.is_restored())
    }

    /// The versions of all feeds with subscribers, in the present snapshot.
    fn announce(&mut self) -> Vec<(Route, Option<Digest>)> {
        let Some(snapshot) = self.snapshot() else { return Vec::new() };
        self.announced = Some(snapshot.generation);
        let mut versions = Vec::new();
        for route in self.hub.routes() {
            versions.push((route.clone(), version(&snapshot, route)));
        }
        versions
    }

    fn act(&mut self, effects: Vec<Effect>, replies: Vec<Reply>) {
        self.store(&effects);
        let mut replies = replies.into_iter();
        for effect in effects {
            match effect {
                Effect::Answer(answer) => {
                    let reply = replies.next().filter(|_| !self.is_behind);
                    // Without a reply it is answered as busy. The other side may have left.
                    let _ = reply.map(|reply| reply.send(answer));
                }
                Effect::Verify(pending) => self.verify(pending),
                Effect::Deliver(subscription) => self.deliver(subscription),
                Effect::Deny(subscription) => self.deny(subscription),
                Effect::Forget(id, ending) => {
                    let why = ending.name();
                    info!(event = "subscription", id, "subscription {id} ended: {why}");
                }
                Effect::Await(_) | Effect::Settled(_) | Effect::Save(_) | Effect::Owe(_) => {}
            }
        }
    }

    /// Stores what these effects change. What a request makes is synced before anything follows
    /// from it; the result of a delivery may wait for that.
    fn store(&mut self, effects: &[Effect]) {
        let is_stored = effects.iter().any(Effect::is_stored);
        let is_urgent = is_stored && !effects.iter().all(may_wait);
        let now = Instant::now();
        let is_due = self.sync_at.is_some_and(|at| at <= now);
        let is_synced = is_urgent || is_due;
        let written = if self.is_behind {
            // The file lacks what could not be written before, so these effects are not enough.
            if !is_synced {
                return;
            }
            self.file.replace(&self.hub.all())
        } else if is_stored {
            let durability = if is_synced { Durability::Synced } else { Durability::Written };
            self.file.write(effects, durability)
        } else if is_due {
            self.file.sync()
        } else {
            return;
        };
        self.sync_at = if is_synced { None } else { self.sync_at.or(Some(now + SYNC_WITHIN)) };
        match written {
            Ok(()) if self.is_behind => {
                self.is_behind = false;
                info!(event = "recovered", "the hub's subscriptions are stored again");
            }
            Ok(()) => {}
            Err(why) => {
                if !self.is_behind {
                    error!(event = "degraded", "degraded: subscriptions are not stored: {why}");
                }
                self.is_behind = true;
                self.sync_at = Some(now + SLEEP_MAX);
            }
        }
    }

    fn verify(&mut self, pending: Arc<Pending>) {
        let client = self.client.clone();
        self.calls.spawn(async move {
            let ask = callback::verification(&pending);
            let confirmed = match call(&client, &ask.url, ask.form).await {
                // Nothing but success counts, and the whole body has to be the challenge (5.3.1).
                Ok(answer) if answer.status.is_success() => {
                    pending.request.kind == Kind::Cloud
                        || signature::is_same(&pending.challenge, &answer.body)
                }
                Ok(_) => false,
                Err(why) => {
                    if why.is_refusal() {
                        let (id, host) = (pending.id, &*pending.request.host);
                        info!(event = "subscription", id, host, "{host} is not asked: {why}");
                    }
                    false
                }
            };
            if confirmed {
                // Of the callback, its host alone: the rest is a secret of the subscriber.
                let Pending { id, request, .. } = &*pending;
                let (mode, host, topic) = (request.mode.name(), &*request.host, &*request.topic);
                info!(event = "subscription", id, host, topic, "{host} confirmed: {mode} {topic}");
            }
            Event::Verified { id: pending.id, confirmed }
        });
    }

    fn deny(&mut self, subscription: Arc<Subscription>) {
        let client = self.client.clone();
        self.calls.spawn(async move {
            // The subscriber need not answer.
            let _ = call(&client, &callback::denial(&subscription), None).await;
            Event::Denied { host: Arc::clone(&subscription.host) }
        });
    }

    fn deliver(&mut self, subscription: Arc<Subscription>) {
        let (id, host) = (subscription.id, Arc::clone(&subscription.host));
        let Some(delivery) = self.delivery(&subscription.route) else {
            let outcome = Outcome::Unsent;
            self.calls.spawn(async move { Event::Delivered { id, host, version: None, outcome } });
            return;
        };
        let (client, method) = (self.client.clone(), self.signature);
        self.calls.spawn(async move {
            let version = Some(delivery.version);
            let answer = if subscription.kind == Kind::WebSub {
                post(&client, &subscription, &delivery, method).await
            } else {
                let note = callback::cloud_note(&subscription.topic);
                call(&client, &subscription.callback, Some(note)).await
            };
            let outcome = match answer.map(|answer| answer.status) {
                Ok(status) if status.is_success() => Outcome::Taken,
                Ok(StatusCode::GONE) => Outcome::Gone,
                Ok(_) => Outcome::Failed,
                Err(why) if why.is_refusal() => {
                    let host = &*host;
                    info!(event = "subscription", id, host, "{host} is not called: {why}");
                    Outcome::Refused
                }
                Err(_) => Outcome::Failed,
            };
            Event::Delivered { id, host, version, outcome }
        });
    }

    /// The feed as it is now. A feed that is not resident is rendered here, once for each change of
    /// it: the hub alone waits for that.
    fn delivery(&mut self, route: &Route) -> Option<Arc<Delivery>> {
        let snapshot = self.snapshot()?;
        if self.documents.0 != snapshot.generation {
            self.documents = (snapshot.generation, HashMap::new());
        }
        if let Some(delivery) = self.documents.1.get(route) {
            return Some(Arc::clone(delivery));
        }
        let delivery = Arc::new(Delivery::make(&*self.parts.render, &snapshot, route)?);
        self.documents.1.insert(route.clone(), Arc::clone(&delivery));
        Some(delivery)
    }

    /// Takes what calls that are under way still bring, and stores everything.
    async fn finish(mut self) {
        let end = Instant::now() + STOP;
        while let Ok(Some(done)) = timeout_at(end, self.calls.join_next()).await {
            let Ok(event) = done else { continue };
            self.counters.note(&event);
            // Nothing new begins: the next start does it.
            let effects = self.hub.step(event, self.parts.clock.now());
            self.store(&effects);
        }
        if self.sync_at.is_some() {
            self.sync_at = Some(Instant::now());
            self.store(&[]);
        }
    }
}

/// Whether an effect that is stored may be synced later: the result of a delivery.
fn may_wait(effect: &Effect) -> bool {
    matches!(effect, Effect::Save(_) | Effect::Deliver(_))
}
