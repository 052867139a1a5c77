//! The integration tests: one binary, so that they are linked once and run side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod http;
