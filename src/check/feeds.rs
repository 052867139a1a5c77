//! The feeds that the articles make: composed, linted, written in three formats and read back by another parser.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::article::{Body, Location};
use crate::base::path::FileKind;
use crate::base::{Diagnostic, RelPath, Scope, Timestamp, UrlPath};
use crate::config::{Config, Feeds};
use crate::engine::hot;
use crate::feed::gate::{self, Rejected};
use crate::feed::{self, Feed};
use crate::library::{Article, Library, Seq, State};
use crate::publish::Snapshot;

use super::{Found, Told};

/// Checks entries as they would stand in a feed with nothing left out.
pub(super) fn entries(snapshot: &Snapshot, entries: &[(Arc<Article>, Arc<Body>)], now: Timestamp, told: &mut Told) {
    if entries.is_empty() {
        return;
    }
    let bodies: HashMap<Seq, &Arc<Body>> = entries.iter().map(|(article, body)| (article.seq, body)).collect();
    let paths: HashMap<&str, &RelPath> =
        entries.iter().map(|(article, _)| (article.id.as_str(), &article.path)).collect();
    let articles: Vec<Arc<Article>> = entries.iter().map(|(article, _)| Arc::clone(article)).collect();
    let feeds = Feeds { max_bytes: usize::MAX, ..snapshot.config.feeds.clone() };
    let body = |seq: Seq| bodies.get(&seq).map(|body| Arc::clone(body));
    let Some(feed) = compose(&snapshot.library, &snapshot.config, &feeds, &Scope::Site, &articles, &body) else {
        return;
    };
    let misread: HashSet<RelPath> = named_misread(told);
    // What concerns the whole feed is said once, by `whole`.
    let of_entries =
        feed::lint(&feed, now).into_iter().filter_map(|(id, told)| Some((*paths.get(id?.as_str())?, told)));
    let of_entries: Vec<(RelPath, Diagnostic)> = of_entries
        .filter(|(path, diagnostic)| diagnostic.code != "replacement-character" || !misread.contains(*path))
        .map(|(path, diagnostic)| (path.clone(), diagnostic))
        .collect();
    told.extend(of_entries);
    for rejected in rejected(feed) {
        let path =
            rejected.id.as_deref().and_then(|id| paths.get(id)).map_or_else(RelPath::root, |path| (*path).clone());
        told.push((path, quarantined(&rejected)));
    }
}

/// Files whose source was already said to hold U+FFFD, with its place.
fn named_misread(told: &Told) -> HashSet<RelPath> {
    let named = told.iter().filter(|(_, diagnostic)| diagnostic.code == "replacement-character");
    named.map(|(path, _)| path.clone()).collect()
}

/// Checks what feeds say of themselves: the site's, and those of directories that have an `_index`; and how much of
/// the site's feed there is room for. `hot` holds the bodies of its entries.
pub(super) fn whole(state: &State, config: &Config, hot: &HashMap<Seq, Arc<Body>>, now: Timestamp, found: &mut Found) {
    let library = state.library();
    found.site.extend(itself(library, config, &Scope::Site, now));
    for (path, _) in state.files().filter(|(path, _)| matches!(FileKind::of(path), FileKind::Section(_))) {
        let directories = Location::of(path).directories;
        let Some(url) = UrlPath::of_names(directories.iter().map(String::as_str)) else { continue };
        let own = itself(library, config, &Scope::Directory(url), now);
        // What it takes over from the site was said.
        found.files.extend(own.into_iter().filter(|told| !found.site.contains(told)).map(|told| (path.clone(), told)));
    }
    found.site.extend(room(library, config, hot));
}

/// What is to be said of a feed without its entries.
fn itself(library: &Library, config: &Config, scope: &Scope, now: Timestamp) -> Vec<Diagnostic> {
    let Some(feed) = compose(library, config, &config.feeds, scope, &[], &|_| None) else { return Vec::new() };
    let mut told: Vec<Diagnostic> = feed::lint(&feed, now).into_iter().map(|(_, told)| told).collect();
    told.extend(rejected(feed).iter().map(quarantined));
    told
}

/// Entries that the site's feed leaves out, or carries without their text, because of their size.
fn room(library: &Library, config: &Config, bodies: &HashMap<Seq, Arc<Body>>) -> Vec<Diagnostic> {
    let wanted = library.entries(&Scope::Site, config.feeds.limit);
    let Some(feed) = hot::compose(library, config, &Scope::Site, &|seq| bodies.get(&seq).cloned()) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    if feed.entries.len() < wanted.len() {
        let message = format!(
            "the site's feed has only {} of the {} newest articles, because of `feeds.max_bytes`",
            feed.entries.len(),
            wanted.len()
        );
        told.push(Diagnostic::note("feed-cut", message));
    }
    let urls: HashMap<&str, Seq> = wanted.iter().map(|article| (article.id.as_str(), article.seq)).collect();
    let has_text = |id: &str| urls.get(id).and_then(|seq| bodies.get(seq)).is_some_and(|body| !body.html.is_empty());
    let shortened =
        feed.entries.iter().filter(|entry| feed.full && entry.html.is_empty() && has_text(&entry.id)).count();
    if shortened > 0 {
        let message =
            format!("the site's feed is so large that {shortened} of its articles are reduced to their summary");
        told.push(Diagnostic::warning("feed-cut", message));
    }
    told
}

fn compose(
    library: &Library,
    config: &Config,
    feeds: &Feeds,
    scope: &Scope,
    articles: &[Arc<Article>],
    bodies: &dyn Fn(Seq) -> Option<Arc<Body>>,
) -> Option<Feed> {
    let channel = library.channel(scope)?;
    Some(feed::compose(&config.site, feeds, scope, &channel, articles, bodies, &|reference| library.locate(reference)))
}

/// What no reader would get as it was written.
fn rejected(feed: Feed) -> Vec<Rejected> {
    match gate::write_checked(feed) {
        Ok(published) => published.quarantined,
        Err(rejected) => rejected,
    }
}

fn quarantined(rejected: &Rejected) -> Diagnostic {
    Diagnostic::error("quarantined", format!("would be left out of the feeds: {}", rejected.reason))
}
