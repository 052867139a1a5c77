//! The files in `feeds/`: a projection of what is published, which can be made again.
//!
//! `project` decides what is written and removed, a `target` such as `directory` does it, and
//! `manifest` knows which files are dropfeed's own. `recover` goes the other way, once the state is lost: it reads ids and
//! dates out of the feeds.

pub mod directory;
mod manifest;
pub mod project;
pub mod recover;
pub mod target;

pub use directory::Directory;
pub use project::Projector;
pub use target::{Stamp, Target};
