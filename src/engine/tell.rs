//! What the engine says: one line an event, under fixed names that operators can search for.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{error, info, warn};

use crate::article::location;
use crate::base::{Diagnostic, RelPath, Route, Severity, Timestamp};
use crate::config::Site;
use crate::feed::gate::Rejected;
use crate::feed::links;
use crate::library::Notice;

use super::observe;

/// So many articles that become public at once, as on a first start, are told by their number alone.
const PUBLISHED_MAX: usize = 100;

/// How many names that are left out are remembered. Those beyond are not told.
const LEFT_OUT_MAX: usize = 256;

/// Tells what a step found worth telling.
pub(super) fn notices(notices: &[Notice], site: &Site, now: Timestamp) {
    let is_new = |told: &&Notice| matches!(told, Notice::Published(_));
    let articles = notices.iter().filter(is_new).count();
    let many = articles > PUBLISHED_MAX;
    if many {
        info!(event = "published", articles, "published: {articles} articles");
    }
    notices.iter().filter(|told| !(many && is_new(told))).for_each(|told| notice(told, site, now));
}

fn notice(notice: &Notice, site: &Site, now: Timestamp) {
    let url = |article: &crate::library::Article| links::absolute(site, &Route::Resource(article.url.clone()));
    match notice {
        Notice::Published(article) => info!(event = "published", path = %article.path, url = url(article), "published"),
        Notice::Changed(article) => info!(event = "changed", path = %article.path, url = url(article), "changed"),
        Notice::Renamed(from, article) => {
            info!(event = "renamed", %from, path = %article.path, url = url(article), "renamed");
        }
        Notice::Withdrawn(path) => info!(event = "withdrawn", %path, "withdrawn by its author"),
        Notice::Missing(path) => info!(event = "missing", %path, "its file is gone; taken away after grace_s"),
        Notice::Deleted(path) => info!(event = "deleted", %path, "taken away"),
        Notice::Held(path, until) => {
            let zone = site.timezone.iana_name().unwrap_or("UTC");
            let wait = in_words(until.duration_since(now).as_secs());
            info!(event = "held", %path, "held until {until}, in {wait}; site.timezone is {zone}");
        }
        Notice::Copy { path, original, until } => {
            let wait = in_words(until.duration_since(now).as_secs());
            info!(event = "copy", %path, %original, "copy of {original}: published as an article of its own in {wait}");
        }
        // Named by its directory: see `LeftOut`.
        Notice::Told(_, diagnostic) if diagnostic.code == observe::LEFT_OUT => {}
        Notice::Told(path, diagnostic) => told(path, std::slice::from_ref(diagnostic)),
    }
}

/// A time to wait in the two units that matter: `3 d 4 h`, `8 h 59 min`, `45 s`.
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

/// Tells what is to be said of one file.
pub(super) fn told(path: &RelPath, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let code = diagnostic.code.as_str();
        // `a.md:3:1: ...`, as compilers have it, and `a.md: ...` where nothing in the file is to blame.
        let gap = if diagnostic.place.is_some() { "" } else { " " };
        match diagnostic.severity {
            Severity::Error => error!(event = "refused", %path, code, "refused: {path}:{gap}{diagnostic}"),
            Severity::Warning => warn!(event = "warning", %path, code, "{path}:{gap}{diagnostic}"),
            Severity::Note => tracing::debug!(event = "note", %path, code, "{path}:{gap}{diagnostic}"),
        }
    }
}

/// The directories (and files) that hold no articles by their name, each told once: their files may be thousands.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeSet<String>);

impl LeftOut {
    /// Tells what is left out and was not told yet.
    pub(super) fn tell(&mut self, notices: &[Notice]) {
        for path in self.news(notices) {
            info!(event = "left-out", path, "left out: {path} holds no articles");
        }
    }

    /// The names among the notices that are new.
    fn news(&mut self, notices: &[Notice]) -> Vec<String> {
        let left_out = notices.iter().filter_map(|notice| match notice {
            Notice::Told(path, diagnostic) if diagnostic.code == observe::LEFT_OUT => location::excluded_by(path),
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

/// Tells of an entry that another parser could not read back.
pub(super) fn quarantined(rejected: &Rejected) {
    let id = rejected.id.as_deref().unwrap_or("the whole feed");
    error!(event = "quarantined", id, "left out of the feeds: {}", rejected.reason);
}

/// Tells that the configured `site.id` is not the one that ids were derived from.
pub(super) fn frozen_site_id(frozen: &str, configured: &str) {
    warn!(
        event = "warning",
        "site.id stays {frozen:?}: ids were derived from it, and {configured:?} would change them all"
    );
}

/// What is wrong at present, so that each trouble is told once when it comes and once when it is over.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    unreadable: BTreeMap<RelPath, Diagnostic>,
    engine: Option<String>,
    projection: Option<String>,
}

impl Trouble {
    /// Files that cannot be looked at just now.
    pub(super) fn unreadable(&mut self, now: Vec<(RelPath, Diagnostic)>) {
        for (path, diagnostic) in now {
            if self.unreadable.get(&path) != Some(&diagnostic) {
                told(&path, std::slice::from_ref(&diagnostic));
                self.unreadable.insert(path, diagnostic);
            }
        }
    }

    /// After a look at everything: only these still cannot be looked at.
    pub(super) fn readable_again(&mut self, still: &[RelPath]) {
        self.unreadable.retain(|path, _| {
            let stays = still.contains(path);
            if !stays {
                info!(event = "recovered", %path, "recovered: {path} can be read again");
            }
            stays
        });
    }

    /// What stops steps, or `None` where one went through.
    pub(super) fn engine(&mut self, trouble: Option<String>) {
        tell_change(&mut self.engine, trouble, "nothing is published");
    }

    /// What stops the projection to `feeds/`, or `None` where it went through.
    pub(super) fn projection(&mut self, trouble: Option<String>) {
        tell_change(&mut self.projection, trouble, "files in feeds/ are not brought up to date");
    }
}

fn tell_change(old: &mut Option<String>, new: Option<String>, effect: &str) {
    match (&old, &new) {
        (_, Some(new)) if old.as_ref() != Some(new) => error!(event = "degraded", "degraded: {new}; {effect}"),
        (Some(old), None) => info!(event = "recovered", "recovered: {old}"),
        _ => {}
    }
    *old = new;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_in_words() {
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
    fn what_is_left_out_is_told_once() {
        let notice = |path: &str, code: &'static str| {
            Notice::Told(RelPath::new(path).unwrap(), Diagnostic::note(code, "holds no articles"))
        };
        let mut left_out = LeftOut::default();
        for (paths, news) in [
            (&["_layouts/a.html", "_layouts/b/c.html", "blog/_note.md"][..], &["_layouts", "blog/_note.md"][..]),
            (&["_layouts/new.html"], &[]),
            (&["blog/_layouts/a.html"], &["blog/_layouts"]),
            (&["a.md"], &[]),
        ] {
            let notices: Vec<Notice> = paths.iter().map(|path| notice(path, observe::LEFT_OUT)).collect();
            assert_eq!(left_out.news(&notices), news, "{paths:?}");
        }
        assert!(left_out.news(&[notice("_data/a.html", "other")]).is_empty());
        let many: Vec<Notice> = (0..1000).map(|n| notice(&format!("_{n}/a.md"), observe::LEFT_OUT)).collect();
        assert_eq!(left_out.news(&many).len() + 3, LEFT_OUT_MAX);
    }
}
