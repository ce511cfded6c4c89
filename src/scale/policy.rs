use super::{Evidence, Inputs, Notice, Reason, Window};

/// Minutes for which AWS counts a call of UpdateShardCount.
const DAY: i64 = 1440;

/// The counts that the spec allows, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub min: u32,
    pub max: u32,
}

/// One UpdateShardCount call that AWS accepted, or one split of a single shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Minutes since 1970.
    pub called: i64,
    /// When the new count served; `None` while the stream is UPDATING.
    pub done: Option<i64>,
    pub from: u32,
    pub to: u32,
    /// SplitShard: it does not count among the calls of a day.
    pub split: bool,
    /// Somebody else made it: it counts among the calls of a day, and says nothing of the policy.
    pub foreign: bool,
}

/// The first minute in which AWS surely counts a call of the minute `called` no longer. Of both only the minute is known: a call
/// at its last second counts for the first seconds of the same minute a day later.
pub fn counts_until(called: i64) -> i64 {
    called + DAY + 1
}

/// Calls that count against the limit in the minute `now`.
pub fn calls_used(resizes: &[Resize], now: i64) -> u32 {
    counted(resizes, now).count() as u32
}

/// Until when each call counts that does so in the minute `now`.
fn counted(resizes: &[Resize], now: i64) -> impl Iterator<Item = i64> {
    let calls = resizes.iter().filter(|resize| !resize.split);
    calls.map(|resize| counts_until(resize.called)).filter(move |until| *until > now)
}

/// The first minute since 1970 in which there is one call more than now, or one at all where others have made more than are allowed.
pub fn call_back_at(resizes: &[Resize], now: i64, calls_a_day: u32) -> Option<i64> {
    let mut counted: Vec<i64> = counted(resizes, now).collect();
    counted.sort_unstable();
    let over = counted.len().saturating_sub(calls_a_day as usize);
    counted.get(over.min(counted.len().saturating_sub(1))).copied()
}

/// All that a policy may know when it is asked. It is asked once a minute, and only while the stream is ACTIVE.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Minutes since 1970.
    pub now: i64,
    /// Open shards.
    pub shards: u32,
    /// The metrics that have arrived; the newest minutes of the clock are usually not among them.
    pub window: &'a Window,
    /// Calls of the last rolling 24 hours and longer, oldest first, single splits among them.
    pub resizes: &'a [Resize],
    /// Calls that AWS allows in a rolling 24 hours.
    pub calls_a_day: u32,
    pub bounds: Bounds,
    /// What a rejected record is worth, in units of the capacity that would have carried it: 10 thrifty, 100 balanced,
    /// 1000 strict.
    pub price: f64,
    /// What besides the metrics bears on the decision; [`Inputs::NONE`] for nothing.
    pub inputs: &'a Inputs,
}

/// What a policy would do, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The wanted count; the present one is to hold. It may be further away than one call can go.
    pub shards: u32,
    /// One sentence with its numbers, for the person who asks why.
    pub because: String,
    /// The same for programs, as far as the metrics do not say it.
    pub evidence: Evidence,
    /// What kept the guard from following a wish; `None` before the guard.
    pub held: Option<Reason>,
    /// What a person has to hear, from the guard.
    pub notices: Vec<Notice>,
}

impl Proposal {
    /// A wish of somebody who knows only what the metrics say.
    pub fn new(shards: u32, because: impl Into<String>) -> Self {
        Self { shards, because: because.into(), evidence: Evidence::default(), held: None, notices: Vec::new() }
    }
}

/// A way to size a stream. It may keep what it learned; the same views in the same order give the same proposals.
pub trait Policy {
    /// Its name on the command line: `tidegate`, `awslabs`, `on-demand`.
    fn name(&self) -> &'static str;

    fn propose(&mut self, view: &View<'_>) -> Proposal;
}

impl View<'_> {
    /// Calls that count against the limit now.
    pub fn calls_used(&self) -> u32 {
        calls_used(self.resizes, self.now)
    }

    /// When the next call comes back.
    pub fn call_back_at(&self) -> Option<i64> {
        call_back_at(self.resizes, self.now, self.calls_a_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_more_calls_were_made_than_are_allowed_the_next_comes_back_later() {
        let resize = |called| Resize { called, done: Some(called), from: 2, to: 4, split: false, foreign: true };
        let made: Vec<Resize> = (0..12).map(|nth| resize(100 + nth)).collect();
        assert_eq!(call_back_at(&made, 200, 10), Some(counts_until(102)), "two leave, and one is free with the third");
        assert_eq!(call_back_at(&made[..10], 200, 10), Some(counts_until(100)));
        assert_eq!(call_back_at(&made[..3], 200, 10), Some(counts_until(100)));
        assert_eq!(call_back_at(&made[..3], 200, 0), Some(counts_until(102)));
        assert_eq!(call_back_at(&made, 9_000, 10), None);
    }
}
