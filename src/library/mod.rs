//! The library: every public article as a value, and what each change of the tree makes of it.
//!
//! `ledger` is what is remembered, in `rows`; `state` is the ledger and the library as one value; a `step` applies
//! observations to it; and [`Library`] is the view that everything public is a function of. Pure: `now` is an argument, and the same rows give the same library.

mod address;
pub mod adopt;
mod assets;
mod channel;
pub mod guard;
pub mod id_template;
mod ledger;
mod locate;
mod matching;
pub mod old_feed;
mod permalink;
mod rows;
#[cfg(test)]
mod simulation;
pub mod state;
mod step;

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use jiff::tz::TimeZone;

use crate::article::Head;
use crate::base::route::slug;
use crate::base::{Digest, RelPath, Scope, Timestamp, UrlPath};

pub use channel::audience;
pub(crate) use matching::title_key;
pub use rows::{ChannelRow, Commit, DocumentRow, FileRow, Kept, Record, Remembered, Standing};
pub use state::{Found, Notice, Observation, Outcome, Policy, Reweigh, Scan, State};
pub use step::{Fate, IMPORT, UNDO, Undo};

use assets::Assets;
use channel::Members;
use locate::names;
use old_feed::Imported;

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
    /// The URL of its page.
    pub url: UrlPath,
    /// Its front matter and title.
    pub head: Arc<Head>,
    /// When it became public, or when its author says it did.
    pub published: Timestamp,
    /// When more than a few of its words last changed; never before `published`.
    pub updated: Timestamp,
    /// The digest of the bytes that are published.
    pub digest: Digest,
    /// What an import gave it.
    pub imported: Option<Arc<Imported>>,
}

/// The answer to a URL path.
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
    /// Its name where it has no title of its own: the directory's name, the tag as written, the author's name.
    pub name: String,
    /// Changes whenever anything does that the channel's feeds show.
    pub version: Digest,
    /// The newest `updated` that its feed ever had; never the clock.
    pub watermark: Timestamp,
    /// When it last changed: whole seconds, growing with every change.
    pub modified: Timestamp,
    /// How many public articles it lists.
    pub count: usize,
    /// The id of its feed, where an import gave it one.
    pub feed_id: Option<Arc<str>>,
}

/// The title and description of a directory, from its `_index.md`.
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
    /// The owner of every URL that ever was public, by its key.
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
    /// The id of the old site's feed, which the feed of the site keeps.
    feed_id: Option<Arc<str>>,
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
            feed_id: None,
        }
    }
}

impl Library {
    /// Looks up a URL path.
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

    /// Whether nothing is public.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every public article, by number.
    pub fn articles(&self) -> impl Iterator<Item = &Arc<Article>> {
        self.rows.values().map(|row| &row.article)
    }

    /// Whether there is a picture of the site, which every feed shows.
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
        let mut shown = format!("{} {sum} {title:?} {description:?} {name} {icon}", self.base);
        if let Some(id) = self.feed_id.as_ref().filter(|_| *scope == Scope::Site) {
            shown.push_str(&format!(" {id:?}"));
        }
        Some(Channel {
            title,
            description,
            name: place.row.name.clone(),
            version: Digest::of(shown.as_bytes()),
            watermark: place.row.watermark,
            modified: place.row.modified,
            count: place.members.count(),
            feed_id: self.feed_id.clone().filter(|_| *scope == Scope::Site),
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

    /// The entries of the feed of a scope: the `limit` articles that became public last, newest `published` first.
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
                place.members.insert(scope, &article);
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
