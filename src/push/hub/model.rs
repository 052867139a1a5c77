//! The values of the hub: what it knows of each subscriber, what can happen, and what follows.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::{Digest, Route, Timestamp};

/// The goal of a request (5.1, `hub.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// To be notified of changes.
    Subscribe,
    /// Not to be notified any more.
    Unsubscribe,
}

impl Mode {
    /// The text in `hub.mode`.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Subscribe => "subscribe",
            Mode::Unsubscribe => "unsubscribe",
        }
    }
}

/// The protocol of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// WebSub: it gets the changed feed.
    WebSub,
    /// rssCloud, at the address from which it asked: it gets the feed's URL.
    Cloud,
    /// rssCloud, at a host that it named, and that therefore has to repeat a challenge.
    CloudOfDomain,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::WebSub, Kind::Cloud, Kind::CloudOfDomain];

    /// The name under which it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Kind::WebSub => "websub",
            Kind::Cloud => "cloud",
            Kind::CloudOfDomain => "cloud-domain",
        }
    }
}

/// `hub.secret`: the key of the signatures. It is never shown, in no log either.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// A secret of 1 to 199 bytes.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The secret itself, for the signature and the store.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A request that was understood, and whose topic is a feed of this site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its goal.
    pub mode: Mode,
    /// Its protocol.
    pub kind: Kind,
    /// The URL of the topic, as the subscriber wrote it: it is repeated that way.
    pub topic: Arc<str>,
    /// The feed.
    pub route: Route,
    /// The URL at which the subscriber is notified.
    pub callback: Arc<str>,
    /// The host of the callback, in lower case and without its port.
    pub host: Arc<str>,
    /// The key of the signatures.
    pub secret: Option<Secret>,
    /// The time for which it is asked, within the limits, in seconds.
    pub lease_s: u32,
}

/// A request whose subscriber has not confirmed yet that it was the one who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub id: u64,
    /// The request.
    pub request: Request,
    /// The text that the subscriber has to repeat.
    pub challenge: Arc<str>,
    /// The version of the feed when it was asked, which the subscriber may know.
    pub has: Option<Digest>,
}

/// A confirmed subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its number, which no other ever has.
    pub id: u64,
    /// Its protocol.
    pub kind: Kind,
    /// The URL of the topic, as the subscriber wrote it.
    pub topic: Arc<str>,
    /// The feed.
    pub route: Route,
    /// The URL at which the subscriber is notified.
    pub callback: Arc<str>,
    /// The host of the callback.
    pub host: Arc<str>,
    /// The key of the signatures.
    pub secret: Option<Secret>,
    /// The end of its lease.
    pub expires: Timestamp,
    /// The version of the feed that it took last; `None` while it is owed one.
    pub has: Option<Digest>,
    /// The deliveries that failed since the last one that did not.
    pub failing: Option<Failing>,
}

/// A row of failed deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// The first failure.
    pub since: Timestamp,
    /// The last failure.
    pub last: Timestamp,
    /// The number of failures, at least 1.
    pub attempts: u32,
    /// The time of the next attempt.
    pub next: Timestamp,
}

/// The state of a subscription, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Its last delivery was taken, or it never had one.
    Active,
    /// Its last delivery failed, and is repeated.
    Failing,
    /// It failed for a day: it is tried again only when the feed changes, and once before it is
    /// dropped.
    Suspended,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody asked for a change of a subscription. Answered by one [`Effect::Answer`].
    Asked {
        /// The request.
        request: Request,
        /// The client, as clients are counted; `None` for one that is not counted.
        client: Option<IpAddr>,
        /// A text that cannot be guessed.
        challenge: String,
        /// The present version of the feed.
        version: Option<Digest>,
    },
    /// The present version of feeds; `None` for a feed that is not there any more.
    Published(Vec<(Route, Option<Digest>)>),
    /// The answer to [`Effect::Verify`].
    Verified {
        /// The number of the pending request.
        id: u64,
        /// Whether the subscriber repeated the challenge.
        confirmed: bool,
    },
    /// The answer to [`Effect::Deliver`].
    Delivered {
        /// The number of the subscription.
        id: u64,
        /// The host that was called.
        host: Arc<str>,
        /// The version that was sent.
        version: Option<Digest>,
        /// The result.
        outcome: Outcome,
    },
    /// The answer to [`Effect::Deny`], whatever it was.
    Denied {
        /// The host that was called.
        host: Arc<str>,
    },
    /// Time has passed.
    Tick,
}

/// The result of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// 2xx
    Taken,
    /// 410: the subscriber is gone.
    Gone,
    /// Any other answer, or none.
    Failed,
    /// It was not sent, because the feed could not be read.
    Unsent,
    /// It was not sent, because the callback has an address or a port that is not called.
    Refused,
}

/// An effect of a step. Effects are carried out in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The answer to [`Event::Asked`]. What is to be stored before it comes before it.
    Answer(Result<(), Refusal>),
    /// Store this pending request.
    Await(Arc<Pending>),
    /// Remove a pending request from the store.
    Settled(u64),
    /// Store this subscription.
    Save(Arc<Subscription>),
    /// Store that these subscriptions are owed the present version of their feed.
    Owe(Vec<u64>),
    /// Remove a subscription from the store.
    Forget(u64, Ending),
    /// Ask a subscriber whether it asked for this.
    Verify(Arc<Pending>),
    /// Send the present version of its feed to a subscriber.
    Deliver(Arc<Subscription>),
    /// Notify a subscriber that its topic was removed.
    Deny(Arc<Subscription>),
}

impl Effect {
    /// Whether it changes what is stored.
    pub fn is_stored(&self) -> bool {
        match self {
            Effect::Await(_)
            | Effect::Settled(_)
            | Effect::Save(_)
            | Effect::Owe(_)
            | Effect::Forget(..) => true,
            Effect::Answer(_) | Effect::Verify(_) | Effect::Deliver(_) | Effect::Deny(_) => false,
        }
    }
}

/// The reason why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Its lease was not renewed.
    Expired,
    /// The subscriber wished so.
    Unsubscribed,
    /// The subscriber answered 410.
    Gone,
    /// Deliveries failed for too long.
    Failed,
    /// The feed is there no more.
    Denied,
    /// The callback has an address or a port that is not called.
    Refused,
}

impl Ending {
    /// The word for it in the log.
    pub fn name(self) -> &'static str {
        match self {
            Ending::Expired => "expired",
            Ending::Unsubscribed => "unsubscribed",
            Ending::Gone => "gone",
            Ending::Failed => "failed",
            Ending::Denied => "denied",
            Ending::Refused => "refused",
        }
    }
}

/// The reason why a request is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The client asks too often.
    Client,
    /// Too many requests for callbacks at this host were not confirmed.
    Unconfirmed,
    /// The host of the callback has all the subscriptions that one may have.
    Host,
    /// The hub has all the subscriptions that it may have.
    Full,
}

/// The limits of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Subscriptions and pending requests in all.
    pub subscriptions_max: usize,
    /// Those of one callback host.
    pub per_host_max: usize,
    /// Those that one client asked for since the start.
    pub per_client_max: usize,
}
