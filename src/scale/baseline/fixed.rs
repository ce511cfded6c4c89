//! B0: a count that never changes, as most streams have it. Which count is best is only known afterwards.

use crate::scale::{Policy, Proposal, View};

/// Never asks for another count.
#[derive(Debug, Default)]
pub struct Fixed;

impl Policy for Fixed {
    fn name(&self) -> &'static str {
        "static"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        super::row::hold(view, "the count is fixed")
    }
}

/// How a person would choose the count, knowing the whole demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The largest minute at 80 % use.
    Peak,
    /// The 99.9th percentile of minutes at 80 % use.
    P999,
    /// The 99th percentile of minutes, filled to the brim.
    P99,
}

impl Choice {
    /// The count for a demand in shard-minutes, given its percentile function.
    pub fn shards(self, percentile: impl Fn(f64) -> f64) -> u32 {
        let need = match self {
            Self::Peak => percentile(1.0) / 0.8,
            Self::P999 => percentile(0.999) / 0.8,
            Self::P99 => percentile(0.99),
        };
        // A scaled percentile that should be whole may lie a rounding above it.
        (need - 1e-9).ceil().max(1.0) as u32
    }
}
