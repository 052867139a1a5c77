//! The decision when to ping the watchdog of the service manager (sd_watchdog_enabled(3)).
//!
//! Twice in each of its intervals, every part is asked for a sign of life. The ping follows when
//! all of them have given one since they were asked: a part that is stuck, or that is no more, gets
//! the service restarted. Nothing here has effects; `now` and the signs are arguments.

use std::fmt;
use std::time::{Duration, Instant};

/// The first wait for the signs. A part that is well gives its sign within microseconds.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// The signs of life that the parts have given: counters that only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// One for each accept loop.
    pub loops: Vec<u64>,
    /// The engine's.
    pub engine: u64,
    /// The store's.
    pub store: u64,
    /// Whether the engine is in a call of the store, which may have to wait for that of another
    /// thread. Its life is then the store's.
    pub engine_is_in_store: bool,
}

/// A part of the service that has to show life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An accept loop, by its place in [`Signs::loops`].
    Loop(usize),
    /// The engine.
    Engine,
    /// The store.
    Store,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Loop(_) => "a loop that accepts connections",
            Part::Engine => "the engine",
            Part::Store => "the state database",
        })
    }
}

/// The action that is due. The duration is the wait before the next decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Ask every part for a sign.
    Ask(Duration),
    /// Nothing.
    Wait(Duration),
    /// Ping: all of them live.
    Ping(Duration),
    /// Say which part gives no sign. Said once, until the next ping.
    Report(Part, Duration),
}

/// The state between two decisions.
#[derive(Debug)]
pub struct Watchdog {
    /// The time from one question to the next: half of the interval of the service manager.
    every: Duration,
    /// The time of the next question.
    next: Instant,
    question: Option<Question>,
}

/// A question that not all parts have answered yet.
#[derive(Debug)]
struct Question {
    asked: Instant,
    /// The signs that were there before it.
    before: Signs,
    pause: Duration,
    is_reported: bool,
}

impl Watchdog {
    /// A watchdog for an interval of the service manager, which asks at once.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { every: interval / 2, next: now, question: None }
    }

    /// Decides what to do at `now`, when the parts have given these signs. A clock that jumped, or
    /// a process that was stopped, changes nothing: without new signs there is no ping.
    pub fn decide(&mut self, now: Instant, signs: Signs) -> Decision {
        let Some(question) = &mut self.question else {
            if now < self.next {
                return Decision::Wait(self.next - now);
            }
            let pause = PAUSE_MIN.min(self.every);
            self.question = Some(Question { asked: now, before: signs, pause, is_reported: false });
            return Decision::Ask(pause);
        };
        let Some(part) = silent(&question.before, &signs) else {
            self.next = question.asked + self.every;
            self.question = None;
            return Decision::Ping(self.next.saturating_duration_since(now));
        };
        question.pause = (question.pause * 2).min(self.every / 8);
        if !question.is_reported && now.saturating_duration_since(question.asked) >= self.every / 2
        {
            question.is_reported = true;
            return Decision::Report(part, question.pause);
        }
        Decision::Wait(question.pause)
    }
}

/// The first part that has given no sign since `before`.
fn silent(before: &Signs, now: &Signs) -> Option<Part> {
    for (n, sign) in before.loops.iter().enumerate() {
        if now.loops.get(n).is_none_or(|later| later == sign) {
            return Some(Part::Loop(n));
        }
    }
    if now.store == before.store {
        return Some(Part::Store);
    }
    // The store has shown life just above, so an engine that waits for it is not stuck.
    if now.engine == before.engine && !now.engine_is_in_store {
        return Some(Part::Engine);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(20);
    const EVERY: Duration = Duration::from_secs(10);

    fn signs(loops: &[u64], engine: u64, store: u64) -> Signs {
        Signs { loops: loops.to_vec(), engine, store, engine_is_in_store: false }
    }

    #[test]
    fn every_part_has_to_show_life_since_the_question() {
        let before = signs(&[1, 1], 1, 1);
        let in_store = |store| Signs { engine_is_in_store: true, ..signs(&[2, 2], 1, store) };
        for (now, expected) in [
            (signs(&[2, 2], 2, 2), None),
            (signs(&[9, 2], 5, 3), None),
            (signs(&[1, 2], 2, 2), Some(Part::Loop(0))),
            (signs(&[2, 1], 2, 2), Some(Part::Loop(1))),
            (signs(&[2], 2, 2), Some(Part::Loop(1))),
            (signs(&[2, 2], 1, 2), Some(Part::Engine)),
            (signs(&[2, 2], 2, 1), Some(Part::Store)),
            (in_store(2), None),
            (in_store(1), Some(Part::Store)),
            (before.clone(), Some(Part::Loop(0))),
        ] {
            assert_eq!(silent(&before, &now), expected, "{now:?}");
        }
    }

    #[test]
    fn a_ping_follows_the_signs_and_the_next_question_half_an_interval_later() {
        let start = Instant::now();
        let mut dog = Watchdog::new(INTERVAL, start);
        assert_eq!(dog.decide(start, signs(&[7], 7, 7)), Decision::Ask(PAUSE_MIN));
        // What was there before the question counts for nothing.
        let ms = Duration::from_millis;
        assert_eq!(dog.decide(start + ms(1), signs(&[7], 7, 7)), Decision::Wait(ms(2)));
        assert_eq!(dog.decide(start + ms(3), signs(&[8], 8, 7)), Decision::Wait(ms(4)));
        let left = EVERY - ms(7);
        assert_eq!(dog.decide(start + ms(7), signs(&[8], 8, 8)), Decision::Ping(left));
        assert_eq!(dog.decide(start + ms(8), signs(&[9], 9, 9)), Decision::Wait(left - ms(1)));
        assert_eq!(dog.decide(start + EVERY, signs(&[9], 9, 9)), Decision::Ask(PAUSE_MIN));
    }

    #[test]
    fn a_silent_part_is_reported_once_and_never_pinged_for() {
        let start = Instant::now();
        let mut dog = Watchdog::new(INTERVAL, start);
        let silent = || signs(&[1], 0, 1);
        dog.decide(start, signs(&[0], 0, 0));
        let (mut now, mut reports, mut waits) = (start, 0, 0);
        while now < start + 100 * INTERVAL {
            now += match dog.decide(now, silent()) {
                Decision::Wait(wait) => wait,
                Decision::Report(part, wait) => {
                    assert_eq!(part, Part::Engine);
                    // In time for the log: the service manager waits for a whole interval.
                    assert!(now - start < EVERY, "{:?}", now - start);
                    reports += 1;
                    wait
                }
                other => panic!("{other:?}"),
            };
            waits += 1;
        }
        assert_eq!(reports, 1);
        assert!(waits < 100 * 2 * 8 + 20, "{waits}");
        // It lives again: at once a ping, and a question without a pause, since it is overdue.
        assert_eq!(dog.decide(now, signs(&[1], 1, 1)), Decision::Ping(Duration::ZERO));
        assert_eq!(dog.decide(now, signs(&[1], 1, 1)), Decision::Ask(PAUSE_MIN));
    }

    #[test]
    fn the_shortest_interval_is_no_special_case() {
        let start = Instant::now();
        let mut dog = Watchdog::new(Duration::from_micros(1), start);
        assert!(matches!(dog.decide(start, signs(&[0], 0, 0)), Decision::Ask(_)));
        assert_eq!(dog.decide(start, signs(&[1], 1, 1)), Decision::Ping(Duration::from_nanos(500)));
    }
}
