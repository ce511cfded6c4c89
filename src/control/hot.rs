//! Single shards that are full while their stream is not: what is known of them, and what is said of it.

use std::collections::BTreeMap;

use super::stream::{Moment, Stream};
use crate::model::OpenShard;
use crate::scale::hot::{Action, HOT, Operation, Range, SUSPICIOUS, Ward, unparted};
use crate::scale::{Bounds, Notice};

/// Minutes without a rejected record after which nobody looks at single shards any longer.
pub(super) const CALM: i64 = 15;
/// Metrics that are older than this many minutes say nothing of now.
const LATE: i64 = 15;
/// The share of the stream's load that shards' figures must make up; then those without a figure have none of it. CloudWatch has no
/// datapoint of a shard that nobody writes to.
const WHOLE: f64 = 0.9;
/// Minutes of metrics after a reshard before new shards are judged: their first is a piece of one.
const SETTLED: i64 = 2;
/// Minutes after the call until it is seen what a split has parted: it takes one or two, its shards' metrics come late, and at first they
/// have the writes of before as well, which producers send again.
pub(super) const SEEN: i64 = 12;
/// Minutes for which shards' figures are those of now.
const FRESH: i64 = 3;

/// What single shards took, of a stream that throttles although it has room, or that wants fewer and has no call left.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Single {
    /// All open shards, with their loads.
    ranges: Vec<Range>,
    /// The stream's newest minute when they were read.
    minute: i64,
    /// The one that is full while the stream is not.
    told: Option<Notice>,
}

impl Stream {
    /// Whether its single shards are worth a question: it throttles although they have room together, or merges are all that is left. Whoever
    /// has just come cannot tell yet, and asks once.
    pub fn asks_shards(&self, now: i64) -> bool {
        let is_worth = || self.suspected(now.div_euclid(60)).is_some() || self.wants_fewer();
        self.pending().is_none() && (self.seen_at.is_none() || is_worth())
    }

    /// The newest minute with metrics and the minutes since one with rejects, where these are no matter of the stream's size.
    pub(super) fn suspected(&self, minute: i64) -> Option<(i64, i64)> {
        if self.on_demand || self.ours == Some(false) {
            return None;
        }
        let newest = self.fresh(minute)?;
        let calm = (0..CALM).find(|back| self.rejects(newest - back))?;
        // A hot shard that stands is not forgotten as soon as the others fill.
        let most = if self.told_hot().is_some() { HOT } else { SUSPICIOUS };
        (self.fill(newest)? < most).then_some((newest, calm))
    }

    fn fresh(&self, minute: i64) -> Option<i64> {
        self.newest_known().filter(|newest| (minute - LATE..=minute).contains(newest))
    }

    /// Whether records are known to have been rejected in a minute.
    pub(super) fn rejects(&self, at: i64) -> bool {
        self.newest().at(at).rejected.is_some_and(|rejected| rejected > 0.0)
    }

    /// How full the stream was in a minute.
    pub(super) fn fill(&self, at: i64) -> Option<f64> {
        Some(self.newest().at(at).accepted? / f64::from(self.shards?.max(1)))
    }

    /// The loads of the shards that there are, if they were read lately.
    pub(super) fn fresh_ranges(&self, newest: i64, shards: u32) -> Option<&[Range]> {
        let single = self.single.as_ref()?;
        let is_fresh = single.ranges.len() == shards as usize && (newest - FRESH..=newest).contains(&single.minute);
        is_fresh.then_some(&single.ranges)
    }

    /// Takes in what single shards took, and finds the hot one among them.
    pub(super) fn weigh(&mut self, read: Option<Result<&[OpenShard], &str>>, moment: Moment<'_>) {
        self.inputs.hot_keys = None;
        let suspected = self.suspected(moment.minute());
        let Some(newest) = self.fresh(moment.minute()).filter(|_| suspected.is_some() || self.wants_fewer()) else {
            self.single = None;
            return;
        };
        if let Some(single) = self.single.as_mut().filter(|_| suspected.is_none()) {
            single.told = None;
        }
        // In a minute without rejects between others a hot shard would look like none.
        let is_telling = suspected.is_none_or(|(_, calm)| calm == 0);
        if let Some(Ok(open)) = read
            && is_telling
            && self.is_settled(newest)
            && let Some(ranges) = self.ranges(open, self.shards.unwrap_or(0))
            && ranges.iter().all(|range| range.load.is_some())
        {
            let told = suspected.and_then(|_| self.told_of(&ranges));
            self.single = Some(Box::new(Single { ranges, minute: newest, told }));
        }
        self.inputs.hot_keys = self.hopeless(newest);
    }

    /// Whether a minute's metrics are those of the shards that there are.
    pub(super) fn is_settled(&self, newest: i64) -> bool {
        self.resizes.iter().all(|call| call.done.is_some_and(|done| done + SETTLED <= newest))
    }

    /// What is to be said of these shards, all of whose loads are known, while records are rejected.
    fn told_of(&self, ranges: &[Range]) -> Option<Notice> {
        let told = |because: &str| {
            let hottest = ranges.iter().max_by(|a, b| a.load.unwrap_or(0.0).total_cmp(&b.load.unwrap_or(0.0)))?;
            let (shard, load) = (hottest.shard.clone(), hottest.load?);
            Some(Notice::HotShard { shard, load, because: because.into() })
        };
        match self.treated(ranges, 0, self.shards?, self.narrowed()) {
            Action::Tell(notice) => Some(notice),
            Action::Call(Operation::Split { .. }) => told("a split parts it"),
            Action::Call(Operation::Merge { .. }) => told("the coldest neighbours make room for a split"),
            Action::Nothing if ranges.iter().any(|range| range.load.is_some_and(|load| load >= HOT)) => {
                told("what its split has parted is still to be seen")
            }
            Action::Nothing | Action::Watch | Action::Unwatch => None,
        }
    }

    /// What single shards ask for. `calm`: minutes since a record was rejected.
    pub(super) fn treated(&self, ranges: &[Range], calm: i64, wanted: u32, bounds: Bounds) -> Action {
        self.ward(ranges, calm, wanted, bounds).treat()
    }

    pub(super) fn ward<'a>(
        &self,
        ranges: &'a [Range],
        calm: i64,
        wanted: u32,
        Bounds { min, max }: Bounds,
    ) -> Ward<'a> {
        Ward { ranges, watched: true, calm: Some(calm), fill: None, allowed: self.splits, wanted, min, max }
    }

    /// The share of attempts that is rejected whatever the count is, where one key fills each hot shard.
    fn hopeless(&self, newest: i64) -> Option<f64> {
        let single = self.single.as_ref().filter(|single| single.told.is_some())?;
        let mut full = single.ranges.iter().filter(|range| range.load.is_some_and(|load| load >= HOT));
        let sample = self.newest().at(newest);
        let (accepted, rejected) = (sample.accepted?, sample.rejected.filter(|rejected| *rejected > 0.0)?);
        full.all(Range::is_one_key).then_some(rejected / (accepted + rejected))
    }

    /// The hot shard or key that a person has to hear of. Where a growth has shown that shards do not help, the full one has such a key.
    pub(super) fn told_hot(&self) -> Option<Notice> {
        match (self.single.as_ref()?.told.clone()?, self.skewed) {
            (Notice::HotShard { shard, load, .. }, Some(_)) => Some(Notice::HotKey { shard, load }),
            (told, _) => Some(told),
        }
    }

    /// Remembers a shard whose split is announced.
    pub(super) fn parts(&mut self, shard: &str, called: i64, unparted: u8) {
        self.parted.retain(|_, before| called < *before + SEEN);
        self.parted.insert(shard.to_owned(), called);
        if unparted > 0 {
            self.unparted.insert(shard.to_owned(), unparted);
        }
    }

    /// The open shards in the order of their hash ranges; `None` where the list does not show as many as there are yet. Remembers which
    /// splits parted nothing.
    pub(super) fn ranges(&mut self, open: &[OpenShard], shards: u32) -> Option<Vec<Range>> {
        let mut open = open.to_vec();
        open.sort_by_key(|shard| shard.start);
        let ends = open.iter().map(|shard| shard.end.wrapping_add(1));
        let begins = std::iter::once(0).chain(ends.take(open.len().saturating_sub(1)));
        let is_whole = open.iter().map(|shard| shard.start).eq(begins)
            && open.last().is_some_and(|shard| shard.end == u128::MAX)
            && open.len() == shards as usize;
        if !is_whole {
            return None;
        }
        let newest = self.newest_known();
        let accepted = newest.and_then(|newest| self.newest().at(newest).accepted);
        let known: f64 = open.iter().filter_map(OpenShard::load).sum();
        let is_explained = accepted.is_some_and(|accepted| known >= WHOLE * accepted && known > 0.0);
        let loads: Vec<Option<f64>> = open.iter().map(|shard| shard.load().or(is_explained.then_some(0.0))).collect();
        self.unparted = rows(&self.unparted, &open, &loads);
        let is_young = |parent: Option<&String>| {
            let called = parent.and_then(|parent| self.parted.get(parent));
            called.is_some_and(|called| newest.is_none_or(|newest| newest < called + SEEN))
        };
        let range = |(shard, load): (OpenShard, Option<f64>)| Range {
            unparted: self.unparted.get(&shard.id).copied().unwrap_or(0),
            young: is_young(shard.parent.as_ref()),
            shard: shard.id,
            start: shard.start,
            end: shard.end,
            load,
            pieces: Vec::new(),
        };
        Some(open.into_iter().zip(loads).map(range).collect())
    }
}

/// Splits in a row that parted nothing, by the shards that they led to; those of parents are kept, since children go on from there. None
/// is left out. Whether a split parted anything its two halves say: the load of a full parent is not known.
fn rows(before: &BTreeMap<String, u8>, open: &[OpenShard], loads: &[Option<f64>]) -> BTreeMap<String, u8> {
    let mut families: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for (shard, load) in open.iter().zip(loads) {
        families.entry(shard.parent.as_deref().unwrap_or_default()).or_default().push(*load);
    }
    let row = |id: &str| before.get(id).copied().unwrap_or(0);
    let mut rows = BTreeMap::new();
    for (shard, load) in open.iter().zip(loads) {
        let Some(parent) = shard.parent.as_deref() else { continue };
        let both: Option<f64> =
            families.get(parent).filter(|halves| halves.len() == 2).and_then(|it| it.iter().copied().sum());
        let own = both.zip(*load).map_or_else(|| row(&shard.id), |(both, load)| unparted(row(parent), both, load));
        let kept = [(parent, row(parent)), (shard.id.as_str(), own)].into_iter().filter(|(_, row)| *row > 0);
        rows.extend(kept.map(|(id, row)| (id.to_owned(), row)));
    }
    rows
}
