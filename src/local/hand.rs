//! What people and tests do to the local cloud past its API: traffic, a look at shards and metrics, trouble by hand.

use std::time::Duration;

use super::lambda::Function;
use super::shards::ShardMap;
use super::stream::{Stream, is_on_demand};
use super::world::{Item, Moving, STREAM, World};
use super::{Load, Local, Shard, metrics, names};
use crate::cloud::{Class, Fault, Target};
use crate::model::{Address, Attrs, Compare, Schema, Value};

impl Local {
    /// Lets virtual time pass without waiting.
    pub fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Puts load on a stream, from this minute on.
    pub fn offer(&self, stream: &str, load: Load) -> Result<(), Fault> {
        self.by_hand(STREAM, stream, |item, moving| {
            if let Some(stream) = &mut item.stream {
                stream.offer(load, moving.now);
            }
        })
    }

    /// Lets a Lambda function (a name or an ARN) read a stream by an event source mapping; one that reads it already keeps its factor.
    /// `pace`: records of one shard that it gets done in a second for each step of it; the slowest reader is the one that is seen.
    pub fn map_function(&self, stream: &str, function: &str, pace: f64) -> Result<(), Fault> {
        self.by_hand(STREAM, stream, |item, _| {
            if let Some(stream) = &mut item.stream {
                match stream.functions.iter_mut().find(|known| known.is_named(function)) {
                    Some(known) => known.pace = pace,
                    None => stream.functions.push(Function::new(function, pace)),
                }
            }
        })
    }

    /// Open and closed shards by number; none where there is no such stream.
    pub fn shards(&self, stream: &str) -> Vec<Shard> {
        let all = self.look(|world, _| world.item(STREAM, stream)?.stream.as_ref().map(|stream| stream.shards.all()));
        all.ok().flatten().unwrap_or_default()
    }

    /// A CloudWatch metric of a stream: (minute since 1970, value) for minutes from `from` to `to` (exclusive),
    /// as far as they are visible by now. Minutes without a datapoint are left out: missing is not zero.
    pub fn metrics(&self, stream: &str, name: &str, from: i64, to: i64) -> Vec<(i64, f64)> {
        self.datapoints(stream, from, to, |minute| metrics::of_stream(minute, name))
    }

    /// The same for one shard, while its metric is among the stream's `shardMetrics`.
    pub fn shard_metrics(&self, stream: &str, shard: u32, name: &str, from: i64, to: i64) -> Vec<(i64, f64)> {
        let enabled = self.look(|world, _| {
            let metrics = world.item(STREAM, stream)?.attrs.get("shardMetrics")?.as_list()?;
            Some(metrics.iter().filter_map(Value::as_text).any(|metric| metric == name || metric == "ALL"))
        });
        if enabled.ok().flatten() != Some(true) {
            return Vec::new();
        }
        self.datapoints(stream, from, to, |minute| metrics::of_shard(minute, shard, name))
    }

    /// Kind and name in AWS of everything there is, whoever made it.
    pub fn everything(&self) -> Vec<(String, String)> {
        let all = self.look(|world, _| world.items().map(|(kind, name, _)| (kind.into(), name.into())).collect());
        all.unwrap_or_default()
    }

    /// What truly happened, minute by minute, without the delay of metrics: for judges, never for the judged.
    pub fn truth(&self, stream: &str) -> Vec<super::plant::Minute> {
        let all = self.look(|world, _| {
            let stream = world.item(STREAM, stream)?.stream.as_ref()?;
            Some(stream.history().cloned().collect())
        });
        all.ok().flatten().unwrap_or_default()
    }

    fn datapoints(
        &self,
        stream: &str,
        from: i64,
        to: i64,
        value: impl Fn(&super::plant::Minute) -> Option<f64>,
    ) -> Vec<(i64, f64)> {
        let delay = self.options.metric_delay;
        let found = self.look(|world, moving| {
            let stream = world.item(STREAM, stream)?.stream.as_ref()?;
            let visible = |minute: i64| (from..to).contains(&minute) && (minute + 1) * 60 + delay <= moving.now;
            let minutes = stream.history().filter(|minute| visible(minute.minute));
            Some(minutes.filter_map(|minute| Some((minute.minute, value(minute)?))).collect())
        });
        found.ok().flatten().unwrap_or_default()
    }

    /// Changes an attribute behind everybody's back, at once. On a stream, `shards` reshapes it.
    pub fn tamper(&self, kind: &str, physical: &str, field: &str, value: Value) -> Result<(), Fault> {
        self.by_hand(kind, physical, |item, moving| match (&mut item.stream, field, value.as_int()) {
            (Some(stream), "shards", Some(count)) => {
                stream.shards.reshape(u32::try_from(count.max(1)).unwrap_or(1), moving.now);
                stream.reshaped(&moving.options.plant);
            }
            _ => {
                item.attrs.insert(field.into(), value.clone());
            }
        })
    }

    /// Makes a resource that no call made, ready at once; attributes that are not given have AWS's defaults.
    pub fn put(&self, kind: &str, physical: &str, attrs: Attrs) -> Result<(), Fault> {
        let schema = self.schema(kind)?;
        self.change(|world, moving| {
            let item = made(world, moving, schema, physical, attrs);
            world.insert(kind, physical, item);
            world.unsettle();
            Ok(())
        })
    }

    /// Deletes at once, whatever hangs on it.
    pub fn remove(&self, kind: &str, physical: &str) -> Result<(), Fault> {
        self.change(|world, moving| {
            world.remove(kind, physical, moving.schemas).map(|_| ()).ok_or_else(|| nothing(kind, physical))
        })
    }

    fn by_hand(&self, kind: &str, physical: &str, change: impl FnOnce(&mut Item, &Moving)) -> Result<(), Fault> {
        self.change(|world, moving| {
            change(world.item_mut(kind, physical).ok_or_else(|| nothing(kind, physical))?, moving);
            world.unsettle();
            Ok(())
        })
    }

    fn schema(&self, kind: &str) -> Result<&'static Schema, Fault> {
        let found = self.schemas.iter().find(|schema| schema.kind == kind).copied();
        found.ok_or_else(|| {
            let kinds = self.schemas.iter().map(|schema| schema.kind).collect::<Vec<_>>().join(", ");
            Fault::new(Class::Refused, format!("making a {kind}"), "UnknownKind", format!("the kinds are {kinds}"))
        })
    }
}

fn made(world: &mut World, moving: &Moving, schema: &'static Schema, physical: &str, mut attrs: Attrs) -> Item {
    for field in schema.fields {
        if let Some(default) = field.default {
            attrs.entry(field.name.to_owned()).or_insert_with(default);
        } else if matches!(field.compare, Compare::Tags { .. }) {
            // What has no tags still shows that it has none.
            attrs.entry(field.name.to_owned()).or_insert_with(|| Value::Map(Default::default()));
        }
    }
    let stream = (schema.kind == STREAM).then(|| {
        let asked = attrs.remove("shards").and_then(|count| count.as_int()).and_then(|count| u32::try_from(count).ok());
        let mode = if asked.is_some() { "provisioned" } else { "onDemand" };
        attrs.entry("mode".into()).or_insert_with(|| Value::text(mode));
        let usual = if is_on_demand(&attrs) { super::stream::ON_DEMAND_SHARDS } else { 1 };
        let mut stream = Stream::new(1, moving.now);
        stream.shards = ShardMap::new(asked.unwrap_or(usual).max(1), moving.now);
        stream
    });
    let target = Target {
        address: Address::new(schema.kind, physical),
        schema,
        scope: moving.options.scope(),
        physical: physical.into(),
        outputs: Default::default(),
        listed: None,
    };
    let number = world.next_number();
    let outputs = names::outputs(world, moving, &target, number);
    Item { outputs, attrs, created_at: moving.now, busy: None, stream }
}

fn nothing(kind: &str, physical: &str) -> Fault {
    let message = format!("the local cloud has no {kind} {physical}");
    Fault::new(Class::Absent, format!("changing {kind} {physical} by hand"), "NoSuchResource", message)
}
