use proptest::prelude::*;

use super::*;
use crate::scale::{Bounds, Inputs, Reads, Resize, Sample};

const RANGE: Factors = Factors { min: 1, max: 10 };
const NOW: i64 = 10_000;

/// Two hours in which so much is written and read.
fn window(written: f64, reads: Option<f64>) -> Window {
    let mut window = Window::new(200);
    for at in NOW - 120..NOW {
        let reads = Reads { shared: reads, fan_out: None };
        window.put(at, Sample { accepted: Some(written), rejected: Some(0.0), age: None, reads });
    }
    window
}

fn view<'a>(window: &'a Window, resizes: &'a [Resize]) -> View<'a> {
    let bounds = Bounds { min: 1, max: 100 };
    View { now: NOW, shards: 4, window, resizes, calls_a_day: 10, bounds, price: 100.0, inputs: Inputs::NONE }
}

fn ages(newest: f64, slope: f64) -> Vec<(i64, f64)> {
    (1..=90).rev().map(|back| (NOW - back, (newest - slope * (back - 1) as f64).max(0.0))).collect()
}

fn reader(ages: &[(i64, f64)], factor: u32) -> Reader<'_> {
    Reader { factor, factors: RANGE, ages, changes: &[], refused: false }
}

/// What is decided at this age, which grows so.
fn at(newest: f64, slope: f64, factor: u32) -> (u32, Reason) {
    let (window, ages) = (window(2.0, Some(0.9)), ages(newest, slope));
    let tuning = reader(&ages, factor).tune(&view(&window, &[]));
    (tuning.factor, tuning.reason)
}

#[test]
fn who_is_late_or_will_be_is_raised_by_as_much_as_reads_lag_behind() {
    assert_eq!(at(0.5, 0.0, 1), (1, Reason::KeepsUp));
    // It is 1.5 min behind and loses half a minute each minute: reads are half of what comes in.
    assert_eq!(at(1.5, 0.5, 2), (5, Reason::Raise));
    assert_eq!(at(1.5, 0.2, 2), (2, Reason::KeepsUp), "in ten minutes it is 3.5 min behind, which is no lag yet");
    assert_eq!(at(6.0, 0.0, 2), (4, Reason::Raise), "a backlog that stays is worth the double");
    assert_eq!(at(6.0, -0.5, 2), (2, Reason::Draining));
    assert_eq!(at(90.0, -0.5, 2), (4, Reason::Raise), "it would take three hours");
    assert_eq!(at(20.0, 0.5, 10), (10, Reason::AtMax));
}

#[test]
fn what_no_factor_helps_is_told_and_not_raised() {
    let ages = ages(30.0, 1.0);
    let silent = window(2.0, Some(0.0));
    let tuning = reader(&ages, 2).tune(&view(&silent, &[]));
    assert_eq!((tuning.factor, tuning.reason, tuning.spares_shards), (2, Reason::DeadConsumer, false));
    assert!(tuning.because.contains("restart it"), "{}", tuning.because);
    let busy = window(2.0, Some(3.9));
    let refused = Reader { refused: true, ..reader(&ages, 2) };
    let tuning = refused.tune(&view(&busy, &[]));
    assert_eq!((tuning.factor, tuning.reason, tuning.spares_shards), (2, Reason::ReadLimit, false));
}

#[test]
fn a_change_has_its_time_and_so_has_a_reshard() {
    let (window, late) = (window(2.0, Some(0.9)), ages(3.0, 0.5));
    let changes = [Change { at: NOW - 2, from: 1, to: 2, load: Some(0.5) }];
    let settling = Reader { changes: &changes, ..reader(&late, 2) }.tune(&view(&window, &[]));
    assert_eq!((settling.factor, settling.reason, settling.spares_shards), (2, Reason::Settling, true));
    let resize = Resize { called: NOW - 1, done: None, from: 2, to: 4, split: false, foreign: false };
    let tuning = reader(&late, 2).tune(&view(&window, &[resize]));
    assert_eq!((tuning.factor, tuning.reason), (2, Reason::Resharding));
    let far = ages(8.0, 0.5);
    assert_eq!(reader(&far, 2).tune(&view(&window, &[resize])).reason, Reason::Raise);
    let calm = ages(0.5, 0.0);
    assert_eq!(reader(&calm, 2).tune(&view(&window, &[resize])).reason, Reason::Resharding);
}

#[test]
fn one_step_is_taken_back_after_an_hour_unless_it_was_too_few() {
    let (two, calm) = (window(2.0, Some(0.9)), ages(0.5, 0.0));
    assert_eq!(at(0.5, 0.0, 4), (3, Reason::Lower));
    let raised = |from, back, load| [Change { at: NOW - back, from, to: 4, load: Some(load) }];
    let with = |changes: &[Change]| Reader { changes, ..reader(&calm, 4) }.tune(&view(&two, &[])).factor;
    assert_eq!(with(&raised(1, 59, 0.5)), 4, "the hour begins with the change");
    assert_eq!(with(&raised(1, 90, 0.5)), 3, "three were never too few");
    assert_eq!(with(&raised(3, 90, 0.5)), 4, "they were, for this load");
    assert_eq!(with(&raised(3, 90, 0.6)), 3, "it has fallen by a sixth");
    let mut gap = calm.clone();
    gap.remove(60);
    assert_eq!(reader(&gap, 4).tune(&view(&two, &[])).factor, 4, "a minute is not known");
    assert_eq!(reader(&calm, 4).tune(&view(&Window::new(9), &[])).factor, 4, "what was written is not known");
}

#[test]
fn a_constant_load_settles() {
    for (load, pace) in [(0.5, 0.3), (0.9, 0.1), (0.3, 0.29), (0.7, 0.05), (0.2, 0.9)] {
        let (mut factor, mut unread, mut changes, mut ages) = (1u32, 0.0f64, Vec::new(), Vec::new());
        let mut window = Window::new(200);
        for now in 0..5 * 1440 {
            let done = (unread + load).min(pace * f64::from(factor));
            unread += load - done;
            let reads = Reads { shared: Some(done * 2.0), fan_out: None };
            window.put(now, Sample { accepted: Some(load * 4.0), rejected: Some(0.0), age: None, reads });
            ages.push((now, unread / load));
            let from = ages.len().saturating_sub(90);
            let reader = Reader { changes: &changes, ..reader(&ages[from..], factor) };
            let tuning = reader.tune(&View { now: now + 1, ..view(&window, &[]) });
            if tuning.factor != factor {
                changes.push(Change { at: now + 1, from: factor, to: tuning.factor, load: tuning.numbers.load });
                factor = tuning.factor;
            }
        }
        let last = changes.last().map_or(0, |change| change.at);
        assert!(last < 2 * 1440, "{load} at {pace}: {changes:?}");
        let enough = pace * 10.0 > load;
        assert!(!enough || ages[ages.len() - 1440..].iter().all(|(_, age)| *age < LATE), "{load} at {pace}: {factor}");
    }
}

fn any_ages() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let minute = (0.0f64..40.0, prop::bool::weighted(0.9));
    (prop::collection::vec(minute, 0..100), 0i64..10).prop_map(|(minutes, late)| {
        let first = NOW - late - minutes.len() as i64;
        (first..).zip(minutes).filter(|(_, (_, known))| *known).map(|(at, (age, _))| (at, age)).collect()
    })
}

fn any_changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (0i64..200, 1u32..=10, 1u32..=10, prop::option::of(0.0f64..2.0));
    prop::collection::vec(change, 0..5).prop_map(|changes| {
        let mut changes: Vec<Change> =
            changes.into_iter().map(|(back, from, to, load)| Change { at: NOW - back, from, to, load }).collect();
        changes.sort_by_key(|change| change.at);
        changes
    })
}

proptest! {
    #[test]
    fn laws(
        ages in any_ages(),
        changes in any_changes(),
        factor in 1u32..=10,
        (one, other) in (1u32..=10, 1u32..=10),
        written in 0.0f64..8.0,
        reads in prop::option::of(0.0f64..8.0),
        (refused, gap) in (any::<bool>(), 0usize..100),
    ) {
        let factors = Factors { min: one.min(other), max: one.max(other) };
        let window = window(written, reads);
        let view = view(&window, &[]);
        let reader = Reader { factor, factors, ages: &ages, changes: &changes, refused };
        let tuning = reader.tune(&view);
        prop_assert_eq!(&tuning, &reader.tune(&view));
        prop_assert!((factors.min..=factors.max).contains(&tuning.factor), "{:?}", tuning);
        let inside = factor.clamp(factors.min, factors.max);
        // A load below zero steps is none, and one down is the most.
        prop_assert!(tuning.factor + 1 >= inside);
        if tuning.reason == Reason::DeadConsumer || refused {
            prop_assert!(tuning.factor <= inside, "{:?}", tuning);
        }
        if tuning.reason == Reason::Lower {
            let age = tuning.numbers.age_minutes;
            prop_assert!(age.is_some_and(|age| age <= CURRENT), "{:?}", tuning);
            // What is not known of the hour never lowers.
            let mut fewer = ages.clone();
            fewer.remove(fewer.len() - 2 - gap % (CALM as usize - 1));
            let fewer = Reader { ages: &fewer, ..reader }.tune(&view);
            prop_assert!(fewer.factor >= inside, "{:?}", fewer);
        }
        prop_assert_eq!(Reader { ages: &[], ..reader }.tune(&view).factor, inside);
        prop_assert!(!tuning.spares_shards || factor < factors.max);
    }
}
