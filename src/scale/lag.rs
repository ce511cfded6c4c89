//! How far readers are behind, and what they would need.

use super::{View, Window};

/// Newest minutes whose ages make the trend.
const TREND: i64 = 5;
/// The age grows if it does so by more than this many minutes in a minute, and is above a minute.
pub(super) const GROWING: f64 = 0.1;
/// A consumer whose age grows by this much in a minute does not move at all.
const STANDS: f64 = 0.9;
/// What a consumer reads that is alive, as a share of what is written: one record of fifty.
const ALIVE: f64 = 0.02;
/// Readers that are behind by more minutes than this are catching up: what they read then is not what they need.
const CATCHING_UP: f64 = 2.0;
/// Reads that fill this share of the shards are held back by them.
const SATURATED: f64 = 0.9;
/// The largest slope that is believed: at most four times the reads are needed.
pub(super) const STEEPEST: f64 = 0.75;

/// The least-squares slope of at least three points; `None` for fewer.
pub fn slope(points: &[(i64, f64)]) -> Option<f64> {
    let newest = points.last()?.0;
    let recent: Vec<(f64, f64)> =
        points.iter().filter(|(at, _)| *at > newest - TREND).map(|(at, age)| ((at - newest) as f64, *age)).collect();
    if recent.len() < 3 {
        return None;
    }
    let count = recent.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| recent.iter().map(pick).sum::<f64>() / count;
    let (at, age) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = recent.iter().map(|point| (point.0 - at).powi(2)).sum();
    let slope = recent.iter().map(|point| (point.0 - at) * (point.1 - age)).sum::<f64>() / spread;
    slope.is_finite().then_some(slope)
}

/// Whether a consumer does not move and reads next to nothing: its age in minutes and the slope of it, what it reads and what is
/// written, in shards. Without a figure for its reads nobody is said to be dead.
pub(super) fn is_dead((age, slope): (Option<f64>, Option<f64>), reads: Option<f64>, written: Option<f64>) -> bool {
    let stands = slope.is_some_and(|slope| slope >= STANDS) && age.is_some_and(|age| age > CATCHING_UP);
    stands && reads.zip(written).is_some_and(|(reads, written)| reads <= ALIVE * written)
}

/// The trend of a window's ages up to a minute.
fn trend(window: &Window, minute: i64) -> Option<f64> {
    let ages: Vec<(i64, f64)> =
        (minute - TREND + 1..=minute).filter_map(|at| window.at(at).age.map(|age| (at, age))).collect();
    slope(&ages)
}

/// How far readers are behind: maxima over consumers, never sums.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lag {
    /// Minutes.
    pub age: Option<f64>,
    /// Minutes by which the age grows in a minute.
    pub slope: Option<f64>,
    /// Consumers that do not read, with their ages.
    pub dead: Vec<(String, f64)>,
}

impl Lag {
    /// From what the view shows.
    pub fn of(view: &View<'_>) -> Self {
        let newest = view.window.newest().unwrap_or(i64::MIN + TREND);
        let known = (newest - TREND + 1..=newest).rev().find(|at| view.window.at(*at).age.is_some());
        let age = known.and_then(|at| view.window.at(at).age);
        let slope = known.and_then(|at| trend(view.window, at));
        let written = (newest - TREND + 1..=newest).rev().find_map(|at| view.window.at(at).accepted);
        let consumers = &view.inputs.consumers;
        let mut dead: Vec<(String, f64)> = consumers
            .iter()
            .filter(|consumer| is_dead((consumer.age, consumer.slope), consumer.reads, written))
            .map(|consumer| (consumer.name.clone(), consumer.age.unwrap_or_default()))
            .collect();
        let reads = known.and_then(|at| view.window.at(at).reads.largest());
        if consumers.is_empty() && is_dead((age, slope), reads, written) {
            dead.push(("the consumer".into(), age.unwrap_or_default()));
        }
        let largest = |own: Option<f64>, theirs: &dyn Fn(usize) -> Option<f64>| {
            (0..consumers.len()).filter_map(theirs).chain(own).reduce(f64::max)
        };
        Self { age: largest(age, &|at| consumers[at].age), slope: largest(slope, &|at| consumers[at].slope), dead }
    }

    /// Whether readers fall behind.
    pub fn is_growing(&self) -> bool {
        self.slope.is_some_and(|slope| slope > GROWING) && self.age.is_some_and(|age| age > 1.0)
    }
}

/// Shards that the readers of a minute need; `None` where it cannot be known.
///
/// Reads of those who catch up are no demand: they end by themselves, and new shards do not hold the backlog. Reads that
/// the shards hold back while the age grows are less than the demand: of each minute, `slope` minutes stay unread. `spared`: a late
/// Lambda function is given a higher parallelization factor first, so that no shard is bought for lag.
pub fn read_need(window: &Window, minute: i64, shards: u32, spared: bool) -> Option<f64> {
    let sample = window.at(minute);
    let reads = sample.reads.largest().filter(|reads| reads.is_finite() && *reads >= 0.0)?;
    let (age, slope) = (sample.age.unwrap_or(0.0), trend(window, minute).unwrap_or(0.0));
    if age > CATCHING_UP && slope <= GROWING {
        return None;
    }
    let held_back = !spared && reads >= SATURATED * f64::from(shards) && age > 1.0;
    Some(if held_back { reads / (1.0 - slope.clamp(0.0, STEEPEST)) } else { reads })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Bounds, Consumer, Inputs, Reads, Sample};

    fn window(ages: &[f64], reads: f64) -> Window {
        let mut window = Window::new(100);
        for (at, age) in (0..).zip(ages) {
            let reads = Reads { shared: Some(reads), fan_out: None };
            window.put(at, Sample { accepted: Some(4.0), rejected: Some(0.0), age: Some(*age), reads });
        }
        window
    }

    fn view<'a>(window: &'a Window, inputs: &'a Inputs) -> View<'a> {
        let bounds = Bounds { min: 1, max: 100 };
        View { now: 10, shards: 4, window, resizes: &[], calls_a_day: 10, bounds, price: 100.0, inputs }
    }

    #[test]
    fn a_trend_needs_three_points() {
        assert_eq!(slope(&[(1, 1.0), (2, 2.0)]), None);
        assert_eq!(slope(&[(1, 1.0), (2, 1.5), (4, 2.5)]), Some(0.5));
        assert_eq!(slope(&[(-90, 80.0), (1, 1.0), (2, 1.5), (4, 2.5)]), Some(0.5));
    }

    #[test]
    fn lag_is_the_maximum_over_consumers_and_never_a_sum() {
        let minutes: Vec<(i64, Option<f64>, Option<f64>)> =
            (0..5).map(|at| (at, Some(2.0 + at as f64 / 2.0), Some(1.0))).collect();
        let consumers = vec![Consumer::of("fraud", &minutes), Consumer { age: Some(3.0), ..Consumer::default() }];
        let inputs = Inputs { consumers, ..Inputs::default() };
        let lag = Lag::of(&view(&window(&[0.5; 5], 2.0), &inputs));
        assert_eq!((lag.age, lag.slope, lag.dead.len(), lag.is_growing()), (Some(4.0), Some(0.5), 0, true));
    }

    #[test]
    fn a_consumer_that_stands_and_reads_nothing_is_dead() {
        let standing = [1.0, 2.0, 3.0, 4.0, 5.0];
        let dead = |reads| Lag::of(&view(&window(&standing, reads), Inputs::NONE)).dead;
        assert_eq!((dead(0.0), dead(1.0)), (vec![("the consumer".into(), 5.0)], vec![]));
        // Without a figure for its reads nobody is said to be dead.
        let inputs = Inputs {
            consumers: vec![Consumer { name: "a".into(), age: Some(5.0), slope: Some(1.0), reads: None }],
            ..Inputs::default()
        };
        assert_eq!(Lag::of(&view(&window(&standing, 0.0), &inputs)).dead, []);
    }

    #[test]
    fn reads_count_as_far_as_shards_hold_them_back() {
        assert_eq!(read_need(&window(&[0.1; 5], 3.0), 4, 4, false), Some(3.0));
        let falling_behind = window(&[1.0, 1.5, 2.0, 2.5, 3.0], 4.0);
        assert_eq!(read_need(&falling_behind, 4, 4, false), Some(8.0));
        assert_eq!(read_need(&falling_behind, 4, 4, true), Some(4.0), "a Lambda function's factor comes first");
        assert_eq!(read_need(&window(&[9.0, 8.0, 7.0, 6.0, 5.0], 4.0), 4, 4, false), None, "it catches up");
        assert_eq!(read_need(&Window::new(3), 4, 4, false), None);
    }
}
