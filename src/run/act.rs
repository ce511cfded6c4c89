//! Sends a resize: the very calls that `apply` would send, the day's ledger on the stream first. Without the waiting of the
//! executor: the next ticks see the stream settle, and what AWS refuses is decided anew and not repeated.

use std::sync::Arc;

use super::{Fence, Watch};
use crate::aws::fenced;
use crate::cloud::{Class, Cloud, Fault};
use crate::control::{Answer, Verb};
use crate::kinds::stream::SCHEMA;
use crate::model::{Attrs, Call, Effect, Glance, LEDGER, Resource, Shift, Value};
use crate::scale::hot::Operation;

/// The calls of a resize, as the kind of streams makes them.
pub fn calls(watch: &Watch, glance: &Glance, to: u32, now: i64) -> Vec<Call> {
    let open = Value::from(glance.open_shards);
    let tags = glance.tags.iter().flatten().map(|(key, value)| (key.clone(), Value::text(value.clone())));
    let before = Resource {
        physical: watch.physical.clone(),
        attrs: Attrs::from([("shards".to_owned(), open.clone()), ("tags".to_owned(), Value::map(tags))]),
        facts: Attrs::from([("openShards".to_owned(), open)]),
        ..Resource::default()
    };
    let changed = Attrs::from([("shards".to_owned(), Value::from(to))]);
    let shift = Shift { before: Some(&before), wanted: Some(&changed), changed: changed.clone(), now };
    (SCHEMA.calls)(&SCHEMA, &shift)
}

/// The one call of a split or a merge; nothing is written on the stream, since nothing counts.
pub fn split(operation: &Operation) -> Vec<Call> {
    let call = |verb: &str, shard: &str, name: &str, value: String| {
        Call::new(Effect::Set, verb).with("shard", Value::text(shard)).with(name, Value::text(value))
    };
    vec![match operation {
        Operation::Split { shard, at } => call("kinesis:SplitShard", shard, "newStartingHashKey", at.to_string()),
        Operation::Merge { shard, adjacent } => call("kinesis:MergeShards", shard, "adjacent", adjacent.clone()),
    }]
}

/// The one call that turns shard metrics on or off: the others stay as they are.
pub fn switch(verb: Verb, before: &Glance, metrics: &[String]) -> Call {
    let live = &before.shard_metrics;
    let others = live.iter().filter(|metric| !metrics.contains(metric));
    let (operation, set) = match verb {
        Verb::Watch => ("kinesis:EnableEnhancedMonitoring", Value::list(others.chain(metrics).cloned())),
        _ => ("kinesis:DisableEnhancedMonitoring", Value::list(others.cloned())),
    };
    let live = Value::list(live.iter().cloned());
    Call::new(Effect::Set, operation).with("shardMetrics", set).was("shardMetrics", Some(&live))
}

/// Sends them, one after the other. Answers how AWS took the resize, in one word and in a sentence. `fence`: whether this
/// process may still act, asked before each call and before each of its sendings.
pub async fn send(
    cloud: &dyn Cloud,
    watch: &Watch,
    calls: &[Call],
    before: &Glance,
    fence: &Fence,
) -> (Answer, String) {
    fenced(Arc::clone(fence), all(cloud, watch, calls, before, fence)).await
}

async fn all(cloud: &dyn Cloud, watch: &Watch, calls: &[Call], before: &Glance, fence: &Fence) -> (Answer, String) {
    let target = watch.target();
    for call in calls {
        if !fence() {
            return (Answer::Unsent, "not sent: another replica may have taken over".into());
        }
        let Err(fault) = cloud.perform(&target, call).await else { continue };
        if fault.class == Class::Unsent {
            return (Answer::Unsent, fault.to_string());
        }
        if call.verb() == "AddTagsToStream" {
            // What it was to announce was not sent.
            return (Answer::Refused, format!("refused: {fault}"));
        }
        return match answer(&fault) {
            Answer::Unknown => (Answer::Unknown, format!("unanswered: {fault}")),
            answer => {
                // Where another change is under way somebody else may have written, too: then it counts one too many.
                if fault.class != Class::Busy && call.verb() == "UpdateShardCount" {
                    take_back(cloud, watch, before).await;
                }
                (answer, format!("refused: {fault}"))
            }
        };
    }
    (Answer::Accepted, "accepted".into())
}

/// A refused call does not count: the stream's ledger is as it was. If that fails, it counts one too many.
async fn take_back(cloud: &dyn Cloud, watch: &Watch, before: &Glance) {
    let text = before.tags.as_ref().and_then(|tags| tags.get(LEDGER)).cloned().unwrap_or_default();
    let call = Call::new(Effect::Set, "kinesis:AddTagsToStream").with("tags", Value::map([(LEDGER, text)]));
    if let Err(fault) = cloud.perform(&watch.target(), &call).await {
        tracing::debug!(%fault, "the refused call still stands on the stream");
    }
}

fn answer(fault: &Fault) -> Answer {
    match fault.class {
        Class::Unreachable | Class::NotYet => Answer::Unknown,
        _ => Answer::Refused,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures::FutureExt;

    use super::*;
    use crate::kinds::SCHEMAS;
    use crate::local::{Local, Moment, Options};
    use crate::model::{Scope, State};

    /// The inner fence closes between the announcement and the resize, at each of the two.
    #[test]
    fn what_the_fence_stops_is_unsent_and_not_refused() {
        for stopped in ["AddTagsToStream", "UpdateShardCount"] {
            let hook = move |_: &crate::cloud::Target, call: &Call, moment| {
                let stops = moment == Moment::Before && call.verb() == stopped;
                stops.then(|| Fault::new(Class::Unsent, "resizing", "NotSent", "it was not sent"))
            };
            let local = Local::new(SCHEMAS, Options::default(), 0).with_hook(Arc::new(hook));
            local.put("stream", "clicks", Attrs::from([("shards".to_owned(), Value::Int(2))])).expect("a stream");
            let scope = Arc::new(Scope { pipeline: "shop".into(), ..local.options().scope() });
            let (name, physical) = ("clicks".to_owned(), "clicks".to_owned());
            let watch = Watch { name, physical, scope, cloud: 0, alarms: Vec::new(), consumers: Vec::new() };
            let tags = Some(BTreeMap::new());
            let before = Glance { state: State::Ready, open_shards: 2, tags, ..Glance::default() };
            let calls = calls(&watch, &before, 4, 0);
            assert!(calls.iter().any(|call| call.verb() == stopped), "{calls:?}");
            let fence: Fence = Arc::new(|| true);
            let (answer, outcome) = send(&local, &watch, &calls, &before, &fence).now_or_never().unwrap();
            assert_eq!((answer, outcome.as_str()), (Answer::Unsent, "resizing: it was not sent"));
        }
    }
}
