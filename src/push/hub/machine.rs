//! The state of the hub, and what an event makes of it.
//!
//! A subscription has the version of its feed that it took last, or none: then it is owed the present
//! one. So nothing has to be queued on disk. A start compares each version with the published one,
//! and whoever is behind is sent the newest, whatever happened in between.
//!
//! Invariants:
//! - A callback is sent nothing but the verification of a request, once, until it has confirmed one.
//! - A subscription has at most one delivery under way, and a (topic, callback) one verification.
//! - An effect that stores stands before the effects that it allows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::allowance::Allowance;
use super::model::{
    Effect, Ending, Event, Failing, Kind, Limits, Mode, Outcome, Pending, Refusal, Request,
    Standing, Subscription,
};
use super::queue::Queue;
use crate::base::{Digest, Route, Timestamp};

/// Deliveries that are under way at a time, in all and to one host.
const DELIVERIES: (usize, usize) = (64, 8);

/// Verifications and denials that are under way at a time, in all and to one host.
const VERIFICATIONS: (usize, usize) = (32, 8);

/// The wait before the second attempt of a delivery, in seconds. Each further one is twice as long.
const RETRY_S: i64 = 10;

/// The longest wait between two attempts, in seconds.
const RETRY_S_MAX: i64 = 3600;

/// The time of failures after which a subscription is tried only when its feed changes, in seconds.
pub const SUSPEND_S: i64 = 24 * 3600;

/// The time of failures after which a subscription is dropped, in seconds.
pub const DROP_S: i64 = 3 * 24 * 3600;

/// The time for which a feed has to be gone before its subscribers are told, in seconds. A tag loses its
/// last article and gets another.
const DENY_S: i64 = 3600;

/// Requests of one host that may go unconfirmed in ten minutes.
const UNCONFIRMED_MAX: u32 = 20;

/// A subscription's key: the topic as it was written, and the callback.
type Key = (Arc<str>, Arc<str>);

/// The hub.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    entries: BTreeMap<u64, Entry>,
    keys: HashMap<Key, u64>,
    topics: HashMap<Route, Topic>,
    pending: BTreeMap<u64, Arc<Pending>>,
    /// The pending requests of a key: one whose turn it is, and at most one after it.
    asked: HashMap<Key, Asked>,
    /// Subscriptions and pending requests of each callback host.
    hosts: HashMap<Arc<str>, usize>,
    /// One time for each subscription.
    timers: BTreeSet<(Timestamp, u64)>,
    deliveries: Queue<u64>,
    verifications: Queue<Job>,
    clients: Allowance<IpAddr>,
    unconfirmed: Allowance<Arc<str>>,
    next_id: u64,
}

#[derive(Debug)]
struct Entry {
    subscription: Arc<Subscription>,
    /// Its time in `timers`.
    timer: Timestamp,
    /// The next attempt, while it is owed a delivery that is neither queued nor under way.
    again: Option<Timestamp>,
    is_queued: bool,
    is_under_way: bool,
}

#[derive(Debug, Default)]
struct Topic {
    version: Option<Digest>,
    /// The first moment at which it was not there any more.
    gone_since: Option<Timestamp>,
    subscribers: BTreeSet<u64>,
    pending: usize,
}

#[derive(Debug)]
struct Asked {
    first: u64,
    is_under_way: bool,
    next: Option<u64>,
}

#[derive(Debug)]
enum Job {
    Verify(u64),
    Deny(Arc<Subscription>),
}

impl Hub {
    /// A hub that goes on with what was stored. Nothing is sent before the first event.
    pub fn restore(
        limits: Limits,
        subscriptions: Vec<Subscription>,
        pending: Vec<Pending>,
    ) -> Self {
        let mut hub = Self {
            limits,
            entries: BTreeMap::new(),
            keys: HashMap::new(),
            topics: HashMap::new(),
            pending: BTreeMap::new(),
            asked: HashMap::new(),
            hosts: HashMap::new(),
            timers: BTreeSet::new(),
            deliveries: Queue::new(DELIVERIES.0, DELIVERIES.1),
            verifications: Queue::new(VERIFICATIONS.0, VERIFICATIONS.1),
            clients: Allowance::new(60, limits.per_client_max),
            unconfirmed: Allowance::new(600, UNCONFIRMED_MAX),
            next_id: 1,
        };
        for subscription in subscriptions {
            hub.next_id = hub.next_id.max(subscription.id + 1);
            let again = subscription.failing.map(|failing| failing.next);
            hub.insert(Arc::new(subscription), again);
        }
        for pending in pending {
            hub.next_id = hub.next_id.max(pending.id + 1);
            hub.enqueue_request(Arc::new(pending), &mut Vec::new());
        }
        hub
    }

    /// Takes an event, and returns what has to be done, in this order.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.run_timers(now, &mut effects);
        match event {
            Event::Asked { request, client, challenge, version } => {
                let answer = self.ask(request, client, challenge, version, now, &mut effects);
                effects.push(Effect::Answer(answer));
            }
            Event::Published(versions) => {
                let mut owed = Vec::new();
                for (route, version) in versions {
                    self.publish(&route, version, now, &mut owed);
                }
                if !owed.is_empty() {
                    effects.push(Effect::Owe(owed));
                }
            }
            Event::Verified { id, confirmed } => self.verified(id, confirmed, now, &mut effects),
            Event::Delivered { id, version, outcome, host } => {
                self.deliveries.done(&host);
                self.delivered(id, version, outcome, now, &mut effects);
            }
            Event::Denied { host } => self.verifications.done(&host),
            Event::Tick => {}
        }
        self.dispatch(&mut effects);
        effects
    }

    /// The time of the next [`Event::Tick`], if nothing else happens.
    pub fn wake(&self) -> Option<Timestamp> {
        let mut wake = self.timers.first().map(|(at, _)| *at);
        for topic in self.topics.values() {
            if let Some(since) = topic.gone_since.filter(|_| !topic.subscribers.is_empty()) {
                let at = after(since, DENY_S);
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
            }
        }
        wake
    }

    /// The feeds that have subscribers, or soon may have.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.topics.keys()
    }

    /// The number of pending requests.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The number of deliveries that are owed or under way.
    pub fn owed(&self) -> usize {
        self.entries.values().filter(|entry| entry.subscription.has.is_none()).count()
    }

    /// The number of subscriptions of each standing.
    pub fn standings(&self) -> BTreeMap<Standing, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.values() {
            *counts.entry(entry.subscription.standing()).or_default() += 1;
        }
        counts
    }

    fn ask(
        &mut self,
        request: Request,
        client: Option<IpAddr>,
        challenge: String,
        version: Option<Digest>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if let Some(client) = client {
            if self.clients.is_used_up(&client, now) {
                return Err(Refusal::Client);
            }
            self.clients.count(client, now);
        }
        let key = (Arc::clone(&request.topic), Arc::clone(&request.callback));
        // Nobody can keep a confirmed subscriber from renewing.
        if !self.keys.contains_key(&key) && !self.asked.contains_key(&key) {
            if self.unconfirmed.is_used_up(&request.host, now) {
                return Err(Refusal::Unconfirmed);
            }
            if self.entries.len() + self.pending.len() >= self.limits.subscriptions_max {
                return Err(Refusal::Full);
            }
            if self.hosts.get(&request.host).is_some_and(|count| *count >= self.limits.per_host_max)
            {
                return Err(Refusal::Host);
            }
        }
        let id = self.next_id;
        self.next_id += 1;
        let pending =
            Arc::new(Pending { id, request, challenge: Arc::from(challenge), has: version });
        effects.push(Effect::Await(Arc::clone(&pending)));
        if version.is_some() {
            self.topics.entry(pending.request.route.clone()).or_default().version = version;
        }
        self.enqueue_request(pending, effects);
        Ok(())
    }

    /// Gives a request its turn, or a place after the one whose turn it is. One that waited for that
    /// place is overridden, as 5.1 requires.
    fn enqueue_request(&mut self, pending: Arc<Pending>, effects: &mut Vec<Effect>) {
        let (id, host) = (pending.id, Arc::clone(&pending.request.host));
        let key = (Arc::clone(&pending.request.topic), Arc::clone(&pending.request.callback));
        *self.hosts.entry(Arc::clone(&host)).or_default() += 1;
        self.topics.entry(pending.request.route.clone()).or_default().pending += 1;
        self.pending.insert(id, pending);
        let overridden = match self.asked.get_mut(&key) {
            Some(asked) if asked.is_under_way => asked.next.replace(id),
            Some(asked) => {
                let before = std::mem::replace(&mut asked.first, id);
                self.verifications.push(&host, Job::Verify(id));
                Some(before)
            }
            None => {
                self.asked.insert(key, Asked { first: id, is_under_way: false, next: None });
                self.verifications.push(&host, Job::Verify(id));
                None
            }
        };
        if let Some(overridden) = overridden {
            self.take_pending(overridden);
            effects.push(Effect::Settled(overridden));
        }
    }

    fn take_pending(&mut self, id: u64) -> Option<Arc<Pending>> {
        let pending = self.pending.remove(&id)?;
        self.leave_host(&pending.request.host);
        if let Some(topic) = self.topics.get_mut(&pending.request.route) {
            topic.pending -= 1;
            self.forget_topic(&pending.request.route);
        }
        Some(pending)
    }

    fn verified(&mut self, id: u64, confirmed: bool, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(pending) = self.pending.get(&id).cloned() else { return };
        let request = &pending.request;
        self.verifications.done(&request.host);
        let key = (Arc::clone(&request.topic), Arc::clone(&request.callback));
        if let Some(next) = self.asked.remove(&key).and_then(|asked| asked.next) {
            self.asked.insert(key, Asked { first: next, is_under_way: false, next: None });
            self.verifications.push(&request.host, Job::Verify(next));
        }
        match (confirmed, request.mode) {
            (true, Mode::Subscribe) => self.subscribe(&pending, now, effects),
            (true, Mode::Unsubscribe) => self.unsubscribe(request, effects),
            (false, _) => self.unconfirmed.count(Arc::clone(&request.host), now),
        }
        // Last, so that the topic stays known.
        self.take_pending(id);
        effects.push(Effect::Settled(id));
    }

    fn subscribe(&mut self, pending: &Pending, now: Timestamp, effects: &mut Vec<Effect>) {
        let request = &pending.request;
        let key = (Arc::clone(&request.topic), Arc::clone(&request.callback));
        let known = self.keys.get(&key).and_then(|id| self.entries.get(id));
        let present = self.topics.get(&request.route).and_then(|topic| topic.version);
        let (id, has) = match known {
            Some(entry) => (entry.subscription.id, entry.subscription.has),
            // What was published since it asked, it may not know.
            None if present.is_some() && present != pending.has => (pending.id, None),
            None => (pending.id, pending.has),
        };
        let subscription = Arc::new(Subscription {
            id,
            kind: request.kind,
            topic: Arc::clone(&request.topic),
            route: request.route.clone(),
            callback: Arc::clone(&request.callback),
            host: Arc::clone(&request.host),
            secret: request.secret.clone(),
            expires: after(now, i64::from(request.lease_s)),
            has,
            failing: None,
        });
        effects.push(Effect::Save(Arc::clone(&subscription)));
        match self.entries.get_mut(&id) {
            Some(entry) => {
                entry.subscription = subscription;
                entry.again = None;
            }
            None => self.insert(subscription, None),
        }
        self.enqueue_if_owed(id);
        self.set_timer(id);
    }

    fn unsubscribe(&mut self, request: &Request, effects: &mut Vec<Effect>) {
        let key = (Arc::clone(&request.topic), Arc::clone(&request.callback));
        if let Some(id) = self.keys.get(&key).copied() {
            self.end(id, Ending::Unsubscribed, effects);
        }
    }

    fn publish(
        &mut self,
        route: &Route,
        version: Option<Digest>,
        now: Timestamp,
        owed: &mut Vec<u64>,
    ) {
        let Some(topic) = self.topics.get_mut(route) else { return };
        topic.version = version;
        if version.is_none() {
            topic.gone_since.get_or_insert(now);
            return;
        }
        topic.gone_since = None;
        for id in topic.subscribers.clone() {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if entry.subscription.has.is_some() && entry.subscription.has != version {
                let subscription = Arc::make_mut(&mut entry.subscription);
                subscription.has = None;
                owed.push(id);
            }
            // Whom we could not reach for a day, a change may reach.
            let standing = entry.subscription.standing();
            if let (Some(failing), Standing::Suspended) = (entry.subscription.failing, standing) {
                let soon = after(failing.last, RETRY_S_MAX).max(now);
                entry.again = entry.again.map(|again| again.min(soon));
            }
            self.enqueue_if_owed(id);
            self.set_timer(id);
        }
    }

    fn delivered(
        &mut self,
        id: u64,
        version: Option<Digest>,
        outcome: Outcome,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.is_under_way = false;
        let present =
            self.topics.get(&entry.subscription.route).and_then(|topic| topic.version);
        match outcome {
            Outcome::Gone => return self.end(id, Ending::Gone, effects),
            Outcome::Unsent => entry.again = Some(after(now, RETRY_S)),
            Outcome::Taken => {
                let subscription = Arc::make_mut(&mut entry.subscription);
                subscription.failing = None;
                subscription.has = version.filter(|_| present.is_none() || present == version);
                entry.again = None;
                effects.push(Effect::Save(Arc::clone(&entry.subscription)));
            }
            Outcome::Failed => {
                let failing = failed(entry.subscription.failing, id, now);
                if failing.last.duration_since(failing.since).as_secs() >= DROP_S {
                    return self.end(id, Ending::Failed, effects);
                }
                Arc::make_mut(&mut entry.subscription).failing = Some(failing);
                entry.again = Some(failing.next);
                effects.push(Effect::Save(Arc::clone(&entry.subscription)));
            }
        }
        self.enqueue_if_owed(id);
        self.set_timer(id);
    }

    /// Ends leases, begins attempts that are due, and tells subscribers of feeds that are gone.
    fn run_timers(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            let Some(entry) = self.entries.get_mut(&id) else {
                self.timers.remove(&(at, id));
                continue;
            };
            if entry.subscription.expires <= now {
                self.end(id, Ending::Expired, effects);
                continue;
            }
            entry.again = None;
            self.enqueue_if_owed(id);
            self.set_timer(id);
        }
        let is_due = |topic: &Topic| topic.gone_since.is_some_and(|at| after(at, DENY_S) <= now);
        let mut denied = Vec::new();
        for topic in self.topics.values().filter(|topic| is_due(topic)) {
            denied.extend(topic.subscribers.iter().copied());
        }
        for id in denied {
            let Some(entry) = self.entries.get(&id) else { continue };
            let subscription = Arc::clone(&entry.subscription);
            self.end(id, Ending::Denied, effects);
            if subscription.kind == Kind::WebSub {
                let host = Arc::clone(&subscription.host);
                self.verifications.push(&host, Job::Deny(subscription));
            }
        }
    }

    /// Begins as many calls as may be under way.
    fn dispatch(&mut self, effects: &mut Vec<Effect>) {
        while let Some((host, job)) = self.verifications.pop() {
            match job {
                Job::Deny(subscription) => effects.push(Effect::Deny(subscription)),
                Job::Verify(id) => match self.pending.get(&id) {
                    Some(pending) => {
                        let request = &pending.request;
                        let key = (Arc::clone(&request.topic), Arc::clone(&request.callback));
                        if let Some(asked) = self.asked.get_mut(&key) {
                            asked.is_under_way = true;
                        }
                        effects.push(Effect::Verify(Arc::clone(pending)));
                    }
                    // It was overridden.
                    None => self.verifications.done(&host),
                },
            }
        }
        while let Some((host, id)) = self.deliveries.pop() {
            let entry = self.entries.get_mut(&id).filter(|entry| entry.is_queued);
            let Some(entry) = entry else {
                self.deliveries.done(&host);
                continue;
            };
            entry.is_queued = false;
            entry.is_under_way = true;
            effects.push(Effect::Deliver(Arc::clone(&entry.subscription)));
        }
    }

    fn insert(&mut self, subscription: Arc<Subscription>, again: Option<Timestamp>) {
        let id = subscription.id;
        let key = (Arc::clone(&subscription.topic), Arc::clone(&subscription.callback));
        self.keys.insert(key, id);
        *self.hosts.entry(Arc::clone(&subscription.host)).or_default() += 1;
        let topic = self.topics.entry(subscription.route.clone()).or_default();
        topic.subscribers.insert(id);
        let timer = subscription.expires;
        self.timers.insert((timer, id));
        let entry =
            Entry { subscription, timer, again, is_queued: false, is_under_way: false };
        self.entries.insert(id, entry);
        self.set_timer(id);
    }

    fn end(&mut self, id: u64, ending: Ending, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.remove(&id) else { return };
        let subscription = &entry.subscription;
        self.timers.remove(&(entry.timer, id));
        self.keys.remove(&(Arc::clone(&subscription.topic), Arc::clone(&subscription.callback)));
        self.leave_host(&subscription.host);
        if let Some(topic) = self.topics.get_mut(&subscription.route) {
            topic.subscribers.remove(&id);
            self.forget_topic(&subscription.route);
        }
        effects.push(Effect::Forget(id, ending));
    }

    fn leave_host(&mut self, host: &Arc<str>) {
        if let Some(count) = self.hosts.get_mut(host) {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(host);
            }
        }
    }

    fn forget_topic(&mut self, route: &Route) {
        let is_unused =
            |topic: &Topic| topic.subscribers.is_empty() && topic.pending == 0;
        if self.topics.get(route).is_some_and(is_unused) {
            self.topics.remove(route);
        }
    }

    /// Queues a delivery that is owed and has no time of its own.
    fn enqueue_if_owed(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let subscription = &entry.subscription;
        let topic = self.topics.get(&subscription.route);
        let is_there = topic.is_some_and(|topic| topic.version.is_some());
        let is_free = !entry.is_queued && !entry.is_under_way && entry.again.is_none();
        if is_there && is_free && subscription.has.is_none() {
            entry.is_queued = true;
            self.deliveries.push(&subscription.host, id);
        }
    }

    fn set_timer(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let expires = entry.subscription.expires;
        let timer = entry.again.map_or(expires, |again| again.min(expires));
        if timer != entry.timer {
            self.timers.remove(&(entry.timer, id));
            self.timers.insert((timer, id));
            entry.timer = timer;
        }
    }
}

impl Subscription {
    /// Its state, for people.
    pub fn standing(&self) -> Standing {
        match self.failing {
            None => Standing::Active,
            Some(failing) => {
                let failed_s = failing.last.as_second() - failing.since.as_second();
                if failed_s >= SUSPEND_S { Standing::Suspended } else { Standing::Failing }
            }
        }
    }
}

/// The failures after one more.
fn failed(before: Option<Failing>, id: u64, now: Timestamp) -> Failing {
    let (since, attempts) = match before {
        // A clock that was set back begins anew.
        Some(failing) if failing.since <= now => (failing.since, failing.attempts),
        _ => (now, 0),
    };
    let attempts = attempts.saturating_add(1);
    let failed_s = now.as_second() - since.as_second();
    let next = if failed_s >= SUSPEND_S {
        // The last attempt, unless the feed changes before.
        after(since, DROP_S).max(after(now, RETRY_S))
    } else {
        let wait_s = RETRY_S.saturating_mul(1 << attempts.min(16).saturating_sub(1)).min(RETRY_S_MAX);
        after(now, wait_s + spread(id, wait_s))
    };
    Failing { since, last: now, attempts, next }
}

/// Up to a quarter of a wait, another for each subscription, so that those that failed together do not
/// come back together.
fn spread(id: u64, wait_s: i64) -> i64 {
    let share = i64::try_from(id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48).unwrap_or(0);
    wait_s * share / (4 << 16)
}

/// A time that many seconds later.
fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
