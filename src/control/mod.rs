//! The controller's decisions: what is known of a stream, what is to be done now, and how it is told. Pure: the shell in
//! `run` looks, writes down and calls; here is only what follows from what was seen.

mod care;
mod conditions;
mod decide;
mod fleet;
mod functions;
mod gone;
pub mod hand;
mod hot;
mod look;
pub mod news;
mod past;
mod readers;
mod record;
pub mod report;
mod sample;
mod series;
mod split;
mod stream;
#[cfg(test)]
mod tests;
mod troubles;
mod watch;

pub use decide::Answer;
pub use fleet::Fleet;
pub use functions::{AGES, Function, FunctionSeen};
pub use look::is_ours;
pub use past::{LEARNING, Past};
pub use readers::Delivery;
pub use record::{Entry, Foreign, Key, Memory, Record};
pub use report::{
    Condition, ConditionKind, Decision, DriftStatus, FunctionStatus, Lambda, Lease, Numbers, Pause, Pin, Report,
    Series, Status, StreamStatus, Ticks, Verb,
};
pub use sample::sample;
pub use split::SPLITS_A_DAY;
pub use stream::{DRY_RUN, Rules, Seen, Step, Stream};
pub use troubles::Troubles;
pub use watch::{Loads, SWITCHES_A_DAY};
