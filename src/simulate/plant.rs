//! One provisioned stream of the reference plant: open shards, the action under way, AWS's daily limit.

use crate::local::Profile;
use crate::local::reference::{self, RETRY_MINUTES, Retries, Served, Unread};
use crate::local::traffic::mix;
use crate::model::operations;
use crate::scale::Resize;

/// Minutes of a day.
pub const DAY: i64 = 1440;
/// Seconds until AWS begins, at the least (a model).
const QUICKEST_START: f64 = 10.0;
/// Days of calls that a policy is shown.
const REMEMBERED: i64 = 7 * DAY;

/// How a program changes a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Actuator {
    /// UpdateShardCount alone.
    #[default]
    Resize,
    /// UpdateShardCount, and where AWS refuses it, single splits and merges up to the wanted count, one after the other.
    ResizeOrSweep,
    /// Single splits and merges of 30 s each, which AWS does not count. On this plant of even keys, n shards of unequal
    /// ranges are taken for n equal ones: a kindness to whoever splits.
    SplitMerge,
}

/// Why AWS would refuse a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More than the double or less than the half.
    Step,
    /// The day's calls are used up.
    Budget,
}

impl Refusal {
    pub fn words(self) -> &'static str {
        match self {
            Self::Step => "more than double or less than half",
            Self::Budget => "the day's calls are used up",
        }
    }
}

/// What came of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Accepted: serves from this minute on.
    Until(i64),
    /// Done by splits and merges, outside the daily limit.
    Swept(i64),
    Refused(Refusal),
}

/// The stream between two minutes.
#[derive(Debug)]
pub struct Stream {
    profile: Profile,
    actuator: Actuator,
    calls_a_day: u32,
    seed: u64,
    draws: u64,
    /// Open shards: capacity and cost stay at the old count until an action completes.
    pub shards: u32,
    change: Option<(u32, i64)>,
    /// Accepted calls, oldest first.
    resizes: Vec<Resize>,
    /// The first one that is still shown.
    shown: usize,
    retries: Retries,
    unread: Unread,
    moved: Option<u32>,
    /// Splits and merges of all actions.
    pub operations: u64,
    /// Shards closed by them.
    pub closed: u64,
}

impl Stream {
    pub fn new(shards: u32, profile: Profile, actuator: Actuator, calls_a_day: u32, seed: u64) -> Self {
        Self {
            profile,
            actuator,
            calls_a_day,
            seed,
            draws: 0,
            shards,
            change: None,
            resizes: Vec::new(),
            shown: 0,
            retries: [0.0; RETRY_MINUTES],
            unread: Unread::default(),
            moved: None,
            operations: 0,
            closed: 0,
        }
    }

    /// First in a minute: an action that is due completes.
    pub fn complete(&mut self, now: i64) {
        self.moved = None;
        if let Some((to, _)) = self.change.take_if(|(_, end)| *end == now) {
            self.moved = Some(self.shards);
            if let Some(last) = self.resizes.last_mut().filter(|last| last.done.is_none()) {
                last.done = Some(now);
            }
            self.shards = to;
        }
        while self.resizes.get(self.shown).is_some_and(|resize| resize.called <= now - REMEMBERED) {
            self.shown += 1;
        }
    }

    /// Whether the stream is ACTIVE.
    pub fn is_active(&self) -> bool {
        self.change.is_none()
    }

    /// The calls of the last seven days.
    pub fn resizes(&self) -> &[Resize] {
        &self.resizes[self.shown..]
    }

    /// The program wants `to` shards; the stream is ACTIVE and has another count.
    pub fn ask(&mut self, to: u32, now: i64) -> Answer {
        let from = self.shards;
        // One draw for each wish, refused ones included, as the judge does it.
        self.draws += 1;
        let start = QUICKEST_START + 20.0 * unit(mix(self.seed, self.draws));
        if self.actuator == Actuator::SplitMerge {
            let steps = from.abs_diff(to);
            return Answer::Swept(self.begin(to, steps, f64::from(steps) * 30.0, now));
        }
        let used = self.resizes().iter().filter(|resize| resize.called > now - DAY).count();
        let refusal = if u64::from(to) > 2 * u64::from(from) || 2 * u64::from(to) < u64::from(from) {
            Some(Refusal::Step)
        } else {
            (used >= self.calls_a_day as usize).then_some(Refusal::Budget)
        };
        let steps = operations(from, to);
        match refusal {
            None => {
                self.resizes.push(Resize { called: now, done: None, from, to, split: false, foreign: false });
                // Below about 16 operations the slow model is the faster one; the judge of timelines takes nothing for
                // possible that beats the fast model at its quickest start, so no profile does.
                let quickest = Profile::Fast.seconds(steps, QUICKEST_START);
                Answer::Until(self.begin(to, steps, self.profile.seconds(steps, start).max(quickest), now))
            }
            Some(_) if self.actuator == Actuator::ResizeOrSweep => {
                Answer::Swept(self.begin(to, steps, Profile::Legacy.seconds(steps, start), now))
            }
            Some(refusal) => Answer::Refused(refusal),
        }
    }

    /// One SplitShard or MergeShards of 30 s, which AWS does not count.
    pub fn single(&mut self, to: u32, now: i64) {
        self.begin(to, 1, 30.0, now);
    }

    fn begin(&mut self, to: u32, steps: u32, seconds: f64, now: i64) -> i64 {
        let end = now + i64::from(reference::whole_minutes(seconds));
        // A split closes one shard and a merge two; splits less merges is the growth.
        let (steps, growth) = (i64::from(steps), i64::from(to) - i64::from(self.shards));
        self.closed += ((3 * steps - growth) / 2).unsigned_abs();
        self.operations += steps.unsigned_abs();
        self.change = Some((to, end));
        end
    }

    /// Last in a minute: the load is served. Answers what became of it, and the iterator age in minutes.
    pub fn serve(&mut self, fresh: f64, burst: f64) -> (Served, f64) {
        let (served, retries) = reference::serve(fresh, self.shards, self.retries, burst);
        self.retries = retries;
        let (age, unread) = reference::consume(self.unread, served.accepted, self.shards, self.moved);
        self.unread = unread;
        (served, age)
    }
}

/// A number from 0 to 1 (exclusive) of 64 random bits.
pub fn unit(bits: u64) -> f64 {
    // 53 bits are what a float holds.
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(actuator: Actuator) -> Stream {
        Stream::new(4, Profile::Fast, actuator, 10, 0)
    }

    #[test]
    fn a_change_serves_when_it_is_done() {
        let mut stream = stream(Actuator::Resize);
        // 4 operations: 10 to 30 s, and 60 s, and 2.4 s.
        assert_eq!(stream.ask(8, 100), Answer::Until(102));
        assert!(!stream.is_active());
        stream.complete(101);
        assert_eq!(stream.shards, 4);
        stream.complete(102);
        assert_eq!((stream.shards, stream.is_active(), stream.operations, stream.closed), (8, true, 4, 4));
        assert_eq!(
            stream.resizes(),
            [Resize { called: 100, done: Some(102), from: 4, to: 8, split: false, foreign: false }]
        );
    }

    #[test]
    fn no_profile_is_faster_than_the_fast_one_can_be() {
        let mut stream = Stream::new(1, Profile::Slow, Actuator::Resize, 10, 0);
        // One operation: 10 to 30 s and 3.75 s in the slow model, at least 70.6 s in the fast one.
        assert_eq!(stream.ask(2, 0), Answer::Until(2));
    }

    #[test]
    fn aws_limits_hold() {
        let mut stream = stream(Actuator::Resize);
        assert_eq!(stream.ask(9, 0), Answer::Refused(Refusal::Step));
        assert_eq!(stream.ask(1, 0), Answer::Refused(Refusal::Step));
        for call in 0..10 {
            let answer = stream.ask(if call % 2 == 0 { 8 } else { 4 }, call * 10);
            let Answer::Until(end) = answer else { panic!("{answer:?}") };
            stream.complete(end);
        }
        assert_eq!(stream.ask(8, 1439), Answer::Refused(Refusal::Budget));
        assert!(matches!(stream.ask(8, 1440), Answer::Until(_)));
    }

    #[test]
    fn sweeps_take_30_s_for_each_operation_and_no_call() {
        let mut stream = stream(Actuator::ResizeOrSweep);
        // 9 splits and merges: 4 to 9 has no common factor.
        assert_eq!(stream.ask(9, 0), Answer::Swept(6));
        assert!(stream.resizes().is_empty());
        let mut stream = self::stream(Actuator::SplitMerge);
        assert_eq!(stream.ask(5, 0), Answer::Swept(1));
    }
}
