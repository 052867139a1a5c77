//! The resident feeds by path, and the answers to plain requests for them, which are made once.
//!
//! A ready answer is written down from the answer that hyper would get, by the same functions, so
//! that the two cannot differ. It holds while its document is published and its `Cache-Control` is
//! right; whatever it does not hold for goes the long way.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;

use super::super::plain::{Plain, Ready};
use super::content::Content;
use super::service::is_feed;
use super::{document, encoding, target};
use crate::base::{Route, Scope, Timestamp};
use crate::config::Config;
use crate::publish::{Cache, Coding, Document, Extent, Snapshot};

/// The resident feeds of one snapshot, by every path that answers with them.
#[derive(Default)]
pub(super) struct HotPaths {
    of: Option<(u64, Extent)>,
    paths: HashMap<String, Arc<Hot>>,
}

/// A resident feed.
pub(super) struct Hot {
    pub(super) route: Route,
    pub(super) document: Arc<Document>,
    /// The whole document in each coding, then 304 with each tag.
    answers: [OnceLock<Answer>; 2 * Coding::ALL.len()],
}

struct Answer {
    ready: Arc<Ready>,
    cache: Cache,
}

/// The answer that a plain request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Whole(Coding),
    /// 304 with the tag of this coding.
    NotModified(Coding),
}

impl HotPaths {
    /// The resident feed at `path` of this host.
    pub(super) fn find(&mut self, snapshot: &Snapshot, path: &str) -> Option<Arc<Hot>> {
        // Once for each snapshot and worker: the paths of a request are not parsed for a feed.
        let of = Some((snapshot.generation, snapshot.extent));
        if self.of != of {
            self.of = of;
            self.paths = hot_paths(snapshot);
        }
        self.paths.get(path).cloned()
    }
}

/// The resident feeds by path: the one that `site` names, the default one, and aliases. A query
/// makes no difference there.
fn hot_paths(snapshot: &Snapshot) -> HashMap<String, Arc<Hot>> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let mut paths = HashMap::new();
    for (route, document) in &snapshot.hot {
        if !is_feed(route) {
            continue;
        }
        let hot = Hot::new(route.clone(), Arc::clone(document));
        paths.insert(target::path(site, route), Arc::clone(&hot));
        paths.insert(target::beneath(site, &route.to_string()), hot);
    }
    for (path, format) in feeds.paths.paths() {
        let route = Route::Feed(Scope::Site, *format);
        if let Some(document) = snapshot.hot.get(&route) {
            let hot = Hot::new(route, Arc::clone(document));
            paths.insert(target::beneath(site, &format!("/{path}")), Arc::clone(&hot));
            paths.insert(target::beneath(site, &format!("/{path}/")), hot);
        }
    }
    paths
}

impl Hot {
    fn new(route: Route, document: Arc<Document>) -> Arc<Self> {
        Arc::new(Self { route, document, answers: Default::default() })
    }

    /// The answer to a plain request at `now`; `None` if it takes more than this.
    pub(super) fn ready(
        &self,
        snapshot: &Snapshot,
        plain: &Plain<'_>,
        now: Timestamp,
    ) -> Option<Arc<Ready>> {
        // A date of modification that lies ahead of now is not sent.
        let modified = match self.document.last_modified {
            Some(at) if at.as_second() > now.as_second() => return None,
            _ => self.document.last_modified_value(),
        };
        let choice = self.choose(plain, modified)?;
        let cache = self.document.cache(now, snapshot.next_due);
        let place = match choice {
            Choice::Whole(coding) => coding as usize,
            Choice::NotModified(coding) => Coding::ALL.len() + coding as usize,
        };
        let answer = self.answers[place]
            .get_or_init(|| Answer { ready: self.write(snapshot, choice, modified, now), cache });
        if answer.cache == cache { Some(Arc::clone(&answer.ready)) } else { None }
    }

    /// The choice for a request with at most one validator that decides.
    fn choose(&self, plain: &Plain<'_>, modified: Option<&HeaderValue>) -> Option<Choice> {
        let wanted = encoding::choose_in(plain.accept_encoding);
        // Once the bytes are made, it is known whether they are coded at all.
        let made = self.document.made(wanted).map(|coded| coded.coding);
        if let Some(tag) = plain.if_none_match {
            let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
            let is_one = tag.len() >= 2
                && tag.starts_with(b"\"")
                && tag[1..].iter().position(|byte| *byte == b'"') == Some(tag.len() - 2);
            if !is_one {
                return None;
            }
            for coding in Coding::ALL {
                if self.document.etag(coding).as_bytes() == tag {
                    return Some(Choice::NotModified(coding));
                }
            }
        } else if let Some(since) = plain.if_modified_since {
            // Most clients send back the bytes of our `Last-Modified`.
            if modified.is_some_and(|modified| modified.as_bytes() == since) {
                return Some(Choice::NotModified(made.unwrap_or(wanted)));
            }
            return None;
        }
        made.map(Choice::Whole)
    }

    /// Writes down the answer of the long way.
    fn write(
        &self,
        snapshot: &Snapshot,
        choice: Choice,
        modified: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Arc<Ready> {
        let document = &*self.document;
        let (mut response, coding) = match choice {
            Choice::NotModified(coding) => {
                let etag = document.etag(coding);
                let response = document::not_modified(snapshot, document, etag, modified, now);
                (response, Coding::Identity)
            }
            Choice::Whole(coding) => {
                let coded = document.coded(coding);
                (document::whole(snapshot, document, coded, modified, now), coded.coding)
            }
        };
        document::add_hub_links(&mut response, &snapshot.config, &self.route);
        let (parts, content) = response.into_parts();
        let body = match content {
            Content::Whole(bytes) => bytes,
            Content::Empty | Content::Stream(_) => Default::default(),
        };
        Ready::new(parts.status, &parts.headers, body, self.route.clone(), coding)
    }
}
