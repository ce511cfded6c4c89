//! The controller's decisions: what is known of a stream, what is to be done now, and how it is told. Pure: the shell in
//! `run` looks, writes down and calls; here is only what follows from what was seen.

pub mod hand;
mod record;
pub mod report;

pub use record::{Entry, Foreign, Key, Memory, Record};
pub use report::{Condition, ConditionKind, Decision, Numbers, Pause, Pin, Report, Series, Status, StreamStatus, Verb};
