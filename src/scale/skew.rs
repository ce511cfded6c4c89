//! Rejects that more shards do not lower: they come from a few partition keys, and no shard is bought for them.

/// Minutes with rejects that tell how much is rejected at a count, and minutes after it grew that tell what became of it.
const TELLING: u32 = 10;
/// A load within this factor of the one before is the same load.
const ALIKE: f64 = 1.25;
/// A growth to so many times the shards is a fair trial; single splits are one only together.
const FAIR: f64 = 1.5;
/// Shards that leave this share of the rejects did not help. Bursts inside the minute and uneven shards lose more by a double.
const KEPT: f64 = 0.7;
/// Minutes for which it is believed: keys change, so a week later shards get another chance.
const BELIEVED: u32 = 7 * 1440;

/// Loads and rejected shares of some minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Seen {
    minutes: u32,
    load: f64,
    share: f64,
}

impl Seen {
    fn take(&mut self, load: f64, share: f64) {
        self.minutes += 1;
        let part = 1.0 / f64::from(self.minutes.min(TELLING));
        self.load += part * (load - self.load);
        self.share += part * (share - self.share);
    }
}

/// Compares what is rejected before and after a stream grew, at the same load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    shards: u32,
    here: Seen,
    before: Option<Seen>,
    after: Seen,
    /// The share of records that shards do not help, and the minutes for which that is still believed.
    found: Option<(f64, u32)>,
}

impl Trial {
    /// The share of records, 0 to 1, that was rejected before the stream grew and is rejected still.
    pub fn found(&self) -> Option<f64> {
        self.found.map(|(share, _)| share)
    }

    /// Takes in a minute in which no shard was full and no reshard ended: the load that was wanted, and the share rejected of it.
    pub fn saw(&mut self, shards: u32, load: f64, share: f64) {
        self.found = self.found.and_then(|(share, left)| Some((share, left.checked_sub(1)?)));
        let fair = f64::from(shards) >= FAIR * f64::from(self.shards);
        if fair || shards < self.shards {
            self.before = (fair && self.here.minutes >= TELLING).then_some(self.here);
            (self.shards, self.here, self.after) = (shards, Seen::default(), Seen::default());
        }
        if share > 0.0 && shards == self.shards {
            self.here.take(load, share);
        }
        let Some(before) = self.before else { return };
        if (before.load / ALIKE..=before.load * ALIKE).contains(&load) {
            self.after.take(load, share);
        }
        if self.after.minutes >= TELLING {
            if self.after.share >= KEPT * before.share {
                self.found = Some((self.after.share, BELIEVED));
            }
            self.before = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rejected` tells the share that a count of shards rejects; 30 minutes at each of two counts.
    fn grown(rejected: impl Fn(u32) -> f64) -> Trial {
        let mut trial = Trial::default();
        for shards in [8, 16] {
            (0..30).for_each(|_| trial.saw(shards, 7.0, rejected(shards)));
        }
        trial
    }

    #[test]
    fn rejects_that_stay_are_found_and_forgotten_after_a_week() {
        let mut trial = grown(|_| 0.12);
        assert!((trial.found().unwrap() - 0.12).abs() < 1e-9);
        (0..BELIEVED + 1).for_each(|_| trial.saw(16, 7.0, 0.12));
        assert_eq!(trial.found(), None);
    }

    #[test]
    fn rejects_that_shards_lower_are_none() {
        assert_eq!(grown(|shards| 1.0 / f64::from(shards)).found(), None);
        assert_eq!(grown(|shards| if shards == 8 { 0.12 } else { 0.0 }).found(), None);
        // What is rejected of another load proves nothing.
        let mut trial = grown(|shards| if shards == 8 { 0.12 } else { 0.0 });
        (0..60).for_each(|_| trial.saw(32, 70.0, 0.5));
        assert_eq!(trial.found(), None);
    }
}
