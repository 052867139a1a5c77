//! Who is notified of a drop, of what, and when. Pure: events and the time in, effects out; the
//! daemon calls and stores.
//!
//! `publisher` decides on pings to hubs, `bell` on the webhook and the command; `webhook` is what a
//! webhook gets. `hub` is the own hub, `cloud` what it reads of rssCloud.

pub mod bell;
pub mod cloud;
pub mod hub;
pub mod publisher;
pub mod retry;
pub mod webhook;
