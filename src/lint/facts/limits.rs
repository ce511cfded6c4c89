//! AWS's limits that policies compare with. Sources: the quotas pages of Kinesis Data Streams, Firehose and Lambda, 2026.

use serde_json::{Value as Json, json};

/// Regions with a shard quota of 20,000; elsewhere an account begins with 1,000 or 6,000.
const LARGE_REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

pub fn limits(region: Option<&str>) -> Json {
    let large = region.is_some_and(|region| LARGE_REGIONS.contains(&region));
    json!({
        // Without a region the larger quota is assumed, so that nothing is reported that may be right.
        "shards_in_account": if large || region.is_none() { 20_000 } else { 1_000 },
        "on_demand_streams": 50,
        "resizes_a_day": 10,
        "fan_out_consumers": 20,
        "shard_write_mib": 1,
        "shard_write_records": 1_000,
        "shard_read_mib": 2,
        "shard_read_calls": 5,
        "lambda_payload_kib": 6 * 1024,
        "lambda_concurrency": 1_000,
        "free_alarms": 10,
    })
}
