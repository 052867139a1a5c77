//! The hub among subscribers that fail, time out, leave and lie, with restarts at any point, under
//! a clock of its own. Seeded: a failure names the seed that repeats it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::*;
use super::{Hub, signature};
use crate::base::{Digest, Format, Route, Scope, Timestamp};

const TOPICS: usize = 3;
const HOSTS: usize = 3;
const CALLBACKS: usize = 12;

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// The rows of the database.
#[derive(Default)]
struct Disk {
    subscriptions: BTreeMap<u64, Subscription>,
    pending: BTreeMap<u64, Pending>,
}

impl Disk {
    fn write(&mut self, effect: &Effect) {
        match effect {
            Effect::Await(pending) => {
                self.pending.insert(pending.id, Pending::clone(pending));
            }
            Effect::Settled(id) => {
                self.pending.remove(id);
            }
            Effect::Save(subscription) => {
                self.subscriptions.insert(subscription.id, Subscription::clone(subscription));
            }
            Effect::Owe(ids) => {
                for id in ids {
                    if let Some(row) = self.subscriptions.get_mut(id) {
                        row.has = None;
                    }
                }
            }
            Effect::Forget(id, _) => {
                self.subscriptions.remove(id);
            }
            _ => {}
        }
    }
}

/// A call that is under way.
enum Call {
    Verify(Arc<Pending>),
    Deliver(Arc<Subscription>, u64),
    Deny(Arc<Subscription>),
}

/// A subscriber, as it sees itself.
#[derive(Default, Clone)]
struct Subscriber {
    /// It repeats no challenge.
    lies: bool,
    /// One delivery in so many fails; 0: none.
    fails_one_in: usize,
    /// It answers 410 now.
    is_gone: bool,
    /// The topics that it confirmed to want.
    wants: BTreeSet<usize>,
    /// The newest version of each topic that it got, or saw before it asked.
    got: BTreeMap<usize, u64>,
}

impl Subscriber {
    fn get(&mut self, topic: usize, version: u64) {
        let got = self.got.entry(topic).or_default();
        *got = version.max(*got);
    }
}

struct World {
    random: Random,
    now: Timestamp,
    hub: Hub,
    disk: Disk,
    /// Effects that are not synced yet, results of deliveries alone: a power cut undoes them.
    unsynced: Vec<Effect>,
    calls: Vec<Call>,
    versions: Vec<u64>,
    subscribers: Vec<Subscriber>,
    restarts: usize,
    power_cuts: usize,
    verifications: BTreeMap<Arc<str>, usize>,
    /// Deliveries of a version that were taken.
    taken: BTreeMap<(usize, usize, u64), usize>,
    /// Those that were under way at a kill.
    repeated: BTreeMap<(usize, usize, u64), usize>,
    asked: u64,
}

fn limits() -> Limits {
    Limits { subscriptions_max: 30, per_host_max: 11, per_client_max: 1000 }
}

fn route(topic: usize) -> Route {
    Route::Feed(Scope::Site, Format::ALL[topic])
}

fn digest(topic: usize, version: u64) -> Digest {
    Digest::of(format!("{topic} {version}").as_bytes())
}

fn callback(number: usize) -> Arc<str> {
    Arc::from(format!("https://h{}.example/{number}", number % HOSTS))
}

fn number_of(callback: &str) -> usize {
    callback.rsplit('/').next().unwrap().parse().unwrap()
}

fn topic_of(topic: &str) -> usize {
    topic.parse().unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut subscribers = vec![Subscriber::default(); CALLBACKS];
        for subscriber in &mut subscribers {
            subscriber.lies = random.one_in(6);
            subscriber.fails_one_in = random.below(4);
        }
        Self {
            random,
            now: "2026-11-29T08:00:00Z".parse().unwrap(),
            hub: Hub::restore(limits(), Vec::new(), Vec::new()),
            disk: Disk::default(),
            unsynced: Vec::new(),
            calls: Vec::new(),
            versions: vec![0; TOPICS],
            subscribers,
            restarts: 0,
            power_cuts: 0,
            verifications: BTreeMap::new(),
            taken: BTreeMap::new(),
            repeated: BTreeMap::new(),
            asked: 0,
        }
    }

    fn version(&self, topic: usize) -> Digest {
        digest(topic, self.versions[topic])
    }

    fn step(&mut self, event: Event) {
        let effects = self.hub.step(event, self.now);
        let may_wait = |effect: &Effect| {
            matches!(effect, Effect::Save(_) | Effect::Owe(_) | Effect::Deliver(_))
        };
        let is_urgent = !effects.iter().all(may_wait);
        self.unsynced.extend(effects.iter().cloned());
        if is_urgent || self.random.one_in(5) {
            self.sync();
        }
        for effect in effects {
            match effect {
                Effect::Verify(pending) => {
                    let count =
                        self.verifications.entry(Arc::clone(&pending.challenge)).or_default();
                    *count += 1;
                    assert!(*count <= 1 + self.restarts, "a request was verified twice");
                    self.calls.push(Call::Verify(pending));
                }
                Effect::Deliver(subscription) => {
                    let number = number_of(&subscription.callback);
                    let topic = topic_of(&subscription.topic);
                    assert!(
                        self.subscribers[number].wants.contains(&topic),
                        "a delivery to a callback that confirmed nothing"
                    );
                    assert!(subscription.expires > self.now, "a delivery after the lease");
                    let version = self.versions[topic];
                    self.calls.push(Call::Deliver(subscription, version));
                }
                Effect::Deny(subscription) => self.calls.push(Call::Deny(subscription)),
                _ => {}
            }
        }
        self.check_bounds();
    }

    fn sync(&mut self) {
        for effect in self.unsynced.drain(..) {
            self.disk.write(&effect);
        }
    }

    fn check_bounds(&self) {
        let mut hosts: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for call in &self.calls {
            let (kind, host, key) = match call {
                Call::Verify(pending) => {
                    let request = &pending.request;
                    ("verify", &request.host, (&request.topic, &request.callback))
                }
                Call::Deliver(subscription, _) | Call::Deny(subscription) => {
                    ("deliver", &subscription.host, (&subscription.topic, &subscription.callback))
                }
            };
            *hosts.entry(Arc::clone(host)).or_default() += 1;
            let is_first = keys.insert((kind, key));
            assert!(is_first || matches!(call, Call::Deny(_)) || kind == "deliver");
        }
        assert!(hosts.values().all(|count| *count <= 16));
        let all = self.hub.standings().values().sum::<usize>() + self.hub.pending();
        // A renewal is never refused, and pending twice at most.
        assert!(all <= 3 * limits().subscriptions_max);
        let mut standings = BTreeMap::new();
        for effect in self.hub.all() {
            if let Effect::Save(subscription) = effect {
                *standings.entry(subscription.standing()).or_default() += 1;
            }
        }
        assert_eq!(self.hub.standings(), &standings);
    }

    fn ask(&mut self) {
        let (topic, number) = (self.random.below(TOPICS), self.random.below(CALLBACKS));
        let mode = if self.random.one_in(4) { Mode::Unsubscribe } else { Mode::Subscribe };
        self.asked += 1;
        let request = Request {
            mode,
            kind: Kind::WebSub,
            topic: Arc::from(topic.to_string()),
            route: route(topic),
            callback: callback(number),
            host: Arc::from(format!("h{}.example", number % HOSTS)),
            secret: None,
            lease_s: if self.random.one_in(8) { 3600 } else { 10 * 24 * 3600 },
        };
        self.subscribers[number].get(topic, self.versions[topic]);
        let challenge = format!("{}", self.asked);
        let version = Some(self.version(topic));
        self.step(Event::Asked { request, client: None, challenge, version });
    }

    fn publish(&mut self) {
        let topic = self.random.below(TOPICS);
        self.versions[topic] += 1;
        self.announce();
    }

    fn announce(&mut self) {
        let known: BTreeSet<Route> = self.hub.routes().cloned().collect();
        let mut versions = Vec::new();
        for topic in (0..TOPICS).filter(|topic| known.contains(&route(*topic))) {
            versions.push((route(topic), Some(self.version(topic))));
        }
        self.step(Event::Published(versions));
    }

    /// A call comes to its end.
    fn finish(&mut self, index: usize) {
        match self.calls.swap_remove(index) {
            Call::Verify(pending) => {
                let confirmed = self.confirm(&pending);
                self.step(Event::Verified { id: pending.id, confirmed });
            }
            Call::Deliver(subscription, version) => {
                let outcome = self.receive(&subscription, version);
                let (id, host) = (subscription.id, Arc::clone(&subscription.host));
                let version = Some(digest(topic_of(&subscription.topic), version));
                self.step(Event::Delivered { id, host, version, outcome });
            }
            Call::Deny(subscription) => {
                self.step(Event::Denied { host: Arc::clone(&subscription.host) });
            }
        }
    }

    fn confirm(&mut self, pending: &Pending) -> bool {
        let topic = topic_of(&pending.request.topic);
        let subscriber = &mut self.subscribers[number_of(&pending.request.callback)];
        let answer = if subscriber.lies { "no" } else { &*pending.challenge };
        if !signature::is_same(&pending.challenge, answer.as_bytes()) || subscriber.is_gone {
            return false;
        }
        if pending.request.mode == Mode::Subscribe {
            subscriber.wants.insert(topic);
        }
        true
    }

    fn receive(&mut self, subscription: &Subscription, version: u64) -> Outcome {
        let (number, topic) = (number_of(&subscription.callback), topic_of(&subscription.topic));
        let subscriber = &mut self.subscribers[number];
        if subscriber.is_gone {
            return Outcome::Gone;
        }
        if subscriber.fails_one_in > 0 && self.random.one_in(subscriber.fails_one_in) {
            // Some of those that are not answered were read all the same.
            if self.random.one_in(2) {
                subscriber.get(topic, version);
            }
            return Outcome::Failed;
        }
        subscriber.get(topic, version);
        let count = self.taken.entry((number, topic, version)).or_default();
        *count += 1;
        let repeated = self.repeated.get(&(number, topic, version)).copied().unwrap_or_default();
        let most = 1 + self.power_cuts + repeated;
        assert!(*count <= most, "a version was delivered again that was not under way at a kill");
        Outcome::Taken
    }

    fn restart(&mut self, is_power_cut: bool) {
        self.restarts += 1;
        if is_power_cut {
            self.power_cuts += 1;
            self.unsynced.clear();
        }
        self.sync();
        // What was on its way may have arrived.
        while let Some(call) = self.calls.pop() {
            if self.random.one_in(2) {
                continue;
            }
            match call {
                Call::Verify(pending) => {
                    let _ = self.confirm(&pending);
                }
                Call::Deliver(subscription, version) => {
                    let _ = self.receive(&subscription, version);
                    let number = number_of(&subscription.callback);
                    let key = (number, topic_of(&subscription.topic), version);
                    *self.repeated.entry(key).or_default() += 1;
                }
                Call::Deny(_) => {}
            }
        }
        let subscriptions = self.disk.subscriptions.values().cloned().collect();
        let pending = self.disk.pending.values().cloned().collect();
        self.hub = Hub::restore(limits(), subscriptions, pending);
        self.announce();
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        self.step(Event::Tick);
    }

    fn act(&mut self) {
        match self.random.below(20) {
            0..4 => self.ask(),
            4..6 => self.publish(),
            6 => {
                let seconds = [1, 30, 4000, 40_000][self.random.below(4)];
                self.pass(seconds);
            }
            7 if self.random.one_in(4) => {
                let is_power_cut = self.random.one_in(2);
                self.restart(is_power_cut);
            }
            8 if self.random.one_in(4) => {
                let number = self.random.below(CALLBACKS);
                self.subscribers[number].is_gone = true;
            }
            _ if !self.calls.is_empty() => {
                let index = self.random.below(self.calls.len());
                self.finish(index);
            }
            _ => {}
        }
    }

    /// Lets everything that is owed come to its end among subscribers that do not fail any more.
    fn settle(&mut self) {
        for subscriber in &mut self.subscribers {
            subscriber.fails_one_in = 0;
        }
        for _ in 0..200 {
            while !self.calls.is_empty() {
                self.finish(0);
            }
            if self.hub.owed() == 0 && self.hub.pending() == 0 {
                return;
            }
            let wake = self.hub.wake().unwrap();
            self.now = self.now.max(wake);
            self.step(Event::Tick);
        }
        panic!("something is owed for ever");
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..400 {
        world.act();
    }
    world.settle();
    world.sync();
    // Nothing is lost: each subscriber has the newest version.
    for subscription in world.disk.subscriptions.values() {
        let topic = topic_of(&subscription.topic);
        assert_eq!(subscription.has, Some(world.version(topic)));
        let subscriber = &world.subscribers[number_of(&subscription.callback)];
        assert_eq!(subscriber.got.get(&topic), Some(&world.versions[topic]));
    }
    // In the end everything is forgotten.
    world.pass(16 * 24 * 3600);
    while !world.calls.is_empty() {
        world.finish(0);
    }
    world.sync();
    assert!(world.disk.subscriptions.is_empty() && world.disk.pending.is_empty());
    assert_eq!((world.hub.routes().count(), world.hub.wake()), (0, None));
}

#[test]
fn whatever_happens_nothing_is_lost() {
    for seed in 0..300 {
        let result = std::panic::catch_unwind(|| run(seed));
        assert!(result.is_ok(), "seed {seed}");
    }
}
