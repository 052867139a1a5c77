//! Requests: what is taken, whose turn it is, and what a confirmation changes (sections 5.1 and
//! 5.3).

use std::net::IpAddr;
use std::sync::Arc;

use super::super::model::{Effect, Ending, Mode, Pending, Refusal, Request, Subscription};
use super::{Asked, Hub, Job, after, key};
use crate::base::{Digest, Timestamp};

impl Hub {
    pub(super) fn ask(
        &mut self,
        request: Request,
        client: Option<IpAddr>,
        challenge: String,
        version: Option<Digest>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if let Some(client) = client {
            if self.requests.is_used_up(&client, now) {
                return Err(Refusal::Client);
            }
            self.requests.count(client, now);
        }
        let key = key(&request.topic, &request.callback);
        // No limit keeps a confirmed subscriber from renewing.
        if !self.keys.contains_key(&key) && !self.asked.contains_key(&key) {
            let owned = client.and_then(|client| self.owned.get(&client));
            if owned.is_some_and(|count| *count >= self.limits.per_client_max) {
                return Err(Refusal::Client);
            }
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
        if let Some(client) = client {
            self.owners.insert(id, client);
            *self.owned.entry(client).or_default() += 1;
        }
        let pending =
            Arc::new(Pending { id, request, challenge: Arc::from(challenge), has: version });
        effects.push(Effect::Await(Arc::clone(&pending)));
        if version.is_some() {
            self.topics.entry(pending.request.route.clone()).or_default().version = version;
        }
        self.enqueue_request(pending, effects);
        Ok(())
    }

    /// Gives a request its turn, or a place after the one whose turn it is. One that waited for
    /// that place is overridden, as 5.1 requires.
    pub(super) fn enqueue_request(&mut self, pending: Arc<Pending>, effects: &mut Vec<Effect>) {
        let (id, host) = (pending.id, Arc::clone(&pending.request.host));
        let key = key(&pending.request.topic, &pending.request.callback);
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
        // A subscription has the number of the request that made it.
        if !self.entries.contains_key(&id) {
            self.disown(id);
        }
        self.leave_host(&pending.request.host);
        if let Some(topic) = self.topics.get_mut(&pending.request.route) {
            topic.pending -= 1;
            self.forget_topic(&pending.request.route);
        }
        Some(pending)
    }

    pub(super) fn verified(
        &mut self,
        id: u64,
        confirmed: bool,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pending) = self.pending.get(&id).cloned() else { return };
        let request = &pending.request;
        self.verifications.done(&request.host);
        let key = key(&request.topic, &request.callback);
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
        let key = key(&request.topic, &request.callback);
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
        self.update(id);
    }

    fn unsubscribe(&mut self, request: &Request, effects: &mut Vec<Effect>) {
        let key = key(&request.topic, &request.callback);
        if let Some(id) = self.keys.get(&key).copied() {
            self.end(id, Ending::Unsubscribed, effects);
        }
    }

    pub(super) fn disown(&mut self, id: u64) {
        let Some(client) = self.owners.remove(&id) else { return };
        if let Some(count) = self.owned.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                self.owned.remove(&client);
            }
        }
    }
}
