//! Who is notified of which article, and when: the webhook and the command of `[notify]`.
//!
//! Articles become public in the order of their publication numbers, and each number is given once.
//! So a bell needs to remember one number: the last one that is done with. What comes after it
//! follows from the library, also after a restart.
//!
//! Invariants: one article at a time, in order; none twice, but for a crash between its end and the
//! storing of it.

use std::time::Duration;

use super::retry::{TRIES, wait};

/// The wait for an article whose file is being changed. Usually the next snapshot has it earlier.
const POSTPONED: Duration = Duration::from_secs(2);

/// The number of tries for an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// Again after a failure, up to three times: a server may be down.
    Several,
    /// Once: a program that failed may have done half of its work.
    One,
}

/// An action that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Announce the article with this publication number, and report the outcome.
    Ring {
        /// The number.
        seq: u64,
        /// The number of the try, from 1.
        attempt: u32,
    },
    /// Store that everything up to this number is done with.
    Remember(u64),
}

/// The end of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// The receiver was notified, or there was nothing to notify it of.
    Done,
    /// The receiver was not notified.
    Failed,
}

/// The consequence of the end of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// The article is tried again.
    Again,
    /// The bell is done with everything up to this number, which has to be remembered.
    Done(u64),
    /// The same, but the receiver was not notified of this article, and will not be.
    GivenUp(u64),
}

/// Decides on one bell.
#[derive(Debug)]
pub struct Bell {
    tries: Tries,
    /// The last number that is done with; `None` until the library is known, for a new bell.
    done: Option<u64>,
    now: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing is known to be due.
    Quiet,
    /// One receiver is being notified.
    Ringing { seq: u64, failed: u32 },
    /// One failed, and waits.
    Waiting { seq: u64, failed: u32, due: Duration },
}

impl Bell {
    /// A bell that is done with everything up to `done`; `None` for a new one, which reports no
    /// article that is public already.
    pub fn new(tries: Tries, done: Option<u64>) -> Self {
        Self { tries, done, now: State::Quiet }
    }

    /// The action that is due now. `newest`: the largest number of a public article, 0 without any;
    /// `next`: the smallest one after a number.
    pub fn poll(
        &mut self,
        now: Duration,
        newest: u64,
        next: impl Fn(u64) -> Option<u64>,
    ) -> Option<Action> {
        let Some(done) = self.done else {
            self.done = Some(newest);
            return Some(Action::Remember(newest));
        };
        let (seq, failed) = match self.now {
            State::Ringing { .. } => return None,
            State::Waiting { seq, failed, due } => {
                if now < due {
                    return None;
                }
                (seq, failed)
            }
            State::Quiet => (next(done)?, 0),
        };
        self.now = State::Ringing { seq, failed };
        Some(Action::Ring { seq, attempt: failed + 1 })
    }

    /// Notes the end of a ring; `None` if the bell does not ring.
    pub fn finish(&mut self, now: Duration, ring: Ring) -> Option<Finished> {
        let State::Ringing { seq, failed } = self.now else { return None };
        let tries = match self.tries {
            Tries::Several => TRIES,
            Tries::One => 1,
        };
        let finished = match ring {
            Ring::Done => Finished::Done(seq),
            Ring::Failed if failed + 1 < tries => {
                let failed = failed + 1;
                let due = now + wait(failed, &seq.to_string());
                self.now = State::Waiting { seq, failed, due };
                return Some(Finished::Again);
            }
            Ring::Failed => Finished::GivenUp(seq),
        };
        self.now = State::Quiet;
        self.done = Some(seq);
        Some(finished)
    }

    /// Notes that an article cannot be reported at present, which is not a failure: its file is
    /// being changed.
    pub fn postpone(&mut self, now: Duration) {
        if let State::Ringing { seq, failed } = self.now {
            self.now = State::Waiting { seq, failed, due: now + POSTPONED };
        }
    }

    /// The moment of the next [`Bell::poll`], unless something is published before.
    pub fn wake(&self) -> Option<Duration> {
        match self.now {
            State::Waiting { due, .. } => Some(due),
            State::Quiet | State::Ringing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: [u64; 4] = [1, 2, 5, 7];

    fn poll(bell: &mut Bell, now: u64) -> Option<Action> {
        let next = |after: u64| PUBLIC.into_iter().find(|seq| *seq > after);
        bell.poll(Duration::from_secs(now), 7, next)
    }

    fn finish(bell: &mut Bell, now: u64, ring: Ring) -> Option<Finished> {
        bell.finish(Duration::from_secs(now), ring)
    }

    #[test]
    fn articles_are_told_in_order_and_once() {
        let mut bell = Bell::new(Tries::Several, Some(2));
        assert_eq!(poll(&mut bell, 0), Some(Action::Ring { seq: 5, attempt: 1 }));
        assert_eq!(poll(&mut bell, 0), None);
        assert_eq!(finish(&mut bell, 1, Ring::Done), Some(Finished::Done(5)));
        assert_eq!(poll(&mut bell, 1), Some(Action::Ring { seq: 7, attempt: 1 }));
        assert_eq!(finish(&mut bell, 1, Ring::Done), Some(Finished::Done(7)));
        assert_eq!((poll(&mut bell, 2), bell.wake()), (None, None));
        // An end that is not waited for changes nothing.
        assert_eq!(finish(&mut bell, 3, Ring::Failed), None);
        assert_eq!(poll(&mut bell, 4), None);
    }

    #[test]
    fn a_new_bell_begins_with_what_comes() {
        let mut bell = Bell::new(Tries::Several, None);
        assert_eq!(poll(&mut bell, 0), Some(Action::Remember(7)));
        assert_eq!(poll(&mut bell, 0), None);
        let eighth = bell.poll(Duration::ZERO, 8, |after| (after < 8).then_some(8));
        assert_eq!(eighth, Some(Action::Ring { seq: 8, attempt: 1 }));
    }

    #[test]
    fn a_failure_is_repeated_twice_and_then_passed_over() {
        let mut bell = Bell::new(Tries::Several, Some(5));
        for attempt in 1..=2 {
            let now = u64::from(attempt) * 100;
            assert_eq!(poll(&mut bell, now), Some(Action::Ring { seq: 7, attempt }));
            assert_eq!(finish(&mut bell, now, Ring::Failed), Some(Finished::Again));
            assert_eq!(bell.wake(), Some(Duration::from_secs(now) + wait(attempt, "7")));
            assert_eq!(poll(&mut bell, now + 1), None);
        }
        assert_eq!(poll(&mut bell, 300), Some(Action::Ring { seq: 7, attempt: 3 }));
        assert_eq!(finish(&mut bell, 300, Ring::Failed), Some(Finished::GivenUp(7)));
        assert_eq!(poll(&mut bell, 999), None);
    }

    #[test]
    fn what_is_postponed_is_no_failure() {
        let mut bell = Bell::new(Tries::One, Some(5));
        assert_eq!(poll(&mut bell, 0), Some(Action::Ring { seq: 7, attempt: 1 }));
        bell.postpone(Duration::from_secs(10));
        assert_eq!((poll(&mut bell, 11), bell.wake()), (None, Some(Duration::from_secs(12))));
        assert_eq!(poll(&mut bell, 12), Some(Action::Ring { seq: 7, attempt: 1 }));
    }

    #[test]
    fn a_command_is_tried_once() {
        let mut bell = Bell::new(Tries::One, Some(5));
        assert_eq!(poll(&mut bell, 0), Some(Action::Ring { seq: 7, attempt: 1 }));
        assert_eq!(finish(&mut bell, 0, Ring::Failed), Some(Finished::GivenUp(7)));
    }
}
