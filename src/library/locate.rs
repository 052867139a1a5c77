//! The targets of links: symbolic references of bodies, wiki links, and permalinks of other
//! generators.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Span;

use crate::article::Location;
use crate::article::symbol::{Target, directories};
use crate::base::media::is_asset;
use crate::base::path::{FileKind, Markup};
use crate::base::route::slug;
use crate::base::{Digest, RelPath, Route, Scope, UrlPath};

use super::articles::{Pair, number, pairs_of};
use super::permalink::Permalink;
use super::{Article, Library, Lookup};

/// Names of files that many directories have. They mean the one that is named, and no other.
const COMMON_NAMES: [&str; 3] = ["index", "_index", "readme"];

impl Library {
    /// The route that a symbolic reference of a [`crate::article::Body`] means (the text between
    /// the two U+0001, unescaped); `None` where nothing is known to be there. The empty
    /// reference, the article itself, is its holder's to resolve.
    pub fn locate(&self, reference: &str) -> Option<Route> {
        match Target::of(reference) {
            Target::Own => None,
            Target::Site("") => Some(Route::Home),
            // No URL ends like a text: `/news/a.md` is the file, as GitHub and Obsidian write it.
            Target::Site(path) => match self.at_url(path) {
                None if is_named_as_text(path) => self.at_file(path),
                route => route,
            },
            Target::Path { directory, path } => {
                let (directory, own_folder) = directories(directory);
                self.beside(directory, path)
                    .or_else(|| self.beside(own_folder?, path))
                    .or_else(|| self.above(directory, path))
                    .or_else(|| self.elsewhere(directory, path))
            }
            Target::Name { directory, name } => self.named(directory, name),
        }
    }

    /// The target of a path in `directory`.
    fn beside(&self, directory: &str, path: &str) -> Option<Route> {
        let full = beneath(directory, path);
        self.at_file(full.trim_end_matches('/')).or_else(|| self.at_url(&full))
    }

    /// The target of a path in the nearest directory above that has it, up to the root.
    fn above(&self, directory: &str, path: &str) -> Option<Route> {
        let mut directory = directory;
        while !directory.is_empty() {
            directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
            let route = self.beside(directory, path);
            if route.is_some() {
                return route;
            }
        }
        None
    }

    /// The target of the path of a file that is in another directory, as Obsidian writes the
    /// shortest path that is unique. The directories that are written must be those of the file, as
    /// far as both go.
    fn elsewhere(&self, directory: &str, path: &str) -> Option<Route> {
        let wanted = RelPath::new(path)?;
        if is_asset(&wanted) {
            let beside = RelPath::new(&beneath(directory, path))?;
            let asset = self.assets.named(&beside).filter(|asset| agree(asset, &wanted))?;
            return self.asset_url(asset).map(Route::Resource);
        }
        if FileKind::of(&wanted) == FileKind::Other || COMMON_NAMES.contains(&&*slug(wanted.stem()))
        {
            return None;
        }
        let mut meant = self.called(wanted.stem());
        meant.retain(|article| is_file_called(article, &wanted) && agree(&article.path, &wanted));
        let folders = wanted.parent().unwrap_or_else(RelPath::root);
        nearest(meant, folders.as_str(), directory)
    }

    /// The target of a wiki link in an article of `directory`: a path from the root without its
    /// extension, the end of such a path, the name or title of a note anywhere, or the name of an
    /// asset anywhere. An asset that is not there (yet) has the URL that it would have, so that a
    /// picture never loses its `src`.
    fn named(&self, directory: &str, name: &str) -> Option<Route> {
        if let Some(wanted) = RelPath::new(name).filter(is_asset) {
            let beside = RelPath::new(&beneath(directory, name)).unwrap_or(wanted);
            let asset = self
                .asset(beside.as_str())
                .or_else(|| self.asset(name))
                .or_else(|| self.assets.named(&beside).cloned())
                .or_else(|| self.private.named(&beside).cloned());
            return self.asset_url(&asset.unwrap_or(beside)).map(Route::Resource);
        }
        if let Some(route) = self.at_file(name) {
            return Some(route);
        }
        let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
        let stem = match RelPath::new(last) {
            Some(path) => stem_of_text(&path),
            None => last.to_owned(),
        };
        nearest(self.called(&stem), folders, directory)
            .or_else(|| nearest(self.called(last), folders, directory))
    }

    /// The articles with this name, by number.
    fn called(&self, name: &str) -> Vec<Arc<Article>> {
        let name = number_of(name);
        let mut articles = Vec::new();
        for (_, seq) in self.names.range(pairs_of(beginning(name))) {
            // The set has the beginnings of the numbers alone.
            if let Some(article) = self.article(seq.into())
                && names(&article).contains(&name)
            {
                articles.push(article);
            }
        }
        articles
    }

    /// The article that a permalink of another generator means: `2026/03/23/slug`, `2026/03/slug`
    /// or `2026/slug`, in the root or in the article's directory. `key`: that of its path.
    pub(super) fn dated(&self, key: &UrlPath) -> Option<Arc<Article>> {
        let permalink = Permalink::of(key)?;
        // An author's midnight may be another day in the site's zone, so the days beside it count
        // too, after the day.
        let articles = self.called(&permalink.slug);
        for days in [0, -1, 1] {
            for article in &articles {
                let day = article.published.to_zoned(self.zone.clone()).date();
                let day = day.saturating_add(Span::new().days(days));
                if permalink.fits(day) && permalink.is_in(&article.path) {
                    return Some(Arc::clone(article));
                }
            }
        }
        None
    }

    fn at_url(&self, path: &str) -> Option<Route> {
        let path = UrlPath::new(path)?;
        // What a body refers to is served for that.
        if self.private_file(path.as_str()).is_some() {
            return Some(Route::Resource(path));
        }
        match self.find(&path) {
            Lookup::Here(article) | Lookup::Moved(article) => {
                Some(Route::Resource(article.url.clone()))
            }
            Lookup::Asset(asset) => self.asset_url(&asset).map(Route::Resource),
            Lookup::Gone | Lookup::Missing => {
                let scope = Scope::Directory(path);
                self.channels.contains_key(&scope).then_some(Route::Index(scope))
            }
        }
    }

    /// The article at `path`, or at the target of a link there.
    fn behind_link(&self, path: &str) -> Option<Arc<Article>> {
        let file = RelPath::new(path)?;
        self.at_path(self.linked.get(&file).unwrap_or(&file))
    }

    /// A file by its path, with or without its extension, or the `index` of a directory.
    fn at_file(&self, path: &str) -> Option<Route> {
        if let Some(asset) = self.asset(path).or_else(|| self.private_file(path)) {
            return self.asset_url(&asset).map(Route::Resource);
        }
        for end in ["", ".md", ".markdown", ".html", ".htm", ".txt", "/index.md", "/index.html"] {
            if let Some(article) = self.behind_link(&format!("{path}{end}")) {
                return Some(Route::Resource(article.url.clone()));
            }
        }
        // A link to `x.html` was written for the rendered site; the file is `x.md`.
        if let Some(stem) = path.strip_suffix(".html").or_else(|| path.strip_suffix(".htm")) {
            for end in [".md", ".markdown", ".txt"] {
                let file = RelPath::new(&format!("{stem}{end}"));
                if let Some(article) = file.and_then(|file| self.at_path(&file)) {
                    return Some(Route::Resource(article.url.clone()));
                }
            }
        }
        let directory = RelPath::new(path.strip_suffix("/_index.md").unwrap_or(path))?;
        let scope = Scope::Directory(UrlPath::of_names(directory.segments())?);
        self.channels.contains_key(&scope).then_some(Route::Index(scope))
    }
}

/// Of these articles: the one whose directories end most like `folders`; of equals, the nearest to
/// `directory`; of those, the one with the shortest path, as Obsidian chooses; of those, the oldest.
fn nearest(articles: Vec<Arc<Article>>, folders: &str, directory: &str) -> Option<Route> {
    let nearest = articles.into_iter().min_by_key(|article| {
        let own = article.path.parent().unwrap_or_else(RelPath::root);
        let wanted = folders.rsplit('/').map(slug);
        let alike = common(wanted, own.segments().rev().map(slug));
        let near = common(directory.split('/'), own.segments());
        (Reverse(alike), Reverse(near), article.path.segments().count(), article.seq)
    });
    Some(Route::Resource(nearest?.url.clone()))
}

/// Whether the file of the article has the name of `wanted`, with or without its date.
fn is_file_called(article: &Article, wanted: &RelPath) -> bool {
    let wanted = slug(wanted.stem());
    if slug(article.path.stem()) == wanted {
        return true;
    }
    match Location::of(&article.path).names.last() {
        Some(name) => slug(name) == wanted,
        None => false,
    }
}

/// The names of an article for wiki links and permalinks: its file's name (with and without its
/// date), its slug, the last segment of its URL, and its title. Most are one.
fn names(article: &Article) -> Vec<u64> {
    let mut names = vec![number_of(article.path.stem())];
    if let Some(name) = Location::of(&article.path).names.last() {
        names.push(number_of(name));
    }
    if let Some(last) = article.url.segments().next_back() {
        names.push(number_of(last));
    }
    if let Some(slug) = &article.head.slug {
        names.push(number_of(slug));
    }
    if !article.head.title.is_empty() {
        names.push(number_of(&article.head.title));
    }
    names
}

/// A name as a number: names that differ in case or punctuation alone are one. A number of 64 bits
/// costs less than a text for each name of each article, and no two names of one site meet by
/// chance.
fn number_of(name: &str) -> u64 {
    Digest::of(slug(name).as_bytes()).prefix()
}

/// The names of an article, as they are kept.
pub(super) fn pairs(article: &Article) -> Vec<Pair> {
    names(article).into_iter().map(|name| (beginning(name), number(article.seq))).collect()
}

/// The part of such a number that every name of every article is found by.
fn beginning(name: u64) -> u32 {
    (name >> 32) as u32
}

/// Whether two paths have the same directories, from the last one on, as far as both have any.
fn agree(path: &RelPath, other: &RelPath) -> bool {
    let directories = path.segments().rev().skip(1).zip(other.segments().rev().skip(1));
    directories.into_iter().all(|(one, other)| slug(one) == slug(other))
}

/// The number of items with which both begin.
pub(super) fn common<T: PartialEq>(
    some: impl Iterator<Item = T>,
    others: impl Iterator<Item = T>,
) -> usize {
    let mut count = 0;
    for (one, other) in some.zip(others) {
        if one != other {
            break;
        }
        count += 1;
    }
    count
}

fn beneath(directory: &str, path: &str) -> String {
    if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
}

/// Whether this is the name of a text; no URL ends like one. `.html` is one that URLs do end like.
fn is_named_as_text(path: &str) -> bool {
    let kind = RelPath::new(path).map(|path| FileKind::of(&path));
    matches!(kind, Some(FileKind::Article(Markup::Markdown | Markup::Text)))
}

/// The name without an article's extension; other dots belong to the name.
fn stem_of_text(path: &RelPath) -> String {
    match FileKind::of(path) {
        FileKind::Other => path.name().to_owned(),
        _ => path.stem().to_owned(),
    }
}
