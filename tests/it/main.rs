//! The one integration binary: the program as its users meet it, linked once, its tests side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod check;
mod cli;
mod control;
mod corpus;
mod crash;
mod docs;
mod engine;
mod fixture;
mod generators;
mod http;
mod incremental;
mod moves;
mod reload;
mod start;
mod tidy;
mod watch;
