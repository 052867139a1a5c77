//! The vocabulary of all other modules: time, digests, paths, routes, diagnostics.
//!
//! Pure: no I/O, no clock, no randomness.

pub mod diagnostic;
pub mod digest;
pub mod direction;
pub mod each;
pub mod fingerprint;
pub mod html;
pub mod media;
pub mod path;
pub mod place;
pub mod reference;
pub mod route;
pub mod shelf;
pub mod special;
pub mod text;
pub mod time;
pub mod url_table;

pub use diagnostic::{Diagnostic, Severity, catch_panic};
pub use digest::Digest;
pub use fingerprint::Fingerprint;
pub use path::RelPath;
pub use place::Place;
pub use route::{Format, Route, Scope, UrlPath};
pub use time::Timestamp;
