//! `[[redirect]]`: URLs that lead elsewhere, and what answers them.
//!
//! A redirect applies where nothing else answers: see `http::answer`. One that names a query is the
//! exception, since what would answer there ignores the query.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::base::UrlPath;
use crate::base::reference::encode;
use crate::base::url_table::{UrlKey, UrlTable, path_key};

use super::{At, Site};

/// The redirects of a configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Redirects {
    /// Redirects of one URL.
    exact: UrlTable<Rule>,
    /// Redirects of a directory and everything beneath it, by its path (see `url_table::path_key`).
    beneath: HashMap<String, Rule>,
    /// The most segments that a key of `beneath` has.
    depth_max: usize,
}

/// One redirect.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `from`, as it is written.
    pub from: String,
    /// Its place in the configuration.
    pub at: At,
    /// Its answer.
    pub(super) answer: Answer,
}

/// The answer of a redirect.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// 410
    Gone,
    /// A redirect to a URL.
    To(Destination, RedirectStatus),
}

/// The statuses of redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectStatus {
    /// 301
    MovedPermanently,
    /// 302
    Found,
    /// 307
    TemporaryRedirect,
    /// 308
    PermanentRedirect,
}

/// The URL that a redirect leads to, percent-encoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Destination {
    /// Scheme and host of another site; `None` for a path of this one.
    pub(super) origin: Option<String>,
    /// The path.
    pub(super) path: Part,
    /// `?x=1`, or nothing.
    pub(super) query: Part,
    /// `#part`, or nothing.
    pub(super) fragment: Part,
    /// Whether the query of the request is passed on. A query that `from` or `to` names is not.
    pub(super) passes_query: bool,
}

/// A part of a destination, percent-encoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The text, without the `*` at its end that stands for the rest.
    pub(super) text: String,
    /// Whether what `*` stands for in `from` is appended to it.
    pub(super) appends_rest: bool,
}

/// The answer of the configuration to a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirected {
    /// 410
    Gone,
    /// A redirect to an absolute URL.
    To(String, RedirectStatus),
}

impl Redirects {
    /// The answer to a path (see `url_table::path_key`) with a query that a redirect names.
    pub fn with_query(&self, site: &Site, path: &str, query: &str) -> Option<Redirected> {
        Some(self.exact.with_query(path, query)?.answer(site, "", Some(query)))
    }

    /// The answer to a path, as it was asked, whatever its query is, where nothing else answers: that
    /// of the redirect of exactly this path, else that of the nearest directory above it.
    pub fn find(&self, site: &Site, asked: &str, query: Option<&str>) -> Option<Redirected> {
        let (redirect, rest) = self.of(asked)?;
        Some(redirect.answer(site, rest, query))
    }

    /// The answer to a path where an article was removed. The `*` of a redirect within the site is
    /// not for it: it would lead to where the article was never.
    pub fn for_removed(&self, site: &Site, asked: &str, query: Option<&str>) -> Option<Redirected> {
        let (redirect, rest) = self.of(asked)?;
        let is_beneath = redirect.from.ends_with("/*");
        match &redirect.answer {
            Answer::To(target, _) if is_beneath && target.origin.is_none() => None,
            _ => Some(redirect.answer(site, rest, query)),
        }
    }

    /// The redirect of a path as it was asked, and the rest of it that `*` stands for.
    fn of<'a>(&self, asked: &'a str) -> Option<(&Rule, &'a str)> {
        let path = path_key(asked)?;
        if let Some(redirect) = self.exact.get(&path) {
            return Some((redirect, ""));
        }
        let (redirect, end) = self.above(&path)?;
        Some((redirect, beneath(asked, depth(&path[..end]))))
    }

    /// Whether there is a redirect for exactly this path or for a directory above it.
    pub fn names(&self, path: &str) -> bool {
        self.names_exactly(path) || self.above(path).is_some()
    }

    /// Whether there is a redirect for exactly this path.
    pub fn names_exactly(&self, path: &str) -> bool {
        self.exact.get(path).is_some()
    }

    /// The redirects of single paths, without those that name a query, in no order.
    pub fn of_paths(&self) -> impl Iterator<Item = (UrlPath, &Rule)> {
        self.exact.paths()
    }

    /// The redirect of the nearest directory above `path`, and the end of that directory in it.
    fn above(&self, path: &str) -> Option<(&Rule, usize)> {
        if self.beneath.is_empty() {
            return None;
        }
        // The ends of the directories above, as far down as any key of the table is, and of the
        // path itself: `/a/*` is for `/a`, too.
        let mut ends = vec![0];
        ends.extend(path.match_indices('/').map(|(at, _)| at).chain([path.len()]));
        ends.truncate(self.depth_max + 1);
        for end in ends.into_iter().rev() {
            if let Some(redirect) = self.beneath.get(&path[..end]) {
                return Some((redirect, end));
            }
        }
        None
    }

    /// Adds the redirect of one URL. False if there is one already.
    pub(super) fn insert(&mut self, key: UrlKey, redirect: Rule) -> bool {
        self.exact.insert(key, redirect)
    }

    /// Adds the redirect of everything beneath a directory. False if there is one already.
    pub(super) fn insert_beneath(&mut self, directory: &str, redirect: Rule) -> bool {
        if self.beneath.contains_key(directory) {
            return false;
        }
        self.depth_max = self.depth_max.max(depth(directory));
        self.beneath.insert(directory.to_owned(), redirect);
        true
    }

    /// The redirect that answers at a URL of the site where nothing else does, and the rest of the
    /// path that it takes, percent-encoded.
    pub(super) fn at(&self, key: &UrlKey) -> Option<(&Rule, String)> {
        if let Some(redirect) = self.exact.find(key).or_else(|| self.exact.get(key.path())) {
            return Some((redirect, String::new()));
        }
        let (redirect, end) = self.above(key.path())?;
        let rest = UrlPath::new(&key.path()[end..]);
        Some((redirect, rest.map(|rest| rest.to_string()).unwrap_or_default()))
    }
}

impl Rule {
    fn answer(&self, site: &Site, rest: &str, query: Option<&str>) -> Redirected {
        match &self.answer {
            Answer::Gone => Redirected::Gone,
            Answer::To(target, status) => Redirected::To(target.url(site, rest, query), *status),
        }
    }

    /// The path of this site that it leads to, if it leads to a single one: percent-encoded.
    pub fn local_path(&self) -> Option<&str> {
        match &self.answer {
            Answer::To(target, _) if target.origin.is_none() && !target.path.appends_rest => {
                Some(&target.path.text)
            }
            _ => None,
        }
    }

    /// The URL of this site that it leads to, if it does; `rest` is what `*` stands for,
    /// percent-encoded.
    pub(super) fn local_target(&self, rest: &str) -> Option<UrlKey> {
        match &self.answer {
            Answer::To(target, _) if target.origin.is_none() => {
                let query = target.query.with(&of_query(rest));
                UrlKey::parse(&format!("{}{query}", target.path.with(rest)))
            }
            _ => None,
        }
    }
}

impl Destination {
    /// The absolute URL for a request whose path goes on with `rest`, as it was asked, and has this
    /// query.
    fn url(&self, site: &Site, rest: &str, query: Option<&str>) -> String {
        // The rest begins with a segment, so it cannot name a host. What a URL may not contain, such
        // as a backslash or a control character, is encoded; all else stays as it was asked.
        let rest = encode(rest);
        let path = self.path.with(&rest);
        let mut url = match &self.origin {
            Some(origin) => format!("{origin}{path}"),
            None => format!("{}{path}", encode(site.url.as_str()).trim_end_matches('/')),
        };
        match query {
            Some(query) if self.passes_query => {
                url.push('?');
                url.push_str(query);
            }
            _ => url.push_str(&self.query.with(&of_query(&rest))),
        }
        url.push_str(&self.fragment.with(&rest));
        url
    }

    /// The decoded path, for messages.
    pub(super) fn shown(&self) -> String {
        let path = percent_decode_str(&self.path.text).decode_utf8_lossy();
        format!("{}{path}{}", self.origin.as_deref().unwrap_or_default(), self.query.text)
    }
}

impl Part {
    fn with(&self, rest: &str) -> String {
        let mut text = self.text.clone();
        if self.appends_rest {
            text.push_str(rest);
        }
        text
    }
}

/// The number of segments of a directory's path.
fn depth(directory: &str) -> usize {
    if directory.is_empty() { 0 } else { directory.split('/').count() }
}

/// The rest of a path as it was asked, without its first segments and the slash after them.
fn beneath(asked: &str, segments: usize) -> &str {
    let mut rest = asked.strip_prefix('/').unwrap_or(asked);
    for _ in 0..segments {
        rest = rest.split_once('/').map_or("", |(_, rest)| rest);
    }
    rest
}

/// A percent-encoded path as a value in a query: what divides values there is encoded, too.
fn of_query(path: &str) -> String {
    let mut value = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '&' => value.push_str("%26"),
            '+' => value.push_str("%2B"),
            ';' => value.push_str("%3B"),
            '=' => value.push_str("%3D"),
            '#' => value.push_str("%23"),
            c => value.push(c),
        }
    }
    value
}

impl RedirectStatus {
    /// Whether caches and readers may remember it.
    pub fn is_permanent(self) -> bool {
        matches!(self, Self::MovedPermanently | Self::PermanentRedirect)
    }
}
