use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kinds::Name;
use crate::kinds::wish::is_default;
use crate::model::units::Span;

/// What is derived from the topology, overridden for all of it, for one stream or for one archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct Alarms {
    /// `true`: no alarms at all, except where a stream says `off: false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub off: Option<bool>,
    /// Readers of a stream lag behind. Without `over`: a quarter of the stream's retention.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": "60s" }))]
    pub iterator_age: AgeAlarm,
    /// Records were rejected because a stream or shard was full. Without `over`: any, in three of five minutes.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": 10 }))]
    pub write_throttled: CountAlarm,
    /// Reads were rejected because readers share too little. Without `over`: any, in three of five minutes.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": 10 }))]
    pub read_throttled: CountAlarm,
    /// A fan-out consumer lags behind. Without `over`: a quarter of the stream's retention.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": "60s" }))]
    pub consumer_lag: AgeAlarm,
    /// The oldest record that an archive has not delivered. Without `over`: 15m, or three buffer intervals if longer.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": "15m" }))]
    pub data_freshness: AgeAlarm,
    /// What differs for single streams, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "clicks": { "iteratorAge": { "over": "5m" } } }))]
    pub streams: BTreeMap<Name, StreamAlarms>,
    /// What differs for single archives, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "clicks-raw": { "dataFreshness": { "over": "30m" } } }))]
    pub archives: BTreeMap<Name, ArchiveAlarms>,
}

impl Serialize for Alarms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

// A mapping is read as derived; a single word gets its own answer, since `alarms: off` is what comes to mind first.
impl<'de> Deserialize<'de> for Alarms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Block;
        const SWITCH: &str = "alarms are switched in a block; write `alarms: { off: true }`";
        impl<'de> Visitor<'de> for Block {
            type Value = Alarms;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Alarms, A::Error> {
                Alarms::deserialize(de::value::MapAccessDeserializer::new(map))
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Alarms, E> {
                Err(E::custom(SWITCH))
            }
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Alarms, E> {
                Err(E::custom(SWITCH))
            }
        }
        deserializer.deserialize_any(Block)
    }
}

/// What differs for one archive; what is left out is as for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveAlarms {
    /// The oldest record that the archive has not delivered.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": "30m" }))]
    pub data_freshness: AgeAlarm,
}

/// What differs for one stream; what is left out is as for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamAlarms {
    /// `true`: no alarms for this stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub off: Option<bool>,
    /// Readers of the stream lag behind.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": "60s" }))]
    pub iterator_age: AgeAlarm,
    /// Records were rejected.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": 10 }))]
    pub write_throttled: CountAlarm,
    /// Reads were rejected.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": 10 }))]
    pub read_throttled: CountAlarm,
    /// A fan-out consumer of the stream lags behind.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(example = serde_json::json!({ "over": "60s" }))]
    pub consumer_lag: AgeAlarm,
}

/// An alarm on an age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgeAlarm {
    /// Older than this is too old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"60s")]
    pub over: Option<Span>,
    /// `true`: no such alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub off: Option<bool>,
    /// ARNs to notify in place of `defaults.notify`; at most five, none for an alarm that is only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["arn:aws:sns:eu-west-1:123456789012:oncall"])]
    pub notify: Option<Vec<String>>,
}

/// An alarm on a number a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountAlarm {
    /// More than this many records (writes) or calls (reads) in a minute are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 10)]
    pub over: Option<u32>,
    /// `true`: no such alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub off: Option<bool>,
    /// ARNs to notify in place of `defaults.notify`; at most five, none for an alarm that is only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["arn:aws:sns:eu-west-1:123456789012:oncall"])]
    pub notify: Option<Vec<String>>,
}
