//! Kinesis data streams.

mod effects;
mod import;
mod lambda;
mod mapping;
mod physics;
mod scaling;
mod shards;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::key::KeyUse;
use super::stream_policy::Share;
use super::{Known, Name, ResourceKind, Tagged, Wish};
use crate::aws::Aws;
use crate::cloud::{Claim, Fault, Outputs, Target};
use crate::model::units::{Size, Span};
use crate::model::{
    Call, Compare, Desired, Field, OnRemoval, PARTS, Path, Permit, Problem, Quotas, Resource, Schema, Scope, State,
    Value, When,
};

pub use effects::{glance, text_map};
pub use import::import;
pub use lambda::{Function, LambdaReader, Parallelization};
pub use mapping::find as mapping;
pub use physics::{SHARDS, hop_seconds, hops, shard_hours};
pub use scaling::{Objective, Quiet, Scaling, Scheduled, ShardMetrics, SplitMerge};
pub use shards::open_shards;

/// A Kinesis data stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamSpec {
    /// The stream's name in AWS, if it differs from the name here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"acme-clicks")]
    pub name: Option<Name>,
    /// Who pays for what: on-demand (the default), or provisioned with a number or a range of shards.
    #[serde(default, skip_serializing_if = "super::wish::is_default")]
    #[schemars(example = serde_json::json!({ "mode": "provisioned", "shards": { "min": 2, "max": 64 } }))]
    #[schemars(extend("default" = { "mode": "onDemand" }))]
    pub capacity: Capacity,
    /// How the autoscaler chooses within a range of shards. Nothing of it is sent to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "objective": "strict", "schedule": [{ "at": "Mon-Fri 08:30", "for": "2h", "min": 16 }] }))]
    pub scaling: Option<Scaling>,
    /// How long records stay readable: 24h (AWS's default) to 365d. A decrease loses data at once.
    #[serde(default = "one_day", skip_serializing_if = "is_one_day")]
    #[schemars(extend("default" = "24h"))]
    pub retention: Span,
    /// Encryption at rest. Without it `defaults.key` decides, and without that the AWS-managed key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "key": "clicks" }))]
    pub encryption: Option<Encryption>,
    /// Enhanced fan-out consumers: each reads 2 MiB/s per shard of its own. At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["fraud"])]
    pub fan_out: Vec<Name>,
    /// Other accounts that may use the stream, by its resource policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!([{ "account": "210987654321", "can": "read" }]))]
    pub share: Vec<Share>,
    /// Shard-level metrics, paid for each shard and metric.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["IncomingBytes"])]
    pub shard_metrics: Vec<ShardMetric>,
    /// The largest record: 1MiB (AWS's default) to 10MiB.
    #[serde(default = "one_mebibyte", skip_serializing_if = "is_one_mebibyte")]
    #[schemars(example = &"10MiB", extend("default" = "1MiB"))]
    pub max_record_size: Size,
    /// Tags besides the pipeline's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "web" }))]
    pub tags: BTreeMap<String, String>,
    /// Never delete it, even after this block has left the spec. Kept as a tag on the stream.
    #[serde(default, skip_serializing_if = "super::wish::is_default")]
    #[schemars(example = true)]
    #[schemars(extend("default" = false))]
    pub protect: bool,
    /// What happens when this block leaves the spec: `retain` (the default) or `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_removal: Option<OnRemoval>,
}

/// Capacity mode and shards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capacity {
    /// `onDemand`: AWS scales, paid by gigabyte. `provisioned`: paid by shard.
    pub mode: Mode,
    /// A number belongs to the spec; a range belongs to the autoscaler and is only kept inside its bounds.
    /// While the mode is `onDemand` it is remembered for the way back and nothing is sent to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Shards>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = &"provisioned")]
pub enum Mode {
    #[default]
    OnDemand,
    Provisioned,
}

/// A number of shards, or the range that the autoscaler may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Shards {
    Fixed(u32),
    Range { min: u32, max: u32 },
}

/// Encryption at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Encryption {
    /// A key of this pipeline, `alias/…`, a key ARN, `aws` (the AWS-managed key) or `none`.
    pub key: KeyUse,
}

/// CloudWatch metrics per shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(example = &"IncomingBytes")]
pub enum ShardMetric {
    IncomingBytes,
    IncomingRecords,
    IteratorAgeMilliseconds,
    OutgoingBytes,
    OutgoingRecords,
    ReadProvisionedThroughputExceeded,
    WriteProvisionedThroughputExceeded,
}

fn one_day() -> Span {
    Span::days(1)
}

fn is_one_day(span: &Span) -> bool {
    *span == one_day()
}

fn one_mebibyte() -> Size {
    Size(1 << 20)
}

fn is_one_mebibyte(size: &Size) -> bool {
    *size == one_mebibyte()
}

pub static SCHEMA: Schema = Schema {
    kind: "stream",
    title: "Kinesis data stream",
    fields: &[
        Field::in_place("mode", "kinesis:UpdateStreamMode", "Capacity mode; at most two switches in 24 hours.")
            .folded()
            .seconds(60),
        Field::in_place(
            "shards",
            "kinesis:UpdateShardCount",
            "Open shards; at most ten changes in 24 hours, each at most to the double or the half.",
        )
        .folded()
        .compare(Compare::Within),
        Field::in_place("retention", "kinesis:IncreaseStreamRetentionPeriod", "How long records stay readable.")
            .default(|| Value::text("24h"))
            .seconds(30),
        Field::in_place(
            "encryption",
            "kinesis:StartStreamEncryption",
            "The key that records are encrypted with; at most 25 changes in 24 hours.",
        )
        .default(|| Value::text("none"))
        .seconds(30),
        Field::in_place("shardMetrics", "kinesis:EnableEnhancedMonitoring", "Shard-level metrics.")
            .default(|| Value::List(Vec::new()))
            .compare(Compare::Within)
            .seconds(30),
        Field::in_place("maxRecordSize", "kinesis:UpdateMaxRecordSize", "The largest record.")
            .folded()
            .default(|| Value::text("1MiB"))
            .seconds(10),
        Field::tags("kinesis:AddTagsToStream", "kinesis:RemoveTagsFromStream").folded(),
    ],
    create: "kinesis:CreateStream",
    delete: "kinesis:DeleteStream",
    create_seconds: 30,
    arn: Some("arn:{partition}:kinesis:{region}:{account}:stream/{name}"),
    assigned: &[],
    found_by_tags: false,
    elsewhere: "choose another name",
    holds_data: Some("every record still within its retention"),
    asynchronous: true,
    creating_limit: Some(5),
    calls: physics::calls,
    risks: physics::risks,
    needs: physics::needs,
    cost: physics::cost,
    permits: &[
        Permit { when: When::Read, actions: &["kinesis:ListStreams", "kinesis:DescribeLimits"], on: "*" },
        Permit {
            when: When::Read,
            actions: &["kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
        Permit {
            when: When::Create,
            actions: &["kinesis:CreateStream", "kinesis:AddTagsToStream"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
        Permit {
            when: When::Update,
            actions: &[
                "kinesis:UpdateShardCount",
                "kinesis:UpdateStreamMode",
                "kinesis:IncreaseStreamRetentionPeriod",
                "kinesis:DecreaseStreamRetentionPeriod",
                "kinesis:StartStreamEncryption",
                "kinesis:StopStreamEncryption",
                "kinesis:UpdateMaxRecordSize",
                "kinesis:RemoveTagsFromStream",
            ],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
        Permit { when: When::Read, actions: &["kinesis:DescribeLimits"], on: "*" },
        // These two know no resource-level permissions.
        Permit {
            when: When::Update,
            actions: &["kinesis:EnableEnhancedMonitoring", "kinesis:DisableEnhancedMonitoring"],
            on: "*",
        },
        // Before a deletion it is looked up who reads it.
        Permit { when: When::Delete, actions: &["firehose:ListDeliveryStreams"], on: "*" },
        Permit {
            when: When::Delete,
            actions: &["firehose:DescribeDeliveryStream"],
            on: "arn:{partition}:firehose:{region}:{account}:deliverystream/*",
        },
        Permit {
            when: When::Delete,
            actions: &["kinesis:DeleteStream", "kinesis:ListStreamConsumers"],
            on: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
        },
    ],
};

pub struct Kind;

impl ResourceKind for Kind {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn desire(&self, wish: &mut Wish) {
        let spec = wish.spec;
        for (name, stream) in &spec.streams {
            let at = Path::of(["streams", name.as_str()]);
            check(stream, &at, &mut wish.problems);
            scaling::check(stream, &at, &mut wish.problems);
            let physical = stream.name.as_ref().unwrap_or(name).as_str();
            let mut desired = Desired::new(&SCHEMA, name.as_str(), physical, at.clone());
            let (use_key, key_at) = match (&stream.encryption, &spec.defaults.key) {
                (Some(encryption), _) => (encryption.key.clone(), at.key("encryption").key("key")),
                (None, Some(key)) => (key.clone(), Path::of(["defaults", "key"])),
                (None, None) => (KeyUse::Aws, at.clone()),
            };
            if let Some(key) = use_key.value(wish, &key_at) {
                desired = desired.with("encryption", key);
            }
            let mut own = stream.tags.clone();
            super::pipeline::check_tags(&own, &at.key("tags"), &mut wish.problems);
            // What was told here is not told again where all tags are put together.
            own.retain(|key, _| !key.starts_with("tidegate:") && !key.starts_with("aws:"));
            let fate = wish.fate(stream.protect, stream.on_removal);
            let mut tags = wish.tags(&desired.address, &own, fate, &at);
            if let (Value::Map(tags), Some(parts)) = (&mut tags, parts(stream)) {
                tags.insert(PARTS.into(), Value::text(parts));
            }
            desired = desired
                .with("mode", if stream.capacity.mode == Mode::OnDemand { "onDemand" } else { "provisioned" })
                .with("retention", stream.retention.to_string())
                .with("shardMetrics", stream.wanted_metrics())
                .with("maxRecordSize", stream.max_record_size.to_string())
                .with("tags", tags);
            if stream.capacity.mode == Mode::Provisioned
                && let Some(shards) = stream.capacity.shards
            {
                desired = desired.with("shards", shards.value());
            }
            wish.add(desired);
        }
    }

    fn list<'a>(
        &'a self,
        aws: &'a Aws,
        scope: &'a Scope,
        known: Known<'a>,
    ) -> BoxFuture<'a, Result<Vec<Tagged>, Fault>> {
        Box::pin(effects::list(aws, scope, known.tagged))
    }

    fn observe<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Option<Resource>, Fault>> {
        Box::pin(effects::observe(aws, target))
    }

    fn state<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<State, Fault>> {
        Box::pin(effects::state(aws, target))
    }

    fn readers<'a>(&'a self, aws: &'a Aws, target: &'a Target) -> BoxFuture<'a, Result<Vec<Claim>, Fault>> {
        Box::pin(async move {
            let mut readers = super::consumer::readers(aws, target).await?;
            readers.extend(super::delivery::readers(aws, target).await?);
            Ok(readers)
        })
    }

    fn quotas<'a>(&'a self, aws: &'a Aws) -> BoxFuture<'a, Result<Quotas, Fault>> {
        Box::pin(effects::quotas(aws))
    }

    fn perform<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a Target,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Outputs, Fault>> {
        Box::pin(effects::perform(aws, target, call))
    }
}

/// Which resources hang on the stream and carry no tags that could be searched: without this mark, what has left
/// the spec could only be found by asking for the parts of every stream.
fn parts(stream: &StreamSpec) -> Option<String> {
    let parts: Vec<&str> = [(!stream.fan_out.is_empty(), "consumer"), (!stream.share.is_empty(), "stream-policy")]
        .into_iter()
        .filter_map(|(has, kind)| has.then_some(kind))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn check(stream: &StreamSpec, at: &Path, problems: &mut Vec<Problem>) {
    let mut wrong = |path: Path, message: String, help: &str| {
        problems.push(Problem::new("invalid-value", path, message).help(help));
    };
    let capacity = at.key("capacity");
    match (stream.capacity.mode, stream.capacity.shards) {
        (Mode::Provisioned, None) => wrong(
            capacity.clone(),
            "a provisioned stream needs `shards`".into(),
            "write a number (`shards: 4`), or a range for the autoscaler (`shards: { min: 2, max: 64 }`)",
        ),
        (_, Some(Shards::Range { min, max })) if min > max => {
            wrong(capacity.key("shards"), format!("min {min} is greater than max {max}"), "swap them")
        }
        _ => {}
    }
    if let Some(shards) = stream.capacity.shards {
        let (low, high) = shards.bounds();
        if low < 1 || high > 10_000 {
            wrong(
                capacity.key("shards"),
                "a stream has 1 to 10,000 shards".into(),
                "ask AWS for a higher limit first if you need more",
            );
        }
    }
    let hours = stream.retention.seconds() / 3600;
    if !stream.retention.seconds().is_multiple_of(3600) || !(24..=8760).contains(&hours) {
        wrong(
            at.key("retention"),
            format!("retention {} is not within 24h to 365d in whole hours", stream.retention),
            "AWS keeps records 24 to 8,760 hours",
        );
    }
    let kib = stream.max_record_size.0 / 1024;
    if !stream.max_record_size.0.is_multiple_of(1024) || !(1024..=10_240).contains(&kib) {
        wrong(at.key("maxRecordSize"), "the largest record is 1MiB to 10MiB, in whole KiB".into(), "for example 2MiB");
    }
    for (index, name) in stream.fan_out.iter().enumerate() {
        if stream.fan_out[..index].contains(name) {
            wrong(at.key("fanOut").index(index), format!("`{name}` is named twice"), "remove one");
        }
    }
    if stream.fan_out.len() > 20 {
        wrong(
            at.key("fanOut"),
            "a stream takes at most 20 registered consumers".into(),
            "let some share the 2 MiB/s of ordinary reads",
        );
    }
}

impl Shards {
    /// The smallest and the largest number.
    pub fn bounds(self) -> (u32, u32) {
        match self {
            Self::Fixed(shards) => (shards, shards),
            Self::Range { min, max } => (min, max),
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Fixed(shards) => shards.into(),
            Self::Range { min, max } => Value::map([("min", min), ("max", max)]),
        }
    }
}

// By hand, because an untagged enum would lose the place of a mistake inside the range.
impl<'de> Deserialize<'de> for Shards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Range {
            min: u32,
            max: u32,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Shards;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number of shards, or { min: 2, max: 64 }")
            }
            fn visit_u64<E: de::Error>(self, shards: u64) -> Result<Shards, E> {
                u32::try_from(shards).map(Shards::Fixed).map_err(|_| E::custom("a stream has 1 to 10,000 shards"))
            }
            fn visit_i64<E: de::Error>(self, shards: i64) -> Result<Shards, E> {
                u32::try_from(shards).map(Shards::Fixed).map_err(|_| E::custom("a stream has 1 to 10,000 shards"))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shards, A::Error> {
                let Range { min, max } = Range::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Shards::Range { min, max })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Shards {
    fn schema_name() -> Cow<'static, str> {
        "Shards".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        let count = json_schema!({ "type": "integer", "minimum": 1, "maximum": 10000 });
        json_schema!({
            "description": "A number belongs to the spec; a range belongs to the autoscaler.",
            "examples": [4, { "min": 2, "max": 64 }],
            "anyOf": [count.clone(), {
                "type": "object", "additionalProperties": false, "required": ["min", "max"],
                "properties": {
                    "min": { "description": "The fewest shards that the autoscaler may choose.", "type": "integer", "minimum": 1, "maximum": 10000, "examples": [2] },
                    "max": { "description": "The most shards that the autoscaler may choose.", "type": "integer", "minimum": 1, "maximum": 10000, "examples": [64] },
                },
            }],
        })
    }
}
