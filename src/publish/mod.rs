//! Documents, the snapshot that holds them, and the published snapshot.

pub mod document;
#[cfg(test)]
mod forever;
pub mod latency;
pub mod published;
pub mod render;
pub mod report;
pub mod snapshot;
pub mod status;
pub mod versions;

pub use document::{Cache, Coded, Coding, Document, Kind};
pub use published::Published;
pub use render::{Asset, Render, Unrendered};
pub use snapshot::{Extent, Found, Redirect, Snapshot};
pub use status::{
    Contents, LastProjection, LastPublish, Part, PollReason, PushEnd, Pushed, Receiver, Scanning,
    Status, Watching,
};
pub use versions::Versions;
