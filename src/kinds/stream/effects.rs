//! The AWS calls of a stream, and the only ones.

use std::collections::BTreeMap;

use aws_sdk_kinesis::types::{
    EncryptionType, MetricsName, ScalingType, StreamDescriptionSummary, StreamMode, StreamModeDetails, StreamStatus,
};

use super::super::{Tagged, key};
use super::physics::{ON_DEMAND_STREAMS, SHARDS};
use super::{SCHEMA, mapping, shards};
use crate::aws::{Aws, unended, unknown_call};
use crate::cloud::{Claim, Fault, Outputs, Target};
use crate::model::units::{Size, Span};
use crate::model::{Attrs, Call, Glance, PIPELINE, Quota, Quotas, RESOURCE, Resource, Scope, State, Value};

async fn summary(aws: &Aws, target: &Target) -> Result<StreamDescriptionSummary, Fault> {
    let doing = format!("reading stream {}", target.physical);
    let answer = aws
        .call("kinesis:DescribeStreamSummary", &doing, || {
            aws.kinesis().describe_stream_summary().stream_name(&target.physical).send()
        })
        .await?;
    answer.stream_description_summary.ok_or_else(|| super::super::absent(target))
}

fn state_of(stream: &StreamDescriptionSummary) -> State {
    match stream.stream_status() {
        StreamStatus::Active => State::Ready,
        status => State::Busy(status.as_str().to_owned()),
    }
}

pub async fn state(aws: &Aws, target: &Target) -> Result<State, Fault> {
    summary(aws, target).await.map(|stream| state_of(&stream))
}

/// What sizing needs, in one call, or in two with tags.
pub async fn glance(aws: &Aws, target: &Target, with_tags: bool) -> Result<Glance, Fault> {
    let stream = summary(aws, target).await?;
    let tags = if with_tags { Some(tags(aws, &target.physical).await?) } else { None };
    let text = |(key, value): (String, Value)| Some((key, value.as_text()?.to_owned()));
    Ok(Glance {
        state: state_of(&stream),
        open_shards: u32::try_from(stream.open_shard_count()).unwrap_or(0),
        shard_metrics: shard_metrics(&stream).into_iter().map(str::to_owned).collect(),
        on_demand: stream.stream_mode_details().map(StreamModeDetails::stream_mode) == Some(&StreamMode::OnDemand),
        tags: tags.map(|tags| tags.into_iter().filter_map(text).collect()),
    })
}

pub async fn tags(aws: &Aws, name: &str) -> Result<BTreeMap<String, Value>, Fault> {
    let doing = format!("reading the tags of stream {name}");
    let mut tags = BTreeMap::new();
    let mut after: Option<String> = None;
    // At most 50 tags, at least one on each page.
    for _ in 0..50 {
        let page = aws
            .call("kinesis:ListTagsForStream", &doing, || {
                aws.kinesis().list_tags_for_stream().stream_name(name).set_exclusive_start_tag_key(after.clone()).send()
            })
            .await?;
        for tag in page.tags() {
            tags.insert(tag.key().to_owned(), Value::text(tag.value().unwrap_or_default()));
        }
        after = page.tags().last().map(|tag| tag.key().to_owned());
        if !page.has_more_tags() {
            break;
        }
    }
    Ok(tags)
}

pub async fn observe(aws: &Aws, target: &Target) -> Result<Option<Resource>, Fault> {
    let stream = summary(aws, target).await?;
    let tags = match target.listed_values() {
        Some(tags) => tags,
        None => tags(aws, &target.physical).await?,
    };
    let mode = match stream.stream_mode_details().map(StreamModeDetails::stream_mode) {
        Some(StreamMode::OnDemand) => "onDemand",
        _ => "provisioned",
    };
    let encryption = match stream.encryption_type() {
        Some(EncryptionType::Kms) => key::canonical(aws, stream.key_id().unwrap_or_default()).await?,
        _ => "none".to_owned(),
    };
    let hours = u64::try_from(stream.retention_period_hours()).unwrap_or(24);
    let kib = u64::try_from(stream.max_record_size_in_kib().unwrap_or(1024)).unwrap_or(1024);
    let shards = i64::from(stream.open_shard_count());
    let attrs: Attrs = [
        ("mode", Value::text(mode)),
        ("shards", Value::Int(shards)),
        ("retention", Value::text(Span(hours * 3600).to_string())),
        ("encryption", Value::text(encryption)),
        ("shardMetrics", Value::list(shard_metrics(&stream))),
        ("maxRecordSize", Value::text(Size(kib * 1024).to_string())),
        ("tags", Value::Map(tags)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let mut facts = Attrs::from([("openShards".to_owned(), Value::Int(shards))]);
    if let Some(consumers) = stream.consumer_count() {
        facts.insert("consumers".into(), Value::Int(consumers.into()));
    }
    Ok(Some(Resource {
        physical: target.physical.clone(),
        outputs: BTreeMap::from([("arn".to_owned(), stream.stream_arn().to_owned())]),
        attrs,
        facts,
        state: state_of(&stream),
    }))
}

/// The shard-level metrics that are on. AWS and emulators also say `ALL`.
fn shard_metrics(stream: &StreamDescriptionSummary) -> Vec<&str> {
    let metrics = stream.enhanced_monitoring().iter().flat_map(|set| set.shard_level_metrics());
    let mut names: Vec<&str> = metrics.map(MetricsName::as_str).collect();
    if names.contains(&"ALL") {
        names = MetricsName::values().iter().copied().filter(|name| *name != "ALL").collect();
    }
    names.sort_unstable();
    names
}

/// 100 names a page; more than 10,000 streams on an emulator is no pipeline of ours.
const MOST_PAGES: usize = 100;

/// The names of all streams.
async fn names(aws: &Aws) -> Result<Vec<String>, Fault> {
    let doing = "listing streams";
    let mut names: Vec<String> = Vec::new();
    for _ in 0..MOST_PAGES {
        let after = names.last().cloned();
        let page = aws
            .call("kinesis:ListStreams", doing, || {
                aws.kinesis().list_streams().limit(100).set_exclusive_start_stream_name(after.clone()).send()
            })
            .await?;
        names.extend(page.stream_names().iter().cloned());
        if !page.has_more_streams() || page.stream_names().is_empty() {
            return Ok(names);
        }
    }
    Err(unended(doing, MOST_PAGES))
}

/// Emulators leave streams out of the tagging API, so there every stream is asked.
pub async fn list(aws: &Aws, scope: &Scope, found: &[Tagged]) -> Result<Vec<Tagged>, Fault> {
    if !aws.custom_endpoint || found.iter().any(|tagged| tagged.claim.address.kind() == SCHEMA.kind) {
        return Ok(Vec::new());
    }
    let mut ours = Vec::new();
    for name in names(aws).await? {
        let tags = match tags(aws, &name).await {
            Err(fault) if fault.is_absent() => continue,
            tags => tags?,
        };
        let tag = |key: &str| tags.get(key).and_then(Value::as_text);
        if tag(PIPELINE) == Some(&scope.pipeline)
            && let Some(Ok(address)) = tag(RESOURCE).map(str::parse)
        {
            let tags = tags.iter().map(|(k, v)| (k.clone(), v.as_text().unwrap_or_default().to_owned())).collect();
            ours.push(Tagged { claim: Claim { address, physical: name }, tags });
        }
    }
    Ok(ours)
}

/// DescribeLimits: one call a second for the whole account, so that a run makes one.
pub async fn quotas(aws: &Aws) -> Result<Quotas, Fault> {
    let answer = aws
        .call("kinesis:DescribeLimits", "reading the account's stream quotas", || {
            aws.kinesis().describe_limits().send()
        })
        .await?;
    let count = |number: i32| u64::try_from(number).unwrap_or(0);
    Ok(Quotas::from([
        (SHARDS.to_owned(), Quota { used: count(answer.open_shard_count()), limit: count(answer.shard_limit()) }),
        (
            ON_DEMAND_STREAMS.to_owned(),
            Quota { used: count(answer.on_demand_stream_count()), limit: count(answer.on_demand_stream_count_limit()) },
        ),
    ]))
}

pub async fn perform(aws: &Aws, target: &Target, call: &Call) -> Result<Outputs, Fault> {
    let name = &target.physical;
    let kinesis = aws.kinesis();
    let doing = format!("{} of stream {name}", describe(call));
    match call.verb() {
        "CreateStream" => create(aws, target, call, &doing).await?,
        "UpdateStreamMode" => {
            let details = mode_details(call.text("mode"));
            aws.call("kinesis:UpdateStreamMode", &doing, || {
                kinesis.update_stream_mode().stream_arn(target.arn()).stream_mode_details(details.clone()).send()
            })
            .await
            .map(drop)?;
        }
        "UpdateShardCount" => {
            let count = i32::try_from(call.int("shards").unwrap_or(1)).unwrap_or(1);
            // One of the day's ten: what AWS took and did not answer would be refused the second time, and thought never made.
            aws.call_once("kinesis:UpdateShardCount", &doing, || {
                let request = kinesis.update_shard_count().stream_name(name).target_shard_count(count);
                request.scaling_type(ScalingType::UniformScaling).send()
            })
            .await
            .map(drop)?;
        }
        "DeleteStream" => {
            // Consumers have been found and deregistered before; a new one must stop us, not die unseen.
            aws.call("kinesis:DeleteStream", &doing, || {
                kinesis.delete_stream().stream_name(name).enforce_consumer_deletion(false).send()
            })
            .await
            .map(drop)?;
        }
        "UpdateEventSourceMapping" => mapping::perform(aws, call, &doing).await?,
        "SplitShard" | "MergeShards" => shards::perform(aws, target, call, &doing).await?,
        "AddTagsToStream" | "RemoveTagsFromStream" => tag(aws, target, call, &doing).await?,
        "EnableEnhancedMonitoring" | "DisableEnhancedMonitoring" => monitor(aws, target, call, &doing).await?,
        _ => keep(aws, target, call, &doing).await?,
    }
    Ok(Outputs::new())
}

/// How records are kept: retention, encryption, size.
async fn keep(aws: &Aws, target: &Target, call: &Call, doing: &str) -> Result<(), Fault> {
    let name = &target.physical;
    let kinesis = aws.kinesis();
    match call.verb() {
        "IncreaseStreamRetentionPeriod" => {
            aws.call("kinesis:IncreaseStreamRetentionPeriod", doing, || {
                kinesis.increase_stream_retention_period().stream_name(name).retention_period_hours(hours(call)).send()
            })
            .await
            .map(drop)?;
        }
        "DecreaseStreamRetentionPeriod" => {
            aws.call("kinesis:DecreaseStreamRetentionPeriod", doing, || {
                kinesis.decrease_stream_retention_period().stream_name(name).retention_period_hours(hours(call)).send()
            })
            .await
            .map(drop)?;
        }
        "StartStreamEncryption" => {
            let id = key::id_for(call.text("encryption").unwrap_or("aws"));
            aws.call("kinesis:StartStreamEncryption", doing, || {
                let request = kinesis.start_stream_encryption().stream_name(name);
                request.encryption_type(EncryptionType::Kms).key_id(id).send()
            })
            .await
            .map(drop)?;
        }
        "StopStreamEncryption" => {
            let id = key::id_for(call.from.get("encryption").and_then(Value::as_text).unwrap_or("aws"));
            aws.call("kinesis:StopStreamEncryption", doing, || {
                let request = kinesis.stop_stream_encryption().stream_name(name);
                request.encryption_type(EncryptionType::Kms).key_id(id).send()
            })
            .await
            .map(drop)?;
        }
        "UpdateMaxRecordSize" => {
            let kib = kib(call).unwrap_or(1024);
            aws.call("kinesis:UpdateMaxRecordSize", doing, || {
                kinesis.update_max_record_size().stream_arn(target.arn()).max_record_size_in_kib(kib).send()
            })
            .await
            .map(drop)?;
        }
        _ => return Err(unknown_call(target, call)),
    }
    Ok(())
}

/// Shard-level metrics.
async fn monitor(aws: &Aws, target: &Target, call: &Call, doing: &str) -> Result<(), Fault> {
    let name = &target.physical;
    let kinesis = aws.kinesis();
    match call.verb() {
        "EnableEnhancedMonitoring" => {
            let metrics = difference(call.set.get("shardMetrics"), call.from.get("shardMetrics"));
            aws.call("kinesis:EnableEnhancedMonitoring", doing, || {
                kinesis
                    .enable_enhanced_monitoring()
                    .stream_name(name)
                    .set_shard_level_metrics(Some(metrics.clone()))
                    .send()
            })
            .await
            .map(drop)?;
        }
        _ => {
            let metrics = difference(call.from.get("shardMetrics"), call.set.get("shardMetrics"));
            aws.call("kinesis:DisableEnhancedMonitoring", doing, || {
                kinesis
                    .disable_enhanced_monitoring()
                    .stream_name(name)
                    .set_shard_level_metrics(Some(metrics.clone()))
                    .send()
            })
            .await
            .map(drop)?;
        }
    }
    Ok(())
}

async fn tag(aws: &Aws, target: &Target, call: &Call, doing: &str) -> Result<(), Fault> {
    let name = &target.physical;
    let kinesis = aws.kinesis();
    match call.verb() {
        "AddTagsToStream" => {
            let tags = text_map(call.set.get("tags"));
            aws.call("kinesis:AddTagsToStream", doing, || {
                kinesis.add_tags_to_stream().stream_name(name).set_tags(Some(tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
        _ => {
            aws.call("kinesis:RemoveTagsFromStream", doing, || {
                kinesis.remove_tags_from_stream().stream_name(name).set_tag_keys(Some(call.drop_tags.clone())).send()
            })
            .await
            .map(drop)?;
        }
    }
    Ok(())
}

async fn create(aws: &Aws, target: &Target, call: &Call, doing: &str) -> Result<(), Fault> {
    let mode = mode_details(call.text("mode"));
    let shards = call.int("shards").and_then(|shards| i32::try_from(shards).ok());
    let tags = text_map(call.set.get("tags"));
    aws.call("kinesis:CreateStream", doing, || {
        let request = aws.kinesis().create_stream().stream_name(&target.physical).stream_mode_details(mode.clone());
        request.set_shard_count(shards).set_tags(Some(tags.clone())).set_max_record_size_in_kib(kib(call)).send()
    })
    .await
    .map(drop)
}

fn mode_details(mode: Option<&str>) -> StreamModeDetails {
    let mode = if mode == Some("provisioned") { StreamMode::Provisioned } else { StreamMode::OnDemand };
    // The builder fails only without a mode.
    StreamModeDetails::builder().stream_mode(mode).build().unwrap_or_else(|_| unreachable!("the mode is set"))
}

fn hours(call: &Call) -> i32 {
    let span: Option<Span> = call.text("retention").and_then(|text| text.parse().ok());
    span.and_then(|span| i32::try_from(span.seconds() / 3600).ok()).unwrap_or(24)
}

fn kib(call: &Call) -> Option<i32> {
    let size: Size = call.text("maxRecordSize")?.parse().ok()?;
    i32::try_from(size.0 / 1024).ok()
}

/// The metrics of `all` that are not in `without`.
fn difference(all: Option<&Value>, without: Option<&Value>) -> Vec<MetricsName> {
    let names = |value: Option<&Value>| value.and_then(Value::as_list).unwrap_or_default().to_vec();
    let without = names(without);
    let missing = names(all).into_iter().filter(|name| !without.contains(name));
    missing.filter_map(|name| name.as_text().map(MetricsName::from)).collect()
}

/// Tags as the SDK takes them.
pub fn text_map(value: Option<&Value>) -> std::collections::HashMap<String, String> {
    let map = value.and_then(Value::as_map).into_iter().flatten();
    map.filter_map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned()))).collect()
}

fn describe(call: &Call) -> &'static str {
    match call.verb() {
        "CreateStream" => "creation",
        "DeleteStream" => "deletion",
        "UpdateShardCount" => "resize",
        "SplitShard" => "split of a shard",
        "MergeShards" => "merge of shards",
        "UpdateEventSourceMapping" => "parallelization factor of a Lambda function",
        "EnableEnhancedMonitoring" | "DisableEnhancedMonitoring" => "change of the shard metrics",
        "AddTagsToStream" | "RemoveTagsFromStream" => "tagging",
        _ => "change",
    }
}
