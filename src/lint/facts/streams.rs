//! Streams: capacity, cost, key, alarms, readers and writers.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Known, Signs, key_use, merged};
use crate::kinds::key::KeyUse;
use crate::kinds::stream::{Mode, Shards, StreamSpec, hop_seconds, hops};
use crate::kinds::stream_policy::Can;
use crate::kinds::{Name, Pipeline};
use crate::lint::plain::path;
use crate::model::{OnRemoval, Path, Prices};

/// Hours in a month, as AWS's price pages count them.
pub(super) const MONTH: f64 = 730.0;

pub(super) fn all(known: &Known, signs: &Signs) -> Json {
    let one = |(name, stream): (&Name, &StreamSpec)| (name.as_str().to_owned(), facts(known, signs, name, stream));
    Json::Object(known.spec.streams.iter().map(one).collect())
}

/// Whether a resource goes when its block does.
pub(super) fn is_deleted(spec: &Pipeline, own: Option<OnRemoval>) -> bool {
    own.or(spec.defaults.on_removal) == Some(OnRemoval::Delete)
}

fn facts(known: &Known, signs: &Signs, name: &Name, stream: &StreamSpec) -> Json {
    let spec = known.spec;
    let at = Path::of(["streams", name.as_str()]);
    let own_key = stream.encryption.as_ref().map(|encryption| (&encryption.key, at.key("encryption").key("key")));
    let provisioned = stream.capacity.mode == Mode::Provisioned;
    let fan_out: Vec<Json> = stream
        .fan_out
        .iter()
        .enumerate()
        .map(|(index, consumer)| {
            json!({
                "name": consumer.as_str(),
                "path": path(&at.key("fanOut").index(index)),
                "readers": via(spec, name, consumer),
                "alarms": signs.on(name.as_str(), Some(consumer.as_str())),
            })
        })
        .collect();
    let readers = readers(spec, name, stream);
    json!({
        "path": path(&at),
        "name": name.as_str(),
        "physical": stream.name.as_ref().unwrap_or(name).as_str(),
        "renamed": stream.name.is_some(),
        "provisioned": provisioned,
        "shards": shards(stream),
        "retention_hours": stream.retention.seconds() / 3600,
        "max_record_kib": stream.max_record_size.0 / 1024,
        "key": key_use(own_key, spec, &KeyUse::Aws, &at),
        "fan_out": fan_out,
        "share": share(stream, &at),
        "shared_readers": readers.iter().filter(|reader| reader["shared"] == true).count(),
        "readers": readers,
        "writers": writers(spec, name, stream),
        "archives": spec.archives.iter().filter(|(_, archive)| archive.from == *name).map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        "alarms": signs.on(name.as_str(), None),
        "shard_metrics": stream.shard_metrics,
        "own_tags": stream.tags,
        "tags": merged(spec, &stream.tags),
        "protect": stream.protect,
        "delete_on_removal": is_deleted(spec, stream.on_removal),
        "on_removal": stream.on_removal,
        "cost": cost(stream, &known.prices),
        "scaling": super::scaling::facts(stream, &at, &known.prices),
    })
}

/// The bounds, how many resizes lead from one to the other, and about how many seconds they take.
fn shards(stream: &StreamSpec) -> Json {
    let Some(shards) = stream.capacity.shards else { return Json::Null };
    let (min, max) = shards.bounds();
    let up = hops(min.into(), max.into());
    let starts = std::iter::once(i64::from(min)).chain(up.iter().copied());
    let seconds: u32 = starts.zip(&up).map(|(from, to)| hop_seconds(from, *to)).sum();
    json!({
        "min": min,
        "max": max,
        "range": matches!(shards, Shards::Range { .. }),
        "resizes_up": up.len(),
        "resizes_down": hops(max.into(), min.into()).len(),
        "seconds_up": seconds,
    })
}

/// Sums over all streams.
pub fn totals(spec: &Pipeline) -> Json {
    let provisioned = spec.streams.values().filter(|stream| stream.capacity.mode == Mode::Provisioned);
    let most = provisioned.filter_map(|stream| stream.capacity.shards).map(|shards| u64::from(shards.bounds().1));
    let on_demand = spec.streams.values().filter(|stream| stream.capacity.mode != Mode::Provisioned).count();
    json!({ "shards_max": most.sum::<u64>(), "on_demand_streams": on_demand })
}

/// US dollars a month of what the spec decides; usage is not known.
fn cost(stream: &StreamSpec, prices: &Prices) -> Json {
    let dollars = |name: &str, amount: f64| round(prices.micros(name, amount) as f64 / 1e6);
    let (min, max) = stream.capacity.shards.map_or((0, 0), Shards::bounds);
    let provisioned = stream.capacity.mode == Mode::Provisioned;
    let per_shard = |name: &str, shards: u32| dollars(name, f64::from(shards) * MONTH);
    let consumers = stream.fan_out.len() as f64;
    let each = per_shard("kinesis.fanOutConsumerShardHour", max);
    let all_max = per_shard("kinesis.shardHour", max) + consumers * each;
    let metrics = f64::from(u32::try_from(stream.shard_metrics.len()).unwrap_or(u32::MAX));
    json!({
        "min": if provisioned { per_shard("kinesis.shardHour", min) } else { dollars("kinesis.onDemandStreamHour", MONTH) },
        "max": if provisioned { per_shard("kinesis.shardHour", max) } else { dollars("kinesis.onDemandStreamHour", MONTH) },
        "extended_retention": if provisioned { per_shard("kinesis.extendedRetentionShardHour", min) } else { 0.0 },
        "fan_out_each": if provisioned { per_shard("kinesis.fanOutConsumerShardHour", min) } else { 0.0 },
        "fan_out_each_max": if provisioned { per_shard("kinesis.fanOutConsumerShardHour", max) } else { 0.0 },
        // Of all shards and consumers at the upper bound.
        "all_max": if provisioned { round(all_max) } else { 0.0 },
        // CloudWatch charges a custom metric 0.30 a month, and shard-level metrics count as such.
        "shard_metrics": round(f64::from(min.max(1)) * metrics * 0.30),
        "shard_metrics_max": round(f64::from(max.max(1)) * metrics * 0.30),
    })
}

pub(super) fn round(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

/// The roles that read through a fan-out consumer.
fn via<'a>(spec: &'a Pipeline, stream: &Name, consumer: &Name) -> Vec<&'a str> {
    let reads =
        |grant: &crate::kinds::role::Grant| grant.read.as_ref() == Some(stream) && grant.via.as_ref() == Some(consumer);
    spec.access.iter().filter(|(_, access)| access.can.iter().any(reads)).map(|(name, _)| name.as_str()).collect()
}

fn share(stream: &StreamSpec, at: &Path) -> Vec<Json> {
    let one = |(index, share): (usize, &crate::kinds::stream_policy::Share)| {
        let at = at.key("share").index(index);
        json!({
            "account": share.account,
            "read": share.can != Can::Write,
            "write": share.can != Can::Read,
            "path": path(&at),
        })
    };
    stream.share.iter().enumerate().map(one).collect()
}

/// Everybody who reads, and whether with the throughput that ordinary readers share. A role that says the same twice
/// reads once.
fn readers(spec: &Pipeline, name: &Name, stream: &StreamSpec) -> Vec<Json> {
    let mut readers = Vec::new();
    for (role, access) in &spec.access {
        let mut said = BTreeSet::new();
        for (index, grant) in access.can.iter().enumerate().filter(|(_, grant)| grant.read.as_ref() == Some(name)) {
            if !said.insert((&grant.via, &grant.kcl)) {
                continue;
            }
            let at = Path::of(["access", role.as_str(), "can"]).index(index);
            readers.push(json!({
                "kind": "role",
                "name": role.as_str(),
                "shared": grant.via.is_none(),
                "via": grant.via,
                "kcl": grant.kcl,
                "path": path(&at),
            }));
        }
    }
    for (archive, _) in spec.archives.iter().filter(|(_, archive)| archive.from == *name) {
        let at = Path::of(["archives", archive.as_str(), "from"]);
        readers.push(json!({ "kind": "archive", "name": archive.as_str(), "shared": true, "path": path(&at) }));
    }
    for (index, share) in stream.share.iter().enumerate().filter(|(_, share)| share.can != Can::Write) {
        let at = Path::of(["streams", name.as_str(), "share"]).index(index);
        readers.push(json!({ "kind": "account", "name": share.account, "shared": true, "path": path(&at) }));
    }
    readers
}

fn writers(spec: &Pipeline, name: &Name, stream: &StreamSpec) -> Vec<Json> {
    let mut writers = Vec::new();
    for (role, access) in &spec.access {
        for (index, _) in access.can.iter().enumerate().filter(|(_, grant)| grant.write.as_ref() == Some(name)) {
            let at = Path::of(["access", role.as_str(), "can"]).index(index);
            writers.push(json!({ "kind": "role", "name": role.as_str(), "path": path(&at) }));
        }
    }
    for (index, share) in stream.share.iter().enumerate().filter(|(_, share)| share.can != Can::Read) {
        let at = Path::of(["streams", name.as_str(), "share"]).index(index);
        writers.push(json!({ "kind": "account", "name": share.account, "path": path(&at) }));
    }
    writers
}
