//! What the plant did, under CloudWatch's names.

use super::plant::{Minute, ShardMinute};

/// CloudWatch metrics of the namespace AWS/Kinesis with the dimension StreamName that the local cloud knows.
/// (Kinesis guide, "Monitoring with CloudWatch"; units: count, bytes, milliseconds.)
pub const STREAM_METRICS: &[&str] = &[
    "IncomingRecords",
    "IncomingBytes",
    "PutRecords.TotalRecords",
    "PutRecords.SuccessfulRecords",
    "PutRecords.ThrottledRecords",
    "PutRecords.Bytes",
    "WriteProvisionedThroughputExceeded",
    "GetRecords.Records",
    "GetRecords.Bytes",
    "GetRecords.IteratorAgeMilliseconds",
    "ReadProvisionedThroughputExceeded",
];

/// The value of one minute: a sum, and for the iterator age the maximum. `None` is no datapoint: no traffic is not zero.
/// Whole numbers, as AWS counts; the plant itself is fluid.
pub fn of_stream(minute: &Minute, name: &str) -> Option<f64> {
    fluid(minute, name).map(f64::round)
}

fn fluid(minute: &Minute, name: &str) -> Option<f64> {
    let tried = minute.written.records + minute.rejected;
    let if_written = |value: f64| (tried > 0.0).then_some(value);
    let if_reading = |value: f64| minute.age_ms.map(|_| value);
    match name {
        "IncomingRecords" | "PutRecords.SuccessfulRecords" => {
            Some(minute.written.records).filter(|records| *records > 0.0)
        }
        "IncomingBytes" | "PutRecords.Bytes" => Some(minute.written.bytes).filter(|bytes| *bytes > 0.0),
        "PutRecords.TotalRecords" => if_written(tried),
        "WriteProvisionedThroughputExceeded" | "PutRecords.ThrottledRecords" => if_written(minute.rejected),
        "GetRecords.Records" => if_reading(minute.read.records),
        "GetRecords.Bytes" => if_reading(minute.read.bytes),
        "GetRecords.IteratorAgeMilliseconds" => minute.age_ms,
        "ReadProvisionedThroughputExceeded" => if_reading(minute.read_rejected),
        _ => None,
    }
}

/// The same for one shard, under the names of the enhanced metrics.
pub fn of_shard(minute: &Minute, shard: u32, name: &str) -> Option<f64> {
    fluid_of_shard(minute, shard, name).map(f64::round)
}

fn fluid_of_shard(minute: &Minute, shard: u32, name: &str) -> Option<f64> {
    let of: &ShardMinute = minute.shards.iter().find(|of| of.shard == shard)?;
    let tried = of.written.records + of.rejected > 0.0;
    let reading = minute.age_ms.is_some();
    match name {
        "IncomingRecords" => Some(of.written.records).filter(|records| *records > 0.0),
        "IncomingBytes" => Some(of.written.bytes).filter(|bytes| *bytes > 0.0),
        "WriteProvisionedThroughputExceeded" => tried.then_some(of.rejected),
        "OutgoingRecords" => reading.then_some(of.read.records),
        "OutgoingBytes" => reading.then_some(of.read.bytes),
        "IteratorAgeMilliseconds" => reading.then_some(of.age_ms),
        "ReadProvisionedThroughputExceeded" => reading.then_some(of.read_rejected),
        _ => None,
    }
}
