//! The one integration binary: the program as its users meet it, linked once, its tests side by
//! side.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod access_log;
mod admin;
mod archives;
mod check;
mod cli;
mod control;
mod corpus;
mod crash;
mod delta;
mod docs;
mod engine;
mod feeds_only;
mod fixture;
mod formulas;
mod generators;
mod http;
mod hub;
mod import;
mod incremental;
mod listeners;
mod metrics;
mod moves;
mod notify;
mod pages;
mod pictures;
mod push;
mod reload;
mod start;
mod tidy;
mod trees;
mod upgrade;
mod urls;
mod views;
mod watch;
