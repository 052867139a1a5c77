//! Renders every article, and reports what was removed, references to nothing, and faults in the
//! feeds of the public ones.
//!
//! Articles are rendered in chunks, so that memory does not grow with the tree: a body is dropped
//! once its feed was checked.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::article::symbol::{self, Target};
use crate::article::{self, Body, Head, Limits, decode};
use crate::base::media::is_asset;
use crate::base::{Diagnostic, Digest, Place, RelPath, Scope, Timestamp, catch_panic};
use crate::config::Config;
use crate::engine::renderer;
use crate::feed::links as urls;
use crate::library::{Article, Seq, State};
use crate::publish::{Extent, Snapshot};
use crate::source::Reader;

use super::links::{self, Use};
use super::survey::{Held, busy};
use super::{Diagnostics, feeds};

/// Number of articles that are rendered, and then put into one feed, together.
const CHUNK: usize = 50;

/// Bytes of HTML after which a feed is checked early, so that no entry is reduced to its summary.
const FEED_BYTES: usize = 1 << 20;

/// Bytes of HTML above which a single article makes every feed slow to download.
const HUGE_BYTES: usize = 256 * 1024;

/// Maximum number of references to nothing that are reported for one article.
const DEAD_MAX: usize = 64;

/// U+FFFD in UTF-8, which a converter writes in place of characters that it cannot read.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// The articles of a state, and the means to render them.
pub(super) struct Bodies<'a> {
    state: &'a State,
    snapshot: Snapshot,
    reader: Reader,
    limits: Limits,
    now: Timestamp,
    in_feeds: HashSet<Seq>,
    hot: HashSet<Seq>,
}

impl<'a> Bodies<'a> {
    /// Prepares to render the articles of `state`, read with `reader`.
    pub(super) fn new(state: &'a State, config: &Config, reader: Reader, now: Timestamp) -> Self {
        let library = state.library();
        let in_feeds = seqs(&library.entries(&Scope::Site, usize::MAX));
        let hot = seqs(&library.entries(&Scope::Site, config.feeds.limit));
        let snapshot = Snapshot {
            generation: 0,
            extent: Extent::Whole,
            config: Arc::new(config.clone()),
            library: library.clone(),
            hot: HashMap::new(),
            bodies: imbl::HashMap::new(),
            next_due: None,
        };
        let limits = renderer::limits(config);
        Self { state, snapshot, reader, limits, now, in_feeds, hot }
    }

    /// Checks the public articles and their entries. Also returns the bodies of those in the site's
    /// feed.
    pub(super) fn public(&self) -> (Diagnostics, HashMap<Seq, Arc<Body>>) {
        let articles: Vec<Arc<Article>> = self.snapshot.library.articles().collect();
        let chunks: Vec<_> = articles.par_chunks(CHUNK).map(|chunk| self.chunk(chunk)).collect();
        let (mut diagnostics, mut hot) = (Diagnostics::new(), HashMap::new());
        for (some, bodies) in chunks {
            diagnostics.extend(some);
            hot.extend(bodies);
        }
        (diagnostics, hot)
    }

    /// Checks the bodies of articles with a date in the future.
    pub(super) fn held(&self, held: &Held) -> Diagnostics {
        let found: Vec<_> = held
            .par_iter()
            .map(|(path, (head, digest))| (path, self.render(path, head, *digest, None).1))
            .collect();
        let mut diagnostics = Diagnostics::new();
        for (path, found) in found {
            diagnostics.extend(found.into_iter().map(|diagnostic| (path.clone(), diagnostic)));
        }
        diagnostics
    }

    fn chunk(&self, articles: &[Arc<Article>]) -> (Diagnostics, Vec<(Seq, Arc<Body>)>) {
        let (mut diagnostics, mut hot) = (Diagnostics::new(), Vec::new());
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for article in articles {
            let body = self.body(
                &article.path,
                &article.head,
                article.digest,
                Some(article),
                &mut diagnostics,
            );
            let Some(body) = body.map(Arc::new) else { continue };
            if self.hot.contains(&article.seq) {
                hot.push((article.seq, Arc::clone(&body)));
            }
            if self.in_feeds.contains(&article.seq) {
                bytes += body.html.len();
                entries.push((Arc::clone(article), body));
            }
            if bytes > FEED_BYTES {
                feeds::entries(
                    &self.snapshot,
                    &std::mem::take(&mut entries),
                    self.now,
                    &mut diagnostics,
                );
                bytes = 0;
            }
        }
        feeds::entries(&self.snapshot, &entries, self.now, &mut diagnostics);
        (diagnostics, hot)
    }

    /// Renders one article, and adds its findings to `diagnostics`. `None` if it cannot be
    /// rendered.
    fn body(
        &self,
        path: &RelPath,
        head: &Head,
        digest: Digest,
        article: Option<&Article>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Body> {
        let (body, found) = self.render(path, head, digest, article);
        for diagnostic in found {
            diagnostics.push((path.clone(), diagnostic));
        }
        body
    }

    fn render(
        &self,
        path: &RelPath,
        head: &Head,
        digest: Digest,
        article: Option<&Article>,
    ) -> (Option<Body>, Vec<Diagnostic>) {
        let file = match self.reader.read(path, self.now) {
            Ok(file) if file.digest == digest => file,
            // The file has changed since its head was read, or cannot be read any more.
            _ => return (None, vec![busy()]),
        };
        let attempt = catch_panic(|| article::body(path, &file.bytes, head, &self.limits));
        let (body, mut found) = match attempt {
            Ok(Ok(rendered)) => rendered,
            Ok(Err(diagnostics)) => return (None, diagnostics),
            Err(panicked) => return (None, vec![panicked]),
        };
        found.extend(huge(&body));
        found.extend(self.source(&file.bytes, &body, article));
        (Some(body), found)
    }

    /// Reports findings with a place in the source: references to nothing, and signs of a wrong
    /// encoding.
    fn source(&self, bytes: &[u8], body: &Body, article: Option<&Article>) -> Vec<Diagnostic> {
        let mut dead = self.dead(body);
        if let Some(article) = article {
            dead.extend(self.image(article));
        }
        let misread = bytes.windows(REPLACEMENT.len()).any(|three| three == REPLACEMENT);
        if dead.is_empty() && !misread {
            return Vec::new();
        }
        // The body was rendered from these bytes, so they can be decoded.
        let source = decode::decode(bytes).unwrap_or_default();
        let beyond = dead.len().saturating_sub(DEAD_MAX);
        dead.truncate(DEAD_MAX);
        let mut found = Vec::new();
        for dead in dead {
            found.push(dead.diagnostic(&source));
        }
        if beyond > 0 {
            let message = format!("{beyond} more references do not exist");
            found.push(Diagnostic::warning("more", message));
        }
        if let Some(at) = source.find('\u{fffd}') {
            let message = "contains U+FFFD: characters were lost when the file was converted";
            found.push(Diagnostic {
                place: Some(Place::at(&source, at)),
                ..Diagnostic::warning("replacement-character", message)
            });
        }
        found
    }

    /// Finds the references of a body that lead to nothing.
    fn dead(&self, body: &Body) -> Vec<Dead> {
        let mut dead = Vec::new();
        for (kind, target) in links::references(&body.html) {
            if !links::leads_somewhere(&self.snapshot, &target) {
                dead.push(Dead { code: code(kind), message: self.message(kind, &target), target });
            }
        }
        dead
    }

    /// Returns the image that the front matter names, if it does not exist.
    fn image(&self, article: &Article) -> Option<Dead> {
        let written = article.head.image.as_deref()?;
        // The resolver tries one or more references: as it is written, and decoded. The first one
        // is reported if none exists. Cells, because the resolver takes a shared closure.
        let asked = RefCell::new(None);
        let exists = Cell::new(false);
        let locate = |reference: &str| {
            asked.borrow_mut().get_or_insert_with(|| reference.to_owned());
            let route = self.snapshot.library.locate(reference);
            exists.set(exists.get() || route.is_some());
            route
        };
        urls::image(written, article, &self.snapshot.config.site, &locate);
        if exists.get() {
            return None;
        }
        let target = asked.into_inner()?;
        let message = format!("its image {target} does not exist");
        Some(Dead { code: code(Use::Show), message, target })
    }

    /// The sentence about a reference to nothing.
    fn message(&self, kind: Use, target: &str) -> String {
        if let Target::Name { name, .. } = Target::of(target) {
            let is_file = RelPath::new(name).is_some_and(|path| is_asset(&path));
            return match (kind, is_file) {
                (Use::Link, false) => {
                    format!("links to an article called {name:?}, which does not exist")
                }
                (Use::Link, true) => format!("links to {name}, which does not exist"),
                (Use::Show, _) => format!("shows {name}, which does not exist"),
            };
        }
        let target = symbol::path_of(target).unwrap_or_default();
        let path = RelPath::new(target.trim_matches('/'));
        if path.is_some_and(|path| self.state.file(&path).is_some()) {
            return format!("refers to {target}, which is not published");
        }
        match kind {
            Use::Link => format!("links to {target}, which is not published"),
            Use::Show => format!("shows {target}, which does not exist"),
        }
    }
}

/// A reference to nothing.
struct Dead {
    code: &'static str,
    message: String,
    target: String,
}

impl Dead {
    fn diagnostic(self, source: &str) -> Diagnostic {
        let place = links::place(source, &self.target);
        Diagnostic { place, ..Diagnostic::warning(self.code, self.message) }
    }
}

fn code(kind: Use) -> &'static str {
    match kind {
        Use::Link => "dead-link",
        Use::Show => "missing-image",
    }
}

fn huge(body: &Body) -> Option<Diagnostic> {
    if body.html.len() <= HUGE_BYTES {
        return None;
    }
    let kib = body.html.len() / 1024;
    let message = format!(
        "is {kib} KiB of HTML, which every subscriber downloads with each feed that contains it"
    );
    Some(Diagnostic::warning("huge", message))
}

fn seqs(articles: &[Arc<Article>]) -> HashSet<Seq> {
    articles.iter().map(|article| article.seq).collect()
}
