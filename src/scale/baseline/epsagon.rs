//! B4: epsagon/kinesis-autoscaler, a Lambda behind two alarms, read at a866ff4 (2022-01).
//!
//! Grows after one period of 5 min at 75 % (to the double up to 3 shards, by half up to 50, by a quarter above); shrinks
//! after 24 hours at 25 % or less, to twice the day's peak and at most to the half. No bounds, no cool-down, no look at
//! the daily limit. If the count in its alarms is not the stream's, it only corrects the alarms.

use std::collections::VecDeque;

use super::alarm::{Alarm, Compare, Missing, Rule};
use super::row::{NO_BOUNDS, Row, clamp, hold, times};
use super::tape::Tape;
use crate::scale::{Policy, Proposal, View};

const PERIOD: usize = 5;

#[derive(Debug)]
pub struct Epsagon {
    row: Row,
    up: Alarm,
    down: Alarm,
    tape: Tape,
    literal: u32,
    /// Loads of the last day, for its peak over periods.
    day: VecDeque<f64>,
}

impl Epsagon {
    pub fn new(row: Row) -> Self {
        let tuning = row.tuning();
        let (up, down) = (tuning.window(1), tuning.window(288));
        Self {
            row,
            up: Alarm::new(Rule::all(up, PERIOD, Compare::AtLeast, Missing::Zero)),
            down: Alarm::new(Rule::all(down, PERIOD, Compare::AtMost, Missing::Zero)),
            tape: Tape::default(),
            literal: 0,
            day: VecDeque::new(),
        }
    }

    /// The largest period of the last day, in shards.
    fn peak(&self) -> f64 {
        let day: Vec<f64> = self.day.iter().copied().collect();
        day.windows(PERIOD).map(|period| period.iter().sum::<f64>() / PERIOD as f64).fold(0.0, f64::max)
    }
}

impl Policy for Epsagon {
    fn name(&self) -> &'static str {
        "epsagon"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        if self.literal == 0 {
            self.literal = view.shards;
        }
        for sample in self.tape.take(view) {
            self.up.push(sample.accepted, 0.0);
            self.down.push(sample.accepted, 0.0);
            self.day.push_back(sample.accepted.unwrap_or(0.0));
            if self.day.len() > 1440 {
                self.day.pop_front();
            }
        }
        let tuning = self.row.tuning();
        let grow = self.up.fires(self.literal, 0.75 + tuning.high);
        let shrink = self.literal > 1 && self.down.fires(self.literal, 0.25 + tuning.low);
        if !(grow || shrink) {
            return hold(view, "no alarm fires");
        }
        self.up.reset();
        self.down.reset();
        if self.literal != view.shards {
            self.literal = view.shards;
            return hold(view, "the alarms had another count");
        }
        let n = view.shards;
        let bounds = self.row.bounds(NO_BOUNDS, view);
        let (wanted, because) = if grow {
            let factor = if n <= 3 {
                2.0
            } else if n <= 50 {
                1.5
            } else {
                1.25
            };
            (times(n, factor, true), "5 min at 75 % or more".to_owned())
        } else {
            let peak = self.peak();
            // Twice the peak: half full at the day's height.
            let wanted = n.div_ceil(2).max((2.0 * peak).ceil() as u32);
            (wanted, format!("24 h at 25 % or less, peak {peak:.1} shards"))
        };
        Proposal::new(clamp(wanted, bounds), because)
    }
}
