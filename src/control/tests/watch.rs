use super::hot::{LOADS, looked, quarters, throttled};
use super::*;

const BOTH: [&str; 2] = ["IncomingBytes", "IncomingRecords"];

fn names(metrics: &[&str]) -> Vec<String> {
    metrics.iter().map(|metric| (*metric).to_owned()).collect()
}

/// Throttles at half of its use, and `run` may look at its shards.
fn suspicious() -> Bench {
    let mut bench = throttled();
    bench.stream.loads = Loads::Switched(names(&BOTH));
    bench
}

/// The switch that the next tick decides.
fn next(bench: &mut Bench) -> Option<Decision> {
    bench.tick();
    bench.stream.switch(&bench.rules).1
}

fn verb(bench: &mut Bench) -> Option<Verb> {
    next(bench).map(|decision| decision.verb)
}

/// Confirms and switches, as the shell does; answers what is written down.
fn made(bench: &mut Bench, decision: Decision, answer: Answer, outcome: &str) -> Option<Record> {
    let now = bench.now();
    let (holds, _) = bench.stream.confirm_switch(&decision, Ok(&bench.glance), &bench.rules, now);
    assert!(holds, "{decision:?}");
    if answer == Answer::Accepted {
        bench.glance.shard_metrics = names(if decision.verb == Verb::Watch { &BOTH } else { &[] });
    }
    bench.stream.switch_answered(decision, answer, outcome.into(), &bench.rules, now)
}

fn on(bench: &mut Bench) -> Record {
    let wish = next(bench).expect("a suspicion");
    made(bench, wish, Answer::Accepted, "accepted").expect("a record")
}

#[test]
fn metrics_are_turned_on_at_a_suspicion_and_off_after_an_hour_of_calm() {
    let mut bench = suspicious();
    assert!(!bench.stream.tells_loads());
    let wish = next(&mut bench).expect("a suspicion");
    assert_eq!((wish.verb, wish.reason.as_str(), wish.from, wish.to), (Verb::Watch, "hot-shard-suspected", 4, 4));
    assert!(wish.because.contains("use is 50 %"), "{}", wish.because);
    made(&mut bench, wish, Answer::Accepted, "accepted");
    assert!(bench.stream.tells_loads());
    let status = bench.stream.status(&bench.rules, bench.now());
    assert_eq!(status.watched, Some(true));
    assert!(status.last.is_some_and(|last| last.verb == Verb::Hold), "the newest decision is about the count");
    // From then on its hot shard is told as if the spec had declared them.
    let told = (0..3).any(|_| {
        looked(&mut bench, &quarters(LOADS));
        bench.stream.status(&bench.rules, bench.now()).hot.is_some()
    });
    assert!(told);
    assert!((0..100).all(|_| verb(&mut bench).is_none()), "as long as it throttles they stay on");
    bench.records.1 = 0.0;
    let calm = (1..200).find(|_| verb(&mut bench) == Some(Verb::Unwatch)).expect("an end");
    // The hour, less the ten newest minutes, which CloudWatch corrects.
    assert!((48..=64).contains(&calm), "{calm} min");
    let wish = next(&mut bench).expect("still");
    assert_eq!(wish.reason, "calm");
    made(&mut bench, wish, Answer::Accepted, "accepted");
    assert!((0..200).all(|_| verb(&mut bench).is_none()));
}

#[test]
fn nothing_is_switched_that_need_not_be_or_may_not_be() {
    let wanted = |change: &dyn Fn(&mut Bench)| {
        let mut bench = suspicious();
        change(&mut bench);
        (0..3).filter_map(|_| verb(&mut bench)).next()
    };
    assert_eq!(wanted(&|_| ()), Some(Verb::Watch));
    assert_eq!(
        wanted(&|bench| bench.stream.pin = Some(Pin { shards: 4, until: i64::MAX, at_least: false })),
        Some(Verb::Watch)
    );
    assert_eq!(wanted(&|bench| bench.stream.loads = Loads::Untold), None);
    assert_eq!(wanted(&|bench| bench.stream.loads = Loads::Declared), None);
    assert_eq!(wanted(&|bench| bench.records = (160_000.0, 30_000.0)), None, "it is full itself");
    assert_eq!(wanted(&|bench| bench.tag(PAUSED, "until resumed")), None);
    assert_eq!(wanted(&|bench| bench.tag(PIPELINE, "another")), None);
    assert_eq!(wanted(&|bench| bench.glance.on_demand = true), None);
    assert_eq!(wanted(&|bench| bench.glance.state = State::Busy("UPDATING".into())), None);
    assert_eq!(wanted(&|bench| bench.glance.shard_metrics = names(&BOTH)), None, "they are on");
    assert_eq!(
        wanted(&|bench| bench.glance.shard_metrics = names(&BOTH[..1])),
        Some(Verb::Watch),
        "one alone says nothing"
    );
    let grown = |bench: &mut Bench| {
        bench.records = (240_000.0, 30_000.0);
        (0..10).for_each(|_| drop(bench.tick()));
        bench.stream.switch(&bench.rules);
        bench.glance.open_shards = 8;
    };
    assert_eq!(wanted(&grown), None, "its newest minutes are those of before it grew");
}

#[test]
fn a_dry_run_tells_it_once() {
    let mut bench = suspicious();
    bench.rules.dry_run = true;
    let told: Vec<Record> = (0..30)
        .filter_map(|_| {
            bench.tick();
            let (record, wish) = bench.stream.switch(&bench.rules);
            assert_eq!(wish, None);
            record
        })
        .collect();
    let [Record::Decided { decision }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((decision.verb, decision.outcome.as_deref()), (Verb::Watch, Some("dry-run")));
}

#[test]
fn a_restart_goes_on_by_what_aws_says() {
    let mut before = suspicious();
    let record = on(&mut before);
    // Its books lost, or the process killed before the record: that they are on the look says.
    for recalled in [None, Some(&record)] {
        let mut bench = suspicious();
        bench.glance.shard_metrics = names(&BOTH);
        recalled.iter().for_each(|record| bench.stream.recall(record, &bench.rules));
        assert_eq!(verb(&mut bench), None);
        assert!(bench.stream.tells_loads());
        bench.records.1 = 0.0;
        assert!((0..100).any(|_| verb(&mut bench) == Some(Verb::Unwatch)));
    }
}

#[test]
fn what_changed_meanwhile_is_not_switched() {
    let mut bench = suspicious();
    let wish = next(&mut bench).expect("a suspicion");
    let now = bench.now();
    let mut confirmed = |glance: Result<&Glance, &str>| bench.stream.confirm_switch(&wish, glance, &bench.rules, now).0;
    assert!(!confirmed(Err("throttled")));
    assert!(!confirmed(Ok(&Glance { shard_metrics: names(&BOTH), ..bench.glance.clone() })), "somebody else was first");
    assert!(!confirmed(Ok(&Glance { state: State::Busy("UPDATING".into()), ..bench.glance.clone() })));
    assert!(confirmed(Ok(&bench.glance)));
}

#[test]
fn what_is_refused_is_told_and_tried_again_less_and_less_often() {
    let mut bench = suspicious();
    let (mut tried, mut told) = (Vec::new(), 0);
    for minute in 0..600 {
        let wish = next(&mut bench);
        if let Some(why) = bench.stream.unswitched(bench.now()) {
            assert!(why.contains("AccessDenied") && why.contains("iam controller") && why.contains("clicks"), "{why}");
            told += 1;
        }
        if let Some(wish) = wish {
            let record = made(&mut bench, wish, Answer::Refused, "refused: AccessDenied");
            assert!(record.is_some());
            tried.push(minute);
        }
    }
    let waits: Vec<i64> = tried.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(waits[..6], [5, 10, 20, 40, 60, 60], "{tried:?}");
    assert!(told > 550, "{told}");
    // The count is minded all the same.
    bench.want(8);
    assert_eq!(bench.verdict(), (Verb::Resize, "grow".into(), 8));
    bench.want(4);
    (0..70).for_each(|_| drop(bench.tick()));
    let wish = next(&mut bench).expect("again");
    made(&mut bench, wish, Answer::Accepted, "accepted");
    assert_eq!(bench.stream.unswitched(bench.now()), None);
}

/// Somebody else turns them on whenever they are off, and off whenever they are on.
#[test]
fn the_switches_of_a_day_are_bounded() {
    for theirs in [&[][..], &BOTH[..]] {
        let mut bench = suspicious();
        bench.records.1 = if theirs.is_empty() { 30_000.0 } else { 0.0 };
        let mut made_at = Vec::new();
        for minute in 0..3 * 1440 {
            bench.glance.shard_metrics = names(theirs);
            if let Some(wish) = next(&mut bench) {
                made(&mut bench, wish, Answer::Accepted, "accepted");
                made_at.push(minute);
            }
        }
        let most = if theirs.is_empty() { SWITCHES_A_DAY - 1 } else { SWITCHES_A_DAY };
        assert!(made_at.len() >= 2 * most, "{made_at:?}");
        assert!(made_at.windows(most + 1).all(|some| some[most] - some[0] >= 1440), "{made_at:?}");
    }
}

#[test]
fn a_call_without_an_answer_is_not_sent_again_at_once() {
    let mut bench = suspicious();
    let wish = next(&mut bench).expect("a suspicion");
    let record = made(&mut bench, wish, Answer::Unknown, "unanswered: timeout").expect("a record");
    assert!((0..4).all(|_| verb(&mut bench).is_none()));
    assert_eq!((0..3).filter_map(|_| verb(&mut bench)).next(), Some(Verb::Watch), "it sets a value");
    let mut again = suspicious();
    (0..SWITCHES_A_DAY - 1).for_each(|_| again.stream.recall(&record, &again.rules));
    assert!((0..9).all(|_| verb(&mut again).is_none()), "those of before a restart count");
}
