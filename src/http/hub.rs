//! The way from a request to the own hub, which runs elsewhere: a bounded channel, what is asked
//! through it, and what the hub counts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::ops::outgoing::{Addresses, address};
use crate::push::hub::{Event, Outcome, Refusal, Request, Standing};

/// Requests that wait for the hub.
const WAITING_MAX: usize = 256;

/// The time that a request waits for the hub's answer, which is stored first.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request at the hub's door.
#[derive(Debug)]
pub struct Knock {
    /// The request.
    pub request: Request,
    /// The client, as clients are counted.
    pub client: Option<IpAddr>,
    /// The answer.
    pub reply: oneshot::Sender<Result<(), Refusal>>,
}

/// The reason why the hub has not taken a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// The hub refuses it.
    Refused(Refusal),
    /// The hub has too many requests at once, cannot store it, or is stopping.
    Busy,
}

/// The way to the hub.
#[derive(Debug)]
pub struct Door {
    sender: mpsc::Sender<Knock>,
    /// The ports that a callback may have.
    pub ports: Vec<u16>,
    /// The addresses that a callback may have.
    pub addresses: Addresses,
    /// Whether rssCloud is spoken, too.
    pub cloud: bool,
}

impl Door {
    /// A door, and what comes through it.
    pub fn new(
        ports: Vec<u16>,
        addresses: Addresses,
        cloud: bool,
    ) -> (Self, mpsc::Receiver<Knock>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self { sender, ports, addresses, cloud }, receiver)
    }

    /// Asks the hub.
    ///
    /// # Errors
    /// It has not taken the request.
    pub async fn knock(&self, request: Request, client: Option<IpAddr>) -> Result<(), Unheard> {
        let (reply, answer) = oneshot::channel();
        if self.sender.try_send(Knock { request, client, reply }).is_err() {
            return Err(Unheard::Busy);
        }
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer.map_err(Unheard::Refused),
            Ok(Err(_)) | Err(_) => Err(Unheard::Busy),
        }
    }

    /// Whether a host that is an address may be called. Names are resolved when they are called.
    pub fn may_be_called(&self, host: &str) -> bool {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let Ok(address) = literal.unwrap_or(host).parse::<IpAddr>() else { return true };
        match self.addresses {
            Addresses::Any => true,
            Addresses::GlobalOrLoopback if address::is_loopback(address) => true,
            _ => address::refusal(address).is_none(),
        }
    }
}

/// The counters of the hub. Relaxed, since no other memory depends on them.
#[derive(Debug, Default)]
pub struct Counters {
    standings: [AtomicU64; 3],
    pending: AtomicU64,
    deliveries: [AtomicU64; 5],
    verifications: [AtomicU64; 2],
}

/// The name of each standing in metrics.
const STANDINGS: [(Standing, &str); 3] = [
    (Standing::Active, "active"),
    (Standing::Failing, "failing"),
    (Standing::Suspended, "suspended"),
];

/// The name of each outcome in metrics.
const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Taken, "taken"),
    (Outcome::Gone, "gone"),
    (Outcome::Failed, "failed"),
    (Outcome::Unsent, "unsent"),
    (Outcome::Refused, "refused"),
];

impl Counters {
    /// Counts a call that has ended.
    pub fn note(&self, event: &Event) {
        match event {
            Event::Verified { confirmed, .. } => {
                self.verifications[usize::from(!confirmed)].fetch_add(1, Ordering::Relaxed);
            }
            Event::Delivered { outcome, .. } => {
                for (index, (known, _)) in OUTCOMES.iter().enumerate() {
                    if known == outcome {
                        self.deliveries[index].fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes the present number of subscriptions and of pending requests.
    pub fn set(&self, standings: &BTreeMap<Standing, usize>, pending: usize) {
        for (index, (standing, _)) in STANDINGS.iter().enumerate() {
            let count = standings.get(standing).copied().unwrap_or_default();
            self.standings[index].store(count as u64, Ordering::Relaxed);
        }
        self.pending.store(pending as u64, Ordering::Relaxed);
    }

    /// The number of subscriptions by their state, with that of pending requests.
    pub fn subscriptions(&self) -> Vec<(&'static str, u64)> {
        let mut counts = named(&STANDINGS, &self.standings);
        counts.push(("pending", self.pending.load(Ordering::Relaxed)));
        counts
    }

    /// The number of deliveries by their outcome.
    pub fn deliveries(&self) -> Vec<(&'static str, u64)> {
        named(&OUTCOMES, &self.deliveries)
    }

    /// The number of verifications by their result.
    pub fn verifications(&self) -> Vec<(&'static str, u64)> {
        named(&[((), "confirmed"), ((), "unconfirmed")], &self.verifications)
    }
}

fn named<T>(names: &[(T, &'static str)], counts: &[AtomicU64]) -> Vec<(&'static str, u64)> {
    let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
    names.iter().map(|(_, name)| *name).zip(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_global_are_not_called() {
        let (strict, _) = Door::new(vec![80], Addresses::Global, false);
        let (local, _) = Door::new(vec![80], Addresses::GlobalOrLoopback, false);
        for (host, at_strict, at_local) in [
            ("reader.example", true, true),
            ("8.8.8.8", true, true),
            ("127.0.0.1", false, true),
            ("[::1]", false, true),
            ("[::ffff:10.0.0.1]", false, false),
            ("169.254.169.254", false, false),
            ("192.168.1.1", false, false),
            ("[fd00::1]", false, false),
        ] {
            let found = (strict.may_be_called(host), local.may_be_called(host));
            assert_eq!(found, (at_strict, at_local), "{host}");
        }
    }
}
