//! The answer to a request: a function of (request, snapshot, now).
//!
//! In the order of a request: `request` refuses what is not meant for us, `handler` finds what the
//! target names (`target` turns paths into routes and back), `decide` says what to answer for it,
//! and `document` or `asset` writes that down. `conditional`, `encoding` and `range` are the
//! standards, pure; `delta` is what changed since an earlier version; `cache` makes what is not resident, once (`single_flight`); `content` is what is
//! sent; `service` and `problem` are the answers that are not documents.

mod asset;
mod cache;
pub mod conditional;
mod content;
mod decide;
mod delta;
mod document;
mod encoding;
mod handler;
mod problem;
mod range;
mod request;
mod service;
mod single_flight;
mod target;

pub(super) use cache::Warm;
pub(super) use content::Content;
pub(super) use handler::Handler;
pub(super) use problem::Problem;
