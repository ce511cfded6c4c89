//! Many rules, one answer: each rule runs a shadow of the stream, and the cheaper its shadow, the more its voice counts.

use super::history::{SUSTAINED, Signs, WINDOWS};
use super::reshard::{Pace, RUNG, rung};
use super::rule::Rule;
use super::shadow::{Shadow, Terms};
use std::collections::VecDeque;

/// A rule and what training says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    pub rule: Rule,
    /// Mean over the training streams of cost / cost of the best member − 1, at the prices 10, 100, 1000.
    pub prior: [f64; 3],
}

impl Member {
    /// A row of the table: growing, what has to last, the window, shrinking, the floors, the prior.
    pub const fn new(
        [grow_above, grow_to, foresee]: [f64; 3],
        sustained: usize,
        window: usize,
        [shrink_to, saving, scarcity]: [f64; 3],
        floor: usize,
        floor_to: f64,
        prior: [f64; 3],
    ) -> Self {
        let rule =
            Rule { grow_above, grow_to, foresee, sustained, window, shrink_to, saving, scarcity, floor, floor_to };
        Self { rule, prior }
    }
}

/// How a council weighs its members; one set of values for every stream and price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temper {
    /// How fast trust falls with cost at price 100: a rule that cost 10 % more than the best has e^(−0.1·eagerness) of its
    /// weight. The dearer a rejected record, the more a bill is chance, and the slower trust falls: with the root of the price.
    pub eagerness: f64,
    /// Days of evidence that the training counts for.
    pub prior_days: f64,
    /// Half-life of evidence, in days.
    pub half_life_days: f64,
    /// The share of the weight that has to want less than the answer.
    pub quantile: f64,
}

impl Default for Temper {
    fn default() -> Self {
        Self { eagerness: 15.0, prior_days: 1.0, half_life_days: 10.0, quantile: 0.5 }
    }
}

/// What the clock foretells is followed while the trust in those who follow it is at least this share of that in those who do not.
/// Below 1, since shards are paid before the rise shows that they were needed.
const TIMELY: f64 = 0.9;
/// Signs that are kept: metrics are at most so many minutes old when a rule of a shadow looks at them.
const LONGEST_DELAY: usize = 10;
/// After so many minutes without any, no call of before counts.
const LONG_AGO: i64 = 1440;
/// Weights are worked out anew so often, in minutes.
const REWEIGH: i64 = 5;

/// The shadows of all members and what they cost.
#[derive(Clone, Debug)]
struct Side {
    shadows: Vec<Shadow>,
    /// Faded sums of capacity and of throttled load, in shard-minutes.
    capacity: Vec<f64>,
    throttled: Vec<f64>,
    weights: Vec<f64>,
}

impl Side {
    fn new(count: usize, shards: u32) -> Self {
        Self {
            shadows: vec![Shadow::new(shards); count],
            capacity: vec![0.0; count],
            throttled: vec![0.0; count],
            weights: vec![1.0; count],
        }
    }

    fn costs(&self, price: f64) -> impl Iterator<Item = f64> {
        self.capacity.iter().zip(&self.throttled).map(move |(capacity, lost)| capacity + price * lost)
    }

    fn weight(&self) -> f64 {
        self.weights.iter().sum()
    }
}

/// The members, their shadows and their bills for one stream.
#[derive(Clone, Debug)]
pub struct Council {
    members: &'static [Member],
    temper: Temper,
    /// Who does not look at the clock.
    plain: Side,
    /// The same members, who do; from the first rise on that the clock foretold.
    timed: Option<Side>,
    /// The sum of what a minute weighs, in minutes.
    evidence: f64,
    /// What the last minutes said, oldest first.
    known: VecDeque<Signs>,
    weighed: Option<(i64, f64)>,
    /// The newest minute.
    watched: Option<i64>,
}

/// What the council wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vote {
    pub shards: u32,
    /// Shares of the weight that want more, and fewer, than the present count.
    pub more: f64,
    pub fewer: f64,
    /// The weightiest member that wants just this, or the weightiest of all.
    pub voice: Rule,
    pub weight: f64,
    /// The load that the clock foretells, where that was counted; 0 for none.
    pub coming: f64,
}

impl Council {
    pub fn new(members: &'static [Member], temper: Temper, shards: u32) -> Self {
        Self {
            members,
            temper,
            plain: Side::new(members.len(), shards),
            timed: None,
            evidence: 0.0,
            known: VecDeque::with_capacity(LONGEST_DELAY),
            weighed: None,
            watched: None,
        }
    }

    /// Every shadow serves one more minute, in which `load` shards were needed and after which `signs` were known.
    /// `delay` is how many minutes old metrics are when they are looked at.
    pub fn watch(&mut self, minute: i64, load: f64, signs: &Signs, calls_a_day: u32, (pace, delay): (&Pace, i64)) {
        let fade = 0.5f64.powf(1.0 / (self.temper.half_life_days * 1440.0));
        self.evidence = self.evidence * fade + 1.0;
        let known = self.known.len().checked_sub(delay.max(1) as usize).map(|at| &self.known[at]);
        let untimed = known.map(Signs::untimed);
        if self.timed.is_none() && signs.later > 0.0 {
            self.timed = Some(self.plain.clone());
        }
        let long_ago = self.watched.is_some_and(|last| minute > last + LONG_AGO);
        self.watched = Some(minute);
        let terms = Terms { calls_a_day, pace, nearest: rung, heeds: RUNG };
        for (side, known) in [(Some(&mut self.plain), untimed.as_ref()), (self.timed.as_mut(), known)] {
            let Some(side) = side else { continue };
            if long_ago {
                side.shadows.iter_mut().for_each(Shadow::forget_calls);
            }
            let bills = side.capacity.iter_mut().zip(&mut side.throttled);
            for ((shadow, member), (capacity, throttled)) in side.shadows.iter_mut().zip(self.members).zip(bills) {
                let bill = shadow.step(minute, load, &member.rule, known, &terms);
                *capacity = *capacity * fade + bill.capacity;
                *throttled = *throttled * fade + bill.throttled;
            }
        }
        if self.known.len() == LONGEST_DELAY {
            self.known.pop_front();
        }
        self.known.push_back(*signs);
    }

    /// Trust falls exponentially with a member's cost, relative to the cheapest member's.
    fn weigh(&mut self, minute: i64, price: f64) {
        if self.weighed.is_some_and(|(at, then)| minute < at + REWEIGH && then == price) {
            return;
        }
        self.weighed = Some((minute, price));
        let mut sides: Vec<&mut Side> = std::iter::once(&mut self.plain).chain(&mut self.timed).collect();
        let cheapest = sides.iter().flat_map(|side| side.costs(price)).fold(f64::INFINITY, f64::min);
        // A minute costs at least half a shard, so that a stream of no load at all divides by something.
        let scale = (cheapest / self.evidence.max(1.0)).max(0.5) * 1440.0;
        let days = self.evidence / 1440.0;
        let trained = self.temper.prior_days;
        let prior = prior(price);
        for side in &mut sides {
            let costs = side.capacity.iter().zip(&side.throttled).zip(self.members);
            for (weight, ((capacity, throttled), member)) in side.weights.iter_mut().zip(costs) {
                let cost = capacity + price * throttled;
                *weight = (cost / scale + trained * (1.0 + prior(member))) / (days + trained);
            }
        }
        let eagerness = self.temper.eagerness * (100.0 / price.max(1.0)).sqrt();
        let least = sides.iter().flat_map(|side| &side.weights).copied().fold(f64::INFINITY, f64::min);
        for weight in sides.iter_mut().flat_map(|side| &mut side.weights) {
            *weight = (-eagerness * (*weight - least)).exp();
        }
    }

    /// The weighted median of what the members want for the real stream: it moves only if half of the trust wants to.
    pub fn vote(&mut self, minute: i64, price: f64, signs: &Signs, shards: u32, used: f64) -> Vote {
        self.weigh(minute, price);
        let untimed = signs.untimed();
        let (weights, signs) = match &self.timed {
            Some(timed) if timed.weight() >= TIMELY * self.plain.weight() => (&timed.weights, signs),
            _ => (&self.plain.weights, &untimed),
        };
        let opinions: Vec<u32> =
            self.members.iter().map(|member| member.rule.opinion(signs, shards, || used)).collect();
        let total: f64 = weights.iter().sum();
        let (more, fewer) = sides(&opinions, weights, shards);
        let (more, fewer) = (more / total, fewer / total);
        let quantile = self.temper.quantile;
        // Most votes end here: nothing has to be sorted.
        let answer = if fewer < quantile && more <= 1.0 - quantile {
            shards
        } else {
            median(&opinions, weights, quantile * total)
        };
        let mut voices = (0..opinions.len()).filter(|at| opinions[*at] == answer);
        let first = voices.next().unwrap_or_default();
        let voice = voices.fold(first, |best, at| if weights[at] > weights[best] { at } else { best });
        Vote {
            shards: answer,
            more,
            fewer,
            voice: self.members[voice].rule,
            weight: weights[voice] / total,
            coming: signs.later,
        }
    }
}

/// The weights of those who want more than `shards`, and of those who want fewer.
fn sides(opinions: &[u32], weights: &[f64], shards: u32) -> (f64, f64) {
    // Adding nothing is sooner done than asking whether to add.
    let part = |counts: bool, weight: &f64| if counts { *weight } else { 0.0 };
    opinions.iter().zip(weights).fold((0.0, 0.0), |(more, fewer), (wanted, weight)| {
        (more + part(*wanted > shards, weight), fewer + part(*wanted < shards, weight))
    })
}

/// The lowest opinion that, with those below it, has so much weight.
fn median(opinions: &[u32], weights: &[f64], enough: f64) -> u32 {
    // Each opinion with its place behind it: whole numbers are sorted sooner than places by what stands there.
    let mut order: Vec<u64> = opinions.iter().zip(0u64..).map(|(wanted, at)| u64::from(*wanted) << 32 | at).collect();
    order.sort_unstable();
    let mut places = order.into_iter().map(|both| both as u32 as usize);
    let mut below = 0.0;
    let reached = places.find(|at| {
        below += weights[*at];
        below >= enough
    });
    reached.or(opinions.len().checked_sub(1)).map_or(1, |at| opinions[at])
}

/// The priors of members at a price between those of the training, along its logarithm.
fn prior(price: f64) -> impl Fn(&Member) -> f64 {
    let at = (price.max(1e-9).log10() - 1.0).clamp(0.0, 2.0);
    let below = (at as usize).min(1);
    let part = at - below as f64;
    move |member| member.prior[below] * (1.0 - part) + member.prior[below + 1] * part
}

impl std::fmt::Display for Rule {
    /// The rule as a person would say it.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "grow above {:.0} % use to {:.0} %{}, shrink to the highest of {} at {:.0} %",
            self.grow_above * 100.0,
            self.grow_to * 100.0,
            if SUSTAINED[self.sustained] > 1 {
                format!(" once it lasts {} min", SUSTAINED[self.sustained])
            } else {
                String::new()
            },
            span(WINDOWS[self.window]),
            self.shrink_to * 100.0,
        )
    }
}

fn span(minutes: usize) -> String {
    match minutes {
        0..120 => format!("{minutes} min"),
        120..1440 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{History, MEMBERS};

    #[test]
    fn the_council_follows_those_whose_shadows_are_cheap() {
        let mut council = Council::new(MEMBERS, Temper::default(), 20);
        let mut history = History::default();
        let mut signs = Signs::default();
        for minute in 0..3 * 1440 {
            signs = history.take(9.0);
            council.watch(minute, 9.0, &signs, 10, (&Pace::default(), 3));
        }
        // A load that never moves needs no margin that is worth its money, whatever a rejected record costs.
        let thrifty = council.vote(5000, 10.0, &signs, 20, 0.0).shards;
        let strict = council.vote(5000, 1000.0, &signs, 20, 0.0).shards;
        assert!((9..=12).contains(&thrifty) && (9..=18).contains(&strict) && thrifty <= strict, "{thrifty} {strict}");
    }

    #[test]
    fn priors_lie_between_those_of_the_training_prices() {
        let member = Member { prior: [0.1, 0.3, 0.9], ..MEMBERS[0] };
        let found = [1.0, 10.0, 31.622_776_601_683_8, 100.0, 1000.0, 1e6].map(|price| prior(price)(&member));
        for (found, expected) in found.into_iter().zip([0.1, 0.1, 0.2, 0.3, 0.9, 0.9]) {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }

    #[test]
    fn a_rule_says_what_it_does() {
        let rule = Rule { grow_above: 0.9, grow_to: 0.6, sustained: 2, window: 8, shrink_to: 0.65, ..MEMBERS[0].rule };
        assert_eq!(
            rule.to_string(),
            "grow above 90 % use to 60 % once it lasts 3 min, shrink to the highest of 4 h at 65 %"
        );
    }
}
