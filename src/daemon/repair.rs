//! `dropfeed state repair`: moves a damaged database aside, and makes the state again as a start
//! would do it.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::Arc;

use super::open::{Handles, Opening, Refusal, prepare};
use super::refused;
use crate::config::Config;
use crate::library::adopt::Recovered;
use crate::ops::clock::{Clock, SystemClock};
use crate::ops::logging;
use crate::store::feeds::recover;
use crate::store::{self, Checked, Database, Store as _, StoreError, backup};

/// The result of a repair.
pub struct Repaired {
    /// One line for each thing that was done.
    pub lines: Vec<String>,
    /// The exit status.
    pub exit: ExitCode,
}

/// Verifies the state of a stopped dropfeed. A damaged database is moved aside; ids and dates are
/// recovered from `exported` and the feeds on disk, and everything is published once. A state that
/// is whole is not changed.
///
/// # Errors
/// The first error that prevents publishing.
pub fn repair(config: Config, exported: Vec<Recovered>) -> anyhow::Result<Repaired> {
    let dir = config.state.dir.clone();
    if !store::has_state(&dir) && exported.is_empty() {
        logging::report(&format!("there is no state in {}; a start makes one", dir.display()));
        return Ok(Repaired { lines: Vec::new(), exit: ExitCode::FAILURE });
    }
    let mut lines = Vec::new();
    match check(&config) {
        Ok(Some(checked)) => {
            lines.push(format!("{checked}; nothing was changed"));
            return Ok(Repaired { lines, exit: ExitCode::SUCCESS });
        }
        Ok(None) => lines.push(format!("there is no state in {}", dir.display())),
        Err(Refusal::Store(damage @ StoreError::Corrupt { .. })) => {
            lines.push(damage.to_string());
            // Locked, so that no dropfeed starts over the state while it is moved.
            let _lock = prepare(&config)?;
            let aside = store::set_aside(&dir, SystemClock.now())?;
            lines.push(format!("moved to {}, with its log and its mark", aside.display()));
        }
        Err(refusal) => {
            return Ok(Repaired { lines, exit: refused(&refusal)? });
        }
    }
    rebuild(config, exported, &mut lines)?;
    Ok(Repaired { lines, exit: ExitCode::SUCCESS })
}

/// Verifies the database; `None` where there is none.
fn check(config: &Config) -> Result<Option<Checked>, Refusal> {
    let lock = prepare(config)?;
    backup::remove_left_over(&lock);
    if !store::has_state(lock.dir()) {
        return Ok(None);
    }
    Ok(Some(Database::open(lock)?.check()?))
}

/// Makes the state again, and publishes once.
fn rebuild(
    config: Config,
    exported: Vec<Recovered>,
    lines: &mut Vec<String>,
) -> anyhow::Result<()> {
    let feeds = config.feeds.dir.clone();
    let articles = config.articles.dir.display().to_string();
    let mut found = recover::recover(&feeds, &config.site.id);
    lines.push(format!(
        "{} entries found in the feeds in {}",
        found.entries.len(),
        feeds.display()
    ));
    if !exported.is_empty() {
        lines.push(format!("{} articles found in the export", exported.len()));
        found.put_first(exported);
    }
    let mut known = HashSet::new();
    for entry in &found.entries {
        known.insert(entry.id.clone());
    }
    let lock = prepare(&config)?;
    let handles = Handles::new(config, Arc::new(SystemClock));
    let mut engine = Opening::try_open(&handles, lock)?.try_load()?;
    engine.adopt(found);
    let published = handles.published;
    let count = engine.build()?;
    let mut recovered = 0;
    if let Some(snapshot) = published.load() {
        for article in snapshot.library.articles() {
            recovered += usize::from(known.contains(&article.id));
        }
    }
    lines.push(format!(
        "published {count} articles from {articles}: {recovered} with the id and the date that they had, {} with \
         derived ones",
        count - recovered
    ));
    lines.push("URLs that articles had before a rename do not redirect any more".to_owned());
    Ok(())
}
