//! The library: every public article as a value, and what each change of the tree makes of it.
//!
//! `ledger` is what is remembered, in `rows`; `state` is the ledger and the library as one value; a `step` applies
//! observations to it; and [`Library`] is the view that everything public is a function of. Pure: `now` is an argument, and the same rows give the same library.

mod address;
mod assets;
mod channel;
mod ledger;
mod permalink;
mod rows;
#[cfg(test)]
mod simulation;
pub mod state;
mod step;

use std::cmp::Reverse;
use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use jiff::Span;
use jiff::tz::TimeZone;

use crate::article::{Head, Location};
use crate::base::media::is_asset;
use crate::base::route::slug;
use crate::base::{Digest, RelPath, Route, Scope, Timestamp, UrlPath};

pub use channel::audience;
pub use rows::{ChannelRow, Commit, DocumentRow, FileRow, Kept, Record, Remembered, Standing};
pub use state::{Found, Notice, Observation, Outcome, Policy, Reweigh, Scan, State};

use assets::Assets;
use channel::Members;
use permalink::Permalink;

/// The number an article gets when it first becomes public; for ever. From 1.
pub type Seq = u64;

/// The site's picture, in the article directory itself: feeds show it.
pub const ICON: &str = "icon.png";

/// The files that browsers get for `/favicon.ico`: the first that is there.
const FAVICONS: [&str; 2] = ["favicon.ico", ICON];

/// One public article, as feeds and pages see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Article {
    /// Its publication number.
    pub seq: Seq,
    /// Its id, frozen.
    pub id: String,
    /// Its file.
    pub path: RelPath,
    /// Where its page stands.
    pub url: UrlPath,
    /// What it says of itself.
    pub head: Arc<Head>,
    /// When it became public, or when its author says it did.
    pub published: Timestamp,
    /// When more than a few of its words last changed; never before `published`.
    pub updated: Timestamp,
    /// The digest of the bytes that are published.
    pub digest: Digest,
}

/// What stands at a URL path.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// A public article whose URL is exactly this.
    Here(Arc<Article>),
    /// A public article whose URL this once was, or that this misspells: redirect.
    Moved(Arc<Article>),
    /// A file beneath the article directory that is served as it is.
    Asset(RelPath),
    /// An article was here and was taken away.
    Gone,
    /// Nothing ever was.
    Missing,
}

/// The articles of one scope, without the articles.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// A title of its own, from `_index.md`.
    pub title: Option<String>,
    /// A description of its own, from `_index.md`.
    pub description: Option<String>,
    /// What it is called where it has no title of its own: the directory's name, the tag as written, the author's name.
    pub name: String,
    /// Changes whenever anything does that the channel's feeds show.
    pub version: Digest,
    /// The newest `updated` that its feed ever had; never the clock.
    pub watermark: Timestamp,
    /// When it last changed: whole seconds, growing with every change.
    pub modified: Timestamp,
    /// How many public articles it lists.
    pub count: usize,
}

/// What a `_index.md` says of its directory.
#[derive(Debug, Clone, PartialEq)]
struct Section {
    title: String,
    description: Option<String>,
}

/// A public article with the scopes it was put into, so that it can be taken out of them again.
#[derive(Debug, Clone)]
struct Row {
    article: Arc<Article>,
    scopes: Arc<[Scope]>,
}

/// A scope and what it holds.
#[derive(Debug, Clone)]
struct ChannelState {
    row: ChannelRow,
    members: Members,
}

/// Every public article. Cheap to copy; never changed in place once published.
#[derive(Debug, Clone)]
pub struct Library {
    rows: OrdMap<Seq, Row>,
    /// The last article of every path, public or not: the ledger's own map.
    by_path: HashMap<RelPath, Seq>,
    /// Whose every URL is that ever was public, by its key.
    urls: HashMap<UrlPath, Seq>,
    /// Every article by the digests of what it is called (file names and titles): what wiki links mean.
    names: OrdSet<(u64, Seq)>,
    channels: OrdMap<Scope, ChannelState>,
    sections: HashMap<Scope, Section>,
    assets: Assets,
    /// The sum of the numbers of every row and section, listed or not: what pages show, in no order.
    shown: u128,
    /// The digest of everything in the configuration that feeds and pages show.
    base: Digest,
    /// The zone of the site, in which a permalink names a day.
    zone: TimeZone,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            rows: OrdMap::new(),
            by_path: HashMap::new(),
            urls: HashMap::new(),
            names: OrdSet::new(),
            channels: OrdMap::new(),
            sections: HashMap::new(),
            assets: Assets::default(),
            shown: 0,
            base: Digest::of(b""),
            zone: TimeZone::UTC,
        }
    }
}

impl Library {
    /// What stands at `path`.
    pub fn find(&self, path: &UrlPath) -> Lookup {
        if let Some(asset) = self.asset(path.as_str()) {
            return Lookup::Asset(asset);
        }
        let Some(seq) = self.urls.get(&path.key()) else {
            if self.channels.contains_key(&Scope::Directory(path.key())) {
                return Lookup::Missing;
            }
            return self.dated(path).map_or(Lookup::Missing, Lookup::Moved);
        };
        match self.rows.get(seq) {
            Some(row) if row.article.url == *path => Lookup::Here(Arc::clone(&row.article)),
            Some(row) => Lookup::Moved(Arc::clone(&row.article)),
            None => Lookup::Gone,
        }
    }

    /// The article with this number, where it is public.
    pub fn article(&self, seq: Seq) -> Option<&Arc<Article>> {
        self.rows.get(&seq).map(|row| &row.article)
    }

    /// The public article whose file is `path`.
    pub fn at_path(&self, path: &RelPath) -> Option<&Arc<Article>> {
        let article = self.by_path.get(path).and_then(|seq| self.article(*seq));
        article.filter(|article| article.path == *path)
    }

    /// The public articles just before and just after `seq`, by number.
    pub fn neighbours(&self, seq: Seq) -> (Option<&Arc<Article>>, Option<&Arc<Article>>) {
        let listed = |row: &&Row| audience(&row.article).lists;
        let before = self.rows.range(..seq).rev().map(|(_, row)| row).find(listed);
        let after = self.rows.range(seq + 1..).map(|(_, row)| row).find(listed);
        (before.map(|row| &row.article), after.map(|row| &row.article))
    }

    /// How many articles are public.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Is nothing public?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every public article, by number.
    pub fn articles(&self) -> impl Iterator<Item = &Arc<Article>> {
        self.rows.values().map(|row| &row.article)
    }

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
            let asset = self.assets.named(&wanted).unwrap_or(&wanted);
            return UrlPath::new(asset.as_str()).map(Route::Resource);
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
    fn dated(&self, path: &UrlPath) -> Option<Arc<Article>> {
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
        match self.find(&path) {
            Lookup::Here(article) | Lookup::Moved(article) => {
                Some(Route::Resource(article.url.clone()))
            }
            Lookup::Asset(asset) => UrlPath::new(asset.as_str()).map(Route::Resource),
            Lookup::Gone | Lookup::Missing => {
                let scope = Scope::Directory(path);
                self.channels.contains_key(&scope).then_some(Route::Index(scope))
            }
        }
    }

    /// A file by its path, with or without its extension, or the `index` of a directory.
    fn at_file(&self, path: &str) -> Option<Route> {
        if let Some(asset) = self.asset(path) {
            return UrlPath::new(asset.as_str()).map(Route::Resource);
        }
        let ends = ["", ".md", ".markdown", ".html", ".htm", ".txt", "/index.md", "/index.html"];
        let at = |end: &str| self.at_path(&RelPath::new(&format!("{path}{end}"))?);
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

    /// Is there a picture that stands for the site, and in every feed?
    fn has_icon(&self) -> bool {
        self.asset(ICON).is_some()
    }

    /// The file that browsers get as the site's icon, where there is one.
    pub fn favicon(&self) -> Option<RelPath> {
        FAVICONS.into_iter().find_map(|name| self.asset(name))
    }

    fn asset(&self, path: &str) -> Option<RelPath> {
        RelPath::new(path).filter(|path| self.assets.contains(path))
    }

    /// The channel of a scope that has, or once had, articles. A site of one author has no author channels.
    pub fn channel(&self, scope: &Scope) -> Option<Channel> {
        if matches!(scope, Scope::Author(_)) && self.authors().nth(1).is_none() {
            return None;
        }
        let place = self.channels.get(scope)?;
        let section = self.sections.get(scope);
        let title = section.map(|section| section.title.clone());
        let description = section.and_then(|section| section.description.clone());
        let (sum, name, icon) = (place.members.sum(), &place.row.name, self.has_icon());
        let shown = format!("{} {sum} {title:?} {description:?} {name} {icon}", self.base);
        Some(Channel {
            title,
            description,
            name: place.row.name.clone(),
            version: Digest::of(shown.as_bytes()),
            watermark: place.row.watermark,
            modified: place.row.modified,
            count: place.members.count(),
        })
    }

    /// Changes whenever anything does that any page shows.
    pub fn version(&self) -> Digest {
        Digest::of(format!("{} {} {}", self.base, self.shown, self.assets.sum()).as_bytes())
    }

    /// Every scope that has, or once had, articles, in a fixed order: the site first.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let one_author = self.authors().nth(1).is_none();
        self.channels.keys().filter(move |scope| !(one_author && matches!(scope, Scope::Author(_))))
    }

    fn authors(&self) -> impl Iterator<Item = &Scope> {
        let is_author = |scope: &&Scope| matches!(scope, Scope::Author(_));
        self.channels
            .iter()
            .filter(|(_, place)| place.members.count() > 0)
            .map(|(scope, _)| scope)
            .filter(is_author)
    }

    /// The scopes that carry an article, the site among them.
    pub fn scopes_of(&self, seq: Seq) -> &[Scope] {
        self.rows.get(&seq).map_or(&[], |row| &row.scopes)
    }

    /// The scope of a tag, where some article has, or once had it.
    pub fn tag(&self, tag: &str) -> Option<Scope> {
        let scope = self.label(Scope::Tag, &address::tag_slug(tag), tag)?;
        self.channel(&scope).map(|_| scope)
    }

    /// The scope of an author; none where the site has one author alone.
    pub fn author(&self, name: &str) -> Option<Scope> {
        let scope = self.label(Scope::Author, &slug(name), name)?;
        self.channel(&scope).map(|_| scope)
    }

    /// The scope that a tag or an author has or would get: its slug, or its slug with a number where another has it.
    fn label(&self, scope: fn(UrlPath) -> Scope, slug: &str, name: &str) -> Option<Scope> {
        let base = UrlPath::new(slug)?;
        let folded = address::folded(name);
        let fits = |scope: &Scope| {
            self.channels.get(scope).is_none_or(|place| address::folded(&place.row.name) == folded)
        };
        let numbered = (2..=ledger::TWINS_MAX).map(|n| scope(base.numbered(n)));
        std::iter::once(scope(base.clone())).chain(numbered).find(fits)
    }

    /// What the feed of a scope holds: the `limit` articles that became public last, newest `published` first.
    pub fn entries(&self, scope: &Scope, limit: usize) -> Vec<Arc<Article>> {
        let Some(place) = self.channels.get(scope) else { return Vec::new() };
        let mut entries = self.all(place.members.newest(limit));
        entries.sort_by_key(|article| std::cmp::Reverse((article.published, article.seq)));
        entries
    }

    /// The newest articles of a scope by `published`, for its page: at most `limit`, after leaving out `skip`.
    pub fn listed(&self, scope: &Scope, skip: usize, limit: usize) -> Vec<Arc<Article>> {
        let Some(place) = self.channels.get(scope) else { return Vec::new() };
        self.all(place.members.by_date().map(|(_, seq)| seq).skip(skip).take(limit))
    }

    /// The listed articles of the site that were published in `from..to`, newest first.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Vec<Arc<Article>> {
        let Some(place) = self.channels.get(&Scope::Site) else { return Vec::new() };
        self.all(place.members.between(from, to))
    }

    /// When the listed articles of the site were published, newest first.
    pub fn dates(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.channels
            .get(&Scope::Site)
            .into_iter()
            .flat_map(|place| place.members.by_date())
            .map(|(at, _)| at)
    }

    fn all(&self, seqs: impl Iterator<Item = Seq>) -> Vec<Arc<Article>> {
        seqs.filter_map(|seq| self.article(seq).cloned()).collect()
    }

    fn insert(&mut self, article: Arc<Article>, scopes: Arc<[Scope]>) {
        for scope in scopes.iter() {
            if let Some(place) = self.channels.get_mut(scope) {
                place.members.insert(&article);
                if audience(&article).feeds {
                    place.row.watermark = place.row.watermark.max(article.updated);
                }
            }
        }
        for name in names(&article) {
            self.names.insert((name, article.seq));
        }
        self.shown = self.shown.wrapping_add(channel::fingerprint(&article));
        self.rows.insert(article.seq, Row { article, scopes });
    }

    fn remove(&mut self, seq: Seq) -> Option<Row> {
        let row = self.rows.remove(&seq)?;
        self.shown = self.shown.wrapping_sub(channel::fingerprint(&row.article));
        for scope in row.scopes.iter() {
            if let Some(place) = self.channels.get_mut(scope) {
                place.members.remove(&row.article);
            }
        }
        for name in names(&row.article) {
            self.names.remove(&(name, seq));
        }
        Some(row)
    }
}

/// The names of an article for wiki links and permalinks: its file's name (with and without its date), its slug, the
/// last segment of its URL, and its title. Most are one.
fn names(article: &Article) -> Vec<u64> {
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

/// Is this the name of a text, which no URL ends like? `.html` is one that URLs do end like.
fn is_named_as_text(path: &str) -> bool {
    use crate::base::path::{FileKind, Markup};
    let kind = RelPath::new(path).map(|path| FileKind::of(&path));
    matches!(kind, Some(FileKind::Article(Markup::Markdown | Markup::Text)))
}

/// The name without an article's extension; other dots belong to the name.
fn stem_of_text(path: &RelPath) -> String {
    match crate::base::path::FileKind::of(path) {
        crate::base::path::FileKind::Other => path.name().to_owned(),
        _ => path.stem().to_owned(),
    }
}
