//! The targets of links: symbolic references of bodies, wiki links, and permalinks of other generators.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Span;

use crate::article::Location;
use crate::base::media::is_asset;
use crate::base::path::{FileKind, Markup};
use crate::base::route::slug;
use crate::base::{Digest, RelPath, Route, Scope, UrlPath};

use super::permalink::Permalink;
use super::{Article, Library, Lookup, Seq};

impl Library {
    /// The route that a symbolic reference of a [`crate::article::Body`] means (the text between the two U+0001,
    /// unescaped); `None` where nothing is known to stand there. The empty reference, the article itself, is its
    /// holder's to resolve.
    pub fn locate(&self, reference: &str) -> Option<Route> {
        if let Some(name) = reference.strip_prefix('?') {
            return self.named(name);
        }
        match reference.strip_prefix('/') {
            Some("") => Some(Route::Home),
            None => self.relative(reference),
            // No URL ends like a text: `/news/a.md` is the file, as GitHub and Obsidian write it.
            Some(path) => {
                self.at_url(path).or_else(|| self.at_file(path).filter(|_| is_named_as_text(path)))
            }
        }
    }

    /// The target of a link relative to its file. Where nothing is there, its author wrote it for another directory: it
    /// is tried from each directory above, up to the root.
    fn relative(&self, reference: &str) -> Option<Route> {
        let mut rest = reference;
        loop {
            let route = self.at_file(rest.trim_end_matches('/')).or_else(|| self.at_url(rest));
            if route.is_some() {
                return route;
            }
            rest = rest.split_once('/')?.1;
        }
    }

    /// The target of a wiki link: a path from the root without its extension, the end of such a path, the name or title
    /// of a note anywhere, or the name of an asset anywhere. An asset that is not there (yet) has the URL that it would
    /// have, so that a picture never loses its `src`.
    fn named(&self, name: &str) -> Option<Route> {
        if let Some(route) = self.at_file(name) {
            return Some(route);
        }
        if let Some(wanted) = RelPath::new(name).filter(is_asset) {
            let found = self.assets.named(&wanted).or_else(|| self.private.named(&wanted));
            let asset = found.unwrap_or(&wanted);
            return self.asset_url(asset).map(Route::Resource);
        }
        let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
        let stem = RelPath::new(last).map_or_else(|| last.to_owned(), |path| stem_of_text(&path));
        let article = self.nearest(&stem, folders).or_else(|| self.nearest(last, folders))?;
        Some(Route::Resource(article.url.clone()))
    }

    /// Of the articles called `name`: the one whose directories end most like `folders`; of equals, the one with the
    /// shortest path, as Obsidian chooses; of those, the oldest.
    fn nearest(&self, name: &str, folders: &str) -> Option<&Arc<Article>> {
        self.called(name).min_by_key(|article| {
            let directory = article.path.parent();
            let wanted = folders.rsplit('/').map(slug);
            let own = directory.iter().flat_map(|path| path.segments().rev()).map(slug);
            let alike = wanted.zip(own).take_while(|(one, other)| one == other).count();
            (Reverse(alike), article.path.segments().count(), article.seq)
        })
    }

    /// The articles with this name, by number.
    fn called(&self, name: &str) -> impl Iterator<Item = &Arc<Article>> {
        let name = called(name);
        let namesakes = self.names.range((name, 0)..=(name, Seq::MAX));
        namesakes.filter_map(|(_, seq)| self.article(*seq))
    }

    /// The article that a permalink of another generator means: `2026/03/23/slug`, `2026/03/slug` or `2026/slug`, in the
    /// root or in the article's directory.
    pub(super) fn dated(&self, path: &UrlPath) -> Option<Arc<Article>> {
        let permalink = Permalink::of(path)?;
        // An author's midnight may be another day in the site's zone, so the days beside it count too, after the day.
        for days in [0, -1, 1] {
            for article in self.called(&permalink.slug) {
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

    /// A file by its path, with or without its extension, or the `index` of a directory.
    fn at_file(&self, path: &str) -> Option<Route> {
        if let Some(asset) = self.asset(path).or_else(|| self.private_file(path)) {
            return self.asset_url(&asset).map(Route::Resource);
        }
        let ends = ["", ".md", ".markdown", ".html", ".htm", ".txt", "/index.md", "/index.html"];
        let at = |end: &str| {
            let file = RelPath::new(&format!("{path}{end}"))?;
            self.at_path(self.linked.get(&file).unwrap_or(&file))
        };
        let article = ends.into_iter().find_map(at).or_else(|| {
            // A link to `x.html` was written for the rendered site; the file is `x.md`.
            let stem = path.strip_suffix(".html").or_else(|| path.strip_suffix(".htm"))?;
            [".md", ".markdown", ".txt"]
                .into_iter()
                .find_map(|end| self.at_path(&RelPath::new(&format!("{stem}{end}"))?))
        });
        if let Some(article) = article {
            return Some(Route::Resource(article.url.clone()));
        }
        let directory = RelPath::new(path.strip_suffix("/_index.md").unwrap_or(path))?;
        let scope = Scope::Directory(UrlPath::of_names(directory.segments())?);
        self.channels.contains_key(&scope).then_some(Route::Index(scope))
    }
}

/// The names of an article for wiki links and permalinks: its file's name (with and without its date), its slug, the
/// last segment of its URL, and its title. Most are one.
pub(super) fn names(article: &Article) -> Vec<u64> {
    let mut names = vec![called(article.path.stem())];
    names.extend(Location::of(&article.path).names.last().map(|name| called(name)));
    names.extend(article.url.segments().next_back().map(called));
    names.extend(article.head.slug.as_deref().map(called));
    if !article.head.title.is_empty() {
        names.push(called(&article.head.title));
    }
    names
}

/// A name as a number: names that differ in case or punctuation alone are one. A number of 64 bits costs less than a
/// text for each name of each article, and no two names of one site meet by chance.
fn called(name: &str) -> u64 {
    Digest::of(slug(name).as_bytes()).prefix()
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
