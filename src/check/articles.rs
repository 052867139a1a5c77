//! The public articles beside one another: their titles, dates and URLs, and which of them are one article twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::article::{Location, TitleFrom};
use crate::base::{Diagnostic, Digest, RelPath, Timestamp, UrlPath, time};
use crate::library::{Article, Library, Lookup, State};

use super::Told;

/// So many files without a date that were written in one second were written by a program: a clone, a copy, an
/// archive.
const SAME_SECOND_MIN: usize = 3;

/// Compares the articles.
pub(super) fn compare(state: &State, told: &mut Told) {
    let library = state.library();
    let mut first_with: HashMap<Digest, &Arc<Article>> = HashMap::new();
    for article in library.articles() {
        let mut say = |diagnostic: Diagnostic| told.push((article.path.clone(), diagnostic));
        title(article).into_iter().for_each(&mut say);
        url(article, library).into_iter().for_each(&mut say);
        aliases(article, library).for_each(&mut say);
        let first = *first_with.entry(article.digest).or_insert(article);
        if first.seq != article.seq {
            let message = format!("has the same content as {}; both are published", first.path);
            say(Diagnostic::warning("duplicate", message));
        }
    }
    told.extend(same_second(state));
}

fn title(article: &Article) -> Option<Diagnostic> {
    let title = &article.head.title;
    match article.head.title_from {
        TitleFrom::Text => {
            let message = format!("has no title; the beginning of its text is used: {title:?}");
            Some(Diagnostic::warning("no-title", message))
        }
        TitleFrom::FileName => {
            Some(Diagnostic::note("title-from-name", format!("has no title; its file name is used: {title:?}")))
        }
        TitleFrom::FrontMatter | TitleFrom::Heading | TitleFrom::FirstLine => None,
    }
}

/// A URL that the article shares its name with another's, or that a file hides.
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
    (wanted != article.url && owner.seq != article.seq).then(|| {
        let message = format!("has the URL /{}, because /{wanted} belongs to {}", article.url, owner.path);
        Diagnostic::warning("url-numbered", message)
    })
}

/// The aliases that lead elsewhere or nowhere.
fn aliases<'a>(article: &'a Article, library: &'a Library) -> impl Iterator<Item = Diagnostic> + 'a {
    article.head.aliases.iter().filter_map(|alias| {
        let url = UrlPath::new(alias)?;
        let owner = match library.find(&url) {
            _ if url.is_reserved() => {
                let message = format!("the alias /{url} is reserved, and is ignored");
                return Some(Diagnostic::warning("alias-taken", message));
            }
            Lookup::Here(owner) | Lookup::Moved(owner) if owner.seq != article.seq => owner.path.to_string(),
            Lookup::Asset(asset) => asset.to_string(),
            _ => return None,
        };
        let message = format!("the alias /{url} already leads to {owner}");
        Some(Diagnostic::warning("alias-taken", message))
    })
}

/// Articles without a date of their own, which a first start would give the dates of their files, and whose files were
/// all written at once.
fn same_second(state: &State) -> Option<(RelPath, Diagnostic)> {
    let mut by_second: BTreeMap<i64, Vec<&RelPath>> = BTreeMap::new();
    for article in state.library().articles().filter(|article| article.head.published.is_none()) {
        let row = state.file(&article.path)?;
        by_second.entry(row.fingerprint.mtime_ns.div_euclid(1_000_000_000)).or_default().push(&article.path);
    }
    by_second.retain(|_, paths| paths.len() >= SAME_SECOND_MIN);
    let count: usize = by_second.values().map(Vec::len).sum();
    // The largest crowd, the earliest of equals, and of it the first by path.
    let (second, crowd) = by_second.iter().rev().max_by_key(|(_, paths)| paths.len())?;
    let (example, at) = (crowd.iter().min()?, Timestamp::from_second(*second).ok().map(time::rfc3339)?);
    let message = format!(
        "{count} articles have no date, and their files were modified in the same second as others', such as {example} \
         and {} more ({at}); a first start would use that as their date",
        crowd.len() - 1
    );
    Some((RelPath::root(), Diagnostic::warning("same-mtime", message)))
}
