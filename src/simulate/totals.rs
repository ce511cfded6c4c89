use serde::Serialize;

use super::plant::DAY;
use super::run::{Minute, Run};
use super::sums;

/// What is left of rounding.
const NOTHING: f64 = 1e-9;

/// The figures of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    pub days: f64,
    /// What is paid for: open shards summed over minutes.
    pub shard_minutes: f64,
    /// Shard-minutes of demand.
    pub demand: f64,
    /// Rejected first attempts as a share of the demand, 0 to 1.
    pub throttled: f64,
    pub throttled_minutes_a_day: f64,
    /// Records that producers gave up, as a share of the demand.
    pub lost: f64,
    /// Iterator age in minutes.
    pub age_p50: f64,
    pub age_p99: f64,
    pub age_max: f64,
    pub minutes_above_60_s: u32,
    pub minutes_above_15_min: u32,
    pub calls_a_day: f64,
    pub calls_max_in_24_h: u32,
    /// Splits and merges.
    pub operations_a_day: f64,
    pub closed_a_day: f64,
    /// Calls that AWS would have refused.
    pub refused: u32,
    /// Minutes in which a wish was refused since the day's calls were used up.
    pub blocked_minutes: u32,
    pub peak_shards: f64,
    pub mean_shards: f64,
    /// Minutes without any record, fresh or repeated. CloudWatch has no datapoint of them.
    pub silent_minutes: u32,
    /// The share of the capacity that was not asked for; below 0 where more was asked for than there was.
    pub slack: f64,
}

impl Totals {
    pub fn of(run: &Run) -> Self {
        let column = |of: fn(&Minute) -> f64| run.minutes.iter().map(of).collect::<Vec<f64>>();
        let capacity = column(|minute| minute.capacity);
        let (fresh, ages) = (sums::sum(&column(|minute| minute.fresh)), column(|minute| minute.age));
        let throttled = column(|minute| minute.throttled);
        let days = run.minutes.len() as f64 / DAY as f64;
        let above = |limit: f64| count(&ages, |age| age > limit);
        let part = |load: f64| if fresh > 0.0 { load / fresh } else { 0.0 };
        let calls: u32 = run.minutes.iter().map(|minute| u32::from(minute.calls)).sum();
        let paid = sums::sum(&capacity);
        Self {
            days,
            shard_minutes: paid,
            demand: fresh,
            throttled: part(sums::sum(&throttled)),
            throttled_minutes_a_day: f64::from(count(&throttled, |load| load > NOTHING)) / days,
            // In order of time, as the judge adds it.
            lost: part(run.minutes.iter().map(|minute| minute.lost).sum()),
            age_p50: sums::percentile(&ages, 0.5),
            age_p99: sums::percentile(&ages, 0.99),
            age_max: ages.iter().copied().fold(0.0, f64::max),
            minutes_above_60_s: above(1.0),
            minutes_above_15_min: above(15.0),
            calls_a_day: f64::from(calls) / days,
            calls_max_in_24_h: most_in_a_day(&run.minutes),
            operations_a_day: run.operations as f64 / days,
            closed_a_day: run.closed as f64 / days,
            refused: run.refused,
            blocked_minutes: run.blocked_minutes,
            peak_shards: capacity.iter().copied().fold(0.0, f64::max),
            mean_shards: paid / run.minutes.len().max(1) as f64,
            silent_minutes: count(&column(|minute| minute.accepted + minute.rejected), |load| load <= 0.0),
            slack: 1.0 - fresh / paid,
        }
    }
}

fn count(values: &[f64], test: impl Fn(f64) -> bool) -> u32 {
    // A run has at most a few million minutes.
    values.iter().filter(|value| test(**value)).count() as u32
}

/// The most calls in any rolling 24 hours.
fn most_in_a_day(minutes: &[Minute]) -> u32 {
    let (mut most, mut now) = (0, 0u32);
    for (at, minute) in minutes.iter().enumerate() {
        now += u32::from(minute.calls);
        if let Some(left) = at.checked_sub(DAY as usize) {
            now -= u32::from(minutes[left].calls);
        }
        most = most.max(now);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_small_run() {
        let quiet = Minute { capacity: 2.0, fresh: 1.0, accepted: 1.0, ..Minute::default() };
        let busy = Minute { fresh: 3.0, accepted: 2.0, rejected: 1.0, throttled: 1.0, age: 2.0, calls: 1, ..quiet };
        let mut minutes = vec![quiet; 1440];
        (minutes[0], minutes[1439]) = (busy, busy);
        minutes.push(busy);
        let totals = Totals::of(&Run { minutes, operations: 1441, ..Run::default() });
        assert_eq!((totals.shard_minutes, totals.demand), (2882.0, 1438.0 + 9.0));
        assert_eq!(totals.throttled, 3.0 / 1447.0);
        assert_eq!((totals.minutes_above_60_s, totals.minutes_above_15_min, totals.age_p50), (3, 0, 0.0));
        assert_eq!(totals.calls_max_in_24_h, 2);
        assert!((totals.operations_a_day - 1440.0).abs() < 1e-9);
    }
}
