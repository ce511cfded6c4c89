//! From specs to streams under control.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Job;
use super::terms::Terms;
use crate::cloud::{Cloud, Target};
use crate::control::{Decision, Fleet, Key, Rules, Stream, Verb, hand};
use crate::kinds::stream::{Mode, SCHEMA, Shards, StreamSpec};
use crate::model::{Address, Desired};
use crate::run::Watch;
use crate::scale::{Alarm, Bounds, Care, Inputs, Signal, Tidegate};

/// What an alarm on this metric asks a decision for.
fn signal(metric: &str) -> Option<Signal> {
    match metric {
        "GetRecords.IteratorAgeMilliseconds" => Some(Signal::IteratorAge),
        "WriteProvisionedThroughputExceeded" => Some(Signal::WritesRefused),
        "ReadProvisionedThroughputExceeded" => Some(Signal::ReadsRefused),
        _ => None,
    }
}

/// The streams of a pipeline that have a range.
pub fn ranges(job: &Job) -> impl Iterator<Item = (Bounds, &Desired)> {
    job.spec
        .streams
        .iter()
        .filter_map(|(name, stream)| Some((bounds(stream)?, job.graph.get(&Address::new(SCHEMA.kind, name.as_str()))?)))
}

fn bounds(stream: &StreamSpec) -> Option<Bounds> {
    match (stream.capacity.mode, stream.capacity.shards) {
        (Mode::Provisioned, Some(Shards::Range { min, max })) => Some(Bounds { min, max }),
        _ => None,
    }
}

/// All streams with a range, how each is reached, and the clouds that they are in.
pub fn of(jobs: &[Job], rules: Rules) -> (Vec<Arc<dyn Cloud>>, Vec<Watch>, Fleet) {
    let mut clouds: Vec<Arc<dyn Cloud>> = Vec::new();
    let (mut watches, mut streams) = (Vec::new(), Vec::new());
    for job in jobs {
        let known = clouds.iter().position(|cloud| Arc::ptr_eq(cloud, &job.cloud));
        let cloud = known.unwrap_or_else(|| {
            clouds.push(Arc::clone(&job.cloud));
            clouds.len() - 1
        });
        for (bounds, desired) in ranges(job) {
            let key = Key { pipeline: job.scope.pipeline.clone(), stream: desired.address.name().to_owned() };
            let policy = Box::new(Tidegate::new());
            let wanted = desired.attrs.clone();
            let mut stream = Stream::new(key, desired.physical.clone(), job.scope.clone(), bounds, wanted, policy);
            heed(&mut stream, job, desired.address.name());
            streams.push(stream);
            watches.push(Watch { target: target(job, desired), cloud, alarms: alarms(job, desired) });
        }
    }
    let count = i64::try_from(streams.len()).unwrap_or(i64::MAX);
    // Half of what the API allows in a second: 20 summaries, 5 lists of tags.
    let rules = Rules {
        look_seconds: rules.look_seconds.max(count / 10),
        // A decision takes some 700 bytes: 30 MB at most.
        decisions: usize::try_from(40_000 / count.max(1)).unwrap_or(0).clamp(4, rules.decisions.max(4)),
        tag_seconds: rules.tag_seconds.max(count / 2),
        ..rules
    };
    (clouds, watches, Fleet::new(rules, streams, env!("CARGO_PKG_VERSION")))
}

/// The stream as the cloud knows it.
pub fn target(job: &Job, desired: &Desired) -> Target {
    Target {
        address: desired.address.clone(),
        schema: &SCHEMA,
        scope: job.scope.clone(),
        physical: desired.physical.clone(),
        outputs: BTreeMap::new(),
        listed: None,
    }
}

/// What the spec's `scaling` block says.
fn heed(stream: &mut Stream, job: &Job, name: &str) {
    stream.inputs.care = Some(Care::default());
    let Some((_, spec)) = job.spec.streams.iter().find(|(key, _)| key.as_str() == name) else { return };
    let Terms { price, inputs, money } = Terms::of(spec, &job.prices);
    (stream.price, stream.money) = (price, money);
    stream.inputs = Inputs { care: stream.inputs.care, ..inputs };
}

fn alarms(job: &Job, stream: &Desired) -> Vec<Alarm> {
    let of_it = |alarm: &&Desired| {
        alarm.address.kind() == "alarm" && alarm.address.name().split('/').next() == Some(stream.address.name())
    };
    let waking = |alarm: &Desired| {
        let signal = signal(alarm.attrs.get("metric")?.as_text()?)?;
        Some(Alarm { name: alarm.physical.clone(), signal })
    };
    job.graph.iter().filter(of_it).filter_map(waking).collect()
}

/// A decision in one line, for people.
pub fn line(key: &Key, decision: &Decision) -> String {
    let what = match decision.verb {
        Verb::Hold => format!("hold {}", decision.from),
        Verb::Resize => format!("resize {} → {}", decision.from, decision.to),
        Verb::Settled => format!("settled at {}", decision.to),
        Verb::Foreign => format!("foreign {} → {}", decision.from, decision.to),
    };
    let woken = if decision.woken_by == "tick" { String::new() } else { format!(" [woken by {}]", decision.woken_by) };
    let outcome = decision.outcome.as_ref().map(|outcome| format!(" ({outcome})")).unwrap_or_default();
    format!("{}  {key}  {what}  {}: {}{outcome}{woken}", hand::stamp(decision.at), decision.reason, decision.because)
}
