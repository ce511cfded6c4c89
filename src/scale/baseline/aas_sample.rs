//! B3: aws-samples/aws-application-auto-scaling-kinesis, a custom resource of Application Auto Scaling, read at 9fe4d11
//! (2020-04).
//!
//! One shard more when a minute's records exceed 80 % of the limit, one less when three periods of five minutes stay
//! below the same number of records, which is a fifth as much a minute. Bytes are not looked at. Cool-down 10 min, as
//! shipped 1 to 8 shards. The thresholds at its start are 1,000 and 700 records, whatever the stream. Errors are swallowed.

use super::alarm::{Alarm, Compare, Missing, Rule};
use super::row::{Row, hold};
use super::tape::Tape;
use crate::scale::{Bounds, Policy, Proposal, View};

const COOL_DOWN: i64 = 10;
const SHIPPED: Bounds = Bounds { min: 1, max: 8 };
/// Records of a shard-minute.
const RECORDS: f64 = 60_000.0;
/// Minutes of the shrinking alarm's period, whose sum is compared with a minute's threshold.
const LONG: usize = 5;

#[derive(Debug)]
pub struct AasSample {
    row: Row,
    out: Alarm,
    inward: Alarm,
    tape: Tape,
    /// `None` before the first action.
    desired: Option<u32>,
    last_action: i64,
}

impl AasSample {
    pub fn new(row: Row) -> Self {
        let tuning = row.tuning();
        let (short, long) = (tuning.window(1), tuning.window(3));
        Self {
            row,
            out: Alarm::new(Rule::all(short, 1, Compare::Above, Missing::Zero)),
            inward: Alarm::new(Rule::all(long, LONG, Compare::Below, Missing::Zero)),
            tape: Tape::default(),
            desired: None,
            last_action: i64::MIN / 2,
        }
    }
}

impl Policy for AasSample {
    fn name(&self) -> &'static str {
        "aas-sample"
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        for sample in self.tape.take(view) {
            self.out.push(sample.accepted, 0.0);
            self.inward.push(sample.accepted, 0.0);
        }
        let tuning = self.row.tuning();
        let bounds = self.row.bounds(SHIPPED, view);
        let desired = self.desired.unwrap_or(view.shards);
        // Both thresholds in use of the desired count, a minute.
        let (mut high, mut low) = (0.8 + tuning.high, 0.8 + tuning.low);
        if self.desired.is_none() {
            (high, low) = (1000.0 / RECORDS / f64::from(desired), 700.0 / RECORDS / f64::from(desired));
        }
        let grow = self.out.is_raised(desired, high);
        let shrink = self.inward.is_raised(desired, low / LONG as f64);
        let ready = view.now - self.last_action >= COOL_DOWN;
        if ready && (grow || shrink) {
            // Growing wins where both alarms are up.
            let wanted = if grow { (desired + 1).min(bounds.max) } else { desired.saturating_sub(1).max(bounds.min) };
            (self.desired, self.last_action) = (Some(wanted), view.now);
        }
        match self.desired {
            Some(wanted) if wanted != view.shards => {
                let because = if wanted > view.shards { "a minute above 80 %" } else { "15 min below 16 %" };
                Proposal::new(wanted, because)
            }
            _ => hold(view, "no alarm, or cool-down"),
        }
    }
}
