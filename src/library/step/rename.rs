//! Which new file is which lost article: the rule of renames, alone.
//!
//! A rename is: the path is gone, and a new path has the same (device, inode, birth time), or the same content. A path
//! that exists is itself, always; an inode alone proves nothing, because it is reused at once.

use std::collections::{BTreeSet, HashMap};

use crate::base::Fingerprint;
use crate::base::{Digest, RelPath};

use super::super::ledger::Trace;
use super::super::{Record, Seq};

/// An article whose file is gone.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// The article.
    pub(super) seq: Seq,
    /// The path it had.
    pub(super) path: RelPath,
    /// The fingerprint of its last file, where that is still known.
    pub(super) fingerprint: Option<Fingerprint>,
    /// The bytes of that file, else those that are published.
    pub(super) digest: Digest,
}

impl Lost {
    pub(super) fn of(record: &Record, trace: Option<Trace>) -> Self {
        let digest = trace.and_then(|trace| trace.digest).unwrap_or(record.digest);
        let fingerprint = trace.map(|trace| trace.fingerprint);
        Self { seq: record.seq, path: record.path.clone(), fingerprint, digest }
    }
}

/// A file at a path that no article has.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    /// Its path.
    pub(super) path: RelPath,
    /// Its fingerprint.
    pub(super) fingerprint: Fingerprint,
    /// Its bytes.
    pub(super) digest: Option<Digest>,
    /// The article that its explicit id names, if that has no file.
    pub(super) named: Option<Seq>,
}

/// Pairs what was lost with what is fresh. Each is in at most one pair; the result does not depend on the order of
/// the arguments.
pub(super) fn renames(mut lost: Vec<Lost>, mut fresh: Vec<Fresh>) -> Vec<(Seq, RelPath)> {
    lost.sort_by(|a, b| a.path.cmp(&b.path));
    fresh.sort_by(|a, b| a.path.cmp(&b.path));
    let mut pairs = Pairs::default();
    for file in &fresh {
        if let Some(seq) = file.named {
            pairs.join(seq, &file.path);
        }
    }
    let by_inode: HashMap<_, Seq> = lost
        .iter()
        .filter_map(|lost| Some((inode(lost.fingerprint.as_ref()?)?, lost.seq)))
        .collect();
    for file in &fresh {
        if let Some(seq) = inode(&file.fingerprint).and_then(|inode| by_inode.get(&inode)) {
            pairs.join(*seq, &file.path);
        }
    }
    pairs.join_equal(&lost, &fresh);
    pairs.pairs
}

#[derive(Default)]
struct Pairs {
    pairs: Vec<(Seq, RelPath)>,
    seqs: BTreeSet<Seq>,
    paths: BTreeSet<RelPath>,
}

impl Pairs {
    fn join(&mut self, seq: Seq, path: &RelPath) {
        if self.seqs.contains(&seq) || self.paths.contains(path) {
            return;
        }
        self.seqs.insert(seq);
        self.paths.insert(path.clone());
        self.pairs.push((seq, path.clone()));
    }

    /// Equal content: among several lost twins, the one with the same file name goes first.
    fn join_equal(&mut self, lost: &[Lost], fresh: &[Fresh]) {
        let mut by_digest: HashMap<Digest, Vec<&Lost>> = HashMap::new();
        for lost in lost {
            by_digest.entry(lost.digest).or_default().push(lost);
        }
        for same_name in [true, false] {
            for file in fresh {
                let twins = file.digest.and_then(|digest| by_digest.get(&digest));
                let free = |lost: &&&Lost| !self.seqs.contains(&lost.seq);
                let named = |lost: &&&Lost| !same_name || lost.path.name() == file.path.name();
                if let Some(lost) = twins.and_then(|twins| twins.iter().filter(free).find(named)) {
                    self.join(lost.seq, &file.path);
                }
            }
        }
    }
}

/// The identity of a file: a birth time of 0 means that the file system keeps none, and proves nothing.
fn inode(fingerprint: &Fingerprint) -> Option<(u64, u64, i64)> {
    let Fingerprint { dev, ino, btime_ns, .. } = *fingerprint;
    (btime_ns != 0).then_some((dev, ino, btime_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(seq: Seq, path: &str, ino: u64, text: &str) -> Lost {
        let fingerprint =
            Fingerprint { dev: 1, ino, btime_ns: ino as i64, ..Fingerprint::default() };
        let path = RelPath::new(path).unwrap();
        Lost { seq, path, fingerprint: Some(fingerprint), digest: Digest::of(text.as_bytes()) }
    }

    fn fresh(path: &str, ino: u64, text: &str) -> Fresh {
        let lost = lost(0, path, ino, text);
        Fresh {
            path: lost.path,
            fingerprint: lost.fingerprint.unwrap(),
            digest: Some(lost.digest),
            named: None,
        }
    }

    fn check(lost: Vec<Lost>, fresh: Vec<Fresh>, expected: &[(Seq, &str)]) {
        let mut pairs = renames(lost, fresh);
        pairs.sort();
        let shown: Vec<(Seq, &str)> =
            pairs.iter().map(|(seq, path)| (*seq, path.as_str())).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn same_file_or_same_content() {
        check(vec![lost(1, "a", 7, "x")], vec![fresh("b", 7, "edited")], &[(1, "b")]);
        check(vec![lost(1, "a", 7, "x")], vec![fresh("b", 8, "x")], &[(1, "b")]);
        check(vec![lost(1, "a", 7, "x")], vec![fresh("b", 8, "y")], &[]);
    }

    #[test]
    fn no_birth_time_proves_nothing() {
        let mut old = lost(1, "a", 7, "x");
        let mut new = fresh("b", 7, "y");
        old.fingerprint.as_mut().unwrap().btime_ns = 0;
        new.fingerprint.btime_ns = 0;
        check(vec![old], vec![new], &[]);
    }

    #[test]
    fn twins_keep_their_names() {
        let gone = vec![lost(1, "old/a", 1, "x"), lost(2, "old/b", 2, "x")];
        check(
            gone,
            vec![fresh("new/b", 8, "x"), fresh("new/c", 9, "x")],
            &[(1, "new/c"), (2, "new/b")],
        );
    }

    #[test]
    fn an_explicit_id_wins() {
        let mut file = fresh("c", 1, "x");
        file.named = Some(2);
        check(vec![lost(1, "a", 1, "x"), lost(2, "b", 2, "y")], vec![file], &[(2, "c")]);
    }
}
