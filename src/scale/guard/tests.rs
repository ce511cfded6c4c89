use super::*;
use crate::model::calendar::At;
use crate::scale::{
    Alarm, Bounds, Budget, Consumer, Floor, Inputs, Quiet, Quota, Reads, Resize, Sample, Signal, Window,
};
use proptest::prelude::*;

fn window(newest: i64, gap: Option<i64>, age: f64) -> Window {
    let mut window = Window::new(100);
    for minute in newest - 20..=newest {
        let known = Sample { accepted: Some(1.0), rejected: Some(0.0), age: Some(age), ..Sample::default() };
        window.put(minute, if Some(minute) == gap { Sample::default() } else { known });
    }
    window
}

fn decide(window: &Window, resizes: &[Resize], bounds: Bounds, shards: u32, wanted: u32) -> Decision {
    let view =
        View { now: 10_000, shards, window, resizes, calls_a_day: 10, bounds, price: 100.0, inputs: Inputs::NONE };
    dispose(&view, &Proposal::new(wanted, "test"))
}

const WIDE: Bounds = Bounds { min: 1, max: 10_000 };

#[test]
fn what_is_not_known_takes_no_shard_away() {
    let whole = window(9_997, None, 0.0);
    assert_eq!(decide(&whole, &[], WIDE, 10, 6).shards, 6);
    for (window, reason) in [
        (window(9_997, Some(9_996), 0.0), "a minute of the newest 3 has no metrics"),
        (window(9_980, None, 0.0), "no metrics for more than 15 min"),
        (Window::new(100), "nothing is known of the load"),
        (window(9_997, None, 30.0), "the iterator age is 30 min"),
    ] {
        let decision = decide(&window, &[], WIDE, 10, 6);
        assert_eq!((decision.shards, decision.because), (10, format!("test; held: {reason}")));
    }
    assert_eq!(decide(&window(9_997, Some(9_996), 0.0), &[], WIDE, 10, 12).shards, 12);
}

#[test]
fn a_stream_outside_its_bounds_is_brought_back_even_if_nothing_is_known() {
    let stale = window(9_000, None, 0.0);
    let bounds = Bounds { min: 4, max: 8 };
    assert_eq!((decide(&stale, &[], bounds, 1, 1).shards, decide(&stale, &[], bounds, 1, 100).shards), (2, 2));
    assert_eq!((decide(&stale, &[], bounds, 3, 3).shards, decide(&stale, &[], bounds, 20, 20).shards), (4, 10));
}

#[test]
fn beyond_its_bounds_a_wish_needs_what_every_wish_needs() {
    let bounds = Bounds { min: 20, max: 60 };
    let stale = window(9_000, None, 0.0);
    for (shards, wanted, to) in [(18, 36, 20), (64, 32, 60), (64, 64, 60), (18, 10, 20)] {
        let decision = decide(&stale, &[], bounds, shards, wanted);
        assert_eq!((decision.shards, decision.reason), (to, Reason::Bounds), "{}", decision.because);
    }
    let fresh = window(9_997, None, 0.0);
    assert_eq!(decide(&fresh, &[], bounds, 64, 32).shards, 32);
    let quiet = Inputs { no_shrink: vec![Quiet { at: at("00:00"), minutes: 1440 }], ..Inputs::default() };
    let view = View {
        now: 10_000,
        shards: 64,
        window: &fresh,
        resizes: &[],
        calls_a_day: 10,
        bounds,
        price: 100.0,
        inputs: &quiet,
    };
    let decision = dispose(&view, &Proposal::new(32, "test"));
    assert_eq!((decision.shards, decision.reason), (60, Reason::Bounds));
    assert!(decision.because.contains("no further than the bound: nothing shrinks"), "{}", decision.because);
}

#[test]
fn old_metrics_are_told_where_nothing_is_wanted() {
    let decision = decide(&window(9_000, None, 0.0), &[], WIDE, 8, 8);
    assert_eq!((decision.shards, decision.reason), (8, Reason::StaleMetrics));
}

#[test]
fn a_call_counts_for_all_of_the_minute_in_which_its_day_ends() {
    let calls = |oldest: i64| -> Vec<Resize> {
        let call = |called| Resize { called, done: Some(called + 1), from: 4, to: 8, split: false, foreign: false };
        std::iter::once(oldest).chain((0..9).map(|at| 9_000 + at)).map(call).collect()
    };
    let window = window(9_997, None, 0.0);
    // At the last second of its minute it was made, and at the first of this one it still counts.
    assert_eq!(decide(&window, &calls(10_000 - 1440), WIDE, 4, 8).reason, Reason::CallsUsed);
    assert_eq!(decide(&window, &calls(10_000 - 1441), WIDE, 4, 8).shards, 8);
}

proptest! {
    #[test]
    fn every_decision_is_one_that_aws_accepts(
        shards in 1u32..2000, wanted in 0u32..20_000, min in 1u32..50, more in 0u32..3000, calls in 0usize..14, running in any::<bool>(),
    ) {
        let bounds = Bounds { min, max: min + more };
        let mut resizes: Vec<Resize> = (0..calls as i64)
            .map(|call| Resize { called: 8_000 + 150 * call, done: Some(8_005 + 150 * call), from: 1, to: 2, split: false, foreign: false })
            .collect();
        if let Some(last) = resizes.last_mut().filter(|_| running) {
            last.done = None;
        }
        let decision = decide(&window(9_997, None, 0.0), &resizes, bounds, shards, wanted);
        let used = resizes.iter().filter(|resize| resize.called >= 10_000 - 1440).count();
        if decision.shards != shards {
            prop_assert!(decision.shards <= 2 * shards && decision.shards >= shards.div_ceil(2));
            prop_assert!(used < 10 && resizes.iter().all(|resize| resize.done.is_some()));
            prop_assert!((min..=min + more).contains(&decision.shards) || shards < min || shards > min + more);
        }
    }
}

/// A decision at minute 10,000 (1970-01-07, a Wednesday, 22:40) with everything that is not metrics.
fn with(window: &Window, resizes: &[Resize], inputs: &Inputs, shards: u32, wanted: u32) -> Decision {
    let bounds = Bounds { min: 2, max: 500 };
    let view = View { now: 10_000, shards, window, resizes, calls_a_day: 10, bounds, price: 100.0, inputs };
    dispose(&view, &Proposal::new(wanted, "test"))
}

fn at(text: &str) -> At {
    text.parse().unwrap()
}

fn care() -> Inputs {
    Inputs { care: Some(Care::default()), ..Inputs::default() }
}

#[test]
fn a_schedule_raises_the_stream_a_learned_time_earlier() {
    let window = window(9_997, None, 0.0);
    let floor = |text: &str| Inputs {
        floors: vec![Floor::Schedule { at: at(text), minutes: 60, min: 40 }],
        ..Inputs::default()
    };
    // From 10 to 40 takes 10 -> 20 -> 40: two calls of two minutes, and three minutes until it is seen.
    let decision = with(&window, &[], &floor("22:46"), 10, 10);
    assert_eq!((decision.shards, decision.reason), (20, Reason::Floor));
    assert!(
        decision.because.contains("the schedule `22:46` wants at least 40 shards for 60 min"),
        "{}",
        decision.because
    );
    assert_eq!(with(&window, &[], &floor("22:50"), 10, 10).reason, Reason::InBand);
    let held = with(&window, &[], &floor("Wed 22:00"), 40, 20);
    assert_eq!((held.shards, held.reason, held.numbers.floor), (40, Reason::Floor, 40));
    assert_eq!(with(&window, &[], &floor("Wed 21:40"), 40, 20).reason, Reason::Shrink, "it is over");
    // On a slow stream it starts earlier.
    let slow = [Resize { called: 9_000, done: Some(9_020), from: 10, to: 30, split: false, foreign: false }];
    assert_eq!(with(&window, &slow, &floor("22:50"), 10, 10).shards, 20);
    let pin = |until| Inputs { floors: vec![Floor::Pin { min: 30, until }], ..Inputs::default() };
    assert_eq!([10_001, 10_000].map(|until| with(&window, &[], &pin(until), 30, 20).shards), [30, 20]);
}

#[test]
fn money_caps_growth_and_says_so_but_a_floor_outranks_it() {
    let window = window(9_997, None, 0.0);
    // A day is left and pays for 50 shards.
    let budget = Budget { dollars: 100.0, spent: 82.0, dollars_a_shard_hour: 0.015, minutes_left: 1440 };
    let mut inputs = Inputs { budget: Some(budget), ..Inputs::default() };
    let decision = with(&window, &[], &inputs, 50, 90);
    assert_eq!((decision.shards, decision.reason), (50, Reason::Budget));
    assert_eq!(decision.notices, [Notice::BudgetBinds { wanted: 90, ceiling: 50 }]);
    assert_eq!(with(&window, &[], &inputs, 40, 90).shards, 50);
    // What is open and needed stays, however dear it is; what the load leaves goes, whole or in part.
    let dear = with(&window, &[], &inputs, 80, 90);
    assert_eq!((dear.shards, dear.reason, dear.numbers.ceiling), (80, Reason::Budget, 80));
    assert_eq!(dear.notices, [Notice::BudgetBinds { wanted: 90, ceiling: 50 }]);
    let needed = with(&window, &[], &inputs, 80, 80);
    assert_eq!((needed.shards, needed.reason), (80, Reason::InBand));
    assert_eq!(needed.notices, [Notice::LoadOverBudget { shards: 80, ceiling: 50 }]);
    assert!(needed.notices[0].to_string().contains("what is left of the month's budget pays for 50"));
    let less = with(&window, &[], &inputs, 80, 60);
    assert_eq!((less.shards, less.reason), (60, Reason::Shrink));
    assert_eq!(less.notices, [Notice::LoadOverBudget { shards: 60, ceiling: 50 }]);
    let least = with(&window, &[], &inputs, 80, 40);
    assert_eq!((least.shards, least.notices.len()), (40, 0));
    inputs.floors = vec![Floor::Pin { min: 60, until: 10_100 }];
    let decision = with(&window, &[], &inputs, 40, 90);
    assert_eq!(decision.shards, 60);
    assert!(decision.notices.contains(&Notice::FloorOverBudget { floor: 60, ceiling: 50 }));
    // Quiet weeks pay for a crowd: 2 shards for 20 days leave plenty for one day.
    let month = Budget { dollars: 100.0, spent: 0.0, dollars_a_shard_hour: 0.015, minutes_left: 20 * 1440 };
    assert_eq!((month.ceiling(2), month.ceiling(14)), (239, 11));
    assert_eq!(Budget { dollars_a_shard_hour: 0.0, ..month }.ceiling(2), u32::MAX);
}

proptest! {
    #[test]
    fn money_ends_growth_and_shrinks_nothing(
        shards in 1u32..200, wanted in 0u32..400, spent in 0.0f64..200.0, left in 1i64..44_640, min in 1u32..20, more in 0u32..200,
    ) {
        let budget = Budget { dollars: 100.0, spent, dollars_a_shard_hour: 0.015, minutes_left: left };
        let (bounds, window) = (Bounds { min, max: min + more }, window(9_997, None, 0.0));
        let decide = |inputs: &Inputs| {
            let view = View { now: 10_000, shards, window: &window, resizes: &[], calls_a_day: 10, bounds, price: 100.0, inputs };
            dispose(&view, &Proposal::new(wanted, "test"))
        };
        let paid = budget.ceiling(min);
        let rich = decide(&Inputs::default()).shards;
        let decision = decide(&Inputs { budget: Some(budget), ..Inputs::default() });
        if rich <= shards {
            prop_assert_eq!(decision.shards, rich, "what shrinks or holds, shrinks or holds as without a budget");
        } else {
            prop_assert!(decision.shards >= shards, "{:?}", decision);
            prop_assert!(decision.shards == shards || decision.shards <= paid.max(min), "{:?}", decision);
        }
        // Whatever the month will cost beyond it is said.
        let dear = decision.shards > paid.max(min) && wanted > paid.max(min) && paid < min + more;
        let told = decision.notices.iter().any(|notice| {
            matches!(notice, Notice::BudgetBinds { .. } | Notice::LoadOverBudget { .. })
        });
        prop_assert!(told || !dear, "{:?}", decision);
    }
}

#[test]
fn the_account_has_to_hold_the_short_lived_shards_too() {
    let window = window(9_997, None, 0.0);
    let inputs = |open| Inputs { quota: Some(Quota { limit: 500, open }), ..Inputs::default() };
    assert_eq!(with(&window, &[], &inputs(0), 40, 61).shards, 61);
    // 40 to 61 splits 60 times; 40 to 60 splits each of 20 groups of two twice.
    let decision = with(&window, &[], &inputs(460), 40, 61);
    assert_eq!((decision.shards, decision.notices.len()), (60, 1), "{}", decision.because);
    assert_eq!(with(&window, &[], &inputs(500), 40, 61).reason, Reason::Quota);
    // A shrink that splits first gives way to one that only merges.
    assert_eq!(with(&window, &[], &inputs(500), 40, 20).shards, 20);
    assert_eq!(with(&window, &[], &inputs(500), 40, 30).reason, Reason::Quota);
}

#[test]
fn readers_are_waited_for() {
    let behind = |slope: f64| {
        let mut window = Window::new(100);
        for minute in 9_977..=9_997 {
            let age = 2.0 + slope * (minute - 9_997) as f64;
            let reads = Reads { shared: Some(0.5), fan_out: None };
            window.put(minute, Sample { accepted: Some(1.0), rejected: Some(0.0), age: Some(age.max(0.0)), reads });
        }
        window
    };
    let growing = with(&behind(0.3), &[], &care(), 10, 6);
    assert_eq!((growing.shards, growing.reason), (10, Reason::IteratorAge));
    assert!(growing.because.contains("the iterator age grows by 0.3 min a minute"), "{}", growing.because);
    assert_eq!(with(&behind(0.0), &[], &care(), 10, 6).shards, 6);
    // Readers two minutes behind have not come to the shards of a reshard that just ended, but they are waited for no longer
    // than a quarter of an hour.
    let ended = |done| [Resize { called: done - 3, done: Some(done), from: 5, to: 10, split: false, foreign: false }];
    assert_eq!(with(&behind(0.0), &ended(9_990), &care(), 10, 6).reason, Reason::Draining);
    assert_eq!(with(&behind(0.0), &ended(9_990), &care(), 10, 12).reason, Reason::Draining);
    assert_eq!(with(&behind(0.0), &ended(9_985), &care(), 10, 6).shards, 6);
    assert_eq!(with(&window(9_997, None, 0.5), &ended(9_990), &care(), 10, 6).shards, 6, "they are read");
    let consumers = vec![Consumer { name: "fraud".into(), age: Some(30.0), slope: Some(1.0), reads: Some(0.0) }];
    let dead = with(&behind(0.0), &[], &Inputs { consumers, ..care() }, 10, 6);
    assert_eq!((dead.shards, dead.reason), (10, Reason::IteratorAge));
    assert_eq!(dead.notices, [Notice::DeadConsumer { consumer: "fraud".into(), age_minutes: 30.0 }]);
}

#[test]
fn what_runs_away_is_stopped() {
    let low = window(9_997, None, 0.0);
    let call =
        |called: i64, from, to| Resize { called, done: Some(called + 2), from, to, split: false, foreign: false };
    let grew = [call(9_950, 2, 4), call(9_960, 4, 8), call(9_970, 8, 16)];
    let decision = with(&low, &grew, &care(), 16, 32);
    assert_eq!((decision.shards, decision.reason), (16, Reason::Breaker));
    assert!(decision.because.contains("it grew from 2 to 16 shards within an hour, and the load fills 1"));
    assert_eq!(with(&low, &grew, &care(), 16, 8).shards, 8, "it may come back");
    assert_eq!(with(&low, &grew, Inputs::NONE, 16, 32).shards, 32);
    let swings = [call(9_900, 8, 16), call(9_920, 16, 8), call(9_940, 8, 16), call(9_950, 16, 8), call(9_960, 8, 16)];
    assert_eq!(with(&low, &swings, &care(), 16, 8).reason, Reason::Breaker);
    assert_eq!(with(&low, &swings[..4], &care(), 8, 6).reason, Reason::Shrink);
}

#[test]
fn a_decision_is_told_to_programs() {
    let decision = with(&window(9_997, None, 0.0), &[], Inputs::NONE, 10, 6);
    let told = serde_json::to_value(&decision).unwrap();
    assert_eq!((&told["reason"], &told["numbers"]["shards"]), (&"shrink".into(), &10.into()));
    assert_eq!(told["numbers"]["demand"], serde_json::Value::Null, "not known, which is not zero");
    assert_eq!(serde_json::from_value::<Decision>(told).unwrap(), decision);
}

/// Any mixture of everything.
fn inputs() -> impl Strategy<Value = Inputs> {
    let floor = (any::<bool>(), 0u32..600, 0i64..2000).prop_map(|(pin, min, minutes)| match pin {
        true => Floor::Pin { min, until: 9_500 + minutes },
        false => Floor::Schedule { at: At::Weekly { days: 0x7F, minute: 1360 }, minutes, min },
    });
    let budget = (0.0f64..500.0, 0i64..40_000).prop_map(|(dollars, minutes_left)| Budget {
        dollars,
        spent: 20.0,
        dollars_a_shard_hour: 0.015,
        minutes_left,
    });
    let quota = (0u32..800).prop_map(|open| Quota { limit: 500, open });
    let quiet = (0i64..1440).prop_map(|minutes| Quiet { at: At::Weekly { days: 0x7F, minute: 1000 }, minutes });
    let consumer = (0.0f64..30.0, -1.0f64..1.0, 0.0f64..20.0).prop_map(|(age, slope, reads)| Consumer {
        name: "fraud".into(),
        age: Some(age),
        slope: Some(slope),
        reads: Some(reads),
    });
    (
        any::<bool>(),
        proptest::collection::vec(consumer, 0..3),
        proptest::collection::vec(floor, 0..3),
        proptest::option::of(budget),
        proptest::option::of(quota),
        proptest::collection::vec(quiet, 0..2),
        any::<bool>(),
    )
        .prop_map(|(rings, consumers, floors, budget, quota, no_shrink, careful)| Inputs {
            alarms: if rings { vec![Alarm { name: "a".into(), signal: Signal::WritesRefused }] } else { Vec::new() },
            consumers,
            floors,
            no_shrink,
            budget,
            quota,
            hot_keys: None,
            lambda_first: false,
            bound: None,
            care: careful.then(Care::default),
        })
}

fn calls() -> impl Strategy<Value = Vec<Resize>> {
    proptest::collection::vec((1i64..1500, 1u32..300, 1u32..300), 0..12).prop_map(|mut calls| {
        calls.sort_by_key(|call| -call.0);
        let resize = |(ago, from, to): (i64, u32, u32)| Resize {
            called: 10_000 - ago,
            done: Some(10_001 - ago),
            from,
            to,
            split: false,
            foreign: false,
        };
        calls.into_iter().map(resize).collect()
    })
}

proptest! {
    #[test]
    fn with_everything_at_once_a_decision_is_still_safe(
        inputs in inputs(), resizes in calls(), shards in 1u32..600, wanted in 0u32..700, age in 0.0f64..20.0, gap in any::<bool>(),
    ) {
        let window = window(9_997, gap.then_some(9_996), age);
        let decision = with(&window, &resizes, &inputs, shards, wanted);
        let (to, floor) = (decision.shards, decision.numbers.floor);
        let used = resizes.iter().filter(|resize| resize.called >= 10_000 - 1440).count();
        prop_assert!(to <= 2 * shards && to >= shards.div_ceil(2));
        prop_assert!(to == shards || used < 10);
        let room = inputs.quota.map_or(u32::MAX, |quota| quota.limit.saturating_sub(quota.open));
        prop_assert!(to == shards || crate::model::splits(shards, to) <= room);
        // What holds a stream in its floors: only AWS itself may be in the way.
        prop_assert!(to >= floor.min(shards), "below the floor: {:?}", decision);
        prop_assert!(to >= floor.min(2 * shards) || used >= 10 || to > shards || decision.reason == Reason::Quota, "{:?}", decision);
        // Only what is above its highest count shrinks without being sure.
        if to < shards && shards <= 500 {
            prop_assert!(!gap && age <= 10.0 && inputs.alarms.is_empty());
            prop_assert!(inputs.care.is_none() || inputs.consumers.iter().all(|consumer| consumer.age <= Some(10.0)));
            prop_assert!(inputs.no_shrink.iter().all(|quiet| quiet.at.until(10_000, 0, quiet.minutes).is_none()));
        }
        // Nothing grows beyond what is paid, but for a floor.
        if let Some(budget) = inputs.budget && to > shards {
            prop_assert!(to <= budget.ceiling(2).max(floor).max(2), "{:?}", decision);
        }
        prop_assert!(to == shards || decision.because.starts_with("test"));
        let told = serde_json::to_string(&decision).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decision>(&told).unwrap().shards, to);
    }

    #[test]
    fn who_wants_more_never_gets_fewer(inputs in inputs(), resizes in calls(), shards in 1u32..600, wanted in 0u32..700, more in 0u32..300) {
        let window = window(9_997, None, 0.5);
        let [less, more] = [wanted, wanted + more].map(|wanted| with(&window, &resizes, &inputs, shards, wanted));
        prop_assert!(less.shards <= more.shards, "{:?} {:?}", less, more);
    }

    #[test]
    fn more_reads_never_need_fewer_shards(reads in 0.0f64..20.0, more in 0.0f64..20.0, age in 0.0f64..9.0, slope in -1.0f64..1.0) {
        let need = |reads: f64| {
            let mut window = Window::new(10);
            for minute in 0..5 {
                let reads = Reads { shared: Some(reads), fan_out: None };
                window.put(minute, Sample { age: Some((age + slope * minute as f64).max(0.0)), reads, ..Sample::default() });
            }
            crate::scale::read_need(&window, 4, 8, false)
        };
        prop_assert!(need(reads) <= need(reads + more));
    }
}
