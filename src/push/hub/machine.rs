//! The state of the hub, and what an event makes of it.
//!
//! A subscription has the version of its feed that it took last, or none: then it is owed the
//! present one. So nothing has to be queued on disk. A start compares each version with the
//! published one, and each subscriber that is behind is sent the newest, whatever happened in
//! between.
//!
//! Invariants:
//! - A callback is sent nothing but the verification of a request, once, until it has confirmed
//!   one.
//! - A subscription has at most one delivery under way, and a (topic, callback) one verification.
//! - An effect that stores comes before the effects that it allows.

mod deliveries;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use super::allowance::Allowance;
use super::model::{Effect, Ending, Event, Kind, Limits, Pending, Standing, Subscription};
use super::queue::Queue;
use crate::base::{Digest, Route, Timestamp};

/// Deliveries that are under way at a time, in all and to one host.
const DELIVERIES: (usize, usize) = (64, 8);

/// Verifications and denials that are under way at a time, in all and to one host.
const VERIFICATIONS: (usize, usize) = (32, 8);

/// The time for which a feed has to be gone before its subscribers are notified, in seconds. A tag
/// loses its last article and gets another.
const DENY_S: i64 = 3600;

/// Requests of one host that may go unconfirmed in ten minutes.
const UNCONFIRMED_MAX: usize = 20;

/// Requests of one client in a minute; more if it may have more subscriptions.
const REQUESTS_MAX: usize = 120;

/// A subscription's key: the topic in its normal form, and the callback.
type Key = (Arc<str>, Arc<str>);

/// The key of a topic, as it was written, and a callback. All spellings of a URL are one topic (RFC
/// 3986, 6.2.2 and 6.2.3): its host in any case, its default port, its characters percent-encoded
/// or not.
fn key(topic: &Arc<str>, callback: &Arc<str>) -> Key {
    let normal = match Url::parse(topic) {
        Ok(url) => {
            // The parser leaves the path's percent-encoding as it was. The path of a feed has no
            // encoded slash, and a topic no query, so that the decoded text is still one URL's.
            let path = percent_decode_str(url.path()).decode_utf8_lossy();
            Arc::from(format!("{}{path}", url.origin().ascii_serialization()))
        }
        Err(_) => Arc::clone(topic),
    };
    (normal, Arc::clone(callback))
}

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
    /// The number of subscriptions of each standing.
    standings: BTreeMap<Standing, usize>,
    deliveries: Queue<u64>,
    verifications: Queue<Job>,
    /// The clients that asked for them, since the start, and how many each has.
    owners: HashMap<u64, IpAddr>,
    owned: HashMap<IpAddr, usize>,
    requests: Allowance<IpAddr>,
    unconfirmed: Allowance<Arc<str>>,
    next_id: u64,
    /// The consequences of the restart, for the first step.
    restored: Vec<Effect>,
}

#[derive(Debug)]
struct Entry {
    subscription: Arc<Subscription>,
    /// Its time in `timers`.
    timer: Timestamp,
    /// As it is counted in `standings`.
    standing: Standing,
    /// The next attempt, while it is owed a delivery that is neither queued nor under way.
    again: Option<Timestamp>,
    is_queued: bool,
    is_under_way: bool,
    /// The version that was present when the delivery under way began. What is sent may be newer.
    present: Option<Digest>,
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
            standings: BTreeMap::new(),
            deliveries: Queue::new(DELIVERIES.0, DELIVERIES.1),
            verifications: Queue::new(VERIFICATIONS.0, VERIFICATIONS.1),
            owners: HashMap::new(),
            owned: HashMap::new(),
            requests: Allowance::new(60, REQUESTS_MAX.max(limits.per_client_max)),
            unconfirmed: Allowance::new(600, UNCONFIRMED_MAX),
            next_id: 1,
            restored: Vec::new(),
        };
        for subscription in subscriptions {
            hub.next_id = hub.next_id.max(subscription.id + 1);
            let again = subscription.failing.map(|failing| failing.next);
            hub.insert(Arc::new(subscription), again);
        }
        let mut overridden = Vec::new();
        for pending in pending {
            hub.next_id = hub.next_id.max(pending.id + 1);
            hub.enqueue_request(Arc::new(pending), &mut overridden);
        }
        hub.restored = overridden;
        hub
    }

    /// Takes an event, and returns what has to be done, in this order.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.restored);
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

    /// Everything that is to be stored, as the effects that store it.
    pub fn all(&self) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(self.entries.len() + self.pending.len());
        for entry in self.entries.values() {
            effects.push(Effect::Save(Arc::clone(&entry.subscription)));
        }
        for pending in self.pending.values() {
            effects.push(Effect::Await(Arc::clone(pending)));
        }
        effects
    }

    /// The number of pending requests.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The number of deliveries that are owed or under way.
    #[cfg(test)]
    pub fn owed(&self) -> usize {
        self.entries.values().filter(|entry| entry.subscription.has.is_none()).count()
    }

    /// The number of subscriptions of each standing.
    pub fn standings(&self) -> &BTreeMap<Standing, usize> {
        &self.standings
    }

    /// Ends leases, begins attempts that are due, and notifies subscribers of feeds that are gone.
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
            self.update(id);
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
            // rssCloud has no request for this.
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
                        let key = key(&request.topic, &request.callback);
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
            let topic = self.topics.get(&entry.subscription.route);
            entry.present = topic.and_then(|topic| topic.version);
            effects.push(Effect::Deliver(Arc::clone(&entry.subscription)));
        }
    }

    fn insert(&mut self, subscription: Arc<Subscription>, again: Option<Timestamp>) {
        let id = subscription.id;
        let key = key(&subscription.topic, &subscription.callback);
        self.keys.insert(key, id);
        *self.hosts.entry(Arc::clone(&subscription.host)).or_default() += 1;
        let topic = self.topics.entry(subscription.route.clone()).or_default();
        topic.subscribers.insert(id);
        let (timer, standing) = (subscription.expires, subscription.standing());
        self.timers.insert((timer, id));
        *self.standings.entry(standing).or_default() += 1;
        let entry = Entry {
            subscription,
            timer,
            standing,
            again,
            is_queued: false,
            is_under_way: false,
            present: None,
        };
        self.entries.insert(id, entry);
        self.update(id);
    }

    fn end(&mut self, id: u64, ending: Ending, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.remove(&id) else { return };
        let subscription = &entry.subscription;
        self.timers.remove(&(entry.timer, id));
        self.uncount(entry.standing);
        let key = key(&subscription.topic, &subscription.callback);
        // Two that were stored under spellings of one topic have one key, which is the later one's.
        if self.keys.get(&key) == Some(&id) {
            self.keys.remove(&key);
        }
        self.disown(id);
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
        let is_unused = |topic: &Topic| topic.subscribers.is_empty() && topic.pending == 0;
        if self.topics.get(route).is_some_and(is_unused) {
            self.topics.remove(route);
        }
    }

    fn uncount(&mut self, standing: Standing) {
        if let Some(count) = self.standings.get_mut(&standing) {
            *count -= 1;
            if *count == 0 {
                self.standings.remove(&standing);
            }
        }
    }

    /// Brings the timer and the count of a subscription up to date.
    fn update(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let expires = entry.subscription.expires;
        let timer = entry.again.map_or(expires, |again| again.min(expires));
        if timer != entry.timer {
            self.timers.remove(&(entry.timer, id));
            self.timers.insert((timer, id));
            entry.timer = timer;
        }
        let standing = entry.subscription.standing();
        if standing != entry.standing {
            let before = std::mem::replace(&mut entry.standing, standing);
            *self.standings.entry(standing).or_default() += 1;
            self.uncount(before);
        }
    }
}

/// A time that many seconds later.
fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
