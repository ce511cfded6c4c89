//! What fan-out consumers read, and how far they are behind.

use super::sample::READ_BYTES;
use super::stream::Stream;
use crate::model::Delivered;
use crate::scale::{Consumer, Lag, Notice, Reads};

/// Milliseconds behind from which on a consumer catches up: what it reads then is not what it needs.
const BEHIND_MS: f64 = 120_000.0;

/// A fan-out consumer's name and its newest minutes.
pub type Delivery = (String, Vec<(i64, Delivered)>);

/// What the busiest consumer that keeps up read in this minute, in shards' read limits.
pub(super) fn fan_out(consumers: &[Delivery], minute: i64) -> Option<f64> {
    let of_minute = |(_, minutes): &Delivery| {
        let (_, delivered) = minutes.iter().find(|(at, _)| *at == minute)?;
        let keeps_up = delivered.behind_ms.is_some_and(|behind| behind <= BEHIND_MS);
        delivered.bytes.filter(|bytes| keeps_up && bytes.is_finite() && *bytes >= 0.0)
    };
    Reads::of(None, consumers.iter().map(of_minute)).fan_out.map(|bytes| bytes / READ_BYTES)
}

/// A consumer as the policies know it.
pub(super) fn consumer((name, minutes): &Delivery) -> Consumer {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite() && *value >= 0.0);
    let of = |(minute, delivered): &(i64, Delivered)| {
        let age = finite(delivered.behind_ms).map(|behind| behind / 60_000.0);
        (*minute, age, finite(delivered.bytes).map(|bytes| bytes / READ_BYTES))
    };
    Consumer::of(name.as_str(), &minutes.iter().map(of).collect::<Vec<_>>())
}

impl Stream {
    /// How far readers are behind, shared and fan-out ones alike.
    pub(super) fn lag(&self, rules: &super::Rules, minute: i64) -> Lag {
        Lag::of(&self.view(self.bounds, rules, minute, self.shards.unwrap_or(self.bounds.min)))
    }
}

/// The sentence for a consumer that stands still.
pub(super) fn dead(lag: &Lag) -> Option<String> {
    let (consumer, age_minutes) = lag.dead.first()?;
    Some(Notice::DeadConsumer { consumer: consumer.clone(), age_minutes: *age_minutes }.to_string())
}
