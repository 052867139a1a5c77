//! Deliveries: who is owed one, and what its result changes (section 7).

use std::sync::Arc;

use super::super::model::{Effect, Ending, Failing, Outcome, Standing, Subscription};
use super::{Hub, after};
use crate::base::{Digest, Route, Timestamp};

/// The wait before the second attempt of a delivery, in seconds. Each further one is twice as long.
const RETRY_S: i64 = 10;

/// The longest wait between two attempts, in seconds.
const RETRY_S_MAX: i64 = 3600;

/// The time of failures after which a subscription is tried only when its feed changes, in seconds.
pub const SUSPEND_S: i64 = 24 * 3600;

/// The time of failures after which a subscription is dropped, in seconds.
pub const DROP_S: i64 = 3 * 24 * 3600;

impl Hub {
    pub(super) fn publish(
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
            // Whom we could not reach for a day, a change may reach; but no sooner after the
            // last attempt than a failing one is tried.
            let standing = entry.subscription.standing();
            if let (Some(failing), Standing::Suspended) = (entry.subscription.failing, standing) {
                let soon = after(failing.last, RETRY_S_MAX).max(now);
                let again = entry.again.map(|again| again.min(soon));
                entry.again = again.filter(|again| *again > now);
            }
            self.enqueue_if_owed(id);
            self.update(id);
        }
    }

    pub(super) fn delivered(
        &mut self,
        id: u64,
        version: Option<Digest>,
        outcome: Outcome,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.is_under_way = false;
        let present = self.topics.get(&entry.subscription.route).and_then(|topic| topic.version);
        match outcome {
            Outcome::Gone => return self.end(id, Ending::Gone, effects),
            // The hub may deny a subscription at any time (5.2). The subscriber cannot be asked.
            Outcome::Refused => return self.end(id, Ending::Refused, effects),
            Outcome::Unsent => entry.again = Some(after(now, RETRY_S)),
            Outcome::Taken => {
                let subscription = Arc::make_mut(&mut entry.subscription);
                subscription.failing = None;
                // If the feed changed while this was under way, the subscriber may have got the
                // bytes from before, and is owed the present ones.
                let is_newest = entry.present == present || version == present;
                subscription.has = if is_newest { version } else { None };
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
        self.update(id);
    }

    /// Queues a delivery that is owed and has no time of its own.
    pub(super) fn enqueue_if_owed(&mut self, id: u64) {
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
        // After a clock was set back, the count begins again.
        Some(failing) if failing.since <= now => (failing.since, failing.attempts),
        _ => (now, 0),
    };
    let attempts = attempts.saturating_add(1);
    let failed_s = now.as_second() - since.as_second();
    let next = if failed_s >= SUSPEND_S {
        // The last attempt, unless the feed changes before.
        after(since, DROP_S).max(after(now, RETRY_S))
    } else {
        let wait_s =
            RETRY_S.saturating_mul(1 << attempts.min(16).saturating_sub(1)).min(RETRY_S_MAX);
        after(now, wait_s + spread(id, wait_s))
    };
    Failing { since, last: now, attempts, next }
}

/// Up to a quarter of a wait, another for each subscription, so that those that failed together do
/// not come back together.
fn spread(id: u64, wait_s: i64) -> i64 {
    let share = i64::try_from(id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48).unwrap_or(0);
    wait_s * share / (4 << 16)
}
