//! B6: xaxis-open-source/amazon-kinesis-scaling, a Node program of 2017.
//!
//! Every minute: splits the first shard that took more than 800 records a second in each of two minutes, or merges the
//! first two neighbours that together took less in each of five. Records only, the same limit both ways, at most 50
//! shards as shipped. It splits and merges outside of the daily limit. On a plant of even keys all shards carry the mean;
//! shards younger than the window are skipped, so the whole stream is looked at again only after it.

use super::row::{Row, clamp, hold};
use super::tape::HORIZON;
use crate::scale::{Bounds, Policy, Proposal, View};

const SHIPPED: Bounds = Bounds { min: 1, max: 50 };
/// Records a second of a shard, as a fraction of its limit.
const LIMIT: f64 = 0.8;

#[derive(Debug)]
pub struct Xaxis {
    row: Row,
    /// Minute from which on the open shards are as they are, and their number.
    since: (i64, u32),
}

impl Xaxis {
    pub fn new(row: Row) -> Self {
        Self { row, since: (i64::MIN / 2, 0) }
    }

    /// Whether each of the newest visible minutes passes; a missing one counts as zero, as in the source.
    fn each(&self, view: &View<'_>, minutes: i64, test: impl Fn(f64) -> bool) -> bool {
        let newest = view.now - HORIZON;
        let old_enough = newest - minutes + 1 >= self.since.0;
        old_enough && (0..minutes).all(|back| test(view.window.at(newest - back).accepted.unwrap_or(0.0)))
    }
}

impl Policy for Xaxis {
    fn name(&self) -> &'static str {
        "xaxis"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        let n = view.shards;
        if self.since.1 != n {
            // With many shards only two are young; the others are old enough.
            let first = if self.since.1 == 0 || n > 4 { i64::MIN / 2 } else { view.now };
            self.since = (first, n);
        }
        let tuning = self.row.tuning();
        let bounds = self.row.bounds(SHIPPED, view);
        let shard = |load: f64| load / f64::from(n);
        let (hot, cold) = (LIMIT + tuning.high, LIMIT + tuning.low);
        if n < bounds.max && self.each(view, tuning.window(2) as i64, |load| shard(load) > hot) {
            let because = format!("a shard above {:.0} records/s for 2 min", hot * 1000.0);
            return Proposal::new(n + 1, because);
        }
        if n > 1 && self.each(view, tuning.window(5) as i64, |load| 2.0 * shard(load) < cold) {
            let because = format!("two neighbours below {:.0} records/s for 5 min", cold * 1000.0);
            return Proposal::new(clamp(n - 1, bounds), because);
        }
        hold(view, "no shard is hot, no pair is cold")
    }
}
