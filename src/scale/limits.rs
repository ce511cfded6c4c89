//! The counts that are allowed now, and why.

use super::reshard::{Pace, reach, splits};
use super::{Care, Floor, Notice, Proposal, View};

/// Metrics are known about so many minutes after they happened; a floor is ready that much earlier.
const METRIC_DELAY: i64 = 3;

/// The lowest and the highest count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub min: u32,
    pub max: u32,
    /// What raises the lowest count above the spec's.
    pub floor: Option<Floor>,
    /// What the month's money pays for, if that is less than the spec's highest count. More than that may be open.
    pub paid: Option<u32>,
}

impl Limits {
    /// The spec's bounds, raised by the floors that hold or will hold by the time a change started now serves, and cut by the
    /// budget. Floors outrank the budget: both are the user's word, and the floor is the one with a date. So do the shards
    /// that are open: the budget ends growth, and it throttles nobody whose load is served.
    pub fn of(view: &View<'_>) -> Self {
        let least = view.bounds.min.max(1);
        let most = view.bounds.max.max(least);
        let inputs = view.inputs;
        let mut floor: Option<Floor> = None;
        if !inputs.floors.is_empty() {
            let pace = Pace::learned(view.resizes);
            let lead = |floor: &Floor| {
                pace.minutes_to(view.shards, floor.min().clamp(view.shards, most.max(view.shards))) + METRIC_DELAY
            };
            let holding = inputs.floors.iter().copied().filter(|floor| floor.holds(view.now, lead(floor)));
            floor = holding.filter(|floor| floor.min() > least).max_by_key(|floor| floor.min());
        }
        let min = floor.map_or(least, |floor| floor.min().min(most));
        let paid = inputs.budget.map(|budget| budget.ceiling(least)).filter(|paid| *paid < most);
        let ceiling = |paid: u32| paid.max(view.shards).clamp(min, most);
        Self { min, max: paid.map_or(most, ceiling), floor, paid }
    }

    /// What the user has to hear of them, where so many shards are open.
    pub fn notices(&self, shards: u32, proposal: &Proposal) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some(paid) = self.paid {
            let stays = proposal.shards.min(shards);
            if proposal.shards > self.max {
                notices.push(Notice::BudgetBinds { wanted: proposal.shards, ceiling: paid });
            } else if stays > paid.max(self.min) {
                notices.push(Notice::LoadOverBudget { shards: stays, ceiling: paid });
            }
            if self.floor.is_some() && self.min > paid {
                notices.push(Notice::FloorOverBudget { floor: self.min, ceiling: paid });
            }
        }
        notices
    }
}

/// The count nearest to `wanted`, on its way from `shards`, whose short-lived shards have room; `shards` if there is none.
/// Growing takes the most that fits, shrinking the fewest.
pub fn fitting(shards: u32, wanted: u32, room: u32) -> u32 {
    let (least, most) = reach(shards);
    let fits = |count: &u32| splits(shards, *count) <= room;
    if wanted > shards {
        (shards + 1..=wanted.min(most)).rev().find(fits).unwrap_or(shards)
    } else {
        (wanted.max(least)..shards).find(fits).unwrap_or(shards)
    }
}

/// Why the breaker is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Runaway {
    /// It grew within an hour far beyond its load: it grows no further.
    Grew { from: u32, to: u32, load: f64 },
    /// It went up and down: it rests.
    Swings { times: usize },
}

impl std::fmt::Display for Runaway {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Grew { from, to, load } => {
                write!(out, "it grew from {from} to {to} shards within an hour, and the load fills {load:.0}")
            }
            Self::Swings { times } => write!(out, "it changed direction {times} times within two hours"),
        }
    }
}

/// Whether the stream ran away.
pub fn runaway(view: &View<'_>, care: &Care) -> Option<Runaway> {
    let recent = |minutes: i64| view.resizes.iter().filter(move |resize| resize.called > view.now - minutes);
    let before = recent(60).map(|resize| resize.from).min().unwrap_or(view.shards);
    let newest = view.window.newest()?;
    let load = (newest - 4..=newest)
        .filter_map(|minute| {
            let sample = view.window.at(minute);
            sample.accepted.map(|accepted| accepted + sample.rejected.unwrap_or(0.0))
        })
        .reduce(f64::max);
    let grew = view.shards >= before.saturating_mul(care.runaway.max(2));
    if let Some(load) = load.filter(|load| grew && *load < f64::from(view.shards) / 4.0) {
        return Some(Runaway::Grew { from: before, to: view.shards, load });
    }
    // What somebody else does is no swing of ours: for that there is the end of a fight.
    let ours = recent(120).filter(|resize| !resize.foreign);
    let ups: Vec<bool> = ours.map(|resize| resize.to > resize.from).collect();
    let times = ups.windows(2).filter(|pair| pair[0] != pair[1]).count();
    (times >= care.reversals.max(1)).then_some(Runaway::Swings { times })
}
