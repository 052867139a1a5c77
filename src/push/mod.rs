//! Push: tells others of what was published. Pure; `daemon::push` and `daemon::hub` act.

pub mod bell;
pub mod hub;
pub mod publisher;
pub mod retry;
pub mod webhook;
