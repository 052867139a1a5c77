//! The library: every public article as a value, and what each change of the tree makes of it.
//!
//! `ledger` is what is remembered, in `rows`; `state` is the ledger and the library as one value; a
//! `step` applies observations to it; and [`Library`] is the view that everything public is a
//! function of. Pure: `now` is an argument, and the same rows give the same library.

mod address;
pub mod adopt;
mod archive;
mod articles;
mod assets;
mod channel;
mod files;
pub mod guard;
pub mod id_template;
mod known;
mod ledger;
mod listing;
mod locate;
mod matching;
mod membership;
pub mod old_feed;
mod packed;
mod permalink;
mod public;
mod rows;
mod section;
#[cfg(test)]
pub(crate) mod simulation;
mod sorted;
pub mod state;
mod step;
mod view;

use std::sync::Arc;

use imbl::ordmap::DiffItem;
use imbl::{HashMap, OrdMap};
use jiff::tz::TimeZone;

use crate::article::Head;
use crate::base::route::slug;
use crate::base::{Digest, RelPath, Scope, Timestamp, UrlPath, special};

pub use archive::page_size;
pub use channel::audience;
pub(crate) use matching::title_key;
pub use rows::{
    ChannelRow, Commit, DocumentRow, FileRow, Kept, LastFile, Part, Record, Remembered, Standing,
    Words,
};
pub use state::{
    AWAITED, Deletions, Found, Given, Notice, Observation, Outcome, Policy, Reweigh, Scan, State,
};
pub use step::{Fate, IMPORT, UNDO, Undo};
pub use step::{Forget, Loading};
pub use view::Views;

use articles::{Articles, Pair};
use assets::{Assets, References};
use channel::{Audience, Members, Totals};
use old_feed::Imported;
use public::Public;
use sorted::Sorted;

/// The publication number of an article, given for ever when it first becomes public. From 1.
pub type Seq = u64;

/// The site's picture, in the article directory itself: feeds show it.
pub const ICON: &str = "icon.png";

/// The files that browsers get for `/favicon.ico`: the first that is at the site's root.
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
    /// The time at which it became public, or its author's date.
    pub published: Timestamp,
    /// The time at which more than a few of its words last changed; never before `published`.
    pub updated: Timestamp,
    /// The digest of the bytes that are published.
    pub digest: Digest,
    /// The ids that an import gave it.
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
    /// The URL of an article that was taken away.
    Gone,
    /// The URL of nothing, now or earlier.
    Missing,
}

/// The articles of one scope, without the articles.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// A title of its own, from `_index.md`.
    pub title: Option<String>,
    /// A description of its own, from `_index.md`.
    pub description: Option<String>,
    /// Its name where it has no title of its own: the directory's name, the tag as written, the
    /// author's name.
    pub name: String,
    /// Changes whenever anything does that the channel's feeds show.
    pub version: Digest,
    /// The newest `updated` that its feed ever had; never the clock.
    pub watermark: Timestamp,
    /// The time of its last change: whole seconds, growing with every change.
    pub modified: Timestamp,
    /// The number of public articles that it lists.
    pub count: usize,
    /// The number of closed pages of its archive.
    pub pages: u64,
    /// The last publication number that is on a page of its archive; 0 without pages. What became
    /// public later has to be in its feed.
    pub archived_to: Seq,
    /// The id of its feed, where an import gave it one.
    pub feed_id: Option<Arc<str>>,
}

/// A closed page of the archive of a scope, without the articles.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivePage {
    /// Its number, from 1.
    pub number: u64,
    /// The time at which it closed: whole seconds.
    pub closed: Timestamp,
    /// Changes whenever anything does that the page shows.
    pub version: Digest,
}

/// The file that gives a directory its title, description and text: its `_index.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct SectionFile {
    /// The file.
    pub path: RelPath,
    /// Its front matter and title.
    pub head: Arc<Head>,
    /// The digest of its bytes; `None` if they were not read.
    pub digest: Option<Digest>,
}

/// A channel: its remembered row, and the articles that are in it.
#[derive(Debug, Clone)]
struct ChannelState {
    /// Its key in [`Library::scopes_by_number`]. Another process may have another one.
    number: u32,
    row: ChannelRow,
    members: Members,
}

/// The row is enough: its `modified` grows with every change of the members.
impl PartialEq for ChannelState {
    fn eq(&self, other: &Self) -> bool {
        self.row == other.row
    }
}

/// The feeds and archive pages that may differ from those of an earlier library.
#[derive(Debug, Clone, PartialEq)]
pub enum Changes {
    /// Everything.
    Everything,
    /// The feeds of these scopes, and these pages of their archives.
    Of(Vec<(Scope, Vec<u64>)>),
}

/// Every public article. Cheap to copy; never changed in place once published.
#[derive(Debug, Clone)]
pub struct Library {
    /// Every article that ever was public, as the ledger has it.
    articles: Articles,
    /// Those of them that are public now, with the scopes that each was put into, so that it can be
    /// taken out of them again.
    public: Public,
    /// Every public article by the digests of what it is called (file names and titles): what wiki
    /// links mean.
    names: Sorted<Pair>,
    channels: OrdMap<Scope, ChannelState>,
    /// The scope of each channel, by its number.
    scopes_by_number: OrdMap<u32, Scope>,
    sections: HashMap<Scope, SectionFile>,
    assets: Assets,
    /// The assets in directories that are not public.
    private: Assets,
    /// The references of public articles that may mean them.
    references: References,
    totals: Totals,
    /// Links to texts, each with the text that it leads to.
    linked: HashMap<RelPath, RelPath>,
    /// The sum of the numbers of every row, section and link, listed or not: what pages show, in no
    /// order.
    shown: u128,
    /// The digest of everything in the configuration that feeds and pages show.
    base: Digest,
    /// The zone of the site, in which a permalink names a day.
    zone: TimeZone,
    /// The views of the configuration.
    views: Arc<Views>,
    /// The id of the old site's feed, which the feed of the site keeps.
    feed_id: Option<Arc<str>>,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            articles: Articles::default(),
            public: Public::default(),
            names: Sorted::default(),
            channels: OrdMap::new(),
            scopes_by_number: OrdMap::new(),
            sections: HashMap::new(),
            assets: Assets::default(),
            private: Assets::default(),
            references: References::default(),
            totals: Totals::default(),
            linked: HashMap::new(),
            shown: 0,
            base: Digest::of(b""),
            zone: TimeZone::UTC,
            views: Arc::default(),
            feed_id: None,
        }
    }
}

/// The URL that an alias of a [`Head`] means under a policy; `None` for one that is not a path.
pub fn alias_url(alias: &str, policy: &Policy) -> Option<UrlPath> {
    address::alias(alias, &policy.site_path)
}

impl Library {
    /// Looks up a URL path.
    ///
    /// A file of `static/` gives way to a file whose own path this is, and to every URL that a
    /// public article has or had. It does not give way to a misspelling of one (`/foo.js` for
    /// `/foo-js`), nor to an article that was taken away.
    pub fn find(&self, path: &UrlPath) -> Lookup {
        if let Some(asset) = self.asset(path.as_str()) {
            return Lookup::Asset(asset);
        }
        if let Some(file) = self.private_file(path.as_str())
            && self.shows(&file)
        {
            return Lookup::Asset(file);
        }
        let key = path.key();
        let owner = self.articles.owner_of_key(&key);
        let article = match owner {
            Some(seq) => self.article(seq),
            None => None,
        };
        let is_articles = match &article {
            Some(article) => article.url == *path || path.is_spelled_out(),
            None => false,
        };
        if !is_articles && let Some(file) = self.asset(&special::in_static(path.as_str())) {
            return Lookup::Asset(file);
        }
        if let Some(article) = article {
            let is_its_url = article.url == *path;
            return if is_its_url { Lookup::Here(article) } else { Lookup::Moved(article) };
        }
        if owner.is_some() {
            return Lookup::Gone;
        }
        // `/2026` is the list of that directory, and not a permalink of the year.
        if self.channels.contains_key(&Scope::Directory(key.clone())) {
            return Lookup::Missing;
        }
        match self.dated(&key) {
            Some(article) => Lookup::Moved(article),
            None => Lookup::Missing,
        }
    }

    /// Whether an article has, or once had, this URL or another spelling of it.
    pub fn was_public(&self, path: &UrlPath) -> bool {
        self.articles.owner_of_key(&path.key()).is_some()
    }

    /// The article with this number, where it is public.
    pub fn article(&self, seq: Seq) -> Option<Arc<Article>> {
        if !self.public.contains(seq) {
            return None;
        }
        // Made when it is asked for: most are not, and would take four times the memory.
        self.articles.record(seq).map(|record| Arc::new(Article::of(&record)))
    }

    /// The public article whose file is `path`.
    pub fn at_path(&self, path: &RelPath) -> Option<Arc<Article>> {
        self.article(self.articles.at_path(path)?)
    }

    /// The articles on lists just before and just after `seq`, by number.
    pub fn neighbours(&self, seq: Seq) -> (Option<Arc<Article>>, Option<Arc<Article>>) {
        let is_listed = |audience: Audience| audience.lists;
        let before = self.first(self.public.before(seq), is_listed);
        (before, self.first(self.public.after(seq), is_listed))
    }

    /// The article in feeds just after `seq`, by number.
    pub fn next_in_feeds(&self, seq: Seq) -> Option<Arc<Article>> {
        self.first(self.public.after(seq), |audience| audience.feeds)
    }

    /// The greatest number of a public article; `None` if there is none.
    pub fn newest(&self) -> Option<Seq> {
        self.public.last()
    }

    /// The first of these articles with such an audience.
    fn first(
        &self,
        seqs: impl Iterator<Item = Seq>,
        is_wanted: impl Fn(Audience) -> bool,
    ) -> Option<Arc<Article>> {
        for seq in seqs {
            if let Some(article) = self.article(seq)
                && is_wanted(audience(&article))
            {
                return Some(article);
            }
        }
        None
    }

    /// The number of public articles.
    pub fn len(&self) -> usize {
        self.public.len()
    }

    /// Whether nothing is public.
    pub fn is_empty(&self) -> bool {
        self.public.len() == 0
    }

    /// Every public article, by number.
    pub fn articles(&self) -> impl Iterator<Item = Arc<Article>> {
        self.public.iter().filter_map(|seq| self.article(seq))
    }

    /// A digest that changes whenever anything does that any page shows.
    pub fn version(&self) -> Digest {
        let files = self.assets.sum().wrapping_add(self.private.sum());
        let (base, views) = (self.base, self.views.digest());
        Digest::of(format!("{base} {} {files} {views}", self.shown).as_bytes())
    }

    /// The scopes that a list of all feeds names: those whose feeds have something in them, and the
    /// views of the configuration. The site is first.
    pub fn subscribable(&self) -> impl Iterator<Item = &Scope> {
        self.scopes().filter(|scope| self.is_subscribable(scope))
    }

    fn is_subscribable(&self, scope: &Scope) -> bool {
        if *scope == Scope::Site || self.views.get(scope).is_some() {
            return true;
        }
        match self.channels.get(scope) {
            Some(channel) => channel.members.feed_len() > 0,
            None => false,
        }
    }

    /// A digest that changes whenever anything does that a list of all feeds shows.
    pub fn subscribable_version(&self) -> Digest {
        let (listing, views) = (self.totals.listing, self.views.digest());
        let authors = self.totals.authors > 1;
        Digest::of(format!("{} {listing} {authors} {views}", self.base).as_bytes())
    }

    /// Every scope that has, or once had, articles, in a fixed order: the site first.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.channels.keys().filter(|scope| self.is_shown(scope))
    }

    /// Whether the scope has feeds and a page: a site of one author has none for authors.
    fn is_shown(&self, scope: &Scope) -> bool {
        !matches!(scope, Scope::Author(_)) || self.totals.authors > 1
    }

    /// The scopes that carry an article, the site among them.
    pub fn scopes_of(&self, seq: Seq) -> Vec<Scope> {
        let numbers = self.public.scopes(seq);
        numbers.filter_map(|number| self.scopes_by_number.get(&number).cloned()).collect()
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

    /// The scope that a tag or an author has or would get: its slug, or its slug with a number
    /// where another has it. `None` where there is no slug, or all numbers are taken.
    fn label(&self, scope: fn(UrlPath) -> Scope, slug: &str, name: &str) -> Option<Scope> {
        let base = UrlPath::new(slug)?;
        let folded = address::folded(name);
        for n in 1..=ledger::TWINS_MAX {
            let candidate = scope(if n == 1 { base.clone() } else { base.numbered(n) });
            match self.channels.get(&candidate) {
                Some(other) if address::folded(&other.row.name) != folded => {}
                _ => return Some(candidate),
            }
        }
        None
    }

    /// The feeds and pages of archives that are not as in `old`, at a cost that follows what
    /// changed.
    pub fn changes_since(&self, old: &Library) -> Changes {
        if self.shown_everywhere() != old.shown_everywhere() {
            return Changes::Everything;
        }
        let mut changes = Vec::new();
        for change in old.channels.diff(&self.channels) {
            let (scope, channel, before) = match change {
                DiffItem::Add(scope, channel) => (scope, channel, None),
                DiffItem::Update { old: (_, before), new: (scope, channel) } => {
                    (scope, channel, Some(before))
                }
                DiffItem::Remove(..) => return Changes::Everything,
            };
            let archive = channel.members.archive();
            let pages = match before {
                Some(before) if self.texts(scope) == old.texts(scope) => {
                    archive.changed_since(before.members.archive())
                }
                // Every page shows the title and description.
                _ => (1..=archive.len()).collect(),
            };
            changes.push((scope.clone(), pages));
        }
        Changes::Of(changes)
    }

    /// The facts that all feeds show, or that decide which feeds there are.
    fn shown_everywhere(&self) -> (Digest, bool, Digest, bool) {
        (self.base, self.has_icon(), self.views.digest(), self.totals.authors > 1)
    }
}

impl Article {
    /// The view that feeds and pages have of a record.
    fn of(record: &Record) -> Self {
        Self {
            seq: record.seq,
            id: record.id.clone(),
            path: record.path.clone(),
            url: record.url.clone(),
            head: Arc::clone(&record.head),
            published: record.published,
            updated: record.updated,
            digest: record.digest,
            imported: record.imported.clone(),
        }
    }
}
