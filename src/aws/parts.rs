//! Metrics of a stream's parts: its shards and its fan-out consumers.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{MetricDataQuery, MetricDataResult};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::clients::Aws;
use super::readings::{AT_ONCE, QUERIES, datapoints, is_failed, of, place};
use crate::cloud::{Cloud, Fault};
use crate::model::{Delivered, Deliveries, FanOut, OpenShard};

/// Metrics of a shard, where they are switched on.
const SHARD_METRICS: [(&str, &str); 2] = [("IncomingRecords", "Sum"), ("IncomingBytes", "Sum")];
/// Minutes back from now in which a shard's newest datapoint is looked for.
const LOADS: i64 = 10;

/// Metrics of a fan-out consumer. (How far it is behind has no sum.)
pub(super) const CONSUMER_METRICS: [(&str, &str); 2] =
    [("SubscribeToShardEvent.Bytes", "Sum"), ("SubscribeToShardEvent.MillisBehindLatest", "Maximum")];

/// Minutes of the consumers of one call, in their order.
type Batch = Vec<BTreeMap<i64, Delivered>>;
/// The consumers that were asked for, and what came.
type Answered<'a> = (&'a [FanOut], Result<Batch, Fault>);

impl Aws {
    /// Fills in what each shard took in its newest minute that is known. What cannot be read stays unknown.
    pub async fn read_loads(&self, stream: &str, shards: &mut [OpenShard]) {
        let to = self.now().div_euclid(60);
        for shards in shards.chunks_mut(QUERIES / SHARD_METRICS.len()) {
            let doing = format!("reading the metrics of {} shards of {stream} from CloudWatch", shards.len());
            let queries: Vec<MetricDataQuery> = (0..)
                .zip(shards.iter())
                .flat_map(|(at, shard)| of(at, [("StreamName", stream), ("ShardId", &shard.id)], &SHARD_METRICS))
                .collect();
            let mut take = |result: &MetricDataResult| {
                let Some((shard, metric)) = result.id().and_then(place) else { return };
                let Some(shard) = shards.get_mut(shard).filter(|_| !is_failed(result)) else { return };
                let newest = datapoints(result).max_by_key(|(minute, _)| *minute).map(|(_, value)| value);
                *(if metric == 0 { &mut shard.records } else { &mut shard.bytes }) = newest;
            };
            if let Err(fault) = self.data(&doing, &queries, (to - LOADS, to), &mut take).await {
                tracing::debug!(%fault, "which shard is full is not known");
            }
        }
    }

    pub(super) async fn read_deliveries(&self, consumers: &[FanOut], from: i64, to: i64) -> Deliveries {
        let mut all = Deliveries::default();
        let mut calls: Vec<BoxFuture<'_, Answered<'_>>> = Vec::new();
        for consumers in consumers.chunks(QUERIES / CONSUMER_METRICS.len()) {
            calls.push(Box::pin(async move { (consumers, self.delivered(consumers, from, to).await) }));
        }
        let mut batches = stream::iter(calls).buffer_unordered(AT_ONCE);
        while let Some((consumers, answer)) = batches.next().await {
            match answer {
                Ok(found) => {
                    let minutes = found.into_iter().map(|minutes| minutes.into_iter().collect());
                    all.found.extend(consumers.iter().cloned().zip(minutes));
                }
                Err(fault) => all.troubles.push(fault.to_string()),
            }
        }
        all
    }

    async fn delivered(&self, consumers: &[FanOut], from: i64, to: i64) -> Result<Batch, Fault> {
        let doing = format!("reading the metrics of {} fan-out consumers from CloudWatch", consumers.len());
        let query = |(at, one): (usize, &FanOut)| {
            of(at, [("StreamName", &*one.stream), ("ConsumerName", &*one.consumer)], &CONSUMER_METRICS)
        };
        let queries: Vec<MetricDataQuery> = consumers.iter().enumerate().flat_map(query).collect();
        let mut found = vec![BTreeMap::<i64, Delivered>::new(); consumers.len()];
        let mut take = |result: &MetricDataResult| {
            let Some((consumer, metric)) = result.id().and_then(place) else { return };
            let Some(minutes) = found.get_mut(consumer).filter(|_| !is_failed(result)) else { return };
            for (minute, value) in datapoints(result).filter(|(minute, _)| (from..to).contains(minute)) {
                let of_minute = minutes.entry(minute).or_default();
                *(if metric == 0 { &mut of_minute.bytes } else { &mut of_minute.behind_ms }) = Some(value);
            }
        };
        self.data(&doing, &queries, (from, to), &mut take).await?;
        Ok(found)
    }
}
