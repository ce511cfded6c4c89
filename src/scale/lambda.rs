//! The parallelization factor of a Lambda function that reads a stream: how many batches of one shard it works on at once. It is
//! changed within a minute, costs no shard-hour and, unlike more shards, drains the backlog of the shards that there are.

mod told;

use super::lag::{GROWING, STEEPEST, is_dead, slope};
use super::{View, Window};
pub use told::{Numbers, Reason, Tuning};

/// Iterator age in minutes above which a reader is late: half of what ends all shrinking, so that the factor comes first.
const LATE: f64 = 5.0;
/// Minutes ahead for which a trend is believed: an update, its effect and two minutes of metrics fit into it.
const AHEAD: f64 = 10.0;
/// Minutes after a change in which its effect cannot be seen yet: AWS updates a mapping within one, and metrics are two late.
const SETTLE: i64 = 4;
/// Ages older than this many minutes say nothing of now.
const FRESH: i64 = 5;
/// Minutes without lag before one step is taken back.
pub const CALM: i64 = 60;
/// The highest age in minutes of a reader that is calm.
const CURRENT: f64 = 2.0;
/// What is read beyond what comes in, so that the backlog gets shorter.
const DRAIN: f64 = 1.25;
/// Minutes over which the load of a raise is the mean.
const TREND: i64 = 5;
/// A load no more than this share below another is the same load.
const ALIKE: f64 = 0.06;

/// The range of the spec, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    pub min: u32,
    pub max: u32,
}

/// The factor was another one from this minute on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Minutes since 1970.
    pub at: i64,
    pub from: u32,
    pub to: u32,
    /// What was written to each shard then, in shards; `None` where that was not known, or somebody else changed it.
    pub load: Option<f64>,
}

/// What is known of one function that reads the stream.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    pub factor: u32,
    pub factors: Factors,
    /// Iterator ages in minutes by minute since 1970, oldest first; a minute without a datapoint is left out.
    pub ages: &'a [(i64, f64)],
    /// Oldest first.
    pub changes: &'a [Change],
    /// Whether the shards refused GetRecords calls lately (ReadProvisionedThroughputExceeded).
    pub refused: bool,
}

/// A reader with all that bears on it.
struct Case<'a> {
    reader: &'a Reader<'a>,
    view: &'a View<'a>,
    numbers: Numbers,
}

impl Reader<'_> {
    /// The factor that the function should have now.
    pub fn tune(&self, view: &View<'_>) -> Tuning {
        let fresh = self.ages.last().filter(|(at, _)| *at >= view.now - FRESH);
        let numbers = Numbers {
            min: self.factors.min,
            max: self.factors.max,
            age_minutes: fresh.map(|(_, age)| *age),
            age_slope: fresh.and_then(|_| slope(self.ages)),
            load: mean(view.window, TREND).map(|written| written / f64::from(view.shards.max(1))),
        };
        let case = Case { reader: self, view, numbers };
        let (factor, reason, because) = case.decide();
        let late = numbers.age_minutes.is_some_and(|age| case.is_late(age));
        let open = !matches!(reason, Reason::DeadConsumer | Reason::ReadLimit | Reason::AtMax);
        let spares_shards = late && open && self.factor < self.factors.max;
        Tuning { factor, because, reason, numbers, spares_shards }
    }
}

type Answer = (u32, Reason, String);

impl Case<'_> {
    fn decide(&self) -> Answer {
        let Reader { factor, factors, .. } = *self.reader;
        let bounded = factor.clamp(factors.min, factors.max);
        if bounded != factor {
            return (bounded, Reason::Bounds, format!("the range is {} to {}", factors.min, factors.max));
        }
        let Some(age) = self.numbers.age_minutes else {
            return self.hold(Reason::IncompleteMetrics, format!("no iterator age for more than {FRESH} min"));
        };
        if self.stands() {
            let why = format!("it reads next to nothing and is {age:.0} min behind: no factor helps, restart it");
            return self.hold(Reason::DeadConsumer, why);
        }
        match self.is_late(age) {
            true => self.late(age),
            false => self.calm(age),
        }
    }

    fn hold(&self, reason: Reason, because: String) -> Answer {
        (self.reader.factor, reason, because)
    }

    fn slope(&self) -> f64 {
        self.numbers.age_slope.unwrap_or(0.0)
    }

    fn is_growing(&self, age: f64) -> bool {
        self.slope() > GROWING && age > 1.0
    }

    fn is_late(&self, age: f64) -> bool {
        age > LATE || (self.is_growing(age) && age + AHEAD * self.slope() > LATE)
    }

    fn stands(&self) -> bool {
        let newest = self.view.window.newest().unwrap_or(0);
        let lately = |value: fn(&super::Sample) -> Option<f64>| {
            (newest - TREND + 1..=newest).rev().find_map(|at| value(&self.view.window.at(at)))
        };
        let (reads, written) = (lately(|sample| sample.reads.shared), lately(|sample| sample.accepted));
        is_dead((self.numbers.age_minutes, self.numbers.age_slope), reads, written)
    }

    fn is_resharding(&self) -> bool {
        self.view.resizes.iter().any(|resize| resize.done.is_none())
    }

    fn late(&self, age: f64) -> Answer {
        let (Reader { factor, factors, .. }, slope) = (*self.reader, self.slope());
        let late = match self.is_growing(age) {
            true => format!("it is {age:.1} min behind, and {slope:.2} min more each minute"),
            false => format!("it is {age:.1} min behind"),
        };
        if age > LATE && age + AHEAD * slope <= LATE {
            return self.hold(Reason::Draining, format!("{late}, and catches up within {AHEAD} min"));
        }
        if self.is_resharding() && age <= LATE {
            return self
                .hold(Reason::Resharding, format!("{late}; the shards are changing, which costs readers a while"));
        }
        if self.reader.refused {
            return self.hold(Reason::ReadLimit, format!("{late}; the shards refuse reads, so no factor reads more"));
        }
        if factor >= factors.max {
            return self.hold(Reason::AtMax, format!("{late}; {factor} is the highest of the range"));
        }
        if let Some(change) = self.reader.changes.last().filter(|change| self.view.now - change.at < SETTLE) {
            let since = self.view.now - change.at;
            return self.hold(Reason::Settling, format!("{late}; the factor changed {since} min ago"));
        }
        // Of each minute that is written, `slope` minutes stay unread.
        let keeps_up = f64::from(factor) * DRAIN / (1.0 - slope.clamp(0.0, STEEPEST));
        let wanted = if self.is_growing(age) { keeps_up.ceil() as u32 } else { factor * 2 };
        (wanted.clamp(factor + 1, factors.max), Reason::Raise, late)
    }

    fn calm(&self, age: f64) -> Answer {
        let Reader { factor, factors, ages, changes, .. } = *self.reader;
        let keeps_up = |why: String| self.hold(Reason::KeepsUp, format!("it is {age:.1} min behind{why}"));
        if factor <= factors.min || self.is_growing(age) {
            return keeps_up(String::new());
        }
        if self.is_resharding() {
            return self.hold(Reason::Resharding, "the shards are changing: nothing is lowered".into());
        }
        let newest = ages.last().map_or(self.view.now, |(at, _)| *at);
        let since = newest - CALM + 1;
        let is_calm =
            |at: i64| ages.binary_search_by_key(&at, |(minute, _)| *minute).is_ok_and(|found| ages[found].1 <= CURRENT);
        let reshaped = self.view.resizes.iter().any(|resize| resize.done.is_some_and(|done| done >= since));
        let changed = changes.last().is_some_and(|change| change.at >= since);
        if changed || reshaped || !(since..=newest).all(is_calm) {
            return keeps_up(format!(", not calm for {CALM} min"));
        }
        let Some(busiest) = self.busiest(newest) else {
            return keeps_up(format!("; what was written in the last {CALM} min is not all known"));
        };
        let too_few = |change: &&Change| {
            change.to > change.from
                && change.from >= factor - 1
                && change.load.is_some_and(|load| busiest > load * (1.0 - ALIKE))
        };
        match changes.iter().rev().find(too_few) {
            Some(change) => keeps_up(format!("; {} was too few for this load", change.from)),
            None => (factor - 1, Reason::Lower, format!("it was at most {CURRENT:.0} min behind for {CALM} min")),
        }
    }

    /// The most that was written to each shard in a minute of the calm; `None` where one of the minutes is not known.
    fn busiest(&self, newest: i64) -> Option<f64> {
        // The window may be a minute or two behind the ages.
        let end = self.view.window.newest()?.min(newest);
        let written = (end - CALM + 1..=end).map(|at| self.view.window.at(at).accepted);
        let all: Option<Vec<f64>> = written.collect();
        let most = all?.into_iter().fold(0.0, f64::max);
        Some(most / f64::from(self.view.shards.max(1)))
    }
}

/// The mean of what was written in the newest minutes that are known.
fn mean(window: &Window, minutes: i64) -> Option<f64> {
    let newest = window.newest()?;
    let known: Vec<f64> = (newest - minutes + 1..=newest).filter_map(|at| window.at(at).accepted).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests;
