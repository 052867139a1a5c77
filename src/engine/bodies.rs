//! The rendered bodies of hot entries.
//!
//! A body belongs to an article's number, bytes and path, since relative references depend on the
//! path. The body of earlier bytes is used only while the present file cannot be read.

use std::collections::HashSet;
use std::sync::Arc;

use imbl::HashMap;

use crate::article::Body;
use crate::base::{Digest, RelPath};
use crate::library::{Article, Seq, State};

/// A rendered body and what it was rendered from.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    digest: Digest,
    path: RelPath,
    body: Arc<Body>,
}

/// Rendered bodies by number. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Bodies {
    by_seq: HashMap<Seq, Kept>,
}

impl Bodies {
    /// The bodies that are remembered: those of the records' bytes. `reread`: the same bytes would
    /// now be rendered differently, so these are used only until that is done.
    pub(super) fn remembered(remembered: &[(Seq, Arc<Body>)], state: &State, reread: bool) -> Self {
        let mut bodies = Self::default();
        for (seq, body) in remembered {
            let Some(record) = state.record(*seq) else { continue };
            // No article has the digest of nothing, so `has` denies a body under this digest.
            let digest = if reread { Digest::of(b"") } else { record.digest };
            let kept = Kept { digest, path: record.path.clone(), body: Arc::clone(body) };
            bodies.by_seq.insert(*seq, kept);
        }
        bodies
    }

    /// Marks every body as made of bytes that have changed: the same bytes would now be rendered
    /// differently. Until that is done, the bodies are used.
    pub(super) fn outdate(&mut self) {
        let mut outdated = HashMap::new();
        for (seq, kept) in &self.by_seq {
            outdated.insert(*seq, Kept { digest: Digest::of(b""), ..kept.clone() });
        }
        self.by_seq = outdated;
    }

    /// The bodies by number, for a snapshot.
    pub(super) fn shared(&self) -> HashMap<Seq, Arc<Body>> {
        let mut bodies = HashMap::new();
        for (seq, kept) in &self.by_seq {
            bodies.insert(*seq, Arc::clone(&kept.body));
        }
        bodies
    }

    /// The body of `seq` as it was last rendered, even from bytes that have changed since.
    pub(super) fn get(&self, seq: Seq) -> Option<Arc<Body>> {
        self.by_seq.get(&seq).map(|kept| Arc::clone(&kept.body))
    }

    /// Whether the body of the article's present bytes and path is here.
    pub(super) fn has(&self, article: &Article) -> bool {
        match self.by_seq.get(&article.seq) {
            Some(kept) => kept.digest == article.digest && kept.path == article.path,
            None => false,
        }
    }

    /// Keeps a body.
    pub(super) fn insert(&mut self, article: &Article, body: Arc<Body>) {
        let kept = Kept { digest: article.digest, path: article.path.clone(), body };
        self.by_seq.insert(article.seq, kept);
    }

    /// Forgets every body that is not of `articles`, and returns the numbers of the forgotten.
    pub(super) fn retain(&mut self, articles: &[Arc<Article>]) -> Vec<Seq> {
        let wanted: HashSet<Seq> = articles.iter().map(|article| article.seq).collect();
        let mut gone = Vec::new();
        for seq in self.by_seq.keys() {
            if !wanted.contains(seq) {
                gone.push(*seq);
            }
        }
        for seq in &gone {
            self.by_seq.remove(seq);
        }
        gone
    }
}
