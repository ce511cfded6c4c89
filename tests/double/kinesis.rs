use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, Tags, World, arn, past, tags_out, text, unknown, wire};

pub struct Stream {
    shards: u64,
    mode: String,
    hours: u64,
    key: Option<String>,
    metrics: Vec<Value>,
    kib: u64,
    pub tags: Tags,
    /// Until then it is CREATING or UPDATING.
    busy: (&'static str, Instant),
}

/// New streams at once (API reference of CreateStream).
const CREATING_AT_ONCE: usize = 5;

pub fn play(world: &mut World, operation: &str, input: &Value, creating: Duration) -> Answer {
    match operation {
        "CreateStream" => return create(world, input, creating),
        "DescribeLimits" => {
            let open: u64 = world.streams.values().map(|stream| stream.shards).sum();
            return Ok(json!({
                "ShardLimit": 1_000_000, "OpenShardCount": open, "OnDemandStreamCount": 0, "OnDemandStreamCountLimit": 50,
            }));
        }
        _ => {}
    }
    let name = match text(input, "StreamName") {
        "" => text(input, "StreamARN").rsplit('/').next().unwrap_or_default(),
        name => name,
    };
    let Some(stream) = world.streams.get_mut(name) else {
        return Err(("ResourceNotFoundException", format!("Stream {name} not found")));
    };
    let number = |name: &str| input[name].as_u64().unwrap_or_default();
    match operation {
        "DescribeStreamSummary" => return Ok(summary(name, stream)),
        "ListTagsForStream" => {
            return Ok(json!({ "Tags": tags_out(&stream.tags, ["Key", "Value"]), "HasMoreTags": false }));
        }
        "AddTagsToStream" => stream.tags.extend(
            input["Tags"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").into())),
        ),
        "IncreaseStreamRetentionPeriod" | "DecreaseStreamRetentionPeriod" => {
            stream.hours = number("RetentionPeriodHours");
        }
        "StartStreamEncryption" => stream.key = Some(text(input, "KeyId").to_owned()),
        "EnableEnhancedMonitoring" => {
            stream.metrics = input["ShardLevelMetrics"].as_array().cloned().unwrap_or_default()
        }
        "UpdateShardCount" => {
            let target = number("TargetShardCount");
            let answer = json!({
                "StreamName": name, "CurrentShardCount": stream.shards, "TargetShardCount": target,
            });
            stream.shards = target;
            stream.busy = ("UPDATING", Instant::now() + creating);
            return Ok(answer);
        }
        other => return unknown(&format!("kinesis:{other}")),
    }
    Ok(json!({}))
}

fn create(world: &mut World, input: &Value, creating: Duration) -> Answer {
    let name = text(input, "StreamName");
    if world.streams.contains_key(name) {
        return Err(("ResourceInUseException", format!("Stream {name} already exists")));
    }
    let busy = world.streams.values().filter(|stream| !past(stream.busy.1)).count();
    if busy >= CREATING_AT_ONCE {
        return Err(("LimitExceededException", "5 streams are being created already".into()));
    }
    let tags = input["Tags"].as_object().into_iter().flatten();
    let stream = Stream {
        shards: input["ShardCount"].as_u64().unwrap_or(4),
        mode: input["StreamModeDetails"]["StreamMode"].as_str().unwrap_or("PROVISIONED").to_owned(),
        hours: 24,
        key: None,
        metrics: Vec::new(),
        kib: input["MaxRecordSizeInKiB"].as_u64().unwrap_or(1024),
        tags: tags.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        busy: ("CREATING", Instant::now() + creating),
    };
    world.streams.insert(name.to_owned(), stream);
    Ok(json!({}))
}

fn summary(name: &str, stream: &Stream) -> Value {
    json!({ "StreamDescriptionSummary": {
        "StreamName": name,
        "StreamARN": arn("kinesis", &format!("stream/{name}")),
        "StreamStatus": if past(stream.busy.1) { "ACTIVE" } else { stream.busy.0 },
        "StreamModeDetails": { "StreamMode": stream.mode },
        "RetentionPeriodHours": stream.hours,
        "StreamCreationTimestamp": wire::time(1_750_000_000),
        "EnhancedMonitoring": [{ "ShardLevelMetrics": stream.metrics }],
        "EncryptionType": if stream.key.is_some() { "KMS" } else { "NONE" },
        "KeyId": stream.key,
        "OpenShardCount": stream.shards,
        "ConsumerCount": 0,
        "MaxRecordSizeInKiB": stream.kib,
    } })
}
