//! dropfeed: drop an article into a directory, and it appears in RSS, Atom and JSON feeds.
//!
//! The library is a value; everything that leaves dropfeed is a pure function of it. A batch of
//! changed files makes a new library; feeds and pages are functions of the library; HTTP is a
//! function of (request, snapshot); the files in `feeds/` are a projection of the snapshot. One
//! thread makes new values, and no other can change anything, so there is nothing to lock.
//! ARCHITECTURE.md draws it.
//!
//! `tests/it/tidy.rs` has the order in which the modules may import each other, and checks it.

mod article;
pub mod base;
mod check;
mod cli;
mod config;
mod daemon;
mod engine;
mod feed;
mod http;
mod import;
mod library;
mod ops;
mod page;
mod publish;
mod push;
mod readers;
mod source;
mod store;
#[doc(hidden)]
pub mod testing;

pub use cli::run;
