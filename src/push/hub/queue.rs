//! A queue of calls that is fair to hosts: each has its own line, and the hosts take turns.
//!
//! Invariants: never more than `in_all` calls are under way, nor `per_host` of one host; a host
//! with nothing waiting and nothing under way is forgotten.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Jobs that wait for their turn.
#[derive(Debug)]
pub struct Queue<J> {
    in_all: usize,
    per_host: usize,
    under_way: usize,
    hosts: HashMap<Arc<str>, Line<J>>,
    /// The hosts that may have a further call and have one waiting, each once.
    turns: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Line<J> {
    under_way: usize,
    waiting: VecDeque<J>,
    has_turn: bool,
}

impl<J> Queue<J> {
    /// A queue that lets `in_all` calls go on at a time, `per_host` of them to one host.
    pub fn new(in_all: usize, per_host: usize) -> Self {
        Self { in_all, per_host, under_way: 0, hosts: HashMap::new(), turns: VecDeque::new() }
    }

    /// Puts a job at the end of its host's line.
    pub fn push(&mut self, host: &Arc<str>, job: J) {
        let line = self.hosts.entry(Arc::clone(host)).or_insert_with(|| Line {
            under_way: 0,
            waiting: VecDeque::new(),
            has_turn: false,
        });
        line.waiting.push_back(job);
        self.give_turn(host);
    }

    /// Takes the next job that may go on now. Its place is taken until [`Queue::done`].
    pub fn pop(&mut self) -> Option<(Arc<str>, J)> {
        if self.under_way >= self.in_all {
            return None;
        }
        let host = self.turns.pop_front()?;
        let line = self.hosts.get_mut(&host)?;
        line.has_turn = false;
        let job = line.waiting.pop_front()?;
        line.under_way += 1;
        self.under_way += 1;
        self.give_turn(&host);
        Some((host, job))
    }

    /// Frees the place of a call to `host`.
    pub fn done(&mut self, host: &Arc<str>) {
        let Some(line) = self.hosts.get_mut(host) else { return };
        if line.under_way == 0 {
            return;
        }
        line.under_way -= 1;
        self.under_way -= 1;
        if line.under_way == 0 && line.waiting.is_empty() {
            self.hosts.remove(host);
        } else {
            self.give_turn(host);
        }
    }

    /// The number of calls that are under way.
    #[cfg(test)]
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    fn give_turn(&mut self, host: &Arc<str>) {
        let Some(line) = self.hosts.get_mut(host) else { return };
        if !line.has_turn && !line.waiting.is_empty() && line.under_way < self.per_host {
            line.has_turn = true;
            self.turns.push_back(Arc::clone(host));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[test]
    fn hosts_take_turns() {
        let mut queue = Queue::new(3, 2);
        for job in 0..4 {
            queue.push(&host("a"), job);
        }
        queue.push(&host("b"), 9);
        let taken: Vec<i32> = std::iter::from_fn(|| queue.pop()).map(|(_, job)| job).collect();
        assert_eq!(taken, [0, 9, 1]);
        queue.done(&host("b"));
        // One of `a` is waiting for another of `a`.
        assert_eq!(queue.pop(), None);
        queue.done(&host("a"));
        assert_eq!(queue.pop().map(|(_, job)| job), Some(2));
    }

    proptest! {
        /// Whatever order calls end in, limits hold, every job has its turn, and nothing is left.
        #[test]
        fn limits_hold_and_nobody_is_forgotten(
            jobs in proptest::collection::vec(0_u8..5, 0..60),
            ends in proptest::collection::vec(0_usize..100, 200),
        ) {
            let mut queue = Queue::new(4, 2);
            for (index, job) in jobs.iter().enumerate() {
                queue.push(&host(&job.to_string()), index);
            }
            let (mut open, mut seen): (Vec<Arc<str>>, Vec<usize>) = Default::default();
            for end in ends {
                while let Some((host, job)) = queue.pop() {
                    open.push(host);
                    seen.push(job);
                }
                prop_assert!(queue.under_way() <= 4 && queue.under_way() == open.len());
                for host in &open {
                    prop_assert!(open.iter().filter(|other| *other == host).count() <= 2);
                }
                if open.is_empty() {
                    break;
                }
                let ended = open.swap_remove(end % open.len());
                queue.done(&ended);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, Vec::from_iter(0..jobs.len()));
            prop_assert!(queue.hosts.is_empty() && queue.turns.is_empty());
        }
    }
}
