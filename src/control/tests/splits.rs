use super::*;
use crate::scale::hot::Operation;

/// Four shards that take five shards' worth and refuse one, of which somebody wants eight, with no call left.
fn exhausted() -> Bench {
    let mut bench = Bench::new(4);
    bench.stream.splits = true;
    bench.want(8);
    bench.records = (300_000.0, 60_000.0);
    for called in START - 200..START - 190 {
        bench.stream.recall(&Record::Calling { called, from: 4, to: 8 }, &bench.rules);
        bench.stream.recall(&Record::Void { called }, &bench.rules);
    }
    bench
}

fn open(loads: [Option<f64>; 4]) -> Vec<OpenShard> {
    let quarter = 1u128 << 126;
    let shard = |(at, load): (u128, Option<f64>)| OpenShard {
        id: format!("shardId-{at:012}"),
        parent: None,
        start: at * quarter,
        end: at * quarter + (quarter - 1),
        records: load.map(|load| load * 60_000.0),
        bytes: load.map(|_| 0.0),
    };
    (0..).zip(loads).map(shard).collect()
}

#[test]
fn with_no_call_left_a_shard_is_split_and_settles() {
    let mut bench = exhausted();
    let decision = bench.tick().decision;
    assert_eq!((decision.verb, decision.reason.as_str(), decision.from, decision.to), (Verb::Split, "split", 4, 5));
    let now = bench.now();
    bench.stream.confirm(&decision, Ok(&bench.glance), &bench.rules, now).unwrap();
    let shards = open([Some(0.9), Some(0.2), Some(1.4), Some(0.9)]);
    let (operation, decision, record) = bench.stream.split(&decision, Ok(&shards), &bench.rules, now).unwrap();
    let shard = "shardId-000000000002".to_owned();
    assert_eq!(operation, Operation::Split { shard: shard.clone(), at: 5 << 125 });
    let called = bench.minute;
    assert_eq!(record, Record::Splitting { called, from: 4, to: 5, shard, unparted: 0 });
    assert!(
        decision.because.ends_with("shardId-000000000002 at 212676479325586539664609129644855132160"),
        "{decision:?}"
    );
    bench.stream.recall(&record, &bench.rules);
    assert_eq!(bench.hold(), "resharding");
    bench.glance.open_shards = 5;
    let step = bench.tick();
    assert!(step.records.contains(&Record::Settled { called, done: called + 2 }), "{:?}", step.records);
    assert_eq!((step.decision.verb, step.decision.from, step.decision.to), (Verb::Split, 5, 6));
    // The demand of six shards has seven: what is still refused now is for uneven keys.
    (bench.glance.open_shards, bench.stream.shards) = (7, Some(7));
    assert_eq!((bench.hold().as_str(), bench.stream.calls_used(bench.minute)), ("calls-used", 10));
}

#[test]
fn a_split_needs_everything_that_it_needs() {
    let reasons = |change: &dyn Fn(&mut Bench)| {
        let mut bench = exhausted();
        change(&mut bench);
        let step = bench.tick();
        (step.decision.verb, step.decision.reason)
    };
    let held = |reason: &str| (Verb::Hold, reason.to_owned());
    assert_eq!(reasons(&|_| ()).0, Verb::Split);
    assert_eq!(reasons(&|bench| bench.stream.splits = false), held("calls-used"));
    assert_eq!(reasons(&|bench| bench.records.1 = 0.0), held("calls-used"));
    assert_eq!(reasons(&|bench| bench.records = (180_000.0, 30_000.0)), held("calls-used"));
    assert_eq!(reasons(&|bench| bench.stream.bounds.max = 4), held("bounds"));
    assert_eq!(reasons(&|bench| bench.tag(PAUSED, "until resumed")), held("paused"));
    assert_eq!(reasons(&|bench| bench.glance.state = State::Busy("UPDATING".into())), held("not-active"));
    assert_eq!(reasons(&|bench| bench.want(4)), held("in-band"));
    let day = |bench: &mut Bench| {
        for called in START - 180..START - 180 + SPLITS_A_DAY as i64 {
            let record = Record::Splitting { called, from: 4, to: 5, shard: String::new(), unparted: 0 };
            bench.stream.recall(&record, &bench.rules);
            bench.stream.recall(&Record::Void { called }, &bench.rules);
        }
    };
    assert_eq!(reasons(&day), held("calls-used"));
    // So many splits push no call out of the books.
    let mut bench = exhausted();
    (0..4).for_each(|_| day(&mut bench));
    assert_eq!((bench.stream.calls_used(bench.minute), bench.stream.resizes.len()), (10, 10 + SPLITS_A_DAY));
}

#[test]
fn what_is_not_known_of_shards_is_not_split() {
    let mut bench = exhausted();
    let decision = bench.tick().decision;
    let now = bench.now();
    let mut split = |open: Result<&[OpenShard], &str>| {
        let answer = bench.stream.split(&decision, open, &bench.rules, now);
        answer.map(|(operation, ..)| operation).map_err(|step| step.decision.because)
    };
    assert!(split(Err("throttled")).unwrap_err().ends_with("held: throttled"));
    let shards = open([None; 4]);
    assert!(split(Ok(&shards[..3])).unwrap_err().contains("does not show the 4"));
    let mut gap = shards.clone();
    gap[1].end -= 1;
    assert!(split(Ok(&gap)).unwrap_err().contains("does not show the 4"));
    // Where one is not known to be cold, the widest goes first.
    let some = open([Some(0.1), None, Some(1.5), Some(0.1)]);
    assert_eq!(split(Ok(&some)), Ok(Operation::Split { shard: "shardId-000000000000".into(), at: 1 << 125 }));
}

#[test]
fn a_single_hot_key_is_not_split_for_ever() {
    let mut bench = exhausted();
    let decision = bench.tick().decision;
    let now = bench.now();
    let mut shards = open([Some(0.1), Some(0.1), Some(1.5), Some(0.1)]);
    // Each time one half has it all.
    for split in 0..5u32 {
        let from = decision.from + split;
        let decision = Decision { from, to: from + 1, desired: 64, ..decision.clone() };
        let chosen = bench.stream.split(&decision, Ok(&shards), &bench.rules, now);
        let Ok((Operation::Split { shard, at }, ..)) = chosen else { panic!("{:?}", chosen.err()) };
        let place = shards.iter().position(|open| open.id == shard).unwrap();
        if split >= 2 {
            assert!(shards[place].load().unwrap() < 0.2, "{shard} is split again");
            return;
        }
        let parent = shards.remove(place);
        let child = |half: u32, start, end, load: f64| OpenShard {
            id: format!("shardId-{:012}", 10 + 2 * split + half),
            parent: Some(parent.id.clone()),
            records: Some(load * 60_000.0),
            bytes: Some(0.0),
            start,
            end,
        };
        let halves = [child(0, parent.start, at - 1, 1.5), child(1, at, parent.end, 0.0)];
        shards.splice(place..place, halves);
    }
    panic!("it was split to the end");
}
