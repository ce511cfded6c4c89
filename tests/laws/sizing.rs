//! Laws of sizing, over generated loads on the reference plant.

use proptest::prelude::*;
use tidegate::local::Profile;
use tidegate::local::reference::{RETRY_MINUTES, Unread, consume, serve, whole_minutes};
use tidegate::scale::{Bounds, Inputs, Policy, Proposal, Resize, Sample, Tidegate, View, Window, dispose, reshard};

const CALLS_A_DAY: u32 = 10;
/// A minute's metrics are there two minutes after it ended.
const DELAY: i64 = 3;
const EPOCH: i64 = 29_000_000;

/// How a stream is run: what AWS and the network do, and what the spec allows.
#[derive(Clone, Copy)]
struct Run {
    price: f64,
    bounds: Bounds,
    first: u32,
    profile: Profile,
    /// Minutes whose metrics never come.
    lost: fn(usize) -> bool,
}

const PLAIN: Run =
    Run { price: 100.0, bounds: Bounds { min: 1, max: 10_000 }, first: 4, profile: Profile::Fast, lost: |_| false };

/// One call: when, from, to, and the sentence.
#[derive(Clone, Debug, PartialEq)]
struct Called {
    minute: usize,
    from: u32,
    to: u32,
    because: String,
}

/// Serves the load minute by minute and answers every call, and the share of minutes that throttled.
fn run(load: &[f64], run: Run) -> (Vec<Called>, f64) {
    let (mut policy, mut window) = (Tidegate::new(), Window::new(3 * 1440));
    let (mut shards, mut coming): (u32, Option<(u32, i64)>) = (run.first, None);
    let (mut resizes, mut calls): (Vec<Resize>, Vec<Called>) = (Vec::new(), Vec::new());
    let (mut retries, mut unread) = ([0.0; RETRY_MINUTES], Unread::default());
    let (mut samples, mut throttled): (Vec<Sample>, usize) = (Vec::new(), 0);
    for (minute, fresh) in load.iter().enumerate() {
        let now = EPOCH + minute as i64;
        let mut moved = None;
        if let Some((to, _)) = coming.filter(|(_, due)| *due == now) {
            moved = Some(shards);
            (shards, coming) = (to, None);
            resizes.last_mut().expect("it was called").done = Some(now);
        }
        if let Some(visible) = minute.checked_sub(DELAY as usize).filter(|minute| !(run.lost)(*minute)) {
            window.put(EPOCH + visible as i64, samples[visible]);
        }
        if coming.is_none() {
            let view = View {
                now,
                shards,
                window: &window,
                resizes: &resizes,
                calls_a_day: CALLS_A_DAY,
                bounds: run.bounds,
                price: run.price,
                inputs: Inputs::NONE,
            };
            let decision = dispose(&view, &policy.propose(&view));
            if decision.shards != shards {
                let seconds = run.profile.seconds(reshard::operations(shards, decision.shards), 20.0);
                coming = Some((decision.shards, now + i64::from(whole_minutes(seconds))));
                resizes.push(Resize {
                    called: now,
                    done: None,
                    from: shards,
                    to: decision.shards,
                    split: false,
                    foreign: false,
                });
                calls.push(Called { minute, from: shards, to: decision.shards, because: decision.because });
            }
        }
        let (served, next) = serve(*fresh, shards, retries, 1.0);
        let (age, rest) = consume(unread, served.accepted, shards, moved);
        (retries, unread) = (next, rest);
        throttled += usize::from(served.throttled > 0.0);
        samples.push(Sample {
            accepted: Some(served.accepted),
            rejected: Some(served.rejected),
            age: Some(age),
            ..Sample::default()
        });
    }
    (calls, throttled as f64 / load.len() as f64)
}

/// Loads of a day and a half made of pieces: levels, ramps and noise, up to 300 shards.
fn load() -> impl Strategy<Value = Vec<f64>> {
    let piece = (1usize..240, 0.0f64..300.0, 0.0f64..0.3);
    proptest::collection::vec(piece, 4..24).prop_map(|pieces| {
        let (mut level, mut minutes) = (1.0, Vec::new());
        for (length, to, noise) in pieces {
            for at in 0..length {
                let part = (at + 1) as f64 / length as f64;
                let wobble = 1.0 + noise * ((minutes.len() * 7919 % 101) as f64 / 50.0 - 1.0);
                minutes.push((level * (1.0 - part) + to * part) * wobble);
            }
            level = to;
        }
        minutes.truncate(2160);
        minutes
    })
}

fn price() -> impl Strategy<Value = f64> {
    prop_oneof![Just(10.0), Just(100.0), Just(1000.0), 1.0f64..5000.0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_call_is_ever_one_that_aws_rejects(load in load(), price in price(), first in 1u32..200, min in 1u32..5, max in 5u32..400) {
        let bounds = Bounds { min, max };
        let (calls, _) = run(&load, Run { price, bounds, first, profile: Profile::Slow, ..PLAIN });
        let mut at = first;
        for (number, call) in calls.iter().enumerate() {
            prop_assert_eq!(call.from, at);
            prop_assert!(call.to != at && call.to <= 2 * at && call.to >= at.div_ceil(2), "{:?}", call);
            let inside = (min..=max).contains(&call.to);
            // From outside the bounds the way back may take several calls.
            prop_assert!(inside || (at > max && call.to < at) || (at < min && call.to > at), "{:?}", call);
            prop_assert!(number < 10 || call.minute >= calls[number - 10].minute + 1440, "eleven calls in a day: {:?}", call);
            at = call.to;
        }
    }

    #[test]
    fn the_same_story_gives_the_same_calls_and_sentences(load in load(), price in price()) {
        prop_assert_eq!(run(&load, Run { price, ..PLAIN }), run(&load, Run { price, ..PLAIN }));
    }

    #[test]
    fn nothing_shrinks_while_metrics_are_missing(load in load(), price in price()) {
        let lost: fn(usize) -> bool = |minute| minute % 360 >= 300;
        let (calls, _) = run(&load, Run { price, first: 64, lost, ..PLAIN });
        for call in calls.iter().filter(|call| call.to < call.from) {
            for minute in call.minute - 5..call.minute - 2 {
                prop_assert!(!lost(minute), "{:?}", call);
            }
        }
    }

    #[test]
    fn a_constant_load_settles_within_two_actions_and_then_holds(shards in 2.0f64..200.0, price in price(), start in 0.6f64..1.9) {
        let first = (shards * start).ceil() as u32;
        let (calls, throttled) = run(&vec![shards; 2 * 1440], Run { price, first, ..PLAIN });
        prop_assert!(calls.len() <= 2, "{:?}", calls);
        // A load that fills the shards to the brim throttles a few records a minute until the rules have seen it for half an hour.
        prop_assert!(throttled < 0.02 || price < 50.0, "{} of the minutes throttled: {:?}", throttled, calls);
    }
}

/// What the policy wants after a history, and what it wants if the newest minute had so much more.
fn wishes(load: &[f64], price: f64, more: f64) -> [u32; 2] {
    let bounds = Bounds { min: 1, max: 10_000 };
    [0.0, more].map(|more| {
        let (mut policy, mut window) = (Tidegate::new(), Window::new(3 * 1440));
        let mut resizes: Vec<Resize> = Vec::new();
        let (mut shards, mut wish) = (4, 4);
        for (minute, fresh) in load.iter().enumerate() {
            let now = EPOCH + minute as i64;
            let extra = if minute + 1 == load.len() { more } else { 0.0 };
            let sample = Sample { accepted: Some(fresh + extra), rejected: Some(0.0), ..Sample::default() };
            window.put(now, sample);
            let view = View {
                now: now + 1,
                shards,
                window: &window,
                resizes: &resizes,
                calls_a_day: CALLS_A_DAY,
                bounds,
                price,
                inputs: Inputs::NONE,
            };
            wish = policy.propose(&view).shards;
            let to = dispose(&view, &Proposal::new(wish, "")).shards;
            // The newest minute's answer is what is asked for; the stream does not move under it.
            if to != shards && minute + 1 < load.len() {
                resizes.push(Resize {
                    called: now + 1,
                    done: Some(now + 1),
                    from: shards,
                    to,
                    split: false,
                    foreign: false,
                });
                shards = to;
            }
        }
        wish
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn more_demand_never_wants_fewer_shards(load in load(), price in price(), cut in 200usize..2100, more in 0.0f64..60.0) {
        let [less, more] = wishes(&load[..cut.min(load.len())], price, more);
        prop_assert!(less <= more, "{less} shards, and {more} for more demand");
    }

    #[test]
    fn a_load_that_steps_settles_and_holds(low in 1.0f64..60.0, times in 1.5f64..6.0, price in price()) {
        let noise = |minute: usize| 1.0 + 0.02 * ((minute * 7919 % 101) as f64 / 50.0 - 1.0);
        let load: Vec<f64> = (0..4 * 1440).map(|at| noise(at) * if at < 720 { low } else { low * times }).collect();
        let (calls, _) = run(&load, Run { price, first: (low / 0.7).ceil() as u32, ..PLAIN });
        let after: Vec<&Called> = calls.iter().filter(|call| call.minute >= 720).collect();
        // A double for each factor of two, one for the margin, and two for the way back from what was thought too little.
        let most = times.log2().ceil() as usize + 3;
        prop_assert!(after.len() <= most, "{} calls for {times} times: {after:?}", after.len());
        let last = after.last().map_or(0, |call| call.minute);
        prop_assert!(last < 2 * 1440, "it still moves: {after:?}");
        let end = after.last().map_or(1.0, |call| f64::from(call.to));
        prop_assert!(low * times > end / 4.5, "{end} shards stay for {}", low * times);
    }
}

/// Found by chance: one rule after the other came to trust a smaller count.
#[test]
fn a_constant_load_is_not_thought_about_for_ever() {
    let (shards, price, start) = (139.15846054358977, 10.0, 1.7334500815091307);
    let (calls, _) = run(&vec![shards; 2 * 1440], Run { price, first: (shards * start).ceil() as u32, ..PLAIN });
    assert!(calls.len() <= 2, "{calls:?}");
}

/// A week later the first day is compared with a whole one.
#[test]
fn a_stream_that_began_lower_is_not_doubled_a_week_later() {
    let noise = |minute: usize| 1.0 + 0.03 * ((minute * 7919 % 101) as f64 / 50.0 - 1.0);
    let load: Vec<f64> = (0..9 * 1440).map(|at| noise(at) * if at < 60 { 6.0 } else { 14.0 }).collect();
    let (calls, _) = run(&load, Run { first: 9, ..PLAIN });
    assert!(calls.len() <= 2 && calls.iter().all(|call| call.minute < 1440), "{calls:?}");
}

#[test]
fn what_the_clock_foretells_is_served_from_its_first_minute_on() {
    let batch = |minute: usize| (600..660).contains(&(minute % 1440));
    let load: Vec<f64> = (0..4 * 1440).map(|minute| if batch(minute) { 30.0 } else { 4.0 }).collect();
    for profile in [Profile::Fast, Profile::Slow] {
        let (calls, _) = run(&load, Run { profile, first: 6, ..PLAIN });
        for day in [2, 3] {
            let early =
                |call: &&Called| (day * 1440 + 540..day * 1440 + 598).contains(&call.minute) && call.to > call.from;
            let last = calls.iter().rfind(early).expect("it grows ahead of time");
            assert!(last.to >= 30 && last.because.contains("to come by the clock"), "{last:?}");
            let next = calls.iter().find(|call| call.minute > last.minute).expect("it shrinks again");
            assert!(next.to < next.from && next.minute > day * 1440 + 660, "{next:?}");
        }
    }
}

#[test]
fn a_constant_load_has_no_clock() {
    let (calls, _) = run(&vec![9.0; 9 * 1440], Run { first: 12, ..PLAIN });
    assert!(calls.len() <= 2 && calls.iter().all(|call| !call.because.contains("clock")), "{calls:?}");
}

#[test]
fn a_reason_names_the_need_the_rule_and_what_is_left() {
    let load: Vec<f64> = (0..120).map(|minute| if minute < 60 { 2.0 } else { 9.0 }).collect();
    let (calls, _) = run(&load, PLAIN);
    let grown = calls.iter().find(|call| call.to > call.from).expect("it grows");
    for part in
        ["demand 9.0 of 4 shards", "min old", "grow to", "of the trust wants more", "% use to", "call 1 of 10 in 24 h"]
    {
        assert!(grown.because.contains(part), "{part} is not in: {}", grown.because);
    }
}
