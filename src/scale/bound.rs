//! A bound on throttled records ("at most 0.01 % throttled") as a price of one, which follows what was throttled so far.

use crate::model::PRICE_TIMES_SHARE;

/// The share of the bound that is aimed at: what nobody foresees comes on top of it.
const AIM: f64 = 0.5;
/// The price rises with this power of the share: in proportion alone, what is too much is halved too slowly.
const STEEP: f64 = 1.5;
/// How far the price goes below and above that, as the share so far is below and above the aim.
const FOLLOWS: (f64, f64) = (0.3, 30.0);
/// Half-life of what was throttled, in minutes: twenty days, since a bound is kept or broken over a month.
const HALF_LIFE: f64 = 28_800.0;
/// A stream's first day is thought to keep the bound just so.
const TRUSTED: f64 = 1440.0;

/// Demand so far, and how much of it was rejected at its first attempt; both fade.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Missed {
    minutes: f64,
    demand: f64,
    rejected: f64,
}

impl Missed {
    /// Takes in a minute: its demand in shards, and the attempts that were accepted and rejected. Fresh and repeated attempts
    /// are rejected alike.
    pub fn saw(&mut self, demand: f64, accepted: f64, rejected: f64) {
        let fade = 0.5f64.powf(1.0 / HALF_LIFE);
        let share = if rejected > 0.0 { rejected / (accepted + rejected) } else { 0.0 };
        self.minutes = self.minutes * fade + 1.0;
        self.demand = self.demand * fade + demand;
        self.rejected = self.rejected * fade + demand * share;
    }

    /// The price that keeps the share of throttled records below `bound` (0 to 1) as far as a price can.
    ///
    /// More than half of it was throttled: the price rises, up to 30 times what predictable traffic needs. Less: it falls, and capacity
    /// is saved.
    /// No price holds a bound on traffic that nobody can foresee.
    pub fn price(&self, bound: f64) -> f64 {
        let trusted = if self.minutes > 0.0 { self.demand / self.minutes * TRUSTED } else { 0.0 };
        let all = self.demand + trusted;
        let share = if all > 0.0 { (self.rejected + bound * trusted) / all } else { bound };
        PRICE_TIMES_SHARE / bound * (share / (AIM * bound)).powf(STEEP).clamp(FOLLOWS.0, FOLLOWS.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_follows_what_was_throttled() {
        let mut missed = Missed::default();
        // A stream without a history is thought to be at its bound, which is above the aim.
        assert!((missed.price(0.001) - 100.0 * 2f64.powf(1.5)).abs() < 1e-9);
        for _ in 0..3 * 1440 {
            missed.saw(10.0, 10.0, 0.0);
        }
        let calm = missed.price(0.001);
        assert!((30.0..50.0).contains(&calm), "{calm}");
        missed.saw(1000.0, 500.0, 500.0);
        let struck = missed.price(0.001);
        assert!(struck > 500.0 && struck <= 3000.0, "{struck}");
        let mut before = struck;
        for _ in 0..60 {
            (0..1440).for_each(|_| missed.saw(10.0, 10.0, 0.0));
            assert!(missed.price(0.001) <= before);
            before = missed.price(0.001);
        }
        assert!(before < 50.0, "{before}");
    }

    #[test]
    fn a_tighter_bound_is_dearer() {
        let mut missed = Missed::default();
        (0..1440).for_each(|minute| missed.saw(10.0, 10.0, f64::from(u8::from(minute % 60 == 0))));
        assert!(missed.price(0.0001) > missed.price(0.001) && missed.price(0.001) > missed.price(0.01));
    }
}
