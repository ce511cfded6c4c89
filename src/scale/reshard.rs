//! What a change of the shard count costs: operations, calls, minutes.

use super::Resize;
pub use crate::model::{operations, splits};

/// The furthest counts that one UpdateShardCount call reaches: half of the present count rounded up, and twice.
pub fn reach(from: u32) -> (u32, u32) {
    (from.div_ceil(2).max(1), from.saturating_mul(2))
}

/// How much more than the wanted count we take if that spares operations.
const SPARE: f64 = 0.06;

/// The count between `wanted` and 6 % above it that costs the fewest operations; two shards more weigh as much as one
/// operation. A count beyond one call's reach is answered as it is, since its first hop is a double or a half, which is the cheapest
/// of all.
pub fn thrifty(from: u32, wanted: u32) -> u32 {
    let (least, most) = reach(from);
    if wanted <= least || wanted >= most {
        return wanted;
    }
    let spare = (f64::from(wanted) * SPARE) as u32;
    let dearness = |count: &u32| operations(from, *count) + count / 2;
    // The first of equals, which is the smallest count.
    (wanted..=(wanted + spare).min(most)).min_by_key(dearness).unwrap_or(wanted)
}

/// The calls that lead from one count to another, each a target that AWS accepts from the one before.
pub fn hops(from: u32, to: u32) -> Vec<u32> {
    let (mut at, mut calls) = (from.max(1), Vec::new());
    while at != to.max(1) {
        let (least, most) = reach(at);
        at = to.max(1).clamp(least, most);
        calls.push(at);
    }
    calls
}

/// How long a reshard takes on this stream, learned from those that were seen: a minute, and a share of a minute for each operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    minutes_per_operation: f64,
}

impl Default for Pace {
    /// Between the two published guesses, 0.6 s and 3.75 s for each operation.
    fn default() -> Self {
        Self { minutes_per_operation: 0.03 }
    }
}

impl Pace {
    /// A pace that is known.
    pub fn of(minutes_per_operation: f64) -> Self {
        Self { minutes_per_operation }
    }

    /// What the reshards of this stream show.
    pub fn learned(resizes: &[Resize]) -> Self {
        let mut pace = Self::default();
        for resize in resizes {
            if let Some(done) = resize.done {
                pace.saw(operations(resize.from, resize.to), done - resize.called);
            }
        }
        pace
    }

    /// Expected whole minutes until a count serves that may take several calls.
    pub fn minutes_to(&self, from: u32, to: u32) -> i64 {
        let mut at = from.max(1);
        let hop = |hop: u32| self.minutes(std::mem::replace(&mut at, hop), hop);
        hops(from, to).into_iter().map(hop).sum()
    }

    /// Learns from a reshard of so many operations that took so many minutes.
    pub fn saw(&mut self, operations: u32, minutes: i64) {
        // Half a minute of rounding and the start come off; a reshard of few operations says little of one operation.
        let share = ((minutes as f64 - 1.5) / f64::from(operations.max(1))).clamp(0.0, 0.5);
        let trust = 0.5 * (f64::from(operations) / 20.0).min(1.0);
        self.minutes_per_operation += trust * (share - self.minutes_per_operation);
    }

    /// Expected whole minutes until the new count serves.
    pub fn minutes(&self, from: u32, to: u32) -> i64 {
        (1.0 + self.minutes_per_operation * f64::from(operations(from, to))).ceil() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cheap_count_near_the_wanted_one_is_taken() {
        assert_eq!((thrifty(100, 149), thrifty(40, 57), thrifty(4, 5), thrifty(10, 25)), (150, 60, 5, 25));
    }

    #[test]
    fn the_pace_follows_what_was_seen() {
        let (mut fast, mut slow) = (Pace::default(), Pace::default());
        for _ in 0..10 {
            fast.saw(60, 2);
            slow.saw(60, 5);
        }
        assert_eq!((fast.minutes(40, 60), slow.minutes(40, 60)), (2, 5));
    }

    proptest! {
        #[test]
        fn every_hop_is_one_that_aws_accepts(from in 1u32..3000, to in 1u32..3000) {
            let mut at = from;
            for hop in hops(from, to) {
                prop_assert!(hop <= 2 * at && hop >= at.div_ceil(2) && hop != at);
                at = hop;
            }
            prop_assert_eq!(at, to);
        }

        #[test]
        fn a_thrifty_count_is_near_above_and_no_dearer(from in 1u32..3000, wanted in 1u32..3000) {
            let count = thrifty(from, wanted);
            prop_assert!(count >= wanted && f64::from(count) <= 1.06 * f64::from(wanted));
            prop_assert!(count == wanted || operations(from, count) < operations(from, wanted));
        }
    }
}
