//! The newest metrics and alarms of many streams, in as few calls as CloudWatch allows.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StateValue, StatusCode,
};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::clients::Aws;
use super::patience::waiting;
use crate::cloud::{AtOnce, Class, Cloud, Fault};
use crate::model::{Metrics, Readings};

/// Queries and datapoints of one GetMetricData call (CloudWatch quotas, November 2026).
pub(super) const QUERIES: usize = 500;
const DATAPOINTS: i64 = 100_800;
/// Minutes: what begins earlier has a quota of datapoints of its own.
const OLD: i64 = 180;
/// Calls in flight at once.
pub(super) const AT_ONCE: usize = 8;
/// Pages of one call; more is a server that repeats itself.
const PAGES: usize = 100;
/// Alarm names of one DescribeAlarms call (its API reference).
const ALARMS: usize = 100;

/// Where a metric's value goes.
type Place = fn(&mut Metrics) -> &mut Option<f64>;

/// Metrics of the namespace AWS/Kinesis, and their statistic. (The iterator age has no sum.)
const METRICS: [(&str, &str, Place); 6] = [
    ("IncomingRecords", "Sum", |metrics| &mut metrics.records),
    ("IncomingBytes", "Sum", |metrics| &mut metrics.bytes),
    ("WriteProvisionedThroughputExceeded", "Sum", |metrics| &mut metrics.refused),
    ("ReadProvisionedThroughputExceeded", "Sum", |metrics| &mut metrics.reads_refused),
    ("GetRecords.Bytes", "Sum", |metrics| &mut metrics.read_bytes),
    ("GetRecords.IteratorAgeMilliseconds", "Maximum", |metrics| &mut metrics.age_ms),
];

/// Minutes of one stream as they are put together from one result a metric.
type Minutes = BTreeMap<i64, Metrics>;
/// The streams of one call, in their order: their minutes, or why those are not all there.
type Batch = Vec<Result<Minutes, String>>;
/// The streams that were asked for, and what came.
type Answered<'a> = (&'a [String], Result<Batch, Fault>);

/// What one call takes that asks for so many minutes.
pub(super) fn at_once(minutes: i64) -> AtOnce {
    let streams = DATAPOINTS / minutes.max(1) / METRICS.len() as i64;
    let streams = usize::try_from(streams).unwrap_or(1).clamp(1, QUERIES / METRICS.len());
    AtOnce { streams, consumers: QUERIES / super::parts::CONSUMER_METRICS.len(), alarms: ALARMS }
}

impl Aws {
    pub(super) async fn read_metrics(&self, streams: &[String], from: i64, to: i64) -> Readings {
        let mut all = Readings::default();
        let (mut next, mut streams) = (from, streams.to_vec());
        // Long spans go in days, so that one stream's fortnight is no call of its own size.
        while next < to && !streams.is_empty() {
            let (begin, end) = (next, (next + 1440).min(to));
            let mut calls: Vec<BoxFuture<'_, Answered<'_>>> = Vec::new();
            for streams in streams.chunks(at_once(end - begin).streams) {
                calls.push(Box::pin(async move { (streams, self.batch(streams, begin, end).await) }));
            }
            let mut batches = stream::iter(calls).buffer_unordered(AT_ONCE);
            while let Some((streams, answer)) = batches.next().await {
                take(&mut all, streams, answer);
            }
            drop(batches);
            // Who was not told of a day is not asked for the next one.
            streams.retain(|stream| !all.blind.contains_key(stream));
            next = end;
        }
        all.found.retain(|stream, _| !all.blind.contains_key(stream));
        all
    }

    /// One call and its pages: by stream, its minutes, or why they are not all there.
    async fn batch(&self, streams: &[String], from: i64, to: i64) -> Result<Batch, Fault> {
        let doing = format!("reading the metrics of {} streams from CloudWatch", streams.len());
        let queries: Vec<MetricDataQuery> =
            streams.iter().enumerate().flat_map(|(at, stream)| queries(at, stream)).collect();
        if from < Cloud::now(self).div_euclid(60) - OLD {
            let datapoints = queries.len() as f64 * (to - from) as f64;
            waiting(self.rates.spread(datapoints)).await;
        }
        let mut found: Batch = vec![Ok(Minutes::new()); streams.len()];
        self.data(&doing, &queries, (from, to), &mut |result| {
            let Some((stream, metric)) = result.id().and_then(place) else { return };
            let Some((into, (name, _, value_of))) = found.get_mut(stream).zip(METRICS.get(metric)) else { return };
            if is_failed(result) {
                *into = Err(format!("CloudWatch could not answer for {name}"));
            }
            let Ok(minutes) = into else { return };
            for (minute, value) in datapoints(result).filter(|(minute, _)| (from..to).contains(minute)) {
                *value_of(minutes.entry(minute).or_default()) = Some(value);
            }
        })
        .await?;
        Ok(found)
    }

    /// One call of GetMetricData and its pages, for minutes since 1970; each result goes to `take`.
    pub(super) async fn data(
        &self,
        doing: &str,
        queries: &[MetricDataQuery],
        (from, to): (i64, i64),
        take: &mut (dyn FnMut(&MetricDataResult) + Send),
    ) -> Result<(), Fault> {
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let page = self
                .call("cloudwatch:GetMetricData", doing, || {
                    let request = self.cloudwatch().get_metric_data().set_next_token(token.clone());
                    request
                        .set_metric_data_queries(Some(queries.to_vec()))
                        .start_time(DateTime::from_secs(from * 60))
                        .end_time(DateTime::from_secs(to * 60))
                        .send()
                })
                .await?;
            page.metric_data_results().iter().for_each(&mut *take);
            token = page.next_token().map(ToOwned::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
        Err(Fault::new(Class::Refused, doing, "TooManyPages", "CloudWatch's answer does not end"))
    }

    pub(super) async fn read_alarms(&self, alarms: &[String]) -> Result<BTreeSet<String>, Fault> {
        let mut ringing = BTreeSet::new();
        for names in alarms.chunks(ALARMS) {
            let doing = "reading which alarms are in state ALARM";
            let answer = self
                .call("cloudwatch:DescribeAlarms", doing, || {
                    let request = self.cloudwatch().describe_alarms().set_alarm_names(Some(names.to_vec()));
                    request.alarm_types(AlarmType::MetricAlarm).state_value(StateValue::Alarm).send()
                })
                .await?;
            let is_ringing =
                |alarm: &&aws_sdk_cloudwatch::types::MetricAlarm| alarm.state_value() == Some(&StateValue::Alarm);
            let found = answer.metric_alarms().iter().filter(is_ringing);
            ringing.extend(found.filter_map(|alarm| alarm.alarm_name()).map(ToOwned::to_owned));
        }
        Ok(ringing)
    }
}

fn take(all: &mut Readings, streams: &[String], answer: Result<Batch, Fault>) {
    match answer {
        Ok(found) => {
            for (stream, minutes) in streams.iter().zip(found) {
                match minutes {
                    Ok(minutes) => all.found.entry(stream.clone()).or_default().extend(minutes),
                    Err(why) => drop(all.blind.insert(stream.clone(), why)),
                }
            }
        }
        Err(fault) => all.blind.extend(streams.iter().map(|stream| (stream.clone(), fault.to_string()))),
    }
}

fn queries(at: usize, stream: &str) -> Vec<MetricDataQuery> {
    of(at, [("StreamName", stream)], &METRICS.map(|(name, statistic, _)| (name, statistic)))
}

/// Queries for metrics of the namespace AWS/Kinesis with these dimensions.
pub(super) fn of<const N: usize>(
    at: usize,
    dimensions: [(&str, &str); N],
    metrics: &[(&str, &str)],
) -> Vec<MetricDataQuery> {
    in_namespace("AWS/Kinesis", at, dimensions, metrics)
}

/// The same of another namespace.
pub(super) fn in_namespace<const N: usize>(
    namespace: &str,
    at: usize,
    dimensions: [(&str, &str); N],
    metrics: &[(&str, &str)],
) -> Vec<MetricDataQuery> {
    let dimension = |(name, value): (&str, &str)| Dimension::builder().name(name).value(value).build();
    let dimensions = dimensions.map(dimension).to_vec();
    let query = |(metric, (name, statistic)): (usize, &(&str, &str))| {
        let of = Metric::builder().namespace(namespace).metric_name(*name);
        let of = of.set_dimensions(Some(dimensions.clone())).build();
        let stat = MetricStat::builder().metric(of).period(60).stat(*statistic).build();
        MetricDataQuery::builder().id(format!("s{at}m{metric}")).metric_stat(stat).return_data(true).build()
    };
    metrics.iter().enumerate().map(query).collect()
}

pub(super) fn is_failed(result: &MetricDataResult) -> bool {
    matches!(result.status_code(), Some(StatusCode::InternalError | StatusCode::Forbidden))
}

/// Minutes since 1970 and their values.
pub(super) fn datapoints(result: &MetricDataResult) -> impl Iterator<Item = (i64, f64)> {
    result.timestamps().iter().zip(result.values()).map(|(at, value)| (at.secs().div_euclid(60), *value))
}

/// Which stream and which metric a query was for: `s17m2`.
pub(super) fn place(id: &str) -> Option<(usize, usize)> {
    let (stream, metric) = id.strip_prefix('s')?.split_once('m')?;
    Some((stream.parse().ok()?, metric.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_knows_its_place() {
        let ids: Vec<String> = queries(17, "clicks").into_iter().filter_map(|query| query.id).collect();
        assert_eq!(
            ids.iter().map(|id| place(id)).collect::<Vec<_>>(),
            (0..METRICS.len()).map(|metric| Some((17, metric))).collect::<Vec<_>>()
        );
        assert_eq!((place("s1mx"), place("x"), place("s1")), (None, None, None));
    }
}
