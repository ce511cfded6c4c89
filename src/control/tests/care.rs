use super::hot::{LOADS, QUARTER, looked, quarters, shard, throttled};
use super::*;
use crate::scale::hot::Operation;
use crate::scale::{Notice, Quota};

fn allowed() -> Bench {
    let mut bench = throttled();
    bench.stream.splits = true;
    bench
}

fn id(number: u32) -> String {
    format!("shardId-{number:012}")
}

fn verdict(bench: &mut Bench, open: &[OpenShard]) -> (Verb, String, u32) {
    let Decision { verb, reason, to, .. } = looked(bench, open).decision;
    (verb, reason, to)
}

/// Confirms it, chooses the shards and writes it down, as the shell does.
fn sent(bench: &mut Bench, decision: &Decision, open: &[OpenShard]) -> (Operation, Record) {
    let now = bench.now();
    bench.stream.confirm(decision, Ok(&bench.glance), &bench.rules, now).unwrap();
    let (operation, _, record) = bench.stream.split(decision, Ok(open), &bench.rules, now).unwrap();
    bench.stream.recall(&record, &bench.rules);
    (operation, record)
}

#[test]
fn a_hot_shard_is_split_and_what_that_parts_is_waited_for() {
    let mut bench = allowed();
    // A growth of the whole stream would part it as well, and cost four shards.
    bench.want(8);
    let decision = looked(&mut bench, &quarters(LOADS)).decision;
    assert_eq!((decision.verb, decision.reason.as_str(), decision.to), (Verb::Split, "hot-shard", 5));
    let (operation, record) = sent(&mut bench, &decision, &quarters(LOADS));
    assert_eq!(operation, Operation::Split { shard: id(2), at: 5 << 125 });
    let (called, shard_2) = (bench.minute, id(2));
    assert_eq!(record, Record::Splitting { called, from: 4, to: 5, shard: shard_2, unparted: 0 });
    assert_eq!(bench.hold(), "resharding");
    bench.glance.open_shards = 5;
    // Both halves are full, of writes that are sent again.
    let mut open = quarters(LOADS);
    let halves = [(10, (2 * QUARTER, (5 << 125) - 1)), (11, (5 << 125, 3 * QUARTER - 1))];
    open.splice(2..3, halves.map(|(number, range)| shard(number, Some(2), range, Some(1.0))));
    let first = (0..20).find_map(|_| {
        let decision = looked(&mut bench, &open).decision;
        (decision.verb != Verb::Hold).then_some((decision.verb, bench.minute - called))
    });
    assert_eq!(first, Some((Verb::Split, 15)), "metrics are three minutes late");
    // After a start it is known as before.
    let mut again = allowed();
    again.stream.recall(&record, &again.rules);
    assert_eq!(again.stream.parted, bench.stream.parted);
}

#[test]
fn a_hot_shard_is_split_only_where_nothing_is_against_it() {
    let verdicts = |change: &dyn Fn(&mut Bench)| {
        let mut bench = allowed();
        change(&mut bench);
        let (verb, reason, _) = verdict(&mut bench, &quarters(LOADS));
        (verb, reason)
    };
    let held = |reason: &str| (Verb::Hold, reason.to_owned());
    assert_eq!(verdicts(&|_| ()), (Verb::Split, "hot-shard".into()));
    assert_eq!(verdicts(&|bench| bench.stream.splits = false), held("in-band"));
    assert_eq!(verdicts(&|bench| bench.records.1 = 0.0), held("in-band"));
    assert_eq!(verdicts(&|bench| bench.tag(PAUSED, "until resumed")), held("paused"));
    assert_eq!(
        verdicts(
            &|bench| bench.tag(PIN, &hand::pin_text(&Pin { shards: 4, until: bench.now() + 900, at_least: false }))
        ),
        held("pin")
    );
    assert_eq!(verdicts(&|bench| bench.glance.state = State::Busy("UPDATING".into())), held("not-active"));
    assert_eq!(verdicts(&|bench| bench.stream.bounds.max = 4), held("in-band"));
    let full = Quota { open: 500, limit: 500 };
    let mut bench = allowed();
    bench.stream.inputs.quota = Some(full);
    looked(&mut bench, &quarters(LOADS));
    bench.stream.inputs.quota = Some(full);
    let (now, shards) = (bench.now(), quarters(LOADS));
    let seen = Seen { quota: Some(full), shards: Some(Ok(&shards)), ..Seen::default() };
    assert_eq!(bench.stream.tick(&seen, &bench.rules, now).decision.verb, Verb::Hold);
    // The list that is read before the call says something else.
    let mut bench = allowed();
    let decision = looked(&mut bench, &quarters(LOADS)).decision;
    let calm = quarters([Some(0.5); 4]);
    let held = bench.stream.split(&decision, Ok(&calm), &bench.rules, bench.minute * 60).unwrap_err().decision;
    assert_eq!((held.verb, held.reason.as_str()), (Verb::Hold, "changed"));
}

#[test]
fn at_the_most_shards_the_coldest_make_room_which_growth_does_not_take() {
    let mut bench = allowed();
    bench.stream.bounds.max = 4;
    let open = quarters([Some(0.1), Some(0.1), Some(1.0), Some(0.8)]);
    let decision = looked(&mut bench, &open).decision;
    assert_eq!((decision.verb, decision.reason.as_str(), decision.to), (Verb::Merge, "hot-shard", 3));
    let (operation, _) = sent(&mut bench, &decision, &open);
    assert_eq!(operation, Operation::Merge { shard: id(0), adjacent: id(1) });
    bench.glance.open_shards = 3;
    let told = |bench: &Bench| matches!(bench.stream.told_hot(), Some(Notice::HotShard { .. }));
    // What is wanted is more, by a call that would make all ranges even.
    bench.want(8);
    assert_eq!(verdict(&mut bench, &open), (Verb::Hold, "hot-shard".into(), 3));
    assert!(told(&bench));
    let mut open = open;
    open.splice(0..2, [shard(9, Some(0), (0, 2 * QUARTER - 1), Some(0.2))]);
    let verbs: Vec<Verb> = (0..8).map(|_| verdict(&mut bench, &open).0).collect();
    assert_eq!(verbs.iter().find(|verb| **verb != Verb::Hold), Some(&Verb::Split), "{verbs:?}");
}

#[test]
fn a_shrink_without_a_call_merges_the_coldest() {
    let mut bench = Bench::new(4);
    bench.stream.splits = true;
    bench.records = (60_000.0, 0.0);
    for called in START - 200..START - 190 {
        bench.stream.recall(&Record::Calling { called, from: 4, to: 8 }, &bench.rules);
        bench.stream.recall(&Record::Void { called }, &bench.rules);
    }
    (0..15).for_each(|_| drop(bench.tick()));
    bench.want(2);
    let open = quarters([Some(0.4), Some(0.1), Some(0.1), Some(0.4)]);
    assert_eq!(verdict(&mut bench, &open), (Verb::Hold, "calls-used".into(), 4));
    let decision = looked(&mut bench, &open).decision;
    assert_eq!((decision.verb, decision.reason.as_str(), decision.to), (Verb::Merge, "cold-shards", 3));
    let (operation, _) = sent(&mut bench, &decision, &open);
    assert_eq!(operation, Operation::Merge { shard: id(1), adjacent: id(2) });
    // What holds a shrink holds a merge.
    let verb = |change: &dyn Fn(&mut Bench)| {
        let mut bench = Bench::new(4);
        bench.stream.splits = true;
        bench.records = (60_000.0, 0.0);
        change(&mut bench);
        (0..15).for_each(|_| drop(bench.tick()));
        bench.want(2);
        bench.rules.calls_a_day = 0;
        looked(&mut bench, &open);
        looked(&mut bench, &open).decision.verb
    };
    assert_eq!(verb(&|_| ()), Verb::Merge);
    assert_eq!(verb(&|bench| bench.gaps = vec![START + 31, START + 32]), Verb::Hold);
    assert_eq!(verb(&|bench| bench.stream.splits = false), Verb::Hold);
    assert_eq!(verb(&|bench| bench.stream.bounds.min = 4), Verb::Hold);
}
