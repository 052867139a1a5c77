//! The library: every public article as a value, and what each change of the tree makes of it.

pub mod ledger;

use std::sync::Arc;

use crate::article::Head;
use crate::base::{Digest, RelPath, Route, Scope, Timestamp, UrlPath};

pub use ledger::{ChannelRow, FileRow, Kept, Record, Standing};

/// The number an article gets when it first becomes public; for ever. From 1.
pub type Seq = u64;

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
    /// Changes whenever anything does that the channel's feeds or pages show.
    pub version: Digest,
    /// The newest `updated` that its feed ever had; never the clock.
    pub watermark: Timestamp,
    /// When it last changed: whole seconds, growing with every change.
    pub modified: Timestamp,
    /// How many public articles it lists.
    pub count: usize,
}

/// Every public article. Cheap to copy; never changed in place once published.
#[derive(Debug, Clone, Default)]
pub struct Library {}

impl Library {
    /// What stands at `path`.
    pub fn find(&self, _path: &UrlPath) -> Lookup {
        Lookup::Missing
    }

    /// The public article whose file is `path`.
    pub fn at_path(&self, _path: &RelPath) -> Option<&Arc<Article>> {
        None
    }

    /// The route that a symbolic reference of a [`crate::article::Body`] means (the text between the two U+0001,
    /// unescaped), for the article at `from`; `None` where nothing is known to stand there.
    pub fn locate(&self, _reference: &str) -> Option<Route> {
        None
    }

    /// The channel of a scope that has, or once had, articles.
    pub fn channel(&self, _scope: &Scope) -> Option<Channel> {
        None
    }

    /// What the feed of a scope holds: the `limit` articles that became public last, newest `published` first.
    pub fn entries(&self, _scope: &Scope, _limit: usize) -> Vec<Arc<Article>> {
        Vec::new()
    }

    /// The newest articles of a scope by `published`, for its page: at most `limit`, after leaving out `skip`.
    pub fn listed(&self, _scope: &Scope, _skip: usize, _limit: usize) -> Vec<Arc<Article>> {
        Vec::new()
    }
}
