//! The lists of articles: the home page, those of directories, tags and authors, with the text at
//! their head and a summary of each article.

use std::sync::Arc;

use rayon::prelude::*;

use crate::article::{Body, Limits};
use crate::base::{Route, Scope};
use crate::config::HomeStyle;
use crate::engine::pages::{self, Listed};
use crate::library::{Article, SectionFile};
use crate::page::Intro;
use crate::publish::Snapshot;
use crate::publish::render::Unrendered;

use super::{Bodiless, Renderer, limits};

impl Renderer {
    /// A page of the list of a scope; the home page is the first of the site's.
    pub(super) fn list(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        page: u32,
    ) -> Result<String, Unrendered> {
        let mut listed = pages::listed(snapshot, scope, page).ok_or(Unrendered::Changed)?;
        let mut text = None;
        if page == 1 {
            text = self.intro(snapshot, scope, &mut listed)?;
        }
        let summaries = match (scope, snapshot.config.pages.home) {
            // A list of titles shows no summary but that of a note, which the feed may have.
            (Scope::Site, HomeStyle::List) => pages::known_summaries(snapshot, &listed),
            _ => self.summaries(snapshot, &listed),
        };
        let intro = text.as_ref().map(|(title, html)| Intro { title: title.as_deref(), html });
        match scope {
            Scope::Site => Ok(pages::home(snapshot, &listed, summaries, intro)),
            _ => {
                pages::index(snapshot, scope, &listed, summaries, intro).ok_or(Unrendered::Changed)
            }
        }
    }

    /// The title and the HTML of the text at the head of the list of a scope. An article that is
    /// this text is taken out of the list.
    fn intro(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        listed: &mut Listed,
    ) -> Result<Option<(Option<String>, String)>, Unrendered> {
        let is_home = *scope == Scope::Site;
        if is_home && !snapshot.config.pages.intro {
            return Ok(None);
        }
        let (title, body) = if let Some(section) = snapshot.library.section_file(scope) {
            let Some(body) = self.section_body(snapshot, section)? else { return Ok(None) };
            (section.title().map(str::to_owned), body)
        } else if is_home && let Some(article) = pages::root_index(snapshot) {
            listed.articles.retain(|other| other.seq != article.seq);
            let title = &article.head.title;
            let title = if title.is_empty() { None } else { Some(title.clone()) };
            (title, self.body_of(snapshot, &article)?)
        } else {
            return Ok(None);
        };
        let route = if is_home { Route::Home } else { Route::Index(scope.clone()) };
        Ok(Some((title, self.resolved(snapshot, &body, &route))))
    }

    /// The body of the text of a directory; `None` if it is a draft or cannot be rendered: the list
    /// is worth having without it.
    fn section_body(
        &self,
        snapshot: &Snapshot,
        section: &SectionFile,
    ) -> Result<Option<Arc<Body>>, Unrendered> {
        let Some(digest) = section.digest else { return Ok(None) };
        if section.head.draft {
            return Ok(None);
        }
        let body = match self.intros.get(&section.path, digest) {
            Some(body) => body,
            None => {
                let limits = limits(&snapshot.config);
                match self.body_at(&section.path, digest, &section.head, &limits) {
                    Ok((body, _)) => Arc::new(body),
                    Err(Bodiless::Changed) => return Err(Unrendered::Changed),
                    Err(Bodiless::Unreadable | Bodiless::Refused(_)) => return Ok(None),
                }
            }
        };
        self.intros.put(&section.path, digest, Arc::clone(&body));
        Ok(Some(body))
    }

    /// The summary of each article of a list that its front matter does not have, from its body.
    pub(super) fn summaries(&self, snapshot: &Snapshot, listed: &Listed) -> Vec<Option<String>> {
        let limits = limits(&snapshot.config);
        let summary = |article: &Arc<Article>| self.summary(snapshot, article, &limits);
        listed.articles.par_iter().map(summary).collect()
    }

    fn summary(&self, snapshot: &Snapshot, article: &Article, limits: &Limits) -> Option<String> {
        if let Some(body) = snapshot.bodies.get(&article.seq) {
            return Some(body.summary.clone());
        }
        if article.head.summary.is_some() {
            return None;
        }
        if let Some(summary) = self.summaries.get(&article.path, article.digest) {
            return Some(summary.as_ref().to_owned());
        }
        // A list is worth having without the summary of an article that cannot be read.
        let (body, _) = self.body(article, limits).ok()?;
        self.summaries.put(&article.path, article.digest, body.summary.as_str().into());
        Some(body.summary)
    }
}
