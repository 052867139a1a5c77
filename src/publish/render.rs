//! Making the documents that are not resident: pages, and the feeds of directories.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Digest, Format, RelPath, Route, Scope, Timestamp};

use super::{Document, Snapshot};

/// A file that is served as it is, opened: what was found stays readable even when the file is
/// replaced.
pub trait Asset: Send + Sync {
    /// The whole length in bytes.
    fn len_bytes(&self) -> u64;
    /// The moment at which the file was last modified.
    fn modified(&self) -> Timestamp;
    /// The name of this version of the content, another one whenever a byte is; `None` while that
    /// is not certain. Blocking: it may read a file that is small.
    fn version(&self) -> Result<Option<Digest>, Unrendered>;
    /// At most `len` bytes from `offset`; fewer only at the end. Blocking.
    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, Unrendered>;
}

/// Makes warm documents. Blocking: it may read articles.
pub trait Render: Send + Sync {
    /// The document of a route that `snapshot.find` answered with [`super::Found::Render`].
    fn render(&self, snapshot: &Snapshot, route: &Route) -> Result<Document, Unrendered>;

    /// The page that a person gets at the address of a feed.
    fn feed_page(
        &self,
        snapshot: &Snapshot,
        scope: &Scope,
        format: Format,
    ) -> Result<Document, Unrendered>;

    /// The file that `snapshot.find` answered with [`super::Found::Asset`]. Its media type follows
    /// from its name.
    fn asset(&self, path: &RelPath) -> Result<Arc<dyn Asset>, Unrendered>;
}

/// The reason why there is no document at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrendered {
    /// The file's bytes are not those of the snapshot: a newer snapshot is on its way.
    #[error("the article is being changed")]
    Changed,
    /// The article cannot be read or rendered now.
    #[error("the article cannot be read")]
    Unreadable,
}
