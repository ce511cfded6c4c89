//! What is done about single shards: a hot one is split, cold neighbours are merged where that makes room for it or where a shrink has no call
//! left. AWS counts neither among the calls of a day. Only where the spec allows it.

use super::decide::COMPLETE;
use super::hot::{CALM, SEEN};
use super::report::{Decision, Verb};
use super::split::SPLITS_A_DAY;
use super::stream::{Moment, Stream};
use crate::scale::hot::{Action, Operation, Range};
use crate::scale::{self, Bounds, Care, Notice, Proposal, Reason, View, dispose};

/// The reasons of decisions about single shards; each is a stable slug. The first is the one of [`Stream::emergency`].
pub(super) const EMERGENCY: &str = "split";
pub(super) const HOT: &str = "hot-shard";
const COLD: &str = "cold-shards";
/// By so many minutes the newest metrics are old.
const OLD: i64 = 3;

/// A decision about single shards: its verb and reason, the count that it leads to, and why.
type Chosen = (Verb, &'static str, u32, String);

impl Stream {
    /// What takes the place of the stream's own resize, or of a hold.
    pub(super) fn single(&self, disposed: &scale::Decision, proposal: &Proposal, moment: Moment<'_>) -> Option<Chosen> {
        let shards = disposed.numbers.shards;
        let is_runaway = disposed.notices.iter().any(|notice| matches!(notice, Notice::BreakerOpen { .. }));
        if !self.splits || is_runaway || self.splits_used(moment.minute()) >= SPLITS_A_DAY {
            return None;
        }
        if disposed.reason == Reason::CallsUsed
            && let Some(because) = self.emergency(disposed, moment)
        {
            return Some((Verb::Split, EMERGENCY, shards + 1, because));
        }
        // A pin says how many there are to be.
        if self.exact().is_some() {
            return None;
        }
        self.relieve(disposed, moment)
            .or_else(|| self.wait(disposed, moment.minute()))
            .or_else(|| self.gather(disposed, proposal, moment))
    }

    /// The split of a hot shard, or the merge that makes room for it. It goes before a growth of the whole stream, which has room; a shrink
    /// makes the ranges even, and goes first.
    fn relieve(&self, disposed: &scale::Decision, moment: Moment<'_>) -> Option<Chosen> {
        let (numbers, shards) = (&disposed.numbers, disposed.numbers.shards);
        let (newest, 0) = self.suspected(moment.minute())? else { return None };
        // What a person, a schedule or a bound wants is not the load's doing.
        if disposed.shards != shards && disposed.reason != Reason::Grow {
            return None;
        }
        let ranges = self.fresh_ranges(newest, shards)?;
        let full = ranges.iter().filter_map(|range| range.load).reduce(f64::max)?;
        let use_now = self.fill(newest)?;
        let because = |what: &str| {
            format!(
                "a shard is {:.0} % full and records are rejected while the stream's use is {:.0} %: {what}, which AWS does not count \
                 among the day's calls",
                full * 100.0,
                use_now * 100.0
            )
        };
        match self.treated(ranges, 0, shards, self.paid(numbers)) {
            Action::Call(Operation::Split { .. }) if self.inputs.quota.is_none_or(|it| it.open < it.limit) => {
                Some((Verb::Split, HOT, shards + 1, because("it is split")))
            }
            Action::Call(Operation::Merge { .. }) if self.readers_keep_up(moment) => {
                let what = format!(
                    "of the {shards} that there may be the coldest neighbours are merged, to make room for a split"
                );
                Some((Verb::Merge, HOT, shards - 1, because(&what)))
            }
            _ => None,
        }
    }

    /// The bounds, as schedules and money narrow them.
    fn paid(&self, numbers: &scale::Numbers) -> Bounds {
        let Bounds { min, max } = self.narrowed();
        Bounds { min: min.max(numbers.floor), max: max.min(numbers.ceiling) }
    }

    fn readers_keep_up(&self, moment: Moment<'_>) -> bool {
        let age = self.lag(moment.rules, moment.minute()).age;
        age.is_none_or(|age| age <= Care::default().most_age)
    }

    /// Holds a growth of the whole stream, which has room, until it is seen what the last split has parted, or while a merge has made
    /// room for the next one.
    fn wait(&self, disposed: &scale::Decision, minute: i64) -> Option<Chosen> {
        let last = self.resizes.last().filter(|last| last.split && minute < last.called + SEEN + OLD)?;
        let waits = disposed.reason == Reason::Grow && self.told_hot().is_some();
        waits.then(|| {
            let what = if last.to > last.from {
                "what a split has parted is still to be seen"
            } else {
                "a merge has made room for a split"
            };
            (Verb::Hold, HOT, disposed.numbers.shards, format!("{}; held: {what}", disposed.because))
        })
    }

    /// Whether fewer shards are wanted, and no call is left.
    pub(super) fn wants_fewer(&self) -> bool {
        let has_no_call =
            self.last.as_ref().is_some_and(|last| [Reason::CallsUsed.slug(), COLD].contains(&&*last.reason));
        self.splits && has_no_call && self.desired.zip(self.shards).is_some_and(|(desired, shards)| desired < shards)
    }

    /// The merge of the coldest neighbours where a shrink would be right, had it a call left.
    fn gather(&self, disposed: &scale::Decision, proposal: &Proposal, moment: Moment<'_>) -> Option<Chosen> {
        let (minute, shards) = (moment.minute(), disposed.numbers.shards);
        let bounds = self.paid(&disposed.numbers);
        let wanted = disposed.numbers.wanted.clamp(bounds.min, bounds.max.max(bounds.min));
        if disposed.reason != Reason::CallsUsed || wanted >= shards {
            return None;
        }
        let ranges = self.fresh_ranges(self.newest_known()?, shards)?;
        // The guard's word on a shrink by one.
        let one_less = Proposal { shards: shards - 1, ..proposal.clone() };
        let view = View { calls_a_day: u32::MAX, ..self.view(self.narrowed(), moment.rules, minute, shards) };
        let is_right = dispose(&view, &one_less).reason == Reason::Shrink;
        if !is_right || !COMPLETE.clone().all(|back| self.is_known(minute - back)) {
            return None;
        }
        let Action::Call(Operation::Merge { .. }) = self.treated(ranges, CALM, wanted, bounds) else { return None };
        let because = format!(
            "{}; all {} calls of the last 24 h are used: the coldest neighbours are merged, which AWS does not count among them",
            proposal.because, moment.rules.calls_a_day
        );
        Some((Verb::Merge, COLD, shards - 1, because))
    }

    /// The same call on a list that has just been read.
    pub(super) fn again(&self, decision: &Decision, ranges: &[Range]) -> Result<Operation, String> {
        if ranges.iter().any(|range| range.load.is_none()) {
            return Err("how full its shards are is not known any more".into());
        }
        let calm = if decision.reason == COLD { CALM } else { 0 };
        let wanted = decision.from.min(decision.to);
        match (self.treated(ranges, calm, wanted, self.narrowed()), decision.verb) {
            (Action::Call(operation @ Operation::Split { .. }), Verb::Split)
            | (Action::Call(operation @ Operation::Merge { .. }), Verb::Merge) => Ok(operation),
            _ => Err("its shards are no longer what they were".into()),
        }
    }
}
