use super::demand::Demand;
use crate::model::{BYTES_PER_SHARD_MINUTE, RECORDS_PER_SHARD_MINUTE};
use crate::scale::Retries;

/// A minute's demand is at most this many times what was accepted: what is above is repeated attempts.
const MOST_TIMES: f64 = 4.0;

/// One minute of what a stream took and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    pub records: f64,
    pub bytes: f64,
    /// Records rejected, repeated attempts included.
    pub rejected: f64,
}

/// The demand behind metrics that show only what fitted: accepted records, and rejected ones less those that came again. A minute
/// without datapoint had no traffic.
pub fn demand_of(start: i64, readings: &[Reading]) -> Demand {
    let (mut records_in_all, mut bytes_in_all, mut retries) = (0.0, 0.0, Retries::default());
    let mut load = Vec::with_capacity(readings.len());
    for reading in readings {
        let fresh = retries.fresh(reading.records, reading.rejected);
        let records = fresh.min(MOST_TIMES * reading.records.max(reading.rejected));
        let size = if reading.records > 0.0 { reading.bytes / reading.records } else { 0.0 };
        records_in_all += reading.records;
        bytes_in_all += reading.bytes;
        load.push((records / RECORDS_PER_SHARD_MINUTE).max(records * size / BYTES_PER_SHARD_MINUTE));
    }
    let bytes_per_record = if records_in_all > 0.0 { bytes_in_all / records_in_all } else { 0.0 };
    Demand { start, load, bytes_per_record }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_attempts_are_not_demand() {
        let reading = |records: f64, rejected: f64| Reading { records, bytes: records * 100.0, rejected };
        // 90,000 records a minute on one shard: 30,000 are rejected, come again, and are rejected with 30,000 fresh ones.
        let readings = [reading(60_000.0, 30_000.0), reading(60_000.0, 60_000.0), reading(0.0, 0.0)];
        let demand = demand_of(7, &readings);
        assert_eq!((demand.start, demand.load), (7, vec![1.5, 1.5, 0.0]));
        assert_eq!(demand.bytes_per_record, 100.0);
    }
}
