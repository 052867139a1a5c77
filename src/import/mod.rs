//! An old feed: read from bytes into a list of entries, and played through the switch to dropfeed's
//! feeds.
//!
//! `read` recognises the format, `xml` reads RSS 0.9x, 1.0 and 2.0 and Atom 0.3 and 1.0, `json`
//! reads JSON Feed 1.x. Unlike the parser of the gate they keep what a subscriber's reader keys on:
//! the id to the byte, and whether it is a permalink. `replay` is two readers, one keyed by id and
//! one by link, that see the old feed and then the new one.
//!
//! Pure: no files, no network, no clock. What cannot be read is one sentence, and nothing of it is
//! used.

mod date;
mod document;
mod json;
mod read;
pub mod replay;
mod xml;

pub use document::Document;
pub use read::{join, read};
