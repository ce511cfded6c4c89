//! What CloudWatch and a cheap look tell of the streams of a world.

use std::collections::BTreeSet;
use std::ops::Range;

use super::limits::Refusal;
use super::metrics;
use super::plant::Minute;
use super::shards::Shard;
use super::stream::{Stream, is_on_demand};
use super::world::{Moving, STREAM, World};
use crate::cloud::Target;
use crate::model::units::Span;
use crate::model::{Attrs, Glance, Metrics, OpenShard, Readings, State, Value};

pub fn glance(world: &mut World, moving: &Moving, target: &Target, with_tags: bool) -> Result<Glance, Refusal> {
    // Asked first, since it knows how to say that there is none.
    let state: State = world.state(moving, target)?;
    let Some(item) = world.item(STREAM, &target.physical) else { return Ok(Glance { state, ..Glance::default() }) };
    let tags = item.attrs.get("tags").and_then(Value::as_map).into_iter().flatten();
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_text()?.to_owned()));
    Ok(Glance {
        state,
        open_shards: item.stream.as_ref().map_or(0, |stream| stream.shards.open_count()),
        on_demand: is_on_demand(&item.attrs),
        shard_metrics: {
            let metrics = item.attrs.get("shardMetrics").and_then(Value::as_list).unwrap_or_default();
            metrics.iter().filter_map(|metric| metric.as_text().map(str::to_owned)).collect()
        },
        tags: with_tags.then(|| tags.filter_map(text).collect()),
    })
}

/// A minute's metrics are visible a while after it has ended.
pub(super) fn visible<'a>(
    stream: &'a Stream,
    moving: &Moving,
    minutes: Range<i64>,
) -> impl Iterator<Item = &'a Minute> {
    let until = moving.now - moving.options.metric_delay;
    stream
        .newest(minutes.start)
        .filter(move |minute| minutes.contains(&minute.minute) && (minute.minute + 1) * 60 <= until)
}

/// A shard's metrics of the newest visible minute in which it was open, while they are switched on.
pub fn open_shards(
    world: &mut World,
    moving: &Moving,
    target: &Target,
    loads: bool,
) -> Result<Vec<OpenShard>, Refusal> {
    // Asked first, since it knows how to say that there is none.
    world.state(moving, target)?;
    let Some(item) = world.item(STREAM, &target.physical) else { return Ok(Vec::new()) };
    let Some(stream) = &item.stream else { return Ok(Vec::new()) };
    let switched = item.attrs.get("shardMetrics").and_then(Value::as_list).unwrap_or_default();
    let is_on = |name: &str| switched.iter().filter_map(Value::as_text).any(|metric| metric == name || metric == "ALL");
    let minute = moving.now.div_euclid(60);
    let newest = visible(stream, moving, minute - 15..minute).last().filter(|_| loads);
    let value = |number: u32, name: &str| {
        newest.filter(|_| is_on(name)).and_then(|minute| metrics::of_shard(minute, number, name))
    };
    let of = |shard: &Shard| OpenShard {
        id: shard.id(),
        parent: shard.parents.first().map(|number| Shard { number: *number, ..shard.clone() }.id()),
        start: shard.start,
        end: shard.end,
        records: value(shard.number, "IncomingRecords"),
        bytes: value(shard.number, "IncomingBytes"),
    };
    Ok(stream.shards.open().iter().map(of).collect())
}

pub fn read(world: &World, moving: &Moving, streams: &[String], minutes: Range<i64>) -> Readings {
    let mut all = Readings::default();
    for name in streams {
        match world.item(STREAM, name).and_then(|item| item.stream.as_ref()) {
            Some(stream) => {
                let found = visible(stream, moving, minutes.clone()).map(|minute| (minute.minute, of(minute)));
                all.found.insert(name.clone(), found.filter(|(_, of)| *of != Metrics::default()).collect());
            }
            // CloudWatch has no datapoints for what it does not know.
            None => drop(all.found.insert(name.clone(), Vec::new())),
        }
    }
    all
}

fn of(minute: &Minute) -> Metrics {
    let value = |name: &str| metrics::of_stream(minute, name);
    Metrics {
        records: value("IncomingRecords"),
        bytes: value("IncomingBytes"),
        refused: value("WriteProvisionedThroughputExceeded"),
        reads_refused: value("ReadProvisionedThroughputExceeded"),
        read_bytes: value("GetRecords.Bytes"),
        age_ms: value("GetRecords.IteratorAgeMilliseconds"),
    }
}

/// Alarms on the local cloud's own metrics whose newest periods are above their thresholds.
pub fn ringing(world: &World, moving: &Moving, alarms: &[String]) -> BTreeSet<String> {
    let rings = |name: &&String| {
        world.item("alarm", name).is_some_and(|item| is_ringing(world, moving, &item.attrs) == Some(true))
    };
    alarms.iter().filter(rings).cloned().collect()
}

fn is_ringing(world: &World, moving: &Moving, alarm: &Attrs) -> Option<bool> {
    let text = |name: &str| alarm.get(name).and_then(Value::as_text);
    let int = |name: &str| alarm.get(name).and_then(Value::as_int);
    let stream = alarm.get("dimensions")?.get("StreamName")?.as_text()?;
    let stream = world.item(STREAM, stream)?.stream.as_ref()?;
    let metric = text("metric")?;
    let period = i64::try_from(text("period")?.parse::<Span>().ok()?.seconds() / 60).ok()?.max(1);
    let (periods, breaching, threshold) = (int("periods")?.max(1), int("breaching")?.max(1), int("threshold")? as f64);
    let end = (moving.now - moving.options.metric_delay).div_euclid(60).div_euclid(period) * period;
    let above = |back: i64| {
        let minutes = end - (back + 1) * period..end - back * period;
        let values = visible(stream, moving, minutes).filter_map(|minute| metrics::of_stream(minute, metric));
        let value =
            if text("statistic") == Some("Sum") { values.sum::<f64>() } else { values.fold(f64::MIN, f64::max) };
        value > threshold
    };
    Some((0..periods).filter(|back| above(*back)).count() as i64 >= breaching)
}
