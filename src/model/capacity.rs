//! What a shard takes in a minute, and what a throttled record is worth: figures that specs, metrics and policies share.

/// Records that one shard takes in a minute: 1,000 a second (Kinesis Data Streams quotas, November 2026).
pub const RECORDS_PER_SHARD_MINUTE: f64 = 60.0 * 1000.0;
/// Bytes that one shard takes in a minute: 1 MiB a second (the same page).
pub const BYTES_PER_SHARD_MINUTE: f64 = 60.0 * 1_048_576.0;
/// The price at which predictable traffic stays below a share of throttled records is about this over the share: 100 for
/// 0.1 %, 1000 for 0.01 % (figures in docs/sizing.md).
pub const PRICE_TIMES_SHARE: f64 = 0.1;
