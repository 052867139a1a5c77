//! Notifies others of what was published: pings to hubs, the webhook and the command of `[notify]`.
//!
//! One thread with a runtime of its own follows the projection; it is started only where something
//! is pushed. What is due and when is decided in `push`; this sends, stores and logs. Nothing of it
//! delays a publish: the projection leaves its news in a mailbox, which merges what was not taken.

mod mailbox;
mod send;
mod worker;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use tracing::error;
use url::Url;

use super::open::Refusal;
use crate::config::{Config, Notify, Secret};
use crate::engine::Engine;
use crate::engine::renderer::Renderer;
use crate::ops::outgoing::{Client, Policy};
use crate::ops::secret;
use crate::publish::Receiver;
use crate::push::bell::{Bell, Tries};
use crate::push::publisher::Publisher;
use crate::store::StoreError;
use crate::store::side::publisher::{PublisherFile, set_aside_publisher};

use mailbox::Mailbox;
use worker::Worker;

/// The pushing thread. Dropping this ends it: what was not pushed is pushed after the next start.
pub(super) struct Push {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Push {
    /// Begins to push, if the configuration asks for it. Where what was pushed cannot be known,
    /// nothing is pushed, and the site is served all the same.
    pub(super) fn start(
        config: &Config,
        engine: &mut Engine,
        renderer: &Arc<Renderer>,
    ) -> Result<Option<Self>, Refusal> {
        if config.websub.hubs.is_empty() && !config.notify.is_on() {
            return Ok(None);
        }
        let client = Client::new(Policy::of_operator(config.websub.roots));
        let client = client.map_err(|error| Refusal::Config(format!("websub.roots: {error}")))?;
        let secret = secret_of(&config.notify)?;
        let dir = &config.state.dir;
        let is_new = engine.is_first_scan();
        let known = match Known::load(config, is_new) {
            Err(damage @ StoreError::Corrupt { .. }) => {
                set_aside_publisher(dir).and_then(|aside| {
                    let aside = aside.display();
                    error!(event = "degraded", "degraded: {damage}; it was moved to {aside}");
                    Known::load(config, is_new)
                })
            }
            known => known,
        };
        let known = match known {
            Ok(known) => known,
            Err(error) => {
                error!(event = "degraded", "degraded: nothing is pushed: {error}");
                return Ok(None);
            }
        };
        let mailbox = Arc::new(Mailbox::default());
        let letters = Arc::clone(&mailbox);
        engine.on_projected(Box::new(move |projected| letters.put(projected)));
        let status = engine.status_log();
        status.set_pushing();
        let worker = Worker::new(config, known, client, secret, Arc::clone(renderer), status);
        let (stop, stopped) = oneshot::channel();
        let work = move || worker.run(&mailbox, stopped);
        let thread = thread::Builder::new().name("push".to_owned()).spawn(work);
        let thread = thread.map_err(|error| {
            Refusal::Config(format!("the push thread cannot be started: {error}"))
        })?;
        Ok(Some(Self { stop: Some(stop), thread: Some(thread) }))
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }
}

/// The secret of the webhook.
fn secret_of(notify: &Notify) -> Result<Option<Vec<u8>>, Refusal> {
    let path = match &notify.webhook_secret {
        // Nothing else is signed.
        _ if notify.webhook.is_none() => return Ok(None),
        None => return Ok(None),
        Some(Secret::Text(text)) => return Ok(Some(text.clone().into_bytes())),
        Some(Secret::File(path)) => path,
    };
    match secret::read(path) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) => {
            let path = path.display();
            Err(Refusal::Config(format!("notify.webhook_secret_file {path}: {error}")))
        }
    }
}

/// The memory of earlier pushes.
struct Known {
    file: PublisherFile,
    publisher: Publisher,
    bells: Vec<OwnBell>,
}

/// A bell, and what it rings.
struct OwnBell {
    receiver: Receiver,
    bell: Bell,
}

impl Known {
    /// `is_new`: the state is new or was lost, so that publication numbers begin again.
    fn load(config: &Config, is_new: bool) -> Result<Self, StoreError> {
        let mut file = PublisherFile::open(&config.state.dir)?;
        let hubs: Vec<String> = config.websub.hubs.iter().map(Url::to_string).collect();
        file.keep_hubs(&hubs)?;
        if is_new {
            file.forget_bells()?;
        }
        let mut told = Vec::new();
        for hub in &hubs {
            told.push(file.told(hub)?);
        }
        let publisher = Publisher::new(config.websub.push_delay, told);
        let mut bells = Vec::new();
        if config.notify.webhook.is_some() {
            let receiver = Receiver::Webhook;
            let bell = Bell::new(Tries::Several, file.done(receiver.name())?);
            bells.push(OwnBell { receiver, bell });
        }
        if !config.notify.on_publish.is_empty() {
            let receiver = Receiver::Command;
            let bell = Bell::new(Tries::One, file.done(receiver.name())?);
            bells.push(OwnBell { receiver, bell });
        }
        Ok(Self { file, publisher, bells })
    }
}
