//! B9: the rule of the Kubernetes Horizontal Pod Autoscaler with its defaults, on shards (our port).
//!
//! Every minute `ceil(n use / 0.7)` unless the use is within 10 % of 0.7; grows at once, shrinks to the largest
//! recommendation of the last 5 min; a missing metric is skipped.

use std::collections::VecDeque;

use super::row::{Row, clamp, hold};
use super::tape::HORIZON;
use crate::scale::{Policy, Proposal, View};

#[derive(Debug)]
pub struct Hpa {
    row: Row,
    recommended: VecDeque<(i64, u32)>,
}

impl Hpa {
    pub fn new(row: Row) -> Self {
        Self { row, recommended: VecDeque::new() }
    }
}

impl Policy for Hpa {
    fn name(&self) -> &'static str {
        "hpa"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        let Some(load) = view.window.at(view.now - HORIZON).accepted else { return hold(view, "no data") };
        let tuning = self.row.tuning();
        let (n, target) = (view.shards, 0.7 + tuning.high);
        let usage = load / f64::from(n);
        let wanted = if (usage / target - 1.0).abs() <= 0.1 { n } else { (load / target).ceil() as u32 };
        let wanted = wanted.clamp(n.div_ceil(2), 2 * n);
        self.recommended.push_back((view.now, wanted));
        let kept = tuning.window(5) as i64;
        while self.recommended.front().is_some_and(|(at, _)| *at <= view.now - kept) {
            self.recommended.pop_front();
        }
        let highest = self.recommended.iter().map(|(_, wanted)| *wanted).max().unwrap_or(n);
        // One from before a resize may lie above the present count, and grows it, as the original does.
        let shards = if wanted > n { wanted } else { highest.clamp(n.div_ceil(2), 2 * n) };
        Proposal::new(clamp(shards, view.bounds), format!("{:.0} % use, target 70 %", usage * 100.0))
    }
}
