//! Each rule of the hub for itself.

use std::sync::Arc;

use super::super::model::*;
use super::{DENY_S, Hub, UNCONFIRMED_MAX, after};
use crate::base::{Digest, Format, Route, Scope, Timestamp};

const LIMITS: Limits = Limits { subscriptions_max: 6, per_host_max: 4, per_client_max: 3 };

fn route() -> Route {
    Route::Feed(Scope::Site, Format::Rss)
}

fn version(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// A hub, its clock, and what it last wanted.
struct Table {
    hub: Hub,
    now: Timestamp,
    version: u64,
}

impl Table {
    fn new(limits: Limits) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Self { hub: Hub::restore(limits, Vec::new(), Vec::new()), now, version: 0 }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        self.hub.step(event, self.now)
    }

    fn pass(&mut self, seconds: i64) -> Vec<Effect> {
        self.now = after(self.now, seconds);
        self.step(Event::Tick)
    }

    fn publish(&mut self) -> Vec<Effect> {
        self.version += 1;
        let version = Some(version(self.version));
        self.step(Event::Published(vec![(route(), version)]))
    }

    /// Asks for a callback `host/path`, as a client.
    fn ask(&mut self, mode: Mode, callback: &str, client: Option<&str>) -> Vec<Effect> {
        self.ask_about("https://example.org/rss.xml", mode, callback, client)
    }

    fn ask_about(
        &mut self,
        topic: &str,
        mode: Mode,
        callback: &str,
        client: Option<&str>,
    ) -> Vec<Effect> {
        let request = Request {
            mode,
            kind: Kind::WebSub,
            topic: Arc::from(topic),
            route: route(),
            callback: Arc::from(format!("https://{callback}")),
            host: Arc::from(callback.split('/').next().unwrap()),
            secret: None,
            lease_s: 10 * 24 * 3600,
        };
        let client = client.map(|client| client.parse().unwrap());
        let version = Some(version(self.version));
        self.step(Event::Asked { request, client, challenge: "c".to_owned(), version })
    }

    fn answer(&mut self, callback: &str, client: Option<&str>) -> Result<(), Refusal> {
        let effects = self.ask(Mode::Subscribe, callback, client);
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer(answer) => Some(answer),
            _ => None,
        });
        answer.unwrap()
    }

    /// Subscribes, and returns the number of the subscription.
    fn subscribe(&mut self, callback: &str) -> u64 {
        let effects = self.ask(Mode::Subscribe, callback, None);
        let id = verified(&effects);
        self.step(Event::Verified { id, confirmed: true });
        id
    }

    fn deliver(&mut self, id: u64, host: &str, outcome: Outcome) -> Vec<Effect> {
        let version = Some(version(self.version));
        self.step(Event::Delivered { id, host: Arc::from(host), version, outcome })
    }

    fn standing(&self) -> Vec<Standing> {
        self.hub.standings().keys().copied().collect()
    }
}

/// The number of the one request that is verified.
fn verified(effects: &[Effect]) -> u64 {
    let [id] = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Verify(pending) => Some(pending.id),
            _ => None,
        })
        .collect::<Vec<_>>()[..]
    else {
        panic!("{effects:#?}")
    };
    id
}

/// The callbacks to which something is delivered.
fn delivered(effects: &[Effect]) -> Vec<&str> {
    let callbacks = effects.iter().filter_map(|effect| match effect {
        Effect::Deliver(subscription) => Some(&*subscription.callback),
        _ => None,
    });
    callbacks.collect()
}

fn endings(effects: &[Effect]) -> Vec<Ending> {
    let endings = effects.iter().filter_map(|effect| match effect {
        Effect::Forget(_, ending) => Some(*ending),
        _ => None,
    });
    endings.collect()
}

#[test]
fn a_request_is_stored_before_it_is_answered_and_verified() {
    let mut table = Table::new(LIMITS);
    let effects = table.ask(Mode::Subscribe, "a/1", None);
    let [Effect::Await(_), Effect::Answer(Ok(())), Effect::Verify(_)] = &effects[..] else {
        panic!("{effects:#?}")
    };
    let effects = table.step(Event::Verified { id: 1, confirmed: true });
    let [Effect::Save(subscription), Effect::Settled(1)] = &effects[..] else {
        panic!("{effects:#?}")
    };
    assert_eq!(subscription.has, Some(version(0)));
}

/// RFC 3986, 6.2.2 and 6.2.3. What a subscriber is asked to confirm is as it wrote it.
#[test]
fn all_spellings_of_a_topic_are_one_subscription() {
    for other in [
        "https://EXAMPLE.org/rss.xml",
        "HTTPS://example.org/rss.xml",
        "https://example.org:443/rss.xml",
        "https://example.org:/rss.xml",
        "https://@example.org/rss.xml",
        "https://example.org/rs%73.xml",
        "https://example.org/%72ss%2Exml",
        "https://example.org/%72ss%2exml",
        "https://example.org/a/../rss.xml",
        "https://example.org/./rss.xml",
    ] {
        let mut table = Table::new(LIMITS);
        let id = table.subscribe("a/1");
        let effects = table.ask_about(other, Mode::Subscribe, "a/1", None);
        let renewal = verified(&effects);
        assert!(effects.iter().any(
            |effect| matches!(effect, Effect::Verify(asked) if &*asked.request.topic == other)
        ));
        let effects = table.step(Event::Verified { id: renewal, confirmed: true });
        let [Effect::Save(subscription), Effect::Settled(_)] = &effects[..] else {
            panic!("{other}: {effects:#?}")
        };
        assert_eq!((subscription.id, &*subscription.topic), (id, other));
        assert_eq!(delivered(&table.publish()), ["https://a/1"], "{other}");
        let effects = table.ask(Mode::Unsubscribe, "a/1", None);
        let effects = table.step(Event::Verified { id: verified(&effects), confirmed: true });
        assert_eq!(endings(&effects), [Ending::Unsubscribed], "{other}");
        assert_eq!(table.hub.all(), []);
    }
    for other in [
        "https://example.org/RSS.xml",
        "http://example.org/rss.xml",
        "https://example.org:8443/rss.xml",
    ] {
        let mut table = Table::new(LIMITS);
        table.subscribe("a/1");
        let id = verified(&table.ask_about(other, Mode::Subscribe, "a/1", None));
        table.step(Event::Verified { id, confirmed: true });
        assert_eq!(table.hub.all().len(), 2, "{other}");
    }
}

/// Earlier versions stored a subscription for each spelling.
#[test]
fn two_stored_spellings_of_a_topic_end_each_by_itself() {
    let mut table = Table::new(LIMITS);
    table.subscribe("a/1");
    let [Effect::Save(stored)] = &table.hub.all()[..] else { panic!() };
    let (first, mut other) = (Subscription::clone(stored), Subscription::clone(stored));
    other.id += 1;
    other.topic = Arc::from("https://example.ORG/rss.xml");
    table.hub = Hub::restore(LIMITS, vec![first, other.clone()], Vec::new());
    // The first one is refused by its subscriber, and the key stays that of the second one.
    let effects = table.publish();
    assert_eq!(delivered(&effects).len(), 2);
    table.deliver(1, "a", Outcome::Gone);
    let id = verified(&table.ask(Mode::Subscribe, "a/1", None));
    table.step(Event::Verified { id, confirmed: true });
    let [Effect::Save(left)] = &table.hub.all()[..] else { panic!("{:#?}", table.hub.all()) };
    assert_eq!(left.id, other.id);
}

#[test]
fn an_unconfirmed_request_changes_nothing() {
    let mut table = Table::new(LIMITS);
    table.subscribe("a/1");
    for mode in [Mode::Subscribe, Mode::Unsubscribe] {
        let id = verified(&table.ask(mode, "a/1", None));
        let effects = table.step(Event::Verified { id, confirmed: false });
        assert_eq!(effects, [Effect::Settled(id)]);
    }
    assert_eq!(delivered(&table.publish()), ["https://a/1"]);
}

/// A change between a request and its confirmation is delivered.
#[test]
fn what_is_published_meanwhile_is_owed() {
    let mut table = Table::new(LIMITS);
    let id = verified(&table.ask(Mode::Subscribe, "a/1", None));
    assert_eq!(delivered(&table.publish()), [""; 0]);
    let effects = table.step(Event::Verified { id, confirmed: true });
    assert_eq!(delivered(&effects), ["https://a/1"]);
}

#[test]
fn the_last_of_several_requests_counts() {
    let mut table = Table::new(LIMITS);
    let first = verified(&table.ask(Mode::Subscribe, "a/1", None));
    // The first is being verified; of those after it one waits.
    let effects = table.ask(Mode::Subscribe, "a/1", None);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Verify(_))));
    let effects = table.ask(Mode::Unsubscribe, "a/1", None);
    assert!(effects.contains(&Effect::Settled(2)));
    let effects = table.step(Event::Verified { id: first, confirmed: true });
    assert_eq!(verified(&effects), 3);
    let effects = table.step(Event::Verified { id: 3, confirmed: true });
    assert_eq!(endings(&effects), [Ending::Unsubscribed]);
    assert_eq!(delivered(&table.publish()), [""; 0]);
}

#[test]
fn places_are_limited() {
    let mut table = Table::new(LIMITS);
    let client = Some("192.0.2.1");
    for (callback, client, answer) in [
        ("a/1", client, Ok(())),
        ("a/2", client, Ok(())),
        ("b/1", client, Ok(())),
        ("b/2", client, Err(Refusal::Client)),
        ("a/3", Some("192.0.2.2"), Ok(())),
        ("a/4", None, Ok(())),
        ("a/5", None, Err(Refusal::Host)),
        ("c/1", None, Ok(())),
        ("d/1", None, Err(Refusal::Full)),
    ] {
        assert_eq!(table.answer(callback, client), answer, "{callback}");
    }
    // A refused request is not confirmed by anything, and one that is not confirmed frees its
    // place.
    table.step(Event::Verified { id: 3, confirmed: false });
    assert_eq!(table.answer("b/2", client), Ok(()));
}

#[test]
fn a_client_asks_only_so_often() {
    let mut table = Table::new(LIMITS);
    let client = Some("192.0.2.1");
    for _ in 0..super::REQUESTS_MAX {
        assert_eq!(table.answer("a/1", client), Ok(()));
    }
    assert_eq!(table.answer("a/1", client), Err(Refusal::Client));
    assert_eq!(table.answer("a/1", Some("192.0.2.2")), Ok(()));
    table.pass(60);
    assert_eq!(table.answer("a/1", client), Ok(()));
}

#[test]
fn renewals_always_have_a_place() {
    let mut table = Table::new(Limits { subscriptions_max: 2, per_host_max: 1, ..LIMITS });
    let id = table.subscribe("a/1");
    table.subscribe("b/1");
    table.pass(9 * 24 * 3600);
    let renewal = verified(&table.ask(Mode::Subscribe, "a/1", None));
    let effects = table.step(Event::Verified { id: renewal, confirmed: true });
    let [Effect::Save(subscription), Effect::Settled(_)] = &effects[..] else {
        panic!("{effects:#?}")
    };
    assert_eq!(subscription.id, id);
    assert_eq!(endings(&table.pass(24 * 3600)), [Ending::Expired]);
    assert_eq!(delivered(&table.publish()), ["https://a/1"]);
}

#[test]
fn a_host_that_does_not_confirm_is_left_alone() {
    let mut table = Table::new(Limits { subscriptions_max: 100, ..LIMITS });
    table.subscribe("victim/known");
    for number in 0..UNCONFIRMED_MAX {
        let id = verified(&table.ask(Mode::Subscribe, &format!("victim/{number}"), None));
        table.step(Event::Verified { id, confirmed: false });
    }
    assert_eq!(table.answer("victim/x", None), Err(Refusal::Unconfirmed));
    assert_eq!(table.answer("other/x", None), Ok(()));
    // Who is subscribed may renew.
    assert_eq!(table.answer("victim/known", None), Ok(()));
    table.pass(600);
    assert_eq!(table.answer("victim/x", None), Ok(()));
}

#[test]
fn failures_are_repeated_for_a_day_then_suspended_then_dropped() {
    let mut table = Table::new(LIMITS);
    let id = table.subscribe("a/1");
    let start = table.now;
    let mut effects = table.publish();
    let mut attempts = 0;
    while table.standing() != [Standing::Suspended] {
        assert_eq!(delivered(&effects), ["https://a/1"]);
        attempts += 1;
        table.deliver(id, "a", Outcome::Failed);
        let wait_s = table.hub.wake().unwrap().as_second() - table.now.as_second();
        if attempts < 3 {
            let least_s = [10, 20][attempts - 1];
            assert!((least_s..=least_s + least_s / 4).contains(&wait_s), "{wait_s}");
        }
        if table.standing() != [Standing::Suspended] {
            assert!(wait_s <= 3600 + 900, "{wait_s}");
            // A change does not make it sooner.
            assert_eq!(delivered(&table.publish()), [""; 0]);
            effects = table.pass(wait_s);
        }
    }
    assert!((20..60).contains(&attempts), "{attempts}");
    // Suspended: a change is tried once, an hour after the last attempt at the earliest.
    assert_eq!(delivered(&table.pass(7200)), [""; 0]);
    assert_eq!(delivered(&table.publish()), ["https://a/1"]);
    table.deliver(id, "a", Outcome::Failed);
    assert_eq!(delivered(&table.publish()), [""; 0]);
    assert_eq!(delivered(&table.pass(3600)), ["https://a/1"]);
    table.deliver(id, "a", Outcome::Failed);
    // The last attempt is three days after the first failure.
    let last = table.hub.wake().unwrap();
    assert_eq!(last, after(start, 3 * 24 * 3600));
    table.now = last;
    let effects = table.step(Event::Tick);
    assert_eq!(delivered(&effects), ["https://a/1"]);
    let effects = table.deliver(id, "a", Outcome::Failed);
    assert_eq!(endings(&effects), [Ending::Failed]);
    assert_eq!(table.hub.wake(), None);
}

#[test]
fn a_callback_that_may_not_be_called_ends_its_subscription() {
    let mut table = Table::new(LIMITS);
    let id = table.subscribe("a/1");
    table.publish();
    let effects = table.deliver(id, "a", Outcome::Refused);
    assert_eq!(effects, [Effect::Forget(id, Ending::Refused)]);
    assert_eq!((table.standing(), table.hub.wake()), (Vec::new(), None));
}

#[test]
fn a_success_ends_a_row_of_failures() {
    let mut table = Table::new(LIMITS);
    let id = table.subscribe("a/1");
    table.publish();
    table.deliver(id, "a", Outcome::Failed);
    assert_eq!(table.standing(), [Standing::Failing]);
    table.pass(20);
    let effects = table.deliver(id, "a", Outcome::Taken);
    let [Effect::Save(subscription)] = &effects[..] else { panic!("{effects:#?}") };
    assert_eq!((subscription.failing, subscription.has), (None, Some(version(1))));
    assert_eq!(table.standing(), [Standing::Active]);
    assert_eq!(delivered(&table.publish()), ["https://a/1"]);
}

#[test]
fn a_newer_feed_than_was_announced_is_delivered_once() {
    let mut table = Table::new(LIMITS);
    let id = table.subscribe("a/1");
    table.publish();
    // What was sent is published already, and announced after the answer.
    table.version += 1;
    assert_eq!(delivered(&table.deliver(id, "a", Outcome::Taken)), [""; 0]);
    table.version -= 1;
    assert_eq!(delivered(&table.publish()), [""; 0]);
    assert_eq!(delivered(&table.publish()), ["https://a/1"]);
}

#[test]
fn a_feed_that_cannot_be_read_is_nobodys_failure() {
    let mut table = Table::new(LIMITS);
    let id = table.subscribe("a/1");
    table.publish();
    assert_eq!(delivered(&table.deliver(id, "a", Outcome::Unsent)), [""; 0]);
    assert_eq!(table.standing(), [Standing::Active]);
    assert_eq!(delivered(&table.pass(10)), ["https://a/1"]);
}

#[test]
fn a_feed_that_is_gone_for_an_hour_is_denied() {
    let mut table = Table::new(LIMITS);
    table.subscribe("a/1");
    let gone = || Event::Published(vec![(route(), None)]);
    table.step(gone());
    assert_eq!(endings(&table.pass(DENY_S - 1)), []);
    table.publish();
    table.step(gone());
    assert_eq!(endings(&table.pass(DENY_S - 1)), []);
    let effects = table.pass(1);
    let [Effect::Forget(1, Ending::Denied), Effect::Deny(subscription)] = &effects[..] else {
        panic!("{effects:#?}")
    };
    let host = Arc::clone(&subscription.host);
    table.step(Event::Denied { host });
    assert_eq!((table.hub.routes().count(), table.hub.wake()), (0, None));
}

#[test]
fn a_restart_compares_and_goes_on() {
    let mut table = Table::new(LIMITS);
    for callback in ["a/1", "a/2"] {
        table.subscribe(callback);
    }
    table.ask(Mode::Subscribe, "b/1", None);
    let (mut subscriptions, mut pending) = (Vec::new(), Vec::new());
    for effect in table.hub.all() {
        match effect {
            Effect::Save(subscription) => subscriptions.push(Subscription::clone(&subscription)),
            Effect::Await(request) => pending.push(Pending::clone(&request)),
            other => panic!("{other:?}"),
        }
    }
    subscriptions[1].has = None;
    table.hub = Hub::restore(LIMITS, subscriptions, pending);
    assert_eq!(verified(&table.pass(1)), 3);
    let same = Event::Published(vec![(route(), Some(version(0)))]);
    assert_eq!(delivered(&table.step(same)), ["https://a/2"]);
    assert_eq!(delivered(&table.publish()), ["https://a/1"]);
}
