//! The answer to a request: a function of (request, snapshot, now).
//!
//! In the order of a request: `request` refuses what is not meant for us, `handler` finds what the
//! target names, `conditional`, `encoding` and `range` are the standards (pure), `cache` makes what
//! is not resident, `asset` opens files, `content` sends them piece by piece, and `problem` is every
//! answer that is not a document.

mod asset;
mod cache;
mod conditional;
mod content;
mod encoding;
mod handler;
mod problem;
mod range;
mod request;

pub(super) use cache::Warm;
pub(super) use content::Content;
pub(super) use handler::Handler;
pub(super) use problem::Problem;
