//! Sizing: from what a stream's metrics say to how many shards it should have. Pure: clocks and randomness are arguments.
//!
//! Policies propose, one guard disposes: a policy cannot break a limit of AWS. Every load is in units of one shard's
//! limits, so that all policies speak of the same thing.

mod account;
pub mod baseline;
mod bound;
mod budget;
mod council;
mod delay;
mod demand;
mod fleet;
mod guard;
mod histogram;
mod history;
pub mod hot;
mod inputs;
mod lag;
pub mod lambda;
mod limits;
mod policy;
mod priors;
pub mod reshard;
mod retries;
mod rule;
mod season;
mod shadow;
mod skew;
mod tidegate;
mod window;

pub use account::{Evidence, Notice, Numbers, Reason};
pub use budget::{Budget, Money, month};
pub use council::{Council, Member, Temper, Vote};
pub use fleet::{Admission, Wish, admit};
pub use guard::{Decision, Guarded, dispose};
pub use history::{FLOORS, History, SUSTAINED, Signs, WINDOWS};
pub use inputs::{Alarm, Care, Consumer, Floor, Inputs, Quiet, Quota, Signal};
pub use lag::{Lag, read_need, slope};
pub use limits::Limits;
pub use policy::{Bounds, Policy, Proposal, Resize, View, call_back_at, calls_used, counts_until};
pub use priors::MEMBERS;
pub use reshard::Pace;
pub use retries::Retries;
pub use rule::Rule;
pub use shadow::{Bill, Shadow, Terms};
pub use tidegate::Tidegate;
pub use window::{Reads, Sample, Window};
