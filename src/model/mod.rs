//! The values that every stage reads and writes. Nothing here can act: no clock, no file, no network.

mod address;
mod attrs;
pub mod calendar;
mod call;
mod capacity;
mod field;
mod graph;
mod inventory;
mod ledger;
mod metrics;
mod problem;
mod quota;
mod rates;
mod reshape;
mod rough;
mod scope;
pub mod secret;
mod tags;
pub mod units;

pub use address::Address;
pub use attrs::{Attrs, Ref, Value};
pub use call::{Call, Effect, Seconds};
pub use capacity::{BYTES_PER_SHARD_MINUTE, PRICE_TIMES_SHARE, RECORDS_PER_SHARD_MINUTE};
pub use field::{Change, Compare, Cost, Field, Permit, Priced, Prices, Risk, Schema, Shift, When};
pub use graph::{Desired, Graph, OnRemoval};
pub use inventory::{Inventory, Observed, Owner, Resource, State};
pub use ledger::{COUNTED, DAY, LIMITED_A_DAY, Ledger, Made};
pub use metrics::{Delivered, Deliveries, FanOut, Glance, Metrics, OpenShard, Readings};
pub use problem::{Path, Place, Problem, Segment};
pub use quota::{Need, Quota, Quotas};
pub use rates::published_rate;
pub use reshape::{gcd, operations, splits};
pub use rough::Rough;
pub use scope::Scope;
pub use tags::{
    ADOPTED, LEDGER, MANAGED, ON_REMOVAL, PARTS, PAUSED, PIN, PIPELINE, PROTECT, RESOURCE, is_ours_to_write,
};
