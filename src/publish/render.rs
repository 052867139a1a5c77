//! Making the documents that are not resident: pages, and the feeds of directories.

use crate::base::Route;

use super::{Document, Snapshot};

/// Makes warm documents. Blocking: it may read articles.
pub trait Render: Send + Sync {
    /// The document of a route that `snapshot.find` answered with [`super::Found::Render`].
    fn render(&self, snapshot: &Snapshot, route: &Route) -> Result<Document, Unrendered>;
}

/// Why there is no document just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrendered {
    /// The file's bytes are not those of the snapshot: a newer snapshot is on its way.
    #[error("the article is being changed")]
    Changed,
    /// The article cannot be read or rendered now.
    #[error("the article cannot be read")]
    Unreadable,
}
