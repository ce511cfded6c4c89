//! B10: the autoscaler of apache/flink-kubernetes-operator, read at 6e9caeb4 (2026-07), after DS2 (OSDI 2018): a one-shot
//! target from true rates, with time to catch up. The mapping to shards is ours, so figures concern this port.
//!
//! Rates are means over 15 min of what was accepted; write throttling stays hidden. Grows at once; a first wish to shrink
//! starts an hour, at whose end the largest size wanted in it is taken. No decision for 5 min after a resize, none to
//! shrink while the iterator age is above 5 min. Its upper edge is 100 % use without time to catch up; a stream that
//! throttles never gets above that, so the port counts the catching up in, which makes it 86 % (better on every figure).

use super::row::{Row, Tuning, clamp, hold};
use super::tape::{HORIZON, mean};
use crate::scale::{Policy, Proposal, View};

/// Minutes in which a backlog shall be read.
const CATCH_UP: f64 = 30.0;
/// Minutes that a restart is taken to last.
const RESTART: f64 = 5.0;
const WINDOW: i64 = 15;
const STABILISE: i64 = 5;
const DOWN_AFTER: i64 = 60;
/// Minutes of iterator age that count as a backlog.
const BACKLOG: f64 = 5.0;
/// A step down keeps at least this much.
const LEAST: f64 = 0.4;

#[derive(Debug)]
pub struct Ds2 {
    row: Row,
    shards: u32,
    resized: i64,
    /// Since when shrinking is wanted, and the largest size wanted since.
    down: Option<(i64, u32)>,
}

impl Ds2 {
    pub fn new(row: Row) -> Self {
        Self { row, shards: 0, resized: i64::MIN / 2, down: None }
    }

    /// Capacity needed at a use, in shards.
    fn need(rate: f64, lag: f64, usage: f64, restart: bool) -> f64 {
        let restart = if restart { rate * RESTART / CATCH_UP } else { 0.0 };
        lag / CATCH_UP + restart + rate / usage
    }

    fn grow(&self, view: &View<'_>, wanted: u32, usage: f64) -> Proposal {
        let shards = clamp(wanted.min(2 * view.shards), view.bounds);
        Proposal::new(shards, format!("{:.0} % use over 15 min: {wanted} shards with time to catch up", usage * 100.0))
    }
}

impl Policy for Ds2 {
    fn name(&self) -> &'static str {
        "ds2"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        let Tuning { high, low, windows } = self.row.tuning();
        let n = view.shards;
        if self.shards != n {
            if self.shards != 0 {
                self.resized = view.now;
                self.down = None;
            }
            self.shards = n;
        }
        if view.now - self.resized < STABILISE {
            return hold(view, "stabilises for 5 min after a resize");
        }
        // The window length is scaled by tuning; at least one minute.
        let window = ((WINDOW as f64 * windows) as i64).max(1);
        let Some(rate) = mean(view, window) else { return hold(view, "no data") };
        let newest = view.window.at(view.now - HORIZON);
        let age = newest.age.unwrap_or(0.0);
        let lag = age * newest.accepted.unwrap_or(rate);
        let capacity = f64::from(n);
        let target = 0.7 + high;
        let (edge, floor) = (target + 0.3, target * 4.0 / 7.0 + low);
        let too_small = Self::need(rate, lag, edge, true) >= capacity - 1e-9;
        let too_large = age <= BACKLOG && Self::need(rate, lag, floor, true) < capacity;
        let factor = (Self::need(rate, lag, target, true) / capacity).max(LEAST);
        let wanted = ((capacity * factor) - 1e-9).ceil() as u32;
        if too_small {
            self.down = None;
            return self.grow(view, wanted, rate / capacity);
        }
        if !too_large {
            if let Some((since, most)) = self.down.take() {
                self.down = Some((since, most.max(n))).filter(|_| view.now - since < DOWN_AFTER);
            }
            return hold(view, "within its range of use");
        }
        let (since, most) = self.down.map_or((view.now, wanted), |(since, most)| (since, most.max(wanted)));
        self.down = Some((since, most));
        if view.now - since < DOWN_AFTER {
            return hold(view, "waits an hour before shrinking");
        }
        self.down = None;
        let shards = clamp(most.max(n.div_ceil(2)).min(n), view.bounds);
        Proposal::new(shards, format!("for an hour {most} shards would have done"))
    }
}
