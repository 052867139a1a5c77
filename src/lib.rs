//! dropfeed: drop an article into a directory, and it stands in RSS 2.0, Atom 1.0 and JSON Feed.
//!
//! The library is a value; everything that leaves dropfeed is a pure function of it. A batch of changed files
//! makes a new library; feeds and pages are functions of the library; HTTP is a function of (request, snapshot);
//! the files in `feeds/` are a projection of the snapshot. One thread makes new values, and nobody else can change
//! anything, so there is nothing to lock. ARCHITECTURE.md draws it.
//!
//! `tests/it/tidy.rs` has the order in which the modules may import each other, and checks it.

pub mod article;
pub mod base;
pub mod check;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod feed;
pub mod http;
pub mod library;
pub mod ops;
pub mod page;
pub mod publish;
pub mod source;
pub mod store;
