//! Metrics as load on shards.

use crate::model::{BYTES_PER_SHARD_MINUTE, Metrics, RECORDS_PER_SHARD_MINUTE};
use crate::scale::{Reads, Sample};

/// Bytes that one shard gives in a minute to all shared consumers together, and to each fan-out consumer.
pub(super) const READ_BYTES: f64 = 2.0 * BYTES_PER_SHARD_MINUTE;

/// CloudWatch has no datapoint of writes that nobody makes. That nobody made any is known all the same where readers ask for records: they stood
/// at the tip (an iterator age of zero says so, Kinesis developer guide, "Monitoring the Kinesis Data Streams service") and were handed nothing.
fn is_idle(metrics: &Metrics) -> bool {
    let is_unwritten = (metrics.records, metrics.bytes) == (None, None) && metrics.refused.is_none_or(|it| it == 0.0);
    is_unwritten && metrics.read_bytes == Some(0.0) && metrics.age_ms == Some(0.0)
}

/// Metrics of a minute as load on shards. Bytes without records, or the other way round, are half an answer, which is none.
pub fn sample(metrics: &Metrics) -> Sample {
    let nothing = is_idle(metrics).then_some((0.0, 0.0));
    let both = metrics.records.zip(metrics.bytes).or(nothing);
    let accepted =
        both.map(|(records, bytes)| (records / RECORDS_PER_SHARD_MINUTE).max(bytes / BYTES_PER_SHARD_MINUTE));
    let per_record = match (accepted, metrics.records) {
        (Some(accepted), Some(records)) if records > 0.0 => accepted / records,
        _ => 1.0 / RECORDS_PER_SHARD_MINUTE,
    };
    let rejected = metrics.refused.or(nothing.map(|(none, _)| none)).map(|refused| refused * per_record);
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite() && *value >= 0.0);
    Sample {
        accepted: finite(accepted),
        rejected: finite(rejected),
        age: finite(metrics.age_ms.map(|age| age / 60_000.0)),
        reads: Reads { shared: finite(metrics.read_bytes.map(|bytes| bytes / READ_BYTES)), fan_out: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_none() {
        let whole = Metrics {
            records: Some(30_000.0),
            bytes: Some(60.0 * 1_048_576.0),
            refused: Some(3_000.0),
            age_ms: Some(90_000.0),
            reads_refused: None,
            read_bytes: Some(60.0 * 1_048_576.0),
        };
        let reads = Reads { shared: Some(0.5), fan_out: None };
        assert_eq!(sample(&whole), Sample { accepted: Some(1.0), rejected: Some(0.1), age: Some(1.5), reads });
        assert_eq!(sample(&Metrics { bytes: None, ..whole }).accepted, None);
        assert_eq!(sample(&Metrics { records: None, ..whole }).accepted, None);
        assert_eq!(sample(&Metrics { bytes: Some(f64::NAN), records: Some(f64::NAN), ..whole }).accepted, None);
        assert_eq!(sample(&Metrics::default()), Sample::default());
    }

    #[test]
    fn readers_at_the_tip_who_are_handed_nothing_show_that_nothing_was_written() {
        let idle = Metrics { read_bytes: Some(0.0), age_ms: Some(0.0), ..Metrics::default() };
        let known = |metrics: Metrics| sample(&metrics).accepted.zip(sample(&metrics).rejected);
        assert_eq!(known(idle), Some((0.0, 0.0)));
        assert_eq!(known(Metrics { refused: Some(0.0), ..idle }), Some((0.0, 0.0)));
        for unknown in [
            Metrics { read_bytes: Some(1.0), ..idle },
            Metrics { read_bytes: None, ..idle },
            Metrics { age_ms: Some(500.0), ..idle },
            Metrics { age_ms: None, ..idle },
            Metrics { refused: Some(1.0), ..idle },
            Metrics { records: Some(1.0), ..idle },
        ] {
            assert_eq!(sample(&unknown).accepted, None, "{unknown:?}");
        }
    }
}
