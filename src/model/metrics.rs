use std::collections::BTreeMap;

use super::{BYTES_PER_SHARD_MINUTE, RECORDS_PER_SHARD_MINUTE, State};

/// One minute of a stream's CloudWatch metrics. `None` is no datapoint, which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Records and bytes that the stream accepted (IncomingRecords, IncomingBytes).
    pub records: Option<f64>,
    pub bytes: Option<f64>,
    /// Records that it refused, each attempt counted (WriteProvisionedThroughputExceeded).
    pub refused: Option<f64>,
    /// GetRecords calls that it refused (ReadProvisionedThroughputExceeded).
    pub reads_refused: Option<f64>,
    /// Bytes that the shared consumers read (GetRecords.Bytes).
    pub read_bytes: Option<f64>,
    /// The highest iterator age over shards and consumers, in milliseconds (GetRecords.IteratorAgeMilliseconds).
    pub age_ms: Option<f64>,
}

/// What a reading of many streams' metrics brought. A stream is in one of the two.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// By the stream's name in AWS: minutes since 1970 with at least one datapoint, in order.
    pub found: BTreeMap<String, Vec<(i64, Metrics)>>,
    /// Why a stream's metrics could not be read, or not all of them.
    pub blind: BTreeMap<String, String>,
}

/// An enhanced fan-out consumer, by its stream's name in AWS and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FanOut {
    pub stream: String,
    pub consumer: String,
}

/// One minute of a fan-out consumer. `None` is no datapoint, which is not zero: nobody may have subscribed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Delivered {
    /// Bytes that it was sent (SubscribeToShardEvent.Bytes).
    pub bytes: Option<f64>,
    /// How far it is behind the newest record, in milliseconds, at most over its shards
    /// (SubscribeToShardEvent.MillisBehindLatest).
    pub behind_ms: Option<f64>,
}

/// What a reading of many consumers brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deliveries {
    /// Minutes since 1970 with at least one datapoint, in order. Who is not here was not read.
    pub found: BTreeMap<FanOut, Vec<(i64, Delivered)>>,
    /// Why some were not, in sentences.
    pub troubles: Vec<String>,
}

/// One open shard of a stream. Loads are those of its newest known minute; `None` is not known, which is not zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenShard {
    /// `shardId-000000000007`
    pub id: String,
    /// The shard that it was split off from, or the first of the two that it was merged of.
    pub parent: Option<String>,
    /// Its hash keys, both inclusive.
    pub start: u128,
    pub end: u128,
    /// Records and bytes that it accepted in a minute (IncomingRecords, IncomingBytes of the shard).
    pub records: Option<f64>,
    pub bytes: Option<f64>,
}

impl OpenShard {
    /// How full it is, 1.0 being full: the larger of records and bytes.
    pub fn load(&self) -> Option<f64> {
        let (records, bytes) = self.records.zip(self.bytes)?;
        Some((records / RECORDS_PER_SHARD_MINUTE).max(bytes / BYTES_PER_SHARD_MINUTE)).filter(|load| load.is_finite())
    }
}

/// The cheapest look at a stream that sizing can work with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    pub state: State,
    pub open_shards: u32,
    pub on_demand: bool,
    /// The shard-level metrics that are on.
    pub shard_metrics: Vec<String>,
    /// `None`: they were not asked for.
    pub tags: Option<BTreeMap<String, String>>,
}
