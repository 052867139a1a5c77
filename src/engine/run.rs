//! The engine's loop: a closed set of reasons to wake, one turn for each.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::config::{Articles, Config};
use crate::publish::{Part, PollReason, Watching};
use crate::source::{
    Batch, Health, Inbox, Look, OpenError, Policy, RootLost, Signs, Tree, Unfinished,
    needs_polling, watches_max,
};
use crate::store;

use super::project::Unprojected;
use super::renderer::Renderer;
use super::step::{PATIENCE_MAX, StepError};
use super::{Command, Engine, Rehearsal, Reloaded, frozen_id};

/// The wait before a failed step is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// The longest wait before a lost article directory is looked for again.
const ROOT_RETRY: Duration = Duration::from_secs(2);

/// The reason why deletions are held, and what to do.
const VANISHED: &str =
    "the files of most articles are gone; put them back, or run `dropfeed accept`";

/// The niceness of the projection (see setpriority(2), of one thread on Linux): a step and an answer
/// come first where there are few cores.
const PROJECTION_NICENESS: i32 = 10;

/// The number of times a reconcile scan gives way to other work, before it is made all the same. In
/// a large tree, it takes longer than a reader should wait for an article.
const GIVES_WAY_MAX: u32 = 8;

/// The longest time for which `dropfeed build` waits for files that are being written.
const BUILD_PATIENCE: Duration = Duration::from_secs(10);

/// The effect of an import, or one sentence that says why there is none.
type Imported = Result<Option<Rehearsal>, String>;

/// A reply that is sent at the end of the turn, after the change was published.
enum Done {
    Reloaded(oneshot::Sender<Reloaded>, Reloaded),
    Imported(oneshot::Sender<Imported>, Imported),
}

/// The state of the loop from turn to turn: when to scan, and when to try again.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether the directory is polled, because there are no events.
    pub(super) polling: bool,
    /// The time of the last full scan.
    scanned: Instant,
    /// The wait after the next failure.
    backoff: Duration,
    /// The end of the wait after a failed step: until then, what is due by time alone has to wait.
    retry_after: Option<Instant>,
    /// Whether the configured directory has still to be opened: it could not be at the reload.
    reopen: bool,
    /// Whether the scan of this turn gives way to what is heard meanwhile.
    pub(super) gives_way: bool,
    /// The number of times it did, since the last full scan.
    gave_way: u32,
    /// Files that a scan found and that may still be being written.
    pub(super) unfinished: Unfinished,
    /// The time of the very first scan: a tree that is being copied there is waited for.
    pub(super) first_at: Option<Instant>,
}

impl Watch {
    pub(super) fn new(polling: bool, now: Instant) -> Self {
        Self {
            polling,
            scanned: now,
            backoff: RETRY.0,
            retry_after: None,
            reopen: false,
            gives_way: false,
            gave_way: 0,
            unfinished: Unfinished::default(),
            first_at: None,
        }
    }
}

/// Opens the article directory and begins to watch it. Where inotify cannot report the changes of
/// all of it, the directory has to be polled.
///
/// # Errors
/// The directory is not there, or a pattern of `articles.ignore` is not valid.
pub fn open_tree(
    config: &Config,
    inbox: &Arc<Inbox<Command>>,
) -> Result<(Tree, Watching), OpenError> {
    let articles = &config.articles;
    let mut tree = Tree::open(&articles.dir, &articles.ignore, articles.max_bytes)?;
    tree.work_for(inbox);
    let reason = if articles.poll {
        Some(PollReason::Configured)
    } else if let Some(kind) = needs_polling(&articles.dir) {
        Some(PollReason::FileSystem(kind))
    } else if let Err(why) = tree.watch(&echo_of(config), inbox) {
        Some(PollReason::Failed(why.to_string()))
    } else {
        None
    };
    let watching = match reason {
        Some(reason) => Watching::Polling { reason, every: articles.poll_every },
        None => inotify(&tree),
    };
    Ok((tree, watching))
}

/// The file by which the watcher knows how far events were heard.
fn echo_of(config: &Config) -> PathBuf {
    store::echo_of(&config.state.dir)
}

/// The state of inotify over the tree: how many directories it watches, and the limit of the
/// system.
fn inotify(tree: &Tree) -> Watching {
    let directories_max = watches_max();
    Watching::Inotify { directories: tree.watched_directories(), directories_max }
}

/// The settling rule of a configuration.
pub fn settling(articles: &Articles) -> Policy {
    Policy { settle: articles.settle, settle_max: articles.settle_max }
}

impl Engine {
    /// Works until the inbox is closed.
    pub fn run(mut self) {
        let projection = self.start_projection();
        let mut batch = self.first_batch();
        while !batch.stop {
            self.turn(batch);
            batch = self.parts.inbox.wait(Some(self.deadline()));
        }
        self.parts.published.close();
        if let Some(projection) = projection {
            // A panic was logged when it happened.
            let _ = projection.join();
        }
    }

    /// Starts the thread that writes `feeds/`.
    pub(super) fn start_projection(&mut self) -> Option<JoinHandle<()>> {
        let projection = self.projection.take()?;
        let published = Arc::clone(&self.parts.published);
        let inbox = Arc::clone(&self.parts.inbox);
        let status = self.status.clone();
        let report = move |generation: u64, done: &Result<(), Unprojected>| match done {
            Ok(()) => status.set_projected(generation, None),
            Err(why) => status.set_projected(generation, Some(&why.to_string())),
        };
        let work = move || {
            // Without it, the files are only written sooner.
            let _ = rustix::process::nice(PROJECTION_NICENESS);
            projection.follow(&published, inbox.timer(), report);
        };
        match thread::Builder::new().name("projection".to_owned()).spawn(work) {
            Ok(thread) => Some(thread),
            Err(error) => {
                let reason = format!("no thread for feeds/: {error}");
                self.status.set_degraded(Part::Projection, Some(&reason));
                None
            }
        }
    }

    /// The first batch, which looks at everything. What the watcher reported since it began is part
    /// of it.
    pub(super) fn first_batch(&self) -> Batch<Command> {
        let mut batch = self.parts.inbox.wait(Some(self.parts.inbox.now()));
        batch.look = Some(Look::Everything);
        batch
    }

    /// One turn of the loop: obeys commands, looks, publishes, replies.
    pub(super) fn turn(&mut self, mut batch: Batch<Command>) {
        let (now, due) = (self.parts.inbox.now(), self.rescan_at());
        let is_scan_due = due <= now;
        // A command is answered with what is there now, so everything is looked at first. The first
        // scan may have been put off: what is heard meanwhile must not be published without the
        // rest.
        let looks_everywhere = self.first_scan || !batch.commands.is_empty();
        // A scan that is due begins where nothing else is to be looked at, and gives way to what is
        // heard meanwhile. Once it gave way often enough, or found no pause for as long as scans are
        // apart, it is made whatever there is to do.
        let is_late = due + self.rescan_every() <= now;
        let gives_way = self.watch.gave_way < GIVES_WAY_MAX && !is_late;
        let is_reconciling = is_scan_due && (batch.look.is_none() || !gives_way);
        self.watch.gives_way = gives_way && is_reconciling && !looks_everywhere;
        if looks_everywhere || is_reconciling {
            batch.look = Some(Look::Everything);
        }
        let (mut replies, mut forgets) = (Vec::new(), Vec::new());
        for command in std::mem::take(&mut batch.commands) {
            match command {
                Command::Reload { config, reply } => {
                    replies.push(Done::Reloaded(reply, self.reload(*config)));
                }
                Command::Import { import, reply } => {
                    let imported = self.obey_import(*import).map_err(|error| error.to_string());
                    replies.push(Done::Imported(reply, imported));
                }
                // Answered by the step that takes the articles away.
                Command::Accept { reply } => self.accept(reply),
                Command::Forget { what, reply } => forgets.push((what, reply)),
            }
        }
        self.publish_batch(batch);
        // A receiver is gone if dropfeed stops meanwhile.
        for reply in replies {
            match reply {
                Done::Reloaded(reply, reloaded) => drop(reply.send(reloaded)),
                Done::Imported(reply, imported) => drop(reply.send(imported)),
            }
        }
        // After the step, so that what the operator names is what is published.
        for (what, reply) in forgets {
            let _ = reply.send(self.forget(&what));
        }
    }

    /// Publishes once, and projects everything: `dropfeed build`. Returns the number of articles.
    ///
    /// # Errors
    /// The reason why it could not publish, or could not write a feed.
    pub fn build(mut self) -> anyhow::Result<usize> {
        let patience = self.parts.inbox.now() + BUILD_PATIENCE;
        let mut stepped = self.step(&Look::Everything, &Signs::default())?;
        while !stepped.held_back.is_empty() && self.parts.inbox.now() < patience {
            // Ends: whatever is held back is looked at again.
            self.parts.inbox.wait(Some(patience));
            stepped = self.step(&Look::Everything, &Signs::default())?;
        }
        self.report_hold();
        for path in &stepped.held_back {
            warn!(event = "warning", %path, "{path}: left out, because it is still being written");
        }
        if let (Some(mut projection), Some(snapshot)) =
            (self.projection.take(), self.parts.published.load())
        {
            projection.bring_up_to_date(&snapshot, &|| false)?;
        }
        Ok(self.current.state.library().len())
    }

    fn publish_batch(&mut self, batch: Batch<Command>) {
        if !self.root_is_there(&batch) {
            return;
        }
        // A look at no path at all does what is due by time alone.
        let look = batch.look.clone().unwrap_or(Look::At(Vec::new()));
        match self.step(&look, &batch.signs) {
            Ok(stepped) => {
                // While the first scan waits for the tree, the earlier trouble is not over.
                if !self.recovery.is_held {
                    self.status.set_degraded(Part::Engine, None);
                    self.report_hold();
                }
                self.watch.backoff = RETRY.0;
                self.watch.retry_after = None;
                if look == Look::Everything {
                    // A first scan that waits for files to be finished has scanned nothing yet.
                    if !self.first_scan {
                        self.status.set_scanned(&stepped.unreadable);
                    }
                    self.watch.scanned = self.parts.inbox.now();
                    self.watch.gave_way = 0;
                    self.listen_or_poll();
                }
            }
            // The next batch ends the loop, or has what this scan gave way to: the scan is still
            // due.
            Err(StepError::Root(RootLost::Interrupted)) => {
                self.watch.gave_way += 1;
                // What comes together is still gathered.
                self.watch.retry_after = self.parts.inbox.now().checked_add(PATIENCE_MAX);
            }
            Err(failed) => {
                self.not_accepted(&failed.to_string());
                self.report_failure(&failed);
                self.parts.inbox.give_back(batch, self.watch.backoff);
                self.back_off(RETRY.1);
            }
        }
    }

    /// Puts into the status which deletions are held, if any are.
    fn report_hold(&self) {
        let held = self.current.state.held();
        self.status.set_held(held.map(|shrink| (shrink, VANISHED)));
    }

    /// Puts into the status why a step failed.
    fn report_failure(&self, failed: &StepError) {
        match failed {
            StepError::Held(shrink, reason) => {
                self.status.set_held(Some((*shrink, reason)));
                self.status.set_degraded(Part::Engine, None);
            }
            failed => self.status.set_degraded(Part::Engine, Some(&failed.to_string())),
        }
    }

    /// Whether the root is there. One that is gone freezes what is published; one that was swapped
    /// is opened.
    fn root_is_there(&mut self, batch: &Batch<Command>) -> bool {
        // The check costs a few system calls, so it is not made at every small change.
        let is_checked = batch.root_changed || batch.look == Some(Look::Everything);
        let health = match self.parts.renderer.tree() {
            None => Health::Swapped,
            Some(_) if self.watch.reopen => Health::Swapped,
            Some(tree) if is_checked => tree.health(),
            Some(_) => Health::Same,
        };
        let gone = match health {
            Health::Same => return true,
            Health::Gone(why) => format!("the article directory cannot be reached: {why}"),
            Health::Swapped => match self.reopen() {
                Ok(()) => return true,
                Err(error) => error.to_string(),
            },
        };
        self.not_accepted(&gone);
        self.status.set_degraded(Part::Engine, Some(&gone));
        self.parts.inbox.rescan_later(self.watch.backoff);
        self.back_off(ROOT_RETRY);
        false
    }

    /// Waits longer after the next failure, up to `most`.
    fn back_off(&mut self, most: Duration) {
        self.watch.retry_after = self.parts.inbox.now().checked_add(self.watch.backoff);
        self.watch.backoff = (self.watch.backoff * 2).min(most);
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        let (mut tree, watching) = open_tree(&self.parts.config, &self.parts.inbox)?;
        if let Some(before) = self.parts.renderer.tree() {
            tree.succeed(&before);
        }
        info!(event = "opened", path = %self.parts.config.articles.dir.display(), "the article directory is another now");
        self.parts.renderer.set_tree(Arc::new(tree));
        self.watch.polling = watching.is_polling();
        self.status.set_watching(watching);
        self.watch.reopen = false;
        // Hints that are under way belong to the old tree, so all of the new one is looked at.
        self.parts.inbox.rescan_later(Duration::ZERO);
        Ok(())
    }

    /// Falls back to polling where a directory could not be watched, and returns to inotify when
    /// that is over.
    fn listen_or_poll(&mut self) {
        let Some(tree) = self.parts.renderer.tree() else { return };
        let articles = &self.parts.config.articles;
        let every = articles.poll_every;
        match tree.watch_trouble() {
            Some(why) if !self.watch.polling => {
                let reason = PollReason::Failed(why.to_string());
                self.status.set_watching(Watching::Polling { reason, every });
                self.watch.polling = true;
            }
            None if !self.watch.polling => self.status.set_watching(inotify(&tree)),
            None if !articles.poll && needs_polling(&articles.dir).is_none() => {
                self.try_to_listen();
            }
            Some(_) if !articles.poll => self.try_to_listen(),
            _ => {}
        }
    }

    fn try_to_listen(&mut self) {
        let articles = &self.parts.config.articles;
        let Ok(mut tree) = Tree::open(&articles.dir, &articles.ignore, articles.max_bytes) else {
            return;
        };
        tree.work_for(&self.parts.inbox);
        let echo = echo_of(&self.parts.config);
        if tree.watch(&echo, &self.parts.inbox).is_err() {
            return;
        }
        if let Some(before) = self.parts.renderer.tree() {
            tree.succeed(&before);
        }
        // Directories are watched when a look enters them, so a whole look shows whether all can
        // be.
        let known = super::read::Known(&self.current.state);
        if tree.look(&Look::Everything, &known).is_ok() && tree.watch_trouble().is_none() {
            self.status.set_watching(inotify(&tree));
            self.parts.renderer.set_tree(Arc::new(tree));
            self.watch.polling = false;
            self.parts.inbox.rescan_later(Duration::ZERO);
        }
    }

    fn rescan_at(&self) -> Instant {
        self.watch.scanned + self.rescan_every()
    }

    /// The time between two scans.
    fn rescan_every(&self) -> Duration {
        let articles = &self.parts.config.articles;
        if self.watch.polling { articles.poll_every } else { articles.reconcile }
    }

    pub(super) fn deadline(&self) -> Instant {
        let now = self.parts.inbox.now();
        let scan = self.rescan_at().saturating_duration_since(now);
        let wake = self.next_wake(self.parts.clock.now(), scan);
        match self.watch.retry_after {
            // What is due stays due while steps fail: without this, the loop would spin.
            Some(retry) => wake.max(retry),
            None => wake,
        }
    }

    fn reload(&mut self, config: Config) -> Reloaded {
        let before = Arc::clone(&self.parts.config);
        let frozen_id = frozen_id(&config, &self.policy.site_id);
        self.reconfigure(config);
        self.parts.inbox.set_policy(settling(&self.parts.config.articles));
        let (old, new) = (&before.articles, &self.parts.config.articles);
        let reopen = (&old.dir, &old.ignore, old.max_bytes, old.poll)
            != (&new.dir, &new.ignore, new.max_bytes, new.poll);
        let applied = before.changes(&self.parts.config).applied;
        // A larger limit lets in what was refused, though its file has not changed.
        self.current.state.forget_refusals();
        let mut without_directory = None;
        if reopen && let Err(why) = self.reopen() {
            // The next turn tries again.
            self.watch.reopen = true;
            without_directory = Some(why.to_string());
        }
        info!(event = "reloaded", "the configuration was reloaded");
        Reloaded { applied, frozen_id, without_directory }
    }

    /// The reader of articles.
    pub fn renderer(&self) -> &Arc<Renderer> {
        &self.parts.renderer
    }
}
