//! What a policy would have done: any [`Policy`](crate::scale::Policy) on a simulated plant over a series of demand.
//!
//! Pure: the demand, the settings and the seed decide everything. Figures are those of the plant, not of AWS: how long
//! resharding takes is a model.

pub mod advice;
pub mod against;
pub mod bench;
mod bill;
pub mod demand;
mod function;
mod generator;
mod history;
mod noise;
mod on_demand;
mod plant;
pub mod registry;
mod run;
pub mod scenario;
pub mod score;
mod sums;
pub mod synthetic;
mod timeline;
mod totals;
mod trace;
mod uneven;

pub use crate::local::Profile;
pub use bill::Bill;
pub use demand::Demand;
pub use function::{LAMBDA_PACE, Lambda};
pub use history::{Reading, demand_of};
pub use plant::{Actuator, Refusal};
pub use run::{Decision, Minute, Outcome, Run, Settings, first_count, run};
pub use score::Score;
pub use sums::{percentile, sum};
pub use timeline::{minutes, timeline};
pub use totals::Totals;
pub use trace::Trace;
pub use uneven::Skew;
