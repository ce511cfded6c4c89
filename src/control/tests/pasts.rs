use super::*;

/// Two weeks are learned, of which the last hours are missing: the stream's own policy knows nothing of them.
fn stopped(shards: u32) -> Bench {
    let mut bench = Bench::new(shards);
    bench.rules.learn_minutes = 14 * 1440;
    bench.minute += 300;
    bench
}

/// Reads what is missing at `minute`, and the newest minutes.
fn caught_up(bench: &mut Bench) -> Step {
    let from = bench.stream.unread_from(&bench.rules, bench.now()).expect("something is missing");
    bench.minute += 1;
    let (newest, to) = (bench.metrics(), bench.minute - 12);
    let minutes: Vec<(i64, Metrics)> = (from..to).map(|minute| (minute, newest[0].1)).collect();
    let past = Some(Past { minutes: &minutes, to });
    let seen = Seen { glance: Some(Ok(&bench.glance)), metrics: Some(Ok(&newest)), past, ..Seen::default() };
    bench.stream.tick(&seen, &bench.rules, bench.minute * 60 + 5)
}

#[test]
fn a_stream_whose_past_is_unread_grows_in_an_emergency_and_never_shrinks() {
    let mut bench = stopped(4);
    bench.want(2);
    let calm = bench.tick();
    assert_eq!((calm.decision.verb, calm.decision.reason.as_str()), (Verb::Hold, "learning"), "{calm:?}");
    assert!(calm.decision.because.contains("0.5 of 4 shards; its past is still to be read"), "{calm:?}");
    // In the books these minutes would make the gap a part of the past for ever.
    assert!(!calm.records.iter().any(|record| matches!(record, Record::Sample { .. })));
    assert_eq!(bench.condition(ConditionKind::Observed), (Status::True, "fresh".into()));
    bench.records = (240_000.0, 60_000.0);
    (0..12).for_each(|_| drop(bench.tick()));
    let Decision { verb, reason, to, .. } = bench.tick().decision;
    assert_eq!((verb, reason.as_str()), (Verb::Resize, "grow"));
    assert!(to > 4);
    // It was asked of nobody who would have learned from it.
    bench.records = (30_000.0, 0.0);
    (0..12).for_each(|_| drop(bench.tick()));
    assert_eq!(bench.hold(), "learning");
}

#[test]
fn the_past_is_taken_in_before_what_came_after_it() {
    let mut bench = stopped(4);
    bench.want(2);
    bench.tick();
    let known = bench.stream.window.newest().expect("minutes");
    let step = caught_up(&mut bench);
    let minutes: Vec<i64> = step
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Sample { minute, .. } => Some(*minute),
            _ => None,
        })
        .collect();
    assert_eq!(minutes, (known + 1..=bench.minute - 3).collect::<Vec<_>>());
    assert_eq!((step.decision.verb, step.decision.to), (Verb::Resize, 2), "its own policy is followed again");
    assert_eq!(bench.stream.unread_from(&bench.rules, bench.now()), None);
}

#[test]
fn what_an_hour_reaches_is_no_past_of_its_own() {
    let mut bench = Bench::new(4);
    bench.rules.learn_minutes = 14 * 1440;
    let asks = |bench: &Bench| {
        let (rules, now) = (&bench.rules, bench.now());
        (bench.minute - bench.stream.reads_from(rules, now), bench.stream.unread_from(rules, now))
    };
    assert_eq!(asks(&bench), (12, None));
    bench.minute += 40;
    assert_eq!(asks(&bench), (60, None), "the newest minutes and those of the stop come in one reading");
    bench.minute += 40;
    assert_eq!(asks(&bench), (60, Some(bench.minute - 82)));
    // Nothing was written since, and that is known: no past is asked for again and again.
    let now = bench.now();
    let past = Past { minutes: &[], to: bench.minute - 12 };
    let seen = Seen { glance: Some(Ok(&bench.glance)), metrics: Some(Ok(&[])), past: Some(past), ..Seen::default() };
    bench.stream.tick(&seen, &bench.rules, now);
    assert_eq!(asks(&bench), (60, None));
}

#[test]
fn a_listing_is_believed_when_it_has_news_and_a_look_is_believed_more() {
    let mut bench = Bench::new(4);
    let now = bench.now();
    let untouched = bench.glance.tags.clone().unwrap_or_default();
    let mut pinned = untouched.clone();
    pinned.insert(PIN.into(), format!("8 until {}", hand::stamp(now + 300)));
    bench.stream.listed(&untouched, now);
    bench.stream.listed(&pinned, now + 60);
    assert_eq!(bench.stream.pin.map(|pin| pin.shards), Some(8), "without a look at its tags");
    assert_eq!(bench.stream.wants_look(&bench.rules, now + 80), Some(false), "nor is one due");
    // A look finds that the pin is gone, and the listing is behind.
    bench.tick();
    assert_eq!(bench.stream.pin, None);
    bench.stream.listed(&pinned, now + 120);
    assert_eq!(bench.stream.pin, None);
    bench.stream.listed(&untouched, now + 180);
    bench.stream.listed(&BTreeMap::new(), now + 240);
    assert_eq!(bench.condition(ConditionKind::Accepted), (Status::True, "ours".into()), "a listing lacks some");
    // What stands in no look ends all the same.
    bench.stream.listed(&pinned, now + 290);
    bench.glance.tags = None;
    bench.minute += 4;
    bench.tick();
    assert_eq!(bench.stream.pin, None);
}
