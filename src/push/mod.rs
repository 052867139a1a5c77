//! Who is told of a drop, of what, and when. Pure: events and the time in, effects out; the daemon calls and stores.
//!
//! `publisher` decides on pings to hubs, `bell` on the webhook and the command; `webhook` is what a webhook gets.

pub mod bell;
pub mod publisher;
mod retry;
pub mod webhook;
