//! The answer to a request: a function of (request, snapshot, now).
//!
//! In the order of a request: `request` refuses requests that cannot be answered, `handler` finds
//! the document that the target names (in `hot`, or by its route: `target` turns paths into routes
//! and back), `decide` chooses
//! the kind of answer, and `document` or `asset` writes its header fields. `conditional`,
//! `encoding` and `range` follow their standards, and are pure; `delta` finds the entries that
//! changed since an earlier version; `cache` makes warm documents, each once (`single_flight`);
//! `content` is the body of an answer, `date` its `Date`; `hot` has the answers to plain requests;
//! `service` and `problem` are the answers that are not documents, `subscribe` those of the hub.

mod asset;
mod cache;
pub mod conditional;
mod content;
mod date;
mod decide;
mod delta;
mod document;
pub mod encoding;
mod handler;
mod hot;
mod problem;
pub mod range;
pub mod request;
mod service;
mod single_flight;
mod subscribe;
mod target;

pub(super) use cache::Warm;
pub(super) use content::Content;
pub(super) use handler::Handler;
pub(super) use problem::Problem;
