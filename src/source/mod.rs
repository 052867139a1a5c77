//! The only reader of articles and assets: the truth is the file system, and this module reads it.
//!
//! In the order of the data:
//!
//! - `watch` and `mounts` report where something changed (`echo` knows how far that was heard);
//!   `inbox` decides when to look, by the rules of `settle`.
//! - `root` checks that the directory is still the same one.
//! - `tree` compares the files with what is known of them; `scan` walks the directories, except
//!   those that `ignore` hides.
//! - `unfinished` holds back files that may still be being written.
//! - `read` reads a file.
//!
//! Events are hints: only the file system is believed.

mod beneath;
mod bulk;
mod echo;
pub mod ignore;
pub mod inbox;
mod listing;
mod mounts;
mod picture_size;
pub mod read;
pub mod root;
mod scan;
pub mod settle;
pub mod tree;
pub mod unfinished;
pub mod watch;

pub use echo::Call;
pub use ignore::{BadPattern, Ignore};
pub use inbox::{Batch, Inbox, Signs};
pub use picture_size::PictureSize;
pub use read::{AssetFile, Reader, Unread};
pub use root::{Health, Identity, RootLost, needs_polling};
pub use scan::Index;
pub use settle::Policy;
pub use tree::{OpenError, Tree};
pub use unfinished::{Unfinished, Writers};
pub use watch::{WatchError, watches_max};

use std::sync::Arc;

use crate::base::media::is_asset;
use crate::base::{Diagnostic, Digest, RelPath, special};

pub use crate::base::Fingerprint;

/// A file as it was read, whole: its fingerprint was the same before and after.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// Their digest.
    pub digest: Digest,
    /// The fingerprint they were read under.
    pub fingerprint: Fingerprint,
    /// Set when the file was so young that an equal fingerprint will not prove equal bytes.
    pub racy: bool,
}

/// The extent of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The whole tree.
    Everything,
    /// These paths: files, or directories with everything beneath.
    At(Vec<RelPath>),
}

/// One difference between the tree and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceChange {
    /// The path of the file or directory.
    pub path: RelPath,
    /// Its present state.
    pub seen: Seen,
}

/// The state of a path, as a look found it.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Nothing, where something is known.
    Gone,
    /// An article or section file whose bytes may have changed: read it.
    Text(Fingerprint),
    /// A file that is served as it is, new or changed.
    Asset(Fingerprint),
    /// Something that will not be read: too large, not a regular file, a link that leaves the root,
    /// a name that is not UTF-8.
    Refused(Fingerprint, Diagnostic),
    /// A link, or a file reached through a linked directory, to a text that is read under its own
    /// path, which is named.
    Linked(Fingerprint, RelPath),
    /// It is there but cannot be looked at just now (no permission, an I/O error): what is known of
    /// it stays.
    Unreadable(Diagnostic),
}

/// Returns whether the name of `path` is that of a text: a name of which [`FileKind::of`] knows the
/// markup.
///
/// [`FileKind::of`]: crate::base::path::FileKind::of
pub fn is_text(path: &RelPath) -> bool {
    // Asked for every entry of every scan: it allocates nothing.
    let known = ["md", "markdown", "html", "htm", "txt"];
    let has_extension = path
        .extension()
        .is_some_and(|extension| known.iter().any(|known| known.eq_ignore_ascii_case(extension)));
    has_extension && !special::is_verbatim(path.as_str())
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod watching;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::FileKind;

    #[test]
    fn names_tell_what_is_of_interest() {
        for (name, text, asset) in [
            ("a.md", true, false),
            ("a/_index.MD", true, false),
            ("a.HTM", true, false),
            ("a.JPG", false, true),
            ("talk.vtt", false, true),
            ("a", false, false),
            ("a.md.bak", false, false),
            ("style.css", false, true),
            ("a.exe", false, false),
            ("robots.txt", false, true),
            ("news/robots.txt", true, false),
            ("static/a.md", false, true),
            ("static/CNAME", false, true),
        ] {
            let path = RelPath::new(name).unwrap();
            assert_eq!((is_text(&path), is_asset(&path)), (text, asset), "{name}");
            assert_eq!(FileKind::of(&path) != FileKind::Other, text, "{name}");
        }
    }
}
