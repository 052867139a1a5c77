//! Makes the documents that are not resident: pages, and the feeds of directories, tags and authors.
//!
//! Pure in its outcome: the same snapshot, route and article bytes give the same document. It reads an article through
//! `source`, and renders it only if its bytes are those that the snapshot speaks of.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use rayon::prelude::*;

use crate::article::{self, Body, Limits};
use crate::base::{Diagnostic, Digest, Format, RelPath, Route, Scope};
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

/// Sets of three formats that are kept, because whoever asks for one often asks for the others.
const WRITTEN_MAX: usize = 3;

/// See the module.
pub struct Renderer {
    tree: ArcSwapOption<Tree>,
    clock: Arc<dyn Clock>,
    written: Mutex<VecDeque<Written>>,
    digests: Arc<Digests>,
}

/// Why an article has no body just now.
pub(super) enum Bodiless {
    /// Its file is another by now.
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

    /// The article directory as it is open now.
    pub fn tree(&self) -> Option<Arc<Tree>> {
        self.tree.load_full()
    }

    /// Reads from another tree from now on: the root was swapped.
    pub fn set_tree(&self, tree: Arc<Tree>) {
        self.tree.store(Some(tree));
    }

    /// The body of a public article, from its file as it is now, and what is to be said of it.
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
        let render = || article::body(&article.path, &file.bytes, &article.head, limits);
        let panicked = |_| {
            Err(vec![Diagnostic::error("panic", "dropfeed failed on this file; please report it")])
        };
        catch_unwind(AssertUnwindSafe(render)).unwrap_or_else(panicked).map_err(Bodiless::Refused)
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
        // Not while rendering: others may want what is there.
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
        let body =
            |seq: Seq| bodies.iter().find(|(of, _)| *of == seq).map(|(_, body)| Arc::clone(body));
        let feed =
            hot::compose(&snapshot.library, config, scope, &body).ok_or(Unrendered::Unreadable)?;
        let checked = gate::write_checked(feed).map_err(|_| Unrendered::Unreadable)?;
        Ok(checked.documents.map(Bytes::from))
    }

    fn bodies(
        &self,
        snapshot: &Snapshot,
        entries: &[Arc<Article>],
    ) -> Result<Vec<(Seq, Arc<Body>)>, Unrendered> {
        let limits = limits(&snapshot.config);
        let render = |article: &Arc<Article>| match snapshot.bodies.get(&article.seq) {
            Some(body) => Ok((article.seq, Arc::clone(body))),
            None => Ok((article.seq, Arc::new(self.body(article, &limits)?.0))),
        };
        let bodies: Vec<_> = entries.par_iter().map(render).collect();
        // One unreadable article must not take the feed away; one that is being changed will soon be read again.
        bodies.into_iter().filter(|body| !matches!(body, Err(Unrendered::Unreadable))).collect()
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
        let body = match snapshot.bodies.get(&article.seq) {
            Some(body) => Arc::clone(body),
            None => Arc::new(self.body(article, &limits(&snapshot.config))?.0),
        };
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
    let outline = |scope: &Scope| {
        let channel = snapshot.library.channel(scope)?;
        // Without its entries: what it is called and where it stands.
        let feed = feed::compose(site, feeds, scope, &channel, &[], &|_| None, &|_: &str| None);
        let xml_url = feed.self_url(feeds.advertise).to_owned();
        Some(opml::Outline { title: feed.title, html_url: feed.home_url, xml_url })
    };
    let outlines: Vec<opml::Outline> = snapshot.library.scopes().filter_map(outline).collect();
    opml::write(&site.title, &outlines)
}
