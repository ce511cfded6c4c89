//! Traffic made from a seed: the shapes that streams have, for those without a history.

use super::demand::Demand;
use super::noise::Noise;

const DAY: usize = 1440;
/// Spread from minute to minute as a fraction of the level.
const SPREAD: f64 = 0.08;

/// The shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Constant,
    Diurnal,
    Sawtooth,
    Batch,
    DailyBatch,
    WeekdayBatch,
    FlashCrowd,
    Growth,
    OnOff,
    LevelShift,
    Quiet,
}

/// Every shape with its name and what it is like.
pub const KINDS: &[(&str, Kind, &str)] = &[
    ("constant", Kind::Constant, "a level with noise"),
    ("diurnal", Kind::Diurnal, "days of people: low at night, weaker on weekends"),
    ("sawtooth", Kind::Sawtooth, "climbs for eight hours and drops, three times a day"),
    ("batch", Kind::Batch, "a low base and a timed batch at every full hour, a large one at 02:00"),
    ("daily-batch", Kind::DailyBatch, "a base, and eight times as much for 50 minutes from 02:13 on, every day"),
    ("weekday-batch", Kind::WeekdayBatch, "the same from Monday to Friday"),
    ("flash-crowd", Kind::FlashCrowd, "days of people, and crowds of five times the level that come within minutes"),
    ("growth", Kind::Growth, "days of people on a level that doubles in a week"),
    ("on-off", Kind::OnOff, "almost nothing, and bursts of random start and length"),
    ("level-shift", Kind::LevelShift, "a level that jumps up or down now and then and stays"),
    ("quiet", Kind::Quiet, "far below one shard, with minutes of nothing"),
];

/// The shape of a name.
pub fn find(name: &str) -> Option<Kind> {
    KINDS.iter().find(|(known, ..)| *known == name).map(|(_, kind, _)| *kind)
}

/// Demand of this shape around `level` shards from `start` (minutes since 1970) on.
pub fn synthetic(kind: Kind, level: f64, days: usize, start: i64, seed: u64) -> Demand {
    let mut noise = Noise::new(seed);
    let mut shape = Shape::new(kind, &mut noise);
    let load = (0..days * DAY).map(|minute| {
        let at = start + minute as i64;
        let value = shape.at(at, minute, &mut noise);
        level * value.max(0.0) * noise.gamma(SPREAD)
    });
    Demand { start, load: load.collect(), bytes_per_record: 1024.0 }
}

/// What a shape remembers from minute to minute.
struct Shape {
    kind: Kind,
    /// Minute of the next event, and until which the present one lasts.
    next: f64,
    until: f64,
    height: f64,
    level: f64,
}

impl Shape {
    fn new(kind: Kind, noise: &mut Noise) -> Self {
        Self { kind, next: noise.wait(600.0), until: 0.0, height: 0.0, level: 1.0 }
    }

    /// The level of a minute; 1 is the level that was asked for.
    fn at(&mut self, at: i64, minute: usize, noise: &mut Noise) -> f64 {
        let passed = minute as f64;
        match self.kind {
            Kind::Constant => 1.0,
            Kind::Diurnal => people(at),
            Kind::Sawtooth => 0.2 + 1.3 * (at.rem_euclid(480) as f64 / 480.0),
            Kind::Batch => batch(at),
            Kind::DailyBatch => nightly(at),
            Kind::WeekdayBatch if is_weekend(at) => BASE,
            Kind::WeekdayBatch => nightly(at),
            Kind::FlashCrowd => people(at) * (1.0 + 4.0 * self.crowd(passed, noise)),
            Kind::Growth => people(at) * 2f64.powf(passed / (7.0 * DAY as f64)),
            Kind::OnOff => self.burst(passed, noise),
            Kind::LevelShift => self.shift(passed, noise),
            Kind::Quiet => {
                if noise.uniform() < 0.3 {
                    0.0
                } else {
                    0.02 * people(at)
                }
            }
        }
    }

    /// 0 to 1: climbs within 5 min, stays for half an hour or so, fades over an hour. About one a day.
    fn crowd(&mut self, passed: f64, noise: &mut Noise) -> f64 {
        if passed >= self.next {
            self.height = passed;
            self.until = passed + 10.0 + noise.wait(25.0);
            self.next = self.until + noise.wait(1300.0);
        }
        if self.height == 0.0 {
            return 0.0;
        }
        let climb = ((passed - self.height) / 5.0).min(1.0);
        climb * (-(passed - self.until).max(0.0) / 20.0).exp()
    }

    fn burst(&mut self, passed: f64, noise: &mut Noise) -> f64 {
        if passed >= self.next {
            self.until = passed + 5.0 + noise.wait(40.0);
            self.next = self.until + noise.wait(400.0);
            self.height = 0.5 + noise.uniform();
        }
        if passed < self.until { self.height } else { 0.01 }
    }

    fn shift(&mut self, passed: f64, noise: &mut Noise) -> f64 {
        if passed >= self.next {
            self.next = passed + noise.wait(1000.0);
            self.level = 0.3 + 1.7 * noise.uniform();
        }
        self.level
    }
}

/// Days of people: low at 05:00, high at 20:00, weekends a quarter lower. The mean of a weekday is about 1.
fn people(at: i64) -> f64 {
    let turn = std::f64::consts::TAU / DAY as f64;
    let phase = at.rem_euclid(1440) as f64;
    let wave = 1.0 + 0.6 * ((phase - 1170.0) * turn).cos() + 0.15 * (2.0 * (phase - 1170.0) * turn).cos();
    if is_weekend(at) { 0.75 * wave } else { wave }
}

fn is_weekend(at: i64) -> bool {
    // Minutes since 1970 began on a Thursday.
    (at.div_euclid(1440) + 3).rem_euclid(7) >= 5
}

/// What there is beside a nightly batch.
const BASE: f64 = 0.5;

/// Fifty minutes of eight times the base, from 02:13 on.
fn nightly(at: i64) -> f64 {
    if (133..183).contains(&at.rem_euclid(1440)) { 8.0 * BASE } else { BASE }
}

/// A low base, twelve minutes at every full hour, an hour at 02:00.
fn batch(at: i64) -> f64 {
    let (minute, hour) = (at.rem_euclid(60), at.rem_euclid(1440) / 60);
    if hour == 2 {
        2.0
    } else if minute < 12 {
        1.0
    } else {
        0.15
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_there_and_the_seed_decides() {
        for (name, kind, _) in KINDS {
            let one = synthetic(find(name).unwrap(), 10.0, 7, 29_000_000, 1);
            assert_eq!(one, synthetic(*kind, 10.0, 7, 29_000_000, 1));
            assert_ne!(one, synthetic(*kind, 10.0, 7, 29_000_000, 2));
            assert!(one.load.iter().all(|load| load.is_finite() && *load >= 0.0));
            let mean = one.total() / one.load.len() as f64;
            let wanted = if *kind == Kind::Quiet { 0.1..0.3 } else { 0.5..25.0 };
            assert!(wanted.contains(&mean), "{name}: {mean}");
        }
    }

    #[test]
    fn a_flash_crowd_is_several_times_the_level() {
        let demand = synthetic(Kind::FlashCrowd, 10.0, 14, 0, 1);
        let day = synthetic(Kind::Diurnal, 10.0, 14, 0, 1);
        let peak = |demand: &Demand| demand.load.iter().copied().fold(0.0, f64::max);
        assert!(peak(&demand) > 2.0 * peak(&day));
    }
}
