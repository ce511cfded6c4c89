//! Rejects of shards that are not full: what of them more shards would lower, and what a few partition keys ask for beyond a shard.

/// Minutes with rejects that tell how much is rejected at a count, and minutes after it changed that tell what became of it.
const TELLING: u32 = 20;
/// A load within this factor of the one before is the same load.
const ALIKE: f64 = 1.25;
/// A change by so many times the shards is a fair trial; single splits are one only together.
const FAIR: f64 = 1.5;
/// More shards that leave this share of the rejects did not help: loads and retries move them as much.
const NOISE: f64 = 0.9;
/// Minutes for which it is believed: keys change, so a week later shards get another chance.
const BELIEVED: u32 = 7 * 1440;
/// Minutes over which the worth of shards is a mean: a day, which a count is held for, and an hour, which is worth a call.
const SPANS: [u32; 2] = [1440, 60];

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

/// The share of attempts that a count of shards rejects, as `hopeless + helped / shards`: what stays however many there are, and what
/// halves when they double, since then half as many keys share a shard with one that fills it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Law {
    hopeless: f64,
    helped: f64,
}

impl Law {
    /// Through the shares of a lower and of a higher count. What falls faster than that, as bursts inside the minute do, leaves nothing.
    fn through((few, at_few): (u32, f64), (many, at_many): (u32, f64)) -> Self {
        if at_many >= NOISE * at_few {
            return Self { hopeless: at_many, helped: 0.0 };
        }
        let (few, many) = (f64::from(few), f64::from(many));
        let helped = ((at_few - at_many) * few * many / (many - few)).min(at_many * many);
        Self { hopeless: at_many - helped / many, helped }
    }

    /// The share of what so many shards reject that no shard helps.
    fn hopeless(self, shards: u32) -> f64 {
        let all = self.hopeless + self.helped / f64::from(shards.max(1));
        if all > 0.0 { self.hopeless / all } else { 0.0 }
    }
}

/// Compares what is rejected before and after a stream was resized, at the same load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    shards: u32,
    here: Seen,
    /// The count before, and what was seen there.
    before: Option<(u32, Seen)>,
    after: Seen,
    /// What a trial showed, and the minutes for which it is still believed.
    found: Option<(Law, u32)>,
    /// Minutes since the first trial, at most a day,
    minutes: u32,
    /// and of those the means of the rejected first attempts that shards help, times the shards: in shards squared.
    helped: [f64; SPANS.len()],
}

impl Trial {
    /// The share of what so many shards reject, 0 to 1, that is rejected however many there are; `None`: no trial showed any.
    pub fn hopeless(&self, shards: u32) -> Option<f64> {
        self.found.map(|(law, _)| law.hopeless(shards)).filter(|share| *share > 0.0)
    }

    /// The count up to which a double is worth its money, and below which half is not, when a rejected record is worth `price` times its
    /// capacity: of `n` shards that reject `helped / n`, a double costs `n` and saves `price · helped / 2n`. 0: no trial has been.
    pub fn worth(&self, price: f64) -> f64 {
        (price * self.helped.into_iter().fold(0.0, f64::max) / 2.0).sqrt()
    }

    /// Whether enough rejects were seen at this very count.
    pub fn is_told(&self) -> bool {
        self.here.minutes >= TELLING
    }

    /// Takes in a minute in which no shard was full and no reshard ended: the load that was wanted, and the share rejected of it.
    pub fn saw(&mut self, shards: u32, load: f64, share: f64) {
        self.found = self.found.map(|(law, left)| match left {
            // Nothing is known to be hopeless any more; what is rejected now is still worth what it is.
            0 => (Law { hopeless: 0.0, ..law }, 0),
            _ => (law, left - 1),
        });
        let (most, least) = (shards.max(self.shards), shards.min(self.shards));
        let fair = f64::from(most) >= FAIR * f64::from(least);
        if fair || shards < self.shards {
            self.before = (fair && self.is_told()).then_some((self.shards, self.here));
            (self.shards, self.here, self.after) = (shards, Seen::default(), Seen::default());
        }
        if share > 0.0 && shards == self.shards {
            self.here.take(load, share);
        }
        self.compare(load, share);
        if let Some((law, _)) = self.found {
            self.minutes = (self.minutes + 1).min(SPANS[0]);
            let helped = load * share * (1.0 - law.hopeless(shards)) * f64::from(shards);
            for (mean, span) in self.helped.iter_mut().zip(SPANS) {
                *mean += (helped - *mean) / f64::from(self.minutes.min(span));
            }
        }
    }

    fn compare(&mut self, load: f64, share: f64) {
        let Some((shards, before)) = self.before else { return };
        if (before.load / ALIKE..=before.load * ALIKE).contains(&load) {
            self.after.take(load, share);
        }
        if self.after.minutes >= TELLING {
            let (was, is) = ((shards, before.share), (self.shards, self.after.share));
            let law = if shards < self.shards { Law::through(was, is) } else { Law::through(is, was) };
            self.found = Some((law, BELIEVED));
            self.before = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rejected` tells the share that a count of shards rejects; an hour at each of the counts.
    fn tried(counts: &[u32], rejected: impl Fn(u32) -> f64) -> Trial {
        let mut trial = Trial::default();
        for shards in counts {
            (0..60).for_each(|_| trial.saw(*shards, 7.0, rejected(*shards)));
        }
        trial
    }

    #[test]
    fn rejects_that_stay_are_hopeless_and_forgotten_after_a_week() {
        let mut trial = tried(&[8, 16], |_| 0.12);
        assert_eq!((trial.hopeless(16), trial.worth(100.0)), (Some(1.0), 0.0));
        (0..BELIEVED + 1).for_each(|_| trial.saw(16, 7.0, 0.12));
        assert_eq!(trial.hopeless(16), None);
    }

    #[test]
    fn only_what_a_trial_shows_to_be_hopeless_is() {
        // A tenth stays, and 1.6 / n falls.
        let rejected = |shards: u32| 0.1 + 1.6 / f64::from(shards);
        for trial in [tried(&[8, 16], rejected), tried(&[16, 8], rejected)] {
            let found = [8, 16, 64].map(|shards| trial.hopeless(shards).unwrap());
            for (found, expected) in found.into_iter().zip([1.0 / 3.0, 0.5, 0.8]) {
                assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
            }
            // Of 7 shards 7 · 1.6 / n are rejected that shards help.
            assert!((trial.worth(100.0) - (100.0f64 * 7.0 * 1.6 / 2.0).sqrt()).abs() < 1e-9);
        }
    }

    #[test]
    fn rejects_that_shards_lower_are_not_hopeless() {
        assert_eq!(tried(&[8, 16], |shards| 1.0 / f64::from(shards)).hopeless(16), None);
        let trial = tried(&[8, 16], |shards| if shards == 8 { 0.12 } else { 0.0 });
        assert_eq!((trial.hopeless(16), trial.worth(100.0)), (None, 0.0));
        // What is rejected of another load proves nothing.
        let mut trial = trial;
        (0..60).for_each(|_| trial.saw(32, 70.0, 0.5));
        assert_eq!(trial.hopeless(32), None);
    }
}
