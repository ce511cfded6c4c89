//! Sizing: from what a stream's metrics say to how many shards it should have. Pure: clocks and randomness are arguments.
//!
//! Policies propose, one guard disposes: a policy cannot break a limit of AWS. Every load is in units of one shard's
//! limits, so that all policies speak of the same thing.

pub mod baseline;
mod policy;
mod window;

pub use policy::{Bounds, Policy, Proposal, Resize, View};
pub use window::{Sample, Window};
