//! The answers of the daemon to the requests of the control socket: one arm per command.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::Daemon;
use super::admin::Readers;
use crate::config::{Errors, Finding};
use crate::engine::{self, Command, Import, Reloaded, SharedStore};
use crate::http::readers::Counter;
use crate::ops::EX_CONFIG;
use crate::ops::clock::Clock;
use crate::ops::control::server::Answer;
use crate::ops::control::{Reply, Request};
use crate::publish::Published;
use crate::publish::report::{self, Process};
use crate::readers::report::Question;
use crate::source::Inbox;
use crate::store::{Store as _, backup, export};

/// The exit status of an import that was refused.
const EX_IMPORT: u8 = 1;

/// A request for a reload: the sender of its reply.
pub(super) type ReloadRequest = oneshot::Sender<Reply>;

/// Answers requests of the control socket: handles to the parts of the daemon that they ask about
/// or change. Cheap to copy; every connection has its own.
#[derive(Clone)]
pub(super) struct Responder {
    published: Arc<Published>,
    store: SharedStore,
    clock: Arc<dyn Clock>,
    process: Process,
    /// The readers, where they are counted.
    readers: Option<Arc<Counter>>,
    reloads: mpsc::Sender<ReloadRequest>,
    inbox: Arc<Inbox<Command>>,
}

impl Responder {
    /// Makes the responder of `daemon`. Requests for a reload go to `reloads`.
    pub(super) fn new(daemon: &Daemon, reloads: mpsc::Sender<ReloadRequest>) -> Self {
        Self {
            published: Arc::clone(&daemon.published),
            store: daemon.store.clone(),
            clock: Arc::clone(&daemon.clock),
            process: daemon.process.clone(),
            readers: daemon.readers.as_ref().map(Readers::counter),
            reloads,
            inbox: Arc::clone(&daemon.inbox),
        }
    }

    /// Answers one request.
    pub(super) async fn answer(self, request: Request) -> Answer {
        match request {
            Request::Status => self.status().into(),
            Request::Readers { days, feed } => self.readers(&Question { days, feed }).into(),
            Request::Reload => self.reload().await.into(),
            Request::Import { import } => self.import(import).await.into(),
            Request::Accept => self.command(|reply| Command::Accept { reply }).await.into(),
            Request::Forget { what } => {
                self.command(|reply| Command::Forget { what, reply }).await.into()
            }
            Request::StateBackup => self.blocking(Responder::backup).await,
            Request::StateCheck => self.blocking(|responder| responder.check().into()).await,
            Request::StateExport => self.blocking(Responder::export).await,
        }
    }

    fn status(&self) -> Reply {
        let status = self.published.status();
        let snapshot = self.published.load();
        let about = self.process.about(snapshot.as_deref(), self.clock.now());
        let reply = Reply::done(report::text(&status, &about)).with(report::json(&status, &about));
        Reply { exit: u8::from(report::needs_attention(&status)), ..reply }
    }

    fn readers(&self, question: &Question) -> Reply {
        match &self.readers {
            Some(counter) => Reply::done(counter.text(question)).with(counter.json(question)),
            None => Reply::failed(
                1,
                "readers are not counted; set readers.enabled to true, and restart dropfeed",
            ),
        }
    }

    async fn reload(&self) -> Reply {
        let (reply, replied) = oneshot::channel();
        // Either end of the channel is gone only if dropfeed stops.
        if self.reloads.send(reply).await.is_ok()
            && let Ok(reply) = replied.await
        {
            return reply;
        }
        Reply::failed(1, "dropfeed is stopping")
    }

    async fn import(&self, import: Value) -> Reply {
        let import = match serde_json::from_value::<Import>(import) {
            Ok(import) => Box::new(import),
            Err(error) => return Reply::failed(EX_IMPORT, format!("not an import: {error}")),
        };
        let (reply, replied) = oneshot::channel();
        if self.inbox.command(Command::Import { import, reply }).is_err() {
            return Reply::failed(EX_IMPORT, "too many commands are waiting; nothing was imported");
        }
        match replied.await {
            Ok(Ok(rehearsal)) => match serde_json::to_value(rehearsal) {
                Ok(data) => Reply::done("imported").with(data),
                Err(error) => Reply::failed(EX_IMPORT, error.to_string()),
            },
            Ok(Err(sentence)) => Reply::failed(EX_IMPORT, sentence),
            Err(_) => Reply::failed(EX_IMPORT, "dropfeed is stopping; nothing was imported"),
        }
    }

    /// Gives the engine a command, and waits until it is done.
    async fn command(&self, command: impl FnOnce(engine::Answer) -> Command) -> Reply {
        let (reply, replied) = oneshot::channel();
        if self.inbox.command(command(reply)).is_err() {
            return Reply::failed(1, "dropfeed is busy or stopping; nothing was done");
        }
        match replied.await {
            Ok(Ok(done)) => Reply::done(done),
            Ok(Err(why)) => Reply::failed(1, why),
            Err(_) => Reply::failed(1, "dropfeed is stopping"),
        }
    }

    /// Answers on a thread of its own, because the answer waits for the disk.
    async fn blocking(self, answer: fn(&mut Responder) -> Answer) -> Answer {
        let mut responder = self;
        let answered = tokio::task::spawn_blocking(move || answer(&mut responder)).await;
        // A panic was logged when it happened.
        answered.unwrap_or_else(|_| Reply::failed(1, "dropfeed failed; see its log").into())
    }

    fn backup(&mut self) -> Answer {
        match backup::Copy::make(&mut self.store, &self.process.config.state.dir) {
            Ok(copy) => {
                let data = json!({ "file": copy.name() });
                let reply = Reply::done("copied").with(data);
                Answer { kept: Some(Box::new(copy)), ..reply.into() }
            }
            Err(error) => Reply::failed(1, error.to_string()).into(),
        }
    }

    fn check(&mut self) -> Reply {
        match self.store.check() {
            Ok(checked) => Reply::done(checked.to_string()),
            Err(error) => Reply::failed(1, error.to_string()),
        }
    }

    fn export(&mut self) -> Answer {
        match self.store.records() {
            Ok(records) => Answer { body: export::write(&records), ..Reply::done("").into() },
            Err(error) => Reply::failed(1, error.to_string()).into(),
        }
    }
}

/// The reply to a reload under a configuration that is not valid.
pub(super) fn not_reloaded(errors: &Errors) -> Reply {
    let text =
        format!("{errors}\nthe configuration was not reloaded; the previous one stays in use");
    let mut lines = Vec::new();
    for error in &errors.0 {
        lines.push(error.to_string());
    }
    Reply::failed(EX_CONFIG, text).with(json!({ "errors": lines }))
}

/// The reply to a reload that took effect.
pub(super) fn reloaded(
    reloaded: &Reloaded,
    restart: &[&'static str],
    warnings: &[Finding],
    bad_certificate: Option<&str>,
) -> Reply {
    let Reloaded { applied, frozen_id, without_directory } = reloaded;
    let mut lines = Vec::new();
    let mut warned = Vec::new();
    if applied.is_empty() {
        lines.push("the configuration was reloaded; nothing changed".to_owned());
    } else {
        lines.push(format!("the configuration was reloaded: {}", applied.join(", ")));
    }
    if !restart.is_empty() {
        lines.push(format!("after a restart only: {}", restart.join(", ")));
    }
    for warning in warnings {
        lines.push(format!("warning: {warning}"));
        warned.push(warning.to_string());
    }
    if let Some(sentence) = frozen_id {
        lines.push(format!("warning: {sentence}"));
    }
    if let Some(reason) = without_directory {
        lines.push(format!("error: {reason}; the last feeds stay, and it is tried again"));
    }
    if let Some(reason) = bad_certificate {
        lines.push(format!("error: {reason}; the previous certificate stays in use"));
    }
    let data = json!({
        "applied": applied,
        "restart": restart,
        "warnings": warned,
        "without_directory": without_directory,
    });
    let exit = match (bad_certificate, without_directory) {
        (Some(_), _) => EX_CONFIG,
        (None, Some(_)) => 1,
        (None, None) => 0,
    };
    Reply { ok: exit == 0, exit, text: lines.join("\n"), data: Some(data) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: &Reloaded, restart: &[&'static str], exit: u8, text: &str) {
        let warnings = Errors::one("config.toml", "is strange").0;
        let reply = reloaded(done, restart, &warnings, None);
        assert_eq!((reply.exit, reply.ok, &*reply.text), (exit, exit == 0, text));
    }

    #[test]
    fn a_reload_names_what_took_effect_and_what_did_not() {
        let nothing = Reloaded::default();
        check(
            &nothing,
            &[],
            0,
            "the configuration was reloaded; nothing changed\nwarning: config.toml: is strange",
        );
        let applied = vec!["site.title", "feeds.limit"];
        let frozen_id = Some("site.id stays \"a\"".to_owned());
        let done = Reloaded { applied, frozen_id, ..nothing.clone() };
        check(
            &done,
            &["server.listen"],
            0,
            "the configuration was reloaded: site.title, feeds.limit\nafter a restart only: \
             server.listen\nwarning: config.toml: is strange\nwarning: site.id stays \"a\"",
        );
        let without = Reloaded { without_directory: Some("/x: no such".to_owned()), ..nothing };
        check(
            &without,
            &[],
            1,
            "the configuration was reloaded; nothing changed\nwarning: config.toml: is strange\n\
             error: /x: no such; the last feeds stay, and it is tried again",
        );
    }

    #[test]
    fn a_certificate_that_cannot_be_used_fails_the_reload() {
        let reply = reloaded(&Reloaded::default(), &["tls.key"], &[], Some("tls.key is no key"));
        let text = "the configuration was reloaded; nothing changed\nafter a restart only: tls.key\n\
                    error: tls.key is no key; the previous certificate stays in use";
        assert_eq!((reply.exit, reply.ok, &*reply.text), (EX_CONFIG, false, text));
    }

    #[test]
    fn a_bad_configuration_is_reported_line_by_line() {
        let mut errors = Errors::one("a.toml", "one");
        errors.0.extend(Errors::one("a.toml", "two").0);
        let reply = not_reloaded(&errors);
        assert_eq!(reply.exit, EX_CONFIG);
        assert!(reply.text.starts_with("a.toml: one\na.toml: two\n"), "{}", reply.text);
    }
}
