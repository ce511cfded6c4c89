//! From specs to streams under control.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Job;
use super::terms::Terms;
use crate::cloud::{Cloud, Target};
use crate::control::{Decision, Fleet, Function, Key, Loads, Rules, Stream, Verb, hand};
use crate::kinds::Pipeline;
use crate::kinds::stream::{LambdaReader, Mode, Parallelization, SCHEMA, Shards, SplitMerge, StreamSpec};
use crate::model::{Address, Desired, Scope, Value};
use crate::run::Watch;
use crate::scale::lambda::Factors;
use crate::scale::{Alarm, Bounds, Care, Inputs, Signal, Tidegate};

/// What an alarm on this metric asks a decision for.
fn signal(metric: &str) -> Option<Signal> {
    match metric {
        "GetRecords.IteratorAgeMilliseconds" | "SubscribeToShardEvent.MillisBehindLatest" => Some(Signal::IteratorAge),
        "WriteProvisionedThroughputExceeded" => Some(Signal::WritesRefused),
        "ReadProvisionedThroughputExceeded" => Some(Signal::ReadsRefused),
        _ => None,
    }
}

/// The streams of a pipeline that have a range.
pub fn ranges(job: &Job) -> impl Iterator<Item = (Bounds, &Desired)> {
    ranged(job).map(|(bounds, _, desired)| (bounds, desired))
}

fn ranged(job: &Job) -> impl Iterator<Item = (Bounds, &StreamSpec, &Desired)> {
    job.spec.streams.iter().filter_map(|(name, stream)| {
        Some((bounds(stream)?, stream, job.graph.get(&Address::new(SCHEMA.kind, name.as_str()))?))
    })
}

/// The Lambda functions that the spec names as readers of a stream.
pub fn functions<'a>(spec: &'a Pipeline, stream: &str) -> &'a [LambdaReader] {
    let found = spec.streams.iter().find(|(name, _)| name.as_str() == stream);
    found.and_then(|(_, stream)| stream.scaling.as_ref()).map_or(&[], |scaling| &scaling.lambda)
}

fn bounds(stream: &StreamSpec) -> Option<Bounds> {
    match (stream.capacity.mode, stream.capacity.shards) {
        (Mode::Provisioned, Some(Shards::Range { min, max })) => Some(Bounds { min, max }),
        _ => None,
    }
}

/// The names of all streams with a range.
pub fn keys(jobs: &[Job]) -> Vec<Key> {
    let of = |job| ranges(job).map(move |(_, desired)| key(job, desired));
    jobs.iter().flat_map(of).collect()
}

fn key(job: &Job, desired: &Desired) -> Key {
    Key { pipeline: job.scope.pipeline.clone(), stream: desired.address.name().to_owned() }
}

/// All streams with a range, how each is reached, and the clouds that they are in.
pub fn of(jobs: &[Job], rules: Rules) -> (Vec<Arc<dyn Cloud>>, Vec<Watch>, Fleet) {
    some(jobs, rules, &|_| true)
}

/// The same of those streams that are wanted.
pub fn some(jobs: &[Job], rules: Rules, wanted: &dyn Fn(&Key) -> bool) -> (Vec<Arc<dyn Cloud>>, Vec<Watch>, Fleet) {
    let mut clouds: Vec<Arc<dyn Cloud>> = Vec::new();
    let (mut watches, mut streams) = (Vec::new(), Vec::new());
    for job in jobs {
        let known = clouds.iter().position(|cloud| Arc::ptr_eq(cloud, &job.cloud));
        let cloud = known.unwrap_or_else(|| {
            clouds.push(Arc::clone(&job.cloud));
            clouds.len() - 1
        });
        let scope = Arc::new(job.scope.clone());
        let mut alarms = alarms(job);
        for (bounds, spec, desired) in ranged(job) {
            let key = key(job, desired);
            if !wanted(&key) {
                continue;
            }
            let policy = Box::new(Tidegate::new());
            let mut stream = Stream::new(key, desired.physical.clone(), Arc::clone(&scope), bounds, policy);
            heed(&mut stream, job, spec);
            streams.push(stream);
            let alarms = alarms.remove(desired.address.name()).unwrap_or_default();
            let consumers = spec.fan_out.iter().map(ToString::to_string).collect();
            watches.push(Watch { alarms, consumers, ..watch(desired, &scope, cloud) });
        }
    }
    let count = i64::try_from(streams.len()).unwrap_or(i64::MAX);
    // A minute's tick looks at 400 streams, and reads the tags of 100 where no listing told them (`run::turns`).
    let rules = Rules {
        look_seconds: rules.look_seconds.max(count * 3 / 20),
        // A decision takes some 700 bytes: 30 MB at most.
        decisions: usize::try_from(40_000 / count.max(1)).unwrap_or(0).clamp(4, rules.decisions.max(4)),
        changes: usize::try_from(60_000 / count.max(1)).unwrap_or(0).clamp(6, rules.changes.max(6)),
        tag_seconds: rules.tag_seconds.max(count * 3 / 5),
        ..rules
    };
    (clouds, watches, Fleet::new(rules, streams, env!("CARGO_PKG_VERSION")))
}

/// The stream as the cloud knows it.
pub fn target(job: &Job, desired: &Desired) -> Target {
    watch(desired, &Arc::new(job.scope.clone()), 0).target()
}

fn watch(desired: &Desired, scope: &Arc<Scope>, cloud: usize) -> Watch {
    let (name, physical) = (desired.address.name().to_owned(), desired.physical.clone());
    Watch { name, physical, scope: Arc::clone(scope), cloud, alarms: Vec::new(), consumers: Vec::new() }
}

/// What the spec's `scaling` block says.
fn heed(stream: &mut Stream, job: &Job, spec: &StreamSpec) {
    let Terms { price, inputs, money } = Terms::of(spec, &job.prices);
    (stream.price, stream.money) = (price, money);
    stream.inputs = Inputs { care: Some(Care::default()), ..inputs };
    let functions = spec.scaling.iter().flat_map(|scaling| &scaling.lambda);
    let function = |reader: &LambdaReader| {
        let Parallelization { min, max } = reader.parallelization;
        Function::new(reader.function.to_string(), Factors { min, max })
    };
    stream.functions = functions.map(function).collect();
    stream.splits = spec.scaling.as_ref().is_some_and(|scaling| scaling.split_merge == SplitMerge::Allow);
    stream.loads = match spec.switched_metrics() {
        _ if spec.tells_loads() => Loads::Declared,
        metrics if metrics.is_empty() => Loads::Untold,
        metrics => Loads::Switched(metrics.iter().map(|metric| format!("{metric:?}")).collect()),
    };
}

/// The alarms that ask for a decision, by the stream that they are about.
fn alarms(job: &Job) -> BTreeMap<&str, Vec<Alarm>> {
    let mut alarms: BTreeMap<&str, Vec<Alarm>> = BTreeMap::new();
    for alarm in job.graph.of_kind("alarm") {
        let signal = alarm.attrs.get("metric").and_then(Value::as_text).and_then(signal);
        let stream = alarm.address.name().split('/').next().unwrap_or_default();
        let waking = signal.map(|signal| Alarm { name: alarm.physical.clone(), signal });
        alarms.entry(stream).or_default().extend(waking);
    }
    alarms
}

/// A decision in one line, for people.
pub fn line(key: &Key, decision: &Decision) -> String {
    let of = decision.lambda.as_ref().map(|lambda| format!("{} at factor ", lambda.function)).unwrap_or_default();
    let what = match decision.verb {
        Verb::Hold => format!("hold {of}{}", decision.from),
        Verb::Resize => format!("resize {} → {}", decision.from, decision.to),
        Verb::Merge => format!("merge {} → {}", decision.from, decision.to),
        Verb::Split => format!("split {} → {}", decision.from, decision.to),
        Verb::Settled => format!("settled at {}", decision.to),
        Verb::Parallelize => format!("parallelize {of}{} → {}", decision.from, decision.to),
        Verb::Watch => "watch: shard metrics on".to_owned(),
        Verb::Unwatch => "unwatch: shard metrics off".to_owned(),
        Verb::Foreign => format!("foreign {} → {}", decision.from, decision.to),
    };
    let woken = if decision.woken_by == "tick" { String::new() } else { format!(" [woken by {}]", decision.woken_by) };
    let outcome = decision.outcome.as_ref().map(|outcome| format!(" ({outcome})")).unwrap_or_default();
    format!("{}  {key}  {what}  {}: {}{outcome}{woken}", hand::stamp(decision.at), decision.reason, decision.because)
}
