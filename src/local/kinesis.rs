//! Kinesis's operations on the streams of a world: what AWS refuses, what it starts, and how long it takes.

use std::collections::BTreeSet;

use super::lambda;
use super::limits::{Refusal, per_day};
use super::stream::{Change, ON_DEMAND_SHARDS, Spent, Stream, Then, is_on_demand, retention_seconds};
use super::world::{Item, Moving, World};
use crate::cloud::{Class, Target};
use crate::model::units::Span;
use crate::model::{Attrs, Call, Made, Quota, Quotas, Value};

/// Seconds that changes take. Models: AWS says "a few minutes" for the mode and up to 5 s for encryption.
const MODE_SECONDS: i64 = 60;
const SETTING_SECONDS: i64 = 20;
/// One split or merge (awslabs' scaling tool assumes about 30 s).
const SPLIT_SECONDS: i64 = 30;

/// What DescribeLimits would answer.
pub fn quotas(world: &World, moving: &Moving) -> Quotas {
    let limits = &moving.options.limits;
    let on_demand = world.streams().filter(|(_, item, _)| is_on_demand(&item.attrs)).count();
    let quota = |used: u64, limit: u64| Quota { used, limit };
    Quotas::from([
        ("kinesis.shards".to_owned(), quota(provisioned_shards(world, ""), limits.shards_of_the_account.into())),
        ("kinesis.onDemandStreams".to_owned(), quota(on_demand as u64, limits.on_demand_streams as u64)),
    ])
}

/// Who called is not recorded: everybody's calls.
pub fn made(world: &World, operations: &BTreeSet<&str>, since: i64) -> Vec<Made> {
    let mut found = Vec::new();
    for (name, _, stream) in world.streams() {
        let Spent { reshards, mode_switches, key_changes } = &stream.spent;
        // Of an encryption change it is not kept in which direction it went; both count alike.
        let all = [
            ("UpdateShardCount", reshards),
            ("UpdateStreamMode", mode_switches),
            ("StartStreamEncryption", key_changes),
        ];
        for (operation, calls) in all.into_iter().filter(|(operation, _)| operations.contains(operation)) {
            let calls = calls.iter().filter(|at| **at > since);
            found.extend(calls.map(|at| Made { stream: name.into(), operation: operation.into(), at: *at }));
        }
    }
    found
}

/// CreateStream.
pub fn create(world: &World, moving: &Moving, target: &Target, attrs: &mut Attrs) -> Result<Stream, Refusal> {
    if !attrs.contains_key("mode") {
        let mode = if attrs.contains_key("shards") { "provisioned" } else { "onDemand" };
        attrs.insert("mode".into(), Value::text(mode));
    }
    let limits = &moving.options.limits;
    limits.creating(world.streams().filter(|(_, _, stream)| status(stream) == Some("CREATING")).count())?;
    let asked = attrs.remove("shards");
    let shards = if is_on_demand(attrs) {
        limits.on_demand(world.streams().filter(|(_, item, _)| is_on_demand(&item.attrs)).count())?;
        if asked.is_some() {
            return Err(Refusal::invalid("ShardCount is not taken for an on-demand stream"));
        }
        ON_DEMAND_SHARDS
    } else {
        let count = asked
            .as_ref()
            .and_then(Value::as_int)
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| *count > 0);
        let count = count
            .ok_or_else(|| Refusal::invalid("ShardCount is required for a provisioned stream, and is at least 1"))?;
        limits.account_shards(provisioned_shards(world, &target.physical), count.into())?;
        count
    };
    retention(moving, "", attrs, attrs.get("retention"))?;
    let mut stream = Stream::new(shards, moving.now);
    let seconds = stream.draw(moving.options.seed, &target.physical, 10.0, 30.0);
    begin(&mut stream, moving, "CREATING", seconds, Then::Active);
    Ok(stream)
}

/// Every other operation on an existing stream.
pub fn change(world: &World, moving: &Moving, item: &mut Item, target: &Target, call: &Call) -> Result<(), Refusal> {
    let Some(mut stream) = item.stream.take() else { return Ok(()) };
    let done = operate(world, moving, &mut stream, &mut item.attrs, target, call);
    item.stream = Some(stream);
    done
}

fn operate(
    world: &World,
    moving: &Moving,
    stream: &mut Stream,
    attrs: &mut Attrs,
    target: &Target,
    call: &Call,
) -> Result<(), Refusal> {
    let verb = call.verb();
    if verb == "UpdateEventSourceMapping" {
        // Lambda's, whatever the stream is doing.
        return lambda::update(&mut stream.functions, &target.physical, call, moving.now);
    }
    let tagging = matches!(verb, "AddTagsToStream" | "RemoveTagsFromStream");
    if let Some(status) = status(stream).filter(|status| !tagging || *status != "UPDATING") {
        return Err(Refusal::in_use(format!("Stream {} not ACTIVE, instead in state {status}", target.physical)));
    }
    if tagging {
        return Ok(());
    }
    let now = moving.now;
    let limits = &moving.options.limits;
    let settled = Then::Set(call.set.clone());
    match verb {
        "UpdateShardCount" => update_shard_count(world, moving, stream, attrs, target, call)?,
        "SplitShard" | "MergeShards" => split_or_merge(moving, stream, attrs, call)?,
        "UpdateStreamMode" => {
            per_day(&stream.spent.mode_switches, now, limits.mode_switches_a_day, verb)?;
            if is_on_demand(&call.set) && !is_on_demand(attrs) {
                limits.on_demand(world.streams().filter(|(_, item, _)| is_on_demand(&item.attrs)).count())?;
            }
            stream.spent.mode_switches.push(now);
            begin(stream, moving, "UPDATING", MODE_SECONDS as f64, settled);
        }
        "IncreaseStreamRetentionPeriod" | "DecreaseStreamRetentionPeriod" => {
            retention(moving, verb, attrs, call.set.get("retention"))?;
            begin(stream, moving, "UPDATING", SETTING_SECONDS as f64, settled);
        }
        "StartStreamEncryption" | "StopStreamEncryption" => {
            per_day(&stream.spent.key_changes, now, limits.key_changes_a_day, "Start/StopStreamEncryption")?;
            stream.spent.key_changes.push(now);
            begin(stream, moving, "UPDATING", SETTING_SECONDS as f64, settled);
        }
        _ => begin(stream, moving, "UPDATING", SETTING_SECONDS as f64, settled),
    }
    Ok(())
}

fn update_shard_count(
    world: &World,
    moving: &Moving,
    stream: &mut Stream,
    attrs: &Attrs,
    target: &Target,
    call: &Call,
) -> Result<(), Refusal> {
    only_provisioned(attrs, "UpdateShardCount")?;
    let limits = &moving.options.limits;
    let to = call.int("shards").ok_or_else(|| Refusal::invalid("TargetShardCount is required"))?;
    let to = limits.reshape(stream.shards.open_count(), to)?;
    limits.account_shards(provisioned_shards(world, &target.physical), stream.peak_of_change(to).max(to.into()))?;
    per_day(&stream.spent.reshards, moving.now, limits.reshards_a_day, "UpdateShardCount")?;
    stream.spent.reshards.push(moving.now);
    let start = stream.draw(moving.options.seed, &target.physical, 10.0, 30.0);
    let operations = crate::model::operations(stream.shards.open_count(), to);
    begin(stream, moving, "UPDATING", moving.options.profile.seconds(operations, start), Then::Reshape(to));
    Ok(())
}

/// The call names the shard (`shard`), and the first hash key of the right child (`newStartingHashKey`) or the neighbour (`adjacent`).
fn split_or_merge(moving: &Moving, stream: &mut Stream, attrs: &Attrs, call: &Call) -> Result<(), Refusal> {
    only_provisioned(attrs, call.verb())?;
    let text = |name: &str| {
        call.text(name).map(str::to_owned).ok_or_else(|| Refusal::invalid(format!("`{name}` is required")))
    };
    let shard = text("shard")?;
    // Tried on a copy, so that what cannot be done is refused now and not when it would complete.
    let mut trial = stream.shards.clone();
    let then = if call.verb() == "SplitShard" {
        let at = text("newStartingHashKey")?;
        let key = at.parse().map_err(|_| Refusal::invalid(format!("{at} is no hash key: 0 to 2^128-1 in decimal")))?;
        trial.split(&shard, key, moving.now).map_err(Refusal::invalid)?;
        Then::Split { shard, at }
    } else {
        let adjacent = text("adjacent")?;
        trial.merge(&shard, &adjacent, moving.now).map_err(Refusal::invalid)?;
        Then::Merge { shard, adjacent }
    };
    begin(stream, moving, "UPDATING", SPLIT_SECONDS as f64, then);
    Ok(())
}

/// DeleteStream: refused while consumers are registered, unless they are to go with it. Accepted in any state but DELETING.
pub fn delete(moving: &Moving, item: &mut Item, target: &Target, call: &Call, consumers: usize) -> Result<(), Refusal> {
    let Some(stream) = &mut item.stream else { return Ok(()) };
    if status(stream) == Some("DELETING") {
        return Err(Refusal::in_use(format!("Stream {} is DELETING", target.physical)));
    }
    if consumers > 0 && call.flag("enforceConsumerDeletion") != Some(true) {
        let message = format!(
            "Stream {} has {consumers} registered consumers: deregister them first, or ask for EnforceConsumerDeletion",
            target.physical
        );
        // Waiting does not help.
        return Err(Refusal::new(Class::Refused, "ResourceInUseException", message));
    }
    let seconds = stream.draw(moving.options.seed, &target.physical, 10.0, 30.0);
    begin(stream, moving, "DELETING", seconds, Then::Gone);
    Ok(())
}

/// The word that DescribeStreamSummary would answer, where it is not ACTIVE.
pub fn status(stream: &Stream) -> Option<&str> {
    stream.change.as_ref().map(|change| change.status.as_str())
}

fn begin(stream: &mut Stream, moving: &Moving, status: &str, seconds: f64, then: Then) {
    // Whole seconds, rounded up, as the clock shows no less.
    let until = moving.now + seconds.ceil() as i64;
    stream.change = Some(Change { status: status.into(), until, then });
}

fn only_provisioned(attrs: &Attrs, verb: &str) -> Result<(), Refusal> {
    if is_on_demand(attrs) {
        return Err(Refusal::invalid(format!("{verb} is only supported for streams in PROVISIONED mode")));
    }
    Ok(())
}

fn retention(moving: &Moving, verb: &str, attrs: &Attrs, wanted: Option<&Value>) -> Result<(), Refusal> {
    let Some(wanted) = wanted.and_then(Value::as_text) else { return Ok(()) };
    let span = wanted.parse::<Span>().map_err(Refusal::invalid)?;
    let from = retention_seconds(attrs).cast_unsigned() / 3600;
    moving.options.limits.retention(verb, from, span.seconds() / 3600)
}

/// Open shards of the account's other provisioned streams.
fn provisioned_shards(world: &World, besides: &str) -> u64 {
    let others = world.streams().filter(|(name, item, _)| *name != besides && !is_on_demand(&item.attrs));
    others.map(|(_, _, stream)| u64::from(stream.shards.open_count())).sum()
}
