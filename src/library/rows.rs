//! What is remembered for ever of articles, files and channels: plain rows. `store` keeps them,
//! this module's functions make them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::article::{Body, Head, WordSketch};
use crate::base::Fingerprint;
use crate::base::{Diagnostic, Digest, RelPath, Scope, Timestamp, UrlPath};

use super::Seq;
use super::old_feed::Imported;

/// The state of an article that was public once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Everybody sees it.
    Public,
    /// Its author withdrew it: a draft again, expired, dated into the future.
    Withdrawn,
    /// Its file has been gone since then; public until the grace is over.
    Missing(Timestamp),
    /// Its file is gone, and the grace is over. Where nobody decided that it goes: when it was
    /// taken away, for the shrink guard to count.
    Deleted(Option<Timestamp>),
    /// An operator took it down, for ever. The same bytes are not published again, at no path.
    Forgotten,
}

impl Standing {
    /// Whether readers see the article.
    pub fn is_shown(self) -> bool {
        matches!(self, Self::Public | Self::Missing(_))
    }

    /// Whether the article still has its path: it is public, or its author may publish it again.
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Deleted(_) | Self::Forgotten)
    }
}

/// The identity of an article, made when it first became public. Its words are stored with it, and
/// not in memory: see [`Words`].
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its publication number, never another's.
    pub seq: Seq,
    /// Frozen.
    pub id: String,
    /// Its present file, or its last.
    pub path: RelPath,
    /// Its present URL, or its last.
    pub url: UrlPath,
    /// The time at which it first became public.
    pub first_seen: Timestamp,
    /// The time at which it became public, or that its author gives.
    pub published: Timestamp,
    /// Never decreases; never before `published`.
    pub updated: Timestamp,
    /// The digest of the bytes that are published.
    pub digest: Digest,
    /// The head of those bytes.
    pub head: Arc<Head>,
    /// Its present state.
    pub standing: Standing,
    /// The ids that an import gave it.
    pub imported: Option<Arc<Imported>>,
    /// Its last file, where that is gone.
    pub last_file: Option<LastFile>,
}

/// The last known state of an article's file that went: by this it is recognised under another
/// path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFile {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Birth time in nanoseconds since 1970; 0 if the file system has none.
    pub btime_ns: i64,
    /// Its bytes, where they were read.
    pub digest: Option<Digest>,
}

impl LastFile {
    /// The file of this fingerprint.
    pub fn of(fingerprint: &Fingerprint, digest: Option<Digest>) -> Self {
        let Fingerprint { dev, ino, btime_ns, .. } = *fingerprint;
        Self { dev, ino, btime_ns, digest }
    }

    /// Whether `file` is this very file, with whatever bytes.
    pub fn is_file(&self, file: &Fingerprint) -> bool {
        let Self { dev, ino, btime_ns, digest: _ } = *self;
        file.is_same_file(&Fingerprint { dev, ino, btime_ns, ..Fingerprint::default() })
    }
}

impl Record {
    /// Whether the id is the article's in any format, was so before an import, or is what its front
    /// matter says.
    pub fn has_id(&self, id: &str) -> bool {
        let imported = self.imported.as_ref().is_some_and(|imported| imported.has_id(id));
        self.id == id || imported || self.head.id.as_deref() == Some(id)
    }
}

/// The result of the last reading of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// Its article's record says it all: the record at this path has this digest.
    Recorded,
    /// A usable article that is not public with these bytes: a draft, held, or in conflict with
    /// another.
    Article(Arc<Head>, Arc<WordSketch>),
    /// No word of text and no title.
    Empty,
    /// Not usable.
    Refused(Arc<[Diagnostic]>),
    /// A link to the text at this path, which is the article: nothing of its own is there.
    Linked(RelPath),
}

/// A file beneath the article directory as it was last read.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    /// The fingerprint it was read under; with another, it has to be read again.
    pub fingerprint: Fingerprint,
    /// Whether it was so young when it was read that an equal fingerprint proves nothing.
    pub racy: bool,
    /// The digest of its bytes; `None` where they were not read (too large, not a regular file, an
    /// asset).
    pub digest: Option<Digest>,
    /// The result of the reading.
    pub kept: Kept,
}

/// A scope that once had an article. It stays, empty or not.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRow {
    /// The scope.
    pub scope: Scope,
    /// The directory's name, the tag as first written, the author's name.
    pub name: String,
    /// The newest `updated` that its feed ever had.
    pub watermark: Timestamp,
    /// The time of its last change: whole seconds, growing with every change.
    pub modified: Timestamp,
}

/// A hot document as it was last published.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentRow {
    /// The digest of its identity bytes.
    pub digest: Digest,
    /// The time at which these bytes were first published: whole seconds, growing from version to
    /// version.
    pub last_modified: Timestamp,
}

/// The words of articles at their last `updated`, by number. They are half of all that is remembered
/// of an article, and only an edit asks for them: so they are in the store alone, and a step is given
/// those that it needs.
pub type Words = BTreeMap<Seq, Arc<WordSketch>>;

/// The changes of one step: all of them become durable, or none.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Files that were read or are gone (`None`).
    pub files: Vec<(RelPath, Option<FileRow>)>,
    /// Records, new or changed; the key is `seq`.
    pub records: Vec<Arc<Record>>,
    /// The words of those of them that are new, or changed by more than a few: the others keep
    /// theirs.
    pub words: Words,
    /// URLs that became public, and whose they are for ever.
    pub urls: Vec<(UrlPath, Seq)>,
    /// Channels, new or changed.
    pub channels: Vec<ChannelRow>,
    /// Scopes whose channels are forgotten, before `channels` are put.
    pub forgotten: Vec<Scope>,
    /// Bodies of hot entries to keep, or to forget (`None`).
    pub bodies: Vec<(Seq, Option<Arc<Body>>)>,
    /// Hot documents that changed, by their path as [`crate::base::Route`] prints it.
    pub documents: Vec<(String, DocumentRow)>,
    /// Single values by name: `site.id`, `head_version`, `generation`.
    pub values: Vec<(String, String)>,
}

/// Some rows of what is remembered.
#[derive(Debug)]
pub enum Part {
    /// Records, by ascending number; without their words.
    Records(Vec<Arc<Record>>),
    /// Files.
    Files(Vec<(RelPath, FileRow)>),
}

/// Everything that is remembered, as it is read at start.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// Every file.
    pub files: Vec<(RelPath, FileRow)>,
    /// Every record, by ascending `seq`; without its words.
    pub records: Vec<Arc<Record>>,
    /// Every URL that ever was public, in the order in which they became it.
    pub urls: Vec<(UrlPath, Seq)>,
    /// Every channel.
    pub channels: Vec<ChannelRow>,
    /// The bodies of the hot entries.
    pub bodies: Vec<(Seq, Arc<Body>)>,
    /// The hot documents' digests and dates.
    pub documents: Vec<(String, DocumentRow)>,
    /// The single values.
    pub values: Vec<(String, String)>,
}
