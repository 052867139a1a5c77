//! Documents, the snapshot that holds them, and the published snapshot.

pub mod document;
#[cfg(test)]
mod forever;
pub mod published;
pub mod render;
pub mod snapshot;

pub use document::{Cache, Coding, Document, Kind};
pub use published::{Part, Published, Status};
pub use render::{Asset, Render, Unrendered};
pub use snapshot::{Found, Redirect, Snapshot};
