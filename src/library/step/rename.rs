//! The rule of renames: it decides which new file is which lost article.
//!
//! A rename is: the path is gone, and a new path has the same (device, inode, birth time), or the
//! same content. A path that exists is itself, always; an inode alone proves nothing, because it is
//! reused at once.

use std::collections::{BTreeSet, HashMap};

use crate::base::Fingerprint;
use crate::base::{Digest, RelPath};

use super::super::{LastFile, Record, Seq};

/// An article whose file is gone.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// The article.
    pub(super) seq: Seq,
    /// The path it had.
    pub(super) path: RelPath,
    /// Its last file, where that is known.
    pub(super) inode: Option<Inode>,
    /// The bytes of that file, else those that are published.
    pub(super) digest: Digest,
    /// Whether they are those of the file: published bytes may be older than what was written since
    /// and cannot be parsed.
    pub(super) is_last: bool,
    /// Whether it was deleted: one that was not goes first.
    pub(super) is_deleted: bool,
    /// Whether its file may be one that cannot be taken yet: then equal content proves nothing.
    pub(super) may_wait: bool,
}

impl Lost {
    pub(super) fn of(record: &Record, last_file: Option<LastFile>) -> Self {
        // The file may have been edited, but not published, before it went.
        let last_digest = last_file.and_then(|file| file.digest);
        let digest = last_digest.unwrap_or(record.digest);
        let inode = last_file.and_then(|file| inode(file.dev, file.ino, file.btime_ns));
        let is_deleted = !record.standing.is_live();
        let path = record.path.clone();
        let is_last = last_digest.is_some();
        Self { seq: record.seq, path, inode, digest, is_last, is_deleted, may_wait: false }
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

/// Pairs what was lost with what is fresh. Each is in at most one pair; the result does not depend
/// on the order of the arguments.
pub(super) fn renames(mut lost: Vec<Lost>, mut fresh: Vec<Fresh>) -> Vec<(Seq, RelPath)> {
    // A file that moved over that of another article may be the last file of both: it is that of
    // the article that is not deleted. One whose file had other bytes at last goes behind.
    lost.sort_by(|a, b| {
        (a.is_deleted, !a.is_last, &a.path).cmp(&(b.is_deleted, !b.is_last, &b.path))
    });
    fresh.sort_by(|a, b| a.path.cmp(&b.path));
    // The first proof wins, so the strongest comes first: an explicit id, then the same file, then
    // equal content.
    let mut pairs = Pairs::default();
    for file in &fresh {
        if let Some(seq) = file.named {
            pairs.join(seq, &file.path);
        }
    }
    pairs.join_same_file(&lost, &fresh);
    // Among several lost twins, the one with the same file name goes first.
    pairs.join_equal(&lost, &fresh, Names::Same);
    pairs.join_equal(&lost, &fresh, Names::Any);
    pairs.pairs
}

/// The file names that two files of equal content must have to be paired.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Same,
    Any,
}

/// The pairs that were found, with what is in one already.
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

    /// Pairs by the identity of the file.
    fn join_same_file(&mut self, lost: &[Lost], fresh: &[Fresh]) {
        let mut by_inode: HashMap<Inode, Seq> = HashMap::new();
        for lost in lost {
            if let Some(inode) = lost.inode {
                by_inode.entry(inode).or_insert(lost.seq);
            }
        }
        for file in fresh {
            let Fingerprint { dev, ino, btime_ns, .. } = file.fingerprint;
            if let Some(inode) = inode(dev, ino, btime_ns)
                && let Some(seq) = by_inode.get(&inode)
            {
                self.join(*seq, &file.path);
            }
        }
    }

    /// Pairs by equal content.
    fn join_equal(&mut self, lost: &[Lost], fresh: &[Fresh], names: Names) {
        // A map, so that not every lost file is compared with every new one.
        let mut by_digest: HashMap<Digest, Vec<&Lost>> = HashMap::new();
        for lost in lost.iter().filter(|lost| !lost.may_wait) {
            by_digest.entry(lost.digest).or_default().push(lost);
        }
        for file in fresh {
            let Some(digest) = file.digest else { continue };
            for lost in by_digest.get(&digest).into_iter().flatten() {
                let is_named = names == Names::Any || lost.path.name() == file.path.name();
                if is_named && !self.seqs.contains(&lost.seq) {
                    self.join(lost.seq, &file.path);
                    break;
                }
            }
        }
    }
}

/// The identity of a file: device, inode number, and birth time.
type Inode = (u64, u64, i64);

fn inode(dev: u64, ino: u64, btime_ns: i64) -> Option<Inode> {
    // A birth time of 0 means that the file system keeps none, and then the number proves nothing.
    if btime_ns == 0 { None } else { Some((dev, ino, btime_ns)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(seq: Seq, path: &str, ino: u64, text: &str) -> Lost {
        let path = RelPath::new(path).unwrap();
        let inode = Some((1, ino, ino as i64));
        let digest = Digest::of(text.as_bytes());
        Lost { seq, path, inode, digest, is_last: true, is_deleted: false, may_wait: false }
    }

    fn fresh(path: &str, ino: u64, text: &str) -> Fresh {
        let lost = lost(0, path, ino, text);
        let fingerprint =
            Fingerprint { dev: 1, ino, btime_ns: ino as i64, ..Fingerprint::default() };
        Fresh { path: lost.path, fingerprint, digest: Some(lost.digest), named: None }
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
    fn what_may_be_a_file_that_waits_is_known_by_its_file_alone() {
        let waits = Lost { may_wait: true, ..lost(1, "a", 7, "x") };
        check(vec![waits.clone()], vec![fresh("b", 7, "x")], &[(1, "b")]);
        check(vec![waits.clone()], vec![fresh("b", 8, "x")], &[]);
        check(vec![waits, lost(2, "c", 9, "x")], vec![fresh("b", 8, "x")], &[(2, "b")]);
    }

    #[test]
    fn no_birth_time_proves_nothing() {
        let mut old = lost(1, "a", 7, "x");
        let mut new = fresh("b", 7, "y");
        old.inode = inode(1, 7, 0);
        new.fingerprint.btime_ns = 0;
        check(vec![old], vec![new], &[]);
    }

    #[test]
    fn what_is_not_deleted_goes_first() {
        for (one, other) in [("a", "b"), ("b", "a")] {
            let deleted = Lost { is_deleted: true, ..lost(1, one, 7, "x") };
            let present = lost(2, other, 7, "x");
            check(vec![deleted.clone(), present.clone()], vec![fresh("c", 7, "y")], &[(2, "c")]);
            check(vec![present, deleted], vec![fresh("c", 8, "x")], &[(2, "c")]);
        }
    }

    #[test]
    fn the_bytes_of_a_file_go_before_those_that_were_published() {
        let unparsed = Lost { is_last: false, ..lost(1, "a", 7, "x") };
        let whole = lost(2, "b", 8, "x");
        check(vec![unparsed.clone(), whole.clone()], vec![fresh("c", 9, "x")], &[(2, "c")]);
        check(vec![unparsed.clone()], vec![fresh("c", 9, "x")], &[(1, "c")]);
        let moved = vec![fresh("c", 9, "x"), fresh("d", 7, "unparsed")];
        check(vec![unparsed, whole], moved, &[(1, "d"), (2, "c")]);
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
