use serde::Serialize;

use super::bill::Bill;
use super::demand::Demand;
use super::registry::Entry;
use super::run::{Run, Settings};
use super::totals::Totals;
use crate::model::Prices;
use crate::scale::baseline::{Row, clairvoyant};

/// The prices of a throttled record by which policies are compared: thrifty, balanced, strict.
pub const PRICES: [f64; 3] = [10.0, 100.0, 1000.0];
/// The prices at which a policy that listens to them is run: those, and enough between and beyond them for a curve.
pub const CURVE: [f64; 7] = [3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0];

/// The figures of one policy on one demand.
#[derive(Clone, Debug)]
pub struct Score {
    pub entry: &'static Entry,
    pub row: Row,
    pub totals: Totals,
    pub bill: Bill,
    /// The least that any schedule can cost that throttles nothing, in shard-minutes.
    pub bound: f64,
}

/// What [`Score`] says in numbers, for files.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub policy: &'static str,
    pub usd: f64,
    pub cost_over_bound: f64,
    #[serde(flatten)]
    pub totals: Totals,
    /// Cost and throttled load at the price, over the bound; by price.
    pub j10: f64,
    pub j100: f64,
    pub j1000: f64,
}

/// The bound of a demand; the same for all policies, so it is computed once.
pub fn bound(demand: &Demand) -> f64 {
    clairvoyant::bound(&demand.load, f64::INFINITY, &clairvoyant::OFFSETS, clairvoyant::AWS)
}

impl Score {
    /// Runs an entry and keeps its figures.
    pub fn of(
        (entry, row): (&'static Entry, Row),
        demand: &Demand,
        settings: &Settings,
        bound: f64,
        prices: &Prices,
    ) -> (Self, Run) {
        let run = entry.run(row, demand, settings);
        let totals = Totals::of(&run);
        let bill = Bill::of(entry, &totals, demand, prices);
        (Self { entry, row, totals, bill, bound }, run)
    }

    pub fn cost_ratio(&self) -> f64 {
        self.bill.shard_minutes / self.bound
    }

    /// `J`: capacity and throttled load at a price, over the bound.
    pub fn loss_ratio(&self, price: f64) -> f64 {
        self.bill.loss(&self.totals, price) / self.bound
    }

    pub fn figures(&self) -> Figures {
        Figures {
            policy: self.entry.name,
            usd: self.bill.total(),
            cost_over_bound: self.cost_ratio(),
            totals: self.totals.clone(),
            j10: self.loss_ratio(PRICES[0]),
            j100: self.loss_ratio(PRICES[1]),
            j1000: self.loss_ratio(PRICES[2]),
        }
    }
}

/// The geometric mean: a ratio of two counts as much as one of a half. 0 where there is nothing.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value.max(f64::MIN_POSITIVE).ln();
        count += 1.0;
    }
    if count > 0.0 { (sum / count).exp() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{registry, synthetic};

    #[test]
    fn nobody_who_throttles_nothing_is_below_the_bound() {
        for (_, kind, _) in &synthetic::KINDS[1..7] {
            let demand = synthetic::synthetic(*kind, 4.0, 1, 29_000_000, 5);
            let bound = bound(&demand);
            for entry in registry::ENTRIES {
                let settings = Settings::default();
                let (score, _) = Score::of((entry, Row::Spec), &demand, &settings, bound, &crate::plan::price_table());
                // With a price of 1e12 whoever throttles anything pays more than any capacity.
                assert!(score.loss_ratio(1e12) >= 1.0 - 1e-9, "{} on {kind:?}", entry.name);
            }
        }
    }

    #[test]
    fn means_are_geometric() {
        assert!((geometric_mean([1.0, 4.0].into_iter()) - 2.0).abs() < 1e-12);
        assert_eq!(geometric_mean(std::iter::empty()), 0.0);
    }
}
