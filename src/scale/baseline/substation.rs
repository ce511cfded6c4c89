//! B5: brexhq/substation, its autoscaling Lambda, read at 28f1b349 (2026-01).
//!
//! Grows after 5 of 5 minutes at 70 %, shrinks after 60 of 60 at 35 % or less; a missing minute repeats the last. Steps:
//! double below 5 shards, by three quarters below 13, by half below 33, by a quarter above, and the same downwards. A
//! guard of 3 min up and 30 min down, kept in a tag. Its tags of minimum and maximum are read into shadowed variables: as
//! shipped there are no bounds.

use super::alarm::{Alarm, Compare, Missing, Rule};
use super::row::{NO_BOUNDS, Row, clamp, hold, times};
use super::tape::Tape;
use crate::scale::{Policy, Proposal, View};

const UP_GUARD: i64 = 3;
const DOWN_GUARD: i64 = 30;

#[derive(Debug)]
pub struct Substation {
    row: Row,
    up: Alarm,
    down: Alarm,
    tape: Tape,
    literal: u32,
    /// When the last resize was done.
    last_scaled: i64,
    asked: Option<i64>,
}

impl Substation {
    pub fn new(row: Row) -> Self {
        let tuning = row.tuning();
        let (up, down) = (tuning.window(5), tuning.window(60));
        Self {
            row,
            up: Alarm::new(Rule::all(up, 1, Compare::AtLeast, Missing::Repeat)),
            down: Alarm::new(Rule::all(down, 1, Compare::AtMost, Missing::Repeat)),
            tape: Tape::default(),
            literal: 0,
            last_scaled: i64::MIN / 2,
            asked: None,
        }
    }
}

/// The factor of a step at this size.
fn factor(shards: u32) -> f64 {
    match shards {
        0..5 => 2.0,
        5..13 => 1.75,
        13..33 => 1.5,
        _ => 1.25,
    }
}

impl Policy for Substation {
    fn name(&self) -> &'static str {
        "substation"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        if self.literal == 0 {
            self.literal = view.shards;
        }
        if let Some(asked) = self.asked.take()
            && view.resizes.last().is_some_and(|resize| resize.called == asked)
        {
            (self.literal, self.last_scaled) = (view.shards, view.now);
        }
        for sample in self.tape.take(view) {
            self.up.push(sample.accepted, 0.0);
            self.down.push(sample.accepted, 0.0);
        }
        let tuning = self.row.tuning();
        let grow = self.up.fires(self.literal, 0.7 + tuning.high);
        let shrink = self.down.fires(self.literal, 0.35 + tuning.low);
        if !(grow || shrink) {
            return hold(view, "no alarm fires");
        }
        self.up.reset();
        self.down.reset();
        let guard = if grow { UP_GUARD } else { DOWN_GUARD };
        if view.now - self.last_scaled < guard {
            return hold(view, "guarded after the last resize");
        }
        let n = view.shards;
        let wanted = if grow { times(n, factor(n), false) } else { times(n, 1.0 / factor(n), true) };
        self.asked = Some(view.now);
        let because = if grow { "5 min at 70 % or more" } else { "60 min at 35 % or less" };
        Proposal::new(clamp(wanted, self.row.bounds(NO_BOUNDS, view)), because)
    }
}
