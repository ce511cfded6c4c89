//! One stream over time: shards, the change under way, AWS's daily ledger and the traffic.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::lambda::{self, Function};
use super::limits::DAY;
use super::plant::{self, Minute, Offer, Plant, Settings};
use super::shards::ShardMap;
use super::traffic::{Load, mix, mix_text};
use crate::model::units::Span;
use crate::model::{Attrs, Value, splits};

/// Open shards of a new on-demand stream (4 MB/s write; Kinesis guide, "Choosing the capacity mode").
pub const ON_DEMAND_SHARDS: u32 = 4;
/// An on-demand shard above 500 KB/s is split evenly within 15 minutes (Kinesis guide, "How do I size a stream").
const ON_DEMAND_SPLIT_BYTES: f64 = 500_000.0 * 60.0;
/// The same for records: no figure is published; half of the limit, as for bytes.
const ON_DEMAND_SPLIT_RECORDS: f64 = 500.0 * 60.0;
const ON_DEMAND_REACTION_MINUTES: i64 = 15;

/// How long resharding takes. Models, not AWS's data: AWS says "a few minutes".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// `U(10,30) + 60 + 0.6 * operations` seconds: splits and merges run side by side.
    #[default]
    Fast,
    /// `U(10,30) + 30 * operations / 8` seconds: eight at a time.
    Slow,
    /// `30 * operations` seconds: one after the other.
    Legacy,
}

impl Profile {
    /// Seconds until the new shards serve; `start` is the time until AWS begins, 10 to 30 s.
    pub fn seconds(self, operations: u32, start: f64) -> f64 {
        let operations = f64::from(operations);
        match self {
            Self::Fast => start + 60.0 + 0.6 * operations,
            Self::Slow => start + 30.0 * operations / 8.0,
            Self::Legacy => 30.0 * operations,
        }
    }
}

/// What a change leaves behind when it completes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    Active,
    Set(Attrs),
    Reshape(u32),
    Split { shard: String, at: String },
    Merge { shard: String, adjacent: String },
    Gone,
}

/// The one asynchronous change that a stream can have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// CREATING, UPDATING or DELETING.
    pub status: String,
    /// Seconds since 1970.
    pub until: i64,
    pub then: Then,
}

/// When the calls were made that AWS limits per rolling 24 hours, in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reshards: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mode_switches: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_changes: Vec<i64>,
}

impl Spent {
    fn forget(&mut self, now: i64) {
        for calls in [&mut self.reshards, &mut self.mode_switches, &mut self.key_changes] {
            calls.retain(|at| *at > now - DAY);
        }
    }
}

/// Load on a stream and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    pub load: Load,
    plant: Plant,
    /// The next minute to play, since 1970.
    next: i64,
    history: VecDeque<Minute>,
    /// On-demand shards and the minute in which AWS will split them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    splits: BTreeMap<u32, i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    pub shards: ShardMap,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    #[serde(default)]
    pub spent: Spent,
    /// Counts what was drawn, so that each duration is a draw of its own.
    #[serde(default)]
    pub draws: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Lambda functions among its readers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
}

/// What time needs to know to pass.
pub struct Passing<'a> {
    pub now: i64,
    pub settings: &'a Settings,
    /// Minutes of history that are kept.
    pub keep: usize,
    pub seed: u64,
}

impl Stream {
    pub fn new(shards: u32, now: i64) -> Self {
        Self {
            shards: ShardMap::new(shards, now),
            change: None,
            spent: Spent::default(),
            draws: 0,
            traffic: None,
            functions: vec![],
        }
    }

    /// A number from `from` to `to`, decided by the seed, the stream's name and how many were drawn before.
    pub fn draw(&mut self, seed: u64, name: &str, from: f64, to: f64) -> f64 {
        self.draws += 1;
        from + (to - from) * fastrand::Rng::with_seed(mix(mix_text(seed, name), self.draws)).f64()
    }

    /// Puts load on the stream from the minute of `now` on; earlier metrics are forgotten.
    pub fn offer(&mut self, load: Load, now: i64) {
        let plant = Plant::new(self.shards.open());
        let next = now.div_euclid(60);
        let traffic = Traffic { load, plant, next, history: VecDeque::new(), splits: BTreeMap::new() };
        self.traffic = Some(match self.traffic.take() {
            Some(old) => Traffic { plant: old.plant, next: old.next.max(next), history: old.history, ..traffic },
            None => traffic,
        });
    }

    /// Lets time pass up to `now`. Answers true when the stream is gone.
    pub fn settle(&mut self, attrs: &mut Attrs, passing: &Passing) -> bool {
        if let Some(change) = self.change.take_if(|change| change.until <= passing.now) {
            self.play(attrs, change.until, passing);
            if self.complete(attrs, change, passing.settings) {
                return true;
            }
        }
        self.play(attrs, passing.now, passing);
        lambda::settle(&mut self.functions, passing.now);
        self.spent.forget(passing.now);
        self.shards.expire(retention_seconds(attrs), passing.now);
        false
    }

    fn complete(&mut self, attrs: &mut Attrs, change: Change, settings: &Settings) -> bool {
        let at = change.until;
        // Refused splits and merges cannot happen here: they were checked when the call was made and the stream was busy since.
        match change.then {
            Then::Active => {}
            Then::Set(mut set) => {
                // The count is a fact of the shard map, never a stored attribute.
                set.remove("shards");
                attrs.extend(set);
            }
            Then::Reshape(to) => self.shards.reshape(to, at),
            Then::Split { shard, at: key } => {
                let _ = self.shards.split(&shard, key.parse().unwrap_or(0), at);
            }
            Then::Merge { shard, adjacent } => {
                let _ = self.shards.merge(&shard, &adjacent, at);
            }
            Then::Gone => return true,
        }
        self.reshaped(settings);
        false
    }

    /// Tells the plant which shards are open now.
    pub fn reshaped(&mut self, settings: &Settings) {
        if let Some(traffic) = &mut self.traffic {
            let plant = std::mem::take(&mut traffic.plant);
            traffic.plant = plant.reshaped(self.shards.open(), settings);
        }
    }

    /// Plays every minute that has ended at `until`.
    fn play(&mut self, attrs: &Attrs, until: i64, passing: &Passing) {
        let Some(mut traffic) = self.traffic.take() else { return };
        let end = until.div_euclid(60);
        // A long time without anybody looking leaves nothing that would still be kept.
        traffic.next = traffic.next.max(end - i64::try_from(passing.keep).unwrap_or(i64::MAX));
        let detailed = attrs.get("shardMetrics").and_then(Value::as_list).is_some_and(|metrics| !metrics.is_empty());
        let on_demand = is_on_demand(attrs);
        while traffic.next < end {
            let minute = traffic.next;
            if on_demand && self.split_due(&mut traffic, minute) {
                let plant = std::mem::take(&mut traffic.plant);
                traffic.plant = plant.reshaped(self.shards.open(), passing.settings);
            }
            lambda::settle(&mut self.functions, minute * 60);
            let offer = Offer {
                minute,
                fresh: traffic.load.at(minute),
                keys: &traffic.load.keys,
                readers: traffic.load.readers,
                outage: traffic.load.is_out(minute),
                pace: lambda::pace(&self.functions),
                retention: retention_seconds(attrs) / 60,
            };
            let (plant, mut done) = plant::step(std::mem::take(&mut traffic.plant), &offer, passing.settings);
            if on_demand {
                traffic.watch(&done, passing.seed);
            }
            if !detailed {
                // Not cleared: that would keep its memory, most of what a kept minute takes.
                done.shards = Vec::new();
            }
            traffic.plant = plant;
            traffic.history.push_back(done);
            while traffic.history.len() > passing.keep {
                traffic.history.pop_front();
            }
            traffic.next += 1;
        }
        self.traffic = Some(traffic);
    }

    /// Splits on-demand shards whose time has come, at the middle of their ranges.
    fn split_due(&mut self, traffic: &mut Traffic, minute: i64) -> bool {
        let due: Vec<u32> = traffic.splits.iter().filter(|(_, at)| **at <= minute).map(|(shard, _)| *shard).collect();
        for number in &due {
            traffic.splits.remove(number);
            let found = self.shards.open().iter().find(|shard| shard.number == *number);
            if let Some((id, middle)) = found.map(|shard| (shard.id(), shard.start + (shard.end - shard.start) / 2 + 1))
            {
                let _ = self.shards.split(&id, middle, minute * 60);
            }
        }
        !due.is_empty()
    }

    pub fn history(&self) -> impl Iterator<Item = &Minute> {
        self.traffic.iter().flat_map(|traffic| &traffic.history)
    }

    /// The history from a minute on, found from its end.
    pub fn newest(&self, from: i64) -> impl Iterator<Item = &Minute> {
        let all = self.traffic.as_ref().map(|traffic| &traffic.history);
        let skip = all.map_or(0, |all| all.partition_point(|minute| minute.minute < from));
        all.into_iter().flat_map(move |all| all.range(skip..))
    }

    /// Open shards at the peak of a uniform change: AWS makes short-lived ones, and they count.
    pub fn peak_of_change(&self, to: u32) -> u64 {
        let from = self.shards.open_count();
        let splits = splits(from, to);
        u64::from(from) + u64::from(splits)
    }
}

impl Traffic {
    /// Marks on-demand shards that AWS will split.
    fn watch(&mut self, done: &Minute, seed: u64) {
        for shard in &done.shards {
            let hot = shard.written.bytes > ON_DEMAND_SPLIT_BYTES || shard.written.records > ON_DEMAND_SPLIT_RECORDS;
            if hot && !self.splits.contains_key(&shard.shard) {
                let draw = mix(mix(seed, shard.shard.into()), done.minute.cast_unsigned())
                    % ON_DEMAND_REACTION_MINUTES.cast_unsigned();
                self.splits.insert(shard.shard, done.minute + 1 + draw.cast_signed());
            }
        }
    }
}

pub fn is_on_demand(attrs: &Attrs) -> bool {
    attrs.get("mode").and_then(Value::as_text) == Some("onDemand")
}

/// The retention in seconds; a day where nothing was said.
pub fn retention_seconds(attrs: &Attrs) -> i64 {
    let text = attrs.get("retention").and_then(Value::as_text);
    let span = text.and_then(|text| text.parse::<Span>().ok()).unwrap_or(Span::days(1));
    i64::try_from(span.seconds()).unwrap_or(i64::MAX / 4)
}
