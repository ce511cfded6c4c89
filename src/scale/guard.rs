//! The one place that disposes: whatever a policy proposes, what leaves here is a call that AWS accepts, or none.

use serde::{Deserialize, Serialize};

use super::limits::{Runaway, fitting, runaway};
use super::reshard::reach;
use super::{Care, Lag, Limits, Notice, Numbers, Policy, Proposal, Reason, View};
use crate::model::calendar::At;

/// Metrics that are older than this many minutes decide nothing.
const STALE: i64 = 15;
/// The newest minutes that must all be known before a shard is taken away.
const COMPLETE: i64 = 3;
/// Readers that are at most so many minutes behind have come to the new shards.
const CAUGHT_UP: f64 = 1.0;
/// A load that fills this share of the shards cannot wait for readers.
const FULL: f64 = 0.9;
/// Ages that were known within so many minutes should be known now.
const HAD_AGE: i64 = 60;

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The target of one UpdateShardCount call; the present count is to hold.
    pub shards: u32,
    /// The proposal's sentence, and what the guard made of it.
    pub because: String,
    /// The same as a word and as numbers.
    pub reason: Reason,
    pub numbers: Numbers,
    /// What a person has to hear, whatever is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// A policy whose every proposal goes through the guard.
#[derive(Clone, Debug)]
pub struct Guarded<P>(pub P);

impl<P: Policy> Policy for Guarded<P> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        let proposal = self.0.propose(view);
        let Decision { shards, because, reason, numbers, notices } = dispose(view, &proposal);
        let held = (shards == view.shards && reason != Reason::InBand).then_some(reason);
        Proposal { shards, because, evidence: numbers.evidence, held, notices }
    }
}

/// Makes a proposal safe: bounds, floors, money, AWS's step, the day's calls, the account's quota, no shrinking on what is not known.
pub fn dispose(view: &View<'_>, proposal: &Proposal) -> Decision {
    let (limits, lag) = (Limits::of(view), Lag::of(view));
    let mut notices = limits.notices(view.shards, proposal);
    let dead = lag.dead.iter();
    notices.extend(dead.map(|(consumer, age)| Notice::DeadConsumer { consumer: consumer.clone(), age_minutes: *age }));
    notices.extend(proposal.evidence.skewed.map(|share| Notice::HotKeys { share }));
    let breaker = view.inputs.care.as_ref().and_then(|care| runaway(view, care));
    notices.extend(breaker.map(|why| Notice::BreakerOpen { because: why.to_string() }));
    let case = Case { view, proposal, limits, lag, breaker };
    let (shards, reason, because) = case.dispose(&mut notices);
    Decision { shards, because, reason, numbers: case.numbers(), notices }
}

/// A proposal with all that bears on it.
struct Case<'a> {
    view: &'a View<'a>,
    proposal: &'a Proposal,
    limits: Limits,
    lag: Lag,
    breaker: Option<Runaway>,
}

type Answer = (u32, Reason, String);

impl Case<'_> {
    fn dispose(&self, notices: &mut Vec<Notice>) -> Answer {
        let (view, wanted) = (self.view, self.proposal.shards);
        let bounded = wanted.clamp(self.limits.min, self.limits.max);
        let mut because = self.proposal.because.clone();
        let limit = (bounded != wanted).then(|| self.limit(wanted));
        if bounded == view.shards {
            return match (limit, self.stale()) {
                (Some((reason, why)), _) => self.hold(reason, &why),
                (None, Some((reason, why))) => self.hold(reason, &why),
                (None, None) => (bounded, Reason::InBand, because),
            };
        }
        if view.resizes.iter().any(|resize| resize.done.is_none()) {
            return self.hold(Reason::Resharding, "a reshard is running");
        }
        if view.calls_a_day <= view.calls_used() {
            let back =
                view.call_back_at().map_or_else(String::new, |at| format!(", the next one is back {}", At::Once(at)));
            let why = format!("all {} calls of the last 24 h are used{back}", view.calls_a_day);
            return self.hold(Reason::CallsUsed, &why);
        }
        // The user's word needs no metrics, but what goes beyond it does.
        let told = view.shards < self.limits.min || view.shards > view.bounds.max.max(view.bounds.min);
        let (bounded, limit) = match self.doubt(bounded) {
            None => (bounded, limit),
            Some((reason, why)) if !told => return self.hold(reason, &why),
            Some((_, why)) => {
                because = format!("{because}; no further than the bound: {why}");
                (view.shards.clamp(self.limits.min, self.limits.max), Some(self.limit(view.shards)))
            }
        };
        if let Some((_, why)) = &limit {
            because = format!("{because}; {why}");
        }
        let (least, most) = reach(view.shards);
        let reached = bounded.clamp(least, most);
        if reached != bounded {
            because = format!("{because}; {reached} is as far as one call goes from {}", view.shards);
        }
        let room = view.inputs.quota.map_or(u32::MAX, |quota| quota.limit.saturating_sub(quota.open));
        let shards = fitting(view.shards, reached, room);
        if shards != reached {
            notices.push(Notice::QuotaBinds { wanted: reached, room });
            let why = format!("the account has room for {room} more open shards during a change to {reached}");
            if shards == view.shards {
                return self.hold(Reason::Quota, &why);
            }
            because = format!("{because}; {why}, so {shards}");
        }
        let reason = match limit {
            Some((reason, _)) if told => reason,
            _ if shards > view.shards => Reason::Grow,
            _ => Reason::Shrink,
        };
        (shards, reason, because)
    }

    fn hold(&self, reason: Reason, why: &str) -> Answer {
        (self.view.shards, reason, format!("{}; held: {why}", self.proposal.because))
    }

    /// What cuts a wish.
    fn limit(&self, wanted: u32) -> (Reason, String) {
        let (limits, bounds) = (&self.limits, self.view.bounds);
        match (limits.floor, limits.paid) {
            (Some(floor), _) if wanted < limits.min => (Reason::Floor, floor.to_string()),
            (_, Some(paid)) if wanted > limits.max && limits.max < bounds.max => {
                (Reason::Budget, format!("what is left of the month's budget pays for {paid} shards"))
            }
            _ => (Reason::Bounds, format!("the bounds are {} to {}", bounds.min, bounds.max)),
        }
    }

    fn stale(&self) -> Option<(Reason, String)> {
        let Some(newest) = self.view.window.newest() else {
            // Not for any time: it may have begun just now.
            return Some((Reason::StaleMetrics, "nothing is known of the load".into()));
        };
        (newest < self.view.now.saturating_sub(STALE))
            .then(|| (Reason::StaleMetrics, format!("no metrics for more than {STALE} min")))
    }

    /// Why a change that only the load asks for has to wait.
    fn doubt(&self, wanted: u32) -> Option<(Reason, String)> {
        let view = self.view;
        if let Some(stale) = self.stale() {
            return Some(stale);
        }
        let newest = view.window.newest().unwrap_or(i64::MIN);
        if wanted > view.shards {
            let breaker = self.breaker.map(|why| (Reason::Breaker, why.to_string()));
            return breaker.or_else(|| if self.is_urgent(newest) { None } else { self.draining() });
        }
        let known = |minute: i64| view.window.at(minute).accepted.is_some();
        if !(newest - COMPLETE + 1..=newest).all(known) {
            return Some((Reason::IncompleteMetrics, format!("a minute of the newest {COMPLETE} has no metrics")));
        }
        self.behind(newest).or_else(|| self.forbidden()).or_else(|| self.draining())
    }

    /// Why readers need all the shards there are.
    fn behind(&self, newest: i64) -> Option<(Reason, String)> {
        let care = self.view.inputs.care;
        let most = care.unwrap_or_default().most_age;
        let age = match care {
            Some(_) => self.lag.age,
            None => self.view.window.at(newest).age,
        };
        if let Some(age) = age.filter(|age| *age > most) {
            return Some((Reason::IteratorAge, format!("the iterator age is {age:.0} min")));
        }
        care?;
        if self.lag.is_growing() {
            let slope = self.lag.slope.unwrap_or_default();
            return Some((Reason::IteratorAge, format!("the iterator age grows by {slope:.1} min a minute")));
        }
        let had = (newest - HAD_AGE..=newest).any(|minute| self.view.window.at(minute).age.is_some());
        (had && self.lag.age.is_none())
            .then(|| (Reason::IncompleteMetrics, "the iterator age is not known any more".into()))
    }

    /// Why nothing may shrink now.
    fn forbidden(&self) -> Option<(Reason, String)> {
        let (view, inputs) = (self.view, self.view.inputs);
        if let Some(alarm) = inputs.alarms.first() {
            return Some((Reason::Alarm, format!("the alarm {} rings", alarm.name)));
        }
        // What grew beyond its load may come back; what swings has to rest.
        if let Some(why @ Runaway::Swings { .. }) = self.breaker {
            return Some((Reason::Breaker, why.to_string()));
        }
        let quiet = inputs.no_shrink.iter().find(|quiet| quiet.at.until(view.now, 0, quiet.minutes).is_some())?;
        Some((Reason::NoShrink, format!("nothing shrinks for {} min from {} on", quiet.minutes, quiet.at)))
    }

    /// Whether waiting for readers would cost records.
    fn is_urgent(&self, newest: i64) -> bool {
        let sample = self.view.window.at(newest);
        let written = sample.accepted.map(|accepted| accepted + sample.rejected.unwrap_or(0.0));
        let demand = [written, self.proposal.evidence.demand].into_iter().flatten().reduce(f64::max);
        demand.is_some_and(|demand| demand >= FULL * f64::from(self.view.shards)) || self.view.inputs.wakes().is_some()
    }

    /// Whether the last reshard's shards are still unread, as far as is known and for a bounded time.
    fn draining(&self) -> Option<(Reason, String)> {
        let Care { settle, .. } = self.view.inputs.care?;
        let done = self.view.resizes.last().and_then(|resize| resize.done)?;
        let since = self.view.now - done;
        let read = || {
            let newest = self.view.window.newest().unwrap_or(i64::MIN);
            // Only minutes that ended after the children served can show that they are read.
            (done + 1..=newest).any(|minute| self.view.window.at(minute).age.is_some_and(|age| age <= CAUGHT_UP))
        };
        (since < settle && !read()).then(|| {
            (Reason::Draining, format!("the last reshard ended {since} min ago and its shards are not read yet"))
        })
    }

    fn numbers(&self) -> Numbers {
        let view = self.view;
        let (oldest, newest) = (view.window.oldest().unwrap_or(0), view.window.newest().unwrap_or(-1));
        let known =
            (oldest.max(newest - STALE)..=newest).rev().find(|minute| view.window.at(*minute).accepted.is_some());
        let sample = known.map(|minute| view.window.at(minute)).unwrap_or_default();
        Numbers {
            shards: view.shards,
            wanted: self.proposal.shards,
            floor: self.limits.min,
            ceiling: self.limits.max,
            calls_left: view.calls_a_day.saturating_sub(view.calls_used()),
            metrics_minute: known,
            accepted: sample.accepted,
            rejected: sample.rejected,
            reads_shared: sample.reads.shared,
            reads_fan_out: sample.reads.fan_out,
            age_minutes: self.lag.age,
            age_slope: self.lag.slope,
            evidence: self.proposal.evidence,
        }
    }
}

#[cfg(test)]
mod tests;
