//! A state from what was remembered, part by part: never all of its rows are in memory at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::adopt::Imports;
use super::super::archive::{self, Archive};
use super::super::channel::Members;
use super::super::ledger::Restoring;
use super::super::state::{AWAITED, Policy, Scan, State};
use super::super::{Part, Remembered, guard};
use super::finish::{PARALLEL_MIN, Shown};
use super::{IMPORT, Step};
use crate::base::{RelPath, Timestamp, each};

/// A state that is being restored: from its values and channels, then its articles by ascending
/// number, then its files, and last its URLs.
pub struct Loading<'a> {
    step: Step<'a>,
    policy: &'a Policy,
    restoring: Restoring,
    /// The paths of articles that have a date on which they are withdrawn.
    expiring: HashSet<RelPath>,
}

impl<'a> Loading<'a> {
    /// Begins with the values and the channels. `now`: the date of the empty feed of a scope that
    /// has no channel yet, such as a view that the configuration did not have before.
    pub fn begin(remembered: &Remembered, policy: &'a Policy, now: Timestamp) -> Self {
        let mut state = State::default();
        state.library.base = policy.base;
        state.library.zone = policy.zone.clone();
        state.ledger.reserve(&policy.reserved);
        state.library.views = Arc::clone(&policy.views);
        let mut archives: HashMap<&str, &str> = HashMap::new();
        for (name, value) in &remembered.values {
            if archive::is_value(name) {
                archives.insert(name, value);
            } else if name == guard::HOLD {
                state.hold = value.parse().ok();
            } else if name == IMPORT {
                state.take_imports(Imports::parse(value));
            } else if name == AWAITED {
                state.awaited = serde_json::from_str(value).unwrap_or_default();
            }
        }
        // Channels come before articles: an article is put into the channels that are there.
        for row in &remembered.channels {
            let archive = Archive::remembered(&row.scope, |name| archives.get(name).copied());
            state.library.add_channel(row.clone(), Members::empty(archive));
        }
        let mut step = Step::new(state, policy, now, Scan::Later);
        step.named = Some(Vec::new());
        Self { step, policy, restoring: Restoring::default(), expiring: HashSet::new() }
    }

    /// Takes up some rows.
    pub fn take(&mut self, part: &Part) {
        match part {
            Part::Records(records) => {
                for record in records {
                    if record.head.expires.is_some() {
                        self.expiring.insert(record.path.clone());
                    }
                }
                let shown = each::map(records.iter().collect(), PARALLEL_MIN, |record| {
                    (record.seq, Shown::of(record))
                });
                let Self { step, restoring, .. } = self;
                // Neither needs the other, and a start waits for both.
                rayon::join(
                    || records.iter().for_each(|record| restoring.take_record(record)),
                    || shown.into_iter().for_each(|(seq, shown)| step.show_as(seq, shown)),
                );
                // Nothing is new, and each has an article that is larger than what is kept of it.
                self.step.notices.clear();
            }
            Part::Files(files) => {
                for (path, row) in files {
                    self.step.state.remember_file(path, row);
                    self.restoring.take_file(path, row);
                }
            }
        }
    }

    /// Ends with the URLs. Files that are not public as they are will be weighed by the first step.
    pub fn end(self, remembered: &Remembered) -> State {
        let Self { step, policy, restoring, expiring } = self;
        let mut state = step.state;
        let (ledger, library) = (&mut state.ledger, &mut state.library);
        let named = step.named.unwrap_or_default();
        rayon::join(|| restoring.end(ledger, &remembered.urls), || library.names.extend(named));
        for path in &expiring {
            state.remember_expiry(path, policy);
        }
        state.library.articles = state.ledger.articles();
        state
    }
}
