//! B7: Flower, a research controller (demonstrated at VLDB 2017), from its public code: integral control whose gain
//! remembers.
//!
//! Every two minutes `e = use - reference` in percent, `n' = round(|n + k e|)`, then `k = k + gamma e`, back to its first
//! value when it leaves its range. The gains are not published: those below are ours, so figures concern this port.

use super::row::{Row, clamp, hold};
use super::tape::mean;
use crate::scale::{Policy, Proposal, View};

/// The port's gains: reference use in percent, first gain, memory, and the range of the gain, each for one shard.
const REFERENCE: f64 = 60.0;
const FIRST: f64 = 0.01;
const MEMORY: f64 = 0.0001;
const LOW: f64 = 0.002;
const HIGH: f64 = 0.03;

#[derive(Debug)]
pub struct Flower {
    row: Row,
    gain: f64,
    next: i64,
    /// By UpdateShardCount, within its steps; otherwise by splits and merges as the original does it.
    counted: bool,
}

impl Flower {
    pub fn new(row: Row, counted: bool) -> Self {
        Self { row, gain: FIRST, next: 0, counted }
    }
}

impl Policy for Flower {
    fn name(&self) -> &'static str {
        if self.counted { "flower-counted" } else { "flower" }
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        if view.now < self.next {
            return hold(view, "acts every 2 min");
        }
        self.next = view.now + 2;
        let Some(load) = mean(view, 2) else { return hold(view, "no data") };
        let tuning = self.row.tuning();
        let n = f64::from(view.shards);
        let error = 100.0 * load / n - (REFERENCE + 100.0 * tuning.high);
        let scale = tuning.windows;
        let wanted = (n + self.gain * scale * n * error).abs().round().max(1.0);
        self.gain += MEMORY * error;
        if !(LOW..=HIGH).contains(&self.gain) {
            self.gain = FIRST;
        }
        // A float above the bounds saturates and is cut.
        let mut shards = clamp(wanted as u32, view.bounds);
        if self.counted {
            shards = shards.clamp(view.shards.div_ceil(2), 2 * view.shards);
        }
        Proposal::new(shards, format!("{error:+.0} points from the reference use"))
    }
}
