//! The log of the engine: one line per event, under fixed names that operators can search for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{debug, error, info, warn};

use crate::article::location;
use crate::base::{Diagnostic, RelPath, Severity, Timestamp};
use crate::config::{Config, Site};
use crate::feed::gate::Rejected;
use crate::feed::links;
use crate::library::{Article, Kept, Notice, State};
use crate::ops::systemd;
use crate::publish::{Part, Published};

use super::read;

/// If more articles than this become public at once, as on a first start, only their number is
/// logged.
const PUBLISHED_MAX: usize = 100;

/// Names of skipped directories and files that are remembered; further ones are not logged.
const LEFT_OUT_MAX: usize = 256;

/// Logs the notices of a step.
pub(super) fn notices(notices: &[Notice], config: &Config, now: Timestamp) {
    let articles = notices.iter().filter(|notice| is_new(notice)).count();
    let many = articles > PUBLISHED_MAX;
    if many {
        info!(event = "published", articles, "published");
    }
    for one in notices {
        if !(many && is_new(one)) {
            notice(one, config, now);
        }
    }
    for (path, found) in diagnostics(notices) {
        report(path, &found);
    }
}

fn is_new(notice: &Notice) -> bool {
    matches!(notice, Notice::Published(_))
}

fn notice(notice: &Notice, config: &Config, now: Timestamp) {
    let site = &config.site;
    match notice {
        Notice::Published(article) => {
            info!(event = "published", path = %article.path, url = url(article, site), "published");
        }
        Notice::Changed(article) => {
            info!(event = "changed", path = %article.path, url = url(article, site), "changed");
        }
        Notice::Renamed(from, article) => {
            info!(event = "renamed", %from, path = %article.path, url = url(article, site), "renamed");
        }
        Notice::Withdrawn(path) => info!(event = "withdrawn", %path, "withdrawn by its author"),
        Notice::Missing(path) => {
            let grace = config.articles.grace.as_secs();
            // A line for the deletion follows, unless the file is found again.
            debug!(event = "missing", %path, "file removed; unpublishing in {grace} s");
        }
        Notice::Deleted(path) => info!(event = "deleted", %path, "unpublished"),
        Notice::Held(path, until) => {
            let zone = site.timezone.iana_name().unwrap_or("UTC");
            let wait = in_words(until.duration_since(now).as_secs());
            info!(event = "held", %path, "held until {until}, in {wait}; site.timezone is {zone}");
        }
        Notice::Copy { path, original, until } => {
            let wait = in_words(until.duration_since(now).as_secs());
            info!(event = "copy", %path, %original, "copy of {original}: published as an article of its own in {wait}");
        }
        // One line for each file: see `diagnostics`.
        Notice::Diagnostic(..) => {}
    }
}

/// The diagnostics among the notices by file, without those of files that [`LeftOut`] reports.
fn diagnostics(notices: &[Notice]) -> BTreeMap<&RelPath, Vec<&Diagnostic>> {
    let mut by_file: BTreeMap<&RelPath, Vec<&Diagnostic>> = BTreeMap::new();
    for notice in notices {
        if let Notice::Diagnostic(path, diagnostic) = notice
            && diagnostic.code != read::LEFT_OUT
        {
            by_file.entry(path).or_default().push(diagnostic);
        }
    }
    by_file
}

/// Logs the files that were refused before a restart and still are.
pub(super) fn still_refused(state: &State, notices: &[Notice]) {
    let reported = diagnostics(notices);
    for (path, row) in state.files() {
        let Kept::Refused(found) = &row.kept else { continue };
        let is_left_out = found.iter().any(|diagnostic| diagnostic.code == read::LEFT_OUT);
        if !is_left_out && !reported.contains_key(path) {
            report(path, &found.iter().collect::<Vec<_>>());
        }
    }
}

fn url(article: &Article, site: &Site) -> String {
    links::page(site, article)
}

/// A duration in its two largest units: `3 d 4 h`, `8 h 59 min`, `45 s`.
fn in_words(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Logs the diagnostics of one file in one line: the first of the gravest, and how many more there are.
fn report(path: &RelPath, diagnostics: &[&Diagnostic]) {
    let gravity = |diagnostic: &Diagnostic| match diagnostic.severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    };
    let Some(first) = diagnostics.iter().min_by_key(|diagnostic| gravity(diagnostic)) else {
        return;
    };
    let as_grave = diagnostics.iter().filter(|other| gravity(other) == gravity(first)).count();
    let more = match as_grave - 1 {
        0 => String::new(),
        more => format!(" (and {more} more; `dropfeed check` lists them)"),
    };
    let code = first.code.as_str();
    // `a.md:3:1: ...`, as compilers write it, and `a.md: ...` for a diagnostic without a place.
    let gap = if first.place.is_some() { "" } else { " " };
    match first.severity {
        Severity::Error => {
            error!(event = "refused", %path, code, "refused: {path}:{gap}{first}{more}")
        }
        Severity::Warning => warn!(event = "warning", %path, code, "{path}:{gap}{first}{more}"),
        Severity::Note => debug!(event = "note", %path, code, "{path}:{gap}{first}{more}"),
    }
}

/// Directories and files that are skipped because of their names. Each is logged once, since it may
/// hold thousands of files.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeSet<String>);

impl LeftOut {
    /// Logs the skipped names that were not logged before.
    pub(super) fn log(&mut self, notices: &[Notice]) {
        for path in self.news(notices) {
            info!(event = "left-out", path, "skipped {path}: not published because of its name");
        }
    }

    /// The names among the notices that are new, which are then known.
    fn news(&mut self, notices: &[Notice]) -> Vec<String> {
        let left_out = notices.iter().filter_map(|notice| match notice {
            Notice::Diagnostic(path, diagnostic) if diagnostic.code == read::LEFT_OUT => {
                location::excluded_by(path)
            }
            _ => None,
        });
        let mut news = Vec::new();
        for name in left_out {
            if self.0.len() < LEFT_OUT_MAX && !self.0.contains(name) {
                self.0.insert(name.to_owned());
                news.push(name.to_owned());
            }
        }
        news
    }
}

/// Logs an entry that the second parser could not read back.
pub(super) fn quarantined(rejected: &Rejected) {
    let id = rejected.id.as_deref().unwrap_or("the whole feed");
    error!(event = "quarantined", id, "left out of the feeds: {}", rejected.reason);
}

/// Logs that the configured `site.id` is not the one from which ids were derived.
pub(super) fn frozen_site_id(frozen: &str, configured: &str) {
    warn!(
        event = "warning",
        "site.id stays {frozen:?}: ids were derived from it, and {configured:?} would change them all"
    );
}

/// The present troubles, so that each is logged once when it begins and once when it is over.
#[derive(Debug)]
pub(super) struct Trouble {
    published: Arc<Published>,
    unreadable: BTreeMap<RelPath, Diagnostic>,
    engine: Option<String>,
    projection: Option<String>,
    /// The line that the service manager has.
    shown: Option<String>,
}

impl Trouble {
    /// No trouble yet. What is degraded is published beside the snapshot.
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self { published, unreadable: BTreeMap::new(), engine: None, projection: None, shown: None }
    }

    /// Takes note of files that cannot be read at present.
    pub(super) fn unreadable(&mut self, now: Vec<(RelPath, Diagnostic)>) {
        for (path, diagnostic) in now {
            if self.unreadable.get(&path) != Some(&diagnostic) {
                report(&path, &[&diagnostic]);
                self.unreadable.insert(path, diagnostic);
            }
        }
    }

    /// Takes note, after a full scan, that only the files in `still` cannot be read.
    pub(super) fn readable_again(&mut self, still: &[RelPath]) {
        self.unreadable.retain(|path, _| {
            let stays = still.contains(path);
            if !stays {
                info!(event = "recovered", %path, "recovered: the file can be read again");
            }
            stays
        });
    }

    /// Takes note of what stops steps, or that a step succeeded (`None`).
    pub(super) fn engine(&mut self, trouble: Option<String>) {
        self.published.set_degraded(Part::Engine, trouble.clone());
        log_change(&mut self.engine, trouble, "changes are not published");
        self.show();
    }

    /// Takes note of what stops the projection to `feeds/`, or that it succeeded (`None`).
    pub(super) fn projection(&mut self, trouble: Option<String>) {
        self.published.set_degraded(Part::Projection, trouble.clone());
        log_change(&mut self.projection, trouble, "files in feeds/ are not updated");
        self.show();
    }

    /// Gives the service manager its line again, after another one took its place for a while.
    pub(super) fn show_again(&mut self) {
        self.shown = self.published.status().lines().next();
        systemd::status(self.shown.as_deref().unwrap_or("serving"));
    }

    /// Gives the service manager the first line of what is degraded, where it is another one.
    fn show(&mut self) {
        let line = self.published.status().lines().next();
        if self.shown != line {
            systemd::status(line.as_deref().unwrap_or("serving"));
            self.shown = line;
        }
    }
}

fn log_change(old: &mut Option<String>, new: Option<String>, effect: &str) {
    match (&old, &new) {
        (_, Some(new)) if old.as_ref() != Some(new) => {
            error!(event = "degraded", "degraded: {new}; {effect}")
        }
        (Some(old), None) => info!(event = "recovered", "recovered: {old}"),
        _ => {}
    }
    *old = new;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_in_words() {
        for (seconds, words) in [
            (-5, "0 s"),
            (45, "45 s"),
            (3_599, "59 min"),
            (32_399, "8 h 59 min"),
            (86_400, "1 d 0 h"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }

    #[test]
    fn a_skipped_directory_is_logged_once() {
        let notice = |path: &str, code: &'static str| {
            Notice::Diagnostic(
                RelPath::new(path).unwrap(),
                Diagnostic::note(code, "holds no articles"),
            )
        };
        let mut left_out = LeftOut::default();
        for (paths, news) in [
            (
                &["_layouts/a.html", "_layouts/b/c.html", "blog/_note.md"][..],
                &["_layouts", "blog/_note.md"][..],
            ),
            (&["_layouts/new.html"], &[]),
            (&["blog/_layouts/a.html"], &["blog/_layouts"]),
            (&["a.md"], &[]),
        ] {
            let notices: Vec<Notice> =
                paths.iter().map(|path| notice(path, read::LEFT_OUT)).collect();
            assert_eq!(left_out.news(&notices), news, "{paths:?}");
        }
        assert!(left_out.news(&[notice("_data/a.html", "other")]).is_empty());
        let many: Vec<Notice> =
            (0..1000).map(|n| notice(&format!("_{n}/a.md"), read::LEFT_OUT)).collect();
        assert_eq!(left_out.news(&many).len() + 3, LEFT_OUT_MAX);
    }
}
