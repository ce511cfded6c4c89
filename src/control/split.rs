//! The way out when the day's calls are used up while records are rejected: one shard at a time is split, which AWS does not
//! count among them. Only where the spec allows it.

use super::Record;
use super::report::Decision;
use super::stream::{Moment, Rules, Step, Stream};
use crate::model::OpenShard;
use crate::scale::hot::{Operation, Ward};
use crate::scale::{self, Notice};

/// Splits of one stream in 24 hours. AWS publishes no limit; who needs more has a range that is too small or a hot key.
pub const SPLITS_A_DAY: usize = 100;
/// Rejects that are older than so many minutes are no emergency: metrics are some three minutes late.
const FRESH: i64 = 6;
/// Shards that are filled to this share are full.
const FULL: f64 = 0.98;

impl Stream {
    /// Why one shard is to be split now, where that is allowed and the only way to more capacity.
    pub(super) fn emergency(&self, disposed: &scale::Decision, moment: Moment<'_>) -> Option<String> {
        let (numbers, minute) = (&disposed.numbers, moment.minute());
        let is_runaway = disposed.notices.iter().any(|notice| matches!(notice, Notice::BreakerOpen { .. }));
        if !self.splits || is_runaway || self.splits_used(minute) >= SPLITS_A_DAY {
            return None;
        }
        let newest = self.newest_known().filter(|newest| (minute - FRESH..=minute).contains(newest))?;
        let sample = self.newest().at(newest);
        let rejected = sample.rejected.filter(|rejected| *rejected > 0.0)?;
        let demand = numbers.evidence.demand.unwrap_or(sample.accepted? + rejected);
        // Below that the shards would do, if only the keys were even.
        let is_full = demand >= FULL * f64::from(numbers.shards);
        let wants_more = numbers.wanted.clamp(numbers.floor, numbers.ceiling) > numbers.shards;
        let has_room = self.inputs.quota.is_none_or(|quota| quota.open < quota.limit);
        (is_full && wants_more && has_room).then(|| {
            format!(
                "demand {demand:.1} of {} shards, {rejected:.1} are rejected, and all {} calls of the last 24 h are used: \
                 one shard is split, which AWS does not count among them",
                numbers.shards, moment.rules.calls_a_day
            )
        })
    }

    /// Splits of the last 24 hours.
    fn splits_used(&self, minute: i64) -> usize {
        self.resizes.iter().filter(|resize| resize.split && minute < scale::counts_until(resize.called)).count()
    }

    /// Chooses the shard and the place. Answers the call, its decision and the record that has to be written before it is
    /// sent; or the hold that takes the decision's place.
    ///
    /// # Errors
    /// No shard can be split, or it is not known which there are.
    pub fn split(
        &mut self,
        decision: &Decision,
        open: Result<&[OpenShard], &str>,
        rules: &Rules,
        now: i64,
    ) -> Result<(Operation, Decision, Record), Box<Step>> {
        let chosen = open.map_err(str::to_owned).and_then(|open| self.choose(decision, open));
        let (shard, at) = match chosen {
            Ok(chosen) => chosen,
            Err(why) => return Err(Box::new(self.held(decision.clone(), "calls-used", &why, Moment { rules, now }))),
        };
        let because = format!("{}: {shard} at {at}", decision.because);
        let (from, to) = (decision.from, decision.to);
        let record = Record::Splitting { called: now.div_euclid(60), from, to, shard: shard.clone() };
        Ok((Operation::Split { shard, at }, Decision { because, ..decision.clone() }, record))
    }

    /// The fullest shard, or the widest where loads are not known; never one that a single key fills.
    fn choose(&mut self, decision: &Decision, open: &[OpenShard]) -> Result<(String, u128), String> {
        let Some(ranges) = self.ranges(open, decision.from) else {
            return Err(format!("the list of shards does not show the {} that there are yet", decision.from));
        };
        let bounds = self.narrowed();
        let ward = Ward {
            ranges: &ranges,
            watched: false,
            calm: Some(0),
            fill: None,
            allowed: true,
            wanted: decision.desired,
            min: bounds.min,
            max: bounds.max,
        };
        let Some(Operation::Split { shard, at }) = ward.escape(decision.numbers.calls_left) else {
            return Err("no shard can be split: one partition key fills each of the full ones".into());
        };
        Ok((shard, at))
    }
}
