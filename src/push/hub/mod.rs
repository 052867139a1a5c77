//! The own hub (W3C WebSub, sections 5 to 8): who is notified of which feed, and what has to be
//! sent now.
//!
//! `form` reads what a subscriber asks, `callback` checks its URL and writes what is asked back,
//! `signature` signs a delivery, `queue` and `allowance` share out what is limited, and `machine`
//! is the state with its one verb: [`Hub::step`], from an event and the time to effects.
//!
//! Never calls, writes, or reads a clock; a challenge is passed in.

pub mod allowance;
pub mod callback;
pub mod form;
mod machine;
pub mod model;
pub mod queue;
pub mod signature;

#[cfg(test)]
mod simulation;

pub use machine::Hub;
pub use model::{
    Effect, Event, Failing, Kind, Limits, Mode, Outcome, Pending, Refusal, Request, Secret,
    Standing, Subscription,
};
