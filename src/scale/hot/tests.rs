use super::*;
use proptest::prelude::*;

const KEYS: u128 = u128::MAX;

fn range(shard: &str, start: u128, end: u128, load: f64) -> Range {
    Range { shard: shard.into(), start, end, load: Some(load), pieces: Vec::new(), unparted: 0, young: false }
}

/// Shards of equal width with these loads.
fn stream(loads: &[f64]) -> Vec<Range> {
    let width = KEYS / loads.len() as u128;
    let last = loads.len() - 1;
    let end = |at: usize| if at == last { KEYS } else { (at as u128 + 1) * width - 1 };
    loads.iter().enumerate().map(|(at, load)| range(&format!("s{at}"), at as u128 * width, end(at), *load)).collect()
}

fn ward(ranges: &[Range]) -> Ward<'_> {
    let open = ranges.len() as u32;
    Ward { ranges, watched: true, calm: Some(0), fill: Some(0.3), allowed: true, wanted: open, min: 1, max: 100 }
}

/// What AWS makes of a call; loads go where the pieces say, or evenly.
fn done(ranges: &[Range], operation: &Operation) -> Vec<Range> {
    let mut ranges = ranges.to_vec();
    let find =
        |ranges: &[Range], shard: &str| ranges.iter().position(|range| range.shard == shard).expect("it is open");
    match operation {
        Operation::Split { shard, at } => {
            let index = find(&ranges, shard);
            let old = ranges.remove(index);
            assert!(old.start < *at && *at <= old.end, "strictly inside");
            let load = old.load.map(|load| load / 2.0);
            let child = |side: &str, start, end| Range { load, ..range(&format!("{shard}{side}"), start, end, 0.0) };
            ranges.splice(index..index, [child("l", old.start, at - 1), child("r", *at, old.end)]);
        }
        Operation::Merge { shard, adjacent } => {
            let index = find(&ranges, shard);
            assert_eq!(find(&ranges, adjacent), index + 1, "neighbours");
            let right = ranges.remove(index + 1);
            let left = &mut ranges[index];
            left.end = right.end;
            left.load = left.load.zip(right.load).map(|(a, b)| a + b);
        }
    }
    ranges
}

#[test]
fn shard_metrics_are_turned_on_by_suspicion_and_off_when_it_is_calm() {
    let ranges = stream(&[0.2, 0.2]);
    let blind = Ward { watched: false, ..ward(&ranges) };
    assert_eq!(blind.treat(), Action::Watch);
    assert_eq!(Ward { fill: Some(0.9), ..blind }.treat(), Action::Nothing, "it is simply full");
    assert_eq!(Ward { fill: None, ..blind }.treat(), Action::Nothing);
    assert_eq!(Ward { calm: Some(5), ..blind }.treat(), Action::Nothing);
    assert_eq!(Ward { calm: Some(59), ..ward(&ranges) }.treat(), Action::Nothing);
    assert_eq!(Ward { calm: Some(60), ..ward(&ranges) }.treat(), Action::Unwatch);
}

#[test]
fn a_hot_key_does_not_hide_a_shard_that_a_split_helps() {
    let mut ranges = stream(&[1.4, 0.9, 0.2]);
    ranges[0].unparted = TELLING;
    let action = ward(&ranges).treat();
    assert!(matches!(&action, Action::Call(Operation::Split { shard, .. }) if shard == "s1"), "{action:?}");
    ranges[1].load = Some(0.2);
    assert!(matches!(ward(&ranges).treat(), Action::Tell(Notice::HotKey { .. })));
}

#[test]
fn a_hot_shard_is_split_where_half_of_its_load_lies() {
    let mut ranges = stream(&[0.2, 0.95, 0.2, 0.2]);
    let (start, end) = (ranges[1].start, ranges[1].end);
    let split = |ranges: &[Range]| match ward(ranges).treat() {
        Action::Call(Operation::Split { shard, at }) => (shard, at),
        other => panic!("{other:?}"),
    };
    assert_eq!(split(&ranges), ("s1".into(), start + (end - start) / 2 + 1), "without knowledge in the middle");
    // Three quarters of it lie in the first thousand keys.
    ranges[1].pieces =
        vec![Piece { start, end: start + 999, load: 0.75 }, Piece { start: start + 1000, end, load: 0.25 }];
    assert_eq!(split(&ranges), ("s1".into(), start + 667));
    // A heavy key goes to the side that makes the halves more even.
    let key = Piece { start: start + 500, end: start + 500, load: 0.5 };
    ranges[1].pieces =
        vec![Piece { start, end: start + 99, load: 0.1 }, key, Piece { start: end - 9, end, load: 0.35 }];
    assert_eq!(split(&ranges), ("s1".into(), start + 501));
    assert!(matches!(Ward { allowed: false, ..ward(&ranges) }.treat(), Action::Tell(Notice::HotShard { .. })));
}

#[test]
fn no_shard_is_bought_for_a_single_key() {
    let mut ranges = stream(&[0.1, 1.0, 0.1]);
    let key = ranges[1].start + 7;
    ranges[1].pieces = vec![Piece { start: key, end: key, load: 1.3 }];
    let Action::Tell(notice) = ward(&ranges).treat() else { panic!("it is told") };
    assert_eq!(notice, Notice::HotKey { shard: "s1".into(), load: 1.3 });
    assert!(notice.to_string().contains("give it several partition keys"), "{notice}");
    assert_eq!(
        Ward { wanted: 9, ..ward(&ranges) }
            .escape(0)
            .map(|call| matches!(call, Operation::Split { shard, .. } if shard != "s1")),
        Some(true)
    );
    // Two splits that parted nothing say the same.
    ranges[1].pieces.clear();
    ranges[1].unparted = unparted(unparted(0, 1.0, 0.97), 0.97, 0.96);
    assert!(matches!(ward(&ranges).treat(), Action::Tell(Notice::HotKey { .. })));
    assert_eq!([unparted(1, 1.0, 0.6), unparted(1, 0.0, 0.0)], [0, 0]);
}

#[test]
fn the_coldest_neighbours_give_a_shard_back() {
    let ranges = stream(&[0.5, 0.2, 0.05, 0.1, 0.6]);
    let merge = Operation::Merge { shard: "s2".into(), adjacent: "s3".into() };
    let calm = Ward { calm: Some(10), wanted: 4, ..ward(&ranges) };
    assert_eq!(calm.treat(), Action::Call(merge.clone()));
    assert_eq!(Ward { wanted: 5, ..calm }.treat(), Action::Nothing, "it is wanted");
    assert_eq!(Ward { min: 5, ..calm }.treat(), Action::Nothing);
    // A full stream makes room for a hot shard first.
    let hot = stream(&[0.9, 0.2, 0.05, 0.1, 0.6]);
    assert_eq!(Ward { max: 5, ..ward(&hot) }.treat(), Action::Call(merge));
    let warm = stream(&[0.9, 0.2, 0.4, 0.4, 0.6]);
    assert!(matches!(Ward { max: 5, ..ward(&warm) }.treat(), Action::Tell(Notice::HotShard { .. })));
}

#[test]
fn an_empty_ledger_and_throttles_lead_to_single_splits() {
    let ranges = stream(&[0.7, 0.9, 0.8]);
    let crowd = Ward { wanted: 6, ..ward(&ranges) };
    let Some(Operation::Split { shard, .. }) = crowd.escape(0) else { panic!("it splits") };
    assert_eq!(shard, "s1");
    let others = [
        crowd.escape(1),
        Ward { calm: Some(3), ..crowd }.escape(0),
        Ward { calm: None, ..crowd }.escape(0),
        Ward { allowed: false, ..crowd }.escape(0),
        Ward { max: 3, ..crowd }.escape(0),
        Ward { wanted: 3, ..crowd }.escape(0),
    ];
    assert_eq!(others, [const { None }; 6]);
    // Without loads the widest is split.
    let mut unknown = done(&ranges, &Operation::Split { shard: "s0".into(), at: 9 });
    unknown.iter_mut().for_each(|range| range.load = None);
    let Some(Operation::Split { shard, .. }) = (Ward { wanted: 6, ..ward(&unknown) }).escape(0) else {
        panic!("it splits")
    };
    assert_ne!(shard, "s0l");
}

fn wild() -> impl Strategy<Value = Vec<Range>> {
    let shard =
        (proptest::option::weighted(0.95, 0.0f64..1.3), 0u8..3, proptest::option::of((0.0f64..1.0, 0.0f64..1.2)));
    proptest::collection::vec(shard, 1..12).prop_map(|shards| {
        let mut ranges = stream(&vec![0.0; shards.len()]);
        for (range, (load, unparted, piece)) in ranges.iter_mut().zip(shards) {
            (range.load, range.unparted) = (load, unparted);
            if let Some((place, load)) = piece {
                let at = range.start + ((range.end - range.start) as f64 * place * 0.999) as u128;
                range.pieces.push(Piece { start: at, end: at, load });
            }
        }
        ranges
    })
}

proptest! {
    #[test]
    fn ranges_always_tile_the_key_space(
        ranges in wild(), calm in proptest::option::of(0i64..3), left in 0u32..2, wanted in 1u32..20, min in 1u32..6, more in 0u32..12,
    ) {
        let mut ranges = ranges;
        for step in 0..12 {
            let ward = Ward { calm, wanted, min, max: min + more, ..ward(&ranges) };
            let treated = match ward.treat() {
                Action::Call(call) => Some(call),
                _ => None,
            };
            let Some(call) = (if step % 2 == 0 { treated } else { ward.escape(left) }) else { continue };
            let before = ranges.len() as u32;
            if let Operation::Split { shard, .. } = &call {
                let split = ranges.iter().find(|range| range.shard == *shard).expect("it is open");
                prop_assert!(split.unparted < 2 && split.pieces.iter().all(|piece| piece.load < 1.0), "a key: {:?}", split);
                prop_assert!(before < min + more);
            } else {
                prop_assert!(before > min);
                prop_assert!(ranges.iter().all(|range| range.load.is_some()), "what is not known is not merged");
            }
            ranges = done(&ranges, &call);
            prop_assert!(ranges[0].start == 0 && ranges[ranges.len() - 1].end == KEYS);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].end + 1, pair[1].start);
            }
        }
    }

    #[test]
    fn a_split_leaves_neither_half_more_than_half_and_what_cannot_be_parted(
        cuts in proptest::collection::btree_set(1u64..1_000_000, 1..20), loads in proptest::collection::vec(0.01f64..1.0, 21),
    ) {
        // Pieces side by side over a range of a million keys; every third is a single key.
        let edges: Vec<u128> = [0].into_iter().chain(cuts).chain([1_000_000]).map(u128::from).collect();
        let pieces: Vec<Piece> = edges.windows(2).zip(&loads).enumerate().map(|(at, (pair, load))| {
            let end = if at % 3 == 0 { pair[0] } else { pair[1] - 1 };
            Piece { start: pair[0], end, load: *load }
        }).collect();
        let total: f64 = pieces.iter().map(|piece| piece.load).sum();
        let hot = Range { pieces: pieces.clone(), ..range("s", 0, 999_999, total) };
        let at = hot.median().expect("it is wide");
        let left: f64 = pieces.iter().map(|piece| {
            let width = (piece.end - piece.start + 1) as f64;
            let inside = at.saturating_sub(piece.start).min(piece.end - piece.start + 1) as f64;
            piece.load * inside / width
        }).sum();
        // A single key, or one key's share of a narrow piece, cannot be parted.
        let grain = pieces.iter().map(|piece| piece.load / (piece.end - piece.start + 1) as f64).fold(0.0, f64::max);
        prop_assert!((left - total / 2.0).abs() <= grain + 1e-9, "{} of {} left of {}", left, total, at);
    }
}

#[test]
fn what_a_split_parted_is_waited_for() {
    let young = |load| Range { young: true, ..range("a", 0, 99, load) };
    let others = |first| [first, range("b", 100, 199, 0.2), range("c", 200, u128::MAX, 0.9)];
    let treated = |ranges: &[Range]| {
        let (watched, calm, fill, allowed) = (true, Some(0), Some(0.4), true);
        Ward { ranges, watched, calm, fill, allowed, wanted: 3, min: 1, max: 8 }.treat()
    };
    assert!(matches!(treated(&others(young(1.0))), Action::Call(Operation::Split { shard, .. }) if shard == "c"));
    assert_eq!(treated(&others(young(1.0))[..2]), Action::Nothing);
    let key = Range { unparted: 2, ..young(1.0) };
    assert!(matches!(treated(&[key, range("b", 100, u128::MAX, 0.2)]), Action::Tell(Notice::HotKey { .. })));
}
