//! What the user tells the autoscaler. It stays on this side: no AWS call carries it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lambda::{self, LambdaReader};
use super::{Mode, ShardMetric, Shards, StreamSpec};
use crate::model::calendar::At;
use crate::model::units::Span;
use crate::model::{PRICE_TIMES_SHARE, Path, Prices, Problem, Value};

/// Millionths in one.
const MILLION: f64 = 1_000_000.0;
/// A schedule or quiet time lasts at most a week: after that it starts again.
const LONGEST: u64 = 7 * 86_400;

/// The metrics by which shards say how full they are: both together do.
const LOADS: [ShardMetric; 2] = [ShardMetric::IncomingBytes, ShardMetric::IncomingRecords];

/// How the autoscaler chooses within a range of shards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scaling {
    /// What a throttled record is worth: `thrifty`, `balanced` (the default) or `strict`, a number of times the capacity
    /// that would have carried it, or a bound such as `at most 0.01 % throttled`.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    #[schemars(extend("default" = "balanced"))]
    pub objective: Objective,
    /// Times (UTC) in which the stream has at least so many shards. It is grown early enough to be ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!([{ "at": "Mon-Fri 08:30", "for": "2h", "min": 16 }]))]
    pub schedule: Vec<Scheduled>,
    /// Times (UTC) in which nothing shrinks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!([{ "at": "Fri 18:00", "for": "60h" }]))]
    pub no_shrink: Vec<Quiet>,
    /// The most US dollars a month for the stream's shards, with the retention beyond 24h and the fan-out consumers that are paid
    /// by shard. It ends growth, and the report says so; it takes no shard away that the load needs, and schedules, pins and
    /// `min` outrank it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 400)]
    pub budget: Option<u32>,
    /// Whether `run` may split and merge single shards, which AWS does not count among the day's ten resizes. Once these are used
    /// up, records are rejected and more is written than all shards take, one shard after the other is split, the fullest first where
    /// the shard metrics IncomingRecords and IncomingBytes are on (by the stream's `shardMetrics`, or by `shardMetrics: auto` here), else the
    /// widest. With these metrics a shard that is full while the stream has room is split, but none that one key fills; at `max` the coldest neighbours are merged before, and so they are where a shrink
    /// has no call left. The next resize makes their ranges even again. With `forbid` the stream keeps its count until the oldest call
    /// is a day old, and hot shards are only told. `simulate` plays no splits.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    pub split_merge: SplitMerge,
    /// Who turns shard metrics on: with `asDeclared` the stream's own `shardMetrics` alone. With `auto` `run` turns IncomingBytes and
    /// IncomingRecords on, besides those declared, when the stream throttles although it has room, and off again after an hour without a
    /// throttled record; plans leave them as they are. AWS charges for each shard and metric while they are on, and knows no narrower right to
    /// switch them than one on all streams of the account, which `tidegate iam controller` prints for it.
    #[serde(default, skip_serializing_if = "super::super::wish::is_default")]
    pub shard_metrics: ShardMetrics,
    /// Lambda functions that read the stream itself (no fan-out consumer of it) by an event source mapping, whose parallelization factor `run` may change: more batches
    /// of each shard at once drain a backlog, which more shards do not. It is raised as soon as a function is late or will be, and
    /// lowered one step after an hour without lag. The mapping itself belongs to whoever made it, and `simulate --stream` plays one reader at `--lambda-pace`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!([{ "function": "enrich", "parallelization": { "min": 1, "max": 10 } }]))]
    pub lambda: Vec<LambdaReader>,
}

impl StreamSpec {
    /// Whether its shards' own metrics say how full each is, by the spec.
    pub fn tells_loads(&self) -> bool {
        LOADS.iter().all(|of| self.shard_metrics.contains(of))
    }

    /// The metrics that the autoscaler may turn on and off; none where it may not.
    pub fn switched_metrics(&self) -> Vec<ShardMetric> {
        let is_auto = self.scaling.as_ref().is_some_and(|scaling| scaling.shard_metrics == ShardMetrics::Auto);
        let has_range = matches!(self.capacity.shards, Some(Shards::Range { .. }));
        let may = is_auto && has_range && self.capacity.mode == Mode::Provisioned;
        LOADS.into_iter().filter(|of| may && !self.shard_metrics.contains(of)).collect()
    }

    /// The wanted shard metrics, or where the autoscaler switches some, those without and those with them.
    pub(super) fn wanted_metrics(&self) -> Value {
        let names = |metrics: &[ShardMetric]| Value::list(metrics.iter().map(|metric| format!("{metric:?}")));
        let (declared, switched) = (&self.shard_metrics, self.switched_metrics());
        if switched.is_empty() {
            return names(declared);
        }
        Value::map([("min", names(declared)), ("max", names(&[&declared[..], &switched].concat()))])
    }

    /// US dollars for an hour of one shard with all that is paid by shard: retention beyond a day, and fan-out consumers.
    pub fn shard_hour(&self, prices: &Prices) -> f64 {
        let price = |name: &str| prices.0.get(name).copied().unwrap_or(0.0);
        let longer = if self.retention > Span::days(1) { price("kinesis.extendedRetentionShardHour") } else { 0.0 };
        price("kinesis.shardHour") + longer + self.fan_out.len() as f64 * price("kinesis.fanOutConsumerShardHour")
    }
}

/// At least so many shards for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scheduled {
    /// When it starts, in UTC: `08:30`, `Mon-Fri 08:30`, `Sat,Sun 10:00`, or once: `2026-11-27 08:00`.
    pub at: At,
    /// How long it lasts: 1m to 7d.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// The fewest shards, inside the range of `capacity.shards`.
    #[schemars(example = 16, range(min = 1, max = 10_000))]
    pub min: u32,
}

/// A while in which nothing shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quiet {
    /// When it starts, in UTC: `08:30`, `Mon-Fri 08:30`, `Sat,Sun 10:00`, or once: `2026-11-27 08:00`.
    pub at: At,
    /// How long it lasts: 1m to 7d.
    #[serde(rename = "for")]
    pub lasts: Span,
}

/// Whether SplitShard and MergeShards may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = &"allow")]
pub enum SplitMerge {
    #[default]
    Forbid,
    Allow,
}

/// Who turns shard metrics on and off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = &"auto")]
pub enum ShardMetrics {
    #[default]
    AsDeclared,
    Auto,
}

/// What a throttled record is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// 10 times the capacity that would have carried it.
    Thrifty,
    /// 100 times.
    #[default]
    Balanced,
    /// 1000 times.
    Strict,
    /// So many times.
    Price(u32),
    /// As much as keeps the share of throttled records below so many millionths.
    AtMost(u32),
}

impl Objective {
    /// The price of a throttled record, in units of the capacity that would have carried it. A bound starts with what held
    /// it on predictable traffic; the policy follows what it sees from there.
    pub fn price(self) -> f64 {
        match self {
            Self::Thrifty => 10.0,
            Self::Balanced => 100.0,
            Self::Strict => 1000.0,
            Self::Price(price) => f64::from(price),
            Self::AtMost(millionths) => PRICE_TIMES_SHARE * MILLION / f64::from(millionths.max(1)),
        }
    }

    /// The share of records that may be throttled, 0 to 1, where that is the objective.
    pub fn bound(self) -> Option<f64> {
        match self {
            Self::AtMost(millionths) => Some(f64::from(millionths.max(1)) / MILLION),
            _ => None,
        }
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = |text: &str| {
            let number = text.trim().strip_prefix("at most")?.trim().strip_suffix("throttled")?.trim();
            let share = number.strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0;
            // A millionth is a record of a busy shard in a quarter of an hour; nobody can promise less.
            (share * MILLION >= 1.0 && share < 1.0).then_some(Self::AtMost((share * MILLION).round() as u32))
        };
        match text {
            "thrifty" => Ok(Self::Thrifty),
            "balanced" => Ok(Self::Balanced),
            "strict" => Ok(Self::Strict),
            _ => percent(text).ok_or_else(|| {
                format!(
                    "`{text}` is no objective; write thrifty, balanced or strict, a number from 1 to 1000000, or \
                     `at most 0.01 % throttled` (0.0001 % to below 100 %)"
                )
            }),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thrifty => f.pad("thrifty"),
            Self::Balanced => f.pad("balanced"),
            Self::Strict => f.pad("strict"),
            Self::Price(price) => write!(f, "{price}"),
            Self::AtMost(millionths) => write!(f, "at most {} % throttled", f64::from(*millionths) / 10_000.0),
        }
    }
}

impl Serialize for Objective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Price(price) => serializer.serialize_u32(*price),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for Objective {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Objective;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("thrifty, balanced, strict, a number, or `at most 0.01 % throttled`")
            }
            fn visit_u64<E: de::Error>(self, price: u64) -> Result<Objective, E> {
                let price = u32::try_from(price).ok().filter(|price| (1..=1_000_000).contains(price));
                price.map(Objective::Price).ok_or_else(|| E::custom("a throttled record is worth 1 to 1000000"))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Objective, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Objective {
    fn schema_name() -> Cow<'static, str> {
        "Objective".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a throttled record is worth, in units of the capacity that would have carried it: thrifty is 10, balanced 100, strict 1000.",
            "examples": ["balanced", 250, "at most 0.01 % throttled"],
            "anyOf": [
                { "enum": ["thrifty", "balanced", "strict"] },
                { "type": "integer", "minimum": 1, "maximum": 1_000_000 },
                { "type": "string", "pattern": "^at most [0-9]+(\\.[0-9]+)? ?% throttled$" },
            ],
        })
    }
}

/// What cannot work, with the remedy.
pub fn check(stream: &StreamSpec, at: &Path, problems: &mut Vec<Problem>) {
    let Some(scaling) = &stream.scaling else { return };
    let at = at.key("scaling");
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    let range = match stream.capacity.shards {
        Some(Shards::Range { min, max }) => Some((min, max)),
        _ => {
            wrong(
                at.clone(),
                "`scaling` is for the autoscaler, but the number of shards is not its to choose".into(),
                "give it a range, `capacity: { mode: provisioned, shards: { min: 2, max: 64 } }`, or remove `scaling`",
            );
            None
        }
    };
    let lasts = |span: Span| span.seconds().is_multiple_of(60) && (60..=LONGEST).contains(&span.seconds());
    for (index, entry) in scaling.schedule.iter().enumerate() {
        let at = at.key("schedule").index(index);
        if !lasts(entry.lasts) {
            wrong(at.key("for"), format!("{} is not within 1m to 7d in whole minutes", entry.lasts), "for example 2h");
        }
        if let Some((min, max)) = range.filter(|(min, max)| min <= max && !(min..=max).contains(&&entry.min)) {
            let message = format!("min {} is outside the stream's range of {min} to {max} shards", entry.min);
            wrong(
                at.key("min"),
                message,
                "the range of `capacity.shards` holds at all times; widen it, or change `min`",
            );
        }
    }
    for (index, entry) in scaling.no_shrink.iter().enumerate() {
        if !lasts(entry.lasts) {
            let path = at.key("noShrink").index(index).key("for");
            wrong(path, format!("{} is not within 1m to 7d in whole minutes", entry.lasts), "for example 12h");
        }
    }
    if scaling.budget == Some(0) {
        wrong(
            at.key("budget"),
            "a budget of 0 dollars pays for no shard".into(),
            "write the most dollars a month, or remove it",
        );
    }
    if scaling.shard_metrics == ShardMetrics::Auto && stream.tells_loads() {
        wrong(
            at.key("shardMetrics"),
            "IncomingBytes and IncomingRecords are always on, since the stream's `shardMetrics` declares them".into(),
            "remove them there, or `shardMetrics: auto` here",
        );
    }
    lambda::check(scaling, &at, problems);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(text: &str) -> Result<StreamSpec, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        check(&stream(text).unwrap(), &Path::of(["streams", "a"]), &mut problems);
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
    }

    #[test]
    fn what_a_shard_costs_includes_retention_and_consumers() {
        let names = [("shardHour", 1.0), ("extendedRetentionShardHour", 10.0), ("fanOutConsumerShardHour", 100.0)];
        let prices = Prices(names.map(|(name, price)| (format!("kinesis.{name}"), price)).into());
        let cost = |yaml: &str| serde_yaml::from_str::<StreamSpec>(yaml).unwrap().shard_hour(&prices).to_bits();
        assert_eq!([cost("{}"), cost("retention: 48h\nfanOut: [one, two]")], [1f64.to_bits(), 211f64.to_bits()]);
    }

    #[test]
    fn an_objective_is_a_word_a_number_or_a_bound() {
        for (text, price, told) in [
            ("strict", 1000.0, "strict"),
            ("at most 0.01 % throttled", 1000.0, "at most 0.01 % throttled"),
            ("at most 0.1% throttled", 100.0, "at most 0.1 % throttled"),
        ] {
            let objective: Objective = text.parse().unwrap();
            assert!((objective.price() - price).abs() < 1e-6 * price, "{text}");
            assert_eq!(objective.to_string(), told);
            assert_eq!(told.parse::<Objective>(), Ok(objective));
        }
        for text in ["cheap", "at most 0 % throttled", "at most 100 % throttled", "at most NaN % throttled", "0.1 %"] {
            assert!(text.parse::<Objective>().unwrap_err().contains("is no objective; write thrifty"), "{text}");
        }
        assert_eq!([Objective::AtMost(1000), Objective::Strict].map(Objective::bound), [Some(0.001), None]);
    }

    #[test]
    fn it_comes_back_as_it_was_written() {
        let text = "capacity: { mode: provisioned, shards: { min: 2, max: 64 } }\nscaling:\n  objective: 250\n  \
                    schedule: [{ at: Mon-Fri 08:30, for: 2h, min: 16 }]\n  noShrink: [{ at: Fri 18:00, for: 60h }]\n  \
                    budget: 400\n  splitMerge: allow\n  shardMetrics: auto\n";
        let read = stream(text).unwrap();
        let scaling = read.scaling.as_ref().unwrap();
        assert_eq!((scaling.objective, scaling.split_merge), (Objective::Price(250), SplitMerge::Allow));
        assert_eq!(scaling.shard_metrics, ShardMetrics::Auto);
        assert_eq!(stream(&serde_yaml::to_string(&read).unwrap()).unwrap(), read);
        assert!(problems(text).is_empty());
        assert!(stream("scaling: { objective: 0 }").unwrap_err().to_string().contains("worth 1 to 1000000"));
        assert!(
            stream("scaling: { schedule: [{ at: noon, for: 1h, min: 2 }] }")
                .unwrap_err()
                .to_string()
                .contains("not a time")
        );
    }

    #[test]
    fn the_autoscaler_switches_what_is_not_declared() {
        let switched = |mode: &str, shards: &str, metrics: &str, word: &str| {
            let text = format!(
                "{{ capacity: {{ mode: {mode}, shards: {shards} }}, shardMetrics: [{metrics}], scaling: {{ shardMetrics: {word} }} }}"
            );
            stream(&text).unwrap().switched_metrics().len()
        };
        let range = "{ min: 2, max: 8 }";
        assert_eq!(switched("provisioned", range, "", "auto"), 2);
        assert_eq!(switched("provisioned", range, "IncomingBytes, OutgoingBytes", "auto"), 1);
        assert_eq!(switched("provisioned", range, "", "asDeclared"), 0);
        assert_eq!(switched("provisioned", "4", "", "auto"), 0);
        assert_eq!(switched("onDemand", range, "", "auto"), 0, "AWS sizes it, and `run` leaves it alone");
        let both = "capacity: { mode: provisioned, shards: { min: 2, max: 8 } }\n\
                    shardMetrics: [IncomingRecords, IncomingBytes]\nscaling: { shardMetrics: auto }";
        let found = problems(both);
        assert!(found.len() == 1 && found[0].starts_with("streams.a.scaling.shardMetrics: IncomingBytes and"), "{found:?}");
    }

    #[test]
    fn what_cannot_work_is_said_with_its_place() {
        assert_eq!(
            problems("capacity: { mode: provisioned, shards: 4 }\nscaling: {}"),
            ["streams.a.scaling: `scaling` is for the autoscaler, but the number of shards is not its to choose"]
        );
        let found = problems(
            "capacity: { mode: provisioned, shards: { min: 2, max: 8 } }\nscaling:\n  budget: 0\n  \
             schedule: [{ at: 08:30, for: 30s, min: 9 }]\n  noShrink: [{ at: Fri 18:00, for: 8d }]",
        );
        assert_eq!(
            found,
            [
                "streams.a.scaling.schedule[0].for: 30s is not within 1m to 7d in whole minutes",
                "streams.a.scaling.schedule[0].min: min 9 is outside the stream's range of 2 to 8 shards",
                "streams.a.scaling.noShrink[0].for: 8d is not within 1m to 7d in whole minutes",
                "streams.a.scaling.budget: a budget of 0 dollars pays for no shard",
            ]
        );
    }
}
