//! The feeds that the articles make: composed, linted, written in three formats and read back by
//! another parser.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::article::{Body, Location};
use crate::base::path::FileKind;
use crate::base::{Diagnostic, RelPath, Scope, Timestamp, UrlPath};
use crate::config::{Config, Feeds};
use crate::engine::hot;
use crate::feed::gate::{self, Rejected};
use crate::feed::{self, Basis, Feed};
use crate::library::{Article, Library, Seq, State};
use crate::publish::Snapshot;

use super::{Diagnostics, Found};

/// Checks entries as a feed with nothing left out would have them.
pub(super) fn entries(
    snapshot: &Snapshot,
    entries: &[(Arc<Article>, Arc<Body>)],
    now: Timestamp,
    diagnostics: &mut Diagnostics,
) {
    let mut bodies = HashMap::new();
    let mut paths = HashMap::new();
    let mut articles = Vec::new();
    for (article, body) in entries {
        bodies.insert(article.seq, Arc::clone(body));
        paths.insert(article.id.clone(), article.path.clone());
        articles.push(Arc::clone(article));
    }
    if articles.is_empty() {
        return;
    }
    // Without a limit, so that no entry is shortened or left out.
    let feeds = Feeds { max_bytes: usize::MAX, ..snapshot.config.feeds.clone() };
    let feed =
        compose(&snapshot.library, &snapshot.config, &feeds, &Scope::Site, &articles, &|seq| {
            bodies.get(&seq).cloned()
        });
    let Some(feed) = feed else { return };
    let misread = named_misread(diagnostics);
    for (id, diagnostic) in feed::lint(&feed, now) {
        // Findings without an entry concern the whole feed: `whole` reports them once.
        let Some(path) = id.and_then(|id| paths.get(id.as_str())) else { continue };
        if diagnostic.code != "replacement-character" || !misread.contains(path) {
            diagnostics.push((path.clone(), diagnostic));
        }
    }
    for rejected in rejected(feed) {
        let path = rejected.id.as_deref().and_then(|id| paths.get(id));
        diagnostics.push((path.cloned().unwrap_or_else(RelPath::root), quarantined(&rejected)));
    }
}

/// Returns the files that were already reported to contain U+FFFD, with its place.
fn named_misread(diagnostics: &Diagnostics) -> HashSet<RelPath> {
    let mut named = HashSet::new();
    for (path, diagnostic) in diagnostics {
        if diagnostic.code == "replacement-character" {
            named.insert(path.clone());
        }
    }
    named
}

/// Checks the titles and descriptions of feeds (the site's, those of directories that have an
/// `_index`, and those of views), and whether the site's feed has room for its entries. `hot` holds
/// their bodies.
pub(super) fn whole(
    state: &State,
    config: &Config,
    hot: &HashMap<Seq, Arc<Body>>,
    now: Timestamp,
    found: &mut Found,
) {
    let library = state.library();
    found.site.extend(channel(library, config, &Scope::Site, now));
    for (path, _) in state.files() {
        if !matches!(FileKind::of(&path), FileKind::Section(_)) {
            continue;
        }
        let directories = Location::of(&path).directories;
        let Some(url) = UrlPath::of_names(directories.iter().map(String::as_str)) else { continue };
        for diagnostic in channel(library, config, &Scope::Directory(url), now) {
            // A directory's feed inherits from the site's, whose findings are reported once.
            if !found.site.contains(&diagnostic) {
                found.files.push((path.clone(), diagnostic));
            }
        }
    }
    views(library, config, now, found);
    found.site.extend(room(library, config, hot));
}

/// Checks the titles of views, and whether each selects any article.
fn views(library: &Library, config: &Config, now: Timestamp, found: &mut Found) {
    for view in &config.views {
        let scope = Scope::View(view.name.clone());
        for diagnostic in channel(library, config, &scope, now) {
            if !found.site.contains(&diagnostic) {
                found.site.push(diagnostic);
            }
        }
        if !library.is_empty() && library.entries(&scope, 1).is_empty() {
            let message = format!(
                "no article is in the view `{}`; are its directories, tags and authors spelled as in the articles?",
                view.name
            );
            found.site.push(Diagnostic::note("empty-view", message));
        }
    }
}

/// Checks a feed without its entries.
fn channel(library: &Library, config: &Config, scope: &Scope, now: Timestamp) -> Vec<Diagnostic> {
    let Some(feed) = compose(library, config, &config.feeds, scope, &[], &|_| None) else {
        return Vec::new();
    };
    let mut diagnostics = Vec::new();
    for (_, diagnostic) in feed::lint(&feed, now) {
        diagnostics.push(diagnostic);
    }
    for rejected in rejected(feed) {
        diagnostics.push(quarantined(&rejected));
    }
    diagnostics
}

/// Reports how many entries the site's feed leaves out, or reduces to their summary, because of
/// their size.
fn room(library: &Library, config: &Config, bodies: &HashMap<Seq, Arc<Body>>) -> Vec<Diagnostic> {
    let mut wanted = library.entries(&Scope::Site, config.feeds.limit);
    // An article that cannot be rendered has a diagnostic of its own.
    wanted.retain(|article| bodies.contains_key(&article.seq));
    let Some(feed) = hot::compose(library, config, &Scope::Site, &|seq| bodies.get(&seq).cloned())
    else {
        return Vec::new();
    };
    let mut diagnostics = Vec::new();
    let (fits, newest) = (feed.entries.len(), wanted.len());
    if fits < newest {
        let message = format!(
            "the site's feed has only {fits} of the {newest} newest articles, because of `feeds.max_bytes`"
        );
        diagnostics.push(Diagnostic::note("feed-cut", message));
    }
    let mut with_text = HashSet::new();
    for article in &wanted {
        if bodies.get(&article.seq).is_some_and(|body| !body.html.is_empty()) {
            with_text.insert(article.id.as_str());
        }
    }
    let mut shortened = 0;
    for entry in &feed.entries {
        if feed.full && entry.html.is_empty() && with_text.contains(entry.id.as_str()) {
            shortened += 1;
        }
    }
    if shortened > 0 {
        let message = format!(
            "the site's feed is so large that {shortened} of its articles are reduced to their summary"
        );
        diagnostics.push(Diagnostic::warning("feed-cut", message));
    }
    diagnostics
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
    let basis = Basis { site: &config.site, feeds, scope, channel: &channel, places: library };
    Some(feed::compose(basis, articles, bodies))
}

/// Writes the feed, and returns the entries that cannot be read back as they were written.
fn rejected(feed: Feed) -> Vec<Rejected> {
    match gate::write_checked(feed) {
        Ok(published) => published.quarantined,
        Err(rejected) => rejected,
    }
}

fn quarantined(rejected: &Rejected) -> Diagnostic {
    Diagnostic::error("quarantined", format!("would be left out of the feeds: {}", rejected.reason))
}
