//! The log of the engine: one line per event, under fixed names that operators can search for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::base::time::in_words;
use crate::base::{Diagnostic, RelPath, Severity, Timestamp, special};
use crate::config::{Config, Site};
use crate::feed::gate::Rejected;
use crate::feed::links;
use crate::library::guard::Shrink;
use crate::library::{Article, Kept, Notice, Observation, State};
use crate::ops::clock::Clock;
use crate::ops::systemd;
use crate::publish::status::{Degraded, Held, Unreadable};
use crate::publish::{
    Contents, LastProjection, LastPublish, Part, PollReason, Published, PushEnd, Pushed, Receiver,
    Scanning, Status, Watching,
};

use super::read;

/// If more articles than this become public at once, as on a first start, only their number is
/// logged.
const PUBLISHED_MAX: usize = 100;

/// The limit of the names of skipped directories and files that are remembered; further ones are
/// not logged.
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
    for (path, kept) in state.kept() {
        let Kept::Refused(found) = kept else { continue };
        if refusal(kept).is_some() && !reported.contains_key(path) {
            report(path, &found.iter().collect::<Vec<_>>());
        }
    }
}

fn url(article: &Article, site: &Site) -> String {
    links::page(site, article)
}

/// The reason why a file is refused: the first of the gravest findings. `None` for a file that is
/// not refused, or that [`LeftOut`] reports.
pub(super) fn refusal(kept: &Kept) -> Option<&Diagnostic> {
    let Kept::Refused(found) = kept else { return None };
    if found.iter().any(|diagnostic| diagnostic.code == read::LEFT_OUT) {
        return None;
    }
    found.iter().min_by_key(|diagnostic| gravity(diagnostic))
}

fn gravity(diagnostic: &Diagnostic) -> u8 {
    match diagnostic.severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    }
}

/// Logs the diagnostics of one file in one line: the first of the gravest, and how many more there
/// are.
fn report(path: &RelPath, diagnostics: &[&Diagnostic]) {
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
        let mut news = Vec::new();
        for notice in notices {
            let Notice::Diagnostic(path, diagnostic) = notice else { continue };
            if diagnostic.code != read::LEFT_OUT {
                continue;
            }
            let Some(name) = special::excluded_by(path.as_str()) else { continue };
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
pub(super) fn frozen_site_id(sentence: &str) {
    warn!(event = "warning", "{sentence}");
}

/// Changes the published status, and reports each difference once, in the log and to the service
/// manager.
#[derive(Clone)]
pub struct StatusLog {
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
}

impl StatusLog {
    /// Reports the changes of `published`, dated by `clock`.
    pub(super) fn new(published: Arc<Published>, clock: Arc<dyn Clock>) -> Self {
        Self { published, clock }
    }

    /// Notes why a part does not work, or that it does (`None`).
    pub fn set_degraded(&self, part: Part, reason: Option<&str>) {
        // A part that works is the usual case, and changes nothing.
        if reason.is_some() || self.published.status().degraded.contains_key(&part) {
            self.change(|status, now| status.set_degraded(part, reason, now));
        }
    }

    /// Notes that something is pushed: from now on, pushes are counted.
    pub fn set_pushing(&self) {
        self.change(|status, _| status.pushed = Some(Pushed::default()));
    }

    /// Counts a push.
    pub fn count_push(&self, receiver: Receiver, end: PushEnd) {
        self.change(|status, _| {
            status.pushed.get_or_insert_default().count(receiver, end);
        });
    }

    /// Notes what the shrink guard holds, and why, or that it holds nothing (`None`).
    pub(super) fn set_held(&self, held: Option<(Shrink, &str)>) {
        let held = held.map(|(shrink, reason)| (shrink.before, shrink.after, reason));
        if held.is_some() || self.published.status().held.is_some() {
            self.change(|status, now| status.set_held(held, now));
        }
    }

    /// Notes how changes are noticed.
    pub(super) fn set_watching(&self, watching: Watching) {
        if self.published.status().watching != watching {
            self.change(|status, now| status.set_watching(watching, now));
        }
    }

    /// Notes files that cannot be read at present.
    pub(super) fn add_unreadable(&self, found: Vec<(RelPath, Diagnostic)>) {
        if found.is_empty() {
            return;
        }
        self.change(|status, now| {
            for (path, diagnostic) in found {
                status.add_unreadable(path, diagnostic, now);
            }
        });
    }

    /// Notes that the files of these observations could be read.
    pub(super) fn remove_unreadable(&self, observations: &[Observation]) {
        let known = &self.published.status().unreadable;
        let mut readable = Vec::new();
        for Observation { path, .. } in observations {
            if known.contains_key(path) {
                readable.push(path);
            }
        }
        if readable.is_empty() {
            return;
        }
        self.change(|status, _| {
            for path in readable {
                status.unreadable.remove(path);
            }
        });
    }

    /// Notes the end of a full scan, after which only the files in `still` are unreadable.
    pub(super) fn set_scanned(&self, still: &[RelPath]) {
        self.change(|status, now| status.set_scanned(still, now));
    }

    /// Notes what is published, and how long the step took that did it.
    pub(super) fn set_published(
        &self,
        contents: Contents,
        generation: u64,
        took: Option<Duration>,
    ) {
        self.change(|status, now| {
            status.contents = contents;
            status.published = Some(LastPublish { at: now, generation, took });
            if let Some(took) = took {
                status.latency.observe(took);
            }
        });
    }

    /// Notes the outcome of a pass of the projection over the snapshot of `generation`.
    pub(super) fn set_projected(&self, generation: u64, failure: Option<&str>) {
        self.change(|status, now| {
            status.set_degraded(Part::Projection, failure, now);
            if failure.is_none() {
                status.projection = Some(LastProjection { generation, at: now });
            }
        });
    }

    /// Notes the progress of a long scan, or that none is under way.
    pub(super) fn set_scanning(&self, scanning: Option<Scanning>) {
        if self.published.status().scanning != scanning {
            self.change(|status, _| status.scanning = scanning);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Status, Timestamp)) {
        let now = self.clock.now();
        self.published.change_status(|status| change(status, now), report_difference);
    }
}

/// Logs what is degraded or recovered in `new`, and gives the service manager its line.
fn report_difference(old: &Status, new: &Status) {
    for part in [Part::Engine, Part::Projection, Part::Push, Part::Certificate] {
        log_change(reason(old, part), reason(new, part), part.effect());
    }
    let (was, is) = (old.held.as_ref(), new.held.as_ref());
    log_change(was.map(held_reason), is.map(held_reason), "the last feeds stay");
    log_watching(&old.watching, &new.watching);
    log_unreadable(old, new);
    let line = new.summary();
    if line != old.summary() {
        systemd::status(&line);
    }
}

fn reason(status: &Status, part: Part) -> Option<String> {
    let Degraded { reason, .. } = status.degraded.get(&part)?;
    Some(reason.clone())
}

fn held_reason(held: &Held) -> String {
    let Held { before, after, reason, .. } = held;
    format!("held: {before} -> {after}: {reason}")
}

fn log_change(old: Option<String>, new: Option<String>, effect: &str) {
    match (old, new) {
        (old, Some(new)) if old.as_ref() != Some(&new) => {
            error!(event = "degraded", "degraded: {new}; {effect}")
        }
        (Some(old), None) => info!(event = "recovered", "recovered: {old}"),
        _ => {}
    }
}

fn log_watching(old: &Watching, new: &Watching) {
    let (was, is) = (old.polled_because(), new.polled_because());
    match (new, is) {
        (_, is) if is == was => {}
        (Watching::Polling { reason: PollReason::Failed(_), .. }, Some(why)) => {
            warn!(event = "polling", "{why}")
        }
        (_, Some(why)) => info!(event = "polling", "{why}"),
        (_, None) => info!(event = "recovered", "recovered: listening for changes again"),
    }
}

fn log_unreadable(old: &Status, new: &Status) {
    let (was, is) = (&old.unreadable, &new.unreadable);
    if was.ptr_eq(is) {
        return;
    }
    for (path, Unreadable { diagnostic, .. }) in is {
        match was.get(path) {
            Some(known) if known.diagnostic == *diagnostic => {}
            _ => report(path, &[diagnostic]),
        }
    }
    for path in was.keys() {
        if !is.contains_key(path) {
            info!(event = "recovered", %path, "recovered: the file can be read again, or is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
