//! B2: aws-samples/kinesis-auto-scaling, a Go Lambda behind two CloudWatch alarms, read at e1e52f8 (2022-03).
//!
//! Doubles after 5 of 5 periods of 5 min at 75 %; halves after 57 of 60 below 25 %, held by the iterator age (30 min is
//! as good as 25 % use). No minimum but 1, no maximum, no look at the daily limit. An odd count cannot be halved: the
//! half is rounded down, AWS refuses it, and it tries again every minute.

use super::alarm::{Alarm, Compare, Missing, Rule};
use super::row::{NO_BOUNDS, Row, clamp, hold};
use super::tape::Tape;
use crate::scale::{Policy, Proposal, View};

const PERIOD: usize = 5;
/// Minutes of iterator age that hold shrinking.
const AGE_BLOCK: f64 = 30.0;

/// Doubling and halving behind a pair of alarms; what its forks change is data.
#[derive(Debug)]
pub struct Doubling {
    pub(super) name: &'static str,
    pub(super) row: Row,
    /// Thresholds of growing and shrinking.
    pub(super) thresholds: (f64, f64),
    /// Half of an odd count is rounded up, so that AWS accepts it.
    pub(super) rounds_up: bool,
    /// Minutes without action after an action.
    pub(super) pause: i64,
    /// The maximum as a multiple of the minimum, as shipped.
    pub(super) max_over_min: Option<u32>,
    up: Alarm,
    down: Alarm,
    tape: Tape,
    /// The count written in both alarms.
    literal: u32,
    last_scaled: i64,
    /// When a call was made whose answer is not known yet.
    asked: Option<i64>,
}

/// B2 as published; `rounds_up` gives the row in which odd counts do not decide.
pub fn doubling(row: Row, rounds_up: bool) -> Doubling {
    Doubling::new("aws-samples", row, (0.75, 0.25), rounds_up)
}

impl Doubling {
    pub(super) fn new(name: &'static str, row: Row, (high, low): (f64, f64), rounds_up: bool) -> Self {
        let tuning = row.tuning();
        let (up, down) = (tuning.window(5), tuning.window(60));
        // 57 of 60: three periods may be above.
        let need = down - down / 20;
        Self {
            name,
            row,
            thresholds: (high + tuning.high, low + tuning.low),
            rounds_up,
            pause: 0,
            max_over_min: None,
            up: Alarm::new(Rule::all(up, PERIOD, Compare::AtLeast, Missing::Zero)),
            down: Alarm::new(Rule { period: PERIOD, of: down, need, compare: Compare::Below, missing: Missing::Zero }),
            tape: Tape::default(),
            literal: 0,
            last_scaled: i64::MIN / 2,
            asked: None,
        }
    }

    /// The answer to the last call: accepted, or the alarm is set to OK and fires again while it breaches.
    fn settle(&mut self, view: &View<'_>) {
        if let Some(asked) = self.asked.take()
            && view.resizes.last().is_some_and(|resize| resize.called == asked)
        {
            self.literal = view.shards;
            self.last_scaled = asked;
        }
    }

    fn target(&self, view: &View<'_>, grow: bool) -> u32 {
        let mut bounds = self.row.bounds(NO_BOUNDS, view);
        if let (Row::Shipped, Some(factor)) = (self.row, self.max_over_min) {
            bounds.max = bounds.min * factor;
        }
        let half = if self.rounds_up { view.shards.div_ceil(2) } else { view.shards / 2 };
        clamp(if grow { 2 * view.shards } else { half }, bounds)
    }
}

impl Policy for Doubling {
    fn name(&self) -> &'static str {
        self.name
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        if self.literal == 0 {
            self.literal = view.shards;
        }
        self.settle(view);
        for sample in self.tape.take(view) {
            self.up.push(sample.accepted, 0.0);
            self.down.push(sample.accepted, sample.age.unwrap_or(0.0) * 0.25 / AGE_BLOCK);
        }
        let (high, low) = self.thresholds;
        let grow = self.up.fires(self.literal, high);
        let shrink = self.literal > 1 && self.down.fires(self.literal, low);
        // What happens now resets both: accepted ones are set to INSUFFICIENT_DATA, failed ones to OK.
        if !(grow || shrink) {
            return hold(view, "no alarm fires");
        }
        self.up.reset();
        self.down.reset();
        if view.now - self.last_scaled < self.pause {
            return hold(view, "paused after the last resize");
        }
        self.asked = Some(view.now);
        let because = if grow {
            format!("{} periods of 5 min at {:.0} % or more of {} shards", self.up.rule.of, high * 100.0, self.literal)
        } else {
            let rule = &self.down.rule;
            let percent = low * 100.0;
            format!("{} of {} periods of 5 min below {percent:.0} % of {} shards", rule.need, rule.of, self.literal)
        };
        Proposal::new(self.target(view, grow), because)
    }
}
