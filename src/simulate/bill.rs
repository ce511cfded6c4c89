use serde::Serialize;

use super::demand::Demand;
use super::registry::{Entry, Kind, Mode};
use super::totals::Totals;
use crate::model::{Prices, RECORDS_PER_SHARD_MINUTE};

/// Bytes of a PUT payload unit: a record counts as so many of them as it fills, at least one (Kinesis pricing).
const PAYLOAD_UNIT: f64 = 25.0 * 1024.0;
/// On-demand ingest counts each record in steps of this many bytes (Kinesis pricing).
const INGEST_STEP: f64 = 1024.0;
const GIB: f64 = 1_073_741_824.0;

/// What a run would have cost, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bill {
    /// Shard-hours, or stream-hours and gigabytes.
    pub capacity: f64,
    /// PUT payload units, which provisioned streams pay on top, whatever their count of shards.
    pub payload: f64,
    /// Capacity beyond what every provisioned stream pays, in shard-minutes: what policies are compared by.
    pub shard_minutes: f64,
}

impl Bill {
    /// The bill of a run by this entry. One consumer reads everything once.
    pub fn of(entry: &Entry, totals: &Totals, demand: &Demand, prices: &Prices) -> Self {
        let price = |name: &str| prices.0.get(name).copied().unwrap_or(0.0);
        let shard_minute = price("kinesis.shardHour") / 60.0;
        // Records that were lost were never accepted, so nobody pays for them.
        let records = totals.demand * (1.0 - totals.lost) * RECORDS_PER_SHARD_MINUTE;
        let size = demand.bytes_per_record.max(1.0);
        let payload = records * (size / PAYLOAD_UNIT).ceil() * price("kinesis.payloadUnitMillion") / 1e6;
        let Kind::OnDemand(mode) = entry.kind else {
            return Self {
                capacity: totals.shard_minutes * shard_minute,
                payload,
                shard_minutes: totals.shard_minutes,
            };
        };
        let (stream, ingest, retrieval) = match mode {
            Mode::Standard => ("kinesis.onDemandStreamHour", "kinesis.onDemandIngestGB", "kinesis.onDemandRetrievalGB"),
            Mode::Warm => ("", "kinesis.advantageIngestGB", "kinesis.advantageRetrievalGB"),
        };
        let written = records * (size / INGEST_STEP).ceil() * INGEST_STEP / GIB;
        let read = records * size / GIB;
        let capacity = totals.days * 24.0 * price(stream) + written * price(ingest) + read * price(retrieval);
        Self { capacity, payload: 0.0, shard_minutes: (capacity - payload) / shard_minute }
    }

    pub fn total(&self) -> f64 {
        self.capacity + self.payload
    }

    /// The price of capacity and of throttled load together, in shard-minutes.
    pub fn loss(&self, totals: &Totals, price: f64) -> f64 {
        self.shard_minutes + price * totals.throttled * totals.demand
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::registry::find;

    #[test]
    fn a_full_shard_costs_what_the_price_pages_say() {
        // 720 hours of one full shard with records of 1 KiB.
        let demand = Demand { start: 0, load: vec![1.0; 43_200], bytes_per_record: 1024.0 };
        let totals = Totals { days: 30.0, shard_minutes: 43_200.0, demand: 43_200.0, ..Totals::default() };
        let bill = |name: &str| Bill::of(find(name).unwrap().0, &totals, &demand, &crate::plan::price_table());
        let provisioned = bill("hpa");
        assert_eq!(((provisioned.capacity * 100.0).round(), (provisioned.payload * 100.0).round()), (1080.0, 3629.0));
        let on_demand = bill("on-demand");
        // 2,471.9 GiB of 1,000 records a second; $0.04 an hour.
        assert!((on_demand.total() - (28.8 + 2471.924 * 0.12)).abs() < 0.1, "{on_demand:?}");
        assert!(on_demand.shard_minutes > 20.0 * 43_200.0);
    }
}
