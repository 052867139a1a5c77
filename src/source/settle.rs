//! The rules of settling, which decide when a hint is ripe: a pure function of the pending paths
//! and of the time.
//!
//! Owns the pending state of each path. Reads no clock and no file.
//!
//! - Renamed in, removed, a directory: at once.
//! - Closed after writing: after a quiet time without another sign. A file that is closed again and
//!   again is taken after `settle_max` all the same, at a moment when it is closed.
//! - Being written: not before it is closed, however long that takes.
//! - Made, and nothing written since: after two seconds. A hard link has no other sign.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use crate::base::RelPath;

/// The time that a new file waits for a first write.
pub const CREATED: Duration = Duration::from_secs(2);

/// The quiet time for a file that was being written when events were lost: its close may be among
/// them.
pub const UNSURE: Duration = Duration::from_secs(10);

/// The most paths that are remembered one by one; beyond them, everything is looked at instead.
pub const PENDING_MAX: usize = 10_000;

/// An event of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Renamed in, renamed away, removed; or any change of a directory.
    Arrived,
    /// Closed after writing.
    Closed,
    /// Its mode, owner, times or number of links changed.
    Touched,
    /// Made: by opening, linking or as a symbolic link.
    Created,
    /// Written to.
    Writing,
}

/// The watcher's report of where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// The paths with a sign, in the order of the events.
    pub signs: Vec<(RelPath, Sign)>,
    /// Look everywhere: an event did not name a place.
    pub rescan: bool,
    /// Events were lost: look everywhere, and do not trust the pending state.
    pub lost: bool,
    /// The article directory itself may have been replaced.
    pub root: bool,
}

/// The times of `[articles]` that decide how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// `settle_ms`: quiet time after a close.
    pub settle: Duration,
    /// `settle_max_ms`: the longest that a closed file waits for quiet.
    pub settle_max: Duration,
}

/// The pending state of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Arrived,
    /// `first` <= `last`: its first close since it was last taken, and its last sign. `written`:
    /// whether it was closed, and not only touched.
    Closed {
        first: Instant,
        last: Instant,
        written: bool,
    },
    /// `closed`: its first close since it was last taken, if it was closed before it was written
    /// again.
    Writing {
        closed: Option<Instant>,
    },
    Created {
        since: Instant,
    },
    Unsure {
        since: Instant,
    },
}

/// All hints that were not taken yet. At most [`PENDING_MAX`] paths of each kind.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    paths: BTreeMap<RelPath, Waiting>,
    later: BTreeMap<RelPath, Instant>,
    everything: Option<Instant>,
    /// Set when there was no room for a path since the last look at everything.
    crowded: bool,
}

/// The result of [`decide`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Look at everything, which includes `ready`.
    pub everything: bool,
    /// The paths to look at now, in order.
    pub ready: Vec<RelPath>,
    /// Those of them that events say are finished: moved in, or closed and quiet since.
    pub finished: BTreeSet<RelPath>,
    /// Those of these that were closed and then quiet for all of `settle`.
    pub settled: BTreeSet<RelPath>,
    /// The instant of the next decision, if nothing else happens.
    pub wake: Option<Instant>,
}

/// Returns what is ripe at `now`, and when to decide again.
pub fn decide(pending: &Pending, now: Instant, policy: &Policy) -> Decision {
    let mut decision = Decision::default();
    let mut ready = BTreeSet::new();
    for (path, waiting) in &pending.paths {
        let due = waiting.due(now, policy);
        if is_ripe(due, now, &mut decision.wake) {
            ready.insert(path.clone());
            if !matches!(waiting, Waiting::Unsure { .. }) {
                decision.finished.insert(path.clone());
            }
            if let Waiting::Closed { last, .. } = waiting
                && now.saturating_duration_since(*last) >= policy.settle
            {
                decision.settled.insert(path.clone());
            }
        }
    }
    for (path, due) in &pending.later {
        let is_due = is_ripe(Some(*due), now, &mut decision.wake);
        // A file that is being written now is looked at when that is over, not half written.
        if is_due && !pending.paths.contains_key(path) {
            ready.insert(path.clone());
        }
    }
    if pending.everything.is_some() {
        decision.everything = is_ripe(pending.everything, now, &mut decision.wake);
    }
    decision.ready = ready.into_iter().collect();
    decision
}

/// Returns whether `due` has come. If not, `wake` comes no later than it.
fn is_ripe(due: Option<Instant>, now: Instant, wake: &mut Option<Instant>) -> bool {
    let ripe = due.is_some_and(|due| due <= now);
    if !ripe {
        *wake = earlier(*wake, due);
    }
    ripe
}

impl Pending {
    /// Notes a sign of `path`. Returns when it will be ripe, if nothing else happens.
    pub fn note(
        &mut self,
        path: &RelPath,
        sign: Sign,
        now: Instant,
        policy: &Policy,
    ) -> Option<Instant> {
        let before = self.paths.get(path).copied();
        if sign == Sign::Arrived {
            self.drop_beneath(path);
        }
        if before.is_none() && self.paths.len() >= PENDING_MAX && !self.make_room(now) {
            // A path that is not remembered cannot settle, so everything is looked at when it would
            // be ripe at the earliest.
            let due = if sign == Sign::Arrived { Some(now) } else { now.checked_add(CREATED) };
            self.everything = earlier(self.everything, due);
            return due;
        }
        let after = Waiting::after(before, sign, now);
        if before != Some(after) {
            self.paths.insert(path.clone(), after);
        }
        after.due(now, policy)
    }

    /// Notes that `path` is to be looked at again at `due`, even if it is looked at before.
    pub fn note_later(&mut self, path: RelPath, due: Instant) {
        if self.later.len() >= PENDING_MAX && !self.later.contains_key(&path) {
            // One look at everything, at the latest of the times, replaces all of them.
            self.later.clear();
            self.note_everything(due);
            return;
        }
        match self.everything {
            // A look at everything at that time or later includes this path.
            Some(everything) if everything >= due => {}
            _ => {
                let known = self.later.entry(path).or_insert(due);
                *known = due.max(*known);
            }
        }
    }

    /// Notes that everything is to be looked at, at `due` at the latest.
    pub fn note_everything(&mut self, due: Instant) {
        self.everything = earlier(self.everything, Some(due));
    }

    /// Notes that events were lost. A file that was being written may be closed by now, or not: it
    /// has to be quiet for a while.
    pub fn note_loss(&mut self, now: Instant) {
        self.note_everything(now);
        for waiting in self.paths.values_mut() {
            if matches!(waiting, Waiting::Writing { .. }) {
                *waiting = Waiting::Unsure { since: now };
            }
        }
    }

    /// Returns whether `path` is being written, as far as events show.
    pub fn is_writing(&self, path: &RelPath) -> bool {
        matches!(self.paths.get(path), Some(Waiting::Writing { .. }))
    }

    /// Returns whether `path` was opened for writing since it was last taken, as far as events show:
    /// what was read of it meanwhile may be half a file.
    pub fn is_rewritten(&self, path: &RelPath) -> bool {
        match self.paths.get(path) {
            None | Some(Waiting::Arrived) => false,
            Some(Waiting::Closed { written, .. }) => *written,
            Some(Waiting::Writing { .. } | Waiting::Created { .. } | Waiting::Unsure { .. }) => {
                true
            }
        }
    }

    /// Removes the paths that a decision found ripe.
    pub fn take(&mut self, decision: &Decision) {
        for path in &decision.ready {
            self.paths.remove(path);
        }
        if decision.everything {
            self.everything = None;
            self.crowded = false;
        }
    }

    /// Removes the second looks that are due.
    pub fn take_later(&mut self, now: Instant) {
        self.later.retain(|_, due| *due > now);
    }

    /// The paths that are pending for another reason than a second look. A file that a look finds
    /// at one of them is unfinished.
    pub fn unsettled(&self) -> BTreeSet<RelPath> {
        self.paths.keys().cloned().collect()
    }

    /// Forgets the pending paths beneath a directory that came or went: its files have another name
    /// now, or no events at all, and the whole directory is looked at.
    fn drop_beneath(&mut self, directory: &RelPath) {
        // `0` follows `/` in ASCII: between the two is every path that begins with `directory/`.
        let (first, end) = (format!("{}/", directory.as_str()), format!("{}0", directory.as_str()));
        let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
        let mut beneath = Vec::new();
        for (path, _) in self.paths.range::<str, _>(range) {
            beneath.push(path.clone());
        }
        for path in beneath {
            self.paths.remove(&path);
        }
    }

    /// Makes room for another path, and returns whether there is room: paths that are ripe at once
    /// become one look at everything. If every path has to settle, everything is looked at
    /// regularly until there is room again.
    fn make_room(&mut self, now: Instant) -> bool {
        // Once for each look at everything, since searching all paths for every event would cost
        // the square of their number.
        if !self.crowded {
            self.crowded = true;
            self.paths.retain(|_, waiting| *waiting != Waiting::Arrived);
        }
        let room = self.paths.len() < PENDING_MAX;
        if room {
            self.note_everything(now);
        }
        room
    }
}

impl Waiting {
    /// The state after `sign`.
    fn after(before: Option<Self>, sign: Sign, now: Instant) -> Self {
        let first = match before {
            Some(Self::Closed { first, .. } | Self::Writing { closed: Some(first) }) => Some(first),
            _ => None,
        };
        let is_written = match before {
            Some(Self::Closed { written, .. }) => written,
            Some(Self::Writing { .. } | Self::Created { .. } | Self::Unsure { .. }) => true,
            Some(Self::Arrived) | None => false,
        };
        let written = is_written || sign == Sign::Closed;
        let closed = Self::Closed { first: first.unwrap_or(now), last: now, written };
        match (before, sign) {
            (_, Sign::Arrived) => Self::Arrived,
            (_, Sign::Created) => Self::Created { since: now },
            (_, Sign::Writing) => Self::Writing { closed: first },
            // It was complete when it arrived, and nothing was written since.
            (Some(Self::Arrived), Sign::Closed | Sign::Touched) => Self::Arrived,
            // A change of mode or times does not end the wait for a close.
            (
                Some(same @ (Self::Writing { .. } | Self::Created { .. } | Self::Unsure { .. })),
                Sign::Touched,
            ) => same,
            (_, Sign::Closed | Sign::Touched) => closed,
        }
    }

    /// The instant at which the path is ripe; `None` if that depends on another sign.
    fn due(&self, now: Instant, policy: &Policy) -> Option<Instant> {
        match self {
            Self::Arrived => Some(now),
            Self::Closed { first, last, .. } => {
                earlier(last.checked_add(policy.settle), first.checked_add(policy.settle_max))
            }
            Self::Writing { .. } => None,
            Self::Created { since } => since.checked_add(CREATED),
            Self::Unsure { since } => since.checked_add(UNSURE),
        }
    }
}

/// The earlier of two instants; `None` means never.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Policy =
        Policy { settle: Duration::from_millis(100), settle_max: Duration::from_millis(1_000) };

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    /// Runs `script`, a list of `+ms` and signs of one file, and tells after how many milliseconds
    /// it is ripe, watching every one of them; `None` if it never is.
    fn ripe_after(script: &str) -> Option<u64> {
        let (start, file) = (Instant::now(), path("a.md"));
        let (mut pending, mut clock) = (Pending::default(), 0);
        let at = |ms: u64| start + Duration::from_millis(ms);
        let ripe = |pending: &Pending, ms: u64| !decide(pending, at(ms), &POLICY).ready.is_empty();
        for word in script.split_whitespace().chain(["+60000"]) {
            let sign = match word {
                "arrived" => Sign::Arrived,
                "closed" => Sign::Closed,
                "touched" => Sign::Touched,
                "created" => Sign::Created,
                "writing" => Sign::Writing,
                "loss" => {
                    pending.note_loss(at(clock));
                    continue;
                }
                wait => {
                    let until = clock + wait.trim_start_matches('+').parse::<u64>().unwrap();
                    if let Some(ms) = (clock..until).find(|ms| ripe(&pending, *ms)) {
                        return Some(ms);
                    }
                    clock = until;
                    continue;
                }
            };
            pending.note(&file, sign, at(clock), &POLICY);
        }
        None
    }

    #[test]
    fn a_later_look_does_not_take_what_is_being_written() {
        let (start, file) = (Instant::now(), path("a.md"));
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut pending = Pending::default();
        pending.note_later(file.clone(), at(500));
        pending.note(&file, Sign::Writing, at(0), &POLICY);
        let decision = decide(&pending, at(600), &POLICY);
        assert_eq!((decision.ready, decision.wake), (vec![], None));
        pending.take_later(at(600));
        pending.note(&file, Sign::Closed, at(700), &POLICY);
        assert_eq!(decide(&pending, at(800), &POLICY).ready, [file]);
    }

    #[test]
    fn what_was_opened_for_writing_since_it_was_taken_is_known() {
        for (signs, rewritten) in [
            (&[][..], false),
            (&[Sign::Arrived], false),
            (&[Sign::Touched], false),
            (&[Sign::Arrived, Sign::Touched], false),
            (&[Sign::Created], true),
            (&[Sign::Writing], true),
            (&[Sign::Closed], true),
            (&[Sign::Writing, Sign::Closed], true),
            (&[Sign::Writing, Sign::Closed, Sign::Touched], true),
            (&[Sign::Arrived, Sign::Writing], true),
            (&[Sign::Writing, Sign::Arrived], false),
        ] {
            let (now, file, mut pending) = (Instant::now(), path("a.md"), Pending::default());
            for sign in signs {
                pending.note(&file, *sign, now, &POLICY);
            }
            assert_eq!(pending.is_rewritten(&file), rewritten, "{signs:?}");
            let later = now + Duration::from_secs(60);
            let decision = decide(&pending, later, &POLICY);
            pending.take(&decision);
            let is_taken = pending.paths.is_empty();
            assert!(!(is_taken && pending.is_rewritten(&file)), "{signs:?}, taken");
        }
    }

    #[test]
    fn signs_ripen() {
        for (script, after) in [
            ("arrived", Some(0)),
            ("+5 arrived", Some(5)),
            ("closed", Some(100)),
            ("touched", Some(100)),
            ("created", Some(2_000)),
            ("writing", None),
            ("created +10 writing +10 closed", Some(120)),
            ("created +10 touched", Some(2_000)),
            ("created +10 closed +20 touched", Some(130)),
            ("writing +30000 closed", Some(30_100)),
            ("writing +50 touched", None),
            ("writing +50 arrived", Some(50)),
            ("closed +60 closed +60 closed", Some(220)),
            ("closed +60 writing", None),
            ("writing closed +60 writing +3000 closed", Some(3_060)),
            ("arrived closed", Some(0)),
            ("arrived touched", Some(0)),
            ("arrived writing", None),
            ("arrived created", Some(2_000)),
            ("writing loss", Some(10_000)),
            ("writing loss +50 closed", Some(150)),
            ("writing loss +50 touched", Some(10_000)),
            ("closed loss", Some(100)),
        ] {
            assert_eq!(ripe_after(script), after, "{script}");
        }
    }

    #[test]
    fn a_file_that_is_never_quiet_is_taken_when_it_is_closed() {
        let busy = "closed +50 ".repeat(100);
        assert_eq!(ripe_after(&busy), Some(1_000));
        let appended = "writing closed +30 ".repeat(100);
        assert_eq!(ripe_after(&appended), Some(1_000));
    }

    #[test]
    fn nobody_waits_for_another() {
        let now = Instant::now();
        let mut pending = Pending::default();
        pending.note(&path("busy.md"), Sign::Writing, now, &POLICY);
        pending.note(&path("closed.md"), Sign::Closed, now, &POLICY);
        pending.note(&path("in.md"), Sign::Arrived, now, &POLICY);
        let decision = decide(&pending, now, &POLICY);
        assert_eq!(decision.ready, [path("in.md")]);
        assert_eq!(decision.wake, Some(now + POLICY.settle));
        pending.take(&decision);
        assert_eq!(decide(&pending, now + POLICY.settle, &POLICY).ready, [path("closed.md")]);
        assert_eq!(pending.unsettled(), BTreeSet::from([path("busy.md"), path("closed.md")]));
        assert!(pending.is_writing(&path("busy.md")));
    }

    /// Only who was quiet long enough has settled: not what arrived, nor what is taken although it
    /// is closed again and again.
    #[test]
    fn who_has_settled_was_quiet() {
        let now = Instant::now();
        let mut pending = Pending::default();
        pending.note(&path("in.md"), Sign::Arrived, now, &POLICY);
        pending.note(&path("quiet.md"), Sign::Closed, now, &POLICY);
        pending.note(&path("restless.md"), Sign::Closed, now, &POLICY);
        let end = now + POLICY.settle_max;
        pending.note(&path("restless.md"), Sign::Closed, end - Duration::from_millis(99), &POLICY);
        let decision = decide(&pending, end, &POLICY);
        assert_eq!(decision.ready, [path("in.md"), path("quiet.md"), path("restless.md")]);
        assert_eq!(decision.settled, BTreeSet::from([path("quiet.md")]));
    }

    #[test]
    fn second_looks_come_at_their_time() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut pending = Pending::default();
        pending.note_later(path("dir"), later);
        assert_eq!(
            decide(&pending, now, &POLICY),
            Decision { wake: Some(later), ..Decision::default() }
        );
        assert_eq!(decide(&pending, later, &POLICY).ready, [path("dir")]);
        assert_eq!(pending.unsettled(), BTreeSet::new());
        pending.take_later(later);
        assert_eq!(decide(&pending, later, &POLICY).wake, None);
    }

    #[test]
    fn the_last_of_several_second_looks_counts() {
        let now = Instant::now();
        let (first, last) = (now + Duration::from_secs(1), now + Duration::from_secs(2));
        for dues in [[first, last], [last, first]] {
            let mut pending = Pending::default();
            for due in dues {
                pending.note_later(path("dir"), due);
            }
            assert_eq!(decide(&pending, first, &POLICY).ready, []);
            assert_eq!(decide(&pending, last, &POLICY).ready, [path("dir")]);
        }
    }

    #[test]
    fn a_second_crowd_becomes_another_look_at_everything() {
        let now = Instant::now();
        let mut pending = Pending::default();
        for round in 0..3 {
            for n in 0..=PENDING_MAX {
                pending.note(&path(&format!("{round}-{n}.md")), Sign::Arrived, now, &POLICY);
            }
            let decision = decide(&pending, now, &POLICY);
            assert!(decision.everything, "{round}");
            // One path was noted after the crowd was dropped, and the rest need no look of their
            // own.
            assert_eq!(decision.ready.len(), 1, "{round}");
            pending.take(&decision);
        }
    }

    #[test]
    fn what_is_pending_in_a_directory_goes_with_it() {
        let now = Instant::now();
        let mut pending = Pending::default();
        for name in ["d/a.md", "d/e/b.md", "d-c.md", "d0"] {
            pending.note(&path(name), Sign::Writing, now, &POLICY);
        }
        pending.note(&path("d"), Sign::Arrived, now, &POLICY);
        assert_eq!(pending.unsettled(), BTreeSet::from([path("d"), path("d-c.md"), path("d0")]));
    }

    #[test]
    fn a_crowd_becomes_a_look_at_everything() {
        let now = Instant::now();
        for (sign, at_once) in [(Sign::Arrived, true), (Sign::Writing, false)] {
            let mut pending = Pending::default();
            for n in 0..3 * PENDING_MAX {
                pending.note(&path(&format!("{n}.md")), sign, now, &POLICY);
                pending.note_later(path(&format!("{n}")), now + CREATED);
                assert!(pending.paths.len() <= PENDING_MAX && pending.later.len() <= PENDING_MAX);
            }
            assert_eq!(decide(&pending, now, &POLICY).everything, at_once);
            assert!(decide(&pending, now + CREATED, &POLICY).everything);
        }
    }

    fn any_sign() -> impl Strategy<Value = Sign> {
        prop_oneof![
            Just(Sign::Arrived),
            Just(Sign::Closed),
            Just(Sign::Touched),
            Just(Sign::Created),
            Just(Sign::Writing)
        ]
    }

    proptest! {
        /// Whatever happened, a last close is taken within `settle`, and waking at the time given
        /// finds something.
        #[test]
        fn a_close_is_always_taken(signs in proptest::collection::vec((any_sign(), 0_u64..3_000), 0..20)) {
            let (mut pending, mut now) = (Pending::default(), Instant::now());
            for (sign, wait) in signs {
                pending.note(&path("a.md"), sign, now, &POLICY);
                now += Duration::from_millis(wait);
            }
            let due = pending.note(&path("a.md"), Sign::Closed, now, &POLICY);
            prop_assert!(due.is_some_and(|due| due <= now + POLICY.settle));
            let decision = decide(&pending, now, &POLICY);
            if decision.ready.is_empty() {
                prop_assert_eq!(decide(&pending, decision.wake.unwrap(), &POLICY).ready, vec![path("a.md")]);
            }
        }
    }
}
