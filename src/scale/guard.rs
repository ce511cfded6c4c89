//! The one place that disposes: whatever a policy proposes, what leaves here is a call that AWS accepts, or none.

use super::reshard::reach;
use super::{Proposal, View};

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
