//! The pushing thread: has the machines of `push` decide, sends what they want, stores and logs
//! what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{info, warn};
use url::Url;

use super::mailbox::{Mailbox, News};
use super::send::{post, run, send, shown};
use super::{Known, OwnBell};
use crate::base::{Digest, Route};
use crate::config::{Config, Notify};
use crate::engine::StatusLog;
use crate::engine::renderer::{Item, Renderer};
use crate::feed::links;
use crate::ops::outgoing::Client;
use crate::publish::{Part, PushEnd, Receiver, Snapshot, Unrendered};
use crate::push::bell::{Action, Finished, Ring};
use crate::push::publisher::{Effect, Event, Ping, Publisher, Topic};
use crate::push::webhook;
use crate::store::StoreError;
use crate::store::side::publisher::PublisherFile;

/// Threads for look-ups of names, which have no time limit of their own, and for reading articles.
const BLOCKING_MAX: usize = 8;

/// The time for such threads to end at a stop.
const STOP_TIMEOUT: Duration = Duration::from_millis(200);

/// The end of a task.
enum Done {
    Ping(Ping, Result<(), String>),
    Rung(usize, Rung),
}

/// The outcome of the report of an article.
enum Rung {
    /// It was reported, and this is its URL.
    Notified(String),
    /// It is not public any more.
    Gone,
    /// Its file is being changed.
    NotYet,
    Failed(String),
}

/// The state of the pushing thread.
pub(super) struct Worker {
    hubs: Vec<Url>,
    notify: Notify,
    secret: Option<Arc<[u8]>>,
    file: PublisherFile,
    publisher: Publisher,
    bells: Vec<OwnBell>,
    client: Client,
    renderer: Arc<Renderer>,
    status: StatusLog,
    snapshot: Option<Arc<Snapshot>>,
    tasks: JoinSet<Done>,
    /// The reasons of failures, by receiver.
    failing: BTreeMap<String, String>,
    started: Instant,
}

impl Worker {
    /// A worker that has sent nothing yet.
    pub(super) fn new(
        config: &Config,
        known: Known,
        client: Client,
        secret: Option<Vec<u8>>,
        renderer: Arc<Renderer>,
        status: StatusLog,
    ) -> Self {
        let Known { file, publisher, bells } = known;
        Self {
            hubs: config.websub.hubs.clone(),
            notify: config.notify.clone(),
            secret: secret.map(Arc::from),
            file,
            publisher,
            bells,
            client,
            renderer,
            status,
            snapshot: None,
            tasks: JoinSet::new(),
            failing: BTreeMap::new(),
            started: Instant::now(),
        }
    }

    /// Works until `stopped` is resolved.
    pub(super) fn run(mut self, mailbox: &Mailbox, stopped: oneshot::Receiver<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_MAX)
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let reason = format!("nothing is pushed: {error}");
                self.status.set_degraded(Part::Push, Some(&reason));
                return;
            }
        };
        runtime.block_on(self.follow(mailbox, stopped));
        // Ends what is under way.
        drop(self);
        runtime.shutdown_timeout(STOP_TIMEOUT);
    }

    async fn follow(&mut self, mailbox: &Mailbox, mut stopped: oneshot::Receiver<()>) {
        loop {
            let wake = self.wake();
            tokio::select! {
                // The sender is dropped at a stop.
                _ = &mut stopped => return,
                () = mailbox.bell.notified() => {
                    if let Some(news) = mailbox.take() {
                        self.take_news(news);
                    }
                }
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.finish(done),
                    // A task that panicked is never over for the machine: end the thread with it.
                    Err(error) => {
                        let reason = format!("nothing is pushed: {error}");
                        self.status.set_degraded(Part::Push, Some(&reason));
                        return;
                    }
                },
                () = sleep(wake.unwrap_or(Duration::MAX)), if wake.is_some() => {
                    self.publish(Event::Woke);
                }
            }
            self.ring();
        }
    }

    /// The time until something is due by itself.
    fn wake(&self) -> Option<Duration> {
        let mut wake = self.publisher.wake();
        for OwnBell { bell, .. } in &self.bells {
            wake = match (wake, bell.wake()) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Some(wake?.saturating_sub(self.started.elapsed()))
    }

    fn take_news(&mut self, news: News) {
        let News { snapshot, feeds, is_whole } = news;
        if !self.hubs.is_empty() {
            let site = &snapshot.config.site;
            let of = |(route, digest): (Route, Digest)| {
                (Topic::from(links::absolute(site, &route)), digest)
            };
            let feeds = feeds.into_iter().map(of).collect();
            self.snapshot = Some(snapshot);
            self.publish(Event::Projected { feeds, is_whole });
        } else {
            self.snapshot = Some(snapshot);
        }
    }

    /// Has the machine decide, and does what it wants.
    fn publish(&mut self, event: Event) {
        let is_answer = matches!(event, Event::Answered { .. });
        for effect in self.publisher.on(event, self.started.elapsed()) {
            match effect {
                Effect::Remember { hub, told } => {
                    if !is_answer {
                        let (hub, feeds) = (shown(&self.hubs[hub]), told.len());
                        info!(event = "hub-added", %hub, feeds, "{hub} gets pings for {feeds} feeds when they change");
                    }
                    let stored = self.file.remember(self.hubs[hub].as_str(), &told);
                    self.note_stored(stored);
                }
                Effect::Forget { hub, topics } => {
                    let stored = self.file.forget(self.hubs[hub].as_str(), &topics);
                    self.note_stored(stored);
                }
                Effect::Send(ping) => {
                    let (client, hub) = (self.client.clone(), self.hubs[ping.hub].clone());
                    self.tasks.spawn(async move {
                        let sent = send(&client, hub, &ping.topic).await;
                        Done::Ping(ping, sent)
                    });
                }
                Effect::GaveUp(ping) => {
                    let hub = shown(&self.hubs[ping.hub]);
                    let reason = format!("the hub {hub} accepts no pings");
                    self.note_failing(hub, Some(reason));
                }
            }
        }
    }

    fn finish(&mut self, done: Done) {
        match done {
            Done::Ping(ping, sent) => {
                let (hub, topic) = (shown(&self.hubs[ping.hub]), Arc::clone(&ping.topic));
                let (attempt, is_accepted) = (ping.attempt, sent.is_ok());
                let end = if is_accepted { PushEnd::Accepted } else { PushEnd::Failed };
                self.status.count_push(Receiver::Hub, end);
                self.publish(Event::Answered { ping, is_accepted });
                // Afterwards, so that what the log says is stored.
                match sent {
                    Ok(()) => {
                        self.note_failing(hub.clone(), None);
                        info!(event = "pinged", %hub, %topic, "pinged {hub}: {topic}");
                    }
                    Err(why) => {
                        warn!(event = "ping-failed", %hub, %topic, attempt, "{topic}, try {attempt}: {why}");
                    }
                }
            }
            Done::Rung(index, rung) => self.finish_ring(index, rung),
        }
    }

    /// Reports the next articles.
    fn ring(&mut self) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let library = &snapshot.library;
        let newest = library.newest().unwrap_or_default();
        for index in 0..self.bells.len() {
            loop {
                let now = self.started.elapsed();
                let OwnBell { receiver, bell } = &mut self.bells[index];
                let receiver = *receiver;
                // What its author keeps out of feeds is not announced either.
                let next = |after| library.next_in_feeds(after).map(|article| article.seq);
                match bell.poll(now, newest, next) {
                    Some(Action::Remember(done)) => {
                        let name = receiver.name();
                        info!(
                            event = "notifying",
                            receiver = name,
                            "the {name} is notified of articles from now on"
                        );
                        let stored = self.file.set_done(receiver.name(), done);
                        self.note_stored(stored);
                    }
                    Some(Action::Ring { seq, .. }) => {
                        self.start_ring(index, receiver, &snapshot, seq);
                        break;
                    }
                    None => break,
                }
            }
        }
    }

    fn start_ring(&mut self, index: usize, receiver: Receiver, snapshot: &Arc<Snapshot>, seq: u64) {
        let (renderer, snapshot) = (Arc::clone(&self.renderer), Arc::clone(snapshot));
        let (client, secret) = (self.client.clone(), self.secret.clone());
        let notify = self.notify.clone();
        self.tasks.spawn(async move {
            // It may have to read and render a file.
            let item = spawn_blocking(move || renderer.item(&snapshot, seq)).await;
            let Item { json, url } = match item {
                Ok(Ok(Some(item))) => item,
                Ok(Ok(None)) => return Done::Rung(index, Rung::Gone),
                Ok(Err(Unrendered::Changed)) => return Done::Rung(index, Rung::NotYet),
                Ok(Err(why)) => return Done::Rung(index, Rung::Failed(why.to_string())),
                Err(error) => return Done::Rung(index, Rung::Failed(error.to_string())),
            };
            let told = match (receiver, notify.webhook) {
                (Receiver::Webhook, Some(to)) => {
                    let headers = webhook::headers(&json, seq, secret.as_deref());
                    post(&client, to, headers, json).await
                }
                _ => run(&notify.on_publish, &url, json, notify.on_publish_timeout).await,
            };
            match told {
                Ok(()) => Done::Rung(index, Rung::Notified(url)),
                Err(why) => Done::Rung(index, Rung::Failed(why)),
            }
        });
    }

    fn finish_ring(&mut self, index: usize, rung: Rung) {
        let now = self.started.elapsed();
        let OwnBell { receiver, bell } = &mut self.bells[index];
        let receiver = *receiver;
        let name = receiver.name();
        if matches!(rung, Rung::NotYet) {
            bell.postpone(now);
            return;
        }
        let ring = if matches!(rung, Rung::Failed(_)) { Ring::Failed } else { Ring::Done };
        let finished = bell.finish(now, ring);
        if let Some(Finished::Done(done) | Finished::GivenUp(done)) = finished {
            let stored = self.file.set_done(name, done);
            self.note_stored(stored);
        }
        match rung {
            Rung::Notified(url) => {
                self.status.count_push(receiver, PushEnd::Accepted);
                self.note_failing(name.to_owned(), None);
                info!(event = "notified", receiver = name, url, "notified the {name} of {url}");
            }
            Rung::Failed(why) => {
                self.status.count_push(receiver, PushEnd::Failed);
                warn!(event = "notify-failed", receiver = name, "{name}: {why}");
                if let Some(Finished::GivenUp(_)) = finished {
                    let reason = format!("the {name} of [notify] fails: {why}");
                    self.note_failing(name.to_owned(), Some(reason));
                }
            }
            Rung::Gone | Rung::NotYet => {}
        }
    }

    /// Notes why something fails, or that it works.
    fn note_failing(&mut self, who: String, reason: Option<String>) {
        match reason {
            Some(reason) => self.failing.insert(who, reason),
            None => self.failing.remove(&who),
        };
        let reasons: Vec<&str> = self.failing.values().map(String::as_str).collect();
        let reason = reasons.join("; ");
        self.status.set_degraded(Part::Push, Some(reason.as_str()).filter(|text| !text.is_empty()));
    }

    /// Notes that something could not be stored: after a restart, it is pushed again.
    fn note_stored(&mut self, stored: Result<(), StoreError>) {
        let reason = stored.err().map(|error| format!("pushes cannot be remembered: {error}"));
        if reason.is_some() || self.failing.contains_key("push.db") {
            self.note_failing("push.db".to_owned(), reason);
        }
    }
}
