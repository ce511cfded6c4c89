//! Streams that nobody writes to.

use super::*;

#[test]
fn a_stream_that_nobody_writes_to_is_seen() {
    let mut bench = Bench::new(4);
    bench.gaps = (bench.minute..bench.minute + 60).collect();
    (0..40).for_each(|_| drop(bench.tick()));
    assert_eq!(bench.condition(ConditionKind::Observed), (Status::True, "idle".into()));
    // What is not answered, or not all that lies before it, is another thing.
    bench.rules.learn_minutes = 14 * 1440;
    let glance = bench.glance.clone();
    let mut after = |metrics, minutes: i64, past| {
        bench.minute += minutes;
        let seen = Seen { glance: Some(Ok(&glance)), metrics: Some(metrics), past, ..Seen::default() };
        bench.stream.tick(&seen, &bench.rules, bench.now());
        bench.condition(ConditionKind::Observed)
    };
    assert_eq!(after(Err("denied"), 1, None), (Status::False, "unreadable".into()));
    assert_eq!(after(Ok(&[]), 100, None), (Status::False, "stale-metrics".into()));
    let past = Past { minutes: &[], to: START + 150 };
    assert_eq!(after(Ok(&[]), 1, Some(past)), (Status::True, "idle".into()));
    assert_eq!(after(Ok(&[]), 1, None), (Status::True, "idle".into()));
}

/// Without readers nothing is known of it, and it keeps its shards.
#[test]
fn a_stream_that_readers_find_empty_shrinks() {
    for (readers, verb) in [(true, Verb::Resize), (false, Verb::Hold)] {
        let mut bench = Bench::new(8);
        bench.unwritten =
            Some(Metrics { read_bytes: readers.then_some(0.0), age_ms: readers.then_some(0.0), ..Metrics::default() });
        (0..40).for_each(|_| drop(bench.tick()));
        bench.want(4);
        let (decided, reason, _) = bench.verdict();
        assert_eq!(decided, verb, "read: {readers}: {reason}");
    }
}
