//! A state from what was remembered, part by part: never all of its rows are in memory at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::adopt::Imports;
use super::super::archive::{self, Archive};
use super::super::channel::Members;
use super::super::state::{AWAITED, Policy, Scan, State};
use super::super::{ChannelState, Part, Remembered, guard};
use super::{IMPORT, Step};
use crate::base::{RelPath, Timestamp};

/// A state that is being restored: from its values and channels, then its articles by ascending
/// number, then its files, and last its URLs.
pub struct Loading<'a> {
    step: Step<'a>,
    policy: &'a Policy,
    /// The paths of articles that have a date on which they are withdrawn.
    expiring: HashSet<RelPath>,
}

impl<'a> Loading<'a> {
    /// Begins with the values and the channels.
    pub fn begin(remembered: &Remembered, policy: &'a Policy) -> Self {
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
            let channel = ChannelState { row: row.clone(), members: Members::empty(archive) };
            state.library.channels.insert(row.scope.clone(), channel);
        }
        let mut step = Step::new(state, policy, Timestamp::MIN, Scan::Later);
        step.named = Some(Vec::new());
        Self { step, policy, expiring: HashSet::new() }
    }

    /// Takes up some rows.
    pub fn take(&mut self, part: &Part) {
        match part {
            Part::Records(records) => {
                for record in records {
                    if record.head.expires.is_some() {
                        self.expiring.insert(record.path.clone());
                    }
                    self.step.state.ledger.restore(record);
                    self.step.show_record(record);
                }
                // Nothing is new, and each has an article that is larger than what is kept of it.
                self.step.notices.clear();
            }
            Part::Files(files) => {
                for (path, row) in files {
                    let expires = self.expiring.contains(path);
                    self.step.state.remember_file(path, row, self.policy, expires);
                }
            }
        }
    }

    /// Ends with the URLs. Files that are not public as they are will be weighed by the first step.
    pub fn end(self, remembered: &Remembered) -> State {
        let mut state = self.step.state;
        state.library.names.extend(self.step.named.unwrap_or_default());
        for (url, seq) in &remembered.urls {
            state.ledger.own_url(url, *seq);
        }
        state.library.articles = state.ledger.articles();
        state
    }
}
