//! Which pings are due: a pure function of what feeds are, of what each hub was notified of, and of
//! the time.
//!
//! Owns what each hub was notified of last, by topic, and what it still has to be notified of.
//! Calls and stores nothing: it returns [`Effect`]s.
//!
//! - A feed whose bytes differ from those that a hub was notified of is due after the delay.
//!   Further changes join it, and one that undoes the change cancels it.
//! - Nothing about waiting pings has to be stored: after a restart they follow again from the
//!   feeds, and from what each hub was notified of.
//! - A hub that is new learns of no feed as it is now; else each would be pinged at once.
//! - A ping that failed is repeated twice. Then the hub learns of the feed with its next change, or
//!   after a restart.
//!
//! Invariants: at most one ping for a hub and a topic is under way, and at most [`UNDER_WAY_MAX`]
//! for a hub; a hub is not notified of the same bytes again after a success; all is bounded by hubs
//! times feeds.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::Digest;

use super::retry::{TRIES, wait};

/// The most pings for one hub at the same time.
pub const UNDER_WAY_MAX: usize = 4;

/// The least time between two pings of one topic to one hub: a hub fetches the feed each time.
pub const GAP: Duration = Duration::from_secs(5);

/// The URL of a feed.
pub type Topic = Arc<str>;

/// An event that the publisher reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Feeds were written.
    Projected {
        /// The digest of each feed's bytes: of those that changed, or of others, too.
        feeds: Vec<(Topic, Digest)>,
        /// Whether these are all feeds that there are.
        is_whole: bool,
    },
    /// A ping is over.
    Answered {
        /// The ping.
        ping: Ping,
        /// Whether the hub accepted it.
        is_accepted: bool,
    },
    /// Time has passed.
    Woke,
}

/// An effect of an event. Effects are carried out in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store that the hub knows these feeds.
    Remember {
        /// The hub.
        hub: usize,
        /// Feeds, and the digests of their bytes.
        told: Vec<(Topic, Digest)>,
    },
    /// Store no more that the hub knows these feeds, which are gone.
    Forget {
        /// The hub.
        hub: usize,
        /// The feeds.
        topics: Vec<Topic>,
    },
    /// Send a ping, and report the answer.
    Send(Ping),
    /// All tries failed: report it to the operator.
    GaveUp(Ping),
}

/// A ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The hub, by its place in the list.
    pub hub: usize,
    /// The feed.
    pub topic: Topic,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The number of the try, from 1.
    pub attempt: u32,
}

/// Decides on pings.
#[derive(Debug, Default)]
pub struct Publisher {
    delay: Duration,
    hubs: Vec<Hub>,
}

/// The digests that a hub was notified of, and those it has to be notified of.
#[derive(Debug, Default)]
struct Hub {
    /// The digests that it was notified of; `None` for a new hub, until all feeds are known.
    told: Option<HashMap<Topic, Digest>>,
    /// The topics that it has to be notified of.
    pending: HashMap<Topic, Pending>,
    /// Those of them that wait, by time.
    queue: BTreeSet<(Duration, Topic)>,
    /// The digests of which it could not be notified.
    given_up: HashMap<Topic, Digest>,
    under_way: usize,
}

/// A topic that a hub has to be notified of.
#[derive(Debug)]
struct Pending {
    digest: Digest,
    /// The tries that failed for this digest.
    failed: u32,
    /// The moment from which it may be sent.
    due: Duration,
    /// Whether it is under way. Otherwise it is in the queue.
    is_sent: bool,
}

impl Publisher {
    /// A publisher for hubs that were notified of this; `None` for a hub that is new. `delay`: the
    /// wait after a change.
    pub fn new(delay: Duration, told: Vec<Option<HashMap<Topic, Digest>>>) -> Self {
        let hubs = told.into_iter().map(|told| Hub { told, ..Hub::default() }).collect();
        Self { delay, hubs }
    }

    /// The actions that are due after `event`. `now`: the time since any fixed moment; it never
    /// goes back.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Projected { feeds, is_whole } => {
                for (index, hub) in self.hubs.iter_mut().enumerate() {
                    hub.compare(index, &feeds, is_whole, now + self.delay, &mut effects);
                }
            }
            Event::Answered { ping, is_accepted } => {
                if let Some(hub) = self.hubs.get_mut(ping.hub) {
                    hub.finish(ping, is_accepted, now, &mut effects);
                }
            }
            Event::Woke => {}
        }
        for (index, hub) in self.hubs.iter_mut().enumerate() {
            hub.send(index, now, &mut effects);
        }
        effects
    }

    /// The moment of the next [`Event::Woke`]; `None` if nothing waits for one.
    pub fn wake(&self) -> Option<Duration> {
        let mut wake: Option<Duration> = None;
        for hub in self.hubs.iter().filter(|hub| hub.under_way < UNDER_WAY_MAX) {
            if let Some((due, _)) = hub.queue.first() {
                wake = Some(wake.map_or(*due, |wake| wake.min(*due)));
            }
        }
        wake
    }
}

impl Hub {
    /// Compares feeds with what the hub was notified of. What differs is due at `due`.
    fn compare(
        &mut self,
        index: usize,
        feeds: &[(Topic, Digest)],
        is_whole: bool,
        due: Duration,
        effects: &mut Vec<Effect>,
    ) {
        if self.told.is_none() {
            if is_whole {
                self.told = Some(feeds.iter().cloned().collect());
                effects.push(Effect::Remember { hub: index, told: feeds.to_vec() });
            }
            return;
        }
        for (topic, digest) in feeds {
            self.note(topic, *digest, due);
        }
        if is_whole {
            let exist: HashSet<&Topic> = feeds.iter().map(|(topic, _)| topic).collect();
            let topics = self.forget(&exist);
            if !topics.is_empty() {
                effects.push(Effect::Forget { hub: index, topics });
            }
        }
    }

    /// Notes the bytes of a feed.
    fn note(&mut self, topic: &Topic, digest: Digest, due: Duration) {
        let is_known = self.knows(topic, digest);
        let Some(pending) = self.pending.get_mut(topic) else {
            let is_given_up = self.given_up.get(topic) == Some(&digest);
            if !is_known && !is_given_up {
                let pending = Pending { digest, failed: 0, due, is_sent: false };
                self.pending.insert(Arc::clone(topic), pending);
                self.queue.insert((due, Arc::clone(topic)));
            }
            return;
        };
        if pending.digest == digest {
            return;
        }
        pending.digest = digest;
        pending.failed = 0;
        if pending.is_sent {
            // Decided when that one is over.
            pending.due = due;
            return;
        }
        // It keeps the time of the first change, so that a feed that changes again and again is due
        // all the same.
        let earlier = pending.due.min(due);
        self.queue.remove(&(pending.due, Arc::clone(topic)));
        if is_known {
            // The change was undone.
            self.pending.remove(topic);
        } else {
            pending.due = earlier;
            self.queue.insert((earlier, Arc::clone(topic)));
        }
    }

    /// Forgets the feeds that do not exist any more. Returns those that the hub was notified of.
    fn forget(&mut self, exist: &HashSet<&Topic>) -> Vec<Topic> {
        let is_gone = |topic: &Topic| !exist.contains(topic);
        self.queue.retain(|(_, topic)| !is_gone(topic));
        self.pending.retain(|topic, pending| pending.is_sent || !is_gone(topic));
        self.given_up.retain(|topic, _| !is_gone(topic));
        let Some(told) = &mut self.told else { return Vec::new() };
        let mut gone: Vec<Topic> = told.keys().filter(|topic| is_gone(topic)).cloned().collect();
        gone.sort();
        for topic in &gone {
            told.remove(topic);
        }
        gone
    }

    /// Notes the answer to a ping.
    fn finish(&mut self, ping: Ping, is_accepted: bool, now: Duration, effects: &mut Vec<Effect>) {
        let Ping { hub, topic, digest, .. } = ping.clone();
        self.under_way = self.under_way.saturating_sub(1);
        if is_accepted {
            self.given_up.remove(&topic);
            if let Some(told) = &mut self.told {
                told.insert(Arc::clone(&topic), digest);
            }
            effects.push(Effect::Remember { hub, told: vec![(Arc::clone(&topic), digest)] });
        }
        let Some(pending) = self.pending.get_mut(&topic) else { return };
        pending.is_sent = false;
        // The hub accepted these bytes, or the feed went back to those that it knew before.
        if let Some(told) = &self.told
            && told.get(&topic) == Some(&pending.digest)
        {
            self.pending.remove(&topic);
            return;
        }
        if is_accepted {
            pending.due = pending.due.max(now + GAP);
        } else {
            if pending.digest == digest {
                pending.failed += 1;
            }
            if pending.failed >= TRIES {
                self.pending.remove(&topic);
                self.given_up.insert(topic, digest);
                effects.push(Effect::GaveUp(ping));
                return;
            }
            // Also for other bytes: the hub has just failed.
            pending.due = pending.due.max(now + wait(pending.failed.max(1), &topic));
        }
        self.queue.insert((pending.due, topic));
    }

    /// Sends what is due, as far as the hub has room.
    fn send(&mut self, index: usize, now: Duration, effects: &mut Vec<Effect>) {
        while self.under_way < UNDER_WAY_MAX {
            match self.queue.first() {
                Some((due, _)) if *due <= now => {}
                _ => return,
            }
            let Some((_, topic)) = self.queue.pop_first() else { return };
            let Some(pending) = self.pending.get_mut(&topic) else { continue };
            pending.is_sent = true;
            self.under_way += 1;
            let (digest, attempt) = (pending.digest, pending.failed + 1);
            effects.push(Effect::Send(Ping { hub: index, topic, digest, attempt }));
        }
    }

    fn knows(&self, topic: &Topic, digest: Digest) -> bool {
        match &self.told {
            Some(told) => told.get(topic) == Some(&digest),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELAY: Duration = Duration::from_secs(60);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn feeds(texts: &[(&str, &str)]) -> Vec<(Topic, Digest)> {
        texts.iter().map(|(topic, text)| (Topic::from(*topic), digest(text))).collect()
    }

    fn changed(texts: &[(&str, &str)]) -> Event {
        Event::Projected { feeds: feeds(texts), is_whole: false }
    }

    fn whole(texts: &[(&str, &str)]) -> Event {
        Event::Projected { feeds: feeds(texts), is_whole: true }
    }

    /// A publisher with one hub that was notified of these feeds.
    fn told(delay: Duration, texts: &[(&str, &str)]) -> Publisher {
        Publisher::new(delay, vec![Some(feeds(texts).into_iter().collect())])
    }

    /// The pings of the effects as `topic@attempt`, in their order.
    fn sent(effects: &[Effect]) -> Vec<String> {
        let mut sent = Vec::new();
        for effect in effects {
            if let Effect::Send(ping) = effect {
                sent.push(format!("{}@{}", ping.topic, ping.attempt));
            }
        }
        sent
    }

    fn pings(effects: Vec<Effect>) -> Vec<Ping> {
        let of = |effect| match effect {
            Effect::Send(ping) => Some(ping),
            _ => None,
        };
        effects.into_iter().filter_map(of).collect()
    }

    fn answered(ping: &Ping, is_accepted: bool) -> Event {
        Event::Answered { ping: ping.clone(), is_accepted }
    }

    #[test]
    fn a_changed_feed_is_pinged_after_the_delay_and_an_unchanged_one_never() {
        let mut publisher = told(DELAY, &[("/a", "1"), ("/b", "1")]);
        assert_eq!(publisher.on(whole(&[("/a", "1"), ("/b", "1")]), s(0)), []);
        assert_eq!(publisher.wake(), None);
        assert_eq!(publisher.on(changed(&[("/a", "2"), ("/b", "1")]), s(10)), []);
        assert_eq!(publisher.wake(), Some(s(70)));
        assert_eq!(publisher.on(Event::Woke, s(69)), []);
        let effects = publisher.on(Event::Woke, s(70));
        assert_eq!(sent(&effects), ["/a@1"]);
        let ping = &pings(effects)[0];
        assert_eq!(publisher.on(Event::Woke, s(80)), []);
        let told = feeds(&[("/a", "2")]);
        assert_eq!(publisher.on(answered(ping, true), s(81)), [Effect::Remember { hub: 0, told }]);
        assert_eq!(publisher.on(whole(&[("/a", "2"), ("/b", "1")]), s(1000)), []);
        assert_eq!(publisher.wake(), None);
    }

    #[test]
    fn changes_within_the_delay_are_one_ping_and_a_change_undone_is_none() {
        let mut publisher = told(DELAY, &[("/a", "1"), ("/b", "1")]);
        publisher.on(changed(&[("/a", "typo"), ("/b", "2")]), s(0));
        publisher.on(changed(&[("/a", "fixed"), ("/b", "1")]), s(59));
        let pings = pings(publisher.on(Event::Woke, s(60)));
        assert_eq!(pings.len(), 1);
        assert_eq!((&*pings[0].topic, pings[0].digest), ("/a", digest("fixed")));
        assert_eq!(publisher.on(Event::Woke, s(600)), []);
    }

    #[test]
    fn a_change_while_a_ping_is_under_way_is_another_ping() {
        let mut publisher = told(s(0), &[("/a", "1")]);
        let first = pings(publisher.on(changed(&[("/a", "2")]), s(0)));
        assert_eq!(first.len(), 1);
        assert_eq!(publisher.on(changed(&[("/a", "3")]), s(1)), []);
        let effects = publisher.on(answered(&first[0], true), s(2));
        assert_eq!(effects, [Effect::Remember { hub: 0, told: feeds(&[("/a", "2")]) }]);
        assert_eq!(publisher.wake(), Some(s(2) + GAP));
        let second = pings(publisher.on(Event::Woke, s(2) + GAP));
        assert_eq!(second[0].digest, digest("3"));
        // Undone while it was under way: the hub fetched what is there.
        publisher.on(changed(&[("/a", "4")]), s(10));
        publisher.on(changed(&[("/a", "3")]), s(11));
        publisher.on(answered(&second[0], true), s(12));
        assert_eq!((publisher.wake(), publisher.on(Event::Woke, s(999))), (None, vec![]));
    }

    #[test]
    fn three_tries_with_growing_waits_and_then_the_next_change() {
        let mut publisher = told(s(0), &[("/a", "1")]);
        let mut ping = pings(publisher.on(changed(&[("/a", "2")]), s(0))).remove(0);
        let mut now = s(0);
        for attempt in 2..=3 {
            assert_eq!(publisher.on(answered(&ping, false), now), []);
            let wake = publisher.wake().unwrap();
            assert_eq!(wake, now + wait(attempt - 1, "/a"));
            now = wake;
            ping = pings(publisher.on(Event::Woke, now)).remove(0);
            assert_eq!(ping.attempt, attempt);
        }
        assert_eq!(publisher.on(answered(&ping, false), now), [Effect::GaveUp(ping.clone())]);
        assert_eq!(publisher.on(whole(&[("/a", "2")]), s(500)), []);
        assert_eq!(publisher.wake(), None);
        assert_eq!(sent(&publisher.on(changed(&[("/a", "3")]), s(600))), ["/a@1"]);
        // After a restart the hub is tried again.
        let mut publisher = told(s(0), &[("/a", "1")]);
        assert_eq!(sent(&publisher.on(whole(&[("/a", "2")]), s(0))), ["/a@1"]);
    }

    #[test]
    fn a_new_hub_learns_of_nothing_until_something_changes() {
        let mut publisher = Publisher::new(s(0), vec![None, Some(HashMap::new())]);
        // Not all feeds are known: nothing can be said of a new hub.
        let effects = publisher.on(changed(&[("/a", "1")]), s(0));
        assert_eq!(sent(&effects), ["/a@1"]);
        let effects = publisher.on(whole(&[("/a", "1")]), s(1));
        assert_eq!(effects, [Effect::Remember { hub: 0, told: feeds(&[("/a", "1")]) }]);
        let new = pings(publisher.on(changed(&[("/b", "1")]), s(2)));
        assert_eq!(new.iter().map(|ping| ping.hub).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn feeds_that_are_gone_are_forgotten() {
        let mut publisher = told(DELAY, &[("/a", "1"), ("/b", "1")]);
        publisher.on(changed(&[("/b", "2"), ("/c", "1")]), s(0));
        let effects = publisher.on(whole(&[("/a", "1")]), s(1));
        let topics = vec![Topic::from("/b")];
        assert_eq!(effects, [Effect::Forget { hub: 0, topics }]);
        assert_eq!((publisher.wake(), publisher.on(Event::Woke, s(99))), (None, vec![]));
    }

    #[test]
    fn a_hub_gets_a_few_pings_at_a_time() {
        let names: Vec<String> = (0..10).map(|number| format!("/{number}")).collect();
        let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let mut publisher = told(s(0), &[]);
        let mut under_way = pings(publisher.on(changed(&all), s(0)));
        assert_eq!(under_way.len(), UNDER_WAY_MAX);
        let mut done = 0;
        while let Some(ping) = under_way.pop() {
            under_way.extend(pings(publisher.on(answered(&ping, true), s(1))));
            assert!(under_way.len() <= UNDER_WAY_MAX);
            done += 1;
        }
        assert_eq!(done, all.len());
    }

    /// What a run of random events does, with a crash at any moment: no hub is notified of the same
    /// bytes twice in a row, and in the end each knows what the feeds are.
    #[derive(Debug, Clone)]
    enum Act {
        Change(usize, u8),
        Pass(u64),
        Answer(bool),
        Crash,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (0..3_usize, 0..3_u8).prop_map(|(feed, text)| Act::Change(feed, text)),
            2 => (0..90_u64).prop_map(Act::Pass),
            3 => any::<bool>().prop_map(Act::Answer),
            1 => Just(Act::Crash),
        ]
    }

    /// A world around one hub.
    struct World {
        publisher: Publisher,
        now: Duration,
        feeds: [u8; 3],
        /// The rows that are stored.
        stored: HashMap<Topic, Digest>,
        under_way: Vec<Ping>,
    }

    impl World {
        fn feeds(&self) -> Vec<(Topic, Digest)> {
            let of = |(index, text): (usize, &u8)| {
                (Topic::from(format!("/{index}")), digest(&text.to_string()))
            };
            self.feeds.iter().enumerate().map(of).collect()
        }

        fn on(&mut self, event: Event) {
            for effect in self.publisher.on(event, self.now) {
                match effect {
                    Effect::Remember { told, .. } => self.stored.extend(told),
                    Effect::Send(ping) => {
                        assert_ne!(self.stored.get(&ping.topic), Some(&ping.digest), "twice");
                        assert!(self.under_way.iter().all(|other| other.topic != ping.topic));
                        self.under_way.push(ping);
                    }
                    Effect::GaveUp(_) | Effect::Forget { .. } => {}
                }
            }
        }

        fn restart(&mut self) {
            self.under_way.clear();
            self.publisher = Publisher::new(s(30), vec![Some(self.stored.clone())]);
            let (feeds, is_whole) = (self.feeds(), true);
            self.on(Event::Projected { feeds, is_whole });
        }

        fn act(&mut self, act: &Act) {
            match act {
                Act::Change(feed, text) => {
                    self.feeds[*feed] = *text;
                    let (feeds, is_whole) = (self.feeds(), false);
                    self.on(Event::Projected { feeds, is_whole });
                }
                Act::Pass(seconds) => {
                    self.now += s(*seconds);
                    self.on(Event::Woke);
                }
                Act::Answer(is_accepted) => {
                    if let Some(ping) = self.under_way.pop() {
                        self.on(Event::Answered { ping, is_accepted: *is_accepted });
                    }
                }
                Act::Crash => self.restart(),
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_told_twice(acts in prop::collection::vec(act(), 0..60)) {
            let mut world = World {
                publisher: Publisher::new(s(30), vec![Some(HashMap::new())]),
                now: s(0),
                feeds: [0; 3],
                stored: HashMap::new(),
                under_way: Vec::new(),
            };
            for act in &acts {
                world.act(act);
            }
            // What was given up is tried again by a restart.
            world.restart();
            for _ in 0..20 {
                world.act(&Act::Answer(true));
                world.act(&Act::Pass(90));
            }
            let feeds: HashMap<Topic, Digest> = world.feeds().into_iter().collect();
            prop_assert_eq!(world.stored, feeds);
            prop_assert_eq!(world.publisher.wake(), None);
        }
    }
}
