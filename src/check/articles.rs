//! Compares the public articles with each other: titles, dates, URLs, duplicates.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::article::{Location, TitleFrom};
use crate::base::{Diagnostic, Digest, RelPath, Timestamp, UrlPath, special, time};
use crate::library::{self, Article, Library, Lookup, Policy, State};

use super::Diagnostics;

/// If this many files were modified in one second, a program did it: a clone, a copy, an archive.
const SAME_SECOND_MIN: usize = 3;

/// Compares the articles.
pub(super) fn compare(state: &State, policy: &Policy, diagnostics: &mut Diagnostics) {
    let library = state.library();
    let mut first_with: HashMap<Digest, Arc<Article>> = HashMap::new();
    for article in library.articles() {
        let mut found = aliases(&article, library, policy);
        found.extend(title(&article));
        found.extend(url(&article, library));
        let first = first_with.entry(article.digest).or_insert_with(|| Arc::clone(&article));
        if first.seq != article.seq {
            let message = format!("has the same content as {}; both are published", first.path);
            found.push(Diagnostic::warning("duplicate", message));
        }
        for diagnostic in found {
            diagnostics.push((article.path.clone(), diagnostic));
        }
    }
    diagnostics.extend(same_second(state));
    for (path, _) in state.files() {
        diagnostics.extend(hidden(&path, library).map(|found| (path.clone(), found)));
    }
}

/// Reports a file of `static/` that something else hides at the site's root.
fn hidden(path: &RelPath, library: &Library) -> Option<Diagnostic> {
    let url = UrlPath::new(special::beneath_static(path.as_str())?)?;
    if !library.is_asset(path) {
        return None;
    }
    let owner = match library.find(&url) {
        Lookup::Asset(found) if found == *path => return None,
        Lookup::Asset(owner) => owner,
        Lookup::Here(article) | Lookup::Moved(article) => article.path.clone(),
        Lookup::Gone | Lookup::Missing => return None,
    };
    let message = format!("is at /{path}, because /{url} is already used by {owner}");
    Some(Diagnostic::warning("url-taken", message))
}

fn title(article: &Article) -> Option<Diagnostic> {
    let title = &article.head.title;
    match article.head.title_from {
        TitleFrom::Text => {
            let message = format!("has no title; the beginning of its text is used: {title:?}");
            Some(Diagnostic::warning("no-title", message))
        }
        TitleFrom::FileName => Some(Diagnostic::note(
            "title-from-name",
            format!("has no title; its file name is used: {title:?}"),
        )),
        TitleFrom::FrontMatter | TitleFrom::Heading | TitleFrom::FirstLine => None,
    }
}

/// Reports a URL that is numbered because another article has the wanted one, or that an asset
/// hides.
fn url(article: &Article, library: &Library) -> Option<Diagnostic> {
    if let Lookup::Asset(asset) = library.find(&article.url) {
        let message = format!("cannot appear at /{}, which is the file {asset}", article.url);
        return Some(Diagnostic::error("url-taken", message));
    }
    let head = &article.head;
    if head.slug.is_some() || head.path.is_some() {
        return None;
    }
    let wanted = UrlPath::of_names(Location::of(&article.path).names.iter().map(String::as_str))?;
    let (Lookup::Here(owner) | Lookup::Moved(owner)) = library.find(&wanted) else { return None };
    if wanted == article.url || owner.seq == article.seq {
        return None;
    }
    let message = format!(
        "has the URL /{}, because /{wanted} is already used by {}",
        article.url, owner.path
    );
    Some(Diagnostic::warning("url-numbered", message))
}

/// Reports the aliases that do not lead to the article.
fn aliases(article: &Article, library: &Library, policy: &Policy) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let aliases = &article.head.aliases;
    for alias in aliases {
        let Some(url) = library::alias_url(alias, policy) else { continue };
        // Of one that is relative to the directory or to the root, one meaning is enough.
        let longer = format!("/{alias}");
        if aliases.iter().any(|other| other.ends_with(&longer)) {
            continue;
        }
        let message = match library.find(&url) {
            _ if url.is_reserved() || policy.reserved.contains(&url) => {
                format!("the alias /{url} is reserved, and is ignored")
            }
            Lookup::Here(owner) | Lookup::Moved(owner) if owner.seq != article.seq => {
                format!("the alias /{url} already leads to {}", owner.path)
            }
            Lookup::Asset(asset) => format!("the alias /{url} already leads to {asset}"),
            _ => continue,
        };
        found.push(Diagnostic::warning("alias-taken", message));
    }
    found
}

/// Reports articles without a date, which a first start would date by their files, if those were
/// all written at once.
fn same_second(state: &State) -> Option<(RelPath, Diagnostic)> {
    let mut by_second: BTreeMap<i64, Vec<RelPath>> = BTreeMap::new();
    for article in state.library().articles().filter(|article| article.head.published.is_none()) {
        let row = state.file(&article.path)?;
        by_second
            .entry(row.fingerprint.mtime_ns.div_euclid(1_000_000_000))
            .or_default()
            .push(article.path.clone());
    }
    by_second.retain(|_, paths| paths.len() >= SAME_SECOND_MIN);
    let count: usize = by_second.values().map(Vec::len).sum();
    // The largest group, the earliest of equals, and of it the first by path.
    let (second, group) = by_second.iter().rev().max_by_key(|(_, paths)| paths.len())?;
    let (example, at) =
        (group.iter().min()?, Timestamp::from_second(*second).ok().map(time::rfc3339)?);
    let message = format!(
        "{count} articles have no date, and their files were modified in the same second as others', such as {example} \
         and {} more ({at}); a first start would use that as their date",
        group.len() - 1
    );
    Some((RelPath::root(), Diagnostic::warning("same-mtime", message)))
}
