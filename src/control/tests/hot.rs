use super::*;
use crate::scale::Notice;

pub(super) const QUARTER: u128 = 1 << 126;

/// Four shards that take two shards' worth and refuse half a one.
pub(super) fn throttled() -> Bench {
    let mut bench = Bench::new(4);
    bench.records = (120_000.0, 30_000.0);
    (0..5).for_each(|_| drop(bench.tick()));
    bench
}

pub(super) fn shard(number: u32, parent: Option<u32>, (start, end): (u128, u128), load: Option<f64>) -> OpenShard {
    let id = |number: u32| format!("shardId-{number:012}");
    let records = load.map(|load| load * 60_000.0);
    OpenShard { id: id(number), parent: parent.map(id), start, end, records, bytes: load.map(|_| 0.0) }
}

/// Four equal ranges, the third hot.
pub(super) fn quarters(loads: [Option<f64>; 4]) -> Vec<OpenShard> {
    let of = |(at, load): (u32, Option<f64>)| {
        let start = u128::from(at) * QUARTER;
        shard(at, None, (start, start + (QUARTER - 1)), load)
    };
    (0..).zip(loads).map(of).collect()
}

pub(super) const LOADS: [Option<f64>; 4] = [Some(0.3), Some(0.4), Some(1.0), Some(0.3)];

/// The next tick, with a question about shards where one is asked.
pub(super) fn looked(bench: &mut Bench, open: &[OpenShard]) -> Step {
    bench.minute += 1;
    let (metrics, now) = (bench.metrics(), bench.now());
    let shards = bench.stream.asks_shards(now).then_some(Ok(open));
    let seen = Seen { glance: Some(Ok(&bench.glance)), metrics: Some(Ok(&metrics)), shards, ..Seen::default() };
    bench.stream.tick(&seen, &bench.rules, now)
}

fn shown(bench: &mut Bench, open: &[OpenShard]) -> Option<Notice> {
    looked(bench, open);
    bench.stream.status(&bench.rules, bench.now()).hot
}

#[test]
fn a_hot_shard_is_told_with_its_name_and_load() {
    let mut bench = throttled();
    let Some(Notice::HotShard { shard, load, because }) = shown(&mut bench, &quarters(LOADS)) else { panic!() };
    assert_eq!((shard.as_str(), load), ("shardId-000000000002", 1.0));
    assert!(because.contains("splitMerge"), "{because}");
    let condition = bench.condition(ConditionKind::Healthy);
    assert_eq!(condition, (Status::False, "hot-shard".into()));
    // It stands through minutes without a reject, and ends after a quarter of an hour of them. (CloudWatch takes back the newest ten.)
    bench.records.1 = 0.0;
    for minute in 0..30 {
        let told = shown(&mut bench, &quarters(LOADS));
        assert_eq!(told.is_some(), minute < 5, "{minute}: {told:?}");
    }
    assert!(!bench.stream.asks_shards(bench.now()));
}

#[test]
fn what_is_not_known_of_shards_is_not_told() {
    let told = |change: &dyn Fn(&mut Bench), open: &[OpenShard]| {
        let mut bench = throttled();
        change(&mut bench);
        shown(&mut bench, open).is_some()
    };
    let plain = |_: &mut Bench| ();
    assert!(told(&plain, &quarters(LOADS)));
    // Nobody writes to it, since the others have all of the load; or its figure is missing.
    assert!(told(&plain, &quarters([None, Some(0.8), Some(1.0), Some(0.2)])));
    assert!(!told(&plain, &quarters([None, Some(0.4), Some(1.0), Some(0.3)])));
    assert!(!told(&plain, &quarters(LOADS)[..3]), "a hole");
    assert!(!told(&plain, &quarters([Some(0.5); 4])), "bursts inside the minute");
    assert!(!told(&|bench| bench.records = (190_000.0, 50_000.0), &quarters([Some(1.0); 4])), "it is full itself");
    assert!(!told(&|bench| bench.glance.open_shards = 5, &quarters(LOADS)), "the list is behind");
    assert!(!told(&|bench| bench.tag(PIPELINE, "another"), &quarters(LOADS)));
}

/// The ranges after a split of the hot shard in the middle that leaves everything in its left half.
fn split_in_vain(open: &mut Vec<OpenShard>, next: u32) {
    let at = open.iter().position(|shard| shard.load() == Some(1.0)).unwrap();
    let parent = open.remove(at);
    let middle = parent.start + (parent.end - parent.start) / 2;
    let number = parent.id.trim_start_matches("shardId-").parse().ok();
    let halves = [(next, (parent.start, middle), Some(1.0)), (next + 1, (middle + 1, parent.end), None)];
    open.splice(at..at, halves.map(|(id, range, load)| shard(id, number, range, load)));
}

#[test]
fn a_key_that_two_splits_did_not_part_is_told_and_no_shard_is_bought_for_it() {
    let mut bench = throttled();
    let mut open = quarters(LOADS);
    for splits in 0..3u32 {
        let told = shown(&mut bench, &open);
        let keys = bench.stream.inputs.hot_keys;
        match (splits, told) {
            (0 | 1, Some(Notice::HotShard { .. })) => assert_eq!(keys, None),
            (2, Some(Notice::HotKey { shard, .. })) => {
                assert_eq!((shard.as_str(), keys), ("shardId-000000000012", Some(0.2)));
            }
            (_, told) => panic!("{splits}: {told:?}"),
        }
        split_in_vain(&mut open, 10 + 2 * splits);
        // As somebody else's change: no figures count until two minutes after it.
        bench.glance.open_shards += 1;
        assert!((0..5).all(|_| shown(&mut bench, &quarters([Some(1.0); 4])).is_some()));
    }
    assert_eq!(bench.condition(ConditionKind::Healthy), (Status::False, "hot-key".into()));
}

#[test]
fn halves_that_are_both_full_are_no_key() {
    let mut bench = throttled();
    let mut open = quarters(LOADS);
    for splits in 0..3u32 {
        split_in_vain(&mut open, 10 + 2 * splits);
        bench.glance.open_shards += 1;
        bench.stream.shards = Some(bench.glance.open_shards);
        for shard in &mut open {
            (shard.records, shard.bytes) = (Some(if shard.parent.is_some() { 60_000.0 } else { 6_000.0 }), Some(0.0));
        }
        let told = shown(&mut bench, &open);
        assert!(matches!(told, Some(Notice::HotShard { .. })), "{told:?}");
    }
}

#[test]
fn shards_that_did_not_help_show_the_full_one_to_have_a_key() {
    let mut bench = throttled();
    assert!(matches!(shown(&mut bench, &quarters(LOADS)), Some(Notice::HotShard { .. })));
    bench.stream.skewed = Some(0.2);
    assert!(matches!(bench.stream.told_hot(), Some(Notice::HotKey { .. })));
}
