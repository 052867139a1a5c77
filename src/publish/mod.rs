//! What is served: documents, the snapshot that holds them, and the place where the current one stands.

pub mod document;
pub mod published;
pub mod render;
pub mod snapshot;

pub use document::{Coding, Document};
pub use published::Published;
pub use render::{Asset, Render, Unrendered};
pub use snapshot::{Found, Snapshot};
