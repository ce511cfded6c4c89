//! The metrics of single shards, where the spec leaves it to `run` to turn them on and off: on at the suspicion of a hot shard, off after an
//! hour of calm. Whether they are on AWS says with each look, and a call sets a value: nothing is announced before it, a restart knows as
//! much, and what a crash left half done the next look shows.

use super::decide::{BLIND, LONGEST, back_off};
use super::report::{Decision, Verb};
use super::stream::{DRY_RUN, Moment, Rules, Seen, Stream, WINDOW};
use super::{Answer, Record};
use crate::model::Glance;
use crate::scale::hot::{Action, Ward};

/// Switches of one stream in 24 hours, of which one is left for turning off: an hour of calm lies between two that turn on, so that whoever
/// needs more has a load that metrics should be on for.
pub const SWITCHES_A_DAY: usize = 8;
/// Minutes after a split or merge of ours in which nothing is turned off: what it led to, and whether more follow, only these metrics tell.
const FOLLOWS: i64 = 60;
/// Seconds for which AWS's first refusal is heeded.
const REFUSED: i64 = 300;
/// Seconds in which what a dry run would do is not told again.
const TOLD: i64 = 3600;
const DAY: i64 = 86_400;

/// Who turns on the metrics by which shards say how full they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Loads {
    /// Nobody.
    #[default]
    Untold,
    /// The spec declares them.
    Declared,
    /// `run` turns them on and off: those that the spec does not declare, by CloudWatch's names.
    Switched(Vec<String>),
}

/// What is known of the switch.
#[derive(Debug)]
pub(super) struct Switch {
    is_on: bool,
    /// When it was used, seconds since 1970.
    used: Vec<i64>,
    wish: Option<Decision>,
    /// What was told last.
    told: Option<Decision>,
    /// No call before this moment, seconds since 1970; how many were refused in a row, and the newest refusal.
    quiet_until: i64,
    refusals: u32,
    refused: Option<String>,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            is_on: false,
            used: Vec::new(),
            wish: None,
            told: None,
            quiet_until: i64::MIN,
            refusals: 0,
            refused: None,
        }
    }
}

impl Switch {
    fn note(&mut self, at: i64) {
        self.used.push(at);
        self.used.drain(..self.used.len().saturating_sub(2 * SWITCHES_A_DAY));
    }

    /// Uses of 24 hours. Those of a time to come, where the clock went back, count as well.
    fn used(&self, now: i64) -> usize {
        self.used.iter().filter(|at| **at > now - DAY).count()
    }

    /// Forgets what was done and decided, since another replica acted.
    pub(super) fn forget(&mut self) {
        *self = Self { is_on: self.is_on, ..Self::default() };
    }
}

impl Stream {
    /// Whether its shards' own metrics say how full each is.
    pub fn tells_loads(&self) -> bool {
        match &self.loads {
            Loads::Untold => false,
            Loads::Declared => true,
            Loads::Switched(_) => self.switch.is_on,
        }
    }

    /// The metrics that `run` turns on and off, and whether they are on.
    pub fn switched(&self) -> Option<(&[String], bool)> {
        let Loads::Switched(metrics) = &self.loads else { return None };
        Some((metrics, self.switch.is_on))
    }

    /// Takes in which shard metrics a look has found on.
    pub(super) fn metered(&mut self, live: &[String]) {
        if let Loads::Switched(metrics) = &self.loads {
            self.switch.is_on = metrics.iter().all(|metric| live.contains(metric));
        }
    }

    /// Decides whether the metrics are to be turned on or off.
    pub(super) fn mind(&mut self, moment: Moment<'_>) {
        let wish = self.wanted_switch(moment);
        let shards = self.shards.unwrap_or(self.bounds.min);
        self.switch.wish = wish
            .map(|(verb, reason, because)| self.decision(verb, reason, (shards, shards), because, moment))
            .map(|decision| Decision { woken_by: "tick".into(), ..decision });
    }

    fn wanted_switch(&self, moment: Moment<'_>) -> Option<(Verb, &'static str, String)> {
        let (_, is_on) = self.switched()?;
        // A fight about the count and a resize that was refused say nothing of metrics.
        let forbids = |moment| self.unwanted(moment).filter(|(why, _)| !matches!(*why, "contended" | "back-off"));
        if self.unfit(moment).or_else(|| forbids(moment)).is_some() {
            return None;
        }
        let (switch, now) = (&self.switch, moment.now);
        let is_quiet = switch.quiet_until > now && switch.quiet_until < now + 2 * LONGEST;
        let most = if is_on { SWITCHES_A_DAY } else { SWITCHES_A_DAY - 1 };
        if is_quiet || switch.used(now) >= most {
            return None;
        }
        if is_on { self.calmed(moment.minute()) } else { self.suspicious(moment.minute()) }
    }

    fn suspicious(&self, minute: i64) -> Option<(Verb, &'static str, String)> {
        let (newest, calm) = self.suspected(minute)?;
        // The minutes of before a reshard, held against the shards after it, would make any stream suspicious that was grown.
        if !self.is_settled(newest) {
            return None;
        }
        let (shards, fill) = (self.shards?, self.fill(newest)?);
        let ward = self.ward(&[], calm, shards, self.bounds);
        let ward = Ward { watched: false, fill: Some(fill), ..ward };
        (ward.treat() == Action::Watch).then(|| {
            let because = format!(
                "records are rejected while the stream's use is {:.0} %: its shards' own metrics are turned on, to see whether one is full",
                fill * 100.0
            );
            (Verb::Watch, "hot-shard-suspected", because)
        })
    }

    fn calmed(&self, minute: i64) -> Option<(Verb, &'static str, String)> {
        let calm = self.calm(minute)?;
        let follows = |called: i64| (called..called + FOLLOWS).contains(&minute);
        if self.resizes.iter().any(|call| call.split && follows(call.called)) {
            return None;
        }
        let shards = self.shards?;
        let ranges = self.newest_known().and_then(|newest| self.fresh_ranges(newest, shards)).unwrap_or(&[]);
        let ward = self.ward(ranges, calm, self.desired.unwrap_or(shards), self.bounds);
        (ward.treat() == Action::Unwatch).then(|| {
            let because =
                "no record was rejected for an hour: its shards' own metrics, which are paid by shard, are turned off";
            (Verb::Unwatch, "calm", because.into())
        })
    }

    /// Minutes since a record was last rejected, at most as many as are remembered. `None`: some of them are still to be read.
    fn calm(&self, minute: i64) -> Option<i64> {
        let most = i64::try_from(WINDOW).unwrap_or(i64::MAX);
        self.is_answered.then(|| (0..most).find(|back| self.rejects(minute - back)).unwrap_or(most))
    }

    /// What the newest tick decided: a switch that is to be made, or in a dry run told.
    pub fn switch(&mut self, rules: &Rules) -> (Option<Record>, Option<Decision>) {
        match self.switch.wish.take() {
            Some(decision) if rules.dry_run => {
                (self.note_switch(Decision { outcome: Some(DRY_RUN.into()), ..decision }, rules), None)
            }
            wish => (None, wish),
        }
    }

    /// Looks once more, with tags, just before the call: it must still be wanted. Answers whether it is, and what the look found.
    pub fn confirm_switch(
        &mut self,
        decision: &Decision,
        glance: Result<&Glance, &str>,
        rules: &Rules,
        now: i64,
    ) -> (bool, Vec<Record>) {
        let (moment, mut records) = (Moment { rules, now }, Vec::new());
        self.absorb(&Seen { glance: Some(glance), ..Seen::default() }, moment, &mut records);
        self.mind(moment);
        let again = self.switch.wish.take();
        (glance.is_ok() && again.is_some_and(|again| again.verb == decision.verb), records)
    }

    /// What AWS said to a switch; `outcome` in a sentence.
    pub fn switch_answered(
        &mut self,
        decision: Decision,
        answer: Answer,
        outcome: String,
        rules: &Rules,
        now: i64,
    ) -> Option<Record> {
        let switch = &mut self.switch;
        match answer {
            Answer::Accepted => {
                switch.is_on = decision.verb == Verb::Watch;
                (switch.refusals, switch.refused) = (0, None);
                switch.note(now);
            }
            Answer::Refused => {
                switch.refusals = switch.refusals.saturating_add(1);
                switch.quiet_until = now + back_off(REFUSED, switch.refusals);
                let remedy = "if the right to it is missing, `tidegate iam controller` prints the policy with it";
                switch.refused =
                    Some(format!("shard metrics of stream {} are not switched, {outcome}; {remedy}", self.physical));
            }
            // The next look tells whether it worked.
            Answer::Unknown => {
                switch.quiet_until = now + BLIND;
                switch.note(now);
            }
            Answer::Unsent => {}
        }
        self.note_switch(Decision { outcome: Some(outcome), ..decision }, rules)
    }

    /// What AWS refuses, in a sentence, until it is tried again.
    pub fn unswitched(&self, now: i64) -> Option<&String> {
        self.switch.refused.as_ref().filter(|_| now < self.switch.quiet_until)
    }

    /// Takes in a switch that was written down before.
    pub(super) fn recall_switch(&mut self, decision: &Decision) {
        let may_have_been = |outcome: &str| outcome == "accepted" || outcome.starts_with("unanswered");
        if decision.verb.is_switch() {
            if decision.outcome.as_deref().is_some_and(may_have_been) {
                self.switch.note(decision.at);
            }
            self.switch.told = Some(decision.clone());
        }
    }

    /// Keeps a switch if it is news: all are, but for what a dry run would do again and again.
    fn note_switch(&mut self, decision: Decision, rules: &Rules) -> Option<Record> {
        let was_told = self.switch.told.as_ref().is_some_and(|told| {
            told.verb == decision.verb
                && told.outcome == decision.outcome
                && (told.at..told.at + TOLD).contains(&decision.at)
        });
        if was_told && decision.outcome.as_deref() == Some(DRY_RUN) {
            return None;
        }
        self.switch.told = Some(decision.clone());
        self.remember(decision.clone(), rules);
        Some(Record::Decided { decision: Box::new(decision) })
    }
}
