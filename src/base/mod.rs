//! The words everything else is said in: time, digests, paths, routes, diagnostics.
//!
//! Pure: no I/O, no clock, no randomness.

pub mod diagnostic;
pub mod digest;
pub mod media;
pub mod path;
pub mod route;
pub mod text;
pub mod time;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use digest::Digest;
pub use path::RelPath;
pub use route::{Format, Route, Scope, UrlPath};
pub use time::Timestamp;
