//! Every article, rendered: what had to go, what it points at that is not there, and the feeds that the public ones
//! make.
//!
//! A few articles at a time, so that memory does not grow with the tree: a body is let go once its feed was checked.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rayon::prelude::*;

use crate::article::{self, Body, Head, Limits, decode};
use crate::base::{Diagnostic, Digest, Place, RelPath, Scope, Timestamp};
use crate::config::Config;
use crate::engine::renderer;
use crate::feed::links as urls;
use crate::library::{Article, Seq, State};
use crate::publish::Snapshot;
use crate::source::Reader;

use super::links::{self, Use};
use super::survey::{Held, busy};
use super::{Told, feeds};

/// Articles that are rendered, and then stand in a feed, together.
const CHUNK: usize = 50;

/// Bytes of HTML after which a feed is checked before it has as many: so that none of it falls to its summary.
const FEED_BYTES: usize = 1 << 20;

/// Past this many bytes of HTML, an article alone makes a feed that readers on the road feel.
const HUGE_BYTES: usize = 256 * 1024;

/// Dead references of one article that are told one by one.
const DEAD_MAX: usize = 64;

/// The sign of a wrong encoding, in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// What bodies are rendered with and looked at beside.
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
    /// For the articles of `state`, read with `reader`.
    pub(super) fn new(state: &'a State, config: &Config, reader: Reader, now: Timestamp) -> Self {
        let library = state.library();
        let seqs = |limit: usize| library.entries(&Scope::Site, limit).iter().map(|article| article.seq).collect();
        let snapshot = Snapshot {
            generation: 0,
            config: Arc::new(config.clone()),
            library: library.clone(),
            hot: HashMap::new(),
            bodies: imbl::HashMap::new(),
            next_due: None,
        };
        let limits = renderer::limits(config);
        Self { state, snapshot, reader, limits, now, in_feeds: seqs(usize::MAX), hot: seqs(config.feeds.limit) }
    }

    /// What is to be said of the public articles and their entries, and the bodies of those in the site's feed.
    pub(super) fn public(&self) -> (Told, HashMap<Seq, Arc<Body>>) {
        let articles: Vec<&Arc<Article>> = self.snapshot.library.articles().collect();
        let chunks: Vec<_> = articles.par_chunks(CHUNK).map(|chunk| self.chunk(chunk)).collect();
        let (mut told, mut hot) = (Told::new(), HashMap::new());
        for (some, bodies) in chunks {
            told.extend(some);
            hot.extend(bodies);
        }
        (told, hot)
    }

    /// What is to be said of the bodies of articles whose time has not come.
    pub(super) fn held(&self, held: &Held) -> Told {
        let one = |(path, (head, digest)): (&RelPath, &(Arc<Head>, Digest))| {
            let mut told = Told::new();
            self.body(path, head, *digest, None, &mut told);
            told
        };
        held.par_iter().flat_map_iter(one).collect()
    }

    fn chunk(&self, articles: &[&Arc<Article>]) -> (Told, Vec<(Seq, Arc<Body>)>) {
        let (mut told, mut hot) = (Told::new(), Vec::new());
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for article in articles {
            let body = self.body(&article.path, &article.head, article.digest, Some(article), &mut told);
            let Some(body) = body.map(Arc::new) else { continue };
            if self.hot.contains(&article.seq) {
                hot.push((article.seq, Arc::clone(&body)));
            }
            if self.in_feeds.contains(&article.seq) {
                bytes += body.html.len();
                entries.push((Arc::clone(article), body));
            }
            if bytes > FEED_BYTES {
                feeds::entries(&self.snapshot, &std::mem::take(&mut entries), self.now, &mut told);
                bytes = 0;
            }
        }
        feeds::entries(&self.snapshot, &entries, self.now, &mut told);
        (told, hot)
    }

    /// Renders one article, and says what there is to say of it.
    fn body(
        &self,
        path: &RelPath,
        head: &Head,
        digest: Digest,
        article: Option<&Article>,
        told: &mut Told,
    ) -> Option<Body> {
        let mut say = |diagnostic: Diagnostic| told.push((path.clone(), diagnostic));
        let Some(file) = self.reader.read(path, self.now).ok().filter(|file| file.digest == digest) else {
            say(busy());
            return None;
        };
        let render = || article::body(path, &file.bytes, head, &self.limits);
        let (body, diagnostics) = match catch_unwind(AssertUnwindSafe(render)) {
            Ok(Ok(rendered)) => rendered,
            Ok(Err(diagnostics)) => {
                diagnostics.into_iter().for_each(say);
                return None;
            }
            Err(_) => {
                say(Diagnostic::error("panic", "dropfeed failed on this file; please report it"));
                return None;
            }
        };
        diagnostics.into_iter().for_each(&mut say);
        huge(&body).into_iter().for_each(&mut say);
        self.source(&file.bytes, &body, article).into_iter().for_each(say);
        Some(body)
    }

    /// What has a place in the source: references to nothing, and the sign of a wrong encoding.
    fn source(&self, bytes: &[u8], body: &Body, article: Option<&Article>) -> Vec<Diagnostic> {
        let mut dead = self.dead(body);
        dead.extend(article.and_then(|article| self.image(article)));
        let misread = bytes.windows(REPLACEMENT.len()).any(|three| three == REPLACEMENT);
        if dead.is_empty() && !misread {
            return Vec::new();
        }
        // Its body was rendered from it, so it is a text.
        let source = decode::decode(bytes).unwrap_or_default();
        let beyond = dead.len().saturating_sub(DEAD_MAX);
        dead.truncate(DEAD_MAX);
        let mut found: Vec<Diagnostic> = dead.into_iter().map(|dead| dead.told(&source)).collect();
        if beyond > 0 {
            found.push(Diagnostic::warning("more", format!("{beyond} more references do not exist")));
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

    /// The references of a body that lead to nothing.
    fn dead(&self, body: &Body) -> Vec<Dead> {
        let all = links::references(&body.html).into_iter();
        let dead = all.filter(|(_, target)| !links::leads_somewhere(&self.snapshot, target));
        dead.map(|(kind, target)| Dead { code: code(kind), message: self.message(kind, &target), target }).collect()
    }

    /// The picture that the header names, if nothing is there.
    fn image(&self, article: &Article) -> Option<Dead> {
        let written = article.head.image.as_deref()?;
        let asked = std::cell::RefCell::new((None, false));
        let locate = |reference: &str| {
            let route = self.snapshot.library.locate(reference);
            let mut asked = asked.borrow_mut();
            asked.0.get_or_insert_with(|| reference.to_owned());
            asked.1 |= route.is_some();
            route
        };
        urls::image(written, article, &self.snapshot.config.site, &locate);
        let (Some(target), false) = asked.into_inner() else { return None };
        let message = format!("its image {target} does not exist");
        Some(Dead { code: code(Use::Show), message, target })
    }

    fn message(&self, kind: Use, target: &str) -> String {
        if let Some(name) = target.strip_prefix('?') {
            return format!("links to an article called {name:?}, which does not exist");
        }
        let file = RelPath::new(target.trim_matches('/')).filter(|path| self.state.file(path).is_some());
        match (kind, file) {
            (_, Some(_)) => format!("refers to {target}, which is not published"),
            (Use::Link, None) => format!("links to {target}, which is not published"),
            (Use::Show, None) => format!("shows {target}, which does not exist"),
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
    fn told(self, source: &str) -> Diagnostic {
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
    let kib = body.html.len() / 1024;
    let message = format!("is {kib} KiB of HTML, which every subscriber downloads with each feed that contains it");
    (body.html.len() > HUGE_BYTES).then(|| Diagnostic::warning("huge", message))
}
