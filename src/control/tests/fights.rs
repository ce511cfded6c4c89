use super::*;

/// What is told of changes, oldest first.
fn told(step: &Step) -> Vec<(Verb, u32, u32)> {
    let decided = |record: &Record| match record {
        Record::Decided { decision } if matches!(decision.verb, Verb::Settled | Verb::Foreign) => {
            Some((decision.verb, decision.from, decision.to))
        }
        _ => None,
    };
    step.records.iter().filter_map(decided).collect()
}

#[test]
fn whoever_is_faster_than_our_looks_is_fought_no_longer_than_others() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let mut calls = 0;
    for _ in 0..60 {
        let step = bench.tick();
        if step.decision.verb == Verb::Resize {
            calls += 1;
            bench.call(&step.decision, Answer::Accepted);
        }
    }
    assert_eq!(calls, 3, "each was taken, and each time the count was the old one again");
    assert_eq!(bench.condition(ConditionKind::Contended), (Status::True, "reversals".into()));
    // Theirs count as well.
    assert_eq!(bench.stream.calls_used(bench.minute), 6);
}

#[test]
fn what_nobody_saw_is_not_told_to_have_settled() {
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    let called = bench.call(&decision, Answer::Accepted);
    bench.glance.open_shards = 5;
    let step = bench.tick();
    assert_eq!(told(&step), [(Verb::Foreign, 8, 5)]);
    let foreign = Record::Foreign { minute: called + 1, from: 8, to: 5, undid: true };
    assert_eq!(step.records[..2], [Record::Settled { called, done: called + 1 }, foreign]);
    // Of a call without an answer nobody knows whether it ever served.
    let mut bench = Bench::new(4);
    bench.want(8);
    let decision = bench.tick().decision;
    let called = bench.call(&decision, Answer::Unknown);
    bench.glance.open_shards = 5;
    let step = bench.tick();
    assert_eq!(told(&step), [(Verb::Foreign, 4, 5)]);
    assert_eq!(step.records[0], Record::Void { called });
}

#[test]
fn a_restart_knows_what_was_taken() {
    let undone = |outcome: Option<&str>| {
        let mut bench = Bench::new(4);
        bench.want(8);
        let decision = bench.tick().decision;
        let called = bench.minute;
        bench.stream.recall(&Record::Calling { called, from: 4, to: 8 }, &bench.rules);
        let decided = Decision { outcome: outcome.map(str::to_owned), ..decision };
        bench.stream.recall(&Record::Decided { decision: Box::new(decided) }, &bench.rules);
        (0..5).for_each(|_| assert_eq!(bench.hold(), "resharding"));
        told(&bench.tick())
    };
    assert_eq!(undone(Some("accepted")), [(Verb::Foreign, 8, 4)]);
    assert_eq!(undone(Some("unanswered: it took too long")), [(Verb::Settled, 4, 4)]);
    assert_eq!(undone(None), [(Verb::Settled, 4, 4)]);
}

/// A fight that is over by the books: three of ours were undone.
fn contended() -> Bench {
    let mut bench = Bench::new(4);
    bench.want(8);
    for _ in 0..60 {
        let step = bench.tick();
        if step.decision.verb == Verb::Resize {
            bench.call(&step.decision, Answer::Accepted);
        }
    }
    assert_eq!(bench.hold(), "contended");
    bench
}

#[test]
fn a_persons_word_ends_the_waiting_for_peace() {
    let until = START * 60 + 86_400;
    let mut bench = contended();
    bench.tag(PIN, &hand::pin_text(&Pin { shards: 8, until, at_least: false }));
    assert_eq!(bench.verdict(), (Verb::Resize, "pin".into(), 8));
    // A pause is one, too, and so is its end.
    let mut bench = contended();
    bench.tag(PAUSED, &hand::pause_text(&Pause { until: None }));
    assert_eq!(bench.hold(), "paused");
    bench.glance.tags.as_mut().unwrap().remove(PAUSED);
    assert_eq!(bench.verdict(), (Verb::Resize, "grow".into(), 8));
    // What stood there at the first look may be what the fight is about, and what ran out by itself is nobody's word.
    let mut bench = contended();
    bench.tag(PIN, &hand::pin_text(&Pin { shards: 8, until: bench.now() - 60, at_least: false }));
    assert_eq!(bench.hold(), "contended");
    bench.stream.tags_at = None;
    bench.tag(PIN, &hand::pin_text(&Pin { shards: 8, until, at_least: false }));
    assert_eq!(bench.hold(), "contended");
}

#[test]
fn when_the_fight_is_over_is_said_and_true() {
    let mut bench = contended();
    let status = bench.stream.status(&bench.rules, bench.now());
    let said = status.condition(ConditionKind::Contended).expect("a condition").message.clone();
    let at = bench.stream.peace_at();
    assert!(said.contains(&format!("stopped until {} if nobody", hand::stamp(at))), "{said}");
    // Our growths were undone five times by then, which is no swing of ours.
    let mut held = bench.tick().decision;
    while held.verb == Verb::Hold {
        assert_eq!(held.reason, "contended", "{held:?}");
        held = bench.tick().decision;
    }
    assert_eq!((held.verb, held.to, bench.minute), (Verb::Resize, 8, at / 60));
}

#[test]
fn the_end_of_a_pause_is_told_whatever_was_told_before() {
    let mut bench = Bench::new(4);
    let told = |step: Step| {
        let decided = |record: Record| match record {
            Record::Decided { decision } => Some(decision.reason),
            _ => None,
        };
        step.records.into_iter().filter_map(decided).collect::<Vec<_>>()
    };
    let tag = hand::pause_text(&Pause { until: None });
    for _ in 0..2 {
        bench.tag(PAUSED, &tag);
        assert_eq!(told(bench.tick()), ["paused"]);
        assert_eq!(told(bench.tick()), [""; 0]);
        bench.glance.tags.as_mut().unwrap().remove(PAUSED);
        assert_eq!(told(bench.tick()), ["in-band"], "the newest line is what is so");
        assert_eq!(told(bench.tick()), [""; 0]);
    }
}
