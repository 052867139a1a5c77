//! Readers' statistics: how many people read a feed, as far as a server can say that honestly.
//!
//! Aggregators fetch a feed once for all their users and name the number of those; every other feed
//! reader fetches for one person. So the readers of a feed on a day are the numbers that
//! aggregators name, and the distinct direct readers. `agent` recognises them, `distinct` counts
//! without keeping who it was, `today` collects one day, `history` keeps a year, `report` and
//! `chart` show it.
//!
//! Pure: the clock and the salt are arguments. Never keeps an address or a User-Agent; the digests
//! that take their place have a key that is forgotten at the end of the day. Every collection is
//! bounded.

pub mod agent;
pub mod chart;
mod distinct;
pub mod history;
pub mod report;
pub mod today;

pub use agent::{Agent, Navigation};
pub use history::{Day, History, Tally};
pub use today::{Sighting, Today};
