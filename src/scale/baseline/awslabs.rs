//! B1 and B1b: awslabs/amazon-kinesis-scaling-utils, a Java daemon, read at 23ba220 (2022-06).
//!
//! Every five minutes it counts the minutes of the last 15 above 75 % and below 25 % of the limits, a missing minute as
//! low; five high ones grow, 15 low ones shrink. Cool-off 15 min after growing, 60 after shrinking, in memory. As shipped
//! 1 to 16 shards. Where AWS refuses a call, it splits and merges one by one. Its reading vote follows the writing one
//! here, since reads run at half of their limit and never vote to grow. The order in which its mean runs over an unordered
//! map is not needed: one metric is compared.

use super::row::{Row, clamp, hold, times};
use super::tape::HORIZON;
use crate::scale::{Bounds, Policy, Proposal, View};

const CHECK_MINUTES: i64 = 5;
const UP_COOL_OFF: i64 = 15;
const DOWN_COOL_OFF: i64 = 60;
const SHIPPED: Bounds = Bounds { min: 1, max: 16 };

/// How far it goes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One shard. As shipped, this configuration fails its own validation: "as intended".
    One,
    /// 150 % up and 25 % down.
    Percent,
}

#[derive(Debug)]
pub struct Awslabs {
    row: Row,
    step: Step,
    next_check: i64,
    /// The shard count that utilisation is computed with, and when it was looked up.
    cap: u32,
    cap_at: i64,
    last_up: i64,
    last_down: i64,
    /// The share of the records that PutRecord sends, from 0 to 1; the rest goes by PutRecords.
    single: f64,
}

enum Vote {
    Up(usize),
    Down(usize),
    None,
}

impl Awslabs {
    pub fn new(row: Row, step: Step) -> Self {
        let never = i64::MIN / 2;
        Self { row, step, next_check: 0, cap: 0, cap_at: never, last_up: never, last_down: never, single: 0.0 }
    }

    /// Where a share of the records comes by PutRecord, whose datapoints it keeps apart from those of PutRecords: each votes for
    /// itself, the smaller one often for low.
    #[must_use]
    pub fn mixed(self, single: f64) -> Self {
        Self { single, ..self }
    }

    fn vote(&self, view: &View<'_>) -> Vote {
        let tuning = self.row.tuning();
        let (up_after, down_after) = (tuning.window(5), tuning.window(15));
        let window = up_after.max(down_after) as i64;
        let cap = f64::from(self.cap);
        let (mut high, mut low, mut seen) = (0, 0, 0);
        for minute in view.now - window..=view.now - HORIZON {
            let load = view.window.at(minute).accepted;
            let parts = [self.single, 1.0 - self.single].into_iter().filter(|part| *part > 0.0);
            for load in parts.filter_map(|part| Some(load? * part)) {
                seen += 1;
                high += usize::from(load / cap > 0.75 + tuning.high);
                low += usize::from(load / cap < 0.25 + tuning.low);
            }
        }
        low += (window as usize).saturating_sub(seen);
        if high >= up_after {
            Vote::Up(high)
        } else if low >= down_after {
            Vote::Down(low)
        } else {
            Vote::None
        }
    }

    fn up(&self, shards: u32) -> u32 {
        match self.step {
            Step::One => shards + 1,
            Step::Percent => times(shards, 1.5, true),
        }
    }

    fn down(&self, shards: u32) -> u32 {
        match self.step {
            Step::One => shards.saturating_sub(1),
            Step::Percent => shards - times(shards, 0.25, false),
        }
    }
}

impl Policy for Awslabs {
    fn name(&self) -> &'static str {
        match self.step {
            Step::One => "awslabs-count",
            Step::Percent => "awslabs-percent",
        }
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        if view.now < self.next_check {
            return hold(view, "checks every 5 min");
        }
        self.next_check = view.now + CHECK_MINUTES;
        if self.cap == 0 || view.now - self.cap_at > CHECK_MINUTES {
            (self.cap, self.cap_at) = (view.shards, view.now);
        }
        let bounds = self.row.bounds(SHIPPED, view);
        match self.vote(view) {
            Vote::Up(_) if view.now - self.last_up < UP_COOL_OFF => hold(view, "cool-off after growing"),
            Vote::Down(_) if view.now - self.last_down < DOWN_COOL_OFF => hold(view, "cool-off after shrinking"),
            Vote::Up(high) => {
                self.last_up = view.now;
                let because = format!("{high} of the last 15 min above 75 % of {} shards", self.cap);
                Proposal::new(self.up(view.shards).min(bounds.max), because)
            }
            Vote::Down(low) => {
                self.last_down = view.now;
                let because = format!("{low} of the last 15 min below 25 % of {} shards, or unknown", self.cap);
                Proposal::new(clamp(self.down(view.shards), bounds), because)
            }
            Vote::None => {
                (self.cap, self.cap_at) = (view.shards, view.now);
                hold(view, "neither high nor low")
            }
        }
    }
}
