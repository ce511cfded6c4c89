use std::collections::BTreeMap;

use crate::kinds::Name;
use crate::kinds::stream_policy::Share;

use super::{Capacity, Encryption, Mode, ShardMetric, Shards, StreamSpec, one_day, one_mebibyte};
use crate::model::{Resource, Value, is_ours_to_write};

/// The block that describes a living stream with its consumers and shares, so that its plan is empty.
pub fn import(live: &Resource, fan_out: Vec<Name>, share: Vec<Share>) -> StreamSpec {
    let text = |name: &str| live.attrs.get(name).and_then(Value::as_text);
    let provisioned = text("mode") == Some("provisioned");
    let shards = live.attrs.get("shards").and_then(Value::as_int).and_then(|shards| u32::try_from(shards).ok());
    let metrics = live.attrs.get("shardMetrics").map(Value::to_json).unwrap_or_default();
    let tags = live.attrs.get("tags").and_then(Value::as_map).into_iter().flatten();
    StreamSpec {
        name: None,
        capacity: if provisioned {
            Capacity { mode: Mode::Provisioned, shards: shards.map(Shards::Fixed) }
        } else {
            Capacity::default()
        },
        scaling: None,
        retention: text("retention").and_then(|text| text.parse().ok()).unwrap_or_else(one_day),
        // Always written: what is there must not depend on `defaults.key`.
        encryption: text("encryption").and_then(|text| text.parse().ok()).map(|key| Encryption { key }),
        fan_out,
        share,
        shard_metrics: serde_json::from_value::<Vec<ShardMetric>>(metrics).unwrap_or_default(),
        max_record_size: text("maxRecordSize").and_then(|text| text.parse().ok()).unwrap_or_else(one_mebibyte),
        tags: tags
            .filter(|(key, _)| is_ours_to_write(key) && !key.starts_with("tidegate:"))
            .filter_map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned())))
            .collect::<BTreeMap<_, _>>(),
        protect: false,
        on_removal: None,
    }
}
