//! What was read in the peers' sources, faults included: each is a fact that their rows rest on.

use super::awslabs::{Awslabs, Step};
use super::*;
use crate::scale::{Bounds, Inputs, Policy, Resize, Sample, View, Window};

/// A stream on which every legal call is done at once, under a load by minute (`None`: no datapoint).
struct Stream {
    shards: u32,
    minute: i64,
    window: Window,
    loads: Vec<Option<f64>>,
    resizes: Vec<Resize>,
    age: f64,
    bounds: Bounds,
}

impl Stream {
    fn new(shards: u32) -> Self {
        let bounds = Bounds { min: 1, max: 10_000 };
        let (loads, resizes) = (Vec::new(), Vec::new());
        Self { shards, minute: 0, window: Window::new(3000), loads, resizes, age: 0.0, bounds }
    }

    /// Lets minutes of this use of the present shards pass, until the policy asks for another count.
    fn until_asked(&mut self, policy: &mut dyn Policy, minutes: i64, usage: Option<f64>) -> Option<(i64, u32)> {
        let began = self.minute;
        while self.minute < began + minutes {
            self.loads.push(usage.map(|usage| usage * f64::from(self.shards)));
            self.minute += 1;
            if let Ok(visible) = usize::try_from(self.minute - 3) {
                if let Some(load) = self.loads.get(visible).copied().flatten() {
                    let sample =
                        Sample { accepted: Some(load), rejected: Some(0.0), age: Some(self.age), ..Sample::default() };
                    self.window.put(visible as i64, sample);
                }
                let view = View {
                    now: self.minute,
                    shards: self.shards,
                    window: &self.window,
                    resizes: &self.resizes,
                    calls_a_day: 10,
                    bounds: self.bounds,
                    price: 100.0,
                    inputs: Inputs::NONE,
                };
                let wanted = policy.propose(&view).shards;
                if wanted != self.shards {
                    if wanted <= 2 * self.shards && 2 * wanted >= self.shards {
                        let (from, called) = (self.shards, self.minute);
                        self.resizes.push(Resize {
                            called,
                            done: Some(called),
                            from,
                            to: wanted,
                            split: false,
                            foreign: false,
                        });
                        self.shards = wanted;
                    }
                    return Some((self.minute - began, wanted));
                }
            }
        }
        None
    }
}

#[test]
fn doubling_needs_25_fresh_minutes_each_time() {
    let (mut stream, mut policy) = (Stream::new(4), doubling::doubling(Row::Spec, false));
    assert_eq!(stream.until_asked(&mut policy, 600, Some(1.0)), Some((27, 8)), "25 min and two of delay");
    let again = stream.until_asked(&mut policy, 600, Some(1.0)).unwrap();
    assert!(again.1 == 16 && again.0 >= 23, "old samples count against the new count: {again:?}");
}

#[test]
fn an_odd_count_cannot_be_halved_and_is_asked_for_every_minute() {
    let (mut stream, mut policy) = (Stream::new(5), doubling::doubling(Row::Spec, false));
    let (first, wanted) = stream.until_asked(&mut policy, 600, Some(0.1)).unwrap();
    assert_eq!((first, wanted, stream.shards), (302, 2, 5), "57 of 60 periods need all 60 to be there");
    for _ in 0..5 {
        assert_eq!(stream.until_asked(&mut policy, 600, Some(0.1)), Some((1, 2)));
    }
    let mut rounded = doubling::doubling(Row::Spec, true);
    assert_eq!(Stream::new(5).until_asked(&mut rounded, 600, Some(0.1)), Some((302, 3)));
}

#[test]
fn iterator_age_holds_the_halving_but_never_grows() {
    let (mut stream, mut policy) = (Stream::new(4), doubling::doubling(Row::Spec, false));
    stream.age = 45.0;
    assert_eq!(stream.until_asked(&mut policy, 1000, Some(0.1)), None);
}

#[test]
fn awslabs_steps_are_not_what_its_readme_says() {
    // Its README says 188 and 56.
    let percent = || Awslabs::new(Row::Spec, Step::Percent);
    assert_eq!(Stream::new(75).until_asked(&mut percent(), 60, Some(0.9)).unwrap().1, 113);
    assert_eq!(Stream::new(75).until_asked(&mut percent(), 60, Some(0.1)).unwrap().1, 57);
    assert_eq!(Stream::new(3).until_asked(&mut percent(), 600, Some(0.1)), None, "a quarter of 3 is nothing");
    let mut count = Awslabs::new(Row::Spec, Step::One);
    assert_eq!(Stream::new(75).until_asked(&mut count, 60, Some(0.9)).unwrap().1, 76);
    let mut small = Awslabs::new(Row::Shipped, Step::One);
    assert_eq!(Stream::new(16).until_asked(&mut small, 600, Some(0.9)), None, "16 is its own maximum");
}

#[test]
fn missing_metrics_make_awslabs_shrink_a_busy_stream() {
    let (mut stream, mut policy) = (Stream::new(8), Awslabs::new(Row::Spec, Step::One));
    assert_eq!(stream.until_asked(&mut policy, 30, Some(0.6)), None);
    assert_eq!(stream.until_asked(&mut policy, 30, None).unwrap().1, 7);
}

#[test]
fn the_aas_sample_starts_with_thresholds_for_no_stream_and_shrinks_below_16_percent() {
    let (mut stream, mut policy) = (Stream::new(4), aas_sample::AasSample::new(Row::Spec));
    assert_eq!(stream.until_asked(&mut policy, 60, Some(0.3)).unwrap().1, 5, "any load is above 1,000 records");
    assert_eq!(stream.until_asked(&mut policy, 300, Some(0.17)), None);
    assert_eq!(stream.until_asked(&mut policy, 300, Some(0.15)).unwrap().1, 4);
}

#[test]
fn epsagon_grows_after_five_minutes_and_shrinks_after_a_day() {
    for (shards, wanted) in [(3, 6), (10, 15), (100, 125)] {
        let mut policy = epsagon::Epsagon::new(Row::Spec);
        assert_eq!(Stream::new(shards).until_asked(&mut policy, 60, Some(0.8)), Some((7, wanted)));
    }
    let (mut stream, mut policy) = (Stream::new(9), epsagon::Epsagon::new(Row::Spec));
    let (after, wanted) = stream.until_asked(&mut policy, 3000, Some(0.2)).unwrap();
    assert_eq!((after, wanted), (1442, 5), "288 periods of 5 min, and two minutes of delay");
}

#[test]
fn substation_repeats_the_last_value_where_metrics_are_missing() {
    let (mut stream, mut policy) = (Stream::new(8), substation::Substation::new(Row::Spec));
    assert_eq!(stream.until_asked(&mut policy, 90, Some(0.5)), None);
    assert_eq!(stream.until_asked(&mut policy, 600, None), None, "neither direction");
    for (shards, up, down) in [(4, 8, 2), (10, 17, 6), (20, 30, 14), (40, 50, 32)] {
        let mut policy = substation::Substation::new(Row::Spec);
        assert_eq!(Stream::new(shards).until_asked(&mut policy, 60, Some(0.8)), Some((7, up)));
        let mut policy = substation::Substation::new(Row::Spec);
        assert_eq!(Stream::new(shards).until_asked(&mut policy, 90, Some(0.3)), Some((62, down)));
    }
}

#[test]
fn adaptavist_as_shipped_grows_almost_without_load() {
    let mut shipped = adaptavist::adaptavist(Row::Shipped);
    let mut stream = Stream::new(2);
    stream.bounds.max = 20_000;
    assert_eq!(stream.until_asked(&mut shipped, 60, Some(0.02)).unwrap().1, 4, "0.75 % in place of 75 %");
    assert_eq!(stream.until_asked(&mut shipped, 300, Some(0.02)).unwrap().1, 5, "five times its minimum");
}

#[test]
fn ports_steer_to_their_targets() {
    let mut hpa = hpa::Hpa::new(Row::Spec);
    let mut stream = Stream::new(10);
    assert_eq!(stream.until_asked(&mut hpa, 60, Some(0.72)), None, "within a tenth of the target");
    assert_eq!(stream.until_asked(&mut hpa, 60, Some(0.9)).unwrap().1, 13);
    let mut ds2 = ds2::Ds2::new(Row::Spec);
    let mut stream = Stream::new(10);
    let (after, wanted) = stream.until_asked(&mut ds2, 300, Some(0.2)).unwrap();
    assert!(after >= 60 && wanted == 5, "an hour before shrinking, to the half at most: {after} {wanted}");
    stream.age = 6.0;
    assert_eq!(stream.until_asked(&mut ds2, 300, Some(0.1)), None, "never down in a backlog");
}
