//! Hot shards and hot keys, and the way out when the day's resizes are used up: single splits and merges, which AWS does not
//! count against the ten of a day. They make ranges of unequal width; the next UpdateShardCount makes them equal again.

use super::Notice;

/// A stream that throttles below this use has a hot shard, or bursts: its shards are worth a look.
pub const SUSPICIOUS: f64 = 0.6;
/// A shard that is filled to this share of its limits is hot.
pub const HOT: f64 = 0.8;
/// Neighbours that together fill less than this share of one shard are cold. Far from [`HOT`], so that what was split is not merged.
const COLD: f64 = 0.3;
/// Minutes without a throttled record after which shard metrics are no longer worth their money.
const CALM: i64 = 60;
/// The share of its parent's load by which a child shows that the split did not part it.
const KEPT: f64 = 0.9;
/// So many splits in a row that parted nothing mean that one key makes the load.
const TELLING: u8 = 2;

/// Load on a piece of the hash key space, both ends inclusive; `start == end` is a single key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub start: u128,
    pub end: u128,
    /// In shards.
    pub load: f64,
}

/// One open shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub shard: String,
    pub start: u128,
    pub end: u128,
    /// The larger of bytes and records against one shard's limits; `None` is not known.
    pub load: Option<f64>,
    /// Where inside the range the load lies, as far as it is known: sampled keys, or former shards.
    pub pieces: Vec<Piece>,
    /// Splits in a row that led to this shard and parted nothing; see [`unparted`].
    pub unparted: u8,
    /// It comes from a split of which it is still to be seen what it parted.
    pub young: bool,
}

/// A call for single shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// SplitShard: `at` is the first hash key of the right half.
    Split { shard: String, at: u128 },
    /// MergeShards of neighbours, the left one first.
    Merge { shard: String, adjacent: String },
}

/// What is to be done about single shards.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Nothing,
    /// Turn shard metrics on, for this stream alone.
    Watch,
    /// Turn them off again.
    Unwatch,
    Call(Operation),
    /// No call helps; somebody has to hear it.
    Tell(Notice),
}

/// What is known of a stream's shards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ward<'a> {
    /// Open shards in the order of their hash ranges.
    pub ranges: &'a [Range],
    /// Whether shard metrics are on because we turned them on.
    pub watched: bool,
    /// Minutes since a record was last throttled; 0: just now. `None` is not known.
    pub calm: Option<i64>,
    /// Accepted load over open shards; `None` is not known.
    pub fill: Option<f64>,
    /// Whether the spec allows single splits and merges.
    pub allowed: bool,
    /// The count that the policy wants, and the lowest and highest that are allowed.
    pub wanted: u32,
    pub min: u32,
    pub max: u32,
}

impl Ward<'_> {
    fn open(&self) -> u32 {
        u32::try_from(self.ranges.len()).unwrap_or(u32::MAX)
    }

    /// What to do about hot and cold shards, one step at a time: the stream has to be ACTIVE before the next.
    pub fn treat(&self) -> Action {
        let throttles = self.calm == Some(0);
        if !self.watched {
            let suspicious = throttles && self.fill.is_some_and(|fill| fill < SUSPICIOUS);
            return if suspicious { Action::Watch } else { Action::Nothing };
        }
        let loads: Option<Vec<f64>> =
            self.ranges.iter().map(|range| range.load.filter(|load| load.is_finite())).collect();
        // A shard without a figure is not a cold one.
        let Some(loads) = loads else { return Action::Nothing };
        let mut hot: Vec<usize> = (0..loads.len()).filter(|at| throttles && loads[*at] >= HOT).collect();
        hot.sort_by(|a, b| loads[*b].total_cmp(&loads[*a]).then(a.cmp(b)));
        // Behind a key that nothing helps there may be shards that a split does.
        let relief: Vec<Action> = hot.iter().map(|at| self.relieve(&self.ranges[*at], loads[*at], &loads)).collect();
        let first = |is: fn(&Action) -> bool| relief.iter().find(|action| is(action));
        let call = first(|action| matches!(action, Action::Call(_)));
        let told = || first(|action| matches!(action, Action::Tell(_)));
        if let Some(action) = call.or_else(told).or(relief.first()) {
            return action.clone();
        }
        match self.merge(&loads).filter(|_| self.open() > self.wanted && !throttles) {
            Some(merge) => Action::Call(merge),
            None if self.calm.is_some_and(|calm| calm >= CALM) => Action::Unwatch,
            None => Action::Nothing,
        }
    }

    /// Splits a hot shard at the middle of its load, or says why that does not help. Nothing: that is still to be seen.
    fn relieve(&self, hot: &Range, load: f64, loads: &[f64]) -> Action {
        let (shard, open) = (hot.shard.clone(), self.open());
        if let Some(key) = hot.key() {
            return Action::Tell(Notice::HotKey { shard, load: key.unwrap_or(load) });
        }
        let Some(at) = hot.median() else { return Action::Tell(Notice::HotKey { shard, load }) };
        if hot.young {
            return Action::Nothing;
        }
        if !self.allowed {
            return Action::Tell(Notice::HotShard {
                shard,
                load,
                because: "`splitMerge` does not allow it to be split".into(),
            });
        }
        if open < self.max {
            return Action::Call(Operation::Split { shard, at });
        }
        let because = || format!("the stream has its {} shards, and no two neighbours are cold", self.max);
        self.merge(loads)
            .map_or_else(|| Action::Tell(Notice::HotShard { shard, load, because: because() }), Action::Call)
    }

    /// The coldest neighbours, if they are cold.
    fn merge(&self, loads: &[f64]) -> Option<Operation> {
        if !self.allowed || self.open() <= self.min.max(1) {
            return None;
        }
        let pairs = loads.windows(2).map(|pair| pair[0] + pair[1]).enumerate();
        let (at, sum) = pairs.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let name = |at: usize| self.ranges[at].shard.clone();
        (sum < COLD).then(|| Operation::Merge { shard: name(at), adjacent: name(at + 1) })
    }

    /// The way out when all calls of the day are used while records are rejected: one split of the fullest shard, or of the
    /// widest where loads are not known. Never for a single hot key.
    pub fn escape(&self, calls_left: u32) -> Option<Operation> {
        let emergency = calls_left == 0 && self.calm == Some(0) && self.wanted > self.open();
        if !emergency || !self.allowed || self.open() >= self.max {
            return None;
        }
        let known = self.ranges.iter().all(|range| range.load.is_some());
        let weight = |range: &Range| if known { range.load.unwrap_or_default() } else { range.width() };
        let candidates = self.ranges.iter().filter(|range| range.key().is_none() && range.median().is_some());
        let range = candidates.reduce(|best, range| if weight(range) > weight(best) { range } else { best })?;
        Some(Operation::Split { shard: range.shard.clone(), at: range.median()? })
    }
}

impl Range {
    fn width(&self) -> f64 {
        (self.end - self.start) as f64 + 1.0
    }

    /// Whether one key alone makes the load: `Some(its load)` where it was seen, `Some(None)` where splits parted nothing.
    fn key(&self) -> Option<Option<f64>> {
        let key = self.pieces.iter().filter(|piece| piece.start == piece.end).map(|piece| piece.load).reduce(f64::max);
        if let Some(load) = key.filter(|load| *load >= 1.0) {
            return Some(Some(load));
        }
        (self.unparted >= TELLING).then_some(None)
    }

    /// Whether one key alone makes the load, so that no split helps.
    pub fn is_one_key(&self) -> bool {
        self.key().is_some() || self.start >= self.end
    }

    /// The first hash key of the right half, where half of the load lies on each side; strictly inside the range. `None`: it
    /// is one key wide.
    pub fn median(&self) -> Option<u128> {
        if self.start >= self.end {
            return None;
        }
        let middle = self.start + (self.end - self.start) / 2 + 1;
        let inside = |at: u128| at.clamp(self.start + 1, self.end);
        let mut pieces: Vec<Piece> = self
            .pieces
            .iter()
            .filter(|piece| piece.start >= self.start && piece.end <= self.end && piece.start <= piece.end)
            .filter(|piece| piece.load.is_finite() && piece.load > 0.0)
            .copied()
            .collect();
        pieces.sort_by_key(|piece| piece.start);
        let half = pieces.iter().map(|piece| piece.load).sum::<f64>() / 2.0;
        let mut before = 0.0;
        for piece in &pieces {
            if before + piece.load >= half {
                if piece.start == piece.end {
                    // A key cannot be parted: it goes where the halves come out more even.
                    let left = before + piece.load - half <= half - before;
                    return Some(inside(piece.start.saturating_add(u128::from(left))));
                }
                let share = (half - before) / piece.load;
                let into = ((piece.end - piece.start) as f64 * share) as u128;
                return Some(inside(piece.start.saturating_add(into).saturating_add(1)));
            }
            before += piece.load;
        }
        Some(middle)
    }
}

/// How often in a row splits parted nothing, for a child of a split shard.
pub fn unparted(parent: u8, parent_load: f64, child_load: f64) -> u8 {
    if parent_load > 0.0 && child_load >= KEPT * parent_load { parent.saturating_add(1) } else { 0 }
}

#[cfg(test)]
mod tests;
