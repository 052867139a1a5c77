//! The files that are served as they are: by path, and by name, which is how Obsidian's embeds ask
//! for them. Those in private directories are served if a public article refers to them.
//!
//! A name may be written otherwise than on disk: macOS takes letters with accents apart (NFD), and
//! editors and browsers put them together (NFC).

use std::borrow::Cow;
use std::sync::Arc;

use imbl::OrdSet;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::base::{Digest, RelPath};

use super::channel::number;
use super::locate::common;
use super::{Article, Seq};

/// Assets of the tree. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Assets {
    paths: OrdSet<RelPath>,
    /// By the digest of the file's name.
    by_name: OrdSet<(u64, RelPath)>,
    /// The sum of the numbers of the paths.
    sum: u128,
}

impl Assets {
    /// Adds an asset; false where it was known.
    pub(super) fn insert(&mut self, path: &RelPath) -> bool {
        let is_new = self.paths.insert(path.clone()).is_none();
        if is_new {
            self.sum = self.sum.wrapping_add(number(path.as_str()));
            self.by_name.insert((name_of(path), path.clone()));
        }
        is_new
    }

    /// Takes one out; false where it was not there.
    pub(super) fn remove(&mut self, path: &RelPath) -> bool {
        if self.paths.remove(path).is_none() {
            return false;
        }
        self.sum = self.sum.wrapping_sub(number(path.as_str()));
        self.by_name.remove(&(name_of(path), path.clone()));
        true
    }

    /// Whether there is one at `path`.
    pub(super) fn contains(&self, path: &RelPath) -> bool {
        self.paths.contains(path)
    }

    /// The one at `path`, or at a path that differs from it in its normal form alone.
    pub(super) fn spelled(&self, path: &RelPath) -> Option<&RelPath> {
        if let Some(here) = self.paths.get(path) {
            return Some(here);
        }
        if path.as_str().is_ascii() {
            return None;
        }
        let wanted = composed(path.as_str());
        self.namesakes(path).find(|known| composed(known.as_str()) == wanted)
    }

    /// Those with the name of `path`, in whichever normal form.
    fn namesakes(&self, path: &RelPath) -> impl Iterator<Item = &RelPath> {
        let name = name_of(path);
        let from = self.by_name.range((name, RelPath::root())..);
        from.take_while(move |(of, _)| *of == name).map(|(_, path)| path)
    }

    /// Every path, in order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.paths.iter()
    }

    /// A number that changes with every path that comes or goes.
    pub(super) fn sum(&self) -> u128 {
        self.sum
    }

    /// The asset that `wanted` means: itself, else, of all that share its name, the one whose path
    /// ends most like it, and of those the first.
    pub(super) fn named(&self, wanted: &RelPath) -> Option<&RelPath> {
        if let Some(here) = self.spelled(wanted) {
            return Some(here);
        }
        let mut best = None;
        let mut most_alike = 0;
        for path in self.namesakes(wanted) {
            let alike = common(path.segments().rev(), wanted.segments().rev());
            // Of equals, the first: later ones have to be more alike.
            if best.is_none() || alike > most_alike {
                (best, most_alike) = (Some(path), alike);
            }
        }
        best
    }
}

/// The references of public articles that may mean private files, by the name of the file. Cheap to
/// copy.
#[derive(Debug, Clone, Default)]
pub(super) struct References(OrdSet<(u64, Arc<str>, Seq)>);

impl References {
    /// Adds those of a public article.
    pub(super) fn insert(&mut self, article: &Article) {
        for target in &article.head.private_files {
            self.0.insert((last_name_of(target), target.as_str().into(), article.seq));
        }
    }

    /// Takes out exactly what `insert` added.
    pub(super) fn remove(&mut self, article: &Article) {
        for target in &article.head.private_files {
            self.0.remove(&(last_name_of(target), target.as_str().into(), article.seq));
        }
    }

    /// The references that may mean `file`: those with its name, each once.
    pub(super) fn with_name_of(&self, file: &RelPath) -> impl Iterator<Item = &str> {
        let name = name_of(file);
        let alike =
            self.0.range((name, Arc::from(""), 0)..).take_while(move |(of, ..)| *of == name);
        // They are sorted by their texts, so equal ones follow each other.
        let mut last = "";
        alike.map(|(_, target, _)| &**target).filter(move |target| {
            let is_new = *target != last;
            last = *target;
            is_new
        })
    }
}

fn name_of(path: &RelPath) -> u64 {
    Digest::of(composed(path.name()).as_bytes()).prefix()
}

/// The text with letters and their accents put together.
fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// The same of the target of a symbolic reference.
fn last_name_of(target: &str) -> u64 {
    let target = target.trim_end_matches('/');
    let (_, name) = target.rsplit_once('/').unwrap_or(("", target));
    Digest::of(composed(name.trim_start_matches('?')).as_bytes()).prefix()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_path_and_by_name() {
        let path = |text: &str| RelPath::new(text).unwrap();
        let mut assets = Assets::default();
        for text in ["a/x.png", "b/img/x.png", "c/img/x.png", "y.png"] {
            assert!(assets.insert(&path(text)));
            assert!(!assets.insert(&path(text)));
        }
        for (wanted, found) in [
            ("a/x.png", Some("a/x.png")),
            ("notes/x.png", Some("a/x.png")),
            ("notes/img/x.png", Some("b/img/x.png")),
            ("notes/c/img/x.png", Some("c/img/x.png")),
            ("deep/down/y.png", Some("y.png")),
            ("z.png", None),
        ] {
            assert_eq!(assets.named(&path(wanted)).map(RelPath::as_str), found, "{wanted}");
        }
        let (apart, together) = ("u\u{308}/a\u{308}.png", "ü/ä.png");
        for (known, wanted) in [(apart, together), (together, apart)] {
            let mut other = Assets::default();
            other.insert(&path(known));
            assert_eq!(other.spelled(&path(wanted)).map(RelPath::as_str), Some(known));
            assert_eq!(other.named(&path("ä.png")).map(RelPath::as_str), Some(known));
            assert_eq!(other.spelled(&path("ä.png")), None);
        }
        assets.remove(&path("a/x.png"));
        assets.remove(&path("y.png"));
        assert_eq!(assets.named(&path("notes/x.png")).map(RelPath::as_str), Some("b/img/x.png"));
        assert_eq!(assets.named(&path("y.png")), None);
        let mut others = Assets::default();
        for text in ["c/img/x.png", "b/img/x.png"] {
            assert_ne!(assets.sum(), others.sum());
            others.insert(&path(text));
        }
        assert_eq!(assets.sum(), others.sum());
        assert!(!assets.contains(&path("a/x.png")));
    }
}
