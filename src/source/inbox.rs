//! The engine's inbox: collects hints and commands, and returns them together when they have
//! settled.
//!
//! Level-triggered: it holds work to do, not events, so that it cannot overflow. A sender never
//! waits for more than the lock; the engine sleeps until something is ripe. Where a step takes long,
//! paths that are ripe wait a moment for others that come with them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::RelPath;
use crate::ops::clock::{SystemTimer, Timer};
use crate::ops::pulse::Pulse;

use super::Look;
use super::settle::{Decision, Hints, Pending, Policy, Sign, decide, earlier};

/// Commands that may wait at once.
const COMMANDS_MAX: usize = 64;

/// Files that come together come within this time of each other: the program that writes them may have to wait
/// for a slice of a core.
const TOGETHER: Duration = Duration::from_millis(4);

/// Hints and commands of type `C` that wait for the engine.
#[derive(Debug)]
pub struct Inbox<C> {
    state: Mutex<State<C>>,
    wake: Condvar,
    timer: Arc<dyn Timer>,
    /// Set by [`Inbox::close`], so that a long look can stop between two files.
    stopping: Arc<AtomicBool>,
    /// Beats each time that the engine is at its inbox, and in long looks.
    pulse: Arc<Pulse>,
}

/// Work for the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<C> {
    /// The paths to look at, if any.
    pub look: Option<Look>,
    /// The state of single paths, by their events.
    pub signs: Signs,
    /// The article directory itself may have been replaced: its health has to be checked.
    pub root_changed: bool,
    /// The inbox is closed: stop. No other batch follows.
    pub stop: bool,
    /// The commands, in order.
    pub commands: Vec<C>,
}

/// The state of single paths, by their events. A look may find other paths too, which may still be
/// written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// Paths that have not settled. If a look at a directory or at everything finds one of them, it
    /// is unfinished: not to be used, since another hint will follow.
    pub unsettled: BTreeSet<RelPath>,
    /// Paths that are finished: moved in, or closed and quiet since.
    pub finished: BTreeSet<RelPath>,
    /// Those of these that were closed and then quiet for all of `articles.settle_ms`. One that was
    /// modified within that time is being written again, although its events were not heard yet.
    pub settled: BTreeSet<RelPath>,
}

#[derive(Debug)]
struct State<C> {
    pending: Pending,
    policy: Policy,
    root: bool,
    /// Set when the wall clock was set: work that is due by its time is due at another instant.
    clock: bool,
    stop: bool,
    commands: VecDeque<C>,
    asleep: Asleep,
    /// The time for which ripe paths wait for others.
    patience: Duration,
    /// Since when they have waited.
    gathering: Option<Instant>,
    /// The time at which the watcher last added hints.
    heard: Option<Instant>,
}

/// The engine's sleep, and its end: it is woken only for work that is due earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asleep {
    No,
    Until(Option<Instant>),
}

impl<C> Inbox<C> {
    /// An empty inbox.
    pub fn new(policy: Policy) -> Self {
        Self::with_timer(policy, Arc::new(SystemTimer))
    }

    /// An empty inbox whose time is that of `timer`.
    pub fn with_timer(policy: Policy, timer: Arc<dyn Timer>) -> Self {
        let state = State {
            pending: Pending::default(),
            policy,
            root: false,
            clock: false,
            stop: false,
            commands: VecDeque::new(),
            asleep: Asleep::No,
            patience: Duration::ZERO,
            gathering: None,
            heard: None,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            timer,
            stopping: Arc::default(),
            pulse: Arc::default(),
        }
    }

    /// The present instant, by the timer that the inbox and the engine share.
    pub fn now(&self) -> Instant {
        self.timer.now()
    }

    /// Replaces the policy, for pending hints too.
    pub fn set_policy(&self, policy: Policy) {
        let mut state = self.lock();
        state.policy = policy;
        self.wake(&state, Some(self.now()));
    }

    /// Sets how long paths that are ripe wait for others: as long as those come one soon after the
    /// other, and not longer than this.
    pub fn set_patience(&self, patience: Duration) {
        self.lock().patience = patience;
    }

    /// Adds hints of the watcher.
    pub fn push(&self, hints: Hints) {
        let now = self.now();
        let mut state = self.lock();
        state.heard = Some(now);
        let at_once = hints.rescan || hints.lost || hints.root;
        let mut due = at_once.then_some(now);
        if hints.lost {
            state.pending.note_loss(now);
        }
        if hints.rescan {
            state.pending.note_everything(now);
        }
        state.root |= hints.root;
        let policy = state.policy;
        for (path, sign) in &hints.signs {
            due = earlier(due, state.pending.note(path, *sign, now, &policy));
        }
        self.wake(&state, due);
    }

    /// Schedules another look at these paths, even if they are looked at before.
    pub fn later(&self, paths: impl IntoIterator<Item = RelPath>, after: Duration) {
        let Some(due) = self.now().checked_add(after) else { return };
        let mut state = self.lock();
        for path in paths {
            state.pending.note_later(path, due);
        }
        self.wake(&state, Some(due));
    }

    /// Schedules a look at everything.
    pub fn rescan_later(&self, after: Duration) {
        let Some(due) = self.now().checked_add(after) else { return };
        let mut state = self.lock();
        state.pending.note_everything(due);
        self.wake(&state, Some(due));
    }

    /// Notes that the wall clock was set. The engine is woken at once, since articles may be due.
    pub fn clock_was_set(&self) {
        let mut state = self.lock();
        state.clock = true;
        self.wake(&state, Some(self.now()));
    }

    /// Adds a command.
    ///
    /// # Errors
    ///
    /// The command itself, if too many are waiting or the inbox is closed.
    pub fn command(&self, command: C) -> Result<(), C> {
        let mut state = self.lock();
        if state.stop || state.commands.len() >= COMMANDS_MAX {
            return Err(command);
        }
        state.commands.push_back(command);
        self.wake(&state, Some(self.now()));
        Ok(())
    }

    /// Makes the engine stop: every later [`Inbox::wait`] returns at once, with `stop`.
    pub fn close(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        state.stop = true;
        self.wake(&state, Some(self.now()));
    }

    /// A flag that is set once the inbox is closed.
    pub fn stopping(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopping)
    }

    /// The signs of life of the thread that takes the batches.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// Asks the thread in [`Inbox::wait`] for a beat, which does not end its wait.
    pub fn ask(&self) {
        // Under the lock, so that a waiter sees the question or is not asleep yet.
        let _state = self.lock();
        self.wake.notify_all();
    }

    /// Returns whether `path` is being written, as far as events show.
    pub fn is_writing(&self, path: &RelPath) -> bool {
        self.lock().pending.is_writing(path)
    }

    /// Returns whether `path` was opened for writing since it was last taken, as far as events show.
    pub fn is_rewritten(&self, path: &RelPath) -> bool {
        self.lock().pending.is_rewritten(path)
    }

    /// Returns whether there is work to do at once.
    pub fn has_work(&self) -> bool {
        let state = self.lock();
        state.has_work(&decide(&state.pending, self.now(), &state.policy))
    }

    /// The timer that the inbox and the engine share.
    pub fn timer(&self) -> &dyn Timer {
        &*self.timer
    }

    /// Returns the instant of the next work if nothing else happens.
    pub fn due(&self) -> Option<Instant> {
        let state = self.lock();
        let now = self.now();
        let decision = decide(&state.pending, now, &state.policy);
        if state.has_work(&decision) { Some(now) } else { decision.wake }
    }

    /// Waits until there is work, at most until `deadline`; for ever if it is `None`.
    pub fn wait(&self, deadline: Option<Instant>) -> Batch<C> {
        let mut state = self.lock();
        loop {
            self.pulse.beat();
            let now = self.now();
            let decision = decide(&state.pending, now, &state.policy);
            let is_over = deadline.is_some_and(|deadline| deadline <= now);
            if state.has_work(&decision) || is_over {
                let Some(until) = state.gathers(&decision, now).filter(|_| !is_over) else {
                    return state.take(&decision, now);
                };
                // The thread is not woken: a burst of events would, once for each.
                let timeout = until.saturating_duration_since(now);
                let woken = self.wake.wait_timeout(state, timeout);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let until = earlier(decision.wake, deadline);
            // Set under the lock, so that a sender either sees it or has added its work before.
            state.asleep = Asleep::Until(until);
            state = match until {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let timeout = until.saturating_duration_since(now);
                    self.wake.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.asleep = Asleep::No;
        }
    }

    /// Takes back the hints of a failed step, to return them again after a while. Commands are not
    /// repeated: their senders have an answer.
    pub fn give_back(&self, batch: Batch<C>, after: Duration) {
        match batch.look {
            Some(Look::Everything) => self.rescan_later(after),
            Some(Look::At(paths)) => self.later(paths, after),
            None => {}
        }
        if batch.root_changed {
            // Every step checks the health of the root. The flag itself would make the next step
            // come at once, and fail again.
            self.rescan_later(after);
        }
    }

    /// A panic elsewhere leaves nothing half-done here: every change under the lock is whole.
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the engine if it would sleep beyond `due`. Otherwise a burst of events would wake it
    /// once for each, to find out that nothing is ripe.
    fn wake(&self, state: &State<C>, due: Option<Instant>) {
        let needed = match (state.asleep, due) {
            (Asleep::No, _) | (_, None) => false,
            (Asleep::Until(None), Some(_)) => true,
            (Asleep::Until(Some(until)), Some(due)) => due < until,
        };
        if needed {
            self.wake.notify_all();
        }
    }
}

impl<C> State<C> {
    fn has_work(&self, decision: &Decision) -> bool {
        self.is_urgent(decision) || !decision.ready.is_empty()
    }

    /// Whether there is more to do than to look at paths that are ripe.
    fn is_urgent(&self, decision: &Decision) -> bool {
        self.stop || self.root || self.clock || !self.commands.is_empty() || decision.everything
    }

    /// Until when what is ripe waits for others; `None` if it does not, or no longer.
    fn gathers(&mut self, decision: &Decision, now: Instant) -> Option<Instant> {
        if self.is_urgent(decision) || self.patience.is_zero() {
            return None;
        }
        let soon = now.checked_add(TOGETHER)?;
        let quiet = self.heard.and_then(|heard| heard.checked_add(TOGETHER));
        // Until the next path is ripe, if that is soon; else until nothing was heard for a while.
        let next = match decision.wake {
            Some(ripe) if ripe <= soon => ripe,
            _ => quiet?,
        };
        let since = *self.gathering.get_or_insert(now);
        let until = next.min(since.checked_add(self.patience)?);
        if until > now { Some(until) } else { None }
    }

    fn take(&mut self, decision: &Decision, now: Instant) -> Batch<C> {
        self.gathering = None;
        self.clock = false;
        self.pending.take(decision);
        self.pending.take_later(now);
        let look = match (decision.everything, decision.ready.is_empty()) {
            (true, _) => Some(Look::Everything),
            (false, false) => Some(Look::At(decision.ready.clone())),
            (false, true) => None,
        };
        Batch {
            look,
            signs: Signs {
                unsettled: self.pending.unsettled(),
                finished: decision.finished.clone(),
                settled: decision.settled.clone(),
            },
            root_changed: std::mem::take(&mut self.root),
            stop: self.stop,
            commands: self.commands.drain(..).collect(),
        }
    }
}

/// Hints with one sign of one path.
impl From<(RelPath, Sign)> for Hints {
    fn from(sign: (RelPath, Sign)) -> Self {
        Self { signs: vec![sign], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const SETTLE: Duration = Duration::from_millis(40);

    fn inbox() -> Arc<Inbox<&'static str>> {
        Arc::new(Inbox::new(Policy { settle: SETTLE, settle_max: Duration::from_secs(1) }))
    }

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    fn sign(name: &str, sign: Sign) -> Hints {
        (path(name), sign).into()
    }

    fn soon() -> Option<Instant> {
        Instant::now().checked_add(Duration::from_secs(20))
    }

    #[test]
    fn what_arrived_leaves_at_once_and_what_was_closed_a_little_later() {
        let inbox = inbox();
        let start = Instant::now();
        inbox.push(sign("closed.md", Sign::Closed));
        inbox.push(sign("busy.md", Sign::Writing));
        inbox.push(sign("in.md", Sign::Arrived));
        let batch = inbox.wait(soon());
        assert_eq!(batch.look, Some(Look::At(vec![path("in.md")])));
        assert_eq!(batch.signs.unsettled, BTreeSet::from([path("busy.md"), path("closed.md")]));
        let batch = inbox.wait(soon());
        assert_eq!(batch.look, Some(Look::At(vec![path("closed.md")])));
        assert!(start.elapsed() >= SETTLE);
        assert_eq!(batch.signs.unsettled, BTreeSet::from([path("busy.md")]));
        assert_eq!(inbox.wait(Some(Instant::now())).look, None);
    }

    #[test]
    fn a_sleeper_is_woken_for_what_is_earlier() {
        let inbox = inbox();
        let sleeper = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || [(); 3].map(|()| inbox.wait(None))
        });
        let until = |condition: &dyn Fn(&State<&str>) -> bool| {
            let deadline = soon();
            while !condition(&inbox.lock()) {
                assert!(Some(Instant::now()) < deadline, "the sleeper was not woken");
                thread::yield_now();
            }
        };
        inbox.push(sign("a.md", Sign::Created));
        until(&|state| matches!(state.asleep, Asleep::Until(Some(_))));
        inbox.push(sign("b.md", Sign::Arrived));
        until(&|state| state.asleep != Asleep::No && !state.pending.unsettled().contains("b.md"));
        inbox.command("reload").unwrap();
        until(&|state| state.asleep != Asleep::No && state.commands.is_empty());
        inbox.close();
        let [hints, command, stop] = sleeper.join().unwrap();
        assert_eq!(hints.look, Some(Look::At(vec![path("b.md")])));
        assert_eq!((command.commands, command.look), (vec!["reload"], None));
        assert!(stop.stop);
        assert_eq!(inbox.command("late"), Err("late"));
    }

    #[test]
    fn hints_gather_while_nobody_waits() {
        let inbox = inbox();
        for n in 0..100 {
            inbox.push(sign(&format!("{n}.md"), Sign::Arrived));
            inbox.push(sign(&format!("{n}.md"), Sign::Arrived));
        }
        let Some(Look::At(paths)) = inbox.wait(soon()).look else { panic!("no paths") };
        assert_eq!(paths.len(), 100);
    }

    #[test]
    fn what_comes_together_is_taken_together_where_a_step_takes_long() {
        let inbox = inbox();
        inbox.set_patience(Duration::from_secs(20));
        let start = Instant::now();
        let names: Vec<String> = (0..50).map(|n| format!("{n:02}.md")).collect();
        let sender = thread::spawn({
            let (inbox, names) = (Arc::clone(&inbox), names.clone());
            move || names.iter().for_each(|name| inbox.push(sign(name, Sign::Arrived)))
        });
        let mut taken = Vec::new();
        while taken.len() < names.len() {
            let Some(Look::At(paths)) = inbox.wait(soon()).look else { panic!("no paths") };
            taken.extend(paths);
        }
        sender.join().unwrap();
        taken.sort();
        assert!(taken.iter().map(RelPath::as_str).eq(names.iter().map(String::as_str)));
        assert!(start.elapsed() >= TOGETHER);
        // Neither a stop nor a command waits, nor what is due.
        inbox.push(sign("a.md", Sign::Arrived));
        inbox.command("reload").unwrap();
        assert_eq!(inbox.wait(soon()).look, Some(Look::At(vec![path("a.md")])));
        inbox.push(sign("b.md", Sign::Arrived));
        assert_eq!(inbox.wait(Some(inbox.now())).look, Some(Look::At(vec![path("b.md")])));
        inbox.push(sign("c.md", Sign::Arrived));
        inbox.close();
        assert!(inbox.wait(soon()).stop);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_gathering_is_over_after_its_time_however_much_comes() {
        let inbox = inbox();
        inbox.set_patience(Duration::from_millis(10));
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let until = |heard: u64, ripe: Option<u64>, now: u64| {
            let mut state = inbox.lock();
            state.heard = Some(at(heard));
            let ready = vec![path("a.md")];
            let decision = Decision { ready, wake: ripe.map(at), ..Decision::default() };
            state.gathers(&decision, at(now)).map(|until| (until - start).as_millis())
        };
        assert_eq!(until(0, None, 0), Some(4));
        assert_eq!(until(1, None, 2), Some(5));
        assert_eq!(until(1, None, 5), None, "nothing more came");
        assert_eq!(until(1, Some(6), 5), Some(6), "another is ripe soon");
        assert_eq!(until(1, Some(90), 5), None);
        assert_eq!(until(9, None, 9), Some(10));
        assert_eq!(until(10, None, 10), None);
    }

    #[test]
    fn lost_events_and_a_changed_root_are_told() {
        let inbox = inbox();
        inbox.push(sign("busy.md", Sign::Writing));
        inbox.push(Hints { lost: true, ..Hints::default() });
        let batch = inbox.wait(soon());
        assert_eq!(batch.look, Some(Look::Everything));
        assert_eq!(batch.signs.unsettled, BTreeSet::from([path("busy.md")]));
        inbox.push(Hints { root: true, ..Hints::default() });
        let batch = inbox.wait(soon());
        assert!(batch.root_changed && batch.look.is_none());
    }

    #[test]
    fn what_is_given_back_returns_later() {
        let inbox = inbox();
        inbox.push(sign("a.md", Sign::Arrived));
        let batch = inbox.wait(soon());
        let again = batch.clone();
        let start = Instant::now();
        inbox.give_back(batch, SETTLE);
        // By then it is a look at what was there, not a sign.
        assert_eq!(inbox.wait(soon()), Batch { signs: Signs::default(), ..again });
        assert!(start.elapsed() >= SETTLE);
        inbox.push(Hints { rescan: true, ..Hints::default() });
        let batch = inbox.wait(soon());
        inbox.give_back(batch, SETTLE);
        assert_eq!(inbox.wait(soon()).look, Some(Look::Everything));
        inbox.push(Hints { root: true, ..Hints::default() });
        let batch = inbox.wait(soon());
        assert_eq!(batch.look, None);
        inbox.give_back(batch, SETTLE);
        let batch = inbox.wait(soon());
        assert_eq!((batch.look, batch.root_changed), (Some(Look::Everything), false));
    }

    #[test]
    fn commands_are_bounded() {
        let inbox = inbox();
        for _ in 0..COMMANDS_MAX {
            inbox.command("go").unwrap();
        }
        assert_eq!(inbox.command("too many"), Err("too many"));
        assert_eq!(inbox.wait(soon()).commands.len(), COMMANDS_MAX);
    }
}
