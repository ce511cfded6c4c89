//! Which capacity mode suits a demand: on-demand, a fixed count, or a count that follows.

use super::demand::Demand;
use super::registry::{Entry, find};
use super::run::Settings;
use super::score::Score;
use crate::model::Prices;
use crate::scale::baseline::Row;

/// Hours of a month, as AWS's own estimates count them.
pub const MONTH_HOURS: f64 = 730.0;

/// One way to run the stream.
#[derive(Clone, Debug)]
pub struct Choice {
    pub score: Score,
    /// US dollars a month.
    pub month: f64,
    /// The same with every throttled record at its worth: what choices are compared by.
    pub worth: f64,
}

/// The ways to run a stream under a demand, the best one first.
#[derive(Clone, Debug)]
pub struct Advice {
    pub choices: Vec<Choice>,
    /// Mean use of its shards, 0 to 1, below which a provisioned stream of the autoscaled size costs more than on-demand.
    pub break_even_use: f64,
    /// Mean use of the autoscaled stream.
    pub autoscaled_use: f64,
}

/// Compares on-demand, fixed counts and an autoscaled count.
pub fn advise(demand: &Demand, autoscaler: (&'static Entry, Row), settings: &Settings, prices: &Prices) -> Advice {
    let fixed = ["static-p99.9", "static-peak", "on-demand"].into_iter().filter_map(find);
    let shard_minute = prices.0.get("kinesis.shardHour").copied().unwrap_or(0.0) / 60.0;
    let mut choices: Vec<Choice> = std::iter::once(autoscaler)
        .chain(fixed)
        .map(|contender| {
            // The bound of a schedule is not needed for money.
            let (score, _) = Score::of(contender, demand, settings, 1.0, prices);
            let months = score.totals.days * 24.0 / MONTH_HOURS;
            let throttled = settings.price * score.totals.throttled * score.totals.demand * shard_minute;
            let (month, worth) = (score.bill.total() / months, (score.bill.total() + throttled) / months);
            Choice { score, month, worth }
        })
        .collect();
    let scaled = choices[0].score.totals.clone();
    choices.sort_by(|a, b| a.worth.total_cmp(&b.worth));
    Advice {
        break_even_use: break_even(demand, scaled.mean_shards, prices),
        autoscaled_use: 1.0 - scaled.slack,
        choices,
    }
}

/// The mean use at which `shards` provisioned shards cost as much as on-demand for the same records.
fn break_even(demand: &Demand, shards: f64, prices: &Prices) -> f64 {
    let full = Demand { start: 0, load: vec![shards.max(1.0); 60], bytes_per_record: demand.bytes_per_record };
    let totals =
        super::Totals { days: 1.0 / 24.0, shard_minutes: 60.0 * shards, demand: full.total(), ..Default::default() };
    let bill = |name: &str| find(name).map(|(entry, _)| super::Bill::of(entry, &totals, &full, prices));
    let (Some(on_demand), Some(provisioned)) = (bill("on-demand"), bill("static-peak")) else { return 0.0 };
    let hour = prices.0.get("kinesis.onDemandStreamHour").copied().unwrap_or(0.0);
    // Both grow with the use but for the stream-hour and the shard-hours.
    let by_use = (on_demand.capacity - hour) - provisioned.payload;
    if by_use > 0.0 { ((provisioned.capacity - hour) / by_use).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::price_table;

    fn demand(load: f64) -> Demand {
        Demand { start: 0, load: vec![load; 2880], bytes_per_record: 1024.0 }
    }

    #[test]
    fn steady_traffic_is_provisioned_and_idle_streams_break_even_as_computed() {
        let hpa = find("hpa").unwrap();
        let advice = advise(&demand(10.0), hpa, &Settings::default(), &price_table());
        assert_eq!(advice.choices[3].score.entry.name, "on-demand");
        // A full shard-hour moves 3.433 GiB: $0.412 on demand; $0.0504 payload units. 14 or 15 shards carry the stream-hour.
        assert!((advice.break_even_use - (0.015 - 0.04 / 14.3) / (0.412 - 0.0504)).abs() < 0.002, "{advice:?}");
        assert!(advice.autoscaled_use > 0.6);
    }

    #[test]
    fn who_throttles_much_is_not_cheap() {
        // Two days of nothing with a burst each hour: a count that follows throttles, and a strict user pays for it.
        let mut bursts = demand(0.02);
        bursts.load.iter_mut().step_by(60).for_each(|load| *load = 30.0);
        let strict = Settings { price: 1e6, ..Settings::default() };
        let advice = advise(&bursts, find("hpa").unwrap(), &strict, &price_table());
        assert_eq!(advice.choices[0].score.totals.throttled, 0.0);
    }
}
