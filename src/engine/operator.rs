//! Commands of an operator that change what is published: `accept` and `forget`.
//!
//! `accept` is done by the next step, since everything is looked at before: what is back by then
//! stays. `forget` needs no file, so it works while the article directory is not there. Either is
//! answered when it is durable and published.

use std::path::Path;

use tracing::info;

use crate::base::{RelPath, Route, Scope};
use crate::library::{Forget, Notice, Outcome};

use super::{Answer, Current, Engine};

/// Whether something was held before a step that accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Held,
    Free,
}

impl Engine {
    /// Has the next step accept what is missing, and answer then.
    pub(super) fn accept(&mut self, reply: Answer) {
        self.pending.accept.push(reply);
    }

    /// Answers every `accept` after a step that unpublished `deleted` articles.
    pub(super) fn accepted(&mut self, deleted: usize, before: Before) {
        let replies = std::mem::take(&mut self.pending.accept);
        if replies.is_empty() {
            return;
        }
        let done = match (deleted, before) {
            (0, Before::Free) => "nothing is held".to_owned(),
            (0, Before::Held) => {
                "accepted: what is in the article directory is published".to_owned()
            }
            (1, _) => "accepted: 1 article was unpublished".to_owned(),
            (_, _) => format!("accepted: {deleted} articles were unpublished"),
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
        // An older article may enter the feed in place of the forgotten one, and needs a body.
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
            return match config.site.path_of(what) {
                Some("") => self.at_route("/"),
                Some(path) => self.at_route(path),
                None => Err(format!("{what} is not a URL of this site, {}", config.site.url)),
            };
        }
        let file = match Path::new(what).strip_prefix(&config.articles.dir) {
            Ok(inside) => inside.to_str().and_then(RelPath::new),
            Err(_) => RelPath::new(what.strip_prefix("./").unwrap_or(what).trim_end_matches('/')),
        };
        // A file wins over a URL path that is written like it.
        if let Some(path) = file
            && let Some(found) = self.current.state.forgettable_at(&path)
        {
            return Ok(found);
        }
        let rooted = if what.starts_with('/') { what.to_owned() } else { format!("/{what}") };
        self.at_route(&rooted)
    }

    fn at_route(&self, route: &str) -> Result<Forget, String> {
        let state = &self.current.state;
        let found = match Route::parse(route) {
            Some(Route::Home) => return Err("the site itself cannot be forgotten".to_owned()),
            Some(Route::Resource(url)) => {
                let article = state.forgettable_url(&url);
                article.or_else(|| self.scope(Scope::Directory(url.key())))
            }
            Some(Route::Index(scope) | Route::Feed(scope, _)) => {
                // The URL of an article with a slash behind it reads like a directory.
                let slashless = match &scope {
                    Scope::Directory(url) => state.forgettable_url(url),
                    _ => None,
                };
                self.scope(scope).or(slashless)
            }
            _ => None,
        };
        match found {
            Some(found) => Ok(found),
            None => Err(format!("no article and no list is or was at {route}")),
        }
    }

    fn scope(&self, scope: Scope) -> Option<Forget> {
        let mut known = self.current.state.library().scopes();
        if known.any(|other| *other == scope) { Some(Forget::Scope(scope)) } else { None }
    }
}

/// The number of articles that a step unpublishes.
pub(super) fn deleted(outcome: &Outcome) -> usize {
    outcome.notices.iter().filter(|notice| matches!(notice, Notice::Deleted(_))).count()
}
