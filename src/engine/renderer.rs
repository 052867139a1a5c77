//! Makes the documents that are not kept in memory: pages, and the feeds of directories, tags and
//! authors.
//!
//! The same snapshot, route and article bytes give the same document. Articles are read through
//! `source`, and rendered only if their bytes have the digest that the snapshot names.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use rayon::prelude::*;

use crate::article::{self, Body, Limits};
use crate::base::{Diagnostic, Digest, Format, RelPath, Route, Scope, catch_panic};
use crate::config::Config;
use crate::feed::{self, gate, links, opml};
use crate::library::{Article, Seq};
use crate::ops::clock::Clock;
use crate::page;
use crate::publish::render::{Asset, Render, Unrendered};
use crate::publish::{Document, Kind, Snapshot};
use crate::source::Tree;

use super::assets::{Digests, Opened};
use super::{hot, pages};

/// Sets of three formats that are kept: the projection, and crawlers, want all three at a time.
const WRITTEN_MAX: usize = 3;

/// A renderer of warm documents. One for all threads.
pub struct Renderer {
    tree: ArcSwapOption<Tree>,
    clock: Arc<dyn Clock>,
    written: Mutex<VecDeque<Written>>,
    digests: Arc<Digests>,
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

/// The three formats of a scope's feed at one version.
struct Written {
    scope: Scope,
    version: Digest,
    documents: [Bytes; 3],
}

impl Renderer {
    /// A renderer that has no article directory yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            tree: ArcSwapOption::empty(),
            clock,
            written: Mutex::new(VecDeque::new()),
            digests: Arc::default(),
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
        let tree = self.tree().ok_or(Bodiless::Unreadable)?;
        let file = tree.read(&article.path, self.clock.now()).map_err(|_| Bodiless::Unreadable)?;
        if file.digest != article.digest {
            return Err(Bodiless::Changed);
        }
        match catch_panic(|| article::body(&article.path, &file.bytes, &article.head, limits)) {
            Ok(Ok(rendered)) => Ok(rendered),
            Ok(Err(refused)) => Err(Bodiless::Refused(refused)),
            Err(panicked) => Err(Bodiless::Refused(vec![panicked])),
        }
    }

    /// The three formats of a scope's feed.
    pub fn feeds(&self, snapshot: &Snapshot, scope: &Scope) -> Result<[Bytes; 3], Unrendered> {
        let channel = snapshot.library.channel(scope).ok_or(Unrendered::Unreadable)?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) =
            written.iter().find(|kept| kept.scope == *scope && kept.version == channel.version)
        {
            return Ok(found.documents.clone());
        }
        // The lock is not held while rendering, which is slow: other requests may find their feed.
        // Two requests may then render the same one, and either result will do.
        drop(written);
        let documents = self.write(snapshot, scope)?;
        written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.truncate(WRITTEN_MAX - 1);
        written.push_front(Written {
            scope: scope.clone(),
            version: channel.version,
            documents: documents.clone(),
        });
        Ok(documents)
    }

    fn write(&self, snapshot: &Snapshot, scope: &Scope) -> Result<[Bytes; 3], Unrendered> {
        let config = &snapshot.config;
        let entries = snapshot.library.entries(scope, config.feeds.limit);
        let bodies = self.bodies(snapshot, &entries)?;
        let feed = hot::compose(&snapshot.library, config, scope, &|seq| bodies.get(&seq).cloned());
        let feed = feed.ok_or(Unrendered::Unreadable)?;
        let checked = gate::write_checked(feed).map_err(|_| Unrendered::Unreadable)?;
        Ok(checked.documents.map(Bytes::from))
    }

    /// The bodies of `entries`, rendered on several threads.
    fn bodies(
        &self,
        snapshot: &Snapshot,
        entries: &[Arc<Article>],
    ) -> Result<HashMap<Seq, Arc<Body>>, Unrendered> {
        let rendered: Vec<_> =
            entries.par_iter().map(|article| self.body_of(snapshot, article)).collect();
        let mut bodies = HashMap::new();
        for (article, body) in entries.iter().zip(rendered) {
            match body {
                Ok(body) => {
                    bodies.insert(article.seq, body);
                }
                // One unreadable article must not take the whole feed away.
                Err(Unrendered::Unreadable) => {}
                // The next snapshot will have this article's new bytes; until then the reader gets
                // an error that passes, instead of a feed in which an entry is missing.
                Err(changed) => return Err(changed),
            }
        }
        Ok(bodies)
    }

    /// The body of one article: the snapshot's, or rendered from the file.
    fn body_of(&self, snapshot: &Snapshot, article: &Article) -> Result<Arc<Body>, Unrendered> {
        if let Some(body) = snapshot.bodies.get(&article.seq) {
            return Ok(Arc::clone(body));
        }
        let (body, _findings) = self.body(article, &limits(&snapshot.config))?;
        Ok(Arc::new(body))
    }

    fn feed(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        format: Format,
    ) -> Result<Document, Unrendered> {
        let bytes = self.feeds(snapshot, scope)?[format as usize].clone();
        let modified = snapshot.library.channel(scope).map(|channel| channel.modified);
        Ok(Document::new(Kind::Feed, hot::content_type(format), bytes, modified))
    }

    fn article(&self, snapshot: &Snapshot, article: &Article) -> Result<String, Unrendered> {
        let body = self.body_of(snapshot, article)?;
        let Config { site, .. } = &*snapshot.config;
        let own_url = links::absolute(site, &Route::Resource(article.url.clone()));
        let html = links::resolve(&body.html, &own_url, site, &|reference| {
            snapshot.library.locate(reference)
        });
        Ok(pages::article(snapshot, article, &body, &html))
    }
}

impl Render for Renderer {
    fn render(&self, snapshot: &Snapshot, route: &Route) -> Result<Document, Unrendered> {
        let html = match route {
            Route::Feed(scope, format) => return self.feed(snapshot, scope, *format),
            Route::Opml => {
                let bytes = outline(snapshot).into();
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
            Route::Home => pages::home(snapshot),
            Route::Index(scope) => pages::index(snapshot, scope).ok_or(Unrendered::Changed)?,
            Route::Month(year, month, page) => {
                pages::month(snapshot, *year, *month, *page).ok_or(Unrendered::Changed)?
            }
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
        let html = pages::feed(snapshot, scope, format).ok_or(Unrendered::Changed)?;
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
    Limits { depth: config.articles.max_depth, max_bytes: config.articles.max_html_bytes }
}

/// The list of all feeds, each in the advertised format.
fn outline(snapshot: &Snapshot) -> Vec<u8> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let mut outlines = Vec::new();
    for scope in snapshot.library.scopes() {
        let Some(channel) = snapshot.library.channel(scope) else { continue };
        // A feed without entries is enough: only its title and URLs are listed.
        let feed = feed::compose(site, feeds, scope, &channel, &[], &|_| None, &|_| None);
        let xml_url = feed.self_url(feeds.advertise).to_owned();
        outlines.push(opml::Outline { title: feed.title, html_url: feed.home_url, xml_url });
    }
    opml::write(&site.title, &outlines)
}
