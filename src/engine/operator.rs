//! Commands of an operator that change what is published: `accept` and `forget`.
//!
//! `accept` is done by the next step, since everything is looked at before: what is back by then stays. `forget` needs
//! no file, so it works while the article directory is not there. Either is answered when it is durable and published.

use std::path::Path;

use tracing::info;

use crate::base::{RelPath, Route, Scope};
use crate::library::{Forget, Notice, Outcome};

use super::{Answer, Current, Engine};

impl Engine {
    /// Has the next step accept what is missing, and answer then.
    pub(super) fn accept(&mut self, reply: Answer) {
        self.pending.accept.push(reply);
    }

    /// Answers every `accept` after a step that took away `deleted` articles.
    pub(super) fn accepted(&mut self, deleted: usize, was_held: bool) {
        let replies = std::mem::take(&mut self.pending.accept);
        if replies.is_empty() {
            return;
        }
        let done = match deleted {
            0 if !was_held => "nothing is held".to_owned(),
            0 => "accepted: what is in the article directory is published".to_owned(),
            1 => "accepted: 1 article was unpublished".to_owned(),
            _ => format!("accepted: {deleted} articles were unpublished"),
        };
        info!(event = "accepted", "{done}");
        for reply in replies {
            // The receiver is gone if the operator did not wait.
            let _ = reply.send(Ok(done.clone()));
        }
    }

    /// Answers every `accept` that could not be done; it is not done later.
    pub(super) fn not_accepted(&mut self, why: &str) {
        for reply in std::mem::take(&mut self.pending.accept) {
            let _ = reply.send(Err(format!("not accepted: {why}")));
        }
    }

    /// Takes an article down, or forgets a scope. Returns a sentence for the operator.
    ///
    /// # Errors
    /// A sentence that says why nothing was done.
    pub(super) fn forget(&mut self, what: &str) -> Result<String, String> {
        if self.first_scan {
            return Err("nothing is published yet; try again after the first scan".to_owned());
        }
        let target = self.find_forgettable(what)?;
        let now = self.parts.clock.now();
        let (state, mut outcome, done) = self.current.state.forget(&target, &self.policy, now)?;
        let mut next = Current { state, ..self.current.clone() };
        // An older article may enter the feed.
        for (path, diagnostics) in self.render(&mut next, &mut outcome) {
            for reported in diagnostics {
                outcome.notices.push(Notice::Diagnostic(path.clone(), reported));
            }
        }
        let scopes = next.hot.due(&self.parts.config, next.state.library(), &outcome);
        outcome.commit.documents = self.write_hot(&mut next, &scopes, now);
        // A new policy is remembered by the step that applies it, which this is not.
        let values = std::mem::take(&mut self.pending.values);
        let reweigh = std::mem::take(&mut self.pending.reweigh);
        let settled = self.settle(next, outcome, None);
        self.pending.values = values;
        self.pending.reweigh = reweigh;
        settled.map_err(|error| format!("nothing was forgotten: {error}"))?;
        info!(event = "forgotten", "{done}");
        Ok(done)
    }

    /// The article or scope that an operator means by a path or a URL.
    fn find_forgettable(&self, what: &str) -> Result<Forget, String> {
        let config = &self.parts.config;
        let what = what.trim();
        if what.contains("://") {
            let base = config.site.url.as_str().trim_end_matches('/');
            let rest =
                what.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            let Some(rest) = rest else {
                return Err(format!("{what} is not a URL of this site, {base}/"));
            };
            return self.at_route(if rest.is_empty() { "/" } else { rest });
        }
        let file = match Path::new(what).strip_prefix(&config.articles.dir) {
            Ok(inside) => inside.to_str().and_then(RelPath::new),
            Err(_) => RelPath::new(what.strip_prefix("./").unwrap_or(what).trim_end_matches('/')),
        };
        if let Some(found) = file.and_then(|path| self.current.state.forgettable_at(&path)) {
            return Ok(found);
        }
        let rooted = if what.starts_with('/') { what.to_owned() } else { format!("/{what}") };
        self.at_route(&rooted)
    }

    fn at_route(&self, route: &str) -> Result<Forget, String> {
        let nothing = || format!("no article and no list is or was at {route}");
        match Route::parse(route).ok_or_else(nothing)? {
            Route::Resource(url) => match self.current.state.forgettable_url(&url) {
                Some(found) => Ok(found),
                None => self.scope(Scope::Directory(url.key())).ok_or_else(nothing),
            },
            Route::Index(scope) | Route::Feed(scope, _) => {
                // An article's URL with a slash.
                let slashless = match &scope {
                    Scope::Directory(url) => self.current.state.forgettable_url(url),
                    _ => None,
                };
                self.scope(scope).or(slashless).ok_or_else(nothing)
            }
            Route::Home => Err("the site itself cannot be forgotten".to_owned()),
            _ => Err(nothing()),
        }
    }

    fn scope(&self, scope: Scope) -> Option<Forget> {
        let mut known = self.current.state.library().scopes();
        known.any(|other| *other == scope).then_some(Forget::Scope(scope))
    }
}

/// The number of articles that a step takes away.
pub(super) fn deleted(outcome: &Outcome) -> usize {
    outcome.notices.iter().filter(|notice| matches!(notice, Notice::Deleted(_))).count()
}
