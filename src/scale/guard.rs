//! The one place that disposes: whatever a policy proposes, what leaves here is a call that AWS accepts, or none.

use super::reshard::reach;
use super::{Policy, Proposal, View};

/// Iterator age in minutes above which no shard is taken away: readers need the shards to catch up.
const MOST_AGE: f64 = 10.0;
/// Metrics that are older than this many minutes decide nothing.
const STALE: i64 = 15;
/// The newest minutes that must all be known before a shard is taken away.
const COMPLETE: i64 = 3;

/// What is to be done now.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The target of one UpdateShardCount call; the present count is to hold.
    pub shards: u32,
    /// The proposal's sentence, and what the guard made of it.
    pub because: String,
}

/// A policy whose every proposal goes through the guard.
#[derive(Clone, Debug)]
pub struct Guarded<P>(pub P);

impl<P: Policy> Policy for Guarded<P> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        let Decision { shards, because } = dispose(view, &self.0.propose(view));
        Proposal { shards, because }
    }
}

/// Makes a proposal safe: bounds, AWS's step, the day's calls, no shrinking on what is not known.
pub fn dispose(view: &View<'_>, proposal: &Proposal) -> Decision {
    let bounded = proposal.shards.clamp(view.bounds.min.max(1), view.bounds.max.max(view.bounds.min).max(1));
    let outside = view.shards < view.bounds.min || view.shards > view.bounds.max;
    let hold = |why: String| Decision { shards: view.shards, because: format!("{}; held: {why}", proposal.because) };
    if bounded == view.shards {
        if bounded == proposal.shards {
            return Decision { shards: bounded, because: proposal.because.clone() };
        }
        return hold(format!("the bounds are {} to {}", view.bounds.min, view.bounds.max));
    }
    if view.resizes.iter().any(|resize| resize.done.is_none()) {
        return hold("a reshard is running".into());
    }
    let left = view.calls_a_day.saturating_sub(view.calls_used());
    if left == 0 {
        return hold(format!("all {} calls of the last 24 h are used", view.calls_a_day));
    }
    if !outside && let Some(why) = doubt(view, bounded) {
        return hold(why);
    }
    let (least, most) = reach(view.shards);
    let shards = bounded.clamp(least, most);
    let mut because = proposal.because.clone();
    if bounded != proposal.shards {
        because = format!("{because}; the bounds are {} to {}", view.bounds.min, view.bounds.max);
    }
    if shards != bounded {
        because = format!("{because}; {shards} is as far as one call goes from {}", view.shards);
    }
    Decision { shards, because }
}

/// Why a change inside the bounds has to wait.
fn doubt(view: &View<'_>, wanted: u32) -> Option<String> {
    let known = |minute: i64| view.window.at(minute).accepted.is_some();
    let newest = view.window.newest().unwrap_or(i64::MIN);
    if newest < view.now.saturating_sub(STALE) {
        return Some(format!("no metrics for more than {STALE} min"));
    }
    if wanted > view.shards {
        return None;
    }
    if !(newest - COMPLETE + 1..=newest).all(known) {
        return Some(format!("a minute of the newest {COMPLETE} has no metrics"));
    }
    let age = view.window.at(newest).age.unwrap_or(0.0);
    (age > MOST_AGE).then(|| format!("the iterator age is {age:.0} min"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Bounds, Resize, Sample, Window};
    use proptest::prelude::*;

    fn window(newest: i64, gap: Option<i64>, age: f64) -> Window {
        let mut window = Window::new(100);
        for minute in newest - 20..=newest {
            let known = Sample { accepted: Some(1.0), rejected: Some(0.0), age: Some(age) };
            window.put(minute, if Some(minute) == gap { Sample::default() } else { known });
        }
        window
    }

    fn decide(window: &Window, resizes: &[Resize], bounds: Bounds, shards: u32, wanted: u32) -> Decision {
        let view = View { now: 10_000, shards, window, resizes, calls_a_day: 10, bounds, price: 100.0 };
        dispose(&view, &Proposal { shards: wanted, because: "test".into() })
    }

    const WIDE: Bounds = Bounds { min: 1, max: 10_000 };

    #[test]
    fn what_is_not_known_takes_no_shard_away() {
        let whole = window(9_997, None, 0.0);
        assert_eq!(decide(&whole, &[], WIDE, 10, 6).shards, 6);
        for (window, reason) in [
            (window(9_997, Some(9_996), 0.0), "a minute of the newest 3 has no metrics"),
            (window(9_980, None, 0.0), "no metrics for more than 15 min"),
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

    proptest! {
        #[test]
        fn every_decision_is_one_that_aws_accepts(
            shards in 1u32..2000, wanted in 0u32..20_000, min in 1u32..50, more in 0u32..3000, calls in 0usize..14, running in any::<bool>(),
        ) {
            let bounds = Bounds { min, max: min + more };
            let mut resizes: Vec<Resize> = (0..calls as i64)
                .map(|call| Resize { called: 8_000 + 150 * call, done: Some(8_005 + 150 * call), from: 1, to: 2 })
                .collect();
            if let Some(last) = resizes.last_mut().filter(|_| running) {
                last.done = None;
            }
            let decision = decide(&window(9_997, None, 0.0), &resizes, bounds, shards, wanted);
            let used = resizes.iter().filter(|resize| resize.called > 10_000 - 1440).count();
            if decision.shards != shards {
                prop_assert!(decision.shards <= 2 * shards && decision.shards >= shards.div_ceil(2));
                prop_assert!(used < 10 && resizes.iter().all(|resize| resize.done.is_some()));
                prop_assert!((min..=min + more).contains(&decision.shards) || shards < min || shards > min + more);
            }
        }
    }
}
