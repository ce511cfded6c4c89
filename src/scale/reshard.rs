//! What a change of the shard count costs: operations, calls, minutes.

use super::Resize;
pub use crate::model::{operations, splits};

/// The furthest counts that one UpdateShardCount call reaches: half of the present count rounded up, and twice.
pub fn reach(from: u32) -> (u32, u32) {
    (from.div_ceil(2).max(1), from.saturating_mul(2))
}

/// The count that a wish becomes: twice the present one if more is wanted, half of it if half is enough, or the present one.
///
/// No change of a count costs fewer operations (n to double it, n/2 to halve it, against 2.7 n from n to 1.7 n), and so none is done
/// sooner; a double spares the call that would follow.
pub fn rung(from: u32, wanted: u32) -> u32 {
    let (least, most) = reach(from);
    if wanted > from {
        most
    } else if wanted <= least {
        least
    } else {
        from
    }
}

/// The share of the present count, rounded up, above which a wish for fewer is no [`rung`].
pub const RUNG: f64 = 0.5;

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

    /// What the reshards of this stream show. Of those that others made nobody saw the beginning.
    pub fn learned(resizes: &[Resize]) -> Self {
        let mut pace = Self::default();
        for resize in resizes {
            if let Some(done) = resize.done.filter(|_| !resize.split && !resize.foreign) {
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
    fn a_wish_becomes_a_double_a_half_or_nothing() {
        assert_eq!([rung(40, 41), rung(40, 200), rung(40, 21), rung(40, 20), rung(40, 3)], [80, 80, 40, 20, 20]);
        assert_eq!([rung(1, 1), rung(1, 2), rung(3, 2), rung(5, 2)], [1, 2, 2, 3]);
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

    #[test]
    fn changes_by_others_teach_no_pace() {
        let resize = Resize { called: 100, done: Some(100), from: 20, to: 40, split: false, foreign: true };
        assert_eq!(Pace::learned(&[resize]), Pace::default());
        assert_ne!(Pace::learned(&[Resize { foreign: false, ..resize }]), Pace::default());
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
        fn no_other_change_that_far_costs_fewer_operations(from in 1u32..3000, wanted in 1u32..6000) {
            let to = rung(from, wanted);
            if to > from {
                prop_assert_eq!(operations(from, to), from);
                prop_assert!((from + 1..=to).all(|other| operations(from, other) >= operations(from, to)));
            }
            prop_assert!(to >= wanted.min(2 * from) && hops(from, to).len() <= 1);
        }
    }
}
