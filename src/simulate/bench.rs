//! The benchmark: every policy over every case, and what the figures say together.

use std::collections::BTreeMap;

use super::demand::Demand;
use super::registry::Entry;
use super::run::Settings;
use super::score::{CURVE, PRICES, Score, geometric_mean};
use crate::local::Profile;
use crate::model::Prices;
use crate::scale::baseline::Row;

/// A trace at a level; its demand has this bound.
#[derive(Clone, Debug)]
pub struct Case {
    pub trace: String,
    pub n99: f64,
    /// Minutes between the values of the trace.
    pub step: usize,
    pub demand: Demand,
    pub bound: f64,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Line {
    pub trace: String,
    pub n99: f64,
    pub step: usize,
    pub profile: Profile,
    /// The price that the policy was told, where it listens.
    pub price: Option<f64>,
    pub score: Score,
}

/// A policy in one of its rows.
pub type Contender = (&'static Entry, Row);

/// Runs the contenders over a case under each profile.
pub fn lines(
    case: &Case,
    profiles: &[Profile],
    contenders: &[Contender],
    settings: &Settings,
    prices: &Prices,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for profile in profiles.iter().copied() {
        for (entry, row) in contenders.iter().copied() {
            let told: Vec<Option<f64>> = match settings.inputs.bound {
                None if entry.priced => CURVE.map(Some).to_vec(),
                // A bound finds its price by itself, so one run says all.
                Some(_) if entry.priced => vec![Some(settings.price)],
                _ => vec![None],
            };
            for price in told {
                let settings = Settings { profile, price: price.unwrap_or(settings.price), ..settings.clone() };
                let (score, _) = Score::of((entry, row), &case.demand, &settings, case.bound, prices);
                lines.push(Line { trace: case.trace.clone(), n99: case.n99, step: case.step, profile, price, score });
            }
        }
    }
    lines
}

/// Means over cases: ratios geometric, the rest arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub policy: &'static str,
    pub title: &'static str,
    pub row: String,
    /// The price at which the figures other than J hold, where there is one.
    pub price: Option<f64>,
    pub cases: usize,
    pub cost: f64,
    pub throttled: f64,
    pub throttled_minutes: f64,
    /// By [`PRICES`]; `None` where the row was chosen for another price.
    pub loss: [Option<f64>; 3],
    pub calls: f64,
    pub operations: f64,
    /// Calls that AWS would have refused, a day.
    pub refused: f64,
}

fn mean<'a>(lines: &[&'a Line], of: impl Fn(&'a Score) -> f64) -> f64 {
    lines.iter().map(|line| of(&line.score)).sum::<f64>() / lines.len().max(1) as f64
}

fn summary(lines: &[&Line], row: String, price: Option<f64>, loss: [Option<f64>; 3]) -> Option<Summary> {
    let first = lines.first()?;
    Some(Summary {
        policy: first.score.entry.name,
        title: first.score.entry.title,
        row,
        price,
        cases: lines.len(),
        cost: geometric_mean(lines.iter().map(|line| line.score.cost_ratio())),
        throttled: mean(lines, |score| score.totals.throttled),
        throttled_minutes: mean(lines, |score| score.totals.throttled_minutes_a_day),
        loss,
        calls: mean(lines, |score| score.totals.calls_a_day),
        operations: mean(lines, |score| score.totals.operations_a_day),
        refused: mean(lines, |score| f64::from(score.totals.refused) / score.totals.days),
    })
}

fn loss_at(lines: &[&Line], price: f64) -> f64 {
    geometric_mean(lines.iter().map(|line| line.score.loss_ratio(price)))
}

/// One summary for each policy and row in the order of the lines; a policy that listens to the price has one for each.
pub fn summaries(lines: &[&Line], row_name: impl Fn(Row) -> &'static str) -> Vec<Summary> {
    let mut groups: Vec<(&'static str, Row, Option<f64>, Vec<&Line>)> = Vec::new();
    for line in lines.iter().filter(|line| !matches!(line.score.row, Row::Tuned(_))) {
        let (name, row) = (line.score.entry.name, line.score.row);
        match groups.iter_mut().find(|group| (group.0, group.1, group.2) == (name, row, line.price)) {
            Some(group) => group.3.push(line),
            None => groups.push((name, row, line.price, vec![line])),
        }
    }
    let told = |(_, row, price, lines): &(_, Row, Option<f64>, Vec<&Line>)| {
        let loss = PRICES.map(|at| price.is_none_or(|told| told == at).then(|| loss_at(lines, at)));
        summary(lines, row_name(*row).to_owned(), *price, loss)
    };
    groups.iter().filter_map(told).collect()
}

/// For each tunable policy and price: on each trace the setting that was best on the other traces. What a peer could
/// reach if somebody tuned it without knowing the trace.
pub fn tuned(lines: &[&Line]) -> Vec<Summary> {
    let mut by_policy: BTreeMap<&'static str, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| matches!(line.score.row, Row::Tuned(_))) {
        by_policy.entry(line.score.entry.name).or_default().push(line);
    }
    let mut found = Vec::new();
    for lines in by_policy.values() {
        for (at, price) in PRICES.into_iter().enumerate() {
            let chosen = leave_one_out(lines, price);
            let mut loss = [None; 3];
            loss[at] = Some(loss_at(&chosen, price));
            found.extend(summary(&chosen, "tuned, trace left out".to_owned(), Some(price), loss));
        }
    }
    found
}

fn leave_one_out<'a>(lines: &[&'a Line], price: f64) -> Vec<&'a Line> {
    let mut settings: Vec<Row> = Vec::new();
    let mut traces: Vec<&str> = Vec::new();
    for line in lines {
        if !settings.contains(&line.score.row) {
            settings.push(line.score.row);
        }
        if !traces.contains(&line.trace.as_str()) {
            traces.push(&line.trace);
        }
    }
    // The sum of logarithms by setting and trace, so that leaving one out is a subtraction.
    let sum = |row: Row, trace: &str| -> f64 {
        let own = lines.iter().filter(|line| line.score.row == row && line.trace == trace);
        own.map(|line| line.score.loss_ratio(price).ln()).sum()
    };
    let sums: Vec<Vec<f64>> =
        settings.iter().map(|row| traces.iter().map(|trace| sum(*row, trace)).collect()).collect();
    let mut chosen = Vec::new();
    for (at, trace) in traces.iter().enumerate() {
        let others = |of: &[f64]| of.iter().sum::<f64>() - of[at];
        let best = sums.iter().enumerate().min_by(|(_, a), (_, b)| others(a).total_cmp(&others(b)));
        let row = best.map(|(place, _)| settings[place]);
        chosen.extend(lines.iter().copied().filter(|line| Some(line.score.row) == row && line.trace == *trace));
    }
    chosen
}

/// The cheapest of a policy's runs on each case that throttles at most a share, in any row: how many cases it can do, and
/// the mean cost over the bound there.
pub fn cheapest_below(lines: &[&Line], share: f64) -> Vec<(&'static str, usize, usize, f64)> {
    let mut best: BTreeMap<&'static str, BTreeMap<String, f64>> = BTreeMap::new();
    let mut order: Vec<&'static str> = Vec::new();
    for line in lines {
        let name = line.score.entry.name;
        if !order.contains(&name) {
            order.push(name);
        }
        let cases = best.entry(name).or_default();
        let case = cases.entry(format!("{} {} {:?}", line.trace, line.n99, line.profile)).or_insert(f64::INFINITY);
        if line.score.totals.throttled <= share {
            *case = case.min(line.score.cost_ratio());
        }
    }
    let told = |name: &'static str| {
        let cases = &best[name];
        let reached: Vec<f64> = cases.values().copied().filter(|cost| cost.is_finite()).collect();
        (name, reached.len(), cases.len(), geometric_mean(reached.iter().copied()))
    };
    order.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::baseline::Tuning;
    use crate::simulate::{registry, synthetic};

    fn all() -> Vec<Line> {
        let (hpa, _) = registry::find("hpa").unwrap();
        let tight = Row::Tuned(Tuning { high: -0.3, ..Tuning::default() });
        let loose = Row::Tuned(Tuning { high: 0.2, ..Tuning::default() });
        let contenders = [(hpa, Row::Spec), (hpa, tight), (hpa, loose)];
        let case = |trace: &str, kind| {
            let demand = synthetic::synthetic(kind, 6.0, 2, 0, 1);
            Case { trace: trace.to_owned(), n99: 4.0, step: 1, bound: 1000.0, demand }
        };
        let cases = [case("a", synthetic::Kind::Diurnal), case("b", synthetic::Kind::Sawtooth)];
        let prices = crate::plan::price_table();
        let run = |case: &Case| lines(case, &[Profile::Fast], &contenders, &Settings::default(), &prices);
        cases.iter().flat_map(run).collect()
    }

    #[test]
    fn tuning_never_looks_at_the_trace_that_it_is_judged_by() {
        let lines = all();
        let lines: Vec<&Line> = lines.iter().collect();
        let tuned: Vec<&Line> = lines.iter().copied().filter(|line| matches!(line.score.row, Row::Tuned(_))).collect();
        for line in leave_one_out(&tuned, 1000.0) {
            // With two traces, the setting is the best one of the other trace.
            let other = tuned.iter().filter(|other| other.trace != line.trace);
            let best = other.min_by(|a, b| a.score.loss_ratio(1000.0).total_cmp(&b.score.loss_ratio(1000.0)));
            assert_eq!(best.unwrap().score.row, line.score.row);
        }
        assert_eq!(super::tuned(&lines).len(), 3);
    }

    #[test]
    fn summaries_are_by_policy_and_row() {
        let lines = all();
        let lines: Vec<&Line> = lines.iter().collect();
        let found = summaries(&lines, |_| "spec bounds");
        assert_eq!((found.len(), found[0].policy, found[0].cases), (1, "hpa", 2));
        let [ten, _, thousand] = found[0].loss.map(Option::unwrap);
        assert!(found[0].cost <= ten && ten <= thousand);
        let cheapest = cheapest_below(&lines, 1.0);
        assert_eq!((cheapest[0].1, cheapest[0].2), (2, 2));
        assert_eq!(cheapest_below(&lines, -1.0)[0].1, 0);
    }
}
