use super::*;

/// A tick whose look finds that there is no such stream, while CloudWatch still has its metrics.
fn missed(bench: &mut Bench) -> Step {
    bench.minute += 1;
    let (metrics, now) = (bench.metrics(), bench.now());
    let glance = Some(Err("no such stream"));
    let seen = Seen { glance, gone: true, metrics: Some(Ok(&metrics)), ..Seen::default() };
    bench.stream.tick(&seen, &bench.rules, now)
}

#[test]
fn a_deleted_stream_is_told_at_once_and_is_not_healthy() {
    let mut bench = Bench::new(4);
    assert_eq!(bench.condition(ConditionKind::Healthy).0, Status::True);
    // One look may have met a place that has not heard of it yet.
    let step = missed(&mut bench);
    assert_eq!((step.decision.reason.as_str(), step.is_news), ("unreadable", true));
    assert!(step.decision.because.contains("`tidegate apply`"), "{}", step.decision.because);
    let state = |bench: &Bench| bench.stream.status(&bench.rules, bench.now()).state;
    assert_eq!((bench.condition(ConditionKind::Healthy).0, state(&bench)), (Status::Unknown, Some("NOT_FOUND".into())));
    assert!(bench.stream.wants_look(&bench.rules, bench.now() + 1).is_some(), "nobody is waited for");
    let step = missed(&mut bench);
    assert_eq!((step.decision.reason.as_str(), step.is_news), ("gone", true));
    assert_eq!(bench.condition(ConditionKind::Observed), (Status::False, "gone".into()));
    for kind in [ConditionKind::Accepted, ConditionKind::Synced, ConditionKind::Healthy] {
        assert_eq!(bench.condition(kind), (Status::Unknown, "gone".into()), "{kind:?}");
    }
    let status = bench.stream.status(&bench.rules, bench.now());
    assert_eq!((status.shards, status.state.as_deref()), (None, Some("NOT_FOUND")));
    assert!((0..60).all(|_| !missed(&mut bench).is_news), "it is told once");
    // Whatever has its name then was not resized by anybody.
    bench.glance.open_shards = 2;
    bench.want(2);
    let step = bench.tick();
    assert!(!step.records.iter().any(|record| matches!(record, Record::Foreign { .. })), "{:?}", step.records);
    assert_eq!(step.decision.reason, "in-band");
    assert_eq!(bench.condition(ConditionKind::Observed).0, Status::True);
}

#[test]
fn a_call_whose_stream_is_gone_is_waited_for_no_longer() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    let called = bench.call(&decision, Answer::Accepted);
    missed(&mut bench);
    assert!(bench.stream.is_resharding());
    assert!(missed(&mut bench).records.contains(&Record::Void { called }));
    assert!(!bench.stream.is_resharding());
}
