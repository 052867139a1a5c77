//! The bodies of hot entries: which are wanted, which are there, which have to be rendered.
//!
//! A body belongs to an article's number, bytes and path (relative references depend on where it stands); an earlier
//! one stands in only while the present file cannot be read.

use std::sync::Arc;

use imbl::HashMap;

use crate::article::Body;
use crate::base::{Digest, RelPath};
use crate::library::{Article, Remembered, Seq};

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
    /// The bodies that are remembered: those of the records' bytes. `reread`: the same bytes would now be rendered
    /// otherwise, so that these stand in only until they are.
    pub(super) fn remembered(remembered: &Remembered, reread: bool) -> Self {
        let mut bodies = Self::default();
        for (seq, body) in &remembered.bodies {
            // Records stand by ascending number.
            let record = remembered.records.binary_search_by_key(seq, |record| record.seq);
            if let Ok(record) = record.map(|at| &remembered.records[at]) {
                let digest = if reread { Digest::of(b"") } else { record.digest };
                let kept = Kept { digest, path: record.path.clone(), body: Arc::clone(body) };
                bodies.by_seq.insert(*seq, kept);
            }
        }
        bodies
    }

    /// The bodies by number, for a snapshot.
    pub(super) fn shared(&self) -> HashMap<Seq, Arc<Body>> {
        self.by_seq.iter().map(|(seq, kept)| (*seq, Arc::clone(&kept.body))).collect()
    }

    /// The body of `seq`, of whichever bytes it was last rendered.
    pub(super) fn get(&self, seq: Seq) -> Option<Arc<Body>> {
        self.by_seq.get(&seq).map(|kept| Arc::clone(&kept.body))
    }

    /// Is the body of these very bytes here?
    pub(super) fn has(&self, article: &Article) -> bool {
        self.by_seq
            .get(&article.seq)
            .is_some_and(|kept| kept.digest == article.digest && kept.path == article.path)
    }

    /// Keeps a body.
    pub(super) fn insert(&mut self, article: &Article, body: Arc<Body>) {
        self.by_seq
            .insert(article.seq, Kept { digest: article.digest, path: article.path.clone(), body });
    }

    /// Forgets every body that is not of `articles`, and names what was forgotten.
    pub(super) fn retain(&mut self, articles: &[Arc<Article>]) -> Vec<Seq> {
        let wanted: std::collections::HashSet<Seq> =
            articles.iter().map(|article| article.seq).collect();
        let gone: Vec<Seq> =
            self.by_seq.keys().filter(|seq| !wanted.contains(seq)).copied().collect();
        for seq in &gone {
            self.by_seq.remove(seq);
        }
        gone
    }
}
