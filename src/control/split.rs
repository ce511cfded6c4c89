//! The way out when the day's calls are used up while records are rejected: one shard at a time is split, which AWS does not
//! count among them. Only where the spec allows it.

use super::Record;
use super::care::EMERGENCY;
use super::report::Decision;
use super::stream::{Moment, Rules, Step, Stream};
use crate::model::OpenShard;
use crate::scale;
use crate::scale::hot::{Operation, Range};

/// Splits and merges of one stream in 24 hours. AWS publishes no limit; who needs more has a range that is too small or a hot key.
pub const SPLITS_A_DAY: usize = 100;
/// Rejects that are older than so many minutes are no emergency: metrics are some three minutes late.
const FRESH: i64 = 6;
/// Shards that are filled to this share are full.
const FULL: f64 = 0.98;

impl Stream {
    /// Why one shard is to be split now that the day's calls are used up, where that is the only way to more capacity.
    pub(super) fn emergency(&self, disposed: &scale::Decision, moment: Moment<'_>) -> Option<String> {
        let (numbers, minute) = (&disposed.numbers, moment.minute());
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

    /// Splits and merges of the last 24 hours.
    pub(super) fn splits_used(&self, minute: i64) -> usize {
        self.resizes.iter().filter(|resize| resize.split && minute < scale::counts_until(resize.called)).count()
    }

    /// Chooses the shards and the place. Answers the call, its decision and the record that has to be written before it is
    /// sent; or the hold that takes the decision's place.
    ///
    /// # Errors
    /// Nothing can be split or merged, or it is not known which shards there are.
    pub fn split(
        &mut self,
        decision: &Decision,
        open: Result<&[OpenShard], &str>,
        rules: &Rules,
        now: i64,
    ) -> Result<(Operation, Decision, Record), Box<Step>> {
        let is_emergency = decision.reason == EMERGENCY;
        let chosen = open.map_err(str::to_owned).and_then(|open| {
            let ranges = self
                .ranges(open, decision.from)
                .ok_or_else(|| format!("the list of shards does not show the {} that there are yet", decision.from))?;
            let operation = if is_emergency { self.choose(decision, &ranges)? } else { self.again(decision, &ranges)? };
            Ok((operation, ranges))
        });
        let (operation, ranges) = match chosen {
            Ok(chosen) => chosen,
            Err(why) => {
                let reason = if is_emergency { "calls-used" } else { "changed" };
                return Err(Box::new(self.held(decision.clone(), reason, &why, Moment { rules, now })));
            }
        };
        let (shard, place) = match &operation {
            Operation::Split { shard, at } => (shard.clone(), format!("{shard} at {at}")),
            Operation::Merge { shard, adjacent } => (shard.clone(), format!("{shard} with {adjacent}")),
        };
        let because = format!("{}: {place}", decision.because);
        let (called, from, to) = (now.div_euclid(60), decision.from, decision.to);
        let unparted = ranges.iter().find(|range| range.shard == shard).map_or(0, |range| range.unparted);
        let record = Record::Splitting { called, from, to, shard, unparted };
        Ok((operation, Decision { because, ..decision.clone() }, record))
    }

    /// The fullest shard, or the widest where loads are not known; never one that a single key fills.
    fn choose(&self, decision: &Decision, ranges: &[Range]) -> Result<Operation, String> {
        let escape = self.ward(ranges, 0, decision.desired, self.narrowed()).escape(decision.numbers.calls_left);
        escape.ok_or_else(|| "no shard can be split: one partition key fills each of the full ones".into())
    }
}
