//! Every policy that can be named. **One more policy = one more line in [`ENTRIES`].**

use super::demand::Demand;
use super::on_demand;
use super::plant::Actuator;
use super::run::{Run, Settings, run};
use super::sums::percentile;
use crate::scale::baseline::{
    Row, Tuning, aas_sample::AasSample, adaptavist::adaptavist, awslabs, doubling::doubling, ds2::Ds2,
    epsagon::Epsagon, fixed, flower::Flower, hpa::Hpa, on_demand::OnDemand, substation::Substation, xaxis::Xaxis,
};
use crate::scale::{Guarded, Policy, Tidegate};

/// How a way to size a stream is run.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Asks for shard counts.
    Policy(fn(Row) -> Box<dyn Policy>, Actuator),
    /// A count chosen with knowledge of the whole demand.
    Fixed(fixed::Choice),
    /// A capacity that AWS manages, paid by the gigabyte.
    OnDemand(Mode),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Standard,
    /// Advantage, with the 99th percentile of the demand as warm throughput: knows the demand.
    Warm,
}

/// One line of the table.
#[derive(Debug)]
pub struct Entry {
    /// Short name of a baseline: B1 … B10.
    pub id: &'static str,
    /// Its name on the command line.
    pub name: &'static str,
    pub title: &'static str,
    /// What `:shipped` changes; `None`: there is no such row.
    pub shipped: Option<&'static str>,
    pub tunable: bool,
    /// It decides by what the user says a throttled record is worth, so each price is a run of its own.
    pub priced: bool,
    pub kind: Kind,
}

/// A line for somebody who asks for shard counts by UpdateShardCount.
const fn policy(id: &'static str, name: &'static str, title: &'static str, make: fn(Row) -> Box<dyn Policy>) -> Entry {
    Entry { id, name, title, shipped: None, tunable: true, priced: false, kind: Kind::Policy(make, Actuator::Resize) }
}

const fn by(actuator: Actuator, entry: Entry) -> Entry {
    match entry.kind {
        Kind::Policy(make, _) => Entry { kind: Kind::Policy(make, actuator), ..entry },
        _ => entry,
    }
}

const fn shipped(differs: &'static str, entry: Entry) -> Entry {
    Entry { shipped: Some(differs), ..entry }
}

const fn given(id: &'static str, name: &'static str, title: &'static str, kind: Kind) -> Entry {
    Entry { id, name, title, shipped: None, tunable: false, priced: false, kind }
}

/// All of them, in the order of tables. The first one is the default. One that decides by the price stands here as
/// `Entry { priced: true, tunable: false, ..policy(…) }`.
pub static ENTRIES: &[Entry] = &[
    Entry {
        priced: true,
        tunable: false,
        ..policy("T", "tidegate", "ours: a council of rules, each judged by its shadow", |_| {
            Box::new(Guarded(Tidegate::new()))
        })
    },
    policy("B10", "ds2", "Flink's autoscaler (DS2), our port", |row| Box::new(Ds2::new(row))),
    policy("B9", "hpa", "Kubernetes HPA, our port", |row| Box::new(Hpa::new(row))),
    by(
        Actuator::ResizeOrSweep,
        shipped(
            "1 to 16 shards",
            policy("B1", "awslabs-count", "awslabs kinesis-scaling-utils, ±1 shard", |row| {
                Box::new(awslabs::Awslabs::new(row, awslabs::Step::One))
            }),
        ),
    ),
    by(
        Actuator::ResizeOrSweep,
        shipped(
            "1 to 16 shards",
            policy("B1b", "awslabs-percent", "awslabs kinesis-scaling-utils, +50 % and −25 %", |row| {
                Box::new(awslabs::Awslabs::new(row, awslabs::Step::Percent))
            }),
        ),
    ),
    shipped(
        "no maximum",
        policy("B2", "aws-samples", "aws-samples kinesis-auto-scaling", |row| Box::new(doubling(row, false))),
    ),
    policy("B2r", "aws-samples-rounded", "the same, halves rounded up", |row| Box::new(doubling(row, true))),
    shipped(
        "thresholds 0.75 % and 0.25 %, maximum 5 × minimum",
        policy("B2a", "adaptavist", "Adaptavist's fork of it", |row| Box::new(adaptavist(row))),
    ),
    shipped(
        "1 to 8 shards",
        policy("B3", "aas-sample", "aws-samples Application Auto Scaling", |row| Box::new(AasSample::new(row))),
    ),
    shipped("no bounds", policy("B4", "epsagon", "Epsagon kinesis-autoscaler", |row| Box::new(Epsagon::new(row)))),
    shipped("no bounds", policy("B5", "substation", "Brex Substation", |row| Box::new(Substation::new(row)))),
    by(
        Actuator::SplitMerge,
        shipped(
            "1 to 50 shards",
            policy("B6", "xaxis", "xaxis amazon-kinesis-scaling", |row| Box::new(Xaxis::new(row))),
        ),
    ),
    by(
        Actuator::SplitMerge,
        policy("B7", "flower", "Flower, our gains, by splits and merges", |row| Box::new(Flower::new(row, false))),
    ),
    policy("B7u", "flower-counted", "Flower, our gains, by UpdateShardCount", |row| Box::new(Flower::new(row, true))),
    given("B0", "static-p99.9", "fixed at p99.9 / 0.8, knows the future", Kind::Fixed(fixed::Choice::P999)),
    given("B0o", "static-peak", "fixed at peak / 0.8, knows the future", Kind::Fixed(fixed::Choice::Peak)),
    given("B0p", "static-p99", "fixed at p99, knows the future", Kind::Fixed(fixed::Choice::P99)),
    given("B8", "on-demand", "AWS on-demand", Kind::OnDemand(Mode::Standard)),
    given("B8w", "on-demand-warm", "AWS on-demand Advantage, warm at p99", Kind::OnDemand(Mode::Warm)),
];

/// What a person may type for a policy: its name or id, and `:shipped` behind it.
pub fn find(name: &str) -> Option<(&'static Entry, Row)> {
    let (name, row) = match name.strip_suffix(":shipped") {
        Some(name) => (name, Row::Shipped),
        None => (name, Row::Spec),
    };
    let entry = ENTRIES.iter().find(|entry| entry.name == name || entry.id.eq_ignore_ascii_case(name))?;
    (row != Row::Shipped || entry.shipped.is_some()).then_some((entry, row))
}

impl Entry {
    /// Runs it over a demand.
    pub fn run(&self, row: Row, demand: &Demand, settings: &Settings) -> Run {
        // The first of the list is ours, and no other knows of factors.
        let lambda = settings.lambda.map(|lambda| if self.name == ENTRIES[0].name { lambda } else { lambda.untuned() });
        let settings = &Settings { lambda, ..settings.clone() };
        match self.kind {
            Kind::Policy(make, actuator) => run(demand, &mut *make(row), &Settings { actuator, ..settings.clone() }),
            Kind::Fixed(choice) => {
                let shards = choice.shards(|share| percentile(&demand.load, share));
                let start = Some(shards.clamp(settings.bounds.min, settings.bounds.max));
                run(demand, &mut fixed::Fixed, &Settings { start, ..settings.clone() })
            }
            Kind::OnDemand(Mode::Standard) => on_demand::run(demand, OnDemand::standard(), settings.burst),
            Kind::OnDemand(Mode::Warm) => {
                on_demand::run(demand, OnDemand::warm(percentile(&demand.load, 0.99)), settings.burst)
            }
        }
    }

    /// The settings that tuning tries: ten points around the thresholds, or for those that steer to a target, every target
    /// from 30 to 80 %.
    pub fn grid(&self) -> Vec<Tuning> {
        let steers = matches!(self.name, "ds2" | "hpa" | "flower" | "flower-counted");
        if !steers {
            return Tuning::grid();
        }
        let targets = [-0.4, -0.3, -0.2, -0.1, 0.0, 0.1];
        let at = |high: f64| [0.5, 1.0, 2.0].map(|windows| Tuning { high, low: 0.0, windows });
        targets.into_iter().flat_map(at).collect()
    }

    /// Whether a shard timeline can be written: on-demand streams have no shards to count.
    pub fn has_shards(&self) -> bool {
        !matches!(self.kind, Kind::OnDemand(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for entry in ENTRIES {
            for name in [entry.name, entry.id] {
                assert!(std::ptr::eq(find(name).unwrap().0, entry), "{name}");
            }
        }
        assert_eq!(find("b5:shipped").unwrap().1, Row::Shipped);
        assert!(find("hpa:shipped").is_none() && find("nobody").is_none());
    }

    /// A day that climbs to thirty shards and comes back, then a quiet one.
    fn two_days() -> Demand {
        let load = (0..2880).map(|minute| {
            let wave = (f64::from(minute % 1440) / 1440.0 * std::f64::consts::TAU).cos();
            if minute < 1440 { 16.0 - 14.0 * wave } else { 2.0 }
        });
        Demand { start: 0, load: load.collect(), bytes_per_record: 1024.0 }
    }

    #[test]
    fn every_one_of_them_follows_a_day_in_every_row() {
        let demand = two_days();
        for entry in ENTRIES {
            for row in [Row::Spec, Row::Shipped, Row::Tuned(crate::scale::baseline::Tuning::default())] {
                let run = entry.run(row, &demand, &Settings::default());
                assert_eq!(run.minutes.len(), 2880);
                assert_eq!(run, entry.run(row, &demand, &Settings::default()), "{} is deterministic", entry.name);
                let counted = !matches!(entry.kind, Kind::Policy(..));
                assert!(counted || !run.decisions.is_empty(), "{} decides something", entry.name);
                let most = crate::simulate::Totals::of(&run).calls_max_in_24_h;
                assert!(most <= 10, "{}: {most} calls", entry.name);
            }
        }
    }
}
