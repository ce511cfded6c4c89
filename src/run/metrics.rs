//! Reads metrics and alarms in pieces of one call: one that hangs or fails leaves its own streams without, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};

use super::course::Course;
use super::turns::Wanted;
use crate::cloud::Cloud;
use crate::model::{Deliveries, FanOut, Metrics, Readings};

/// Calls in flight at once for one of a tick's readings: the newest minutes, the past, consumers, alarms.
const AT_ONCE: usize = 8;
/// The minutes in which CloudWatch still corrects itself: those of fan-out consumers that are read, and where a past ends.
pub const NEWEST: i64 = 12;
/// Minutes of the past that are asked for at once: a fortnight is many calls, and what has come of it is kept.
const DAY: i64 = 1440;

/// The newest minutes of streams, which are asked for together from the same minute on.
pub async fn newest(cloud: &dyn Cloud, wanted: &Wanted, to: i64, course: &Course) -> Readings {
    let all = wanted.iter().map(|(from, streams)| read(cloud, streams, (*from, to), course));
    stream::iter(all).buffer_unordered(AT_ONCE).fold(Readings::default(), joined).await
}

async fn read(cloud: &dyn Cloud, streams: &[String], (from, to): (i64, i64), course: &Course) -> Readings {
    let calls = streams.chunks(cloud.at_once(to - from).streams.max(1)).map(|streams| async move {
        let read = course.answer("reading metrics from CloudWatch", cloud.readings(streams, from, to)).await;
        if read.as_ref().is_ok_and(|read| !read.found.is_empty()) {
            course.answered();
        }
        read.unwrap_or_else(|why| Readings {
            blind: streams.iter().map(|stream| (stream.clone(), why.to_string())).collect(),
            ..Readings::default()
        })
    });
    // Boxed, since the calls of all streams are made ready at once.
    let calls: Vec<_> = calls.map(Box::pin).collect();
    let mut all = stream::iter(calls).buffer_unordered(AT_ONCE).fold(Readings::default(), joined).await;
    all.found.retain(|stream, _| !all.blind.contains_key(stream));
    all
}

async fn joined(mut all: Readings, more: Readings) -> Readings {
    all.found.extend(more.found);
    all.blind.extend(more.blind);
    all
}

/// What was read of one stream's past: its minutes, and the first one that was not asked for.
pub type Past = (Vec<(i64, Metrics)>, i64);

/// Reads pasts up to `to`, day by day. Of one that does not come in time what has come is kept: the rest follows with another tick.
/// Answers also what failed, each reason once.
pub async fn pasts(
    cloud: &dyn Cloud,
    wanted: &Wanted,
    to: i64,
    course: &Course,
) -> (BTreeMap<String, Past>, BTreeSet<String>) {
    let (mut all, mut failed): (BTreeMap<String, Past>, BTreeSet<String>) = Default::default();
    for (from, streams) in wanted.iter().rev() {
        let (mut streams, mut next) = (streams.clone(), *from);
        while next < to && !streams.is_empty() {
            let (begin, end) = (next, (next + DAY).min(to));
            next = end;
            let Readings { found, blind } = read(cloud, &streams, (begin, end), course).await;
            // Who was not told of a day is not asked for the next one.
            streams.retain(|stream| found.contains_key(stream));
            for (stream, minutes) in found {
                let past = all.entry(stream).or_default();
                past.0.extend(minutes);
                past.1 = end;
            }
            failed.extend(blind.into_values());
        }
    }
    (all, failed)
}

/// Reads the newest minutes of fan-out consumers.
pub async fn deliveries(cloud: &dyn Cloud, consumers: &[FanOut], to: i64, course: &Course) -> Deliveries {
    let what = "reading the metrics of fan-out consumers";
    let calls = consumers.chunks(cloud.at_once(NEWEST).consumers.max(1)).map(|consumers| async move {
        let read = course.answer(what, cloud.deliveries(consumers, to - NEWEST, to)).await;
        read.unwrap_or_else(|why| Deliveries { troubles: vec![why.to_string()], ..Deliveries::default() })
    });
    let calls: Vec<_> = calls.map(Box::pin).collect();
    let join = |mut all: Deliveries, more: Deliveries| async move {
        all.found.extend(more.found);
        all.troubles.extend(more.troubles);
        all
    };
    let mut all = stream::iter(calls).buffer_unordered(AT_ONCE).fold(Deliveries::default(), join).await;
    // What fails for many of them fails for one reason.
    all.troubles.sort();
    all.troubles.dedup();
    all
}

/// Which alarms ring, as far as that was answered.
#[derive(Debug, Default)]
pub struct Ringing {
    pub ringing: BTreeSet<String>,
    /// Those of which it is not known.
    pub unknown: BTreeSet<String>,
    /// Why, each reason once.
    pub troubles: BTreeSet<String>,
}

/// Asks which alarms ring.
pub async fn alarms(cloud: &dyn Cloud, names: &[String], course: &Course) -> Ringing {
    let calls = names.chunks(cloud.at_once(1).alarms.max(1)).map(|names| async move {
        let answer = match course.answer("reading alarms", cloud.ringing(names)).await {
            Ok(answer) => answer.inspect_err(|fault| course.failed(fault)).map_err(|fault| Some(fault.to_string())),
            Err(missed) => Err(missed.trouble()),
        };
        (names, answer)
    });
    let calls: Vec<_> = calls.map(Box::pin).collect();
    let mut answers = stream::iter(calls).buffer_unordered(AT_ONCE);
    let mut all = Ringing::default();
    while let Some((names, answer)) = answers.next().await {
        match answer {
            Ok(ringing) => all.ringing.extend(ringing),
            Err(why) => {
                all.unknown.extend(names.iter().cloned());
                all.troubles.extend(why);
            }
        }
    }
    all
}
