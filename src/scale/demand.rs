//! What producers wanted to send, from what the metrics say of what got through.

use super::retries::Retries;
use super::skew::Trial;
use super::{Resize, Sample};

/// Producers that try again within the minute are counted with each attempt; no more than this many times the accepted load is
/// believed.
const MOST_TIMES_ACCEPTED: f64 = 4.0;
/// The usable share of a shard is never thought lower than this.
const LEAST_USABLE: f64 = 0.5;
/// How fast the usable share follows what a minute shows.
const FOLLOW: f64 = 0.1;
/// A shard that is filled to this share was full: rejects are then no sign of bursts.
const FULL: f64 = 0.98;

/// Turns samples into demand, in units of one shard's usable capacity.
///
/// Rejects although the shards are not full mean bursts inside the minute, which the metrics average away. So the share of a
/// shard that can be used is learned, and demand is told in units of it. Where the rejects outlast a growth they were no bursts but
/// a few keys: then what of them no shard helps is no demand, until the shards are full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meter {
    usable: f64,
    retries: Retries,
    trial: Trial,
    /// The share of the attempts that is rejected however many shards there are, as the newest minute with rejects has it.
    hopeless: Option<f64>,
    shown: Option<f64>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { usable: 1.0, retries: Retries::default(), trial: Trial::default(), hopeless: None, shown: None }
    }
}

impl Meter {
    /// The share of a shard's limits that can be used before it rejects.
    pub fn usable(&self) -> f64 {
        self.usable
    }

    /// The share of attempts to write, repeated ones included, 0 to 1, that is rejected however many shards there are.
    pub fn skewed(&self) -> Option<f64> {
        self.shown.or(self.hopeless)
    }

    /// The count that rejects of shards that are not full are worth at a price, as trials showed them, and whether they are known well
    /// enough at this count to grow for. Where single shards show the keys, those are cared for.
    pub fn worth(&self, price: f64) -> (f64, bool) {
        if self.shown.is_some() { (0.0, false) } else { (self.trial.worth(price), self.trial.is_told()) }
    }

    /// Single shards show now that such a share of the attempts, 0 to 1, is rejected by shards that one key fills; `None`: they do not.
    pub fn shown(&mut self, share: Option<f64>) {
        self.shown = share.map(|share| share.clamp(0.0, 1.0));
    }

    /// Demand of a minute that `shards` served; `None` where the metrics have a gap. `stable`: no reshard ended near this minute.
    pub fn read(&mut self, sample: Sample, shards: u32, stable: bool) -> Option<f64> {
        let Some(accepted) = sample.accepted else {
            self.retries.skip();
            return None;
        };
        let rejected = sample.rejected.unwrap_or(0.0);
        let fresh = self.retries.fresh(accepted, rejected).min(MOST_TIMES_ACCEPTED * accepted);
        let use_now = accepted / f64::from(shards.max(1));
        if use_now < FULL && stable {
            let share = rejected / (accepted + rejected).max(f64::MIN_POSITIVE);
            self.trial.saw(shards, fresh, share);
            let hopeless = self.trial.hopeless(shards).map(|part| part * share);
            self.hopeless = hopeless.map(|now| if now > 0.0 { now } else { self.hopeless.unwrap_or_default() });
            if let Some(hopeless) = self.shown.or(hopeless) {
                self.usable = 1.0;
                return Some((fresh * (1.0 - hopeless)).max(accepted));
            }
        }
        if rejected > 0.0 && use_now < FULL && stable {
            self.usable += FOLLOW * (use_now.clamp(LEAST_USABLE, 1.0) - self.usable);
        } else if rejected == 0.0 && use_now > self.usable {
            self.usable += FOLLOW * (use_now.min(1.0) - self.usable);
        }
        Some(fresh / self.usable)
    }
}

/// The open shards of a past minute, when `now` there are `shards`.
pub fn shards_at(minute: i64, shards: u32, resizes: &[Resize]) -> u32 {
    let later = resizes.iter().rev().take_while(|resize| resize.done.is_none_or(|done| done > minute));
    later.last().map_or(shards, |resize| resize.from)
}

/// Whether no reshard ended within a minute of this one.
pub fn is_stable(minute: i64, resizes: &[Resize]) -> bool {
    resizes.iter().rev().take(4).all(|resize| resize.done.is_none_or(|done| (done - minute).abs() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(accepted: f64, rejected: f64) -> Sample {
        Sample { accepted: Some(accepted), rejected: Some(rejected), ..Sample::default() }
    }

    #[test]
    fn repeated_attempts_are_not_demand() {
        let mut meter = Meter::default();
        assert_eq!(meter.read(sample(4.0, 2.0), 4, true), Some(6.0));
        // Again 6 are wanted: with the two repeated ones 8 are offered and 4 rejected.
        assert_eq!(meter.read(sample(4.0, 4.0), 4, true), Some(6.0));
        assert_eq!(meter.read(sample(4.0, 400.0), 4, true), Some(16.0));
        assert_eq!(meter.usable(), 1.0);
    }

    #[test]
    fn a_gap_is_not_zero() {
        let mut meter = Meter::default();
        assert_eq!(meter.read(sample(4.0, 0.0), 4, true), Some(4.0));
        assert_eq!(meter.read(Sample::default(), 4, true), None);
        assert_eq!(meter.read(sample(3.0, 0.0), 4, true), Some(3.0));
    }

    #[test]
    fn rejects_of_half_full_shards_show_bursts_inside_the_minute() {
        let mut meter = Meter::default();
        for _ in 0..60 {
            meter.read(sample(7.0, 0.5), 10, true);
        }
        assert!((meter.usable() - 0.7).abs() < 0.01);
        // While shards change nothing is learned, and a minute that went through full proves the opposite.
        meter.read(sample(5.0, 0.5), 10, false);
        assert!((meter.usable() - 0.7).abs() < 0.01);
        for _ in 0..60 {
            meter.read(sample(10.0, 0.0), 10, true);
        }
        assert!(meter.usable() > 0.98);
    }

    #[test]
    fn no_shard_is_bought_for_keys_that_shards_do_not_help() {
        let mut meter = Meter::default();
        // One key asks for two shards and gets one, whatever their number; first and repeated attempts are rejected.
        for _ in 0..30 {
            meter.read(sample(7.0, 1.0), 8, true);
        }
        assert!(meter.usable() < 0.9 && meter.skewed().is_none());
        let demands: Vec<f64> = (0..30).filter_map(|_| meter.read(sample(7.0, 1.0), 16, true)).collect();
        assert!(meter.skewed().is_some_and(|share| (share - 0.125).abs() < 1e-6), "{:?}", meter.skewed());
        assert_eq!(demands.last(), Some(&7.0));
        // Single shards show it at once.
        let mut meter = Meter::default();
        meter.shown(Some(0.125));
        assert_eq!(meter.read(sample(7.0, 1.0), 8, true), Some(7.0));
        // Full shards are another matter.
        assert!(meter.read(sample(16.0, 4.0), 16, true).is_some_and(|demand| (demand - 19.0).abs() < 1e-3));
    }

    #[test]
    fn more_rejects_never_mean_less_demand() {
        let mut meter = Meter::default();
        for (shards, rejected) in [(8, 1.6), (16, 1.2)] {
            for _ in 0..60 {
                meter.read(sample(7.0, rejected), shards, true);
            }
        }
        assert!(meter.skewed().is_some() && meter.worth(100.0).0 > 0.0, "{meter:?}");
        let read = |more: u32| {
            let mut meter = meter;
            (meter.read(sample(7.0, 0.1 * f64::from(more)), 16, true), meter.worth(100.0).0)
        };
        for more in 0..40 {
            let (less, more) = (read(more), read(more + 1));
            assert!(less.0 <= more.0 && less.1 <= more.1, "{less:?}, then {more:?}");
        }
    }

    #[test]
    fn the_count_of_a_past_minute_is_that_before_the_later_resizes() {
        let resizes = [
            Resize { called: 8, done: Some(10), from: 2, to: 4, split: false, foreign: false },
            Resize { called: 18, done: Some(20), from: 4, to: 8, split: false, foreign: false },
            Resize { called: 28, done: None, from: 8, to: 6, split: false, foreign: false },
        ];
        assert_eq!([9, 10, 19, 20, 29].map(|minute| shards_at(minute, 8, &resizes)), [2, 4, 4, 8, 8]);
        assert_eq!([15, 19, 21, 25].map(|minute| is_stable(minute, &resizes)), [true, false, false, true]);
    }
}
