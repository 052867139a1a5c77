//! Makes the documents that are not kept in memory: pages, the feeds of directories, tags and
//! authors, and archives.
//!
//! The same snapshot, route and article bytes give the same document. Articles are read through
//! `source`, and rendered only if their bytes have the digest that the snapshot names.

mod lists;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use rayon::prelude::*;

use crate::article::pictures::with_hints;
use crate::article::{self, Body, Head, Limits, Reading};
use crate::base::{Diagnostic, Digest, Format, RelPath, Route, Scope, Timestamp, catch_panic};
use crate::config::{self, Config};
use crate::feed::{self, gate, links, opml};
use crate::library::{Article, Seq};
use crate::ops::clock::Clock;
use crate::page;
use crate::publish::render::{Asset, Render, Unrendered};
use crate::publish::{Document, Found, Kind, Snapshot};
use crate::source::Tree;

use super::assets::{Digests, Opened, Sizes};
use super::hot;
use super::memo::Memo;
use super::opml_list;
use super::pages;

/// Sets of three formats that are kept: the projection, and crawlers, want all three at a time.
const WRITTEN_MAX: usize = 3;

/// Summaries that are kept: some 2 MB.
const SUMMARIES_MAX: usize = 8192;

/// Texts at the head of lists that are kept.
const INTROS_MAX: usize = 64;

/// A renderer of warm documents. One for all threads.
pub struct Renderer {
    tree: ArcSwapOption<Tree>,
    clock: Arc<dyn Clock>,
    written: Mutex<VecDeque<Written>>,
    digests: Arc<Digests>,
    sizes: Sizes,
    summaries: Memo<Arc<str>>,
    intros: Memo<Arc<Body>>,
}

/// An article for the bells of `[notify]`.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its item in a JSON Feed.
    pub json: Bytes,
    /// The URL of its page.
    pub url: String,
}

/// The reason why an article has no body now.
pub(super) enum Bodiless {
    /// Its file has changed since the snapshot.
    Changed,
    /// Its file cannot be read.
    Unreadable,
    /// It cannot be rendered.
    Refused(Vec<Diagnostic>),
}

impl From<Bodiless> for Unrendered {
    fn from(why: Bodiless) -> Self {
        match why {
            Bodiless::Changed => Unrendered::Changed,
            Bodiless::Unreadable | Bodiless::Refused(_) => Unrendered::Unreadable,
        }
    }
}

/// A document of a scope's feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The subscription document.
    Newest,
    /// A closed page of the archive, from 1.
    Page(u64),
}

/// The three formats of a scope's feed, or of a page of its archive, at one version.
struct Written {
    scope: Scope,
    part: Part,
    version: Digest,
    documents: [Bytes; 3],
}

/// The documents made of a scope's feed, or of a page of its archive.
struct Feeds {
    documents: [Bytes; 3],
    /// Whether every article has its text.
    is_whole: bool,
}

/// The bodies that a feed shows.
#[derive(Default)]
struct Shown {
    bodies: HashMap<Seq, Arc<Body>>,
    /// Articles whose file cannot be read or rendered.
    without_text: usize,
}

impl Renderer {
    /// A renderer that has no article directory yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            tree: ArcSwapOption::empty(),
            clock,
            written: Mutex::new(VecDeque::new()),
            digests: Arc::default(),
            sizes: Sizes::default(),
            summaries: Memo::new(SUMMARIES_MAX),
            intros: Memo::new(INTROS_MAX),
        }
    }

    /// The open article directory; `None` until the first scan.
    pub fn tree(&self) -> Option<Arc<Tree>> {
        self.tree.load_full()
    }

    /// Replaces the article directory: its root was opened, or is a different one now.
    pub fn set_tree(&self, tree: Arc<Tree>) {
        self.tree.store(Some(tree));
    }

    /// The body of a public article, from its file as it is now, and findings about it.
    pub(super) fn body(
        &self,
        article: &Article,
        limits: &Limits,
    ) -> Result<(Body, Vec<Diagnostic>), Bodiless> {
        self.body_at(&article.path, article.digest, &article.head, limits)
    }

    /// The body of the file at `path` with these bytes, whose head was read from them.
    fn body_at(
        &self,
        path: &RelPath,
        digest: Digest,
        head: &Head,
        limits: &Limits,
    ) -> Result<(Body, Vec<Diagnostic>), Bodiless> {
        let tree = self.tree().ok_or(Bodiless::Unreadable)?;
        let file = tree.read(path, self.clock.now()).map_err(|_| Bodiless::Unreadable)?;
        if file.digest != digest {
            return Err(Bodiless::Changed);
        }
        match catch_panic(|| article::body(path, &file.bytes, head, limits)) {
            Ok(Ok(rendered)) => Ok(rendered),
            Ok(Err(refused)) => Err(Bodiless::Refused(refused)),
            Err(panicked) => Err(Bodiless::Refused(vec![panicked])),
        }
    }

    /// The three formats of a scope's feed, or of a page of its archive, at this version.
    fn feeds(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        part: Part,
        version: Digest,
    ) -> Result<Feeds, Unrendered> {
        let is_wanted =
            |kept: &&Written| kept.scope == *scope && kept.part == part && kept.version == version;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = written.iter().find(is_wanted) {
            return Ok(Feeds { documents: found.documents.clone(), is_whole: true });
        }
        // The lock is not held while rendering, which is slow: other requests may find their feed.
        // Two requests may then render the same one, and either result will do.
        drop(written);
        let feeds = self.write(snapshot, scope, part)?;
        if feeds.is_whole {
            written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.truncate(WRITTEN_MAX - 1);
            let (scope, documents) = (scope.clone(), feeds.documents.clone());
            written.push_front(Written { scope, part, version, documents });
        }
        Ok(feeds)
    }

    fn write(&self, snapshot: &Snapshot, scope: &Scope, part: Part) -> Result<Feeds, Unrendered> {
        let Snapshot { config, library, .. } = snapshot;
        let shown = match part {
            Part::Newest => self.bodies(snapshot, &library.entries(scope, config.feeds.limit))?,
            Part::Page(page) => self.last_bodies(snapshot, &library.archived(scope, page)),
        };
        let body = |seq: Seq| shown.bodies.get(&seq).cloned();
        let feed = match part {
            Part::Newest => hot::compose(library, config, scope, &body),
            Part::Page(page) => hot::compose_page(library, config, scope, page, &body),
        };
        let feed = feed.ok_or(Unrendered::Unreadable)?;
        let checked = gate::write_checked(feed).map_err(|_| Unrendered::Unreadable)?;
        Ok(Feeds { documents: checked.documents, is_whole: shown.without_text == 0 })
    }

    /// The bodies of `entries`, rendered on several threads.
    fn bodies(&self, snapshot: &Snapshot, entries: &[Arc<Article>]) -> Result<Shown, Unrendered> {
        let rendered: Vec<_> =
            entries.par_iter().map(|article| self.body_of(snapshot, article)).collect();
        let mut shown = Shown::default();
        for (article, body) in entries.iter().zip(rendered) {
            match body {
                Ok(body) => {
                    shown.bodies.insert(article.seq, body);
                }
                // One unreadable article must not take the whole feed away, nor does it leave the
                // feed.
                Err(Unrendered::Unreadable) => {
                    shown.without_text += 1;
                    shown.bodies.insert(article.seq, Arc::new(textless(article)));
                }
                // The next snapshot will have this article's new bytes; until then the reader gets
                // an error that passes, instead of a feed in which an entry is missing.
                Err(changed) => return Err(changed),
            }
        }
        // The article directory is gone, or another one is in its place: subscribers keep what they
        // have.
        if shown.without_text > 0 && shown.without_text == entries.len() {
            return Err(Unrendered::Unreadable);
        }
        Ok(shown)
    }

    /// The body of one article: the snapshot's, or rendered from the file.
    fn body_of(&self, snapshot: &Snapshot, article: &Article) -> Result<Arc<Body>, Unrendered> {
        if let Some(body) = snapshot.bodies.get(&article.seq) {
            return Ok(Arc::clone(body));
        }
        match self.body(article, &limits(&snapshot.config)) {
            Ok((body, _findings)) => Ok(Arc::new(body)),
            Err(Bodiless::Changed) if self.is_refused(article) => Err(Unrendered::Unreadable),
            Err(why) => Err(why.into()),
        }
    }

    /// The item of a JSON Feed for the article with this number, and its URL; `None` if it is not
    /// public any more.
    ///
    /// # Errors
    /// Its file cannot be rendered now.
    pub fn item(&self, snapshot: &Snapshot, seq: Seq) -> Result<Option<Item>, Unrendered> {
        let Snapshot { config, library, .. } = snapshot;
        let Some(article) = library.article(seq) else { return Ok(None) };
        let body = self.body_of(snapshot, &article)?;
        let Config { site, feeds, .. } = &**config;
        let locate = |reference: &str| library.locate(reference);
        let json = feed::json_item(site, feeds, &article, &body, &locate).into();
        Ok(Some(Item { json, url: links::page(site, &article) }))
    }

    /// Whether no snapshot will have the file of an article as it is now, since it is refused or
    /// empty.
    fn is_refused(&self, article: &Article) -> bool {
        let Some(tree) = self.tree() else { return false };
        let Ok(file) = tree.read(&article.path, self.clock.now()) else { return false };
        match catch_panic(|| article::head(&article.path, &file.bytes)) {
            Ok(reading) => !matches!(reading, Reading::Article { .. }),
            Err(_panicked) => true,
        }
    }

    /// The bodies for a page of an archive, which leaves no article out: where a file cannot be
    /// rendered as it is, since it was edited in a way that is refused, or cannot be read, the
    /// entry has the summary of the header alone.
    fn last_bodies(&self, snapshot: &Snapshot, entries: &[Arc<Article>]) -> Shown {
        let limits = limits(&snapshot.config);
        let last = |article: &Arc<Article>| match snapshot.bodies.get(&article.seq) {
            Some(body) => Some(Arc::clone(body)),
            None => self.body(article, &limits).ok().map(|(body, _)| Arc::new(body)),
        };
        let found: Vec<_> = entries.par_iter().map(last).collect();
        let mut shown = Shown::default();
        for (article, body) in entries.iter().zip(found) {
            shown.without_text += usize::from(body.is_none());
            let body = body.unwrap_or_else(|| Arc::new(textless(article)));
            shown.bodies.insert(article.seq, body);
        }
        shown
    }

    /// A page of an archive has no date: that of its channel moves without it.
    fn archive(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        page: u64,
        format: Format,
    ) -> Result<Document, Unrendered> {
        let archived = snapshot.library.archive_page(scope, page).ok_or(Unrendered::Changed)?;
        let feeds = self.feeds(snapshot, scope, Part::Page(page), archived.version)?;
        Ok(feeds.document(Kind::Archive, format, None))
    }

    fn feed(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        format: Format,
    ) -> Result<Document, Unrendered> {
        let channel = snapshot.library.channel(scope).ok_or(Unrendered::Unreadable)?;
        let feeds = self.feeds(snapshot, scope, Part::Newest, channel.version)?;
        Ok(feeds.document(Kind::Feed, format, Some(channel.modified)))
    }

    fn article(&self, snapshot: &Snapshot, article: &Article) -> Result<String, Unrendered> {
        let body = self.body_of(snapshot, article)?;
        let html = self.resolved(snapshot, &body, &Route::Resource(article.url.clone()));
        Ok(pages::article(snapshot, article, &body, &html))
    }

    /// The HTML of a body on the page at `route`, with what only browsers need.
    fn resolved(&self, snapshot: &Snapshot, body: &Body, route: &Route) -> String {
        let site = &snapshot.config.site;
        let own_url = links::absolute(site, route);
        let locate = |reference: &str| snapshot.library.locate(reference);
        let html = links::resolve(&body.html, &own_url, site, &locate);
        with_hints(&html, &mut |url| self.picture_size(snapshot, url))
    }

    /// The width and height of the picture at an absolute URL, if it is a file of the site.
    fn picture_size(&self, snapshot: &Snapshot, url: &str) -> Option<(usize, usize)> {
        let home = links::absolute(&snapshot.config.site, &Route::Home);
        let path = url.strip_prefix(home.trim_end_matches('/'))?;
        let path = path.split(['?', '#']).next()?;
        let Found::Asset(asset) = snapshot.find(&Route::parse(path)?) else { return None };
        let file = self.tree()?.open_asset(&asset).ok()?;
        let size = self.sizes.of(&file, self.clock.now())?;
        Some((size.width, size.height))
    }
}

impl Feeds {
    fn document(&self, kind: Kind, format: Format, modified: Option<Timestamp>) -> Document {
        let bytes = self.documents[format as usize].clone();
        let document = Document::new(kind, hot::content_type(format), bytes, modified);
        if self.is_whole { document } else { document.stopgap() }
    }
}

/// The form in which a feed shows an article whose file cannot be read or rendered.
fn textless(article: &Article) -> Body {
    Body { html: String::new(), summary: article.head.summary.clone().unwrap_or_default() }
}

impl Render for Renderer {
    fn render(&self, snapshot: &Snapshot, route: &Route) -> Result<Document, Unrendered> {
        let html = match route {
            Route::Feed(scope, format) => return self.feed(snapshot, scope, *format),
            Route::Archive(scope, page, format) => {
                return self.archive(snapshot, scope, *page, *format);
            }
            Route::Opml => {
                let bytes = opml_list::write(snapshot).into();
                return Ok(Document::new(Kind::Feed, opml::CONTENT_TYPE, bytes, None));
            }
            Route::Sitemap => {
                let bytes = pages::sitemap(snapshot).into();
                return Ok(Document::new(Kind::Crawling, page::SITEMAP_MEDIA_TYPE, bytes, None));
            }
            Route::Resource(_) => {
                let article = snapshot.article(route).ok_or(Unrendered::Changed)?;
                self.article(snapshot, &article)?
            }
            Route::Home => self.list(snapshot, &Scope::Site, 1)?,
            Route::Index(scope) => self.list(snapshot, scope, 1)?,
            Route::List(scope, page) => self.list(snapshot, scope, *page)?,
            Route::Month(year, month, page) => {
                let listed = pages::of_month(snapshot, *year, *month, *page);
                let listed = listed.ok_or(Unrendered::Changed)?;
                let summaries = self.summaries(snapshot, &listed);
                pages::month(snapshot, (*year, *month), &listed, summaries)
                    .ok_or(Unrendered::Changed)?
            }
            Route::Stylesheet(_) => return stylesheet(snapshot),
            _ => return Err(Unrendered::Unreadable),
        };
        Ok(Document::new(Kind::Page, page::MEDIA_TYPE, html.into(), None))
    }

    fn feed_page(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        format: Format,
    ) -> Result<Document, Unrendered> {
        let listed = pages::newest(snapshot, scope);
        let summaries = self.summaries(snapshot, &listed);
        let html = pages::feed(snapshot, scope, format, &listed, summaries);
        let html = html.ok_or(Unrendered::Changed)?;
        Ok(Document::new(Kind::Page, page::MEDIA_TYPE, html.into(), None))
    }

    fn asset(&self, path: &RelPath) -> Result<Arc<dyn Asset>, Unrendered> {
        let tree = self.tree().ok_or(Unrendered::Unreadable)?;
        let file = tree.open_asset(path).map_err(|_| Unrendered::Unreadable)?;
        Ok(Arc::new(Opened::new(file, self.clock.now(), Arc::clone(&self.digests))))
    }
}

/// The limits of one rendering.
pub fn limits(config: &Config) -> Limits {
    let config::Articles { max_depth, max_html_bytes, math, .. } = &config.articles;
    Limits { depth: *max_depth, max_bytes: *max_html_bytes, math: *math }
}

fn stylesheet(snapshot: &Snapshot) -> Result<Document, Unrendered> {
    let stylesheet = snapshot.config.pages.stylesheet.as_ref().ok_or(Unrendered::Changed)?;
    let bytes = Bytes::copy_from_slice(stylesheet.css.as_bytes());
    Ok(Document::new(Kind::Stylesheet, page::STYLESHEET_MEDIA_TYPE, bytes, None))
}
