use std::collections::VecDeque;

use super::report::Series;
use crate::model::Rough;
use crate::scale::Sample;

/// Minutes of one step.
const STEP: i64 = 5;
/// Steps that are kept: 24 hours.
const STEPS: usize = 288;
/// Steps for which room is made at once.
const ROOM: usize = 48;

/// The last day of a stream, for pictures: the worst of each step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Day {
    /// The first step, in steps since 1970.
    first: i64,
    steps: VecDeque<Worst>,
}

/// Eight bytes, so that the days of ten thousand streams fit into memory. 0 shards are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Worst {
    demand: Rough,
    rejected: Rough,
    age: Rough,
    shards: u16,
}

const UNKNOWN: Worst = Worst { demand: Rough::UNKNOWN, rejected: Rough::UNKNOWN, age: Rough::UNKNOWN, shards: 0 };

impl Day {
    fn step(&mut self, minute: i64) -> Option<&mut Worst> {
        let step = minute.div_euclid(STEP);
        let end = self.first + self.steps.len() as i64;
        if self.steps.is_empty() || step >= end + STEPS as i64 {
            self.steps.clear();
            self.first = step;
        }
        while self.first + self.steps.len() as i64 <= step {
            if self.steps.len() == STEPS {
                self.steps.pop_front();
                self.first += 1;
            }
            if self.steps.len() == self.steps.capacity() {
                // Doubling would take up to twice as much as is needed.
                self.steps.reserve_exact(ROOM);
            }
            self.steps.push_back(UNKNOWN);
        }
        let at = usize::try_from(step - self.first).ok()?;
        self.steps.get_mut(at)
    }

    /// Takes in a minute's metrics.
    pub fn saw(&mut self, minute: i64, sample: &Sample) {
        let Some(step) = self.step(minute) else { return };
        let load = sample.accepted.map(|accepted| accepted + sample.rejected.unwrap_or(0.0));
        for (worst, value) in [
            (&mut step.demand, load),
            (&mut step.rejected, sample.rejected),
            (&mut step.age, sample.age.map(|minutes| minutes * 60.0)),
        ] {
            *worst = value.map_or(*worst, |value| worst.or_more(Rough::near(value)));
        }
    }

    /// Takes in how many shards were open.
    pub fn had(&mut self, minute: i64, shards: u32) {
        let shards = u16::try_from(shards).unwrap_or(u16::MAX);
        if let Some(step) = self.step(minute) {
            step.shards = if step.shards == 0 { shards } else { step.shards.min(shards) };
        }
    }

    /// Nothing changed the count in these minutes: it is known of steps that were not seen as well.
    pub fn kept(&mut self, from: i64, to: i64, shards: u32) {
        let (first, last) = (from.div_euclid(STEP), to.div_euclid(STEP));
        for minute in (first.max(last - STEPS as i64)..=last).map(|step| step * STEP) {
            if self.step(minute).is_some_and(|step| step.shards == 0) {
                self.had(minute, shards);
            }
        }
    }

    /// As it is told.
    pub fn told(&self) -> Series {
        Series {
            start: self.first * STEP * 60,
            step_seconds: (STEP * 60) as u32,
            demand: self.steps.iter().map(|step| step.demand.value()).collect(),
            capacity: self.steps.iter().map(|step| (step.shards > 0).then_some(step.shards.into())).collect(),
            age: self.steps.iter().map(|step| step.age.value()).collect(),
            rejected: self.steps.iter().map(|step| step.rejected.value()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_each_step_is_kept_for_a_day() {
        let mut day = Day::default();
        let sample = |accepted| Sample { accepted: Some(accepted), rejected: Some(0.5), ..Sample::default() };
        day.saw(100, &sample(1.0));
        day.saw(102, &sample(3.0));
        day.had(103, 4);
        day.had(104, 2);
        day.saw(111, &sample(2.0));
        let told = day.told();
        assert_eq!((told.start, told.step_seconds), (6000, 300));
        assert_eq!(told.demand, [Some(3.5), None, Some(2.5)]);
        assert_eq!((told.capacity, told.age), (vec![Some(2), None, None], vec![None; 3]));
        day.kept(103, 111, 7);
        assert_eq!(day.told().capacity, [Some(2), Some(7), Some(7)]);
        // What is older than the day is dropped, and so is what comes for it late.
        day.saw(100 + 1440, &sample(1.0));
        day.saw(99, &sample(9.0));
        assert_eq!((day.told().demand.len(), day.told().start), (288, 6300));
    }
}
