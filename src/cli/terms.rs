//! What a stream's `scaling` block says, as the functions that decide take it: for a real stream and for a simulated one.

use crate::kinds::stream::{Quiet, Scheduled, StreamSpec};
use crate::model::Prices;
use crate::model::units::Span;
use crate::scale::{self, Floor, Inputs, Money};

/// The terms under which a stream is sized, besides its bounds.
pub struct Terms {
    /// What a throttled record is worth, in units of the capacity that would have carried it.
    pub price: f64,
    /// The bound on throttled records, floors and hours without shrinking.
    pub inputs: Inputs,
    pub money: Option<Money>,
}

impl Terms {
    pub fn of(stream: &StreamSpec, prices: &Prices) -> Self {
        let scaling = stream.scaling.clone().unwrap_or_default();
        let minutes = |span: Span| i64::try_from(span.seconds() / 60).unwrap_or(i64::MAX);
        let floor = |one: &Scheduled| Floor::Schedule { at: one.at, minutes: minutes(one.lasts), min: one.min };
        let quiet = |one: &Quiet| scale::Quiet { at: one.at, minutes: minutes(one.lasts) };
        let inputs = Inputs {
            bound: scaling.objective.bound(),
            floors: scaling.schedule.iter().map(floor).collect(),
            no_shrink: scaling.no_shrink.iter().map(quiet).collect(),
            ..Inputs::default()
        };
        let dollars_a_shard_hour = stream.shard_hour(prices);
        let money = scaling.budget.map(|dollars| Money { dollars: f64::from(dollars), dollars_a_shard_hour });
        Self { price: scaling.objective.price(), inputs, money }
    }
}
